// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Receiver end of a network link: a buffer of VcDepth flits per VC, merged into one valid/ready stream.
///
/// A flit with bad header parity is dropped, its credit goes back, and par_err_o pulses. Data parity
/// stays in the header for the consumer to check.
///
/// *Latency:* 1 cycle from link_valid_i to valid_o.
/// *Backpressure:* credits. The VCs take turns; an offered flit stays until it is taken.
/// *Throughput:* one flit a cycle. *Reset:* empty; stored flits are not reset.
module tsr_link_rx
  import tsr_pkg::*;
(
  input  logic             clk_i,
  input  logic             rst_ni,

  /// Link: a flit moves whenever valid.
  input  logic             link_valid_i,
  input  flit_t            link_flit_i,
  /// One pulse per freed slot and VC, from flops.
  output logic [NumVc-1:0] link_credit_o,

  output logic             valid_o,
  input  logic             ready_i,
  output flit_t            flit_o,

  /// Pulse: a flit was dropped for its header parity in the previous cycle.
  output logic             par_err_o,
  /// Nothing buffered, arriving or leaving in this cycle (combinational).
  output logic             idle_o
);

  localparam int unsigned PtrW   = idx_width(VcDepth);
  localparam int unsigned CountW = idx_width(VcDepth + 1);

  flit_t                        mem_q [NumVc*VcDepth];
  logic [NumVc-1:0][PtrW-1:0]   wr_q, rd_q;
  logic [NumVc-1:0][CountW-1:0] count_q;
  // Credits that could not go back yet: a drop and a read of one VC in the same cycle owe two.
  logic [NumVc-1:0][CountW-1:0] owe_q;
  logic [NumVc-1:0]             credit_q, some;
  logic                         par_err_q;

  // The VC offered; `locked_q` holds it until it is taken, `last_q` was served last.
  logic sel, last_q, locked_q;

  for (genvar v = 0; v < NumVc; v++) begin : gen_some
    assign some[v] = count_q[v] != '0;
  end
  assign sel           = locked_q ? last_q : (some[!last_q] ? !last_q : last_q);
  assign valid_o       = |some;
  assign flit_o        = mem_q[{sel, rd_q[sel]}];
  assign link_credit_o = credit_q;
  assign par_err_o     = par_err_q;
  assign idle_o        = !link_valid_i && !valid_o && (owe_q == '0) && (credit_q == '0) && !par_err_q;

  always_ff @(posedge clk_i) begin
    automatic logic good, bad, push, pop, drop;
    automatic logic [CountW-1:0] owe;
    good = link_valid_i && (hdr_parity(link_flit_i.hdr) == link_flit_i.hdr.par);
    bad  = link_valid_i && !good;
    par_err_q <= bad;
    last_q    <= sel;
    locked_q  <= valid_o && !ready_i;
    if (good) mem_q[{link_flit_i.hdr.vc, wr_q[link_flit_i.hdr.vc]}] <= link_flit_i;
    for (int unsigned v = 0; v < NumVc; v++) begin
      push = good && (link_flit_i.hdr.vc == 1'(v));
      drop = bad && (link_flit_i.hdr.vc == 1'(v));
      pop  = valid_o && ready_i && (sel == 1'(v));
      if (push) wr_q[v] <= wr_q[v] + 1'b1;
      if (pop) rd_q[v] <= rd_q[v] + 1'b1;
      if (push != pop) count_q[v] <= push ? count_q[v] + 1'b1 : count_q[v] - 1'b1;
      owe = owe_q[v] + CountW'(pop) + CountW'(drop);
      credit_q[v] <= owe != '0;
      owe_q[v]    <= (owe != '0) ? owe - 1'b1 : '0;
    end
    if (!rst_ni) begin
      wr_q      <= '0;
      rd_q      <= '0;
      count_q   <= '0;
      owe_q     <= '0;
      credit_q  <= '0;
      par_err_q <= 1'b0;
      last_q    <= 1'b0;
      locked_q  <= 1'b0;
    end
  end

  `TSR_STATIC_ASSERT(DepthIsPowerOfTwo, (VcDepth & (VcDepth - 1)) == 0)
  for (genvar v = 0; v < NumVc; v++) begin : gen_check
    `TSR_ASSERT(NeverOverfull, count_q[v] <= CountW'(VcDepth))
  end

endmodule
