/* `chanceryd --init`: key, signer.conf, certificate or request, and the first records of the database. */
#include "ca/init.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/process/forker.h"
#include "ca/process/message.h"
#include "ca/signer/conf.h"
#include "ca/signer/signer.h"
#include "ca/store/store.h"
#include "ca/x509/certificate.h"
#include "ca/x509/name.h"
#include "ca/x509/pkcs10.h"

#define DAYS_FALLBACK 3650

struct init {
    const struct daemon_conf *conf;
    const struct init_options *options;
    const char *store_path, *signer_conf, *signer_state;
    char *subject, *key_path;
    struct signer_ceremony ceremony;
    struct signer_process signer;
    struct forker *forker;
    struct buf spki, name, algorithm;
    struct buf certificate; /* DER; empty with --csr-out */
    bool key_made, conf_made;
};

/* ---- the process that makes the key, as the signer's user ---- */

static int keymaker_run(int fd, void *argument)
{
    struct init *init = argument;
    struct buf spki = BUF_EMPTY;
    struct error error = ERROR_NONE;
    int status = signer_key_generate(&init->ceremony, &spki, &error);
    answer_send(fd, status, &error, buf_bytes(&spki));
    buf_free(&spki);
    return status;
}

/* ---- the process that makes the database, as the authority's user ---- */

struct first_records {
    struct bytes certificate;
    const char *subject, *administrator, *name;
};

static int first_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct first_records *records = argument;
    (void)error;
    if (records->certificate.size)
        setting_put(txn, "ca.certificate", records->certificate);
    setting_put(txn, "ca.subject", bytes_of_text(records->subject));
    if (*records->administrator)
        setting_put(txn, "roles.administrator", bytes_of_text(records->administrator));
    struct audit_record record = {.at = clock_now(), .actor = "root", .role = "root", .action = "ca.init", .object = records->name,
                                  .outcome = "made", .reason = "", .detail = records->subject};
    audit_add(txn, &record);
    return store_txn_failed(txn);
}

/* `chanceryd -t` judges whether there is an administrator, and may not open the database. */
static int first_administrator_write(const char *store_path, const char *name, struct error *error)
{
    struct buf path = BUF_EMPTY;
    buf_printf(&path, "%s/" FIRST_ADMINISTRATOR_FILE, store_path);
    int status = path.failed ? error_memory(error) : file_write(buf_text(&path), bytes_of_text(name), 0600, true, error);
    buf_free(&path);
    return status;
}

static int recorder_run(int fd, void *argument)
{
    struct init *init = argument;
    struct buf subject = BUF_EMPTY, certificate = BUF_EMPTY;
    struct store *store = NULL;
    struct error error = ERROR_NONE;
    struct store_options options = {.path = init->store_path, .create = true};
    int status = message_receive(fd, &subject) || message_receive(fd, &certificate)
                     ? error_set(&error, INTERNAL, "init.process", "init ended early") : OK;
    struct first_records records = {.certificate = buf_bytes(&certificate), .subject = buf_text(&subject),
                                    .administrator = init->options->administrator ? init->options->administrator : "",
                                    .name = conf_text(init->conf->conf, "ca", "name")};
    if (!status)
        status = store_open(&options, &store, &error);
    if (!status)
        status = store_write(store, first_store, &records, &error);
    if (!status && *records.administrator)
        status = first_administrator_write(init->store_path, records.administrator, &error);
    if (store)
        store_close(store);
    answer_send(fd, status, &error, bytes_of("", 0));
    buf_free(&subject);
    buf_free(&certificate);
    return status;
}

/* ---- the steps ---- */

static int step_check(struct init *init, struct error *error)
{
    const struct init_options *options = init->options;
    const char *name = conf_text(init->conf->conf, "ca", "name");
    struct buf text = BUF_EMPTY;
    int status = OK;
    if (options->name && strcmp(options->name, name) != 0)
        return error_set(error, USAGE, "init.name", "%s says [ca] name = %s, --name says %s: make them agree",
                         conf_path(init->conf->conf), name, options->name);
    if (access(init->key_path, F_OK) == 0)
        return error_set(error, REFUSED, "init.key_exists", "%s is there already: this host has a CA; a key is never overwritten",
                         init->key_path);
    if (access(init->signer_conf, F_OK) == 0)
        return error_set(error, REFUSED, "init.conf_exists", "%s is there already: move it away to make a new CA", init->signer_conf);
    if (options->csr_out && access(options->csr_out, F_OK) == 0)
        return error_set(error, REFUSED, "init.csr_exists", "%s is there already and is not overwritten", options->csr_out);
    if (options->subject)
        buf_add_text(&text, options->subject);
    else {
        buf_add_text(&text, "CN=");
        text_dn_escape(&text, name, strlen(name));
    }
    init->subject = strdup(buf_text(&text));
    buf_free(&text);
    if (!init->subject)
        status = error_memory(error);
    if (!status)
        status = name_from_text(init->subject, "init.subject", &init->name, error);
    if (!status && init->name.size <= 2)
        status = error_set(error, USAGE, "init.subject", "a CA needs a subject");
    return status;
}

