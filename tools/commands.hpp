// SPDX-License-Identifier: Apache-2.0
/// The subcommands. Each adds itself to the application and leaves its exit code in `code`.
#pragma once

namespace CLI {
class App;
}

namespace tsr::tools {

void add_run(CLI::App& app, int& code);
void add_info(CLI::App& app, int& code);
void add_bench(CLI::App& app, int& code);
void add_report(CLI::App& app, int& code);
void add_noc_tables(CLI::App& app, int& code);
void add_waves(CLI::App& app, int& code);
void add_doctor(CLI::App& app, int& code);

}  // namespace tsr::tools
