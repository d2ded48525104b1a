// SPDX-License-Identifier: Apache-2.0
/// Bench of the address generator. The reference knows nothing of deltas: iteration i of loop j
/// lies at i * stride[j], and masks follow from row and byte coordinates.
#include "engines/agu.hpp"

#include <array>
#include <vector>

#include "Vtsr_agu.h"
#include "common/bench.hpp"

namespace tsr::tb {
namespace {

using engines::AguConfig;

struct Walk {
  AguConfig config;
  std::array<std::int32_t, 6> stride{};
  std::uint32_t base = 0;
};

struct Seen {
  std::uint32_t base;
  std::uint64_t strb;
  unsigned last;
  bool fin;
};

bool operator==(const Seen& a, const Seen& b) {
  return a.base == b.base && a.strb == b.strb && a.last == b.last && a.fin == b.fin;
}

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << fmt::format("base {:#x} strb {:#018x} last {:#04x} fin {}", seen.base, seen.strb,
                            seen.last, seen.fin);
}

/// Accesses of a walk, straight from the definition.
std::vector<Seen> reference(const Walk& walk) {
  std::vector<Seen> out;
  const auto& count = walk.config.count;
  std::array<std::uint32_t, 6> i{};
  for (i[5] = 0; i[5] < count[5]; ++i[5])
    for (i[4] = 0; i[4] < count[4]; ++i[4])
      for (i[3] = 0; i[3] < count[3]; ++i[3])
        for (i[2] = 0; i[2] < count[2]; ++i[2])
          for (i[1] = 0; i[1] < count[1]; ++i[1])
            for (i[0] = 0; i[0] < count[0]; ++i[0]) {
              Seen seen{};
              std::int64_t address = walk.base;
              for (unsigned j = 0; j < 6; ++j) address += std::int64_t{i[j]} * walk.stride[j];
              seen.base = static_cast<std::uint32_t>(address) & 0x3fffff;
              const unsigned width = 1U << walk.config.w_log2;
              const auto at_end = [&](unsigned loop) { return i[loop] == count[loop] - 1; };
              for (unsigned byte = 0; byte < 64; ++byte) {
                const unsigned column = byte % (8 * width);
                std::uint64_t row = byte / (8 * width);
                if (walk.config.redge_sub) row += std::uint64_t{i[0]} * (8 / width);
                bool valid = true;
                if (walk.config.redge_en && at_end(walk.config.redge_loop)) {
                  valid = row < walk.config.redge_n;
                }
                if (walk.config.bedge_en && at_end(walk.config.bedge_loop)) {
                  valid = valid && column < walk.config.bedge_m;
                }
                if (valid) seen.strb |= std::uint64_t{1} << byte;
              }
              for (unsigned j = 0; j < 6 && at_end(j); ++j) seen.last |= 1U << j;
              seen.fin = seen.last == 0x3f;
              out.push_back(seen);
            }
  return out;
}

class Agu : public Bench<Vtsr_agu> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    dut().start_i = 0;
    dut().ready_i = 0;
    reset();
    before_edge([this] {
      if (dut().busy_o != 0) {
        const Seen now{dut().base_o, dut().strb_o, dut().last_o, dut().fin_o != 0};
        if (held_) EXPECT_EQ(now, waiting_) << "changed while waiting";
        held_ = dut().ready_i == 0;
        waiting_ = now;
        EXPECT_EQ(dut().pitch_o, walk_.config.pitch);
        EXPECT_EQ(dut().w_log2_o, walk_.config.w_log2);
        if (dut().ready_i != 0) seen_.push_back(now);
      } else {
        EXPECT_FALSE(held_) << "valid fell without a handshake";
      }
    });
    after_edge([this] {
      dut().start_i = 0;
      dut().ready_i = chance(stall_) ? 0 : 1;
    });
  }

  /// Start a walk and compare all of it. Returns its cycles.
  std::uint64_t check(const Walk& walk, double stall) {
    stall_ = stall;
    walk_ = walk;
    seen_.clear();
    const auto expected = reference(walk);
    auto row = walk.config.to_row();
    row[0] = walk.base;
    for (unsigned w = 0; w < 16; ++w) dut().cfg_i[w] = row[w];
    dut().start_i = 1;
    tick();
    for (unsigned w = 0; w < 16; ++w) dut().cfg_i[w] = static_cast<std::uint32_t>(rng()());
    const std::uint64_t start = cycle();
    EXPECT_TRUE(
        run_until([&] { return seen_.size() == expected.size(); }, 40 * expected.size() + 100));
    const std::uint64_t cycles = cycle() - start;
    for (std::size_t i = 0; i < std::min(seen_.size(), expected.size()); ++i) {
      EXPECT_EQ(seen_[i], expected[i]) << "access " << i;
      if (HasFailure()) return cycles;
    }
    tick();
    EXPECT_EQ(dut().busy_o, 0);
    return cycles;
  }

  Walk random_walk() {
    Walk walk;
    walk.base = static_cast<std::uint32_t>(rng()() & 0x3ffff8);
    auto& config = walk.config;
    config.pitch = static_cast<std::uint32_t>(rng()() & 0x3ffff8);
    config.w_log2 = static_cast<unsigned>(rand_in(0, 3));
    config.redge_en = chance(0.6);
    config.redge_loop = static_cast<unsigned>(rand_in(0, 5));
    config.redge_sub = chance(0.5);
    config.redge_n = static_cast<unsigned>(rand_in(0, 15));
    config.bedge_en = chance(0.6);
    config.bedge_loop = static_cast<unsigned>(rand_in(0, 5));
    config.bedge_m =
        static_cast<unsigned>(chance(0.8) ? rand_in(0, 8U << config.w_log2) : rand_in(0, 127));
    for (unsigned j = 0; j < 6; ++j) {
      config.count[j] = static_cast<std::uint32_t>(chance(0.3) ? 1 : rand_in(1, 5));
      walk.stride[j] = static_cast<std::int32_t>(rand_in(0, 1 << 13)) * 8 - (1 << 15);
      if (chance(0.2)) walk.stride[j] = 0;
    }
    config.set_strides(walk.stride);
    return walk;
  }

 private:
  Walk walk_;
  std::vector<Seen> seen_;
  bool held_ = false;
  Seen waiting_{};
  double stall_ = 0;
};

