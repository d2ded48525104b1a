// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Debug transport module: the data registers DTMCS and DMI of the test access port, and the accesses of the debug
/// module that they make (RISC-V External Debug Specification 0.13.2, chapter 6).
///
/// *Latency:* an access is offered in the cycle after update_i. *Backpressure:* req_valid_o holds until req_ready_i.
/// A scan of DMI that comes before the answer reads and sets the sticky "busy" error, and its access is dropped.
/// *Throughput:* one access at a time. *Reset:* none under way, no error; so does Test-Logic-Reset, after which
/// the answer to an access under way is dropped.
module tsr_dtm
  import tsr_debug_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,

  // From the test access port.
  input  logic        test_reset_i,
  input  ir_e         ir_i,
  input  logic        capture_i,
  input  logic        shift_i,
  input  logic        update_i,
  input  logic        tdi_i,
  output logic        dr_o,

  // Debug module: one answer for each accepted access.
  output logic        req_valid_o,
  input  logic        req_ready_i,
  output dmi_req_t    req_o,
  input  logic        rsp_valid_i,
  input  logic [31:0] rsp_rdata_i,

  output logic        idle_o
);

  logic [DmiBits-1:0] shift_q;
  dmi_t               dmi_in;
  dtmcs_t             dtmcs_in, dtmcs_out;
  logic               dmi_sel, dtmcs_sel;
  logic               busy_q, sent_q, void_q, sticky_q;
  dmi_req_t           req_q;
  logic [31:0]        data_q;
  logic               start, forget;

  assign dmi_sel   = ir_i == IrDmi;
  assign dtmcs_sel = ir_i == IrDtmcs;
  assign dmi_in    = shift_q;
  assign dtmcs_in  = shift_q[31:0];

  always_comb begin
    dtmcs_out         = '0;
    dtmcs_out.idle    = 3'd7;
    dtmcs_out.stat    = {2{sticky_q}};
    dtmcs_out.abits   = 6'(AddrBits);
    dtmcs_out.version = 4'd1;
  end

  always_ff @(posedge clk_i) begin
    if (capture_i) begin
      if (dtmcs_sel) shift_q <= {9'b0, dtmcs_out};
      else shift_q <= {req_q.addr, data_q, {2{sticky_q || busy_q}}};
    end else if (shift_i) begin
      shift_q <= {tdi_i, shift_q[DmiBits-1:1]};
      if (dtmcs_sel) shift_q[31] <= tdi_i;
    end
  end
  assign dr_o = shift_q[0];

  assign start  = update_i && dmi_sel && !busy_q && !sticky_q && (dmi_in.op == DmiRead || dmi_in.op == DmiWrite);
  assign forget = test_reset_i || (update_i && dtmcs_sel && dtmcs_in.hardreset);

  always_ff @(posedge clk_i) begin
    if (start) req_q <= '{write: dmi_in.op == DmiWrite, addr: dmi_in.addr, wdata: dmi_in.data};
    if (rsp_valid_i && !void_q && !req_q.write) data_q <= rsp_rdata_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q   <= 1'b0;
      sent_q   <= 1'b0;
      void_q   <= 1'b0;
      sticky_q <= 1'b0;
    end else begin
      if (start) begin
        busy_q <= 1'b1;
        sent_q <= 1'b0;
        void_q <= 1'b0;
      end else if (busy_q) begin
        if (req_ready_i) sent_q <= 1'b1;
        if (rsp_valid_i) busy_q <= 1'b0;
        if (forget) void_q <= 1'b1;
      end
      if (dmi_sel && busy_q && (capture_i || (update_i && dmi_in.op != DmiNop))) sticky_q <= 1'b1;
      if (forget || (update_i && dtmcs_sel && dtmcs_in.reset)) sticky_q <= 1'b0;
    end
  end

  assign req_valid_o = busy_q && !sent_q;
  assign req_o       = req_q;
  assign idle_o      = !busy_q;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(AnswersOnlyWhenAsked, !rsp_valid_i || (busy_q && sent_q))

endmodule
