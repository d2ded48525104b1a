// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Matrix engine: a grid of dot-product cells, output stationary, fed by two operand streams, with
/// preload and drain hidden behind the beats of the running block.
///
/// *Latency:* see README.md; 11 idle cycles of the grid between commands.
/// *Backpressure:* cmd_ready_o depends on cmd_valid_i: a command is accepted when it starts.
/// *Throughput:* one beat (Rows x Cols x 8 bytes of K) a cycle.
/// *Reset:* control state only.
///
/// Each scratchpad port answers an accepted access in the very next cycle; so does the context store.
module tsr_me
  import tsr_tile_pkg::*;
  import tsr_me_pkg::*;
#(
  /// Cells in a column: rows of A in a beat. 8.
  parameter int unsigned Rows = 8,
  /// Cells in a row: columns of B in a beat. 8.
  parameter int unsigned Cols = 8
) (
  input  logic         clk_i,
  input  logic         rst_ni,

  // Command, its semaphore waits satisfied.
  input  logic         cmd_valid_i,
  output logic         cmd_ready_o,
  input  cmd_t         cmd_i,
  /// Completion, in command order.
  output done_t        done_o,
  /// Level: start nothing; the running command completes.
  input  logic         abort_i,

  // Context store.
  output logic         ctx_req_valid_o,
  input  logic         ctx_req_ready_i,
  output logic [5:0]   ctx_row_o,
  input  logic         ctx_rsp_valid_i,
  input  logic [511:0] ctx_rsp_data_i,

  // Scratchpad: operands A and B, preload C, output O.
  output logic         a_valid_o,
  input  logic         a_ready_i,
  output spm_req_t     a_req_o,
  input  logic         a_rsp_valid_i,
  input  spm_rsp_t     a_rsp_i,
  output logic         b_valid_o,
  input  logic         b_ready_i,
  output spm_req_t     b_req_o,
  input  logic         b_rsp_valid_i,
  input  spm_rsp_t     b_rsp_i,
  output logic         c_valid_o,
  input  logic         c_ready_i,
  output spm_req_t     c_req_o,
  input  logic         c_rsp_valid_i,
  input  spm_rsp_t     c_rsp_i,
  output logic         o_valid_o,
  input  logic         o_ready_i,
  output spm_req_t     o_req_o,
  input  logic         o_rsp_valid_i,
  input  spm_rsp_t     o_rsp_i,

  /// What the engine did in the cycle before.
  output eng_state_e   state_o,
  /// Multiply-adds of the cycle before, edges included: Rows * Cols * 4 (BF16) or 8 (INT8) a beat.
  output logic [15:0]  ops_o,
  /// Nothing changes until a command arrives.
  output logic         idle_o
);

  // ---------------------------------------------------------------- integration checks
  // A beat has eight lanes, and a drain beat is two rows of eight: other grids need wider streams.
  `TSR_STATIC_ASSERT(RowsLegal, Rows == 8)
  `TSR_STATIC_ASSERT(ColsLegal, Cols == 8)

  // ---------------------------------------------------------------- commands
  logic           front_ready, front_gemm, front_idle, go, start;
  cmd_err_e       front_err;
  me_cfg_t        front_me;
  agu_cfg_t [3:0] front_agu;
  logic           run_q;      // a GEMM runs
  logic [15:0]    id_q;
  logic           int8_q, preload_q, relu_q, bf16_out_q;
  cmd_err_e       err_q;      // of the running command
  spm_addr_t      err_addr_q;
  done_t          done_q;
  logic           err_now;    // an access of the running command failed in this cycle
  spm_addr_t      err_addr_now;
  logic           fin;        // the running command finishes in this cycle
  logic           failed;     // it, or the one whose completion is shown, failed

  tsr_me_front u_front (
    .clk_i, .rst_ni, .cmd_valid_i, .cmd_i, .abort_i,
    .ctx_req_valid_o, .ctx_req_ready_i, .ctx_row_o, .ctx_rsp_valid_i, .ctx_rsp_data_i,
    .ready_o(front_ready), .go_i(go), .gemm_o(front_gemm), .err_o(front_err), .me_o(front_me),
    .agu_o(front_agu), .idle_o(front_idle)
  );

  // A command that needs no run would complete in the same cycle as the finishing one.
  logic start_ok;
  assign start_ok = front_gemm && front_err == CmdOk;

  // After a failure the queue needs a cycle to withdraw its next command.
  assign failed      = (run_q && (err_q != CmdOk || err_now)) || (done_q.valid && done_q.err != CmdOk);
  assign go          = front_ready && cmd_valid_i && !abort_i && (!run_q || fin) && !failed &&
                       !(fin && !start_ok);
  assign start       = go && front_gemm && front_err == CmdOk;
  assign cmd_ready_o = go;

  always_ff @(posedge clk_i) begin
    if (start) begin
      id_q       <= cmd_i.id;
      int8_q     <= front_me.fmt == FmtInt8;
      preload_q  <= front_me.preload;
      relu_q     <= front_me.relu;
      bf16_out_q <= front_me.out == OutBf16;
    end
    if (start) err_q <= CmdOk;
    else if (err_now && err_q == CmdOk) err_q <= CmdErrRange;
    if (err_now && err_q == CmdOk) err_addr_q <= err_addr_now;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) run_q <= 1'b0;
    else if (start) run_q <= 1'b1;
    else if (fin) run_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    done_q.valid <= rst_ni && ((go && !start) || fin);
    if (fin) begin
      done_q.id   <= id_q;
      done_q.err  <= (err_q == CmdOk && err_now) ? CmdErrRange : err_q;
      done_q.info <= '0;
      done_q.addr <= (err_q != CmdOk) ? 56'(err_addr_q) : err_now ? 56'(err_addr_now) : '0;
    end else if (go) begin
      done_q.id   <= cmd_i.id;
      done_q.err  <= front_err;
      done_q.info <= '0;
      done_q.addr <= '0;
    end
  end
  assign done_o = done_q;

  // ---------------------------------------------------------------- streams
  logic             a_busy, b_busy, c_busy, o_busy;
  logic             a_valid, b_valid, c_valid;
  beat_t            a_beat, b_beat, c_beat;
  logic             fire;       // a beat of A and B enters the grid
  logic             pre_fire;   // a beat of C is preloaded
  logic [3:0]       stream_err;
  spm_addr_t [3:0]  stream_err_addr;
  logic             o_push, o_room;
  logic [7:0][63:0] o_data;

  tsr_stream_rd u_a (
    .clk_i, .rst_ni, .start_i(start), .cfg_i(front_agu[0]), .busy_o(a_busy),
    .spm_valid_o(a_valid_o), .spm_ready_i(a_ready_i), .spm_req_o(a_req_o),
    .spm_rsp_valid_i(a_rsp_valid_i), .spm_rsp_i(a_rsp_i),
    .beat_valid_o(a_valid), .beat_ready_i(fire), .beat_o(a_beat),
    .err_o(stream_err[0]), .err_addr_o(stream_err_addr[0])
  );

  tsr_stream_rd u_b (
    .clk_i, .rst_ni, .start_i(start), .cfg_i(front_agu[1]), .busy_o(b_busy),
    .spm_valid_o(b_valid_o), .spm_ready_i(b_ready_i), .spm_req_o(b_req_o),
    .spm_rsp_valid_i(b_rsp_valid_i), .spm_rsp_i(b_rsp_i),
    .beat_valid_o(b_valid), .beat_ready_i(fire), .beat_o(b_beat),
    .err_o(stream_err[1]), .err_addr_o(stream_err_addr[1])
  );

  tsr_stream_rd u_c (
    .clk_i, .rst_ni, .start_i(start && front_me.preload), .cfg_i(front_agu[2]), .busy_o(c_busy),
    .spm_valid_o(c_valid_o), .spm_ready_i(c_ready_i), .spm_req_o(c_req_o),
    .spm_rsp_valid_i(c_rsp_valid_i), .spm_rsp_i(c_rsp_i),
    .beat_valid_o(c_valid), .beat_ready_i(pre_fire), .beat_o(c_beat),
    .err_o(stream_err[2]), .err_addr_o(stream_err_addr[2])
  );

  tsr_stream_wr u_o (
    .clk_i, .rst_ni, .start_i(start), .cfg_i(front_agu[3]), .busy_o(o_busy),
    .drop_i(err_q != CmdOk), .fin_o(fin),
    .beat_valid_i(o_push), .beat_ready_o(o_room), .beat_data_i(o_data),
    .spm_valid_o(o_valid_o), .spm_ready_i(o_ready_i), .spm_req_o(o_req_o),
    .spm_rsp_valid_i(o_rsp_valid_i), .spm_rsp_i(o_rsp_i),
    .err_o(stream_err[3]), .err_addr_o(stream_err_addr[3])
  );

  assign err_now = stream_err != '0;
  always_comb begin
    err_addr_now = stream_err_addr[3];
    for (int unsigned s = 3; s > 0; s--) begin
      if (stream_err[s-1]) err_addr_now = stream_err_addr[s-1];
    end
  end

  // ---------------------------------------------------------------- grid control
  // Stage 0 takes the beats and decodes them, stage 1 sums groups, stage 2 accumulates.
  logic       s1_valid_q, s1_last_q, s2_valid_q, s2_last_q;
  logic       advance;       // the pipeline moves
  logic       swap;          // a block ends in stage 2
  logic       load;          // the working accumulators take their first values
  logic       loaded_q;
  logic       fin_fired_q;   // the last beat is in the grid
  logic [2:0] drain_left_q;  // row pairs of the other accumulators still to drain
  logic [2:0] pre_left_q;    // row pairs of them still to preload
  logic       pre_done_q;    // the last preload beat was taken
  logic       drain_fire;

  assign advance = !(s2_valid_q && s2_last_q) || (pre_left_q == '0 &&
                   (drain_left_q == '0 || (drain_left_q == 3'd1 && drain_fire)));
  assign fire    = a_valid && b_valid && loaded_q && advance;
  assign swap    = s2_valid_q && s2_last_q && advance;
  assign load    = run_q && !loaded_q && pre_left_q == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      s1_valid_q   <= 1'b0;
      s2_valid_q   <= 1'b0;
      loaded_q     <= 1'b0;
      fin_fired_q  <= 1'b0;
      drain_left_q <= '0;
      pre_left_q   <= '0;
      pre_done_q   <= 1'b0;
    end else begin
      if (advance) begin
        s1_valid_q <= fire;
        s2_valid_q <= s1_valid_q;
      end
      if (start) begin
        loaded_q    <= 1'b0;
        fin_fired_q <= 1'b0;
      end else begin
        if (load) loaded_q <= 1'b1;
        if (fire && a_beat.fin) fin_fired_q <= 1'b1;
      end

      if (swap) drain_left_q <= 3'd4;
      else if (drain_fire) drain_left_q <= drain_left_q - 3'd1;

      if (start) begin
        pre_left_q <= front_me.preload ? 3'd4 : 3'd0;
        pre_done_q <= 1'b0;
      end else begin
        if (swap || load) pre_left_q <= (preload_q && !pre_done_q) ? 3'd4 : 3'd0;
        else if (pre_fire) pre_left_q <= pre_left_q - 3'd1;
        if (pre_fire && c_beat.fin) pre_done_q <= 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (advance) begin
      if (fire) s1_last_q <= a_beat.last[0];
      s2_last_q <= s1_last_q;
    end
  end

  // Row pair i may be preloaded once it has been drained.
  assign pre_fire = c_valid && pre_left_q != '0 && !load && !swap &&
                    (drain_left_q == '0 || pre_left_q > drain_left_q);

  // ---------------------------------------------------------------- operands
  logic [Rows-1:0][63:0] row_x_q;
  logic [Cols-1:0][63:0] col_x_q;
  meta_t [Rows-1:0]      row_y_q;
  meta_t [Cols-1:0]      col_y_q;

  always_ff @(posedge clk_i) begin
    if (fire) begin
      if (int8_q) begin
        row_x_q <= a_beat.data;
        col_x_q <= b_beat.data;
      end else begin
        for (int unsigned r = 0; r < Rows; r++) begin
          row_x_q[r] <= bf16_exps(a_beat.data[r]);
          row_y_q[r] <= bf16_meta(a_beat.data[r]);
        end
        for (int unsigned c = 0; c < Cols; c++) begin
          col_x_q[c] <= bf16_exps(b_beat.data[c]);
          col_y_q[c] <= bf16_meta(b_beat.data[c]);
        end
      end
    end
  end

  // ---------------------------------------------------------------- cells
  acc_t [Rows-1:0][Cols-1:0] alt;
  logic                      grp_en, acc_en;
  logic [3:0]                pre_en;  // per row pair

  assign grp_en = s1_valid_q && advance;
  assign acc_en = s2_valid_q && advance;
  assign pre_en = pre_fire ? 4'b0001 << (3'd4 - pre_left_q) : '0;

  for (genvar r = 0; r < int'(Rows); r++) begin : gen_row
    for (genvar c = 0; c < int'(Cols); c++) begin : gen_col
      tsr_me_cell u_cell (
        .clk_i, .int8_i(int8_q),
        .grp_en_i(grp_en), .row_x_i(row_x_q[r]), .row_y_i(row_y_q[r]),
        .col_x_i(col_x_q[c]), .col_y_i(col_y_q[c]),
        .acc_en_i(acc_en), .swap_i(s2_last_q), .keep_i(preload_q), .load_i(load),
        .pre_en_i(pre_en[r/2]), .pre_i(c_beat.data[(r%2)*4+c/2][(c%2)*32+:32]),
        .alt_o(alt[r][c])
      );
    end
  end

  // ---------------------------------------------------------------- drain
  // One row pair a cycle: select, then round. Two pairs make a beat of BF16 results.
  acc_t [1:0][Cols-1:0] pair_q;
  logic                 pair_valid_q, pair_odd_q, pair_take;
  logic [3:0][63:0]     half_q;
  logic [1:0][Cols-1:0][31:0] result;
  logic [3:0][63:0]     result_bf16;

  assign drain_fire = drain_left_q != '0 && (!pair_valid_q || pair_take);
  assign pair_take  = pair_valid_q && ((bf16_out_q && !pair_odd_q) || o_room);
  assign o_push     = pair_take && (!bf16_out_q || pair_odd_q);

  always_ff @(posedge clk_i) begin
    if (drain_fire) begin
      unique case (drain_left_q)
        3'd4: pair_q <= {alt[1], alt[0]};
        3'd3: pair_q <= {alt[3], alt[2]};
        3'd2: pair_q <= {alt[5], alt[4]};
        default: pair_q <= {alt[7], alt[6]};
      endcase
      pair_odd_q <= drain_left_q[0];
    end
    if (pair_take && bf16_out_q && !pair_odd_q) half_q <= result_bf16;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) pair_valid_q <= 1'b0;
    else if (drain_fire) pair_valid_q <= 1'b1;
    else if (pair_take) pair_valid_q <= 1'b0;
  end

  always_comb begin
    result      = '0;
    result_bf16 = '0;
    o_data      = '0;
    if (pair_take) begin
      for (int unsigned r = 0; r < 2; r++) begin
        for (int unsigned c = 0; c < Cols; c++) result[r][c] = drain(pair_q[r][c], int8_q, relu_q);
      end
      if (bf16_out_q) begin
        for (int unsigned r = 0; r < 2; r++) begin
          for (int unsigned c = 0; c < Cols; c++) begin
            result_bf16[2*r+c/4][16*(c%4)+:16] = fp32_to_bf16(result[r][c]);
          end
        end
        o_data = {result_bf16, half_q};
      end else begin
        o_data = result;
      end
    end
  end

  // ---------------------------------------------------------------- accounting
  eng_state_e  state_d, state_q;
  logic [15:0] ops_q;

  always_comb begin
    state_d = StIdle;
    if (fire) state_d = StBusy;
    else if (run_q) begin
      if (fin_fired_q || !advance) state_d = StBlocked;
      else if ((!a_valid && a_valid_o && !a_ready_i) || (!b_valid && b_valid_o && !b_ready_i) ||
               (!loaded_q && c_valid_o && !c_ready_i)) state_d = StConflict;
      else state_d = StStarved;
    end else if (!front_idle) state_d = StConfig;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      ops_q   <= '0;
    end else begin
      state_q <= state_d;
      ops_q   <= fire ? (int8_q ? 16'(Rows * Cols * 8) : 16'(Rows * Cols * 4)) : '0;
    end
  end

  assign state_o = state_q;
  assign ops_o   = ops_q;
  assign idle_o  = front_idle && !run_q && !done_q.valid && state_q == StIdle;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(OperandsAgree, !fire || (a_beat.last[0] == b_beat.last[0] && a_beat.fin == b_beat.fin))
  `TSR_ASSERT(StreamsEmptyAtStart, !start || !(a_busy || b_busy || c_busy || o_busy))
  `TSR_ASSERT(GridEmptyAtFinish, !fin || !(s1_valid_q || s2_valid_q || pair_valid_q))

endmodule
