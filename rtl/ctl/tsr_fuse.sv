// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Fuse map, readable, and the debug lock (regs/fuse.toml).
///
/// *Latency:* dbg_lock_o rises 2 cycles after the lock was written. *Backpressure:* none.
/// *Throughput:* one access a cycle. *Reset:* unlocked.
/// The lock can be set but not cleared; an open debug fuse keeps dbg_lock_o low whatever firmware does.
module tsr_fuse
  import tsr_fuse_reg_pkg::*;
(
  input  logic               clk_i,
  input  logic               rst_ni,
  input  tsr_ctl_pkg::fuse_t fuse_i,      // constant out of reset

  // Register bus, page-local addresses.
  input  tsr_pkg::reg_req_t  reg_i,
  output tsr_pkg::reg_rsp_t  reg_o,

  output logic               dbg_lock_o,  // debug access is refused; from a flop
  output logic               idle_o       // nothing changes until a register access
);

  reg2hw_t reg2hw;
  hw2reg_t hw2reg;

  tsr_fuse_reg_top u_regs (.clk_i, .rst_ni, .reg_i, .reg_o, .reg2hw_o(reg2hw), .hw2reg_i(hw2reg));

  logic lock_q, dbg_lock_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      lock_q     <= 1'b0;
      dbg_lock_q <= 1'b0;
    end else begin
      if (reg2hw.debug_lock.lock.qe && reg2hw.debug_lock.lock.q) lock_q <= 1'b1;
      dbg_lock_q <= lock_q && !fuse_i.debug_open;
    end
  end

  always_comb begin
    hw2reg = '0;
    for (int unsigned i = 0; i < 2; i++) begin
      hw2reg.dead_tiles[i].nodes.d = fuse_i.dead_tiles[32*i+:32];
      hw2reg.dead_east[i].nodes.d  = fuse_i.dead_east[32*i+:32];
      hw2reg.dead_south[i].nodes.d = fuse_i.dead_south[32*i+:32];
    end
    hw2reg.debug_fuse.open.d = fuse_i.debug_open;
    hw2reg.debug_lock.lock.d = lock_q;
  end

  assign dbg_lock_o = dbg_lock_q;
  assign idle_o     = !reg_i.valid && (dbg_lock_q == (lock_q && !fuse_i.debug_open));

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(OpenFuseWins, !(dbg_lock_q && fuse_i.debug_open))

endmodule
