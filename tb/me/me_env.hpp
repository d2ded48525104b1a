// SPDX-License-Identifier: Apache-2.0
/// Surroundings of the matrix engine on a bench: scratchpad ports, context store, command source,
/// the vector engine's side of both chains. Every ready and every gap can stall at random. A
/// template over the verilated class, so that all grids and the fast model share it.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "engines/me.hpp"

namespace tsr::tb {

/// Bits [low, low + width) of a Verilator vector, width <= 64.
template <class Wide>
std::uint64_t field(const Wide& words, unsigned low, unsigned width) {
  unsigned __int128 value = 0;
  for (unsigned i = 0; i < 3 && low / 32 + i <= (low + width - 1) / 32; ++i) {
    value |= static_cast<unsigned __int128>(words[low / 32 + i]) << (32 * i);
  }
  value >>= low % 32;
  return static_cast<std::uint64_t>(value) & (width == 64 ? ~0ULL : (1ULL << width) - 1);
}

/// Replace bits [low, low + width), width <= 32.
template <class Wide>
void put_field(Wide& words, unsigned low, unsigned width, std::uint32_t value) {
  const std::uint64_t ones = width == 32 ? 0xffff'ffffULL : (1ULL << width) - 1;
  const std::uint64_t mask = ones << (low % 32);
  const std::uint64_t bits = (value & ones) << (low % 32);
  words[low / 32] =
      (words[low / 32] & ~static_cast<std::uint32_t>(mask)) | static_cast<std::uint32_t>(bits);
  if (mask >> 32 != 0) {
    words[low / 32 + 1] = (words[low / 32 + 1] & ~static_cast<std::uint32_t>(mask >> 32)) |
                          static_cast<std::uint32_t>(bits >> 32);
  }
}

struct MeCommand {
  std::uint8_t op = 0x21;
  unsigned context = 0;
  std::uint16_t id = 0;
  std::array<std::uint32_t, 4> base{};
  std::array<std::uint32_t, 2> scale_base{};
  bool overlap = false;
};

struct MeDone {
  std::uint16_t id;
  engines::CmdError error;
  unsigned info;
  std::uint64_t address;
  std::uint64_t cycle;
};

template <class Model, unsigned Grid = 8>
class MeEnv {
 public:
  enum Role { A, B, C, O };
  static constexpr unsigned kReaders = (Grid + 7) / 8;  // of each operand
  static constexpr unsigned kPorts = 2 * kReaders + 2;
  static constexpr unsigned kReqBits = 640;
  static constexpr unsigned kRspBits = 544;

  MeEnv(Model& dut, std::size_t spm_bytes) : spm(spm_bytes), dut_(dut) {
    dut.spm_ready_i = (1U << kPorts) - 1;
    dut.spm_rsp_valid_i = 0;
    dut.ctx_req_ready_i = 1;
    dut.ctx_rsp_valid_i = 0;
    dut.cmd_valid_i = 0;
    dut.abort_i = 0;
    dut.chain_in_valid_i = 0;
    dut.chain_out_ready_i = 1;
  }

  // What the bench sets.
  std::vector<std::uint8_t> spm;
  std::array<engines::ContextRow, 64> rows{};
  std::deque<MeCommand> commands;
  std::array<double, 4> stall{};  // by role: probability that a port is not ready in a cycle
  double context_stall = 0;
  double command_gap = 0;
  double chain_stall = 0;                    // both chains
  std::deque<engines::StreamBeat> chain_in;  // to send as operand A
  std::mt19937_64 rng{1};

  // What it sees.
  std::vector<MeDone> done;
  std::vector<engines::StreamBeat> chain_out;
  std::string problem;  // first broken rule of the engine's ports
  std::array<std::uint64_t, 8> state_cycles{};
  std::vector<std::uint8_t> states;  // each cycle's, if keep_states
  bool keep_states = false;
  std::uint64_t ops = 0;
  std::uint64_t writes = 0;
  std::uint64_t cycle = 0;

  void set_context(unsigned index, const engines::MeContext& context) {
    rows[8 * index + 0] = context.me;
    rows[8 * index + 1] = context.a;
    rows[8 * index + 2] = context.b;
    rows[8 * index + 3] = context.c;
    rows[8 * index + 4] = context.o;
    rows[8 * index + 7] = context.scale;
  }

