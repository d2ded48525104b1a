// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Delay line: what is pushed comes out in the chip cycle before the clock it is due.
///
/// All pushes of one line carry the same delay, so they leave in order: one comparison a cycle serves any
/// number of events in flight.
///
/// *Latency:* an event due at clock d shows in cycle d / 2 - 1 for one cycle; d / 2 must be at least two
/// cycles ahead of the push. *Backpressure:* none: at most Depth events may be in flight.
/// *Throughput:* one event a cycle. *Reset:* empty; stored events are not reset.
module tsr_hbm_delay #(
  /// Events in flight, a power of two.
  parameter int unsigned Depth = 16,
  /// Bits of an event.
  parameter int unsigned Width = 4
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  /// Chip cycle counter.
  input  logic [9:0]       now_i,

  input  logic             push_i,
  /// DRAM clock the event is due, modulo 2048.
  input  logic [10:0]      due_i,
  input  logic [Width-1:0] data_i,

  output logic             valid_o,
  /// The event is due in the second clock of its cycle.
  output logic             late_o,
  output logic [Width-1:0] data_o,
  output logic             empty_o,
  /// Until the next event shows; means nothing while empty_o.
  output logic [9:0]       next_o
);

  localparam int unsigned PtrW = tsr_pkg::idx_width(Depth);

  typedef struct packed {
    logic [10:0]      due;
    logic [Width-1:0] data;
  } event_t;

  event_t          mem_q [Depth];
  logic [PtrW-1:0] wr_q, rd_q;
  logic            full_q;
  event_t          head;

  assign empty_o = (wr_q == rd_q) && !full_q;
  assign head    = mem_q[rd_q];
  assign next_o  = head.due[10:1] - now_i - 10'd1;
  assign valid_o = !empty_o && (head.due[10:1] == now_i + 10'd1);
  assign late_o  = head.due[0];
  assign data_o  = head.data;

  always_ff @(posedge clk_i) begin
    if (push_i) begin
      mem_q[wr_q] <= '{due: due_i, data: data_i};
      wr_q        <= wr_q + 1'b1;
    end
    if (valid_o) rd_q <= rd_q + 1'b1;
    if (push_i != valid_o) full_q <= push_i && (wr_q + 1'b1 == rd_q);
    if (!rst_ni) begin
      wr_q   <= '0;
      rd_q   <= '0;
      full_q <= 1'b0;
    end
  end

  `TSR_STATIC_ASSERT(DepthIsPowerOfTwo, (Depth & (Depth - 1)) == 0)
  `TSR_ASSERT(NoOverflow, !push_i || !full_q || valid_o)
  `TSR_ASSERT(DueIsAhead, !push_i || (10'(due_i[10:1] - now_i - 10'd2) < 10'd600))

endmodule
