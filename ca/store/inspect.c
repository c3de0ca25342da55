/* The inspection: recovery, files, and of the records requests with their certificates, serials, reservations and revocations. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/base/log.h"
#include "ca/store/inspect_internal.h"

#define REASON_REMOVE_FROM_CRL 8
#define PROGRESS_EVERY 1024

int inspection_add(struct inspection *inspection, const char *format, ...)
{
    struct buf line = BUF_EMPTY;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buf_add_text(&line, text);
    inspection->findings++;
    int status = line.failed ? INTERNAL : inspection->finding(inspection->argument, buf_text(&line));
    buf_free(&line);
    return status;
}

/* ---- recovery ---- */

int inspect_recover(const char *folder, bool from_backup, struct error *error)
{
    struct store_options options = {.path = folder, .from_backup = from_backup};
    struct store *store = NULL;
    int status = store_open(&options, &store, error);
    if (!status)
        store_close(store);
    return status;
}

/* ---- files ---- */

static void verify_said(const DB_ENV *env, const char *prefix, const char *message)
{
    (void)env;
    (void)prefix;
    log_warn("check: %s", message);
}

/* Without an environment: a wrong checksum is then an answer, not the end of the process. */
static int inspect_file(struct inspection *inspection, enum table table, struct error *error)
{
    struct buf path = BUF_EMPTY;
    struct stat facts;
    DB *db = NULL;
    int status = OK;
    buf_printf(&path, "%s/%s.db", inspection->folder, table_names[table]);
    if (path.failed)
        return error_memory(error);
    if (stat(buf_text(&path), &facts)) {
        status = inspection_add(inspection, "%s.db: the file is missing", table_names[table]);
    } else if (db_create(&db, NULL, 0)) {
        status = error_memory(error);
    } else {
        db->set_errcall(db, verify_said);
        int code = db->verify(db, buf_text(&path), NULL, NULL, 0); /* it ends the handle too */
        if (code)
            status = inspection_add(inspection, "%s.db: the file is damaged (%s)", table_names[table], db_strerror(code));
    }
    buf_free(&path);
    return status;
}

int inspect_files(struct inspection *inspection, struct error *error)
{
    int status = OK;
    for (int table = 0; table < TABLE_COUNT && !status; table++) {
        status = inspect_file(inspection, (enum table)table, error);
        if (!status && inspection->progress && inspection->progress(inspection->argument, (uint64_t)table + 1, TABLE_COUNT))
            status = error_set(error, TEMPORARY, "check.stopped", "the check was stopped");
    }
    return status;
}

/* ---- reading ---- */

int look_each(struct look *look, enum table table, int (*each)(struct look *look, struct bytes key, struct bytes value))
{
    DB *db = look->store->tables[table];
    DBC *cursor = NULL;
    DBT key = {.flags = DB_DBT_REALLOC}, value = {.flags = DB_DBT_REALLOC};
    struct inspection *inspection = look->inspection;
    int code = db->cursor(db, NULL, &cursor, 0), status = OK;
    while (!code && !status && !(code = cursor->get(cursor, &key, &value, DB_NEXT))) {
        status = each(look, bytes_of(key.data, key.size), bytes_of(value.data, value.size));
        if (!status && ++look->done % PROGRESS_EVERY == 0 && inspection->progress &&
            inspection->progress(inspection->argument, look->done, look->total > look->done ? look->total : look->done))
            status = error_set(&look->error, TEMPORARY, "check.stopped", "the check was stopped");
    }
    if (cursor)
        cursor->close(cursor);
    free(key.data);
    free(value.data);
    return status || code == DB_NOTFOUND ? status : db_error(code, table_names[table], &look->error);
}

int look_get(struct look *look, enum table table, struct bytes key, struct buf *value)
{
    struct error none = ERROR_NONE;
    buf_clear(value);
    return table_get(look->store, table, key, value, &none);
}

uint64_t look_setting(struct look *look, const char *name)
{
    struct buf value = BUF_EMPTY;
    uint64_t number = look_get(look, TABLE_SETTINGS, bytes_of_text(name), &value) == OK && value.size == 8 ? get_u64(value.data) : 0;
    buf_free(&value);
    return number;
}

