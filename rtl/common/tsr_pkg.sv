// SPDX-License-Identifier: Apache-2.0
/// Chip-wide types: node coordinates, the global address map, NoC flits and their kinds.
///
/// Mirrored for C++ in `model/flit.hpp` and `model/address_map.hpp`; a test compares both.
package tsr_pkg;

  /// Index width that is legal for one entry too.
  function automatic int unsigned idx_width(int unsigned n);
    return (n > 1) ? unsigned'($clog2(n)) : 1;
  endfunction

  // ---------------------------------------------------------------- coordinates and configuration

  typedef logic [5:0] coord_t;

  /// Mesh coordinate: x grows east, y grows south.
  typedef struct packed {
    coord_t y;
    coord_t x;
  } node_t;

  /// Inclusive rectangle of nodes: `lo` is the north-west corner, `hi` the south-east one.
  typedef struct packed {
    node_t hi;
    node_t lo;
  } rect_t;

  /// Static straps: what a node must know of its chip. One value for all nodes of a chip.
  typedef struct packed {
    node_t [7:0] mem;       // coordinates of memory node i
    logic [15:0] mem_mib;   // capacity of one memory node in MiB
    logic [1:0]  mem_log2;  // log2 of the number of memory nodes (1, 2, 4 or 8)
    node_t       ctl;       // coordinate of the ctl node
    coord_t      mesh_h;    // rows
    coord_t      mesh_w;    // columns
  } chip_cfg_t;

  // ---------------------------------------------------------------- global addresses

  localparam int unsigned AddrW = 56;
  typedef logic [AddrW-1:0] addr_t;

  /// Address space, addr[55:52].
  typedef enum logic [3:0] {
    SpaceHbm  = 4'd0,  // addr[39:0] = offset in the chip's HBM
    SpaceNode = 4'd1   // addr[43:38] = y, addr[37:32] = x, addr[31:0] = node-local offset
  } space_e;
  // addr[51:48] = chip y, addr[47:44] = chip x; a single chip is chip (0, 0).

  /// HBM interleaves over the memory nodes at this granule.
  localparam int unsigned GranuleBytes = 256;

  /// Where an address leads. `ok` is 0 when nothing answers there.
  typedef struct packed {
    logic  ok;
    node_t node;
  } route_t;

  /// Memory node index of an HBM offset: every higher bit group is folded in, so that
  /// power-of-two strides spread. Bijective together with `hbm_local`.
  function automatic logic [2:0] hbm_node(logic [39:0] off, logic [1:0] mem_log2);
    logic [2:0] f;
    f = '0;
    unique case (mem_log2)
      2'd0: f = '0;
      2'd1: f = {2'b0, ^off[39:8]};
      2'd2: for (int unsigned i = 8; i < 40; i += 2) f ^= {1'b0, off[i+:2]};
      2'd3: begin
        for (int unsigned i = 8; i < 38; i += 3) f ^= off[i+:3];
        f ^= {1'b0, off[39:38]};
      end
    endcase
    return f;
  endfunction

  /// Byte offset inside the memory node that `hbm_node` names.
  function automatic logic [39:0] hbm_local(logic [39:0] off, logic [1:0] mem_log2);
    return ((off >> (6'd8 + {4'b0, mem_log2})) << 8) | {32'b0, off[7:0]};
  endfunction

  /// Destination node of a global address; `ok` = 0: unmapped.
  function automatic route_t route(addr_t a, chip_cfg_t cfg);
    route_t r;
    r.ok   = 1'b0;
    r.node = '0;
    if (a[51:44] == '0) begin
      if (a[55:52] == SpaceHbm) begin
        r.node = cfg.mem[hbm_node(a[39:0], cfg.mem_log2)];
        r.ok   = (a[43:40] == '0) && (a[39:20] < ({4'b0, cfg.mem_mib} << cfg.mem_log2));
      end else if (a[55:52] == SpaceNode) begin
        r.node = node_t'{y: a[43:38], x: a[37:32]};
        r.ok   = (a[43:38] < cfg.mesh_h) && (a[37:32] < cfg.mesh_w);
      end
    end
    return r;
  endfunction

  // ---------------------------------------------------------------- flits

  /// Message kind. Requests travel on the request network, responses on the response network.
  typedef enum logic [3:0] {
    KindNone        = 4'd0,  // between routers only: a sign of life, see tsr_router
    KindRead        = 4'd1,  // addr = first byte, strb[8:0] = bytes (1..256), doff = where byte 0 goes
    KindWrite       = 4'd2,  // addr 64-byte aligned, strb = byte enables; answered by WriteRsp/ErrRsp
    KindWritePosted = 4'd3,  // as Write without an answer; may be multicast
    KindAtomic      = 4'd4,  // addr 4-byte aligned, amo = operation, see amo_result; ReadRsp with the old value
    KindSemPost     = 4'd5,  // doff[3:0] = semaphore, doff[15:8] = increment; no answer; may be multicast
    KindReadRsp     = 4'd8,  // one aligned 64-byte block: strb = valid bytes, doff = where block byte 0 goes
    KindWriteRsp    = 4'd9,
    KindErrRsp      = 4'd10  // ends the request `tag`: no further response follows
  } kind_e;

  typedef enum logic [3:0] {
    AmoAdd = 4'd0, AmoAnd = 4'd1, AmoOr = 4'd2, AmoSwap = 4'd3,
    AmoCas = 4'd4, AmoMin = 4'd5, AmoMax = 4'd6
  } amo_e;

  /// What an atomic stores: `old` is the word in memory, `operand` data[0][31:0], `expected` data[0][63:32] of the
  /// request. Minimum and maximum are signed. A compare-swap that does not match stores the old value again.
  function automatic logic [31:0] amo_result(amo_e op, logic [31:0] old, logic [31:0] operand, logic [31:0] expected);
    unique case (op)
      AmoAdd:  return old + operand;
      AmoAnd:  return old & operand;
      AmoOr:   return old | operand;
      AmoSwap: return operand;
      AmoCas:  return (old == expected) ? operand : old;
      AmoMin:  return ($signed(operand) < $signed(old)) ? operand : old;
      AmoMax:  return ($signed(operand) > $signed(old)) ? operand : old;
      default: return old;
    endcase
  endfunction

  /// Why a request failed.
  typedef enum logic [2:0] {
    ErrNone        = 3'd0,
    ErrUnmapped    = 3'd1,  // nothing answers at this address
    ErrForbidden   = 3'd2,  // the initiator may not touch it
    ErrUnsupported = 3'd3,  // kind, size or alignment that the target does not serve
    ErrTimeout     = 3'd4,  // no response in time (made by the requester)
    ErrPoison      = 3'd5,  // data is known to be bad
    ErrBusy        = 3'd6,  // target has no room (a full command queue)
    ErrParity      = 3'd7   // the flit was damaged on the way
  } err_e;

  /// Ages of flits in cycles, modulo 2^AgeW.
  localparam int unsigned AgeW = 16;
  typedef logic [AgeW-1:0] age_t;

  /// 256-bit header.
  typedef struct packed {
    logic [6:0]  rsvd;    // of a ReadRsp by multicast: listen_t; else zero: room for in-network reduction
    node_t       owner;   // of a ReadRsp by multicast: the node that asked; else zero
    logic        spread;  // of a Read: answer by multicast as data[0] says, a spread_t
    logic        par;     // even parity over every other header bit
    logic [7:0]  dpar;    // even parity of each 64-bit data lane
    age_t        birth;   // low bits of the time when the flit was first offered: age arbitration
    kind_e       kind;
    err_e        err;
    logic        poison;
    amo_e        amo;
    logic        cls;     // arbitration class: 1 wins over 0 at any age
    logic        vc;      // virtual channel, kept along the whole way
    logic        mcast;   // deliver to every node of `dst`
    rect_t       dst;     // lo = hi for unicast
    node_t       src;
    logic [7:0]  tag;     // requester's transaction tag, returned in the response
    logic [23:0] doff;    // destination offset, see kind_e
    logic [63:0] strb;
    addr_t       addr;
    logic [7:0]  spare;   // zero
  } hdr_t;

  typedef logic [7:0][63:0] data_t;

  /// What the nodes that listen to a ReadRsp by multicast, all but its owner, do when they have stored it.
  typedef struct packed {
    logic [1:0] zero;
    logic       post;    // add 1 to semaphore `sem`
    logic [3:0] sem;
  } listen_t;

  /// Word data[0] of a Read with `spread`: who gets the answer. The rectangle holds the source.
  typedef struct packed {
    logic [32:0] zero;
    listen_t     listen;
    rect_t       rect;
  } spread_t;

  /// One message: 768 bits.
  typedef struct packed {
    hdr_t  hdr;
    data_t data;
  } flit_t;

  localparam int unsigned FlitW = $bits(flit_t);

  /// Header parity as sent: XOR of every bit but `par` itself.
  function automatic logic hdr_parity(hdr_t h);
    hdr_t t;
    t     = h;
    t.par = 1'b0;
    return ^t;
  endfunction

  function automatic logic [7:0] data_parity(data_t d);
    logic [7:0] p;
    for (int unsigned i = 0; i < 8; i++) p[i] = ^d[i];
    return p;
  endfunction

  /// Header of a beat (KindNone): for a rectangle that no flit has, turned over in both dimensions.
  function automatic hdr_t beat_hdr();
    hdr_t h;
    h        = '0;
    h.dst.lo = '1;
    return h;
  endfunction

  /// With one wrong bit a beat keeps this mark and a flit does not get it.
  function automatic logic beat_mark(rect_t dst);
    return dst.lo.x > dst.hi.x && dst.lo.y > dst.hi.y;
  endfunction

  // ---------------------------------------------------------------- network links

  localparam int unsigned NumVc   = 2;
  localparam int unsigned VcDepth = 8;

  /// Router port order.
  typedef enum logic [2:0] {
    DirLocal = 3'd0, DirNorth = 3'd1, DirEast = 3'd2, DirSouth = 3'd3, DirWest = 3'd4
  } dir_e;
  localparam int unsigned NumDir = 5;

  // ---------------------------------------------------------------- register bus

  /// Single-cycle register bus: while `valid`, the response is combinational in the same cycle.
  /// Word (4-byte) aligned; `strb` selects bytes of a write. `priv` = access comes from the ctl node.
  typedef struct packed {
    logic        valid;
    logic        write;
    logic        priv;
    logic [15:0] addr;
    logic [31:0] wdata;
    logic [3:0]  strb;
  } reg_req_t;

  typedef struct packed {
    logic [31:0] rdata;
    logic        err;    // hole, or access that the register does not allow
  } reg_rsp_t;

endpackage
