// SPDX-License-Identifier: Apache-2.0
#include "composed.hpp"

#include <fmt/format.h>

#include <random>
#include <systemc>

#include "chip.hpp"
#include "engines/me.hpp"
#include "tessera_abi.h"

namespace tsr::tb {
namespace {

constexpr std::uint64_t kMaxCycles = 3'000'000;
constexpr std::size_t kBf16 = 2, kFp32 = 4;

/// The SystemC module inside the platform.
Chip& chip_of_platform() {
  auto* chip = dynamic_cast<Chip*>(sc_core::sc_find_object("chip"));
  if (chip == nullptr) throw std::runtime_error("the platform has no SystemC module 'chip'");
  return *chip;
}

void attach(Chip& chip, Record& record) {
  chip.kernel().observe_flits(
      [&record](std::uint64_t cycle, std::size_t node, unsigned link, const std::uint32_t* flit) {
        FlitEvent& event = record.flits.emplace_back();
        event.cycle = cycle;
        event.node = static_cast<std::uint32_t>(node);
        event.link = link;
        std::memcpy(event.words, flit, sizeof(event.words));
      });
  HostPort& port = chip.host_port();
  port.on_request = [&](const HostRequest& request) {
    record.requests.push_back({chip.cycle(), request});
  };
  port.on_response = [&, next = port.on_response](const HostResponse& response) {
    record.responses.push_back({chip.cycle(), response});
    next(response);
  };
  port.on_interrupt = [&, next = port.on_interrupt](bool level) {
    record.interrupts.push_back({chip.cycle(), level});
    next(level);
  };
}

/// Random BF16 values of either sign between 2^-4 and 2^3.
std::vector<std::uint16_t> random_matrix(std::size_t size, std::mt19937_64& rng) {
  std::vector<std::uint16_t> matrix(size);
  for (auto& value : matrix) {
    const auto random = rng();
    value = static_cast<std::uint16_t>((random >> 8 & 0x807f) | (123 + random % 7) << 7);
  }
  return matrix;
}

std::uint64_t upload(Platform& chip, const std::vector<std::uint16_t>& matrix) {
  const auto at = chip.allocate(matrix.size() * kBf16);
  chip.write(at, matrix.data(), matrix.size() * kBf16);
  return at;
}

void read_counters(Platform& chip, GemmOutcome& out) {
  const auto add = [&out](const std::string& name, std::uint64_t value) {
    out.counters.emplace_back(name, value);
  };
  for (const Node tile : chip.config().tiles) {
    const auto name = fmt::format("tile ({}, {}) ", tile.x, tile.y);
    const TileCounters t = chip.tile_counters(tile);
    const std::pair<const char*, const EngineCounters&> engines[] = {
        {"rdma", t.rdma}, {"wdma", t.wdma}, {"me", t.me}};
    for (const auto& [engine, e] : engines) {
      add(name + engine + " busy", e.busy);
      add(name + engine + " wait_semaphore", e.wait_semaphore);
      add(name + engine + " starved", e.starved);
      add(name + engine + " blocked", e.blocked);
      add(name + engine + " conflict", e.conflict);
      add(name + engine + " config", e.config);
      add(name + engine + " idle", e.idle);
      add(name + engine + " commands", e.commands);
      add(name + engine + " operations", e.operations);
    }
    add(name + "elapsed", t.elapsed);
    add(name + "request flits sent", t.request_flits_sent);
    add(name + "request flits received", t.request_flits_received);
    add(name + "response flits sent", t.response_flits_sent);
    add(name + "response flits received", t.response_flits_received);
    add(name + "instructions", t.instructions);
    add(name + "scratchpad conflicts", t.spm_conflict_cycles);
  }
  for (const Node memory : chip.config().memories) {
    const auto name = fmt::format("memory node ({}, {}) ", memory.x, memory.y);
    const MemoryCounters m = chip.memory_counters(memory);
    add(name + "bytes read", m.bytes_read);
    add(name + "bytes written", m.bytes_written);
    add(name + "row hits", m.row_hits);
    add(name + "row misses", m.row_misses);
  }
}

}  // namespace

GemmOutcome run_gemm(const GemmJob& job) {
  GemmOutcome out;
  std::mt19937_64 rng(job.seed);
  const auto a = random_matrix(std::size_t{job.m} * job.k, rng);
  const auto b = random_matrix(std::size_t{job.n} * job.k, rng);

  PlatformOptions options;
  options.threads = job.threads;
  options.max_cycles = kMaxCycles;
  auto chip = Platform::open("t4", options);
  Chip& module = chip_of_platform();
  module.kernel().allow_sleep(job.sleep);
  attach(module, out.record);

  chip->load();
  tsr_gemm_args_t args{};
  args.m = job.m;
  args.n = job.n;
  args.k = job.k;
  args.format = TSR_GEMM_BF16;
  args.lda = args.ldb = static_cast<std::uint32_t>(job.k * kBf16);
  args.ldc = static_cast<std::uint32_t>(job.n * kFp32);
  args.a = upload(*chip, a);
  args.b = upload(*chip, b);
  out.result.resize(std::size_t{job.m} * job.n * kFp32);
  args.c = chip->allocate(out.result.size());
  out.launch_cycles = chip->run("kernel_gemm", chip->all_tiles(), args).cycles;
  chip->read(args.c, out.result.data(), out.result.size());
  read_counters(*chip, out);
  out.record.cycles = chip->cycle();
  out.kernel = module.kernel().stats();

  engines::GemmShape shape;
  shape.m = job.m;
  shape.n = job.n;
  shape.k = job.k;
  shape.lda = args.lda;
  shape.ldb = args.ldb;
  shape.ldc = args.ldc;
  std::vector<std::uint8_t> golden(out.result.size());
  engines::gemm(shape, a.data(), b.data(), nullptr, golden.data());
  out.right = golden == out.result;
  return out;
}

}  // namespace tsr::tb
