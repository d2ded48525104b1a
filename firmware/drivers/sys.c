/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/sys.h"

#include <stddef.h>

#include "regs/sys_regs.h"

tsr_status_t tsr_sys_read(const tsr_sys_t *h, tsr_sys_info_t *info) {
  if (h == NULL || info == NULL) {
    return TSR_INVALID;
  }
  if (tsr_mmio_read(h->base, TSR_SYS_ID_OFFSET) != TSR_SYS_ID_RESET) {
    return TSR_FAILED;
  }
  const uint32_t mesh = tsr_mmio_read(h->base, TSR_SYS_MESH_OFFSET);
  info->mesh_w = TSR_FIELD_GET(TSR_SYS_MESH_W, mesh);
  info->mesh_h = TSR_FIELD_GET(TSR_SYS_MESH_H, mesh);
  const uint32_t ctl = tsr_mmio_read(h->base, TSR_SYS_CTL_OFFSET);
  info->ctl.x = (uint8_t)TSR_FIELD_GET(TSR_SYS_CTL_X, ctl);
  info->ctl.y = (uint8_t)TSR_FIELD_GET(TSR_SYS_CTL_Y, ctl);
  const uint32_t mem = tsr_mmio_read(h->base, TSR_SYS_MEM_OFFSET);
  info->mem_count = TSR_FIELD_GET(TSR_SYS_MEM_COUNT, mem);
  info->mem_mib = TSR_FIELD_GET(TSR_SYS_MEM_MIB, mem);
  if (info->mem_count > TSR_SYS_MAX_MEM) {
    return TSR_FAILED;
  }
  for (uint32_t i = 0; i < info->mem_count; i++) {
    const uint32_t node = tsr_mmio_read(h->base, TSR_SYS_MEM_NODE(i));
    if ((node & TSR_SYS_MEM_NODE_VALID_MASK) == 0) {
      return TSR_FAILED;
    }
    info->mem[i].x = (uint8_t)TSR_FIELD_GET(TSR_SYS_MEM_NODE_X, node);
    info->mem[i].y = (uint8_t)TSR_FIELD_GET(TSR_SYS_MEM_NODE_Y, node);
  }
  const uint32_t lo = tsr_mmio_read(h->base, TSR_SYS_TILE_MAP(0));
  const uint32_t hi = tsr_mmio_read(h->base, TSR_SYS_TILE_MAP(1));
  info->tiles = ((uint64_t)hi << 32) | lo;
  return TSR_OK;
}
