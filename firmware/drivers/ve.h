/* SPDX-License-Identifier: Apache-2.0 */
/* Vector engine: contexts from a compiled program and five streams, and the command that uses them.
 */
#ifndef TSR_DRIVERS_VE_H
#define TSR_DRIVERS_VE_H

#include <stdbool.h>

#include "drivers/agu.h"
#include "drivers/cmdq.h"

#define TSR_VE_PORTS 5u          /* I0, I1, I2, O0, O1 */
#define TSR_VE_PROGRAM_WORDS 32u /* ve_stages_t, then ve_io_t of tsr_ve_pkg.sv */
#define TSR_VE_SCALARS 5u        /* constants that a command can bring */
#define TSR_VE_LANES 16u         /* elements of a group */

enum { TSR_VE_I0, TSR_VE_I1, TSR_VE_I2, TSR_VE_O0, TSR_VE_O1 };

/* Context store of the own node. */
typedef struct {
  tsr_mmio_t contexts;
} tsr_ve_t;

typedef struct {
  uint32_t program[TSR_VE_PROGRAM_WORDS];
  uint32_t stream[TSR_VE_PORTS][TSR_CTX_ROW_WORDS]; /* by TSR_VE_*; word 0 comes from the command */
} tsr_ve_context_t;

/* Whether a program uses a port, and moves its data through a stream: neither off nor chained. O1
 * also if O0 quantizes with block scales. */
bool tsr_ve_has_stream(const uint32_t program[TSR_VE_PROGRAM_WORDS], uint32_t port);

/* Let bit k of `mask` make constant k of a program (0..4) come from the command. */
void tsr_ve_set_patch(uint32_t program[TSR_VE_PROGRAM_WORDS], uint32_t mask);

/* Write context `ctx` (0..7): both program rows and the streams that the program has. No command
 * that uses it may be queued or running. */
TSR_MUST_USE tsr_status_t tsr_ve_set_context(const tsr_ve_t *h, uint32_t ctx,
                                             const tsr_ve_context_t *context);

/* Command with the scratchpad offsets of the five streams (multiples of 8). */
void tsr_ve_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, const uint32_t base[TSR_VE_PORTS]);

/* Constants 0..4 of the command, for those that the program's patch mask names. */
void tsr_ve_scalars(tsr_cmd_t *cmd, const uint32_t value[TSR_VE_SCALARS]);

#endif
