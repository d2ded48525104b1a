// SPDX-License-Identifier: Apache-2.0

/// Since when a DMA engine's next request has been due: since a place among its requests in flight is free.
///
/// Arbitration by age is fair only if waiting counts wherever it happens. An engine close to a busy memory
/// node gets few requests into the network at a time and waits with the others; one far away has many on the
/// way. So a request is as old as the place that it takes: places become free in the order of answers, and
/// requests take them in this order. A command that meets an idle engine finds all places free since then.
///
/// Latency: birth_o is of the request that is offered in this cycle, from flops or now_i.
/// Reset: no place is free; requests are as old as their offer.
module tsr_ni_birth
  import tsr_pkg::*;
#(
  parameter int unsigned Slots = 32  // requests that the engine has in flight at most; >= 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  age_t now_i,
  input  logic cold_i,   // a command begins, and nothing is in flight
  input  logic free_i,   // a request was answered
  input  logic take_i,   // a request was taken by the network interface
  output age_t birth_o
);

  localparam int unsigned CountW = idx_width(Slots + 1);

  logic [CountW-1:0] fresh_q;  // places free since cold_i and not taken yet
  age_t              since_q, freed;
  logic              freed_valid;

  tsr_fifo #(
    .Depth(Slots),
    .T    (age_t)
  ) u_freed (
    .clk_i, .rst_ni, .clr_i(cold_i),
    .in_valid_i(free_i), .in_ready_o(), .in_data_i(now_i),
    .out_valid_o(freed_valid), .out_ready_i(take_i && fresh_q == '0), .out_data_o(freed),
    .count_o()
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) fresh_q <= '0;
    else if (cold_i) fresh_q <= CountW'(Slots);
    else if (take_i && fresh_q != '0) fresh_q <= fresh_q - 1'b1;
    if (cold_i) since_q <= now_i;
  end

  always_comb begin
    birth_o = now_i;
    if (fresh_q != '0) birth_o = since_q;
    else if (freed_valid) birth_o = freed;
  end

endmodule
