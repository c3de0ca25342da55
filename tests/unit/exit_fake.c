/* Stand-ins for ca/store and ca/process: the dispatcher is tested without a database and without root. */
#include "tests/unit/exit_fake.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/file.h"
#include "ca/process/sandbox.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct fake_row rows[FAKE_ROWS_MAX];
static size_t row_count;
static uint64_t generation;
static unsigned spawns;
static int children;
static bool failing, woken;
static const struct exit_host *host_setup;
static struct dispatch *told;

void fake_reset(void)
{
    pthread_mutex_lock(&lock);
    row_count = 0;
    spawns = 0;
    failing = false;
    woken = false;
    pthread_mutex_unlock(&lock);
}

static uint64_t add(struct fake_row row)
{
    pthread_mutex_lock(&lock);
    row.sequence = row_count + 1;
    row.added_at = clock_now();
    rows[row_count++] = row;
    generation++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return row.sequence;
}

uint64_t fake_add(enum event_kind kind, const char *dn, const char *message)
{
    struct fake_row row = {.kind = kind};

    snprintf(row.dn, sizeof row.dn, "%s", dn);
    snprintf(row.message, sizeof row.message, "%s", message);
    return add(row);
}

uint64_t fake_add_crl(uint64_t number)
{
    return add((struct fake_row){.kind = EVENT_CRL_ISSUED, .crl_number = number});
}

struct fake_row fake_row(uint64_t sequence)
{
    struct fake_row row;

    pthread_mutex_lock(&lock);
    row = rows[sequence - 1];
    pthread_mutex_unlock(&lock);
    return row;
}

void fake_change(uint64_t sequence, unsigned attempts, int64_t added_at, int64_t next_at)
{
    pthread_mutex_lock(&lock);
    rows[sequence - 1].attempts = attempts;
    rows[sequence - 1].added_at = added_at;
    rows[sequence - 1].next_at = next_at;
    pthread_mutex_unlock(&lock);
}

void fake_fail_writes(bool fail)
{
    pthread_mutex_lock(&lock);
    failing = fail;
    pthread_mutex_unlock(&lock);
}

void fake_wake(void)
{
    pthread_mutex_lock(&lock);
    woken = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static bool wait_until(uint64_t sequence, int timeout_ms, bool (*holds)(const struct fake_row *, unsigned), unsigned value)
{
    for (int waited = 0; waited <= timeout_ms; waited += 5) {
        struct fake_row row = fake_row(sequence);

        if (holds(&row, value))
            return true;
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    return false;
}

static bool row_done(const struct fake_row *row, unsigned value)
{
    return row->done;
}

static bool row_attempts(const struct fake_row *row, unsigned value)
{
    return row->attempts >= value;
}

static bool row_parked(const struct fake_row *row, unsigned value)
{
    return row->parked;
}

bool fake_wait_done(uint64_t sequence, int timeout_ms)
{
    return wait_until(sequence, timeout_ms, row_done, 0);
}

bool fake_wait_attempts(uint64_t sequence, unsigned attempts, int timeout_ms)
{
    return wait_until(sequence, timeout_ms, row_attempts, attempts);
}

bool fake_wait_parked(uint64_t sequence, int timeout_ms)
{
    return wait_until(sequence, timeout_ms, row_parked, 0);
}

/* ---- ca/store/store.h ---- */
static void row_out(const struct fake_row *row, struct outbox_row *out)
{
    memset(out, 0, sizeof *out);
    out->sequence = row->sequence;
    out->attempts = row->attempts;
    out->added_at = row->added_at;
    out->next_at = row->next_at;
    out->parked = row->parked;
    out->event.kind = row->kind;
    out->event.crl_number = row->crl_number;
    out->event.reason = -1;
    out->event.message = row->message[0] ? strdup(row->message) : NULL;
    out->event.publish_dn = row->dn[0] ? strdup(row->dn) : NULL;
}

static int rows_out(bool due_only, int64_t now, uint64_t after, struct outbox_row *out, size_t limit, size_t *count)
{
    *count = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < row_count && *count < limit; i++)
        if (rows[i].sequence > after && !rows[i].done && (!due_only || (!rows[i].parked && rows[i].next_at <= now)))
            row_out(&rows[i], &out[(*count)++]);
    pthread_mutex_unlock(&lock);
    return OK;
}

int outbox_due(struct store *store, const char *module, int64_t now, uint64_t after_sequence, struct outbox_row *out, size_t limit,
               size_t *count, struct error *error)
{
    return rows_out(true, now, after_sequence, out, limit, count);
}

int outbox_list(struct store *store, const char *module, uint64_t after_sequence, struct outbox_row *out, size_t limit, size_t *count,
                struct error *error)
{
    return rows_out(false, 0, after_sequence, out, limit, count);
}

void outbox_row_free(struct outbox_row *row)
{
    event_free(&row->event);
}

int outbox_done(struct store_txn *txn, const char *module, uint64_t sequence)
{
    rows[sequence - 1].done = true;
    return OK;
}

static struct fake_audit last_audit;

uint64_t audit_add(struct store_txn *txn, const struct audit_record *record)
{
    last_audit.count++;
    snprintf(last_audit.reason, sizeof last_audit.reason, "%s", record->reason);
    snprintf(last_audit.detail, sizeof last_audit.detail, "%s", record->detail);
    return last_audit.count;
}
struct fake_audit fake_audit(void) { return last_audit; }

int outbox_retry(struct store_txn *txn, const char *module, uint64_t sequence, int64_t next_at, const char *why)
{
    rows[sequence - 1].attempts++;
    rows[sequence - 1].next_at = next_at;
    snprintf(rows[sequence - 1].why, sizeof rows[sequence - 1].why, "%s", why);
    return OK;
}

int outbox_park(struct store_txn *txn, const char *module, uint64_t sequence, const char *why)
{
    rows[sequence - 1].parked = true;
    snprintf(rows[sequence - 1].why, sizeof rows[sequence - 1].why, "%s", why);
    return OK;
}

int store_write_reserved(struct store *store, store_closure closure, void *argument, struct error *error)
{
    int status;

    pthread_mutex_lock(&lock);
    status = failing ? error_set(error, TEMPORARY, "store.disk", "no space") : closure(NULL, argument, error);
    pthread_mutex_unlock(&lock);
    return status;
}

int store_txn_failed(const struct store_txn *txn)
{
    return OK;
}

void outbox_wait(struct store *store, const char *module, uint64_t *seen, int timeout_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (timeout_ms % 1000) * 1000000L;
    until.tv_sec += timeout_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&lock);
    while (!woken && *seen == generation && pthread_cond_timedwait(&changed, &lock, &until) == 0)
        ;
    *seen = generation;
    pthread_mutex_unlock(&lock);
}

