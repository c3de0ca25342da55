/* A signer with several keys: made one after the other under one passphrase, each with its own limits, CRL series and name in
 * the journal. One key of the CA is never certified under another name by another. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/signer/conf.h"
#include "ca/signer/journal.h"
#include "ca/x509/crl.h"
#include "ca/x509/name.h"

#define SUBJECT "CN=EXAMPLE-CA,O=Example"
#define YEAR 31536000

struct bench {
    char folder[64], conf[96], passphrase[96];
    struct signer_process setup;
    pid_t pid;
    struct signer *signer;
    struct signer_info info;
    struct issuer issuers[2];
};

static void put(const char *path, const char *text, mode_t mode)
{
    struct error error = ERROR_NONE;

    assert_int_equal(file_write(path, bytes_of_text(text), mode, true, &error), OK);
}

/* The status of signer_info, so that a start that fails can be looked at. */
static int start(struct bench *bench, struct error *error)
{
    int pair[2];

    error_clear(error);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    bench->pid = fork();
    assert_true(bench->pid >= 0);
    if (bench->pid == 0) {
        close(pair[0]);
        _exit(signer_process_run(pair[1], &bench->setup));
    }
    close(pair[1]);
    assert_int_equal(signer_connect(pair[0], &bench->signer, error), OK);
    signer_info_free(&bench->info);
    return signer_info(bench->signer, &bench->info, error);
}

static void stop(struct bench *bench)
{
    int status = 0;

    signer_close(bench->signer);
    bench->signer = NULL;
    assert_int_equal(waitpid(bench->pid, &status, 0), bench->pid);
}

static struct buf digest_of(struct bytes spki)
{
    struct buf hex = BUF_EMPTY;
    uint8_t digest[32];

    sha256_of(spki, digest);
    hex_encode(&hex, bytes_of(digest, sizeof digest));
    return hex;
}

static void write_conf(const struct bench *bench, struct bytes spki)
{
    struct signer_conf conf = {.issuer = BUF_EMPTY, .validity_max_s = 11 * YEAR};
    struct error error = ERROR_NONE;
    struct buf hash = digest_of(spki);

    assert_int_equal(name_from_text(SUBJECT, "test", &conf.issuer, &error), OK);
    conf.passphrase_file = strdup(bench->passphrase);
    conf.key_usages = 0xff;
    strings_add(&conf.ekus, OID_EKU_SERVER_AUTH);
    strings_add(&conf.ca_spki, buf_text(&hash));
    assert_int_equal(signer_conf_write(bench->conf, &conf, &error), OK);
    buf_free(&hash);
    signer_conf_free(&conf);
}

static struct signer_ceremony ceremony(const struct bench *bench, unsigned index, const char *type)
{
    return (struct signer_ceremony){.state_path = bench->folder, .conf_path = bench->conf, .key_index = index, .key_type = type,
                                    .passphrase = {bench->passphrase}};
}

static void open_bench(struct bench *bench)
{
    struct error error = ERROR_NONE;
    struct buf spki = BUF_EMPTY;
    struct signer_ceremony first;

    memset(bench, 0, sizeof *bench);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/chancery-keys-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->conf, sizeof bench->conf, "%s/signer.conf", bench->folder);
    snprintf(bench->passphrase, sizeof bench->passphrase, "%s/passphrase", bench->folder);
    bench->setup = (struct signer_process){.conf_path = bench->conf, .state_path = bench->folder};
    put(bench->passphrase, "correct horse\n", 0600);
    first = ceremony(bench, 0, "ecdsa-p256");
    assert_int_equal(signer_key_generate(&first, &spki, &error), OK);
    write_conf(bench, buf_bytes(&spki));
    buf_free(&spki);
}

static void close_bench(struct bench *bench)
{
    static const char *const files[] = {"key.pem", "key.1.pem", "key.2.pem", "key.pub", "key.1.pub", "key.2.pub", "journal", "signer.conf", "passphrase"};
    char path[128];

    if (bench->signer != NULL)
        stop(bench);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", bench->folder, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(bench->folder), 0);
    signer_info_free(&bench->info);
    for (size_t i = 0; i < 2; i++)
        issuer_free(&bench->issuers[i]);
}

