// SPDX-License-Identifier: Apache-2.0
/// Memory node against the DRAM device: data, hazards, timing, refresh, errors, registers,
/// initialization.
#include "hbm/ctrl_bench.hpp"

namespace tsr::tb {
namespace {

class HbmCtrl : public HbmNodeTest {};

// ---------------------------------------------------------------- data and hazards

TEST_F(HbmCtrl, EverySizeAndAlignmentOfReads) {
  start_and_initialize(quick("hbm3-6400"));
  for (std::uint64_t b = 0; b < 8; ++b) node_->write(b * 64, ~0ULL);
  finish();
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned bytes = 1; bytes <= 256 - first; bytes += first % 8 == 0 ? 1 : 13) {
      ASSERT_TRUE(run_until([this] { return node_->can_send(); }, 10000));
      node_->read(256 + first, bytes);
    }
  }
  finish();
}

TEST_F(HbmCtrl, EveryStrobePositionOfWrites) {
  start_and_initialize(quick("hbm3-6400"));
  for (unsigned i = 0; i < 64; ++i) {
    for (std::uint64_t strb :
         {std::uint64_t{1} << i, ~std::uint64_t{0} << i, ~std::uint64_t{0} >> i, rng()()}) {
      ASSERT_TRUE(run_until([this] { return node_->can_send(); }, 10000));
      node_->write(i * 64, strb);
      node_->read(i * 64, 64);
    }
  }
  finish();
  run(3000);
  node_->compare_memory();
}

TEST_F(HbmCtrl, HazardsKeepOrderOnAFewBlocks) {
  start_and_initialize(quick("hbm3-6400"));
  // 24 blocks in different rows of few banks: read-after-write, write-after-read, write-after-write
  // all the time.
  random_traffic(6000, 24, 0.5, [](std::uint64_t n) { return (n % 6) * 64 + (n / 6) * (1 << 19); });
  run(3000);
  node_->compare_memory();
  EXPECT_GT(counter(11) + counter(16 + 11), 20U) << "writes were merged";
  EXPECT_GT(counter(12) + counter(16 + 12), 20U) << "hazards occurred";
}

TEST_F(HbmCtrl, ReadsOfAQueuedWriteAreForwarded) {
  start_and_initialize(quick("hbm3-6400"));
  const std::uint64_t reads = node_->device().counts(0).reads + node_->device().counts(1).reads;
  // The writes are queued until the controller is idle, the reads come right behind them.
  for (std::uint64_t i = 0; i < 8; ++i) {
    node_->write(i * 4096, ~0ULL);
    node_->read(i * 4096 + 8, 40);
  }
  finish();
  EXPECT_EQ(counter(13) + counter(16 + 13), 8U);
  EXPECT_EQ(node_->device().counts(0).reads + node_->device().counts(1).reads, reads);
  // Bytes that the write does not have come from the DRAM, after it.
  node_->write(1 << 20, 0xffffffff);
  node_->read(1 << 20, 64);
  node_->write(1 << 20, 0xffffffffULL << 32);
  node_->read(1 << 20, 64);
  finish();
  EXPECT_EQ(counter(13) + counter(16 + 13), 8U);
  run(500);
  node_->compare_memory();
}

TEST_F(HbmCtrl, RandomTrafficWithStalls) {
  start_and_initialize(quick("hbm3-6400"));
  node_->response_stall = 0.5;
  node_->send_stall = 0.2;
  random_traffic(6000, 2048, 0.4, [this](std::uint64_t n) {
    return n % 2 != 0 ? n * 64 : (n * 0x9e3779b97f4aULL % node_->config.hbm_bytes() >> 2) / 64 * 64;
  });
  node_->response_stall = 0.95;
  random_traffic(400, 2048, 0.3, [](std::uint64_t n) { return n * 64; });
  run(3000);
  node_->compare_memory();
}

TEST_F(HbmCtrl, WriteFloodAndReadsShareTheBus) {
  start_and_initialize(quick("hbm3-6400"));
  random_traffic(6000, 100000, 0.9, [](std::uint64_t n) { return n * 64; });
  random_traffic(3000, 100000, 0.1, [](std::uint64_t n) { return n * 64; });
  run(3000);
  node_->compare_memory();
}

