/* SPDX-License-Identifier: Apache-2.0 */
/* The core: time, interrupt enables, sleep. A build with TSR_MMIO_MOCK takes these from the test.
 */
#ifndef TSR_HAL_CSR_H
#define TSR_HAL_CSR_H

#include <stdint.h>

/* Interrupts as bits of mie and mip. */
#define TSR_IRQ_TIMER (1u << 7)
#define TSR_IRQ_CMD_DONE (1u << 16)
#define TSR_IRQ_ERROR (1u << 17)
#define TSR_IRQ_LAUNCH (1u << 18)
#define TSR_IRQ_SEM (1u << 19)
#define TSR_IRQ_SPACE (1u << 20)
#define TSR_IRQ_CTL_UART (1u << 24)
#define TSR_IRQ_CTL_TIMER (1u << 25)
#define TSR_IRQ_CTL_MAILBOX (1u << 26)
#define TSR_IRQ_CTL_WDOG (1u << 27)

#ifdef TSR_MMIO_MOCK

uint64_t tsr_cycles(void);
void tsr_irq_enable(uint32_t mask);
void tsr_irq_sleep(uint32_t mask);

#else

/* Cycle count of the chip: the same in every node, never stops. */
static inline uint64_t tsr_cycles(void) {
  uint32_t lo, hi, again;
  do {
    __asm__ volatile("rdtimeh %0" : "=r"(hi));
    __asm__ volatile("rdtime %0" : "=r"(lo));
    __asm__ volatile("rdtimeh %0" : "=r"(again));
  } while (hi != again);
  return ((uint64_t)hi << 32) | lo;
}

/* Let the interrupts of `mask` trap (once global interrupts are on) and wake from every sleep. */
static inline void tsr_irq_enable(uint32_t mask) {
  __asm__ volatile("csrs mie, %0" : : "r"(mask) : "memory");
}

/* Sleep until an interrupt of `mask` or an enabled one is pending. Those of `mask` only wake;
 * enabled ones trap on return if global interrupts are on. Returns at once if one is pending
 * already. */
static inline void tsr_irq_sleep(uint32_t mask) {
  uint32_t mstatus, mie;
  __asm__ volatile("csrrci %0, mstatus, 8" : "=r"(mstatus) : : "memory");
  __asm__ volatile("csrrs %0, mie, %1" : "=r"(mie) : "r"(mask) : "memory");
  __asm__ volatile("wfi" : : : "memory");
  __asm__ volatile("csrw mie, %0" : : "r"(mie) : "memory");
  __asm__ volatile("csrw mstatus, %0" : : "r"(mstatus) : "memory");
}

/* The compiler keeps no memory contents across this. */
static inline void tsr_barrier(void) { __asm__ volatile("" : : : "memory"); }

/* Turn global interrupts on. */
static inline void tsr_irq_global_enable(void) {
  __asm__ volatile("csrsi mstatus, 8" : : : "memory");
}

/* Never return: sleep with every interrupt disabled until the core is reset. */
static inline void __attribute__((noreturn)) tsr_halt(void) {
  __asm__ volatile("csrw mie, zero" : : : "memory");
  for (;;) {
    __asm__ volatile("wfi" : : : "memory");
  }
}

#endif

#endif
