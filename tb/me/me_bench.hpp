// SPDX-License-Identifier: Apache-2.0
/// Common base of the matrix engine's benches: random operands of every format, plans run on the
/// RTL and on the functional model, and messages that name operands, cell and cycle.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "common/bench.hpp"
#include "me/gemm_plan.hpp"
#include "me/me_env.hpp"
#include "numerics/convert.hpp"
#include "numerics/matrix.hpp"

namespace tsr::tb {

using engines::CmdError;
using engines::MeFormat;

enum State { Idle = 0, Busy = 1, Starved = 3, Blocked = 4, Conflict = 5, Config = 6 };

/// How random elements are distributed.
enum class Mix { Bits, Near, Tiny, Special, Cancel };
inline constexpr Mix kMixes[] = {Mix::Bits, Mix::Near, Mix::Tiny, Mix::Special, Mix::Cancel};

/// A pair of formats that the engine multiplies.
struct Pair {
  MeFormat a, b;
  bool mx;

  std::string name() const {
    return fmt::format("{}{} x {}", mx ? "mx " : "", numerics::element_name(a),
                       numerics::element_name(b));
  }
};

/// All of them.
inline std::vector<Pair> all_pairs() {
  std::vector<Pair> out;
  for (int i = 0; i < numerics::kElementFormats; ++i) {
    for (int j = 0; j < numerics::kElementFormats; ++j) {
      const auto a = static_cast<MeFormat>(i);
      const auto b = static_cast<MeFormat>(j);
      if (!numerics::is_matrix_pair(a, b)) continue;
      out.push_back({a, b, false});
      if (numerics::is_mx_format(a)) out.push_back({a, b, true});
    }
  }
  return out;
}

/// Size of random runs: TSR_SCALE, or 1.
inline std::uint64_t scale_from_env() {
  const char* text = std::getenv("TSR_SCALE");
  return text != nullptr ? std::max(1ULL, std::strtoull(text, nullptr, 0)) : 1;
}

inline constexpr std::uint32_t kSpmBytes = 256 * 1024;

template <class Model, unsigned Grid = 8>
class MeBench : public Bench<Model> {
 protected:
  using Base = Bench<Model>;
  using Env = MeEnv<Model, Grid>;

  void SetUp() override {
    Base::SetUp();
    env_ = std::make_unique<Env>(this->dut(), kSpmBytes);
    env_->rng.seed(this->seed() ^ 0x5eed);
    this->before_edge([this] { env_->before_edge(); });
    this->after_edge([this] { env_->after_edge(); });
    this->reset();
    this->run(2);
    env_->state_cycles = {};
    env_->ops = 0;
    env_->done.clear();
    env_->problem.clear();
  }

  void TearDown() override {
    EXPECT_EQ(env_->problem, "");
    Base::TearDown();
  }

  Env& env() { return *env_; }

  void stall_everything(double probability) {
    env().stall = {probability, probability, probability, probability};
    env().context_stall = probability;
    env().command_gap = probability;
    env().chain_stall = probability;
  }

  unsigned draw(std::uint64_t low, std::uint64_t high) {
    return static_cast<unsigned>(this->rand_in(low, high));
  }

  // ---------------------------------------------------------------- operands

  std::uint32_t random_element(MeFormat format, Mix mix) {
    const auto info = numerics::element_info(format);
    const auto random = static_cast<std::uint32_t>(this->rng()());
    if (!info.is_float) {
      const std::uint32_t most = 1U << (info.as_int.bits - 1);
      if (mix == Mix::Special) return this->chance(0.8) ? most : most - 1;
      return random;
    }
    const auto f = info.as_float;
    const int top = f.top_exponent() + f.bias();  // of finite numbers
    const std::uint32_t keep = f.sign_bit() | ((1U << (f.fraction_bits + f.padding)) - 1);
    const auto with_exponent = [&](int low, int high) {
      low = std::max(low, 0);
      high = std::min(high, top);
      return (random & keep) | draw(static_cast<unsigned>(low), static_cast<unsigned>(high))
                                   << (f.fraction_bits + f.padding);
    };
    const std::uint32_t sign = random & f.sign_bit();
    const std::uint32_t one = static_cast<std::uint32_t>(f.bias()) << (f.fraction_bits + f.padding);
    switch (mix) {
      case Mix::Bits:
        return random;
      case Mix::Near:
        return this->chance(0.05) ? 0 : with_exponent(f.bias() - 7, f.bias() + 7);
      case Mix::Tiny:
        return with_exponent(0, std::max(1, top / 4));
      case Mix::Special: {
        const std::uint32_t ulp = 1U << f.padding;
        const std::uint32_t normal = 1U << (f.fraction_bits + f.padding);
        const std::uint32_t pick[] = {0,
                                      ulp,
                                      normal - ulp,
                                      normal,
                                      one,
                                      one,
                                      f.max_finite(),
                                      f.canonical_nan(),
                                      f.has_infinity() ? f.infinity() : f.max_finite()};
        // Mostly finite, so that not every result is NaN.
        return sign | pick[this->chance(0.02) ? draw(0, 8) : draw(0, 6)];
      }
      case Mix::Cancel: {
        const int steps[] = {0, top / 8, top / 4, f.bias(), (f.bias() + top) / 2, top - 1};
        const int exponent = steps[draw(0, 5)];
        return sign | (this->chance(0.5) ? random & (keep ^ f.sign_bit()) : 0) |
               static_cast<std::uint32_t>(exponent) << (f.fraction_bits + f.padding);
      }
    }
    return 0;
  }

