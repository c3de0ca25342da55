/* `chanceryd --new-key`. The order of the steps is what makes it safe: a key that signer.conf does not name is taken up by the next
 * run, one that it names but that has no certificate signs nothing, and the certificate is recorded in one transaction. */
#include "ca/newkey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/authority.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/process/forker.h"
#include "ca/process/message.h"
#include "ca/signer/conf.h"
#include "ca/signer/signer.h"
#include "ca/store/store.h"
#include "ca/x509/certificate.h"
#include "ca/x509/pkcs10.h"

struct newkey {
    const struct daemon_conf *conf;
    const struct newkey_options *options;
    const char *store_path, *signer_conf, *signer_state;
    struct signer_ceremony ceremony;
    struct signer_process signer;
    struct signer_conf limits;
    struct forker *forker;
    int recorder; /* its socket; it holds the database while all this goes on */
    unsigned key_index, certificate_index;
    struct buf subject;                /* RFC 4514, as the CA was made */
    struct certificate_facts present;  /* of the certificate that signs now */
    struct buf certificate;            /* the new one; empty: a request was made */
    bool again;                        /* signer.conf names the key already */
};

/* ---- the process with the database, as the authority's user ---- */

struct state { /* what it tells, and keeps */
    unsigned certificates, keys; /* how many there are */
    struct ca_certificate newest;
    struct buf subject;
};

static int check_in_service(struct store *store, struct error *error)
{
    struct buf ended = BUF_EMPTY;
    struct error why = ERROR_NONE;
    int status = setting_get(store, "decommissioned", &ended, &why);
    if (!status && ended.size)
        status = error_set(error, REFUSED, "ca.decommissioned", "this CA was decommissioned and gets no new key");
    else if (status == REFUSED)
        status = OK;
    else if (status)
        error_set(error, status, why.reason, "%s", why.message);
    buf_free(&ended);
    return status;
}

static int state_read(struct store *store, struct state *state, struct error *error)
{
    struct error why = ERROR_NONE;
    int status = OK;
    while (!status) {
        struct ca_certificate next;
        status = ca_certificates_get(store, state->certificates, &next, &why);
        if (status)
            break;
        state->certificates++;
        if (next.key_index + 1 >= state->keys) {
            state->keys = next.key_index + 1;
            ca_certificate_free(&state->newest);
            state->newest = next;
        } else {
            ca_certificate_free(&next);
        }
    }
    if (status != REFUSED)
        return error_set(error, status, why.reason, "%s", why.message);
    if (!state->certificates)
        return error_set(error, REFUSED, "renew.no_certificate", "this CA has no certificate yet: there is nothing to renew; install the "
                         "parent's answer with `chancery install-cert FILE`");
    return setting_get(store, "ca.subject", &state->subject, error);
}

struct addition {
    struct ca_certificate certificate; /* der empty: a request was made */
    unsigned key_index;
    const char *subject;
};

static int addition_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct addition *a = argument;
    struct buf detail = BUF_EMPTY;
    int status = a->certificate.der.size ? ca_certificates_add(txn, &a->certificate, error) : OK;
    if (status)
        return status;
    if (a->certificate.der.size)
        buf_printf(&detail, "certificate %u, new key %u", a->certificate.index, a->key_index);
    else
        buf_printf(&detail, "request for new key %u", a->key_index);
    struct audit_record record = {.at = clock_now(), .actor = "root", .role = "root", .action = "ca.new_key", .object = a->subject,
                                  .outcome = a->certificate.der.size ? "issued" : "requested", .reason = "", .detail = buf_text(&detail)};
    audit_add(txn, &record);
    buf_free(&detail);
    return store_txn_failed(txn);
}

static int state_send(int fd, const struct state *state)
{
    uint8_t counts[8];
    put_u32(counts, state->certificates);
    put_u32(counts + 4, state->keys);
    if (answer_send(fd, OK, NULL, bytes_of(counts, 8)) || message_send(fd, buf_bytes(&state->newest.der)) ||
        message_send(fd, buf_bytes(&state->subject)))
        return INTERNAL;
    return OK;
}

