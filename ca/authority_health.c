/* The state of publishing, and health: every row says ok, warning or critical, and why. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"

/* ---- publishing ---- */

int authority_publish_status(struct authority *authority, struct publish_status out[PUBLISH_MODULES_MAX], size_t *count,
                             struct error *error)
{
    int status = OK;
    *count = 0;
    for (size_t i = 0; i < authority->options.exit_count && i < PUBLISH_MODULES_MAX && !status; i++) {
        snprintf(out[i].module, sizeof out[i].module, "%s", authority->options.exits[i].name);
        status = outbox_stats(authority->store, out[i].module, &out[i].stats, error);
        (*count)++;
    }
    return status;
}

int authority_publish_rows(struct authority *authority, struct outbox_row *rows, size_t limit, size_t *count, struct error *error)
{
    return outbox_list(authority->store, NULL, 0, rows, limit, count, error);
}

struct retry_record {
    struct authority *authority;
    const struct identity *caller;
    const char *module;
    uint64_t count;
};

static int retry_audit(struct store_txn *txn, void *argument, struct error *error)
{
    struct retry_record *r = argument;
    char detail[40];
    (void)error;
    snprintf(detail, sizeof detail, "%llu rows", (unsigned long long)r->count);
    authority_audit(r->authority, txn, r->caller, "publish.retry", r->module ? r->module : "all", "done", "", detail);
    return store_txn_failed(txn);
}

int authority_publish_retry(struct authority *authority, const struct identity *caller, const char *module, uint64_t *count,
                            struct error *error)
{
    int status = OK;
    bool known = false;
    *count = 0;
    for (size_t i = 0; i < authority->options.exit_count && !status; i++) {
        const char *name = authority->options.exits[i].name;
        uint64_t some = 0;
        const char *short_name = strchr(name, '/'); /* "ldap", as the configuration has it */
        if (module && strcmp(module, name) != 0 && !(short_name && strcmp(module, short_name + 1) == 0))
            continue;
        known = true;
        status = outbox_retry_all(authority->store, name, &some, error);
        *count += some;
    }
    if (!status && module && !known)
        status = error_set(error, REFUSED, "publish.module", "there is no exit module %s (`chancery publish status` lists them)", module);
    struct retry_record record = {.authority = authority, .caller = caller, .module = module, .count = *count};
    if (!status)
        status = store_write(authority->store, retry_audit, &record, error);
    return status;
}

int authority_publish_check(struct authority *authority, const char *dn, struct strings *lines, struct error *error)
{
    int status = OK;
    for (size_t i = 0; i < authority->options.exit_count && !status; i++)
        if (authority->options.probe)
            status = authority->options.probe(authority->options.probe_argument, authority->options.exits[i].name, dn, lines, error);
    return status;
}

/* ---- health ---- */

struct health {
    struct authority *authority;
    struct health_row *rows;
    size_t count;
    int64_t now;
};

