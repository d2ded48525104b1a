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
module tsr_ni_init
  import tsr_pkg::*;
  import tsr_tile_pkg::*;
#(
  parameter bit IsCtl = 1'b0  // the ctl node: no access windows, virtual channel 1
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

  // Initiators.
  input  logic    [4:0]      req_valid_i,
  output logic    [4:0]      req_ready_o,
  input  ni_req_t [4:0]      req_i,
  output logic    [3:0]      rsp_valid_o,
  input  logic    [3:0]      rsp_ready_i,
  output ni_rsp_t            rsp_o,          // shared payload

  // Record of refused requests.
  output logic               refuse_valid_o,
  output err_e               refuse_err_o,
  output addr_t              refuse_addr_o,

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
  logic [2:0] s1_init_q;
  logic       take;

  assign take = s1_ready && req_valid_i != '0;

  always_ff @(posedge clk_i) begin
    if (take) begin
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
  logic   allowed, s1_is_read, router_page, unreachable, detour;
  err_e   s1_err;
  logic [5:0] s1_number;   // of the node, as the maps count

  assign s1_is_read  = s1_q.kind == KindRead;
  assign s1_number   = {s1_route.node.y[2:0], s1_route.node.x[2:0]};
  assign unreachable = route_none_i[s1_number] && !s1_q.mcast;
  assign detour      = route_vc1_i[s1_number] && !s1_q.mcast;
  assign router_page = s1_q.addr[55:52] == SpaceNode && s1_q.addr[31:12] == tsr_noc_pkg::RouterPage;

  always_comb begin
    s1_route = '0;
    allowed  = IsCtl;
    if (s1_valid_q) begin
      s1_route = route(s1_q.addr, cfg_i);
      for (int unsigned w = 0; w < 8; w++) begin
        if (win_space_i[w] == s1_q.addr[55:52] && s1_q.addr[43:12] >= win_base_i[w] &&
            s1_q.addr[43:12] <= win_limit_i[w]) begin
          if (s1_is_read ? win_read_i[w] : win_write_i[w]) allowed = 1'b1;
        end
      end
      // A node always reaches its own scratchpad and semaphores; the target side decides.
      if (s1_q.addr[55:52] == SpaceNode && s1_route.node == node_i && !s1_q.mcast) allowed = 1'b1;
      if (router_page) allowed = IsCtl;
    end
  end

  always_comb begin
    s1_err = ErrNone;
    if (!s1_route.ok || unreachable) s1_err = ErrUnmapped;
    else if (s1_q.mcast && (s1_q.rect.hi.x >= cfg_i.mesh_w || s1_q.rect.hi.y >= cfg_i.mesh_h ||
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
      tx_flit.hdr.kind  = s1_q.kind;
      tx_flit.hdr.vc    = IsCtl || detour;
      tx_flit.hdr.mcast = s1_q.mcast;
      tx_flit.hdr.dst   = s1_q.mcast ? s1_q.rect : rect_t'{hi: s1_route.node, lo: s1_route.node};
      tx_flit.hdr.src   = node_i;
      tx_flit.hdr.tag   = {s1_init_q[1:0], s1_q.tag};
      tx_flit.hdr.doff  = s1_q.doff;
      tx_flit.hdr.strb  = s1_q.strb;
      tx_flit.hdr.addr  = s1_q.addr;
      tx_flit.data      = s1_q.data;
    end
  end

  tsr_link_tx u_req_tx (
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

  // Refusals made here go first: they are rare and must not wait behind the network. Neither kind
  // takes the place of the other once it is offered.
  logic err_first, rx_offered_q;
  assign err_first = err_valid && !rx_offered_q;
  assign rx_ready  = rx_valid && !err_first && rsp_ready_i[rx_flit.hdr.tag[7:6]];
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
    else if (rx_valid) rsp_valid_o[rx_flit.hdr.tag[7:6]] = 1'b1;
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
      rsp_o.data   = rx_flit.data;
    end
  end

  assign idle_o = !s1_valid_q && tx_idle && rx_idle && !rx_valid;

  // ---------------------------------------------------------------- implementation checks
  `TSR_ASSERT(GrantOneHot, (gnt & (gnt - 1'b1)) == '0)
  `TSR_ASSERT(PostsNeverAnswered, !(s1_valid_q && s1_init_q == 3'd4) || silent)

endmodule
