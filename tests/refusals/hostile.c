/* Requests that no honest program makes, correctly signed, so that the rule in question is what refuses them.
 *   hostile WORD=VALUE… >request.der
 *     subject=TEXT        RFC 4514            rdn=OID:TAG:HEX     one more RDN of one attribute, TAG in hex
 *     to=first|second|ms  which attribute of the request the following extensions stand in (second extensionRequest, Microsoft's)
 *     extension=OID:HEX   an extension        critical=OID:HEX    the same, critical
 *     many=N              N small extensions  san=TAG:HEX         one alternative name (81 e-mail, 82 DNS, 86 URI, a4 directory name)
 *     sans=N              N DNS names         attribute=OID:HEX   one more attribute, HEX its values
 *     version=N           not 0               algorithm=HEX       another AlgorithmIdentifier beside the signature
 *     spki=FILE           another key (DER)   after=HEX           octets behind the request
 *     form=long|indefinite|flip               the outer length in four octets, or BER's indefinite one; a bit of the signature turned
 *     size=N              an attribute that makes the request about N octets large
 * The key is a new one, P-256. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/abstract.h>

#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/x509/certificate.h"
#include "ca/x509/extension.h"
#include "ca/x509/key.h"
#include "ca/x509/pkcs10.h"

#define TARGETS 3

struct hostile {
    struct buf subject, spki, algorithm, sans[TARGETS], extensions[TARGETS], attributes, after;
    int target, version;
    const char *form;
    gnutls_privkey_t key;
};

static void die(const char *what)
{
    fprintf(stderr, "hostile: %s\n", what);
    exit(99);
}

static void hex(const char *text, struct buf *out)
{
    if (hex_decode(out, text, strlen(text)) != OK)
        die(text);
}

static void key_make(struct hostile *r)
{
    gnutls_pubkey_t public = NULL;
    gnutls_datum_t der = {NULL, 0};

    if (gnutls_privkey_init(&r->key) != 0 || gnutls_privkey_generate(r->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) != 0 ||
        gnutls_pubkey_init(&public) != 0 || gnutls_pubkey_import_privkey(public, r->key, 0, 0) != 0 ||
        gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &der) != 0)
        die("no key");
    buf_add(&r->spki, der.data, der.size);
    gnutls_free(der.data);
    gnutls_pubkey_deinit(public);
    if (key_signature_algorithm(buf_bytes(&r->spki), &r->algorithm, NULL) != OK)
        die("no algorithm");
}

/* "OID:HEX" -> OID into oid, octets into value */
static void pair(const char *text, char *oid, size_t size, struct buf *value)
{
    const char *colon = strchr(text, ':');

    if (colon == NULL || (size_t)(colon - text) >= size)
        die(text);
    memcpy(oid, text, (size_t)(colon - text));
    oid[colon - text] = '\0';
    hex(colon + 1, value);
}

static void word_subject(struct hostile *r, const char *value)
{
    buf_clear(&r->subject);
    if (name_from_text(value, "subject", &r->subject, NULL) != OK)
        die(value);
    /* the RDNs alone: more may follow */
    struct bytes rdns;
    struct buf inside = BUF_EMPTY;
    if (walk_only(buf_bytes(&r->subject), DER_SEQUENCE, &rdns) != OK)
        die(value);
    buf_add(&inside, rdns.data, rdns.size);
    buf_free(&r->subject);
    r->subject = inside;
}

static void word_rdn(struct hostile *r, const char *value)
{
    char oid[256];
    const char *colon = strchr(value, ':'), *second = colon != NULL ? strchr(colon + 1, ':') : NULL;
    struct buf text = BUF_EMPTY;
    size_t set, sequence;

    if (second == NULL || (size_t)(colon - value) >= sizeof oid)
        die(value);
    snprintf(oid, sizeof oid, "%.*s", (int)(colon - value), value);
    hex(second + 1, &text);
    set = der_open(&r->subject, DER_SET);
    sequence = der_open(&r->subject, DER_SEQUENCE);
    der_add_oid(&r->subject, DER_OID, oid);
    der_add(&r->subject, (uint8_t)strtoul(colon + 1, NULL, 16), buf_bytes(&text));
    der_close(&r->subject, sequence);
    der_close(&r->subject, set);
    buf_free(&text);
}

