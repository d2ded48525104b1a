// SPDX-License-Identifier: Apache-2.0
/// Functional vector engine: configuration words, streams, stages, reductions, outputs, errors.
#include "engines/ve.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "numerics/convert.hpp"

namespace tsr::engines {
namespace {

constexpr std::uint32_t kIn0 = 0, kIn1 = 0x1000, kIn2 = 0x2000, kOut0 = 0x3000, kOut1 = 0x4000;

std::uint32_t fp(float x) { return numerics::bits_of(x); }

/// A command under construction: FP32 copy of one beat from I0 to O0 unless told otherwise.
struct Job {
  VeConfig config;
  std::array<AguBuilder, 5> agu;
  VeCommand command{{kIn0, kIn1, kIn2, kOut0, kOut1}, {}};
  std::vector<std::uint8_t> spm = std::vector<std::uint8_t>(0x5000);
  std::vector<VeBeat> chain;

  Job() {
    config.in[0] = in(ElementFormat::Fp32);
    config.out[0] = out(ElementFormat::Fp32, 0);
    for (AguBuilder& a : agu) {
      a.w = 8;
      a.loops = {{1, 64}};
    }
  }
  static VeInPort in(ElementFormat format) {
    VeInPort port;
    port.en = true;
    port.format = format;
    port.skip = true;
    return port;
  }
  static VeOutPort out(ElementFormat format, unsigned src) {
    VeOutPort port;
    port.en = true;
    port.format = format;
    port.src = src;
    port.skip = true;
    return port;
  }
  /// `rows` rows of `bytes`, packed from multiples of 64.
  void rows(unsigned port, unsigned count, unsigned bytes) {
    const unsigned beats = (bytes + 63) / 64;
    agu[port].loops = {{beats, 64}, {count, static_cast<std::int32_t>(64 * beats)}};
    agu[port].edge_bytes(0, bytes, 64);
  }
  void put(std::uint32_t at, const std::vector<std::uint32_t>& words) {
    std::memcpy(&spm[at], words.data(), 4 * words.size());
  }
  std::vector<std::uint32_t> get(std::uint32_t at, std::size_t n) const {
    std::vector<std::uint32_t> words(n);
    std::memcpy(words.data(), &spm[at], 4 * n);
    return words;
  }
  VeContext context() const {
    VeContext c;
    c.stages = config.stage_row();
    c.io = config.io_row();
    for (unsigned i = 0; i < 3; ++i) c.in[i] = agu[i].row();
    for (unsigned i = 0; i < 2; ++i) c.out[i] = agu[3 + i].row();
    return c;
  }
  VeResult run() {
    VeResult result = ve_run(context(), command, spm, chain);
    ve_apply(result, spm);
    return result;
  }
};

std::vector<std::uint32_t> counting(unsigned n, unsigned first = 1) {
  std::vector<std::uint32_t> out(n);
  for (unsigned i = 0; i < n; ++i) out[i] = fp(static_cast<float>(first + i));
  return out;
}

// ------------------------------------------------------------------ configuration words

TEST(VeModel, ConfigurationLiesWhereTheHardwareReadsIt) {
  VeStage stage;
  stage.op = VecOp::Fma;               // 5:0 = 32
  stage.a = {VeSrc::V1, true, false};  // 12:6
  stage.b = {VeSrc::K0, false, true};  // 19:13
  stage.c = {VeSrc::Acc, true, true};  // 26:20
  stage.exch = 9;                      // 33:30
  stage.rot = true;                    // 34
  stage.dst = 3;                       // 37:35
  stage.rm = Rounding::Down;           // 40:38
  stage.acc_en = true;                 // 41
  stage.acc_loop = 5;                  // 44:42
  stage.acc_init = 6;                  // 47:45
  const std::uint64_t want = 32ULL | 0x21ULL << 6 | 0x48ULL << 13 | 0x66ULL << 20 | 9ULL << 30 |
                             1ULL << 34 | 3ULL << 35 | 3ULL << 38 | 1ULL << 41 | 5ULL << 42 |
                             6ULL << 45;
  EXPECT_EQ(stage.to_word(), want);
  EXPECT_EQ(VeStage::from_word(want).to_word(), want);

  VeInPort in = VeInPort::from_word(0x7f3e);
  EXPECT_EQ(in.format, ElementFormat::Uint8);
  EXPECT_TRUE(in.en && in.to_f && in.scalar && in.hold_two && in.skip && in.chain);
  EXPECT_EQ(in.hold_loop, 7u);
  EXPECT_EQ(in.to_word(), 0x7f3eu);

  const std::uint32_t word = 4 | 1 << 4 | 5 << 5 | 4 << 9 | 1 << 13 | 1 << 15 | 3 << 16 | 1 << 21;
  VeOutPort out = VeOutPort::from_word(word);
  EXPECT_EQ(out.src, 5u);
  EXPECT_EQ(out.rm, Rounding::Stochastic);
  EXPECT_TRUE(out.en && out.from_i && out.on_last && out.skip);
  EXPECT_FALSE(out.sat || out.scalar || out.mx || out.chain);
  EXPECT_EQ(out.loop, 3u);
  EXPECT_EQ(out.to_word(), word);
  EXPECT_EQ(VeOutPort::from_word(0x1d5000).to_word(), 0x1d5000u);

  const VeReduce red = VeReduce::from_word(0x9d4);
  EXPECT_EQ(red.op, VeRed::ArgMaxF);
  EXPECT_EQ(red.src, 1u);
  EXPECT_EQ(red.loop, 7u);
  EXPECT_EQ(red.elem_loop, 4u);
  EXPECT_EQ(red.to_word(), 0x9d4u);
}

TEST(VeModel, RowsKeepWordOrder) {
  VeConfig config;
  config.stage[3].op = VecOp::Sub;
  config.k[7] = 77;
  config.in[2].en = true;
  config.out[1].en = true;
  config.reduce.op = VeRed::SumI;
  config.seed = 99;
  config.patch = 0x15;
  const ContextRow io = config.io_row();
  EXPECT_EQ(config.stage_row()[6] & 63, 35u);
  EXPECT_EQ(io[7], 77u);
  EXPECT_EQ(io[10], 16u);
  EXPECT_EQ(io[12], 16u);
  EXPECT_EQ(io[13], 6u);
  EXPECT_EQ(io[14], 99u);
  EXPECT_EQ(io[15], 0x15u);
  EXPECT_EQ(VeConfig::from_rows(config.stage_row(), io).io_row(), io);
}

// ------------------------------------------------------------------ streams

TEST(VeModel, EmptyPipelineCopies) {
  Job job;
  job.put(kIn0, counting(16));
  const VeResult result = job.run();
  EXPECT_EQ(result.error, CmdError::Ok);
  EXPECT_EQ(result.groups, 1u);
  ASSERT_EQ(result.writes[0].size(), 1u);
  EXPECT_EQ(result.writes[0][0].access.base, kOut0);
  EXPECT_EQ(job.get(kOut0, 16), counting(16));
}

TEST(VeModel, GroupsBehindTheLastValidByteAreLeftOutWithSkip) {
  // 20 BF16 elements: one beat, two groups; without skip still two; 20 bytes: two of four.
  for (const bool skip : {true, false}) {
    Job job;
    job.config.in[0] = Job::in(ElementFormat::Int8);
    job.config.in[0].skip = skip;
    job.config.out[0] = Job::out(ElementFormat::Int32, 0);
    job.config.out[0].from_i = true;
    job.rows(0, 2, 20);
    job.rows(3, 2, skip ? 80 : 256);
    for (unsigned i = 0; i < 128; ++i) job.spm[i] = static_cast<std::uint8_t>(i);
    const VeResult result = job.run();
    EXPECT_EQ(result.error, CmdError::Ok);
    EXPECT_EQ(result.groups, skip ? 4u : 8u);
    const auto out = job.get(kOut0, 128);
    EXPECT_EQ(out[19], 19u);
    EXPECT_EQ(out[skip ? 32 : 64], 64u);  // the second row
    if (!skip) {
      EXPECT_EQ(out[20], 0u);  // masked bytes read as zero
    }
  }
}

TEST(VeModel, PackedFormatsUnpackInByteOrder) {
  Job job;
  job.config.in[0] = Job::in(ElementFormat::Int4);
  job.config.out[0] = Job::out(ElementFormat::Int8, 0);
  job.config.out[0].from_i = true;
  job.rows(3, 1, 128);
  for (unsigned i = 0; i < 64; ++i) job.spm[i] = static_cast<std::uint8_t>(i * 37);
  EXPECT_EQ(job.run().error, CmdError::Ok);
  for (unsigned i = 0; i < 128; ++i) {
    const int nibble = (job.spm[i / 2] >> (4 * (i % 2))) & 15;
    EXPECT_EQ(static_cast<std::int8_t>(job.spm[kOut0 + i]), nibble >= 8 ? nibble - 16 : nibble);
  }
}

TEST(VeModel, ScalarsAdvanceWithTheirLoop) {
  Job job;  // y = a + s, three rows of 40
  job.config.in[1] = Job::in(ElementFormat::Fp32);
  job.config.in[1].scalar = true;
  job.config.in[1].hold_loop = 0;
  job.config.stage[0].op = VecOp::Add;
  job.config.stage[0].a.src = VeSrc::V0;
  job.config.stage[0].b.src = VeSrc::V1;
  job.config.stage[0].dst = 0;
  job.rows(0, 3, 160);
  job.rows(1, 1, 12);
  job.rows(3, 3, 160);
  job.put(kIn0, counting(144));
  job.put(kIn1, {fp(1000), fp(2000), fp(3000), fp(4000)});
  EXPECT_EQ(job.run().error, CmdError::Ok);
  for (unsigned r = 0; r < 3; ++r) {
    const auto out = job.get(kOut0 + 192 * r, 40);
    for (unsigned i = 0; i < 40; ++i) {
      EXPECT_EQ(out[i], fp(static_cast<float>(48 * r + i + 1 + 1000 * (r + 1))));
    }
  }
}

TEST(VeModel, BlockScalarsHoldForTwoGroups) {
  Job job;
  job.config.in[1] = Job::in(ElementFormat::E8m0);
  job.config.in[1].scalar = job.config.in[1].hold_two = true;
  job.config.out[0].src = 1;
  job.rows(0, 1, 256);
  job.rows(1, 1, 2);
  job.rows(3, 1, 256);
  job.spm[kIn1] = 127;
  job.spm[kIn1 + 1] = 130;
  EXPECT_EQ(job.run().error, CmdError::Ok);
  const auto out = job.get(kOut0, 64);
  for (unsigned i = 0; i < 64; ++i) EXPECT_EQ(out[i], fp(i < 32 ? 1.0F : 8.0F));
}

TEST(VeModel, ConstantsComeFromTheCommandWherePatched) {
  Job job;
  job.config.k = {fp(1), fp(2), 0, 0, 0, 0, 0, 0};
  job.config.patch = 2;
  job.command.constant = {fp(50), fp(60), 0, 0, 0};
  job.config.stage[1] = {};
  job.config.stage[1].op = VecOp::Add;
  job.config.stage[1].a.src = VeSrc::K0;
  job.config.stage[1].b.src = static_cast<VeSrc>(9);
  job.config.stage[1].dst = 0;
  EXPECT_EQ(job.run().error, CmdError::Ok);
  EXPECT_EQ(job.get(kOut0, 1)[0], fp(61));
}

// ------------------------------------------------------------------ stages

TEST(VeModel, ExchangeTakesOperandBFromOtherLanes) {
  for (const bool rot : {false, true}) {
    Job job;
    VeStage& stage = job.config.stage[4];
    stage.op = VecOp::SubI;
    stage.a.src = VeSrc::Lane;
    stage.b.src = VeSrc::Lane;
    stage.exch = 6;
    stage.rot = rot;
    stage.dst = 0;
    job.config.out[0] = Job::out(ElementFormat::Int32, 0);
    job.config.out[0].from_i = true;
    EXPECT_EQ(job.run().error, CmdError::Ok);
    const auto out = job.get(kOut0, 16);
    for (unsigned l = 0; l < 16; ++l) EXPECT_EQ(out[l], l - (rot ? (l + 6) % 16 : l ^ 6));
  }
}

TEST(VeModel, AccumulatorsRestartAndKeepInvalidLanes) {
  Job job;  // sums of 20 elements a row in two groups: lanes 4..15 of the second are masked
  VeStage& stage = job.config.stage[0];
  stage.op = VecOp::Add;
  stage.a.src = VeSrc::V0;
  stage.b.src = VeSrc::Acc;
  stage.acc_en = true;
  stage.acc_loop = 0;
  stage.acc_init = 2;
  stage.dst = 1;
  job.config.k[2] = fp(100);
  job.config.out[0].src = 1;
  job.rows(0, 2, 80);
  job.rows(3, 2, 80);
  job.put(kIn0, std::vector<std::uint32_t>(64, fp(1)));
  EXPECT_EQ(job.run().error, CmdError::Ok);
  for (unsigned r = 0; r < 2; ++r) {
    const auto out = job.get(kOut0 + 128 * r, 20);
    for (unsigned i = 0; i < 20; ++i) EXPECT_EQ(out[i], fp(i < 16 ? 101 : 102));
  }
}

// ------------------------------------------------------------------ reductions

TEST(VeModel, ReductionBelongsToTheLastGroupOfItsLoop) {
  Job job;
  job.config.reduce = {VeRed::ArgMaxF, 0, 0, 0};
  job.config.out[0] = Job::out(ElementFormat::Fp32, 4);
  job.config.out[0].scalar = job.config.out[0].on_last = true;
  job.config.out[1] = Job::out(ElementFormat::Int32, 5);
  job.config.out[1].scalar = job.config.out[1].on_last = job.config.out[1].from_i = true;
  job.rows(0, 2, 80);
  job.rows(3, 1, 8);
  job.rows(4, 1, 8);
  auto x = counting(64);
  x[18] = fp(500);
  x[21] = fp(9000);  // behind the row's end: masked
  x[32 + 3] = fp(700);
  x[32 + 17] = fp(700);
  job.put(kIn0, x);
  EXPECT_EQ(job.run().error, CmdError::Ok);
  EXPECT_EQ(job.get(kOut0, 2), (std::vector<std::uint32_t>{fp(500), fp(700)}));
  EXPECT_EQ(job.get(kOut1, 2), (std::vector<std::uint32_t>{18, 3}));
}

TEST(VeModel, ReductionsOfNothingGiveTheirNeutralValue) {
  const std::pair<VeRed, std::uint32_t> cases[] = {{VeRed::SumF, 0},
                                                   {VeRed::SumI, 0},
                                                   {VeRed::MaxF, 0x7fc00000},
                                                   {VeRed::MinF, 0x7fc00000},
                                                   {VeRed::MaxI, 0x80000000},
                                                   {VeRed::MinI, 0x7fffffff},
                                                   {VeRed::ArgMaxF, 0x7fc00000}};
  for (const auto& [op, want] : cases) {
    Job job;
    job.config.in[0] = Job::in(ElementFormat::Int32);
    job.config.reduce = {op, 0, 0, 0};
    job.config.out[0] = Job::out(ElementFormat::Int32, 4);
    job.config.out[0].scalar = job.config.out[0].from_i = true;
    job.agu[0].rows = {true, 0, 1, false};
    job.agu[0].w = 1;
    job.agu[0].pitch = 8;
    job.agu[0].bytes = {true, 0, 0, false};  // no byte is valid
    job.rows(3, 1, 4);
    EXPECT_EQ(job.run().error, CmdError::Ok);
    EXPECT_EQ(job.get(kOut0, 1)[0], want) << static_cast<int>(op);
  }
}

// ------------------------------------------------------------------ outputs

TEST(VeModel, MxScalesCountValidLanesOnly) {
  Job job;
  job.config.out[0] = Job::out(ElementFormat::E4m3, 0);
  job.config.out[0].mx = true;
  job.config.out[1] = Job::out(ElementFormat::E4m3, 0);
  job.rows(0, 1, 96);  // 24 elements: the second group has 8
  job.rows(3, 1, 24);
  job.rows(4, 1, 1);
  job.put(kIn0, std::vector<std::uint32_t>(32, fp(3)));
  EXPECT_EQ(job.run().error, CmdError::Ok);
  EXPECT_EQ(job.spm[kOut1], 127 + 1 - 8);
  EXPECT_EQ(job.spm[kOut0], 0x7c);  // 3 * 2^7 = 384 = 1.5 * 2^8

  // 1 - x: masked lanes, which read as 0, become larger than the valid ones.
  VeStage& stage = job.config.stage[6];
  stage.op = VecOp::Sub;
  stage.a.src = VeSrc::K0;
  stage.b.src = VeSrc::V0;
  stage.dst = 0;
  job.config.k[0] = fp(1);
  job.put(kIn0, std::vector<std::uint32_t>(32, fp(0.75F)));
  EXPECT_EQ(job.run().error, CmdError::Ok);
  EXPECT_EQ(job.spm[kOut1], 127 - 2 - 8);
}

TEST(VeModel, MxBlocksWithNanHaveScaleFfAndZeroElements) {
  Job job;
  job.config.out[0] = Job::out(ElementFormat::Int8, 0);
  job.config.out[0].mx = true;
  job.config.out[1] = Job::out(ElementFormat::Int8, 0);
  job.rows(0, 1, 256);
  job.rows(3, 1, 64);
  job.rows(4, 1, 2);
  auto x = counting(64);
  x[5] = 0x7f800000;
  job.put(kIn0, x);
  std::fill(job.spm.begin() + kOut0, job.spm.end(), 0xaa);
  EXPECT_EQ(job.run().error, CmdError::Ok);
  EXPECT_EQ(job.spm[kOut1], 0xff);
  EXPECT_EQ(job.spm[kOut1 + 1], 127 + 6);  // 64 = 2^6
  EXPECT_EQ(job.spm[kOut1 + 2], 0xaa);
  for (unsigned i = 0; i < 32; ++i) EXPECT_EQ(job.spm[kOut0 + i], 0);
  EXPECT_EQ(job.spm[kOut0 + 63], 64);
}

TEST(VeModel, StochasticRoundingIsUnbiasedAndSeeded) {
  Job job;
  job.config.out[0] = Job::out(ElementFormat::Int8, 0);
  job.config.out[0].rm = Rounding::Stochastic;
  job.config.seed = 12345;
  job.rows(0, 1, 4096);
  job.rows(3, 1, 1024);
  job.put(kIn0, std::vector<std::uint32_t>(1024, fp(2.25F)));
  EXPECT_EQ(job.run().error, CmdError::Ok);
  const std::vector<std::uint8_t> first(job.spm.begin() + kOut0, job.spm.begin() + kOut0 + 1024);
  unsigned ups = 0;
  for (const std::uint8_t x : first) ups += x == 3 ? 1 : 0;
  EXPECT_NEAR(ups, 256, 60);
  EXPECT_EQ(job.run().error, CmdError::Ok);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), job.spm.begin() + kOut0));
  job.config.seed = 54321;
  EXPECT_EQ(job.run().error, CmdError::Ok);
  EXPECT_FALSE(std::equal(first.begin(), first.end(), job.spm.begin() + kOut0));
}