/* A further key, made and listed. */
static void add_key(struct bench *bench, unsigned index, const char *type, bool self_signed)
{
    struct error error = ERROR_NONE;
    struct buf spki = BUF_EMPTY, hash;
    struct signer_ceremony further = ceremony(bench, index, type);
    struct signer_key_conf key = {.self_signed = self_signed};

    if (signer_key_add(&further, &spki, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    hash = digest_of(buf_bytes(&spki));
    key.spki = (char *)buf_text(&hash);
    assert_int_equal(signer_conf_add_key(bench->conf, index, &key, &error), OK);
    buf_free(&hash);
    buf_free(&spki);
}

static int sign_root(struct bench *bench, unsigned index, const char *subject, const struct signer_key_info *subject_key,
                     struct error *error)
{
    const struct signer_key_info *key = &bench->info.keys[index];
    struct buf tbs = BUF_EMPTY, signature = BUF_EMPTY, der = BUF_EMPTY;
    struct serial serial;
    int64_t now = clock_now();
    int status;

    error_clear(error);
    assert_int_equal(serial_generate(&serial, error), OK);
    assert_int_equal(certificate_build_root_tbs(subject, buf_bytes(&subject_key->spki), buf_bytes(&key->algorithm), &serial, now - 600,
                                                now + 10 * YEAR, -1, &tbs, error), OK);
    status = signer_sign(bench->signer, index, SIGN_CERTIFICATE, buf_bytes(&tbs), 1, &signature, error);
    if (status == OK && subject_key == key) {
        assert_int_equal(certificate_assemble(buf_bytes(&tbs), buf_bytes(&key->algorithm), buf_bytes(&signature), &der, error), OK);
        assert_int_equal(certificate_check_signature(buf_bytes(&der), buf_bytes(&der), error), OK);
        assert_int_equal(issuer_from_certificate(buf_bytes(&der), &bench->issuers[index], error), OK);
    }
    buf_free(&tbs);
    buf_free(&signature);
    buf_free(&der);
    return status;
}

static int sign_leaf(struct bench *bench, unsigned index, const struct issuer *issuer, struct bytes spki, struct error *error)
{
    struct properties properties = {.path_length = -1, .key_usage = KEY_USAGE_DIGITAL_SIGNATURE};
    struct certificate_form form = {.properties = &properties, .spki = spki, .not_before = clock_now() - 600,
                                    .not_after = clock_now() + YEAR};
    struct buf tbs = BUF_EMPTY, signature = BUF_EMPTY;
    int status;

    error_clear(error);
    assert_int_equal(serial_generate(&form.serial, error), OK);
    properties.subject = strdup("CN=web07.example.com");
    strings_add(&properties.ekus, OID_EKU_SERVER_AUTH);
    properties_add_name(&properties, NAME_DNS, "web07.example.com");
    assert_int_equal(certificate_build_tbs(issuer, &form, &tbs, error), OK);
    status = signer_sign(bench->signer, index, SIGN_CERTIFICATE, buf_bytes(&tbs), 7, &signature, error);
    buf_free(&tbs);
    buf_free(&signature);
    properties_free(&properties);
    return status;
}

static int sign_crl(struct bench *bench, unsigned index, const struct issuer *issuer, uint64_t number, struct error *error)
{
    struct crl_form form = {.number = number, .this_update = clock_now(), .next_update = clock_now() + 7 * 86400};
    struct crl_writer *writer = NULL;
    struct buf signature = BUF_EMPTY;
    uint64_t entries = 0;
    size_t size = 0;
    int fd = -1, status;

    error_clear(error);
    assert_int_equal(crl_writer_open(issuer, &form, &writer, error), OK);
    assert_int_equal(crl_writer_finish(writer, &fd, &size, &entries, error), OK);
    status = signer_sign_crl(bench->signer, index, fd, 9, &signature, error);
    buf_free(&signature);
    close(fd);
    return status;
}

/* A public key that is none of the CA's. */
static void stranger(struct buf *spki)
{
    struct error error = ERROR_NONE;
    struct signer_ceremony other = {.key_type = "ecdsa-p256"};
    char folder[] = "/tmp/chancery-keys-XXXXXX", path[64], passphrase[64];

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key.pem", folder);
    snprintf(passphrase, sizeof passphrase, "%s/passphrase", folder);
    put(passphrase, "x\n", 0600);
    other.state_path = folder;
    other.passphrase.file = passphrase;
    assert_int_equal(signer_key_generate(&other, spki, &error), OK);
    unlink(path);
    unlink(passphrase);
    assert_int_equal(rmdir(folder), 0);
}

static void keys_of_different_types(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;
    struct buf spki = BUF_EMPTY;

    open_bench(&bench);
    add_key(&bench, 1, "rsa-2048", true);
    add_key(&bench, 2, "ed25519", false);
    if (start(&bench, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    assert_int_equal(bench.info.key_count, 3);
    assert_string_equal(bench.info.keys[0].key_type, "ecdsa-p256");
    assert_string_equal(bench.info.keys[1].key_type, "rsa-2048");
    assert_string_equal(bench.info.keys[2].key_type, "ed25519");

    for (unsigned i = 0; i < 2; i++)
        if (sign_root(&bench, i, SUBJECT, &bench.info.keys[i], &error) != OK)
            fail_msg("key %u: %s: %s", i, error.reason, error.message);
    /* Not listed by root: the parent of a subordinate signs its certificate, it does not itself. */
    assert_int_equal(sign_root(&bench, 2, SUBJECT, &bench.info.keys[2], &error), REFUSED);
    assert_string_equal(error.reason, "lint.ca_not_listed");
    assert_int_equal(sign_root(&bench, 3, SUBJECT, &bench.info.keys[0], &error), REFUSED);
    assert_string_equal(error.reason, "signer.key_index");

    stranger(&spki);
    assert_int_equal(sign_leaf(&bench, 0, &bench.issuers[0], buf_bytes(&spki), &error), OK);
    assert_int_equal(sign_leaf(&bench, 1, &bench.issuers[1], buf_bytes(&spki), &error), OK);
    /* A certificate made for one key is not signed by the other: algorithm and authority key identifier are its own. */
    assert_int_equal(sign_leaf(&bench, 1, &bench.issuers[0], buf_bytes(&spki), &error), REFUSED);
    assert_string_equal(error.reason, "lint.algorithm");
    buf_free(&spki);
    close_bench(&bench);
}

static void own_keys_under_other_names(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;

    open_bench(&bench);
    add_key(&bench, 1, "ecdsa-p256", true);
    assert_int_equal(start(&bench, &error), OK);
    assert_int_equal(sign_root(&bench, 0, SUBJECT, &bench.info.keys[0], &error), OK);
    assert_int_equal(sign_root(&bench, 1, SUBJECT, &bench.info.keys[1], &error), OK);
    /* Same type of key, same algorithm: the key identifier tells them apart. */
    assert_int_equal(sign_crl(&bench, 1, &bench.issuers[0], 5, &error), REFUSED);
    assert_string_equal(error.reason, "lint.aki");
    /* Either of the CA's keys as a web server's. */
    for (unsigned i = 0; i < 2; i++)
        for (unsigned by = 0; by < 2; by++) {
            assert_int_equal(sign_leaf(&bench, by, &bench.issuers[by], buf_bytes(&bench.info.keys[i].spki), &error), REFUSED);
            assert_string_equal(error.reason, "lint.own_key");
        }
    close_bench(&bench);
}

static void a_crl_series_each(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;

    open_bench(&bench);
    add_key(&bench, 1, "ecdsa-p256", true);
    assert_int_equal(start(&bench, &error), OK);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(sign_root(&bench, i, SUBJECT, &bench.info.keys[i], &error), OK);
    assert_int_equal(sign_crl(&bench, 0, &bench.issuers[0], 1700000000, &error), OK);
    /* Below the other's number: a series of its own. */
    assert_int_equal(sign_crl(&bench, 1, &bench.issuers[1], 1600000000, &error), OK);
    assert_int_equal(sign_crl(&bench, 1, &bench.issuers[1], 1600000000, &error), REFUSED);
    assert_string_equal(error.reason, "signer.crl_number");
    stop(&bench);
    assert_int_equal(start(&bench, &error), OK);
    assert_int_equal(bench.info.keys[0].last_crl_number, 1700000000);
    assert_int_equal(bench.info.keys[1].last_crl_number, 1600000000);
    assert_int_equal(sign_crl(&bench, 0, &bench.issuers[0], 1650000000, &error), REFUSED);
    assert_int_equal(sign_crl(&bench, 1, &bench.issuers[1], 1600000001, &error), OK);
    close_bench(&bench);
}

static void interrupted_and_wrong_additions(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;
    struct buf first = BUF_EMPTY, again = BUF_EMPTY, none = BUF_EMPTY;
    struct signer_ceremony further;

    open_bench(&bench);
    further = ceremony(&bench, 1, "ecdsa-p384");
    assert_int_equal(signer_key_add(&further, &first, &error), OK);
    /* Ended before signer.conf named it: the next run takes the same key. */
    assert_int_equal(signer_key_add(&further, &again, &error), OK);
    assert_true(bytes_equal(buf_bytes(&first), buf_bytes(&again)));
    /* The signer serves without it. */
    assert_int_equal(start(&bench, &error), OK);
    assert_int_equal(bench.info.key_count, 1);
    stop(&bench);
    further.key_type = "ed25519";
    assert_int_equal(signer_key_add(&further, &none, &error), REFUSED);
    assert_string_equal(error.reason, "signer.key_exists");
    further.key_index = 2;
    error_clear(&error);
    assert_int_equal(signer_key_add(&further, &none, &error), REFUSED);
    assert_string_equal(error.reason, "signer.key_index");
    /* Another passphrase than the first key's would make a key that nobody can use. */
    put(bench.passphrase, "another\n", 0600);
    further = ceremony(&bench, 1, "ecdsa-p384");
    error_clear(&error);
    assert_int_equal(signer_key_add(&further, &none, &error), BAD_CONFIG);
    assert_string_equal(error.reason, "signer.passphrase");
    assert_int_equal(none.size, 0);
    buf_free(&first);
    buf_free(&again);
    close_bench(&bench);
}

static void start_refused(struct bench *bench, const char *sections, const char *reason)
{
    struct error error = ERROR_NONE;
    struct buf before = BUF_EMPTY, text = BUF_EMPTY;

    assert_int_equal(file_read(bench->conf, 65536, &before, &error), OK);
    buf_add(&text, before.data, before.size);
    buf_add_text(&text, sections);
    put(bench->conf, buf_text(&text), 0644);
    assert_int_equal(start(bench, &error), BAD_CONFIG);
    assert_string_equal(error.reason, reason);
    stop(bench);
    put(bench->conf, buf_text(&before), 0644);
    buf_free(&before);
    buf_free(&text);
}

static void configurations_refused(void **state)
{
    static const char hash[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct bench bench;
    struct error error = ERROR_NONE;
    struct buf spki = BUF_EMPTY;
    struct signer_ceremony further;
    char text[256];

    open_bench(&bench);
    further = ceremony(&bench, 1, "ecdsa-p256");
    assert_int_equal(signer_key_add(&further, &spki, &error), OK);
    start_refused(&bench, "[key.1]\nself_signed = yes\n", "conf.missing");
    start_refused(&bench, "[key.1]\nspki = abc\n", "conf.value");
    snprintf(text, sizeof text, "[key.2]\nspki = %s\n", hash);
    start_refused(&bench, text, "conf.keys");
    snprintf(text, sizeof text, "[key.1]\nspki = %s\n", hash);
    start_refused(&bench, text, "signer.key_other");
    snprintf(text, sizeof text, "[key.1]\nspki = %s\nkey = key.1.pem\n", hash);
    start_refused(&bench, text, "conf.value");
    snprintf(text, sizeof text, "[key.1]\nspki = %s\nkey = %s/none.pem\n", hash, bench.folder);
    start_refused(&bench, text, "signer.key");
    /* And without them it starts. */
    assert_int_equal(start(&bench, &error), OK);
    buf_free(&spki);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_different_types),         cmocka_unit_test(own_keys_under_other_names),
        cmocka_unit_test(a_crl_series_each),               cmocka_unit_test(interrupted_and_wrong_additions),
        cmocka_unit_test(configurations_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
