/* SPDX-License-Identifier: Apache-2.0 */
/** The C compiler's _Float16 as a reference, behind bit patterns. */
#ifndef TSR_COMPILER_HALF_H
#define TSR_COMPILER_HALF_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Value of a binary16 pattern. */
float compiler_half_to_float(uint16_t bits);

/** Binary16 pattern of x, nearest-even. */
uint16_t compiler_float_to_half(float x);

#ifdef __cplusplus
}
#endif

#endif
