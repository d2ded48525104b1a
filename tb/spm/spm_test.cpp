// SPDX-License-Identifier: Apache-2.0
// Bench of the scratchpad: every lane pattern, sharing by ports, errors, cycle counts.
#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>

#include "Vtsr_spm.h"
#include "Vtsr_spm_odd.h"
#include "common/bench.hpp"

namespace tsr::tb {
namespace {

constexpr unsigned kLanes = 8;
constexpr std::uint32_t kAddressMask = (1U << 22) - 1;

/// One access of a port.
struct Access {
  bool write = false;
  unsigned w_log2 = 3;
  std::uint32_t base = 0;   // bytes, multiple of 8
  std::uint32_t pitch = 0;  // bytes, multiple of 8
  std::uint64_t strb = ~std::uint64_t{0};
  std::array<std::uint64_t, kLanes> data{};

  std::uint32_t lane_address(unsigned lane) const {
    const unsigned w = 1U << w_log2;
    return (base + lane / w * pitch + lane % w * 8) & kAddressMask;
  }
  unsigned lane_strb(unsigned lane) const {
    return static_cast<unsigned>(strb >> (8 * lane)) & 0xffU;
  }
};

struct Response {
  bool err = false;
  std::array<std::uint64_t, kLanes> data{};
};

std::uint64_t byte_mask(unsigned strb) {
  std::uint64_t mask = 0;
  for (unsigned i = 0; i < 8; ++i) {
    if ((strb >> i & 1U) != 0) mask |= std::uint64_t{0xff} << (8 * i);
  }
  return mask;
}

/// What the scratchpad holds and answers, without time.
class Reference {
 public:
  explicit Reference(std::uint32_t bytes) : words_(bytes / 8) {}

  Response apply(const Access& a) {
    Response r;
    for (unsigned l = 0; l < kLanes; ++l) {
      if (a.lane_strb(l) == 0) continue;
      const std::uint32_t index = a.lane_address(l) / 8;
      if (index >= words_.size()) {
        r.err = true;
      } else if (a.write) {
        const std::uint64_t mask = byte_mask(a.lane_strb(l));
        words_[index] = (words_[index] & ~mask) | (a.data[l] & mask);
      } else {
        r.data[l] = words_[index];
      }
    }
    return r;
  }

  /// Cycles of the access when no other port competes.
  unsigned cycles(const Access& a) const {
    std::map<std::uint32_t, std::vector<std::uint32_t>> banks;
    for (unsigned l = 0; l < kLanes; ++l) {
      const std::uint32_t index = a.lane_address(l) / 8;
      if (a.lane_strb(l) == 0 || index >= words_.size()) continue;
      auto& bank = banks[index / (words_.size() / 8) * 8 + index % 8];
      // Copies of the first row group cost nothing.
      const bool copy =
          !a.write && a.pitch == 0 && std::find(bank.begin(), bank.end(), index) != bank.end();
      if (!copy) bank.push_back(index);
    }
    std::size_t worst = 1;
    for (const auto& [bank, lanes] : banks) worst = std::max(worst, lanes.size());
    return static_cast<unsigned>(worst);
  }

  std::uint64_t word(std::size_t index) const { return words_[index]; }
  std::size_t size() const { return words_.size(); }

 private:
  std::vector<std::uint64_t> words_;
};

struct Default {
  using Model = Vtsr_spm;
  static constexpr unsigned ports = 8;
  static constexpr std::uint32_t bytes = 65536;
};
struct Odd {
  using Model = Vtsr_spm_odd;
  static constexpr unsigned ports = 3;
  static constexpr std::uint32_t bytes = 12288;
};

// Layout of the packed structures, from tsr_tile_pkg.
constexpr unsigned kReqBits = 640;
constexpr unsigned kRspBits = 544;

template <class Config>
class Spm : public Bench<typename Config::Model> {
 protected:
  using Base = Bench<typename Config::Model>;
  static constexpr unsigned kPorts = Config::ports;

  /// Access on the way through a port.
  struct Pending {
    Access access;
    Response expected;
    std::uint64_t check = ~std::uint64_t{0};  // bytes of each word that are compared
    std::uint64_t start = 0;                  // cycle in which valid rose
  };

  void SetUp() override {
    Base::SetUp();
    for (unsigned p = 0; p < kPorts; ++p) put_request(p, Access{});
    this->dut().req_valid_i = 0;
    this->before_edge([this] { sample(); });
    this->after_edge([this] { drive(); });
    this->reset();
    clear_memory();
  }

