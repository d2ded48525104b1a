// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Data integrity in front of one pseudo channel: check bits, read-modify-write, atomics, poison, scrubbing.
///
/// Reads, and writes of whole atoms, pass in the cycle in which they come. A write of a part of an atom, an
/// atomic, and a scrub take an entry; it reads what it needs, and when that is back writes whole atoms.
/// Meanwhile everything for the same block waits at the input, but for writes, which are merged into an entry that
/// still waits for its data: so all later requests see the entry whole. Reads that come back are checked
/// and corrected (tsr_hbm_ecc).
///
/// A write over a part of an atom that is bad leaves poison, and so does one that brings poison; an atomic on a
/// bad atom answers poison and changes nothing.
///
/// *Latency:* requests none, responses one cycle. *Backpressure:* in_ready_o depends on the offered request and
/// pc_ready_i. *Throughput:* one block a cycle; a read-modify-write takes two. *Reset:* no entry in use; data is
/// not reset.
module tsr_hbm_rmw
  import tsr_hbm_pkg::*;
  import tsr_hbm_ecc_pkg::*;
(
  input  logic              clk_i,
  input  logic              rst_ni,
  /// Changes only while nothing is under way.
  input  logic              ecc_i,

  /// Requests, as tsr_hbm_pc takes them. `in_need_i`: atoms that are touched. An atomic has its operand and
  /// expected value in data lane 0, and the bytes of its word in `in_meta_i`.
  input  logic              in_valid_i,
  output logic              in_ready_o,
  input  block_op_e         in_op_i,
  input  tsr_pkg::amo_e     in_amo_i,
  input  block_t            in_block_i,
  input  logic [1:0]        in_need_i,
  input  rd_meta_t          in_meta_i,
  input  logic [63:0]       in_strb_i,
  input  tsr_pkg::data_t    in_data_i,
  input  logic              in_poison_i,

  /// Block to scrub; it goes before requests when it is urgent, else behind them. `scrub_blk_i`: node-local number.
  input  logic              scrub_valid_i,
  output logic              scrub_ready_o,
  input  logic              scrub_urgent_i,
  input  block_t            scrub_block_i,
  input  logic [23:0]       scrub_blk_i,

  /// Errors to put into the next atom written; injected_o: done.
  input  inject_t           inject_i,
  output logic              injected_o,

  /// To the queues, and data back from them.
  output logic              pc_valid_o,
  input  logic              pc_ready_i,
  output logic              pc_write_o,
  output block_t            pc_block_o,
  output logic [1:0]        pc_need_o,
  output rd_meta_t          pc_meta_o,
  output logic [63:0]       pc_strb_o,
  output tsr_pkg::data_t    pc_data_o,
  output side_t [1:0]       pc_side_o,
  input  logic              rd_valid_i,
  output logic              rd_ready_o,
  input  rd_meta_t          rd_meta_i,
  input  tsr_pkg::data_t    rd_data_i,
  input  side_t [1:0]       rd_side_i,

  /// Responses: reads, and the old values of atomics.
  output logic              out_valid_o,
  input  logic              out_ready_i,
  output rd_meta_t          out_meta_o,
  output tsr_pkg::data_t    out_data_o,
  output logic              out_poison_o,

  /// One cycle later.
  output ecc_event_t        event_o,
  /// No entry in use, no response waiting.
  output logic              empty_o
);

  localparam int unsigned NumEntry = 8;
  typedef logic [2:0]          slot_t;
  typedef logic [NumEntry-1:0] slots_t;

  slots_t         used_q;              // in use
  slots_t         ready_q;             // has its data, is to be written
  slots_t         amo_q, scrub_q;      // what it is; else a partial write
  block_t         block_q [NumEntry];
  logic [1:0]     read_q [NumEntry];   // atoms that it reads
  logic [1:0]     need_q [NumEntry];   // atoms to write
  logic [1:0]     poison_q [NumEntry]; // atoms that become poison
  tsr_pkg::amo_e  op_q [NumEntry];
  logic [63:0]    strb_q [NumEntry];
  tsr_pkg::data_t data_q [NumEntry];

  function automatic slot_t lowest(slots_t v);
    slot_t s;
    s = '0;
    for (int unsigned i = NumEntry; i > 0; i--) if (v[i-1]) s = slot_t'(i - 1);
    return s;
  endfunction

  /// Atoms of which `strb` touches a part, or all.
  function automatic logic [1:0] some(logic [63:0] strb);
    return {strb[63:32] != '0, strb[31:0] != '0};
  endfunction
  function automatic logic [1:0] whole(logic [63:0] strb);
    return {strb[63:32] == '1, strb[31:0] == '1};
  endfunction

  // ------------------------------------------------------------ read data

  logic           back_valid, back_ready, back_own, capture;
  rd_meta_t       back_meta;
  tsr_pkg::data_t back_data;
  logic [1:0]     back_bad, back_fixed, fixed, lost;
  check_t [1:0]   syndrome;

  tsr_hbm_ecc u_ecc (
    .clk_i, .rst_ni, .enable_i(ecc_i),
    .in_valid_i(rd_valid_i), .in_ready_o(rd_ready_o), .in_meta_i(rd_meta_i), .in_data_i(rd_data_i),
    .in_side_i(rd_side_i),
    .out_valid_o(back_valid), .out_ready_i(back_ready), .out_meta_o(back_meta), .out_data_o(back_data),
    .out_bad_o(back_bad), .out_fixed_o(back_fixed),
    .fixed_o(fixed), .lost_o(lost), .syndrome_o(syndrome));

  assign out_valid_o  = back_valid && !back_meta.silent;
  assign out_meta_o   = back_meta;
  assign out_data_o   = back_data;
  assign out_poison_o = back_bad != '0;
  assign back_ready   = back_meta.silent || out_ready_i;
  assign back_own     = back_valid && back_meta.own;
  assign capture      = back_own && back_ready;
  assign empty_o      = (used_q == '0) && !back_valid;

  // ------------------------------------------------------------ choice

  logic   write_back, scrub_now, pass, start, merge;
  slots_t hit;        // entry of the offered block
  slot_t  back_slot, free_slot, hit_slot;
  logic   free;
  block_t block;
  logic [1:0] part;   // atoms that the offered write touches in part

  // Entries that have their data go first, so that they never wait for requests that wait for them.
  always_comb begin
    write_back = ready_q != '0;
    back_slot  = write_back ? lowest(ready_q) : '0;
    free       = used_q != '1;
    free_slot  = '0;
    hit_slot   = '0;
    scrub_now  = !write_back && scrub_valid_i && ecc_i && (scrub_urgent_i || !in_valid_i);
    block      = scrub_now ? scrub_block_i : in_block_i;
    hit        = '0;
    part       = '0;
    pass       = 1'b0;
    start      = 1'b0;
    merge      = 1'b0;
    if (!write_back && (in_valid_i || scrub_now)) begin
      free_slot = lowest(~used_q);
      if (used_q != '0) begin
        for (int unsigned i = 0; i < NumEntry; i++) hit[i] = used_q[i] && (block_q[i] == block);
        hit_slot = lowest(hit);
      end
      if (scrub_now) start = free && !back_own && (hit == '0);
      else begin
        if (in_op_i == OpWrite) part = ecc_i ? some(in_strb_i) & ~whole(in_strb_i) : '0;
        pass  = (hit == '0) && (in_op_i != OpAtomic) && (part == '0);
        start = (hit == '0) && !pass && free && !back_own;
        // What is not read must stay complete.
        merge = (hit != '0) && (in_op_i == OpWrite) && ecc_i && ((hit & amo_q) == '0)
                && !back_own && ((part & ~read_q[hit_slot] & ~whole(strb_q[hit_slot])) == '0);
      end
    end
  end

  assign pc_valid_o    = write_back || pass || start;
  assign in_ready_o    = merge || ((pass || (start && !scrub_now)) && pc_ready_i);
  assign scrub_ready_o = start && scrub_now && pc_ready_i;

  always_comb begin
    pc_write_o = write_back || (pass && (in_op_i == OpWrite));
    pc_block_o = write_back ? block_q[back_slot] : block;
    pc_need_o  = '0;
    pc_meta_o  = '0;
    pc_strb_o  = '0;
    if (write_back) begin
      pc_need_o = need_q[back_slot];
      pc_strb_o = ecc_i ? {{32{pc_need_o[1]}}, {32{pc_need_o[0]}}} : strb_q[back_slot];
    end else if (pass) begin
      pc_need_o = in_need_i;
      pc_meta_o = in_meta_i;
      pc_strb_o = in_strb_i;
    end else if (start) begin
      pc_meta_o.own    = 1'b1;
      pc_meta_o.silent = 1'b1;
      if (scrub_now) begin
        pc_need_o     = '1;
        pc_meta_o.blk = {10'b0, scrub_blk_i};
      end else if (in_op_i == OpAtomic) begin
        pc_need_o        = in_need_i;
        pc_meta_o        = in_meta_i;
        pc_meta_o.own    = 1'b1;
        pc_meta_o.silent = 1'b0;
      end else begin
        pc_need_o     = part;
        pc_meta_o.blk = in_meta_i.blk;
      end
      pc_meta_o.slot = free_slot;
      if (pc_meta_o.silent) begin
        pc_meta_o.lo = pc_need_o[0] ? 6'd0 : 6'd32;
        pc_meta_o.hi = pc_need_o[1] ? 6'd63 : 6'd31;
      end
    end
  end

  logic inject_now;
  assign injected_o = inject_now && pc_ready_i;

  // Write data with its side bits, and deliberate errors.
  always_comb begin
    automatic logic [1:0] poison;
    automatic logic       upper;
    pc_data_o  = write_back ? data_q[back_slot] : in_data_i;
    pc_side_o  = '0;
    inject_now = 1'b0;
    poison     = '0;
    upper      = 1'b0;
    if (pc_valid_o && pc_write_o && ecc_i) begin
      poison = write_back ? poison_q[back_slot] : {2{in_poison_i}};
      if (pc_need_o[0]) pc_side_o[0] = ecc_side(pc_data_o[3:0], poison[0]);
      if (pc_need_o[1]) pc_side_o[1] = ecc_side(pc_data_o[7:4], poison[1]);
      if (inject_i.arm) begin
        inject_now = 1'b1;
        upper      = !pc_need_o[0];
        for (int unsigned a = 0; a < 2; a++) begin
          if (upper == 1'(a)) begin
            {pc_side_o[a], pc_data_o[4*a+:4]} ^= CodeW'(1) << inject_i.first;
            if (inject_i.two) {pc_side_o[a], pc_data_o[4*a+:4]} ^= CodeW'(1) << inject_i.second;
          end
        end
      end
    end
  end

  // ------------------------------------------------------------ entries

  // One entry is written a cycle: begun, merged into, or given its data; that goes first, also while its
  // response waits.
  logic  begin_now;
  slot_t slot;

  assign begin_now = start && pc_ready_i;
  assign slot      = capture ? back_meta.slot : (merge ? hit_slot : free_slot);

  always_ff @(posedge clk_i) begin
    if (write_back && pc_ready_i) begin
      used_q[back_slot]  <= 1'b0;
      ready_q[back_slot] <= 1'b0;
    end
    if (begin_now) begin
      used_q[slot]  <= 1'b1;
      amo_q[slot]   <= !scrub_now && (in_op_i == OpAtomic);
      scrub_q[slot] <= scrub_now;
      block_q[slot] <= block;
      read_q[slot]  <= pc_need_o;
      op_q[slot]    <= in_amo_i;
    end
    if (capture) begin
      automatic logic [1:0] need;
      if (amo_q[slot]) need = (back_bad != '0) ? '0 : read_q[slot];
      else need = some(strb_q[slot]) | back_fixed;
      need_q[slot]  <= need;
      ready_q[slot] <= need != '0;
      used_q[slot]  <= need != '0;
    end
    if (!rst_ni) begin
      used_q  <= '0;
      ready_q <= '0;
    end
  end

  // Bytes of the request over those of the entry; bytes of the entry over those of the memory.
  always_ff @(posedge clk_i) begin
    automatic tsr_pkg::data_t base, over;
    automatic logic [63:0]    strb;
    automatic logic [1:0]     poison;
    if (begin_now || merge || capture) begin
      base   = capture ? back_data : data_q[slot];
      over   = capture ? data_q[slot] : in_data_i;
      strb   = capture ? strb_q[slot] : in_strb_i;
      poison = poison_q[slot];
      if (capture && amo_q[slot]) begin
        for (int unsigned w = 0; w < 16; w++) begin
          if (back_meta.lo[5:2] == 4'(w)) begin
            base[w/2][32*(w%2)+:32] = tsr_pkg::amo_result(op_q[slot], base[w/2][32*(w%2)+:32], over[0][31:0],
                                                          over[0][63:32]);
          end
        end
        poison = '0;
      end else if (begin_now) begin
        base   = over;
        poison = (!scrub_now && in_poison_i) ? some(strb) : '0;
      end else begin
        base[3:0] = merge_atom(base[3:0], over[3:0], strb[31:0]);
        base[7:4] = merge_atom(base[7:4], over[7:4], strb[63:32]);
        if (capture) poison |= back_bad & ~whole(strb);
        else poison = in_poison_i ? poison | some(strb) : poison & ~whole(strb);
      end
      data_q[slot]   <= base;
      poison_q[slot] <= poison;
      if (begin_now) begin
        strb_q[slot] <= scrub_now ? '0 : ((in_op_i == OpAtomic) ? 64'hf << in_meta_i.lo : in_strb_i);
      end else if (merge) strb_q[slot] <= strb_q[slot] | in_strb_i;
    end
  end

  // ------------------------------------------------------------ events

  // From flops: the registers show them, and decide on requests.
  ecc_event_t event_q;
  assign event_o = event_q;

  always_ff @(posedge clk_i) begin
    event_q.fixed    <= fixed;
    event_q.lost     <= lost;
    event_q.rmw      <= begin_now && !scrub_now && (in_op_i == OpWrite);
    event_q.atomic   <= begin_now && !scrub_now && (in_op_i == OpAtomic);
    event_q.scrubbed <= scrub_ready_o;
    event_q.repaired <= write_back && pc_ready_i && scrub_q[back_slot] && (strb_q[back_slot] == '0);
    if ((fixed != '0) || (lost != '0)) begin
      event_q.syndrome <= syndrome;
      event_q.blk      <= back_meta.blk;
      event_q.scrub    <= back_meta.own && scrub_q[back_meta.slot];
    end
    if (!rst_ni) begin
      event_q.fixed    <= '0;
      event_q.lost     <= '0;
      event_q.rmw      <= 1'b0;
      event_q.atomic   <= 1'b0;
      event_q.scrubbed <= 1'b0;
      event_q.repaired <= 1'b0;
    end
  end

  `TSR_ASSERT(CaptureWaits, !capture || (used_q[back_meta.slot] && !ready_q[back_meta.slot]))
  `TSR_ASSERT(OneEntryWritten, !(capture && (begin_now || merge)) && !(begin_now && merge))
  `TSR_ASSERT(OneEntryOfABlock, (hit & (hit - 1'b1)) == '0)
  `TSR_ASSERT(WholeAtoms, !(pc_valid_o && pc_write_o && ecc_i) || ((some(pc_strb_o) & ~whole(pc_strb_o)) == '0))

endmodule
