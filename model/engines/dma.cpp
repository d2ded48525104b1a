// SPDX-License-Identifier: Apache-2.0
#include "engines/dma.hpp"

#include <algorithm>

namespace tsr::engines {
namespace {

constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << 56) - 1;
constexpr std::uint32_t kMaxCount = 1U << 20;
constexpr std::uint8_t kErrUnmapped = 1;

/// Offset of element `index` from the base of its side.
std::int64_t element_offset(std::uint64_t index, const std::array<std::int32_t, 3>& stride,
                            const std::array<std::uint16_t, 3>& iter) {
  const std::uint64_t i0 = index % iter[0];
  const std::uint64_t i1 = index / iter[0] % iter[1];
  const std::uint64_t i2 = index / iter[0] / iter[1];
  return static_cast<std::int64_t>(i0) * stride[0] + static_cast<std::int64_t>(i1) * stride[1] +
         static_cast<std::int64_t>(i2) * stride[2];
}

std::uint64_t total(const std::array<std::uint16_t, 3>& iter) {
  return std::uint64_t{iter[0]} * iter[1] * iter[2];
}

DmaOutcome failed(CmdError error, std::uint64_t address = 0, std::uint8_t info = 0) {
  DmaOutcome outcome;
  outcome.error = error;
  outcome.address = address;
  outcome.info = info;
  return outcome;
}

/// Checks that need no element: the order is that of the hardware.
DmaOutcome check_command(const DmaCommand& command, const DmaConfig& config, bool has_source,
                         bool multicast, bool global_used, std::uint64_t global) {
  if (config.count == 0 || total(config.dst_iter) == 0 ||
      (has_source && total(config.src_iter) == 0)) {
    return failed(CmdError::Zero);
  }
  if (config.count > kMaxCount) return failed(CmdError::Context);
  if (multicast && (command.x0 > command.x1 || command.y0 > command.y1)) {
    return failed(CmdError::Context);
  }
  if (has_source && total(config.src_iter) != total(config.dst_iter)) {
    return failed(CmdError::Shape);
  }
  if (global_used && (global >> 56) != 0) {
    return failed(CmdError::Bus, global & kAddressMask, kErrUnmapped);
  }
  return {};
}

bool in_scratchpad(std::uint32_t offset, std::uint32_t count, std::size_t spm_bytes) {
  return std::uint64_t{offset} + count <= spm_bytes;
}

std::uint8_t pattern_byte(std::uint32_t pattern, std::uint64_t address) {
  return static_cast<std::uint8_t>(pattern >> (8 * (address % 4)));
}

std::uint64_t join(std::uint32_t low, std::uint32_t high) {
  return std::uint64_t{high} << 32 | low;
}

}  // namespace

DmaCommand DmaCommand::from_words(const Words& words) {
  DmaCommand c;
  c.op = static_cast<std::uint8_t>(words[0]);
  c.context = static_cast<std::uint8_t>((words[0] >> 8) & 7U);
  c.id = static_cast<std::uint16_t>(words[0] >> 16);
  c.x0 = static_cast<std::uint8_t>(words[4] & 63U);
  c.y0 = static_cast<std::uint8_t>((words[4] >> 8) & 63U);
  c.x1 = static_cast<std::uint8_t>((words[4] >> 16) & 63U);
  c.y1 = static_cast<std::uint8_t>((words[4] >> 24) & 63U);
  for (std::size_t i = 0; i < 4; ++i) c.arg[i] = words[5 + i];
  c.pattern = words[9];
  return c;
}

DmaCommand::Words DmaCommand::to_words() const {
  Words words{};
  words[0] = op | (context & 7U) << 8 | (overlap ? 1U << 12 : 0U) | std::uint32_t{id} << 16;
  words[4] = x0 | std::uint32_t{y0} << 8 | std::uint32_t{x1} << 16 | std::uint32_t{y1} << 24;
  for (std::size_t i = 0; i < 4; ++i) words[5 + i] = arg[i];
  words[9] = pattern;
  return words;
}

DmaConfig DmaConfig::from_words(const Words& words) {
  DmaConfig c;
  c.count = words[0];
  for (std::size_t i = 0; i < 3; ++i) {
    c.src_stride[i] = static_cast<std::int32_t>(words[1 + i]);
    c.dst_stride[i] = static_cast<std::int32_t>(words[4 + i]);
    // Six half words from word 7 on.
    const auto half = [&](std::size_t n) {
      return static_cast<std::uint16_t>(words[7 + n / 2] >> (16 * (n % 2)));
    };
    c.src_iter[i] = half(i);
    c.dst_iter[i] = half(3 + i);
  }
  c.timeout = words[10];
  return c;
}

