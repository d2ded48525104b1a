// SPDX-License-Identifier: Apache-2.0
/// The small parts of the network side by side: a link, the bare endpoint, and the address and flit functions.
///
/// *Latency, Backpressure, Throughput, Reset:* those of the parts.
module blocks_tb
  import tsr_pkg::*;
(
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic [63:0]  now_i,

  /// Link: sender to receiver, with one bit flipped on the way if flip_i.
  input  logic         link_valid_i,
  output logic         link_ready_o,
  input  flit_t        link_flit_i,
  input  logic         flip_i,
  input  logic [9:0]   flip_bit_i,
  output logic         link_valid_o,
  input  logic         link_ready_i,
  output flit_t        link_flit_o,
  output logic         link_par_err_o,
  output logic         link_tx_idle_o,
  output logic         link_rx_idle_o,
  output logic         wire_valid_o,

  /// Bare endpoint at bare_node_i.
  input  node_t        bare_node_i,
  input  logic         req_rx_valid_i,
  input  flit_t        req_rx_flit_i,
  output logic [1:0]   req_rx_credit_o,
  output logic         req_tx_valid_o,
  output logic         rsp_tx_valid_o,
  output flit_t        rsp_tx_flit_o,
  input  logic [1:0]   rsp_tx_credit_i,
  input  logic         rsp_rx_valid_i,
  input  flit_t        rsp_rx_flit_i,
  output logic [1:0]   rsp_rx_credit_o,
  output logic         bare_idle_o,
  output logic [3:0]   bare_sel_o,
  input  logic [31:0]  bare_cnt_i,

  /// Address functions.
  input  chip_cfg_t    cfg_i,
  input  addr_t        addr_i,
  output logic [2:0]   hbm_node_o,
  output logic [39:0]  hbm_local_o,
  output route_t       route_o,

  /// Flit fields and parities of flit_i.
  input  flit_t        flit_i,
  output logic [63:0]  addr_strb_o,   // addr ^ strb
  output logic [23:0]  doff_o,
  output logic [6:0]   rsvd_o,
  output node_t        owner_o,
  output logic         spread_o,
  output logic [7:0]   tag_o,
  output logic [7:0]   spare_o,
  output node_t        src_o,
  output rect_t        dst_o,
  output logic [3:0]   kind_o,
  output logic [3:0]   amo_o,
  output logic [2:0]   err_o,
  output logic [3:0]   bits_o,        // poison, cls, vc, mcast
  output logic [15:0]  birth_o,
  output logic [63:0]  data3_o,
  output logic [8:0]   stored_par_o,  // par, dpar as stored
  output logic [8:0]   par_o          // par, dpar as they should be
);

  logic       wire_valid;
  flit_t      wire_flit, damaged;
  logic [1:0] wire_credit;

  tsr_link_tx u_tx (
    .clk_i, .rst_ni, .now_i(now_i[AgeW-1:0]),
    .valid_i(link_valid_i), .ready_o(link_ready_o), .flit_i(link_flit_i),
    .link_valid_o(wire_valid), .link_flit_o(wire_flit), .link_credit_i(wire_credit),
    .idle_o(link_tx_idle_o)
  );
  assign wire_valid_o = wire_valid;
  assign damaged      = wire_flit ^ (FlitW'(flip_i) << flip_bit_i);
  tsr_link_rx u_rx (
    .clk_i, .rst_ni,
    .link_valid_i(wire_valid), .link_flit_i(damaged), .link_credit_o(wire_credit),
    .valid_o(link_valid_o), .ready_i(link_ready_i), .flit_o(link_flit_o),
    .par_err_o(link_par_err_o), .idle_o(link_rx_idle_o)
  );
  tsr_flit_check #(.Response(1'b0)) u_wire_check (
    .clk_i, .rst_ni, .valid_i(wire_valid), .flit_i(wire_flit), .credit_i(wire_credit)
  );
  tsr_stream_check #(.T(flit_t)) u_out_check (
    .clk_i, .rst_ni, .valid_i(link_valid_o), .ready_i(link_ready_i), .data_i(link_flit_o)
  );

  flit_t unused_req_tx_flit;
  tsr_bare u_bare (
    .clk_i, .rst_ni, .node_i(bare_node_i), .cfg_i, .now_i,
    .req_tx_valid_o, .req_tx_flit_o(unused_req_tx_flit), .req_tx_credit_i('0),
    .req_rx_valid_i, .req_rx_flit_i, .req_rx_credit_o,
    .rsp_tx_valid_o, .rsp_tx_flit_o, .rsp_tx_credit_i,
    .rsp_rx_valid_i, .rsp_rx_flit_i, .rsp_rx_credit_o,
    .router_sel_o(bare_sel_o), .router_cnt_i(bare_cnt_i), .idle_o(bare_idle_o)
  );
  tsr_flit_check #(.Response(1'b1)) u_bare_check (
    .clk_i, .rst_ni, .valid_i(rsp_tx_valid_o), .flit_i(rsp_tx_flit_o), .credit_i(rsp_tx_credit_i)
  );

  assign hbm_node_o  = hbm_node(addr_i[39:0], cfg_i.mem_log2);
  assign hbm_local_o = hbm_local(addr_i[39:0], cfg_i.mem_log2);
  assign route_o     = route(addr_i, cfg_i);

  assign addr_strb_o  = {8'b0, flit_i.hdr.addr} ^ flit_i.hdr.strb;
  assign doff_o       = flit_i.hdr.doff;
  assign rsvd_o       = flit_i.hdr.rsvd;
  assign owner_o      = flit_i.hdr.owner;
  assign spread_o     = flit_i.hdr.spread;
  assign tag_o        = flit_i.hdr.tag;
  assign spare_o      = flit_i.hdr.spare;
  assign src_o        = flit_i.hdr.src;
  assign dst_o        = flit_i.hdr.dst;
  assign kind_o       = flit_i.hdr.kind;
  assign amo_o        = flit_i.hdr.amo;
  assign err_o        = flit_i.hdr.err;
  assign bits_o       = {flit_i.hdr.poison, flit_i.hdr.cls, flit_i.hdr.vc, flit_i.hdr.mcast};
  assign birth_o      = flit_i.hdr.birth;
  assign data3_o      = flit_i.data[3];
  assign stored_par_o = {flit_i.hdr.par, flit_i.hdr.dpar};
  assign par_o        = {hdr_parity(flit_i.hdr), data_parity(flit_i.data)};

endmodule