static void word_to(struct hostile *r, const char *value)
{
    r->target = strcmp(value, "second") == 0 ? 1 : strcmp(value, "ms") == 0 ? 2 : 0;
}

static void extension(struct hostile *r, const char *text, bool critical)
{
    struct buf value = BUF_EMPTY;
    char oid[256];

    pair(text, oid, sizeof oid, &value);
    extension_add(&r->extensions[r->target], oid, critical, buf_bytes(&value));
    buf_free(&value);
}
static void word_extension(struct hostile *r, const char *value) { extension(r, value, false); }
static void word_critical(struct hostile *r, const char *value) { extension(r, value, true); }

static void word_many(struct hostile *r, const char *value)
{
    static const uint8_t null[] = {DER_NULL, 0};
    char oid[32];

    for (unsigned i = 1; i <= strtoul(value, NULL, 10); i++) {
        snprintf(oid, sizeof oid, "1.2.3.%u", i);
        extension_add(&r->extensions[r->target], oid, false, bytes_of(null, sizeof null));
    }
}

static void word_san(struct hostile *r, const char *value)
{
    struct buf name = BUF_EMPTY;
    char tag[8];

    pair(value, tag, sizeof tag, &name);
    der_add(&r->sans[r->target], (uint8_t)strtoul(tag, NULL, 16), buf_bytes(&name));
    buf_free(&name);
}

static void word_sans(struct hostile *r, const char *value)
{
    char name[32];

    for (unsigned i = 1; i <= strtoul(value, NULL, 10); i++) {
        snprintf(name, sizeof name, "n%u.example.com", i);
        der_add(&r->sans[r->target], 0x82, bytes_of_text(name));
    }
}

static void attribute(struct buf *out, const char *oid, struct bytes values)
{
    size_t mark = der_open(out, DER_SEQUENCE);

    der_add_oid(out, DER_OID, oid);
    der_add(out, DER_SET, values);
    der_close(out, mark);
}

static void word_attribute(struct hostile *r, const char *value)
{
    struct buf values = BUF_EMPTY;
    char oid[256];

    pair(value, oid, sizeof oid, &values);
    attribute(&r->attributes, oid, buf_bytes(&values));
    buf_free(&values);
}

static void word_size(struct hostile *r, const char *value)
{
    size_t size = strtoul(value, NULL, 10);
    char *filler = calloc(1, size + 1);
    struct buf values = BUF_EMPTY;

    if (filler == NULL)
        die("memory");
    memset(filler, 'x', size);
    der_add(&values, DER_UTF8, bytes_of(filler, size));
    attribute(&r->attributes, "1.2.840.113549.1.9.7", buf_bytes(&values));
    buf_free(&values);
    free(filler);
}

static void word_version(struct hostile *r, const char *value) { r->version = (int)strtol(value, NULL, 10); }
static void word_form(struct hostile *r, const char *value) { r->form = value; }
static void word_after(struct hostile *r, const char *value) { hex(value, &r->after); }
static void word_algorithm(struct hostile *r, const char *value)
{
    buf_clear(&r->algorithm);
    hex(value, &r->algorithm);
}
static void word_spki(struct hostile *r, const char *value)
{
    buf_clear(&r->spki);
    if (file_read(value, 65536, &r->spki, NULL) != OK)
        die(value);
}

static const struct {
    const char *name;
    void (*take)(struct hostile *r, const char *value);
} words[] = {
    {"subject", word_subject}, {"rdn", word_rdn},   {"to", word_to},     {"extension", word_extension}, {"critical", word_critical},
    {"many", word_many},       {"san", word_san},   {"sans", word_sans}, {"attribute", word_attribute}, {"version", word_version},
    {"algorithm", word_algorithm}, {"spki", word_spki}, {"after", word_after}, {"form", word_form},     {"size", word_size},
};

/* ---- putting it together ---- */

