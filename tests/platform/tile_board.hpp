// SPDX-License-Identifier: Apache-2.0
/// One RTL tile beside a C++ endpoint that plays the ctl node: programs, contexts and commands are
/// written through the network.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernel/kernel.hpp"
#include "regs/tile_regs.hpp"
#include "rtl/sim_context.hpp"
#include "test_endpoint.hpp"

namespace tsr::test {

class TileBoard {
 public:
  static constexpr std::size_t kTile = 1;  ///< index of the tile's node
  static constexpr std::uint32_t kRegs = 0x0002'0000, kCommands = 0x0003'0000,
                                 kContexts = 0x0004'0000, kScratchpad = 0x0100'0000;

  TileBoard() : context_(1) {
    chip_.mesh_w = 2;
    chip_.mem = {{0, 0}};
    std::vector<MeshNode> nodes(2);
    nodes[0].router = make_router({&context_, "board.router_0", {0, 0}, &chip_});
    nodes[1].router = make_router({&context_, "board.router_1", tile(), &chip_});
    auto endpoint = std::make_unique<TestEndpoint>(Node{0, 0});
    endpoint_ = endpoint.get();
    nodes[0].endpoint = std::move(endpoint);
    nodes[1].endpoint = make_tile({&context_, "board.tile", tile(), &chip_});
    kernel_ = std::make_unique<Kernel>(2, 1, std::move(nodes), 1, &context_);
    kernel_->reset();
  }

  static Node tile() { return {1, 0}; }
  Kernel& kernel() { return *kernel_; }
  void run(std::uint64_t cycles) { kernel_->run(cycles); }

  /// Write `count` bytes of the tile within one 64-byte block; words only outside the scratchpad.
  void write_bytes(std::uint32_t local, const void* bytes, unsigned count) {
    Flit flit;
    flit.kind = Kind::kWrite;
    flit.set_dst(tile());
    flit.addr = node_address(tile(), local & ~63U);
    flit.strb = (count == 64 ? ~0ULL : (1ULL << count) - 1) << (local % 64);
    std::memcpy(reinterpret_cast<std::uint8_t*>(flit.data.data()) + local % 64, bytes, count);
    endpoint_->arrivals.clear();
    endpoint_->send(flit);
    kernel_->wake_endpoint(0);
    for (int i = 0; i < 500 && endpoint_->arrivals.empty(); ++i) kernel_->run(1);
    ASSERT_FALSE(endpoint_->arrivals.empty()) << "no answer";
    EXPECT_EQ(endpoint_->arrivals[0].flit.kind, Kind::kWriteRsp) << std::hex << local;
  }
  /// Write a word of the tile.
  void write(std::uint32_t local, std::uint32_t value) { write_bytes(local, &value, 4); }
  /// Fill the scratchpad from a multiple of 64 on.
  void write_scratchpad(std::uint32_t offset, const std::vector<std::uint8_t>& bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += 64) {
      write_bytes(kScratchpad + offset + static_cast<std::uint32_t>(at), &bytes[at],
                  static_cast<unsigned>(std::min<std::size_t>(64, bytes.size() - at)));
    }
  }
  void write_words(std::uint32_t local, const std::vector<std::uint32_t>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      write(local + 4 * static_cast<std::uint32_t>(i), words[i]);
    }
  }
  /// Row of a context, as sixteen words.
  template <class Row>
  void context(unsigned context, unsigned row, const Row& words) {
    write_words(kContexts + 512 * context + 64 * row, {words.begin(), words.end()});
  }
  /// Push a command of an engine (0 RDMA, 1 WDMA, 2 ME, 3 VE, 4 TDMA).
  template <class Words>
  void command(unsigned engine, const Words& words) {
    write_words(kCommands + 64 * engine, {words.begin(), words.end()});
  }
  /// Load a program at address 0 and let the core run it.
  void start_program(const std::vector<std::uint32_t>& words) {
    write_words(0, words);
    write(kRegs + regs::tile::kBootPcOffset, 0);
    write(kRegs + regs::tile::kCoreCtrlOffset, 1);
  }

 private:
  SimContext context_;
  ChipConfig chip_;
  TestEndpoint* endpoint_ = nullptr;
  std::unique_ptr<Kernel> kernel_;
};

}  // namespace tsr::test
