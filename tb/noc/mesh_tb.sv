// SPDX-License-Identifier: Apache-2.0
/// Two meshes for the mesh bench: A is 4 x 4, B is 5 x 3.
///
/// *Latency, Backpressure, Throughput, Reset:* as noc_mesh.
module mesh_tb
  import tsr_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic [11:0] now_i,
  input  logic [3:0]  cnt_sel_i,

  /// Mesh A.
  input  logic  [1:0][15:0]       a_rx_valid_i,
  input  flit_t [1:0][15:0]       a_rx_flit_i,
  output logic  [1:0][15:0][1:0]  a_rx_credit_o,
  output logic  [1:0][15:0]       a_tx_valid_o,
  output flit_t [1:0][15:0]       a_tx_flit_o,
  input  logic  [1:0][15:0][1:0]  a_tx_credit_i,
  output logic  [15:0][31:0]      a_cnt_o,
  output logic  [15:0]            a_idle_o,

  /// Mesh B.
  input  logic  [1:0][14:0]       b_rx_valid_i,
  input  flit_t [1:0][14:0]       b_rx_flit_i,
  output logic  [1:0][14:0][1:0]  b_rx_credit_o,
  output logic  [1:0][14:0]       b_tx_valid_o,
  output flit_t [1:0][14:0]       b_tx_flit_o,
  input  logic  [1:0][14:0][1:0]  b_tx_credit_i,
  output logic  [14:0][31:0]      b_cnt_o,
  output logic  [14:0]            b_idle_o
);

  noc_mesh #(.W(4), .H(4)) u_a (
    .clk_i, .rst_ni, .now_i, .cnt_sel_i,
    .rx_valid_i(a_rx_valid_i), .rx_flit_i(a_rx_flit_i), .rx_credit_o(a_rx_credit_o),
    .tx_valid_o(a_tx_valid_o), .tx_flit_o(a_tx_flit_o), .tx_credit_i(a_tx_credit_i),
    .cnt_o(a_cnt_o), .idle_o(a_idle_o)
  );

  noc_mesh #(.W(5), .H(3)) u_b (
    .clk_i, .rst_ni, .now_i, .cnt_sel_i,
    .rx_valid_i(b_rx_valid_i), .rx_flit_i(b_rx_flit_i), .rx_credit_o(b_rx_credit_o),
    .tx_valid_o(b_tx_valid_o), .tx_flit_o(b_tx_flit_o), .tx_credit_i(b_tx_credit_i),
    .cnt_o(b_cnt_o), .idle_o(b_idle_o)
  );

endmodule
