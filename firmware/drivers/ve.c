/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/ve.h"

#include <stddef.h>

/* Words of the program: the second row is ve_io_t. */
#define PORT_WORD(port) (16u + 8u + (port))
#define PATCH_WORD (16u + 15u)
#define PATCH_MASK 0xffu

#define PORT_EN (1u << 4)
#define IN_CHAIN (1u << 14)
#define OUT_CHAIN (1u << 20)
#define OUT_MX (1u << 19)

#define FIRST_STREAM_ROW 2u /* of a context */

bool tsr_ve_has_stream(const uint32_t program[TSR_VE_PROGRAM_WORDS], uint32_t port) {
  const uint32_t word = program[PORT_WORD(port)];
  const uint32_t o0 = program[PORT_WORD(TSR_VE_O0)];
  if (port == TSR_VE_O1 && (o0 & (PORT_EN | OUT_MX)) == (PORT_EN | OUT_MX)) {
    return true;
  }
  const uint32_t chain = port == TSR_VE_I0 ? IN_CHAIN : port == TSR_VE_O0 ? OUT_CHAIN : 0;
  return (word & PORT_EN) != 0 && (word & chain) == 0;
}

void tsr_ve_set_patch(uint32_t program[TSR_VE_PROGRAM_WORDS], uint32_t mask) {
  program[PATCH_WORD] = (program[PATCH_WORD] & ~PATCH_MASK) | (mask & PATCH_MASK);
}

static void write_row(tsr_mmio_t to, const uint32_t *row) {
#pragma GCC unroll 16
  for (uint32_t i = 0; i < TSR_CTX_ROW_WORDS; i++) {
    tsr_mmio_write(to, 4 * i, row[i]);
  }
}

tsr_status_t tsr_ve_set_context(const tsr_ve_t *h, uint32_t ctx, const tsr_ve_context_t *context) {
  if (h == NULL || ctx >= TSR_CONTEXTS || context == NULL) {
    return TSR_INVALID;
  }
  const uint32_t base = h->contexts.base + ctx * TSR_CTX_BYTES;
  write_row((tsr_mmio_t){base}, context->program);
  write_row((tsr_mmio_t){base + TSR_CTX_ROW_BYTES}, context->program + TSR_CTX_ROW_WORDS);
  for (uint32_t port = 0; port < TSR_VE_PORTS; port++) {
    if (tsr_ve_has_stream(context->program, port)) {
      write_row((tsr_mmio_t){base + (FIRST_STREAM_ROW + port) * TSR_CTX_ROW_BYTES},
                context->stream[port]);
    }
  }
  return TSR_OK;
}

void tsr_ve_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, const uint32_t base[TSR_VE_PORTS]) {
  tsr_cmd_init(cmd, TSR_OP_VEC, ctx, id);
  for (uint32_t port = 0; port < TSR_VE_PORTS; port++) {
    cmd->w[TSR_CMD_W_ARG0 + port] = base[port];
  }
}

void tsr_ve_scalars(tsr_cmd_t *cmd, const uint32_t value[TSR_VE_SCALARS]) {
  for (uint32_t k = 0; k < TSR_VE_SCALARS; k++) {
    cmd->w[TSR_CMD_W_ARG5 + k] = value[k];
  }
}
