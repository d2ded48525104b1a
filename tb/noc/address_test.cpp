// SPDX-License-Identifier: Apache-2.0
/// The C++ address map and flit against the RTL functions.
#include <set>

#include "Vnoc_blocks.h"
#include "common/bench.hpp"
#include "noc/flit.hpp"

namespace tsr::tb {
namespace {

class AddressMap : public Bench<Vnoc_blocks> {
 protected:
  ChipConfig random_config() {
    ChipConfig c;
    c.mesh_w = static_cast<unsigned>(rand_in(1, 63));
    c.mesh_h = static_cast<unsigned>(rand_in(1, 63));
    c.ctl = random_node();
    c.mem.resize(std::size_t{1} << rand_in(0, 3));
    for (auto& n : c.mem) n = random_node();
    c.mem_mib = static_cast<unsigned>(chance(0.3) ? rand_in(1, 65535) : 1ULL << rand_in(0, 15));
    return c;
  }
  Node random_node() {
    return {static_cast<unsigned>(rand_in(0, 63)), static_cast<unsigned>(rand_in(0, 63))};
  }
  void apply(const ChipConfig& c, std::uint64_t address) {
    const auto words = c.pack();
    for (unsigned i = 0; i < ChipConfig::kWords; ++i) dut().cfg_i[i] = words[i];
    dut().addr_i = address;
    dut().eval();
  }
  void compare(const ChipConfig& c, std::uint64_t address) {
    apply(c, address);
    const auto expected = c.route(address);
    const std::uint32_t got = dut().route_o;
    ASSERT_EQ((got >> 12) & 1, expected.has_value() ? 1U : 0U) << std::hex << address;
    if (expected) ASSERT_EQ(got & 0xfff, expected->pack()) << std::hex << address;
    ASSERT_EQ(dut().hbm_node_o, c.hbm_node(address)) << std::hex << address;
    ASSERT_EQ(dut().hbm_local_o, c.hbm_local(address)) << std::hex << address;
  }
};

TEST_F(AddressMap, MirrorAgreesWithRtlOnRandomAddresses) {
  for (int i = 0; i < 20000; ++i) {
    const ChipConfig c = random_config();
    std::uint64_t address = rand_in(0, (1ULL << kAddrBits) - 1);
    if (chance(0.8)) address &= ~(0xffULL << 44);         // this chip
    if (chance(0.8)) address &= ~(0xeULL << 52);          // a space that exists
    if (chance(0.5)) address &= ~0ULL >> rand_in(8, 50);  // small
    compare(c, address);
  }
}

TEST_F(AddressMap, EdgesOfHbmAndMeshAreExact) {
  for (int i = 0; i < 500; ++i) {
    const ChipConfig c = random_config();
    const std::uint64_t end = c.hbm_bytes();
    compare(c, hbm_address(end - 1));
    EXPECT_TRUE(c.route(hbm_address(end - 1)).has_value());
    compare(c, end);
    if (end < 1ULL << 40) EXPECT_FALSE(c.route(end).has_value());
    for (Node n : {Node{c.mesh_w - 1, c.mesh_h - 1}, Node{c.mesh_w, 0}, Node{0, c.mesh_h}}) {
      compare(c, node_address(n, 0xffffffff));
      EXPECT_EQ(c.route(node_address(n, 0xffffffff)).has_value(), c.in_mesh(n));
    }
  }
}

TEST_F(AddressMap, InterleaveIsBijective) {
  for (unsigned log2 = 0; log2 < 4; ++log2) {
    ChipConfig c;
    c.mem.resize(std::size_t{1} << log2);
    std::set<std::pair<unsigned, std::uint64_t>> seen;
    for (std::uint64_t granule = 0; granule < 4096; ++granule) {
      const std::uint64_t offset = granule * kGranuleBytes + 17;
      EXPECT_TRUE(seen.emplace(c.hbm_node(offset), c.hbm_local(offset)).second);
      EXPECT_EQ(c.hbm_offset(c.hbm_node(offset), c.hbm_local(offset)), offset);
    }
    for (const auto& [node, local] : seen) EXPECT_LT(local, (4096ULL >> log2) * kGranuleBytes);
  }
}

TEST_F(AddressMap, PowerOfTwoStridesUseEveryMemoryNode) {
  ChipConfig c;
  c.mem.resize(4);
  for (unsigned stride = 8; stride < 32; ++stride) {
    std::set<unsigned> used;
    for (std::uint64_t i = 0; i < 16; ++i) used.insert(c.hbm_node(i << stride));
    EXPECT_EQ(used.size(), 4U) << "stride 2^" << stride;
  }
}

TEST_F(AddressMap, WrongNumberOfMemoryNodesIsRefused) {
  ChipConfig c;
  EXPECT_THROW(c.pack(), std::invalid_argument);
  c.mem.resize(3);
  EXPECT_THROW(c.mem_log2(), std::invalid_argument);
}

using FlitMirror = AddressMap;

TEST_F(FlitMirror, FieldsAndParitiesAgreeWithRtl) {
  for (int i = 0; i < 5000; ++i) {
    std::array<std::uint32_t, kFlitWords> words;
    for (auto& w : words) w = static_cast<std::uint32_t>(rng()());
    for (unsigned w = 0; w < kFlitWords; ++w) dut().flit_i[w] = words[w];
    dut().eval();
    const Flit f = Flit::from_words(words.data());
    std::array<std::uint32_t, kFlitWords> back;
    f.to_words(back.data());
    ASSERT_EQ(words, back);
    ASSERT_EQ(dut().addr_strb_o, f.addr ^ f.strb);
    ASSERT_EQ(dut().doff_o, f.doff);
    ASSERT_EQ(dut().rsvd_o, f.rsvd);
    ASSERT_EQ(dut().owner_o, f.owner.pack());
    ASSERT_EQ(dut().spread_o, f.spread);
    ASSERT_EQ(dut().tag_o, f.tag);
    ASSERT_EQ(dut().spare_o, f.spare);
    ASSERT_EQ(dut().src_o, f.src.pack());
    ASSERT_EQ(dut().dst_o, f.dst.hi.pack() << 12 | f.dst.lo.pack());
    ASSERT_EQ(dut().kind_o, static_cast<unsigned>(f.kind));
    ASSERT_EQ(dut().amo_o, static_cast<unsigned>(f.amo));
    ASSERT_EQ(dut().err_o, static_cast<unsigned>(f.err));
    ASSERT_EQ(dut().bits_o, f.poison << 3 | f.cls << 2 | f.vc << 1 | f.mcast);
    ASSERT_EQ(dut().birth_o, f.birth);
    ASSERT_EQ(dut().data3_o, f.data[3]);
    ASSERT_EQ(dut().stored_par_o, f.par << 8 | f.dpar);
    ASSERT_EQ(dut().par_o, f.header_parity() << 8 | f.data_parity());
  }
}

}  // namespace
}  // namespace tsr::tb
