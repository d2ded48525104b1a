/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of nodes are 64-bit maps, so a search visits all nodes of the same distance at once. */
#include "runtime/ctl/routes.h"

#include <stddef.h>

enum { LOCAL, NORTH, EAST, SOUTH, WEST };
enum { UP, DOWN, PHASES };

#define NO_WAY 7u
#define ALL_PORTS 0x1eu
#define CONTROL_ON 1u
#define CONTROL_DEAD 8u   /* first bit of the ports that are closed */
#define WEIGHT_TABLES 64u /* of a pair that needs the tables, as a load of links; */
#define WEIGHT_DIRECT 1u  /* of one that does not: breaks ties */
#define MAX_STATES (2u * TSR_ROUTE_NODES)

static const int8_t step[TSR_ROUTE_PORTS] = {0, -8, 1, 8, -1};

static uint64_t bit(uint32_t node) { return 1ull << node; }
static uint32_t facing(uint32_t port) { return ((port + 1) & 3u) + 1; }
static uint32_t beside(uint32_t node, uint32_t port) {
  return node + (uint32_t)(int32_t)step[port];
}

/* Nodes whose neighbour at a port is in `set`; those at the mesh's edge may be wrong. */
static uint64_t before(uint64_t set, uint32_t port) {
  switch (port) {
    case NORTH:
      return set << 8;
    case EAST:
      return set >> 1;
    case SOUTH:
      return set >> 8;
    default:
      return set << 1;
  }
}

/* Number of the lowest bit of a word that is not 0: its place in a de Bruijn sequence. */
static uint32_t lowest(uint32_t word) {
  static const uint8_t place[32] = {0,  1,  28, 2,  29, 14, 24, 3, 30, 22, 20, 15, 25, 17, 4,  8,
                                    31, 27, 13, 23, 21, 19, 16, 7, 26, 12, 18, 6,  11, 5,  10, 9};
  return place[((word & -word) * 0x077cb531u) >> 27];
}

/* List the nodes of a set; returns how many. */
static uint32_t list(uint64_t set, uint8_t nodes[TSR_ROUTE_NODES]) {
  uint32_t n = 0;
  for (uint32_t half = 0; half < 64; half += 32, set >>= 32) {
    for (uint32_t left = (uint32_t)set; left != 0; left &= left - 1) {
      nodes[n++] = (uint8_t)(half + lowest(left));
    }
  }
  return n;
}

/* Ports of a node that a set of nodes for each port names, as bits. */
static uint32_t ports_of(const uint64_t sets[TSR_ROUTE_PORTS], uint32_t node) {
  uint32_t ports = 0;
  for (uint32_t p = NORTH; p <= WEST; p++) {
    ports |= ((uint32_t)(sets[p] >> node) & 1u) << p;
  }
  return ports;
}

/* Neighbours over live links. */
static uint64_t spread(const tsr_links_t *links, uint64_t set) {
  uint64_t next = 0;
  for (uint32_t p = NORTH; p <= WEST; p++) {
    next |= before(set, p) & links->live[p];
  }
  return next;
}

tsr_status_t tsr_links_init(tsr_links_t *links, uint32_t width, uint32_t height, tsr_node_id_t ctl,
                            uint64_t dead_east, uint64_t dead_south) {
  if (links == NULL || width == 0 || width > 8 || height == 0 || height > 8 || ctl.x >= width ||
      ctl.y >= height) {
    return TSR_INVALID;
  }
  links->ctl = tsr_node_index(ctl.x, ctl.y);
  links->mesh = 0;
  for (uint32_t y = 0; y < height; y++) {
    links->mesh |= (uint64_t)((1u << width) - 1) << (8 * y);
  }
  const uint64_t last_column = (0x0101010101010101ull << (width - 1)) & links->mesh;
  const uint64_t east = links->mesh & ~last_column;
  const uint64_t south = links->mesh & (links->mesh >> 8);
  links->live[LOCAL] = links->mesh;
  links->live[EAST] = east & ~dead_east;
  links->live[SOUTH] = south & ~dead_south;
  links->live[WEST] = links->live[EAST] << 1;
  links->live[NORTH] = links->live[SOUTH] << 8;
  links->whole = links->live[EAST] == east && links->live[SOUTH] == south;
  links->reach = bit(links->ctl);
  for (uint64_t more = links->reach; more != 0; links->reach |= more) {
    more = spread(links, more) & ~links->reach;
  }
  return TSR_OK;
}

