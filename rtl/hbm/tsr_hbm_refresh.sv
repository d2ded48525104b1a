// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Refresh planner of one pseudo channel.
///
/// Every REFI / 16 another bank owes one refresh more. A bank that owes some is due, and refreshed as soon as
/// nobody wants it, in any order; one that owes more than `postpone_i` is forced: its entries wait until that is
/// done. A bank that nobody uses may be refreshed ahead, until `pull_in_i` refreshes are to its credit: then a
/// burst of accesses meets none for a while. A bank's turns for that are a quarter and three quarters of an
/// interval after it owed one: there are never many refreshes at once.
///
/// With all_i the banks are refreshed together: all are due, or forced, when one of them is.
///
/// *Latency:* requests are registered. *Throughput:* one refresh command a cycle.
/// *Reset:* nothing owed; the interval starts when enable_i rises.
module tsr_hbm_refresh
  import tsr_hbm_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  span_t               step_i,
  input  logic                enable_i,
  /// The DRAM refreshes itself: time stands still.
  input  logic                hold_i,
  /// All banks at once. May change at any time.
  input  logic                all_i,
  /// Refresh interval of a bank in DRAM clocks, at least 512.
  input  logic [15:0]         refi_i,
  /// Refreshes that a bank may owe before it is forced, and that it may be ahead. The DRAM allows eight.
  input  logic [2:0]          postpone_i,
  input  logic [2:0]          pull_in_i,

  output logic [NumBanks-1:0] due_o,
  output logic [NumBanks-1:0] forced_o,
  /// The bank may be refreshed ahead.
  output logic [NumBanks-1:0] early_o,
  /// The bank is refreshed in this cycle, or all are.
  input  logic                done_i,
  input  bank_t               done_bank_i,
  input  logic                done_all_i,

  /// Most refreshes that a bank has owed since the last clear.
  input  logic                clear_i,
  output logic [3:0]          worst_o,
  /// Until another bank owes a refresh, or another may go ahead.
  output span_t               next_o
);

  typedef logic signed [4:0] debt_t;
  /// The DRAM counts no more refreshes ahead than this.
  localparam debt_t MostAhead = -5'sd8;

  logic [10:0]         timer_q;
  bank_t               next_q;
  debt_t [NumBanks-1:0] debt_q;            // refreshes owed
  logic [NumBanks-1:0] due_q, forced_q, early_q;
  logic                ahead_q;            // the bank whose turn it is may go ahead
  logic                second;             // second half of a bank's REFI / 16
  logic                tick, half;
  logic                wish;               // the second half will bring a refresh ahead
  logic [10:0]         half_at, left;
  bank_t               turn, second_turn;
  logic [3:0]          worst_q;

  // The middle may have passed in a sleep, when it brought nothing.
  assign half_at     = {1'b0, refi_i[15:6]};
  assign second      = timer_q < half_at;
  assign left        = timer_q - half_at;
  assign tick        = (timer_q == '0) && !hold_i;
  assign half        = !second && (left < step_i) && !hold_i;
  assign second_turn = next_q + 4'd4;
  assign turn        = second ? second_turn : next_q + 4'd12;
  assign worst_o     = worst_q;

  always_comb begin
    wish   = all_i ? (second_turn == '0) && (early_q == '1) : early_q[second_turn];
    next_o = SpanNever;
    if (enable_i && !hold_i) next_o = (!second && wish) ? left : timer_q;
  end

  always_comb begin
    if (all_i) begin
      due_o    = {NumBanks{due_q != '0}};
      forced_o = {NumBanks{forced_q != '0}};
      early_o  = {NumBanks{ahead_q && (turn == '0) && (early_q == '1)}};
    end else begin
      due_o    = due_q;
      forced_o = forced_q;
      early_o  = ahead_q ? early_q & (16'd1 << turn) : '0;
    end
  end

  always_ff @(posedge clk_i) begin
    automatic debt_t debt;
    automatic logic  more, less;
    if (!rst_ni || !enable_i) begin
      timer_q  <= '0;
      next_q   <= '0;
      ahead_q  <= 1'b0;
      due_q    <= '0;
      forced_q <= '0;
      early_q  <= '0;
      debt_q   <= '0;
    end else begin
      if (!hold_i) timer_q <= tick ? refi_i[15:5] - 11'd1 : timer_q - step_i;
      if (tick) next_q <= next_q + 1'b1;
      if (tick || half) ahead_q <= 1'b1;
      else if ((done_i && !due_q[done_bank_i]) || (done_all_i && (due_q == '0))) ahead_q <= 1'b0;
      if (tick || done_i || done_all_i) begin
        for (int unsigned b = 0; b < NumBanks; b++) begin
          more = tick && (next_q == bank_t'(b));
          less = done_all_i || (done_i && (done_bank_i == bank_t'(b)));
          debt = debt_q[b];
          if (more && !less) debt = debt + 5'sd1;
          if (less && !more && (debt != MostAhead)) debt = debt - 5'sd1;
          if (more != less) begin
            debt_q[b]   <= debt;
            due_q[b]    <= debt > 5'sd0;
            forced_q[b] <= debt > $signed({2'b0, postpone_i});
            early_q[b]  <= debt > -$signed({2'b0, pull_in_i});
          end
          if (more && !less && (debt > $signed({1'b0, worst_q}))) worst_q <= debt[3:0];
        end
      end
    end
    if (!rst_ni || clear_i) worst_q <= '0;
  end

  `TSR_ASSERT(DebtInRange, !enable_i || !tick || (debt_q[next_q] < 5'sd9))

endmodule
