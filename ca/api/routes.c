/* The table of routes, and how a path finds its row. openapi.yaml says the same for people; a test compares the two.
 * Roles that need no more than the route are judged here, ownership is the authority's to judge. */
#include "ca/api/routes.h"

#include <stdio.h>
#include <string.h>

static const struct body_member install_members[] = {{"certificate", BODY_TEXT, true}, {NULL, 0, false}};
static const struct body_member submit_members[] = {
    {"pkcs10", BODY_TEXT, true},   {"template", BODY_TEXT, false},     {"attributes", BODY_TEXTS, false},
    {"usages", BODY_TEXTS, false}, {"on_behalf_of", BODY_TEXT, false}, {NULL, 0, false},
};
static const struct body_member version_members[] = {{"version", BODY_VERSION, false}, {NULL, 0, false}};
static const struct body_member deny_members[] = {{"message", BODY_TEXT, false}, {"version", BODY_VERSION, false}, {NULL, 0, false}};
static const struct body_member attribute_members[] = {
    {"attributes", BODY_TEXTS, true}, {"version", BODY_VERSION, false}, {NULL, 0, false}};
static const struct body_member extension_members[] = {
    {"oid", BODY_TEXT, true}, {"critical", BODY_BOOL, false}, {"value", BODY_TEXT, false}, {"remove", BODY_BOOL, false},
    {"version", BODY_VERSION, false}, {NULL, 0, false},
};
static const struct body_member revoke_members[] = {
    {"reason", BODY_TEXT, true}, {"at", BODY_TIME, false}, {"invalid_since", BODY_TIME, false}, {"version", BODY_VERSION, false},
    {NULL, 0, false},
};
static const struct body_member crl_members[] = {{"delta", BODY_BOOL, false}, {"if_due", BODY_BOOL, false}, {NULL, 0, false}};
static const struct body_member retry_members[] = {{"module", BODY_TEXT, false}, {NULL, 0, false}};
static const struct body_member adopt_members[] = {{"digest", BODY_TEXT, false}, {NULL, 0, false}};
static const struct body_member assign_members[] = {
    {"object", BODY_TEXT, true}, {"usages", BODY_TEXTS, true}, {"host", BODY_TEXT, false}, {"effective_at", BODY_TIME, false},
    {NULL, 0, false},
};
static const struct body_member unassign_members[] = {{"usage", BODY_TEXT, true}, {"host", BODY_TEXT, true}, {NULL, 0, false}};
static const struct body_member renew_members[] = {{"not_after", BODY_TIME, false}, {"request", BODY_BOOL, false}, {NULL, 0, false}};
static const struct body_member trust_members[] = {
    {"pem", BODY_TEXT, true}, {"kind", BODY_TEXT, false}, {"fingerprint", BODY_TEXT, true}, {NULL, 0, false},
};
static const struct body_member backup_members[] = {{"folder", BODY_TEXT, true}, {"with_key", BODY_BOOL, false}, {NULL, 0, false}};
static const struct body_member match_members[] = {
    {"filter", BODY_TEXT, true}, {"reason", BODY_TEXT, true},  {"at", BODY_TIME, false}, {"invalid_since", BODY_TIME, false},
    {"expect", BODY_NUMBER, false}, {"dry_run", BODY_BOOL, false}, {NULL, 0, false},
};
static const struct body_member import_members[] = {
    {"certificates", BODY_TEXTS, true}, {"serials", BODY_TEXTS, false}, {"revocations", BODY_TEXTS, false}, {"takeover", BODY_BOOL, false}, {NULL, 0, false},
};
static const struct body_member purge_members[] = {
    {"kind", BODY_TEXT, true}, {"before", BODY_TIME, true}, {"ids", BODY_TEXTS, true}, {"export", BODY_TEXT, true}, {NULL, 0, false},
};
static const struct body_member decommission_members[] = {
    {"expect", BODY_TEXT, true}, {"backup", BODY_TEXT, false}, {"with_key", BODY_BOOL, false}, {NULL, 0, false},
};
static const struct body_member import_number_members[] = {{"number", BODY_NUMBER, true}, {NULL, 0, false}};
static const struct body_member passwd_members[] = {{"present", BODY_TEXT, true}, {"next", BODY_TEXT, true}, {NULL, 0, false}};
static const struct body_member key_export_members[] = {
    {"present", BODY_TEXT, true}, {"next", BODY_TEXT, true}, {"key", BODY_NUMBER, false}, {NULL, 0, false},
};
static const struct body_member unlock_members[] = {{"passphrase", BODY_TEXT, true}, {NULL, 0, false}};

