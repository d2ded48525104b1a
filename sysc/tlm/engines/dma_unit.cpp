// SPDX-License-Identifier: Apache-2.0
#include "tlm/engines/dma_unit.hpp"

#include <algorithm>
#include <cstring>

#include "tlm/engines/dma_report.hpp"
#include "tlm/engines/spm_report.hpp"

namespace tsr {

using engines::CmdError;
using engines::DmaOp;

namespace {

/// Requests are issued at most this many cycles ahead of the event queue, so that those of
/// different nodes reach the network nearly in the order of time.
constexpr std::uint64_t kAhead = 8;
constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << 56) - 1;
constexpr std::uint32_t kMaxCount = 1U << 20;

/// Payloads belong to their slots; the other side may acquire and release them.
struct Keeper final : tlm::tlm_mm_interface {
  void free(tlm::tlm_generic_payload* /*payload*/) override {}
};
Keeper keeper;

std::uint64_t total(const std::array<std::uint16_t, 3>& iter) {
  return std::uint64_t{iter[0]} * iter[1] * iter[2];
}

std::uint64_t join(std::uint32_t low, std::uint32_t high) {
  return std::uint64_t{high} << 32 | low;
}

/// Byte `address` of a fill.
std::uint8_t pattern_byte(std::uint32_t pattern, std::uint64_t address) {
  return static_cast<std::uint8_t>(pattern >> (8 * (address % 4)));
}

}  // namespace

struct DmaUnit::Packet {
  tlm::tlm_generic_payload payload;
  Message* message = new Message;  // the payload frees it
  alignas(64) std::array<std::uint8_t, 256> data{};

  Packet() {
    payload.set_mm(&keeper);
    payload.acquire();
    payload.set_extension(message);
    payload.set_data_ptr(data.data());
    payload.set_byte_enable_ptr(nullptr);
    payload.set_dmi_allowed(false);
  }
};

DmaUnit::DmaUnit(Engine engine, EngineStores& stores, EngineHost& host, UnitQueue& queue,
                 EngineMeter& meter)
    : engine_(engine),
      stores_(stores),
      host_(host),
      queue_(queue),
      meter_(meter),
      slots_(engine == Engine::Wdma ? timing::kWdmaTags : timing::kRdmaTags) {
  for (Slot& slot : slots_) slot.packet = std::make_unique<Packet>();
}

DmaUnit::~DmaUnit() = default;

void DmaUnit::offer(const EngineCommand& command, std::uint64_t at) {
  offered_ = {command, at};
  call(at);
}

void DmaUnit::wake(std::uint32_t /*what*/) { run(); }

void DmaUnit::run() {
  time_out();
  for (bool again = true; again;) {
    again = finish();
    again = take() || again;
    if (!jobs_.empty() && !jobs_.back().issued) issue(jobs_.back());
  }
  // The next command may be taken when the last request of this one has left.
  if (offered_ && !jobs_.empty() && jobs_.back().issued && jobs_.back().issue_at > now()) {
    call_issue(jobs_.back().issue_at);
  }
  call_end();
}

/// Event to go on issuing. One is under way at a time.
void DmaUnit::call_issue(std::uint64_t cycle) {
  if (issue_call_ > now() && issue_call_ <= cycle) return;
  issue_call_ = cycle;
  call(cycle);
}

/// Event for the end of the oldest command, once it is known.
void DmaUnit::call_end() {
  if (jobs_.empty()) return;
  const Job& job = jobs_.front();
  if (!job.issued || job.pending != 0) return;
  const std::uint64_t end = std::max(job.last + job.tail, now());
  if (end == end_call_ && end > now()) return;
  end_call_ = end;
  call(end);
}

/// Event for a timeout. One is enough: it asks for the next one if something has moved.
void DmaUnit::call_time_out() {
  if (timer_ > now() || jobs_.empty()) return;
  timer_ = progress_ + jobs_.back().limit;
  call(timer_);
}

// ------------------------------------------------------------------ beginning

/// Take the offered command, if the ones before let it. RDMA takes one with overlap as soon as the
/// one before has issued everything and the one before that has ended.
bool DmaUnit::take() {
  if (!offered_ || offered_->at > now()) return false;
  const bool overlap = !writes() && offered_->command.overlap();
  if (jobs_.size() > (overlap ? 1 : 0)) return false;
  if (!jobs_.empty() && (!jobs_.back().issued || jobs_.back().issue_at > now())) return false;
  jobs_.emplace_back();
  Job& job = jobs_.back();
  job.command = offered_->command;
  offered_.reset();
  job.taken = now();
  begin(job);
  queue_.taken();
  return true;
}

