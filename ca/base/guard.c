/* Switching refusals off, for tests/refusals alone. */
#include "config.h"

#include "ca/base/guard.h"

#ifdef CHANCERY_MUTANTS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is it one of the places in the list, which commas part? */
static bool listed(const char *list, const char *name)
{
    size_t size = strlen(name);

    for (const char *at = list; at != NULL; at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0'))
            return true;
    return false;
}

bool guard_off(const char *place, const char *reason)
{
    const char *mutant = getenv("CHANCERY_MUTANT"), *path = strstr(place, "ca/");
    char name[256];
    int length;

    if (path == NULL && (path = strstr(place, "publish/")) == NULL)
        path = place;
    length = snprintf(name, sizeof name - 1, "%s@%s", reason, path);
    if (length < 0 || (size_t)length >= sizeof name - 1)
        return false;
    if (getenv("CHANCERY_GUARDS") != NULL) {
        char line[sizeof name + 16];
        int size = snprintf(line, sizeof line, "guard %s\n", name);
        if (size > 0 && write(STDERR_FILENO, line, (size_t)size) < 0)
            return false;
    }
    return mutant != NULL && listed(mutant, name);
}
#endif
