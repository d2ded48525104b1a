// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Read DMA engine: copies a 4-D slice of global memory into the scratchpad, alone or for a rectangle of
/// nodes, or fills scratchpad. Stores what other nodes read for this one (`heard` responses), with or
/// without a command of its own.
///
/// *Latency:* the first read leaves 8 cycles after its command was taken; done_o comes 3 cycles after the
/// last scratchpad access.
/// *Backpressure:* valid/ready on every port. rsp_ready_o is combinational from spm_ready_i and does not
/// depend on rsp_valid_i; it always comes back while the scratchpad serves its ports. Fills make way for it.
/// *Throughput:* one read request (up to 256 bytes) and one response flit a cycle when the flit's destination
/// is a multiple of 8, else one flit every two cycles; NumTags reads in flight. Fill: 64 bytes a cycle.
/// *Reset:* control state only.
///
/// One command issues reads at a time. A command with `overlap` starts to issue as soon as the one before
/// has issued everything, while that one's responses still come; any other starts behind its completion.
/// Responses land in any order, so elements of one command, and of overlapping ones, must not overlap at the
/// destination. After an error a command issues nothing more; done_o follows when every read in flight
/// has been answered (or has timed out).
module tsr_rdma
  import tsr_tile_pkg::*;
#(
  /// Bytes of the scratchpad; up to 2^22.
  parameter int unsigned SpmBytes = 262144,
  /// Reads in flight; 1..32.
  parameter int unsigned NumTags  = 32
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

  /// Completion pulse; what the engine does in this cycle; bytes written to the scratchpad in this cycle.
  output done_t        done_o,
  output eng_state_e   state_o,
  output logic [15:0]  ops_o,
  /// Nothing changes while no input becomes valid. Registered.
  output logic         idle_o,

  /// Network: reads out, responses in.
  output logic         req_valid_o,
  input  logic         req_ready_i,
  output ni_req_t      req_o,
  /// Of the requests in flight: one was answered; a command begins, and there is none.
  output logic         slot_free_o,
  output logic         slot_cold_o,
  input  logic         rsp_valid_i,
  output logic         rsp_ready_o,
  input  ni_rsp_t      rsp_i,

  /// A heard block lies in the scratchpad / and a semaphore counts it. Pulses.
  output logic         heard_o,
  output logic         post_valid_o,
  output logic [3:0]   post_id_o,

  /// Scratchpad port (writes). A response comes one cycle after each accepted request.
  output logic         spm_valid_o,
  input  logic         spm_ready_i,
  output spm_req_t     spm_req_o,
  input  logic         spm_rsp_valid_i,
  input  spm_rsp_t     spm_rsp_i
);

  // ---------------------------------------------------------------- integration checks
  `TSR_STATIC_ASSERT(SpmBytesLegal, SpmBytes >= 64 && SpmBytes <= 4194304)
  `TSR_STATIC_ASSERT(NumTagsLegal, NumTags >= 1 && NumTags <= 32)

  // ---------------------------------------------------------------- implementation: the job
  localparam int unsigned TagW = tsr_pkg::idx_width(NumTags);

  done_t             done_q;
  tsr_dma_pkg::job_t job;
  logic              job_valid, job_done, config_busy, front_empty;
  logic              active_q;   // the job's reads are being issued
  logic              drain_q;    // a job before it waits for its last responses
  logic              start;
  logic              move;       // the job has issued everything: it takes the place of the draining one

  tsr_dma_cmd #(
    .IsWdma(1'b0)
  ) u_cmd (
    .clk_i, .rst_ni, .abort_i, .busy_i(drain_q || (done_q.valid && done_q.err != CmdOk)),
    .cmd_valid_i, .cmd_ready_o, .cmd_i,
    .ctx_req_valid_o, .ctx_req_ready_i, .ctx_row_o, .ctx_rsp_valid_i, .ctx_rsp_data_i,
    .job_valid_o(job_valid), .job_o(job), .job_done_i(job_done),
    .config_o(config_busy), .empty_o(front_empty)
  );

  assign start = job_valid && !active_q && !job_done && job.run && (!drain_q || job.overlap);

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

  // ---------------------------------------------------------------- pieces of an element
  // A read stops at the next 256-byte granule of the source, a fill access at 64 bytes from its first
  // 8-byte word of the destination.
  logic           issue_q;            // pieces are left
  logic [20:0]    off_q, rem_q;       // position in the element, bytes left in it
  tsr_pkg::addr_t src_now, dst_now;
  logic [8:0]     room, len;
  logic           range_bad, can_issue, tag_free, stage_free, slot_free;
  logic           fault;              // an error of the job is known: issue nothing more
  logic           timed_out;          // no response came within the command's time

  assign src_now   = src_elem + {35'd0, off_q};
  assign dst_now   = dst_elem + {35'd0, off_q};
  assign room      = job.fill ? 9'd64 - {6'd0, dst_now[2:0]} : 9'd256 - {1'b0, src_now[7:0]};
  assign len       = rem_q < {12'd0, room} ? rem_q[8:0] : room;
  assign elem_end  = rem_q == {12'd0, len};
  assign range_bad = off_q == '0 && tsr_dma_pkg::outside(dst_elem, job.cfg.count, SpmBytes);
  assign can_issue = issue_q && !fault && (job.fill ? stage_free && !rsp_valid_i : slot_free && tag_free);
  assign step      = can_issue && !range_bad;

  always_ff @(posedge clk_i) begin
    if (start) begin
      off_q <= '0;
      rem_q <= job.cfg.count[20:0];
    end else if (step) begin
      off_q <= elem_end ? '0 : off_q + {12'd0, len};
      rem_q <= elem_end ? job.cfg.count[20:0] : rem_q - {12'd0, len};
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) issue_q <= 1'b0;
    else if (start) issue_q <= 1'b1;
    else if (fault || timed_out || (can_issue && range_bad)) issue_q <= 1'b0;
    else if (step && elem_end && dst_last) issue_q <= 1'b0;
  end

  // ---------------------------------------------------------------- reads in flight
  // A tag is live while its read has unanswered 64-byte blocks. After a timeout it is dead: late responses
  // are sunk and free it. Dead tags whose responses never come are freed by forget_i, or when all
  // tags are dead and a whole further command has timed out. `color` tells the jobs apart.
  logic [NumTags-1:0] live_q, live_d, dead_q, dead_d;
  logic [NumTags-1:0] color_q;
  logic               color_now_q, color_drain_q;  // of the job that issues, of the one that drains
  logic [TagW-1:0]    tag_new;               // the next one to be used, while tag_free
  logic [3:0]         blocks_q   [NumTags];  // blocks of the granule that are still to come
  tsr_pkg::addr_t     tag_addr_q [NumTags];
  logic               req_valid_q;
  tsr_pkg::addr_t     req_addr_q;
  logic [8:0]         req_len_q;
  logic [23:0]        req_doff_q;
  logic [TagW-1:0]    req_tag_q;
  logic               req_spread_q;
  tsr_pkg::rect_t     req_rect_q;
  tsr_pkg::listen_t   req_listen_q;
  logic               read_step;
  logic [1:0]         last_block;
  logic [3:0]         blocks_new;

  assign tag_free   = (~(live_q | dead_q)) != '0;
  assign tag_new    = TagW'(tsr_dma_pkg::lowest(64'(NumTags'(~(live_q | dead_q)))));
  assign slot_free  = !req_valid_q || req_ready_i;
  assign read_step  = step && !job.fill;
  assign last_block = 2'((src_now[7:0] + 8'(len - 9'd1)) >> 6);
  assign blocks_new = (4'b1111 << src_now[7:6]) & (4'b1111 >> (2'd3 - last_block));

  always_ff @(posedge clk_i) begin
    if (read_step) begin
      req_addr_q          <= src_now;
      req_len_q           <= len;
      req_doff_q          <= dst_now[23:0];
      req_tag_q           <= tag_new;
      req_spread_q        <= job.spread;
      req_rect_q          <= job.spread ? job.rect : '0;
      req_listen_q        <= job.spread ? job.listen : '0;
      tag_addr_q[tag_new] <= src_now;
      color_q[tag_new]    <= color_now_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) req_valid_q <= 1'b0;
    else if (slot_free) req_valid_q <= read_step;
  end

  always_comb begin
    req_o      = '0;
    req_o.kind = tsr_pkg::KindRead;
    req_o.addr = req_addr_q;
    req_o.strb = {55'd0, req_len_q};
    req_o.doff = req_doff_q;
    req_o.tag  = 6'(req_tag_q);
    req_o.spread  = req_spread_q;
    req_o.rect    = req_rect_q;
    req_o.data[0] = tsr_pkg::spread_t'{zero: '0, listen: req_listen_q, rect: req_rect_q};
  end
  assign req_valid_o = req_valid_q;

  // ---------------------------------------------------------------- responses
  logic            rsp_take, rsp_heard, rsp_is_err, rsp_hit, rsp_live, rsp_ends, rsp_write, rsp_color;
  logic [TagW-1:0] rsp_tag;
  logic [3:0]      rsp_block, blocks_left;
  logic            release_dead;

  assign rsp_ready_o = stage_free;
  assign rsp_take    = rsp_valid_i && rsp_ready_o;
  assign rsp_heard   = rsp_take && rsp_i.heard;

  always_comb begin
    rsp_tag     = '0;
    rsp_is_err  = 1'b0;
    rsp_block   = '0;
    blocks_left = '0;
    rsp_hit     = 1'b0;
    rsp_live    = 1'b0;
    rsp_ends    = 1'b0;
    if (rsp_take && !rsp_i.heard && 32'(rsp_i.tag) < NumTags) begin
      rsp_tag     = TagW'(rsp_i.tag);
      rsp_is_err  = rsp_i.kind == tsr_pkg::KindErrRsp;
      rsp_block   = 4'b0001 << rsp_i.addr[7:6];
      blocks_left = blocks_q[rsp_tag] & ~rsp_block;
      rsp_hit     = (live_q[rsp_tag] || dead_q[rsp_tag]) &&
                    (rsp_is_err || (rsp_i.kind == tsr_pkg::KindReadRsp &&
                                    (blocks_q[rsp_tag] & rsp_block) != '0));
      rsp_live    = rsp_hit && live_q[rsp_tag];
      rsp_ends    = rsp_hit && (rsp_is_err || blocks_left == '0);
    end
  end
  assign rsp_write = rsp_live && !rsp_is_err && !rsp_i.poison;
  assign rsp_color = color_q[rsp_tag];

  always_ff @(posedge clk_i) begin
    if (read_step) blocks_q[tag_new] <= blocks_new;
    if (rsp_hit) blocks_q[rsp_tag] <= blocks_left;
  end

  always_comb begin
    live_d = live_q;
    dead_d = dead_q;
    if (rsp_ends) begin
      live_d[rsp_tag] = 1'b0;
      dead_d[rsp_tag] = 1'b0;
    end
    if (forget_i) dead_d = '0;
    if (timed_out) begin
      dead_d = release_dead ? '0 : dead_d | live_d;
      live_d = '0;
    end
    if (read_step) live_d[tag_new] = 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      live_q <= '0;
      dead_q <= '0;
    end else if (rsp_ends || timed_out || read_step || forget_i) begin
      live_q <= live_d;
      dead_q <= dead_d;
    end
  end

  // ---------------------------------------------------------------- write stage: one flit at the scratchpad
  // A flit whose destination is not a multiple of 8 reaches into a ninth word: written in a second access.
  logic             w_valid_q, w_more_q, w_color_q;
  logic             w_heard_q;      // another node's read: no command of this one
  tsr_pkg::listen_t w_listen_q;
  logic             rsp_store;
  spm_addr_t        w_base_q;
  logic [63:0]      w_strb_q, w_tail_q;
  logic [7:0]       w_tail_strb_q;
  logic [7:0][63:0] w_data_q;
  logic [6:0]       w_bytes_q;
  logic             spm_take, fill_step;
  logic [7:0]       tail_strb;

  assign rsp_store  = rsp_write || rsp_heard;
  assign spm_take   = w_valid_q && spm_ready_i;
  assign stage_free = !w_valid_q || (spm_ready_i && !w_more_q);
  assign fill_step  = step && job.fill;
  assign tail_strb  = 8'(rsp_i.strb >> (7'd64 - {4'd0, rsp_i.doff[2:0]}));

  always_ff @(posedge clk_i) begin
    if (rsp_store) begin
      w_color_q     <= rsp_color;
      w_heard_q     <= rsp_heard;
      w_listen_q    <= rsp_i.listen;
      w_base_q      <= {rsp_i.doff[SpmAw-1:3], 3'b000};
      w_strb_q      <= rsp_i.strb << rsp_i.doff[2:0];
      w_tail_strb_q <= tail_strb;
      w_bytes_q     <= 7'($countones(rsp_i.strb));
      if (rsp_i.doff[2:0] == '0) begin
        w_data_q <= rsp_i.data;
      end else begin
        w_data_q[0] <= rsp_i.data[0] << {rsp_i.doff[2:0], 3'b000};
        for (int unsigned l = 1; l < 8; l++) begin
          w_data_q[l] <= (rsp_i.data[l] << {rsp_i.doff[2:0], 3'b000}) |
                         (rsp_i.data[l-1] >> (7'd64 - {1'b0, rsp_i.doff[2:0], 3'b000}));
        end
        w_tail_q <= rsp_i.data[7] >> (7'd64 - {1'b0, rsp_i.doff[2:0], 3'b000});
      end
    end else if (fill_step) begin
      w_color_q <= color_now_q;
      w_heard_q <= 1'b0;
      w_base_q  <= {dst_now[SpmAw-1:3], 3'b000};
      w_strb_q  <= tsr_dma_pkg::byte_strobes({3'd0, dst_now[2:0]}, len[6:0]);
      w_bytes_q <= len[6:0];
      w_data_q  <= {16{job.pattern}};
    end else if (spm_take && w_more_q) begin
      w_base_q    <= w_base_q + spm_addr_t'(64);
      w_strb_q    <= {56'd0, w_tail_strb_q};
      w_data_q[0] <= w_tail_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      w_valid_q <= 1'b0;
      w_more_q  <= 1'b0;
    end else if (stage_free) begin
      w_valid_q <= rsp_store || fill_step;
      w_more_q  <= rsp_store && rsp_i.doff[2:0] != '0 && tail_strb != '0;
    end else if (spm_take) begin
      w_more_q <= 1'b0;
    end
  end

  assign spm_valid_o = w_valid_q;
  assign spm_req_o   = '{pad: '0, write: 1'b1, w_log2: 2'd3, base: w_base_q, pitch: '0, strb: w_strb_q,
                         wdata: w_data_q};

  logic      spm_wait_q;      // a scratchpad response comes in this cycle
  logic      spm_color_q;     // of the access it belongs to
  logic      spm_heard_q;
  logic      spm_last_q;      // the access ends its block
  tsr_pkg::listen_t spm_listen_q;
  spm_addr_t spm_base_q;      // the access it belongs to
  logic      spm_bad;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) spm_wait_q <= 1'b0;
    else spm_wait_q <= spm_take;
    if (spm_take) begin
      spm_base_q  <= w_base_q;
      spm_color_q <= w_color_q;
      spm_heard_q <= w_heard_q;
      spm_last_q  <= !w_more_q;
      spm_listen_q <= w_listen_q;
    end
  end
  assign spm_bad = spm_rsp_valid_i && spm_rsp_i.err && !spm_heard_q;

  // What is heard counts when it lies in the scratchpad.
  assign heard_o      = spm_wait_q && spm_heard_q && spm_last_q && !spm_rsp_i.err;
  assign post_valid_o = heard_o && spm_listen_q.post;
  assign post_id_o    = spm_listen_q.sem;

  assign slot_free_o = rsp_ends;
  assign slot_cold_o = start && live_q == '0;

  // ---------------------------------------------------------------- errors and timeout
  /// The first error of a job stays.
  typedef struct packed {
    cmd_err_e       err;
    tsr_pkg::err_e  info;
    tsr_pkg::addr_t addr;
  } fault_t;

  localparam fault_t NoFault = '{err: CmdOk, info: tsr_pkg::ErrNone, addr: '0};

  fault_t      fault_q, fault_d, drain_fault_q, drain_fault_d, rsp_fault, spm_fault, late_fault;
  logic [31:0] timer_q, limit, limit_q;
  logic        progress, waiting, bus_bad, for_drain_rsp, for_drain_spm;

  assign bus_bad       = rsp_live && (rsp_is_err || rsp_i.poison);
  assign for_drain_rsp = drain_q && rsp_color == color_drain_q;
  assign for_drain_spm = drain_q && spm_color_q == color_drain_q;
  assign fault         = fault_q.err != CmdOk;
  assign progress      = rsp_live || (w_valid_q && !w_heard_q) || (req_valid_q && req_ready_i) || step;
  assign waiting       = (active_q && issue_q) || live_q != '0;
  assign limit         = job.cfg.timeout == '0 ? tsr_dma_pkg::DefaultTimeout : job.cfg.timeout;
  assign timed_out     = waiting && !progress && timer_q >= limit_q - 32'd1;
  assign release_dead  = live_q == '0 && (&dead_q);

  always_ff @(posedge clk_i) begin
    if (start) limit_q <= limit;
    if (!(active_q || drain_q) || progress || timed_out) timer_q <= '0;
    else if (waiting) timer_q <= timer_q + 32'd1;
  end

  assign rsp_fault  = '{err: CmdErrBus, info: rsp_is_err ? rsp_i.err : tsr_pkg::ErrPoison, addr: rsp_i.addr};
  assign spm_fault  = '{err: CmdErrRange, info: tsr_pkg::ErrNone, addr: {34'd0, spm_base_q}};
  assign late_fault = '{err: CmdErrBus, info: tsr_pkg::ErrTimeout,
                        addr: live_q != '0 ? tag_addr_q[TagW'(tsr_dma_pkg::lowest(64'(live_q)))] : src_now};

  always_comb begin
    fault_d = fault_q;
    if (active_q && !fault) begin
      if (bus_bad && !for_drain_rsp) fault_d = rsp_fault;
      else if (spm_bad && !for_drain_spm) fault_d = spm_fault;
      else if (can_issue && range_bad) begin
        fault_d = '{err: CmdErrRange, info: tsr_pkg::ErrNone, addr: {24'd0, dst_elem[31:0]}};
      end else if (timed_out) fault_d = late_fault;
    end
    drain_fault_d = drain_fault_q;
    if (drain_q && drain_fault_q.err == CmdOk) begin
      if (bus_bad && for_drain_rsp) drain_fault_d = rsp_fault;
      else if (spm_bad && for_drain_spm) drain_fault_d = spm_fault;
      else if (timed_out) drain_fault_d = late_fault;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || start) fault_q <= NoFault;
    else fault_q <= fault_d;
    drain_fault_q <= move ? fault_d : drain_fault_d;
  end

  // ---------------------------------------------------------------- completion
  logic               finish;      // of the draining job
  logic [NumTags-1:0] drain_tags;  // its reads in flight
  logic [15:0]        drain_id_q;
  logic               idle_q;

  assign drain_tags = live_q & (color_drain_q ? color_q : ~color_q);
  assign finish     = drain_q && drain_tags == '0 && !(w_valid_q && !w_heard_q && w_color_q == color_drain_q) &&
                      !(spm_wait_q && !spm_heard_q && spm_color_q == color_drain_q);
  assign move       = active_q && !issue_q && (!drain_q || finish);
  assign job_done   = move || (job_valid && !job.run && !active_q && !drain_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q    <= 1'b0;
      drain_q     <= 1'b0;
      color_now_q <= 1'b0;
    end else begin
      if (start) begin
        active_q    <= 1'b1;
        color_now_q <= !color_now_q;
      end else if (move) begin
        active_q <= 1'b0;
      end
      if (move) drain_q <= 1'b1;
      else if (finish) drain_q <= 1'b0;
    end
    if (move) begin
      drain_id_q    <= job.id;
      color_drain_q <= color_now_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (finish) begin
      done_q.id   <= drain_id_q;
      done_q.err  <= drain_fault_d.err;
      done_q.info <= drain_fault_d.info;
      done_q.addr <= drain_fault_d.addr;
    end else if (job_done) begin
      done_q.id   <= job.id;
      done_q.err  <= job.err;
      done_q.info <= job.info;
      done_q.addr <= job.addr;
    end
    done_q.valid <= rst_ni && (finish || (job_done && !move));
  end
  assign done_o = done_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) idle_q <= 1'b0;
    else begin
      idle_q <= front_empty && !drain_q && !(cmd_valid_i && !abort_i) && !rsp_valid_i && !req_valid_q &&
                !w_valid_q && !spm_wait_q;
    end
  end
  assign idle_o = idle_q;

  // ---------------------------------------------------------------- what this cycle is
  assign ops_o = spm_take && !w_more_q && !w_heard_q ? {9'd0, w_bytes_q} : '0;

  always_comb begin
    if (spm_take || step || (req_valid_q && req_ready_i)) state_o = StBusy;
    else if (spm_valid_o) state_o = StConflict;
    else if (req_valid_q) state_o = StBlocked;
    else if (spm_wait_q) state_o = StBusy;
    else if (active_q || drain_q) state_o = StStarved;
    else if (config_busy || job_valid) state_o = StConfig;
    else state_o = StIdle;
  end

  // ---------------------------------------------------------------- implementation checks
  logic hold_req_q, hold_spm_q;
  always_ff @(posedge clk_i) begin
    hold_req_q <= rst_ni && req_valid_o && !req_ready_i;
    hold_spm_q <= rst_ni && spm_valid_o && !spm_ready_i;
  end

  `TSR_ASSUME(SpmAnswersInTime, spm_rsp_valid_i == spm_wait_q)
  `TSR_ASSERT(RequestHeld, !hold_req_q || req_valid_o)
  `TSR_ASSERT(SpmRequestHeld, !hold_spm_q || spm_valid_o)
  `TSR_ASSERT(ReadWithinGranule, !req_valid_o || {1'b0, req_addr_q[7:0]} + req_len_q <= 9'd256)
  `TSR_ASSERT(ReadNotEmpty, !req_valid_o || req_len_q != '0)
  `TSR_ASSERT(LiveOrDead, (live_q & dead_q) == '0)
  `TSR_ASSERT(WalkersEndTogether, !(step && elem_end && !job.fill) || src_last == dst_last)

endmodule
