// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "commands.hpp"
#include "error.hpp"
#include "run_data.hpp"
#include "session.hpp"
#include "ve/cmd_ve.hpp"

namespace {

const char* const kAbout =
    "Tessera: run programs and benchmarks on a simulated AI chip.\n\n"
    "  tessera run mlp                        classify Fashion-MNIST images on 16 tiles\n"
    "  tessera run kernel.elf --config t4     run your own tile program\n"
    "  tessera info --config t16              what the chip looks like\n"
    "  tessera bench gemm --scope chip        a matrix product against its roofline\n"
    "  tessera report run.json                a page for the browser from the JSON of a run\n"
    "  tessera waves trace.fst                look at waves\n"
    "  tessera doctor trace.fst               why does this chip hang?\n";

const char* const kExitCodes =
    "Exit codes: 0 fine; 1 the job failed (wrong result, or a kernel returned non-zero);\n"
    "2 bad usage or input; 3 a fault on the chip (trap, engine error); 4 timeout (watchdog or\n"
    "--max-cycles); 5 a checker found a violation (DRAM timing, network protocol).";

/// Everything but what is thrown: exit code of the command line.
int run(int argc, char** argv) {
  tsr::tools::set_command_line(argc, argv);
  CLI::App app{kAbout, "tessera"};
  app.footer(kExitCodes);
  app.require_subcommand(0, 1);  // exactly one, but an unknown one is to be named
  app.callback([&app] {
    if (app.get_subcommands().empty())
      throw CLI::RequiredError("A subcommand (run, info, bench, report, waves or doctor)");
  });
  app.set_version_flag("--version", TSR_VERSION);
  int code = 0;
  tsr::tools::add_run(app, code);
  tsr::tools::add_info(app, code);
  tsr::tools::add_bench(app, code);
  tsr::tools::add_report(app, code);
  tsr::tools::add_noc_tables(app, code);
  tsr::tools::add_doctor(app, code);
  tsr::tools::add_ve(app, code);
  tsr::tools::add_waves(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(tsr::ExitCode::BadInput);
  } catch (const tsr::Error& error) {
    std::fflush(stdout);
    fmt::print(stderr, "tessera: {}\n", error.what());
    tsr::tools::explain_failure(error.code(), error.what());
    return static_cast<int>(error.code());
  }
  return code;
}

}  // namespace

int tsr::tools::command_line(int argc, char** argv) try {
  return run(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "tessera: internal error: %s\n", error.what());
  tsr::tools::explain_failure(tsr::ExitCode::JobFailed, error.what());
  return static_cast<int>(tsr::ExitCode::JobFailed);
}