static void row(struct health *h, enum health_state state, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void row(struct health *h, enum health_state state, const char *name, const char *format, ...)
{
    if (h->count == HEALTH_ROWS_MAX)
        return;
    struct health_row *to = &h->rows[h->count++];
    va_list arguments;
    to->state = state;
    snprintf(to->name, sizeof to->name, "%s", name);
    va_start(arguments, format);
    vsnprintf(to->message, sizeof to->message, format, arguments);
    va_end(arguments);
}

static const char *span(int64_t seconds, char text[32])
{
    if (seconds < 0)
        seconds = -seconds;
    if (seconds >= 2 * 86400)
        snprintf(text, 32, "%lld days", (long long)(seconds / 86400));
    else if (seconds >= 2 * 3600)
        snprintf(text, 32, "%lld hours", (long long)(seconds / 3600));
    else if (seconds >= 120)
        snprintf(text, 32, "%lld minutes", (long long)(seconds / 60));
    else
        snprintf(text, 32, "%lld seconds", (long long)seconds);
    return text;
}

/* The longest validity that an adopted template gives, and which one: a CA that ends sooner cuts its certificates. */
static int64_t longest_template(struct authority *authority, char name[128])
{
    struct strings names = {0};
    struct error none = ERROR_NONE;
    int64_t longest = 0;
    authority_template_names(authority, &names, &none);
    for (size_t i = 0; i < names.count; i++) {
        struct template template;
        uint8_t digest[32];
        if (template_adopted(authority, names.items[i], &template, digest, &none))
            continue;
        if (template.validity_s > longest) {
            longest = template.validity_s;
            snprintf(name, 128, "%s", names.items[i]);
        }
        template_free(&template);
    }
    strings_free(&names);
    return longest;
}

static void certificate_that_signs(struct health *h, const struct issuer *issuer, const char *name)
{
    char left[32], needed[32], at[TIME_TEXT_SIZE], template[128] = "";
    int64_t life = issuer->not_after - h->now, longest = longest_template(h->authority, template);
    int64_t warning = conf_number(h->authority->conf, "health", "certificate_warning");
    time_format(issuer->not_after, at);
    if (life <= 0)
        row(h, HEALTH_CRITICAL, name, "expired %s ago: renew it (`chancery renew`)", span(life, left));
    else if (life < warning)
        row(h, HEALTH_WARNING, name, "expires %s, in %s: renew it (`chancery renew`)", at, span(life, left));
    else if (life < longest)
        row(h, HEALTH_WARNING, name, "expires %s, in %s: sooner than certificates of template %.60s (%s) would, which are cut; renew it", at,
            span(life, left), template, span(longest, needed));
    else
        row(h, HEALTH_OK, name, "expires %s, in %s", at, span(life, left));
}

/* One that signs no more stands behind what was issued under it; that it ends is in order. */
static void certificate_of_before(struct health *h, const struct issuer *issuer, const char *name)
{
    char left[32], at[TIME_TEXT_SIZE];
    int64_t life = issuer->not_after - h->now;
    row(h, HEALTH_OK, name, "of key %u, superseded; %s %s%s", issuer->key_index, life > 0 ? "expires" : "expired",
        time_format(issuer->not_after, at), life > 0 ? "" : span(life, left));
}

static void health_certificate(struct health *h)
{
    const struct issuer *issuers[CA_CERTIFICATES_MAX];
    size_t count = authority_issuers(h->authority, issuers);
    struct error none = ERROR_NONE;
    const struct issuer *signs = authority_issuer(h->authority, &none);
    char name[40];
    if (!signs)
        row(h, HEALTH_CRITICAL, "CA certificate", "%s", none.message);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "CA certificate %u", issuers[i]->certificate_index);
        if (issuers[i] == signs)
            certificate_that_signs(h, signs, name);
        else
            certificate_of_before(h, issuers[i], name);
    }
}

/* Two keys' CRLs in one place: each would put the other's out. */
static void health_cdp(struct health *h)
{
    struct strings patterns = {0};
    if (authority_key_count(h->authority) > 1 && !conf_list(h->authority->conf, "certificate", "cdp", &patterns))
        for (size_t i = 0; i < patterns.count; i++)
            if (cdp_pattern_is_shared(patterns.items[i]))
                row(h, HEALTH_CRITICAL, "CDP", "[certificate] cdp = %.100s has neither %%K nor %%D: the CRLs of different keys share that "
                    "place", patterns.items[i]);
    strings_free(&patterns);
}

static void crl_of_key(struct health *h, unsigned key_index, const char *name)
{
    struct crl_record crl;
    struct error none = ERROR_NONE;
    char text[32];
    int status = authority_crl_latest(h->authority, (int)key_index, false, &crl, &none);
    if (status == REFUSED) {
        row(h, HEALTH_CRITICAL, name, "none was made yet: run `chancery crl publish`");
    } else if (status) {
        row(h, HEALTH_UNKNOWN, name, "%s", none.message);
    } else {
        int64_t left = crl.next_update - h->now, late = h->now - crl.next_publish;
        bool third = left * 3 < crl.next_update - crl.this_update && !authority_ended_at(h->authority); /* the last one has no successor */
        enum health_state state = third                                       ? HEALTH_CRITICAL
                                  : late > 3600                               ? HEALTH_WARNING
                                                                              : HEALTH_OK;
        if (left <= 0)
            row(h, HEALTH_CRITICAL, name, "number %llu expired %s ago: run `chancery crl publish`", (unsigned long long)crl.number,
                span(left, text));
        else
            row(h, state, name, "number %llu, %llu entries, valid for %s more%s", (unsigned long long)crl.number,
                (unsigned long long)crl.entries, span(left, text), state ? "; a successor is late: run `chancery crl publish`" : "");
    }
}

static void health_crl(struct health *h)
{
    size_t keys = authority_key_count(h->authority);
    char name[40] = "CRL", text[TIME_TEXT_SIZE];
    for (unsigned i = 0; i < keys; i++) {
        int64_t end = authority_key_end(h->authority, i);
        if (keys > 1)
            snprintf(name, sizeof name, "CRL of key %u", i);
        if (end <= h->now && i + 1 < keys)
            row(h, HEALTH_OK, name, "the key's certificates expired %s: it signs no more", time_format(end, text));
        else
            crl_of_key(h, i, name);
    }
}

