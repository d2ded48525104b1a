// SPDX-License-Identifier: Apache-2.0
#include "tile/program_maker.hpp"

#include <algorithm>
#include <numeric>

#include "ve/ve_plan.hpp"

namespace tsr::tb {

namespace {

using engines::CmdError;

constexpr unsigned kEdgeSemaphores = 12;  // 0..11 order commands
constexpr unsigned kGate = 12;            // posted by the bench
constexpr unsigned kSurplus = 15;         // posted by commands, taken by nobody

}  // namespace

ProgramMaker::ProgramMaker(std::mt19937_64& rng, ProgramLayout layout)
    : rng_(rng), layout_(std::move(layout)) {
  page_format_.assign(layout_.arena.bytes / ProgramLayout::kPage, Format::Uint8);
  std::iota(order_.begin(), order_.end(), 0U);
  std::shuffle(order_.begin(), order_.end(), rng_);
}

std::uint64_t ProgramMaker::in(std::uint64_t low, std::uint64_t high) {
  return std::uniform_int_distribution<std::uint64_t>(low, high)(rng_);
}
std::uint32_t ProgramMaker::pick(std::uint64_t low, std::uint64_t high) {
  return static_cast<std::uint32_t>(in(low, high));
}
bool ProgramMaker::chance(double p) { return std::bernoulli_distribution(p)(rng_); }

// ------------------------------------------------------------------ data

std::vector<std::uint32_t> ProgramMaker::refresh(World& world, double share) {
  VeRandom random(rng_);
  std::vector<std::uint32_t> pages;
  for (std::uint32_t p = 0; p < page_format_.size(); ++p) {
    if (!chance(share)) continue;
    page_format_[p] = chance(0.15) ? Format::E8m0 : static_cast<Format>(in(0, 14));
    const std::size_t begin = layout_.arena.base + p * ProgramLayout::kPage;
    if (page_format_[p] == Format::E8m0) {  // scales near one
      for (std::size_t i = 0; i < ProgramLayout::kPage; ++i) {
        world.spm[begin + i] =
            static_cast<std::uint8_t>(chance(0.01) ? pick(0, 255) : pick(118, 136));
      }
    } else {
      random.fill(world.spm, begin, begin + ProgramLayout::kPage, page_format_[p]);
    }
    pages.push_back(p);
  }
  return pages;
}

void ProgramMaker::write_lists(World& world) {
  for (std::uint32_t i = 0; i < ProgramLayout::kListBytes; ++i) {
    world.spm[layout_.lists + i] =
        i % 4 == 0 ? static_cast<std::uint8_t>(pick(0, ProgramLayout::kListLimit - 1))
                   : std::uint8_t{0};
  }
}

// ------------------------------------------------------------------ commands

bool ProgramMaker::place(const Operand& operand, ProgramCommand& command) {
  Span span;
  span.write = operand.write;
  ProgramLayout::Region region = layout_.arena;
  std::uint64_t offset = 0;  // of a global address
  if (operand.list) {
    region = {layout_.lists, ProgramLayout::kListBytes};
  } else if (operand.memory && chance(0.85)) {
    region = layout_.memory[in(0, layout_.memory.size() - 1)];
    span.memory = true;
  } else if (operand.memory) {
    offset = layout_.own_spm;
  }
  const std::int64_t size = operand.high - operand.low;
  if (size > region.bytes) return false;
  auto begin = static_cast<std::int64_t>(in(0, static_cast<std::uint64_t>(region.bytes - size)));
  std::vector<std::uint32_t> pages;
  for (std::uint32_t p = 0; p < page_format_.size(); ++p) {
    if (page_format_[p] == operand.format) pages.push_back(p);
  }
  if (!operand.write && !operand.memory && !operand.list && !pages.empty() && chance(0.7)) {
    begin = std::int64_t{pages[in(0, pages.size() - 1)]} * ProgramLayout::kPage + pick(0, 64) * 8;
    begin = std::min<std::int64_t>(begin, region.bytes - size);
  }
  begin += static_cast<std::int64_t>(region.base);
  std::int64_t base = begin - operand.low;
  base -= base % operand.align;
  if (base + operand.low < static_cast<std::int64_t>(region.base)) return false;
  const std::uint64_t address = static_cast<std::uint64_t>(base) + offset;
  command.words[operand.word] = static_cast<std::uint32_t>(address);
  if (operand.memory) command.words[operand.word + 1] = static_cast<std::uint32_t>(address >> 32);
  span.begin = static_cast<std::uint64_t>(base + operand.low);
  span.end = static_cast<std::uint64_t>(base + operand.high);
  command.spans.push_back(span);
  return true;
}

std::optional<ProgramCommand> ProgramMaker::instance(const Shape& shape) {
  VeRandom random(rng_);
  for (int attempt = 0; attempt < 30; ++attempt) {
    ProgramCommand command;
    command.engine = shape.engine;
    unsigned opcode = shape.opcode;
    bool no_source = false, no_target = false;
    const double kind = std::uniform_real_distribution<double>(0, 1)(rng_);
    if (shape.may_fill && kind < 0.25) {
      opcode = shape.engine == 0 ? 0x02 : shape.engine == 1 ? 0x13 : 0x45;
      no_source = true;
    } else if (shape.engine == 1 && kind < 0.4) {
      opcode = 0x12;
      no_target = true;
      const unsigned y0 = pick(0, 4);
      command.words[4] = pick(layout_.own_x + 1, 3) | y0 << 8 | 3U << 16 | pick(y0, 4) << 24;
      command.words[7] = 0x0100'0000 + pick(0x8000, 0xa000);
    }
    command.words[0] = opcode | shape.context << 8;
    // VE constants, bases of ports that are off, fill patterns: anything.
    for (unsigned w = 9; w < 15; ++w) command.words[w] = random.number();
    bool good = true;
    for (const Operand& operand : shape.operands) {
      if ((operand.word == 5 && no_source) || (operand.write && no_target)) continue;
      good = good && place(operand, command);
    }
    const bool in_place = shape.in_place != 0 && chance(0.3);
    for (std::size_t i = 0; i < command.spans.size() && good && in_place; ++i) {
      const Operand& operand = shape.operands[i];
      if (operand.word != 8) continue;
      command.words[8] = command.words[shape.in_place];
      command.spans[i].begin = static_cast<std::uint64_t>(command.words[8] + operand.low);
      command.spans[i].end = static_cast<std::uint64_t>(command.words[8] + operand.high);
    }
    for (std::size_t x = 0; x < command.spans.size() && good; ++x) {
      for (std::size_t y = 0; y < x; ++y) {
        if (!conflict(command.spans[x], command.spans[y])) continue;
        const bool meant =
            in_place && shape.operands[x].word == 8 && shape.operands[y].word == shape.in_place;
        good = good && meant;
      }
    }
    if (good) return command;
  }
  return {};
}

// ------------------------------------------------------------------ order

bool ProgramMaker::add_edge(std::size_t from, std::size_t to, bool join) {
  Links& p = links_[from];
  Links& c = links_[to];
  const auto free_post = [&p] { return p.post[1] < 0 ? 1 : !p.reports && p.post[0] < 0 ? 0 : -1; };
  const auto free_wait = [&c] { return c.wait[0] < 0 ? 0 : c.wait[1] < 0 ? 1 : -1; };
  const auto find = [&](Owner owner, std::size_t command) {
    for (unsigned s = 0; s < kEdgeSemaphores; ++s) {
      if (semaphores_[s].owner == owner && semaphores_[s].command == command)
        return static_cast<int>(s);
    }
    return -1;
  };
  const unsigned amount = pick(1, 3);
  const Owner owner = join ? Owner::Consumer : Owner::Producer;
  const std::size_t master = join ? to : from;
  int semaphore = find(owner, master);
  if (semaphore < 0) {
    semaphore = find(Owner::Free, 0);
    if (semaphore < 0) return false;
  }
  const auto slot_of = [semaphore](const int(&list)[2]) {
    return list[0] == semaphore ? 0 : list[1] == semaphore ? 1 : -1;
  };
  int post = slot_of(p.post), wait = slot_of(c.wait);
  if (!join && wait >= 0) return true;
  if (post < 0) post = free_post();
  if (wait < 0) wait = free_wait();
  if (post < 0 || wait < 0) return false;
  semaphores_[static_cast<unsigned>(semaphore)] = {owner, static_cast<unsigned>(master)};
  p.post[post] = c.wait[wait] = semaphore;
  p.post_n[post] += amount;
  c.wait_n[wait] += amount;
  return true;
}

/// Order the last command behind what it conflicts with. False: not possible.
bool ProgramMaker::link(Program& program, std::size_t index) {
  ProgramCommand& command = program.commands[index];
  int previous = -1;
  for (std::size_t j = 0; j < index; ++j) {
    if (program.commands[j].engine == command.engine) previous = static_cast<int>(j);
  }
  const bool may_overlap = command.engine == 0 || command.engine == 2 || command.engine == 3;
  const bool overlap = previous >= 0 && chance(may_overlap ? 0.6 : 0.2);
  std::bitset<32> before;
  if (previous >= 0) {
    before = program.commands[static_cast<std::size_t>(previous)].before;
    if (!overlap) {
      for (std::size_t j = 0; j < index; ++j) {
        if (program.commands[j].engine == command.engine)
          before |= program.commands[j].before, before.set(j);
      }
    }
  }
  std::vector<std::size_t> producers;
  for (std::size_t j = index; j-- > 0;) {
    const bool needed = conflict(program.commands[j].spans, command.spans) && !before[j];
    const bool extra = chance(0.04);
    if (!(needed || extra) || static_cast<int>(j) == command.partner) {
      if (needed) return false;  // the two ends of a chain
      continue;
    }
    // Who waits for its partner's partner would wait for itself.
    if (before[j]) continue;
    producers.push_back(j);
    before.set(j);
    before |= program.commands[j].before;
  }
  const bool join = producers.size() > 2 || (producers.size() == 2 && chance(0.4));
  for (const std::size_t j : producers) {
    if (!add_edge(j, index, join)) return false;
  }
  if (overlap) command.words[0] |= 1U << 12;
  command.before = before;
  return true;
}

bool ProgramMaker::append(Program& program, std::vector<ProgramCommand> commands) {
  const auto links = links_;
  const auto semaphores = semaphores_;
  const std::size_t first = program.commands.size();
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (commands.size() == 2) commands[i].partner = static_cast<int>(first + 1 - i);
    program.commands.push_back(commands[i]);
    links_.push_back({});
    links_.back().reports = chance(0.85);
    if (!link(program, first + i)) {
      program.commands.resize(first);
      links_ = links;
      semaphores_ = semaphores;
      return false;
    }
  }
  return true;
}

