/* The CA's own certificates, by certificate index: settings, as there are few and they only become more. The first stands there as
 * it did when a CA could have but one, DER and chain by themselves; later ones are messages. */
#include <stdio.h>
#include <string.h>

#include "ca/store/internal.h"

#define FIRST "ca.certificate"
#define FIRST_CHAIN "ca.chain"

struct ca_setting {
    char name[32];
};

static struct ca_setting setting_name(unsigned index)
{
    struct ca_setting setting;
    if (index)
        snprintf(setting.name, sizeof setting.name, FIRST ".%u", index);
    else
        snprintf(setting.name, sizeof setting.name, FIRST);
    return setting;
}

void ca_certificate_free(struct ca_certificate *certificate)
{
    buf_free(&certificate->der);
    buf_free(&certificate->chain);
}

/* ---- writing ---- */

static bool setting_exists_txn(struct store_txn *txn, unsigned index)
{
    struct buf value = BUF_EMPTY;
    bool exists = !setting_get_txn(txn, setting_name(index).name, &value) && value.size;
    buf_free(&value);
    return exists;
}

unsigned ca_certificates_count_txn(struct store_txn *txn)
{
    unsigned count = 0;
    while (count < CA_CERTIFICATES_MAX && setting_exists_txn(txn, count))
        count++;
    return count;
}

int ca_certificates_add(struct store_txn *txn, const struct ca_certificate *certificate, struct error *error)
{
    struct buf record = BUF_EMPTY;
    unsigned count = ca_certificates_count_txn(txn);
    if (certificate->index != count)
        return error_set(error, REFUSED, "ca.index", "the CA has %u certificates: the next one's index is not %u; another was installed at "
                         "the same moment", count, certificate->index);
    if (count == CA_CERTIFICATES_MAX)
        return error_set(error, REFUSED, "ca.certificates", "the CA has %d certificates: there can be no further one", CA_CERTIFICATES_MAX);
    if (!certificate->index) {
        setting_put(txn, FIRST, buf_bytes(&certificate->der));
        if (certificate->chain.size)
            setting_put(txn, FIRST_CHAIN, buf_bytes(&certificate->chain));
        return store_txn_failed(txn);
    }
    Chancery__CaCertificate message = CHANCERY__CA_CERTIFICATE__INIT;
    message.key_index = certificate->key_index;
    message.der = data_of(certificate->der.data, certificate->der.size);
    message.chain = data_of(certificate->chain.data, certificate->chain.size);
    message.at = certificate->at;
    message_pack(&message.base, &record);
    if (record.failed)
        txn_fail(txn, INTERNAL);
    setting_put(txn, setting_name(certificate->index).name, buf_bytes(&record));
    buf_free(&record);
    return store_txn_failed(txn);
}

/* ---- reading ---- */

static int setting_optional(struct store *store, const char *name, struct buf *out, struct error *error)
{
    struct error why = ERROR_NONE;
    int status = setting_get(store, name, out, &why);
    if (!status || status == REFUSED)
        return OK;
    return error_set(error, status, why.reason, "%s", why.message);
}

static int message_read(struct bytes record, struct ca_certificate *out, struct error *error)
{
    Chancery__CaCertificate *message = chancery__ca_certificate__unpack(NULL, record.size, record.data);
    if (!message)
        return error_set(error, INTERNAL, "store.record", "the record of CA certificate %u is damaged", out->index);
    out->key_index = message->key_index;
    out->at = message->at;
    buf_add(&out->der, message->der.data, message->der.len);
    buf_add(&out->chain, message->chain.data, message->chain.len);
    chancery__ca_certificate__free_unpacked(message, NULL);
    return out->der.failed || out->chain.failed ? error_memory(error) : OK;
}

int ca_certificates_get(struct store *store, unsigned index, struct ca_certificate *out, struct error *error)
{
    struct buf record = BUF_EMPTY;
    *out = (struct ca_certificate){.index = index};
    int status = setting_optional(store, setting_name(index).name, &record, error);
    if (!status && !record.size)
        status = error_set(error, REFUSED, "object.unknown", "the CA has no certificate %u", index);
    else if (!status && index)
        status = message_read(buf_bytes(&record), out, error);
    else if (!status) {
        buf_add(&out->der, record.data, record.size);
        status = out->der.failed ? error_memory(error) : setting_optional(store, FIRST_CHAIN, &out->chain, error);
    }
    buf_free(&record);
    if (status)
        ca_certificate_free(out);
    return status;
}
