// SPDX-License-Identifier: Apache-2.0
#include "diagnose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "noc/fault_map.hpp"

namespace tsr::doctor {
namespace {

// Bits of mie, firmware/hal/csr.h.
constexpr unsigned kIrqTimer = 7, kIrqDone = 16, kIrqError = 17, kIrqLaunch = 18, kIrqSem = 19,
                   kIrqSpace = 20;
constexpr const char* kPorts[] = {"local", "north", "east", "south", "west"};
constexpr const char* kActivities[] = {"idle",    "busy",     "waiting for a semaphore", "starved",
                                       "blocked", "conflict", "reading its context"};

std::string at(Node node) { return fmt::format("({}, {})", node.x, node.y); }
std::string owner(const NodeState& node) {
  constexpr const char* kKinds[] = {"tile", "ctl", "memory"};
  return fmt::format("{} {}", kKinds[static_cast<unsigned>(node.kind)], at(node.node));
}
std::string core_of(const NodeState& node) { return "core of " + owner(node); }
std::string engine_of(const NodeState& node, const EngineState& engine) {
  return engine.name + " of " + owner(node);
}
std::string semaphore_of(const NodeState& node, unsigned semaphore) {
  return fmt::format("semaphore {} of {}", semaphore, owner(node));
}
std::string buffer_of(const BufferState& b) {
  return fmt::format("{} buffer {} vc {} of router {}", b.response ? "response" : "request",
                     kPorts[static_cast<unsigned>(b.in)], b.vc, at(b.node));
}
std::string age_of(const Transaction& t) {
  return fmt::format("{}{} cycles", t.older ? "more than " : "", t.age);
}
std::string describe(const Transaction& t) {
  return fmt::format("{} {}", t.write ? "write of" : "read of",
                     t.address ? fmt::format("{:#x}", *t.address) : "an address not in the waves");
}

/// Collects what waits for what, and what could be the reason of all.
class Examination {
 public:
  Examination(const ChipState& state, const Symbols& symbols) : state_(state), symbols_(symbols) {}

  Diagnosis run() {
    for (const auto& node : state_.nodes) {
      if (node.kind == Kind::Memory) {
        memory(node);
      } else {
        core(node);
        for (const auto& engine : node.engines) this->engine(node, engine);
        semaphores(node);
      }
    }
    for (const auto& buffer : state_.buffers) this->buffer(buffer);
    for (const auto& output : state_.outputs) this->output(output);
    silent_targets();
    circle();
    return result();
  }

 private:
  struct Cause {
    int weight;  ///< the larger, the more it explains
    std::string kind, text;
  };

  void wait(std::string who, std::string whom, std::string why) {
    graph_[who].insert(whom);
    done_.waits.push_back({std::move(who), std::move(whom), std::move(why)});
  }
  /// It may be so, and may not: part of the report, but of no circle.
  void may_wait(std::string who, std::string whom, std::string why) {
    done_.waits.push_back({std::move(who), std::move(whom), std::move(why)});
  }
  void cause(int weight, std::string kind, std::string text) {
    causes_.push_back({weight, std::move(kind), std::move(text)});
  }
  const NodeState* node_at(Node node) const {
    for (const auto& n : state_.nodes) {
      if (n.node == node) return &n;
    }
    return nullptr;
  }
  std::string target_of(const Transaction& transaction) const {
    if (!transaction.address) return "the network";
    const auto target = state_.config.route(*transaction.address);
    if (!target) return "an address that nobody has";
    const auto* node = node_at(*target);
    return node != nullptr ? owner(*node) : "node " + at(*target);
  }
  void in_flight(const std::string& who, const Transaction& t) {
    const std::string target = target_of(t);
    wait(who, target, fmt::format("{}, for {}", describe(t), age_of(t)));
    flights_.push_back(
        {t.age, fmt::format("{}: {} at {}, for {}", who, describe(t), target, age_of(t))});
    if (t.age >= kLong) overdue_[target].push_back(who);
  }
  std::string where(const NodeState& node, std::uint32_t pc) const {
    const std::string name = symbols_ ? symbols_(node.kind, pc) : "";
    return name.empty() ? fmt::format("{:#x}", pc) : fmt::format("{:#x} ({})", pc, name);
  }

