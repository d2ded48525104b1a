// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// State of the banks of one pseudo channel and every timing rule between its commands.
///
/// Answers, for this chip cycle, which banks may be activated, precharged or refreshed, in which of the two
/// DRAM clocks, and which bank groups may get a column command (always in the first clock).
/// Rules that hold per bank are delay lines (an event ends the block); rules between banks are counters.
///
/// *Latency:* a command counts from the next cycle on. *Backpressure:* none.
/// *Throughput:* one row and one column command a cycle. *Reset:* all banks closed, no rule pending.
/// The commands given must be legal by the answers of the same cycle.
module tsr_hbm_timing
  import tsr_hbm_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  span_t               step_i,
  input  timing_t             t_i,

  /// Row command of this cycle.
  input  logic                act_i,
  input  logic                pre_i,
  input  logic                ref_i,
  input  logic                ref_all_i,
  input  bank_t               row_bank_i,
  input  logic                row_phase_i,
  /// Column command of this cycle.
  input  logic                rd_i,
  input  logic                wr_i,
  input  bank_t               col_bank_i,

  output logic [NumBanks-1:0] open_o,
  output logic [NumBanks-1:0] act_ok_o,
  output logic [NumBanks-1:0] ref_ok_o,
  output logic [NumBanks-1:0] pre_ok_o,
  /// The row command of bank b must use the second clock of the cycle.
  output logic [NumBanks-1:0] late_o,

  /// A bank group may not get a read (write) in this cycle.
  output logic [NumBg-1:0]    rd_block_o,
  output logic [NumBg-1:0]    wr_block_o,
  /// A bank waits for its activate-to-read (write) delay.
  output logic [NumBanks-1:0] rcdrd_block_o,
  output logic [NumBanks-1:0] rcdwr_block_o,
  /// The delay ends: columns of the bank are allowed from the next cycle on.
  output logic                rcdrd_end_o,
  output bank_t               rcdrd_bank_o,
  output logic                rcdwr_end_o,
  output bank_t               rcdwr_bank_o,

  /// No answer changes without a command, but for refreshes that end, the first one after next_o, and the distance
  /// between refreshes, which does not count any more when spaced_o.
  output logic                still_o,
  output logic                spaced_o,
  output span_t               next_o
);

  logic [9:0] now_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) now_q <= '0;
    else now_q <= now_q + step_i[9:0];
  end

  logic [10:0] row_clk, col_clk;
  assign row_clk = {now_q, row_phase_i};
  assign col_clk = {now_q, 1'b0};

  // ------------------------------------------------------------ per bank: delay lines

  logic  rc_end, rp_end, rfc_end, ras_end, rtp_end, wr_end;
  logic  rc_late, rp_late, rfc_late, ras_late, rtp_late, wr_late;
  bank_t rc_bank, rp_bank, rfc_bank, ras_bank;
  logic [5:0] rtp_seq, wr_seq;
  bank_t rtp_bank, wr_bank;
  logic [7:0] empty;
  logic [9:0] rfc_next;
  logic [1:0] unused_late;

  tsr_hbm_delay u_rc (
    .clk_i, .rst_ni, .now_i(now_q), .push_i(act_i), .due_i(row_clk + 11'(t_i.rc)), .data_i(row_bank_i),
    .valid_o(rc_end), .late_o(rc_late), .data_o(rc_bank), .empty_o(empty[0]), .next_o());
  tsr_hbm_delay u_rp (
    .clk_i, .rst_ni, .now_i(now_q), .push_i(pre_i), .due_i(row_clk + 11'(t_i.rp)), .data_i(row_bank_i),
    .valid_o(rp_end), .late_o(rp_late), .data_o(rp_bank), .empty_o(empty[1]), .next_o());
  tsr_hbm_delay u_rfc (
    .clk_i, .rst_ni, .now_i(now_q), .push_i(ref_i), .due_i(row_clk + 11'(t_i.rfcpb)), .data_i(row_bank_i),
    .valid_o(rfc_end), .late_o(rfc_late), .data_o(rfc_bank), .empty_o(empty[2]), .next_o(rfc_next));
  tsr_hbm_delay u_ras (
    .clk_i, .rst_ni, .now_i(now_q), .push_i(act_i), .due_i(row_clk + 11'(t_i.ras)), .data_i(row_bank_i),
    .valid_o(ras_end), .late_o(ras_late), .data_o(ras_bank), .empty_o(empty[3]), .next_o());
  // Columns use the first clock: round up.
  tsr_hbm_delay u_rcdrd (
    .clk_i, .rst_ni, .now_i(now_q), .push_i(act_i), .due_i(row_clk + 11'(t_i.rcdrd) + 11'd1),
    .data_i(row_bank_i), .valid_o(rcdrd_end_o), .late_o(unused_late[0]), .data_o(rcdrd_bank_o),
    .empty_o(empty[4]), .next_o());
  tsr_hbm_delay u_rcdwr (
    .clk_i, .rst_ni, .now_i(now_q), .push_i(act_i), .due_i(row_clk + 11'(t_i.rcdwr) + 11'd1),
    .data_i(row_bank_i), .valid_o(rcdwr_end_o), .late_o(unused_late[1]), .data_o(rcdwr_bank_o),
    .empty_o(empty[5]), .next_o());

  // Column to precharge: a bank may have many in flight, the youngest one counts.
  logic [5:0] rd_seq_q, wr_seq_q;
  logic [5:0] last_rd_q [NumBanks];
  logic [5:0] last_wr_q [NumBanks];
  tsr_hbm_delay #(.Depth(64), .Width(10)) u_rtp (
    .clk_i, .rst_ni, .now_i(now_q), .push_i(rd_i), .due_i(col_clk + 11'(t_i.rtp)),
    .data_i({rd_seq_q, col_bank_i}), .valid_o(rtp_end), .late_o(rtp_late), .data_o({rtp_seq, rtp_bank}),
    .empty_o(empty[6]), .next_o());
  tsr_hbm_delay #(.Depth(64), .Width(10)) u_wr (
    .clk_i, .rst_ni, .now_i(now_q), .push_i(wr_i), .due_i(col_clk + 11'(t_i.wr2pre)),
    .data_i({wr_seq_q, col_bank_i}), .valid_o(wr_end), .late_o(wr_late), .data_o({wr_seq, wr_bank}),
    .empty_o(empty[7]), .next_o());

  logic [NumBanks-1:0] open_q, rc_q, rp_q, rfc_q, ras_q, rtp_q, wr_q, rcdrd_q, rcdwr_q, late_q;

  always_ff @(posedge clk_i) begin
    automatic logic [NumBanks-1:0] late;
    late = '0;
    if (rc_end) begin
      rc_q[rc_bank] <= 1'b0;
      late[rc_bank] = late[rc_bank] | rc_late;
    end
    if (rp_end) begin
      rp_q[rp_bank] <= 1'b0;
      late[rp_bank] = late[rp_bank] | rp_late;
    end
    if (rfc_end) begin
      rfc_q[rfc_bank] <= 1'b0;
      late[rfc_bank] = late[rfc_bank] | rfc_late;
    end
    if (ras_end) begin
      ras_q[ras_bank] <= 1'b0;
      late[ras_bank] = late[ras_bank] | ras_late;
    end
    if (rtp_end && (last_rd_q[rtp_bank] == rtp_seq)) begin
      rtp_q[rtp_bank] <= 1'b0;
      late[rtp_bank] = late[rtp_bank] | rtp_late;
    end
    if (wr_end && (last_wr_q[wr_bank] == wr_seq)) begin
      wr_q[wr_bank] <= 1'b0;
      late[wr_bank] = late[wr_bank] | wr_late;
    end
    if (rcdrd_end_o) rcdrd_q[rcdrd_bank_o] <= 1'b0;
    if (rcdwr_end_o) rcdwr_q[rcdwr_bank_o] <= 1'b0;
    late_q <= late;
    if (act_i) begin
      open_q[row_bank_i]  <= 1'b1;
      rc_q[row_bank_i]    <= 1'b1;
      ras_q[row_bank_i]   <= 1'b1;
      rcdrd_q[row_bank_i] <= 1'b1;
      rcdwr_q[row_bank_i] <= 1'b1;
    end
    if (pre_i) begin
      open_q[row_bank_i] <= 1'b0;
      rp_q[row_bank_i]   <= 1'b1;
    end
    if (ref_i) rfc_q[row_bank_i] <= 1'b1;
    if (rd_i) begin
      rtp_q[col_bank_i]     <= 1'b1;
      last_rd_q[col_bank_i] <= rd_seq_q;
      rd_seq_q              <= rd_seq_q + 1'b1;
    end
    if (wr_i) begin
      wr_q[col_bank_i]      <= 1'b1;
      last_wr_q[col_bank_i] <= wr_seq_q;
      wr_seq_q              <= wr_seq_q + 1'b1;
    end
    if (!rst_ni) begin
      open_q   <= '0;
      rc_q     <= '0;
      rp_q     <= '0;
      rfc_q    <= '0;
      ras_q    <= '0;
      rtp_q    <= '0;
      wr_q     <= '0;
      rcdrd_q  <= '0;
      rcdwr_q  <= '0;
      late_q   <= '0;
      rd_seq_q <= '0;
      wr_seq_q <= '0;
    end
  end

  // ------------------------------------------------------------ between banks: counters

  // Row commands count in clocks: how far the first legal clock is from the first clock of this cycle.
  logic [7:0] rrd_s_q, ppd_q, rrefd_q;
  logic [9:0] rfcab_q;
  logic [NumBg-1:0][7:0] rrd_l_q;
  logic [3:0][7:0] faw_q;
  logic [1:0] faw_ptr_q;
  // Column commands count in cycles.
  logic [5:0] ccd_s_q, rtw_q, wtr_s_q;
  logic [NumBg-1:0][5:0] ccd_l_q;
  logic [NumBg-1:0][5:0] wtr_l_q;
  logic       row_count_q, col_count_q;  // a counter may run

  always_ff @(posedge clk_i) begin
    automatic logic [1:0] row_bg, col_bg;
    row_bg = row_bank_i[3:2];
    col_bg = col_bank_i[3:2];
    // It may run while the clock stands still.
    if (rrefd_q != '0) rrefd_q <= (12'(rrefd_q) > {step_i, 1'b0}) ? rrefd_q - {step_i[6:0], 1'b0} : '0;
    if (row_count_q) begin
      rrd_s_q <= dec2(rrd_s_q);
      ppd_q   <= dec2(ppd_q);
      rfcab_q <= (rfcab_q > 10'd2) ? rfcab_q - 10'd2 : '0;
      for (int unsigned g = 0; g < NumBg; g++) rrd_l_q[g] <= dec2(rrd_l_q[g]);
      for (int unsigned i = 0; i < 4; i++) faw_q[i] <= dec2(faw_q[i]);
      row_count_q <= ((rrd_s_q | ppd_q | rrd_l_q[0] | rrd_l_q[1] | rrd_l_q[2] | rrd_l_q[3]
                      | faw_q[0] | faw_q[1] | faw_q[2] | faw_q[3]) != '0) || (rfcab_q != '0);
    end
    if (act_i) begin
      row_count_q      <= 1'b1;
      rrd_s_q          <= load2({3'b0, t_i.rrd_s}, row_phase_i);
      rrd_l_q[row_bg]  <= load2({3'b0, t_i.rrd_l}, row_phase_i);
      faw_q[faw_ptr_q] <= load2({1'b0, t_i.faw}, row_phase_i);
      faw_ptr_q        <= faw_ptr_q + 1'b1;
    end
    if (pre_i) begin
      row_count_q <= 1'b1;
      ppd_q       <= load2({4'b0, t_i.ppd}, row_phase_i);
    end
    if (ref_i) rrefd_q <= load2({2'b0, t_i.rrefd}, row_phase_i);
    if (ref_all_i) begin
      row_count_q <= 1'b1;
      rfcab_q     <= t_i.rfcab + {9'b0, row_phase_i} - 10'd2;
    end

    if (col_count_q) begin
      if (ccd_s_q != '0) ccd_s_q <= ccd_s_q - 1'b1;
      if (rtw_q != '0) rtw_q <= rtw_q - 1'b1;
      if (wtr_s_q != '0) wtr_s_q <= wtr_s_q - 1'b1;
      for (int unsigned g = 0; g < NumBg; g++) begin
        if (ccd_l_q[g] != '0) ccd_l_q[g] <= ccd_l_q[g] - 1'b1;
        if (wtr_l_q[g] != '0) wtr_l_q[g] <= wtr_l_q[g] - 1'b1;
      end
      col_count_q <= (ccd_s_q | rtw_q | wtr_s_q | ccd_l_q[0] | ccd_l_q[1] | ccd_l_q[2] | ccd_l_q[3]
                      | wtr_l_q[0] | wtr_l_q[1] | wtr_l_q[2] | wtr_l_q[3]) != '0;
    end
    if (rd_i || wr_i) begin
      col_count_q     <= 1'b1;
      ccd_s_q         <= block_cycles({3'b0, t_i.ccd_s});
      ccd_l_q[col_bg] <= block_cycles({3'b0, t_i.ccd_l});
    end
    if (rd_i) rtw_q <= block_cycles({1'b0, t_i.rtw});
    if (wr_i) begin
      wtr_s_q         <= block_cycles(t_i.wr2rd_s);
      wtr_l_q[col_bg] <= block_cycles(t_i.wr2rd_l);
    end
    if (!rst_ni) begin
      rrd_s_q     <= '0;
      ppd_q       <= '0;
      rrefd_q     <= '0;
      rfcab_q     <= '0;
      faw_ptr_q   <= '0;
      ccd_s_q     <= '0;
      rtw_q       <= '0;
      wtr_s_q     <= '0;
      row_count_q <= 1'b0;
      col_count_q <= 1'b0;
      rrd_l_q     <= '0;
      faw_q       <= '0;
      ccd_l_q     <= '0;
      wtr_l_q     <= '0;
    end
  end

  // ------------------------------------------------------------ answers

  always_comb begin
    open_o        = open_q;
    rcdrd_block_o = rcdrd_q;
    rcdwr_block_o = rcdwr_q;
    ref_ok_o      = '0;
    act_ok_o      = '0;
    late_o        = late_q;
    pre_ok_o      = (ppd_q <= 8'd1) ? open_q & ~(ras_q | rtp_q | wr_q) : '0;
    if (ppd_q[0]) late_o |= open_q;
    if ((rrd_s_q <= 8'd1) && (rrefd_q <= 8'd1) && (rfcab_q <= 10'd1)) begin
      ref_ok_o = ~(open_q | rc_q | rp_q | rfc_q);
      if (rrd_s_q[0] || rrefd_q[0] || rfcab_q[0]) late_o |= ~open_q;
      if (row_count_q) for (int unsigned g = 0; g < NumBg; g++) begin
        if (rrd_l_q[g] > 8'd1) ref_ok_o[4*g+:4] = '0;
        if (rrd_l_q[g] == 8'd1) late_o[4*g+:4] = late_o[4*g+:4] | ~open_q[4*g+:4];
      end
      // An activate beyond four waits for the window; refreshes do not count.
      if (faw_q[faw_ptr_q] <= 8'd1) begin
        act_ok_o = ref_ok_o;
        if (faw_q[faw_ptr_q][0]) late_o |= ~open_q;
      end
    end
    rd_block_o = '0;
    wr_block_o = '0;
    if (col_count_q) for (int unsigned g = 0; g < NumBg; g++) begin
      rd_block_o[g] = (ccd_s_q != '0) || (wtr_s_q != '0) || (ccd_l_q[g] != '0) || (wtr_l_q[g] != '0);
      wr_block_o[g] = (ccd_s_q != '0) || (rtw_q != '0) || (ccd_l_q[g] != '0);
    end
  end

  assign still_o  = !row_count_q && !col_count_q && (late_q == '0) && ({empty[7:3], empty[1:0]} == '1);
  assign spaced_o = rrefd_q == '0;
  assign next_o   = empty[2] ? SpanNever : {1'b0, rfc_next};

  `TSR_ASSERT(OneRowCommand, !(act_i && pre_i) && !(act_i && ref_i) && !(pre_i && ref_i))
  `TSR_ASSERT(RefAllLegal, !ref_all_i || ((ref_ok_o == '1) && !act_i && !pre_i && !ref_i))
  `TSR_ASSERT(OneColumnCommand, !(rd_i && wr_i))
  `TSR_ASSERT(ActLegal, !act_i || act_ok_o[row_bank_i])
  `TSR_ASSERT(PreLegal, !pre_i || pre_ok_o[row_bank_i])
  `TSR_ASSERT(RefLegal, !ref_i || ref_ok_o[row_bank_i])
  `TSR_ASSERT(ReadLegal, !rd_i || (open_q[col_bank_i] && !rd_block_o[col_bank_i[3:2]]))
  `TSR_ASSERT(WriteLegal, !wr_i || (open_q[col_bank_i] && !wr_block_o[col_bank_i[3:2]]))

endmodule
