// SPDX-License-Identifier: Apache-2.0
#include "gtkwave.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "error.hpp"
#include "png.hpp"

namespace tsr::tools {
namespace {

namespace fs = std::filesystem;

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

void need(const char* program, const char* package) {
  if (std::system(fmt::format("command -v {} > /dev/null", program).c_str()) == 0) return;
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
  std::string file(const std::string& name) const { return (fs::path(path_) / name).string(); }

 private:
  std::string path_;
};

std::string gtkwave(const std::string& trace, const std::string& save, const std::string& more) {
  return fmt::format("gtkwave -r {} {} {} {}", quoted(TSR_WAVES_DIR "/gtkwaverc"), more,
                     quoted(trace), quoted(save));
}

/// Lines of pixels that a picture needs: title, tools and time above the rows.
unsigned height_of(const waves::View& view) { return 150 + 19 * view.rows; }

std::string save_name(std::size_t number) { return fmt::format("view{}.gtkw", number); }

/// Draws one view after the other: reading one adds to what is shown, and the window keeps its
/// first size.
std::string script(const Folder& folder, const std::vector<Picture>& pictures) {
  std::string text;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (i != 0) {
      text += fmt::format(
          "gtkwave::/Edit/Highlight_All\ngtkwave::/Edit/Delete\n"
          "gtkwave::/File/Read_Save_File {{{}}}\n",
          folder.file(save_name(i)));
    }
    const auto& [view, file] = pictures[i];
    text += fmt::format(
        "gtkwave::setMarker {}\ngtkwave::setZoomRangeTimes {} {}\n"
        "gtkwave::/File/Grab_To_File {{{}}}\n",
        view.event, view.from, view.to, fs::absolute(file).string());
  }
  return text + "gtkwave::/File/Quit\n";
}

[[noreturn]] void refuse(const std::string& picture, const std::string& log) {
  std::ifstream said(log);
  throw Error(ExitCode::JobFailed,
              fmt::format("{}: GTKWave wrote no picture in time; a shorter trace helps\n{}",
                          picture, std::string(std::istreambuf_iterator<char>(said), {})));
}

}  // namespace

void draw(const std::string& trace, const std::vector<Picture>& pictures) {
  need("gtkwave", "gtkwave");
  need("xvfb-run", "xvfb");
  const Folder folder;
  unsigned height = 600;
  for (const auto& [view, file] : pictures) height = std::max(height, height_of(view));
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const auto& [view, file] = pictures[i];
    write(folder.file(save_name(i)),
          fmt::format("[size] 1800 {}\n[pos] -1 -1\n{}", height, view.text));
    fs::remove(file);
  }
  write(folder.file("draw.tcl"), script(folder, pictures));
  const auto log = folder.file("log");
  const auto command = fmt::format(
      "timeout {} xvfb-run -a -s '-screen 0 1840x{}x24' {} > {} 2>&1", 120 + 10 * pictures.size(),
      height + 100,
      gtkwave(trace, folder.file(save_name(0)), "-S " + quoted(folder.file("draw.tcl"))),
      quoted(log));
  const bool ended = std::system(command.c_str()) == 0;
  for (const auto& [view, file] : pictures) {
    if (!ended || !fs::exists(file)) refuse(file, log);
    crop_png(file, height_of(view));
  }
}

void show_window(const std::string& trace, const waves::View& view) {
  need("gtkwave", "gtkwave");
  if (std::getenv("DISPLAY") == nullptr) {
    throw InputError(
        "there is no display: --png FILE draws without one, --save FILE writes a save file");
  }
  const Folder folder;
  const auto save = folder.file("view.gtkw");
  write(save, view.text);
  if (std::system(gtkwave(trace, save, "").c_str()) != 0) {
    throw Error(ExitCode::JobFailed, "GTKWave failed; see its messages above");
  }
}

}  // namespace tsr::tools
