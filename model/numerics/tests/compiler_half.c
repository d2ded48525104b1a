/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler_half.h"

#include <string.h>

float compiler_half_to_float(uint16_t bits) {
  _Float16 half;
  memcpy(&half, &bits, sizeof half);
  return (float)half;
}

uint16_t compiler_float_to_half(float x) {
  const _Float16 half = (_Float16)x;
  uint16_t bits;
  memcpy(&bits, &half, sizeof bits);
  return bits;
}
