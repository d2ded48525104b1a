// SPDX-License-Identifier: Apache-2.0

/// Operand registers of the matrix engine: each row (or column) of a beat, decoded once for all cells.
///
/// *Latency:* 1 cycle.
/// *Backpressure:* none; the engine gives the enable.
/// *Throughput:* one beat a cycle.
/// *Reset:* none.
module tsr_me_decode
  import tsr_tile_pkg::*;
  import tsr_me_pkg::*;
#(
  /// Rows or columns.
  parameter int unsigned Num = 8
) (
  input  logic                 clk_i,

  input  logic                 en_i,
  input  fmt_e                 fmt_i,
  /// FP32: which of the two elements.
  input  logic                 half_i,
  /// Take the scales too.
  input  logic                 mx_i,
  input  logic [Num-1:0][63:0] data_i,
  /// Take this instead of data_i.
  input  logic                 chain_i,
  input  logic [Num-1:0][63:0] chain_data_i,
  input  logic [Num-1:0][7:0]  scale_i,

  output logic [Num-1:0][63:0] x_o,
  output logic [Num-1:0][63:0] y_o,
  output logic [Num-1:0][7:0]  scale_o
);

  logic [Num-1:0][63:0] x_q, y_q;
  logic [Num-1:0][7:0]  scale_q;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      logic [Num-1:0][63:0] data;
      data = chain_i ? chain_data_i : data_i;
      unique case (fmt_i)
        FmtBf16: begin
          for (int unsigned i = 0; i < Num; i++) begin
            x_q[i] <= bf16_x(data[i]);
            y_q[i] <= bf16_y(data[i]);
          end
        end
        FmtFp16: begin
          for (int unsigned i = 0; i < Num; i++) begin
            x_q[i] <= fp16_x(data[i]);
            y_q[i] <= fp16_y(data[i]);
          end
        end
        FmtTf32: begin
          for (int unsigned i = 0; i < Num; i++) begin
            x_q[i] <= tf32_x(data[i]);
            y_q[i] <= tf32_y(data[i]);
          end
        end
        FmtFp32: begin
          for (int unsigned i = 0; i < Num; i++) begin
            logic [31:0] x;
            x = half_i ? data[i][63:32] : data[i][31:0];
            x_q[i] <= fp32_x(x);
            y_q[i] <= fp32_y(x);
          end
        end
        FmtE4m3, FmtE5m2: begin
          for (int unsigned i = 0; i < Num; i++) begin
            x_q[i] <= fp8_x(data[i], fmt_i == FmtE5m2);
            y_q[i] <= fp8_y(data[i], fmt_i == FmtE5m2);
          end
        end
        FmtE3m2, FmtE2m3: begin
          for (int unsigned i = 0; i < Num; i++) begin
            x_q[i] <= fp6_ints(data[i][31:0], fmt_i == FmtE3m2);
            y_q[i] <= fp6_ints(data[i][63:32], fmt_i == FmtE3m2);
          end
        end
        FmtE2m1, FmtInt4: begin
          for (int unsigned i = 0; i < Num; i++) begin
            x_q[i] <= nibble_ints(data[i][31:0], fmt_i == FmtE2m1);
            y_q[i] <= nibble_ints(data[i][63:32], fmt_i == FmtE2m1);
          end
        end
        default: x_q <= data;
      endcase
      if (mx_i) scale_q <= scale_i;
    end
  end

  assign x_o     = x_q;
  assign y_o     = y_q;
  assign scale_o = scale_q;

endmodule
