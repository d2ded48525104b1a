// SPDX-License-Identifier: Apache-2.0
/// Composition kernel: clocks the models of a mesh and carries their registered outputs to their
/// neighbours, cycle for cycle as one monolithic chip would.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "link_check.hpp"
#include "probe/probe_fan.hpp"
#include "rtl/node_model.hpp"

namespace tsr {

class SimContext;
class WorkerPool;

/// Models beside those that the kernel clocks, with events in chip cycles: the TLM half of a chip.
/// Called between cycles by the thread that calls run().
class TimedModels {
 public:
  static constexpr std::uint64_t kNever = ~0ULL;

  virtual ~TimedModels() = default;
  /// Let everything happen that happens up to `cycle`, inclusive, which the clocked models then
  /// run.
  virtual void run_to(std::uint64_t cycle) = 0;
  /// Let everything happen before `end`, or until the kernel's request_stop(); returns the cycle
  /// reached. Only while no clocked model is awake, and none wakes.
  virtual std::uint64_t run_alone(std::uint64_t end) = 0;
  /// Cycle in which something happens next, or kNever.
  virtual std::uint64_t next() const = 0;
};

/// What the kernel composes: one router and one endpoint a node, row by row. Null: that part of the
/// node is among the TimedModels.
struct MeshNode {
  std::unique_ptr<NodeModel> router;
  std::unique_ptr<NodeModel> endpoint;
  /// Relative cost when awake, for the partition over threads; the endpoints of nodes with
  /// kHeavyWeight or more decide whether a cycle is worth sharing.
  unsigned weight = 1;
  bool main_thread = false;  ///< always evaluated by the thread that calls run()
};

/// Part of a run that is written to a trace file, in cycles from the end of reset, inclusive.
struct TraceWindow {
  std::string file;  ///< empty: no trace
  std::uint64_t from = 0;
  std::uint64_t to = ~0ULL;
};

/// Counts of the kernel's own work, for measurements.
struct KernelStats {
  std::uint64_t cycles = 0;
  std::uint64_t router_steps = 0;
  std::uint64_t endpoint_steps = 0;
  std::uint64_t flits = 0;            ///< carried over any link
  std::uint64_t parallel_cycles = 0;  ///< cycles that used the worker threads
};

/// A model is evaluated only while it is awake. It falls asleep after a cycle in which nothing
/// arrived, its outputs are quiet and its idle_o is 1; it wakes when a flit, a credit, a new
/// counter selection or wake() comes, and in the cycle that it named itself (NodeModel::wake_at).
/// The result is the same for any number of threads.
class Kernel {
 public:
  static constexpr unsigned kHeavyWeight = 8;

