// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Router of a mesh node: the request network (x first) and the response network (y first).
///
/// Both routers' tables and control words are written by posted writes to the router page of this node, which the
/// request router takes out of its network in place of its local port: the endpoint may be dead. A write with bad
/// data is dropped and counts as a parity error.
///
/// *Latency:* 2 cycles a hop. *Backpressure, Throughput, Reset:* as tsr_router.
///
/// While idle_o is 1 a cycle in which no rx_valid and no tx_credit is set, and cnt_sel_i stays, changes nothing: its
/// clock edge may be skipped. now_i may keep counting.
module tsr_router_node
  import tsr_pkg::*;
#(
  /// 1: protocol checkers on all links (simulation only, slow).
  parameter bit          Check       = 1'b0,
  /// See tsr_router.
  parameter int unsigned LinkTimeout = 4096
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  /// Own coordinate, constant.
  input  node_t                         node_i,
  /// Low bits of the cycle counter.
  input  age_t                          now_i,
  /// Port d has a neighbour (index dir_e, local included), constant.
  input  logic  [NumDir-1:0]            link_en_i,

  /// Request network, links in and out, index dir_e.
  input  logic  [NumDir-1:0]            req_rx_valid_i,
  input  flit_t [NumDir-1:0]            req_rx_flit_i,
  output logic  [NumDir-1:0][NumVc-1:0] req_rx_credit_o,
  output logic  [NumDir-1:0]            req_tx_valid_o,
  output flit_t [NumDir-1:0]            req_tx_flit_o,
  input  logic  [NumDir-1:0][NumVc-1:0] req_tx_credit_i,

  /// Response network, links in and out, index dir_e.
  input  logic  [NumDir-1:0]            rsp_rx_valid_i,
  input  flit_t [NumDir-1:0]            rsp_rx_flit_i,
  output logic  [NumDir-1:0][NumVc-1:0] rsp_rx_credit_o,
  output logic  [NumDir-1:0]            rsp_tx_valid_o,
  output flit_t [NumDir-1:0]            rsp_tx_flit_o,
  input  logic  [NumDir-1:0][NumVc-1:0] rsp_tx_credit_i,

  /// Counter select: bit 3 the network (1 response), bits 2:0 count_e (7 the status).
  input  logic [3:0]                    cnt_sel_i,
  /// Selected counter, one cycle after cnt_sel_i and two after the event.
  output logic [31:0]                   cnt_o,
  /// See above; straight from flops.
  output logic                          idle_o
);

  tsr_noc_pkg::counts_t [1:0] count;
  logic [1:0]                 idle;
  logic [31:0]                cnt_q;

  // Writes to the router page: address bits 11:8 zero, bit 7 the network.
  logic       cfg_valid, cfg_good;
  logic [1:0] cfg_we;
  always_comb begin
    cfg_good = 1'b0;
    cfg_we   = '0;
    if (cfg_valid) begin
      cfg_good = !req_tx_flit_o[DirLocal].hdr.poison &&
                 (req_tx_flit_o[DirLocal].hdr.dpar == data_parity(req_tx_flit_o[DirLocal].data));
      cfg_we[req_tx_flit_o[DirLocal].hdr.addr[7]] = cfg_good && (req_tx_flit_o[DirLocal].hdr.addr[11:8] == '0);
    end
  end

  tsr_router #(.XFirst(1'b1), .LinkTimeout(LinkTimeout)) u_req (
    .clk_i,
    .rst_ni,
    .node_i,
    .now_i,
    .link_en_i,
    .cfg_valid_o(cfg_valid),
    .cfg_we_i   (cfg_we[0]),
    .cfg_flit_i (req_tx_flit_o),
    .cfg_bad_i  (cfg_valid && !cfg_good),
    .rx_valid_i (req_rx_valid_i),
    .rx_flit_i  (req_rx_flit_i),
    .rx_credit_o(req_rx_credit_o),
    .tx_valid_o (req_tx_valid_o),
    .tx_flit_o  (req_tx_flit_o),
    .tx_credit_i(req_tx_credit_i),
    .count_o    (count[0]),
    .idle_o     (idle[0])
  );

  tsr_router #(.XFirst(1'b0), .LinkTimeout(LinkTimeout)) u_rsp (
    .clk_i,
    .rst_ni,
    .node_i,
    .now_i,
    .link_en_i,
    .cfg_valid_o(),
    .cfg_we_i   (cfg_we[1]),
    .cfg_flit_i (req_tx_flit_o),
    .cfg_bad_i  (1'b0),
    .rx_valid_i (rsp_rx_valid_i),
    .rx_flit_i  (rsp_rx_flit_i),
    .rx_credit_o(rsp_rx_credit_o),
    .tx_valid_o (rsp_tx_valid_o),
    .tx_flit_o  (rsp_tx_flit_o),
    .tx_credit_i(rsp_tx_credit_i),
    .count_o    (count[1]),
    .idle_o     (idle[1])
  );

  always_ff @(posedge clk_i) begin
    cnt_q <= count[cnt_sel_i[3]][cnt_sel_i[2:0]];
    if (!rst_ni) cnt_q <= '0;
  end

  assign cnt_o  = cnt_q;
  assign idle_o = &idle;

  if (Check) begin : gen_check
    for (genvar d = 0; d < NumDir; d++) begin : gen_dir
      localparam bit Mesh = d != DirLocal;
      tsr_flit_check #(.Response(1'b0), .Mesh(Mesh)) u_req_rx (
        .clk_i, .rst_ni,
        .valid_i(req_rx_valid_i[d]), .flit_i(req_rx_flit_i[d]), .credit_i(req_rx_credit_o[d])
      );
      tsr_flit_check #(.Response(1'b0), .Mesh(Mesh)) u_req_tx (
        .clk_i, .rst_ni,
        .valid_i(req_tx_valid_o[d]), .flit_i(req_tx_flit_o[d]), .credit_i(req_tx_credit_i[d])
      );
      tsr_flit_check #(.Response(1'b1), .Mesh(Mesh)) u_rsp_rx (
        .clk_i, .rst_ni,
        .valid_i(rsp_rx_valid_i[d]), .flit_i(rsp_rx_flit_i[d]), .credit_i(rsp_rx_credit_o[d])
      );
      tsr_flit_check #(.Response(1'b1), .Mesh(Mesh)) u_rsp_tx (
        .clk_i, .rst_ni,
        .valid_i(rsp_tx_valid_o[d]), .flit_i(rsp_tx_flit_o[d]), .credit_i(rsp_tx_credit_i[d])
      );
    end
  end

endmodule
