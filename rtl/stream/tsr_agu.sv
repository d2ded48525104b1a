// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Address generator: walks six nested loops and emits one scratchpad access per innermost iteration,
/// with its byte mask and the loops that end with it. Double-banked: the next run's configuration is
/// taken while the current one runs, and takes over without a gap.
///
/// *Latency:* the first access is offered 2 cycles after the start of an idle generator.
/// *Backpressure:* the access is held until ready_i; outputs come from registers. idx_ready_o depends on
/// ready_i; start_ready_o comes from a register.
/// *Throughput:* one access a cycle, across runs too; with gather as long as indexes are there.
/// *Reset:* offers nothing and forgets waiting configurations.
///
/// Configurations must be legal (tsr_stream_pkg::agu_bad). Indexes are taken exactly as the runs need
/// them, never ahead of an access.
module tsr_agu
  import tsr_tile_pkg::*;
  import tsr_stream_pkg::*;
#(
  /// 1: cfg_i.gather works; 0: it and the index port are ignored.
  parameter bit Gather = 1'b0,
  /// Row number of the first row in edges and plane check, for the second half of a 16-row grid: 0 or
  /// 8. The user adds the way to that row to cfg_i.base: RowBase * pitch, or with a transpose, where
  /// rows of the grid lie along the bytes of memory, RowBase << w_log2.
  parameter int unsigned RowBase = 0
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  /// Next run: taken while the next bank is free.
  input  logic        start_valid_i,
  output logic        start_ready_o,
  input  agu_cfg_t    cfg_i,
  /// Label of the run, shown with each of its accesses.
  input  logic        start_epoch_i,

  /// Index stream: byte offset, bits 21:3 count. Gather only.
  input  logic        idx_valid_i,
  output logic        idx_ready_o,
  input  logic [31:0] idx_i,

  // Access stream.
  output logic        valid_o,
  input  logic        ready_i,
  output spm_addr_t   base_o,
  output spm_addr_t   pitch_o,
  output logic [1:0]  w_log2_o,
  /// Valid bytes, 8 a lane, as they lie in memory.
  output logic [63:0] strb_o,
  /// Transpose that the run asks for.
  output xpose_e      xpose_o,
  /// Bit j: loop j and all loops inside it are at their last iteration.
  output logic [5:0]  last_o,
  /// Last access of the run.
  output logic        fin_o,
  output logic        epoch_o,

  /// Nothing is offered and no run is left.
  output logic        idle_o
);

  // ---------------------------------------------------------------- integration checks
  `TSR_STATIC_ASSERT(RowBaseLegal, RowBase == 0 || RowBase == 8)

  // ---------------------------------------------------------------- next bank
  agu_cfg_t next_q;
  logic     next_epoch_q;
  logic     next_valid_q;
  logic     valid_q;      // a run is in the loops
  logic     move;         // its present access goes to the output register
  logic     load;         // a run enters the loops
  logic     ends;         // the present access is the last one of its run

  assign start_ready_o = !next_valid_q;
  assign load          = (!valid_q || (move && ends)) && (next_valid_q || start_valid_i);

  always_ff @(posedge clk_i) begin
    if (start_valid_i && !next_valid_q && !load) begin
      next_q       <= cfg_i;
      next_epoch_q <= start_epoch_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      next_valid_q <= 1'b0;
      valid_q      <= 1'b0;
    end else begin
      if (load) next_valid_q <= 1'b0;
      else if (start_valid_i) next_valid_q <= 1'b1;
      if (load) valid_q <= 1'b1;
      else if (move && ends) valid_q <= 1'b0;
    end
  end

  // ---------------------------------------------------------------- current bank
  logic [5:0][15:0] count_q;       // iterations minus 1
  spm_addr_t [5:0]  delta_q;
  logic [5:0][15:0] dx_q;
  logic [5:0][9:0]  dy_q;
  spm_addr_t        pitch_q;
  logic [1:0]       w_log2_q;
  xpose_e           xpose_q;
  logic             epoch_q;
  logic             redge_en_q, redge_sub_q, bedge_en_q, plane_q, gather_q;
  logic [2:0]       redge_loop_q, bedge_loop_q, gather_loop_q;
  logic [4:0]       redge_n_q;     // 1..16
  logic [6:0]       bedge_m_q;
  logic [9:0]       xstep_q;
  logic [11:0]      win_w_q, win_h_q;
  logic [3:0]       row_first_q;   // number of row group 0
  spm_addr_t        gather_base_q;

  /// Valid bytes of a row group: a transposed one holds the grid's rows RowBase.. as `w * 8` bytes.
  function automatic logic [6:0] edge_bytes(agu_cfg_t c);
    logic [6:0] skipped;
    skipped = (RowBase != 0 && c.xpose != XposeNone) ? 7'd8 << c.w_log2 : 7'd0;
    return (c.bedge_m < skipped) ? 7'd0 : c.bedge_m - skipped;
  endfunction

  /// Column of row group 0 at the start.
  function automatic logic [15:0] first_column(agu_cfg_t c);
    logic [15:0] skipped;
    skipped = (RowBase != 0 && c.xpose == XposeNone) ? {3'b0, c.xstep, 3'b0} : 16'd0;
    return skipped - {12'b0, c.pad_x};
  endfunction

  // Registers that only a new run changes are apart from those of the loops: so a simulator need not copy
  // them every cycle.
  always_ff @(posedge clk_i) begin
    if (load) begin
      agu_cfg_t c;
      c = next_valid_q ? next_q : cfg_i;
      for (int unsigned j = 0; j < 6; j++) begin
        count_q[j] <= c.loop[j].count - 16'd1;
        delta_q[j] <= c.step[j].delta;
      end
      pitch_q      <= c.pitch;
      w_log2_q     <= c.w_log2;
      xpose_q      <= c.xpose;
      epoch_q      <= next_valid_q ? next_epoch_q : start_epoch_i;
      redge_en_q   <= c.redge_en;
      redge_sub_q  <= c.redge_sub;
      redge_loop_q <= c.redge_loop;
      redge_n_q    <= {c.redge_n == '0, c.redge_n};
      bedge_en_q   <= c.bedge_en;
      bedge_loop_q <= c.bedge_loop;
      bedge_m_q    <= edge_bytes(c);
      row_first_q  <= (c.xpose == XposeNone) ? 4'(RowBase) : 4'd0;
      plane_q      <= c.win_w != '0;
      if (c.win_w != '0) begin
        for (int unsigned j = 0; j < 6; j++) begin
          dx_q[j] <= c.loop[j].dx;
          dy_q[j] <= c.step[j].dy;
        end
        xstep_q <= c.xstep;
        win_w_q <= c.win_w;
        win_h_q <= c.win_h;
      end
      gather_q <= Gather && c.gather;
      if (Gather) begin
        gather_base_q <= c.base[SpmAw-1:0];
        gather_loop_q <= c.gather_loop;
      end
    end
  end

  // ---------------------------------------------------------------- loops
  spm_addr_t        base_q;
  logic [5:0][15:0] left_q;   // iterations after this one
  logic [5:0]       end_q;    // left_q[j] == 0
  logic [4:0]       row0_q;   // rows before this access with redge_sub, at most 16
  logic [15:0]      x_q, y_q; // position in the picture
  logic             fresh_q, fresh;  // the base of this access comes from the index stream
  spm_addr_t        base;     // of this access
  logic             out_valid_q;

  assign ends  = end_q == '1;
  assign fresh = Gather && fresh_q;
  assign move  = valid_q && (!fresh || idx_valid_i) && (!out_valid_q || ready_i);
  assign base  = fresh ? gather_base_q + {idx_i[SpmAw-1:3], 3'b0} : base_q;

  assign idx_ready_o = valid_q && fresh && (!out_valid_q || ready_i);

  always_ff @(posedge clk_i) begin
    if (load) begin
      agu_cfg_t c;
      c = next_valid_q ? next_q : cfg_i;
      for (int unsigned j = 0; j < 6; j++) begin
        left_q[j] <= c.loop[j].count - 16'd1;
        end_q[j]  <= c.loop[j].count == 16'd1;
      end
      base_q  <= c.base[SpmAw-1:0];
      row0_q  <= '0;
      fresh_q <= Gather && c.gather;
      if (c.win_w != '0) begin
        x_q <= first_column(c);
        y_q <= -{12'b0, c.pad_y};
      end
    end else if (move) begin
      // Restart the loops that end here, advance the first that has iterations left.
      logic inner;
      inner   = 1'b1;
      fresh_q <= 1'b0;
      for (int unsigned j = 0; j < 6; j++) begin
        if (inner) begin
          if (end_q[j]) begin
            left_q[j] <= count_q[j];
            end_q[j]  <= count_q[j] == '0;
          end else begin
            base_q    <= base + delta_q[j];
            left_q[j] <= left_q[j] - 16'd1;
            end_q[j]  <= left_q[j] == 16'd1;
            if (Gather && gather_q && 3'(j) >= gather_loop_q) fresh_q <= 1'b1;
            if (plane_q) begin
              x_q <= x_q + dx_q[j];
              y_q <= y_q + {{6{dy_q[j][9]}}, dy_q[j]};
            end
            inner = 1'b0;
          end
        end
      end
      if (redge_sub_q) begin
        if (end_q[0]) row0_q <= '0;
        else if (!row0_q[4]) row0_q <= row0_q + (5'd8 >> w_log2_q);
      end
    end
  end

  // ---------------------------------------------------------------- output register
  spm_addr_t   out_base_q, out_pitch_q;
  logic [1:0]  out_w_log2_q;
  logic [63:0] out_strb_q;
  xpose_e      out_xpose_q;
  logic [5:0]  out_last_q;
  logic        out_epoch_q;

  always_ff @(posedge clk_i) begin
    if (move) begin
      logic redge, bedge;
      redge = redge_en_q && end_q[redge_loop_q];
      bedge = bedge_en_q && end_q[bedge_loop_q];
      for (int unsigned j = 0; j < 6; j++) out_last_q[j] <= &(end_q | ~6'((2 << j) - 1));
      out_base_q   <= base;
      out_pitch_q  <= pitch_q;
      out_w_log2_q <= w_log2_q;
      out_xpose_q  <= xpose_q;
      out_epoch_q  <= epoch_q;
      if (!redge && !bedge && !plane_q) begin
        out_strb_q <= '1;
      end else begin
        logic [7:0]  rows;
        logic [63:0] bytes;
        rows  = '1;
        bytes = '1;
        if (redge) rows = rows_below(row0_q + {1'b0, row_first_q}, redge_n_q);
        if (plane_q) rows &= rows_in_plane(x_q, y_q, xstep_q, win_w_q, win_h_q);
        if (bedge) bytes = bytes_below(bedge_m_q);
        out_strb_q <= group_strb(w_log2_q, rows, bytes);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) out_valid_q <= 1'b0;
    else if (move) out_valid_q <= 1'b1;
    else if (ready_i) out_valid_q <= 1'b0;
  end

  assign valid_o  = out_valid_q;
  assign base_o   = out_base_q;
  assign pitch_o  = out_pitch_q;
  assign w_log2_o = out_w_log2_q;
  assign strb_o   = out_strb_q;
  assign xpose_o  = out_xpose_q;
  assign last_o   = out_last_q;
  assign fin_o    = out_last_q[5];
  assign epoch_o  = out_epoch_q;
  assign idle_o   = !out_valid_q && !valid_q && !next_valid_q;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSUME(LegalStart, !(start_valid_i && start_ready_o) || !agu_bad(cfg_i))
  `TSR_ASSERT(WaitingOnlyBehindARun, !next_valid_q || valid_q)

endmodule
