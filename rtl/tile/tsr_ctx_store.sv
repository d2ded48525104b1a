// SPDX-License-Identifier: Apache-2.0

/// Context store: 8 contexts x 8 rows x 64 bytes, read by the engines a row at a time and by the local
/// bus a word at a time.
///
/// Latency: one cycle from an accepted row request to its data; words likewise.
/// Backpressure: one row a cycle; the lower engine first. Local-bus reads wait for idle cycles.
/// Reset: contents are kept.
module tsr_ctx_store
  import tsr_tile_pkg::*;
(
  input  logic                   clk_i,
  input  logic                   rst_ni,

  // Engines: row = context * 8 + row.
  input  logic [NumEng-1:0]      req_valid_i,
  output logic [NumEng-1:0]      req_ready_o,
  input  logic [NumEng-1:0][5:0] req_row_i,
  output logic [NumEng-1:0]      rsp_valid_o,
  output logic [511:0]           rsp_data_o,   // shared

  // Local bus words.
  input  logic                   word_valid_i,
  output logic                   word_ready_o,
  input  logic                   word_write_i,
  input  logic [9:0]             word_addr_i,  // row, word in the row
  input  logic [31:0]            word_wdata_i,
  output logic [31:0]            word_rdata_o  // the cycle after word_valid_i && word_ready_o
);

  logic [15:0][31:0] mem_q [CtxRows];
  logic [15:0][31:0] row_q;
  logic [NumEng-1:0] gnt, rsp_valid_q;
  logic [5:0]        row;
  logic              word_read;
  logic [3:0]        word_sel_q;

  assign gnt          = req_valid_i & (~req_valid_i + 1'b1);
  assign req_ready_o  = gnt;
  assign word_ready_o = word_write_i || req_valid_i == '0;
  assign word_read    = word_valid_i && !word_write_i && req_valid_i == '0;

  always_comb begin
    row = word_addr_i[9:4];
    for (int unsigned e = 0; e < NumEng; e++) if (gnt[e]) row = req_row_i[e];
  end

  always_ff @(posedge clk_i) begin
    if (gnt != '0 || word_read) row_q <= mem_q[row];
    if (word_read) word_sel_q <= word_addr_i[3:0];
    if (word_valid_i && word_write_i) mem_q[word_addr_i[9:4]][word_addr_i[3:0]] <= word_wdata_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) rsp_valid_q <= '0;
    else rsp_valid_q <= gnt;
  end

  assign rsp_valid_o  = rsp_valid_q;
  assign rsp_data_o   = row_q;
  assign word_rdata_o = row_q[word_sel_q];

endmodule
