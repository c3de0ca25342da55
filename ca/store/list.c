/* Pages of rows: the best index for the query is walked by keys, what it does not cover is filtered, and no certificate is
 * ever parsed. A page starts at the place of the row before it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/store/internal.h"

struct walk {
    struct store *store;
    const struct list_query *query;
    struct list_row *rows;
    size_t count;
    bool more, skipping; /* skipping: the row that the page starts behind was not passed yet */
    uint64_t last_id;
    struct buf name;     /* lower case, without * */
    bool prefix;
};

void list_rows_free(struct list_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(rows[i].requester);
        free(rows[i].template_name);
        free(rows[i].subject);
        free(rows[i].first_name);
        free(rows[i].message);
        memset(&rows[i], 0, sizeof rows[i]);
    }
}

/* ---- does a request fit? ---- */

static bool disposition_fits(int wanted, enum disposition is)
{
    return !wanted || wanted == (int)is ||
           (wanted == LIST_FAILED_OR_DENIED && (is == DISPOSITION_FAILED || is == DISPOSITION_DENIED));
}

static bool text_fits(const char *wanted, const char *is)
{
    return !wanted || (is && strcasecmp(wanted, is) == 0);
}

static bool request_fits(const struct list_query *query, const struct request *request)
{
    return disposition_fits(query->disposition, request->disposition) && text_fits(query->template_name, request->template_name) &&
           text_fits(query->requester, request->requester) && (!query->since || request->submitted_at >= query->since) &&
           (!query->until || request->submitted_at < query->until);
}

static bool name_fits(const struct walk *walk, const char *text)
{
    size_t size = strlen(text);
    return (walk->prefix ? size >= walk->name.size : size == walk->name.size) &&
           strncasecmp(text, buf_text(&walk->name), walk->name.size) == 0;
}

/* Only asked where another index than the names' leads the walk. */
static bool names_fit(const struct walk *walk, const struct request *request, const struct certificate *certificate)
{
    if (!walk->query->name)
        return true;
    for (size_t i = 0; i < certificate->search.count; i++)
        if (name_fits(walk, certificate->search.items[i]))
            return true;
    for (size_t i = 0; i < request->names.count; i++) {
        const char *colon = strchr(request->names.items[i], ':');
        if (name_fits(walk, colon ? colon + 1 : request->names.items[i]))
            return true;
    }
    const char *cn = request->subject ? strstr(request->subject, "CN=") : NULL;
    if (cn && (cn == request->subject || cn[-1] == ',' || cn[-1] == '+')) {
        char *value = strndup(cn + 3, strcspn(cn + 3, ",+\\"));
        bool fits = value && name_fits(walk, value);
        free(value);
        if (fits)
            return true;
    }
    return name_fits(walk, request->requester);
}

/* ---- a row ---- */

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

static int row_fill(struct list_row *row, const struct request *request, const struct certificate *certificate)
{
    const char *first = certificate->names.count ? certificate->names.items[0] : request->names.count ? request->names.items[0] : "";
    const char *colon = strchr(first, ':');
    *row = (struct list_row){
        .id = request->id, .disposition = request->disposition, .submitted_at = request->submitted_at,
        .resolved_at = request->resolved_at, .not_after = certificate->not_after, .revoked_at = certificate->revoked_at,
        .revocation_reason = certificate->der ? certificate->revocation_reason : -1, .requester = copy(request->requester),
        .template_name = copy(request->template_name), .subject = copy(certificate->der ? certificate->subject : request->subject),
        .first_name = copy(colon ? colon + 1 : first), .message = copy(request->message), .serial = request->serial,
    };
    memcpy(row->sha256, certificate->sha256, 32);
    return row->requester && row->template_name && row->subject && row->first_name && row->message ? OK : INTERNAL;
}

static bool has_certificate(const struct request *request)
{
    return request->disposition == DISPOSITION_ISSUED || request->disposition == DISPOSITION_REVOKED ||
           request->disposition == DISPOSITION_FOREIGN;
}

static int walk_take(struct walk *walk, const struct request *request)
{
    struct certificate certificate = {0};
    struct error none = ERROR_NONE;
    int status = OK;
    if (has_certificate(request) && certificates_get(walk->store, request->id, &certificate, &none) && none.status != REFUSED)
        return INTERNAL;
    bool expiring = !walk->query->expiring_before ||
                    ((request->disposition == DISPOSITION_ISSUED || request->disposition == DISPOSITION_FOREIGN) &&
                     certificate.not_after < walk->query->expiring_before && certificate.not_after >= clock_now());
    if (expiring && names_fit(walk, request, &certificate)) {
        if (walk->count == walk->query->limit) {
            walk->more = true;
            status = SCAN_END;
        } else {
            status = row_fill(&walk->rows[walk->count++], request, &certificate);
        }
    }
    certificate_record_free(&certificate);
    return status;
}

