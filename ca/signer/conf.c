/* signer.conf, read and written. The table of items is here; what they mean
 * for a certificate is the lint's (ca/x509/lint.h). */
#include "config.h"

#include "ca/signer/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/conf.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/request.h"
#include "ca/signer/token.h"

#define CONF_SIZE_MAX (1 << 20)

static const struct conf_item items[] = {
    {"signer", "issuer", CONF_TEXT, NULL, "hexadecimal DER of the CA's name", 0, 0},
    {"signer", "key", CONF_TEXT, NULL, "the private key's file, or its pkcs11: URI; default key.pem in the state folder", 0, 0},
    {"signer", "passphrase_file", CONF_TEXT, NULL, "its first line is the passphrase; without '/': a systemd credential", 0, 0},
    {"signer", "authority_key_id", CONF_TEXT, NULL, "hexadecimal subject key identifier of the first key's CA certificates", 0, 0},
    {"signer", "validity_max", CONF_DURATION, NULL, "no certificate is valid for longer", 1, 3155760000},
    {"signer", "not_after_max", CONF_TEXT, NULL, "no certificate is valid beyond this time", 0, 0},
    {"signer", "key_usage", CONF_LIST, NULL, "key usages that a certificate may have", 0, 0},
    {"signer", "ekus", CONF_LIST, "", "extended key usages (OIDs) that a certificate may have", 0, 0},
    {"signer", "ca_spki", CONF_LIST, "", "hexadecimal SHA-256 of public keys that may be CAs", 0, 0},
    {"key.*", "key", CONF_TEXT, NULL, "the file of a further key, or its pkcs11: URI; default key.N.pem in the state folder", 0, 0},
    {"key.*", "spki", CONF_TEXT, NULL, "hexadecimal SHA-256 of the public key that it must be", 0, 0},
    {"key.*", "authority_key_id", CONF_TEXT, NULL, "hexadecimal subject key identifier of this key's CA certificates", 0, 0},
    {"key.*", "self_signed", CONF_BOOL, "no", "the key may have self-signed CA certificates, as if ca_spki listed it", 0, 0},
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};

static const struct {
    const char *name;
    unsigned bit;
} usages[] = {
    {"digitalSignature", KEY_USAGE_DIGITAL_SIGNATURE}, {"nonRepudiation", KEY_USAGE_NON_REPUDIATION},
    {"keyEncipherment", KEY_USAGE_KEY_ENCIPHERMENT},   {"dataEncipherment", KEY_USAGE_DATA_ENCIPHERMENT},
    {"keyAgreement", KEY_USAGE_KEY_AGREEMENT},         {"keyCertSign", KEY_USAGE_CERT_SIGN},
    {"cRLSign", KEY_USAGE_CRL_SIGN},                   {"encipherOnly", KEY_USAGE_ENCIPHER_ONLY},
    {"decipherOnly", KEY_USAGE_DECIPHER_ONLY},
};
#define USAGE_COUNT (sizeof usages / sizeof usages[0])

static int value_wrong(const struct conf *conf, const char *name, const char *value, const char *wanted, struct error *error)
{
    return error_set(error, BAD_CONFIG, "conf.value", "%s: %s = %s: must be %s", conf_path(conf), name, value, wanted);
}

static int read_hex(const struct conf *conf, const char *section, const char *name, bool needed, struct buf *out, struct error *error)
{
    const char *text = conf_text(conf, section, name);

    if (text == NULL && !needed)
        return OK;
    if (text == NULL)
        return error_set(error, BAD_CONFIG, "conf.missing", "%s: [%s] %s is missing", conf_path(conf), section, name);
    if (hex_decode(out, text, strlen(text)) != OK || out->size == 0)
        return value_wrong(conf, name, text, "hexadecimal", error);
    return OK;
}

static int read_copy(const struct conf *conf, const char *section, const char *name, char **out, struct error *error)
{
    const char *text = conf_text(conf, section, name);

    if (text == NULL)
        return OK;
    *out = strdup(text);
    return *out == NULL ? error_memory(error) : OK;
}

static int read_usages(const struct conf *conf, unsigned *out, struct error *error)
{
    struct strings names = {NULL, 0};
    int status = conf_list(conf, "signer", "key_usage", &names) == OK ? OK : error_memory(error);

    for (size_t i = 0; i < names.count && status == OK; i++) {
        size_t u = 0;

        while (u < USAGE_COUNT && strcmp(usages[u].name, names.items[i]) != 0)
            u++;
        if (u == USAGE_COUNT)
            status = value_wrong(conf, "key_usage", names.items[i], "names of RFC 5280 4.2.1.3, such as digitalSignature", error);
        else
            *out |= usages[u].bit;
    }
    if (status == OK && *out == 0)
        status = error_set(error, BAD_CONFIG, "conf.missing", "%s: [signer] key_usage is missing: the usages that certificates may have",
                           conf_path(conf));
    strings_free(&names);
    return status;
}

