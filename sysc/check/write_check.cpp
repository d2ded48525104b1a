// SPDX-License-Identifier: Apache-2.0
#include "write_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "noc/flit.hpp"

namespace tsr::check {
namespace {

constexpr auto kBus = static_cast<std::uint8_t>(engines::CmdError::Bus);
constexpr unsigned kRow = 6;  // of the context

bool is_multicast(const Command& command) {
  return command.opcode() == static_cast<std::uint8_t>(engines::DmaOp::Multicast);
}

}  // namespace

void WriteCheck::fail(std::uint64_t cycle, const Job* job, const std::string& what) {
  const std::string who = job != nullptr ? job->command.name() : "write DMA engine, no command";
  log_.report({cycle, who + ": " + what, std::nullopt});
}

void WriteCheck::start(const Command& command) {
  Job job;
  job.command = command;
  jobs_.push_back(std::move(job));
}

/// Run the model when the engine has read its first bytes: everything before the command is in the
/// mirror by then.
void WriteCheck::plan(Job& job) const {
  if (job.planned) return;
  job.planned = true;
  job.expected = engines::run_wdma(engines::DmaCommand::from_words(job.command.words),
                                   engines::DmaConfig::from_words(job.command.rows[kRow]),
                                   spm_.bytes.data(), spm_.bytes.size());
}

void WriteCheck::compare_request(std::uint64_t cycle, const Job& job,
                                 const engines::DmaWrite& expected, const DmaRequest& request) {
  const auto command = engines::DmaCommand::from_words(job.command.words);
  const bool multicast = is_multicast(job.command);
  const bool several = multicast && (command.x0 != command.x1 || command.y0 != command.y1);
  const Node low{command.x0, command.y0}, high{command.x1, command.y1};
  const std::uint64_t address =
      multicast ? node_address(low, static_cast<std::uint32_t>(expected.address))
                : expected.address;
  const std::uint64_t skew = address % 64;
  const std::uint64_t strobe =
      (expected.data.size() == 64 ? ~0ULL : (1ULL << expected.data.size()) - 1) << skew;
  const Kind kind = multicast ? Kind::kWritePosted : Kind::kWrite;
  const std::uint32_t rect = several ? low.pack() | high.pack() << 12 : 0;
  if (request.kind != static_cast<std::uint8_t>(kind) || request.multicast != several ||
      request.rect != rect || request.address != (address & ~63ULL) || request.strobe != strobe) {
    return fail(cycle, &job,
                fmt::format("request {}: expected kind {}, nodes {:#x}, address {:#x}, bytes "
                            "{:#018x}, got kind {}, nodes {:#x}, address {:#x}, bytes {:#018x}",
                            job.sent - 1, static_cast<unsigned>(kind), rect, address & ~63ULL,
                            strobe, request.kind, request.rect, request.address, request.strobe));
  }
  const auto* got = reinterpret_cast<const std::uint8_t*>(request.data.data()) + skew;
  if (std::memcmp(got, expected.data.data(), expected.data.size()) == 0) return;
  std::size_t i = 0;
  while (got[i] == expected.data[i]) ++i;
  const std::size_t byte = skew + i;
  fail(cycle, &job,
       fmt::format("request {}, address {:#x} (lane {}, byte {}): expected {:#04x}, got {:#04x}",
                   job.sent - 1, address + i, byte / 8, byte % 8, expected.data[i], got[i]));
}

void WriteCheck::request(std::uint64_t cycle, const DmaRequest& request) {
  for (auto& job : jobs_) {
    plan(job);
    if (job.sent == job.expected.writes.size()) continue;
    ++job.sent;
    return compare_request(cycle, job, job.expected.writes[job.sent - 1], request);
  }
  fail(cycle, jobs_.empty() ? nullptr : &jobs_.back(),
       fmt::format("a request to address {:#x} that nothing asks for", request.address));
}

void WriteCheck::response(std::uint64_t, const DmaResponse& response) {
  if (response.error == 0) return;
  for (auto& job : jobs_) job.errors.push_back({kBus, response.error, response.address});
}

void WriteCheck::done(std::uint64_t cycle, const CommandDone& done) {
  if (jobs_.empty()) return fail(cycle, nullptr, fmt::format("command {} ends twice", done.id));
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  if (done.id != job.command.id()) {
    return fail(cycle, &job, fmt::format("it ends as command {}", done.id));
  }
  plan(job);
  const Ending got = ending_of(done);
  const Ending expected{static_cast<std::uint8_t>(job.expected.error), job.expected.info,
                        job.expected.address};
  const bool refused = got.error == kBus &&
                       (got.info == static_cast<std::uint8_t>(Err::kTimeout) ||
                        std::find(job.errors.begin(), job.errors.end(), got) != job.errors.end());
  if (!refused && !(got == expected)) {
    return fail(cycle, &job,
                fmt::format("expected the end {}, got {}", expected.to_string(), got.to_string()));
  }
  if (got.error == 0 && job.sent != job.expected.writes.size()) {
    fail(cycle, &job,
         fmt::format("it ends with {} of {} requests made", job.sent, job.expected.writes.size()));
  }
}

}  // namespace tsr::check
