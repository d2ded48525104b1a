// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"
/// RV32IM core with Zicsr, Zicntr and Zifencei, machine mode, tightly coupled memories, one data
/// bus, retire port and debug port.
///
/// Three stages: fetch (TCM access), execute (decode, registers, ALU, memory request), write back
/// (load data). Every instruction is complete or trapped when it leaves execute, so all traps are
/// precise.
///
/// *Latency*: 1 cycle; taken branch, jump, trap, MRET, FENCE.I 2; multiplication 2; division 34;
///   bus access 1 + cycles to acceptance + cycles to the response, at least 3. Load data is
///   forwarded, there is no load-use bubble.
/// *Backpressure*: bus request held until bus_ready_i; tcm_ready_o low for one cycle at most.
/// *Throughput*: one instruction a cycle; one bus access outstanding.
/// *Reset*: rst_ni, or run_i low, clears every register that software sees; the TCMs keep their
///   content. After run_i fell, a bus access under way is finished on the bus and its response is
///   dropped.
module tsr_core
  import tsr_core_pkg::*;
#(
  parameter int unsigned ItcmBytes = 65536,  ///< code TCM at 0x0000_0000; power of two, 8..65536
  parameter int unsigned DtcmBytes = 65536   ///< data TCM at 0x0001_0000; power of two, 8..65536
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  // Identity and start
  input  logic [31:0] hart_id_i,      // mhartid, constant
  input  logic [31:0] boot_pc_i,      // first pc after run_i rises; bits 1:0 are ignored
  input  logic        run_i,          // 0: held in reset
  input  logic [63:0] now_i,          // chip's cycle counter
  // Interrupts, level
  input  logic        irq_soft_i,
  input  logic        irq_timer_i,
  input  logic        irq_ext_i,
  input  logic [15:0] irq_fast_i,     // mip[31:16]
  // TCM back door; held until ready
  input  logic        tcm_valid_i,
  output logic        tcm_ready_o,    // does not depend on tcm_valid_i
  input  logic        tcm_write_i,
  input  logic [16:0] tcm_addr_i,     // byte address, bits 1:0 ignored; bit 16: 0 ITCM, 1 DTCM
  input  logic [31:0] tcm_wdata_i,
  input  logic [3:0]  tcm_strb_i,
  output logic        tcm_rvalid_o,   // one cycle after acceptance, reads and writes alike
  output logic [31:0] tcm_rdata_o,
  // ROM for fetch only: synchronous, data one cycle after rom_req_o
  input  logic        rom_en_i,       // constant; 0: fetch outside the ITCM faults
  output logic        rom_req_o,
  output logic [31:0] rom_addr_o,
  input  logic [31:0] rom_rdata_i,
  // Data bus: everything but the own TCMs
  output logic        bus_valid_o,
  input  logic        bus_ready_i,
  output logic        bus_write_o,
  output logic [31:0] bus_addr_o,     // of the word
  output logic [31:0] bus_wdata_o,    // in byte lanes
  output logic [3:0]  bus_strb_o,     // reads: bytes wanted
  input  logic        bus_rvalid_i,   // one per accepted access, at least one cycle later
  input  logic [31:0] bus_rdata_i,
  input  logic        bus_err_i,      // with bus_rvalid_i: access fault
  // Retire port
  output retire_t     retire_o,
  // Debug port: pulses. A halt while run_i is low acts in front of the first instruction; a step is
  // one instruction or exception, without interrupts
  input  logic        dbg_halt_i,
  input  logic        dbg_resume_i,   // ignored unless halted
  input  logic        dbg_step_i,     // ignored unless halted
  output logic        dbg_halted_o,
  input  logic        dbg_valid_i,    // access; held until ready
  output logic        dbg_ready_o,
  input  logic        dbg_write_i,
  input  logic        dbg_mem_i,
  input  logic [31:0] dbg_addr_i,     // 0..31 x, 32 pc, 0x1000 + n CSR n; or memory address
  input  logic [31:0] dbg_wdata_i,
  output logic        dbg_rvalid_o,
  output logic [31:0] dbg_rdata_o,
  output logic        dbg_err_o,
  // Status
  output logic        wfi_o,          // asleep in WFI, no enabled interrupt pending
  output logic        idle_o,         // comb.: nothing changes while all inputs but now_i stay
  output logic        instret_o       // an instruction completed
);

  // ------------------------------------------------------------ signals

  exec_state_e state_q, state_d;
  logic        in_reset, in_run, halted;
  assign in_reset = !rst_ni || (state_q == StReset);
  assign in_run   = state_q == StRun;
  assign halted   = state_q == StHalt;

  // Execute
  logic [31:0] pc_q, pc_next;        // of the instruction in execute, or of the next one to come
  logic        head_valid, head_err;
  logic [31:0] insn;
  dec_t        dec;
  logic [31:0] rs1, rs2, rf_a, rf_b, alu_result, muldiv_result;
  logic        div_done;
  logic        done, trap, redirect;
  logic [31:0] cause, tval, target;
  logic        halt_take;
  halt_e       halt_cause;

  // Write back
  logic        w_valid_q, w_trap_q, w_rd_we_q, w_mem_q, w_mem_write_q, w_load_q;
  logic [31:0] w_cause_q, w_tval_q, w_pc_q, w_insn_q, w_data_q, w_mem_data_q;
  logic [31:2] w_addr_q;
  logic [1:0]  w_offset_q;
  logic [4:0]  w_rd_q;
  logic [3:0]  w_strb_q;
  logic [1:0]  w_src_q;              // load data: 0 ITCM, 1 DTCM, 2 bus (in w_data_q)
  logic [31:0] w_raw, w_value;

  // Memories and bus
  logic [31:0] itcm_rdata, dtcm_rdata;
  logic        fetch_req, fetch_gnt, fetch_idle;
  logic [15:0] fetch_addr;
  logic        mem_misaligned, mem_local, mem_fault, mem_gnt;
  logic [3:0]  mem_strb;
  logic [31:0] mem_wdata;
  logic        bus_idle, bus_done;

  // CSRs and interrupts
  logic [31:0] csr_rdata, tvec, mepc, mip;
  logic        csr_illegal, irq_wake, irq_take_raw, irq_take, ebreakm;
  logic [4:0]  irq_code;

  // Debug
  logic [31:0] dbg_addr, dbg_wdata;
  logic        dbg_write, dbg_gpr_we, dbg_pc_we, dbg_csr_en, dbg_csr_commit;
  logic        dbg_mem_req, dbg_bus_start;
  logic        halt_req_q;    // halt as soon as an instruction boundary is reached
  logic        step_q;        // one instruction is to be executed
  logic        step_done_q;   // ... and is done
  logic        resume_q, resume_step_q;
  logic        pc_hit, mem_hit;
  logic [31:0] trigger_rdata;

  // ------------------------------------------------------------ fetch

  tsr_core_fetch #(.ItcmBytes(ItcmBytes)) u_fetch (
    .clk_i,
    .rst_ni,
    .stop_i       (in_reset || halted),
    .redirect_i   (redirect),
    .target_i     (target),
    .valid_o      (head_valid),
    .insn_o       (insn),
    .err_o        (head_err),
    .pop_i        (done),
    .itcm_req_o   (fetch_req),
    .itcm_addr_o  (fetch_addr),
    .itcm_gnt_i   (fetch_gnt),
    .itcm_rdata_i (itcm_rdata),
    .rom_en_i,
    .rom_req_o,
    .rom_addr_o,
    .rom_rdata_i,
    .idle_o       (fetch_idle)
  );

  // ------------------------------------------------------------ decode and operands

  tsr_core_decode u_decode (.insn_i(insn), .dec_o(dec));

  tsr_core_regfile u_regfile (
    .clk_i,
    .clr_i     (in_reset),
    .raddr_a_i (halted ? dbg_addr[4:0] : insn[19:15]),
    .rdata_a_o (rf_a),
    .raddr_b_i (insn[24:20]),
    .rdata_b_o (rf_b),
    .we_i      (w_rd_we_q || dbg_gpr_we),
    .waddr_i   (w_rd_we_q ? w_rd_q : dbg_addr[4:0]),
    .wdata_i   (w_rd_we_q ? w_value : dbg_wdata)
  );

  assign rs1 = (w_rd_we_q && (w_rd_q == insn[19:15])) ? w_value : rf_a;
  assign rs2 = (w_rd_we_q && (w_rd_q == insn[24:20])) ? w_value : rf_b;

  tsr_core_alu u_alu (
    .dec_i    (dec),
    .rs1_i    (rs1),
    .rs2_i    (rs2),
    .pc_i     (pc_q),
    .result_o (alu_result)
  );

  // ------------------------------------------------------------ execute

  // First cycle of the instruction in front; nothing else is pending at this boundary.
  logic exec_en;
  assign halt_take  = in_run && (halt_req_q || step_done_q || pc_hit);
  assign halt_cause = pc_hit ? HaltTrigger : step_done_q ? HaltStep : HaltReq;
  assign irq_take   = in_run && irq_take_raw && !step_q && !halt_take;
  assign exec_en    = in_run && head_valid && !halt_take && !irq_take;

  logic exec_mem, exec_ok, mem_ok;
  assign exec_ok  = exec_en && !head_err;
  assign exec_mem = exec_ok && ((dec.exec == UnitLoad) || (dec.exec == UnitStore));
  assign mem_ok   = exec_mem && !mem_misaligned && !mem_fault && !mem_hit;

  logic bus_start;
  assign bus_start = mem_ok && !mem_local && bus_idle;

  logic ebreak_halt;
  assign ebreak_halt = exec_ok && (dec.exec == UnitEbreak) && ebreakm;

  logic        mret, muldiv_start;
  logic [31:0] pc_imm, pc_plus4, jump;
  assign pc_imm       = pc_q + dec.imm;
  assign pc_plus4     = pc_q + 32'd4;
  assign jump         = (dec.exec == UnitJalr) ? {alu_result[31:1], 1'b0} : pc_imm;
  assign mret         = exec_ok && (dec.exec == UnitMret);
  assign muldiv_start = exec_ok && ((dec.exec == UnitMul) || (dec.exec == UnitDiv));

  logic wfi_wake;
  assign wfi_wake = irq_wake || halt_req_q || step_q;

  always_comb begin
    done     = 1'b0;
    trap     = 1'b0;
    cause    = '0;
    tval     = '0;
    redirect = 1'b0;
    target   = jump;
    state_d  = state_q;
    unique case (state_q)
      StRun: begin
        if (halt_take || ebreak_halt || mem_hit) begin
          state_d = StHalt;
        end else if (irq_take) begin
          trap  = 1'b1;
          cause = {1'b1, 26'b0, irq_code};
        end else if (head_valid && head_err) begin
          trap  = 1'b1;
          cause = {27'b0, CauseFetchFault};
          tval  = pc_q;
        end else if (head_valid) begin
          unique case (dec.exec)
            UnitAlu, UnitFence: done = 1'b1;
            UnitBranch, UnitJal, UnitJalr: begin
              if ((dec.exec != UnitBranch) || branch_taken(insn[14:12], rs1, rs2)) begin
                trap     = jump[1];
                cause    = {27'b0, CauseFetchMisaligned};
                tval     = jump;
                redirect = 1'b1;
              end
              done = !trap;
            end
            UnitLoad, UnitStore: begin
              tval = alu_result;
              if (mem_misaligned) begin
                trap  = 1'b1;
                cause = {27'b0, insn[5] ? CauseStoreMisaligned : CauseLoadMisaligned};
              end else if (mem_fault) begin
                trap  = 1'b1;
                cause = {27'b0, insn[5] ? CauseStoreFault : CauseLoadFault};
              end else if (mem_local) begin
                done = mem_gnt;
              end else if (bus_idle) begin
                state_d = StBus;
              end
            end
            UnitMul: state_d = StMul;
            UnitDiv: state_d = StDiv;
            UnitCsr: begin
              trap  = csr_illegal;
              cause = {27'b0, CauseIllegal};
              tval  = insn;
              done  = !csr_illegal;
            end
            UnitFenceI: begin
              done     = 1'b1;
              redirect = 1'b1;
              target   = pc_plus4;
            end
            UnitEcall: begin
              trap  = 1'b1;
              cause = {27'b0, CauseEcall};
            end
            UnitEbreak: begin
              trap  = 1'b1;
              cause = {27'b0, CauseBreakpoint};
            end
            UnitMret: begin
              done     = 1'b1;
              redirect = 1'b1;
              target   = mepc;
            end
            UnitWfi: begin
              done = wfi_wake;
              if (!wfi_wake) state_d = StSleep;
            end
            default: begin
              trap  = 1'b1;
              cause = {27'b0, CauseIllegal};
              tval  = insn;
            end
          endcase
        end
      end
      StMul:   done = 1'b1;
      StDiv:   done = div_done;
      StBus: begin
        trap  = bus_done && bus_err_i;
        done  = bus_done && !bus_err_i;
        cause = {27'b0, insn[5] ? CauseStoreFault : CauseLoadFault};
        tval  = alu_result;
      end
      StSleep: done = wfi_wake;
      StHalt: begin
        if (resume_q && dbg_ready_o) begin
          state_d  = StRun;
          redirect = 1'b1;
          target   = pc_q;
        end
      end
      default: begin  // StReset
        state_d  = StRun;
        redirect = 1'b1;
        target   = {boot_pc_i[31:2], 2'b0};
      end
    endcase
    if (trap) begin
      redirect = 1'b1;
      target   = tvec;
    end
    if (trap || done) state_d = StRun;
    if (!run_i) state_d = StReset;
  end

  always_comb begin
    pc_next = pc_q;
    if (redirect) pc_next = target;
    else if (done) pc_next = pc_plus4;
    else if (dbg_pc_we) pc_next = {dbg_wdata[31:2], 2'b0};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StReset;
    else state_q <= state_d;
    pc_q <= pc_next;
  end

  tsr_core_muldiv u_muldiv (
    .clk_i,
    .clr_i      (in_reset),
    .start_i    (muldiv_start),
    .funct3_i   (insn[14:12]),
    .a_i        (rs1),
    .b_i        (rs2),
    .div_done_o (div_done),
    .result_o   (muldiv_result)
  );

  // ------------------------------------------------------------ memory

  logic [31:0] mem_addr;
  logic        mem_write;
  assign mem_addr  = halted ? dbg_addr : alu_result;
  assign mem_write = halted ? dbg_write : insn[5];

  tsr_core_lsu #(.ItcmBytes(ItcmBytes), .DtcmBytes(DtcmBytes)) u_lsu (
    .clk_i,
    .rst_ni,
    .addr_i       (mem_addr),
    .size_i       (halted ? 2'd2 : insn[13:12]),
    .write_i      (mem_write),
    .value_i      (halted ? dbg_wdata : rs2),
    .misaligned_o (mem_misaligned),
    .local_o      (mem_local),
    .fault_o      (mem_fault),
    .strb_o       (mem_strb),
    .wdata_o      (mem_wdata),
    .bus_start_i  (bus_start || dbg_bus_start),
    .bus_idle_o   (bus_idle),
    .bus_done_o   (bus_done),
    .bus_valid_o,
    .bus_ready_i,
    .bus_write_o,
    .bus_addr_o,
    .bus_wdata_o,
    .bus_strb_o,
    .bus_rvalid_i
  );

  logic dbg_mem_bad;
  assign dbg_mem_bad = mem_misaligned || mem_fault;

  tsr_core_tcm #(.ItcmBytes(ItcmBytes), .DtcmBytes(DtcmBytes)) u_tcm (
    .clk_i,
    .rst_ni,
    .core_quiet_i (in_reset || (state_q == StSleep)),
    .fetch_req_i  (fetch_req),
    .fetch_addr_i (fetch_addr),
    .fetch_gnt_o  (fetch_gnt),
    .data_req_i   ((mem_ok || (dbg_mem_req && !dbg_mem_bad)) && mem_local),
    .data_sel_i   (mem_addr[16]),
    .data_write_i (mem_write),
    .data_addr_i  (mem_addr[15:0]),
    .data_wdata_i (mem_wdata),
    .data_strb_i  (mem_strb),
    .data_gnt_o   (mem_gnt),
    .tcm_valid_i,
    .tcm_ready_o,
    .tcm_write_i,
    .tcm_addr_i,
    .tcm_wdata_i,
    .tcm_strb_i,
    .tcm_rvalid_o,
    .tcm_rdata_o,
    .itcm_rdata_o (itcm_rdata),
    .dtcm_rdata_o (dtcm_rdata)
  );

  // ------------------------------------------------------------ CSRs

  logic csr_en, csr_write;
  assign csr_en    = (exec_ok && (dec.exec == UnitCsr)) || dbg_csr_en;
  assign csr_write = halted ? dbg_write : (!insn[13] || (insn[19:15] != 5'd0));
  assign mip       = {irq_fast_i, 4'b0, irq_ext_i, 3'b0, irq_timer_i, 3'b0, irq_soft_i, 3'b0};

  tsr_core_csr u_csr (
    .clk_i,
    .clr_i        (in_reset),
    .hart_id_i,
    .now_i,
    .irq_i        (mip),
    .en_i         (csr_en),
    .debug_i      (halted),
    .addr_i       (halted ? dbg_addr[11:0] : insn[31:20]),
    .op_i         (halted ? 2'd1 : insn[13:12]),
    .write_i      (csr_write),
    .src_i        (halted ? dbg_wdata : insn[14] ? {27'b0, insn[19:15]} : rs1),
    .commit_i     (dbg_csr_commit || (csr_en && done)),
    .rdata_o      (csr_rdata),
    .trigger_rdata_i (trigger_rdata),
    .illegal_o    (csr_illegal),
    .retire_i     (done),
    .trap_i       (trap),
    .trap_cause_i (cause),
    .trap_pc_i    (pc_q),
    .trap_tval_i  (tval),
    .mret_i       (mret),
    .trap_irq_i   (irq_take),
    .tvec_o       (tvec),
    .mepc_o       (mepc),
    .irq_wake_o   (irq_wake),
    .irq_take_o   (irq_take_raw),
    .irq_code_o   (irq_code),
    .halt_i       (halt_take || ebreak_halt || mem_hit),
    .halt_cause_i (ebreak_halt ? HaltEbreak : mem_hit ? HaltTrigger : halt_cause),
    .ebreakm_o    (ebreakm)
  );

  tsr_core_trigger u_trigger (
    .clk_i,
    .clr_i       (in_reset),
    .addr_i      (dbg_addr[11:0]),
    .we_i        (dbg_csr_commit && dbg_write),
    .wdata_i     (dbg_wdata),
    .rdata_o     (trigger_rdata),
    .pc_i        (pc_q),
    .pc_valid_i  (in_run && head_valid),
    .pc_hit_o    (pc_hit),
    .mem_addr_i  (alu_result),
    .mem_load_i  (exec_mem && !insn[5]),
    .mem_store_i (exec_mem && insn[5]),
    .mem_hit_o   (mem_hit)
  );

  // ------------------------------------------------------------ write back and retire

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      w_valid_q <= 1'b0;
      w_rd_we_q <= 1'b0;
    end else begin
      w_valid_q <= done || trap;
      w_rd_we_q <= done && dec.rd_we;
    end
    // Payload: not reset, only read together with the flags above.
    if (done || trap) begin
      w_trap_q      <= trap;
      w_cause_q     <= trap ? cause : '0;
      w_tval_q      <= trap ? tval : '0;
      w_pc_q        <= pc_q;
      w_insn_q      <= (head_err || irq_take) ? '0 : insn;
      w_rd_q        <= insn[11:7];
      w_mem_q       <= done && ((dec.exec == UnitLoad) || (dec.exec == UnitStore));
      w_mem_write_q <= insn[5];
      w_load_q      <= dec.exec == UnitLoad;
      unique case (dec.exec)
        UnitLoad, UnitStore: begin
          w_data_q     <= bus_rdata_i;
          w_src_q      <= (state_q == StBus) ? 2'd2 : {1'b0, alu_result[16]};
          w_addr_q     <= alu_result[31:2];
          w_offset_q   <= alu_result[1:0];
          w_strb_q     <= mem_strb;
          w_mem_data_q <= mem_wdata;
        end
        UnitMul, UnitDiv: w_data_q <= muldiv_result;
        UnitCsr:          w_data_q <= csr_rdata;
        UnitJal, UnitJalr: w_data_q <= pc_plus4;
        default:          w_data_q <= alu_result;
      endcase
    end
  end

  assign w_raw   = (w_src_q == 2'd0) ? itcm_rdata : (w_src_q == 2'd1) ? dtcm_rdata : w_data_q;
  assign w_value = w_load_q ? load_value(w_insn_q[14:12], w_offset_q, w_raw) : w_data_q;

  always_comb begin
    retire_o           = '0;
    retire_o.valid     = w_valid_q;
    retire_o.trap      = w_trap_q;
    retire_o.intr      = w_trap_q && w_cause_q[31];
    retire_o.cause     = w_cause_q;
    retire_o.tval      = w_tval_q;
    retire_o.pc        = w_pc_q;
    retire_o.insn      = w_insn_q;
    retire_o.rd_we     = w_rd_we_q;
    retire_o.rd        = w_rd_we_q ? w_rd_q : '0;
    retire_o.rd_wdata  = w_rd_we_q ? w_value : '0;
    if (w_valid_q && w_mem_q) begin
      retire_o.mem_valid = 1'b1;
      retire_o.mem_write = w_mem_write_q;
      retire_o.mem_addr  = {w_addr_q, 2'b0};
      retire_o.mem_data  = w_mem_write_q ? w_mem_data_q : w_raw & lane_mask(w_strb_q);
      retire_o.mem_strb  = w_strb_q;
    end
  end

  assign instret_o = w_valid_q && !w_trap_q;

  // ------------------------------------------------------------ debug

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      halt_req_q <= 1'b0;
    end else if (halt_take || halted) begin
      halt_req_q <= 1'b0;
    end else if (dbg_halt_i) begin
      halt_req_q <= 1'b1;
    end
    if (in_reset) begin
      resume_q      <= 1'b0;
      resume_step_q <= 1'b0;
      step_q        <= 1'b0;
      step_done_q   <= 1'b0;
    end else if (halted) begin
      step_done_q <= 1'b0;
      if (resume_q && dbg_ready_o) begin
        resume_q <= 1'b0;
        step_q   <= resume_step_q;
      end else if (dbg_resume_i || dbg_step_i) begin
        resume_q      <= 1'b1;
        resume_step_q <= dbg_step_i;
      end
    end else begin
      if (halt_take || ebreak_halt || mem_hit) step_q <= 1'b0;
      if (step_q && (done || trap)) step_done_q <= 1'b1;
    end
  end

  tsr_core_dbg u_dbg (
    .clk_i,
    .rst_ni,
    .halted_i      (halted),
    .dbg_valid_i,
    .dbg_ready_o,
    .dbg_write_i,
    .dbg_mem_i,
    .dbg_addr_i,
    .dbg_wdata_i,
    .dbg_rvalid_o,
    .dbg_rdata_o,
    .dbg_err_o,
    .addr_o        (dbg_addr),
    .wdata_o       (dbg_wdata),
    .write_o       (dbg_write),
    .gpr_we_o      (dbg_gpr_we),
    .pc_we_o       (dbg_pc_we),
    .csr_en_o      (dbg_csr_en),
    .csr_commit_o  (dbg_csr_commit),
    .gpr_rdata_i   (rf_a),
    .pc_i          (pc_q),
    .csr_rdata_i   (csr_rdata),
    .csr_illegal_i (csr_illegal),
    .mem_req_o     (dbg_mem_req),
    .mem_bad_i     (dbg_mem_bad),
    .mem_local_i   (mem_local),
    .tcm_gnt_i     (mem_gnt),
    .tcm_rdata_i   (dbg_addr[16] ? dtcm_rdata : itcm_rdata),
    .bus_idle_i    (bus_idle),
    .bus_start_o   (dbg_bus_start),
    .bus_done_i    (bus_done),
    .bus_err_i,
    .bus_rdata_i
  );

  assign dbg_halted_o = halted && !resume_q;

  // ------------------------------------------------------------ sleep

  logic resting, disturbed;
  always_comb begin
    unique case (state_q)
      StReset: resting = !run_i;
      StSleep: resting = run_i && !wfi_wake;
      StHalt:  resting = run_i && !resume_q && !dbg_resume_i && !dbg_step_i;
      default: resting = 1'b0;
    endcase
  end
  assign disturbed = w_valid_q || !fetch_idle || !bus_idle || tcm_valid_i || tcm_rvalid_o
      || dbg_valid_i || !dbg_ready_o || (dbg_halt_i && !halted);
  assign idle_o = resting && !disturbed;
  assign wfi_o  = (state_q == StSleep) && !irq_wake;

  // ------------------------------------------------------------ implementation checks

`ifndef TSR_ASSERT_OFF
  logic        bus_held_q;
  logic        check_write_q;
  logic [31:0] check_addr_q, check_wdata_q;
  logic [3:0]  check_strb_q;
  always_ff @(posedge clk_i) begin
    bus_held_q    <= rst_ni && bus_valid_o && !bus_ready_i;
    check_write_q <= bus_write_o;
    check_addr_q  <= bus_addr_o;
    check_wdata_q <= bus_wdata_o;
    check_strb_q  <= bus_strb_o;
  end
`endif

  `TSR_ASSERT(BusRequestHeld, !bus_held_q || bus_valid_o)
  `TSR_ASSERT(BusPayloadStable, !bus_held_q || (bus_write_o == check_write_q
      && bus_addr_o == check_addr_q && bus_wdata_o == check_wdata_q && bus_strb_o == check_strb_q))
  `TSR_ASSERT(EitherDoneOrTrap, !(done && trap))
  `TSR_ASSERT(IdleNeverRetires, !idle_o || !retire_o.valid)

endmodule
