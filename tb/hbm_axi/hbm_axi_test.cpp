// SPDX-License-Identifier: Apache-2.0
/// The HBM controller behind its AXI4 port: protocol, data, order, errors, throughput.
#include <Vhbm_axi.h>

#include "common/bench.hpp"
#include "dram/dfi_port.hpp"
#include "dram/dram_profile.hpp"
#include "hbm_axi/axi_master.hpp"
#include "regs/hbm_regs.hpp"

namespace tsr::tb {
namespace {

namespace hbm = regs::hbm;
constexpr std::uint32_t kRegisters = 1U << 30;
constexpr unsigned kIds = 16;

class HbmAxi : public Bench<Vhbm_axi> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    const DramProfile profile =
        load_dram_profile(std::string(TSR_DRAM_PROFILES) + "/hbm3-6400.toml");
    timing_ = profile.timing;
    timing_.init = 200;
    device_ = std::make_unique<DramDevice>(timing_);
    port_ = std::make_unique<DfiPort>(*device_);
    axi_ = std::make_unique<AxiMaster<Vhbm_axi>>(dut(), seed());
    dut().dfi_rvalid_i = 0;
    before_edge([this] {
      axi_->before_edge();
      if (dut().rst_ni != 0) port_->sample(dut());
    });
    after_edge([this] {
      axi_->after_edge();
      port_->drive(dut());
    });
    reset();
  }
  void TearDown() override {
    for (std::size_t i = 0; i < std::min<std::size_t>(device_->violations().size(), 10); ++i) {
      ADD_FAILURE() << device_->violations()[i].message;
    }
    Bench::TearDown();
  }

  void finish(std::uint64_t limit = 200000) {
    ASSERT_TRUE(run_until([this] { return axi_->quiet(); }, limit)) << "bursts are not answered";
  }
  static AxiCommand word(std::uint32_t offset) {
    AxiCommand c;
    c.addr = kRegisters + offset;
    c.size = 2;
    return c;
  }
  void write_register(std::uint32_t offset, std::uint32_t value) {
    axi_->write_word(word(offset), value);
    finish();
  }
  std::uint32_t read_register(std::uint32_t offset) {
    std::uint32_t value = 0;
    axi_->on_beat = [&](const AxiCommand& c, unsigned, const BeatData& data) {
      for (unsigned i = 0; i < 4; ++i) {
        value |= std::uint32_t{data[c.addr % kBeatBytes + i]} << (8 * i);
      }
      return true;
    };
    axi_->read(word(offset));
    finish();
    axi_->on_beat = nullptr;
    return value;
  }
  void initialize() {
    write_register(hbm::kTInitOffset, static_cast<std::uint32_t>(timing_.init));
    write_register(hbm::kCtrlOffset, 1);
    for (int i = 0; i < 200 && (read_register(hbm::kStatusOffset) & 4U) != 0; ++i) run(20);
    ASSERT_EQ(read_register(hbm::kStatusOffset) & 7U, 1U);
  }

  /// Any legal burst that stays inside a 4 KiB page of the area.
  AxiCommand any_burst(std::uint32_t pages) {
    AxiCommand c;
    c.id = static_cast<unsigned>(rand_in(0, kIds - 1));
    c.size = chance(0.5) ? 6 : static_cast<unsigned>(rand_in(0, 6));
    c.qos = static_cast<unsigned>(rand_in(0, 15));
    const auto page = static_cast<std::uint32_t>(rand_in(0, pages - 1)) * 4096;
    const auto offset = static_cast<std::uint32_t>(rand_in(0, 4095));
    c.addr = page + (chance(0.5) ? offset / c.bytes() * c.bytes() : offset);
    const auto kind = rand_in(0, 9);
    if (kind == 0) {
      c.burst = AxiBurst::kFixed;
      c.beats = static_cast<unsigned>(rand_in(1, 16));
    } else if (kind <= 2) {
      c.burst = AxiBurst::kWrap;
      c.beats = 2U << rand_in(0, 3);
      c.addr = c.addr / c.bytes() * c.bytes();
    } else {
      const std::uint32_t room = (4096 - c.addr % 4096 + c.bytes() - 1) / c.bytes();
      c.beats = static_cast<unsigned>(rand_in(1, std::min(chance(0.2) ? 256U : 8U, room)));
    }
    return c;
  }

