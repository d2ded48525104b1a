// SPDX-License-Identifier: Apache-2.0
#include "noc/cmd_noc.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "error.hpp"
#include "noc/fault_bench.hpp"
#include "noc/traffic.hpp"
#include "session.hpp"

namespace tsr::tools {
namespace {

constexpr unsigned kMinSide = 2, kMaxSide = 8;
constexpr double kLowRate = 0.01;        // where the zero-load latency is measured
constexpr double kSaturationFactor = 3;  // of the zero-load latency
constexpr double kResolution = 0.002;

struct Options {
  std::string mesh = "4x4";
  std::string pattern = "uniform";
  std::string network = "request";
  bool sweep = false;
  std::string json_file;
  std::string faults_file;
  std::string random_links, random_routers;  ///< COUNT,SEED
  std::string faults_each;
  unsigned sets = 1;  ///< of random faults
  TrafficOptions traffic;
};

void parse_mesh(const std::string& text, RawMeshOptions& mesh) {
  char rest = 0;
  const bool two = std::sscanf(text.c_str(), "%ux%u%c", &mesh.width, &mesh.height, &rest) == 2;
  const auto legal = [](unsigned side) { return side >= kMinSide && side <= kMaxSide; };
  if (!two || !legal(mesh.width) || !legal(mesh.height)) {
    throw InputError(fmt::format("--mesh {}: give WIDTHxHEIGHT, each {}..{}, such as 4x4", text,
                                 kMinSide, kMaxSide));
  }
}

TrafficPattern make_pattern(const Options& options) {
  const auto names = TrafficPattern::names();
  const auto& mesh = options.traffic.mesh;
  if (std::find(names.begin(), names.end(), options.pattern) != names.end()) {
    return TrafficPattern::named(options.pattern, mesh.width, mesh.height);
  }
  if (access(options.pattern.c_str(), F_OK) != 0) {
    throw InputError(fmt::format("--pattern {}: neither a file nor one of {}", options.pattern,
                                 fmt::join(names, ", ")));
  }
  return TrafficPattern::file(options.pattern, mesh.width, mesh.height);
}

/// Shows what runs, on a terminal only.
class Progress {
 public:
  ~Progress() {
    if (terminal_) fmt::print(stderr, "\r\033[K");
  }
  void show(double rate, double part) const {
    if (!terminal_) return;
    fmt::print(stderr, "\r\033[K  rate {:.3f}: {:.0f} %", rate, 100 * part);
    std::fflush(stderr);
  }

