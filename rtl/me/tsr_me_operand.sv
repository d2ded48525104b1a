// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// One operand of the matrix engine: readers of its beats (one for each 8 rows) and of its block scales,
/// and which scale byte belongs to the beat.
///
/// *Latency:* that of tsr_stream_rd.
/// *Backpressure:* a beat is offered until it is taken.
/// *Throughput:* one beat a cycle.
/// *Reset:* empties everything.
///
/// A scale access brings 8 bytes for each of 8 rows: 8 blocks of 32 elements. A new one is used behind
/// the eighth block and behind each end of the operand's loop 0.
module tsr_me_operand
  import tsr_tile_pkg::*;
  import tsr_me_pkg::*;
#(
  /// Rows of A or columns of B: 4, 8 or 16.
  parameter int unsigned Num = 8,
  localparam int unsigned N = (Num + 7) / 8
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  /// Begin a run (pulse); only with start_ready_o.
  input  logic                 start_i,
  /// Begin one of the scales with it.
  input  logic                 start_scale_i,
  output logic                 start_ready_o,
  input  agu_cfg_t             cfg_i,
  input  agu_cfg_t             scale_cfg_i,
  input  logic                 start_epoch_i,

  // Scratchpad ports of the operand, and of its scales.
  output logic [N-1:0]         spm_valid_o,
  input  logic [N-1:0]         spm_ready_i,
  output spm_req_t [N-1:0]     spm_req_o,
  input  logic [N-1:0]         spm_rsp_valid_i,
  input  spm_rsp_t [N-1:0]     spm_rsp_i,
  output logic [N-1:0]         scale_valid_o,
  input  logic [N-1:0]         scale_ready_i,
  output rd_req_t [N-1:0]      scale_req_o,
  input  logic [N-1:0]         scale_rsp_valid_i,
  input  spm_rsp_t             scale_rsp_i,

  // The offered beat. mx_i, fp4_i: its command has block scales; of 4-bit elements.
  output logic                 valid_o,
  input  logic                 take_i,
  output logic [5:0]           last_o,
  output logic                 fin_o,
  output logic                 epoch_o,
  output logic [Num-1:0][63:0] data_o,
  /// Row has a byte that is not masked.
  output logic [Num-1:0]       valid_rows_o,
  input  logic                 mx_i,
  input  logic                 fp4_i,
  /// Its scales are here.
  output logic                 scaled_o,
  output logic [Num-1:0][7:0]  scale_o,

  // Accesses outside the scratchpad, by epoch.
  output logic [1:0]           err_o,
  output spm_addr_t [1:0]      err_addr_o,

  /// No run, access or beat is left.
  output logic                 idle_o
);

  // ---------------------------------------------------------------- readers
  logic [N-1:0]        ready, scale_ready, valid, scale_valid, idle, scale_idle;
  beat_t [N-1:0]       beat, scale_beat;
  spm_req_t [N-1:0]    scale_req;
  logic [2*N-1:0]      err, err_epoch;
  spm_addr_t [2*N-1:0] err_addr;
  logic                scale_take;

  for (genvar i = 0; i < int'(N); i++) begin : gen_rd
    tsr_stream_rd #(.RowBase(8 * i)) u_rd (
      .clk_i, .rst_ni, .start_valid_i(start_i), .start_ready_o(ready[i]),
      .cfg_i(i == 0 ? cfg_i : upper_half(cfg_i)), .start_epoch_i,
      .idx_valid_i(1'b0), .idx_ready_o(), .idx_i('0),
      .spm_valid_o(spm_valid_o[i]), .spm_ready_i(spm_ready_i[i]), .spm_req_o(spm_req_o[i]),
      .spm_rsp_valid_i(spm_rsp_valid_i[i]), .spm_rsp_i(spm_rsp_i[i]),
      .beat_valid_o(valid[i]), .beat_ready_i(take_i), .beat_o(beat[i]),
      .err_o(err[i]), .err_addr_o(err_addr[i]), .err_epoch_o(err_epoch[i]), .idle_o(idle[i])
    );

    tsr_stream_rd #(.Depth(2), .Xpose(1'b0), .RowBase(8 * i)) u_scale (
      .clk_i, .rst_ni, .start_valid_i(start_scale_i), .start_ready_o(scale_ready[i]),
      .cfg_i(i == 0 ? scale_cfg_i : upper_half(scale_cfg_i)), .start_epoch_i,
      .idx_valid_i(1'b0), .idx_ready_o(), .idx_i('0),
      .spm_valid_o(scale_valid_o[i]), .spm_ready_i(scale_ready_i[i]), .spm_req_o(scale_req[i]),
      .spm_rsp_valid_i(scale_rsp_valid_i[i]), .spm_rsp_i(scale_rsp_i),
      .beat_valid_o(scale_valid[i]), .beat_ready_i(scale_take), .beat_o(scale_beat[i]),
      .err_o(err[N+i]), .err_addr_o(err_addr[N+i]), .err_epoch_o(err_epoch[N+i]),
      .idle_o(scale_idle[i])
    );
    assign scale_req_o[i] = '{w_log2: scale_req[i].w_log2, base: scale_req[i].base,
                              pitch: scale_req[i].pitch, strb: scale_req[i].strb};
  end

  for (genvar r = 0; r < int'(Num); r++) begin : gen_row
    assign data_o[r]       = beat[r/8].data[r%8];
    assign valid_rows_o[r] = beat[r/8].strb[8*(r%8)+:8] != '0;
  end

  assign start_ready_o = ready == '1 && scale_ready == '1;
  assign valid_o       = valid == '1;
  assign scaled_o      = scale_valid == '1;
  assign last_o        = beat[0].last;
  assign fin_o         = beat[0].fin;
  assign epoch_o       = beat[0].epoch;
  assign idle_o        = idle == '1 && scale_idle == '1;

  always_comb begin
    err_o      = '0;
    err_addr_o = '0;
    for (int unsigned i = 2 * N; i > 0; i--) begin
      if (err[i-1]) begin
        err_o[err_epoch[i-1]]      = 1'b1;
        err_addr_o[err_epoch[i-1]] = err_addr[i-1];
      end
    end
  end

  // ---------------------------------------------------------------- scale bytes
  logic [1:0] sub_q;    // beat within the block
  logic [2:0] block_q;  // scale byte
  logic       sub_end;

  assign sub_end    = sub_q == (fp4_i ? 2'd1 : 2'd3);
  assign scale_take = take_i && mx_i && (last_o[0] || (sub_end && block_q == 3'd7));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sub_q   <= '0;
      block_q <= '0;
    end else if (take_i && mx_i) begin
      if (last_o[0]) begin
        sub_q   <= '0;
        block_q <= '0;
      end else begin
        sub_q <= sub_end ? '0 : sub_q + 2'd1;
        if (sub_end) block_q <= block_q + 3'd1;
      end
    end
  end

  always_comb begin
    scale_o = '0;
    if (mx_i) begin
      for (int unsigned r = 0; r < Num; r++) scale_o[r] = scale_beat[r/8].data[r%8][8*block_q+:8];
    end
  end

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(TakeWhenThere, !take_i || (valid_o && (!mx_i || scaled_o)))
  `TSR_ASSERT(ScalesOfTheSameRun, !take_i || !mx_i || scale_beat[0].epoch == epoch_o)
  `TSR_ASSERT(ScalesEndWithTheOperand, !scale_take || (scale_beat[0].fin == fin_o))
  `TSR_ASSERT(StartWhenReady, !(start_i || start_scale_i) || start_ready_o)

endmodule
