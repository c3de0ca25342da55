/* The checks before an assignment, in the words of the person who assigns. Pure: facts, chain and state come in, findings
 * go out. Nothing here reads a clock, a store or a directory. */
#include "ca/assign/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ca/base/clock.h"
#include "ca/base/oid.h"
#include "ca/base/text.h"

struct list {
    struct finding *items;
    size_t count;
};

static void found(struct list *list, bool fatal, const char *reason, const char *format, ...) __attribute__((format(printf, 4, 5)));

static void found(struct list *list, bool fatal, const char *reason, const char *format, ...)
{
    struct finding *finding;
    va_list arguments;

    if (list->count == ASSIGN_FINDINGS_MAX)
        return;
    finding = &list->items[list->count++];
    finding->fatal = fatal;
    snprintf(finding->reason, sizeof finding->reason, "assign.%s", reason);
    va_start(arguments, format);
    vsnprintf(finding->message, sizeof finding->message, format, arguments);
    va_end(arguments);
}

bool findings_fatal(const struct finding *findings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (findings[i].fatal)
            return true;
    return false;
}

/* ---- the chain ---- */
static const char *store_name(enum link_store store)
{
    return store == STORE_ROOT ? "trusted root" : "intermediate";
}

static void check_missing(const struct chain *chain, struct list *list)
{
    for (size_t i = 0; i < chain->count; i++)
        if (chain->links[i].state == LINK_MISSING)
            found(list, true, "chain_missing", "the chain is not complete: %.180s is in neither trust store; import it (chancery trust import)",
                  chain->links[i].subject);
}

static void check_stores(const struct chain *chain, struct list *list)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct chain_link *link = &chain->links[i];

        if (link->state == LINK_WRONG_STORE)
            found(list, true, "wrong_store", "%.140s is in the %s store and belongs in the %s store; remove it there and import it as %s",
                  link->subject, store_name(link->wanted == STORE_ROOT ? STORE_INTERMEDIATE : STORE_ROOT), store_name(link->wanted),
                  link->wanted == STORE_ROOT ? "a root" : "an intermediate");
    }
}

static void check_chain_times(const struct chain *chain, struct list *list)
{
    char text[TIME_TEXT_SIZE];

    for (size_t i = 0; i < chain->count; i++) {
        const struct chain_link *link = &chain->links[i];

        if (link->found && link->expired)
            found(list, true, "chain_time", "%.160s in the chain expired on %s; import its renewed certificate", link->subject,
                  time_format(link->not_after, text));
        else if (link->found && link->not_yet_valid)
            found(list, true, "chain_time", "%.160s in the chain is not valid before %s; wait, or check the clock", link->subject,
                  time_format(link->not_before, text));
    }
}

/* Not complete for a reason that none of the links shows, such as a signature that does not verify. */
static void check_chain_rest(const struct chain *chain, struct list *list)
{
    if (!chain->complete && list->count == 0)
        found(list, true, "chain", "the chain is not complete: %.200s; import the certificates that sign it",
              chain->problem[0] ? chain->problem : "it does not end in a trusted root");
}

/* ---- the certificate itself ---- */
static void check_revoked(const struct assign_subject *subject, struct list *list)
{
    char text[TIME_TEXT_SIZE];

    if (subject->revocation_reason >= 0)
        found(list, true, "revoked", "it was revoked on %s; request a new certificate", time_format(subject->revoked_at, text));
}

static void check_times(const struct assign_subject *subject, struct list *list)
{
    const struct certificate_facts *facts = subject->facts;
    char text[TIME_TEXT_SIZE];

    if (subject->now > facts->not_after)
        found(list, true, "expired", "it expired on %s; request a new certificate", time_format(facts->not_after, text));
    if (subject->now < facts->not_before)
        found(list, true, "not_yet_valid", "it is not valid before %s; wait until then, or check the clock", time_format(facts->not_before, text));
}

static void check_kind(const struct assign_subject *subject, struct list *list)
{
    if (subject->facts->ca)
        found(list, true, "ca", "it is a CA's certificate; request one for the service itself");
}

