// SPDX-License-Identifier: Apache-2.0
/// Whole meshes of routers with raw injectors at the local ports.
#include <algorithm>
#include <array>

#include "Vnoc_mesh.h"
#include "Vrouter_node.h"
#include "Vrouter_node_fast.h"
#include "common/bench.hpp"
#include "composed_mesh.hpp"

namespace tsr::tb {
namespace {

struct Size {
  unsigned w;
  unsigned h;
};

/// A composed mesh with assertions and link checkers on, with sources, sinks and a scoreboard.
class NocMesh : public testing::TestWithParam<Size> {
 protected:
  using Mesh = ComposedMesh<Vrouter_node>;

  void SetUp() override {
    const std::uint64_t seed = seed_from_env();
    fmt::print("seed {} (set TSR_SEED to change it)\n", seed);
    rng_.seed(seed);
    context_.randReset(2);
    context_.randSeed(static_cast<int>(seed & 0x7fffffff) | 1);
    context_.fatalOnError(false);
    context_.assertOn(false);
    mesh_ = std::make_unique<Mesh>(&context_, GetParam().w, GetParam().h);
    mesh_->reset();
    context_.assertOn(true);
    for (unsigned k = 0; k < 2; ++k) {
      sources_[k].resize(mesh_->nodes());
      sinks_[k].resize(mesh_->nodes());
    }
  }
  void TearDown() override {
    EXPECT_EQ(context_.errorCount(), 0) << "RTL assertions failed; see the messages above";
  }

  /// Sample the outputs of this cycle, clock, then drive the inputs of the next one, as flops do.
  void tick() {
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < mesh_->nodes(); ++i) {
        sources_[k][i].credit(mesh_->rx_credit(k, i));
        if (!mesh_->tx_valid(k, i)) continue;
        const Flit flit = mesh_->tx_flit(k, i);
        sinks_[k][i].receive(flit);
        board_.arrived(k, mesh_->node(i), flit);
        last_latency_ = cycle_ - entered_[flit.data[0]];
      }
    }
    mesh_->tick(cycle_++);
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < mesh_->nodes(); ++i) {
        LocalLink& link = mesh_->in[k][i];
        const auto flit = sources_[k][i].next();
        link.rx_valid = flit.has_value();
        if (flit) {
          Flit f = *flit;
          f.birth = static_cast<std::uint16_t>(cycle_);
          f.seal();
          f.to_words(link.rx_flit.data());
          entered_[f.data[0]] = cycle_;
        }
        link.tx_credit = chance(drain_) ? sinks_[k][i].drain() : 0;
      }
    }
  }
  void run(unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) tick();
  }
  bool drain_all(unsigned limit) {
    for (unsigned i = 0; i < limit && !drained(); ++i) tick();
    return drained();
  }

  /// Queue one message at its source and expect it at every target.
  void send(unsigned network, Node src, const Rect& dst, bool vc = false) {
    Flit f = random_flit(network, src, dst, ++last_id_, rng_);
    f.vc = vc;
    sources_[network][mesh_->index(src)].push(f);
    for (Node n : members(dst, mesh_->w(), mesh_->h())) board_.expect(network, n, f);
  }
  std::uint64_t rand_in(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(rng_);
  }
  bool chance(double p) { return p >= 1.0 || std::bernoulli_distribution(p)(rng_); }
  Node random_node() { return mesh_->node(static_cast<unsigned>(rand_in(0, mesh_->nodes() - 1))); }
  Rect random_rect() {
    const Node a = random_node();
    const Node b = random_node();
    return {{std::min(a.x, b.x), std::min(a.y, b.y)}, {std::max(a.x, b.x), std::max(a.y, b.y)}};
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
  std::vector<std::uint32_t> counters(unsigned select) {
    mesh_->cnt_sel = select;
    run(2);
    std::vector<std::uint32_t> counts;
    for (unsigned i = 0; i < mesh_->nodes(); ++i) counts.push_back(mesh_->count(i));
    return counts;
  }

  std::mt19937_64 rng_;
  VerilatedContext context_;
  std::unique_ptr<Mesh> mesh_;
  std::array<std::vector<LinkSource>, 2> sources_;
  std::array<std::vector<LinkSink>, 2> sinks_;
  Scoreboard board_;
  double drain_ = 1.0;  ///< probability that a sink frees its slots in a cycle
  std::map<std::uint64_t, std::uint64_t> entered_;
  std::uint64_t last_latency_ = 0;
  std::uint64_t last_id_ = 0;
  std::uint64_t cycle_ = 0;
};

