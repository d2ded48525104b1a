// SPDX-License-Identifier: Apache-2.0

/// Turns semaphore posts for other nodes (of the command queues and of the POST register) into
/// requests of the network interface.
///
/// Latency: 1 cycle for the register, 0 for the queues. Backpressure: queues wait; the register refuses
/// (`reg_err_o`) while four of its posts wait. Order: queues first, lower engine first.
/// Reset: nothing waits.
module tsr_post_out
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
(
  input  logic                  clk_i,
  input  logic                  rst_ni,

  input  logic [NumEng-1:0]      q_valid_i,
  output logic [NumEng-1:0]      q_ready_o,
  input  logic [NumEng-1:0][3:0] q_id_i,
  input  logic [NumEng-1:0][7:0] q_n_i,
  input  cmd_rect_t [NumEng-1:0] q_rect_i,

  input  logic                  reg_valid_i,
  input  logic [3:0]            reg_id_i,
  input  logic [7:0]            reg_n_i,
  input  node_t                 reg_node_i,
  output logic                  reg_err_o,

  output logic                  req_valid_o,
  input  logic                  req_ready_i,
  output ni_req_t               req_o,
  output logic                  idle_o
);

  typedef struct packed {
    rect_t      rect;
    logic [3:0] id;
    logic [7:0] n;
  } post_t;

  post_t [3:0] fifo_q;
  logic [1:0]  wr_q, rd_q;
  logic [2:0]  count_q;
  logic        push, pop;
  logic [NumEng:0] gnt, fresh, gnt_q;  // queues, register
  logic        locked_q;            // the offered post waits: nothing overtakes it
  post_t       win;

  assign reg_err_o = reg_valid_i && count_q == 3'd4;
  assign push      = reg_valid_i && !reg_err_o;
  assign fresh     = {count_q != '0 && q_valid_i == '0, q_valid_i & (~q_valid_i + 1'b1)};
  assign gnt       = locked_q ? gnt_q : fresh;
  assign q_ready_o = req_ready_i ? gnt[NumEng-1:0] : '0;
  assign pop       = gnt[NumEng] && req_ready_i;

  always_ff @(posedge clk_i) begin
    gnt_q <= gnt;
    if (push) fifo_q[wr_q] <= '{rect: '{hi: reg_node_i, lo: reg_node_i}, id: reg_id_i, n: reg_n_i};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q     <= '0;
      rd_q     <= '0;
      count_q  <= '0;
      locked_q <= 1'b0;
    end else begin
      locked_q <= req_valid_o && !req_ready_i;
      if (push) wr_q <= wr_q + 2'd1;
      if (pop) rd_q <= rd_q + 2'd1;
      if (push != pop) count_q <= push ? count_q + 3'd1 : count_q - 3'd1;
    end
  end

  function automatic post_t from_queue(cmd_rect_t r, logic [3:0] id, logic [7:0] n);
    return '{rect: '{hi: '{y: r.y1, x: r.x1}, lo: '{y: r.y0, x: r.x0}}, id: id, n: n};
  endfunction

  always_comb begin
    win   = '0;
    req_o = '0;
    if (gnt != '0) begin
      win = fifo_q[rd_q];
      for (int unsigned e = 0; e < NumEng; e++) begin
        if (gnt[e]) win = from_queue(q_rect_i[e], q_id_i[e], q_n_i[e]);
      end
      req_o.kind  = KindSemPost;
      req_o.mcast = win.rect.lo != win.rect.hi;
      req_o.rect  = win.rect;
      req_o.doff  = {8'b0, win.n, 4'b0, win.id};
      req_o.addr  = {SpaceNode, 8'b0, win.rect.lo.y, win.rect.lo.x,
                     RegsBase + {16'b0, tsr_tile_reg_pkg::SemOffset} + {26'b0, win.id, 2'b0}};
    end
  end

  assign req_valid_o = gnt != '0;
  assign idle_o      = count_q == '0;

endmodule
