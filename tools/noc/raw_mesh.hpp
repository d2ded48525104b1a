// SPDX-License-Identifier: Apache-2.0
/// A mesh of router RTL and nothing else: flits go in and come out at the local ports.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "noc/faults.hpp"
#include "noc/flit.hpp"
#include "rtl/node_model.hpp"
#include "rtl/sim_context.hpp"

namespace tsr::tools {

struct RawMeshOptions {
  unsigned width = 4, height = 4;
  unsigned net = 0;           ///< 0: request network (x first), 1: response network (y first)
  unsigned depth = kVcDepth;  ///< flits of buffer a VC that senders may use
  std::uint64_t seed = 1;     ///< of uninitialized flops
  /// Dead links and routers, and the tables that are loaded; null: none, and dimension order.
  std::shared_ptr<const MeshRoutes> routes;
};

/// Every local port is driven by an injector with credits and drained at once. One network of the
/// routers carries the traffic, the other one is silent. A smaller buffer depth is made of the
/// RTL's by keeping back credits of every link, which is the same to a sender. Now and then one is
/// given back and the next one kept: a router takes a link that owes credits and is silent for
/// dead. Dead links lose what is sent on them and dead routers do nothing at all.
class RawMesh {
 public:
  explicit RawMesh(const RawMeshOptions& options);

  unsigned nodes() const { return options_.width * options_.height; }
  Node node(unsigned i) const { return {i % options_.width, i / options_.width}; }
  /// Whether node i may inject a flit of this VC in the next cycle.
  bool can_send(unsigned i, unsigned vc) const { return credits_[i][vc] > 0; }
  /// Inject a flit at node i in the next cycle; seals it.
  void send(unsigned i, Flit flit);
  /// One clock cycle.
  void tick();
  /// Cycles so far: the cycle in which a flit given to send() is on the link.
  std::uint64_t cycle() const { return cycle_; }
  /// Flits that are on the local output links now: node and words of each.
  struct Arrival {
    unsigned node;
    const std::uint32_t* words;
  };
  const std::vector<Arrival>& arrivals() const { return arrivals_; }
  /// All routers are empty and all credits are back.
  bool drained() const;
  /// The mesh is empty: give the credits back that were kept.
  void give_back();

 private:
  struct Link {
    int neighbour = -1;                    ///< router on the other side, port opposite(port)
    std::array<unsigned, kNumVcs> keep{};  ///< credits to the sender that are still kept back
  };
  struct Router {
    std::unique_ptr<NodeModel> model;  ///< null: dead
    Pins in = 0;
    Pins out = kIdlePin;
    std::array<Link, kPorts> links;  ///< by output port
  };

  unsigned link(unsigned port) const { return options_.net * kPorts + port; }
  void start(unsigned i);
  void load_tables(unsigned i);
  unsigned returned(Link& link, unsigned credits) const;
  void carry(unsigned i);
  void give_back_one();

  RawMeshOptions options_;
  ChipConfig config_;
  SimContext context_;
  std::vector<Router> routers_;
  std::vector<std::array<unsigned, kNumVcs>> credits_;  ///< of the injectors
  std::vector<Arrival> arrivals_;
  std::uint64_t cycle_ = 0;
};

}  // namespace tsr::tools
