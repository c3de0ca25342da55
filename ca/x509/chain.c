/* Building a chain among certificates at hand: by name, then by signature, one link at a time, at most ten.
 * What the chain is needed for (usages, hosts) is not known here. */
#include "ca/x509/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"

const char *link_state_name(enum link_state state)
{
    static const char *const names[] = {"present", "missing", "wrong store"};

    return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

struct pool { /* the anchors, read once */
    const struct chain_anchor *anchors;
    struct certificate_facts *facts; /* subject NULL: could not be read */
    size_t count;
};

static int pool_open(struct pool *pool, const struct chain_anchor *anchors, size_t count, struct error *error)
{
    pool->anchors = anchors;
    pool->count = count;
    pool->facts = calloc(count + 1, sizeof(*pool->facts));
    if (pool->facts == NULL)
        return error_memory(error);
    for (size_t i = 0; i < count; i++)
        if (certificate_read(anchors[i].der, &pool->facts[i], NULL) == INTERNAL)
            return error_memory(error);
    return OK;
}

static void pool_close(struct pool *pool)
{
    for (size_t i = 0; pool->facts != NULL && i < pool->count; i++)
        certificate_facts_free(&pool->facts[i]);
    free(pool->facts);
}

struct step { /* the certificate whose issuer is looked for */
    struct bytes der;
    const struct certificate_facts *facts;
};

/* How well an anchor suits as the issuer: 0 not at all. Names first, because verifying a signature costs. */
static int suits(const struct step *below, const struct chain_anchor *anchor, const struct certificate_facts *facts)
{
    if (facts->subject == NULL || !facts->ca || !bytes_equal(buf_bytes(&facts->subject_name), buf_bytes(&below->facts->issuer_name)))
        return 0;
    if (facts->key_usage != 0 && (facts->key_usage & KEY_USAGE_CERT_SIGN) == 0)
        return 0;
    if (certificate_check_signature(below->der, anchor->der, NULL) != OK)
        return 0;
    /* where it stands in its own store it is the better one; a root ends the chain */
    return 1 + 2 * (facts->self_signed == anchor->is_root_store) + facts->self_signed;
}

static size_t find_issuer(const struct pool *pool, const struct step *below)
{
    size_t best = SIZE_MAX;
    int best_score = 0;

    for (size_t i = 0; i < pool->count; i++) {
        int score = suits(below, &pool->anchors[i], &pool->facts[i]);

        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    return best;
}

static struct chain_link *add_link(struct chain *chain, const char *subject)
{
    struct chain_link *grown = realloc(chain->links, (chain->count + 1) * sizeof(*grown)), *link;

    if (grown == NULL)
        return NULL;
    chain->links = grown;
    link = &grown[chain->count];
    memset(link, 0, sizeof(*link));
    if ((link->subject = strdup(subject)) == NULL)
        return NULL;
    chain->count++;
    return link;
}

static int add_missing(struct chain *chain, const char *issuer)
{
    struct chain_link *link = add_link(chain, issuer);

    if (link == NULL)
        return INTERNAL;
    link->state = LINK_MISSING;
    link->wanted = STORE_INTERMEDIATE;
    return OK;
}

static int add_found(struct chain *chain, const struct pool *pool, size_t anchor, int64_t at)
{
    const struct certificate_facts *facts = &pool->facts[anchor];
    struct chain_link *link = add_link(chain, facts->subject);

    if (link == NULL)
        return INTERNAL;
    link->found = true;
    link->anchor = anchor;
    link->wanted = facts->self_signed ? STORE_ROOT : STORE_INTERMEDIATE;
    link->state = facts->self_signed == pool->anchors[anchor].is_root_store ? LINK_PRESENT : LINK_WRONG_STORE;
    link->not_before = facts->not_before;
    link->not_after = facts->not_after;
    link->not_yet_valid = at < facts->not_before;
    link->expired = at > facts->not_after;
    memcpy(link->sha1, facts->sha1, sizeof(link->sha1));
    memcpy(link->sha256, facts->sha256, sizeof(link->sha256));
    return OK;
}

/* Constraints on how many CAs may follow, RFC 5280 4.2.1.9: below counts CA certificates under this one, self-issued ones not. */
static bool path_too_long(const struct chain *chain, const struct pool *pool, const struct certificate_facts *facts)
{
    int below = 0;

    for (size_t i = 0; i < chain->count; i++) {
        const struct certificate_facts *other = &pool->facts[chain->links[i].anchor];

        if (chain->links[i].found && !bytes_equal(buf_bytes(&other->subject_name), buf_bytes(&other->issuer_name)))
            below++;
    }
    return facts->path_length >= 0 && below > facts->path_length;
}

static bool seen_before(const struct chain *chain, size_t anchor)
{
    for (size_t i = 0; i < chain->count; i++)
        if (chain->links[i].found && chain->links[i].anchor == anchor)
            return true;
    return false;
}

/* Keeps the first. Long names are cut: the links hold them whole. */
static void say(struct chain *chain, const char *subject, const char *what)
{
    if (chain->problem[0] == '\0')
        snprintf(chain->problem, sizeof(chain->problem), "%.120s%s: %s", subject, strlen(subject) > 120 ? "…" : "", what);
}

static const char *link_problem(const struct chain_link *link)
{
    if (link->state == LINK_MISSING)
        return "this CA's certificate is missing; import it into the trust store";
    if (link->state == LINK_WRONG_STORE)
        return link->wanted == STORE_ROOT ? "a root that stands among the intermediates; import it into the root store"
                                          : "an intermediate that stands in the root store; import it as an intermediate";
    if (link->expired)
        return "this CA's certificate has expired; import its successor";
    if (link->not_yet_valid)
        return "this CA's certificate is not yet valid";
    return NULL;
}

/* A self-signed leaf has no issuer but itself: it is its own root, and must be one of the anchors. */
static int add_self(struct chain *chain, const struct pool *pool, const struct step *leaf, int64_t at)
{
    size_t found = SIZE_MAX;

    for (size_t i = 0; i < pool->count; i++)
        if (bytes_equal(pool->anchors[i].der, leaf->der) && (found == SIZE_MAX || pool->anchors[i].is_root_store))
            found = i;
    return found == SIZE_MAX ? add_missing(chain, leaf->facts->subject) : add_found(chain, pool, found, at);
}

/* From the leaf upward until a self-signed one, a gap or the limit. */
static int climb(struct chain *chain, const struct pool *pool, const struct step *leaf, int64_t at)
{
    struct step step = *leaf;
    int status = OK;

    while (status == OK && !step.facts->self_signed) {
        size_t issuer = find_issuer(pool, &step);

        if (issuer == SIZE_MAX)
            return add_missing(chain, step.facts->issuer);
        if (chain->count == CHAIN_MAX || seen_before(chain, issuer)) {
            say(chain, pool->facts[issuer].subject, "the chain goes in a circle or is longer than ten certificates");
            return OK;
        }
        if (path_too_long(chain, pool, &pool->facts[issuer]))
            say(chain, pool->facts[issuer].subject, "its path length does not allow so many CAs below it (RFC 5280 4.2.1.9)");
        status = add_found(chain, pool, issuer, at);
        step = (struct step){pool->anchors[issuer].der, &pool->facts[issuer]};
    }
    return status;
}

static void judge(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        const char *problem = link_problem(&chain->links[i]);

        if (problem != NULL)
            say(chain, chain->links[i].subject, problem);
    }
    chain->complete = chain->count > 0 && chain->problem[0] == '\0';
}

int chain_build_at(struct bytes leaf_der, const struct chain_anchor *anchors, size_t count, int64_t at, struct chain *out, struct error *error)
{
    struct certificate_facts leaf;
    struct pool pool = {NULL, NULL, 0};
    struct step step = {leaf_der, &leaf};
    int status;

    memset(out, 0, sizeof(*out));
    if ((status = certificate_read(leaf_der, &leaf, error)) != OK)
        return status;
    if ((status = pool_open(&pool, anchors, count, error)) != OK)
        goto out;
    status = leaf.self_signed ? add_self(out, &pool, &step, at) : climb(out, &pool, &step, at);
    if (status != OK)
        status = error_memory(error);
    judge(out);
out:
    pool_close(&pool);
    certificate_facts_free(&leaf);
    if (status != OK)
        chain_free(out);
    return status;
}

int chain_build(struct bytes leaf_der, const struct chain_anchor *anchors, size_t count, struct chain *out, struct error *error)
{
    return chain_build_at(leaf_der, anchors, count, clock_now(), out, error);
}

void chain_free(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        free(chain->links[i].subject);
    free(chain->links);
    memset(chain, 0, sizeof(*chain));
}
