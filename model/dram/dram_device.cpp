// SPDX-License-Identifier: Apache-2.0
#include "dram/dram_device.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "dram/ecc.hpp"

namespace tsr {

DramDevice::DramDevice(const DramTiming& timing) : timing_(timing) {
  channels_.reserve(kDramPcs);
  for (unsigned p = 0; p < kDramPcs; ++p) {
    channels_.emplace_back(timing, p, [this](const DramViolation& v) { record(v); });
    channels_.back().blocks.resize(std::size_t{kDramBanks} * kDramRows / kRowsPerBlock);
  }
}

void DramDevice::record(const DramViolation& violation) {
  if (sink_) sink_(violation);
  ++violation_count_;
  if (violations_.size() < kMaxViolations) violations_.push_back(violation);
}

void DramDevice::clear_violations() {
  violations_.clear();
  violation_count_ = 0;
}

void DramDevice::pass(std::uint64_t cycles) {
  for (auto& channel : channels_) channel.pass(cycle_, cycle_ + cycles);
  cycle_ += cycles;
}

namespace {

/// Chip cycle in which a deadline of the checker is noticed; none: ~0.
std::uint64_t deadline_cycle(const DramChecker& checker) {
  const std::int64_t clock = checker.next_deadline();
  if (clock == DramChecker::kNoDeadline) return ~0ULL;
  return static_cast<std::uint64_t>((clock + 1) / 2);
}

}  // namespace

std::uint64_t DramDevice::next_deadline() const {
  std::uint64_t next = ~0ULL;
  for (const auto& channel : channels_) next = std::min(next, deadline_cycle(channel.checker));
  return next;
}

/// Cycles from .. end - 1.
void DramDevice::Channel::pass(std::uint64_t from, std::uint64_t end) {
  if (!writes.empty() || !answers.empty()) {
    checker.report_data(static_cast<std::int64_t>(from) * 2, "DataUnderWay", "clock stop");
  }
  // Every missing refresh is reported at its own time.
  for (std::uint64_t at = deadline_cycle(checker); at < end; at = deadline_cycle(checker)) {
    checker.advance(static_cast<std::int64_t>(at) * 2);
  }
}

namespace {

std::size_t block_index(unsigned bank, unsigned row, unsigned rows_per_block) {
  return (std::size_t{bank} * kDramRows + row) / rows_per_block;
}

}  // namespace

DramDevice::Cell DramDevice::Channel::cell(unsigned bank, unsigned row, unsigned col) {
  auto& block = blocks[block_index(bank, row, kRowsPerBlock)];
  if (!block) block = std::make_unique<Block>();
  const std::size_t index = std::size_t{row % kRowsPerBlock} * kDramCols + col;
  return {&block->atoms[index], &block->sides[index]};
}

DramDevice::ConstCell DramDevice::Channel::find(unsigned bank, unsigned row, unsigned col) const {
  const auto& block = blocks[block_index(bank, row, kRowsPerBlock)];
  if (!block) return {nullptr, nullptr};
  const std::size_t index = std::size_t{row % kRowsPerBlock} * kDramCols + col;
  return {&block->atoms[index], &block->sides[index]};
}

void DramDevice::Channel::row_command(const DfiCommand& c, std::uint64_t cycle) {
  checker.row(static_cast<std::int64_t>(cycle * 2 + c.row_phase), c.row_cmd, c.row_bank, c.row);
  counts.activates += c.row_cmd == RowCmd::kAct;
  counts.precharges += c.row_cmd == RowCmd::kPre;
  counts.refreshes += c.row_cmd == RowCmd::kRefPb || c.row_cmd == RowCmd::kRefAb;
  counts.all_refreshes += c.row_cmd == RowCmd::kRefAb;
  counts.power_downs += c.row_cmd == RowCmd::kPde;
  counts.self_refreshes += c.row_cmd == RowCmd::kSre;
}

void DramDevice::Channel::column_command(const DfiCommand& c, std::uint64_t cycle) {
  const std::uint64_t clock = cycle * 2 + c.col_phase;
  const bool was_open = checker.open(c.col_bank);
  const unsigned row = checker.open_row(c.col_bank);
  checker.column(static_cast<std::int64_t>(clock), c.col_cmd, c.col_bank);
  bool room = true;
  if (c.col_cmd == ColCmd::kWr) {
    ++counts.writes;
    if (was_open) {
      room = writes.push({(clock + static_cast<unsigned>(t.cwl)) / 2, c.col_bank, row, c.col});
    }
  } else {
    Answer answer;
    answer.cycle = (clock + static_cast<unsigned>(t.cl + t.bl) + 1) / 2;
    if (c.col_cmd == ColCmd::kMrr) {
      answer.data[0] = kMrrMagic | std::uint64_t{checker.mode_register(kMrCl)} << 32 |
                       std::uint64_t{checker.mode_register(kMrCwl)} << 40;
    } else {
      ++counts.reads;
      if (was_open) fetch(c.col_bank, row, c.col, answer);
    }
    room = answers.push(answer);
  }
  if (!room) checker.report_data(static_cast<std::int64_t>(clock), "TooManyInFlight", "RD or WR");
}

namespace {

/// Names an atom of a pseudo channel.
std::uint64_t atom_number(unsigned bank, unsigned row, unsigned col) {
  return (std::uint64_t{bank} * kDramRows + row) * kDramCols + col;
}

}  // namespace

void DramDevice::Channel::disturb(unsigned bank, unsigned row, unsigned col) {
  while (errors.due()) {
    const Cell target = cell(bank, row, col);
    ecc_flip(*target.data, *target.side, errors.next());
  }
  errors.pass();
}

void DramDevice::Channel::fetch(unsigned bank, unsigned row, unsigned col, Answer& answer) {
  if (errors.any()) disturb(bank, row, col);
  const ConstCell stored = find(bank, row, col);
  if (stored.data != nullptr) {
    answer.data = *stored.data;
    answer.side = *stored.side;
  }
  if (errors.any()) errors.apply(atom_number(bank, row, col), answer.data, answer.side);
}

void DramDevice::Channel::work(const DfiIn& in, std::uint64_t cycle) {
  const DfiCommand c = DfiCommand::unpack(in.command);
  const auto clock = static_cast<std::int64_t>(cycle) * 2;
  if (!c.reset_n) {
    checker.reset(clock + 1);
    writes = {};
    answers = {};
    if (c.row_valid || c.col_valid)
      checker.report_data(clock, "NotInitialized", "command in reset");
    return;
  }
  const bool column_first = c.col_valid && c.row_valid && c.col_phase < c.row_phase;
  if (column_first) column_command(c, cycle);
  if (c.row_valid) row_command(c, cycle);
  if (c.col_valid && !column_first) column_command(c, cycle);
  if (c.wdata_valid && (writes.empty() || writes.front().cycle > cycle)) {
    checker.report_data(clock, "UnexpectedWriteData", "write data");
  }
}

void DramDevice::Channel::commit(const DfiIn& in, std::uint64_t cycle) {
  const Access access = writes.front();
  writes.pop();
  if ((in.command & DfiCommand::kDataValid) == 0) {
    checker.report_data(static_cast<std::int64_t>(cycle) * 2, "MissingWriteData", "WR");
    return;
  }
  const Cell target = cell(access.bank, access.row, access.col);
  DramAtom& stored = *target.data;
  *target.side = in.wside;
  for (unsigned lane = 0; lane < stored.size(); ++lane) {
    std::uint64_t mask = 0;
    for (unsigned b = 0; b < 8; ++b) {
      if ((in.wstrb >> (8 * lane + b)) & 1U) mask |= 0xffULL << (8 * b);
    }
    stored[lane] = (stored[lane] & ~mask) | (in.wdata[lane] & mask);
  }
}

void DramDevice::write(std::uint64_t offset, const void* data, std::size_t bytes) {
  if (offset > kDramNodeBytes || bytes > kDramNodeBytes - offset) {
    throw std::out_of_range("DRAM back door: outside the node");
  }
  const auto* from = static_cast<const unsigned char*>(data);
  while (bytes != 0) {
    const std::size_t skip = offset % kDramAtomBytes;
    const std::size_t part = std::min(bytes, kDramAtomBytes - skip);
    const DramAddress a = dram_address(offset);
    const Cell cell = channels_[a.pc].cell(a.bank, a.row, a.col);
    std::memcpy(reinterpret_cast<unsigned char*>(cell.data->data()) + skip, from, part);
    *cell.side = ecc_side(*cell.data);
    offset += part;
    from += part;
    bytes -= part;
  }
}

void DramDevice::read(std::uint64_t offset, void* data, std::size_t bytes) const {
  if (offset > kDramNodeBytes || bytes > kDramNodeBytes - offset) {
    throw std::out_of_range("DRAM back door: outside the node");
  }
  auto* to = static_cast<unsigned char*>(data);
  while (bytes != 0) {
    const std::size_t skip = offset % kDramAtomBytes;
    const std::size_t part = std::min(bytes, kDramAtomBytes - skip);
    const DramAddress a = dram_address(offset);
    const DramAtom* stored = channels_[a.pc].find(a.bank, a.row, a.col).data;
    if (stored == nullptr) {
      std::memset(to, 0, part);
    } else {
      std::memcpy(to, reinterpret_cast<const unsigned char*>(stored->data()) + skip, part);
    }
    offset += part;
    to += part;
    bytes -= part;
  }
}

void DramDevice::flip(std::uint64_t offset, unsigned bit) {
  if (offset >= kDramNodeBytes || bit >= kEccCodeBits) {
    throw std::out_of_range("DRAM back door: no such bit");
  }
  const DramAddress a = dram_address(offset);
  const Cell cell = channels_[a.pc].cell(a.bank, a.row, a.col);
  ecc_flip(*cell.data, *cell.side, bit);
}

void DramDevice::set_error_rate(double per_bit, std::uint64_t seed) {
  for (std::size_t p = 0; p < channels_.size(); ++p) {
    channels_[p].errors.set_rate(per_bit, seed * kDramPcs + p);
  }
}

void DramDevice::break_cell(std::uint64_t offset, unsigned bit) {
  if (offset >= kDramNodeBytes || bit >= kEccCodeBits) {
    throw std::out_of_range("DRAM back door: no such bit");
  }
  const DramAddress a = dram_address(offset);
  channels_[a.pc].errors.break_cell(atom_number(a.bank, a.row, a.col), bit);
}

std::uint64_t DramDevice::bit_errors() const {
  std::uint64_t sum = 0;
  for (const auto& channel : channels_) sum += channel.errors.count();
  return sum;
}

std::uint16_t DramDevice::side(std::uint64_t offset) const {
  if (offset >= kDramNodeBytes) throw std::out_of_range("DRAM back door: outside the node");
  const DramAddress a = dram_address(offset);
  const ConstCell cell = channels_[a.pc].find(a.bank, a.row, a.col);
  return cell.side == nullptr ? 0 : *cell.side;
}

}  // namespace tsr
