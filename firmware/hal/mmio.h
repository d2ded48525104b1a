/* SPDX-License-Identifier: Apache-2.0 */
/* Register access: the only place with volatile. A build with TSR_MMIO_MOCK (host unit tests) sends
 * every access to the two mock functions instead. Addresses are as the core sees them. */
#ifndef TSR_HAL_MMIO_H
#define TSR_HAL_MMIO_H

#include <stdint.h>

/* Base address of a register block. */
typedef struct {
  uint32_t base;
} tsr_mmio_t;

#ifdef TSR_MMIO_MOCK
uint32_t tsr_mock_read32(uint32_t address);
void tsr_mock_write32(uint32_t address, uint32_t value);
#endif

/* Read the 32-bit word `offset` bytes into the block; offset is a multiple of 4. */
static inline uint32_t tsr_mmio_read(tsr_mmio_t block, uint32_t offset) {
#ifdef TSR_MMIO_MOCK
  return tsr_mock_read32(block.base + offset);
#else
  return *(const volatile uint32_t *)(uintptr_t)(block.base + offset);
#endif
}

/* Write the 32-bit word `offset` bytes into the block; offset is a multiple of 4. */
static inline void tsr_mmio_write(tsr_mmio_t block, uint32_t offset, uint32_t value) {
#ifdef TSR_MMIO_MOCK
  tsr_mock_write32(block.base + offset, value);
#else
  *(volatile uint32_t *)(uintptr_t)(block.base + offset) = value;
#endif
}

/* Value of a field: `name` is the generated macro stem, e.g. TSR_TILE_ID_X. */
#define TSR_FIELD_GET(name, word) (((word)&name##_MASK) >> name##_SHIFT)

/* A field's value moved into place, cut to the field's width. */
#define TSR_FIELD(name, value) (((uint32_t)(value) << name##_SHIFT) & name##_MASK)

#endif
