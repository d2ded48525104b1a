// SPDX-License-Identifier: Apache-2.0

/// Address walker: visits base + i0*stride0 + i1*stride1 + i2*stride2 with i0 innermost, without multipliers.
///
/// *Latency:* the address after load_i or next_i stands in the next cycle.
/// *Throughput:* one address a cycle.
/// *Reset:* none; nothing is meant before the first load_i.
///
/// stride_i and iter_i must hold their values from load_i until the walk is over. Arithmetic is modulo 2^56.
module tsr_dma_walk (
  input  logic             clk_i,

  /// Start a walk at base_i.
  input  logic             load_i,
  input  tsr_pkg::addr_t   base_i,
  /// Bytes, signed.
  input  logic [2:0][31:0] stride_i,
  /// Iterations, 1..65535 each.
  input  logic [2:0][15:0] iter_i,

  /// Go to the next address.
  input  logic             next_i,
  output tsr_pkg::addr_t   addr_o,
  /// addr_o is the last one of the walk.
  output logic             last_o
);

  tsr_pkg::addr_t cur_q, row_q, plane_q;  // address; where the two outer loops stand
  logic [15:0]    i0_q, i1_q, i2_q;
  logic           end0, end1, end2;

  function automatic tsr_pkg::addr_t extend(logic [31:0] stride);
    return {{24{stride[31]}}, stride};
  endfunction

  assign end0   = i0_q == iter_i[0] - 16'd1;
  assign end1   = i1_q == iter_i[1] - 16'd1;
  assign end2   = i2_q == iter_i[2] - 16'd1;
  assign addr_o = cur_q;
  assign last_o = end0 && end1 && end2;

  // Data path: no reset.
  always_ff @(posedge clk_i) begin
    if (load_i) begin
      cur_q   <= base_i;
      row_q   <= base_i;
      plane_q <= base_i;
      i0_q    <= '0;
      i1_q    <= '0;
      i2_q    <= '0;
    end else if (next_i) begin
      if (!end0) begin
        cur_q <= cur_q + extend(stride_i[0]);
        i0_q  <= i0_q + 16'd1;
      end else if (!end1) begin
        cur_q <= row_q + extend(stride_i[1]);
        row_q <= row_q + extend(stride_i[1]);
        i0_q  <= '0;
        i1_q  <= i1_q + 16'd1;
      end else begin
        cur_q   <= plane_q + extend(stride_i[2]);
        row_q   <= plane_q + extend(stride_i[2]);
        plane_q <= plane_q + extend(stride_i[2]);
        i0_q    <= '0;
        i1_q    <= '0;
        i2_q    <= i2_q + 16'd1;
      end
    end
  end

endmodule
