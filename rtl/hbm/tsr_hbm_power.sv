// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Power-down and self-refresh of one pseudo channel.
///
/// Power-down: after `idle_i` cycles without work the open rows are closed and the DRAM is put to sleep, once no
/// refresh is due; work, or a refresh that must not wait, wakes it. Self-refresh: on request, as soon as there is no
/// work; work, or the end of the request, ends it.
///
/// *Latency:* park_o, enter_o and leave_o act in the same cycle; commands are allowed (up_o) XP or XS after
/// leave_o. *Reset:* up.
module tsr_hbm_power
  import tsr_hbm_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  timing_t     t_i,
  input  logic        run_i,

  /// Cycles without work before power-down, 0: never. Self-refresh is wanted.
  input  logic [11:0] idle_i,
  input  logic        self_i,
  /// Something is queued, under way or offered. A refresh is due; is forced.
  input  logic        busy_i,
  input  logic        due_i,
  input  logic        forced_i,

  /// Commands are allowed. `park_o`: nobody needs open rows any more.
  output logic        up_o,
  output logic        park_o,
  /// Wants to enter power-down, or self-refresh (self_entry_o); entered_i: the command goes out in this cycle.
  output logic        enter_o,
  output logic        self_entry_o,
  input  logic        entered_i,
  /// The exit command goes out in this cycle.
  output logic        leave_o,

  output logic        down_o,
  output logic        self_o,
  /// Nothing happens here until one of the inputs changes.
  output logic        still_o
);

  typedef enum logic [1:0] { StUp, StDown, StSelf, StExit } state_e;

  state_e      state_q;
  logic [9:0]  timer_q;
  logic [11:0] idle_q;    // cycles without work, at most idle_i

  assign up_o         = state_q == StUp;
  assign down_o       = state_q == StDown;
  assign self_o       = state_q == StSelf;
  assign self_entry_o = self_i;
  assign park_o       = run_i && up_o && !busy_i && (self_i || ((idle_i != '0) && (idle_q == idle_i)));
  assign enter_o      = park_o && !due_i && !forced_i;
  assign still_o      = (timer_q == '0) && (state_q != StExit) && (idle_q == (up_o ? idle_i : '0));

  always_comb begin
    leave_o = 1'b0;
    if (timer_q == '0) begin
      if (down_o) leave_o = busy_i || forced_i || self_i || (idle_i == '0);
      if (self_o) leave_o = busy_i || !self_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (busy_i || !up_o) idle_q <= '0;
    else if (idle_q < idle_i) idle_q <= idle_q + 1'b1;
    else idle_q <= idle_i;
    if (timer_q != '0) timer_q <= timer_q - 1'b1;
    unique case (state_q)
      StUp: begin
        // The entry may use the second clock of its cycle.
        if (entered_i) begin
          state_q <= self_i ? StSelf : StDown;
          timer_q <= cycles_up(11'(t_i.cke) + 11'd1) - 10'd1;
        end
      end
      StDown, StSelf: begin
        if (leave_o) begin
          state_q <= StExit;
          timer_q <= cycles_up(self_o ? 11'(t_i.xs) : 11'(t_i.xp)) - 10'd2;
        end
      end
      default: if (timer_q == '0) state_q <= StUp;
    endcase
    if (!rst_ni || !run_i) begin
      state_q <= StUp;
      timer_q <= '0;
      idle_q  <= '0;
    end
  end

  `TSR_ASSERT(EntryIsAsked, !entered_i || enter_o)

endmodule