static int recorder_run(int fd, void *argument)
{
    struct newkey *newkey = argument;
    struct store *store = NULL;
    struct state state = {0};
    struct error error = ERROR_NONE;
    struct addition addition = {0};
    int status = store_open(&(struct store_options){.path = newkey->store_path}, &store, &error);
    if (!status)
        status = check_in_service(store, &error);
    if (!status)
        status = state_read(store, &state, &error);
    if (status) {
        answer_send(fd, status, &error, bytes_of("", 0));
    } else if (!(status = state_send(fd, &state)) && !(status = message_receive(fd, &addition.certificate.der))) {
        addition.subject = buf_text(&state.subject);
        addition.key_index = state.keys;
        addition.certificate.index = state.certificates;
        addition.certificate.key_index = state.keys;
        addition.certificate.at = clock_now();
        status = store_write(store, addition_store, &addition, &error);
        answer_send(fd, status, &error, bytes_of("", 0));
    }
    if (store)
        store_close(store);
    ca_certificate_free(&addition.certificate);
    ca_certificate_free(&state.newest);
    buf_free(&state.subject);
    return status;
}

/* ---- the process that makes the key, as the signer's user ---- */

static int keymaker_run(int fd, void *argument)
{
    struct newkey *newkey = argument;
    struct signer_ceremony ceremony = newkey->ceremony;
    struct buf spki = BUF_EMPTY, index = BUF_EMPTY;
    struct error error = ERROR_NONE;
    int status = message_receive(fd, &index) || index.size != 4 ? error_set(&error, INTERNAL, "newkey.process", "the run ended early") : OK;
    if (!status) {
        ceremony.key_index = get_u32(index.data);
        status = signer_key_add(&ceremony, &spki, &error);
    }
    answer_send(fd, status, &error, buf_bytes(&spki));
    buf_free(&spki);
    buf_free(&index);
    return status;
}

/* ---- the steps ---- */

static int step_check(struct newkey *newkey, struct error *error)
{
    struct strings patterns = {0};
    const char *csr = newkey->options->csr_out;
    int status = conf_list(newkey->conf->conf, "certificate", "cdp", &patterns) ? error_memory(error) : OK;
    for (size_t i = 0; i < patterns.count && !status; i++)
        if (cdp_pattern_is_shared(patterns.items[i]))
            status = error_set(error, BAD_CONFIG, "renew.cdp", "%s: [certificate] cdp = %s: with a second key it needs %%K or %%D, so that "
                               "the CRLs of the two do not share a place", conf_path(newkey->conf->conf), patterns.items[i]);
    strings_free(&patterns);
    if (!status && csr && access(csr, F_OK) == 0)
        status = error_set(error, REFUSED, "renew.csr_exists", "%s is there already and is not overwritten", csr);
    return status ? status : signer_conf_load(newkey->signer_conf, &newkey->limits, error);
}

static int step_forker(struct newkey *newkey, struct error *error)
{
    const struct daemon_conf *conf = newkey->conf;
    static struct forker_program programs[3]; /* must outlive the process: see forker.h */
    programs[0] = (struct forker_program){"keymaker", conf->signer_uid, conf->signer_gid, keymaker_run, newkey, "chanceryd: key"};
    programs[1] = (struct forker_program){"signer", conf->signer_uid, conf->signer_gid, signer_process_run, &newkey->signer,
                                          "chanceryd: signer"};
    programs[2] = (struct forker_program){"recorder", conf->authority_uid, conf->authority_gid, recorder_run, newkey,
                                          "chanceryd: new key"};
    return forker_start(programs, 3, &newkey->forker, error);
}

static int state_receive(struct newkey *newkey, unsigned *keys, struct error *error)
{
    struct buf counts = BUF_EMPTY, der = BUF_EMPTY;
    int status = answer_receive(newkey->recorder, "that holds the database", &counts, error);
    if (!status && (counts.size != 8 || message_receive(newkey->recorder, &der) || message_receive(newkey->recorder, &newkey->subject)))
        status = error_set(error, INTERNAL, "newkey.process", "the process that holds the database ended early");
    if (!status) {
        newkey->certificate_index = get_u32(counts.data);
        *keys = get_u32(counts.data + 4);
        status = certificate_read(buf_bytes(&der), &newkey->present, error);
    }
    buf_free(&counts);
    buf_free(&der);
    return status;
}