TEST_P(NocMesh, ZeroLoadLatencyIsTwoCyclesAHop) {
  for (unsigned k = 0; k < 2; ++k) {
    for (unsigned s = 0; s < mesh_->nodes(); ++s) {
      for (unsigned d = 0; d < mesh_->nodes(); ++d) {
        const Node src = mesh_->node(s);
        const Node dst = mesh_->node(d);
        send(k, src, {dst, dst});
        ASSERT_TRUE(drain_all(60));
        // Every router on the way is a hop, the source's own one too.
        EXPECT_EQ(last_latency_, 2 * (distance(src, dst) + 1));
      }
    }
  }
}

TEST_P(NocMesh, MulticastCrossesEveryTreeLinkOnce) {
  for (unsigned round = 0; round < 40; ++round) {
    const unsigned k = round % 2;
    std::array<std::vector<std::uint32_t>, kNumDirs> before;
    for (unsigned p = 0; p < kNumDirs; ++p) before[p] = counters(k * 8 + p);
    const Node src = random_node();
    Rect rect = random_rect();
    if (round % 5 == 0) rect.hi = {rect.hi.x + 3, rect.hi.y + 2};           // beyond the mesh
    if (round % 7 == 0) rect = {{0, 0}, {mesh_->w() - 1, mesh_->h() - 1}};  // broadcast
    send(k, src, rect);
    ASSERT_TRUE(drain_all(80));
    const auto hops = tree(src, rect, mesh_->w(), mesh_->h(), k == 0);
    for (unsigned p = 0; p < kNumDirs; ++p) {
      const auto after = counters(k * 8 + p);
      for (unsigned i = 0; i < mesh_->nodes(); ++i) {
        EXPECT_EQ(after[i] - before[p][i], hops.count({mesh_->node(i), static_cast<Dir>(p)}))
            << "round " << round << " node " << i << " port " << p;
      }
    }
    for (std::uint32_t count : counters(k * 8 + 6)) EXPECT_EQ(count, 0U);
  }
}

TEST_P(NocMesh, NothingIsLostDoubledDamagedOrReordered) {
  for (unsigned i = 0; i < 300 * mesh_->nodes(); ++i) {
    Rect rect{random_node(), {}};
    rect.hi = rect.lo;
    if (chance(0.05)) rect = random_rect();
    send(static_cast<unsigned>(rand_in(0, 1)), random_node(), rect, chance(0.3));
  }
  for (int phase = 0; phase < 200 && !drained(); ++phase) {
    drain_ = 0.1 * static_cast<double>(rand_in(2, 10));
    run(50);
  }
  ASSERT_TRUE(drained());
  for (unsigned select : {5U, 6U, 13U, 14U}) {
    for (std::uint32_t count : counters(select)) EXPECT_EQ(count, 0U);
  }
  run(5);
  EXPECT_TRUE(mesh_->idle());
}

TEST_P(NocMesh, SaturatedUniformRandomDrains) {
  for (unsigned i = 0; i < mesh_->nodes(); ++i) {
    for (unsigned n = 0; n < 150; ++n) {
      for (unsigned k = 0; k < 2; ++k) {
        const Node dst = random_node();
        send(k, mesh_->node(i), {dst, dst});
      }
    }
  }
  EXPECT_TRUE(drain_all(150 * 8));
}

TEST_P(NocMesh, SaturatedMulticastDrains) {
  for (unsigned i = 0; i < mesh_->nodes(); ++i) {
    for (unsigned n = 0; n < 15; ++n) {
      for (unsigned k = 0; k < 2; ++k) send(k, mesh_->node(i), random_rect(), chance(0.5));
    }
  }
  drain_ = 0.7;
  EXPECT_TRUE(drain_all(15 * mesh_->nodes() * mesh_->nodes() * 4));
}