  void core(const NodeState& node) {
    const CoreState& c = node.core;
    const std::string who = core_of(node);
    if (!c.running) {
      done_.cores.push_back(who + ": held in reset");
    } else if (c.halted) {
      done_.cores.push_back(fmt::format("{}: held by the debugger at {}", who, where(node, c.pc)));
      cause(85, "debugger", fmt::format("a debugger holds the {}", who));
    } else if (c.access) {
      done_.cores.push_back(fmt::format("{}: {} in flight for {}, at {}", who, describe(*c.access),
                                        age_of(*c.access), where(node, c.pc)));
      in_flight(who, *c.access);
    } else if (c.asleep) {
      asleep(node);
    } else {
      working(node);
    }
  }

  void working(const NodeState& node) {
    const CoreState& c = node.core;
    if (c.pcs == 0) {
      done_.cores.push_back(fmt::format("{}: retired nothing in {} cycles, last at {}",
                                        core_of(node), c.observed, where(node, c.pc)));
      cause(45, "stalled",
            fmt::format("the {} does not go on at {}", core_of(node), where(node, c.pc)));
      return;
    }
    const std::string loop = fmt::format("{} instructions between {} and {} for {} cycles", c.pcs,
                                         where(node, c.pc_low), where(node, c.pc_high), c.observed);
    done_.cores.push_back(fmt::format("{}: runs {}", core_of(node), loop));
    if (!loops(c)) return;
    if (!polled(node)) {
      // The ctl core looks for the tiles: if both loop, it is the tile.
      cause(node.kind == Kind::Ctl ? 49 : 50, "loop",
            fmt::format("the {} runs in a loop: {}", core_of(node), loop));
    }
  }

  /// Whether a core has run the same few instructions again and again.
  static bool loops(const CoreState& c) {
    return c.observed >= kLong && c.pcs <= kLoop && c.retired > 2 * std::uint64_t{c.pcs};
  }

  /// A core that polls waits for its engines if one of them cannot go on.
  bool polled(const NodeState& node) {
    bool any = false;
    for (const auto& engine : node.engines) {
      if (engine.queued.empty() && engine.running.empty()) continue;
      may_wait(core_of(node), engine_of(node, engine),
               engine.full ? "may poll for room in its full queue" : "may poll for its commands");
      if (engine.full) full(node, engine);
      any = true;
    }
    return any;
  }

  void full(const NodeState& node, const EngineState& engine) {
    cause(60, "queue full",
          fmt::format("the command queue of the {} is full ({} commands){}",
                      engine_of(node, engine), engine.queued.size(),
                      engine.stopped      ? " and stopped on an error"
                      : engine.head_waits ? " and the first one " + lacks(node, engine)
                                          : ""));
  }

  /// Which tokens the first queued command lacks.
  std::string lacks(const NodeState& node, const EngineState& engine) const {
    std::string text;
    for (const auto& need : engine.queued.front().waits) {
      const unsigned value = node.semaphores[need.semaphore];
      if (value >= need.amount) continue;
      text += fmt::format("{}waits for semaphore {} (has {}, needs {})",
                          text.empty() ? "" : " and ", need.semaphore, value, need.amount);
    }
    return text.empty() ? "waits for its turn" : text;
  }

