/* main() for the harnesses where no fuzzing engine is at hand: every seed, then a round of mutations with a fixed seed, so
 * that a failure comes again. With clang -fsanitize=fuzzer a harness is linked without this file.
 *   fuzz_NAME [-n ROUNDS] FILE|FOLDER… */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/base/buf.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"

#define INPUT_MAX 131072

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct corpus {
    struct buf *inputs;
    size_t count;
};

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int corpus_add_file(struct corpus *corpus, const char *path)
{
    struct buf *grown = realloc(corpus->inputs, (corpus->count + 1) * sizeof(*grown));
    struct error error = ERROR_NONE;

    if (grown == NULL)
        return INTERNAL;
    corpus->inputs = grown;
    memset(&grown[corpus->count], 0, sizeof(*grown));
    if (file_read(path, INPUT_MAX, &grown[corpus->count], &error) != OK) {
        fprintf(stderr, "%s\n", error.message);
        return BAD_DATA;
    }
    corpus->count++;
    return OK;
}

static int corpus_add_folder(struct corpus *corpus, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort), status = count < 0 ? BAD_DATA : OK;

    for (int i = 0; i < count; i++) {
        struct buf file = BUF_EMPTY;

        buf_printf(&file, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && status == OK)
            status = corpus_add_file(corpus, buf_text(&file));
        buf_free(&file);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int corpus_add(struct corpus *corpus, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return corpus_add_folder(corpus, path);
    return corpus_add_file(corpus, path);
}

/* One to four small changes: a bit, an octet, a cut, a copy of a piece elsewhere. */
static void mutate(struct buf *input, uint64_t *state)
{
    for (uint64_t changes = 1 + random_next(state) % 4; changes > 0 && input->size > 0; changes--) {
        size_t at = random_next(state) % input->size, other = random_next(state) % input->size;
        size_t size = 1 + random_next(state) % 16;

        switch (random_next(state) % 5) {
        case 0:
            input->data[at] ^= (uint8_t)(1 << (random_next(state) % 8));
            break;
        case 1:
            input->data[at] = (uint8_t)random_next(state);
            break;
        case 2:
            input->data[at] = "\x00\x01\x7f\x80\x81\x82\xff\x30"[random_next(state) % 8];
            break;
        case 3:
            if (random_next(state) % 8 == 0)
                input->size = at;
            break;
        case 4:
            if (at + size <= input->size && other + size <= input->size)
                memmove(input->data + at, input->data + other, size);
            break;
        }
    }
}

/* A copy of exactly this size on the heap: a sanitizer sees one octet too many. */
static int run(const struct buf *input)
{
    uint8_t *copy = malloc(input->size > 0 ? input->size : 1);

    if (copy == NULL)
        return INTERNAL;
    memcpy(copy, input->data, input->size);
    LLVMFuzzerTestOneInput(copy, input->size);
    free(copy);
    return OK;
}

static int run_rounds(const struct corpus *corpus, uint64_t rounds)
{
    struct buf input = BUF_EMPTY;
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    int status = OK;

    for (uint64_t i = 0; i < rounds && status == OK; i++) {
        const struct buf *seed = &corpus->inputs[random_next(&state) % corpus->count];

        buf_clear(&input);
        buf_add(&input, seed->data, seed->size);
        mutate(&input, &state);
        status = input.failed ? INTERNAL : run(&input);
    }
    buf_free(&input);
    return status;
}

int main(int argc, char **argv)
{
    struct corpus corpus = {NULL, 0};
    uint64_t rounds = 0;
    int status = OK;

    for (int i = 1; i < argc && status == OK; i++) {
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            status = number_parse(argv[++i], &rounds);
        else
            status = corpus_add(&corpus, argv[i]);
    }
    if (status == OK && corpus.count == 0) {
        fprintf(stderr, "usage: %s [-n ROUNDS] FILE|FOLDER…\n", argv[0]);
        status = USAGE;
    }
    for (size_t i = 0; i < corpus.count && status == OK; i++)
        status = run(&corpus.inputs[i]);
    if (status == OK)
        status = run_rounds(&corpus, rounds);
    printf("%zu seeds, %llu mutations: %s\n", corpus.count, (unsigned long long)rounds, status == OK ? "ok" : "failed");
    for (size_t i = 0; i < corpus.count; i++)
        buf_free(&corpus.inputs[i]);
    free(corpus.inputs);
    return status;
}