static void health_outbox(struct health *h)
{
    struct publish_status modules[PUBLISH_MODULES_MAX];
    struct error none = ERROR_NONE;
    size_t count = 0;
    char name[64], text[32];
    if (authority_publish_status(h->authority, modules, &count, &none)) {
        row(h, HEALTH_UNKNOWN, "Outbox", "%s", none.message);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct outbox_stats *s = &modules[i].stats;
        int64_t age = s->oldest_added_at ? h->now - s->oldest_added_at : 0;
        enum health_state state = age > conf_number(h->authority->conf, "health", "outbox_critical")              ? HEALTH_CRITICAL
                                  : s->parked || age > conf_number(h->authority->conf, "health", "outbox_warning") ? HEALTH_WARNING
                                                                                                                   : HEALTH_OK;
        snprintf(name, sizeof name, "Outbox %.50s", modules[i].module);
        if (s->waiting || s->parked)
            row(h, state, name, "%llu waiting, the oldest for %s; %llu parked (`chancery publish status`)",
                (unsigned long long)s->waiting, span(age, text), (unsigned long long)s->parked);
        else
            row(h, state, name, "nothing waits, %llu published", (unsigned long long)s->done);
    }
}

static void health_signer(struct health *h)
{
    struct signer_info info = {0};
    struct error error = ERROR_NONE;
    if (signer_info(h->authority->signer, &info, &error))
        row(h, HEALTH_CRITICAL, "Signer", "%s", error.message);
    else if (info.locked)
        row(h, HEALTH_CRITICAL, "Signer", "locked, nothing is signed: an administrator gives the passphrase with `chancery unlock`");
    else
        row(h, HEALTH_OK, "Signer", "%zu %s, the newest of type %s; %llu signatures in its journal", info.key_count,
            info.key_count == 1 ? "key" : "keys", info.key_count ? info.keys[info.key_count - 1].key_type : "none",
            (unsigned long long)info.signatures);
    signer_info_free(&info);
}

static void health_directory(struct health *h)
{
    struct error error = ERROR_NONE;
    if (!h->authority->directory)
        return;
    int64_t before = clock_monotonic_ms();
    if (directory_ping(h->authority->directory, &error))
        row(h, HEALTH_CRITICAL, "Directory", "%s", error.message);
    else
        row(h, HEALTH_OK, "Directory", "answers in %lld ms", (long long)(clock_monotonic_ms() - before));
}

static void health_clock(struct health *h)
{
    struct error why = ERROR_NONE;
    int64_t last = signing_last(h->authority);
    char at[TIME_TEXT_SIZE];
    if (signing_clock(h->authority, &why))
        row(h, HEALTH_CRITICAL, "Clock", "%s", why.message);
    else if (last)
        row(h, HEALTH_OK, "Clock", "runs evenly, the last signature was made %s", time_format(last, at));
    else
        row(h, HEALTH_OK, "Clock", "runs evenly, nothing was signed yet");
}

/* The signer's journal may stand on another disk than the database. */
static void health_disk_of(struct health *h, const char *name, const char *path, int64_t floor_mib)
{
    struct statvfs fs;
    if (!path || statvfs(path, &fs))
        return;
    int64_t free_mib = (int64_t)((uint64_t)fs.f_bavail * fs.f_frsize >> 20);
    if (free_mib < floor_mib)
        row(h, HEALTH_CRITICAL, name, "%lld MiB free under %.100s, below [store] reserve (%lld): new requests are refused, revoking and "
            "CRLs go on; make room", (long long)free_mib, path, (long long)floor_mib);
    else
        row(h, free_mib < conf_number(h->authority->conf, "health", "disk_warning") ? HEALTH_WARNING : HEALTH_OK, name,
            "%lld MiB free under %.120s", (long long)free_mib, path);
}

static void health_disk(struct health *h)
{
    const char *store = conf_text(h->authority->conf, "store", "path"), *signer = conf_text(h->authority->conf, "signer", "state");
    struct statvfs one, other;
    int64_t floor_mib = conf_number(h->authority->conf, "store", "reserve");
    health_disk_of(h, "Disk", store, floor_mib);
    if (store && signer && !statvfs(store, &one) && !statvfs(signer, &other) && one.f_fsid != other.f_fsid)
        health_disk_of(h, "Disk of the signer", signer, 0);
}

