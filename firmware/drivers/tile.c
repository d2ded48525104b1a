/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/tile.h"

#include <stddef.h>

#include "regs/tile_regs.h"

#define TSR_NET_TIMEOUT 4u /* err_e */
#define TSR_TILE_IRQ_CLEARABLE (TSR_TILE_IRQ_CMD_DONE | TSR_TILE_IRQ_ERROR | TSR_TILE_IRQ_LAUNCH)

tsr_status_t tsr_tile_identify(const tsr_tile_t *h, tsr_tile_identity_t *identity) {
  if (h == NULL || identity == NULL) {
    return TSR_INVALID;
  }
  const uint32_t id = tsr_mmio_read(h->base, TSR_TILE_ID_OFFSET);
  identity->node.x = (uint8_t)TSR_FIELD_GET(TSR_TILE_ID_X, id);
  identity->node.y = (uint8_t)TSR_FIELD_GET(TSR_TILE_ID_Y, id);
  identity->is_ctl = TSR_FIELD_GET(TSR_TILE_ID_KIND, id) == 1;
  identity->spm_bytes = TSR_FIELD_GET(TSR_TILE_ID_SPM_KIB, id) * 1024;
  return TSR_OK;
}

tsr_status_t tsr_tile_set_boot_pc(const tsr_tile_t *h, uint32_t pc) {
  if (h == NULL || (pc & 3) != 0) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_BOOT_PC_OFFSET, pc);
  return TSR_OK;
}

tsr_status_t tsr_tile_set_run(const tsr_tile_t *h, bool run) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_CORE_CTRL_OFFSET, TSR_FIELD(TSR_TILE_CORE_CTRL_RUN, run));
  return TSR_OK;
}

tsr_status_t tsr_tile_irq_pending(const tsr_tile_t *h, uint32_t *pending) {
  if (h == NULL || pending == NULL) {
    return TSR_INVALID;
  }
  *pending = tsr_mmio_read(h->base, TSR_TILE_IRQ_STATE_OFFSET);
  return TSR_OK;
}

tsr_status_t tsr_tile_irq_clear(const tsr_tile_t *h, uint32_t mask) {
  if (h == NULL || (mask & ~TSR_TILE_IRQ_CLEARABLE) != 0) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_IRQ_STATE_OFFSET, mask);
  return TSR_OK;
}

tsr_status_t tsr_tile_sem_irq(const tsr_tile_t *h, uint32_t id, uint32_t count) {
  if (h == NULL || id >= TSR_SEMAPHORES || count > 65535) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_SEM_IRQ_OFFSET,
                 TSR_FIELD(TSR_TILE_SEM_IRQ_ID, id) | TSR_FIELD(TSR_TILE_SEM_IRQ_EN, count != 0) |
                     TSR_FIELD(TSR_TILE_SEM_IRQ_COUNT, count));
  return TSR_OK;
}

tsr_status_t tsr_tile_space_irq(const tsr_tile_t *h, uint32_t engine) {
  if (h == NULL || engine > TSR_ENGINES) {
    return TSR_INVALID;
  }
  uint32_t word = 0;
  if (engine < TSR_ENGINES) {
    word = TSR_FIELD(TSR_TILE_SPACE_IRQ_ENGINE, engine) | TSR_TILE_SPACE_IRQ_EN_MASK;
  }
  tsr_mmio_write(h->base, TSR_TILE_SPACE_IRQ_OFFSET, word);
  return TSR_OK;
}

tsr_status_t tsr_tile_sem_read(const tsr_tile_t *h, uint32_t id, uint32_t *value) {
  if (h == NULL || id >= TSR_SEMAPHORES || value == NULL) {
    return TSR_INVALID;
  }
  *value = TSR_FIELD_GET(TSR_TILE_SEM_VALUE, tsr_mmio_read(h->base, TSR_TILE_SEM(id)));
  return TSR_OK;
}

tsr_status_t tsr_tile_sem_post(const tsr_tile_t *h, uint32_t id, uint32_t n) {
  if (h == NULL || id >= TSR_SEMAPHORES || n == 0 || n > 255) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_SEM(id), n);
  return TSR_OK;
}

