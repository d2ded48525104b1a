// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// One stage of the vector engine: ALU, and optionally a multiplier or the special functions. The
/// configuration bank is the one that the group's epoch names, at every register.
///
/// *Latency:* 1 cycle; with a multiplier 4, with special functions 6, whatever the operation.
/// *Backpressure:* in_ready_o depends on out_ready_i and in_valid_i; all registers stand still with
/// out_ready_i = 0.
/// *Throughput:* one group a cycle. A group that needs an accumulator waits while the unit still computes
/// an accumulator's next value: then one group per latency.
/// *Reset:* empty.
module tsr_ve_stage
  import tsr_ve_pkg::*;
  import tsr_ve_types_pkg::*;
#(
  /// The stage has a multiplier: OpFma, OpMul, OpAdd, OpSub.
  parameter bit HasFma = 1'b0,
  /// The stage has special functions. Not with HasFma.
  parameter bit HasSfu = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  // Both banks: configuration, constants, values needed behind the stage.
  input  stage_cfg_t [1:0] cfg_i,
  input  consts_t [1:0]    k_i,
  input  logic [1:0][3:0]  live_i,

  // Groups in.
  input  logic             in_valid_i,
  output logic             in_ready_o,
  input  tag_t             in_tag_i,
  input  vec_t             v0_i,
  input  vec_t             v1_i,
  input  vec_t             v2_i,
  input  vec_t             v3_i,

  // Groups out. Ready: the pipeline behind moves.
  output logic             out_valid_o,
  input  logic             out_ready_i,
  output tag_t             out_tag_o,
  output vec_t             v0_o,
  output vec_t             v1_o,
  output vec_t             v2_o,
  output vec_t             v3_o,

  /// No group is in the stage.
  output logic             idle_o
);

  `TSR_STATIC_ASSERT(OneUnit, !(HasFma && HasSfu))

  /// Number of the last register; 0 is the one behind the ALU.
  localparam int unsigned End = HasSfu ? 5 : HasFma ? 3 : 0;

  // ---------------------------------------------------------------- control
  stage_cfg_t   cfg;                  // of the group that enters
  logic         unit, uses_acc, hold, take;
  logic [End:0] valid_q;              // per register
  logic [End:0] unit_q, late_q;       // the group needs the unit; and the accumulators its result
  tag_t [End:0] tag_q;

  assign cfg      = cfg_i[in_tag_i.epoch];
  assign unit     = (HasFma && is_fma(cfg.op)) || (HasSfu && is_sfu(cfg.op));
  assign uses_acc = cfg.acc_en || cfg.a.src == SrcAcc || cfg.b.src == SrcAcc || cfg.c.src == SrcAcc;

  // An accumulator is read only when no value is on its way to it.
  assign hold       = in_valid_i && uses_acc && (valid_q & late_q & ~((End + 1)'(1) << End)) != '0;
  assign in_ready_o = out_ready_i && !hold;
  assign take       = in_valid_i && in_ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (out_ready_i) valid_q <= (End + 1)'({valid_q, take});
  end

  always_ff @(posedge clk_i) begin
    if (out_ready_i && (take || valid_q != '0)) begin
      unit_q <= (End + 1)'({unit_q, unit});
      late_q <= (End + 1)'({late_q, unit && cfg.acc_en});
      tag_q  <= ((End + 1) * $bits(tag_t))'({tag_q, in_tag_i});
    end
  end

  assign out_valid_o = valid_q[End];
  assign out_tag_o   = tag_q[End];
  assign idle_o      = valid_q == '0;

  // ---------------------------------------------------------------- values
  if (End == 0) begin : gen_plain
    tsr_ve_alu u_alu (
      .clk_i, .rst_ni, .en_i(take), .cfg_i(cfg), .k_i, .keep_i(live_i[in_tag_i.epoch]), .tag_i(in_tag_i),
      .v0_i, .v1_i, .v2_i, .v3_i, .v0_o, .v1_o, .v2_o, .v3_o,
      .a_o(), .b_o(), .c_o(), .align_o(), .late_i(1'b0), .late_mask_i('0), .late_r_i('0)
    );

    logic unused;
    assign unused = unit_q[0];
  end else begin : gen_unit
    logic [End:1]      en;        // a group enters the register
    logic [End:1]      en_unit;   // one that needs the unit
    logic [End:1][2:0] dst;       // what the unit will replace; 4: nothing
    logic [End:1][3:0] keep;
    wide_t             result;    // in front of the unit's last step
    vec_t              w0 [End], w1 [End], w2 [End], w3 [End];

    for (genvar p = 1; p <= int'(End); p++) begin : gen_reg
      assign en[p]      = valid_q[p-1] && out_ready_i;
      assign en_unit[p] = en[p] && unit_q[p-1];
      assign dst[p]     = unit_q[p-1] ? cfg_i[tag_q[p-1].epoch].dst : 3'd4;
      // On the way the value that the unit replaces is not needed.
      assign keep[p]    = live_i[tag_q[p-1].epoch] & ~(dst[p][2] ? 4'b0 : 4'b0001 << dst[p][1:0]);

      if (p < int'(End)) begin : gen_pass
        tsr_ve_reg u_reg (
          .clk_i, .en_i(en[p]), .keep_i(keep[p]),
          .v0_i(w0[p-1]), .v1_i(w1[p-1]), .v2_i(w2[p-1]), .v3_i(w3[p-1]),
          .v0_o(w0[p]), .v1_o(w1[p]), .v2_o(w2[p]), .v3_o(w3[p])
        );
      end else begin : gen_last
        tsr_ve_last #(.Sfu(HasSfu)) u_last (
          .clk_i, .en_i(en[p]), .keep_i(keep[p]), .unit_i(unit_q[p-1]), .dst_i(dst[p]), .unit_r_i(result),
          .v0_i(w0[p-1]), .v1_i(w1[p-1]), .v2_i(w2[p-1]), .v3_i(w3[p-1]), .v0_o, .v1_o, .v2_o, .v3_o
        );
      end
    end

    vec_t  a, b, c;
    wide_t align;

    tsr_ve_alu #(.HasFma(HasFma), .HasSfu(HasSfu)) u_alu (
      .clk_i, .rst_ni, .en_i(take), .cfg_i(cfg), .k_i, .keep_i(live_i[in_tag_i.epoch]), .tag_i(in_tag_i),
      .v0_i, .v1_i, .v2_i, .v3_i, .v0_o(w0[0]), .v1_o(w1[0]), .v2_o(w2[0]), .v3_o(w3[0]),
      .a_o(a), .b_o(b), .c_o(c), .align_o(align),
      .late_i(en_unit[End] && late_q[End-1]), .late_mask_i(tag_q[End-1].mask), .late_r_i(result)
    );

    if (HasFma) begin : gen_fma
      tsr_ve_fma u_fma (.clk_i, .en_i(en_unit[2:1]), .a_i(a), .b_i(b), .c_i(c), .sum_o(result));

      logic unused;
      assign unused = &{1'b0, align};
    end else begin : gen_sfu
      tsr_ve_sfu u_sfu (.clk_i, .en_i(en_unit[4:1]), .align_i(align), .norm_o(result));

      logic unused;
      assign unused = &{1'b0, a, b, c};
    end
  end

endmodule