  void asleep(const NodeState& node) {
    const WakeUp& wake = node.core.wake;
    const std::string who = core_of(node);
    const auto enabled = [&](unsigned bit) { return (wake.enabled >> bit & 1U) != 0; };
    std::vector<std::string> hopes;
    if (enabled(kIrqLaunch)) hopes.push_back("a launch");
    if (enabled(kIrqTimer) && wake.timer) hopes.push_back("its timer");
    for (unsigned bit = 24; bit < 32; ++bit) {
      if (node.kind == Kind::Ctl && enabled(bit)) {
        constexpr const char* kCtl[] = {"the UART",         "a timer",          "the mailbox",
                                        "the watchdog",     "ctl interrupt 28", "ctl interrupt 29",
                                        "ctl interrupt 30", "ctl interrupt 31"};
        hopes.push_back(kCtl[bit - 24]);
      }
    }
    const bool outside = !hopes.empty();
    bool inside = false;
    if (enabled(kIrqSem) && wake.semaphore) {
      const auto& s = *wake.semaphore;
      hopes.push_back(fmt::format("semaphore {} (has {}, needs {})", s.semaphore,
                                  node.semaphores[s.semaphore], s.amount));
      this->wait(
          who, semaphore_of(node, s.semaphore),
          fmt::format("sleeps until it is {}, is {}", s.amount, node.semaphores[s.semaphore]));
      wanted_.insert({node.node, s.semaphore});
      inside = true;
    }
    if (enabled(kIrqSpace) && wake.space_of && *wake.space_of < node.engines.size()) {
      const auto& engine = node.engines[*wake.space_of];
      hopes.push_back("room in the queue of " + engine.name);
      this->wait(who, engine_of(node, engine), "sleeps until its queue has room");
      if (engine.full) full(node, engine);
      inside = true;
    }
    if (enabled(kIrqDone)) {
      hopes.push_back("the end of a command");
      for (const auto& engine : node.engines) {
        if (engine.queued.empty() && engine.running.empty()) continue;
        this->wait(who, engine_of(node, engine), "sleeps until a command is done");
        inside = true;
      }
    }
    if (enabled(kIrqError)) hopes.push_back("an error");
    std::string list;
    for (const auto& hope : hopes) list += (list.empty() ? "" : ", ") + hope;
    done_.cores.push_back(fmt::format("{}: asleep at {}, waits for {}", who,
                                      where(node, node.core.pc),
                                      hopes.empty() ? "no interrupt at all" : list));
    if (!outside && !inside) {
      cause(
          40, "asleep",
          fmt::format("the {} sleeps at {}, and nothing is under way that could wake it (it waits "
                      "for {})",
                      who, where(node, node.core.pc), list.empty() ? "no interrupt" : list));
    }
  }

  void engine(const NodeState& node, const EngineState& e) {
    const std::string who = engine_of(node, e);
    if (e.stopped) {
      cause(80, "stopped",
            fmt::format("the {} stopped on an error; {} commands wait behind it", who,
                        e.queued.size()));
    }
    if (e.head_waits && !e.queued.empty()) {
      for (const auto& need : e.queued.front().waits) {
        if (node.semaphores[need.semaphore] >= need.amount) continue;
        wait(who, semaphore_of(node, need.semaphore),
             fmt::format("command {} needs {}, has {}", e.queued.front().id, need.amount,
                         node.semaphores[need.semaphore]));
        wanted_.insert({node.node, need.semaphore});
      }
    }
    for (const auto& transaction : e.transactions) in_flight(who, transaction);
    if (e.transactions.empty() && !e.running.empty() && e.activity != Activity::Busy) {
      wait(who, "its operands or results",
           std::string("is ") + kActivities[static_cast<unsigned>(e.activity)]);
    }
    if (e.posts_waiting != 0) {
      wait(who, "the network", fmt::format("{} posts are not taken", e.posts_waiting));
    }
  }

  /// Who could post a semaphore: engines with a command that does.
  void posters(const NodeState& node, unsigned semaphore) {
    const std::string name = semaphore_of(node, semaphore);
    bool any = false;
    for (const auto& other : state_.nodes) {
      for (const auto& engine : other.engines) {
        const auto posts = [&](const Command& command) {
          return std::any_of(command.posts.begin(), command.posts.end(), [&](const Tokens& p) {
            return p.semaphore == semaphore &&
                   (p.remote ? p.remote->contains(node.node) : other.node == node.node);
          });
        };
        for (const auto* list : {&engine.running, &engine.queued}) {
          const auto found = std::find_if(list->begin(), list->end(), posts);
          if (found == list->end()) continue;
          wait(name, engine_of(other, engine),
               fmt::format("its command {} posts it when it is done", found->id));
          any = true;
          break;
        }
      }
    }
    if (any) return;
    // Cores post too: only one that does something, or waits for something, may still do it.
    std::string working;
    bool busy = false;  // with more than a loop that waits
    for (const auto& other : state_.nodes) {
      const CoreState& c = other.core;
      if (other.kind == Kind::Memory || !c.running || c.asleep || c.halted) continue;
      working += (working.empty() ? "" : ", ") + core_of(other);
      may_wait(name, core_of(other), "may post it: it works");
      busy = busy || !loops(c);
    }
    if (node.kind == Kind::Ctl) return;  // tiles report to it: whoever has not is the cause
    cause(working.empty() ? 70
          : busy          ? 48
                          : 65,
          "missing post",
          fmt::format("{} is waited for (has {}) and no queued or running command posts it{}", name,
                      node.semaphores[semaphore],
                      working.empty() ? "; all cores sleep" : "; cores at work: " + working));
  }