TEST_F(HbmCtrl, BothVirtualChannelsAreServed) {
  start_and_initialize(quick("hbm3-6400"));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(run_until([this] { return node_->can_send(); }, 10000));
    // The channels overtake each other: disjoint halves of memory.
    node_->vc = chance(0.5);
    const std::uint64_t base = (node_->vc ? 1 << 20 : 0) + rand_in(0, 31) * 64;
    if (chance(0.4)) {
      node_->write(base, rng()());
    } else {
      node_->read(base, 64);
    }
  }
  finish();
}

TEST_F(HbmCtrl, ReadsAreAnsweredByMulticastWhereTheyAskForIt) {
  start_and_initialize(quick("hbm3-6400"));
  node_->spread_chance = 0.5;
  node_->response_stall = 0.3;
  for (int round = 0; round < 20; ++round) {
    node_->source = {unsigned(rand_in(0, 3)), unsigned(rand_in(0, 5))};
    node_->cls = chance(0.5);
    node_->vc = chance(0.5);
    random_traffic(50, 64, 0.3, [](std::uint64_t i) { return i * 64; });
  }
}

TEST_F(HbmCtrl, ASpreadReadNeedsARectangleOfTheMeshAroundItsSource) {
  start_and_initialize(quick("hbm3-6400"));
  auto& n = *node_;
  const auto spread = [&](Rect rect) {
    Flit f = n.request(Kind::kRead, n.global(64), 64);
    f.src = {2, 2};
    f.spread = true;
    f.data[0] = pack_spread(rect);
    return f;
  };
  const Rect refused[] = {{{0, 0}, {1, 2}}, {{3, 0}, {3, 5}}, {{0, 0}, {3, 1}}, {{0, 3}, {3, 5}},
                          {{0, 0}, {4, 5}}, {{0, 0}, {3, 6}}, {{3, 2}, {1, 2}}, {{2, 3}, {2, 1}}};
  for (const Rect& rect : refused) n.expect_error(spread(rect), Err::kUnsupported);
  // Registers are not spread, and the rectangle must have come undamaged.
  Flit reg = n.request(Kind::kRead, node_address(n.node(), n.kRegBase), 4);
  reg.src = n.config.ctl;
  reg.spread = true;
  reg.data[0] = pack_spread({{0, 0}, {3, 5}});
  n.expect_error(reg, Err::kUnsupported);
  n.expect_error(spread({{0, 0}, {3, 5}}), Err::kParity, true);
  finish();
}

TEST_F(HbmCtrl, BackDoorAndControllerAgreeOnAddresses) {
  start_and_initialize(quick("hbm3-6400"));
  // The back door sees what the controller wrote, over the whole capacity.
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(run_until([this] { return node_->can_send(); }, 10000));
    node_->write(rand_in(0, kDramNodeBytes / 64 - 1) * 64, ~0ULL);
  }
  node_->write(kDramNodeBytes - 64, ~0ULL);
  finish();
  run(5000);
  node_->compare_memory();
}

// ---------------------------------------------------------------- timing

TEST_F(HbmCtrl, SecondProfileRunsWithoutViolations) {
  start_and_initialize(quick("hbm2e-3200"));
  random_traffic(5000, 1 << 16, 0.4, [](std::uint64_t n) { return n * 4160 / 64 * 64; });
  run(3000);
  node_->compare_memory();
}

class HbmCtrlRandomTiming : public HbmCtrl, public testing::WithParamInterface<int> {};

