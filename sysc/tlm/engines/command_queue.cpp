// SPDX-License-Identifier: Apache-2.0
#include "tlm/engines/command_queue.hpp"

#include "doctor/command_words.hpp"
#include "tlm/engines/timing.hpp"

namespace tsr {

bool CommandQueue::push(const std::array<std::uint32_t, 16>& words) {
  if (fifo_.size() == kDepth) return false;
  fifo_.push_back({{words}, now() + timing::kPushToOffer});
  advance();
  owner_.host().changed();
  return true;
}

void CommandQueue::flush() {
  if (offered_ && unit_ != nullptr) unit_->withdraw();
  if (head_ && !waited_) meter_.count(waiting(now()), now());
  fifo_.clear();
  head_.reset();
  waited_ = false;
  offered_ = false;
  stopped_ = false;
  if (unit_ != nullptr) unit_->forget();
  owner_.host().changed();
}

void CommandQueue::retry() {
  if (head_ && !waited_) advance();
}

/// Cycles in which the head waits for its semaphores and the engine has nothing to do.
Phase CommandQueue::waiting(std::uint64_t until) const {
  Phase phase;
  phase.rest = EngineState::WaitSem;
  if (!head_ || waited_ || !flight_.empty()) return phase;
  phase.from = head_->at;
  phase.to = until;
  return phase;
}

EngineMeter CommandQueue::counters(std::uint64_t now) const {
  EngineMeter meter = meter_;
  if (unit_ != nullptr) unit_->count(meter, now);
  meter.count(waiting(now), now);
  return meter;
}

doctor::EngineState CommandQueue::look() const {
  constexpr const char* kNames[] = {"RDMA", "WDMA", "ME", "VE", "TDMA"};
  const auto command = [](const EngineCommand& c, bool waits) {
    doctor::Command told = doctor::command_of(c.words.data());
    if (!waits) told.waits.clear();  // it has what it waited for
    return told;
  };
  doctor::EngineState state;
  state.name = kNames[static_cast<unsigned>(engine_)];
  state.stopped = stopped_;
  state.head_waits = head_.has_value() && !waited_;
  state.full = fifo_.size() == kDepth;
  for (const auto& running : flight_) state.running.push_back(command(running, false));
  if (head_) state.queued.push_back(command(head_->command, !waited_));
  for (const auto& waiting : fifo_) state.queued.push_back(command(waiting.command, true));
  if (!flight_.empty()) {
    state.activity = doctor::Activity::Busy;
  } else if (state.head_waits) {
    state.activity = doctor::Activity::WaitSem;
  }
  if (unit_ != nullptr) state.transactions = unit_->in_flight(now());
  return state;
}

void CommandQueue::take_head() {
  head_ = fifo_.front();
  fifo_.pop_front();
  head_->at = std::max(head_->at, last_taken_ + timing::kTakenToOffer);
  waited_ = !head_->command.waits();
}

void CommandQueue::advance() {
  if (stopped_) return;
  if (!head_ && !fifo_.empty()) take_head();
  if (!head_ || offered_) return;
  if (!waited_) {
    if (!owner_.semaphores().grant(head_->command)) return;
    const std::uint64_t granted = std::max(head_->at + timing::kWait, now() + timing::kPostToOffer);
    meter_.count(waiting(granted), granted);
    head_->at = granted;
    waited_ = true;
    owner_.granted(engine_);
  }
  if (flight_.size() >= kMaxInFlight || unit_ == nullptr) return;
  offered_ = true;
  owner_.stamp_offer(head_->at);
  unit_->offer(head_->command, std::max(head_->at, now()));
}

void CommandQueue::taken() {
  flight_.push_back(head_->command);
  head_.reset();
  waited_ = false;
  offered_ = false;
  last_taken_ = now();
  if (NodeProbe* probe = owner_.host().probe()) {
    probe->command_start(now(), {engine_, flight_.back().words});
  }
  advance();
  owner_.host().changed();
}

/// Posts of a command that ended well.
void CommandQueue::effects(const EngineCommand& command) {
  for (unsigned i = 0; i < 2; ++i) {
    const SemPost post = command.post(i);
    if (!post.on) continue;
    if (post.remote) {
      owner_.host().remote_post(engine_, command.rect(3), post.id, post.amount, now());
    } else {
      owner_.post(post.id, post.amount);
    }
  }
}

void CommandQueue::done(const Outcome& outcome) {
  const EngineCommand command = flight_.front();
  flight_.pop_front();
  ++meter_.done;
  owner_.stamp_done();
  const bool fine = outcome.error == 0 && !outcome.given_up;
  CommandDone ended;
  ended.engine = engine_;
  ended.id = command.id();
  if (!outcome.given_up) {
    ended.error = outcome.error;
    ended.info = outcome.info;
    ended.address = outcome.address;
  }
  if (ended.error != 0) {
    stopped_ = true;
    if (offered_) unit_->withdraw();
    offered_ = false;
  }
  EngineHost& host = owner_.host();
  if (NodeProbe* probe = host.probe()) probe->command_done(now(), ended);
  if (fine && (outcome.nan || outcome.overflow)) {
    host.format_event(engine_, command.id(), outcome.nan, outcome.overflow);
  }
  host.command_done(ended, fine && command.irq());
  if (fine) effects(command);
  advance();
  owner_.settled();
  host.changed();
}

}  // namespace tsr
