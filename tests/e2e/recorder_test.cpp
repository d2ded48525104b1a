// SPDX-License-Identifier: Apache-2.0
/// The flight recorder: what a run that fails leaves behind, and what it does not.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <regex>
#include <thread>

#include "apps/apps_abi.h"
#include "fst/fst_file.hpp"
#include "process.hpp"

namespace tsr::e2e {
namespace {

constexpr std::uint64_t kWindow = 2000;

/// Command line of a run that leaves its waves in `folder`.
std::vector<std::string> recorded(const TempFolder& folder, std::vector<std::string> words) {
  for (const std::string word : {"--config", "t4", "--flight", "", "--window", ""}) {
    words.push_back(word);
  }
  words[words.size() - 3] = folder / "flight.fst";
  words.back() = std::to_string(kWindow);
  return words;
}

/// The cycles that standard error says are traced, and the marked one.
struct Window {
  std::uint64_t from = 0, to = 0, marked = 0;
};
Window window_of(const Outcome& outcome) {
  std::smatch match;
  const std::regex line(
      "flight recorder: cycles (\\d+) to (\\d+) are in (\\S+) \\(cycle (\\d+) is marked\\)");
  if (!std::regex_search(outcome.err, match, line)) return {};
  return {std::stoull(match[1]), std::stoull(match[2]), std::stoull(match[4])};
}

/// Value of a signal at the end of a cycle's first half.
std::uint64_t value(FstFile& fst, const std::string& signal, std::uint64_t cycle) {
  const auto handle = fst.find(signal);
  EXPECT_NE(handle, FstFile::kNone) << signal;
  return wave_number(fst.values({handle}, cycle * kWavePeriodPs)[handle]);
}

/// Time that a save file marks.
std::uint64_t marked(const std::string& view) {
  std::smatch match;
  const std::regex zoom("\n\\*-[0-9.]+ ([0-9]+) ");
  return std::regex_search(view, match, zoom) ? std::stoull(match[1]) : 0;
}

/// The waves hold the cycles that were promised, and the save file names signals that they have.
void expect_complete(const TempFolder& folder, const Outcome& outcome) {
  const Window window = window_of(outcome);
  ASSERT_NE(window.to, 0U) << outcome;
  EXPECT_LE(window.to - window.from + 1, kWindow) << outcome;
  EXPECT_GT(window.to - window.from, kWindow / 2) << outcome;
  EXPECT_LE(window.from, window.marked) << outcome;
  EXPECT_GE(window.to, window.marked) << outcome;
  FstFile fst(folder / "flight.fst");
  EXPECT_EQ(fst.begin(), window.from * kWavePeriodPs);
  EXPECT_EQ(fst.end(), window.to * kWavePeriodPs + kWavePeriodPs / 2);
  const auto latest = value(fst, "t4.ctl_0_0.now_i", window.to);  // it may sleep at last
  EXPECT_LE(latest, window.to);
  EXPECT_GE(latest, window.from);
  const std::string view = read_file(folder / "flight.gtkw");
  EXPECT_EQ(marked(view), window.marked * kWavePeriodPs);
  const std::regex row("\n[+#]\\{[^}]*\\} (?:\\(\\d+\\))?(\\S+)");
  unsigned rows = 0;
  for (std::sregex_iterator at(view.begin(), view.end(), row), end; at != end; ++at, ++rows) {
    const std::string signal = (*at)[1];
    EXPECT_EQ(fst.full_name(signal.substr(0, signal.find('['))) == "" && fst.find(signal) == 0,
              false)
        << signal;
  }
  EXPECT_GT(rows, 40U);
}

class Recorder : public testing::TestWithParam<const char*> {};

TEST_P(Recorder, ATrapLeavesItsTileAndPc) {
  const TempFolder folder;
  const auto outcome = tessera(recorded(
      folder, {"run", app("fault_trap"), "--tiles", "1", "1", "1", "1", "--threads", GetParam()}));
  ASSERT_EQ(outcome.code, 3) << outcome;
  std::smatch match;
  ASSERT_TRUE(std::regex_search(outcome.err, match,
                                std::regex("tile \\(1, 1\\): trap: .* at pc (0x[0-9a-f]+)")))
      << outcome;
  expect_complete(folder, outcome);
  // The marked cycle is the trap's.
  const auto cycle = window_of(outcome).marked;
  FstFile fst(folder / "flight.fst");
  EXPECT_EQ(value(fst, "t4.tile_1_1.retire_o.trap", cycle), 1U) << cycle;
  EXPECT_EQ(value(fst, "t4.tile_1_1.retire_o.cause", cycle), 2U) << cycle;
  EXPECT_EQ(value(fst, "t4.tile_1_1.retire_o.pc", cycle), std::stoull(match[1], nullptr, 16));
  EXPECT_EQ(value(fst, "t4.tile_0_1.retire_o.trap", cycle), 0U);
  const auto view = read_file(folder / "flight.gtkw");
  EXPECT_NE(view.find("t4.tile_1_1.tsr_tile.u_node.sem_value[3][15:0]"), std::string::npos);
  EXPECT_EQ(view.find("t4.tile_0_1."), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(Threads, Recorder, testing::Values("1", "2"));

/// The host's requests reach a TLM ctl node at other moments than the pins of an RTL one.
TEST(RecorderRun, ATileUnderTlmLeavesWaves) {
  for (const std::vector<std::string>& models :
       {std::vector<std::string>{"--tlm", "--tile", "1,1=rtl"},
        {"--ctl", "tlm", "--tile", "tlm", "--tile", "1,1=rtl"}}) {
    const TempFolder folder;
    auto words = recorded(folder, {"run", app("fault_trap"), "--tiles", "1", "1", "1", "1",
                                   "--snapshot-every", "20000"});
    words.insert(words.end(), models.begin(), models.end());
    const auto outcome = tessera(words);
    ASSERT_EQ(outcome.code, 3) << outcome;
    EXPECT_FALSE(outcome.says("Caution")) << outcome;
    const auto window = window_of(outcome);
    FstFile fst(folder / "flight.fst");
    EXPECT_EQ(fst.end(), window.to * kWavePeriodPs + kWavePeriodPs / 2);
    EXPECT_EQ(value(fst, "t4.tile_1_1.retire_o.trap", window.marked), 1U) << outcome;
  }
}

/// Up to the end, where the copy must have done all that the run did.
TEST(RecorderRun, ACopyOfAMixDoesWhatTheRunDid) {
  for (const char* part : {"--noc", "--hbm"}) {
    const TempFolder folder;
    const auto outcome = tessera(
        recorded(folder, {"run", app("hello"), "--tlm", part, "rtl", "--max-cycles", "260000"}));
    ASSERT_EQ(outcome.code, 4) << outcome;
    EXPECT_FALSE(outcome.says("Caution")) << outcome;
    EXPECT_EQ(window_of(outcome).to, 259'999U) << outcome;
  }
}

TEST(RecorderRun, ATimeoutShowsTheTileBeforeItIsStartedAnew) {
  const TempFolder folder;
  const auto outcome = tessera(
      recorded(folder, {"run", app("hang"), "--tiles", "0", "2", "0", "2", "--timeout", "30000"}));
  ASSERT_EQ(outcome.code, 4) << outcome;
  expect_complete(folder, outcome);
  FstFile fst(folder / "flight.fst");
  const auto window = window_of(outcome);
  EXPECT_TRUE(outcome.says("most likely: the core of tile (0, 2) runs in a loop: ")) << outcome;
  const std::string core = "t4.tile_0_2.tsr_tile.u_node.u_core.run_i";
  EXPECT_EQ(value(fst, core, window.from), 1U);
  EXPECT_EQ(value(fst, core, window.to), 1U);
}

TEST(RecorderRun, TheCycleLimitEndsTheWaves) {
  const TempFolder folder;
  const auto outcome = tessera(recorded(folder, {"run", app("hang"), "--max-cycles", "120000"}));
  ASSERT_EQ(outcome.code, 4) << outcome;
  expect_complete(folder, outcome);
  EXPECT_EQ(window_of(outcome).to, 119'999U);
}

TEST(RecorderRun, OffLeavesNothing) {
  const TempFolder folder;
  const auto outcome = tessera(
      recorded(folder, {"run", app("hang"), "--max-cycles", "20000", "--snapshot-every", "0"}));
  ASSERT_EQ(outcome.code, 4) << outcome;
  EXPECT_FALSE(outcome.says("flight recorder")) << outcome;
  EXPECT_FALSE(std::filesystem::exists(folder / "flight.fst"));
}

TEST(RecorderRun, GoodRunsAndBadInputLeaveNothing) {
  const TempFolder folder;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"run", app("hello"), "--arg", "65536", "0", "0", "0"},
        {"run", app("hello"), "--kernel", "none"}}) {
    const auto outcome = tessera(recorded(folder, words));
    EXPECT_TRUE(outcome.code == 0 || outcome.code == 2) << outcome;
    EXPECT_FALSE(outcome.says("flight recorder")) << outcome;
    EXPECT_FALSE(std::filesystem::exists(folder / "flight.fst"));
  }
}

TEST(RecorderRun, ReplayTracesAroundACycle) {
  const TempFolder folder;
  const auto outcome =
      tessera(recorded(folder, {"run", app("hang"), "--max-cycles", "30000", "--replay", "20000"}));
  ASSERT_EQ(outcome.code, 4) << outcome;
  EXPECT_NE(outcome.out.find("cycles 19000 to 20999 are in "), std::string::npos) << outcome;
  FstFile fst(folder / "flight.fst");
  EXPECT_EQ(fst.begin(), 19'000 * kWavePeriodPs);
  EXPECT_EQ(value(fst, "t4.ctl_0_0.now_i", 20'000), 20'000U);
  const auto view = read_file(folder / "flight.gtkw");
  EXPECT_NE(view.find("t4.tile_0_1.retire_o.pc[31:0]"), std::string::npos);
  EXPECT_EQ(marked(view), 20'000 * kWavePeriodPs);
}

TEST(RecorderRun, AFailureBeforeTheSnapshotsIsToBeReplayed) {
  const TempFolder folder;
  PlatformOptions options;
  options.recorder.every = 1'000'000;
  options.recorder.file = folder / "flight.fst";
  const auto chip = Platform::open("t4", options);
  chip->load(app("fault_trap"));
  chip->set_snapshot_every(0);
  const auto failure = failure_of([&] {
    chip->run("kernel_main", chip->all_tiles(), tsr_fault_trap_args_t{TSR_TRAP_ILLEGAL});
  });
  ASSERT_EQ(failure.code, ExitCode::ChipFault) << failure;
  EXPECT_EQ(chip->record_failure()->text,
            "flight recorder: there is no snapshot from before the failure\n");
  chip->set_snapshot_every(1);
  for (int i = 0; i < 100 && chip->snapshots() < 2; ++i) chip->advance(1000);
  chip->advance(1000);
  const auto report = chip->record_failure();
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->written);
  EXPECT_TRUE(std::regex_search(
      report->text, std::regex("in cycle (\\d+) is older than the oldest snapshot, of cycle \\d+.\n"
                               "  Run again with --replay \\1, ")))
      << report->text;
  EXPECT_FALSE(std::filesystem::exists(folder / "flight.fst"));
}

TEST(RecorderRun, AnUnwritableFileIsSaid) {
  const TempFolder folder;
  const auto outcome = tessera({"run", app("hang"), "--config", "t4", "--max-cycles", "20000",
                                "--flight", folder / "none/flight.fst"});
  EXPECT_EQ(outcome.code, 4) << outcome;
  EXPECT_TRUE(outcome.says("/none/flight.fst: the trace file cannot be written")) << outcome;
}

/// Processes whose parent is `parent`.
std::vector<pid_t> children(pid_t parent) {
  std::ifstream list(fmt::format("/proc/{0}/task/{0}/children", parent));
  std::vector<pid_t> pids;
  for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
  return pids;
}

/// A run that goes on until it is told to end.
class EndlessRun : public testing::Test {
 protected:
  void start(const std::string& threads = "1") {
    auto words = recorded(folder_, {TSR_TESSERA, "run", app("hang"), "--snapshot-every", "5000",
                                    "--threads", threads});
    pid_ = spawn(words, folder_ / "out", folder_ / "err");
    // Three snapshots sleep: several times 5,000 cycles have run.
    for (int i = 0; i < 1000 && children(pid_).size() < 3; ++i) pause();
    snapshots_ = children(pid_);
    ASSERT_GE(snapshots_.size(), 3U) << read_file(folder_ / "err");
    ASSERT_LE(snapshots_.size(), 4U);
  }
  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
  /// Wait status of the run.
  int end(int signal) {
    int status = 0;
    kill(pid_, signal);
    waitpid(pid_, &status, 0);
    return status;
  }
  Outcome outcome() { return {0, read_file(folder_ / "out"), read_file(folder_ / "err")}; }
  void expect_no_snapshots() {
    for (const auto pid : snapshots_) {
      for (int i = 0; i < 500 && kill(pid, 0) == 0; ++i) pause();
      EXPECT_NE(kill(pid, 0), 0) << pid << " lives";
    }
  }

  TempFolder folder_;
  pid_t pid_ = 0;
  std::vector<pid_t> snapshots_;
};

TEST_F(EndlessRun, InterruptedLeavesWavesAndEndsByTheSignal) {
  for (const int signal : {SIGINT, SIGTERM, SIGSEGV}) {
    SCOPED_TRACE(signal);
    start("2");
    const int status = end(signal);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal) << status;
    expect_complete(folder_, outcome());
    expect_no_snapshots();
  }
}

TEST_F(EndlessRun, AskedForWavesItGoesOn) {
  start();
  kill(pid_, SIGUSR1);
  for (int i = 0; i < 1000 && window_of(outcome()).to == 0; ++i) pause();
  expect_complete(folder_, outcome());
  EXPECT_EQ(kill(pid_, 0), 0);
  end(SIGKILL);
  expect_no_snapshots();
}

TEST_F(EndlessRun, KilledItTakesItsSnapshotsAlong) {
  start();
  end(SIGKILL);
  expect_no_snapshots();
  EXPECT_FALSE(std::filesystem::exists(folder_ / "flight.fst"));
}

TEST_F(EndlessRun, SnapshotsHoldNoFilesOfTheRun) {
  start();
  for (const auto pid : snapshots_) {
    unsigned files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid))) {
      const auto target = std::filesystem::read_symlink(entry.path()).string();
      EXPECT_TRUE(target == "/dev/null" || target.rfind("pipe:", 0) == 0) << target;
      ++files;
    }
    EXPECT_EQ(files, 5U);
  }
  end(SIGKILL);
}

TEST(EndToEndRecorder, DamagedWavesAreRefused) {
  const TempFolder folder;
  const auto whole = folder / "whole.fst";
  const auto made = tessera({"run", app("hello"), "--config", "t4", "--trace", whole, "--trace-to",
                             "20", "--max-cycles", "100"});
  ASSERT_EQ(made.code, 4) << made;
  const auto bytes = read_file(whole);
  ASSERT_GT(bytes.size(), 1000U);
  const auto half = bytes.size() / 2;
  const std::vector<std::string> damaged = {"", "no waves", bytes.substr(0, half),
                                            bytes.substr(half), bytes + bytes.substr(0, half)};
  for (std::size_t i = 0; i < damaged.size(); ++i) {
    const auto file = folder.write("damaged.fst", damaged[i]);
    for (const char* command : {"doctor", "waves"}) {
      const auto outcome = tessera({command, file}, 20);
      EXPECT_EQ(outcome.code, 2) << i << " " << outcome;
      EXPECT_TRUE(outcome.says("not a trace in FST format, or not complete")) << outcome;
    }
  }
}

}  // namespace
}  // namespace tsr::e2e