DmaConfig::Words DmaConfig::to_words() const {
  Words words{};
  words[0] = count;
  for (std::size_t i = 0; i < 3; ++i) {
    words[1 + i] = static_cast<std::uint32_t>(src_stride[i]);
    words[4 + i] = static_cast<std::uint32_t>(dst_stride[i]);
  }
  words[7] = src_iter[0] | std::uint32_t{src_iter[1]} << 16;
  words[8] = src_iter[2] | std::uint32_t{dst_iter[0]} << 16;
  words[9] = dst_iter[1] | std::uint32_t{dst_iter[2]} << 16;
  words[10] = timeout;
  return words;
}

DmaOutcome run_rdma(const DmaCommand& command, const DmaConfig& config, std::size_t spm_bytes,
                    const DmaReadFn& read) {
  if (command.op == static_cast<std::uint8_t>(DmaOp::Nop)) return {};
  const bool fill = command.op == static_cast<std::uint8_t>(DmaOp::SpmFill);
  const bool spread = command.op == static_cast<std::uint8_t>(DmaOp::Spread);
  if (!fill && !spread && command.op != static_cast<std::uint8_t>(DmaOp::Read)) {
    return failed(CmdError::Opcode);
  }
  const std::uint64_t src_base = join(command.arg[0], command.arg[1]);
  DmaOutcome outcome = check_command(command, config, !fill, spread, !fill, src_base);
  if (outcome.error != CmdError::Ok) return outcome;

  for (std::uint64_t e = 0; e < total(config.dst_iter); ++e) {
    const auto dst = static_cast<std::uint32_t>(
        command.arg[2] + element_offset(e, config.dst_stride, config.dst_iter));
    if (!in_scratchpad(dst, config.count, spm_bytes)) {
      outcome.error = CmdError::Range;
      outcome.address = dst;
      return outcome;
    }
    DmaWrite write{dst, std::vector<std::uint8_t>(config.count)};
    if (fill) {
      for (std::uint32_t i = 0; i < config.count; ++i) {
        write.data[i] = pattern_byte(command.pattern, dst + i);
      }
    } else {
      const std::uint64_t src = src_base + static_cast<std::uint64_t>(element_offset(
                                               e, config.src_stride, config.src_iter));
      std::uint32_t done = 0;
      while (done < config.count) {
        const std::uint64_t at = (src + done) & kAddressMask;
        const auto part = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(256 - at % 256, config.count - done));
        const std::uint8_t info = read(at, write.data.data() + done, part);
        if (info != 0) {
          outcome.error = CmdError::Bus;
          outcome.info = info;
          outcome.address = at;
          return outcome;
        }
        done += part;
      }
    }
    outcome.bytes += config.count;
    outcome.writes.push_back(std::move(write));
  }
  return outcome;
}

DmaOutcome run_wdma(const DmaCommand& command, const DmaConfig& config, const std::uint8_t* spm,
                    std::size_t spm_bytes, const DmaCheckFn& check) {
  if (command.op == static_cast<std::uint8_t>(DmaOp::Nop)) return {};
  const bool fill = command.op == static_cast<std::uint8_t>(DmaOp::Fill);
  const bool multicast = command.op == static_cast<std::uint8_t>(DmaOp::Multicast);
  if (!fill && !multicast && command.op != static_cast<std::uint8_t>(DmaOp::Write)) {
    return failed(CmdError::Opcode);
  }
  const std::uint64_t dst_base = join(command.arg[2], multicast ? 0 : command.arg[3]);
  const std::uint64_t dst_mask = multicast ? 0xffffffffU : kAddressMask;
  DmaOutcome outcome = check_command(command, config, !fill, multicast, !multicast, dst_base);
  if (outcome.error != CmdError::Ok) return outcome;

  for (std::uint64_t e = 0; e < total(config.dst_iter); ++e) {
    const std::uint64_t dst = dst_base + static_cast<std::uint64_t>(
                                             element_offset(e, config.dst_stride, config.dst_iter));
    std::uint32_t src = 0;
    if (!fill) {
      src = static_cast<std::uint32_t>(command.arg[0] +
                                       element_offset(e, config.src_stride, config.src_iter));
      if (!in_scratchpad(src, config.count, spm_bytes)) {
        outcome.error = CmdError::Range;
        outcome.address = src;
        return outcome;
      }
    }
    std::uint32_t done = 0;
    while (done < config.count) {
      const std::uint64_t at = (dst + done) & dst_mask;
      const auto part =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(64 - at % 64, config.count - done));
      const std::uint8_t info = check && !multicast ? check(at, part) : std::uint8_t{0};
      if (info != 0) {
        outcome.error = CmdError::Bus;
        outcome.info = info;
        outcome.address = at & ~std::uint64_t{63};
        return outcome;
      }
      DmaWrite write{at, std::vector<std::uint8_t>(part)};
      for (std::uint32_t i = 0; i < part; ++i) {
        write.data[i] = fill ? pattern_byte(command.pattern, at + i) : spm[src + done + i];
      }
      outcome.writes.push_back(std::move(write));
      outcome.bytes += part;
      done += part;
    }
  }
  return outcome;
}

}  // namespace tsr::engines