#define LIST_QUERY "disposition template requester name expiring since until sort desc after limit"

#define AUDIT_QUERY "after limit since until actor role action object outcome reason"

const struct route routes[] = {
    {"GET", "/v1/info", ROLES_ANY, MAP_NO, "info", "", NULL, handle_info},
    {"GET", "/v1/config", ROLES_ANY, MAP_NO, "config", "all", NULL, handle_config},
    {"GET", "/v1/whoami", ROLES_ANY, MAP_ASK, "whoami", "", NULL, handle_whoami},
    {"POST", "/v1/ca/certificate", ROLE_ADMINISTRATOR, MAP_NO, "install-cert", "", install_members, handle_install},
    {"POST", "/v1/ca/renewal", ROLE_ADMINISTRATOR, MAP_NO, "renew", "", renew_members, handle_renew},
    {"POST", "/v1/unlock", ROLE_ADMINISTRATOR, MAP_NO, "unlock", "", unlock_members, handle_unlock},
    {"POST", "/v1/keys/check", ROLE_ADMINISTRATOR, MAP_NO, "key check", "", NULL, handle_key_check},
    {"POST", "/v1/keys/passwd", ROLE_ADMINISTRATOR, MAP_NO, "key passwd", "", passwd_members, handle_key_passwd},
    {"POST", "/v1/keys/export", ROLE_ADMINISTRATOR, MAP_NO, "key export", "", key_export_members, handle_key_export},
    {"POST", "/v1/clock/accept", ROLE_ADMINISTRATOR, MAP_NO, "clock accept", "", NULL, handle_clock_accept},
    {"GET", "/v1/requests", ROLES_ANY, MAP_ROLES, "list", LIST_QUERY, NULL, handle_list},
    {"POST", "/v1/requests", ROLE_ENROL, MAP_TRY, "submit", "", submit_members, handle_submit},
    {"GET", "/v1/find", ROLES_ANY, MAP_ROLES, "find", "text limit", NULL, handle_find},
    {"GET", "/v1/requests/{object}", ROLES_ANY, MAP_ROLES, "show", "text", NULL, handle_show},
    {"GET", "/v1/requests/{object}/certificate", ROLES_ANY, MAP_ROLES, "retrieve", "format chain", NULL, handle_retrieve},
    {"POST", "/v1/requests/{object}/resubmit", ROLE_OFFICER, MAP_TRY, "resubmit", "", version_members, handle_resubmit},
    {"POST", "/v1/requests/{object}/deny", ROLE_OFFICER, MAP_TRY, "deny", "", deny_members, handle_deny},
    {"POST", "/v1/requests/{object}/attributes", ROLE_OFFICER, MAP_TRY, "set-attribute", "", attribute_members, handle_set_attributes},
    {"POST", "/v1/requests/{object}/extensions", ROLE_OFFICER, MAP_TRY, "set-extension", "", extension_members, handle_set_extension},
    /* The holder may revoke his own certificate for some reasons: the authority knows who that is. Revoking never waits for
     * the directory. */
    {"POST", "/v1/requests/{object}/revoke", ROLES_ANY, MAP_ROLES, "revoke", "", revoke_members, handle_revoke},
    {"POST", "/v1/requests/{object}/release", ROLE_OFFICER, MAP_NO, "release", "", version_members, handle_release},
    {"POST", "/v1/revocations", ROLE_OFFICER, MAP_NO, "revoke.batch", "", match_members, handle_revoke_match},
    {"GET", "/v1/revocations", ROLES_READ, MAP_NO, "batch", "", NULL, handle_batch},
    {"POST", "/v1/imports", ROLE_ADMINISTRATOR, MAP_NO, "certificate.import", "", import_members, handle_import},
    {"POST", "/v1/imports/crl-number", ROLE_ADMINISTRATOR, MAP_NO, "certificate.import", "", import_number_members, handle_import_crl_number},
    {"GET", "/v1/purge", ROLE_ADMINISTRATOR, MAP_NO, "request.purge", "kind before after", NULL, handle_purge_list},
    {"POST", "/v1/purge", ROLE_ADMINISTRATOR, MAP_NO, "request.purge", "", purge_members, handle_purge},
    {"GET", "/v1/reports/{name}", ROLE_AUDITOR, MAP_NO, "report", "from to after limit", NULL, handle_report},
    {"POST", "/v1/decommission", ROLE_ADMINISTRATOR, MAP_NO, "ca.decommission", "", decommission_members, handle_decommission},
    {"GET", "/v1/requests/{object}/validity", ROLES_READ, MAP_NO, "isvalid", "", NULL, handle_isvalid},
    {"GET", "/v1/requests/{object}/assignability", ROLES_ANY, MAP_ROLES, "assignability", "host", NULL, handle_assignability},
    {"POST", "/v1/crls", ROLE_CRON | ROLE_OFFICER, MAP_NO, "crl publish", "", crl_members, handle_crl_publish},
    {"GET", "/v1/crls/latest", ROLES_ANY, MAP_NO, "crl show", "delta key", NULL, handle_crl_show},
    {"GET", "/v1/crls/latest/der", ROLES_ANY, MAP_NO, "crl get", "delta key", NULL, handle_crl_der},
    {"GET", "/v1/publish", ROLES_READ, MAP_NO, "publish status", "limit", NULL, handle_publish_status},
    {"GET", "/v1/publish/check", ROLES_READ, MAP_NO, "publish check", "dn", NULL, handle_publish_check},
    {"POST", "/v1/publish/retry", ROLE_ADMINISTRATOR | ROLE_CRON, MAP_NO, "publish retry", "", retry_members, handle_publish_retry},
    {"GET", "/v1/templates", ROLES_READ, MAP_NO, "template list", "", NULL, handle_templates},
    {"GET", "/v1/templates/{name}", ROLES_READ, MAP_NO, "template show", "source", NULL, handle_template_show},
    {"GET", "/v1/templates/{name}/lint", ROLES_READ, MAP_NO, "template lint", "source", NULL, handle_template_lint},
    {"GET", "/v1/templates/{name}/diff", ROLES_READ, MAP_NO, "template diff", "", NULL, handle_template_diff},
    {"GET", "/v1/templates/{name}/text", ROLES_READ, MAP_NO, "template export", "source form", NULL, handle_template_export},
    {"POST", "/v1/templates/{name}/adopt", ROLE_ADMINISTRATOR, MAP_NO, "template adopt", "", adopt_members, handle_template_adopt},
    {"POST", "/v1/templates/{name}/retire", ROLE_ADMINISTRATOR, MAP_NO, "template retire", "", NULL, handle_template_retire},
    {"GET", "/v1/usages", ROLES_ANY, MAP_NO, "usage list", "", NULL, handle_usages},
    {"GET", "/v1/assignments", ROLES_READ, MAP_NO, "assignments", "history", NULL, handle_assignments},
    {"POST", "/v1/assignments", ROLE_OFFICER, MAP_NO, "assign", "", assign_members, handle_assign},
    {"POST", "/v1/assignments/remove", ROLE_OFFICER, MAP_NO, "unassign", "", unassign_members, handle_unassign},
    {"GET", "/v1/trust", ROLES_ANY, MAP_NO, "trust list", "", NULL, handle_trust},
    {"POST", "/v1/trust", ROLE_ADMINISTRATOR, MAP_NO, "trust import", "", trust_members, handle_trust_import},
    {"GET", "/v1/health", ROLES_ANY, MAP_NO, "health", "", NULL, handle_health},
    {"GET", "/v1/audit", ROLE_AUDITOR, MAP_NO, "audit list", AUDIT_QUERY, NULL, handle_audit},
    {"GET", "/v1/audit/verify", ROLE_AUDITOR, MAP_NO, "audit verify", "", NULL, handle_audit_verify},
    {"POST", "/v1/audit/export", ROLE_AUDITOR, MAP_NO, "audit export", "after", NULL, handle_audit_export},
    {"GET", "/v1/audit/lines", ROLE_AUDITOR, MAP_NO, "audit export", "after until", NULL, handle_audit_lines},
    {"GET", "/v1/counts", ROLES_READ, MAP_NO, "counts", "", NULL, handle_counts},
    {"POST", "/v1/backup", ROLE_OPERATOR | ROLE_CRON, MAP_NO, "backup", "", backup_members, handle_backup},
    {"POST", "/v1/check-db", ROLE_OPERATOR, MAP_NO, "check-db", "", NULL, handle_check_database},
    {"GET", "/v1/restore", ROLES_READ, MAP_NO, "restore report", "", NULL, handle_restore_report},
    {"POST", "/v1/restore/confirm", ROLE_ADMINISTRATOR, MAP_NO, "restore confirm", "", NULL, handle_restore_confirm},
    {"GET", "/v1/background", ROLE_ADMINISTRATOR | ROLE_OPERATOR | ROLE_CRON, MAP_NO, "background", "", NULL, handle_background},
    {NULL, NULL, 0, MAP_NO, NULL, NULL, NULL, NULL},
};