static bool is_digest(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static int read_lists(const struct conf *conf, struct signer_conf *out, struct error *error)
{
    if (conf_list(conf, "signer", "ekus", &out->ekus) != OK || conf_list(conf, "signer", "ca_spki", &out->ca_spki) != OK)
        return error_memory(error);
    for (size_t i = 0; i < out->ekus.count; i++)
        if (!oid_is_valid(out->ekus.items[i]))
            return value_wrong(conf, "ekus", out->ekus.items[i], "object identifiers such as 1.3.6.1.5.5.7.3.1", error);
    for (size_t i = 0; i < out->ca_spki.count; i++)
        if (!is_digest(out->ca_spki.items[i]))
            return value_wrong(conf, "ca_spki", out->ca_spki.items[i], "SHA-256 digests, 64 hexadecimal digits in lower case each", error);
    return OK;
}

static int read_limits(const struct conf *conf, struct signer_conf *out, struct error *error)
{
    const char *end = conf_text(conf, "signer", "not_after_max");

    out->validity_max_s = conf_number(conf, "signer", "validity_max");
    if (out->validity_max_s == 0)
        return error_set(error, BAD_CONFIG, "conf.missing", "%s: [signer] validity_max is missing", conf_path(conf));
    if (end != NULL && (end[0] == '+' || end[0] == '-' || time_parse(end, 0, &out->not_after_max) != OK))
        return value_wrong(conf, "not_after_max", end, "a time such as 2036-01-01T00:00:00Z", error);
    return OK;
}

static int read_key(const struct conf *conf, const char *section, struct signer_key_conf *out, struct error *error)
{
    int status = read_copy(conf, section, "key", &out->path, error);

    if (status == OK)
        status = read_hex(conf, section, "authority_key_id", false, &out->authority_key_id, error);
    if (status != OK || out->path == NULL)
        return status;
    if (token_uri_is(out->path))
        return token_uri_check(out->path, error) == OK ? OK : error_prefix(error, "%s: key", conf_path(conf));
    return out->path[0] == '/' ? OK : value_wrong(conf, "key", out->path, "a path from the root, beginning with /", error);
}

/* root lists the key by its digest: another one in its file is not used. */
static int read_further_key(const struct conf *conf, const char *section, struct signer_conf *out, struct error *error)
{
    struct signer_key_conf *key = &out->keys[out->key_count];
    int status = read_key(conf, section, key, error);

    if (status == OK)
        status = read_copy(conf, section, "spki", &key->spki, error);
    if (status != OK)
        return status;
    if (key->spki == NULL)
        return error_set(error, BAD_CONFIG, "conf.missing", "%s: [%s] spki is missing: the SHA-256 of the key's SubjectPublicKeyInfo",
                         conf_path(conf), section);
    if (!is_digest(key->spki))
        return value_wrong(conf, "spki", key->spki, "a SHA-256 digest, 64 hexadecimal digits in lower case", error);
    key->self_signed = conf_bool(conf, section, "self_signed");
    if (key->self_signed && strings_add(&out->ca_spki, key->spki) != OK)
        return error_memory(error);
    out->key_count++;
    return OK;
}

/* [key.1], [key.2]...: an index without a section would be a key that is lost. */
static int read_keys(const struct conf *conf, struct signer_conf *out, struct error *error)
{
    struct strings names = {NULL, 0};
    int status = read_key(conf, "signer", &out->keys[0], error);

    out->key_count = 1;
    if (status == OK && conf_sections(conf, "key", &names) != OK)
        status = error_memory(error);
    if (status == OK && names.count >= SIGNER_KEYS_MAX)
        status = error_set(error, BAD_CONFIG, "conf.keys", "%s: it names more than %d keys", conf_path(conf), SIGNER_KEYS_MAX);
    for (size_t i = 0; i < names.count && status == OK; i++) {
        char section[32];

        snprintf(section, sizeof section, "key.%zu", i + 1);
        if (!strings_contain(&names, section + 4))
            status = error_set(error, BAD_CONFIG, "conf.keys", "%s: section [%s] is missing: further keys are [key.1], [key.2] and so on, "
                               "without a gap", conf_path(conf), section);
        else
            status = read_further_key(conf, section, out, error);
    }
    strings_free(&names);
    return status;
}

int signer_conf_load(const char *path, struct signer_conf *out, struct error *error)
{
    static const struct conf_item *const tables[] = {items, NULL};
    struct conf *conf = NULL;
    int status = file_check_owner(path, geteuid(), error);

    *out = (struct signer_conf){.issuer = BUF_EMPTY};
    if (status == OK)
        status = conf_load(path, tables, &conf, error);
    if (status != OK)
        return status;
    if ((status = read_hex(conf, "signer", "issuer", true, &out->issuer, error)) == OK &&
        (status = read_copy(conf, "signer", "passphrase_file", &out->passphrase_file, error)) == OK &&
        (status = read_limits(conf, out, error)) == OK && (status = read_usages(conf, &out->key_usages, error)) == OK &&
        (status = read_lists(conf, out, error)) == OK)
        status = read_keys(conf, out, error);
    conf_free(conf);
    if (status != OK)
        signer_conf_free(out);
    return status;
}

/* Long values go on in indented lines: the reader takes 198 octets a line. */
static void write_hex(struct buf *text, const char *name, struct bytes value)
{
    buf_printf(text, "%s =", name);
    for (size_t at = 0; at < value.size; at += 64) {
        size_t left = value.size - at;

        buf_add_text(text, at == 0 ? " " : "\n    ");
        hex_encode(text, bytes_of(value.data + at, left < 64 ? left : 64));
    }
    buf_add_byte(text, '\n');
}

static void write_list(struct buf *text, const char *name, const struct strings *list)
{
    if (list->count == 0)
        return;
    buf_printf(text, "%s =", name);
    for (size_t i = 0; i < list->count; i++)
        buf_printf(text, "%s%s", i == 0 ? " " : "\n    ", list->items[i]);
    buf_add_byte(text, '\n');
}

static void write_usages(struct buf *text, unsigned bits)
{
    buf_add_text(text, "key_usage =");
    for (size_t i = 0; i < USAGE_COUNT; i++)
        if ((bits & usages[i].bit) != 0)
            buf_printf(text, " %s", usages[i].name);
    buf_add_byte(text, '\n');
}

static void write_key(struct buf *text, const struct signer_key_conf *key)
{
    if (key->path != NULL)
        buf_printf(text, "key = %s\n", key->path);
    if (key->authority_key_id.size > 0)
        write_hex(text, "authority_key_id", buf_bytes(&key->authority_key_id));
    if (key->spki != NULL)
        buf_printf(text, "spki = %s\n", key->spki);
    if (key->self_signed)
        buf_add_text(text, "self_signed = yes\n");
}

int signer_conf_add_key(const char *path, unsigned key_index, const struct signer_key_conf *key, struct error *error)
{
    struct buf text = BUF_EMPTY;
    int status = file_check_owner(path, geteuid(), error);

    if (status == OK)
        status = file_read(path, CONF_SIZE_MAX, &text, error);
    if (status == OK) {
        buf_printf(&text, "%s\n# The CA's key %u\n[key.%u]\n", text.size > 0 && text.data[text.size - 1] != '\n' ? "\n" : "", key_index,
                   key_index);
        write_key(&text, key);
        status = text.failed ? error_memory(error) : file_write(path, buf_bytes(&text), 0644, true, error);
    }
    buf_free(&text);
    return status;
}

int signer_conf_key_path(const struct signer_conf *conf, const char *state_path, unsigned key_index, struct buf *path)
{
    if (key_index < conf->key_count && conf->keys[key_index].path != NULL)
        buf_add_text(path, conf->keys[key_index].path);
    else if (key_index == 0)
        buf_printf(path, "%s/key.pem", state_path);
    else
        buf_printf(path, "%s/key.%u.pem", state_path, key_index);
    return path->failed ? INTERNAL : OK;
}

int signer_conf_write(const char *path, const struct signer_conf *conf, struct error *error)
{
    struct buf text = BUF_EMPTY;
    char end[TIME_TEXT_SIZE];
    int status;

    buf_add_text(&text, "# What the signer may sign. Owned by root: the authority cannot change it. See chancery.conf(5).\n[signer]\n"
                        "# The CA's name (DER)\n");
    write_hex(&text, "issuer", buf_bytes(&conf->issuer));
    if (conf->passphrase_file != NULL)
        buf_printf(&text, "passphrase_file = %s\n", conf->passphrase_file);
    write_key(&text, &conf->keys[0]);
    buf_printf(&text, "validity_max = %llds\n", (long long)conf->validity_max_s);
    if (conf->not_after_max != 0)
        buf_printf(&text, "not_after_max = %s\n", time_format(conf->not_after_max, end));
    write_usages(&text, conf->key_usages);
    write_list(&text, "ekus", &conf->ekus);
    if (conf->ca_spki.count > 0)
        buf_add_text(&text, "# Only certificates for these keys (SHA-256 of SubjectPublicKeyInfo) may say CA:TRUE\n");
    write_list(&text, "ca_spki", &conf->ca_spki);
    status = text.failed ? error_memory(error) : file_write(path, buf_bytes(&text), 0644, false, error);
    buf_free(&text);
    return status;
}

void signer_conf_free(struct signer_conf *conf)
{
    buf_free(&conf->issuer);
    for (size_t i = 0; i < SIGNER_KEYS_MAX; i++) {
        free(conf->keys[i].path);
        free(conf->keys[i].spki);
        buf_free(&conf->keys[i].authority_key_id);
    }
    free(conf->passphrase_file);
    strings_free(&conf->ekus);
    strings_free(&conf->ca_spki);
    *conf = (struct signer_conf){.issuer = BUF_EMPTY};
}
