// SPDX-License-Identifier: Apache-2.0
/// Initialization of the DRAM behind both pseudo channels.
///
/// Releases the device's reset, waits for power-up, writes the mode registers, refreshes all banks once, and
/// reads the mode registers back: that checks the read path and its latency. A missing or wrong answer, one that is not
/// in its cycle, or a second one is an error; the sequence may be started again.
///
/// *Latency:* INIT + 3 MOD + RFCAB + CL DRAM clocks and a few cycles. *Backpressure:* none.
/// *Reset:* device in reset, not initialized.
module tsr_hbm_init
  import tsr_hbm_pkg::*;
(
  input  logic              clk_i,
  input  logic              rst_ni,
  input  timing_t           t_i,

  /// Pulse: start, unless busy or done.
  input  logic              start_i,
  output logic              busy_o,
  output logic              done_o,
  output logic [NumPc-1:0]  error_o,

  /// Command for both pseudo channels, valid until done_o; reset_n counts always.
  output dfi_cmd_t          cmd_o,
  input  logic [NumPc-1:0]  rvalid_i,
  /// Low 64 bits of the read data.
  input  logic [NumPc-1:0][63:0] rdata_i
);

  typedef enum logic [3:0] {
    StIdle, StReset, StPower, StMrCl, StMrCwl, StMrEnable, StRefresh, StRead, StCheck, StDone, StError
  } state_e;

  /// Cycles that the device's reset is held, and that an answer may take.
  localparam logic [18:0] ResetCycles  = 19'd8;
  localparam logic [18:0] AnswerCycles = 19'd128;
  localparam logic [10:0] BurstClocks  = 11'd2;

  state_e           state_q;
  logic [18:0]      wait_q;
  logic [NumPc-1:0] good_q, seen_q;
  dfi_cmd_t         cmd_q;

  assign busy_o  = !(state_q inside {StIdle, StDone, StError});
  assign done_o  = state_q == StDone;
  assign error_o = (state_q == StError) ? ~good_q : '0;
  assign cmd_o   = cmd_q;

  function automatic dfi_cmd_t row_command(row_cmd_e cmd, bank_t bank, row_t row);
    dfi_cmd_t c;
    c           = '0;
    c.reset_n   = 1'b1;
    c.row_valid = 1'b1;
    c.row_cmd   = cmd;
    c.row_bank  = bank;
    c.row       = row;
    return c;
  endfunction

  // What is left of the wait when the answer arrives: the command shows at the DFI a cycle after cmd_q.
  logic [18:0] due_left;
  assign due_left = AnswerCycles - 19'd1 - 19'(cycles_up(11'(t_i.cl) + BurstClocks));

  /// Clocks to cycles, rounded up, with one to spare.
  function automatic logic [18:0] cycles(logic [19:0] clocks);
    return clocks[19:1] + 19'd1;
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      wait_q  <= '0;
      good_q  <= '0;
      seen_q  <= '0;
      cmd_q   <= '0;
    end else if (busy_o) begin
      cmd_q.row_valid <= 1'b0;
      cmd_q.col_valid <= 1'b0;
      if (wait_q != '0) wait_q <= wait_q - 19'd1;
      else begin
        unique case (state_q)
          StReset: begin
            cmd_q.reset_n <= 1'b1;
            wait_q        <= cycles(t_i.init);
            state_q       <= StPower;
          end
          StPower: begin
            cmd_q   <= row_command(RowMrs, MrCl, row_t'(t_i.cl));
            wait_q  <= cycles(20'(t_i.mod));
            state_q <= StMrCl;
          end
          StMrCl: begin
            cmd_q   <= row_command(RowMrs, MrCwl, row_t'(t_i.cwl));
            wait_q  <= cycles(20'(t_i.mod));
            state_q <= StMrCwl;
          end
          StMrCwl: begin
            cmd_q   <= row_command(RowMrs, MrEnable, row_t'(1));
            wait_q  <= cycles(20'(t_i.mod));
            state_q <= StMrEnable;
          end
          StMrEnable: begin
            cmd_q   <= row_command(RowRefAb, '0, '0);
            wait_q  <= cycles(20'(t_i.rfcab));
            state_q <= StRefresh;
          end
          StRefresh: begin
            cmd_q.col_valid <= 1'b1;
            cmd_q.col_cmd   <= ColMrr;
            wait_q          <= AnswerCycles;
            state_q         <= StRead;
          end
          StRead:  state_q <= StCheck;
          StCheck: state_q <= (good_q == '1) ? StDone : StError;
          default: state_q <= StIdle;
        endcase
      end
      if (state_q == StRead) begin
        for (int unsigned p = 0; p < NumPc; p++) begin
          if (rvalid_i[p]) begin
            seen_q[p] <= 1'b1;
            good_q[p] <= (rdata_i[p][47:0] == {2'b0, t_i.cwl, 2'b0, t_i.cl, MrrMagic}) && (wait_q == due_left)
                         && !seen_q[p];
          end
        end
      end
    end else if (start_i && (state_q != StDone)) begin
      state_q <= StReset;
      wait_q  <= ResetCycles;
      good_q  <= '0;
      seen_q  <= '0;
      cmd_q   <= '0;
    end
  end

endmodule
