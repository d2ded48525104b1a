// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Scratchpad memory: eight hyperbanks of eight 64-bit banks behind ports of eight 8-byte lanes.
///
/// *Latency:* 1 cycle from the accepting cycle to rsp_valid_o, reads and writes alike.
/// *Backpressure:* req_ready_o is combinational from all requests: it comes in the cycle that serves the
/// last lanes. Responses cannot be stalled.
/// *Throughput:* every hyperbank serves one port a cycle, up to one lane a bank; so a request takes one
/// cycle when nobody competes and w = 8, or pitch / 8 is an odd multiple of w, or pitch = 0 (reads).
/// Other pitches take as many cycles as the busiest bank has lanes. Round robin per hyperbank: a port
/// waits for at most NumPorts - 1 others before each of its turns.
/// *Reset:* control state only; memory contents are kept.
///
/// Lane l touches the word at base + (l / w) * pitch + (l mod w) * 8, modulo 2^22. The user holds a request
/// until it is accepted, and keeps base and pitch multiples of 8. Lanes served in different cycles are not
/// atomic against other ports.
module tsr_spm
  import tsr_tile_pkg::*;
#(
  /// Bytes; multiple of 4096, 4096..3145728. Hyperbank h holds bytes h * SpmBytes/8 and up.
  parameter int unsigned SpmBytes = 262144,
  /// Ports; 1..17.
  parameter int unsigned NumPorts = 8
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,

  /// Requests, one per port.
  input  logic     [NumPorts-1:0]  req_valid_i,
  output logic     [NumPorts-1:0]  req_ready_o,
  input  spm_req_t [NumPorts-1:0]  req_i,

  /// Responses, in order per port; rdata is zero in lanes that were not read.
  output logic     [NumPorts-1:0]  rsp_valid_o,
  output spm_rsp_t [NumPorts-1:0]  rsp_o,

  /// The port has a request that is not finished in this cycle: it lost a hyperbank or is serialized.
  output logic     [NumPorts-1:0]  conflict_o,
  /// Nothing changes while no request arrives. Registered.
  output logic                     idle_o
);

  // ---------------------------------------------------------------- integration checks
  `TSR_STATIC_ASSERT(SpmBytesLegal,
                     SpmBytes >= 4096 && SpmBytes <= 3145728 && SpmBytes % 4096 == 0)
  `TSR_STATIC_ASSERT(NumPortsLegal, NumPorts >= 1 && NumPorts <= 17)

  // ---------------------------------------------------------------- implementation: addresses
  localparam int unsigned NumHb   = 8;
  localparam int unsigned Words   = SpmBytes / 8;
  localparam int unsigned HbWords = Words / NumHb;
  localparam int unsigned Rows    = HbWords / 8;
  localparam int unsigned RowW    = tsr_pkg::idx_width(Rows);
  localparam int unsigned PortW   = tsr_pkg::idx_width(NumPorts);
  localparam bit          Pow2    = (HbWords & (HbWords - 1)) == 0;
  localparam int unsigned WordAw  = SpmAw - 3;

  typedef logic [WordAw-1:0] word_t;

  /// Where a word lives.
  typedef struct packed {
    logic [2:0]      hb;
    logic [2:0]      bank;
    logic [RowW-1:0] row;
  } place_t;

  function automatic place_t place(word_t a);
    logic [2:0] hb;
    word_t      in_hb;
    hb    = '0;
    in_hb = a;
    if (Pow2) begin
      hb = 3'(a / WordAw'(HbWords));
    end else begin
      for (int unsigned h = 1; h < NumHb; h++) begin
        if (a >= WordAw'(h * HbWords)) begin
          hb    = 3'(h);
          in_hb = a - WordAw'(h * HbWords);
        end
      end
    end
    return {hb, a[2:0], RowW'(in_hb >> 3)};
  endfunction

  function automatic logic [7:0] lanes_with_strobes(logic [63:0] strb);
    logic [7:0] r;
    for (int unsigned l = 0; l < 8; l++) r[l] = |strb[8*l+:8];
    return r;
  endfunction

  /// Lanes that must be read for `act` when row groups beyond the first copy the first.
  function automatic logic [7:0] first_group(logic [7:0] act, logic [1:0] w_log2);
    unique case (w_log2)
      2'd0: return {7'd0, |act};
      2'd1: return {6'd0, act[7:6] | act[5:4] | act[3:2] | act[1:0]};
      2'd2: return {4'd0, act[7:4] | act[3:0]};
      2'd3: return act;
    endcase
  endfunction

  // ---------------------------------------------------------------- lanes of every request
  place_t                         lane [NumPorts][8];
  logic [NumPorts-1:0][7:0]       active;  // lanes with strobes
  logic [NumPorts-1:0][7:0]       pend;    // lanes that still need their bank
  logic [NumPorts-1:0][7:0]       lead;    // the first of the pending lanes of each bank
  logic [NumPorts-1:0][7:0]       done_q;  // lanes of the present request served in earlier cycles
  logic [NumPorts-1:0]            bad;     // a lane is out of range
  logic [NumPorts-1:0]            bcast;   // row groups are copies of the first
  logic [NumHb-1:0][NumPorts-1:0] want;    // ports with pending lanes in the hyperbank

  always_comb begin
    logic [63:0] taken;  // banks with a leading lane
    logic [7:0]  act, need, open, first, hbs;
    word_t       base, pitch, a;
    place_t      at;
    taken  = '0;
    act    = '0;
    need   = '0;
    open   = '0;
    first  = '0;
    hbs    = '0;
    base   = '0;
    pitch  = '0;
    a      = '0;
    at     = '0;
    active = '0;
    pend   = '0;
    lead   = '0;
    bad    = '0;
    bcast  = '0;
    want   = '0;
    for (int unsigned p = 0; p < NumPorts; p++) begin
      for (int unsigned l = 0; l < 8; l++) lane[p][l] = '0;
    end
    for (int unsigned p = 0; p < NumPorts; p++) begin
      if (req_valid_i[p]) begin
        base     = req_i[p].base[SpmAw-1:3];
        pitch    = req_i[p].pitch[SpmAw-1:3];
        bcast[p] = !req_i[p].write && pitch == '0;
        act      = lanes_with_strobes(req_i[p].strb);
        need     = bcast[p] ? first_group(act, req_i[p].w_log2) : act;
        taken    = '0;
        open     = '0;
        first    = '0;
        hbs      = '0;
        for (int unsigned l = 0; l < 8; l++) begin
          unique case (req_i[p].w_log2)
            2'd0: a = base + pitch * WordAw'(l);
            2'd1: a = base + pitch * WordAw'(l / 2) + WordAw'(l % 2);
            2'd2: a = base + pitch * WordAw'(l / 4) + WordAw'(l % 4);
            2'd3: a = base + WordAw'(l);
          endcase
          at         = place(a);
          lane[p][l] = at;
          if (need[l]) begin
            if ({1'b0, a} >= (WordAw + 1)'(Words)) begin
              bad[p] = 1'b1;
            end else if (!done_q[p][l]) begin
              open[l]                 = 1'b1;
              first[l]                = !taken[{at.hb, at.bank}];
              hbs[at.hb]              = 1'b1;
              taken[{at.hb, at.bank}] = 1'b1;
            end
          end
        end
        active[p] = act;
        pend[p]   = open;
        lead[p]   = first;
        for (int unsigned h = 0; h < NumHb; h++) want[h][p] = hbs[h];
      end
    end
  end

  // ---------------------------------------------------------------- hyperbanks: round robin
  logic [NumHb-1:0][NumPorts-1:0] above_q, above_d;  // ports after the one served last
  logic [NumPorts-1:0][NumHb-1:0] won;               // hyperbanks that serve the port
  logic [NumHb-1:0]               hb_en, hb_write;
  logic [NumHb-1:0][7:0]          bank_en;
  logic [2:0]                     bank_lane [NumHb][8];
  logic [NumHb-1:0][7:0][2:0]     lane_bank;         // the bank whose word a lane of the winner reads
  // Of the winner, lane by lane.
  logic [RowW-1:0]                hb_row    [NumHb][8];
  logic [63:0]                    hb_mask   [NumHb][8];  // bits that are written
  logic [63:0]                    hb_wdata  [NumHb][8];

  /// The lane whose word lane l gets: with copied row groups that of the first group.
  function automatic logic [2:0] source(logic [2:0] l, logic copied, logic [1:0] w_log2);
    return copied ? l & 3'((4'd1 << w_log2) - 4'd1) : l;
  endfunction

  function automatic logic [63:0] byte_mask(logic [7:0] strb);
    logic [63:0] mask;
    for (int unsigned i = 0; i < 8; i++) mask[8*i+:8] = {8{strb[i]}};
    return mask;
  endfunction

  always_comb begin
    logic [NumPorts-1:0] cand, gnt;
    logic [PortW-1:0]    p;
    logic [7:0]          first, banks;
    logic [7:0][2:0]     reads;
    logic [1:0]          w_log2;
    logic                copied;
    place_t              at;
    cand      = '0;
    gnt       = '0;
    p         = '0;
    first     = '0;
    banks     = '0;
    reads     = '0;
    w_log2    = '0;
    copied    = 1'b0;
    at        = '0;
    won       = '0;
    hb_en     = '0;
    hb_write  = '0;
    bank_en   = '0;
    lane_bank = '0;
    above_d   = above_q;
    for (int unsigned h = 0; h < NumHb; h++) begin
      for (int unsigned l = 0; l < 8; l++) begin
        bank_lane[h][l] = '0;
        hb_row[h][l]    = '0;
        hb_mask[h][l]   = '0;
        hb_wdata[h][l]  = '0;
      end
    end
    for (int unsigned h = 0; h < NumHb; h++) begin
      if (want[h] != '0) begin
        cand = want[h] & above_q[h];
        if (cand == '0) cand = want[h];
        gnt = cand & (~cand + 1'b1);
        p   = '0;
        for (int unsigned i = 0; i < NumPorts; i++) begin
          if (gnt[i]) begin
            p         = p | PortW'(i);
            won[i][h] = 1'b1;
          end
        end
        above_d[h]  = ~((gnt << 1) - 1'b1);
        hb_en[h]    = 1'b1;
        hb_write[h] = req_i[p].write;
        if (req_i[p].write) begin
          for (int unsigned l = 0; l < 8; l++) begin
            hb_mask[h][l]  = byte_mask(req_i[p].strb[8*l+:8]);
            hb_wdata[h][l] = req_i[p].wdata[l];
          end
        end
        first  = lead[p];
        banks  = '0;
        reads  = '0;
        w_log2 = req_i[p].w_log2;
        copied = bcast[p];
        for (int unsigned l = 0; l < 8; l++) begin
          at           = lane[p][l];
          hb_row[h][l] = at.row;
          if (first[l] && at.hb == 3'(h)) begin
            banks[at.bank]        = 1'b1;
            bank_lane[h][at.bank] = 3'(l);
          end
          reads[l] = copied ? lane[p][source(3'(l), copied, w_log2)].bank : at.bank;
        end
        bank_en[h]   = banks;
        lane_bank[h] = reads;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) above_q <= '0;
    else if (hb_en != '0) above_q <= above_d;
  end

  // ---------------------------------------------------------------- banks: single-port memories
  for (genvar h = 0; h < NumHb; h++) begin : gen_hb
    for (genvar b = 0; b < 8; b++) begin : gen_bank
      logic [63:0] mem_q [Rows];
      logic [63:0] rdata_q;

      always_ff @(posedge clk_i) begin
        if (hb_en[h]) begin
          if (bank_en[h][b]) begin
            logic [2:0]      l;
            logic [RowW-1:0] row;
            l   = bank_lane[h][b];
            row = hb_row[h][l];
            if (!hb_write[h]) rdata_q <= mem_q[row];
            else mem_q[row] <= (mem_q[row] & ~hb_mask[h][l]) | (hb_wdata[h][l] & hb_mask[h][l]);
          end
        end
      end
    end
  end

  // ---------------------------------------------------------------- who is served
  logic [NumPorts-1:0][7:0]      served, fresh_d;
  logic [NumPorts-1:0][7:0][2:0] sel_d;   // hyperbank of a lane just read

  always_comb begin
    logic [2:0]      from;
    logic [7:0]      hbs, now, fresh;
    logic [7:0][2:0] sel;
    from        = '0;
    hbs         = '0;
    now         = '0;
    fresh       = '0;
    sel         = '0;
    served      = '0;
    fresh_d     = '0;
    sel_d       = '0;
    req_ready_o = '0;
    for (int unsigned p = 0; p < NumPorts; p++) begin
      if (req_valid_i[p]) begin
        hbs = won[p];
        now = '0;
        for (int unsigned l = 0; l < 8; l++) now[l] = lead[p][l] && hbs[lane[p][l].hb];
        served[p]      = now;
        req_ready_o[p] = now == pend[p];
        if (!req_i[p].write) begin
          fresh = '0;
          sel   = '0;
          for (int unsigned l = 0; l < 8; l++) begin
            from     = source(3'(l), bcast[p], req_i[p].w_log2);
            fresh[l] = now[from] && active[p][l];
            sel[l]   = lane[p][from].hb;
          end
          fresh_d[p] = fresh;
          sel_d[p]   = sel;
        end
      end
    end
  end
  assign conflict_o = req_valid_i & ~req_ready_o;

  // ---------------------------------------------------------------- responses
  // A hyperbank serves one port a cycle: it puts the words of its banks into that port's lanes, and every
  // port picks among eight hyperbanks. A lane's data stand there for one cycle; a serialized request
  // collects them.
  logic [NumHb-1:0]               hb_read_q;
  logic [NumHb-1:0][7:0][2:0]     lane_bank_q;
  logic [63:0]                    hb_rdata [NumHb][8];
  logic [NumPorts-1:0][7:0]       fresh_q, held_q;  // data are at the hyperbank, in hold_q
  logic [NumPorts-1:0][7:0][2:0]  sel_q;
  logic [NumPorts-1:0][7:0][63:0] hold_q;
  logic [NumPorts-1:0]            rsp_valid_q, rsp_err_q;
  logic                           idle_q;

  always_ff @(posedge clk_i) begin
    if (req_valid_i != '0) begin
      sel_q       <= sel_d;
      lane_bank_q <= lane_bank;
    end
    rsp_err_q <= bad;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      hb_read_q   <= '0;
      fresh_q     <= '0;
      done_q      <= '0;
      held_q      <= '0;
      rsp_valid_q <= '0;
      idle_q      <= 1'b0;
    end else begin
      hb_read_q   <= hb_en & ~hb_write;
      fresh_q     <= fresh_d;
      rsp_valid_q <= req_ready_o;
      idle_q      <= req_valid_i == '0;
      if (conflict_o != '0 || done_q != '0) begin
        for (int unsigned p = 0; p < NumPorts; p++) done_q[p] <= req_ready_o[p] ? '0 : done_q[p] | served[p];
      end
      if (fresh_q != '0 || held_q != '0) begin
        for (int unsigned p = 0; p < NumPorts; p++) held_q[p] <= rsp_valid_q[p] ? '0 : held_q[p] | fresh_q[p];
      end
    end
  end

  for (genvar h = 0; h < NumHb; h++) begin : gen_hb_rdata
    logic [63:0] word [8];  // of the banks

    always_comb begin
      for (int unsigned l = 0; l < 8; l++) begin
        word[l]        = '0;
        hb_rdata[h][l] = '0;
      end
      if (hb_read_q[h]) begin
        word[0] = gen_hb[h].gen_bank[0].rdata_q;
        word[1] = gen_hb[h].gen_bank[1].rdata_q;
        word[2] = gen_hb[h].gen_bank[2].rdata_q;
        word[3] = gen_hb[h].gen_bank[3].rdata_q;
        word[4] = gen_hb[h].gen_bank[4].rdata_q;
        word[5] = gen_hb[h].gen_bank[5].rdata_q;
        word[6] = gen_hb[h].gen_bank[6].rdata_q;
        word[7] = gen_hb[h].gen_bank[7].rdata_q;
        for (int unsigned l = 0; l < 8; l++) hb_rdata[h][l] = word[lane_bank_q[h][l]];
      end
    end
  end

  for (genvar p = 0; p < NumPorts; p++) begin : gen_hold
    always_ff @(posedge clk_i) begin
      if (fresh_q[p] != '0 && !rsp_valid_q[p]) begin
        for (int unsigned l = 0; l < 8; l++) begin
          if (fresh_q[p][l]) hold_q[p][l] <= hb_rdata[sel_q[p][l]][l];
        end
      end
    end
  end

  always_comb begin
    rsp_o = '0;
    for (int unsigned p = 0; p < NumPorts; p++) begin
      if (rsp_valid_q[p]) begin
        rsp_o[p].err = rsp_err_q[p];
        for (int unsigned l = 0; l < 8; l++) begin
          if (fresh_q[p][l]) rsp_o[p].rdata[l] = hb_rdata[sel_q[p][l]][l];
          else if (held_q[p][l]) rsp_o[p].rdata[l] = hold_q[p][l];
        end
      end
    end
  end
  assign rsp_valid_o = rsp_valid_q;
  assign idle_o      = idle_q;

  // ---------------------------------------------------------------- implementation checks
  logic [NumPorts-1:0] waiting_q;
  always_ff @(posedge clk_i) waiting_q <= rst_ni ? conflict_o : '0;

  `TSR_ASSUME(RequestHeld, (waiting_q & ~req_valid_i) == '0)
  `TSR_ASSERT(ServedWerePending, (served & ~pend) == '0)
  `TSR_ASSERT(Progress, req_valid_i == '0 || served != '0 || req_ready_o != '0)
  for (genvar p = 0; p < NumPorts; p++) begin : gen_check
    `TSR_ASSUME(BaseAligned, !req_valid_i[p] || req_i[p].base[2:0] == '0)
    `TSR_ASSUME(PitchAligned, !req_valid_i[p] || req_i[p].pitch[2:0] == '0)
  end

endmodule
