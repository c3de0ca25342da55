/* Handlers of the CA itself: info, configuration strings, who asks, CRLs, health, counts.
 * Lists of requests and decisions on them stand in requests.c and decisions.c. */
#include "config.h"

#include "ca/api/routes.h"

#include <string.h>
#include <sys/mman.h>

#include "ca/api/shape.h"
#include "ca/base/clock.h"

static json_t *certificate_json(const struct ca_info *info)
{
    if (info->certificate.size == 0)
        return json_null();
    return json_pack("{s:i, s:i, s:o, s:o, s:o, s:o}",
                     "index", (int)info->certificate_index,
                     "key_index", (int)info->key_index,
                     "sha256", json_of_digest(info->sha256, sizeof info->sha256),
                     "not_before", json_of_time(info->not_before),
                     "not_after", json_of_time(info->not_after),
                     "pem", json_of_pem("CERTIFICATE", info->certificate));
}

static json_t *ca_certificate_each(const void *row)
{
    const struct ca_certificate_row *certificate = row;
    return json_pack("{s:i, s:i, s:b, s:o, s:o, s:o, s:o}",
                     "index", (int)certificate->index,
                     "key_index", (int)certificate->key_index,
                     "signs", certificate->signs,
                     "sha256", json_of_digest(certificate->sha256, sizeof certificate->sha256),
                     "not_before", json_of_time(certificate->not_before),
                     "not_after", json_of_time(certificate->not_after),
                     "pem", json_of_pem("CERTIFICATE", certificate->certificate));
}

static json_t *ca_certificates_json(struct authority *authority)
{
    struct ca_certificate_row rows[CA_CERTIFICATES_MAX];
    size_t count = authority_ca_certificates(authority, rows);
    return shape_array(rows, count, sizeof rows[0], ca_certificate_each);
}

static json_t *crl_json(struct authority *authority, int key_index, bool delta);

/* Each key with the state of its CRL series. */
static json_t *ca_keys_json(struct authority *authority)
{
    struct ca_key_row rows[CA_KEYS_MAX];
    size_t count = authority_ca_keys(authority, rows);
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_pack("{s:i, s:o, s:b, s:o, s:o, s:o}",
                                               "index", (int)rows[i].index,
                                               "type", json_of_text(rows[i].key_type),
                                               "signs", rows[i].signs,
                                               "ends_at", json_of_time(rows[i].ends_at),
                                               "crl", crl_json(authority, (int)i, false),
                                               "delta_crl", crl_json(authority, (int)i, true)));
    return array;
}

static json_t *chain_json(struct authority *authority)
{
    struct error ignored = ERROR_NONE;
    struct buf pem = BUF_EMPTY;

    json_t *value = authority_chain(authority, -1, &pem, &ignored) == OK && pem.size > 0 ? json_of_text(buf_text(&pem)) : json_null();
    buf_free(&pem);
    return value;
}

/* The latest CRL, null when there is none. */
static json_t *crl_json(struct authority *authority, int key_index, bool delta)
{
    struct error ignored = ERROR_NONE;
    struct crl_record crl = {0};

    return authority_crl_latest(authority, key_index, delta, &crl, &ignored) == OK ? shape_crl(&crl) : json_null();
}

static json_t *counts_json(struct authority *authority)
{
    struct error ignored = ERROR_NONE;
    uint64_t pending = 0, issued = 0, failed = 0, denied = 0, revoked = 0;

    if (authority_counts(authority, &pending, &issued, &failed, &denied, &revoked, &ignored) != OK)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "pending", json_of_number(pending), "issued", json_of_number(issued), "failed",
                     json_of_number(failed), "denied", json_of_number(denied), "revoked", json_of_number(revoked));
}

/* Names of the adopted ones: what an enrolling client may ask for. */
static json_t *templates_json(struct authority *authority)
{
    struct error ignored = ERROR_NONE;
    struct strings names = {NULL, 0};
    json_t *value = authority_template_names(authority, &names, &ignored) == OK ? json_of_strings(&names) : json_array();

    strings_free(&names);
    return value;
}

int handle_info(struct call *call, struct error *error)
{
    struct ca_info info = {0};

    authority_info(call->authority, &info);
    return call_answer(call, json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                                       "name", json_of_text(info.name),
                                       "host", json_of_text(info.host),
                                       "config", json_of_text(info.config_string),
                                       "version", PACKAGE_VERSION,
                                       "subject", json_of_text(info.subject),
                                       "key", json_of_text(info.key_type),
                                       "locked", info.locked,
                                       "certificate", certificate_json(&info),
                                       "certificates", ca_certificates_json(call->authority),
                                       "keys", ca_keys_json(call->authority),
                                       "chain", chain_json(call->authority),
                                       "crl", crl_json(call->authority, -1, false),
                                       "delta_crl", crl_json(call->authority, -1, true),
                                       "templates", templates_json(call->authority),
                                       "counts", counts_json(call->authority)), error);
}

int handle_config(struct call *call, struct error *error)
{
    struct strings list = {NULL, 0};

    int status = authority_config(call->authority, call_query_flag(call, "all"), &list, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o}", "config", json_of_strings(&list)), error);
    strings_free(&list);
    return status;
}

