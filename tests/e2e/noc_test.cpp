// SPDX-License-Identifier: Apache-2.0
/// `tessera bench noc`: throughput of the routers, and files and options that are wrong. Every run
/// checks its flits itself.
#include <fmt/format.h>

#include "process.hpp"

namespace tsr::e2e {
namespace {

const std::vector<std::string> kWindow = {"--warmup", "2000", "--measure", "4000"};
const std::vector<std::string> kShortWindow = {"--warmup", "200", "--measure", "300"};

nlohmann::json noc(const std::string& mesh, const std::string& pattern,
                   const std::vector<std::string>& more,
                   const std::vector<std::string>& window = kWindow) {
  std::vector<std::string> arguments = {"bench",     "noc",   "--mesh", mesh,
                                        "--pattern", pattern, "--json", "-"};
  arguments.insert(arguments.end(), window.begin(), window.end());
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

TEST(EndToEndNocFaults, EveryLinkAndRouterMayDie) {
  for (const std::string& network : {"request", "response"}) {
    const auto each = [&](const std::string& what) {
      return noc("4x4", "uniform", {"--network", network, "--faults-each", what});
    };
    const auto links = each("link");
    EXPECT_EQ(links["fault_sets"], 24);
    EXPECT_EQ(links["connected_pairs"], 256);
    EXPECT_EQ(links["reachable"], 100);
    EXPECT_GE(links["throughput_retained"].get<double>(), 0.73);
    EXPECT_LE(links["hop_inflation_worst"].get<double>(), 1.05);
    const auto routers = each("router");
    EXPECT_EQ(routers["fault_sets"], 16);
    EXPECT_EQ(routers["connected_pairs"], 225);
    EXPECT_EQ(routers["reachable"], 100);
  }
}

TEST(EndToEndNocFaults, ManyFaultsLeaveNoConnectedPairWithoutAWay) {
  for (const std::string& seed : {"1", "2"}) {
    const auto links = noc("8x8", "uniform", {"--faults-random", "16," + seed});
    EXPECT_EQ(links["reachable"], 100) << links;
    EXPECT_GT(links["hop_inflation"].get<double>(), 1.0);
    const auto routers = noc("8x8", "uniform", {"--faults-random-routers", "8," + seed});
    EXPECT_EQ(routers["reachable"], 100) << routers;
    EXPECT_LE(routers["connected_pairs"].get<double>(), 56 * 56);
  }
}

TEST(EndToEndNocFaults, RandomSetsLeaveNoConnectedPairWithoutAWay) {
  const auto sets = [](const std::string& mesh, const std::string& option,
                       const std::string& count) {
    return noc(mesh, "uniform", {option, count + ",1", "--sets", "20"}, kShortWindow);
  };
  for (const std::string& count : {"1", "2", "4"}) {
    const auto links = sets("4x4", "--faults-random", count);
    EXPECT_EQ(links["fault_sets"], 20);
    EXPECT_EQ(links["reachable"], 100) << links;
    EXPECT_GE(links["hop_inflation_worst"].get<double>(), links["hop_inflation"].get<double>());
    EXPECT_FALSE(links.contains("accepted"));
  }
  for (const std::string& count : {"1", "2"}) {
    EXPECT_EQ(sets("4x4", "--faults-random-routers", count)["reachable"], 100);
  }
}

TEST(EndToEndNocFaults, SetsAreThoseOfTheFollowingSeeds) {
  const auto hops = [](const std::string& seed, const std::string& count) {
    return noc("4x4", "uniform", {"--faults-random", "3," + seed, "--sets", count},
               kShortWindow)["hop_inflation"]
        .get<double>();
  };
  EXPECT_NEAR(hops("5", "2"), (hops("5", "1") + hops("6", "1")) / 2, 1e-9);
}

TEST(EndToEndNocFaults, OneDeadLinkCostsLittleOfALargeMesh) {
  const auto result = noc("8x8", "uniform", {"--faults-random", "1,1"});
  EXPECT_GE(result["throughput_retained"].get<double>(), 0.81);
  EXPECT_GE(result["load_bound_retained"].get<double>(), 0.81);
}

TEST(EndToEndNocFaults, FilesCutAMeshInTwo) {
  TempFolder folder;
  const auto faults = folder.write("faults",
                                   "# between columns 1 and 2\nlink 1,0 2,0\n\n"
                                   "link 2,1 1,1 # either way round\nrouter 3,0\n");
  const auto result = noc("4x2", "uniform", {"--faults", faults, "--rate", "0.4", "--sweep"});
  EXPECT_EQ(result["connected_pairs"], 16 + 9);
  EXPECT_EQ(result["reachable"], 100);
  // Nobody sends to where nothing arrives: 25 of the 7 x 8 pairs that sources draw from.
  EXPECT_NEAR(result["accepted"].get<double>(), 0.4 * 25 / 56, 0.01);
  EXPECT_GT(result["saturation_retained"].get<double>(), 0.5);
  const auto none = noc("4x2", "uniform", {"--faults", folder.write("none", "# nothing\n")});
  EXPECT_EQ(none["table_pairs"], 0);
  EXPECT_EQ(none["hop_inflation"], 1);
  EXPECT_EQ(none["connected_pairs"], 64);
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

TEST(EndToEndNocFaults, SaysWhatIsWrongWithTheFaults) {
  TempFolder folder;
  const auto refused_file = [&](const std::string& content, const std::string& text) {
    expect_refused({"--faults", folder.write("f", content)}, text);
  };
  refused_file("link 0,0 1,0\nlink 0,0 1,1\n", ":2: a link joins two neighbours");
  refused_file("router 4,0\n", ":1: no such node");
  refused_file("router 1;0\n", ":1: '1;0' is no node");
  refused_file("router -1,0\n", ":1: '-1,0' is no node");
  refused_file("link 0,0\n", ":1: a line is 'link X,Y X,Y' or 'router X,Y'");
  expect_refused({"--faults", folder / "missing"}, "missing");
  expect_refused({"--faults-random", "4"}, "COUNT,SEED");
  expect_refused({"--faults-random", "25,1"}, "more random faults");
  expect_refused({"--faults-random-routers", "16,1"}, "no router is left alive");
  expect_refused({"--faults-each", "tile"}, "--faults-each");
  expect_refused({"--faults-each", "link", "--sweep"}, "--sweep");
  expect_refused({"--faults-each", "link", "--vcs", "1"}, "--vcs");
  expect_refused({"--faults-each", "link", "--sets", "2"}, "--sets: needs --faults-random");
  expect_refused({"--faults-random", "1,1", "--sets", "2", "--sweep"}, "--sets: not together");
  expect_refused({"--faults-random", "1,1", "--sets", "0"}, "--sets");
  expect_refused({"--sets", "2"}, "--sets: needs --faults-random");
}

}  // namespace
}  // namespace tsr::e2e
