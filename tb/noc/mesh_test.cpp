// SPDX-License-Identifier: Apache-2.0
/// Whole meshes of routers: 4 x 4 and 5 x 3 in RTL, and a 4 x 4 composed of separately verilated nodes.
#include <algorithm>
#include <array>
#include <cstring>

#include "Vnoc_mesh.h"
#include "Vrouter_node_fast.h"
#include "common/bench.hpp"
#include "net_model.hpp"

namespace tsr::tb {
namespace {

/// One mesh of the model: local links of node i of network k have the index k * nodes + i.
struct MeshPorts {
  unsigned w;
  unsigned h;
  IData* rx_valid;
  std::uint32_t* rx_flit;
  QData* rx_credit;
  IData* tx_valid;
  std::uint32_t* tx_flit;
  QData* tx_credit;
  std::uint32_t* count;
  SData* idle;

  unsigned nodes() const { return w * h; }
  Node node(unsigned i) const { return {i % w, i / w}; }
  unsigned index(Node n) const { return n.y * w + n.x; }
};

/// Sources, sinks and scoreboard of one mesh.
struct Traffic {
  std::array<std::vector<LinkSource>, 2> sources;
  std::array<std::vector<LinkSink>, 2> sinks;
  Scoreboard board;
  double drain = 1.0;  ///< probability that a sink frees a slot in a cycle
  std::map<std::uint64_t, std::uint64_t> entered;
  std::uint64_t latency_sum = 0;
  std::uint64_t last_latency = 0;
};

class NocMesh : public Bench<Vnoc_mesh> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    meshes_[0] = {4, 4, &dut().a_rx_valid_i, dut().a_rx_flit_i.data(), &dut().a_rx_credit_o,
                  &dut().a_tx_valid_o, dut().a_tx_flit_o.data(), &dut().a_tx_credit_i,
                  dut().a_cnt_o.data(), &dut().a_idle_o};
    meshes_[1] = {5, 3, &dut().b_rx_valid_i, dut().b_rx_flit_i.data(), &dut().b_rx_credit_o,
                  &dut().b_tx_valid_o, dut().b_tx_flit_o.data(), &dut().b_tx_credit_i,
                  dut().b_cnt_o.data(), &dut().b_idle_o};
    for (unsigned m = 0; m < 2; ++m) {
      *meshes_[m].rx_valid = 0;
      *meshes_[m].tx_credit = 0;
      for (unsigned k = 0; k < 2; ++k) {
        traffic_[m].sources[k].resize(meshes_[m].nodes());
        traffic_[m].sinks[k].resize(meshes_[m].nodes());
      }
    }
    dut().cnt_sel_i = 0;
    before_edge([this] {
      for (unsigned m = 0; m < 2; ++m) sample(meshes_[m], traffic_[m]);
    });
    after_edge([this] {
      dut().now_i = static_cast<SData>((cycle() + 1) & 0xfff);
      for (unsigned m = 0; m < 2; ++m) drive(meshes_[m], traffic_[m]);
    });
    reset();
  }