static int walk_request(struct walk *walk, uint64_t id, struct bytes record)
{
    struct request request;
    if (walk->skipping) { /* the start key is this row's own */
        walk->skipping = false;
        if (id == walk->query->after)
            return OK;
    }
    if (request_decode(id, record, &request))
        return INTERNAL;
    int status = request_fits(walk->query, &request) ? walk_take(walk, &request) : OK;
    request_free(&request);
    return status;
}

static int on_request(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    return walk_request(argument, get_u64(primary.size ? primary.data : key.data), value);
}

/* Rows of certificates' indices: the request is read beside. */
static int on_certificate(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct walk *walk = argument;
    struct buf record = BUF_EMPTY;
    struct error none = ERROR_NONE;
    uint64_t id = get_u64(primary.data);
    (void)key;
    (void)value;
    int status = table_get(walk->store, TABLE_REQUESTS, bytes_of(primary.data, 8), &record, &none);
    if (!status)
        status = walk_request(walk, id, buf_bytes(&record));
    buf_free(&record);
    return status;
}

/* ---- by name: the names of requests and of certificates are two indices; their RequestIDs are joined, bounded ---- */

#define NAME_IDS_MAX 100000
struct ids {
    uint64_t *items;
    size_t count, room;
};

static int ids_add(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct ids *ids = argument;
    (void)key;
    (void)value;
    if (ids->count == NAME_IDS_MAX)
        return SCAN_END;
    if (ids->count == ids->room) {
        size_t room = ids->room ? 2 * ids->room : 256;
        uint64_t *more = realloc(ids->items, room * sizeof *more);
        if (!more)
            return INTERNAL;
        ids->items = more;
        ids->room = room;
    }
    ids->items[ids->count++] = get_u64(primary.data);
    return OK;
}

