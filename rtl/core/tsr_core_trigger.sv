// SPDX-License-Identifier: Apache-2.0
/// Triggers: hardware breakpoints and watchpoints (RISC-V Debug Specification 0.13, section 5, mcontrol).
///
/// A trigger halts the core in front of the instruction at an address (execute), or in front of a load or store of an
/// address. It matches one address (of an access: its lowest byte) or a naturally aligned range.
///
/// *Latency*: hits are combinational. *Reset*: clr_i disables all triggers.
module tsr_core_trigger
  import tsr_core_pkg::*;
#(
  parameter int unsigned NumTriggers = 4  ///< 1..16
) (
  input  logic        clk_i,
  input  logic        clr_i,
  // Registers tselect, tdata1, tdata2, tinfo: for the debug port only
  input  logic [11:0] addr_i,
  input  logic        we_i,
  input  logic [31:0] wdata_i,
  output logic [31:0] rdata_o,
  // The core
  input  logic [31:0] pc_i,          // of the next instruction
  input  logic        pc_valid_i,
  output logic        pc_hit_o,      // halt in front of it
  input  logic [31:0] mem_addr_i,    // of the access that would begin in this cycle
  input  logic        mem_load_i,
  input  logic        mem_store_i,
  output logic        mem_hit_o      // halt in front of it
);

  typedef struct packed {
    logic hit;
    logic napot;    // match a range: the lowest zero bit of tdata2 and the ones below it give its size
    logic m;        // enabled in machine mode, the only one
    logic execute;
    logic store;
    logic load;
  } control_t;

  control_t    control_q [NumTriggers];
  logic [31:0] data_q    [NumTriggers];
  logic [31:0] care_q    [NumTriggers];  // address bits that are compared
  logic [3:0]  select_q;

  logic [NumTriggers-1:0] pc_hit, mem_hit;

  always_comb begin
    for (int unsigned i = 0; i < NumTriggers; i++) begin
      pc_hit[i]  = 1'b0;
      mem_hit[i] = 1'b0;
      if (control_q[i].m) begin
        if (control_q[i].execute && pc_valid_i) pc_hit[i] = ((pc_i ^ data_q[i]) & care_q[i]) == '0;
        if ((control_q[i].load && mem_load_i) || (control_q[i].store && mem_store_i)) begin
          mem_hit[i] = ((mem_addr_i ^ data_q[i]) & care_q[i]) == '0;
        end
      end
    end
  end
  assign pc_hit_o  = pc_hit != '0;
  assign mem_hit_o = mem_hit != '0;

  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < NumTriggers; i++) begin
      if (pc_hit[i] || mem_hit[i]) control_q[i].hit <= 1'b1;
      if (we_i && (select_q == 4'(i))) begin
        if (addr_i == CsrTdata1) begin
          control_q[i].hit     <= wdata_i[20];
          control_q[i].napot   <= wdata_i[10:7] == 4'd1;
          control_q[i].m       <= wdata_i[6];
          control_q[i].execute <= wdata_i[2];
          control_q[i].store   <= wdata_i[1];
          control_q[i].load    <= wdata_i[0];
          care_q[i]            <= (wdata_i[10:7] == 4'd1) ? ~(data_q[i] ^ (data_q[i] + 32'd1)) : '1;
        end
        if (addr_i == CsrTdata2) begin
          data_q[i] <= wdata_i;
          care_q[i] <= control_q[i].napot ? ~(wdata_i ^ (wdata_i + 32'd1)) : '1;
        end
      end
      if (clr_i) begin
        control_q[i] <= '0;
        data_q[i]    <= '0;
        care_q[i]    <= '1;
      end
    end
    if (we_i && (addr_i == CsrTselect) && (wdata_i < 32'(NumTriggers))) select_q <= wdata_i[3:0];
    if (clr_i) select_q <= '0;
  end

  // tdata1: type 2, for the debugger only, ranges up to 2^31 bytes, action 1 (halt).
  control_t selected;
  always_comb begin
    selected = '0;
    rdata_o  = '0;
    for (int unsigned i = 0; i < NumTriggers; i++) begin
      if (select_q == 4'(i)) begin
        selected = control_q[i];
        if (addr_i == CsrTdata2) rdata_o = data_q[i];
      end
    end
    if (addr_i == CsrTselect) rdata_o = {28'b0, select_q};
    if (addr_i == CsrTinfo) rdata_o = 32'd1 << 2;
    if (addr_i == CsrTdata1) begin
      rdata_o = {4'd2, 1'b1, 6'd31, selected.hit, 4'b0, 4'd1, 1'b0, 3'b0, selected.napot,
                 selected.m, 3'b0, selected.execute, selected.store, selected.load};
    end
  end

endmodule
