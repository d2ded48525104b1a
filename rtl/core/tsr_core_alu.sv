// SPDX-License-Identifier: Apache-2.0
/// ALU with its operand selection; also the address adder of loads, stores and JALR.
///
/// *Latency*: combinational.
module tsr_core_alu
  import tsr_core_pkg::*;
(
  input  dec_t        dec_i,
  input  logic [31:0] rs1_i,
  input  logic [31:0] rs2_i,
  input  logic [31:0] pc_i,
  output logic [31:0] result_o
);

  logic [31:0] a, b;
  assign a        = (dec_i.opa == OpaRs1) ? rs1_i : (dec_i.opa == OpaPc) ? pc_i : '0;
  assign b        = dec_i.opb_imm ? dec_i.imm : rs2_i;
  assign result_o = alu(dec_i.alu_op, a, b);

endmodule
