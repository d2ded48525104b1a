// SPDX-License-Identifier: Apache-2.0
#include "noc/route_check.hpp"

#include <algorithm>
#include <optional>

namespace tsr {
namespace {

std::string name(Node node) {
  return "(" + std::to_string(node.x) + ", " + std::to_string(node.y) + ")";
}

/// Which channels a flit may hold while it waits for which.
class ChannelGraph {
 public:
  explicit ChannelGraph(unsigned nodes) : waits_for_(nodes * kNumDirs) {}
  void add(unsigned held, unsigned wanted) {
    auto& list = waits_for_[held];
    if (std::find(list.begin(), list.end(), wanted) == list.end()) list.push_back(wanted);
  }
  /// Channels of a cycle, or none.
  std::vector<unsigned> cycle() const {
    std::vector<State> state(waits_for_.size(), State::kNew);
    for (unsigned c = 0; c < waits_for_.size(); ++c) {
      std::vector<unsigned> path;
      if (visit(c, state, path)) return path;
    }
    return {};
  }

 private:
  enum class State { kNew, kOpen, kDone };
  /// Depth first; true: `path` is a cycle.
  bool visit(unsigned channel, std::vector<State>& state, std::vector<unsigned>& path) const {
    if (state[channel] == State::kDone) return false;
    if (state[channel] == State::kOpen) {
      path.erase(path.begin(), std::find(path.begin(), path.end(), channel));
      return true;
    }
    state[channel] = State::kOpen;
    path.push_back(channel);
    for (const unsigned next : waits_for_[channel]) {
      if (visit(next, state, path)) return true;
    }
    path.pop_back();
    state[channel] = State::kDone;
    return false;
  }

  std::vector<std::vector<unsigned>> waits_for_;
};

class Checker {
 public:
  Checker(const FaultMap& faults, unsigned net, const std::vector<RouterTable>& tables)
      : faults_(faults), net_(net), tables_(tables) {}

  RouteReport run(const UsesTables& uses_tables) {
    RouteReport report;
    ChannelGraph direct(faults_.nodes());
    for (unsigned s = 0; s < faults_.nodes() && report.stray.empty(); ++s) {
      if (!faults_.alive(faults_.node(s))) continue;
      const auto reached = reach(s);
      for (unsigned d = 0; d < faults_.nodes() && report.stray.empty(); ++d) {
        if (!reached[d]) continue;
        const bool by_table = uses_tables(faults_.node(s), faults_.node(d));
        report.stray = follow(s, d, by_table, by_table ? nullptr : &direct);
      }
    }
    ChannelGraph by_tables(faults_.nodes());
    add_table_turns(by_tables);
    report.cycle = channels(direct.cycle());
    if (report.cycle.empty()) {
      report.cycle = channels(by_tables.cycle());
      report.vc = 1;
    }
    return report;
  }

 private:
  static unsigned channel(unsigned node, unsigned port) { return node * kNumDirs + port; }
  std::vector<Channel> channels(const std::vector<unsigned>& numbers) const {
    std::vector<Channel> list;
    list.reserve(numbers.size());
    for (const unsigned c : numbers) {
      list.push_back({faults_.node(c / kNumDirs), static_cast<Dir>(c % kNumDirs)});
    }
    return list;
  }

  /// Nodes that live links connect with one.
  std::vector<bool> reach(unsigned from) const {
    std::vector<bool> reached(faults_.nodes(), false);
    std::vector<unsigned> open = {from};
    reached[from] = true;
    while (!open.empty()) {
      const Node at = faults_.node(open.back());
      open.pop_back();
      for (unsigned p = 1; p < kNumDirs; ++p) {
        const auto next = faults_.neighbour(at, static_cast<Dir>(p));
        if (!next || reached[faults_.index(*next)]) continue;
        reached[faults_.index(*next)] = true;
        open.push_back(faults_.index(*next));
      }
    }
    return reached;
  }

