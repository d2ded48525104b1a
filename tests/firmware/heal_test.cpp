// SPDX-License-Identifier: Apache-2.0
/// The ctl firmware on a chip with dead links: routes loaded at boot, and links that die later.
extern "C" {
#include "runtime/ctl/heal.h"
}

#include <gtest/gtest.h>

#include <random>

#include "fake_mesh.hpp"
#include "noc/route_check.hpp"
#include "regs/fuse_regs.h"
#include "regs/tile_regs.h"

namespace tsr {
namespace {

const std::vector<std::string> kT16 = {"C...", "TTTT", "TTTT", "TTTT", "TTTT", "MMMM"};

struct Ctl {
  FakeMesh mesh{kT16};
  tsr_chip_t chip{};

  /// Links of the fuses are dead; the ROM has loaded routes.
  void boot() {
    for (unsigned i = 0; i < mesh.links.nodes(); ++i) {
      const Node node = mesh.links.node(i);
      const unsigned bit = node.y * 8 + node.x;
      const auto burn = [&](Dir port, uint32_t offset) {
        if (!mesh.links.mesh_neighbour(node, port) || mesh.links.neighbour(node, port)) return;
        const uint32_t address = TSR_FUSE_BASE + offset + bit / 32 * 4;
        mesh.write(address, mesh.read(address) | 1U << bit % 32);
      };
      burn(Dir::kEast, TSR_FUSE_DEAD_EAST_OFFSET);
      burn(Dir::kSouth, TSR_FUSE_DEAD_SOUTH_OFFSET);
    }
    ASSERT_EQ(tsr_chip_init(&chip, 0), TSR_OK);
    static tsr_routes_t routes;
    if (!chip.links.whole) {
      ASSERT_EQ(tsr_detour_load(&chip.node, &chip.links, &routes), TSR_OK);
    }
    ASSERT_EQ(tsr_chip_route(&chip, chip.tiles), TSR_OK);
  }

  tsr_status_t heal(uint32_t& found) { return tsr_heal_links(&chip, &found); }

  /// Tables as loaded lead around all dead links, and the tiles know.
  void expect_routed() {
    FaultMap part = mesh.links;
    for (unsigned i = 0; i < part.nodes(); ++i) {
      const Node node = part.node(i);
      if ((chip.links.reach >> (node.y * 8 + node.x) & 1) == 0) part.kill_router(node);
    }
    for (unsigned net = 0; net < 2; ++net) {
      const auto report = check_routes(part, net, mesh.tables[net], [&](Node s, Node d) {
        return net == 0 ? uses_vc1(s, d) : uses_vc1(d, s);
      });
      EXPECT_EQ(report.text(), "");
    }
  }

