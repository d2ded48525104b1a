// SPDX-License-Identifier: Apache-2.0
/// Where a hart is: hart 0 in the ctl node, hart n in the n-th node with a tile, row by row.
///
/// *Latency:* done_o 1 to 65 cycles after start_i; the answer holds until the next start_i.
/// *Backpressure:* start_i only when the last search is done. *Reset:* no search.
module tsr_dm_harts
  import tsr_debug_pkg::*;
(
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic [63:0]    tiles_i,   // node y * 8 + x was built with a tile
  input  logic [63:0]    dead_i,    // ... which must not be used
  input  tsr_pkg::node_t ctl_i,
  input  logic           start_i,
  input  hart_t          hart_i,
  output logic           done_o,    // pulse
  output logic           exists_o,
  output logic           dead_o,
  output tsr_pkg::node_t node_o
);

  logic           run_q, done_q, exists_q, dead_q;
  logic [5:0]     at_q;
  hart_t          left_q;           // tiles to come, this one included
  tsr_pkg::node_t node_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      run_q  <= 1'b0;
      done_q <= 1'b0;
    end else begin
      done_q <= (start_i && hart_i == '0) ||
                (run_q && ((tiles_i[at_q] && left_q == hart_t'(1)) || at_q == '1));
      if (start_i) run_q <= hart_i != '0;
      else if (run_q && ((tiles_i[at_q] && left_q == hart_t'(1)) || at_q == '1)) run_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      at_q     <= '0;
      left_q   <= hart_i;
      exists_q <= hart_i == '0;
      dead_q   <= 1'b0;
      node_q   <= ctl_i;
    end else if (run_q) begin
      at_q <= at_q + 6'd1;
      if (tiles_i[at_q]) begin
        left_q <= left_q - hart_t'(1);
        if (left_q == hart_t'(1)) begin
          exists_q <= 1'b1;
          dead_q   <= dead_i[at_q];
          node_q   <= '{y: {3'b0, at_q[5:3]}, x: {3'b0, at_q[2:0]}};
        end
      end
    end
  end

  assign done_o   = done_q;
  assign exists_o = exists_q;
  assign dead_o   = dead_q;
  assign node_o   = node_q;

endmodule