  /// Queue an access; `check` selects the bytes of every word that its data are compared in.
  void push(unsigned port, const Access& access, std::uint64_t check = ~std::uint64_t{0}) {
    waiting_[port].push_back({access, reference_.apply(access), check, 0});
  }

  bool quiet() const {
    for (unsigned p = 0; p < kPorts; ++p) {
      if (!waiting_[p].empty() || offered_[p] || accepted_[p]) return false;
    }
    return true;
  }

  void finish(std::uint64_t limit = 100000) {
    ASSERT_TRUE(this->run_until([this] { return quiet(); }, limit)) << "a port never finished";
  }

  /// Cycles that one access alone takes.
  std::uint64_t measure(unsigned port, const Access& access) {
    push(port, access);
    finish();
    return service_[port];
  }

  void clear_memory() {
    Access a;
    a.write = true;
    for (std::uint32_t at = 0; at < Config::bytes; at += 64) {
      a.base = at;
      for (auto& word : a.data) word = this->rng()();
      push(0, a);
    }
    finish();
  }

  /// Compare the whole memory with the reference.
  void check_memory() {
    Access a;
    for (std::uint32_t at = 0; at < Config::bytes; at += 64) {
      a.base = at;
      push(static_cast<unsigned>(at / 64 % kPorts), a);
    }
    finish();
  }

  Access random_access() {
    Access a;
    a.w_log2 = static_cast<unsigned>(this->rand_in(0, 3));
    a.base = static_cast<std::uint32_t>(this->rand_in(0, Config::bytes / 8 - 1)) * 8;
    switch (this->rand_in(0, 4)) {
      case 0:
        a.pitch = 0;
        break;
      case 1:
        a.pitch = static_cast<std::uint32_t>(this->rand_in(0, 63) * 2 + 1) * (8U << a.w_log2);
        break;
      case 2:
        a.pitch = static_cast<std::uint32_t>(this->rand_in(0, Config::bytes / 8)) * 8;
        break;
      case 3:
        a.pitch =
            static_cast<std::uint32_t>(-8 * static_cast<int>(this->rand_in(1, 300))) & kAddressMask;
        break;
      default:
        a.pitch = 64U << this->rand_in(0, 6);
        break;
    }
    a.write = this->chance(0.4);
    if (this->chance(0.3)) a.strb = this->rng()() & this->rng()();
    if (this->chance(0.1)) a.strb = 0;
    for (auto& word : a.data) word = this->rng()();
    return a;
  }

  Reference reference_{Config::bytes};
  double idle_probability_ = 0.0;                // chance that a free port waits a cycle
  std::array<std::uint64_t, kPorts> service_{};  // cycles that the last access of a port took
  std::array<std::uint64_t, kPorts> longest_{};
  std::array<std::uint64_t, kPorts> count_{};      // accesses accepted
  std::array<std::uint64_t, kPorts> conflicts_{};  // cycles with conflict_o

 private:
  void sample() {
    auto& dut = this->dut();
    if (dut.rst_ni == 0) return;
    unsigned expect_rsp = 0;
    for (unsigned p = 0; p < kPorts; ++p) {
      if (accepted_[p]) {
        expect_rsp |= 1U << p;
        check_response(p, *accepted_[p]);
        accepted_[p].reset();
      }
    }
    ASSERT_EQ(dut.rsp_valid_o, expect_rsp) << "cycle " << this->cycle();
    ASSERT_EQ(dut.conflict_o, dut.req_valid_i & ~dut.req_ready_o);
    if (expect_rsp != 0) {
      ASSERT_EQ(dut.idle_o, 0);
    }
    for (unsigned p = 0; p < kPorts; ++p) {
      if (!offered_[p]) continue;
      conflicts_[p] += dut.conflict_o >> p & 1U;
      if ((dut.req_ready_o >> p & 1U) == 0) continue;
      service_[p] = this->cycle() - offered_[p]->start + 1;
      longest_[p] = std::max(longest_[p], service_[p]);
      ++count_[p];
      accepted_[p] = offered_[p];
      offered_[p].reset();
    }
  }

  void check_response(unsigned p, const Pending& pending) {
    auto& dut = this->dut();
    const unsigned at = p * kRspBits;
    EXPECT_EQ(get_bits(dut.rsp_o, at + 512, 1), pending.expected.err ? 1U : 0U);
    if (pending.access.write) return;
    for (unsigned l = 0; l < kLanes; ++l) {
      const std::uint64_t got = get_bits(dut.rsp_o, at + 64 * l, 64);
      const bool wanted = pending.access.lane_strb(l) != 0;
      const std::uint64_t mask = wanted ? pending.check : ~std::uint64_t{0};
      ASSERT_EQ(got & mask, pending.expected.data[l] & mask) << fmt::format(
          "port {} lane {} w {} base {:#x} pitch {:#x} cycle {}", p, l, 1U << pending.access.w_log2,
          pending.access.base, pending.access.pitch, this->cycle());
    }
  }

