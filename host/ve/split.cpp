// SPDX-License-Identifier: Apache-2.0
#include "ve/split.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

namespace tsr::ve {

namespace {

unsigned count(NodeSet set) { return static_cast<unsigned>(__builtin_popcountll(set)); }
unsigned over(unsigned a, unsigned b) { return b == 0 ? (a == 0 ? 0 : 99) : (a + b - 1) / b; }

/// What earlier passes have to write: values for later passes, and outputs.
struct Wanted {
  NodeSet values = 0;
  std::uint32_t outputs = 0;

  bool none() const { return values == 0 && outputs == 0; }
  bool operator<(const Wanted& other) const {
    return std::tie(values, outputs) < std::tie(other.values, other.outputs);
  }
};

/// From the last pass to the first: a pass writes one or two of the wanted things, and what it
/// reads (unless it is an input) becomes wanted. Depth first with a limit on passes, a lower bound,
/// and a table of what was seen.
class Search {
 public:
  Search(const Fitter& fitter, const std::vector<bool>& lossless, const SplitOptions& options)
      : fitter_(fitter), graph_(fitter.graph()), lossless_(lossless), options_(options) {
    const auto& masks = fitter.machine().masks;
    fma_ = static_cast<unsigned>(__builtin_popcount(masks.fma & 0xff));
    sfu_ = static_cast<unsigned>(__builtin_popcount(masks.sfu & 0xff));
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      const NodeSet me = bit(static_cast<int>(i));
      if (node.kind == Node::Kind::Op) {
        op_nodes_ |= me;
        if (needs_fma(node.op)) fma_nodes_ |= me;
        if (needs_sfu(node.op)) sfu_nodes_ |= me;
      }
    }
  }

  Split run() {
    // Fewest passes for each value alone, inner values first: the lower bound of everything else.
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      need_.push_back(1);
      const Node& node = graph_.nodes[i];
      const int id = static_cast<int>(i);
      if (node.rate == Rate::Const || !(node.barrier() || node.kind == Node::Kind::Op)) continue;
      for (const Operand& x : node.args) need_.back() = std::max(need_.back(), need_[x.node]);
      Wanted alone;
      alone.values = bit(id);
      need_[i] = deepen(alone, options_.effort / 20, true);
    }
    Split out;
    Wanted all;
    all.outputs = (1U << graph_.outputs.size()) - 1;
    const unsigned least = deepen(all, options_.effort, false);
    if (best_.empty()) beam(all);
    out.proven = best_.size() == least;
    if (!best_.empty() && best_.size() <= options_.max_passes) {
      out.passes.assign(best_.rbegin(), best_.rend());
      return out;
    }
    throw CompileError(
        graph_.file, graph_.where,
        "'" + graph_.name + "' does not fit " + std::to_string(options_.max_passes) + " passes");
  }

 private:
  /// Search with more and more passes; `any`: the first way will do. Gives the number of passes, or
  /// a lower bound of it if the effort runs out (then best_ is empty).
  unsigned deepen(const Wanted& wanted, std::size_t effort, bool any) {
    any_ = any;
    steps_ = effort;
    unsigned limit = bound(wanted);
    for (; limit <= options_.max_passes; ++limit) {
      seen_.clear();
      best_.clear();
      dive(wanted, limit, 0);
      if (!best_.empty() || steps_ == 0) break;
    }
    return limit;
  }

  /// The best few ways, pass by pass: for expressions that are too large for the exact search.
  void beam(const Wanted& wanted) {
    constexpr std::size_t kWidth = 100;
    struct Way {
      Wanted wanted;
      std::vector<PassPlan> passes;
      unsigned cost;
      unsigned rank;
    };
    std::vector<Way> ways{{wanted, {}, 0, 0}};
    for (unsigned pass = 0; pass < options_.max_passes; ++pass) {
      std::map<Wanted, Way> next;
      for (const Way& way : ways) {
        for (const Step& step : steps(way.wanted, options_.max_passes)) {
          const unsigned cost = way.cost + step.plan->cost;
          const auto found = next.find(step.before);
          if (found != next.end() && found->second.cost <= cost) continue;
          Way made{step.before, way.passes, cost, step.rank};
          made.passes.push_back(*step.plan);
          next[step.before] = made;
        }
      }
      ways.clear();
      for (const auto& entry : next) ways.push_back(entry.second);
      std::sort(ways.begin(), ways.end(), [](const Way& a, const Way& b) {
        return std::tie(a.rank, a.cost) < std::tie(b.rank, b.cost);
      });
      if (ways.empty()) return;
      if (ways[0].wanted.none()) {
        best_ = ways[0].passes;
        return;
      }
      if (ways.size() > kWidth) ways.resize(kWidth);
    }
  }

  /// Fewest passes that write what is wanted.
  unsigned bound(const Wanted& wanted) const {
    NodeSet cone = 0;
    std::array<unsigned, 64> ports_at{};  // ports that cannot be written before that pass
    unsigned last = 0;
    const auto add = [&](int node, unsigned ports) {
      cone |= fitter_.cone(node);
      const unsigned at = std::min(need_[node], 63U);
      ports_at[at] += ports;
      last = std::max(last, at);
    };
    for (NodeSet left = wanted.values; left != 0; left &= left - 1) {
      add(__builtin_ctzll(left), 1);
    }
    for (std::uint32_t left = wanted.outputs; left != 0; left &= left - 1) {
      const int k = __builtin_ctz(left);
      add(graph_.outputs[k].node, fitter_.machine().output_pair[k] ? 2 : 1);
    }
    unsigned out =
        std::max({over(count(cone & op_nodes_), engines::kVeStages),
                  over(count(cone & fma_nodes_), fma_), over(count(cone & sfu_nodes_), sfu_)});
    unsigned ports = 0;
    for (unsigned at = last; at > 0; --at) {
      ports += ports_at[at];
      out = std::max(out, at - 1 + over(ports, 2));
    }
    return out;
  }

