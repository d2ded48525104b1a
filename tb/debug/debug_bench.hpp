// SPDX-License-Identifier: Apache-2.0
/// Bench of tsr_debug: a JTAG adapter at its pins, the chip's model behind its network interface, a
/// host port that shares the way.
#pragma once

#include <deque>
#include <memory>

#include "Vdebug_all.h"
#include "chip_model.hpp"
#include "common/bench.hpp"

namespace tsr::tb {

class DebugBench : public Bench<Vdebug_all> {
 protected:
  enum Kind : unsigned { kRead = 1, kWrite = 2, kReadRsp = 8, kWriteRsp = 9, kErrRsp = 10 };
  enum Ir : unsigned { kIdcode = 1, kDtmcs = 0x10, kDmi = 0x11, kBypass = 0x1f };
  static constexpr std::uint64_t kTimeout = 1024;  // TimeoutLog2 of the model
  static constexpr unsigned kDmTag = 31;

  void SetUp() override {
    Bench::SetUp();
    auto& d = dut();
    d.jtag_tck_i = 0;
    d.jtag_tms_i = 1;
    d.jtag_tdi_i = 0;
    d.jtag_trst_ni = 1;
    d.lock_i = 0;
    d.host_valid_i = 0;
    for (unsigned bit = 0; bit < 696; ++bit) set_bits(d.host_req_i, bit, 1, 0);
    d.host_rsp_ready_i = 1;
    d.ni_ready_i = 0;
    d.ni_rsp_valid_i = 0;
    set_chip({{0, 1}, {1, 1}, {0, 2}, {1, 2}}, {0, 0});
    reset();
    before_edge([this] { sample(); });
    after_edge([this] { drive(); });
    run(4);
  }

  struct Place {
    unsigned x, y;
  };
  static unsigned key(Place p) { return p.y * 64 + p.x; }
  /// Which tiles the chip has, in the order of harts 1, 2, ...
  void set_chip(const std::vector<Place>& tiles, Place ctl, const std::vector<Place>& dead = {}) {
    auto& d = dut();
    d.tiles_i = 0;
    d.dead_i = 0;
    harts_ = {ctl};
    for (const auto& t : tiles) {
      d.tiles_i |= 1ULL << (t.y * 8 + t.x);
      harts_.push_back(t);
    }
    for (const auto& t : dead) d.dead_i |= 1ULL << (t.y * 8 + t.x);
    d.ctl_i = static_cast<std::uint16_t>(ctl.y << 6 | ctl.x);
    chip_ = {};
    for (const auto& place : harts_)
      chip_.cores[key(place)].csr = {{0x7b0, 3}, {0x300, 0}, {0x7a0, 0}};
  }
  CoreModel& core(unsigned hart) { return chip_.cores.at(key(harts_[hart])); }

  // ---------------------------------------------------------------- JTAG adapter

  /// One cycle of TCK; returns TDO as it was in front of the rising edge.
  bool clock(bool tms, bool tdi) {
    auto& d = dut();
    d.jtag_tck_i = 0;
    d.jtag_tms_i = tms ? 1 : 0;
    d.jtag_tdi_i = tdi ? 1 : 0;
    run(rand_in(3, slowest_));
    const bool tdo = d.jtag_tdo_o != 0;
    d.jtag_tck_i = 1;
    run(rand_in(1, slowest_));
    return tdo;
  }
  void go(std::initializer_list<bool> tms) {
    for (const bool bit : tms) clock(bit, false);
  }
  void test_reset() {
    go({true, true, true, true, true, false});
    ir_ = kIdcode;
  }
  /// Shift a register, from Run-Test/Idle to there; some scans pause on the way.
  std::uint64_t shift(std::uint64_t value, unsigned bits) {
    std::uint64_t out = 0;
    for (unsigned i = 0; i < bits; ++i) {
      const bool last = i + 1 == bits;
      const bool pause = !last && chance(pause_);
      out |= static_cast<std::uint64_t>(clock(last || pause, (value >> i & 1U) != 0)) << i;
      if (pause) go({false, false, true, false});  // Pause, Pause, Exit2, Shift
    }
    go({true, false});  // Update, Run-Test/Idle
    return out;
  }
  std::uint64_t scan_ir(unsigned value) {
    ir_ = value;
    go({true, true, false, false});
    return shift(value, 5);
  }
  std::uint64_t scan_dr(unsigned ir, std::uint64_t value, unsigned bits) {
    if (ir_ != ir) scan_ir(ir);
    go({true, false, false});
    return shift(value, bits);
  }
  std::uint32_t dtmcs(std::uint32_t value = 0) {
    return static_cast<std::uint32_t>(scan_dr(kDtmcs, value, 32));
  }
  struct Dmi {
    unsigned op;
    std::uint32_t data;
    unsigned address;
  };
  Dmi dmi(unsigned op, unsigned address = 0, std::uint32_t data = 0) {
    const auto out = scan_dr(
        kDmi,
        static_cast<std::uint64_t>(address) << 34 | static_cast<std::uint64_t>(data) << 2 | op, 41);
    return {static_cast<unsigned>(out & 3U), static_cast<std::uint32_t>(out >> 2),
            static_cast<unsigned>(out >> 34)};
  }