static void check_soon(const struct assign_subject *subject, struct list *list)
{
    int64_t left = subject->facts->not_after - subject->now;
    char text[TIME_TEXT_SIZE];

    if (left >= 0 && left < ASSIGN_EXPIRES_SOON_S)
        found(list, false, "expires_soon", "it expires on %s, in %d days; renew it soon", time_format(subject->facts->not_after, text),
              (int)(left / 86400));
}

size_t assign_check_certificate(const struct assign_subject *subject, struct finding findings[ASSIGN_FINDINGS_MAX])
{
    struct list list = {findings, 0};

    check_missing(subject->chain, &list);
    check_stores(subject->chain, &list);
    check_chain_times(subject->chain, &list);
    check_chain_rest(subject->chain, &list);
    check_revoked(subject, &list);
    check_times(subject, &list);
    check_kind(subject, &list);
    check_soon(subject, &list);
    return list.count;
}

/* ---- a usage ---- */

/* RFC 5280 4.2.1.12: without the extension every purpose is allowed; but a certificate for everything is refused here, as
 * services of different rank would share a key. */
static void check_ekus(const struct assign_subject *subject, const struct usage *usage, struct list *list)
{
    for (size_t i = 0; i < usage->ekus.count; i++)
        if (!strings_contain(&subject->facts->ekus, usage->ekus.items[i]))
            found(list, true, "eku", "%s needs extended key usage %s, which it lacks; request one of a template that has it", usage->name,
                  oid_name(usage->ekus.items[i]));
}

/* Without the extension every key usage is allowed (RFC 5280 4.2.1.3). */
static void check_key_usage(const struct assign_subject *subject, const struct usage *usage, struct list *list)
{
    unsigned missing = subject->facts->key_usage ? usage->key_usage & ~subject->facts->key_usage : 0;

    for (unsigned bit = 1; bit <= KEY_USAGE_DECIPHER_ONLY; bit <<= 1)
        if (missing & bit)
            found(list, true, "key_usage", "%s needs key usage %s, which it lacks; request one of a template that has it", usage->name,
                  key_usage_name(bit));
}

static bool name_covers(const char *held, const char *asked)
{
    const char *rest;

    if (text_equal_nocase(held, asked))
        return true;
    if (strncmp(held, "*.", 2) != 0)
        return false;
    rest = strchr(asked, '.');
    return rest && rest != asked && strchr(rest + 1, '.') && strcasecmp(held + 1, rest) == 0;
}

bool names_cover(const struct certificate_facts *facts, const char *dns_name)
{
    for (size_t i = 0; i < facts->name_count; i++)
        if (facts->names[i].kind == NAME_DNS && name_covers(facts->names[i].value, dns_name))
            return true;
    return false;
}

static void check_names(const struct assign_subject *subject, const struct usage *usage, const char *host, struct list *list)
{
    for (size_t i = 0; i < usage->names.count; i++) {
        const char *name = strcmp(usage->names.items[i], "%H") == 0 ? host : usage->names.items[i];

        if (!names_cover(subject->facts, name))
            found(list, true, "name", "%s needs the name %.120s, which it does not cover; request one with that DNS name", usage->name, name);
    }
}

static void check_host(const struct usage *usage, const char *host, struct list *list)
{
    if (usage->hosts.count > 0 && !strings_contain_nocase(&usage->hosts, host))
        found(list, true, "host", "%s is not used on %.120s; assign it on another host, or add this one to [usage.%s] hosts", usage->name, host,
              usage->name);
}

size_t assign_check_usage(const struct assign_subject *subject, const struct usage *usage, const char *host,
                          struct finding findings[ASSIGN_FINDINGS_MAX])
{
    struct list list = {findings, 0};

    check_ekus(subject, usage, &list);
    check_key_usage(subject, usage, &list);
    check_names(subject, usage, host, &list);
    check_host(usage, host, &list);
    return list.count;
}