INSTANTIATE_TEST_SUITE_P(Sizes, NocMesh, testing::Values(Size{4, 4}, Size{5, 3}, Size{1, 4}),
                         [](const auto& info) {
                           return fmt::format("{}x{}", info.param.w, info.param.h);
                         });

/// The same traffic through a monolithic 3 x 2 mesh and a composed one with sleeping nodes.
class NocComposition : public Bench<Vnoc_mesh> {
 protected:
  static constexpr unsigned kW = 3, kH = 2, kNodes = kW * kH;
};

TEST_F(NocComposition, SleepingComposedNodesMatchTheMonolithicMeshCycleByCycle) {
  ComposedMesh<Vrouter_node_fast> composed(&context(), kW, kH);
  composed.reset();
  dut().rx_valid_i = 0;
  dut().tx_credit_i = 0;
  dut().cnt_sel_i = 0;
  reset();
  std::array<std::array<LinkSource, kNodes>, 2> sources;
  std::array<std::array<LinkSink, kNodes>, 2> sinks;
  Scoreboard board;
  double drain = 1.0;
  before_edge([&] {
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < kNodes; ++i) {
        const unsigned j = k * kNodes + i;
        const bool valid = (dut().tx_valid_o >> j) & 1;
        const unsigned credit = (dut().rx_credit_o >> (2 * j)) & 3;
        const std::uint32_t* words = dut().tx_flit_o.data() + j * kFlitWords;
        ASSERT_EQ(composed.tx_valid(k, i), valid) << "cycle " << cycle();
        ASSERT_EQ(composed.rx_credit(k, i), credit) << "cycle " << cycle();
        sources[k][i].credit(credit);
        if (valid) {
          ASSERT_EQ(std::memcmp(words, composed.tx_words(k, i), kFlitWords * 4), 0);
          const Flit flit = Flit::from_words(words);
          sinks[k][i].receive(flit);
          board.arrived(k, composed.node(i), flit);
        }
        ASSERT_EQ(composed.count(i), dut().cnt_o[i]);
      }
    }
    composed.cnt_sel = dut().cnt_sel_i;
    composed.tick(dut().now_i);
  });
  const auto drive = [&] {
    dut().now_i = static_cast<SData>(cycle() + 1);
    dut().rx_valid_i = 0;
    dut().tx_credit_i = 0;
    if (chance(0.05)) dut().cnt_sel_i = static_cast<CData>(rand_in(0, 15));
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < kNodes; ++i) {
        const unsigned j = k * kNodes + i;
        LocalLink& link = composed.in[k][i];
        const auto flit = sources[k][i].next();
        link.rx_valid = flit.has_value();
        if (flit) {
          Flit f = *flit;
          f.birth = dut().now_i;
          f.seal();
          f.to_words(link.rx_flit.data());
          f.to_words(dut().rx_flit_i.data() + j * kFlitWords);
          dut().rx_valid_i = static_cast<SData>(dut().rx_valid_i | 1U << j);
        }
        link.tx_credit = chance(drain) ? sinks[k][i].drain() : 0;
        dut().tx_credit_i |= link.tx_credit << (2 * j);
      }
    }
  };
  after_edge(drive);
  std::uint64_t id = 0;
  for (int burst = 0; burst < 20; ++burst) {
    const unsigned count = burst % 3 == 0 ? 300 : 4;  // busy and quiet times
    for (unsigned n = 0; n < count; ++n) {
      const auto k = static_cast<unsigned>(rand_in(0, 1));
      const Node src = composed.node(static_cast<unsigned>(rand_in(0, kNodes - 1)));
      Rect rect;
      rect.lo = rect.hi = composed.node(static_cast<unsigned>(rand_in(0, kNodes - 1)));
      if (chance(0.1)) rect = {{0, 0}, rect.hi};
      Flit f = random_flit(k, src, rect, ++id, rng());
      f.vc = chance(0.3);
      sources[k][composed.index(src)].push(f);
      for (Node target : members(rect, kW, kH)) board.expect(k, target, f);
    }
    drain = chance(0.5) ? 1.0 : 0.5;
    run(rand_in(50, 200));
    if (HasFatalFailure()) return;
  }
  ASSERT_TRUE(run_until([&] { return board.outstanding() == 0; }, 3000));
  run(20);
  EXPECT_GT(board.delivered(), 2000U);
  EXPECT_GT(composed.skipped(), composed.evaluated() / 4);
}

