// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Address generator: walks six nested loops and emits one scratchpad access per innermost iteration,
/// with its byte mask and the loops that end with it.
///
/// *Latency:* the first access is offered the cycle after start_i.
/// *Backpressure:* the access is held until ready_i; outputs come from registers.
/// *Throughput:* one access a cycle.
/// *Reset:* offers nothing.
///
/// Start only while `busy_o` is 0 or in the cycle of the last handshake, with a configuration that
/// has counts of 1..65535.
module tsr_agu
  import tsr_tile_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,

  /// Take the configuration and begin (pulse).
  input  logic        start_i,
  input  agu_cfg_t    cfg_i,
  /// An access is offered; more may follow.
  output logic        busy_o,

  // Access stream: valid is busy_o.
  input  logic        ready_i,
  output spm_addr_t   base_o,
  output spm_addr_t   pitch_o,
  output logic [1:0]  w_log2_o,
  /// Valid bytes, 8 a lane.
  output logic [63:0] strb_o,
  /// Bit j: loop j and all loops inside it are at their last iteration.
  output logic [5:0]  last_o,
  /// Last access of the run.
  output logic        fin_o
);

  // ---------------------------------------------------------------- configuration
  logic [5:0][15:0] count_q;   // iterations minus 1
  spm_addr_t [5:0]  delta_q;
  spm_addr_t        pitch_q;
  logic [1:0]       w_log2_q;
  logic             redge_en_q, redge_sub_q, bedge_en_q;
  logic [2:0]       redge_loop_q, bedge_loop_q;
  logic [3:0]       redge_n_q;
  logic [6:0]       bedge_m_q;

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      for (int unsigned j = 0; j < 6; j++) begin
        count_q[j] <= cfg_i.count[j][15:0] - 16'd1;
        delta_q[j] <= cfg_i.delta[j][SpmAw-1:0];
      end
      pitch_q      <= cfg_i.pitch;
      w_log2_q     <= cfg_i.w_log2;
      redge_en_q   <= cfg_i.redge_en;
      redge_sub_q  <= cfg_i.redge_sub;
      redge_loop_q <= cfg_i.redge_loop;
      redge_n_q    <= cfg_i.redge_n;
      bedge_en_q   <= cfg_i.bedge_en;
      bedge_loop_q <= cfg_i.bedge_loop;
      bedge_m_q    <= cfg_i.bedge_m;
    end
  end

  // ---------------------------------------------------------------- loops
  logic             valid_q;
  spm_addr_t        base_q;
  logic [5:0][15:0] left_q;   // iterations after this one
  logic [5:0]       end_q;    // left_q[j] == 0
  logic [3:0]       row0_q;   // first row of this access with redge_sub, at most 15
  logic [4:0]       row_next;
  logic             step;

  assign step     = valid_q && ready_i;
  assign row_next = {1'b0, row0_q} + (5'd8 >> w_log2_q);

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      base_q <= cfg_i.base[SpmAw-1:0];
      row0_q <= '0;
      for (int unsigned j = 0; j < 6; j++) begin
        left_q[j] <= cfg_i.count[j][15:0] - 16'd1;
        end_q[j]  <= cfg_i.count[j][15:0] == 16'd1;
      end
    end else if (step) begin
      if (!end_q[0]) begin
        base_q    <= base_q + delta_q[0];
        left_q[0] <= left_q[0] - 16'd1;
        end_q[0]  <= left_q[0] == 16'd1;
        row0_q    <= row_next[4] ? 4'd15 : row_next[3:0];
      end else begin
        // Loop 0 ends: restart the ended loops, advance the first that has iterations left.
        logic inner;
        inner  = 1'b1;
        row0_q <= '0;
        for (int unsigned j = 0; j < 6; j++) begin
          if (inner) begin
            if (end_q[j]) begin
              left_q[j] <= count_q[j];
              end_q[j]  <= count_q[j] == '0;
            end else begin
              base_q    <= base_q + delta_q[j];
              left_q[j] <= left_q[j] - 16'd1;
              end_q[j]  <= left_q[j] == 16'd1;
              inner     = 1'b0;
            end
          end
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (start_i) valid_q <= 1'b1;
    else if (step && fin_o) valid_q <= 1'b0;
  end

  // ---------------------------------------------------------------- outputs
  logic redge, bedge;

  assign redge = redge_en_q && end_q[redge_loop_q];
  assign bedge = bedge_en_q && end_q[bedge_loop_q];

  for (genvar j = 0; j < 6; j++) begin : gen_last
    assign last_o[j] = end_q[j:0] == '1;
  end

  always_comb begin
    strb_o = '1;
    if (redge || bedge) begin
      strb_o = tsr_me_pkg::agu_strb(w_log2_q, redge_sub_q ? row0_q : 4'd0, redge, redge_n_q, bedge,
                                    bedge_m_q);
    end
  end

  assign busy_o   = valid_q;
  assign base_o   = base_q;
  assign pitch_o  = pitch_q;
  assign w_log2_o = w_log2_q;
  assign fin_o    = end_q == '1;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(StartWhenFree, !start_i || !valid_q || (step && fin_o))

endmodule
