// SPDX-License-Identifier: Apache-2.0
#include "compute_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "replay.hpp"

namespace tsr::check {

bool ComputeCheck::gives_chain(const Command& command) {
  if (command.engine == Engine::Me) {
    return is_gemm(command) && engines::MeConfig::from_row(command.rows[0]).chain_o;
  }
  return is_vec(command) &&
         engines::VeConfig::from_rows(command.rows[0], command.rows[1]).out[0].chain;
}

bool ComputeCheck::takes_chain(const Command& command) {
  if (command.engine == Engine::Me) {
    return is_gemm(command) && engines::MeConfig::from_row(command.rows[0]).chain_a;
  }
  return is_vec(command) &&
         engines::VeConfig::from_rows(command.rows[0], command.rows[1]).in[0].chain;
}

void ComputeCheck::fail(std::uint64_t cycle, Engine engine, const Job* job,
                        const std::string& what) {
  Command none;
  none.engine = engine;
  const Command& command = job != nullptr ? job->command : none;
  log_.report({cycle, command.name() + ": " + what, std::nullopt});
}

void ComputeCheck::start(const Command& command) {
  Job job;
  job.command = command;
  jobs_[index_of(command.engine)].push_back(std::move(job));
}

void ComputeCheck::write(std::uint64_t cycle, const SpmWrite& write) {
  const auto engine = static_cast<Engine>(write.writer);
  const unsigned index = index_of(engine);
  if (jobs_[index].empty()) {
    fail(cycle, engine, nullptr,
         fmt::format("a write at scratchpad offset {:#x} while no command runs", write.offset[0]));
  }
  logs_[index][write.port].push_back({cycle, write});
}

// ---------------------------------------------------------------- replay

/// Run the first command in flight of `engine` that gives a chain and was not run yet.
bool ComputeCheck::replay_producer(Engine engine) {
  for (auto& job : jobs_[index_of(engine)]) {
    if (job.replayed || !gives_chain(job.command)) continue;
    replay(job);
    return true;
  }
  return false;
}

void ComputeCheck::replay(Job& job) {
  if (job.replayed) return;
  job.replayed = true;
  if (job.unknown) return;
  if (grid_ == 0 || job.command.opcode() == 0) {
    if (job.command.opcode() != 0) {
      job.ending.error = static_cast<std::uint8_t>(engines::CmdError::Opcode);
    }
  } else if (job.command.engine == Engine::Me) {
    replay_me(job);
  } else if (job.command.engine == Engine::Ve) {
    replay_ve(job);
  } else {
    replay_tdma(job);
  }
}

void ComputeCheck::replay_me(Job& job) {
  for (;;) {
    engines::MeChain chain;
    chain.in.assign(to_me_.begin(), to_me_.end());
    work_ = spm_.bytes;
    try {
      job.ending = run_me(job.command, grid_, work_, chain);
    } catch (const std::out_of_range&) {  // more beats than there are
      if (replay_producer(Engine::Ve)) continue;
      job.unknown = true;
      return;
    }
    to_me_.erase(to_me_.begin(), to_me_.begin() + static_cast<std::ptrdiff_t>(chain.taken));
    for (const auto& beat : chain.out) {
      to_ve_.push_back({beat.data, beat.strb, beat.last, (beat.last & 32U) != 0});
    }
    break;
  }
  if (job.ending.error != 0 || gives_chain(job.command) || !is_gemm(job.command)) return;
  engines::Agu agu(engines::AguConfig::from_row(job.command.rows[4]), job.command.words[8]);
  for (std::uint64_t index = 0; !agu.done(); agu.next(), ++index) {
    const SpmWrite write = gather(agu.current(), work_);
    if (write.strobe != 0) job.writes[0].push_back({index, write});
  }
}

void ComputeCheck::replay_ve(Job& job) {
  std::vector<engines::VeBeat> chain;
  if (takes_chain(job.command)) {
    const auto ends = [](const engines::VeBeat& beat) { return beat.fin; };
    while (std::none_of(to_ve_.begin(), to_ve_.end(), ends)) {
      if (!replay_producer(Engine::Me)) {
        job.unknown = true;
        return;
      }
    }
    chain.assign(to_ve_.begin(), to_ve_.end());
  }
  const engines::VeResult result = run_ve(job.command, spm_.bytes, chain, job.ending);
  to_ve_.erase(to_ve_.begin(), to_ve_.begin() + static_cast<std::ptrdiff_t>(result.chain_used));
  for (const auto& beat : result.chain_out) to_me_.push_back({beat.data, beat.strb, beat.last});
  if (job.ending.error != 0) return;
  for (unsigned port = 0; port < kPorts; ++port) {
    std::uint64_t index = 0;
    for (const auto& access : result.writes[port]) {
      const SpmWrite write = masked(access.access, access.data, spm_.bytes.size());
      if (write.strobe != 0) job.writes[port].push_back({index, write});
      ++index;
    }
  }
}

void ComputeCheck::replay_tdma(Job& job) {
  job.image = spm_.bytes;
  job.ending = run_tdma(job.command, job.image);
}

/// A command of a chain failed or was given up: what its partners did is unknown.
void ComputeCheck::break_chains() {
  to_ve_.clear();
  to_me_.clear();
  for (auto& jobs : jobs_) {
    for (auto& job : jobs) {
      const bool chained = gives_chain(job.command) || takes_chain(job.command);
      if (job.command.engine != Engine::Tdma && chained) job.unknown = true;
    }
  }
}

// ---------------------------------------------------------------- comparison

/// Where a result lies in the terms of its engine.
std::string ComputeCheck::place(const Job& job, unsigned port, std::uint64_t index,
                                unsigned byte) const {
  if (job.command.engine == Engine::Ve) {
    return fmt::format("output {}, access {}", port, index);
  }
  const bool half = engines::MeConfig::from_row(job.command.rows[0]).out_bf16;
  const unsigned bytes = half ? 2 : 4;
  const unsigned of_block = grid_ * grid_;
  const unsigned of_access = std::min(64U / bytes, of_block);
  const unsigned accesses = of_block / of_access;
  const auto cell = static_cast<unsigned>(index % accesses) * of_access + byte / bytes;
  return fmt::format("block {}, cell (row {}, column {}), byte {} of the result", index / accesses,
                     cell / grid_, cell % grid_, byte % bytes);
}

/// The engine's first writes enter the mirror.
void ComputeCheck::accept(Log& log, unsigned port, std::size_t count) {
  for (std::size_t i = 0; i < count && !log[port].empty(); ++i) {
    spm_.apply(log[port].front().write);
    log[port].pop_front();
  }
}

void ComputeCheck::compare_writes(std::uint64_t cycle, const Job& job, Log& log, bool last) {
  const Engine engine = job.command.engine;
  for (unsigned port = 0; port < kPorts; ++port) {
    const auto& expected = job.writes[port];
    const auto& got = log[port];
    if (got.size() < expected.size() || (last && got.size() > expected.size())) {
      return fail(
          cycle, engine, &job,
          fmt::format("output {}: expected {} writes, got {}", port, expected.size(), got.size()));
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ByteDifference byte;
      const std::string what = compare(expected[i].write, got[i].write, &byte);
      if (what.empty()) continue;
      const bool value = byte.expected != byte.got;
      if (value && overwritten(byte.offset, i, expected,
                               [](const Expected& e) -> const SpmWrite& { return e.write; })) {
        continue;  // the model's image only shows the last write of a byte
      }
      return fail(got[i].cycle, engine, &job,
                  fmt::format("{}: {}, written in cycle {}",
                              place(job, port, expected[i].index, byte.index), what, got[i].cycle));
    }
  }
  for (unsigned port = 0; port < kPorts; ++port) accept(log, port, job.writes[port].size());
}

void ComputeCheck::compare_image(std::uint64_t cycle, const Job& job, Log& log) {
  for (const auto& write : log[0]) spm_.apply(write.write);
  if (spm_.bytes != job.image) {
    const auto differ = std::mismatch(spm_.bytes.begin(), spm_.bytes.end(), job.image.begin());
    const auto offset = static_cast<std::uint32_t>(differ.first - spm_.bytes.begin());
    std::string written = "which it did not write";
    std::uint64_t when = cycle;
    for (const auto& write : log[0]) {
      const auto byte = byte_of(write.write, offset);
      if (!byte) continue;
      written =
          fmt::format("lane {}, byte {}, written in cycle {}", *byte / 8, *byte % 8, write.cycle);
      when = write.cycle;
    }
    fail(when, job.command.engine, &job,
         fmt::format("scratchpad offset {:#x} ({}): expected {:#04x}, got {:#04x}", offset, written,
                     *differ.second, *differ.first));
  }
  log[0].clear();
}

void ComputeCheck::done(std::uint64_t cycle, const CommandDone& done) {
  const unsigned index = index_of(done.engine);
  auto& jobs = jobs_[index];
  Log& log = logs_[index];
  if (jobs.empty()) {
    return fail(cycle, done.engine, nullptr, fmt::format("command {} ends twice", done.id));
  }
  if (!done.given_up) replay(jobs.front());
  const Job job = std::move(jobs.front());
  jobs.pop_front();
  const bool unknown = job.unknown || done.given_up;
  if (unknown) ++skipped_;
  if (done.id != job.command.id()) {
    return fail(cycle, done.engine, &job, fmt::format("it ends as command {}", done.id));
  }
  if (!unknown && !(ending_of(done) == job.ending)) {
    return fail(cycle, done.engine, &job,
                fmt::format("expected the end {}, got {}", job.ending.to_string(),
                            ending_of(done).to_string()));
  }
  if (unknown || done.error != 0) {
    for (unsigned port = 0; port < kPorts; ++port) accept(log, port, log[port].size());
    if (gives_chain(job.command) || takes_chain(job.command)) break_chains();
    return;
  }
  if (done.engine == Engine::Tdma) {
    if (!job.image.empty()) compare_image(cycle, job, log);
  } else {
    compare_writes(cycle, job, log, jobs.empty());
  }
}

}  // namespace tsr::check
