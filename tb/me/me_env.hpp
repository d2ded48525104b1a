// SPDX-License-Identifier: Apache-2.0
/// Surroundings of the matrix engine on a bench: scratchpad ports, context store, command source.
/// Every ready and every gap can stall at random. A template over the verilated class, so that the
/// checked and the fast model share it.
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

struct MeCommand {
  std::uint8_t op = 0x21;
  unsigned context = 0;
  std::uint16_t id = 0;
  std::array<std::uint32_t, 4> base{};
};

struct MeDone {
  std::uint16_t id;
  engines::CmdError error;
  unsigned info;
  std::uint64_t address;
  std::uint64_t cycle;
};

template <class Model>
class MeEnv {
 public:
  enum Port { A, B, C, O };

  MeEnv(Model& dut, std::size_t spm_bytes)
      : spm(spm_bytes),
        dut_(dut),
        valid_{&dut.a_valid_o, &dut.b_valid_o, &dut.c_valid_o, &dut.o_valid_o},
        ready_{&dut.a_ready_i, &dut.b_ready_i, &dut.c_ready_i, &dut.o_ready_i},
        rsp_valid_{&dut.a_rsp_valid_i, &dut.b_rsp_valid_i, &dut.c_rsp_valid_i, &dut.o_rsp_valid_i},
        req_{&dut.a_req_o[0], &dut.b_req_o[0], &dut.c_req_o[0], &dut.o_req_o[0]},
        rsp_{&dut.a_rsp_i[0], &dut.b_rsp_i[0], &dut.c_rsp_i[0], &dut.o_rsp_i[0]} {
    for (auto* ready : ready_) *ready = 1;
    for (auto* valid : rsp_valid_) *valid = 0;
    dut.ctx_req_ready_i = 1;
    dut.ctx_rsp_valid_i = 0;
    dut.cmd_valid_i = 0;
    dut.abort_i = 0;
  }

  // What the bench sets.
  std::vector<std::uint8_t> spm;
  std::array<engines::ContextRow, 64> rows{};
  std::deque<MeCommand> commands;
  std::array<double, 4> stall{};  // probability that a port is not ready in a cycle
  double context_stall = 0;
  double command_gap = 0;
  std::mt19937_64 rng{1};

  // What it sees.
  std::vector<MeDone> done;
  std::string problem;  // first broken rule of the engine's ports
  std::array<std::uint64_t, 8> state_cycles{};
  std::uint64_t ops = 0;
  std::uint64_t writes = 0;
  std::uint64_t cycle = 0;

  void set_context(unsigned index, const engines::MeContext& context) {
    rows[8 * index + 0] = context.me;
    rows[8 * index + 1] = context.a;
    rows[8 * index + 2] = context.b;
    rows[8 * index + 3] = context.c;
    rows[8 * index + 4] = context.o;
  }

  /// Sample the settled outputs.
  void before_edge() {
    for (unsigned p = 0; p < 4; ++p) {
      check_held(p);
      accepted_[p] = *valid_[p] != 0 && *ready_[p] != 0;
      if (accepted_[p]) access(p);
    }
    ctx_accepted_ = dut_.ctx_req_valid_o != 0 && dut_.ctx_req_ready_i != 0;
    ctx_row_ = dut_.ctx_row_o;
    cmd_accepted_ = dut_.cmd_valid_i != 0 && dut_.cmd_ready_o != 0;
    if (field(dut_.done_o, 79, 1) != 0) {
      done.push_back({static_cast<std::uint16_t>(field(dut_.done_o, 63, 16)),
                      static_cast<engines::CmdError>(field(dut_.done_o, 59, 4)),
                      static_cast<unsigned>(field(dut_.done_o, 56, 3)), field(dut_.done_o, 0, 56),
                      cycle});
    }
    ++state_cycles[dut_.state_o & 7];
    ops += dut_.ops_o;
  }

  /// Drive inputs as flops do.
  void after_edge() {
    ++cycle;
    for (unsigned p = 0; p < 4; ++p) {
      *rsp_valid_[p] = accepted_[p] ? 1 : 0;
      if (accepted_[p]) {
        std::memcpy(rsp_[p], response_[p].data(), 64);
        rsp_[p][16] = response_error_[p] ? 1 : 0;
      }
      *ready_[p] = chance(stall[p]) ? 0 : 1;
    }
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
  }

  /// Take the offered command away, as a flushed queue does.
  void withdraw() {
    dut_.cmd_valid_i = 0;
    commands.clear();
  }

 private:
  bool chance(double probability) {
    return probability > 0 && std::uniform_real_distribution<double>(0, 1)(rng) < probability;
  }

  void drive(const MeCommand& command) {
    for (unsigned i = 0; i < 16; ++i) dut_.cmd_i[i] = 0;
    dut_.cmd_i[0] = static_cast<std::uint32_t>(command.op) | command.context << 8 |
                    static_cast<std::uint32_t>(command.id) << 16;
    for (unsigned i = 0; i < 4; ++i) dut_.cmd_i[5 + i] = command.base[i];
  }