int handle_whoami(struct call *call, struct error *error)
{
    struct error why = ERROR_NONE;

    authority_map(call->authority, &call->caller, &why);
    authority_roles(call->authority, &call->caller, ~0u, NULL);
    return call_answer(call, json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}",
                                       "uid", (json_int_t)call->caller.uid,
                                       "account", json_of_text(call->caller.account),
                                       "dn", json_of_text(call->caller.dn),
                                       "roles", json_of_roles(call->caller.roles),
                                       "refused", json_of_roles(call->caller.refused),
                                       "mapping", why.status != OK ? json_of_text(why.message) : json_null()), error);
}

int handle_install(struct call *call, struct error *error)
{
    struct buf certificate = BUF_EMPTY;

    int status = body_octets(call->body, "certificate", &certificate, error);
    if (status == OK)
        status = authority_install_certificate(call->authority, &call->caller, buf_bytes(&certificate), error);
    buf_free(&certificate);
    return status == OK ? handle_info(call, error) : status;
}

/* Without key: that of the key that signs now. */
static int query_key(const struct call *call, int *key_index, struct error *error)
{
    uint64_t key = 0;
    int status = call_query_number(call, "key", 0, CA_KEYS_MAX - 1, &key, error);

    *key_index = call_query(call, "key") != NULL ? (int)key : -1;
    return status;
}

static json_t *crl_each(const void *row)
{
    return shape_crl(row);
}

int handle_renew(struct call *call, struct error *error)
{
    struct buf pem = BUF_EMPTY;
    bool request = body_bool(call->body, "request");

    int status = authority_renew(call->authority, &call->caller, body_time(call->body, "not_after"), request, &pem, error);
    if (status == OK)
        status = request ? call_answer(call, json_pack("{s:o}", "request", json_of_text(buf_text(&pem))), error) : handle_info(call, error);
    buf_free(&pem);
    return status;
}

int handle_crl_publish(struct call *call, struct error *error)
{
    struct crl_record made[CA_KEYS_MAX];
    size_t count = 0;

    int status = authority_crl_publish(call->authority, &call->caller, body_bool(call->body, "delta"), body_bool(call->body, "if_due"),
                                       made, &count, error);
    if (status != OK)
        return status;
    return call_answer(call, json_pack("{s:b, s:o, s:o}", "made", count > 0, "crl", count > 0 ? shape_crl(&made[count - 1]) : json_null(),
                                       "crls", shape_array(made, count, sizeof made[0], crl_each)), error);
}

int handle_crl_show(struct call *call, struct error *error)
{
    struct crl_record crl = {0};
    int key;

    int status = query_key(call, &key, error);
    if (status == OK)
        status = authority_crl_latest(call->authority, key, call_query_flag(call, "delta"), &crl, error);
    return status == OK ? call_answer(call, shape_crl(&crl), error) : status;
}

/* A CRL may be large: it goes through a memory file, never through the heap. */
int handle_crl_der(struct call *call, struct error *error)
{
    struct crl_record crl = {0};
    int key;

    int status = query_key(call, &key, error);
    if (status == OK)
        status = authority_crl_latest(call->authority, key, call_query_flag(call, "delta"), &crl, error);
    if (status != OK)
        return status;
    call->fd = memfd_create("crl", MFD_CLOEXEC);
    if (call->fd < 0)
        return error_set(error, TEMPORARY, "api.memory", "no memory file for a CRL of %llu octets: %m", (unsigned long long)crl.size);
    call->fd_size = crl.size;
    call->content_type = "application/pkix-crl";
    return authority_crl_write(call->authority, &crl, call->fd, error);
}

static json_t *health_each(const void *row)
{
    const struct health_row *health = row;
    return json_pack("{s:s, s:o, s:o}", "state", health_name(health->state), "name", json_of_text(health->name), "message",
                     json_of_text(health->message));
}

int handle_health(struct call *call, struct error *error)
{
    struct health_row rows[HEALTH_ROWS_MAX];
    size_t count = 0;

    enum health_state state = authority_health(call->authority, rows, &count);
    return call_answer(call, json_pack("{s:s, s:o, s:o}", "state", health_name(state), "checked_at", json_of_time(clock_now()), "rows",
                                       shape_array(rows, count, sizeof rows[0], health_each)), error);
}

int handle_counts(struct call *call, struct error *error)
{
    struct publish_status modules[PUBLISH_MODULES_MAX];
    size_t count = 0;
    uint64_t waiting = 0, parked = 0;

    int status = authority_publish_status(call->authority, modules, &count, error);
    if (status != OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        waiting += modules[i].stats.waiting;
        parked += modules[i].stats.parked;
    }
    json_t *counts = counts_json(call->authority);
    if (!json_is_object(counts)) {
        json_decref(counts);
        return error_set(error, TEMPORARY, "api.counts", "the counts cannot be read now; try again");
    }
    json_t *outbox = json_pack("{s:o, s:o}", "waiting", json_of_number(waiting), "parked", json_of_number(parked));
    if (json_object_set_new(counts, "outbox", outbox) != 0) {
        json_decref(counts);
        counts = NULL;
    }
    return call_answer(call, counts, error);
}
