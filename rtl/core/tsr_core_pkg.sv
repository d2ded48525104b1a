// SPDX-License-Identifier: Apache-2.0
/// Types, constants and pure functions of the RV32IM core.
///
/// `retire_t` is mirrored for C++ by `tsr::Retire` (model/iss/retire.hpp).
package tsr_core_pkg;

  // ---------------------------------------------------------------- retire port

  /// One retired instruction or one taken trap. Bit 0 is the last field's least significant bit.
  typedef struct packed {
    logic        valid;
    logic        trap;       // the instruction at `pc` did not complete: exception or interrupt
    logic        intr;       // the trap is an interrupt (taken in front of the instruction at `pc`)
    logic [31:0] cause;      // new mcause, 0 without trap
    logic [31:0] tval;       // new mtval, 0 without trap
    logic [31:0] pc;
    logic [31:0] insn;       // 0 for interrupts and instruction access faults
    logic        rd_we;      // a register other than x0 was written
    logic [4:0]  rd;         // 0 without rd_we
    logic [31:0] rd_wdata;   // 0 without rd_we
    logic        mem_valid;  // a load or store completed without error
    logic        mem_write;
    logic [31:0] mem_addr;   // of the word: bits 1:0 are 0
    logic [31:0] mem_data;   // in the byte lanes of the word; lanes outside mem_strb are 0
    logic [3:0]  mem_strb;
  } retire_t;

  // ---------------------------------------------------------------- decoded instruction

  /// What executes the instruction.
  typedef enum logic [3:0] {
    UnitAlu = 4'd0, UnitBranch = 4'd1, UnitJal = 4'd2, UnitJalr = 4'd3,
    UnitLoad = 4'd4, UnitStore = 4'd5, UnitMul = 4'd6, UnitDiv = 4'd7,
    UnitCsr = 4'd8, UnitFence = 4'd9, UnitFenceI = 4'd10, UnitEcall = 4'd11,
    UnitEbreak = 4'd12, UnitMret = 4'd13, UnitWfi = 4'd14, UnitIllegal = 4'd15
  } unit_e;

  /// Operation of the ALU: {alternate, funct3} of the instruction set.
  typedef enum logic [3:0] {
    AluAdd = 4'b0000, AluSll = 4'b0001, AluSlt = 4'b0010, AluSltu = 4'b0011,
    AluXor = 4'b0100, AluSrl = 4'b0101, AluOr = 4'b0110, AluAnd = 4'b0111,
    AluSub = 4'b1000, AluSra = 4'b1101
  } alu_op_e;

  /// First ALU operand.
  typedef enum logic [1:0] { OpaRs1 = 2'd0, OpaPc = 2'd1, OpaZero = 2'd2 } opa_e;

  typedef struct packed {
    unit_e       exec;    // what executes it
    alu_op_e     alu_op;
    opa_e        opa;
    logic        opb_imm; // second ALU operand is the immediate
    logic        rd_we;   // writes rd (rd = x0 already excluded)
    logic [31:0] imm;     // sign-extended; CSR: not used
  } dec_t;

  /// State of the execute stage.
  typedef enum logic [2:0] {
    StReset = 3'd0,  // run_i is low
    StRun   = 3'd1,  // the instruction in front executes in this cycle
    StMul   = 3'd2,  // second cycle of a multiplication
    StDiv   = 3'd3,  // division under way
    StBus   = 3'd4,  // bus access under way
    StSleep = 3'd5,  // WFI
    StHalt  = 3'd6   // halted by the debug port
  } exec_state_e;

  // ---------------------------------------------------------------- memory map seen by the core

  localparam logic [15:0] RomPage = 16'h0008;  // fetch from 0x0008_0000..0x0008_ffff

  // ---------------------------------------------------------------- trap causes

  localparam logic [4:0] CauseFetchMisaligned = 5'd0;
  localparam logic [4:0] CauseFetchFault      = 5'd1;
  localparam logic [4:0] CauseIllegal         = 5'd2;
  localparam logic [4:0] CauseBreakpoint      = 5'd3;
  localparam logic [4:0] CauseLoadMisaligned  = 5'd4;
  localparam logic [4:0] CauseLoadFault       = 5'd5;
  localparam logic [4:0] CauseStoreMisaligned = 5'd6;
  localparam logic [4:0] CauseStoreFault      = 5'd7;
  localparam logic [4:0] CauseEcall           = 5'd11;

  localparam logic [4:0] IrqSoft  = 5'd3;
  localparam logic [4:0] IrqTimer = 5'd7;
  localparam logic [4:0] IrqExt   = 5'd11;

  // ---------------------------------------------------------------- CSR numbers

  localparam logic [11:0] CsrMstatus       = 12'h300;
  localparam logic [11:0] CsrMisa          = 12'h301;
  localparam logic [11:0] CsrMie           = 12'h304;
  localparam logic [11:0] CsrMtvec         = 12'h305;
  localparam logic [11:0] CsrMstatush      = 12'h310;
  localparam logic [11:0] CsrMcountinhibit = 12'h320;
  localparam logic [11:0] CsrMscratch      = 12'h340;
  localparam logic [11:0] CsrMepc          = 12'h341;
  localparam logic [11:0] CsrMcause        = 12'h342;
  localparam logic [11:0] CsrMtval         = 12'h343;
  localparam logic [11:0] CsrMip           = 12'h344;
  localparam logic [11:0] CsrTselect       = 12'h7a0;  // triggers: debug port only
  localparam logic [11:0] CsrTdata1        = 12'h7a1;
  localparam logic [11:0] CsrTdata2        = 12'h7a2;
  localparam logic [11:0] CsrTinfo         = 12'h7a4;
  localparam logic [11:0] CsrDcsr          = 12'h7b0;  // debug port only
  localparam logic [11:0] CsrMcycle        = 12'hb00;
  localparam logic [11:0] CsrMinstret      = 12'hb02;
  localparam logic [11:0] CsrMcycleh       = 12'hb80;
  localparam logic [11:0] CsrMinstreth     = 12'hb82;
  localparam logic [11:0] CsrCycle         = 12'hc00;
  localparam logic [11:0] CsrTime          = 12'hc01;
  localparam logic [11:0] CsrInstret       = 12'hc02;
  localparam logic [11:0] CsrCycleh        = 12'hc80;
  localparam logic [11:0] CsrTimeh         = 12'hc81;
  localparam logic [11:0] CsrInstreth      = 12'hc82;
  localparam logic [11:0] CsrMvendorid     = 12'hf11;
  localparam logic [11:0] CsrMarchid       = 12'hf12;
  localparam logic [11:0] CsrMimpid        = 12'hf13;
  localparam logic [11:0] CsrMhartid       = 12'hf14;
  localparam logic [11:0] CsrMconfigptr    = 12'hf15;

  localparam logic [31:0] MisaValue   = 32'h4000_1100;  // RV32IM
  localparam logic [31:0] MimpidValue = 32'h0000_0001;
  localparam logic [31:0] IrqMask     = 32'hffff_0888;  // implemented bits of mie and mip

  /// Why the core halted: dcsr.cause.
  typedef enum logic [2:0] {
    HaltNone = 3'd0, HaltEbreak = 3'd1, HaltTrigger = 3'd2, HaltReq = 3'd3, HaltStep = 3'd4
  } halt_e;

  // ---------------------------------------------------------------- arithmetic

  /// Result of an ALU operation; shift distances are b[4:0].
  function automatic logic [31:0] alu(alu_op_e op, logic [31:0] a, logic [31:0] b);
    unique case (op)
      AluAdd:  return a + b;
      AluSub:  return a - b;
      AluSll:  return a << b[4:0];
      AluSlt:  return {31'b0, $signed(a) < $signed(b)};
      AluSltu: return {31'b0, a < b};
      AluXor:  return a ^ b;
      AluSrl:  return a >> b[4:0];
      AluSra:  return unsigned'($signed(a) >>> b[4:0]);
      AluOr:   return a | b;
      default: return a & b;
    endcase
  endfunction

  /// Condition of a branch by its funct3.
  function automatic logic branch_taken(logic [2:0] funct3, logic [31:0] a, logic [31:0] b);
    logic r;
    unique case (funct3[2:1])
      2'b10:   r = $signed(a) < $signed(b);
      2'b11:   r = a < b;
      default: r = a == b;
    endcase
    return r ^ funct3[0];
  endfunction

  /// MUL, MULH, MULHSU, MULHU by funct3[1:0].
  function automatic logic [31:0] mul(logic [1:0] op, logic [31:0] a, logic [31:0] b);
    logic [63:0] wide_a, wide_b, product;
    wide_a  = {{32{a[31] && (op != 2'd3)}}, a};
    wide_b  = {{32{b[31] && !op[1]}}, b};
    product = wide_a * wide_b;
    return (op == 2'd0) ? product[31:0] : product[63:32];
  endfunction

  // ---------------------------------------------------------------- loads and stores

  /// Byte lanes of an access; `size` = funct3[1:0], `offset` = addr[1:0], naturally aligned.
  function automatic logic [3:0] lanes(logic [1:0] size, logic [1:0] offset);
    unique case (size)
      2'd0:    return 4'b0001 << offset;
      2'd1:    return offset[1] ? 4'b1100 : 4'b0011;
      default: return 4'b1111;
    endcase
  endfunction

  /// One bit per byte lane to one mask byte per lane.
  function automatic logic [31:0] lane_mask(logic [3:0] strb);
    return {{8{strb[3]}}, {8{strb[2]}}, {8{strb[1]}}, {8{strb[0]}}};
  endfunction

  /// Store data in its lanes, the other lanes zero.
  function automatic logic [31:0] store_data(logic [1:0] size, logic [1:0] offset,
                                             logic [31:0] value);
    unique case (size)
      2'd0:    return {24'b0, value[7:0]} << {offset, 3'b0};
      2'd1:    return offset[1] ? {value[15:0], 16'b0} : {16'b0, value[15:0]};
      default: return value;
    endcase
  endfunction

  /// Register value of a load from the word that holds it; funct3[2] = unsigned.
  function automatic logic [31:0] load_value(logic [2:0] funct3, logic [1:0] offset,
                                             logic [31:0] word);
    logic [31:0] shifted;
    shifted = word >> {offset, 3'b0};
    unique case (funct3[1:0])
      2'd0:    return {{24{shifted[7] && !funct3[2]}}, shifted[7:0]};
      2'd1:    return {{16{shifted[15] && !funct3[2]}}, shifted[15:0]};
      default: return word;
    endcase
  endfunction

endpackage
