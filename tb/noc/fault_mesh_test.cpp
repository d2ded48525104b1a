// SPDX-License-Identifier: Apache-2.0
/// Whole meshes with dead links and routers: tables go in through the network itself, and every
/// connected pair is served.
#include <algorithm>

#include "Vrouter_node.h"
#include "Vrouter_node_fast.h"
#include "common/bench.hpp"
#include "composed_mesh.hpp"
#include "noc/fault_routes.hpp"
#include "noc/router_page.hpp"

namespace tsr::tb {
namespace {

class FaultMesh {
 public:
  explicit FaultMesh(const FaultMap& faults)
      : faults_(faults), routes_{FaultRoutes(faults, 0), FaultRoutes(faults, 1)} {
    context_.randReset(2);
    context_.randSeed(static_cast<int>(seed_from_env() & 0x7fffffff) | 1);
    context_.fatalOnError(false);
    context_.assertOn(false);
    mesh_ = std::make_unique<ComposedMesh<Vrouter_node>>(&context_, faults);
    mesh_->reset();
    context_.assertOn(true);
    for (unsigned k = 0; k < 2; ++k) {
      sources_[k].resize(mesh_->nodes());
      sinks_[k].resize(mesh_->nodes());
    }
  }
  ~FaultMesh() { EXPECT_EQ(context_.errorCount(), 0) << "RTL assertions failed"; }

  /// As firmware does it, from one node of each component: near routers first, so that the way to
  /// the others follows tables already where it must.
  void load() {
    std::vector<bool> loaded(mesh_->nodes(), false);
    for (unsigned from = 0; from < mesh_->nodes(); ++from) {
      if (loaded[from] || !faults_.alive(mesh_->node(from))) continue;
      std::vector<unsigned> order;
      for (unsigned to = 0; to < mesh_->nodes(); ++to) {
        if (connected(from, to)) order.push_back(to);
      }
      const auto key = [&](unsigned to) { return std::pair(table_hops(from, to), to); };
      std::sort(order.begin(), order.end(),
                [&](unsigned a, unsigned b) { return key(a) < key(b); });
      for (unsigned to : order) {
        load_router(from, to);
        loaded[to] = true;
      }
    }
  }

  void send(unsigned network, unsigned from, unsigned to) {
    const Node src = mesh_->node(from), dst = mesh_->node(to);
    Flit f = random_flit(network, src, {dst, dst}, ++last_id_, rng_);
    f.vc = routes_[network].layer(src, dst) == Layer::kTables;
    sources_[network][from].push(f);
    board_.expect(network, dst, f);
  }
  bool connected(unsigned from, unsigned to) const {
    return routes_[0].layer(mesh_->node(from), mesh_->node(to)) != Layer::kNone;
  }
  bool drain(unsigned limit) {
    for (unsigned i = 0; i < limit && !drained(); ++i) tick();
    return drained();
  }
  unsigned nodes() const { return mesh_->nodes(); }
  std::size_t delivered() const { return board_.delivered(); }
  std::mt19937_64& rng() { return rng_; }

