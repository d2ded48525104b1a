// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Per-bank refresh planner of one pseudo channel.
///
/// Every REFI / 16 another bank becomes due. A due bank is refreshed as soon as nobody wants it; half a REFI
/// later it is forced: its entries wait until it is done. So a bank's debt never exceeds one interval.
///
/// *Latency:* requests are registered. *Throughput:* one refresh command a cycle.
/// *Reset:* nothing due; the interval starts when enable_i rises.
module tsr_hbm_refresh
  import tsr_hbm_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                enable_i,
  /// Refresh interval of a bank in DRAM clocks, at least 512.
  input  logic [15:0]         refi_i,

  output logic [NumBanks-1:0] due_o,
  output logic [NumBanks-1:0] forced_o,
  /// The bank is refreshed in this cycle.
  input  logic                done_i,
  input  bank_t               done_bank_i
);

  logic [10:0]         timer_q;
  bank_t               next_q;
  logic [NumBanks-1:0] due_q, forced_q;

  assign due_o    = due_q;
  assign forced_o = forced_q;

  // The bank that became due half an interval ago.
  bank_t late_bank;
  assign late_bank = next_q + 4'd8;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || !enable_i) begin
      timer_q  <= '0;
      next_q   <= '0;
      due_q    <= '0;
      forced_q <= '0;
    end else begin
      timer_q <= (timer_q == '0) ? refi_i[15:5] - 11'd1 : timer_q - 11'd1;
      if (timer_q == '0) begin
        next_q        <= next_q + 1'b1;
        due_q[next_q] <= 1'b1;
        if (due_q[late_bank]) forced_q[late_bank] <= 1'b1;
      end
      if (done_i) begin
        due_q[done_bank_i]    <= (timer_q == '0) && (next_q == done_bank_i);
        forced_q[done_bank_i] <= 1'b0;
      end
    end
  end

  `TSR_ASSERT(NeverDueTwice, !enable_i || (timer_q != '0) || !due_q[next_q] || done_i)

endmodule