  void random_traffic(int bursts, std::uint32_t pages, double write_share) {
    for (int i = 0; i < bursts;) {
      const AxiCommand c = any_burst(pages);
      const bool write = chance(write_share);
      if ((write ? axi_->can_write() : axi_->can_read()) && axi_->is_free(c, write)) {
        if (write) {
          axi_->write(c, chance(0.3));
        } else {
          axi_->read(c);
        }
        ++i;
      } else {
        tick();
      }
    }
    finish(400000);
  }

  void compare_memory() {
    run(3000);
    for (const auto& [block, data] : axi_->memory()) {
      if (block >= kDramNodeBytes / kBeatBytes) continue;
      BeatData stored{};
      device_->read(std::uint64_t{block} * kBeatBytes, stored.data(), stored.size());
      ASSERT_EQ(stored, data) << fmt::format("block {:#x}", block * kBeatBytes);
    }
  }

  DramTiming timing_;
  std::unique_ptr<DramDevice> device_;
  std::unique_ptr<DfiPort> port_;
  std::unique_ptr<AxiMaster<Vhbm_axi>> axi_;
};

TEST_F(HbmAxi, RandomBurstsKeepTheirDataAndOrder) {
  initialize();
  for (const std::uint32_t pages : {2U, 16U, 65536U}) random_traffic(2500, pages, 0.4);
  compare_memory();
  EXPECT_GT(axi_->overtaken, 50U) << "bursts of other IDs overtake";
}

struct Stalls {
  const char* name;
  double ar, aw, w, r, b;
  bool ready_after_valid;
};
void PrintTo(const Stalls& s, std::ostream* out) { *out << s.name; }

class HbmAxiStalls : public HbmAxi, public testing::WithParamInterface<Stalls> {};

