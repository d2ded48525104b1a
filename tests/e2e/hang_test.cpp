// SPDX-License-Identifier: Apache-2.0
/// Every kind of hang, and what is said about it.
#include <fmt/format.h>
#include <sys/wait.h>

#include <filesystem>

#include "apps/apps_abi.h"
#include "process.hpp"

namespace tsr::e2e {
namespace {

/// A run that hangs, and the diagnosis.
struct Hang {
  const char* name;
  std::uint32_t kind;                ///< TSR_STUCK_*
  std::vector<std::string> options;  ///< further ones
  std::string diagnosed;             ///< "kind" of the diagnosis
  std::vector<std::string> says;     ///< texts in the report
};

const Hang kHangs[] = {
    {"MissingPost",
     TSR_STUCK_MISSING_POST,
     {},
     "missing post",
     {"most likely: semaphore 5 of tile (1, 1) is waited for (has 0)",
      "RDMA of tile (1, 1) -> semaphore 5 of tile (1, 1): command 1 needs 1, has 0",
      "core of tile (1, 1): asleep at "}},
    {"FullQueue",
     TSR_STUCK_FULL_QUEUE,
     {},
     "missing post",
     {"the command queue of the ME of tile (1, 1) is full",
      "the first one waits for semaphore 5 (has 0, needs 1)",
      "core of tile (1, 1) -> ME of tile (1, 1): sleeps until its queue has room"}},
    {"Circle",
     TSR_STUCK_CIRCLE,
     {},
     "deadlock",
     {"most likely: a circle of waits: ", "RDMA of tile (1, 1) -> semaphore 6 of tile (1, 1)",
      "semaphore 6 of tile (1, 1) -> WDMA of tile (1, 1): its command 2 posts it"}},
    {"Loop",
     TSR_STUCK_LOOP,
     {},
     "loop",
     {"most likely: the core of tile (1, 1) runs in a loop: ", "(stuck_loop"}},
    {"MuteMemory",
     TSR_STUCK_READS,
     {"--mute-node", "0,3@285000"},
     "no answer",
     {"most likely: memory (0, 3) does not answer: ", "RDMA of tile (1, 1): read of 0x",
      " at memory (0, 3), for "}},
    {"LostCredits",
     TSR_STUCK_READS,
     {"--lose-credits", "0,3@285000"},
     "lost credit",
     {"most likely: credits towards memory (0, 3) are lost: "}},
    {"DeadLink",
     TSR_STUCK_READS,
     {"--kill-link", "0,2,south@285000"},
     "dead link",
     {"most likely: the request link of router (0, 2) to the south is dead"}},
};

/// The command line that hangs this way, with its files in `folder`.
std::vector<std::string> words_of(const Hang& hang, const TempFolder& folder) {
  std::vector<std::string> words = {"run",
                                    app("stuck"),
                                    "--config",
                                    "t4",
                                    "--tiles",
                                    "1",
                                    "1",
                                    "1",
                                    "1",
                                    "--arg",
                                    std::to_string(hang.kind),
                                    "0",
                                    "--flight",
                                    folder / "flight.fst",
                                    "--window",
                                    "1500",
                                    "--json",
                                    folder / "result.json"};
  words.insert(words.end(), hang.options.begin(), hang.options.end());
  return words;
}

/// Run it with further options; the JSON result.
nlohmann::json explained(const Hang& hang, const TempFolder& folder,
                         const std::vector<std::string>& options) {
  auto words = words_of(hang, folder);
  words.insert(words.end(), options.begin(), options.end());
  const auto outcome = tessera(words);
  EXPECT_EQ(outcome.code, 4) << outcome;
  for (const auto& text : hang.says) EXPECT_TRUE(outcome.says(text)) << text << "\n" << outcome;
  const auto json = nlohmann::json::parse(read_file(folder / "result.json"));
  EXPECT_EQ(json["hang"]["kind"], hang.diagnosed) << outcome;
  EXPECT_EQ(json["exit_code"], 4);
  return json;
}

class Hangs : public testing::TestWithParam<Hang> {};

TEST_P(Hangs, AreExplained) {
  const Hang& hang = GetParam();
  const TempFolder folder;
  const auto json = explained(hang, folder, {"--max-cycles", "300000"});
  // The same from the file alone.
  const auto again =
      tessera({"doctor", folder / "flight.fst", "--elf", app("stuck"), "--json", "-"});
  EXPECT_EQ(again.code, 0) << again;
  EXPECT_EQ(again.json()["cause"], json["hang"]["cause"]);
  EXPECT_EQ(again.json()["at"], 299'999);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Hangs, testing::ValuesIn(kHangs),
                         [](const auto& kind) { return std::string(kind.param.name); });

/// The ways to hang that need no broken RTL network.
class TlmHangs : public testing::TestWithParam<Hang> {};

TEST_P(TlmHangs, AreExplainedWithoutAnyRtl) {
  const TempFolder folder;
  // From the models as they are; and as they were before the firmware started the tiles anew.
  explained(GetParam(), folder, {"--tlm", "--max-cycles", "300000", "--snapshot-every", "0"});
  explained(GetParam(), folder, {"--tlm", "--timeout", "30000"});
  EXPECT_FALSE(std::filesystem::exists(folder / "flight.fst"));
}

TEST_P(TlmHangs, AreExplainedInAMix) {
  const TempFolder folder;
  for (const char* tile : {"1,1=rtl", "0,1=rtl"}) {
    explained(GetParam(), folder, {"--tlm", "--tile", tile, "--max-cycles", "300000"});
    EXPECT_TRUE(std::filesystem::exists(folder / "flight.fst"));
  }
}

TEST(Doctor, NeedsNoRoutersInTheWaves) {
  const TempFolder folder;
  explained(kHangs[0], folder, {"--noc", "tlm", "--max-cycles", "300000"});
}

INSTANTIATE_TEST_SUITE_P(Kinds, TlmHangs, testing::ValuesIn(kHangs, kHangs + 4),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST(Doctor, NeedsNoFlightRecorder) {
  const TempFolder folder;
  explained(kHangs[0], folder, {"--max-cycles", "300000", "--snapshot-every", "0"});
  EXPECT_FALSE(std::filesystem::exists(folder / "flight.fst"));
}

TEST(Doctor, RefusesWhatItCannotRead) {
  const TempFolder folder;
  auto outcome = tessera({"doctor", folder.write("no.fst", "no waves")});
  EXPECT_EQ(outcome.code, 2) << outcome;
  EXPECT_TRUE(outcome.says("no.fst: not a trace in FST format")) << outcome;
  // Waves of another chip lack signals; the first one is named.
  folder.write("other.vcd",
               "$timescale 1ps $end\n$scope module x.tile_0_0 $end\n$var wire 1 a clk_i $end\n"
               "$upscope $end\n$scope module x.router_0_0 $end\n$var wire 1 b clk_i $end\n"
               "$upscope $end\n$enddefinitions $end\n#0\n0a\n0b\n#10\n1a\n1b\n");
  const pid_t convert = spawn({"vcd2fst", folder / "other.vcd", folder / "other.fst"},
                              folder / "out", folder / "err");
  int status = 0;
  waitpid(convert, &status, 0);
  outcome = tessera({"doctor", folder / "other.fst"});
  EXPECT_EQ(outcome.code, 2) << outcome;
  EXPECT_TRUE(outcome.says("of the signals that are needed are not in these waves")) << outcome;
}

}  // namespace
}  // namespace tsr::e2e
