/* Loading of exit modules: by name, from one directory, the only dlopen of exit code. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/file.h"
#include "ca/exit/dispatch.h"

#define MODULE_NAME_MAX 63

static int name_check(const char *name, struct error *error)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_/";
    size_t size = strlen(name);

    if (size == 0 || size > MODULE_NAME_MAX || name[strspn(name, allowed)] != 0)
        return error_set(error, BAD_CONFIG, "exit.name",
                         "\"%s\" is not the name of an exit module: it is like publish/ldap, of small letters, digits, - _ and /", name);
    return OK;
}

/* Who can write the folder can put code into the host that publishes: it must be root's, or ours where we are not root. */
static int folder_check(const char *directory, struct error *error)
{
    struct stat info;

    if (stat(directory, &info) != 0)
        return error_set(error, BAD_CONFIG, "exit.folder", "the folder of modules %s cannot be read: is Chancery installed there?", directory);
    if ((info.st_uid != 0 && info.st_uid != geteuid()) || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return error_set(error, BAD_CONFIG, "exit.folder",
                         "the folder of modules %s can be written by others than root: chown root and chmod 755 it", directory);
    return OK;
}

static int module_path(const char *directory, const char *name, struct buf *path)
{
    buf_printf(path, "%s/", directory);
    for (const char *at = name; *at; at++)
        buf_add_byte(path, (uint8_t)(*at == '/' ? '_' : *at));
    buf_add_text(path, ".so");
    return path->failed ? INTERNAL : OK;
}

static int module_judge(const struct chancery_module *module, const char *name, const char *path, struct error *error)
{
    if (!module)
        return error_set(error, BAD_CONFIG, "exit.symbol", "%s exports no chancery_module: it is not a module of Chancery", path);
    if (module->abi != CHANCERY_MODULE_ABI)
        return error_set(error, BAD_CONFIG, "exit.abi", "%s was built for module interface %d, this is %d: build it anew", path,
                         module->abi, CHANCERY_MODULE_ABI);
    if (module->kind != CHANCERY_EXIT || !module->name || strcmp(module->name, name) != 0)
        return error_set(error, BAD_CONFIG, "exit.kind", "%s is not the exit module %s", path, name);
    if (!module->check || !module->open || !module->close || !module->notify)
        return error_set(error, BAD_CONFIG, "exit.incomplete", "%s lacks one of check, open, close, notify", path);
    return OK;
}

int exit_describe(const char *directory, const char *name, const struct chancery_module **out, struct error *error)
{
    struct buf path = BUF_EMPTY;
    void *library;
    int status;

    status = name_check(name, error);
    if (status == OK)
        status = folder_check(directory, error);
    if (status == OK && module_path(directory, name, &path) != OK)
        status = error_memory(error);
    if (status == OK)
        status = file_check_owner(buf_text(&path), geteuid(), error);
    if (status != OK)
        goto out;
    library = dlopen(buf_text(&path), RTLD_NOW | RTLD_LOCAL); /* stays open: the struct is used for ever */
    if (!library) {
        status = error_set(error, BAD_CONFIG, "exit.load", "exit module %s cannot be loaded: %s", name, dlerror());
        goto out;
    }
    *out = dlsym(library, "chancery_module");
    status = module_judge(*out, name, buf_text(&path), error);
out:
    buf_free(&path);
    return status;
}