  void semaphores(const NodeState& node) {
    for (unsigned s = 0; s < kSemaphores; ++s) {
      if (wanted_.count({node.node, s}) != 0) posters(node, s);
    }
  }

  void memory(const NodeState& node) {
    if (node.answers_held) wait(owner(node), "the network", "its answers are not taken");
  }

  static Node neighbour(Node node, Dir out) {
    switch (out) {
      case Dir::kNorth:
        return {node.x, node.y - 1};
      case Dir::kEast:
        return {node.x + 1, node.y};
      case Dir::kSouth:
        return {node.x, node.y + 1};
      case Dir::kWest:
        return {node.x - 1, node.y};
      default:
        return node;
    }
  }

  void buffer(const BufferState& b) {
    for (const Dir out : b.wants) {
      for (const auto& o : state_.outputs) {
        if (o.node != b.node || o.response != b.response || o.out != out) continue;
        if (o.credits[b.vc] != 0 || o.stuck || o.dead) continue;
        blocked(b, out);
      }
    }
  }

  /// The head of a buffer has no credit for an output: the other side must be full.
  void blocked(const BufferState& b, Dir out) {
    const Node next = neighbour(b.node, out);
    const std::string name =
        fmt::format("{} port of router {}", kPorts[static_cast<unsigned>(out)], at(b.node));
    const std::string why = fmt::format("{} flits have no credit for the {}", b.flits, name);
    if (out == Dir::kLocal) {
      const auto* node = node_at(next);
      const std::string whom = node != nullptr ? owner(*node) : "node " + at(next);
      wait(buffer_of(b), whom, why);
      deaf_[whom] = fmt::format("{} flits in the {} wait for credits", b.flits, buffer_of(b));
      return;
    }
    for (const auto& other : state_.buffers) {
      if (other.node == next && other.response == b.response && other.in == facing(out) &&
          other.vc == b.vc) {
        wait(buffer_of(b), buffer_of(other), why);
        return;
      }
    }
    wait(buffer_of(b), "router " + at(next), why);
    cause(100, "lost credit",
          fmt::format("credits of the link from router {} {} are lost: {} flits in the {} wait for "
                      "one, and the buffer on the other side is empty",
                      at(b.node), kPorts[static_cast<unsigned>(out)], b.flits, buffer_of(b)));
  }

  void output(const OutputState& o) {
    if (!o.stuck) return;
    cause(95, "dead link",
          fmt::format("the {} link of router {} to the {} is dead: its watchdog heard nothing and "
                      "dropped what had to go there",
                      o.response ? "response" : "request", at(o.node),
                      kPorts[static_cast<unsigned>(o.out)]));
  }

  /// Nodes that others wait for too long, when nothing on the way explains it.
  void silent_targets() {
    for (const auto& node : state_.nodes) {
      if (!node.answers_held || !is_free(node.node)) continue;
      const std::string whom = owner(node);
      if (deaf_.erase(whom) + overdue_.erase(whom) == 0) continue;
      cause(
          92, "no answer",
          fmt::format("{} does not answer: it holds an answer that the network does not take, and "
                      "the router's buffer is empty; answers or their credits got lost",
                      whom));
    }
    for (const auto& [whom, why] : deaf_) {
      const bool empty = is_empty_memory(whom);
      cause(empty ? 100 : 88, empty ? "lost credit" : "not taken",
            empty ? fmt::format("credits towards {} are lost: {}, and it has nothing to do", whom,
                                why)
                  : fmt::format("{} takes nothing from the network: {}", whom, why));
    }
    for (const auto& [whom, who] : overdue_) {
      if (deaf_.count(whom) != 0) continue;
      cause(90, "no answer",
            fmt::format("{} does not answer: {} request{} in flight for more than {} cycles, the "
                        "first from the {}",
                        whom, who.size(), who.size() == 1 ? " is" : "s are", kLong, who.front()));
    }
  }
  /// Whether a router holds no answers of its own node.
  bool is_free(Node node) const {
    return std::none_of(state_.buffers.begin(), state_.buffers.end(), [&](const BufferState& b) {
      return b.node == node && b.response && b.in == Dir::kLocal;
    });
  }
  bool is_empty_memory(const std::string& whom) const {
    for (const auto& node : state_.nodes) {
      if (node.kind == Kind::Memory && owner(node) == whom) {
        return node.reads == 0 && node.writes == 0 && !node.answers_held;
      }
    }
    return false;
  }

