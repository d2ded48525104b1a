// SPDX-License-Identifier: Apache-2.0
/// `tessera waves`: GTKWave views of a trace.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "commands.hpp"
#include "error.hpp"
#include "waves/failure.hpp"
#include "waves/gtkwave.hpp"
#include "waves/view.hpp"

namespace tsr::tools {
namespace {

namespace fs = std::filesystem;

struct WavesOptions {
  std::string file, view, png, save;
  bool list = false, signals = false;
  std::int64_t from = -1, to = -1, at = -1;
  waves::ViewOptions view_options;
};

void list(const FstFile& trace) {
  for (const auto& name : waves::view_names()) {
    const auto where = waves::view_places(trace, name);
    fmt::print("{:<10} {}\n", name, waves::view_title(name));
    fmt::print("{:<10}   blocks: {}\n", "", fmt::join(waves::view_blocks(name), " "));
    fmt::print("{:<10}   {}\n", "",
               where.empty() ? "not in this trace" : fmt::format("{}", fmt::join(where, " ")));
  }
}

/// FILE for one view; with several FILE's name gets the view's: out.png, view me -> out-me.png.
std::string file_for(const std::string& file, const std::string& view, bool many) {
  if (!many) return file;
  const fs::path path(file);
  return (path.parent_path() /
          fmt::format("{}-{}{}", path.stem().string(), view, path.extension().string()))
      .string();
}

void save(const FstFile& trace, const waves::View& view, const std::string& file) {
  std::ofstream stream(file);
  stream << fmt::format("[dumpfile] \"{}\"\n{}", fs::absolute(trace.file()).string(), view.text);
  if (!stream.flush()) throw InputError(fmt::format("{}: cannot be written", file));
  fmt::print("{}\n", file);
}

std::optional<std::uint64_t> cycle_of(std::int64_t option) {
  if (option < 0) return {};
  return static_cast<std::uint64_t>(option);
}

/// What the flight recorder wrote beside the trace.
std::optional<waves::FailureView> failure_of(const WavesOptions& options) {
  return waves::read_failure_view(fs::path(options.file).replace_extension(".gtkw").string());
}

/// A view opens at the node that failed, if the user names none and it fits there. The one that the
/// recorder wrote is the same again.
waves::ViewOptions options_for(const FstFile& trace, const std::string& view,
                               const WavesOptions& options) {
  auto wanted = options.view_options;
  const auto failure = failure_of(options);
  if (!failure || !wanted.node.empty()) return wanted;
  const auto places = waves::view_places(trace, view);
  const bool there = std::find(places.begin(), places.end(), failure->node) != places.end();
  if (there) wanted.node = failure->node;
  if (view == failure->view && !wanted.at) wanted.at = failure->cycle;
  return wanted;
}

/// Without --view: what failed, else a tile, else what fits.
std::string default_view(const FstFile& trace, const WavesOptions& options) {
  const auto failure = failure_of(options);
  if (failure && options.view_options.node.empty()) return failure->view;
  auto names = waves::view_names();
  names.insert(names.begin(), "tile");
  const auto fits = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
    return !waves::view_places(trace, name).empty();
  });
  return fits == names.end() ? names.front() : *fits;
}

std::vector<std::string> chosen_views(const FstFile& trace, const WavesOptions& options) {
  if (options.view.empty()) return {default_view(trace, options)};
  if (options.view != "all") return {options.view};
  if (options.signals + !options.save.empty() + !options.png.empty() == 0) {
    throw InputError("--view all needs --png, --save or --signals: a window shows one view");
  }
  const auto& node = options.view_options.node;
  std::vector<std::string> names;
  for (const auto& name : waves::view_names()) {
    const auto places = waves::view_places(trace, name);
    const bool there = std::find(places.begin(), places.end(), node) != places.end();
    if (there || (node.empty() && !places.empty())) names.push_back(name);
  }
  if (names.empty()) throw InputError(fmt::format("--node {}: no view fits there", node));
  return names;
}

int run(WavesOptions& options) {
  FstFile trace(options.file);
  if (options.list) {
    list(trace);
    return 0;
  }
  options.view_options.from = cycle_of(options.from);
  options.view_options.to = cycle_of(options.to);
  options.view_options.at = cycle_of(options.at);
  const auto names = chosen_views(trace, options);
  const bool many = options.view == "all";
  std::vector<Picture> pictures;
  for (const auto& name : names) {
    auto view = waves::make_view(trace, name, options_for(trace, name, options));
    for (const auto& missing : view.missing) {
      fmt::print(stderr, "{}: left out: {}\n", name, missing);
    }
    if (options.signals) fmt::print("{}\n", fmt::join(view.signals, "\n"));
    if (!options.save.empty()) save(trace, view, file_for(options.save, name, many));
    pictures.emplace_back(std::move(view), file_for(options.png, name, many));
  }
  if (!options.png.empty()) {
    draw(trace.file(), pictures);
    for (const auto& [view, file] : pictures) fmt::print("{}\n", file);
  } else if (!options.signals && options.save.empty()) {
    show_window(trace.file(), pictures.front().first);
  }
  return 0;
}

}  // namespace

void add_waves(CLI::App& app, int& code) {
  auto options = std::make_shared<WavesOptions>();
  auto* cmd = app.add_subcommand("waves", "Show a trace in GTKWave, or draw it");
  cmd->description(
      "Show a trace (--trace of run and bench, of the flight recorder, or of a block bench) in\n"
      "GTKWave, with signals named, grouped and decoded:\n"
      "  tessera waves job.fst --list                      what is in the trace\n"
      "  tessera waves tessera-flight.fst                  what failed, in a window\n"
      "  tessera waves job.fst --view me --node 0,1        the matrix engine of a tile\n"
      "  tessera waves job.fst --view all --png out.png    pictures out-VIEW.png, without a "
      "display");
  cmd->add_option("FILE", options->file, "FST trace")->required();
  cmd->add_option("--view", options->view,
                  "View, or all (default: what failed, if the flight recorder wrote the trace; "
                  "else tile, or what else fits)");
  cmd->add_option("--node", options->view_options.node,
                  "Node X,Y (default: the one that failed, or the first that fits)");
  cmd->add_option("--from", options->from,
                  "First cycle to show (default: where the view's block begins)")
      ->check(CLI::NonNegativeNumber);
  cmd->add_option("--to", options->to, "Last cycle to show")->check(CLI::NonNegativeNumber);
  cmd->add_option("--at", options->at, "Cycle to mark and to show the surroundings of")
      ->check(CLI::NonNegativeNumber);
  cmd->add_option("--png", options->png, "Draw it to this file, without a display");
  cmd->add_option("--save", options->save, "Write GTKWave's save file (.gtkw)");
  cmd->add_flag("--list", options->list, "List the views, and where in the trace they fit");
  cmd->add_flag("--signals", options->signals, "List the view's signals");
  cmd->add_flag("--allow-missing", options->view_options.allow_missing,
                "Leave out signals that the trace does not have, instead of failing");
  cmd->callback([options, &code] { code = run(*options); });
}

}  // namespace tsr::tools
