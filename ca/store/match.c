/* Certificates by a filter: the best index is walked in pages, what it does not cover is judged by the records. Every certificate
 * comes once, also where several of its names fit. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/store/bulk.h"
#include "ca/store/internal.h"

struct matching {
    struct store *store;
    const struct match *match;
    struct buf name; /* as the index has it: exact with its NUL, a prefix without */
    int64_t now;
    match_each each;
    void *argument;
};

static bool text_fits(const char *wanted, const char *is)
{
    return !wanted || (is && strcasecmp(wanted, is) == 0);
}

static bool record_fits(const struct matching *m, const struct request *request, const struct certificate *certificate)
{
    const struct match *match = m->match;
    return (!match->disposition || match->disposition == (int)request->disposition) &&
           text_fits(match->template_name, request->template_name) && text_fits(match->requester, request->requester) &&
           (!match->since || request->submitted_at >= match->since) && (!match->until || request->submitted_at < match->until) &&
           (match->key_index < 0 || (int64_t)certificate->key_index == match->key_index) &&
           (!match->expiring_before || (certificate->not_after >= m->now && certificate->not_after < match->expiring_before));
}

/* Where the names' index leads: is `key` (without the RequestID) the first of this certificate's names that fits? */
static bool name_is_first(const struct matching *m, const struct certificate *certificate, struct bytes key)
{
    bool first = true;
    for (size_t i = 0; i < certificate->search.count && first; i++) {
        struct buf other = BUF_EMPTY;
        index_text(&other, certificate->search.items[i], strlen(certificate->search.items[i]));
        bool fits = other.size >= m->name.size && memcmp(other.data, m->name.data, m->name.size) == 0;
        first = !other.failed && !(fits && bytes_compare(buf_bytes(&other), key) < 0);
        buf_free(&other);
    }
    return first;
}

/* OK with *there false: the record is gone meanwhile. */
static int record_read(struct store *store, enum table table, uint64_t id, struct buf *record, bool *there)
{
    struct error none = ERROR_NONE;
    int status = table_get(store, table, ID_BYTES(id), record, &none);
    *there = status == OK;
    return status == REFUSED ? OK : status;
}

static int match_one(struct matching *m, uint64_t id, struct bytes name_key)
{
    struct buf request_record = BUF_EMPTY, certificate_record = BUF_EMPTY;
    struct request request = {0};
    struct certificate certificate = {0};
    bool there = false;
    int status = record_read(m->store, TABLE_CERTIFICATES, id, &certificate_record, &there);
    if (!status && there)
        status = record_read(m->store, TABLE_REQUESTS, id, &request_record, &there);
    if (!status && there)
        status = request_decode(id, buf_bytes(&request_record), &request) ||
                 certificate_decode(id, buf_bytes(&certificate_record), &certificate) ? INTERNAL : OK;
    if (!status && there && record_fits(m, &request, &certificate) && (!name_key.size || name_is_first(m, &certificate, name_key)))
        status = m->each(&request, &certificate, m->argument);
    request_free(&request);
    certificate_record_free(&certificate);
    buf_free(&request_record);
    buf_free(&certificate_record);
    return status;
}

static int on_row(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct matching *m = argument;
    struct bytes name = {NULL, 0};
    (void)value;
    if (m->name.size)
        name = bytes_of(key.data, key.size - 8);
    return match_one(m, get_u64(primary.size ? primary.data : key.data), name);
}

static enum table match_table(struct matching *m, struct buf *prefix, struct buf *from)
{
    const struct match *match = m->match;
    if (match->name) {
        size_t size = strlen(match->name);
        bool open = size && match->name[size - 1] == '*';
        index_text(&m->name, match->name, size - open);
        if (open && m->name.size)
            m->name.size--; /* without the NUL that ends a whole name */
        buf_add(prefix, m->name.data, m->name.size);
        return INDEX_CERTIFICATE_NAME;
    }
    if (match->requester) {
        index_text(prefix, match->requester, strlen(match->requester));
        return INDEX_REQUESTER;
    }
    if (match->expiring_before) {
        buf_add(from, ID_KEY((uint64_t)m->now).octets, 8);
        return INDEX_NOT_AFTER;
    }
    if (match->template_name) {
        index_text(prefix, match->template_name, strlen(match->template_name));
        return INDEX_TEMPLATE;
    }
    return TABLE_CERTIFICATES;
}

int certificates_match(struct store *store, const struct match *match, match_each each, void *argument, struct error *error)
{
    struct matching m = {.store = store, .match = match, .now = clock_now(), .each = each, .argument = argument};
    struct buf prefix = BUF_EMPTY, from = BUF_EMPTY;
    enum table table = match_table(&m, &prefix, &from);
    struct scan scan = {.table = table, .prefix = buf_bytes(&prefix), .from = buf_bytes(&from), .each = on_row, .argument = &m};
    int status = prefix.failed || from.failed || m.name.failed ? error_memory(error) : table_scan(store, &scan, error);
    if (status)
        error_set(error, status, "store.record", "the certificates cannot be read");
    buf_free(&prefix);
    buf_free(&from);
    buf_free(&m.name);
    return status;
}
