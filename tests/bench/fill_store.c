/* Fills the database of a stopped CA with issued and revoked certificates, for measuring lists and CRLs at size.
 *   fill_store FOLDER COUNT [REVOKED [FAILED]]
 * FAILED requests come after them, every second one with a reserved serial.
 * The certificates' DER is a short filler: lists and CRLs never look into it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"
#include "ca/store/store.h"

#define BATCH 1000

struct batch {
    uint64_t from, count, revoked; /* of the whole: rows below `revoked` are revoked */
    uint64_t failed;               /* further requests */
    int64_t now;
};

static void row_put(struct store_txn *txn, uint64_t number, bool revoked, int64_t now)
{
    char subject[64], name[64], lower[64];
    uint8_t digest[32] = {0};
    struct request request = {.disposition = revoked ? DISPOSITION_REVOKED : DISPOSITION_ISSUED, .submitted_at = now - 1000,
                              .resolved_at = now - 900, .requester_uid = 1000, .requester = (char *)"bench", .template_name = (char *)"User",
                              .pkcs10 = digest, .pkcs10_size = 32};
    struct certificate certificate = {.revocation_reason = revoked ? 1 : -1, .revoked_at = revoked ? now - 500 : 0, .not_before = now - 900,
                                      .not_after = now + 86400 * 365, .der = digest, .der_size = 32};
    request.id = counter_next(txn, "request");
    put_u64(digest, request.id);
    put_u64(digest + 8, number * 0x9e3779b97f4a7c15u);
    memcpy(request.pkcs10_sha256, digest, 32);
    memcpy(request.spki_sha256, digest, 32);
    request.serial.size = 16;
    put_u64(request.serial.octets, 0x4000000000000000u | (number * 0x9e3779b97f4a7c15u >> 2));
    put_u64(request.serial.octets + 8, request.id);
    snprintf(subject, sizeof subject, "CN=host%llu.example.com", (unsigned long long)number);
    snprintf(name, sizeof name, "dns:host%llu.example.com", (unsigned long long)number);
    snprintf(lower, sizeof lower, "host%llu.example.com", (unsigned long long)number);
    request.subject = subject;
    certificate.id = request.id;
    certificate.serial = request.serial;
    memcpy(certificate.sha256, digest, 32);
    memcpy(certificate.sha1, digest, 20);
    memcpy(certificate.spki_sha256, digest, 32);
    certificate.subject = subject;
    certificate.template_name = request.template_name;
    certificate.requester = request.requester;
    strings_add(&certificate.names, name);
    strings_add(&certificate.search, lower);
    requests_put(txn, &request);
    certificates_put(txn, &certificate);
    if (revoked) {
        struct revocation row = {.id = request.id, .serial = request.serial, .revoked_at = now - 500, .not_after = certificate.not_after,
                                 .reason = 1};
        revoked_put(txn, &row);
    }
    strings_free(&certificate.names);
    strings_free(&certificate.search);
}

static void failed_put(struct store_txn *txn, uint64_t number, int64_t now)
{
    uint8_t digest[32] = {0};
    struct request request = {.disposition = DISPOSITION_FAILED, .submitted_at = now - 1000, .resolved_at = now - 900, .requester_uid = 1000,
                              .requester = (char *)"bench", .template_name = (char *)"User", .pkcs10 = digest, .pkcs10_size = 32};
    request.id = counter_next(txn, "request");
    put_u64(digest, request.id);
    memcpy(request.pkcs10_sha256, digest, 32);
    request.serial.size = number % 2 ? 16 : 0;
    put_u64(request.serial.octets, 0x2000000000000000u);
    put_u64(request.serial.octets + 8, request.id);
    requests_put(txn, &request);
}

static int batch_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct batch *batch = argument;
    (void)error;
    for (uint64_t i = 0; i < batch->count; i++)
        row_put(txn, batch->from + i, batch->from + i < batch->revoked, batch->now);
    for (uint64_t i = 0; i < batch->failed; i++)
        failed_put(txn, i, batch->now);
    return store_txn_failed(txn);
}

static int fill(struct store *store, uint64_t count, uint64_t revoked, uint64_t failed, struct error *error)
{
    struct batch batch = {.revoked = revoked, .now = clock_now()};
    int status = OK;
    for (uint64_t at = 0; at < count && !status; at += BATCH) {
        batch.from = at;
        batch.count = count - at < BATCH ? count - at : BATCH;
        status = store_write(store, batch_store, &batch, error);
    }
    batch.count = 0;
    batch.failed = failed;
    if (failed && !status)
        status = store_write(store, batch_store, &batch, error);
    return status;
}

int main(int argc, char **argv)
{
    uint64_t count, revoked = 0, failed = 0;
    struct store *store = NULL;
    struct error error = ERROR_NONE;
    if (argc < 3 || number_parse(argv[2], &count) || (argc > 3 && number_parse(argv[3], &revoked)) ||
        (argc > 4 && number_parse(argv[4], &failed))) {
        fprintf(stderr, "usage: fill_store FOLDER COUNT [REVOKED [FAILED]]\n");
        return USAGE;
    }
    log_open("fill_store", false, false);
    struct store_options options = {.path = argv[1], .cache_bytes = 256u << 20};
    int status = store_open(&options, &store, &error);
    if (!status)
        status = fill(store, count, revoked, failed, &error);
    if (status)
        fprintf(stderr, "fill_store: %s\n", error.message);
    if (store)
        store_close(store);
    return status;
}
