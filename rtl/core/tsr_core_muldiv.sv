// SPDX-License-Identifier: Apache-2.0
/// Multiplier and divider on one pair of operand registers.
///
/// *Latency*: multiplications valid in the cycle after start_i, divisions 33 cycles after it
/// (34 cycles in all). result_o stays until the next start_i.
/// *Throughput*: one operation at a time. *Reset*: clr_i abandons a division.
module tsr_core_muldiv
  import tsr_core_pkg::*;
(
  input  logic        clk_i,
  input  logic        clr_i,
  input  logic        start_i,
  input  logic [2:0]  funct3_i,   // of the instruction, at start_i
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic        div_done_o, // the division's result is valid
  output logic [31:0] result_o
);

  logic [2:0]  op_q;
  logic [31:0] a_q;       // multiplicand; dividend, turning into the quotient
  logic [31:0] b_q;       // multiplier; magnitude of the divisor
  logic [31:0] rem_q;     // partial remainder
  logic [5:0]  steps_q;   // steps left
  logic        neg_quot_q, neg_rem_q;

  logic [32:0] shifted, diff;
  assign shifted = {rem_q, a_q[31]};
  assign diff    = shifted - {1'b0, b_q};

  logic signed_div;
  assign signed_div = funct3_i[2] && !funct3_i[0];

  always_ff @(posedge clk_i) begin
    if (clr_i) steps_q <= '0;
    else if (start_i) steps_q <= funct3_i[2] ? 6'd32 : 6'd0;
    else if (steps_q != '0) steps_q <= steps_q - 6'd1;

    if (start_i) begin
      op_q       <= funct3_i;
      a_q        <= (signed_div && a_i[31]) ? -a_i : a_i;
      b_q        <= (signed_div && b_i[31]) ? -b_i : b_i;
      rem_q      <= '0;
      // A quotient by zero is all ones whatever the signs.
      neg_quot_q <= signed_div && (a_i[31] != b_i[31]) && (b_i != '0);
      neg_rem_q  <= signed_div && a_i[31];
    end else if (steps_q != '0) begin
      // Restoring division, one quotient bit a cycle.
      a_q   <= {a_q[30:0], !diff[32]};
      rem_q <= diff[32] ? shifted[31:0] : diff[31:0];
    end
  end

  assign div_done_o = steps_q == '0;

  always_comb begin
    if (!op_q[2]) result_o = mul(op_q[1:0], a_q, b_q);
    else if (!op_q[1]) result_o = neg_quot_q ? -a_q : a_q;
    else result_o = neg_rem_q ? -rem_q : rem_q;
  end

endmodule
