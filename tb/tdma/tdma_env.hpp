// SPDX-License-Identifier: Apache-2.0
/// Surroundings of the layout engine on a bench: command source, context store, scratchpad ports.
/// Every ready and every gap can stall at random.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "engines/tdma.hpp"

namespace tsr::tb {

/// Bits [low, low + width) of a Verilator vector, width <= 64.
template <class Wide>
std::uint64_t bits_of(const Wide& words, unsigned low, unsigned width) {
  unsigned __int128 value = 0;
  for (unsigned i = 0; i < 3 && low / 32 + i <= (low + width - 1) / 32; ++i) {
    value |= static_cast<unsigned __int128>(words[low / 32 + i]) << (32 * i);
  }
  value >>= low % 32;
  return static_cast<std::uint64_t>(value) & (width == 64 ? ~0ULL : (1ULL << width) - 1);
}

/// Write 64 bits at bit `low`.
template <class Wide>
void put_word(Wide& words, unsigned low, std::uint64_t value) {
  const unsigned shift = low % 32;
  const auto mask = ~static_cast<unsigned __int128>(0) >> 64 << shift;
  const auto wide = static_cast<unsigned __int128>(value) << shift;
  for (unsigned i = 0; i < 3; ++i) {
    const auto m = static_cast<std::uint32_t>(mask >> (32 * i));
    if (m == 0) continue;
    auto& word = words[low / 32 + i];
    word = (word & ~m) | static_cast<std::uint32_t>(wide >> (32 * i));
  }
}

/// TSR_SCALE multiplies the number of random commands.
inline unsigned scale_from_env() {
  const char* text = std::getenv("TSR_SCALE");
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 0)) : 1;
}

struct TdmaDone {
  std::uint16_t id = 0;
  engines::CmdError error = engines::CmdError::Ok;
  unsigned info = 0;
  std::uint64_t address = 0;
  std::uint64_t cycle = 0;
};

/// Queued command: its words, and the rows that its context gets when it is offered.
struct TdmaQueued {
  std::array<std::uint32_t, 16> words{};
  std::array<engines::ContextRow, 4> rows{};
};

/// Command source and context store.
template <class Model>
class TdmaHost {
 public:
  explicit TdmaHost(Model& dut) : dut_(dut) {
    dut.ctx_req_ready_i = 1;
    dut.ctx_rsp_valid_i = 0;
    dut.cmd_valid_i = 0;
    dut.abort_i = 0;
  }

  // What the bench sets.
  std::deque<TdmaQueued> commands;
  double context_stall = 0;
  double command_gap = 0;
  std::mt19937_64 rng{1};

  // What it sees.
  std::vector<TdmaDone> done;
  std::array<std::uint64_t, 8> state_cycles{};
  std::uint64_t ops = 0;
  std::uint64_t cycle = 0;
  std::uint64_t offered = 0;  ///< cycle in which the last command was first offered

  void push(const engines::TdmaCommand& command, unsigned context, std::uint16_t id) {
    commands.push_back({command.to_words(context, id), command.context_rows()});
  }

  void before_edge() {
    ctx_accepted_ = dut_.ctx_req_valid_o != 0 && dut_.ctx_req_ready_i != 0;
    ctx_row_ = dut_.ctx_row_o;
    cmd_accepted_ = dut_.cmd_valid_i != 0 && dut_.cmd_ready_o != 0;
    if (bits_of(dut_.done_o, 79, 1) != 0) {
      done.push_back({static_cast<std::uint16_t>(bits_of(dut_.done_o, 63, 16)),
                      static_cast<engines::CmdError>(bits_of(dut_.done_o, 59, 4)),
                      static_cast<unsigned>(bits_of(dut_.done_o, 56, 3)),
                      bits_of(dut_.done_o, 0, 56), cycle});
    }
    ++state_cycles[dut_.state_o & 7];
    ops += dut_.ops_o;
  }

  void after_edge() {
    ++cycle;
    dut_.ctx_rsp_valid_i = ctx_accepted_ ? 1 : 0;
    if (ctx_accepted_) std::memcpy(&dut_.ctx_rsp_data_i[0], rows_[ctx_row_].data(), 64);
    dut_.ctx_req_ready_i = chance(context_stall) ? 0 : 1;
    if (cmd_accepted_) {
      commands.pop_front();
      dut_.cmd_valid_i = 0;
    }
    if (dut_.cmd_valid_i == 0 && !commands.empty() && !chance(command_gap)) {
      const TdmaQueued& next = commands.front();
      const unsigned context = (next.words[0] >> 8) & 7;
      for (unsigned i = 0; i < 4; ++i) rows_[8 * context + i] = next.rows[i];
      for (unsigned i = 0; i < 16; ++i) dut_.cmd_i[i] = next.words[i];
      dut_.cmd_valid_i = 1;
      offered = cycle;
    }
  }

  /// Take the offered command away, as a flushed queue does.
  void withdraw() {
    dut_.cmd_valid_i = 0;
    commands.clear();
  }