TEST_P(HbmCtrlRandomTiming, AnyProfileRunsWithoutViolations) {
  const auto pick = [this](int low, int high) { return static_cast<int>(rand_in(low, high)); };
  rng().seed(seed() * 1000 + static_cast<std::uint64_t>(GetParam()));
  DramTiming t;
  t.cl = pick(8, 40);
  t.cwl = pick(4, 20);
  t.bl = 2;
  t.ccd_s = pick(2, 4);
  t.ccd_l = pick(t.ccd_s, 8);
  t.rcdrd = pick(4, 45);
  t.rcdwr = pick(4, 40);
  t.rp = pick(4, 40);
  t.ras = pick(std::max(t.rcdrd, t.rcdwr), 70);
  t.rc = pick(t.ras, t.ras + t.rp + 8);
  t.rrd_s = pick(2, 9);
  t.rrd_l = pick(t.rrd_s, 14);
  t.faw = pick(8, 50);
  t.ppd = pick(2, 5);
  t.wr = pick(4, 45);
  t.rtp = pick(4, 16);
  t.wtr_s = pick(1, 12);
  t.wtr_l = pick(t.wtr_s, 20);
  t.rtw = pick(std::max(1, t.cl + 2 - t.cwl), 50);
  t.refi = pick(2500, 8000);
  t.rfcab = pick(100, 700);
  t.rfcpb = pick(60, 400);
  t.rrefd = pick(2, 24);
  t.init = pick(10, 300);
  t.mod = pick(4, 60);
  t.cke = pick(4, 30);
  t.xp = pick(4, 30);
  t.xs = pick(4, 800);
  start_and_initialize(t);
  node_->response_stall = 0.1 * pick(0, 5);
  random_traffic(1500, 4096, 0.1 * pick(1, 9), [](std::uint64_t n) { return n * 1088 / 64 * 64; });
  run(2000);
  node_->compare_memory();
  EXPECT_LE(node_->device().refresh_debt(0), 2);
  EXPECT_LE(node_->device().refresh_debt(1), 2);
}
INSTANTIATE_TEST_SUITE_P(Seeds, HbmCtrlRandomTiming, testing::Range(0, 12));

/// A timing register that is too small for the device, and the rule that must then break: so every
/// register reaches its constraint, the controller uses it to the clock, and the bench is not
/// blind.
struct TooSmall {
  const char* field;
  int by;
  const char* rule;
};
void PrintTo(const TooSmall& t, std::ostream* out) { *out << t.field; }

class HbmCtrlTimingRegister : public HbmCtrl, public testing::WithParamInterface<TooSmall> {};

TEST_P(HbmCtrlTimingRegister, TooSmallIsCaughtByTheDevice) {
  const DramTiming programmed = quick("hbm3-6400");
  DramTiming device = programmed;
  for (const auto& field : kDramTimingFields) {
    if (field.name == std::string(GetParam().field)) device.*field.member += GetParam().by;
  }
  start(device);
  timing_ = programmed;
  initialize();
  random_traffic(2500, 1 << 16, 0.4, [](std::uint64_t n) { return n * 1088 / 64 * 64; });
  run(3000);
  unsigned found = 0;
  for (const auto& v : node_->violations()) found += v.rule == GetParam().rule;
  EXPECT_GT(found, 0U) << GetParam().rule << " was not broken";
  node_->device().clear_violations();
}
INSTANTIATE_TEST_SUITE_P(
    Fields, HbmCtrlTimingRegister,
    testing::Values(TooSmall{"ccd_s", 1, "tCCD_S"}, TooSmall{"ccd_l", 1, "tCCD_L"},
                    TooSmall{"rcdrd", 1, "tRCDRD"}, TooSmall{"rcdwr", 1, "tRCDWR"},
                    TooSmall{"rp", 1, "tRP"}, TooSmall{"ras", 1, "tRAS"}, TooSmall{"rc", 1, "tRC"},
                    TooSmall{"rrd_s", 1, "tRRD_S"}, TooSmall{"rrd_l", 1, "tRRD_L"},
                    TooSmall{"faw", 1, "tFAW"}, TooSmall{"ppd", 1, "tPPD"},
                    TooSmall{"wr", 1, "tWR"}, TooSmall{"rtp", 1, "tRTP"},
                    TooSmall{"wtr_s", 2, "tWTR_S"}, TooSmall{"wtr_l", 1, "tWTR_L"},
                    TooSmall{"rtw", 1, "tRTW"}, TooSmall{"rfcab", 12, "tRFCab"},
                    TooSmall{"rfcpb", 1, "tRFCpb"}, TooSmall{"rrefd", 1, "tRREFD"},
                    TooSmall{"init", 12, "tINIT"}, TooSmall{"mod", 12, "tMOD"}),
    [](const auto& info) { return std::string(info.param.field); });

