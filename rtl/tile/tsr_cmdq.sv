// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Command queue in front of one engine: staging words, eight commands, semaphore waits before and
/// semaphore posts after each command, and stopping on an error.
///
/// Latency: a pushed command reaches an idle engine 2 cycles after the push (3 with waits).
/// Backpressure: a push into a full queue is refused (`push_err_o`) and changes nothing.
/// Throughput: one command every 2 cycles.
/// Reset: control state only; staging words and queue memory keep whatever they held.
///
/// A failed command emits no post and no interrupt. Commands that the engine had accepted before the
/// failure still complete; later ones wait until `flush_i`.
module tsr_cmdq
  import tsr_tile_pkg::*;
#(
  parameter int unsigned Depth       = 8,  // commands; power of two, 2..8
  parameter int unsigned MaxInFlight = 4   // accepted by the engine, not yet done; 1..4
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  // Staging: word writes; word 15 pushes.
  input  logic                stage_valid_i,
  input  logic [3:0]          stage_word_i,
  input  logic [31:0]         stage_data_i,
  output logic                push_err_o,     // same cycle
  output logic [3:0]          free_o,         // free entries

  input  logic                flush_i,        // drop queued commands, clear the stop
  output logic                stopped_o,
  output logic                busy_o,         // commands queued or running

  // Semaphore waits: both must hold; the grant takes the amounts.
  output logic                wait_valid_o,
  output sem_wait_t [1:0]     wait_o,
  input  logic                wait_gnt_i,

  // Engine.
  output logic                cmd_valid_o,
  input  logic                cmd_ready_i,
  output cmd_t                cmd_o,
  input  done_t               done_i,
  input  logic                void_i,         // commands that end now were given up: no effects

  // Effects of a finished command: local posts and interrupt as pulses, remote post as a stream.
  output logic [1:0]          post_valid_o,
  output sem_post_t [1:0]     post_o,
  output logic                irq_o,
  output logic                rpost_valid_o,
  input  logic                rpost_ready_i,
  output logic [3:0]          rpost_id_o,
  output logic [7:0]          rpost_n_o,
  output cmd_rect_t           rpost_rect_o
);

  localparam int unsigned PtrW = tsr_pkg::idx_width(Depth);

  `TSR_STATIC_ASSERT(DepthLegal, Depth >= 2 && Depth <= 8 && (Depth & (Depth - 1)) == 0)

  // ---------------------------------------------------------------- staging and queue
  logic [15:0][31:0] stage_q;
  logic [15:0][31:0] queue_q [Depth];
  logic [PtrW-1:0]   wr_q, rd_q;
  logic [3:0]        count_q;
  logic              push, pop, full;

  assign full       = count_q == 4'(Depth);
  assign push       = stage_valid_i && stage_word_i == 4'd15 && !full;
  assign push_err_o = stage_valid_i && stage_word_i == 4'd15 && full;
  assign free_o     = 4'(Depth) - count_q;

  always_ff @(posedge clk_i) begin
    if (stage_valid_i) stage_q[stage_word_i] <= stage_data_i;
    if (push) queue_q[wr_q] <= {stage_data_i, stage_q[14:0]};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q    <= '0;
      rd_q    <= '0;
      count_q <= '0;
    end else if (flush_i) begin
      wr_q    <= '0;
      rd_q    <= '0;
      count_q <= '0;
    end else begin
      if (push) wr_q <= wr_q + 1'b1;
      if (pop) rd_q <= rd_q + 1'b1;
      if (push != pop) count_q <= push ? count_q + 4'd1 : count_q - 4'd1;
    end
  end

  // ---------------------------------------------------------------- head: wait, then offer
  // The head is copied out of the queue once, so that the wide memory is read once a command.
  cmd_t       head_q;
  logic       head_valid_q, waited_q, stopped_q;
  logic [2:0] flight_q;       // accepted, not done
  logic [3:0] rpost_count_q;  // remote posts waiting for the network
  logic       accept, room, need_wait;

  assign pop       = !head_valid_q && count_q != '0 && !stopped_q;
  assign need_wait = head_q.waits[0].en || head_q.waits[1].en;
  assign room      = {1'b0, flight_q} + rpost_count_q < 4'd8 && flight_q < 3'(MaxInFlight);

  assign wait_valid_o = head_valid_q && need_wait && !waited_q && !stopped_q;
  assign wait_o       = head_q.waits;
  assign cmd_valid_o  = head_valid_q && (waited_q || !need_wait) && room && !stopped_q;
  assign cmd_o        = head_q;
  assign accept       = cmd_valid_o && cmd_ready_i;
  assign stopped_o    = stopped_q;
  assign busy_o       = head_valid_q || count_q != '0 || flight_q != '0 || rpost_count_q != '0;

  always_ff @(posedge clk_i) begin
    if (pop) head_q <= queue_q[rd_q];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_valid_q <= 1'b0;
      waited_q     <= 1'b0;
      stopped_q    <= 1'b0;
    end else if (flush_i) begin
      head_valid_q <= 1'b0;
      waited_q     <= 1'b0;
      stopped_q    <= 1'b0;
    end else begin
      if (pop) begin
        head_valid_q <= 1'b1;
        waited_q     <= 1'b0;
      end else if (accept) begin
        head_valid_q <= 1'b0;
      end
      if (wait_valid_o && wait_gnt_i) waited_q <= 1'b1;
      if (done_i.valid && done_i.err != CmdOk) stopped_q <= 1'b1;
    end
  end

  // ---------------------------------------------------------------- in flight: what to do when done
  typedef struct packed {
    logic            irq;
    cmd_rect_t       rect;
    sem_post_t [1:0] post;
  } flight_t;

  flight_t    flight_mem_q [4];
  logic [1:0] fl_wr_q, fl_rd_q;
  flight_t    fl_head;

  assign fl_head = flight_mem_q[fl_rd_q];

  always_ff @(posedge clk_i) begin
    if (accept) begin
      flight_mem_q[fl_wr_q] <= '{irq: cmd_o.irq, rect: cmd_o.post_rect, post: cmd_o.post};
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fl_wr_q  <= '0;
      fl_rd_q  <= '0;
      flight_q <= '0;
    end else begin
      if (accept) fl_wr_q <= fl_wr_q + 2'd1;
      if (done_i.valid) fl_rd_q <= fl_rd_q + 2'd1;
      if (accept != done_i.valid) flight_q <= accept ? flight_q + 3'd1 : flight_q - 3'd1;
    end
  end

  logic ok;
  assign ok              = done_i.valid && done_i.err == CmdOk && !void_i;
  assign irq_o           = ok && fl_head.irq;
  assign post_o          = fl_head.post;
  assign post_valid_o[0] = ok && fl_head.post[0].en && !fl_head.post[0].remote;
  assign post_valid_o[1] = ok && fl_head.post[1].en;

  // ---------------------------------------------------------------- remote posts
  typedef struct packed {
    logic [3:0] id;
    logic [7:0] n;
    cmd_rect_t  rect;
  } rpost_t;

  rpost_t     rpost_mem_q [8];
  logic [2:0] rp_wr_q, rp_rd_q;
  logic       rp_push, rp_pop;

  assign rp_push       = ok && fl_head.post[0].en && fl_head.post[0].remote;
  assign rp_pop        = rpost_valid_o && rpost_ready_i;
  assign rpost_valid_o = rpost_count_q != '0;
  assign {rpost_id_o, rpost_n_o, rpost_rect_o} = rpost_mem_q[rp_rd_q];

  always_ff @(posedge clk_i) begin
    if (rp_push) begin
      rpost_mem_q[rp_wr_q] <= '{id: fl_head.post[0].id, n: fl_head.post[0].n, rect: fl_head.rect};
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rp_wr_q       <= '0;
      rp_rd_q       <= '0;
      rpost_count_q <= '0;
    end else begin
      if (rp_push) rp_wr_q <= rp_wr_q + 3'd1;
      if (rp_pop) rp_rd_q <= rp_rd_q + 3'd1;
      if (rp_push != rp_pop) begin
        rpost_count_q <= rp_push ? rpost_count_q + 4'd1 : rpost_count_q - 4'd1;
      end
    end
  end

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(DoneOnlyInFlight, !done_i.valid || flight_q != '0)
  `TSR_ASSERT(FlightBounded, flight_q <= 3'(MaxInFlight))
  `TSR_ASSERT(RemotePostsFit, !rp_push || rpost_count_q < 4'd8)

endmodule
