/* SPDX-License-Identifier: Apache-2.0 */
/* What chip this is. */
#ifndef TSR_DRIVERS_SYS_H
#define TSR_DRIVERS_SYS_H

#include "hal/mmio.h"
#include "hal/soc.h"
#include "hal/status.h"

#define TSR_SYS_MAX_MEM 8u

typedef struct {
  tsr_mmio_t base;
} tsr_sys_t;

typedef struct {
  uint32_t mesh_w, mesh_h;
  tsr_node_id_t ctl;
  uint32_t mem_count; /* memory nodes */
  uint32_t mem_mib;   /* capacity of one */
  tsr_node_id_t mem[TSR_SYS_MAX_MEM];
  uint64_t tiles; /* usable tiles: bit y * 8 + x */
} tsr_sys_info_t;

/* Read the configuration.
 * @param info result. @return TSR_FAILED if this is not a Tessera chip or the map makes no sense.
 */
TSR_MUST_USE tsr_status_t tsr_sys_read(const tsr_sys_t *h, tsr_sys_info_t *info);

#endif