void DmaUnit::begin(Job& job) {
  const unsigned op = job.command.op();
  job.issued = true;
  job.last = job.taken;
  job.tail = timing::kDmaNop;
  const auto is = [op](DmaOp which) { return op == static_cast<unsigned>(which); };
  job.fill = is(writes() ? DmaOp::Fill : DmaOp::SpmFill);
  job.posted = writes() && is(DmaOp::Multicast);
  job.spread = !writes() && is(DmaOp::Spread);
  const bool known =
      job.fill || job.posted || job.spread || is(writes() ? DmaOp::Write : DmaOp::Read);
  if (is(DmaOp::Nop)) return;
  if (!known) {
    fail(job, now(), CmdError::Opcode, 0, 0);
    return;
  }
  job.config = engines::DmaConfig::from_words(
      stores_.contexts[8 * std::size_t{job.command.context()} + (writes() ? 6 : 5)]);
  ++meter_.rows;
  check(job);
  if (job.fault_at != Timeline::kNever) {
    job.tail = timing::kDmaRefused;
    return;
  }
  const unsigned latency = !writes()  ? timing::kRdmaTakenToFirst
                           : job.fill ? timing::kWdmaFillTakenToFirst
                                      : timing::kWdmaTakenToFirst;
  job.issued = false;
  job.first = job.taken + latency;
  job.issue_at = job.first;
  job.last = job.first;
  job.tail = writes() ? timing::kWdmaTail : timing::kRdmaTail;
  job.limit = job.config.timeout == 0 ? timing::kDmaTimeout : job.config.timeout;
  progress_ = std::max(progress_, job.first);
}

/// The checks that come before anything happens, and the walks.
void DmaUnit::check(Job& job) {
  const engines::DmaConfig& config = job.config;
  const auto& words = job.command.words;
  const Rect rect = job.command.rect(4);
  const bool global = writes() ? !job.posted : !job.fill;
  const std::uint64_t far = writes() ? join(words[7], words[8]) : join(words[5], words[6]);
  if (config.count == 0 || total(config.dst_iter) == 0 ||
      (!job.fill && total(config.src_iter) == 0)) {
    return fail(job, now(), CmdError::Zero, 0, 0);
  }
  if (config.count > kMaxCount ||
      ((job.posted || job.spread) && (rect.lo.x > rect.hi.x || rect.lo.y > rect.hi.y))) {
    return fail(job, now(), CmdError::Context, 0, 0);
  }
  if (!job.fill && total(config.src_iter) != total(config.dst_iter)) {
    return fail(job, now(), CmdError::Shape, 0, 0);
  }
  if (global && far >> 56 != 0) {
    return fail(job, now(), CmdError::Bus, static_cast<std::uint8_t>(Err::kUnmapped),
                far & kAddressMask);
  }
  job.elements = total(config.dst_iter);
  job.src = DmaWalk(writes() ? words[5] : far, config.src_stride, config.src_iter);
  job.dst = DmaWalk(!writes() || job.posted ? words[7] : far, config.dst_stride, config.dst_iter);
  job.src_elem = job.src.address();
  job.dst_elem = job.dst.address();
}

void DmaUnit::fail(Job& job, std::uint64_t at, CmdError error, std::uint8_t info,
                   std::uint64_t address) {
  if (at >= job.fault_at) return;  // the first one counts
  job.fault_at = at;
  job.fault.error = static_cast<std::uint8_t>(error);
  job.fault.info = info;
  job.fault.address = address;
}

// ------------------------------------------------------------------ pieces

void DmaUnit::issue(Job& job) {
  while (!job.issued) {
    if (job.fault_at <= job.issue_at) {
      job.issued = true;
      job.last = std::max(job.last, job.fault_at);
      break;
    }
    if (job.issue_at > now() + (job.fill && !writes() ? 64 : kAhead)) {
      call_issue(job.issue_at);
      return;
    }
    if (!issue_piece(job)) return;
  }
}

/// False: nothing can be issued now; an event or answer will come.
bool DmaUnit::issue_piece(Job& job) {
  if (job.offset == 0 && outside(job)) return true;
  const Piece part = piece(job);
  if (job.fill && !writes()) {
    move_fill(job, part);
    job.last = ++job.issue_at;
  } else if (!send(job, part)) {
    return false;
  }
  advance(job, part.bytes);
  return true;
}

