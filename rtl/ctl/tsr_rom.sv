// SPDX-License-Identifier: Apache-2.0
/// Boot ROM of 16 KiB with two read ports: instruction fetch and data.
///
/// *Latency:* 1 cycle on both ports; the word stays until the port's next request.
/// *Backpressure:* none. *Throughput:* one word a cycle and port.
/// *Reset:* none: nothing to reset.
/// The content is tsr_boot_rom_pkg (scripts/bin2rom.py). What lies beyond the image reads as zero, an
/// illegal instruction.
module tsr_rom (
  input  logic        clk_i,

  // Instruction fetch: byte address, [15:2] select the word.
  input  logic        fetch_req_i,
  input  logic [31:0] fetch_addr_i,
  output logic [31:0] fetch_rdata_o,

  // Data reads, likewise.
  input  logic        data_req_i,
  input  logic [31:0] data_addr_i,
  output logic [31:0] data_rdata_o
);

  localparam int unsigned IndexW = tsr_pkg::idx_width(tsr_boot_rom_pkg::BootRomWords);

  function automatic logic [31:0] word(logic [31:0] addr);
    if ({18'b0, addr[15:2]} >= tsr_boot_rom_pkg::BootRomWords) return '0;
    return tsr_boot_rom_pkg::BootRom[addr[IndexW+1:2]];
  endfunction

  logic [31:0] fetch_q, data_q;

  always_ff @(posedge clk_i) begin
    if (fetch_req_i) fetch_q <= word(fetch_addr_i);
    if (data_req_i) data_q <= word(data_addr_i);
  end

  assign fetch_rdata_o = fetch_q;
  assign data_rdata_o  = data_q;

endmodule
