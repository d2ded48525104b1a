// SPDX-License-Identifier: Apache-2.0
#include "tlm/engines/compute_unit.hpp"

#include "tlm/engines/chains.hpp"

namespace tsr {

namespace {

/// Cycles until a chained command has ended when its chain was broken.
constexpr unsigned kGiveUp = 16;

}  // namespace

ComputeUnit::ComputeUnit(Engine engine, unsigned depth, EngineStores& stores, EngineHost& host,
                         UnitQueue& queue, EngineMeter& meter, Chains* chains)
    : engine_(engine),
      depth_(depth),
      stores_(stores),
      host_(host),
      queue_(queue),
      meter_(meter),
      chains_(chains) {}

void ComputeUnit::offer(const EngineCommand& command, std::uint64_t at) {
  Front front;
  front.run.command = command;
  front.run.context = stores_.context(command.context());
  front.run.plan = plan(command, front.run.context);
  front.offered = at;
  front.ready = at + front.run.plan.time.config;
  front_ = front;
  host_.timeline().at(front.ready, *this);
}

void ComputeUnit::wake(std::uint32_t /*what*/) {
  while (!runs_.empty() && runs_.front().end <= now()) finish();
  start();
}

/// Start the offered command if it is ready and the commands before let it.
void ComputeUnit::start() {
  if (!front_ || front_->ready > now()) return;
  if (runs_.size() >= depth_ || (!runs_.empty() && !front_->run.command.overlap())) return;
  ComputeRun run = front_->run;
  front_.reset();
  const timing::Occupancy& time = run.plan.time;
  run.started = now();
  run.first = now() + time.lead;
  if (!runs_.empty()) run.first = std::max(run.first, runs_.back().last);
  run.last = run.first + time.work;
  run.own_end = run.last + time.drain;
  if (!run.plan.runs) run.own_end = now() + 1;
  if (!runs_.empty()) run.own_end = std::max(run.own_end, runs_.back().own_end + 1);
  meter_.rows += time.rows;
  runs_.push_back(run);
  queue_.taken();
  resolve();
  if (chains_ != nullptr) chains_->resolve_other(engine_);
}

void ComputeUnit::resolve() {
  if (runs_.empty()) return;
  ComputeRun& run = runs_.front();
  if (run.end != Timeline::kNever) return;
  std::uint64_t end = std::max(run.own_end, now());
  if (run.given_up) {
    end = now() + kGiveUp;
  } else if (run.plan.runs) {
    const timing::Occupancy& time = run.plan.time;
    if (run.plan.chain_in) {
      if (!chains_->fed(engine_, run)) return;
      end = std::max(end, now() + chains_->tail(engine_, run));
    }
    if (run.plan.chain_out) {
      const ComputeRun* consumer = chains_->consumer(engine_);
      if (consumer == nullptr) return;
      // Until the partner takes them, results stand in the way of everything behind the first ones.
      const std::uint64_t span = time.work + time.drain - std::min(time.first, time.work);
      end = std::max(end, consumer->first + span);
    }
  }
  run.end = end;
  host_.timeline().at(end, *this);
}

void ComputeUnit::give_up() {
  for (ComputeRun& run : runs_) {
    if (run.given_up || (!run.plan.chain_in && !run.plan.chain_out)) continue;
    run.given_up = true;
    run.end = Timeline::kNever;
  }
  resolve();
}

void ComputeUnit::count(EngineMeter& meter, std::uint64_t now) const {
  for (const ComputeRun& run : runs_) {
    const std::uint64_t end = run.end == Timeline::kNever ? now : run.end;
    const std::uint64_t last = std::min(std::max(run.last, run.first), end);
    Phase config{run.started - std::min<std::uint64_t>(run.started, run.plan.time.config),
                 run.started,
                 EngineState::Config,
                 {}};
    meter.count(config, now);
    meter.count({run.started, std::min(run.first, end), EngineState::Starved, {}}, now);
    Phase work{run.first, last, EngineState::Conflict, {}};
    work.share[static_cast<unsigned>(EngineState::Busy)] = run.plan.time.busy;
    meter.count(work, now);
    meter.count({last, end, EngineState::Blocked, {}}, now);
  }
}

void ComputeUnit::finish() {
  const ComputeRun run = runs_.front();
  Outcome outcome = run.plan.outcome;
  if (run.given_up) {
    outcome = {};
    outcome.given_up = true;
  } else if (run.plan.runs) {
    outcome = execute(run);
  }
  count(meter_, now());
  runs_.pop_front();
  resolve();
  if (chains_ != nullptr) chains_->resolve_other(engine_);
  queue_.done(outcome);
}

}  // namespace tsr
