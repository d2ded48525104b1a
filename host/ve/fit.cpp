// SPDX-License-Identifier: Apache-2.0
#include "ve/fit.hpp"

#include <algorithm>
#include <set>

namespace tsr::ve {

namespace {

constexpr unsigned kInputs = 3;
constexpr unsigned kOutputs = 2;
constexpr unsigned kValues = 4;

unsigned count(NodeSet set) { return static_cast<unsigned>(__builtin_popcountll(set)); }

/// Relative cost of reading or writing a value.
unsigned traffic(Rate rate) { return rate == Rate::Full ? 1000 : is_lanes(rate) ? 100 : 10; }

bool same_reduction(const Node& a, const Node& b) {
  if (!(a.args[0] == b.args[0]) || a.loop != b.loop) return false;
  using engines::VeRed;
  const auto group = [](VeRed r) {
    switch (r) {
      case VeRed::ArgMaxF:
        return VeRed::MaxF;
      case VeRed::ArgMinF:
        return VeRed::MinF;
      case VeRed::ArgMaxI:
        return VeRed::MaxI;
      case VeRed::ArgMinI:
        return VeRed::MinI;
      default:
        return r;
    }
  };
  return group(a.reduce) == group(b.reduce);
}

void set(std::string* why, const std::string& text) {
  if (why != nullptr) *why = text;
}

}  // namespace

Fitter::Fitter(const Graph& graph, const Machine& machine) : graph_(graph), machine_(machine) {
  if (graph.nodes.size() > kMaxNodes) {
    throw CompileError(graph.file, graph.where,
                       "'" + graph.name + "' has " + std::to_string(graph.nodes.size()) +
                           " values and constants; the search handles " +
                           std::to_string(kMaxNodes) + ": cut it into several expressions");
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    NodeSet cone = bit(static_cast<int>(i));
    // Arguments come before their users, except an accumulator's start value, which is a constant.
    for (const Operand& x : graph.nodes[i].args) cone |= cone_[x.node];
    cone_.push_back(cone);
  }
}

std::string Fitter::place(int node) const {
  const Node& n = graph_.nodes[node];
  const bool own = n.kind == Node::Kind::Input;
  std::string what = own                            ? n.name
                     : n.kind == Node::Kind::Op     ? op_name(n.op)
                     : n.kind == Node::Kind::Reduce ? reduction_name(n.reduce)
                     : n.kind == Node::Kind::Last   ? "last"
                                                    : "first";
  if (!own && !n.name.empty()) what += " (" + n.name + ")";
  return what + " at " + std::to_string(n.where.line) + ":" + std::to_string(n.where.column);
}

std::string Fitter::list(const std::vector<int>& nodes) const {
  std::string out;
  for (const int node : nodes) out += (out.empty() ? "" : ", ") + place(node);
  return out;
}

int root_of(const Graph& graph, const Item& item) {
  const Node& node = graph.nodes[item.node];
  return node.barrier() ? node.args[0].node : item.node;
}

bool Fitter::begin(const std::vector<Item>& items, PassPlan& plan, std::string* why) const {
  plan.items = items;
  plan.pace = Rate::Const;
  unsigned ports = 0;
  unsigned first_only = 0;
  for (const Item& item : items) {
    const Node& node = graph_.nodes[item.node];
    ports += item.output >= 0 && machine_.output_pair[item.output] ? 2 : 1;
    first_only += item.output >= 0 && machine_.output_first[item.output] ? 1 : 0;
    plan.pace = std::max(plan.pace, graph_.nodes[root_of(graph_, item)].rate);
    if (node.kind != Node::Kind::Reduce) continue;
    if (plan.reduce >= 0 && !same_reduction(graph_.nodes[plan.reduce], node)) {
      set(why, "two different reductions (" + place(plan.reduce) + ", " + place(item.node) +
                   "): a pass has one");
      return false;
    }
    if (plan.reduce < 0 || node.index) plan.reduce = item.node;
  }
  if (ports > kOutputs || first_only > 1) {
    set(why, "more than two output streams (MX takes two: elements and scales)");
    return false;
  }
  return true;
}

bool Fitter::whole(const std::vector<Item>& items, PassPlan& plan, std::string& why) const {
  if (!begin(items, plan, &why)) return false;
  NodeSet leaves = 0;
  NodeSet seen = 0;
  std::vector<int> work;
  work.reserve(graph_.nodes.size());
  for (const Item& item : items) work.push_back(root_of(graph_, item));
  while (!work.empty()) {
    const int id = work.back();
    work.pop_back();
    if ((seen & bit(id)) != 0) continue;
    seen |= bit(id);
    const Node& node = graph_.nodes[id];
    if (node.kind == Node::Kind::Input) leaves |= bit(id);
    if (node.barrier()) {
      set(&why, place(id) +
                    " is complete only behind the last stage, so nothing in the same pass "
                    "can use it");
      return false;
    }
    if (node.kind == Node::Kind::Op) plan.ops |= bit(id);
    for (const Operand& x : node.args) work.push_back(x.node);
  }
  return finish(plan, leaves, &why);
}

/// The choice, node by node from the results down, to compute a value or to read it.
struct Fitter::Walk {
  PassPlan start;
  NodeSet must_compute = 0;
  NodeSet needed = 0;
  NodeSet leaves = 0;
  NodeSet ops = 0;
  unsigned fma = 0;
  unsigned sfu = 0;
  std::vector<PassPlan> found;
};

std::vector<PassPlan> Fitter::cuts(const std::vector<Item>& items) const {
  Walk walk;
  if (!begin(items, walk.start, nullptr)) return {};
  for (const Item& item : items) {
    const int root = root_of(graph_, item);
    walk.needed |= bit(root);
    // Copying a temporary makes sense only into an output, or to reduce it.
    if (item.output < 0 && root == item.node) walk.must_compute |= bit(root);
  }
  descend(walk, static_cast<int>(graph_.nodes.size()) - 1);

  // A plan that reads more temporaries, for no less traffic, is of no use.
  const auto temporaries = [&](const PassPlan& plan) {
    NodeSet out = 0;
    for (const int leaf : plan.leaves) {
      if (graph_.nodes[leaf].kind != Node::Kind::Input) out |= bit(leaf);
    }
    return out;
  };
  std::vector<PassPlan> out;
  for (std::size_t i = 0; i < walk.found.size(); ++i) {
    const NodeSet mine = temporaries(walk.found[i]);
    bool beaten = false;
    for (std::size_t j = 0; j < walk.found.size() && !beaten; ++j) {
      const NodeSet other = temporaries(walk.found[j]);
      if (i == j || (other & ~mine) != 0 || walk.found[j].cost > walk.found[i].cost) continue;
      beaten = other != mine || walk.found[j].cost < walk.found[i].cost || j < i;
    }
    if (!beaten) out.push_back(walk.found[i]);
  }
  return out;
}

void Fitter::descend(Walk& walk, int id) const {
  while (id >= 0 && ((walk.needed & bit(id)) == 0 || graph_.nodes[id].constant())) --id;
  if (id < 0) {
    PassPlan plan = walk.start;
    plan.ops = walk.ops;
    if (finish(plan, walk.leaves, nullptr)) walk.found.push_back(plan);
    return;
  }
  const Node& node = graph_.nodes[id];
  const bool readable = node.rate != Rate::Const && (walk.must_compute & bit(id)) == 0;
  if (readable && count(walk.leaves) < kInputs) {
    walk.leaves |= bit(id);
    descend(walk, id - 1);
    walk.leaves &= ~bit(id);
  }
  if (node.kind != Node::Kind::Op) return;
  const Walk before = {{}, 0, walk.needed, 0, walk.ops, walk.fma, walk.sfu, {}};
  walk.ops |= bit(id);
  walk.fma += needs_fma(node.op) ? 1 : 0;
  walk.sfu += needs_sfu(node.op) ? 1 : 0;
  const auto have = [](unsigned mask) { return static_cast<unsigned>(__builtin_popcount(mask)); };
  if (count(walk.ops) <= engines::kVeStages && walk.fma <= have(machine_.masks.fma) &&
      walk.sfu <= have(machine_.masks.sfu)) {
    for (const Operand& x : node.args) walk.needed |= bit(x.node);
    descend(walk, id - 1);
  }
  walk.needed = before.needed;
  walk.ops = before.ops;
  walk.fma = before.fma;
  walk.sfu = before.sfu;
}

bool Fitter::finish(PassPlan& plan, NodeSet leaves, std::string* why) const {
  if (!order_leaves(plan, leaves, why) || !elements_fit(plan, why) ||
      !constants_fit(plan.ops, why) || !schedule(plan, why)) {
    return false;
  }
  for (const int leaf : plan.leaves) plan.cost += traffic(graph_.nodes[leaf].rate);
  for (const Item& item : plan.items) plan.cost += traffic(graph_.nodes[item.node].rate);
  plan.cost += count(plan.ops);
  return true;
}

/// The port that sets the pace first.
bool Fitter::order_leaves(PassPlan& plan, NodeSet leaves, std::string* why) const {
  int pacer = -1;
  std::vector<int> others;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const int id = static_cast<int>(i);
    if ((leaves & bit(id)) == 0) continue;
    const Node& node = graph_.nodes[i];
    const bool block =
        node.kind == Node::Kind::Input && graph_.inputs[node.input].role == InputRole::Block;
    const bool must = node.kind == Node::Kind::Input && machine_.input_first[node.input];
    if (is_lanes(node.rate) && node.rate != plan.pace) {
      set(why, place(id) + " has 16 lanes a row and cannot be read beside full streams");
      return false;
    }
    const bool able = node.rate == plan.pace && !block;
    if (must && (!able || (pacer >= 0 && graph_.nodes[pacer].kind == Node::Kind::Input &&
                           machine_.input_first[graph_.nodes[pacer].input]))) {
      set(why, place(id) + " comes from the matrix engine and has to be the first input");
      return false;
    }
    if (able && (pacer < 0 || must)) {
      if (pacer >= 0) others.push_back(pacer);
      pacer = id;
    } else {
      others.push_back(id);
    }
  }
  for (std::size_t i = 0; i < graph_.nodes.size() && pacer < 0; ++i) {
    // Nothing at the pace is read: any stream of the expression serves.
    const Node& node = graph_.nodes[i];
    const int id = static_cast<int>(i);
    const bool stream =
        node.kind == Node::Kind::Input && graph_.inputs[node.input].role == InputRole::Stream;
    if (stream && node.rate == plan.pace && (leaves & bit(id)) == 0) pacer = id;
  }
  if (pacer < 0) {
    set(why, "no input stream of this rate sets the pace");
    return false;
  }
  plan.leaves.push_back(pacer);
  plan.leaves.insert(plan.leaves.end(), others.begin(), others.end());
  if (plan.leaves.size() > kInputs) {
    set(why, "needs " + std::to_string(plan.leaves.size()) + " inputs (" + list(plan.leaves) +
                 "), a pass reads " + std::to_string(kInputs));
    return false;
  }

