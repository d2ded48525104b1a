// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// First register of a stage: operand selection, lane exchange, the ALU, the accumulators, and the operands
/// of the stage's unit.
///
/// *Latency:* 1 cycle.
/// *Backpressure:* none; the stage gives the enable.
/// *Throughput:* one group a cycle, with accumulation too.
/// *Reset:* none; a command's first group starts the accumulators.
module tsr_ve_alu
  import tsr_ve_pkg::*;
  import tsr_ve_types_pkg::*;
  import tsr_ve_fp_pkg::*;
  import tsr_sfu_pkg::*;
#(
  /// Unit behind this register.
  parameter bit HasFma = 1'b0,
  parameter bit HasSfu = 1'b0
) (
  input  logic          clk_i,
  input  logic          rst_ni,

  /// A group enters; its configuration, tags and values.
  input  logic          en_i,
  input  stage_cfg_t    cfg_i,
  input  consts_t [1:0] k_i,
  /// Values that are stored.
  input  logic [3:0]    keep_i,
  input  tag_t          tag_i,
  input  vec_t          v0_i,
  input  vec_t          v1_i,
  input  vec_t          v2_i,
  input  vec_t          v3_i,

  output vec_t          v0_o,
  output vec_t          v1_o,
  output vec_t          v2_o,
  output vec_t          v3_o,
  /// Operands of the unit: of the multiplier; sfu_align_t of the special functions.
  output vec_t          a_o,
  output vec_t          b_o,
  output vec_t          c_o,
  output wide_t         align_o,

  /// The unit's result in front of its last step goes to the accumulators of these lanes.
  input  logic          late_i,
  input  logic [Lanes-1:0] late_mask_i,
  input  wide_t         late_r_i
);

  logic nop, unit;

  assign nop  = is_nop(cfg_i);
  assign unit = (HasFma && is_fma(cfg_i.op)) || (HasSfu && is_sfu(cfg_i.op));

  /// Lane l takes x from lane l ^ n, or with rot from lane (l + n) mod 16.
  function automatic vec_t exchange(vec_t x, logic [3:0] n, logic rot);
    vec_t y, z;
    y = x;
    for (int unsigned i = 0; i < 4; i++) begin
      if (n[i]) begin
        z = y;
        for (int unsigned l = 0; l < Lanes; l++) y[l] = rot ? z[(l+(1<<i))%Lanes] : z[l^(1<<i)];
      end
    end
    return y;
  endfunction

  vec_t  v0_q, v1_q, v2_q, v3_q, acc_q, a_q, b_q, c_q;
  wide_t align_q;
  logic  fresh_q;  // the accumulator reads its initial constant

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (keep_i[0]) v0_q <= v0_i;
      if (keep_i[1]) v1_q <= v1_i;
      if (keep_i[2]) v2_q <= v2_i;
      if (keep_i[3]) v3_q <= v3_i;
    end
    if (en_i && !nop) begin
      vec_t        acc, a, b, c, x, r;
      consts_t     k;
      logic [31:0] word;
      k    = k_i[tag_i.epoch];
      word = k[cfg_i.acc_init];
      acc  = acc_q;
      if (tag_i.first || fresh_q) acc = {Lanes{word}};

      // Operands.
      a = '0;
      b = '0;
      c = '0;
      for (int unsigned o = 0; o < 3; o++) begin
        operand_t source;
        source = (o == 0) ? cfg_i.a : (o == 1) ? cfg_i.b : cfg_i.c;
        if (o == 0 || (o == 1 && uses_b(cfg_i.op)) || (o == 2 && uses_c(cfg_i.op))) begin
          word = k[source.src[2:0]];
          unique case (source.src)
            SrcV0: x = v0_i;
            SrcV1: x = v1_i;
            SrcV2: x = v2_i;
            SrcV3: x = v3_i;
            SrcLane: for (int unsigned l = 0; l < Lanes; l++) x[l] = 32'(l);
            SrcElem: for (int unsigned l = 0; l < Lanes; l++) x[l] = {tag_i.elem, 4'(l)};
            SrcAcc: x = acc;
            SrcZero: x = '0;
            default: x = {Lanes{word}};
          endcase
          if (o == 1 && cfg_i.exch != '0) x = exchange(x, cfg_i.exch, cfg_i.rot);
          if (source.abs) for (int unsigned l = 0; l < Lanes; l++) x[l][31] = 1'b0;
          if (source.neg) for (int unsigned l = 0; l < Lanes; l++) x[l][31] = !x[l][31];
          if (o == 0) a = x;
          else if (o == 1) b = x;
          else c = x;
        end
      end

      // Result, or operands of the unit.
      r = a;
      if (!unit) begin
        if (cfg_i.op != OpPass) begin
          for (int unsigned l = 0; l < Lanes; l++) r[l] = alu(cfg_i.op, cfg_i.rm, a[l], b[l], c[l]);
        end
        unique case (cfg_i.dst)
          3'd0: v0_q <= r;
          3'd1: v1_q <= r;
          3'd2: v2_q <= r;
          3'd3: v3_q <= r;
          default: ;
        endcase
      end else if (HasFma) begin
        for (int unsigned l = 0; l < Lanes; l++) begin
          // A product alone takes a zero of its own sign.
          if (cfg_i.op == OpMul) c[l] = (a[l] ^ b[l]) & Sign;
          if (cfg_i.op == OpAdd || cfg_i.op == OpSub) begin
            c[l] = (cfg_i.op == OpSub) ? b[l] ^ Sign : b[l];
            b[l] = One;
          end
        end
        a_q <= a;
        b_q <= b;
        c_q <= c;
      end else if (HasSfu) begin
        wide_t n;
        for (int unsigned l = 0; l < Lanes; l++) n[l] = 64'(sfu_step_align(cfg_i.op, a[l]));
        align_q <= n;
      end

      // Accumulators: invalid lanes keep theirs; so do all until the unit has finished.
      fresh_q <= tag_i.last[cfg_i.acc_loop] || ((tag_i.first || fresh_q) && !cfg_i.acc_en);
      if (cfg_i.acc_en) begin
        for (int unsigned l = 0; l < Lanes; l++) if (unit || !tag_i.mask[l]) r[l] = acc[l];
        acc_q <= r;
      end
    end
    if ((HasFma || HasSfu) && late_i) begin
      vec_t late;
      for (int unsigned l = 0; l < Lanes; l++) begin
        if (!late_mask_i[l]) late[l] = acc_q[l];
        else if (HasSfu) late[l] = sfu_step_finish(late_r_i[l][$bits(sfu_norm_t)-1:0]);
        else late[l] = fma_round(late_r_i[l]);
      end
      acc_q <= late;
    end
  end

  assign v0_o    = v0_q;
  assign v1_o    = v1_q;
  assign v2_o    = v2_q;
  assign v3_o    = v3_q;
  assign a_o     = a_q;
  assign b_o     = b_q;
  assign c_o     = c_q;
  assign align_o = align_q;

  // ---------------------------------------------------------------- checks
  `TSR_ASSERT(OneAccumulation, !(late_i && en_i && !nop && cfg_i.acc_en))

endmodule
