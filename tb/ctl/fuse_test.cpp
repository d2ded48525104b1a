// SPDX-License-Identifier: Apache-2.0
/// Bench of tsr_fuse.
#include "Vctl_fuse.h"
#include "periph_bench.hpp"
#include "regs/fuse_regs.hpp"

namespace {

using namespace tsr::regs::fuse;  // offsets of this block only

class Fuse : public tsr::tb::PeriphBench<Vctl_fuse> {
 protected:
  // Positions in fuse_t.
  static constexpr unsigned kDeadTiles = 64, kDeadEast = 128, kDeadSouth = 192, kOpen = 256;

  void start(bool open) {
    for (unsigned i = 0; i < 4; ++i) {
      maps_[i] = rng()();
      tsr::tb::set_bits(dut().fuse_i, 64 * i, 64, maps_[i]);
    }
    tsr::tb::set_bits(dut().fuse_i, kOpen, 1, open);
    reset();
  }

  bool locked() {
    settle();
    return dut().dbg_lock_o != 0;
  }

  std::uint64_t read64(std::uint32_t offset) {
    return read(offset) | (std::uint64_t{read(offset + 4)} << 32);
  }

  std::uint64_t maps_[4] = {};  // tiles, dead tiles, dead east, dead south
};

TEST_F(Fuse, ShowsTheMaps) {
  for (int i = 0; i < 20; ++i) {
    start(i % 2 != 0);
    EXPECT_EQ(read64(kDeadTilesOffset), maps_[kDeadTiles / 64]);
    EXPECT_EQ(read64(kDeadEastOffset), maps_[kDeadEast / 64]);
    EXPECT_EQ(read64(kDeadSouthOffset), maps_[kDeadSouth / 64]);
    EXPECT_EQ(read(kDebugFuseOffset), i % 2 != 0);
  }
}

TEST_F(Fuse, MapsCannotBeWritten) {
  start(false);
  for (const std::uint32_t offset :
       {kDeadTilesOffset, kDeadEastOffset, kDeadSouthOffset, kDebugFuseOffset}) {
    EXPECT_TRUE(access(true, offset, 0xffffffff).err);
  }
  EXPECT_EQ(read64(kDeadTilesOffset), maps_[1]);
}

TEST_F(Fuse, LockStaysUntilReset) {
  start(false);
  EXPECT_FALSE(locked());
  write(kDebugLockOffset, 0);
  run(3);
  EXPECT_FALSE(locked());
  write(kDebugLockOffset, 1);
  run(2);
  EXPECT_TRUE(locked());
  EXPECT_EQ(read(kDebugLockOffset), 1U);
  for (const std::uint32_t value : {0U, 1U, 0xfffffffeU}) {
    write(kDebugLockOffset, value);
    for (int i = 0; i < 4; ++i) {
      EXPECT_TRUE(locked());
      tick();
    }
  }
  EXPECT_TRUE(dut().idle_o);
  reset();
  EXPECT_FALSE(locked());
  EXPECT_EQ(read(kDebugLockOffset), 0U);
}

TEST_F(Fuse, OpenFuseKeepsDebugOpen) {
  start(true);
  write(kDebugLockOffset, 1);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(locked());
    tick();
  }
  EXPECT_EQ(read(kDebugLockOffset), 1U);
  EXPECT_EQ(read(kDebugFuseOffset), 1U);
}

}  // namespace
