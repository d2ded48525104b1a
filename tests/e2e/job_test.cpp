// SPDX-License-Identifier: Apache-2.0
/// The main job through the command line. Exit code 0 also says that no checker found a violation:
/// DRAM timing and network protocol are checked in every cycle, and end the run with code 5 (see
/// EndToEndFaults.DramTimingViolationEndsTheRun).
#include "process.hpp"

namespace tsr::e2e {
namespace {

/// No engine of the tiles is idle in the whole job, and each did at least what the job needs.
void expect_all_engines_worked(const nlohmann::json& json, unsigned images) {
  const auto& engines = json["engines"];
  const std::vector<std::string> names = {"rdma", "wdma", "me", "ve", "tdma"};
  ASSERT_EQ(engines.size(), names.size());
  for (const auto& name : names) {
    EXPECT_GT(engines[name]["commands"], 0) << name;
    EXPECT_GT(engines[name]["busy"], 0) << name;
    EXPECT_GT(engines[name]["utilization"].get<double>(), 0) << name;
    EXPECT_LT(engines[name]["utilization"].get<double>(), 1) << name;
  }
  // 256 multiply-adds, 16 elements, or 64 bytes a cycle. Passes: every pixel, every logit four
  // times; logits and probabilities are turned.
  const auto at_least = [&](const char* name, unsigned cycles) {
    EXPECT_GE(engines[name]["busy"].get<std::uint64_t>(), cycles) << name;
  };
  at_least("me", images * (784 * 128 + 128 * 10) / 256);
  at_least("ve", images * (784 + 4 * 10) / 16);
  at_least("tdma", 2 * images * 10 * 4 / 64);
}

/// A class for every image, with a probability that the largest of ten can have.
void expect_answers(const nlohmann::json& json, unsigned images) {
  ASSERT_EQ(json["answers"].size(), images);
  ASSERT_EQ(json["probabilities"].size(), images);
  for (unsigned i = 0; i < images; ++i) {
    EXPECT_LT(json["answers"][i].get<unsigned>(), 10U) << i;
    EXPECT_GE(json["probabilities"][i].get<double>(), 0.1) << i;
    EXPECT_LE(json["probabilities"][i].get<double>(), 1.0) << i;
  }
}

void expect_passed(const Outcome& outcome, unsigned images, const std::string& config) {
  ASSERT_EQ(outcome.code, 0) << outcome;
  const auto json = outcome.json();
  for (const char* key :
       {"boot_cycles", "copy_cycles", "normalize_cycles", "layer1_cycles", "layer1_utilization",
        "layer2_cycles", "layer2_utilization", "classify_cycles", "read_cycles", "cycles", "macs",
        "utilization", "hbm_bytes_read", "hbm_bytes_written", "network_bytes", "total_cycles",
        "wall_seconds", "total_khz"}) {
    ASSERT_TRUE(json.contains(key)) << key;
    EXPECT_GT(json[key].get<double>(), 0) << key;
  }
  EXPECT_EQ(json["passed"], true);
  EXPECT_EQ(json["config"], config);
  EXPECT_EQ(json["images"], images);
  EXPECT_EQ(json["logit_mismatches"], 0);
  EXPECT_EQ(json["result_mismatches"], 0);
  EXPECT_EQ(json["macs"], images * (784 * 128 + 128 * 10));
  EXPECT_GE(json["accuracy"].get<double>(), 0.8);
  EXPECT_LE(json["utilization"].get<double>(), 1.0);
  // Every image is read once at least, as bytes and as BF16; every logit and result is written.
  EXPECT_GE(json["hbm_bytes_read"].get<std::uint64_t>(), images * 784U * 3);
  EXPECT_GE(json["hbm_bytes_written"].get<std::uint64_t>(),
            images * (784U * 2 + 128U * 2 + 2 * 10 * 4 + 4));
  expect_all_engines_worked(json, images);
  expect_answers(json, images);
  for (const char* text : {"uart| Tessera boot ROM", "boot ", "normalize", "layer 1", "layer 2",
                           "classify", "image 0: Boot", "confusion", "answers agree bit for bit",
                           "ME utilization", "tdma", "HBM", "network", "kHz", "PASSED"}) {
    EXPECT_TRUE(outcome.says(text)) << text;
  }
  EXPECT_TRUE(outcome.err.size() > 8 && outcome.err.substr(outcome.err.size() - 8) == "\nPASSED\n")
      << "the verdict is the last line: " << outcome;
}

TEST(EndToEndJob, ClassifiesFewImagesOnT4) {
  expect_passed(tessera({"run", "mlp", "--config", "t4", "--images", "24", "--json", "-"}), 24,
                "t4");
}

TEST(EndToEndJob, Classifies256ImagesOnT16) {
  expect_passed(tessera({"run", "mlp", "--config", "t16", "--images", "256", "--json", "-"}), 256,
                "t16");
}

TEST(EndToEndJob, SameSeedGivesTheSameCyclesForAnyNumberOfThreads) {
  std::vector<nlohmann::json> runs;
  for (const char* threads : {"1", "1", "2"}) {
    const auto outcome = tessera({"run", "mlp", "-c", "t4", "--images", "2", "--min-accuracy", "0",
                                  "--seed", "77", "--threads", threads, "--json", "-"});
    ASSERT_EQ(outcome.code, 0) << outcome;
    auto json = outcome.json();
    for (const char* wall : {"wall_seconds", "cpu_seconds", "total_khz", "threads"})
      json.erase(wall);
    json.at("report").erase("command");  // has the number of threads
    runs.push_back(json);
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
}

TEST(EndToEndJob, AccuracyBelowTheLimitFails) {
  // The first test images contain wrong answers: 100 % cannot be reached.
  const TempFolder folder;
  const auto json = folder / "result.json";
  const auto outcome =
      tessera({"run", "mlp", "-c", "t4", "--images", "40", "--min-accuracy", "1", "--json", json});
  EXPECT_EQ(outcome.code, 1) << outcome;
  EXPECT_NE(outcome.out.find("accuracy is below 100 %"), std::string::npos) << outcome;
  const auto result = nlohmann::json::parse(read_file(json));
  EXPECT_EQ(result["passed"], false);
  EXPECT_EQ(result["logit_mismatches"], 0);
}

}  // namespace
}  // namespace tsr::e2e
