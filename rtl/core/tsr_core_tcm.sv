// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"
/// Instruction and data TCM with their arbitration between back door, loads/stores and fetch.
///
/// *Latency*: data one cycle after the grant, on every port.
/// *Backpressure*: the back door wins, but not in two cycles in a row while the core may want a
///   TCM, so the core loses at most one cycle at a time; loads/stores win over fetch in the ITCM.
/// *Throughput*: one access a cycle and TCM. *Reset*: control only, the content survives.
module tsr_core_tcm #(
  parameter int unsigned ItcmBytes = 65536,  ///< power of two, 8..65536
  parameter int unsigned DtcmBytes = 65536   ///< power of two, 8..65536
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        core_quiet_i,  // the core will not access a TCM in this cycle
  // Instruction fetch
  input  logic        fetch_req_i,
  input  logic [15:0] fetch_addr_i,
  output logic        fetch_gnt_o,
  // Loads and stores; sel: 0 ITCM, 1 DTCM
  input  logic        data_req_i,
  input  logic        data_sel_i,
  input  logic        data_write_i,
  input  logic [15:0] data_addr_i,
  input  logic [31:0] data_wdata_i,
  input  logic [3:0]  data_strb_i,
  output logic        data_gnt_o,
  // Back door
  input  logic        tcm_valid_i,
  output logic        tcm_ready_o,
  input  logic        tcm_write_i,
  input  logic [16:0] tcm_addr_i,
  input  logic [31:0] tcm_wdata_i,
  input  logic [3:0]  tcm_strb_i,
  output logic        tcm_rvalid_o,
  output logic [31:0] tcm_rdata_o,
  // Read data of both memories
  output logic [31:0] itcm_rdata_o,
  output logic [31:0] dtcm_rdata_o
);

  // ------------------------------------------------------------ integration checks

  `TSR_STATIC_ASSERT(ItcmSize, ItcmBytes >= 8 && ItcmBytes <= 65536)
  `TSR_STATIC_ASSERT(DtcmSize, DtcmBytes >= 8 && DtcmBytes <= 65536)
  `TSR_STATIC_ASSERT(ItcmPowerOfTwo, (ItcmBytes & (ItcmBytes - 1)) == 0)
  `TSR_STATIC_ASSERT(DtcmPowerOfTwo, (DtcmBytes & (DtcmBytes - 1)) == 0)

`ifndef TSR_ASSERT_OFF
  logic        door_held_q;  // a back-door request waits: it must stay as it is
  logic [16:0] door_addr_q;
  always_ff @(posedge clk_i) begin
    door_held_q <= rst_ni && tcm_valid_i && !tcm_ready_o;
    door_addr_q <= tcm_addr_i;
  end
`endif
  `TSR_ASSUME(BackDoorHeld, !door_held_q || (tcm_valid_i && tcm_addr_i == door_addr_q))

  // ------------------------------------------------------------ implementation

  localparam int unsigned ItcmAw = $clog2(ItcmBytes);
  localparam int unsigned DtcmAw = $clog2(DtcmBytes);

  logic door_q, door_sel_q;  // back-door access in the cycle before
  logic door, door_i, door_d, data_i, data_d, fetch;

  assign tcm_ready_o = core_quiet_i || !door_q;
  assign door        = tcm_valid_i && tcm_ready_o;
  assign door_i      = door && !tcm_addr_i[16];
  assign door_d      = door && tcm_addr_i[16];
  assign data_gnt_o  = data_sel_i ? !door_d : !door_i;
  assign data_i      = data_req_i && !data_sel_i && !door_i;
  assign data_d      = data_req_i && data_sel_i && !door_d;
  assign fetch_gnt_o = !door_i && !(data_req_i && !data_sel_i);
  assign fetch       = fetch_req_i && fetch_gnt_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) door_q <= 1'b0;
    else door_q <= door;
    if (door) door_sel_q <= tcm_addr_i[16];
  end

  assign tcm_rvalid_o = door_q;
  assign tcm_rdata_o  = door_sel_q ? dtcm_rdata_o : itcm_rdata_o;

  logic [15:0] itcm_addr, dtcm_addr;
  assign itcm_addr = door_i ? tcm_addr_i[15:0] : data_i ? data_addr_i : fetch_addr_i;
  assign dtcm_addr = door_d ? tcm_addr_i[15:0] : data_addr_i;

  tsr_core_ram #(.Bytes(ItcmBytes)) u_itcm (
    .clk_i,
    .en_i    (door_i || data_i || fetch),
    .write_i (door_i ? tcm_write_i : data_i && data_write_i),
    .addr_i  (itcm_addr[ItcmAw-1:2]),
    .wdata_i (door_i ? tcm_wdata_i : data_wdata_i),
    .strb_i  (door_i ? tcm_strb_i : data_strb_i),
    .rdata_o (itcm_rdata_o)
  );

  tsr_core_ram #(.Bytes(DtcmBytes)) u_dtcm (
    .clk_i,
    .en_i    (door_d || data_d),
    .write_i (door_d ? tcm_write_i : data_write_i),
    .addr_i  (dtcm_addr[DtcmAw-1:2]),
    .wdata_i (door_d ? tcm_wdata_i : data_wdata_i),
    .strb_i  (door_d ? tcm_strb_i : data_strb_i),
    .rdata_o (dtcm_rdata_o)
  );

endmodule