TEST_F(HbmCtrl, RefreshIsOnTimeUnderSaturation) {
  start_and_initialize(quick("hbm3-6400"));
  std::int64_t worst = -8;
  std::uint64_t next = 0;
  const std::uint64_t start_cycle = node_->cycle;
  const std::uint64_t refreshes = node_->device().counts(0).refreshes;
  while (node_->cycle - start_cycle < 40000) {
    if (node_->can_send()) {
      // One bank gets row hits without end, the others a sequential stream.
      node_->read(next % 3 == 0 ? (next / 3 % 4) * 1024 : next * 256 % (1 << 24), 256);
      ++next;
    }
    tick();
    worst = std::max({worst, node_->device().refresh_debt(0), node_->device().refresh_debt(1)});
  }
  finish();
  EXPECT_LE(worst, 2) << "refresh intervals behind";
  const std::uint64_t expected = (node_->cycle - start_cycle) * 2 * kDramBanks / timing_.refi;
  // Banks may be up to four refreshes ahead at the end, and were at the start.
  EXPECT_NEAR(static_cast<double>(node_->device().counts(0).refreshes - refreshes),
              static_cast<double>(expected), 4 * kDramBanks + 3);
}

TEST_F(HbmCtrl, IdleBanksAreRefreshedAheadAndBusyOnesPostponed) {
  start_and_initialize(quick("hbm3-6400"));
  // One more than owed in every interval, four at most.
  run(std::uint64_t{6} * timing_.refi / 2);
  EXPECT_LE(node_->device().refresh_debt(0), -3);
  EXPECT_GE(node_->device().refresh_debt(0), -5);
  // A bank that always has row hits waiting uses up its credit, and then owes as many as POSTPONE
  // allows.
  write_register(hbm::kRefreshOffset, 1U | 6U << 4 | 4U << 8);
  const std::uint64_t start_cycle = node_->cycle;
  std::uint64_t hits = 0;
  while (node_->cycle - start_cycle < std::uint64_t{12} * timing_.refi / 2) {
    if (node_->can_send()) {
      node_->read(dram_offset({0, 3, 7, static_cast<unsigned>(hits++ % 16 * 2)}), 64);
    }
    tick();
  }
  EXPECT_GE(node_->device().refresh_debt(0), 5);
  EXPECT_LE(node_->device().refresh_debt(0), 7);
  EXPECT_LE(node_->device().refresh_debt(1), 0);
  finish();
}

TEST_F(HbmCtrl, RowsAreClosedAheadWhereThatIsRight) {
  start_and_initialize(quick("hbm3-6400"));
  const auto latency = [this](std::uint64_t local) {
    run(200);
    node_->read(local, 32);
    finish();
    return static_cast<int>(2 * (node_->last_response - node_->last_request));
  };
  // Reads of other rows of one bank: the row is closed before they come.
  int closed = 0, open = 0;
  for (unsigned i = 0; i < 20; ++i) {
    const int other = latency(dram_offset({0, 3, 100 + 7 * i, 0}));
    closed += other <= 22 + 32 + timing_.rcdrd + 1;
  }
  EXPECT_GE(closed, 13) << "refreshes ahead take their time";
  // Reads of one row: it stays open.
  for (unsigned i = 0; i < 20; ++i) open += latency(dram_offset({0, 9, 55, i})) <= 22 + 32;
  EXPECT_GE(open, 14);
}

TEST_F(HbmCtrl, DisabledRefreshIsCaughtByTheDevice) {
  start_and_initialize(quick("hbm3-6400"));
  write_register(hbm::kRefreshOffset, 0);
  run(std::uint64_t{10} * timing_.refi / 2 + 100);
  EXPECT_GE(node_->device().violation_count(), kDramBanks);
  for (const auto& v : node_->violations()) EXPECT_EQ(v.rule, "tREFI");
  node_->device().clear_violations();
}

TEST_F(HbmCtrl, UnloadedReadLatencyIsBounded) {
  start_and_initialize(quick("hbm3-6400"));
  const auto latency = [this](std::uint64_t local, unsigned bytes) {
    node_->read(local, bytes);
    finish();
    return static_cast<int>(2 * (node_->last_response - node_->last_request));
  };
  // 22 clocks of the DRAM's own, at most 16 each way.
  latency(4096, 32);
  int slow = 0;
  for (int i = 0; i < 40; ++i) {
    const int hit = latency(4096, 32);
    slow += hit > 22 + 32;
    if (i == 0) fmt::print("unloaded read: row hit {} clocks\n", hit);
    // The second atom of a block comes tCCD_L later.
    slow += latency(4096, 64) > 22 + 32 + timing_.ccd_l;
    run(rand_in(1, 50));
  }
  // A refresh of the bank may be in the way, and the row may be closed until the bank has learned
  // that it is wanted again.
  EXPECT_LE(slow, 6);
  const int closed = latency(1 << 20, 32);
  fmt::print("unloaded read: row closed {} clocks\n", closed);
  EXPECT_LE(closed, 22 + 32 + timing_.rcdrd + 1);
}

