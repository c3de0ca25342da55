/* The signer's verbs, as the authority sees them. The key is in another process under another uid.
 * Any thread; several requests may be under way at once. Errors: REFUSED with the lint's or the journal's reason
 * ("lint.…", "signer.serial_used", "signer.not_allowed"), TEMPORARY "signer.locked", TEMPORARY "signer.gone". */
#ifndef CHANCERY_SIGNER_SIGNER_H
#define CHANCERY_SIGNER_SIGNER_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

struct signer;

enum sign_kind { SIGN_CERTIFICATE = 1, SIGN_CRL, SIGN_PKCS10, SIGN_CHECKPOINT, SIGN_OCSP, SIGN_PROOF };

#define SIGNER_KEYS_MAX 16
struct signer_key_info {
    struct buf spki;       /* SubjectPublicKeyInfo DER */
    uint8_t key_id[20];    /* SHA-1 of the subjectPublicKey bits, RFC 5280 4.2.1.2 (1) */
    char key_type[16];     /* "ecdsa-p256" */
    struct buf algorithm;  /* AlgorithmIdentifier DER of its signatures */
    char where[256];       /* its file, or its PKCS#11 URI */
    uint64_t last_crl_number; /* in the journal: each key has a series of its own */
};
struct signer_info {
    bool locked;           /* it waits for its passphrase; the keys are known by their public halves */
    struct signer_key_info keys[SIGNER_KEYS_MAX]; /* by key index: 0 is the first that the CA ever had */
    size_t key_count;
    uint64_t signatures;   /* in its journal */
    int64_t last_at;
    uint64_t last_checkpoint; /* audit record under the last checkpoint that it signed, 0: none */
};

int signer_connect(int fd, struct signer **out, struct error *error); /* takes fd; starts a reader thread */
void signer_close(struct signer *signer);
int signer_info(struct signer *signer, struct signer_info *out, struct error *error);
void signer_info_free(struct signer_info *info);
/* Signs a TBSCertificate, CertificationRequestInfo or checkpoint with the key of this index; *signature gets the BIT STRING's
 * octets. Returns after the signer's journal is on disk. REFUSED "signer.key_index": there is no such key. */
int signer_sign(struct signer *signer, unsigned key_index, enum sign_kind kind, struct bytes tbs, uint64_t audit_number,
                struct buf *signature, struct error *error);
/* Signs the TBSCertList in a sealed memfd (F_SEAL_WRITE|GROW|SHRINK). */
int signer_sign_crl(struct signer *signer, unsigned key_index, int fd, uint64_t audit_number, struct buf *signature,
                    struct error *error);
/* What a backup takes of the signer: its journal as it stands on disk now (whole records), or the key's file as it is, encrypted.
 * `take` gets it piece by piece. REFUSED "signer.key_elsewhere": the key is in no file. */
enum signer_file { SIGNER_JOURNAL = 1, SIGNER_KEY };
int signer_copy(struct signer *signer, enum signer_file what, unsigned key_index, int (*take)(void *argument, struct bytes piece),
                void *argument, struct error *error);
bool signer_alive(const struct signer *signer);
/* Opens a signer that started locked. REFUSED "signer.passphrase": it is wrong; TEMPORARY "signer.unlock_wait": too soon after a
 * wrong one; REFUSED "signer.unlocked"; what is wrong with key or journal otherwise, and it stays locked. */
int signer_unlock(struct signer *signer, struct bytes passphrase, struct error *error);
/* A key's file was written anew: what the signer keeps for backups is that. An encrypted file; the signer cannot judge it. */
int signer_key_file(struct signer *signer, unsigned key_index, struct bytes pem, struct error *error);
/* From now on the clock is what it says, whatever it said before; the journal has it. */
int signer_accept_clock(struct signer *signer, uint64_t audit_number, struct error *error);

/* ---- the process itself ---- */
struct signer_process {
    const char *conf_path;    /* signer.conf, root-owned: see chancery.conf(5) */
    const char *state_path;   /* folder with key.pem and journal, owned by the signer's user */
    int passphrase_fd;        /* the credential, opened by signer_process_prepare; 0: none */
};
/* forker_program.prepare: opens a systemd credential, which root alone can read. In the signer's process, before it gives root up. */
void signer_process_prepare(void *signer_process);
int signer_process_run(int fd, void *signer_process); /* forker_program.run */

/* ---- before there is a CA: run as the signer's user in a short-lived process (chanceryd's init mode) ---- */
/* Where the passphrase comes from. file: first line; a systemd credential is a file ($CREDENTIALS_DIRECTORY/NAME). */
struct passphrase_source {
    const char *file; /* NULL: ask on the terminal (/dev/tty), twice when making a key */
};
struct signer_ceremony {
    const char *state_path;
    const char *conf_path; /* for a further key: signer.conf, which names the others and where the passphrase is */
    unsigned key_index;    /* 0: the CA's first key */
    const char *key_type;  /* NULL for a further key: that of the newest; else "ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519" */
    struct passphrase_source passphrase;
    const char *token;     /* a pkcs11: URI: the key is made there, or is there already; NULL: a file */
};
/* Makes key.pem (PKCS#8, PBES2 AES-256, 0600, never overwrites) and returns the SPKI DER. */
int signer_key_generate(const struct signer_ceremony *ceremony, struct buf *spki, struct error *error);
/* Makes key.N.pem under the passphrase that the first key has. One that is there already, but not yet in signer.conf, is what an
 * interrupted run made: it is taken when it is of this type, and never overwritten. */
int signer_key_add(const struct signer_ceremony *ceremony, struct buf *spki, struct error *error);

#endif