/* Where an earlier run stopped decides where this one begins. */
static int step_state(struct newkey *newkey, struct error *error)
{
    unsigned keys = 0;
    pid_t pid;
    int status = forker_spawn(newkey->forker, "recorder", &newkey->recorder, &pid, error);
    if (!status)
        status = state_receive(newkey, &keys, error);
    if (status)
        return status;
    newkey->key_index = keys;
    newkey->again = newkey->limits.key_count == keys + 1;
    if (newkey->limits.key_count < keys || newkey->limits.key_count > keys + 1)
        return error_set(error, BAD_CONFIG, "renew.keys", "%s names %zu keys, and %u have certificates: at most one may wait for its own",
                         newkey->signer_conf, newkey->limits.key_count, keys);
    if (newkey->present.self_signed && newkey->options->csr_out)
        return error_set(error, REFUSED, "renew.root", "this CA signs its own certificate: `chancery renew --new-key` without --csr-out");
    if (!newkey->present.self_signed && !newkey->options->csr_out)
        return error_set(error, REFUSED, "renew.subordinate", "this CA's certificate comes from its parent, %s: name a file for the request "
                         "with --csr-out, then `chancery install-cert`", newkey->present.issuer);
    return OK;
}

static int key_list(struct newkey *newkey, struct bytes spki, struct error *error)
{
    struct buf hash = BUF_EMPTY;
    struct signer_key_conf key = {.path = (char *)newkey->ceremony.token, .self_signed = newkey->present.self_signed};
    uint8_t digest[32];
    sha256_of(spki, digest);
    hex_encode(&hash, bytes_of(digest, 32));
    key.spki = (char *)buf_text(&hash);
    int status = hash.failed ? error_memory(error) : signer_conf_add_key(newkey->signer_conf, newkey->key_index, &key, error);
    buf_free(&hash);
    return status;
}

static int step_key(struct newkey *newkey, struct error *error)
{
    struct buf spki = BUF_EMPTY;
    uint8_t index[4];
    pid_t pid;
    int fd = -1;
    if (newkey->again)
        return OK;
    put_u32(index, newkey->key_index);
    int status = forker_spawn(newkey->forker, "keymaker", &fd, &pid, error);
    if (!status && message_send(fd, bytes_of(index, 4)))
        status = error_set(error, INTERNAL, "newkey.process", "the process that makes the key ended early");
    if (!status)
        status = answer_receive(fd, "that makes the key", &spki, error);
    if (!status)
        status = key_list(newkey, buf_bytes(&spki), error);
    if (fd >= 0)
        close(fd);
    buf_free(&spki);
    return status;
}

static int sign_root(struct newkey *newkey, struct signer *signer, const struct signer_key_info *key, struct error *error)
{
    const struct certificate_facts *present = &newkey->present;
    int64_t now = clock_now(), skew = conf_number(newkey->conf->conf, "certificate", "clock_skew");
    int64_t life = newkey->options->days ? (int64_t)newkey->options->days * 86400 : present->not_after - present->not_before - skew;
    struct ca_form form = {.name = buf_bytes(&present->subject_name), .spki = buf_bytes(&key->spki), .algorithm = buf_bytes(&key->algorithm),
                           .not_before = now - skew, .not_after = now + life, .path_length = present->path_length,
                           .certificate_index = newkey->certificate_index, .key_index = newkey->key_index};
    struct buf tbs = BUF_EMPTY, signature = BUF_EMPTY;
    int status = serial_generate(&form.serial, error);
    if (!status)
        status = certificate_build_ca_tbs(&form, &tbs, error);
    if (!status)
        status = signer_sign(signer, newkey->key_index, SIGN_CERTIFICATE, buf_bytes(&tbs), 0, &signature, error);
    if (!status)
        status = certificate_assemble(buf_bytes(&tbs), form.algorithm, buf_bytes(&signature), &newkey->certificate, error);
    if (!status)
        status = certificate_check_signature(buf_bytes(&newkey->certificate), buf_bytes(&newkey->certificate), error);
    buf_free(&tbs);
    buf_free(&signature);
    return status;
}

static int sign_request(struct newkey *newkey, struct signer *signer, const struct signer_key_info *key, struct error *error)
{
    struct buf info = BUF_EMPTY, signature = BUF_EMPTY, der = BUF_EMPTY, pem = BUF_EMPTY;
    int status = pkcs10_build_info(buf_text(&newkey->subject), buf_bytes(&key->spki), newkey->present.path_length, &info, error);
    if (!status)
        status = signer_sign(signer, newkey->key_index, SIGN_PKCS10, buf_bytes(&info), 0, &signature, error);
    if (!status)
        status = pkcs10_assemble(buf_bytes(&info), buf_bytes(&key->algorithm), buf_bytes(&signature), &der, error);
    if (!status) {
        pem_encode(&pem, "CERTIFICATE REQUEST", buf_bytes(&der));
        status = file_write(newkey->options->csr_out, buf_bytes(&pem), 0644, false, error);
    }
    buf_free(&info);
    buf_free(&signature);
    buf_free(&der);
    buf_free(&pem);
    return status;
}

