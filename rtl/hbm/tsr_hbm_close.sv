// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Decides which open rows of one pseudo channel are closed before somebody needs the bank for another row.
///
/// A bank is quiet when no entry has wanted it for one to two periods of 32 cycles. A quiet bank's row is closed if
/// that has mostly been right for this bank: a counter of two bits goes up when the next access of the bank
/// wants another row, and down when a row was closed and the next access wants the same one.
///
/// *Latency:* answers are registered. *Reset, and while run_i is 0:* nothing quiet, all counters at "close".
module tsr_hbm_close
  import tsr_hbm_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  span_t               step_i,

  /// The channel is initialized. Time before that leaves no trace, so that a node may sleep through it.
  input  logic                run_i,
  /// The bank has pending entries.
  input  logic [NumBanks-1:0] want_i,
  /// Row command of this cycle. `same_row_i`: it activates the row that was open last.
  input  logic                act_i,
  input  logic                pre_i,
  input  bank_t               row_bank_i,
  input  logic                same_row_i,
  /// The precharge is for an entry that wants another row; it is one that close_o proposed.
  input  logic                conflict_i,
  input  logic                choice_i,

  output logic [NumBanks-1:0] quiet_o,
  output logic [NumBanks-1:0] close_o,
  /// All banks are quiet, and stay so until one is wanted: periods that pass change nothing.
  output logic                still_o
);

  logic [4:0]          timer_q;
  logic [NumBanks-1:0] seen_q, quiet_q;  // not wanted since the last tick, the one before
  logic [NumBanks-1:0] strong_q, weak_q; // high and low bit of the counters
  logic [NumBanks-1:0] guess_q;          // closed by choice, not activated since

  assign quiet_o = quiet_q;
  assign close_o = quiet_q & strong_q;
  assign still_o = (seen_q & quiet_q & ~want_i) == '1;

  always_ff @(posedge clk_i) begin
    automatic logic [1:0] count;
    automatic logic up, down;
    timer_q <= timer_q + step_i[4:0];
    seen_q  <= (timer_q == '1) ? ~want_i : seen_q & ~want_i;
    quiet_q <= (timer_q == '1) ? seen_q & ~want_i : quiet_q & ~want_i;

    if (act_i || pre_i) begin
      count = {strong_q[row_bank_i], weak_q[row_bank_i]};
      up    = (pre_i && conflict_i) || (act_i && guess_q[row_bank_i] && !same_row_i);
      down  = act_i && guess_q[row_bank_i] && same_row_i;
      if (up && (count != '1)) count = count + 2'd1;
      if (down && (count != '0)) count = count - 2'd1;
      {strong_q[row_bank_i], weak_q[row_bank_i]} <= count;
      guess_q[row_bank_i] <= pre_i && choice_i;
    end
    if (!rst_ni || !run_i) begin
      timer_q  <= '0;
      seen_q   <= '0;
      quiet_q  <= '0;
      strong_q <= '1;
      weak_q   <= '0;
      guess_q  <= '0;
    end
  end

endmodule
