// SPDX-License-Identifier: Apache-2.0
/// Simulation speed of the vector engine: kHz of processor time while idle, while it copies with
/// seven stages at rest, and with every stage at work.
#include <fmt/format.h>

#include <ctime>

#include "Vtsr_ve_fast.h"
#include "ve/ve_env.hpp"
#include "ve/ve_plan.hpp"

namespace {

using tsr::tb::VeFormat;
using tsr::tb::VeOp;
using tsr::tb::VePlan;
using tsr::tb::VeSrc;

VePlan base_plan(VeFormat format) {
  VePlan plan;
  auto& c = plan.config;
  c.in[0].en = c.out[0].en = true;
  c.in[0].format = c.out[0].format = format;
  plan.in[0] = tsr::tb::linear(1000);
  return plan;
}

tsr::engines::VeStage stage(VeOp op, unsigned dst) {
  tsr::engines::VeStage s;
  s.op = op;
  s.a.src = VeSrc::V0;
  s.b.src = VeSrc::V1;
  s.c.src = VeSrc::V2;
  s.dst = dst;
  return s;
}

void measure(const char* name, VePlan plan) {
  VerilatedContext context;
  Vtsr_ve_fast dut(&context);
  tsr::tb::VeEnv<Vtsr_ve_fast> env(dut, 256 * 1024);
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
  plan.fit();
  plan.args.base = {0, 0x10000, 0x18000, 0x20000, 0x30000};
  env.set_context(0, plan.context());
  tsr::tb::VeRandom random(env.rng);
  for (const std::size_t at : {0U, 0x10000U, 0x18000U}) {
    random.fill(env.spm, at, at + 0x8000, plan.config.in[0].format);
  }
  const auto rate = [&](const char* what, unsigned cycles) {
    const std::clock_t start = std::clock();
    for (unsigned i = 0; i < cycles; ++i) tick();
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    fmt::print("{} {}: {:.1f} kHz\n", name, what, cycles / seconds / 1000);
  };
  rate("idle", 300000);
  for (int i = 0; i < 1000; ++i) {
    env.jobs.push_back({0x31, true, 0, static_cast<std::uint16_t>(i), plan.args});
  }
  for (int i = 0; i < 1000; ++i) tick();
  rate("busy", 100000);
  dut.final();
}

}  // namespace

int main() {
  measure("copy fp32", base_plan(VeFormat::Fp32));
  measure("copy bf16", base_plan(VeFormat::Bf16));
  VePlan one = base_plan(VeFormat::Fp32);
  one.config.stage[0] = stage(VeOp::Fma, 0);
  measure("one multiplier", one);
  VePlan all = base_plan(VeFormat::Fp32);
  all.config.in[1] = all.config.in[2] = all.config.in[0];
  all.config.out[1] = all.config.out[0];
  for (const unsigned s : {0U, 1U, 3U, 6U}) all.config.stage[s] = stage(VeOp::Fma, s % 3);
  all.config.stage[2] = stage(VeOp::Exp2, 1);
  all.config.stage[5] = stage(VeOp::Rsqrt, 2);
  all.config.stage[4] = stage(VeOp::MaxF, 0);
  all.config.stage[7] = stage(VeOp::Round, 1);
  all.config.reduce.op = tsr::tb::VeRed::SumF;
  measure("everything", all);
  return 0;
}
