// SPDX-License-Identifier: Apache-2.0
/// `tessera doctor`: why a chip hangs, from its waves.
#include <fmt/format.h>

#include <optional>

#include "commands.hpp"
#include "doctor/wave_state.hpp"
#include "session.hpp"

namespace tsr::tools {
namespace {

struct DoctorOptions {
  std::string fst;
  std::optional<std::uint64_t> at;
  std::string tile_elf, ctl_elf, json;
};

std::optional<ElfImage> load(const std::string& file) {
  if (file.empty()) return std::nullopt;
  return ElfImage::load(file);
}

int run(const DoctorOptions& options) {
  const auto tile = load(options.tile_elf), ctl = load(options.ctl_elf);
  const auto state = doctor::read_state(options.fst, options.at.value_or(~0ULL));
  const auto diagnosis = doctor::diagnose(state, [&](doctor::Kind kind, std::uint32_t pc) {
    const auto& elf = kind == doctor::Kind::Ctl ? ctl : tile;
    return elf ? elf->describe(pc) : std::string();
  });
  fmt::print(options.json == "-" ? stderr : stdout, "cycle {}\n{}", state.cycle, diagnosis.text());
  auto json = to_json(diagnosis);
  json["at"] = state.cycle;
  write_json(json, options.json);
  return 0;
}

}  // namespace

void add_doctor(CLI::App& app, int& code) {
  auto options = std::make_shared<DoctorOptions>();
  auto* cmd = app.add_subcommand("doctor", "Say from waves why a chip hangs");
  cmd->description(
      "Say from waves why a chip hangs: what each core, engine, queue, semaphore and router waits\n"
      "for, the likeliest cause first. The waves must hold the whole chip, as those of --trace, "
      "of\n"
      "the flight recorder and of --replay do.");
  cmd->add_option("FILE", options->fst, "Waves in FST format")->required();
  cmd->add_option("--at", options->at, "Cycle to look at (default: the last one)")
      ->check(CLI::NonNegativeNumber);
  cmd->add_option("--elf", options->tile_elf, "Program of the tiles, for names of functions");
  cmd->add_option("--ctl-elf", options->ctl_elf, "Program of the ctl node, for names of functions");
  cmd->add_option("--json", options->json, "Write the diagnosis as JSON; - is standard output");
  cmd->callback([options, &code] { code = run(*options); });
}

}  // namespace tsr::tools