  /// What a node's interface was told; memory nodes and bare ones send nothing of their own.
  bool uses_vc1(Node s, Node d) {
    const unsigned bit = d.y * 8 + d.x;
    if (mesh.plan[s.y][s.x] != 'T') return true;
    const uint32_t at = TSR_REGS_BASE + TSR_TILE_ROUTE_VC1_LO_OFFSET + bit / 32 * 4;
    return (mesh.word(s, at) >> bit % 32 & 1) != 0;
  }
};

TEST(Heal, AWholeChipNeedsNothing) {
  Ctl ctl;
  ctl.boot();
  uint32_t found = 1;
  EXPECT_EQ(ctl.heal(found), TSR_OK);
  EXPECT_EQ(found, 0U);
  EXPECT_EQ(ctl.mesh.page_writes, 0U);
  EXPECT_EQ(ctl.chip.tiles, 0x0f0f0f0f00ULL);
}

TEST(Heal, FusedLinksAreRoutedAroundAtBoot) {
  Ctl ctl;
  ctl.mesh.kill_link({0, 0}, {0, 1});
  ctl.mesh.kill_link({1, 2}, {2, 2});
  ctl.boot();
  ctl.expect_routed();
  uint32_t found = 1;
  EXPECT_EQ(ctl.heal(found), TSR_OK);
  EXPECT_EQ(found, 0U);
  EXPECT_EQ(ctl.mesh.lost, 0U);
  EXPECT_EQ(tsr_chip_write_all(&ctl.chip, ctl.chip.tiles, TSR_DTCM_BASE, 77), TSR_OK);
  for (unsigned i = 4; i < 20; ++i) EXPECT_EQ(ctl.mesh.word({i % 4, i / 4}, TSR_DTCM_BASE), 77U);
  EXPECT_EQ(ctl.mesh.multicasts, 0U);
}

TEST(Heal, ImagesArriveInPiecesAtEveryTile) {
  Ctl ctl;
  ctl.mesh.kill_link({1, 2}, {2, 2});
  ctl.boot();
  constexpr uint32_t kBytes = 2 * 512 + 128;
  ctl.chip.header.segment_count = 1;
  ctl.chip.header.segments[0] = {TSR_TARGET_TILES, 64, 256, kBytes};
  for (uint32_t i = 0; i < kBytes; i += 4) {
    ctl.mesh.write(TSR_SPM_BASE + TSR_IMAGE_SPM_STAGE + i, 1000 + i);  // what the DMA has read
  }
  uint64_t missing = 1;
  ASSERT_EQ(tsr_chip_start(&ctl.chip, ctl.chip.tiles, &missing), TSR_OK);
  EXPECT_EQ(missing, 0U);
  for (unsigned tile = 4; tile < 20; ++tile) {
    for (uint32_t i = 0; i < kBytes; i += 4) {
      ASSERT_EQ(ctl.mesh.word({tile % 4, tile / 4}, 64 + i), 1000 + i) << tile;
    }
    EXPECT_EQ(ctl.mesh.word({tile % 4, tile / 4}, 64 + kBytes), 0U);
  }
}

TEST(Heal, EveryLinkThatDies) {
  const FaultMap whole(4, 6);
  for (unsigned i = 0; i < whole.nodes(); ++i) {
    for (const Dir port : {Dir::kEast, Dir::kSouth}) {
      const auto next = whole.neighbour(whole.node(i), port);
      if (!next) continue;
      SCOPED_TRACE(i * 10 + static_cast<unsigned>(port));
      Ctl ctl;
      ctl.boot();
      ctl.mesh.kill_link(whole.node(i), *next);
      uint32_t found = 0;
      ASSERT_EQ(ctl.heal(found), TSR_OK);
      if (found == 0) {  // no way of ctl uses it, but the tiles do
        ctl.mesh.give_up(whole.node(i), port);
        ASSERT_EQ(ctl.heal(found), TSR_OK);
      }
      EXPECT_EQ(found, 1U);
      EXPECT_EQ(tsr_heal_restart(&ctl.chip), TSR_OK);
      EXPECT_EQ(ctl.chip.tiles, 0x0f0f0f0f00ULL);
      ctl.expect_routed();
    }
  }
}

TEST(Heal, LinksDieOneAfterTheOther) {
  std::mt19937 random(3);
  for (unsigned round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    Ctl ctl;
    ctl.mesh.links.kill_random_links(round % 3, round);
    ctl.boot();
    unsigned total = 0;
    for (unsigned step = 0; step < 4 && ctl.chip.cut_off == 0; ++step) {
      ctl.mesh.links.kill_random_links(1, random());
      uint32_t found = 0;
      const auto status = ctl.heal(found);
      total += found;
      if (status != TSR_OK) {
        EXPECT_NE(ctl.chip.cut_off, 0U);
        break;
      }
      if (found == 0) continue;
      ASSERT_EQ(tsr_heal_restart(&ctl.chip), TSR_OK);
      // What ctl's own ways use is known to be dead or alive: everybody is asked once more.
      const unsigned lost = ctl.mesh.lost;
      ASSERT_EQ(ctl.heal(found), TSR_OK);
      EXPECT_EQ(found, 0U);
      EXPECT_EQ(ctl.mesh.lost, lost);
    }
    EXPECT_GT(total + round, 0U);
  }
}

TEST(Heal, TilesThatAreCutOffAreOutOfUse) {
  Ctl ctl;
  ctl.boot();
  ctl.mesh.kill_link({0, 1}, {0, 0});
  ctl.mesh.kill_link({0, 1}, {1, 1});
  ctl.mesh.kill_link({0, 1}, {0, 2});
  uint32_t found = 0;
  EXPECT_EQ(ctl.heal(found), TSR_OK);
  EXPECT_GE(found, 2U);
  EXPECT_EQ(ctl.chip.tiles, 0x0f0f0f0e00ULL);
  EXPECT_EQ(tsr_heal_restart(&ctl.chip), TSR_OK);
}

TEST(Heal, AMemoryNodeThatIsCutOffIsNamed) {
  Ctl ctl;
  ctl.boot();
  ctl.mesh.kill_link({3, 5}, {2, 5});
  ctl.mesh.kill_link({3, 5}, {3, 4});
  uint32_t found = 0;
  const auto first = ctl.heal(found);
  if (first == TSR_OK) {
    EXPECT_EQ(ctl.heal(found), TSR_FAILED);
  }
  EXPECT_EQ(ctl.chip.cut_off, 4U);
}

}  // namespace
}  // namespace tsr
