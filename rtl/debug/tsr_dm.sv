// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Debug module of the chip (RISC-V External Debug Specification 0.13.2, chapter 3): run control of all harts, and
/// abstract commands for registers and memory. Its registers are in tsr_debug_pkg, what it does in README.md.
///
/// *Latency:* registers 1 cycle; dmstatus and the sums as long as the chip takes to say. An access waits until the halt,
/// resume or reset before it is done; it does not wait for an abstract command, unless it needs the chip itself.
/// *Backpressure:* dmi_valid_i holds until dmi_ready_o; one answer for each access.
/// *Reset:* not active; every hart counts as having been reset.
/// While lock_i is 1 only dmactive can be written and dmstatus says "not authenticated"; everything else reads 0.
module tsr_dm
  import tsr_debug_pkg::*;
(
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           lock_i,       // debug is locked

  // Which harts there are.
  input  logic [63:0]    tiles_i,
  input  logic [63:0]    dead_i,
  input  tsr_pkg::node_t ctl_i,

  // Debug module interface.
  input  logic           dmi_valid_i,
  output logic           dmi_ready_o,
  input  dmi_req_t       dmi_req_i,
  output logic           dmi_rsp_valid_o,
  output logic [31:0]    dmi_rdata_o,

  // Port into the chip.
  output logic           port_valid_o,
  input  logic           port_ready_i,
  output port_req_t      port_req_o,
  input  logic           port_rsp_valid_i,
  input  port_rsp_t      port_rsp_i,

  output logic           idle_o        // nothing changes until dmi_valid_i
);

  // ---------------------------------------------------------------- state
  logic        active_q, ndmreset_q;
  hart_t       hart_q;
  logic [MaxHarts-1:0] haltreq_q, resumeack_q, havereset_q;
  logic [31:0] data0_q, data1_q;
  command_t    command_q;
  cmderr_e     cmderr_q;
  logic [1:0]  auto_q;

  // Jobs that are due; they are done in this order.
  logic        halt_due_q, resume_due_q, reset_due_q, command_due_q, read_due_q;
  job_e        read_job_q;
  logic        work_due, job_valid, job_ready, done;
  job_t        job;
  job_e        kind_q;       // of the job that runs
  logic        running_q;
  result_t     result;
  logic        restart;
  hart_t       restart_hart;
  logic        start, refused;  // a command begins; an access that a running command forbids

  // ---------------------------------------------------------------- accesses
  logic        take, write, open, busy, abstract_adr, data_adr, needs_chip;
  logic [AddrBits-1:0] adr;
  logic [31:0] wdata;
  dmcontrol_t  control;
  dmstatus_t   status;
  abstractcs_t abstractcs;
  command_t    new_command;

  assign adr          = dmi_req_i.addr;
  assign wdata        = dmi_req_i.wdata;
  assign control      = wdata;
  assign new_command  = wdata;
  assign open         = active_q && !lock_i;
  assign data_adr     = adr == AdrData0 || adr == AdrData1;
  assign abstract_adr = data_adr || adr == AdrAbstractcs || adr == AdrCommand || adr == AdrAbstractauto;
  assign busy         = command_due_q || (running_q && kind_q == JobCommand);
  assign work_due     = halt_due_q || resume_due_q || reset_due_q || read_due_q;
  assign dmi_ready_o  = !work_due && !(running_q && kind_q != JobCommand) && !(busy && !abstract_adr);
  assign take         = dmi_valid_i && dmi_ready_o;
  assign write        = take && dmi_req_i.write;
  assign needs_chip   = open && !dmi_req_i.write && (adr == AdrDmstatus || adr == AdrHaltsum0 || adr == AdrHaltsum1);

  hart_t new_hart;
  assign new_hart = control.hartsello[HartBits-1:0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q    <= 1'b0;
      ndmreset_q  <= 1'b0;
      hart_q      <= '0;
      haltreq_q   <= '0;
      resumeack_q <= '0;
      havereset_q <= '1;
    end else begin
      if (restart) havereset_q[restart_hart] <= 1'b1;
      if (done && kind_q == JobResume) resumeack_q[hart_q] <= 1'b1;
      if (write && adr == AdrDmcontrol) begin
        active_q <= control.dmactive;
        if (!control.dmactive) begin
          hart_q      <= '0;
          haltreq_q   <= '0;
          resumeack_q <= '0;
          ndmreset_q  <= 1'b0;
        end else if (open) begin
          hart_q              <= new_hart;
          ndmreset_q          <= control.ndmreset;
          haltreq_q[new_hart] <= control.haltreq;
          if (control.ackhavereset) havereset_q[new_hart] <= 1'b0;
          if (control.resumereq && !control.haltreq) resumeack_q[new_hart] <= 1'b0;
        end
      end
    end
  end

  // A reset that is asserted must end, even if the debug module becomes inactive.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      halt_due_q    <= 1'b0;
      resume_due_q  <= 1'b0;
      reset_due_q   <= 1'b0;
      read_due_q    <= 1'b0;
      command_due_q <= 1'b0;
    end else begin
      if (job_valid && job_ready) begin
        unique case (job.kind)
          JobHalt:              halt_due_q <= 1'b0;
          JobResume:            resume_due_q <= 1'b0;
          JobReset, JobRelease: reset_due_q <= 1'b0;
          JobCommand:           command_due_q <= 1'b0;
          default:              read_due_q <= 1'b0;
        endcase
      end
      if (write && adr == AdrDmcontrol) begin
        if (open && control.dmactive) begin
          halt_due_q   <= control.haltreq;
          resume_due_q <= control.resumereq && !control.haltreq;
          reset_due_q  <= control.ndmreset != ndmreset_q;
        end else begin
          reset_due_q <= ndmreset_q && !control.dmactive;
        end
      end
      if (take && needs_chip) read_due_q <= 1'b1;
      if (start) command_due_q <= 1'b1;
    end
    if (take) read_job_q <= adr == AdrHaltsum0 ? JobSum0 : adr == AdrHaltsum1 ? JobSum1 : JobStatus;
  end

  // ---------------------------------------------------------------- abstract commands
  assign start   = take && open && !busy && cmderr_q == CmdNone &&
                   ((dmi_req_i.write && adr == AdrCommand) || (data_adr && auto_q[adr[0]]));
  // data1 has the odd address.
  assign refused = take && open && busy && (data_adr || (dmi_req_i.write && abstract_adr));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cmderr_q <= CmdNone;
      auto_q   <= '0;
      data0_q  <= '0;
      data1_q  <= '0;
    end else if (!active_q) begin
      cmderr_q <= CmdNone;
      auto_q   <= '0;
      data0_q  <= '0;
      data1_q  <= '0;
    end else begin
      if (write && open && !busy) begin
        unique case (adr)
          AdrData0:        data0_q <= wdata;
          AdrData1:        data1_q <= wdata;
          AdrAbstractcs:   cmderr_q <= cmderr_e'(cmderr_q & ~wdata[10:8]);
          AdrAbstractauto: auto_q <= wdata[1:0];
          default: ;
        endcase
      end
      if (refused && cmderr_q == CmdNone) cmderr_q <= CmdBusy;
      if (done && kind_q == JobCommand) begin
        if (result.err != CmdNone) begin
          if (cmderr_q == CmdNone) cmderr_q <= result.err;
        end else begin
          if (!command_q.write && (command_q.transfer || command_q.cmdtype == CmdMemory)) data0_q <= result.data;
          if (command_q.postincrement && command_q.cmdtype == CmdMemory) data1_q <= data1_q + (32'd1 << command_q.size);
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (write && open && !busy && cmderr_q == CmdNone && adr == AdrCommand) command_q <= new_command;
    else if (done && kind_q == JobCommand && result.err == CmdNone && command_q.postincrement &&
             command_q.cmdtype == CmdRegister) begin
      command_q.regno <= command_q.regno + 16'd1;
    end
  end

  // ---------------------------------------------------------------- jobs
  always_comb begin
    job.hart    = hart_q;
    job.command = command_q;
    job.data0   = data0_q;
    job.data1   = data1_q;
    if (halt_due_q) job.kind = JobHalt;
    else if (resume_due_q) job.kind = JobResume;
    else if (reset_due_q) job.kind = ndmreset_q ? JobReset : JobRelease;
    else if (command_due_q) job.kind = JobCommand;
    else job.kind = read_job_q;
  end
  assign job_valid = work_due || command_due_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) running_q <= 1'b0;
    else if (job_valid && job_ready) running_q <= 1'b1;
    else if (done) running_q <= 1'b0;
    if (job_valid && job_ready) kind_q <= job.kind;
  end

  tsr_dm_seq u_seq (
    .clk_i, .rst_ni, .clear_i(!active_q), .tiles_i, .dead_i, .ctl_i,
    .job_valid_i(job_valid), .job_ready_o(job_ready), .job_i(job), .done_o(done), .result_o(result),
    .haltreq_i(haltreq_q), .restart_o(restart), .restart_hart_o(restart_hart),
    .port_valid_o, .port_ready_i, .port_req_o, .port_rsp_valid_i, .port_rsp_i
  );

  // ---------------------------------------------------------------- what registers read
  logic [31:0] rdata_q, rdata;
  logic        rsp_valid_q;
  dmcontrol_t  control_out;
  dmstatus_t   locked_status;

  always_comb begin
    locked_status         = '0;
    locked_status.version = 4'd2;
    status                = locked_status;
    status.authenticated  = 1'b1;
    if (result.exists) begin
      status.havereset = {2{havereset_q[hart_q]}};
      status.resumeack = {2{resumeack_q[hart_q]}};
      status.unavail   = {2{result.unavail}};
      status.halted    = {2{result.halted && !result.unavail}};
      status.running   = {2{!result.halted && !result.unavail}};
    end
    status.nonexistent = {2{!result.exists}};
  end

  always_comb begin
    control_out           = '0;
    control_out.dmactive  = active_q;
    if (open) begin
      control_out.hartsello = 10'(hart_q);
      control_out.ndmreset  = ndmreset_q;
    end
    abstractcs            = '0;
    abstractcs.busy       = busy;
    abstractcs.cmderr     = cmderr_q;
    abstractcs.datacount  = 4'd2;
  end

  always_comb begin
    rdata = '0;
    if (open) begin
      unique case (adr)
        AdrData0:        rdata = data0_q;
        AdrData1:        rdata = data1_q;
        AdrAbstractcs:   rdata = abstractcs;
        AdrAbstractauto: rdata = {30'b0, auto_q};
        default: ;
      endcase
    end
    if (adr == AdrDmcontrol) rdata = control_out;
    if (adr == AdrDmstatus) begin
      rdata = locked_status;
      rdata[7] = !lock_i;
    end
  end

  // An answer that the chip gives comes with the end of its job.
  logic chip_done;
  assign chip_done = done && (kind_q == JobStatus || kind_q == JobSum0 || kind_q == JobSum1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) rsp_valid_q <= 1'b0;
    else rsp_valid_q <= (take && !needs_chip) || chip_done;
    if (take) rdata_q <= rdata;
    else if (chip_done) rdata_q <= kind_q == JobStatus ? status : result.data;
  end
  assign dmi_rsp_valid_o = rsp_valid_q;
  assign dmi_rdata_o     = rdata_q;

  assign idle_o = !running_q && !job_valid && !rsp_valid_q && !dmi_valid_i;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(OneReaderAtATime, !(take && chip_done))

endmodule
