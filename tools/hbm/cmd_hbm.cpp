// SPDX-License-Identifier: Apache-2.0
#include "hbm/cmd_hbm.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>

#include "dram/dram_profile.hpp"
#include "error.hpp"
#include "hbm/patterns.hpp"

namespace tsr::tools {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// A profile by its name in configs/dram, or by the path of its file.
DramProfile find_profile(const std::string& name) {
  const bool path = name.find('/') != std::string::npos ||
                    (name.size() > 5 && name.compare(name.size() - 5, 5, ".toml") == 0);
  try {
    return load_dram_profile(path ? name : std::string(TSR_DRAM_PROFILES) + "/" + name + ".toml");
  } catch (const std::exception& error) {
    throw InputError(fmt::format("--profile {}: {}", name, error.what()));
  }
}

HbmTrace find_trace(const HbmOptions& options) {
  if (options.trace_file.empty() == options.pattern.empty()) {
    throw InputError("give either --trace FILE or --pattern NAME");
  }
  if (!options.trace_file.empty()) return load_hbm_trace(options.trace_file);
  return make_hbm_pattern(options.pattern, options.seed, options.bytes);
}

nlohmann::ordered_json to_json(const HbmOptions& options, const DramProfile& profile,
                               const HbmFigures& f) {
  nlohmann::ordered_json json;
  json["bench"] = "hbm";
  json["profile"] = profile.name;
  json["trace"] = options.trace_file.empty() ? options.pattern : options.trace_file;
  json["window"] = options.bench.window;
  if (options.bench.rate > 0) json["rate"] = options.bench.rate;
  json["read_atoms"] = f.reads;
  json["write_atoms"] = f.writes;
  json["clocks"] = f.clocks;
  json["efficiency"] = f.efficiency;
  json["latency_mean"] = f.latency_mean;
  json["latency_min"] = f.latency_min;
  json["latency_p99"] = f.latency_p99;
  json["latency_max"] = f.latency_max;
  auto& histogram = json["latency_histogram"] = nlohmann::ordered_json::array();
  for (unsigned c = 0; c < kHbmLatencyClasses; ++c) {
    nlohmann::ordered_json entry;
    if (c + 1 < kHbmLatencyClasses) entry["below"] = hbm_latency_limit(c);
    entry["blocks"] = f.latency_counts[c];
    histogram.push_back(entry);
  }
  json["read_wait_max"] = f.read_wait;
  json["write_wait_max"] = f.write_wait;
  json["activates"] = f.activates;
  json["activates_per_kilobyte"] = f.activates_per_kilobyte;
  json["columns"] = f.columns;
  json["row_hits"] = f.row_hits;
  json["turnarounds"] = f.turnarounds;
  json["refreshes"] = f.refreshes;
  json["refresh_longest_gap"] = f.refresh_gap;
  json["refreshes_owed_max"] = f.refresh_debt;
  json["power_downs"] = f.power_downs;
  json["power_down_cycles"] = f.power_down_cycles;
  json["timing_violations"] = f.violations;
  json["wrong_bytes"] = f.wrong_bytes;
  return json;
}

void print_report(std::FILE* out, const DramProfile& profile, const HbmFigures& f) {
  fmt::print(out, "{}: {} atoms read, {} written\n", profile.name, f.reads, f.writes);
  fmt::print(out, "efficiency      {:6.2f} % of the peak over {} clocks\n", f.efficiency, f.clocks);
  if (f.reads != 0) {
    fmt::print(out, "read latency    mean {:.1f}, shortest {}, 99 % {}, longest {} clocks\n",
               f.latency_mean, f.latency_min, f.latency_p99, f.latency_max);
  }
  fmt::print(out, "longest in queue  reads {}, writes {} clocks\n", f.read_wait, f.write_wait);
  fmt::print(out, "activates       {:.3f} a kilobyte, {:.1f} % row hits\n",
             f.activates_per_kilobyte, 100 * f.row_hits);
  fmt::print(out, "turnarounds     {}\n", f.turnarounds);
  fmt::print(out, "bank refreshes  {}, longest gap {} clocks, {} owed at most\n", f.refreshes,
             f.refresh_gap, f.refresh_debt);
  if (f.power_downs != 0) {
    fmt::print(out, "power-downs     {}, {} cycles\n", f.power_downs, f.power_down_cycles);
  }
}

void write_result(const nlohmann::ordered_json& json, const std::string& file) {
  if (file.empty()) return;
  if (file == "-") {
    fmt::print("{}\n", json.dump(2));
    return;
  }
  std::ofstream stream(file);
  stream << json.dump(2) << "\n";
  if (!stream.flush()) throw InputError(file + ": the result cannot be written");
}

/// What went wrong, on standard error; the exit code.
int judge(const HbmFigures& f) {
  if (f.violations != 0) {
    fmt::print(stderr, "tessera: {} violations of the DRAM's rules, the first: {}\n", f.violations,
               f.first_violation);
    return static_cast<int>(ExitCode::CheckFailed);
  }
  if (f.wrong_bytes != 0) {
    fmt::print(stderr, "tessera: {} wrong bytes, the first: {}\n", f.wrong_bytes, f.first_wrong);
    return static_cast<int>(ExitCode::JobFailed);
  }
  return 0;
}

}  // namespace

