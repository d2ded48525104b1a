// SPDX-License-Identifier: Apache-2.0
/// Fixture of the benches that run the layout engine on a scratchpad in C++.
#pragma once

#include <memory>

#include "Vtsr_tdma.h"
#include "common/bench.hpp"
#include "tdma/tdma_env.hpp"

namespace tsr::tb {

constexpr std::size_t kSpmBytes = 65536;

class Tdma : public Bench<Vtsr_tdma> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    host_ = std::make_unique<TdmaHost<Vtsr_tdma>>(dut());
    memory_ = std::make_unique<TdmaSpm<Vtsr_tdma>>(dut(), kSpmBytes);
    host_->rng.seed(seed() ^ 0x5eed);
    memory_->rng.seed(seed() ^ 0xfeed);
    before_edge([this] {
      host_->before_edge();
      memory_->before_edge();
    });
    after_edge([this] {
      host_->after_edge();
      memory_->after_edge();
    });
    reset();
    run(2);
    host_->state_cycles = {};
    host_->ops = 0;
    host_->done.clear();
    memory_->problem.clear();
    for (auto& b : spm()) b = static_cast<std::uint8_t>(rng()());
  }

  void TearDown() override {
    EXPECT_EQ(memory_->problem, "");
    Bench::TearDown();
  }

  TdmaHost<Vtsr_tdma>& host() { return *host_; }
  TdmaSpm<Vtsr_tdma>& memory() { return *memory_; }
  std::vector<std::uint8_t>& spm() { return memory_->spm; }

  void stall_everything(double probability) {
    memory().stall = {probability, probability};
    host().context_stall = probability;
    host().command_gap = probability;
  }

  /// Run one command alone.
  TdmaDone execute(const engines::TdmaCommand& command, std::uint16_t id = 1) {
    const std::size_t before = host().done.size();
    host().push(command, id % 8, id);
    EXPECT_TRUE(run_until([&] { return host().done.size() > before; }, 400000)) << "no completion";
    return host().done.size() > before ? host().done.back() : TdmaDone{};
  }

  /// Run one command and compare everything with the model. Returns the cycles from its offer to
  /// its completion.
  std::uint64_t check(const engines::TdmaCommand& command, const std::string& what) {
    auto expected = spm();
    const auto result = engines::tdma_run(command, expected);
    const auto id = static_cast<std::uint16_t>(rng()());
    const std::uint64_t ops = host().ops;
    const TdmaDone done = execute(command, id);
    EXPECT_EQ(done.error, result.error) << what;
    EXPECT_EQ(done.address, result.address) << what;
    EXPECT_EQ(done.id, id) << what;
    EXPECT_EQ(done.info, 0U) << what;
    compare(expected, what);
    run(2);  // the accounting is a cycle behind
    if (result.error == engines::CmdError::Ok) EXPECT_EQ(host().ops - ops, result.bytes) << what;
    return done.cycle - host().offered;
  }

  void compare(const std::vector<std::uint8_t>& expected, const std::string& what) {
    if (spm() == expected) return;
    unsigned shown = 0;
    for (std::size_t i = 0; i < expected.size() && shown < 5; ++i) {
      if (spm()[i] == expected[i]) continue;
      ADD_FAILURE() << fmt::format("{}: byte {:#x} is {:02x}, expected {:02x}", what, i, spm()[i],
                                   expected[i]);
      ++shown;
    }
  }

 private:
  std::unique_ptr<TdmaHost<Vtsr_tdma>> host_;
  std::unique_ptr<TdmaSpm<Vtsr_tdma>> memory_;
};

}  // namespace tsr::tb
