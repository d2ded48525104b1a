// SPDX-License-Identifier: Apache-2.0
/// First and last error of a node, and first and last command with format flags: rtl/tile's
/// tsr_err_log.
#pragma once

#include <cstdint>

#include "noc/flit.hpp"
#include "probe/node_probe.hpp"

namespace tsr::hart {

class ErrLog {
 public:
  // Sources beyond the engines.
  static constexpr unsigned kIncoming = 5;  ///< another node's access was refused
  static constexpr unsigned kOutgoing = 6;  ///< an access of this node was refused
  static constexpr unsigned kUnheard = 7;   ///< an answer to another node's read was not stored

  struct Entry {
    unsigned source = 0;
    unsigned code = 0;
    unsigned info = 0;
    std::uint16_t cmd = 0;
    std::uint64_t address = 0;

    /// As in ERR_FIRST.
    std::uint32_t word() const {
      return source | code << 4 | info << 8 | static_cast<std::uint32_t>(cmd) << 16;
    }
  };

  /// What ERR_STATUS is to show after an error: VALID, and OVERRUN if VALID was set before.
  std::uint32_t add(const Entry& entry, bool armed) {
    if (armed) first_ = entry;
    last_ = entry;
    return armed ? 1U : 3U;
  }
  static Entry refused(unsigned source, Err err, Node who, std::uint64_t address) {
    const auto code = static_cast<unsigned>(err);
    return {source, code, code, static_cast<std::uint16_t>(who.pack()), address};
  }
  static Entry failed(const CommandDone& done) {
    return {static_cast<unsigned>(done.engine), done.error, done.info, done.id, done.address};
  }
  const Entry& first() const { return first_; }
  const Entry& last() const { return last_; }

  /// A command of `engine` has reported NaN or overflow; `armed`: FMT_STATUS was clear.
  void add_format(Engine engine, std::uint16_t id, bool nan, bool overflow, bool armed) {
    const std::uint32_t word = static_cast<std::uint32_t>(engine) | (nan ? 16U : 0U) |
                               (overflow ? 32U : 0U) | static_cast<std::uint32_t>(id) << 16;
    if (armed) format_first_ = word;
    format_last_ = word;
  }
  /// FMT_FIRST, FMT_LAST.
  std::uint32_t format_first() const { return format_first_; }
  std::uint32_t format_last() const { return format_last_; }

 private:
  Entry first_, last_;
  std::uint32_t format_first_ = 0, format_last_ = 0;
};

}  // namespace tsr::hart
