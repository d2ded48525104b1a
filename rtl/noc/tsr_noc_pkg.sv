// SPDX-License-Identifier: Apache-2.0
/// Routing functions and router-internal types.
package tsr_noc_pkg;

  import tsr_pkg::*;

  /// One bit per port, index `dir_e`.
  typedef logic [NumDir-1:0] dirs_t;

  /// What arbitration needs of a buffered flit.
  typedef struct packed {
    dirs_t       want;   // ports that get a copy
    logic        cls;
    age_t        birth;
  } meta_t;

  /// Counters of one router.
  typedef enum logic [2:0] {
    CntLocal   = 3'd0,  // CntLocal + d: flits sent through port d
    CntParity  = 3'd5,  // flits dropped: bad header parity
    CntDropped = 3'd6   // flits dropped: no way to go
  } count_e;
  localparam int unsigned NumCount = 7;
  typedef logic [NumCount-1:0][31:0] counts_t;

  /// Ports that a flit leaves by: the branches at node `here` of the dimension-order tree that covers the
  /// rectangle `dst`, for a flit that came in by port `from`. A single destination is a 1 x 1 rectangle.
  function automatic dirs_t branches(rect_t dst, node_t here, dir_e from, bit x_first);
    coord_t lo_a, hi_a, at_a, lo_b, hi_b, at_b;
    dir_e   plus_a, minus_a, plus_b, minus_b;
    logic   turn, in_a, in_b, go_plus_a, go_minus_a, go_plus_b, go_minus_b;
    // a: dimension travelled first, b: second.
    lo_a    = x_first ? dst.lo.x : dst.lo.y;
    hi_a    = x_first ? dst.hi.x : dst.hi.y;
    at_a    = x_first ? here.x : here.y;
    lo_b    = x_first ? dst.lo.y : dst.lo.x;
    hi_b    = x_first ? dst.hi.y : dst.hi.x;
    at_b    = x_first ? here.y : here.x;
    plus_a  = x_first ? DirEast : DirSouth;
    minus_a = x_first ? DirWest : DirNorth;
    plus_b  = x_first ? DirSouth : DirEast;
    minus_b = x_first ? DirNorth : DirWest;
    in_a    = (lo_a <= at_a) && (at_a <= hi_a);
    in_b    = (lo_b <= at_b) && (at_b <= hi_b);
    turn    = in_a && (from != plus_b) && (from != minus_b);
    go_plus_a  = (hi_a > at_a) && ((from == DirLocal) || (from == minus_a));
    go_minus_a = (lo_a < at_a) && ((from == DirLocal) || (from == plus_a));
    go_plus_b  = (hi_b > at_b) && (turn || (from == minus_b));
    go_minus_b = (lo_b < at_b) && (turn || (from == plus_b));
    // West, south, east, north, local.
    if (x_first) return {go_minus_a, go_plus_b, go_plus_a, go_minus_b, in_a && in_b};
    return {go_minus_b, go_plus_a, go_plus_b, go_minus_a, in_a && in_b};
  endfunction

  /// Turns that dimension order allows: bit [from][to]. `branches` never takes another one.
  function automatic logic [NumDir-1:0][NumDir-1:0] legal_turns(bit x_first);
    logic [NumDir-1:0][NumDir-1:0] t;
    t = '0;
    for (int unsigned i = 0; i < NumDir; i++) t[i][DirLocal] = 1'b1;
    t[DirLocal] = '1;
    t[DirNorth][DirSouth] = 1'b1;
    t[DirSouth][DirNorth] = 1'b1;
    t[DirEast][DirWest]   = 1'b1;
    t[DirWest][DirEast]   = 1'b1;
    if (x_first) begin
      t[DirEast][DirNorth] = 1'b1;
      t[DirEast][DirSouth] = 1'b1;
      t[DirWest][DirNorth] = 1'b1;
      t[DirWest][DirSouth] = 1'b1;
    end else begin
      t[DirNorth][DirEast] = 1'b1;
      t[DirNorth][DirWest] = 1'b1;
      t[DirSouth][DirEast] = 1'b1;
      t[DirSouth][DirWest] = 1'b1;
    end
    return t;
  endfunction

endpackage
