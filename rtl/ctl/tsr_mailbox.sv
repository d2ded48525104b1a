// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Mailbox between host and ctl firmware: both use the same registers (regs/mailbox.toml).
///
/// *Latency:* the doorbell interrupt rises 2 cycles after CMD was written, host_irq_o 3 cycles after
/// HOST_RAISE was written. *Backpressure:* none; DOORBELL.PENDING tells the host to wait.
/// *Throughput:* one access a cycle. *Reset:* all registers zero, no interrupt.
module tsr_mailbox
  import tsr_mailbox_reg_pkg::*;
(
  input  logic              clk_i,
  input  logic              rst_ni,

  // Register bus, page-local addresses.
  input  tsr_pkg::reg_req_t reg_i,
  output tsr_pkg::reg_rsp_t reg_o,

  output logic              irq_o,       // level, to the ctl core: doorbell
  output logic              host_irq_o,  // level, to the host, from a flop
  output logic              idle_o       // nothing changes until a register access
);

  reg2hw_t reg2hw;
  hw2reg_t hw2reg;

  tsr_mailbox_reg_top u_regs (.clk_i, .rst_ni, .reg_i, .reg_o, .reg2hw_o(reg2hw), .hw2reg_i(hw2reg));

  always_comb begin
    hw2reg = '0;
    hw2reg.doorbell.pending = '{d: 1'b1, de: reg2hw.cmd.code.qe};
    hw2reg.host_irq.done    = '{d: reg2hw.host_raise.done.q, de: reg2hw.host_raise.done.qe};
    hw2reg.host_irq.status  = '{d: reg2hw.host_raise.status.q, de: reg2hw.host_raise.status.qe};
  end

  logic host_irq_d, host_irq_q;
  assign host_irq_d = reg2hw.host_irq != '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) host_irq_q <= 1'b0;
    else host_irq_q <= host_irq_d;
  end

  assign host_irq_o = host_irq_q;
  assign irq_o      = reg2hw.doorbell.pending.q;
  assign idle_o     = !reg_i.valid && !reg2hw.cmd.code.qe && !reg2hw.host_raise.done.qe &&
                      (host_irq_d == host_irq_q);

endmodule