tsr_status_t tsr_tile_sem_take(const tsr_tile_t *h, uint32_t id, uint32_t n) {
  if (h == NULL || id >= TSR_SEMAPHORES || n == 0 || n > 65535) {
    return TSR_INVALID;
  }
  if (TSR_FIELD_GET(TSR_TILE_SEM_VALUE, tsr_mmio_read(h->base, TSR_TILE_SEM(id))) < n) {
    return TSR_BUSY;
  }
  while (n > 0) {
    const uint32_t part = n < 255 ? n : 255;
    tsr_mmio_write(h->base, TSR_TILE_SEM(id), TSR_TILE_SEM_TAKE_MASK | part);
    n -= part;
  }
  return TSR_OK;
}

tsr_status_t tsr_tile_sem_clear(const tsr_tile_t *h, uint32_t id) {
  uint32_t value = 0;
  TSR_TRY(tsr_tile_sem_read(h, id, &value));
  return value == 0 ? TSR_OK : tsr_tile_sem_take(h, id, value);
}

tsr_status_t tsr_tile_post(const tsr_tile_t *h, tsr_node_id_t node, uint32_t id, uint32_t n) {
  if (h == NULL || id >= TSR_SEMAPHORES || n == 0 || n > 255 || node.x > 63 || node.y > 63) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_POST_OFFSET,
                 TSR_FIELD(TSR_TILE_POST_ID, id) | TSR_FIELD(TSR_TILE_POST_N, n) |
                     TSR_FIELD(TSR_TILE_POST_X, node.x) | TSR_FIELD(TSR_TILE_POST_Y, node.y));
  return TSR_OK;
}

tsr_status_t tsr_tile_atomic(const tsr_tile_t *h, tsr_amo_t op, uint64_t address, uint32_t operand,
                             uint32_t expected, uint32_t *old) {
  if (h == NULL || op > TSR_AMO_MAX || (address & 3) != 0) {
    return TSR_INVALID;
  }
  if ((tsr_mmio_read(h->base, TSR_TILE_ATOMIC_STATUS_OFFSET) & TSR_TILE_ATOMIC_STATUS_BUSY_MASK) !=
      0) {
    return TSR_BUSY;
  }
  tsr_mmio_write(h->base, TSR_TILE_ATOMIC_ADDR_LO_OFFSET, (uint32_t)address);
  tsr_mmio_write(h->base, TSR_TILE_ATOMIC_ADDR_HI_OFFSET, (uint32_t)(address >> 32));
  tsr_mmio_write(h->base, TSR_TILE_ATOMIC_OPERAND_OFFSET, operand);
  tsr_mmio_write(h->base, TSR_TILE_ATOMIC_EXPECT_OFFSET, expected);
  tsr_mmio_write(h->base, TSR_TILE_ATOMIC_GO_OFFSET, TSR_FIELD(TSR_TILE_ATOMIC_GO_OP, op));
  uint32_t status = 0;
  do { /* the hardware's own timeout ends it */
    status = tsr_mmio_read(h->base, TSR_TILE_ATOMIC_STATUS_OFFSET);
  } while ((status & TSR_TILE_ATOMIC_STATUS_BUSY_MASK) != 0);
  const uint32_t error = TSR_FIELD_GET(TSR_TILE_ATOMIC_STATUS_ERR, status);
  if (error != 0) {
    return error == TSR_NET_TIMEOUT ? TSR_TIMEOUT : TSR_FAILED;
  }
  if (old != NULL) {
    *old = tsr_mmio_read(h->base, TSR_TILE_ATOMIC_RESULT_OFFSET);
  }
  return TSR_OK;
}

tsr_status_t tsr_tile_qos(const tsr_tile_t *h, uint32_t initiators) {
  if (h == NULL || (initiators & ~TSR_TILE_QOS_CLS_MASK) != 0) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_QOS_OFFSET, initiators);
  return TSR_OK;
}

tsr_status_t tsr_tile_core_window(const tsr_tile_t *h, uint32_t window, uint64_t address) {
  if (h == NULL || window >= TSR_WINDOWS) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_CORE_WIN(window),
                 (uint32_t)(address >> 28) & TSR_TILE_CORE_WIN_BASE_MASK);
  return TSR_OK;
}