TEST(VeModel, ChainsCarryBeatsBothWays) {
  Job job;
  job.config.in[0].chain = true;
  job.config.out[0] = Job::out(ElementFormat::Bf16, 0);
  job.config.out[0].chain = true;
  for (unsigned b = 0; b < 4; ++b) {
    VeBeat beat;
    const auto words = counting(16, 16 * b);
    std::memcpy(beat.data.data(), words.data(), 64);
    beat.strb = b == 3 ? 0xffff : ~std::uint64_t{0};
    beat.last = b == 1 ? 1 : 0;
    beat.fin = b == 2;
    job.chain.push_back(beat);
  }
  const VeResult result = job.run();
  EXPECT_EQ(result.error, CmdError::Ok);
  EXPECT_EQ(result.chain_used, 3u);  // the fourth belongs to the next command
  ASSERT_EQ(result.chain_out.size(), 2u);
  EXPECT_EQ(result.chain_out[0].last, 1u);
  EXPECT_FALSE(result.chain_out[0].fin);
  EXPECT_TRUE(result.chain_out[1].fin);
  EXPECT_EQ(result.chain_out[1].strb, 0xffffffffu);
  std::uint16_t half;
  std::memcpy(&half, &result.chain_out[1].data[30], 2);
  EXPECT_EQ(half, numerics::fp32_to_bf16(fp(47)));
}

