// SPDX-License-Identifier: Apache-2.0

/// Tells the simulator what a hart node does: commands, scratchpad writes, what the DMA engines send and receive,
/// contexts, what changes the core from outside. Simulation only: it stands in no file list, and tsr_hart_node
/// holds it only with TSR_PROBE defined, as in the platform's models.
///
/// The simulator's functions are called only when something happens, and only while `handle` is not zero; it is
/// written by the simulator and goes back to it with every call.
/// Order within a cycle: writes, contexts, responses, requests, commands done, commands started, core.
module tsr_probe
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter int unsigned NumPorts = 15   // scratchpad ports
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  // Scratchpad.
  input  logic     [NumPorts-1:0] spm_valid_i,
  input  logic     [NumPorts-1:0] spm_ready_i,
  input  spm_req_t [NumPorts-1:0] spm_req_i,

  // Context words.
  input  logic                    ctx_write_i,
  input  logic [9:0]              ctx_addr_i,
  input  logic [31:0]             word_wdata_i,

  // RDMA and WDMA at the network interface.
  input  logic    [1:0]           req_take_i,
  input  ni_req_t [1:0]           req_i,
  input  logic    [1:0]           rsp_take_i,
  input  ni_rsp_t                 rsp_i,

  // Commands.
  input  done_t [NumEng-1:0]      done_i,
  input  logic  [NumEng-1:0]      given_up_i,
  input  logic  [NumEng-1:0]      start_i,
  input  cmd_t  [NumEng-1:0]      cmd_i,

  // Core: it leaves reset, its interrupt lines, writes of its memories through the back door, of its state and
  // memories by the debug port.
  input  logic                    core_start_i,
  input  logic [31:0]             boot_pc_i,
  input  logic [31:0]             mip_i,
  input  logic                    tcm_write_i,
  input  logic [16:0]             tcm_addr_i,
  input  logic [3:0]              tcm_strb_i,
  input  logic                    dbg_write_i,
  input  logic                    dbg_tcm_i,
  input  logic [31:0]             dbg_addr_i,
  input  logic [31:0]             dbg_wdata_i
);

  import "DPI-C" function void tsr_probe_write(input longint unsigned handle, input int unsigned port,
      input int unsigned base, input int unsigned pitch, input int unsigned w_log2, input longint unsigned strb,
      input bit [511:0] data);
  import "DPI-C" function void tsr_probe_context(input longint unsigned handle, input int unsigned addr,
      input int unsigned data);
  import "DPI-C" function void tsr_probe_response(input longint unsigned handle, input int unsigned engine,
      input int unsigned tag, input int unsigned kind, input int unsigned info, input bit heard,
      input int unsigned doff, input longint unsigned addr, input longint unsigned strb, input bit [511:0] data);
  import "DPI-C" function void tsr_probe_request(input longint unsigned handle, input int unsigned engine,
      input int unsigned tag, input int unsigned kind, input int unsigned rect, input int unsigned doff,
      input longint unsigned addr, input longint unsigned strb, input bit [511:0] data);
  import "DPI-C" function void tsr_probe_done(input longint unsigned handle, input int unsigned engine,
      input int unsigned id, input int unsigned err, input int unsigned info, input bit given_up,
      input longint unsigned addr);
  import "DPI-C" function void tsr_probe_start(input longint unsigned handle, input int unsigned engine,
      input bit [511:0] words);
  import "DPI-C" function void tsr_probe_core_start(input longint unsigned handle, input int unsigned pc);
  import "DPI-C" function void tsr_probe_interrupts(input longint unsigned handle, input int unsigned mip);
  import "DPI-C" function void tsr_probe_tcm(input longint unsigned handle, input int unsigned addr,
      input int unsigned strb, input int unsigned data);
  import "DPI-C" function void tsr_probe_debug(input longint unsigned handle, input int unsigned addr,
      input int unsigned data);

  longint unsigned handle /*verilator public_flat_rw*/;
  logic [31:0]     mip_q;

  always_ff @(posedge clk_i) begin
    if (handle != '0 && rst_ni) begin
      mip_q <= mip_i;
      if ((spm_valid_i & spm_ready_i) != '0) begin
        for (int unsigned p = 0; p < NumPorts; p++) begin
          if (spm_valid_i[p] && spm_ready_i[p] && spm_req_i[p].write) begin
            tsr_probe_write(handle, p, 32'(spm_req_i[p].base), 32'(spm_req_i[p].pitch), 32'(spm_req_i[p].w_log2),
                            spm_req_i[p].strb, spm_req_i[p].wdata);
          end
        end
      end
      if (ctx_write_i) tsr_probe_context(handle, 32'(ctx_addr_i), word_wdata_i);
      for (int unsigned i = 0; i < 2; i++) begin
        if (rsp_take_i[i]) begin
          tsr_probe_response(handle, i, 32'(rsp_i.tag), 32'(rsp_i.kind),
                             rsp_i.poison ? 32'(ErrPoison) : 32'(rsp_i.err), rsp_i.heard, 32'(rsp_i.doff), 64'(rsp_i.addr), rsp_i.strb, rsp_i.data);
        end
        if (req_take_i[i]) begin
          tsr_probe_request(handle, i, 32'(req_i[i].tag), 32'(req_i[i].kind),
                            {8'(req_i[i].mcast), 24'(req_i[i].rect)}, 32'(req_i[i].doff), 64'(req_i[i].addr), req_i[i].strb, req_i[i].data);
        end
      end
      for (int unsigned e = 0; e < NumEng; e++) begin
        if (done_i[e].valid) begin
          tsr_probe_done(handle, e, 32'(done_i[e].id), 32'(done_i[e].err), 32'(done_i[e].info), given_up_i[e],
                         64'(done_i[e].addr));
        end
      end
      for (int unsigned e = 0; e < NumEng; e++) begin
        if (start_i[e]) tsr_probe_start(handle, e, cmd_i[e]);
      end
      if (core_start_i) tsr_probe_core_start(handle, boot_pc_i);
      if (mip_i != mip_q) tsr_probe_interrupts(handle, mip_i);
      if (tcm_write_i) tsr_probe_tcm(handle, 32'(tcm_addr_i), 32'(tcm_strb_i), word_wdata_i);
      if (dbg_tcm_i) tsr_probe_tcm(handle, dbg_addr_i, 32'hf, dbg_wdata_i);
      if (dbg_write_i) tsr_probe_debug(handle, dbg_addr_i, dbg_wdata_i);
    end
  end

endmodule
