// SPDX-License-Identifier: Apache-2.0
/// Configuration of the vector engine, as it lies in a context.
package tsr_ve_pkg;

  localparam int unsigned Lanes  = 16;
  localparam int unsigned Stages = 8;
  localparam int unsigned Consts = 8;

  /// What a stage computes from operands a, b, c. Values are FP32 or INT32 words; the operation decides.
  typedef enum logic [5:0] {
    OpPass   = 6'd0,   // a
    // ALU, every stage
    OpAddI   = 6'd1,   // a + b, wraps
    OpSubI   = 6'd2,   // a - b, wraps
    OpAddSat = 6'd3,   // a + b, saturates
    OpSubSat = 6'd4,
    OpMinI   = 6'd5,
    OpMaxI   = 6'd6,
    OpMinF   = 6'd7,   // minimumNumber
    OpMaxF   = 6'd8,   // maximumNumber
    OpEqI    = 6'd9,   // comparisons give all ones or zero
    OpLtI    = 6'd10,
    OpLeI    = 6'd11,
    OpEqF    = 6'd12,  // NaN compares false
    OpLtF    = 6'd13,
    OpLeF    = 6'd14,
    OpSel    = 6'd15,  // a has its sign bit set ? b : c
    OpAnd    = 6'd16,
    OpOr     = 6'd17,
    OpXor    = 6'd18,
    OpShl    = 6'd19,  // a << b[4:0]
    OpShr    = 6'd20,  // logical
    OpSar    = 6'd21,  // arithmetic
    OpF2I    = 6'd22,  // FP32 -> INT32, rounding mode rm, saturates, NaN gives 0
    OpI2F    = 6'd23,  // INT32 -> FP32, rounding mode rm
    OpRound  = 6'd24,  // FP32 -> integral FP32, rounding mode rm
    OpUnord  = 6'd25,  // a or b is NaN ? all ones : zero
    // stages with a multiplier
    OpFma    = 6'd32,  // a * b + c
    OpMul    = 6'd33,  // a * b
    OpAdd    = 6'd34,  // a + b
    OpSub    = 6'd35,  // a - b
    // stages with special functions
    OpExp2   = 6'd40,  // of a
    OpLog2   = 6'd41,
    OpRcp    = 6'd42,
    OpRsqrt  = 6'd43,
    OpTanh   = 6'd44,
    OpSin    = 6'd45,  // sin(2 pi a)
    OpCos    = 6'd46,  // cos(2 pi a)
    OpPhi    = 6'd47   // cumulative distribution of the standard normal distribution
  } op_e;

  /// Operand of a stage.
  typedef enum logic [4:0] {
    SrcV0   = 5'd0, SrcV1 = 5'd1, SrcV2 = 5'd2, SrcV3 = 5'd3,
    SrcLane = 5'd4,   // 0..15
    SrcElem = 5'd5,   // element number, INT32: counts from 0 since the last end of ve_io_t.elem_loop
    SrcAcc  = 5'd6,   // the stage's accumulator of this lane
    SrcZero = 5'd7,
    SrcK0   = 5'd8    // K0..K7 are 8..15
  } src_e;

  /// Operand selection; first abs, then neg act on the sign bit.
  typedef struct packed {
    logic       neg;
    logic       abs;
    logic [4:0] src;
  } operand_t;

  typedef enum logic [2:0] {
    RmNearest = 3'd0, RmZero = 3'd1, RmUp = 3'd2, RmDown = 3'd3, RmStochastic = 3'd4
  } rm_e;

  /// One stage, 64 bits.
  typedef struct packed {
    logic [15:0] rsvd;      // 63:48
    logic [2:0]  acc_init;  // 47:45: constant that the accumulator starts from
    logic [2:0]  acc_loop;  // 44:42: it starts again after a group with last[acc_loop]
    logic        acc_en;    // 41: the result also goes to the accumulator (valid lanes only)
    rm_e         rm;        // 40:38
    logic [2:0]  dst;       // 37:35: 0..3 replaces V0..V3; 4 replaces nothing
    logic        rot;       // 34: exchange: 0 lane l takes b from lane l ^ n; 1 from lane (l + n) mod 16
    logic [3:0]  exch;      // 33:30: n; 0 = b of the own lane
    logic [2:0]  rsvd0;     // 29:27
    operand_t    c;         // 26:20
    operand_t    b;         // 19:13
    operand_t    a;         // 12:6
    op_e         op;        // 5:0
  } stage_cfg_t;

  typedef stage_cfg_t [Stages-1:0] ve_stages_t;  // one row; stage 0 least significant

  /// Input port.
  typedef struct packed {
    logic [16:0]           rsvd;
    logic                  chain;      // 14: I0 only: beats come from the matrix engine's drain
    logic                  skip;       // 13: groups behind the last valid byte of a beat are left out
    logic                  hold_two;   // 12: scalar: held for two groups (a block of 32) instead
    logic [2:0]            hold_loop;  // 11:9: scalar: the next element after a group of I0 with last[hold_loop]
    logic                  scalar;     // 8: one element for all lanes; else 16 elements a group
    logic [1:0]            rsvd0;      // 7:6
    logic                  to_f;       // 5: INT formats become FP32 (nearest-even); else they stay INT32
    logic                  en;         // 4: I0 must be enabled: it sets the pace and brings the last tags
    tsr_tile_pkg::fmt_e    fmt;        // 3:0
  } in_port_t;

  /// Output port.
  typedef struct packed {
    logic [9:0]            rsvd;
    logic                  skip;     // 21: as in_port_t: decides when a beat is full
    logic                  chain;    // 20: O0 only: beats go to the matrix engine's A port
    logic                  mx;       // 19: O0 only: blocks of 32 elements share a scale; the scales go to O1 (E8m0, one byte a block)
    logic [2:0]            loop;     // 18:16
    logic                  on_last;  // 15: only groups with last[loop] are written
    logic                  scalar;   // 14: lane 0 only
    logic                  from_i;   // 13: the value is INT32, else FP32
    logic                  sat;      // 12: FP formats: too large a number becomes the largest finite one
    rm_e                   rm;       // 11:9
    logic                  rsvd0;    // 8
    logic [2:0]            src;      // 7:5: 0..3 V0..V3, 4 reduction value, 5 reduction index
    logic                  en;       // 4
    tsr_tile_pkg::fmt_e    fmt;      // 3:0
  } out_port_t;

  /// Reduction behind the last stage: over the 16 lanes, and over groups until last[loop].
  typedef enum logic [3:0] {
    RedNone = 4'd0, RedSumF = 4'd1, RedMaxF = 4'd2, RedMinF = 4'd3, RedArgMaxF = 4'd4, RedArgMinF = 4'd5,
    RedSumI = 4'd6, RedMaxI = 4'd7, RedMinI = 4'd8, RedArgMaxI = 4'd9, RedArgMinI = 4'd10
  } red_e;

  typedef struct packed {
    logic [19:0] rsvd;
    logic [2:0]  elem_loop;  // 11:9: SrcElem and the reduction index start again after last[elem_loop]
    logic [2:0]  loop;       // 8:6
    logic [1:0]  src;        // 5:4: V0..V3
    red_e        op;         // 3:0
  } reduce_cfg_t;

  /// Row RowVeIo of a context.
  typedef struct packed {
    logic [23:0]             rsvd;
    logic [7:0]              patch;   // w15[7:0]: bit k: constant k comes from command word 10 + k (k = 0..4)
    logic [31:0]             seed;    // w14: stochastic rounding
    reduce_cfg_t             red;     // w13
    out_port_t [1:0]         o;       // w11, w12
    in_port_t [2:0]          i;       // w8..w10
    logic [Consts-1:0][31:0] k;       // w0..w7
  } ve_io_t;

endpackage
