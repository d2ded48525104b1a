// SPDX-License-Identifier: Apache-2.0

/// The compute tile: a hart node with matrix engine, vector engine and layout engine. Endpoint of a mesh node.
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
  parameter int unsigned TimeoutLog2 = 20,   // log2 of the cycles that the core waits for the network, 4..31
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

  /// The debug port holds the core.
  output logic             halted_o,
  output tsr_core_pkg::retire_t retire_o,
  output logic        idle_o,
  output logic [63:0] wake_o       // see tsr_hart_node
);

  // A grid of 16 x 16 has two ports each for A and B.
  localparam int unsigned MePorts = (Rows + 7) / 8 + (Cols + 7) / 8 + 2;

  // Engines: [0] ME, [1] VE, [2] TDMA. Scratchpad ports: ME, then VE, then TDMA.
  logic [2:0]       cmd_valid, cmd_ready, ctx_valid, ctx_ready, ctx_rsp_valid, eng_idle, abort;
  cmd_t [2:0]       cmd;
  logic [2:0][5:0]  ctx_row;
  logic [511:0]     ctx_rsp_data;
  done_t [2:0]      done, done_seen;
  eng_state_e [2:0] state;
  logic [2:0][15:0] ops;
  logic [MePorts+6:0] spm_valid, spm_ready, spm_rsp_valid;
  spm_req_t [MePorts+6:0] spm_req;
  spm_rsp_t [MePorts+6:0] spm_rsp;
  logic [MePorts-1:0]     me_spm_valid;
  spm_req_t [MePorts-1:0] me_spm_req;
  logic [4:0]       ve_spm_valid;
  spm_req_t [4:0]   ve_spm_req;
  logic [1:0]       tdma_spm_valid;
  spm_req_t [1:0]   tdma_spm_req;
  logic [1:0]       flush, busy, void_q;  // of ME and VE; what ends now was given up
  // Chains: what the one engine gives, what the other takes.
  logic             me_out_valid, me_out_ready, ve_in_valid, ve_in_ready;
  logic             ve_out_valid, ve_out_ready, me_in_valid, me_in_ready;
  beat_t            me_out, ve_in, ve_out, me_in;

  tsr_hart_node #(.IsCtl(1'b0), .SpmBytes(SpmBytes), .MePorts(MePorts), .TimeoutLog2(TimeoutLog2),
                  .Check(Check)) u_node (
    .clk_i, .rst_ni, .node_i, .cfg_i, .now_i,
    .req_tx_valid_o, .req_tx_flit_o, .req_tx_credit_i, .req_rx_valid_i, .req_rx_flit_i, .req_rx_credit_o,
    .rsp_tx_valid_o, .rsp_tx_flit_o, .rsp_tx_credit_i, .rsp_rx_valid_i, .rsp_rx_flit_i, .rsp_rx_credit_o,
    .router_sel_o, .router_cnt_i, .dbg_lock_i(1'b0),
    .eng_cmd_valid_o(cmd_valid), .eng_cmd_ready_i(cmd_ready), .eng_cmd_o(cmd),
    .eng_ctx_valid_i(ctx_valid), .eng_ctx_ready_o(ctx_ready), .eng_ctx_row_i(ctx_row),
    .eng_ctx_rsp_valid_o(ctx_rsp_valid), .eng_ctx_rsp_data_o(ctx_rsp_data),
    .eng_done_i(done_seen), .eng_state_i(state), .eng_ops_i(ops), .eng_idle_i(eng_idle), .eng_abort_o(abort),
    .eng_flush_o(flush), .eng_busy_o(busy), .eng_void_i(void_q),
    .eng_spm_valid_i(spm_valid), .eng_spm_ready_o(spm_ready), .eng_spm_req_i(spm_req),
    .eng_spm_rsp_valid_o(spm_rsp_valid), .eng_spm_rsp_o(spm_rsp),
    .rom_fetch_o(), .rom_fetch_addr_o(), .rom_fetch_data_i('0),
    .rom_req_o(), .rom_addr_o(), .rom_rdata_i('0),
    .ext_reg_o(), .ext_reg_i('0), .ext_irq_i('0), .ext_idle_i(1'b1), .ext_wake_i('1),
    .host_valid_i(1'b0), .host_ready_o(), .host_req_i('0),
    .host_rsp_valid_o(), .host_rsp_ready_i(1'b1), .host_rsp_o(),
    .halted_o, .retire_o, .idle_o, .wake_o
  );

  // A process for each engine: so a simulator moves its requests when its clock ticks, not all of them in every cycle.
  always_comb begin
    spm_valid[0+:MePorts] = me_spm_valid;
    spm_req[0+:MePorts]   = me_spm_req;
  end
  always_comb begin
    spm_valid[MePorts+:5] = ve_spm_valid;
    spm_req[MePorts+:5]   = ve_spm_req;
  end
  always_comb begin
    spm_valid[MePorts+5+:2] = tdma_spm_valid;
    spm_req[MePorts+5+:2]   = tdma_spm_req;
  end

  // ---------------------------------------------------------------- clocks
  // An engine with nothing to do stands still: its clock is open from the offer of a command until it is idle.
  logic me_clk, ve_clk, tdma_clk;

  tsr_clk_gate u_me_gate (
    .clk_i, .en_i(!rst_ni || cmd_valid[0] || !eng_idle[0]), .test_en_i(1'b0), .clk_o(me_clk)
  );
  tsr_clk_gate u_ve_gate (
    .clk_i, .en_i(!rst_ni || cmd_valid[1] || !eng_idle[1]), .test_en_i(1'b0), .clk_o(ve_clk)
  );
  tsr_clk_gate u_tdma_gate (
    .clk_i, .en_i(!rst_ni || cmd_valid[2] || !eng_idle[2]), .test_en_i(1'b0), .clk_o(tdma_clk)
  );

  // ---------------------------------------------------------------- engines
  tsr_me #(.Rows(Rows), .Cols(Cols)) u_me (
    .clk_i(me_clk), .rst_ni,
    .cmd_valid_i(cmd_valid[0]), .cmd_ready_o(cmd_ready[0]), .cmd_i(cmd[0]),
    .ctx_req_valid_o(ctx_valid[0]), .ctx_req_ready_i(ctx_ready[0]), .ctx_row_o(ctx_row[0]),
    .ctx_rsp_valid_i(ctx_rsp_valid[0]), .ctx_rsp_data_i(ctx_rsp_data),
    .done_o(done[0]), .state_o(state[0]), .ops_o(ops[0]), .idle_o(eng_idle[0]), .abort_i(abort[0]),
    .spm_valid_o(me_spm_valid), .spm_ready_i(spm_ready[MePorts-1:0]), .spm_req_o(me_spm_req),
    .spm_rsp_valid_i(spm_rsp_valid[MePorts-1:0]), .spm_rsp_i(spm_rsp[MePorts-1:0]),
    .chain_out_valid_o(me_out_valid), .chain_out_ready_i(me_out_ready), .chain_out_o(me_out),
    .chain_in_valid_i(me_in_valid), .chain_in_ready_o(me_in_ready), .chain_in_i(me_in)
  );

  tsr_ve u_ve (
    .clk_i(ve_clk), .rst_ni,
    .cmd_valid_i(cmd_valid[1]), .cmd_ready_o(cmd_ready[1]), .cmd_i(cmd[1]),
    .ctx_req_valid_o(ctx_valid[1]), .ctx_req_ready_i(ctx_ready[1]), .ctx_row_o(ctx_row[1]),
    .ctx_rsp_valid_i(ctx_rsp_valid[1]), .ctx_rsp_data_i(ctx_rsp_data),
    .done_o(done[1]), .state_o(state[1]), .ops_o(ops[1]), .idle_o(eng_idle[1]), .abort_i(abort[1]),
    .spm_valid_o(ve_spm_valid), .spm_ready_i(spm_ready[MePorts+:5]), .spm_req_o(ve_spm_req),
    .spm_rsp_valid_i(spm_rsp_valid[MePorts+:5]), .spm_rsp_i(spm_rsp[MePorts+:5]),
    .chain_in_valid_i(ve_in_valid), .chain_in_ready_o(ve_in_ready), .chain_in_i(ve_in),
    .chain_out_valid_o(ve_out_valid), .chain_out_ready_i(ve_out_ready), .chain_out_o(ve_out)
  );

  tsr_tdma #(.SpmBytes(SpmBytes)) u_tdma (
    .clk_i(tdma_clk), .rst_ni,
    .cmd_valid_i(cmd_valid[2]), .cmd_ready_o(cmd_ready[2]), .cmd_i(cmd[2]),
    .ctx_req_valid_o(ctx_valid[2]), .ctx_req_ready_i(ctx_ready[2]), .ctx_row_o(ctx_row[2]),
    .ctx_rsp_valid_i(ctx_rsp_valid[2]), .ctx_rsp_data_i(ctx_rsp_data),
    .done_o(done[2]), .state_o(state[2]), .ops_o(ops[2]), .idle_o(eng_idle[2]), .abort_i(abort[2]),
    .spm_valid_o(tdma_spm_valid), .spm_ready_i(spm_ready[MePorts+5+:2]), .spm_req_o(tdma_spm_req),
    .spm_rsp_valid_i(spm_rsp_valid[MePorts+5+:2]), .spm_rsp_i(spm_rsp[MePorts+5+:2])
  );

  // ---------------------------------------------------------------- chains
  // A flushed engine may wait in a chain for a partner whose command was dropped, or never came. Its end of
  // the chain breaks when the other engine has nothing to do or is flushed too: so both become idle. What
  // ends then has no effects, not even an error.
  logic [1:0] flushing_q, broken, lost, made;

  always_comb begin
    for (int unsigned e = 0; e < 2; e++) broken[e] = flushing_q[e] && (flushing_q[1-e] || !busy[1-e]);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      flushing_q <= '0;
      void_q     <= '0;
    end else begin
      flushing_q <= (flushing_q | flush) & busy;
      void_q     <= (void_q | lost | made) & busy;
    end
  end

  tsr_chain u_to_ve (
    .src_break_i(broken[0]), .dst_break_i(broken[1]),
    .src_valid_i(me_out_valid), .src_ready_o(me_out_ready), .src_beat_i(me_out),
    .dst_valid_o(ve_in_valid), .dst_ready_i(ve_in_ready), .dst_beat_o(ve_in),
    .src_lost_o(lost[0]), .dst_made_o(made[1])
  );

  tsr_chain u_to_me (
    .src_break_i(broken[1]), .dst_break_i(broken[0]),
    .src_valid_i(ve_out_valid), .src_ready_o(ve_out_ready), .src_beat_i(ve_out),
    .dst_valid_o(me_in_valid), .dst_ready_i(me_in_ready), .dst_beat_o(me_in),
    .src_lost_o(lost[1]), .dst_made_o(made[0])
  );

  always_comb begin
    done_seen = done;
    for (int unsigned e = 0; e < 2; e++) begin
      if (void_q[e]) begin
        done_seen[e].err  = CmdOk;
        done_seen[e].info = '0;
      end
    end
  end

  // ---------------------------------------------------------------- implementation checks
  if (Check) begin : gen_check
    tsr_stream_check #(.T(beat_t)) u_me_out (
      .clk_i, .rst_ni, .valid_i(me_out_valid), .ready_i(me_out_ready), .data_i(me_out)
    );
    tsr_stream_check #(.T(beat_t)) u_ve_out (
      .clk_i, .rst_ni, .valid_i(ve_out_valid), .ready_i(ve_out_ready), .data_i(ve_out)
    );
  end

endmodule
