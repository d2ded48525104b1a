// SPDX-License-Identifier: Apache-2.0
/// Types inside a tile: commands, contexts, scratchpad ports, streams.
package tsr_tile_pkg;

  // ---------------------------------------------------------------- node-local address map

  localparam logic [31:0] ItcmBase = 32'h0000_0000;  // 64 KiB
  localparam logic [31:0] DtcmBase = 32'h0001_0000;  // 64 KiB
  localparam logic [31:0] RegsBase = 32'h0002_0000;  // 4 KiB, regs/tile.toml
  localparam logic [31:0] CmdBase  = 32'h0003_0000;  // + engine * 64: command staging
  localparam logic [31:0] CtxBase  = 32'h0004_0000;  // 8 contexts x 512 bytes
  localparam logic [31:0] RomBase  = 32'h0008_0000;  // ctl only, boot ROM
  localparam logic [31:0] ExtBase  = 32'h0010_0000;  // ctl only, peripherals (64 KiB)
  localparam logic [31:0] SpmBase  = 32'h0100_0000;  // scratchpad
  localparam logic [31:0] WinBase  = 32'h8000_0000;  // core's view only: 8 windows of 256 MiB

  // ---------------------------------------------------------------- scratchpad ports

  localparam int unsigned SpmAw = 22;
  typedef logic [SpmAw-1:0] spm_addr_t;

  /// One access: lane l touches the 8 bytes at base + (l / w) * pitch + (l mod w) * 8.
  /// Lanes whose strobes are all zero are not accessed and read as zero.
  typedef struct packed {
    logic             write;
    logic [1:0]       w_log2;  // log2(w)
    spm_addr_t        base;    // bytes, multiple of 8
    spm_addr_t        pitch;   // bytes, multiple of 8; 0 = every row group is the first one
    logic [63:0]      strb;
    logic [7:0][63:0] wdata;
  } spm_req_t;

  typedef struct packed {
    logic             err;     // a lane was outside the scratchpad
    logic [7:0][63:0] rdata;
  } spm_rsp_t;

  // ---------------------------------------------------------------- streams

  /// One beat of a stream. `last[j]`: loop j and every loop inside it are at their last iteration.
  typedef struct packed {
    logic             fin;     // last beat of the command
    logic             epoch;
    logic [5:0]       last;
    logic [63:0]      strb;
    logic [7:0][63:0] data;
  } beat_t;

  // ---------------------------------------------------------------- commands

  typedef enum logic [1:0] { EngRdma = 2'd0, EngWdma = 2'd1, EngMe = 2'd2 } engine_e;
  localparam int unsigned NumEng = 3;

  typedef enum logic [7:0] {
    OpNop      = 8'h00,  // any engine: done at once
    OpDmaRead  = 8'h01,  // RDMA: global -> own scratchpad
    OpSpmFill  = 8'h02,  // RDMA: pattern -> own scratchpad
    OpDmaWrite = 8'h11,  // WDMA: own scratchpad -> global, acknowledged
    OpMcast    = 8'h12,  // WDMA: own scratchpad -> same node-local offset of a rectangle, posted
    OpDmaFill  = 8'h13,  // WDMA: pattern -> global, acknowledged
    OpGemm     = 8'h21   // ME
  } opcode_e;

  /// Wait: take `n` from semaphore `id` once it holds that many.
  typedef struct packed {
    logic [7:0] n;
    logic [2:0] rsvd;
    logic       en;
    logic [3:0] id;
  } sem_wait_t;

  /// Post: add `n` to semaphore `id`, here or (`remote`) in every node of the command's post rectangle.
  typedef struct packed {
    logic [7:0] n;
    logic [1:0] rsvd;
    logic       remote;  // post[0] only
    logic       en;
    logic [3:0] id;
  } sem_post_t;

  /// Rectangle in a command word, as firmware writes it.
  typedef struct packed {
    logic [1:0] r3; logic [5:0] y1;
    logic [1:0] r2; logic [5:0] x1;
    logic [1:0] r1; logic [5:0] y0;
    logic [1:0] r0; logic [5:0] x0;
  } cmd_rect_t;

  /// 64-byte command; word 0 is the least significant.
  typedef struct packed {
    logic [31:0]     w15;         // writing this word pushes the command
    logic [31:0]     w14;
    logic [31:0]     w13;
    logic [31:0]     w12;
    logic [31:0]     w11;
    logic [31:0]     w10;
    logic [31:0]     pattern;     // w9: fill pattern
    logic [31:0]     arg3;        // w8: DMA destination [63:32]; ME: O base
    logic [31:0]     arg2;        // w7: DMA destination [31:0];  ME: C base (preload)
    logic [31:0]     arg1;        // w6: DMA source [63:32];      ME: B base
    logic [31:0]     arg0;        // w5: DMA source [31:0];       ME: A base
    cmd_rect_t       mcast_rect;  // w4
    cmd_rect_t       post_rect;   // w3
    sem_post_t [1:0] post;        // w2
    sem_wait_t [1:0] waits;       // w1
    logic [15:0]     id;          // w0[31:16]
    logic [3:0]      rsvd;        // w0[15:12]
    logic            irq;         // w0[11]: interrupt the core when done
    logic [2:0]      ctx;         // w0[10:8]
    opcode_e         op;          // w0[7:0]
  } cmd_t;

  /// Why a command failed.
  typedef enum logic [3:0] {
    CmdOk         = 4'd0,
    CmdErrOpcode  = 4'd1,  // opcode is not one of this engine's
    CmdErrContext = 4'd2,  // illegal field in the context (format, loop count 0, pattern)
    CmdErrZero    = 4'd3,  // zero element count or zero iterations
    CmdErrShape   = 4'd4,  // element totals of source and destination differ; streams disagree
    CmdErrRange   = 4'd5,  // outside the scratchpad
    CmdErrBus     = 4'd6   // error response from the network; `info` = tsr_pkg::err_e
  } cmd_err_e;

  /// Completion of a command, in command order. One pulse, no backpressure.
  typedef struct packed {
    logic        valid;
    logic [15:0] id;
    cmd_err_e    err;
    logic [2:0]  info;
    logic [55:0] addr;   // offending address, if there is one
  } done_t;

  /// What an engine does in a cycle: exactly one of these.
  typedef enum logic [2:0] {
    StIdle = 3'd0, StBusy = 3'd1, StWaitSem = 3'd2, StStarved = 3'd3,
    StBlocked = 3'd4, StConflict = 3'd5, StConfig = 3'd6
  } eng_state_e;

  // ---------------------------------------------------------------- contexts: 8 x 8 rows of 64 bytes

  localparam int unsigned CtxRows = 64;
  localparam logic [2:0] RowMe   = 3'd0;  // me_cfg_t
  localparam logic [2:0] RowA    = 3'd1;  // agu_cfg_t
  localparam logic [2:0] RowB    = 3'd2;
  localparam logic [2:0] RowC    = 3'd3;
  localparam logic [2:0] RowO    = 3'd4;
  localparam logic [2:0] RowRdma = 3'd5;  // dma_cfg_t
  localparam logic [2:0] RowWdma = 3'd6;

  typedef enum logic [3:0] { FmtBf16 = 4'd0, FmtInt8 = 4'd1 } fmt_e;
  typedef enum logic [1:0] { OutFull = 2'd0, OutBf16 = 2'd1 } outfmt_e;  // FP32/INT32, or BF16

  typedef struct packed {
    logic [479:0] w1_15;
    logic [23:0]  rsvd;
    outfmt_e      out;      // w0[7:6]; OutBf16 needs a floating-point format
    logic         relu;     // w0[5]: negative results (and NaN stays NaN) drain as +0
    logic         preload;  // w0[4]: accumulators start from stream C instead of zero
    fmt_e         fmt;      // w0[3:0]
  } me_cfg_t;

  /// Address generator: for the loops, loop 0 innermost: emit an access; add delta[j] of the loop
  /// that advances. Deltas already contain the rewinding of the inner loops.
  typedef struct packed {
    logic [5:0][31:0] delta;      // w10..w15: bytes, signed, multiple of 8; low 22 bits count
    logic [5:0][31:0] count;      // w4..w9: 1..65535 iterations
    logic [31:0]      w3;         // zero
    logic             rsvd3;      // w2
    logic [6:0]       bedge_m;    // w2[30:24]
    logic [3:0]       rsvd2;
    logic [2:0]       bedge_loop; // w2[19:17]
    logic             bedge_en;   // w2[16]: in the last iteration of bedge_loop only the first bedge_m
                                  //   bytes of each row group (of w * 8 bytes) are valid
    logic [3:0]       redge_n;    // w2[15:12]
    logic [2:0]       rsvd1;
    logic             redge_sub;  // w2[8]: row index counts on over loop 0: iteration0 * (8 / w) + l / w
    logic [2:0]       redge_loop; // w2[7:5]
    logic             redge_en;   // w2[4]: in the last iteration of redge_loop only rows < redge_n are valid
    logic [1:0]       rsvd0;
    logic [1:0]       w_log2;     // w2[1:0]
    logic [9:0]       rsvdp;
    logic [21:0]      pitch;      // w1[21:0]
    logic [31:0]      base;       // w0: replaced by the command's argument
  } agu_cfg_t;

  /// DMA: element e of `count` bytes goes from src(e) to dst(e); each side walks its own three loops
  /// (iteration 0 innermost): addr = base + i0*stride0 + i1*stride1 + i2*stride2.
  typedef struct packed {
    logic [4:0][31:0] rsvd;
    logic [31:0]      timeout;     // w10: cycles without progress before ErrTimeout; 0 = 1,048,576
    logic [2:0][15:0] dst_iter;    // w8[31:16] = 0, w9 = 1 (low), 2 (high)
    logic [2:0][15:0] src_iter;    // w7 = 0 (low), 1 (high); w8[15:0] = 2
    logic [2:0][31:0] dst_stride;  // w4..w6 bytes, signed
    logic [2:0][31:0] src_stride;  // w1..w3 bytes, signed
    logic [31:0]      count;       // w0: bytes of an element, 1..2^20
  } dma_cfg_t;

  // ---------------------------------------------------------------- engine <-> network interface

  /// Network request of an initiator. For reads `strb[8:0]` = bytes (1..256, not crossing a 256-byte granule).
  typedef struct packed {
    tsr_pkg::kind_e   kind;
    logic             mcast;
    tsr_pkg::rect_t   rect;   // multicast only
    tsr_pkg::addr_t   addr;
    logic [63:0]      strb;
    logic [23:0]      doff;
    logic [5:0]       tag;
    tsr_pkg::data_t   data;
  } ni_req_t;

  /// Network response to an initiator.
  typedef struct packed {
    tsr_pkg::kind_e   kind;   // ReadRsp, WriteRsp, ErrRsp
    tsr_pkg::err_e    err;
    logic             poison;
    tsr_pkg::addr_t   addr;
    logic [63:0]      strb;
    logic [23:0]      doff;
    logic [5:0]       tag;
    tsr_pkg::data_t   data;
  } ni_rsp_t;

endpackage
