/* Adopted templates: the copies that issuing uses, their cache, adopting and retiring. Their comparison with the directory is in
 * authority_template_watch.c. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/directory/templates.h"

/* Copies as stored; parsed anew for each request (a few microseconds), so that no lock is held while policy runs. */
struct template_cache {
    pthread_mutex_t lock;
    uint64_t generation;
    struct adopted_template *rows;
    size_t count;
};

int template_cache_open(struct template_cache **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return INTERNAL;
    (*out)->generation = UINT64_MAX;
    pthread_mutex_init(&(*out)->lock, NULL);
    return OK;
}

static void cache_clear(struct template_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++)
        adopted_template_free(&cache->rows[i]);
    free(cache->rows);
    cache->rows = NULL;
    cache->count = 0;
}

void template_cache_free(struct template_cache *cache)
{
    if (!cache)
        return;
    cache_clear(cache);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static char *copy_or_null(const char *text)
{
    return text ? strdup(text) : NULL;
}

static int row_copy(const struct adopted_template *row, struct adopted_template *out)
{
    *out = (struct adopted_template){.at = row->at, .name = strdup(row->name), .by = strdup(row->by ? row->by : ""),
                                     .entry_id = copy_or_null(row->entry_id), .stopped_at = row->stopped_at,
                                     .stop_reason = copy_or_null(row->stop_reason)};
    buf_add(&out->canonical, row->canonical.data, row->canonical.size);
    memcpy(out->digest, row->digest, 32);
    return out->name && out->by && !out->canonical.failed && !row->entry_id == !out->entry_id &&
                   !row->stop_reason == !out->stop_reason
               ? OK
               : INTERNAL;
}

static int rows_append(struct adopted_template **rows, size_t *count, const struct adopted_template *row)
{
    struct adopted_template *more = realloc(*rows, (*count + 1) * sizeof *more);
    if (!more)
        return INTERNAL;
    *rows = more;
    return row_copy(row, &more[(*count)++]);
}

static int cache_add(const struct adopted_template *row, void *argument)
{
    struct template_cache *cache = argument;
    return rows_append(&cache->rows, &cache->count, row);
}

/* Call with the lock held. */
static int cache_refresh(struct authority *authority, struct error *error)
{
    struct template_cache *cache = authority->templates;
    uint64_t generation = templates_generation(authority->store);
    if (generation == cache->generation)
        return OK;
    cache_clear(cache);
    cache->generation = UINT64_MAX;
    int status = templates_each(authority->store, cache_add, cache, error);
    if (!status)
        cache->generation = generation;
    return status;
}

int template_row(struct authority *authority, const char *name, struct adopted_template *out, struct error *error)
{
    struct template_cache *cache = authority->templates;
    bool found = false;
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&cache->lock);
    int status = cache_refresh(authority, error);
    for (size_t i = 0; i < cache->count && !status && !found; i++) {
        found = strcasecmp(cache->rows[i].name, name) == 0;
        if (found && row_copy(&cache->rows[i], out)) {
            adopted_template_free(out);
            status = error_memory(error);
        }
    }
    pthread_mutex_unlock(&cache->lock);
    if (!status && !found)
        status = error_set(error, REFUSED, "template.unknown", "template %s is not adopted by this CA (`chancery template list`)", name);
    return status;
}

int template_rows(struct authority *authority, struct adopted_template **rows, size_t *count, struct error *error)
{
    struct template_cache *cache = authority->templates;
    *rows = NULL;
    *count = 0;
    pthread_mutex_lock(&cache->lock);
    int status = cache_refresh(authority, error);
    for (size_t i = 0; i < cache->count && !status; i++)
        if (rows_append(rows, count, &cache->rows[i]))
            status = error_memory(error);
    pthread_mutex_unlock(&cache->lock);
    return status;
}

void adopted_rows_free(struct adopted_template *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        adopted_template_free(&rows[i]);
    free(rows);
}

static int stopped_refuse(const struct adopted_template *row, struct error *error)
{
    char when[TIME_TEXT_SIZE];
    return error_set(error, REFUSED, row->stop_reason ? row->stop_reason : "template.changed",
                     "nothing is issued from template %s since %s: its entry in the directory is no longer the one that was adopted; "
                     "an administrator reviews it (chancery template diff %s) and adopts it again",
                     row->name, time_format(row->stopped_at, when), row->name);
}

int template_adopted(struct authority *authority, const char *name, struct template *out, uint8_t digest[32], struct error *error)
{
    struct adopted_template row;
    memset(out, 0, sizeof *out);
    int status = template_row(authority, name, &row, error);
    if (!status && row.stopped_at)
        status = stopped_refuse(&row, error);
    if (!status) {
        memcpy(digest, row.digest, 32);
        status = template_from_canonical(buf_bytes(&row.canonical), out, error);
    }
    adopted_template_free(&row);
    return status;
}

