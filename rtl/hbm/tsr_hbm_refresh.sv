// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Per-bank refresh planner of one pseudo channel.
///
/// Every REFI / 16 another bank owes one refresh more. A bank that owes some is due, and refreshed as soon as
/// nobody wants it, in any order; one that owes more than `postpone_i` is forced: its entries wait until that is
/// done. A bank that nobody uses may be refreshed ahead, until `pull_in_i` refreshes are to its credit: then a
/// burst of accesses meets none for a while. A bank's turns for that are a quarter and three quarters of an
/// interval after it owed one: there are never many refreshes at once.
///
/// *Latency:* requests are registered. *Throughput:* one refresh command a cycle.
/// *Reset:* nothing owed; the interval starts when enable_i rises.
module tsr_hbm_refresh
  import tsr_hbm_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                enable_i,
  /// Refresh interval of a bank in DRAM clocks, at least 512.
  input  logic [15:0]         refi_i,
  /// Refreshes that a bank may owe before it is forced, and that it may be ahead. The DRAM allows eight.
  input  logic [2:0]          postpone_i,
  input  logic [2:0]          pull_in_i,

  output logic [NumBanks-1:0] due_o,
  output logic [NumBanks-1:0] forced_o,
  /// The bank may be refreshed ahead.
  output logic [NumBanks-1:0] early_o,
  /// The bank is refreshed in this cycle.
  input  logic                done_i,
  input  bank_t               done_bank_i
);

  typedef logic signed [4:0] debt_t;

  logic [10:0]         timer_q;
  bank_t               next_q;
  debt_t [NumBanks-1:0] debt_q;            // refreshes owed
  logic [NumBanks-1:0] due_q, forced_q, early_q;
  logic                ahead_q;            // the bank whose turn it is may go ahead
  logic                second_q;           // second half of a bank's REFI / 16
  logic                tick, half;
  bank_t               turn;

  assign due_o    = due_q;
  assign forced_o = forced_q;
  assign early_o  = ahead_q ? early_q & (16'd1 << turn) : '0;
  assign tick     = timer_q == '0;
  assign half     = timer_q == {1'b0, refi_i[15:6]};
  assign turn     = next_q + (second_q ? 4'd4 : 4'd12);

  always_ff @(posedge clk_i) begin
    automatic debt_t more, less;
    if (!rst_ni || !enable_i) begin
      timer_q  <= '0;
      next_q   <= '0;
      ahead_q  <= 1'b0;
      second_q <= 1'b0;
      due_q    <= '0;
      forced_q <= '0;
      early_q  <= '0;
      debt_q   <= '0;
    end else begin
      timer_q <= tick ? refi_i[15:5] - 11'd1 : timer_q - 11'd1;
      if (tick) next_q <= next_q + 1'b1;
      if (tick || half) second_q <= half;
      if (tick || half) ahead_q <= 1'b1;
      else if (done_i && !due_q[done_bank_i]) ahead_q <= 1'b0;
      more = debt_q[next_q] + 5'sd1;
      less = debt_q[done_bank_i] - 5'sd1;
      if (tick && !(done_i && (done_bank_i == next_q))) begin
        debt_q[next_q]   <= more;
        due_q[next_q]    <= more > 5'sd0;
        forced_q[next_q] <= more > $signed({2'b0, postpone_i});
        early_q[next_q]  <= more > -$signed({2'b0, pull_in_i});
      end
      if (done_i && !(tick && (done_bank_i == next_q))) begin
        debt_q[done_bank_i]   <= less;
        due_q[done_bank_i]    <= less > 5'sd0;
        forced_q[done_bank_i] <= less > $signed({2'b0, postpone_i});
        early_q[done_bank_i]  <= less > -$signed({2'b0, pull_in_i});
      end
    end
  end

  `TSR_ASSERT(DebtInRange, !enable_i || !tick || (debt_q[next_q] < 5'sd9))

endmodule
