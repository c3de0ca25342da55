/* The gate before the key. One check a kind of thing, in a table; a kind
 * without a row is refused. Order matters: the lint first, then the journal,
 * so that what is malformed takes no serial. */
#include "config.h"

#include "ca/signer/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "ca/signer/checkpoint.h"
#include "ca/signer/proof.h"

static void limits_init(struct gate *gate, unsigned index, const struct signer_conf *conf, const struct keyring *keys)
{
    const struct ca_key *key = keys->keys[index];
    struct lint_limits *limits = &gate->limits[index];
    size_t others = 0;

    for (size_t i = 0; i < keys->count; i++)
        if (i != index)
            gate->others[index][others++] = ca_key_spki(keys->keys[i]);
    *limits = (struct lint_limits){
        .issuer_name = buf_bytes(&conf->issuer),
        .algorithm = ca_key_algorithm(key),
        .own_spki = ca_key_spki(key),
        .other_spkis = gate->others[index],
        .other_spki_count = others,
        .authority_key_id = buf_bytes(&conf->keys[index].authority_key_id),
        .validity_max_s = conf->validity_max_s,
        .not_after_max = conf->not_after_max,
        .key_usages = conf->key_usages,
        .ekus = &conf->ekus,
        .ca_spki = &conf->ca_spki,
    };
    memcpy(limits->key_id, ca_key_id(key), sizeof limits->key_id);
}

void gate_init(struct gate *gate, const struct signer_conf *conf, const struct keyring *keys, struct journal *journal)
{
    gate->journal = journal;
    gate->key_count = keys->count;
    for (unsigned i = 0; i < keys->count; i++)
        limits_init(gate, i, conf, keys);
}

/* What one check sees. */
struct subject {
    const struct lint_limits *limits;
    struct journal *journal;
    struct bytes tbs;
    int64_t now;
    struct journal_entry *entry;
};

static int check_certificate(const struct subject *subject, struct error *error)
{
    struct journal_entry *entry = subject->entry;
    int status = lint_certificate(subject->tbs, subject->limits, subject->now, &entry->serial, error);

    return status == OK ? journal_reserve_serial(subject->journal, &entry->serial, entry->tbs_sha256, error) : status;
}

static int check_crl(const struct subject *subject, struct error *error)
{
    struct crl_facts facts;
    int status = lint_crl(subject->tbs, subject->limits, &facts, error);

    if (status != OK)
        return status;
    number_as_serial(facts.number, &subject->entry->serial);
    return journal_reserve_number(subject->journal, subject->entry, facts.number, error);
}

static int check_pkcs10(const struct subject *subject, struct error *error)
{
    return lint_pkcs10(subject->tbs, subject->limits, error);
}

static int check_checkpoint(const struct subject *subject, struct error *error)
{
    struct checkpoint checkpoint;

    if (checkpoint_read(subject->tbs, &checkpoint) != OK)
        return error_set(error, REFUSED, "signer.checkpoint", "this is not an audit checkpoint in the form that the signer knows");
    number_as_serial(checkpoint.number, &subject->entry->serial);
    return journal_reserve_number(subject->journal, subject->entry, checkpoint.number, error);
}

static int check_proof(const struct subject *subject, struct error *error)
{
    return proof_is(subject->tbs) ? OK : error_set(error, REFUSED, "signer.proof", "this is not a challenge in the form that the signer knows");
}

static const struct {
    uint8_t kind;
    int (*check)(const struct subject *, struct error *);
} checks[] = {
    {SIGN_CERTIFICATE, check_certificate},
    {SIGN_CRL, check_crl},
    {SIGN_PKCS10, check_pkcs10},
    {SIGN_CHECKPOINT, check_checkpoint},
    {SIGN_PROOF, check_proof},
};

int gate_check(const struct gate *gate, unsigned key_index, uint8_t kind, struct bytes tbs, int64_t now, struct journal_entry *entry,
               struct error *error)
{
    struct subject subject = {.journal = gate->journal, .tbs = tbs, .now = now, .entry = entry};

    memset(entry, 0, sizeof *entry);
    if (key_index >= gate->key_count)
        return error_set(error, REFUSED, "signer.key_index", "the signer holds no key %u: signer.conf names %zu", key_index, gate->key_count);
    subject.limits = &gate->limits[key_index];
    memcpy(entry->key_id, subject.limits->key_id, sizeof entry->key_id);
    entry->kind = kind;
    entry->at = now;
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, tbs.data, tbs.size, entry->tbs_sha256) != 0)
        return error_set(error, INTERNAL, "signer.digest", "SHA-256 failed");
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (checks[i].kind == kind)
            return checks[i].check(&subject, error);
    return error_set(error, REFUSED, "signer.not_allowed", "the signer does not sign things of kind %u", kind);
}

int gate_map(int fd, struct bytes *out, struct error *error)
{
    const int wanted = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat facts;
    void *at;

    if (seals < 0 || (seals & wanted) != wanted || fstat(fd, &facts) != 0)
        return error_set(error, REFUSED, "signer.seal", "the CRL did not come in a sealed memfd: it could change while it is signed");
    if (facts.st_size <= 0 || facts.st_size > INT32_MAX)
        return error_set(error, REFUSED, "signer.size", "a CRL of %lld octets cannot be signed", (long long)facts.st_size);
    at = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return error_set(error, TEMPORARY, "signer.map", "the CRL cannot be mapped: %s", strerror(errno));
    *out = bytes_of(at, (size_t)facts.st_size);
    return OK;
}
