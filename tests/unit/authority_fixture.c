/* How the fixture is made. The signer is forked first, before there is any thread. */
#include "tests/unit/authority_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/api/api.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/directory/directory.h"
#include "ca/directory/identity.h"
#include "ca/policy/policy.h"
#include "ca/signer/conf.h"
#include "ca/signer/signer.h"
#include "ca/x509/certificate.h"
#include "ca/x509/name.h"

#define SUBJECT "CN=" FIXTURE_CA_NAME ",O=Test"
#define YEAR 31536000

static const struct conf_item fixture_items[] = {
    {"store", "path", CONF_PATH, NULL, "", 0, 0},
    {"signer", "conf", CONF_PATH, NULL, "", 0, 0},
    DIRECTORY_ITEMS("directory"),
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};

static void must(bool good, const char *what, const struct error *error)
{
    if (good)
        return;
    fprintf(stderr, "authority fixture: %s: %s (%s)\n", what, error != NULL ? error->message : "", error != NULL ? error->reason : "");
    abort();
}

static void file_put(const char *path, const char *text)
{
    struct error error = ERROR_NONE;

    must(file_write(path, bytes_of_text(text), 0600, true, &error) == OK, path, &error);
}

void fixture_etc(const struct fixture *fixture, const char *name, const char *text)
{
    char path[300];

    snprintf(path, sizeof path, "%s/etc/%s", fixture->folder, name);
    file_put(path, text);
}

static void etc_make(const struct fixture *fixture)
{
    char path[240];

    snprintf(path, sizeof path, "%s/etc", fixture->folder);
    mkdir(path, 0755);
    fixture_etc(fixture, "passwd",
                "root:x:0:0::/:/bin/sh\nadam:x:1001:100::/:/bin/sh\nolga:x:1002:100::/:/bin/sh\naudrey:x:1003:100::/:/bin/sh\n"
                "otis:x:1004:100::/:/bin/sh\nrita:x:1005:100::/:/bin/sh\npeter:x:1006:100::/:/bin/sh\n"
                "chancery-cron:x:1007:1007::/:/bin/false\nboth:x:1008:100::/:/bin/sh\nmember:x:1009:100::/:/bin/sh\n"
                "primary:x:1010:500::/:/bin/sh\n");
    fixture_etc(fixture, "group", "users:x:100:\nchancery-officer:x:500:member,stranger-of-the-name-service\n");
}

static void conf_make(struct fixture *fixture, const char *more)
{
    static const struct conf_item *const tables[] = {authority_items, fixture_items, identity_items, api_items, NULL};
    struct error error = ERROR_NONE;
    struct buf text = BUF_EMPTY;

    buf_printf(&text, "[ca]\nname = " FIXTURE_CA_NAME "\nhost = ca.example.com\n[store]\npath = %s\n[signer]\nconf = %s\n",
               fixture->store_path, fixture->signer_conf);
    if (more == NULL || strncmp(more, "[roles]", 7) != 0)
        buf_add_text(&text, "[roles]\nadministrators = adam both\nofficers = olga 1008\nauditors = audrey\noperators = otis\nreaders = rita\n");
    buf_add_text(&text, more != NULL ? more : "");
    file_put(fixture->conf_path, buf_text(&text));
    must(conf_load(fixture->conf_path, tables, &fixture->conf, &error) == OK, "configuration", &error);
    buf_free(&text);
}

/* ---- signer and certificate ---- */

static void key_make(struct fixture *fixture, struct buf *spki)
{
    struct signer_ceremony ceremony = {.state_path = fixture->state, .key_type = "ecdsa-p256", .passphrase = {fixture->passphrase}};
    struct signer_conf conf = {.issuer = BUF_EMPTY, .validity_max_s = 11LL * YEAR};
    struct error error = ERROR_NONE;
    struct buf hash = BUF_EMPTY;
    uint8_t digest[32];

    file_put(fixture->passphrase, "a passphrase\n");
    must(signer_key_generate(&ceremony, spki, &error) == OK, "key", &error);
    sha256_of(buf_bytes(spki), digest);
    hex_encode(&hash, bytes_of(digest, sizeof digest));
    must(name_from_text(SUBJECT, "test", &conf.issuer, &error) == OK, "subject", &error);
    conf.passphrase_file = strdup(fixture->passphrase);
    conf.key_usages = KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_ENCIPHERMENT | KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN;
    strings_add(&conf.ekus, OID_EKU_CLIENT_AUTH);
    strings_add(&conf.ca_spki, buf_text(&hash));
    must(signer_conf_write(fixture->signer_conf, &conf, &error) == OK, "signer.conf", &error);
    buf_free(&hash);
    signer_conf_free(&conf);
}

