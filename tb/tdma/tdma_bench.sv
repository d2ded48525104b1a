// SPDX-License-Identifier: Apache-2.0
/// Layout engine on a real scratchpad of 64 KiB, with a third port for the bench.
module tdma_bench
  import tsr_tile_pkg::*;
(
  input  logic         clk_i,
  input  logic         rst_ni,

  input  logic         cmd_valid_i,
  output logic         cmd_ready_o,
  input  cmd_t         cmd_i,
  output done_t        done_o,
  input  logic         abort_i,
  output logic         ctx_req_valid_o,
  input  logic         ctx_req_ready_i,
  output logic [5:0]   ctx_row_o,
  input  logic         ctx_rsp_valid_i,
  input  logic [511:0] ctx_rsp_data_i,
  output eng_state_e   state_o,
  output logic [15:0]  ops_o,
  output logic         idle_o,

  /// Bench port: one row of 64 bytes at a multiple of 64.
  input  logic         port_valid_i,
  output logic         port_ready_o,
  input  logic         port_write_i,
  input  logic [21:0]  port_addr_i,
  input  logic [511:0] port_wdata_i,
  output logic [511:0] port_rdata_o
);

  logic     [2:0] req_valid, req_ready, rsp_valid, unused_conflict;
  spm_req_t [2:0] req;
  spm_rsp_t [2:0] rsp;
  logic           unused_idle;

  tsr_tdma #(.SpmBytes(65536)) u_tdma (
    .clk_i, .rst_ni, .cmd_valid_i, .cmd_ready_o, .cmd_i, .done_o, .abort_i,
    .ctx_req_valid_o, .ctx_req_ready_i, .ctx_row_o, .ctx_rsp_valid_i, .ctx_rsp_data_i,
    .spm_valid_o(req_valid[1:0]), .spm_ready_i(req_ready[1:0]), .spm_req_o(req[1:0]),
    .spm_rsp_valid_i(rsp_valid[1:0]), .spm_rsp_i(rsp[1:0]),
    .state_o, .ops_o, .idle_o
  );

  tsr_spm #(.SpmBytes(65536), .NumPorts(3)) u_spm (
    .clk_i, .rst_ni, .req_valid_i(req_valid), .req_ready_o(req_ready), .req_i(req),
    .rsp_valid_o(rsp_valid), .rsp_o(rsp), .conflict_o(unused_conflict), .idle_o(unused_idle)
  );

  assign req_valid[2] = port_valid_i;
  assign req[2]       = '{pad: '0, write: port_write_i, w_log2: 2'd3, base: port_addr_i, pitch: '0, strb: '1,
                          wdata: port_wdata_i};
  assign port_ready_o = req_ready[2];
  assign port_rdata_o = rsp[2].rdata;

endmodule