 private:
  unsigned table_hops(unsigned from, unsigned to) const {
    unsigned count = 0, in = 0;
    for (Node at = mesh_->node(from); at != mesh_->node(to); ++count) {
      const unsigned port = routes_[0].tables()[mesh_->index(at)].way(in, mesh_->node(to));
      at = step(at, static_cast<Dir>(port));
      in = static_cast<unsigned>(opposite(static_cast<Dir>(port)));
    }
    return count;
  }
  void load_router(unsigned from, unsigned to) {
    const Node src = mesh_->node(from), dst = mesh_->node(to);
    for (unsigned net : {1U, 0U}) {
      const RouterTable& table = routes_[net].tables()[to];
      for (Flit flit : {table_write(src, dst, net, table), control_write(src, dst, net, table)}) {
        flit.vc = true;
        sources_[0][from].push(flit);
      }
    }
    drain(200);
    for (int i = 0; i < 40; ++i) tick();
  }
  void tick() {
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < nodes(); ++i) {
        sources_[k][i].credit(mesh_->rx_credit(k, i));
        if (!mesh_->tx_valid(k, i)) continue;
        const Flit flit = mesh_->tx_flit(k, i);
        sinks_[k][i].receive(flit);
        board_.arrived(k, mesh_->node(i), flit);
      }
    }
    mesh_->tick(cycle_++);
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < nodes(); ++i) {
        LocalLink& link = mesh_->in[k][i];
        auto flit = sources_[k][i].next();
        link.rx_valid = flit.has_value();
        if (flit) {
          flit->birth = static_cast<std::uint16_t>(cycle_);
          flit->seal();
          flit->to_words(link.rx_flit.data());
        }
        link.tx_credit = sinks_[k][i].drain();
      }
    }
  }
  bool drained() const {
    if (board_.outstanding() != 0) return false;
    for (const auto& net : sources_) {
      for (const auto& s : net) {
        if (s.waiting() != 0 || !s.all_credits_back()) return false;
      }
    }
    return true;
  }

  FaultMap faults_;
  std::array<FaultRoutes, 2> routes_;
  VerilatedContext context_;
  std::unique_ptr<ComposedMesh<Vrouter_node>> mesh_;
  std::array<std::vector<LinkSource>, 2> sources_;
  std::array<std::vector<LinkSink>, 2> sinks_;
  Scoreboard board_;
  std::mt19937_64 rng_{seed_from_env()};
  std::uint64_t last_id_ = 0;
  std::uint64_t cycle_ = 0;
};

/// Every connected pair, `rounds` times at once, on both networks.
void expect_all_pairs(const FaultMap& faults, unsigned rounds = 1) {
  FaultMesh mesh(faults);
  mesh.load();
  std::size_t sent = 0;
  std::vector<std::pair<unsigned, unsigned>> pairs;
  for (unsigned from = 0; from < mesh.nodes(); ++from) {
    for (unsigned to = 0; to < mesh.nodes(); ++to) {
      if (mesh.connected(from, to)) pairs.emplace_back(from, to);
    }
  }
  for (unsigned round = 0; round < rounds; ++round) {
    std::shuffle(pairs.begin(), pairs.end(), mesh.rng());
    for (const auto& [from, to] : pairs) {
      for (unsigned k = 0; k < 2; ++k) mesh.send(k, from, to);
      sent += 2;
    }
  }
  EXPECT_TRUE(mesh.drain(400 + static_cast<unsigned>(sent) * 4));
  EXPECT_EQ(mesh.delivered(), sent);
}

TEST(NocFaultMesh, DeliversAroundEveryDeadLink) {
  for (unsigned i = 0; i < 9; ++i) {
    for (const Dir port : {Dir::kEast, Dir::kSouth}) {
      FaultMap faults(3, 3);
      const auto next = faults.neighbour(faults.node(i), port);
      if (!next) continue;
      faults.kill_link(faults.node(i), *next);
      expect_all_pairs(faults);
    }
  }
}

TEST(NocFaultMesh, DeliversAroundEveryDeadRouter) {
  for (unsigned i = 0; i < 9; ++i) {
    FaultMap faults(3, 3);
    faults.kill_router(faults.node(i));
    expect_all_pairs(faults);
  }
}

TEST(NocFaultMesh, ServesEachPartOfASplitMesh) {
  FaultMap faults(4, 2);
  faults.kill_link({1, 0}, {2, 0});
  faults.kill_link({1, 1}, {2, 1});
  faults.kill_link({2, 0}, {3, 0});
  expect_all_pairs(faults);
}