  const std::vector<PassPlan>& cuts(const std::vector<Item>& items) {
    std::pair<int, int> key{-1, -1};
    const auto code = [](const Item& item) {
      return item.output >= 0 ? static_cast<int>(kMaxNodes) + item.output : item.node;
    };
    key.first = code(items[0]);
    if (items.size() > 1) key.second = code(items[1]);
    const auto found = cuts_.find(key);
    if (found != cuts_.end()) return found->second;
    return cuts_.emplace(key, fitter_.cuts(items)).first->second;
  }

  /// What is wanted before a pass.
  Wanted before(Wanted wanted, const PassPlan& plan) const {
    for (const Item& item : plan.items) {
      if (item.output >= 0) {
        wanted.outputs &= ~(1U << item.output);
      } else {
        wanted.values &= ~bit(item.node);
      }
    }
    for (const int leaf : plan.leaves) {
      if (graph_.nodes[leaf].kind != Node::Kind::Input) wanted.values |= bit(leaf);
    }
    // An output that holds the value exactly serves as the temporary.
    for (std::uint32_t left = wanted.outputs; left != 0; left &= left - 1) {
      const int k = __builtin_ctz(left);
      if (lossless_[k]) wanted.values &= ~bit(graph_.outputs[k].node);
    }
    return wanted;
  }

  /// A pass that could be the last one, and what is wanted before it.
  struct Step {
    const PassPlan* plan;
    Wanted before;
    unsigned rank;  // how much is left
  };

  /// All that leave no more than `passes` passes, those first that leave little.
  std::vector<Step> steps(const Wanted& wanted, unsigned passes) {
    std::vector<Item> items;
    for (std::uint32_t left = wanted.outputs; left != 0; left &= left - 1) {
      const int k = __builtin_ctz(left);
      items.push_back({graph_.outputs[k].node, k});
    }
    for (NodeSet left = wanted.values; left != 0; left &= left - 1) {
      items.push_back({__builtin_ctzll(left), -1});
    }
    std::vector<Step> out;
    const auto add = [&](const std::vector<Item>& chosen) {
      for (const PassPlan& plan : cuts(chosen)) {
        const Wanted left = before(wanted, plan);
        const unsigned things =
            count(left.values) + static_cast<unsigned>(__builtin_popcount(left.outputs));
        const unsigned least = bound(left);
        if (least <= passes) out.push_back({&plan, left, 64 * least + things});
      }
    };
    for (std::size_t i = 0; i < items.size(); ++i) {
      add({items[i]});
      for (std::size_t j = i + 1; j < items.size(); ++j) add({items[i], items[j]});
    }
    std::sort(out.begin(), out.end(), [](const Step& a, const Step& b) {
      return std::tie(a.rank, a.plan->cost) < std::tie(b.rank, b.plan->cost);
    });
    return out;
  }

  void dive(const Wanted& wanted, unsigned passes, unsigned cost) {
    if (wanted.none()) {
      if (best_.empty() || cost < best_cost_) {
        best_cost_ = cost;
        best_ = path_;
        steps_ = std::min(steps_, options_.effort / 10);  // to look for less traffic
      }
      return;
    }
    const auto enough = [&] { return !best_.empty() && (any_ || cost >= best_cost_); };
    if (bound(wanted) > passes || enough() || steps_ == 0) return;
    --steps_;
    const auto key = std::make_pair(wanted, passes);
    const auto seen = seen_.find(key);
    if (seen != seen_.end() && (any_ || seen->second <= cost)) return;
    seen_[key] = cost;
    for (const Step& step : steps(wanted, passes - 1)) {
      path_.push_back(*step.plan);
      dive(step.before, passes - 1, cost + step.plan->cost);
      path_.pop_back();
      if (enough()) return;
    }
  }

  const Fitter& fitter_;
  const Graph& graph_;
  const std::vector<bool>& lossless_;
  const SplitOptions& options_;
  unsigned fma_ = 0;
  unsigned sfu_ = 0;
  NodeSet op_nodes_ = 0;
  NodeSet fma_nodes_ = 0;
  NodeSet sfu_nodes_ = 0;
  std::vector<unsigned> need_;  // fewest passes that write a value
  std::map<std::pair<int, int>, std::vector<PassPlan>> cuts_;
  std::map<std::pair<Wanted, unsigned>, unsigned> seen_;
  std::vector<PassPlan> path_;
  std::vector<PassPlan> best_;
  unsigned best_cost_ = 0;
  std::size_t steps_ = 0;  // left
  bool any_ = false;
};

}  // namespace

Split split(const Fitter& fitter, const std::vector<bool>& lossless, const SplitOptions& options) {
  const Graph& graph = fitter.graph();
  if (graph.outputs.size() > 31) {
    throw CompileError(graph.file, graph.where, "more than 31 outputs");
  }
  if (graph.single_pass) {
    std::vector<Item> items;
    for (std::size_t k = 0; k < graph.outputs.size(); ++k) {
      items.push_back({graph.outputs[k].node, static_cast<int>(k)});
    }
    PassPlan plan;
    std::string why;
    if (items.size() > 2) {
      why = std::to_string(items.size()) + " outputs, a pass has 2";
    } else if (fitter.whole(items, plan, why)) {
      return {{plan}, true};
    }
    throw CompileError(graph.file, graph.where,
                       "'" + graph.name + "' does not fit one pass: " + why +
                           " ('expr' instead of 'pass' allows several)");
  }
  return Search(fitter, lossless, options).run();
}

}  // namespace tsr::ve
