// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Null endpoint of a node that has only a router: nothing is mapped here but the router's counters.
///
/// A read of 4 bytes at node-local 0x0002_0000 + 4 n by the ctl node is answered with counter n of the router
/// (cnt_sel_i of tsr_router_node). Every other request that wants an answer gets ErrRsp with ErrUnmapped
/// (ErrForbidden: the counters, to other nodes) on the VC and class it came with; posted requests and stray
/// responses are dropped.
///
/// *Latency:* 2 cycles from a request on its link to the answer on its link, 5 for a counter.
/// *Backpressure:* credits. *Throughput:* one request a cycle, a counter every 4. *Reset:* empty.
module tsr_bare
  import tsr_pkg::*;
(
  input  logic             clk_i,
  input  logic             rst_ni,
  /// Own coordinate, constant.
  input  node_t            node_i,
  /// Straps: who the ctl node is.
  input  chip_cfg_t        cfg_i,
  /// Cycle counter.
  input  logic [63:0]      now_i,

  /// Request network: never sends.
  output logic             req_tx_valid_o,
  output flit_t            req_tx_flit_o,
  input  logic [NumVc-1:0] req_tx_credit_i,
  input  logic             req_rx_valid_i,
  input  flit_t            req_rx_flit_i,
  output logic [NumVc-1:0] req_rx_credit_o,

  /// Response network: receives nothing that matters.
  output logic             rsp_tx_valid_o,
  output flit_t            rsp_tx_flit_o,
  input  logic [NumVc-1:0] rsp_tx_credit_i,
  input  logic             rsp_rx_valid_i,
  input  flit_t            rsp_rx_flit_i,
  output logic [NumVc-1:0] rsp_rx_credit_o,

  /// Counters of the node's router.
  output logic [3:0]       router_sel_o,
  input  logic [31:0]      router_cnt_i,

  /// From a flop: nothing changes at the next edge unless an input valid is set.
  output logic             idle_o
);

  logic  req_valid, req_ready, req_idle, wants_answer;
  flit_t req;
  logic  answer_ready, answer_valid, answer_idle;
  logic  counter, allowed;   // a counter is read, by the ctl node
  flit_t answer;
  logic [NumVc-1:0] rsp_credit_q;
  logic             idle_q;
  logic             unused_par_err;
  logic             unused_inputs;

  tsr_link_rx u_req_rx (
    .clk_i,
    .rst_ni,
    .link_valid_i (req_rx_valid_i),
    .link_flit_i  (req_rx_flit_i),
    .link_credit_o(req_rx_credit_o),
    .valid_o      (req_valid),
    .ready_i      (req_ready),
    .flit_o       (req),
    .par_err_o    (unused_par_err),
    .idle_o       (req_idle)
  );

  assign wants_answer = req.hdr.kind inside {KindRead, KindWrite, KindAtomic};
  assign req_ready    = !wants_answer || (answer_ready && answer_valid);

  // ---------------------------------------------------------------- router counters
  localparam logic [31:0] CounterBase = 32'h0002_0000;

  logic [3:0] sel_q;
  logic [1:0] step_q;   // 0: to be selected, 3: router_cnt_i is it

  assign counter = req.hdr.kind == KindRead && req.hdr.addr[55:52] == SpaceNode &&
                   req.hdr.addr[31:6] == CounterBase[31:6] && req.hdr.addr[1:0] == '0 && req.hdr.strb == 64'd4;
  assign allowed      = req.hdr.src == cfg_i.ctl;
  assign answer_valid = !(counter && allowed) || step_q == 2'd3;

  always_ff @(posedge clk_i) begin
    if (req_valid && counter && allowed) begin
      sel_q <= req.hdr.addr[5:2];
      if (!answer_valid || answer_ready) step_q <= step_q + 2'd1;
    end
    if (!rst_ni) begin
      sel_q  <= '0;
      step_q <= '0;
    end
  end
  assign router_sel_o = sel_q;

  always_comb begin
    answer          = '0;
    answer.hdr.kind = KindErrRsp;
    answer.hdr.err  = counter ? ErrForbidden : ErrUnmapped;
    answer.hdr.cls  = req.hdr.cls;
    answer.hdr.vc   = req.hdr.vc;
    answer.hdr.dst  = rect_t'{hi: req.hdr.src, lo: req.hdr.src};
    answer.hdr.src  = node_i;
    answer.hdr.tag  = req.hdr.tag;
    answer.hdr.doff = req.hdr.doff;
    answer.hdr.addr = req.hdr.addr;
    if (counter && allowed) begin
      answer.hdr.kind = KindReadRsp;
      answer.hdr.err  = ErrNone;
      answer.hdr.addr = {req.hdr.addr[55:6], 6'b0};
      answer.hdr.doff = req.hdr.doff - {18'b0, req.hdr.addr[5:0]};
      answer.hdr.strb = 64'hf << req.hdr.addr[5:0];
      for (int unsigned l = 0; l < 8; l++) answer.data[l] = {2{router_cnt_i}};
    end
  end

  tsr_link_tx u_rsp_tx (
    .clk_i,
    .rst_ni,
    .now_i        (now_i[AgeW-1:0]),
    .valid_i      (req_valid && wants_answer && answer_valid),
    .ready_o      (answer_ready),
    .flit_i       (answer),
    .link_valid_o (rsp_tx_valid_o),
    .link_flit_o  (rsp_tx_flit_o),
    .link_credit_i(rsp_tx_credit_i),
    .idle_o       (answer_idle)
  );

  // Responses: hand the slot back at once.
  always_ff @(posedge clk_i) begin
    for (int unsigned v = 0; v < NumVc; v++) begin
      rsp_credit_q[v] <= rsp_rx_valid_i && (rsp_rx_flit_i.hdr.vc == 1'(v));
    end
    idle_q <= req_idle && answer_idle && !rsp_rx_valid_i && (rsp_credit_q == '0);
    if (!rst_ni) begin
      rsp_credit_q <= '0;
      idle_q       <= 1'b0;
    end
  end

  assign rsp_rx_credit_o = rsp_credit_q;
  assign idle_o          = idle_q;
  assign req_tx_valid_o  = 1'b0;
  assign req_tx_flit_o   = '0;
  assign unused_inputs   = ^{req_tx_credit_i, now_i[63:AgeW], rsp_rx_flit_i, cfg_i};

endmodule