/* `set` and what is reached from it through one port alone. */
static uint64_t straight(const tsr_links_t *links, uint64_t set, uint32_t port) {
  const uint64_t from_there = links->live[facing(port)];
  for (uint64_t more = set; more != 0; set |= more) {
    more = before(more, facing(port)) & from_there;
  }
  return set;
}

uint64_t tsr_links_direct(const tsr_links_t *links, uint32_t node) {
  const uint64_t row = straight(links, bit(node), EAST) | straight(links, bit(node), WEST);
  return straight(links, row, NORTH) | straight(links, row, SOUTH);
}

/* ---- Making tables ---- */

/* Links by where they lead, and the loads so far. */
typedef struct {
  uint64_t leads[PHASES][TSR_ROUTE_PORTS]; /* nodes whose link at a port leads up, down */
  uint32_t direct[TSR_ROUTE_NODES][2];     /* by node: who needs no tables, low and high word */
  uint32_t load[TSR_ROUTE_NODES][TSR_ROUTE_PORTS];
  uint8_t down[TSR_ROUTE_NODES];         /* by node: bits of the ports that lead down */
  uint8_t port[PHASES][TSR_ROUTE_NODES]; /* ways to the destination in hand */
  uint8_t state[MAX_STATES];             /* 2 * node + phase, near ones first */
  uint32_t states;
  uint32_t flow[MAX_STATES];
  uint8_t node[TSR_ROUTE_NODES]; /* those in reach */
  uint32_t nodes;
} plan_t;

static plan_t plan;

static uint32_t count(uint64_t set) {
  uint32_t n = 0;
  for (uint32_t half = 0; half < 2; half++, set >>= 32) {
    uint32_t v = (uint32_t)set;
    v -= (v >> 1) & 0x55555555u;
    v = (v & 0x33333333u) + ((v >> 2) & 0x33333333u);
    n += (((v + (v >> 4)) & 0x0f0f0f0fu) * 0x01010101u) >> 24;
  }
  return n;
}

/* Sum of the distances of all nodes in reach. */
static uint32_t remoteness(const tsr_links_t *links, uint32_t root) {
  uint32_t sum = 0, distance = 0;
  uint64_t seen = bit(root);
  for (uint64_t more = seen; more != 0; seen |= more) {
    more = spread(links, more) & ~seen;
    sum += ++distance * count(more);
  }
  return sum;
}

/* Up is towards the most central node: it keeps ways short and the links at the root apart. */
static void orient(const tsr_links_t *links) {
  uint32_t root = links->ctl, best = UINT32_MAX;
  for (uint32_t i = 0; i < plan.nodes; i++) {
    const uint32_t sum = remoteness(links, plan.node[i]);
    if (sum < best) {
      best = sum;
      root = plan.node[i];
    }
  }
  uint64_t seen = bit(root);
  for (uint32_t p = NORTH; p <= WEST; p++) {
    plan.leads[UP][p] = 0;
  }
  /* Neighbours in a mesh are never equally far from the root. */
  for (uint64_t more = seen; more != 0;) {
    const uint64_t next = spread(links, more) & ~seen;
    for (uint32_t p = NORTH; p <= WEST; p++) {
      plan.leads[UP][p] |= next & before(more, p) & links->live[p];
    }
    seen |= next;
    more = next;
  }
  for (uint32_t p = NORTH; p <= WEST; p++) {
    plan.leads[DOWN][p] = links->live[p] & links->reach & ~plan.leads[UP][p];
  }
}

