// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// The debug module's way into the chip: one access at a time as a request of the ctl node's network interface. Shares
/// the host port's initiator: tags with Slot in the lower five bits are the debug module's, the others the host port's.
///
/// *Latency:* a request is offered in the cycle after it was taken; the answer leaves in the cycle after the response.
/// *Backpressure:* an offered request waits; whoever is offered stays until it is taken.
/// *Reset:* nothing under way. An access without a response 2^TimeoutLog2 cycles after the network took it ends with an
/// error, and its response, should it still come before the next such end, is dropped.
module tsr_dm_port
  import tsr_debug_pkg::*;
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter int unsigned TimeoutLog2 = 20,  ///< 4..31
  parameter logic [4:0]  Slot        = 5'd31
) (
  input  logic      clk_i,
  input  logic      rst_ni,

  // Debug module: one answer to each accepted access.
  input  logic      valid_i,
  output logic      ready_o,
  input  port_req_t req_i,
  output logic      rsp_valid_o,
  output port_rsp_t rsp_o,

  // The host port's requests and responses.
  input  logic      host_valid_i,
  output logic      host_ready_o,
  input  ni_req_t   host_req_i,
  output logic      host_rsp_valid_o,
  input  logic      host_rsp_ready_i,

  // Network interface.
  output logic      ni_valid_o,
  input  logic      ni_ready_i,
  output ni_req_t   ni_req_o,
  input  logic      ni_rsp_valid_i,
  output logic      ni_rsp_ready_o,
  input  ni_rsp_t   ni_rsp_i,

  output logic      idle_o
);

  `TSR_STATIC_ASSERT(TimeoutLegal, TimeoutLog2 >= 4 && TimeoutLog2 <= 31)

  logic                 busy_q, sent_q, gen_q, rsp_valid_q;
  port_req_t            req_q;
  port_rsp_t            rsp_q;
  logic [TimeoutLog2:0] wait_q;      // cycles since the request left
  logic                 mine, hit, late, send;

  assign ready_o = !busy_q;
  assign mine    = ni_rsp_i.tag[4:0] == Slot;
  assign hit     = busy_q && sent_q && ni_rsp_valid_i && ni_rsp_i.tag == {gen_q, Slot};
  assign late    = wait_q[TimeoutLog2];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q      <= 1'b0;
      sent_q      <= 1'b0;
      gen_q       <= 1'b0;
      rsp_valid_q <= 1'b0;
      wait_q      <= '0;
    end else begin
      rsp_valid_q <= hit || (busy_q && late);
      if (!busy_q) begin
        busy_q <= valid_i;
        sent_q <= 1'b0;
        wait_q <= '0;
      end else begin
        if (send) sent_q <= 1'b1;
        if (sent_q) wait_q <= wait_q + 1'b1;
        if (hit || late) busy_q <= 1'b0;
        if (late && !hit) gen_q <= !gen_q;
      end
    end
  end

  // Words of the response that were asked for.
  logic [3:0]  last_word;
  logic [63:0] first_lane, last_lane;
  assign last_word  = req_q.addr[5:2] + 4'(req_q.words - 5'd1);
  assign first_lane = ni_rsp_i.data[req_q.addr[5:3]];
  assign last_lane  = ni_rsp_i.data[last_word[3:1]];

  always_ff @(posedge clk_i) begin
    if (valid_i && ready_o) req_q <= req_i;
    if (hit) begin
      rsp_q.first <= req_q.addr[2] ? first_lane[63:32] : first_lane[31:0];
      rsp_q.last  <= last_word[0] ? last_lane[63:32] : last_lane[31:0];
    end
    if (hit || late) rsp_q.err <= !hit || ni_rsp_i.kind == KindErrRsp || ni_rsp_i.poison;
  end
  assign rsp_valid_o = rsp_valid_q;
  assign rsp_o       = rsp_q;

  // ---------------------------------------------------------------- requests
  // The debug module's go first: they are one at a time.
  logic    offered_q, offered_own_q, own;
  ni_req_t own_req;

  assign own          = offered_q ? offered_own_q : busy_q && !sent_q;
  assign ni_valid_o   = own || host_valid_i;
  assign send         = own && ni_ready_i;
  assign host_ready_o = !own && ni_ready_i;

  always_ff @(posedge clk_i) begin
    offered_q     <= rst_ni && ni_valid_o && !ni_ready_i;
    offered_own_q <= own;
  end

  always_comb begin
    own_req = '0;
    if (own) begin
      own_req.kind = req_q.write ? KindWrite : KindRead;
      own_req.addr = req_q.addr;
      own_req.strb = {57'b0, req_q.words, 2'b00};
      own_req.tag  = {gen_q, Slot};
      if (req_q.write) begin
        own_req.addr[5:0] = '0;
        own_req.strb      = {60'b0, req_q.strb} << {req_q.addr[5:2], 2'b00};
        own_req.data      = {16{req_q.wdata}};
      end
    end
    ni_req_o = own ? own_req : host_req_i;
  end

  // ---------------------------------------------------------------- responses
  assign host_rsp_valid_o = ni_rsp_valid_i && !mine;
  assign ni_rsp_ready_o   = mine || host_rsp_ready_i;

  assign idle_o = !busy_q && !rsp_valid_q && !offered_q;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(OwnIsUnderWay, !own || (busy_q && !sent_q))
  `TSR_ASSERT(HostTagsAreOthers, !host_valid_i || host_req_i.tag[4:0] != Slot)

endmodule
