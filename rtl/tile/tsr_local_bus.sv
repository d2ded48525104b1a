// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Local word bus of a hart node: the core and the network interface reach registers, command staging,
/// contexts, core memories, boot ROM and peripherals through it, one access at a time.
///
/// Latency: 2 cycles from acceptance to the answer; core memories and a busy context store a few more.
/// Backpressure: masters wait; the one that was not served last goes first.
/// Reset: control state only.
///
/// Errors: ErrUnmapped for holes, ErrForbidden for refused register accesses, ErrBusy for a command pushed
/// into a full queue, ErrUnsupported for a partial or read access of command staging.
module tsr_local_bus
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter bit IsCtl = 1'b0  // the ctl node: its core is privileged; ROM and peripherals exist
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  // Masters: 0 core, 1 network interface (accesses of the ctl node).
  input  logic [1:0]       valid_i,
  output logic [1:0]       ready_o,
  input  logic [1:0]       write_i,
  input  logic [1:0][31:0] addr_i,
  input  logic [1:0][31:0] wdata_i,
  input  logic [1:0][3:0]  strb_i,
  output logic [1:0]       rsp_valid_o,
  output logic [31:0]      rsp_rdata_o,
  output err_e             rsp_err_o,

  // Registers and peripherals: single-cycle register bus.
  output reg_req_t         regs_o,
  input  reg_rsp_t         regs_i,
  output reg_req_t         ext_o,
  input  reg_rsp_t         ext_i,

  // Command staging.
  output logic [NumEng-1:0] stage_valid_o,
  output logic [3:0]        stage_word_o,
  input  logic [NumEng-1:0] push_err_i,

  // Context store.
  output logic             ctx_valid_o,
  input  logic             ctx_ready_i,
  output logic [9:0]       ctx_addr_o,
  input  logic [31:0]      ctx_rdata_i,

  // Core memories.
  output logic             tcm_valid_o,
  input  logic             tcm_ready_i,
  output logic [16:0]      tcm_addr_o,
  input  logic             tcm_rvalid_i,
  input  logic [31:0]      tcm_rdata_i,

  // Boot ROM.
  output logic             rom_req_o,
  output logic [31:0]      rom_addr_o,
  input  logic [31:0]      rom_rdata_i,

  // Shared by all word targets.
  output logic             write_o,
  output logic [31:0]      wdata_o,
  output logic [3:0]       strb_o,

  output logic             idle_o
);

  typedef enum logic [2:0] { StFree, StAccess, StWaitTcm, StWaitWord, StDone } state_e;
  typedef enum logic [2:0] { TgtNone, TgtRegs, TgtCmd, TgtCtx, TgtTcm, TgtRom, TgtExt } target_e;

  state_e      state_q;
  target_e     target;
  logic        sel, sel_q, last_q, write_q, priv;
  logic [31:0] addr_q, wdata_q, rdata_q;
  logic [3:0]  strb_q;
  err_e        err_q;

  assign sel     = valid_i[0] && valid_i[1] ? !last_q : valid_i[1];
  assign ready_o = state_q == StFree ? (sel ? 2'b10 : 2'b01) & valid_i : 2'b00;
  assign priv    = IsCtl || sel_q;

  always_comb begin
    target = TgtNone;
    if (addr_q[31:24] == '0) begin
      if (addr_q[23:17] == '0) target = sel_q ? TgtTcm : TgtNone;
      else if (addr_q[23:12] == RegsBase[23:12]) target = TgtRegs;
      else if (addr_q[23:9] == CmdBase[23:9] && addr_q[8:6] < 3'(NumEng)) target = TgtCmd;
      else if (addr_q[23:12] == CtxBase[23:12]) target = TgtCtx;
      else if (IsCtl && addr_q[23:14] == RomBase[23:14]) target = TgtRom;
      else if (IsCtl && addr_q[23:16] == ExtBase[23:16]) target = TgtExt;
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StFree && valid_i != '0) begin
      sel_q   <= sel;
      write_q <= write_i[sel];
      addr_q  <= addr_i[sel];
      wdata_q <= wdata_i[sel];
      strb_q  <= strb_i[sel];
    end
    if (state_q == StAccess) begin
      err_q <= ErrNone;
      unique case (target)
        TgtRegs: begin
          rdata_q <= regs_i.rdata;
          err_q   <= regs_i.err ? ErrForbidden : ErrNone;
        end
        TgtExt: begin
          rdata_q <= ext_i.rdata;
          err_q   <= ext_i.err ? ErrForbidden : ErrNone;
        end
        TgtCmd: begin
          rdata_q <= '0;
          err_q   <= !write_q || strb_q != 4'hf ? ErrUnsupported : push_err_i != '0 ? ErrBusy : ErrNone;
        end
        TgtRom:  err_q <= write_q ? ErrForbidden : ErrNone;
        TgtCtx:  err_q <= write_q && strb_q != 4'hf ? ErrUnsupported : ErrNone;
        TgtTcm:  ;
        default: begin
          rdata_q <= '0;
          err_q   <= ErrUnmapped;
        end
      endcase
    end
    if (state_q == StWaitTcm) rdata_q <= tcm_rdata_i;
    if (state_q == StWaitWord) rdata_q <= target == TgtRom ? rom_rdata_i : ctx_rdata_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StFree;
      last_q  <= 1'b0;
    end else begin
      unique case (state_q)
        StFree: begin
          if (valid_i != '0) begin
            state_q <= StAccess;
            last_q  <= sel;
          end
        end
        StAccess: begin
          unique case (target)
            TgtTcm:  if (tcm_ready_i) state_q <= StWaitTcm;
            TgtCtx:  if (!ctx_valid_o || ctx_ready_i) state_q <= write_q ? StDone : StWaitWord;
            TgtRom:  state_q <= StWaitWord;
            default: state_q <= StDone;
          endcase
        end
        StWaitTcm:  if (tcm_rvalid_i) state_q <= StDone;
        StWaitWord: state_q <= StDone;
        default:    state_q <= StFree;
      endcase
    end
  end

  // ---------------------------------------------------------------- targets
  reg_req_t reg_req;
  always_comb begin
    reg_req       = '{valid: 1'b1, write: write_q, priv: priv, addr: addr_q[15:0], wdata: wdata_q, strb: strb_q};
    regs_o        = '0;
    ext_o         = '0;
    stage_valid_o = '0;
    if (state_q == StAccess) begin
      if (target == TgtRegs) begin
        regs_o      = reg_req;
        regs_o.addr = {4'b0, addr_q[11:0]};
      end
      if (target == TgtExt) ext_o = reg_req;
      if (target == TgtCmd && write_q && strb_q == 4'hf) stage_valid_o[addr_q[8:6]] = 1'b1;
    end
  end

  assign stage_word_o = addr_q[5:2];
  assign ctx_valid_o  = state_q == StAccess && target == TgtCtx && (!write_q || strb_q == 4'hf);
  assign ctx_addr_o   = addr_q[11:2];
  assign tcm_valid_o  = state_q == StAccess && target == TgtTcm;
  assign tcm_addr_o   = addr_q[16:0];
  assign rom_req_o    = state_q == StAccess && target == TgtRom && !write_q;
  assign rom_addr_o   = addr_q;
  assign write_o      = write_q;
  assign wdata_o      = wdata_q;
  assign strb_o       = strb_q;

  // ---------------------------------------------------------------- answer
  assign rsp_valid_o = state_q == StDone ? (sel_q ? 2'b10 : 2'b01) : 2'b00;
  assign rsp_rdata_o = rdata_q;
  assign rsp_err_o   = err_q;
  assign idle_o      = state_q == StFree;

endmodule