TEST_F(HbmCtrl, AWaitingEntryIsServedWithinTheAgeBound) {
  start_and_initialize(quick("hbm3-6400"));
  // Row hits without end in the bank for which one read of another row waits.
  const DramAddress zero = dram_address(0);
  const std::uint64_t other_row = dram_offset({zero.pc, zero.bank, 77, 0});
  const auto activates = [&] { return node_->device().counts(zero.pc).activates; };
  std::uint64_t sent = 0, done = 0, before = 0, hits = 0;
  for (int i = 0; i < 8000 && done == 0; ++i) {
    if (node_->can_send()) {
      if (i >= 1000 && sent == 0) {
        node_->read(other_row, 64);
        sent = node_->cycle;
        before = activates();
      } else {
        node_->read(hits % 4 * 1024 + hits / 4 % 2 * 128, 64);
        ++hits;
      }
    }
    tick();
    if (sent != 0 && activates() > before) done = node_->cycle;
  }
  finish();
  ASSERT_NE(sent, 0U);
  ASSERT_NE(done, 0U);
  fmt::print("row conflict under row hits: served after {} clocks\n", 2 * (done - sent));
  EXPECT_LE(2 * (done - sent), 4096U);
}

// ---------------------------------------------------------------- errors

TEST_F(HbmCtrl, EveryErrorIsAnsweredAndCaptured) {
  start_and_initialize(quick("hbm3-6400"));
  MemNode<Vhbm_mem>& n = *node_;
  const std::uint64_t other_node = n.config.hbm_offset(n.index ^ 1U, 0);
  const auto reg = [&n](std::uint32_t offset) { return node_address(n.node(), offset); };
  struct Case {
    const char* what;
    Flit flit;
    Err err;
  };
  std::vector<Case> cases = {
      {"read beyond capacity", n.request(Kind::kRead, n.config.hbm_bytes(), 64), Err::kUnmapped},
      {"write beyond capacity", n.request(Kind::kWrite, n.config.hbm_bytes(), ~0ULL),
       Err::kUnmapped},
      {"read far away", n.request(Kind::kRead, 1ULL << 39, 4), Err::kUnmapped},
      {"read on another chip", n.request(Kind::kRead, 1ULL << 44, 4), Err::kUnmapped},
      {"unknown address space", n.request(Kind::kRead, 7ULL << 52, 4), Err::kUnmapped},
      {"another node's memory", n.request(Kind::kRead, other_node, 64), Err::kUnmapped},
      {"zero bytes", n.request(Kind::kRead, n.global(0), 0), Err::kUnsupported},
      {"across a granule", n.request(Kind::kRead, n.global(192), 65), Err::kUnsupported},
      {"too many bytes", n.request(Kind::kRead, n.global(0), 257), Err::kUnsupported},
      {"size field overflow", n.request(Kind::kRead, n.global(0), 512 + 4), Err::kUnsupported},
      {"unaligned write", n.request(Kind::kWrite, n.global(32), 1), Err::kUnsupported},
      {"unaligned atomic", n.request(Kind::kAtomic, n.global(2), 0), Err::kUnsupported},
      {"atomic on a register", n.request(Kind::kAtomic, reg(0x20000), 0), Err::kUnsupported},
      {"register of a stranger", n.request(Kind::kRead, reg(0x20000), 4), Err::kForbidden},
      {"register write of a stranger", n.request(Kind::kWrite, reg(0x20000), 0xf), Err::kForbidden},
      {"node space beside the registers", n.request(Kind::kRead, reg(0x10000), 4), Err::kUnmapped},
      {"node space above the registers", n.request(Kind::kRead, reg(0x21000), 4), Err::kUnmapped},
  };
  Flit poisoned = n.request(Kind::kAtomic, n.global(0), 0);
  poisoned.poison = true;
  cases.push_back({"poisoned atomic", poisoned, Err::kPoison});
  Flit unknown = n.request(Kind::kAtomic, n.global(0), 0);
  unknown.amo = static_cast<Amo>(7);
  cases.push_back({"unknown operation", unknown, Err::kUnsupported});
  n.source = n.config.ctl;
  cases.push_back({"register hole", n.request(Kind::kRead, reg(0x20f00), 4), Err::kUnmapped});
  cases.push_back({"two registers", n.request(Kind::kRead, reg(0x20040), 8), Err::kUnsupported});
  cases.push_back(
      {"across a register", n.request(Kind::kRead, reg(0x20042), 4), Err::kUnsupported});
  cases.push_back(
      {"write of two registers", n.request(Kind::kWrite, reg(0x20040), 0xff), Err::kUnsupported});
  Flit bad = n.request(Kind::kWrite, reg(0x20040), 0xf);
  bad.poison = true;
  cases.push_back({"poisoned register write", bad, Err::kPoison});
  cases.push_back(
      {"write to read-only", n.request(Kind::kWrite, reg(0x20000), 0xf), Err::kUnmapped});
  n.source = {3, 2};

  std::uint64_t refused = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    write_register(hbm::kErrStatusOffset, 3);
    n.expect_error(c.flit, c.err);
    finish();
    ++refused;
    EXPECT_EQ(read_register(hbm::kErrStatusOffset), 1U);
    EXPECT_EQ(read_register(hbm::kErrAddrLoOffset), static_cast<std::uint32_t>(c.flit.addr));
    EXPECT_EQ(read_register(hbm::kErrAddrHiOffset), static_cast<std::uint32_t>(c.flit.addr >> 32));
    const std::uint32_t info = read_register(hbm::kErrInfoOffset);
    EXPECT_EQ(info & 0x3f, c.flit.src.x);
    EXPECT_EQ((info >> 8) & 0x3f, c.flit.src.y);
    EXPECT_EQ((info >> 16) & 0xf, static_cast<unsigned>(c.flit.kind));
    EXPECT_EQ((info >> 20) & 7, static_cast<unsigned>(c.err));
  }
  // Damaged data.
  write_register(hbm::kErrStatusOffset, 3);
  n.expect_error(n.request(Kind::kWrite, n.global(0), ~0ULL), Err::kParity, true);
  finish();
  ++refused;
  // A second error only sets OVERRUN.
  n.expect_error(cases[0].flit, cases[0].err);
  finish();
  ++refused;
  EXPECT_EQ(read_register(hbm::kErrStatusOffset), 3U);
  EXPECT_EQ((read_register(hbm::kErrInfoOffset) >> 20) & 7, static_cast<unsigned>(Err::kParity));
  // Posted requests fail without an answer, and are recorded.
  for (const Flit& f : {n.request(Kind::kWritePosted, n.config.hbm_bytes(), 1),
                        n.request(Kind::kSemPost, reg(0), 0)}) {
    write_register(hbm::kErrStatusOffset, 3);
    n.send_raw(f);
    finish();
    run(20);
    ++refused;
    EXPECT_EQ(read_register(hbm::kErrStatusOffset), 1U);
    EXPECT_EQ((read_register(hbm::kErrInfoOffset) >> 16) & 0xf, static_cast<unsigned>(f.kind));
  }
  EXPECT_EQ(counter(33), refused);
  // Nothing of all this changed memory.
  node_->read(0, 256);
  finish();
}