/// Accepted flits per node and cycle of a 4 x 4 mesh at offered load 1.0, uniform random with self
/// traffic; `worst` is the worst source's share of the mean.
double accepted_load(bool both_vcs, std::mt19937_64& rng, double* worst) {
  constexpr unsigned kNodes = 16, kWarmUp = 1000, kWindow = 3000;
  VerilatedContext context;
  ComposedMesh<Vrouter_node_fast> mesh(&context, 4, 4);
  mesh.reset();
  std::array<std::array<std::array<unsigned, kNumVcs>, kNodes>, 2> credits;
  for (auto& net : credits) net.fill({kVcDepth, kVcDepth});
  std::array<std::array<Flit, kNodes>, 2> head;
  const auto renew = [&](unsigned k, unsigned i) {
    const Node dst = mesh.node(static_cast<unsigned>(rng() % kNodes));
    head[k][i] = random_flit(k, mesh.node(i), {dst, dst}, 0, rng);
    head[k][i].vc = both_vcs && (rng() & 1);
  };
  for (unsigned k = 0; k < 2; ++k) {
    for (unsigned i = 0; i < kNodes; ++i) renew(k, i);
  }
  std::array<std::uint64_t, kNodes> from{};
  for (unsigned cycle = 0; cycle < kWarmUp + kWindow; ++cycle) {
    std::array<std::array<unsigned, kNodes>, 2> freed{};
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < kNodes; ++i) {
        for (unsigned v = 0; v < kNumVcs; ++v) credits[k][i][v] += (mesh.rx_credit(k, i) >> v) & 1;
        if (!mesh.tx_valid(k, i)) continue;
        const Flit flit = mesh.tx_flit(k, i);
        freed[k][i] = flit.vc ? 2 : 1;
        if (cycle >= kWarmUp) ++from[mesh.index(flit.src)];
      }
    }
    mesh.tick(cycle);
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < kNodes; ++i) {
        LocalLink& link = mesh.in[k][i];
        Flit& f = head[k][i];
        link.tx_credit = freed[k][i];
        link.rx_valid = credits[k][i][f.vc] > 0;
        if (link.rx_valid) {
          --credits[k][i][f.vc];
          f.birth = static_cast<std::uint16_t>(cycle + 1);
          f.seal();
          f.to_words(link.rx_flit.data());
          renew(k, i);
        }
      }
    }
  }
  std::uint64_t delivered = 0;
  for (std::uint64_t n : from) delivered += n;
  *worst = static_cast<double>(*std::min_element(from.begin(), from.end())) * kNodes /
           static_cast<double>(delivered);
  return static_cast<double>(delivered) / (2.0 * kNodes * kWindow);
}

TEST(NocMeshLoad, KeepsThroughputAndFairnessAtFullOfferedLoad) {
  std::mt19937_64 rng(seed_from_env());
  double worst = 0;
  const double one_vc = accepted_load(false, rng, &worst);
  fmt::print("4x4 uniform random at 1.0, VC 0 only: accepted {:.3f}, worst source {:.2f} of mean\n",
             one_vc, worst);
  EXPECT_GT(one_vc, 0.55);
  EXPECT_GT(worst, 0.7);
  const double both = accepted_load(true, rng, &worst);
  fmt::print("4x4 uniform random at 1.0, both VCs: accepted {:.3f}, worst source {:.2f} of mean\n",
             both, worst);
  EXPECT_GT(both, 0.65);
  EXPECT_GT(worst, 0.7);
}

}  // namespace
}  // namespace tsr::tb
