/* PKCS#11 through the library (p11-kit's modules, or the one that module-path names). The library's state is one for the process,
 * so the lock over it is too: signing shares it, opening anew has it alone. The PIN stays in memory while the key is in use, in a
 * page that is never swapped, because a token that was away asks for it again. */
#include "config.h"

#include "ca/signer/token.h"

#include <gnutls/pkcs11.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ca/base/clock.h"
#include "ca/base/log.h"

#define URI_START "pkcs11:"
#define PIN_ROOM 4096
#define REOPEN_PAUSE_MS 1000

struct token_key {
    char *uri; /* without its query */
    char *module; /* NULL: what the system configured */
    char *pin; /* PIN_ROOM octets, mapped and locked */
    bool pin_refused;
    gnutls_privkey_t key;
    struct token_key *next;
    unsigned generation; /* counts openings */
    int64_t next_open_ms;
};

static pthread_rwlock_t library = PTHREAD_RWLOCK_INITIALIZER;
static unsigned library_starts; /* the library counts them too: it ends with the last */
static struct token_key *tokens; /* all that are open, under the lock: what starts the library anew must end every session first */

bool token_uri_is(const char *text)
{
    return strncmp(text, URI_START, strlen(URI_START)) == 0;
}

/* The value of an attribute of the URI as it stands there, up to ; ? or &. NULL: absent. */
static const char *attribute(const char *uri, const char *name, size_t *size)
{
    size_t length = strlen(name);

    for (const char *at = uri + strlen(URI_START); *at != '\0';) {
        size_t here = strcspn(at, ";?&");

        if (here > length && strncmp(at, name, length) == 0 && at[length] == '=') {
            *size = here - length - 1;
            return at + length + 1;
        }
        at += here;
        at += *at != '\0';
    }
    return NULL;
}

int token_uri_check(const char *uri, struct error *error)
{
    size_t size = 0;

    if (attribute(uri, "pin-value", &size) != NULL || attribute(uri, "pin-source", &size) != NULL)
        return error_set(error, BAD_CONFIG, "signer.pin_in_uri", "a PIN has no place in the URI of a key: it comes as the passphrase does");
    if (attribute(uri, "token", &size) == NULL && attribute(uri, "serial", &size) == NULL)
        return error_set(error, BAD_CONFIG, "signer.uri", "%s names no token (token= or serial=, RFC 7512)", uri);
    if (attribute(uri, "object", &size) == NULL && attribute(uri, "id", &size) == NULL)
        return error_set(error, BAD_CONFIG, "signer.uri", "%s names no key in the token (object= or id=, RFC 7512)", uri);
    return OK;
}

/* ---- opening ---- */

/* The library asks again after a wrong one: a token counts, and locks itself. */
static int pin_give(void *argument, int attempt, const char *token_url, const char *token_label, unsigned flags, char *pin, size_t room)
{
    struct token_key *token = argument;

    (void)token_url;
    if (attempt > 0 || (flags & (GNUTLS_PIN_WRONG | GNUTLS_PIN_FINAL_TRY)) != 0 || strlen(token->pin) >= room) {
        if ((flags & GNUTLS_PIN_FINAL_TRY) != 0)
            log_error("token %s: one more wrong PIN would lock it, so none is given: log in once with the token's own tools", token_label);
        token->pin_refused = true;
        return GNUTLS_E_PKCS11_PIN_ERROR;
    }
    memcpy(pin, token->pin, strlen(token->pin) + 1);
    return 0;
}

static int library_start(const struct token_key *token)
{
    int rc = gnutls_pkcs11_init(token->module == NULL ? GNUTLS_PKCS11_FLAG_AUTO : GNUTLS_PKCS11_FLAG_MANUAL, NULL);

    if (rc == 0)
        library_starts++;
    if (rc == 0 && token->module != NULL)
        rc = gnutls_pkcs11_add_provider(token->module, NULL);
    return rc == GNUTLS_E_INT_RET_0 ? 0 : rc; /* it is there already */
}