/// Two meshes with the same faults and stimuli, one of which skips sleeping nodes.
class TwinMeshes {
 public:
  explicit TwinMeshes(const FaultMap& faults)
      : plain_(&contexts_[0], faults), skipping_(&contexts_[1], faults) {
    plain_.skip = false;
    for (auto* mesh : {&plain_, &skipping_}) mesh->reset();
  }
  void tick(std::uint64_t now) {
    plain_.tick(now);
    skipping_.tick(now);
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < plain_.nodes(); ++i) {
        ASSERT_EQ(plain_.tx_valid(k, i), skipping_.tx_valid(k, i)) << "cycle " << now;
        ASSERT_EQ(plain_.rx_credit(k, i), skipping_.rx_credit(k, i)) << "cycle " << now;
        if (plain_.tx_valid(k, i)) {
          ASSERT_TRUE(plain_.tx_flit(k, i) == skipping_.tx_flit(k, i)) << "cycle " << now;
        }
        ASSERT_EQ(plain_.count(i), skipping_.count(i)) << "cycle " << now << " node " << i;
      }
    }
    drive(now);
  }
  void select(unsigned counter) { plain_.cnt_sel = skipping_.cnt_sel = counter; }
  std::uint32_t count(unsigned node) const { return plain_.count(node); }
  bool idle() const { return plain_.idle(); }
  std::uint64_t skipped() const { return skipping_.skipped(); }
  double load = 0;  ///< flits a cycle, node and network

 private:
  void drive(std::uint64_t now) {
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < plain_.nodes(); ++i) {
        auto& source = sources_[k][i];
        auto& sink = sinks_[k][i];
        source.credit(plain_.rx_credit(k, i));
        if (plain_.tx_valid(k, i)) sink.receive(plain_.tx_flit(k, i));
        if (std::uniform_real_distribution<>()(rng_) < load) {
          const Node to = plain_.node(static_cast<unsigned>(rng_() % plain_.nodes()));
          source.push(random_flit(k, plain_.node(i), {to, to}, rng_(), rng_));
        }
        LocalLink& link = plain_.in[k][i];
        auto flit = source.next();
        link.rx_valid = flit.has_value();
        if (flit) {
          flit->birth = static_cast<std::uint16_t>(now + 1);
          flit->seal();
          flit->to_words(link.rx_flit.data());
        }
        link.tx_credit = sink.drain();
        skipping_.in[k][i] = link;
      }
    }
  }

  std::array<VerilatedContext, 2> contexts_;
  ComposedMesh<Vrouter_node_fast> plain_;
  ComposedMesh<Vrouter_node_fast> skipping_;
  std::array<std::array<LinkSource, 6>, 2> sources_;
  std::array<std::array<LinkSink, 6>, 2> sinks_;
  std::mt19937_64 rng_{seed_from_env()};
};

TEST(NocFaultMesh, TheWatchdogDrainsAnUnknownDeadLinkAwakeOrSkipped) {
  FaultMap faults(3, 2);
  faults.kill_link({1, 0}, {2, 0});
  TwinMeshes mesh(faults);
  mesh.select(7);
  std::uint64_t now = 0;
  for (int burst = 0; burst < 4; ++burst) {
    mesh.load = 0.3;
    for (int i = 0; i < 300 && !testing::Test::HasFatalFailure(); ++i) mesh.tick(now++);
    mesh.load = 0;
    for (int i = 0; i < 13000 && !testing::Test::HasFatalFailure(); ++i) mesh.tick(now++);
    EXPECT_TRUE(mesh.idle()) << "drained";
  }
  EXPECT_GT(mesh.skipped(), 10000U);
  for (unsigned net = 0; net < 2; ++net) {
    mesh.select(net * 8 + 7);
    for (int i = 0; i < 3; ++i) mesh.tick(now++);
    for (unsigned i = 0; i < 6; ++i) {
      const unsigned want = i == 1   ? 1U << static_cast<unsigned>(Dir::kEast)
                            : i == 2 ? 1U << static_cast<unsigned>(Dir::kWest)
                                     : 0U;
      EXPECT_EQ(mesh.count(i), want) << "network " << net << " node " << i;
    }
  }
}

TEST(NocFaultMesh, DrainsUnderLoadWithManyFaults) {
  const std::uint64_t seed = seed_from_env();
  fmt::print("seed {} (set TSR_SEED to change it)\n", seed);
  for (unsigned round = 0; round < 3; ++round) {
    FaultMap faults(5, 4);
    faults.kill_random_links(6, seed + round);
    faults.kill_random_routers(round, seed + round);
    expect_all_pairs(faults, 5);
  }
}

}  // namespace
}  // namespace tsr::tb
