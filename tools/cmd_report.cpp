// SPDX-License-Identifier: Apache-2.0
/// `tessera report`: one HTML page from the JSON of a run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "commands.hpp"
#include "error.hpp"
#include "report_check.hpp"
#include "report_page.hpp"

namespace tsr::tools {
namespace {

struct ReportOptions {
  std::string run;
  std::string out = "report.html";
};

/// JSON inside of a script element: nothing in it may look like markup.
std::string embeddable(const nlohmann::ordered_json& json) {
  std::string out;
  for (const char c : json.dump()) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

int report(const ReportOptions& options) {
  const auto run = load_run(options.run);
  std::ofstream page(options.out, std::ios::binary);
  if (!page) throw InputError(fmt::format("{}: cannot be written", options.out));
  page << kReportBefore << embeddable(run) << kReportBehind;
  if (!page.flush()) throw InputError(fmt::format("{}: cannot be written", options.out));
  fmt::print("{}\n", options.out);
  return 0;
}

}  // namespace

void add_report(CLI::App& app, int& code) {
  auto options = std::make_shared<ReportOptions>();
  auto* cmd = app.add_subcommand("report", "Draw the JSON of a run as a page for the browser");
  cmd->description(
      "Draw the JSON of a run as one self-contained HTML page: floor plan with heat maps, engine\n"
      "time by cause, roofline, HBM, timeline, configuration.\n\n"
      "  tessera bench gemm --scope chip --json run.json\n"
      "  tessera report run.json -o report.html");
  cmd->add_option("RUN", options->run, "JSON that tessera run or tessera bench wrote with --json")
      ->required();
  cmd->add_option("-o,--output", options->out, "Page to write")->capture_default_str();
  cmd->callback([options, &code] { code = report(*options); });
}

}  // namespace tsr::tools
