// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Atomics of the core, started through registers: one at a time, to any global address. Joins them with the
/// core port's accesses onto one initiator of the network interface.
///
/// Latency: a request is offered in the cycle after start_i; the result stands in the cycle after the response.
/// Backpressure: an offered request waits; whoever is offered stays until it is taken.
/// Reset: nothing under way.
///
/// An atomic without a response within 2^TimeoutLog2 cycles ends with ErrTimeout; its response, should it
/// still come, is dropped. Tags with bit 5 set are atomics', the others the core port's.
module tsr_atomic
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter int unsigned TimeoutLog2 = 20  // 4..31
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  // Registers.
  input  logic        start_i,
  input  amo_e        op_i,
  input  addr_t       addr_i,
  input  logic [31:0] operand_i,
  input  logic [31:0] expected_i,
  output logic        start_err_o,   // same cycle: not started
  output logic        busy_o,
  output err_e        err_o,
  output logic [31:0] result_o,

  // The core port's requests.
  input  logic        core_valid_i,
  output logic        core_ready_o,
  input  ni_req_t     core_req_i,

  // Network.
  output logic        ni_valid_o,
  input  logic        ni_ready_i,
  output ni_req_t     ni_req_o,
  input  logic        ni_rsp_valid_i,
  input  ni_rsp_t     ni_rsp_i
);

  `TSR_STATIC_ASSERT(TimeoutLegal, TimeoutLog2 >= 4 && TimeoutLog2 <= 31)

  logic                 busy_q, sent_q;
  amo_e                 op_q;
  addr_t                addr_q;
  logic [31:0]          operand_q, expected_q, result_q;
  err_e                 err_q;
  logic [4:0]           tag_q;
  logic [TimeoutLog2:0] wait_q;      // cycles since the request left
  logic                 start, send, hit;
  logic [63:0]          lane;

  assign start_err_o = start_i && (busy_q || op_i > AmoMax);
  assign start       = start_i && !start_err_o;
  assign hit         = busy_q && sent_q && ni_rsp_valid_i && ni_rsp_i.tag == {1'b1, tag_q};
  assign lane        = ni_rsp_i.data[addr_q[5:3]];

  always_ff @(posedge clk_i) begin
    if (start) begin
      op_q       <= op_i;
      addr_q     <= addr_i;
      operand_q  <= operand_i;
      expected_q <= expected_i;
    end
    if (hit) result_q <= addr_q[2] ? lane[63:32] : lane[31:0];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      sent_q <= 1'b0;
      err_q  <= ErrNone;
      tag_q  <= '0;
      wait_q <= '0;
    end else if (!busy_q) begin
      if (start) begin
        busy_q <= 1'b1;
        sent_q <= 1'b0;
        tag_q  <= tag_q + 5'd1;
        wait_q <= '0;
      end
    end else begin
      if (send) sent_q <= 1'b1;
      if (sent_q) wait_q <= wait_q + 1'b1;
      if (hit) begin
        busy_q <= 1'b0;
        if (ni_rsp_i.kind == KindErrRsp) err_q <= ni_rsp_i.err;
        else err_q <= ni_rsp_i.poison ? ErrPoison : ErrNone;
      end else if (wait_q[TimeoutLog2]) begin
        busy_q <= 1'b0;
        err_q  <= ErrTimeout;
      end
    end
  end

  assign busy_o   = busy_q;
  assign err_o    = err_q;
  assign result_o = result_q;

  // ---------------------------------------------------------------- requests
  // Atomics go first: they are one at a time.
  logic    offered_q, offered_own_q, own;
  ni_req_t own_req;

  assign own          = offered_q ? offered_own_q : busy_q && !sent_q;
  assign ni_valid_o   = own || core_valid_i;
  assign send         = own && ni_ready_i;
  assign core_ready_o = !own && ni_ready_i;

  always_ff @(posedge clk_i) begin
    offered_q     <= rst_ni && ni_valid_o && !ni_ready_i;
    offered_own_q <= own;
  end

  always_comb begin
    own_req = '0;
    if (own) begin
      own_req.kind    = KindAtomic;
      own_req.amo     = op_q;
      own_req.addr    = addr_q;
      own_req.tag     = {1'b1, tag_q};
      own_req.data[0] = {expected_q, operand_q};
    end
    ni_req_o = own ? own_req : core_req_i;
  end

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(OwnIsUnderWay, !own || (busy_q && !sent_q))
  `TSR_ASSERT(CoreTagsAreBelow, !core_valid_i || !core_req_i.tag[5])

endmodule
