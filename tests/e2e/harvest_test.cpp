// SPDX-License-Identifier: Apache-2.0
/// Chips with dead links and tiles: they boot, and what is left of them works.
#include <fmt/format.h>

#include <cstdlib>
#include <random>

#include "apps/apps_abi.h"
#include "noc/fault_routes.hpp"
#include "process.hpp"

namespace tsr::e2e {
namespace {

constexpr std::uint32_t kShare = 2048;  // bytes that every tile copies

/// Boot a chip and let every tile that is left copy a part of a buffer that lies in all memory
/// nodes. Returns what failed.
Failure boot_and_copy(const std::string& name, const ChipFaults& faults, std::size_t tiles) {
  PlatformOptions options;
  options.max_cycles = 5'000'000;
  options.faults = faults;
  return failure_of([&] {
    const auto chip = Platform::open(name, options);
    EXPECT_EQ(chip->config().tiles.size(), tiles);
    chip->load(app("memcpy"));
    std::vector<std::uint32_t> data(tiles * kShare / 4), copy(data.size());
    std::mt19937 random(5);
    for (auto& word : data) word = static_cast<std::uint32_t>(random());
    tsr_memcpy_args_t args{};
    args.bytes = static_cast<std::uint32_t>(4 * data.size());
    args.src = chip->allocate(args.bytes);
    args.dst = chip->allocate(args.bytes);
    chip->write(args.src, data.data(), args.bytes);
    const auto done = chip->run("kernel_main", chip->all_tiles(), args, 200'000);
    EXPECT_EQ(done.tiles, tiles);
    chip->read(args.dst, copy.data(), args.bytes);
    EXPECT_EQ(copy, data);
  });
}

void expect_works(const std::string& name, const ChipFaults& faults, std::size_t tiles) {
  const auto failure = boot_and_copy(name, faults, tiles);
  EXPECT_EQ(failure.code, ExitCode::Ok) << failure;
}

MeshLink east(unsigned x, unsigned y) { return {{x, y}, Dir::kEast}; }
MeshLink south(unsigned x, unsigned y) { return {{x, y}, Dir::kSouth}; }

TEST(EndToEndHarvest, ADeadLinkOfEachSort) {
  // t4: ctl and a bare router above two rows of tiles above two memory nodes.
  for (const auto& link : {east(0, 0), south(0, 0), east(0, 1), south(1, 2), east(0, 3)}) {
    SCOPED_TRACE(
        fmt::format("{},{} port {}", link.node.x, link.node.y, static_cast<unsigned>(link.port)));
    expect_works("t4", {{}, {link}, {}, {}}, 4);
  }
}

TEST(EndToEndHarvest, SeveralDeadLinksAndTilesOnT16) {
  // Next to ctl, on the bare row, between tiles, between tile and memory.
  const std::vector<MeshLink> links = {south(0, 0), east(2, 0), east(1, 2), south(2, 2),
                                       south(3, 4)};
  expect_works("t16", {{{1, 1}, {2, 4}, {0, 3}}, links, {}, {}}, 13);
}

TEST(EndToEndHarvest, TilesAndMemoryThatAreCutOffAreLeftOut) {
  expect_works("t4", {{}, {south(0, 0), east(0, 1), south(0, 1)}, {}, {}}, 3);
  expect_works("t4", {{}, {south(1, 2), east(0, 3)}, {}, {}}, 4);  // half of the memory
  const auto nothing = boot_and_copy("t4", {{}, {south(0, 0), east(0, 0)}, {}, {}}, 4);
  EXPECT_EQ(nothing.code, ExitCode::BadInput) << nothing;
  EXPECT_TRUE(nothing.says("leave no tile")) << nothing;
}

/// Links picked at random that leave ctl connected with all tiles and memory nodes.
std::vector<MeshLink> pick_links(std::mt19937& random, unsigned count) {
  FaultMap map(2, 4);
  std::vector<MeshLink> links;
  while (links.size() < count) {
    const auto pick = static_cast<unsigned>(random());
    const Node node{pick % 2, pick / 2 % 4};
    const Dir port = pick / 8 % 2 != 0 ? Dir::kEast : Dir::kSouth;
    const auto next = map.neighbour(node, port);
    if (!next) continue;
    FaultMap after = map;
    after.kill_link(node, *next);
    const FaultRoutes routes(after, 0);
    bool cut = false;
    for (unsigned i = 0; i < 8; ++i) {
      cut = cut || routes.layer({0, 0}, after.node(i)) == Layer::kNone;
    }
    if (cut) continue;
    map = after;
    links.push_back({node, port});
  }
  return links;
}

TEST(EndToEndHarvest, RandomMaps) {
  const char* text = std::getenv("TSR_SCALE");
  const unsigned rounds = text != nullptr ? static_cast<unsigned>(std::atoi(text)) : 1;
  std::mt19937 random(static_cast<unsigned>(seed()));
  for (unsigned i = 0; i < 2 * rounds && !HasFailure(); ++i) {
    const auto links = pick_links(random, 1 + i % 3);
    std::string words;
    for (const auto& link : links) {
      words += fmt::format(" {},{},{}", link.node.x, link.node.y,
                           link.port == Dir::kEast ? "east" : "south");
    }
    SCOPED_TRACE("dead links" + words);
    expect_works("t4", {{}, links, {}, {}}, 4);
  }
}

TEST(EndToEndHarvest, TheJobRunsOnHalfOfTheTiles) {
  std::vector<std::string> words = {"run", "mlp", "-c", "t16", "--images", "64", "--json", "-"};
  for (const char* tile : {"0,1", "2,1", "3,2", "1,2", "0,3", "1,3", "2,4", "3,4"}) {
    words.insert(words.end(), {"--dead-tile", tile});
  }
  for (const char* link : {"0,0,south", "2,3,east"}) {
    words.insert(words.end(), {"--dead-link", link});
  }
  const auto outcome = tessera(words);
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(outcome.json()["passed"], true);
  EXPECT_EQ(outcome.json()["tiles"], 8);
  EXPECT_TRUE(outcome.says("8 of 16 tiles work")) << outcome;
}

TEST(EndToEndHarvest, TheJobRunsWithoutARow) {
  const auto outcome = tessera({"run", "mlp", "-c", "t4", "--images", "8", "--dead-tile", "0,2",
                                "--dead-tile", "1,2", "--min-accuracy", "0", "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(outcome.json()["logit_mismatches"], 0);
  EXPECT_EQ(outcome.json()["tiles"], 2);
}

TEST(EndToEndHarvest, ARectangleWithADeadTileIsRefused) {
  PlatformOptions options;
  options.max_cycles = 5'000'000;
  options.faults.dead_tiles = {{1, 1}};
  const auto chip = Platform::open("t4", options);
  chip->load(app("hello"));
  const tsr_hello_args_t args{chip->allocate(64), 0, 0};
  const auto failure = failure_of([&] { chip->run("kernel_main", Rect{{0, 1}, {1, 1}}, args); });
  EXPECT_EQ(failure.code, ExitCode::BadInput) << failure;
  EXPECT_TRUE(failure.says("working tiles only")) << failure;
  EXPECT_EQ(chip->run("kernel_main", Rect{{0, 1}, {0, 2}}, args).tiles, 2U);
}

TEST(EndToEndHarvest, TablesArePrinted) {
  const auto outcome =
      tessera({"noc-tables", "-c", "t4", "--dead-link", "0,1,south", "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  const auto json = outcome.json();
  for (const char* net : {"request", "response"}) {
    EXPECT_EQ(json[net]["good"], true);
    EXPECT_EQ(json[net]["routers"].size(), 8U);
  }
  const auto& first = json["request"]["routers"][0];
  EXPECT_EQ(first["node"], "0,0");
  EXPECT_EQ(first["vc1"], nlohmann::json({"0,2", "0,3"}));
  EXPECT_TRUE(first["unreachable"].empty());
  const TempFolder folder;
  const auto cut = folder.write("cut.txt", "link 0,0 1,0  # both of ctl's\nlink 0,0 0,1\n");
  const auto shown = tessera({"noc-tables", "-c", "t4", "--faults", cut});
  EXPECT_EQ(shown.code, 0) << shown;
  EXPECT_NE(shown.out.find("unreachable: 1,0"), std::string::npos) << shown;
  EXPECT_NE(tessera({"noc-tables", "--dead-link", "3,0,east"}).code, 0);
}

}  // namespace
}  // namespace tsr::e2e
