/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of the test kernels (args of tsr_command_t). Plain C11, also read by C++. */
#ifndef TSR_APPS_ABI_H
#define TSR_APPS_ABI_H

#include <stdint.h>

/* hello: every tile writes TSR_HELLO_WORD + index to address + 4 * index. */
#define TSR_HELLO_WORD 0x48454c00u
typedef struct {
  uint64_t address;
  uint32_t return_index; /* 1: the kernel returns its index instead of 0 */
  uint32_t reserved;
} tsr_hello_args_t;

/* memcpy: tiles copy equal shares of `bytes` bytes through their scratchpads. */
typedef struct {
  uint64_t src, dst;
  uint32_t bytes;
  uint32_t reserved;
} tsr_memcpy_args_t;

/* fault_trap: what traps. */
enum {
  TSR_TRAP_ILLEGAL = 0,    /* instruction of all zeros */
  TSR_TRAP_LOAD = 1,       /* load from a hole of the node's address map */
  TSR_TRAP_STORE = 2,      /* store to a read-only place: the window of an unmapped HBM address */
  TSR_TRAP_MISALIGNED = 3, /* load of a word from an odd address */
  TSR_TRAP_FETCH = 4       /* jump into the data memory */
};
typedef struct {
  uint32_t kind; /* TSR_TRAP_* */
} tsr_fault_trap_args_t;

/* selftest: returns the number of the step that failed. */
typedef struct {
  uint64_t address; /* 4 KiB of HBM for each tile of the rectangle */
} tsr_selftest_args_t;
#define TSR_SELFTEST_BYTES 4096u

/* me_loop: the matrix engine multiplies rows x k by cols x k in the scratchpad, `repeat` times,
 * without memory traffic. Results are not checked. Writes the cycles it took and the multiply-adds
 * counted by the engine to address + 16 * index (two 64-bit words), if address is not 0. */
typedef struct {
  uint64_t address;
  uint32_t rows, cols, k; /* elements; operands must fit the scratchpad */
  uint32_t format;        /* TSR_GEMM_BF16 / INT8 */
  uint32_t repeat;
  uint32_t reserved;
} tsr_me_loop_args_t;

#endif