// ------------------------------------------------------------------ errors

TEST(VeModel, IllegalConfigurationsAreContextErrors) {
  const auto refused = [](auto change) {
    Job job;
    change(job);
    const VeResult result = job.run();
    EXPECT_EQ(result.error, CmdError::Context);
    EXPECT_TRUE(result.writes[0].empty());
  };
  refused([](Job& j) { j.config.stage[0].op = static_cast<VecOp>(26); });
  refused([](Job& j) { j.config.stage[2].op = VecOp::Mul; });   // no multiplier there
  refused([](Job& j) { j.config.stage[0].op = VecOp::Exp2; });  // no special functions there
  refused([](Job& j) { j.config.stage[0].c.src = static_cast<VeSrc>(16); });
  refused([](Job& j) { j.config.stage[0].dst = 5; });
  refused([](Job& j) { j.config.stage[0].rm = static_cast<Rounding>(5); });
  refused([](Job& j) { j.config.stage[0].acc_loop = 6; });
  refused([](Job& j) { j.config.in[0].en = false; });
  refused([](Job& j) { j.config.in[0].scalar = true; });
  refused([](Job& j) { j.config.in[0].format = static_cast<ElementFormat>(15); });
  refused([](Job& j) {
    j.config.in[1] = Job::in(ElementFormat::Fp32);
    j.config.in[1].chain = true;
  });
  refused([](Job& j) {
    j.config.in[1] = Job::in(ElementFormat::Fp32);
    j.config.in[1].hold_loop = 6;
  });
  refused([](Job& j) { j.config.out[0].src = 6; });
  refused([](Job& j) { j.config.out[0].loop = 6; });
  refused([](Job& j) {
    j.config.out[0].mx = true;
    j.config.out[1] = j.config.out[0];
  });  // FP32
  refused([](Job& j) {
    j.config.out[0] = Job::out(ElementFormat::E4m3, 0);
    j.config.out[0].mx = true;
  });
  refused([](Job& j) { j.config.reduce.op = static_cast<VeRed>(11); });
  refused([](Job& j) { j.config.reduce.loop = 6; });
  refused([](Job& j) { j.config.reduce.elem_loop = 7; });
  refused([](Job& j) { j.agu[0].loops = {{0, 64}}; });
  refused([](Job& j) { j.agu[0].gather = true; });
  refused([](Job& j) {
    j.agu[3].w = 1;
    j.agu[3].xpose = Transpose::Bytes1;
  });
}

