// SPDX-License-Identifier: Apache-2.0
/// Types of the HBM memory node: DRAM geometry, address mapping, DFI port, timing.
///
/// Mirrored for C++ in `model/dram/address.hpp` and `model/dram/dfi.hpp`; tests compare both.
package tsr_hbm_pkg;

  // ---------------------------------------------------------------- geometry of one memory node

  localparam int unsigned NumPc    = 2;   // pseudo channels
  localparam int unsigned NumBg    = 4;   // bank groups of a pseudo channel
  localparam int unsigned NumBanks = 16;  // banks of a pseudo channel
  localparam int unsigned RowW     = 15;  // 32,768 rows of 1 KiB
  localparam int unsigned ColW     = 5;   // 32 atoms of 32 bytes
  localparam int unsigned LocalW   = 30;  // byte offset inside the node: 1 GiB

  typedef logic [3:0]      bank_t;  // {bank group, bank}
  typedef logic [RowW-1:0] row_t;
  typedef logic [ColW-1:0] col_t;
  typedef logic [3:0][63:0] atom_t;  // 32 bytes

  /// Where a 64-byte block lies. Its two atoms are columns {col_hi, 0} and {col_hi, 1}.
  typedef struct packed {
    bank_t           bank;
    row_t            row;
    logic [ColW-2:0] col_hi;
  } block_t;

  /// Bank hash: the row number folded to four bits, its low nibble in Gray code. Neighbouring rows differ in
  /// one bit (nearly always), so a sequential stream does not meet the bank that it has just left; any four
  /// neighbouring row bits select all banks, so strides of 2^n rows spread.
  function automatic bank_t bank_hash(row_t row);
    return row[3:0] ^ {1'b0, row[3:1]} ^ row[7:4] ^ row[11:8] ^ {1'b0, row[14:12]};
  endfunction

  /// Pseudo channel of a node-local byte offset: 64-byte blocks alternate.
  function automatic logic map_pc(logic [LocalW-1:0] off);
    return off[6] ^ (^off[LocalW-1:8]);
  endfunction

  /// Block address inside the pseudo channel. A 256-byte granule has two blocks in each pseudo channel, in
  /// one row; following granules go to the other bank groups.
  ///   off[5] column 0, [6] pseudo channel, [7] column 1, [9:8] bank group, [12:10] columns 4:2,
  ///   [14:13] bank, [29:15] row
  function automatic block_t map_block(logic [LocalW-1:0] off);
    block_t b;
    b.row    = off[29:15];
    b.bank   = {off[10:9], off[14:13]} ^ bank_hash(off[29:15]);
    b.col_hi = {off[12:11], off[8:7]};
    return b;
  endfunction

  // ---------------------------------------------------------------- DFI port of one pseudo channel

  typedef enum logic [2:0] {
    RowAct   = 3'd0,  // open `row` of `bank`
    RowPre   = 3'd1,  // close `bank`
    RowRefPb = 3'd2,  // refresh `bank`
    RowRefAb = 3'd3,  // refresh all banks
    RowMrs   = 3'd4,  // mode register `bank` := row[7:0]
    RowPde   = 3'd5,  // enter power-down, all banks closed
    RowSre   = 3'd6,  // enter self-refresh, all banks closed
    RowPdx   = 3'd7   // leave either
  } row_cmd_e;

  typedef enum logic [1:0] {
    ColRd  = 2'd0,
    ColWr  = 2'd1,
    ColMrr = 2'd2   // read the mode registers: see MrrMagic
  } col_cmd_e;

  /// Commands of one chip cycle (two DRAM clocks), 64 bits. `phase`: which of the two clocks.
  typedef struct packed {
    logic [24:0] rsvd;         // zero
    logic        reset_n;      // the device's reset
    logic        wdata_valid;  // write data of a ColWr CWL / 2 cycles ago
    logic        col_valid;
    col_cmd_e    col_cmd;
    logic        col_phase;
    bank_t       col_bank;
    col_t        col;
    logic        row_valid;
    row_cmd_e    row_cmd;
    logic        row_phase;
    bank_t       row_bank;
    row_t        row;
  } dfi_cmd_t;

  // Mode registers.
  localparam bank_t MrCl     = 4'd0;  // read latency in clocks
  localparam bank_t MrCwl    = 4'd1;  // write latency in clocks
  localparam bank_t MrEnable = 4'd2;  // 1: leave configuration; array commands are legal from now on

  /// ColMrr answers {.., MR1 in [47:40], MR0 in [39:32], MrrMagic in [31:0]} after CL.
  localparam logic [31:0] MrrMagic = 32'h334d_4248;  // "HBM3"

  // ---------------------------------------------------------------- timing

  /// Timing as the controller uses it, in DRAM clocks, commands to commands.
  typedef struct packed {
    logic [5:0]  cl;
    logic [5:0]  cwl;
    logic [3:0]  ccd_s;
    logic [3:0]  ccd_l;
    logic [6:0]  rcdrd;
    logic [6:0]  rcdwr;
    logic [6:0]  rp;
    logic [6:0]  ras;
    logic [7:0]  rc;
    logic [4:0]  rrd_s;
    logic [4:0]  rrd_l;
    logic [6:0]  faw;
    logic [3:0]  ppd;
    logic [6:0]  wr2pre;    // CWL + BL + tWR
    logic [5:0]  rtp;
    logic [6:0]  wr2rd_s;   // CWL + BL + tWTR_S
    logic [6:0]  wr2rd_l;   // CWL + BL + tWTR_L
    logic [5:0]  rtw;
    logic [15:0] refi;
    logic [9:0]  rfcab;
    logic [9:0]  rfcpb;
    logic [5:0]  rrefd;
    logic [19:0] init;
    logic [6:0]  mod;
    logic [5:0]  cke;
    logic [5:0]  xp;
    logic [9:0]  xs;
  } timing_t;

  // ---------------------------------------------------------------- sleep

  // A node's clock may stand still while it only waits. Then every counter that goes on by itself makes up for it at
  // the next edge, and says how far it is from doing something, so that the clock is back before.

  /// Cycles since the last clock edge: 1, or more after a sleep. And cycles until something happens: 0 now,
  /// SpanNever nothing to come.
  typedef logic [10:0] span_t;
  localparam span_t SpanNever = '1;

  function automatic span_t sooner(span_t a, span_t b);
    return (a < b) ? a : b;
  endfunction

  // ---------------------------------------------------------------- queues

  localparam int unsigned Entries = 64;  // read queue and write queue of a pseudo channel, 64-byte blocks
  localparam int unsigned IdxW    = 6;
  typedef logic [IdxW-1:0]    idx_t;
  typedef logic [Entries-1:0] vec_t;

  /// What the response to a read block needs, besides its data.
  typedef struct packed {
    logic [33:0]      blk;   // global HBM address [39:6]
    logic [23:0]      doff;  // where block byte 0 goes
    logic             cls;
    logic             vc;
    tsr_pkg::node_t   src;
    logic [7:0]       tag;
    logic [5:0]       lo;    // first and last valid byte
    logic [5:0]       hi;
    logic             spread;  // answer by multicast to `rect`
    tsr_pkg::rect_t   rect;
    tsr_pkg::listen_t listen;
    logic             own;    // entry `slot` of the read-modify-write unit waits for it
    logic             silent; // and nobody else
    logic [2:0]       slot;
  } rd_meta_t;

  /// What the node wants of a block.
  typedef enum logic [1:0] { OpRead, OpWrite, OpAtomic } block_op_e;

  /// New bytes over old ones.
  function automatic atom_t merge_atom(atom_t old, atom_t fresh, logic [31:0] strb);
    for (int unsigned l = 0; l < 4; l++) begin
      for (int unsigned b = 0; b < 8; b++) begin
        if (strb[8*l+b]) old[l][8*b+:8] = fresh[l][8*b+:8];
      end
    end
    return old;
  endfunction

  /// Index of the only set bit.
  function automatic idx_t onehot_idx(vec_t oh);
    idx_t i;
    i[0] = (oh & 64'hAAAA_AAAA_AAAA_AAAA) != '0;
    i[1] = (oh & 64'hCCCC_CCCC_CCCC_CCCC) != '0;
    i[2] = (oh & 64'hF0F0_F0F0_F0F0_F0F0) != '0;
    i[3] = (oh & 64'hFF00_FF00_FF00_FF00) != '0;
    i[4] = (oh & 64'hFFFF_0000_FFFF_0000) != '0;
    i[5] = (oh & 64'hFFFF_FFFF_0000_0000) != '0;
    return i;
  endfunction

  /// The lowest set bit of `v`, alone.
  function automatic vec_t first_of(vec_t v);
    return v & (~v + 1'b1);
  endfunction

  /// Lowest set bit of a bank vector.
  function automatic bank_t first_bank(logic [NumBanks-1:0] v);
    return bank_t'(onehot_idx({48'b0, v & (~v + 1'b1)}));
  endfunction

  /// Clocks to whole chip cycles, rounded up, minus one: what a counter loads when it must block that long.
  function automatic logic [5:0] block_cycles(logic [6:0] clocks);
    return (clocks <= 7'd2) ? '0 : 6'((8'(clocks) - 8'd1) >> 1);
  endfunction

  /// Clocks to whole chip cycles, rounded up.
  function automatic logic [9:0] cycles_up(logic [10:0] clocks);
    return 10'((clocks + 11'd1) >> 1);
  endfunction

  /// Countdown in clocks: one chip cycle passes.
  function automatic logic [7:0] dec2(logic [7:0] v);
    return (v > 8'd2) ? v - 8'd2 : '0;
  endfunction

  /// Countdown after a command at `phase` with a distance of `clocks`.
  function automatic logic [7:0] load2(logic [7:0] clocks, logic phase);
    return clocks + {7'b0, phase} - 8'd2;
  endfunction

endpackage