static void extension_request(struct hostile *r, int target, const char *oid)
{
    struct buf values = BUF_EMPTY, san = BUF_EMPTY;
    size_t list;

    if (r->sans[target].size > 0) {
        der_add(&san, DER_SEQUENCE, buf_bytes(&r->sans[target]));
        extension_add(&r->extensions[target], OID_SAN, false, buf_bytes(&san));
    }
    if (r->extensions[target].size > 0) {
        list = der_open(&values, DER_SEQUENCE);
        buf_add(&values, r->extensions[target].data, r->extensions[target].size);
        der_close(&values, list);
        attribute(&r->attributes, oid, buf_bytes(&values));
    }
    buf_free(&values);
    buf_free(&san);
}

static void info_make(struct hostile *r, struct buf *info)
{
    size_t mark = der_open(info, DER_SEQUENCE);

    extension_request(r, 0, OID_EXTENSION_REQUEST);
    extension_request(r, 1, OID_EXTENSION_REQUEST);
    extension_request(r, 2, OID_MS_CERT_EXTENSIONS);
    der_add_number(info, DER_INTEGER, (uint64_t)r->version);
    der_add(info, DER_SEQUENCE, buf_bytes(&r->subject));
    buf_add(info, r->spki.data, r->spki.size);
    der_add(info, DER_CONTEXT_OPEN(0), buf_bytes(&r->attributes));
    der_close(info, mark);
}

static void wrap(const struct hostile *r, const struct buf *request)
{
    size_t start = request->data[1] < 0x80 ? 2 : 2u + (request->data[1] & 0x7fu), size = request->size - start;
    uint8_t longer[] = {0x30, 0x84, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    static const uint8_t indefinite[] = {0x30, 0x80}, end[] = {0, 0};
    bool open = r->form != NULL && strcmp(r->form, "indefinite") == 0;

    if (r->form != NULL && strcmp(r->form, "flip") == 0)
        request->data[request->size - 1] ^= 1;
    if (r->form == NULL || strcmp(r->form, "flip") == 0) {
        if (fd_write_all(STDOUT_FILENO, request->data, request->size) != OK)
            die("output");
        return;
    }
    if (fd_write_all(STDOUT_FILENO, open ? indefinite : longer, open ? sizeof indefinite : sizeof longer) != OK ||
        fd_write_all(STDOUT_FILENO, request->data + start, size) != OK || (open && fd_write_all(STDOUT_FILENO, end, sizeof end) != OK))
        die("output");
}

int main(int argc, char **argv)
{
    struct hostile r = {.version = 0};
    struct buf info = BUF_EMPTY, der = BUF_EMPTY;
    gnutls_datum_t data, signature = {NULL, 0};

    key_make(&r);
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        size_t j = 0, count = sizeof words / sizeof *words;
        while (equals != NULL && j < count && (strncmp(argv[i], words[j].name, strlen(words[j].name)) != 0 || argv[i] + strlen(words[j].name) != equals))
            j++;
        if (equals == NULL || j == count)
            die(argv[i]);
        words[j].take(&r, equals + 1);
    }
    info_make(&r, &info);
    data = (gnutls_datum_t){info.data, (unsigned)info.size};
    if (gnutls_privkey_sign_data2(r.key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature) != 0 ||
        pkcs10_assemble(buf_bytes(&info), buf_bytes(&r.algorithm), bytes_of(signature.data, signature.size), &der, NULL) != OK)
        die("signature");
    gnutls_free(signature.data);
    gnutls_privkey_deinit(r.key);
    wrap(&r, &der);
    if (r.after.size > 0 && fd_write_all(STDOUT_FILENO, r.after.data, r.after.size) != OK)
        die("output");
    for (int i = 0; i < TARGETS; i++) {
        buf_free(&r.sans[i]);
        buf_free(&r.extensions[i]);
    }
    buf_free(&r.subject);
    buf_free(&r.spki);
    buf_free(&r.algorithm);
    buf_free(&r.attributes);
    buf_free(&r.after);
    buf_free(&info);
    buf_free(&der);
    return 0;
}