TEST_F(HbmCtrl, HeaderParityErrorsAreDroppedAndCounted) {
  start_and_initialize(quick("hbm3-6400"));
  Flit f = node_->request(Kind::kWrite, node_->global(0), ~0ULL);
  f.seal();
  f.par = !f.par;
  for (int i = 0; i < 20; ++i) node_->send_raw(f, true);
  finish();
  run(50);
  EXPECT_EQ(counter(34), 20U);
  node_->read(0, 64);
  finish();
}

TEST_F(HbmCtrl, AccessBeforeInitializationIsRefused) {
  start(quick("hbm3-6400"));
  node_->expect_error(node_->request(Kind::kRead, node_->global(0), 64), Err::kUnsupported);
  node_->expect_error(node_->request(Kind::kWrite, node_->global(0), 1), Err::kUnsupported);
  finish();
  initialize();
  node_->read(0, 64);
  finish();
}

TEST_F(HbmCtrl, SmallerCapacityIsRespected) {
  start(quick("hbm3-6400"));
  node_->config.mem_mib = 16;
  node_->apply_straps();
  initialize();
  EXPECT_EQ(read_register(hbm::kCapacityOffset) & 0xffff, 16U);
  node_->write((16 << 20) - 64, ~0ULL);
  node_->read((16 << 20) - 64, 64);
  node_->expect_error(node_->request(Kind::kRead, node_->global(16 << 20), 1), Err::kUnmapped);
  finish();
}

