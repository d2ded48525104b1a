// SPDX-License-Identifier: Apache-2.0
/// One of each common cell, side by side, for the cell bench.
///
/// Streams: 0 FIFO of 5, 1 fall-through FIFO of 4, 2 FIFO of 1, 3 skid, 4 spill.
///
/// *Latency, Backpressure, Throughput, Reset:* those of the cells.
module cells_tb
  import tsr_pkg::*;
(
  input  logic             clk_i,
  input  logic             rst_ni,

  /// Streams.
  input  logic             clr_i,
  input  logic [4:0]       in_valid_i,
  output logic [4:0]       in_ready_o,
  input  logic [4:0][11:0] in_data_i,
  output logic [4:0]       out_valid_o,
  input  logic [4:0]       out_ready_i,
  output logic [4:0][11:0] out_data_o,
  output logic [2:0][2:0]  count_o,

  /// Round robin over five requesters: 0 locked, 1 not locked.
  input  logic [1:0][4:0]  rr_req_i,
  input  logic [1:0]       rr_ready_i,
  output logic [1:0][4:0]  rr_gnt_o,
  output logic [1:0][2:0]  rr_idx_o,

  /// Age arbiter over six requesters.
  input  logic [5:0]       age_req_i,
  input  logic [5:0][7:0]  age_key_i,
  output logic [5:0]       age_gnt_o,
  output logic [2:0]       age_idx_o,

  /// Counters of 8 bits: 0 wraps, 1 saturates.
  input  logic             cnt_clr_i,
  input  logic [1:0][2:0]  cnt_inc_i,
  output logic [1:0][7:0]  cnt_o,

  /// Clock gate: a counter and a copy of `gate_src_i` (through a flop) on the gated clock.
  input  logic             gate_en_i,
  input  logic             gate_test_i,
  input  logic [7:0]       gate_src_i,
  output logic [15:0]      gate_count_o,
  output logic [7:0]       gate_copy_o,

  /// Wires that the protocol checkers watch.
  input  logic             chk_valid_i,
  input  logic             chk_ready_i,
  input  logic [15:0]      chk_data_i,
  input  logic             req_valid_i,
  input  logic             rsp_valid_i,
  input  flit_t            flit_i,
  input  logic [1:0]       req_credit_i,
  input  logic [1:0]       rsp_credit_i
);

  tsr_fifo #(.Width(12), .Depth(5)) u_fifo (
    .clk_i, .rst_ni, .clr_i,
    .in_valid_i(in_valid_i[0]), .in_ready_o(in_ready_o[0]), .in_data_i(in_data_i[0]),
    .out_valid_o(out_valid_o[0]), .out_ready_i(out_ready_i[0]), .out_data_o(out_data_o[0]),
    .count_o(count_o[0])
  );
  tsr_fifo #(.Width(12), .Depth(4), .FallThrough(1'b1)) u_fall_through (
    .clk_i, .rst_ni, .clr_i,
    .in_valid_i(in_valid_i[1]), .in_ready_o(in_ready_o[1]), .in_data_i(in_data_i[1]),
    .out_valid_o(out_valid_o[1]), .out_ready_i(out_ready_i[1]), .out_data_o(out_data_o[1]),
    .count_o(count_o[1])
  );
  assign count_o[2][2:1] = '0;
  tsr_fifo #(.T(logic [11:0]), .Depth(1)) u_one (
    .clk_i, .rst_ni, .clr_i,
    .in_valid_i(in_valid_i[2]), .in_ready_o(in_ready_o[2]), .in_data_i(in_data_i[2]),
    .out_valid_o(out_valid_o[2]), .out_ready_i(out_ready_i[2]), .out_data_o(out_data_o[2]),
    .count_o(count_o[2][0])
  );
  tsr_skid #(.Width(12)) u_skid (
    .clk_i, .rst_ni,
    .in_valid_i(in_valid_i[3]), .in_ready_o(in_ready_o[3]), .in_data_i(in_data_i[3]),
    .out_valid_o(out_valid_o[3]), .out_ready_i(out_ready_i[3]), .out_data_o(out_data_o[3])
  );
  tsr_spill #(.Width(12)) u_spill (
    .clk_i, .rst_ni,
    .in_valid_i(in_valid_i[4]), .in_ready_o(in_ready_o[4]), .in_data_i(in_data_i[4]),
    .out_valid_o(out_valid_o[4]), .out_ready_i(out_ready_i[4]), .out_data_o(out_data_o[4])
  );
  // clr_i may take back what a FIFO offers.
  for (genvar s = 0; s < 5; s++) begin : gen_check
    tsr_stream_check #(.Width(12)) u_check (
      .clk_i, .rst_ni(rst_ni && !clr_i),
      .valid_i(out_valid_o[s]), .ready_i(out_ready_i[s]), .data_i(out_data_o[s])
    );
  end

  for (genvar a = 0; a < 2; a++) begin : gen_rr
    tsr_arb_rr #(.Num(5), .Lock(a == 0)) u_rr (
      .clk_i, .rst_ni,
      .req_i(rr_req_i[a]), .ready_i(rr_ready_i[a]), .gnt_o(rr_gnt_o[a]), .idx_o(rr_idx_o[a])
    );
  end

  tsr_arb_age #(.Num(6), .KeyW(8)) u_age (
    .req_i(age_req_i), .key_i(age_key_i), .gnt_o(age_gnt_o), .idx_o(age_idx_o)
  );

  for (genvar c = 0; c < 2; c++) begin : gen_counter
    tsr_counter #(.Width(8), .IncW(3), .Saturate(c == 1)) u_counter (
      .clk_i, .rst_ni, .clr_i(cnt_clr_i), .inc_i(cnt_inc_i[c]), .count_o(cnt_o[c])
    );
  end

  logic       gated_clk;
  logic [7:0] src_q;
  tsr_clk_gate u_gate (.clk_i, .en_i(gate_en_i), .test_en_i(gate_test_i), .clk_o(gated_clk));
  always_ff @(posedge clk_i) src_q <= gate_src_i;
  always_ff @(posedge gated_clk) begin
    gate_count_o <= rst_ni ? gate_count_o + 1'b1 : '0;
    gate_copy_o  <= src_q;
  end

  tsr_stream_check #(.Width(16)) u_stream_check (
    .clk_i, .rst_ni, .valid_i(chk_valid_i), .ready_i(chk_ready_i), .data_i(chk_data_i)
  );
  tsr_flit_check #(.Response(1'b0)) u_req_check (
    .clk_i, .rst_ni, .valid_i(req_valid_i), .flit_i, .credit_i(req_credit_i)
  );
  tsr_flit_check #(.Response(1'b1)) u_rsp_check (
    .clk_i, .rst_ni, .valid_i(rsp_valid_i), .flit_i, .credit_i(rsp_credit_i)
  );

endmodule
