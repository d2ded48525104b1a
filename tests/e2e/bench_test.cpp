// SPDX-License-Identifier: Apache-2.0
/// `tessera bench`: every subcommand on a small chip. The program itself compares each result with
/// a golden model; here its figures must make sense too.
#include <fmt/format.h>

#include "process.hpp"

namespace tsr::e2e {
namespace {

using Arguments = std::vector<std::string>;

/// Run a benchmark; its JSON, empty on failure.
nlohmann::json bench(Arguments arguments) {
  std::string line = "tessera bench";
  for (const auto& argument : arguments) line += " " + argument;
  SCOPED_TRACE(line);
  arguments.insert(arguments.begin(), "bench");
  arguments.insert(arguments.end(), {"--config", "t4", "--json", "-"});
  const auto outcome = tessera(arguments);
  EXPECT_EQ(outcome.code, 0) << outcome;
  return outcome.code == 0 ? outcome.json() : nlohmann::json();
}

/// For every engine the causes add up to the window, and `engine` did all commands' work.
void expect_attribution(const nlohmann::json& result, const std::string& engine) {
  ASSERT_TRUE(result.contains("attribution"));
  const auto& attribution = result["attribution"];
  const auto window = attribution["window"].get<std::uint64_t>();
  EXPECT_EQ(window, result["cycles"].get<std::uint64_t>());
  for (const char* name : {"rdma", "wdma", "me", "ve", "tdma"}) {
    std::uint64_t sum = 0;
    for (const char* cause :
         {"busy", "wait_semaphore", "starved", "blocked", "conflict", "config", "idle"}) {
      sum += attribution[name][cause].get<std::uint64_t>();
    }
    EXPECT_EQ(sum, window * attribution["tiles"].get<std::uint64_t>()) << name;
  }
  EXPECT_GT(attribution[engine]["commands"].get<std::uint64_t>(), 0U);
  EXPECT_GT(result["utilization"].get<double>(), 0.0);
  EXPECT_LE(result["utilization"].get<double>(), 1.0);
}

Arguments gemm(const std::string& format, const std::string& side, Arguments more) {
  Arguments out = {"gemm", "--format", format, "--m",     side,   "--n",
                   side,   "--k",      side,   "--scope", "tile", "--source"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

TEST(EndToEndBench, MatrixProductsOfEveryKindAreRight) {
  for (const char* format : {"int4", "tf32", "mxfp4e2m1"}) {
    expect_attribution(bench(gemm(format, "40", {"spm"})), "me");
  }
  expect_attribution(bench(gemm("fp8e4m3", "48", {"spm", "--format-b", "fp8e5m2"})), "me");
  expect_attribution(bench(gemm("bf16", "44", {"spm", "--order", "tn"})), "me");
  expect_attribution(bench(gemm("mxfp8e5m2", "72", {"hbm"})), "me");
}

TEST(EndToEndBench, ConvolutionsAreRight) {
  const Arguments small = {"conv", "--n", "2", "--h", "9", "--w", "11", "--c", "16", "--k", "24"};
  const auto with = [&small](Arguments more) {
    auto out = small;
    out.insert(out.end(), more.begin(), more.end());
    return out;
  };
  expect_attribution(bench(with({"--stride", "2", "--dilation", "2", "--pad", "2"})), "me");
  expect_attribution(bench(with({"--groups", "2", "--format", "fp8e4m3", "--repeat", "2"})), "me");
}

TEST(EndToEndBench, ExpressionsAreRight) {
  const auto vector = [](const std::string& op, Arguments more) {
    Arguments out = {"vector", "--op", op, "--rows", "3"};
    out.insert(out.end(), more.begin(), more.end());
    return bench(out);
  };
  expect_attribution(vector("softmax", {"--len", "100"}), "ve");
  expect_attribution(vector("convert", {"--len", "64", "--out", "mxfp8e4m3"}), "ve");
  expect_attribution(vector("dequantize_mx", {"--len", "64", "--format", "mxfp6e3m2"}), "ve");
}

TEST(EndToEndBench, LibraryIsListed) {
  const auto outcome = tessera({"bench", "vector", "--list"}, 20);
  EXPECT_EQ(outcome.code, 0) << outcome;
  for (const char* op : {"softmax", "gelu", "rope", "argmax", "dequantize_mx"}) {
    EXPECT_NE(outcome.out.find(op), std::string::npos) << op;
  }
}

TEST(EndToEndBench, AttentionIsWithinItsTolerance) {
  const auto result = bench({"attention", "--seq", "256", "--head-dim", "32", "--heads", "2",
                             "--causal", "--scope", "chip"});
  expect_attribution(result, "me");
  EXPECT_LE(result["error"].get<double>(), result["tolerance"].get<double>());
}

TEST(EndToEndBench, LayoutOperationsAreRight) {
  expect_attribution(bench({"layout", "--op", "pad", "--rows", "24", "--cols", "40"}), "tdma");
  expect_attribution(bench({"layout", "--bytes", "0.5", "--rows", "24", "--cols", "40"}), "tdma");
}

TEST(EndToEndBench, ContextsSwitchWithoutBubbles) {
  const auto result = bench({"context"});
  EXPECT_EQ(result["bubbles"], 0.0);
  EXPECT_GT(result["load_cycles"], 0);
  EXPECT_LE(result["load_cycles"], 16);
}

TEST(EndToEndBench, StreamsBringEveryByteAtNearlyFullSpeed) {
  const struct {
    const char* pattern;
    Arguments more;
    double efficiency;
  } cases[] = {{"read", {"--bytes", "81920"}, 86},
               {"write", {"--bytes", "81920"}, 80},
               {"copy", {"--bytes", "65536", "--burst", "8192"}, 70},
               {"mix", {"--bytes", "98304"}, 70},
               {"random", {"--bytes", "81920"}, 75},
               {"mcast", {"--bytes", "81920"}, 25}};  // of 50: what a tile's link can take
  for (const auto& c : cases) {
    Arguments arguments = {"stream", "--pattern", c.pattern};
    arguments.insert(arguments.end(), c.more.begin(), c.more.end());
    const auto result = bench(arguments);
    ASSERT_TRUE(result.contains("efficiency")) << c.pattern;
    EXPECT_EQ(result["mismatches"], 0) << c.pattern;
    EXPECT_GE(result["efficiency"].get<double>(), c.efficiency) << c.pattern;
    EXPECT_LE(result["efficiency"].get<double>(), 100) << c.pattern;
    EXPECT_GE(result["slowest_over_mean"].get<double>(), 0.85) << c.pattern;
    EXPECT_LE(result["window_cycles"].get<double>(), result["cycles"].get<double>()) << c.pattern;
    EXPECT_EQ(result["tile_rates"].size(), 4U) << c.pattern;
    const auto moved = result["hbm_bytes_read"].get<std::uint64_t>() +
                       result["hbm_bytes_written"].get<std::uint64_t>();
    EXPECT_GE(moved, result["bytes"].get<std::uint64_t>()) << c.pattern;
  }
}

TEST(EndToEndBench, AStreamOfOneTileInSmallPieces) {
  const auto result = bench({"stream", "--tiles", "1", "--bytes", "65536", "--element", "128"});
  ASSERT_TRUE(result.contains("efficiency"));
  EXPECT_EQ(result["mismatches"], 0);
  EXPECT_EQ(result["tile_rates"].size(), 1U);
  EXPECT_EQ(result["slowest_over_mean"], 1.0);
}

TEST(EndToEndBench, WhatCannotBeDoneIsRefusedWithAdvice) {
  const struct {
    Arguments arguments;
    const char* message;
  } cases[] = {
      {{"gemm", "--format", "bf16", "--format-b", "int8"}, "--format-b"},
      {{"gemm", "--format", "int4", "--k", "31"}, "even number"},
      {{"gemm", "--repeat", "2"}, "--repeat needs --source spm"},
      {{"gemm", "--order", "tt"}, "--order needs --source spm"},
      {{"gemm", "--format", "fp32", "--k", "4096"}, "use at most 2048"},
      {{"gemm", "--m", "512", "--scope", "tile", "--source", "spm"}, "--source hbm"},
      {{"conv", "--h", "2", "--w", "2", "--r", "7", "--pad", "0"}, "the padded picture"},
      {{"conv", "--groups", "3"}, "--groups 3 must divide"},
      {{"conv", "--h", "64", "--w", "64"}, "does not fit the scratchpad of 256 KiB"},
      {{"vector"}, "--op"},
      {{"vector", "--op", "magic"}, "'magic'"},
      {{"vector", "--op", "relu", "--format", "fp5"}, "'fp5' is no element format"},
      {{"vector", "--op", "relu", "--format", "mxint8"}, "takes no block scales"},
      {{"vector", "--op", "sum_all", "--rows", "2"}, "--rows 1"},
      {{"attention", "--seq", "100"}, "use a multiple of 128"},
      {{"attention", "--head-dim", "40"}, "use a multiple of 16"},
      {{"layout", "--bytes", "3"}, "--bytes"},
      {{"layout", "--op", "gather", "--batch", "2"}, "--batch"},
      {{"stream", "--pattern", "sideways"}, "--pattern"},
      {{"stream", "--bytes", "1000"}, "use a multiple of 16384"},
      {{"stream", "--pattern", "mix", "--bytes", "16384"}, "two for reads and one for writes"},
      {{"stream", "--bytes", "1048576"}, "the scratchpad of 256 KiB has room for"},
      {{"stream", "--element", "100"}, "use a multiple of 64"},
      {{"stream", "--element", "192"}, "--burst 16384: use"},
      {{"stream", "--pattern", "random", "--burst", "8192"}, "leave it out"},
      {{"stream", "--pattern", "random", "--element", "65536", "--region", "1"}, "--region 1"},
      {{"stream", "--tiles", "3"}, "--tiles 3: a launch covers a rectangle"},
  };
  for (const auto& bad : cases) {
    Arguments arguments = {"bench"};
    arguments.insert(arguments.end(), bad.arguments.begin(), bad.arguments.end());
    arguments.insert(arguments.end(), {"--config", "t4", "--json", "-"});
    const auto outcome = tessera(arguments);
    EXPECT_EQ(outcome.code, 2) << bad.message << "\n" << outcome;
    EXPECT_TRUE(outcome.says(bad.message)) << bad.message << "\n" << outcome;
    EXPECT_EQ(outcome.out, "") << bad.message;
  }
}

TEST(EndToEndBench, HbmTracesAreReplayed) {
  const TempFolder folder;
  const auto trace = folder.write("a.trc", "# two blocks\nW 0x0 64 0 0\nR 0x40 64 1 0\n");
  const auto commands = folder / "commands.txt";
  const auto outcome = tessera({"bench", "hbm", "--profile", "hbm3-6400", "--trace", trace,
                                "--window", "256", "--commands", commands, "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  const auto json = outcome.json();
  EXPECT_EQ(json["read_atoms"], 2);
  EXPECT_EQ(json["write_atoms"], 2);
  EXPECT_EQ(json["wrong_bytes"], 0);
  EXPECT_EQ(json["timing_violations"], 0);
  const auto text = read_file(commands);
  EXPECT_NE(text.find(" ACT 0 0 0 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" RD 0 0 0 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" WR 0 0 0 1\n"), std::string::npos) << text;
}

TEST(EndToEndBench, HbmPatternsReachTheirEfficiency) {
  const auto outcome = tessera({"bench", "hbm", "--pattern", "s16_256", "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_GE(outcome.json()["efficiency"].get<double>(), 97.5);
}

TEST(EndToEndBench, BadHbmInputIsRefused) {
  const TempFolder folder;
  const auto trace = folder.write("a.trc", "R 0 64 0 0\nR 0 sixty 0 0\n");
  const auto refused = [](const Arguments& arguments, const std::string& message) {
    auto all = Arguments{"bench", "hbm"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto outcome = tessera(all, 20);
    EXPECT_EQ(outcome.code, 2) << outcome;
    EXPECT_TRUE(outcome.says(message)) << outcome;
    EXPECT_EQ(outcome.out, "") << outcome;
  };
  refused({}, "give either --trace FILE or --pattern NAME");
  refused({"--trace", trace, "--pattern", "seq_rd"}, "give either --trace FILE or --pattern NAME");
  refused({"--trace", trace}, "a.trc:2: bytes \"sixty\" is not a number");
  refused({"--trace", folder / "missing.trc"}, "missing.trc: cannot be opened");
  refused({"--pattern", "none"}, "--pattern");
  refused({"--pattern", "seq_rd", "--profile", "none"}, "--profile none");
  refused({"--pattern", "seq_rd", "--window", "1"}, "--window");
  refused({"--pattern", "seq_rd", "--rate", "2"}, "--rate");
  refused({"--pattern", "seq_rd", "--commands", folder / "no/such/folder"}, "cannot be written");
}

}  // namespace
}  // namespace tsr::e2e
