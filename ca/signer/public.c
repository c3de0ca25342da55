/* A public key is no secret, but who could change it here could as well change the key: the folder is the signer's own. */
#include "config.h"

#include "ca/signer/public.h"

#include <stdio.h>

#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/x509/key.h"

#define PUBLIC_FILE_MAX 16384

static const char *const labels[] = {"PUBLIC KEY", NULL};

static int public_path(const char *state_path, size_t index, struct buf *path)
{
    if (index == 0)
        buf_printf(path, "%s/key.pub", state_path);
    else
        buf_printf(path, "%s/key.%zu.pub", state_path, index);
    return path->failed ? INTERNAL : OK;
}

/* The SPKI that a file holds; BAD_DATA where it is missing or something else. */
static int public_load(const char *path, struct buf *spki, struct error *error)
{
    struct buf text = BUF_EMPTY;
    int status = file_read(path, PUBLIC_FILE_MAX, &text, error);

    if (status == OK)
        status = pem_or_der(buf_bytes(&text), labels, spki, NULL, error);
    buf_free(&text);
    return status;
}

static int public_keep_one(const char *path, struct bytes spki, struct error *error)
{
    struct buf before = BUF_EMPTY, pem = BUF_EMPTY;
    struct error ignored = ERROR_NONE;
    bool same = public_load(path, &before, &ignored) == OK && bytes_equal(buf_bytes(&before), spki);
    int status = OK;

    if (!same) {
        pem_encode(&pem, labels[0], spki);
        status = pem.failed ? error_memory(error) : file_write(path, buf_bytes(&pem), 0644, true, error);
    }
    buf_free(&before);
    buf_free(&pem);
    return status;
}

int public_keep(const char *state_path, const struct keyring *keys, struct error *error)
{
    int status = OK;

    for (size_t i = 0; i < keys->count && status == OK; i++) {
        struct buf path = BUF_EMPTY;

        status = public_path(state_path, i, &path) == OK ? public_keep_one(buf_text(&path), ca_key_spki(keys->keys[i]), error)
                                                         : error_memory(error);
        buf_free(&path);
    }
    return status;
}

static void type_name(const struct key_facts *facts, char name[16])
{
    if (facts->kind == KEY_RSA)
        snprintf(name, 16, "rsa-%u", facts->bits % 100000);
    else if (facts->kind == KEY_ECDSA)
        snprintf(name, 16, "ecdsa-p%u", facts->bits % 1000);
    else
        snprintf(name, 16, "%s", facts->algorithm);
}

static int public_describe(struct signer_key_info *key, struct error *error)
{
    struct key_facts facts;
    int status = key_describe(buf_bytes(&key->spki), &facts, error);

    if (status == OK)
        status = key_identifier(buf_bytes(&key->spki), key->key_id, error);
    if (status == OK)
        status = key_signature_algorithm(buf_bytes(&key->spki), &key->algorithm, error);
    if (status == OK)
        type_name(&facts, key->key_type);
    return status;
}

int public_read(const char *state_path, const struct signer_conf *conf, struct signer_info *info, struct error *error)
{
    struct error why = ERROR_NONE;
    int status = OK;

    for (info->key_count = 0; info->key_count < conf->key_count && status == OK;) {
        struct signer_key_info *key = &info->keys[info->key_count];
        struct buf path = BUF_EMPTY;

        status = public_path(state_path, info->key_count, &path) == OK ? public_load(buf_text(&path), &key->spki, &why) : INTERNAL;
        if (status == OK)
            status = public_describe(key, &why);
        buf_free(&path);
        info->key_count++;
    }
    if (status == OK)
        return OK;
    return error_set(error, BAD_CONFIG, "signer.public", "%s; it is made as soon as the key is opened", why.message);
}

int public_same(const struct signer_info *info, const struct keyring *keys, struct error *error)
{
    bool same = info->key_count == keys->count || info->key_count == 0;

    for (size_t i = 0; same && i < info->key_count; i++)
        same = bytes_equal(buf_bytes(&info->keys[i].spki), ca_key_spki(keys->keys[i]));
    return same ? OK : error_set(error, BAD_CONFIG, "signer.key_other", "what the passphrase opens are other keys than the CA started "
                                 "with: look at signer.conf and the signer's folder, then restart the daemon");
}
