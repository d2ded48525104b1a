// SPDX-License-Identifier: Apache-2.0
/// Single-port synchronous RAM of 32-bit words with byte enables.
///
/// *Latency*: rdata_o one cycle after a read; it keeps its value until the next read.
/// *Throughput*: one access a cycle. *Reset*: none, the content survives.
module tsr_core_ram #(
  parameter  int unsigned Bytes = 65536,             ///< power of two, 8..65536
  localparam int unsigned Aw    = $clog2(Bytes / 4)
) (
  input  logic          clk_i,
  input  logic          en_i,
  input  logic          write_i,
  input  logic [Aw-1:0] addr_i,   // word
  input  logic [31:0]   wdata_i,
  input  logic [3:0]    strb_i,
  output logic [31:0]   rdata_o
);

  logic [31:0] mem_q [Bytes/4];
  logic [31:0] rdata_q;

  always_ff @(posedge clk_i) begin
    if (en_i && write_i) begin
      for (int unsigned i = 0; i < 4; i++) begin
        if (strb_i[i]) mem_q[addr_i][8*i +: 8] <= wdata_i[8*i +: 8];
      end
    end
    if (en_i && !write_i) rdata_q <= mem_q[addr_i];
  end

  assign rdata_o = rdata_q;

endmodule
