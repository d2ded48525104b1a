// SPDX-License-Identifier: Apache-2.0
/// Speed of the functional engines. --benchmark_format=json for machines.
#include <benchmark/benchmark.h>

#include <random>

#include "engines/me.hpp"
#include "engines/me_kernel.hpp"
#include "engines/tdma.hpp"
#include "engines/ve.hpp"

namespace tsr::engines {
namespace {

using numerics::ElementFormat;

std::vector<std::uint8_t> numbers(std::size_t bytes, ElementFormat format) {
  std::mt19937 rng(1);
  std::vector<std::uint8_t> out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::uint8_t>(rng());
  // Neither infinities nor NaN: an exponent around one.
  if (format == ElementFormat::Bf16 || format == ElementFormat::Fp16) {
    for (std::size_t i = 1; i < bytes; i += 2)
      out[i] = static_cast<std::uint8_t>((out[i] & 0x81) | 0x3e);
  }
  if (format == ElementFormat::Fp32 || format == ElementFormat::Tf32) {
    for (std::size_t i = 3; i < bytes; i += 4)
      out[i] = static_cast<std::uint8_t>((out[i] & 0x81) | 0x3e);
  }
  if (format == ElementFormat::E4m3 || format == ElementFormat::E5m2) {
    for (auto& byte : out) byte &= 0xbe;
  }
  return out;
}

void macs(benchmark::State& state, double of_iteration) {
  state.counters["macs"] = benchmark::Counter(
      of_iteration * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

/// 256 x 128 x 784 on host memory.
void golden(benchmark::State& state, ElementFormat format) {
  GemmShape shape;
  shape.m = 256;
  shape.n = 128;
  shape.k = 784;
  shape.format = format;
  const std::size_t row = shape.k * static_cast<std::size_t>(numerics::element_bits(format)) / 8;
  shape.lda = shape.ldb = row;
  shape.ldc = 4 * shape.n;
  const auto a = numbers(shape.m * row, format);
  const auto b = numbers(shape.n * row, format);
  std::vector<std::uint32_t> c(shape.m * shape.n);
  for (auto _ : state) {
    gemm(shape, a.data(), b.data(), nullptr, c.data());
    benchmark::DoNotOptimize(c.data());
  }
  macs(state, static_cast<double>(shape.m * shape.n * shape.k));
}

/// One command of 64 x 64 x 512 bytes of K in a scratchpad.
void command(benchmark::State& state, ElementFormat format) {
  const std::uint32_t k_bytes = 512, m = 64, n = 64, pitch = k_bytes + 8;
  MeJob job;
  MeConfig me;
  me.set_format(format);
  job.context.me = me.to_row();
  AguConfig a;
  a.pitch = pitch;
  a.count = {k_bytes / 8, n / 8, m / 8, 1, 1, 1};
  a.set_strides({8, 0, static_cast<std::int32_t>(8 * pitch), 0, 0, 0});
  AguConfig b = a;
  b.set_strides({8, static_cast<std::int32_t>(8 * pitch), 0, 0, 0, 0});
  AguConfig o;
  o.w_log2 = 2;
  o.pitch = n * 4;
  o.count = {4, n / 8, m / 8, 1, 1, 1};
  o.set_strides({static_cast<std::int32_t>(8 * n), 32, static_cast<std::int32_t>(32 * n), 0, 0, 0});
  job.context.a = a.to_row();
  job.context.b = b.to_row();
  job.context.o = o.to_row();
  job.base = {0, 0x10000, 0, 0x20000};
  auto spm = numbers(262144, format);
  double done = 0;
  for (auto _ : state) {
    const MeResult result = run_gemm(job, spm);
    done += static_cast<double>(result.beats) * 64.0 * numerics::beat_elements(format);
  }
  state.counters["macs"] = benchmark::Counter(done, benchmark::Counter::kIsRate);
}

VeStage stage_of(VecOp op, VeSrc a, VeSrc b, VeSrc c, unsigned dst) {
  VeStage stage;
  stage.op = op;
  stage.a.src = a;
  stage.b.src = b;
  stage.c.src = c;
  stage.dst = dst;
  return stage;
}

/// A vector command over 16,384 elements: conversion, multiply-add, exponential, sum of rows.
void vector(benchmark::State& state, ElementFormat in, ElementFormat out, unsigned work) {
  VeConfig config;
  config.in[0].en = true;
  config.in[0].format = in;
  config.out[0].en = true;
  config.out[0].format = out;
  config.k = {0x3f800000, 0x40000000, 0x3f000000, 0, 0, 0, 0, 0};
  for (auto& stage : config.stage) stage.dst = 4;
  if (work >= 1)
    config.stage[0] = stage_of(VecOp::Fma, VeSrc::V0, VeSrc::K0, static_cast<VeSrc>(9), 0);
  if (work >= 2) config.stage[2] = stage_of(VecOp::Exp2, VeSrc::V0, VeSrc::Zero, VeSrc::Zero, 0);
  if (work >= 3) config.reduce = {VeRed::SumF, 0, 0, 0};
  const std::uint32_t elements = 16384;
  const auto stream = [&](ElementFormat format) {
    AguConfig agu;
    agu.w_log2 = 3;
    agu.pitch = 64;
    const std::uint32_t beats =
        elements * static_cast<unsigned>(numerics::element_bits(format)) / 512;
    agu.count = {16, beats / 16, 1, 1, 1, 1};
    agu.set_strides({64, 1024, 0, 0, 0, 0});
    return agu.to_row();
  };
  VeContext context;
  context.stages = config.stage_row();
  context.io = config.io_row();
  context.in[0] = stream(in);
  context.out[0] = stream(out);
  VeCommand words;
  words.base = {0, 0, 0, 0x20000, 0};
  auto spm = numbers(262144, in);
  for (auto _ : state) ve_execute(context, words, spm);
  state.counters["elements"] =
      benchmark::Counter(static_cast<double>(elements) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

/// Layout commands: bytes written.
void layout(benchmark::State& state, const TdmaCommand& command, double bytes) {
  auto spm = numbers(262144, ElementFormat::Uint8);
  for (auto _ : state) benchmark::DoNotOptimize(tdma_run(command, spm).bytes);
  state.counters["bytes"] = benchmark::Counter(bytes * static_cast<double>(state.iterations()),
                                               benchmark::Counter::kIsRate);
}

void register_all() {
  for (const ElementFormat format :
       {ElementFormat::Bf16, ElementFormat::Fp16, ElementFormat::Tf32, ElementFormat::Fp32,
        ElementFormat::E4m3, ElementFormat::E5m2, ElementFormat::E3m2, ElementFormat::E2m1,
        ElementFormat::Int8, ElementFormat::Int4}) {
    const std::string name(numerics::element_name(format));
    benchmark::RegisterBenchmark(("gemm/" + name).c_str(), golden, format);
    benchmark::RegisterBenchmark(("command/" + name).c_str(), command, format);
  }
  using F = ElementFormat;
  benchmark::RegisterBenchmark("vector/copy_bf16", vector, F::Bf16, F::Bf16, 0U);
  benchmark::RegisterBenchmark("vector/fma_bf16", vector, F::Bf16, F::Bf16, 1U);
  benchmark::RegisterBenchmark("vector/fma_fp32", vector, F::Fp32, F::Fp32, 1U);
  benchmark::RegisterBenchmark("vector/fma_exp_fp32", vector, F::Fp32, F::Fp32, 2U);
  benchmark::RegisterBenchmark("vector/fma_exp_sum_bf16", vector, F::Bf16, F::Bf16, 3U);
  benchmark::RegisterBenchmark("vector/fp32_to_int8", vector, F::Fp32, F::Int8, 1U);
  benchmark::RegisterBenchmark("layout/copy", layout, tdma_copy(0, 0x20000, 65536), 65536.0);
  benchmark::RegisterBenchmark("layout/copy_rows", layout,
                               tdma_copy_2d({3, 128}, {0x20000, 64}, 512, 61), 512 * 61.0);
  benchmark::RegisterBenchmark("layout/transpose_2", layout,
                               tdma_turn(TdmaElement::Bytes2, 128, 128, {0, 272}, {0x20000, 264}),
                               32768.0);
}

}  // namespace
}  // namespace tsr::engines

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  tsr::engines::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