static int sign_with(struct newkey *newkey, struct signer *signer, const struct signer_info *info, struct error *error)
{
    const char *type = newkey->ceremony.key_type;
    const struct signer_key_info *key = &info->keys[newkey->key_index];
    if (newkey->key_index >= info->key_count)
        return error_set(error, INTERNAL, "newkey.signer", "the signer does not hold key %u", newkey->key_index);
    if (type && strcmp(type, key->key_type) != 0)
        return error_set(error, REFUSED, "renew.key_type", "key %u, of type %s, is there already and waits for its certificate: "
                         "run it again without --key", newkey->key_index, key->key_type);
    return newkey->present.self_signed ? sign_root(newkey, signer, key, error) : sign_request(newkey, signer, key, error);
}

static int step_sign(struct newkey *newkey, struct error *error)
{
    struct signer *signer = NULL;
    struct signer_info info = {0};
    pid_t pid;
    int fd = -1;
    int status = forker_spawn(newkey->forker, "signer", &fd, &pid, error);
    if (!status)
        status = signer_connect(fd, &signer, error);
    if (!status)
        status = signer_info(signer, &info, error);
    if (!status)
        status = sign_with(newkey, signer, &info, error);
    signer_info_free(&info);
    if (signer)
        signer_close(signer);
    return status;
}

static int step_record(struct newkey *newkey, struct error *error)
{
    struct buf none = BUF_EMPTY;
    if (message_send(newkey->recorder, buf_bytes(&newkey->certificate)))
        return error_set(error, INTERNAL, "newkey.process", "the process that holds the database ended early");
    int status = answer_receive(newkey->recorder, "that holds the database", &none, error);
    buf_free(&none);
    return status;
}

static void newkey_report(const struct newkey *newkey)
{
    struct buf hex = BUF_EMPTY;
    uint8_t digest[32];
    printf("CA %s\nkey %u\n", conf_text(newkey->conf->conf, "ca", "name"), newkey->key_index);
    if (newkey->certificate.size) {
        sha256_of(buf_bytes(&newkey->certificate), digest);
        hex_encode(&hex, bytes_of(digest, 32));
        printf("self-signed certificate %u SHA-256 %s\nnext: start chanceryd, then `chancery crl publish`\n", newkey->certificate_index,
               buf_text(&hex));
    } else {
        printf("request for the parent: %s\nnext: start chanceryd, have it signed, then `chancery install-cert FILE`\n",
               newkey->options->csr_out);
    }
    buf_free(&hex);
}

static void newkey_free(struct newkey *newkey)
{
    if (newkey->recorder >= 0)
        close(newkey->recorder);
    if (newkey->forker)
        forker_stop(newkey->forker);
    signer_conf_free(&newkey->limits);
    certificate_facts_free(&newkey->present);
    buf_free(&newkey->subject);
    buf_free(&newkey->certificate);
}

int newkey_run(const struct daemon_conf *conf, const struct newkey_options *options, struct error *error)
{
    static int (*const steps[])(struct newkey *, struct error *) = {step_check, step_forker, step_state, step_key, step_sign, step_record};
    struct newkey newkey = {.conf = conf, .options = options, .recorder = -1,
                            .store_path = conf_text(conf->conf, "store", "path"), .signer_conf = conf_text(conf->conf, "signer", "conf"),
                            .signer_state = conf_text(conf->conf, "signer", "state")};
    int status = OK;
    bool in_token = options->key_type && strncmp(options->key_type, "pkcs11:", 7) == 0;
    newkey.ceremony = (struct signer_ceremony){.state_path = newkey.signer_state, .conf_path = newkey.signer_conf,
                                               .key_type = in_token ? NULL : options->key_type,
                                               .token = in_token ? options->key_type : NULL};
    newkey.signer = (struct signer_process){.conf_path = newkey.signer_conf, .state_path = newkey.signer_state};
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !status; i++)
        status = steps[i](&newkey, error);
    if (!status)
        newkey_report(&newkey);
    newkey_free(&newkey);
    return status;
}
