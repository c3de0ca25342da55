/* The signer end to end: a process of its own behind a socket pair, a key and
 * a journal in a folder of the test's. Everything that the authority may ask
 * for, and what it is refused. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/signer/checkpoint.h"
#include "ca/signer/conf.h"
#include "ca/signer/signer.h"
#include "ca/x509/crl.h"
#include "ca/x509/name.h"
#include "ca/x509/pkcs10.h"

#define SUBJECT "CN=EXAMPLE-CA,O=Example"
#define YEAR 31536000

struct bench {
    char folder[64], conf[96], passphrase[96], journal[96];
    struct signer_process setup;
    pid_t pid;
    struct signer *signer;
    struct signer_info info;
    struct issuer issuer;
    struct buf leaf_spki;
};

static void file_put(const char *path, const char *text, mode_t mode)
{
    struct error error = ERROR_NONE;

    assert_int_equal(file_write(path, bytes_of_text(text), mode, true, &error), OK);
}

static void bench_start(struct bench *bench)
{
    struct error error = ERROR_NONE;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    bench->pid = fork();
    assert_true(bench->pid >= 0);
    if (bench->pid == 0) {
        close(pair[0]);
        _exit(signer_process_run(pair[1], &bench->setup));
    }
    close(pair[1]);
    assert_int_equal(signer_connect(pair[0], &bench->signer, &error), OK);
}

/* Ends the signer; its exit status. */
static int bench_stop(struct bench *bench)
{
    int status = 0;

    signer_close(bench->signer);
    bench->signer = NULL;
    assert_int_equal(waitpid(bench->pid, &status, 0), bench->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void write_conf(const struct bench *bench, struct bytes spki)
{
    struct signer_conf conf = {.issuer = BUF_EMPTY, .validity_max_s = 11 * YEAR};
    struct error error = ERROR_NONE;
    struct buf hash = BUF_EMPTY;
    uint8_t digest[32];

    sha256_of(spki, digest);
    hex_encode(&hash, bytes_of(digest, sizeof digest));
    assert_int_equal(name_from_text(SUBJECT, "test", &conf.issuer, &error), OK);
    conf.passphrase_file = strdup(bench->passphrase);
    conf.key_usages = KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_ENCIPHERMENT | KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN;
    strings_add(&conf.ekus, OID_EKU_SERVER_AUTH);
    strings_add(&conf.ekus, OID_EKU_CLIENT_AUTH);
    strings_add(&conf.ca_spki, buf_text(&hash));
    assert_int_equal(signer_conf_write(bench->conf, &conf, &error), OK);
    /* Never over an existing one. */
    assert_int_equal(signer_conf_write(bench->conf, &conf, &error), REFUSED);
    buf_free(&hash);
    signer_conf_free(&conf);
}

static void make_root(struct bench *bench)
{
    struct error error = ERROR_NONE;
    struct buf tbs = BUF_EMPTY, signature = BUF_EMPTY, der = BUF_EMPTY;
    struct serial serial;
    int64_t now = clock_now();

    assert_int_equal(serial_generate(&serial, &error), OK);
    assert_int_equal(certificate_build_root_tbs(SUBJECT, buf_bytes(&bench->info.keys[0].spki), buf_bytes(&bench->info.keys[0].algorithm), &serial,
                                                now - 600, now + 10 * YEAR, -1, &tbs, &error), OK);
    if (signer_sign(bench->signer, 0, SIGN_CERTIFICATE, buf_bytes(&tbs), 1, &signature, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    assert_int_equal(certificate_assemble(buf_bytes(&tbs), buf_bytes(&bench->info.keys[0].algorithm), buf_bytes(&signature), &der, &error), OK);
    if (certificate_check_signature(buf_bytes(&der), buf_bytes(&der), &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    assert_int_equal(issuer_from_certificate(buf_bytes(&der), &bench->issuer, &error), OK);
    buf_free(&tbs);
    buf_free(&signature);
    buf_free(&der);
}

static void make_leaf_key(struct bench *bench)
{
    struct error error = ERROR_NONE;
    struct strings names = {NULL, 0};
    struct buf pem = BUF_EMPTY, der = BUF_EMPTY;
    struct pkcs10 request;

    assert_int_equal(key_make_pem("ecdsa-p256", &pem, &error), OK);
    assert_int_equal(pkcs10_make(buf_text(&pem), "CN=web07.example.com", &names, &der, &error), OK);
    assert_int_equal(pkcs10_read(buf_bytes(&der), &request, &error), OK);
    buf_add(&bench->leaf_spki, request.spki.data, request.spki.size);
    pkcs10_free(&request);
    buf_free(&pem);
    buf_free(&der);
}

static void bench_open(struct bench *bench, const char *key_type)
{
    struct error error = ERROR_NONE;
    struct buf spki = BUF_EMPTY;
    struct signer_ceremony ceremony;

    memset(bench, 0, sizeof *bench);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/chancery-signer-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->conf, sizeof bench->conf, "%s/signer.conf", bench->folder);
    snprintf(bench->passphrase, sizeof bench->passphrase, "%s/passphrase", bench->folder);
    snprintf(bench->journal, sizeof bench->journal, "%s/journal", bench->folder);
    file_put(bench->passphrase, "correct horse\nnot this\n", 0600);
    ceremony = (struct signer_ceremony){.state_path = bench->folder, .key_type = key_type, .passphrase = {bench->passphrase}};
    assert_int_equal(signer_key_generate(&ceremony, &spki, &error), OK);
    write_conf(bench, buf_bytes(&spki));
    bench->setup = (struct signer_process){bench->conf, bench->folder, 0};
    bench_start(bench);
    if (signer_info(bench->signer, &bench->info, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    assert_true(bytes_equal(buf_bytes(&spki), buf_bytes(&bench->info.keys[0].spki)));
    assert_string_equal(bench->info.keys[0].key_type, key_type);
    /* A key is never made over another. */
    assert_int_equal(signer_key_generate(&ceremony, &spki, &error), REFUSED);
    assert_string_equal(error.reason, "signer.key_exists");
    buf_free(&spki);
    make_root(bench);
    make_leaf_key(bench);
}

static void bench_close(struct bench *bench)
{
    static const char *const files[] = {"key.pem", "key.pub", "journal", "signer.conf", "passphrase"};
    char path[128];

    if (bench->signer != NULL)
        assert_int_equal(bench_stop(bench), 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", bench->folder, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(bench->folder), 0);
    signer_info_free(&bench->info);
    issuer_free(&bench->issuer);
    buf_free(&bench->leaf_spki);
}

/* A web server's certificate; eku and ca as asked. */
static void leaf_tbs(struct bench *bench, const struct serial *serial, const char *eku, bool ca, const char *name, struct buf *tbs)
{
    struct error error = ERROR_NONE;
    struct properties properties = {.path_length = -1, .ca = ca};
    struct certificate_form form = {&properties, buf_bytes(&bench->leaf_spki), *serial, clock_now() - 600, clock_now() + YEAR};

    properties.subject = strdup("CN=web07.example.com");
    properties.key_usage = KEY_USAGE_DIGITAL_SIGNATURE | (ca ? KEY_USAGE_CERT_SIGN : 0u);
    strings_add(&properties.ekus, eku);
    properties_add_name(&properties, NAME_DNS, name);
    if (certificate_build_tbs(&bench->issuer, &form, tbs, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    properties_free(&properties);
}

static void new_serial(struct serial *serial)
{
    struct error error = ERROR_NONE;

    assert_int_equal(serial_generate(serial, &error), OK);
}

static int sign(struct bench *bench, const struct buf *tbs, struct error *error)
{
    struct buf signature = BUF_EMPTY;
    int status;

    error_clear(error);
    status = signer_sign(bench->signer, 0, SIGN_CERTIFICATE, buf_bytes(tbs), 7, &signature, error);
    assert_true((status == OK) == (signature.size > 0));
    buf_free(&signature);
    return status;
}

static void certificates_and_serials(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;
    struct buf tbs = BUF_EMPTY, other = BUF_EMPTY;
    struct signer_info info;
    struct serial serial;

    bench_open(&bench, "ecdsa-p256");
    new_serial(&serial);
    leaf_tbs(&bench, &serial, OID_EKU_SERVER_AUTH, false, "web07.example.com", &tbs);
    if (sign(&bench, &tbs, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    /* The same again: a client that lost its answer. */
    assert_int_equal(sign(&bench, &tbs, &error), OK);
    leaf_tbs(&bench, &serial, OID_EKU_SERVER_AUTH, false, "web08.example.com", &other);
    assert_int_equal(sign(&bench, &other, &error), REFUSED);
    assert_string_equal(error.reason, "signer.serial_used");

    /* The journal remembers over a restart. */
    assert_int_equal(bench_stop(&bench), 0);
    bench_start(&bench);
    assert_int_equal(sign(&bench, &other, &error), REFUSED);
    assert_string_equal(error.reason, "signer.serial_used");
    error_clear(&error);
    assert_int_equal(signer_info(bench.signer, &info, &error), OK);
    assert_int_equal(info.signatures, 3);
    assert_true(info.last_at > clock_now() - 60 && info.last_at <= clock_now());
    assert_memory_equal(info.keys[0].key_id, bench.issuer.key_id, 20);
    signer_info_free(&info);
    buf_free(&tbs);
    buf_free(&other);
    bench_close(&bench);
}

static void outside_signer_conf(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;
    struct buf tbs = BUF_EMPTY, signature = BUF_EMPTY;
    struct serial serial;

    bench_open(&bench, "ecdsa-p384");
    new_serial(&serial);
    leaf_tbs(&bench, &serial, OID_EKU_SERVER_AUTH, true, "web07.example.com", &tbs);
    assert_int_equal(sign(&bench, &tbs, &error), REFUSED);
    assert_memory_equal(error.reason, "lint.", 5);
    buf_clear(&tbs);
    leaf_tbs(&bench, &serial, OID_EKU_CODE_SIGNING, false, "web07.example.com", &tbs);
    assert_int_equal(sign(&bench, &tbs, &error), REFUSED);
    assert_memory_equal(error.reason, "lint.", 5);
    /* What was refused has used no serial. */
    buf_clear(&tbs);
    leaf_tbs(&bench, &serial, OID_EKU_CLIENT_AUTH, false, "web07.example.com", &tbs);
    assert_int_equal(sign(&bench, &tbs, &error), OK);
    /* Kinds that have no row in the table, and a certificate that says it is something else. */
    error_clear(&error);
    assert_int_equal(signer_sign(bench.signer, 0, SIGN_OCSP, buf_bytes(&tbs), 1, &signature, &error), REFUSED);
    assert_string_equal(error.reason, "signer.not_allowed");
    error_clear(&error);
    assert_int_equal(signer_sign(bench.signer, 0, SIGN_CHECKPOINT, buf_bytes(&tbs), 1, &signature, &error), REFUSED);
    error_clear(&error);
    assert_int_equal(signer_sign(bench.signer, 0, SIGN_PKCS10, buf_bytes(&tbs), 1, &signature, &error), REFUSED);
    error_clear(&error);
    assert_int_equal(signer_sign(bench.signer, 0, SIGN_CERTIFICATE, bytes_of("\x30\x03\x02\x01", 4), 1, &signature, &error), REFUSED);
    buf_free(&tbs);
    bench_close(&bench);
}

static int sign_crl(struct bench *bench, uint64_t number, struct error *error)
{
    struct crl_form form = {.number = number, .this_update = clock_now(), .next_update = clock_now() + 7 * 86400};
    struct crl_entry entry = {.revoked_at = clock_now() - 60, .reason = 1};
    struct crl_writer *writer = NULL;
    struct buf signature = BUF_EMPTY;
    uint64_t entries = 0;
    size_t size = 0;
    int fd = -1, status;

    error_clear(error);
    new_serial(&entry.serial);
    assert_int_equal(crl_writer_open(&bench->issuer, &form, &writer, error), OK);
    assert_int_equal(crl_writer_add(writer, &entry), OK);
    assert_int_equal(crl_writer_finish(writer, &fd, &size, &entries, error), OK);
    status = signer_sign_crl(bench->signer, 0, fd, 9, &signature, error);
    assert_true((status == OK) == (signature.size > 0));
    buf_free(&signature);
    close(fd);
    return status;
}

static void crls(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;
    struct signer_info info;
    struct buf signature = BUF_EMPTY;
    int fd;

    bench_open(&bench, "rsa-2048");
    if (sign_crl(&bench, 1700000000, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    assert_int_equal(sign_crl(&bench, 1700000000, &error), REFUSED);
    assert_string_equal(error.reason, "signer.crl_number");
    assert_int_equal(sign_crl(&bench, 1600000000, &error), REFUSED);
    assert_int_equal(sign_crl(&bench, 1700000001, &error), OK);
    assert_int_equal(bench_stop(&bench), 0);
    bench_start(&bench);
    assert_int_equal(sign_crl(&bench, 1700000001, &error), REFUSED);
    error_clear(&error);
    assert_int_equal(signer_info(bench.signer, &info, &error), OK);
    assert_int_equal(info.keys[0].last_crl_number, 1700000001);
    signer_info_free(&info);
    /* What could change while it is signed is not looked at. */
    fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(fd, "\x30\x00", 2), 2);
    assert_int_equal(signer_sign_crl(bench.signer, 0, fd, 1, &signature, &error), REFUSED);
    assert_string_equal(error.reason, "signer.seal");
    close(fd);
    error_clear(&error);
    assert_int_equal(signer_sign(bench.signer, 0, SIGN_CRL, bytes_of("\x30\x00", 2), 1, &signature, &error), BAD_DATA);
    bench_close(&bench);
}

static int sign_checkpoint(struct bench *bench, uint64_t number, struct error *error)
{
    struct checkpoint checkpoint = {.number = number, .head = {1, 2, 3}, .at = clock_now()}, again;
    struct buf der = BUF_EMPTY, signature = BUF_EMPTY;
    int status;

    error_clear(error);
    checkpoint_build(&checkpoint, &der);
    assert_int_equal(checkpoint_read(buf_bytes(&der), &again), OK);
    assert_memory_equal(&again, &checkpoint, sizeof again);
    assert_int_equal(checkpoint_read(bytes_of(der.data, der.size - 1), &again), BAD_DATA);
    status = signer_sign(bench->signer, 0, SIGN_CHECKPOINT, buf_bytes(&der), number, &signature, error);
    buf_free(&der);
    buf_free(&signature);
    return status;
}

static void checkpoints_and_requests(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;
    struct buf info = BUF_EMPTY, signature = BUF_EMPTY, der = BUF_EMPTY;
    struct pkcs10 request;

    bench_open(&bench, "ed25519");
    assert_int_equal(sign_checkpoint(&bench, 41, &error), OK);
    assert_int_equal(sign_checkpoint(&bench, 41, &error), REFUSED);
    assert_string_equal(error.reason, "signer.checkpoint_number");
    assert_int_equal(bench_stop(&bench), 0);
    bench_start(&bench);
    assert_int_equal(sign_checkpoint(&bench, 40, &error), REFUSED);
    assert_int_equal(sign_checkpoint(&bench, 42, &error), OK);

    assert_int_equal(pkcs10_build_info(SUBJECT, buf_bytes(&bench.info.keys[0].spki), -1, &info, &error), OK);
    if (signer_sign(bench.signer, 0, SIGN_PKCS10, buf_bytes(&info), 0, &signature, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    assert_int_equal(pkcs10_assemble(buf_bytes(&info), buf_bytes(&bench.info.keys[0].algorithm), buf_bytes(&signature), &der, &error), OK);
    assert_int_equal(pkcs10_read(buf_bytes(&der), &request, &error), OK); /* and its signature verifies */
    pkcs10_free(&request);
    /* Somebody else's key. */
    buf_clear(&info);
    buf_clear(&signature);
    assert_int_equal(pkcs10_build_info(SUBJECT, buf_bytes(&bench.leaf_spki), -1, &info, &error), OK);
    assert_int_equal(signer_sign(bench.signer, 0, SIGN_PKCS10, buf_bytes(&info), 0, &signature, &error), REFUSED);
    buf_free(&info);
    buf_free(&signature);
    buf_free(&der);
    bench_close(&bench);
}

static off_t size_of(const char *path)
{
    struct stat facts;

    assert_int_equal(stat(path, &facts), 0);
    return facts.st_size;
}

static void journal_torn_and_damaged(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;
    struct signer_info info;
    off_t whole;
    int fd;

    bench_open(&bench, "ecdsa-p256");
    for (uint64_t number = 1; number <= 3; number++)
        assert_int_equal(sign_checkpoint(&bench, number, &error), OK);
    assert_int_equal(bench_stop(&bench), 0);
    whole = size_of(bench.journal);

    /* Half a record at the end: cut. */
    fd = open(bench.journal, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "half a record", 13), 13);
    close(fd);
    bench_start(&bench);
    assert_int_equal(signer_info(bench.signer, &info, &error), OK);
    assert_int_equal(info.signatures, 4);
    signer_info_free(&info);
    assert_int_equal(size_of(bench.journal), whole);
    assert_int_equal(sign_checkpoint(&bench, 3, &error), REFUSED);
    assert_int_equal(sign_checkpoint(&bench, 4, &error), OK);
    assert_int_equal(bench_stop(&bench), 0);

    /* One octet of an early record: not a torn end, and no reason to forget a serial. */
    fd = open(bench.journal, O_WRONLY);
    assert_int_equal(pwrite(fd, "\xFF", 1, 19 + 122 + 50), 1);
    close(fd);
    bench_start(&bench);
    assert_int_equal(signer_info(bench.signer, &info, &error), BAD_CONFIG);
    assert_string_equal(error.reason, "signer.journal");
    assert_non_null(strstr(error.message, "record 2 of 5"));
    assert_int_equal(bench_stop(&bench), BAD_CONFIG);
    bench_close(&bench);
}

static void start_failures(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;
    struct signer_info info;
    struct buf conf = BUF_EMPTY;

    bench_open(&bench, "ecdsa-p256");
    assert_true(signer_alive(bench.signer));
    assert_int_equal(bench_stop(&bench), 0);

    file_put(bench.passphrase, "wrong\n", 0600);
    bench_start(&bench);
    assert_int_equal(signer_info(bench.signer, &info, &error), BAD_CONFIG);
    assert_string_equal(error.reason, "signer.passphrase");
    assert_non_null(strstr(error.message, "key.pem"));
    assert_false(signer_alive(bench.signer));
    assert_int_equal(bench_stop(&bench), BAD_CONFIG);

    /* A configuration that anybody could have written. */
    file_put(bench.passphrase, "correct horse", 0600);
    assert_int_equal(chmod(bench.conf, 0666), 0);
    bench_start(&bench);
    error_clear(&error);
    assert_int_equal(signer_info(bench.signer, &info, &error), BAD_CONFIG);
    assert_string_equal(error.reason, "file.mode");
    assert_int_equal(bench_stop(&bench), BAD_CONFIG);

    error_clear(&error);
    assert_int_equal(file_read(bench.conf, 65536, &conf, &error), OK);
    buf_add_text(&conf, "key = pkcs11:token=hsm\n");
    file_put(bench.conf, buf_text(&conf), 0644);
    buf_free(&conf);
    bench_start(&bench);
    assert_int_equal(signer_info(bench.signer, &info, &error), BAD_CONFIG);
    assert_string_equal(error.reason, "signer.uri");
    assert_int_equal(bench_stop(&bench), BAD_CONFIG);
    bench_close(&bench);
}

static void killed_while_serving(void **state)
{
    struct bench bench;
    struct error error = ERROR_NONE;
    struct signer_info info;
    int status;

    bench_open(&bench, "ecdsa-p256");
    assert_int_equal(kill(bench.pid, SIGKILL), 0);
    assert_int_equal(waitpid(bench.pid, &status, 0), bench.pid);
    assert_int_equal(signer_info(bench.signer, &info, &error), TEMPORARY);
    assert_string_equal(error.reason, "signer.gone");
    signer_close(bench.signer);
    bench.signer = NULL;
    bench_close(&bench);
}

struct burst {
    struct bench *bench;
    size_t signed_count;
};

static void *burst_run(void *argument)
{
    struct burst *burst = argument;
    struct error error = ERROR_NONE;

    for (int i = 0; i < 50; i++) {
        struct buf tbs = BUF_EMPTY, signature = BUF_EMPTY;
        struct serial serial;

        serial_generate(&serial, &error);
        leaf_tbs(burst->bench, &serial, OID_EKU_SERVER_AUTH, false, "web07.example.com", &tbs);
        if (signer_sign(burst->bench->signer, 0, SIGN_CERTIFICATE, buf_bytes(&tbs), 1, &signature, &error) == OK)
            burst->signed_count++;
        buf_free(&tbs);
        buf_free(&signature);
    }
    return NULL;
}

static void many_at_once(void **state)
{
    struct bench bench;
    struct burst bursts[8];
    pthread_t threads[8];
    struct signer_info info;
    struct error error = ERROR_NONE;

    bench_open(&bench, "ecdsa-p256");
    for (size_t i = 0; i < 8; i++) {
        bursts[i] = (struct burst){&bench, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, burst_run, &bursts[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(bursts[i].signed_count, 50);
    }
    assert_int_equal(signer_info(bench.signer, &info, &error), OK);
    assert_int_equal(info.signatures, 401);
    signer_info_free(&info);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_and_serials), cmocka_unit_test(outside_signer_conf),
        cmocka_unit_test(crls),                     cmocka_unit_test(checkpoints_and_requests),
        cmocka_unit_test(journal_torn_and_damaged), cmocka_unit_test(start_failures),
        cmocka_unit_test(killed_while_serving),     cmocka_unit_test(many_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
