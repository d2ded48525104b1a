/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of a hart node (tile or ctl): the own node's at TSR_REGS_BASE, another node's through a
 * core window (ctl only). */
#ifndef TSR_DRIVERS_TILE_H
#define TSR_DRIVERS_TILE_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "hal/soc.h"
#include "hal/status.h"

/* Bits of the pending interrupts. */
#define TSR_TILE_IRQ_CMD_DONE 1u
#define TSR_TILE_IRQ_ERROR 2u
#define TSR_TILE_IRQ_LAUNCH 4u
#define TSR_TILE_IRQ_SEM 8u
#define TSR_TILE_IRQ_SPACE 16u

/* Counters: engine * 16 + n, or one of the node's. */
#define TSR_TILE_COUNTER_IDLE 0u
#define TSR_TILE_COUNTER_BUSY 1u
#define TSR_TILE_COUNTER_WAIT_SEM 2u
#define TSR_TILE_COUNTER_STARVED 3u
#define TSR_TILE_COUNTER_BLOCKED 4u
#define TSR_TILE_COUNTER_CONFLICT 5u
#define TSR_TILE_COUNTER_CONFIG 6u
#define TSR_TILE_COUNTER_COMMANDS 8u
#define TSR_TILE_COUNTER_OPS 9u
#define TSR_TILE_COUNTER_CTX_ROWS 10u /* context rows loaded, a cycle each */
#define TSR_TILE_COUNTER_ELAPSED 112u
#define TSR_TILE_COUNTER_INSTRET 117u
#define TSR_TILE_COUNTER_FIRST_COMMAND 120u /* cycle in which it started */
#define TSR_TILE_COUNTER_LAST_COMMAND 121u  /* cycle in which it ended */
#define TSR_TILE_COUNTER_HEARD 122u         /* blocks stored that other nodes read */
#define TSR_TILE_COUNTER_UNHEARD 123u       /* such blocks refused */
#define TSR_TILE_COUNTERS 124u

#define TSR_TILE_SCRATCH_WORDS 8u

typedef struct {
  tsr_mmio_t base;
} tsr_tile_t;

typedef struct {
  tsr_node_id_t node;
  bool is_ctl;
  uint32_t spm_bytes;
} tsr_tile_identity_t;

/* What the node's core and DMA may reach: pages of 4 KiB, page = global address [43:12]. */
typedef struct {
  uint32_t space; /* TSR_SPACE_* */
  uint32_t first_page, last_page;
  bool read, write;
} tsr_tile_access_t;

/* What other nodes may do here. */
typedef struct {
  bool read, write, post;
  uint32_t first_byte, last_byte; /* scratchpad offsets, inclusive */
} tsr_tile_remote_t;

/* A captured error. Sources 0..4 are the engines (TSR_ENGINE_*), 5 an access by another node, 6 one
 * by this node, 7 an answer to another node's read that may not be stored here. */
typedef struct {
  bool valid;
  uint8_t source;
  uint8_t code; /* engine: tsr_cmd_err; access: network error */
  uint8_t info; /* network error of an engine's bus error */
  uint16_t cmd; /* command id, or source node of an access */
  uint64_t address;
} tsr_tile_error_t;

/* Flags of results: NaN, and overflow (of the VE also saturation). */
#define TSR_TILE_FMT_ME_NAN 1u
#define TSR_TILE_FMT_ME_OVF 2u
#define TSR_TILE_FMT_VE_NAN 4u
#define TSR_TILE_FMT_VE_OVF 8u

/* The first or last command that set a flag. */
typedef struct {
  uint8_t engine; /* TSR_ENGINE_ME or _VE */
  bool nan, overflow;
  uint16_t cmd; /* command id */
} tsr_tile_format_t;

TSR_MUST_USE tsr_status_t tsr_tile_identify(const tsr_tile_t *h, tsr_tile_identity_t *identity);

/* Where the core starts (multiple of 4), and whether it runs. Ctl only. */
TSR_MUST_USE tsr_status_t tsr_tile_set_boot_pc(const tsr_tile_t *h, uint32_t pc);
TSR_MUST_USE tsr_status_t tsr_tile_set_run(const tsr_tile_t *h, bool run);

/* Pending interrupts (TSR_TILE_IRQ_*), and clearing of CMD_DONE, ERROR and LAUNCH. */
TSR_MUST_USE tsr_status_t tsr_tile_irq_pending(const tsr_tile_t *h, uint32_t *pending);
TSR_MUST_USE tsr_status_t tsr_tile_irq_clear(const tsr_tile_t *h, uint32_t mask);

/* Interrupt while semaphore `id` holds at least `count` (1..65535); count 0 turns it off. */
TSR_MUST_USE tsr_status_t tsr_tile_sem_irq(const tsr_tile_t *h, uint32_t id, uint32_t count);

/* Interrupt while the queue of `engine` has room; TSR_ENGINES turns it off. */
TSR_MUST_USE tsr_status_t tsr_tile_space_irq(const tsr_tile_t *h, uint32_t engine);

TSR_MUST_USE tsr_status_t tsr_tile_sem_read(const tsr_tile_t *h, uint32_t id, uint32_t *value);

