// SPDX-License-Identifier: Apache-2.0
/// Texts of the wave filters, and the disassembler against objdump over the firmware.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "waves/formats.hpp"

namespace tsr::waves {
namespace {

/// Puts values into a hexadecimal number as GTKWave does: valid first, fields after it,
/// right-aligned.
std::string pack(const char* format, const std::vector<std::pair<std::string, std::uint64_t>>& set,
                 bool valid = true) {
  std::string bits = valid ? "1" : "0";
  for (const auto& field : find_format(format)->fields) {
    std::uint64_t value = 0;
    for (const auto& [name, v] : set) {
      if (name == field.path) value = v;
    }
    for (unsigned i = field.width; i-- > 0;) bits += (value >> i & 1U) != 0 ? '1' : '0';
  }
  while (bits.size() % 4 != 0) bits.insert(0, "0");
  std::string hex;
  for (std::size_t i = 0; i < bits.size(); i += 4) {
    hex += fmt::format("{:X}", std::stoul(bits.substr(i, 4), nullptr, 2));
  }
  return hex;
}

TEST(WaveFilter, FlitNamesKindWayAddressTagAndChannel) {
  EXPECT_EQ(filter_text("flit", pack("flit", {{"kind", 1},
                                              {"src.y", 1},
                                              {"dst.lo.x", 1},
                                              {"dst.lo.y", 3},
                                              {"strb", 256},
                                              {"addr", 0x4000},
                                              {"tag", 0x2a},
                                              {"vc", 1}})),
            "Read 0,1>1,3 4000 256B t2a vc1");
  EXPECT_EQ(filter_text("flit", pack("flit", {{"kind", 2}, {"strb", ~0ULL}, {"addr", 64}})),
            "Write 0,0>0,0 40 64B t00 vc0");
  EXPECT_EQ(
      filter_text(
          "flit",
          pack("flit",
               {{"kind", 5}, {"doff", 0x20e}, {"mcast", 1}, {"dst.hi.x", 3}, {"dst.hi.y", 4}})),
      "SemPost 0,0>0,0..3,4 s14 +2 t00 vc0");
  EXPECT_EQ(filter_text("flit", pack("flit", {{"kind", 10}, {"err", 4}, {"poison", 1}})),
            "?red?ErrRsp Timeout 0,0>0,0 0 0B t00 vc0 poison");
}

TEST(WaveFilter, NothingIsShownWithoutValid) {
  EXPECT_EQ(filter_text("flit", pack("flit", {{"kind", 1}}, false)), " ");
  EXPECT_EQ(filter_text("cmd", pack("cmd", {{"op", 1}}, false)), " ");
}

TEST(WaveFilter, CommandNamesOpcodeSemaphoresAndArguments) {
  EXPECT_EQ(filter_text("cmd", pack("cmd", {{"op", 0x21},
                                            {"id", 7},
                                            {"ctx", 3},
                                            {"waits[0].en", 1},
                                            {"waits[0].id", 14},
                                            {"waits[0].n", 2},
                                            {"post[0].en", 1},
                                            {"post[0].remote", 1},
                                            {"post[0].id", 8},
                                            {"post[0].n", 1},
                                            {"irq", 1},
                                            {"arg0", 0x1000}})),
            "Gemm #7 c3 wait s14 -2 rpost s8 +1 irq 1000 0 0 0");
  EXPECT_EQ(filter_text("cmd", pack("cmd", {{"op", 0x99}})), "?red?Op99 #0 c0 0 0 0 0");
}

TEST(WaveFilter, CompletionNamesTheError) {
  EXPECT_EQ(filter_text("done", pack("done", {{"id", 5}})), "#5 ok");
  EXPECT_EQ(filter_text("done", pack("done", {{"id", 5}, {"err", 6}, {"info", 2}, {"addr", 0x80}})),
            "?red?#5 Bus Forbidden 80");
}

TEST(WaveFilter, DramCommandsNameBankRowAndColumn) {
  EXPECT_EQ(filter_text("row", pack("row", {{"row_bank", 12}, {"row", 0x1ab}})), "Act b12 1ab");
  EXPECT_EQ(filter_text("row", pack("row", {{"row_cmd", 2}, {"row_bank", 3}})), "RefPb b3");
  EXPECT_EQ(filter_text("row", pack("row", {{"row_cmd", 4}, {"row", 9}})), "Mrs m0=9");
  EXPECT_EQ(filter_text("row", pack("row", {{"row_cmd", 6}})), "Sre");
  EXPECT_EQ(filter_text("col", pack("col", {{"col_cmd", 1}, {"col_bank", 15}, {"col", 31}})),
            "Wr b15 1f");
}

TEST(WaveFilter, StatesHaveColors) {
  EXPECT_EQ(filter_text("state", pack("state", {{"", 1}})), "Busy");
  EXPECT_EQ(filter_text("state", pack("state", {{"", 3}})), "?orange?Starved");
}

TEST(WaveFilter, InstructionsShowTrapsAndCsrNames) {
  EXPECT_EQ(filter_text("insn", pack("insn", {{"pc", 0x3c2c}, {"insn", 0x304ba773}})),
            "3c2c: csrrs a4,mie,s7");
  EXPECT_EQ(filter_text("insn", pack("insn", {{"pc", 16}, {"trap", 1}, {"cause", 2}})),
            "?red?10: trap 2 .word 0x00000000");
  EXPECT_EQ(
      filter_text("insn",
                  pack("insn", {{"pc", 16}, {"trap", 1}, {"intr", 1}, {"cause", 0x8000000b}})),
      "?orange?10: interrupt 11");
}

TEST(WaveFilter, OtherTextComesBackUnchanged) {
  EXPECT_EQ(filter_text("flit", "xx"), "xx");
  EXPECT_EQ(filter_text("none", "12"), "12");
}

/// objdump's line in the filter's form: one blank, no comment, no symbol.
std::string plain(std::string text) {
  text.resize(std::min(text.find_first_of("#<\n"), text.size()));
  for (auto& c : text) {
    if (c == '\t') c = ' ';
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text.rfind("fence ", 0) == 0 ? "fence" : text;
}

struct Tally {
  unsigned good = 0;
  std::vector<std::string> wrong;
};

void compare(const std::string& elf, Tally& tally) {
  const auto command = "riscv64-unknown-elf-objdump -d -M no-aliases " + elf;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  ASSERT_NE(pipe, nullptr);
  for (char line[512]; std::fgets(line, sizeof line, pipe.get()) != nullptr;) {
    unsigned pc = 0, insn = 0;
    int text = 0;
    if (std::sscanf(line, " %x: %8x %n", &pc, &insn, &text) != 2 || text == 0) continue;
    const auto want = plain(line + text), got = disassemble(insn, pc);
    if (want == got) {
      ++tally.good;
    } else {
      tally.wrong.push_back(fmt::format("{}: {:x}: objdump {}, filter {}", elf, pc, want, got));
    }
  }
}

TEST(WaveFilter, DisassemblesTheFirmwareAsObjdumpDoes) {
  Tally tally;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(TSR_FIRMWARE_DIR)) {
    if (entry.path().extension() == ".elf") compare(entry.path().string(), tally);
  }
  EXPECT_GT(tally.good, 1000U);
  for (std::size_t i = 0; i < tally.wrong.size() && i < 20; ++i) ADD_FAILURE() << tally.wrong[i];
}

}  // namespace
}  // namespace tsr::waves
