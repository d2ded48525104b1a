/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/crc32.h"

#include "runtime/common/node.h"

#define TSR_CRC32_POLYNOMIAL 0xedb88320u

void tsr_crc32_init(tsr_crc32_table_t *table) {
  /* Table 0 is linear in its index: entries of single bits first, then sums. */
  table->entry[0][0] = 0;
  uint32_t crc = 1;
  for (uint32_t bit = 128; bit > 0; bit >>= 1) {
    crc = (crc >> 1) ^ ((crc & 1) != 0 ? TSR_CRC32_POLYNOMIAL : 0);
    for (uint32_t i = 0; i < 256; i += 2 * bit) {
      table->entry[0][i + bit] = crc ^ table->entry[0][i];
    }
  }
  for (uint32_t i = 0; i < 256; i++) {
    crc = table->entry[0][i];
    for (uint32_t slice = 1; slice < 4; slice++) {
      crc = (crc >> 8) ^ table->entry[0][crc & 0xff];
      table->entry[slice][i] = crc;
    }
  }
}

/* Table entry at a byte offset from the middle of the tables: one load with a constant offset. */
static inline uint32_t entry_at(const uint8_t *middle, int32_t table, uint32_t offset) {
  return *(const uint32_t *)(const void *)(middle + offset + table);
}

/* This loop is most of the boot time: 23 instructions a word. */
uint32_t tsr_crc32_spm(const tsr_crc32_table_t *table, uint32_t crc, uint32_t offset,
                       uint32_t words) {
  const uint8_t *middle = (const uint8_t *)table->entry[2];
#pragma GCC unroll 4
  for (uint32_t i = 0; i < words; i++) {
    crc ^= tsr_spm_read(offset + 4 * i);
    crc = entry_at(middle, 1024, (crc << 2) & 0x3fc) ^ entry_at(middle, 0, (crc >> 6) & 0x3fc) ^
          entry_at(middle, -1024, (crc >> 14) & 0x3fc) ^ entry_at(middle, -2048, crc >> 24 << 2);
  }
  return crc;
}
