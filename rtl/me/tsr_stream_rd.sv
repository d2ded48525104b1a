// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Stream reader: an address generator on a scratchpad read port, and a beat FIFO that absorbs the
/// port's latency. Masked bytes of a beat are zero.
///
/// *Latency:* 3 cycles from start_i to the first beat of an idle scratchpad.
/// *Backpressure:* a request is offered only if the FIFO has room for its beat (credits), so responses
/// are always taken.
/// *Throughput:* one beat a cycle with Depth >= 3.
/// *Reset:* empties everything.
///
/// The scratchpad must answer each accepted access in the very next cycle.
module tsr_stream_rd
  import tsr_tile_pkg::*;
#(
  /// Beats in the FIFO; 3 keep up the full rate.
  parameter int unsigned Depth = 4
) (
  input  logic      clk_i,
  input  logic      rst_ni,

  /// Begin with this configuration (pulse); only while busy_o is 0.
  input  logic      start_i,
  input  agu_cfg_t  cfg_i,
  /// Accesses or beats are left.
  output logic      busy_o,

  // Scratchpad port.
  output logic      spm_valid_o,
  input  logic      spm_ready_i,
  output spm_req_t  spm_req_o,
  input  logic      spm_rsp_valid_i,
  input  spm_rsp_t  spm_rsp_i,

  // Beats.
  output logic      beat_valid_o,
  input  logic      beat_ready_i,
  output beat_t     beat_o,

  /// Pulse: an access left the scratchpad; err_addr_o is its base.
  output logic      err_o,
  output spm_addr_t err_addr_o
);

  localparam int unsigned PtrW   = tsr_pkg::idx_width(Depth);
  localparam int unsigned CountW = tsr_pkg::idx_width(Depth + 1);

  // ---------------------------------------------------------------- requests
  logic        agu_busy, agu_fin, accept;
  spm_addr_t   base, pitch;
  logic [1:0]  w_log2;
  logic [63:0] strb;
  logic [5:0]  last;
  logic        pop;
  logic [CountW-1:0] room_q;  // FIFO places not promised to a request

  tsr_agu u_agu (
    .clk_i, .rst_ni, .start_i, .cfg_i,
    .busy_o(agu_busy), .ready_i(accept),
    .base_o(base), .pitch_o(pitch), .w_log2_o(w_log2), .strb_o(strb), .last_o(last), .fin_o(agu_fin)
  );

  assign spm_valid_o = agu_busy && room_q != '0;
  assign accept      = spm_valid_o && spm_ready_i;
  assign spm_req_o   = '{write: 1'b0, w_log2: w_log2, base: base, pitch: pitch, strb: strb, wdata: '0};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) room_q <= CountW'(Depth);
    else if (accept != pop) room_q <= accept ? room_q - 1'b1 : room_q + 1'b1;
  end

  // ---------------------------------------------------------------- responses
  typedef struct packed {
    logic        fin;
    logic [5:0]  last;
    logic [63:0] strb;
  } tag_t;

  tag_t      tag_q;        // of the access accepted last
  spm_addr_t tag_base_q;
  logic      pending_q;    // its response comes in this cycle

  always_ff @(posedge clk_i) begin
    if (accept) begin
      tag_q      <= '{fin: agu_fin, last: last, strb: strb};
      tag_base_q <= base;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) pending_q <= 1'b0;
    else pending_q <= accept;
  end

  assign err_o      = spm_rsp_valid_i && spm_rsp_i.err;
  assign err_addr_o = tag_base_q;

  // ---------------------------------------------------------------- beats
  beat_t             mem_q [Depth];
  logic [PtrW-1:0]   wr_q, rd_q;
  logic [CountW-1:0] count_q;

  function automatic logic [PtrW-1:0] next(logic [PtrW-1:0] ptr);
    return (ptr == PtrW'(Depth - 1)) ? '0 : ptr + 1'b1;
  endfunction

  always_ff @(posedge clk_i) begin
    if (spm_rsp_valid_i) begin
      mem_q[wr_q].fin   <= tag_q.fin;
      mem_q[wr_q].epoch <= 1'b0;
      mem_q[wr_q].last  <= tag_q.last;
      mem_q[wr_q].strb  <= tag_q.strb;
      if (tag_q.strb == '1) mem_q[wr_q].data <= spm_rsp_i.rdata;
      else mem_q[wr_q].data <= masked(spm_rsp_i.rdata, tag_q.strb);
    end
  end

  /// Data with the bytes outside the mask cleared.
  function automatic logic [7:0][63:0] masked(logic [7:0][63:0] data, logic [63:0] strobes);
    logic [7:0][63:0] r;
    for (int unsigned l = 0; l < 8; l++) begin
      r[l] = data[l];
      for (int unsigned b = 0; b < 8; b++) if (!strobes[8*l+b]) r[l][8*b+:8] = '0;
    end
    return r;
  endfunction

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
  assign busy_o       = agu_busy || room_q != CountW'(Depth);

  // ---------------------------------------------------------------- integration checks
  `TSR_STATIC_ASSERT(DepthLegal, Depth >= 2)
  `TSR_ASSUME(ResponseNextCycle, spm_rsp_valid_i == pending_q)

endmodule
