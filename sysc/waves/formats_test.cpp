// SPDX-License-Identifier: Apache-2.0
/// Texts of the wave filters, and the disassembler against objdump over the firmware.
#include "formats.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

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
  EXPECT_EQ(filter_text("flit", pack("flit", {{"kind", 4}, {"amo", 6}, {"strb", 15}})),
            "Atomic 0,0>0,0 Max 0 4B t00 vc0");
  EXPECT_EQ(filter_text("flit", pack("flit", {{"kind", 1}, {"strb", 64}, {"spread", 1}})),
            "Read 0,0>0,0 0 64B t00 vc0 spread");
  EXPECT_EQ(filter_text("flit", pack("flit", {{"kind", 0}})), "Beat 0,0>0,0 0 0B t00 vc0");
}

/// Values that the hardware never has: a text that names the number, and none of another value.
TEST(WaveFilter, ValuesWithoutANameShowTheirNumber) {
  EXPECT_EQ(filter_text("flit", pack("flit", {{"kind", 6}})), "6? 0,0>0,0 0 0B t00 vc0");
  EXPECT_EQ(filter_text("flit", pack("flit", {{"kind", 15}, {"err", 7}})),
            "?red?15? Parity 0,0>0,0 0 0B t00 vc0");
  EXPECT_EQ(filter_text("req", pack("req", {{"kind", 4}, {"amo", 9}})), "Atomic 9? 0 0B t00");
  EXPECT_EQ(filter_text("state", pack("state", {{"", 7}})), "7?");
  EXPECT_EQ(filter_text("done", pack("done", {{"err", 9}})), "?red?#0 9? 0");
  EXPECT_EQ(filter_text("col", pack("col", {{"col_cmd", 3}})), "3? b0 0");
  EXPECT_EQ(filter_text("insn", pack("insn", {{"insn", 0xffffffff}})), "0: .word 0xffffffff");
}

/// GTKWave gives x and z where a trace has no values yet.
TEST(WaveFilter, UnknownAndDamagedInputComesBackUnchanged) {
  for (const auto& name : filter_names()) {
    for (const std::string input :
         {"", "x", "XXXXXXXX", "1xz0", "z", "-", "g12", "0x12", "12 ", " "}) {
      EXPECT_EQ(filter_text(name, input), input) << name;
    }
    EXPECT_EQ(filter_text(name, "0"), " ") << name;                          // too short: not valid
    EXPECT_FALSE(filter_text(name, std::string(500, 'F')).empty()) << name;  // too long
    EXPECT_FALSE(filter_text(name, std::string(200, 'a')).empty()) << name;
  }
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
            "Gemm #7 c3 wait s14 -2 rpost s8 +1 irq A 1000 B 0 C 0 O 0");
  EXPECT_EQ(filter_text("cmd", pack("cmd", {{"op", 0x99}, {"overlap", 1}})),
            "?red?Op99 #0 c0 overlap 0 0 0 0");
}

/// A command of every engine, with what its arguments mean to it.
TEST(WaveFilter, CommandsShowTheArgumentsOfTheirEngine) {
  const auto text = [](std::uint64_t op) {
    return filter_text("cmd", pack("cmd", {{"op", op},
                                           {"arg0", 0x10},
                                           {"arg1", 0x20},
                                           {"arg2", 0x30},
                                           {"arg3", 0x40},
                                           {"pattern", 0xabcd},
                                           {"mcast_rect.x0", 1},
                                           {"mcast_rect.y0", 2},
                                           {"mcast_rect.x1", 3},
                                           {"mcast_rect.y1", 4}}));
  };
  EXPECT_EQ(text(0x00), "Nop #0 c0");
  EXPECT_EQ(text(0x01), "DmaRead #0 c0 2000000010 > 30");
  EXPECT_EQ(text(0x02), "SpmFill #0 c0 =abcd > 30");
  EXPECT_EQ(text(0x03), "Spread #0 c0 2000000010 > 30 of 1,2..3,4");
  EXPECT_EQ(text(0x11), "DmaWrite #0 c0 10 > 4000000030");
  EXPECT_EQ(text(0x12), "Mcast #0 c0 10 > 30 of 1,2..3,4");
  EXPECT_EQ(text(0x13), "DmaFill #0 c0 =abcd > 4000000030");
  EXPECT_EQ(text(0x21), "Gemm #0 c0 A 10 B 20 C 30 O 40");
  EXPECT_EQ(text(0x31), "Vec #0 c0 I 10 20 30 O 40 abcd");
  EXPECT_EQ(text(0x41), "TCopy #0 c0 10 > 20");
  EXPECT_EQ(text(0x42), "TTrans #0 c0 10 > 20");
  EXPECT_EQ(text(0x43), "TGather #0 c0 10 > 20 index 30");
  EXPECT_EQ(text(0x44), "TScatter #0 c0 10 > 20 index 30");
  EXPECT_EQ(text(0x45), "TFill #0 c0 =abcd > 20");
}

