// SPDX-License-Identifier: Apache-2.0

/// FP32 multiply-add in sixteen lanes: product, aligned sum. The rounding is for the register behind.
///
/// *Latency:* 2 cycles from the operands to the sum.
/// *Backpressure:* none; the stage gives the enables.
/// *Throughput:* one group a cycle.
/// *Reset:* none.
module tsr_ve_fma
  import tsr_ve_pkg::*;
  import tsr_ve_types_pkg::*;
  import tsr_ve_fp_pkg::*;
(
  input  logic       clk_i,

  /// A group enters the product, the sum.
  input  logic [1:0] en_i,
  /// a * b + c.
  input  vec_t       a_i,
  input  vec_t       b_i,
  input  vec_t       c_i,
  /// fma_sum_t.
  output wide_t      sum_o
);

  wide_t prod_q, sum_q;   // fma_prod_t, fma_sum_t
  vec_t  addend_q;

  always_ff @(posedge clk_i) begin
    if (en_i[0]) begin
      wide_t p;
      for (int unsigned l = 0; l < Lanes; l++) p[l] = 64'(fma_mul(a_i[l], b_i[l], c_i[l]));
      prod_q   <= p;
      addend_q <= c_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i[1]) begin
      wide_t s;
      for (int unsigned l = 0; l < Lanes; l++) begin
        s[l] = fma_add(prod_q[l][$bits(fma_prod_t)-1:0], addend_q[l]);
      end
      sum_q <= s;
    end
  end

  assign sum_o = sum_q;

endmodule