  /// A request that waits must stay as it is.
  void check_held(unsigned p) {
    const bool waits = *valid_[p] != 0 && *ready_[p] == 0;
    if (waiting_[p]) {
      const bool same = std::memcmp(held_[p].data(), req_[p], sizeof held_[p]) == 0;
      if ((*valid_[p] == 0 || !same) && problem.empty()) {
        problem = "port " + std::to_string(p) + " changed a waiting request in cycle " +
                  std::to_string(cycle);
      }
    }
    waiting_[p] = waits;
    if (waits) std::memcpy(held_[p].data(), req_[p], sizeof held_[p]);
  }

  void access(unsigned p) {
    const std::uint32_t* req = req_[p];
    const bool write = field(req, 622, 1) != 0;
    const auto width = 1U << field(req, 620, 2);
    const auto base = static_cast<std::uint32_t>(field(req, 598, 22));
    const auto pitch = static_cast<std::uint32_t>(field(req, 576, 22));
    const std::uint64_t strb = field(req, 512, 64);
    if (write != (p == O) && problem.empty()) problem = "wrong direction";
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
        const auto* data = reinterpret_cast<const std::uint8_t*>(req) + 8 * l;
        for (unsigned b = 0; b < 8; ++b) {
          if (((lane_strb >> b) & 1) != 0) spm[at + b] = data[b];
        }
      }
    }
  }

  Model& dut_;
  std::array<CData*, 4> valid_, ready_, rsp_valid_;
  std::array<std::uint32_t*, 4> req_, rsp_;
  std::array<bool, 4> accepted_{}, waiting_{}, response_error_{};
  std::array<std::array<std::uint8_t, 64>, 4> response_{};
  std::array<std::array<std::uint32_t, 20>, 4> held_{};
  bool ctx_accepted_ = false;
  bool cmd_accepted_ = false;
  unsigned ctx_row_ = 0;
};

/// Row-major matrices in the scratchpad for one GEMM command: A[m][k], B[n][k], C and O [m][n], any
/// size; edges are masked. Context and command arguments for it.
struct GemmPlan {
  unsigned m = 0, n = 0, k = 0;
  engines::MeConfig me;
  bool bias = false;                         // preload one row of n values instead of a matrix
  std::uint32_t a = 0, b = 0, c = 0, o = 0;  // scratchpad offsets, multiples of 8
  std::uint32_t lda = 0, ldb = 0, ldc = 0, ldo = 0;  // bytes, multiples of 8

  unsigned element() const { return me.format == engines::MeFormat::Int8 ? 1 : 2; }
  unsigned result() const { return me.out_bf16 ? 2 : 4; }

  engines::MeContext context() const {
    const unsigned beats = (k * element() + 7) / 8;
    const unsigned blocks_m = (m + 7) / 8;
    const unsigned blocks_n = (n + 7) / 8;
    engines::MeContext context;
    context.me = me.to_row();
    // Loops: K, then blocks along n, then along m.
    const auto operand = [&](std::uint32_t pitch, unsigned rows, unsigned loop) {
      engines::AguConfig agu;
      agu.pitch = pitch;
      agu.count = {beats, blocks_n, blocks_m, 1, 1, 1};
      const auto step = static_cast<std::int32_t>(8 * pitch);
      agu.set_strides({8, loop == 1 ? step : 0, loop == 2 ? step : 0, 0, 0, 0});
      agu.redge_en = rows % 8 != 0;
      agu.redge_loop = loop;
      agu.redge_n = rows % 8;
      agu.bedge_en = k * element() % 8 != 0;
      agu.bedge_loop = 0;
      agu.bedge_m = k * element() % 8;
      return agu.to_row();
    };
    context.a = operand(lda, m, 2);
    context.b = operand(ldb, n, 1);
    // Results: a beat is 64 bytes of rows of 8 results.
    const auto results = [&](std::uint32_t pitch, unsigned bytes, bool one_row) {
      engines::AguConfig agu;
      const unsigned rows = 8 / bytes;  // in a beat
      const auto row = static_cast<std::int32_t>(pitch);
      agu.w_log2 = bytes == 4 ? 2 : 1;
      agu.pitch = one_row ? 0 : pitch;
      agu.count = {8 / rows, blocks_n, blocks_m, 1, 1, 1};
      agu.set_strides({one_row ? 0 : static_cast<std::int32_t>(rows) * row,
                       static_cast<std::int32_t>(8 * bytes), one_row ? 0 : 8 * row, 0, 0, 0});
      agu.redge_en = m % 8 != 0;
      agu.redge_loop = 2;
      agu.redge_sub = true;
      agu.redge_n = m % 8;
      agu.bedge_en = n % 8 != 0;
      agu.bedge_loop = 1;
      agu.bedge_m = n % 8 * bytes;
      return agu.to_row();
    };
    context.c = results(ldc, 4, bias);
    context.o = results(ldo, result(), false);
    return context;
  }

  std::array<std::uint32_t, 4> bases() const { return {a, b, c, o}; }

  /// Pack the matrices one after the other from offset 0, each row padded by `pad` bytes (multiple
  /// of 8). Returns the end.
  std::uint32_t place(unsigned pad) {
    const auto up = [](unsigned bytes) { return (bytes + 7) & ~7U; };
    lda = up(k * element()) + pad;
    ldb = lda;
    ldc = up(n * 4) + pad;
    ldo = up(n * result()) + pad;
    a = 0;
    b = a + lda * m;
    c = b + ldb * n;
    o = c + (me.preload ? ldc * (bias ? 1 : m) : 0);
    return o + ldo * m;
  }
};

}  // namespace tsr::tb
