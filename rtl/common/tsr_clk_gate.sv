// SPDX-License-Identifier: Apache-2.0
/// Clock gate: latch and AND, the only cell that may drive a clock net.
///
/// *Latency:* en_i is taken while clk_i is low and decides about the next high phase; en_i comes from flops
/// of clk_i. *Reset:* none. Replace this file by the library's integrated clock gate for a real process.
module tsr_clk_gate (
  input  logic clk_i,
  input  logic en_i,
  /// Scan test: clock always on.
  input  logic test_en_i,
  output logic clk_o
);

  logic en_q;

  always_latch begin
    if (!clk_i) en_q = en_i | test_en_i;
  end

  assign clk_o = clk_i & en_q;

endmodule
