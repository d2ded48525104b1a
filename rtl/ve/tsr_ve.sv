// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Vector engine: 16 lanes, eight configurable stages, a reduction; three input streams, two output
/// streams, ways from and to the matrix engine. Two commands can be inside: every register uses the
/// configuration bank of its group's epoch.
///
/// *Latency:* see README.md.
/// *Backpressure:* cmd_ready_o depends on cmd_valid_i: a command is accepted when it starts.
/// *Throughput:* one group of 16 elements a cycle, across overlapping commands too.
/// *Reset:* control state only.
///
/// Each scratchpad port answers an accepted access in the very next cycle; so does the context store.
module tsr_ve
  import tsr_tile_pkg::*;
  import tsr_ve_pkg::*;
  import tsr_ve_types_pkg::*;
#(
  /// Stages with a multiplier: bit s stands for stage s.
  parameter logic [7:0] FmaStages = 8'h4b,
  /// Stages with special functions; none of FmaStages.
  parameter logic [7:0] SfuStages = 8'h24
) (
  input  logic           clk_i,
  input  logic           rst_ni,

  // Command, its semaphore waits satisfied.
  input  logic           cmd_valid_i,
  output logic           cmd_ready_o,
  input  cmd_t           cmd_i,
  /// Completion, in command order.
  output done_t          done_o,
  /// Level: start nothing; running commands complete.
  input  logic           abort_i,

  // Context store.
  output logic           ctx_req_valid_o,
  input  logic           ctx_req_ready_i,
  output logic [5:0]     ctx_row_o,
  input  logic           ctx_rsp_valid_i,
  input  logic [511:0]   ctx_rsp_data_i,

  // Scratchpad: I0, I1, I2, O0, O1.
  output logic [4:0]     spm_valid_o,
  input  logic [4:0]     spm_ready_i,
  output spm_req_t [4:0] spm_req_o,
  input  logic [4:0]     spm_rsp_valid_i,
  input  spm_rsp_t [4:0] spm_rsp_i,

  // From the matrix engine's drain, in place of I0.
  input  logic           chain_in_valid_i,
  output logic           chain_in_ready_o,
  input  beat_t          chain_in_i,

  // To the matrix engine's A, in place of O0.
  output logic           chain_out_valid_o,
  input  logic           chain_out_ready_i,
  output beat_t          chain_out_o,

  /// What the engine did in the cycle before.
  output eng_state_e     state_o,
  /// Elements of the cycle before: 16 a group.
  output logic [15:0]    ops_o,
  /// Nothing changes until a command arrives.
  output logic           idle_o
);

  `TSR_STATIC_ASSERT(UnitsApart, (FmaStages & SfuStages) == '0)

  // ---------------------------------------------------------------- commands
  logic            front_ready, front_vec, front_idle, go, start, start_ok, failed, finish;
  cmd_err_e        front_err;
  logic [31:0]     front_err_addr;
  ve_stages_t      front_stages;
  consts_t         front_k;
  in_port_t [2:0]  front_in;
  out_port_t [1:0] front_out;
  reduce_cfg_t     front_red;
  logic [31:0]     front_seed;
  logic [4:0]      front_on, start_ready;
  agu_cfg_t [4:0]  front_agu;
  logic [Stages:0][3:0] front_live;

  logic [1:0]      run_q;     // bank's command has started and is not completed
  logic [1:0]      enter_q;   // and not all of its groups are in the pipeline
  logic            next_q;    // bank of the next command
  logic            join_q;    // bank of the command whose groups enter
  logic            old_q;     // bank of the oldest command
  done_t           done_q;

  tsr_ve_front #(.FmaStages(FmaStages), .SfuStages(SfuStages)) u_front (
    .clk_i, .rst_ni, .cmd_valid_i, .cmd_i, .abort_i,
    .ctx_req_valid_o, .ctx_req_ready_i, .ctx_row_o, .ctx_rsp_valid_i, .ctx_rsp_data_i,
    .ready_o(front_ready), .go_i(go), .vec_o(front_vec), .err_o(front_err), .err_addr_o(front_err_addr),
    .stages_o(front_stages), .k_o(front_k), .in_o(front_in), .out_o(front_out), .red_o(front_red),
    .seed_o(front_seed), .on_o(front_on), .agu_o(front_agu), .live_o(front_live), .idle_o(front_idle)
  );

  assign start_ok = front_vec && front_err == CmdOk;
  assign go       = front_ready && cmd_valid_i && !abort_i && !failed &&
                    (run_q == '0 || (start_ok && cmd_i.overlap && !run_q[next_q])) &&
                    (!start_ok || start_ready == '1);
  assign start       = go && start_ok;
  assign cmd_ready_o = go;

  // ---------------------------------------------------------------- configuration banks
  ve_stages_t [1:0]           stages_q;
  consts_t [1:0]              k_q;
  in_port_t [1:0][2:0]        in_q;
  out_port_t [1:0][1:0]       out_q;
  reduce_cfg_t [1:0]          red_q;
  logic [1:0][31:0]           seed_q;
  logic [1:0][Stages:0][3:0]  live_q;
  logic [1:0][15:0]           id_q;

  always_ff @(posedge clk_i) begin
    if (start) begin
      for (int unsigned e = 0; e < 2; e++) begin
        if (next_q == 1'(e)) begin
          stages_q[e] <= front_stages;
          k_q[e]      <= front_k;
          in_q[e]     <= front_in;
          out_q[e]    <= front_out;
          red_q[e]    <= front_red;
          seed_q[e]   <= front_seed;
          live_q[e]   <= front_live;
          id_q[e]     <= cmd_i.id;
        end
      end
    end
  end

  // ---------------------------------------------------------------- input streams
  logic [2:0]      beat_valid, beat_ready, stream_valid, stream_ready;
  beat_t           stream_beat [3];
  beat_t           beat0;
  logic [4:0]      err, err_epoch;
  spm_addr_t [4:0] err_addr;

  for (genvar i = 0; i < 3; i++) begin : gen_in
    tsr_stream_rd u_stream (
      .clk_i, .rst_ni,
      .start_valid_i(start && front_on[i]), .start_ready_o(start_ready[i]), .cfg_i(front_agu[i]),
      .start_epoch_i(next_q), .idx_valid_i(1'b0), .idx_ready_o(), .idx_i('0),
      .spm_valid_o(spm_valid_o[i]), .spm_ready_i(spm_ready_i[i]), .spm_req_o(spm_req_o[i]),
      .spm_rsp_valid_i(spm_rsp_valid_i[i]), .spm_rsp_i(spm_rsp_i[i]),
      .beat_valid_o(stream_valid[i]), .beat_ready_i(stream_ready[i]), .beat_o(stream_beat[i]),
      .err_o(err[i]), .err_addr_o(err_addr[i]), .err_epoch_o(err_epoch[i]), .idle_o()
    );
  end

  logic from_chain;
  assign from_chain       = enter_q[join_q] && in_q[join_q][0].chain;
  assign beat_valid       = {stream_valid[2:1], from_chain ? chain_in_valid_i : stream_valid[0]};
  assign stream_ready     = {beat_ready[2:1], beat_ready[0] && !from_chain};
  assign chain_in_ready_o = beat_ready[0] && from_chain;

  assign beat0            = from_chain ? chain_in_i : stream_beat[0];

  // ---------------------------------------------------------------- groups enter
  logic [2:0]              port_ready, drain, port_shape;
  vec_t                    port_vec [3];
  logic [2:0][Lanes-1:0]   port_mask;
  logic [2:0][5:0]         port_last;
  logic [2:0]              port_fin;
  logic                    fire, room, first_q, entry_valid_q;
  logic [27:0]             elem_q;
  tag_t                    entry_tag, entry_tag_q;

  for (genvar i = 0; i < 3; i++) begin : gen_port
    tsr_ve_in #(.Pace(i == 0)) u_in (
      .clk_i, .rst_ni, .cfg_i(in_q[join_q][i]), .run_i(enter_q[join_q]),
      .beat_valid_i(beat_valid[i]), .beat_ready_o(beat_ready[i]),
      .beat_i((i == 0) ? beat0 : stream_beat[i]),
      .ready_o(port_ready[i]), .take_i(fire), .last_i(port_last[0]), .fin_i(port_fin[0]),
      .keep_i(live_q[join_q][0][i]), .vec_o(port_vec[i]),
      .mask_o(port_mask[i]), .last_o(port_last[i]), .fin_o(port_fin[i]),
      .shape_o(port_shape[i]), .drain_o(drain[i])
    );
  end

  logic [Stages:0] stage_ready;   // the pipeline from stage s on moves; [Stages]: the reduction

  assign room = !entry_valid_q || stage_ready[0];
  assign fire = enter_q[join_q] && port_ready == '1 && room;

  always_comb begin
    entry_tag.first = first_q;
    entry_tag.fin   = port_fin[0];
    entry_tag.epoch = join_q;
    entry_tag.last  = port_last[0];
    entry_tag.mask  = port_mask[0];
    entry_tag.elem  = elem_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      entry_valid_q <= 1'b0;
      first_q       <= 1'b1;
      elem_q        <= '0;
    end else begin
      if (room) entry_valid_q <= fire;
      if (fire) begin
        first_q <= port_fin[0];
        elem_q  <= (port_fin[0] || port_last[0][red_q[join_q].elem_loop]) ? '0 : elem_q + 28'd1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (fire) entry_tag_q <= entry_tag;
  end

  // ---------------------------------------------------------------- stages
  logic [Stages:0]   valid;
  logic [Stages-1:0] stage_idle;
  tag_t              tag [Stages+1];
  vec_t              v0 [Stages+1], v1 [Stages+1], v2 [Stages+1], v3 [Stages+1];

  assign valid[0] = entry_valid_q;
  assign tag[0]   = entry_tag_q;
  assign v0[0]    = port_vec[0];
  assign v1[0]    = port_vec[1];
  assign v2[0]    = port_vec[2];
  assign v3[0]    = '0;

  for (genvar s = 0; s < int'(Stages); s++) begin : gen_stage
    tsr_ve_stage #(.HasFma(FmaStages[s]), .HasSfu(SfuStages[s])) u_stage (
      .clk_i, .rst_ni,
      .cfg_i({stages_q[1][s], stages_q[0][s]}), .k_i(k_q), .live_i({live_q[1][s+1], live_q[0][s+1]}),
      .in_valid_i(valid[s]), .in_ready_o(stage_ready[s]), .in_tag_i(tag[s]),
      .v0_i(v0[s]), .v1_i(v1[s]), .v2_i(v2[s]), .v3_i(v3[s]),
      .out_valid_o(valid[s+1]), .out_ready_i(stage_ready[s+1]), .out_tag_o(tag[s+1]),
      .v0_o(v0[s+1]), .v1_o(v1[s+1]), .v2_o(v2[s+1]), .v3_o(v3[s+1]), .idle_o(stage_idle[s])
    );
  end

  // ---------------------------------------------------------------- reduction
  logic        red_valid, red_ready, red_idle;
  tag_t        red_tag;
  vec_t        red_o0, red_o1;
  logic [31:0] red_r, red_ri;

  tsr_ve_reduce u_reduce (
    .clk_i, .rst_ni, .cfg_i(red_q), .out_cfg_i(out_q),
    .in_valid_i(valid[Stages]), .in_tag_i(tag[Stages]),
    .v0_i(v0[Stages]), .v1_i(v1[Stages]), .v2_i(v2[Stages]), .v3_i(v3[Stages]),
    .out_valid_o(red_valid), .out_ready_i(red_ready), .out_tag_o(red_tag),
    .o0_o(red_o0), .o1_o(red_o1), .r_o(red_r), .ri_o(red_ri), .idle_o(red_idle)
  );

  assign stage_ready[Stages] = red_ready;

  // ---------------------------------------------------------------- outputs
  logic [1:0]      out_ready, fin, fin_epoch, shape, shape_epoch, mx, drop;
  logic            scale_valid, scale_ready, scale_fin;
  logic [7:0]      scale;

  logic [1:0][1:0] flags;         // [output port]: format flags of a group
  logic [1:0]      flags_epoch;

  assign red_ready = !red_valid || out_ready == '1;

  for (genvar e = 0; e < 2; e++) begin : gen_mx
    assign mx[e] = out_q[e][0].en && out_q[e][0].mx;
  end

  tsr_ve_out #(.Port(0)) u_out0 (
    .clk_i, .rst_ni, .cfg_i({out_q[1][0], out_q[0][0]}), .mx_i(mx), .seed_i(seed_q), .drop_i(drop),
    .start_valid_i(start && front_on[3]), .start_ready_o(start_ready[3]), .agu_cfg_i(front_agu[3]),
    .start_epoch_i(next_q),
    .in_ready_o(out_ready[0]), .in_take_i(red_valid && red_ready), .in_tag_i(red_tag),
    .in_vec_i(red_o0), .in_r_i(red_r), .in_ri_i(red_ri),
    .scale_valid_o(scale_valid), .scale_ready_i(scale_ready), .scale_o(scale), .scale_fin_o(scale_fin),
    .scale_valid_i(1'b0), .scale_ready_o(), .scale_i('0), .scale_fin_i(1'b0),
    .spm_valid_o(spm_valid_o[3]), .spm_ready_i(spm_ready_i[3]), .spm_req_o(spm_req_o[3]),
    .spm_rsp_valid_i(spm_rsp_valid_i[3]), .spm_rsp_i(spm_rsp_i[3]),
    .chain_valid_o(chain_out_valid_o), .chain_ready_i(chain_out_ready_i), .chain_o(chain_out_o),
    .fin_o(fin[0]), .fin_epoch_o(fin_epoch[0]), .shape_o(shape[0]), .shape_epoch_o(shape_epoch[0]),
    .flags_o(flags[0]), .flags_epoch_o(flags_epoch[0]),
    .err_o(err[3]), .err_addr_o(err_addr[3]), .err_epoch_o(err_epoch[3])
  );

  tsr_ve_out #(.Port(1)) u_out1 (
    .clk_i, .rst_ni, .cfg_i({out_q[1][1], out_q[0][1]}), .mx_i(mx), .seed_i(seed_q), .drop_i(drop),
    .start_valid_i(start && front_on[4]), .start_ready_o(start_ready[4]), .agu_cfg_i(front_agu[4]),
    .start_epoch_i(next_q),
    .in_ready_o(out_ready[1]), .in_take_i(red_valid && red_ready), .in_tag_i(red_tag),
    .in_vec_i(red_o1), .in_r_i(red_r), .in_ri_i(red_ri),
    .scale_valid_o(), .scale_ready_i(1'b0), .scale_o(), .scale_fin_o(),
    .scale_valid_i(scale_valid), .scale_ready_o(scale_ready), .scale_i(scale), .scale_fin_i(scale_fin),
    .spm_valid_o(spm_valid_o[4]), .spm_ready_i(spm_ready_i[4]), .spm_req_o(spm_req_o[4]),
    .spm_rsp_valid_i(spm_rsp_valid_i[4]), .spm_rsp_i(spm_rsp_i[4]),
    .chain_valid_o(), .chain_ready_i(1'b0), .chain_o(),
    .fin_o(fin[1]), .fin_epoch_o(fin_epoch[1]), .shape_o(shape[1]), .shape_epoch_o(shape_epoch[1]),
    .flags_o(flags[1]), .flags_epoch_o(flags_epoch[1]),
    .err_o(err[4]), .err_addr_o(err_addr[4]), .err_epoch_o(err_epoch[4])
  );

  // ---------------------------------------------------------------- completion
  logic [1:0][1:0]  fin_q;         // [bank][output port]
  cmd_err_e [1:0]   err_q;
  logic [1:0][1:0]  info_q;        // [bank]: format flags of the command's results
  spm_addr_t [1:0]  err_addr_q;
  logic [1:0]       range_now, shape_now;
  spm_addr_t [1:0]  range_addr;

  always_comb begin
    range_now  = '0;
    shape_now  = '0;
    range_addr = '0;
    for (int unsigned p = 5; p > 0; p--) begin
      if (err[p-1]) begin
        range_now[err_epoch[p-1]]  = 1'b1;
        range_addr[err_epoch[p-1]] = err_addr[p-1];
      end
    end
    if (port_shape != '0) shape_now[join_q] = 1'b1;
    for (int unsigned p = 0; p < 2; p++) if (shape[p]) shape_now[shape_epoch[p]] = 1'b1;
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned e = 0; e < 2; e++) begin
      if (start && next_q == 1'(e)) begin
        err_q[e]      <= CmdOk;
        err_addr_q[e] <= '0;
        fin_q[e]      <= '0;
        info_q[e]     <= '0;
      end else begin
        if (range_now[e]) begin
          err_q[e] <= CmdErrRange;
          if (err_q[e] != CmdErrRange) err_addr_q[e] <= range_addr[e];
        end else if (shape_now[e] && err_q[e] == CmdOk) begin
          err_q[e] <= CmdErrShape;
        end
        for (int unsigned p = 0; p < 2; p++) if (fin[p] && fin_epoch[p] == 1'(e)) fin_q[e][p] <= 1'b1;
        if (flags != '0) begin
          info_q[e] <= info_q[e] | (flags_epoch[0] == 1'(e) ? flags[0] : 2'b00) |
                       (flags_epoch[1] == 1'(e) ? flags[1] : 2'b00);
        end
      end
    end
  end

  for (genvar e = 0; e < 2; e++) begin : gen_drop
    assign drop[e] = run_q[e] && err_q[e] == CmdErrRange;
  end

  // After a failure the queue needs a cycle to withdraw its next command.
  always_comb begin
    failed = done_q.valid && done_q.err != CmdOk;
    for (int unsigned e = 0; e < 2; e++) begin
      if (run_q[e] && (err_q[e] != CmdOk || range_now[e] || shape_now[e])) failed = 1'b1;
    end
  end

  assign finish = run_q[old_q] && fin_q[old_q] == '1 && drain == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      run_q   <= '0;
      enter_q <= '0;
      next_q  <= 1'b0;
      join_q  <= 1'b0;
      old_q   <= 1'b0;
    end else begin
      if (finish) begin
        run_q[old_q] <= 1'b0;
        old_q        <= !old_q;
      end
      if (fire && port_fin[0]) begin
        enter_q[join_q] <= 1'b0;
        join_q          <= !join_q;
      end
      if (start) begin
        run_q[next_q]   <= 1'b1;
        enter_q[next_q] <= 1'b1;
        next_q          <= !next_q;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    done_q.valid <= rst_ni && ((go && !start) || finish);
    if (finish) begin
      done_q.id   <= id_q[old_q];
      done_q.err  <= err_q[old_q];
      done_q.info <= err_q[old_q] == CmdOk ? {1'b0, info_q[old_q]} : '0;
      done_q.addr <= 56'(err_addr_q[old_q]);
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
  logic [2:0]  refused;   // a missing beat's request was not accepted

  assign refused = ~port_ready & ~drain & spm_valid_o[2:0] & ~spm_ready_i[2:0];

  always_comb begin
    state_d = StIdle;
    if (fire) state_d = StBusy;
    else if (enter_q[join_q]) begin
      if (!room) state_d = StBlocked;
      else if (refused != '0) state_d = StConflict;
      else state_d = StStarved;
    end else if (run_q != '0) state_d = StBlocked;
    else if (!front_idle) state_d = StConfig;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      ops_q   <= '0;
    end else begin
      state_q <= state_d;
      ops_q   <= fire ? 16'(Lanes) : '0;
    end
  end

  assign state_o = state_q;
  assign ops_o   = ops_q;
  assign idle_o  = front_idle && run_q == '0 && !done_q.valid && state_q == StIdle;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(OldestFirst, !finish || !(enter_q[old_q] && join_q == old_q))
  `TSR_ASSERT(EmptyWhenIdle, run_q != '0 || (stage_idle == '1 && red_idle && !entry_valid_q))
  for (genvar i = 0; i < 3; i++) begin : gen_check
    `TSR_ASSERT(OwnBeat, !(fire && beat_ready[i] && !(i == 0 && from_chain)) ||
                         stream_beat[i].epoch == join_q || drain[i])
  end

endmodule
