/* SPDX-License-Identifier: Apache-2.0 */
/* memset and memcpy a word at a time: the compiler clears and copies structures with them, and the
 * C library's versions for small code work on bytes. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_MASK (sizeof(uint32_t) - 1)

/* Word access to any object. */
typedef uint32_t __attribute__((may_alias)) word_t;

void *memset(void *dest, int value, size_t bytes) {
  uint8_t *d = dest;
  while (bytes > 0 && ((uintptr_t)d & WORD_MASK) != 0) {
    *d++ = (uint8_t)value;
    bytes--;
  }
  const uint32_t word = (uint8_t)value * 0x01010101u;
  word_t *w = (word_t *)(void *)d;
  for (; bytes >= 16; bytes -= 16) {
    w[0] = word;
    w[1] = word;
    w[2] = word;
    w[3] = word;
    w += 4;
  }
  for (; bytes >= 4; bytes -= 4) {
    *w++ = word;
  }
  d = (uint8_t *)w;
  while (bytes-- > 0) {
    *d++ = (uint8_t)value;
  }
  return dest;
}

void *memcpy(void *restrict dest, const void *restrict source, size_t bytes) {
  uint8_t *d = dest;
  const uint8_t *s = source;
  if ((((uintptr_t)d ^ (uintptr_t)s) & WORD_MASK) == 0) {
    while (bytes > 0 && ((uintptr_t)d & WORD_MASK) != 0) {
      *d++ = *s++;
      bytes--;
    }
    word_t *dw = (word_t *)(void *)d;
    const word_t *sw = (const word_t *)(const void *)s;
    for (; bytes >= 16; bytes -= 16) {
      const uint32_t a = sw[0], b = sw[1], c = sw[2], e = sw[3];
      dw[0] = a;
      dw[1] = b;
      dw[2] = c;
      dw[3] = e;
      dw += 4;
      sw += 4;
    }
    for (; bytes >= 4; bytes -= 4) {
      *dw++ = *sw++;
    }
    d = (uint8_t *)dw;
    s = (const uint8_t *)sw;
  }
  while (bytes-- > 0) {
    *d++ = *s++;
  }
  return dest;
}
