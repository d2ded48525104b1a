// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// First-in first-out queue with valid/ready on both sides.
///
/// *Latency:* 1 cycle; with FallThrough 0 cycles while empty.
/// *Backpressure:* in_ready_o comes from a register and does not depend on out_ready_i.
/// *Throughput:* one item a cycle; with Depth = 1 one item every two cycles (FallThrough does not change it
/// unless the item falls through).
/// *Reset:* empties the queue; stored data are not reset.
module tsr_fifo #(
  /// Bits of an item, when T is not given; >= 1.
  parameter int unsigned Width = 32,
  /// Items; >= 1, any number.
  parameter int unsigned Depth = 4,
  /// 1: an item entering an empty queue appears at the output in the same cycle (combinational path).
  parameter bit FallThrough = 1'b0,
  /// Item type, packed.
  parameter type T = logic [Width-1:0],
  localparam int unsigned CountW = tsr_pkg::idx_width(Depth + 1)
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// Drop everything at the next edge, an item entering in this cycle too.
  input  logic clr_i,

  input  logic in_valid_i,
  output logic in_ready_o,
  input  T     in_data_i,

  output logic out_valid_o,
  input  logic out_ready_i,
  output T     out_data_o,

  /// Stored items, 0..Depth, from a register.
  output logic [CountW-1:0] count_o
);

  `TSR_STATIC_ASSERT(DepthLegal, Depth >= 1)

  localparam int unsigned PtrW = tsr_pkg::idx_width(Depth);

  T                  mem_q [Depth];
  logic [PtrW-1:0]   wr_q, rd_q;
  logic [CountW-1:0] count_q;
  logic              empty, push, pop;

  function automatic logic [PtrW-1:0] next(logic [PtrW-1:0] ptr);
    return (ptr == PtrW'(Depth - 1)) ? '0 : ptr + 1'b1;
  endfunction

  assign empty      = count_q == '0;
  assign in_ready_o = count_q != CountW'(Depth);
  assign count_o    = count_q;

  if (FallThrough) begin : gen_fall_through
    assign out_valid_o = !empty || in_valid_i;
    assign out_data_o  = empty ? in_data_i : mem_q[rd_q];
    assign push        = in_valid_i && in_ready_o && !(empty && out_ready_i);
  end else begin : gen_registered
    assign out_valid_o = !empty;
    assign out_data_o  = mem_q[rd_q];
    assign push        = in_valid_i && in_ready_o;
  end
  assign pop = !empty && out_ready_i;

  always_ff @(posedge clk_i) begin
    if (push) begin
      mem_q[wr_q] <= in_data_i;
      wr_q        <= next(wr_q);
    end
    if (pop) rd_q <= next(rd_q);
    if (push != pop) count_q <= push ? count_q + 1'b1 : count_q - 1'b1;
    if (!rst_ni || clr_i) begin
      wr_q    <= '0;
      rd_q    <= '0;
      count_q <= '0;
    end
  end

  `TSR_ASSERT(NeverOverfull, !(push && (count_q == CountW'(Depth))))

endmodule
