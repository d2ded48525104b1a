// SPDX-License-Identifier: Apache-2.0
/// Surroundings of the vector engine on a bench: scratchpad ports, context store, command source,
/// chain streams. Every valid and ready can stall at random. A template over the verilated class,
/// so that the checked and the fast model share it.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "engines/ve.hpp"

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

/// Set them.
template <class Wide>
void set_field(Wide& words, unsigned low, unsigned width, std::uint64_t value) {
  for (unsigned done = 0; done < width;) {
    const unsigned bit = (low + done) % 32;
    const unsigned n = std::min(32 - bit, width - done);
    const std::uint32_t mask = n == 32 ? ~0U : ((1U << n) - 1) << bit;
    auto& word = words[(low + done) / 32];
    word = (word & ~mask) | (static_cast<std::uint32_t>(value >> done) << bit & mask);
    done += n;
  }
}

struct VeJob {
  std::uint8_t op = 0x31;
  bool overlap = false;
  unsigned context = 0;
  std::uint16_t id = 0;
  engines::VeCommand args;
};

struct VeDone {
  std::uint16_t id;
  engines::CmdError error;
  std::uint64_t address;
  std::uint64_t cycle;
  unsigned info;  // format flags of the results: 1 NaN, 2 overflow
};

template <class Model>
class VeEnv {
 public:
  enum Port { I0, I1, I2, O0, O1 };
  static constexpr unsigned kPorts = 5;
  static constexpr unsigned kReqBits = 640;
  static constexpr unsigned kRspBits = 544;