/* Give the nodes of `fresh` the least loaded of the ports that `ways` names for them. */
static void choose(uint32_t phase, uint64_t fresh, const uint64_t ways[TSR_ROUTE_PORTS]) {
  for (uint32_t half = 0; half < 64; half += 32) {
    const uint32_t way[TSR_ROUTE_PORTS] = {
        0, (uint32_t)(ways[NORTH] >> half), (uint32_t)(ways[EAST] >> half),
        (uint32_t)(ways[SOUTH] >> half), (uint32_t)(ways[WEST] >> half)};
    for (uint32_t left = (uint32_t)(fresh >> half); left != 0; left &= left - 1) {
      const uint32_t at = left & -left, node = half + lowest(left);
      uint32_t port = 0, least = UINT32_MAX;
      for (uint32_t p = NORTH; p <= WEST; p++) {
        if ((way[p] & at) != 0 && plan.load[node][p] < least) {
          least = plan.load[node][p];
          port = p;
        }
      }
      plan.port[phase][node] = (uint8_t)port;
      plan.state[plan.states++] = (uint8_t)(2 * node + phase);
    }
  }
}

/* The shortest ways to one node, from it outwards. */
static void find_ways(uint32_t destination) {
  uint64_t seen[PHASES], edge[PHASES];
  plan.states = 0;
  for (uint32_t phase = UP; phase <= DOWN; phase++) {
    seen[phase] = edge[phase] = bit(destination);
    plan.port[phase][destination] = LOCAL;
  }
  while ((edge[UP] | edge[DOWN]) != 0) {
    uint64_t ways[PHASES][TSR_ROUTE_PORTS];
    uint64_t fresh[PHASES] = {0, 0};
    for (uint32_t p = NORTH; p <= WEST; p++) {
      ways[DOWN][p] = before(edge[DOWN], p) & plan.leads[DOWN][p];
      ways[UP][p] = (before(edge[UP], p) & plan.leads[UP][p]) | ways[DOWN][p];
      fresh[DOWN] |= ways[DOWN][p];
      fresh[UP] |= ways[UP][p];
    }
    for (uint32_t phase = UP; phase <= DOWN; phase++) {
      fresh[phase] &= ~seen[phase];
      choose(phase, fresh[phase], ways[phase]);
      seen[phase] |= fresh[phase];
      edge[phase] = fresh[phase];
    }
  }
}

/* Add what everybody sends to one node to the loads, from the far nodes inwards. */
static void add_flow(uint32_t destination) {
  for (uint32_t i = 0; i < MAX_STATES; i++) {
    plan.flow[i] = 0;
  }
  for (uint32_t i = plan.states; i-- > 0;) {
    const uint32_t state = plan.state[i], node = state / 2, phase = state % 2;
    const uint32_t port = plan.port[phase][node];
    uint32_t flow = plan.flow[state];
    if (phase == UP) {
      const uint32_t direct = plan.direct[node][destination / 32] >> (destination % 32) & 1;
      flow += direct != 0 ? WEIGHT_DIRECT : WEIGHT_TABLES;
    }
    plan.load[node][port] += flow;
    const uint32_t down = phase | (plan.down[node] >> port & 1);
    plan.flow[2 * beside(node, port) + down] += flow;
  }
}

static void set_way(tsr_route_table_t *table, uint32_t phase, uint32_t destination, uint32_t port) {
  uint32_t *row = &table->row[8 * phase + destination / 8];
  const uint32_t shift = 3 * (destination % 8);
  *row = (*row & ~(NO_WAY << shift)) | (port << shift);
}

static uint32_t get_way(const tsr_route_table_t *table, uint32_t phase, uint32_t destination) {
  return (table->row[8 * phase + destination / 8] >> (3 * (destination % 8))) & NO_WAY;
}

