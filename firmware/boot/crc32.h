/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 of IEEE 802.3, as zlib computes it, over words: four table look-ups a word. */
#ifndef TSR_BOOT_CRC32_H
#define TSR_BOOT_CRC32_H

#include <stdint.h>

typedef struct {
  uint32_t entry[4][256];
} tsr_crc32_table_t;

/* Fill the tables (about 6,000 cycles). */
void tsr_crc32_init(tsr_crc32_table_t *table);

/* Continue a checksum over `words` words of the own scratchpad from byte offset `offset` on.
 * Start with 0xffffffff and invert the end result. */
uint32_t tsr_crc32_spm(const tsr_crc32_table_t *table, uint32_t crc, uint32_t offset,
                       uint32_t words);

#endif