/* Add `n` (1..255) to the own semaphore `id`. */
TSR_MUST_USE tsr_status_t tsr_tile_sem_post(const tsr_tile_t *h, uint32_t id, uint32_t n);

/* Take `n` (1..65535) from the own semaphore `id`.
 * @return TSR_BUSY if it holds less; then nothing is taken. No engine may wait on it. */
TSR_MUST_USE tsr_status_t tsr_tile_sem_take(const tsr_tile_t *h, uint32_t id, uint32_t n);

/* Set semaphore `id` to zero. */
TSR_MUST_USE tsr_status_t tsr_tile_sem_clear(const tsr_tile_t *h, uint32_t id);

/* Add `n` (1..255) to semaphore `id` of another node. At most four posts may wait for the network:
 * more trap the core. */
TSR_MUST_USE tsr_status_t tsr_tile_post(const tsr_tile_t *h, tsr_node_id_t node, uint32_t id,
                                        uint32_t n);

/* Atomics of 32-bit words; minimum and maximum are signed. */
typedef enum {
  TSR_AMO_ADD = 0,
  TSR_AMO_AND = 1,
  TSR_AMO_OR = 2,
  TSR_AMO_SWAP = 3,
  TSR_AMO_CAS = 4, /* store the operand if memory holds `expected` */
  TSR_AMO_MIN = 5,
  TSR_AMO_MAX = 6
} tsr_amo_t;

/* Do an atomic on the word at a global address (multiple of 4), and wait for it: one round trip.
 * The node needs the right to read and to write there.
 * @param old what memory held before; may be NULL.
 * @return TSR_BUSY if one is under way; TSR_TIMEOUT without an answer, TSR_FAILED if it is refused.
 */
TSR_MUST_USE tsr_status_t tsr_tile_atomic(const tsr_tile_t *h, tsr_amo_t op, uint64_t address,
                                          uint32_t operand, uint32_t expected, uint32_t *old);

/* Initiators whose requests win in every router (TSR_TILE_QOS_*). Ctl only. */
#define TSR_TILE_QOS_RDMA 1u
#define TSR_TILE_QOS_WDMA 2u
#define TSR_TILE_QOS_CORE 4u
#define TSR_TILE_QOS_HOST 8u
#define TSR_TILE_QOS_POSTS 16u
TSR_MUST_USE tsr_status_t tsr_tile_qos(const tsr_tile_t *h, uint32_t initiators);

/* Point core window `window` at the 256 MiB of global addresses that contain `address`. */
TSR_MUST_USE tsr_status_t tsr_tile_core_window(const tsr_tile_t *h, uint32_t window,
                                               uint64_t address);

/* Set access window `window`, and the rights of other nodes. Ctl only. */
TSR_MUST_USE tsr_status_t tsr_tile_access_window(const tsr_tile_t *h, uint32_t window,
                                                 const tsr_tile_access_t *access);
TSR_MUST_USE tsr_status_t tsr_tile_remote(const tsr_tile_t *h, const tsr_tile_remote_t *remote);

/* Core timer interrupt from cycle count `at` on; all ones disarms. */
TSR_MUST_USE tsr_status_t tsr_tile_timer(const tsr_tile_t *h, uint64_t at);

/* Counters. @param selector TSR_TILE_COUNTER_*, the engines' with + 16 * engine. */
TSR_MUST_USE tsr_status_t tsr_tile_counters_clear(const tsr_tile_t *h);
TSR_MUST_USE tsr_status_t tsr_tile_counter(const tsr_tile_t *h, uint32_t selector, uint64_t *value);

/* First and last captured error; clearing rearms the capture. */
TSR_MUST_USE tsr_status_t tsr_tile_errors(const tsr_tile_t *h, tsr_tile_error_t *first,
                                          tsr_tile_error_t *last);
TSR_MUST_USE tsr_status_t tsr_tile_errors_clear(const tsr_tile_t *h);

/* Sources that raise the ERROR interrupt: bit e engine e, `access`: refused accesses too, `format`:
 * NaN or overflow in results too. */
TSR_MUST_USE tsr_status_t tsr_tile_errors_enable(const tsr_tile_t *h, uint32_t engines, bool access,
                                                 bool format);

/* Format flags of finished commands (TSR_TILE_FMT_*); first and last mean something if a flag is
 * set. Clearing rearms the capture. */
TSR_MUST_USE tsr_status_t tsr_tile_formats(const tsr_tile_t *h, uint32_t *flags,
                                           tsr_tile_format_t *first, tsr_tile_format_t *last);
TSR_MUST_USE tsr_status_t tsr_tile_formats_clear(const tsr_tile_t *h);

TSR_MUST_USE tsr_status_t tsr_tile_scratch_write(const tsr_tile_t *h, uint32_t word,
                                                 uint32_t value);
TSR_MUST_USE tsr_status_t tsr_tile_scratch_read(const tsr_tile_t *h, uint32_t word,
                                                uint32_t *value);

/* Lock debug access to this node until reset. Ctl only. */
TSR_MUST_USE tsr_status_t tsr_tile_lock_debug(const tsr_tile_t *h);

#endif
