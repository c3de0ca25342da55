/* Officers with limits: [officer.NAME] says for which templates and for whose requests NAME decides. A limit only takes away; an
 * officer without a section decides everything but his own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"

#define SECTION_SIZE 64

static const char *section_text(const struct conf *conf, const char *officer, const char *item)
{
    char section[SECTION_SIZE];
    snprintf(section, sizeof section, "officer.%s", officer);
    return conf_text(conf, section, item);
}

/* ---- the configuration ---- */

static int check_groups(const struct conf *conf, const char *officer, const char *text, struct error *error)
{
    struct strings groups = {0};
    int status = strings_split(&groups, text, ";") ? error_memory(error) : OK;
    if (!status && !conf_text(conf, "directory", "uri"))
        status = error_set(error, BAD_CONFIG, "config.officer", "%s: [officer.%s] requesters names groups of a directory, and "
                           "[directory] uri none", conf_path(conf), officer);
    for (size_t i = 0; i < groups.count && !status; i++) {
        char *dn = NULL;
        if (dn_normalise(groups.items[i], &dn, NULL) || !*dn)
            status = error_set(error, BAD_CONFIG, "config.officer", "%s: [officer.%s] requesters: \"%s\" is not the DN of a group; "
                               "several are separated by ;", conf_path(conf), officer, groups.items[i]);
        free(dn);
    }
    strings_free(&groups);
    return status;
}

int limits_check(const struct conf *conf, struct error *error)
{
    struct strings officers = {0};
    int status = conf_sections(conf, "officer", &officers) ? error_memory(error) : OK;
    for (size_t i = 0; i < officers.count && !status; i++) {
        const char *templates = section_text(conf, officers.items[i], "templates");
        const char *requesters = section_text(conf, officers.items[i], "requesters");
        if ((templates && !*templates) || (requesters && !*requesters) || (!templates && !requesters))
            status = error_set(error, BAD_CONFIG, "config.officer", "%s: [officer.%s] limits nothing: give templates, requesters or both",
                               conf_path(conf), officers.items[i]);
        else if (requesters)
            status = check_groups(conf, officers.items[i], requesters, error);
    }
    strings_free(&officers);
    return status;
}

/* ---- one decision ---- */

static int template_permit(const struct identity *officer, const struct request *request, const char *text, struct error *error)
{
    struct strings templates = {0};
    const char *name = request->template_name ? request->template_name : "";
    int status = strings_split(&templates, text, " \t") ? error_memory(error) : OK;
    if (!status && !strings_contain_nocase(&templates, name))
        status = error_set(error, NOT_PERMITTED, "officer.template", "%s decides requests for %s only; request %llu is for %s",
                           officer->account, text, (unsigned long long)request->id, *name ? name : "no template");
    strings_free(&templates);
    return status;
}

static int requester_permit(struct authority *authority, const struct identity *officer, const struct request *request, const char *text,
                            struct error *error)
{
    const char *holder = request_holder_dn(request);
    struct strings groups = {0};
    bool member = false;
    int status = strings_split(&groups, text, ";") ? error_memory(error) : OK;
    if (!status && holder && authority->directory)
        status = directory_is_member(authority->directory, holder, &groups, false, &member, error);
    if (!status && !member)
        status = error_set(error, NOT_PERMITTED, "officer.requester", "%s decides requests of members of %s only; request %llu is of %s",
                           officer->account, text, (unsigned long long)request->id,
                           holder ? holder : "somebody without an entry");
    strings_free(&groups);
    return status;
}

/* Where several sections stand for the same officer each of them limits him. */
int limits_permit(struct authority *authority, const struct identity *officer, const struct request *request, struct error *error)
{
    struct strings officers = {0};
    int status = conf_sections(authority->conf, "officer", &officers) ? error_memory(error) : OK;
    for (size_t i = 0; i < officers.count && !status; i++) {
        if (officer->uid < 0 || !roles_account_is(authority, officers.items[i], (uint32_t)officer->uid))
            continue;
        const char *templates = section_text(authority->conf, officers.items[i], "templates");
        const char *requesters = section_text(authority->conf, officers.items[i], "requesters");
        if (templates)
            status = template_permit(officer, request, templates, error);
        if (!status && requesters)
            status = requester_permit(authority, officer, request, requesters, error);
    }
    strings_free(&officers);
    return status;
}

int limits_permit_many(struct authority *authority, const struct identity *officer, struct error *error)
{
    struct strings officers = {0};
    int status = conf_sections(authority->conf, "officer", &officers) ? error_memory(error) : OK;
    for (size_t i = 0; i < officers.count && !status; i++)
        if (officer->uid >= 0 && roles_account_is(authority, officers.items[i], (uint32_t)officer->uid))
            status = error_set(error, NOT_PERMITTED, "officer.limited", "%s is an officer with limits ([officer.%s]): what he may revoke is "
                               "judged one by one, not by a filter", officer->account, officers.items[i]);
    strings_free(&officers);
    return status;
}
