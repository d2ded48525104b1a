// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Memory node endpoint: serves HBM reads and writes and the node's registers, and drives the DRAM.
///
/// A request is decoded, split into 64-byte blocks, and handed to the two pseudo channels; responses of both
/// and local answers share the response link. See README.md.
///
/// *Latency:* 4 cycles from the request link to a command at the DFI (row open, queues empty), 5 cycles
/// from read data at the DFI to the response link.
/// *Backpressure:* credits on both links. *Throughput:* one 64-byte block a cycle.
/// *Reset:* not initialized; queues empty. Needs CTRL.INIT_START before HBM is served.
module tsr_mem
  import tsr_pkg::*;
(
  input  logic                 clk_i,
  input  logic                 rst_ni,
  /// Always-on cycle counter.
  input  logic [63:0]          now_i,
  /// Straps: own coordinate and the chip's configuration.
  input  node_t                node_i,
  input  chip_cfg_t            cfg_i,

  /// Request network. This node sends no requests: the transmit side is silent.
  output logic                 req_tx_valid_o,
  output flit_t                req_tx_flit_o,
  input  logic [NumVc-1:0]     req_tx_credit_i,
  input  logic                 req_rx_valid_i,
  input  flit_t                req_rx_flit_i,
  output logic [NumVc-1:0]     req_rx_credit_o,

  /// Response network. Responses that arrive here are dropped.
  output logic                 rsp_tx_valid_o,
  output flit_t                rsp_tx_flit_o,
  input  logic [NumVc-1:0]     rsp_tx_credit_i,
  input  logic                 rsp_rx_valid_i,
  input  flit_t                rsp_rx_flit_i,
  output logic [NumVc-1:0]     rsp_rx_credit_o,

  /// DFI, one element per pseudo channel, from flops. `dfi_wstrb_o`: bytes to write. Side bits: tsr_hbm_ecc_pkg.
  output tsr_hbm_pkg::dfi_cmd_t [tsr_hbm_pkg::NumPc-1:0]       dfi_cmd_o,
  output logic                  [tsr_hbm_pkg::NumPc-1:0][31:0] dfi_wstrb_o,
  output tsr_hbm_pkg::atom_t    [tsr_hbm_pkg::NumPc-1:0]       dfi_wdata_o,
  output logic                  [tsr_hbm_pkg::NumPc-1:0][15:0] dfi_wside_o,
  input  logic                  [tsr_hbm_pkg::NumPc-1:0]       dfi_rvalid_i,
  input  tsr_hbm_pkg::atom_t    [tsr_hbm_pkg::NumPc-1:0]       dfi_rdata_i,
  input  logic                  [tsr_hbm_pkg::NumPc-1:0][15:0] dfi_rside_i,

  /// Counters of the node's router.
  output logic [3:0]           router_sel_o,
  input  logic [31:0]          router_cnt_i,

  /// Registered: skipping the clock changes nothing, as long as nothing arrives and the edge in which now_i is wake_o
  /// (all ones: never) is not skipped. Means nothing while idle_o is 0.
  output logic                 idle_o,
  output logic [63:0]          wake_o
);

  import tsr_hbm_pkg::*;

  // Straps and time go through flops: they reach far into the decode, and an input that does is evaluated at
  // both clock edges by a simulator.
  node_t       node_q;
  chip_cfg_t   cfg_q;
  logic [63:0] now_q;
  always_ff @(posedge clk_i) begin
    node_q <= node_i;
    cfg_q  <= cfg_i;
    now_q  <= now_i;
  end

  span_t step;
  assign step = span_t'(now_i - now_q);

  // ------------------------------------------------------------ links

  logic  rx_valid, rx_ready, rx_par_err, rx_idle;
  flit_t rx_flit;
  tsr_link_rx u_req_rx (
    .clk_i, .rst_ni, .link_valid_i(req_rx_valid_i), .link_flit_i(req_rx_flit_i),
    .link_credit_o(req_rx_credit_o), .valid_o(rx_valid), .ready_i(rx_ready), .flit_o(rx_flit),
    .par_err_o(rx_par_err), .idle_o(rx_idle));

  logic  out_valid_q, tx_ready, tx_idle;
  flit_t out_q;
  tsr_link_tx u_rsp_tx (
    .clk_i, .rst_ni, .now_i(now_i[AgeW-1:0]), .valid_i(out_valid_q), .ready_o(tx_ready), .flit_i(out_q),
    .link_valid_o(rsp_tx_valid_o), .link_flit_o(rsp_tx_flit_o), .link_credit_i(rsp_tx_credit_i),
    .idle_o(tx_idle));

  assign req_tx_valid_o = 1'b0;
  assign req_tx_flit_o  = '0;

  // Responses are nobody's here: give the credit back at once.
  logic [NumVc-1:0] rsp_credit_q;
  assign rsp_rx_credit_o = rsp_credit_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) rsp_credit_q <= '0;
    else rsp_credit_q <= {rsp_rx_valid_i && rsp_rx_flit_i.hdr.vc, rsp_rx_valid_i && !rsp_rx_flit_i.hdr.vc};
  end
  logic unused_inputs;
  assign unused_inputs = ^{req_tx_credit_i};

  // ------------------------------------------------------------ request under way

  logic  cur_valid_q, cur_first_q, cur_done;
  flit_t cur_q;

  assign rx_ready = !cur_valid_q || cur_done;

  always_ff @(posedge clk_i) begin
    if (rx_ready) begin
      cur_valid_q <= rx_valid;
      if (rx_valid) cur_q <= rx_flit;
    end
    cur_first_q <= rx_ready;
    if (!rst_ni) cur_valid_q <= 1'b0;
  end

  typedef enum logic [1:0] { ClsLocal, ClsReg, ClsRead, ClsWrite } class_e;

  typedef struct packed {
    class_e cls;     // ClsLocal: nothing to access
    err_e   err;     // ErrNone, or why the request is refused (then cls = ClsLocal)
    logic   answer;  // it gets a response
  } decode_t;

  localparam logic [31:0] RegBase = 32'h0002_0000;
  localparam int unsigned RegBits = 12;  // size of the register block, log2

  function automatic decode_t refuse(err_e err, logic answer);
    return '{cls: ClsLocal, err: err, answer: answer};
  endfunction

  /// Exactly one of the 16 words is touched.
  function automatic logic one_word(logic [63:0] strb);
    logic [15:0] w;
    for (int unsigned i = 0; i < 16; i++) w[i] = strb[4*i+:4] != '0;
    return (w != '0) && ((w & (w - 1'b1)) == '0);
  endfunction

  /// A rectangle of nodes of this chip that holds `who`.
  function automatic logic rect_around(rect_t r, node_t who, chip_cfg_t cfg);
    return (r.lo.x <= who.x) && (who.x <= r.hi.x) && (r.lo.y <= who.y) && (who.y <= r.hi.y) &&
           (r.hi.x < cfg.mesh_w) && (r.hi.y < cfg.mesh_h);
  endfunction

  function automatic decode_t decode(hdr_t h, spread_t to, logic [7:0] dpar, chip_cfg_t cfg, node_t node, logic ready,
                                     logic ecc);
    logic   answer, read, write, atomic, hbm, posted_mcast;
    route_t r;
    logic [39:0] local_addr;
    answer = h.kind inside {KindRead, KindWrite, KindAtomic};
    read   = h.kind == KindRead;
    write  = h.kind inside {KindWrite, KindWritePosted};
    atomic = h.kind == KindAtomic;
    hbm    = h.addr[55:52] == SpaceHbm;
    r      = route(h.addr, cfg);
    // The address of a multicast names the first node of its rectangle.
    posted_mcast = h.mcast && (h.addr[55:52] == SpaceNode);
    local_addr   = hbm_local(h.addr[39:0], cfg.mem_log2);
    if (!read && !write && !atomic) return refuse(ErrUnsupported, answer);
    if ((write || atomic || h.spread) && (h.dpar != dpar)) return refuse(ErrParity, answer);
    if (!r.ok || ((r.node != node) && !posted_mcast)) return refuse(ErrUnmapped, answer);
    if (read && ((h.strb[63:9] != '0) || (h.strb[8:0] == '0)
                 || (({2'b0, h.addr[7:0]} + {1'b0, h.strb[8:0]}) > 10'(GranuleBytes)))) begin
      return refuse(ErrUnsupported, answer);
    end
    if (write && (h.addr[5:0] != '0)) return refuse(ErrUnsupported, answer);
    if (atomic && (!hbm || (h.addr[1:0] != '0) || (h.amo > AmoMax))) return refuse(ErrUnsupported, answer);
    // Memory with check bits can keep poison.
    if ((write || atomic) && h.poison && !(write && hbm && ecc)) return refuse(ErrPoison, answer);
    if (hbm) begin
      if (h.mcast || !ready) return refuse(ErrUnsupported, answer);
      if (h.spread && (!read || !rect_around(to.rect, h.src, cfg))) return refuse(ErrUnsupported, answer);
      if (local_addr[39:LocalW] != '0) return refuse(ErrUnmapped, answer);
      return '{cls: write ? ClsWrite : ClsRead, err: ErrNone, answer: answer};
    end
    if (h.addr[31:RegBits] != RegBase[31:RegBits]) return refuse(ErrUnmapped, answer);
    if (h.src != cfg.ctl) return refuse(ErrForbidden, answer);
    if (h.spread) return refuse(ErrUnsupported, answer);
    if (read && (({2'b0, h.addr[1:0]} + h.strb[3:0]) > 4'd4 || (h.strb[8:4] != '0))) begin
      return refuse(ErrUnsupported, answer);
    end
    if (write && !one_word(h.strb)) return refuse(ErrUnsupported, answer);
    return '{cls: ClsReg, err: ErrNone, answer: answer};
  endfunction

  logic    init_done, ecc;
  logic    asleep_q;  // self-refresh is wanted
  decode_t dec;

  always_comb begin
    dec = refuse(ErrNone, 1'b0);
    if (cur_valid_q) begin
      dec = decode(cur_q.hdr, spread_t'(cur_q.data[0]), data_parity(cur_q.data), cfg_q, node_q,
                   init_done && !asleep_q, ecc);
    end
  end

  // ------------------------------------------------------------ blocks

  // Blocks of the granule that are still to be handed out.
  logic [3:0]              left_q, left;
  spread_t                 spread_to;   // of a read by multicast
  logic [NumPc-1:0]        pc_valid, pc_ready;
  logic [NumPc-1:0][1:0]   pc_blk;
  logic [NumPc-1:0][3:0]   pc_take;
  logic [39:0]             loc;       // node-local offset of the request
  logic [7:0]              first_byte, last_byte;
  logic                    flip;      // block 0 of the granule lies in pseudo channel 1
  logic                    local_room;
  logic                    write_now;
  logic                    atomic_now;
  block_op_e               op;

  // An atomic is a read of four bytes that changes them.
  assign atomic_now = cur_q.hdr.kind == KindAtomic;
  assign op         = (dec.cls == ClsWrite) ? OpWrite : (atomic_now ? OpAtomic : OpRead);

  function automatic logic [3:0] touched(logic [1:0] first, logic [1:0] last);
    logic [3:0] m;
    for (int unsigned i = 0; i < 4; i++) m[i] = (2'(i) >= first) && (2'(i) <= last);
    return m;
  endfunction

  always_comb begin
    left       = '0;
    pc_valid   = '0;
    pc_blk     = '0;
    spread_to  = '0;
    loc        = '0;
    first_byte = '0;
    last_byte  = '0;
    flip       = 1'b0;
    write_now  = 1'b0;
    if (cur_valid_q && (dec.cls inside {ClsRead, ClsWrite})) begin
      loc        = hbm_local(cur_q.hdr.addr[39:0], cfg_q.mem_log2);
      flip       = map_pc({loc[LocalW-1:8], 8'b0});
      first_byte = loc[7:0];
      if (dec.cls == ClsRead) begin
        if (cur_q.hdr.spread) spread_to = spread_t'(cur_q.data[0]);
        last_byte = 8'(9'(loc[7:0]) + (atomic_now ? 9'd4 : cur_q.hdr.strb[8:0]) - 9'd1);
        left      = cur_first_q ? touched(first_byte[7:6], last_byte[7:6]) : left_q;
      end else begin
        // A write without a byte is only answered.
        last_byte = {loc[7:6], 6'h3f};
        write_now = cur_q.hdr.strb != '0;
        if (write_now && local_room) left[loc[7:6]] = 1'b1;
      end
      for (int unsigned p = 0; p < NumPc; p++) begin
        // Even or odd blocks of the granule.
        pc_blk[p]   = {!left[{1'b0, 1'(p) ^ flip}], 1'(p) ^ flip};
        pc_valid[p] = left[pc_blk[p]];
      end
    end
  end

  always_comb begin
    for (int unsigned p = 0; p < NumPc; p++) begin
      pc_take[p] = '0;
      if (pc_valid[p] && pc_ready[p]) pc_take[p][pc_blk[p]] = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (cur_valid_q) left_q <= left & ~(pc_take[0] | pc_take[1]);
  end

  logic reg_now;    // register access in this cycle
  logic local_push; // a local answer in this cycle

  always_comb begin
    cur_done   = 1'b0;
    reg_now    = 1'b0;
    local_push = 1'b0;
    unique case (dec.cls)
      ClsRead: cur_done = (left & ~(pc_take[0] | pc_take[1])) == '0;
      ClsWrite: begin
        cur_done   = local_room && (!write_now || ((pc_take[0] | pc_take[1]) != '0));
        local_push = cur_done && dec.answer;
      end
      ClsReg: begin
        cur_done   = local_room;
        reg_now    = local_room;
        local_push = local_room && dec.answer;
      end
      default: begin
        cur_done   = local_room;
        local_push = cur_valid_q && local_room && dec.answer;
      end
    endcase
    if (!cur_valid_q) cur_done = 1'b0;
  end

  // ------------------------------------------------------------ pseudo channels

  timing_t                     t_q;
  dfi_cmd_t                    init_cmd;
  logic [NumPc-1:0]            rsp_valid, rsp_ready, pc_empty, pc_down, pc_self;
  rd_meta_t [NumPc-1:0]        rsp_meta;
  data_t    [NumPc-1:0]        rsp_data;
  logic     [NumPc-1:0]        rsp_poison;
  logic [NumPc-1:0][63:0]      pc_cnt;
  logic [NumPc-1:0][1:0]       unused_room;
  logic                        cnt_clear;
  logic [NumPc-1:0]            pc_still;
  span_t [NumPc-1:0]           pc_next;
  span_t                       scrub_next;
  tsr_hbm_reg_pkg::reg2hw_t    reg2hw;
  tsr_hbm_reg_pkg::hw2reg_t    hw2reg, guard_regs;

  // Data integrity.
  tsr_hbm_ecc_pkg::ecc_event_t [NumPc-1:0] guard_event;
  tsr_hbm_ecc_pkg::inject_t    [NumPc-1:0] inject;
  logic [NumPc-1:0]            injected, scrub_valid, scrub_ready;
  logic                        scrub_urgent;
  block_t                      scrub_block;
  logic [LocalW-7:0]           scrub_blk;

  tsr_hbm_guard u_guard (
    .clk_i, .rst_ni, .step_i(step), .cfg_i(cfg_q), .run_i(init_done && !asleep_q), .clear_i(cnt_clear),
    .event_i(guard_event),
    .reg2hw_i(reg2hw), .hw2reg_o(guard_regs), .ecc_o(ecc), .inject_o(inject), .injected_i(injected),
    .scrub_valid_o(scrub_valid), .scrub_ready_i(scrub_ready), .scrub_urgent_o(scrub_urgent),
    .scrub_block_o(scrub_block), .scrub_blk_o(scrub_blk), .scrub_next_o(scrub_next));

  for (genvar p = 0; p < NumPc; p++) begin : gen_pc
    logic [LocalW-1:0] off;
    block_t            blk;
    logic [1:0]        need;
    rd_meta_t          meta;

    always_comb begin
      off  = '0;
      blk  = '0;
      need = '0;
      meta = '0;
      if (pc_valid[p]) begin
        off = {loc[LocalW-1:8], pc_blk[p], 6'b0};
        blk = map_block(off);
        meta.blk  = {cur_q.hdr.addr[39:8], pc_blk[p]};
        meta.doff = cur_q.hdr.doff + {16'b0, pc_blk[p], 6'b0} - {16'b0, cur_q.hdr.addr[7:0]};
        meta.cls  = cur_q.hdr.cls;
        meta.vc   = cur_q.hdr.vc;
        meta.src  = cur_q.hdr.src;
        meta.tag  = cur_q.hdr.tag;
        meta.spread = cur_q.hdr.spread;
        meta.rect   = spread_to.rect;
        meta.listen = spread_to.listen;
        meta.lo   = (pc_blk[p] == first_byte[7:6]) ? first_byte[5:0] : '0;
        meta.hi   = (pc_blk[p] == last_byte[7:6]) ? last_byte[5:0] : '1;
        need = (dec.cls == ClsRead) ? {meta.hi[5], !meta.lo[5]}
                                    : {cur_q.hdr.strb[63:32] != '0, cur_q.hdr.strb[31:0] != '0};
      end
    end

    logic             q_valid, q_ready, q_write, q_back, q_take, q_empty, rmw_empty;
    block_t           q_block;
    logic [1:0]       q_need;
    rd_meta_t         q_meta, q_back_meta;
    logic [63:0]      q_strb;
    data_t            q_data, q_back_data;
    logic [1:0][15:0] q_side, q_back_side;

    tsr_hbm_rmw u_rmw (
      .clk_i, .rst_ni, .ecc_i(ecc),
      .in_valid_i(pc_valid[p]), .in_ready_o(pc_ready[p]), .in_op_i(op), .in_amo_i(cur_q.hdr.amo),
      .in_block_i(blk), .in_need_i(need), .in_meta_i(meta), .in_strb_i(cur_q.hdr.strb),
      .in_data_i(cur_q.data), .in_poison_i(cur_q.hdr.poison),
      .scrub_valid_i(scrub_valid[p]), .scrub_ready_o(scrub_ready[p]), .scrub_urgent_i(scrub_urgent),
      .scrub_block_i(scrub_block), .scrub_blk_i(scrub_blk),
      .inject_i(inject[p]), .injected_o(injected[p]),
      .pc_valid_o(q_valid), .pc_ready_i(q_ready), .pc_write_o(q_write), .pc_block_o(q_block),
      .pc_need_o(q_need), .pc_meta_o(q_meta), .pc_strb_o(q_strb), .pc_data_o(q_data), .pc_side_o(q_side),
      .rd_valid_i(q_back), .rd_ready_o(q_take), .rd_meta_i(q_back_meta), .rd_data_i(q_back_data),
      .rd_side_i(q_back_side),
      .out_valid_o(rsp_valid[p]), .out_ready_i(rsp_ready[p]), .out_meta_o(rsp_meta[p]),
      .out_data_o(rsp_data[p]), .out_poison_o(rsp_poison[p]),
      .event_o(guard_event[p]), .empty_o(rmw_empty));

    assign pc_empty[p] = q_empty && rmw_empty;

    tsr_hbm_pc u_pc (
      .clk_i, .rst_ni, .step_i(step), .t_i(t_q), .run_i(init_done), .init_cmd_i(init_cmd),
      .qos_i(reg2hw.sched.qos.q), .ref_all_i(reg2hw.refresh.all_bank.q), .pd_idle_i(reg2hw.power.pd_idle.q),
      .self_refresh_i(asleep_q && rmw_empty),
      .ref_enable_i(reg2hw.refresh.enable.q), .ref_postpone_i(reg2hw.refresh.postpone.q),
      .ref_pull_in_i(reg2hw.refresh.pull_in.q), .wr_low_i(reg2hw.sched.wr_low.q),
      .wr_high_i(reg2hw.sched.wr_high.q), .age_limit_i(reg2hw.sched.age_limit.q),
      .in_valid_i(q_valid), .in_ready_o(q_ready), .in_write_i(q_write),
      .in_block_i(q_block), .in_need_i(q_need), .in_meta_i(q_meta), .in_strb_i(q_strb),
      .in_data_i(q_data), .in_side_i(q_side), .rd_room_o(unused_room[p][0]), .wr_room_o(unused_room[p][1]),
      .out_valid_o(q_back), .out_ready_i(q_take), .out_meta_o(q_back_meta),
      .out_data_o(q_back_data), .out_side_o(q_back_side),
      .dfi_cmd_o(dfi_cmd_o[p]), .dfi_wstrb_o(dfi_wstrb_o[p]), .dfi_wdata_o(dfi_wdata_o[p]),
      .dfi_wside_o(dfi_wside_o[p]),
      .dfi_rvalid_i(dfi_rvalid_i[p]), .dfi_rdata_i(dfi_rdata_i[p]), .dfi_rside_i(dfi_rside_i[p]),
      .empty_o(q_empty), .down_o(pc_down[p]), .self_o(pc_self[p]),
      .still_o(pc_still[p]), .next_o(pc_next[p]), .cnt_clear_i(cnt_clear),
      .cnt_sel_i({reg2hw.count_sel.sel.q[6:5], reg2hw.count_sel.sel.q[3:0]}),
      .cnt_o(pc_cnt[p]));
  end

  // ------------------------------------------------------------ local answers

  typedef struct packed {
    kind_e       kind;
    err_e        err;
    node_t       src;
    logic [7:0]  tag;
    logic        cls;
    logic        vc;
    logic [23:0] doff;
    addr_t       addr;
    logic [63:0] strb;
    logic [31:0] word;
  } answer_t;

  localparam int unsigned LocalDepth = 8;

  answer_t     local_q [LocalDepth];
  logic [3:0]  local_wr_q, local_rd_q;
  logic        local_valid, local_take;
  answer_t     fresh;
  reg_req_t    reg_req;
  reg_rsp_t    reg_rsp;
  logic [3:0]  word_sel;   // word of the 64-byte flit that a register access touches
  err_e        final_err;

  assign local_valid = local_wr_q != local_rd_q;
  assign local_room  = (local_wr_q - local_rd_q) != 4'(LocalDepth);

  always_comb begin
    word_sel = cur_q.hdr.addr[5:2];
    reg_req  = '0;
    if (reg_now) begin
      if (dec.answer && (cur_q.hdr.kind == KindRead)) word_sel = cur_q.hdr.addr[5:2];
      else begin
        for (int unsigned i = 0; i < 16; i++) if (cur_q.hdr.strb[4*i+:4] != '0) word_sel = 4'(i);
      end
      reg_req.valid = 1'b1;
      reg_req.write = cur_q.hdr.kind != KindRead;
      reg_req.priv  = 1'b1;
      reg_req.addr  = {4'b0, cur_q.hdr.addr[11:6], word_sel, 2'b0};
      for (int unsigned i = 0; i < 16; i++) begin
        if (word_sel == 4'(i)) begin
          reg_req.wdata = cur_q.data[i/2][32*(i%2)+:32];
          reg_req.strb  = cur_q.hdr.strb[4*i+:4];
        end
      end
    end
  end

  always_comb begin
    final_err = (reg_now && reg_rsp.err) ? ErrUnmapped : dec.err;
    fresh     = '0;
    if (local_push) begin
      fresh.src  = cur_q.hdr.src;
      fresh.tag  = cur_q.hdr.tag;
      fresh.cls  = cur_q.hdr.cls;
      fresh.vc   = cur_q.hdr.vc;
      fresh.addr = cur_q.hdr.addr;
      fresh.doff = cur_q.hdr.doff;
      fresh.err  = final_err;
      if (final_err != ErrNone) fresh.kind = KindErrRsp;
      else if (dec.cls == ClsReg && cur_q.hdr.kind == KindRead) begin
        fresh.kind = KindReadRsp;
        fresh.addr = {cur_q.hdr.addr[55:6], 6'b0};
        fresh.doff = cur_q.hdr.doff - {18'b0, cur_q.hdr.addr[5:0]};
        fresh.strb = ((64'd1 << cur_q.hdr.strb[2:0]) - 64'd1) << cur_q.hdr.addr[5:0];
        fresh.word = reg_rsp.rdata;
      end else fresh.kind = KindWriteRsp;
    end
  end

  always_ff @(posedge clk_i) begin
    if (local_push) begin
      local_q[local_wr_q[2:0]] <= fresh;
      local_wr_q               <= local_wr_q + 1'b1;
    end
    if (local_take) local_rd_q <= local_rd_q + 1'b1;
    if (!rst_ni) begin
      local_wr_q <= '0;
      local_rd_q <= '0;
    end
  end

  // ------------------------------------------------------------ response selection

  logic [1:0] last_q;   // source served last: 0, 1 pseudo channels, 2 local
  logic [2:0] want, grant;

  assign want = {local_valid, rsp_valid};

  // Round robin.
  always_comb begin
    grant = '0;
    if ((want != '0) && (!out_valid_q || tx_ready)) begin
      unique case (last_q)
        2'd0:    grant = want[1] ? 3'b010 : (want[2] ? 3'b100 : 3'b001);
        2'd1:    grant = want[2] ? 3'b100 : (want[0] ? 3'b001 : 3'b010);
        default: grant = want[0] ? 3'b001 : (want[1] ? 3'b010 : 3'b100);
      endcase
    end
  end
  assign rsp_ready  = grant[1:0];
  assign local_take = grant[2];

  /// Valid bytes lo..hi of a block.
  function automatic logic [63:0] byte_range(logic [5:0] lo, logic [5:0] hi);
    return ({64{1'b1}} << lo) & ({64{1'b1}} >> (6'd63 - hi));
  endfunction

  always_ff @(posedge clk_i) begin
    automatic rd_meta_t m;
    automatic answer_t  a;
    if (tx_ready) out_valid_q <= 1'b0;
    if (grant != '0) begin
      m = grant[1] ? rsp_meta[1] : rsp_meta[0];
      a = local_q[local_rd_q[2:0]];
      out_valid_q   <= 1'b1;
      last_q        <= grant[2] ? 2'd2 : {1'b0, grant[1]};
      out_q.hdr     <= '0;
      out_q.hdr.src <= node_q;
      if (grant[2]) begin
        out_q.hdr.kind <= a.kind;
        out_q.hdr.err  <= a.err;
        out_q.hdr.cls  <= a.cls;
        out_q.hdr.vc   <= a.vc;
        out_q.hdr.dst  <= {a.src, a.src};
        out_q.hdr.tag  <= a.tag;
        out_q.hdr.doff <= a.doff;
        out_q.hdr.strb <= a.strb;
        out_q.hdr.addr <= a.addr;
        for (int unsigned l = 0; l < 8; l++) out_q.data[l] <= {a.word, a.word};
      end else begin
        out_q.hdr.kind <= KindReadRsp;
        out_q.hdr.cls  <= m.cls;
        out_q.hdr.vc   <= m.vc;
        out_q.hdr.dst  <= m.spread ? m.rect : {m.src, m.src};
        out_q.hdr.tag  <= m.tag;
        if (m.spread) begin
          out_q.hdr.mcast <= 1'b1;
          out_q.hdr.owner <= m.src;
          out_q.hdr.rsvd  <= m.listen;
        end
        out_q.hdr.doff <= m.doff;
        out_q.hdr.strb <= byte_range(m.lo, m.hi);
        out_q.hdr.addr <= {16'b0, m.blk, 6'b0};
        out_q.data     <= grant[1] ? rsp_data[1] : rsp_data[0];
        out_q.hdr.poison <= grant[1] ? rsp_poison[1] : rsp_poison[0];
      end
    end
    if (!rst_ni) begin
      out_valid_q <= 1'b0;
      last_q      <= '0;
    end
  end

  // ------------------------------------------------------------ initialization

  logic             init_start, init_busy;
  logic [NumPc-1:0] init_error;
  logic [NumPc-1:0][63:0] rdata_low;

  for (genvar p = 0; p < NumPc; p++) begin : gen_rdata_low
    assign rdata_low[p] = dfi_rdata_i[p][0];
  end

  always_ff @(posedge clk_i) asleep_q <= rst_ni && reg2hw.ctrl.self_refresh.q;

  assign init_start = reg2hw.ctrl.init_start.qe && reg2hw.ctrl.init_start.q && !init_busy && !init_done;

  localparam logic [6:0] BurstClocks = 7'd2;

  // The timing registers are sampled once, with the sums that the controller needs.
  always_ff @(posedge clk_i) begin
    if (init_start) begin
      t_q.cl      <= reg2hw.t_cl.v.q;
      t_q.cwl     <= reg2hw.t_cwl.v.q;
      t_q.ccd_s   <= reg2hw.t_ccd_s.v.q;
      t_q.ccd_l   <= reg2hw.t_ccd_l.v.q;
      t_q.rcdrd   <= reg2hw.t_rcdrd.v.q;
      t_q.rcdwr   <= reg2hw.t_rcdwr.v.q;
      t_q.rp      <= reg2hw.t_rp.v.q;
      t_q.ras     <= reg2hw.t_ras.v.q;
      t_q.rc      <= reg2hw.t_rc.v.q;
      t_q.rrd_s   <= reg2hw.t_rrd_s.v.q;
      t_q.rrd_l   <= reg2hw.t_rrd_l.v.q;
      t_q.faw     <= reg2hw.t_faw.v.q;
      t_q.ppd     <= reg2hw.t_ppd.v.q;
      t_q.wr2pre  <= 7'(reg2hw.t_cwl.v.q) + BurstClocks + reg2hw.t_wr.v.q;
      t_q.rtp     <= reg2hw.t_rtp.v.q;
      t_q.wr2rd_s <= 7'(reg2hw.t_cwl.v.q) + BurstClocks + 7'(reg2hw.t_wtr_s.v.q);
      t_q.wr2rd_l <= 7'(reg2hw.t_cwl.v.q) + BurstClocks + 7'(reg2hw.t_wtr_l.v.q);
      t_q.rtw     <= reg2hw.t_rtw.v.q;
      t_q.refi    <= reg2hw.t_refi.v.q;
      t_q.rfcab   <= reg2hw.t_rfcab.v.q;
      t_q.rfcpb   <= reg2hw.t_rfcpb.v.q;
      t_q.rrefd   <= reg2hw.t_rrefd.v.q;
      t_q.init    <= reg2hw.t_init.v.q;
      t_q.mod     <= reg2hw.t_mod.v.q;
      t_q.cke     <= reg2hw.t_cke.v.q;
      t_q.xp      <= reg2hw.t_xp.v.q;
      t_q.xs      <= reg2hw.t_xs.v.q;
    end
  end

  tsr_hbm_init u_init (
    .clk_i, .rst_ni, .t_i(t_q), .start_i(init_start), .busy_o(init_busy), .done_o(init_done),
    .error_o(init_error), .cmd_o(init_cmd), .rvalid_i(dfi_rvalid_i), .rdata_i(rdata_low));

  // ------------------------------------------------------------ router counters

  logic [3:0]  router_sel_q;
  logic [31:0] router_cnt_q;
  assign router_sel_o = router_sel_q;
  always_ff @(posedge clk_i) begin
    router_sel_q <= reg2hw.router_sel.sel.q;
    router_cnt_q <= router_cnt_i;
    if (!rst_ni) router_sel_q <= '0;
  end

  // ------------------------------------------------------------ registers, errors, counters

  tsr_hbm_reg_top u_regs (
    .clk_i, .rst_ni, .reg_i(reg_req), .reg_o(reg_rsp), .reg2hw_o(reg2hw), .hw2reg_i(hw2reg));

  // A request failed in the cycle before this one, and what it was.
  logic        fail_q;
  hdr_t        fail_hdr_q;
  err_e        fail_err_q;
  addr_t       err_addr_q;
  node_t       err_src_q;
  kind_e       err_kind_q;
  err_e        err_code_q;
  logic [7:0]  err_tag_q;
  logic [63:0] start_q, refused_q, par_err_q, count;
  logic [31:0] count_hi_q;

  assign cnt_clear = reg2hw.count_ctrl.clear.qe && reg2hw.count_ctrl.clear.q;

  always_comb begin
    unique case (reg2hw.count_sel.sel.q[6:4])
      3'd0, 3'd4, 3'd6: count = pc_cnt[0];
      3'd1, 3'd5, 3'd7: count = pc_cnt[1];
      3'd2: begin
        unique case (reg2hw.count_sel.sel.q[3:0])
          4'd0:    count = now_q - start_q;
          4'd1:    count = refused_q;
          4'd2:    count = par_err_q;
          default: count = '0;
        endcase
      end
      default: count = '0;
    endcase
  end

  always_ff @(posedge clk_i) begin
    fail_q <= cur_done && (final_err != ErrNone);
    if (cur_done && (final_err != ErrNone)) begin
      fail_hdr_q <= cur_q.hdr;
      fail_err_q <= final_err;
    end
    if (fail_q) begin
      refused_q <= refused_q + 64'd1;
      if (!reg2hw.err_status.valid.q) begin
        err_addr_q <= fail_hdr_q.addr;
        err_src_q  <= fail_hdr_q.src;
        err_kind_q <= fail_hdr_q.kind;
        err_code_q <= fail_err_q;
        err_tag_q  <= fail_hdr_q.tag;
      end
    end
    if (rx_par_err) par_err_q <= par_err_q + 64'd1;
    if (reg2hw.count_lo.v.re) count_hi_q <= count[63:32];
    if (!rst_ni || cnt_clear) begin
      refused_q <= '0;
      par_err_q <= '0;
      start_q   <= now_q;
    end
    if (!rst_ni) begin
      fail_q     <= 1'b0;
      err_addr_q <= '0;
      err_src_q  <= '0;
      err_kind_q <= KindNone;
      err_code_q <= ErrNone;
      err_tag_q  <= '0;
      count_hi_q <= '0;
    end
  end

  always_comb begin
    hw2reg = guard_regs;
    hw2reg.id.x.d                   = node_q.x;
    hw2reg.id.y.d                   = node_q.y;
    hw2reg.id.kind.d                = 2'd2;
    hw2reg.capacity.mib.d           = cfg_q.mem_mib;
    hw2reg.capacity.channels.d      = 4'(NumPc);
    hw2reg.status.init_done.d       = init_done;
    hw2reg.status.init_error.d      = init_error != '0;
    hw2reg.status.init_busy.d       = init_busy;
    hw2reg.status.queues_empty.d    = pc_empty == '1;
    hw2reg.status.error_pc.d        = init_error;
    hw2reg.status.self_refresh.d    = pc_self;
    hw2reg.status.power_down.d      = pc_down;
    hw2reg.t_bl.v.d                 = 4'(BurstClocks);
    hw2reg.err_status.valid.d       = 1'b1;
    hw2reg.err_status.valid.de      = fail_q;
    hw2reg.err_status.overrun.d     = 1'b1;
    hw2reg.err_status.overrun.de    = fail_q && reg2hw.err_status.valid.q;
    hw2reg.err_addr_lo.addr.d       = err_addr_q[31:0];
    hw2reg.err_addr_hi.addr.d       = err_addr_q[55:32];
    hw2reg.err_info.src_x.d         = err_src_q.x;
    hw2reg.err_info.src_y.d         = err_src_q.y;
    hw2reg.err_info.kind.d          = err_kind_q;
    hw2reg.err_info.err.d           = err_code_q;
    hw2reg.err_info.tag.d           = err_tag_q;
    hw2reg.count_lo.v.d             = count[31:0];
    hw2reg.count_hi.v.d             = count_hi_q;
    hw2reg.router_count.count.d     = router_cnt_q;
  end

  // ------------------------------------------------------------ sleep

  // Settings and events go through flops on their way: the last work must be a while ago.
  logic        work, rest, idle_q;
  logic [3:0]  calm_q;  // cycles without work
  logic [63:0] wake_q;
  span_t       next;

  assign work = init_busy || init_start || !rx_idle || rx_valid || cur_valid_q || local_valid || out_valid_q || !tx_idle
                || rsp_rx_valid_i || (rsp_credit_q != '0) || fail_q || (pc_empty != '1) || (scrub_valid != '0);
  assign next = sooner(sooner(pc_next[0], pc_next[1]), scrub_next);
  assign rest = !work && (calm_q == '1) && (pc_still == '1) && (next != '0);

  assign idle_o = idle_q;
  assign wake_o = wake_q;
  always_ff @(posedge clk_i) begin
    idle_q <= rst_ni && rest;
    // Before initialization nothing happens by itself; afterwards the ageing of entries goes on, if nothing else.
    if (rest) wake_q <= init_done ? now_q + 64'(next) : '1;
    if (!rst_ni || work) calm_q <= '0;
    else if (calm_q != '1) calm_q <= calm_q + 1'b1;
  end

  // Until then the DRAM gets no command.
  for (genvar p = 0; p < NumPc; p++) begin : gen_rest
    `TSR_ASSERT(NoCommandAtRest, !idle_q || (now_q >= wake_q)
                                 || !(dfi_cmd_o[p].row_valid || dfi_cmd_o[p].col_valid || dfi_cmd_o[p].wdata_valid))
  end
  `TSR_ASSERT(BlocksLeaveWithTheirRequest, !cur_done || (dec.cls != ClsRead) || (left != '0))
  `TSR_ASSERT(CapacityFits, cfg_q.mem_mib <= 16'(1 << (LocalW - 20)))

endmodule
