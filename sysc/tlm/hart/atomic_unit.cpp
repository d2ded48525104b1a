// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/atomic_unit.hpp"

#include "tlm/hart/ni_init.hpp"

namespace tsr::hart {

namespace {

constexpr std::uint8_t kTagMask = 31;
constexpr std::uint8_t kAtomicTag = 32;

}  // namespace

AtomicUnit::AtomicUnit(Parts& parts)
    : parts_(parts), timeout_(parts.timeline, [this] { finish(Err::kTimeout); }) {}

void AtomicUnit::reset() {
  timeout_.cancel();
  busy_ = false;
  err_ = Err::kNone;
  tag_ = 0;
  current_ = nullptr;
}

bool AtomicUnit::start(std::uint32_t operation, std::uint64_t address, std::uint32_t operand,
                       std::uint32_t expected) {
  if (busy_ || operation > static_cast<std::uint32_t>(Amo::kMax)) return false;
  Request* request = parts_.pool.take();
  request->begin(Kind::kAtomic, address, 8);
  request->set_word(0, operand);
  request->set_word(1, expected);
  request->header().amo = static_cast<Amo>(operation);
  tag_ = static_cast<std::uint8_t>((tag_ + 1) & kTagMask);
  request->header().tag = tag_ | kAtomicTag;
  busy_ = true;
  current_ = request;
  std::uint64_t cycle = parts_.now() + 1;
  if (parts_.init->send(Initiator::Core, *request, cycle)) {
    parts_.later.at(cycle, [this, request] { answered(*request); });
  } else {
    timeout_.set(parts_.now() + 3 + (1ULL << parts_.setup.timeout_log2));
  }
  return true;
}

void AtomicUnit::answered(tlm::tlm_generic_payload& payload) {
  if (&payload == current_) {
    const Message& header = message(payload);
    if (!failed(payload)) result_ = current_->word(0);
    finish(failed(payload) ? header.err : header.poison ? Err::kPoison : Err::kNone);
  }
  payload.release();
}

void AtomicUnit::finish(Err err) {
  timeout_.cancel();
  busy_ = false;
  err_ = err;
  current_ = nullptr;
}

}  // namespace tsr::hart
