/* Loading the CA's keys, and making a further one beside them. */
#include "config.h"

#include "ca/signer/keyring.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/encode.h"
#include "ca/base/log.h"
#include "ca/signer/passphrase.h"
#include "ca/signer/token.h"
#include "ca/x509/certificate.h"

/* The digest of a key as signer.conf has it. */
static void spki_digest(struct bytes spki, struct buf *hex)
{
    uint8_t digest[32];

    sha256_of(spki, digest);
    hex_encode(hex, bytes_of(digest, sizeof digest));
}

static int key_is_listed(const struct ca_key *key, const struct signer_key_conf *conf, const char *path, struct error *error)
{
    struct buf hex = BUF_EMPTY;
    int status = OK;

    if (conf->spki == NULL)
        return OK;
    spki_digest(ca_key_spki(key), &hex);
    if (hex.failed)
        status = error_memory(error);
    else if (strcmp(buf_text(&hex), conf->spki) != 0)
        status = error_set(error, BAD_CONFIG, "signer.key_other", "%s holds another key than signer.conf lists: its SPKI has the "
                           "SHA-256 %s", path, buf_text(&hex));
    buf_free(&hex);
    return status;
}

/* A change of the passphrase that a crash cut short: what was written beside the file takes its place now. */
static int key_load_next(const char *path, const char *passphrase, struct ca_key **out)
{
    struct error ignored = ERROR_NONE;
    struct buf next = BUF_EMPTY;
    int status;

    buf_printf(&next, "%s" KEY_FILE_NEXT, path);
    status = next.failed || access(buf_text(&next), F_OK) != 0 ? REFUSED : ca_key_load(buf_text(&next), passphrase, out, &ignored);
    if (status == OK && rename(buf_text(&next), path) != 0) {
        ca_key_free(*out);
        *out = NULL;
        status = CANNOT_WRITE;
    }
    if (status == OK) {
        log_notice("%s takes the place of %s: a change of the passphrase is completed", buf_text(&next), path);
        ca_key_free(*out);
        *out = NULL;
        status = ca_key_load(path, passphrase, out, &ignored);
    }
    buf_free(&next);
    return status;
}

static int key_load(const struct signer_conf *conf, const char *state_path, unsigned index, const char *passphrase, struct ca_key **out,
                    struct error *error)
{
    struct buf path = BUF_EMPTY;
    int status = signer_conf_key_path(conf, state_path, index, &path) == OK ? OK : error_memory(error);

    if (status == OK)
        status = ca_key_load(buf_text(&path), passphrase, out, error);
    if (status == BAD_CONFIG && strcmp(error->reason, "signer.passphrase") == 0 && key_load_next(buf_text(&path), passphrase, out) == OK) {
        error_clear(error);
        status = OK;
    }
    if (status == OK)
        status = key_is_listed(*out, &conf->keys[index], buf_text(&path), error);
    buf_free(&path);
    return status;
}

int keyring_load(const struct signer_conf *conf, const char *state_path, const char *passphrase, struct keyring *out,
                 struct error *error)
{
    int status = OK;

    for (unsigned i = 0; i < conf->key_count && status == OK; i++) {
        status = key_load(conf, state_path, i, passphrase, &out->keys[i], error);
        out->count = i + 1;
    }
    if (status != OK)
        keyring_free(out);
    return status;
}

void keyring_free(struct keyring *keyring)
{
    for (size_t i = 0; i < keyring->count; i++)
        ca_key_free(keyring->keys[i]);
    memset(keyring, 0, sizeof *keyring);
}

/* ---- a further key ---- */

/* What an interrupted run left. Of another type it is not what is asked for now, and it may be in use elsewhere. */
static int key_take(const char *path, const char *type, const char *passphrase, struct buf *spki, struct error *error)
{
    struct ca_key *key = NULL;
    int status = ca_key_load(path, passphrase, &key, error);

    if (status == OK && strcmp(ca_key_type(key), type) != 0)
        status = error_set(error, REFUSED, "signer.key_exists", "%s is there already and is a key of type %s, not %s: a CA key is never "
                           "overwritten; move it away, or ask for its type", path, ca_key_type(key), type);
    if (status == OK) {
        struct bytes octets = ca_key_spki(key);

        buf_add(spki, octets.data, octets.size);
        status = spki->failed ? error_memory(error) : OK;
    }
    ca_key_free(key);
    return status;
}

/* Of the type that is asked for, or that the newest key has. */
static int key_add(const struct signer_ceremony *ceremony, const struct signer_conf *conf, const char *passphrase, struct buf *spki,
                   struct error *error)
{
    struct keyring keys = {.count = 0};
    struct buf path = BUF_EMPTY;
    const char *type = ceremony->key_type;
    /* One passphrase opens all: a key that the signer could not open later must not be made. */
    int status = keyring_load(conf, ceremony->state_path, passphrase, &keys, error);

    if (status == OK && signer_conf_key_path(conf, ceremony->state_path, ceremony->key_index, &path) != OK)
        status = error_memory(error);
    if (status == OK && type == NULL)
        type = ca_key_type(keys.keys[keys.count - 1]);
    if (status == OK && ceremony->token != NULL) {
        buf_clear(&path);
        buf_add_text(&path, ceremony->token);
        status = token_uri_check(ceremony->token, error);
    }
    if (status == OK && ceremony->token == NULL && access(buf_text(&path), F_OK) == 0)
        status = key_take(buf_text(&path), type, passphrase, spki, error);
    else if (status == OK)
        status = ca_key_make(type, buf_text(&path), passphrase, spki, error);
    for (size_t i = 0; status == OK && i < keys.count; i++)
        if (bytes_equal(ca_key_spki(keys.keys[i]), buf_bytes(spki))) /* what is in a token already is used as it is */
            status = error_set(error, REFUSED, "signer.key_exists", "%s is key %zu of this CA already: a new key needs another label",
                               buf_text(&path), i);
    keyring_free(&keys);
    buf_free(&path);
    return status;
}

int signer_key_add(const struct signer_ceremony *ceremony, struct buf *spki, struct error *error)
{
    struct signer_conf conf;
    struct buf passphrase = BUF_EMPTY;
    int status = signer_conf_load(ceremony->conf_path, &conf, error);

    if (status != OK)
        return status;
    if (ceremony->key_index != conf.key_count || conf.key_count == SIGNER_KEYS_MAX)
        status = error_set(error, REFUSED, "signer.key_index", "the next key has the index %zu, not %u, and there are %d at most",
                           conf.key_count, ceremony->key_index, SIGNER_KEYS_MAX);
    else
        status = passphrase_read(&(struct passphrase_source){.file = conf.passphrase_file}, false, &passphrase, error);
    if (status == OK)
        status = key_add(ceremony, &conf, buf_text(&passphrase), spki, error);
    buf_wipe(&passphrase);
    signer_conf_free(&conf);
    return status;
}