tsr_status_t tsr_tile_access_window(const tsr_tile_t *h, uint32_t window,
                                    const tsr_tile_access_t *access) {
  if (h == NULL || window >= TSR_ACCESS_WINDOWS || access == NULL || access->space > 15 ||
      access->first_page > access->last_page) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_ACCESS_CTRL(window), 0); /* closed while it changes */
  tsr_mmio_write(h->base, TSR_TILE_ACCESS_BASE(window), access->first_page);
  tsr_mmio_write(h->base, TSR_TILE_ACCESS_LIMIT(window), access->last_page);
  tsr_mmio_write(h->base, TSR_TILE_ACCESS_CTRL(window),
                 TSR_FIELD(TSR_TILE_ACCESS_CTRL_SPACE, access->space) |
                     TSR_FIELD(TSR_TILE_ACCESS_CTRL_READ, access->read) |
                     TSR_FIELD(TSR_TILE_ACCESS_CTRL_WRITE, access->write));
  return TSR_OK;
}

tsr_status_t tsr_tile_remote(const tsr_tile_t *h, const tsr_tile_remote_t *remote) {
  if (h == NULL || remote == NULL || remote->first_byte > remote->last_byte) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_REMOTE_BASE_OFFSET, remote->first_byte);
  tsr_mmio_write(h->base, TSR_TILE_REMOTE_LIMIT_OFFSET, remote->last_byte);
  tsr_mmio_write(h->base, TSR_TILE_REMOTE_CTRL_OFFSET,
                 TSR_FIELD(TSR_TILE_REMOTE_CTRL_READ, remote->read) |
                     TSR_FIELD(TSR_TILE_REMOTE_CTRL_WRITE, remote->write) |
                     TSR_FIELD(TSR_TILE_REMOTE_CTRL_POST, remote->post));
  return TSR_OK;
}

tsr_status_t tsr_tile_timer(const tsr_tile_t *h, uint64_t at) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  /* High word first to the maximum, so that no mix of old and new words fires. */
  tsr_mmio_write(h->base, TSR_TILE_MTIMECMP_HI_OFFSET, 0xffffffffu);
  tsr_mmio_write(h->base, TSR_TILE_MTIMECMP_LO_OFFSET, (uint32_t)at);
  tsr_mmio_write(h->base, TSR_TILE_MTIMECMP_HI_OFFSET, (uint32_t)(at >> 32));
  return TSR_OK;
}

tsr_status_t tsr_tile_counters_clear(const tsr_tile_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_COUNT_CTRL_OFFSET, TSR_TILE_COUNT_CTRL_CLEAR_MASK);
  return TSR_OK;
}

tsr_status_t tsr_tile_counter(const tsr_tile_t *h, uint32_t selector, uint64_t *value) {
  if (h == NULL || selector >= TSR_TILE_COUNTERS || value == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_COUNT_SEL_OFFSET, selector);
  const uint32_t lo = tsr_mmio_read(h->base, TSR_TILE_COUNT_LO_OFFSET);
  const uint32_t hi = tsr_mmio_read(h->base, TSR_TILE_COUNT_HI_OFFSET);
  *value = ((uint64_t)hi << 32) | lo;
  return TSR_OK;
}

/* ERR_FIRST and ERR_LAST have the same layout. */
static void read_error(const tsr_tile_t *h, uint32_t offset, bool valid, tsr_tile_error_t *error) {
  const uint32_t word = tsr_mmio_read(h->base, offset);
  const uint32_t lo = tsr_mmio_read(h->base, offset + 4);
  const uint32_t hi = tsr_mmio_read(h->base, offset + 8);
  error->valid = valid;
  error->source = (uint8_t)TSR_FIELD_GET(TSR_TILE_ERR_FIRST_SOURCE, word);
  error->code = (uint8_t)TSR_FIELD_GET(TSR_TILE_ERR_FIRST_CODE, word);
  error->info = (uint8_t)TSR_FIELD_GET(TSR_TILE_ERR_FIRST_INFO, word);
  error->cmd = (uint16_t)TSR_FIELD_GET(TSR_TILE_ERR_FIRST_CMD, word);
  error->address = ((uint64_t)hi << 32) | lo;
}

