/* The priority string of a TLS client, judged by what the library makes of it, never by its text alone: "NORMAL:+ARCFOUR-128" and a
 * keyword of the system's file both come out as lists. */
#include "ca/directory/tls.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <string.h>

typedef int (*lister)(gnutls_priority_t priority, const unsigned **list);

static bool protocol_is_old(unsigned protocol)
{
    return protocol == GNUTLS_SSL3 || protocol == GNUTLS_TLS1_0 || protocol == GNUTLS_TLS1_1; /* datagrams are not LDAP's */
}

static bool cipher_is_broken(unsigned cipher)
{
    static const unsigned broken[] = {GNUTLS_CIPHER_NULL,    GNUTLS_CIPHER_ARCFOUR_128, GNUTLS_CIPHER_ARCFOUR_40, GNUTLS_CIPHER_3DES_CBC,
                                      GNUTLS_CIPHER_DES_CBC, GNUTLS_CIPHER_RC2_40_CBC};

    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        if (cipher == broken[i])
            return true;
    return false;
}

static bool exchange_is_anonymous(unsigned exchange)
{
    return exchange == GNUTLS_KX_ANON_DH || exchange == GNUTLS_KX_ANON_ECDH || exchange == GNUTLS_KX_RSA_EXPORT;
}

static bool mac_is_broken(unsigned mac)
{
    return mac == GNUTLS_MAC_NULL || mac == GNUTLS_MAC_MD5;
}

static const char *protocol_name(unsigned id) { return gnutls_protocol_get_name((gnutls_protocol_t)id); }
static const char *cipher_name(unsigned id) { return gnutls_cipher_get_name((gnutls_cipher_algorithm_t)id); }
static const char *exchange_name(unsigned id) { return gnutls_kx_get_name((gnutls_kx_algorithm_t)id); }
static const char *mac_name(unsigned id) { return gnutls_mac_get_name((gnutls_mac_algorithm_t)id); }

static const struct {
    lister list;
    bool (*refused)(unsigned id);
    const char *(*name)(unsigned id);
    const char *what;
    bool needed; /* TLS 1.3 alone needs no key exchange to be named */
} rules[] = {
    {gnutls_priority_protocol_list, protocol_is_old, protocol_name, "the protocol", true},
    {gnutls_priority_cipher_list, cipher_is_broken, cipher_name, "the cipher", true},
    {gnutls_priority_kx_list, exchange_is_anonymous, exchange_name, "the key exchange", false},
    {gnutls_priority_mac_list, mac_is_broken, mac_name, "the MAC", false},
};

/* Options are not in the lists. */
static const char *check_turned_off(const char *priority)
{
    static const char *const options[] = {"%VERIFY_ALLOW_", "%UNSAFE_RENEGOTIATION", "%DISABLE_SAFE_RENEGOTIATION", "%PARTIAL_RENEGOTIATION",
                                          "%COMPAT", "%NO_EXTENSIONS", "%STATELESS_COMPRESSION"};

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcasestr(priority, options[i]))
            return options[i];
    return NULL;
}

static int lists_check(const char *section, gnutls_priority_t priority, struct error *error)
{
    const unsigned *list = NULL;

    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        int count = rules[r].list(priority, &list);
        if (count <= 0 && rules[r].needed)
            return error_set(error, BAD_CONFIG, "directory.tls", "[%s] tls_priority leaves nothing of what is needed for %s", section,
                             rules[r].what);
        for (int i = 0; i < count; i++)
            if (rules[r].refused(list[i])) {
                const char *name = rules[r].name(list[i]);
                return error_set(error, BAD_CONFIG, "directory.tls",
                                 "[%s] tls_priority allows %s %s: connections are TLS 1.2 or newer, encrypted and with the server's "
                                 "certificate; leave the item out", section, rules[r].what, name ? name : "without a name");
            }
    }
    return OK;
}

int tls_priority_check(const char *section, const char *text, struct error *error)
{
    const char *option = check_turned_off(text), *where = NULL;
    gnutls_priority_t priority = NULL;
    int status;

    if (option)
        return error_set(error, BAD_CONFIG, "directory.tls", "[%s] tls_priority: %s… turns a protection off and is not taken", section, option);
    if (gnutls_priority_init(&priority, text, &where) != GNUTLS_E_SUCCESS)
        return error_set(error, BAD_CONFIG, "directory.tls", "[%s] tls_priority is not understood from \"%.40s\" on (GnuTLS priority strings)",
                         section, where ? where : text);
    status = lists_check(section, priority, error);
    gnutls_priority_deinit(priority);
    return status;
}
