// SPDX-License-Identifier: Apache-2.0
/// One pass: which operations, in which stages. Exact: if there is a way, it is found.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ve/graph.hpp"

namespace tsr::ve {

inline constexpr unsigned kMaxNodes = 64;
using NodeSet = std::uint64_t;
constexpr NodeSet bit(int node) { return NodeSet{1} << node; }

/// Something that a pass writes: output `output` of the expression, or (-1) the value of a node for
/// later passes.
struct Item {
  int node = -1;
  int output = -1;
};

/// What the passes may use.
struct Machine {
  engines::VeStageMasks masks;
  std::vector<bool> output_pair;   // the output takes both ports (MX elements and scales)
  std::vector<bool> output_first;  // the output must be O0 (to the matrix engine, MX)
  std::vector<bool> input_first;   // the input must be I0 (from the matrix engine)
};

struct PassPlan {
  Rate pace = Rate::Full;
  std::vector<Item> items;
  std::vector<int> leaves;  // ports I0.. in order
  NodeSet ops = 0;
  std::array<int, 8> stage{-1, -1, -1, -1, -1, -1, -1, -1};  // node, or -1
  int reduce = -1;                                           // node
  unsigned cost = 0;                                         // memory traffic, then stages
};

/// Precomputed facts of a graph, and the search for one pass.
class Fitter {
 public:
  Fitter(const Graph& graph, const Machine& machine);

  /// Every pass that writes `items`: for each set of values it may read from memory (none of them
  /// better in all respects than another) the stages that it takes.
  std::vector<PassPlan> cuts(const std::vector<Item>& items) const;

  /// A pass that writes `items` and reads nothing but the expression's inputs. False if there is
  /// none; `why` then says what does not fit.
  bool whole(const std::vector<Item>& items, PassPlan& plan, std::string& why) const;

  const Graph& graph() const { return graph_; }
  const Machine& machine() const { return machine_; }
  /// Nodes that `node` depends on, itself included.
  NodeSet cone(int node) const { return cone_[node]; }

 private:
  struct Walk;
  bool begin(const std::vector<Item>& items, PassPlan& plan, std::string* why) const;
  void descend(Walk& walk, int id) const;
  bool finish(PassPlan& plan, NodeSet leaves, std::string* why) const;
  bool order_leaves(PassPlan& plan, NodeSet leaves, std::string* why) const;
  bool elements_fit(const PassPlan& plan, std::string* why) const;
  bool constants_fit(NodeSet ops, std::string* why) const;
  bool schedule(PassPlan& plan, std::string* why) const;
  std::string place(int node) const;
  std::string list(const std::vector<int>& nodes) const;

  const Graph& graph_;
  const Machine& machine_;
  std::vector<NodeSet> cone_;
};

/// The node that must be in a register behind the last stage for an item.
int root_of(const Graph& graph, const Item& item);

}  // namespace tsr::ve