  // ---------------------------------------------------------------- debug module, with a
  // debugger's patience

  std::uint32_t access(unsigned op, unsigned address, std::uint32_t data) {
    dmi(op, address, data);
    for (unsigned i = 0; i < 100; ++i) {
      for (unsigned n = 0; n < patience_; ++n) clock(false, false);
      const Dmi answer = dmi(0);
      if (answer.op == 0) {
        EXPECT_EQ(answer.address, address);
        return answer.data;
      }
      EXPECT_EQ(answer.op, 3U);
      dtmcs(1U << 16);
    }
    ADD_FAILURE() << "the access does not end";
    return 0;
  }
  std::uint32_t get(unsigned address) { return access(1, address, 0); }
  void set(unsigned address, std::uint32_t data) { access(2, address, data); }

  static constexpr unsigned kData0 = 4, kData1 = 5, kControl = 0x10, kStatus = 0x11, kSum1 = 0x13,
                            kAbstractcs = 0x16, kCommand = 0x17, kAuto = 0x18, kSum0 = 0x40;
  static constexpr std::uint32_t kActive = 1, kNdmreset = 2, kAckReset = 1U << 28,
                                 kResume = 1U << 30, kHalt = 1U << 31;
  // dmstatus: both bits of a pair
  static constexpr std::uint32_t kHalted = 3U << 8, kRunning = 3U << 10, kUnavail = 3U << 12,
                                 kNone = 3U << 14, kResumed = 3U << 16, kHaveReset = 3U << 18,
                                 kAuthenticated = 1U << 7, kVersion = 2;

