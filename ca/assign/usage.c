/* The table of built-in usages and the reading of [usage.NAME]. What is checked against them is check.c's. */
#include "ca/assign/usage.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/base/oid.h"
#include "ca/base/text.h"

const struct conf_item usage_items[] = {
    {"usage.*", "title", CONF_TEXT, NULL, "what the usage is, in words", 0, 0},
    {"usage.*", "ekus", CONF_LIST, NULL, "extended key usages that the certificate must have: names or OIDs", 0, 0},
    {"usage.*", "key_usage", CONF_LIST, NULL, "key usages that it must have", 0, 0},
    {"usage.*", "names", CONF_LIST, NULL, "names that it must cover; %H is the host that it is assigned on", 0, 0},
    {"usage.*", "hosts", CONF_LIST, NULL, "hosts on which it may be assigned (default: any)", 0, 0},
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};

/* As a section of the configuration would say it. */
static const struct {
    const char *name, *title, *ekus, *key_usage, *names;
} built_in[] = {
    {"Default", "mutual TLS between servers", "serverAuth", "digitalSignature", "%H"},
    {"WebServicesInternal", "web services, seen from inside", "serverAuth", "digitalSignature", ""},
    {"WebServicesExternal", "web services, seen from outside", "serverAuth", "digitalSignature", ""},
};

static const struct {
    unsigned bit;
    const char *name;
} key_usages[] = {
    {KEY_USAGE_DIGITAL_SIGNATURE, "digitalSignature"}, {KEY_USAGE_NON_REPUDIATION, "nonRepudiation"},
    {KEY_USAGE_KEY_ENCIPHERMENT, "keyEncipherment"},   {KEY_USAGE_DATA_ENCIPHERMENT, "dataEncipherment"},
    {KEY_USAGE_KEY_AGREEMENT, "keyAgreement"},         {KEY_USAGE_CERT_SIGN, "keyCertSign"},
    {KEY_USAGE_CRL_SIGN, "cRLSign"},                   {KEY_USAGE_ENCIPHER_ONLY, "encipherOnly"},
    {KEY_USAGE_DECIPHER_ONLY, "decipherOnly"},
};

const char *key_usage_name(unsigned bit)
{
    for (size_t i = 0; i < sizeof key_usages / sizeof *key_usages; i++)
        if (key_usages[i].bit == bit)
            return key_usages[i].name;
    return "unknown";
}

int key_usage_parse(const char *name, unsigned *bit)
{
    for (size_t i = 0; i < sizeof key_usages / sizeof *key_usages; i++)
        if (strcasecmp(key_usages[i].name, name) == 0) {
            *bit = key_usages[i].bit;
            return OK;
        }
    return BAD_DATA;
}

/* An EKU by its short name, or the OID itself. */
static const char *eku_oid(const char *text)
{
    static const char *const known[] = {OID_EKU_SERVER_AUTH, OID_EKU_CLIENT_AUTH, OID_EKU_CODE_SIGNING, OID_EKU_EMAIL,
                                        OID_EKU_OCSP,        OID_EKU_SMARTCARD,   OID_EKU_PKINIT};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasecmp(oid_name(known[i]), text) == 0)
            return known[i];
    return oid_is_valid(text) ? text : NULL;
}

static int set_text(char **to, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return INTERNAL;
    free(*to);
    *to = copy;
    return OK;
}

static int set_ekus(struct usage *usage, const struct strings *words, struct error *error)
{
    int status = OK;

    strings_free(&usage->ekus);
    for (size_t i = 0; i < words->count && status == OK; i++) {
        const char *oid = eku_oid(words->items[i]);

        if (!oid)
            status = error_set(error, BAD_CONFIG, "usage.eku",
                               "[usage.%s] ekus: \"%s\" is neither an extended key usage that is known by name nor an OID", usage->name,
                               words->items[i]);
        else if (strings_add(&usage->ekus, oid) != OK)
            status = error_memory(error);
    }
    return status;
}

static int set_key_usage(struct usage *usage, const struct strings *words, struct error *error)
{
    usage->key_usage = 0;
    for (size_t i = 0; i < words->count; i++) {
        unsigned bit;

        if (key_usage_parse(words->items[i], &bit) != OK)
            return error_set(error, BAD_CONFIG, "usage.key_usage", "[usage.%s] key_usage: \"%s\" is no key usage of RFC 5280", usage->name,
                             words->items[i]);
        usage->key_usage |= bit;
    }
    return OK;
}

