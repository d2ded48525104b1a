// SPDX-License-Identifier: Apache-2.0
#include "tlm/engines/chains.hpp"

namespace tsr {

void Chains::to_ve(const std::vector<engines::StreamBeat>& beats) {
  for (const engines::StreamBeat& beat : beats) {
    engines::VeBeat out;
    out.data = beat.data;
    out.strb = beat.strb;
    out.last = beat.last;
    out.fin = (beat.last & 32U) != 0;
    ends_ += out.fin ? 1 : 0;
    to_ve_.push_back(out);
  }
}

void Chains::to_me(const std::vector<engines::VeBeat>& beats) {
  for (const engines::VeBeat& beat : beats) to_me_.push_back({beat.data, beat.strb, beat.last});
}

std::vector<engines::VeBeat> Chains::take_for_ve() {
  std::vector<engines::VeBeat> beats;
  while (!to_ve_.empty()) {
    beats.push_back(to_ve_.front());
    to_ve_.pop_front();
    if (!beats.back().fin) continue;
    --ends_;
    break;
  }
  return beats;
}

std::vector<engines::StreamBeat> Chains::take_for_me(std::size_t count) {
  const auto end = to_me_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<engines::StreamBeat> beats(to_me_.begin(), end);
  to_me_.erase(to_me_.begin(), end);
  return beats;
}

bool Chains::fed(Engine engine, const ComputeRun& run) const {
  return engine == Engine::Ve ? ends_ != 0 : to_me_.size() >= run.plan.chained;
}

std::uint64_t Chains::tail(Engine engine, const ComputeRun& run) const {
  return run.plan.time.drain + (engine == Engine::Ve ? 2 : run.plan.time.lead);
}

const ComputeRun* Chains::consumer(Engine engine) const {
  std::size_t ends = ends_;
  std::size_t beats = to_me_.size();
  for (const ComputeRun& run : unit_[1 - index(engine)]->runs()) {
    if (!run.plan.chain_in || run.given_up) continue;
    if (engine == Engine::Me) {
      if (ends == 0) return &run;
      --ends;
    } else {
      if (beats < run.plan.chained) return &run;
      beats -= run.plan.chained;
    }
  }
  return nullptr;
}

void Chains::resolve_other(Engine engine) { unit_[1 - index(engine)]->resolve(); }

void Chains::settle(const std::array<bool, 2>& busy) {
  for (unsigned e = 0; e < 2; ++e) {
    if (!flushing_[e]) continue;
    if (flushing_[1 - e] || !busy[1 - e]) unit_[e]->give_up();
  }
  for (unsigned e = 0; e < 2; ++e) {
    if (busy[e]) continue;
    flushing_[e] = false;
  }
  if (!busy[0] && !busy[1]) {
    to_ve_.clear();
    to_me_.clear();
    ends_ = 0;
  }
}

}  // namespace tsr