/// The element is not wholly inside the scratchpad.
bool DmaUnit::outside(Job& job) {
  if (writes() && job.fill) return false;
  const auto at = static_cast<std::uint32_t>(writes() ? job.src_elem : job.dst_elem);
  if (std::uint64_t{at} + job.config.count <= stores_.setup.spm_bytes) return false;
  fail(job, job.issue_at, CmdError::Range, 0, at);
  return true;
}

DmaUnit::Piece DmaUnit::piece(const Job& job) const {
  Piece part;
  part.source = (job.src_elem + job.offset) & kAddressMask;
  part.destination = job.dst_elem + job.offset;
  if (writes()) part.destination &= job.posted ? 0xffff'ffffU : kAddressMask;
  const std::uint64_t room = writes()   ? 64 - part.destination % 64
                             : job.fill ? 64 - part.destination % 8
                                        : 256 - part.source % 256;
  part.bytes =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(room, job.config.count - job.offset));
  return part;
}

void DmaUnit::advance(Job& job, std::uint32_t bytes) {
  progress_ = std::max(progress_, job.issue_at);
  job.offset += bytes;
  if (job.offset < job.config.count) return;
  job.offset = 0;
  if (--job.elements == 0) {
    job.issued = true;
    return;
  }
  job.src.next();
  job.dst.next();
  job.src_elem = job.src.address();
  job.dst_elem = job.dst.address();
}

void DmaUnit::move_fill(Job& job, const Piece& part) {
  const auto at = static_cast<std::uint32_t>(part.destination);
  for (std::uint32_t i = 0; i < part.bytes; ++i) {
    stores_.spm[at + i] = pattern_byte(job.command.words[9], at + i);
  }
  if (NodeProbe* probe = host_.probe()) {
    SpmReport(*probe, now(), SpmWriter::Rdma, stores_.spm.size())
        .bytes(stores_.spm, at, part.bytes);
  }
  job.bytes += part.bytes;
  ++job.busy;
}

// ------------------------------------------------------------------ requests

/// Slot for a request at cycle `at`, which moves on until one is free. -1: nobody knows when.
/// Reads take the lowest free tag; tags of writes go round, over those whose answer is given up.
int DmaUnit::find_slot(std::uint64_t& at) {
  if (writes()) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[next_slot_];
      if (slot.free_at == Timeline::kNever && slot.live) return -1;
      if (slot.free_at != Timeline::kNever) {
        at = std::max(at, slot.free_at);
        return static_cast<int>(next_slot_);
      }
      next_slot_ = (next_slot_ + 1) % static_cast<unsigned>(slots_.size());
    }
    return -1;
  }
  int best = -1;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].free_at <= at) return static_cast<int>(i);
    if (slots_[i].free_at == Timeline::kNever) continue;
    if (best < 0 || slots_[i].free_at < slots_[static_cast<std::size_t>(best)].free_at) {
      best = static_cast<int>(i);
    }
  }
  if (best >= 0) at = slots_[static_cast<std::size_t>(best)].free_at;
  return best;
}

void DmaUnit::fill_packet(const Job& job, const Piece& part, Slot& slot, std::uint64_t at,
                          unsigned tag) {
  Packet& packet = *slot.packet;
  Message& message = *packet.message;
  message = Message{};
  message.tag = static_cast<std::uint8_t>(tag);
  // The age counts from when the place of this request became free.
  message.birth = std::max(slot.free_at, job.first);
  if (message.birth > at) message.birth = at;
  packet.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  if (!writes()) {
    message.kind = Kind::kRead;
    message.doff = static_cast<std::uint32_t>(part.destination) & 0xff'ffffU;
    message.spread = job.spread;
    if (job.spread) {
      message.spread_dst = job.command.rect(4);
      message.listen = {(job.command.words[8] & 16U) != 0, job.command.words[8] & 15U};
    }
    packet.payload.set_command(tlm::TLM_READ_COMMAND);
    packet.payload.set_address(part.source);
    packet.payload.set_data_length(part.bytes);
    packet.payload.set_streaming_width(part.bytes);
    return;
  }
  const Rect rect = job.command.rect(4);
  message.kind = job.posted ? Kind::kWritePosted : Kind::kWrite;
  const auto skip = static_cast<unsigned>(part.destination % 64);
  const std::uint64_t ones =
      part.bytes == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << part.bytes) - 1;
  message.strb = ones << skip;
  std::uint64_t address = part.destination & ~std::uint64_t{63};
  if (job.posted && rect.lo == rect.hi) {
    address = node_address(rect.lo, static_cast<std::uint32_t>(address));
  } else if (job.posted) {
    message.mcast = true;
    message.dst = rect;
  }
  packet.payload.set_command(tlm::TLM_WRITE_COMMAND);
  packet.payload.set_address(address);
  packet.payload.set_data_length(64);
  packet.payload.set_streaming_width(64);
  if (job.fill) {
    for (unsigned i = 0; i < 64; ++i) packet.data[i] = pattern_byte(job.command.words[9], i);
  } else {
    const auto from = static_cast<std::uint32_t>(part.source);
    std::memcpy(packet.data.data() + skip, stores_.spm.data() + from, part.bytes);
  }
}