static int set_names(struct usage *usage, const struct strings *words, struct error *error)
{
    for (size_t i = 0; i < words->count; i++)
        if (strcmp(words->items[i], "%H") != 0 && !text_is_dns_name(words->items[i], false))
            return error_set(error, BAD_CONFIG, "usage.name", "[usage.%s] names: \"%s\" is neither a DNS name nor %%H", usage->name,
                             words->items[i]);
    strings_free(&usage->names);
    return strings_copy(&usage->names, words) == OK ? OK : error_memory(error);
}

static int set_hosts(struct usage *usage, const struct strings *words, struct error *error)
{
    strings_free(&usage->hosts);
    return strings_copy(&usage->hosts, words) == OK ? OK : error_memory(error);
}

static const struct {
    const char *item;
    int (*set)(struct usage *usage, const struct strings *words, struct error *error);
} lists[] = {{"ekus", set_ekus}, {"key_usage", set_key_usage}, {"names", set_names}, {"hosts", set_hosts}};

static struct usage *usages_add(struct usages *usages, const char *name, const char *title)
{
    struct usage *more = realloc(usages->items, (usages->count + 1) * sizeof *more), *added;

    if (!more)
        return NULL;
    usages->items = more;
    added = &more[usages->count];
    memset(added, 0, sizeof *added);
    usages->count++;
    return set_text(&added->name, name) == OK && set_text(&added->title, title) == OK ? added : NULL;
}

static int add_built_in(struct usages *usages, size_t which, struct error *error)
{
    const char *const texts[] = {built_in[which].ekus, built_in[which].key_usage, built_in[which].names, ""};
    struct usage *usage = usages_add(usages, built_in[which].name, built_in[which].title);
    int status = usage ? OK : error_memory(error);

    for (size_t i = 0; i < sizeof lists / sizeof *lists && status == OK; i++) {
        struct strings words = {NULL, 0};

        status = strings_split(&words, texts[i], " ") == OK ? lists[i].set(usage, &words, error) : error_memory(error);
        strings_free(&words);
    }
    return status;
}

/* Section and items, in what names they may have. */
static int name_check(const char *name, struct error *error)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    if (!*name || strlen(name) > 64 || name[strspn(name, allowed)] != 0)
        return error_set(error, BAD_CONFIG, "usage.section", "[usage.%s]: a usage is named with letters, digits, - and _", name);
    return OK;
}

static int add_configured(struct usages *usages, const struct conf *conf, const char *name, struct error *error)
{
    struct usage *usage = (struct usage *)(uintptr_t)usages_find(usages, name);
    struct buf section = BUF_EMPTY;
    int status = name_check(name, error);

    if (status != OK)
        return status;
    buf_printf(&section, "usage.%s", name);
    if (!usage)
        usage = usages_add(usages, name, name);
    if (!usage || section.failed)
        status = error_memory(error);
    if (status == OK && conf_text(conf, buf_text(&section), "title") &&
        set_text(&usage->title, conf_text(conf, buf_text(&section), "title")) != OK)
        status = error_memory(error);
    for (size_t i = 0; i < sizeof lists / sizeof *lists && status == OK; i++) {
        struct strings words = {NULL, 0};

        if (!conf_text(conf, buf_text(&section), lists[i].item))
            continue; /* not given: as built in */
        status = conf_list(conf, buf_text(&section), lists[i].item, &words) == OK ? lists[i].set(usage, &words, error)
                                                                                   : error_memory(error);
        strings_free(&words);
    }
    buf_free(&section);
    return status;
}

int usages_load(const struct conf *conf, struct usages *out, struct error *error)
{
    struct strings sections = {NULL, 0};
    int status = OK;

    *out = (struct usages){NULL, 0};
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in && status == OK; i++)
        status = add_built_in(out, i, error);
    if (status == OK && conf_sections(conf, "usage", &sections) != OK)
        status = error_memory(error);
    for (size_t i = 0; i < sections.count && status == OK; i++)
        status = add_configured(out, conf, sections.items[i], error);
    strings_free(&sections);
    if (status != OK)
        usages_free(out);
    return status;
}

void usages_free(struct usages *usages)
{
    for (size_t i = 0; i < usages->count; i++) {
        free(usages->items[i].name);
        free(usages->items[i].title);
        strings_free(&usages->items[i].ekus);
        strings_free(&usages->items[i].names);
        strings_free(&usages->items[i].hosts);
    }
    free(usages->items);
    *usages = (struct usages){NULL, 0};
}

const struct usage *usages_find(const struct usages *usages, const char *name)
{
    for (size_t i = 0; i < usages->count; i++)
        if (text_equal_nocase(usages->items[i].name, name))
            return &usages->items[i];
    return NULL;
}