/* Modules look for tokens when they start, and some of them only then. With the library's lock. */
static int library_restart(void)
{
    int rc = 0;

    for (struct token_key *other = tokens; other != NULL; other = other->next) {
        gnutls_privkey_deinit(other->key);
        other->key = NULL;
    }
    for (; library_starts > 0; library_starts--)
        gnutls_pkcs11_deinit();
    for (struct token_key *other = tokens; other != NULL && rc == 0; other = other->next)
        rc = library_start(other);
    return rc;
}

/* With the library's lock. */
static int key_find(struct token_key *token)
{
    gnutls_privkey_t key = NULL;
    int rc = gnutls_privkey_init(&key);

    token->pin_refused = false;
    if (rc == 0) {
        gnutls_privkey_set_pin_function(key, pin_give, token);
        rc = gnutls_privkey_import_url(key, token->uri, 0);
    }
    if (rc != 0) {
        gnutls_privkey_deinit(key);
        return rc;
    }
    gnutls_privkey_deinit(token->key);
    token->key = key;
    token->generation++;
    return 0;
}

static int open_failed(const struct token_key *token, int rc, struct error *error)
{
    if (token->pin_refused || rc == GNUTLS_E_PKCS11_PIN_ERROR || rc == GNUTLS_E_PKCS11_PIN_LOCKED)
        return error_set(error, BAD_CONFIG, "signer.passphrase", "%s: the passphrase is wrong: the token does not take it as its PIN (%s)",
                         token->uri, gnutls_strerror(rc));
    if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || rc == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE)
        return error_set(error, REFUSED, "signer.key_missing", "%s: there is no such token or key in it", token->uri);
    return error_set(error, TEMPORARY, "signer.token", "%s cannot be used: %s", token->uri, gnutls_strerror(rc));
}

