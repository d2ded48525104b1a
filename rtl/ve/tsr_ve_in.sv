// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Input port: cuts beats into groups of 16 elements or into scalars, and converts them.
///
/// *Latency:* 1 cycle; vec_o is the pipeline's first register.
/// *Backpressure:* beat_ready_o depends on take_i.
/// *Throughput:* one group a cycle.
/// *Reset:* at the start of a beat.
module tsr_ve_in
  import tsr_tile_pkg::*;
  import tsr_ve_pkg::*;
  import tsr_ve_types_pkg::*;
  import tsr_ve_fp_pkg::*;
#(
  /// 1: this port sets the pace and ends the command with its last beat; it has no scalars.
  parameter bit Pace = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  /// Configuration of the command whose groups enter; constant between its first and last take_i.
  input  in_port_t         cfg_i,
  /// A command is there.
  input  logic             run_i,

  // Beats.
  input  logic             beat_valid_i,
  output logic             beat_ready_o,
  input  beat_t            beat_i,

  /// A group of this port is there, or none is needed.
  output logic             ready_o,
  /// A group enters the pipeline in this cycle; its tags (those of I0), and whether it is the command's last.
  input  logic             take_i,
  input  logic [5:0]       last_i,
  input  logic             fin_i,

  /// The words are needed.
  input  logic             keep_i,
  /// The words of the group taken last; 0 if the port is off.
  output vec_t             vec_o,
  /// Valid lanes, tags. Pace only.
  output logic [Lanes-1:0] mask_o,
  output logic [5:0]       last_o,
  output logic             fin_o,

  /// With take_i: the stream is shorter or longer than the command.
  output logic             shape_o,
  /// Beats of a command that has ended are still thrown away.
  output logic             drain_o
);

  // ---------------------------------------------------------------- position in the beat
  logic [1:0] size;        // log2(bits) - 2
  logic [6:0] pos_q;       // group or scalar of the beat
  logic       second_q;    // hold_two: second group of the scalar
  logic       ended_q;     // the stream's last beat is used up
  logic       drain_q;
  logic       use_beat;    // the group takes elements from the beat
  logic       advance;     // to the next element or group
  logic       at_end;      // there is none in the beat
  logic       pop;

  assign size     = size_of(cfg_i.fmt);
  assign use_beat = cfg_i.en && !ended_q;
  assign ready_o  = !cfg_i.en || (!drain_q && (ended_q || beat_valid_i));

  logic [6:0] next_byte;   // first byte of the next element or group
  logic       scalar;
  logic       rest;        // valid bytes from there on

  assign scalar    = cfg_i.scalar && !Pace;
  assign next_byte = byte_of({1'b0, pos_q} + 8'd1, size, scalar);
  assign rest      = (beat_i.strb >> next_byte[5:0]) != '0;
  assign at_end    = next_byte[6] || ((cfg_i.skip || scalar) && !rest);
  assign advance   = !scalar || (cfg_i.hold_two ? second_q : last_i[cfg_i.hold_loop]);

  assign pop          = use_beat && take_i && ((advance && at_end) || (fin_i && beat_i.fin));
  assign beat_ready_o = pop || drain_q;

  // At the end of the command the stream's last beat must be in use, at least in part.
  logic rest_ok;
  assign rest_ok = ended_q || (beat_i.fin && (pos_q != '0 || advance));
  assign shape_o = !Pace && cfg_i.en && take_i && (ended_q || (fin_i && !rest_ok));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pos_q    <= '0;
      second_q <= 1'b0;
      ended_q  <= 1'b0;
      drain_q  <= 1'b0;
    end else begin
      if (take_i && use_beat) begin
        if (advance) pos_q <= at_end ? '0 : pos_q + 7'd1;
        second_q <= !second_q;
        if (pop && beat_i.fin) ended_q <= 1'b1;
      end
      if (take_i && fin_i) begin
        pos_q    <= '0;
        second_q <= 1'b0;
        ended_q  <= 1'b0;
        drain_q  <= !Pace && use_beat && !(pop && beat_i.fin);
      end else if (drain_q && beat_valid_i && beat_i.fin) begin
        drain_q <= 1'b0;
      end
    end
  end

  assign drain_o = drain_q;

  // ---------------------------------------------------------------- elements
  /// Sixteen elements of group n, unconverted.
  function automatic vec_t group_of(logic [7:0][63:0] data, logic [1:0] bits, logic [2:0] n);
    vec_t             r;
    logic [3:0][63:0] w;
    r = '0;
    w = '0;
    unique case (bits)
      2'd0: begin
        w[0] = data[n];
        for (int unsigned l = 0; l < Lanes; l++) r[l][3:0] = w[0][4*l+:4];
      end
      2'd1: begin
        w[1:0] = data[{n[1:0], 1'b0}+:2];
        for (int unsigned l = 0; l < Lanes; l++) r[l][7:0] = w[l/8][8*(l%8)+:8];
      end
      2'd2: begin
        w = n[0] ? data[7:4] : data[3:0];
        for (int unsigned l = 0; l < Lanes; l++) r[l][15:0] = w[l/4][16*(l%4)+:16];
      end
      2'd3: r = data;
    endcase
    return r;
  endfunction

  /// Element n, unconverted; what is above it is not cleared.
  function automatic logic [31:0] element_of(logic [7:0][63:0] data, logic [1:0] bits, logic [6:0] n);
    logic [63:0] w;
    unique case (bits)
      2'd0: w = data[n[6:4]] >> {n[3:0], 2'b0};
      2'd1: w = data[n[5:3]] >> {n[2:0], 3'b0};
      2'd2: w = data[n[4:2]] >> {n[1:0], 4'b0};
      2'd3: w = data[n[3:1]] >> {n[0], 5'b0};
    endcase
    return w[31:0];
  endfunction

  vec_t vec_q;

  always_ff @(posedge clk_i) begin
    if (take_i && keep_i) begin
      vec_t x;
      x = '0;
      if (cfg_i.en) begin
        // Missing elements have the code zero.
        if (!ended_q && scalar) x[0] = element_of(beat_i.data, size, pos_q);
        else if (!ended_q) x = group_of(beat_i.data, size, pos_q[2:0]);
        x[0] = load_element(cfg_i.fmt, cfg_i.to_f, x[0]);
        for (int unsigned l = 1; l < Lanes; l++) begin
          if (scalar) x[l] = x[0];
          else x[l] = load_element(cfg_i.fmt, cfg_i.to_f, x[l]);
        end
      end
      vec_q <= x;
    end
  end

  assign vec_o = vec_q;

  // ---------------------------------------------------------------- tags
  always_comb begin
    mask_o = '0;
    if (Pace) begin
      unique case (size)
        2'd0: for (int unsigned l = 0; l < Lanes; l++) mask_o[l] = beat_i.strb[{pos_q[2:0], 3'(l/2)}];
        2'd1: mask_o = beat_i.strb[{pos_q[1:0], 4'b0}+:16];
        2'd2: for (int unsigned l = 0; l < Lanes; l++) mask_o[l] = beat_i.strb[{pos_q[0], 5'(2*l)}];
        2'd3: for (int unsigned l = 0; l < Lanes; l++) mask_o[l] = beat_i.strb[4*l];
      endcase
    end
  end

  assign last_o = at_end ? beat_i.last : '0;
  assign fin_o  = at_end && beat_i.fin;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(TakeWhenReady, !take_i || (ready_o && run_i))

endmodule
