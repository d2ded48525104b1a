// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Router of one physical network: five ports, two virtual channels of eight flits each, dimension-order
/// routing of single flits and of multicast rectangles, arbitration by class and age.
///
/// *Latency:* 2 cycles from a flit on rx_flit_i to the flit on tx_flit_o: one to write it into its buffer,
/// one to arbitrate and read it.
/// *Backpressure:* credits per VC on both sides; a multicast flit leaves by each of its ports as that port
/// becomes free and is kept until the last one has it.
/// *Throughput:* one flit a cycle and port. Each VC of an input is read on its own, so two VCs of an input may
/// go to two ports in one cycle.
/// *Reset:* buffers empty, VcDepth credits per port and VC, counters zero; stored flits are not reset.
///
/// A flit with bad header parity, or with nowhere to go, is dropped and counted, and its credit goes back.
module tsr_router
  import tsr_pkg::*;
#(
  /// 1: x first (request network); 0: y first (response network).
  parameter bit XFirst = 1'b1
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  /// Own coordinate, constant.
  input  node_t                           node_i,
  /// Low bits of the cycle counter: ages are now - birth modulo 4096.
  input  logic [11:0]                     now_i,
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
  localparam int unsigned BufW   = $clog2(NumBuf);
  localparam int unsigned PtrW   = $clog2(VcDepth);
  localparam int unsigned CountW = idx_width(VcDepth + 1);

  localparam logic [NumDir-1:0][NumDir-1:0] Turn = tsr_noc_pkg::legal_turns(XFirst);

  typedef tsr_noc_pkg::dirs_t dirs_t;
  typedef tsr_noc_pkg::meta_t meta_t;
  typedef logic [CountW-1:0]  count_t;

  `TSR_STATIC_ASSERT(DepthIsPowerOfTwo, VcDepth == (1 << PtrW))
  `TSR_STATIC_ASSERT(VcIsOneBit, NumVc == 2)

  // ---------------------------------------------------------------- state

  flit_t                    buf_q  [NumBuf][VcDepth];
  meta_t                    meta_q [NumBuf][VcDepth];
  logic [NumBuf-1:0][PtrW-1:0] wr_q, rd_q;
  count_t [NumBuf-1:0]      fill_q;
  dirs_t  [NumBuf-1:0]      done_q;    // ports that already have the head flit
  count_t [NumBuf-1:0]      owe_q;     // freed slots whose credit has not gone back yet
  logic   [NumBuf-1:0]      rx_credit_q;
  dirs_t                    tx_valid_q;
  count_t [NumDir-1:0][NumVc-1:0] tx_credit_q;
  logic [11:0]              now_q;
  tsr_noc_pkg::counts_t     count_q;
  logic                     idle_q;

  // ---------------------------------------------------------------- arbitration

  dirs_t [NumBuf-1:0]           need;    // ports that the head flit of a buffer still needs
  dirs_t [NumBuf-1:0]           served;  // ports that take it in this cycle
  dirs_t                        send;    // ports that send
  logic  [NumDir-1:0][BufW-1:0] winner;  // and from which buffer

  always_comb begin : p_arbitrate
    automatic logic [NumBuf-1:0][12:0] key;
    automatic logic [12:0] best;
    automatic meta_t head;
    need   = '0;
    served = '0;
    send   = '0;
    winner = '0;
    key    = '0;
    head   = '0;
    best   = '0;
    for (int unsigned b = 0; b < NumBuf; b++) begin
      if (fill_q[b] != '0) begin
        head    = meta_q[b][rd_q[b]];
        need[b] = head.want & ~done_q[b];
        key[b]  = {head.cls, now_q - head.birth};
      end
    end
    for (int unsigned o = 0; o < NumDir; o++) begin
      best = '0;
      for (int unsigned b = 0; b < NumBuf; b++) begin
        if (Turn[b/NumVc][o] && need[b][o] && (tx_credit_q[o][b%NumVc] != '0) &&
            (!send[o] || (key[b] > best))) begin
          send[o]   = 1'b1;
          winner[o] = BufW'(b);
          best      = key[b];
        end
      end
      for (int unsigned b = 0; b < NumBuf; b++) begin
        served[b][o] = Turn[b/NumVc][o] && send[o] && (winner[o] == BufW'(b));
      end
    end
  end

  // ---------------------------------------------------------------- outputs

  for (genvar o = 0; o < NumDir; o++) begin : gen_out
    flit_t flit_q;
    always_ff @(posedge clk_i) begin
      if (send[o]) begin
        for (int unsigned b = 0; b < NumBuf; b++) begin
          if (Turn[b/NumVc][o] && (winner[o] == BufW'(b))) flit_q <= buf_q[b][rd_q[b]];
        end
      end
    end
    assign tx_flit_o[o] = flit_q;
  end

  assign tx_valid_o  = tx_valid_q;
  assign rx_credit_o = rx_credit_q;
  assign count_o     = count_q;
  assign idle_o      = idle_q;

  // ---------------------------------------------------------------- buffers, credits, counters

  always_ff @(posedge clk_i) begin : p_state
    automatic logic [NumBuf-1:0] push, pop, drop;
    automatic logic   good;
    automatic meta_t  meta;
    automatic hdr_t   h;
    automatic count_t owe;
    automatic logic [BufW-1:0] at;

    now_q      <= now_i;
    tx_valid_q <= send;

    push = '0;
    drop = '0;
    for (int unsigned p = 0; p < NumDir; p++) begin
      if (rx_valid_i[p]) begin
        h          = rx_flit_i[p].hdr;
        at         = BufW'(NumVc * p) + BufW'(h.vc);
        good       = hdr_parity(h) == h.par;
        meta.want  = tsr_noc_pkg::branches(h.dst, node_i, dir_e'(p), XFirst) & link_en_i;
        meta.cls   = h.cls;
        meta.birth = h.birth;
        if (good && (meta.want != '0)) begin
          push[at]              = 1'b1;
          buf_q[at][wr_q[at]]  <= rx_flit_i[p];
          meta_q[at][wr_q[at]] <= meta;
        end else begin
          drop[at] = 1'b1;
          if (good) count_q[tsr_noc_pkg::CntDropped] <= count_q[tsr_noc_pkg::CntDropped] + 1'b1;
          else count_q[tsr_noc_pkg::CntParity] <= count_q[tsr_noc_pkg::CntParity] + 1'b1;
        end
      end
    end

    for (int unsigned b = 0; b < NumBuf; b++) begin
      pop[b] = (need[b] != '0) && (need[b] == served[b]);
      if (served[b] != '0) done_q[b] <= pop[b] ? '0 : done_q[b] | served[b];
      if (push[b]) wr_q[b] <= wr_q[b] + 1'b1;
      if (pop[b]) rd_q[b] <= rd_q[b] + 1'b1;
      if (push[b] != pop[b]) fill_q[b] <= push[b] ? fill_q[b] + 1'b1 : fill_q[b] - 1'b1;
      owe = owe_q[b] + count_t'(pop[b]) + count_t'(drop[b]);
      rx_credit_q[b] <= owe != '0;
      owe_q[b]       <= (owe != '0) ? owe - 1'b1 : '0;
    end

    for (int unsigned o = 0; o < NumDir; o++) begin
      if (send[o]) count_q[o] <= count_q[o] + 1'b1;
      for (int unsigned v = 0; v < NumVc; v++) begin
        if ((send[o] && (winner[o][0] == 1'(v))) != tx_credit_i[o][v]) begin
          tx_credit_q[o][v] <= tx_credit_i[o][v] ? tx_credit_q[o][v] + 1'b1
                                                 : tx_credit_q[o][v] - 1'b1;
        end
      end
    end

    idle_q <= (rx_valid_i == '0) && (fill_q == '0) && (tx_valid_q == '0) && (rx_credit_q == '0) &&
              (owe_q == '0);

    if (!rst_ni) begin
      wr_q        <= '0;
      rd_q        <= '0;
      fill_q      <= '0;
      done_q      <= '0;
      owe_q       <= '0;
      rx_credit_q <= '0;
      tx_valid_q  <= '0;
      tx_credit_q <= {NumDir * NumVc{count_t'(VcDepth)}};
      count_q     <= '0;
      idle_q      <= 1'b0;
    end
  end

  // ---------------------------------------------------------------- implementation checks

  for (genvar b = 0; b < NumBuf; b++) begin : gen_check
    `TSR_ASSERT(BufferNeverOverfull, fill_q[b] <= count_t'(VcDepth))
    `TSR_ASSERT(OnlyLegalTurns, (need[b] & ~Turn[b/NumVc]) == '0)
    `TSR_ASSERT(CreditInRange, tx_credit_q[b/NumVc][b%NumVc] <= count_t'(VcDepth))
  end

endmodule
