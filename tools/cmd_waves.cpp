// SPDX-License-Identifier: Apache-2.0
/// `tessera waves`: GTKWave views of a trace.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "commands.hpp"
#include "error.hpp"
#include "waves/view.hpp"

namespace tsr::tools {
namespace {

namespace fs = std::filesystem;

struct WavesOptions {
  std::string file, view, png, save;
  bool list = false, signals = false;
  std::int64_t from = -1, to = -1;
  waves::ViewOptions view_options;
};

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

bool installed(const char* program) {
  return std::system(fmt::format("command -v {} > /dev/null", program).c_str()) == 0;
}

void need(const char* program, const char* package) {
  if (installed(program)) return;
  throw InputError(fmt::format("{} is missing (Debian package {}); scripts/setup installs it",
                               program, package));
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text;
  if (!stream.flush()) throw InputError(fmt::format("{}: cannot be written", file.string()));
}

/// A folder that lives as long as GTKWave runs.
class Folder {
 public:
  Folder() : path_((fs::temp_directory_path() / "tessera-waves-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw InputError(path_ + ": cannot be made");
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path operator/(const char* name) const { return fs::path(path_) / name; }

 private:
  std::string path_;
};

std::string gtkwave(const std::string& trace, const fs::path& save, const std::string& more) {
  return fmt::format("gtkwave -r {} {} {} {}", quoted(TSR_WAVES_DIR "/gtkwaverc"), more,
                     quoted(trace), quoted(save.string()));
}

void render(const waves::FstIndex& trace, const waves::View& view, const std::string& png) {
  need("gtkwave", "gtkwave");
  need("xvfb-run", "xvfb");
  const Folder folder;
  const int height = 150 + 19 * static_cast<int>(view.rows);
  write(folder / "view.gtkw", fmt::format("[size] 1800 {}\n[pos] -1 -1\n{}", height, view.text));
  write(folder / "render.tcl",
        fmt::format("gtkwave::/File/Grab_To_File {{{}}}\ngtkwave::/File/Quit\n",
                    fs::absolute(png).string()));
  fs::remove(png);
  const auto log = folder / "log";
  const auto command = fmt::format(
      "timeout 120 xvfb-run -a -s '-screen 0 1840x{}x24' {} > {} 2>&1", height + 100,
      gtkwave(trace.file(), folder / "view.gtkw", "-S " + quoted((folder / "render.tcl").string())),
      quoted(log.string()));
  if (std::system(command.c_str()) != 0 || !fs::exists(png)) {
    std::ifstream said(log);
    throw Error(ExitCode::JobFailed,
                fmt::format("{}: GTKWave wrote no picture within 120 s; a shorter trace helps\n{}",
                            png, std::string(std::istreambuf_iterator<char>(said), {})));
  }
  fmt::print("{}\n", png);
}

void open(const waves::FstIndex& trace, const waves::View& view) {
  need("gtkwave", "gtkwave");
  if (std::getenv("DISPLAY") == nullptr) {
    throw InputError(
        "there is no display: --png FILE draws without one, --save FILE writes a save file");
  }
  const Folder folder;
  write(folder / "view.gtkw", view.text);
  if (std::system(gtkwave(trace.file(), folder / "view.gtkw", "").c_str()) != 0) {
    throw Error(ExitCode::JobFailed, "GTKWave failed; see its messages above");
  }
}

void list(const waves::FstIndex& trace) {
  for (const auto& name : waves::view_names()) {
    const auto where = waves::view_instances(trace, name);
    fmt::print("{:<10} {}\n", name, waves::view_title(name));
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

void show(const waves::FstIndex& trace, const WavesOptions& options, const std::string& name,
          bool many) {
  const auto view = waves::make_view(trace, name, options.view_options);
  for (const auto& missing : view.missing) fmt::print(stderr, "{}: left out: {}\n", name, missing);
  if (options.signals) {
    for (const auto& signal : view.signals) fmt::print("{}\n", signal);
  }
  if (!options.save.empty()) {
    const auto file = file_for(options.save, name, many);
    write(file,
          fmt::format("[dumpfile] \"{}\"\n{}", fs::absolute(trace.file()).string(), view.text));
    fmt::print("{}\n", file);
  }
  if (!options.png.empty()) render(trace, view, file_for(options.png, name, many));
  if (!options.signals && options.save.empty() && options.png.empty()) open(trace, view);
}

int run(WavesOptions& options) {
  const waves::FstIndex trace(options.file);
  if (options.list) {
    list(trace);
    return 0;
  }
  if (options.from >= 0) options.view_options.from = static_cast<std::uint64_t>(options.from);
  if (options.to >= 0) options.view_options.to = static_cast<std::uint64_t>(options.to);
  const bool all = options.view == "all";
  if (all && options.signals + !options.save.empty() + !options.png.empty() == 0) {
    throw InputError("--view all needs --png, --save or --signals: a window shows one view");
  }
  const auto names = all ? waves::view_names() : std::vector<std::string>{options.view};
  for (const auto& name : names) {
    if (all && waves::view_instances(trace, name).empty()) continue;
    show(trace, options, name, all);
  }
  return 0;
}

}  // namespace

void add_waves(CLI::App& app, int& code) {
  auto options = std::make_shared<WavesOptions>();
  options->view = "tile";
  auto* cmd = app.add_subcommand("waves", "Show a trace in GTKWave, or draw it");
  cmd->description(
      "Show a trace (--trace of run and bench, or of a block bench) in GTKWave, with signals "
      "named,\n"
      "grouped and decoded:\n"
      "  tessera waves job.fst --list                      what is in the trace\n"
      "  tessera waves job.fst --view me --node 0,1        in a window\n"
      "  tessera waves job.fst --view all --png out.png    pictures out-VIEW.png, without a "
      "display");
  cmd->add_option("FILE", options->file, "FST trace")->required();
  cmd->add_option("--view", options->view, "View, or all")->capture_default_str();
  cmd->add_option("--node", options->view_options.node, "Node X,Y (default: the first that fits)");
  cmd->add_option("--from", options->from,
                  "First cycle to show (default: where the view's block begins)")
      ->check(CLI::NonNegativeNumber);
  cmd->add_option("--to", options->to, "Last cycle to show")->check(CLI::NonNegativeNumber);
  cmd->add_option("--png", options->png, "Draw it to this file, without a display");
  cmd->add_option("--save", options->save, "Write GTKWave's save file (.gtkw)");
  cmd->add_flag("--list", options->list, "List the views, and where in the trace they fit");
  cmd->add_flag("--signals", options->signals, "List the view's signals");
  cmd->add_flag("--allow-missing", options->view_options.allow_missing,
                "Leave out signals that the trace does not have, instead of failing");
  cmd->callback([options, &code] { code = run(*options); });
}

}  // namespace tsr::tools
