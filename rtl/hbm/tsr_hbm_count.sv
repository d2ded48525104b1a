// SPDX-License-Identifier: Apache-2.0
/// Counters of one pseudo channel's modes: refresh, power-down, self-refresh, classes.
///
/// *Latency:* an event counts from the next cycle on. *Backpressure:* none. *Reset:* all zero; the times of
/// refreshes are not reset.
module tsr_hbm_count
  import tsr_hbm_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  span_t       step_i,
  input  logic        run_i,
  input  logic        clear_i,

  /// Refresh of this cycle.
  input  logic        refresh_i,
  input  logic        refresh_all_i,
  input  bank_t       bank_i,
  input  logic        phase_i,
  input  logic [3:0]  worst_i,

  /// An entry to sleep in this cycle, and to which; the state.
  input  logic        enter_i,
  input  logic        enter_self_i,
  input  logic        down_i,
  input  logic        self_i,
  /// A block of the high class is accepted.
  input  logic        high_i,

  input  logic [3:0]  sel_i,
  output logic [63:0] cnt_o
);

  typedef logic [23:0] clock_t;

  clock_t      now;
  logic [22:0] now_q;               // cycles outside self-refresh
  clock_t      since_q [NumBanks];  // a bank's own last refresh
  clock_t      all_since_q;         // the last one of all banks
  logic [NumBanks-1:0] seen_q;      // there was one
  logic [NumBanks-1:0] own_q;       // its own was the last one
  clock_t      gap_q;
  logic [63:0] all_q, downs_q, down_q, selfs_q, self_q, high_q;

  assign now = {now_q, phase_i};

  always_ff @(posedge clk_i) begin
    automatic clock_t gap, since;
    gap = '0;
    if (refresh_i) begin
      if (seen_q[bank_i]) gap = now - (own_q[bank_i] ? since_q[bank_i] : all_since_q);
      since_q[bank_i] <= now;
      own_q[bank_i]   <= 1'b1;
      seen_q[bank_i]  <= 1'b1;
    end
    if (refresh_all_i) begin
      for (int unsigned b = 0; b < NumBanks; b++) begin
        since = own_q[b] ? since_q[b] : all_since_q;
        if (seen_q[b] && (now - since > gap)) gap = now - since;
      end
      all_since_q <= now;
      own_q       <= '0;
      seen_q      <= '1;
    end
    if (!self_i) now_q <= now_q + 23'(step_i);
    if (!run_i) seen_q <= '0;
    if (gap > gap_q) gap_q <= gap;
    if (refresh_all_i) all_q <= all_q + 64'd1;
    if (enter_i && !enter_self_i) downs_q <= downs_q + 64'd1;
    if (enter_i && enter_self_i) selfs_q <= selfs_q + 64'd1;
    if (down_i) down_q <= down_q + 64'(step_i);
    if (self_i) self_q <= self_q + 64'(step_i);
    if (high_i) high_q <= high_q + 64'd1;
    if (!rst_ni) now_q <= '0;
    if (!rst_ni || clear_i) begin
      gap_q   <= '0;
      all_q   <= '0;
      downs_q <= '0;
      down_q  <= '0;
      selfs_q <= '0;
      self_q  <= '0;
      high_q  <= '0;
    end
  end

  always_comb begin
    unique case (sel_i)
      4'd0:    cnt_o = {40'b0, gap_q};
      4'd1:    cnt_o = {60'b0, worst_i};
      4'd2:    cnt_o = all_q;
      4'd3:    cnt_o = downs_q;
      4'd4:    cnt_o = down_q;
      4'd5:    cnt_o = selfs_q;
      4'd6:    cnt_o = self_q;
      4'd7:    cnt_o = high_q;
      default: cnt_o = '0;
    endcase
  end

endmodule
