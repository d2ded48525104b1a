// SPDX-License-Identifier: Apache-2.0
#include "failure.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <vector>

#include "../error.hpp"
#include "formats.hpp"
#include "view.hpp"

namespace tsr::waves {
namespace {

constexpr unsigned kEngines = 5;

/// Last change of a signal up to a cycle at which it took a value that `fits`, in cycles.
template <class Fits>
std::optional<std::uint64_t> last_time(FstFile& trace, const std::string& name, std::uint64_t cycle,
                                       Fits fits) {
  std::optional<std::uint64_t> last;
  trace.walk({trace.find(name)}, (cycle + 1) * kWavePeriodPs - 1,
             [&](std::uint64_t time, std::uint32_t, std::string_view bits) {
               if (fits(wave_number(bits))) last = time / kWavePeriodPs;
             });
  return last;
}

/// When the queue last began to offer command `id`.
std::optional<std::uint64_t> offered_at(FstFile& trace, const std::string& queue, std::uint64_t id,
                                        std::uint64_t cycle) {
  const auto valid = trace.find(queue + ".cmd_valid_o");
  const auto number = trace.find(queue + ".cmd_o.id");
  std::optional<std::uint64_t> last;
  bool offered = false;
  std::uint64_t now = 0;
  trace.walk(
      {valid, number}, (cycle + 1) * kWavePeriodPs - 1,
      [&](std::uint64_t time, std::uint32_t handle, std::string_view bits) {
        (handle == valid ? void(offered = wave_number(bits) != 0) : void(now = wave_number(bits)));
        if (offered && now == id) last = time / kWavePeriodPs;
      });
  return last;
}

/// A value at a cycle, as the filter of its format writes it.
std::string text_at(FstFile& trace, const std::string& format, const std::string& name,
                    std::uint64_t cycle) {
  const auto& fields = find_format(format)->fields;
  std::vector<std::uint32_t> handles;
  handles.reserve(fields.size());
  for (const auto& field : fields) handles.push_back(trace.find(name + "." + field.path));
  auto values = trace.values(handles, (cycle + 1) * kWavePeriodPs - 1);
  std::map<std::string, std::uint64_t> numbers;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    numbers[fields[i].path] = wave_number(values[handles[i]]);
  }
  const auto text = find_format(format)->text(numbers);
  return text.substr(text.front() == '?' ? text.find('?', 1) + 1 : 0);
}

std::string pick_view(const FstFile& trace, const std::string& node) {
  for (const char* name : {"failure", "memory", "router"}) {
    for (const auto& place : view_places(trace, name)) {
      if (place == node) return name;
    }
  }
  return "chip";
}

}  // namespace

std::optional<FailedCommand> failed_command(FstFile& trace, const std::string& hart_node,
                                            std::uint64_t cycle) {
  std::optional<FailedCommand> failed;
  for (unsigned engine = 0; engine < kEngines; ++engine) {
    const auto done = fmt::format("{}.done[{}]", hart_node, engine);
    const auto end =
        last_time(trace, done + ".err", cycle, [](std::uint64_t err) { return err != 0; });
    if (!end || (failed && failed->end >= *end)) continue;
    const auto id = trace.find(done + ".id");
    const auto number = wave_number(trace.values({id}, *end * kWavePeriodPs)[id]);
    failed = FailedCommand{engine, number, *end, {}, {}, {}};
  }
  if (failed) {
    const auto queue = fmt::format("{}.gen_queue[{}].u_cmdq", hart_node, failed->engine);
    const auto done = fmt::format("{}.done[{}]", hart_node, failed->engine);
    failed->start = offered_at(trace, queue, failed->id, failed->end);
    failed->error = text_at(trace, "done", done, failed->end);
    if (failed->start) {
      failed->command = text_at(trace, "cmd", queue + ".cmd_o", *failed->start);
    }
  }
  return failed;
}

void write_failure_view(const std::string& fst, const std::string& save, std::uint64_t cycle,
                        std::optional<Node> node) {
  FstFile trace(fst);
  FailureView shown;
  shown.cycle = cycle;
  if (node) shown.node = fmt::format("{},{}", node->x, node->y);
  shown.view = pick_view(trace, shown.node);
  if (shown.view == "chip") shown.node.clear();
  ViewOptions options;
  options.node = shown.node;
  options.at = cycle;
  options.allow_missing = true;
  std::ofstream out(save);
  out << fmt::format("[*] The flight recorder: view {} at node {} in cycle {}\n", shown.view,
                     shown.node.empty() ? "any" : shown.node, cycle)
      << "[dumpfile] \"" << std::filesystem::absolute(fst).string()
      << "\"\n[size] 1800 1000\n[pos] -1 -1\n"
      << make_view(trace, shown.view, options).text;
  if (!out.flush()) throw InputError(save + ": the save file cannot be written");
}

std::optional<FailureView> read_failure_view(const std::string& save) {
  std::ifstream in(save);
  std::string line;
  std::getline(in, line);
  std::smatch match;
  static const std::regex form(
      R"(\[\*\] The flight recorder: view (\w+) at node (\S+) in cycle (\d+))");
  if (!std::regex_match(line, match, form)) return {};
  return FailureView{match[1], match[2] == "any" ? "" : match[2].str(), std::stoull(match[3])};
}

}  // namespace tsr::waves
