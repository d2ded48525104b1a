// SPDX-License-Identifier: Apache-2.0
/// The TLM network and memory nodes alone: a chip of two columns and two rows, ctl at (0, 0), an
/// endpoint that records at (1, 0), memory nodes below.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <systemc>

#include "regs/hbm_regs.hpp"
#include "tlm/adapter/translate.hpp"
#include "tlm/fabric/fabric.hpp"
#include "tlm/memory/memory_node.hpp"

namespace tsr {
namespace {

constexpr std::uint32_t kRegs = 0x0002'0000;

/// Endpoint that records what arrives and completes it.
class Recorder : public sc_core::sc_module {
 public:
  struct Arrival {
    Kind kind;
    std::uint64_t cycle;
    std::uint64_t strobe;
    std::uint32_t doff;
    std::uint8_t first;
  };
  tlm_utils::simple_initiator_socket<Recorder> initiator;
  tlm_utils::simple_target_socket<Recorder> target;

  Recorder(sc_core::sc_module_name name, Timeline& timeline)
      : sc_module(name), initiator("initiator"), target("target"), timeline_(timeline) {
    target.register_nb_transport_fw(this, &Recorder::forward);
  }

  std::vector<Arrival> arrivals;

 private:
  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase&,
                             sc_core::sc_time& delay) {
    const Message& message = *payload.get_extension<Message>();
    arrivals.push_back(
        {message.kind, timeline_.now() + to_cycles(delay), message.strb, message.doff,
         payload.get_data_length() != 0 ? *payload.get_data_ptr() : std::uint8_t{0}});
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return tlm::TLM_COMPLETED;
  }

  Timeline& timeline_;
};

DramTiming hbm3() {
  DramTiming t;
  t.cl = 20, t.cwl = 10, t.bl = 2, t.init = 4000, t.mod = 24, t.refi = 6240;
  return t;
}

class TlmNoc : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto severity : {sc_core::SC_INFO, sc_core::SC_WARNING}) {
      sc_core::sc_report_handler::set_actions(severity, sc_core::SC_DO_NOTHING);
    }
    sc_core::sc_curr_simcontext = new sc_core::sc_simcontext();
    sc_core::sc_default_global_context = sc_core::sc_curr_simcontext;
    chip_.mesh_w = chip_.mesh_h = 2;
    chip_.mem = {{0, 1}, {1, 1}};
    chip_.mem_mib = 64;
    fabric_ = std::make_unique<Fabric>("fabric", timeline_, chip_);
    for (unsigned i = 0; i < 2; ++i) {
      ends_[i] = std::make_unique<Recorder>(i == 0 ? "ctl" : "tile", timeline_);
      attach(*ends_[i], i);
      const MemoryParts parts{{i, 1}, &chip_, hbm3(), &fabric_->router_port(2 + i)};
      memories_[i] = std::make_unique<MemoryNode>(i == 0 ? "mem_0" : "mem_1", timeline_, parts);
      attach(*memories_[i], 2 + i);
    }
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }

  template <class Module>
  void attach(Module& module, unsigned node) {
    module.initiator.bind(fabric_->from_node(node));
    fabric_->to_node(node).bind(module.target);
  }

  static Flit request(Kind kind, std::uint64_t address, Node target) {
    Flit flit;
    flit.kind = kind;
    flit.addr = address;
    flit.set_dst(target);
    return flit;
  }
  /// Hand a message over now; returns whether it was completed.
  bool send(Flit flit, unsigned from = 0) {
    flit.src = {from, 0};
    now_.load(flit);
    delay_ = sc_core::SC_ZERO_TIME;
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    return ends_[from]->initiator->nb_transport_fw(now_.payload, phase, delay_) ==
           tlm::TLM_COMPLETED;
  }
  std::uint64_t cycles() const { return to_cycles(delay_); }
  Err error() const { return now_.message.err; }

  bool read(std::uint64_t address, unsigned bytes, unsigned from = 0) {
    Flit flit = request(Kind::kRead, address, chip_.route(address).value_or(Node{1, 0}));
    flit.strb = bytes;
    return send(flit, from);
  }
  bool write(std::uint64_t block, std::uint64_t strobe, std::uint8_t value, bool poison = false) {
    Flit flit = request(Kind::kWrite, block, *chip_.route(block));
    flit.strb = strobe;
    flit.poison = poison;
    flit.data.fill(0x0101010101010101ULL * value);
    return send(flit);
  }
  void write_register(std::uint32_t offset, std::uint32_t value, Node node = {0, 1}) {
    const unsigned lane = offset % 64;
    Flit flit = request(Kind::kWrite, node_address(node, (kRegs + offset) & ~63U), node);
    flit.strb = 0xfULL << lane;
    std::memcpy(reinterpret_cast<std::uint8_t*>(flit.data.data()) + lane, &value, 4);
    ASSERT_TRUE(send(flit));
    EXPECT_EQ(error(), Err::kNone);
  }
  std::uint32_t read_register(std::uint32_t offset, Node node = {0, 1}) {
    EXPECT_TRUE(read(node_address(node, kRegs + offset), 4));
    std::uint32_t value;
    std::memcpy(&value, now_.data.data(), 4);
    return value;
  }
  void initialize() {
    for (const Node node : chip_.mem) write_register(regs::hbm::kCtrlOffset, 1, node);
    EXPECT_EQ(read_register(regs::hbm::kStatusOffset) & 7U, 4U);
    timeline_.run(timeline_.now() + 4000);
    EXPECT_EQ(read_register(regs::hbm::kStatusOffset) & 7U, 1U);
  }
  /// Address of a block of memory node 0.
  std::uint64_t block(std::uint64_t number) const { return chip_.hbm_offset(0, 64 * number); }

  ChipConfig chip_;
  Timeline timeline_;
  std::unique_ptr<Fabric> fabric_;
  std::unique_ptr<Recorder> ends_[2];
  std::unique_ptr<MemoryNode> memories_[2];
  Transaction now_;
  sc_core::sc_time delay_;
};