int run_hbm_bench(const HbmOptions& options) {
  const DramProfile profile = find_profile(options.profile);
  const HbmTrace trace = find_trace(options);
  File commands(nullptr, std::fclose);
  HbmBenchOptions bench = options.bench;
  if (!options.commands_file.empty()) {
    commands.reset(std::fopen(options.commands_file.c_str(), "w"));
    if (!commands) throw InputError(options.commands_file + ": cannot be written");
    bench.commands = commands.get();
  }
  const HbmFigures figures = run_hbm_trace(trace, profile.timing, bench);
  if (commands && (std::fflush(commands.get()) != 0 || std::ferror(commands.get()) != 0)) {
    throw InputError(options.commands_file + ": cannot be written");
  }
  print_report(options.json_file == "-" ? stderr : stdout, profile, figures);
  write_result(to_json(options, profile, figures), options.json_file);
  return judge(figures);
}

void add_hbm(CLI::App& bench, int& code) {
  auto options = std::make_shared<HbmOptions>();
  auto* cmd = bench.add_subcommand(
      "hbm", "Replay memory accesses on the HBM controller of one pseudo channel and its DRAM");
  cmd->add_option("--profile", options->profile, "Speed grade: a name in configs/dram, or a file")
      ->capture_default_str();
  cmd->add_option("--trace", options->trace_file,
                  "Lines R|W ADDRESS BYTES SOURCE EARLIEST_CLOCK; addresses in the pseudo channel");
  cmd->add_option("--pattern", options->pattern, "Made instead of a trace")
      ->check(CLI::IsMember(hbm_pattern_names()));
  cmd->add_option("--seed", options->seed, "Random numbers of the pattern")->capture_default_str();
  cmd->add_option("--bytes", options->bytes, "Size of the pattern")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{4096}, std::uint64_t{1} << 30));
  auto* window =
      cmd->add_option("--window", options->bench.window,
                      "Atoms of the trace that reads and writes may be apart when offered")
          ->capture_default_str()
          ->check(CLI::Range(2U, 1U << 20));
  cmd->add_option("--rate", options->bench.rate,
                  "Offered share of the peak, up to 1; without it as fast as it goes")
      ->check(CLI::Range(0.001, 1.0))
      ->excludes(window);
  cmd->add_option("--write-low", options->bench.write_low, "SCHED.WR_LOW of the controller")
      ->capture_default_str()
      ->check(CLI::Range(0U, 63U));
  cmd->add_option("--write-high", options->bench.write_high, "SCHED.WR_HIGH of the controller")
      ->capture_default_str()
      ->check(CLI::Range(1U, 64U));
  cmd->add_option("--age-limit", options->bench.age_limit, "SCHED.AGE_LIMIT of the controller")
      ->capture_default_str()
      ->check(CLI::Range(8U, 4095U));
  cmd->add_flag("--refresh-all", options->bench.refresh_all,
                "Refresh all banks at once: REFRESH.ALL_BANK of the controller");
  cmd->add_option("--power-down", options->bench.power_down,
                  "POWER.PD_IDLE of the controller: idle cycles before power-down, 0 never")
      ->capture_default_str()
      ->check(CLI::Range(0U, 4095U));
  cmd->add_option("--commands", options->commands_file,
                  "Write every DRAM command: clock name bank-group bank row column");
  cmd->add_option("--json", options->json_file, "Write the result as JSON; - is standard output");
  cmd->callback([options, &code] { code = run_hbm_bench(*options); });
}

}  // namespace tsr::tools
