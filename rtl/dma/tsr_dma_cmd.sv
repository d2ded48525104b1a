// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Front end of a DMA engine: takes one command, fetches its context row, checks both, and offers the job.
///
/// *Latency:* a job stands 6 cycles after its command was taken; 1 cycle for OpNop and foreign opcodes.
/// *Backpressure:* the next command is taken in the cycle after job_done_i at the earliest.
/// *Reset:* control state only.
module tsr_dma_cmd
  import tsr_tile_pkg::*;
  import tsr_dma_pkg::*;
#(
  /// 0: RDMA (opcodes OpDmaRead, OpSpread, OpSpmFill); 1: WDMA (OpDmaWrite, OpMcast, OpDmaFill).
  parameter bit IsWdma = 1'b0
) (
  input  logic         clk_i,
  input  logic         rst_ni,

  /// Commands; abort_i stops taking them. busy_i: commands are unfinished; then only one with `overlap` is taken.
  input  logic         abort_i,
  input  logic         busy_i,
  input  logic         cmd_valid_i,
  output logic         cmd_ready_o,
  input  cmd_t         cmd_i,

  /// Context store: row = context * 8 + row; data one cycle after an accepted request.
  output logic         ctx_req_valid_o,
  input  logic         ctx_req_ready_i,
  output logic [5:0]   ctx_row_o,
  input  logic         ctx_rsp_valid_i,
  input  logic [511:0] ctx_rsp_data_i,

  /// The checked job; it stands unchanged until job_done_i (a pulse): the engine needs it no more.
  output logic         job_valid_o,
  output job_t         job_o,
  input  logic         job_done_i,

  /// A command is being fetched or checked / nothing is held.
  output logic         config_o,
  output logic         empty_o
);

  typedef enum logic [2:0] { StEmpty, StFetch, StData, StMul0, StMul1, StCheck, StJob } state_e;

  state_e   state_q;
  cmd_t     cmd_q;
  dma_cfg_t cfg_q;

  // ---------------------------------------------------------------- opcode
  logic known, fill, mcast, spread;

  assign fill  = IsWdma ? cmd_q.op == OpDmaFill : cmd_q.op == OpSpmFill;
  assign mcast = IsWdma && cmd_q.op == OpMcast;
  assign spread = !IsWdma && cmd_q.op == OpSpread;
  assign known = fill || mcast || spread || cmd_q.op == (IsWdma ? OpDmaWrite : OpDmaRead);

  // ---------------------------------------------------------------- sequence
  logic take;
  assign cmd_ready_o     = state_q == StEmpty && !abort_i && (!busy_i || cmd_i.overlap);
  assign take            = cmd_valid_i && cmd_ready_o;
  assign ctx_req_valid_o = state_q == StFetch && known;
  assign ctx_row_o       = {cmd_q.ctx, IsWdma ? RowWdma : RowRdma};
  assign job_valid_o     = state_q == StJob;
  assign config_o        = state_q != StEmpty && state_q != StJob;
  assign empty_o         = state_q == StEmpty;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StEmpty;
    end else begin
      unique case (state_q)
        StEmpty: if (take) state_q <= StFetch;
        StFetch: begin
          if (!known) state_q <= StJob;
          else if (ctx_req_ready_i) state_q <= StData;
        end
        StData:  if (ctx_rsp_valid_i) state_q <= StMul0;
        StMul0:  state_q <= StMul1;
        StMul1:  state_q <= StCheck;
        StCheck: state_q <= StJob;
        default: if (job_done_i) state_q <= StEmpty;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) cmd_q <= cmd_i;
    if (ctx_rsp_valid_i && state_q == StData) cfg_q <= dma_cfg_t'(ctx_rsp_data_i);
  end

  // ---------------------------------------------------------------- element totals, two cycles
  logic [31:0] src_part_q, dst_part_q;
  logic [47:0] src_total_q, dst_total_q;

  always_ff @(posedge clk_i) begin
    if (state_q == StMul0) begin
      src_part_q <= 32'(cfg_q.src_iter[0]) * 32'(cfg_q.src_iter[1]);
      dst_part_q <= 32'(cfg_q.dst_iter[0]) * 32'(cfg_q.dst_iter[1]);
    end
    if (state_q == StMul1) begin
      src_total_q <= 48'(src_part_q) * 48'(cfg_q.src_iter[2]);
      dst_total_q <= 48'(dst_part_q) * 48'(cfg_q.dst_iter[2]);
    end
  end

  // ---------------------------------------------------------------- checks
  cmd_err_e       err, err_q;
  tsr_pkg::err_e  info, info_q;
  tsr_pkg::addr_t addr_q;
  logic           run_q;
  logic [63:0]    global_addr;

  assign global_addr = IsWdma ? {cmd_q.arg3, cmd_q.arg2} : {cmd_q.arg1, cmd_q.arg0};

  always_comb begin
    err  = CmdOk;
    info = tsr_pkg::ErrNone;
    if (state_q == StFetch) begin
      if (cmd_q.op != OpNop) err = CmdErrOpcode;
    end else if (cfg_q.count == '0 || dst_total_q == '0 || (!fill && src_total_q == '0)) begin
      err = CmdErrZero;
    end else if (cfg_q.count > MaxCount ||
                 ((mcast || spread) && (cmd_q.mcast_rect.x0 > cmd_q.mcast_rect.x1 ||
                                        cmd_q.mcast_rect.y0 > cmd_q.mcast_rect.y1))) begin
      err = CmdErrContext;
    end else if (!fill && src_total_q != dst_total_q) begin
      err = CmdErrShape;
    end else if (global_addr[63:56] != '0 && !mcast && (IsWdma || !fill)) begin
      err  = CmdErrBus;
      info = tsr_pkg::ErrUnmapped;
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StFetch || state_q == StCheck) begin
      err_q  <= err;
      info_q <= info;
      addr_q <= err == CmdErrBus ? global_addr[55:0] : '0;
      run_q  <= state_q == StCheck && err == CmdOk;
    end
  end

  // ---------------------------------------------------------------- job
  tsr_pkg::rect_t rect;
  assign rect = '{hi: '{y: cmd_q.mcast_rect.y1, x: cmd_q.mcast_rect.x1},
                  lo: '{y: cmd_q.mcast_rect.y0, x: cmd_q.mcast_rect.x0}};

  always_comb begin
    job_o.run     = run_q;
    job_o.fill    = fill;
    job_o.overlap = cmd_q.overlap;
    job_o.mcast   = mcast;
    job_o.spread  = spread;
    job_o.listen  = '{zero: '0, post: cmd_q.arg3[4], sem: cmd_q.arg3[3:0]};
    job_o.id      = cmd_q.id;
    job_o.err     = err_q;
    job_o.info    = info_q;
    job_o.addr    = addr_q;
    job_o.pattern = cmd_q.pattern;
    job_o.rect    = rect;
    job_o.cfg     = cfg_q;
    if (IsWdma) begin
      job_o.src = {24'd0, cmd_q.arg0};
      job_o.dst = mcast ? {tsr_pkg::SpaceNode, 8'd0, rect.lo, cmd_q.arg2} : global_addr[55:0];
    end else begin
      job_o.src = global_addr[55:0];
      job_o.dst = {24'd0, cmd_q.arg2};
    end
  end

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSUME(ContextAnswersInTime, (state_q == StData) == ctx_rsp_valid_i)
  `TSR_ASSERT(DoneOnlyWithJob, !job_done_i || state_q == StJob)

endmodule