  bool chance(double probability) {
    return probability > 0 && std::uniform_real_distribution<double>(0, 1)(rng) < probability;
  }

 private:
  Model& dut_;
  std::array<engines::ContextRow, 64> rows_{};
  bool ctx_accepted_ = false;
  bool cmd_accepted_ = false;
  unsigned ctx_row_ = 0;
};

/// Scratchpad behind the two ports, one access a cycle on each; out-of-range lanes are errors.
template <class Model>
class TdmaSpm {
 public:
  TdmaSpm(Model& dut, std::size_t bytes) : spm(bytes), dut_(dut) {
    dut.spm_ready_i = 3;
    dut.spm_rsp_valid_i = 0;
  }

  std::vector<std::uint8_t> spm;
  std::array<double, 2> stall{};  // probability that a port is not ready in a cycle
  std::mt19937_64 rng{2};
  std::string problem;  // first broken rule of the ports
  std::uint64_t reads = 0, writes = 0;
  std::uint64_t cycle = 0;

  void before_edge() {
    for (unsigned p = 0; p < 2; ++p) {
      check_held(p);
      accepted_[p] = ((dut_.spm_valid_o & dut_.spm_ready_i) >> p & 1) != 0;
      if (accepted_[p]) access(p);
    }
  }

  void after_edge() {
    ++cycle;
    unsigned valid = 0, ready = 0;
    for (unsigned p = 0; p < 2; ++p) {
      if (accepted_[p]) {
        valid |= 1U << p;
        for (unsigned l = 0; l < 8; ++l) {
          std::uint64_t word = 0;
          std::memcpy(&word, &response_[p][8 * l], 8);
          put_word(dut_.spm_rsp_i, kRsp * p + 64 * l, word);
        }
        auto& word = dut_.spm_rsp_i[(kRsp * p + 512) / 32];
        const unsigned bit = (kRsp * p + 512) % 32;
        word = (word & ~(1U << bit)) | (error_[p] ? 1U << bit : 0U);
      }
      const bool stalls =
          stall[p] > 0 && std::uniform_real_distribution<double>(0, 1)(rng) < stall[p];
      ready |= stalls ? 0U : 1U << p;
    }
    dut_.spm_rsp_valid_i = valid;
    dut_.spm_ready_i = ready;
  }

 private:
  static constexpr unsigned kReq = 640;  // bits of spm_req_t, spm_rsp_t
  static constexpr unsigned kRsp = 544;

  using Request = std::array<std::uint64_t, 10>;

  Request request(unsigned p) const {
    Request words{};
    for (unsigned i = 0; i < 9; ++i) words[i] = bits_of(dut_.spm_req_o, kReq * p + 64 * i, 64);
    words[9] = bits_of(dut_.spm_req_o, kReq * p + 576, 47);
    return words;
  }

  void fail(const std::string& what) {
    if (problem.empty()) problem = what + " in cycle " + std::to_string(cycle);
  }

  /// A request that waits must stay as it is.
  void check_held(unsigned p) {
    const bool valid = ((dut_.spm_valid_o >> p) & 1) != 0;
    const bool ready = ((dut_.spm_ready_i >> p) & 1) != 0;
    if (waiting_[p] && (!valid || request(p) != held_[p])) {
      fail("port " + std::to_string(p) + " changed a waiting request");
    }
    waiting_[p] = valid && !ready;
    if (waiting_[p]) held_[p] = request(p);
  }

  void access(unsigned p) {
    const Request req = request(p);
    const std::uint64_t strb = req[8];
    const auto pitch = static_cast<std::uint32_t>(req[9] & 0x3fffff);
    const auto base = static_cast<std::uint32_t>(req[9] >> 22 & 0x3fffff);
    const auto width = 1U << (req[9] >> 44 & 3);
    const bool write = (req[9] >> 46 & 1) != 0;
    if (write != (p == 1)) fail("wrong direction");
    if (base % 8 != 0 || pitch % 8 != 0) fail("misaligned request");
    response_[p].fill(0);
    error_[p] = false;
    ++(write ? writes : reads);
    for (unsigned l = 0; l < 8; ++l) {
      const unsigned lane_strb = (strb >> (8 * l)) & 0xff;
      if (lane_strb == 0) continue;
      const std::uint32_t at =
          (base + (l / width) * pitch + (l % width) * 8) & engines::kSpmAddressMask;
      if (at + 8 > spm.size()) {
        error_[p] = true;
      } else if (!write) {
        std::memcpy(&response_[p][8 * l], &spm[at], 8);
      } else {
        for (unsigned b = 0; b < 8; ++b) {
          if (((lane_strb >> b) & 1) != 0) {
            spm[at + b] = static_cast<std::uint8_t>(req[l] >> (8 * b));
          }
        }
      }
    }
  }

  Model& dut_;
  std::array<bool, 2> accepted_{}, waiting_{}, error_{};
  std::array<std::array<std::uint8_t, 64>, 2> response_{};
  std::array<Request, 2> held_{};
};

}  // namespace tsr::tb
