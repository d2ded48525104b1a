// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Timer: shows the cycle count and interrupts once or periodically (regs/timer.toml).
///
/// *Latency:* EXPIRED and irq_o rise one cycle after now_i reached COMPARE. *Backpressure:* none.
/// *Throughput:* one expiry a cycle at most (PERIOD = 1).
/// *Reset:* disarmed.
/// A periodic timer that is more than one period late continues one period from now.
module tsr_timer
  import tsr_timer_reg_pkg::*;
(
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic [63:0]       now_i,   // cycle count of the chip

  // Register bus, page-local addresses.
  input  tsr_pkg::reg_req_t reg_i,
  output tsr_pkg::reg_rsp_t reg_o,

  output logic              irq_o,   // level
  output logic              idle_o,  // nothing changes until a register access, or now_i is wake_o
  output logic [63:0]       wake_o   // from flops: when an armed timer expires; disarmed: all ones
);

  reg2hw_t reg2hw;
  hw2reg_t hw2reg;

  tsr_timer_reg_top u_regs (.clk_i, .rst_ni, .reg_i, .reg_o, .reg2hw_o(reg2hw), .hw2reg_i(hw2reg));

  logic [31:0] time_hi_q;
  always_ff @(posedge clk_i) begin
    if (reg2hw.time_lo.t.re) time_hi_q <= now_i[63:32];
  end

  logic        periodic, expire;
  logic [63:0] compare, next;

  assign compare  = {reg2hw.compare_hi.t.q, reg2hw.compare_lo.t.q};
  assign periodic = reg2hw.period.cycles.q != '0;
  assign expire   = reg2hw.ctrl.en.q && (now_i >= compare);

  always_comb begin
    next = compare + {32'b0, reg2hw.period.cycles.q};
    if (next <= now_i) next = now_i + {32'b0, reg2hw.period.cycles.q};
  end

  always_comb begin
    hw2reg = '0;
    hw2reg.time_lo.t.d = now_i[31:0];
    hw2reg.time_hi.t.d = time_hi_q;
    if (expire) begin
      hw2reg.compare_lo.t         = '{d: next[31:0], de: periodic};
      hw2reg.compare_hi.t         = '{d: next[63:32], de: periodic};
      hw2reg.ctrl.en              = '{d: 1'b0, de: !periodic};
      hw2reg.irq_state.expired    = '{d: 1'b1, de: 1'b1};
      hw2reg.irq_state.missed     = '{d: 1'b1, de: reg2hw.irq_state.expired.q};
    end
  end

  assign irq_o  = reg2hw.irq_state.expired.q;
  assign idle_o = !reg_i.valid && !expire;
  assign wake_o = reg2hw.ctrl.en.q ? compare : '1;

endmodule