/// Notes what it is woken for.
class Notebook final : public TimelineClient {
 public:
  explicit Notebook(Timeline& timeline) : timeline_(timeline) {}
  void wake(std::uint32_t what) override { seen.emplace_back(timeline_.now(), what); }

  std::vector<std::pair<std::uint64_t, std::uint32_t>> seen;

 private:
  Timeline& timeline_;
};

TEST(TlmTimeline, EventsOfACycleFireInTheOrderInWhichTheyWereAskedFor) {
  Timeline timeline;
  Notebook notes(timeline);
  EXPECT_EQ(timeline.next(), Timeline::kNever);
  timeline.at(50'000, notes, 5);
  for (std::uint32_t i = 0; i < 3; ++i) timeline.at(5000, notes, i);
  EXPECT_EQ(timeline.next(), 5000U);
  timeline.run(4500);
  EXPECT_EQ(timeline.now(), 4500U);
  timeline.at(5000, notes, 3);
  timeline.at(4999, notes, 4);
  timeline.at(10, notes, 6);  // has passed: now
  timeline.run(60'000);
  const decltype(notes.seen) expected{{4500, 6}, {4999, 4}, {5000, 0},  {5000, 1},
                                      {5000, 2}, {5000, 3}, {50'000, 5}};
  EXPECT_EQ(notes.seen, expected);
  EXPECT_EQ(timeline.now(), 60'000U);
  EXPECT_EQ(timeline.fired(), 7U);
}

TEST(TlmCalendar, GivesTheFirstFreeCycleAndFillsGaps) {
  Calendar<4> calendar;
  for (std::uint64_t i = 0; i < 70; ++i) EXPECT_EQ(calendar.claim(60), 60 + i);
  EXPECT_EQ(calendar.claim(50), 50U);
  EXPECT_EQ(calendar.claim(50), 51U);
  EXPECT_EQ(calendar.claim(64), 130U);
  EXPECT_EQ(calendar.claim(1000), 1000U);
  EXPECT_EQ(calendar.claim(1000), 1001U);
}

TEST_F(TlmNoc, ARouterTakesTwoCyclesAndALinkOneMessageACycle) {
  Flit flit = request(Kind::kWritePosted, node_address({1, 0}, 0), {1, 0});
  flit.strb = 1;
  EXPECT_TRUE(send(flit));
  EXPECT_TRUE(send(flit));
  ASSERT_EQ(ends_[1]->arrivals.size(), 2U);
  EXPECT_EQ(ends_[1]->arrivals[0].cycle, 4U);
  EXPECT_EQ(ends_[1]->arrivals[1].cycle, 5U);
  RouterPort& router = fabric_->router_port(0);
  router.select(2);  // east
  EXPECT_EQ(router.count(), 2U);
}

TEST_F(TlmNoc, ReadsThatFindNoRoomHoldUpTheirSource) {
  initialize();
  timeline_.run(timeline_.now() + 100);
  const std::uint64_t now = timeline_.now();
  const Flit post = request(Kind::kWritePosted, node_address({1, 0}, 0), {1, 0});
  // The node queues 32 granules; eight messages lie in front of it, eight in its router.
  constexpr unsigned kRoom = 48;
  unsigned granule = 0;
  for (; granule < kRoom; ++granule) EXPECT_TRUE(read(chip_.hbm_offset(0, 256 * granule), 256));
  send(post);
  EXPECT_EQ(ends_[1]->arrivals.back().cycle, now + kRoom + 4);
  for (; granule < 2 * kRoom; ++granule) EXPECT_TRUE(read(chip_.hbm_offset(0, 256 * granule), 256));
  send(post);
  // It leaves behind reads of which each needs four cycles of the answers' link.
  EXPECT_GT(ends_[1]->arrivals.back().cycle, now + 4 * kRoom);
}

TEST_F(TlmNoc, WritesThatAreNotTakenHoldUpTheirSource) {
  initialize();
  const std::uint64_t now = timeline_.now();
  const Flit post = request(Kind::kWritePosted, node_address({1, 0}, 0), {1, 0});
  // Partial writes: two in four cycles.
  constexpr unsigned kWrites = 64;
  for (unsigned i = 0; i < kWrites; ++i) EXPECT_TRUE(write(block(i), 1, 1));
  send(post);
  EXPECT_GT(ends_[1]->arrivals.back().cycle, now + 5 * kWrites / 4);
}

TEST_F(TlmNoc, ClassOneGoesFirst) {
  Flit flit = request(Kind::kWritePosted, node_address({1, 0}, 0), {1, 0});
  for (int i = 0; i < 10; ++i) send(flit);
  flit.cls = true;
  send(flit);
  EXPECT_EQ(ends_[1]->arrivals.back().cycle, 4U);
}

TEST_F(TlmNoc, APostedMessageReachesEveryNodeOfItsRectangleOnce) {
  Flit flit = request(Kind::kSemPost, 0, {0, 0});
  flit.mcast = true;
  flit.dst = {{0, 0}, {1, 0}};
  flit.doff = 0x103;
  EXPECT_TRUE(send(flit));
  for (const auto& end : ends_) {
    ASSERT_EQ(end->arrivals.size(), 1U);
    EXPECT_EQ(end->arrivals[0].kind, Kind::kSemPost);
    EXPECT_EQ(end->arrivals[0].doff, 0x103U);
  }
}

TEST_F(TlmNoc, WhatADeadLinkSwallowsIsNeverAnsweredAndTheRouterGivesItUp) {
  fabric_->kill_link(0, 2, 100);
  const Flit flit = request(Kind::kRead, node_address({1, 0}, 0), {1, 0});
  EXPECT_TRUE(send(flit));
  timeline_.run(200);
  EXPECT_FALSE(send(flit));
  RouterPort& router = fabric_->router_port(0);
  router.select(7);
  EXPECT_EQ(router.count(), 0U);
  timeline_.run(200 + 3 * Routers::kLinkTimeout / 2 + 1);
  EXPECT_EQ(router.count(), 1U << 2);
  EXPECT_FALSE(send(flit));
  router.select(6);
  EXPECT_EQ(router.count(), 1U) << "dropped";
}

TEST_F(TlmNoc, RouterPagesAreWrittenThroughTheNetwork) {
  const auto write_page = [&](std::uint32_t offset, const std::array<std::uint64_t, 8>& data,
                              std::uint64_t strobe) {
    Flit flit = request(Kind::kWritePosted, node_address({0, 0}, kRouterPage + offset), {0, 0});
    flit.data = data;
    flit.strb = strobe;
    EXPECT_TRUE(send(flit));
  };
  // On VC 1 the way to (1, 0) leads south first.
  std::array<std::uint64_t, 8> table{};
  table[0] = 3U << 3;
  write_page(0, table, ~0ULL);
  write_page(kRouterControl, {1}, 0xf);
  EXPECT_TRUE(ends_[0]->arrivals.empty()) << "the page is the router's";
  Flit flit = request(Kind::kWritePosted, node_address({1, 0}, 0), {1, 0});
  flit.vc = true;
  send(flit);
  RouterPort& router = fabric_->router_port(0);
  router.select(3);
  EXPECT_EQ(router.count(), 1U);
  router.select(7);
  EXPECT_EQ(router.count(), 1U << 16);
}

TEST_F(TlmNoc, MemoryIsServedAfterInitializationOnly) {
  EXPECT_TRUE(read(block(0), 64));
  EXPECT_EQ(error(), Err::kUnsupported);
  EXPECT_EQ(read_register(regs::hbm::kErrStatusOffset), 1U);
  initialize();
  EXPECT_TRUE(read(block(0), 64));
  EXPECT_EQ(error(), Err::kNone);
  EXPECT_TRUE(read(node_address({0, 1}, kRegs), 4, 1));
  EXPECT_EQ(error(), Err::kForbidden);
  EXPECT_TRUE(read(node_address({0, 1}, kRegs + 0xffc), 4));
  EXPECT_EQ(error(), Err::kUnmapped);
}

TEST_F(TlmNoc, OpenRowsAreFasterAndDataStays) {
  initialize();
  EXPECT_TRUE(write(block(5), ~0ULL, 0x5a));
  EXPECT_TRUE(write(block(5), 0xff, 0xa5));
  EXPECT_TRUE(read(block(5), 64));
  const std::uint64_t closed = cycles();
  EXPECT_EQ(now_.data[7], 0xa5);
  EXPECT_EQ(now_.data[8], 0x5a);
  timeline_.run(timeline_.now() + closed);
  EXPECT_TRUE(read(block(5), 64));
  EXPECT_LT(cycles(), closed);
}

TEST_F(TlmNoc, AtomicsGiveTheOldValue) {
  initialize();
  Flit flit = request(Kind::kAtomic, block(3) + 4, {0, 1});
  flit.amo = Amo::kAdd;
  flit.strb = 0xf0;
  flit.data[0] = 7;
  for (std::uint8_t old = 0; old <= 14; old = static_cast<std::uint8_t>(old + 7)) {
    EXPECT_TRUE(send(flit));
    EXPECT_EQ(now_.data[0], old);
  }
  EXPECT_EQ(read_register(regs::hbm::kAtomicCountOffset), 3U);
}

TEST_F(TlmNoc, ErrorsAreCorrectedRecordedAndScrubbed) {
  initialize();
  write_register(regs::hbm::kEccInjectOffset, 1U << 31 | 5);
  EXPECT_TRUE(write(block(0), ~0ULL, 0));
  EXPECT_EQ(read_register(regs::hbm::kEccInjectOffset) >> 31, 0U);
  EXPECT_TRUE(read(block(0), 64));
  EXPECT_EQ(now_.data[0], 0) << "corrected";
  EXPECT_EQ(read_register(regs::hbm::kEccFixedCountOffset), 1U);
  write_register(regs::hbm::kScrubCtrlOffset, 1U << 8 | 1);
  timeline_.run(timeline_.now() + 10);
  EXPECT_GE(read_register(regs::hbm::kScrubFixedOffset), 1U);
  const std::uint32_t fixed = read_register(regs::hbm::kEccFixedCountOffset);
  EXPECT_TRUE(read(block(0), 64));
  EXPECT_EQ(read_register(regs::hbm::kEccFixedCountOffset), fixed);
}

TEST_F(TlmNoc, PoisonStaysUntilTheAtomIsWrittenWhole) {
  initialize();
  EXPECT_TRUE(write(block(2), ~0ULL, 1, true));
  EXPECT_TRUE(read(block(2), 64));
  EXPECT_TRUE(now_.message.poison);
  EXPECT_TRUE(write(block(2), ~0ULL, 1));
  EXPECT_TRUE(read(block(2), 64));
  EXPECT_FALSE(now_.message.poison);
}

TEST_F(TlmNoc, SpreadReadsReachTheListeners) {
  initialize();
  EXPECT_TRUE(write(block(8), ~0ULL, 0x77));
  Flit flit = request(Kind::kRead, block(8), {0, 1});
  flit.strb = 64;
  flit.spread = true;
  flit.doff = 0x100;
  flit.data[0] = pack_spread({{0, 0}, {1, 0}}, {true, 3});
  EXPECT_TRUE(send(flit));
  EXPECT_EQ(now_.data[0], 0x77);
  ASSERT_EQ(ends_[1]->arrivals.size(), 1U);
  EXPECT_EQ(ends_[1]->arrivals[0].kind, Kind::kReadRsp);
  EXPECT_EQ(ends_[1]->arrivals[0].strobe, ~0ULL);
  EXPECT_EQ(ends_[1]->arrivals[0].doff, 0x100U);
  EXPECT_EQ(ends_[1]->arrivals[0].first, 0x77);
  EXPECT_TRUE(ends_[0]->arrivals.empty()) << "the answer is the owner's";
}

TEST_F(TlmNoc, DirectAccessIsGrantedGranuleByGranule) {
  initialize();
  EXPECT_TRUE(write(block(4), ~0ULL, 0x33));
  Transaction ask;
  ask.payload.set_address(block(4));
  tlm::tlm_dmi region;
  ASSERT_TRUE(fabric_->to_node(2)->get_direct_mem_ptr(ask.payload, region));
  EXPECT_EQ(region.get_end_address() - region.get_start_address(), 255U);
  EXPECT_EQ(region.get_dmi_ptr()[block(4) - region.get_start_address()], 0x33);
}

}  // namespace
}  // namespace tsr
