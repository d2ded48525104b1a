// SPDX-License-Identifier: Apache-2.0
#include "context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "gemm.hpp"
#include "operand.hpp"
#include "vector.hpp"

namespace tsr::tools {
namespace {

/// Repetitions: 1 shows a cold command; 5 and 9 tell what one more command costs.
constexpr std::array<std::uint32_t, 3> kRepeats = {1, 5, 9};

/// One kind of command.
struct Probe {
  std::string name;
  EngineIndex engine = kMe;
  std::uint64_t busy = 0;                 // cycles of work of one command
  std::array<std::uint64_t, 3> cycles{};  // by kRepeats
  std::uint64_t rows = 0;                 // of a context, at most
  std::uint64_t load = 0;                 // cycles that the cold command spent on loading
  std::size_t mismatches = 0;
  Attribution last;  // of the longest chain

  void take(std::size_t i, const Attribution& a, std::size_t wrong) {
    const auto& e = a.engine[engine];
    cycles[i] = a.window;
    rows = std::max(rows, ceil_div(e.context_rows, std::max<std::uint64_t>(e.commands, 1)));
    if (kRepeats[i] == 1) load = a.loading[engine];
    mismatches += wrong;
    last = a;
  }
  double utilization() const {
    return static_cast<double>(kRepeats.back() * busy) / static_cast<double>(cycles.back());
  }
  std::uint64_t load_cycles() const { return std::max(rows, load); }
  /// Cycles between the last beat of a command and the first of the next.
  double bubbles() const {
    const double commands = kRepeats[2] - kRepeats[1];
    return (static_cast<double>(cycles[2]) - static_cast<double>(cycles[1])) / commands -
           static_cast<double>(busy);
  }
};

Probe probe_gemm(Session& session, const std::string& format, const std::string& order, bool bias) {
  Probe probe;
  probe.name = fmt::format("gemm {} {}{}", format, order, bias ? " with preload" : "");
  GemmOptions options;
  options.format = format;
  options.order = order;
  options.bias = bias;
  options.m = options.n = 48;
  options.k = 128;
  options.scope = "tile";
  options.source = "spm";
  for (std::size_t i = 0; i < kRepeats.size(); ++i) {
    options.repeat = kRepeats[i];
    const auto run = run_gemm(session, options);
    probe.busy = run.beats;
    probe.take(i, run.attribution, run.mismatches);
  }
  return probe;
}

/// Commands long enough for the core, which queues them one by one, to stay ahead.
Probe probe_vector(Session& session, const std::string& op, const std::string& format) {
  Probe probe;
  probe.name = fmt::format("vector {} {}", op, format);
  probe.engine = kVe;
  VectorOptions options;
  options.op = op;
  options.format = format;
  options.len = 1024;
  options.rows = 16;
  for (std::size_t i = 0; i < kRepeats.size(); ++i) {
    options.repeat = kRepeats[i];
    const auto run = run_vector(session, options);
    probe.busy = run.groups;
    probe.take(i, run.attribution, run.mismatches);
  }
  return probe;
}

}  // namespace

int run_context_bench(const SessionOptions& session_options) {
  Session session(session_options);
  session.begin("boot");
  session.chip().load();
  session.end();
  const std::vector<Probe> probes = {
      probe_gemm(session, "bf16", "nt", false),     probe_gemm(session, "bf16", "nn", true),
      probe_gemm(session, "int8", "nt", false),     probe_gemm(session, "fp8e4m3", "tn", false),
      probe_gemm(session, "mxfp8e4m3", "nt", true), probe_gemm(session, "fp32", "nt", false),
      probe_vector(session, "gelu", "bf16"),        probe_vector(session, "fma", "bf16"),
      probe_vector(session, "max_argmax", "bf16")};
  std::uint64_t load_cycles = 0;
  double bubbles = 0;
  std::size_t mismatches = 0;
  session.line(fmt::format("\n{:<32}{:>6}{:>6}{:>8}{:>8}{:>8}{:>8}{:>9}", "command", "rows", "load",
                           "work", "cold", "5", "9", "bubbles"));
  auto& json = session.result;
  json["probes"] = nlohmann::ordered_json::array();
  for (const auto& p : probes) {
    session.line(fmt::format("{:<32}{:>6}{:>6}{:>8}{:>8}{:>8}{:>8}{:>9.2f}", p.name, p.rows, p.load,
                             p.busy, p.cycles[0], p.cycles[1], p.cycles[2], p.bubbles()));
    json["probes"].push_back({{"command", p.name},
                              {"context_rows", p.rows},
                              {"config_cycles", p.load},
                              {"work_cycles", p.busy},
                              {"cold_cycles", p.cycles[0]},
                              {"bubbles", p.bubbles()},
                              {"cycles", p.cycles.back()},
                              {"utilization", p.utilization()},
                              {"attribution", p.last.json()}});
    load_cycles = std::max(load_cycles, p.load_cycles());
    bubbles = std::max(bubbles, p.bubbles());
    mismatches += p.mismatches;
  }
  session.line(
      fmt::format("\nload_cycles  {} at most (rows of a context; one a cycle)", load_cycles));
  session.line(fmt::format("bubbles      {:.2f} cycles at most between two commands", bubbles));
  json["cycles"] = probes.front().cycles.back();
  json["utilization"] = probes.front().utilization();
  json["attribution"] = probes.front().last.json();
  json["load_cycles"] = load_cycles;
  json["bubbles"] = bubbles;
  return conclude(session, mismatches);
}

}  // namespace tsr::tools
