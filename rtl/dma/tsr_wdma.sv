// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Write DMA engine: copies a 4-D slice of the scratchpad to global memory, multicasts it, or fills memory.
///
/// *Latency:* the first flit leaves 10 cycles after its command was taken (9 for a fill); done_o comes
/// 2 cycles after the last acknowledgement (posted: after the last flit was taken).
/// *Backpressure:* valid/ready on every port; rsp_ready_o is constantly 1. No combinational path between
/// ports.
/// *Throughput:* one 64-byte flit a cycle when (source - destination) is a multiple of 8, else one every two
/// cycles; NumTags flits unacknowledged.
/// *Reset:* control state only.
///
/// One command runs at a time. Flits are aligned 64-byte blocks of the destination with byte strobes; an
/// element never shares a flit with another. After an error no new flit is made; those already made are
/// sent, and done_o follows when every flit in flight is acknowledged (or has timed out).
module tsr_wdma
  import tsr_tile_pkg::*;
#(
  /// Bytes of the scratchpad; up to 2^22.
  parameter int unsigned SpmBytes = 262144,
  /// Unacknowledged flits; 2..64, power of two.
  parameter int unsigned NumTags  = 64
) (
  input  logic         clk_i,
  input  logic         rst_ni,

  /// Commands (semaphore waits are already satisfied). abort_i: take no further command.
  input  logic         abort_i,
  /// Responses that requests of timed-out commands still owe will not come: free their tags.
  input  logic         forget_i,
  input  logic         cmd_valid_i,
  output logic         cmd_ready_o,
  input  cmd_t         cmd_i,

  /// Context store: data one cycle after an accepted request.
  output logic         ctx_req_valid_o,
  input  logic         ctx_req_ready_i,
  output logic [5:0]   ctx_row_o,
  input  logic         ctx_rsp_valid_i,
  input  logic [511:0] ctx_rsp_data_i,

  /// Completion pulse; what the engine does in this cycle; bytes handed to the network in this cycle.
  output done_t        done_o,
  output eng_state_e   state_o,
  output logic [15:0]  ops_o,
  /// Nothing changes while no input becomes valid. Registered.
  output logic         idle_o,

  /// Network: writes out, acknowledgements in.
  output logic         req_valid_o,
  input  logic         req_ready_i,
  output ni_req_t      req_o,
  /// Of the requests in flight: one was answered; a command begins, and there is none.
  output logic         slot_free_o,
  output logic         slot_cold_o,
  input  logic         rsp_valid_i,
  output logic         rsp_ready_o,
  input  ni_rsp_t      rsp_i,

  /// Scratchpad port (reads). A response comes one cycle after each accepted request.
  output logic         spm_valid_o,
  input  logic         spm_ready_i,
  output spm_req_t     spm_req_o,
  input  logic         spm_rsp_valid_i,
  input  spm_rsp_t     spm_rsp_i
);

  // ---------------------------------------------------------------- integration checks
  `TSR_STATIC_ASSERT(SpmBytesLegal, SpmBytes >= 64 && SpmBytes <= 4194304)
  `TSR_STATIC_ASSERT(NumTagsLegal, NumTags >= 2 && NumTags <= 64 && (NumTags & (NumTags - 1)) == 0)

  // ---------------------------------------------------------------- implementation: the job
  localparam int unsigned TagW     = $clog2(NumTags);
  localparam int unsigned BufFlits = 4;  // flits between the walkers and the network; hides 4 cycles
  localparam int unsigned BufW     = 2;

  done_t             done_q;
  tsr_dma_pkg::job_t job;
  logic              job_valid, job_done, config_busy, front_empty;
  logic              active_q;   // the job's elements are being moved
  logic              start;

  tsr_dma_cmd #(
    .IsWdma(1'b1)
  ) u_cmd (
    .clk_i, .rst_ni, .abort_i, .busy_i(done_q.valid && done_q.err != CmdOk),
    .cmd_valid_i, .cmd_ready_o, .cmd_i,
    .ctx_req_valid_o, .ctx_req_ready_i, .ctx_row_o, .ctx_rsp_valid_i, .ctx_rsp_data_i,
    .job_valid_o(job_valid), .job_o(job), .job_done_i(job_done),
    .config_o(config_busy), .empty_o(front_empty)
  );

  assign start = job_valid && !active_q && !job_done && job.run;

  // ---------------------------------------------------------------- element walkers
  tsr_pkg::addr_t src_elem, dst_elem;
  logic           step, src_last, dst_last, elem_end;

  tsr_dma_walk u_src (
    .clk_i,
    .load_i(start), .base_i(job.src), .stride_i(job.cfg.src_stride), .iter_i(job.cfg.src_iter),
    .next_i(step && elem_end), .addr_o(src_elem), .last_o(src_last)
  );
  tsr_dma_walk u_dst (
    .clk_i,
    .load_i(start), .base_i(job.dst), .stride_i(job.cfg.dst_stride), .iter_i(job.cfg.dst_iter),
    .next_i(step && elem_end), .addr_o(dst_elem), .last_o(dst_last)
  );

  // ---------------------------------------------------------------- one flit of an element
  logic           issue_q;            // flits are left to be made
  logic [20:0]    off_q, rem_q;       // position in the element, bytes left in it
  tsr_pkg::addr_t dst_walk, dst_now;
  logic [6:0]     room, len;
  spm_addr_t      src_block;          // where byte 0 of the destination block would be
  logic [63:0]    strb;
  logic           range_bad, can_issue, slot_free, credit, fault, timed_out;

  assign dst_walk  = dst_elem + {35'd0, off_q};
  assign dst_now   = job.mcast ? {job.dst[55:32], dst_walk[31:0]} : dst_walk;
  assign room      = 7'd64 - {1'b0, dst_now[5:0]};
  assign len       = rem_q < {14'd0, room} ? rem_q[6:0] : room;
  assign elem_end  = rem_q == {14'd0, len};
  assign strb      = tsr_dma_pkg::byte_strobes(dst_now[5:0], len);
  assign src_block = src_elem[SpmAw-1:0] + {1'b0, off_q} - {16'd0, dst_now[5:0]};
  assign range_bad = !job.fill && off_q == '0 &&
                     tsr_dma_pkg::outside(src_elem, job.cfg.count, SpmBytes);
  assign can_issue = issue_q && !fault && slot_free && credit;
  assign step      = can_issue && !range_bad;

  always_ff @(posedge clk_i) begin
    if (start) begin
      off_q <= '0;
      rem_q <= job.cfg.count[20:0];
    end else if (step) begin
      off_q <= elem_end ? '0 : off_q + {14'd0, len};
      rem_q <= elem_end ? job.cfg.count[20:0] : rem_q - {14'd0, len};
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) issue_q <= 1'b0;
    else if (start) issue_q <= 1'b1;
    else if (fault || timed_out || (can_issue && range_bad)) issue_q <= 1'b0;
    else if (step && elem_end && dst_last) issue_q <= 1'b0;
  end

  // ---------------------------------------------------------------- read stage: scratchpad access
  // When source and destination differ modulo 8 a block lies in nine words: a second access gets the last.
  typedef struct packed {
    tsr_pkg::addr_t addr;   // of the block
    logic [63:0]    strb;
    logic [6:0]     bytes;
  } meta_t;

  logic        r_valid_q, r_more_q, r_tail_q;  // r_tail_q: this is the second access
  spm_addr_t   r_base_q;
  logic [63:0] r_strb_q;
  logic [7:0]  r_tail_strb_q;
  logic [2:0]  r_shift_q;
  meta_t       r_meta_q;
  logic        spm_take, read_step;
  logic [7:0]  tail_strb;

  assign spm_take  = r_valid_q && spm_ready_i;
  assign slot_free = !r_valid_q || (spm_ready_i && !r_more_q);
  assign read_step = step && !job.fill;
  assign tail_strb = 8'(strb >> (7'd64 - {4'd0, src_block[2:0]}));

  always_ff @(posedge clk_i) begin
    if (step) begin
      r_base_q       <= {src_block[SpmAw-1:3], 3'b000};
      r_strb_q       <= strb << src_block[2:0];
      r_tail_strb_q  <= tail_strb;
      r_shift_q      <= src_block[2:0];
      r_meta_q.addr  <= {dst_now[55:6], 6'd0};
      r_meta_q.strb  <= strb;
      r_meta_q.bytes <= len;
    end else if (spm_take && r_more_q) begin
      r_base_q <= r_base_q + spm_addr_t'(64);
      r_strb_q <= {56'd0, r_tail_strb_q};
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      r_valid_q <= 1'b0;
      r_more_q  <= 1'b0;
      r_tail_q  <= 1'b0;
    end else if (slot_free) begin
      r_valid_q <= read_step;
      r_more_q  <= read_step && tail_strb != '0;
      r_tail_q  <= 1'b0;
    end else if (spm_take) begin
      r_more_q <= 1'b0;
      r_tail_q <= 1'b1;
    end
  end

  assign spm_valid_o = r_valid_q;
  assign spm_req_o   = '{pad: '0, write: 1'b0, w_log2: 2'd3, base: r_base_q, pitch: '0, strb: r_strb_q,
                         wdata: '0};

  // ---------------------------------------------------------------- response stage: align, buffer
  typedef struct packed {
    meta_t            meta;
    logic [7:0][63:0] data;
  } buf_t;

  logic             m_valid_q, m_first_q, m_tail_q, fill_q;  // what stands in this cycle
  logic [2:0]       m_shift_q;
  meta_t            m_meta_q;
  logic [7:0][63:0] part_q;     // response of the first access of two
  logic             push, pop, buf_valid, buf_ready;
  buf_t             buf_in, buf_out;
  logic [BufW:0]    made_q;     // flits made and not yet sent
  logic [BufW:0]    buf_count;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_valid_q <= 1'b0;
      fill_q    <= 1'b0;
    end else begin
      m_valid_q <= spm_take;
      fill_q    <= step && job.fill;
    end
    if (spm_take) begin
      m_first_q <= r_more_q;
      m_tail_q  <= r_tail_q;
      m_shift_q <= r_shift_q;
      m_meta_q  <= r_meta_q;
    end
    if (m_valid_q && m_first_q) part_q <= spm_rsp_i.rdata;
  end

  assign push = (m_valid_q && !m_first_q) || fill_q;

  always_comb begin
    logic [7:0][63:0] low;  // the first eight of nine words
    logic [63:0]      ninth;
    low    = '0;
    ninth  = '0;
    buf_in = '0;
    if (fill_q) begin
      buf_in = '{meta: r_meta_q, data: {16{job.pattern}}};
    end else if (push) begin
      buf_in.meta = m_meta_q;
      low         = m_tail_q ? part_q : spm_rsp_i.rdata;
      if (m_tail_q) ninth = spm_rsp_i.rdata[0];
      if (m_shift_q == '0) begin
        buf_in.data = low;
      end else begin
        for (int unsigned l = 0; l < 7; l++) begin
          buf_in.data[l] = (low[l] >> {m_shift_q, 3'b000}) |
                           (low[l+1] << (7'd64 - {1'b0, m_shift_q, 3'b000}));
        end
        buf_in.data[7] = (low[7] >> {m_shift_q, 3'b000}) |
                         (ninth << (7'd64 - {1'b0, m_shift_q, 3'b000}));
      end
    end
  end

  tsr_fifo #(
    .Depth(BufFlits),
    .T    (buf_t)
  ) u_buf (
    .clk_i, .rst_ni, .clr_i(1'b0),
    .in_valid_i(push), .in_ready_o(buf_ready), .in_data_i(buf_in),
    .out_valid_o(buf_valid), .out_ready_i(pop), .out_data_o(buf_out),
    .count_o(buf_count)
  );

  assign credit = made_q != (BufW + 1)'(BufFlits);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) made_q <= '0;
    else if (step != pop) made_q <= step ? made_q + 1'b1 : made_q - 1'b1;
  end

  // ---------------------------------------------------------------- flits in flight
  // Tags go round. A tag is live while its flit is unacknowledged. After a timeout it is dead: a late
  // acknowledgement frees it. Dead tags whose acknowledgements never come are freed by forget_i, or when all tags
  // are dead and a whole further command has timed out.
  logic [NumTags-1:0] live_q, live_d, dead_q, dead_d;
  logic [TagW-1:0]    tag_q, rsp_tag;
  tsr_pkg::addr_t     tag_addr_q [NumTags];
  logic               kill_q;     // timed out: drop what is buffered
  logic               held_q;     // a request was offered and not yet taken
  logic               send, send_ack, release_dead;
  logic               rsp_hit, rsp_live;

  assign req_valid_o = buf_valid && (kill_q ? held_q : job.mcast || !(live_q[tag_q] || dead_q[tag_q]));
  assign send        = req_valid_o && req_ready_i;
  assign send_ack    = send && !job.mcast;
  assign pop         = send || (kill_q && buf_valid && !held_q);

  always_comb begin
    req_o       = '0;
    req_o.kind  = job.mcast ? tsr_pkg::KindWritePosted : tsr_pkg::KindWrite;
    // One node is no multicast: its address leads there, by the ways that unicast takes.
    req_o.mcast = job.mcast && job.rect.lo != job.rect.hi;
    req_o.rect  = req_o.mcast ? job.rect : '0;
    req_o.addr  = buf_out.meta.addr;
    req_o.strb  = buf_out.meta.strb;
    req_o.tag   = job.mcast ? '0 : 6'(tag_q);
    req_o.data  = buf_out.data;
  end

  assign rsp_ready_o = 1'b1;

  always_comb begin
    rsp_hit  = 1'b0;
    rsp_live = 1'b0;
    rsp_tag  = '0;
    if (rsp_valid_i && 32'(rsp_i.tag) < NumTags) begin
      rsp_tag  = TagW'(rsp_i.tag);
      rsp_live = live_q[rsp_tag];
      rsp_hit  = rsp_live || dead_q[rsp_tag];
    end
  end

  always_comb begin
    live_d = live_q;
    dead_d = dead_q;
    if (rsp_hit) begin
      live_d[rsp_tag] = 1'b0;
      dead_d[rsp_tag] = 1'b0;
    end
    if (forget_i) dead_d = '0;
    if (timed_out) begin
      dead_d = release_dead ? '0 : dead_d | live_d;
      live_d = '0;
    end
    if (send_ack) begin
      if (kill_q) dead_d[tag_q] = 1'b1;
      else live_d[tag_q] = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      live_q <= '0;
      dead_q <= '0;
      tag_q  <= '0;
      held_q <= 1'b0;
      kill_q <= 1'b0;
    end else begin
      if (rsp_hit || timed_out || send_ack || forget_i) begin
        live_q <= live_d;
        dead_q <= dead_d;
      end
      if (send_ack || (buf_valid && !req_valid_o && dead_q[tag_q])) tag_q <= tag_q + 1'b1;
      held_q <= req_valid_o && !req_ready_i;
      if (start) kill_q <= 1'b0;
      else if (timed_out) kill_q <= 1'b1;
    end
    if (send_ack) tag_addr_q[tag_q] <= buf_out.meta.addr;
  end

  assign slot_free_o = rsp_hit;
  assign slot_cold_o = start;

  // ---------------------------------------------------------------- errors and timeout
  cmd_err_e       err_q;
  tsr_pkg::err_e  info_q;
  tsr_pkg::addr_t err_addr_q;
  logic [31:0]    timer_q, limit;
  logic           progress, waiting, bus_bad;

  assign bus_bad      = rsp_live && (rsp_i.kind != tsr_pkg::KindWriteRsp || rsp_i.poison);
  assign fault        = err_q != CmdOk;
  assign progress     = rsp_live || r_valid_q || send || step;
  assign waiting      = active_q && !kill_q && (issue_q || made_q != '0 || live_q != '0);
  assign limit        = job.cfg.timeout == '0 ? tsr_dma_pkg::DefaultTimeout : job.cfg.timeout;
  assign timed_out    = waiting && !progress && timer_q >= limit - 32'd1;
  assign release_dead = live_q == '0 && (&dead_q);

  always_ff @(posedge clk_i) begin
    if (!active_q || progress) timer_q <= '0;
    else if (waiting) timer_q <= timer_q + 32'd1;
  end

  // The first error stays.
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start) begin
      err_q      <= CmdOk;
      info_q     <= tsr_pkg::ErrNone;
      err_addr_q <= '0;
    end else if (!fault) begin
      if (bus_bad) begin
        err_q      <= CmdErrBus;
        info_q     <= rsp_i.kind == tsr_pkg::KindErrRsp ? rsp_i.err : tsr_pkg::ErrPoison;
        err_addr_q <= rsp_i.addr;
      end else if (can_issue && range_bad) begin
        err_q      <= CmdErrRange;
        err_addr_q <= {24'd0, src_elem[31:0]};
      end else if (timed_out) begin
        err_q      <= CmdErrBus;
        info_q     <= tsr_pkg::ErrTimeout;
        err_addr_q <= live_q != '0 ? tag_addr_q[TagW'(tsr_dma_pkg::lowest(64'(live_q)))] :
                                     buf_out.meta.addr;
      end
    end
  end

  // ---------------------------------------------------------------- completion
  logic  finish;
  logic  idle_q;

  assign finish   = active_q && !issue_q && made_q == '0 && live_q == '0;
  assign job_done = finish || (job_valid && !job.run);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) active_q <= 1'b0;
    else if (start) active_q <= 1'b1;
    else if (finish) active_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (job_done) begin
      done_q.id   <= job.id;
      done_q.err  <= job.run ? err_q : job.err;
      done_q.info <= job.run ? info_q : job.info;
      done_q.addr <= job.run ? err_addr_q : job.addr;
    end
    done_q.valid <= rst_ni && job_done;
  end
  assign done_o = done_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) idle_q <= 1'b0;
    else idle_q <= front_empty && !(cmd_valid_i && !abort_i) && !rsp_valid_i;
  end
  assign idle_o = idle_q;

  // ---------------------------------------------------------------- what this cycle is
  assign ops_o = send ? {9'd0, buf_out.meta.bytes} : '0;

  always_comb begin
    if (config_busy || (job_valid && !active_q)) state_o = StConfig;
    else if (!active_q) state_o = StIdle;
    else if (send || spm_take || step || push) state_o = StBusy;
    else if (spm_valid_o) state_o = StConflict;
    else state_o = StBlocked;
  end

  // ---------------------------------------------------------------- implementation checks
  logic hold_spm_q;
  always_ff @(posedge clk_i) hold_spm_q <= rst_ni && spm_valid_o && !spm_ready_i;

  `TSR_ASSUME(SpmAnswersInTime, spm_rsp_valid_i == m_valid_q)
  `TSR_ASSERT(SpmReadsInRange, !(spm_rsp_valid_i && spm_rsp_i.err))
  `TSR_ASSERT(RequestHeld, !held_q || req_valid_o)
  `TSR_ASSERT(SpmRequestHeld, !hold_spm_q || spm_valid_o)
  `TSR_ASSERT(BufferHasRoom, !push || buf_ready)
  `TSR_ASSERT(BufferCounted, {1'b0, buf_count} <= {1'b0, made_q})
  `TSR_ASSERT(BlockAligned, !req_valid_o || req_o.addr[5:0] == '0)
  `TSR_ASSERT(LiveOrDead, (live_q & dead_q) == '0)
  `TSR_ASSERT(WalkersEndTogether, !(step && elem_end && !job.fill) || src_last == dst_last)

endmodule
