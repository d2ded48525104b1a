/* SPDX-License-Identifier: Apache-2.0 */
/* Mailbox between the host and the ctl firmware; codes are in tessera_abi.h. */
#ifndef TSR_DRIVERS_MAILBOX_H
#define TSR_DRIVERS_MAILBOX_H

#include "hal/mmio.h"
#include "hal/status.h"

#define TSR_MAILBOX_ARGS 4u
#define TSR_MAILBOX_DETAILS 4u

typedef struct {
  tsr_mmio_t base;
} tsr_mailbox_t;

/* A command of the host. */
typedef struct {
  uint32_t code;
  uint32_t args[TSR_MAILBOX_ARGS];
} tsr_mailbox_command_t;

/* Take the pending command; the host may write the next one afterwards.
 * @param command result. @return TSR_BUSY if none is pending. */
TSR_MUST_USE tsr_status_t tsr_mailbox_take(const tsr_mailbox_t *h, tsr_mailbox_command_t *command);

/* Show a status with its details, and interrupt the host.
 * @param details TSR_MAILBOX_DETAILS words, or NULL to leave them. */
TSR_MUST_USE tsr_status_t tsr_mailbox_set_status(const tsr_mailbox_t *h, uint32_t status,
                                                 const uint32_t *details);

/* Interrupt the host: a completion record was written. */
TSR_MUST_USE tsr_status_t tsr_mailbox_raise_done(const tsr_mailbox_t *h);

#endif
