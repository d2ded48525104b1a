// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"

#include <fmt/format.h>

namespace tsr::check {

std::string Command::name() const {
  static const char* const kNames[] = {"read DMA engine", "write DMA engine", "matrix engine",
                                       "vector engine", "layout engine"};
  return fmt::format("{}, command {} (started in cycle {})",
                     kNames[static_cast<unsigned>(engine) % kEngines], id(), start);
}

std::string Ending::to_string() const {
  if (error == 0) return info == 0 ? "success" : fmt::format("success with info {}", info);
  return fmt::format("error {} (info {}, address {:#x})", error, info, address);
}

std::uint64_t lane_mask(std::uint8_t strobe) {
  if (strobe == 0xff) return ~0ULL;
  std::uint64_t mask = 0;
  for (unsigned i = 0; i < 8; ++i) mask |= (strobe >> i & 1U) != 0 ? 0xffULL << (8 * i) : 0;
  return mask;
}

void Scratchpad::apply(const SpmWrite& write) {
  for (unsigned lane = 0; lane < 8; ++lane) {
    const auto strobe = static_cast<std::uint8_t>(write.strobe >> (8 * lane));
    if (strobe == 0 || write.offset[lane] + 8 > bytes.size()) continue;
    std::uint64_t word = write.data[lane];
    if (strobe != 0xff) {
      std::uint64_t old;
      std::memcpy(&old, &bytes[write.offset[lane]], 8);
      const std::uint64_t mask = lane_mask(strobe);
      word = (old & ~mask) | (word & mask);
    }
    std::memcpy(&bytes[write.offset[lane]], &word, 8);
  }
}

std::string compare(const SpmWrite& expected, const SpmWrite& got, ByteDifference* value) {
  if (expected.strobe != got.strobe) {
    return fmt::format("offset {:#x}: byte strobes: expected {:#018x}, got {:#018x}",
                       expected.offset[0], expected.strobe, got.strobe);
  }
  for (unsigned lane = 0; lane < 8; ++lane) {
    const auto strobe = static_cast<std::uint8_t>(expected.strobe >> (8 * lane));
    if (strobe == 0) continue;
    if (expected.offset[lane] != got.offset[lane]) {
      return fmt::format("lane {}: scratchpad offset: expected {:#x}, got {:#x}", lane,
                         expected.offset[lane], got.offset[lane]);
    }
    const std::uint64_t wrong = (expected.data[lane] ^ got.data[lane]) & lane_mask(strobe);
    if (wrong == 0) continue;
    const auto byte = static_cast<unsigned>(__builtin_ctzll(wrong)) / 8;
    const ByteDifference found{8 * lane + byte, expected.offset[lane] + byte,
                               static_cast<std::uint8_t>(expected.data[lane] >> (8 * byte)),
                               static_cast<std::uint8_t>(got.data[lane] >> (8 * byte))};
    if (value != nullptr) *value = found;
    return fmt::format("scratchpad offset {:#x} (lane {}, byte {}): expected {:#04x}, got {:#04x}",
                       found.offset, lane, byte, found.expected, found.got);
  }
  return "";
}

unsigned consecutive(std::uint32_t offset, const std::uint8_t* data, std::uint64_t valid,
                     std::size_t spm_bytes, std::array<SpmWrite, 2>& out) {
  const unsigned skew = offset % 8;
  std::array<std::uint8_t, 128> shifted{};
  std::memcpy(&shifted[skew], data, 64);
  const std::array<std::uint64_t, 2> strobes{valid << skew, skew == 0 ? 0 : valid >> (64 - skew)};
  unsigned count = 0;
  for (unsigned half = 0; half < 2; ++half) {
    SpmWrite& write = out[count];
    write = {};
    write.writer = SpmWriter::Rdma;
    write.strobe = strobes[half];
    std::memcpy(write.data.data(), &shifted[64 * half], 64);
    for (unsigned lane = 0; lane < 8; ++lane) {
      write.offset[lane] = (offset - skew + 64 * half + 8 * lane) & engines::kSpmAddressMask;
      if (write.offset[lane] + 8 > spm_bytes) write.strobe &= ~(0xffULL << (8 * lane));
    }
    if (write.strobe != 0) ++count;
  }
  return count;
}

}  // namespace tsr::check
