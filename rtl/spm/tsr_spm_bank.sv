// SPDX-License-Identifier: Apache-2.0

/// One single-port scratchpad bank of 64-bit words with byte strobes: the place for a memory macro.
///
/// *Latency:* read data stand at rdata_o from the cycle after the access until the next read.
/// *Throughput:* one access a cycle.
/// *Reset:* none; contents are undefined at power-up and kept over reset.
module tsr_spm_bank #(
  /// Words; >= 1.
  parameter int unsigned Rows = 512,
  localparam int unsigned RowW = tsr_pkg::idx_width(Rows)
) (
  input  logic            clk_i,
  input  logic            en_i,
  input  logic            write_i,
  input  logic [RowW-1:0] row_i,
  input  logic [7:0]      strb_i,
  input  logic [63:0]     wdata_i,
  output logic [63:0]     rdata_o
);

  logic [63:0] mem_q [Rows];
  logic [63:0] rdata_q;

  function automatic logic [63:0] merge(logic [63:0] word, logic [63:0] wdata, logic [7:0] strb);
    logic [63:0] r;
    for (int unsigned i = 0; i < 8; i++) r[8*i+:8] = strb[i] ? wdata[8*i+:8] : word[8*i+:8];
    return r;
  endfunction

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (write_i) mem_q[row_i] = merge(mem_q[row_i], wdata_i, strb_i);
      else rdata_q <= mem_q[row_i];
    end
  end
  assign rdata_o = rdata_q;

endmodule