/* The folder and those above it that are missing; only the last gets its owner. */
static int folder_make(const char *path, uid_t uid, gid_t gid, struct error *error)
{
    char *above = strdup(path);
    int status = above ? OK : error_memory(error);
    for (char *slash = above ? strchr(above + 1, '/') : NULL; slash && !status; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(above, 0755) && errno != EEXIST)
            status = error_set(error, CANNOT_WRITE, "init.folder", "%s cannot be made: %s", above, strerror(errno));
        *slash = '/';
    }
    free(above);
    return status ? status : directory_ensure(path, 0700, uid, gid, error);
}

static int step_folders(struct init *init, struct error *error)
{
    const struct daemon_conf *conf = init->conf;
    int status = folder_make(init->store_path, conf->authority_uid, conf->authority_gid, error);
    return status ? status : folder_make(init->signer_state, conf->signer_uid, conf->signer_gid, error);
}

static int step_key(struct init *init, struct error *error)
{
    int fd = -1;
    pid_t pid;
    int status = forker_spawn(init->forker, "keymaker", &fd, &pid, error);
    if (!status)
        status = answer_receive(fd, "that makes the key", &init->spki, error);
    init->key_made = status == OK;
    if (fd >= 0)
        close(fd);
    return status;
}

static int step_signer_conf(struct init *init, struct error *error)
{
    static const char *const ekus[] = {OID_EKU_SERVER_AUTH, OID_EKU_CLIENT_AUTH, OID_EKU_EMAIL, OID_EKU_CODE_SIGNING, OID_EKU_OCSP,
                                       OID_EKU_SMARTCARD, OID_EKU_AGENT, OID_EKU_PKINIT};
    struct signer_conf conf = {0};
    struct buf hash = BUF_EMPTY;
    uint8_t digest[32];
    long days = init->options->days ? init->options->days : DAYS_FALLBACK;
    int status = OK;
    buf_add(&conf.issuer, init->name.data, init->name.size);
    conf.keys[0].path = init->ceremony.token ? strdup(init->ceremony.token) : NULL;
    conf.key_count = 1;
    conf.passphrase_file = init->options->passphrase_file ? strdup(init->options->passphrase_file) : NULL;
    conf.validity_max_s = (int64_t)days * 86400 + 86400;
    conf.key_usages = 0xff | KEY_USAGE_DECIPHER_ONLY;
    for (size_t i = 0; i < sizeof ekus / sizeof *ekus && !status; i++)
        status = strings_add(&conf.ekus, ekus[i]);
    if (!init->options->csr_out) { /* a root signs its own certificate; a subordinate's comes from its parent */
        sha256_of(buf_bytes(&init->spki), digest);
        hex_encode(&hash, bytes_of(digest, 32));
        status = strings_add(&conf.ca_spki, buf_text(&hash));
    }
    if (status)
        status = error_memory(error);
    if (!status)
        status = signer_conf_write(init->signer_conf, &conf, error);
    init->conf_made = status == OK;
    buf_free(&hash);
    signer_conf_free(&conf);
    return status;
}

static int sign_root(struct init *init, struct signer *signer, struct error *error)
{
    struct serial serial;
    struct buf tbs = BUF_EMPTY, signature = BUF_EMPTY;
    int64_t now = clock_now();
    long days = init->options->days ? init->options->days : DAYS_FALLBACK;
    int status = serial_generate(&serial, error);
    if (!status)
        status = certificate_build_root_tbs(init->subject, buf_bytes(&init->spki), buf_bytes(&init->algorithm), &serial, now - 600,
                                            now + (int64_t)days * 86400, init->options->path_length, &tbs, error);
    if (!status)
        status = signer_sign(signer, 0, SIGN_CERTIFICATE, buf_bytes(&tbs), 0, &signature, error);
    if (!status)
        status = certificate_assemble(buf_bytes(&tbs), buf_bytes(&init->algorithm), buf_bytes(&signature), &init->certificate, error);
    if (!status)
        status = certificate_check_signature(buf_bytes(&init->certificate), buf_bytes(&init->certificate), error);
    buf_free(&tbs);
    buf_free(&signature);
    return status;
}

static int sign_request(struct init *init, struct signer *signer, struct error *error)
{
    struct buf info = BUF_EMPTY, signature = BUF_EMPTY, der = BUF_EMPTY, pem = BUF_EMPTY;
    int status = pkcs10_build_info(init->subject, buf_bytes(&init->spki), init->options->path_length, &info, error);
    if (!status)
        status = signer_sign(signer, 0, SIGN_PKCS10, buf_bytes(&info), 0, &signature, error);
    if (!status)
        status = pkcs10_assemble(buf_bytes(&info), buf_bytes(&init->algorithm), buf_bytes(&signature), &der, error);
    if (!status) {
        pem_encode(&pem, "CERTIFICATE REQUEST", buf_bytes(&der));
        status = file_write(init->options->csr_out, buf_bytes(&pem), 0644, false, error);
    }
    buf_free(&info);
    buf_free(&signature);
    buf_free(&der);
    buf_free(&pem);
    return status;
}

