// SPDX-License-Identifier: Apache-2.0
/// Histogram of the latency of reads: from the acceptance of a block to the cycle in which its checked response is
/// offered, which is one after it leaves the pseudo channel (tsr_hbm_ecc).
///
/// Two classes an octave: class 0 counts latencies below 16 cycles (32 DRAM clocks), class 1 below 24, class 2 below
/// 32, class 3 below 48, ... class 14 below 2048, class 15 all others.
///
/// *Latency:* a response counts from the next cycle on. *Backpressure:* none. *Throughput:* one start and one
/// answer a cycle. *Reset:* all counts zero; the times of starts are not reset.
module tsr_hbm_latency
  import tsr_hbm_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        clear_i,

  /// A read is accepted and gets a slot.
  input  logic        start_i,
  input  idx_t        start_slot_i,
  /// The read of a slot moves to the output, which is free or gets free in this cycle.
  input  logic        take_i,
  input  idx_t        take_slot_i,
  /// The response at the output leaves.
  input  logic        answer_i,

  input  logic [3:0]  sel_i,
  output logic [63:0] cnt_o
);

  typedef logic [15:0] time_t;

  time_t       now_q, out_since_q, latency;
  time_t       since_q [Entries];
  logic [63:0] count_q [16];
  logic [15:0] zero_q;        // the count is zero, whatever count_q holds

  assign latency = now_q - out_since_q + 16'd1;
  assign cnt_o   = zero_q[sel_i] ? '0 : count_q[sel_i];

  /// The highest set bit gives the octave, the bit below it the half.
  function automatic logic [3:0] class_of(time_t cycles);
    logic [3:0] c;
    c = '0;
    for (int unsigned i = 4; i < 11; i++) begin
      if (cycles[i]) c = 4'(2 * i - 7) + {3'b0, cycles[i-1]};
    end
    return (cycles[15:11] != '0) ? 4'd15 : c;
  endfunction

  always_ff @(posedge clk_i) begin
    automatic logic [3:0] c;
    now_q <= now_q + 16'd1;
    if (start_i) since_q[start_slot_i] <= now_q;
    if (take_i) out_since_q <= since_q[take_slot_i];
    if (answer_i) begin
      c = class_of(latency);
      count_q[c] <= (zero_q[c] ? '0 : count_q[c]) + 64'd1;
      zero_q[c]  <= 1'b0;
    end
    if (!rst_ni) now_q <= '0;
    if (!rst_ni || clear_i) zero_q <= '1;
  end

endmodule