int authority_template_names(struct authority *authority, struct strings *names, struct error *error)
{
    struct template_cache *cache = authority->templates;
    pthread_mutex_lock(&cache->lock);
    int status = cache_refresh(authority, error);
    for (size_t i = 0; i < cache->count && !status; i++)
        if (!cache->rows[i].stopped_at && strings_add(names, cache->rows[i].name))
            status = error_memory(error);
    pthread_mutex_unlock(&cache->lock);
    return status;
}

/* ---- the directory's side ---- */

int template_fetch(struct authority *authority, const char *name, struct template *out, char **entry_id, struct error *error)
{
    memset(out, 0, sizeof *out);
    if (entry_id)
        *entry_id = NULL;
    if (!authority->directory)
        return template_file_fetch(authority, name, out, error);
    const char *base = conf_text(authority->conf, "templates", "base");
    return directory_template_fetch(authority->directory, base ? base : directory_base(authority->directory), name, out, entry_id, error);
}

int authority_template_show(struct authority *authority, const char *name, bool from_directory, struct template *out, struct error *error)
{
    struct adopted_template row;
    if (from_directory)
        return template_fetch(authority, name, out, NULL, error);
    memset(out, 0, sizeof *out);
    int status = template_row(authority, name, &row, error);
    if (!status)
        status = template_from_canonical(buf_bytes(&row.canonical), out, error);
    adopted_template_free(&row);
    return status;
}

void template_rows_free(struct template_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(rows[i].name);
        free(rows[i].display_name);
        free(rows[i].by);
        free(rows[i].stop_reason);
    }
    free(rows);
}

static int row_add(struct template_row **rows, size_t *count, const char *name, struct template_row **added)
{
    struct template_row *more = realloc(*rows, (*count + 1) * sizeof *more);
    if (!more)
        return INTERNAL;
    *rows = more;
    *added = &more[(*count)++];
    **added = (struct template_row){.name = strdup(name)};
    return (*added)->name ? OK : INTERNAL;
}

static int rows_adopted(struct authority *authority, struct template_row **rows, size_t *count, struct error *error)
{
    struct template_cache *cache = authority->templates;
    struct template_row *row;
    pthread_mutex_lock(&cache->lock);
    int status = cache_refresh(authority, error);
    for (size_t i = 0; i < cache->count && !status; i++) {
        status = row_add(rows, count, cache->rows[i].name, &row);
        if (status)
            break;
        row->adopted_at = cache->rows[i].at;
        row->by = strdup(cache->rows[i].by);
        memcpy(row->digest, cache->rows[i].digest, 32);
        row->stopped_at = cache->rows[i].stopped_at;
        row->stop_reason = copy_or_null(cache->rows[i].stop_reason);
    }
    pthread_mutex_unlock(&cache->lock);
    return status == INTERNAL ? error_memory(error) : status;
}

static struct template_row *row_find(struct template_row *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

/* What the directory says of one name: there, and the same as the adopted copy? */
static int row_compare(struct authority *authority, const char *name, struct template_row **rows, size_t *count)
{
    struct template template;
    struct error none = ERROR_NONE;
    struct template_row *row = row_find(*rows, *count, name);
    uint8_t digest[32];
    int status = row ? OK : row_add(rows, count, name, &row);
    if (status)
        return status;
    row->in_directory = true;
    if (template_fetch(authority, name, &template, NULL, &none)) {
        row->unknown = none.status == TEMPORARY;
        row->differs = !row->unknown; /* it cannot even be read as a template now */
        return OK;
    }
    sha256_of(buf_bytes(&template.canonical), digest);
    row->differs = row->adopted_at && memcmp(digest, row->digest, 32) != 0;
    free(row->display_name); /* a directory may name it twice */
    row->display_name = template.display_name ? strdup(template.display_name) : NULL;
    template_free(&template);
    return OK;
}

/* What may be adopted: the directory's, or without one those in the folder. */
static int source_names(struct authority *authority, struct strings *names, struct error *error)
{
    const char *base = conf_text(authority->conf, "templates", "base");
    if (!authority->directory)
        return template_file_names(authority, names, error);
    return directory_template_names(authority->directory, base ? base : directory_base(authority->directory), names, error);
}

int authority_template_list(struct authority *authority, struct template_row **rows, size_t *count, struct error *error)
{
    struct strings names = {0};
    *rows = NULL;
    *count = 0;
    int status = rows_adopted(authority, rows, count, error);
    if (!status) {
        struct error down = ERROR_NONE;
        /* with the directory down the adopted ones are still listed: they are what issuing uses */
        if (!source_names(authority, &names, &down))
            for (size_t i = 0; i < names.count && !status; i++)
                status = row_compare(authority, names.items[i], rows, count);
        for (size_t i = 0; i < *count; i++)
            (*rows)[i].unknown |= down.status != OK;
    }
    strings_free(&names);
    if (status) {
        template_rows_free(*rows, *count);
        *rows = NULL;
        *count = 0;
        return error_memory(error);
    }
    return OK;
}

/* ---- adopt, retire ---- */

struct adoption {
    struct authority *authority;
    const struct identity *caller;
    struct adopted_template row;
    const char *name;
    struct strings names; /* the whole set as it is afterwards: exit modules are told in the same transaction */
};

static void adoption_tell(struct adoption *a, struct store_txn *txn)
{
    struct event event = {.kind = EVENT_TEMPLATES, .at = clock_now(), .reason = -1, .crl_fd = -1, .templates = a->names};
    authority_emit(a->authority, txn, &event);
}

static int adopt_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct adoption *a = argument;
    struct buf digest = BUF_EMPTY;
    (void)error;
    hex_encode(&digest, bytes_of(a->row.digest, 32));
    templates_put(txn, &a->row);
    adoption_tell(a, txn);
    authority_audit(a->authority, txn, a->caller, "template.adopt", a->row.name, "adopted", "", buf_text(&digest));
    buf_free(&digest);
    return store_txn_failed(txn);
}

