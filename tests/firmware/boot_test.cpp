// SPDX-License-Identifier: Apache-2.0
// Pure parts of the boot ROM and the ctl runtime: checksum, image header, maps of tiles, ABI
// layout.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <random>

#include "bus.hpp"

extern "C" {
#include "boot/crc32.h"
#include "runtime/common/image.h"
#include "runtime/ctl/chip.h"
#include "tessera_abi.h"
}

namespace tsr {
namespace {

static_assert(sizeof(tsr_image_header_t) == 256);
static_assert(sizeof(tsr_command_t) == 256 && sizeof(tsr_launch_t) == 256);
static_assert(sizeof(tsr_completion_t) == 64 && sizeof(tsr_gemm_args_t) == 96);
static_assert(sizeof(tsr_gemm_spm_args_t) == 104 && sizeof(tsr_conv_args_t) == 96);
static_assert(sizeof(tsr_vec_buffer_t) == 24 && sizeof(tsr_vec_pass_t) == 160);
static_assert(sizeof(tsr_vec_program_t) == 64 + 8 * 24 + 6 * 160);
static_assert(sizeof(tsr_layout_args_t) <= TSR_ARGS_MAX);

TEST(Crc32, EqualsZlib) {
  RegisterBus bus;
  tsr_crc32_table_t table;
  tsr_crc32_init(&table);
  std::mt19937 rng(1);
  for (const uint32_t words : {0u, 1u, 2u, 3u, 5u, 64u, 1001u}) {
    std::vector<uint32_t> data(words);
    for (uint32_t i = 0; i < words; i++) bus.memory[TSR_SPM_BASE + 128 + 4 * i] = data[i] = rng();
    const uint32_t want = static_cast<uint32_t>(
        crc32(crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(data.data()), 4 * words));
    EXPECT_EQ(~tsr_crc32_spm(&table, 0xffffffffu, 128, words), want) << words;
  }
}

tsr_image_header_t good_header() {
  tsr_image_header_t h = {};
  h.magic = TSR_IMAGE_MAGIC;
  h.version = TSR_IMAGE_VERSION;
  h.total_bytes = 256 + 128 + 64;
  h.segment_count = 2;
  h.segments[0] = {TSR_TARGET_CTL, 0, 256, 128};
  h.segments[1] = {TSR_TARGET_TILES, TSR_DTCM_BASE, 384, 64};
  return h;
}

constexpr uint32_t DtcmEnd[2] = {0x1c000, 0x1fe00};

TEST(ImageCheck, AcceptsAGoodHeader) {
  auto h = good_header();
  EXPECT_EQ(tsr_image_check(&h, DtcmEnd), 0u);
  h.segments[1].dest = 0x1fe00 - 64;
  EXPECT_EQ(tsr_image_check(&h, DtcmEnd), 0u);
  h.segments[0].dest = 0x10000 - 128;
  EXPECT_EQ(tsr_image_check(&h, DtcmEnd), 0u);
}

TEST(ImageCheck, NamesTheBadField) {
  const auto check = [](auto change) {
    auto h = good_header();
    change(h);
    return tsr_image_check(&h, DtcmEnd);
  };
  EXPECT_EQ(check([](auto& h) { h.magic++; }), 1u);
  EXPECT_EQ(check([](auto& h) { h.version++; }), 2u);
  EXPECT_EQ(check([](auto& h) { h.total_bytes = 252; }), 3u);
  EXPECT_EQ(check([](auto& h) { h.total_bytes = TSR_IMAGE_MAX_BYTES + 4; }), 3u);
  EXPECT_EQ(check([](auto& h) { h.total_bytes--; }), 3u);
  EXPECT_EQ(check([](auto& h) { h.segment_count = 0; }), 4u);
  EXPECT_EQ(check([](auto& h) { h.segment_count = 15; }), 4u);
  EXPECT_EQ(check([](auto& h) { h.ctl_entry = 0x10000; }), 5u);
  EXPECT_EQ(check([](auto& h) { h.tile_entry = 2; }), 5u);
  EXPECT_EQ(check([](auto& h) { h.segments[0].target = 2; }), 16u);
  EXPECT_EQ(check([](auto& h) { h.segments[0].dest = 0x10000 - 64; }), 16u);  // runs into DTCM
  EXPECT_EQ(check([](auto& h) { h.segments[0].dest = 0x1c000; }), 16u);       // the ROM's memory
  EXPECT_EQ(check([](auto& h) { h.segments[0].dest = 32; }), 16u);
  EXPECT_EQ(check([](auto& h) { h.segments[1].dest = 0x1fe00; }), 17u);
  EXPECT_EQ(check([](auto& h) { h.segments[1].offset = 192; }), 17u);
  EXPECT_EQ(check([](auto& h) { h.segments[1].offset = 448; }), 17u);
  EXPECT_EQ(check([](auto& h) { h.segments[1].bytes = 0; }), 17u);
  EXPECT_EQ(check([](auto& h) { h.segments[1].bytes = 0xffffffc0u; }), 17u);
}

TEST(ChipMaps, CoverIsExactAndSmall) {
  tsr_rect_t rects[TSR_CHIP_MAX_RECTS];
  EXPECT_EQ(tsr_chip_cover(0x0f0f0f0f00ull, rects), 1u);  // 4 x 4 tiles below row 0
  EXPECT_EQ(tsr_chip_cover(~0ull, rects), 1u);
  EXPECT_EQ(tsr_chip_cover(0, rects), 0u);
  std::mt19937_64 rng(2);
  for (int i = 0; i < 1000; i++) {
    const uint64_t map = i == 0 ? 0xaa55aa55aa55aa55ull : rng() & rng();
    const uint32_t count = tsr_chip_cover(map, rects);
    ASSERT_LE(count, TSR_CHIP_MAX_RECTS);
    uint64_t covered = 0;
    for (uint32_t r = 0; r < count; r++) {
      const uint64_t part = tsr_chip_rect_map(rects[r]);
      EXPECT_EQ(covered & part, 0u);
      covered |= part;
    }
    EXPECT_EQ(covered, map);
    EXPECT_EQ(tsr_chip_count(map), static_cast<uint32_t>(__builtin_popcountll(map)));
  }
}

}  // namespace
}  // namespace tsr
