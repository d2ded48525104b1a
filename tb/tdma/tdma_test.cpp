// SPDX-License-Identifier: Apache-2.0
/// Directed bench of the layout engine: every named operation, cycle counts, errors, abort,
/// withdrawal.
#include "tdma/tdma_fixture.hpp"

namespace tsr::tb {
namespace {

using engines::AguConfig;
using engines::CmdError;
using engines::TdmaCommand;
using engines::TdmaConfig;
using engines::TdmaElement;
using engines::TdmaPlane;
using engines::TdmaTurn;
using engines::TdmaUnit;

enum State { Idle = 0, Busy = 1, Starved = 3, Blocked = 4, Conflict = 5, Config = 6 };

constexpr std::uint32_t kDst = 32768;
constexpr TdmaElement kElements[] = {TdmaElement::Bits4, TdmaElement::Bytes1, TdmaElement::Bytes2,
                                     TdmaElement::Bytes4, TdmaElement::Bytes8};

// ---------------------------------------------------------------- named operations

TEST_F(Tdma, TransposesAndRotatesEveryElementSize) {
  for (const double stall : {0.0, 0.4}) {
    stall_everything(stall);
    for (const TdmaElement e : kElements) {
      for (const TdmaTurn turn : {TdmaTurn::Transpose, TdmaTurn::Rotate90, TdmaTurn::Rotate270,
                                  TdmaTurn::AntiTranspose}) {
        for (const auto& [rows, cols] : {std::pair{32U, 48U}, {17U, 9U}, {1U, 30U}, {30U, 1U}}) {
          check(engines::tdma_turn(e, rows, cols, {8, 392}, {kDst + 8, 264}, turn),
                fmt::format("element {} turn {} {}x{}", static_cast<int>(e), static_cast<int>(turn),
                            rows, cols));
        }
      }
    }
  }
}

TEST_F(Tdma, MirrorsAndRotatesByHalfATurn) {
  for (const double stall : {0.0, 0.4}) {
    stall_everything(stall);
    for (const TdmaElement e :
         {TdmaElement::Bits4, TdmaElement::Bytes1, TdmaElement::Bytes2, TdmaElement::Bytes4}) {
      for (const std::uint32_t cols : {2U, 20U, 64U, 140U}) {
        const TdmaPlane src{4, 600}, dst{kDst + 3, 577};
        check(engines::tdma_mirror_x(e, 6, cols, src, dst), "mirror x");
        check(engines::tdma_mirror_y(e, 6, cols, src, dst), "mirror y");
        check(engines::tdma_rotate180(e, 6, cols, src, dst), "rotate 180");
      }
    }
  }
}

TEST_F(Tdma, PadsConcatenatesAndSets) {
  for (const double stall : {0.0, 0.4}) {
    stall_everything(stall);
    for (const auto& c :
         engines::tdma_pad({5, 50}, {kDst + 1, 100}, 9, 50, {1, 2, 7, 9}, 0x01020304))
      check(c, "pad");
    for (const auto& c : engines::tdma_concat_columns(
             {{{3, 40}, 8, 40}, {{1000, 64}, 8, 64}, {{2001, 9}, 8, 3}}, {kDst, 120}))
      check(c, "concat columns");
    for (const auto& c :
         engines::tdma_concat_rows({{{3, 40}, 8, 40}, {{1000, 64}, 3, 40}}, {kDst, 40}))
      check(c, "concat rows");
    for (const std::uint32_t bytes : {1U, 7U, 64U, 65U, 1000U}) {
      for (const std::uint32_t offset : {0U, 1U, 6U}) {
        check(engines::tdma_memset(kDst + offset, bytes, 0xdeadbeef), "memset");
      }
    }
  }
}

TEST_F(Tdma, ChangesTensorLayouts) {
  for (const double stall : {0.0, 0.4}) {
    stall_everything(stall);
    for (const TdmaElement e : {TdmaElement::Bytes1, TdmaElement::Bytes2, TdmaElement::Bytes4}) {
      for (const std::uint32_t c : {3U, 8U, 16U}) {
        for (const std::uint32_t w : {5U, 8U}) {
          check(engines::tdma_nchw_to_nhwc(e, 2, c, 4, w, 0, kDst), "NCHW to NHWC");
          check(engines::tdma_nhwc_to_nchw(e, 2, c, 4, w, 0, kDst), "NHWC to NCHW");
        }
      }
    }
    // Packed 4-bit elements: 16 channels, 8 x 4 pixels.
    check(engines::tdma_nchw_to_nhwc(TdmaElement::Bits4, 2, 16, 4, 8, 0, kDst), "4-bit to NHWC");
    check(engines::tdma_nhwc_to_nchw(TdmaElement::Bits4, 2, 16, 4, 8, 0, kDst), "4-bit to NCHW");
  }
}

TEST_F(Tdma, GathersAndScattersRowsOfAnyLength) {
  for (const double stall : {0.0, 0.4}) {
    stall_everything(stall);
    for (const std::uint32_t bytes : {1U, 4U, 8U, 31U, 64U, 65U, 200U}) {
      for (const std::uint32_t rows : {1U, 16U, 33U, 70U}) {
        for (std::uint32_t i = 0; i < rows; ++i) {
          const auto index = static_cast<std::uint32_t>(rand_in(0, 99));
          std::memcpy(&spm()[60000 + 4 * i], &index, 4);
        }
        check(engines::tdma_gather({16, 208, 100}, 60000, {kDst, bytes}, rows, bytes), "gather");
        check(engines::tdma_scatter({5, bytes}, 60000, {kDst + 1, 208, 0}, rows, bytes), "scatter");
      }
    }
  }
}

TEST_F(Tdma, CopiesFromEveryAlignmentToEveryAlignment) {
  for (std::uint32_t s = 0; s < 8; ++s) {
    for (std::uint32_t d = 0; d < 8; ++d) {
      for (const std::uint32_t bytes :
           {1U, 2U, 7U, 8U, 9U, 50U, 56U, 57U, 63U, 64U, 65U, 128U, 130U}) {
        check(engines::tdma_copy(256 + s, kDst + d, bytes, {{3, 177, 191}}), "copy");
        TdmaCommand back =
            engines::tdma_mirror_x(TdmaElement::Bytes1, 3, bytes, {256 + s, 177}, {kDst + d, 191});
        check(back, "mirror");
      }
    }
  }
}

TEST_F(Tdma, ReachesBothEndsOfTheScratchpad) {
  const auto end = static_cast<std::uint32_t>(kSpmBytes);
  check(engines::tdma_copy(5, end - 61, 61), "up");
  check(engines::tdma_copy(end - 61, 3, 61), "down");  // the write's first word would be below 0
  check(engines::tdma_copy(end - 3, 0, 3), "down");
  check(engines::tdma_mirror_x(TdmaElement::Bytes1, 1, 5, {0, 5}, {end - 5, 5}), "mirror");
  check(engines::tdma_memset(end - 1, 1, 0x11223344), "last byte");
  check(engines::tdma_copy(0, kDst, 32768), "half of it");
}

// ---------------------------------------------------------------- rates

TEST_F(Tdma, TakesOneCycleAStep) {
  const auto copy = [&](std::uint32_t s, std::uint32_t d, std::uint32_t bytes,
                        const std::vector<engines::TdmaLoop>& loops = {}) {
    return check(engines::tdma_copy(s, kDst + d, bytes, loops), "copy");
  };
  const std::uint64_t one = copy(0, 0, 64);
  EXPECT_EQ(one, 14U);  // of one step, from its offer to its completion
  EXPECT_EQ(copy(0, 0, 8192), one + 127);
  EXPECT_EQ(copy(3, 3, 8192), one + 128);  // one step more: both ends are cut
  EXPECT_EQ(copy(1, 6, 8192), one + 128);
  EXPECT_EQ(copy(6, 1, 8192), one + 128);
  // Short elements take a step each.
  constexpr std::uint64_t kLoop = 1;  // a loop in use costs a cycle of the check
  EXPECT_EQ(copy(0, 0, 1, {{100, 1, 3}}), one + kLoop + 99);
  EXPECT_EQ(copy(0, 0, 4, {{100, 12, 4}}), one + kLoop + 99);
  EXPECT_EQ(copy(0, 0, 48, {{100, 64, 56}}), one + kLoop + 99);
  EXPECT_EQ(copy(7, 1, 56, {{1, 0, 0}, {50, 64, 64}}), one + 2 * kLoop + 49 + 50);  // 9 + 56 bytes
  EXPECT_EQ(copy(1, 7, 57, {{50, 64, 64}}), one + kLoop + 49);
  EXPECT_EQ(copy(0, 0, 256, {{30, 264, 256}}), one + kLoop + 119);
  EXPECT_EQ(check(engines::tdma_memset(kDst + 5, 8192, 0), "fill"), one + 128);
  EXPECT_EQ(
      check(engines::tdma_mirror_x(TdmaElement::Bytes2, 1, 4096, {0, 0}, {kDst, 0}), "mirror"),
      one + 127);
}

TEST_F(Tdma, TakesOneCycleABlock) {
  // 64 x 64 elements: 64 blocks of 64 bytes per byte of the element.
  const auto turn = [&](TdmaElement e, std::uint32_t n) {
    const std::uint32_t pitch = engines::tdma_bytes(e, n) + 8;
    return check(engines::tdma_turn(e, n, n, {0, pitch}, {kDst, pitch}), "transpose");
  };
  const std::uint64_t one = turn(TdmaElement::Bytes1, 8);
  EXPECT_EQ(one, 14U);
  constexpr std::uint64_t kLoops = 2;  // two loops in use
  EXPECT_EQ(turn(TdmaElement::Bytes1, 64), one + kLoops + 63);
  EXPECT_EQ(turn(TdmaElement::Bytes2, 64), one + kLoops + 127);
  EXPECT_EQ(turn(TdmaElement::Bytes4, 64), one + kLoops + 255);
  EXPECT_EQ(turn(TdmaElement::Bytes8, 32), one + kLoops + 127);
  EXPECT_EQ(turn(TdmaElement::Bits4, 128),
            one + kLoops + 1 + 127 + 2);  // blocks wait for two beats
}

TEST_F(Tdma, GathersAlmostAStepACycle) {
  for (std::uint32_t i = 0; i < 128; ++i) {
    const auto index = static_cast<std::uint32_t>(rand_in(0, 200));
    std::memcpy(&spm()[60000 + 4 * i], &index, 4);
  }
  // A read of 16 indices takes the port for a cycle.
  for (const std::uint32_t rows : {2U, 16U, 48U, 128U}) {
    for (const std::uint32_t bytes : {1U, 8U, 64U, 128U}) {
      const std::uint64_t lists = (rows + 15) / 16;  // four are read before the first element
      const std::uint64_t cycles = 20 + rows * ((bytes + 63) / 64) + (lists > 4 ? lists - 4 : 0);
      EXPECT_EQ(check(engines::tdma_gather({0, 128, 0}, 60000, {kDst, 128}, rows, bytes), "gather"),
                cycles)
          << rows << " rows of " << bytes;
      EXPECT_EQ(
          check(engines::tdma_scatter({0, 128}, 60000, {kDst, 128, 0}, rows, bytes), "scatter"),
          cycles)
          << rows << " rows of " << bytes;
    }
  }
}

TEST_F(Tdma, PrefetchesTheNextContext) {
  // Short commands in a queue: the context of the next is checked while one runs.
  for (std::uint16_t i = 0; i < 9; ++i) {
    host().push(engines::tdma_copy(0, kDst, 2048), i % 8, i);
  }
  ASSERT_TRUE(run_until([&] { return host().done.size() == 9; }, 5000));
  EXPECT_EQ(host().done[8].cycle - host().done[0].cycle, 8 * (32U + 8));
}

// ---------------------------------------------------------------- errors

TEST_F(Tdma, RefusesIllegalCommands) {
  using engines::ContextRow;
  const TdmaCommand copy = engines::tdma_copy(0, kDst, 64, {{2, 64, 64}, {2, 128, 128}});
  const TdmaCommand fill = engines::tdma_fill(kDst, 64, 0, {{2, 64, 64}});
  const TdmaCommand mirror =
      engines::tdma_mirror_x(TdmaElement::Bytes4, 3, 16, {0, 64}, {kDst, 64});
  const TdmaCommand turn = engines::tdma_turn(TdmaElement::Bytes2, 32, 32, {0, 80}, {kDst, 80});
  const TdmaCommand nibbles = engines::tdma_turn(TdmaElement::Bits4, 32, 32, {0, 24}, {kDst, 24});
  const TdmaCommand gather = engines::tdma_gather({0, 64, 0}, 60000, {kDst, 64}, 20, 64);
  const TdmaCommand scatter = engines::tdma_scatter({0, 64}, 60000, {kDst, 64, 0}, 20, 64);
  struct Case {
    const char* what;
    CmdError error;
    TdmaCommand command;
    std::function<void(TdmaCommand&)> spoil;
    std::uint64_t address = 0;
  };
  const auto edit = [](std::function<void(TdmaConfig&)> change) {
    return [change = std::move(change)](TdmaCommand& c) {
      TdmaConfig config = TdmaConfig::from_row(c.tdma);
      change(config);
      c.tdma = config.to_row();
    };
  };
  const Case cases[] = {
      {"foreign opcode", CmdError::Opcode, copy, [](TdmaCommand& c) { c.op = 0x21; }},
      {"unknown opcode", CmdError::Opcode, copy, [](TdmaCommand& c) { c.op = 0x46; }},
      {"no bytes", CmdError::Zero, copy, edit([](TdmaConfig& c) { c.count = 0; })},
      {"no source", CmdError::Zero, copy, edit([](TdmaConfig& c) { c.src_iter[1] = 0; })},
      {"no destination", CmdError::Zero, copy, edit([](TdmaConfig& c) { c.dst_iter[2] = 0; })},
      {"nothing to fill", CmdError::Zero, fill, edit([](TdmaConfig& c) { c.dst_iter[0] = 0; })},
      {"nothing to gather", CmdError::Zero, gather, edit([](TdmaConfig& c) { c.dst_iter[1] = 0; })},
      {"nothing to scatter", CmdError::Zero, scatter,
       edit([](TdmaConfig& c) { c.src_iter[0] = 0; })},
      {"element too long", CmdError::Context, copy,
       edit([](TdmaConfig& c) { c.count = (1U << 20) + 1; })},
      {"word 12", CmdError::Context, copy, [](TdmaCommand& c) { c.tdma[12] |= 16; }},
      {"word 13", CmdError::Context, copy, [](TdmaCommand& c) { c.tdma[13] = 1; }},
      {"word 15", CmdError::Context, turn, [](TdmaCommand& c) { c.tdma[15] = 1U << 31; }},
      {"nibbles of a copy", CmdError::Context, copy, edit([](TdmaConfig& c) { c.nibble = true; })},
      {"mirrored fill", CmdError::Context, fill, edit([](TdmaConfig& c) { c.mirror = true; })},
      {"mirrored gather", CmdError::Context, gather, edit([](TdmaConfig& c) { c.mirror = true; })},
      {"mirrored scatter", CmdError::Context, scatter,
       edit([](TdmaConfig& c) { c.mirror = true; })},
      {"mirrored transpose", CmdError::Context, turn, edit([](TdmaConfig& c) { c.mirror = true; })},
      {"mirror of a part", CmdError::Context, mirror, edit([](TdmaConfig& c) { c.count -= 2; })},
      {"mirror of odd source", CmdError::Context, mirror, [](TdmaCommand& c) { c.src += 2; }},
      {"mirror of odd stride", CmdError::Context, mirror,
       edit([](TdmaConfig& c) { c.src_stride[2] = 1; })},
      {"index unit 0", CmdError::Context, gather, edit([](TdmaConfig& c) { c.idx_scale = 0; })},
      {"index unit too long", CmdError::Context, scatter,
       edit([](TdmaConfig& c) { c.idx_scale = (1U << 20) + 1; })},
      {"index stream count 0", CmdError::Context, gather, [](TdmaCommand& c) { c.rd[4] = 0; }},
      {"index stream transposes", CmdError::Context, gather,
       [](TdmaCommand& c) { c.rd[2] = (c.rd[2] & ~15U) | 4; }},
      {"index stream gathers", CmdError::Context, scatter,
       [](TdmaCommand& c) { c.rd[2] |= 1U << 31; }},
      {"source count 0", CmdError::Context, turn, [](TdmaCommand& c) { c.rd[7] = 0; }},
      {"destination count 0", CmdError::Context, turn, [](TdmaCommand& c) { c.wr[9] = 0; }},
      {"source pitch", CmdError::Context, turn, [](TdmaCommand& c) { c.rd[1] += 4; }},
      {"destination delta", CmdError::Context, turn, [](TdmaCommand& c) { c.wr[11] += 1; }},
      {"destination transposes", CmdError::Context, turn,
       [](TdmaCommand& c) { c.wr[2] = (c.wr[2] & ~15U) | 4; }},
      {"source gathers", CmdError::Context, turn, [](TdmaCommand& c) { c.rd[2] |= 1U << 31; }},
      {"wrong lanes", CmdError::Context, turn, [](TdmaCommand& c) { c.rd[2] ^= 1; }},
      {"index base", CmdError::Range, gather, [](TdmaCommand& c) { c.index += 4; }, 60004},
      {"source base", CmdError::Range, turn, [](TdmaCommand& c) { c.src += 1; }, 1},
      {"destination base", CmdError::Range, turn, [](TdmaCommand& c) { c.dst = 1U << 22; },
       1U << 22},
      {"both bases", CmdError::Range, turn,
       [](TdmaCommand& c) {
         c.src += 2;
         c.dst += 4;
       },
       2},
      {"totals differ", CmdError::Shape, copy, edit([](TdmaConfig& c) { c.src_iter[0] = 3; })},
      {"accesses differ", CmdError::Shape, turn, [](TdmaCommand& c) { c.wr[6] += 1; }},
      {"half a block", CmdError::Shape, nibbles,
       [](TdmaCommand& c) {
         for (auto* row : {&c.rd, &c.wr}) {
           for (unsigned j = 0; j < 6; ++j) (*row)[4 + j] = j == 1 ? 3 : 1;
         }
       }},
      {"too many accesses", CmdError::Shape, turn,
       [](TdmaCommand& c) {
         for (auto* row : {&c.rd, &c.wr}) {
           for (unsigned j = 0; j < 4; ++j) (*row)[4 + j] = 65535;
         }
       }},
  };
  const auto before = spm();
  for (const double stall : {0.0, 0.5}) {
    stall_everything(stall);
    for (const Case& c : cases) {
      TdmaCommand command = c.command;
      c.spoil(command);
      const std::uint64_t accesses = memory().reads + memory().writes;
      const TdmaDone done = execute(command, 77);
      EXPECT_EQ(done.error, c.error) << c.what;
      EXPECT_EQ(done.address, c.address) << c.what;
      EXPECT_EQ(done.id, 77) << c.what;
      run(30);
      EXPECT_EQ(memory().reads + memory().writes, accesses) << c.what;
      EXPECT_TRUE(spm() == before) << c.what;
      auto copied = spm();
      const auto result = engines::tdma_run(command, copied);
      EXPECT_EQ(result.error, c.error) << c.what;
      EXPECT_EQ(result.address, c.address) << c.what;
      EXPECT_EQ(dut().idle_o, 1) << c.what;
    }
  }
  check(copy, "after errors");
}

TEST_F(Tdma, StopsAtAnElementOutsideTheScratchpad) {
  const auto end = static_cast<std::uint32_t>(kSpmBytes);
  for (const double stall : {0.0, 0.5}) {
    stall_everything(stall);
    check(engines::tdma_copy(end - 200, 0, 64, {{5, 64, 64}}), "source");
    check(engines::tdma_copy(0, end - 200, 64, {{5, 64, 64}}), "destination");
    check(engines::tdma_copy(130, kDst, 64, {{5, -64, 64}}), "source below");
    check(engines::tdma_copy(kDst, 130, 3, {{80, 3, -3}}), "destination below");
    check(engines::tdma_copy(0xffffffc0U, kDst, 64, {{2, 64, 64}}), "source far away");
    check(engines::tdma_copy(0, 1U << 22, 64), "destination far away");
    check(engines::tdma_copy(0, kDst, 65537), "longer than everything");
    check(engines::tdma_fill(end - 64, 64, 1, {{2, 0, 1}}), "fill");
    check(engines::tdma_memset(0, end + 1, 1), "memset");
    check(engines::tdma_mirror_x(TdmaElement::Bytes1, 2, 64, {end - 64, 1}, {0, 64}), "mirror");
  }
}

TEST_F(Tdma, StopsAtABadIndex) {
  constexpr std::uint32_t kRows = 40;
  for (const double stall : {0.0, 0.5}) {
    stall_everything(stall);
    for (const std::uint32_t bad : {0U, 5U, 16U, 39U}) {
      for (const std::uint32_t index : {100U, 1023U, 1024U, 0x7fffffffU, 0xffffffffU}) {
        for (std::uint32_t i = 0; i < kRows; ++i) {
          const std::uint32_t value = i == bad ? index : (7 * i) % 100;
          std::memcpy(&spm()[60000 + 4 * i], &value, 4);
        }
        // Below the limit, but outside, or inside but not below the limit.
        const std::uint32_t limit = index < 200 ? 100 : 0;
        check(engines::tdma_gather({0, 64, limit}, 60000, {kDst, 64}, kRows, 64), "gather");
        check(engines::tdma_scatter({0, 64}, 60000, {kDst - 8, 64, limit}, kRows, 64), "scatter");
      }
    }
  }
}

TEST_F(Tdma, NeedsAsManyIndicesAsRows) {
  for (const double stall : {0.0, 0.5}) {
    stall_everything(stall);
    std::memset(&spm()[60000], 0, 1000);
    for (const std::uint32_t listed : {15U, 16U, 20U, 31U, 33U, 48U, 200U}) {
      TdmaCommand command = engines::tdma_gather({0, 64, 0}, 60000, {kDst, 64}, 32, 64);
      command.rd = engines::tdma_gather({0, 64, 0}, 60000, {kDst, 64}, listed, 64).rd;
      auto copied = spm();
      EXPECT_EQ(engines::tdma_run(command, copied).error, CmdError::Shape);
      check(command, fmt::format("{} indices", listed));
    }
  }
}

TEST_F(Tdma, ReportsStreamsOutsideTheScratchpad) {
  const auto end = static_cast<std::uint32_t>(kSpmBytes);
  const auto before = spm();
  for (const double stall : {0.0, 0.5}) {
    stall_everything(stall);
    struct Case {
      const char* what;
      TdmaCommand command;
    };
    const Case cases[] = {
        {"source",
         engines::tdma_turn(TdmaElement::Bytes1, 64, 64, {end - 32 * 72, 72}, {kDst, 72})},
        {"destination",
         engines::tdma_turn(TdmaElement::Bytes1, 64, 64, {0, 72}, {end - 32 * 72, 72})},
        {"nibbles",
         engines::tdma_turn(TdmaElement::Bits4, 64, 64, {end - 24 * 40, 40}, {kDst, 40})},
        {"indices", engines::tdma_gather({0, 64, 0}, end - 128, {kDst, 64}, 80, 64)},
    };
    for (const Case& c : cases) {
      spm() = before;
      if (std::string(c.what) == "indices") std::memset(&spm()[end - 128], 0, 128);
      const auto start = spm();
      auto expected = spm();
      const auto result = engines::tdma_run(c.command, expected);
      EXPECT_EQ(result.error, CmdError::Range) << c.what;
      const TdmaDone done = execute(c.command);
      EXPECT_EQ(done.error, CmdError::Range) << c.what;
      EXPECT_EQ(done.address, result.address) << c.what;
      // Every byte is as before or as it should become; nothing else was touched. The access that
      // was offered when the error came may still have been written.
      TdmaCommand whole = c.command;
      auto complete = start;
      complete.resize(2 * kSpmBytes);
      EXPECT_EQ(engines::tdma_run(whole, complete).error, CmdError::Ok) << c.what;
      unsigned wrong = 0;
      for (std::size_t i = 0; i < kSpmBytes; ++i) {
        wrong += spm()[i] != start[i] && spm()[i] != complete[i] ? 1 : 0;
      }
      EXPECT_EQ(wrong, 0U) << c.what;
      run(5);
      EXPECT_EQ(dut().idle_o, 1) << c.what;
    }
    spm() = before;
    stall_everything(0.0);
    check(engines::tdma_turn(TdmaElement::Bytes2, 30, 30, {0, 72}, {kDst, 72}), "after an error");
  }
}

// ---------------------------------------------------------------- queue protocol

TEST_F(Tdma, NopCompletesAtOnce) {
  const std::uint64_t cycles = check(TdmaCommand{}, "nop");
  EXPECT_EQ(cycles, 2U);
}

TEST_F(Tdma, AFailedCommandStartsNothingBehindIt) {
  for (const bool early : {true, false}) {  // fails in the check, or while it runs
    const std::size_t before = host().done.size();
    host().push(engines::tdma_copy(kDst, 0, early ? 0 : 64, {{600, 64, 0}}), 0, 1);
    host().push(engines::tdma_copy(0, kDst, 64), 1, 2);
    ASSERT_TRUE(run_until([&] { return host().done.size() > before; }, 1000));
    EXPECT_NE(host().done.back().error, CmdError::Ok);
    EXPECT_EQ(host().commands.size(), 1U);
    host().withdraw();  // as the command queue does, one cycle after the failure was reported
    const std::uint64_t writes = memory().writes;
    run(100);
    EXPECT_EQ(host().done.size(), before + 1);
    EXPECT_EQ(memory().writes, writes);
    EXPECT_EQ(dut().idle_o, 1);
  }
}

TEST_F(Tdma, ACommandMayBeWithdrawnUntilItStarts) {
  // In every cycle of the fetch and the check, and while another one runs.
  for (const bool behind : {false, true}) {
    for (std::uint64_t wait = 0; wait < 14; ++wait) {
      const auto before = spm();
      auto expected = before;
      const std::size_t seen = host().done.size();
      if (behind) {
        const TdmaCommand first = engines::tdma_copy(0, kDst, 4096);
        engines::tdma_run(first, expected);
        host().push(first, 0, 1);
        ASSERT_TRUE(run_until([&] { return host().commands.empty(); }, 100));
      }
      const TdmaCommand gone = engines::tdma_turn(TdmaElement::Bytes1, 8, 8, {0, 8}, {60000, 8});
      auto with = expected;
      engines::tdma_run(gone, with);
      host().push(gone, 1, 2);
      run(wait + 1);
      const bool started = host().commands.empty();
      host().withdraw();
      // A different command in the same context right behind it.
      const TdmaCommand next = engines::tdma_fill(50000, 100, 0x12345678);
      auto& result = started ? with : expected;
      engines::tdma_run(next, result);
      host().push(next, 1, 3);
      const std::size_t count = seen + (behind ? 1 : 0) + (started ? 1 : 0) + 1;
      ASSERT_TRUE(run_until([&] { return host().done.size() == count; }, 1000)) << wait;
      EXPECT_EQ(host().done.back().id, 3);
      EXPECT_EQ(host().done.back().error, CmdError::Ok);
      compare(result, fmt::format("withdrawn after {}", wait));
      spm() = before;
    }
  }
}

TEST_F(Tdma, AbortFinishesTheRunningCommandOnly) {
  auto expected = spm();
  const TdmaCommand copy = engines::tdma_copy(1, kDst, 4096);
  engines::tdma_run(copy, expected);
  for (std::uint16_t i = 0; i < 3; ++i) host().push(copy, 0, i);
  run(40);
  dut().abort_i = 1;
  run(300);
  ASSERT_EQ(host().done.size(), 1U);
  EXPECT_EQ(host().done[0].error, CmdError::Ok);
  EXPECT_EQ(host().commands.size(), 2U);
  EXPECT_EQ(dut().idle_o, 1);
  compare(expected, "aborted");
  dut().abort_i = 0;
  ASSERT_TRUE(run_until([&] { return host().done.size() == 3; }, 1000));
  compare(expected, "resumed");
}

// ---------------------------------------------------------------- accounting

TEST_F(Tdma, AttributesEveryCycle) {
  const auto measure = [&](const TdmaCommand& command, double read_stall, double write_stall) {
    memory().stall = {read_stall, write_stall};
    const auto before = host().state_cycles;
    const std::uint64_t start = host().cycle;
    check(command, "attribution");
    run(3);
    std::array<std::uint64_t, 8> spent{};
    std::uint64_t sum = 0;
    for (unsigned s = 0; s < 8; ++s) {
      spent[s] = host().state_cycles[s] - before[s];
      sum += spent[s];
    }
    EXPECT_EQ(sum, host().cycle - start);
    EXPECT_EQ(spent[2] + spent[7], 0U);
    EXPECT_GT(spent[Config], 3U);
    EXPECT_LT(spent[Config], 14U);
    return spent;
  };
  const TdmaCommand copy = engines::tdma_copy(0, kDst, 8192);
  const auto ideal = measure(copy, 0, 0);
  EXPECT_GE(ideal[Busy], 128U);
  EXPECT_LE(ideal[Busy], 136U);
  EXPECT_EQ(ideal[Conflict], 0U);
  EXPECT_LT(ideal[Blocked] + ideal[Starved], 8U);
  EXPECT_GT(measure(copy, 0.6, 0)[Conflict], 50U);
  EXPECT_GT(measure(copy, 0, 0.6)[Conflict], 50U);
  std::memset(&spm()[60000], 0, 512);
  const TdmaCommand gather = engines::tdma_gather({0, 64, 0}, 60000, {kDst, 8}, 128, 8);
  EXPECT_GE(measure(gather, 0, 0)[Starved], 1U);
}

TEST_F(Tdma, IdleMeansNothingChanges) {
  EXPECT_EQ(dut().idle_o, 1);
  host().push(engines::tdma_copy(0, kDst, 640), 0, 9);
  bool early = false, started = false;
  run_until(
      [&] {
        started = started || dut().cmd_ready_o != 0;
        early = early || (started && host().done.empty() && dut().idle_o != 0);
        return !host().done.empty();
      },
      1000);
  EXPECT_FALSE(early);
  run(4);
  EXPECT_EQ(dut().idle_o, 1);
  EXPECT_EQ(dut().state_o, Idle);
  EXPECT_EQ(dut().ops_o, 0);
}

}  // namespace
}  // namespace tsr::tb