/* Does the path fit the pattern? *start and *size are then what stands for {…}, size 0 where the pattern has none. */
static bool pattern_fits(const char *pattern, const char *path, const char **start, size_t *size)
{
    const char *open = strchr(pattern, '{');

    *size = 0;
    if (open == NULL)
        return strcmp(pattern, path) == 0;
    size_t before = (size_t)(open - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    *start = path + before;
    *size = strcspn(*start, "/");
    return *size > 0 && strcmp(*start + *size, strchr(open, '}') + 1) == 0;
}

const char *route_kind(const struct route *route, char kind[READ_KIND_SIZE])
{
    const char *start = route->pattern + strlen("/v1/");

    snprintf(kind, READ_KIND_SIZE, "%.*s", (int)strcspn(start, "/"), start);
    return kind;
}

bool route_kind_known(const char *name)
{
    char kind[READ_KIND_SIZE];

    for (const struct route *route = routes; route->method != NULL; route++)
        if (strcmp(route->method, "GET") == 0 && strcmp(route_kind(route, kind), name) == 0)
            return true;
    return false;
}

const struct route *route_find(const char *method, const char *path, char **argument, bool *known_path)
{
    const char *start = NULL;
    size_t size = 0;

    *argument = NULL;
    *known_path = false;
    /* Fixed paths come before those with an argument by their length: no fixed path fits a pattern of another row. */
    for (const struct route *route = routes; route->method != NULL; route++) {
        if (!pattern_fits(route->pattern, path, &start, &size))
            continue;
        *known_path = true;
        if (strcmp(route->method, method) != 0)
            continue;
        if (size > 0)
            *argument = strndup(start, size);
        return size > 0 && *argument == NULL ? NULL : route;
    }
    return NULL;
}
