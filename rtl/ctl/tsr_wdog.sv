// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Watchdog: first expiry interrupts, a second one without a kick is fatal (regs/wdog.toml).
///
/// *Latency:* EXPIRED and irq_o rise one cycle after the time since the last kick reached TIMEOUT; so does
/// fatal_o, measured from the first expiry. *Backpressure:* none. *Throughput:* one access a cycle.
/// *Reset:* off. fatal_o stays high until reset.
/// No counter: the time is now_i minus the time of the last restart.
module tsr_wdog
  import tsr_wdog_reg_pkg::*;
(
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic [63:0]       now_i,    // cycle count of the chip

  // Register bus, page-local addresses.
  input  tsr_pkg::reg_req_t reg_i,
  output tsr_pkg::reg_rsp_t reg_o,

  output logic              irq_o,    // level: first expiry
  output logic              fatal_o,  // level, from a flop: second expiry
  output logic              idle_o,   // nothing changes until a register access, or now_i is wake_o
  output logic [63:0]       wake_o    // from flops: the next expiry, the first or the second; off or fatal: all ones
);

  reg2hw_t reg2hw;
  hw2reg_t hw2reg;

  tsr_wdog_reg_top u_regs (.clk_i, .rst_ni, .reg_i, .reg_o, .reg2hw_o(reg2hw), .hw2reg_i(hw2reg));

  logic [63:0] start_q, elapsed;
  logic [31:0] limit;
  logic        last_q, fatal_q, running, restart, expire;

  assign restart = reg2hw.ctrl.en.qe || reg2hw.kick.value.qe;
  assign running = reg2hw.ctrl.en.q && !fatal_q;
  assign elapsed = running ? now_i - start_q : '0;
  assign limit   = (reg2hw.timeout.cycles.q == '0) ? 32'd1 : reg2hw.timeout.cycles.q;
  assign expire  = running && !restart && (elapsed >= {32'b0, limit});

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      last_q  <= 1'b0;
      fatal_q <= 1'b0;
    end else if (restart) begin
      last_q <= 1'b0;
    end else if (expire) begin
      last_q  <= 1'b1;
      fatal_q <= last_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (restart || expire) start_q <= now_i;
  end

  always_comb begin
    hw2reg = '0;
    hw2reg.state.expired    = '{d: 1'b1, de: expire};
    hw2reg.state.last.d     = last_q;
    hw2reg.state.fatal.d    = fatal_q;
    hw2reg.elapsed.cycles.d = (elapsed[63:32] != '0) ? '1 : elapsed[31:0];
  end

  assign irq_o   = reg2hw.state.expired.q;
  assign fatal_o = fatal_q;
  assign idle_o  = !reg_i.valid && !restart && !expire;
  assign wake_o  = running ? start_q + {32'b0, limit} : '1;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(FatalIsTheEnd, !(fatal_q && expire))

endmodule