static unsigned long long number_of(struct bytes key)
{
    return key.size == 8 ? get_u64(key.data) : 0;
}

/* ---- requests ---- */

/* Is there a row under this RequestID? */
static int needs_row(struct look *look, enum table table, struct bytes key, const char *what)
{
    struct buf value = BUF_EMPTY;
    int status = look_get(look, table, key, &value);
    buf_free(&value);
    if (status != REFUSED)
        return status;
    return inspection_add(look->inspection, "request %llu: %s", number_of(key), what);
}

static int request_serial(struct look *look, struct bytes key, const struct request *request)
{
    struct buf owner = BUF_EMPTY;
    int status = look_get(look, TABLE_SERIALS, bytes_of(request->serial.octets, request->serial.size), &owner);
    bool mine = !status && owner.size == 8 && key.size == 8 && memcmp(owner.data, key.data, 8) == 0;
    buf_free(&owner);
    if ((status && status != REFUSED) || mine)
        return status;
    return inspection_add(look->inspection, "request %llu: its serial is %s", number_of(key),
                          status ? "not among the serials in use" : "another request's");
}

static int look_request(struct look *look, struct bytes key, struct bytes value)
{
    struct request request = {0};
    uint64_t id = number_of(key);
    if (key.size != 8 || request_decode(id, value, &request))
        return inspection_add(look->inspection, "request %llu: the record is damaged", (unsigned long long)id);
    int status = OK;
    look->by_disposition[request.disposition & 0xff]++;
    if (id > look->highest_request)
        look->highest_request = id;
    if (strcmp(disposition_name(request.disposition), "unknown") == 0)
        status = inspection_add(look->inspection, "request %llu: disposition %d does not exist", (unsigned long long)id, (int)request.disposition);
    if (!status && (request.disposition == DISPOSITION_ISSUED || request.disposition == DISPOSITION_REVOKED || request.disposition == DISPOSITION_FOREIGN))
        status = needs_row(look, TABLE_CERTIFICATES, key, "its certificate is missing");
    if (!status && request.disposition == DISPOSITION_ISSUING)
        status = needs_row(look, TABLE_RESERVATIONS, key, "it is issuing, and its reservation is missing");
    if (!status && request.serial.size)
        status = request_serial(look, key, &request);
    request_free(&request);
    return status;
}

/* ---- certificates ---- */

/* OK with *disposition 0: no such request, or one that cannot be read (told with the requests). */
static int disposition_of(struct look *look, struct bytes key, enum disposition *disposition)
{
    struct buf record = BUF_EMPTY;
    struct request request = {0};
    int status = look_get(look, TABLE_REQUESTS, key, &record);
    *disposition = 0;
    if (!status && !request_decode(number_of(key), buf_bytes(&record), &request))
        *disposition = request.disposition;
    request_free(&request);
    buf_free(&record);
    return status == REFUSED ? OK : status;
}

/* The row for the CRLs that stands for this certificate now. */
static int certificate_revocation(struct look *look, struct bytes key, const struct certificate *certificate)
{
    struct buf sequence = BUF_EMPTY, record = BUF_EMPTY;
    int status = look_get(look, INDEX_REVOKED_ID, key, &sequence);
    if (!status)
        status = look_get(look, TABLE_REVOKED, buf_bytes(&sequence), &record);
    Chancery__Revocation *row = status ? NULL : chancery__revocation__unpack(NULL, record.size, record.data);
    if (status == REFUSED && certificate->revocation_reason >= 0)
        status = inspection_add(look->inspection, "certificate %llu: it is revoked, and no CRL will have it: its row among the revoked is missing",
                                number_of(key));
    else if (!status && row && row->reason != certificate->revocation_reason &&
             !(row->reason == REASON_REMOVE_FROM_CRL && certificate->revocation_reason < 0))
        status = inspection_add(look->inspection, "certificate %llu: its revocation reason is %d, and %d among the revoked", number_of(key),
                                certificate->revocation_reason, (int)row->reason);
    if (row)
        chancery__revocation__free_unpacked(row, NULL);
    buf_free(&sequence);
    buf_free(&record);
    return status == REFUSED ? OK : status;
}

