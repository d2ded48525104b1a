// SPDX-License-Identifier: Apache-2.0
/// Configuration of the layout engine and its byte arithmetic as pure functions.
package tsr_tdma_pkg;

  /// Longest element, and largest index unit, in bytes.
  localparam logic [31:0] MaxCount = 32'h0010_0000;

  /// Unit of a mirrored element.
  typedef enum logic [1:0] { UnitNibble = 2'd0, Unit1 = 2'd1, Unit2 = 2'd2, Unit4 = 2'd3 } unit_e;

  /// Context row RowTdma. OpTCopy, OpTFill, OpTGather, OpTScatter: element e of `count` bytes goes from
  /// src(e) to dst(e). A side that is not named by an index walks its own three loops (iteration 0
  /// innermost): addr = base + i0*stride0 + i1*stride1 + i2*stride2, modulo 2^32. A side that is named by
  /// an index lies at base + index * idx_scale. OpTTrans uses `nibble` only.
  typedef struct packed {
    logic [2:0][31:0] rsvd;        // w13..w15: 0
    logic [27:0]      rsvd12;      // w12[31:4]: 0
    logic             nibble;      // w12[3]: OpTTrans: 4-bit elements, 16 rows of 16 in two beats
    logic             mirror;      // w12[2]: OpTCopy: the units of each element in reverse order
    unit_e            unit;        // w12[1:0]: with mirror
    logic [31:0]      idx_limit;   // w11: an index must be smaller than this; 0 = no limit
    logic [31:0]      idx_scale;   // w10: bytes per index unit, 1..2^20 (1: indices are byte offsets)
    logic [2:0][15:0] dst_iter;    // w8[31:16] = 0, w9 = 1 (low), 2 (high)
    logic [2:0][15:0] src_iter;    // w7 = 0 (low), 1 (high); w8[15:0] = 2
    logic [2:0][31:0] dst_stride;  // w4..w6: bytes, signed
    logic [2:0][31:0] src_stride;  // w1..w3: bytes, signed
    logic [31:0]      count;       // w0: bytes of an element, 1..2^20
  } tdma_cfg_t;

  /// What the byte mover needs of a checked command.
  typedef struct packed {
    logic        fill;     // the source is `pattern`
    logic        gather;   // the source is named by an index
    logic        scatter;  // the destination is named by an index
    logic [31:0] pattern;  // byte i of the scratchpad gets pattern byte i mod 4
    logic [31:0] src;      // bases of the two sides
    logic [31:0] dst;
    tdma_cfg_t   cfg;
  } move_t;

  /// One access pair of the byte mover, without its addresses: bytes [first, stop) of 64.
  function automatic logic [63:0] byte_range(logic [3:0] first, logic [6:0] stop);
    logic [63:0] below;
    below = stop[6] ? '1 : (64'd1 << stop[5:0]) - 64'd1;
    return below & ({64{1'b1}} << first);
  endfunction

  /// Bits in reverse order.
  function automatic logic [63:0] reverse_bits(logic [63:0] x);
    logic [63:0] r;
    for (int unsigned i = 0; i < 64; i++) r[i] = x[63-i];
    return r;
  endfunction

  /// Units of a word in reverse order.
  function automatic logic [63:0] reverse_units(logic [63:0] x, unit_e unit);
    logic [63:0] r;
    r = {x[31:0], x[63:32]};
    if (unit != Unit4) begin
      r = {r[47:32], r[63:48], r[15:0], r[31:16]};
      if (unit != Unit2) begin
        for (int unsigned i = 0; i < 4; i++) r[16*i+:16] = {r[16*i+:8], r[16*i+8+:8]};
        if (unit == UnitNibble) begin
          for (int unsigned i = 0; i < 8; i++) r[8*i+:8] = {r[8*i+:4], r[8*i+4+:4]};
        end
      end
    end
    return r;
  endfunction

  /// Units of a beat in reverse order.
  function automatic logic [7:0][63:0] mirror_beat(logic [7:0][63:0] x, unit_e unit);
    logic [7:0][63:0] r;
    for (int unsigned l = 0; l < 8; l++) r[l] = reverse_units(x[7-l], unit);
    return r;
  endfunction

  /// `n` (0..7) bytes upwards; the bytes that come in are the top of the word below.
  function automatic logic [63:0] shift_word(logic [63:0] word, logic [63:0] below, logic [2:0] n);
    return (n == '0) ? word : (word << {n, 3'b000}) | (below >> (7'd64 - {1'b0, n, 3'b000}));
  endfunction

  /// Bytes of a beat moved up by `n`, the word below it coming in.
  function automatic logic [7:0][63:0] shift_beat(logic [7:0][63:0] x, logic [63:0] below,
                                                  logic [2:0] n);
    logic [7:0][63:0] r;
    r[0] = shift_word(x[0], below, n);
    for (int unsigned l = 1; l < 8; l++) r[l] = shift_word(x[l], x[l-1], n);
    return r;
  endfunction

  /// Half of a 16 x 16 transpose of nibbles: of rows 0..7 (`low`) and 8..15 (`high`), the columns 0..7, or
  /// with `upper` 8..15.
  function automatic logic [7:0][63:0] nibble_columns(logic [7:0][63:0] low, logic [7:0][63:0] high,
                                                      logic upper);
    logic [7:0][63:0] r;
    logic [31:0]      a, b;
    for (int unsigned i = 0; i < 8; i++) begin
      a = upper ? low[i][63:32] : low[i][31:0];
      b = upper ? high[i][63:32] : high[i][31:0];
      for (int unsigned c = 0; c < 8; c++) begin
        r[c][4*i+:4]    = a[4*c+:4];
        r[c][32+4*i+:4] = b[4*c+:4];
      end
    end
    return r;
  endfunction

  /// The lowest set bit alone.
  function automatic logic [15:0] lowest_only(logic [15:0] x);
    return x & (~x + 16'd1);
  endfunction

  /// Position of the only set bit.
  function automatic logic [3:0] position(logic [15:0] one);
    logic [3:0] r;
    r[0] = |(one & 16'haaaa);
    r[1] = |(one & 16'hcccc);
    r[2] = |(one & 16'hf0f0);
    r[3] = |(one & 16'hff00);
    return r;
  endfunction

endpackage
