/* Exit module publish/file: the CA's certificate and its CRLs as files in one folder, for a web server to hand out.
 * A file is there whole or not at all, a link in its place is replaced and never followed, and an older CRL never wins. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/file.h"
#include "ca/module.h"
#include "publish/crl_compare.h"

#define SECTION "publish.file"
#define FILE_SIZE_MAX ((off_t)1 << 30)
#define TEMPORARY_NAME ".chancery-publish.new" /* one thread, one host: a left-over of a killed one is ours to remove */

static const struct conf_item file_items[] = {
    {SECTION, "directory", CONF_PATH, NULL, "folder for the CA's certificate and CRLs", 0, 0},
    {SECTION, "ca_file", CONF_TEXT, "%N%K.crt", "name of a CA certificate: %N the CA's name, %K (n) for the n-th certificate", 0, 0},
    {SECTION, "crl_file", CONF_TEXT, "%N%K%D.crl", "name of a CRL: %N the CA's name, %K (n) for the n-th key, %D + for a delta", 0, 0},
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};

struct file_publisher {
    char *folder, *ca_file, *crl_file, *ca_name;
};

/* ---- names ---- */
static int pattern_check(const char *item, const char *pattern, bool delta, struct error *error)
{
    for (const char *at = strchr(pattern, '%'); at; at = strchr(at + 2, '%'))
        if (at[1] == 0 || !strchr(delta ? "NKD" : "NK", at[1]))
            return error_set(error, BAD_CONFIG, "publish.pattern", "[" SECTION "] %s = %s: %% stands before N, K%s only", item, pattern,
                             delta ? " or D" : "");
    if (strchr(pattern, '/') || pattern[0] == '.' || pattern[0] == 0)
        return error_set(error, BAD_CONFIG, "publish.pattern", "[" SECTION "] %s = %s: it is the name of a file without a folder", item, pattern);
    if (!strstr(pattern, "%K") || (delta && !strstr(pattern, "%D")))
        return error_set(error, BAD_CONFIG, "publish.pattern", "[" SECTION "] %s = %s lacks %s: different ones would share a file", item,
                         pattern, strstr(pattern, "%K") ? "%D" : "%K");
    return OK;
}

/* The CA's name in a file's: what could lead elsewhere or hide the file becomes _. */
static void name_add(struct buf *out, const char *name)
{
    for (const char *at = name; *at; at++) {
        unsigned char octet = (unsigned char)*at;

        buf_add_byte(out, octet < ' ' || octet == 0x7f || octet == '/' || octet == '\\' || (octet == '.' && out->size == 0) ? '_' : octet);
    }
}

static int name_make(const char *pattern, const char *ca_name, unsigned index, bool delta, struct buf *out, struct error *error)
{
    for (const char *at = pattern; *at; at++) {
        if (*at != '%')
            buf_add_byte(out, (uint8_t)*at);
        else if (*++at == 'N')
            name_add(out, ca_name);
        else if (*at == 'K' && index > 0)
            buf_printf(out, "(%u)", index);
        else if (*at == 'D' && delta)
            buf_add_byte(out, '+');
    }
    return out->failed ? error_memory(error) : OK;
}

/* ---- configuration ---- */
static int file_check(const struct conf *conf, struct error *error)
{
    const char *folder = conf_text(conf, SECTION, "directory");
    int status;

    if (!folder || folder[0] != '/')
        return error_set(error, BAD_CONFIG, "publish.directory", "[" SECTION "] directory must be the full path of a folder");
    if (!conf_text(conf, "ca", "name"))
        return error_set(error, BAD_CONFIG, "publish.ca_name", "[ca] name is not set: the files are named after it");
    status = pattern_check("ca_file", conf_text(conf, SECTION, "ca_file"), false, error);
    return status == OK ? pattern_check("crl_file", conf_text(conf, SECTION, "crl_file"), true, error) : status;
}

static int folder_open(const char *folder, int *out, struct error *error)
{
    struct stat info;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) != 0) {
        error_set(error, TEMPORARY, "publish.folder", "cannot open the folder %s: %s; create it for the user of the exit module", folder,
                  strerror(errno));
    } else if ((info.st_mode & S_IWOTH) != 0 || (info.st_uid != 0 && info.st_uid != geteuid())) {
        error_set(error, TEMPORARY, "publish.folder", "the folder %s can be written by others: chown it to the exit module's user, chmod o-w",
                  folder);
    } else {
        *out = fd;
        return OK;
    }
    if (fd >= 0)
        close(fd);
    return TEMPORARY;
}

static void file_close(void *state)
{
    struct file_publisher *publisher = state;

    free(publisher->folder);
    free(publisher->ca_file);
    free(publisher->crl_file);
    free(publisher->ca_name);
    free(publisher);
}

static int file_open(const struct conf *conf, void **state, struct error *error)
{
    struct file_publisher *publisher;
    int fd = -1, status = file_check(conf, error);

    if (status != OK)
        return status;
    publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        return error_memory(error);
    publisher->folder = strdup(conf_text(conf, SECTION, "directory"));
    publisher->ca_file = strdup(conf_text(conf, SECTION, "ca_file"));
    publisher->crl_file = strdup(conf_text(conf, SECTION, "crl_file"));
    publisher->ca_name = strdup(conf_text(conf, "ca", "name"));
    if (!publisher->folder || !publisher->ca_file || !publisher->crl_file || !publisher->ca_name)
        status = error_memory(error);
    else
        status = folder_open(publisher->folder, &fd, error);
    if (status == OK) {
        close(fd);
        *state = publisher;
    } else {
        file_close(publisher);
    }
    return status;
}

/* ---- reading and writing in the folder ---- */

