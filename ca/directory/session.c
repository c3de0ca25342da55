/* One connection to one server. Every wait has an end: connecting and TLS by the network timeout, everything else by a
 * deadline, and the socket's own limits for a server that stops in the middle of an answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "ca/base/clock.h"
#include "ca/base/file.h"
#include "ca/base/text.h"
#include "ca/directory/directory.h"
#include "ca/directory/session.h"
#include "ca/directory/tls.h"

#define ANSWER_SIZE_MAX (256u << 20) /* a CRL of some million entries fits */

/* ---- settings ---- */

static int bind_parse(const char *text, enum session_bind *out)
{
    static const char *const names[] = {"external", "simple", "anonymous"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum session_bind)i;
            return OK;
        }
    return BAD_DATA;
}

static bool uri_is(const char *uri, const char *scheme)
{
    return strncasecmp(uri, scheme, strlen(scheme)) == 0;
}

static bool uri_is_loopback(const char *uri)
{
    LDAPURLDesc *url = NULL;
    bool loopback = ldap_url_parse(uri, &url) == LDAP_URL_SUCCESS && url->lud_host &&
                    (strcasecmp(url->lud_host, "localhost") == 0 || strncmp(url->lud_host, "127.", 4) == 0 ||
                     strcmp(url->lud_host, "::1") == 0 || strcmp(url->lud_host, "[::1]") == 0);
    /* "127.evil.example" is a name, not an address */
    if (loopback && strncmp(url->lud_host, "127.", 4) == 0)
        loopback = strspn(url->lud_host, "0123456789.") == strlen(url->lud_host);
    ldap_free_urldesc(url);
    return loopback;
}

static int uri_check(const struct session_settings *s, const char *section, const char *uri, struct error *error)
{
    LDAPURLDesc *url = NULL;
    bool local = uri_is(uri, "ldapi://"), clear = uri_is(uri, "ldap://");

    if ((!local && !clear && !uri_is(uri, "ldaps://")) || ldap_url_parse(uri, &url) != LDAP_URL_SUCCESS)
        return error_set(error, BAD_CONFIG, "directory.config", "[%s] uri: \"%s\" is not an ldap://, ldaps:// or ldapi:// address",
                         section, uri);
    ldap_free_urldesc(url);
    if (s->bind == BIND_EXTERNAL && !local)
        return error_set(error, BAD_CONFIG, "directory.config",
                         "[%s] bind = external works over ldapi:// only, not with %s; use bind = simple", section, uri);
    if (s->bind == BIND_SIMPLE && clear && !s->starttls && !uri_is_loopback(uri))
        return error_set(error, BAD_CONFIG, "directory.cleartext",
                         "[%s] bind = simple would send the password to %s in clear text; use ldaps:// or starttls = yes", section,
                         uri);
    return OK;
}

static int password_read(const char *section, const char *path, struct buf *out, struct error *error)
{
    if (!path)
        return error_set(error, BAD_CONFIG, "directory.config", "[%s] bind = simple needs bind_dn and bind_password_file", section);
    if (file_read(path, 4096, out, error) != OK) {
        error_prefix(error, "[%s] bind_password_file", section);
        if (error)
            error->status = BAD_CONFIG;
        return BAD_CONFIG;
    }
    const uint8_t *end = out->size ? memchr(out->data, '\n', out->size) : NULL;
    if (end) {
        out->size = (size_t)(end - out->data);
        out->data[out->size] = '\0';
    }
    /* RFC 4513 5.1.2: an empty password would succeed as nobody */
    return out->size ? OK
                     : error_set(error, BAD_CONFIG, "directory.config", "[%s] bind_password_file: the first line of %s is empty",
                                 section, path);
}

static int copy_text(const char *text, char **out, struct error *error)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? error_memory(error) : OK;
}

/* One context for all sessions, made once: libldap 2.5 loses some kilobytes with each, and a CA file or priority that is
 * wrong shows at start. A new CA file therefore needs a new start. */
