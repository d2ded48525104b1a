// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Router of one physical network: five ports, two virtual channels of eight flits each, dimension-order
/// routing of single flits and of multicast rectangles, tables in its place on VC 1, arbitration by class and age.
///
/// *Latency:* 2 cycles from a flit on rx_flit_i to the flit on tx_flit_o: one to write it into its buffer,
/// one to arbitrate and read it.
/// *Backpressure:* credits per VC on both sides; a multicast flit leaves by each of its ports as that port
/// becomes free and is kept until the last one has it.
/// *Throughput:* one flit a cycle and port. Each VC of an input is read on its own, so two VCs of an input may
/// go to two ports in one cycle.
/// *Reset:* buffers empty, VcDepth credits per port and VC, counters zero, tables off; stored flits and the
/// table are not reset.
///
/// A posted write to the router page (request network only) takes its turn for the local port like any flit, but
/// is shown on cfg_valid_o in place of tx_valid_o[DirLocal] and needs no credit. A flit with bad header parity, or
/// with nowhere to go, is dropped and counted, and its credit goes back.
///
/// Link watchdog: a neighbour that holds flits and cannot pass any of them on says so with a beat now and then. A beat
/// is an empty flit of KindNone; it needs no credit, so that a damaged one pays none, and goes no further. A port whose
/// neighbour owes credits and has sent neither a credit nor a beat for LinkTimeout to 1.5 LinkTimeout cycles is stuck.
/// Whatever wants a stuck or dead port is dropped and counted, so that the network drains. Writing the control word
/// frees stuck ports.
module tsr_router
  import tsr_pkg::*;