/* What stands there; none, a link or something that is no file: empty. */
static void file_there(int folder, const char *name, struct buf *out)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat info;

    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 && info.st_size <= FILE_SIZE_MAX) {
        uint8_t *room = buf_reserve(out, (size_t)info.st_size);

        if (room && fd_read_all(fd, room, (size_t)info.st_size) == OK)
            out->size += (size_t)info.st_size;
    }
    close(fd);
}

static int file_fill(int fd, struct bytes data, const char *name, struct error *error)
{
    if (fd_write_all(fd, data.data, data.size) != OK || fchmod(fd, 0644) != 0 || fsync(fd) != 0)
        return error_set(error, TEMPORARY, "publish.write", "cannot write %s: %s", name, strerror(errno));
    return OK;
}

static int file_replace(int folder, const char *name, struct bytes data, struct error *error)
{
    int fd, status;

    (void)unlinkat(folder, TEMPORARY_NAME, 0);
    fd = openat(folder, TEMPORARY_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(error, TEMPORARY, "publish.write", "cannot create a file for %s: %s", name, strerror(errno));
    status = file_fill(fd, data, name, error);
    if (close(fd) != 0 && status == OK)
        status = error_set(error, TEMPORARY, "publish.write", "cannot write %s: %s", name, strerror(errno));
    if (status == OK && (renameat(folder, TEMPORARY_NAME, folder, name) != 0 || fsync(folder) != 0))
        status = error_set(error, TEMPORARY, "publish.write", "cannot put %s in its place: %s", name, strerror(errno));
    if (status != OK)
        (void)unlinkat(folder, TEMPORARY_NAME, 0);
    return status;
}

static int publish_crl_file(const struct file_publisher *publisher, int folder, const struct event *event, struct error *error)
{
    struct buf name = BUF_EMPTY, crl = BUF_EMPTY, there = BUF_EMPTY;
    enum crl_place place = CRL_REPLACES;
    int status = crl_read_fd(event->crl_fd, &crl, error);

    if (status == OK)
        status = name_make(publisher->crl_file, publisher->ca_name, event->key_index, event->delta, &name, error);
    if (status != OK)
        goto out;
    file_there(folder, buf_text(&name), &there);
    status = crl_compare(buf_bytes(&crl), buf_bytes(&there), &place, error);
    if (status == OK && (place == CRL_OLDER || place == CRL_FOREIGN))
        status = crl_place_error(place, buf_text(&name), error);
    else if (status == OK && place == CRL_REPLACES)
        status = file_replace(folder, buf_text(&name), buf_bytes(&crl), error);
out:
    buf_free(&name);
    buf_free(&crl);
    buf_free(&there);
    return status;
}

static int publish_ca_file(const struct file_publisher *publisher, int folder, const struct event *event, struct error *error)
{
    struct bytes certificate = bytes_of(event->certificate, event->certificate_size);
    struct buf name = BUF_EMPTY, there = BUF_EMPTY;
    int status;

    if (certificate.size == 0)
        return error_set(error, REFUSED, "publish.no_certificate", "the event has no CA certificate to publish");
    status = name_make(publisher->ca_file, publisher->ca_name, event->key_index, false, &name, error);
    if (status == OK) {
        file_there(folder, buf_text(&name), &there);
        if (!bytes_equal(buf_bytes(&there), certificate))
            status = file_replace(folder, buf_text(&name), certificate, error);
    }
    buf_free(&name);
    buf_free(&there);
    return status;
}

static int publish_file(const struct file_publisher *publisher, const struct event *event, struct error *error)
{
    int folder = -1, status = folder_open(publisher->folder, &folder, error);

    if (status != OK)
        return status;
    if (event->kind == EVENT_CRL_ISSUED)
        status = publish_crl_file(publisher, folder, event, error);
    else if (event->kind == EVENT_CA_CERTIFICATE)
        status = publish_ca_file(publisher, folder, event, error);
    close(folder);
    return status;
}

static void file_notify(void *state, struct chancery_delivery *deliveries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct error error = ERROR_NONE;
        int status = publish_file(state, deliveries[i].event, &error);

        deliveries[i].outcome = status == OK                                    ? CHANCERY_DONE
                                : status == TEMPORARY || status == INTERNAL ? CHANCERY_RETRY
                                                                                : CHANCERY_GIVE_UP;
        memcpy(deliveries[i].message, error.message, sizeof deliveries[i].message - 1);
    }
}

static int file_probe(void *state, const char *dn, struct strings *lines, struct error *error)
{
    const struct file_publisher *publisher = state;
    struct error why = ERROR_NONE;
    struct buf line = BUF_EMPTY;
    int folder = -1, status = folder_open(publisher->folder, &folder, &why);

    if (status == OK && faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) != 0)
        status = error_set(&why, TEMPORARY, "publish.folder", "the exit module's user may not write there: %s", strerror(errno));
    buf_printf(&line, "%s write files in %s%s%s", status == OK ? "ok" : "missing", publisher->folder, status == OK ? "" : ": ", why.message);
    status = line.failed || strings_add(lines, buf_text(&line)) != OK ? error_memory(error) : OK;
    buf_free(&line);
    if (folder >= 0)
        close(folder);
    return status;
}

/* The symbol that the exit host looks up. */
extern const struct chancery_module chancery_module;
const struct chancery_module chancery_module = {
    .abi = CHANCERY_MODULE_ABI,
    .name = "publish/file",
    .kind = CHANCERY_EXIT,
    .event_mask = EVENT_CRL_ISSUED | EVENT_CA_CERTIFICATE,
    .items = file_items,
    .check = file_check,
    .open = file_open,
    .close = file_close,
    .notify = file_notify,
    .probe = file_probe,
};
