// SPDX-License-Identifier: Apache-2.0
/// Data integrity of the memory node: error correction, poison, read-modify-write, atomics,
/// scrubbing.
#include "hbm/ctrl_bench.hpp"

namespace tsr::tb {
namespace {

constexpr std::uint64_t kAll = ~0ULL;

class HbmData : public HbmNodeTest {
 protected:
  void SetUp() override {
    HbmNodeTest::SetUp();
    start_and_initialize(quick("hbm3-6400"));
  }

  /// All requests are answered and all writes are in the DRAM.
  void drain() {
    finish();
    ASSERT_TRUE(run_until([this] { return settled(); }, 100)) << "the queues do not drain";
    run(20);
  }
  bool settled() {
    run(200);
    return (read_register(hbm::kStatusOffset) & 8U) != 0;
  }
  void room() {
    ASSERT_TRUE(run_until([this] { return node_->can_send(); }, 100000)) << "stuck";
  }
  void write_blocks(std::uint64_t count) {
    for (std::uint64_t b = 0; b < count; ++b) {
      room();
      node_->write(b * 64, kAll);
    }
    drain();
  }
  void inject(unsigned first) { write_register(hbm::kEccInjectOffset, 1U << 31 | first); }
  void inject(unsigned first, unsigned second) {
    write_register(hbm::kEccInjectOffset, 1U << 31 | 1U << 24 | second << 12 | first);
  }
  std::uint32_t fixed() { return read_register(hbm::kEccFixedCountOffset); }
  std::uint32_t lost() { return read_register(hbm::kEccLostCountOffset); }