/// Ids, semaphores and interrupts into the words.
void ProgramMaker::finish(Program& program) {
  unsigned gated = 0;
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    ProgramCommand& command = program.commands[i];
    Links& links = links_[i];
    if (links.wait[0] < 0 && chance(0.2)) {
      links.wait[0] = kGate;
      links.wait_n[0] = pick(1, 3);
      gated += links.wait_n[0];
    }
    if (links.post[1] < 0 && chance(0.1)) {
      links.post[1] = kSurplus;
      links.post_n[1] = pick(1, 5);
    }
    command.words[0] |= ((program.number << 5 | static_cast<unsigned>(i)) & 0xffff) << 16;
    if (chance(0.1)) command.words[0] |= 1U << 11;
    for (unsigned slot = 0; slot < 2; ++slot) {
      if (links.wait[slot] >= 0) {
        command.words[1] |=
            (static_cast<unsigned>(links.wait[slot]) | 16U | links.wait_n[slot] << 8)
            << (16 * slot);
      }
      if (links.post[slot] >= 0) {
        command.words[2] |=
            (static_cast<unsigned>(links.post[slot]) | 16U | links.post_n[slot] << 8)
            << (16 * slot);
      }
    }
    if (links.reports) {
      command.words[2] |= command.engine | 0x30U | static_cast<unsigned>(i + 1) << 8;
      command.words[3] = layout_.report_rect;
    }
    command.words[15] = pick(0, 0xffff'ffff);
  }
  while (gated > 0) {
    const unsigned n = pick(1, std::min(gated, 4U));
    program.gates.push_back({kGate, n});
    gated -= n;
  }
}

