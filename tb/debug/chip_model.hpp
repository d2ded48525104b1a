// SPDX-License-Identifier: Apache-2.0
/// What the debug module reaches, as a model: the debug registers of every node, and memory.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

namespace tsr::tb {

/// A core and the registers of its node, as far as a debugger sees them (docs/regs/tile.md).
struct CoreModel {
  bool run = true;
  bool halted = false;
  bool halt_request = false;  ///< waits for the core to leave reset
  bool refuses = false;       ///< DBG_LOCK
  unsigned busy_reads = 0;    ///< how often DBG_STATUS will show BUSY after a command
  unsigned busy = 0;
  bool error = false;
  unsigned starts = 0, steps = 0, resumes = 0;
  std::uint32_t data = 0;
  std::array<std::uint32_t, 32> x{};
  std::uint32_t pc = 0;
  std::map<unsigned, std::uint32_t> csr;  ///< those that exist
  std::array<std::uint32_t, 8> window{};

  void set_run(bool value) {
    if (value && !run) {
      ++starts;
      halted = halt_request;
      halt_request = false;
    }
    if (!value) halted = false;
    run = value;
  }

  void control(std::uint32_t value) {
    if ((value & 1U) != 0) (run ? halted : halt_request) = true;
    if (!halted) return;
    if ((value & 2U) != 0) {
      ++resumes;
      halted = false;
    }
    if ((value & 4U) != 0) ++steps;
  }

  void command(std::uint32_t value) {
    const unsigned number = value & 0xffffU;
    const bool write = (value >> 17 & 1U) != 0;
    busy = busy_reads;
    error = !halted;
    if (error) return;
    std::uint32_t* place = nullptr;
    if (number < 32) place = &x[number];
    if (number == 32) place = &pc;
    if (number >= 0x1000 && csr.count(number - 0x1000) != 0) place = &csr[number - 0x1000];
    error = place == nullptr;
    if (error) return;
    if (!write)
      data = *place;
    else if (number != 0)
      *place = data;
  }

  std::uint32_t status() {
    const std::uint32_t value = (halted ? 1U : 0U) | (busy != 0 ? 2U : 0U) | (error ? 4U : 0U);
    if (busy != 0) --busy;
    return value;
  }

  /// A word at a node-local register address; nothing if it refuses.
  std::optional<std::uint32_t> load(std::uint32_t offset) {
    switch (offset) {
      case 0x004:
        return run ? 1U : 0U;
      case 0x1a4:
        return status();
      case 0x1a8:
      case 0x1ac:
        return 0xdead'beefU;
      case 0x1b0:
        return data;
      default:
        if (offset >= 0xd0 && offset < 0xf0) return window[(offset - 0xd0) / 4];
        return std::nullopt;
    }
  }

  bool store(std::uint32_t offset, std::uint32_t value) {
    if (offset >= 0x1a0 && offset <= 0x1b0 && refuses) return false;
    switch (offset) {
      case 0x004:
        set_run((value & 1U) != 0);
        return true;
      case 0x1a0:
        control(value);
        return true;
      case 0x1a8:
        command(value);
        return true;
      case 0x1b0:
        data = value;
        return true;
      default:
        return false;
    }
  }
};

/// All nodes, and memory by global address.
struct ChipModel {
  std::map<unsigned, CoreModel> cores;  ///< by node y * 64 + x
  std::map<std::uint64_t, std::uint8_t> memory;
  std::uint64_t bad_from = ~0ULL;  ///< memory from here on answers with errors

  static constexpr std::uint64_t kNodeSpace = 1ULL << 52;
  static constexpr std::uint32_t kRegs = 0x2'0000;

  std::uint8_t byte(std::uint64_t address) const {
    const auto at = memory.find(address);
    return at == memory.end() ? static_cast<std::uint8_t>(address * 37 >> 3) : at->second;
  }

  /// Read or write the bytes of a mask of one block; false: an error.
  bool access(bool write, std::uint64_t block, std::uint64_t mask,
              std::array<std::uint8_t, 64>& data) {
    const auto local = static_cast<std::uint32_t>(block);
    const bool registers = (block >> 52) == 1 && local >= kRegs && local < kRegs + 0x1000;
    if (!registers && block >= bad_from) return false;
    if (!registers) {
      for (unsigned i = 0; i < 64; ++i) {
        if ((mask >> i & 1U) == 0) continue;
        if (write)
          memory[block + i] = data[i];
        else
          data[i] = byte(block + i);
      }
      return true;
    }
    const auto core = cores.find(static_cast<unsigned>(block >> 32 & 0xfffU));
    if (core == cores.end()) return false;
    for (unsigned word = 0; word < 16; ++word) {
      if ((mask >> 4 * word & 15U) == 0) continue;
      std::uint32_t value = 0;
      for (unsigned i = 0; i < 4; ++i)
        value |= static_cast<std::uint32_t>(data[4 * word + i]) << 8 * i;
      const std::uint32_t offset = local - kRegs + 4 * word;
      if (write) {
        if (!core->second.store(offset, value)) return false;
        continue;
      }
      const auto loaded = core->second.load(offset);
      if (!loaded) return false;
      for (unsigned i = 0; i < 4; ++i)
        data[4 * word + i] = static_cast<std::uint8_t>(*loaded >> 8 * i);
    }
    return true;
  }
};

}  // namespace tsr::tb
