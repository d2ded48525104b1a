// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Sender end of a network link: turns a valid/ready stream of flits into a credited link.
///
/// Stamps `birth` with the time when the flit was first offered, and computes `par` and `dpar`; whatever the
/// source put there is replaced. So a source that gets little of the network ages, and arbitration by age evens out.
/// A source that knows since when its flit has been due says so in `birth` (KeepBirth).
///
/// *Latency:* 1 cycle from acceptance to link_valid_o.
/// *Backpressure:* ready_o says that the offered flit's VC has a credit: it depends on hdr.vc alone of the
/// flit, never on valid_i. A flit without credit blocks the other VC behind it.
/// *Throughput:* one flit a cycle. *Reset:* VcDepth credits per VC, link silent; the flit is not reset.
module tsr_link_tx
  import tsr_pkg::*;
#(
  /// 1: hdr.birth of the flit stays.
  parameter bit KeepBirth = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  /// Low bits of the cycle counter.
  input  age_t             now_i,

  input  logic             valid_i,
  output logic             ready_o,
  input  flit_t            flit_i,

  /// Link, straight from flops.
  output logic             link_valid_o,
  output flit_t            link_flit_o,
  /// One pulse per freed slot and VC.
  input  logic [NumVc-1:0] link_credit_i,

  /// Nothing offered and nothing on the link in this cycle (combinational). A missing credit does not keep
  /// the sender awake: its arrival needs one clock edge, no more.
  output logic             idle_o
);

  localparam int unsigned CountW = idx_width(VcDepth + 1);

  logic                         valid_q;
  flit_t                        flit_q;
  logic [NumVc-1:0][CountW-1:0] credit_q;
  logic [NumVc-1:0]             has_credit;
  logic                         take;
  // The flit on offer has been waiting, since this time.
  logic                         waiting_q;
  age_t                         since_q;

  for (genvar v = 0; v < NumVc; v++) begin : gen_credit
    assign has_credit[v] = credit_q[v] != '0;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) credit_q[v] <= CountW'(VcDepth);
      else if ((take && (flit_i.hdr.vc == 1'(v))) != link_credit_i[v]) begin
        credit_q[v] <= link_credit_i[v] ? credit_q[v] + 1'b1 : credit_q[v] - 1'b1;
      end
    end
    `TSR_ASSERT(CreditInRange, credit_q[v] <= CountW'(VcDepth))
  end

  function automatic flit_t stamp(flit_t flit, age_t now);
    flit.hdr.birth = now;
    flit.hdr.dpar  = data_parity(flit.data);
    flit.hdr.par   = hdr_parity(flit.hdr);
    return flit;
  endfunction

  assign ready_o      = has_credit[flit_i.hdr.vc];
  assign take         = valid_i && ready_o;
  assign link_valid_o = valid_q;
  assign link_flit_o  = flit_q;
  assign idle_o       = !valid_i && !valid_q;

  always_ff @(posedge clk_i) begin
    valid_q   <= rst_ni && take;
    waiting_q <= rst_ni && valid_i && !take;
    if (take) flit_q <= stamp(flit_i, KeepBirth ? flit_i.hdr.birth : waiting_q ? since_q : now_i);
    if (valid_i && !waiting_q) since_q <= now_i;
  end

endmodule
