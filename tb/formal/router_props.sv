// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Proof of tsr_router: nothing lost, doubled, misrouted or overtaken; credits add up; the higher class goes first.
///
/// The surroundings may do everything that the link protocol allows: any flit at any time for which there is a credit,
/// beats at any time, both with a damaged bit too, credits back at any time after their flit or never, writes to the table
/// and control word at any time. The node's place and its links are arbitrary but constant. Two flits of one input and VC
/// are followed, a first and a second one, chosen arbitrarily; their marks travel in the tag, which the router must not
/// touch. All flits are of the same age, of either class: the order of ten arbitrary ages is too much for the solver. So
/// the time, of one bit, is arbitrary in each cycle, and with it the ticks of the link watchdog: any port may get stuck.
module router_props
  import tsr_pkg::*;
#(
  /// As tsr_router.
  parameter bit XFirst = 1'b1
) (
  input logic                         clk_i,
  /// Sampled in reset: constants of the run.
  input node_t                        node_i,
  input logic [NumDir-1:0]            link_en_i,
  input dir_e                         port_i,
  input logic                         vc_i,
  /// Arbitrary.
  input logic                         cfg_we_i,
  input logic                         cfg_bad_i,
  input flit_t                        cfg_flit_i,
  input logic [NumDir-1:0]            offer_i,
  input flit_t [NumDir-1:0]           flit_i,
  input logic [NumDir-1:0]            page_i,
  input logic [NumDir-1:0]            beat_i,
  input logic [NumDir-1:0]            hit_i,
  input logic [NumDir-1:0][4:0]       bit_i,
  input age_t                         now_i,
  input logic [NumDir-1:0][NumVc-1:0] give_i,
  input logic [1:0]                   pick_i
);

  localparam int unsigned PtrW   = $clog2(VcDepth);
  localparam int unsigned CountW = idx_width(VcDepth + 1);
  typedef logic [CountW-1:0] count_t;
  typedef logic [PtrW-1:0]   ptr_t;
  typedef tsr_noc_pkg::dirs_t dirs_t;

  logic rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  node_t node_q;
  dirs_t link_en_q;
  dir_e  port_q;
  logic  vc_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      node_q    <= node_i;
      link_en_q <= link_en_i;
      port_q    <= (port_i > DirWest) ? DirLocal : port_i;
      vc_q      <= vc_i;
    end
  end

  // ---------------------------------------------------------------- the router between its links

  logic  [NumDir-1:0]            rx_valid, tx_valid;
  flit_t [NumDir-1:0]            rx_flit, tx_flit, cfg_flit;
  logic  [NumDir-1:0][NumVc-1:0] rx_credit, tx_credit;
  logic                          cfg_valid, idle;
  tsr_noc_pkg::counts_t          unused_count;

  tsr_router #(.XFirst(XFirst), .LinkTimeout(4)) u_dut (
    .clk_i, .rst_ni, .node_i(node_q), .now_i,
    .cfg_valid_o(cfg_valid), .cfg_we_i, .cfg_flit_i(cfg_flit), .cfg_bad_i, .link_en_i(link_en_q),
    .rx_valid_i(rx_valid), .rx_flit_i(rx_flit), .rx_credit_o(rx_credit),
    .tx_valid_o(tx_valid), .tx_flit_o(tx_flit), .tx_credit_i(tx_credit),
    .count_o(unused_count), .idle_o(idle)
  );

  dirs_t                          whole;  // what comes in has good parity
  // Senders' credits, and flits at the receivers that are not paid back.
  count_t [NumDir-1:0][NumVc-1:0] have_q, held_q;
  logic   [1:0]                   start;

  // A flit comes in, a beat comes in, a flit and no beat goes out. A damaged one has one wrong bit of those below, but a
  // flit's VC is right; any other bit does what the parity bit does.
  dirs_t              flit_in, beat_in, flit_out;
  hdr_t  [NumDir-1:0] sent;

  for (genvar p = 0; p < NumDir; p++) begin : gen_port
    assign flit_in[p]  = offer_i[p] && (have_q[p][flit_i[p].hdr.vc] != '0) &&
                         (flit_i[p].hdr.dst.lo.x <= flit_i[p].hdr.dst.hi.x) &&
                         (flit_i[p].hdr.dst.lo.y <= flit_i[p].hdr.dst.hi.y);
    assign beat_in[p]  = beat_i[p] && !flit_in[p] && (p != DirLocal);
    assign rx_valid[p] = flit_in[p] || beat_in[p];
    assign flit_out[p] = tx_valid[p] && (tx_flit[p].hdr.kind != KindNone);
    always_comb begin
      automatic logic [31:0] wrong;
      wrong         = 32'(hit_i[p]) << bit_i[p];
      cfg_flit[p]   = cfg_flit_i;
      sent[p]       = '0;
      sent[p].vc    = flit_i[p].hdr.vc;
      sent[p].cls   = flit_i[p].hdr.cls;
      sent[p].mcast = flit_i[p].hdr.mcast;
      sent[p].dst   = flit_i[p].hdr.dst;
      sent[p].kind  = KindWritePosted;
      sent[p].addr  = page_i[p] ? {SpaceNode, 20'b0, tsr_noc_pkg::RouterPage, 12'b0} : '0;
      sent[p].tag   = (port_q == dir_e'(p)) ? {6'b0, start} : '0;
      sent[p].par   = hdr_parity(sent[p]);
      if (beat_in[p]) sent[p] = beat_hdr();
      rx_flit[p]           = '0;
      rx_flit[p].hdr       = sent[p];
      rx_flit[p].hdr.dst   = sent[p].dst ^ wrong[23:0];
      rx_flit[p].hdr.kind  = kind_e'(sent[p].kind ^ wrong[27:24]);
      rx_flit[p].hdr.par   = sent[p].par ^ wrong[28];
      rx_flit[p].hdr.cls   = sent[p].cls ^ wrong[29];
      rx_flit[p].hdr.mcast = sent[p].mcast ^ wrong[30];
      rx_flit[p].hdr.vc    = sent[p].vc ^ (wrong[31] && beat_in[p]);
    end
    `TSR_ASSERT(DamageShows, !rx_valid[p] || (whole[p] == (rx_flit[p] == {sent[p], data_t'('0)})))
    for (genvar v = 0; v < NumVc; v++) begin : gen_vc
      assign tx_credit[p][v] = give_i[p][v] && (held_q[p][v] != '0);
      always_ff @(posedge clk_i) begin
        have_q[p][v] <= have_q[p][v] - count_t'(flit_in[p] && (sent[p].vc == 1'(v))) + count_t'(rx_credit[p][v]);
        held_q[p][v] <= held_q[p][v] + count_t'(flit_out[p] && (tx_flit[p].hdr.vc == 1'(v))) -
                        count_t'(tx_credit[p][v]);
        if (!rst_ni) begin
          have_q[p][v] <= count_t'(VcDepth);
          held_q[p][v] <= '0;
        end
      end
    end
  end

  // ---------------------------------------------------------------- the two flits

  // Where a flit must go: dimension order (route_props proves `branches`), or the table; and whether it is whole.
  // Worked out for each input in the router's words, so that the solver need not find out that they say the same.
  dirs_t [NumDir-1:0] wants;
  for (genvar p = 0; p < NumDir; p++) begin : gen_want
    logic down;
    assign down     = (p != DirLocal) && u_dut.control_q.down[(p + NumDir - 2) % (NumDir - 1)];
    assign whole[p] = (^rx_flit[p].hdr) == 1'b0;
    always_comb begin
      wants[p] = tsr_noc_pkg::branches(rx_flit[p].hdr.dst, node_q, dir_e'(p), XFirst);
      if (rx_flit[p].hdr.vc && u_dut.control_q.enable) begin
        wants[p] = tsr_noc_pkg::table_way(
            u_dut.row_q[{down, rx_flit[p].hdr.dst.lo.y[2:0]}][rx_flit[p].hdr.dst.lo.x[2:0]], rx_flit[p].hdr);
        if (p != DirLocal) wants[p][p] = 1'b0;
      end
      wants[p] &= link_en_q & ~u_dut.control_q.dead;
    end
  end

  logic [1:0]       picked_q, stored_q;  // came in; is still in its buffer
  dirs_t [1:0]      want_q, seen_q;      // ports it must leave by; it has left by, or was dropped at
  dirs_t [1:0]      now;                 // ports that it leaves by, or is dropped at, now
  ptr_t [1:0]       ahead_q;             // flits before it in the buffer
  dirs_t            want;
  logic             pop, comes, taken;
  count_t           fill;
  count_t [NumDir-1:0][NumVc-1:0] all_fill;

  // Accepted: whole and with somewhere to go.
  assign want  = wants[port_q];
  assign taken = whole[port_q] && (want != '0);
  assign comes    = flit_in[port_q] && (flit_i[port_q].hdr.vc == vc_q);
  assign start[0] = comes && pick_i[0] && !picked_q[0];
  assign start[1] = comes && pick_i[1] && picked_q[0] && !picked_q[1];

  always_comb begin
    automatic dirs_t served = '0;
    fill = all_fill[port_q][vc_q];
    for (int unsigned o = 0; o < NumDir; o++) served[o] = u_dut.winner[o][{port_q, vc_q}];
    pop = (fill != '0) && ((u_dut.need[{port_q, vc_q}] & ~served) == '0);
  end

  for (genvar t = 0; t < 2; t++) begin : gen_flit
    always_comb begin
      for (int unsigned o = 0; o < NumDir; o++) now[t][o] = (tx_valid[o] || u_dut.shed[o]) && tx_flit[o].hdr.tag[t];
      now[t][DirLocal] |= cfg_valid && tx_flit[DirLocal].hdr.tag[t];
    end
    always_ff @(posedge clk_i) begin
      if (start[t] && taken) begin
        picked_q[t] <= 1'b1;
        stored_q[t] <= 1'b1;
        want_q[t]   <= want;
        ahead_q[t]  <= ptr_t'(fill - count_t'(pop));
      end else if (stored_q[t] && pop) begin
        if (ahead_q[t] == '0) stored_q[t] <= 1'b0;
        else ahead_q[t] <= ahead_q[t] - 1'b1;
      end
      seen_q[t] <= seen_q[t] | now[t];
      if (!rst_ni) begin
        picked_q[t] <= 1'b0;
        stored_q[t] <= 1'b0;
        seen_q[t]   <= '0;
      end
    end

    // Only where it must go, once, and not before it came.
    `TSR_ASSERT(OnlyWhereItMust, (now[t] == '0) || (picked_q[t] && ((now[t] & ~want_q[t]) == '0)))
    `TSR_ASSERT(OncePerPort, (now[t] & seen_q[t]) == '0)
    // Its slot is free again: it has left by all its ports, or was dropped there (see DropsOnlyIfClosed).
    `TSR_ASSERT(NothingLost, !picked_q[t] || stored_q[t] || ((seen_q[t] | now[t]) == want_q[t]))
    `TSR_ASSERT(NothingLostIfPaid, !picked_q[t] || (have_q[port_q][vc_q] != count_t'(VcDepth)) ||
                                   ((seen_q[t] | now[t]) == want_q[t]))
    `TSR_ASSERT(NoWayBack, !picked_q[t] || (port_q == DirLocal) || !want_q[t][port_q])
    `TSR_ASSERT(OnlyOpenLinks, !picked_q[t] || ((want_q[t] & ~link_en_q) == '0))
  end
  `TSR_ASSERT(InOrder, (now[1] & want_q[0] & ~seen_q[0]) == '0)

  // ---------------------------------------------------------------- inside

  for (genvar p = 0; p < NumDir; p++) begin : gen_in
    assign all_fill[p] = u_dut.gen_in[p].fill_q;
    for (genvar v = 0; v < NumVc; v++) begin : gen_vc
      localparam int unsigned B = NumVc * p + v;
      count_t fill_b, owe;
      ptr_t   rd;
      assign fill_b = u_dut.gen_in[p].fill_q[v];
      assign owe    = u_dut.gen_in[p].owe_q[v];
      assign rd     = u_dut.gen_in[p].rd_q[v];
      // All slots: with the sender, filled, or on their way back.
      `TSR_ASSERT(InCredits, 32'(have_q[p][v]) + 32'(fill_b) + 32'(owe) + 32'(rx_credit[p][v]) == VcDepth)
      `TSR_ASSERT(Pointers, ptr_t'(rd + ptr_t'(fill_b)) == u_dut.gen_in[p].wr_q[v])
      `TSR_ASSERT(HeadIfAny, (fill_b != '0) == (u_dut.need[B] != '0))
      `TSR_ASSERT(LegalTurns, (u_dut.need[B] & ~u_dut.Turn[v][p]) == '0)
      for (genvar i = 0; i < VcDepth; i++) begin : gen_slot
        logic [PtrW:0]      at;
        tsr_noc_pkg::meta_t meta;
        logic               vc;
        logic [1:0]         mark;
        assign at   = {1'(v), ptr_t'(rd + ptr_t'(i))};
        assign meta = u_dut.meta_q[p][at];
        assign vc   = u_dut.buf_q[p][at].hdr.vc;
        assign mark = u_dut.buf_q[p][at].hdr.tag[1:0];
        `TSR_ASSERT(SlotKeepsVc, (count_t'(i) >= fill_b) || (vc == 1'(v)))
        `TSR_ASSERT(SlotHasAFlit, (count_t'(i) >= fill_b) || (u_dut.buf_q[p][at].hdr.kind == KindWritePosted))
        if (i > 0) begin : gen_next
          `TSR_ASSERT(SlotHasAWay, (count_t'(i) >= fill_b) || ((meta.want != '0) &&
                                   ((meta.want & ~u_dut.Turn[v][p]) == '0)))
        end
        for (genvar t = 0; t < 2; t++) begin : gen_mark
          logic here;
          assign here = stored_q[t] && (port_q == dir_e'(p)) && (vc_q == 1'(v)) && (ahead_q[t] == ptr_t'(i));
          `TSR_ASSERT(MarkInPlace, (count_t'(i) >= fill_b) || (mark[t] == here))
          `TSR_ASSERT(PlaceIsFilled, !here || (count_t'(i) < fill_b))
          if (i == 0) begin : gen_head
            `TSR_ASSERT(HeadNeeds, !here || (u_dut.need[B] == (want_q[t] & ~(seen_q[t] | now[t]))))
          end else begin : gen_wait
            `TSR_ASSERT(WaiterNeeds, !here || ((meta.want == want_q[t]) && ((seen_q[t] | now[t]) == '0)))
          end
        end
      end
    end
  end
  `TSR_ASSERT(PickedOrNothing, ((stored_q & ~picked_q) == '0) && (!picked_q[1] || picked_q[0]))
  `TSR_ASSERT(FirstIsAhead, !stored_q[1] || !stored_q[0] || (ahead_q[0] < ahead_q[1]))
  `TSR_ASSERT(FirstLeftFirst, !(picked_q[1] && !stored_q[1]) || !stored_q[0])
  `TSR_ASSERT(PortLegal, port_q <= DirWest)
  for (genvar t = 0; t < 2; t++) begin : gen_seen
    `TSR_ASSERT(SeenIfPicked, picked_q[t] ? ((seen_q[t] & ~want_q[t]) == '0) : (seen_q[t] == '0))
  end

  dirs_t closed;  // given up by the watchdog, or by the control word
  assign closed = u_dut.stuck | (u_dut.control_q.dead & ~dirs_t'(1));

  for (genvar o = 0; o < NumDir; o++) begin : gen_out
    for (genvar v = 0; v < NumVc; v++) begin : gen_vc
      `TSR_ASSERT(OutCredits, 32'(u_dut.gen_out[o].credit_q[v]) + 32'(held_q[o][v]) +
                              32'(flit_out[o] && (tx_flit[o].hdr.vc == 1'(v))) == VcDepth)
    end
    // One winner if anybody asks, of those who ask, and nobody who asks goes before it.
    logic [NumDir*NumVc-1:0] ask, win;
    assign ask = u_dut.gen_out[o].ask;
    assign win = u_dut.gen_out[o].win;
    `TSR_ASSERT(OneWinner, ((win & (win - 1'b1)) == '0) && ((win != '0) == (ask != '0)) && ((win & ~ask) == '0))
    for (genvar b = 0; b < NumDir * NumVc; b++) begin : gen_buf
      for (genvar c = 0; c < NumDir * NumVc; c++) begin : gen_other
        `TSR_ASSERT(HigherClassWins, !win[b] || !ask[c] || (u_dut.score[b] >= u_dut.score[c]))
      end
      `TSR_ASSERT(AskerHasCredit, !ask[b] || (u_dut.need[b][o] && !u_dut.beat[o] &&
                                              ((u_dut.gen_out[o].credit_q[b%NumVc] != '0) || closed[o] ||
                                               (o == DirLocal && u_dut.cfg[b]))))
    end
  end

  // ---------------------------------------------------------------- link watchdog

  dirs_t closed_q, asked_q, stuck_q, heard_q, owed_q;
  logic  tick_q, freed;
  logic [NumDir-1:0][1:0] silent_q;  // ticks without a sign of life, up to three
  assign freed  = cfg_we_i && cfg_flit_i.hdr.addr[6] && cfg_flit_i.hdr.strb[0];
  always_ff @(posedge clk_i) begin
    tick_q   <= (now_i == '0);
    closed_q <= closed;
    asked_q  <= u_dut.beat;
    stuck_q  <= u_dut.stuck;
    heard_q  <= beat_in & ~hit_i;
    if (!rst_ni) {asked_q, heard_q, stuck_q} <= '0;
  end
  `TSR_ASSERT(NobodyElseCloses, (u_dut.closed == closed) && !closed[DirLocal])
  for (genvar o = 0; o < NumDir; o++) begin : gen_watch
    logic owed;
    assign owed = (held_q[o] != '0) || flit_out[o];
    always_ff @(posedge clk_i) begin
      owed_q[o] <= owed;
      if (!rst_ni || freed || (tx_credit[o] != '0) || heard_q[o]) silent_q[o] <= '0;
      else if (tick_q && (silent_q[o] != 2'd3)) silent_q[o] <= silent_q[o] + 1'b1;
    end
    // A closed port drops all that it is given, and no other port drops anything.
    `TSR_ASSERT(DropsOnlyIfClosed, !u_dut.shed[o] || closed_q[o])
    `TSR_ASSERT(ClosedSendsNothing, !flit_out[o] || !closed_q[o])
    // A beat is no flit: no mark, and only if the watchdog asked for it.
    `TSR_ASSERT(BeatIfAsked, (tx_valid[o] && !flit_out[o]) == asked_q[o])
    `TSR_ASSERT(BeatIsEmpty, !asked_q[o] || (tx_flit[o].hdr.tag[1:0] == '0))
    `TSR_ASSERT(BeatIsHeard, u_dut.heard[o] == heard_q[o])
    // Given up only while credits are owed and after three ticks without a credit or a whole beat.
    `TSR_ASSERT(StuckAfterSilence, !u_dut.stuck[o] || stuck_q[o] || ((silent_q[o] == 2'd3) && owed_q[o]))
    if (o != DirLocal) begin : gen_count
      `TSR_ASSERT(CountsTicks, u_dut.gen_out[o].gen_watchdog.wait_q <= silent_q[o])
      `TSR_ASSERT(ThirdTickIsStuck, (u_dut.gen_out[o].gen_watchdog.wait_q != 2'd3) || u_dut.stuck[o])
    end
  end
  `TSR_ASSERT(Ticks, u_dut.tick == tick_q)

  logic unused_idle;
  assign unused_idle = idle;

endmodule
