// SPDX-License-Identifier: Apache-2.0
/// Types shared by the two DMA engines.
package tsr_dma_pkg;

  /// Longest element in bytes.
  localparam logic [31:0] MaxCount = 32'h0010_0000;

  /// Cycles without progress before a command fails, when its context says 0.
  localparam logic [31:0] DefaultTimeout = 32'h0001_0000;

  /// A checked command with its context.
  typedef struct packed {
    logic                         run;      // 0: finish with `err`, without any other effect
    logic                         fill;     // the source is `pattern`
    logic                         overlap;  // may start while the command before is unfinished
    logic                         mcast;    // posted to every node of `rect`
    logic                         spread;   // read for every node of `rect`
    tsr_pkg::listen_t             listen;   // what these do with it
    logic [15:0]                  id;
    tsr_tile_pkg::cmd_err_e       err;
    tsr_pkg::err_e                info;
    tsr_pkg::addr_t               addr;     // goes with `err`
    logic [31:0]                  pattern;
    tsr_pkg::addr_t               src;      // bases of the two sides
    tsr_pkg::addr_t               dst;
    tsr_pkg::rect_t               rect;
    tsr_tile_pkg::dma_cfg_t       cfg;
  } job_t;

  /// Strobes of `len` bytes (1..64) from byte `first` (first + len <= 64).
  function automatic logic [63:0] byte_strobes(logic [5:0] first, logic [6:0] len);
    return ({64{1'b1}} << first) & ({64{1'b1}} >> (7'd64 - {1'b0, first} - len));
  endfunction

  /// Index of the lowest set bit, 0 when there is none.
  function automatic logic [5:0] lowest(logic [63:0] bits);
    logic [63:0] one;
    logic [5:0]  r;
    one  = bits & (~bits + 64'd1);
    r[0] = |(one & 64'haaaa_aaaa_aaaa_aaaa);
    r[1] = |(one & 64'hcccc_cccc_cccc_cccc);
    r[2] = |(one & 64'hf0f0_f0f0_f0f0_f0f0);
    r[3] = |(one & 64'hff00_ff00_ff00_ff00);
    r[4] = |(one & 64'hffff_0000_ffff_0000);
    r[5] = |(one & 64'hffff_ffff_0000_0000);
    return r;
  endfunction

  /// The bytes [off, off + count) do not all lie within a scratchpad of `bytes`.
  function automatic logic outside(tsr_pkg::addr_t off, logic [31:0] count, logic [31:0] bytes);
    return off[55:24] != '0 || {9'd0, off[23:0]} + {1'b0, count} > {1'b0, bytes};
  endfunction

endpackage