TEST(VeModel, StreamsThatDisagreeAreShapeErrorsAndNeverHang) {
  const auto error = [](auto change) {
    Job job;
    change(job);
    return job.run().error;
  };
  EXPECT_EQ(error([](Job& j) { j.rows(3, 1, 128); }), CmdError::Shape);  // output too long
  EXPECT_EQ(error([](Job& j) { j.rows(0, 1, 128); }), CmdError::Shape);  // output too short
  EXPECT_EQ(error([](Job& j) {                                           // I1 ends early
              j.rows(0, 1, 128);
              j.rows(3, 1, 128);
              j.config.in[1] = Job::in(ElementFormat::Fp32);
            }),
            CmdError::Shape);
  EXPECT_EQ(error([](Job& j) {  // a beat of I1 is left
              j.config.in[1] = Job::in(ElementFormat::Fp32);
              j.rows(1, 1, 128);
            }),
            CmdError::Shape);
  EXPECT_EQ(error([](Job& j) {  // elements of a scalar beat may be left
              j.config.in[1] = Job::in(ElementFormat::Fp32);
              j.config.in[1].scalar = true;
            }),
            CmdError::Ok);
}

TEST(VeModel, AddressesOutsideAreRangeErrors) {
  Job job;
  job.command.base[0] = 4;
  EXPECT_EQ(job.run().error, CmdError::Range);
  job.command.base[0] = 0x5000;
  VeResult result = job.run();
  EXPECT_EQ(result.error, CmdError::Range);
  EXPECT_EQ(result.address, 0x5000u);
  job.command.base[0] = 0;
  job.command.base[3] = 0x4fe0;
  result = job.run();
  EXPECT_EQ(result.error, CmdError::Range);
  EXPECT_EQ(result.address, 0x4fe0u);
  EXPECT_TRUE(result.writes[0].empty());
}

}  // namespace
}  // namespace tsr::engines