  void sample(const MeshPorts& mesh, Traffic& t) {
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < mesh.nodes(); ++i) {
        const unsigned j = k * mesh.nodes() + i;
        t.sources[k][i].credit(static_cast<unsigned>(*mesh.rx_credit >> (2 * j)) & 3);
        if ((*mesh.tx_valid >> j) & 1) {
          const Flit flit = Flit::from_words(mesh.tx_flit + j * kFlitWords);
          t.sinks[k][i].receive(flit);
          t.board.arrived(k, mesh.node(i), flit);
          t.last_latency = cycle() - t.entered[flit.data[0]];
          t.latency_sum += t.last_latency;
        }
      }
    }
  }

  void drive(const MeshPorts& mesh, Traffic& t) {
    *mesh.rx_valid = 0;
    *mesh.tx_credit = 0;
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < mesh.nodes(); ++i) {
        const unsigned j = k * mesh.nodes() + i;
        if (auto flit = t.sources[k][i].next()) {
          flit->birth = dut().now_i;
          flit->seal();
          flit->to_words(mesh.rx_flit + j * kFlitWords);
          *mesh.rx_valid |= 1U << j;
          t.entered[flit->data[0]] = cycle() + 1;
        }
        if (t.drain >= 1.0 || chance(t.drain)) {
          *mesh.tx_credit |= static_cast<QData>(t.sinks[k][i].drain()) << (2 * j);
        }
      }
    }
  }

  /// Queue one message at its source and expect it at every target.
  Flit send(unsigned m, unsigned network, Node src, const Rect& dst, bool vc = false) {
    Flit f = random_flit(network, src, dst, ++last_id_, rng());
    f.vc = vc;
    const MeshPorts& mesh = meshes_[m];
    traffic_[m].sources[network][mesh.index(src)].push(f);
    for (Node target : members(dst, mesh.w, mesh.h)) traffic_[m].board.expect(network, target, f);
    return f;
  }
  Node random_node(const MeshPorts& mesh) {
    return mesh.node(static_cast<unsigned>(rand_in(0, mesh.nodes() - 1)));
  }
  Rect random_rect(const MeshPorts& mesh) {
    const Node a = random_node(mesh);
    const Node b = random_node(mesh);
    return {{std::min(a.x, b.x), std::min(a.y, b.y)}, {std::max(a.x, b.x), std::max(a.y, b.y)}};
  }
  bool drained() {
    for (unsigned m = 0; m < 2; ++m) {
      if (traffic_[m].board.outstanding() != 0) return false;
      for (auto& net : traffic_[m].sources) {
        for (auto& s : net) {
          if (!s.all_credits_back()) return false;
        }
      }
    }
    return true;
  }
  /// Counter `select` of every node of mesh m.
  std::vector<std::uint32_t> counters(unsigned m, unsigned select) {
    dut().cnt_sel_i = static_cast<CData>(select);
    run(2);
    dut().eval();
    return {meshes_[m].count, meshes_[m].count + meshes_[m].nodes()};
  }

  std::array<MeshPorts, 2> meshes_{};
  std::array<Traffic, 2> traffic_;
  std::uint64_t last_id_ = 0;
};

TEST_F(NocMesh, ZeroLoadLatencyIsTwoCyclesAHop) {
  for (unsigned m = 0; m < 2; ++m) {
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned s = 0; s < meshes_[m].nodes(); ++s) {
        for (unsigned d = 0; d < meshes_[m].nodes(); ++d) {
          const Node src = meshes_[m].node(s);
          const Node dst = meshes_[m].node(d);
          send(m, k, src, {dst, dst});
          ASSERT_TRUE(run_until([&] { return drained(); }, 60));
          // A router counts as a hop: the own one too.
          EXPECT_EQ(traffic_[m].last_latency, 2 * (distance(src, dst) + 1));
        }
      }
    }
  }
}

TEST_F(NocMesh, MulticastCrossesEveryTreeLinkOnce) {
  for (int round = 0; round < 60; ++round) {
    const unsigned m = round % 2;
    const unsigned k = (round / 2) % 2;
    const MeshPorts& mesh = meshes_[m];
    std::array<std::vector<std::uint32_t>, kNumDirs> before;
    for (unsigned p = 0; p < kNumDirs; ++p) before[p] = counters(m, k * 8 + p);
    const Node src = random_node(mesh);
    Rect rect = random_rect(mesh);
    if (round % 5 == 0) rect.hi = {rect.hi.x + 3, rect.hi.y + 2};  // reaches beyond the mesh
    if (round % 7 == 0) rect = {{0, 0}, {mesh.w - 1, mesh.h - 1}};  // broadcast
    send(m, k, src, rect);
    ASSERT_TRUE(run_until([&] { return drained(); }, 80));
    const auto hops = tree(src, rect, mesh.w, mesh.h, k == 0);
    for (unsigned p = 0; p < kNumDirs; ++p) {
      const auto after = counters(m, k * 8 + p);
      for (unsigned i = 0; i < mesh.nodes(); ++i) {
        EXPECT_EQ(after[i] - before[p][i], hops.count({mesh.node(i), static_cast<Dir>(p)}))
            << "round " << round << " node " << i << " port " << p;
      }
    }
    const auto dropped = counters(m, k * 8 + 6);
    for (std::uint32_t count : dropped) EXPECT_EQ(count, 0U);
  }
}

