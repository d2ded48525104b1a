// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// All peripherals of the ctl node behind one register bus: page = addr[15:12], see page_e.
///
/// *Latency:* reads and errors combinational. *Backpressure:* none. *Throughput:* one access a cycle.
/// *Reset:* that of the peripherals.
/// Accesses to pages without a peripheral, and to holes of a peripheral, are answered with err.
module tsr_ctl_periph
  import tsr_ctl_pkg::*;
(
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [63:0]        now_i,       // cycle count of the chip
  input  tsr_pkg::chip_cfg_t cfg_i,       // constant out of reset
  input  fuse_t              fuse_i,      // constant out of reset

  // Register bus: addr[15:12] = page, addr[11:0] = offset in it.
  input  tsr_pkg::reg_req_t  reg_i,
  output tsr_pkg::reg_rsp_t  reg_o,

  // Pins.
  output logic               uart_tx_o,   // from a flop
  input  logic               uart_rx_i,   // may be asynchronous; a falling edge must wake a sleeping node
  output logic               host_irq_o,  // from a flop
  output logic               fatal_o,     // from a flop: the watchdog expired twice

  // Node.
  output logic               dbg_lock_o,  // debug access is refused; from a flop
  output logic [15:0]        irq_o,       // levels, numbered by the Irq* constants
  // Nothing changes until a register access comes, uart_rx_i falls, or now_i is wake_o.
  output logic               idle_o,
  output logic [63:0]        wake_o       // from flops: when timer or watchdog expire next; never: all ones
);

  logic [NumPages-1:0]                    sel;
  tsr_pkg::reg_req_t                      req;
  tsr_pkg::reg_req_t [NumPages-1:0]       page_req;
  tsr_pkg::reg_rsp_t [NumPages-1:0]       page_rsp;

  always_comb begin
    req            = reg_i;
    req.addr[15:12] = '0;
    for (int unsigned i = 0; i < NumPages; i++) begin
      sel[i]      = reg_i.valid && (reg_i.addr[15:12] == 4'(i));
      page_req[i] = sel[i] ? req : '0;
    end
  end

  // Pages that are not selected answer zero.
  always_comb begin
    reg_o     = '0;
    reg_o.err = reg_i.valid && (sel == '0);
    for (int unsigned i = 0; i < NumPages; i++) reg_o |= page_rsp[i];
  end

  logic        uart_idle, timer_idle, mailbox_idle, fuse_idle, wdog_idle;
  logic [63:0] timer_wake, wdog_wake;

  always_comb begin
    irq_o[7:0]   = '0;
    irq_o[15:12] = '0;
  end

  tsr_uart u_uart (
    .clk_i, .rst_ni, .reg_i(page_req[PageUart]), .reg_o(page_rsp[PageUart]),
    .tx_o(uart_tx_o), .rx_i(uart_rx_i), .irq_o(irq_o[IrqUart]), .idle_o(uart_idle)
  );
  tsr_timer u_timer (
    .clk_i, .rst_ni, .now_i, .reg_i(page_req[PageTimer]), .reg_o(page_rsp[PageTimer]),
    .irq_o(irq_o[IrqTimer]), .idle_o(timer_idle), .wake_o(timer_wake)
  );
  tsr_mailbox u_mailbox (
    .clk_i, .rst_ni, .reg_i(page_req[PageMailbox]), .reg_o(page_rsp[PageMailbox]),
    .irq_o(irq_o[IrqMailbox]), .host_irq_o, .idle_o(mailbox_idle)
  );
  tsr_fuse u_fuse (
    .clk_i, .rst_ni, .fuse_i, .reg_i(page_req[PageFuse]), .reg_o(page_rsp[PageFuse]),
    .dbg_lock_o, .idle_o(fuse_idle)
  );
  tsr_wdog u_wdog (
    .clk_i, .rst_ni, .now_i, .reg_i(page_req[PageWdog]), .reg_o(page_rsp[PageWdog]),
    .irq_o(irq_o[IrqWdog]), .fatal_o, .idle_o(wdog_idle), .wake_o(wdog_wake)
  );
  tsr_sys u_sys (
    .clk_i, .rst_ni, .cfg_i, .fuse_i, .reg_i(page_req[PageSys]), .reg_o(page_rsp[PageSys])
  );

  assign idle_o = !reg_i.valid && uart_idle && timer_idle && mailbox_idle && fuse_idle && wdog_idle;
  assign wake_o = timer_wake < wdog_wake ? timer_wake : wdog_wake;

endmodule