static int tls_make(struct session_settings *s, const char *section, struct error *error)
{
    const int demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
    int code = ldap_initialize(&s->tls, "ldap://localhost");

    if (code == LDAP_SUCCESS)
        code = ldap_set_option(s->tls, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    if (code == LDAP_SUCCESS && s->ca_file)
        code = ldap_set_option(s->tls, LDAP_OPT_X_TLS_CACERTFILE, s->ca_file);
    if (code == LDAP_SUCCESS && s->tls_priority) /* carries the minimum protocol too: libldap ignores TLS_PROTOCOL_MIN with GnuTLS */
        code = ldap_set_option(s->tls, LDAP_OPT_X_TLS_CIPHER_SUITE, s->tls_priority);
    if (code == LDAP_SUCCESS)
        code = ldap_set_option(s->tls, LDAP_OPT_X_TLS_NEWCTX, &client);
    if (code == LDAP_SUCCESS)
        code = ldap_get_option(s->tls, LDAP_OPT_X_TLS_CTX, &s->context);
    if (code == LDAP_SUCCESS && s->context)
        return OK;
    return error_set(error, BAD_CONFIG, "directory.config",
                     "[%s] TLS cannot be set up: is ca_file (%s) a readable PEM file, and tls_priority right?", section,
                     s->ca_file ? s->ca_file : "none");
}

static bool tls_needed(const struct session_settings *s)
{
    bool needed = s->starttls;

    for (size_t i = 0; i < s->uris.count; i++)
        needed |= uri_is(s->uris.items[i], "ldaps://");
    return needed;
}

int session_settings_read(const struct conf *conf, const char *section, struct session_settings *out, struct error *error)
{
    const char *bind = conf_text(conf, section, "bind");
    int status;

    memset(out, 0, sizeof *out);
    status = conf_list(conf, section, "uri", &out->uris);
    if (status == OK && out->uris.count == 0)
        status = error_set(error, BAD_CONFIG, "directory.config", "[%s] needs uri: where is the directory?", section);
    if (status == OK && (!bind || bind_parse(bind, &out->bind) != OK))
        status = error_set(error, BAD_CONFIG, "directory.config", "[%s] bind is external, simple or anonymous, not \"%s\"", section,
                           bind ? bind : "");
    out->starttls = conf_bool(conf, section, "starttls");
    out->network_timeout_ms = conf_number(conf, section, "network_timeout") * 1000;
    out->operation_timeout_ms = conf_number(conf, section, "operation_timeout") * 1000;
    if (status == OK)
        status = copy_text(conf_text(conf, section, "ca_file"), &out->ca_file, error);
    if (status == OK)
        status = copy_text(conf_text(conf, section, "tls_priority"), &out->tls_priority, error);
    if (status == OK && out->tls_priority) /* also where no TLS is spoken today: a uri is sooner changed than this */
        status = tls_priority_check(section, out->tls_priority, error);
    if (status == OK)
        status = copy_text(conf_text(conf, section, "bind_dn"), &out->bind_dn, error);
    for (size_t i = 0; status == OK && i < out->uris.count; i++)
        status = uri_check(out, section, out->uris.items[i], error);
    if (status == OK && out->bind == BIND_SIMPLE) {
        const char *path = out->bind_dn ? conf_text(conf, section, "bind_password_file") : NULL;
        status = password_read(section, path, &out->password, error);
    }
    if (status == OK && tls_needed(out))
        status = tls_make(out, section, error);
    if (status != OK)
        session_settings_free(out);
    return status;
}

void session_settings_free(struct session_settings *s)
{
    if (s->tls)
        ldap_unbind_ext(s->tls, NULL, NULL);
    strings_free(&s->uris);
    free(s->bind_dn);
    free(s->ca_file);
    free(s->tls_priority);
    buf_wipe(&s->password);
    memset(s, 0, sizeof *s);
}

/* ---- opening ---- */

static struct timeval timeval_of(int64_t ms)
{
    return (struct timeval){ms / 1000, (ms % 1000) * 1000};
}

/* Everything is set here, so that nobody's ldap.conf decides it. */
static int options_set(LDAP *ld, const struct session_settings *s)
{
    const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND;
    const struct timeval network = timeval_of(s->network_timeout_ms), operation = timeval_of(s->operation_timeout_ms);
    const struct {
        int option;
        const void *value;
    } options[] = {
        {LDAP_OPT_PROTOCOL_VERSION, &version},
        {LDAP_OPT_REFERRALS, LDAP_OPT_OFF},
        {LDAP_OPT_RESTART, LDAP_OPT_ON},
        {LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON},
        {LDAP_OPT_NETWORK_TIMEOUT, &network},
        {LDAP_OPT_TIMEOUT, &operation},
        {LDAP_OPT_X_TLS_REQUIRE_CERT, &demand},
    };
    int code = LDAP_SUCCESS;

    for (size_t i = 0; code == LDAP_SUCCESS && i < sizeof options / sizeof *options; i++)
        code = ldap_set_option(ld, options[i].option, options[i].value);
    if (code == LDAP_SUCCESS && s->context)
        code = ldap_set_option(ld, LDAP_OPT_X_TLS_CTX, s->context);
    return code;
}

/* A server that stops in the middle of an answer, or does not read, must not hold the thread in read or write; libldap then
 * goes on waiting, and its wait is ours. */
static void socket_limit(LDAP *ld)
{
    const struct timeval one = {1, 0};
    ber_len_t most = ANSWER_SIZE_MAX;
    Sockbuf *sb = NULL;
    int fd = -1;

    if (ldap_get_option(ld, LDAP_OPT_DESC, &fd) == LDAP_OPT_SUCCESS && fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &one, sizeof one);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &one, sizeof one);
    }
    if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) == LDAP_OPT_SUCCESS && sb)
        ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &most);
}