tsr_status_t tsr_tile_errors(const tsr_tile_t *h, tsr_tile_error_t *first, tsr_tile_error_t *last) {
  if (h == NULL || first == NULL || last == NULL) {
    return TSR_INVALID;
  }
  const uint32_t status = tsr_mmio_read(h->base, TSR_TILE_ERR_STATUS_OFFSET);
  const bool valid = (status & TSR_TILE_ERR_STATUS_VALID_MASK) != 0;
  read_error(h, TSR_TILE_ERR_FIRST_OFFSET, valid, first);
  read_error(h, TSR_TILE_ERR_LAST_OFFSET, valid, last);
  return TSR_OK;
}

tsr_status_t tsr_tile_errors_clear(const tsr_tile_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_ERR_STATUS_OFFSET,
                 TSR_TILE_ERR_STATUS_VALID_MASK | TSR_TILE_ERR_STATUS_OVERRUN_MASK);
  return TSR_OK;
}

tsr_status_t tsr_tile_errors_enable(const tsr_tile_t *h, uint32_t engines, bool access,
                                    bool format) {
  if (h == NULL || engines >= 1u << TSR_ENGINES) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_ERR_ENABLE_OFFSET,
                 TSR_FIELD(TSR_TILE_ERR_ENABLE_ENGINE, engines) |
                     TSR_FIELD(TSR_TILE_ERR_ENABLE_ACCESS, access) |
                     TSR_FIELD(TSR_TILE_ERR_ENABLE_FORMAT, format));
  return TSR_OK;
}

/* FMT_FIRST and FMT_LAST have the same layout. */
static tsr_tile_format_t read_format(const tsr_tile_t *h, uint32_t offset) {
  const uint32_t word = tsr_mmio_read(h->base, offset);
  return (tsr_tile_format_t){.engine = (uint8_t)TSR_FIELD_GET(TSR_TILE_FMT_FIRST_SOURCE, word),
                             .nan = TSR_FIELD_GET(TSR_TILE_FMT_FIRST_NAN, word) != 0,
                             .overflow = TSR_FIELD_GET(TSR_TILE_FMT_FIRST_OVF, word) != 0,
                             .cmd = (uint16_t)TSR_FIELD_GET(TSR_TILE_FMT_FIRST_CMD, word)};
}

tsr_status_t tsr_tile_formats(const tsr_tile_t *h, uint32_t *flags, tsr_tile_format_t *first,
                              tsr_tile_format_t *last) {
  if (h == NULL || flags == NULL || first == NULL || last == NULL) {
    return TSR_INVALID;
  }
  *flags = tsr_mmio_read(h->base, TSR_TILE_FMT_STATUS_OFFSET);
  *first = read_format(h, TSR_TILE_FMT_FIRST_OFFSET);
  *last = read_format(h, TSR_TILE_FMT_LAST_OFFSET);
  return TSR_OK;
}

tsr_status_t tsr_tile_formats_clear(const tsr_tile_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(
      h->base, TSR_TILE_FMT_STATUS_OFFSET,
      TSR_TILE_FMT_ME_NAN | TSR_TILE_FMT_ME_OVF | TSR_TILE_FMT_VE_NAN | TSR_TILE_FMT_VE_OVF);
  return TSR_OK;
}

tsr_status_t tsr_tile_scratch_write(const tsr_tile_t *h, uint32_t word, uint32_t value) {
  if (h == NULL || word >= TSR_TILE_SCRATCH_WORDS) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_SCRATCH(word), value);
  return TSR_OK;
}

tsr_status_t tsr_tile_scratch_read(const tsr_tile_t *h, uint32_t word, uint32_t *value) {
  if (h == NULL || word >= TSR_TILE_SCRATCH_WORDS || value == NULL) {
    return TSR_INVALID;
  }
  *value = tsr_mmio_read(h->base, TSR_TILE_SCRATCH(word));
  return TSR_OK;
}

tsr_status_t tsr_tile_lock_debug(const tsr_tile_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TILE_DBG_LOCK_OFFSET, TSR_TILE_DBG_LOCK_LOCK_MASK);
  return TSR_OK;
}
