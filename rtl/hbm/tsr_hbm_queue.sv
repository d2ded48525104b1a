// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Queue of 64-byte blocks that wait for their column commands: the scheduling half of a read or write queue.
///
/// Entries lie in arrival order without gaps: one that issues its last command leaves, and all younger ones
/// move up. Every property of an entry is a bit in a 64-bit vector over the positions (also each bit of its
/// key, its slot and what it waits for), so that the oldest of any set is its lowest bit, and moving up is a
/// shift. The slot tells where the owner keeps the entry's data; it stays in use until the owner frees it.
///
/// *Latency:* an entry takes part from the cycle after its push. *Backpressure:* full_o.
/// *Throughput:* one push, one column and one row command a cycle. *Reset:* empty; keys are not reset.
module tsr_hbm_queue
  import tsr_hbm_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,

  /// Push a block that needs the atoms `push_need_i`. `push_hold_i`: it waits until the other queue's slot
  /// `push_dep_i` has issued. `push_match_i`: its row is open (after this cycle's row command);
  /// `push_ready_i`: and may be accessed.
  input  logic                push_i,
  input  block_t              push_key_i,
  input  logic [1:0]          push_need_i,
  input  logic                push_hold_i,
  input  idx_t                push_dep_i,
  input  logic                push_match_i,
  input  logic                push_ready_i,
  /// It is of the high class: goes before all others that are not old. look_i must be 1 then.
  input  logic                push_high_i,
  /// Take only the slot: the block needs no command. Not together with push_i.
  input  logic                reserve_i,
  output idx_t                push_slot_o,
  output logic                full_o,

  /// Pending entries of a block (combinational, none while look_i is 0): one is there; one is there that does
  /// not issue its last command in this cycle; slot of the youngest; one has begun or begins in this cycle.
  input  logic                look_i,
  input  block_t              look_key_i,
  output logic                same_o,
  output logic                same_after_o,
  output idx_t                same_slot_o,
  output logic                same_begun_o,
  /// Add atoms to the entries of look_key_i.
  input  logic                merge_i,
  input  logic [1:0]          merge_need_i,
  /// The other queue's slot has issued its last command.
  input  logic                unhold_i,
  input  idx_t                unhold_slot_i,

  /// Row events of this cycle.
  input  logic                act_i,
  input  logic                pre_i,
  input  bank_t               row_bank_i,
  input  row_t                act_row_i,
  /// The act candidate caused the activate.
  input  logic                act_mine_i,
  input  logic                rcd_end_i,
  input  bank_t               rcd_bank_i,

  /// Column candidate: the oldest ready entry outside the blocked bank groups and banks, of those that go first
  /// if one of them is ready.
  input  logic [NumBg-1:0]    bg_block_i,
  input  logic [NumBanks-1:0] bank_block_i,
  output logic                col_valid_o,
  output idx_t                col_slot_o,
  output block_t              col_key_o,
  output logic                col_half_o,
  /// It is the last command of the entry; `col_miss_o`: the entry had caused an activate.
  output logic                col_last_o,
  output logic                col_miss_o,
  input  logic                col_take_i,

  /// Row candidates: the oldest entry whose bank may be activated, and the oldest whose bank holds another row
  /// that no entry here wants and may be precharged; here too some go first.
  input  logic                row_en_i,
  input  logic [NumBanks-1:0] act_ok_i,
  input  logic [NumBanks-1:0] pre_ok_i,
  output logic                act_valid_o,
  output block_t              act_key_o,
  output logic                pre_valid_o,
  output bank_t               pre_bank_o,

  /// The slot may be used again.
  input  logic                free_i,
  input  idx_t                free_slot_i,

  /// Pulse every half of the age limit.
  input  logic                age_tick_i,
  /// Time in cycles in which commands are allowed, and the longest that an entry may wait, at most 16383.
  input  logic [13:0]         now_i,
  input  logic [13:0]         bound_i,
  /// An entry that may issue has waited for the age limit, at most half as long again.
  output logic                old_o,

  output logic                avail_o,      // an entry may issue
  output logic                high_o,       // one of the high class may issue
  output logic                held_o,       // an entry is held back by a hazard
  output logic                used_o,       // a slot is in use
  output logic [6:0]          count_o,      // pending entries
  output logic [NumBanks-1:0] bank_any_o,   // bank b has pending entries
  output logic [NumBanks-1:0] bank_hit_o    // bank b has entries for its open row that may issue
);

  localparam int unsigned KeyW = $bits(block_t);

  // By position. Not reset: stale beyond the last entry.
  vec_t [KeyW-1:0]     key_q;   // bits of the block
  vec_t [IdxW-1:0]     slot_q;
  vec_t [IdxW-1:0]     dep_q;   // only meaningful while held
  vec_t [NumBanks-1:0] bank_q;
  vec_t [NumBg-1:0]    bg_q;
  // Zero beyond the last entry.
  vec_t   pend_q, hold_q, match_q, ready_q, need0_q, need1_q, begun_q, miss_q, aged_q, elder_q, old_q;
  vec_t   high_q;
  vec_t   tail_q;         // the position after the last entry; zero: none
  logic [6:0] count_q;
  // By slot.
  block_t block_q [Entries];
  vec_t   used_q;
  logic   full_q;

  assign full_o      = full_q;
  assign count_o     = count_q;
  assign held_o      = hold_q != '0;
  assign used_o      = used_q != '0;
  assign push_slot_o = onehot_idx(first_of(~used_q));

  /// The slot of a position.
  function automatic idx_t slot_of(vec_t position);
    idx_t s;
    for (int unsigned i = 0; i < IdxW; i++) s[i] = (slot_q[i] & position) != '0;
    return s;
  endfunction

  // ------------------------------------------------------------ hazards

  vec_t same, col_pos;

  always_comb begin
    automatic vec_t young;
    young        = '0;
    same         = '0;
    same_slot_o  = '0;
    same_o       = 1'b0;
    same_after_o = 1'b0;
    same_begun_o = 1'b0;
    if (look_i) begin
      same = bank_q[look_key_i.bank] & pend_q;
      if (same != '0) begin
        for (int unsigned i = 0; i < KeyW; i++) same &= look_key_i[i] ? key_q[i] : ~key_q[i];
      end
      if (same != '0) begin
        same_o       = 1'b1;
        same_after_o = (same & ~((col_take_i && col_last_o) ? col_pos : '0)) != '0;
        same_begun_o = (same & (begun_q | (col_take_i ? col_pos : '0))) != '0;
        young        = same;
        for (int unsigned i = 0; i < IdxW; i++) young |= young >> (1 << i);
        same_slot_o  = slot_of(young ^ (young >> 1));
      end
    end
  end

  // ------------------------------------------------------------ choice

  vec_t                avail;
  vec_t                lead;     // go first: of the high class, or old; zero while nobody is of the high class
  logic [NumBanks-1:0] preempt;  // the bank's row must change for its oldest entry, which is old, or for one in `lead`
  vec_t                act_pos;

  always_comb begin
    avail   = pend_q & ~hold_q;
    avail_o = avail != '0;
    old_o   = (old_q & avail) != '0;
    high_o  = (high_q & avail) != '0;
    lead    = high_o ? (high_q | old_q) & avail : '0;
    preempt = '0;
    if (high_o) begin
      for (int unsigned b = 0; b < NumBanks; b++) begin
        preempt[b] = ((lead & bank_q[b]) != '0) && ((lead & bank_q[b] & match_q) == '0);
      end
    end
    if (old_o) begin
      for (int unsigned b = 0; b < NumBanks; b++) begin
        preempt[b] |= (first_of(avail & bank_q[b]) & old_q & ~match_q) != '0;
      end
    end
  end

  always_comb begin
    automatic vec_t cand;
    cand        = ready_q & avail;
    col_valid_o = 1'b0;
    col_pos     = '0;
    col_slot_o  = '0;
    col_key_o   = '0;
    col_half_o  = 1'b0;
    col_last_o  = 1'b0;
    col_miss_o  = 1'b0;
    if (cand != '0) begin
      for (int unsigned g = 0; g < NumBg; g++) if (bg_block_i[g]) cand &= ~bg_q[g];
      if ((bank_block_i | preempt) != '0) begin
        for (int unsigned b = 0; b < NumBanks; b++) if (bank_block_i[b] || preempt[b]) cand &= ~bank_q[b];
      end
      if ((cand & lead) != '0) cand &= lead;
      if (cand != '0) begin
        col_valid_o = 1'b1;
        col_pos     = first_of(cand);
        col_slot_o  = slot_of(col_pos);
        col_key_o   = block_q[col_slot_o];
        col_half_o  = (col_pos & need0_q) == '0;
        col_last_o  = (col_pos & need0_q & need1_q) == '0;
        col_miss_o  = (col_pos & miss_q) != '0;
      end
    end
  end

  always_comb begin
    automatic vec_t miss, act, pre;
    miss        = avail & ~match_q;
    act         = '0;
    pre         = '0;
    act_valid_o = 1'b0;
    act_pos     = '0;
    act_key_o   = '0;
    pre_valid_o = 1'b0;
    pre_bank_o  = '0;
    if (row_en_i && (miss != '0)) begin
      if (act_ok_i != '0) begin
        for (int unsigned b = 0; b < NumBanks; b++) if (act_ok_i[b]) act |= bank_q[b];
        act &= miss;
        if ((act & lead) != '0) act &= lead;
      end
      if (act != '0) begin
        act_valid_o = 1'b1;
        act_pos     = first_of(act);
        act_key_o   = block_q[slot_of(act_pos)];
      end
      if (pre_ok_i != '0) begin
        for (int unsigned b = 0; b < NumBanks; b++) begin
          if (pre_ok_i[b] && (!bank_hit_o[b] || preempt[b])) pre |= bank_q[b];
        end
        pre &= miss;
        if ((pre & lead) != '0) pre &= lead;
        if (pre != '0) begin
          pre_valid_o = 1'b1;
          pre_bank_o  = block_q[slot_of(first_of(pre))].bank;
        end
      end
    end
  end

  always_comb begin
    bank_any_o = '0;
    bank_hit_o = '0;
    if (pend_q != '0) begin
      for (int unsigned b = 0; b < NumBanks; b++) begin
        bank_any_o[b] = (bank_q[b] & pend_q) != '0;
        bank_hit_o[b] = !preempt[b] && ((bank_q[b] & match_q & ~hold_q) != '0);
      end
    end
  end

  // ------------------------------------------------------------ state

  // Entries that the events of this cycle change.
  vec_t unheld, rcd_over, row_closed, row_opened;

  always_comb begin
    unheld     = '0;
    rcd_over   = '0;
    row_closed = '0;
    row_opened = '0;
    if (unhold_i && (hold_q != '0)) begin
      unheld = hold_q;
      for (int unsigned i = 0; i < IdxW; i++) unheld &= unhold_slot_i[i] ? dep_q[i] : ~dep_q[i];
    end
    if (rcd_end_i) rcd_over = match_q & bank_q[rcd_bank_i];
    if (pre_i) row_closed = bank_q[row_bank_i];
    if (act_i) begin
      row_opened = bank_q[row_bank_i] & pend_q;
      if (row_opened != '0) begin
        for (int unsigned i = 0; i < RowW; i++) begin
          row_opened &= act_row_i[i] ? key_q[(ColW-1)+i] : ~key_q[(ColW-1)+i];
        end
      end
    end
  end

  logic push, leave;
  vec_t place;  // where a pushed entry goes
  vec_t older;  // positions that stay: those before the one that leaves

  assign push  = push_i && !full_q;
  assign leave = col_take_i && col_last_o;
  assign place = push ? tail_q : '0;
  assign older = leave ? col_pos - 1'b1 : '1;

  /// The vector after this cycle's push of `bit_in` and the leaving of an entry.
  function automatic vec_t moved(vec_t v, logic bit_in, vec_t put, vec_t stay);
    vec_t r;
    r = (v & ~put) | (put & {Entries{bit_in}});
    return (r & stay) | ((r >> 1) & ~stay);
  endfunction

  always_ff @(posedge clk_i) begin
    automatic vec_t hold, match, ready, need0, need1, begun, miss, aged, elder, old, used;
    // Nothing can change while the queue is empty and nothing comes.
    if (push || reserve_i || (used_q != '0)) begin
      hold  = hold_q;
      match = match_q;
      ready = ready_q;
      need0 = need0_q;
      need1 = need1_q;
      begun = begun_q;
      miss  = miss_q;
      aged  = aged_q;
      elder = elder_q;
      old   = old_q;
      used  = used_q;

      hold  &= ~unheld;
      ready |= rcd_over;
      match &= ~row_closed;
      ready &= ~row_closed;
      match |= row_opened;
      if (act_mine_i) miss |= act_pos;
      if (col_take_i) begin
        begun |= col_pos;
        if (col_half_o) need1 &= ~col_pos;
        else need0 &= ~col_pos;
      end
      if (merge_i) begin
        if (merge_need_i[0]) need0 |= same;
        if (merge_need_i[1]) need1 |= same;
      end
      if (age_tick_i) begin
        old   = elder_q;
        elder = aged_q;
        aged  = pend_q;
      end
      if (free_i) used[free_slot_i] = 1'b0;
      if (push || reserve_i) used[push_slot_o] = 1'b1;
      if (push) block_q[push_slot_o] <= push_key_i;
      used_q  <= used;
      full_q  <= used == '1;
      hold_q  <= moved(hold, push_hold_i, place, older);
      match_q <= moved(match, push_match_i, place, older);
      ready_q <= moved(ready, push_ready_i, place, older);
      need0_q <= moved(need0, push_need_i[0], place, older);
      need1_q <= moved(need1, push_need_i[1], place, older);
      begun_q <= moved(begun, 1'b0, place, older);
      miss_q  <= moved(miss, 1'b0, place, older);
      aged_q  <= moved(aged, 1'b0, place, older);
      elder_q <= moved(elder, 1'b0, place, older);
      old_q   <= moved(old, 1'b0, place, older);
      // Those of its block become as high: their order is kept.
      if (push || leave) high_q <= moved(high_q | ((push && push_high_i) ? same : '0), push_high_i, place, older);
      if (push || leave) begin
        pend_q <= moved(pend_q, 1'b1, place, older);
      end
      if (push != leave) begin
        count_q <= push ? count_q + 1'b1 : count_q - 1'b1;
        tail_q  <= push ? tail_q << 1 : ((tail_q == '0) ? ({1'b1, {(Entries-1){1'b0}}}) : tail_q >> 1);
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
      elder_q <= '0;
      old_q   <= '0;
      high_q  <= '0;
      tail_q  <= vec_t'('1) & ~(vec_t'('1) << 1);
      count_q <= '0;
      full_q  <= 1'b0;
    end
  end

  // What an entry is. Whole vectors in a block of their own: simulators then touch them only when they change.
  always_ff @(posedge clk_i) begin
    automatic vec_t [KeyW-1:0]     key;
    automatic vec_t [IdxW-1:0]     slot, dep;
    automatic vec_t [NumBanks-1:0] bank;
    automatic vec_t [NumBg-1:0]    bg;
    if (push || leave) begin
      for (int unsigned i = 0; i < KeyW; i++) key[i] = moved(key_q[i], push_key_i[i], place, older);
      for (int unsigned i = 0; i < IdxW; i++) slot[i] = moved(slot_q[i], push_slot_o[i], place, older);
      for (int unsigned i = 0; i < IdxW; i++) dep[i] = moved(dep_q[i], push_dep_i[i], place, older);
      for (int unsigned b = 0; b < NumBanks; b++) begin
        bank[b] = moved(bank_q[b], push_key_i.bank == bank_t'(b), place, older);
      end
      for (int unsigned g = 0; g < NumBg; g++) begin
        bg[g] = moved(bg_q[g], push_key_i.bank[3:2] == 2'(g), place, older);
      end
      key_q  <= key;
      slot_q <= slot;
      dep_q  <= dep;
      bank_q <= bank;
      bg_q   <= bg;
    end
  end

  `TSR_ASSERT(PushHasRoom, !(push_i || reserve_i) || !full_q)
  `TSR_ASSERT(HighPushLooks, !(push_i && push_high_i) || (look_i && (look_key_i == push_key_i)))
  `TSR_ASSERT(PushOrReserve, !(push_i && reserve_i))
  `TSR_ASSERT(MergePending, !merge_i || (same_o && !same_begun_o))
  `TSR_ASSERT(FreeUsed, !free_i || used_q[free_slot_i])
  `TSR_ASSERT(CountInRange, count_q <= 7'(Entries))
  // The oldest entry is the first one. Its time of arrival lies by slot.
  logic [13:0] since_q [Entries];
  always_ff @(posedge clk_i) begin
    if (push) since_q[push_slot_o] <= now_i;
  end
  `TSR_ASSERT(NobodyStarves, !pend_q[0] || (14'(now_i - since_q[slot_of(vec_t'(1))]) <= bound_i))
  `TSR_ASSERT(TakeValid, !col_take_i || col_valid_o)

endmodule