static int wait_simple(struct session *session, int id, int64_t deadline_ms)
{
    LDAPMessage *message = NULL;
    int code = session_wait(session, id, deadline_ms, &message);

    ldap_msgfree(message);
    return code;
}

static int start_tls(struct session *session, const struct session_settings *s, int64_t deadline_ms)
{
    int id, code = ldap_start_tls(session->ld, NULL, NULL, &id);

    (void)s;
    if (code == LDAP_SUCCESS) {
        socket_limit(session->ld);
        code = wait_simple(session, id, deadline_ms);
    }
    return code == LDAP_SUCCESS ? ldap_install_tls(session->ld) : code;
}

/* SASL EXTERNAL needs nothing of a SASL library: an empty authorization identity. RFC 4422 appendix A. */
static int bind_as(struct session *session, const struct session_settings *s, int64_t deadline_ms)
{
    struct berval none = {0, (char *)""}, password = {s->password.size, (char *)s->password.data};
    int id = -1, code;

    if (s->bind == BIND_EXTERNAL)
        code = ldap_sasl_bind(session->ld, NULL, "EXTERNAL", &none, NULL, NULL, &id);
    else if (s->bind == BIND_SIMPLE)
        code = ldap_sasl_bind(session->ld, s->bind_dn, LDAP_SASL_SIMPLE, &password, NULL, NULL, &id);
    else
        code = ldap_sasl_bind(session->ld, NULL, LDAP_SASL_SIMPLE, &none, NULL, NULL, &id);
    socket_limit(session->ld);
    return code == LDAP_SUCCESS ? wait_simple(session, id, deadline_ms) : code;
}

/* A refused bind is no verdict on anybody: the caller tries again when an administrator has mended it. */
static int bind_error(struct session *session, int code, struct error *error)
{
    struct error cause = ERROR_NONE;

    session_error(session, code, "bind", &cause);
    return error_set(error, TEMPORARY, cause.status == TEMPORARY ? cause.reason : "directory.bind", "%s", cause.message);
}

int session_open(const struct session_settings *s, const char *uri, struct session *out, struct error *error)
{
    int64_t deadline = clock_monotonic_ms() + s->network_timeout_ms + s->operation_timeout_ms;
    const char *doing = "connect";
    int code;

    *out = (struct session){NULL, uri, clock_monotonic_ms()};
    code = ldap_initialize(&out->ld, uri);
    if (code == LDAP_SUCCESS)
        code = options_set(out->ld, s);
    if (code == LDAP_SUCCESS && s->starttls && uri_is(uri, "ldap://")) {
        doing = "StartTLS";
        code = start_tls(out, s, deadline);
    }
    if (code != LDAP_SUCCESS) {
        struct error cause = ERROR_NONE;
        session_error(out, code, doing, &cause);
        error_set(error, TEMPORARY, cause.status == TEMPORARY ? cause.reason : "directory.down", "%s", cause.message);
        session_close(out);
        return TEMPORARY;
    }
    code = bind_as(out, s, deadline);
    if (code == LDAP_SUCCESS)
        return OK;
    bind_error(out, code, error);
    session_close(out);
    return TEMPORARY;
}

void session_close(struct session *session)
{
    if (session->ld)
        ldap_unbind_ext(session->ld, NULL, NULL);
    session->ld = NULL;
}

/* ---- waiting and errors ---- */

