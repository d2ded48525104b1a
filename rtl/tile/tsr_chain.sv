// SPDX-License-Identifier: Apache-2.0

/// Chain from one engine to another, which can be broken at either end when its partner will never come.
///
/// *Latency:* 0.
/// *Backpressure:* whole chain: the destination's. Broken: none.
/// *Throughput:* one beat a cycle.
/// *Reset:* no state.
module tsr_chain
  import tsr_tile_pkg::*;
(
  /// Throw away what the source gives; make up what the destination waits for.
  input  logic  src_break_i,
  input  logic  dst_break_i,

  input  logic  src_valid_i,
  output logic  src_ready_o,
  input  beat_t src_beat_i,
  output logic  dst_valid_o,
  input  logic  dst_ready_i,
  output beat_t dst_beat_o,

  /// Pulse: a beat was thrown away, made up.
  output logic  src_lost_o,
  output logic  dst_made_o
);

  assign dst_valid_o = dst_break_i || (src_valid_i && !src_break_i);
  assign src_ready_o = src_break_i || (dst_ready_i && !dst_break_i);
  assign src_lost_o  = src_break_i && src_valid_i;
  assign dst_made_o  = dst_break_i && dst_ready_i;

  // A made up beat has no valid byte and ends everything.
  always_comb begin
    dst_beat_o = src_beat_i;
    if (dst_break_i) begin
      dst_beat_o      = '0;
      dst_beat_o.fin  = 1'b1;
      dst_beat_o.last = '1;
    end
  end

endmodule