static void signer_begin(struct fixture *fixture)
{
    struct signer_process setup = {.conf_path = fixture->signer_conf, .state_path = fixture->state};
    struct error error = ERROR_NONE;
    int pair[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair", NULL);
    fixture->signer_pid = fork();
    must(fixture->signer_pid >= 0, "fork", NULL);
    if (fixture->signer_pid == 0) {
        close(pair[0]);
        _exit(signer_process_run(pair[1], &setup));
    }
    close(pair[1]);
    must(signer_connect(pair[0], &fixture->signer, &error) == OK, "signer", &error);
}

static void certificate_make(struct fixture *fixture)
{
    struct signer_info info = {.locked = false};
    struct error error = ERROR_NONE;
    struct buf tbs = BUF_EMPTY, signature = BUF_EMPTY;
    struct serial serial;
    int64_t now = clock_now();

    must(signer_info(fixture->signer, &info, &error) == OK && serial_generate(&serial, &error) == OK, "signer", &error);
    must(certificate_build_root_tbs(SUBJECT, buf_bytes(&info.keys[0].spki), buf_bytes(&info.keys[0].algorithm), &serial, now - 600, now + 10LL * YEAR, -1,
                                    &tbs, &error) == OK, "certificate", &error);
    must(signer_sign(fixture->signer, 0, SIGN_CERTIFICATE, buf_bytes(&tbs), 1, &signature, &error) == OK, "signing", &error);
    must(certificate_assemble(buf_bytes(&tbs), buf_bytes(&info.keys[0].algorithm), buf_bytes(&signature), &fixture->certificate, &error) == OK,
         "certificate", &error);
    buf_free(&tbs);
    buf_free(&signature);
    signer_info_free(&info);
}

static int certificate_store(struct store_txn *txn, void *argument, struct error *error)
{
    const struct fixture *fixture = argument;

    (void)error;
    setting_put(txn, "ca.certificate", buf_bytes(&fixture->certificate));
    return store_txn_failed(txn);
}

/* ---- policy ---- */

static enum chancery_verdict pend(void *state, struct chancery_request *request)
{
    (void)state;
    chancery_set_message(request, "test.pends", "everything pends here");
    return CHANCERY_PEND;
}

static const struct chancery_module pending = {
    .abi = CHANCERY_MODULE_ABI, .name = "pending", .kind = CHANCERY_POLICY, .verify_request = pend,
};

static int probe(void *argument, const char *module, const char *dn, struct strings *lines, struct error *error)
{
    (void)argument;
    (void)dn;
    (void)error;
    return strings_add(lines, module);
}

/* ---- begin and end ---- */

static int open_all(struct fixture *fixture, const char *more, bool create, struct error *error)
{
    struct store_options options = {.path = fixture->store_path, .cache_bytes = 8 << 20, .create = create};
    struct error why = ERROR_NONE;
    char etc[240];

    conf_make(fixture, more);
    must(store_open(&options, &fixture->store, &why) == OK, "store", &why);
    if (create)
        must(store_write(fixture->store, certificate_store, fixture, &why) == OK, "certificate", &why);
    must(policy_load(NULL, NULL, &fixture->policy, &why) == OK && policy_add(fixture->policy, &pending, &why) == OK &&
         policy_open(fixture->policy, fixture->conf, &why) == OK, "policy", &why);
    snprintf(etc, sizeof etc, "%s/etc", fixture->folder);
    struct authority_options authority = {.conf = fixture->conf, .store = fixture->store, .signer = fixture->signer,
                                          .policy = fixture->policy, .probe = probe, .accounts_folder = etc};
    return authority_open(&authority, &fixture->authority, error);
}

int fixture_begin(struct fixture *fixture, const char *more, struct error *error)
{
    const char *base = getenv("TMPDIR");
    struct buf spki = BUF_EMPTY;

    memset(fixture, 0, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "%.150s/chancery-auth-XXXXXX", base != NULL ? base : "/tmp");
    must(mkdtemp(fixture->folder) != NULL, fixture->folder, NULL);
    snprintf(fixture->state, sizeof fixture->state, "%s/signer", fixture->folder);
    snprintf(fixture->store_path, sizeof fixture->store_path, "%s/db", fixture->folder);
    snprintf(fixture->conf_path, sizeof fixture->conf_path, "%s/chancery.conf", fixture->folder);
    snprintf(fixture->signer_conf, sizeof fixture->signer_conf, "%s/signer.conf", fixture->folder);
    snprintf(fixture->passphrase, sizeof fixture->passphrase, "%s/passphrase", fixture->folder);
    mkdir(fixture->state, 0700);
    mkdir(fixture->store_path, 0700);
    etc_make(fixture);
    key_make(fixture, &spki);
    buf_free(&spki);
    signer_begin(fixture);
    certificate_make(fixture);
    return open_all(fixture, more, true, error);
}

static void close_all(struct fixture *fixture)
{
    if (fixture->authority != NULL)
        authority_stop(fixture->authority);
    authority_close(fixture->authority);
    fixture->authority = NULL;
    policy_close(fixture->policy);
    store_close(fixture->store);
    conf_free(fixture->conf);
    signer_close(fixture->signer);
    waitpid(fixture->signer_pid, NULL, 0);
}

int fixture_restart(struct fixture *fixture, const char *more, struct error *error)
{
    close_all(fixture);
    signer_begin(fixture);
    return open_all(fixture, more, false, error);
}

static int remove_each(const char *path, const struct stat *state, int kind, struct FTW *where)
{
    (void)state;
    (void)kind;
    (void)where;
    return remove(path);
}

void fixture_end(struct fixture *fixture)
{
    close_all(fixture);
    buf_free(&fixture->certificate);
    nftw(fixture->folder, remove_each, 8, FTW_DEPTH | FTW_PHYS);
}
