// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/core_port.hpp"

#include <cstring>
#include <utility>

#include "tlm/hart/local_bus.hpp"
#include "tlm/hart/ni_init.hpp"
#include "tlm/hart/tile_regs.hpp"

namespace tsr::hart {

namespace {

constexpr std::uint8_t kTagMask = 31;  // bit 5: the atomic unit's
constexpr unsigned kWordLead = 3;
constexpr unsigned kOtherLead = 2;

bool is_word(std::uint32_t addr) { return addr >> 24 == 0; }

}  // namespace

CorePort::CorePort(Parts& parts) : parts_(parts), timeout_(parts.timeline, [this] { timeout(); }) {}

void CorePort::reset() {
  timeout_.cancel();
  done_ = nullptr;
  current_ = nullptr;
  tag_ = 0;
}

unsigned CorePort::lead(std::uint32_t addr) { return is_word(addr) ? kWordLead : kOtherLead; }

void CorePort::start(const IssAccess& access, Done done) {
  const std::uint32_t addr = access.addr;
  if (addr >= kWinBase) {
    done_ = std::move(done);
    network(access);
  } else if (is_word(addr)) {
    done(word(access));
  } else if (addr >= kSpmBase && addr < parts_.spm_end()) {
    done(scratchpad(access));
  } else {
    done({false, 0, parts_.now()});
  }
}

CorePort::Outcome CorePort::word(const IssAccess& access) {
  const WordAnswer answer =
      parts_.bus->access({false, access.write, access.addr & ~3U, access.data, access.strb});
  return {answer.err == Err::kNone, answer.data, parts_.now() + answer.cycles - 1};
}

CorePort::Outcome CorePort::scratchpad(const IssAccess& access) {
  const std::uint32_t offset = (access.addr & ~3U) - kSpmBase;
  std::uint8_t* place = parts_.engines->spm().data() + offset;
  Outcome outcome{true, 0, parts_.now() + 1};
  if (access.write) {
    for (unsigned i = 0; i < 4; ++i) {
      if ((access.strb >> i & 1U) != 0) place[i] = static_cast<std::uint8_t>(access.data >> 8 * i);
    }
    if (parts_.probe != nullptr) tell_probe(offset, access);
  } else {
    std::memcpy(&outcome.word, place, sizeof outcome.word);
  }
  return outcome;
}

void CorePort::tell_probe(std::uint32_t offset, const IssAccess& access) {
  SpmWrite write;
  write.writer = SpmWriter::Core;
  write.offset[0] = offset & ~7U;
  write.strobe = static_cast<std::uint64_t>(access.strb) << (offset & 4);
  write.data[0] = access.data | static_cast<std::uint64_t>(access.data) << 32;
  parts_.probe->spm_write(parts_.now(), write);
}

void CorePort::network(const IssAccess& access) {
  const std::uint64_t address =
      parts_.regs->core_window(access.addr >> 28 & 7) | (access.addr & 0x0ffffffcU);
  Request* request = parts_.pool.take();
  if (access.write) {
    const auto lane = static_cast<unsigned>(address & 60);
    request->begin(Kind::kWrite, address & ~63ULL, 64);
    for (unsigned i = 0; i < 16; ++i) request->set_word(i, access.data);
    request->set_strobe(static_cast<std::uint64_t>(access.strb) << lane);
  } else {
    request->begin(Kind::kRead, address, 4);
    request->header().strb = 4;
  }
  tag_ = static_cast<std::uint8_t>((tag_ + 1) & kTagMask);
  request->header().tag = tag_;
  current_ = request;
  since_ = parts_.now();
  std::uint64_t cycle = parts_.now();
  if (parts_.init->send(Initiator::Core, *request, cycle)) {
    parts_.later.at(cycle, [this, request] { answered(*request); });
    return;
  }
  timeout_.set(parts_.now() + 1 + (1ULL << parts_.setup.timeout_log2));
}

void CorePort::answered(tlm::tlm_generic_payload& payload) {
  if (&payload == current_) finish(outcome_of(*current_));
  payload.release();
}

CorePort::Outcome CorePort::outcome_of(const Request& request) const {
  const auto* header = request.get_extension<Message>();
  const bool ok = !failed(request) && !header->poison;
  return {ok, request.word(0), parts_.now()};
}

/// The request stays the network's: its answer, should it still come, is released then.
void CorePort::timeout() {
  if (busy()) finish({false, 0, parts_.now()});
}

void CorePort::finish(const Outcome& outcome) {
  current_ = nullptr;
  timeout_.cancel();
  const Done done = std::exchange(done_, nullptr);
  if (done) done(outcome);
  if (on_free) on_free();
}

}  // namespace tsr::hart
