// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Stream writer: beats from a FIFO go to the scratchpad accesses of an address generator. Beats carry no
/// tags: the generator's runs take them in order, each as many as it has accesses.
///
/// *Latency:* 1 cycle from a beat to its write request, if its access is offered; that comes 2 cycles after
/// the start of an idle writer.
/// *Backpressure:* beat_ready_o and start_ready_o come from registers.
/// *Throughput:* one beat a cycle, across runs too.
/// *Reset:* empties everything.
///
/// The scratchpad must answer each accepted access in the very next cycle.
module tsr_stream_wr
  import tsr_tile_pkg::*;
#(
  /// Beats in the FIFO, >= 2; 4 hold a whole block of the matrix engine.
  parameter int unsigned Depth = 4,
  /// 1: cfg_i.gather works (scatter); 0: it and the index port are ignored.
  parameter bit Gather = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  /// Next run: taken while the next bank is free. cfg_i.xpose is ignored.
  input  logic             start_valid_i,
  output logic             start_ready_o,
  input  agu_cfg_t         cfg_i,
  /// Label of the run, shown with its end and its errors.
  input  logic             start_epoch_i,
  /// Level, bit e: accesses of runs with epoch e swallow their beats without writing. A request that is
  /// already offered is still written.
  input  logic [1:0]       drop_i,

  /// Index stream: byte offset, bits 21:3 count. Gather only.
  input  logic             idx_valid_i,
  output logic             idx_ready_o,
  input  logic [31:0]      idx_i,

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

  /// Pulse: the response of the last access of run fin_epoch_o is here in this cycle, or it was dropped in
  /// the cycle before.
  output logic             fin_o,
  output logic             fin_epoch_o,

  /// Pulse: an access of run err_epoch_o left the scratchpad; err_addr_o is its base. Not later than its fin_o.
  output logic             err_o,
  output spm_addr_t        err_addr_o,
  output logic             err_epoch_o,

  /// No run, beat or response is left.
  output logic             idle_o
);

  localparam int unsigned CountW = tsr_pkg::idx_width(Depth + 1);

  logic              agu_valid, agu_fin, agu_idle, epoch, step, valid;
  spm_addr_t         base, pitch;
  logic [1:0]        w_log2;
  logic [63:0]       strb;
  xpose_e            unused_xpose;
  logic [5:0]        unused_last;
  logic [CountW-1:0] count;
  logic [7:0][63:0]  data;
  logic              dropping, offered_q, pending_q, fin_q, step_epoch_q;
  spm_addr_t         step_base_q;

  tsr_fifo #(.Width(512), .Depth(Depth)) u_fifo (
    .clk_i, .rst_ni, .clr_i(1'b0),
    .in_valid_i(beat_valid_i), .in_ready_o(beat_ready_o), .in_data_i(beat_data_i),
    .out_valid_o(valid), .out_ready_i(step), .out_data_o(data), .count_o(count)
  );

  tsr_agu #(.Gather(Gather)) u_agu (
    .clk_i, .rst_ni, .start_valid_i, .start_ready_o, .cfg_i, .start_epoch_i,
    .idx_valid_i, .idx_ready_o, .idx_i,
    .valid_o(agu_valid), .ready_i(step),
    .base_o(base), .pitch_o(pitch), .w_log2_o(w_log2), .strb_o(strb), .xpose_o(unused_xpose),
    .last_o(unused_last), .fin_o(agu_fin), .epoch_o(epoch), .idle_o(agu_idle)
  );

  // A request that was offered stays, even if drop_i rises meanwhile.
  assign dropping    = drop_i[epoch] && !offered_q;
  assign spm_valid_o = valid && agu_valid && !dropping;
  assign step        = valid && agu_valid && (dropping || spm_ready_i);
  assign spm_req_o   = '{pad: '0, write: 1'b1, w_log2: w_log2, base: base, pitch: pitch, strb: strb, wdata: data};

  always_ff @(posedge clk_i) begin
    if (step) begin
      step_base_q  <= base;
      step_epoch_q <= epoch;
    end
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

  assign fin_o       = fin_q;
  assign fin_epoch_o = step_epoch_q;
  assign err_o       = spm_rsp_valid_i && spm_rsp_i.err;
  assign err_addr_o  = step_base_q;
  assign err_epoch_o = step_epoch_q;
  assign idle_o      = agu_idle && count == '0 && !pending_q && !fin_q;

  // ---------------------------------------------------------------- integration checks
  `TSR_STATIC_ASSERT(DepthLegal, Depth >= 2)
  `TSR_ASSUME(ResponseNextCycle, spm_rsp_valid_i == pending_q)

endmodule