// ------------------------------------------------------------------ illegal commands

/// What never runs because of the bad command.
void ProgramMaker::bury(Program& program) {
  std::array<bool, kEngines> stuck{};
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    ProgramCommand& command = program.commands[i];
    command.dead = command.bad || stuck[command.engine];
    for (unsigned slot = 0; slot < 2 && !command.dead; ++slot) {
      const unsigned wait = command.wait(slot);
      if ((wait >> 4 & 1) == 0 || (wait & 15) >= kGate) continue;
      for (std::size_t j = 0; j < i; ++j) {
        if (!program.commands[j].dead) continue;
        for (unsigned p = 0; p < 2; ++p) {
          const unsigned post = program.commands[j].post(p);
          if ((post >> 4 & 3) == 1 && (post & 15) == (wait & 15)) command.dead = true;
        }
      }
    }
    stuck[command.engine] = stuck[command.engine] || command.dead;
  }
}

/// Make one command illegal in a way that moves nothing.
void ProgramMaker::spoil(Program& program, const World& world) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    const std::size_t index = in(0, program.commands.size() - 1);
    ProgramCommand& command = program.commands[index];
    if (command.opcode() == 0) continue;
    const ProgramCommand good = command;
    const std::uint32_t bad_address = static_cast<std::uint32_t>(layout_.unmapped.base);
    switch (pick(0, 4)) {
      case 0:  // opcode of another engine, or of none
        command.words[0] = (command.words[0] & ~255U) | pick(0x50, 0xff);
        break;
      case 1:  // context of another engine
        command.words[0] = (command.words[0] & ~0x700U) | pick(0, 7) << 8;
        break;
      case 2:  // base not a multiple of 8, or far outside
        command.words[5 + pick(0, 3)] = chance(0.5) ? pick(0, 0x3'0000) | 4U : 0x0100'0000U;
        break;
      case 3:  // global address beyond 56 bits
        if (command.engine < 2) command.words[command.engine == 0 ? 6 : 8] |= 0x0100'0000U;
        break;
      default:  // unmapped memory
        if (command.engine < 2) {
          command.words[command.engine == 0 ? 5 : 7] = bad_address + layout_.unmapped.bytes / 2;
          command.words[command.engine == 0 ? 6 : 8] = 0;
        }
        break;
    }
    // Half of a chain would wait for ever.
    const auto& rows = program.contexts[command.context()];
    if ((command.engine == 2 && (rows[0][0] >> 16 & 3) != 0) ||
        (command.engine == 3 && ((rows[1][8] >> 14 & 1) != 0 || (rows[1][11] >> 20 & 1) != 0))) {
      command = good;
      continue;
    }
    Program alone;
    alone.contexts = program.contexts;
    alone.commands = {command};
    World after = world;
    const Outcome outcome = execute(alone, after)[0];
    if (outcome.error != CmdError::Ok && after.spm == world.spm && after.memory == world.memory &&
        after.multicast == world.multicast) {
      command.bad = true;
      for (std::size_t i = index + 1; i < program.commands.size(); ++i) {
        if (program.commands[i].engine == command.engine)
          program.commands[i].words[0] &= ~(1U << 12);
      }
      bury(program);
      return;
    }
    command = good;
  }
}

