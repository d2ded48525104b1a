// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Read half of an AXI4 slave: one request a beat, answers in any order, data in the order that AXI wants.
///
/// Beats get slots of a reorder buffer in the order of AR. Bursts of one ID stay in order; one of another ID overtakes
/// once all its beats are requested and its first one is there. Beats of different bursts are not mixed.
///
/// *Latency:* 2 cycles from AR to the request, 2 from the answer to R. *Backpressure:* AR waits while Bursts bursts
/// are open; requests wait for a free slot; answers are always taken. *Throughput:* one beat a cycle.
/// *Reset:* empty; data are not reset. All AXI outputs come from flops.
module tsr_axi_read
  import tsr_axi_pkg::*;
#(
  /// Bits of an ID.
  parameter int unsigned IdW = 4,
  /// Beats under way, a power of two.
  parameter int unsigned Slots = 256,
  /// Open bursts.
  parameter int unsigned Bursts = 64,
  localparam int unsigned SlotW = tsr_pkg::idx_width(Slots)
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             ar_valid_i,
  output logic             ar_ready_o,
  input  logic [IdW-1:0]   ar_id_i,
  input  cmd_t             ar_cmd_i,

  output logic             r_valid_o,
  input  logic             r_ready_i,
  output logic [IdW-1:0]   r_id_o,
  output tsr_pkg::data_t   r_data_o,
  output resp_e            r_resp_o,
  output logic             r_last_o,

  /// One beat. Valid does not wait for ready.
  output logic             req_valid_o,
  input  logic             req_ready_i,
  output cmd_t             req_cmd_o,
  output logic [SlotW-1:0] req_slot_o,

  /// Answer of the beat in a slot.
  input  logic             rsp_valid_i,
  input  logic [SlotW-1:0] rsp_slot_i,
  input  tsr_pkg::data_t   rsp_data_i,
  input  resp_e            rsp_resp_i
);

  `TSR_STATIC_ASSERT(SlotsArePowerOfTwo, (Slots & (Slots - 1)) == 0)

  typedef logic [SlotW-1:0]  slot_t;
  typedef logic [IdW-1:0]    id_t;
  localparam int unsigned    PosW = tsr_pkg::idx_width(Bursts);
  typedef logic [PosW-1:0]   pos_t;

  typedef struct packed {
    id_t  id;
    cmd_t cmd;
  } ar_t;

  typedef struct packed {
    id_t            id;
    tsr_pkg::data_t data;
    resp_e          resp;
    logic           last;
  } beat_t;

  // ------------------------------------------------------------ requests

  logic  in_valid, in_ready;
  ar_t   in;
  tsr_spill #(.T(ar_t)) u_ar (
    .clk_i, .rst_ni, .in_valid_i(ar_valid_i), .in_ready_o(ar_ready_o), .in_data_i('{id: ar_id_i, cmd: ar_cmd_i}),
    .out_valid_o(in_valid), .out_ready_i(in_ready), .out_data_o(in));

  // The burst whose beats are being requested.
  logic             cur_valid_q, issue, issue_last, full;
  cmd_t             cur_q;
  logic [7:0]       cur_left_q;  // beats after this one
  slot_t            alloc_q;
  logic [Slots-1:0] busy_q, done_q;

  assign req_valid_o = cur_valid_q && !busy_q[alloc_q];
  assign req_cmd_o   = cur_q;
  assign req_slot_o  = alloc_q;
  assign issue       = req_valid_o && req_ready_i;
  assign issue_last  = issue && (cur_left_q == '0);
  assign in_ready    = !full && (!cur_valid_q || issue_last);

  always_ff @(posedge clk_i) begin
    if (issue) begin
      alloc_q    <= alloc_q + 1'b1;
      cur_q.addr <= next_addr(cur_q);
      cur_left_q <= cur_left_q - 8'd1;
    end
    if (issue_last) cur_valid_q <= 1'b0;
    if (in_valid && in_ready) begin
      cur_valid_q <= 1'b1;
      cur_q       <= in.cmd;
      cur_left_q  <= in.cmd.len;
    end
    if (!rst_ni) begin
      cur_valid_q <= 1'b0;
      alloc_q     <= '0;
    end
  end

  // ------------------------------------------------------------ open bursts, the oldest first

  logic [Bursts-1:0] open_q, issued_q;  // issued: all beats are requested
  logic [Bursts-1:0] first_q;           // the oldest of its ID
  id_t               id_q   [Bursts];
  slot_t             slot_q [Bursts];   // of the next beat to return
  logic [7:0]        left_q [Bursts];   // beats after that
  logic              lock_q;            // a burst has begun: no other may before it ends
  pos_t              lock_pos_q;

  logic [Bursts-1:0] able;
  logic              take, take_last, out_ready;
  pos_t              pos;
  slot_t             take_slot;

  assign full = open_q[Bursts-1];

  always_comb begin
    for (int unsigned i = 0; i < Bursts; i++) begin
      able[i] = open_q[i] && first_q[i] && ((i == 0) || issued_q[i]) && done_q[slot_q[i]];
    end
  end

  always_comb begin
    pos  = lock_pos_q;
    take = open_q[lock_pos_q] && done_q[slot_q[lock_pos_q]] && out_ready;
    if (!lock_q) begin
      pos = '0;
      for (int unsigned i = Bursts; i > 0; i--) if (able[i-1]) pos = pos_t'(i - 1);
      take = (able != '0) && out_ready;
    end
    take_slot = slot_q[pos];
    take_last = take && (left_q[pos] == '0);
  end

  always_ff @(posedge clk_i) begin
    automatic logic [Bursts-1:0] open, issued, first, same;
    automatic logic              push;
    open   = open_q;
    issued = issued_q;
    first  = first_q;
    push   = in_valid && in_ready;
    // The youngest one is the one whose beats are requested.
    if (issue_last) issued |= open & ~(open >> 1);
    if (take) begin
      slot_q[pos] <= take_slot + 1'b1;
      left_q[pos] <= left_q[pos] - 8'd1;
      lock_q      <= !take_last;
      lock_pos_q  <= pos;
    end
    if (take_last) begin
      // The next one of its ID is the first now.
      for (int unsigned i = 0; i < Bursts; i++) same[i] = open_q[i] && !first_q[i] && (id_q[i] == id_q[pos]);
      first |= same & (~same + 1'b1);
      for (int unsigned i = 0; i < Bursts - 1; i++) begin
        if (pos_t'(i) >= pos) begin
          open[i]   = open[i+1];
          issued[i] = issued[i+1];
          first[i]  = first[i+1];
          id_q[i]   <= id_q[i+1];
          slot_q[i] <= slot_q[i+1];
          left_q[i] <= left_q[i+1];
        end
      end
      open[Bursts-1] = 1'b0;
    end
    if (push) begin
      for (int unsigned i = 0; i < Bursts; i++) begin
        same[i] = open_q[i] && (id_q[i] == in.id) && !(take_last && (pos_t'(i) == pos));
      end
      for (int unsigned i = 0; i < Bursts; i++) begin
        if (!open[i] && ((i == 0) || open[(i == 0) ? 0 : i-1])) begin
          id_q[i]   <= in.id;
          slot_q[i] <= alloc_q + slot_t'(issue);
          left_q[i] <= in.cmd.len;
          issued[i] = 1'b0;
          first[i]  = same == '0;
        end
      end
      open = {open[Bursts-2:0], 1'b1};
    end
    open_q   <= open;
    issued_q <= issued;
    first_q  <= first;
    if (!rst_ni) begin
      open_q     <= '0;
      issued_q   <= '0;
      lock_q     <= 1'b0;
      lock_pos_q <= '0;
    end
  end

  // ------------------------------------------------------------ reorder buffer

  tsr_pkg::data_t data_q [Slots];
  resp_e          resp_q [Slots];

  always_ff @(posedge clk_i) begin
    if (rsp_valid_i) begin
      data_q[rsp_slot_i] <= rsp_data_i;
      resp_q[rsp_slot_i] <= rsp_resp_i;
      done_q[rsp_slot_i] <= 1'b1;
    end
    if (issue) busy_q[alloc_q] <= 1'b1;
    if (take) begin
      busy_q[take_slot] <= 1'b0;
      done_q[take_slot] <= 1'b0;
    end
    if (!rst_ni) begin
      busy_q <= '0;
      done_q <= '0;
    end
  end

  beat_t out, r;
  assign out = '{id: id_q[pos], data: data_q[take_slot], resp: resp_q[take_slot], last: left_q[pos] == '0};
  logic out_valid;
  assign out_valid = lock_q ? open_q[lock_pos_q] && done_q[slot_q[lock_pos_q]] : able != '0;

  tsr_spill #(.T(beat_t)) u_r (
    .clk_i, .rst_ni, .in_valid_i(out_valid), .in_ready_o(out_ready), .in_data_i(out),
    .out_valid_o(r_valid_o), .out_ready_i(r_ready_i), .out_data_o(r));
  assign r_id_o   = r.id;
  assign r_data_o = r.data;
  assign r_resp_o = r.resp;
  assign r_last_o = r.last;

  `TSR_ASSERT(AnswerIsExpected, !rsp_valid_i || (busy_q[rsp_slot_i] && !done_q[rsp_slot_i]))
  `TSR_ASSERT(LockedIsOpen, !lock_q || open_q[lock_pos_q])
  `TSR_ASSERT(SizeIsLegal, !ar_valid_i || (ar_cmd_i.size <= 3'd6))

endmodule
