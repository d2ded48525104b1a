// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Command front of the matrix engine: fetches and checks the context of the offered command while the
/// command before it still runs, and presents the whole configuration ready to start.
///
/// *Latency:* 9 cycles from an offered OpGemm to ready_o, plus one per loop level above 1 in use;
/// 1 cycle for everything else.
/// *Backpressure:* holds until go_i.
/// *Throughput:* one command at a time.
/// *Reset:* empty. Withdrawing cmd_valid_i, or abort_i, drops what was prefetched.
///
/// The command is not accepted here: the engine accepts it with go_i, so a command that never started
/// stays in its queue.
module tsr_me_front
  import tsr_tile_pkg::*;
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
  /// It starts (or is finished at once, if err_o or !gemm_o) in this cycle.
  input  logic           go_i,
  output logic           gemm_o,
  output cmd_err_e       err_o,
  output me_cfg_t        me_o,
  /// Streams A, B, C, O with the command's bases.
  output agu_cfg_t [3:0] agu_o,
  /// Nothing is going on.
  output logic           idle_o
);

  typedef enum logic [2:0] { StEmpty, StLoad, StCount, StCheck, StReady } state_e;

  state_e             state_q;
  logic [2:0]         req_q, row_q;     // next row to ask for; row of the response
  logic               bad_q, range_q;   // illegal context field; base outside the address range
  me_cfg_t            me_q;
  agu_cfg_t [3:0]     agu_q;
  cmd_err_e           err_q;
  logic               gemm_q;
  logic [3:0][31:0]   total_q;          // product of the counts so far
  logic [2:0]         loop_q;           // loop that is multiplied next
  logic               over_q;           // a product does not fit 32 bits
  logic               drop, last_rsp;

  // ---------------------------------------------------------------- context rows
  logic [3:0][31:0] base;  // of streams A, B, C, O
  assign base = {cmd_i.arg3, cmd_i.arg2, cmd_i.arg1, cmd_i.arg0};

  assign drop            = abort_i || !cmd_valid_i;
  assign ctx_req_valid_o = state_q == StLoad && req_q <= RowO && !drop;
  assign ctx_row_o       = {cmd_i.ctx, req_q};
  assign last_rsp        = ctx_rsp_valid_i && row_q == RowO;

  /// Fields that the engine cannot honour.
  function automatic logic agu_bad(agu_cfg_t c);
    logic bad;
    bad = c.pitch[2:0] != '0 || c.w3 != '0;
    for (int unsigned j = 0; j < 6; j++) begin
      bad |= c.count[j][31:16] != '0 || c.count[j][15:0] == '0 || c.delta[j][2:0] != '0;
    end
    bad |= c.redge_en && c.redge_loop > 3'd5;
    bad |= c.bedge_en && c.bedge_loop > 3'd5;
    return bad;
  endfunction

  function automatic logic me_bad(me_cfg_t c);
    return (c.fmt != FmtBf16 && c.fmt != FmtInt8) ||
           !(c.out == OutFull || (c.out == OutBf16 && c.fmt == FmtBf16));
  endfunction

  /// Not a multiple of 8, or beyond any scratchpad.
  function automatic logic base_bad(logic [31:0] addr);
    return addr[2:0] != '0 || addr[31:SpmAw] != '0;
  endfunction

  // ---------------------------------------------------------------- shape
  // Loop counts above the current one are all 1: the products are complete.
  logic more;
  always_comb begin
    more = 1'b0;
    for (int unsigned s = 0; s < 4; s++) begin
      for (int unsigned j = 1; j < 6; j++) begin
        if (3'(j) >= loop_q && agu_q[s].count[j][15:0] != 16'd1 && (s != 2 || me_q.preload)) begin
          more = 1'b1;
        end
      end
    end
  end

  logic shape_bad;
  always_comb begin
    shape_bad = over_q || agu_q[0].count[0][15:0] != agu_q[1].count[0][15:0] ||
                total_q[0] != total_q[1] || total_q[0][31:30] != '0;
    if (total_q[3] != (me_q.out == OutBf16 ? total_q[0] << 1 : total_q[0] << 2)) shape_bad = 1'b1;
    if (me_q.preload && total_q[2] != total_q[0] << 2) shape_bad = 1'b1;
  end

  // ---------------------------------------------------------------- sequence
  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop || go_i) begin
      state_q <= StEmpty;
    end else begin
      unique case (state_q)
        StEmpty: state_q <= (cmd_i.op == OpGemm) ? StLoad : StReady;
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
        req_q   <= RowMe;
        gemm_q  <= cmd_i.op == OpGemm;
        err_q   <= (cmd_i.op == OpGemm || cmd_i.op == OpNop) ? CmdOk : CmdErrOpcode;
        bad_q   <= 1'b0;
        range_q <= 1'b0;
        over_q  <= 1'b0;
        loop_q  <= 3'd1;
      end
    end else if (state_q == StLoad) begin
      if (ctx_req_valid_o && ctx_req_ready_i) begin
        req_q <= req_q + 3'd1;
        row_q <= req_q;
      end
      if (ctx_rsp_valid_i) begin
        if (row_q == RowMe) begin
          me_q  <= ctx_rsp_data_i;
          bad_q <= me_bad(ctx_rsp_data_i);
        end
        for (int unsigned s = 0; s < 4; s++) begin
          if (row_q == RowA + 3'(s)) begin
            agu_q[s]      <= ctx_rsp_data_i;
            agu_q[s].base <= base[s];
            total_q[s]    <= (s < 2) ? 32'd1 : {16'b0, ctx_rsp_data_i[143:128]};  // count[0]
            if (s != 2 || me_q.preload) begin
              bad_q   <= bad_q || agu_bad(ctx_rsp_data_i);
              range_q <= range_q || base_bad(base[s]);
            end
          end
        end
      end
    end else if (state_q == StCount && more) begin
      loop_q <= loop_q + 3'd1;
      for (int unsigned s = 0; s < 4; s++) begin
        logic [47:0] product;
        product = {16'b0, total_q[s]} * {32'b0, agu_q[s].count[loop_q][15:0]};
        total_q[s] <= product[31:0];
        if (product[47:32] != '0 && (s != 2 || me_q.preload)) over_q <= 1'b1;
      end
    end else if (state_q == StCheck) begin
      if (bad_q) err_q <= CmdErrContext;
      else if (range_q) err_q <= CmdErrRange;
      else if (shape_bad) err_q <= CmdErrShape;
    end
  end

  assign ready_o = state_q == StReady;
  assign gemm_o  = gemm_q;
  assign err_o   = err_q;
  assign me_o    = me_q;
  assign agu_o   = agu_q;
  assign idle_o  = state_q == StEmpty;

  // ---------------------------------------------------------------- checks
  `TSR_ASSERT(GoWhenReady, !go_i || ready_o)

endmodule