static int ids_rising(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int ids_collect(struct walk *walk, struct ids *ids, struct error *error)
{
    struct buf prefix = BUF_EMPTY;
    index_text(&prefix, buf_text(&walk->name), walk->name.size);
    if (walk->prefix && prefix.size)
        prefix.size--; /* without the NUL that ends a whole name */
    struct scan scan = {.table = INDEX_REQUEST_NAME, .prefix = buf_bytes(&prefix), .each = ids_add, .argument = ids};
    int status = table_scan(walk->store, &scan, error);
    scan.table = INDEX_CERTIFICATE_NAME;
    if (!status)
        status = table_scan(walk->store, &scan, error);
    if (ids->count)
        qsort(ids->items, ids->count, sizeof *ids->items, ids_rising);
    buf_free(&prefix);
    return status;
}

static int walk_index(struct walk *walk, struct error *error);

static int walk_names(struct walk *walk, struct error *error)
{
    struct ids ids = {0};
    uint64_t last = 0;
    int status = ids_collect(walk, &ids, error);
    if (!status && ids.count == NAME_IDS_MAX) { /* a name that so many have leads nowhere: every row is looked at instead */
        free(ids.items);
        return walk_index(walk, error);
    }
    for (size_t i = 0; i < ids.count && !status; i++) {
        uint64_t id = ids.items[walk->query->descending ? ids.count - 1 - i : i];
        struct buf record = BUF_EMPTY;
        bool before = walk->query->after && (walk->query->descending ? id >= walk->query->after : id <= walk->query->after);
        if (id == last || before)
            continue;
        last = id;
        status = table_get(walk->store, TABLE_REQUESTS, ID_BYTES(id), &record, error);
        if (!status)
            status = walk_request(walk, id, buf_bytes(&record));
        buf_free(&record);
    }
    free(ids.items);
    return status == SCAN_END ? OK : status;
}

/* ---- which index ---- */

/* The key in this index of the row that the page starts behind. */
static int start_key(struct walk *walk, enum table table, struct buf *key, struct error *error)
{
    uint64_t after = walk->query->after;
    struct request request = {0};
    struct certificate certificate = {0};
    int status = OK;
    if (table == INDEX_NOT_AFTER) {
        status = certificates_get(walk->store, after, &certificate, error);
        buf_add(key, ID_KEY((uint64_t)certificate.not_after).octets, 8);
    } else if (table == INDEX_DISPOSITION) {
        buf_add_byte(key, (uint8_t)walk->query->disposition); /* the row itself may have another by now, or be gone */
    } else if (table != TABLE_REQUESTS) {
        status = requests_get(walk->store, after, &request, error);
        if (!status && table == INDEX_REQUESTER)
            index_text(key, request.requester, strlen(request.requester));
        else if (!status && table == INDEX_TEMPLATE)
            index_text(key, request.template_name ? request.template_name : "", request.template_name ? strlen(request.template_name) : 0);
    }
    buf_add(key, ID_KEY(after).octets, 8);
    request_free(&request);
    certificate_record_free(&certificate);
    return status;
}

static enum table choose_text(enum table table, const char *text, struct buf *prefix)
{
    if (text)
        index_text(prefix, text, strlen(text));
    return table;
}

static enum table choose_disposition(const struct list_query *query, struct buf *prefix)
{
    buf_add_byte(prefix, (uint8_t)query->disposition);
    return INDEX_DISPOSITION;
}

/* The order decides; where it is that of the RequestIDs, the narrowest filter. */
static enum table choose(const struct list_query *query, struct buf *prefix)
{
    if (query->order == LIST_BY_REQUESTER)
        return choose_text(INDEX_REQUESTER, query->requester, prefix);
    if (query->order == LIST_BY_TEMPLATE)
        return choose_text(INDEX_TEMPLATE, query->template_name, prefix);
    if (query->order == LIST_BY_NOT_AFTER || query->expiring_before)
        return INDEX_NOT_AFTER;
    if (query->requester)
        return choose_text(INDEX_REQUESTER, query->requester, prefix);
    if (query->disposition && query->disposition != LIST_FAILED_OR_DENIED && query->disposition != DISPOSITION_ISSUED)
        return choose_disposition(query, prefix);
    if (query->template_name)
        return choose_text(INDEX_TEMPLATE, query->template_name, prefix);
    return query->disposition == DISPOSITION_ISSUED ? choose_disposition(query, prefix) : TABLE_REQUESTS;
}

static int walk_index(struct walk *walk, struct error *error)
{
    struct buf prefix = BUF_EMPTY, from = BUF_EMPTY;
    enum table table = choose(walk->query, &prefix);
    struct scan scan = {.table = table, .prefix = buf_bytes(&prefix), .descending = walk->query->descending, .with_data = true,
                        .each = table == INDEX_NOT_AFTER ? on_certificate : on_request, .argument = walk};
    int status = walk->query->after ? start_key(walk, table, &from, error) : OK;
    if (table == INDEX_NOT_AFTER)
        scan.with_data = false;
    if (!status && table == INDEX_NOT_AFTER && walk->query->expiring_before && !walk->query->after && !walk->query->descending)
        buf_add(&from, ID_KEY((uint64_t)clock_now()).octets, 8); /* what has expired is not expiring */
    walk->skipping = walk->query->after != 0;
    scan.from = buf_bytes(&from);
    if (!status)
        status = table_scan(walk->store, &scan, error);
    buf_free(&prefix);
    buf_free(&from);
    return status;
}

/* Failed and denied ones in one list: a page of each by its index, merged by RequestID, so that the work is two pages. */
static int page_merged(struct store *store, const struct list_query *query, struct list_row *rows, size_t *count, bool *more,
                       struct error *error)
{
    static const enum disposition wanted[2] = {DISPOSITION_FAILED, DISPOSITION_DENIED};
    struct list_row *parts[2] = {calloc(query->limit, sizeof *rows), calloc(query->limit, sizeof *rows)};
    size_t sizes[2] = {0, 0}, taken[2] = {0, 0};
    bool further[2] = {false, false};
    int status = parts[0] && parts[1] ? OK : error_memory(error);
    for (int p = 0; p < 2 && !status; p++) {
        struct list_query part = *query;
        part.disposition = (int)wanted[p];
        status = list_page(store, &part, parts[p], &sizes[p], &further[p], error);
    }
    *count = 0;
    while (!status && *count < query->limit && (taken[0] < sizes[0] || taken[1] < sizes[1])) {
        bool second = taken[0] == sizes[0] || (taken[1] < sizes[1] && (parts[1][taken[1]].id < parts[0][taken[0]].id) != query->descending);
        rows[(*count)++] = parts[second][taken[second]++];
    }
    *more = further[0] || further[1] || taken[0] < sizes[0] || taken[1] < sizes[1];
    for (int p = 0; p < 2; p++) {
        if (parts[p])
            list_rows_free(parts[p] + taken[p], sizes[p] - taken[p]);
        free(parts[p]);
    }
    return status;
}

int list_page(struct store *store, const struct list_query *query, struct list_row *rows, size_t *count, bool *more,
              struct error *error)
{
    if (query->disposition == LIST_FAILED_OR_DENIED && !query->name && query->order == LIST_BY_ID && !query->expiring_before)
        return page_merged(store, query, rows, count, more, error);
    struct walk walk = {.store = store, .query = query, .rows = rows};
    if (query->name) {
        size_t size = strlen(query->name);
        walk.prefix = size && query->name[size - 1] == '*';
        for (size_t i = 0; i < size - walk.prefix; i++)
            buf_add_byte(&walk.name, (uint8_t)tolower((unsigned char)query->name[i]));
    }
    int status = query->name && query->order == LIST_BY_ID ? walk_names(&walk, error) : walk_index(&walk, error);
    if (status) {
        list_rows_free(rows, walk.count);
        walk.count = 0;
        error_set(error, status, "store.record", "the list cannot be read");
    }
    *count = walk.count;
    *more = walk.more;
    buf_free(&walk.name);
    return status;
}
