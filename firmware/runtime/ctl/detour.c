/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ctl/detour.h"

#include <stddef.h>

#include "regs/tile_regs.h"

#define ROUTER_PAGE 0xfffff000u
#define NET_STRIDE 0x80u
#define CONTROL 0x40u

void tsr_detour_ni(const tsr_links_t *links, uint32_t node, uint32_t words[TSR_DETOUR_NI_WORDS]) {
  const uint64_t vc1 = links->reach & ~tsr_links_direct(links, node);
  const uint64_t none = links->mesh & ~links->reach;
  words[0] = (uint32_t)vc1;
  words[1] = (uint32_t)(vc1 >> 32);
  words[2] = (uint32_t)none;
  words[3] = (uint32_t)(none >> 32);
}

/* Table and control word of both networks leave in this order as one write of the page. */
static tsr_status_t load_router(tsr_node_t *node, uint32_t router, const tsr_route_table_t *table) {
  for (uint32_t net = 0; net < 2; net++) {
    const uint32_t at = TSR_DETOUR_SPM + NET_STRIDE * net;
    for (uint32_t i = 0; i < TSR_ROUTE_WORDS; i++) {
      tsr_spm_write(at + 4 * i, table->row[i]);
    }
    tsr_spm_write(at + CONTROL, table->control);
  }
  const uint8_t x = (uint8_t)(router % 8), y = (uint8_t)(router / 8);
  return tsr_node_mcast(node, TSR_DETOUR_SPM, (tsr_rect_t){x, y, x, y}, ROUTER_PAGE,
                        TSR_DETOUR_SPM_BYTES);
}

tsr_status_t tsr_detour_load(tsr_node_t *node, const tsr_links_t *links, tsr_routes_t *routes) {
  if (node == NULL || links == NULL || routes == NULL) {
    return TSR_INVALID;
  }
  tsr_routes_fill(links, routes);
  if (!tsr_routes_check(links, routes)) {
    return TSR_FAILED;
  }
  for (uint32_t i = 0; i < routes->count; i++) {
    TSR_TRY(load_router(node, routes->order[i], &routes->table[routes->order[i]]));
  }
  uint32_t words[TSR_DETOUR_NI_WORDS];
  tsr_detour_ni(links, links->ctl, words);
  for (uint32_t i = 0; i < TSR_DETOUR_NI_WORDS; i++) {
    tsr_mmio_write(node->regs.base, TSR_TILE_ROUTE_VC1_LO_OFFSET + 4 * i, words[i]);
  }
  return TSR_OK;
}
