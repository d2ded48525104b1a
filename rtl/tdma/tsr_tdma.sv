// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Layout engine: copies, fills, transposes, gathers and scatters within the scratchpad.
///
/// *Latency:* see README.md.
/// *Backpressure:* cmd_ready_o depends on cmd_valid_i: a command is accepted when it starts.
/// *Throughput:* up to 64 bytes read and 64 bytes written a cycle; see README.md for each operation.
/// *Reset:* control state only.
///
/// One command runs at a time. Each scratchpad port answers an accepted access in the very next cycle; so
/// does the context store. Where source and destination of a command overlap, the result is undefined.
module tsr_tdma
  import tsr_tile_pkg::*;
  import tsr_tdma_pkg::*;
#(
  /// Bytes of the scratchpad; 64..2^22.
  parameter int unsigned SpmBytes = 262144
) (
  input  logic           clk_i,
  input  logic           rst_ni,

  // Command, its semaphore waits satisfied. It may be withdrawn until it is accepted.
  input  logic           cmd_valid_i,
  output logic           cmd_ready_o,
  input  cmd_t           cmd_i,
  /// Completion, in command order.
  output done_t          done_o,
  /// Level: start nothing; the running command completes.
  input  logic           abort_i,

  // Context store.
  output logic           ctx_req_valid_o,
  input  logic           ctx_req_ready_i,
  output logic [5:0]     ctx_row_o,
  input  logic           ctx_rsp_valid_i,
  input  logic [511:0]   ctx_rsp_data_i,

  /// Scratchpad: 0 reads data and indices, 1 writes.
  output logic     [1:0] spm_valid_o,
  input  logic     [1:0] spm_ready_i,
  output spm_req_t [1:0] spm_req_o,
  input  logic     [1:0] spm_rsp_valid_i,
  input  spm_rsp_t [1:0] spm_rsp_i,

  /// What the engine did in the cycle before.
  output eng_state_e     state_o,
  /// Bytes written in the cycle before.
  output logic [15:0]    ops_o,
  /// Nothing changes before a command arrives.
  output logic           idle_o
);

  // ---------------------------------------------------------------- commands
  logic        front_ready, front_trans, front_move, front_idle, go, start;
  cmd_err_e    front_err;
  logic [31:0] front_err_addr;
  move_t       front_data;
  agu_cfg_t    front_rd, front_wr;
  logic        indexed;         // the offered command has an index stream
  logic        run_q, trans_q, nibble_q, indexed_q;
  logic [15:0] id_q;
  cmd_err_e    err_q;           // of the running command
  logic [55:0] err_addr_q;
  logic        err_now;         // it fails in this cycle
  cmd_err_e    err_now_kind;
  logic [55:0] err_now_addr;
  logic        fin;             // it finishes in this cycle
  logic        epoch_q;         // of the next run of the streams
  done_t       done_q;

  tsr_tdma_front u_front (
    .clk_i, .rst_ni, .cmd_valid_i, .cmd_i, .abort_i,
    .ctx_req_valid_o, .ctx_req_ready_i, .ctx_row_o, .ctx_rsp_valid_i, .ctx_rsp_data_i,
    .ready_o(front_ready), .go_i(go), .trans_o(front_trans), .move_en_o(front_move), .err_o(front_err),
    .err_addr_o(front_err_addr), .move_o(front_data), .rd_agu_o(front_rd), .wr_agu_o(front_wr),
    .idle_o(front_idle)
  );

  // After a failure the queue needs a cycle to withdraw its next command.
  assign go          = front_ready && cmd_valid_i && !abort_i && !run_q &&
                       !(done_q.valid && done_q.err != CmdOk);
  assign start       = go && (front_trans || front_move);
  assign indexed     = front_move && (front_data.gather || front_data.scatter);
  assign cmd_ready_o = go;

  always_ff @(posedge clk_i) begin
    if (start) begin
      id_q      <= cmd_i.id;
      trans_q   <= front_trans;
      nibble_q  <= front_trans && front_data.cfg.nibble;
      indexed_q <= indexed;
    end
    if (start) err_q <= CmdOk;
    else if (err_now && err_q == CmdOk) err_q <= err_now_kind;
    if (err_now && err_q == CmdOk) err_addr_q <= err_now_addr;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      run_q   <= 1'b0;
      epoch_q <= 1'b0;
    end else begin
      if (start) run_q <= 1'b1;
      else if (fin) run_q <= 1'b0;
      if (start) epoch_q <= !epoch_q;
    end
  end

  always_ff @(posedge clk_i) begin
    done_q.valid <= rst_ni && ((go && !start) || fin);
    if (fin) begin
      done_q.id   <= id_q;
      done_q.err  <= (err_q != CmdOk) ? err_q : err_now ? err_now_kind : CmdOk;
      done_q.info <= '0;
      done_q.addr <= (err_q != CmdOk) ? err_addr_q : err_now ? err_now_addr : '0;
    end else if (go) begin
      done_q.id   <= cmd_i.id;
      done_q.err  <= front_err;
      done_q.info <= '0;
      done_q.addr <= {24'b0, front_err_addr};
    end
  end
  assign done_o = done_q;

  // ---------------------------------------------------------------- streams: OpTTrans, and the indices
  logic             rds_ready, rds_idle, rds_valid, rds_grant, rds_err;
  logic             wrs_ready, wrs_idle, wrs_valid, wrs_fin, wrs_err;
  logic             beat_valid, beat_ready, put_valid, put_ready;
  logic             unused_rd_idx, unused_wr_idx, unused_rd_epoch, unused_wr_epoch, unused_fin_epoch;
  spm_req_t         rds_req, wrs_req;
  spm_addr_t        rds_err_addr, wrs_err_addr;
  beat_t            beat;
  logic [7:0][63:0] put_data;
  logic             mover_pend_q;  // the read answered in this cycle is the mover's

  tsr_stream_rd #(
    .Xpose(1'b1),
    .Gather(1'b0)
  ) u_rd (
    .clk_i, .rst_ni,
    .start_valid_i(start && (front_trans || indexed)), .start_ready_o(rds_ready), .cfg_i(front_rd),
    .start_epoch_i(epoch_q), .idx_valid_i(1'b0), .idx_ready_o(unused_rd_idx), .idx_i('0),
    .spm_valid_o(rds_valid), .spm_ready_i(rds_grant && spm_ready_i[0]), .spm_req_o(rds_req),
    .spm_rsp_valid_i(spm_rsp_valid_i[0] && !mover_pend_q), .spm_rsp_i(spm_rsp_i[0]),
    .beat_valid_o(beat_valid), .beat_ready_i(beat_ready), .beat_o(beat),
    .err_o(rds_err), .err_addr_o(rds_err_addr), .err_epoch_o(unused_rd_epoch), .idle_o(rds_idle)
  );

  tsr_stream_wr #(
    .Gather(1'b0)
  ) u_wr (
    .clk_i, .rst_ni,
    .start_valid_i(start && front_trans), .start_ready_o(wrs_ready), .cfg_i(front_wr),
    .start_epoch_i(epoch_q), .drop_i({2{run_q && trans_q && err_q != CmdOk}}),
    .idx_valid_i(1'b0), .idx_ready_o(unused_wr_idx), .idx_i('0),
    .beat_valid_i(put_valid), .beat_ready_o(put_ready), .beat_data_i(put_data),
    .spm_valid_o(wrs_valid), .spm_ready_i(trans_q && spm_ready_i[1]), .spm_req_o(wrs_req),
    .spm_rsp_valid_i(trans_q && spm_rsp_valid_i[1]), .spm_rsp_i(spm_rsp_i[1]),
    .fin_o(wrs_fin), .fin_epoch_o(unused_fin_epoch),
    .err_o(wrs_err), .err_addr_o(wrs_err_addr), .err_epoch_o(unused_wr_epoch), .idle_o(wrs_idle)
  );

  // ---------------------------------------------------------------- transpose of 4-bit elements
  logic             nib_in_ready, nib_valid;
  logic [7:0][63:0] nib_data;

  tsr_tdma_nibble u_nibble (
    .clk_i, .rst_ni,
    .in_valid_i(beat_valid && nibble_q), .in_ready_o(nib_in_ready), .in_data_i(beat.data),
    .out_valid_o(nib_valid), .out_ready_i(put_ready), .out_data_o(nib_data)
  );

  assign put_valid = nibble_q ? nib_valid : beat_valid && trans_q;
  always_comb begin
    put_data = '0;
    if (put_valid) put_data = nibble_q ? nib_data : beat.data;
  end

  // ---------------------------------------------------------------- indices
  logic        idx_beat_ready, idx_valid, idx_ready, idx_done, idx_held;
  logic [31:0] idx;
  logic        move_active, move_busy;

  tsr_tdma_index u_index (
    .clk_i, .rst_ni, .start_i(start && indexed), .drain_i(!move_active),
    .beat_valid_i(beat_valid && indexed_q), .beat_ready_o(idx_beat_ready), .beat_i(beat),
    .idx_valid_o(idx_valid), .idx_ready_i(idx_ready), .idx_o(idx), .done_o(idx_done)
  );

  assign beat_ready = indexed_q ? idx_beat_ready : nibble_q ? nib_in_ready : put_ready;

  // ---------------------------------------------------------------- byte mover
  logic        mov_rd_valid, mov_wr_valid, range;
  logic [55:0] range_addr;
  spm_req_t    mov_rd_req, mov_wr_req;
  logic        too_few, too_many;  // indices

  tsr_tdma_move #(
    .SpmBytes(SpmBytes)
  ) u_move (
    .clk_i, .rst_ni, .start_i(start && front_move), .move_i(front_data),
    .stop_i(err_q != CmdOk || too_few),
    .idx_valid_i(idx_valid), .idx_ready_o(idx_ready), .idx_i(idx),
    .rd_valid_o(mov_rd_valid), .rd_ready_i(!rds_grant && spm_ready_i[0]), .rd_req_o(mov_rd_req),
    .rd_rsp_valid_i(spm_rsp_valid_i[0] && mover_pend_q), .rd_rsp_i(spm_rsp_i[0]),
    .wr_valid_o(mov_wr_valid), .wr_ready_i(!trans_q && spm_ready_i[1]), .wr_req_o(mov_wr_req),
    .wr_rsp_valid_i(!trans_q && spm_rsp_valid_i[1]),
    .range_o(range), .range_addr_o(range_addr), .active_o(move_active), .idx_held_o(idx_held),
    .busy_o(move_busy)
  );

  assign too_few  = run_q && indexed_q && move_active && idx_done && !idx_held;
  assign too_many = run_q && indexed_q && !move_active && (idx_held || idx_valid);

  // ---------------------------------------------------------------- scratchpad ports
  // Reads: the stream goes first (its FIFO bounds it), but a request that waits is kept.
  logic mover_waits_q;

  assign rds_grant      = rds_valid && !mover_waits_q;
  assign spm_valid_o[0] = rds_valid || mov_rd_valid;
  assign spm_valid_o[1] = trans_q ? wrs_valid : mov_wr_valid;

  always_comb begin
    spm_req_o = '0;
    if (spm_valid_o != '0) spm_req_o = {trans_q ? wrs_req : mov_wr_req, rds_grant ? rds_req : mov_rd_req};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mover_waits_q <= 1'b0;
      mover_pend_q  <= 1'b0;
    end else begin
      mover_waits_q <= mov_rd_valid && !rds_grant && !spm_ready_i[0];
      mover_pend_q  <= mov_rd_valid && !rds_grant && spm_ready_i[0];
    end
  end

  // ---------------------------------------------------------------- errors and completion
  always_comb begin
    err_now      = 1'b0;
    err_now_kind = CmdErrRange;
    err_now_addr = '0;
    if (run_q) begin
      if (rds_err) begin
        err_now      = 1'b1;
        err_now_addr = {34'b0, rds_err_addr};
      end else if (wrs_err) begin
        err_now      = 1'b1;
        err_now_addr = {34'b0, wrs_err_addr};
      end else if (range) begin
        err_now      = 1'b1;
        err_now_addr = range_addr;
      end else if (too_few || too_many) begin
        err_now      = 1'b1;
        err_now_kind = CmdErrShape;
      end
    end
  end

  assign fin = run_q && (trans_q ? wrs_fin : !move_busy && (!indexed_q || (idx_done && rds_idle)));

  // ---------------------------------------------------------------- accounting
  eng_state_e  state_d, state_q;
  logic [15:0] ops_q;
  logic [1:0]  taken;

  assign taken = spm_valid_o & spm_ready_i;

  always_comb begin
    state_d = StIdle;
    if (taken != '0) state_d = StBusy;
    else if (spm_valid_o != '0) state_d = StConflict;
    else if (run_q && indexed_q && move_active && !idx_held) state_d = StStarved;
    else if (run_q) state_d = StBlocked;
    else if (!front_idle) state_d = StConfig;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      ops_q   <= '0;
    end else begin
      state_q <= state_d;
      ops_q   <= taken[1] ? 16'($countones(spm_req_o[1].strb)) : '0;
    end
  end

  assign state_o = state_q;
  assign ops_o   = ops_q;
  assign idle_o  = front_idle && !run_q && !done_q.valid && state_q == StIdle;

  // ---------------------------------------------------------------- implementation checks
  logic [1:0] waits_q;
  always_ff @(posedge clk_i) waits_q <= rst_ni ? spm_valid_o & ~spm_ready_i : '0;

  `TSR_ASSERT(RequestHeld, (waits_q & ~spm_valid_o) == '0)
  `TSR_ASSERT(StreamsReadyAtStart, !start || (rds_ready && wrs_ready && rds_idle && wrs_idle))
  `TSR_ASSERT(MoverIdleAtStart, !start || !move_busy)
  `TSR_ASSERT(NibblesGoneAtFinish, !fin || !nib_valid)
  `TSR_ASSERT(NoWriteOutside, !(run_q && !trans_q && spm_rsp_valid_i[1] && spm_rsp_i[1].err))

endmodule