static char *secret_page(const char *text)
{
    char *page = mmap(NULL, PIN_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (mlock(page, PIN_ROOM) != 0)
        log_warn("the PIN of the token cannot be kept from being swapped");
    memcpy(page, text, strlen(text) + 1);
    return page;
}

/* NULL: memory, or a PIN that no token has. */
static struct token_key *token_new(const char *uri, const char *pin)
{
    struct token_key *token = calloc(1, sizeof *token);
    size_t size = 0;
    const char *module = attribute(uri, "module-path", &size);

    if (token == NULL)
        return NULL;
    token->uri = strndup(uri, strcspn(uri, "?"));
    if (module != NULL)
        token->module = strndup(module, size);
    token->pin = strlen(pin) < PIN_ROOM ? secret_page(pin) : NULL;
    if (token->uri != NULL && token->pin != NULL && (module == NULL || token->module != NULL))
        return token;
    token_free(token);
    return NULL;
}

int token_open(const char *uri, const char *pin, struct token_key **out, struct error *error)
{
    struct token_key *token;
    int status = token_uri_check(uri, error), rc;

    if (status != OK)
        return status;
    token = token_new(uri, pin);
    if (token == NULL)
        status = error_memory(error);
    else {
        pthread_rwlock_wrlock(&library);
        rc = library_start(token);
        if (rc == 0)
            rc = key_find(token);
        if (rc == 0) {
            token->next = tokens;
            tokens = token;
        }
        pthread_rwlock_unlock(&library);
        status = rc == 0 ? OK : open_failed(token, rc, error);
    }
    if (status == OK)
        *out = token;
    else
        token_free(token);
    return status;
}

void token_free(struct token_key *token)
{
    if (token == NULL)
        return;
    pthread_rwlock_wrlock(&library);
    for (struct token_key **at = &tokens; *at != NULL; at = &(*at)->next)
        if (*at == token) {
            *at = token->next;
            break;
        }
    gnutls_privkey_deinit(token->key);
    pthread_rwlock_unlock(&library);
    if (token->pin != NULL) {
        explicit_bzero(token->pin, PIN_ROOM);
        munmap(token->pin, PIN_ROOM);
    }
    free(token->uri);
    free(token->module);
    free(token);
}

gnutls_privkey_t token_privkey(struct token_key *token)
{
    return token->key;
}

/* ---- signing ---- */

static int sign_once(struct token_key *token, gnutls_sign_algorithm_t algorithm, const gnutls_datum_t *data, gnutls_datum_t *signature,
                     unsigned *generation)
{
    int rc;

    pthread_rwlock_rdlock(&library);
    *generation = token->generation;
    rc = token->key == NULL ? GNUTLS_E_PKCS11_SESSION_ERROR : gnutls_privkey_sign_data2(token->key, algorithm, 0, data, signature);
    pthread_rwlock_unlock(&library);
    return rc;
}

/* A session of its own first: starting the library anew ends those of other keys as well. */
static int reopen(struct token_key *token, unsigned failed)
{
    int rc = 0;

    pthread_rwlock_wrlock(&library);
    if (token->generation == failed) {
        if (clock_monotonic_ms() < token->next_open_ms) {
            rc = GNUTLS_E_PKCS11_SESSION_ERROR;
        } else {
            rc = key_find(token);
            if (rc != 0 && !token->pin_refused && (rc = library_restart()) == 0)
                rc = key_find(token);
            token->next_open_ms = clock_monotonic_ms() + REOPEN_PAUSE_MS;
            if (rc == 0)
                log_notice("%s: the session was lost and is open again", token->uri);
        }
    }
    pthread_rwlock_unlock(&library);
    return rc;
}

int token_sign(struct token_key *token, gnutls_sign_algorithm_t algorithm, const gnutls_datum_t *data, gnutls_datum_t *signature,
               struct error *error)
{
    unsigned generation;
    int rc = sign_once(token, algorithm, data, signature, &generation);

    if (rc != 0) {
        int again = reopen(token, generation);

        rc = again == 0 ? sign_once(token, algorithm, data, signature, &generation) : again;
    }
    if (rc == 0)
        return OK;
    return error_set(error, TEMPORARY, "signer.token", "%s does not sign (%s): nothing is signed until the token is back", token->uri,
                     gnutls_strerror(rc));
}

/* ---- making ---- */

/* The URI's object=, with %XX as the octet that it stands for. NULL: absent or memory. */
static char *label_of(const char *uri)
{
    size_t size = 0, length = 0;
    const char *text = attribute(uri, "object", &size);
    char *label = text == NULL ? NULL : calloc(1, size + 1);

    for (size_t i = 0; label != NULL && i < size; i++) {
        char hex[3] = {0};

        if (text[i] == '%' && i + 2 < size) {
            memcpy(hex, text + i + 1, 2);
            label[length++] = (char)strtoul(hex, NULL, 16);
            i += 2;
        } else {
            label[length++] = text[i];
        }
    }
    return label;
}

int token_make(const char *uri, gnutls_pk_algorithm_t pk, unsigned bits, const char *pin, struct error *error)
{
    const unsigned flags = GNUTLS_PKCS11_OBJ_FLAG_LOGIN | GNUTLS_PKCS11_OBJ_FLAG_MARK_SENSITIVE | GNUTLS_PKCS11_OBJ_FLAG_MARK_PRIVATE;
    struct token_key *token = token_new(uri, pin);
    char *label = label_of(uri);
    int status, rc;

    if (token == NULL)
        status = error_memory(error);
    else if (label == NULL)
        status = error_set(error, BAD_CONFIG, "signer.uri", "%s: a key that is made needs a label: object=", uri);
    else {
        pthread_rwlock_wrlock(&library);
        rc = library_start(token);
        gnutls_pkcs11_set_pin_function(pin_give, token);
        if (rc == 0)
            rc = gnutls_pkcs11_privkey_generate3(token->uri, pk, bits, label, NULL, 0, NULL, GNUTLS_KEY_DIGITAL_SIGNATURE, flags);
        gnutls_pkcs11_set_pin_function(NULL, NULL);
        pthread_rwlock_unlock(&library);
        status = rc == 0 ? OK : open_failed(token, rc, error);
    }
    token_free(token);
    free(label);
    return status;
}
