// SPDX-License-Identifier: Apache-2.0
/// Instruction decoder for RV32IM, Zicsr, Zifencei, MRET and WFI.
///
/// *Latency*: combinational. Every word that is not an instruction of these sets is UnitIllegal;
/// whether a CSR exists is checked by the CSR file.
module tsr_core_decode
  import tsr_core_pkg::*;
(
  input  logic [31:0] insn_i,
  output dec_t        dec_o
);

  logic [2:0] funct3;
  logic [6:0] funct7;
  assign funct3 = insn_i[14:12];
  assign funct7 = insn_i[31:25];

  always_comb begin
    dec_o         = '0;
    dec_o.exec    = UnitIllegal;
    dec_o.alu_op  = AluAdd;
    dec_o.opa     = OpaRs1;
    dec_o.opb_imm = 1'b1;
    dec_o.imm     = {{20{insn_i[31]}}, insn_i[31:20]};
    dec_o.rd_we   = insn_i[11:7] != 5'd0;
    unique case (insn_i[6:0])
      7'h37, 7'h17: begin  // LUI, AUIPC
        dec_o.exec = UnitAlu;
        dec_o.opa  = insn_i[5] ? OpaZero : OpaPc;
        dec_o.imm  = {insn_i[31:12], 12'b0};
      end
      7'h6f: begin  // JAL
        dec_o.exec = UnitJal;
        dec_o.imm  = {{12{insn_i[31]}}, insn_i[19:12], insn_i[20], insn_i[30:21], 1'b0};
      end
      7'h67: begin  // JALR
        if (funct3 == 3'd0) dec_o.exec = UnitJalr;
      end
      7'h63: begin  // branches
        if (funct3[2:1] != 2'b01) dec_o.exec = UnitBranch;
        dec_o.rd_we = 1'b0;
        dec_o.imm   = {{20{insn_i[31]}}, insn_i[7], insn_i[30:25], insn_i[11:8], 1'b0};
      end
      7'h03: begin  // loads
        if ((funct3[1:0] != 2'd3) && (funct3 != 3'd6)) dec_o.exec = UnitLoad;
      end
      7'h23: begin  // stores
        if (funct3 < 3'd3) dec_o.exec = UnitStore;
        dec_o.rd_we = 1'b0;
        dec_o.imm   = {{20{insn_i[31]}}, insn_i[31:25], insn_i[11:7]};
      end
      7'h13: begin  // register-immediate
        if ((funct3[1:0] != 2'd1) || (funct7 == 7'h00)) begin
          dec_o.exec   = UnitAlu;
          dec_o.alu_op = alu_op_e'({1'b0, funct3});
        end else if ((funct3 == 3'd5) && (funct7 == 7'h20)) begin
          dec_o.exec   = UnitAlu;
          dec_o.alu_op = AluSra;
        end
      end
      7'h33: begin  // register-register
        dec_o.opb_imm = 1'b0;
        if (funct7 == 7'h00) begin
          dec_o.exec   = UnitAlu;
          dec_o.alu_op = alu_op_e'({1'b0, funct3});
        end else if ((funct7 == 7'h20) && ((funct3 == 3'd0) || (funct3 == 3'd5))) begin
          dec_o.exec   = UnitAlu;
          dec_o.alu_op = alu_op_e'({1'b1, funct3});
        end else if (funct7 == 7'h01) begin
          dec_o.exec = funct3[2] ? UnitDiv : UnitMul;
        end
      end
      7'h0f: begin  // FENCE: all accesses are in order already; FENCE.I
        if (funct3 == 3'd0) dec_o.exec = UnitFence;
        else if (funct3 == 3'd1) dec_o.exec = UnitFenceI;
        dec_o.rd_we = 1'b0;
      end
      7'h73: begin
        if (funct3[1:0] != 2'd0) begin
          dec_o.exec = UnitCsr;
        end else begin
          dec_o.rd_we = 1'b0;
          unique case (insn_i)
            32'h0000_0073: dec_o.exec = UnitEcall;
            32'h0010_0073: dec_o.exec = UnitEbreak;
            32'h3020_0073: dec_o.exec = UnitMret;
            32'h1050_0073: dec_o.exec = UnitWfi;
            default: ;
          endcase
        end
      end
      default: ;
    endcase
  end

endmodule
