// SPDX-License-Identifier: Apache-2.0
/// The command line: exit codes, messages and JSON of the `tessera` program.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tessera/host.hpp"

namespace tsr {
namespace {

struct Outcome {
  int code = -1;
  std::string out;  ///< standard output
  std::string err;
};

/// Run `tessera` with arguments.
Outcome tessera(const std::string& arguments) {
  const auto err_file =
      std::filesystem::temp_directory_path() / fmt::format("tsr_cli_test_{}.err", getpid());
  const std::string command =
      fmt::format("'{}' {} 2>'{}'", TSR_TESSERA, arguments, err_file.string());
  Outcome outcome;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return outcome;
  std::array<char, 4096> buffer;
  for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) != 0;) {
    outcome.out.append(buffer.data(), n);
  }
  const int status = pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  std::ifstream err(err_file);
  outcome.err.assign(std::istreambuf_iterator<char>(err), {});
  std::filesystem::remove(err_file);
  return outcome;
}

std::string app(const char* name) { return Platform::firmware(fmt::format("apps/{}.elf", name)); }

/// A file with some content that lives as long as the object.
class TempFile {
 public:
  TempFile(const std::string& name, const std::string& content)
      : path_(std::filesystem::temp_directory_path() / fmt::format("tsr_{}_{}", getpid(), name)) {
    std::ofstream(path_) << content;
  }
  ~TempFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(CommandLine, ReportSaysWhetherTheRunWasChecked) {
  const std::string run = fmt::format("run {} -c t4 --arg 0x100000 --json - ", app("hello"));
  const auto checked = tessera(run);
  ASSERT_EQ(checked.code, 0) << checked.err;
  auto json = nlohmann::json::parse(checked.out);
  EXPECT_EQ(json["checked"], true);
  EXPECT_GT(json["checked_instructions"], 100000);
  EXPECT_GT(json["checked_commands"], 0);
  EXPECT_NE(checked.err.find("checked in lock-step: "), std::string::npos) << checked.err;
  const auto unchecked = tessera(run + "--no-check");
  ASSERT_EQ(unchecked.code, 0) << unchecked.err;
  json = nlohmann::json::parse(unchecked.out);
  EXPECT_EQ(json["checked"], false);
  EXPECT_FALSE(json.contains("checked_instructions"));
  EXPECT_NE(unchecked.err.find("not checked in lock-step (--no-check)"), std::string::npos);
}

TEST(CommandLine, HelpTeaches) {
  const auto help = tessera("--help");
  EXPECT_EQ(help.code, 0);
  for (const char* word : {"run", "info", "bench", "Exit codes", "mlp"}) {
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(tessera("run --help").code, 0);
  EXPECT_EQ(tessera("bench gemm --help").code, 0);
}

TEST(CommandLine, BadUsageIsTwo) {
  for (const char* bad :
       {"", "fly", "run", "run nothing", "run mlp --config t5", "run mlp --threads 0",
        "bench gemm --format fp99", "bench gemm --source spm", "bench gemm --m 0",
        "bench sim --busy 5", "run mlp --dataset /nonexistent", "run mlp --kill-link 0,1,west@5",
        "run mlp --kill-link 0,1,east", "run mlp --dead-link 3,1,east", "run mlp --dead-tile 0,0",
        "run mlp --kill-link 9,9,east@1", "run mlp --trace-from 9 --trace-to 3",
        "run mlp --weights /nonexistent"}) {
    const auto outcome = tessera(bad);
    EXPECT_EQ(outcome.code, 2) << bad << ": " << outcome.err;
    EXPECT_FALSE(outcome.err.empty()) << bad;
  }
}

TEST(CommandLine, BadElfFilesAreTwo) {
  const TempFile text("text.elf", "this is no program");
  const TempFile cut("cut.elf", std::string("\177ELF\1\1\1", 7));
  for (const auto& file :
       {text.path(), cut.path(), std::string(TSR_TESSERA), std::string("./missing.elf")}) {
    const auto outcome = tessera("run " + file + " -c t4");
    EXPECT_EQ(outcome.code, 2) << file;
    EXPECT_NE(outcome.err.find(file), std::string::npos) << outcome.err;
  }
}

TEST(CommandLine, BadConfigurationFileNamesTheKey) {
  const TempFile file("bad.toml", "name = \"x\"\nnodes = [\"CT\", \"TM\"]\nspeed = 3\n");
  const auto outcome = tessera("info --config " + file.path());
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find(file.path() + ": speed: unknown key"), std::string::npos)
      << outcome.err;
}

TEST(CommandLine, InfoGivesJson) {
  const auto outcome = tessera("info --config t16 --json -");
  ASSERT_EQ(outcome.code, 0);
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["mesh_w"], 4);
  EXPECT_EQ(json["tiles"].size(), 16U);
  EXPECT_EQ(json["memories"].size(), 4U);
  EXPECT_NE(tessera("info --config t4").out.find("M memory"), std::string::npos);
}