  void drive() {
    auto& dut = this->dut();
    if (dut.rst_ni == 0) return;
    unsigned valid = 0;
    for (unsigned p = 0; p < kPorts; ++p) {
      if (!offered_[p] && !waiting_[p].empty() && !this->chance(idle_probability_)) {
        offered_[p] = waiting_[p].front();
        offered_[p]->start = this->cycle() + 1;
        waiting_[p].pop_front();
        put_request(p, offered_[p]->access);
      }
      if (offered_[p]) valid |= 1U << p;
    }
    dut.req_valid_i = static_cast<CData>(valid);
  }

  void put_request(unsigned p, const Access& a) {
    auto& req = this->dut().req_i;
    const unsigned at = p * kReqBits;
    for (unsigned l = 0; l < kLanes; ++l) set_bits(req, at + 64 * l, 64, a.data[l]);
    set_bits(req, at + 512, 64, a.strb);
    set_bits(req, at + 576, 22, a.pitch);
    set_bits(req, at + 598, 22, a.base);
    set_bits(req, at + 620, 2, a.w_log2);
    set_bits(req, at + 622, 1, a.write ? 1 : 0);
  }

  std::array<std::deque<Pending>, kPorts> waiting_;
  std::array<std::optional<Pending>, kPorts> offered_;
  std::array<std::optional<Pending>, kPorts> accepted_;
};

template <class Config>
class SpmAnySize : public Spm<Config> {};
using Sizes = testing::Types<Default, Odd>;
TYPED_TEST_SUITE(SpmAnySize, Sizes);

TYPED_TEST(SpmAnySize, KeepsWhatWasWrittenEverywhere) { this->check_memory(); }

TYPED_TEST(SpmAnySize, ServesEveryPatternInTheStatedCycles) {
  for (unsigned w_log2 = 0; w_log2 <= 3; ++w_log2) {
    for (std::uint32_t pitch = 0; pitch <= 1024; pitch += 8) {
      for (const bool write : {true, false}) {
        Access a;
        a.write = write;
        a.w_log2 = w_log2;
        a.pitch = pitch;
        a.base = static_cast<std::uint32_t>(this->rand_in(0, TypeParam::bytes / 8 - 1100)) * 8;
        for (auto& word : a.data) word = this->rng()();
        const std::uint64_t cycles = this->measure(pitch / 8 % this->kPorts, a);
        ASSERT_EQ(cycles, this->reference_.cycles(a))
            << "w " << (1U << w_log2) << " pitch " << pitch << " write " << write;
        const std::uint32_t w = 1U << w_log2;
        const bool odd_multiple = pitch / 8 % w == 0 && pitch / 8 / w % 2 == 1;
        if (w == 8 || odd_multiple || (pitch == 0 && !write)) {
          ASSERT_EQ(cycles, 1U) << "w " << w << " pitch " << pitch;
        }
      }
    }
  }
  this->check_memory();
}

TYPED_TEST(SpmAnySize, RandomPortsWithRandomTiming) {
  // Every port owns one byte of each word, so that its own reads have one right answer.
  for (const double idle : {0.0, 0.3, 0.9}) {
    this->idle_probability_ = idle;
    for (int i = 0; i < 2000; ++i) {
      for (unsigned p = 0; p < this->kPorts; ++p) {
        Access a = this->random_access();
        if (a.write) a.strb &= 0x0101010101010101ULL << p;
        this->push(p, a, std::uint64_t{0xff} << (8 * p));
      }
    }
    this->finish(400000);
  }
  this->idle_probability_ = 0.0;
  this->check_memory();
}

TYPED_TEST(SpmAnySize, LanesOutOfRangeFailAloneAndTouchNothing) {
  for (unsigned w_log2 = 0; w_log2 <= 3; ++w_log2) {
    for (const bool write : {true, false}) {
      for (int words = -8; words <= 0; ++words) {
        Access a;
        a.write = write;
        a.w_log2 = w_log2;
        a.pitch = 8U << w_log2;
        a.base = TypeParam::bytes + static_cast<std::uint32_t>(8 * words);
        for (auto& word : a.data) word = this->rng()();
        this->push(0, a);
        a.base = kAddressMask + 1 + static_cast<std::uint32_t>(8 * words);
        a.base &= kAddressMask;
        this->push(1, a);
        this->finish();
      }
    }
  }
  this->check_memory();
}

TYPED_TEST(SpmAnySize, LanesWithoutStrobesAreFreeAndReadZero) {
  Access a;
  a.w_log2 = 0;
  a.pitch = 64;  // all lanes in one bank
  a.strb = 0;
  EXPECT_EQ(this->measure(0, a), 1U);
  a.strb = 0xff;
  EXPECT_EQ(this->measure(0, a), 1U);
  a.strb = 0x0100000000010001ULL;
  EXPECT_EQ(this->measure(0, a), 3U);
  a.base = TypeParam::bytes;  // out of range, but not accessed
  a.strb = 0;
  EXPECT_EQ(this->measure(0, a), 1U);
  a.pitch = 0;  // only a copy is wanted
  a.base = 8;
  a.strb = 0xff00;
  EXPECT_EQ(this->measure(0, a), 1U);
}

using SpmDefault = Spm<Default>;

TEST_F(SpmDefault, ServesTwoHyperbanksInOneCycle) {
  Access a;
  for (std::uint32_t boundary = 8192; boundary < 65536; boundary += 8192) {
    for (std::uint32_t words = 1; words < 8; ++words) {
      a.w_log2 = 3;
      a.base = boundary - 8 * words;
      EXPECT_EQ(measure(0, a), 1U);
      a.w_log2 = 0;
      a.pitch = 264;
      a.base = boundary - 264 * words;
      EXPECT_EQ(measure(1, a), 1U);
    }
  }
}

TEST_F(SpmDefault, HyperbanksNeverDisturbEachOther) {
  for (int i = 0; i < 100; ++i) {
    for (unsigned p = 0; p < 8; ++p) {
      Access a;
      a.w_log2 = p % 4;
      a.pitch = 8U << a.w_log2;
      a.base = 8192 * p + static_cast<std::uint32_t>(rand_in(0, 1000)) * 8;
      a.write = p >= 4;
      push(p, a);
    }
  }
  const std::uint64_t start = cycle();
  conflicts_ = {};
  finish();
  EXPECT_LE(cycle() - start, 103U);
  for (const auto conflicts : conflicts_) EXPECT_EQ(conflicts, 0U);
}

TEST_F(SpmDefault, SharesOneHyperbankFairly) {
  conflicts_ = {};
  count_ = {};
  longest_ = {};
  for (int i = 0; i < 200; ++i) {
    for (unsigned p = 0; p < 8; ++p) {
      Access a;
      a.base = static_cast<std::uint32_t>(rand_in(0, 1000)) * 8;
      push(p, a);
    }
  }
  run(801);
  for (unsigned p = 0; p < 8; ++p) {
    EXPECT_GE(count_[p], 99U) << "port " << p;
    EXPECT_LE(longest_[p], 8U) << "port " << p;
    EXPECT_NEAR(static_cast<double>(conflicts_[p]), 700.0, 8.0) << "port " << p;
  }
  finish();
}

TEST_F(SpmDefault, SerializedPortDoesNotStarveOthers) {
  // Port 0 needs eight turns for each access; port 1 is served in between.
  longest_ = {};
  count_ = {};
  for (int i = 0; i < 400; ++i) {
    Access slow;
    slow.w_log2 = 0;
    slow.pitch = 64;
    push(0, slow);
    Access quick;
    quick.base = 4096;
    push(1, quick);
  }
  run(400);
  EXPECT_LE(longest_[1], 2U);
  EXPECT_LE(longest_[0], 16U);
  EXPECT_GE(count_[1], 195U);
  EXPECT_GE(count_[0], 24U);
  finish();
}

TEST_F(SpmDefault, CountsSerializedCyclesAsConflicts) {
  conflicts_ = {};
  Access a;
  a.w_log2 = 0;
  a.pitch = 128;
  EXPECT_EQ(measure(3, a), 8U);
  EXPECT_EQ(conflicts_[3], 7U);
}

TEST_F(SpmDefault, IsIdleOnlyWhenNothingHappens) {
  run(3);
  EXPECT_EQ(dut().idle_o, 1);
  Access a;
  push(2, a);
  EXPECT_TRUE(run_until([this] { return quiet(); }, 10));
  run(1);
  dut().eval();
  EXPECT_EQ(dut().idle_o, 1);
}

TEST_F(SpmDefault, KeepsContentsOverReset) {
  run(2);
  reset();
  check_memory();
}

}  // namespace
}  // namespace tsr::tb
