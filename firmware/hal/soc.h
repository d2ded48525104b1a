/* SPDX-License-Identifier: Apache-2.0 */
/* Address map of a hart node and of the chip; mirrors rtl/tile/tsr_tile_pkg.sv and
 * rtl/common/tsr_pkg.sv. */
#ifndef TSR_HAL_SOC_H
#define TSR_HAL_SOC_H

#include <stdint.h>

/* Node-local offsets; the core sees its own node at the same addresses. */
#define TSR_ITCM_BASE 0x00000000u
#define TSR_DTCM_BASE 0x00010000u
#define TSR_TCM_BYTES 0x00010000u
#define TSR_REGS_BASE 0x00020000u /* tile and ctl: tile_regs.h; memory node: hbm_regs.h */
#define TSR_CMD_BASE 0x00030000u  /* command staging, 64 bytes an engine */
#define TSR_CTX_BASE 0x00040000u  /* 8 contexts of 8 rows of 64 bytes */
#define TSR_SPM_BASE 0x01000000u

/* Peripherals of the ctl node. */
#define TSR_UART_BASE 0x00100000u
#define TSR_TIMER_BASE 0x00101000u
#define TSR_MAILBOX_BASE 0x00102000u
#define TSR_FUSE_BASE 0x00103000u
#define TSR_WDOG_BASE 0x00104000u
#define TSR_SYS_BASE 0x00105000u

/* Window i of the core's address space: 256 MiB of global addresses. */
#define TSR_WINDOW_BASE(i) (0x80000000u + ((uint32_t)(i) << 28))
#define TSR_WINDOWS 8u

#define TSR_ENGINES 5u
#define TSR_ENGINE_RDMA 0u
#define TSR_ENGINE_WDMA 1u
#define TSR_ENGINE_ME 2u
#define TSR_ENGINE_VE 3u
#define TSR_ENGINE_TDMA 4u

#define TSR_CONTEXTS 8u
#define TSR_SEMAPHORES 16u
#define TSR_ACCESS_WINDOWS 8u

#define TSR_SPACE_HBM 0u
#define TSR_SPACE_NODE 1u

/* Mesh coordinate. */
typedef struct {
  uint8_t x, y;
} tsr_node_id_t;

/* Inclusive rectangle of nodes. */
typedef struct {
  uint8_t x0, y0, x1, y1;
} tsr_rect_t;

/* Global address of a byte of the chip's HBM. */
static inline uint64_t tsr_addr_hbm(uint64_t offset) { return offset & 0xffffffffffu; }

/* Global address of a node-local offset of node (x, y). */
static inline uint64_t tsr_addr_node(uint32_t x, uint32_t y, uint32_t offset) {
  const uint32_t high = (TSR_SPACE_NODE << 20) | (y << 6) | x;
  return ((uint64_t)high << 32) | offset;
}

/* A node's bit in maps of nodes: y * 8 + x. */
static inline uint32_t tsr_node_index(uint32_t x, uint32_t y) { return y * 8u + x; }

#endif
