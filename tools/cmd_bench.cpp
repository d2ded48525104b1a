// SPDX-License-Identifier: Apache-2.0
/// `tessera bench`: the engines, and the simulation itself.
#include "commands.hpp"
#include "hbm/cmd_hbm.hpp"
#include "jobs/attention.hpp"
#include "jobs/context.hpp"
#include "jobs/conv.hpp"
#include "jobs/gemm.hpp"
#include "jobs/layout.hpp"
#include "jobs/operand.hpp"
#include "jobs/sim.hpp"
#include "jobs/stream.hpp"
#include "jobs/vector.hpp"
#include "noc/cmd_noc.hpp"
#include "session.hpp"

namespace tsr::tools {
namespace {

constexpr std::uint32_t kMaxSide = 4096;
constexpr std::uint32_t kMaxRepeat = 1000;

/// Options of a subcommand and of its session.
template <class T>
struct Bench {
  SessionOptions session;
  T job;
};

/// A subcommand with its session's options; `run` gets both.
template <class T, class Run>
std::pair<CLI::App*, std::shared_ptr<Bench<T>>> add(CLI::App& bench, const std::string& name,
                                                    const std::string& about, int& code, Run run) {
  auto options = std::make_shared<Bench<T>>();
  auto* cmd = bench.add_subcommand(name, about);
  options->session.add_to(*cmd);
  cmd->callback([options, &code, run] { code = run(options->session, options->job); });
  return {cmd, options};
}

/// A number in a range.
template <class T>
void number(CLI::App& cmd, const std::string& name, T& value, const std::string& about, T low,
            T high) {
  cmd.add_option(name, value, about)->capture_default_str()->check(CLI::Range(low, high));
}
void side(CLI::App& cmd, const std::string& name, std::uint32_t& value, const std::string& about) {
  number(cmd, name, value, about, 1U, kMaxSide);
}
void repeat(CLI::App& cmd, std::uint32_t& value) {
  number(cmd, "--repeat", value, "Times in a row: 1 is cold, more are chained", 1U, kMaxRepeat);
}
void choice(CLI::App& cmd, const std::string& name, std::string& value, const std::string& about,
            const std::vector<std::string>& choices) {
  cmd.add_option(name, value, about)->capture_default_str()->check(CLI::IsMember(choices));
}

void add_gemm(CLI::App& bench, int& code) {
  const auto [cmd, options] = add<GemmOptions>(
      bench, "gemm", "Measure C[m][n] = A[m][k] * B[n][k]^T and compare it with its bounds", code,
      run_gemm_bench);
  auto& gemm = options->job;
  choice(*cmd, "--format", gemm.format, "Elements of A and B; mx: with block scales",
         matrix_format_names(true));
  choice(*cmd, "--format-b", gemm.format_b, "Elements of B, if not those of A: FP8 or FP6",
         matrix_format_names(true));
  side(*cmd, "--m", gemm.m, "Rows of A and C");
  side(*cmd, "--n", gemm.n, "Rows of B, columns of C");
  side(*cmd, "--k", gemm.k, "Columns of A and B");
  choice(*cmd, "--scope", gemm.scope, "One tile, or all tiles of the chip", {"tile", "chip"});
  choice(*cmd, "--source", gemm.source, "Where the operands start: HBM, or a tile's scratchpad",
         {"spm", "hbm"});
  choice(*cmd, "--order", gemm.order,
         "How A and B lie, as BLAS says it: A t is [k][m], B n is [k][n]",
         {"nt", "nn", "tn", "tt"});
  repeat(*cmd, gemm.repeat);
}

void add_conv(CLI::App& bench, int& code) {
  const auto [cmd, options] = add<ConvOptions>(
      bench, "conv", "Measure a convolution, without im2col copies, in one tile's scratchpad", code,
      run_conv_bench);
  auto& conv = options->job;
  side(*cmd, "--n", conv.n, "Pictures");
  side(*cmd, "--h", conv.h, "Rows of a picture");
  side(*cmd, "--w", conv.w, "Columns of a picture");
  side(*cmd, "--c", conv.c, "Channels of the input");
  side(*cmd, "--k", conv.k, "Filters: channels of the output");
  number(*cmd, "--r", conv.r, "Rows of a filter", 1U, 64U);
  number(*cmd, "--s", conv.s, "Columns of a filter", 1U, 64U);
  number(*cmd, "--stride", conv.stride, "Distance of two results in the input", 1U, 64U);
  number(*cmd, "--dilation", conv.dilation, "Distance of two taps in the input", 1U, 64U);
  number(*cmd, "--pad", conv.pad, "Zeros around the picture", 0U, 15U);
  side(*cmd, "--groups", conv.groups, "Groups of channels; c and k: depthwise");
  choice(*cmd, "--format", conv.format, "Elements of input and filters",
         matrix_format_names(false));
  repeat(*cmd, conv.repeat);
}

void add_vector(CLI::App& bench, int& code) {
  struct Options {
    SessionOptions session;
    VectorOptions vector;
    bool list = false;
  };
  auto options = std::make_shared<Options>();
  auto* cmd = bench.add_subcommand(
      "vector", "Measure an expression of the library on one tile's vector engine");
  options->session.add_to(*cmd);
  auto& vector = options->vector;
  cmd->add_option("--op", vector.op, "Name of the expression");
  cmd->add_flag("--list", options->list, "Show the library, and end");
  cmd->add_option("--format", vector.format, "Elements of the streams; mx: with block scales")
      ->capture_default_str();
  cmd->add_option("--out", vector.out, "Elements of the results, if others; mx quantizes");
  number(*cmd, "--len", vector.len, "Elements of a row", 1U, 1U << 20);
  number(*cmd, "--rows", vector.rows, "Rows", 1U, 65535U);
  repeat(*cmd, vector.repeat);
  cmd->callback([options, &code] {
    if (options->list) {
      list_expressions();
    } else if (options->vector.op.empty()) {
      throw CLI::RequiredError("--op (or --list)");
    } else {
      code = run_vector_bench(options->session, options->vector);
    }
  });
}

void add_attention(CLI::App& bench, int& code) {
  const auto [cmd, options] = add<AttentionOptions>(
      bench, "attention", "Measure flash attention, softmax(Q K^T / sqrt(d)) V", code,
      run_attention_bench);
  auto& attention = options->job;
  number(*cmd, "--seq", attention.seq, "Queries and keys of a head: multiple of 128", 1U, kMaxSide);
  number(*cmd, "--head-dim", attention.head_dim, "Elements of a query: multiple of 16", 1U, 64U);
  number(*cmd, "--heads", attention.heads, "Heads", 1U, 256U);
  choice(*cmd, "--format", attention.format, "Elements", {"bf16"});
  cmd->add_flag("--causal", attention.causal, "Query i sees keys 0..i only");
  choice(*cmd, "--scope", attention.scope, "One tile, or all tiles of the chip", {"tile", "chip"});
}

void add_context(CLI::App& bench, int& code) {
  struct None {};
  add<None>(bench, "context", "Measure loading a context, and the cycles lost between two commands",
            code,
            [](const SessionOptions& session, const None&) { return run_context_bench(session); });
}

void add_layout(CLI::App& bench, int& code) {
  const auto [cmd, options] = add<LayoutOptions>(
      bench, "layout", "Measure an operation of one tile's layout engine", code, run_layout_bench);
  auto& layout = options->job;
  choice(*cmd, "--op", layout.op, "Operation", layout_names());
  choice(*cmd, "--bytes", layout.bytes, "Bytes of an element", {"0.5", "1", "2", "4"});
  side(*cmd, "--rows", layout.rows, "Rows of the matrix");
  side(*cmd, "--cols", layout.cols, "Columns of the matrix");
  side(*cmd, "--batch", layout.batch, "Matrices");
  number(*cmd, "--pad", layout.pad, "Border of pad: rows and elements on each side", 1U, 64U);
  repeat(*cmd, layout.repeat);
}

void add_stream(CLI::App& bench, int& code) {
  const auto [cmd, options] = add<StreamOptions>(
      bench, "stream", "Measure the tiles' DMA against the memory nodes", code, run_stream_bench);
  auto& stream = options->job;
  choice(*cmd, "--pattern", stream.pattern,
         "read: HBM to scratchpad; write: back; copy: both; mix: two reads to a write; random: "
         "reads of blocks at random places; mcast: one read for all tiles",
         stream_patterns());
  cmd->add_option("--bytes", stream.bytes,
                  "Bytes that each tile moves, of copy that it copies (default: about 224 KiB)");
  cmd->add_option("--burst", stream.burst, "Bytes of a command (default: by pattern)");
  cmd->add_option("--element", stream.element,
                  "Contiguous bytes of an element of a command (default: all; random: 256)");
  number(*cmd, "--region", stream.region_mib, "MiB in which random blocks lie", 1U, 1U << 20);
  cmd->add_option("--tiles", stream.tiles, "Tiles that take part, a rectangle (default: all)");
}

void add_sim(CLI::App& bench, int& code) {
  const auto [cmd, options] = add<SimOptions>(
      bench, "sim", "Measure the simulation speed with some tiles busy and the rest asleep", code,
      run_sim_bench);
  cmd->add_option("--busy", options->job.busy, "Tiles whose matrix engine works (default: all)");
  cmd->add_flag("--recorder", options->job.recorder,
                "Measure what snapshots of the flight recorder cost, and waves after a failure");
  number(*cmd, "--cycles", options->job.cycles, "Length of the measured window in cycles",
         std::uint64_t{1024}, std::uint64_t{100'000'000});
  cmd->add_flag("--compare", options->job.compare,
                "The same window on TLM models too, and firmware on the cores of all TLM tiles");
}

}  // namespace

void add_bench(CLI::App& app, int& code) {
  auto* bench = app.add_subcommand("bench", "Benchmarks; --json - gives machine-readable results");
  bench->require_subcommand(0, 1);  // exactly one, but an unknown one is to be named
  bench->callback([bench] {
    if (!bench->get_subcommands().empty()) return;
    throw CLI::RequiredError(
        "A subcommand (gemm, conv, vector, attention, context, layout, stream, hbm, noc or sim)");
  });
  add_gemm(*bench, code);
  add_conv(*bench, code);
  add_vector(*bench, code);
  add_attention(*bench, code);
  add_context(*bench, code);
  add_layout(*bench, code);
  add_stream(*bench, code);
  add_noc_bench(*bench, code);
  add_hbm(*bench, code);
  add_sim(*bench, code);
}

}  // namespace tsr::tools
