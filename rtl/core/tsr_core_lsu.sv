// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"
/// Load/store unit: alignment and address checks, byte lanes, TCM requests, data-bus master.
///
/// *Latency*: checks and TCM request combinational; bus request from flops the cycle after
/// bus_start_i.
/// *Backpressure*: bus_start_i needs bus_idle_o; the bus request is held until bus_ready_i.
/// *Throughput*: one bus access at a time. *Reset*: no access under way.
module tsr_core_lsu
  import tsr_core_pkg::*;
#(
  parameter int unsigned ItcmBytes = 65536,  ///< power of two, 8..65536
  parameter int unsigned DtcmBytes = 65536   ///< power of two, 8..65536
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  // Access to be checked or made
  input  logic [31:0] addr_i,
  input  logic [1:0]  size_i,        // log2(bytes)
  input  logic        write_i,
  input  logic [31:0] value_i,       // store data, right justified
  output logic        misaligned_o,
  output logic        local_o,       // in the TCMs' 128 KiB
  output logic        fault_o,       // in there, but behind the end of the TCM
  output logic [3:0]  strb_o,
  output logic [31:0] wdata_o,       // in lanes
  // Bus access
  input  logic        bus_start_i,   // make the access above
  output logic        bus_idle_o,    // no access under way
  output logic        bus_done_o,    // the access ends in this cycle
  // Data bus
  output logic        bus_valid_o,
  input  logic        bus_ready_i,
  output logic        bus_write_o,
  output logic [31:0] bus_addr_o,
  output logic [31:0] bus_wdata_o,
  output logic [3:0]  bus_strb_o,
  input  logic        bus_rvalid_i
);

  // ------------------------------------------------------------ implementation

  assign misaligned_o = ((size_i == 2'd1) && addr_i[0])
      || ((size_i == 2'd2) && (addr_i[1:0] != 2'd0));
  assign local_o      = addr_i[31:17] == '0;
  assign fault_o      = local_o && ({16'b0, addr_i[15:0]} >= (addr_i[16] ? DtcmBytes : ItcmBytes));
  assign strb_o       = lanes(size_i, addr_i[1:0]);
  assign wdata_o      = store_data(size_i, addr_i[1:0], value_i);

  logic        valid_q;  // request offered
  logic        wait_q;   // request accepted, response to come
  logic        write_q;
  logic [31:2] addr_q;
  logic [31:0] wdata_q;
  logic [3:0]  strb_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      wait_q  <= 1'b0;
    end else begin
      if (bus_start_i) valid_q <= 1'b1;
      else if (bus_ready_i) valid_q <= 1'b0;
      if (valid_q && bus_ready_i) wait_q <= 1'b1;
      else if (bus_rvalid_i) wait_q <= 1'b0;
    end
    if (bus_start_i) begin
      write_q <= write_i;
      addr_q  <= addr_i[31:2];
      wdata_q <= wdata_o;
      strb_q  <= strb_o;
    end
  end

  assign bus_idle_o  = !valid_q && !wait_q;
  assign bus_done_o  = wait_q && bus_rvalid_i;
  assign bus_valid_o = valid_q;
  assign bus_write_o = write_q;
  assign bus_addr_o  = {addr_q, 2'b0};
  assign bus_wdata_o = wdata_q;
  assign bus_strb_o  = strb_q;

  // ------------------------------------------------------------ implementation checks

  `TSR_ASSERT(OneOutstanding, !bus_start_i || bus_idle_o)
  `TSR_ASSUME(ResponseExpected, !bus_rvalid_i || wait_q)

endmodule
