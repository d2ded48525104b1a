// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Unpacks the beats of an index stream into 32-bit words: in lane order, those whose first byte is valid.
///
/// *Latency:* 0 cycles.
/// *Backpressure:* a beat is taken with its last word; beat_ready_o is combinational from idx_ready_i.
/// *Throughput:* one word a cycle; a beat without a word takes a cycle too.
/// *Reset:* control state only.
module tsr_tdma_index
  import tsr_tile_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,

  /// A new stream begins behind this cycle (pulse).
  input  logic        start_i,
  /// Level: swallow whole beats with the words that are left in them; idx_ready_i must be 0.
  input  logic        drain_i,

  // Beats.
  input  logic        beat_valid_i,
  output logic        beat_ready_o,
  input  beat_t       beat_i,

  // Words.
  output logic        idx_valid_o,
  input  logic        idx_ready_i,
  output logic [31:0] idx_o,

  /// The stream's last beat was taken. Registered, until start_i.
  output logic        done_o
);

  logic [15:0] used_q;  // words of this beat that were handed on
  logic [15:0] left, pick;
  logic        take, done_q;

  always_comb begin
    left = '0;
    if (beat_valid_i) begin
      for (int unsigned i = 0; i < 16; i++) left[i] = beat_i.strb[4*i] && !used_q[i];
    end
  end

  assign pick        = tsr_tdma_pkg::lowest_only(left);
  assign idx_valid_o = left != '0;

  always_comb begin
    logic [3:0] at;
    at    = '0;
    idx_o = '0;
    if (idx_valid_o) begin
      at    = tsr_tdma_pkg::position(pick);
      idx_o = at[0] ? beat_i.data[at[3:1]][63:32] : beat_i.data[at[3:1]][31:0];
    end
  end

  assign take         = idx_valid_o && idx_ready_i;
  assign beat_ready_o = drain_i || (left ^ pick) == '0 && (left == '0 || idx_ready_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      used_q <= '0;
      done_q <= 1'b0;
    end else begin
      if (beat_valid_i && beat_ready_o) used_q <= '0;
      else if (take) used_q <= used_q | pick;
      if (start_i) done_q <= 1'b0;
      else if (beat_valid_i && beat_ready_o && beat_i.fin) done_q <= 1'b1;
    end
  end
  assign done_o = done_q;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(DrainTakesNoWord, !drain_i || !idx_ready_i)
  `TSR_ASSERT(WordOfThisBeat, (used_q & pick) == '0)

endmodule