  VeEnv(Model& dut, std::size_t spm_bytes) : spm(spm_bytes), dut_(dut) {
    dut.spm_ready_i = 31;
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
  std::deque<VeJob> jobs;
  std::deque<engines::VeBeat> chain_in;
  std::array<double, kPorts> stall{};  // probability that a port is not ready in a cycle
  double context_stall = 0;
  double command_gap = 0;
  double chain_gap = 0;    // probability that no beat is offered
  double chain_stall = 0;  // probability that a beat is not taken
  std::mt19937_64 rng{1};

  // What it sees.
  std::vector<VeDone> done;
  std::vector<engines::VeBeat> chain_out;
  std::string problem;  // first broken rule of the engine's ports
  std::array<std::uint64_t, 8> state_cycles{};
  std::vector<std::uint64_t> busy;  // cycles in which a group entered, from state_o
  std::uint64_t ops = 0;
  std::uint64_t writes = 0;
  std::uint64_t cycle = 0;

  void set_context(unsigned index, const engines::VeContext& context) {
    rows[8 * index + 0] = context.stages;
    rows[8 * index + 1] = context.io;
    for (unsigned i = 0; i < 3; ++i) rows[8 * index + 2 + i] = context.in[i];
    for (unsigned i = 0; i < 2; ++i) rows[8 * index + 5 + i] = context.out[i];
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
    chain_taken_ = dut_.chain_in_valid_i != 0 && dut_.chain_in_ready_o != 0;
    if (dut_.chain_out_valid_o != 0 && dut_.chain_out_ready_i != 0) {
      engines::VeBeat beat;
      std::memcpy(beat.data.data(), &dut_.chain_out_o[0], 64);
      beat.strb = field(dut_.chain_out_o, 512, 64);
      beat.last = static_cast<unsigned>(field(dut_.chain_out_o, 576, 6));
      beat.fin = field(dut_.chain_out_o, 583, 1) != 0;
      chain_out.push_back(beat);
    }
    if (field(dut_.done_o, 79, 1) != 0) {
      done.push_back({static_cast<std::uint16_t>(field(dut_.done_o, 63, 16)),
                      static_cast<engines::CmdError>(field(dut_.done_o, 59, 4)),
                      field(dut_.done_o, 0, 56), cycle,
                      static_cast<unsigned>(field(dut_.done_o, 56, 3))});
    }
    ++state_cycles[dut_.state_o & 7];
    if ((dut_.state_o & 7) == 1) busy.push_back(cycle - 1);
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
        for (unsigned l = 0; l < 8; ++l) {
          std::uint64_t lane = 0;
          std::memcpy(&lane, &response_[p][8 * l], 8);
          set_field(dut_.spm_rsp_i, kRspBits * p + 64 * l, 64, lane);
        }
        set_field(dut_.spm_rsp_i, kRspBits * p + 512, 1, response_error_[p] ? 1 : 0);
      }
      if (!chance(stall[p])) ready |= 1U << p;
    }
    dut_.spm_rsp_valid_i = static_cast<std::uint8_t>(answered);
    dut_.spm_ready_i = static_cast<std::uint8_t>(ready);
    dut_.ctx_rsp_valid_i = ctx_accepted_ ? 1 : 0;
    if (ctx_accepted_) std::memcpy(&dut_.ctx_rsp_data_i[0], rows[ctx_row_].data(), 64);
    dut_.ctx_req_ready_i = chance(context_stall) ? 0 : 1;
    dut_.chain_out_ready_i = chance(chain_stall) ? 0 : 1;
    if (chain_taken_) {
      chain_in.pop_front();
      dut_.chain_in_valid_i = 0;
    }
    if (dut_.chain_in_valid_i == 0 && !chain_in.empty() && !chance(chain_gap)) {
      const engines::VeBeat& beat = chain_in.front();
      std::memcpy(&dut_.chain_in_i[0], beat.data.data(), 64);
      set_field(dut_.chain_in_i, 512, 64, beat.strb);
      set_field(dut_.chain_in_i, 576, 8, beat.last | (beat.fin ? 128U : 0U));
      dut_.chain_in_valid_i = 1;
    }
    if (cmd_accepted_) {
      jobs.pop_front();
      dut_.cmd_valid_i = 0;
    }
    if (dut_.cmd_valid_i == 0 && !jobs.empty() && !chance(command_gap)) {
      drive(jobs.front());
      dut_.cmd_valid_i = 1;
    }
  }

  /// Take the offered command away, as a flushed queue does.
  void withdraw() {
    dut_.cmd_valid_i = 0;
    jobs.clear();
  }

 private:
  bool chance(double probability) {
    return probability > 0 && std::uniform_real_distribution<double>(0, 1)(rng) < probability;
  }

  void drive(const VeJob& job) {
    for (unsigned i = 0; i < 16; ++i) dut_.cmd_i[i] = 0;
    dut_.cmd_i[0] = static_cast<std::uint32_t>(job.op) | job.context << 8 |
                    (job.overlap ? 0x1000U : 0U) | static_cast<std::uint32_t>(job.id) << 16;
    for (unsigned i = 0; i < 5; ++i) dut_.cmd_i[5 + i] = job.args.base[i];
    for (unsigned i = 0; i < 5; ++i) dut_.cmd_i[10 + i] = job.args.constant[i];
  }

  /// A request that waits must stay as it is.
  void check_held(unsigned p) {
    const bool valid = (dut_.spm_valid_o >> p & 1) != 0;
    const bool waits = valid && (dut_.spm_ready_i >> p & 1) == 0;
    if (!waits && !waiting_[p]) return;
    std::array<std::uint64_t, 10> now{};
    for (unsigned i = 0; i < 10; ++i) {
      now[i] = field(dut_.spm_req_o, kReqBits * p + 64 * i, i == 9 ? 47 : 64);
    }
    if (waiting_[p] && (!valid || now != held_[p]) && problem.empty()) {
      problem = "port " + std::to_string(p) + " changed a waiting request in cycle " +
                std::to_string(cycle);
    }
    waiting_[p] = waits;
    held_[p] = now;
  }

  void access(unsigned p) {
    const unsigned at_bit = kReqBits * p;
    const auto& req = dut_.spm_req_o;
    const bool write = field(req, at_bit + 622, 1) != 0;
    const auto width = 1U << field(req, at_bit + 620, 2);
    const auto base = static_cast<std::uint32_t>(field(req, at_bit + 598, 22));
    const auto pitch = static_cast<std::uint32_t>(field(req, at_bit + 576, 22));
    const std::uint64_t strb = field(req, at_bit + 512, 64);
    if (write != (p >= O0) && problem.empty()) problem = "wrong direction";
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
        std::memcpy(&response_[p][8 * l], &spm[at], 8);
      } else {
        const std::uint64_t data = field(req, at_bit + 64 * l, 64);
        for (unsigned b = 0; b < 8; ++b) {
          if (((lane_strb >> b) & 1) != 0) spm[at + b] = static_cast<std::uint8_t>(data >> (8 * b));
        }
      }
    }
  }

  Model& dut_;
  std::array<bool, kPorts> accepted_{}, waiting_{}, response_error_{};
  std::array<std::array<std::uint8_t, 64>, kPorts> response_{};
  std::array<std::array<std::uint64_t, 10>, kPorts> held_{};
  bool ctx_accepted_ = false;
  bool cmd_accepted_ = false;
  bool chain_taken_ = false;
  unsigned ctx_row_ = 0;
};

}  // namespace tsr::tb
