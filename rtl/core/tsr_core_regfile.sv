// SPDX-License-Identifier: Apache-2.0
/// Integer registers: two combinational read ports, one write port. x0 reads as zero.
///
/// *Latency*: a value written in one cycle is read in the next; the user forwards.
/// *Reset*: clr_i clears all registers, so that a program cannot depend on, nor see, what was left
/// there, and the instruction-set model agrees from the first instruction on.
module tsr_core_regfile (
  input  logic        clk_i,
  input  logic        clr_i,
  input  logic [4:0]  raddr_a_i,
  output logic [31:0] rdata_a_o,
  input  logic [4:0]  raddr_b_i,
  output logic [31:0] rdata_b_o,
  input  logic        we_i,
  input  logic [4:0]  waddr_i,   // not 0 with we_i
  input  logic [31:0] wdata_i
);

  logic [31:0] regs_q [32];

  always_ff @(posedge clk_i) begin
    if (clr_i) begin
      for (int unsigned i = 0; i < 32; i++) regs_q[i] <= '0;
    end else if (we_i) begin
      regs_q[waddr_i] <= wdata_i;
    end
  end

  assign rdata_a_o = regs_q[raddr_a_i];
  assign rdata_b_o = regs_q[raddr_b_i];

endmodule