/// False: no place for a request.
bool DmaUnit::send(Job& job, const Piece& part) {
  std::uint64_t at = job.issue_at;
  const int index = find_slot(at);
  if (index < 0) {
    call_time_out();
    return false;
  }
  if (at > job.issue_at) {
    // An error may come before, and other nodes have their turn.
    job.issue_at = at;
    if (job.fault_at <= at || at > now() + kAhead) {
      call_issue(at);
      return false;
    }
  }
  unsigned cost = 1;
  if (writes() && !job.fill) {
    cost = timing::dma_flit(part.source, part.bytes);
    for (unsigned i = 0; i < cost; ++i) at = stores_.access(part.source, i == 0 ? at : at + 1);
    at -= cost - 1;
  }
  Slot& slot = slots_[static_cast<std::size_t>(index)];
  fill_packet(job, part, slot, at, static_cast<unsigned>(index));
  next_slot_ = (static_cast<unsigned>(index) + 1) % static_cast<unsigned>(slots_.size());
  slot.job = &job;
  slot.address = slot.packet->payload.get_address();
  slot.local = static_cast<std::uint32_t>(part.destination);
  slot.bytes = part.bytes;
  slot.live = true;
  slot.free_at = Timeline::kNever;
  job.issue_at = at + cost;
  job.busy += cost;
  progress_ = std::max(progress_, at);
  ++job.pending;
  if (NodeProbe* probe = host_.probe()) {
    DmaReport(*probe, engine_).request(at, slot.packet->payload);
  }
  std::uint64_t answer = at;
  if (host_.request(engine_, slot.packet->payload, answer)) {
    answered(slot, std::max(answer, at + 1));
    // The network holds up posted writes when it is busy; a few are buffered.
    if (job.posted && answer > job.issue_at + timing::kWdmaBuffer) {
      job.issue_at = answer - timing::kWdmaBuffer;
    }
  } else {
    ++owed_;
    call_time_out();
  }
  return true;
}

/// When an answer has passed the scratchpad port. Blocks arrive one a cycle; those that need two
/// accesses wait for each other, and each for its hyperbank.
std::uint64_t DmaUnit::port(std::uint64_t arrival, const Slot& slot) {
  const std::uint64_t low = slot.address % 64;
  const std::uint64_t blocks = (low + slot.bytes + 63) / 64;
  const std::uint64_t block = std::min<std::uint64_t>(slot.bytes, 64);
  const auto& ready = slot.packet->message->ready;
  std::uint64_t stored = 0;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t at = ready[(slot.address / 64 + i) % ready.size()];
    const std::uint64_t offset = slot.local + (i == 0 ? 0 : 64 * i - low);
    stored = std::max(stored, stores_.access(offset, at != 0 ? at : arrival));
  }
  arrival = std::max(arrival, stored);
  if (timing::dma_flit(slot.local - slot.address, block) == 1) return arrival;
  port_ = std::max(port_, arrival - std::min(arrival, blocks)) + 2 * blocks;
  return std::max(arrival, port_);
}

/// The answer of a live request arrives in cycle `at`.
void DmaUnit::answered(Slot& slot, std::uint64_t at) {
  Job& job = *slot.job;
  const Message& message = *slot.packet->message;
  const bool refused = slot.packet->payload.get_response_status() != tlm::TLM_OK_RESPONSE;
  slot.live = false;
  --job.pending;
  if (refused || message.poison) {
    const Err err = refused ? message.err : Err::kPoison;
    fail(job, at, CmdError::Bus, static_cast<std::uint8_t>(err), slot.address);
  } else if (!writes()) {
    at = port(at, slot);
    std::memcpy(stores_.spm.data() + slot.local, slot.packet->data.data(), slot.bytes);
    if (NodeProbe* probe = host_.probe()) {
      SpmReport(*probe, now(), SpmWriter::Rdma, stores_.spm.size())
          .bytes(stores_.spm, slot.local, slot.bytes);
    }
    job.busy += (slot.bytes + 63) / 64;
  }
  if (NodeProbe* probe = host_.probe(); probe != nullptr && !job.posted) {
    const auto tag = static_cast<unsigned>(&slot - slots_.data());
    DmaReport(*probe, engine_).response(at, slot.packet->payload, tag, slot.local);
  }
  if (!refused) job.bytes += slot.bytes;
  slot.free_at = at;
  job.last = std::max(job.last, at);
  progress_ = std::max(progress_, std::min(at, now() + kAhead));
}