static int certificate_serial(struct look *look, struct bytes key, const struct certificate *certificate)
{
    struct buf owner = BUF_EMPTY;
    int status = look_get(look, TABLE_SERIALS, bytes_of(certificate->serial.octets, certificate->serial.size), &owner);
    bool mine = !status && bytes_equal(buf_bytes(&owner), key);
    buf_free(&owner);
    if ((status && status != REFUSED) || mine)
        return status;
    return inspection_add(look->inspection, "certificate %llu: its serial is %s", number_of(key),
                          status ? "not among the serials in use" : "another request's");
}

static int look_certificate(struct look *look, struct bytes key, struct bytes value)
{
    struct certificate certificate = {0};
    struct inspection *inspection = look->inspection;
    enum disposition disposition;
    if (key.size != 8 || certificate_decode(number_of(key), value, &certificate))
        return inspection_add(inspection, "certificate %llu: the record is damaged", number_of(key));
    int status = disposition_of(look, key, &disposition);
    bool revoked = certificate.revocation_reason >= 0;
    if (!status && !disposition)
        status = inspection_add(inspection, "certificate %llu: its request is missing", number_of(key));
    else if (!status && revoked != (disposition == DISPOSITION_REVOKED))
        status = inspection_add(inspection, "certificate %llu: it is %s, and its request %s", number_of(key), revoked ? "revoked" : "not revoked",
                                disposition_name(disposition));
    if (!status)
        status = certificate_serial(look, key, &certificate);
    if (!status)
        status = certificate_revocation(look, key, &certificate);
    if (!status && inspection->certificate)
        status = inspection->certificate(inspection->argument, &certificate, disposition);
    certificate_record_free(&certificate);
    return status;
}

/* ---- serials, reservations, revocations ---- */

/* A purged request's serial stays taken: that there is no request any more says nothing. */
static int look_serial(struct look *look, struct bytes key, struct bytes value)
{
    (void)key;
    return value.size == 8 ? OK : inspection_add(look->inspection, "serials: a record is damaged");
}

static int look_reservation(struct look *look, struct bytes key, struct bytes value)
{
    struct reservation reservation = {0};
    struct buf owner = BUF_EMPTY;
    enum disposition disposition;
    if (key.size != 8 || reservation_decode(number_of(key), value, &reservation))
        return inspection_add(look->inspection, "reservation %llu: the record is damaged", number_of(key));
    int status = look_get(look, TABLE_SERIALS, bytes_of(reservation.serial.octets, reservation.serial.size), &owner);
    if (status == REFUSED || (!status && !bytes_equal(buf_bytes(&owner), key)))
        status = inspection_add(look->inspection, "reservation %llu: its serial is not reserved", number_of(key));
    if (!status)
        status = disposition_of(look, key, &disposition);
    if (!status && disposition && disposition != DISPOSITION_ISSUING)
        status = inspection_add(look->inspection, "reservation %llu: its request is %s", number_of(key), disposition_name(disposition));
    if (!status && number_of(key) > look->highest_request)
        look->highest_request = number_of(key);
    buf_free(&owner);
    reservation_free(&reservation);
    return status;
}

