/* SPDX-License-Identifier: Apache-2.0 */
/* Markers: name a stretch of a program for timelines (docs/timeline.md).
 *
 *     TSR_MARK_BEGIN(3, "load weights");
 *     ...
 *     TSR_MARK_END(3);
 *
 * A marker is one instruction without any effect (the hints slti and sltiu with x0), one cycle; the
 * simulator sees it when it retires. Numbers are constants 0..2047; the same number has the same
 * name everywhere in a program: a text without percent signs. Markers nest: the end of one ends
 * those that began inside of it. The names are in a section of the ELF file that is not loaded. */
#ifndef TESSERA_MARK_H
#define TESSERA_MARK_H

#if defined(__riscv)

#define TSR_MARK_BEGIN(id, name)                         \
  __asm__ volatile(                                      \
      ".pushsection .tessera.marks, \"\", @progbits\n\t" \
      ".4byte %0\n\t"                                    \
      ".asciz " #name                                    \
      "\n\t"                                             \
      ".popsection\n\t"                                  \
      "slti x0, x0, %0" ::"i"(id)                        \
      : "memory")
#define TSR_MARK_END(id) __asm__ volatile("sltiu x0, x0, %0" ::"i"(id) : "memory")

#else /* host builds of the firmware's tests */

#define TSR_MARK_BEGIN(id, name) ((void)(id))
#define TSR_MARK_END(id) ((void)(id))

#endif

#endif
