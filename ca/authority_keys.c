/* Keys that are somebody's or on a list: the CA's own, those certified for another requester, and those that this site never
 * certifies ([keys] blocklist). What can be told from the key alone is refused before, in ca/x509/key.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/authority_internal.h"
#include "ca/base/guard.h"
#include "ca/base/log.h"
#include "ca/x509/key_blocklist.h"

#define CERTIFIED_MAX 64 /* certificates of one key that are looked at: all of one requester, or the first of another ended it */

struct key_list {
    pthread_rwlock_t lock;
    struct key_blocklist list;
};

const struct conf_item key_items[] = {
    {"keys", "blocklist", CONF_PATH, NULL, "file of keys that are never certified: SHA-256 of their SubjectPublicKeyInfo, one a line", 0, 0},
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};

/* ---- the list ---- */

/* Whoever may write the configuration may write the list, and nobody else: root, or the user that runs everything. */
static int list_load(const struct conf *conf, struct key_blocklist *out, struct error *error)
{
    const char *path = conf_text(conf, "keys", "blocklist");
    struct stat st;

    memset(out, 0, sizeof *out);
    if (!path)
        return OK;
    return key_blocklist_load(path, stat(conf_path(conf), &st) == 0 ? st.st_uid : 0, out, error);
}

int keys_check(const struct conf *conf, struct error *error)
{
    struct key_blocklist list;
    int status = list_load(conf, &list, error);

    if (!status)
        key_blocklist_free(&list);
    return status;
}

int keys_open(struct authority *authority, struct error *error)
{
    struct key_list *keys = calloc(1, sizeof *keys);

    if (!keys)
        return error_memory(error);
    pthread_rwlock_init(&keys->lock, NULL);
    authority->keys = keys;
    return list_load(authority->conf, &keys->list, error);
}

void keys_close(struct authority *authority)
{
    if (!authority->keys)
        return;
    key_blocklist_free(&authority->keys->list);
    pthread_rwlock_destroy(&authority->keys->lock);
    free(authority->keys);
}

struct reload {
    struct authority *authority;
    char text[64];
};

static int reload_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct reload *reload = argument;
    struct identity daemon = {.uid = -1, .account = (char *)"chanceryd"};
    (void)error;
    authority_audit(reload->authority, txn, &daemon, "keys.reload", "blocklist", "loaded", "", reload->text);
    return store_txn_failed(txn);
}

int authority_keys_reload(struct authority *authority, struct error *error)
{
    struct identity daemon = {.uid = -1, .account = (char *)"chanceryd"};
    struct reload reload = {.authority = authority};
    struct key_blocklist next, before;
    int status = list_load(authority->conf, &next, error);

    if (!status) {
        snprintf(reload.text, sizeof reload.text, "%zu keys are blocked", next.count);
        status = store_write_reserved(authority->store, reload_store, &reload, error);
        if (status)
            key_blocklist_free(&next);
    }
    if (status) {
        authority_audit_refusal(authority, &daemon, "keys.reload", "blocklist", error);
        return status;
    }
    pthread_rwlock_wrlock(&authority->keys->lock);
    before = authority->keys->list;
    authority->keys->list = next;
    pthread_rwlock_unlock(&authority->keys->lock);
    key_blocklist_free(&before);
    log_notice("keys: %s", reload.text);
    return OK;
}

/* ---- one key ---- */

static bool key_blocked(struct authority *authority, const uint8_t spki_sha256[32])
{
    bool blocked;

    pthread_rwlock_rdlock(&authority->keys->lock);
    blocked = key_blocklist_has(&authority->keys->list, spki_sha256);
    pthread_rwlock_unlock(&authority->keys->lock);
    return blocked;
}

static bool requester_same(const struct request *a, const struct request *b)
{
    const char *holder_a = request_holder_dn(a), *holder_b = request_holder_dn(b);
    return a->requester_uid == b->requester_uid && ((!a->on_behalf_of && !b->on_behalf_of) || dn_equal(holder_a, holder_b)) &&
           (!a->requester_dn || !b->requester_dn || strcmp(a->requester_dn, b->requester_dn) == 0);
}

static int key_of_other(struct authority *authority, const struct request *request, bool *found, struct error *error)
{
    uint64_t ids[CERTIFIED_MAX];
    size_t count = 0;
    int status = certificates_find(authority->store, CERTIFICATE_BY_SPKI, bytes_of(request->spki_sha256, 32), ids, CERTIFIED_MAX, &count, error);

    for (size_t i = 0; i < count && !status && !*found; i++) {
        struct request other = {0};
        status = requests_get(authority->store, ids[i], &other, error);
        *found = !status && !requester_same(&other, request);
        request_free(&other);
    }
    return status;
}

int keys_judge(struct authority *authority, const struct request *request, struct bytes spki, struct key_fault *fault, struct error *error)
{
    bool other = false;
    int status = OK;

    *fault = (struct key_fault){NULL, NULL};
    if (authority_own_key(authority, spki) >= 0 && !GUARD_OFF("key.of_ca"))
        *fault = (struct key_fault){"key.of_ca", "the key in the request is the CA's own"};
    else if (key_blocked(authority, request->spki_sha256) && !GUARD_OFF("key.blocked"))
        *fault = (struct key_fault){"key.blocked", "the key in the request is on this site's list of keys that are never certified (it leaked, or "
                                                   "others can compute it): make a new key"};
    else if (!(status = key_of_other(authority, request, &other, error)) && other && !GUARD_OFF("key.of_other"))
        *fault = (struct key_fault){"key.of_other", "the key in the request is certified for another requester: make a new key"};
    return status;
}