  /// Sample the settled outputs.
  void before_edge() {
    for (unsigned p = 0; p < kPorts; ++p) {
      check_held(p);
      accepted_[p] = ((dut_.spm_valid_o & dut_.spm_ready_i) >> p & 1) != 0;
      if (accepted_[p]) access(p);
    }
    ctx_accepted_ = dut_.ctx_req_valid_o != 0 && dut_.ctx_req_ready_i != 0;
    ctx_row_ = dut_.ctx_row_o;
    cmd_accepted_ = dut_.cmd_valid_i != 0 && dut_.cmd_ready_o != 0;
    chain_accepted_ = dut_.chain_in_valid_i != 0 && dut_.chain_in_ready_o != 0;
    sample_chain_out();
    if (field(dut_.done_o, 79, 1) != 0) {
      done.push_back({static_cast<std::uint16_t>(field(dut_.done_o, 63, 16)),
                      static_cast<engines::CmdError>(field(dut_.done_o, 59, 4)),
                      static_cast<unsigned>(field(dut_.done_o, 56, 3)), field(dut_.done_o, 0, 56),
                      cycle});
    }
    ++state_cycles[dut_.state_o & 7];
    if (keep_states) states.push_back(dut_.state_o & 7);
    ops += dut_.ops_o;
  }

  /// Drive inputs as flops do.
  void after_edge() {
    ++cycle;
    unsigned ready = 0;
    unsigned answered = 0;
    for (unsigned p = 0; p < kPorts; ++p) {
      if (accepted_[p]) {
        answered |= 1U << p;
        for (unsigned w = 0; w < 16; ++w) {
          std::uint32_t word = 0;
          std::memcpy(&word, &response_[p][4 * std::size_t{w}], 4);
          put_field(dut_.spm_rsp_i, kRspBits * p + 32 * w, 32, word);
        }
        put_field(dut_.spm_rsp_i, kRspBits * p + 512, 1, response_error_[p] ? 1 : 0);
      }
      if (!chance(stall[role(p)])) ready |= 1U << p;
    }
    dut_.spm_rsp_valid_i = static_cast<CData>(answered);
    dut_.spm_ready_i = static_cast<CData>(ready);
    dut_.ctx_rsp_valid_i = ctx_accepted_ ? 1 : 0;
    if (ctx_accepted_) std::memcpy(&dut_.ctx_rsp_data_i[0], rows[ctx_row_].data(), 64);
    dut_.ctx_req_ready_i = chance(context_stall) ? 0 : 1;
    if (cmd_accepted_) {
      commands.pop_front();
      dut_.cmd_valid_i = 0;
    }
    if (dut_.cmd_valid_i == 0 && !commands.empty() && !chance(command_gap)) {
      drive(commands.front());
      dut_.cmd_valid_i = 1;
    }
    if (chain_accepted_) {
      chain_in.pop_front();
      dut_.chain_in_valid_i = 0;
    }
    if (dut_.chain_in_valid_i == 0 && !chain_in.empty() && !chance(chain_stall)) {
      std::memcpy(&dut_.chain_in_i[0], chain_in.front().data.data(), 64);
      std::memcpy(&dut_.chain_in_i[16], &chain_in.front().strb, 8);
      dut_.chain_in_i[18] = chain_in.front().last;
      dut_.chain_in_valid_i = 1;
    }
    dut_.chain_out_ready_i = chance(chain_stall) ? 0 : 1;
  }

  /// Take the offered command away, as a flushed queue does.
  void withdraw() {
    dut_.cmd_valid_i = 0;
    commands.clear();
  }

  static constexpr unsigned role(unsigned port) {
    return port < kReaders ? A : port < 2 * kReaders ? B : port == 2 * kReaders ? C : O;
  }

 private:
  bool chance(double probability) {
    return probability > 0 && std::uniform_real_distribution<double>(0, 1)(rng) < probability;
  }

  void fail(const std::string& what) {
    if (problem.empty()) problem = what + " in cycle " + std::to_string(cycle);
  }

