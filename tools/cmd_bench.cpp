// SPDX-License-Identifier: Apache-2.0
/// `tessera bench`: gemm and sim.
#include "commands.hpp"
#include "jobs/gemm.hpp"
#include "jobs/sim.hpp"
#include "session.hpp"

namespace tsr::tools {
namespace {

constexpr std::uint32_t kMaxSide = 4096;

void add_gemm(CLI::App& bench, int& code) {
  struct Options {
    SessionOptions session;
    GemmOptions gemm;
  };
  auto options = std::make_shared<Options>();
  auto* cmd = bench.add_subcommand(
      "gemm", "Measure C[m][n] = A[m][k] * B[n][k]^T and compare it with its bounds");
  options->session.add_to(*cmd);
  auto& gemm = options->gemm;
  cmd->add_option("--format", gemm.format, "Elements of A and B")
      ->capture_default_str()
      ->check(CLI::IsMember({"bf16", "int8"}));
  cmd->add_option("--m", gemm.m, "Rows of A and C")
      ->capture_default_str()
      ->check(CLI::Range(1U, kMaxSide));
  cmd->add_option("--n", gemm.n, "Rows of B, columns of C")
      ->capture_default_str()
      ->check(CLI::Range(1U, kMaxSide));
  cmd->add_option("--k", gemm.k, "Columns of A and B")
      ->capture_default_str()
      ->check(CLI::Range(1U, kMaxSide));
  cmd->add_option("--scope", gemm.scope, "One tile, or all tiles of the chip")
      ->capture_default_str()
      ->check(CLI::IsMember({"tile", "chip"}));
  cmd->add_option("--source", gemm.source, "Where the operands start: HBM, or a tile's scratchpad")
      ->capture_default_str()
      ->check(CLI::IsMember({"spm", "hbm"}));
  cmd->callback([options, &code] { code = run_gemm_bench(options->session, options->gemm); });
}

void add_sim(CLI::App& bench, int& code) {
  struct Options {
    SessionOptions session;
    SimOptions sim;
  };
  auto options = std::make_shared<Options>();
  auto* cmd = bench.add_subcommand(
      "sim", "Measure the simulation speed with some tiles busy and the rest asleep");
  options->session.add_to(*cmd);
  cmd->add_option("--busy", options->sim.busy, "Tiles whose matrix engine works (default: all)");
  cmd->add_option("--cycles", options->sim.cycles, "Length of the measured window in cycles")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1024}, std::uint64_t{100'000'000}));
  cmd->callback([options, &code] { code = run_sim_bench(options->session, options->sim); });
}

}  // namespace

void add_bench(CLI::App& app, int& code) {
  auto* bench = app.add_subcommand("bench", "Benchmarks; --json - gives machine-readable results");
  bench->require_subcommand(0, 1);  // exactly one, but an unknown one is to be named
  bench->callback([bench] {
    if (bench->get_subcommands().empty()) throw CLI::RequiredError("A subcommand (gemm or sim)");
  });
  add_gemm(*bench, code);
  add_sim(*bench, code);
}

}  // namespace tsr::tools