static int look_revocation(struct look *look, struct bytes key, struct bytes value)
{
    Chancery__Revocation *row = chancery__revocation__unpack(NULL, value.size, value.data);
    struct buf record = BUF_EMPTY;
    if (!row || key.size != 8) {
        if (row)
            chancery__revocation__free_unpacked(row, NULL);
        return inspection_add(look->inspection, "revocation %llu: the record is damaged", number_of(key));
    }
    if (number_of(key) > look->highest_revocation)
        look->highest_revocation = number_of(key);
    int status = look_get(look, TABLE_CERTIFICATES, ID_BYTES(row->id), &record);
    struct certificate certificate = {0};
    if (status == REFUSED && row->has_superseded_by) /* purged; what superseded it went with it */
        status = OK;
    else if (status == REFUSED)
        status = inspection_add(look->inspection, "revocation %llu: the certificate of request %llu is missing", number_of(key),
                                (unsigned long long)row->id);
    else if (!status && certificate_decode(row->id, buf_bytes(&record), &certificate) == OK &&
             !bytes_equal(bytes_of(row->serial.data, row->serial.len), bytes_of(certificate.serial.octets, certificate.serial.size)))
        status = inspection_add(look->inspection, "revocation %llu: its serial is not that of request %llu", number_of(key),
                                (unsigned long long)row->id);
    certificate_record_free(&certificate);
    chancery__revocation__free_unpacked(row, NULL);
    buf_free(&record);
    return status;
}

/* ---- counters and counts ---- */

static int inspect_counts(struct look *look)
{
    const struct {
        const char *name;
        uint64_t highest;
    } counters[] = {{"counter/request", look->highest_request}, {"counter/revocation", look->highest_revocation}, {"counter/outbox", look->highest_outbox}};
    int status = OK;
    for (size_t i = 0; i < sizeof counters / sizeof *counters && !status; i++)
        if (look_setting(look, counters[i].name) < counters[i].highest)
            status = inspection_add(look->inspection, "%s stands at %llu, and %llu is in use", counters[i].name,
                                    (unsigned long long)look_setting(look, counters[i].name), (unsigned long long)counters[i].highest);
    for (unsigned disposition = 0; disposition < 256 && !status; disposition++) {
        char name[16];
        snprintf(name, sizeof name, "count/%u", disposition);
        if (look_setting(look, name) != look->by_disposition[disposition])
            status = inspection_add(look->inspection, "requests: %llu are %s, and counted as %llu", (unsigned long long)look->by_disposition[disposition],
                                    disposition_name((enum disposition)disposition), (unsigned long long)look_setting(look, name));
    }
    return status;
}

static int inspect_requests(struct look *look)
{
    static const struct {
        enum table table;
        int (*each)(struct look *look, struct bytes key, struct bytes value);
    } tables[] = {{TABLE_REQUESTS, look_request}, {TABLE_CERTIFICATES, look_certificate}, {TABLE_SERIALS, look_serial},
                  {TABLE_RESERVATIONS, look_reservation}, {TABLE_REVOKED, look_revocation}};
    int status = OK;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !status; i++)
        status = look_each(look, tables[i].table, tables[i].each);
    return status;
}

/* ---- all of it ---- */

/* Some six index rows stand for every request and certificate: good enough for a bar. */
static uint64_t total_guess(struct store *store)
{
    uint64_t total = 0;
    for (int table = 0; table < TABLE_COUNT; table++) {
        DB_BTREE_STAT *facts = NULL;
        DB *db = store->tables[table];
        if (db->stat(db, NULL, &facts, DB_FAST_STAT) == 0 && facts)
            total += facts->bt_pagecnt;
        free(facts);
    }
    return total * 16;
}

int inspect_records(struct inspection *inspection, int (*after)(struct inspection *inspection, struct store *store, struct error *error),
                    struct error *error)
{
    static int (*const parts[])(struct look *) = {inspect_requests, inspect_indices, inspect_tables, inspect_counts};
    struct store_options options = {.path = inspection->folder, .without_indices = true};
    struct look *look = calloc(1, sizeof *look);
    int status = look ? OK : error_memory(error);
    if (look)
        look->inspection = inspection;
    if (!status)
        status = store_open(&options, &look->store, error);
    if (!status)
        look->total = total_guess(look->store);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !status; i++)
        status = parts[i](look);
    if (!status && after)
        status = after(inspection, look->store, &look->error);
    if (status && look)
        error_set(error, status, *look->error.reason ? look->error.reason : "check.failed", "%s",
                  *look->error.message ? look->error.message : "the check could not be ended");
    if (look && look->store)
        store_close(look->store);
    free(look);
    return status;
}
