/* What the dispatcher needs of the daemon, in memory: an outbox, CRLs, and a forker that forks. For test_exit_dispatch. */
#ifndef CHANCERY_TESTS_EXIT_FAKE_H
#define CHANCERY_TESTS_EXIT_FAKE_H

#include "ca/exit/dispatch.h"

#define FAKE_ROWS_MAX 512

struct fake_row {
    uint64_t sequence;
    enum event_kind kind;
    char message[32], dn[64];
    uint64_t crl_number;
    unsigned attempts;
    int64_t added_at, next_at;
    bool done, parked;
    char why[256];
};

struct fake_audit { /* the last record, and how many there were */
    unsigned count;
    char reason[64], detail[256];
};
struct fake_audit fake_audit(void);
void fake_reset(void);
uint64_t fake_add(enum event_kind kind, const char *dn, const char *message); /* the row's sequence; due at once */
uint64_t fake_add_crl(uint64_t number);
struct fake_row fake_row(uint64_t sequence); /* a copy */
void fake_change(uint64_t sequence, unsigned attempts, int64_t added_at, int64_t next_at);
bool fake_wait_done(uint64_t sequence, int timeout_ms);
bool fake_wait_attempts(uint64_t sequence, unsigned attempts, int timeout_ms);
bool fake_wait_parked(uint64_t sequence, int timeout_ms);
unsigned fake_spawns(void); /* hosts started */
void fake_setup(const struct exit_host *setup);
void fake_dispatch(struct dispatch *dispatch); /* whom to tell of ends; NULL: nobody any more */
void fake_wait_children(void);
void fake_fail_writes(bool fail);
void fake_wake(void); /* store_wake */

#endif
