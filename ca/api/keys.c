/* Handlers of the CA key and the clock. A passphrase passes through here as it came, in memory that is overwritten when the call
 * ends (server.c); the signer alone judges it. */
#include "config.h"

#include "ca/api/routes.h"

#include <stdlib.h>

#include "ca/api/shape.h"
#include "ca/base/clock.h"

int handle_unlock(struct call *call, struct error *error)
{
    int status = authority_unlock(call->authority, &call->caller, body_text(call->body, "passphrase"), error);
    return status == OK ? handle_info(call, error) : status;
}

static json_t *key_each(const void *row)
{
    const struct key_proof_row *key = row;
    return json_pack("{s:i, s:s, s:o, s:o, s:o, s:o}", "index", (int)key->index, "type", key->type, "size", json_of_text(key->size), "where",
                     json_of_text(key->where), "key_id", json_of_hex(bytes_of(key->key_id, sizeof key->key_id)), "certificate",
                     key->has_certificate ? json_of_digest(key->certificate_sha256, 32) : json_null());
}

int handle_key_check(struct call *call, struct error *error)
{
    struct key_proof_row rows[KEY_PROOFS_MAX];
    size_t count = 0;

    int status = authority_key_check(call->authority, &call->caller, rows, &count, error);
    return status == OK ? call_answer(call, json_pack("{s:o}", "keys", shape_array(rows, count, sizeof rows[0], key_each)), error) : status;
}

int handle_key_passwd(struct call *call, struct error *error)
{
    struct buf file = BUF_EMPTY;

    int status = authority_key_passwd(call->authority, &call->caller, body_text(call->body, "present"), body_text(call->body, "next"),
                                      &file, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o}", "passphrase_file", file.size > 0 ? json_of_text(buf_text(&file)) : json_null()), error);
    buf_free(&file);
    return status;
}

int handle_key_export(struct call *call, struct error *error)
{
    struct buf pem = BUF_EMPTY;
    uint64_t key = body_number(call->body, "key");

    int status = key < KEY_PROOFS_MAX ? authority_key_export(call->authority, &call->caller, (unsigned)key, body_text(call->body, "present"),
                                                          body_text(call->body, "next"), &pem, error)
                                   : error_set(error, USAGE, "api.body", "a key has an index from 0 to %d", KEY_PROOFS_MAX - 1);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o}", "pem", json_of_text(buf_text(&pem))), error);
    buf_free(&pem);
    return status;
}

int handle_clock_accept(struct call *call, struct error *error)
{
    int64_t jump_s = 0;

    int status = authority_clock_accept(call->authority, &call->caller, &jump_s, error);
    return status == OK ? call_answer(call, json_pack("{s:o, s:I}", "now", json_of_time(clock_now()), "jump", (json_int_t)jump_s), error)
                        : status;
}