static void clear_table(const tsr_links_t *links, tsr_route_table_t *table, uint32_t node) {
  for (uint32_t i = 0; i < TSR_ROUTE_WORDS; i++) {
    table->row[i] = 0xffffff;
  }
  table->control = CONTROL_ON;
  /* Closed are ports without a live link; what comes from the nearer node has gone down. */
  table->control |= (~ports_of(links->live, node) & ALL_PORTS) << CONTROL_DEAD;
  table->control |= ports_of(plan.leads[UP], node);
}

/* Routers by the length of ctl's way to them: those on the way to one come before it. */
static void find_order(tsr_routes_t *routes, const uint8_t hops[TSR_ROUTE_NODES]) {
  routes->count = 0;
  for (uint32_t length = 0; routes->count < plan.nodes; length++) {
    for (uint32_t i = 0; i < plan.nodes; i++) {
      if (hops[plan.node[i]] == length) {
        routes->order[routes->count++] = plan.node[i];
      }
    }
  }
}

/* Links from ctl to the destination in hand. */
static uint8_t hops_from(uint32_t node, uint32_t destination) {
  uint8_t hops = 0;
  for (uint32_t phase = UP; node != destination; hops++) {
    const uint32_t port = plan.port[phase][node];
    phase |= plan.down[node] >> port & 1;
    node = beside(node, port);
  }
  return hops;
}

void tsr_routes_fill(const tsr_links_t *links, tsr_routes_t *routes) {
  uint8_t hops[TSR_ROUTE_NODES];
  plan.nodes = list(links->reach, plan.node);
  orient(links);
  for (uint32_t i = 0; i < plan.nodes; i++) {
    const uint32_t node = plan.node[i];
    const uint64_t direct = tsr_links_direct(links, node);
    plan.direct[node][0] = (uint32_t)direct;
    plan.direct[node][1] = (uint32_t)(direct >> 32);
    plan.down[node] = (uint8_t)ports_of(plan.leads[DOWN], node);
    clear_table(links, &routes->table[node], node);
    for (uint32_t p = 0; p <= WEST; p++) {
      plan.load[node][p] = 0;
    }
  }
  for (uint32_t d = 0; d < plan.nodes; d++) {
    const uint32_t destination = plan.node[d];
    find_ways(destination);
    add_flow(destination);
    hops[destination] = hops_from(links->ctl, destination);
    for (uint32_t phase = UP; phase <= DOWN; phase++) {
      set_way(&routes->table[destination], phase, destination, LOCAL);
    }
    for (uint32_t i = 0; i < plan.states; i++) {
      const uint32_t node = plan.state[i] / 2, phase = plan.state[i] % 2;
      set_way(&routes->table[node], phase, destination, plan.port[phase][node]);
    }
  }
  find_order(routes, hops);
}

/* ---- Checking tables: nothing below knows how they were made ---- */

/* Phase of what comes in at a port. */
static uint32_t phase_of(const tsr_route_table_t *table, uint32_t in) {
  return (table->control >> in) & (in != LOCAL ? 1u : 0u);
}

/* Ports by which flits of a phase leave a node, as bits; NO_WAY may be among them. */
static uint32_t outputs(const tsr_route_table_t *table, uint32_t phase) {
  uint32_t outs = 0;
  for (uint32_t y = 0; y < 8; y++) {
    uint32_t row = table->row[8 * phase + y];
    for (uint32_t x = 0; x < 8; x++, row >>= 3) {
      outs |= 1u << (row & NO_WAY);
    }
  }
  return outs;
}

/* Nodes where a flit that came in at one port may leave at another. */
static void find_turns(const tsr_routes_t *routes, const uint8_t *nodes, uint32_t count,
                       uint64_t turns[TSR_ROUTE_PORTS][TSR_ROUTE_PORTS]) {
  for (uint32_t i = 0; i < count; i++) {
    const tsr_route_table_t *table = &routes->table[nodes[i]];
    const uint32_t outs[PHASES] = {outputs(table, UP), outputs(table, DOWN)};
    const uint64_t here = bit(nodes[i]);
    for (uint32_t in = NORTH; in <= WEST; in++) {
      for (uint32_t out = NORTH; out <= WEST; out++) {
        if ((outs[phase_of(table, in)] >> out & 1) != 0 && in != out) {
          turns[in][out] |= here;
        }
      }
    }
  }
}