  /// Reads, full and partial writes, atomics, poison.
  void mixed_traffic(int count, std::uint64_t blocks, double poison,
                     const std::function<std::uint64_t(std::uint64_t)>& place) {
    for (int i = 0; i < count; ++i) {
      room();
      const std::uint64_t block = place(rand_in(0, blocks - 1));
      switch (rand_in(0, 5)) {
        case 0:
          node_->write(block, kAll, chance(0.2), chance(poison));
          break;
        case 1:
          node_->write(block, 0xffffffffULL << (32 * rand_in(0, 1)), chance(0.2), chance(poison));
          break;
        case 2:
          node_->write(block, chance(0.5) ? rng()() : 1ULL << rand_in(0, 63), chance(0.2),
                       chance(poison));
          break;
        case 3:
          node_->atomic(block + 4 * rand_in(0, 15), static_cast<Amo>(rand_in(0, 6)), operand(),
                        operand());
          break;
        default:
          node_->read(block + rand_in(0, 32), static_cast<unsigned>(rand_in(1, 32)));
      }
      if (chance(0.02)) run(rand_in(1, 100));
    }
    finish();
  }
  /// Values around the corners of the operations.
  std::uint32_t operand() {
    static constexpr std::array<std::uint32_t, 6> kCorners{0,           1,           0xffffffffU,
                                                           0x80000000U, 0x7fffffffU, 0x80000001U};
    return chance(0.5) ? kCorners[rand_in(0, kCorners.size() - 1)]
                       : static_cast<std::uint32_t>(rng()());
  }
};

// ---------------------------------------------------------------- errors of the memory

TEST_F(HbmData, SingleErrorsAtEveryPositionAreCorrectedCountedAndRecorded) {
  write_blocks(kEccCodeBits / 2);
  for (unsigned bit = 0; bit < kEccCodeBits; ++bit) node_->device().flip(bit * 32, bit);
  // One atom first: its address and syndrome are kept.
  node_->read(77 * 32, 32);
  finish();
  for (unsigned b = 0; b < kEccCodeBits / 2; ++b) {
    room();
    node_->read(b * 64, 64);
  }
  finish();
  EXPECT_EQ(fixed(), kEccCodeBits + 1);
  EXPECT_EQ(lost(), 0U);
  EXPECT_EQ(read_register(hbm::kEccStatusOffset), 1U);
  EXPECT_EQ(read_register(hbm::kEccFixedAddrOffset), 77U * 32);
  EXPECT_EQ(read_register(hbm::kEccFixedInfoOffset), ecc_column(77));
  write_register(hbm::kEccStatusOffset, 3);
  node_->read(kEccDataBits * 32, 32);
  finish();
  EXPECT_EQ(read_register(hbm::kEccFixedAddrOffset), kEccDataBits * 32);
  EXPECT_EQ(read_register(hbm::kEccFixedInfoOffset), 1U) << "the first check bit";
  write_register(hbm::kCountCtrlOffset, 1);
  EXPECT_EQ(fixed(), 0U);
}

TEST_F(HbmData, DoubleErrorsPoisonTheAnswer) {
  constexpr unsigned kAtoms = 400;
  write_blocks(kAtoms / 2);
  for (std::uint64_t atom = 0; atom < kAtoms; ++atom) {
    const auto first = static_cast<unsigned>(rand_in(0, 265));
    const auto second = static_cast<unsigned>((first + rand_in(1, 265)) % 266);
    node_->device().flip(atom * 32, first);
    node_->device().flip(atom * 32, second);
    node_->mark_poisoned(atom * 32);
  }
  for (std::uint64_t atom = 0; atom < kAtoms; ++atom) {
    room();
    node_->read(atom * 32, 32);
  }
  finish();
  EXPECT_EQ(lost(), kAtoms);
  EXPECT_EQ(fixed(), 0U);
  EXPECT_EQ(read_register(hbm::kEccStatusOffset), 2U);
  EXPECT_LT(read_register(hbm::kEccLostAddrOffset), 4U * 32) << "one of the first reads";
  // Half of a block is good: only a read that touches the bad half is poisoned. Writing heals.
  node_->write(64, 0xffffffff);
  node_->read(64, 32);
  node_->read(64, 33);
  node_->write(64, kAll);
  node_->read(64, 64);
  finish();
}

TEST_F(HbmData, MemoryNeverWrittenHasNoErrors) {
  for (int i = 0; i < 200; ++i) {
    room();
    node_->read(rand_in(0, kDramNodeBytes / 64 - 1) * 64, 64);
  }
  finish();
  EXPECT_EQ(fixed() + lost(), 0U);
}

TEST_F(HbmData, BackDoorWritesRightSideBits) {
  std::vector<std::uint8_t> data(3000, 0x5a);
  node_->device().write(777, data.data(), data.size());
  for (std::uint64_t atom = 0; atom < 4096; atom += 32) {
    room();
    node_->send_raw(node_->request(Kind::kWritePosted, node_->global(8192 + atom * 2), 1));
  }
  drain();
  // The content differs from the reference: look at the errors alone.
  for (std::uint64_t at = 0; at < 4096; at += 32) {
    DramAtom atom;
    node_->device().read(at, atom.data(), sizeof atom);
    EXPECT_EQ(node_->device().side(at), ecc_side(atom));
  }
  EXPECT_EQ(fixed() + lost(), 0U);
}

TEST_F(HbmData, InjectedErrorsHitTheNextWrite) {
  for (const unsigned bit : {0U, 5U, 255U, 256U, 265U, 271U}) {
    inject(bit);
    EXPECT_EQ(read_register(hbm::kEccInjectOffset), 1U << 31 | bit) << "armed";
    node_->write(bit * 64, kAll);
    drain();
    EXPECT_EQ(read_register(hbm::kEccInjectOffset), bit) << "not armed";
    DramAtom atom;
    node_->device().read(bit * 64, atom.data(), sizeof atom);
    std::uint16_t side = node_->device().side(bit * 64);
    ecc_flip(atom, side, bit);
    EXPECT_EQ(side, ecc_side(atom)) << "exactly this bit is wrong";
    node_->read(bit * 64, 64);
    finish();
  }
  EXPECT_EQ(fixed(), 6U);
  EXPECT_EQ(lost(), 0U);
  inject(3, 200);
  node_->write(1 << 16, kAll);
  drain();
  node_->mark_poisoned(1 << 16);
  node_->read(1 << 16, 64);
  node_->read((1 << 16) + 32, 32);
  finish();
  EXPECT_EQ(lost(), 1U);
  EXPECT_EQ(read_register(hbm::kEccLostAddrOffset), 1U << 16);
  EXPECT_EQ(read_register(hbm::kEccLostInfoOffset), unsigned{ecc_column(3)} ^ ecc_column(200));
}

TEST_F(HbmData, WritesWithErrorsInTheQueueAreCorrectedWhenForwarded) {
  inject(17);
  node_->write(0, kAll);
  node_->read(0, 64);
  finish();
  EXPECT_EQ(counter(13) + counter(16 + 13), 1U) << "forwarded";
  EXPECT_EQ(fixed(), 1U);
}

TEST_F(HbmData, BrokenCellsAreCorrectedOnEveryRead) {
  for (std::uint64_t atom = 0; atom < 64; ++atom) {
    node_->device().break_cell(atom * 32, static_cast<unsigned>(rand_in(0, kEccCodeBits - 1)));
  }
  // Also memory that was never written, partial writes and atomics.
  node_->read(0, 256);
  finish();
  EXPECT_EQ(fixed(), 8U);
  mixed_traffic(2000, 32, 0.05, [](std::uint64_t n) { return n * 64; });
  drain();
  node_->compare_memory();
  EXPECT_GT(fixed(), 500U);
  EXPECT_EQ(lost(), 0U);
  EXPECT_EQ(node_->device().bit_errors(), fixed());
  // Two in one atom are too many.
  node_->device().break_cell(64 * 64 + 32, 44);
  node_->device().break_cell(64 * 64 + 32, 244);
  node_->write(64 * 64, kAll);
  drain();
  node_->mark_poisoned(64 * 64 + 32);
  node_->read(64 * 64, 64);
  node_->read(64 * 64, 32);
  finish();
  EXPECT_EQ(lost(), 1U);
}

TEST_F(HbmData, RandomErrorsAreCorrected) {
  node_->device().set_error_rate(1e-5, seed());
  // Each block is read once after it was written: two errors in an atom do not come together.
  for (std::uint64_t b = 0; b < 6000; ++b) {
    room();
    node_->write(b * 64, kAll);
    if (b >= 200) node_->read((b - 200) * 64, 64);
  }
  drain();
  EXPECT_GT(fixed(), 5U);
  EXPECT_EQ(fixed(), node_->device().bit_errors());
  EXPECT_EQ(lost(), 0U);
}

// ---------------------------------------------------------------- poison

TEST_F(HbmData, PoisonIsStoredAndAnswered) {
  node_->write(0, kAll, false, true);
  node_->read(0, 64);
  node_->write(256, 0xffffffff, false, true);
  node_->read(256, 64);
  node_->read(256 + 32, 32);
  drain();
  node_->read(0, 64);
  node_->read(256, 256);
  // A part does not heal, nor does an atomic.
  node_->write(0, 0xff);
  node_->atomic(8, Amo::kSwap, 1);
  node_->read(0, 32);
  drain();
  node_->read(0, 32);
  node_->compare_memory();
  // All of it does.
  node_->write(0, kAll);
  node_->read(0, 64);
  // A poisoned part poisons its atom.
  node_->write(0, 0xf, false, true);
  node_->read(16, 4);
  node_->read(32, 4);
  drain();
  node_->compare_memory();
  EXPECT_EQ(lost() + fixed(), 0U) << "poison is no error of the memory";
}

TEST_F(HbmData, PartialWriteOfALostAtomKeepsThePoison) {
  write_blocks(8);
  for (std::uint64_t b = 0; b < 8; ++b) {
    node_->device().flip(b * 64, 1);
    node_->device().flip(b * 64, 100);
    node_->mark_poisoned(b * 64);
    node_->write(b * 64, 0xff00);
    node_->read(b * 64, 64);
  }
  drain();
  const std::uint32_t first = lost();
  EXPECT_GE(first, 8U);
  for (std::uint64_t b = 0; b < 8; ++b) node_->read(b * 64, 64);
  finish();
  EXPECT_EQ(lost(), first) << "it is poison now, with good check bits";
  // An atomic on a lost word answers poison and leaves it.
  node_->device().flip(32, 1);
  node_->device().flip(32, 100);
  node_->mark_poisoned(32);
  node_->atomic(32, Amo::kSwap, 7);
  drain();
  EXPECT_EQ(lost(), first + 1);
  node_->read(32, 4);
  finish();
  EXPECT_EQ(lost(), first + 2);
}

// ---------------------------------------------------------------- read-modify-write and atomics

TEST_F(HbmData, MixedTrafficOnAFewBlocksKeepsOrder) {
  mixed_traffic(8000, 24, 0.02, [](std::uint64_t n) { return (n % 6) * 64 + (n / 6) * (1 << 19); });
  drain();
  node_->compare_memory();
  EXPECT_GT(read_register(hbm::kRmwCountOffset), 100U);
  EXPECT_GT(read_register(hbm::kAtomicCountOffset), 1000U);
  EXPECT_EQ(fixed() + lost(), 0U);
}

TEST_F(HbmData, MixedTrafficWithStallsAndErrors) {
  node_->response_stall = 0.5;
  node_->send_stall = 0.2;
  for (int round = 0; round < 12; ++round) {
    mixed_traffic(500, 512, 0.02, [](std::uint64_t n) { return n * 64; });
    drain();
    node_->compare_memory(round == 0);
    // One error in an atom here and there, none where one may still be.
    std::set<std::uint64_t> atoms;
    for (int i = 0; i < 30; ++i) atoms.insert(rand_in(0, 85) * 12 + static_cast<unsigned>(round));
    for (const auto atom : atoms) {
      node_->device().flip(atom * 32, static_cast<unsigned>(rand_in(256, kEccCodeBits - 1)));
    }
  }
  node_->response_stall = 0.95;
  mixed_traffic(300, 512, 0.02, [](std::uint64_t n) { return n * 64; });
  drain();
  node_->compare_memory(false);
  EXPECT_GT(fixed(), 50U);
  EXPECT_EQ(lost(), 0U);
}

TEST_F(HbmData, PartialWritesOfABlockAreMergedWhileTheyWait) {
  for (unsigned i = 0; i < 16; ++i) node_->write(0, 0xfULL << (4 * i));
  node_->read(0, 64);
  drain();
  node_->compare_memory();
  EXPECT_LE(read_register(hbm::kRmwCountOffset), 3U);
}

TEST_F(HbmData, SeveralReadModifyWritesAreUnderWay) {
  const std::uint64_t start_cycle = node_->cycle;
  for (unsigned i = 0; i < 256; ++i) {
    room();
    node_->write(std::uint64_t{i} * 64, 0xf);
  }
  drain();
  node_->compare_memory();
  EXPECT_EQ(read_register(hbm::kRmwCountOffset), 256U);
  const double cycles = static_cast<double>(node_->cycle - start_cycle) / 256;
  fmt::print("partial writes of different blocks: {:.1f} cycles each\n", cycles);
  EXPECT_LE(cycles, 12);
}

TEST_F(HbmData, EveryAtomicOperationWithCorners) {
  static constexpr std::array<std::uint32_t, 7> kValues{
      0, 1, 0xffffffffU, 0x80000000U, 0x7fffffffU, 0x12345678U, 0xedcba987U};
  for (const bool ecc : {true, false}) {
    drain();
    write_register(hbm::kEccCtrlOffset, ecc ? 1 : 0);
    run(5);
    for (unsigned op = 0; op < 7; ++op) {
      for (const auto old : kValues) {
        for (const auto value : kValues) {
          const std::uint64_t word = rand_in(0, 127) * 4 + (ecc ? 0 : 4096);
          room();
          node_->atomic(word, Amo::kSwap, old);
          room();
          node_->atomic(word, static_cast<Amo>(op), value, chance(0.5) ? old : value);
          room();
          node_->read(word / 64 * 64, 64);
        }
      }
    }
  }
  drain();
  node_->compare_memory(false);
}

TEST_F(HbmData, AtomicsOnOneWordSeeEachOther) {
  const std::uint64_t start_cycle = node_->cycle;
  for (unsigned i = 0; i < 300; ++i) {
    room();
    node_->atomic(100, Amo::kAdd, 3);
  }
  finish();
  fmt::print("atomics on one word: {:.1f} cycles each\n",
             static_cast<double>(node_->cycle - start_cycle) / 300);
  EXPECT_EQ(node_->byte(100) | node_->byte(101) << 8, 900);
  drain();
  node_->compare_memory();
}

TEST_F(HbmData, WithoutErrorCorrectionBytesAreWrittenAlone) {
  write_register(hbm::kEccCtrlOffset, 0);
  run(5);
  const auto reads = [this] {
    return node_->device().counts(0).reads + node_->device().counts(1).reads;
  };
  const std::uint64_t before = reads();
  for (unsigned i = 0; i < 64; ++i) node_->write(i * 64, 1ULL << i);
  drain();
  EXPECT_EQ(reads(), before);
  EXPECT_EQ(read_register(hbm::kRmwCountOffset), 0U);
  node_->compare_memory(false);
  Flit poisoned = node_->request(Kind::kWrite, node_->global(0), kAll);
  poisoned.poison = true;
  node_->expect_error(poisoned, Err::kPoison);
  random_traffic(1000, 64, 0.5, [](std::uint64_t n) { return n * 64; });
  drain();
  node_->compare_memory(false);
  EXPECT_EQ(fixed() + lost(), 0U);
}

// ---------------------------------------------------------------- scrubbing

class HbmScrub : public HbmData {
 protected:
  static constexpr std::uint64_t kBlocks = (1 << 20) / 64;