TEST_F(NocMesh, NothingIsLostDoubledDamagedOrReordered) {
  for (unsigned m = 0; m < 2; ++m) {
    const MeshPorts& mesh = meshes_[m];
    for (int i = 0; i < 6000; ++i) {
      const Node src = random_node(mesh);
      Rect rect{random_node(mesh), {}};
      rect.hi = rect.lo;
      if (chance(0.05)) rect = random_rect(mesh);
      send(m, static_cast<unsigned>(rand_in(0, 1)), src, rect, chance(0.3));
    }
  }
  for (int phase = 0; phase < 200 && !drained(); ++phase) {
    for (auto& t : traffic_) t.drain = 0.1 * static_cast<double>(rand_in(2, 10));
    run(50);
  }
  EXPECT_TRUE(drained());
  for (unsigned m = 0; m < 2; ++m) {
    EXPECT_EQ(traffic_[m].board.outstanding(), 0U);
    for (unsigned select : {5U, 6U, 13U, 14U}) {
      for (std::uint32_t count : counters(m, select)) EXPECT_EQ(count, 0U);
    }
    EXPECT_EQ(*meshes_[m].idle, (1U << meshes_[m].nodes()) - 1);
  }
}

TEST_F(NocMesh, SaturatedMulticastDrains) {
  for (unsigned m = 0; m < 2; ++m) {
    const MeshPorts& mesh = meshes_[m];
    for (unsigned i = 0; i < mesh.nodes(); ++i) {
      for (int n = 0; n < 25; ++n) {
        for (unsigned k = 0; k < 2; ++k) send(m, k, mesh.node(i), random_rect(mesh), chance(0.5));
      }
    }
    traffic_[m].drain = 0.7;
  }
  EXPECT_TRUE(run_until([&] { return drained(); }, 20000));
}

/// 4 x 4 mesh of separately verilated nodes, wired in C++; sleeping nodes are skipped.
class ComposedMesh {
 public:
  static constexpr unsigned kW = 4, kH = 4, kNodes = kW * kH;

  /// Local links of one network of one node.
  struct Local {
    bool rx_valid = false;
    std::array<std::uint32_t, kFlitWords> rx_flit{};
    unsigned tx_credit = 0;
  };
  std::array<std::array<Local, kNodes>, 2> in;

  ComposedMesh() {
    for (unsigned i = 0; i < kNodes; ++i) {
      auto& n = *nodes_.emplace_back(std::make_unique<Vrouter_node_fast>(&context_));
      const unsigned x = i % kW, y = i / kW;
      n.node_i = static_cast<SData>(Node{x, y}.pack());
      n.link_en_i = static_cast<CData>(1U | (y > 0) << 1 | (x + 1 < kW) << 2 | (y + 1 < kH) << 3 |
                                       (x > 0) << 4);
      n.cnt_sel_i = 0;
    }
  }
  /// One clock cycle with the inputs in `in`.
  void tick(bool rst_ni, unsigned now) {
    for (unsigned i = 0; i < kNodes; ++i) {
      gather(i, 0, nodes_[i]->req_rx_valid_i, nodes_[i]->req_rx_flit_i, nodes_[i]->req_tx_credit_i);
      gather(i, 1, nodes_[i]->rsp_rx_valid_i, nodes_[i]->rsp_rx_flit_i, nodes_[i]->rsp_tx_credit_i);
    }
    for (auto& n : nodes_) {
      const bool awake = !rst_ni || !n->idle_o || n->req_rx_valid_i || n->rsp_rx_valid_i ||
                         n->req_tx_credit_i || n->rsp_tx_credit_i;
      if (!awake) {
        ++skipped_;
        continue;
      }
      n->rst_ni = rst_ni;
      n->now_i = static_cast<SData>(now & 0xfff);
      n->clk_i = 1;
      n->eval();
      n->clk_i = 0;
      n->eval();
      ++evaluated_;
    }
  }
  Vrouter_node_fast& node(unsigned i) { return *nodes_[i]; }
  std::uint64_t skipped() const { return skipped_; }
  std::uint64_t evaluated() const { return evaluated_; }

