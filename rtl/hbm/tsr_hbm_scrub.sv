// SPDX-License-Identifier: Apache-2.0
/// Walks over the memory of a node: offers one block after the other to be scrubbed.
///
/// *Latency:* a block every interval. *Backpressure:* a block that is not taken within a further interval becomes
/// urgent; at most two are owed. *Throughput:* one block an interval. *Reset:* at the first block.
module tsr_hbm_scrub
  import tsr_hbm_pkg::*;
(
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  span_t                   step_i,
  /// 0: stands still.
  input  logic                    run_i,
  /// Cycles, at least 1.
  input  logic [23:0]             interval_i,
  /// Capacity of the node in MiB.
  input  logic [15:0]             mib_i,

  output logic                    valid_o,
  output logic                    urgent_o,
  /// Block of the node, its pseudo channel, and where it lies there.
  output logic [LocalW-7:0]       blk_o,
  output logic                    pc_o,
  output block_t                  block_o,
  input  logic                    ready_i,
  /// Until another block is due; at most SpanNever.
  output span_t                   next_o
);

  localparam int unsigned BlkW    = LocalW - 6;
  localparam int unsigned MibBlkW = 14;  // blocks of a MiB, log2

  logic [23:0]     timer_q;
  logic [1:0]      owed_q;  // blocks that are due, two at most
  logic            take;
  logic [BlkW-1:0] blk_q;
  logic [BlkW:0]   next;

  assign valid_o  = (owed_q != '0) && run_i;
  assign urgent_o = owed_q[1];
  assign take     = valid_o && ready_i;
  assign blk_o    = blk_q;
  assign next     = {1'b0, blk_q} + 1'b1;
  assign next_o   = (run_i && (timer_q < 24'(SpanNever))) ? timer_q[10:0] : SpanNever;

  always_comb begin
    pc_o    = 1'b0;
    block_o = '0;
    if (valid_o) begin
      pc_o    = map_pc({blk_q, 6'b0});
      block_o = map_block({blk_q, 6'b0});
    end
  end

  always_ff @(posedge clk_i) begin
    if (run_i) begin
      timer_q <= (timer_q == '0) ? interval_i - 24'd1 : timer_q - 24'(step_i);
      if ((timer_q == '0) && !take && !owed_q[1]) owed_q <= owed_q + 2'd1;
      if ((timer_q != '0) && take) owed_q <= owed_q - 2'd1;
      if (take) blk_q <= (16'(next[BlkW:MibBlkW]) >= mib_i) ? '0 : next[BlkW-1:0];
    end
    if (!rst_ni) begin
      timer_q <= '0;
      owed_q  <= '0;
      blk_q   <= '0;
    end
  end

endmodule
