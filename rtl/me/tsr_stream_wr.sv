// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Stream writer: beats from a FIFO go to the scratchpad accesses of an address generator.
///
/// *Latency:* 1 cycle from a beat to its write request.
/// *Backpressure:* beat_ready_o comes from a register.
/// *Throughput:* one beat a cycle.
/// *Reset:* empties everything.
///
/// The scratchpad must answer each accepted access in the very next cycle.
module tsr_stream_wr
  import tsr_tile_pkg::*;
#(
  /// Beats in the FIFO; 4 hold a whole block of the matrix engine.
  parameter int unsigned Depth = 4
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  /// Begin with this configuration (pulse); only while busy_o is 0.
  input  logic             start_i,
  input  agu_cfg_t         cfg_i,
  /// Accesses are left.
  output logic             busy_o,
  /// Level: swallow beats without writing them.
  input  logic             drop_i,
  /// The response of the run's last access is here in this cycle (or it was dropped).
  output logic             fin_o,

  // Beats; the mask comes from the address generator.
  input  logic             beat_valid_i,
  output logic             beat_ready_o,
  input  logic [7:0][63:0] beat_data_i,

  // Scratchpad port.
  output logic             spm_valid_o,
  input  logic             spm_ready_i,
  output spm_req_t         spm_req_o,
  input  logic             spm_rsp_valid_i,
  input  spm_rsp_t         spm_rsp_i,

  /// Pulse: an access left the scratchpad; err_addr_o is its base.
  output logic             err_o,
  output spm_addr_t        err_addr_o
);

  localparam int unsigned CountW = tsr_pkg::idx_width(Depth + 1);

  logic             agu_busy, agu_fin, step, valid;
  spm_addr_t        base, pitch;
  logic [1:0]       w_log2;
  logic [63:0]      strb;
  logic [5:0]       unused_last;
  logic [CountW-1:0] unused_count;
  logic [7:0][63:0] data;
  logic             dropping, offered_q, pending_q, fin_q;
  spm_addr_t        pending_base_q;

  tsr_fifo #(.Width(512), .Depth(Depth)) u_fifo (
    .clk_i, .rst_ni, .clr_i(1'b0),
    .in_valid_i(beat_valid_i), .in_ready_o(beat_ready_o), .in_data_i(beat_data_i),
    .out_valid_o(valid), .out_ready_i(step), .out_data_o(data), .count_o(unused_count)
  );

  tsr_agu u_agu (
    .clk_i, .rst_ni, .start_i, .cfg_i,
    .busy_o(agu_busy), .ready_i(step),
    .base_o(base), .pitch_o(pitch), .w_log2_o(w_log2), .strb_o(strb), .last_o(unused_last), .fin_o(agu_fin)
  );

  // A request that was offered stays, even if drop_i rises meanwhile.
  assign dropping    = drop_i && !offered_q;
  assign spm_valid_o = valid && agu_busy && !dropping;
  assign step        = valid && agu_busy && (dropping || spm_ready_i);
  assign spm_req_o   = '{write: 1'b1, w_log2: w_log2, base: base, pitch: pitch, strb: strb, wdata: data};

  always_ff @(posedge clk_i) begin
    if (step) pending_base_q <= base;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      offered_q <= 1'b0;
      pending_q <= 1'b0;
      fin_q     <= 1'b0;
    end else begin
      offered_q <= spm_valid_o && !spm_ready_i;
      pending_q <= spm_valid_o && spm_ready_i;
      fin_q     <= step && agu_fin;
    end
  end

  assign busy_o     = agu_busy;
  assign fin_o      = fin_q;
  assign err_o      = spm_rsp_valid_i && spm_rsp_i.err;
  assign err_addr_o = pending_base_q;

  // ---------------------------------------------------------------- integration checks
  `TSR_ASSUME(ResponseNextCycle, spm_rsp_valid_i == pending_q)

endmodule
