// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Protocol checker of one direction of a network link: credits and legal flits.
///
/// Instantiate it beside the wires it watches. It drives nothing and vanishes with `TSR_ASSERT_OFF.
/// Rules, by assertion name:
///  * `CreditNotOverdrawn`: never more than VcDepth flits of a VC without a credit back;
///  * `CreditNotOverpaid`: never a credit for a flit that was not sent;
///  * `KindOfThisNetwork`: requests on the request network, responses on the response network;
///  * `HeaderParityGood`, `DataParityGood`, `SpareBitsZero`;
///  * `UnicastHasOneTarget`, `MulticastRectOrdered`, `MulticastNeedsNoAnswer` (WritePosted, SemPost, ReadRsp);
///  * `ReadInsideGranule`: 1..256 bytes that do not cross a 256-byte granule;
///  * `SpreadLegal`: `spread` only in a Read, `owner` only in a ReadRsp by multicast;
///  * `WriteAligned`, `AtomicLegal`, `ReadRspAligned`;
///  * `ErrorOnlyInErrRsp`: `err` is set in an ErrRsp and nowhere else;
///  * `BeatIsEmpty`: on links between routers (Mesh), a flit of KindNone is tsr_pkg::beat_hdr alone. It needs no credit.
///
/// *Latency:* a violation is reported at the edge that ends the offending cycle.
/// *Reset:* all credits are back.
module tsr_flit_check
  import tsr_pkg::*;
#(
  /// 0: request network, 1: response network.
  parameter bit Response = 1'b0,
  /// 1: a link between two routers.
  parameter bit Mesh     = 1'b0
) (
  input logic             clk_i,
  input logic             rst_ni,
  input logic             valid_i,
  input flit_t            flit_i,
  /// Credits that travel back.
  input logic [NumVc-1:0] credit_i
);

`ifdef TSR_ASSERT_OFF
  logic unused_inputs;
  assign unused_inputs = ^{clk_i, rst_ni, valid_i, flit_i, credit_i, Response, Mesh};
`else
  localparam int unsigned CountW = idx_width(VcDepth + 1);

  hdr_t h;
  assign h = flit_i.hdr;

  function automatic logic kind_legal(kind_e kind);
    if (Response) return kind inside {KindReadRsp, KindWriteRsp, KindErrRsp};
    return kind inside {KindRead, KindWrite, KindWritePosted, KindAtomic, KindSemPost};
  endfunction

  logic beat;
  assign beat = valid_i && Mesh && (h.kind == KindNone);

  // Flits sent and not paid back yet.
  logic [NumVc-1:0][CountW-1:0] sent_q;

  for (genvar v = 0; v < NumVc; v++) begin : gen_vc
    logic send;
    assign send = valid_i && !beat && (h.vc == 1'(v));
    always_ff @(posedge clk_i) begin
      if (!rst_ni) sent_q[v] <= '0;
      else if (send != credit_i[v]) sent_q[v] <= send ? sent_q[v] + 1'b1 : sent_q[v] - 1'b1;
    end
    `TSR_ASSERT(CreditNotOverdrawn, !send || (sent_q[v] < CountW'(VcDepth)))
    `TSR_ASSERT(CreditNotOverpaid, !credit_i[v] || (sent_q[v] != '0))
  end

  `TSR_ASSERT(KindOfThisNetwork, !valid_i || beat || kind_legal(h.kind))
  `TSR_ASSERT(BeatIsEmpty, !beat || ((h == beat_hdr()) && (flit_i.data == '0)))
  `TSR_ASSERT(HeaderParityGood, !valid_i || (h.par == hdr_parity(h)))
  `TSR_ASSERT(DataParityGood, !valid_i || (h.dpar == data_parity(flit_i.data)))
  `TSR_ASSERT(SpareBitsZero, !valid_i || (h.spare == '0))
  `TSR_ASSERT(UnicastHasOneTarget, !valid_i || beat || h.mcast || (h.dst.lo == h.dst.hi))
  `TSR_ASSERT(MulticastRectOrdered,
              !valid_i || beat || ((h.dst.lo.x <= h.dst.hi.x) && (h.dst.lo.y <= h.dst.hi.y)))
  `TSR_ASSERT(MulticastNeedsNoAnswer,
              !valid_i || !h.mcast || (h.kind inside {KindWritePosted, KindSemPost, KindReadRsp}))
  `TSR_ASSERT(ReadInsideGranule,
              !valid_i || (h.kind != KindRead) ||
              ((h.strb[63:9] == '0) && (h.strb[8:0] != '0) &&
               (({2'b0, h.addr[7:0]} + {1'b0, h.strb[8:0]}) <= 10'(GranuleBytes))))
  `TSR_ASSERT(SpreadLegal,
              !valid_i || ((!h.spread || (h.kind == KindRead)) &&
                           ((h.owner == '0) || (h.mcast && (h.kind == KindReadRsp)))))
  `TSR_ASSERT(WriteAligned,
              !valid_i || !(h.kind inside {KindWrite, KindWritePosted}) || (h.addr[5:0] == '0))
  `TSR_ASSERT(AtomicLegal,
              !valid_i || (h.kind != KindAtomic) || ((h.addr[1:0] == '0) && (h.amo <= AmoMax)))
  `TSR_ASSERT(ReadRspAligned, !valid_i || (h.kind != KindReadRsp) || (h.addr[5:0] == '0))
  `TSR_ASSERT(ErrorOnlyInErrRsp, !valid_i || ((h.kind == KindErrRsp) == (h.err != ErrNone)))
`endif

endmodule
