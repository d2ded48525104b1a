// SPDX-License-Identifier: Apache-2.0
// Blocks of other nodes' spread reads.
#include <array>
#include <cstring>

#include "tlm/hart/ni_target.hpp"
#include "tlm/hart/tile_regs.hpp"

namespace tsr::hart {

namespace {

constexpr std::uint32_t kOffsetMask = 0xffffff;

}  // namespace

void NiTarget::hear_later(const tlm::tlm_generic_payload& payload, std::uint64_t cycle) {
  Request* copy = parts_.pool.take();
  copy->begin(Kind::kReadRsp, payload.get_address(), 64);
  copy->header() = *payload.get_extension<Message>();
  std::memcpy(copy->bytes().data(), payload.get_data_ptr(), 64);
  parts_.later.at(cycle, [this, copy] {
    hear(copy->get_data_ptr(), copy->header());
    copy->release();
  });
}

void NiTarget::hear(const std::uint8_t* data, const Message& message) {
  ++parts_.counts.response_rx;
  if (parts_.is_ctl || message.strb == 0) return;
  const auto low = static_cast<unsigned>(__builtin_ctzll(message.strb));
  const auto high = static_cast<unsigned>(63 - __builtin_clzll(message.strb));
  const std::uint32_t first = (message.doff + low) & kOffsetMask;
  const std::uint32_t last = (message.doff + high) & kOffsetMask;
  const Err err = unheard(message, first, last);
  if (err == Err::kNone) {
    ++parts_.counts.heard;
    parts_.engines->heard(message.doff & kOffsetMask, data, message.strb, message.listen);
    parts_.regs->update_interrupts();
    return;
  }
  ++parts_.counts.unheard;
  parts_.regs->error(ErrLog::refused(ErrLog::kUnheard, err, message.owner,
                                     node_address(parts_.node(), kSpmBase + first)));
}

Err NiTarget::unheard(const Message& message, std::uint32_t first, std::uint32_t last) const {
  const TileRegs& regs = *parts_.regs;
  if (message.poison) return Err::kPoison;
  if (first > last || last >= parts_.setup.spm_bytes) return Err::kUnmapped;
  if (message.owner == parts_.config.ctl) return Err::kNone;
  const bool open =
      regs.remote_write() && first >= regs.remote_base() && last <= regs.remote_limit();
  return open ? Err::kNone : Err::kForbidden;
}

}  // namespace tsr::hart
