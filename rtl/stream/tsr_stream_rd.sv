// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Stream reader: an address generator on a scratchpad read port, in-beat transpose, and a beat FIFO that
/// absorbs the port's latency. Masked bytes of a beat are zero.
///
/// *Latency:* 4 cycles from the start of an idle reader to the first beat from an idle scratchpad.
/// *Backpressure:* a request is offered only if the FIFO has room for its beat (credits), so responses
/// are always taken. start_ready_o comes from a register.
/// *Throughput:* one beat a cycle with Depth >= 3, across runs too.
/// *Reset:* empties everything.
///
/// The scratchpad must answer each accepted access in the very next cycle.
module tsr_stream_rd
  import tsr_tile_pkg::*;
  import tsr_stream_pkg::*;
#(
  /// Beats in the FIFO, >= 2; 3 keep up the full rate.
  parameter int unsigned Depth = 4,
  /// 1: cfg_i.xpose works; 0: it is ignored.
  parameter bit Xpose = 1'b1,
  /// 1: cfg_i.gather works; 0: it and the index port are ignored.
  parameter bit Gather = 1'b0,
  /// First row of a 16-row grid that this stream serves, see tsr_agu: 0 or 8.
  parameter int unsigned RowBase = 0
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  /// Next run: taken while the next bank is free.
  input  logic        start_valid_i,
  output logic        start_ready_o,
  input  agu_cfg_t    cfg_i,
  /// Label of the run, shown with its beats and errors.
  input  logic        start_epoch_i,

  /// Index stream: byte offset, bits 21:3 count. Gather only.
  input  logic        idx_valid_i,
  output logic        idx_ready_o,
  input  logic [31:0] idx_i,

  // Scratchpad port.
  output logic        spm_valid_o,
  input  logic        spm_ready_i,
  output spm_req_t    spm_req_o,
  input  logic        spm_rsp_valid_i,
  input  spm_rsp_t    spm_rsp_i,

  // Beats.
  output logic        beat_valid_o,
  input  logic        beat_ready_i,
  output beat_t       beat_o,

  /// Pulse: an access of run err_epoch_o left the scratchpad; err_addr_o is its base. Its beat comes as usual.
  output logic        err_o,
  output spm_addr_t   err_addr_o,
  output logic        err_epoch_o,

  /// No run, access or beat is left.
  output logic        idle_o
);

  localparam int unsigned PtrW   = tsr_pkg::idx_width(Depth);
  localparam int unsigned CountW = tsr_pkg::idx_width(Depth + 1);

  // ---------------------------------------------------------------- requests
  logic              agu_valid, agu_fin, agu_idle, epoch, accept;
  spm_addr_t         base, pitch;
  logic [1:0]        w_log2;
  logic [63:0]       strb;
  xpose_e            xpose;
  logic [5:0]        last;
  logic              pop;
  logic [CountW-1:0] room_q;  // FIFO places not promised to a request

  tsr_agu #(.Gather(Gather), .RowBase(RowBase)) u_agu (
    .clk_i, .rst_ni, .start_valid_i, .start_ready_o, .cfg_i, .start_epoch_i,
    .idx_valid_i, .idx_ready_o, .idx_i,
    .valid_o(agu_valid), .ready_i(accept),
    .base_o(base), .pitch_o(pitch), .w_log2_o(w_log2), .strb_o(strb), .xpose_o(xpose),
    .last_o(last), .fin_o(agu_fin), .epoch_o(epoch), .idle_o(agu_idle)
  );

  assign spm_valid_o = agu_valid && room_q != '0;
  assign accept      = spm_valid_o && spm_ready_i;
  assign spm_req_o   = '{pad: '0, write: 1'b0, w_log2: w_log2, base: base, pitch: pitch, strb: strb, wdata: '0};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) room_q <= CountW'(Depth);
    else if (accept != pop) room_q <= accept ? room_q - 1'b1 : room_q + 1'b1;
  end

  // ---------------------------------------------------------------- responses
  typedef struct packed {
    logic        fin;
    logic        epoch;
    logic [5:0]  last;
    logic [63:0] strb;  // transposed
  } tag_t;

  tag_t      tag_q;        // of the access accepted last
  xpose_e    tag_xpose_q;
  spm_addr_t tag_base_q;
  logic      pending_q;    // its response comes in this cycle

  always_ff @(posedge clk_i) begin
    if (accept) begin
      tag_q.fin   <= agu_fin;
      tag_q.epoch <= epoch;
      tag_q.last  <= last;
      if (Xpose && xpose != XposeNone && strb != '1) tag_q.strb <= xpose_strb(strb, xpose);
      else tag_q.strb <= strb;
      tag_xpose_q <= Xpose ? xpose : XposeNone;
      tag_base_q  <= base;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) pending_q <= 1'b0;
    else pending_q <= accept;
  end

  assign err_o       = spm_rsp_valid_i && spm_rsp_i.err;
  assign err_addr_o  = tag_base_q;
  assign err_epoch_o = tag_q.epoch;

  // ---------------------------------------------------------------- beats
  beat_t             mem_q [Depth];
  logic [PtrW-1:0]   wr_q, rd_q;
  logic [CountW-1:0] count_q;

  function automatic logic [PtrW-1:0] next(logic [PtrW-1:0] ptr);
    return (ptr == PtrW'(Depth - 1)) ? '0 : ptr + 1'b1;
  endfunction

  always_ff @(posedge clk_i) begin
    if (spm_rsp_valid_i) begin
      beat_t beat;
      beat.fin   = tag_q.fin;
      beat.epoch = tag_q.epoch;
      beat.last  = tag_q.last;
      beat.strb  = tag_q.strb;
      beat.data  = spm_rsp_i.rdata;
      if (tag_xpose_q != XposeNone) beat.data = xpose_data(beat.data, tag_xpose_q);
      if (tag_q.strb != '1) beat.data = clear_masked(beat.data, tag_q.strb);
      mem_q[wr_q] <= beat;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q    <= '0;
      rd_q    <= '0;
      count_q <= '0;
    end else begin
      if (spm_rsp_valid_i) wr_q <= next(wr_q);
      if (pop) rd_q <= next(rd_q);
      if (spm_rsp_valid_i != pop) count_q <= pop ? count_q - 1'b1 : count_q + 1'b1;
    end
  end

  assign beat_valid_o = count_q != '0;
  assign beat_o       = mem_q[rd_q];
  assign pop          = beat_valid_o && beat_ready_i;
  assign idle_o       = agu_idle && room_q == CountW'(Depth);

  // ---------------------------------------------------------------- integration checks
  `TSR_STATIC_ASSERT(DepthLegal, Depth >= 2)
  `TSR_ASSUME(ResponseNextCycle, spm_rsp_valid_i == pending_q)

endmodule
