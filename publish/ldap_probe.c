/* `publish check`: does the publisher have the rights it needs, and not more? Nothing is changed.
 *
 * A right to write is asked for by a modification that cannot succeed: it deletes a certificate that was made up a moment
 * ago with a random serial number, so that no entry holds it. Servers judge the rights to all parts of a modification
 * first and carry it out whole or not at all (RFC 4511 4.6), so the answer is "no such value" where the right is there and
 * "insufficient access" where it is not. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "publish/ldap_publisher.h"

#define PROBE_CHANGES_MAX 3

/* Lengths below 256 are all that is needed here. */
static void add_tlv(struct buf *out, uint8_t tag, struct bytes content)
{
    buf_add_byte(out, tag);
    if (content.size > 127)
        buf_add_byte(out, 0x81);
    buf_add_byte(out, (uint8_t)content.size);
    buf_add(out, content.data, content.size);
}

/* The form of a certificate, of which servers check no more before they compare. */
static int made_up_certificate(struct buf *out, struct error *error)
{
    static const uint8_t algorithm[] = {0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2};
    static const uint8_t name[] = {0x30, 15, 0x31, 13, 0x30, 11, 0x06, 3, 0x55, 4, 3, 0x0c, 4, 'n', 'o', 'n', 'e'};
    static const uint8_t validity[] = {0x30, 30,  0x17, 13,  '2', '0', '0', '1', '0', '1', '0', '0', '0', '0', '0', '0',
                                       'Z',  0x17, 13,  '2', '0', '0', '1', '0', '1', '0', '0', '0', '0', '0', '0', 'Z'};
    static const uint8_t key[] = {0x30, 13, 0x30, 7, 0x06, 5, 0x2b, 0x0e, 3, 2, 0x1a, 0x03, 2, 0, 0};
    static const uint8_t signature[] = {0x03, 2, 0, 0};
    uint8_t serial[16];
    struct buf tbs = BUF_EMPTY, all = BUF_EMPTY;

    if (getrandom(serial, sizeof serial, 0) != (ssize_t)sizeof serial)
        return error_set(error, TEMPORARY, "publish.random", "no random octets from the system");
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
    add_tlv(&tbs, 0x02, bytes_of(serial, sizeof serial));
    buf_add(&tbs, algorithm, sizeof algorithm);
    buf_add(&tbs, name, sizeof name);
    buf_add(&tbs, validity, sizeof validity);
    buf_add(&tbs, name, sizeof name);
    buf_add(&tbs, key, sizeof key);
    add_tlv(&all, 0x30, buf_bytes(&tbs));
    buf_add(&all, algorithm, sizeof algorithm);
    buf_add(&all, signature, sizeof signature);
    add_tlv(out, 0x30, buf_bytes(&all));
    buf_free(&tbs);
    buf_free(&all);
    return out->failed ? error_memory(error) : OK;
}

struct right { /* asked for with one modification; the first change is the one that fails */
    const char *what;
    const char *certificate; /* attribute of the made-up certificate */
    const char *other;       /* a further attribute that must be writable; NULL: none */
    const char *add;         /* value to add to it; NULL: it would be emptied */
};

static int line_add(struct strings *lines, struct error *error, const char *state, const char *what, const char *dn, const char *why)
{
    struct buf line = BUF_EMPTY;
    int status;

    buf_printf(&line, "%s %s at %s%s%s", state, what, dn, why && *why ? ": " : "", why ? why : "");
    status = line.failed || strings_add(lines, buf_text(&line)) != OK ? error_memory(error) : OK;
    buf_free(&line);
    return status;
}

/* OK: the right is there. REFUSED: it is not, and why. TEMPORARY: the directory does not answer. */
static int right_ask(struct publisher *publisher, const char *dn, const struct right *right, struct error *error)
{
    struct directory_change changes[PROBE_CHANGES_MAX];
    struct buf certificate = BUF_EMPTY;
    struct bytes made_up, added = {NULL, 0};
    struct error answer = ERROR_NONE;
    size_t count = 0;
    int status = made_up_certificate(&certificate, error);

    if (status != OK)
        return status;
    made_up = buf_bytes(&certificate);
    changes[count++] = (struct directory_change){MOD_DELETE, entry_attribute(&publisher->style, right->certificate), &made_up, 1};
    if (right->other && right->add) {
        added = bytes_of_text(right->add);
        changes[count++] = (struct directory_change){MOD_ADD, right->other, &added, 1};
    } else if (right->other) {
        changes[count++] = (struct directory_change){MOD_REPLACE, entry_attribute(&publisher->style, right->other), NULL, 0};
    }
    directory_modify(publisher->directory, dn, changes, count, &answer);
    if (strcmp(answer.reason, "directory.no_value") == 0)
        status = OK;
    else if (answer.status == OK)
        status = error_set(error, INTERNAL, "publish.probe", "the server took out a certificate that was never there");
    else
        status = error_set(error, answer.status, answer.reason, "%s", answer.message);
    buf_free(&certificate);
    return status;
}

