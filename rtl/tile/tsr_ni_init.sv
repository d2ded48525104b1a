// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Initiator side of the network interface: joins the node's initiators onto the request network,
/// checks every request against the address map and the node's access windows, and hands the
/// responses back.
///
/// Latency: a request leaves on the link 2 cycles after it was taken; a response reaches its initiator
/// 1 cycle after the link.
/// Backpressure: valid/ready everywhere; a response waits until its initiator takes it.
/// Throughput: one flit a cycle each way.
/// Reset: control state only.
///
/// Initiators: 0 RDMA, 1 WDMA, 2 core, 3 host port; 4 are semaphore posts, which have no response.
/// A refused request never reaches the network: its initiator gets an ErrRsp made here.
/// Beside the windows a request is refused when its node cannot be reached (ErrUnmapped), and when it is for the
/// router page of a node and comes from a tile (ErrForbidden).
/// Answers by multicast to other nodes' reads go to RDMA too, if other nodes may write there.
module tsr_ni_init
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter bit          IsCtl    = 1'b0,   // the ctl node: no access windows, virtual channel 1
  parameter int unsigned SpmBytes = 262144  // scratchpad size
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  node_t              node_i,
  input  chip_cfg_t          cfg_i,
  input  age_t               now_i,

  // Access windows: pages of 4 KiB, see regs/tile.toml.
  input  logic [7:0][31:0]   win_base_i,
  input  logic [7:0][31:0]   win_limit_i,
  input  logic [7:0][3:0]    win_space_i,
  input  logic [7:0]         win_read_i,
  input  logic [7:0]         win_write_i,

  // Bit y * 8 + x is node (x, y): its requests take virtual channel 1 / it cannot be reached. Multicast is free of
  // both.
  input  logic [63:0]        route_vc1_i,
  input  logic [63:0]        route_none_i,

  // Arbitration class of each initiator.
  input  logic [4:0]         qos_i,

  // Rights of other nodes to write.
  input  logic               remote_write_i,
  input  spm_addr_t          remote_base_i,
  input  spm_addr_t          remote_limit_i,

  // Initiators.
  input  logic    [4:0]      req_valid_i,
  output logic    [4:0]      req_ready_o,
  input  ni_req_t [4:0]      req_i,
  input  age_t    [1:0]      birth_i,        // since when the DMA engines' requests have been due
  output logic    [3:0]      rsp_valid_o,
  input  logic    [3:0]      rsp_ready_i,
  output ni_rsp_t            rsp_o,          // shared payload

  // Record of refused requests.
  output logic               refuse_valid_o,
  output err_e               refuse_err_o,
  output addr_t              refuse_addr_o,

  // Record of answers to other nodes' reads that were dropped.
  output logic               unheard_valid_o,
  output err_e               unheard_err_o,
  output addr_t              unheard_addr_o,
  output node_t              unheard_src_o,

  // Links.
  output logic               req_tx_valid_o,
  output flit_t              req_tx_flit_o,
  input  logic [1:0]         req_tx_credit_i,
  input  logic               rsp_rx_valid_i,
  input  flit_t              rsp_rx_flit_i,
  output logic [1:0]         rsp_rx_credit_o,

  output logic               tx_o,           // a request flit was sent
  output logic               rx_o,           // a response flit was taken
  output logic               par_err_o,      // a flit with bad parity arrived
  output logic               idle_o
);

  // ---------------------------------------------------------------- arbitration: round robin
  logic [4:0] gnt;
  logic [2:0] last_q;
  logic       s1_ready, s1_valid_q;

  always_comb begin
    logic [4:0] after;
    after = req_valid_i & ~5'((6'd2 << last_q) - 6'd1);
    gnt   = after != '0 ? after & (~after + 5'd1) : req_valid_i & (~req_valid_i + 5'd1);
  end
  assign req_ready_o = s1_ready ? gnt : '0;

  // ---------------------------------------------------------------- stage 1: the winner, to be checked
  ni_req_t    s1_q;
  age_t       s1_birth_q;
  logic [2:0] s1_init_q;
  logic       take;

  assign take = s1_ready && req_valid_i != '0;

  always_ff @(posedge clk_i) begin
    if (take) begin
      s1_birth_q <= now_i;
      for (int unsigned i = 0; i < 2; i++) if (gnt[i] && !req_i[i].mcast) s1_birth_q <= birth_i[i];
      for (int unsigned i = 0; i < 5; i++) begin
        if (gnt[i]) begin
          s1_q      <= req_i[i];
          s1_init_q <= 3'(i);
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      s1_valid_q <= 1'b0;
      last_q     <= 3'd4;
    end else if (s1_ready) begin
      s1_valid_q <= take;
      for (int unsigned i = 0; i < 5; i++) if (take && gnt[i]) last_q <= 3'(i);
    end
  end

  // ---------------------------------------------------------------- check
  route_t s1_route;
  logic   allowed, may_read, may_write, wants_read, wants_write, router_page, unreachable, detour;
  err_e   s1_err;
  logic [5:0] s1_number;   // of the node, as the maps count

  // Pages that are written: those from the near to the far corner of a rectangle.
  logic [3:0]  write_space;
  logic [31:0] near_page, far_page;

  assign wants_read  = s1_q.kind == KindRead || s1_q.kind == KindAtomic;
  assign wants_write = s1_q.kind != KindRead || s1_q.spread;
  assign s1_number   = {s1_route.node.y[2:0], s1_route.node.x[2:0]};
  assign unreachable = route_none_i[s1_number] && !s1_q.mcast;
  assign detour      = route_vc1_i[s1_number] && !s1_q.mcast;
  assign router_page = s1_q.addr[55:52] == SpaceNode && s1_q.addr[31:12] == tsr_noc_pkg::RouterPage;

  always_comb begin
    write_space = s1_q.addr[55:52];
    near_page   = s1_q.addr[43:12];
    far_page    = s1_q.addr[43:12];
    if (s1_valid_q && s1_q.mcast) far_page = {s1_q.rect.hi, s1_q.addr[31:12]};
    if (s1_valid_q && s1_q.spread) begin
      write_space = SpaceNode;
      near_page   = {s1_q.rect.lo, 20'((SpmBase + {8'b0, s1_q.doff}) >> 12)};
      far_page    = {s1_q.rect.hi, 20'((SpmBase + {8'b0, s1_q.doff} + {23'b0, s1_q.strb[8:0] - 9'd1}) >> 12)};
    end
  end

  always_comb begin
    s1_route  = '0;
    allowed   = IsCtl;
    may_read  = 1'b0;
    may_write = 1'b0;
    if (s1_valid_q) begin
      s1_route = route(s1_q.addr, cfg_i);
      for (int unsigned w = 0; w < 8; w++) begin
        if (win_space_i[w] == s1_q.addr[55:52] && s1_q.addr[43:12] >= win_base_i[w] &&
            s1_q.addr[43:12] <= win_limit_i[w] && win_read_i[w]) begin
          may_read = 1'b1;
        end
        if (win_space_i[w] == write_space && near_page >= win_base_i[w] && far_page <= win_limit_i[w] &&
            win_write_i[w]) begin
          may_write = 1'b1;
        end
      end
      if ((may_read || !wants_read) && (may_write || !wants_write)) allowed = 1'b1;
      // A node always reaches its own scratchpad and semaphores; the target side decides.
      if (s1_q.addr[55:52] == SpaceNode && s1_route.node == node_i && !s1_q.mcast && !s1_q.spread) begin
        allowed = 1'b1;
      end
      if (router_page) allowed = IsCtl;
    end
  end

  always_comb begin
    s1_err = ErrNone;
    if (!s1_route.ok || unreachable) s1_err = ErrUnmapped;
    else if ((s1_q.mcast || s1_q.spread) &&
             (s1_q.rect.hi.x >= cfg_i.mesh_w || s1_q.rect.hi.y >= cfg_i.mesh_h ||
              s1_q.rect.lo.x > s1_q.rect.hi.x || s1_q.rect.lo.y > s1_q.rect.hi.y)) begin
      s1_err = ErrUnmapped;
    end else if (!allowed) s1_err = ErrForbidden;
  end

  logic tx_valid, tx_ready, tx_idle, err_valid, err_ready, silent;
  flit_t tx_flit;

  assign silent    = s1_q.kind == KindWritePosted || s1_q.kind == KindSemPost;
  assign tx_valid  = s1_valid_q && s1_err == ErrNone;
  assign err_valid = s1_valid_q && s1_err != ErrNone && !silent;
  assign s1_ready  = !s1_valid_q || (s1_err == ErrNone ? tx_ready : silent || err_ready);

  assign refuse_valid_o = s1_valid_q && s1_err != ErrNone && (silent || err_ready);
  assign refuse_err_o   = s1_err;
  assign refuse_addr_o  = s1_q.addr;

  always_comb begin
    tx_flit = '0;
    if (s1_valid_q) begin
      tx_flit.hdr.birth = s1_birth_q;
      tx_flit.hdr.kind  = s1_q.kind;
      tx_flit.hdr.vc    = IsCtl || detour;
      tx_flit.hdr.cls   = qos_i[s1_init_q];
      tx_flit.hdr.amo   = s1_q.amo;
      tx_flit.hdr.mcast = s1_q.mcast;
      tx_flit.hdr.spread = s1_q.spread;
      tx_flit.hdr.dst   = s1_q.mcast ? s1_q.rect : rect_t'{hi: s1_route.node, lo: s1_route.node};
      tx_flit.hdr.src   = node_i;
      tx_flit.hdr.tag   = {s1_init_q[1:0], s1_q.tag};
      tx_flit.hdr.doff  = s1_q.doff;
      tx_flit.hdr.strb  = s1_q.strb;
      tx_flit.hdr.addr  = s1_q.addr;
      tx_flit.data      = s1_q.data;
    end
  end

  tsr_link_tx #(.KeepBirth(1'b1)) u_req_tx (
    .clk_i, .rst_ni, .now_i,
    .valid_i(tx_valid), .ready_o(tx_ready), .flit_i(tx_flit),
    .link_valid_o(req_tx_valid_o), .link_flit_o(req_tx_flit_o), .link_credit_i(req_tx_credit_i),
    .idle_o(tx_idle)
  );
  assign tx_o = tx_valid && tx_ready;

  // ---------------------------------------------------------------- responses
  logic  rx_valid, rx_ready, rx_idle, rx_par_err, data_bad;
  flit_t rx_flit;

  tsr_link_rx u_rsp_rx (
    .clk_i, .rst_ni,
    .link_valid_i(rsp_rx_valid_i), .link_flit_i(rsp_rx_flit_i), .link_credit_o(rsp_rx_credit_o),
    .valid_o(rx_valid), .ready_i(rx_ready), .flit_o(rx_flit),
    .par_err_o(rx_par_err), .idle_o(rx_idle)
  );

  assign data_bad = rx_valid && rx_flit.hdr.kind == KindReadRsp &&
                    rx_flit.hdr.dpar != data_parity(rx_flit.data);

  // Answers to other nodes' reads.
  logic       heard, unheard;
  logic [1:0] rx_init;

  tsr_listen #(.IsCtl(IsCtl), .SpmBytes(SpmBytes)) u_listen (
    .node_i, .ctl_i(cfg_i.ctl), .remote_write_i, .remote_base_i, .remote_limit_i,
    .valid_i(rx_valid), .hdr_i(rx_flit.hdr), .data_bad_i(data_bad),
    .heard_o(heard), .drop_o(unheard), .err_o(unheard_err_o), .addr_o(unheard_addr_o), .src_o(unheard_src_o)
  );
  assign unheard_valid_o = rx_o && unheard && unheard_err_o != ErrNone;

  // Refusals made here go first: they are rare and must not wait behind the network. Neither kind
  // takes the place of the other once it is offered.
  logic err_first, rx_offered_q;
  assign err_first = err_valid && !rx_offered_q;
  assign rx_init   = heard ? 2'd0 : rx_flit.hdr.tag[7:6];
  assign rx_ready  = rx_valid && !err_first && (unheard || rsp_ready_i[rx_init]);
  assign err_ready = err_first && rsp_ready_i[s1_init_q[1:0]];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) rx_offered_q <= 1'b0;
    else rx_offered_q <= rx_valid && !err_first && !rx_ready;
  end
  assign rx_o      = rx_valid && rx_ready;
  assign par_err_o = rx_par_err || (rx_o && data_bad);

  always_comb begin
    rsp_valid_o = '0;
    if (err_first) rsp_valid_o[s1_init_q[1:0]] = 1'b1;
    else if (rx_valid && !unheard) rsp_valid_o[rx_init] = 1'b1;
  end

  always_comb begin
    rsp_o = '0;
    if (err_first || rx_valid) begin
      rsp_o.kind   = err_first ? KindErrRsp : rx_flit.hdr.kind;
      rsp_o.err    = err_first ? s1_err : rx_flit.hdr.err;
      rsp_o.poison = !err_first && (rx_flit.hdr.poison || data_bad);
      rsp_o.addr   = err_first ? s1_q.addr : rx_flit.hdr.addr;
      rsp_o.strb   = rx_flit.hdr.strb;
      rsp_o.doff   = rx_flit.hdr.doff;
      rsp_o.tag    = err_first ? s1_q.tag : rx_flit.hdr.tag[5:0];
      rsp_o.heard  = !err_first && heard;
      rsp_o.listen = listen_t'(rx_flit.hdr.rsvd);
      rsp_o.data   = rx_flit.data;
    end
  end

  assign idle_o = !s1_valid_q && tx_idle && rx_idle && !rx_valid;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(GrantOneHot, (gnt & (gnt - 1'b1)) == '0)
  `TSR_ASSERT(PostsNeverAnswered, !(s1_valid_q && s1_init_q == 3'd4) || silent)

endmodule