static int step_sign(struct init *init, struct error *error)
{
    int fd = -1;
    pid_t pid;
    struct signer *signer = NULL;
    struct signer_info info = {0};
    int status = forker_spawn(init->forker, "signer", &fd, &pid, error);
    if (!status)
        status = signer_connect(fd, &signer, error);
    if (!status)
        status = signer_info(signer, &info, error);
    if (!status) {
        buf_add(&init->algorithm, info.keys[0].algorithm.data, info.keys[0].algorithm.size);
        status = init->options->csr_out ? sign_request(init, signer, error) : sign_root(init, signer, error);
    }
    signer_info_free(&info);
    if (signer)
        signer_close(signer);
    return status;
}

static int step_record(struct init *init, struct error *error)
{
    int fd = -1;
    pid_t pid;
    struct buf none = BUF_EMPTY;
    int status = forker_spawn(init->forker, "recorder", &fd, &pid, error);
    if (!status && (message_send(fd, bytes_of_text(init->subject)) || message_send(fd, buf_bytes(&init->certificate))))
        status = error_set(error, INTERNAL, "init.process", "the process that makes the database ended early");
    if (!status || fd >= 0)
        status = answer_receive(fd, "that makes the database", &none, error);
    if (fd >= 0)
        close(fd);
    buf_free(&none);
    return status;
}

static int step_forker(struct init *init, struct error *error)
{
    const struct daemon_conf *conf = init->conf;
    static struct forker_program programs[3]; /* must outlive the process: see forker.h */
    programs[0] = (struct forker_program){"keymaker", conf->signer_uid, conf->signer_gid, keymaker_run, init, "chanceryd: key",
                                          NULL};
    programs[1] = (struct forker_program){"signer", conf->signer_uid, conf->signer_gid, signer_process_run, &init->signer,
                                          "chanceryd: signer", NULL};
    programs[2] = (struct forker_program){"recorder", conf->authority_uid, conf->authority_gid, recorder_run, init,
                                          "chanceryd: init", NULL};
    return forker_start(programs, 3, &init->forker, error);
}

static void init_undo(struct init *init)
{
    if (init->key_made)
        unlink(init->key_path);
    if (init->conf_made)
        unlink(init->signer_conf);
}

static void init_report(const struct init *init)
{
    struct buf hex = BUF_EMPTY;
    uint8_t digest[32];
    printf("CA %s\nsubject %s\n", conf_text(init->conf->conf, "ca", "name"), init->subject);
    if (init->certificate.size) {
        sha256_of(buf_bytes(&init->certificate), digest);
        hex_encode(&hex, bytes_of(digest, 32));
        printf("self-signed certificate SHA-256 %s\n", buf_text(&hex));
    } else {
        printf("request for the parent: %s\nnext: have it signed, start chanceryd, then `chancery install-cert FILE`\n",
               init->options->csr_out);
    }
    buf_free(&hex);
}

static int init_prepare(struct init *init, struct error *error)
{
    struct buf path = BUF_EMPTY;
    bool in_token = init->options->key_type && strncmp(init->options->key_type, "pkcs11:", 7) == 0;
    const char *type = in_token ? init->options->token_key_type : init->options->key_type;
    if (init->options->token_key_type && !in_token)
        return error_set(error, USAGE, "init.key_type", "--key-type is for a key in a token: --key names the type of any other");
    init->store_path = conf_text(init->conf->conf, "store", "path");
    init->signer_conf = conf_text(init->conf->conf, "signer", "conf");
    init->signer_state = conf_text(init->conf->conf, "signer", "state");
    init->ceremony = (struct signer_ceremony){.state_path = init->signer_state,
                                              .key_type = type ? type : "ecdsa-p256",
                                              .token = in_token ? init->options->key_type : NULL,
                                              .passphrase = {.file = init->options->passphrase_file}};
    init->signer = (struct signer_process){.conf_path = init->signer_conf, .state_path = init->signer_state};
    buf_printf(&path, "%s/key.pem", init->signer_state);
    init->key_path = strdup(buf_text(&path));
    buf_free(&path);
    return init->key_path ? OK : error_memory(error);
}

int init_run(const struct daemon_conf *conf, const struct init_options *options, struct error *error)
{
    struct init init = {.conf = conf, .options = options};
    static int (*const steps[])(struct init *, struct error *) = {init_prepare,     step_check, step_folders, step_forker, step_key,
                                                                  step_signer_conf, step_sign,  step_record};
    int status = OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !status; i++)
        status = steps[i](&init, error);
    if (status)
        init_undo(&init);
    else
        init_report(&init);
    if (init.forker)
        forker_stop(init.forker);
    free(init.subject);
    free(init.key_path);
    buf_free(&init.spki);
    buf_free(&init.name);
    buf_free(&init.algorithm);
    buf_free(&init.certificate);
    return status;
}
