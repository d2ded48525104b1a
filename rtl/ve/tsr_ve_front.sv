// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Command front of the vector engine: fetches and checks the context of the offered command while
/// commands before it still run, and presents the whole configuration ready to start.
///
/// *Latency:* OpVec: 5 cycles and one for each stream that is on, from the offer to ready_o; 1 cycle for
/// everything else.
/// *Backpressure:* holds until go_i.
/// *Throughput:* one command at a time.
/// *Reset:* empty. Withdrawing cmd_valid_i, or abort_i, drops what was prefetched.
///
/// The command is not accepted here: the engine accepts it with go_i, so a command that never started
/// stays in its queue.
module tsr_ve_front
  import tsr_tile_pkg::*;
  import tsr_ve_pkg::*;
  import tsr_ve_types_pkg::*;
  import tsr_stream_pkg::*;
#(
  /// Stages with a multiplier, and with special functions: bit s stands for stage s.
  parameter logic [7:0] FmaStages = 8'h4b,
  parameter logic [7:0] SfuStages = 8'h24
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             cmd_valid_i,
  input  cmd_t             cmd_i,
  /// Level: start nothing.
  input  logic             abort_i,

  // Context store.
  output logic             ctx_req_valid_o,
  input  logic             ctx_req_ready_i,
  output logic [5:0]       ctx_row_o,
  input  logic             ctx_rsp_valid_i,
  input  logic [511:0]     ctx_rsp_data_i,

  /// A checked command is present; the values below belong to it.
  output logic             ready_o,
  /// It starts (or is finished at once, if err_o or !vec_o) in this cycle.
  input  logic             go_i,
  output logic             vec_o,
  output cmd_err_e         err_o,
  output logic [31:0]      err_addr_o,
  output ve_stages_t       stages_o,
  /// Constants with the command's in place.
  output consts_t          k_o,
  output in_port_t [2:0]   in_o,
  output out_port_t [1:0]  out_o,
  output reduce_cfg_t      red_o,
  output logic [31:0]      seed_o,
  /// Streams I0, I1, I2, O0, O1 that are on, with the command's bases.
  output logic [4:0]       on_o,
  output agu_cfg_t [4:0]   agu_o,
  /// Values V0..V3 needed in front of stage s; [8] behind the last.
  output logic [Stages:0][3:0] live_o,
  /// Nothing is going on.
  output logic             idle_o
);

  typedef enum logic [1:0] { StEmpty, StLoad, StCheck, StReady } state_e;

  /// Rows in the order of their requests: ports, stages, I0..O1.
  localparam int unsigned Rows = 7;

  state_e          state_q;
  logic [Rows-1:0] todo_q;         // rows to ask for
  logic            known_q;        // RowVeIo is here: todo_q is complete
  logic            pending_q;      // a response comes in this cycle
  logic [2:0]      want, got_q;    // row to ask for, row of the response
  logic            bad_q, range_q;
  logic            vec_q;
  cmd_err_e        err_q;
  logic [31:0]     err_addr_q;
  ve_stages_t      stages_q;
  ve_io_t          io_q, io_rsp;
  agu_cfg_t [4:0]  agu_q;
  logic [4:0]      on_q, on_rsp;
  logic            drop, accept, loaded;
  logic [4:0][31:0] base;

  assign base = {cmd_i.pattern, cmd_i.arg3, cmd_i.arg2, cmd_i.arg1, cmd_i.arg0};
  assign drop = abort_i || !cmd_valid_i;

  // ---------------------------------------------------------------- context rows
  always_comb begin
    want = '0;
    for (int unsigned i = Rows; i > 0; i--) if (todo_q[i-1]) want = 3'(i - 1);
  end

  assign ctx_req_valid_o = state_q == StLoad && todo_q != '0 && !drop;
  assign ctx_row_o       = {cmd_i.ctx, (want == 3'd0) ? RowVeIo : (want == 3'd1) ? RowVe : want};
  assign accept          = ctx_req_valid_o && ctx_req_ready_i;
  assign loaded          = known_q && todo_q == '0;  // the last response is here

  assign io_rsp = ctx_rsp_data_i;
  assign on_rsp = {io_rsp.o[1].en, io_rsp.o[0].en && !io_rsp.o[0].chain, io_rsp.i[2].en, io_rsp.i[1].en,
                   io_rsp.i[0].en && !io_rsp.i[0].chain};

  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop || go_i) begin
      state_q   <= StEmpty;
      pending_q <= 1'b0;
    end else begin
      pending_q <= accept;
      unique case (state_q)
        StEmpty: state_q <= (cmd_i.op == OpVec) ? StLoad : StReady;
        StLoad: if (loaded) state_q <= StCheck;
        StCheck: state_q <= StReady;
        StReady: ;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StEmpty) begin
      if (cmd_valid_i) begin
        vec_q      <= cmd_i.op == OpVec;
        err_q      <= (cmd_i.op == OpVec || cmd_i.op == OpNop) ? CmdOk : CmdErrOpcode;
        err_addr_q <= '0;
        bad_q      <= 1'b0;
        range_q    <= 1'b0;
        todo_q     <= 7'b0000011;
        known_q    <= 1'b0;
      end
    end else if (state_q == StLoad) begin
      if (accept) begin
        todo_q[want] <= 1'b0;
        got_q        <= want;
      end
      if (ctx_rsp_valid_i && pending_q) begin
        if (got_q == 3'd0) begin
          io_q    <= io_rsp;
          on_q    <= on_rsp;
          known_q <= 1'b1;
          bad_q   <= bad_q || in_bad(io_rsp.i[0], 1'b1) || in_bad(io_rsp.i[1], 1'b0) ||
                     in_bad(io_rsp.i[2], 1'b0) || outs_bad(io_rsp.o) || red_bad(io_rsp.red);
          for (int unsigned p = 0; p < 5; p++) todo_q[p+2] <= on_rsp[p];
        end
        if (got_q == 3'd1) begin
          ve_stages_t rsp;
          logic       bad;
          rsp = ctx_rsp_data_i;
          bad = bad_q;
          for (int unsigned s = 0; s < Stages; s++) begin
            bad |= stage_bad(rsp[s], FmaStages[s], SfuStages[s]);
          end
          stages_q <= rsp;
          bad_q    <= bad;
        end
        for (int unsigned p = 0; p < 5; p++) begin
          if (got_q == 3'(p + 2)) begin
            agu_q[p]      <= ctx_rsp_data_i;
            agu_q[p].base <= base[p];
            bad_q         <= bad_q || agu_bad(ctx_rsp_data_i) || agu_lacks(ctx_rsp_data_i, 1'b0, p < 3);
            range_q       <= range_q || base_bad(base[p]);
            if (!range_q && base_bad(base[p])) err_addr_q <= base[p];
          end
        end
      end
    end else if (state_q == StCheck) begin
      if (bad_q) err_q <= CmdErrContext;
      else if (range_q) err_q <= CmdErrRange;
      if (bad_q) err_addr_q <= '0;
    end
  end

  // ---------------------------------------------------------------- values in use
  logic [Stages:0][3:0] live, live_q;

  always_comb begin
    live = '0;
    if (state_q == StCheck) begin
      live[Stages] = live_last(io_q.red, io_q.o);
      for (int unsigned s = Stages; s > 0; s--) live[s-1] = live_before(stages_q[s-1], live[s]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StCheck) live_q <= live;
  end

  // ---------------------------------------------------------------- outputs
  logic [4:0][31:0] word;
  assign word = {cmd_i.w14, cmd_i.w13, cmd_i.w12, cmd_i.w11, cmd_i.w10};

  always_comb begin
    k_o = io_q.k;
    for (int unsigned c = 0; c < 5; c++) if (io_q.patch[c]) k_o[c] = word[c];
  end

  assign ready_o    = state_q == StReady;
  assign vec_o      = vec_q;
  assign err_o      = err_q;
  assign err_addr_o = err_addr_q;
  assign stages_o   = stages_q;
  assign in_o       = io_q.i;
  assign out_o      = io_q.o;
  assign red_o      = io_q.red;
  assign seed_o     = io_q.seed;
  assign on_o       = on_q;
  assign agu_o      = agu_q;
  assign live_o     = live_q;
  assign idle_o     = state_q == StEmpty;

  // ---------------------------------------------------------------- checks
  `TSR_ASSERT(GoWhenReady, !go_i || ready_o)

endmodule
