/* What is wrong with a template in this CA, besides what is wrong with it anywhere (template_lint.c): the CA's list of policies,
 * the other adopted templates, the copy that it would replace. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/guard.h"

struct found {
    struct template_finding *findings;
    size_t *count;
};

static void found_add(struct found *f, bool fatal, const char *reason, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void found_add(struct found *f, bool fatal, const char *reason, const char *format, ...)
{
    va_list arguments;
    if (*f->count == TEMPLATE_FINDINGS_MAX || GUARD_OFF(reason))
        return;
    struct template_finding *finding = &f->findings[(*f->count)++];
    finding->fatal = fatal;
    snprintf(finding->reason, sizeof finding->reason, "%s", reason);
    va_start(arguments, format);
    vsnprintf(finding->message, sizeof finding->message, format, arguments);
    va_end(arguments);
}

/* Policies mean what the site says they mean: who writes templates cannot add one (REFUSALS 13). */
static int policies_listed(struct authority *authority, const struct template *t, struct found *f, struct error *error)
{
    struct strings allowed = {0};
    if (conf_list(authority->conf, "certificate", "policies", &allowed))
        return error_memory(error);
    for (size_t i = 0; i < t->policies.count; i++)
        if (!strings_contain(&allowed, t->policies.items[i]))
            found_add(f, true, "template.policy_not_allowed", "template %s: it names the certificate policy %s, which [certificate] policies does not list",
                      t->name, t->policies.items[i]);
    strings_free(&allowed);
    return OK;
}

static void compare_earlier(const struct template *t, const struct template *earlier, struct found *f)
{
    bool older = t->revision < earlier->revision ||
                 (t->revision == earlier->revision && t->minor_revision < earlier->minor_revision);
    if (older)
        found_add(f, false, "template.revision", "template %s: revision %u.%u is older than %u.%u, which is adopted", t->name, t->revision,
                  t->minor_revision, earlier->revision, earlier->minor_revision);
}

static void compare_other(const struct template *t, const struct template *other, struct found *f)
{
    if (t->oid && other->oid && strcmp(t->oid, other->oid) == 0)
        found_add(f, true, "template.oid_used", "template %s: its identifier %s is that of template %s: certificates could not be told apart",
                  t->name, t->oid, other->name);
    if (strings_contain_nocase(&t->supersedes, other->name))
        found_add(f, false, "template.supersedes", "template %s: it supersedes %s, which is adopted still (chancery template retire %s)",
                  t->name, other->name, other->name);
}

/* Rights to enrol are DNs of entries: without a directory there are none, and everything waits for an officer. */
static void rights_forget(struct authority *authority, struct template_finding *findings, size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (authority->directory || strcmp(findings[i].reason, "template.nobody") != 0)
            findings[kept++] = findings[i];
    *count = kept;
}

int template_lint_here(struct authority *authority, const struct template *template,
                       struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *count, struct error *error)
{
    struct found found = {findings, count};
    struct adopted_template *rows = NULL;
    size_t row_count = 0;
    rights_forget(authority, findings, count);
    int status = policies_listed(authority, template, &found, error);
    if (!status)
        status = template_rows(authority, &rows, &row_count, error);
    for (size_t i = 0; i < row_count && !status; i++) {
        struct template other;
        struct error none = ERROR_NONE;
        if (template_from_canonical(buf_bytes(&rows[i].canonical), &other, &none))
            continue; /* damaged: whoever asks for it hears so */
        if (strcasecmp(other.name, template->name) == 0)
            compare_earlier(template, &other, &found);
        else
            compare_other(template, &other, &found);
        template_free(&other);
    }
    adopted_rows_free(rows, row_count);
    return status;
}

int authority_template_lint(struct authority *authority, const char *name, bool from_directory,
                            struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *finding_count, struct error *error)
{
    struct template template = {0};
    *finding_count = 0;
    int status = authority_template_show(authority, name, from_directory, &template, error);
    if (!status) {
        *finding_count = template_lint(&template, findings);
        status = template_lint_here(authority, &template, findings, finding_count, error);
    }
    template_free(&template);
    return status;
}
