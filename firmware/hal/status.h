/* SPDX-License-Identifier: Apache-2.0 */
/* Result of every firmware function that can fail. */
#ifndef TSR_HAL_STATUS_H
#define TSR_HAL_STATUS_H

typedef enum {
  TSR_OK = 0,
  TSR_INVALID = 1, /* an argument is not allowed; nothing was done */
  TSR_TIMEOUT = 2, /* the hardware did not answer in time */
  TSR_BUSY = 3,    /* no room or not available now; nothing was done */
  TSR_FAILED = 4   /* the hardware reports an error */
} tsr_status_t;

#define TSR_MUST_USE __attribute__((warn_unused_result))

/* Leave the calling function with the status of `expr` unless it is TSR_OK. */
#define TSR_TRY(expr)                     \
  do {                                    \
    const tsr_status_t try_status = expr; \
    if (try_status != TSR_OK) {           \
      return try_status;                  \
    }                                     \
  } while (0)

#endif