static void health_templates(struct health *h)
{
    struct adopted_template *rows = NULL;
    size_t count = 0, stopped = 0;
    const char *first = "";
    struct error none = ERROR_NONE;
    if (template_rows(h->authority, &rows, &count, &none))
        return;
    for (size_t i = 0; i < count; i++)
        if (rows[i].stopped_at && stopped++ == 0)
            first = rows[i].name;
    if (stopped)
        row(h, HEALTH_WARNING, "Templates", "%zu of %zu stopped, %s first: changed in the directory (`chancery template diff %s`)", stopped,
            count, first, first);
    else
        row(h, count ? HEALTH_OK : HEALTH_WARNING, "Templates", "%zu adopted%s", count,
            count ? "" : ": nothing can be issued (`chancery template adopt NAME`)");
    adopted_rows_free(rows, count);
}

/* A time kept as digits; 0: none. */
static int64_t setting_time(struct authority *authority, const char *name)
{
    struct buf text = BUF_EMPTY;
    struct error none = ERROR_NONE;
    uint64_t at = 0;
    if (setting_get(authority->store, name, &text, &none) || number_parse(buf_text(&text), &at))
        at = 0;
    buf_free(&text);
    return (int64_t)at;
}

static void health_restore(struct health *h)
{
    struct error why = ERROR_NONE;
    if (restore_check(h->authority, &why))
        row(h, HEALTH_CRITICAL, "Restore", "%s", why.message);
}

static void health_backup(struct health *h)
{
    int64_t warning = conf_number(h->authority->conf, "health", "backup_warning");
    int64_t last = setting_time(h->authority, "backup.last_at"), since = last ? last : setting_time(h->authority, "backup.since");
    enum health_state state = since && h->now - since > warning ? HEALTH_WARNING : HEALTH_OK;
    char text[32];
    if (!warning)
        return;
    if (!last)
        row(h, state, "Backup", "none was made yet (`chancery backup DIR`)");
    else
        row(h, state, "Backup", "the last one is %s old%s", span(h->now - last, text), state ? ": make another (`chancery backup DIR`)" : "");
}

static void health_audit(struct health *h)
{
    char message[200];
    struct error none = ERROR_NONE;
    if (!authority_issuer(h->authority, &none) || signing_locked(h->authority))
        return; /* other rows say so */
    enum health_state state = checkpoint_health(h->authority, h->now, message, sizeof message);
    row(h, state, "Audit", "%s", message);
}

static void health_service(struct health *h)
{
    int64_t at = authority_ended_at(h->authority);
    char text[TIME_TEXT_SIZE];
    if (at)
        row(h, HEALTH_WARNING, "Service", "decommissioned %s: it issues no more; revocations still need `chancery crl publish`",
            time_format(at, text));
}

enum health_state authority_health(struct authority *authority, struct health_row rows[HEALTH_ROWS_MAX], size_t *count)
{
    static void (*const checks[])(struct health *) = {health_service, health_certificate, health_cdp,  health_crl,       health_outbox,
                                                      health_signer,  health_directory,   health_clock, health_disk, health_templates,
                                                      health_backup, health_restore, health_audit};
    struct health h = {.authority = authority, .rows = rows, .now = clock_now()};
    enum health_state worst = HEALTH_OK;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        checks[i](&h);
    for (size_t i = 0; i < h.count; i++) /* critical stands above unknown: what is known to be broken comes first */
        if (rows[i].state == HEALTH_CRITICAL || (rows[i].state > worst && worst != HEALTH_CRITICAL))
            worst = rows[i].state;
    *count = h.count;
    return worst;
}

void authority_tick(struct authority *authority)
{
    struct error none = ERROR_NONE;
    struct crl_record crl;
    int64_t now = clock_now();
    refusals_flush(authority);
    schedule_run(authority);
    if (issue_recover_left(authority, &none))
        log_error("what a stop interrupted cannot be completed: %s", none.message);
    error_clear(&none);
    checkpoint_tick(authority);
    if (now % 3600 || !authority_issuer(authority, &none)) /* once an hour is enough for the log */
        return;
    for (unsigned i = 0; i < authority_key_count(authority); i++)
        if (authority_key_end(authority, i) > now && !authority_crl_latest(authority, (int)i, false, &crl, &none) &&
            now - crl.next_publish > 3600)
            log_warn("CRL %llu: its successor is late; does cron run `chancery crl publish --if-due`?", (unsigned long long)crl.number);
}
