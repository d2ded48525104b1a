// SPDX-License-Identifier: Apache-2.0
/// What `tessera report` draws: the counters of a whole chip after the measured part of a run, as
/// the key `report` of the run's JSON. docs/report.md has the schema.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tessera/host.hpp"

namespace tsr::tools {

/// Version of the key `report`; counts up when a reader of older data would misread it.
inline constexpr int kReportSchema = 1;

/// A stage of a run.
struct Stage {
  std::string name;
  std::uint64_t from = 0, to = 0;  ///< cycles since reset
};

/// The words of the command line, for the report. Set once by main().
void set_command_line(int argc, char** argv);
const std::vector<std::string>& command_line();

/// Read all counters: memory nodes, links, tiles. Takes time on the chip, after the measured part.
nlohmann::ordered_json read_run_data(Platform& chip);
/// The commands of the engines that the timeline kept.
nlohmann::ordered_json timeline_json(Platform& chip);
/// Floor plan, clock and sizes of a chip.
nlohmann::ordered_json chip_json(const Config& config);
/// Peak rates of a chip whose matrix engines multiply `macs` a cycle and tile.
nlohmann::ordered_json peak_json(const std::string& format, std::uint64_t macs);

}  // namespace tsr::tools
