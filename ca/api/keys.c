/* Handlers of the CA key and the clock. A passphrase passes through here as it came, in memory that is overwritten when the call
 * ends (server.c); the signer alone judges it. */
#include "config.h"

#include "ca/api/routes.h"

#include <stdlib.h>

#include "ca/base/clock.h"

int handle_unlock(struct call *call, struct error *error)
{
    int status = authority_unlock(call->authority, &call->caller, body_text(call->body, "passphrase"), error);
    return status == OK ? handle_info(call, error) : status;
}

int handle_clock_accept(struct call *call, struct error *error)
{
    int64_t jump_s = 0;

    int status = authority_clock_accept(call->authority, &call->caller, &jump_s, error);
    return status == OK ? call_answer(call, json_pack("{s:o, s:I}", "now", json_of_time(clock_now()), "jump", (json_int_t)jump_s), error)
                        : status;
}