 private:
  template <class Valid, class Wide, class Credit>
  void gather(unsigned i, unsigned k, Valid& valid, Wide& flit, Credit& credit) {
    const Local& local = in[k][i];
    unsigned v = local.rx_valid;
    unsigned c = local.tx_credit;
    if (local.rx_valid) std::memcpy(&flit[0], local.rx_flit.data(), sizeof local.rx_flit);
    for (unsigned p = 1; p < kNumDirs; ++p) {
      const Node at{i % kW, i / kW};
      const Node next = step(at, static_cast<Dir>(p));  // wraps below zero
      if (next.x >= kW || next.y >= kH) continue;
      auto& other = *nodes_[next.y * kW + next.x];
      const auto q = static_cast<unsigned>(opposite(static_cast<Dir>(p)));
      const unsigned sent = k == 0 ? other.req_tx_valid_o : other.rsp_tx_valid_o;
      const unsigned back = k == 0 ? other.req_rx_credit_o : other.rsp_rx_credit_o;
      if ((sent >> q) & 1) {
        v |= 1U << p;
        const auto& words = k == 0 ? other.req_tx_flit_o : other.rsp_tx_flit_o;
        std::memcpy(&flit[p * kFlitWords], &words[q * kFlitWords], kFlitWords * 4);
      }
      c |= ((back >> (2 * q)) & 3) << (2 * p);
    }
    valid = static_cast<Valid>(v);
    credit = static_cast<Credit>(c);
  }

  VerilatedContext context_;
  std::vector<std::unique_ptr<Vrouter_node_fast>> nodes_;
  std::uint64_t skipped_ = 0;
  std::uint64_t evaluated_ = 0;
};

TEST_F(NocMesh, ComposedMeshWithSleepingNodesIsCycleIdentical) {
  ComposedMesh composed;
  const MeshPorts& mesh = meshes_[0];
  for (int i = 0; i < 4; ++i) composed.tick(false, 0);
  std::uint64_t compared = 0;
  before_edge([&] {
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < 16; ++i) {
        const unsigned j = k * 16 + i;
        auto& n = composed.node(i);
        const unsigned valid = (k == 0 ? n.req_tx_valid_o : n.rsp_tx_valid_o) & 1;
        const unsigned credit = (k == 0 ? n.req_rx_credit_o : n.rsp_rx_credit_o) & 3;
        ASSERT_EQ(valid, (*mesh.tx_valid >> j) & 1) << "cycle " << cycle();
        ASSERT_EQ(credit, (*mesh.rx_credit >> (2 * j)) & 3) << "cycle " << cycle();
        if (valid) {
          const auto& words = k == 0 ? n.req_tx_flit_o : n.rsp_tx_flit_o;
          ASSERT_EQ(std::memcmp(&words[0], mesh.tx_flit + j * kFlitWords, kFlitWords * 4), 0);
          ++compared;
        }
        auto& local = composed.in[k][i];
        local.rx_valid = (*mesh.rx_valid >> j) & 1;
        std::memcpy(local.rx_flit.data(), mesh.rx_flit + j * kFlitWords, kFlitWords * 4);
        local.tx_credit = static_cast<unsigned>(*mesh.tx_credit >> (2 * j)) & 3;
      }
    }
    composed.tick(true, dut().now_i);
  });
  for (int burst = 0; burst < 12; ++burst) {
    const unsigned count = burst % 3 == 0 ? 400 : 6;  // busy and quiet times
    for (unsigned i = 0; i < count; ++i) {
      const Node dst = random_node(mesh);
      send(0, static_cast<unsigned>(rand_in(0, 1)), random_node(mesh),
           chance(0.1) ? random_rect(mesh) : Rect{dst, dst}, chance(0.3));
    }
    traffic_[0].drain = chance(0.5) ? 1.0 : 0.5;
    run(rand_in(50, 150));
    if (HasFatalFailure()) return;
  }
  ASSERT_TRUE(run_until([&] { return drained(); }, 2000));
  EXPECT_GT(compared, 1600U);
  EXPECT_GT(composed.skipped(), composed.evaluated() / 4);
}

