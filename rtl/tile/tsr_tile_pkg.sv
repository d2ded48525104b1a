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

  // Ports of a tile's scratchpad, 8x8 grid. The ctl node has ports 4..7 only.
  localparam int unsigned PortMe    = 0;   // A, B, C with scales, O
  localparam int unsigned PortRdma  = 4;   // write
  localparam int unsigned PortWdma  = 5;   // read
  localparam int unsigned PortNi    = 6;   // accesses from the network
  localparam int unsigned PortCore  = 7;
  localparam int unsigned PortVe    = 8;   // I0, I1, I2, O0, O1
  localparam int unsigned PortTdma  = 13;  // read (index stream too), write
  localparam int unsigned NumSpmPorts = 15;

  /// One access: lane l touches the 8 bytes at base + (l / w) * pitch + (l mod w) * 8.
  /// Lanes whose strobes are all zero are not accessed and read as zero.
  /// `pad` is zero; it rounds the width to whole words, so that a simulator moves requests without shifts.
  typedef struct packed {
    logic [16:0]      pad;
    logic             write;
    logic [1:0]       w_log2;  // log2(w)
    spm_addr_t        base;    // bytes, multiple of 8
    spm_addr_t        pitch;   // bytes, multiple of 8; 0 = every row group is the first one
    logic [63:0]      strb;
    logic [7:0][63:0] wdata;
  } spm_req_t;

  typedef struct packed {
    logic [30:0]      pad;     // zero, as in spm_req_t
    logic             err;     // a lane was outside the scratchpad
    logic [7:0][63:0] rdata;
  } spm_rsp_t;

  // ---------------------------------------------------------------- streams

  /// One beat of a stream. `last[j]`: loop j and every loop inside it are at their last iteration.
  typedef struct packed {
    logic             fin;     // last beat of the command
    logic             epoch;   // configuration bank that the beat belongs to: toggles with every run
    logic [5:0]       last;
    logic [63:0]      strb;
    logic [7:0][63:0] data;
  } beat_t;

  // ---------------------------------------------------------------- commands

  typedef enum logic [2:0] {
    EngRdma = 3'd0, EngWdma = 3'd1, EngMe = 3'd2, EngVe = 3'd3, EngTdma = 3'd4
  } engine_e;
  localparam int unsigned NumEng = 5;

  typedef enum logic [7:0] {
    OpNop      = 8'h00,  // any engine: done at once
    OpDmaRead  = 8'h01,  // RDMA: global -> own scratchpad
    OpSpmFill  = 8'h02,  // RDMA: pattern -> own scratchpad
    OpSpread   = 8'h03,  // RDMA: HBM -> same scratchpad offset of a rectangle that holds this node
    OpDmaWrite = 8'h11,  // WDMA: own scratchpad -> global, acknowledged
    OpMcast    = 8'h12,  // WDMA: own scratchpad -> same node-local offset of a rectangle, posted
    OpDmaFill  = 8'h13,  // WDMA: pattern -> global, acknowledged
    OpGemm     = 8'h21,  // ME
    OpVec      = 8'h31,  // VE
    OpTCopy    = 8'h41,  // TDMA: strided copy, any byte alignment
    OpTTrans   = 8'h42,  // TDMA: block transpose through the stream patterns
    OpTGather  = 8'h43,  // TDMA: rows named by an index stream -> packed rows
    OpTScatter = 8'h44,  // TDMA: packed rows -> rows named by an index stream
    OpTFill    = 8'h45   // TDMA: pattern
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
    logic [31:0]     w11;         //                             ME: B scales base;  VE: constant 1
    logic [31:0]     w10;         //                             ME: A scales base;  VE: constant 0
    logic [31:0]     pattern;     // w9: fill pattern                                VE: O1 base
    logic [31:0]     arg3;        // w8: DMA destination [63:32], of OpSpread listen_t; ME: O base; VE: O0 base
    logic [31:0]     arg2;        // w7: DMA destination [31:0];  ME: C base;        VE: I2 base; TDMA: index base
    logic [31:0]     arg1;        // w6: DMA source [63:32];      ME: B base;        VE: I1 base; TDMA: destination
    logic [31:0]     arg0;        // w5: DMA source [31:0];       ME: A base;        VE: I0 base; TDMA: source
    cmd_rect_t       mcast_rect;  // w4
    cmd_rect_t       post_rect;   // w3
    sem_post_t [1:0] post;        // w2
    sem_wait_t [1:0] waits;       // w1
    logic [15:0]     id;          // w0[31:16]
    logic [2:0]      rsvd;        // w0[15:13]
    logic            overlap;     // w0[12]: may run while the engine's command before is unfinished (RDMA, ME, VE)
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
  // ME and DMA
  localparam logic [2:0] RowMe    = 3'd0;  // me_cfg_t
  localparam logic [2:0] RowA     = 3'd1;  // agu_cfg_t
  localparam logic [2:0] RowB     = 3'd2;
  localparam logic [2:0] RowC     = 3'd3;
  localparam logic [2:0] RowO     = 3'd4;
  localparam logic [2:0] RowRdma  = 3'd5;  // dma_cfg_t
  localparam logic [2:0] RowWdma  = 3'd6;
  localparam logic [2:0] RowScale = 3'd7;  // scale_cfg_t, read with me_cfg_t.mx
  // VE: tsr_ve_pkg
  localparam logic [2:0] RowVe    = 3'd0;  // ve_stages_t
  localparam logic [2:0] RowVeIo  = 3'd1;  // ve_io_t
  localparam logic [2:0] RowI0    = 3'd2;  // agu_cfg_t; I1, I2, O0, O1 follow
  localparam logic [2:0] RowO0    = 3'd5;
  // TDMA
  localparam logic [2:0] RowTdma  = 3'd0;
  localparam logic [2:0] RowTsrc  = 3'd1;  // agu_cfg_t
  localparam logic [2:0] RowTdst  = 3'd2;  // agu_cfg_t
  localparam logic [2:0] RowTidx  = 3'd3;  // agu_cfg_t

  /// Element formats. FP6 has one element a byte (bits 5:0), FP4 and INT4 two (element 0 in bits 3:0).
  typedef enum logic [3:0] {
    FmtBf16 = 4'd0, FmtInt8 = 4'd1, FmtFp16 = 4'd2, FmtTf32 = 4'd3, FmtFp32 = 4'd4, FmtE4m3 = 4'd5,
    FmtE5m2 = 4'd6, FmtE3m2 = 4'd7, FmtE2m3 = 4'd8, FmtE2m1 = 4'd9, FmtInt4 = 4'd10, FmtInt16 = 4'd11,
    FmtInt32 = 4'd12, FmtE8m0 = 4'd13, FmtUint8 = 4'd14
  } fmt_e;
  typedef enum logic [1:0] { OutFull = 2'd0, OutBf16 = 2'd1 } outfmt_e;  // FP32/INT32, or BF16

  /// Matrix engine. Formats of A and B are equal, or both FP8, or both FP6.
  typedef struct packed {
    logic [479:0] w1_15;
    logic [13:0]  rsvd;     // w0[31:18]
    logic         chain_o;  // w0[17]: drain to the vector engine instead of stream O
    logic         chain_a;  // w0[16]: A comes from the vector engine instead of stream A
    logic [2:0]   kloop;    // w0[15:13]: a block ends when loops 0..kloop of A and B end together
    logic         mx;       // w0[12]: block scales; FP8, FP6, FP4 and INT8 formats
    fmt_e         fmt_b;    // w0[11:8]
    outfmt_e      out;      // w0[7:6]; OutBf16 needs floating-point results
    logic         relu;     // w0[5]: negative results (and NaN stays NaN) drain as +0
    logic         preload;  // w0[4]: accumulators start from stream C instead of zero
    fmt_e         fmt;      // w0[3:0]: A
  } me_cfg_t;

  /// In-beat transpose of a read stream: what the lanes bring as rows of elements of E bytes leaves as columns.
  /// XposeB1: 8 rows x 8 of 1 byte (w = 1); XposeB2: 4 rows x 8 of 2 bytes (w = 2) -> 8 rows x 4;
  /// XposeB4: 2 rows x 8 of 4 bytes (w = 4) -> 8 rows x 2.
  typedef enum logic [1:0] { XposeNone = 2'd0, XposeB1 = 2'd1, XposeB2 = 2'd2, XposeB4 = 2'd3 } xpose_e;

  /// Address generator: for the loops, loop 0 innermost: emit an access; add delta[j] of the loop
  /// that advances. Deltas already contain the rewinding of the inner loops.
  ///
  /// Plane check (win_w != 0): the stream walks a picture of win_w columns and win_h rows. The position starts
  /// at (-pad_x, -pad_y); advancing loop j adds (dx[j], dy[j]); row group r of the lanes is at column
  /// x + r * xstep. Row groups outside the picture are masked and read as zeros.
  typedef struct packed {
    struct packed {
      logic signed [9:0]  dy;     // bits 31:22
      logic signed [21:0] delta;  // bits 21:0: bytes, multiple of 8
    } [5:0]             step;       // w10..w15
    struct packed {
      logic signed [15:0] dx;     // bits 31:16
      logic [15:0]        count;  // bits 15:0: 1..65535 iterations
    } [5:0]             loop;       // w4..w9
    logic [3:0]         pad_y;      // w3[31:28]
    logic [3:0]         pad_x;      // w3[27:24]
    logic [11:0]        win_h;      // w3[23:12]
    logic [11:0]        win_w;      // w3[11:0]: 0 = no plane check
    logic               gather;     // w2[31]: the base of each run of loops 0..gather_loop-1 comes from the index stream
    logic [6:0]         bedge_m;    // w2[30:24]
    logic               rsvd2;      // w2[23]
    logic [2:0]         gather_loop;// w2[22:20]
    logic [2:0]         bedge_loop; // w2[19:17]
    logic               bedge_en;   // w2[16]: in the last iteration of bedge_loop only the first bedge_m
                                    //   bytes of each row group (of w * 8 bytes) are valid
    logic [3:0]         redge_n;    // w2[15:12]; 0 = 16 (grid of 16)
    logic [2:0]         rsvd1;
    logic               redge_sub;  // w2[8]: row index counts on over loop 0: iteration0 * (8 / w) + l / w
    logic [2:0]         redge_loop; // w2[7:5]
    logic               redge_en;   // w2[4]: in the last iteration of redge_loop only rows < redge_n are valid
    xpose_e             xpose;      // w2[3:2]: read streams only
    logic [1:0]         w_log2;     // w2[1:0]
    logic [9:0]         xstep;      // w1[31:22]: columns between row groups
    logic [21:0]        pitch;      // w1[21:0]
    logic [31:0]        base;       // w0: replaced by the command's argument
  } agu_cfg_t;

  /// Stream of UE8M0 block scales: an access brings 8 scale bytes (8 blocks of 32 elements of K) for each of 8 rows.
  /// Its loops 1..5 count as those of the operand; loop 0 counts the accesses that one run of the operand's loop 0 needs.
  typedef struct packed {
    logic [5:0][31:0] delta;  // w2..w7: bytes, multiple of 8; low 22 bits count
    logic [31:0]      pitch;  // w1
    logic [31:0]      base;   // w0: replaced by the command's argument
  } scale_agu_t;

  typedef struct packed {
    scale_agu_t b;  // w8..w15
    scale_agu_t a;  // w0..w7
  } scale_cfg_t;

  /// DMA: element e of `count` bytes goes from src(e) to dst(e); each side walks its own three loops
  /// (iteration 0 innermost): addr = base + i0*stride0 + i1*stride1 + i2*stride2.
  typedef struct packed {
    logic [4:0][31:0] rsvd;
    logic [31:0]      timeout;     // w10: cycles without progress before ErrTimeout; 0 = 65,536
    logic [2:0][15:0] dst_iter;    // w8[31:16] = 0, w9 = 1 (low), 2 (high)
    logic [2:0][15:0] src_iter;    // w7 = 0 (low), 1 (high); w8[15:0] = 2
    logic [2:0][31:0] dst_stride;  // w4..w6 bytes, signed
    logic [2:0][31:0] src_stride;  // w1..w3 bytes, signed
    logic [31:0]      count;       // w0: bytes of an element, 1..2^20
  } dma_cfg_t;

  // ---------------------------------------------------------------- engine <-> network interface

  /// Network request of an initiator. For reads `strb[8:0]` = bytes (1..256, not crossing a 256-byte granule).
  /// `pad` is zero, as in spm_req_t.
  typedef struct packed {
    logic [7:0]       pad;
    tsr_pkg::kind_e   kind;
    tsr_pkg::amo_e    amo;    // atomics only
    logic             mcast;
    logic             spread; // of a Read: answer by multicast to `rect`, data[0] is a spread_t
    tsr_pkg::rect_t   rect;   // multicast and spread only
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
    logic             heard;  // answer to another node's read: store it, then do as `listen` says
    tsr_pkg::listen_t listen;
    tsr_pkg::data_t   data;
  } ni_rsp_t;

endpackage
