// SPDX-License-Identifier: Apache-2.0
/// JTAG port and debug module of the chip, with the way into the chip that they share with the host port.
///
/// *Latency, throughput:* see the parts. *Backpressure:* none towards the pins: a debugger that does not wait is told so.
/// *Reset:* test access port in Test-Logic-Reset, debug module not active.
module tsr_debug
  import tsr_debug_pkg::*;
  import tsr_tile_pkg::ni_req_t;
  import tsr_tile_pkg::ni_rsp_t;
#(
  parameter int unsigned TimeoutLog2 = 20,    ///< log2 of the cycles that an access waits for the network, 4..31
  parameter logic [4:0]  Slot        = 5'd31  ///< lower bits of the debug module's network tags
) (
  input  logic           clk_i,
  input  logic           rst_ni,

  // Pins.
  input  logic           jtag_tck_i,
  input  logic           jtag_tms_i,
  input  logic           jtag_tdi_i,
  input  logic           jtag_trst_ni,
  output logic           jtag_tdo_o,
  output logic           jtag_tdo_oe_o,

  // The chip.
  input  logic           lock_i,       // debug is locked
  input  logic [63:0]    tiles_i,      // node y * 8 + x has a tile
  input  logic [63:0]    dead_i,       // ... which must not be used
  input  tsr_pkg::node_t ctl_i,

  // The host port's requests and responses, which pass through.
  input  logic           host_valid_i,
  output logic           host_ready_o,
  input  ni_req_t        host_req_i,
  output logic           host_rsp_valid_o,
  input  logic           host_rsp_ready_i,

  // Network interface.
  output logic           ni_valid_o,
  input  logic           ni_ready_i,
  output ni_req_t        ni_req_o,
  input  logic           ni_rsp_valid_i,
  output logic           ni_rsp_ready_o,
  input  ni_rsp_t        ni_rsp_i,

  output logic           idle_o        // nothing changes until TCK, TRST, host_valid_i or ni_rsp_valid_i does
);

  logic        test_reset, capture, shift, update, tdi, dr;
  logic        tap_idle, dtm_idle, dm_idle, way_idle;
  ir_e         ir;
  logic        dmi_valid, dmi_ready, dmi_rsp_valid;
  dmi_req_t    dmi_req;
  logic [31:0] dmi_rdata;
  logic        port_valid, port_ready, port_rsp_valid;
  port_req_t   port_req;
  port_rsp_t   port_rsp;

  tsr_jtag_tap u_tap (
    .clk_i, .rst_ni,
    .tck_i(jtag_tck_i), .tms_i(jtag_tms_i), .tdi_i(jtag_tdi_i), .trst_ni(jtag_trst_ni),
    .tdo_o(jtag_tdo_o), .tdo_oe_o(jtag_tdo_oe_o),
    .test_reset_o(test_reset), .ir_o(ir), .capture_o(capture), .shift_o(shift), .update_o(update),
    .tdi_o(tdi), .dr_i(dr), .idle_o(tap_idle)
  );

  tsr_dtm u_dtm (
    .clk_i, .rst_ni,
    .test_reset_i(test_reset), .ir_i(ir), .capture_i(capture), .shift_i(shift), .update_i(update),
    .tdi_i(tdi), .dr_o(dr),
    .req_valid_o(dmi_valid), .req_ready_i(dmi_ready), .req_o(dmi_req),
    .rsp_valid_i(dmi_rsp_valid), .rsp_rdata_i(dmi_rdata), .idle_o(dtm_idle)
  );

  tsr_dm u_dm (
    .clk_i, .rst_ni, .lock_i, .tiles_i, .dead_i, .ctl_i,
    .dmi_valid_i(dmi_valid), .dmi_ready_o(dmi_ready), .dmi_req_i(dmi_req),
    .dmi_rsp_valid_o(dmi_rsp_valid), .dmi_rdata_o(dmi_rdata),
    .port_valid_o(port_valid), .port_ready_i(port_ready), .port_req_o(port_req),
    .port_rsp_valid_i(port_rsp_valid), .port_rsp_i(port_rsp), .idle_o(dm_idle)
  );

  tsr_dm_port #(.TimeoutLog2(TimeoutLog2), .Slot(Slot)) u_port (
    .clk_i, .rst_ni,
    .valid_i(port_valid), .ready_o(port_ready), .req_i(port_req),
    .rsp_valid_o(port_rsp_valid), .rsp_o(port_rsp),
    .host_valid_i, .host_ready_o, .host_req_i, .host_rsp_valid_o, .host_rsp_ready_i,
    .ni_valid_o, .ni_ready_i, .ni_req_o, .ni_rsp_valid_i, .ni_rsp_ready_o, .ni_rsp_i,
    .idle_o(way_idle)
  );

  assign idle_o = tap_idle && dtm_idle && dm_idle && way_idle;

endmodule
