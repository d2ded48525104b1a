/* SPDX-License-Identifier: Apache-2.0 */
/* UART of the ctl node. */
#ifndef TSR_DRIVERS_UART_H
#define TSR_DRIVERS_UART_H

#include "hal/mmio.h"
#include "hal/status.h"

typedef struct {
  tsr_mmio_t base;
} tsr_uart_t;

/* Set the bit time and enable both directions.
 * @param divisor clock cycles of a bit, 4..65535.
 * @return TSR_INVALID for another divisor. */
TSR_MUST_USE tsr_status_t tsr_uart_init(const tsr_uart_t *h, uint32_t divisor);

/* Send a byte, waiting for room.
 * @return TSR_TIMEOUT if the transmitter makes no room for 2^20 cycles. */
TSR_MUST_USE tsr_status_t tsr_uart_put(const tsr_uart_t *h, uint8_t byte);

/* Send a zero-terminated text; "\n" becomes "\r\n". */
TSR_MUST_USE tsr_status_t tsr_uart_print(const tsr_uart_t *h, const char *text);

/* Send a value as eight hexadecimal digits. */
TSR_MUST_USE tsr_status_t tsr_uart_print_hex(const tsr_uart_t *h, uint32_t value);

/* Take a received byte.
 * @param byte result. @return TSR_BUSY if none waits. */
TSR_MUST_USE tsr_status_t tsr_uart_get(const tsr_uart_t *h, uint8_t *byte);

/* Wait until everything is on the line. @return TSR_TIMEOUT after 2^20 cycles. */
TSR_MUST_USE tsr_status_t tsr_uart_flush(const tsr_uart_t *h);

#endif
