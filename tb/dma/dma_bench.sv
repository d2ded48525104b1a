// SPDX-License-Identifier: Apache-2.0

/// Bench wrapper: both DMA engines on one scratchpad, with a port for the bench and one that disturbs.
/// Structures of the network side are split into fields.
module dma_bench
  import tsr_tile_pkg::*;
#(
  parameter int unsigned SpmBytes = 65536
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  // Engine frames: 0 RDMA, 1 WDMA.
  input  logic     [1:0]          abort_i,
  input  logic     [1:0]          forget_i,
  input  logic     [1:0]          cmd_valid_i,
  output logic     [1:0]          cmd_ready_o,
  input  logic     [1:0][511:0]   cmd_i,
  output logic     [1:0]          ctx_req_valid_o,
  input  logic     [1:0]          ctx_req_ready_i,
  output logic     [1:0][5:0]     ctx_row_o,
  input  logic     [1:0]          ctx_rsp_valid_i,
  input  logic     [1:0][511:0]   ctx_rsp_data_i,
  output logic     [1:0]          done_valid_o,
  output logic     [1:0][15:0]    done_id_o,
  output logic     [1:0][3:0]     done_err_o,
  output logic     [1:0][2:0]     done_info_o,
  output logic     [1:0][55:0]    done_addr_o,
  output logic     [1:0][2:0]     state_o,
  output logic     [1:0][15:0]    ops_o,
  output logic     [1:0]          idle_o,

  // Network.
  output logic     [1:0]          req_valid_o,
  input  logic     [1:0]          req_ready_i,
  output logic     [1:0][3:0]     req_kind_o,
  output logic     [1:0]          req_mcast_o,
  output logic     [1:0][23:0]    req_rect_o,
  output logic     [1:0][55:0]    req_addr_o,
  output logic     [1:0][63:0]    req_strb_o,
  output logic     [1:0][23:0]    req_doff_o,
  output logic     [1:0][5:0]     req_tag_o,
  output logic     [511:0]        req_data_o,    // WDMA
  output logic                    req_spread_o,  // RDMA, with the first word of its data
  output logic     [63:0]         req_to_o,
  input  logic     [1:0]          rsp_valid_i,
  output logic     [1:0]          rsp_ready_o,
  input  logic     [1:0][3:0]     rsp_kind_i,
  input  logic     [1:0][2:0]     rsp_err_i,
  input  logic     [1:0]          rsp_poison_i,
  input  logic     [1:0][55:0]    rsp_addr_i,
  input  logic     [1:0][63:0]    rsp_strb_i,
  input  logic     [1:0][23:0]    rsp_doff_i,
  input  logic     [1:0][5:0]     rsp_tag_i,
  input  logic     [511:0]        rsp_data_i,    // RDMA
  input  logic                    rsp_heard_i,
  input  logic     [6:0]          rsp_listen_i,
  output logic                    heard_o,
  output logic                    post_valid_o,
  output logic     [3:0]          post_id_o,

  // Bench's own scratchpad port: 64 bytes at a multiple of 64.
  input  logic                    spm_valid_i,
  output logic                    spm_ready_o,
  input  logic                    spm_write_i,
  input  logic     [21:0]         spm_base_i,
  input  logic     [511:0]        spm_wdata_i,
  output logic                    spm_rvalid_o,
  output logic     [511:0]        spm_rdata_o,

  // Disturbance: a reader of 64 bytes at dist_base_i.
  input  logic                    dist_valid_i,
  input  logic     [21:0]         dist_base_i,
  output logic     [3:0]          conflict_o,    // as the ports below
  output logic                    spm_idle_o
);

  localparam int unsigned NumPorts = 4;  // 0 bench, 1 disturbance, 2 RDMA, 3 WDMA

  logic     [NumPorts-1:0] valid, ready, rsp_valid;
  spm_req_t [NumPorts-1:0] req;
  spm_rsp_t [NumPorts-1:0] rsp;

  assign valid[0]     = spm_valid_i;
  assign req[0]       = '{pad: '0, write: spm_write_i, w_log2: 2'd3, base: spm_base_i, pitch: '0, strb: '1,
                          wdata: spm_wdata_i};
  assign spm_ready_o  = ready[0];
  assign spm_rvalid_o = rsp_valid[0];
  assign spm_rdata_o  = rsp[0].rdata;
  assign valid[1]     = dist_valid_i;
  assign req[1]       = '{pad: '0, write: 1'b0, w_log2: 2'd3, base: dist_base_i, pitch: '0, strb: '1,
                          wdata: '0};

  tsr_spm #(
    .SpmBytes(SpmBytes),
    .NumPorts(NumPorts)
  ) u_spm (
    .clk_i, .rst_ni,
    .req_valid_i(valid), .req_ready_o(ready), .req_i(req),
    .rsp_valid_o(rsp_valid), .rsp_o(rsp), .conflict_o, .idle_o(spm_idle_o)
  );

  done_t      [1:0] done;
  eng_state_e [1:0] state;
  ni_req_t    [1:0] ni_req;
  ni_rsp_t    [1:0] ni_rsp;

  for (genvar e = 0; e < 2; e++) begin : gen_split
    assign done_valid_o[e] = done[e].valid;
    assign done_id_o[e]    = done[e].id;
    assign done_err_o[e]   = done[e].err;
    assign done_info_o[e]  = done[e].info;
    assign done_addr_o[e]  = done[e].addr;
    assign state_o[e]      = state[e];
    assign req_kind_o[e]   = ni_req[e].kind;
    assign req_mcast_o[e]  = ni_req[e].mcast;
    assign req_rect_o[e]   = ni_req[e].rect;
    assign req_addr_o[e]   = ni_req[e].addr;
    assign req_strb_o[e]   = ni_req[e].strb;
    assign req_doff_o[e]   = ni_req[e].doff;
    assign req_tag_o[e]    = ni_req[e].tag;
    assign ni_rsp[e]       = '{kind: tsr_pkg::kind_e'(rsp_kind_i[e]),
                               err: tsr_pkg::err_e'(rsp_err_i[e]), poison: rsp_poison_i[e],
                               addr: rsp_addr_i[e], strb: rsp_strb_i[e], doff: rsp_doff_i[e],
                               tag: rsp_tag_i[e], heard: e == 0 && rsp_heard_i,
                               listen: tsr_pkg::listen_t'(rsp_listen_i), data: e == 0 ? rsp_data_i : '0};
  end
  assign req_data_o   = ni_req[1].data;
  assign req_spread_o = ni_req[0].spread;
  assign req_to_o     = ni_req[0].data[0];

  tsr_rdma #(
    .SpmBytes(SpmBytes)
  ) u_rdma (
    .clk_i, .rst_ni,
    .abort_i(abort_i[0]), .forget_i(forget_i[0]),
    .cmd_valid_i(cmd_valid_i[0]), .cmd_ready_o(cmd_ready_o[0]), .cmd_i(cmd_t'(cmd_i[0])),
    .ctx_req_valid_o(ctx_req_valid_o[0]), .ctx_req_ready_i(ctx_req_ready_i[0]),
    .ctx_row_o(ctx_row_o[0]),
    .ctx_rsp_valid_i(ctx_rsp_valid_i[0]), .ctx_rsp_data_i(ctx_rsp_data_i[0]),
    .done_o(done[0]), .state_o(state[0]), .ops_o(ops_o[0]), .idle_o(idle_o[0]),
    .req_valid_o(req_valid_o[0]), .req_ready_i(req_ready_i[0]), .req_o(ni_req[0]),
    .slot_free_o(), .slot_cold_o(),
    .rsp_valid_i(rsp_valid_i[0]), .rsp_ready_o(rsp_ready_o[0]), .rsp_i(ni_rsp[0]),
    .heard_o, .post_valid_o, .post_id_o,
    .spm_valid_o(valid[2]), .spm_ready_i(ready[2]), .spm_req_o(req[2]),
    .spm_rsp_valid_i(rsp_valid[2]), .spm_rsp_i(rsp[2])
  );

  tsr_wdma #(
    .SpmBytes(SpmBytes)
  ) u_wdma (
    .clk_i, .rst_ni,
    .abort_i(abort_i[1]), .forget_i(forget_i[1]),
    .cmd_valid_i(cmd_valid_i[1]), .cmd_ready_o(cmd_ready_o[1]), .cmd_i(cmd_t'(cmd_i[1])),
    .ctx_req_valid_o(ctx_req_valid_o[1]), .ctx_req_ready_i(ctx_req_ready_i[1]),
    .ctx_row_o(ctx_row_o[1]),
    .ctx_rsp_valid_i(ctx_rsp_valid_i[1]), .ctx_rsp_data_i(ctx_rsp_data_i[1]),
    .done_o(done[1]), .state_o(state[1]), .ops_o(ops_o[1]), .idle_o(idle_o[1]),
    .req_valid_o(req_valid_o[1]), .req_ready_i(req_ready_i[1]), .req_o(ni_req[1]),
    .slot_free_o(), .slot_cold_o(),
    .rsp_valid_i(rsp_valid_i[1]), .rsp_ready_o(rsp_ready_o[1]), .rsp_i(ni_rsp[1]),
    .spm_valid_o(valid[3]), .spm_ready_i(ready[3]), .spm_req_o(req[3]),
    .spm_rsp_valid_i(rsp_valid[3]), .spm_rsp_i(rsp[3])
  );

endmodule
