// SPDX-License-Identifier: Apache-2.0
/// `tessera bench noc`: throughput of the routers, and files and options that are wrong. Every run
/// checks its flits itself.
#include <fmt/format.h>

#include "process.hpp"

namespace tsr::e2e {
namespace {

nlohmann::json noc(const std::string& mesh, const std::string& pattern,
                   std::vector<std::string> more) {
  std::vector<std::string> arguments = {"bench",  "noc", "--mesh",   mesh,   "--pattern", pattern,
                                        "--json", "-",   "--warmup", "2000", "--measure", "4000"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto outcome = tessera(arguments);
  EXPECT_EQ(outcome.code, 0) << outcome;
  return outcome.code == 0 ? outcome.json() : nlohmann::json();
}

double saturation(const std::string& mesh, const std::string& pattern) {
  return noc(mesh, pattern, {"--sweep"})["saturation"].get<double>();
}

TEST(EndToEndNoc, SaturatesWhereItShould) {
  EXPECT_GE(saturation("4x4", "uniform"), 0.76);
  EXPECT_GE(saturation("4x4", "bitcomp"), 0.47);
  EXPECT_GE(saturation("4x4", "transpose"), 0.32);
  EXPECT_GE(saturation("4x4", "corners"), 0.24);
}

TEST(EndToEndNoc, TwoCyclesAHopWithoutLoad) {
  // Neighbours in a row, the last one over three hops: routers on the way are 2, 2, 2 and 4.
  const auto result = noc("4x2", "neighbor", {"--rate", "0.005"});
  EXPECT_GE(result["latency_mean"].get<double>(), 4.8);
  EXPECT_LE(result["latency_mean"].get<double>(), 5.2);
  EXPECT_GE(result["latency_max"].get<unsigned>(), 8U);
}

TEST(EndToEndNoc, OverloadIsSharedEvenly) {
  const auto result = noc("8x8", "bitcomp", {"--rate", "1"});
  EXPECT_GE(result["accepted"].get<double>(), 0.24);
  EXPECT_GE(result["accepted_min"].get<double>(), 0.8 * result["accepted"].get<double>());
}

TEST(EndToEndNoc, OneChannelOrShallowBuffersCarryLess) {
  const auto accepted = [](std::vector<std::string> more) {
    more.insert(more.end(), {"--rate", "1"});
    return noc("4x4", "uniform", more)["accepted"].get<double>();
  };
  const double both = accepted({});
  EXPECT_LT(accepted({"--vcs", "1"}), 0.9 * both);
  EXPECT_LT(accepted({"--depth", "2"}), 0.9 * both);
  EXPECT_NEAR(accepted({"--network", "response"}), both, 0.05 * both);
}

TEST(EndToEndNoc, SameSeedSameResult) {
  const auto run = [](const char* seed) { return noc("3x5", "uniform", {"--seed", seed}); };
  EXPECT_EQ(run("7"), run("7"));
  EXPECT_NE(run("7")["latency_mean"], run("8")["latency_mean"]);
}

TEST(EndToEndNoc, PatternsComeFromFiles) {
  TempFolder folder;
  const auto pairs = folder.write("pairs", "# everybody to node 0\n0 0\n1 0\n\n2 0\n3 0 # last\n");
  EXPECT_NEAR(noc("2x2", pairs, {"--rate", "1"})["accepted"].get<double>(), 0.25, 0.005);
  const auto matrix = folder.write("matrix", "0 .5 0 .5\n.25 .25 .25 .25\n0 0 0 0\n0 0 .5 0\n");
  const auto result = noc("2x2", matrix, {"--rate", "0.4"});
  EXPECT_NEAR(result["accepted"].get<double>(), 0.4 * 2.5 / 4, 0.01);
}

void expect_refused(std::vector<std::string> arguments, const std::string& text) {
  arguments.insert(arguments.begin(), {"bench", "noc"});
  const auto outcome = tessera(arguments);
  EXPECT_EQ(outcome.code, 2) << outcome;
  EXPECT_TRUE(outcome.says(text)) << outcome;
}

TEST(EndToEndNoc, SaysWhatIsWrongWithItsInput) {
  TempFolder folder;
  expect_refused({"--mesh", "9x4"}, "--mesh 9x4");
  expect_refused({"--mesh", "four"}, "--mesh four");
  expect_refused({"--mesh", "4x2", "--pattern", "transpose"}, "square");
  expect_refused({"--pattern", "nonsense"}, "nonsense");
  expect_refused({"--rate", "1.5"}, "--rate");
  const auto refused_file = [&](const std::string& content, const std::string& text) {
    expect_refused({"--mesh", "2x2", "--pattern", folder.write("p", content)}, text);
  };
  refused_file("0 1\n0 2\n", ":2: node 0 has a line already");
  refused_file("0 4\n", ":1: 4 is no node");
  refused_file("0 x\n", "'x' is no number");
  refused_file("1 2 3\n", "3 numbers");
  refused_file(".5 .5 .5 .5\n0 0 0 0\n0 0 0 0\n0 0 0 0\n", "sums to 2");
  refused_file("1 0 0 0\n", "1 rows");
  refused_file("# nothing\n", "nobody sends");
}

}  // namespace
}  // namespace tsr::e2e
