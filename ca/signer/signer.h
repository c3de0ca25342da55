/* The signer's verbs, as the authority sees them. The key is in another process under another uid.
 * Any thread; several requests may be under way at once. Errors: REFUSED with the lint's or the journal's reason
 * ("lint.…", "signer.serial_used", "signer.not_allowed"), TEMPORARY "signer.locked", TEMPORARY "signer.gone". */
#ifndef CHANCERY_SIGNER_SIGNER_H
#define CHANCERY_SIGNER_SIGNER_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

struct signer;

enum sign_kind { SIGN_CERTIFICATE = 1, SIGN_CRL, SIGN_PKCS10, SIGN_CHECKPOINT, SIGN_OCSP };

struct signer_info {
    bool locked;
    struct buf spki;       /* SubjectPublicKeyInfo DER */
    uint8_t key_id[20];    /* SHA-1 of the subjectPublicKey bits, RFC 5280 4.2.1.2 (1) */
    char key_type[16];     /* "ecdsa-p256" */
    struct buf algorithm;  /* AlgorithmIdentifier DER of its signatures */
    uint64_t signatures;   /* in its journal */
    uint64_t last_crl_number;
    int64_t last_at;
};

int signer_connect(int fd, struct signer **out, struct error *error); /* takes fd; starts a reader thread */
void signer_close(struct signer *signer);
int signer_info(struct signer *signer, struct signer_info *out, struct error *error);
void signer_info_free(struct signer_info *info);
/* Signs a TBSCertificate, CertificationRequestInfo or checkpoint; *signature gets the BIT STRING's octets. Returns after the
 * signer's journal is on disk. */
int signer_sign(struct signer *signer, enum sign_kind kind, struct bytes tbs, uint64_t audit_number, struct buf *signature, struct error *error);
/* Signs the TBSCertList in a sealed memfd (F_SEAL_WRITE|GROW|SHRINK). */
int signer_sign_crl(struct signer *signer, int fd, uint64_t audit_number, struct buf *signature, struct error *error);
bool signer_alive(const struct signer *signer);

/* ---- the process itself ---- */
struct signer_process {
    const char *conf_path;    /* signer.conf, root-owned: see chancery.conf(5) */
    const char *state_path;   /* folder with key.pem and journal, owned by the signer's user */
};
int signer_process_run(int fd, void *signer_process); /* forker_program.run */

/* ---- before there is a CA: run as the signer's user in a short-lived process (chanceryd's init mode) ---- */
/* Where the passphrase comes from. file: first line; a systemd credential is a file ($CREDENTIALS_DIRECTORY/NAME). */
struct passphrase_source {
    const char *file; /* NULL: ask on the terminal (/dev/tty), twice when making a key */
};
struct signer_ceremony {
    const char *state_path;
    const char *key_type;  /* "ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519" */
    struct passphrase_source passphrase;
};
/* Makes key.pem (PKCS#8, PBES2 AES-256, 0600, never overwrites) and returns the SPKI DER. */
int signer_key_generate(const struct signer_ceremony *ceremony, struct buf *spki, struct error *error);

#endif
