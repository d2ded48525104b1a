// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Command front of the matrix engine: fetches and checks the context of the offered command while
/// earlier commands still run, and presents the whole configuration ready to start.
///
/// *Latency:* 8 cycles from an offered OpGemm to ready_o, one more each for stream C and the scales, one
/// less without stream O, and one per loop level above 1 in use: at most 14. 1 cycle for everything else.
/// *Backpressure:* holds until go_i.
/// *Throughput:* one command at a time.
/// *Reset:* empty. Withdrawing cmd_valid_i, or abort_i, drops what was prefetched.
///
/// The command is not accepted here: the engine accepts it with go_i, so a command that never started
/// stays in its queue.
module tsr_me_front
  import tsr_tile_pkg::*;
  import tsr_stream_pkg::*;
  import tsr_me_pkg::*;
#(
  /// Scratchpad accesses of a block of 4-byte results: 1, 4 or 16.
  parameter int unsigned Beats = 4,
  /// Accesses of a block of 2-byte results.
  parameter int unsigned HalfBeats = 2
) (
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
  /// CmdErrRange: the first base that is illegal, in the order of the rows.
  output logic [31:0]    err_addr_o,
  output me_fields_t     me_o,
  /// Streams A, B, C, O with the command's bases.
  output agu_cfg_t [3:0] agu_o,
  /// Scales of A and B (me_o.mx).
  output scale_cfg_t     scale_o,
  /// Blocks of results.
  output logic [29:0]    blocks_o,
  /// Nothing is going on.
  output logic           idle_o
);

  typedef enum logic [2:0] { StEmpty, StLoad, StCount, StCheck, StReady } state_e;

  // Streams
  localparam int unsigned A = 0, B = 1, C = 2, O = 3;

  state_e             state_q;
  logic [2:0]         req_q, row_q;     // next row to ask for; row of the response
  logic               asked_q;          // all rows were asked for
  logic               bad_q, range_q;   // illegal context field; base outside the address range
  logic [31:0]        range_addr_q;
  me_fields_t         me_q;
  agu_cfg_t [3:0]     agu_q;
  scale_cfg_t         scale_q;
  cmd_err_e           err_q;
  logic               gemm_q;
  logic [3:0][31:0]   total_q;          // product of the counts so far; A and B: outside of a block
  logic [1:0][31:0]   inner_q;          // A and B: inside of a block, loops 0..kloop
  logic [2:0]         loop_q;           // loop that is multiplied next
  logic               over_q;           // a product does not fit 32 bits
  logic               drop;

  // ---------------------------------------------------------------- context rows
  logic [3:0][31:0] base;   // of streams A, B, C, O
  logic [3:0]       used;   // streams that the command reads and writes
  logic [2:0]       next;   // row behind req_q
  logic             last;   // there is none

  assign base = {cmd_i.arg3, cmd_i.arg2, cmd_i.arg1, cmd_i.arg0};
  assign used = {!me_q.chain_o, me_q.preload, 1'b1, !me_q.chain_a};

  // The engine's row is known when row B has been asked for.
  always_comb begin
    next = req_q + 3'd1;
    last = 1'b0;
    if (req_q >= RowB) begin
      last = 1'b1;
      for (int unsigned r = 7; r > int'(RowB); r--) begin
        if (3'(r) > req_q && ((3'(r) == RowC && used[C]) || (3'(r) == RowO && used[O]) ||
                              (3'(r) == RowScale && me_q.mx))) begin
          next = 3'(r);
          last = 1'b0;
        end
      end
    end
  end

  assign drop            = abort_i || !cmd_valid_i;
  assign ctx_req_valid_o = state_q == StLoad && !asked_q && !drop;
  assign ctx_row_o       = {cmd_i.ctx, req_q};

  // ---------------------------------------------------------------- shape
  // Loop counts above the current one are all 1: the products are complete.
  logic more;
  always_comb begin
    more = 1'b0;
    for (int unsigned s = 0; s < 4; s++) begin
      for (int unsigned j = 1; j < 6; j++) begin
        if (3'(j) >= loop_q && agu_q[s].loop[j].count != 16'd1 && used[s]) more = 1'b1;
      end
    end
  end

  logic shape_bad;
  always_comb begin
    shape_bad = over_q || total_q[B][31:30] != '0;
    if (used[A] && (inner_q[A] != inner_q[B] || total_q[A] != total_q[B])) shape_bad = 1'b1;
    if (used[C] && total_q[C] != total_q[B] * Beats) shape_bad = 1'b1;
    if (used[O] && total_q[O] != total_q[B] * (me_q.out == OutBf16 ? HalfBeats : Beats)) begin
      shape_bad = 1'b1;
    end
  end

  // ---------------------------------------------------------------- sequence
  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop || go_i) begin
      state_q <= StEmpty;
    end else begin
      unique case (state_q)
        StEmpty: state_q <= (cmd_i.op == OpGemm) ? StLoad : StReady;
        StLoad: if (ctx_rsp_valid_i && asked_q) state_q <= StCount;
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
        asked_q <= 1'b0;
        gemm_q  <= cmd_i.op == OpGemm;
        err_q   <= (cmd_i.op == OpGemm || cmd_i.op == OpNop) ? CmdOk : CmdErrOpcode;
        range_q <= 1'b0;
        over_q  <= 1'b0;
        loop_q  <= 3'd1;
      end
    end else if (state_q == StLoad) begin
      if (ctx_req_valid_o && ctx_req_ready_i) begin
        req_q   <= next;
        asked_q <= last;
        row_q   <= req_q;
      end
      if (ctx_rsp_valid_i) begin
        if (row_q == RowMe) begin
          me_q  <= ctx_rsp_data_i[17:0];
          bad_q <= me_bad(ctx_rsp_data_i[17:0]);
        end
        if (row_q == RowScale) begin
          scale_cfg_t s;
          s        = ctx_rsp_data_i;
          s.a.base = cmd_i.w10;
          s.b.base = cmd_i.w11;
          scale_q  <= s;
          bad_q    <= bad_q || scale_bad(s.a) || scale_bad(s.b);
          range_q  <= range_q || base_bad(s.a.base) || base_bad(s.b.base);
          if (!range_q) range_addr_q <= base_bad(s.a.base) ? s.a.base : s.b.base;
        end
        for (int unsigned s = 0; s < 4; s++) begin
          if (row_q == RowA + 3'(s)) begin
            agu_cfg_t c;
            c      = ctx_rsp_data_i;
            c.base = base[s];
            agu_q[s] <= c;
            if (s < 2) begin
              inner_q[s] <= {16'b0, c.loop[0].count};
              total_q[s] <= 32'd1;
            end else begin
              total_q[s] <= {16'b0, c.loop[0].count};
            end
            if (used[s]) begin
              bad_q   <= bad_q || agu_bad(c) || agu_lacks(c, 1'b0, s < 2);
              range_q <= range_q || base_bad(base[s]);
              if (!range_q) range_addr_q <= base[s];
            end
          end
        end
      end
    end else if (state_q == StCount && more) begin
      loop_q <= loop_q + 3'd1;
      for (int unsigned s = 0; s < 4; s++) begin
        logic        inner;
        logic [47:0] product;
        inner   = s < 2 && loop_q <= me_q.kloop;
        product = {16'b0, inner ? inner_q[s%2] : total_q[s]} * {32'b0, agu_q[s].loop[loop_q].count};
        if (inner) inner_q[s%2] <= product[31:0];
        else total_q[s] <= product[31:0];
        if (product[47:32] != '0 && used[s]) over_q <= 1'b1;
      end
    end else if (state_q == StCheck) begin
      if (bad_q) err_q <= CmdErrContext;
      else if (range_q) err_q <= CmdErrRange;
      else if (shape_bad) err_q <= CmdErrShape;
    end
  end

  assign ready_o    = state_q == StReady;
  assign gemm_o     = gemm_q;
  assign err_o      = err_q;
  assign err_addr_o = (err_q == CmdErrRange) ? range_addr_q : '0;
  assign me_o       = me_q;
  assign agu_o      = agu_q;
  assign scale_o    = scale_q;
  assign blocks_o   = total_q[B][29:0];
  assign idle_o     = state_q == StEmpty;

  // ---------------------------------------------------------------- checks
  `TSR_ASSERT(GoWhenReady, !go_i || ready_o)

endmodule
