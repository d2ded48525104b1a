// SPDX-License-Identifier: Apache-2.0
/// Routing functions and router-internal types.
package tsr_noc_pkg;

  import tsr_pkg::*;

  /// One bit per port, index `dir_e`.
  typedef logic [NumDir-1:0] dirs_t;

  /// What arbitration needs of a buffered flit.
  typedef struct packed {
    dirs_t       want;   // ports that get a copy
    logic        cfg;    // a write to this router's page: taken by the router in place of the local port
    logic        cls;
    age_t        birth;
  } meta_t;

  /// Router page: bits 31:12 of a node-local address. Offset in it: bit 7 the network (1 response), bit 6: 0 the
  /// table, word {phase, y} of three bits a column; 1 the control word.
  localparam logic [19:0] RouterPage = 20'hfffff;

  /// Columns and rows that the tables cover.
  localparam int unsigned TableSide = 8;
  /// Port (dir_e) for each column of a row; 5 to 7: no way.
  typedef logic [TableSide-1:0][2:0] table_row_t;

  /// Control word of a router, bits 12:0.
  typedef struct packed {
    dirs_t             dead;    // nothing is sent by these ports, on either VC
    logic [2:0]        spare;
    logic [NumDir-2:0] down;    // ports 4 to 1: flits that come in there have gone down
    logic              enable;  // VC 1 follows the table; else dimension order
  } control_t;

  /// What a router shows in place of an eighth counter.
  typedef struct packed {
    logic [2:0]        spare_hi;
    control_t          control;   // as written
    logic [10:0]       spare_mid;
    logic [NumDir-2:0] stuck;     // ports 4 to 1: given up by the link watchdog
    logic              spare_lo;
  } status_t;

  /// Counters of one router.
  typedef enum logic [2:0] {
    CntLocal   = 3'd0,  // CntLocal + d: flits sent through port d
    CntParity  = 3'd5,  // flits dropped: bad header parity
    CntDropped = 3'd6,  // flits dropped: no way to go, or a port without a live link
    CntStatus  = 3'd7   // no counter: status_t
  } count_e;
  localparam int unsigned NumCount = 8;
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

  /// Port that a table names, as a bit; none for 5 to 7, for multicast and beyond the table.
  function automatic dirs_t table_way(logic [2:0] port, hdr_t hdr);
    logic [7:0] way;
    way = '0;
    if (!hdr.mcast && hdr.dst.lo.x < coord_t'(TableSide) && hdr.dst.lo.y < coord_t'(TableSide)) way[port] = 1'b1;
    return way[NumDir-1:0];
  endfunction

  /// A posted write to the router page.
  function automatic logic to_router(hdr_t hdr);
    return hdr.kind == KindWritePosted && hdr.addr[55:52] == SpaceNode && hdr.addr[31:12] == RouterPage;
  endfunction

  /// All turns but back where a flit came from: those that tables may take.
  function automatic logic [NumDir-1:0][NumDir-1:0] any_turns();
    logic [NumDir-1:0][NumDir-1:0] t;
    t = '1;
    for (int unsigned i = 1; i < NumDir; i++) t[i][i] = 1'b0;
    return t;
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