static int retire_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct adoption *a = argument;
    int status = templates_delete(txn, a->name);
    if (status == REFUSED)
        return error_set(error, REFUSED, "template.unknown", "template %s is not adopted: nothing to retire", a->name);
    adoption_tell(a, txn);
    authority_audit(a->authority, txn, a->caller, "template.retire", a->name, "retired", "", "");
    return store_txn_failed(txn);
}

int template_names_with(struct authority *authority, const char *name, bool with, struct strings *names, struct error *error)
{
    struct strings all = {0};
    int status = authority_template_names(authority, &all, error);
    for (size_t i = 0; i < all.count && !status; i++)
        if (strcasecmp(all.items[i], name) != 0)
            status = strings_add(names, all.items[i]);
    if (!status && with)
        status = strings_add(names, name);
    strings_free(&all);
    return status ? error_memory(error) : OK;
}

static int lint_refuse(const char *name, const struct template_finding *findings, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        if (findings[i].fatal)
            return error_set(error, REFUSED, "template.lint", "template %s is not adopted: %s (%s)", name, findings[i].message,
                             findings[i].reason);
    return OK;
}

/* Between the look at an entry and its adoption somebody may have written it. */
static int digest_check(const char *name, const uint8_t *wanted, const uint8_t found[32], struct error *error)
{
    return !wanted || memcmp(wanted, found, 32) == 0
               ? OK
               : error_set(error, REFUSED, "template.digest",
                           "template %s is not adopted: its entry has another digest now than the one given; look at it again "
                           "(chancery template diff)", name);
}

int authority_template_adopt(struct authority *authority, const struct identity *caller, const char *name, const uint8_t *digest,
                             struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *finding_count, struct error *error)
{
    struct template template;
    struct adoption adoption = {.authority = authority, .caller = caller};
    char *entry_id = NULL;
    *finding_count = 0;
    int status = template_fetch(authority, name, &template, &entry_id, error);
    if (!status) {
        *finding_count = template_lint(&template, findings);
        status = template_lint_here(authority, &template, findings, finding_count, error);
    }
    if (!status)
        status = lint_refuse(template.name, findings, *finding_count, error);
    if (!status) {
        adoption.row = (struct adopted_template){.name = template.name, .canonical = template.canonical, .at = clock_now(),
                                                 .by = caller->account, .entry_id = entry_id}; /* borrowed */
        sha256_of(buf_bytes(&template.canonical), adoption.row.digest);
        status = digest_check(template.name, digest, adoption.row.digest, error);
    }
    if (!status)
        status = template_names_with(authority, template.name, true, &adoption.names, error);
    if (!status)
        status = store_write(authority->store, adopt_store, &adoption, error);
    template_free(&template);
    free(entry_id);
    strings_free(&adoption.names);
    if (status)
        authority_audit_refusal(authority, caller, "template.adopt", name, error);
    return status;
}

int authority_template_retire(struct authority *authority, const struct identity *caller, const char *name, struct error *error)
{
    struct adoption adoption = {.authority = authority, .caller = caller, .name = name};
    int status = template_names_with(authority, name, false, &adoption.names, error);
    if (!status)
        status = store_write(authority->store, retire_store, &adoption, error);
    strings_free(&adoption.names);
    if (status)
        authority_audit_refusal(authority, caller, "template.retire", name, error);
    return status;
}