  /// `threads` >= 1. `context` may be null for models that have none (then there is no trace).
  Kernel(int mesh_w, int mesh_h, std::vector<MeshNode> nodes, unsigned threads, SimContext* context,
         TraceWindow trace = {});
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  /// Hold reset for `cycles` cycles. The cycle count stays 0.
  void reset(unsigned cycles = 8);
  /// Run at most `cycles` cycles; ends early after a cycle in which request_stop() was called or an
  /// assertion of the RTL failed.
  /// Returns how many were run.
  std::uint64_t run(std::uint64_t cycles);
  /// A flit that a router put out: `cycle` as in cycle() while it ran, `link` = net * kPorts +
  /// port, kFlitWords words.
  using FlitObserver = std::function<void(std::uint64_t cycle, std::size_t node, unsigned link,
                                          const std::uint32_t* flit)>;
  /// Call `observer` for every flit of every router output, between cycles, by the thread that
  /// calls run(): cycle by cycle, within a cycle by node and link.
  void observe_flits(FlitObserver observer) { flit_observer_ = std::move(observer); }
  /// Call `tick` between cycles, by the thread that calls run(), whenever the cycle count has
  /// reached or passed (everything slept) a multiple of `interval`, and before anything happens
  /// then.
  using Tick = std::function<void(std::uint64_t cycle)>;
  void observe_time(std::uint64_t interval, Tick tick) {
    tick_ = std::move(tick);
    tick_interval_ = interval;
    next_tick_ = (cycle_ / interval + 1) * interval;
  }
  /// Tell `probe`, beside all others that were added, what the hart of a node does from now on. It
  /// is called by the thread that evaluates the node, and outlives the last run(). Between cycles
  /// only.
  void add_probe(std::size_t node, NodeProbe& probe);
  /// Tell it nothing any more. Between cycles only.
  void remove_probe(std::size_t node, NodeProbe& probe);
  /// Trace a part of the run that is still to come, into a file of its own. Between cycles only.
  /// Throws InputError if the file cannot be written.
  void start_trace(TraceWindow trace);
  /// In a forked copy of the process: go on without the worker threads, which do not exist, and
  /// without the trace, which is the parent's.
  void leave_parent();
  /// From `cycle` on the link of a router's port to its neighbour carries nothing, in both
  /// directions and networks. Between cycles only.
  void kill_link(std::size_t node, unsigned port, std::uint64_t cycle = 0);
  /// From `cycle` on nothing that a node's endpoint puts onto network `net` gets to its router,
  /// neither flits nor credits. Between cycles only.
  void lose_output(std::size_t node, unsigned net, std::uint64_t cycle);
  /// Check every flit and credit of every model against the rules of its link (LinkCheck), from the
  /// next reset() on, or no more. The first violation ends run(). Between cycles only.
  void check_links(bool check) {
    link_check_ = check ? std::make_unique<LinkCheck>(slots_.size()) : nullptr;
  }
  /// `false`: evaluate every model in every cycle. Only for checking that sleeping changes nothing.
  void allow_sleep(bool allow) { sleep_ = allow; }
  /// Models that run beside; they outlive the kernel. Before the first run().
  void set_timed(TimedModels* timed) { timed_ = timed; }
  /// May be called by models and by agents during a cycle, from any worker thread.
  void request_stop() { stop_.store(true, std::memory_order_relaxed); }

  /// Cycles since reset: the chip's now_i of the next cycle.
  std::uint64_t cycle() const { return cycle_; }
  /// Wake a node's endpoint: its side inputs (host port, pins) have changed. Between cycles only.
  void wake_endpoint(std::size_t node);
  void wake_router(std::size_t node);
  /// Whether every clocked model sleeps and none will wake by itself: nothing happens any more
  /// until something comes from outside. Between cycles only.
  bool all_asleep() const { return none_awake() && next_wake() == NodeModel::kNever; }
  /// Whether a node's router and endpoint are awake (for reports).
  bool router_awake(std::size_t node) const { return awake(slot_of_router_[node]); }
  bool endpoint_awake(std::size_t node) const { return awake(slot_of_endpoint_[node]); }
  /// Latest cycle in which the core of a node took a trap or an interrupt; NodeModel::kNever: none.
  std::uint64_t last_trap(std::size_t node) const {
    const auto& endpoint = nodes_[node].endpoint;  // null: a TLM model without RTL around it
    return endpoint ? endpoint->last_trap : NodeModel::kNever;
  }
  /// A protocol violation (a flit or credit that left the mesh, or broke a rule of its link).
  struct Violation {
    std::uint64_t cycle;
    std::size_t node;
    std::string text;  ///< one line, with cycle and place
  };
  /// The first one; of several in one cycle that of the first node.
  const std::optional<Violation>& violation() const { return violation_; }
  /// Whether a debugger holds the core of a node. A core that halts ends the run as request_stop()
  /// does.
  bool halted(std::size_t node) const {
    return (slots_[slot_of_endpoint_[node]].out & kHaltedPin) != 0;
  }
  KernelStats stats() const;
  /// Flits that a node's router has put out on link `net * kPorts + port` since the kernel was
  /// built, those that a dead link swallowed left out. Between cycles only.
  std::uint64_t link_flits(std::size_t node, unsigned link) const {
    return link_flits_[slot_of_router_[node] * kLinks + link];
  }

 private:
  static constexpr std::uint32_t kNowhere = ~0U;
  static constexpr std::uint32_t kCut = kNowhere - 1;  ///< a dead link: it swallows everything