  void SetUp() override {
    HbmNodeTest::SetUp();
    start(quick("hbm3-6400"));
    node_->config.mem_mib = 1;
    node_->apply_straps();
    initialize();
  }
  void scrub(unsigned interval) { write_register(hbm::kScrubCtrlOffset, interval << 8 | 1); }
  void pass() {
    const std::uint32_t before = read_register(hbm::kScrubCountOffset);
    const auto done = [&] {
      run(2000);
      return read_register(hbm::kScrubCountOffset) - before >= kBlocks;
    };
    for (int i = 0; i < 200 && !done(); ++i) {
    }
    ASSERT_GE(read_register(hbm::kScrubCountOffset) - before, kBlocks);
    run(2000);  // the queues are never empty, but no write waits longer
  }
};

TEST_F(HbmScrub, RepairsErrorsBeforeASecondOneHits) {
  write_blocks(64);
  const std::uint64_t last = (1 << 20) - 32;
  node_->write(last - 32, kAll);
  drain();
  const auto hit = [&](unsigned bit) {
    for (std::uint64_t atom = 0; atom < 128; ++atom) node_->device().flip(atom * 32, bit);
    node_->device().flip(last, bit);
  };
  scrub(4);
  for (const unsigned bit : {7U, 260U, 268U, 130U}) {
    hit(bit);
    pass();
    node_->compare_memory();
  }
  EXPECT_EQ(read_register(hbm::kScrubFixedOffset), 4U * 65);
  EXPECT_EQ(fixed(), 4U * 129);
  EXPECT_EQ(lost(), 0U);
  EXPECT_EQ(read_register(hbm::kEccFixedInfoOffset) >> 16, 1U) << "found by the scrubber";
  // Without it, the second error is one too many.
  write_register(hbm::kScrubCtrlOffset, 0);
  hit(8);
  hit(9);
  for (std::uint64_t b = 0; b < 64; ++b) {
    node_->mark_poisoned(b * 64);
    node_->mark_poisoned(b * 64 + 32);
    room();
    node_->read(b * 64, 64);
  }
  finish();
  EXPECT_EQ(lost(), 128U);
}

TEST_F(HbmScrub, LeavesLostAtomsAndPoisonAsTheyAre) {
  write_blocks(4);
  node_->write(64, kAll, false, true);
  drain();
  node_->device().flip(0, 1);
  node_->device().flip(0, 2);
  node_->device().flip(64, 270);  // a copy of the poison mark
  node_->device().flip(128, 3);   // beside a lost atom
  node_->device().flip(160, 4);
  node_->device().flip(160, 5);
  const std::uint16_t side = node_->device().side(0);
  scrub(2);
  pass();
  write_register(hbm::kScrubCtrlOffset, 0);
  EXPECT_EQ(node_->device().side(0), side);
  EXPECT_EQ(read_register(hbm::kScrubFixedOffset), 2U);
  for (const std::uint64_t at : {0, 64, 96, 160}) node_->mark_poisoned(at);
  for (std::uint64_t b = 0; b < 4; ++b) node_->read(b * 64, 64);
  node_->read(128, 32);
  finish();
  EXPECT_EQ(node_->device().side(64) >> kEccCheckBits, 0x3fU) << "repaired";
}

TEST_F(HbmScrub, KeepsOrderWithTraffic) {
  scrub(1);
  // The scrubber runs through the same blocks all the time, and finds something in them.
  mixed_traffic(1500, 512, 0.02, [](std::uint64_t n) { return n * 64; });
  for (int round = 0; round < 6; ++round) {
    for (unsigned i = 0; i < 12; ++i) {
      node_->device().flip((rand_in(0, 80) * 12 + i) * 32, 256 + static_cast<unsigned>(round));
    }
    mixed_traffic(1500, 512, 0.02, [](std::uint64_t n) { return n * 64; });
    pass();
    node_->compare_memory();
  }
  EXPECT_EQ(lost(), 0U);
}

TEST_F(HbmScrub, HoldsItsRateUnderLoad) {
  scrub(64);
  const std::uint32_t before = read_register(hbm::kScrubCountOffset);
  const std::uint64_t start_cycle = node_->cycle;
  std::uint64_t at = 0;
  while (node_->cycle - start_cycle < 20000) {
    if (node_->can_send()) node_->read(std::exchange(at, (at + 256) % (1 << 20)), 256);
    tick();
  }
  finish();
  const double expected = static_cast<double>(node_->cycle - start_cycle) / 64;
  EXPECT_NEAR(read_register(hbm::kScrubCountOffset) - before, expected, 10);
}

TEST_F(HbmScrub, RestsWithoutErrorCorrection) {
  write_register(hbm::kEccCtrlOffset, 0);
  scrub(2);
  run(500);
  EXPECT_EQ(read_register(hbm::kScrubCountOffset), 0U);
  EXPECT_EQ(read_register(hbm::kScrubAddrOffset), 0U);
  write_register(hbm::kEccCtrlOffset, 1);
  run(500);
  EXPECT_GT(read_register(hbm::kScrubAddrOffset), 0U);
}

}  // namespace
}  // namespace tsr::tb