  void fill_elements(std::uint32_t from, std::uint32_t to, MeFormat format, Mix mix) {
    const unsigned bits = static_cast<unsigned>(numerics::matrix_element_bits(format));
    if (bits == 4) {
      for (std::uint32_t i = from; i < to; ++i) {
        env().spm[i] = static_cast<std::uint8_t>((random_element(format, mix) & 15) |
                                                 random_element(format, mix) << 4);
      }
      return;
    }
    for (std::uint32_t i = from; i < to; i += bits / 8) {
      const std::uint32_t x = random_element(format, mix);
      std::memcpy(&env().spm[i], &x, bits / 8);
    }
  }

  void fill(const GemmPlan& plan, Mix mix) {
    for (std::uint32_t i = plan.c; i < plan.end; i += 4) {
      const auto random = static_cast<std::uint32_t>(this->rng()());
      std::memcpy(&env().spm[i], &random, 4);
    }
    fill_elements(plan.a, plan.b, plan.me.format, mix);
    fill_elements(plan.b, plan.sa, plan.me.format_b, mix);
    for (std::uint32_t i = plan.sa; i < plan.c; ++i) {
      const bool any = mix == Mix::Bits || mix == Mix::Special;
      env().spm[i] = static_cast<std::uint8_t>(any ? (this->chance(0.99) ? draw(0, 254) : 255)
                                                   : draw(117, 137));
    }
    if (plan.me.int32_results() || mix == Mix::Bits || mix == Mix::Special) return;
    fill_elements(plan.c, plan.o, MeFormat::Fp32, mix);  // preload near the products
  }

  GemmPlan random_plan(unsigned max_m, unsigned max_n, unsigned max_k) {
    static const auto pairs = all_pairs();
    const Pair pair = pairs[draw(0, pairs.size() - 1)];
    GemmPlan plan;
    plan.grid = Grid;
    plan.me.set_formats(pair.a, pair.b);
    plan.me.mx = pair.mx;
    plan.m = draw(1, max_m);
    plan.n = draw(1, max_n);
    const bool nibbles = plan.bits() == 4;
    plan.k = draw(1, max_k * 16 / plan.bits()) * (nibbles ? 2 : 1);
    plan.me.preload = this->chance(0.5);
    plan.bias = this->chance(0.5);
    plan.me.relu = this->chance(0.3);
    plan.me.out_bf16 = !plan.me.int32_results() && this->chance(0.4);
    // Blocks of 4 bytes cannot be addressed: no transposed bytes on the small grid.
    const bool may_transpose = plan.bits() > (Grid == 4 ? 8 : 4);
    plan.trans_a = may_transpose && this->chance(0.4);
    plan.trans_b = may_transpose && this->chance(0.4);
    plan.batch = this->chance(0.2) ? 2 : 1;
    if (this->chance(0.3)) {  // K in two loops
      const unsigned inner = draw(1, 4);
      const unsigned outer = draw(2, 4);
      plan.k = inner * outer * 64 / plan.bits();
      plan.k_split = outer;
    }
    plan.pad = draw(0, 3) * 8;
    plan.place();
    return plan;
  }

  // ---------------------------------------------------------------- runs

  /// Queue a command, let it finish alone, return its completion.
  MeDone run_one(const MeCommand& command, std::uint64_t limit = 200000) {
    const std::size_t before = env().done.size();
    env().commands.push_back(command);
    EXPECT_TRUE(this->run_until([&] { return env().done.size() > before; }, limit))
        << "no completion";
    return env().done.size() > before ? env().done.back() : MeDone{};
  }

  std::string operands_of(const GemmPlan& plan, std::uint32_t row, std::uint32_t col) {
    std::string out;
    const auto at = [&](std::uint32_t base, std::uint32_t ld, bool trans, std::uint32_t r,
                        std::uint32_t i) {
      const std::uint64_t bit = trans ? (std::uint64_t{i} * ld * 8 + r * plan.bits())
                                      : (std::uint64_t{r} * ld * 8 + i * plan.bits());
      std::uint32_t x = 0;
      std::memcpy(&x, &env().spm[base + bit / 8], std::max(1U, plan.bits() / 8));
      return plan.bits() == 4 ? (x >> bit % 8) & 15 : x;
    };
    for (unsigned i = 0; i < std::min(plan.k, 64U); ++i) {
      out += fmt::format(" {:x}*{:x}", at(plan.a, plan.lda, plan.trans_a, row, i),
                         at(plan.b, plan.ldb, plan.trans_b, col, i));
    }
    return out;
  }

