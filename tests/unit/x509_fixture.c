/* Keys, a CA and certificates for the x509 tests, and outside judges.
 * No test stands here. */
#include "tests/unit/x509_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/x509/key.h"
#include "ca/x509/pkcs10.h"

extern char **environ;

void test_key_make(struct test_key *key, const char *type)
{
    struct error error = ERROR_NONE;
    gnutls_datum_t pem, der = {NULL, 0};
    gnutls_pubkey_t public;

    memset(key, 0, sizeof(*key));
    assert_int_equal(key_make_pem(type, &key->pem, &error), OK);
    pem = (gnutls_datum_t){key->pem.data, (unsigned)key->pem.size};
    assert_int_equal(gnutls_privkey_init(&key->private), 0);
    assert_int_equal(gnutls_privkey_import_x509_raw(key->private, &pem, GNUTLS_X509_FMT_PEM, NULL, 0), 0);
    assert_int_equal(gnutls_pubkey_init(&public), 0);
    assert_int_equal(gnutls_pubkey_import_privkey(public, key->private, 0, 0), 0);
    assert_int_equal(gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &der), 0);
    buf_add(&key->spki, der.data, der.size);
    gnutls_free(der.data);
    gnutls_pubkey_deinit(public);
    assert_int_equal(key_signature_algorithm(buf_bytes(&key->spki), &key->algorithm, &error), OK);
}

void test_key_free(struct test_key *key)
{
    buf_free(&key->pem);
    buf_free(&key->spki);
    buf_free(&key->algorithm);
    if (key->private != NULL)
        gnutls_privkey_deinit(key->private);
    memset(key, 0, sizeof(*key));
}

void test_key_sign(const struct test_key *key, struct bytes data, struct buf *signature)
{
    gnutls_datum_t in = {(unsigned char *)data.data, (unsigned)data.size}, out = {NULL, 0};
    gnutls_sign_algorithm_t algorithm = GNUTLS_SIGN_ECDSA_SHA256;
    struct key_facts facts;

    assert_int_equal(key_describe(buf_bytes(&key->spki), &facts, NULL), OK);
    if (facts.kind == KEY_RSA)
        algorithm = GNUTLS_SIGN_RSA_SHA256;
    else if (facts.kind == KEY_ED25519)
        algorithm = GNUTLS_SIGN_EDDSA_ED25519;
    else if (facts.bits == 384)
        algorithm = GNUTLS_SIGN_ECDSA_SHA384;
    assert_int_equal(gnutls_privkey_sign_data2(key->private, algorithm, 0, &in, &out), 0);
    buf_add(signature, out.data, out.size);
    gnutls_free(out.data);
}

void test_sign(const struct test_key *key, struct bytes tbs, struct buf *der)
{
    struct buf signature = BUF_EMPTY;

    test_key_sign(key, tbs, &signature);
    assert_int_equal(certificate_assemble(tbs, buf_bytes(&key->algorithm), buf_bytes(&signature), der, NULL), OK);
    buf_free(&signature);
}

void test_ca_make(struct test_ca *ca, const char *subject, const char *key_type)
{
    struct error error = ERROR_NONE;
    struct buf tbs = BUF_EMPTY;
    struct serial serial;
    int64_t now = clock_now();

    memset(ca, 0, sizeof(*ca));
    test_key_make(&ca->key, key_type);
    assert_int_equal(serial_generate(&serial, &error), OK);
    assert_int_equal(certificate_build_root_tbs(subject, buf_bytes(&ca->key.spki), buf_bytes(&ca->key.algorithm), &serial, now - 600,
                                                now + 10 * INT64_C(31536000), -1, &tbs, &error), OK);
    test_sign(&ca->key, buf_bytes(&tbs), &ca->der);
    if (issuer_from_certificate(buf_bytes(&ca->der), &ca->issuer, &error) != OK)
        fail_msg("%s", error.message);
    strings_add(&ca->issuer.cdp_urls, "http://pki.example.com/EXAMPLE-CA.crl");
    strings_add(&ca->issuer.cdp_urls, "ldap:///cn=EXAMPLE-CA,ou=pki,dc=example,dc=com?certificateRevocationList;binary");
    strings_add(&ca->issuer.aia_urls, "http://pki.example.com/EXAMPLE-CA.crt");
    strings_add(&ca->issuer.ocsp_urls, "http://ocsp.example.com/");
    buf_free(&tbs);
}

