/* SPDX-License-Identifier: Apache-2.0 */
/* Routes around dead links: up-down tables for VC 1 of all routers, the same for both networks.
 *
 * Links lead up towards a root and down away from it. A flit goes up some links, then down some,
 * and never up again, so no links can wait for each other in a circle. Every pair of nodes whose
 * dimension-order path is whole stays on VC 0.
 *
 * Maps of nodes have bit y * 8 + x for node (x, y). Ports: 1 north, 2 east, 3 south, 4 west. */
#ifndef TSR_RUNTIME_CTL_ROUTES_H
#define TSR_RUNTIME_CTL_ROUTES_H

#include <stdbool.h>

#include "hal/soc.h"
#include "hal/status.h"

#define TSR_ROUTE_PORTS 5u
#define TSR_ROUTE_NODES 64u
#define TSR_ROUTE_WORDS 16u

/* The mesh as its dead links leave it. */
typedef struct {
  uint32_t ctl;                   /* the node that loads the tables: y * 8 + x */
  uint64_t mesh;                  /* all nodes */
  uint64_t reach;                 /* those that live links connect with ctl */
  uint64_t live[TSR_ROUTE_PORTS]; /* nodes with a live link at a port */
  bool whole;                     /* no link is dead */
} tsr_links_t;

/* What a router's page takes: see rtl/noc/README.md. */
typedef struct {
  uint32_t row[TSR_ROUTE_WORDS]; /* word phase * 8 + y: three bits a column, 7 no way */
  uint32_t control;
} tsr_route_table_t;

typedef struct {
  tsr_route_table_t table[TSR_ROUTE_NODES]; /* of the nodes in reach, by y * 8 + x */
  uint8_t order[TSR_ROUTE_NODES];           /* in which they can be loaded from ctl */
  uint32_t count;
} tsr_routes_t;

/* Find out what is connected.
 * @param dead_east, dead_south dead links to the eastern and southern neighbours.
 * @return TSR_INVALID if the mesh is larger than 8 x 8 or ctl not in it. */
TSR_MUST_USE tsr_status_t tsr_links_init(tsr_links_t *links, uint32_t width, uint32_t height,
                                         tsr_node_id_t ctl, uint64_t dead_east,
                                         uint64_t dead_south);

/* Nodes whose dimension-order path from `node` and back is whole. The way of a request (x first)
 * and that of its answer (y first) use the same links. */
uint64_t tsr_links_direct(const tsr_links_t *links, uint32_t node);

/* Whether a node is connected with ctl. */
static inline bool tsr_links_reach(const tsr_links_t *links, tsr_node_id_t node) {
  return node.x < 8 && node.y < 8 && (links->reach >> tsr_node_index(node.x, node.y) & 1) != 0;
}

/* Fill the tables of all nodes in reach of ctl. */
void tsr_routes_fill(const tsr_links_t *links, tsr_routes_t *routes);

/* Whether tables, as they will be loaded, let no links wait for each other in a circle and lead
 * from every node in reach to every other over live links. Looks at the tables alone. */
bool tsr_routes_check(const tsr_links_t *links, const tsr_routes_t *routes);

#endif