 private:
  bool terminal_ = isatty(fileno(stderr)) != 0;
};

TrafficResult run_at(double rate, double hopeless, const Options& options,
                     const TrafficPattern& pattern, const Progress& progress) {
  TrafficOptions traffic = options.traffic;
  traffic.rate = rate;
  traffic.hopeless = hopeless;
  return run_traffic(traffic, pattern, [&](double part) { progress.show(rate, part); });
}

/// Offered rate at which the mean latency is kSaturationFactor times that without load, by
/// bisection; 1 if it never is.
double saturation(double zero_load, const Options& options, const TrafficPattern& pattern,
                  const Progress& progress) {
  const double limit = kSaturationFactor * zero_load;
  const auto saturated = [&](double rate) {
    return run_at(rate, limit, options, pattern, progress).latency_mean > limit;
  };
  if (!saturated(1.0)) return 1.0;
  double low = kLowRate, high = 1.0;
  while (high - low > kResolution) {
    const double middle = (low + high) / 2;
    (saturated(middle) ? high : low) = middle;
  }
  return low;
}

/// Set number `set` of the faults that the options ask for; the numbers of sets are added to the
/// seeds.
FaultMap random_faults(const Options& options, unsigned set) {
  FaultMap faults(options.traffic.mesh.width, options.traffic.mesh.height);
  if (!options.faults_file.empty()) read_faults(options.faults_file, faults);
  if (!options.random_links.empty()) add_random_links(options.random_links, set, faults);
  if (!options.random_routers.empty()) add_random_routers(options.random_routers, set, faults);
  if (faults.live_routers() == 0) throw InputError("no router is left alive");
  return faults;
}

/// Faults that the options ask for, the first set; nothing when they ask for none.
std::optional<FaultMap> make_faults(const Options& options) {
  const bool any = !options.faults_file.empty() || !options.random_links.empty() ||
                   !options.random_routers.empty() || !options.faults_each.empty();
  if (options.sets > 1 && options.random_links.empty() && options.random_routers.empty()) {
    throw InputError("--sets: needs --faults-random or --faults-random-routers");
  }
  if (!any) return std::nullopt;
  if (options.traffic.vcs != kNumVcs) {
    throw InputError("--vcs: routes around faults need both virtual channels");
  }
  if (options.sweep && !options.faults_each.empty()) {
    throw InputError("--sweep: not together with --faults-each");
  }
  if (options.sets > 1 && (options.sweep || !options.faults_each.empty())) {
    throw InputError("--sets: not together with --sweep or --faults-each");
  }
  return random_faults(options, 0);
}

/// Costs of the sets of faults, or of each single one beside them.
std::vector<FaultCost> run_faults(const Options& options, const FaultMap& faults,
                                  const TrafficPattern& pattern, const Progress& progress) {
  std::vector<FaultMap> sets = {faults};
  for (unsigned set = 1; set < options.sets; ++set) sets.push_back(random_faults(options, set));
  if (!options.faults_each.empty()) sets = single_faults(options.faults_each, faults);
  if (sets.empty()) throw InputError("--faults-each: nothing is left that could be dead");
  FaultBench bench(options.traffic, pattern);
  std::vector<FaultCost> costs;
  for (const FaultMap& set : sets) {
    progress.show(1, static_cast<double>(costs.size()) / static_cast<double>(sets.size()));
    costs.push_back(bench.measure(std::make_shared<const MeshRoutes>(set)));
  }
  return costs;
}

/// The measurement at the given rate.
std::string measure(const Options& options, const TrafficPattern& pattern, const Progress& progress,
                    nlohmann::ordered_json& json) {
  const auto result = run_at(options.traffic.rate, 0, options, pattern, progress);
  json["rate"] = options.traffic.rate;
  json["latency_mean"] = result.latency_mean;
  json["latency_p99"] = result.latency_p99;
  json["latency_max"] = result.latency_max;
  json["accepted"] = result.accepted;
  json["accepted_min"] = result.accepted_min;
  json["drain_cycles"] = result.drain_cycles;
  json["flits"] = result.flits;
  return fmt::format(
      "offered {:.3f}: accepted {:.3f} flits a node and cycle, worst source {:.3f}\n"
      "latency mean {:.1f}, 99 % {}, most {} cycles\n"
      "{} flits checked, mesh empty {} cycles after the last one went in\n",
      options.traffic.rate, result.accepted, result.accepted_min, result.latency_mean,
      result.latency_p99, result.latency_max, result.flits, result.drain_cycles);
}

/// Latency without load and saturation; with faults, also that of the same pairs without them.
std::string sweep(const Options& options, const TrafficPattern& pattern, const Progress& progress,
                  nlohmann::ordered_json& json) {
  const double zero = run_at(kLowRate, 0, options, pattern, progress).latency_mean;
  const double point = saturation(zero, options, pattern, progress);
  json["zero_load_latency"] = zero;
  json["saturation"] = point;
  std::string text = fmt::format("without load {:.2f} cycles; {:.0f} times that at {:.3f}\n", zero,
                                 kSaturationFactor, point);
  if (!options.traffic.mesh.routes) return text;
  Options whole = options;
  whole.traffic.mesh.routes = nullptr;
  const double whole_zero = run_at(kLowRate, 0, whole, pattern, progress).latency_mean;
  const double whole_point = saturation(whole_zero, whole, pattern, progress);
  json["saturation_retained"] = point / whole_point;
  return text + fmt::format("without faults {:.2f} cycles, and saturation at {:.3f}: x {:.3f}\n",
                            whole_zero, whole_point, point / whole_point);
}

int run(Options& options) {
  parse_mesh(options.mesh, options.traffic.mesh);
  options.traffic.mesh.net = options.network == "request" ? 0 : 1;
  const auto pattern = make_pattern(options);
  const auto faults = make_faults(options);
  const Progress progress;
  auto& traffic = options.traffic;
  nlohmann::ordered_json json;
  json["mesh"] = options.mesh;
  json["pattern"] = options.pattern;
  json["network"] = options.network;
  json["vcs"] = traffic.vcs;
  json["depth"] = traffic.mesh.depth;
  json["seed"] = traffic.mesh.seed;
  json["warmup"] = traffic.warmup;
  json["measure"] = traffic.measure;
  std::string report;
  bool all_reached = true;
  if (faults) {
    const auto costs = run_faults(options, *faults, pattern, progress);
    report += summarize(costs, json);
    all_reached = std::all_of(costs.begin(), costs.end(),
                              [](const FaultCost& cost) { return cost.reachable == 100; });
    traffic.mesh.routes = traffic.pairs = std::make_shared<const MeshRoutes>(*faults);
  }
  if (options.faults_each.empty() && options.sets == 1) {
    report += measure(options, pattern, progress, json);
    if (options.sweep) report += sweep(options, pattern, progress, json);
  }
  if (options.json_file != "-") fmt::print("{}", report);
  write_json(json, options.json_file);
  return all_reached ? 0 : static_cast<int>(ExitCode::CheckFailed);
}

}  // namespace

void add_noc_bench(CLI::App& bench, int& code) {
  auto options = std::make_shared<Options>();
  auto& traffic = options->traffic;
  auto* cmd = bench.add_subcommand(
      "noc", "Measure the network alone: the routers' RTL with traffic at every local port");
  cmd->add_option("--mesh", options->mesh, "Columns x rows, 2x2 to 8x8")->capture_default_str();
  cmd->add_option("--pattern", options->pattern,
                  fmt::format("One of {}; or a file with a line 'source destination' for each "
                              "node (y * width + x), or a row of probabilities for each node",
                              fmt::join(TrafficPattern::names(), ", ")))
      ->capture_default_str();
  cmd->add_option("--rate", traffic.rate,
                  "Flits that each node creates a cycle, at random (Bernoulli)")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  cmd->add_option("--seed", traffic.mesh.seed, "Seed of the traffic")->capture_default_str();
  cmd->add_option("--vcs", traffic.vcs, "Virtual channels that the sources use")
      ->capture_default_str()
      ->check(CLI::Range(1U, kNumVcs));
  cmd->add_option("--depth", traffic.mesh.depth, "Flits of buffer a virtual channel")
      ->capture_default_str()
      ->check(CLI::Range(1U, kVcDepth));
  cmd->add_option("--warmup", traffic.warmup, "Cycles before the measurement")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{10'000'000}));
  cmd->add_option("--measure", traffic.measure, "Cycles of the measurement")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{100}, std::uint64_t{10'000'000}));
  cmd->add_option("--network", options->network, "Request (x first) or response (y first)")
      ->capture_default_str()
      ->check(CLI::IsMember({"request", "response"}));
  cmd->add_option("--faults", options->faults_file,
                  "File of dead links and routers: lines 'link X,Y X,Y' and 'router X,Y'");
  cmd->add_option("--faults-random", options->random_links, "COUNT,SEED: dead links at random");
  cmd->add_option("--faults-random-routers", options->random_routers,
                  "COUNT,SEED: dead routers at random");
  cmd->add_option(
         "--faults-each", options->faults_each,
         "Only the costs of faults: of each link or each router, dead alone beside the others")
      ->check(CLI::IsMember({"link", "router"}));
  cmd->add_option(
         "--sets", options->sets,
         "Only the costs of faults: of so many sets of random ones, with SEED, SEED + 1, ...")
      ->capture_default_str()
      ->check(CLI::Range(1U, 10'000U));
  cmd->add_flag("--sweep", options->sweep,
                "Also find the latency without load, and the rate where it has tripled");
  cmd->add_option("--json", options->json_file,
                  "Write the results as JSON to this file; - is standard output");
  cmd->callback([options, &code] { code = run(*options); });
}

}  // namespace tsr::tools
