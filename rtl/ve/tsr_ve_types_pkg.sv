// SPDX-License-Identifier: Apache-2.0
/// Types between the parts of the vector engine, and its rules for legal configurations.
package tsr_ve_types_pkg;
  import tsr_tile_pkg::*;
  import tsr_ve_pkg::*;

  /// One 32-bit word a lane.
  typedef logic [Lanes-1:0][31:0] vec_t;

  /// One word of up to 64 bits a lane, between the steps of a unit.
  typedef logic [Lanes-1:0][63:0] wide_t;

  /// What travels with a group.
  typedef struct packed {
    logic              first;  // first group of its command
    logic              fin;    // last group of its command
    logic              epoch;  // configuration bank
    logic [5:0]        last;   // loops that end with it
    logic [Lanes-1:0]  mask;   // valid lanes
    logic [27:0]       elem;   // element number of lane 0, divided by 16
  } tag_t;

  typedef logic [Consts-1:0][31:0] consts_t;

  /// Operations that a unit computes: the multiplier, the special functions.
  function automatic logic is_fma(op_e op);
    return op[5:3] == 3'b100;
  endfunction
  function automatic logic is_sfu(op_e op);
    return op[5:3] == 3'b101;
  endfunction

  function automatic logic uses_b(op_e op);
    return op != OpPass && op != OpF2I && op != OpI2F && op != OpRound && !is_sfu(op);
  endfunction
  function automatic logic uses_c(op_e op);
    return op == OpSel || op == OpFma;
  endfunction

  /// The stage does nothing to a group.
  function automatic logic is_nop(stage_cfg_t c);
    return c.op == OpPass && !c.acc_en && (c.dst[2] || (c.a == {4'b0, c.dst}));
  endfunction

  /// Values V0..V3 that must enter the stage for those of `live` to leave it.
  function automatic logic [3:0] live_before(stage_cfg_t c, logic [3:0] live);
    logic [3:0] r;
    r = live;
    if (is_nop(c)) return r;
    if (!c.dst[2]) r[c.dst[1:0]] = 1'b0;
    if (c.a.src[4:2] == '0) r[c.a.src[1:0]] = 1'b1;
    if (uses_b(c.op) && c.b.src[4:2] == '0) r[c.b.src[1:0]] = 1'b1;
    if (uses_c(c.op) && c.c.src[4:2] == '0) r[c.c.src[1:0]] = 1'b1;
    return r;
  endfunction

  /// Values that leave the last stage to the reduction and the outputs.
  function automatic logic [3:0] live_last(reduce_cfg_t red, out_port_t [1:0] o);
    logic [3:0] r;
    r = '0;
    if (red.op != RedNone) r[red.src] = 1'b1;
    if (o[0].en && !o[0].src[2]) r[o[0].src[1:0]] = 1'b1;
    if (o[1].en && !o[1].src[2]) r[o[1].src[1:0]] = 1'b1;
    return r;
  endfunction

  // ---------------------------------------------------------------- legal configurations

  function automatic logic stage_bad(stage_cfg_t c, logic has_fma, logic has_sfu);
    logic known;
    known = c.op <= OpUnord || (is_fma(c.op) && c.op <= OpSub && has_fma) || (is_sfu(c.op) && has_sfu);
    return !known || c.rm > RmStochastic || c.dst > 3'd4 || c.acc_loop > 3'd5 || c.a.src[4] ||
           c.b.src[4] || c.c.src[4];
  endfunction

  function automatic logic in_bad(in_port_t c, logic pace);
    if (!c.en) return pace;
    return c.fmt > FmtUint8 || c.hold_loop > 3'd5 || (pace ? c.scalar : c.chain);
  endfunction

  function automatic logic is_mx_fmt(fmt_e f);
    return f == FmtE4m3 || f == FmtE5m2 || f == FmtE3m2 || f == FmtE2m3 || f == FmtE2m1 || f == FmtInt8;
  endfunction

  function automatic logic outs_bad(out_port_t [1:0] o);
    logic bad;
    bad = 1'b0;
    for (int unsigned i = 0; i < 2; i++) begin
      if (o[i].en && (i == 0 || !(o[0].en && o[0].mx))) begin
        bad |= o[i].fmt > FmtUint8 || o[i].rm > RmStochastic || o[i].src > 3'd5 ||
               o[i].loop > 3'd5;
        bad |= i == 1 && o[i].mx;
      end
    end
    bad |= o[1].en && o[1].chain;
    bad |= o[0].en && o[0].mx && (o[0].scalar || o[0].on_last || o[0].from_i || !o[1].en ||
                                  !is_mx_fmt(o[0].fmt));
    return bad;
  endfunction

  function automatic logic red_bad(reduce_cfg_t c);
    return c.op > RedArgMinI || c.loop > 3'd5 || c.elem_loop > 3'd5;
  endfunction

endpackage