/* Take away links that wait for none, again and again; in a circle none can go. */
static bool acyclic(const tsr_links_t *links, const tsr_routes_t *routes, const uint8_t *nodes,
                    uint32_t count) {
  uint64_t turns[TSR_ROUTE_PORTS][TSR_ROUTE_PORTS] = {{0}};
  uint64_t waits[TSR_ROUTE_PORTS]; /* nodes whose link into a port may wait for ever */
  uint64_t all = 0;
  find_turns(routes, nodes, count, turns);
  for (uint32_t p = NORTH; p <= WEST; p++) {
    waits[p] = links->live[p] & links->reach;
  }
  for (bool changed = true; changed;) {
    changed = false;
    all = 0;
    for (uint32_t in = NORTH; in <= WEST; in++) {
      const uint64_t was = waits[in];
      uint64_t still = 0;
      for (uint32_t out = NORTH; out <= WEST; out++) {
        still |= turns[in][out] & before(waits[facing(out)], out) & links->live[out];
      }
      waits[in] &= still;
      changed = changed || waits[in] != was;
      all |= waits[in];
    }
  }
  return all == 0;
}

/* Nodes, and ports that are open: with a live link, and not closed. */
typedef struct {
  const tsr_routes_t *routes;
  uint8_t node[TSR_ROUTE_NODES];
  uint32_t nodes;
  uint8_t open[TSR_ROUTE_NODES];
  uint8_t good[PHASES][TSR_ROUTE_NODES]; /* 1 + the destination to which the way is known to lead */
} audit_t;

/* Follow a node's way until it meets one that is known to arrive, and mark it. */
static bool arrives(audit_t *audit, uint32_t node, uint32_t destination) {
  uint8_t path[MAX_STATES];
  uint32_t length = 0, in = LOCAL;
  while (node != destination) { /* its own entries are known */
    const tsr_route_table_t *table = &audit->routes->table[node];
    const uint32_t phase = phase_of(table, in);
    const uint32_t port = get_way(table, phase, destination);
    if ((audit->open[node] >> port & 1) == 0 || port == in || length == MAX_STATES) {
      return false;
    }
    if (audit->good[phase][node] == destination + 1) {
      break;
    }
    path[length++] = (uint8_t)(2 * node + phase);
    node = beside(node, port);
    in = facing(port);
  }
  while (length-- > 0) {
    audit->good[path[length] % 2][path[length] / 2] = (uint8_t)(destination + 1);
  }
  return true;
}

static bool reaches(audit_t *audit, uint32_t destination) {
  const tsr_route_table_t *table = &audit->routes->table[destination];
  if (get_way(table, UP, destination) != LOCAL || get_way(table, DOWN, destination) != LOCAL) {
    return false;
  }
  for (uint32_t i = 0; i < audit->nodes; i++) {
    if (!arrives(audit, audit->node[i], destination)) {
      return false;
    }
  }
  return true;
}

bool tsr_routes_check(const tsr_links_t *links, const tsr_routes_t *routes) {
  audit_t audit = {.routes = routes};
  audit.nodes = list(links->reach, audit.node);
  if (!acyclic(links, routes, audit.node, audit.nodes)) {
    return false;
  }
  for (uint32_t i = 0; i < audit.nodes; i++) {
    const uint32_t node = audit.node[i], control = routes->table[node].control;
    audit.open[node] = (uint8_t)(ports_of(links->live, node) & ~(control >> CONTROL_DEAD));
    if ((control & CONTROL_ON) == 0) {
      return false;
    }
  }
  for (uint32_t i = 0; i < audit.nodes; i++) {
    if (!reaches(&audit, audit.node[i])) {
      return false;
    }
  }
  return true;
}
