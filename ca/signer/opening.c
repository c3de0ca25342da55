/* The way from nothing to a signer that can sign. Everything here happens before its threads and its system call filter. */
#include "config.h"

#include "ca/signer/opening.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ca/base/file.h"
#include "ca/base/log.h"
#include "ca/signer/locked.h"
#include "ca/signer/passphrase.h"
#include "ca/signer/public.h"
#include "ca/signer/token.h"

#define KEY_FILE_MAX 65536
#define TRIES 3 /* at the terminal */

static void signals_ignore(void)
{
    /* The end comes by the socket, after what is under way; the forker kills who does not listen. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

static int key_file_keep(struct opening *opening, unsigned key_index, struct error *error)
{
    struct buf path = BUF_EMPTY;
    int status = signer_conf_key_path(&opening->conf, opening->setup->state_path, key_index, &path);

    buf_free(&opening->key_files[key_index]);
    if (status == OK && !token_uri_is(buf_text(&path)))
        status = file_read(buf_text(&path), KEY_FILE_MAX, &opening->key_files[key_index], error);
    buf_free(&path);
    return status;
}

static int keys_open(struct opening *opening, const char *passphrase, struct error *error)
{
    int status = keyring_load(&opening->conf, opening->setup->state_path, passphrase, &opening->keys, error);

    for (unsigned i = 0; status == OK && i < opening->keys.count; i++)
        status = key_file_keep(opening, i, error);
    return status;
}

/* A person may mistype; a file that is wrong ends the start. */
static int keys_open_first(struct opening *opening, bool *locked, struct error *error)
{
    struct error why = ERROR_NONE;
    enum passphrase_origin origin;
    bool again;
    int status, tries = 0;

    do {
        struct buf passphrase = BUF_EMPTY;

        error_clear(error);
        status = passphrase_at_start(opening->conf.passphrase_file, opening->setup->passphrase_fd, &origin, &passphrase, &why, error);
        if (status == OK && origin != PASSPHRASE_NONE)
            status = keys_open(opening, buf_text(&passphrase), error);
        buf_wipe(&passphrase);
        again = status != OK && origin == PASSPHRASE_TERMINAL && strcmp(error->reason, "signer.passphrase") == 0;
    } while (again && ++tries < TRIES);
    *locked = status == OK && origin == PASSPHRASE_NONE;
    if (*locked)
        log_warn("the CA starts locked (%s): it signs nothing until `chancery unlock`", why.message);
    return status;
}

static int journal_load(struct opening *opening, struct error *error)
{
    struct buf path = BUF_EMPTY;
    int status;

    buf_printf(&path, "%s/journal", opening->setup->state_path);
    status = path.failed ? error_memory(error) : journal_open(buf_text(&path), &opening->journal, error);
    buf_free(&path);
    return status;
}

/* ---- locked ---- */

struct unlocking {
    struct opening *opening;
    struct signer_info info; /* as the authority knows us: what is opened must be that */
};

static int keys_unlock(void *argument, const char *passphrase, struct error *error)
{
    struct unlocking *unlocking = argument;
    int status = keys_open(unlocking->opening, passphrase, error);

    if (status == OK)
        status = public_same(&unlocking->info, &unlocking->opening->keys, error);
    if (status != OK)
        keyring_free(&unlocking->opening->keys);
    return status;
}

static void locked_wait(struct opening *opening, int fd, bool *ended)
{
    struct unlocking unlocking = {.opening = opening, .info = {.locked = true}};
    struct journal_facts facts;
    struct error why = ERROR_NONE;

    if (public_read(opening->setup->state_path, &opening->conf, &unlocking.info, &why) != OK) {
        signer_info_free(&unlocking.info);
        unlocking.info.locked = true;
        log_warn("the keys are not known before they are opened: %s", why.message);
    }

    journal_facts(opening->journal, &facts);
    unlocking.info.signatures = facts.signatures;
    unlocking.info.last_at = facts.last_at;
    for (unsigned i = 0; i < unlocking.info.key_count; i++) {
        struct signer_key_info *key = &unlocking.info.keys[i];
        struct buf path = BUF_EMPTY;

        key->last_crl_number = journal_crl_number(opening->journal, key->key_id);
        if (signer_conf_key_path(&opening->conf, opening->setup->state_path, i, &path) == OK)
            snprintf(key->where, sizeof key->where, "%s", buf_text(&path));
        buf_free(&path);
    }
    *ended = locked_serve(fd, &unlocking.info, keys_unlock, &unlocking) != OK;
    signer_info_free(&unlocking.info);
}

int opening_open(struct opening *opening, int fd, bool *ended, struct error *error)
{
    struct error kept = ERROR_NONE;
    bool locked = false;
    int status = signer_conf_load(opening->setup->conf_path, &opening->conf, error);

    if (status == OK)
        status = keys_open_first(opening, &locked, error);
    if (status == OK)
        status = journal_load(opening, error);
    signals_ignore();
    if (status == OK && locked)
        locked_wait(opening, fd, ended);
    if (status == OK && !*ended && public_keep(opening->setup->state_path, &opening->keys, &kept) != OK)
        log_warn("the next start may not be a locked one: %s", kept.message);
    opening->clock_from = clock_read();
    return status;
}

void opening_close(struct opening *opening)
{
    journal_close(opening->journal);
    keyring_free(&opening->keys);
    for (size_t i = 0; i < SIGNER_KEYS_MAX; i++)
        buf_free(&opening->key_files[i]);
    signer_conf_free(&opening->conf);
}

void signer_process_prepare(void *signer_process)
{
    struct signer_process *setup = signer_process;
    struct signer_conf conf;
    struct error ignored = ERROR_NONE; /* the start reads it again, and says what is wrong */

    if (signer_conf_load(setup->conf_path, &conf, &ignored) != OK)
        return;
    setup->passphrase_fd = passphrase_credential_open(conf.passphrase_file);
    signer_conf_free(&conf);
}