  void drive(const MeCommand& command) {
    for (unsigned i = 0; i < 16; ++i) dut_.cmd_i[i] = 0;
    dut_.cmd_i[0] = static_cast<std::uint32_t>(command.op) | command.context << 8 |
                    (command.overlap ? 1U << 12 : 0U) |
                    static_cast<std::uint32_t>(command.id) << 16;
    for (unsigned i = 0; i < 4; ++i) dut_.cmd_i[5 + i] = command.base[i];
    for (unsigned i = 0; i < 2; ++i) dut_.cmd_i[10 + i] = command.scale_base[i];
  }

  using Request = std::array<std::uint32_t, 20>;
  Request request(unsigned p) const {
    Request out{};
    const unsigned low = kReqBits * p;
    for (unsigned w = 0; w < 20; ++w) {
      out[w] = static_cast<std::uint32_t>(field(dut_.spm_req_o, low + 32 * w, w < 19 ? 32 : 15));
    }
    return out;
  }

  /// A request that waits must stay as it is.
  void check_held(unsigned p) {
    const bool valid = (dut_.spm_valid_o >> p & 1) != 0;
    const bool waits = valid && (dut_.spm_ready_i >> p & 1) == 0;
    if (waiting_[p] && (!valid || request(p) != held_[p])) {
      fail("port " + std::to_string(p) + " changed a waiting request");
    }
    waiting_[p] = waits;
    if (waits) held_[p] = request(p);
  }

  void sample_chain_out() {
    const bool valid = dut_.chain_out_valid_o != 0;
    std::array<std::uint32_t, 19> now{};
    if (valid) std::memcpy(now.data(), &dut_.chain_out_o[0], sizeof now);
    if (chain_waiting_ && (!valid || now != chain_held_)) fail("chain changed a waiting beat");
    chain_waiting_ = valid && dut_.chain_out_ready_i == 0;
    chain_held_ = now;
    if (!valid || chain_waiting_) return;
    engines::StreamBeat beat;
    std::memcpy(beat.data.data(), now.data(), 64);
    std::memcpy(&beat.strb, &now[16], 8);
    beat.last = now[18] & 63;
    if ((now[18] >> 7 & 1) != (beat.last >> 5 & 1)) fail("fin and last[5] of a chain beat differ");
    chain_out.push_back(beat);
  }

  void access(unsigned p) {
    const Request req = request(p);
    const bool write = field(req, 622, 1) != 0;
    const auto width = 1U << field(req, 620, 2);
    const auto base = static_cast<std::uint32_t>(field(req, 598, 22));
    const auto pitch = static_cast<std::uint32_t>(field(req, 576, 22));
    const std::uint64_t strb = field(req, 512, 64);
    if (write != (role(p) == O)) fail("wrong direction");
    response_[p].fill(0);
    response_error_[p] = false;
    writes += write ? 1 : 0;
    for (unsigned l = 0; l < 8; ++l) {
      const unsigned lane_strb = (strb >> (8 * l)) & 0xff;
      if (lane_strb == 0) continue;
      const std::uint32_t at =
          (base + (l / width) * pitch + (l % width) * 8) & engines::kSpmAddressMask;
      if (at + 8 > spm.size()) {
        response_error_[p] = true;
      } else if (!write) {
        std::memcpy(&response_[p][8 * std::size_t{l}], &spm[at], 8);
      } else {
        const auto* data = reinterpret_cast<const std::uint8_t*>(req.data()) + 8 * l;
        for (unsigned b = 0; b < 8; ++b) {
          if (((lane_strb >> b) & 1) != 0) spm[at + b] = data[b];
        }
      }
    }
  }

  Model& dut_;
  std::array<bool, kPorts> accepted_{}, waiting_{}, response_error_{};
  std::array<std::array<std::uint8_t, 64>, kPorts> response_{};
  std::array<Request, kPorts> held_{};
  std::array<std::uint32_t, 19> chain_held_{};
  bool chain_waiting_ = false;
  bool chain_accepted_ = false;
  bool ctx_accepted_ = false;
  bool cmd_accepted_ = false;
  unsigned ctx_row_ = 0;
};

}  // namespace tsr::tb