TEST_F(Agu, WalksSixLoopsAtOneAccessACycle) {
  Walk walk;
  walk.base = 0x100;
  walk.config.pitch = 136;
  walk.config.count = {3, 2, 4, 2, 3, 2};
  walk.stride = {8, 512, -1024, 0, 4096, 65536};
  walk.config.set_strides(walk.stride);
  EXPECT_EQ(check(walk, 0.0), 3U * 2 * 4 * 2 * 3 * 2);
}

TEST_F(Agu, OneAccess) {
  Walk walk;
  EXPECT_EQ(check(walk, 0.0), 1U);
}

TEST_F(Agu, LongestLoop) {
  Walk walk;
  walk.config.count[2] = 65535;
  walk.stride[2] = 64;
  walk.config.set_strides(walk.stride);
  walk.config.redge_en = true;
  walk.config.redge_loop = 2;
  walk.config.redge_n = 3;
  check(walk, 0.0);
}

TEST_F(Agu, RowsCountOnOverALongLoopZero) {
  for (unsigned w_log2 = 0; w_log2 < 4; ++w_log2) {
    for (unsigned rows = 0; rows < 16; ++rows) {
      Walk walk;
      walk.config.w_log2 = w_log2;
      walk.config.count = {40, 2, 1, 1, 1, 1};
      walk.config.redge_en = true;
      walk.config.redge_sub = true;
      walk.config.redge_loop = 1;
      walk.config.redge_n = rows;
      walk.config.set_strides(walk.stride);
      check(walk, 0.0);
    }
  }
}

TEST_F(Agu, EveryByteEdgeOfEveryWidth) {
  for (unsigned w_log2 = 0; w_log2 < 4; ++w_log2) {
    for (unsigned bytes = 0; bytes <= 65; ++bytes) {
      Walk walk;
      walk.config.w_log2 = w_log2;
      walk.config.count = {2, 2, 1, 1, 1, 1};
      walk.config.bedge_en = true;
      walk.config.bedge_loop = 0;
      walk.config.bedge_m = bytes;
      walk.config.redge_en = bytes % 3 == 0;
      walk.config.redge_loop = 1;
      walk.config.redge_n = bytes % 9;
      walk.config.set_strides(walk.stride);
      check(walk, 0.0);
    }
  }
}

TEST_F(Agu, RandomWalksWithStalls) {
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    static constexpr double kStall[] = {0.0, 0.2, 0.5, 0.9};
    check(random_walk(), kStall[rand_in(0, 3)]);
  }
}

}  // namespace
}  // namespace tsr::tb
