// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Transposes blocks of 16 x 16 elements of 4 bits: two beats of 8 rows in, two beats of 8 columns out.
///
/// *Latency:* 1 cycle from the second beat of a block to its first column beat.
/// *Backpressure:* in_ready_o is combinational from out_ready_i for the second beat of a block.
/// *Throughput:* one beat a cycle.
/// *Reset:* forgets everything.
module tsr_tdma_nibble (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             in_valid_i,
  output logic             in_ready_o,
  /// Rows 0..7 of a block, then rows 8..15; 16 elements each.
  input  logic [7:0][63:0] in_data_i,

  output logic             out_valid_o,
  input  logic             out_ready_i,
  /// Columns 0..7, then columns 8..15; 16 elements each.
  output logic [7:0][63:0] out_data_o
);

  logic             half_q;             // rows 0..7 of the next block are here
  logic [7:0][63:0] half_data_q;
  logic             full_q, upper_q;    // a block goes out; its second beat is next
  logic [7:0][63:0] low_q, high_q;
  logic             take, free;

  assign free       = !full_q || (out_ready_i && upper_q);
  assign in_ready_o = !half_q || free;
  assign take       = in_valid_i && in_ready_o;

  always_ff @(posedge clk_i) begin
    if (take && !half_q) half_data_q <= in_data_i;
    if (take && half_q) begin
      low_q  <= half_data_q;
      high_q <= in_data_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      half_q  <= 1'b0;
      full_q  <= 1'b0;
      upper_q <= 1'b0;
    end else begin
      if (take) half_q <= !half_q;
      if (free) full_q <= take && half_q;
      if (full_q && out_ready_i) upper_q <= !upper_q;
    end
  end

  assign out_valid_o = full_q;
  always_comb begin
    out_data_o = '0;
    if (full_q) out_data_o = tsr_tdma_pkg::nibble_columns(low_q, high_q, upper_q);
  end

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(UpperOfABlock, !upper_q || full_q)

endmodule
