// SPDX-License-Identifier: Apache-2.0
#include "tile/program.hpp"

#include <fmt/format.h>

#include <cstring>

#include "engines/tdma.hpp"

namespace tsr::tb {

namespace {

using engines::CmdError;

constexpr std::uint8_t kUnmapped = 1;

Outcome outcome(CmdError error, std::uint64_t address = 0, unsigned info = 0) {
  Outcome out;
  out.error = error;
  out.address = address;
  out.info = info;
  return out;
}

/// Byte of the own scratchpad behind a global address, or nullptr.
std::uint8_t* own_byte(World& world, std::uint64_t address) {
  const std::uint64_t offset = address - world.own_spm;
  return offset < world.spm.size() ? &world.spm[offset] : nullptr;
}

Outcome run_dma(const Program& program, const ProgramCommand& command, World& world) {
  const auto dma = engines::DmaCommand::from_words(command.words);
  const bool read = command.engine == 0;
  const auto config =
      engines::DmaConfig::from_words(program.contexts[command.context()][read ? 5 : 6]);
  const auto bad = [&world](std::uint64_t address) {
    return world.bad_blocks.count(address & ~std::uint64_t{63}) != 0;
  };
  if (read) {
    const auto result = engines::run_rdma(
        dma, config, world.spm.size(),
        [&](std::uint64_t address, std::uint8_t* data, std::size_t bytes) -> std::uint8_t {
          if (bad(address)) return kUnmapped;
          for (std::size_t i = 0; i < bytes; ++i) {
            const auto it = world.memory.find(address + i);
            const std::uint8_t* own = own_byte(world, address + i);
            data[i] = own != nullptr             ? *own
                      : it == world.memory.end() ? std::uint8_t{0}
                                                 : it->second;
          }
          return 0;
        });
    for (const auto& write : result.writes) {
      std::copy(write.data.begin(), write.data.end(),
                world.spm.begin() + static_cast<std::ptrdiff_t>(write.address));
    }
    return outcome(result.error, result.address, result.info);
  }
  const auto result = engines::run_wdma(dma, config, world.spm.data(), world.spm.size(),
                                        [&](std::uint64_t address, std::size_t) -> std::uint8_t {
                                          return bad(address) ? kUnmapped : std::uint8_t{0};
                                        });
  const bool multicast = dma.op == static_cast<std::uint8_t>(engines::DmaOp::Multicast);
  for (const auto& write : result.writes) {
    for (std::size_t i = 0; i < write.data.size(); ++i) {
      const std::uint64_t address = write.address + i;
      std::uint8_t* own = multicast ? nullptr : own_byte(world, address);
      if (own != nullptr) {
        *own = write.data[i];
      } else {
        (multicast ? world.multicast : world.memory)[address] = write.data[i];
      }
    }
  }
  return outcome(result.error, result.address, result.info);
}

Outcome run_me(const Program& program, const ProgramCommand& command, World& world,
               engines::MeChain* chain) {
  const auto job = engines::MeJob::from_words(program.contexts[command.context()], command.words);
  const auto result = engines::run_gemm(job, world.spm, chain);
  Outcome out = outcome(result.error, result.address);
  out.nan = result.nan;
  out.overflow = result.overflow;
  return out;
}

engines::VeResult run_ve(const Program& program, const ProgramCommand& command, World& world,
                         const std::vector<engines::VeBeat>& chain) {
  const auto& rows = program.contexts[command.context()];
  engines::VeContext context;
  context.stages = rows[0];
  context.io = rows[1];
  for (unsigned i = 0; i < 3; ++i) context.in[i] = rows[2 + i];
  for (unsigned i = 0; i < 2; ++i) context.out[i] = rows[5 + i];
  engines::VeCommand args;
  for (unsigned i = 0; i < 5; ++i) {
    args.base[i] = command.words[5 + i];
    args.constant[i] = command.words[10 + i];
  }
  auto result = engines::ve_run(context, args, world.spm, chain);
  engines::ve_apply(result, world.spm);
  return result;
}

Outcome run_tdma(const Program& program, const ProgramCommand& command, World& world) {
  const auto& rows = program.contexts[command.context()];
  engines::TdmaCommand tdma;
  tdma.op = static_cast<std::uint8_t>(command.opcode());
  tdma.src = command.words[5];
  tdma.dst = command.words[6];
  tdma.index = command.words[7];
  tdma.pattern = command.words[9];
  tdma.tdma = rows[0];
  const bool transpose = tdma.op == static_cast<std::uint8_t>(engines::TdmaOp::Transpose);
  tdma.rd = transpose ? rows[1] : rows[3];
  tdma.wr = rows[2];
  const auto result = engines::tdma_run(tdma, world.spm);
  return outcome(result.error, result.address);
}

Outcome outcome(const engines::VeResult& result) {
  Outcome out = outcome(result.error, result.address);
  out.nan = result.nan;
  out.overflow = result.overflow;
  return out;
}

/// Opcode of the engine's own, not counting Nop.
bool own_opcode(const ProgramCommand& command) {
  const unsigned op = command.opcode();
  return command.engine == 2 ? op == 0x21 : op == 0x31;
}

}  // namespace

const char* engine_name(unsigned engine) {
  static constexpr const char* kNames[kEngines] = {"RDMA", "WDMA", "ME", "VE", "TDMA"};
  return kNames[engine];
}

bool conflict(const Span& x, const Span& y) {
  return x.memory == y.memory && (x.write || y.write) && x.begin < y.end && y.begin < x.end;
}

bool conflict(const std::vector<Span>& x, const std::vector<Span>& y) {
  for (const Span& a : x) {
    for (const Span& b : y) {
      if (conflict(a, b)) return true;
    }
  }
  return false;
}

std::string Program::describe() const {
  std::string text = fmt::format("program {}:", number);
  for (const Gate& gate : gates) {
    text += fmt::format("\n  bench posts {} to semaphore {}", gate.n, gate.semaphore);
  }
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const ProgramCommand& c = commands[i];
    text += fmt::format("\n  {:2} {:4} id {:#06x} op {:#04x} ctx {}{}{}", i, engine_name(c.engine),
                        c.id(), c.opcode(), c.context(), c.overlap() ? " overlap" : "",
                        c.bad    ? " BAD"
                        : c.dead ? " dead"
                                 : "");
    if (c.partner >= 0) text += fmt::format(" chained with {}", c.partner);
    for (unsigned slot = 0; slot < 2; ++slot) {
      const unsigned w = c.wait(slot);
      if ((w >> 4 & 1) != 0) text += fmt::format(" wait s{}-{}", w & 15, w >> 8);
    }
    for (unsigned slot = 0; slot < 2; ++slot) {
      const unsigned p = c.post(slot);
      if ((p >> 4 & 3) == 1) text += fmt::format(" post s{}+{}", p & 15, p >> 8);
    }
    for (const Span& s : c.spans) {
      text += fmt::format(" {}{}[{:#x},{:#x})", s.write ? "W" : "R", s.memory ? "mem" : "", s.begin,
                          s.end);
    }
  }
  return text;
}

