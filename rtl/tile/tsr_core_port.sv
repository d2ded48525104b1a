// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Data port of the core beyond its TCMs: sends each access to the local bus, the node's own scratchpad
/// or, through one of eight windows, to any global address.
///
/// Latency: local bus 3 cycles, scratchpad 2 when free, global one network round trip.
/// Backpressure: one access at a time.
/// Reset: control state only.
///
/// A window access that gets an error response, or none within 2^TimeoutLog2 cycles, ends with an error.
module tsr_core_port
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter int unsigned SpmBytes    = 262144,  // scratchpad size
  parameter int unsigned TimeoutLog2 = 20       // log2 of the cycles until a window access fails, 4..31
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic [7:0][27:0] win_base_i,     // global address [55:28] of window i

  // Core.
  input  logic             bus_valid_i,
  output logic             bus_ready_o,
  input  logic             bus_write_i,
  input  logic [31:0]      bus_addr_i,
  input  logic [31:0]      bus_wdata_i,
  input  logic [3:0]       bus_strb_i,
  output logic             bus_rvalid_o,
  output logic [31:0]      bus_rdata_o,
  output logic             bus_err_o,

  // Local bus.
  output logic             word_valid_o,
  input  logic             word_ready_i,
  output logic             word_write_o,
  output logic [31:0]      word_addr_o,
  output logic [31:0]      word_wdata_o,
  output logic [3:0]       word_strb_o,
  input  logic             word_rsp_valid_i,
  input  logic [31:0]      word_rdata_i,
  input  err_e             word_err_i,

  // Scratchpad.
  output logic             spm_valid_o,
  input  logic             spm_ready_i,
  output spm_req_t         spm_req_o,
  input  logic             spm_rsp_valid_i,
  input  spm_rsp_t         spm_rsp_i,

  // Network.
  output logic             ni_valid_o,
  input  logic             ni_ready_i,
  output ni_req_t          ni_req_o,
  input  logic             ni_rsp_valid_i,
  input  ni_rsp_t          ni_rsp_i,

  output logic             idle_o
);

  localparam logic [31:0] SpmEnd = SpmBase + SpmBytes;

  typedef enum logic [2:0] { StFree, StWord, StSpm, StNet, StBad } where_e;

  where_e      where_q, target;
  logic        sent_q, write_q;
  logic [31:0] addr_q, wdata_q;
  logic [3:0]  strb_q;
  logic [4:0]  tag_q;    // bit 5 of the network's tag is zero: the other half is the atomic unit's
  logic [TimeoutLog2:0] wait_q;   // cycles since the request left
  logic        done, timeout, net_done;

  always_comb begin
    if (bus_addr_i[31]) target = StNet;
    else if (bus_addr_i[31:24] == '0) target = StWord;
    else if (bus_addr_i >= SpmBase && bus_addr_i < SpmEnd) target = StSpm;
    else target = StBad;
  end

  assign bus_ready_o = where_q == StFree;
  assign timeout     = where_q == StNet && wait_q[TimeoutLog2];
  assign net_done    = where_q == StNet && sent_q && ni_rsp_valid_i && ni_rsp_i.tag == {1'b0, tag_q};

  always_comb begin
    unique case (where_q)
      StWord:  done = word_rsp_valid_i;
      StSpm:   done = spm_rsp_valid_i;
      StNet:   done = net_done || timeout;
      StBad:   done = 1'b1;
      default: done = 1'b0;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (bus_valid_i && bus_ready_o) begin
      write_q <= bus_write_i;
      addr_q  <= bus_addr_i;
      wdata_q <= bus_wdata_i;
      strb_q  <= bus_strb_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      where_q <= StFree;
      sent_q  <= 1'b0;
      tag_q   <= '0;
      wait_q  <= '0;
    end else if (where_q == StFree) begin
      if (bus_valid_i) begin
        where_q <= target;
        sent_q  <= 1'b0;
        wait_q  <= '0;
        tag_q   <= tag_q + 5'd1;
      end
    end else begin
      if ((word_valid_o && word_ready_i) || (spm_valid_o && spm_ready_i) ||
          (ni_valid_o && ni_ready_i)) begin
        sent_q <= 1'b1;
      end
      if (where_q == StNet && sent_q) wait_q <= wait_q + 1'b1;
      if (done) where_q <= StFree;
    end
  end

  // ---------------------------------------------------------------- requests
  assign word_valid_o = where_q == StWord && !sent_q;
  assign word_write_o = write_q;
  assign word_addr_o  = {addr_q[31:2], 2'b00};
  assign word_wdata_o = wdata_q;
  assign word_strb_o  = strb_q;

  assign spm_valid_o = where_q == StSpm && !sent_q;

  always_comb begin
    spm_req_o = '0;
    if (where_q == StSpm) begin
      spm_req_o.write    = write_q;
      spm_req_o.w_log2   = 2'd3;
      spm_req_o.pitch    = 22'd64;
      spm_req_o.base     = {addr_q[21:3], 3'b0} - {SpmBase[21:3], 3'b0};
      spm_req_o.strb     = addr_q[2] ? {56'b0, strb_q, 4'b0} : {60'b0, strb_q};
      spm_req_o.wdata[0] = {wdata_q, wdata_q};
    end
  end

  assign ni_valid_o = where_q == StNet && !sent_q;

  always_comb begin
    ni_req_o = '0;
    if (where_q == StNet) begin
      ni_req_o.kind = write_q ? KindWrite : KindRead;
      ni_req_o.addr = {win_base_i[addr_q[30:28]], addr_q[27:2], 2'b00};
      ni_req_o.strb = 64'd4;
      ni_req_o.tag  = {1'b0, tag_q};
      if (write_q) begin
        ni_req_o.addr[5:0] = '0;
        ni_req_o.strb      = {60'b0, strb_q} << {addr_q[5:2], 2'b00};
        ni_req_o.data      = {16{wdata_q}};
      end
    end
  end

  // ---------------------------------------------------------------- answer
  logic [63:0] net_lane;
  assign net_lane = ni_rsp_i.data[addr_q[5:3]];

  assign bus_rvalid_o = done;
  always_comb begin
    bus_rdata_o = word_rdata_i;
    bus_err_o   = word_err_i != ErrNone;
    unique case (where_q)
      StSpm: begin
        bus_rdata_o = addr_q[2] ? spm_rsp_i.rdata[0][63:32] : spm_rsp_i.rdata[0][31:0];
        bus_err_o   = spm_rsp_i.err;
      end
      StNet: begin
        bus_rdata_o = addr_q[2] ? net_lane[63:32] : net_lane[31:0];
        bus_err_o   = !net_done || ni_rsp_i.kind == KindErrRsp || ni_rsp_i.poison;
      end
      StBad:   bus_err_o = 1'b1;
      default: ;
    endcase
  end

  assign idle_o = where_q == StFree;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(AnswersOnlyWhenAsked, !bus_rvalid_o || where_q != StFree)

endmodule
