// SPDX-License-Identifier: Apache-2.0

/// Special functions in sixteen lanes: prepare and look up, slope, value, normalize. The last step is for the register
/// behind.
///
/// *Latency:* 4 cycles from the aligned operand to the normalized value.
/// *Backpressure:* none; the stage gives the enables.
/// *Throughput:* one group a cycle.
/// *Reset:* none.
module tsr_ve_sfu
  import tsr_ve_pkg::*;
  import tsr_ve_types_pkg::*;
  import tsr_ve_fp_pkg::*;
  import tsr_sfu_pkg::*;
(
  input  logic       clk_i,

  /// A group enters the first .. fourth register.
  input  logic [3:0] en_i,
  /// sfu_align_t.
  input  wide_t      align_i,
  /// sfu_norm_t.
  output wide_t      norm_o
);

  // Lanes of 64 bits; what the upper bits would hold is not built.
  wide_t point_q, word_q, slope_q, value_q, norm_q;
  vec_t  base_q;

  always_ff @(posedge clk_i) begin
    if (en_i[0]) begin
      wide_t     n, w;
      sfu_prep_t p;
      for (int unsigned l = 0; l < Lanes; l++) begin
        p    = sfu_prepare(align_i[l][$bits(sfu_align_t)-1:0]);
        n[l] = 64'({p.ctl, p.x});
        w[l] = sfu_lookup(p.addr);
      end
      point_q <= n;
      word_q  <= w;
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i[1]) begin
      wide_t     n;
      vec_t      c;
      sfu_word_t w;
      for (int unsigned l = 0; l < Lanes; l++) begin
        w    = word_q[l];
        n[l] = 64'(sfu_step_slope(w, point_q[l][$bits(sfu_point_t)-1:0]));
        c[l] = 32'(w.c0);
      end
      slope_q <= n;
      base_q  <= c;
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i[2]) begin
      wide_t n;
      for (int unsigned l = 0; l < Lanes; l++) begin
        n[l] = 64'(sfu_step_value(base_q[l][26:0], slope_q[l][$bits(sfu_slope_t)-1:0]));
      end
      value_q <= n;
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i[3]) begin
      wide_t n;
      for (int unsigned l = 0; l < Lanes; l++) begin
        n[l] = 64'(sfu_step_norm(value_q[l][$bits(sfu_value_t)-1:0]));
      end
      norm_q <= n;
    end
  end

  assign norm_o = norm_q;

endmodule
