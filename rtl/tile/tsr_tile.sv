// SPDX-License-Identifier: Apache-2.0

/// The compute tile: a hart node with a matrix engine. Endpoint of a mesh node.
///
/// Boundary: every output is driven from a flop. Reset: control state only; the core waits for
/// CORE_CTRL.RUN.
module tsr_tile
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter int unsigned SpmBytes = 262144,  // scratchpad, multiple of 4096, up to 3 MiB
  parameter int unsigned Rows     = 8,       // matrix engine grid
  parameter int unsigned Cols     = 8,
  parameter bit          Check    = 1'b0     // protocol checkers (simulation only)
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  node_t       node_i,
  input  chip_cfg_t   cfg_i,
  input  logic [63:0] now_i,

  // Links to the router.
  output logic        req_tx_valid_o,
  output flit_t       req_tx_flit_o,
  input  logic [1:0]  req_tx_credit_i,
  input  logic        req_rx_valid_i,
  input  flit_t       req_rx_flit_i,
  output logic [1:0]  req_rx_credit_o,
  output logic        rsp_tx_valid_o,
  output flit_t       rsp_tx_flit_o,
  input  logic [1:0]  rsp_tx_credit_i,
  input  logic        rsp_rx_valid_i,
  input  flit_t       rsp_rx_flit_i,
  output logic [1:0]  rsp_rx_credit_o,

  // Counters of the node's router.
  output logic [3:0]  router_sel_o,
  input  logic [31:0] router_cnt_i,

  output tsr_core_pkg::retire_t retire_o,
  output logic        idle_o
);

  logic           cmd_valid, cmd_ready, ctx_valid, ctx_ready, ctx_rsp_valid, me_idle, abort;
  cmd_t           cmd;
  logic [5:0]     ctx_row;
  logic [511:0]   ctx_rsp_data;
  done_t          done;
  eng_state_e     state;
  logic [15:0]    ops;
  logic [3:0]     spm_valid, spm_ready, spm_rsp_valid;
  spm_req_t [3:0] spm_req;
  spm_rsp_t [3:0] spm_rsp;

  tsr_hart_node #(.IsCtl(1'b0), .SpmBytes(SpmBytes), .Check(Check)) u_node (
    .clk_i, .rst_ni, .node_i, .cfg_i, .now_i,
    .req_tx_valid_o, .req_tx_flit_o, .req_tx_credit_i, .req_rx_valid_i, .req_rx_flit_i, .req_rx_credit_o,
    .rsp_tx_valid_o, .rsp_tx_flit_o, .rsp_tx_credit_i, .rsp_rx_valid_i, .rsp_rx_flit_i, .rsp_rx_credit_o,
    .router_sel_o, .router_cnt_i, .dbg_lock_i(1'b0),
    .me_cmd_valid_o(cmd_valid), .me_cmd_ready_i(cmd_ready), .me_cmd_o(cmd),
    .me_ctx_valid_i(ctx_valid), .me_ctx_ready_o(ctx_ready), .me_ctx_row_i(ctx_row),
    .me_ctx_rsp_valid_o(ctx_rsp_valid), .me_ctx_rsp_data_o(ctx_rsp_data),
    .me_done_i(done), .me_state_i(state), .me_ops_i(ops), .me_idle_i(me_idle), .me_abort_o(abort),
    .me_spm_valid_i(spm_valid), .me_spm_ready_o(spm_ready), .me_spm_req_i(spm_req),
    .me_spm_rsp_valid_o(spm_rsp_valid), .me_spm_rsp_o(spm_rsp),
    .rom_fetch_o(), .rom_fetch_addr_o(), .rom_fetch_data_i('0),
    .rom_req_o(), .rom_addr_o(), .rom_rdata_i('0),
    .ext_reg_o(), .ext_reg_i('0), .ext_irq_i('0), .ext_idle_i(1'b1),
    .host_valid_i(1'b0), .host_ready_o(), .host_req_i('0),
    .host_rsp_valid_o(), .host_rsp_ready_i(1'b1), .host_rsp_o(),
    .retire_o, .idle_o
  );

  tsr_me #(.Rows(Rows), .Cols(Cols)) u_me (
    .clk_i, .rst_ni,
    .cmd_valid_i(cmd_valid), .cmd_ready_o(cmd_ready), .cmd_i(cmd),
    .ctx_req_valid_o(ctx_valid), .ctx_req_ready_i(ctx_ready), .ctx_row_o(ctx_row),
    .ctx_rsp_valid_i(ctx_rsp_valid), .ctx_rsp_data_i(ctx_rsp_data),
    .done_o(done), .state_o(state), .ops_o(ops), .idle_o(me_idle), .abort_i(abort),
    .a_valid_o(spm_valid[0]), .a_ready_i(spm_ready[0]), .a_req_o(spm_req[0]),
    .a_rsp_valid_i(spm_rsp_valid[0]), .a_rsp_i(spm_rsp[0]),
    .b_valid_o(spm_valid[1]), .b_ready_i(spm_ready[1]), .b_req_o(spm_req[1]),
    .b_rsp_valid_i(spm_rsp_valid[1]), .b_rsp_i(spm_rsp[1]),
    .c_valid_o(spm_valid[2]), .c_ready_i(spm_ready[2]), .c_req_o(spm_req[2]),
    .c_rsp_valid_i(spm_rsp_valid[2]), .c_rsp_i(spm_rsp[2]),
    .o_valid_o(spm_valid[3]), .o_ready_i(spm_ready[3]), .o_req_o(spm_req[3]),
    .o_rsp_valid_i(spm_rsp_valid[3]), .o_rsp_i(spm_rsp[3])
  );

endmodule