static int right_line(struct publisher *publisher, const char *dn, const struct right *right, struct strings *lines, struct error *error)
{
    struct error why = ERROR_NONE;
    int status = right_ask(publisher, dn, right, &why);

    if (status == TEMPORARY || status == INTERNAL)
        return error_set(error, status, why.reason, "%s", why.message);
    return line_add(lines, error, status == OK ? "ok" : "missing", right->what, dn, why.message);
}

static int too_much_line(struct publisher *publisher, const char *dn, struct strings *lines, struct error *error);

/* ours: an entry of the CA, else a holder's. */
static int entry_lines(struct publisher *publisher, const char *dn, const struct right *rights, size_t count, bool ours,
                       struct strings *lines, struct error *error)
{
    static const char *const attributes[] = {"objectClass", NULL};
    struct directory_entries entries = {NULL, 0, false};
    const struct directory_entry *there;
    int status = publisher_read(publisher, dn, attributes, &entries, &there, error);

    if (status == OK && !there)
        status = line_add(lines, error, "missing", "the entry", dn,
                          ours ? "it is made when the CA's certificate is first published, if the rights are there"
                               : "there is none, or it is hidden from the publisher");
    else if (status == OK)
        status = line_add(lines, error, "ok", "read the entry", dn, NULL);
    for (size_t i = 0; there && i < count && status == OK; i++)
        status = right_line(publisher, dn, &rights[i], lines, error);
    if (there && status == OK && !ours)
        status = too_much_line(publisher, dn, lines, error);
    directory_entries_free(&entries);
    return status;
}

/* A publisher that may write what certificates are made from could make himself anybody. */
static int too_much_line(struct publisher *publisher, const char *dn, struct strings *lines, struct error *error)
{
    static const struct right mail = {"write mail", "userCertificate", "mail", NULL};
    struct error why = ERROR_NONE;
    int status = right_ask(publisher, dn, &mail, &why);

    if (status == TEMPORARY || status == INTERNAL)
        return error_set(error, status, why.reason, "%s", why.message);
    if (status != OK)
        return line_add(lines, error, "ok", "no right to write mail", dn, NULL);
    return line_add(lines, error, "missing", "limits", dn,
                    "the publisher may write mail there, so it has more rights than it needs; bind as an identity of its own (schema/access.conf)");
}

int publisher_probe(struct publisher *publisher, const char *dn, struct strings *lines, struct error *error)
{
    static const struct right holder[] = {
        {"write userCertificate", "userCertificate", NULL, NULL},
        {"add class pkiUser", "userCertificate", "objectClass", "pkiUser"},
    };
    static const struct right ca[] = {
        {"write cACertificate", "cACertificate", NULL, NULL},
        {"write certificateRevocationList", "cACertificate", "certificateRevocationList", NULL},
        {"write deltaRevocationList", "cACertificate", "deltaRevocationList", NULL},
    };
    static const struct right enrollment[] = {
        {"write cACertificate", "cACertificate", NULL, NULL},
        {"write certificateTemplates", "cACertificate", "certificateTemplates", NULL},
    };
    int status = publisher_style(publisher, error);

    if (status == OK)
        status = entry_lines(publisher, publisher->names.ca, ca, 3, true, lines, error);
    if (status == OK && publisher->names.subject)
        status = entry_lines(publisher, publisher->names.subject, ca, 3, true, lines, error);
    if (status == OK && directory_knows_class(publisher->directory, "pKIEnrollmentService"))
        status = entry_lines(publisher, publisher->names.enrollment, enrollment, 2, true, lines, error);
    if (status == OK && dn)
        status = entry_lines(publisher, dn, holder, 1 + publisher->style.rfc4523, false, lines, error);
    return status;
}
