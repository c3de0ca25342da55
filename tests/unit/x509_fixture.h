/* Keys, a CA and certificates for the x509 tests, and outside judges (openssl, certtool). Failures end the test. */
#ifndef CHANCERY_TESTS_X509_FIXTURE_H
#define CHANCERY_TESTS_X509_FIXTURE_H

#include <gnutls/abstract.h>

#include "ca/x509/lint.h"

struct test_key {
    struct buf pem, spki, algorithm;
    gnutls_privkey_t private;
};
struct test_ca {
    struct test_key key;
    struct buf der;
    struct issuer issuer;
};
void test_key_make(struct test_key *key, const char *type);
void test_key_free(struct test_key *key);
void test_key_sign(const struct test_key *key, struct bytes data, struct buf *signature);
/* tbs, algorithm and signature put together */
void test_sign(const struct test_key *key, struct bytes tbs, struct buf *der);
void test_ca_make(struct test_ca *ca, const char *subject, const char *key_type);
void test_ca_free(struct test_ca *ca);
/* A certificate of `ca` for `key`. */
void test_issue(const struct test_ca *ca, const struct test_key *key, const struct properties *properties, struct buf *tbs, struct buf *der);
/* A web server's properties; free with properties_free. */
void test_web_properties(struct properties *properties);
void test_limits(const struct test_ca *ca, const struct strings *ekus, const struct strings *ca_spki, struct lint_limits *limits);
/* Writes into a temporary file that lives until the test program ends; returns its path. */
const char *test_file(const char *name, struct bytes data);
void test_files_remove(void);
/* Runs a program with its output in *out; returns its exit status, -1 when there is no such program. */
int test_run(struct buf *out, const char *const argv[]);

#endif