  return true;
}

/// Element numbers and the reduction's index restart with one loop.
bool Fitter::elements_fit(const PassPlan& plan, std::string* why) const {
  std::set<Loop> loops;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    if ((plan.ops & bit(static_cast<int>(i))) == 0) continue;
    for (const Operand& x : graph_.nodes[i].args) {
      const Node& node = graph_.nodes[x.node];
      if (node.kind == Node::Kind::Elem) loops.insert(node.loop);
    }
  }
  for (const Item& item : plan.items) {
    if (graph_.nodes[item.node].index) loops.insert(graph_.nodes[item.node].loop);
  }
  if (loops.size() <= 1) return true;
  set(why, "element numbers within a row and within all: a pass counts one");
  return false;
}

bool Fitter::constants_fit(NodeSet ops, std::string* why) const {
  std::set<std::uint32_t> values;
  std::set<int> params;
  const auto use = [&](int id, bool start) {
    const Node& node = graph_.nodes[id];
    if (node.kind != Node::Kind::Const) return;
    if (node.param >= 0) {
      params.insert(node.param);
    } else if (node.bits != 0 || start) {
      values.insert(node.bits);
    }
  };
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    if ((ops & bit(static_cast<int>(i))) == 0) continue;
    const Node& node = graph_.nodes[i];
    for (const Operand& x : node.args) use(x.node, false);
    if (node.acc_init >= 0) use(node.acc_init, true);
  }
  if (params.size() > 5) {
    set(why, std::to_string(params.size()) + " parameters: a command brings 5");
    return false;
  }
  if (params.size() + values.size() > engines::kVeConstants) {
    set(why, std::to_string(params.size() + values.size()) + " different constants, a pass has " +
                 std::to_string(engines::kVeConstants));
    return false;
  }
  return true;
}