TEST(WaveFilter, WaitsNameSemaphoreAndAmount) {
  EXPECT_EQ(filter_text("wait", pack("wait", {{"[0].en", 1}, {"[0].id", 15}, {"[0].n", 255}})),
            "s15 -255");
  EXPECT_EQ(filter_text("wait", pack("wait", {{"[0].en", 1},
                                              {"[0].id", 2},
                                              {"[0].n", 1},
                                              {"[1].en", 1},
                                              {"[1].id", 3},
                                              {"[1].n", 4}})),
            "s2 -1, s3 -4");
}

TEST(WaveFilter, RequestsAndResponsesOfTheNetworkInterface) {
  EXPECT_EQ(
      filter_text(
          "req",
          pack("req", {{"kind", 4}, {"amo", 4}, {"addr", 0x1000}, {"strb", 0xf}, {"tag", 5}})),
      "Atomic Cas 1000 4B t05");
  EXPECT_EQ(filter_text("req", pack("req", {{"kind", 3},
                                            {"mcast", 1},
                                            {"rect.hi.x", 3},
                                            {"rect.hi.y", 2},
                                            {"rect.lo.x", 1},
                                            {"rect.lo.y", 1},
                                            {"strb", ~0ULL}})),
            "WritePosted 0 64B of 1,1..3,2 t00");
  EXPECT_EQ(filter_text("req", pack("req", {{"kind", 5}, {"doff", 0x105}})), "SemPost s5 +1 t00");
  EXPECT_EQ(filter_text("rsp", pack("rsp", {{"kind", 8}, {"addr", 0x40}, {"strb", 0xff}})),
            "ReadRsp 40 8B t00");
  EXPECT_EQ(filter_text("rsp", pack("rsp", {{"kind", 10}, {"err", 1}, {"tag", 63}, {"heard", 1}})),
            "?red?ErrRsp Unmapped 0 0B t3f heard");
  EXPECT_EQ(filter_text("host", pack("host", {{"addr", 0x44}, {"strb", 4}, {"tag", 2}})),
            "Read 44 4B t02");
  EXPECT_EQ(filter_text("host", pack("host", {{"write", 1}, {"addr", 0x80}, {"strb", 0xff}})),
            "Write 80 8B t00");
}

TEST(WaveFilter, ScratchpadStreamsAndRegisters) {
  EXPECT_EQ(filter_text("spm", pack("spm", {{"w_log2", 3}, {"base", 0x1000}, {"strb", ~0ULL}})),
            "Read 1000");
  EXPECT_EQ(
      filter_text(
          "spm",
          pack("spm",
               {{"write", 1}, {"w_log2", 1}, {"base", 8}, {"pitch", 0x48}, {"strb", 0xffff}})),
      "Write 8 4x16B +48 16B");
  EXPECT_EQ(filter_text("beat", pack("beat", {{"epoch", 1}, {"strb", ~0ULL}})), "run 1");
  EXPECT_EQ(filter_text("beat", pack("beat", {{"fin", 1}, {"last", 7}, {"strb", 0xff}})),
            "run 0 ends 000111 8B fin");
  EXPECT_EQ(filter_text("reg", pack("reg", {{"addr", 0x104}})), "Read 104");
  EXPECT_EQ(
      filter_text("reg", pack("reg", {{"write", 1}, {"priv", 1}, {"addr", 8}, {"wdata", 0x1f}})),
      "Write 8=1f ctl");
  EXPECT_EQ(filter_text("links", pack("links", {{"", 0b10010}})), "NW");
  EXPECT_EQ(filter_text("links", pack("links", {})), " ");
  EXPECT_EQ(filter_text("ports", pack("ports", {{"", 0b100'0000'0001'1001}})), "A O RDMA TW");
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
  EXPECT_EQ(filter_text("state", pack("state", {{"", 0}})), "?gray20?Idle");
  EXPECT_EQ(filter_text("state", pack("state", {{"", 1}})), "Busy");
  EXPECT_EQ(filter_text("state", pack("state", {{"", 2}})), "?blue?WaitSem");
  EXPECT_EQ(filter_text("state", pack("state", {{"", 3}})), "?orange?Starved");
  EXPECT_EQ(filter_text("state", pack("state", {{"", 4}})), "?orange?Blocked");
  EXPECT_EQ(filter_text("state", pack("state", {{"", 5}})), "?yellow?Conflict");
  EXPECT_EQ(filter_text("state", pack("state", {{"", 6}})), "Config");
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