  /// Where a link's flits and credits go.
  struct Link {
    std::uint32_t slot = kNowhere;   ///< neighbour
    std::uint32_t valid_mask = 0;    ///< its valid pin
    std::uint32_t credit_shift = 0;  ///< its credit pins
    const std::uint32_t* from = nullptr;
    std::uint32_t* to = nullptr;
  };
  /// A port whose link is to be cut, in one direction.
  struct Death {
    std::uint64_t cycle;
    std::uint32_t slot;
    unsigned port;
    unsigned nets = (1U << kNets) - 1;
  };
  struct Slot {
    NodeModel* model = nullptr;
    Pins in = 0;   ///< for the next step; neighbours set bits (atomically with threads)
    Pins out = 0;  ///< of the last step
    std::uint64_t wake_at = NodeModel::kNever;  ///< of a sleeping model: when it wakes by itself
    std::uint32_t partner = kNowhere;           ///< the other half of the node
    bool is_router = false;
    bool timed = false;  ///< among its part's timed slots
  };
  struct alignas(128) Part {
    std::uint32_t first_word = 0;  ///< slots first_word * 64 .. end_word * 64
    std::uint32_t end_word = 0;
    std::vector<std::uint32_t> stepped;  ///< slots evaluated in this cycle
    std::uint32_t count = 0;             ///< of them
    std::vector<std::uint32_t> timed;    ///< slots whose model ever fell asleep with a wake_at
    /// No sleeping model of the part wakes by itself before.
    std::uint64_t next_wake = NodeModel::kNever;
    std::uint64_t router_steps = 0;
    std::uint64_t endpoint_steps = 0;
    std::uint64_t flits = 0;
    std::optional<Violation> violation;
  };

  void place(std::vector<MeshNode>& nodes, unsigned threads);
  void connect(int mesh_h);
  void clock_part(Part& part);
  bool note_step(Part& part, std::uint32_t index, Pins in, Pins before);
  bool may_sleep(Part& part, std::uint32_t index);
  void wake_due();
  std::uint64_t next_wake() const;
  bool none_awake() const;
  template <bool Atomic>
  void carry_part(Part& part);
  void note_halt(Pins before, Pins now) {
    if ((now & ~before & kHaltedPin) != 0) request_stop();
  }
  template <bool Atomic>
  void deliver(std::uint32_t slot, Pins pins);
  void cut_links();
  void sort_deaths();
  void check_link(Part& part, std::uint32_t index, Pins in);
  void lost(Part& part, std::uint32_t slot, unsigned link);
  void violate(Part& part, std::uint32_t slot, unsigned link, const char* what);
  void serial_cycle();
  std::uint64_t pass(std::uint64_t cycles);
  bool traced() const { return !trace_.file.empty() && context_ != nullptr; }
  void traced_cycle();
  void trace_sleep(std::uint64_t first, std::uint64_t last);
  void parallel_cycle();
  void report_flits() const;
  void call_tick();
  void note_violation();
  unsigned heavy_awake() const;
  bool awake(std::uint32_t slot) const { return (active_[slot / 64] >> (slot % 64) & 1) != 0; }
  void wake(std::uint32_t slot) { active_[slot / 64] |= 1ULL << (slot % 64); }

  SimContext* context_;
  const int mesh_w_;
  TraceWindow trace_;
  std::vector<MeshNode> nodes_;
  std::vector<std::uint32_t> slot_of_router_;
  std::vector<std::uint32_t> slot_of_endpoint_;
  std::vector<Slot> slots_;
  std::vector<Link> links_;                ///< kLinks a slot
  std::vector<std::uint64_t> link_flits_;  ///< carried, kLinks a slot
  std::vector<Death> deaths_;              ///< to come, the next one last
  std::vector<std::uint64_t> active_;      ///< a bit a slot: awake
  std::vector<std::uint64_t> heavy_;       ///< a bit a slot: endpoint of a heavy node
  std::vector<Part> parts_;
  std::unique_ptr<WorkerPool> pool_;
  TimedModels* timed_ = nullptr;
  bool clocked_ = false;  ///< there are models to clock
  std::atomic<bool> stop_{false};
  bool sleep_ = true;
  FlitObserver flit_observer_;
  Tick tick_;
  std::uint64_t tick_interval_ = 0;
  std::uint64_t next_tick_ = ~0ULL;
  std::map<std::size_t, ProbeFan> probes_;  ///< by node
  std::uint64_t cycle_ = 0;
  std::uint64_t parallel_cycles_ = 0;
  int errors_ = 0;  ///< assertions that failed up to now
  std::unique_ptr<LinkCheck> link_check_;
  std::optional<Violation> violation_;
};

}  // namespace tsr