  /// A circle in the graph is a deadlock. A node of the walk is entered once.
  void circle() {
    std::set<std::string> seen;
    for (const auto& [start, unused] : graph_) {
      std::vector<std::string> path;
      if (walk(start, path, seen)) break;
    }
    if (done_.cycle.empty()) return;
    std::string text;
    for (const auto& who : done_.cycle) text += who + " -> ";
    cause(75, "deadlock", "a circle of waits: " + text + done_.cycle.front());
  }
  bool walk(const std::string& who, std::vector<std::string>& path, std::set<std::string>& seen) {
    const auto again = std::find(path.begin(), path.end(), who);
    if (again != path.end()) {
      done_.cycle.assign(again, path.end());
      return true;
    }
    const auto edges = graph_.find(who);
    if (edges == graph_.end() || !seen.insert(who).second) return false;
    path.push_back(who);
    for (const auto& whom : edges->second) {
      if (walk(whom, path, seen)) return true;
    }
    path.pop_back();
    return false;
  }

  Diagnosis result() {
    std::sort(causes_.begin(), causes_.end(), [](const Cause& a, const Cause& b) {
      return a.weight != b.weight ? a.weight > b.weight : a.text < b.text;
    });
    std::sort(flights_.begin(), flights_.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    for (auto& [age, text] : flights_) done_.transactions.push_back(std::move(text));
    done_.kind = causes_.empty() ? "none" : causes_.front().kind;
    done_.cause = causes_.empty() ? "nothing waits for something that cannot happen"
                                  : std::move(causes_.front().text);
    for (std::size_t i = 1; i < causes_.size(); ++i) {
      done_.others.push_back(std::move(causes_[i].text));
    }
    return std::move(done_);
  }

  /// Cycles after which a request should have been answered, and a loop is no short wait.
  static constexpr std::uint64_t kLong = 1000;
  /// Different instructions of what counts as one loop.
  static constexpr unsigned kLoop = 400;

  const ChipState& state_;
  const Symbols& symbols_;
  Diagnosis done_;
  std::vector<Cause> causes_;
  std::map<std::string, std::set<std::string>> graph_;
  std::vector<std::pair<std::uint64_t, std::string>> flights_;
  std::set<std::pair<Node, unsigned>> wanted_;
  std::map<std::string, std::vector<std::string>> overdue_;  ///< by target: who waits
  std::map<std::string, std::string> deaf_;  ///< by node: why it seems to take nothing
};

}  // namespace

Diagnosis diagnose(const ChipState& state, const Symbols& symbols) {
  return Examination(state, symbols).run();
}

std::string Diagnosis::text() const {
  std::string text = fmt::format("most likely: {}\n", cause);
  const auto list = [&](const char* title, const std::vector<std::string>& lines,
                        std::size_t most) {
    if (lines.empty()) return;
    text += fmt::format("{}\n", title);
    for (std::size_t i = 0; i < lines.size() && i < most; ++i) text += "  " + lines[i] + "\n";
    if (lines.size() > most) text += fmt::format("  and {} more\n", lines.size() - most);
  };
  constexpr std::size_t kMost = 24;
  list("also:", others, 6);
  if (!cycle.empty()) {
    std::string circle;
    for (const auto& who : cycle) circle += who + " -> ";
    text += "in a circle: " + circle + cycle.front() + "\n";
  }
  list("cores:", cores, 2 * kMost);
  std::vector<std::string> edges;
  for (const auto& edge : waits)
    edges.push_back(fmt::format("{} -> {}: {}", edge.who, edge.whom, edge.why));
  list("who waits for whom:", edges, kMost);
  list("in flight:", transactions, kMost);
  return text;
}

}  // namespace tsr::doctor
