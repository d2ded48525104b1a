// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Proof of tsr_noc_pkg::branches: every node of a flit's rectangle is reached, by its dimension-order path and no other.
///
/// `next_hop` is the dimension-order step towards one node. A node is `due` at a router if a flit that came in by this
/// port could be on its way to it. Then the flit must leave by its next hop, and a port is left by only if it is the
/// next hop of a node that is due. A node that is due at a router is due at the router of its next hop, one step nearer.
module route_props
  import tsr_pkg::*;
#(
  /// 1: x first.
  parameter bit XFirst = 1'b1
) (
  input logic  clk_i,
  input rect_t dst_i,
  input node_t here_i,
  input dir_e  from_i,
  /// Any node.
  input node_t target_i
);

  logic rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  // Port of the step from `here` towards `to`.
  function automatic dir_e next_hop(node_t here, node_t to);
    if (XFirst || (to.y == here.y)) begin
      if (to.x > here.x) return DirEast;
      if (to.x < here.x) return DirWest;
    end
    if (to.y > here.y) return DirSouth;
    if (to.y < here.y) return DirNorth;
    return DirLocal;
  endfunction

  // The neighbour behind a port.
  function automatic node_t neighbour(node_t here, dir_e port);
    node_t n;
    n = here;
    if (port == DirEast) n.x = here.x + 1'b1;
    if (port == DirWest) n.x = here.x - 1'b1;
    if (port == DirSouth) n.y = here.y + 1'b1;
    if (port == DirNorth) n.y = here.y - 1'b1;
    return n;
  endfunction

  // The port of the neighbour behind `port` that leads back.
  function automatic dir_e opposite(dir_e port);
    unique case (port)
      DirEast:  return DirWest;
      DirWest:  return DirEast;
      DirNorth: return DirSouth;
      DirSouth: return DirNorth;
      default:  return DirLocal;
    endcase
  endfunction

  function automatic logic inside_rect(node_t n, rect_t r);
    return (n.x >= r.lo.x) && (n.x <= r.hi.x) && (n.y >= r.lo.y) && (n.y <= r.hi.y);
  endfunction

  function automatic logic due(node_t here, dir_e from, node_t to, rect_t r);
    return inside_rect(to, r) && ((from == DirLocal) || (next_hop(neighbour(here, from), to) == opposite(from)));
  endfunction

  // A node that port `o` may be for: if any is due by this port, this one is.
  function automatic node_t witness(dir_e o, node_t here, rect_t r);
    node_t t;
    t = here;
    if (o == DirEast) t = XFirst ? r.hi : node_t'{y: here.y, x: r.hi.x};
    if (o == DirWest) t = XFirst ? r.lo : node_t'{y: here.y, x: r.lo.x};
    if (o == DirSouth) t = XFirst ? node_t'{y: r.hi.y, x: here.x} : r.hi;
    if (o == DirNorth) t = XFirst ? node_t'{y: r.lo.y, x: here.x} : r.lo;
    return t;
  endfunction

  function automatic logic [6:0] gap(coord_t a, coord_t b);
    return (a > b) ? {1'b0, a - b} : {1'b0, b - a};
  endfunction
  function automatic logic [6:0] distance(node_t a, node_t b);
    return gap(a.x, b.x) + gap(a.y, b.y);
  endfunction

  tsr_noc_pkg::dirs_t out;
  assign out = tsr_noc_pkg::branches(dst_i, here_i, from_i, XFirst);

  // A legal rectangle, and a port with a neighbour: coordinates do not wrap.
  logic legal, target_due;
  assign legal = (from_i <= DirWest) && (dst_i.lo.x <= dst_i.hi.x) && (dst_i.lo.y <= dst_i.hi.y) &&
                 ((from_i != DirNorth) || (here_i.y != '0)) && ((from_i != DirSouth) || (here_i.y != '1)) &&
                 ((from_i != DirWest) || (here_i.x != '0)) && ((from_i != DirEast) || (here_i.x != '1));
  assign target_due = legal && due(here_i, from_i, target_i, dst_i);

  dir_e hop;
  node_t after;
  assign hop   = next_hop(here_i, target_i);
  assign after = neighbour(here_i, hop);

  `TSR_ASSERT(EveryDueNodeGetsIt, !target_due || out[hop])
  `TSR_ASSERT(NextHopKnowsOfIt, !target_due || (hop == DirLocal) || due(after, opposite(hop), target_i, dst_i))
  `TSR_ASSERT(OneStepNearer, !target_due || (hop == DirLocal) ||
                             (distance(after, target_i) + 7'd1 == distance(here_i, target_i)))
  `TSR_ASSERT(NeverBack, !legal || (from_i == DirLocal) || !out[from_i])
  for (genvar o = 0; o < NumDir; o++) begin : gen_out
    node_t w;
    assign w = witness(dir_e'(o), here_i, dst_i);
    `TSR_ASSERT(OnlyForADueNode, !(target_due && out[o]) || (due(here_i, from_i, w, dst_i) &&
                                                        (next_hop(here_i, w) == dir_e'(o))))
    `TSR_ASSERT(LegalTurn, !(target_due && out[o]) || ((tsr_noc_pkg::legal_turns(XFirst)[from_i] >> o) & 5'd1) == 5'd1)
    // Other branches do not lead to the target: nobody gets it twice.
    if (o != DirLocal) begin : gen_other
      `TSR_ASSERT(OneWayToANode, !target_due || (hop == dir_e'(o)) ||
                                 !due(neighbour(here_i, dir_e'(o)), opposite(dir_e'(o)), target_i, dst_i))
    end
  end

endmodule