// ------------------------------------------------------------------ programs

Program ProgramMaker::make(const World& world, unsigned number, bool failing) {
  roll_contexts(world, number == 0);
  Program program;
  program.number = number;
  program.contexts = contexts_;
  links_.clear();
  semaphores_ = {};
  const std::size_t size = in(5, 20);
  for (int attempt = 0; attempt < 200 && program.commands.size() < size; ++attempt) {
    static constexpr Lane kMix[] = {Lane::Rdma, Lane::Wdma, Lane::Me,   Lane::Me,
                                    Lane::Ve,   Lane::Ve,   Lane::Tdma, Lane::Tdma};
    const Lane lane = kMix[in(0, 7)];
    if (chance(0.04)) {
      ProgramCommand nop;
      nop.engine = static_cast<unsigned>(lane);
      append(program, {nop});
      continue;
    }
    const unsigned slot = pick(0, 2);
    const Shape& shape = lane == Lane::Me     ? me_[slot]
                         : lane == Lane::Ve   ? ve_[slot]
                         : lane == Lane::Tdma ? tdma_[in(0, 1)]
                                              : dma_[static_cast<unsigned>(lane)][in(0, 4)];
    const auto first = instance(shape);
    if (!first) continue;
    if (shape.mate < 0) {
      append(program, {*first});
      continue;
    }
    if (failing || program.commands.size() + 2 > 20) continue;
    const auto second = instance(lane == Lane::Me ? ve_[slot] : me_[slot]);
    if (!second || conflict(first->spans, second->spans)) continue;
    const bool me_first = shape.mate == static_cast<int>(Chain::MeToVe);
    if ((lane == Lane::Me) == me_first) {
      append(program, {*first, *second});
    } else {
      append(program, {*second, *first});
    }
  }
  finish(program);
  if (failing) spoil(program, world);
  return program;
}

}  // namespace tsr::tb