void test_ca_free(struct test_ca *ca)
{
    test_key_free(&ca->key);
    buf_free(&ca->der);
    issuer_free(&ca->issuer);
}

void test_issue(const struct test_ca *ca, const struct test_key *key, const struct properties *properties, struct buf *tbs, struct buf *der)
{
    struct certificate_form form = {.properties = properties, .spki = buf_bytes(&key->spki)};
    struct error error = ERROR_NONE;
    int64_t now = clock_now();

    form.not_before = now - 600;
    form.not_after = now + 365 * INT64_C(86400);
    assert_int_equal(serial_generate(&form.serial, &error), OK);
    if (certificate_build_tbs(&ca->issuer, &form, tbs, &error) != OK)
        fail_msg("%s", error.message);
    if (der != NULL)
        test_sign(&ca->key, buf_bytes(tbs), der);
}

void test_web_properties(struct properties *properties)
{
    memset(properties, 0, sizeof(*properties));
    properties->subject = strdup("CN=web07.example.com,OU=Servers,DC=example,DC=com");
    properties_add_name(properties, NAME_DNS, "web07.example.com");
    properties_add_name(properties, NAME_IP, "192.0.2.7");
    properties->key_usage = KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_ENCIPHERMENT;
    strings_add(&properties->ekus, OID_EKU_SERVER_AUTH);
    strings_add(&properties->ekus, OID_EKU_CLIENT_AUTH);
    properties->path_length = -1;
    properties->template_name = strdup("WebServer");
    properties->template_oid = strdup("1.3.6.1.4.1.311.21.8.1.2.3");
    properties->template_major = 100;
    properties->template_minor = 4;
    properties->requester_uuid = strdup("7e0a1bd4-8a0f-4f3e-9d5c-0123456789ab");
}

void test_limits(const struct test_ca *ca, const struct strings *ekus, const struct strings *ca_spki, struct lint_limits *limits)
{
    memset(limits, 0, sizeof(*limits));
    limits->issuer_name = buf_bytes(&ca->issuer.name);
    limits->algorithm = buf_bytes(&ca->issuer.algorithm);
    limits->own_spki = buf_bytes(&ca->issuer.spki);
    memcpy(limits->key_id, ca->issuer.key_id, sizeof(limits->key_id));
    limits->validity_max_s = 20 * INT64_C(31536000);
    limits->key_usages = KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_ENCIPHERMENT | KEY_USAGE_NON_REPUDIATION | KEY_USAGE_CERT_SIGN |
                         KEY_USAGE_CRL_SIGN;
    limits->ekus = ekus;
    limits->ca_spki = ca_spki;
}

/* ---- files and programs ---- */

static char folder[64];
static struct strings files;

const char *test_file(const char *name, struct bytes data)
{
    struct buf path = BUF_EMPTY;

    if (folder[0] == '\0') {
        snprintf(folder, sizeof(folder), "/tmp/chancery-x509-XXXXXX");
        assert_non_null(mkdtemp(folder));
    }
    buf_printf(&path, "%s/%s", folder, name);
    assert_int_equal(file_write(buf_text(&path), data, 0600, true, NULL), OK);
    assert_int_equal(strings_add(&files, buf_text(&path)), OK);
    buf_free(&path);
    return files.items[files.count - 1];
}

void test_files_remove(void)
{
    for (size_t i = 0; i < files.count; i++)
        unlink(files.items[i]);
    strings_free(&files);
    if (folder[0] != '\0')
        rmdir(folder);
    folder[0] = '\0';
}

int test_run(struct buf *out, const char *const argv[])
{
    posix_spawn_file_actions_t actions;
    int pipe_fds[2], status = 0, code;
    char block[4096];
    ssize_t got;
    pid_t pid;

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDERR_FILENO);
    code = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fds[1]);
    while (code == 0 && (got = read(pipe_fds[0], block, sizeof(block))) > 0)
        buf_add(out, block, (size_t)got);
    close(pipe_fds[0]);
    if (code != 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