TEST_P(HbmAxiStalls, AnyChannelMayWait) {
  initialize();
  const Stalls& s = GetParam();
  axi_->ar_stall = s.ar;
  axi_->aw_stall = s.aw;
  axi_->w_stall = s.w;
  axi_->r_stall = s.r;
  axi_->b_stall = s.b;
  axi_->ready_after_valid = s.ready_after_valid;
  random_traffic(1200, 64, 0.5);
  axi_->ready_after_valid = false;
  compare_memory();
}
INSTANTIATE_TEST_SUITE_P(Channels, HbmAxiStalls,
                         testing::Values(Stalls{"ar", 0.9, 0, 0, 0, 0, false},
                                         Stalls{"aw", 0, 0.95, 0, 0, 0, false},
                                         Stalls{"w", 0, 0, 0.9, 0, 0, false},
                                         Stalls{"r", 0, 0, 0, 0.9, 0, false},
                                         Stalls{"b", 0, 0, 0, 0, 0.95, false},
                                         Stalls{"all", 0.5, 0.5, 0.5, 0.5, 0.5, false},
                                         Stalls{"ready_after_valid", 0, 0, 0, 0.3, 0.3, true}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_F(HbmAxi, EveryAlignmentAndSizeOfOneBeat) {
  initialize();
  for (std::uint32_t block = 0; block < 4; ++block) {
    AxiCommand c;
    c.addr = block * kBeatBytes;
    axi_->write(c, true);
  }
  finish();
  for (unsigned size = 0; size <= 6; ++size) {
    for (std::uint32_t offset = 0; offset < kBeatBytes; ++offset) {
      AxiCommand c;
      c.addr = kBeatBytes + offset;
      c.size = size;
      c.id = offset % kIds;
      axi_->write(c);
      finish();
      axi_->read(c);
      finish();
    }
  }
  compare_memory();
}

TEST_F(HbmAxi, LongestBurstsAndManyIds) {
  initialize();
  for (unsigned i = 0; i < 24; ++i) {
    AxiCommand c;
    c.id = i % kIds;
    c.addr = i * 16384;
    c.beats = 64;
    axi_->write(c, true);
    c.addr = (32 + i) * 16384 + 3;
    c.size = 4;
    c.beats = 255;
    axi_->write(c);
  }
  finish();
  for (unsigned i = 0; i < 24; ++i) {
    AxiCommand c;
    c.id = i % kIds;
    c.addr = i * 16384;
    c.beats = 64;
    axi_->read(c);
    c.addr = (32 + i) * 16384;
    c.size = 4;
    c.beats = 256;
    axi_->read(c);
  }
  finish();
  compare_memory();
}

TEST_F(HbmAxi, WriteDataMayComeBeforeItsAddress) {
  initialize();
  axi_->aw_stall = 0.99;
  random_traffic(60, 64, 1.0);
  axi_->aw_stall = 0;
  axi_->w_stall = 0.99;
  random_traffic(30, 64, 1.0);
  compare_memory();
}

TEST_F(HbmAxi, ErrorsAreMapped) {
  AxiCommand c;
  c.addr = 4096;
  c.beats = 3;
  c.resp = AxiResp::kSlvErr;  // not initialized
  axi_->read(c);
  axi_->write(c);
  finish();
  initialize();
  c.resp = AxiResp::kDecErr;
  for (const std::uint32_t addr : {0x80000000U, 0xfffff000U, kRegisters + 0x1000U,
                                   kRegisters + 0xf00U, kRegisters + 0x10000000U}) {
    c.addr = addr;
    c.beats = 1;
    c.size = 2;
    axi_->read(c);
    axi_->write(c, true);
  }
  finish();
  // Registers are words: more is refused, byte writes are taken.
  c.addr = kRegisters + hbm::kTRefiOffset / 8 * 8;
  c.size = 3;
  c.resp = AxiResp::kSlvErr;
  axi_->read(c);
  axi_->write(c, true);
  finish();
  c.addr = kRegisters + hbm::kTRefiOffset;
  c.size = 0;
  c.resp = AxiResp::kOkay;
  axi_->write_word(c, 0x34);
  finish();
  EXPECT_EQ(read_register(hbm::kTRefiOffset), 0x1834U);
  EXPECT_EQ(read_register(hbm::kErrStatusOffset), 3U);
  // An error in a burst is the burst's answer, and leaves others alone.
  random_traffic(200, 16, 0.5);
  compare_memory();
}

TEST_F(HbmAxi, SequentialTrafficFillsTheChannel) {
  initialize();
  const auto measure = [this](const char* name, bool write, unsigned beats) {
    std::uint32_t at = 0;
    const auto step = [&] {
      while (write ? axi_->can_write() : axi_->can_read()) {
        AxiCommand c;
        c.addr = at;
        c.beats = beats;
        c.id = at / 4096 % kIds;
        if (write) {
          axi_->write(c, true);
        } else {
          axi_->read(c);
        }
        at += beats * kBeatBytes;
      }
      tick();
    };
    for (int i = 0; i < 2000; ++i) step();
    const std::uint64_t before = axi_->read_beats + axi_->write_beats;
    constexpr int kCycles = 20000;
    for (int i = 0; i < kCycles; ++i) step();
    const double percent =
        100.0 * static_cast<double>(axi_->read_beats + axi_->write_beats - before) / kCycles;
    fmt::print("sequential {}: {:.1f} % of the channel\n", name, percent);
    finish();
    return percent;
  };
  EXPECT_GE(measure("reads, 16 beats", false, 16), 95);
  EXPECT_GE(measure("reads, 1 beat", false, 1), 78);  // as many bursts as may be open
  EXPECT_GE(measure("writes, 16 beats", true, 16), 95);
  EXPECT_GE(measure("writes, 1 beat", true, 1), 90);
}

}  // namespace
}  // namespace tsr::tb
