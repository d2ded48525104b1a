// SPDX-License-Identifier: Apache-2.0
/// What the tests of the memory node share: bring-up, register accesses, random traffic.
#pragma once

#include <Vhbm_mem.h>

#include "common/bench.hpp"
#include "hbm/mem_bench.hpp"

namespace tsr::tb {

namespace hbm = regs::hbm;

/// Fixture: one memory node, its registers and initialization, and random traffic.
class HbmNodeTest : public Bench<Vhbm_mem> {
 protected:
  void TearDown() override {
    if (node_) {
      for (std::size_t i = 0; i < std::min<std::size_t>(node_->violations().size(), 10); ++i) {
        ADD_FAILURE() << node_->violations()[i].message;
      }
    }
    Bench::TearDown();
  }

  /// Bring up the bench around a device with this timing; the node is in reset, then not
  /// initialized.
  void start(const DramTiming& timing) {
    timing_ = timing;
    node_ = std::make_unique<MemNode<Vhbm_mem>>(dut(), timing, seed());
    before_edge([this] { node_->before_edge(); });
    after_edge([this] { node_->after_edge(); });
    reset();
  }

  void finish(std::uint64_t limit = 200000) {
    ASSERT_TRUE(run_until([this] { return node_->quiet(); }, limit)) << "requests are not answered";
  }

  void write_register(std::uint32_t offset, std::uint32_t value) {
    const Node before = std::exchange(node_->source, node_->config.ctl);
    node_->register_write(offset, value);
    node_->source = before;
    finish();
  }
  std::uint32_t read_register(std::uint32_t offset) {
    const Node before = std::exchange(node_->source, node_->config.ctl);
    node_->register_read(offset);
    node_->source = before;
    finish();
    return node_->register_value;
  }
  std::uint64_t counter(unsigned select) {
    write_register(hbm::kCountSelOffset, select);
    const std::uint64_t low = read_register(hbm::kCountLoOffset);
    return low | std::uint64_t{read_register(hbm::kCountHiOffset)} << 32;
  }

  /// Program the timing registers and initialize.
  void initialize() {
    for (const auto& field : kDramTimingFields) {
      if (std::string(field.name) == "bl") continue;
      write_register(timing_register(field.name),
                     static_cast<std::uint32_t>(timing_.*field.member));
    }
    write_register(hbm::kCtrlOffset, 1);
    ASSERT_TRUE(run_until([this] { return node_->device().initialized(0); }, 10000));
    for (int i = 0; i < 100 && (read_register(hbm::kStatusOffset) & 4U) != 0; ++i) run(20);
    ASSERT_EQ(read_register(hbm::kStatusOffset) & 7U, 1U) << "initialization failed";
  }

  void start_and_initialize(const DramTiming& timing) {
    start(timing);
    initialize();
  }
  /// A profile with a shorter power-up, to save time.
  static DramTiming quick(const std::string& name) {
    DramTiming t = load_timing(name);
    t.init = 200;
    return t;
  }

  /// Mixed random traffic over `blocks` 64-byte blocks spread by `spread`, `count` requests.
  void random_traffic(int count, std::uint64_t blocks, double write_share,
                      const std::function<std::uint64_t(std::uint64_t)>& place) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(run_until([this] { return node_->can_send(); }, 100000)) << "stuck";
      const std::uint64_t block = place(rand_in(0, blocks - 1));
      if (chance(write_share)) {
        std::uint64_t strb = ~0ULL;
        switch (rand_in(0, 4)) {
          case 0:
            strb = rng()();
            break;
          case 1:
            strb = 1ULL << rand_in(0, 63);
            break;
          case 2:
            strb = 0xffffffffULL << (32 * rand_in(0, 1));
            break;
          case 3:
            strb = chance(0.1) ? 0 : ~0ULL << rand_in(0, 63);
            break;
          default:
            break;
        }
        node_->write(block, strb, chance(0.2));
      } else {
        const std::uint64_t first = block / 256 * 256 + rand_in(0, 255);
        const std::uint64_t room = 256 - first % 256;
        node_->cls = chance(0.2);
        node_->read(first, static_cast<unsigned>(chance(0.3) ? room : rand_in(1, room)));
        node_->cls = false;
      }
      if (chance(0.02)) run(rand_in(1, 100));
    }
    finish();
  }

  DramTiming timing_;
  std::unique_ptr<MemNode<Vhbm_mem>> node_;
};

}  // namespace tsr::tb
