// SPDX-License-Identifier: Apache-2.0
#include "link_check.hpp"

namespace tsr {
namespace {

bool kind_legal(Kind kind, unsigned net) {
  switch (kind) {
    case Kind::kRead:
    case Kind::kWrite:
    case Kind::kWritePosted:
    case Kind::kAtomic:
    case Kind::kSemPost:
      return net == 0;
    case Kind::kReadRsp:
    case Kind::kWriteRsp:
    case Kind::kErrRsp:
      return net == 1;
    default:
      return false;
  }
}

bool multicast_legal(Kind kind) {
  return kind == Kind::kWritePosted || kind == Kind::kSemPost || kind == Kind::kReadRsp;
}

/// Target rectangle, and what goes with a multicast.
const char* target_fault(const Flit& flit) {
  const Rect& dst = flit.dst;
  if (!flit.mcast && dst.lo != dst.hi) return "a unicast names several nodes";
  if (dst.lo.x > dst.hi.x || dst.lo.y > dst.hi.y) return "the corners of the rectangle are swapped";
  if (flit.mcast && !multicast_legal(flit.kind)) return "a multicast that needs answers";
  if (flit.spread && flit.kind != Kind::kRead) return "spread is set in what is no read";
  if (flit.owner != Node{} && !(flit.mcast && flit.kind == Kind::kReadRsp)) {
    return "owner is set in what is no read response by multicast";
  }
  return nullptr;
}

/// Address and length by kind.
const char* address_fault(const Flit& flit) {
  const auto within = static_cast<unsigned>(flit.addr % kGranuleBytes);
  switch (flit.kind) {
    case Kind::kRead:
      if (flit.strb == 0 || flit.strb > kGranuleBytes) return "a read of no byte, or of over 256";
      if (within + flit.strb > kGranuleBytes) return "a read across a 256-byte granule";
      return nullptr;
    case Kind::kWrite:
    case Kind::kWritePosted:
    case Kind::kReadRsp:
      return within % 64 != 0 ? "the address is not a multiple of 64" : nullptr;
    case Kind::kAtomic:
      if (within % 4 != 0) return "an atomic at an address that is no multiple of 4";
      return flit.amo > Amo::kMax ? "an atomic of no known operation" : nullptr;
    default:
      return nullptr;
  }
}

const char* beat_fault(const Flit& flit) {
  Flit beat;
  beat.dst.lo = Node::unpack(0xfff);
  return flit != beat ? "a beat without a kind is not empty" : nullptr;
}

}  // namespace

const char* flit_fault(const Flit& flit, unsigned net, bool mesh) {
  if (mesh && flit.kind == Kind::kNone) return beat_fault(flit);
  if (!kind_legal(flit.kind, net)) return "a kind of flit that this network does not carry";
  if (flit.par != flit.header_parity()) return "wrong parity of the header";
  if (flit.dpar != flit.data_parity()) return "wrong parity of the data";
  if (flit.spare != 0) return "spare bits are set";
  if ((flit.kind == Kind::kErrRsp) != (flit.err != Err::kNone)) {
    return "an error code in what is no error response, or none in one";
  }
  if (const char* const fault = target_fault(flit)) return fault;
  return address_fault(flit);
}

void LinkCheck::reset() {
  for (auto& unpaid : unpaid_) unpaid = {};
}

LinkCheck::Fault LinkCheck::take_credits(Unpaid& unpaid, Pins in) {
  for (Pins credits = (in & kPinMask) >> kCreditShift; credits != 0; credits &= credits - 1) {
    const auto bit = static_cast<unsigned>(__builtin_ctz(credits));
    auto& count = unpaid[bit / kNumVcs][bit % kNumVcs];
    if (count == 0) return {"it gets a credit for a flit that it has not sent", bit / kNumVcs};
    --count;
  }
  return {};
}

LinkCheck::Fault LinkCheck::send(Unpaid& unpaid, const Flit& flit, unsigned link, bool mesh) {
  if (const char* const rule = flit_fault(flit, link / kPorts, mesh)) return {rule, link};
  if (flit.kind == Kind::kNone) return {};  // beats need no credit
  auto& count = unpaid[link][flit.vc ? 1 : 0];
  if (count == kVcDepth) return {"a flit without a credit", link};
  ++count;
  return {};
}

LinkCheck::Fault LinkCheck::step(std::size_t index, const NodeModel& model, bool is_router, Pins in,
                                 Pins out) {
  Unpaid& unpaid = unpaid_[index];
  if (const Fault fault = take_credits(unpaid, in); fault.rule != nullptr) return fault;
  for (Pins valid = out & kValidMask; valid != 0; valid &= valid - 1) {
    const auto link = static_cast<unsigned>(__builtin_ctz(valid));
    const unsigned port = link % kPorts;
    const auto flit = Flit::from_words(model.tx_flit[link / kPorts] + port * kFlitWords);
    const bool mesh = is_router && port != static_cast<unsigned>(Dir::kLocal);
    if (const Fault fault = send(unpaid, flit, link, mesh); fault.rule != nullptr) return fault;
  }
  return {};
}

}  // namespace tsr
