// SPDX-License-Identifier: Apache-2.0
#include "noc/raw_mesh.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace tsr::tools {
namespace {

constexpr unsigned kCreditMask = (1U << kNumVcs) - 1;
/// Cycles between credits of a link that are given back; well below the routers' patience.
constexpr std::uint64_t kSignOfLife = 512;

}  // namespace

RawMesh::RawMesh(const RawMeshOptions& options)
    : options_(options), context_(options.seed), credits_(nodes()) {
  config_.mesh_w = options.width;
  config_.mesh_h = options.height;
  routers_.resize(nodes());
  for (unsigned i = 0; i < nodes(); ++i) {
    credits_[i].fill(options.depth);
    if (!options.routes || options.routes->faults.alive(node(i))) start(i);
  }
}

/// Make router i, reset it and give it its tables.
void RawMesh::start(unsigned i) {
  const FaultMap faults =
      options_.routes ? options_.routes->faults : FaultMap(options_.width, options_.height);
  Router& router = routers_[i];
  router.model = make_router({&context_, fmt::format("router_{}", i), node(i), &config_});
  for (unsigned port = 0; port < kPorts; ++port) {
    const auto next = faults.neighbour(node(i), static_cast<Dir>(port));
    router.links[port].neighbour = next ? static_cast<int>(faults.index(*next)) : -1;
    router.links[port].keep.fill(kVcDepth - options_.depth);
  }
  router.model->set_reset(true);
  for (unsigned n = 0; n < 4; ++n) router.model->step(0, 0);
  router.model->set_reset(false);
  if (options_.routes) load_tables(i);
  router.out = 0;
}

/// Posted writes from the router's own local port. The router takes them all out again: nothing
/// leaves it, and as many credits come back.
void RawMesh::load_tables(unsigned i) {
  NodeModel& model = *routers_[i].model;
  for (unsigned net = 0; net < kNets; ++net) {
    const RouterTable& table = options_.routes->nets[net].tables()[i];
    for (Flit flit :
         {table_write(node(i), node(i), net, table), control_write(node(i), node(i), net, table)}) {
      flit.seal();
      flit.to_words(model.rx_flit[0]);
      model.step(0, valid_pin(0));
    }
  }
  constexpr unsigned kSettle = 8;
  for (unsigned n = 0; n < kSettle; ++n) model.step(0, 0);
}

void RawMesh::send(unsigned i, Flit flit) {
  Router& router = routers_[i];
  --credits_[i][flit.vc ? 1 : 0];
  flit.seal();
  flit.to_words(router.model->rx_flit[options_.net]);
  router.in |= valid_pin(link(0));
}

void RawMesh::tick() {
  arrivals_.clear();
  if (options_.depth < kVcDepth && cycle_ % kSignOfLife == 0) give_back_one();
  for (Router& router : routers_) {
    if (router.in == 0 && router.out == kIdlePin) continue;
    router.out = router.model->step(cycle_, router.in);
    router.in = 0;
  }
  ++cycle_;
  for (unsigned i = 0; i < nodes(); ++i) {
    if ((routers_[i].out & kPinMask) != 0) carry(i);
  }
}

/// What is left of credits that come back over a link, after those that are kept back.
unsigned RawMesh::returned(Link& link, unsigned credits) const {
  for (unsigned vc = 0; vc < kNumVcs; ++vc) {
    if ((credits >> vc & 1) != 0 && link.keep[vc] > 0) {
      --link.keep[vc];
      credits &= ~(1U << vc);
    }
  }
  return credits;
}

/// Outputs of router i to where they go.
void RawMesh::carry(unsigned i) {
  Router& router = routers_[i];
  const std::uint32_t* flits = router.model->tx_flit[options_.net];
  for (unsigned port = 0; port < kPorts; ++port) {
    const unsigned credits = router.out >> credit_pin(link(port)) & kCreditMask;
    const bool valid = (router.out & valid_pin(link(port))) != 0;
    if (port == 0) {
      for (unsigned vc = 0; vc < kNumVcs; ++vc) credits_[i][vc] += credits >> vc & 1;
      if (!valid) continue;
      arrivals_.push_back({i, flits});
      const unsigned vc = Flit::from_words(flits).vc ? 1 : 0;
      router.in |= returned(router.links[0], 1U << vc) << credit_pin(link(0));
      continue;
    }
    if (router.links[port].neighbour < 0) continue;
    Router& next = routers_[static_cast<unsigned>(router.links[port].neighbour)];
    const auto there = static_cast<unsigned>(facing(static_cast<Dir>(port)));
    next.in |= returned(next.links[there], credits) << credit_pin(link(there));
    if (valid) {
      std::memcpy(next.model->rx_flit[options_.net] + there * kFlitWords, flits + port * kFlitWords,
                  kFlitWords * sizeof *flits);
      next.in |= valid_pin(link(there));
    }
  }
}

/// A credit of each link and VC that keeps any.
void RawMesh::give_back_one() {
  for (Router& router : routers_) {
    for (unsigned port = 0; port < kPorts && router.model; ++port) {
      for (unsigned vc = 0; vc < kNumVcs; ++vc) {
        unsigned& keep = router.links[port].keep[vc];
        const Pins pin = Pins{1} << (credit_pin(link(port)) + vc);
        if (keep == kVcDepth - options_.depth || (router.in & pin) != 0) continue;
        ++keep;
        router.in |= pin;
      }
    }
  }
}

void RawMesh::give_back() {
  for (unsigned n = options_.depth; n < kVcDepth; ++n) {
    give_back_one();
    tick();
  }
}

bool RawMesh::drained() const {
  const bool quiet = std::all_of(routers_.begin(), routers_.end(), [](const Router& router) {
    return router.in == 0 && router.out == kIdlePin;
  });
  return quiet && std::all_of(credits_.begin(), credits_.end(), [this](const auto& credits) {
           return std::all_of(credits.begin(), credits.end(),
                              [this](unsigned n) { return n == options_.depth; });
         });
}

}  // namespace tsr::tools
