// SPDX-License-Identifier: Apache-2.0
/// Control and status registers, interrupt selection, counters.
///
/// *Latency*: reads combinational, writes and trap updates visible in the next cycle.
/// *Throughput*: one access a cycle. *Reset*: clr_i puts every register into its reset state.
///
/// Nothing here counts while the core sleeps: mcycle is now_i minus an offset that writes set.
module tsr_core_csr
  import tsr_core_pkg::*;
(
  input  logic        clk_i,
  input  logic        clr_i,
  input  logic [31:0] hart_id_i,
  input  logic [63:0] now_i,        // time
  input  logic [31:0] irq_i,        // mip, implemented bits only
  // Access
  input  logic        en_i,         // rdata_o, illegal_o wanted
  input  logic        debug_i,      // by the debug port
  input  logic [11:0] addr_i,
  input  logic [1:0]  op_i,         // 1 write, 2 set, 3 clear
  input  logic        write_i,      // the access writes
  input  logic [31:0] src_i,
  input  logic        commit_i,     // do the write
  output logic [31:0] rdata_o,      // value before the access
  output logic        illegal_o,    // no such register, or it cannot be written
  input  logic [31:0] trigger_rdata_i,  // of the trigger register addr_i
  // Execution
  input  logic        retire_i,     // an instruction completes
  input  logic        trap_i,       // a trap is taken
  input  logic [31:0] trap_cause_i, // with bit 31: interrupt
  input  logic [31:0] trap_pc_i,
  input  logic [31:0] trap_tval_i,
  input  logic        mret_i,
  input  logic        trap_irq_i,   // the trap is the interrupt irq_code_o
  output logic [31:0] tvec_o,       // its handler
  output logic [31:0] mepc_o,
  output logic        irq_wake_o,   // an interrupt is pending and enabled in mie
  output logic        irq_take_o,   // ... and in mstatus.MIE
  output logic [4:0]  irq_code_o,   // which one
  // Debug
  input  logic        halt_i,       // the core halts
  input  halt_e       halt_cause_i,
  output logic        ebreakm_o     // EBREAK halts instead of trapping
);

  // ------------------------------------------------------------ state

  logic        mie_q, mpie_q;        // mstatus
  logic [31:0] irq_en_q;             // mie
  logic [31:2] tvec_base_q;
  logic        tvec_vec_q;
  logic [31:0] mscratch_q, mtval_q;
  logic [31:2] mepc_q;
  logic [4:0]  cause_q;
  logic        cause_irq_q;
  logic [63:0] offset_q;             // mcycle = now - offset
  logic [63:0] instret_q;
  logic        ebreakm_q;
  halt_e       halt_cause_q;

  // ------------------------------------------------------------ interrupts

  // Priority: fast interrupts, lowest number first, then external, software, timer.
  logic [31:0] pending;
  assign pending    = irq_i & irq_en_q;
  assign irq_wake_o = pending != '0;
  assign irq_take_o = irq_wake_o && mie_q;

  always_comb begin
    irq_code_o = IrqTimer;
    if (irq_take_o) begin
      if (pending[IrqSoft]) irq_code_o = IrqSoft;
      if (pending[IrqExt]) irq_code_o = IrqExt;
      for (int unsigned i = 0; i < 16; i++) begin
        if (pending[31-i]) irq_code_o = 5'd31 - i[4:0];
      end
    end
  end

  assign tvec_o    = {tvec_base_q, 2'b0}
      + ((tvec_vec_q && trap_irq_i) ? {25'b0, irq_code_o, 2'b0} : '0);
  assign mepc_o    = {mepc_q, 2'b0};
  assign ebreakm_o = ebreakm_q;

  // ------------------------------------------------------------ read

  logic        exists;
  logic [63:0] cycle;
  assign cycle = now_i - offset_q;

  always_comb begin
    rdata_o = '0;
    exists  = 1'b0;
    if (en_i) begin
      exists = 1'b1;
      unique case (addr_i)
        CsrMstatus: rdata_o = {19'b0, 2'b11, 3'b0, mpie_q, 3'b0, mie_q, 3'b0};
        CsrMisa:    rdata_o = MisaValue;
        CsrMie:     rdata_o = irq_en_q;
        CsrMtvec:   rdata_o = {tvec_base_q, 1'b0, tvec_vec_q};
        CsrMscratch: rdata_o = mscratch_q;
        CsrMepc:    rdata_o = {mepc_q, 2'b0};
        CsrMcause:  rdata_o = {cause_irq_q, 26'b0, cause_q};
        CsrMtval:   rdata_o = mtval_q;
        CsrMip:     rdata_o = irq_i;
        CsrMcycle, CsrCycle:      rdata_o = cycle[31:0];
        CsrMcycleh, CsrCycleh:    rdata_o = cycle[63:32];
        CsrTime:                  rdata_o = now_i[31:0];
        CsrTimeh:                 rdata_o = now_i[63:32];
        CsrMinstret, CsrInstret:  rdata_o = instret_q[31:0];
        CsrMinstreth, CsrInstreth: rdata_o = instret_q[63:32];
        CsrMimpid:  rdata_o = MimpidValue;
        CsrMhartid: rdata_o = hart_id_i;
        CsrMstatush, CsrMcountinhibit, CsrMvendorid, CsrMarchid, CsrMconfigptr: ;
        CsrTselect, CsrTdata1, CsrTdata2, CsrTinfo: begin
          exists  = debug_i;
          rdata_o = debug_i ? trigger_rdata_i : '0;
        end
        CsrDcsr: begin
          exists  = debug_i;
          rdata_o = debug_i ? {4'd4, 12'b0, ebreakm_q, 6'b0, halt_cause_q, 4'b0, 2'b11} : '0;
        end
        default: begin
          // mhpmcounter3..31, mhpmcounter3h..31h, mhpmevent3..31 read as zero.
          exists = ((addr_i[11:5] == 7'h58) || (addr_i[11:5] == 7'h5c) || (addr_i[11:5] == 7'h19))
              && (addr_i[4:0] > 5'd2);
        end
      endcase
    end
    illegal_o = !exists || (write_i && (addr_i[11:10] == 2'b11));
  end

  // ------------------------------------------------------------ write

  logic [31:0] wdata;
  always_comb begin
    unique case (op_i)
      2'd2:    wdata = rdata_o | src_i;
      2'd3:    wdata = rdata_o & ~src_i;
      default: wdata = src_i;
    endcase
  end

  logic we;
  assign we = commit_i && write_i;

  always_ff @(posedge clk_i) begin
    if (clr_i) begin
      mie_q        <= 1'b0;
      mpie_q       <= 1'b0;
      irq_en_q     <= '0;
      tvec_base_q  <= '0;
      tvec_vec_q   <= 1'b0;
      mscratch_q   <= '0;
      mepc_q       <= '0;
      cause_q      <= '0;
      cause_irq_q  <= 1'b0;
      mtval_q      <= '0;
      offset_q     <= '0;
      instret_q    <= '0;
      ebreakm_q    <= 1'b0;
      halt_cause_q <= HaltNone;
    end else begin
      if (retire_i) instret_q <= instret_q + 64'd1;
      if (halt_i) halt_cause_q <= halt_cause_i;
      if (we) begin
        unique case (addr_i)
          CsrMstatus: begin
            mie_q  <= wdata[3];
            mpie_q <= wdata[7];
          end
          CsrMie: irq_en_q <= wdata & IrqMask;
          CsrMtvec: begin
            tvec_base_q <= wdata[31:2];
            tvec_vec_q  <= wdata[0];
          end
          CsrMscratch: mscratch_q <= wdata;
          CsrMepc:     mepc_q <= wdata[31:2];
          CsrMcause: begin
            cause_irq_q <= wdata[31];
            cause_q     <= wdata[4:0];
          end
          CsrMtval:     mtval_q <= wdata;
          CsrMcycle:    offset_q <= now_i - {cycle[63:32], wdata};
          CsrMcycleh:   offset_q <= now_i - {wdata, cycle[31:0]};
          // A written minstret is what the next instruction reads: the write itself does not count.
          CsrMinstret:  instret_q <= {instret_q[63:32], wdata};
          CsrMinstreth: instret_q <= {wdata, instret_q[31:0]};
          CsrDcsr:      ebreakm_q <= wdata[15];
          default: ;
        endcase
      end
      if (trap_i) begin
        mpie_q      <= mie_q;
        mie_q       <= 1'b0;
        mepc_q      <= trap_pc_i[31:2];
        cause_irq_q <= trap_cause_i[31];
        cause_q     <= trap_cause_i[4:0];
        mtval_q     <= trap_tval_i;
      end
      if (mret_i) begin
        mie_q  <= mpie_q;
        mpie_q <= 1'b1;
      end
    end
  end

endmodule
