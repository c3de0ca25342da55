/* ca/exit/wire.c and channel.c: what is put comes back; what is cut, lengthened or changed is refused or read, never worse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/exit/channel.h"
#include "ca/exit/wire.h"

#define TEXT(literal) ((char *)(uintptr_t)(literal))

static void full_event(struct event *event)
{
    static uint8_t octets[] = {0x30, 0, 0xff, 1};
    static struct attribute attributes[2];
    static struct extension extensions[1];
    static char *templates[2];

    attributes[0] = (struct attribute){TEXT("CertificateTemplate"), TEXT("User"), ORIGIN_REQUEST};
    attributes[1] = (struct attribute){TEXT("x"), NULL, ORIGIN_OFFICER};
    extensions[0] = (struct extension){TEXT("2.5.29.17"), true, octets, sizeof octets, ORIGIN_POLICY, TEXT("carol")};
    templates[0] = TEXT("User");
    templates[1] = TEXT("Web Server");
    *event = (struct event){.sequence = 0x0102030405060708, .kind = EVENT_ISSUED, .at = -5, .request_id = 104981,
                            .requester = TEXT("alice"), .requester_dn = TEXT("uid=alice"), .publish_dn = TEXT(""), .template_name = NULL,
                            .message = TEXT("\xe2\x80\xae"), .pkcs10 = octets, .pkcs10_size = 4, .certificate = octets, .certificate_size = 3,
                            .attributes = attributes, .attribute_count = 2, .extensions = extensions, .extension_count = 1, .reason = -1,
                            .revoked_at = 77, .crl_number = UINT64_MAX, .key_index = 3, .delta = true, .crl_fd = -1,
                            .templates = {templates, 2}, .usage = TEXT("Default"), .host = TEXT("web07")};
}

static void an_event_comes_back(void **state)
{
    struct event event, back;
    struct buf out = BUF_EMPTY, again = BUF_EMPTY;
    bool has_crl = true;

    full_event(&event);
    wire_put_event(&out, &event);
    assert_int_equal(wire_get_event(buf_bytes(&out), &back, &has_crl), OK);
    assert_false(has_crl);
    assert_int_equal(back.crl_fd, -1);
    assert_int_equal(back.at, -5);
    assert_int_equal(back.reason, -1);
    assert_string_equal(back.publish_dn, ""); /* empty is not NULL */
    assert_null(back.template_name);
    assert_string_equal(back.extensions[0].actor, "carol");
    assert_true(back.extensions[0].critical);
    assert_string_equal(back.templates.items[1], "Web Server");
    wire_put_event(&again, &back);
    assert_true(bytes_equal(buf_bytes(&out), buf_bytes(&again)));
    event_free(&back);
    event.crl_fd = 5;
    buf_clear(&out);
    wire_put_event(&out, &event);
    assert_int_equal(wire_get_event(buf_bytes(&out), &back, &has_crl), OK);
    assert_true(has_crl);
    assert_int_equal(back.crl_fd, -1);
    event_free(&back);
    buf_free(&out);
    buf_free(&again);
}

/* A copy in memory of exactly its size, so that a sanitizer sees a read behind its end. */
static int read_exact(struct bytes in)
{
    uint8_t *copy = malloc(in.size ? in.size : 1);
    struct event event;
    bool has_crl;
    int status;

    assert_non_null(copy);
    memcpy(copy, in.data, in.size);
    status = wire_get_event(bytes_of(copy, in.size), &event, &has_crl);
    if (status == OK)
        event_free(&event);
    free(copy);
    return status;
}

static void hostile_events(void **state)
{
    struct event event;
    struct buf out = BUF_EMPTY;

    full_event(&event);
    wire_put_event(&out, &event);
    for (size_t size = 0; size < out.size; size++)
        assert_int_equal(read_exact(bytes_of(out.data, size)), BAD_DATA);
    buf_add_byte(&out, 0);
    assert_int_equal(read_exact(buf_bytes(&out)), BAD_DATA);
    out.size--;
    for (size_t at = 0; at < out.size; at++)
        for (unsigned value = 0; value < 256; value += 15) {
            uint8_t kept = out.data[at];

            out.data[at] = (uint8_t)value;
            (void)read_exact(buf_bytes(&out)); /* what comes of it is judged by the sanitizers */
            out.data[at] = kept;
        }
    srand(7);
    for (int round = 0; round < 20000; round++) {
        uint8_t noise[64];

        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)(rand() % 4 ? 0 : rand());
        (void)read_exact(bytes_of(noise, (size_t)rand() % sizeof noise));
    }
    buf_free(&out);
}

