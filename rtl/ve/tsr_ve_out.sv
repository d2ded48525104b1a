// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Output port: converts groups, quantizes MX blocks, packs elements into beats and writes them at the
/// accesses of its address generator (port 0: or sends them to the matrix engine).
///
/// *Latency:* 3 cycles from a group to the request of the beat that it completes; MX: 1 more.
/// *Backpressure:* in_ready_o depends on in_tag_i, not on the ready inputs of the scratchpad and chain ports.
/// *Throughput:* one group a cycle.
/// *Reset:* empties everything.
///
/// The scratchpad must answer each accepted access in the very next cycle.
module tsr_ve_out
  import tsr_tile_pkg::*;
  import tsr_ve_pkg::*;
  import tsr_ve_types_pkg::*;
  import tsr_ve_fp_pkg::*;
#(
  /// 0: can quantize MX blocks and chain; 1: takes their scales.
  parameter int unsigned Port = 0
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  // Both banks: configuration, the command quantizes, seed of the generators.
  input  out_port_t [1:0]  cfg_i,
  input  logic [1:0]       mx_i,
  input  logic [1:0][31:0] seed_i,
  /// The bank's command has failed: write nothing more.
  input  logic [1:0]       drop_i,

  /// Run of the address generator.
  input  logic             start_valid_i,
  output logic             start_ready_o,
  input  agu_cfg_t         agu_cfg_i,
  input  logic             start_epoch_i,

  /// Groups; taken with in_take_i, only while in_ready_o.
  output logic             in_ready_o,
  input  logic             in_take_i,
  input  tag_t             in_tag_i,
  input  vec_t             in_vec_i,
  input  logic [31:0]      in_r_i,
  input  logic [31:0]      in_ri_i,

  // Scales of MX blocks. Port 0 gives, port 1 takes.
  output logic             scale_valid_o,
  input  logic             scale_ready_i,
  output logic [7:0]       scale_o,
  output logic             scale_fin_o,
  input  logic             scale_valid_i,
  output logic             scale_ready_o,
  input  logic [7:0]       scale_i,
  input  logic             scale_fin_i,

  // Scratchpad port.
  output logic             spm_valid_o,
  input  logic             spm_ready_i,
  output spm_req_t         spm_req_o,
  input  logic             spm_rsp_valid_i,
  input  spm_rsp_t         spm_rsp_i,

  // Beats to the matrix engine. Port 0.
  output logic             chain_valid_o,
  input  logic             chain_ready_i,
  output beat_t            chain_o,

  /// Pulse: everything of the bank's command is written and answered.
  output logic             fin_o,
  output logic             fin_epoch_o,
  /// Format flags of a group, {overflow, NaN}, and the bank of its command.
  output logic [1:0]       flags_o,
  output logic             flags_epoch_o,
  /// Pulse: more or fewer beats than accesses.
  output logic             shape_o,
  output logic             shape_epoch_o,
  /// Pulse: an access left the scratchpad.
  output logic             err_o,
  output spm_addr_t        err_addr_o,
  output logic             err_epoch_o
);

  // ---------------------------------------------------------------- groups, normalized
  // Groups go through two places in turn. The first group of an MX block waits for the second.
  typedef struct packed {
    logic             sel;     // elements are written; else the token only ends the command
    logic             fin;
    logic             epoch;
    logic             first;   // first group of an MX block
    logic             mx;
    logic [5:0]       last;
    logic [Lanes-1:0] mask;
  } token_t;

  token_t [1:0]           slot_q;
  logic [Lanes-1:0][63:0] norm0_q, norm1_q;   // norm_t
  logic [1:0][7:0]        top_q;              // largest biased exponent
  logic [1:0][7:0]        scale_q;
  logic [1:0]             held_q;             // the place holds a group
  logic                   wr_q, rd_q;         // next place to fill, to empty
  logic                   second_q;           // the next MX group is the second of its block
  out_port_t              in_cfg;
  token_t                 in_token;
  logic                   in_mx, in_want, load, leaves;

  assign in_cfg = cfg_i[in_tag_i.epoch];
  assign in_mx  = mx_i[in_tag_i.epoch];

  always_comb begin
    in_token.sel   = in_cfg.en && (!in_cfg.on_last || in_tag_i.last[in_cfg.loop]);
    in_token.fin   = in_tag_i.fin;
    in_token.epoch = in_tag_i.epoch;
    in_token.first = in_mx && !second_q;
    in_token.mx    = in_mx;
    in_token.last  = in_tag_i.last;
    in_token.mask  = in_cfg.scalar ? Lanes'(1) : in_tag_i.mask;
    // Port 1 of an MX command gets everything, its end too, from port 0.
    in_want        = (in_token.sel || in_token.fin) && !(Port == 1 && in_mx);
  end

  assign in_ready_o = !in_want || !held_q[wr_q] || (leaves && rd_q == wr_q);
  assign load       = in_take_i && in_want;

  /// Largest biased exponent of the valid lanes.
  function automatic logic [7:0] top_exp(vec_t x, logic [Lanes-1:0] mask);
    logic [Lanes-1:0][7:0] e;
    for (int unsigned l = 0; l < Lanes; l++) e[l] = mask[l] ? x[l][30:23] : '0;
    for (int unsigned w = Lanes / 2; w > 0; w /= 2) begin
      for (int unsigned l = 0; l < w; l++) if (e[l+w] > e[l]) e[l] = e[l+w];
    end
    return e[0];
  endfunction

  always_ff @(posedge clk_i) begin
    if (load) begin
      slot_q[wr_q] <= in_token;
      if (in_token.sel) begin
        vec_t                   x;
        logic [Lanes-1:0][63:0] n;
        logic [31:0]            word;
        word = in_cfg.src[0] ? in_ri_i : in_r_i;
        if (!in_cfg.src[2]) x = in_vec_i;
        else x = {Lanes{word}};
        n = '0;
        for (int unsigned l = 0; l < Lanes; l++) begin
          if (l == 0 || !in_cfg.scalar) n[l] = 64'(store_norm(in_cfg.from_i, x[l]));
        end
        if (!wr_q) norm0_q <= n;
        else norm1_q <= n;
        if (Port == 0 && in_mx) begin
          // A block without a second group keeps the scale of its first.
          logic [7:0] top, pair;
          top  = top_exp(x, in_tag_i.mask);
          pair = (second_q && top_q[!wr_q] > top) ? top_q[!wr_q] : top;
          top_q[wr_q]   <= top;
          scale_q[wr_q] <= mx_scale(in_cfg.fmt, pair);
          if (second_q) scale_q[!wr_q] <= mx_scale(in_cfg.fmt, pair);
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      held_q   <= '0;
      wr_q     <= 1'b0;
      rd_q     <= 1'b0;
      second_q <= 1'b0;
    end else begin
      if (leaves) begin
        held_q[rd_q] <= 1'b0;
        rd_q         <= !rd_q;
      end
      if (load) begin
        held_q[wr_q] <= 1'b1;
        wr_q         <= !wr_q;
        if (Port == 0) second_q <= in_mx && !in_tag_i.fin && !second_q;
      end
    end
  end

  // ---------------------------------------------------------------- address generator
  logic        agu_valid, agu_fin, agu_epoch, agu_take;
  spm_addr_t   base, pitch;
  logic [1:0]  w_log2;
  logic [63:0] strb;

  tsr_agu u_agu (
    .clk_i, .rst_ni, .start_valid_i, .start_ready_o, .cfg_i(agu_cfg_i), .start_epoch_i,
    .idx_valid_i(1'b0), .idx_ready_o(), .idx_i('0),
    .valid_o(agu_valid), .ready_i(agu_take),
    .base_o(base), .pitch_o(pitch), .w_log2_o(w_log2), .strb_o(strb), .xpose_o(), .last_o(),
    .fin_o(agu_fin), .epoch_o(agu_epoch), .idle_o()
  );

  // ---------------------------------------------------------------- the group that is converted
  logic      epoch_q;        // bank of the command that the port works for
  logic      scales;         // it takes scales from port 0
  out_port_t cfg;
  token_t    token;
  logic      valid, go;      // a token is there; it is dealt with
  logic      memory;         // the command writes to the scratchpad
  logic      ended_q;        // its last access is used
  logic      drain_q;        // its accesses left over are thrown away
  logic      room;           // the register behind is free or being freed

  assign scales = Port == 1 && mx_i[epoch_q];
  assign cfg    = cfg_i[epoch_q];
  assign memory = cfg.en && !(Port == 0 && cfg.chain);

  logic able;  // nothing but the other port of an MX command is in the way

  always_comb begin
    token = slot_q[rd_q];
    valid = held_q[rd_q] && (Port == 1 || !token.first || token.fin || held_q[!rd_q]);
    if (scales) begin
      token      = '0;
      token.sel  = 1'b1;
      token.fin  = scale_fin_i;
      token.mask = Lanes'(1);
      valid      = scale_valid_i;
    end
  end

  assign able = valid && room && !drain_q && (!memory || ended_q || agu_valid);
  assign go   = able && (!scale_valid_o || scale_ready_i);

  assign leaves        = go && !scales;
  assign scale_ready_o = go && scales;
  assign scale_valid_o = Port == 0 && able && token.first;
  assign scale_o       = scale_q[rd_q];
  assign scale_fin_o   = token.fin || slot_q[!rd_q].fin;

  // ---------------------------------------------------------------- stochastic rounding
  vec_t random_q;
  logic unseeded_q;          // the command's generators have not stepped
  logic stochastic;

  assign stochastic = go && token.sel && !scales && !token.mx && cfg.rm == RmStochastic;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) unseeded_q <= 1'b1;
    else if (go && token.fin) unseeded_q <= 1'b1;
    else if (stochastic) unseeded_q <= 1'b0;
  end

  // ---------------------------------------------------------------- packing
  logic [7:0][63:0] data_q;
  logic [63:0]      data_strb_q;  // chain: bytes of valid lanes
  logic [6:0]       count_q;      // groups or scalars in the beat
  logic             keep;         // the group's elements go to the beat
  logic             scalar;
  logic [1:0]       size;
  logic [6:0]       next_byte;    // behind them
  logic             full;         // the beat is complete with them
  logic             flush;        // the command ends with a started beat
  logic             done;         // a beat is finished by this token

  assign keep   = token.sel && (!memory || !ended_q);
  assign scalar = scales || cfg.scalar;
  assign size   = scales ? 2'd1 : size_of(cfg.fmt);

  assign next_byte = byte_of({1'b0, count_q} + 8'd1, size, scalar);
  assign full      = next_byte[6] || (memory && cfg.skip && (strb >> next_byte[5:0]) == '0);

  assign flush = token.fin && !(keep && full) && (keep || count_q != '0);
  assign done  = (keep && full) || flush;

  // ---------------------------------------------------------------- cut to the format
  /// How the group goes into its beat.
  typedef struct packed {
    logic             keep;
    logic             beat;    // the beat, or the end of the command, leaves
    logic             epoch;
    logic             mx;
    logic             scales;
    logic             scalar;
    logic [1:0]       size;
    logic [6:0]       count;
    logic [Lanes-1:0] mask;
    logic [Lanes-1:0] valid;   // lanes whose flags count
  } pack_t;

  pack_t                  pack_q;
  logic                   cut_valid_q;  // a group waits for the beat register
  logic [Lanes-1:0][63:0] cut_q;        // store_t
  logic [7:0]             cut_scale_q;

  always_ff @(posedge clk_i) begin
    if (go && keep) begin
      vec_t random;
      random = '0;
      if (stochastic) begin
        logic [31:0] seed;
        seed   = seed_i[epoch_q];
        random = random_q;
        for (int unsigned l = 0; l < Lanes; l++) begin
          if (unseeded_q) random[l] = seed_of(seed, l, Port);
          random[l] = xorshift(random[l]);
        end
        random_q <= random;
      end
      if (scales) begin
        cut_scale_q <= scale_i;
      end else begin
        for (int unsigned l = 0; l < Lanes; l++) begin
          if ((l == 0 || !scalar) && (memory || token.mask[l])) begin
            logic [63:0] n;
            n        = rd_q ? norm1_q[l] : norm0_q[l];
            cut_q[l] <= 64'(store_cut(cfg.fmt, cfg.rm, random[l], Port == 0 && token.mx, scale_q[rd_q],
                                      n[$bits(norm_t)-1:0]));
          end
        end
      end
    end
    if (go) begin
      pack_q <= '{keep: keep, beat: done || token.fin, epoch: epoch_q, mx: Port == 0 && token.mx, scales: scales,
                  scalar: scalar, size: size, count: count_q, mask: memory ? '1 : token.mask,
                  valid: token.mask};
    end
  end

  // ---------------------------------------------------------------- the beat
  out_port_t pack_cfg;
  logic      pack_go;   // the group goes into the beat register

  assign pack_cfg = cfg_i[pack_q.epoch];

  // Flags of the group that was packed last; at their command's end they have reached it.
  logic [1:0] flags_q;
  logic       flags_epoch_q;
  assign flags_o       = flags_q;
  assign flags_epoch_o = flags_epoch_q;

  always_ff @(posedge clk_i) begin
    if (flags_q != '0) flags_q <= '0;
    if (pack_go && pack_q.keep) begin
      vec_t             c;
      logic [1:0]       flags;
      logic [7:0][63:0] p, d;
      logic [63:0]      s;
      logic [8:0]       at;
      c     = '0;
      flags = '0;
      if (pack_q.scales) begin
        c[0] = {24'b0, cut_scale_q};
      end else begin
        for (int unsigned l = 0; l < Lanes; l++) begin
          if ((l == 0 || !pack_q.scalar) && pack_q.mask[l]) begin
            stored_t r;
            r    = store_code(pack_cfg.fmt, pack_cfg.rm, pack_cfg.sat, pack_q.mx, cut_q[l][$bits(store_t)-1:0]);
            c[l] = r.code;
            if (pack_q.valid[l]) flags = flags | {r.overflow, r.nan};
          end
        end
        flags_q       <= flags;
        flags_epoch_q <= pack_q.epoch;
      end
      d  = (pack_q.count == '0) ? '0 : data_q;
      p  = '0;
      at = {2'b0, pack_q.count} << ({1'b0, pack_q.size} + 3'd2);  // first bit of a scalar
      if (pack_q.scalar) begin
        unique case (pack_q.size)
          2'd0: s = {60'b0, c[0][3:0]};
          2'd1: s = {56'b0, c[0][7:0]};
          2'd2: s = {48'b0, c[0][15:0]};
          2'd3: s = {32'b0, c[0]};
        endcase
        d[at[8:6]] = d[at[8:6]] | (s << at[5:0]);
      end else begin
        unique case (pack_q.size)
          2'd0: begin
            for (int unsigned l = 0; l < Lanes; l++) p[0][4*l+:4] = c[l][3:0];
            d[pack_q.count[2:0]] = p[0];
          end
          2'd1: begin
            for (int unsigned l = 0; l < Lanes; l++) p[l/8][8*(l%8)+:8] = c[l][7:0];
            d[{pack_q.count[1:0], 1'b0}+:2] = p[1:0];
          end
          2'd2: begin
            for (int unsigned l = 0; l < Lanes; l++) p[l/4][16*(l%4)+:16] = c[l][15:0];
            if (pack_q.count[0]) d[7:4] = p[3:0];
            else d[3:0] = p[3:0];
          end
          2'd3: d = c;
        endcase
      end
      data_q <= d;
    end
  end

  if (Port == 0) begin : gen_chain_strb
    always_ff @(posedge clk_i) begin
      if (pack_go && pack_q.keep && pack_cfg.chain) begin
        logic [63:0] s;
        s = '0;
        for (int unsigned l = 0; l < Lanes; l++) begin
          if (pack_q.mask[l]) begin
            unique case (pack_q.size)
              2'd0: s[l/2] = 1'b1;
              2'd1: s[l] = 1'b1;
              2'd2: s[2*l+:2] = '1;
              2'd3: s[4*l+:4] = '1;
            endcase
          end
        end
        if (pack_q.scalar) begin
          s = s << ((pack_q.size == 2'd0) ? {1'b0, pack_q.count[6:1]} : pack_q.count << (pack_q.size - 2'd1));
        end else begin
          s = s << {pack_q.count[2:0] << pack_q.size, 3'b0};
        end
        data_strb_q <= (pack_q.count == '0) ? s : data_strb_q | s;
      end
    end
  end else begin : gen_no_chain_strb
    assign data_strb_q = '0;
  end

  // ---------------------------------------------------------------- finished beats
  typedef struct packed {
    logic        fin;    // last one of its command
    logic        epoch;
    logic        write;  // else nothing but the end
    logic        chain;
    logic [5:0]  last;
    spm_addr_t   base;
    spm_addr_t   pitch;
    logic [1:0]  w_log2;
    logic [63:0] strb;
  } head_t;

  head_t cut_head_q, head_q, head;  // head: of the beat that leaves
  logic  beat_q;            // the beat register holds a finished beat
  logic  beat_ready;        // it moves on
  logic  out_valid, out_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cut_valid_q <= 1'b0;
      beat_q      <= 1'b0;
      count_q <= '0;
      epoch_q <= 1'b0;
      ended_q <= 1'b0;
      drain_q <= 1'b0;
    end else begin
      if (go) cut_valid_q <= 1'b1;
      else if (pack_go) cut_valid_q <= 1'b0;
      if (pack_go) beat_q <= pack_q.beat;
      else if (beat_ready) beat_q <= 1'b0;
      if (go && (done || token.fin)) count_q <= '0;
      else if (go && keep) count_q <= count_q + 7'd1;
      if (go && token.fin) begin
        epoch_q <= !epoch_q;
        ended_q <= 1'b0;
        drain_q <= memory && !(ended_q || (done && agu_fin));
      end else begin
        if (go && done && memory && agu_fin) ended_q <= 1'b1;
        if (drain_q && agu_valid && agu_fin) drain_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (go && (done || token.fin)) begin
      cut_head_q.fin    <= token.fin;
      cut_head_q.epoch  <= epoch_q;
      cut_head_q.write  <= done && memory;
      cut_head_q.chain  <= done && Port == 0 && !memory && cfg.en;
      cut_head_q.last   <= token.last;
      cut_head_q.base   <= base;
      cut_head_q.pitch  <= pitch;
      cut_head_q.w_log2 <= w_log2;
      cut_head_q.strb   <= strb;
    end
    if (pack_go && pack_q.beat) head_q <= cut_head_q;
  end

  assign agu_take      = (go && done && memory) || drain_q;
  assign pack_go       = cut_valid_q && (!beat_q || beat_ready);
  assign room          = !cut_valid_q || pack_go;
  assign shape_o       = go && memory && ((token.sel && ended_q) ||
                                          (token.fin && !(ended_q || (done && agu_fin))));
  assign shape_epoch_o = epoch_q;

  // A beat that cannot leave at once moves to a second register.
  logic             kept_q;
  head_t            kept_head_q;
  logic [7:0][63:0] kept_data_q;
  logic [63:0]      kept_strb_q;

  assign beat_ready = !kept_q;
  assign out_valid  = kept_q || beat_q;
  assign head       = kept_q ? kept_head_q : head_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) kept_q <= 1'b0;
    else kept_q <= out_valid && !out_ready;
  end

  always_ff @(posedge clk_i) begin
    if (beat_q && !kept_q && !out_ready) begin
      kept_head_q <= head_q;
      kept_data_q <= data_q;
      kept_strb_q <= data_strb_q;
    end
  end

  // ---------------------------------------------------------------- write port
  // A request that was offered stays, even if drop_i rises meanwhile.
  logic      dropping, offered_q, pending_q, fin_q, last_epoch_q;
  spm_addr_t pending_base_q;

  assign dropping      = drop_i[head.epoch] && !offered_q;
  assign spm_valid_o   = out_valid && head.write && !dropping;
  assign chain_valid_o = Port == 0 && out_valid && head.chain;
  assign out_ready     = head.write ? dropping || spm_ready_i : !chain_valid_o || chain_ready_i;

  assign spm_req_o = '{pad: '0, write: 1'b1, w_log2: head.w_log2, base: head.base, pitch: head.pitch,
                       strb: head.strb, wdata: kept_q ? kept_data_q : data_q};
  assign chain_o   = '{fin: head.fin, epoch: head.epoch, last: head.last,
                       strb: kept_q ? kept_strb_q : data_strb_q, data: kept_q ? kept_data_q : data_q};

  always_ff @(posedge clk_i) begin
    if (out_valid && out_ready) begin
      pending_base_q <= head.base;
      last_epoch_q   <= head.epoch;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      offered_q <= 1'b0;
      pending_q <= 1'b0;
      fin_q     <= 1'b0;
    end else begin
      offered_q <= spm_valid_o && !spm_ready_i;
      pending_q <= spm_valid_o && spm_ready_i;
      fin_q     <= out_valid && out_ready && head.fin;
    end
  end

  assign fin_o       = fin_q;
  assign fin_epoch_o = last_epoch_q;
  assign err_o       = spm_rsp_valid_i && spm_rsp_i.err;
  assign err_addr_o  = pending_base_q;
  assign err_epoch_o = last_epoch_q;

  // ---------------------------------------------------------------- checks
  `TSR_STATIC_ASSERT(PortLegal, Port < 2)
  `TSR_ASSUME(ResponseNextCycle, spm_rsp_valid_i == pending_q)
  `TSR_ASSERT(OwnAccess, !(agu_take && agu_valid) || agu_epoch == (drain_q ? !epoch_q : epoch_q))
  `TSR_ASSERT(OwnGroup, !(go && !scales) || token.epoch == epoch_q)
  `TSR_ASSERT(TakenWhenReady, !in_take_i || in_ready_o)

endmodule