int crls_latest(struct store *store, unsigned key_index, unsigned partition, bool delta, struct crl_record *out, struct error *error)
{
    *out = (struct crl_record){.key_index = key_index};
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < row_count; i++)
        if (rows[i].kind == EVENT_CRL_ISSUED && rows[i].crl_number > out->number)
            out->number = rows[i].crl_number;
    pthread_mutex_unlock(&lock);
    return out->number ? OK : error_set(error, REFUSED, "crl.none", "none");
}

int crls_write_to(struct store *store, const struct crl_record *record, int fd, struct error *error)
{
    return dprintf(fd, "crl %llu", (unsigned long long)record->number) > 0 ? OK : CANNOT_WRITE;
}

/* ---- ca/process ---- */
int sandbox_exit_host(struct error *error)
{
    return OK;
}

void fake_setup(const struct exit_host *setup)
{
    host_setup = setup;
}

void fake_dispatch(struct dispatch *dispatch)
{
    pthread_mutex_lock(&lock);
    told = dispatch;
    pthread_mutex_unlock(&lock);
}

void fake_wait_children(void)
{
    pthread_mutex_lock(&lock);
    while (children > 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

unsigned fake_spawns(void)
{
    unsigned count;

    pthread_mutex_lock(&lock);
    count = spawns;
    pthread_mutex_unlock(&lock);
    return count;
}

static void *reap(void *argument)
{
    pid_t pid = (pid_t)(intptr_t)argument;
    int wait_status = 0;

    waitpid(pid, &wait_status, 0);
    pthread_mutex_lock(&lock);
    if (told)
        dispatch_host_ended(told, "exit publish/fake", pid, wait_status);
    children--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return NULL;
}

int forker_spawn(struct forker *forker, const char *name, int *fd, pid_t *pid, struct error *error)
{
    pthread_t thread;
    int ends[2];

    if (strcmp(name, "exit publish/fake") != 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return error_set(error, INTERNAL, "fake.spawn", "cannot spawn %s", name);
    *pid = fork();
    if (*pid == 0) {
        close(ends[0]);
        _exit(exit_host_run(ends[1], (void *)(uintptr_t)host_setup));
    }
    close(ends[1]);
    *fd = ends[0];
    pthread_mutex_lock(&lock);
    spawns++;
    children++;
    pthread_mutex_unlock(&lock);
    pthread_create(&thread, NULL, reap, (void *)(intptr_t)*pid);
    pthread_detach(thread);
    return OK;
}
