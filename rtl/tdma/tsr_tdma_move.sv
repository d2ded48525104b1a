// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Byte mover: elements of any length and alignment from addresses or indices to addresses or indices.
///
/// *Latency:* 3 cycles from start_i to the first read request (4 from the first index), 3 from its acceptance
/// to the write request.
/// *Backpressure:* a read is requested only if there is room for its answer, so answers are always taken.
/// *Throughput:* a step a cycle. With d the destination's and s the source's offset in a word (8 more for d
/// if d < s), an element takes ceil((d + count) / 64) steps: one read, one write access each.
/// *Reset:* control state only.
///
/// The scratchpad must answer each accepted access in the very next cycle. Reads run up to 8 steps ahead of
/// writes.
module tsr_tdma_move
  import tsr_tile_pkg::*;
  import tsr_tdma_pkg::*;
#(
  /// Bytes of the scratchpad; 64..2^22.
  parameter int unsigned SpmBytes = 262144
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  /// Begin (pulse); only while busy_o is 0.
  input  logic        start_i,
  input  move_t       move_i,
  /// Level: begin no further element.
  input  logic        stop_i,

  // Indices, with gather or scatter.
  input  logic        idx_valid_i,
  output logic        idx_ready_o,
  input  logic [31:0] idx_i,

  // Scratchpad: reads.
  output logic        rd_valid_o,
  input  logic        rd_ready_i,
  output spm_req_t    rd_req_o,
  input  logic        rd_rsp_valid_i,
  input  spm_rsp_t    rd_rsp_i,
  // Scratchpad: writes.
  output logic        wr_valid_o,
  input  logic        wr_ready_i,
  output spm_req_t    wr_req_o,
  input  logic        wr_rsp_valid_i,

  /// Pulse: an element is not within the scratchpad, or its index is too large; nothing of it was moved, and
  /// no further element is begun. Its byte address.
  output logic        range_o,
  output logic [55:0] range_addr_o,
  /// Elements are left to begin.
  output logic        active_o,
  /// An index was taken whose element has not begun.
  output logic        idx_held_o,
  /// Elements are left or under way.
  output logic        busy_o
);

  // ---------------------------------------------------------------- integration checks
  `TSR_STATIC_ASSERT(SpmBytesLegal, SpmBytes >= 64 && SpmBytes <= 4194304)

  localparam int unsigned Depth  = 4;  // steps between a read request and its write: the full rate needs 3
  localparam int unsigned CountW = tsr_pkg::idx_width(Depth + 1);

  // ---------------------------------------------------------------- implementation: the command
  logic        active_q, fill_q, gather_q, scatter_q, mirror_q;
  unit_e       unit_q;
  logic [20:0] count_q;
  spm_addr_t   tail_q;         // count - 57: floor8(src + tail) is the last beat of a mirrored element
  logic [22:0] room_q;         // largest address of an element
  logic        never_q;        // an element is larger than the scratchpad
  logic [31:0] pattern_q, base_q, limit_q;
  logic [20:0] scale_q;

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      fill_q    <= move_i.fill;
      gather_q  <= move_i.gather;
      scatter_q <= move_i.scatter;
      mirror_q  <= move_i.cfg.mirror;
      unit_q    <= move_i.cfg.unit;
      count_q   <= move_i.cfg.count[20:0];
      tail_q    <= SpmAw'(move_i.cfg.count[20:0]) - SpmAw'(57);
      room_q    <= 23'(SpmBytes) - {2'b0, move_i.cfg.count[20:0]};
      never_q   <= {2'b0, move_i.cfg.count[20:0]} > 23'(SpmBytes);
      pattern_q <= move_i.pattern;
      base_q    <= move_i.gather ? move_i.src : move_i.dst;
      limit_q   <= move_i.cfg.idx_limit;
      scale_q   <= move_i.cfg.idx_scale[20:0];
    end
  end

  // ---------------------------------------------------------------- indices to addresses, two stages
  logic        x0_valid_q, x1_valid_q, x0_over_q, x1_over_q, x0_go, begin_elem;
  logic [36:0] low_q, high_q;  // index halves times scale
  logic [55:0] x1_addr_q;

  assign x0_go       = x0_valid_q && (!x1_valid_q || begin_elem);
  assign idx_ready_o = active_q && (gather_q || scatter_q) && (!x0_valid_q || x0_go);
  assign idx_held_o  = x0_valid_q || x1_valid_q;

  always_ff @(posedge clk_i) begin
    if (idx_valid_i && idx_ready_o) begin
      low_q     <= 37'(idx_i[15:0]) * 37'(scale_q);
      high_q    <= 37'(idx_i[31:16]) * 37'(scale_q);
      x0_over_q <= limit_q != '0 && idx_i >= limit_q;
    end
    if (x0_go) begin
      x1_addr_q <= {19'b0, low_q} + {3'b0, high_q, 16'b0} + {24'b0, base_q};
      x1_over_q <= x0_over_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) begin
      x0_valid_q <= 1'b0;
      x1_valid_q <= 1'b0;
    end else begin
      if (idx_ready_o) x0_valid_q <= idx_valid_i;
      else if (x0_go) x0_valid_q <= 1'b0;
      if (x0_go) x1_valid_q <= 1'b1;
      else if (begin_elem) x1_valid_q <= 1'b0;
    end
  end

  // ---------------------------------------------------------------- elements
  logic [31:0] src_walk, dst_walk;
  logic        src_last, dst_last, last_elem;

  tsr_tdma_walk u_src (
    .clk_i, .load_i(start_i), .base_i(move_i.src), .stride_i(move_i.cfg.src_stride),
    .iter_i(move_i.cfg.src_iter), .next_i(begin_elem && !gather_q && !fill_q),
    .addr_o(src_walk), .last_o(src_last)
  );
  tsr_tdma_walk u_dst (
    .clk_i, .load_i(start_i), .base_i(move_i.dst), .stride_i(move_i.cfg.dst_stride),
    .iter_i(move_i.cfg.dst_iter), .next_i(begin_elem && !scatter_q),
    .addr_o(dst_walk), .last_o(dst_last)
  );

  logic [55:0] src, dst;
  logic        have_addr, src_bad, dst_bad, el_free;
  logic [2:0]  off_s;    // offset of the first byte in its beat of the source
  logic        early;    // the destination's first beat begins a word lower

  assign src       = gather_q ? x1_addr_q : {24'b0, src_walk};
  assign dst       = scatter_q ? x1_addr_q : {24'b0, dst_walk};
  assign last_elem = scatter_q ? src_last : dst_last;
  assign have_addr = active_q && (x1_valid_q || !(gather_q || scatter_q));

  function automatic logic outside(logic [55:0] addr, logic [22:0] room);
    return addr[55:SpmAw] != '0 || {1'b0, addr[SpmAw-1:0]} > room;
  endfunction

  assign src_bad = !fill_q && (never_q || outside(src, room_q) || (gather_q && x1_over_q));
  assign dst_bad = never_q || outside(dst, room_q) || (scatter_q && x1_over_q);

  assign begin_elem   = have_addr && el_free && !stop_i && !src_bad && !dst_bad;
  assign range_o      = have_addr && !stop_i && (src_bad || dst_bad);
  assign range_addr_o = src_bad ? src : dst;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) active_q <= 1'b0;
    else if (start_i) active_q <= 1'b1;
    else if (stop_i || range_o || (begin_elem && last_elem)) active_q <= 1'b0;
  end
  assign active_o = active_q;

  // ---------------------------------------------------------------- the element in work: steps of 64 bytes
  // Source and destination are both seen as beats of 64 bytes from a word address; the beats of the
  // destination lie so that its bytes are 0..7 further up than the source's.
  logic        el_valid_q, el_step, el_last;
  spm_addr_t   rbase_q, wbase_q;
  logic [3:0]  rfirst_q, wfirst_q;   // first byte of the element in this beat
  logic [20:0] rleft_q, wleft_q;     // bytes from the begin of this beat to the end of the element
  logic [2:0]  shift_q;

  assign off_s   = fill_q ? '0 : mirror_q ? -(src[2:0] + count_q[2:0]) : src[2:0];
  assign early   = dst[2:0] < off_s;
  assign el_last = wleft_q <= 21'd64;
  assign el_free = !el_valid_q || (el_step && el_last);

  always_ff @(posedge clk_i) begin
    if (begin_elem) begin
      rbase_q  <= mirror_q ? (src[SpmAw-1:0] + tail_q) & ~spm_addr_t'(7) : {src[SpmAw-1:3], 3'b000};
      wbase_q  <= {dst[SpmAw-1:3] - (SpmAw - 3)'(early), 3'b000};
      rfirst_q <= {1'b0, off_s};
      wfirst_q <= {early, dst[2:0]};
      rleft_q  <= count_q + {18'b0, off_s};
      wleft_q  <= count_q + {17'b0, early, dst[2:0]};
      shift_q  <= dst[2:0] - off_s;
    end else if (el_step) begin
      rbase_q  <= mirror_q ? rbase_q - SpmAw'(64) : rbase_q + SpmAw'(64);
      wbase_q  <= wbase_q + SpmAw'(64);
      rfirst_q <= '0;
      wfirst_q <= '0;
      rleft_q  <= (rleft_q <= 21'd64) ? '0 : rleft_q - 21'd64;
      wleft_q  <= wleft_q - 21'd64;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) el_valid_q <= 1'b0;
    else if (begin_elem) el_valid_q <= 1'b1;
    else if (el_step && el_last) el_valid_q <= 1'b0;
  end

  // ---------------------------------------------------------------- read request
  typedef struct packed {
    spm_addr_t   base;
    logic [63:0] strb;
    logic [2:0]  shift;
  } wr_t;

  logic              st_valid_q, st_read_q, st_go, pop;
  spm_addr_t         st_base_q;
  logic [63:0]       st_strb_q, rbytes;
  wr_t               st_wr_q;
  logic [CountW-1:0] free_q;  // places behind the read port not promised to a step

  assign el_step = el_valid_q && (!st_valid_q || st_go);
  assign rbytes  = byte_range(rfirst_q, (rleft_q > 21'd64) ? 7'd64 : rleft_q[6:0]);

  always_ff @(posedge clk_i) begin
    if (el_step) begin
      st_read_q     <= !fill_q && rleft_q != '0;
      st_base_q     <= rbase_q;
      st_strb_q     <= mirror_q ? reverse_bits(rbytes) : rbytes;
      st_wr_q.base  <= wbase_q;
      st_wr_q.strb  <= byte_range(wfirst_q, (wleft_q > 21'd64) ? 7'd64 : wleft_q[6:0]);
      st_wr_q.shift <= shift_q;
    end
  end

  assign rd_valid_o = st_valid_q && st_read_q && free_q != '0;
  assign st_go      = st_valid_q && free_q != '0 && (!st_read_q || rd_ready_i);
  assign rd_req_o   = '{pad: '0, write: 1'b0, w_log2: 2'd3, base: st_base_q, pitch: '0, strb: st_strb_q, wdata: '0};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      st_valid_q <= 1'b0;
      free_q     <= CountW'(Depth);
    end else begin
      if (el_step) st_valid_q <= 1'b1;
      else if (st_go) st_valid_q <= 1'b0;
      if (st_go != pop) free_q <= st_go ? free_q - 1'b1 : free_q + 1'b1;
    end
  end

  // ---------------------------------------------------------------- read data
  typedef struct packed {
    wr_t              wr;
    logic [7:0][63:0] data;
  } item_t;

  logic              pend_q, item_valid, unused_room;
  wr_t               pend_wr_q;
  item_t             item;
  logic [CountW-1:0] item_count;

  always_ff @(posedge clk_i) begin
    if (st_go) pend_wr_q <= st_wr_q;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) pend_q <= 1'b0;
    else pend_q <= st_go;
  end

  tsr_fifo #(
    .T(item_t),
    .Depth(Depth)
  ) u_items (
    .clk_i, .rst_ni, .clr_i(1'b0),
    .in_valid_i(pend_q), .in_ready_o(unused_room), .in_data_i('{wr: pend_wr_q, data: rd_rsp_i.rdata}),
    .out_valid_o(item_valid), .out_ready_i(pop), .out_data_o(item), .count_o(item_count)
  );

  // ---------------------------------------------------------------- align and write
  logic             w_valid_q, w_wait_q;
  wr_t              w_q;
  logic [7:0][63:0] w_data_q, beat;
  logic [63:0]      below_q;   // last word of the source beat before

  assign pop = item_valid && (!w_valid_q || wr_ready_i);

  always_comb begin
    beat = '0;
    if (pop) begin
      if (fill_q) beat = {16{pattern_q}};
      else if (mirror_q) beat = mirror_beat(item.data, unit_q);
      else beat = item.data;
    end
  end

  always_ff @(posedge clk_i) begin
    if (pop) begin
      w_q      <= item.wr;
      below_q  <= beat[7];
      w_data_q <= fill_q ? beat : shift_beat(beat, below_q, item.wr.shift);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      w_valid_q <= 1'b0;
      w_wait_q  <= 1'b0;
    end else begin
      if (pop) w_valid_q <= 1'b1;
      else if (wr_ready_i) w_valid_q <= 1'b0;
      w_wait_q <= w_valid_q && wr_ready_i;
    end
  end

  assign wr_valid_o = w_valid_q;
  assign wr_req_o   = '{pad: '0, write: 1'b1, w_log2: 2'd3, base: w_q.base, pitch: '0, strb: w_q.strb,
                        wdata: w_data_q};

  assign busy_o = active_q || el_valid_q || st_valid_q || pend_q || item_count != '0 || w_valid_q ||
                  w_wait_q;

  // ---------------------------------------------------------------- implementation checks
  logic read_q;
  always_ff @(posedge clk_i) read_q <= rst_ni && rd_valid_o && rd_ready_i;

  `TSR_ASSUME(ReadAnsweredInTime, rd_rsp_valid_i == read_q)
  `TSR_ASSUME(WriteAnsweredInTime, wr_rsp_valid_i == w_wait_q)
  `TSR_ASSERT(StartWhenFree, !start_i || !busy_o)
  `TSR_ASSERT(RoomForTheAnswer, !pend_q || unused_room)
  `TSR_ASSERT(SomethingIsWritten, !w_valid_q || w_q.strb != '0)
  `TSR_ASSERT(ReadsSomething, !rd_valid_o || st_strb_q != '0)
  `TSR_ASSERT(WalksEndTogether,
              !begin_elem || fill_q || gather_q || scatter_q || src_last == dst_last)

endmodule