// ---------------------------------------------------------------- registers and initialization

TEST_F(HbmCtrl, ResetValuesAreTheDefaultProfile) {
  const DramTiming t = load_timing("hbm3-6400");
  start(t);
  for (const auto& field : kDramTimingFields) {
    EXPECT_EQ(read_register(timing_register(field.name)),
              static_cast<std::uint32_t>(t.*field.member))
        << field.name;
  }
  EXPECT_EQ(read_register(hbm::kIdOffset), 2U << 16 | node_->node().y << 8 | node_->node().x);
  EXPECT_EQ(read_register(hbm::kCapacityOffset), 2U << 16 | 1024U);
}

TEST_F(HbmCtrl, TimingRegistersHoldTheSecondProfile) {
  const DramTiming t = load_timing("hbm2e-3200");
  start(t);
  for (const auto& field : kDramTimingFields) {
    if (std::string(field.name) == "bl") continue;
    write_register(timing_register(field.name), static_cast<std::uint32_t>(t.*field.member));
    EXPECT_EQ(read_register(timing_register(field.name)),
              static_cast<std::uint32_t>(t.*field.member));
  }
}

TEST_F(HbmCtrl, ShowsTheRoutersCounters) {
  start(load_timing("hbm3-6400"));
  for (const unsigned counter : {7U, 0U, 15U}) {
    write_register(hbm::kRouterSelOffset, counter);
    EXPECT_EQ(read_register(hbm::kRouterCountOffset), 0x1000 * (counter + 1));
  }
}

TEST_F(HbmCtrl, RegistersTakeBytesAndPostedWrites) {
  start(load_timing("hbm3-6400"));
  node_->source = node_->config.ctl;
  write_register(hbm::kTRefiOffset, 0x1234);
  Flit f = node_->request(Kind::kWritePosted,
                          node_address(node_->node(), (0x20000 + hbm::kTRefiOffset) / 64 * 64),
                          0x2ULL << (hbm::kTRefiOffset % 64));
  f.data[hbm::kTRefiOffset % 64 / 8] = 0xabcdefULL << (8 * (hbm::kTRefiOffset % 8));
  node_->send_raw(f);
  finish();
  EXPECT_EQ(read_register(hbm::kTRefiOffset), 0xcd34U);
}

TEST_F(HbmCtrl, InitializationReportsBusyThenDone) {
  start(quick("hbm3-6400"));
  write_register(timing_register("init"), 200);
  EXPECT_EQ(read_register(hbm::kStatusOffset) & 7U, 0U);
  EXPECT_FALSE(node_->device().initialized(0));
  write_register(hbm::kCtrlOffset, 1);
  EXPECT_EQ(read_register(hbm::kStatusOffset) & 7U, 4U);
  run((200 + 3 * timing_.mod + timing_.rfcab) / 2 + 200);
  EXPECT_EQ(read_register(hbm::kStatusOffset) & 7U, 1U);
  EXPECT_TRUE(node_->device().initialized(0));
  EXPECT_TRUE(node_->device().initialized(1));
  // Starting again changes nothing.
  node_->write(0, ~0ULL);
  write_register(hbm::kCtrlOffset, 1);
  node_->read(0, 64);
  finish();
  EXPECT_EQ(read_register(hbm::kStatusOffset) & 7U, 1U);
}

TEST_F(HbmCtrl, IdleOnlyWhileNothingRuns) {
  start(quick("hbm3-6400"));
  run(20);
  EXPECT_EQ(dut().idle_o, 1);
  // A sleeping node wakes by its inputs alone.
  node_->skip(1000);
  write_register(timing_register("init"), 200);
  run(20);
  EXPECT_EQ(dut().idle_o, 1);
  node_->skip(123456);
  EXPECT_EQ(read_register(timing_register("init")), 200U);
  initialize();
  // Afterwards refresh goes on: it says how long it may sleep (hbm_sleep_test).
  run(200);
  unsigned idle = 0;
  for (int i = 0; i < 1000; ++i) {
    tick();
    idle += dut().idle_o;
    if (dut().idle_o != 0) ASSERT_LT(dut().wake_o, dut().now_i + 1024);
  }
  EXPECT_GT(idle, 800U);
  node_->read(0, 64);
  run(2);
  while (!node_->quiet()) {
    ASSERT_EQ(dut().idle_o, 0);
    tick();
  }
}

