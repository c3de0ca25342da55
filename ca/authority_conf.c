/* The configuration items that the authority itself reads, and what can be judged of them alone. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/directory/identity.h"

const struct conf_item authority_items[] = {
    {"ca", "name", CONF_TEXT, NULL, "name of this CA, as in HOST\\CA-NAME; letters, digits, blanks and . - _", 0, 0},
    {"ca", "host", CONF_TEXT, NULL, "host name in the configuration string (default: this host's)", 0, 0},
    {"certificate", "clock_skew", CONF_DURATION, "10m", "notBefore lies so long before the time of issue", 0, 86400},
    {"certificate", "cdp", CONF_LIST, NULL, "URLs of the CRL in certificates; %N CA name, %K (n) of a renewed key, %D the CA entry's DN", 0, 0},
    {"certificate", "aia", CONF_LIST, NULL, "URLs of the CA certificate in certificates; the same letters", 0, 0},
    {"certificate", "ocsp", CONF_LIST, NULL, "URLs of OCSP responders in certificates", 0, 0},
    {"certificate", "policies", CONF_LIST, NULL, "identifiers of the certificate policies that templates may name", 0, 0},
    {"certificate", "privileged_policies", CONF_LIST, NULL, "of these the ones that need the approval of two officers", 0, 0},
    {"crl", "interval", CONF_DURATION, "1d", "a complete CRL is made so often", 60, 366 * 86400},
    {"crl", "validity", CONF_DURATION, "7d", "nextUpdate lies so long after thisUpdate", 120, 3660 * 86400LL},
    {"crl", "max_delay", CONF_DURATION, "15m", "`crl publish --if-due` makes a CRL early when a revocation waits longer; 0: never", 0, 366 * 86400},
    {"templates", "folder", CONF_PATH, NULL, "without a directory: folder of NAME.template files that an administrator may adopt", 0, 0},
    {"templates", "base", CONF_TEXT, NULL, "DN under which templates are looked up (default: the directory's base)", 0, 0},
    {"templates", "compare", CONF_DURATION, "60s", "adopted templates are compared with the directory so often", 1, 3600},
    {"agents", "protected", CONF_TEXT, NULL, "DNs of groups, ; between them, for whose members no enrolment agent ever asks", 0, 0},
    {"agent.*", "agent", CONF_TEXT, NULL, "DN of the enrolment agent's own entry", 0, 0},
    {"agent.*", "template", CONF_TEXT, NULL, "the template that he may ask for on behalf of others", 0, 0},
    {"agent.*", "targets", CONF_TEXT, NULL, "DN of the group on behalf of whose members he may", 0, 0},
    {"roles", "administrators", CONF_LIST, NULL, "accounts or uids that are administrators, besides the local group chancery-admin", 0, 0},
    {"roles", "officers", CONF_LIST, NULL, "accounts or uids that are officers, besides the local group chancery-officer", 0, 0},
    {"roles", "auditors", CONF_LIST, NULL, "accounts or uids that are auditors, besides the local group chancery-auditor", 0, 0},
    {"roles", "operators", CONF_LIST, NULL, "accounts or uids that may back up, besides the local group chancery-operator", 0, 0},
    {"roles", "readers", CONF_LIST, NULL, "accounts or uids that may read everything but the audit", 0, 0},
    {"roles", "officer_groups", CONF_TEXT, NULL, "DNs of directory groups whose members are officers, separated by ;", 0, 0},
    {"roles", "reader_groups", CONF_TEXT, NULL, "DNs of directory groups whose members may read, separated by ;", 0, 0},
    {"roles", "enrol_groups", CONF_TEXT, NULL, "DNs of directory groups whose members may enrol (default: everybody)", 0, 0},
    {"roles", "separation", CONF_BOOL, "no", "an identity that holds two of administrator, officer, auditor, operator has none", 0, 0},
    {"officer.*", "templates", CONF_LIST, NULL, "the officer that the section is named after decides requests for these templates only", 0, 0},
    {"officer.*", "requesters", CONF_TEXT, NULL, "and of members of these directory groups only (DNs, separated by ;)", 0, 0},
    {"audit", "checkpoint", CONF_DURATION, "1h", "the signer signs a checkpoint over the audit records so often", 1, 3600},
    {"health", "certificate_warning", CONF_DURATION, "60d", "warn when the CA certificate expires within", 0, 3660 * 86400LL},
    {"health", "outbox_warning", CONF_DURATION, "15m", "warn when something waits longer to be published", 0, 366 * 86400},
    {"health", "outbox_critical", CONF_DURATION, "1d", "critical when something waits longer to be published", 0, 366 * 86400},
    {"health", "backup_warning", CONF_DURATION, "3d", "warn when the last backup is older; 0: never", 0, 3660 * 86400LL},
    {"health", "disk_warning", CONF_NUMBER, "1024", "warn below so many MiB free under [store] path", 0, 1 << 30},
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};

static bool name_fits(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size <= 64 && name[0] != ' ' && name[size - 1] != ' ' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .-_") == size;
}

static int check_urls(const struct conf *conf, const char *item, struct error *error)
{
    struct strings urls = {0};
    int status = conf_list(conf, "certificate", item, &urls) ? error_memory(error) : OK;
    for (size_t i = 0; i < urls.count && !status; i++)
        if (strncmp(urls.items[i], "ldap://", 7) && strncmp(urls.items[i], "http://", 7) && strncmp(urls.items[i], "ldaps://", 8) &&
            strncmp(urls.items[i], "https://", 8))
            status = error_set(error, BAD_CONFIG, "config.url", "%s: [certificate] %s = %s: not an ldap or http URL", conf_path(conf),
                               item, urls.items[i]);
    strings_free(&urls);
    return status;
}

int authority_check(const struct conf *conf, struct error *error)
{
    const char *name = conf_text(conf, "ca", "name");
    if (!name)
        return error_set(error, BAD_CONFIG, "config.name", "%s: [ca] name is missing", conf_path(conf));
    if (!name_fits(name))
        return error_set(error, BAD_CONFIG, "config.name", "%s: [ca] name = %s: 1 to 64 letters, digits, blanks, dots, hyphens or _",
                         conf_path(conf), name);
    if (conf_number(conf, "crl", "interval") >= conf_number(conf, "crl", "validity"))
        return error_set(error, BAD_CONFIG, "config.crl", "%s: [crl] interval must be shorter than validity", conf_path(conf));
    int status = check_urls(conf, "cdp", error);
    if (!status)
        status = check_urls(conf, "aia", error);
    if (!status)
        status = check_urls(conf, "ocsp", error);
    if (!status)
        status = agents_check(conf, error);
    return status ? status : limits_check(conf, error);
}