TEST(CommandLine, RunsAnElfAndReportsJson) {
  const auto outcome =
      tessera(fmt::format("run {} -c t4 --arg 65536 0 0 0 --json -", app("hello")));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["kernel"], "kernel_main");
  EXPECT_GT(json["cycles"].get<int>(), 0);
  EXPECT_EQ(json["config"], "t4");
}

TEST(CommandLine, ExitCodesTellWhatHappened) {
  EXPECT_EQ(tessera(fmt::format("run {} -c t4 --arg 65536 0 1 0", app("hello"))).code, 1);
  const auto trap = tessera(fmt::format("run {} -c t4 --arg 1", app("fault_trap")));
  EXPECT_EQ(trap.code, 3);
  EXPECT_NE(trap.err.find("load access fault"), std::string::npos) << trap.err;
  EXPECT_EQ(tessera(fmt::format("run {} -c t4 --timeout 20000", app("hang"))).code, 4);
  EXPECT_EQ(tessera(fmt::format("run {} -c t4 --max-cycles 200000", app("hang"))).code, 4);
  EXPECT_EQ(tessera(fmt::format("run {} -c t4 --kernel kernel_none", app("hello"))).code, 2);
  EXPECT_EQ(tessera(fmt::format("run {} -c t4 --tiles 0 0 1 1", app("hello"))).code, 2);
}

TEST(CommandLine, GemmBenchmarkHasItsKeysAndReachesItsTarget) {
  const auto outcome =
      tessera("bench gemm -c t4 --scope tile --source spm --m 128 --n 128 --k 128 --json -");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  for (const char* key : {"cycles", "macs", "utilization", "bytes", "bound_cycles", "bound"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["macs"], 128 * 128 * 128);
  EXPECT_GE(json["utilization"].get<double>(), 0.95);
}

TEST(CommandLine, GemmBenchmarkChecksTheResult) {
  for (const char* format : {"bf16", "int8"}) {
    const auto outcome =
        tessera(fmt::format("bench gemm -c t4 --format {} --m 61 --n 43 --k 75 --json -", format));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const auto json = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(json["mismatches"], 0);
    EXPECT_EQ(json["bytes"], 61 * 75 * (format[0] == 'b' ? 2 : 1) +
                                 43 * 75 * (format[0] == 'b' ? 2 : 1) + 61 * 43 * 4);
  }
}

TEST(CommandLine, SimBenchmarkHasItsKeys) {
  const auto outcome = tessera("bench sim -c t4 --busy 2 --cycles 3000 --json -");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  for (const char* key : {"khz", "macs_per_second", "mips"})
    EXPECT_GT(json[key].get<double>(), 0) << key;
  EXPECT_GT(json["utilization"].get<double>(), 0.9);
}

TEST(CommandLine, SimBenchmarkComparesWithTlm) {
  const auto outcome = tessera("bench sim -c t4 --busy 2 --cycles 3000 --compare --json -");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  const auto& tlm = json["tlm"];
  EXPECT_GT(tlm["speedup"].get<double>(), 10);
  EXPECT_GT(tlm["firmware_mips"].get<double>(), 10);
  EXPECT_NEAR(tlm["utilization"].get<double>(), json["utilization"].get<double>(), 0.05);
}

TEST(CommandLine, ModelsAreChosenAndShown) {
  const auto outcome = tessera("info -c t4 --tlm --tile 1,2=rtl --json -");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["models"],
            "noc tlm, ctl tlm, hbm tlm, tile tlm, 1,2 rtl");
  for (const char* bad : {"info --noc fast", "info --tile 9,9=tlm", "info --ctl 0,0=tlm"}) {
    EXPECT_EQ(tessera(bad).code, 2) << bad;
  }
}

TEST(CommandLine, ClassifiesImages) {
  const auto outcome = tessera("run mlp -c t4 --images 32 --json -");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["logit_mismatches"], 0);
  EXPECT_GE(json["accuracy"].get<double>(), 0.8);
  EXPECT_TRUE(json["passed"].get<bool>());
}

}  // namespace
}  // namespace tsr
