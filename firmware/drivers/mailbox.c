/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mailbox.h"

#include <stddef.h>

#include "regs/mailbox_regs.h"

tsr_status_t tsr_mailbox_take(const tsr_mailbox_t *h, tsr_mailbox_command_t *command) {
  if (h == NULL || command == NULL) {
    return TSR_INVALID;
  }
  const uint32_t doorbell = tsr_mmio_read(h->base, TSR_MAILBOX_DOORBELL_OFFSET);
  if ((doorbell & TSR_MAILBOX_DOORBELL_PENDING_MASK) == 0) {
    return TSR_BUSY;
  }
  command->code = tsr_mmio_read(h->base, TSR_MAILBOX_CMD_OFFSET);
  for (uint32_t i = 0; i < TSR_MAILBOX_ARGS; i++) {
    command->args[i] = tsr_mmio_read(h->base, TSR_MAILBOX_ARG(i));
  }
  tsr_mmio_write(h->base, TSR_MAILBOX_DOORBELL_OFFSET, TSR_MAILBOX_DOORBELL_PENDING_MASK);
  return TSR_OK;
}

tsr_status_t tsr_mailbox_set_status(const tsr_mailbox_t *h, uint32_t status,
                                    const uint32_t *details) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  for (uint32_t i = 0; details != NULL && i < TSR_MAILBOX_DETAILS; i++) {
    tsr_mmio_write(h->base, TSR_MAILBOX_DETAIL(i), details[i]);
  }
  tsr_mmio_write(h->base, TSR_MAILBOX_STATUS_OFFSET, status);
  tsr_mmio_write(h->base, TSR_MAILBOX_HOST_RAISE_OFFSET, TSR_MAILBOX_HOST_RAISE_STATUS_MASK);
  return TSR_OK;
}

tsr_status_t tsr_mailbox_raise_done(const tsr_mailbox_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_MAILBOX_HOST_RAISE_OFFSET, TSR_MAILBOX_HOST_RAISE_DONE_MASK);
  return TSR_OK;
}