  unsigned dimension_port(Node at, Node to) const {
    const auto in_x = to.x > at.x ? Dir::kEast : Dir::kWest;
    const auto in_y = to.y > at.y ? Dir::kSouth : Dir::kNorth;
    const bool take_x = at.x != to.x && (net_ == 0 || at.y == to.y);
    return static_cast<unsigned>(at == to ? Dir::kLocal : take_x ? in_x : in_y);
  }

  /// Output that a router gives to a flit, or kNone.
  unsigned output(unsigned at, unsigned in, Node to, bool by_table) const {
    const RouterTable& table = tables_[at];
    const unsigned out =
        by_table && table.enable ? table.way(in, to) : dimension_port(faults_.node(at), to);
    if (out >= kNumDirs || (table.dead >> out & 1) != 0) return RouterTable::kNone;
    return out == in && in != 0 ? RouterTable::kNone : out;  // no way back in the crossbar
  }

  /// Send a flit from s to d: where it strays, or nothing. Its turns are added to `graph`.
  std::string follow(unsigned s, unsigned d, bool by_table, ChannelGraph* graph) const {
    const Node to = faults_.node(d);
    const auto lost = [&](unsigned at, const std::string& how) {
      return name(faults_.node(s)) + " to " + name(to) + " on VC " + (by_table ? "1 " : "0 ") +
             how + " at " + name(faults_.node(at));
    };
    unsigned at = s, in = 0;
    std::optional<unsigned> held;
    for (unsigned hop = 0; hop < 2 * faults_.nodes(); ++hop) {
      const unsigned out = output(at, in, to, by_table);
      if (out == 0) return at == d ? "" : lost(at, "is delivered");
      const auto next = out == RouterTable::kNone
                            ? std::nullopt
                            : faults_.neighbour(faults_.node(at), static_cast<Dir>(out));
      if (!next) return lost(at, "finds no way");
      if (graph != nullptr && held) graph->add(*held, channel(at, out));
      held = channel(at, out);
      at = faults_.index(*next);
      in = static_cast<unsigned>(facing(static_cast<Dir>(out)));
    }
    return lost(at, "goes in circles and is");
  }

  /// All turns that VC 1 flits could take: every live input with every destination.
  void add_table_turns(ChannelGraph& graph) const {
    for (unsigned i = 0; i < faults_.nodes(); ++i) {
      for (unsigned in = 1; in < kNumDirs; ++in) {
        const auto before = faults_.neighbour(faults_.node(i), static_cast<Dir>(in));
        if (!before) continue;
        const unsigned held =
            channel(faults_.index(*before), static_cast<unsigned>(facing(static_cast<Dir>(in))));
        for (unsigned d = 0; d < faults_.nodes(); ++d) add_turn(graph, held, i, in, d);
      }
    }
  }

  void add_turn(ChannelGraph& graph, unsigned held, unsigned at, unsigned in, unsigned d) const {
    const unsigned out = output(at, in, faults_.node(d), true);
    if (out == 0 || out == RouterTable::kNone) return;
    if (!tables_[at].enable && turns_back_to_first(in, out)) return;
    if (!faults_.neighbour(faults_.node(at), static_cast<Dir>(out))) return;
    graph.add(held, channel(at, out));
  }

  /// A turn that dimension order never takes: from the second dimension to the first.
  bool turns_back_to_first(unsigned in, unsigned out) const {
    const auto along_x = [](unsigned port) { return port % 2 == 0; };
    const bool x_first = net_ == 0;
    return along_x(in) != x_first && along_x(out) == x_first;
  }

  const FaultMap& faults_;
  unsigned net_;
  const std::vector<RouterTable>& tables_;
};

}  // namespace

std::string RouteReport::text() const {
  std::string words = stray;
  if (cycle.empty()) return words;
  if (!words.empty()) words += "; ";
  words += "cycle on VC " + std::to_string(vc) + ":";
  for (const Channel& c : cycle) {
    words += " " + name(c.node) + "." + "LNESW"[static_cast<unsigned>(c.port)];
  }
  return words;
}

RouteReport check_routes(const FaultMap& faults, unsigned net,
                         const std::vector<RouterTable>& tables, const UsesTables& uses_tables) {
  return Checker(faults, net, tables).run(uses_tables);
}

}  // namespace tsr
