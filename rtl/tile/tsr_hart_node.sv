// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// What the tile and the ctl node have in common: core, scratchpad, DMA engines, command queues,
/// semaphores, contexts, registers and network interface. The tile adds its engines, the ctl node
/// its boot ROM, peripherals and host port.
///
/// Reset: control state only; core memories, scratchpad and contexts keep whatever they held.
/// Sleep: while `idle_o` is 1 and nothing arrives, clocking changes nothing before the cycle in which now_i is
/// `wake_o`. Both are flops. Where the node's clock is gated, `wake_o` is what a comparator beside the gate, which
/// is always clocked, compares the time with.
module tsr_hart_node
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter bit          IsCtl    = 1'b0,   // ctl node: privileged, runs from ROM, has peripherals
  parameter int unsigned SpmBytes = 262144, // scratchpad, multiple of 4096, up to 3 MiB
  parameter int unsigned MePorts  = 4,      // scratchpad ports of the matrix engine: 4, or 6 (16 x 16)
  parameter int unsigned TimeoutLog2 = 20,  // log2 of the cycles that the core waits for the network, 4..31
  parameter bit          Check    = 1'b0    // protocol checkers on links and streams (simulation only)
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  node_t            node_i,
  input  chip_cfg_t        cfg_i,
  input  logic [63:0]      now_i,          // chip's cycle counter

  // Links: request and response network.
  output logic             req_tx_valid_o,
  output flit_t            req_tx_flit_o,
  input  logic [1:0]       req_tx_credit_i,
  input  logic             req_rx_valid_i,
  input  flit_t            req_rx_flit_i,
  output logic [1:0]       req_rx_credit_o,
  output logic             rsp_tx_valid_o,
  output flit_t            rsp_tx_flit_o,
  input  logic [1:0]       rsp_tx_credit_i,
  input  logic             rsp_rx_valid_i,
  input  flit_t            rsp_rx_flit_i,
  output logic [1:0]       rsp_rx_credit_o,

  // Counters of the node's router.
  output logic [3:0]       router_sel_o,
  input  logic [31:0]      router_cnt_i,

  input  logic             dbg_lock_i,     // debug registers refuse everyone

  // Engines outside this module, [0] ME, [1] VE, [2] TDMA: commands, context rows, completion.
  output logic [2:0]       eng_cmd_valid_o,
  input  logic [2:0]       eng_cmd_ready_i,
  output cmd_t [2:0]       eng_cmd_o,
  input  logic [2:0]       eng_ctx_valid_i,
  output logic [2:0]       eng_ctx_ready_o,
  input  logic [2:0][5:0]  eng_ctx_row_i,
  output logic [2:0]       eng_ctx_rsp_valid_o,
  output logic [511:0]     eng_ctx_rsp_data_o,   // shared
  input  done_t [2:0]      eng_done_i,
  input  eng_state_e [2:0] eng_state_i,
  input  logic [2:0][15:0] eng_ops_i,
  input  logic [2:0]       eng_idle_i,
  output logic [2:0]       eng_abort_o,
  // ME and VE: flush, commands queued or running, and: those that end now were given up.
  output logic [1:0]       eng_flush_o,
  output logic [1:0]       eng_busy_o,
  input  logic [1:0]       eng_void_i,
  // Their scratchpad ports: ME A.., B.., C, O; VE I0, I1, I2, O0, O1; TDMA read, write.
  input  logic [MePorts+6:0] eng_spm_valid_i,
  output logic [MePorts+6:0] eng_spm_ready_o,
  input  spm_req_t [MePorts+6:0] eng_spm_req_i,
  output logic [MePorts+6:0] eng_spm_rsp_valid_o,
  output spm_rsp_t [MePorts+6:0] eng_spm_rsp_o,

  // Ctl node only: instruction fetch from ROM, data side of the ROM, peripherals, interrupts, host port.
  output logic             rom_fetch_o,
  output logic [31:0]      rom_fetch_addr_o,
  input  logic [31:0]      rom_fetch_data_i,
  output logic             rom_req_o,
  output logic [31:0]      rom_addr_o,
  input  logic [31:0]      rom_rdata_i,
  output reg_req_t         ext_reg_o,
  input  reg_rsp_t         ext_reg_i,
  input  logic [7:0]       ext_irq_i,       // fast interrupts 8..15 (mip bits 24..31)
  input  logic             ext_idle_i,
  input  logic [63:0]      ext_wake_i,      // valid with ext_idle_i: when it must be clocked again; never: all ones
  input  logic             host_valid_i,
  output logic             host_ready_o,
  input  ni_req_t          host_req_i,
  output logic             host_rsp_valid_o,
  input  logic             host_rsp_ready_i,
  output ni_rsp_t          host_rsp_o,

  output logic             halted_o,      // the debug port holds the core
  output tsr_core_pkg::retire_t retire_o,   // retired instructions, for lock-step checking
  output logic             idle_o,
  output logic [63:0]      wake_o         // valid with idle_o: now_i of the cycle that must be clocked; never: all ones
);

  `TSR_STATIC_ASSERT(MePortsLegal, MePorts == 4 || MePorts == 6)
  `TSR_STATIC_ASSERT(SpmLegal, SpmBytes % 4096 == 0 && SpmBytes <= 3 * 1048576)

  // ---------------------------------------------------------------- straps
  // Registered once, as is the router's count: so hardly anything combinational starts at the node's inputs.
  node_t       node_q;
  chip_cfg_t   cfg_q;
  logic [31:0] router_cnt_q;

  always_ff @(posedge clk_i) begin
    node_q       <= node_i;
    cfg_q        <= cfg_i;
    router_cnt_q <= router_cnt_i;
  end

  import tsr_tile_reg_pkg::reg2hw_t;
  import tsr_tile_reg_pkg::hw2reg_t;

  // ---------------------------------------------------------------- registers
  reg2hw_t  reg2hw;
  hw2reg_t  hw2reg;
  reg_req_t regs_req, regs_checked;
  reg_rsp_t regs_rsp, regs_top_rsp;
  logic     dbg_lock_q, dbg_refused;

  // The debug registers answer nobody while locked.
  assign dbg_refused = (dbg_lock_q || dbg_lock_i) && regs_req.valid && regs_req.write &&
                       regs_req.addr >= tsr_tile_reg_pkg::DbgCtrlOffset &&
                       regs_req.addr <= tsr_tile_reg_pkg::DbgDataOffset;
  always_comb begin
    regs_checked       = regs_req;
    regs_checked.valid = regs_req.valid && !dbg_refused;
    regs_rsp           = regs_top_rsp;
    if (dbg_refused) regs_rsp.err = 1'b1;
  end

  tsr_tile_reg_top u_regs (
    .clk_i, .rst_ni, .reg_i(regs_checked), .reg_o(regs_top_rsp),
    .reg2hw_o(reg2hw), .hw2reg_i(hw2reg)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) dbg_lock_q <= 1'b0;
    else if (reg2hw.dbg_lock.lock.qe && reg2hw.dbg_lock.lock.q) dbg_lock_q <= 1'b1;
  end

  // ---------------------------------------------------------------- core
  logic        bus_valid, bus_ready, bus_write, bus_rvalid, bus_err;
  logic [31:0] bus_addr, bus_wdata, bus_rdata;
  logic [3:0]  bus_strb;
  logic        tcm_valid, tcm_ready, tcm_rvalid;
  logic [16:0] tcm_addr;
  logic [31:0] tcm_rdata;
  logic        word_write;
  logic [31:0] word_wdata;
  logic [3:0]  word_strb;
  logic        dbg_halted, dbg_valid_q, dbg_ready, dbg_rvalid, dbg_err, dbg_busy_q, dbg_err_q;
  logic [31:0] dbg_rdata;
  logic        core_wfi, core_idle, core_instret;
  logic [15:0] irq_fast;
  logic        irq_timer_d, irq_timer_q, timer_armed;
  logic [63:0] mtimecmp, timer_wake;

  assign mtimecmp    = {reg2hw.mtimecmp_hi.t.q, reg2hw.mtimecmp_lo.t.q};
  assign timer_armed = mtimecmp != '1;

  // One cycle ahead, so that the registered interrupt rises in the cycle of mtimecmp. Once risen it stays, so
  // then nobody need be woken.
  assign irq_timer_d = timer_armed && now_i + 64'd1 >= mtimecmp;
  assign timer_wake  = !timer_armed || irq_timer_d ? '1 : mtimecmp - 64'd1;
  always_ff @(posedge clk_i) irq_timer_q <= rst_ni && irq_timer_d;

  // A core at rest stands still from its second cycle on: in the first one it settles.
  logic core_clk, core_rest_q;

  always_ff @(posedge clk_i) core_rest_q <= core_idle;
  tsr_clk_gate u_core_gate (
    .clk_i, .en_i(!rst_ni || !core_idle || !core_rest_q), .test_en_i(1'b0), .clk_o(core_clk)
  );

  tsr_core u_core (
    .clk_i(core_clk), .rst_ni, .now_i,
    .hart_id_i({20'b0, node_q}),
    .boot_pc_i(IsCtl ? RomBase : reg2hw.boot_pc.pc.q),
    .run_i(IsCtl || reg2hw.core_ctrl.run.q),
    .irq_soft_i(1'b0), .irq_timer_i(irq_timer_q), .irq_ext_i(1'b0), .irq_fast_i(irq_fast),
    .tcm_valid_i(tcm_valid), .tcm_ready_o(tcm_ready), .tcm_write_i(word_write), .tcm_addr_i(tcm_addr),
    .tcm_wdata_i(word_wdata), .tcm_strb_i(word_strb), .tcm_rvalid_o(tcm_rvalid), .tcm_rdata_o(tcm_rdata),
    .rom_req_o(rom_fetch_o), .rom_addr_o(rom_fetch_addr_o), .rom_rdata_i(rom_fetch_data_i), .rom_en_i(IsCtl),
    .bus_valid_o(bus_valid), .bus_ready_i(bus_ready), .bus_write_o(bus_write), .bus_addr_o(bus_addr),
    .bus_wdata_o(bus_wdata), .bus_strb_o(bus_strb), .bus_rvalid_i(bus_rvalid), .bus_rdata_i(bus_rdata),
    .bus_err_i(bus_err),
    .retire_o,
    .dbg_halt_i(reg2hw.dbg_ctrl.halt.qe && reg2hw.dbg_ctrl.halt.q),
    .dbg_resume_i(reg2hw.dbg_ctrl.resume.qe && reg2hw.dbg_ctrl.resume.q),
    .dbg_step_i(reg2hw.dbg_ctrl.step.qe && reg2hw.dbg_ctrl.step.q),
    .dbg_halted_o(dbg_halted), .dbg_valid_i(dbg_valid_q), .dbg_ready_o(dbg_ready),
    .dbg_write_i(reg2hw.dbg_cmd.write.q), .dbg_mem_i(reg2hw.dbg_cmd.mem.q),
    .dbg_addr_i(reg2hw.dbg_cmd.mem.q ? reg2hw.dbg_addr.addr.q : {16'b0, reg2hw.dbg_cmd.addr.q}),
    .dbg_wdata_i(reg2hw.dbg_data.data.q), .dbg_rvalid_o(dbg_rvalid), .dbg_rdata_o(dbg_rdata),
    .dbg_err_o(dbg_err),
    .wfi_o(core_wfi), .idle_o(core_idle), .instret_o(core_instret)
  );

  logic halted_q;
  assign halted_o = halted_q;
  always_ff @(posedge clk_i) halted_q <= rst_ni && dbg_halted;

  // Debug accesses: DBG_CMD starts one, DBG_STATUS.BUSY falls when it is done.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      dbg_valid_q <= 1'b0;
      dbg_busy_q  <= 1'b0;
      dbg_err_q   <= 1'b0;
    end else if (!dbg_busy_q) begin
      if (reg2hw.dbg_cmd.addr.qe) begin
        dbg_valid_q <= dbg_halted;
        dbg_busy_q  <= dbg_halted;
        dbg_err_q   <= !dbg_halted;
      end
    end else begin
      if (dbg_ready) dbg_valid_q <= 1'b0;
      if (dbg_rvalid) begin
        dbg_busy_q <= 1'b0;
        dbg_err_q  <= dbg_err;
      end
    end
  end

  // ---------------------------------------------------------------- core's data port, local bus
  logic [1:0]       lb_valid, lb_ready, lb_write, lb_rsp_valid;
  logic [1:0][31:0] lb_addr, lb_wdata;
  logic [1:0][3:0]  lb_strb;
  logic [31:0]      lb_rdata;
  err_e             lb_err;
  logic             port_idle, lb_idle;
  logic             core_ni_valid, core_ni_ready, core_ni_rsp_valid;
  ni_req_t          core_ni_req;
  ni_rsp_t          ni_rsp;
  logic [7:0][27:0] core_win;

  // The ctl node has no engines outside: its scratchpad ends at PortCore.
  localparam int unsigned AllPorts = NumSpmPorts + MePorts - 4;
  localparam int unsigned SpmPorts = IsCtl ? PortCore + 1 : AllPorts;

  logic     [AllPorts-1:0] spm_valid, spm_ready, spm_rsp_valid;
  spm_req_t [AllPorts-1:0] spm_req;
  spm_rsp_t [AllPorts-1:0] spm_rsp;
  logic     [SpmPorts-1:0] spm_conflict;
  logic                    spm_idle;

  for (genvar w = 0; w < 8; w++) begin : gen_core_win
    assign core_win[w] = reg2hw.core_win[w].base.q;
  end

  tsr_core_port #(.SpmBytes(SpmBytes), .TimeoutLog2(TimeoutLog2)) u_core_port (
    .clk_i, .rst_ni, .win_base_i(core_win),
    .bus_valid_i(bus_valid), .bus_ready_o(bus_ready), .bus_write_i(bus_write), .bus_addr_i(bus_addr),
    .bus_wdata_i(bus_wdata), .bus_strb_i(bus_strb), .bus_rvalid_o(bus_rvalid), .bus_rdata_o(bus_rdata),
    .bus_err_o(bus_err),
    .word_valid_o(lb_valid[0]), .word_ready_i(lb_ready[0]), .word_write_o(lb_write[0]),
    .word_addr_o(lb_addr[0]), .word_wdata_o(lb_wdata[0]), .word_strb_o(lb_strb[0]),
    .word_rsp_valid_i(lb_rsp_valid[0]), .word_rdata_i(lb_rdata), .word_err_i(lb_err),
    .spm_valid_o(spm_valid[PortCore]), .spm_ready_i(spm_ready[PortCore]), .spm_req_o(spm_req[PortCore]),
    .spm_rsp_valid_i(spm_rsp_valid[PortCore]), .spm_rsp_i(spm_rsp[PortCore]),
    .ni_valid_o(core_ni_valid), .ni_ready_i(core_ni_ready), .ni_req_o(core_ni_req),
    .ni_rsp_valid_i(core_ni_rsp_valid), .ni_rsp_i(ni_rsp),
    .idle_o(port_idle)
  );

  logic [NumEng-1:0] stage_valid, push_err;
  logic [3:0]        stage_word;
  logic              ctx_word_valid, ctx_word_ready;
  logic [9:0]        ctx_word_addr;
  logic [31:0]       ctx_word_rdata;

  tsr_local_bus #(.IsCtl(IsCtl)) u_local_bus (
    .clk_i, .rst_ni,
    .valid_i(lb_valid), .ready_o(lb_ready), .write_i(lb_write), .addr_i(lb_addr), .wdata_i(lb_wdata),
    .strb_i(lb_strb), .rsp_valid_o(lb_rsp_valid), .rsp_rdata_o(lb_rdata), .rsp_err_o(lb_err),
    .regs_o(regs_req), .regs_i(regs_rsp), .ext_o(ext_reg_o), .ext_i(ext_reg_i),
    .stage_valid_o(stage_valid), .stage_word_o(stage_word), .push_err_i(push_err),
    .ctx_valid_o(ctx_word_valid), .ctx_ready_i(ctx_word_ready), .ctx_addr_o(ctx_word_addr),
    .ctx_rdata_i(ctx_word_rdata),
    .tcm_valid_o(tcm_valid), .tcm_ready_i(tcm_ready), .tcm_addr_o(tcm_addr), .tcm_rvalid_i(tcm_rvalid),
    .tcm_rdata_i(tcm_rdata),
    .rom_req_o, .rom_addr_o, .rom_rdata_i,
    .write_o(word_write), .wdata_o(word_wdata), .strb_o(word_strb),
    .idle_o(lb_idle)
  );

  // ---------------------------------------------------------------- command queues, semaphores, contexts
  logic       [NumEng-1:0]       flush, given_up, stopped, qbusy, wait_valid, wait_gnt, cmd_valid, cmd_ready, q_irq;
  logic       [NumEng-1:0][3:0]  free;
  sem_wait_t  [NumEng-1:0][1:0]  waits;
  cmd_t       [NumEng-1:0]       cmd;
  done_t      [NumEng-1:0]       done;
  logic       [NumEng-1:0][1:0]  q_post_valid;
  sem_post_t  [NumEng-1:0][1:0]  q_post;
  logic       [NumEng-1:0]       rpost_valid, rpost_ready;
  logic       [NumEng-1:0][3:0]  rpost_id;
  logic       [NumEng-1:0][7:0]  rpost_n;
  cmd_rect_t  [NumEng-1:0]       rpost_rect;

  assign flush = reg2hw.engine_ctrl.flush.qe ? reg2hw.engine_ctrl.flush.q : '0;

  for (genvar e = 0; e < NumEng; e++) begin : gen_queue
    logic offered;
    cmd_t head;

    // A process, as for the scratchpad's ports.
    always_comb begin
      cmd_valid[e] = offered;
      cmd[e]       = head;
    end

    tsr_cmdq u_cmdq (
      .clk_i, .rst_ni,
      .stage_valid_i(stage_valid[e]), .stage_word_i(stage_word), .stage_data_i(word_wdata),
      .push_err_o(push_err[e]), .free_o(free[e]),
      .flush_i(flush[e]), .stopped_o(stopped[e]), .busy_o(qbusy[e]),
      .wait_valid_o(wait_valid[e]), .wait_o(waits[e]), .wait_gnt_i(wait_gnt[e]),
      .cmd_valid_o(offered), .cmd_ready_i(cmd_ready[e]), .cmd_o(head), .done_i(done[e]),
      .void_i(given_up[e]), .post_valid_o(q_post_valid[e]), .post_o(q_post[e]), .irq_o(q_irq[e]),
      .rpost_valid_o(rpost_valid[e]), .rpost_ready_i(rpost_ready[e]), .rpost_id_o(rpost_id[e]),
      .rpost_n_o(rpost_n[e]), .rpost_rect_o(rpost_rect[e])
    );
  end

  // Post ports: two per engine, one from the network, one from the core, one of blocks that other nodes read.
  localparam int unsigned NumPosts = 2 * NumEng + 3;
  logic [NumPosts-1:0]      post_valid;
  logic [NumPosts-1:0][3:0] post_id;
  logic [NumPosts-1:0][7:0] post_n;
  logic                     net_post_valid, take_valid, take_err;
  logic [3:0]               net_post_id, core_sem_id;
  logic [7:0]               net_post_n, core_sem_n;
  logic                     heard_post_valid;
  logic [3:0]               heard_post_id;
  logic [15:0]              sem_write;   // semaphore register written now
  logic                     core_sem_take;
  logic [15:0][15:0]        sem_value;

  always_comb begin
    core_sem_id   = '0;
    core_sem_n    = '0;
    core_sem_take = 1'b0;
    for (int unsigned s = 0; s < 16; s++) begin
      sem_write[s] = reg2hw.sem[s].value.qe;
      if (sem_write[s]) begin
        core_sem_id   = 4'(s);
        core_sem_n    = reg2hw.sem[s].value.q[7:0];
        core_sem_take = reg2hw.sem[s].take.q;
      end
    end
  end

  assign take_valid = sem_write != '0 && core_sem_take;

  always_comb begin
    for (int unsigned e = 0; e < NumEng; e++) begin
      for (int unsigned i = 0; i < 2; i++) begin
        post_valid[2*e + i] = q_post_valid[e][i];
        post_id[2*e + i]    = q_post[e][i].id;
        post_n[2*e + i]     = q_post[e][i].n;
      end
    end
    post_valid[2*NumEng]   = net_post_valid;
    post_id[2*NumEng]      = net_post_id;
    post_n[2*NumEng]       = net_post_n;
    post_valid[2*NumEng+1] = sem_write != '0 && !core_sem_take;
    post_id[2*NumEng+1]    = core_sem_id;
    post_n[2*NumEng+1]     = core_sem_n;
    post_valid[2*NumEng+2] = heard_post_valid;
    post_id[2*NumEng+2]    = heard_post_id;
    post_n[2*NumEng+2]     = 8'd1;
  end

  tsr_sem #(.NumPosts(NumPosts)) u_sem (
    .clk_i, .rst_ni,
    .wait_valid_i(wait_valid), .wait_i(waits), .wait_gnt_o(wait_gnt),
    .post_valid_i(post_valid), .post_id_i(post_id), .post_n_i(post_n),
    .take_valid_i(take_valid), .take_id_i(core_sem_id), .take_n_i(core_sem_n), .take_err_o(take_err),
    .value_o(sem_value)
  );

  logic [NumEng-1:0]      ctx_valid, ctx_ready, ctx_rsp_valid;
  logic [NumEng-1:0][5:0] ctx_row;
  logic [511:0]           ctx_rsp_data;

  tsr_ctx_store u_ctx (
    .clk_i, .rst_ni,
    .req_valid_i(ctx_valid), .req_ready_o(ctx_ready), .req_row_i(ctx_row),
    .rsp_valid_o(ctx_rsp_valid), .rsp_data_o(ctx_rsp_data),
    .word_valid_i(ctx_word_valid), .word_ready_o(ctx_word_ready), .word_write_i(word_write),
    .word_addr_i(ctx_word_addr), .word_wdata_i(word_wdata), .word_rdata_o(ctx_word_rdata)
  );

  // ---------------------------------------------------------------- scratchpad
  tsr_spm #(.SpmBytes(SpmBytes), .NumPorts(SpmPorts)) u_spm (
    .clk_i, .rst_ni,
    .req_valid_i(spm_valid[SpmPorts-1:0]), .req_ready_o(spm_ready[SpmPorts-1:0]),
    .req_i(spm_req[SpmPorts-1:0]), .rsp_valid_o(spm_rsp_valid[SpmPorts-1:0]),
    .rsp_o(spm_rsp[SpmPorts-1:0]), .conflict_o(spm_conflict), .idle_o(spm_idle)
  );

  // A larger matrix engine's further ports come behind all others.
  for (genvar p = 0; p < MePorts + 7; p++) begin : gen_eng_spm
    localparam int unsigned Port = p < 4 ? PortMe + p :
                                   p < MePorts ? NumSpmPorts + p - 4 : PortVe + p - MePorts;
    assign eng_spm_ready_o[p]     = spm_ready[Port];
    assign eng_spm_rsp_valid_o[p] = spm_rsp_valid[Port];
    assign eng_spm_rsp_o[p]       = spm_rsp[Port];
    // A process for each port: so a simulator moves its request when its engine's clock ticks, not all of them in
    // every cycle.
    always_comb begin
      spm_valid[Port] = eng_spm_valid_i[p];
      spm_req[Port]   = eng_spm_req_i[p];
    end
  end

  if (IsCtl) begin : gen_no_eng_spm
    assign spm_ready[AllPorts-1:SpmPorts]     = '0;
    assign spm_rsp_valid[AllPorts-1:SpmPorts] = '0;
    assign spm_rsp[AllPorts-1:SpmPorts]       = '0;
  end

  // ---------------------------------------------------------------- engines
  eng_state_e [NumEng-1:0]       state;
  logic       [NumEng-1:0][15:0] ops;
  logic       [NumEng-1:0]       eng_idle, done_valid;
  logic       [4:0]              ni_valid, ni_ready;
  ni_req_t    [4:0]              ni_req;
  logic       [3:0]              ni_rsp_valid, ni_rsp_ready;

  // A DMA engine without a command and without a response on its way stands still.
  logic rdma_clk, wdma_clk;
  logic heard;  // a block that another node read has been stored

  // Requests in flight of both, for the age of the next ones.
  logic [1:0] slot_free, slot_cold;
  age_t [1:0] birth;

  tsr_ni_birth #(.Slots(32)) u_rdma_birth (
    .clk_i, .rst_ni, .now_i(now_i[AgeW-1:0]), .cold_i(slot_cold[0]), .free_i(slot_free[0]),
    .take_i(ni_valid[0] && ni_ready[0]), .birth_o(birth[0])
  );
  tsr_ni_birth #(.Slots(64)) u_wdma_birth (
    .clk_i, .rst_ni, .now_i(now_i[AgeW-1:0]), .cold_i(slot_cold[1]), .free_i(slot_free[1]),
    .take_i(ni_valid[1] && ni_ready[1] && !ni_req[1].mcast), .birth_o(birth[1])
  );

  tsr_clk_gate u_rdma_gate (
    .clk_i, .en_i(!rst_ni || cmd_valid[EngRdma] || ni_rsp_valid[0] || !eng_idle[EngRdma] || flush[EngRdma]), .test_en_i(1'b0),
    .clk_o(rdma_clk)
  );
  tsr_clk_gate u_wdma_gate (
    .clk_i, .en_i(!rst_ni || cmd_valid[EngWdma] || ni_rsp_valid[1] || !eng_idle[EngWdma] || flush[EngWdma]), .test_en_i(1'b0),
    .clk_o(wdma_clk)
  );

  tsr_rdma #(.SpmBytes(SpmBytes)) u_rdma (
    .clk_i(rdma_clk), .rst_ni,
    .cmd_valid_i(cmd_valid[EngRdma]), .cmd_ready_o(cmd_ready[EngRdma]), .cmd_i(cmd[EngRdma]),
    .ctx_req_valid_o(ctx_valid[EngRdma]), .ctx_req_ready_i(ctx_ready[EngRdma]), .ctx_row_o(ctx_row[EngRdma]),
    .ctx_rsp_valid_i(ctx_rsp_valid[EngRdma]), .ctx_rsp_data_i(ctx_rsp_data),
    .done_o(done[EngRdma]), .state_o(state[EngRdma]), .ops_o(ops[EngRdma]), .idle_o(eng_idle[EngRdma]),
    .abort_i(stopped[EngRdma]), .forget_i(flush[EngRdma]),
    .req_valid_o(ni_valid[0]), .req_ready_i(ni_ready[0]), .req_o(ni_req[0]),
    .slot_free_o(slot_free[0]), .slot_cold_o(slot_cold[0]),
    .rsp_valid_i(ni_rsp_valid[0]), .rsp_ready_o(ni_rsp_ready[0]), .rsp_i(ni_rsp),
    .heard_o(heard), .post_valid_o(heard_post_valid), .post_id_o(heard_post_id),
    .spm_valid_o(spm_valid[PortRdma]), .spm_ready_i(spm_ready[PortRdma]), .spm_req_o(spm_req[PortRdma]),
    .spm_rsp_valid_i(spm_rsp_valid[PortRdma]), .spm_rsp_i(spm_rsp[PortRdma])
  );

  tsr_wdma #(.SpmBytes(SpmBytes)) u_wdma (
    .clk_i(wdma_clk), .rst_ni,
    .cmd_valid_i(cmd_valid[EngWdma]), .cmd_ready_o(cmd_ready[EngWdma]), .cmd_i(cmd[EngWdma]),
    .ctx_req_valid_o(ctx_valid[EngWdma]), .ctx_req_ready_i(ctx_ready[EngWdma]), .ctx_row_o(ctx_row[EngWdma]),
    .ctx_rsp_valid_i(ctx_rsp_valid[EngWdma]), .ctx_rsp_data_i(ctx_rsp_data),
    .done_o(done[EngWdma]), .state_o(state[EngWdma]), .ops_o(ops[EngWdma]), .idle_o(eng_idle[EngWdma]),
    .abort_i(stopped[EngWdma]), .forget_i(flush[EngWdma]),
    .req_valid_o(ni_valid[1]), .req_ready_i(ni_ready[1]), .req_o(ni_req[1]),
    .slot_free_o(slot_free[1]), .slot_cold_o(slot_cold[1]),
    .rsp_valid_i(ni_rsp_valid[1]), .rsp_ready_o(ni_rsp_ready[1]), .rsp_i(ni_rsp),
    .spm_valid_o(spm_valid[PortWdma]), .spm_ready_i(spm_ready[PortWdma]), .spm_req_o(spm_req[PortWdma]),
    .spm_rsp_valid_i(spm_rsp_valid[PortWdma]), .spm_rsp_i(spm_rsp[PortWdma])
  );

  for (genvar x = 0; x < 3; x++) begin : gen_eng
    localparam int unsigned E = int'(EngMe) + x;
    assign eng_cmd_valid_o[x]     = cmd_valid[E];
    assign eng_cmd_o[x]           = cmd[E];
    assign cmd_ready[E]           = eng_cmd_ready_i[x];
    assign ctx_valid[E]           = eng_ctx_valid_i[x];
    assign ctx_row[E]             = eng_ctx_row_i[x];
    assign eng_ctx_ready_o[x]     = ctx_ready[E];
    assign eng_ctx_rsp_valid_o[x] = ctx_rsp_valid[E];
    assign done[E]                = eng_done_i[x];
    assign state[E]               = eng_state_i[x];
    assign ops[E]                 = eng_ops_i[x];
    assign eng_idle[E]            = eng_idle_i[x];
    assign eng_abort_o[x]         = stopped[E];
  end
  assign eng_ctx_rsp_data_o = ctx_rsp_data;
  assign eng_flush_o        = {flush[EngVe], flush[EngMe]};
  assign eng_busy_o         = {qbusy[EngVe], qbusy[EngMe]};
  always_comb begin
    given_up        = '0;
    given_up[EngMe] = eng_void_i[0];
    given_up[EngVe] = eng_void_i[1];
  end

  // ---------------------------------------------------------------- network interface
  logic [7:0][31:0] win_base, win_limit;
  logic [7:0][3:0]  win_space;
  logic [7:0]       win_read, win_write;

  for (genvar w = 0; w < 8; w++) begin : gen_access_win
    assign win_base[w]  = reg2hw.access_base[w].page.q;
    assign win_limit[w] = reg2hw.access_limit[w].page.q;
    assign win_space[w] = reg2hw.access_ctrl[w].space.q;
    assign win_read[w]  = reg2hw.access_ctrl[w].read.q;
    assign win_write[w] = reg2hw.access_ctrl[w].write.q;
  end

  assign core_ni_rsp_valid = ni_rsp_valid[2];
  assign ni_rsp_ready[2]   = 1'b1;
  assign host_ready_o      = ni_ready[3];
  assign host_rsp_valid_o  = ni_rsp_valid[3];
  assign ni_rsp_ready[3]   = host_rsp_ready_i;
  assign host_rsp_o        = ni_rsp;
  // A process, as for the scratchpad's ports.
  always_comb begin
    ni_valid[3] = host_valid_i;
    ni_req[3]   = host_req_i;
  end

  logic        atomic_err, atomic_busy;
  err_e        atomic_code;
  logic [31:0] atomic_result;

  tsr_atomic #(.TimeoutLog2(TimeoutLog2)) u_atomic (
    .clk_i, .rst_ni,
    .start_i(reg2hw.atomic_go.op.qe), .op_i(amo_e'(reg2hw.atomic_go.op.q)),
    .addr_i({reg2hw.atomic_addr_hi.addr.q, reg2hw.atomic_addr_lo.addr.q}),
    .operand_i(reg2hw.atomic_operand.value.q), .expected_i(reg2hw.atomic_expect.value.q),
    .start_err_o(atomic_err), .busy_o(atomic_busy), .err_o(atomic_code), .result_o(atomic_result),
    .core_valid_i(core_ni_valid), .core_ready_o(core_ni_ready), .core_req_i(core_ni_req),
    .ni_valid_o(ni_valid[2]), .ni_ready_i(ni_ready[2]), .ni_req_o(ni_req[2]),
    .ni_rsp_valid_i(ni_rsp_valid[2]), .ni_rsp_i(ni_rsp)
  );

  logic  post_idle, post_err;
  tsr_post_out u_post_out (
    .clk_i, .rst_ni,
    .q_valid_i(rpost_valid), .q_ready_o(rpost_ready), .q_id_i(rpost_id), .q_n_i(rpost_n),
    .q_rect_i(rpost_rect),
    .reg_valid_i(reg2hw.post.id.qe), .reg_id_i(reg2hw.post.id.q), .reg_n_i(reg2hw.post.n.q),
    .reg_node_i('{y: reg2hw.post.y.q, x: reg2hw.post.x.q}), .reg_err_o(post_err),
    .req_valid_o(ni_valid[4]), .req_ready_i(ni_ready[4]), .req_o(ni_req[4]), .idle_o(post_idle)
  );

  logic  out_refused, in_refused, unheard, init_tx, init_rx, init_par_err, init_idle;
  logic  tgt_tx, tgt_rx, tgt_par_err, tgt_idle;
  err_e  out_err, in_err, unheard_err;
  addr_t out_addr, in_addr, unheard_addr;
  node_t in_src, unheard_src;

  tsr_ni_init #(.IsCtl(IsCtl), .SpmBytes(SpmBytes)) u_ni_init (
    .clk_i, .rst_ni, .node_i(node_q), .cfg_i(cfg_q), .now_i(now_i[AgeW-1:0]),
    .win_base_i(win_base), .win_limit_i(win_limit), .win_space_i(win_space), .win_read_i(win_read),
    .win_write_i(win_write),
    .route_vc1_i({reg2hw.route_vc1_hi.node.q, reg2hw.route_vc1_lo.node.q}),
    .route_none_i({reg2hw.route_none_hi.node.q, reg2hw.route_none_lo.node.q}),
    .qos_i(reg2hw.qos.cls.q), .remote_write_i(reg2hw.remote_ctrl.write.q),
    .remote_base_i(reg2hw.remote_base.addr.q), .remote_limit_i(reg2hw.remote_limit.addr.q),
    .req_valid_i(ni_valid), .req_ready_o(ni_ready), .req_i(ni_req), .birth_i(birth),
    .rsp_valid_o(ni_rsp_valid), .rsp_ready_i(ni_rsp_ready), .rsp_o(ni_rsp),
    .refuse_valid_o(out_refused), .refuse_err_o(out_err), .refuse_addr_o(out_addr),
    .unheard_valid_o(unheard), .unheard_err_o(unheard_err), .unheard_addr_o(unheard_addr),
    .unheard_src_o(unheard_src),
    .req_tx_valid_o, .req_tx_flit_o, .req_tx_credit_i,
    .rsp_rx_valid_i, .rsp_rx_flit_i, .rsp_rx_credit_o,
    .tx_o(init_tx), .rx_o(init_rx), .par_err_o(init_par_err), .idle_o(init_idle)
  );

  tsr_ni_target #(.SpmBytes(SpmBytes)) u_ni_target (
    .clk_i, .rst_ni, .node_i(node_q), .cfg_i(cfg_q), .now_i(now_i[AgeW-1:0]),
    .remote_read_i(reg2hw.remote_ctrl.read.q), .remote_write_i(reg2hw.remote_ctrl.write.q),
    .remote_post_i(reg2hw.remote_ctrl.post.q), .remote_base_i(reg2hw.remote_base.addr.q),
    .remote_limit_i(reg2hw.remote_limit.addr.q),
    .req_rx_valid_i, .req_rx_flit_i, .req_rx_credit_o,
    .rsp_tx_valid_o, .rsp_tx_flit_o, .rsp_tx_credit_i,
    .spm_valid_o(spm_valid[PortNi]), .spm_ready_i(spm_ready[PortNi]), .spm_req_o(spm_req[PortNi]),
    .spm_rsp_valid_i(spm_rsp_valid[PortNi]), .spm_rsp_i(spm_rsp[PortNi]),
    .word_valid_o(lb_valid[1]), .word_ready_i(lb_ready[1]), .word_write_o(lb_write[1]),
    .word_addr_o(lb_addr[1]), .word_wdata_o(lb_wdata[1]), .word_strb_o(lb_strb[1]),
    .word_rsp_valid_i(lb_rsp_valid[1]), .word_rdata_i(lb_rdata), .word_err_i(lb_err),
    .post_valid_o(net_post_valid), .post_id_o(net_post_id), .post_n_o(net_post_n),
    .refuse_valid_o(in_refused), .refuse_err_o(in_err), .refuse_addr_o(in_addr), .refuse_src_o(in_src),
    .rx_o(tgt_rx), .tx_o(tgt_tx), .par_err_o(tgt_par_err), .idle_o(tgt_idle)
  );

  // ---------------------------------------------------------------- errors
  logic        err_any, err_more, err_irq;
  logic [7:0]  err_source;
  addr_t       err_first_addr, err_last_addr;
  logic [2:0]  err_first_source, err_last_source, err_first_info, err_last_info;
  logic [3:0]  err_first_code, err_last_code;
  logic [15:0] err_first_cmd, err_last_cmd, fmt_first_cmd, fmt_last_cmd;
  logic [3:0]  fmt_held, fmt_set;
  logic [2:0]  fmt_first_source, fmt_last_source;
  logic [1:0]  fmt_first_info, fmt_last_info;

  assign fmt_held = {reg2hw.fmt_status.ve_ovf.q, reg2hw.fmt_status.ve_nan.q, reg2hw.fmt_status.me_ovf.q,
                     reg2hw.fmt_status.me_nan.q};

  tsr_err_log u_err_log (
    .clk_i, .done_i(done),
    .in_valid_i(in_refused), .in_err_i(in_err), .in_addr_i(in_addr), .in_src_i(in_src),
    .out_valid_i(out_refused), .out_err_i(out_err), .out_addr_i(out_addr), .node_i(node_q),
    .heard_valid_i(unheard), .heard_err_i(unheard_err), .heard_addr_i(unheard_addr), .heard_src_i(unheard_src),
    .armed_i(!reg2hw.err_status.valid.q), .any_o(err_any), .more_o(err_more), .source_o(err_source),
    .first_source_o(err_first_source), .first_code_o(err_first_code), .first_info_o(err_first_info),
    .first_cmd_o(err_first_cmd), .first_addr_o(err_first_addr),
    .last_source_o(err_last_source), .last_code_o(err_last_code), .last_info_o(err_last_info),
    .last_cmd_o(err_last_cmd), .last_addr_o(err_last_addr),
    .fmt_armed_i(fmt_held == '0), .fmt_set_o(fmt_set),
    .fmt_first_source_o(fmt_first_source), .fmt_first_info_o(fmt_first_info),
    .fmt_first_cmd_o(fmt_first_cmd), .fmt_last_source_o(fmt_last_source),
    .fmt_last_info_o(fmt_last_info), .fmt_last_cmd_o(fmt_last_cmd)
  );

  assign err_irq = (err_source[NumEng-1:0] & reg2hw.err_enable.engine.q) != '0 ||
                   (err_source[NumEng+2:NumEng] != '0 && reg2hw.err_enable.access.q) ||
                   (fmt_set != '0 && reg2hw.err_enable.format.q);

  // ---------------------------------------------------------------- counters
  logic [63:0] count_value;
  logic [31:0] count_hi_q;

  for (genvar e = 0; e < NumEng; e++) begin : gen_done
    assign done_valid[e] = done[e].valid;
  end

  tsr_node_counters u_counters (
    .clk_i, .rst_ni, .now_i,
    .clear_i(reg2hw.count_ctrl.clear.qe && reg2hw.count_ctrl.clear.q),
    .state_i(state), .wait_sem_i(wait_valid), .start_i(cmd_valid),
    .done_i(done_valid), .ops_i(ops), .row_i(ctx_rsp_valid),
    .req_tx_i(init_tx), .req_rx_i(tgt_rx), .rsp_tx_i(tgt_tx), .rsp_rx_i(init_rx),
    .instret_i(core_instret), .conflict_i(spm_conflict != '0), .par_err_i(init_par_err || tgt_par_err),
    .heard_i(heard), .unheard_i(unheard),
    .sel_i(reg2hw.count_sel.sel.q), .value_o(count_value)
  );

  always_ff @(posedge clk_i) begin
    if (reg2hw.count_lo.v.re) count_hi_q <= count_value[63:32];
  end

  // ---------------------------------------------------------------- what the registers show
  logic sem_irq, space_irq, launch_now;
  logic fresh_q;  // first cycle after reset

  always_ff @(posedge clk_i) fresh_q <= !rst_ni;
  assign sem_irq    = reg2hw.sem_irq.en.q && sem_value[reg2hw.sem_irq.id.q] >= reg2hw.sem_irq.count.q;
  assign space_irq  = reg2hw.space_irq.en.q && reg2hw.space_irq.engine.q < 3'(NumEng) &&
                      free[reg2hw.space_irq.engine.q] != '0;
  assign launch_now = reg2hw.launch.seq.qe;
  assign irq_fast   = {ext_irq_i, 3'b0, space_irq, sem_irq, reg2hw.irq_state.launch.q,
                       reg2hw.irq_state.error.q, reg2hw.irq_state.cmd_done.q};

  always_comb begin
    hw2reg                           = '0;
    hw2reg.id.x.d                    = node_q.x;
    hw2reg.id.y.d                    = node_q.y;
    hw2reg.id.kind.d                 = IsCtl ? 2'd1 : 2'd0;
    hw2reg.id.spm_kib.d              = 12'(SpmBytes / 1024);
    hw2reg.irq_state.cmd_done.d      = 1'b1;
    hw2reg.irq_state.cmd_done.de     = q_irq != '0;
    hw2reg.irq_state.error.d         = 1'b1;
    hw2reg.irq_state.error.de        = err_irq;
    hw2reg.irq_state.launch.d        = 1'b1;
    hw2reg.irq_state.launch.de       = launch_now;
    hw2reg.irq_state.sem.d           = sem_irq;
    hw2reg.irq_state.space.d         = space_irq;
    hw2reg.queue_status.free0.d      = free[0];
    hw2reg.queue_status.free1.d      = free[1];
    hw2reg.queue_status.free2.d      = free[2];
    hw2reg.queue_status.free3.d      = free[3];
    hw2reg.queue_status.free4.d      = free[4];
    hw2reg.queue_status.busy.d       = qbusy;
    hw2reg.queue_status.stopped.d    = stopped;
    hw2reg.err_status.valid.d        = 1'b1;
    hw2reg.err_status.valid.de       = err_any;
    hw2reg.err_status.overrun.d      = 1'b1;
    hw2reg.err_status.overrun.de     = err_more;
    hw2reg.err_first.source.d        = err_first_source;
    hw2reg.err_first.code.d          = err_first_code;
    hw2reg.err_first.info.d          = err_first_info;
    hw2reg.err_first.cmd.d           = err_first_cmd;
    hw2reg.err_first_addr_lo.addr.d  = err_first_addr[31:0];
    hw2reg.err_first_addr_hi.addr.d  = err_first_addr[55:32];
    hw2reg.err_last.source.d         = err_last_source;
    hw2reg.err_last.code.d           = err_last_code;
    hw2reg.err_last.info.d           = err_last_info;
    hw2reg.err_last.cmd.d            = err_last_cmd;
    hw2reg.err_last_addr_lo.addr.d   = err_last_addr[31:0];
    hw2reg.err_last_addr_hi.addr.d   = err_last_addr[55:32];
    hw2reg.fmt_status.me_nan.d       = 1'b1;
    hw2reg.fmt_status.me_nan.de      = fmt_set[0];
    hw2reg.fmt_status.me_ovf.d       = 1'b1;
    hw2reg.fmt_status.me_ovf.de      = fmt_set[1];
    hw2reg.fmt_status.ve_nan.d       = 1'b1;
    hw2reg.fmt_status.ve_nan.de      = fmt_set[2];
    hw2reg.fmt_status.ve_ovf.d       = 1'b1;
    hw2reg.fmt_status.ve_ovf.de      = fmt_set[3];
    hw2reg.fmt_first.source.d        = fmt_first_source;
    hw2reg.fmt_first.nan.d           = fmt_first_info[0];
    hw2reg.fmt_first.ovf.d           = fmt_first_info[1];
    hw2reg.fmt_first.cmd.d           = fmt_first_cmd;
    hw2reg.fmt_last.source.d         = fmt_last_source;
    hw2reg.fmt_last.nan.d            = fmt_last_info[0];
    hw2reg.fmt_last.ovf.d            = fmt_last_info[1];
    hw2reg.fmt_last.cmd.d            = fmt_last_cmd;
    for (int unsigned s = 0; s < 16; s++) begin
      hw2reg.sem[s].value.d = sem_value[s];
      hw2reg.sem[s].err     = sem_write[s] && take_err;
    end
    hw2reg.post.err                  = post_err;
    hw2reg.qos.cls.d                 = '1;
    hw2reg.qos.cls.de                = IsCtl && fresh_q;
    hw2reg.atomic_go.err             = atomic_err;
    hw2reg.atomic_status.busy.d      = atomic_busy;
    hw2reg.atomic_status.err.d       = atomic_code;
    hw2reg.atomic_result.value.d     = atomic_result;
    hw2reg.dbg_status.halted.d       = dbg_halted;
    hw2reg.dbg_status.busy.d         = dbg_busy_q;
    hw2reg.dbg_status.error.d        = dbg_err_q;
    hw2reg.dbg_status.wfi.d          = core_wfi;
    hw2reg.dbg_data.data.d           = dbg_rdata;
    hw2reg.dbg_data.data.de          = dbg_busy_q && dbg_rvalid && !reg2hw.dbg_cmd.write.q;
    hw2reg.dbg_lock.lock.d           = dbg_lock_q || dbg_lock_i;
    hw2reg.router_count.count.d      = router_cnt_q;
    hw2reg.count_lo.v.d              = count_value[31:0];
    hw2reg.count_hi.v.d              = count_hi_q;
  end

  // ---------------------------------------------------------------- router counter selection, sleep
  logic [3:0] router_sel_q;
  logic       quiet;

  assign quiet = core_idle && port_idle && lb_idle && qbusy == '0 && eng_idle == '1 && spm_idle &&
                 init_idle && tgt_idle && post_idle && !atomic_busy && ext_idle_i && !dbg_busy_q &&
                 irq_timer_d == irq_timer_q && !launch_now && flush == '0 && ni_valid == '0 &&
                 !req_rx_valid_i && !rsp_rx_valid_i && req_tx_credit_i == '0 && rsp_tx_credit_i == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      idle_o       <= 1'b0;
      router_sel_q <= '0;
    end else begin
      idle_o       <= quiet;
      router_sel_q <= reg2hw.router_sel.sel.q;
    end
  end
  assign router_sel_o = router_sel_q;

  always_ff @(posedge clk_i) begin
    if (quiet) wake_o <= timer_wake < ext_wake_i ? timer_wake : ext_wake_i;
  end

`ifdef TSR_PROBE
  // ---------------------------------------------------------------- simulation only: what observers are told
  tsr_probe #(.NumPorts(AllPorts)) u_probe (
    .clk_i, .rst_ni,
    .spm_valid_i(spm_valid), .spm_ready_i(spm_ready), .spm_req_i(spm_req),
    .ctx_write_i(ctx_word_valid && ctx_word_ready && word_write), .ctx_addr_i(ctx_word_addr),
    .word_wdata_i(word_wdata),
    .req_take_i(ni_valid[1:0] & ni_ready[1:0]), .req_i(ni_req[1:0]),
    .rsp_take_i(ni_rsp_valid[1:0] & ni_rsp_ready[1:0]), .rsp_i(ni_rsp),
    .done_i(done), .given_up_i(given_up), .start_i(cmd_valid & cmd_ready), .cmd_i(cmd),
    .core_start_i((IsCtl || reg2hw.core_ctrl.run.q) && u_core.state_q == tsr_core_pkg::StReset),
    .boot_pc_i(IsCtl ? RomBase : reg2hw.boot_pc.pc.q), .mip_i(u_core.mip),
    .tcm_write_i(tcm_valid && tcm_ready && word_write), .tcm_addr_i(tcm_addr), .tcm_strb_i(word_strb),
    .dbg_write_i(u_core.dbg_gpr_we || u_core.dbg_pc_we || (u_core.dbg_csr_commit && u_core.dbg_write)),
    .dbg_tcm_i(u_core.dbg_mem_req && !u_core.dbg_mem_bad && u_core.mem_local && u_core.mem_gnt && u_core.dbg_write),
    .dbg_addr_i(u_core.dbg_addr), .dbg_wdata_i(u_core.dbg_wdata)
  );
`endif

  // ---------------------------------------------------------------- implementation checks
  if (Check) begin : gen_check
    tsr_flit_check #(.Response(1'b0)) u_req_tx (
      .clk_i, .rst_ni, .valid_i(req_tx_valid_o), .flit_i(req_tx_flit_o), .credit_i(req_tx_credit_i)
    );
    tsr_flit_check #(.Response(1'b0)) u_req_rx (
      .clk_i, .rst_ni, .valid_i(req_rx_valid_i), .flit_i(req_rx_flit_i), .credit_i(req_rx_credit_o)
    );
    tsr_flit_check #(.Response(1'b1)) u_rsp_tx (
      .clk_i, .rst_ni, .valid_i(rsp_tx_valid_o), .flit_i(rsp_tx_flit_o), .credit_i(rsp_tx_credit_i)
    );
    tsr_flit_check #(.Response(1'b1)) u_rsp_rx (
      .clk_i, .rst_ni, .valid_i(rsp_rx_valid_i), .flit_i(rsp_rx_flit_i), .credit_i(rsp_rx_credit_o)
    );
    for (genvar i = 0; i < 5; i++) begin : gen_ni_req
      tsr_stream_check #(.T(ni_req_t)) u_check (
        .clk_i, .rst_ni, .valid_i(ni_valid[i]), .ready_i(ni_ready[i]), .data_i(ni_req[i])
      );
    end
    for (genvar i = 0; i < 4; i++) begin : gen_ni_rsp
      tsr_stream_check #(.T(ni_rsp_t)) u_check (
        .clk_i, .rst_ni, .valid_i(ni_rsp_valid[i]), .ready_i(ni_rsp_ready[i]), .data_i(ni_rsp)
      );
    end
    for (genvar p = IsCtl ? PortRdma : 0; p < SpmPorts; p++) begin : gen_spm
      tsr_stream_check #(.T(spm_req_t)) u_check (
        .clk_i, .rst_ni, .valid_i(spm_valid[p]), .ready_i(spm_ready[p]), .data_i(spm_req[p])
      );
    end
  end

endmodule