TEST_F(HbmCtrl, TimeBeforeInitializationLeavesNoTrace) {
  // So that a node that slept through it equals one that was always awake.
  start(quick("hbm3-6400"));
  const auto latencies = [this](unsigned before) {
    EXPECT_TRUE(node_->violations().empty());
    node_ = std::make_unique<MemNode<Vhbm_mem>>(dut(), timing_, seed());
    reset();
    run(before);
    initialize();
    std::vector<std::uint64_t> out;
    for (unsigned i = 0; i < 300; ++i) {
      node_->read(dram_offset({0, i % 8, 100 + i / 20, 0}), 32);
      finish();
      out.push_back(node_->last_response - node_->last_request);
      run(i % 40);
    }
    return out;
  };
  const auto first = latencies(0);
  for (unsigned before : {1U, 7U, 13U, 22U}) EXPECT_EQ(latencies(before), first) << before;
}

TEST_F(HbmCtrl, CountersAddUp) {
  start_and_initialize(quick("hbm3-6400"));
  run(1000);
  write_register(hbm::kCountCtrlOffset, 1);
  const std::uint64_t cleared = node_->cycle;
  EXPECT_EQ(counter(0), 0U);
  const auto before0 = node_->device().counts(0);
  const auto before1 = node_->device().counts(1);
  for (std::uint64_t i = 0; i < 64; ++i) {
    ASSERT_TRUE(run_until([this] { return node_->can_send(); }, 1000));
    node_->write(i * 64, ~0ULL);
  }
  node_->write(1 << 20, 0x7);
  finish();
  run(500);
  for (std::uint64_t i = 0; i < 16; ++i) node_->read(i * 256, 256);
  node_->read(4, 3);
  finish();
  const DramDevice::Counts* now[2] = {&node_->device().counts(0), &node_->device().counts(1)};
  const DramDevice::Counts* before[2] = {&before0, &before1};
  std::uint64_t bytes_read = 0, bytes_written = 0, blocks = 0;
  for (unsigned pc = 0; pc < 2; ++pc) {
    EXPECT_EQ(counter(16 * pc + 0), now[pc]->reads - before[pc]->reads);
    EXPECT_EQ(counter(16 * pc + 1), now[pc]->writes - before[pc]->writes);
    EXPECT_EQ(counter(16 * pc + 4), now[pc]->activates - before[pc]->activates);
    EXPECT_EQ(counter(16 * pc + 7), counter(16 * pc) + counter(16 * pc + 1));
    EXPECT_EQ(counter(16 * pc + 3), counter(16 * pc + 4)) << "every activate belongs to a miss";
    EXPECT_GE(counter(16 * pc + 10), 1U);
    blocks += counter(16 * pc + 2) + counter(16 * pc + 3);
    bytes_read += counter(16 * pc + 8);
    bytes_written += counter(16 * pc + 9);
    EXPECT_NEAR(static_cast<double>(counter(16 * pc + 5)),
                static_cast<double>(now[pc]->precharges - before[pc]->precharges), 3);
    EXPECT_NEAR(static_cast<double>(counter(16 * pc + 6)),
                static_cast<double>(now[pc]->refreshes - before[pc]->refreshes), 3);
  }
  // The write of three bytes reads and writes its atom.
  EXPECT_EQ(blocks, 64U + 2 + 64 + 1);
  std::uint64_t answered = 0;
  for (unsigned n = 0; n < 32; ++n) answered += counter(64 + n);
  EXPECT_EQ(answered, 64U + 2) << "blocks in the latency histograms";
  EXPECT_EQ(counter(64) + counter(80), 0U) << "none is faster than the DRAM";
  EXPECT_EQ(bytes_read, 16U * 256 + 3 + 32);
  EXPECT_EQ(bytes_written, 64U * 64 + 32);
  EXPECT_EQ(read_register(hbm::kStatusOffset) & 8U, 8U);
  const std::uint64_t elapsed = counter(32);
  EXPECT_NEAR(static_cast<double>(elapsed), static_cast<double>(node_->cycle - cleared), 100);
  EXPECT_EQ(counter(63), 0U);
}

}  // namespace
}  // namespace tsr::tb
