// SPDX-License-Identifier: Apache-2.0

/// Address walker: visits base + i0*stride0 + i1*stride1 + i2*stride2 with i0 innermost, without multipliers.
///
/// *Latency:* the address after load_i or next_i stands in the next cycle.
/// *Throughput:* one address a cycle.
/// *Reset:* none; nothing is meant before the first load_i.
///
/// Arithmetic is modulo 2^32.
module tsr_tdma_walk (
  input  logic             clk_i,

  /// Start a walk at base_i; the parameters are copied.
  input  logic             load_i,
  input  logic [31:0]      base_i,
  /// Bytes, signed.
  input  logic [2:0][31:0] stride_i,
  /// Iterations, 1..65535 each.
  input  logic [2:0][15:0] iter_i,

  /// Go to the next address.
  input  logic             next_i,
  output logic [31:0]      addr_o,
  /// addr_o is the last one of the walk.
  output logic             last_o
);

  logic [2:0][31:0] stride_q;
  logic [2:0][15:0] iter_q, left_q;            // iterations minus 1; iterations after this one
  logic [2:0]       end_q;                     // left_q is 0
  logic [31:0]      cur_q, row_q, plane_q;     // address; where the two outer loops stand
  logic [31:0]      row_next, plane_next;

  assign row_next   = row_q + stride_q[1];
  assign plane_next = plane_q + stride_q[2];
  assign addr_o     = cur_q;
  assign last_o     = end_q == '1;

  // Data path: no reset.
  always_ff @(posedge clk_i) begin
    if (load_i) begin
      stride_q <= stride_i;
      cur_q    <= base_i;
      row_q    <= base_i;
      plane_q  <= base_i;
      for (int unsigned j = 0; j < 3; j++) begin
        iter_q[j] <= iter_i[j] - 16'd1;
        left_q[j] <= iter_i[j] - 16'd1;
        end_q[j]  <= iter_i[j] == 16'd1;
      end
    end else if (next_i) begin
      if (!end_q[0]) begin
        cur_q     <= cur_q + stride_q[0];
        left_q[0] <= left_q[0] - 16'd1;
        end_q[0]  <= left_q[0] == 16'd1;
      end else begin
        left_q[0] <= iter_q[0];
        end_q[0]  <= iter_q[0] == '0;
        if (!end_q[1]) begin
          cur_q     <= row_next;
          row_q     <= row_next;
          left_q[1] <= left_q[1] - 16'd1;
          end_q[1]  <= left_q[1] == 16'd1;
        end else begin
          cur_q     <= plane_next;
          row_q     <= plane_next;
          plane_q   <= plane_next;
          left_q[1] <= iter_q[1];
          end_q[1]  <= iter_q[1] == '0;
          left_q[2] <= left_q[2] - 16'd1;
          end_q[2]  <= left_q[2] == 16'd1;
        end
      end
    end
  end

endmodule
