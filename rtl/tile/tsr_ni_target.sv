// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Target side of the network interface: serves requests of other nodes to this node's scratchpad,
/// semaphores and, for the ctl node alone, core memories, registers and command windows.
///
/// Latency: a write is answered in the cycle the scratchpad takes it; a read takes 3 cycles a 64-byte block;
/// words outside the scratchpad take about 4 cycles each; an atomic takes 5 cycles.
/// Backpressure: requests wait in the link's buffer, one is served at a time, in order.
/// Throughput: scratchpad writes at one flit a cycle.
/// Reset: control state only.
///
/// Who may do what: the ctl node everything; the node itself and other nodes the scratchpad and semaphores
/// as REMOTE_CTRL says (the node itself always). Anything else is answered with ErrForbidden.
/// Atomics are served in the scratchpad only, for those who may read and write there. They are atomic among all
/// requests of the network, the node's own to itself too; engines and the core's plain stores are not locked out.
/// Reads outside the scratchpad must stay within one aligned 64-byte block (ErrUnsupported).
module tsr_ni_target
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter int unsigned SpmBytes = 262144  // scratchpad size
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  node_t       node_i,
  input  chip_cfg_t   cfg_i,
  input  age_t        now_i,

  // Rights of other nodes.
  input  logic        remote_read_i,
  input  logic        remote_write_i,
  input  logic        remote_post_i,
  input  spm_addr_t   remote_base_i,
  input  spm_addr_t   remote_limit_i,

  // Links.
  input  logic        req_rx_valid_i,
  input  flit_t       req_rx_flit_i,
  output logic [1:0]  req_rx_credit_o,
  output logic        rsp_tx_valid_o,
  output flit_t       rsp_tx_flit_o,
  input  logic [1:0]  rsp_tx_credit_i,

  // Scratchpad port.
  output logic        spm_valid_o,
  input  logic        spm_ready_i,
  output spm_req_t    spm_req_o,
  input  logic        spm_rsp_valid_i,
  input  spm_rsp_t    spm_rsp_i,

  // Word bus to everything else (accesses are the ctl node's).
  output logic        word_valid_o,
  input  logic        word_ready_i,
  output logic        word_write_o,
  output logic [31:0] word_addr_o,
  output logic [31:0] word_wdata_o,
  output logic [3:0]  word_strb_o,
  input  logic        word_rsp_valid_i,
  input  logic [31:0] word_rdata_i,
  input  err_e        word_err_i,

  // Semaphore posts that arrive.
  output logic        post_valid_o,
  output logic [3:0]  post_id_o,
  output logic [7:0]  post_n_o,

  // Record of refused accesses.
  output logic        refuse_valid_o,
  output err_e        refuse_err_o,
  output addr_t       refuse_addr_o,
  output node_t       refuse_src_o,

  output logic        rx_o,
  output logic        tx_o,
  output logic        par_err_o,
  output logic        idle_o
);

  localparam logic [31:0] SpmEnd = SpmBase + SpmBytes;

  typedef enum logic [2:0] {
    StAccept, StSpmRead, StSpmWait, StAmoWrite, StRspBlock, StWord, StWordWait, StWordDone
  } state_e;

  // ---------------------------------------------------------------- arriving request
  logic  rx_valid, rx_ready, rx_idle, rx_par_err;
  flit_t rx;

  tsr_link_rx u_req_rx (
    .clk_i, .rst_ni,
    .link_valid_i(req_rx_valid_i), .link_flit_i(req_rx_flit_i), .link_credit_o(req_rx_credit_o),
    .valid_o(rx_valid), .ready_i(rx_ready), .flit_o(rx),
    .par_err_o(rx_par_err), .idle_o(rx_idle)
  );

  // ---------------------------------------------------------------- what it is, and may it be
  logic        is_read, is_write, is_amo, is_post, wants_answer, from_ctl, from_self, in_spm, in_words, in_ctx;
  logic [31:0] local_addr, last_addr;
  logic [8:0]  bytes;
  spm_addr_t   spm_off, spm_last;
  err_e        verdict;

  assign is_read      = rx.hdr.kind == KindRead;
  assign is_write     = rx.hdr.kind == KindWrite || rx.hdr.kind == KindWritePosted;
  assign is_amo       = rx.hdr.kind == KindAtomic;
  assign is_post      = rx.hdr.kind == KindSemPost;
  assign wants_answer = rx.hdr.kind != KindWritePosted && rx.hdr.kind != KindSemPost;
  assign from_ctl     = rx.hdr.src == cfg_i.ctl;
  assign from_self    = rx.hdr.src == node_i;
  assign local_addr   = rx.hdr.addr[31:0];
  assign bytes        = rx.hdr.strb[8:0];
  assign last_addr    = is_read ? local_addr + {23'b0, bytes} - 32'd1 : is_amo ? {local_addr[31:2], 2'b11} : local_addr;
  assign in_spm       = local_addr >= SpmBase && last_addr < SpmEnd && local_addr <= last_addr;
  assign in_words     = local_addr[31:24] == '0 && last_addr[31:24] == '0;
  assign in_ctx       = local_addr[31:12] == CtxBase[31:12];
  assign spm_off      = spm_addr_t'(local_addr - SpmBase);
  assign spm_last     = is_read || is_amo ? spm_addr_t'(last_addr - SpmBase) : spm_off + 22'd63;

  always_comb begin
    verdict = ErrNone;
    if (rx_valid) begin
      if (is_post) begin
        if (!(from_ctl || from_self || remote_post_i)) verdict = ErrForbidden;
      end else if (!(is_read || is_write || is_amo)) begin
        verdict = ErrUnsupported;
      end else if (!is_read && rx.hdr.dpar != data_parity(rx.data)) begin
        verdict = ErrParity;
      end else if (is_read && (bytes == '0 || bytes > 9'd256 || rx.hdr.spread)) begin
        verdict = ErrUnsupported;
      end else if (is_write && local_addr[5:0] != '0) begin
        verdict = ErrUnsupported;
      end else if (is_amo && (!in_spm || local_addr[1:0] != '0 || rx.hdr.amo > AmoMax)) begin
        verdict = ErrUnsupported;
      end else if (in_spm) begin
        if (!(from_ctl || from_self) &&
            (((is_read || is_amo) && !remote_read_i) || (!is_read && !remote_write_i) || spm_off < remote_base_i ||
             spm_last > remote_limit_i)) begin
          verdict = ErrForbidden;
        end
      end else if (in_words) begin
        // A node's own DMA may fill its contexts.
        if (!(from_ctl || (from_self && in_ctx))) verdict = ErrForbidden;
        else if (is_read && local_addr[31:6] != last_addr[31:6]) verdict = ErrUnsupported;
      end else begin
        verdict = ErrUnmapped;
      end
    end
  end

  // ---------------------------------------------------------------- response path
  logic  tx_valid, tx_ready, tx_idle;
  flit_t tx;

  tsr_link_tx u_rsp_tx (
    .clk_i, .rst_ni, .now_i,
    .valid_i(tx_valid), .ready_o(tx_ready), .flit_i(tx),
    .link_valid_o(rsp_tx_valid_o), .link_flit_o(rsp_tx_flit_o), .link_credit_i(rsp_tx_credit_i),
    .idle_o(tx_idle)
  );

  // ---------------------------------------------------------------- sequencing
  state_e            state_q, state_d;
  spm_addr_t         blk_q;       // scratchpad offset of the block being read
  logic [7:0][63:0]  data_q;      // block on its way into a response
  logic [15:0][31:0] gather_q;    // words read so far
  logic [15:0]       todo_q;      // words of the block still to do
  logic [3:0]        word;        // next of them
  err_e              word_err_q;
  logic              spm_write_now, last_block;
  logic [63:0]       block_strb;
  logic [5:0]        first_lane, last_lane;
  logic [15:0]       touched;     // words that the request touches

  assign last_block = blk_q[21:6] == spm_last[21:6];

  // Valid bytes of the block that is answered.
  assign first_lane = (state_q == StWordDone || blk_q[21:6] == spm_off[21:6]) ? local_addr[5:0] : 6'd0;
  assign last_lane  = (state_q == StWordDone || last_block) ? last_addr[5:0] : 6'd63;
  assign block_strb = (64'hffff_ffff_ffff_ffff << first_lane) & (64'hffff_ffff_ffff_ffff >> (6'd63 - last_lane));

  always_comb begin
    touched = '0;
    if (rx_valid && !in_spm) begin
      for (int unsigned w = 0; w < 16; w++) begin
        touched[w] = is_write ? rx.hdr.strb[4*w +: 4] != '0
                              : 4'(w) >= local_addr[5:2] && 4'(w) <= last_addr[5:2];
      end
    end
  end

  always_comb begin
    word = '0;
    for (int unsigned w = 16; w > 0; w--) if (todo_q[w-1]) word = 4'(w - 1);
  end

  assign spm_write_now = state_q == StAccept && rx_valid && verdict == ErrNone && is_write && in_spm &&
                         (!wants_answer || tx_ready);

  always_comb begin
    state_d  = state_q;
    rx_ready = 1'b0;
    tx_valid = 1'b0;
    unique case (state_q)
      StAccept: begin
        if (rx_valid) begin
          if (verdict != ErrNone) begin
            tx_valid = wants_answer;
            rx_ready = !wants_answer || tx_ready;
          end else if (is_post) begin
            rx_ready = 1'b1;
          end else if (is_write && in_spm) begin
            tx_valid = wants_answer && spm_ready_i;
            rx_ready = spm_write_now && spm_ready_i;
          end else if (in_spm) begin
            state_d = StSpmRead;
          end else begin
            state_d = StWord;
          end
        end
      end
      StSpmRead: if (spm_ready_i) state_d = StSpmWait;
      StSpmWait: if (spm_rsp_valid_i) state_d = is_amo ? StAmoWrite : StRspBlock;
      StAmoWrite: if (spm_ready_i) state_d = StRspBlock;
      StRspBlock: begin
        tx_valid = 1'b1;
        if (tx_ready) begin
          rx_ready = last_block;
          state_d  = last_block ? StAccept : StSpmRead;
        end
      end
      StWord: begin
        if (todo_q == '0) state_d = StWordDone;
        else if (word_ready_i) state_d = StWordWait;
      end
      StWordWait: if (word_rsp_valid_i) state_d = word_err_i != ErrNone ? StWordDone : StWord;
      StWordDone: begin
        tx_valid = wants_answer;
        if (!wants_answer || tx_ready) begin
          rx_ready = 1'b1;
          state_d  = StAccept;
        end
      end
      default: state_d = StAccept;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StAccept;
    else state_q <= state_d;
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StAccept && rx_valid) begin
      blk_q      <= {spm_off[21:6], 6'b0};
      todo_q     <= touched;
      word_err_q <= ErrNone;
      if (is_read && !in_spm) gather_q <= '0;
    end
    if (state_q == StSpmWait && spm_rsp_valid_i) data_q <= spm_rsp_i.rdata;
    if (state_q == StRspBlock && tx_ready) blk_q <= blk_q + 22'd64;
    if (state_q == StWordWait && word_rsp_valid_i) begin
      todo_q[word]   <= 1'b0;
      gather_q[word] <= word_rdata_i;
      word_err_q     <= word_err_i;
    end
  end

  // ---------------------------------------------------------------- outputs
  assign spm_valid_o = spm_write_now || state_q == StSpmRead || state_q == StAmoWrite;

  // What an atomic stores.
  logic [31:0] amo_old, amo_new;
  always_comb begin
    amo_old = '0;
    amo_new = '0;
    if (state_q == StAmoWrite) begin
      amo_old = local_addr[2] ? data_q[local_addr[5:3]][63:32] : data_q[local_addr[5:3]][31:0];
      amo_new = amo_result(rx.hdr.amo, amo_old, rx.data[0][31:0], rx.data[0][63:32]);
    end
  end

  always_comb begin
    spm_req_o = '0;
    if (rx_valid) begin
      spm_req_o.w_log2 = 2'd3;
      spm_req_o.pitch  = 22'd64;
      spm_req_o.wdata  = rx.data;
      if (state_q == StSpmRead) begin
        spm_req_o.base = blk_q;
        spm_req_o.strb = '1;
      end else if (state_q == StAmoWrite) begin
        spm_req_o.write = 1'b1;
        spm_req_o.base  = blk_q;
        spm_req_o.strb  = 64'hf << local_addr[5:0];
        spm_req_o.wdata = {16{amo_new}};
      end else begin
        spm_req_o.write = 1'b1;
        spm_req_o.base  = spm_off;
        spm_req_o.strb  = rx.hdr.strb;
      end
    end
  end

  assign word_valid_o = state_q == StWord && todo_q != '0;
  assign word_write_o = is_write;
  assign word_addr_o  = {local_addr[31:6], word, 2'b00};
  assign word_wdata_o = rx.data[word[3:1]][{word[0], 5'b0} +: 32];
  assign word_strb_o  = is_write ? rx.hdr.strb[{word, 2'b00} +: 4] : 4'hf;

  assign post_valid_o = state_q == StAccept && rx_valid && is_post && verdict == ErrNone;
  assign post_id_o    = rx.hdr.doff[3:0];
  assign post_n_o     = rx.hdr.doff[15:8];

  always_comb begin
    tx = '0;
    if (rx_valid) begin
      tx.hdr.src    = node_i;
      tx.hdr.dst    = rect_t'{hi: rx.hdr.src, lo: rx.hdr.src};
      tx.hdr.vc     = rx.hdr.vc;
      tx.hdr.cls    = rx.hdr.cls;
      tx.hdr.tag    = rx.hdr.tag;
      tx.hdr.addr   = rx.hdr.addr;
      tx.hdr.doff   = rx.hdr.doff;
      tx.hdr.kind   = KindWriteRsp;
      unique case (state_q)
        StRspBlock: begin
          tx.hdr.kind = KindReadRsp;
          tx.hdr.strb = block_strb;
          tx.hdr.addr = {rx.hdr.addr[55:32], SpmBase + {10'b0, blk_q}};
          tx.hdr.doff = rx.hdr.doff + 24'(blk_q) - 24'(spm_off);
          tx.data     = data_q;
        end
        StWordDone: begin
          if (word_err_q != ErrNone) begin
            tx.hdr.kind = KindErrRsp;
            tx.hdr.err  = word_err_q;
          end else if (is_read) begin
            tx.hdr.kind = KindReadRsp;
            tx.hdr.strb = block_strb;
            tx.hdr.addr = {rx.hdr.addr[55:6], 6'b0};
            tx.hdr.doff = rx.hdr.doff - {18'b0, local_addr[5:0]};
            tx.data     = gather_q;
          end
        end
        default: begin
          if (verdict != ErrNone) begin
            tx.hdr.kind = KindErrRsp;
            tx.hdr.err  = verdict;
          end
        end
      endcase
    end
  end

  logic refuse_now;
  assign refuse_now     = (state_q == StAccept && verdict != ErrNone) ||
                          (state_q == StWordDone && word_err_q != ErrNone);
  assign refuse_valid_o = rx_ready && rx_valid && refuse_now;
  assign refuse_err_o   = state_q == StWordDone ? word_err_q : verdict;
  assign refuse_addr_o  = rx.hdr.addr;
  assign refuse_src_o   = rx.hdr.src;

  assign rx_o      = rx_valid && rx_ready;
  assign tx_o      = tx_valid && tx_ready;
  assign par_err_o = rx_par_err || (refuse_valid_o && state_q == StAccept && verdict == ErrParity);
  assign idle_o    = state_q == StAccept && !rx_valid && rx_idle && tx_idle;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(NoSpmError, !(spm_rsp_valid_i && spm_rsp_i.err))

endmodule
