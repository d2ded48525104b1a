/* SPDX-License-Identifier: Apache-2.0 */
/* Start-up and trap entry of every firmware image. a0 and a1 are passed on to main(). */

  .section .text.start, "ax", @progbits
  .globl _start
_start:
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la sp, __stack_top
  la t0, tsr_trap_vectors
  ori t0, t0, 1                 /* vectored */
  csrw mtvec, t0
  csrw mie, zero
  la t0, __bss_start
  la t1, __bss_end
  j 2f
1:
  sw zero, 0(t0)
  addi t0, t0, 4
2:
  bltu t0, t1, 1b
  call main
3:
  wfi
  j 3b

/* Every trap is final: nothing is saved, and the stack starts anew for
 * tsr_trap(cause, pc, value), which does not return. */
  .section .text.trap, "ax", @progbits
  .globl tsr_trap_vectors
  .balign 256
tsr_trap_vectors:
  .option push
  .option norvc
  .rept 32
  j trap_entry
  .endr
  .option pop
trap_entry:
  la sp, __stack_top
  csrr a0, mcause
  csrr a1, mepc
  csrr a2, mtval
  j tsr_trap