int session_wait(struct session *session, int id, int64_t deadline_ms, LDAPMessage **out)
{
    int64_t left = deadline_ms - clock_monotonic_ms();
    struct timeval limit = timeval_of(left > 0 ? left : 0);
    int code = LDAP_SUCCESS, type;

    *out = NULL;
    type = ldap_result(session->ld, id, LDAP_MSG_ALL, &limit, out);
    if (type == 0) {
        ldap_abandon_ext(session->ld, id, NULL, NULL);
        return LDAP_TIMEOUT;
    }
    if (type < 0) {
        ldap_get_option(session->ld, LDAP_OPT_RESULT_CODE, &code);
        return code == LDAP_SUCCESS ? LDAP_SERVER_DOWN : code;
    }
    if (ldap_parse_result(session->ld, *out, &code, NULL, NULL, NULL, NULL, 0) != LDAP_SUCCESS)
        return LDAP_DECODING_ERROR;
    return code;
}

static const struct meaning {
    int code;
    int status;
    const char *reason;
} meanings[] = {
    {LDAP_SERVER_DOWN, TEMPORARY, "directory.down"},
    {LDAP_CONNECT_ERROR, TEMPORARY, "directory.down"},
    {LDAP_UNAVAILABLE, TEMPORARY, "directory.down"},
    {LDAP_BUSY, TEMPORARY, "directory.down"},
    {LDAP_DECODING_ERROR, TEMPORARY, "directory.down"},
    {LDAP_ENCODING_ERROR, TEMPORARY, "directory.down"},
    {LDAP_LOCAL_ERROR, TEMPORARY, "directory.down"},
    {LDAP_UNWILLING_TO_PERFORM, TEMPORARY, "directory.unwilling"},
    {LDAP_OPERATIONS_ERROR, TEMPORARY, "directory.unwilling"},
    {LDAP_OTHER, TEMPORARY, "directory.unwilling"},
    {LDAP_TIMEOUT, TEMPORARY, "directory.timeout"},
    {LDAP_TIMELIMIT_EXCEEDED, TEMPORARY, "directory.timeout"},
    {LDAP_ADMINLIMIT_EXCEEDED, TEMPORARY, "directory.limit"},
    {LDAP_NO_MEMORY, INTERNAL, "internal.memory"},
    {LDAP_NO_SUCH_OBJECT, REFUSED, "directory.no_entry"},
    {LDAP_ALREADY_EXISTS, REFUSED, "directory.exists"},
    {LDAP_TYPE_OR_VALUE_EXISTS, REFUSED, "directory.exists"},
    {LDAP_NO_SUCH_ATTRIBUTE, REFUSED, "directory.no_value"},
    {LDAP_INSUFFICIENT_ACCESS, REFUSED, "directory.access"},
    {LDAP_INVALID_CREDENTIALS, REFUSED, "directory.access"},
    {LDAP_INAPPROPRIATE_AUTH, REFUSED, "directory.access"},
    {LDAP_STRONG_AUTH_REQUIRED, REFUSED, "directory.access"},
    {LDAP_CONFIDENTIALITY_REQUIRED, REFUSED, "directory.access"},
    {LDAP_OBJECT_CLASS_VIOLATION, REFUSED, "directory.schema"},
    {LDAP_UNDEFINED_TYPE, REFUSED, "directory.schema"},
    {LDAP_CONSTRAINT_VIOLATION, REFUSED, "directory.schema"},
    {LDAP_INVALID_SYNTAX, REFUSED, "directory.schema"},
    {LDAP_NAMING_VIOLATION, REFUSED, "directory.schema"},
    {LDAP_INVALID_DN_SYNTAX, BAD_DATA, "directory.dn"},
    {LDAP_FILTER_ERROR, BAD_DATA, "directory.filter"},
};

bool session_is_dead(int code)
{
    return code == LDAP_SERVER_DOWN || code == LDAP_CONNECT_ERROR || code == LDAP_UNAVAILABLE || code == LDAP_DECODING_ERROR ||
           code == LDAP_ENCODING_ERROR || code == LDAP_LOCAL_ERROR || code == LDAP_TIMEOUT;
}

int session_error(struct session *session, int code, const char *what, struct error *error)
{
    const struct meaning *meaning = NULL;
    char *words = NULL;

    if (code == LDAP_SUCCESS)
        return OK;
    for (size_t i = 0; !meaning && i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            meaning = &meanings[i];
    if (session->ld)
        ldap_get_option(session->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &words);
    char *safe = text_safe(words ? words : "");
    error_set(error, meaning ? meaning->status : REFUSED, meaning ? meaning->reason : "directory.refused", "directory %s: %s: %s%s%.300s",
              session->uri, what, ldap_err2string(code), safe && *safe ? ": " : "", safe ? safe : "");
    free(safe);
    ldap_memfree(words);
    return meaning ? meaning->status : REFUSED;
}