void DmaUnit::response(tlm::tlm_generic_payload& payload) {
  for (auto orphan = orphans_.begin(); orphan != orphans_.end(); ++orphan) {
    if (&(*orphan)->payload != &payload) continue;
    orphans_.erase(orphan);
    return;
  }
  for (Slot& slot : slots_) {
    if (&slot.packet->payload != &payload) continue;
    --owed_;
    if (slot.live) {
      answered(slot, now());
    } else {
      slot.free_at = now();  // given up: only its tag is free again
    }
    break;
  }
  run();
}

void DmaUnit::forget() {
  for (Slot& slot : slots_) {
    if (slot.free_at != Timeline::kNever || slot.live) continue;
    --owed_;
    orphans_.push_back(std::move(slot.packet));
    slot.packet = std::make_unique<Packet>();
    slot.free_at = now();
  }
  if (!jobs_.empty()) call(now());
}

// ------------------------------------------------------------------ the end

/// Fail what has waited too long. Tags of unanswered requests are dead until their answers come; if
/// all are, they become free at once.
void DmaUnit::time_out() {
  if (owed_ == 0 || jobs_.empty()) return;
  const std::uint64_t limit = jobs_.back().limit != 0 ? jobs_.back().limit : jobs_.front().limit;
  const bool waits = std::any_of(jobs_.begin(), jobs_.end(),
                                 [](const Job& job) { return job.pending != 0 || !job.issued; });
  if (!waits || limit == 0) return;
  const auto owed = [](const Slot& slot) { return slot.free_at == Timeline::kNever; };
  const bool live = std::any_of(slots_.begin(), slots_.end(), [](const Slot& s) { return s.live; });
  const bool all_dead = !live && std::all_of(slots_.begin(), slots_.end(), owed);
  if (!live && !all_dead) return;
  if (now() < progress_ + limit) {
    call_time_out();
    return;
  }
  for (Job& job : jobs_) {
    if (job.pending == 0 && job.issued) continue;
    std::uint64_t address =
        writes() ? piece(job).destination & ~std::uint64_t{63} : piece(job).source;
    for (const Slot& slot : slots_) {
      if (!slot.live) continue;
      address = slot.address;
      break;
    }
    fail(job, now(), CmdError::Bus, static_cast<std::uint8_t>(Err::kTimeout), address);
    job.pending = 0;
    job.issued = true;
    job.last = std::max(job.last, now());
  }
  for (Slot& slot : slots_) slot.live = false;
  if (all_dead) forget();
}

/// An answer whose time is known is as good as there.
std::vector<doctor::Transaction> DmaUnit::in_flight(std::uint64_t now) const {
  std::vector<doctor::Transaction> owed;
  for (const Slot& slot : slots_) {
    if (slot.free_at != Timeline::kNever) continue;
    owed.push_back({slot.address, writes(), now - std::min(now, progress_), true});
  }
  return owed;
}

void DmaUnit::count(EngineMeter& meter, std::uint64_t now) const {
  for (const Job& job : jobs_) {
    const std::uint64_t first = job.first != 0 ? job.first : now;
    meter.count({job.taken, first, EngineState::Config, {}}, now);
    Phase phase{
        first, std::max(now, first), writes() ? EngineState::Blocked : EngineState::Starved, {}};
    phase.share[static_cast<unsigned>(EngineState::Busy)] = job.busy;
    meter.count(phase, now);
  }
}

/// End the oldest command if everything is answered.
bool DmaUnit::finish() {
  if (jobs_.empty()) return false;
  Job& job = jobs_.front();
  if (!job.issued || job.pending != 0 || job.last + job.tail > now()) return false;
  count(meter_, now());
  meter_.ops += job.bytes;
  Outcome outcome;
  if (job.fault_at != Timeline::kNever) outcome = job.fault;
  jobs_.pop_front();
  queue_.done(outcome);
  return true;
}

}  // namespace tsr
