// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Matrix engine: a grid of dot-product cells, output stationary, fed by two operand streams, with
/// preload and drain hidden behind the beats of the running block. Two commands may be in flight, each
/// with its own configuration; the grid changes over behind the last beat of the first.
///
/// *Latency:* see README.md.
/// *Backpressure:* cmd_ready_o depends on cmd_valid_i: a command is accepted when it starts.
/// *Throughput:* one beat (Rows x Cols x 8 bytes of K) a cycle; a beat of FP32 takes two.
/// *Reset:* control state only.
///
/// Each scratchpad port answers an accepted access in the very next cycle; so does the context store.
module tsr_me
  import tsr_tile_pkg::*;
  import tsr_me_pkg::*;
#(
  /// Cells in a column: rows of A in a beat. 4, 8 or 16.
  parameter int unsigned Rows = 8,
  /// Cells in a row: columns of B in a beat. As Rows.
  parameter int unsigned Cols = 8,
  /// Each 2 x 2 cells are a module, for synthesis; else all cells are one, for simulation speed. No other difference.
  parameter bit Split = 1'b0,
  localparam int unsigned NA = (Rows + 7) / 8,
  localparam int unsigned NB = (Cols + 7) / 8,
  /// Scratchpad ports: A (one for each 8 rows), B (one for each 8 columns), C with the scales, O.
  localparam int unsigned NP = NA + NB + 2
) (
  input  logic              clk_i,
  input  logic              rst_ni,

  // Command, its semaphore waits satisfied.
  input  logic              cmd_valid_i,
  output logic              cmd_ready_o,
  input  cmd_t              cmd_i,
  /// Completion, in command order. Without an error info[0]: a result is NaN; info[1]: a finite result
  /// was rounded to infinity. Rows and columns that are masked throughout a block do not count.
  output done_t             done_o,
  /// Level: start nothing; running commands complete.
  input  logic              abort_i,

  // Context store.
  output logic              ctx_req_valid_o,
  input  logic              ctx_req_ready_i,
  output logic [5:0]        ctx_row_o,
  input  logic              ctx_rsp_valid_i,
  input  logic [511:0]      ctx_rsp_data_i,

  // Scratchpad.
  output logic [NP-1:0]     spm_valid_o,
  input  logic [NP-1:0]     spm_ready_i,
  output spm_req_t [NP-1:0] spm_req_o,
  input  logic [NP-1:0]     spm_rsp_valid_i,
  input  spm_rsp_t [NP-1:0] spm_rsp_i,

  // Results to the vector engine, 16 a beat.
  output logic              chain_out_valid_o,
  input  logic              chain_out_ready_i,
  output beat_t             chain_out_o,

  // Operand A from the vector engine; 16 rows are two beats, rows 0..7 first.
  input  logic              chain_in_valid_i,
  output logic              chain_in_ready_o,
  input  beat_t             chain_in_i,

  /// What the engine did in the cycle before.
  output eng_state_e        state_o,
  /// Multiply-adds of the cycle before, edges included.
  output logic [15:0]       ops_o,
  /// Nothing changes until a command arrives.
  output logic              idle_o
);

  // ---------------------------------------------------------------- integration checks
  `TSR_STATIC_ASSERT(RowsLegal, Rows == 4 || Rows == 8 || Rows == 16)
  `TSR_STATIC_ASSERT(Square, Cols == Rows)

  localparam int unsigned PortC     = NA + NB;
  localparam int unsigned PortO     = PortC + 1;
  localparam int unsigned Beats     = Rows * Cols / 16;  // of a block's drain and preload
  localparam int unsigned HalfBeats = (Beats == 1) ? 1 : Beats / 2;
  localparam int unsigned CntW      = tsr_pkg::idx_width(Beats + 1);
  localparam int unsigned RowGroup  = 16 / Cols;         // rows of a drain beat
  localparam int unsigned PreRows   = (RowGroup < 2) ? 1 : 2;  // of a block of cells

  // ---------------------------------------------------------------- commands in flight
  /// What a command in flight needs to know; index = epoch.
  typedef struct packed {
    logic [2:0]  kloop;
    fmt_e        fmt_a;
    fmt_e        fmt_b;
    group_cfg_t  group;
    logic        preload;
    logic        relu;
    logic        bf16;
    logic        chain_o;
    logic        chain_a;
  } run_t;

  logic           front_ready, front_gemm, front_idle, go, start, start_ok;
  cmd_err_e       front_err;
  logic [31:0]    front_err_addr;
  me_fields_t     front_me;
  agu_cfg_t [3:0] front_agu;
  scale_cfg_t     front_scale;
  logic [29:0]    front_blocks;
  logic           streams_ready;

  run_t [1:0]        run_q;
  logic [1:0][29:0]  blocks_q;
  logic [1:0][15:0]  id_q;
  logic [1:0]        live_q;      // started and not complete
  logic [1:0]        finished_q;  // all results are out
  logic [1:0]        nan_q, over_q;
  cmd_err_e [1:0]    err_q;
  spm_addr_t [1:0]   err_addr_q;
  logic              next_q;      // epoch of the next command
  logic              old_q;       // epoch of the oldest command in flight
  logic              pend_q;      // a started command whose blocks have not begun
  logic [1:0]        live_after, range_now, shape_now, err_now;
  spm_addr_t [1:0]   range_addr;
  logic              o_fin, o_fin_epoch, complete, failed;
  done_t             done_q;

  tsr_me_front #(.Beats(Beats), .HalfBeats(HalfBeats)) u_front (
    .clk_i, .rst_ni, .cmd_valid_i, .cmd_i, .abort_i,
    .ctx_req_valid_o, .ctx_req_ready_i, .ctx_row_o, .ctx_rsp_valid_i, .ctx_rsp_data_i,
    .ready_o(front_ready), .go_i(go), .gemm_o(front_gemm), .err_o(front_err),
    .err_addr_o(front_err_addr), .me_o(front_me), .agu_o(front_agu), .scale_o(front_scale),
    .blocks_o(front_blocks), .idle_o(front_idle)
  );

  assign complete = live_q[old_q] && (finished_q[old_q] || (o_fin && o_fin_epoch == old_q));
  assign err_now  = range_now | shape_now;
  always_comb begin
    live_after = live_q;
    if (complete) live_after[old_q] = 1'b0;
  end

  // After a failure the queue needs a cycle to withdraw its next command.
  assign failed = (live_q[0] && (err_q[0] != CmdOk || err_now[0])) ||
                  (live_q[1] && (err_q[1] != CmdOk || err_now[1])) ||
                  (done_q.valid && done_q.err != CmdOk);

  // A command that needs no run completes at once: it waits for all before it.
  assign start_ok    = front_gemm && front_err == CmdOk;
  assign go          = front_ready && cmd_valid_i && !abort_i && !failed &&
                       (start_ok ? (!live_after[next_q] && (cmd_i.overlap || live_after == '0) &&
                                    streams_ready && !pend_q) : live_q == '0);
  assign start       = go && start_ok;
  assign cmd_ready_o = go;

  always_ff @(posedge clk_i) begin
    if (start) begin
      id_q[next_q]          <= cmd_i.id;
      blocks_q[next_q]      <= front_blocks;
      run_q[next_q].kloop   <= front_me.kloop;
      run_q[next_q].fmt_a   <= front_me.fmt;
      run_q[next_q].fmt_b   <= front_me.fmt_b;
      run_q[next_q].group   <= '{mode: mode_of(front_me.fmt), int32: int32_of(front_me.fmt, front_me.mx),
                                 mx: front_me.mx};
      run_q[next_q].preload <= front_me.preload;
      run_q[next_q].relu    <= front_me.relu;
      run_q[next_q].bf16    <= front_me.out == OutBf16;
      run_q[next_q].chain_o <= front_me.chain_o;
      run_q[next_q].chain_a <= front_me.chain_a;
    end
  end

  // ---------------------------------------------------------------- streams
  logic        a_spm_valid, b_spm_valid;  // there is a command to feed, see fire
  logic        a_idle, b_idle, c_idle, o_idle, drain_idle;
  logic        a_ready, b_ready, c_ready, o_start_ready;
  logic        b_take, a_take, c_take;
  logic        a_scaled, b_scaled, c_valid;
  logic [5:0]  a_last, b_last;
  logic        a_fin, b_fin, a_epoch, b_epoch;
  logic [Rows-1:0][63:0] a_data;
  logic [Cols-1:0][63:0] b_data;
  logic [Rows-1:0]       a_rows;
  logic [Cols-1:0]       b_cols;
  logic [Rows-1:0][7:0]  a_scale;
  logic [Cols-1:0][7:0]  b_scale;
  beat_t       c_beat, out_beat;
  run_t        feed;                      // the command of the offered beat
  logic        fp4;
  logic        o_valid, o_ready;
  logic [1:0]  a_err, b_err;
  spm_addr_t [1:0] a_err_addr, b_err_addr;
  logic        c_err, c_err_epoch, o_err, o_err_epoch;
  spm_addr_t   c_err_addr, o_err_addr;

  // Port C: stream C, then the scales of A and B.
  localparam int unsigned Sharers = 1 + NA + NB;
  logic [Sharers-1:0]     share_valid, share_ready, share_rsp_valid;
  rd_req_t [Sharers-1:0]  share_req;
  spm_req_t               c_req;

  spm_req_t [NA-1:0] a_req;
  spm_req_t [NB-1:0] b_req;
  spm_req_t          pc_req, o_req;

  agu_cfg_t          a_scale_cfg, b_scale_cfg;

  always_comb begin
    a_scale_cfg = '0;
    b_scale_cfg = '0;
    if (start && front_me.mx) begin
      a_scale_cfg = scale_cfg(front_agu[0], front_scale.a, front_me.fmt == FmtE2m1);
      b_scale_cfg = scale_cfg(front_agu[1], front_scale.b, front_me.fmt == FmtE2m1);
    end
  end

  tsr_me_operand #(.Num(Rows)) u_a (
    .clk_i, .rst_ni, .start_i(start && !front_me.chain_a), .start_scale_i(start && front_me.mx),
    .start_ready_o(a_ready), .cfg_i(front_agu[0]),
    .scale_cfg_i(a_scale_cfg),
    .start_epoch_i(next_q),
    .spm_valid_o(spm_valid_o[NA-1:0]), .spm_ready_i(spm_ready_i[NA-1:0]), .spm_req_o(a_req),
    .spm_rsp_valid_i(spm_rsp_valid_i[NA-1:0]), .spm_rsp_i(spm_rsp_i[NA-1:0]),
    .scale_valid_o(share_valid[NA:1]), .scale_ready_i(share_ready[NA:1]), .scale_req_o(share_req[NA:1]),
    .scale_rsp_valid_i(share_rsp_valid[NA:1]), .scale_rsp_i(spm_rsp_i[PortC]),
    .valid_o(a_spm_valid), .take_i(a_take), .last_o(a_last), .fin_o(a_fin), .epoch_o(a_epoch),
    .data_o(a_data), .valid_rows_o(a_rows), .mx_i(feed.group.mx), .fp4_i(fp4), .scaled_o(a_scaled), .scale_o(a_scale),
    .err_o(a_err), .err_addr_o(a_err_addr), .idle_o(a_idle)
  );

  tsr_me_operand #(.Num(Cols)) u_b (
    .clk_i, .rst_ni, .start_i(start), .start_scale_i(start && front_me.mx),
    .start_ready_o(b_ready), .cfg_i(front_agu[1]),
    .scale_cfg_i(b_scale_cfg),
    .start_epoch_i(next_q),
    .spm_valid_o(spm_valid_o[NA+:NB]), .spm_ready_i(spm_ready_i[NA+:NB]), .spm_req_o(b_req),
    .spm_rsp_valid_i(spm_rsp_valid_i[NA+:NB]), .spm_rsp_i(spm_rsp_i[NA+:NB]),
    .scale_valid_o(share_valid[NA+1+:NB]), .scale_ready_i(share_ready[NA+1+:NB]),
    .scale_req_o(share_req[NA+1+:NB]),
    .scale_rsp_valid_i(share_rsp_valid[NA+1+:NB]), .scale_rsp_i(spm_rsp_i[PortC]),
    .valid_o(b_spm_valid), .take_i(b_take), .last_o(b_last), .fin_o(b_fin), .epoch_o(b_epoch),
    .data_o(b_data), .valid_rows_o(b_cols), .mx_i(feed.group.mx), .fp4_i(fp4), .scaled_o(b_scaled), .scale_o(b_scale),
    .err_o(b_err), .err_addr_o(b_err_addr), .idle_o(b_idle)
  );

  tsr_stream_rd #(.Xpose(1'b0)) u_c (
    .clk_i, .rst_ni, .start_valid_i(start && front_me.preload), .start_ready_o(c_ready),
    .cfg_i(front_agu[2]), .start_epoch_i(next_q), .idx_valid_i(1'b0), .idx_ready_o(), .idx_i('0),
    .spm_valid_o(share_valid[0]), .spm_ready_i(share_ready[0]), .spm_req_o(c_req),
    .spm_rsp_valid_i(share_rsp_valid[0]), .spm_rsp_i(spm_rsp_i[PortC]),
    .beat_valid_o(c_valid), .beat_ready_i(c_take), .beat_o(c_beat),
    .err_o(c_err), .err_addr_o(c_err_addr), .err_epoch_o(c_err_epoch), .idle_o(c_idle)
  );

  assign share_req[0] = '{w_log2: c_req.w_log2, base: c_req.base, pitch: c_req.pitch, strb: c_req.strb};

  tsr_me_share #(.Num(Sharers)) u_share (
    .clk_i, .rst_ni, .valid_i(share_valid), .ready_o(share_ready), .req_i(share_req),
    .rsp_valid_o(share_rsp_valid),
    .spm_valid_o(spm_valid_o[PortC]), .spm_ready_i(spm_ready_i[PortC]), .spm_req_o(pc_req),
    .spm_rsp_valid_i(spm_rsp_valid_i[PortC])
  );

  tsr_stream_wr u_o (
    .clk_i, .rst_ni, .start_valid_i(start && !front_me.chain_o), .start_ready_o(o_start_ready),
    .cfg_i(front_agu[3]), .start_epoch_i(next_q), .drop_i({err_q[1] != CmdOk, err_q[0] != CmdOk}),
    .idx_valid_i(1'b0), .idx_ready_o(), .idx_i('0),
    .beat_valid_i(o_valid), .beat_ready_o(o_ready), .beat_data_i(out_beat.data),
    .spm_valid_o(spm_valid_o[PortO]), .spm_ready_i(spm_ready_i[PortO]), .spm_req_o(o_req),
    .spm_rsp_valid_i(spm_rsp_valid_i[PortO]), .spm_rsp_i(spm_rsp_i[PortO]),
    .fin_o(o_fin), .fin_epoch_o(o_fin_epoch),
    .err_o(o_err), .err_addr_o(o_err_addr), .err_epoch_o(o_err_epoch), .idle_o(o_idle)
  );

  assign spm_req_o     = {o_req, pc_req, b_req, a_req};
  assign streams_ready = a_ready && b_ready && c_ready && o_start_ready;

  for (genvar e = 0; e < 2; e++) begin : gen_err
    assign range_now[e]  = a_err[e] || b_err[e] || (c_err && c_err_epoch == 1'(e)) ||
                           (o_err && o_err_epoch == 1'(e));
    assign range_addr[e] = a_err[e] ? a_err_addr[e] : b_err[e] ? b_err_addr[e] :
                           (c_err && c_err_epoch == 1'(e)) ? c_err_addr : o_err_addr;
  end

  // ---------------------------------------------------------------- operand A: memory or vector engine
  logic                  a_valid, chain_valid, chain_take;
  logic [5:0]            chain_last;
  logic [Rows-1:0][63:0] chain_data;
  logic [8*Rows-1:0]     chain_strb;

  if (Rows <= 8) begin : gen_chain
    assign chain_valid      = chain_in_valid_i;
    assign chain_in_ready_o = chain_take;
    assign chain_data       = chain_in_i.data[Rows-1:0];
    assign chain_strb       = chain_in_i.strb[8*Rows-1:0];
  end else begin : gen_chain_two
    logic [7:0][63:0] lower_q;
    logic [63:0]      lower_strb_q;
    logic             lower_valid_q;
    assign chain_valid      = lower_valid_q && chain_in_valid_i;
    // Only beats of the command that is fed: nothing stays behind when a chain is given up.
    assign chain_in_ready_o = (!lower_valid_q && b_spm_valid && feed.chain_a) || chain_take;
    assign chain_data       = {chain_in_i.data, lower_q};
    assign chain_strb       = {chain_in_i.strb, lower_strb_q};
    always_ff @(posedge clk_i) begin
      if (chain_in_valid_i && chain_in_ready_o && !lower_valid_q) begin
        lower_q      <= chain_in_i.data;
        lower_strb_q <= chain_in_i.strb;
      end
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) lower_valid_q <= 1'b0;
      else if (chain_take) lower_valid_q <= 1'b0;
      else if (chain_in_valid_i && chain_in_ready_o) lower_valid_q <= 1'b1;
    end
  end
  assign chain_last = chain_in_i.last;

  // ---------------------------------------------------------------- beats into the grid
  logic       fire;       // a beat (FP32: half of one) enters the grid
  logic       pop;        // its streams move on
  logic       half_q;     // FP32: the second element is next
  logic       hole_q;     // the working accumulators belong to no block
  logic       advance;    // the pipeline moves
  logic [1:0] feeding_q;  // beats of the command are left

  assign feed    = run_q[b_epoch];
  assign fp4     = feed.fmt_a == FmtE2m1;
  assign a_valid = feed.chain_a ? chain_valid : a_spm_valid;
  assign fire    = b_spm_valid && a_valid && (!feed.group.mx || (a_scaled && b_scaled)) && !hole_q && advance;
  assign pop     = fire && (feed.group.mode != ModeFp32 || half_q);
  assign b_take  = pop;
  assign a_take  = pop && !feed.chain_a;
  assign chain_take = pop && feed.chain_a;

  always_comb begin
    shape_now = '0;
    if (chain_take && chain_last[feed.kloop] != b_last[feed.kloop]) shape_now[b_epoch] = 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      half_q    <= 1'b0;
      feeding_q <= '0;
    end else begin
      if (fire) half_q <= !pop;
      if (pop && b_fin) feeding_q[b_epoch] <= 1'b0;
      if (start) feeding_q[next_q] <= 1'b1;
    end
  end

  // Rows and columns of the block that have elements.
  logic            begun_q;  // a beat of the block is in
  logic [Rows-1:0] s1_rows_q, s2_rows_q, s3_rows_q;
  logic [Cols-1:0] s1_cols_q, s2_cols_q, s3_cols_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begun_q <= 1'b0;
    else if (fire) begun_q <= !(pop && b_last[feed.kloop]);
  end

  /// Lanes with a valid byte.
  function automatic logic [Rows-1:0] used_rows(logic [8*Rows-1:0] strb);
    logic [Rows-1:0] r;
    for (int unsigned i = 0; i < Rows; i++) r[i] = strb[8*i+:8] != '0;
    return r;
  endfunction

  // Stage 0 decodes, stage 1 multiplies, stage 2 sums the products, stage 3 accumulates.
  logic       s1_valid_q, s1_last_q, s2_valid_q, s2_last_q, s3_valid_q, s3_last_q, s3_int32_q;
  group_cfg_t s1_cfg_q, s2_cfg_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      s1_valid_q <= 1'b0;
      s2_valid_q <= 1'b0;
      s3_valid_q <= 1'b0;
    end else if (advance) begin
      s1_valid_q <= fire;
      s2_valid_q <= s1_valid_q;
      s3_valid_q <= s2_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (fire) begin
      s1_last_q <= pop && b_last[feed.kloop];
      s1_cfg_q  <= feed.group;
      s1_rows_q <= (begun_q ? s1_rows_q : '0) | (feed.chain_a ? used_rows(chain_strb) : a_rows);
      s1_cols_q <= (begun_q ? s1_cols_q : '0) | b_cols;
    end
    if (advance && s1_valid_q) begin
      s2_last_q <= s1_last_q;
      s2_cfg_q  <= s1_cfg_q;
      s2_rows_q <= s1_rows_q;
      s2_cols_q <= s1_cols_q;
    end
    if (advance && s2_valid_q) begin
      s3_last_q  <= s2_last_q;
      s3_int32_q <= s2_cfg_q.int32;
      s3_rows_q  <= s2_rows_q;
      s3_cols_q  <= s2_cols_q;
    end
  end

  // ---------------------------------------------------------------- blocks in the accumulators
  // The working accumulators hold one block; the other ones drain the block before and take the
  // preload of the block behind.
  logic            work_epoch_q;    // command of the working block
  logic [29:0]     work_left_q;     // its blocks from the working one on
  logic            pend_epoch_q;
  logic [CntW-1:0] pre_q;           // beats preloaded
  logic            more, known, need_pre, pre_ok, next_epoch, swap, load, pre_fire;
  logic            drain_room;
  logic [CntW-1:0] drain_left;

  assign more       = !hole_q && work_left_q != 30'd1;
  assign known      = more || pend_q;
  assign next_epoch = more ? work_epoch_q : pend_epoch_q;
  assign need_pre   = known && run_q[next_epoch].preload;
  assign pre_ok     = !need_pre || pre_q == CntW'(Beats);
  assign advance    = !(s3_valid_q && s3_last_q) || (drain_room && pre_ok);
  assign swap       = s3_valid_q && s3_last_q && advance;
  assign load       = hole_q && pend_q && pre_ok;
  // Rows may be preloaded once they have been drained.
  assign pre_fire   = c_valid && need_pre && pre_q < CntW'(Beats) - drain_left;
  assign c_take     = pre_fire;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      hole_q <= 1'b1;
      pend_q <= 1'b0;
      pre_q  <= '0;
    end else begin
      if (load) hole_q <= 1'b0;
      else if (swap && !known) hole_q <= 1'b1;
      if (start) pend_q <= 1'b1;
      else if (load || (swap && !more)) pend_q <= 1'b0;
      if (load || swap) pre_q <= '0;
      else if (pre_fire) pre_q <= pre_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start) pend_epoch_q <= next_q;
    if (load || (swap && !more)) begin
      work_epoch_q <= pend_epoch_q;
      work_left_q  <= blocks_q[pend_epoch_q];
    end else if (swap) begin
      work_left_q <= work_left_q - 30'd1;
    end
  end

  // ---------------------------------------------------------------- cells
  logic [3:0][Rows-1:0][15:0] row_x, row_y;
  logic [3:0][Cols-1:0][15:0] col_x, col_y;
  logic [Rows-1:0][7:0]       row_scale, s2_row_scale_q;
  logic [Cols-1:0][7:0]       col_scale, s2_col_scale_q;
  logic                       row_special, col_special, s2_special_q, s2_nan, s3_special_q;
  acc_t [Rows-1:0][Cols-1:0]  alt;
  logic                       part_en, grp_en, acc_en;
  logic [Rows-1:0]            pre_en;
  logic [RowGroup-1:0][Cols-1:0][31:0] pre;

  tsr_me_decode #(.Num(Rows)) u_rows (
    .clk_i, .en_i(fire), .fmt_i(feed.fmt_a), .half_i(half_q), .mx_i(feed.group.mx),
    .data_i(a_data), .chain_i(feed.chain_a), .chain_data_i(chain_data), .scale_i(a_scale),
    .x_o(row_x), .y_o(row_y), .special_o(row_special), .scale_o(row_scale)
  );

  tsr_me_decode #(.Num(Cols)) u_cols (
    .clk_i, .en_i(fire), .fmt_i(feed.fmt_b), .half_i(half_q), .mx_i(feed.group.mx),
    .data_i(b_data), .chain_i(1'b0), .chain_data_i('0), .scale_i(b_scale),
    .x_o(col_x), .y_o(col_y), .special_o(col_special), .scale_o(col_scale)
  );

  always_ff @(posedge clk_i) begin
    if (part_en) s2_special_q <= row_special || col_special;
    if (part_en && s1_cfg_q.mx) begin
      s2_row_scale_q <= row_scale;
      s2_col_scale_q <= col_scale;
    end
    if (grp_en) s3_special_q <= s2_special_q || s2_nan;
  end

  // A scale of 0xff is NaN.
  always_comb begin
    s2_nan = 1'b0;
    if (s2_cfg_q.mx) begin
      for (int unsigned i = 0; i < Rows; i++) s2_nan |= s2_row_scale_q[i] == '1 || s2_col_scale_q[i] == '1;
    end
  end

  assign part_en = s1_valid_q && advance;
  assign grp_en  = s2_valid_q && advance;
  assign acc_en  = s3_valid_q && advance;
  assign pre     = c_beat.data;
  always_comb begin
    pre_en = '0;
    for (int unsigned r = 0; r < Rows; r++) pre_en[r] = pre_fire && pre_q == CntW'(r / RowGroup);
  end

  if (Split) begin : gen_split
    for (genvar r = 0; r < int'(Rows); r += 2) begin : gen_row
      for (genvar c = 0; c < int'(Cols); c += 2) begin : gen_col
        logic [3:0][1:0][15:0]             ax, ay, bx, by;
        logic [PreRows-1:0][1:0][31:0]     block_pre;
        for (genvar k = 0; k < 4; k++) begin : gen_lane
          assign ax[k] = row_x[k][r+:2];
          assign ay[k] = row_y[k][r+:2];
          assign bx[k] = col_x[k][c+:2];
          assign by[k] = col_y[k][c+:2];
        end
        for (genvar i = 0; i < int'(PreRows); i++) begin : gen_pre
          assign block_pre[i] = pre[(r+i)%RowGroup][c+:2];
        end
        tsr_me_cells #(.Rows(2), .Cols(2), .PreRows(PreRows)) u_cells (
          .clk_i,
          .part_en_i(part_en), .part_mode_i(s1_cfg_q.mode), .part_special_i(row_special || col_special),
          .row_x_i(ax), .row_y_i(ay), .col_x_i(bx), .col_y_i(by),
          .grp_en_i(grp_en), .grp_cfg_i(s2_cfg_q), .grp_special_i(s2_special_q), .grp_nan_i(s2_nan),
          .row_scale_i(s2_row_scale_q[r+:2]), .col_scale_i(s2_col_scale_q[c+:2]),
          .acc_en_i(acc_en), .acc_int32_i(s3_int32_q), .acc_special_i(s3_special_q), .swap_i(s3_last_q),
          .keep_i(need_pre), .load_i(load),
          .pre_en_i(pre_en[r+:2]), .pre_int32_i(run_q[next_epoch].group.int32), .pre_i(block_pre),
          .alt_o({alt[r+1][c+:2], alt[r][c+:2]})
        );
      end
    end
  end else begin : gen_whole
    tsr_me_cells #(.Rows(Rows), .Cols(Cols), .PreRows(RowGroup)) u_cells (
      .clk_i,
      .part_en_i(part_en), .part_mode_i(s1_cfg_q.mode), .part_special_i(row_special || col_special),
      .row_x_i(row_x), .row_y_i(row_y), .col_x_i(col_x), .col_y_i(col_y),
      .grp_en_i(grp_en), .grp_cfg_i(s2_cfg_q), .grp_special_i(s2_special_q), .grp_nan_i(s2_nan),
      .row_scale_i(s2_row_scale_q), .col_scale_i(s2_col_scale_q),
      .acc_en_i(acc_en), .acc_int32_i(s3_int32_q), .acc_special_i(s3_special_q), .swap_i(s3_last_q),
      .keep_i(need_pre), .load_i(load),
      .pre_en_i(pre_en), .pre_int32_i(run_q[next_epoch].group.int32), .pre_i(pre),
      .alt_o(alt)
    );
  end

  // ---------------------------------------------------------------- drain
  run_t       work;
  drain_cfg_t drain_cfg;
  logic       taken, taken_epoch, taken_nan, taken_over, chain_fin;

  assign work      = run_q[work_epoch_q];
  assign drain_cfg = '{int32: work.group.int32, relu: work.relu, bf16: work.bf16, chain: work.chain_o,
                       epoch: work_epoch_q, fin: !more};

  mag_t [15:0]     sel_q;
  logic            sel_en, sel_int32;
  logic [CntW-1:0] sel_index;

  always_ff @(posedge clk_i) begin
    if (sel_en) begin
      for (int unsigned b = 0; b < Beats; b++) begin
        if (sel_index == CntW'(b)) begin
          for (int unsigned i = 0; i < 16; i++) sel_q[i] <= drain_mag(alt[(16*b+i)/Cols][i%Cols], sel_int32);
        end
      end
    end
  end

  tsr_me_drain #(.Rows(Rows), .Cols(Cols)) u_drain (
    .clk_i, .rst_ni, .start_i(swap), .cfg_i(drain_cfg), .select_o(sel_en), .index_o(sel_index),
    .int32_o(sel_int32), .sel_i(sel_q), .rows_i(s3_rows_q), .cols_i(s3_cols_q), .room_o(drain_room),
    .left_o(drain_left), .o_valid_o(o_valid), .o_ready_i(o_ready),
    .chain_valid_o(chain_out_valid_o), .chain_ready_i(chain_out_ready_i), .beat_o(out_beat),
    .taken_o(taken), .taken_epoch_o(taken_epoch), .nan_o(taken_nan), .over_o(taken_over),
    .chain_fin_o(chain_fin), .idle_o(drain_idle)
  );
  assign chain_out_o = out_beat;

  // ---------------------------------------------------------------- end of commands
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      live_q     <= '0;
      finished_q <= '0;
      next_q     <= 1'b0;
      old_q      <= 1'b0;
    end else begin
      live_q <= live_after;
      if (start) begin
        live_q[next_q] <= 1'b1;
        next_q         <= !next_q;
      end
      if (complete) old_q <= !old_q;
      if (o_fin) finished_q[o_fin_epoch] <= 1'b1;
      if (chain_fin) finished_q[taken_epoch] <= 1'b1;
      if (complete) finished_q[old_q] <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned e = 0; e < 2; e++) begin
      if (start && next_q == 1'(e)) begin
        err_q[e]  <= CmdOk;
        nan_q[e]  <= 1'b0;
        over_q[e] <= 1'b0;
      end else begin
        if (err_now[e] && err_q[e] == CmdOk) begin
          err_q[e]      <= range_now[e] ? CmdErrRange : CmdErrShape;
          err_addr_q[e] <= range_now[e] ? range_addr[e] : '0;
        end
        if (taken && taken_epoch == 1'(e)) begin
          nan_q[e]  <= nan_q[e] || taken_nan;
          over_q[e] <= over_q[e] || taken_over;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    done_q.valid <= rst_ni && ((go && !start) || complete);
    if (complete) begin
      done_q.id   <= id_q[old_q];
      done_q.err  <= CmdOk;
      done_q.info <= {1'b0, over_q[old_q], nan_q[old_q]};
      done_q.addr <= '0;
      if (err_q[old_q] != CmdOk) begin
        done_q.err  <= err_q[old_q];
        done_q.info <= '0;
        done_q.addr <= 56'(err_addr_q[old_q]);
      end else if (err_now[old_q]) begin  // only its last write can still fail
        done_q.err  <= CmdErrRange;
        done_q.info <= '0;
        done_q.addr <= 56'(range_addr[old_q]);
      end
    end else if (go) begin
      done_q.id   <= cmd_i.id;
      done_q.err  <= front_err;
      done_q.info <= '0;
      done_q.addr <= 56'(front_err_addr);
    end
  end
  assign done_o = done_q;

  // ---------------------------------------------------------------- accounting
  eng_state_e  state_d, state_q;
  logic [15:0] ops_q;
  logic        refused;  // a request for something that is missing was not accepted

  assign refused = (!a_spm_valid && (spm_valid_o[NA-1:0] & ~spm_ready_i[NA-1:0]) != '0) ||
                   (!b_spm_valid && (spm_valid_o[NA+:NB] & ~spm_ready_i[NA+:NB]) != '0) ||
                   ((hole_q || feed.group.mx) && spm_valid_o[PortC] && !spm_ready_i[PortC]);

  always_comb begin
    state_d = StIdle;
    if (fire) state_d = StBusy;
    else if (live_q != '0) begin
      if (feeding_q == '0 || !advance) state_d = StBlocked;
      else if (refused) state_d = StConflict;
      else state_d = StStarved;
    end else if (!front_idle) state_d = StConfig;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      ops_q   <= '0;
    end else begin
      state_q <= state_d;
      ops_q   <= fire ? 16'(Rows * Cols) * {11'b0, products_of(feed.fmt_a)} : '0;
    end
  end

  assign state_o = state_q;
  assign ops_o   = ops_q;
  assign idle_o  = front_idle && live_q == '0 && !done_q.valid && state_q == StIdle;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(OperandsAgree, !a_take || (a_last[feed.kloop] == b_last[feed.kloop] && a_fin == b_fin &&
                                         a_epoch == b_epoch))
  `TSR_ASSERT(PreloadOfTheNextBlock, !pre_fire || c_beat.epoch == next_epoch)
  `TSR_ASSERT(LoadWithoutBeats, !load || !acc_en)
  `TSR_ASSERT(OnePending, !start || !pend_q)
  `TSR_ASSERT(BlocksOfTheWorkingCommand, !swap || !hole_q)
  `TSR_ASSERT(EmptyWithoutCommands, live_q != '0 || (a_idle && b_idle && c_idle && o_idle && drain_idle &&
                                                     !s1_valid_q && !s2_valid_q && !s3_valid_q && hole_q))

endmodule
