/* The set of serials that were signed, each with the TBS it was signed for. Open addressing, 38 octets a serial. */
#ifndef CHANCERY_SIGNER_SERIALS_H
#define CHANCERY_SIGNER_SERIALS_H

#include "ca/request.h"

struct serials { /* start zeroed */
    struct serials_slot *slots;
    size_t room, count;
};
/* OK: new. REFUSED: known; *same (may be NULL) says whether for this TBS. INTERNAL: memory. */
int serials_put(struct serials *serials, const struct serial *serial, const uint8_t tbs_sha256[32], bool *same);
void serials_free(struct serials *serials);

#endif
