/* Usages: the named purposes of a site's services that certificates are assigned to. Three are built in; a section
 * [usage.NAME] changes one of them or adds another. Pure values, immutable after loading: any thread. */
#ifndef CHANCERY_ASSIGN_USAGE_H
#define CHANCERY_ASSIGN_USAGE_H

#include "ca/base/conf.h"
#include "ca/request.h"

struct usage {
    char *name, *title;
    struct strings ekus;  /* OIDs that the certificate must have */
    unsigned key_usage;   /* bits of enum key_usage that it must have */
    struct strings names; /* that it must cover; "%H" is the host that it is assigned on */
    struct strings hosts; /* on which it may be assigned; empty: on any */
};
struct usages {
    struct usage *items;
    size_t count;
};

/* Items of [usage.*], ended by section NULL: a table for conf_load. */
extern const struct conf_item usage_items[];
/* The built-in ones, then those of the configuration in its order. BAD_CONFIG naming section and item. */
int usages_load(const struct conf *conf, struct usages *out, struct error *error);
void usages_free(struct usages *usages);
const struct usage *usages_find(const struct usages *usages, const char *name); /* case-blind; NULL: none */

const char *key_usage_name(unsigned bit);                  /* "digitalSignature"; RFC 5280 4.2.1.3 */
int key_usage_parse(const char *name, unsigned *bit);      /* OK or BAD_DATA; case-blind */

#endif