bool Fitter::schedule(PassPlan& plan, std::string* why) const {
  NodeSet finals = 0;
  for (const Item& item : plan.items) finals |= bit(root_of(graph_, item));
  std::vector<int> ops;
  std::vector<int> fma;
  std::vector<int> sfu;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const int id = static_cast<int>(i);
    if ((plan.ops & bit(id)) == 0) continue;
    ops.push_back(id);
    if (needs_fma(graph_.nodes[i].op)) fma.push_back(id);
    if (needs_sfu(graph_.nodes[i].op)) sfu.push_back(id);
  }
  const auto limit = [&](const std::vector<int>& nodes, unsigned mask, const char* what) {
    const auto have = static_cast<std::size_t>(__builtin_popcount(mask & 0xff));
    if (nodes.size() <= have) return true;
    set(why, std::to_string(nodes.size()) + " operations need " + what + " (" + list(nodes) +
                 "), " + std::to_string(have) + " stages have one");
    return false;
  };
  if (!limit(ops, 0xff, "a stage")) return false;
  if (!limit(fma, machine_.masks.fma, "a multiplier or adder")) return false;
  if (!limit(sfu, machine_.masks.sfu, "special functions")) return false;

  // Values: leaves, then operations. For each who uses it.
  const auto n = static_cast<unsigned>(ops.size());
  std::vector<unsigned> depends(n);
  struct Value {
    unsigned producer;  // bit of the operation, 0 for a leaf
    unsigned users = 0;
    bool final = false;
  };
  std::vector<Value> values;
  const auto add_value = [&](int id, unsigned producer) {
    Value value{producer, 0, (finals & bit(id)) != 0};
    for (unsigned u = 0; u < n; ++u) {
      for (const Operand& x : graph_.nodes[ops[u]].args) {
        if (x.node == id) value.users |= 1U << u;
      }
    }
    if (producer != 0) {
      for (unsigned u = 0; u < n; ++u) {
        if (((value.users >> u) & 1) != 0) depends[u] |= producer;
      }
    }
    values.push_back(value);
  };
  for (const int leaf : plan.leaves) add_value(leaf, 0);
  for (unsigned i = 0; i < n; ++i) add_value(ops[i], 1U << i);
  const auto live = [&](unsigned done) {
    unsigned number = 0;
    for (const Value& value : values) {
      const bool there = value.producer == 0 || (value.producer & done) != 0;
      if (there && (value.final || (value.users & ~done) != 0)) ++number;
    }
    return number;
  };
  const auto able = [&](unsigned op, unsigned stage) {
    const VecOp code = graph_.nodes[ops[op]].op;
    if (needs_fma(code)) return ((machine_.masks.fma >> stage) & 1) != 0;
    if (needs_sfu(code)) return ((machine_.masks.sfu >> stage) & 1) != 0;
    return true;
  };

  // Stage by stage: put in an operation that can go there, or none. What matters behind a stage is
  // only which operations are finished, so a dead end is remembered by that.
  std::array<std::array<bool, 256>, 9> dead;
  unsigned furthest = 0;
  const auto search = [&](const auto& self, unsigned stage, unsigned done, bool limited) -> bool {
    if (__builtin_popcount(done) > __builtin_popcount(furthest)) furthest = done;
    if (done == (1U << n) - 1) return true;
    if (stage == engines::kVeStages ||
        n - static_cast<unsigned>(__builtin_popcount(done)) > engines::kVeStages - stage) {
      return false;
    }
    bool& end = dead[stage][done];
    if (end) return false;
    for (unsigned op = 0; op < n; ++op) {
      const unsigned next = done | 1U << op;
      if (next == done || (depends[op] & ~done) != 0 || !able(op, stage)) continue;
      if (limited && live(next) > kValues) continue;
      plan.stage[stage] = ops[op];
      if (self(self, stage + 1, next, limited)) return true;
    }
    plan.stage[stage] = -1;
    if (self(self, stage + 1, done, limited)) return true;
    end = true;
    return false;
  };
  const auto run = [&](bool limited) {
    for (auto& row : dead) row.fill(false);
    furthest = 0;
    return search(search, 0, 0, limited);
  };
  plan.stage.fill(-1);
  if (run(true)) return true;
  if (why == nullptr) return false;
  if (run(false)) {
    set(why, "more than " + std::to_string(kValues) +
                 " values have to be carried at once, in every order of " + list(ops));
    return false;
  }
  std::vector<int> left;
  for (unsigned op = 0; op < n; ++op) {
    if (((furthest >> op) & 1) == 0) left.push_back(ops[op]);
  }
  set(why, "no stage is left for " + list(left) +
               ": the operations depend on each other in an order that the stages do not have");
  return false;
}

}  // namespace tsr::ve
