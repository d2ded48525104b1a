// SPDX-License-Identifier: Apache-2.0
/// Debug accesses: registers, pc, CSRs and memory of the halted core, one at a time.
///
/// *Latency*: dbg_rvalid_o two cycles after acceptance for registers, three for TCM, bus time plus
/// three for the bus. Every accepted access gets exactly one dbg_rvalid_o pulse.
/// *Backpressure*: dbg_ready_o while none is under way. *Throughput*: one access at a time.
/// *Reset*: none under way.
///
/// Errors (dbg_err_o, no effect): core not halted, unknown register, CSR that does not exist or
/// cannot be written, memory address not a multiple of 4, behind the end of a TCM, or
/// refused by the bus.
module tsr_core_dbg (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        halted_i,
  // Debug port
  input  logic        dbg_valid_i,
  output logic        dbg_ready_o,
  input  logic        dbg_write_i,
  input  logic        dbg_mem_i,
  input  logic [31:0] dbg_addr_i,
  input  logic [31:0] dbg_wdata_i,
  output logic        dbg_rvalid_o,
  output logic [31:0] dbg_rdata_o,
  output logic        dbg_err_o,
  // Access to the core
  output logic [31:0] addr_o,
  output logic [31:0] wdata_o,
  output logic        write_o,
  output logic        gpr_we_o,
  output logic        pc_we_o,
  output logic        csr_en_o,
  output logic        csr_commit_o,
  input  logic [31:0] gpr_rdata_i,
  input  logic [31:0] pc_i,
  input  logic [31:0] csr_rdata_i,
  input  logic        csr_illegal_i,
  // Memory access through the load/store unit
  output logic        mem_req_o,      // the access is in addr_o, write_o, wdata_o
  input  logic        mem_bad_i,      // it cannot be made
  input  logic        mem_local_i,    // it goes to a TCM
  input  logic        tcm_gnt_i,
  input  logic [31:0] tcm_rdata_i,    // one cycle after the grant
  input  logic        bus_idle_i,
  output logic        bus_start_o,
  input  logic        bus_done_i,
  input  logic        bus_err_i,
  input  logic [31:0] bus_rdata_i
);

  typedef enum logic [2:0] { StIdle, StExec, StTcm, StBus, StRsp } state_e;

  state_e      state_q;
  logic        write_q, mem_q, err_q;
  logic [31:0] addr_q, data_q;  // data: write data, then read data

  logic exec_reg, is_gpr, is_pc, is_csr;
  assign exec_reg = (state_q == StExec) && halted_i && !mem_q;
  assign is_gpr   = addr_q[31:5] == '0;
  assign is_pc    = addr_q == 32'd32;
  assign is_csr   = addr_q[31:12] == 20'd1;

  assign addr_o       = addr_q;
  assign wdata_o      = data_q;
  assign write_o      = write_q;
  assign gpr_we_o     = exec_reg && write_q && is_gpr && (addr_q[4:0] != 5'd0);
  assign pc_we_o      = exec_reg && write_q && is_pc;
  assign csr_en_o     = exec_reg && is_csr;
  assign csr_commit_o = csr_en_o && !csr_illegal_i;
  assign mem_req_o    = (state_q == StExec) && halted_i && mem_q;
  assign bus_start_o  = mem_req_o && !mem_bad_i && !mem_local_i && bus_idle_i;

  assign dbg_ready_o  = state_q == StIdle;
  assign dbg_rvalid_o = state_q == StRsp;
  assign dbg_rdata_o  = data_q;
  assign dbg_err_o    = err_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      unique case (state_q)
        StIdle: if (dbg_valid_i) state_q <= StExec;
        StExec: begin
          if (!mem_req_o || mem_bad_i) state_q <= StRsp;
          else if (mem_local_i) state_q <= tcm_gnt_i ? StTcm : StExec;
          else if (bus_idle_i) state_q <= StBus;
        end
        StTcm:   state_q <= StRsp;
        StBus:   if (bus_done_i) state_q <= StRsp;
        default: state_q <= StIdle;
      endcase
    end
    unique case (state_q)
      StIdle: begin
        if (dbg_valid_i) begin
          write_q <= dbg_write_i;
          mem_q   <= dbg_mem_i;
          addr_q  <= dbg_addr_i;
          data_q  <= dbg_wdata_i;
        end
        err_q <= 1'b0;
      end
      StExec: begin
        if (!halted_i) begin
          err_q <= 1'b1;
        end else if (mem_q) begin
          err_q <= mem_bad_i;
        end else if (is_gpr) begin
          if (!write_q) data_q <= gpr_rdata_i;
        end else if (is_pc) begin
          if (!write_q) data_q <= pc_i;
        end else begin
          err_q <= !is_csr || csr_illegal_i;
          if (!write_q) data_q <= csr_rdata_i;
        end
      end
      StTcm: if (!write_q) data_q <= tcm_rdata_i;
      StBus: begin
        if (bus_done_i) begin
          err_q <= bus_err_i;
          if (!write_q) data_q <= bus_rdata_i;
        end
      end
      default: ;
    endcase
  end

endmodule
