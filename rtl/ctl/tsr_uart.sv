// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// UART: 8 data bits, no parity, one stop bit, FIFOs of 16 bytes both ways (regs/uart.toml).
///
/// *Latency:* a byte written to an idle transmitter appears on tx_o (start bit) 2 cycles later; a received
/// byte is readable half a bit time after the middle of its stop bit began, plus 2 cycles.
/// *Backpressure:* none: bytes that find a full FIFO are dropped and recorded.
/// *Throughput:* one byte every 10 bit times each way, back to back.
/// *Reset:* FIFOs empty, line high, registers at their reset values.
module tsr_uart
  import tsr_uart_reg_pkg::*;
(
  input  logic              clk_i,
  input  logic              rst_ni,

  // Register bus, page-local addresses.
  input  tsr_pkg::reg_req_t reg_i,
  output tsr_pkg::reg_rsp_t reg_o,

  // Serial pins, idle high. tx_o comes from a flop; rx_i may be asynchronous.
  output logic              tx_o,
  input  logic              rx_i,

  output logic              irq_o,   // level
  output logic              idle_o   // nothing changes until a register access or rx_i falls
);

  localparam logic [15:0] MinCycles = 16'd4;

  reg2hw_t reg2hw;
  hw2reg_t hw2reg;

  tsr_uart_reg_top u_regs (.clk_i, .rst_ni, .reg_i, .reg_o, .reg2hw_o(reg2hw), .hw2reg_i(hw2reg));

  logic [15:0] cycles;  // of a bit
  assign cycles = (reg2hw.divisor.cycles.q < MinCycles) ? MinCycles : reg2hw.divisor.cycles.q;

  // ---------------------------------------------------------------- transmit
  logic        tx_fifo_valid, tx_fifo_ready, tx_take;
  logic [7:0]  tx_fifo_data;
  logic [4:0]  tx_level;
  logic        tx_active_q, tx_bit_end, line_q, tx_q;
  logic [15:0] tx_cycle_q;  // cycles left of this bit, less one
  logic [3:0]  tx_bits_q;   // bits left after this one
  logic [8:0]  tx_shift_q;  // bits to follow, stop bit highest

  tsr_fifo #(.Width(8), .Depth(16)) u_tx_fifo (
    .clk_i, .rst_ni, .clr_i(1'b0),
    .in_valid_i(reg2hw.data.value.qe), .in_ready_o(tx_fifo_ready), .in_data_i(reg2hw.data.value.q),
    .out_valid_o(tx_fifo_valid), .out_ready_i(tx_take), .out_data_o(tx_fifo_data),
    .count_o(tx_level)
  );

  assign tx_bit_end = tx_cycle_q == '0;
  assign tx_take    = tx_fifo_valid && reg2hw.ctrl.tx_en.q &&
                      (!tx_active_q || (tx_bit_end && (tx_bits_q == '0)));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tx_active_q <= 1'b0;
      line_q      <= 1'b1;
    end else if (tx_take) begin
      tx_active_q <= 1'b1;
      tx_cycle_q  <= cycles - 16'd1;
      tx_bits_q   <= 4'd9;
      tx_shift_q  <= {1'b1, tx_fifo_data};
      line_q      <= 1'b0;
    end else if (tx_active_q) begin
      tx_cycle_q <= tx_cycle_q - 16'd1;
      if (tx_bit_end) begin
        tx_cycle_q  <= cycles - 16'd1;
        tx_bits_q   <= tx_bits_q - 4'd1;
        tx_shift_q  <= {1'b1, tx_shift_q[8:1]};
        line_q      <= tx_shift_q[0];
        tx_active_q <= tx_bits_q != '0;
      end
    end
  end

  // The pin is its own flop, so that loopback stays off the line.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) tx_q <= 1'b1;
    else tx_q <= line_q || reg2hw.ctrl.loopback.q;
  end
  assign tx_o = tx_q;

  // ---------------------------------------------------------------- receive
  typedef enum logic [1:0] { StHigh, StStart, StBits, StBreak } rx_state_e;
  rx_state_e   rx_state_q;
  logic [1:0]  rx_sync_q;
  logic        rx_line, rx_sample, rx_done, rx_framing;
  logic [15:0] rx_cycle_q;
  logic [3:0]  rx_bits_q;   // data bits still to come; 0: the stop bit
  logic [7:0]  rx_shift_q;
  logic        rx_fifo_ready, rx_fifo_valid;
  logic [7:0]  rx_fifo_data;
  logic [4:0]  rx_level;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) rx_sync_q <= 2'b11;
    else rx_sync_q <= {rx_sync_q[0], rx_i};
  end

  assign rx_line    = reg2hw.ctrl.loopback.q ? line_q : rx_sync_q[1];
  assign rx_sample  = rx_cycle_q == '0;
  assign rx_done    = (rx_state_q == StBits) && rx_sample && (rx_bits_q == '0) && rx_line;
  assign rx_framing = (rx_state_q == StBits) && rx_sample && (rx_bits_q == '0) && !rx_line;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || !reg2hw.ctrl.rx_en.q) begin
      rx_state_q <= StHigh;
    end else begin
      unique case (rx_state_q)
        StHigh: begin
          // First cycle of a start bit: its middle is half a bit away.
          if (!rx_line) begin
            rx_state_q <= StStart;
            rx_cycle_q <= {1'b0, cycles[15:1]} - 16'd1;
          end
        end
        StStart: begin
          rx_cycle_q <= rx_cycle_q - 16'd1;
          if (rx_sample) begin
            rx_state_q <= rx_line ? StHigh : StBits;  // high: a glitch
            rx_cycle_q <= cycles - 16'd1;
            rx_bits_q  <= 4'd8;
          end
        end
        StBits: begin
          rx_cycle_q <= rx_cycle_q - 16'd1;
          if (rx_sample) begin
            rx_cycle_q <= cycles - 16'd1;
            rx_bits_q  <= rx_bits_q - 4'd1;
            if (rx_bits_q != '0) rx_shift_q <= {rx_line, rx_shift_q[7:1]};
            else rx_state_q <= rx_line ? StHigh : StBreak;
          end
        end
        default: if (rx_line) rx_state_q <= StHigh;  // StBreak: wait for the line to return
      endcase
    end
  end

  tsr_fifo #(.Width(8), .Depth(16)) u_rx_fifo (
    .clk_i, .rst_ni, .clr_i(1'b0),
    .in_valid_i(rx_done && reg2hw.ctrl.rx_en.q), .in_ready_o(rx_fifo_ready), .in_data_i(rx_shift_q),
    .out_valid_o(rx_fifo_valid), .out_ready_i(reg2hw.data.value.re), .out_data_o(rx_fifo_data),
    .count_o(rx_level)
  );

  // ---------------------------------------------------------------- registers
  logic tx_idle;
  assign tx_idle = !tx_fifo_valid && !tx_active_q;

  always_comb begin
    hw2reg = '0;
    if (rx_fifo_valid) hw2reg.data.value.d = rx_fifo_data;
    hw2reg.data.valid.d           = rx_fifo_valid;
    hw2reg.status.tx_full.d       = !tx_fifo_ready;
    hw2reg.status.tx_idle.d       = tx_idle;
    hw2reg.status.rx_valid.d      = rx_fifo_valid;
    hw2reg.status.rx_full.d       = !rx_fifo_ready;
    hw2reg.status.tx_level.d      = tx_level;
    hw2reg.status.rx_level.d      = rx_level;
    hw2reg.errors.tx_lost.d       = 1'b1;
    hw2reg.errors.tx_lost.de      = reg2hw.data.value.qe && !tx_fifo_ready;
    hw2reg.errors.rx_overflow.d   = 1'b1;
    hw2reg.errors.rx_overflow.de  = rx_done && reg2hw.ctrl.rx_en.q && !rx_fifo_ready;
    hw2reg.errors.rx_framing.d    = 1'b1;
    hw2reg.errors.rx_framing.de   = rx_framing && reg2hw.ctrl.rx_en.q;
  end

  assign irq_o = (reg2hw.irq_enable.rx_valid.q && rx_fifo_valid) ||
                 (reg2hw.irq_enable.tx_half.q && (tx_level <= 5'd8)) ||
                 (reg2hw.irq_enable.error.q && (reg2hw.errors != '0));

  assign idle_o = !reg_i.valid && !tx_active_q && !(tx_fifo_valid && reg2hw.ctrl.tx_en.q) && line_q && tx_q &&
                  (&rx_sync_q) && rx_i && (rx_state_q == StHigh);

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(LineHighWhenIdle, tx_active_q || line_q)

endmodule
