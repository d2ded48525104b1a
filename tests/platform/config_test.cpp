// SPDX-License-Identifier: Apache-2.0
/// Configurations: the shipped ones, and every kind of bad one with its message.
#include "config.hpp"

#include <gtest/gtest.h>

#include <string>

#include "error.hpp"

namespace tsr {
namespace {

const char* const kGood = R"(
name = "x"
nodes = ["C.", "TM"]
[memory]
capacity_mib = 64
dram = "hbm3-6400"
)";

/// The message of the refusal, or "accepted".
std::string refusal(const std::string& text) {
  try {
    parse_config(text, "x.toml");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::BadInput);
    return error.what();
  }
  return "accepted";
}

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(PlatformConfig, ReadsShippedConfigurations) {
  const auto t4 = load_config("t4");
  EXPECT_EQ(t4.mesh_w, 2);
  EXPECT_EQ(t4.mesh_h, 4);
  EXPECT_EQ(t4.tiles.size(), 4U);
  EXPECT_EQ(t4.memories.size(), 2U);
  EXPECT_EQ(t4.ctl, (Node{0, 0}));
  const auto t16 = load_config("t16");
  EXPECT_EQ(t16.mesh_w, 4);
  EXPECT_EQ(t16.mesh_h, 6);
  EXPECT_EQ(t16.tiles.size(), 16U);
  EXPECT_EQ(t16.tiles.front(), (Node{0, 1}));
  EXPECT_EQ(t16.memories.size(), 4U);
  EXPECT_EQ(t16.straps().hbm_bytes(), 1024ULL << 20);
  EXPECT_EQ(t16.kind({3, 5}), NodeKind::Memory);
}

TEST(PlatformConfig, AcceptsTheBaseOfTheRefusals) { EXPECT_EQ(refusal(kGood), "accepted"); }

TEST(PlatformConfig, RefusesWithFileAndKey) {
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } cases[] = {
      {"name = \"x\"", "", "x.toml: name: missing"},
      {"name = \"x\"", "name = 3", "x.toml: name: must be a non-empty string"},
      {"name = \"x\"", "name = \"a/b\"", "x.toml: name: use letters"},
      {"name = \"x\"", "name = \"x\"\nextra = 1", "x.toml: extra: unknown key (line 3)"},
      {"name = \"x\"", "name = ", "x.toml:2:"},
      {"nodes = [\"C.\", \"TM\"]", "", "x.toml: nodes: missing"},
      {"nodes = [\"C.\", \"TM\"]", "nodes = []", "x.toml: nodes: must be a non-empty array"},
      {"nodes = [\"C.\", \"TM\"]", "nodes = [1]", "x.toml: nodes: row 0 is not a string"},
      {"\"C.\"", "\"C..\"", "x.toml: nodes: row 1 has 2 nodes, row 0 has 3"},
      {"\"C.\"", "\"CX\"", "x.toml: nodes: row 0 column 1 is 'X'"},
      {"\"C.\"", "\"CC\"", "x.toml: nodes: 2 ctl nodes"},
      {"\"C.\"", "\"..\"", "x.toml: nodes: 0 ctl nodes"},
      {"\"TM\"", "\".M\"", "x.toml: nodes: no tile"},
      {"\"C.\", \"TM\"", "\"C.......T\", \"TM.......\"", "x.toml: nodes: tile at row 0 column 8"},
      {"\"TM\"", "\"TT\"", "x.toml: nodes: 0 memory nodes"},
      {"\"TM\"", "\"TM\", \"MM\"", "x.toml: nodes: 3 memory nodes"},
      {"capacity_mib = 64", "", "x.toml: memory.capacity_mib: missing"},
      {"capacity_mib = 64", "capacity_mib = 0",
       "x.toml: memory.capacity_mib: 0 is outside 1..1024"},
      {"capacity_mib = 64", "capacity_mib = 1025", "x.toml: memory.capacity_mib: 1025 is outside"},
      {"capacity_mib = 64", "capacity_mib = \"big\"",
       "x.toml: memory.capacity_mib: must be an integer"},
      {"dram = \"hbm3-6400\"", "dram = \"../x\"", "x.toml: memory.dram: is a profile name"},
      {"dram = \"hbm3-6400\"", "dram = \"d\"\nbanks = 3", "x.toml: memory.banks: unknown key"},
      {"[memory]", "[tile]\nme = [4, 4]\n[memory]", "x.toml: tile.me: [4, 4], but the tile model"},
      {"[memory]", "[tile]\nme = 8\n[memory]", "x.toml: tile.me: must be [rows, columns]"},
      {"[memory]", "[tile]\nspm_kib = 512\n[memory]", "x.toml: tile.spm_kib: 512 KiB, but"},
      {"[memory]", "[tile]\nspm_kib = 1\n[memory]", "x.toml: tile.spm_kib: 1 is outside"},
      {"[memory]", "[uart]\nbaud = 1\n[memory]", "x.toml: uart.baud: unknown key"},
  };
  for (const auto& bad : cases) {
    const auto message = refusal(replaced(bad.from, bad.to));
    EXPECT_EQ(message.rfind(bad.message, 0), 0U) << message << "\n  expected: " << bad.message;
  }
}

TEST(PlatformConfig, RefusesUnevenMemoryAndTooLargeMeshes) {
  EXPECT_NE(refusal("name = \"x\"\nnodes = [\"CTMM\"]\n[memory]\ncapacity_mib = 65\ndram = \"d\"")
                .find("cannot be divided evenly over 2"),
            std::string::npos);
  const std::string row(63, 'T');
  EXPECT_NE(refusal("name = \"x\"\nnodes = [\"" + row + "\"]").find("63 nodes; 1..62"),
            std::string::npos);
}

TEST(PlatformConfig, NamesWhatExistsWhenAConfigurationIsMissing) {
  try {
    load_config("t5");
    FAIL() << "t5 was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::BadInput);
    EXPECT_NE(std::string(error.what()).find("t16"), std::string::npos) << error.what();
  }
  EXPECT_THROW(load_config("./missing.toml"), InputError);
}

}  // namespace
}  // namespace tsr
