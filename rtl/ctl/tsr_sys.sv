// SPDX-License-Identifier: Apache-2.0
/// What chip this is: straps made readable (regs/sys.toml).
///
/// *Latency:* combinational reads. *Backpressure:* none. *Throughput:* one access a cycle.
/// *Reset:* clears SCRATCH.
module tsr_sys
  import tsr_sys_reg_pkg::*;
(
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  tsr_pkg::chip_cfg_t   cfg_i,   // constant out of reset
  input  tsr_ctl_pkg::fuse_t   fuse_i,  // constant out of reset

  // Register bus, page-local addresses.
  input  tsr_pkg::reg_req_t    reg_i,
  output tsr_pkg::reg_rsp_t    reg_o
);

  hw2reg_t hw2reg;

  tsr_sys_reg_top u_regs (.clk_i, .rst_ni, .reg_i, .reg_o, .hw2reg_i(hw2reg));

  logic [63:0] tiles;
  assign tiles = fuse_i.tiles & ~fuse_i.dead_tiles;

  always_comb begin
    hw2reg = '0;
    if (reg_i.valid) begin
      hw2reg.mesh.w.d    = cfg_i.mesh_w;
      hw2reg.mesh.h.d    = cfg_i.mesh_h;
      hw2reg.ctl.x.d     = cfg_i.ctl.x;
      hw2reg.ctl.y.d     = cfg_i.ctl.y;
      hw2reg.mem.count.d = 4'd1 << cfg_i.mem_log2;
      hw2reg.mem.mib.d   = cfg_i.mem_mib;
      for (int unsigned i = 0; i < 64; i++) hw2reg.tiles.count.d += {6'b0, tiles[i]};
      for (int unsigned i = 0; i < 2; i++) hw2reg.tile_map[i].nodes.d = tiles[32*i+:32];
      for (int unsigned i = 0; i < 8; i++) begin
        hw2reg.mem_node[i].valid.d = 4'(i) < (4'd1 << cfg_i.mem_log2);
        if (hw2reg.mem_node[i].valid.d) begin
          hw2reg.mem_node[i].x.d = cfg_i.mem[i].x;
          hw2reg.mem_node[i].y.d = cfg_i.mem[i].y;
        end
      end
    end
  end

endmodule
