// SPDX-License-Identifier: Apache-2.0
/// Cost of the composition kernel: trivial C++ models in every node, then RTL routers.
/// usage: platform_kernel_bench [threads]
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <functional>

#include "kernel/kernel.hpp"
#include "rtl/sim_context.hpp"

namespace tsr {
namespace {

constexpr int kWidth = 4, kHeight = 6;

/// Puts out the same pins in every cycle.
class Constant final : public NodeModel {
 public:
  explicit Constant(Pins out) : out_(out) {
    for (unsigned net = 0; net < kNets; ++net) {
      tx_flit[net] = buffer_ + net * kPorts * kFlitWords;
      rx_flit[net] = buffer_ + (kNets + net) * kPorts * kFlitWords;
    }
  }
  Pins step(std::uint64_t, Pins) override { return out_; }
  Pins rise(std::uint64_t, Pins) override { return out_; }
  void fall() override {}
  void set_reset(bool) override {}
  void trace(SimContext&) override {}

 private:
  Pins out_;
  std::uint32_t buffer_[2 * kNets * kPorts * kFlitWords] = {};
};

/// Pins of a model whose local request link, and its credits, are busy in every cycle.
constexpr Pins kLocalBusy = valid_pin(0) | 1U << credit_pin(0);

double measure(const char* what, unsigned threads, std::uint64_t cycles,
               const std::function<MeshNode(Node)>& make, SimContext* context = nullptr) {
  std::vector<MeshNode> nodes;
  for (unsigned y = 0; y < kHeight; ++y) {
    for (unsigned x = 0; x < kWidth; ++x) {
      nodes.push_back(make({x, y}));
      nodes.back().weight = Kernel::kHeavyWeight;
    }
  }
  Kernel kernel(kWidth, kHeight, std::move(nodes), threads, context);
  kernel.reset();
  kernel.run(100);
  const auto start = std::chrono::steady_clock::now();
  kernel.run(cycles);
  const double ns =
      std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() /
      static_cast<double>(cycles);
  fmt::print("{:<44} {:9.1f} ns a cycle {:7.2f} ns a model and cycle\n", what, ns,
             ns / (2 * kWidth * kHeight));
  return ns;
}

void run(unsigned threads) {
  const auto constant = [](Pins out) {
    return [out](Node) {
      MeshNode node;
      node.router = std::make_unique<Constant>(out);
      node.endpoint = std::make_unique<Constant>(out);
      return node;
    };
  };
  fmt::print("{} x {} mesh, {} models, {} threads\n", kWidth, kHeight, 2 * kWidth * kHeight,
             threads);
  measure("kernel alone, all asleep", threads, 20'000'000, constant(kIdlePin));
  measure("kernel alone, all awake, quiet", threads, 2'000'000, constant(0));
  measure("kernel alone, all awake, a flit a model", threads, 1'000'000, constant(kLocalBusy));

  SimContext context(1);
  ChipConfig chip;
  chip.mesh_w = kWidth;
  chip.mesh_h = kHeight;
  chip.mem = {{0, 0}};
  const auto rtl = [&](Node here) {
    MeshNode node;
    node.router = make_router({&context, fmt::format("router_{}_{}", here.x, here.y), here, &chip});
    node.endpoint = make_bare({&context, fmt::format("bare_{}_{}", here.x, here.y), here, &chip});
    return node;
  };
  measure("RTL routers and bare nodes, asleep", threads, 20'000'000, rtl, &context);
  const auto busy = [&](Node here) {
    MeshNode node = rtl(here);
    node.endpoint = std::make_unique<Constant>(0);
    return node;
  };
  measure("RTL routers asleep, endpoints awake", threads, 1'000'000, busy, &context);
}

}  // namespace
}  // namespace tsr

int main(int argc, char** argv) {
  tsr::run(argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 1);
}
