/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the routes around dead links into routers and network interfaces. Used by the boot ROM and
 * the ctl runtime. */
#ifndef TSR_RUNTIME_CTL_DETOUR_H
#define TSR_RUNTIME_CTL_DETOUR_H

#include "runtime/common/node.h"
#include "runtime/ctl/routes.h"

/* Scratchpad that tsr_detour_load() uses. */
#define TSR_DETOUR_SPM 4096u
#define TSR_DETOUR_SPM_BYTES 256u

#define TSR_DETOUR_NI_WORDS 4u

/* What the network interface of a hart node has to know: ROUTE_VC1 and ROUTE_NONE, low and high. */
void tsr_detour_ni(const tsr_links_t *links, uint32_t node, uint32_t words[TSR_DETOUR_NI_WORDS]);

/* Make tables, check them, load them into all routers in reach, near ones first, and tell the ctl
 * node's own interface. Nobody else may use VC 1 meanwhile.
 * @param routes memory to work in. @return TSR_FAILED if the tables are not sound: none is loaded.
 */
TSR_MUST_USE tsr_status_t tsr_detour_load(tsr_node_t *node, const tsr_links_t *links,
                                          tsr_routes_t *routes);

#endif
