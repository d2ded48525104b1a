/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/uart.h"

#include <stddef.h>

#include "hal/csr.h"
#include "regs/uart_regs.h"

#define TSR_UART_WAIT_CYCLES (1u << 20)

/* Wait until the masked bits of STATUS have a value. */
static tsr_status_t wait_status(const tsr_uart_t *h, uint32_t mask, uint32_t value) {
  const uint64_t start = tsr_cycles();
  while ((tsr_mmio_read(h->base, TSR_UART_STATUS_OFFSET) & mask) != value) {
    if (tsr_cycles() - start > TSR_UART_WAIT_CYCLES) {
      return TSR_TIMEOUT;
    }
  }
  return TSR_OK;
}

tsr_status_t tsr_uart_init(const tsr_uart_t *h, uint32_t divisor) {
  if (h == NULL || divisor < 4 || divisor > 65535) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_UART_DIVISOR_OFFSET, divisor);
  tsr_mmio_write(h->base, TSR_UART_CTRL_OFFSET,
                 TSR_UART_CTRL_TX_EN_MASK | TSR_UART_CTRL_RX_EN_MASK);
  tsr_mmio_write(h->base, TSR_UART_IRQ_ENABLE_OFFSET, 0);
  return TSR_OK;
}

tsr_status_t tsr_uart_put(const tsr_uart_t *h, uint8_t byte) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  TSR_TRY(wait_status(h, TSR_UART_STATUS_TX_FULL_MASK, 0));
  tsr_mmio_write(h->base, TSR_UART_DATA_OFFSET, byte);
  return TSR_OK;
}

tsr_status_t tsr_uart_print(const tsr_uart_t *h, const char *text) {
  if (h == NULL || text == NULL) {
    return TSR_INVALID;
  }
  for (; *text != '\0'; text++) {
    if (*text == '\n') {
      TSR_TRY(tsr_uart_put(h, '\r'));
    }
    TSR_TRY(tsr_uart_put(h, (uint8_t)*text));
  }
  return TSR_OK;
}

tsr_status_t tsr_uart_print_hex(const tsr_uart_t *h, uint32_t value) {
  for (uint32_t shift = 32; shift > 0; shift -= 4) {
    const uint32_t digit = (value >> (shift - 4)) & 15;
    TSR_TRY(tsr_uart_put(h, (uint8_t)(digit < 10 ? '0' + digit : 'a' + digit - 10)));
  }
  return TSR_OK;
}

tsr_status_t tsr_uart_get(const tsr_uart_t *h, uint8_t *byte) {
  if (h == NULL || byte == NULL) {
    return TSR_INVALID;
  }
  const uint32_t word = tsr_mmio_read(h->base, TSR_UART_DATA_OFFSET);
  if ((word & TSR_UART_DATA_VALID_MASK) == 0) {
    return TSR_BUSY;
  }
  *byte = (uint8_t)(word & TSR_UART_DATA_VALUE_MASK);
  return TSR_OK;
}

tsr_status_t tsr_uart_flush(const tsr_uart_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  return wait_status(h, TSR_UART_STATUS_TX_IDLE_MASK, TSR_UART_STATUS_TX_IDLE_MASK);
}
