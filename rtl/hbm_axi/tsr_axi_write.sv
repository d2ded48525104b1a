// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Write half of an AXI4 slave: one request a beat; a burst is answered when all its beats are.
///
/// Beats are requested in the order of AW. Answers of one ID stay in order; those of other IDs overtake.
///
/// *Latency:* 2 cycles from AW and W to the request, 2 from the last answer to B. *Backpressure:* AW waits while
/// Bursts bursts are open; answers are always taken. *Throughput:* one beat a cycle.
/// *Reset:* empty; data are not reset. All AXI outputs come from flops.
module tsr_axi_write
  import tsr_axi_pkg::*;
#(
  /// Bits of an ID.
  parameter int unsigned IdW = 4,
  /// Open bursts, a power of two.
  parameter int unsigned Bursts = 16,
  localparam int unsigned PosW = tsr_pkg::idx_width(Bursts)
) (
  input  logic            clk_i,
  input  logic            rst_ni,

  input  logic            aw_valid_i,
  output logic            aw_ready_o,
  input  logic [IdW-1:0]  aw_id_i,
  input  cmd_t            aw_cmd_i,

  input  logic            w_valid_i,
  output logic            w_ready_o,
  input  tsr_pkg::data_t  w_data_i,
  input  logic [63:0]     w_strb_i,
  input  logic            w_last_i,

  output logic            b_valid_o,
  input  logic            b_ready_i,
  output logic [IdW-1:0]  b_id_o,
  output resp_e           b_resp_o,

  /// One beat of burst `req_burst_o`. Valid does not wait for ready.
  output logic            req_valid_o,
  input  logic            req_ready_i,
  output cmd_t            req_cmd_o,
  output tsr_pkg::data_t  req_data_o,
  output logic [63:0]     req_strb_o,
  output logic [PosW-1:0] req_burst_o,

  /// Answer of one beat of a burst.
  input  logic            rsp_valid_i,
  input  logic [PosW-1:0] rsp_burst_i,
  input  resp_e           rsp_resp_i
);

  `TSR_STATIC_ASSERT(BurstsArePowerOfTwo, (Bursts & (Bursts - 1)) == 0)

  typedef logic [IdW-1:0]  id_t;
  typedef logic [PosW-1:0] pos_t;

  typedef struct packed {
    id_t  id;
    cmd_t cmd;
  } aw_t;

  typedef struct packed {
    tsr_pkg::data_t data;
    logic [63:0]    strb;
    logic           last;
  } w_t;

  typedef struct packed {
    id_t   id;
    resp_e resp;
  } b_t;

  // ------------------------------------------------------------ requests

  logic in_valid, in_ready, beat_valid;
  aw_t  in;
  w_t   beat;
  tsr_spill #(.T(aw_t)) u_aw (
    .clk_i, .rst_ni, .in_valid_i(aw_valid_i), .in_ready_o(aw_ready_o), .in_data_i('{id: aw_id_i, cmd: aw_cmd_i}),
    .out_valid_o(in_valid), .out_ready_i(in_ready), .out_data_o(in));

  logic       cur_valid_q, issue, issue_last, full;
  cmd_t       cur_q;
  logic [7:0] cur_left_q;  // beats after this one
  pos_t       cur_burst_q;

  tsr_spill #(.T(w_t)) u_w (
    .clk_i, .rst_ni, .in_valid_i(w_valid_i), .in_ready_o(w_ready_o),
    .in_data_i('{data: w_data_i, strb: w_strb_i, last: w_last_i}),
    .out_valid_o(beat_valid), .out_ready_i(cur_valid_q && req_ready_i), .out_data_o(beat));

  assign req_valid_o = cur_valid_q && beat_valid;
  assign req_cmd_o   = cur_q;
  assign req_data_o  = beat.data;
  assign req_strb_o  = beat.strb;
  assign req_burst_o = cur_burst_q;
  assign issue       = req_valid_o && req_ready_i;
  assign issue_last  = issue && (cur_left_q == '0);
  assign in_ready    = !full && (!cur_valid_q || issue_last);

  // ------------------------------------------------------------ open bursts, a ring

  logic [Bursts-1:0] open_q, issued_q;   // issued: all beats are requested
  pos_t              tail_q, head_q;     // next one to open; the oldest that may be open
  id_t               id_q    [Bursts];
  resp_e             resp_q  [Bursts];
  logic [8:0]        count_q [Bursts];   // beats without an answer

  logic              out_valid, out_ready, close;
  pos_t              pos;

  assign full = open_q[tail_q];

  // The oldest finished burst with no older one of its ID.
  always_comb begin
    automatic logic [Bursts-1:0] older;
    automatic pos_t              p, o;
    out_valid = 1'b0;
    pos       = '0;
    for (int unsigned i = Bursts; i > 0; i--) begin
      p     = head_q + pos_t'(i - 1);
      older = '0;
      for (int unsigned j = 0; j < i - 1; j++) begin
        o        = head_q + pos_t'(j);
        older[j] = open_q[o] && (id_q[o] == id_q[p]);
      end
      if (open_q[p] && issued_q[p] && (count_q[p] == '0) && (older == '0)) begin
        out_valid = 1'b1;
        pos       = p;
      end
    end
  end
  assign close = out_valid && out_ready;

  always_ff @(posedge clk_i) begin
    if (issue) begin
      cur_q.addr <= next_addr(cur_q);
      cur_left_q <= cur_left_q - 8'd1;
    end
    if (issue != (rsp_valid_i && (rsp_burst_i == cur_burst_q))) begin
      count_q[cur_burst_q] <= issue ? count_q[cur_burst_q] + 9'd1 : count_q[cur_burst_q] - 9'd1;
    end
    if (rsp_valid_i) begin
      if (rsp_burst_i != cur_burst_q) count_q[rsp_burst_i] <= count_q[rsp_burst_i] - 9'd1;
      resp_q[rsp_burst_i] <= worse(resp_q[rsp_burst_i], rsp_resp_i);
    end
    if (issue_last) begin
      cur_valid_q           <= 1'b0;
      issued_q[cur_burst_q] <= 1'b1;
    end
    if (close) open_q[pos] <= 1'b0;
    if ((head_q != tail_q || full) && !open_q[head_q]) head_q <= head_q + 1'b1;
    if (in_valid && in_ready) begin
      cur_valid_q      <= 1'b1;
      cur_q            <= in.cmd;
      cur_left_q       <= in.cmd.len;
      cur_burst_q      <= tail_q;
      tail_q           <= tail_q + 1'b1;
      open_q[tail_q]   <= 1'b1;
      issued_q[tail_q] <= 1'b0;
      id_q[tail_q]     <= in.id;
      resp_q[tail_q]   <= RespOkay;
      count_q[tail_q]  <= '0;
    end
    if (!rst_ni) begin
      cur_valid_q <= 1'b0;
      cur_burst_q <= '0;
      open_q      <= '0;
      issued_q    <= '0;
      tail_q      <= '0;
      head_q      <= '0;
    end
  end

  b_t b;
  tsr_spill #(.T(b_t)) u_b (
    .clk_i, .rst_ni, .in_valid_i(out_valid), .in_ready_o(out_ready), .in_data_i('{id: id_q[pos], resp: resp_q[pos]}),
    .out_valid_o(b_valid_o), .out_ready_i(b_ready_i), .out_data_o(b));
  assign b_id_o   = b.id;
  assign b_resp_o = b.resp;

  `TSR_ASSERT(AnswerIsExpected, !rsp_valid_i || (open_q[rsp_burst_i] && (count_q[rsp_burst_i] != '0)))
  `TSR_ASSERT(LastEndsTheBurst, !issue || (beat.last == (cur_left_q == '0)))
  `TSR_ASSERT(SizeIsLegal, !aw_valid_i || (aw_cmd_i.size <= 3'd6))

endmodule
