// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Controller of one pseudo channel: queues, hazards, scheduling, refresh, data paths, counters.
///
/// One column command and one row command a chip cycle. Column: the oldest entry of the current direction
/// whose row is open. Row: forced refresh, then activates and precharges for the current direction, then
/// for the other one, then refresh of banks that nobody wants. Direction: see `wmode_q`.
///
/// *Latency:* an accepted block takes part from the next cycle on; a command shows at the DFI one cycle after
/// its choice; read data is offered two cycles after it arrives from the device.
/// *Backpressure:* in_ready_o (depends on the offered block); responses wait in the read buffer, which always
/// has room. *Throughput:* 32 bytes a cycle. *Reset:* empty; data memories are not reset.
module tsr_hbm_pc
  import tsr_hbm_pkg::*;
(
  input  logic              clk_i,
  input  logic              rst_ni,
  input  span_t             step_i,

  /// Timing, stable while run_i. `run_i`: the DRAM is initialized; until then init_cmd_i goes out.
  input  timing_t           t_i,
  input  logic              run_i,
  input  dfi_cmd_t          init_cmd_i,
  input  logic              ref_enable_i,
  input  logic [2:0]        ref_postpone_i,
  input  logic [2:0]        ref_pull_in_i,
  input  logic [6:0]        wr_low_i,
  input  logic [6:0]        wr_high_i,
  input  logic [11:0]       age_limit_i,
  /// Reads with meta.cls = 1 go before the others.
  input  logic              qos_i,
  /// All banks are refreshed at once. Cycles without work before power-down, 0: never. Self-refresh is wanted.
  input  logic              ref_all_i,
  input  logic [11:0]       pd_idle_i,
  input  logic              self_refresh_i,

  /// One 64-byte block to read or write; `in_need_i`: its atoms that are touched.
  input  logic              in_valid_i,
  output logic              in_ready_o,
  input  logic              in_write_i,
  input  block_t            in_block_i,
  input  logic [1:0]        in_need_i,
  input  rd_meta_t          in_meta_i,
  input  logic [63:0]       in_strb_i,
  input  tsr_pkg::data_t    in_data_i,
  /// Side bits of its atoms, stored beside the data and returned with it; not looked at.
  input  logic [1:0][15:0]  in_side_i,
  /// From flops: there is room for another read (write).
  output logic              rd_room_o,
  output logic              wr_room_o,

  /// Finished read block.
  output logic              out_valid_o,
  input  logic              out_ready_i,
  output rd_meta_t          out_meta_o,
  output tsr_pkg::data_t    out_data_o,
  output logic [1:0][15:0]  out_side_o,

  /// DFI, from flops.
  output dfi_cmd_t          dfi_cmd_o,
  output logic [31:0]       dfi_wstrb_o,
  output atom_t             dfi_wdata_o,
  output logic [15:0]       dfi_wside_o,
  input  logic              dfi_rvalid_i,
  input  atom_t             dfi_rdata_i,
  input  logic [15:0]       dfi_rside_i,

  /// Nothing queued and no response waiting.
  output logic              empty_o,
  /// The DRAM is in power-down, in self-refresh.
  output logic              down_o,
  output logic              self_o,
  /// Nothing happens until something is offered, next_o is over, or a setting changes.
  output logic              still_o,
  output span_t             next_o,
  /// Counters, see COUNT_SEL in regs/hbm.toml.
  input  logic              cnt_clear_i,
  input  logic [5:0]        cnt_sel_i,
  output logic [63:0]       cnt_o
);

  // ------------------------------------------------------------ commands of this cycle

  logic   act, pre, refresh, refresh_all, rd, wr;
  logic   enter, leave;    // power-down or self-refresh
  bank_t  row_bank;
  row_t   act_row;
  logic   row_phase;
  bank_t  col_bank;
  logic   act_rd, act_wr;  // the activate serves an entry of the read (write) queue

  logic [NumBanks-1:0] open, act_ok, ref_ok, pre_ok, late, rcdrd_block, rcdwr_block;
  logic [NumBg-1:0]    rd_block, wr_block;
  logic                rcdrd_end, rcdwr_end;
  bank_t               rcdrd_bank, rcdwr_bank;

  logic  timing_still, spaced, power_still, close_still;
  span_t timing_next, refresh_next;

  tsr_hbm_timing u_timing (
    .clk_i, .rst_ni, .step_i, .t_i,
    .act_i(act), .pre_i(pre), .ref_i(refresh), .ref_all_i(refresh_all), .row_bank_i(row_bank),
    .row_phase_i(row_phase), .rd_i(rd), .wr_i(wr), .col_bank_i(col_bank),
    .open_o(open), .act_ok_o(act_ok), .ref_ok_o(ref_ok), .pre_ok_o(pre_ok), .late_o(late),
    .rd_block_o(rd_block), .wr_block_o(wr_block),
    .rcdrd_block_o(rcdrd_block), .rcdwr_block_o(rcdwr_block),
    .rcdrd_end_o(rcdrd_end), .rcdrd_bank_o(rcdrd_bank), .rcdwr_end_o(rcdwr_end), .rcdwr_bank_o(rcdwr_bank),
    .still_o(timing_still), .spaced_o(spaced), .next_o(timing_next));

  row_t open_row_q [NumBanks];

  logic [NumBanks-1:0] due, forced, early;
  logic [3:0]          ref_worst;
  tsr_hbm_refresh u_refresh (
    .clk_i, .rst_ni, .step_i, .enable_i(run_i && ref_enable_i), .hold_i(self_o), .all_i(ref_all_i), .refi_i(t_i.refi),
    .postpone_i(ref_postpone_i), .pull_in_i(ref_pull_in_i), .due_o(due), .forced_o(forced), .early_o(early),
    .done_i(refresh), .done_bank_i(row_bank), .done_all_i(refresh_all), .clear_i(cnt_clear_i),
    .worst_o(ref_worst), .next_o(refresh_next));

  logic cmd_ok;  // commands are allowed
  logic up, park, want_enter, self_entry, busy;
  tsr_hbm_power u_power (
    .clk_i, .rst_ni, .t_i, .run_i, .idle_i(pd_idle_i), .self_i(self_refresh_i), .busy_i(busy),
    .due_i(due != '0), .forced_i(forced != '0), .up_o(up), .park_o(park), .enter_o(want_enter),
    .self_entry_o(self_entry), .entered_i(enter), .leave_o(leave), .down_o, .self_o, .still_o(power_still));

  assign cmd_ok = run_i && up;
  assign busy   = in_valid_i || !empty_o;

  // ------------------------------------------------------------ acceptance and hazards

  // A read of bytes that a pending write has gets them from there (forward). Otherwise it waits for the pending
  // write of its block, as a write does for the youngest pending read of its block. Reads of
  // one block keep their order, so the youngest is enough. A write meets a pending write of its block: it is
  // merged, unless that has begun or a read is between the two; then it is not accepted until that is over.
  logic   same_rd, same_wr, same_rd_after, same_wr_after;  // pending; without what issues its last command now
  logic   unused_rd_begun, wr_begun;
  idx_t   rd_same_slot, wr_same_slot;
  idx_t   rd_idx, wr_idx;                                  // slots that issue in this cycle
  logic   rq_full, wq_full;
  idx_t   rq_idx, wq_idx;
  logic   rd_push, rd_forward, wr_push, wr_merge, wr_stall;
  logic   forward_ok;  // the pending write has all bytes of the read, and its data can be taken in this cycle
  logic   in_match, in_ready;
  logic   in_high;     // a read of the high class

  /// Entries of one bank: all of them, each in a row of its own, must be served within the age bound.
  localparam logic [4:0] BankLimit = 5'd20;

  logic [NumBanks-1:0][4:0] bank_count_q;
  logic [NumBanks-1:0]      bank_full_q;

  assign rd_room_o = !rq_full;
  assign wr_room_o = !wq_full;

  always_comb begin
    rd_push    = 1'b0;
    rd_forward = 1'b0;
    wr_push    = 1'b0;
    wr_merge   = 1'b0;
    wr_stall   = 1'b0;
    in_ready_o = 1'b0;
    if (in_valid_i && run_i) begin
      if (!in_write_i) begin
        rd_forward = !rq_full && same_wr && forward_ok;
        rd_push    = !rq_full && !rd_forward && !bank_full_q[in_block_i.bank];
        in_ready_o = rd_push || rd_forward;
      end else if (same_wr) begin
        wr_merge   = !same_rd && !wr_begun;
        wr_stall   = !wr_merge;
        in_ready_o = wr_merge;
      end else begin
        wr_push    = !wq_full && !bank_full_q[in_block_i.bank];
        in_ready_o = wr_push;
      end
    end
  end

  assign in_high = qos_i && in_meta_i.cls && !in_write_i;

  // Row state of the offered block's bank after this cycle's row command.
  always_comb begin
    in_match = 1'b0;
    in_ready = 1'b0;
    if (in_valid_i) begin
      in_match = open[in_block_i.bank] && (open_row_q[in_block_i.bank] == in_block_i.row);
      in_ready = in_write_i
          ? !rcdwr_block[in_block_i.bank] || (rcdwr_end && (rcdwr_bank == in_block_i.bank))
          : !rcdrd_block[in_block_i.bank] || (rcdrd_end && (rcdrd_bank == in_block_i.bank));
      if (row_bank == in_block_i.bank) begin
        if (pre) in_match = 1'b0;
        if (act) begin
          in_match = act_row == in_block_i.row;
          in_ready = 1'b0;
        end
      end
    end
  end

  // ------------------------------------------------------------ queues

  logic   rd_col_valid, rd_col_half, rd_col_last, rd_col_miss;
  logic   wr_col_valid, wr_col_half, wr_col_last, wr_col_miss;
  block_t rd_key, wr_key;
  logic   rd_act_valid, wr_act_valid, rd_pre_valid, wr_pre_valid;
  block_t rd_act_key, wr_act_key;
  bank_t  rd_pre_bank, wr_pre_bank;
  logic   rd_high, unused_wr_high;
  logic   rd_old, wr_old, rd_avail, wr_avail, rd_hold, unused_wr_hold, rd_used, wr_used;
  logic [6:0] unused_rd_count, wr_count;
  logic [NumBanks-1:0] rd_any, wr_any, rd_hits, wr_hits;
  logic   rd_free, wr_free;
  idx_t   rd_free_idx, wr_free_idx;
  logic   age_tick;
  logic [13:0] wait_now_q;  // time in which commands are allowed
  logic [13:0] wait_bound;  // longest time in a queue, in cycles
  logic   wmode_q;
  logic [NumBanks-1:0] rd_act_ok, wr_act_ok, rd_pre_ok, wr_pre_ok;

  tsr_hbm_queue u_rd_queue (
    .clk_i, .rst_ni,
    .push_i(rd_push), .push_key_i(in_block_i), .push_need_i(in_need_i),
    .push_hold_i(same_wr_after), .push_dep_i(wr_same_slot),
    .push_match_i(in_match), .push_ready_i(in_match && in_ready), .push_high_i(in_high),
    .reserve_i(rd_forward),
    .push_slot_o(rq_idx), .full_o(rq_full),
    .look_i(in_valid_i && (in_write_i || in_high)), .look_key_i(in_block_i),
    .same_o(same_rd), .same_after_o(same_rd_after), .same_slot_o(rd_same_slot),
    .same_begun_o(unused_rd_begun), .merge_i(1'b0), .merge_need_i('0),
    .unhold_i(wr && wr_col_last), .unhold_slot_i(wr_idx),
    .act_i(act), .pre_i(pre), .row_bank_i(row_bank), .act_row_i(act_row), .act_mine_i(act_rd),
    .rcd_end_i(rcdrd_end), .rcd_bank_i(rcdrd_bank),
    .bg_block_i(rd_block), .bank_block_i(forced),
    .col_valid_o(rd_col_valid), .col_slot_o(rd_idx), .col_key_o(rd_key), .col_half_o(rd_col_half),
    .col_last_o(rd_col_last), .col_miss_o(rd_col_miss), .col_take_i(rd),
    .row_en_i(cmd_ok), .act_ok_i(rd_act_ok), .pre_ok_i(rd_pre_ok),
    .act_valid_o(rd_act_valid), .act_key_o(rd_act_key), .pre_valid_o(rd_pre_valid), .pre_bank_o(rd_pre_bank),
    .free_i(rd_free), .free_slot_i(rd_free_idx),
    .age_tick_i(age_tick), .now_i(wait_now_q), .bound_i(wait_bound), .old_o(rd_old),
    .avail_o(rd_avail), .high_o(rd_high), .held_o(rd_hold), .used_o(rd_used), .count_o(unused_rd_count),
    .bank_any_o(rd_any), .bank_hit_o(rd_hits));

  tsr_hbm_queue u_wr_queue (
    .clk_i, .rst_ni,
    .push_i(wr_push), .push_key_i(in_block_i), .push_need_i(in_need_i),
    .push_hold_i(same_rd_after), .push_dep_i(rd_same_slot),
    .push_match_i(in_match), .push_ready_i(in_match && in_ready), .push_high_i(1'b0), .reserve_i(1'b0),
    .push_slot_o(wq_idx), .full_o(wq_full),
    .look_i(in_valid_i), .look_key_i(in_block_i),
    .same_o(same_wr), .same_after_o(same_wr_after), .same_slot_o(wr_same_slot),
    .same_begun_o(wr_begun), .merge_i(wr_merge), .merge_need_i(in_need_i),
    .unhold_i(rd && rd_col_last), .unhold_slot_i(rd_idx),
    .act_i(act), .pre_i(pre), .row_bank_i(row_bank), .act_row_i(act_row), .act_mine_i(act_wr),
    .rcd_end_i(rcdwr_end), .rcd_bank_i(rcdwr_bank),
    .bg_block_i(wr_block), .bank_block_i(forced),
    .col_valid_o(wr_col_valid), .col_slot_o(wr_idx), .col_key_o(wr_key), .col_half_o(wr_col_half),
    .col_last_o(wr_col_last), .col_miss_o(wr_col_miss), .col_take_i(wr),
    .row_en_i(cmd_ok), .act_ok_i(wr_act_ok), .pre_ok_i(wr_pre_ok),
    .act_valid_o(wr_act_valid), .act_key_o(wr_act_key), .pre_valid_o(wr_pre_valid), .pre_bank_o(wr_pre_bank),
    .free_i(wr_free), .free_slot_i(wr_free_idx),
    .age_tick_i(age_tick), .now_i(wait_now_q), .bound_i(wait_bound), .old_o(wr_old),
    .avail_o(wr_avail), .high_o(unused_wr_high), .held_o(unused_wr_hold), .used_o(wr_used), .count_o(wr_count),
    .bank_any_o(wr_any), .bank_hit_o(wr_hits));

  // Entries of every bank, of both queues.
  always_ff @(posedge clk_i) begin
    automatic bank_t in_bank;
    automatic logic  come, go, same_bank;
    in_bank   = in_block_i.bank;
    come      = rd_push || wr_push;
    go        = (rd && rd_col_last) || (wr && wr_col_last);
    same_bank = in_bank == col_bank;
    if (come && !(go && same_bank)) begin
      bank_count_q[in_bank] <= bank_count_q[in_bank] + 1'b1;
      bank_full_q[in_bank]  <= bank_count_q[in_bank] == BankLimit - 5'd1;
    end
    if (go && !(come && same_bank)) begin
      bank_count_q[col_bank] <= bank_count_q[col_bank] - 1'b1;
      bank_full_q[col_bank]  <= 1'b0;
    end
    if (!rst_ni) begin
      bank_count_q <= '0;
      bank_full_q  <= '0;
    end
  end

  // ------------------------------------------------------------ direction

  /// Column commands in one direction before the other may take over by its demand alone.
  localparam logic [7:0] MinBurst  = 8'd127;
  /// Column writes before the turn to a read of the high class.
  localparam logic [7:0] HighBurst = 8'd32;
  /// Cycles without reads before a few writes are drained.
  localparam logic [3:0] IdleDrain = 4'd15;
  /// Cycles after which the column commands turn, whatever still lies in open rows.
  localparam logic [4:0] TurnLimit = 5'd24;

  // Row commands turn first (row_wr_q), and prepare the other direction's banks while the column commands
  // finish what lies in open rows; then these turn too (wmode_q).
  logic       row_wr_q;
  logic [7:0] burst_q;   // column commands left of the minimum burst
  logic [3:0] no_read_q; // cycles without a read that may issue
  logic       wr_force;  // somebody waits for a write
  logic       wr_want, rd_want;
  logic [4:0] turn_q;    // cycles left of the turn
  logic [7:0] slice_q;   // cycles left before old entries of the other direction go first
  logic       stalled_q;

  assign wr_force = rd_hold || stalled_q || wr_old;
  assign wr_want  = wr_avail && (((no_read_q == IdleDrain) && !rd_avail)
                                 || (wr_old && (slice_q == '0))
                                 || ((wr_force || (wr_count >= wr_high_i)) && ((burst_q == '0) || !rd_avail)));
  assign rd_want  = !wr_avail || (rd_old && (slice_q == '0))
                    || (rd_high && !wr_old && (burst_q <= MinBurst - HighBurst))
                    || (rd_avail && ((burst_q == '0) || (!wr_force && (wr_count <= wr_low_i))));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wmode_q   <= 1'b0;
      row_wr_q  <= 1'b0;
      burst_q   <= '0;
      turn_q    <= '0;
      slice_q   <= '0;
      no_read_q <= '0;
      stalled_q <= 1'b0;
    end else if (run_i) begin
      stalled_q <= wr_stall;
      if (rd_avail) no_read_q <= '0;
      else if (no_read_q != IdleDrain) no_read_q <= no_read_q + 1'b1;
      if ((rd || wr) && (burst_q != '0) && (row_wr_q == wmode_q)) burst_q <= burst_q - 1'b1;
      if (slice_q != '0) slice_q <= slice_q - 1'b1;
      if (row_wr_q != wmode_q) begin
        turn_q <= turn_q - 1'b1;
        if (((wmode_q ? wr_hits : rd_hits) == '0) || (turn_q == '0)) wmode_q <= row_wr_q;
      end else if (wmode_q ? rd_want : wr_want) begin
        row_wr_q <= !wmode_q;
        burst_q  <= MinBurst;
        turn_q   <= TurnLimit;
        slice_q  <= 8'd127;
      end
    end
  end

  // Half the age limit in cycles. A sleep goes over one end of it at most: nobody ages then.
  logic [9:0] age_q;
  assign age_tick = run_i && (age_q == '0);
  always_ff @(posedge clk_i) begin
    if (!rst_ni || !run_i) age_q <= '0;
    else age_q <= age_q - step_i[9:0] + ((11'(age_q) < step_i) ? age_limit_i[11:2] : '0);
  end
  logic unused_age;
  assign unused_age = ^age_limit_i[1:0];

  // The bound of waiting, in DRAM clocks: half as long again as the age limit, then rows of all others in the bank,
  // a refresh in between, and turns of the data bus. 4096 with the default profile and age limit.
  localparam logic [14:0] TurnClocks = 15'd398;

  function automatic logic [13:0] bound_of(timing_t t, logic [11:0] age_limit, logic all);
    logic [14:0] row, refreshes, clocks;
    row = 15'(t.rcdwr) + 15'(t.wr2pre) + 15'(t.rp);
    if (15'(t.rcdrd) + 15'(t.rtp) + 15'(t.rp) > row) row = 15'(t.rcdrd) + 15'(t.rtp) + 15'(t.rp);
    if (15'(t.rc) > row) row = 15'(t.rc);
    // All banks are closed before their refresh. Intervals shorter than the bound: more refreshes.
    refreshes = all ? 15'(t.rfcab) + 15'd128 : 15'(t.rfcpb);
    if (t.refi < 16'd4096) refreshes = (refreshes << 1) + refreshes;
    clocks = 15'(age_limit) + 15'(age_limit[11:1]) + ((row + 15'd4) * 15'(BankLimit)) + refreshes + TurnClocks
             + 15'(t.wr2rd_l) + 15'(t.rtw);
    return clocks[14:1];
  endfunction

  assign wait_bound = bound_of(t_i, age_limit_i, ref_all_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) wait_now_q <= '0;
    else if (cmd_ok) wait_now_q <= wait_now_q + 14'd1;
  end

  // ------------------------------------------------------------ command choice

  // Row commands of the other direction keep off banks that the current one wants; and no row is closed that
  // the column commands of the current direction still use.
  always_comb begin
    rd_act_ok = act_ok & ~forced;
    rd_pre_ok = pre_ok & ~forced;
    wr_act_ok = rd_act_ok;
    wr_pre_ok = rd_pre_ok;
    if (row_wr_q) begin
      rd_act_ok &= ~wr_any;
      rd_pre_ok &= ~wr_any;
      if (!wmode_q) wr_pre_ok &= ~rd_hits;
    end else begin
      wr_act_ok &= ~rd_any;
      wr_pre_ok &= ~rd_any;
      if (wmode_q) rd_pre_ok &= ~wr_hits;
    end
  end

  logic [NumBanks-1:0] ref_now, ref_close, spare, quiet, close;
  logic                conflict, choice;  // the precharge is for an entry that wants another row; is of `close`

  tsr_hbm_close u_close (
    .clk_i, .rst_ni, .step_i, .run_i, .want_i(rd_any | wr_any), .act_i(act), .pre_i(pre), .row_bank_i(row_bank),
    .same_row_i(act_row == open_row_q[row_bank]), .conflict_i(conflict), .choice_i(choice),
    .quiet_o(quiet), .close_o(close), .still_o(close_still));

  always_comb begin
    rd       = cmd_ok && !wmode_q && rd_col_valid;
    wr       = cmd_ok && wmode_q && wr_col_valid;
    col_bank = wmode_q ? wr_key.bank : rd_key.bank;

    act       = 1'b0;
    pre       = 1'b0;
    refresh   = 1'b0;
    refresh_all = 1'b0;
    enter     = 1'b0;
    act_rd    = 1'b0;
    act_wr    = 1'b0;
    row_bank  = '0;
    act_row   = '0;
    ref_now   = '0;
    ref_close = '0;
    spare     = '0;
    conflict  = 1'b0;
    choice    = 1'b0;
    if (cmd_ok) begin
      // Forced refreshes, or else those of banks that nobody wants; ahead, of banks that nobody has wanted for
      // a while.
      ref_now   = (ref_all_i && (ref_ok != '1)) ? '0 : forced & ref_ok;
      ref_close = forced & pre_ok;
      spare     = park ? '0 : early & quiet;  // none ahead on the way to power-down
      spare     = (forced == '0) ? (due | spare) & ~rd_any & ~wr_any : '0;
      if (ref_all_i && (spare != '1)) spare = '0;
      if (ref_now != '0) begin
        refresh     = !ref_all_i;
        refresh_all = ref_all_i;
        row_bank    = first_bank(ref_now);
      end else if (ref_close != '0) begin
        pre      = 1'b1;
        row_bank = first_bank(ref_close);
      end else if (row_wr_q ? wr_act_valid : rd_act_valid) begin
        act      = 1'b1;
        act_wr   = row_wr_q;
        act_rd   = !row_wr_q;
        row_bank = row_wr_q ? wr_act_key.bank : rd_act_key.bank;
        act_row  = row_wr_q ? wr_act_key.row : rd_act_key.row;
      end else if (row_wr_q ? wr_pre_valid : rd_pre_valid) begin
        pre      = 1'b1;
        conflict = 1'b1;
        row_bank = row_wr_q ? wr_pre_bank : rd_pre_bank;
      end else if (row_wr_q ? rd_act_valid : wr_act_valid) begin
        act      = 1'b1;
        act_wr   = !row_wr_q;
        act_rd   = row_wr_q;
        row_bank = row_wr_q ? rd_act_key.bank : wr_act_key.bank;
        act_row  = row_wr_q ? rd_act_key.row : wr_act_key.row;
      end else if (row_wr_q ? rd_pre_valid : wr_pre_valid) begin
        pre      = 1'b1;
        conflict = 1'b1;
        row_bank = row_wr_q ? rd_pre_bank : wr_pre_bank;
      end else if (ref_all_i ? (spare & ref_ok) == '1 : (spare & ref_ok) != '0) begin
        refresh     = !ref_all_i;
        refresh_all = ref_all_i;
        row_bank    = first_bank(spare & ref_ok);
      end else if ((spare & pre_ok) != '0) begin
        pre      = 1'b1;
        row_bank = first_bank(spare & pre_ok);
      end else if ((close & pre_ok & ~rd_any & ~wr_any) != '0) begin
        pre      = 1'b1;
        choice   = 1'b1;
        row_bank = first_bank(close & pre_ok & ~rd_any & ~wr_any);
      end else if (park && ((open & pre_ok) != '0)) begin
        pre      = 1'b1;
        row_bank = first_bank(open & pre_ok);
      end else if (want_enter && (ref_ok == '1)) begin
        enter    = 1'b1;
      end
    end
    row_phase = ((act || pre || refresh) && late[row_bank]) || ((refresh_all || enter) && (late != '0));
  end

  always_ff @(posedge clk_i) begin
    if (act) open_row_q[row_bank] <= act_row;
  end

  // ------------------------------------------------------------ DFI commands

  dfi_cmd_t cmd_q;
  logic     wdata_now;  // write data goes out
  assign dfi_cmd_o = cmd_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) cmd_q <= '0;
    else if (!run_i) cmd_q <= init_cmd_i;
    else begin
      cmd_q.reset_n     <= 1'b1;
      cmd_q.wdata_valid <= wdata_now;
      cmd_q.col_valid   <= rd || wr;
      cmd_q.row_valid   <= act || pre || refresh || refresh_all || enter || leave;
      if (rd || wr) begin
        cmd_q.col_cmd   <= wr ? ColWr : ColRd;
        cmd_q.col_phase <= 1'b0;
        cmd_q.col_bank  <= col_bank;
        cmd_q.col       <= wr ? {wr_key.col_hi, wr_col_half} : {rd_key.col_hi, rd_col_half};
      end
      if (act || pre || refresh || refresh_all || enter || leave) begin
        if (leave) cmd_q.row_cmd <= RowPdx;
        else if (enter) cmd_q.row_cmd <= self_entry ? RowSre : RowPde;
        else if (refresh_all) cmd_q.row_cmd <= RowRefAb;
        else cmd_q.row_cmd <= act ? RowAct : (pre ? RowPre : RowRefPb);
        cmd_q.row_phase <= row_phase;
        cmd_q.row_bank  <= row_bank;
        cmd_q.row       <= act_row;
      end
    end
  end

  // ------------------------------------------------------------ write data

  atom_t       wdata0_q [Entries];
  atom_t       wdata1_q [Entries];
  logic [31:0] wstrb0_q [Entries];
  logic [31:0] wstrb1_q [Entries];
  logic [15:0] wside0_q [Entries];
  logic [15:0] wside1_q [Entries];

  always_ff @(posedge clk_i) begin
    if (wr_push && in_ready_o) begin
      wdata0_q[wq_idx] <= in_data_i[3:0];
      wdata1_q[wq_idx] <= in_data_i[7:4];
      wstrb0_q[wq_idx] <= in_strb_i[31:0];
      wstrb1_q[wq_idx] <= in_strb_i[63:32];
      wside0_q[wq_idx] <= in_side_i[0];
      wside1_q[wq_idx] <= in_side_i[1];
    end else if (wr_merge) begin
      wdata0_q[wr_same_slot] <= merge_atom(wdata0_q[wr_same_slot], in_data_i[3:0], in_strb_i[31:0]);
      wdata1_q[wr_same_slot] <= merge_atom(wdata1_q[wr_same_slot], in_data_i[7:4], in_strb_i[63:32]);
      wstrb0_q[wr_same_slot] <= wstrb0_q[wr_same_slot] | in_strb_i[31:0];
      wstrb1_q[wr_same_slot] <= wstrb1_q[wr_same_slot] | in_strb_i[63:32];
      // Where side bits mean something, atoms are written whole.
      if (in_need_i[0]) wside0_q[wr_same_slot] <= in_side_i[0];
      if (in_need_i[1]) wside1_q[wr_same_slot] <= in_side_i[1];
    end
  end

  // A write's data shows at the DFI CWL / 2 cycles after its command.
  logic        wdata_half, wdata_last, unused_late, wdata_empty;
  idx_t        wdata_idx;
  logic [9:0]  now_q;
  logic [31:0] wstrb_q;
  atom_t       wdata_q;
  logic [15:0] wside_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) now_q <= '0;
    else now_q <= now_q + 10'd1;
  end

  tsr_hbm_delay #(.Depth(64), .Width(8)) u_wdata (
    .clk_i, .rst_ni, .now_i(now_q), .push_i(wr), .due_i({now_q + 10'(t_i.cwl[5:1]) + 10'd1, 1'b0}),
    .data_i({wr_idx, wr_col_half, wr_col_last}),
    .valid_o(wdata_now), .late_o(unused_late), .data_o({wdata_idx, wdata_half, wdata_last}),
    .empty_o(wdata_empty), .next_o());

  assign wr_free     = wdata_now && wdata_last;
  assign wr_free_idx = wdata_idx;
  assign dfi_wstrb_o = wstrb_q;
  assign dfi_wdata_o = wdata_q;
  assign dfi_wside_o = wside_q;

  always_ff @(posedge clk_i) begin
    if (wdata_now) begin
      wdata_q <= wdata_half ? wdata1_q[wdata_idx] : wdata0_q[wdata_idx];
      wstrb_q <= wdata_half ? wstrb1_q[wdata_idx] : wstrb0_q[wdata_idx];
      wside_q <= wdata_half ? wside1_q[wdata_idx] : wside0_q[wdata_idx];
    end
  end

  // ------------------------------------------------------------ forwarding

  typedef struct packed {
    idx_t idx;
    logic half;
    logic last;
  } flight_t;

  flight_t    flight_q [Entries];  // reads on their way, in command order
  logic [5:0] flight_wr_q, flight_rd_q;
  flight_t    arrival;
  atom_t      rdata0_q [Entries];
  atom_t      rdata1_q [Entries];
  logic [15:0] rside0_q [Entries];
  logic [15:0] rside1_q [Entries];
  rd_meta_t   meta_q [Entries];
  idx_t       done_q [Entries];    // finished entries, in order of completion
  logic [6:0] done_wr_q, done_rd_q;
  logic       out_valid_q, out_take;
  rd_meta_t       out_meta_q;
  tsr_pkg::data_t out_data_q;
  logic [1:0][15:0] out_side_q;

  // The finished reads have one input: data from the DRAM goes first.
  always_comb begin
    automatic logic [63:0] wanted;
    wanted     = '0;
    forward_ok = 1'b0;
    if (same_wr && !in_write_i && !(dfi_rvalid_i && arrival.last)) begin
      wanted     = ({64{1'b1}} << in_meta_i.lo) & ({64{1'b1}} >> (6'd63 - in_meta_i.hi));
      forward_ok = (wanted & ~{wstrb1_q[wr_same_slot], wstrb0_q[wr_same_slot]}) == '0;
    end
  end

  // ------------------------------------------------------------ read data

  assign arrival     = flight_q[flight_rd_q];
  assign out_take    = (done_wr_q != done_rd_q) && (!out_valid_q || out_ready_i);
  assign rd_free     = out_take;
  assign rd_free_idx = done_q[done_rd_q[5:0]];
  assign out_valid_o = out_valid_q;
  assign out_meta_o  = out_meta_q;
  assign out_data_o  = out_data_q;
  assign out_side_o  = out_side_q;

  always_ff @(posedge clk_i) begin
    if (rd_push || rd_forward) meta_q[rq_idx] <= in_meta_i;
    if (rd_forward) begin
      rdata0_q[rq_idx]       <= wdata0_q[wr_same_slot];
      rdata1_q[rq_idx]       <= wdata1_q[wr_same_slot];
      rside0_q[rq_idx]       <= wside0_q[wr_same_slot];
      rside1_q[rq_idx]       <= wside1_q[wr_same_slot];
      done_q[done_wr_q[5:0]] <= rq_idx;
      done_wr_q              <= done_wr_q + 1'b1;
    end
    if (rd) begin
      flight_q[flight_wr_q] <= '{idx: rd_idx, half: rd_col_half, last: rd_col_last};
      flight_wr_q           <= flight_wr_q + 1'b1;
    end
    if (run_i && dfi_rvalid_i) begin
      if (arrival.half) begin
        rdata1_q[arrival.idx] <= dfi_rdata_i;
        rside1_q[arrival.idx] <= dfi_rside_i;
      end else begin
        rdata0_q[arrival.idx] <= dfi_rdata_i;
        rside0_q[arrival.idx] <= dfi_rside_i;
      end
      flight_rd_q <= flight_rd_q + 1'b1;
      if (arrival.last) begin
        done_q[done_wr_q[5:0]] <= arrival.idx;
        done_wr_q              <= done_wr_q + 1'b1;
      end
    end
    if (out_take) begin
      out_meta_q      <= meta_q[rd_free_idx];
      out_data_q[3:0] <= rdata0_q[rd_free_idx];
      out_data_q[7:4] <= rdata1_q[rd_free_idx];
      out_side_q      <= {rside1_q[rd_free_idx], rside0_q[rd_free_idx]};
      done_rd_q       <= done_rd_q + 1'b1;
    end
    if (out_take || out_ready_i) out_valid_q <= out_take;
    if (!rst_ni) begin
      flight_wr_q <= '0;
      flight_rd_q <= '0;
      done_wr_q   <= '0;
      done_rd_q   <= '0;
      out_valid_q <= 1'b0;
    end
  end

  assign empty_o = !rd_used && !wr_used && !out_valid_q;

  // ------------------------------------------------------------ counters

  logic [63:0] latency_cnt, mode_cnt;
  tsr_hbm_latency u_latency (
    .clk_i, .rst_ni, .clear_i(cnt_clear_i), .start_i(rd_push || rd_forward), .start_slot_i(rq_idx),
    .take_i(out_take), .take_slot_i(rd_free_idx), .answer_i(out_valid_q && out_ready_i),
    .sel_i(cnt_sel_i[3:0]), .cnt_o(latency_cnt));
  tsr_hbm_count u_count (
    .clk_i, .rst_ni, .step_i, .run_i, .clear_i(cnt_clear_i), .refresh_i(refresh), .refresh_all_i(refresh_all),
    .bank_i(row_bank), .phase_i(row_phase), .worst_i(ref_worst), .enter_i(enter), .enter_self_i(self_entry),
    .down_i(down_o), .self_i(self_o), .high_i((rd_push || rd_forward) && in_meta_i.cls),
    .sel_i(cnt_sel_i[3:0]), .cnt_o(mode_cnt));

  logic [63:0] reads_q, writes_q, hits_q, misses_q, acts_q, pres_q, refs_q, rbytes_q, wbytes_q;
  logic [63:0] turns_q, merges_q, holds_q, forwards_q;
  logic        last_wr_q, col_last, col_miss;

  assign col_last = wr ? wr_col_last : rd_col_last;
  assign col_miss = wr ? wr_col_miss : rd_col_miss;

  always_ff @(posedge clk_i) begin
    if (rd) reads_q <= reads_q + 64'd1;
    if (wr) writes_q <= writes_q + 64'd1;
    if (rd || wr) begin
      if (col_last && col_miss) misses_q <= misses_q + 64'd1;
      if (col_last && !col_miss) hits_q <= hits_q + 64'd1;
      if (last_wr_q != wr) turns_q <= turns_q + 64'd1;
      last_wr_q <= wr;
    end
    if (act) acts_q <= acts_q + 64'd1;
    if (pre) pres_q <= pres_q + 64'd1;
    if (refresh || refresh_all) refs_q <= refs_q + 64'd1;
    if (rd_push || rd_forward) rbytes_q <= rbytes_q + 64'd1 + {58'b0, in_meta_i.hi - in_meta_i.lo};
    if (wr_merge) merges_q <= merges_q + 64'd1;
    if (rd_forward) forwards_q <= forwards_q + 64'd1;
    if (wr_merge || wr_push) wbytes_q <= wbytes_q + 64'($countones(in_strb_i));
    if ((rd_push && same_wr_after) || (wr_push && same_rd_after)) holds_q <= holds_q + 64'd1;
    if (!rst_ni) last_wr_q <= 1'b0;
    if (!rst_ni || cnt_clear_i) begin
      reads_q  <= '0;
      writes_q <= '0;
      hits_q   <= '0;
      misses_q <= '0;
      acts_q   <= '0;
      pres_q   <= '0;
      refs_q   <= '0;
      rbytes_q <= '0;
      wbytes_q <= '0;
      turns_q  <= '0;
      merges_q <= '0;
      holds_q  <= '0;
      forwards_q <= '0;
    end
  end

  logic [63:0] basic_cnt;

  always_comb begin
    unique case (cnt_sel_i[3:0])
      4'd0:    basic_cnt = reads_q;
      4'd1:    basic_cnt = writes_q;
      4'd2:    basic_cnt = hits_q;
      4'd3:    basic_cnt = misses_q;
      4'd4:    basic_cnt = acts_q;
      4'd5:    basic_cnt = pres_q;
      4'd6:    basic_cnt = refs_q;
      4'd7:    basic_cnt = reads_q + writes_q;
      4'd8:    basic_cnt = rbytes_q;
      4'd9:    basic_cnt = wbytes_q;
      4'd10:   basic_cnt = turns_q;
      4'd11:   basic_cnt = merges_q;
      4'd12:   basic_cnt = holds_q;
      4'd13:   basic_cnt = forwards_q;
      default: basic_cnt = '0;
    endcase
  end

  always_comb begin
    unique case (cnt_sel_i[5:4])
      2'd0:    cnt_o = basic_cnt;
      2'd2:    cnt_o = latency_cnt;
      2'd3:    cnt_o = mode_cnt;
      default: cnt_o = '0;
    endcase
  end

  // ------------------------------------------------------------ sleep

  // The direction is at rest: reads, nothing left to count.
  logic still_way;
  assign still_way = !wmode_q && !row_wr_q && (no_read_q == IdleDrain) && (slice_q == '0) && !stalled_q;
  // Somebody waits for the distance between refreshes.
  logic row_wish;
  assign row_wish = (due != '0) || (forced != '0) || (spare != '0) || want_enter;

  // Times of arrival and of data under way are only differences: with nothing under way their counters need not go on.
  always_comb begin
    still_o = !busy && wdata_empty && timing_still;
    next_o  = SpanNever;
    if (run_i) begin
      still_o &= !(act || pre || refresh || refresh_all || enter || leave) && (spaced || !row_wish) && still_way
                 && power_still && close_still;
      next_o   = sooner(sooner(timing_next, refresh_next), 11'(age_q) + 11'(age_limit_i[11:2]));
    end
  end

  `TSR_ASSERT(ReadDataExpected, !run_i || !dfi_rvalid_i || (flight_wr_q != flight_rd_q))

endmodule
