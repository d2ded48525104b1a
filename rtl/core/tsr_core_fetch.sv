// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"
/// Instruction fetch: program counter of the fetch, two-entry instruction buffer with bypass.
///
/// *Latency*: the first instruction after redirect_i is valid two cycles later.
/// *Backpressure*: valid_o/pop_i; nothing is fetched that has no room in the buffer.
/// *Throughput*: one instruction a cycle. *Reset*: buffer empty; a redirect sets the address.
///
/// Instructions come in program order from the redirect's target on; the user counts the pc.
module tsr_core_fetch #(
  parameter int unsigned ItcmBytes = 65536  ///< power of two, 8..65536
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        stop_i,      // fetch nothing and drop what is buffered
  input  logic        redirect_i,  // drop what is buffered, go on at target_i; also during stop_i
  input  logic [31:0] target_i,    // multiple of 4
  // Instruction in front
  output logic        valid_o,
  output logic [31:0] insn_o,      // 0 with err_o
  output logic        err_o,       // nothing can be fetched there
  input  logic        pop_i,       // needs valid_o
  // ITCM
  output logic        itcm_req_o,
  output logic [15:0] itcm_addr_o,
  input  logic        itcm_gnt_i,
  input  logic [31:0] itcm_rdata_i,
  // ROM, data one cycle after the request
  input  logic        rom_en_i,
  output logic        rom_req_o,
  output logic [31:0] rom_addr_o,
  input  logic [31:0] rom_rdata_i,
  output logic        idle_o       // no fetch under way or about to start
);

  // ------------------------------------------------------------ implementation

  typedef enum logic [1:0] { SrcItcm = 2'd0, SrcRom = 2'd1, SrcErr = 2'd2 } src_e;

  logic [31:2]      pc_q;
  logic             rvalid_q;  // data of the fetch issued in the cycle before is here
  src_e             src, src_q;
  logic [1:0]       count_q;
  logic [1:0][31:0] buf_q;
  logic [1:0]       buf_err_q;

  logic        want, issue, push, err;
  logic [31:0] rdata;

  always_comb begin
    if ({pc_q, 2'b0} < ItcmBytes) src = SrcItcm;
    else if (rom_en_i && (pc_q[31:16] == tsr_core_pkg::RomPage)) src = SrcRom;
    else src = SrcErr;
  end

  // Room for this fetch even if nothing is popped.
  assign want        = !stop_i && !count_q[1] && !(count_q[0] && rvalid_q);
  assign itcm_req_o  = want && (src == SrcItcm);
  assign itcm_addr_o = {pc_q[15:2], 2'b0};
  assign rom_req_o   = want && (src == SrcRom);
  assign rom_addr_o  = {pc_q, 2'b0};
  assign issue       = want && ((src != SrcItcm) || itcm_gnt_i);

  assign err   = src_q == SrcErr;
  assign rdata = (src_q == SrcItcm) ? itcm_rdata_i : (src_q == SrcRom) ? rom_rdata_i : '0;

  assign valid_o = rvalid_q || (count_q != 2'd0);
  assign insn_o  = (count_q != 2'd0) ? buf_q[0] : rdata;
  assign err_o   = (count_q != 2'd0) ? buf_err_q[0] : err;
  assign push    = rvalid_q && !(pop_i && (count_q == 2'd0));
  assign idle_o  = !rvalid_q && !want;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i || redirect_i) begin
      rvalid_q <= 1'b0;
      count_q  <= 2'd0;
    end else begin
      rvalid_q <= issue;
      if (push && !pop_i) count_q <= count_q + 2'd1;
      else if (!push && pop_i && (count_q != 2'd0)) count_q <= count_q - 2'd1;
    end
    if (issue) src_q <= src;
    if (redirect_i) pc_q <= target_i[31:2];
    else if (issue) pc_q <= pc_q + 30'd1;
    // Data: entry 0 is the oldest.
    if (pop_i && (count_q == 2'd2)) begin
      buf_q[0]     <= buf_q[1];
      buf_err_q[0] <= buf_err_q[1];
    end
    if (push && ((count_q == 2'd0) || (pop_i && (count_q == 2'd1)))) begin
      buf_q[0]     <= rdata;
      buf_err_q[0] <= err;
    end
    if (push && !pop_i && (count_q == 2'd1)) begin
      buf_q[1]     <= rdata;
      buf_err_q[1] <= err;
    end
  end

  // ------------------------------------------------------------ implementation checks

  `TSR_ASSERT(BufferFits, !(rvalid_q && count_q == 2'd2))
  `TSR_ASSERT(PopOnlyValid, !pop_i || valid_o)

endmodule
