// SPDX-License-Identifier: Apache-2.0
/// IEEE 1149.1 test access port: state machine, instruction register, IDCODE and BYPASS.
///
/// TCK is not a clock here: all pins go through two synchronizer flops of the chip's clock, and the edges of TCK are
/// found there. So there is one clock domain, and TCK must be slower than the chip's clock: each of its levels at
/// least 2 cycles long, and TDO is right 4 cycles after the falling edge. With equal halves f(TCK) <= f(clk) / 8.
/// (Pins that change with the chip's clock, as in simulation: high 1 cycle, low 3.)
///
/// *Latency:* an edge of TCK acts 3 cycles after the pin. *Backpressure:* none.
/// *Reset:* Test-Logic-Reset; so do trst_ni low and five cycles of TCK with TMS high.
module tsr_jtag_tap
  import tsr_debug_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,

  // Pins.
  input  logic tck_i,
  input  logic tms_i,
  input  logic tdi_i,
  input  logic trst_ni,
  output logic tdo_o,
  output logic tdo_oe_o,       // TDO is driven: Shift-IR, Shift-DR

  // The instructions' other data registers: pulses, at most one a cycle.
  output logic test_reset_o,   // level: Test-Logic-Reset
  output ir_e  ir_o,
  output logic capture_o,
  output logic shift_o,        // take tdi_o
  output logic update_o,
  output logic tdi_o,
  input  logic dr_i,           // lowest bit of the register that ir_o selects

  output logic idle_o          // nothing changes until tck_i or trst_ni does
);

  typedef enum logic [3:0] {
    StReset, StIdle,
    StSelectDr, StCaptureDr, StShiftDr, StExit1Dr, StPauseDr, StExit2Dr, StUpdateDr,
    StSelectIr, StCaptureIr, StShiftIr, StExit1Ir, StPauseIr, StExit2Ir, StUpdateIr
  } state_e;

  // ---------------------------------------------------------------- pins
  logic [2:0] tck_q;            // [0] newest; [2] is for the edges
  logic [1:0] tms_q, tdi_q, trst_nq;
  logic       rise, fall;

  always_ff @(posedge clk_i) begin
    tck_q   <= {tck_q[1:0], tck_i};
    tms_q   <= {tms_q[0], tms_i};
    tdi_q   <= {tdi_q[0], tdi_i};
    trst_nq <= {trst_nq[0], trst_ni};
  end
  assign rise = tck_q[1] && !tck_q[2];
  assign fall = !tck_q[1] && tck_q[2];

  // ---------------------------------------------------------------- states
  state_e state_q, state_d;

  always_comb begin
    unique case (state_q)
      StReset:     state_d = tms_q[1] ? StReset : StIdle;
      StIdle:      state_d = tms_q[1] ? StSelectDr : StIdle;
      StSelectDr:  state_d = tms_q[1] ? StSelectIr : StCaptureDr;
      StCaptureDr: state_d = tms_q[1] ? StExit1Dr : StShiftDr;
      StShiftDr:   state_d = tms_q[1] ? StExit1Dr : StShiftDr;
      StExit1Dr:   state_d = tms_q[1] ? StUpdateDr : StPauseDr;
      StPauseDr:   state_d = tms_q[1] ? StExit2Dr : StPauseDr;
      StExit2Dr:   state_d = tms_q[1] ? StUpdateDr : StShiftDr;
      StUpdateDr:  state_d = tms_q[1] ? StSelectDr : StIdle;
      StSelectIr:  state_d = tms_q[1] ? StReset : StCaptureIr;
      StCaptureIr: state_d = tms_q[1] ? StExit1Ir : StShiftIr;
      StShiftIr:   state_d = tms_q[1] ? StExit1Ir : StShiftIr;
      StExit1Ir:   state_d = tms_q[1] ? StUpdateIr : StPauseIr;
      StPauseIr:   state_d = tms_q[1] ? StExit2Ir : StPauseIr;
      StExit2Ir:   state_d = tms_q[1] ? StUpdateIr : StShiftIr;
      default:     state_d = tms_q[1] ? StSelectDr : StIdle;  // StUpdateIr
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || !trst_nq[1]) state_q <= StReset;
    else if (rise) state_q <= state_d;
  end

  // ---------------------------------------------------------------- instruction, IDCODE, BYPASS
  logic [IrWidth-1:0] ir_q, ir_shift_q;
  logic [31:0]        idcode_q;
  logic               bypass_q;

  always_ff @(posedge clk_i) begin
    if (state_q == StReset) ir_q <= IrIdcode;
    else if (fall && state_q == StUpdateIr) ir_q <= ir_shift_q;
  end

  always_ff @(posedge clk_i) begin
    if (rise) begin
      unique case (state_q)
        StCaptureIr: ir_shift_q <= 5'b00001;
        StShiftIr:   ir_shift_q <= {tdi_q[1], ir_shift_q[IrWidth-1:1]};
        StCaptureDr: begin
          idcode_q <= Idcode;
          bypass_q <= 1'b0;
        end
        StShiftDr: begin
          idcode_q <= {tdi_q[1], idcode_q[31:1]};
          bypass_q <= tdi_q[1];
        end
        default: ;
      endcase
    end
  end

  assign test_reset_o = state_q == StReset;
  assign ir_o         = ir_e'(ir_q);
  assign capture_o    = rise && state_q == StCaptureDr;
  assign shift_o      = rise && state_q == StShiftDr;
  assign update_o     = fall && state_q == StUpdateDr;
  assign tdi_o        = tdi_q[1];

  // ---------------------------------------------------------------- TDO, with the falling edge
  logic tdo_q, tdo_oe_q, tdo;

  always_comb begin
    unique case (ir_q)
      IrIdcode:       tdo = idcode_q[0];
      IrDtmcs, IrDmi: tdo = dr_i;
      default:        tdo = bypass_q;
    endcase
    if (state_q == StShiftIr) tdo = ir_shift_q[0];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || !trst_nq[1]) tdo_oe_q <= 1'b0;
    else if (fall) tdo_oe_q <= state_q == StShiftIr || state_q == StShiftDr;
    if (fall) tdo_q <= tdo;
  end
  assign tdo_o    = tdo_q;
  assign tdo_oe_o = tdo_oe_q;

  assign idle_o = tck_q == {3{tck_i}} && trst_nq == {2{trst_ni}};

endmodule
