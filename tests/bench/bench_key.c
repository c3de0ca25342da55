/* What judging one key costs, by kind: microseconds of processor time a key, on keys made here. Never a test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/x509/key.h"
#include "ca/x509/pkcs10.h"

#define ROUNDS 500

static double cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* The key of a request of ours, as an intermediary sends it. */
static int spki_of(const char *type, struct buf *spki, struct error *error)
{
    struct buf pem = BUF_EMPTY, der = BUF_EMPTY;
    struct pkcs10 request;
    int status = key_make_pem(type, &pem, error);

    if (status == OK)
        status = pkcs10_make(buf_text(&pem), "CN=bench", NULL, &der, error);
    if (status == OK && (status = pkcs10_read(buf_bytes(&der), &request, error)) == OK) {
        buf_add(spki, request.spki.data, request.spki.size);
        pkcs10_free(&request);
    }
    buf_wipe(&pem);
    buf_free(&der);
    return status;
}

int main(void)
{
    static const char *const types[] = {"rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct error error = ERROR_NONE;
        struct buf spki = BUF_EMPTY;
        struct key_facts facts;
        double start;
        int status = spki_of(types[i], &spki, &error);

        start = cpu_us();
        for (int round = 0; round < ROUNDS && status == OK; round++)
            status = key_check(buf_bytes(&spki), &facts, &error);
        if (status != OK) {
            fprintf(stderr, "bench_key: %s: %s\n", types[i], error.message);
            return 1;
        }
        printf("%-12s %7.1f microseconds a key\n", types[i], (cpu_us() - start) / ROUNDS);
        buf_free(&spki);
    }
    return 0;
}
