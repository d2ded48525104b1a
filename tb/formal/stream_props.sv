// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Proof of the queues of rtl/common: nothing lost, doubled, overtaken or changed; ready and valid as they say.
///
/// One item is followed at a time, chosen arbitrarily: its value and how many are before it. Both sides may stall at
/// any time, and clear may come at any time.
module stream_props #(
  /// 0 FIFO, 1 fall-through FIFO, 2 skid, 3 spill.
  parameter int unsigned Cell = 0,
  /// Items: as Depth of tsr_fifo; the skid keeps 1, the spill register 2.
  parameter int unsigned Depth = 4
) (
  input logic       clk_i,
  input logic       clr_i,
  input logic       in_valid_i,
  input logic [1:0] in_data_i,
  input logic       out_ready_i,
  /// Follow the item that enters now.
  input logic       pick_i
);

  localparam int unsigned CountW = tsr_pkg::idx_width(Depth + 1);
  // The output may show an item in the cycle in which it enters.
  localparam bit Through = (Cell == 1) || (Cell == 2);
  typedef logic [CountW-1:0] count_t;

  logic rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic       in_ready, out_valid, clr;
  logic [1:0] out_data;
  count_t     count;
  // What the queue must hold.
  count_t     held_q;

  if (Cell <= 1) begin : gen_fifo
    assign clr = clr_i;
    tsr_fifo #(.Width(2), .Depth(Depth), .FallThrough(Cell == 1)) u_dut (
      .clk_i, .rst_ni, .clr_i(clr), .in_valid_i, .in_ready_o(in_ready), .in_data_i,
      .out_valid_o(out_valid), .out_ready_i, .out_data_o(out_data), .count_o(count)
    );
  end else if (Cell == 2) begin : gen_skid
    assign clr   = 1'b0;
    assign count = held_q;
    tsr_skid #(.Width(2)) u_dut (
      .clk_i, .rst_ni, .in_valid_i, .in_ready_o(in_ready), .in_data_i,
      .out_valid_o(out_valid), .out_ready_i, .out_data_o(out_data)
    );
  end else begin : gen_spill
    assign clr   = 1'b0;
    assign count = held_q;
    tsr_spill #(.Width(2)) u_dut (
      .clk_i, .rst_ni, .in_valid_i, .in_ready_o(in_ready), .in_data_i,
      .out_valid_o(out_valid), .out_ready_i, .out_data_o(out_data)
    );
  end

  logic       push, pop, stored_q;
  count_t     ahead_q;
  logic [1:0] value_q;
  assign push = in_valid_i && in_ready;
  assign pop  = out_valid && out_ready_i;

  always_ff @(posedge clk_i) begin
    held_q <= held_q + count_t'(push) - count_t'(pop);
    if (stored_q && pop) begin
      if (ahead_q == '0) stored_q <= 1'b0;
      else ahead_q <= ahead_q - 1'b1;
    end
    if (!stored_q && push && pick_i && !(Through && (held_q == '0) && pop)) begin
      stored_q <= 1'b1;
      value_q  <= in_data_i;
      ahead_q  <= held_q - count_t'(pop);
    end
    if (!rst_ni || clr) begin
      held_q   <= '0;
      stored_q <= 1'b0;
    end
  end

  `TSR_ASSERT(ReadyWhileRoom, in_ready == (held_q != count_t'(Depth)))
  `TSR_ASSERT(ValidWhileHeld, out_valid == ((held_q != '0) || (Through && in_valid_i)))
  `TSR_ASSERT(CountIsHeld, count == held_q)
  `TSR_ASSERT(ItemInPlace, !stored_q || (ahead_q < held_q))
  `TSR_ASSERT(ItemUnchanged, !(stored_q && (ahead_q == '0)) || (out_data == value_q))
  `TSR_ASSERT(FallsThrough, !(Through && (held_q == '0) && in_valid_i) || (out_data == in_data_i))

endmodule
