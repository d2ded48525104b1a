// SPDX-License-Identifier: Apache-2.0

/// Reduction behind the last stage: over the lanes of a group, and over groups until last[loop]. Brings the
/// values of the two output ports along.
///
/// *Latency:* 4 cycles: select and align, over lanes, over groups, round.
/// *Backpressure:* all registers stand still with out_ready_i = 0.
/// *Throughput:* one group a cycle.
/// *Reset:* empty.
module tsr_ve_reduce
  import tsr_ve_pkg::*;
  import tsr_ve_types_pkg::*;
  import tsr_ve_fp_pkg::*;
(
  input  logic              clk_i,
  input  logic              rst_ni,

  // Both banks.
  input  reduce_cfg_t [1:0] cfg_i,
  /// Output ports' configurations [bank][port]: which value they take.
  input  out_port_t [1:0][1:0] out_cfg_i,

  // Groups in.
  input  logic              in_valid_i,
  input  tag_t              in_tag_i,
  input  vec_t              v0_i,
  input  vec_t              v1_i,
  input  vec_t              v2_i,
  input  vec_t              v3_i,

  // Groups out.
  output logic              out_valid_o,
  input  logic              out_ready_i,
  output tag_t              out_tag_o,
  /// Values for the ports, where they take one of V0..V3.
  output vec_t              o0_o,
  output vec_t              o1_o,
  /// Reduction value and index; zero without last[loop].
  output logic [31:0]       r_o,
  output logic [31:0]       ri_o,

  /// No group is inside.
  output logic              idle_o
);

  // ---------------------------------------------------------------- control
  logic [3:0] valid_q;
  tag_t [3:0] tag_q;
  logic [3:0] en;   // a group enters register p

  assign en = {4{out_ready_i}} & {valid_q[2:0], in_valid_i};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (out_ready_i) valid_q <= {valid_q[2:0], in_valid_i};
  end

  always_ff @(posedge clk_i) begin
    if (out_ready_i && (in_valid_i || valid_q != '0)) tag_q <= {tag_q[2:0], in_tag_i};
  end

  // ---------------------------------------------------------------- values of the ports
  vec_t a0_q, b0_q, c0_q, d0_q, a1_q, b1_q, c1_q, d1_q;

  function automatic logic moves(out_port_t c);
    return c.en && !c.src[2];
  endfunction

  always_ff @(posedge clk_i) begin
    if (en[0] && moves(out_cfg_i[in_tag_i.epoch][0])) begin
      unique case (out_cfg_i[in_tag_i.epoch][0].src[1:0])
        2'd0: a0_q <= v0_i;
        2'd1: a0_q <= v1_i;
        2'd2: a0_q <= v2_i;
        2'd3: a0_q <= v3_i;
      endcase
    end
    if (en[1] && moves(out_cfg_i[tag_q[0].epoch][0])) b0_q <= a0_q;
    if (en[2] && moves(out_cfg_i[tag_q[1].epoch][0])) c0_q <= b0_q;
    if (en[3] && moves(out_cfg_i[tag_q[2].epoch][0])) d0_q <= c0_q;
  end

  always_ff @(posedge clk_i) begin
    if (en[0] && moves(out_cfg_i[in_tag_i.epoch][1])) begin
      unique case (out_cfg_i[in_tag_i.epoch][1].src[1:0])
        2'd0: a1_q <= v0_i;
        2'd1: a1_q <= v1_i;
        2'd2: a1_q <= v2_i;
        2'd3: a1_q <= v3_i;
      endcase
    end
    if (en[1] && moves(out_cfg_i[tag_q[0].epoch][1])) b1_q <= a1_q;
    if (en[2] && moves(out_cfg_i[tag_q[1].epoch][1])) c1_q <= b1_q;
    if (en[3] && moves(out_cfg_i[tag_q[2].epoch][1])) d1_q <= c1_q;
  end

  // ---------------------------------------------------------------- step 1: select, largest exponent
  reduce_cfg_t in_cfg;
  vec_t        x_q;         // invalid lanes are zero
  logic [7:0]  emax_q;

  assign in_cfg = cfg_i[in_tag_i.epoch];

  always_ff @(posedge clk_i) begin
    if (en[0] && in_cfg.op != RedNone) begin
      vec_t x;
      unique case (in_cfg.src)
        2'd0: x = v0_i;
        2'd1: x = v1_i;
        2'd2: x = v2_i;
        2'd3: x = v3_i;
      endcase
      if (in_tag_i.mask != '1) begin
        for (int unsigned l = 0; l < Lanes; l++) if (!in_tag_i.mask[l]) x[l] = '0;
      end
      x_q <= x;
      if (in_cfg.op == RedSumF) begin
        logic [Lanes-1:0][7:0] e;
        for (int unsigned l = 0; l < Lanes; l++) e[l] = sum_exp(x[l]);
        for (int unsigned w = Lanes / 2; w > 0; w /= 2) begin
          for (int unsigned l = 0; l < w; l++) if (e[l+w] > e[l]) e[l] = e[l+w];
        end
        emax_q <= e[0];
      end
    end
  end

  // ---------------------------------------------------------------- step 2: over the lanes
  reduce_cfg_t lane_cfg;
  logic [63:0] s_q;
  logic [7:0]  s_e_q;
  logic        s_nan_q, s_pinf_q, s_ninf_q;
  cand_t       cand_q;

  assign lane_cfg = cfg_i[tag_q[0].epoch];

  always_ff @(posedge clk_i) begin
    if (en[1]) begin
      unique case (lane_cfg.op)
        RedNone: ;
        RedSumF: begin
          logic [63:0] s;
          logic        nan, pinf, ninf;
          s    = '0;
          nan  = 1'b0;
          pinf = 1'b0;
          ninf = 1'b0;
          for (int unsigned l = 0; l < Lanes; l++) begin
            s    = s + sum_term(x_q[l], emax_q);
            nan  = nan || is_nan(x_q[l]);
            pinf = pinf || x_q[l] == Inf;
            ninf = ninf || x_q[l] == (Inf | Sign);
          end
          s_q      <= s;
          s_e_q    <= emax_q;
          s_nan_q  <= nan;
          s_pinf_q <= pinf;
          s_ninf_q <= ninf;
        end
        RedSumI: begin
          logic [31:0] s;
          s = '0;
          for (int unsigned l = 0; l < Lanes; l++) s = s + x_q[l];
          s_q <= {32'b0, s};
        end
        default: begin
          logic [Lanes-1:0][63:0] c;  // cand_t
          for (int unsigned l = 0; l < Lanes; l++) begin
            c[l] = 64'({tag_q[0].mask[l], tag_q[0].mask[l] ? red_key(lane_cfg.op, x_q[l]) : 32'b0, 4'(l)});
          end
          for (int unsigned w = 1; w < Lanes; w *= 2) begin
            for (int unsigned l = 0; l < Lanes; l += 2 * w) begin
              c[l] = 64'(better(c[l][$bits(cand_t)-1:0], c[l+w][$bits(cand_t)-1:0]));
            end
          end
          cand_q <= c[0][$bits(cand_t)-1:0];
        end
      endcase
    end
  end

  // ---------------------------------------------------------------- step 3: over groups
  reduce_cfg_t acc_cfg;
  sum_t        sum_q;      // SumI: m[31:0]
  logic        best_valid_q, fresh_q, fresh;
  logic [31:0] best_key_q, best_index_q;

  assign acc_cfg = cfg_i[tag_q[1].epoch];
  assign fresh   = tag_q[1].first || fresh_q;

  always_ff @(posedge clk_i) begin
    if (en[2]) begin
      fresh_q <= tag_q[1].last[acc_cfg.loop];
      unique case (acc_cfg.op)
        RedNone: ;
        RedSumF: begin
          sum_t s;
          s      = fresh ? '0 : sum_q;
          s      = sum_add(s, s_q, s_e_q);
          s.nan  = s.nan || s_nan_q;
          s.pinf = s.pinf || s_pinf_q;
          s.ninf = s.ninf || s_ninf_q;
          sum_q <= s;
        end
        RedSumI: sum_q.m[31:0] <= fresh ? s_q[31:0] : sum_q.m[31:0] + s_q[31:0];
        default: begin
          if (fresh || {cand_q.valid, cand_q.key} > {best_valid_q, best_key_q}) begin
            best_valid_q <= cand_q.valid;
            best_key_q   <= cand_q.key;
            best_index_q <= cand_q.valid ? {tag_q[1].elem, cand_q.lane} : '0;
          end
        end
      endcase
    end
  end

  // ---------------------------------------------------------------- step 4: result
  reduce_cfg_t res_cfg;
  logic [31:0] r_q, ri_q;

  assign res_cfg = cfg_i[tag_q[2].epoch];

  always_ff @(posedge clk_i) begin
    if (en[3]) begin
      r_q  <= '0;
      ri_q <= '0;
      if (res_cfg.op != RedNone && tag_q[2].last[res_cfg.loop]) begin
        unique case (res_cfg.op)
          RedSumF: r_q <= sum_round(sum_q);
          RedSumI: r_q <= sum_q.m[31:0];
          default: r_q <= red_value(res_cfg.op, best_key_q);
        endcase
        if (res_cfg.op == RedArgMaxF || res_cfg.op == RedArgMinF || res_cfg.op == RedArgMaxI ||
            res_cfg.op == RedArgMinI) begin
          ri_q <= best_index_q;
        end
      end
    end
  end

  assign out_valid_o = valid_q[3];
  assign out_tag_o   = tag_q[3];
  assign o0_o        = d0_q;
  assign o1_o        = d1_q;
  assign r_o         = r_q;
  assign ri_o        = ri_q;
  assign idle_o      = valid_q == '0;

endmodule
