// SPDX-License-Identifier: Apache-2.0

/// The ctl node: a privileged hart node with boot ROM, peripherals, the host's port into the chip, and the debug
/// module with its JTAG port. Endpoint of a mesh node.
///
/// Boundary: every output is driven from a flop. Reset: control state only; the core starts from the boot
/// ROM at once. Wakes (while `idle_o` = 1): a link input, host_req_valid_i, uart_rx_i low, a change of jtag_tck_i or
/// jtag_trst_ni, and now_i when it reaches wake_o.
module tsr_ctl
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter int unsigned SpmBytes = 65536,  // scratchpad, staging memory of the boot DMA
  parameter bit          Check    = 1'b0    // protocol checkers (simulation only)
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  node_t       node_i,
  input  chip_cfg_t   cfg_i,
  input  tsr_ctl_pkg::fuse_t fuse_i,
  input  logic [63:0] now_i,

  // Links to the router.
  output logic        req_tx_valid_o,
  output flit_t       req_tx_flit_o,
  input  logic [1:0]  req_tx_credit_i,
  input  logic        req_rx_valid_i,
  input  flit_t       req_rx_flit_i,
  output logic [1:0]  req_rx_credit_o,
  output logic        rsp_tx_valid_o,
  output flit_t       rsp_tx_flit_o,
  input  logic [1:0]  rsp_tx_credit_i,
  input  logic        rsp_rx_valid_i,
  input  flit_t       rsp_rx_flit_i,
  output logic [1:0]  rsp_rx_credit_o,

  // Counters of the node's router.
  output logic [3:0]  router_sel_o,
  input  logic [31:0] router_cnt_i,

  // Host port.
  input  logic                   host_req_valid_i,
  input  tsr_ctl_pkg::host_req_t host_req_i,
  output logic                   host_credit_o,
  output logic                   host_rsp_valid_o,
  output tsr_ctl_pkg::host_rsp_t host_rsp_o,
  output logic                   host_irq_o,

  // Pins.
  output logic        uart_tx_o,
  input  logic        uart_rx_i,
  output logic        fatal_o,     // the watchdog expired twice

  // JTAG port, asynchronous: see tsr_jtag_tap. Not used: TRST low.
  input  logic        jtag_tck_i,
  input  logic        jtag_tms_i,
  input  logic        jtag_tdi_i,
  input  logic        jtag_trst_ni,
  output logic        jtag_tdo_o,
  output logic        jtag_tdo_oe_o,

  /// The debug port holds the core.
  output logic             halted_o,
  output tsr_core_pkg::retire_t retire_o,
  output logic        idle_o,
  output logic [63:0] wake_o       // see tsr_hart_node
);

  // ---------------------------------------------------------------- node
  logic        dbg_lock, ext_idle, periph_idle, port_idle, debug_idle;
  logic [63:0] periph_wake;
  logic  [2:0] eng_cmd_valid, eng_done_valid;
  cmd_t  [2:0] eng_cmd;
  done_t [2:0] eng_done_q;
  logic        rom_fetch, rom_req;
  logic [31:0] rom_fetch_addr, rom_fetch_data, rom_addr, rom_rdata;
  reg_req_t    ext_req;
  reg_rsp_t    ext_rsp;
  logic [15:0] irq;
  logic        host_valid, host_ready, host_rsp_valid, host_rsp_ready;
  ni_req_t     host_req;
  // What the host port and the debug module share.
  logic        ni_valid, ni_ready, ni_rsp_valid, ni_rsp_ready;
  ni_req_t     ni_req;
  ni_rsp_t     ni_rsp;

  assign ext_idle = periph_idle && port_idle && debug_idle && !host_req_valid_i && uart_rx_i &&
                    eng_cmd_valid == '0 && eng_done_valid == '0;

  tsr_hart_node #(.IsCtl(1'b1), .SpmBytes(SpmBytes), .Check(Check)) u_node (
    .clk_i, .rst_ni, .node_i, .cfg_i, .now_i,
    .req_tx_valid_o, .req_tx_flit_o, .req_tx_credit_i, .req_rx_valid_i, .req_rx_flit_i, .req_rx_credit_o,
    .rsp_tx_valid_o, .rsp_tx_flit_o, .rsp_tx_credit_i, .rsp_rx_valid_i, .rsp_rx_flit_i, .rsp_rx_credit_o,
    .router_sel_o, .router_cnt_i, .dbg_lock_i(dbg_lock),
    .eng_cmd_valid_o(eng_cmd_valid), .eng_cmd_ready_i('1), .eng_cmd_o(eng_cmd),
    .eng_ctx_valid_i('0), .eng_ctx_ready_o(), .eng_ctx_row_i('0),
    .eng_ctx_rsp_valid_o(), .eng_ctx_rsp_data_o(),
    .eng_done_i(eng_done_q), .eng_state_i({3{StIdle}}), .eng_ops_i('0), .eng_idle_i('1), .eng_abort_o(),
    .eng_flush_o(), .eng_busy_o(), .eng_void_i('0),
    .eng_spm_valid_i('0), .eng_spm_ready_o(), .eng_spm_req_i('0), .eng_spm_rsp_valid_o(), .eng_spm_rsp_o(),
    .rom_fetch_o(rom_fetch), .rom_fetch_addr_o(rom_fetch_addr), .rom_fetch_data_i(rom_fetch_data),
    .rom_req_o(rom_req), .rom_addr_o(rom_addr), .rom_rdata_i(rom_rdata),
    .ext_reg_o(ext_req), .ext_reg_i(ext_rsp), .ext_irq_i(irq[15:8]), .ext_idle_i(ext_idle),
    .ext_wake_i(periph_wake),
    .host_valid_i(ni_valid), .host_ready_o(ni_ready), .host_req_i(ni_req),
    .host_rsp_valid_o(ni_rsp_valid), .host_rsp_ready_i(ni_rsp_ready), .host_rsp_o(ni_rsp),
    .halted_o, .retire_o, .idle_o, .wake_o
  );

  // The ctl node has no ME, VE, TDMA: their queues take Nop and refuse everything else.
  for (genvar e = 0; e < 3; e++) begin : gen_no_engine
    always_ff @(posedge clk_i) begin
      eng_done_q[e] <= '0;
      if (eng_cmd_valid[e]) begin
        eng_done_q[e].id  <= eng_cmd[e].id;
        eng_done_q[e].err <= eng_cmd[e].op == OpNop ? CmdOk : CmdErrOpcode;
      end
      eng_done_q[e].valid <= rst_ni && eng_cmd_valid[e];
    end
    assign eng_done_valid[e] = eng_done_q[e].valid;
  end

  tsr_rom u_rom (
    .clk_i,
    .fetch_req_i(rom_fetch), .fetch_addr_i(rom_fetch_addr), .fetch_rdata_o(rom_fetch_data),
    .data_req_i(rom_req), .data_addr_i(rom_addr), .data_rdata_o(rom_rdata)
  );

  tsr_ctl_periph u_periph (
    .clk_i, .rst_ni, .now_i, .cfg_i, .fuse_i,
    .reg_i(ext_req), .reg_o(ext_rsp),
    .uart_tx_o, .uart_rx_i, .host_irq_o, .fatal_o,
    .dbg_lock_o(dbg_lock), .irq_o(irq), .idle_o(periph_idle), .wake_o(periph_wake)
  );

  // One of the host port's slots is the debug module's.
  tsr_hostport #(.Slots(31)) u_hostport (
    .clk_i, .rst_ni, .now_i,
    .host_req_valid_i, .host_req_i, .host_credit_o, .host_rsp_valid_o, .host_rsp_o,
    .req_valid_o(host_valid), .req_ready_i(host_ready), .req_o(host_req),
    .rsp_valid_i(host_rsp_valid), .rsp_ready_o(host_rsp_ready), .rsp_i(ni_rsp),
    .idle_o(port_idle)
  );

  tsr_debug #(.Slot(5'd31)) u_debug (
    .clk_i, .rst_ni,
    .jtag_tck_i, .jtag_tms_i, .jtag_tdi_i, .jtag_trst_ni, .jtag_tdo_o, .jtag_tdo_oe_o,
    .lock_i(dbg_lock), .tiles_i(fuse_i.tiles), .dead_i(fuse_i.dead_tiles), .ctl_i(cfg_i.ctl),
    .host_valid_i(host_valid), .host_ready_o(host_ready), .host_req_i(host_req),
    .host_rsp_valid_o(host_rsp_valid), .host_rsp_ready_i(host_rsp_ready),
    .ni_valid_o(ni_valid), .ni_ready_i(ni_ready), .ni_req_o(ni_req),
    .ni_rsp_valid_i(ni_rsp_valid), .ni_rsp_ready_o(ni_rsp_ready), .ni_rsp_i(ni_rsp),
    .idle_o(debug_idle)
  );

endmodule