static void single_faults_of_an_event(void **state)
{
    struct event event = {.kind = EVENT_ISSUED, .crl_fd = -1};
    struct buf out = BUF_EMPTY;

    wire_put_event(&out, &event);
    assert_int_equal(read_exact(buf_bytes(&out)), OK);
    put_u32(out.data + 8, EVENT_ISSUED | EVENT_DENIED); /* two kinds at once */
    assert_int_equal(read_exact(buf_bytes(&out)), BAD_DATA);
    put_u32(out.data + 8, 0x100000); /* a kind that there is not */
    assert_int_equal(read_exact(buf_bytes(&out)), BAD_DATA);
    buf_clear(&out);
    event.requester = TEXT("ab");
    wire_put_event(&out, &event);
    out.data[8 + 4 + 8 + 8 + 4] = 0; /* a NUL inside a text */
    assert_int_equal(read_exact(buf_bytes(&out)), BAD_DATA);
    buf_free(&out);
}

static void answers_and_the_rest(void **state)
{
    struct wire_answer answers[2] = {{CHANCERY_DONE, ""}, {CHANCERY_RETRY, "down"}}, back[2];
    struct wire_ready ready = {.event_mask = 5, .batch_limit_s = 60, .error = ERROR_NONE}, ready_back;
    struct strings lines = {NULL, 0}, lines_back = {NULL, 0};
    struct error error = ERROR_NONE, error_back;
    struct buf out = BUF_EMPTY;
    size_t count;

    wire_put_answers(&out, answers, 2);
    assert_int_equal(wire_get_answers(buf_bytes(&out), back, 2), OK);
    assert_string_equal(back[1].message, "down");
    assert_int_equal(wire_get_answers(buf_bytes(&out), back, 1), BAD_DATA);
    out.data[4] = 4; /* an outcome that there is not */
    assert_int_equal(wire_get_answers(buf_bytes(&out), back, 2), BAD_DATA);
    buf_clear(&out);
    wire_put_ready(&out, &ready);
    assert_int_equal(wire_get_ready(buf_bytes(&out), &ready_back), OK);
    assert_int_equal(ready_back.batch_limit_s, 60);
    put_u32(out.data + 4, 0);
    assert_int_equal(wire_get_ready(buf_bytes(&out), &ready_back), BAD_DATA);
    buf_clear(&out);
    wire_put_count(&out, WIRE_BATCH_MAX + 1);
    assert_int_equal(wire_get_count(buf_bytes(&out), &count), BAD_DATA);
    buf_clear(&out);
    assert_int_equal(strings_add(&lines, "ok everything"), OK);
    wire_put_lines(&out, &error, &lines);
    assert_int_equal(wire_get_lines(buf_bytes(&out), &error_back, &lines_back), OK);
    assert_string_equal(lines_back.items[0], "ok everything");
    strings_free(&lines_back);
    out.size--;
    assert_int_equal(wire_get_lines(buf_bytes(&out), &error_back, &lines_back), BAD_DATA);
    assert_null(lines_back.items);
    strings_free(&lines);
    buf_free(&out);
}

static void frames_and_descriptors(void **state)
{
    struct buf body = BUF_EMPTY;
    struct error error = ERROR_NONE;
    int ends[2], fd = memfd_create("test", 0), passed = -1;
    uint8_t type = 0, head[5] = {0};
    struct channel one, two;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    one = (struct channel){ends[0], 0, NULL};
    two = (struct channel){ends[1], 0, NULL};
    assert_int_equal(channel_send(&one, 9, bytes_of_text("hello"), fd, &error), OK);
    assert_int_equal(channel_receive(&two, &type, &body, &passed, &error), OK);
    assert_int_equal(type, 9);
    assert_string_equal(buf_text(&body), "hello");
    assert_true(passed >= 0 && passed != fd);
    close(passed);
    assert_int_equal(channel_send(&one, 9, bytes_of_text(""), fd, &error), OK); /* to one that asks for none */
    assert_int_equal(channel_receive(&two, &type, &body, NULL, &error), BAD_DATA);
    error_clear(&error);
    two.deadline_ms = clock_monotonic_ms() + 50;
    assert_int_equal(channel_receive(&two, &type, &body, &passed, &error), TEMPORARY);
    assert_string_equal(error.reason, "exit.timeout");
    error_clear(&error);
    two.deadline_ms = 0;
    put_u32(head, WIRE_FRAME_MAX + 1);
    assert_int_equal(write(ends[0], head, 5), 5);
    assert_int_equal(channel_receive(&two, &type, &body, &passed, &error), BAD_DATA);
    error_clear(&error);
    put_u32(head, 10);
    assert_int_equal(write(ends[0], head, 5), 5);
    close(ends[0]);
    assert_int_equal(channel_receive(&two, &type, &body, &passed, &error), TEMPORARY); /* cut in the middle */
    assert_string_equal(error.reason, "exit.closed");
    assert_int_equal(channel_send(&two, 1, bytes_of_text("x"), -1, NULL), TEMPORARY);
    close(ends[1]);
    close(fd);
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_comes_back),      cmocka_unit_test(hostile_events),         cmocka_unit_test(single_faults_of_an_event),
        cmocka_unit_test(answers_and_the_rest),     cmocka_unit_test(frames_and_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
