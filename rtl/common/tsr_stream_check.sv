// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Protocol checker of a valid/ready stream: valid and payload are held until ready.
///
/// Instantiate it beside the wires it watches. It drives nothing and vanishes with `TSR_ASSERT_OFF.
///
/// *Latency:* a violation is reported at the edge that ends the offending cycle.
/// *Reset:* forgets the previous cycle.
module tsr_stream_check #(
  /// Bits of an item, when T is not given; >= 1.
  parameter int unsigned Width = 32,
  /// Item type, packed.
  parameter type T = logic [Width-1:0]
) (
  input logic clk_i,
  input logic rst_ni,
  input logic valid_i,
  input logic ready_i,
  input T     data_i
);

`ifdef TSR_ASSERT_OFF
  logic unused_inputs;
  assign unused_inputs = ^{clk_i, rst_ni, valid_i, ready_i, data_i};
`else
  // An item was offered and not taken in the previous cycle.
  logic stalled_q;
  T     data_q;

  always_ff @(posedge clk_i) begin
    stalled_q <= rst_ni && valid_i && !ready_i;
    if (valid_i && !ready_i) data_q <= data_i;
  end

  `TSR_ASSERT(ValidHeldUntilReady, !stalled_q || valid_i)
  `TSR_ASSERT(DataHeldUntilReady, !(stalled_q && valid_i) || (data_i == data_q))
`endif

endmodule