#(
  /// 1: x first (request network); 0: y first (response network).
  parameter bit          XFirst      = 1'b1,
  /// Cycles of silence after which a link counts as stuck; a power of two up to 2^AgeW. The same in all routers.
  parameter int unsigned LinkTimeout = 4096
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  /// Own coordinate, constant.
  input  node_t                           node_i,
  /// Low bits of the cycle counter: ages are now - birth modulo 2^AgeW.
  input  age_t                            now_i,

  /// tx_flit_o[DirLocal] is a write to the router page.
  output logic                            cfg_valid_o,
  /// Write this network's table or control word (address bit 6) from cfg_flit_i[DirLocal]: flops and their decoding.
  input  logic                            cfg_we_i,
  input  flit_t [NumDir-1:0]              cfg_flit_i,
  /// A write to the router page was damaged: counts as a parity error.
  input  logic                            cfg_bad_i,

  /// Port d has a neighbour, constant. Nothing is sent to ports without one.
  input  logic  [NumDir-1:0]              link_en_i,

  /// Links in, index dir_e.
  input  logic  [NumDir-1:0]              rx_valid_i,
  input  flit_t [NumDir-1:0]              rx_flit_i,
  output logic  [NumDir-1:0][NumVc-1:0]   rx_credit_o,

  /// Links out, index dir_e.
  output logic  [NumDir-1:0]              tx_valid_o,
  output flit_t [NumDir-1:0]              tx_flit_o,
  input  logic  [NumDir-1:0][NumVc-1:0]   tx_credit_i,

  /// Counters, index count_e; wrap.
  output tsr_noc_pkg::counts_t            count_o,
  /// From a flop: nothing changes at the next edge unless an input valid or credit is set.
  output logic                            idle_o
);

  // Twice in a node: without this Verilator copies the flits of every port through a function boundary.
  /*verilator inline_module*/

  localparam int unsigned NumBuf = NumDir * NumVc;  // buffer b: port b / NumVc, VC b % NumVc
  localparam int unsigned PtrW   = $clog2(VcDepth);
  localparam int unsigned CountW = idx_width(VcDepth + 1);
  localparam int unsigned TickW  = $clog2(LinkTimeout) - 1;

  // Index [VC][from][to]. VC 0 only knows dimension order; tables may take every turn.
  localparam logic [NumVc-1:0][NumDir-1:0][NumDir-1:0] Turn = {
    tsr_noc_pkg::any_turns(), tsr_noc_pkg::legal_turns(XFirst)
  };

  typedef tsr_noc_pkg::dirs_t dirs_t;
  typedef tsr_noc_pkg::meta_t meta_t;
  typedef logic [PtrW-1:0]    ptr_t;
  typedef logic [CountW-1:0]  count_t;

  `TSR_STATIC_ASSERT(DepthIsPowerOfTwo, VcDepth == (1 << PtrW))
  `TSR_STATIC_ASSERT(VcIsOneBit, NumVc == 2)
  `TSR_STATIC_ASSERT(TimeoutLegal, LinkTimeout == (1 << (TickW + 1)) && TickW <= AgeW)

  // The larger one goes first: class, then age.
  typedef struct packed {
    logic        cls;
    age_t        age;
  } score_t;
  typedef logic [NumBuf-1:0] bufs_t;

  // Buffer b is VC b % NumVc of port b / NumVc.
  flit_t buf_q  [NumDir][NumVc*VcDepth];  // index {VC, pointer}
  meta_t meta_q [NumDir][NumVc*VcDepth];

  dirs_t  need  [NumBuf];                 // ports that the head flit of buffer b still needs; zero: empty
  ptr_t   rd    [NumBuf];                 // where it is
  score_t score [NumBuf];
  bufs_t  ahead [NumBuf];                 // buffers whose head goes before that of buffer b
  dirs_t  send;                           // ports that send in this cycle
  bufs_t  winner [NumDir];                // and from which buffer
  bufs_t  cfg;                            // heads that are for the router page

  age_t now_q;
  always_ff @(posedge clk_i) now_q <= now_i;

  dirs_t away;    // ports whose link owes credits, and that are not closed
  dirs_t closed;  // ports that send nothing: what wants them is dropped
  dirs_t stuck;
  dirs_t shed;    // a flit was dropped at this port
  dirs_t beat;    // a beat is to leave by this port
  dirs_t heard;   // a beat came in
  logic  tick;    // twice in LinkTimeout cycles
  assign tick = now_q[TickW-1:0] == '0;

  // ---------------------------------------------------------------- routing table

  tsr_noc_pkg::table_row_t row_q [2*tsr_noc_pkg::TableSide];  // index {phase, y}; phase 1: only down
  tsr_noc_pkg::control_t   control_q;
  logic                    control_we;
  assign control_we = cfg_we_i && cfg_flit_i[DirLocal].hdr.addr[6] && cfg_flit_i[DirLocal].hdr.strb[0];

  always_ff @(posedge clk_i) begin
    if (cfg_we_i) begin
      if (cfg_flit_i[DirLocal].hdr.addr[6]) begin
        if (control_we) control_q <= cfg_flit_i[DirLocal].data[0][$bits(control_q)-1:0];
      end else begin
        for (int unsigned i = 0; i < 2 * tsr_noc_pkg::TableSide; i++) begin
          if (cfg_flit_i[DirLocal].hdr.strb[4*i]) row_q[i] <= cfg_flit_i[DirLocal].data[i/2][32*(i%2)+:$bits(row_q[0])];
        end
      end
    end
    if (!rst_ni) control_q <= '0;
  end

  // ---------------------------------------------------------------- outputs: arbitration and credits

  logic [NumDir-1:0][31:0] sent;

  // Every pair of heads is compared once for all ports; at equal scores the first buffer wins.
  always_comb begin : p_order
    for (int unsigned b = 0; b < NumBuf; b++) ahead[b] = '0;
    for (int unsigned i = 0; i < NumBuf; i++) begin
      if (need[i] != '0) begin
        for (int unsigned j = i + 1; j < NumBuf; j++) begin
          if (need[j] != '0) begin
            if (score[j] > score[i]) ahead[i][j] = 1'b1;
            else ahead[j][i] = 1'b1;
          end
        end
      end
    end
  end

  for (genvar o = 0; o < NumDir; o++) begin : gen_out
    count_t [NumVc-1:0] credit_q;
    logic               valid_q;
    logic [31:0]        sent_q;
    bufs_t              ask;     // heads that could go
    bufs_t              win;
    logic               win_vc;
    logic               keep;    // the winner goes to the router page, not out
    logic               out;     // it leaves by the link

    always_comb begin : p_arbitrate
      ask    = '0;
      win    = '0;
      win_vc = 1'b0;
      keep   = 1'b0;
      for (int unsigned b = 0; b < NumBuf; b++) begin
        ask[b] = Turn[b%NumVc][b/NumVc][o] && need[b][o] && !beat[o] &&
                 ((credit_q[b%NumVc] != '0) || closed[o] || (o == DirLocal && cfg[b]));
      end
      if (ask != '0) begin
        for (int unsigned b = 0; b < NumBuf; b++) begin
          win[b] = ask[b] && ((ask & ahead[b]) == '0);
          if (win[b] && (b % NumVc) == 1) win_vc = 1'b1;
          if (win[b] && o == DirLocal && cfg[b]) keep = 1'b1;
        end
      end
    end
    assign send[o]   = ask != '0;
    assign winner[o] = win;
    assign out       = send[o] && !keep && !closed[o];

    always_ff @(posedge clk_i) begin
      valid_q <= out || beat[o];
      if (beat[o]) tx_flit_o[o] <= '{hdr: beat_hdr(), data: '0};
      if (send[o]) begin
        if (out) sent_q <= sent_q + 1'b1;
        for (int unsigned b = 0; b < NumBuf; b++) begin
          if (Turn[b%NumVc][b/NumVc][o] && win[b]) begin
            tx_flit_o[o] <= buf_q[b/NumVc][{1'(b%NumVc), rd[b]}];
          end
        end
      end
      for (int unsigned v = 0; v < NumVc; v++) begin
        if ((out && (win_vc == 1'(v))) != tx_credit_i[o][v]) begin
          credit_q[v] <= tx_credit_i[o][v] ? credit_q[v] + 1'b1 : credit_q[v] - 1'b1;
        end
      end
      if (!rst_ni) begin
        valid_q  <= 1'b0;
        sent_q   <= '0;
        credit_q <= {NumVc{count_t'(VcDepth)}};
      end
    end

    assign tx_valid_o[o] = valid_q;
    assign sent[o]       = sent_q;

    if (o == DirLocal) begin : gen_cfg
      logic cfg_q;
      always_ff @(posedge clk_i) begin
        cfg_q <= keep;
        if (!rst_ni) cfg_q <= 1'b0;
      end
      assign cfg_valid_o = cfg_q;
      assign away[o]     = 1'b0;
      assign closed[o]   = 1'b0;
      assign stuck[o]    = 1'b0;
      assign shed[o]     = 1'b0;
    end else begin : gen_watchdog
      // Ticks since a sign of life, while credits are owed: the third one makes it LinkTimeout cycles at least.
      logic [1:0] wait_q;
      logic       stuck_q, shed_q;
      always_ff @(posedge clk_i) begin
        shed_q <= send[o] && closed[o];
        if (tx_credit_i[o] != '0 || heard[o]) begin
          wait_q <= '0;
        end else if (tick && away[o]) begin
          wait_q <= wait_q + 1'b1;
          if (wait_q == 2'd2) stuck_q <= 1'b1;
        end
        if (!rst_ni || control_we) begin
          wait_q  <= '0;
          stuck_q <= 1'b0;
        end
        if (!rst_ni) shed_q <= 1'b0;
      end
      assign away[o]   = (credit_q != {NumVc{count_t'(VcDepth)}}) && !closed[o];
      assign closed[o] = stuck_q || control_q.dead[o];
      assign stuck[o]  = stuck_q;
      assign shed[o]   = shed_q;
    end

    for (genvar v = 0; v < NumVc; v++) begin : gen_check
      `TSR_ASSERT(CreditInRange, credit_q[v] <= count_t'(VcDepth))
    end
  end

  // ---------------------------------------------------------------- inputs: buffers and their heads

  logic [NumDir-1:0] parity_err, dropped, quiet;

  for (genvar p = 0; p < NumDir; p++) begin : gen_in
    ptr_t   [NumVc-1:0] wr_q, rd_q;
    count_t [NumVc-1:0] fill_q;
    dirs_t  [NumVc-1:0] need_q;
    meta_t  [NumVc-1:0] head_q;      // of the flit that need_q is about
    count_t [NumVc-1:0] owe_q;       // freed slots whose credit could not go back yet
    logic   [NumVc-1:0] credit_q;
    logic               parity_err_q, dropped_q, heard_q;
    logic               down;        // what comes in here has gone down
    assign down = (p != DirLocal) && control_q.down[(p + NumDir - 2) % (NumDir - 1)];

    for (genvar v = 0; v < NumVc; v++) begin : gen_head
      assign need[NumVc*p+v]  = need_q[v];
      assign rd[NumVc*p+v]    = rd_q[v];
      assign cfg[NumVc*p+v]   = XFirst && head_q[v].cfg;
      assign score[NumVc*p+v] = '{cls: head_q[v].cls, age: now_q - head_q[v].birth};
    end

    always_ff @(posedge clk_i) begin
      // verilator tracing_off
      automatic meta_t  meta, next;
      automatic logic   vc, good, empty, paid, accept, push, pop, drop;
      automatic dirs_t  served, left;
      automatic count_t owe;
      automatic logic [2:0] port;
      // verilator tracing_on

      meta         = '0;
      port         = '0;
      accept       = 1'b0;
      empty        = 1'b0;
      paid         = 1'b0;
      vc           = rx_flit_i[p].hdr.vc;
      parity_err_q <= 1'b0;
      dropped_q    <= 1'b0;
      if (rx_valid_i[p]) begin
        if (vc && control_q.enable) begin
          port      = row_q[{down, rx_flit_i[p].hdr.dst.lo.y[2:0]}][rx_flit_i[p].hdr.dst.lo.x[2:0]];
          meta.want = tsr_noc_pkg::table_way(port, rx_flit_i[p].hdr) & Turn[1][p];
        end else begin
          meta.want = tsr_noc_pkg::branches(rx_flit_i[p].hdr.dst, node_i, dir_e'(p), XFirst);
        end
        meta.want &= link_en_i & ~control_q.dead;
        meta.cfg   = XFirst && tsr_noc_pkg::to_router(rx_flit_i[p].hdr);
        meta.cls   = rx_flit_i[p].hdr.cls;
        meta.birth = rx_flit_i[p].hdr.birth;
        good       = (^rx_flit_i[p].hdr) == 1'b0;
        empty      = good && (rx_flit_i[p].hdr.kind == KindNone);
        // It took a credit from its sender: a damaged beat did not and must not give one back.
        paid       = good ? !empty : !beat_mark(rx_flit_i[p].hdr.dst);
        accept     = good && !empty && (meta.want != '0);
        if (accept) begin
          buf_q[p][{vc, wr_q[vc]}]  <= rx_flit_i[p];
          meta_q[p][{vc, wr_q[vc]}] <= meta;
        end else begin
          parity_err_q <= !good;
          dropped_q    <= good && !empty;
        end
      end
      heard_q <= empty;

      if (rx_valid_i[p] || (need_q != '0) || (owe_q != '0) || (credit_q != '0)) begin
        for (int unsigned v = 0; v < NumVc; v++) begin
          push = rx_valid_i[p] && (vc == 1'(v)) && accept;
          drop = rx_valid_i[p] && (vc == 1'(v)) && !accept && paid;
          served = '0;
          for (int unsigned o = 0; o < NumDir; o++) begin
            served |= dirs_t'(Turn[v][p][o] && winner[o][NumVc*p+v]) << o;
          end
          left = need_q[v] & ~served;
          pop  = (served != '0) && (left == '0);
          // The next head may be arriving just now.
          next = (fill_q[v] > count_t'(1)) ? meta_q[p][{1'(v), ptr_t'(rd_q[v] + 1'b1)}] : push ? meta : '0;
          need_q[v] <= (left != '0) ? left : next.want;
          if (left == '0) head_q[v] <= next;
          wr_q[v]   <= wr_q[v] + ptr_t'(push);
          rd_q[v]   <= rd_q[v] + ptr_t'(pop);
          fill_q[v] <= fill_q[v] + count_t'(push) - count_t'(pop);
          // One credit a cycle and VC: a pop and a drop together leave one owing.
          owe         = owe_q[v] + count_t'(pop) + count_t'(drop);
          credit_q[v] <= owe != '0;
          owe_q[v]    <= (owe != '0) ? owe - 1'b1 : '0;
        end
      end

      if (!rst_ni) begin
        wr_q         <= '0;
        rd_q         <= '0;
        fill_q       <= '0;
        need_q       <= '0;
        owe_q        <= '0;
        credit_q     <= '0;
        parity_err_q <= 1'b0;
        dropped_q    <= 1'b0;
        heard_q      <= 1'b0;
      end
    end

    if (p == DirLocal) begin : gen_no_beat
      assign beat[p] = 1'b0;
    end else begin : gen_beat
      // Since the last tick flits are held and none of them has left.
      logic held_q, beat_q;
      always_ff @(posedge clk_i) begin
        beat_q <= tick && held_q && (credit_q == '0) && !closed[p];
        if (credit_q != '0) held_q <= 1'b0;
        else if (tick) held_q <= need_q != '0;
        if (!rst_ni) begin
          held_q <= 1'b0;
          beat_q <= 1'b0;
        end
      end
      assign beat[p] = beat_q;
    end

    assign heard[p]       = heard_q;
    assign rx_credit_o[p] = credit_q;
    assign parity_err[p]  = parity_err_q;
    assign dropped[p]     = dropped_q;
    assign quiet[p]       = (need_q == '0) && (owe_q == '0) && (credit_q == '0);

    for (genvar v = 0; v < NumVc; v++) begin : gen_check
      `TSR_ASSERT(BufferNeverOverfull, fill_q[v] <= count_t'(VcDepth))
      `TSR_ASSERT(HeadWhenFilled, (fill_q[v] != '0) == (need_q[v] != '0))
      `TSR_ASSERT(OnlyLegalTurns, (need_q[v] & ~Turn[v][p]) == '0)
    end
  end

  // ---------------------------------------------------------------- counters and sleep

  logic [31:0] parity_count_q, dropped_count_q;
  logic        idle_q;

  function automatic logic [31:0] ones(dirs_t d);
    logic [31:0] n;
    n = '0;
    for (int unsigned i = 0; i < NumDir; i++) n += 32'(d[i]);
    return n;
  endfunction

  always_ff @(posedge clk_i) begin
    if (parity_err != '0 || cfg_bad_i) parity_count_q <= parity_count_q + ones(parity_err) + 32'(cfg_bad_i);
    if (dropped != '0 || shed != '0) dropped_count_q <= dropped_count_q + ones(dropped) + ones(shed);
    idle_q <= (rx_valid_i == '0) && (&quiet) && (tx_valid_o == '0) && (parity_err == '0) &&
              (dropped == '0) && (shed == '0) && (away == '0) && (beat == '0) && !cfg_valid_o;
    if (!rst_ni) begin
      parity_count_q  <= '0;
      dropped_count_q <= '0;
      idle_q          <= 1'b0;
    end
  end

  tsr_noc_pkg::status_t status;
  always_comb begin
    status         = '0;
    status.control = control_q;
    status.stuck   = stuck[NumDir-1:1];
  end

  assign count_o = {status, dropped_count_q, parity_count_q, sent};
  assign idle_o  = idle_q;

endmodule
