// SPDX-License-Identifier: Apache-2.0
/// Simulation speed of the matrix engine: kHz while a 128 x 128 x 128 GEMM runs, and while idle.
#include <fmt/format.h>

#include <chrono>
#include <cstring>

#include "Vtsr_me_fast.h"
#include "me/me_env.hpp"
#include "numerics/convert.hpp"

using tsr::engines::MeFormat;

namespace {

using Clock = std::chrono::steady_clock;

void measure(MeFormat format, const char* name) {
  VerilatedContext context;
  Vtsr_me_fast dut(&context);
  tsr::tb::MeEnv<Vtsr_me_fast> env(dut, 256 * 1024);
  const auto tick = [&] {
    dut.clk_i = 0;
    dut.eval();
    env.before_edge();
    dut.clk_i = 1;
    dut.eval();
    env.after_edge();
  };
  dut.rst_ni = 0;
  for (int i = 0; i < 4; ++i) tick();
  dut.rst_ni = 1;

  tsr::tb::GemmPlan plan;
  plan.m = plan.n = plan.k = 128;
  plan.me.format = format;
  plan.place(8);
  std::normal_distribution<float> normal;
  for (unsigned i = 0; i + 2 <= plan.c; i += 2) {
    const std::uint16_t x =
        format == MeFormat::Bf16
            ? tsr::numerics::fp32_to_bf16(tsr::numerics::bits_of(normal(env.rng)))
            : static_cast<std::uint16_t>(env.rng());
    std::memcpy(&env.spm[i], &x, 2);
  }
  env.set_context(0, plan.context());

  const auto rate = [&](const char* what, unsigned cycles) {
    const auto start = Clock::now();
    for (unsigned i = 0; i < cycles; ++i) tick();
    const std::chrono::duration<double> seconds = Clock::now() - start;
    fmt::print("{} {}: {:.1f} kHz\n", name, what, cycles / seconds.count() / 1000);
  };
  rate("idle", 1000000);
  for (int i = 0; i < 1000; ++i) {
    env.commands.push_back({0x21, 0, static_cast<std::uint16_t>(i), plan.bases()});
  }
  for (int i = 0; i < 1000; ++i) tick();
  rate("busy", 300000);
  dut.final();
}

}  // namespace

int main() {
  measure(MeFormat::Bf16, "BF16");
  measure(MeFormat::Int8, "INT8");
  return 0;
}
