// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Queue of 64-byte blocks that wait for their column commands: the scheduling half of a read or write queue.
///
/// A circular window in arrival order. Every entry is a bit in a few 64-bit vectors (pending, held back by a
/// hazard, row open, ready), so that choosing is a handful of vector operations. The owner keeps the data
/// in memories indexed by entry. At most 63 younger entries can pass an entry: the window is the age bound.
///
/// *Latency:* an entry takes part from the cycle after its push. *Backpressure:* full_o.
/// *Throughput:* one push, one column and one row command a cycle. *Reset:* empty; keys are not reset.
module tsr_hbm_queue
  import tsr_hbm_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,

  /// Push a block that needs the atoms `push_need_i`. `push_hold_i`: it waits for unhold_i.
  /// `push_match_i`: its row is open (after this cycle's row command); `push_ready_i`: and may be accessed.
  input  logic                push_i,
  input  block_t              push_key_i,
  input  logic [1:0]          push_need_i,
  input  logic                push_hold_i,
  input  logic                push_match_i,
  input  logic                push_ready_i,
  output idx_t                push_idx_o,
  output logic                full_o,

  /// Add atoms to a pending entry that is not `begun_o`.
  input  logic                merge_i,
  input  idx_t                merge_idx_i,
  input  logic [1:0]          merge_need_i,
  output vec_t                begun_o,

  /// Pending entries of the same block (combinational, zero while look_i is 0).
  input  logic                look_i,
  input  block_t              look_key_i,
  output vec_t                same_o,
  /// Entries whose hazard is over.
  input  vec_t                unhold_i,

  /// Row events of this cycle.
  input  logic                act_i,
  input  logic                pre_i,
  input  bank_t               row_bank_i,
  input  row_t                act_row_i,
  /// This entry caused the activate.
  input  logic                act_mine_i,
  input  logic                rcd_end_i,
  input  bank_t               rcd_bank_i,

  /// Column candidate: the oldest ready entry outside the blocked bank groups and banks.
  input  logic [NumBg-1:0]    bg_block_i,
  input  logic [NumBanks-1:0] bank_block_i,
  output logic                col_valid_o,
  output idx_t                col_idx_o,
  output block_t              col_key_o,
  output logic                col_half_o,
  /// It is the last command of the entry; `col_miss_o`: the entry had caused an activate.
  output logic                col_last_o,
  output logic                col_miss_o,
  input  logic                col_take_i,

  /// Row candidates: the oldest entry whose bank may be activated, and the oldest whose bank holds another row
  /// that no entry here wants and may be precharged.
  input  logic                row_en_i,
  input  logic [NumBanks-1:0] act_ok_i,
  input  logic [NumBanks-1:0] pre_ok_i,
  output logic                act_valid_o,
  output idx_t                act_idx_o,
  output block_t              act_key_o,
  output logic                pre_valid_o,
  output bank_t               pre_bank_o,

  /// The entry's slot may be used again.
  input  logic                free_i,
  input  idx_t                free_idx_i,

  /// Pulse every age limit.
  input  logic                age_tick_i,
  /// The oldest entry that may issue has waited for one to two age limits.
  output logic                old_o,

  output logic                avail_o,      // an entry may issue
  output logic                held_o,       // an entry is held back by a hazard
  output logic                used_o,       // a slot is in use
  output logic [6:0]          count_o,      // pending entries
  output logic [NumBanks-1:0] bank_any_o    // bank b has pending entries
);

  block_t key_q [Entries];
  vec_t   bank_q [NumBanks];  // entries of a bank; stale outside pend_q
  vec_t   bg_q [NumBg];
  vec_t   used_q, pend_q, hold_q, match_q, ready_q, need0_q, need1_q, begun_q, miss_q, aged_q, old_q;
  idx_t   head_q, tail_q;
  logic [6:0] count_q;
  logic   full_q;

  assign push_idx_o = tail_q;
  assign full_o     = full_q;
  assign begun_o    = begun_q;
  assign count_o    = count_q;
  assign held_o     = hold_q != '0;
  assign used_o     = used_q != '0;

  // ------------------------------------------------------------ hazards

  always_comb begin
    same_o = '0;
    if (look_i && ((bank_q[look_key_i.bank] & pend_q) != '0)) begin
      for (int unsigned i = 0; i < Entries; i++) same_o[i] = key_q[i] == look_key_i;
      same_o &= pend_q;
    end
  end

  // ------------------------------------------------------------ choice

  vec_t                avail;
  logic                preempt;       // the oldest entry is old and its row is not open:
  bank_t               preempt_bank;  // its bank serves nobody else

  always_comb begin
    automatic idx_t first;
    first        = '0;
    avail        = pend_q & ~hold_q;
    avail_o      = avail != '0;
    old_o        = 1'b0;
    preempt      = 1'b0;
    preempt_bank = '0;
    if ((old_q & avail) != '0) begin
      first        = oldest(avail, head_q);
      old_o        = old_q[first];
      preempt      = old_o && !match_q[first];
      preempt_bank = key_q[first].bank;
    end
  end

  always_comb begin
    automatic vec_t cand;
    cand        = ready_q & avail;
    col_valid_o = 1'b0;
    col_idx_o   = '0;
    col_key_o   = '0;
    col_half_o  = 1'b0;
    col_last_o  = 1'b0;
    col_miss_o  = 1'b0;
    if (cand != '0) begin
      for (int unsigned g = 0; g < NumBg; g++) if (bg_block_i[g]) cand &= ~bg_q[g];
      if (preempt) cand &= ~bank_q[preempt_bank];
      if (bank_block_i != '0) begin
        for (int unsigned b = 0; b < NumBanks; b++) if (bank_block_i[b]) cand &= ~bank_q[b];
      end
      if (cand != '0) begin
        col_valid_o = 1'b1;
        col_idx_o   = oldest(cand, head_q);
        col_key_o   = key_q[col_idx_o];
        col_half_o  = !need0_q[col_idx_o];
        col_last_o  = !(need0_q[col_idx_o] && need1_q[col_idx_o]);
        col_miss_o  = miss_q[col_idx_o];
      end
    end
  end

  always_comb begin
    automatic vec_t miss, act, pre;
    miss        = avail & ~match_q;
    act         = '0;
    pre         = '0;
    act_valid_o = 1'b0;
    act_idx_o   = '0;
    act_key_o   = '0;
    pre_valid_o = 1'b0;
    pre_bank_o  = '0;
    if (row_en_i && (miss != '0)) begin
      if (act_ok_i != '0) begin
        for (int unsigned b = 0; b < NumBanks; b++) if (act_ok_i[b]) act |= bank_q[b];
        act &= miss;
      end
      if (act != '0) begin
        act_valid_o = 1'b1;
        act_idx_o   = oldest(act, head_q);
        act_key_o   = key_q[act_idx_o];
      end else if (pre_ok_i != '0) begin
        for (int unsigned b = 0; b < NumBanks; b++) begin
          if (pre_ok_i[b] && (((avail & match_q & bank_q[b]) == '0)
                              || (preempt && (preempt_bank == bank_t'(b))))) begin
            pre |= bank_q[b];
          end
        end
        pre &= miss;
        if (pre != '0) begin
          pre_valid_o = 1'b1;
          pre_bank_o  = key_q[oldest(pre, head_q)].bank;
        end
      end
    end
  end

  always_comb begin
    bank_any_o = '0;
    if (pend_q != '0) begin
      for (int unsigned b = 0; b < NumBanks; b++) bank_any_o[b] = (bank_q[b] & pend_q) != '0;
    end
  end

  // ------------------------------------------------------------ state

  always_ff @(posedge clk_i) begin
    automatic vec_t used, pend, hold, match, ready, need0, need1, begun;
    automatic logic push;
    automatic bank_t old_bank;
    // Nothing can change while the queue is empty and nothing comes.
    if (push_i || (used_q != '0)) begin
      used  = used_q;
      pend  = pend_q;
      hold  = hold_q & ~unhold_i;
      match = match_q;
      ready = ready_q;
      need0 = need0_q;
      need1 = need1_q;
      begun = begun_q;
      push  = push_i && !full_q;

      if (rcd_end_i) ready |= match_q & bank_q[rcd_bank_i];
      if (pre_i) begin
        match &= ~bank_q[row_bank_i];
        ready &= ~bank_q[row_bank_i];
      end
      if (act_i) begin
        if ((pend_q & bank_q[row_bank_i]) != '0) begin
          automatic vec_t eq;
          for (int unsigned i = 0; i < Entries; i++) eq[i] = key_q[i].row == act_row_i;
          match |= eq & bank_q[row_bank_i];
        end
        if (act_mine_i) miss_q[act_idx_o] <= 1'b1;
      end
      if (col_take_i) begin
        begun[col_idx_o] = 1'b1;
        if (col_half_o) need1[col_idx_o] = 1'b0;
        else need0[col_idx_o] = 1'b0;
        if (col_last_o) begin
          pend[col_idx_o]  = 1'b0;
          match[col_idx_o] = 1'b0;
          ready[col_idx_o] = 1'b0;
        end
      end
      if (merge_i) begin
        need0[merge_idx_i] = need0[merge_idx_i] | merge_need_i[0];
        need1[merge_idx_i] = need1[merge_idx_i] | merge_need_i[1];
      end
      if (free_i) used[free_idx_i] = 1'b0;
      if (push) begin
        key_q[tail_q]  <= push_key_i;
        used[tail_q]   = 1'b1;
        pend[tail_q]   = 1'b1;
        hold[tail_q]   = push_hold_i;
        match[tail_q]  = push_match_i;
        ready[tail_q]  = push_ready_i;
        need0[tail_q]  = push_need_i[0];
        need1[tail_q]  = push_need_i[1];
        begun[tail_q]  = 1'b0;
        miss_q[tail_q] <= 1'b0;
        old_bank       = key_q[tail_q].bank;
        if (old_bank != push_key_i.bank) bank_q[old_bank][tail_q] <= 1'b0;
        if (old_bank[3:2] != push_key_i.bank[3:2]) bg_q[old_bank[3:2]][tail_q] <= 1'b0;
        bank_q[push_key_i.bank][tail_q]    <= 1'b1;
        bg_q[push_key_i.bank[3:2]][tail_q] <= 1'b1;
        tail_q <= tail_q + 1'b1;
      end
      used_q  <= used;
      pend_q  <= pend;
      hold_q  <= hold;
      match_q <= match;
      ready_q <= ready;
      need0_q <= need0;
      need1_q <= need1;
      begun_q <= begun;
      if (push != (col_take_i && col_last_o)) count_q <= push ? count_q + 1'b1 : count_q - 1'b1;

      // The window starts at the oldest used slot.
      if (used == '0) begin
        head_q <= push ? tail_q + 1'b1 : tail_q;
        full_q <= 1'b0;
      end else begin
        head_q <= oldest(used, head_q);
        full_q <= oldest(used, head_q) == (push ? tail_q + 1'b1 : tail_q);
      end

      if (age_tick_i) begin
        aged_q <= pend;
        old_q  <= aged_q & pend;
      end
      if (push) begin
        aged_q[tail_q] <= 1'b0;
        old_q[tail_q]  <= 1'b0;
      end
    end

    if (!rst_ni) begin
      used_q  <= '0;
      pend_q  <= '0;
      hold_q  <= '0;
      match_q <= '0;
      ready_q <= '0;
      need0_q <= '0;
      need1_q <= '0;
      begun_q <= '0;
      miss_q  <= '0;
      aged_q  <= '0;
      old_q   <= '0;
      head_q  <= '0;
      tail_q  <= '0;
      count_q <= '0;
      full_q  <= 1'b0;
      for (int unsigned b = 0; b < NumBanks; b++) bank_q[b] <= '0;
      for (int unsigned g = 0; g < NumBg; g++) bg_q[g] <= '0;
    end
  end

  `TSR_ASSERT(PushHasRoom, !push_i || !full_q)
  `TSR_ASSERT(MergePending, !merge_i || (pend_q[merge_idx_i] && !begun_q[merge_idx_i]))
  `TSR_ASSERT(FreeUsed, !free_i || (used_q[free_idx_i] && !pend_q[free_idx_i]))
  `TSR_ASSERT(CountInRange, count_q <= 7'(Entries))
  `TSR_ASSERT(TakeValid, !col_take_i || col_valid_o)

endmodule