  /// Where the scratchpad differs from `expected`.
  void expect_spm(const std::vector<std::uint8_t>& expected, const GemmPlan& plan,
                  const std::string& what) {
    if (env().spm == expected) return;
    const auto at = static_cast<std::uint32_t>(
        std::mismatch(expected.begin(), expected.end(), env().spm.begin()).first -
        expected.begin());
    if (at < plan.o || at >= plan.end) {
      ADD_FAILURE() << what << fmt::format(": byte {:#x} outside of O changed", at);
      return;
    }
    const std::uint32_t all_rows = (at - plan.o) / plan.ldo;
    const std::uint32_t row = all_rows % plan.m;
    const std::uint32_t col = (at - plan.o) % plan.ldo / plan.result();
    std::uint32_t got = 0;
    std::uint32_t want = 0;
    const std::uint32_t word = plan.o + all_rows * plan.ldo + col * plan.result();
    std::memcpy(&got, &env().spm[word], plan.result());
    std::memcpy(&want, &expected[word], plan.result());
    ADD_FAILURE() << what
                  << fmt::format(
                         ": {} row {} column {} batch {} (cell {},{}) is {:#x}, expected {:#x}, "
                         "command {}, cycle {}; m {} n {} k {} split {} trans {}{}; operands{}",
                         Pair{plan.me.format, plan.me.format_b, plan.me.mx}.name(), row, col,
                         all_rows / plan.m, row % Grid, col % Grid, got, want,
                         env().done.empty() ? 0 : env().done.back().id, env().cycle, plan.m, plan.n,
                         plan.k, plan.k_split, plan.trans_a, plan.trans_b,
                         operands_of(plan, row, col));
  }

  static unsigned info_of(const engines::MeResult& result) {
    return (result.nan ? 1U : 0U) | (result.overflow ? 2U : 0U);
  }

  /// Run a plan on the scratchpad as it is and compare with the functional model.
  void check_plan(const GemmPlan& plan, const std::string& what) {
    ASSERT_LE(plan.end, kSpmBytes) << what;
    env().set_context(1, plan.context());
    auto expected = env().spm;
    const auto result = engines::run_gemm(plan.job(), expected);
    ASSERT_EQ(result.error, CmdError::Ok) << what;
    const auto command = plan.command(1, static_cast<std::uint16_t>(this->rng()()));
    const MeDone done = run_one(command);
    EXPECT_EQ(done.id, command.id) << what;
    EXPECT_EQ(done.error, CmdError::Ok) << what;
    EXPECT_EQ(done.info, info_of(result)) << what;
    EXPECT_EQ(done.address, 0U) << what;
    expect_spm(expected, plan, what);
  }

  /// A small plan in one format.
  GemmPlan plain(MeFormat format, unsigned m, unsigned n, unsigned k) const {
    GemmPlan plan;
    plan.grid = Grid;
    plan.me.set_format(format);
    plan.m = m;
    plan.n = n;
    plan.k = k;
    plan.place();
    return plan;
  }

  /// One dot product in cell (0, 0), checked against the model: its result.
  std::uint32_t dot_of(Pair pair, const std::vector<std::uint32_t>& x,
                       const std::vector<std::uint32_t>& y, const std::uint32_t* preload = nullptr,
                       bool relu = false, bool out_bf16 = false, std::uint8_t scale_a = 127,
                       std::uint8_t scale_b = 127) {
    GemmPlan plan;
    plan.grid = Grid;
    plan.m = plan.n = 1;
    plan.me.set_formats(pair.a, pair.b);
    plan.me.mx = pair.mx;
    plan.k = static_cast<unsigned>(x.size());
    if (plan.bits() == 4) plan.k += plan.k % 2;
    plan.me.preload = preload != nullptr;
    plan.me.relu = relu;
    plan.me.out_bf16 = out_bf16;
    plan.place();
    // Everything that does not belong to the command is NaN or the like.
    std::fill(env().spm.begin(), env().spm.end(), std::uint8_t{0xff});
    const auto store = [&](std::uint32_t at, const std::vector<std::uint32_t>& values) {
      std::fill(&env().spm[at], &env().spm[at] + (plan.k * plan.bits() + 7) / 8, std::uint8_t{0});
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (plan.bits() == 4) {
          env().spm[at + i / 2] |= static_cast<std::uint8_t>((values[i] & 15) << (4 * (i % 2)));
        } else {
          std::memcpy(&env().spm[at + i * plan.bits() / 8], &values[i], plan.bits() / 8);
        }
      }
    };
    store(plan.a, x);
    store(plan.b, y);
    if (plan.me.mx) {
      std::fill(&env().spm[plan.sa], &env().spm[plan.sa] + plan.lds, scale_a);
      std::fill(&env().spm[plan.sb], &env().spm[plan.sb] + plan.lds, scale_b);
    }
    if (preload != nullptr) std::memcpy(&env().spm[plan.c], preload, 4);
    check_plan(plan, "dot");
    std::uint32_t result = 0;
    std::memcpy(&result, &env().spm[plan.o], plan.result());
    return result;
  }

 private:
  std::unique_ptr<Env> env_;
};

}  // namespace tsr::tb
