/* What the tests of the store put into it. */
#include "tests/unit/store_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *fixture_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;

    if (asprintf(&path, "%s/chancery-store-XXXXXX", base == NULL ? "/tmp" : base) < 0 || mkdtemp(path) == NULL)
        abort();
    return path;
}

void fixture_remove(char *folder)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory != NULL)
        closedir(directory);
    rmdir(folder);
    free(folder);
}

struct store *fixture_open(const char *folder, bool create)
{
    struct store_options options = {.path = folder, .cache_bytes = 8 << 20, .create = create};
    struct error error = ERROR_NONE;
    struct store *store = NULL;

    if (store_open(&options, &store, &error) != OK) {
        fprintf(stderr, "%s does not open: %s (%s)\n", folder, error.message, error.reason);
        abort();
    }
    return store;
}

static char *text(const char *form, uint64_t id)
{
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);

    for (const char *at = form; *at != '\0'; at++)
        if (*at == '#')
            fprintf(stream, "%llu", (unsigned long long)id);
        else
            fputc(*at, stream);
    fclose(stream);
    return out;
}

static uint8_t *octets(uint64_t id, size_t size)
{
    uint8_t *out = malloc(size);

    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(id * 31 + i);
    return out;
}

static void digest(uint8_t *to, size_t size, uint64_t id, uint8_t kind)
{
    memset(to, kind, size);
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(id >> (8 * i));
}

static void list_add(struct strings *list, const char *form, uint64_t id)
{
    char *value = text(form, id);

    strings_add(list, value);
    free(value);
}

struct serial fixture_serial(uint64_t id)
{
    struct serial serial = {.size = 16};

    serial.octets[0] = 0x40;
    for (int i = 0; i < 8; i++)
        serial.octets[8 + i] = (uint8_t)(id >> (56 - 8 * i));
    return serial;
}

void fixture_request(uint64_t id, enum disposition disposition, struct request *out)
{
    memset(out, 0, sizeof *out);
    out->id = id;
    out->disposition = disposition;
    out->submitted_at = 1000000 + (int64_t)id;
    out->resolved_at = 2000000 + (int64_t)id;
    out->requester_uid = (int64_t)(id % 7);
    out->requester = text("user#", id % 7);
    out->requester_dn = text("uid=user#,dc=example,dc=com", id % 7);
    out->pkcs10 = octets(id, 700);
    out->pkcs10_size = 700;
    digest(out->pkcs10_sha256, 32, id, 1);
    out->attributes_original = text("CertificateTemplate:Web\nnote:#", id);
    request_add_attribute(out, "note", "a", ORIGIN_REQUEST);
    list_add(&out->usages, "server", id);
    out->template_name = text(id % 3 == 0 ? "WebServer" : id % 3 == 1 ? "Computer" : "User", id);
    digest(out->template_digest, 32, id, 2);
    out->subject = text("CN=Host#.Example.com,O=Example\\, Inc", id);
    list_add(&out->names, "dns:host#.example.com", id);
    list_add(&out->names, "dns:alias#.example.com", id);
    out->key_text = text("ECDSA P-256", id);
    digest(out->spki_sha256, 32, id, 3);
    out->message = text("row #", id);
    out->reason = text("ok", id);
    out->serial = fixture_serial(id);
}

void fixture_certificate(uint64_t id, struct certificate *out)
{
    memset(out, 0, sizeof *out);
    out->id = id;
    out->serial = fixture_serial(id);
    out->der = octets(id, 900);
    out->der_size = 900;
    digest(out->sha1, 20, id, 4);
    digest(out->sha256, 32, id, 5);
    digest(out->spki_sha256, 32, id % 10, 6);
    out->not_before = 1000000;
    out->not_after = 4000000000 + (int64_t)(id * 7919 % 1000);
    out->subject = text("CN=Host#.Example.com", id);
    list_add(&out->names, "dns:host#.example.com", id);
    list_add(&out->search, "host#.example.com", id);
    list_add(&out->search, "host#.example.com", id); /* CN and SAN are often the same: the index must not mind */
    out->template_name = text("WebServer", id);
    out->requester = text("user#", id % 7);
    out->publish_dn = text("uid=user#,dc=example,dc=com", id % 7);
    out->crl_partition = (unsigned)(id % 4);
    out->revocation_reason = -1;
}

void fixture_event(uint64_t id, enum event_kind kind, struct event *out)
{
    memset(out, 0, sizeof *out);
    out->kind = kind;
    out->at = 1000000;
    out->request_id = id;
    out->requester = text("user#", id);
    out->certificate = octets(id, 900);
    out->certificate_size = 900;
    out->reason = -1;
    out->crl_number = kind == EVENT_CRL_ISSUED ? id : 0;
    out->crl_fd = -1;
    list_add(&out->templates, "WebServer", id);
}

int fixture_put(struct store_txn *txn, void *argument, struct error *error)
{
    const struct request *request = argument;
    struct certificate certificate;

    (void)error;
    requests_put(txn, request);
    if (request->disposition == DISPOSITION_ISSUED || request->disposition == DISPOSITION_REVOKED) {
        fixture_certificate(request->id, &certificate);
        if (request->disposition == DISPOSITION_REVOKED) {
            certificate.revocation_reason = 1;
            certificate.revoked_at = 3000000;
        }
        certificates_put(txn, &certificate);
        certificate_record_free(&certificate);
    }
    return store_txn_failed(txn);
}
