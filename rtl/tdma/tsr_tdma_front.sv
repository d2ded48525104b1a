// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Command front of the layout engine: fetches and checks the context of the offered command while the
/// command before it still runs, and presents the whole configuration ready to start.
///
/// *Latency:* from an offered command to ready_o: OpTCopy, OpTFill 5 cycles, OpTGather, OpTScatter 6,
/// OpTTrans 7, and one for each loop up to the outermost with more than one iteration; everything else 1.
/// *Backpressure:* holds until go_i.
/// *Throughput:* one command at a time.
/// *Reset:* empty. Withdrawing cmd_valid_i, or abort_i, drops what was prefetched.
///
/// The command is not accepted here: the engine accepts it with go_i, so a command that never started
/// stays in its queue.
module tsr_tdma_front
  import tsr_tile_pkg::*;
  import tsr_tdma_pkg::*;
(
  input  logic           clk_i,
  input  logic           rst_ni,

  input  logic           cmd_valid_i,
  input  cmd_t           cmd_i,
  /// Level: start nothing.
  input  logic           abort_i,

  // Context store.
  output logic           ctx_req_valid_o,
  input  logic           ctx_req_ready_i,
  output logic [5:0]     ctx_row_o,
  input  logic           ctx_rsp_valid_i,
  input  logic [511:0]   ctx_rsp_data_i,

  /// A checked command is present; the values below belong to it.
  output logic           ready_o,
  /// It starts (or is finished at once, if it failed or is OpNop) in this cycle.
  input  logic           go_i,
  /// It is an OpTTrans.
  output logic           trans_o,
  /// It is an OpTCopy, OpTFill, OpTGather or OpTScatter.
  output logic           move_en_o,
  output cmd_err_e       err_o,
  output logic [31:0]    err_addr_o,
  output move_t          move_o,
  /// Read stream: source of OpTTrans or index stream; write stream: destination of OpTTrans.
  output agu_cfg_t       rd_agu_o,
  output agu_cfg_t       wr_agu_o,
  /// Nothing is going on.
  output logic           idle_o
);

  typedef enum logic [2:0] { StEmpty, StLoad, StCount, StCheck, StReady } state_e;

  state_e           state_q;
  logic             known_q, trans_q, fill_q, gather_q, scatter_q;
  logic [1:0]       req_q, row_q;      // next row to ask for; row of the response
  logic             asked_q;           // the last row was asked for
  logic             bad_q, zero_q;     // illegal context field; something is 0 that must not be
  logic             range_q;           // a stream's base is outside or misaligned
  logic [31:0]      range_addr_q;
  tdma_cfg_t        cfg_q;
  agu_cfg_t         rd_q, wr_q;
  cmd_err_e         err_q;
  logic [1:0][47:0] total_q;           // product of the counts so far: source, destination
  logic [2:0]       loop_q;            // loop that is multiplied next
  logic             over_q;            // a product does not fit 48 bits
  logic             drop, last_row, last_rsp;

  // ---------------------------------------------------------------- context rows
  // OpTTrans reads RowTdma, RowTsrc, RowTdst; an indexed command RowTdma, RowTidx; the others RowTdma.
  logic [31:0] rd_base, wr_base;
  logic [1:0]  after;  // row behind req_q

  assign rd_base         = trans_q ? cmd_i.arg0 : cmd_i.arg2;
  assign wr_base         = cmd_i.arg1;
  assign drop            = abort_i || !cmd_valid_i;
  assign ctx_req_valid_o = state_q == StLoad && !asked_q && !drop;
  assign ctx_row_o       = {cmd_i.ctx, 1'b0, req_q};
  assign last_row        = req_q == (trans_q ? RowTdst[1:0] : (gather_q || scatter_q) ? RowTidx[1:0] :
                                                                                        RowTdma[1:0]);
  assign after           = trans_q ? req_q + 2'd1 : RowTidx[1:0];
  assign last_rsp        = ctx_rsp_valid_i && asked_q;

  // ---------------------------------------------------------------- checks
  function automatic logic tdma_bad(tdma_cfg_t c, cmd_t cmd, logic trans, logic fill, logic indexed);
    logic       bad;
    logic [2:0] below;  // bits that must be 0 in a mirrored source
    bad = c.rsvd != '0 || c.rsvd12 != '0 || (c.nibble && !trans);
    if (!trans) begin
      bad |= c.count > MaxCount;
      if (indexed) bad |= c.idx_scale == '0 || c.idx_scale > MaxCount;
    end
    if (c.mirror) begin
      below = (c.unit == Unit4) ? 3'd3 : (c.unit == Unit2) ? 3'd1 : 3'd0;
      bad |= trans || fill || indexed;
      bad |= ((c.count[2:0] | cmd.arg0[2:0] | c.src_stride[0][2:0] | c.src_stride[1][2:0] |
               c.src_stride[2][2:0]) & below) != '0;
    end
    return bad;
  endfunction

  function automatic logic any_zero(logic [2:0][15:0] iter);
    return iter[0] == '0 || iter[1] == '0 || iter[2] == '0;
  endfunction

  // ---------------------------------------------------------------- shape
  logic [5:0][1:0][15:0] factor;  // of loop j: source, destination
  logic                  more;

  always_comb begin
    factor = '0;
    for (int unsigned j = 0; j < 6; j++) begin
      if (trans_q) factor[j] = {wr_q.loop[j].count, rd_q.loop[j].count};
      else factor[j] = {16'd1, 16'd1};
    end
    if (!trans_q) begin
      for (int unsigned j = 0; j < 3; j++) factor[j] = {cfg_q.dst_iter[j], cfg_q.src_iter[j]};
    end
    // Factors above the current one are all 1: the products are complete.
    more = 1'b0;
    for (int unsigned j = 0; j < 6; j++) begin
      if (3'(j) >= loop_q && factor[j] != {16'd1, 16'd1}) more = 1'b1;
    end
  end

  logic shape_bad;
  always_comb begin
    shape_bad = 1'b0;
    if (trans_q) begin
      shape_bad = over_q || total_q[0] != total_q[1] || (cfg_q.nibble && total_q[0][0]);
    end else if (!fill_q && !gather_q && !scatter_q) begin
      shape_bad = total_q[0] != total_q[1];
    end
  end

  // ---------------------------------------------------------------- sequence
  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop || go_i) begin
      state_q <= StEmpty;
    end else begin
      unique case (state_q)
        StEmpty: state_q <= (cmd_i.op inside {OpTCopy, OpTTrans, OpTGather, OpTScatter, OpTFill}) ?
                            StLoad : StReady;
        StLoad: if (last_rsp) state_q <= StCount;
        StCount: if (!more) state_q <= StCheck;
        StCheck: state_q <= StReady;
        default: ;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StEmpty) begin
      if (cmd_valid_i) begin
        req_q     <= RowTdma[1:0];
        asked_q   <= 1'b0;
        trans_q   <= cmd_i.op == OpTTrans;
        fill_q    <= cmd_i.op == OpTFill;
        gather_q  <= cmd_i.op == OpTGather;
        scatter_q <= cmd_i.op == OpTScatter;
        known_q   <= cmd_i.op inside {OpTCopy, OpTTrans, OpTGather, OpTScatter, OpTFill};
        err_q     <= (cmd_i.op inside {OpNop, OpTCopy, OpTTrans, OpTGather, OpTScatter, OpTFill}) ?
                     CmdOk : CmdErrOpcode;
        bad_q     <= 1'b0;
        zero_q    <= 1'b0;
        range_q   <= 1'b0;
        over_q    <= 1'b0;
        loop_q    <= '0;
        total_q   <= {48'd1, 48'd1};
      end
    end else if (state_q == StLoad) begin
      if (ctx_req_valid_o && ctx_req_ready_i) begin
        row_q   <= req_q;
        req_q   <= after;
        asked_q <= last_row;
      end
      if (ctx_rsp_valid_i) begin
        unique case (row_q)
          RowTdma[1:0]: cfg_q <= ctx_rsp_data_i;
          RowTdst[1:0]: begin
            wr_q         <= ctx_rsp_data_i;
            wr_q.base    <= wr_base;
            bad_q        <= bad_q || stream_bad(ctx_rsp_data_i, 1'b1);
            if (tsr_stream_pkg::base_bad(wr_base)) begin
              range_q <= 1'b1;
              if (!range_q) range_addr_q <= wr_base;
            end
          end
          default: begin  // RowTsrc, RowTidx
            rd_q         <= ctx_rsp_data_i;
            rd_q.base    <= rd_base;
            bad_q        <= stream_bad(ctx_rsp_data_i, row_q == RowTidx[1:0]);
            range_q      <= tsr_stream_pkg::base_bad(rd_base);
            range_addr_q <= rd_base;
          end
        endcase
      end
    end else if (state_q == StCount) begin
      if (loop_q == '0) begin
        if (tdma_bad(cfg_q, cmd_i, trans_q, fill_q, gather_q || scatter_q)) bad_q <= 1'b1;
        zero_q <= !trans_q && (cfg_q.count == '0 || (!scatter_q && any_zero(cfg_q.dst_iter)) ||
                               (!fill_q && !gather_q && any_zero(cfg_q.src_iter)));
      end
      if (more) begin
        loop_q <= loop_q + 3'd1;
        for (int unsigned s = 0; s < 2; s++) begin
          logic [63:0] product;
          product = {16'b0, total_q[s]} * {48'b0, factor[loop_q][s]};
          total_q[s] <= product[47:0];
          if (product[63:48] != '0) over_q <= 1'b1;
        end
      end
    end else if (state_q == StCheck) begin
      if (zero_q) err_q <= CmdErrZero;
      else if (bad_q) err_q <= CmdErrContext;
      else if (range_q) err_q <= CmdErrRange;
      else if (shape_bad) err_q <= CmdErrShape;
    end
  end

  /// Fields that a stream of this engine cannot honour.
  function automatic logic stream_bad(agu_cfg_t c, logic plain);
    return tsr_stream_pkg::agu_bad(c) || tsr_stream_pkg::agu_lacks(c, 1'b0, !plain);
  endfunction

  // ---------------------------------------------------------------- outputs
  assign ready_o    = state_q == StReady;
  assign trans_o    = trans_q && err_q == CmdOk;
  assign move_en_o  = known_q && !trans_q && err_q == CmdOk;
  assign err_o      = err_q;
  assign err_addr_o = (err_q == CmdErrRange) ? range_addr_q : '0;
  assign move_o     = '{fill: fill_q, gather: gather_q, scatter: scatter_q, pattern: cmd_i.pattern,
                        src: cmd_i.arg0, dst: cmd_i.arg1, cfg: cfg_q};
  assign rd_agu_o   = rd_q;
  assign wr_agu_o   = wr_q;
  assign idle_o     = state_q == StEmpty;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(GoWhenReady, !go_i || ready_o)

endmodule
