// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// The host's memory-mapped port into the chip: turns its reads and writes into network requests.
///
/// *Latency:* a request is offered to the network 2 cycles after host_req_valid_i; a response leaves
/// 1 cycle after it was taken from the network.
/// *Backpressure:* the host holds HostDepth credits and gets one back for every request that left the
/// queue; it always takes responses. req_valid_o and req_o hold until req_ready_i.
/// *Throughput:* one request and one response a cycle; Slots requests outstanding.
/// *Reset:* queue empty, nothing outstanding; the host starts with HostDepth credits.
/// Every request gets exactly one response. Requests of wrong shape get ErrUnsupported without reaching the
/// network; a request that the network does not answer gets ErrTimeout after 1 to 2 times TimeoutCycles,
/// and its late response is dropped.
module tsr_hostport
  import tsr_ctl_pkg::*;
  import tsr_pkg::*;
#(
  /// log2 of the timeout in cycles, 4..40.
  parameter int unsigned TimeoutLog2 = 20,
  /// Requests outstanding in the network, 2..32.
  parameter int unsigned Slots = 32
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic [63:0]            now_i,            // cycle count of the chip

  // Host side: outputs from flops.
  input  logic                   host_req_valid_i,
  input  host_req_t              host_req_i,
  output logic                   host_credit_o,    // pulse: one request left the queue
  output logic                   host_rsp_valid_o,
  output host_rsp_t              host_rsp_o,

  // Chip side: requests (Read, Write) and their responses.
  output logic                   req_valid_o,
  input  logic                   req_ready_i,
  output tsr_tile_pkg::ni_req_t  req_o,
  input  logic                   rsp_valid_i,
  output logic                   rsp_ready_o,
  input  tsr_tile_pkg::ni_rsp_t  rsp_i,

  output logic                   idle_o            // nothing changes until an input valid
);

  `TSR_STATIC_ASSERT(SlotsLegal, Slots >= 2 && Slots <= 32)
  `TSR_STATIC_ASSERT(TimeoutLegal, TimeoutLog2 >= 4 && TimeoutLog2 <= 40)

  // ---------------------------------------------------------------- request queue
  logic      q_valid, q_ready, in_ready;
  host_req_t q;
  logic [3:0] q_count;

  tsr_fifo #(.Depth(HostDepth), .T(host_req_t)) u_queue (
    .clk_i, .rst_ni, .clr_i(1'b0),
    .in_valid_i(host_req_valid_i), .in_ready_o(in_ready), .in_data_i(host_req_i),
    .out_valid_o(q_valid), .out_ready_i(q_ready), .out_data_o(q),
    .count_o(q_count)
  );
  `TSR_ASSUME(HostKeepsCredits, !host_req_valid_i || in_ready)

  logic malformed;
  always_comb begin
    malformed = 1'b0;
    if (q_valid) begin
      if (q.write) malformed = q.addr[5:0] != '0;
      else malformed = (q.strb[8:0] == '0) || ({4'b0, q.addr[5:0]} + {1'b0, q.strb[8:0]} > 10'd64);
    end
  end

  // ---------------------------------------------------------------- slots
  // The network tag is {generation, slot}: a response of an older generation belongs to a request that timed out.
  logic [31:0]      busy_q, old_q, late_q, gen_q;  // late: timed out, its response to the host is due
  logic [31:0][5:0] tag_q;
  logic             slot_free, late_any;
  logic [4:0]       slot, late_slot;

  always_comb begin
    slot_free = 1'b0;
    slot      = '0;
    if (q_valid) begin
      for (int unsigned i = 0; i < Slots; i++) begin
        if (!slot_free && !busy_q[i]) begin
          slot_free = 1'b1;
          slot      = 5'(i);
        end
      end
    end
  end
  always_comb begin
    late_any  = 1'b0;
    late_slot = '0;
    if (late_q != '0) begin
      late_any = 1'b1;
      for (int unsigned i = 0; i < Slots; i++) if (late_q[i]) late_slot = 5'(i);
    end
  end

  // ---------------------------------------------------------------- requests, through an output register
  logic                  out_valid_q, out_load, own_err, own_done;
  tsr_tile_pkg::ni_req_t out_q;

  assign out_load = q_valid && !malformed && slot_free && (!out_valid_q || req_ready_i);
  assign own_err  = q_valid && malformed && !late_any;  // answered at once
  assign own_done = own_err || late_any;
  assign q_ready  = out_load || own_err;

  always_ff @(posedge clk_i) begin
    if (out_load) begin
      out_q.pad   <= '0;
      out_q.kind  <= q.write ? KindWrite : KindRead;
      out_q.amo   <= AmoAdd;
      out_q.mcast <= 1'b0;
      out_q.spread <= 1'b0;
      out_q.rect  <= '0;
      out_q.addr  <= q.addr;
      out_q.strb  <= q.write ? q.strb : {55'b0, q.strb[8:0]};
      out_q.doff  <= '0;
      out_q.tag   <= {gen_q[slot], slot};
      out_q.data  <= q.data;
      tag_q[slot] <= q.tag;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) out_valid_q <= 1'b0;
    else if (out_load) out_valid_q <= 1'b1;
    else if (req_ready_i) out_valid_q <= 1'b0;
  end
  assign req_valid_o = out_valid_q;
  assign req_o       = out_q;

  // ---------------------------------------------------------------- responses
  logic       rsp_take, rsp_match;
  logic [4:0] rsp_slot;

  assign rsp_slot    = rsp_i.tag[4:0];
  assign rsp_ready_o = !own_done;
  assign rsp_take    = rsp_valid_i && rsp_ready_o;
  assign rsp_match   = rsp_take && busy_q[rsp_slot] && (gen_q[rsp_slot] == rsp_i.tag[5]);

  // Time is cut into intervals of TimeoutCycles; a request that was already outstanding when the interval
  // began and still is when it ends has timed out. One that waits for the network to take it has not.
  logic interval_q, tick;
  assign tick = (busy_q != '0) && (interval_q != now_i[TimeoutLog2]);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= '0;
      old_q  <= '0;
      late_q <= '0;
      gen_q  <= '0;
    end else begin
      if (busy_q != '0 || out_load) begin
        for (int unsigned i = 0; i < Slots; i++) begin
          if (tick && busy_q[i] && !(out_valid_q && (out_q.tag[4:0] == 5'(i)))) begin
            old_q[i]  <= 1'b1;
            late_q[i] <= old_q[i];
          end
          if ((rsp_match && (rsp_slot == 5'(i))) || (late_any && (late_slot == 5'(i)))) begin
            busy_q[i] <= 1'b0;
            old_q[i]  <= 1'b0;
            late_q[i] <= 1'b0;
          end
          if (late_any && (late_slot == 5'(i))) gen_q[i] <= !gen_q[i];
          if (out_load && (slot == 5'(i))) begin
            busy_q[i] <= 1'b1;
            old_q[i]  <= 1'b0;
          end
        end
      end
    end
  end
  always_ff @(posedge clk_i) interval_q <= now_i[TimeoutLog2];

  logic      host_rsp_valid_q, credit_q;
  host_rsp_t host_rsp_q;

  always_ff @(posedge clk_i) begin
    if (late_any) begin
      host_rsp_q.tag <= tag_q[late_slot];
      host_rsp_q.err <= ErrTimeout;
    end else if (own_err) begin
      host_rsp_q.tag <= q.tag;
      host_rsp_q.err <= ErrUnsupported;
    end else if (rsp_match) begin
      host_rsp_q.tag  <= tag_q[rsp_slot];
      host_rsp_q.err  <= (rsp_i.kind == KindErrRsp) ? rsp_i.err : rsp_i.poison ? ErrPoison : ErrNone;
      host_rsp_q.data <= rsp_i.data;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      host_rsp_valid_q <= 1'b0;
      credit_q         <= 1'b0;
    end else begin
      host_rsp_valid_q <= own_done || rsp_match;
      credit_q         <= q_ready;
    end
  end
  assign host_rsp_valid_o = host_rsp_valid_q;
  assign host_rsp_o       = host_rsp_q;
  assign host_credit_o    = credit_q;

  assign idle_o = (q_count == '0) && !host_req_valid_i && (busy_q == '0) && !rsp_valid_i &&
                  !host_rsp_valid_q && !credit_q && !out_valid_q;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(NoResponseWithoutRequest, !rsp_match || busy_q[rsp_slot])
  `TSR_ASSERT(RequestHasSlot, !out_valid_q || busy_q[out_q.tag[4:0]])

endmodule
