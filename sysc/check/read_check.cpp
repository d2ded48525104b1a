// SPDX-License-Identifier: Apache-2.0
#include "read_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "noc/flit.hpp"

namespace tsr::check {
namespace {

constexpr std::uint32_t kOffsetMask = (1U << 24) - 1;
constexpr auto kBus = static_cast<std::uint8_t>(engines::CmdError::Bus);
constexpr unsigned kRow = 5;  // of the context

/// Bytes of [address, address + bytes) in the 64-byte block at `block`.
std::uint64_t block_strobe(std::uint64_t block, std::uint64_t address, std::uint32_t bytes) {
  const std::uint64_t low = std::max(block, address) - block;
  const std::uint64_t high = std::min(block + 64, address + bytes) - block;
  return (high - low == 64 ? ~0ULL : (1ULL << (high - low)) - 1) << low;
}

}  // namespace

ReadCheck::Job* ReadCheck::job(unsigned number) {
  for (auto& job : jobs_) {
    if (job.number == number) return &job;
  }
  return nullptr;
}

void ReadCheck::fail(std::uint64_t cycle, const Job* job, const std::string& what) {
  const std::string who = job != nullptr ? job->command.name() : "read DMA engine, no command";
  log_.report({cycle, who + ": " + what, std::nullopt});
}

/// What the command asks, piece by piece: the functional model runs with reads that bring nothing.
void ReadCheck::plan(Job& job) const {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> reads;
  job.expected = engines::run_rdma(
      engines::DmaCommand::from_words(job.command.words),
      engines::DmaConfig::from_words(job.command.rows[kRow]), spm_.bytes.size(),
      [&](std::uint64_t address, std::uint8_t*, std::size_t bytes) -> std::uint8_t {
        reads.emplace_back(address, static_cast<std::uint32_t>(bytes));
        return 0;
      });
  job.fill = job.command.opcode() == static_cast<std::uint8_t>(engines::DmaOp::SpmFill);
  std::size_t read = 0;
  for (const auto& write : job.expected.writes) {
    for (std::size_t at = 0; at < write.data.size() && read < reads.size(); ++read) {
      job.pieces.push_back(
          {reads[read].first, static_cast<std::uint32_t>(write.address + at), reads[read].second});
      at += reads[read].second;
    }
  }
  if (!job.fill) job.expected.writes.clear();
}

void ReadCheck::start(const Command& command) {
  Job job;
  job.command = command;
  job.number = next_number_++;
  plan(job);
  jobs_.push_back(std::move(job));
}

void ReadCheck::request(std::uint64_t cycle, const DmaRequest& request) {
  const auto it = std::find_if(jobs_.begin(), jobs_.end(),
                               [](const Job& job) { return job.asked < job.pieces.size(); });
  if (it == jobs_.end()) {
    return fail(cycle, jobs_.empty() ? nullptr : &jobs_.back(),
                fmt::format("a request for address {:#x} that nothing asks for", request.address));
  }
  const Piece& piece = it->pieces[it->asked++];
  if (request.kind != static_cast<std::uint8_t>(Kind::kRead) || request.address != piece.source ||
      request.strobe != piece.bytes || request.doff != (piece.destination & kOffsetMask)) {
    return fail(cycle, &*it,
                fmt::format("request {}: expected {} bytes of address {:#x} for scratchpad offset "
                            "{:#x}, got {} bytes of address {:#x} for {:#x}",
                            it->asked - 1, piece.bytes, piece.source, piece.destination,
                            request.strobe, request.address, request.doff));
  }
  Tag& tag = tags_[request.tag % tags_.size()];
  const unsigned first = piece.source >> 6 & 3U;
  const unsigned last = (piece.source + piece.bytes - 1) >> 6 & 3U;
  tag = {true, it->number, piece, 0};
  for (unsigned block = first; block <= last; ++block) tag.blocks |= 1U << block;
  it->waiting += last - first + 1;
}

void ReadCheck::store(const DmaResponse& response, unsigned job) {
  std::array<SpmWrite, 2> writes;
  const unsigned count =
      consecutive(response.doff, reinterpret_cast<const std::uint8_t*>(response.data.data()),
                  response.strobe, spm_.bytes.size(), writes);
  for (unsigned i = 0; i < count; ++i) {
    stores_.push_back({response.heard, job, response.address, writes[i]});
  }
}

void ReadCheck::response(std::uint64_t cycle, const DmaResponse& response) {
  if (response.heard) return store(response, 0);
  Tag& tag = tags_[response.tag % tags_.size()];
  Job* const owner = tag.live ? job(tag.job) : nullptr;
  if (owner == nullptr) {
    if (!late_)
      fail(cycle, nullptr,
           fmt::format("a response with tag {}, which is not in flight", response.tag));
    return;
  }
  const auto answered = [&](unsigned blocks) {
    owner->waiting -= static_cast<unsigned>(__builtin_popcount(tag.blocks & blocks));
    tag.blocks &= ~blocks;
    tag.live = tag.blocks != 0;
  };
  if (response.error != 0) {
    owner->errors.push_back({kBus, response.error, response.address});
    const bool poison = response.error == static_cast<std::uint8_t>(Err::kPoison) &&
                        response.kind == static_cast<std::uint8_t>(Kind::kReadRsp);
    return answered(poison ? 1U << (response.address >> 6 & 3U) : 15U);
  }
  const Piece& piece = tag.piece;
  const std::uint64_t block = response.address & ~63ULL;
  const unsigned bit = 1U << (response.address >> 6 & 3U);
  if ((tag.blocks & bit) == 0 || block >> 8 != piece.source >> 8) {
    return fail(cycle, owner,
                fmt::format("a response with address {:#x} for {} bytes of address {:#x}",
                            response.address, piece.bytes, piece.source));
  }
  const std::uint64_t strobe = block_strobe(block, piece.source, piece.bytes);
  const auto doff =
      static_cast<std::uint32_t>(piece.destination + block - piece.source) & kOffsetMask;
  if (response.strobe != strobe || response.doff != doff) {
    return fail(cycle, owner,
                fmt::format("response for address {:#x}: expected bytes {:#018x} for scratchpad "
                            "offset {:#x}, got bytes {:#018x} for {:#x}",
                            block, strobe, doff, response.strobe, response.doff));
  }
  answered(bit);
  store(response, owner->number);
}

void ReadCheck::write(std::uint64_t cycle, const SpmWrite& write) {
  spm_.apply(write);
  if (stores_.empty()) return write_fill(cycle, write);
  std::string what = compare(stores_.front().write, write);
  while (!what.empty() && late_ && stores_.size() > 1) {  // a response that came too late
    stores_.pop_front();
    what = compare(stores_.front().write, write);
  }
  const Store store = stores_.front();
  stores_.pop_front();
  if (what.empty()) return;
  fail(cycle, store.heard ? nullptr : job(store.job),
       fmt::format("{}, of the response for address {:#x}", what, store.source));
}

void ReadCheck::write_fill(std::uint64_t cycle, const SpmWrite& write) {
  const auto it = std::find_if(jobs_.begin(), jobs_.end(), [](const Job& job) {
    return job.fill && job.filled < job.expected.writes.size();
  });
  if (it == jobs_.end()) {
    return fail(
        cycle, jobs_.empty() ? nullptr : &jobs_.front(),
        fmt::format("a write at scratchpad offset {:#x} that nothing asks for", write.offset[0]));
  }
  const engines::DmaWrite& element = it->expected.writes[it->filled];
  const auto offset = static_cast<std::uint32_t>(element.address + it->fill_offset);
  const std::size_t count =
      std::min<std::size_t>(64 - offset % 8, element.data.size() - it->fill_offset);
  std::array<std::uint8_t, 64> data{};
  std::memcpy(data.data(), &element.data[it->fill_offset], count);
  std::array<SpmWrite, 2> writes;
  consecutive(offset, data.data(), count == 64 ? ~0ULL : (1ULL << count) - 1, spm_.bytes.size(),
              writes);
  it->fill_offset += count;
  if (it->fill_offset == element.data.size()) {
    it->fill_offset = 0;
    ++it->filled;
  }
  const std::string what = compare(writes[0], write);
  if (!what.empty()) fail(cycle, &*it, "fill: " + what);
}

/// Why `done` is not how the command has to end, or "".
std::string ReadCheck::error_difference(const Job& job, const CommandDone& done) {
  const Ending got = ending_of(done);
  const Ending expected{static_cast<std::uint8_t>(job.expected.error), job.expected.info,
                        job.expected.address};
  if (got == expected && (got.error != 0 || job.errors.empty())) return "";
  if (got.error == kBus) {
    if (got.info == static_cast<std::uint8_t>(Err::kTimeout)) return "";
    if (std::find(job.errors.begin(), job.errors.end(), got) != job.errors.end()) return "";
  }
  return fmt::format("expected the end {}, got {}",
                     (job.errors.empty() ? expected : job.errors.front()).to_string(),
                     got.to_string());
}

void ReadCheck::done(std::uint64_t cycle, const CommandDone& done) {
  if (jobs_.empty()) return fail(cycle, nullptr, fmt::format("command {} ends twice", done.id));
  const Job job = std::move(jobs_.front());
  jobs_.pop_front();
  if (done.id != job.command.id()) {
    return fail(cycle, &job, fmt::format("it ends as command {}", done.id));
  }
  const std::string what = error_difference(job, done);
  if (!what.empty()) return fail(cycle, &job, what);
  if (done.error == 0) {
    if (job.asked != job.pieces.size() || job.waiting != 0) {
      return fail(cycle, &job,
                  fmt::format("it ends with {} of {} requests made, {} responses out", job.asked,
                              job.pieces.size(), job.waiting));
    }
    if (job.filled != job.expected.writes.size()) {
      return fail(cycle, &job,
                  fmt::format("it ends with {} of {} elements filled", job.filled,
                              job.expected.writes.size()));
    }
    const bool missing = std::any_of(stores_.begin(), stores_.end(), [&](const Store& store) {
      return !store.heard && store.job == job.number;
    });
    if (missing && !late_) return fail(cycle, &job, "it ends with a response that is not stored");
    return;
  }
  for (auto& tag : tags_) {
    if (tag.live && tag.job == job.number) {
      tag.live = false;
      late_ = true;
    }
  }
}

}  // namespace tsr::check
