// SPDX-License-Identifier: Apache-2.0
/// Simulation speed of the matrix engine: kHz of processor time while a 128 x 128 x 128 GEMM runs,
/// and while idle.
#include <fmt/format.h>

#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "Vtsr_me_fast.h"
#include "me/gemm_plan.hpp"
#include "numerics/convert.hpp"

using tsr::engines::MeFormat;

namespace {

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
  plan.me.set_format(format);
  plan.pad = 8;
  plan.place();
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
    const std::clock_t start = std::clock();
    for (unsigned i = 0; i < cycles; ++i) tick();
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    fmt::print("{} {}: {:.1f} kHz\n", name, what, cycles / seconds / 1000);
  };
  rate("idle", 1000000);
  for (int i = 0; i < 1000; ++i) {
    env.commands.push_back(plan.command(0, static_cast<std::uint16_t>(i), true));
  }
  for (int i = 0; i < 1000; ++i) tick();
  rate("busy", 300000);
  dut.final();
}

}  // namespace

/// Arguments: names of formats; none means a choice of all modes.
int main(int argc, char** argv) {
  std::vector<std::string> names(argv + 1, argv + argc);
  if (names.empty()) names = {"bf16", "int8", "fp8e4m3", "fp6e3m2", "fp4e2m1", "fp32"};
  for (const auto& name : names) {
    MeFormat format{};
    if (!tsr::numerics::element_from_name(name, format)) {
      fmt::print(stderr, "me_speed: no format {}\n", name);
      return 1;
    }
    measure(format, name.c_str());
  }
  return 0;
}
