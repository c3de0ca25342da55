/* One event to module publish/ldap, built in: publish.sh says which and looks at the directory afterwards.
 *   publish CONF issued DN FILE | revoked DN FILE REASON | crl FILE KEY-INDEX | delta FILE KEY-INDEX |
 *           ca FILE INDEX TEMPLATE… | templates TEMPLATE… | probe [DN] | batch DN FILE COUNT
 * Prints the outcome and the module's message. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/module.h"

extern const struct chancery_module chancery_module;

static const struct conf_item ca_items[] = {{"ca", "name", CONF_TEXT, NULL, "", 0, 0}, {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0}};

static void die(const char *what, const struct error *error)
{
    fprintf(stderr, "%s: %s\n", what, error->message);
    exit(1);
}

static void *module_open(const char *path)
{
    const struct conf_item *const tables[] = {ca_items, chancery_module.items, NULL};
    struct error error = ERROR_NONE;
    struct conf *conf = NULL;
    void *state = NULL;

    if (conf_load(path, tables, &conf, &error) != OK || chancery_module.open(conf, &state, &error) != OK)
        die(path, &error);
    conf_free(conf);
    return state;
}

static void der_read(const char *path, struct buf *out)
{
    static const char *const labels[] = {"CERTIFICATE", "X509 CRL", NULL};
    struct error error = ERROR_NONE;
    struct buf text = BUF_EMPTY;

    if (file_read(path, 1 << 24, &text, &error) != OK || pem_or_der(buf_bytes(&text), labels, out, NULL, &error) != OK)
        die(path, &error);
    buf_free(&text);
}

static int descriptor_of(const struct buf *der)
{
    int fd = memfd_create("crl", MFD_CLOEXEC);

    if (fd < 0 || fd_write_all(fd, der->data, der->size) != OK)
        exit(1);
    return fd;
}

static void event_fill(struct event *event, char **words, int count, struct buf *der)
{
    static const struct {
        const char *verb;
        enum event_kind kind;
        int dn, file, number, templates; /* which word; 0: none */
    } verbs[] = {
        {"issued", EVENT_ISSUED, 1, 2, 0, 0}, {"batch", EVENT_ISSUED, 1, 2, 0, 0},       {"revoked", EVENT_REVOKED, 1, 2, 3, 0},
        {"crl", EVENT_CRL_ISSUED, 0, 1, 2, 0}, {"delta", EVENT_CRL_ISSUED, 0, 1, 2, 0},   {"ca", EVENT_CA_CERTIFICATE, 0, 1, 2, 3},
        {"templates", EVENT_TEMPLATES, 0, 0, 0, 1},
    };

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].verb, words[0]) != 0)
            continue;
        event->kind = verbs[i].kind;
        event->publish_dn = verbs[i].dn ? words[verbs[i].dn] : NULL;
        if (verbs[i].file)
            der_read(words[verbs[i].file], der);
        if (event->kind == EVENT_REVOKED)
            event->reason = (int)strtol(words[3], NULL, 10);
        else if (verbs[i].number)
            event->key_index = (unsigned)strtoul(words[verbs[i].number], NULL, 10);
        if (verbs[i].templates)
            event->templates = (struct strings){words + verbs[i].templates, (size_t)(count - verbs[i].templates)};
    }
    event->delta = strcmp(words[0], "delta") == 0;
}

static int notify(void *state, const struct event *event, size_t count)
{
    static const char *const names[] = {"none", "done", "retry", "give up"};
    struct chancery_delivery deliveries[64];
    int64_t began = clock_monotonic_ms();

    memset(deliveries, 0, sizeof deliveries);
    for (size_t i = 0; i < count; i++)
        deliveries[i].event = event;
    chancery_module.notify(state, deliveries, count);
    printf("%s %s\n", names[deliveries[count - 1].outcome], deliveries[count - 1].message);
    return clock_monotonic_ms() - began < 20000 ? 0 : 1; /* a batch must not outlast the host's alarm */
}

static int probe(void *state, const char *dn)
{
    struct strings lines = {NULL, 0};
    struct error error = ERROR_NONE;
    int status = chancery_module.probe(state, dn, &lines, &error);

    for (size_t i = 0; i < lines.count; i++)
        puts(lines.items[i]);
    strings_free(&lines);
    if (status != OK)
        printf("error %s\n", error.message);
    return 0;
}

int main(int argc, char **argv)
{
    struct event event = {.at = clock_now(), .request_id = 1, .reason = -1, .crl_fd = -1};
    struct buf der = BUF_EMPTY;
    void *state;
    int status;

    if (argc < 3)
        return 64;
    state = module_open(argv[1]);
    if (strcmp(argv[2], "probe") == 0) {
        status = probe(state, argc > 3 ? argv[3] : NULL);
    } else {
        event_fill(&event, argv + 2, argc - 2, &der);
        if (event.kind == EVENT_CRL_ISSUED) {
            event.crl_fd = descriptor_of(&der);
        } else {
            event.certificate = der.data;
            event.certificate_size = der.size;
        }
        status = notify(state, &event, strcmp(argv[2], "batch") == 0 ? 64 : 1);
        if (event.crl_fd >= 0)
            close(event.crl_fd);
    }
    chancery_module.close(state);
    buf_free(&der);
    return status;
}
