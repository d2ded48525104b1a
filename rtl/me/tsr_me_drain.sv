// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Way out of the matrix engine: 16 results a cycle are normalized, rounded once and packed. The user keeps the
/// register that select_o and index_o fill from the cells, significands as magnitudes.
///
/// *Latency:* 1 cycle from start_i to the first selection, 3 more to the first beat.
/// *Backpressure:* a beat stays until its sink takes it.
/// *Throughput:* 16 results a cycle.
/// *Reset:* empty.
module tsr_me_drain
  import tsr_tile_pkg::*;
  import tsr_me_pkg::*;
#(
  parameter int unsigned Rows = 8,
  parameter int unsigned Cols = 8,
  /// Selections of a block.
  localparam int unsigned Beats = Rows * Cols / 16,
  localparam int unsigned CntW  = tsr_pkg::idx_width(Beats + 1)
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,

  /// Finished accumulators are there from the next cycle on (pulse); only with room_o.
  input  logic                        start_i,
  input  drain_cfg_t                  cfg_i,
  /// Load sel_i from accumulators 16 * index_o and up (row by row) at the end of this cycle.
  output logic                        select_o,
  output logic [CntW-1:0]             index_o,
  /// The accumulators are integers.
  output logic                        int32_o,
  input  mag_t [15:0]                 sel_i,
  /// Rows and columns with elements; only their results count for nan_o and over_o. Taken with start_i.
  input  logic [Rows-1:0]             rows_i,
  input  logic [Cols-1:0]             cols_i,
  /// The last selection of the block is done, or happens in this cycle.
  output logic                        room_o,
  /// Selections to do.
  output logic [CntW-1:0]             left_o,

  // Beats, to stream O or to the vector engine.
  output logic                        o_valid_o,
  input  logic                        o_ready_i,
  output logic                        chain_valid_o,
  input  logic                        chain_ready_i,
  /// Tags and data for both.
  output beat_t                       beat_o,

  // Results that were taken in this cycle.
  output logic                        taken_o,
  output logic                        taken_epoch_o,
  output logic                        nan_o,
  output logic                        over_o,
  /// The last one of a command went to the vector engine.
  output logic                        chain_fin_o,

  output logic                        idle_o
);

  // ---------------------------------------------------------------- selection
  logic [CntW-1:0] left_q;
  drain_cfg_t      cfg_q;
  logic [Rows-1:0] rows_q;
  logic [Cols-1:0] cols_q;
  logic [15:0]     used_q;  // of sel_i
  drain_cfg_t      sel_cfg_q;
  logic            sel_valid_q, sel_last_q, sel_odd_q, sel_move, fire;

  assign fire   = left_q != '0 && (!sel_valid_q || sel_move);
  assign room_o = left_q == '0 || (left_q == CntW'(1) && fire);
  assign left_o = left_q;
  assign select_o = fire;
  assign index_o  = CntW'(Beats) - left_q;
  assign int32_o  = cfg_q.int32;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      left_q      <= '0;
      sel_valid_q <= 1'b0;
    end else begin
      if (start_i) left_q <= CntW'(Beats);
      else if (fire) left_q <= left_q - 1'b1;
      if (fire) sel_valid_q <= 1'b1;
      else if (sel_move) sel_valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      cfg_q  <= cfg_i;
      rows_q <= rows_i;
      cols_q <= cols_i;
    end
    if (fire) begin
      for (int unsigned b = 0; b < Beats; b++) begin
        if (left_q == CntW'(Beats - b)) begin
          for (int unsigned i = 0; i < 16; i++) begin
            used_q[i] <= rows_q[(16*b+i)/Cols] && cols_q[i%Cols];
          end
        end
      end
      sel_cfg_q  <= cfg_q;
      sel_last_q <= left_q == CntW'(1);
      sel_odd_q  <= left_q[0];
    end
  end

  // ---------------------------------------------------------------- normalize, round
  // Each register moves on when the next one is empty or moves too.
  mag_t [15:0]    norm_q;
  result_t [15:0] round_q;
  drain_cfg_t     norm_cfg_q, round_cfg_q;
  logic [15:0]    norm_used_q, round_used_q;
  logic           norm_valid_q, norm_last_q, norm_odd_q, norm_move;
  logic           round_valid_q, round_last_q, round_odd_q, take, whole;

  assign norm_move = norm_valid_q && (!round_valid_q || take);
  assign sel_move  = sel_valid_q && (!norm_valid_q || norm_move);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      norm_valid_q  <= 1'b0;
      round_valid_q <= 1'b0;
    end else begin
      if (sel_move) norm_valid_q <= 1'b1;
      else if (norm_move) norm_valid_q <= 1'b0;
      if (norm_move) round_valid_q <= 1'b1;
      else if (take) round_valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (sel_move) begin
      for (int unsigned i = 0; i < 16; i++) norm_q[i] <= drain_norm(sel_i[i], sel_cfg_q.int32);
      norm_cfg_q  <= sel_cfg_q;
      norm_used_q <= used_q;
      norm_last_q <= sel_last_q;
      norm_odd_q  <= sel_odd_q;
    end
    if (norm_move) begin
      for (int unsigned i = 0; i < 16; i++) round_q[i] <= drain(norm_q[i], norm_cfg_q.int32, norm_cfg_q.relu);
      round_cfg_q  <= norm_cfg_q;
      round_used_q <= norm_used_q;
      round_last_q <= norm_last_q;
      round_odd_q  <= norm_odd_q;
    end
  end

  // ---------------------------------------------------------------- packing
  // Two selections make a beat of 2-byte results, if a block has two.
  logic [15:0][31:0] result;
  logic [3:0][63:0]  packed16, half_q;
  logic              nan, over;

  assign whole         = !round_cfg_q.bf16 || round_odd_q || Beats == 1;
  assign o_valid_o     = round_valid_q && whole && !round_cfg_q.chain;
  assign chain_valid_o = round_valid_q && whole && round_cfg_q.chain;
  assign take          = round_valid_q && (!whole || (round_cfg_q.chain ? chain_ready_i : o_ready_i));

  always_comb begin
    result   = '0;
    packed16 = '0;
    nan      = 1'b0;
    over     = 1'b0;
    if (round_valid_q) begin
      for (int unsigned i = 0; i < 16; i++) begin
        result[i] = round_q[i].bits;
        nan       = nan | (round_q[i].nan && round_used_q[i]);
        over      = over | (round_q[i].over && round_used_q[i]);
      end
      if (round_cfg_q.bf16) begin
        for (int unsigned i = 0; i < 16; i++) begin
          packed16[i/4][16*(i%4)+:16] = fp32_to_bf16(result[i]);
          over = over | (bf16_over(result[i]) && round_used_q[i]);
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take && !whole) half_q <= packed16;
  end

  always_comb begin
    beat_o       = '0;
    beat_o.fin   = round_cfg_q.fin && round_last_q;
    beat_o.epoch = round_cfg_q.epoch;
    beat_o.last  = {beat_o.fin, 4'b0, round_last_q};
    beat_o.strb  = '1;
    if (!round_cfg_q.bf16) begin
      beat_o.data = result;
    end else if (Beats == 1) begin
      beat_o.data = {256'b0, packed16};
      beat_o.strb = 64'h0000_0000_ffff_ffff;
    end else begin
      beat_o.data = {packed16, half_q};
    end
  end

  assign taken_o       = take;
  assign taken_epoch_o = round_cfg_q.epoch;
  assign nan_o         = nan;
  assign over_o        = over;
  assign chain_fin_o   = chain_valid_o && chain_ready_i && beat_o.fin;
  assign idle_o        = left_q == '0 && !sel_valid_q && !norm_valid_q && !round_valid_q;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(StartWithRoom, !start_i || room_o)

endmodule
