// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Proof of a link, tsr_link_tx to tsr_link_rx: credits add up, nothing lost, doubled or overtaken, damage is noticed.
///
/// The source offers anything at any time, the sink stalls at any time. A flit on the wire may be damaged in a bit of
/// its header that is not its VC; one flit of one VC, chosen arbitrarily, is followed and not damaged. Its mark
/// travels in the tag. The other bits of a flit are constant but for two of its birth and one of its data.
module link_props
  import tsr_pkg::*;
(
  input logic  clk_i,
  /// Sampled in reset: the VC of the flit that is followed.
  input logic  vc_i,
  input logic [1:0] now_i,
  input logic  valid_i,
  input logic  offer_vc_i,
  input logic  data_i,
  input logic  ready_i,
  /// Follow the flit that is taken now.
  input logic  pick_i,
  input logic  damage_i
);

  localparam int unsigned CountW = idx_width(VcDepth + 1);
  localparam int unsigned PtrW   = idx_width(VcDepth);
  typedef logic [CountW-1:0] count_t;
  typedef logic [PtrW-1:0]   ptr_t;

  logic rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;
  logic vc_q;
  always_ff @(posedge clk_i) if (!rst_ni) vc_q <= vc_i;

  logic             ready, link_valid, out_valid, par_err, start;
  flit_t            offer, on_link, damaged, out;
  logic [NumVc-1:0] credit;

  // Followed: not in yet, on the wire, in the buffer, out.
  typedef enum logic [1:0] { Before, Wire, Stored, Out } where_e;
  where_e where_q;
  count_t ahead_q;  // flits of its VC before it in the buffer

  assign start = (where_q == Before) && pick_i && valid_i && ready && (offer_vc_i == vc_q);
  always_comb begin
    offer         = '0;
    offer.hdr.vc  = offer_vc_i;
    offer.hdr.tag = {7'b0, start};
    offer.data[0] = {63'b0, data_i};
    damaged             = on_link;
    damaged.hdr.addr[0] = on_link.hdr.addr[0] ^ (damage_i && (where_q != Wire));
  end

  tsr_link_tx u_tx (
    .clk_i, .rst_ni, .now_i({14'b0, now_i}), .valid_i, .ready_o(ready), .flit_i(offer),
    .link_valid_o(link_valid), .link_flit_o(on_link), .link_credit_i(credit), .idle_o()
  );
  tsr_link_rx u_rx (
    .clk_i, .rst_ni, .link_valid_i(link_valid), .link_flit_i(damaged), .link_credit_o(credit),
    .valid_o(out_valid), .ready_i, .flit_o(out), .par_err_o(par_err), .idle_o()
  );

  logic pop, lost_q;
  assign pop = out_valid && ready_i && (out.hdr.vc == vc_q);
  always_ff @(posedge clk_i) begin
    lost_q <= rst_ni && link_valid && damage_i && (where_q != Wire);
    unique case (where_q)
      Before: if (start) where_q <= Wire;
      Wire: begin
        where_q <= Stored;
        ahead_q <= u_rx.count_q[vc_q] - count_t'(pop);
      end
      Stored: if (pop) begin
        if (ahead_q == '0) where_q <= Out;
        else ahead_q <= ahead_q - 1'b1;
      end
      default: ;
    endcase
    if (!rst_ni) where_q <= Before;
  end

  // What a flit that was offered under stall and stays must keep showing.
  logic  stalled_q, stalled_vc_q, stalled_mark_q;
  always_ff @(posedge clk_i) begin
    stalled_q      <= rst_ni && out_valid && !ready_i;
    stalled_vc_q   <= out.hdr.vc;
    stalled_mark_q <= out.hdr.tag[0];
  end

  `TSR_ASSERT(WholeHeaderOnTheWire, !link_valid || (hdr_parity(on_link.hdr) == on_link.hdr.par))
  `TSR_ASSERT(WholeDataOnTheWire, !link_valid || (data_parity(on_link.data) == on_link.hdr.dpar))
  `TSR_ASSERT(DamageIsNoticed, par_err == lost_q)
  `TSR_ASSERT(OfferIsKept, !stalled_q || (out_valid && (out.hdr.vc == stalled_vc_q) && (out.hdr.tag[0] == stalled_mark_q)))
  // What is offered under stall is the head of the VC that the receiver has settled on.
  logic head_mark;
  assign head_mark = u_rx.mem_q[{u_rx.last_q, u_rx.rd_q[u_rx.last_q]}].hdr.tag[0];
  `TSR_ASSERT(StallSettles, (stalled_q == u_rx.locked_q) && (!stalled_q || ((u_rx.count_q[u_rx.last_q] != '0) &&
                            (stalled_vc_q == u_rx.last_q) && (stalled_mark_q == head_mark))))
  // Delivered once, in turn, and not before it came.
  `TSR_ASSERT(DeliveredInTurn, !(out_valid && (out.hdr.vc == vc_q)) ||
                               (out.hdr.tag[0] == ((where_q == Stored) && (ahead_q == '0))))
  `TSR_ASSERT(NotByTheOtherVc, !(out_valid && (out.hdr.vc != vc_q)) || !out.hdr.tag[0])
  `TSR_ASSERT(StillThere, (where_q != Stored) || (ahead_q < u_rx.count_q[vc_q]))
  `TSR_ASSERT(NothingLostIfPaid, (u_tx.credit_q[vc_q] != count_t'(VcDepth)) || (where_q == Before) || (where_q == Out))
  `TSR_ASSERT(MarkOnTheWire, (link_valid && on_link.hdr.tag[0]) == (where_q == Wire))
  `TSR_ASSERT(VcOnTheWire, (where_q != Wire) || (on_link.hdr.vc == vc_q))

  for (genvar v = 0; v < NumVc; v++) begin : gen_vc
    // A VC's slots: credits at the sender, flits on the wire, flits in the buffer, credits owed and on their way back.
    `TSR_ASSERT(CreditsAddUp, 32'(u_tx.credit_q[v]) + 32'(link_valid && (on_link.hdr.vc == 1'(v))) +
                              32'(u_rx.count_q[v]) + 32'(u_rx.owe_q[v]) + 32'(credit[v]) == VcDepth)
    `TSR_ASSERT(Pointers, ptr_t'(u_rx.rd_q[v] + ptr_t'(u_rx.count_q[v])) == u_rx.wr_q[v])
    for (genvar i = 0; i < VcDepth; i++) begin : gen_slot
      logic [PtrW:0] at;
      logic          vc, mark;
      assign at   = {1'(v), ptr_t'(u_rx.rd_q[v] + ptr_t'(i))};
      assign vc   = u_rx.mem_q[at].hdr.vc;
      assign mark = u_rx.mem_q[at].hdr.tag[0];
      `TSR_ASSERT(SlotKeepsVc, (count_t'(i) >= u_rx.count_q[v]) || (vc == 1'(v)))
      `TSR_ASSERT(MarkInPlace, (count_t'(i) >= u_rx.count_q[v]) ||
                               (mark == ((where_q == Stored) && (vc_q == 1'(v)) && (ahead_q == count_t'(i)))))
    end
  end

endmodule