/// Accepted flits per node and cycle of a composed 4 x 4 mesh at offered load 1.0, uniform random.
double accepted_load(bool both_vcs, std::mt19937_64& rng, double* worst_share) {
  constexpr unsigned kNodes = ComposedMesh::kNodes;
  ComposedMesh mesh;
  for (int i = 0; i < 4; ++i) mesh.tick(false, 0);
  std::array<std::array<std::array<unsigned, 2>, kNodes>, 2> credits;
  for (auto& net : credits) net.fill({kVcDepth, kVcDepth});
  std::array<Flit, 2 * kNodes> head;
  std::array<std::uint64_t, kNodes> from{};
  const auto renew = [&](unsigned k, unsigned i) {
    const auto d = static_cast<unsigned>(rng() % kNodes);
    const Node src{i % 4, i / 4}, dst{d % 4, d / 4};
    head[k * kNodes + i] = random_flit(k, src, {dst, dst}, 0, rng);
    head[k * kNodes + i].vc = both_vcs && (rng() & 1);
  };
  for (unsigned k = 0; k < 2; ++k) {
    for (unsigned i = 0; i < kNodes; ++i) renew(k, i);
  }
  std::uint64_t delivered = 0;
  constexpr unsigned kWarmUp = 1000, kWindow = 4000;
  for (unsigned cycle = 0; cycle < kWarmUp + kWindow; ++cycle) {
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned i = 0; i < kNodes; ++i) {
        auto& n = mesh.node(i);
        auto& local = mesh.in[k][i];
        const unsigned back = k == 0 ? n.req_rx_credit_o : n.rsp_rx_credit_o;
        for (unsigned v = 0; v < 2; ++v) credits[k][i][v] += (back >> v) & 1;
        local.tx_credit = 0;
        if ((k == 0 ? n.req_tx_valid_o : n.rsp_tx_valid_o) & 1) {
          const auto& words = k == 0 ? n.req_tx_flit_o : n.rsp_tx_flit_o;
          const Flit flit = Flit::from_words(&words[0]);
          local.tx_credit = flit.vc ? 2 : 1;
          if (cycle >= kWarmUp) {
            ++delivered;
            ++from[flit.src.y * 4 + flit.src.x];
          }
        }
        Flit& f = head[k * kNodes + i];
        local.rx_valid = credits[k][i][f.vc] > 0;
        if (local.rx_valid) {
          --credits[k][i][f.vc];
          f.birth = static_cast<std::uint16_t>(cycle & 0xfff);
          f.seal();
          f.to_words(local.rx_flit.data());
          renew(k, i);
        }
      }
    }
    mesh.tick(true, cycle);
  }
  const double mean = static_cast<double>(delivered) / kNodes;
  *worst_share = static_cast<double>(*std::min_element(from.begin(), from.end())) / mean;
  return static_cast<double>(delivered) / (2.0 * kNodes * kWindow);
}

TEST(NocMeshLoad, KeepsItsThroughputAndFairnessAtFullOfferedLoad) {
  std::mt19937_64 rng(seed_from_env());
  double worst = 0;
  const double one_vc = accepted_load(false, rng, &worst);
  fmt::print("4x4 uniform random, offered 1.0, all on VC 0: accepted {:.3f}, worst source {:.2f} of the mean\n",
             one_vc, worst);
  EXPECT_GT(one_vc, 0.55);
  EXPECT_GT(worst, 0.7);
  const double both = accepted_load(true, rng, &worst);
  fmt::print("4x4 uniform random, offered 1.0, both VCs: accepted {:.3f}, worst source {:.2f} of the mean\n", both,
             worst);
  EXPECT_GT(both, 0.7);
  EXPECT_GT(worst, 0.7);
}

}  // namespace
}  // namespace tsr::tb