std::string Program::writer(bool memory, std::uint64_t address) const {
  for (std::size_t i = commands.size(); i-- > 0;) {
    const ProgramCommand& c = commands[i];
    for (const Span& s : c.spans) {
      if (s.write && s.memory == memory && address >= s.begin && address < s.end) {
        return fmt::format("command {} ({} id {:#06x})", i, engine_name(c.engine), c.id());
      }
    }
  }
  return "nobody";
}

std::pair<Outcome, Outcome> execute(const Program& program, std::size_t index, World& world) {
  const ProgramCommand& command = program.commands[index];
  if (command.opcode() == 0) return {};
  if (command.engine < 2) return {run_dma(program, command, world), {}};
  if (command.engine == 4) return {run_tdma(program, command, world), {}};
  if (!own_opcode(command)) return {outcome(CmdError::Opcode), {}};
  const bool pair = command.partner > static_cast<int>(index);
  const ProgramCommand& partner = program.commands[index + (pair ? 1 : 0)];
  engines::MeChain chain;
  if (command.engine == 2) {
    const Outcome first = run_me(program, command, world, &chain);
    if (!pair) return {first, {}};
    std::vector<engines::VeBeat> beats;
    for (const auto& beat : chain.out) {
      beats.push_back({beat.data, beat.strb, beat.last, (beat.last & 32) != 0});
    }
    const auto second = run_ve(program, partner, world, beats);
    return {first, outcome(second)};
  }
  const auto first = run_ve(program, command, world, {});
  if (!pair) return {outcome(first), {}};
  for (const auto& beat : first.chain_out) chain.in.push_back({beat.data, beat.strb, beat.last});
  const Outcome second = run_me(program, partner, world, &chain);
  return {outcome(first), second};
}

std::vector<Outcome> execute(const Program& program, World& world) {
  std::vector<Outcome> outcomes(program.commands.size());
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    const ProgramCommand& command = program.commands[i];
    if ((command.dead && !command.bad) ||
        (command.partner >= 0 && command.partner < static_cast<int>(i))) {
      continue;
    }
    const auto [first, second] = execute(program, i, world);
    outcomes[i] = first;
    if (command.partner >= 0) outcomes[i + 1] = second;
  }
  return outcomes;
}

}  // namespace tsr::tb