  void control(unsigned hart, std::uint32_t bits = 0) {
    set(kControl, hart << 16 | bits | kActive);
  }
  std::uint32_t status(unsigned hart) {
    control(hart);
    return get(kStatus);
  }
  void halt(unsigned hart) {
    control(hart, kHalt);
    control(hart);
    EXPECT_TRUE(core(hart).halted);
  }
  unsigned error() { return get(kAbstractcs) >> 8 & 7U; }
  /// Wait until no command is under way.
  void settle() {
    for (unsigned i = 0; (get(kAbstractcs) >> 12 & 1U) != 0; ++i) {
      if (i == 1'000) FAIL() << "the command does not end";
    }
  }
  /// Error of the last command, which is cleared.
  unsigned take_error() {
    settle();
    const unsigned code = error();
    set(kAbstractcs, 7U << 8);
    return code;
  }
  static std::uint32_t reg_command(unsigned number, bool write, unsigned size = 2) {
    return size << 20 | 1U << 17 | (write ? 1U << 16 : 0U) | number;
  }
  static std::uint32_t mem_command(unsigned size, bool write, bool increment = false) {
    return 2U << 24 | size << 20 | (increment ? 1U << 19 : 0U) | (write ? 1U << 16 : 0U);
  }
  /// Run a command; returns its error.
  unsigned command(std::uint32_t value) {
    set(kCommand, value);
    return take_error();
  }

  // ---------------------------------------------------------------- behaviour of the network
  double ready_ = 0.5;
  std::uint64_t slowest_delay_ = 40;
  unsigned lose_ = 0;       ///< so many requests get no answer
  std::uint64_t late_ = 0;  ///< if not 0, those get one so much later
  unsigned slowest_ = 4;    ///< cycles of a level of TCK, at most
  double pause_ = 0.02;
  unsigned patience_ = 20;

  /// The host port's traffic: tags and how many are under way.
  bool host_traffic_ = false;
  unsigned host_done_ = 0;
  std::map<unsigned, std::uint64_t> host_open_;  ///< address by tag

  ChipModel chip_;
  std::vector<Place> harts_;
  unsigned requests_ = 0;  ///< that the debug module made

 private:
  struct Answer {
    std::uint64_t due;
    unsigned kind, tag;
    std::array<std::uint8_t, 64> data;
  };

  void serve() {
    const auto& r = dut().ni_req_o;
    const unsigned kind = static_cast<unsigned>(get_bits(r, 692, 4)),
                   tag = static_cast<unsigned>(get_bits(r, 512, 6));
    const std::uint64_t address = get_bits(r, 606, 56), strobe = get_bits(r, 542, 64);
    EXPECT_EQ(get_bits(r, 662, 30), 0U) << "multicast";
    ASSERT_TRUE(kind == kRead || kind == kWrite);
    Answer answer{
        cycle() + rand_in(1, slowest_delay_), kind == kRead ? kReadRsp : kWriteRsp, tag, {}};
    std::uint64_t mask = strobe;
    if (kind == kRead) {
      ASSERT_LE((address & 63) + strobe, 64U);
      mask = (strobe == 64 ? ~0ULL : (1ULL << strobe) - 1) << (address & 63);
    } else {
      ASSERT_EQ(address & 63, 0U);
    }
    for (unsigned i = 0; i < 64; ++i)
      answer.data[i] = static_cast<std::uint8_t>(get_bits(r, 8 * i, 8));
    if ((tag & 31U) == kDmTag) {
      ++requests_;
      if (!chip_.access(kind == kWrite, address & ~63ULL, mask, answer.data)) answer.kind = kErrRsp;
      if (lose_ != 0) {
        --lose_;
        if (late_ == 0) return;
        answer.due = cycle() + late_;
      }
    } else {
      EXPECT_EQ(host_open_.at(tag), address);
    }
    answers_.push_back(answer);
  }

  void sample() {
    auto& d = dut();
    if (d.ni_valid_o && d.ni_ready_i) serve();
    if (d.host_valid_i && d.host_ready_o) host_offered_ = false;
    if (d.ni_rsp_valid_i && d.ni_rsp_ready_o) {
      if (d.host_rsp_valid_o) {
        ++host_done_;
        EXPECT_EQ(host_open_.erase(offered_tag_), 1U);
      } else {
        EXPECT_EQ(offered_tag_ & 31U, kDmTag);
      }
      answer_offered_ = false;
    }
  }

  void drive() {
    auto& d = dut();
    d.ni_ready_i = chance(ready_);
    d.host_rsp_ready_i = chance(0.7);
    if (host_traffic_ && !host_offered_ && chance(0.3)) {
      const auto tag = static_cast<unsigned>(rand_in(0, 63));
      if ((tag & 31U) != kDmTag && host_open_.count(tag) == 0) {
        host_open_[tag] = rand_in(0, 1000) << 6;
        set_bits(d.host_req_i, 512, 6, tag);
        set_bits(d.host_req_i, 542, 64, 64);
        set_bits(d.host_req_i, 606, 56, host_open_[tag]);
        set_bits(d.host_req_i, 692, 4, kRead);
        host_offered_ = true;
      }
    }
    d.host_valid_i = host_offered_ ? 1 : 0;
    if (!answer_offered_) {
      for (auto at = answers_.begin(); at != answers_.end(); ++at) {
        if (at->due > cycle()) continue;
        for (unsigned i = 0; i < 64; ++i) set_bits(d.ni_rsp_i, 8 * i, 8, at->data[i]);
        set_bits(d.ni_rsp_i, 520, 6, at->tag);
        set_bits(d.ni_rsp_i, 670, 1, 0);
        set_bits(d.ni_rsp_i, 671, 3, at->kind == kErrRsp ? 1 : 0);
        set_bits(d.ni_rsp_i, 674, 4, at->kind);
        offered_tag_ = at->tag;
        answer_offered_ = true;
        answers_.erase(at);
        break;
      }
    }
    d.ni_rsp_valid_i = answer_offered_ ? 1 : 0;
  }

  unsigned ir_ = kIdcode;
  std::deque<Answer> answers_;
  bool answer_offered_ = false, host_offered_ = false;
  unsigned offered_tag_ = 0;
};

}  // namespace tsr::tb
