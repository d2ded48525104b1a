// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Sequencer of the debug module: carries out a job as reads and writes of the debug registers (DBG_*, CORE_CTRL) of
/// harts' nodes, and of memory as the hart addresses it.
///
/// *Latency:* a search for the hart (1 to 65 cycles), then the network's, for 1 to 3 accesses; the resets and sums go
/// over all harts. *Backpressure:* job_valid_i holds until job_ready_o; done_o is one pulse a job, result_o holds.
/// *Reset:* no job; no hart steps, none is held by JobReset.
///
/// Memory: below 0x8000_0000 a hart sees its node's own addresses; above, its windows (CORE_WIN) to global ones. So the
/// hart is not needed for it, and may run. Bytes go with their own strobe, nothing is read back.
module tsr_dm_seq
  import tsr_debug_pkg::*;
  import tsr_pkg::*;
  import tsr_tile_reg_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        clear_i,        // the debug module is not active: no hart steps

  // Which harts there are.
  input  logic [63:0] tiles_i,
  input  logic [63:0] dead_i,
  input  node_t       ctl_i,

  // Jobs.
  input  logic        job_valid_i,
  output logic        job_ready_o,
  input  job_t        job_i,
  output logic        done_o,
  output result_t     result_o,
  input  logic [MaxHarts-1:0] haltreq_i,  // harts that halt in front of their first instruction
  output logic        restart_o,          // pulse: the core of restart_hart_o was started again
  output hart_t       restart_hart_o,

  // Port into the chip.
  output logic        port_valid_o,
  input  logic        port_ready_i,
  output port_req_t   port_req_o,
  input  logic        port_rsp_valid_i,
  input  port_rsp_t   port_rsp_i
);

  localparam logic [31:0] CtrlHalt = 32'd1, CtrlResume = 32'd2, CtrlStep = 32'd4;
  localparam logic [31:0] CmdWrite = 32'd1 << 17;
  localparam logic [15:0] PortPc = 16'd32, PortCsr = 16'h1000, CsrDcsr = 16'h07b0, CsrDpc = 16'h07b1;

  typedef enum logic [3:0] {
    OpIdle, OpFind, OpDone, OpStatus, OpRun, OpHalt, OpResume, OpStop, OpStart, OpData, OpCmd, OpResult, OpWindow, OpMem
  } op_e;

  op_e     op_q, op_d;
  job_t    job_q;
  result_t result_q;
  hart_t   hart_q;        // the one in work
  logic    sent_q, looping, last_hart;
  logic [MaxHarts-1:0] step_q;   // dcsr.step
  logic [MaxHarts-1:0] held_q;   // held in reset by JobReset
  addr_t   window_q;      // global address of a memory access through a window

  // ---------------------------------------------------------------- the hart
  logic  find_done, exists, dead, find_start;
  hart_t find_hart;
  node_t node;

  tsr_dm_harts u_harts (
    .clk_i, .rst_ni, .tiles_i, .dead_i, .ctl_i,
    .start_i(find_start), .hart_i(find_hart), .done_o(find_done),
    .exists_o(exists), .dead_o(dead), .node_o(node)
  );

  logic is_ctl, next_hart;
  assign is_ctl      = hart_q == '0;
  assign looping     = job_q.kind == JobReset || job_q.kind == JobRelease || job_q.kind == JobSum0 ||
                       job_q.kind == JobSum1;
  assign last_hart   = (job_q.kind == JobSum0 && hart_q[4:0] == '1) || hart_q == hart_t'(MaxHarts - 1);
  assign find_start  = (op_q == OpIdle && job_valid_i) || (next_hart && !last_hart);
  always_comb begin
    find_hart = hart_q + hart_t'(1);
    if (op_q == OpIdle) begin
      find_hart = job_i.hart;
      if (job_i.kind == JobSum0) find_hart = {job_i.hart[6:5], 5'b0};
      if (job_i.kind == JobReset || job_i.kind == JobRelease || job_i.kind == JobSum1) find_hart = '0;
    end
  end

  // ---------------------------------------------------------------- what a command is
  logic        is_reg, is_mem, supported, dcsr;
  logic [15:0] number;      // of the register at the hart's debug port
  logic        window;
  logic [4:0]  shift;
  logic [3:0]  bytes;
  logic        aligned;

  assign is_reg = job_q.command.cmdtype == CmdRegister;
  assign is_mem = job_q.command.cmdtype == CmdMemory;
  assign dcsr   = job_q.command.regno == CsrDcsr;

  always_comb begin
    number    = {11'b0, job_q.command.regno[4:0]};
    supported = job_q.command.regno[15:5] == 11'h080;   // x0..x31
    if (job_q.command.regno[15:12] == '0) begin
      number    = job_q.command.regno == CsrDpc ? PortPc : PortCsr + job_q.command.regno;
      supported = 1'b1;
    end
    if (job_q.command.size != 3'd2 && job_q.command.transfer) supported = 1'b0;
    if (!job_q.command.transfer) supported = 1'b1;
    if (job_q.command.postexec) supported = 1'b0;
    if (is_mem) supported = job_q.command.size <= 3'd2;
    else if (!is_reg) supported = 1'b0;
  end

  always_comb begin
    unique case (job_q.command.size)
      3'd0:    begin bytes = 4'b0001; aligned = 1'b1; end
      3'd1:    begin bytes = 4'b0011; aligned = !job_q.data1[0]; end
      default: begin bytes = 4'b1111; aligned = job_q.data1[1:0] == '0; end
    endcase
  end
  assign window = job_q.data1[31];
  assign shift  = {job_q.data1[1:0], 3'b0};

  // ---------------------------------------------------------------- sequence
  logic answer;
  assign answer = port_rsp_valid_i;

  // The first access of a job for a hart that is there.
  op_e first_op;
  always_comb begin
    unique case (job_q.kind)
      JobStatus, JobSum0, JobSum1: first_op = OpStatus;
      JobHalt:    first_op = OpHalt;
      JobResume:  first_op = OpResume;
      JobReset:   first_op = is_ctl ? OpDone : OpRun;
      JobRelease: first_op = !held_q[hart_q] ? OpDone : haltreq_i[hart_q] ? OpHalt : OpStart;
      default: begin
        if (!supported || (is_reg && !job_q.command.transfer) || (is_mem && !aligned)) first_op = OpDone;
        else if (is_mem) first_op = window ? OpWindow : OpMem;
        else first_op = job_q.command.write ? OpData : OpCmd;
      end
    endcase
  end

  always_comb begin
    op_d      = op_q;
    next_hart = 1'b0;
    unique case (op_q)
      OpIdle: if (job_valid_i) op_d = OpFind;
      OpFind: if (find_done) op_d = exists && !dead ? first_op : OpDone;
      OpDone: begin
        next_hart = looping && exists;
        op_d      = next_hart && !last_hart ? OpFind : OpIdle;
      end
      OpStatus: begin
        if (answer) begin
          op_d = job_q.kind == JobStatus && !port_rsp_i.err && !port_rsp_i.first[0] && !is_ctl ? OpRun : OpDone;
        end
      end
      OpRun: begin
        if (answer) op_d = job_q.kind == JobReset && !port_rsp_i.err && port_rsp_i.first[0] ? OpStop : OpDone;
      end
      OpHalt:   if (answer) op_d = job_q.kind == JobRelease ? OpStart : OpDone;
      OpData:   if (answer) op_d = port_rsp_i.err ? OpDone : OpCmd;
      OpCmd:    if (answer) op_d = port_rsp_i.err ? OpDone : OpResult;
      OpResult: if (answer) op_d = port_rsp_i.err || !port_rsp_i.first[1] ? OpDone : OpResult;
      OpWindow: if (answer) op_d = port_rsp_i.err ? OpDone : OpMem;
      default:  if (answer) op_d = OpDone;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      op_q   <= OpIdle;
      sent_q <= 1'b0;
    end else begin
      op_q <= op_d;
      if (answer || op_q == OpIdle) sent_q <= 1'b0;
      else if (port_valid_o && port_ready_i) sent_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (job_valid_i && job_ready_o) job_q <= job_i;
    if (find_start) hart_q <= find_hart;
    if (op_q == OpWindow && answer) window_q <= {port_rsp_i.first[27:0], job_q.data1[27:0]};
  end

  // ---------------------------------------------------------------- what the chip is asked
  addr_t regs;
  assign regs = {SpaceNode, 8'b0, node.y, node.x, tsr_tile_pkg::RegsBase};

  always_comb begin
    port_req_o       = '0;
    port_req_o.addr  = regs + addr_t'(DbgCtrlOffset);
    port_req_o.words = 5'd1;
    port_req_o.strb  = '1;
    port_req_o.write = 1'b1;
    unique case (op_q)
      OpStatus: begin
        port_req_o.write = 1'b0;
        port_req_o.addr  = regs + addr_t'(DbgStatusOffset);
      end
      OpResult: begin
        port_req_o.write = 1'b0;
        port_req_o.addr  = regs + addr_t'(DbgStatusOffset);
        port_req_o.words = 5'd4;   // up to DBG_DATA
      end
      OpRun: begin
        port_req_o.write = 1'b0;
        port_req_o.addr  = regs + addr_t'(CoreCtrlOffset);
      end
      OpHalt:   port_req_o.wdata = CtrlHalt;
      OpResume: port_req_o.wdata = step_q[hart_q] ? CtrlStep : CtrlResume;
      OpStop, OpStart: begin
        port_req_o.addr  = regs + addr_t'(CoreCtrlOffset);
        port_req_o.wdata = {31'b0, op_q == OpStart};
      end
      OpData: begin
        port_req_o.addr  = regs + addr_t'(DbgDataOffset);
        port_req_o.wdata = job_q.data0;
      end
      OpCmd: begin
        port_req_o.addr  = regs + addr_t'(DbgCmdOffset);
        port_req_o.wdata = {16'b0, number} | (job_q.command.write ? CmdWrite : '0);
      end
      OpWindow: begin
        port_req_o.write = 1'b0;
        port_req_o.addr  = regs + addr_t'(CoreWinOffset) + {51'b0, job_q.data1[30:28], 2'b0};
      end
      OpMem: begin
        port_req_o.write     = job_q.command.write;
        port_req_o.addr      = window ? window_q : {SpaceNode, 8'b0, node.y, node.x, job_q.data1};
        port_req_o.addr[1:0] = '0;
        port_req_o.strb      = bytes << job_q.data1[1:0];
        port_req_o.wdata     = job_q.data0 << shift;
      end
      default: ;
    endcase
  end
  assign port_valid_o = op_q > OpDone && !sent_q;

  // ---------------------------------------------------------------- results
  logic [31:0] word;        // what a command reads
  always_comb begin
    word = port_rsp_i.last;
    if (is_mem) begin
      word = port_rsp_i.first >> shift;
      if (!bytes[1]) word[31:8] = '0;
      if (!bytes[3]) word[31:16] = '0;
    end else if (dcsr) begin
      word[2] = step_q[hart_q];
    end
  end

  always_ff @(posedge clk_i) begin
    if (op_q == OpIdle) begin
      result_q <= '0;
    end else if (op_q == OpFind && find_done) begin
      if (!looping) begin
        result_q.exists  <= exists;
        result_q.unavail <= dead;
      end
      if (job_q.kind == JobCommand) begin
        if (!supported) result_q.err <= CmdNotSupported;
        else if (!exists || dead) result_q.err <= CmdHaltResume;
        else if (is_mem && !aligned) result_q.err <= CmdBus;
      end
    end else if (answer) begin
      if (port_rsp_i.err) begin
        if (!looping) result_q.unavail <= 1'b1;
        result_q.err <= op_q == OpMem ? CmdBus : CmdOther;
      end
      unique case (op_q)
        OpStatus: begin
          if (!looping) result_q.halted <= port_rsp_i.first[0] && !port_rsp_i.err;
          else if (port_rsp_i.first[0] && !port_rsp_i.err) begin
            if (job_q.kind == JobSum0) result_q.data[hart_q[4:0]] <= 1'b1;
            else result_q.data[{3'b0, hart_q[6:5]}] <= 1'b1;
          end
        end
        OpRun: if (!looping) result_q.unavail <= port_rsp_i.err || !port_rsp_i.first[0];
        OpResult: begin
          result_q.data <= word;
          if (!port_rsp_i.err && !port_rsp_i.first[0]) result_q.err <= CmdHaltResume;
          else if (!port_rsp_i.err && port_rsp_i.first[2]) result_q.err <= CmdException;
        end
        OpMem:   result_q.data <= word;
        default: ;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) held_q <= '0;
    else if (op_q == OpStop && answer && !port_rsp_i.err) held_q[hart_q] <= 1'b1;
    else if (op_q == OpStart && answer) held_q[hart_q] <= 1'b0;
    if (!rst_ni || clear_i) step_q <= '0;
    else if (op_q == OpStart && answer) step_q[hart_q] <= 1'b0;
    else if (op_q == OpResult && answer && !port_rsp_i.err && port_rsp_i.first[2:0] == 3'b001 && dcsr &&
             job_q.command.write) begin
      step_q[hart_q] <= job_q.data0[2];
    end
  end

  assign job_ready_o    = op_q == OpIdle;
  assign done_o         = op_q == OpDone && op_d == OpIdle;
  assign result_o       = result_q;
  assign restart_o      = op_q == OpStart && answer;
  assign restart_hart_o = hart_q;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(AnswersOnlyWhenAsked, !answer || sent_q)

endmodule
