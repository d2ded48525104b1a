// SPDX-License-Identifier: Apache-2.0
#include "kernel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "error.hpp"
#include "noc/fault_map.hpp"
#include "rtl/sim_context.hpp"
#include "worker_pool.hpp"

namespace tsr {
namespace {

/// Below this many awake heavy endpoints a cycle is too short to share.
constexpr unsigned kParallelThreshold = 3;
constexpr std::uint64_t kPeriodPs = 1250;  // 800 MHz
constexpr unsigned kLocal = 0, kNorth = 1, kEast = 2, kSouth = 3, kWest = 4;

}  // namespace

Kernel::Kernel(int mesh_w, int mesh_h, std::vector<MeshNode> nodes, unsigned threads,
               SimContext* context, TraceWindow trace)
    : context_(context), mesh_w_(mesh_w), nodes_(std::move(nodes)) {
  place(nodes_, std::max(1U, threads));
  connect(mesh_h);
  if (parts_.size() > 1) {
    pool_ = std::make_unique<WorkerPool>(
        static_cast<unsigned>(parts_.size()) - 1,
        [this] {
          if (context_ != nullptr) context_->bind_thread();
        },
        [this](unsigned worker) { clock_part(parts_[worker]); },
        [this](unsigned worker) { carry_part<true>(parts_[worker]); });
  }
  if (!trace.file.empty() && context_ != nullptr) start_trace(std::move(trace));
}

Kernel::~Kernel() = default;

void Kernel::start_trace(TraceWindow trace) {
  trace_ = std::move(trace);
  context_->begin_trace();
  for (auto& node : nodes_) {
    if (node.router) node.router->trace(*context_);
    if (node.endpoint) node.endpoint->trace(*context_);
  }
  context_->open_trace(trace_.file);
}

void Kernel::leave_parent() {
  // The pool knows threads that are not there: it can be neither used nor taken apart.
  static_cast<void>(pool_.release());
  if (context_ != nullptr) context_->forget_trace();
  trace_ = {};
}

/// Give every model a slot. A partition owns whole 64-bit words of the activity map, and whole
/// nodes; nodes go to the least loaded partition, heaviest kind first.
void Kernel::place(std::vector<MeshNode>& nodes, unsigned threads) {
  threads = std::min<unsigned>(threads, static_cast<unsigned>(nodes.size()));
  std::vector<std::size_t> order(nodes.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (nodes[a].main_thread != nodes[b].main_thread) return nodes[a].main_thread;
    if (nodes[a].weight != nodes[b].weight) return nodes[a].weight > nodes[b].weight;
    return a < b;
  });
  std::vector<std::vector<std::size_t>> members(threads);
  std::vector<std::uint64_t> load(threads, 0);
  for (const auto node : order) {
    const auto lightest =
        nodes[node].main_thread
            ? 0
            : static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    members[lightest].push_back(node);
    load[lightest] += nodes[node].weight;
  }
  slot_of_router_.assign(nodes.size(), kNowhere);
  slot_of_endpoint_.assign(nodes.size(), kNowhere);
  std::uint32_t words = 0;
  parts_ = std::vector<Part>(threads);
  for (unsigned p = 0; p < threads; ++p) {
    auto& part = parts_[p];
    part.first_word = words;
    std::uint32_t slot = words * 64;
    std::sort(members[p].begin(), members[p].end());
    for (const auto node : members[p]) {
      slot_of_router_[node] = slot++;
      slot_of_endpoint_[node] = slot++;
    }
    words = (slot + 63) / 64;
    part.end_word = words;
    part.stepped.resize((part.end_word - part.first_word) * 64);
  }
  active_.assign(words, 0);
  heavy_.assign(words, 0);
  slots_.resize(std::size_t{words} * 64);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    auto& router = slots_[slot_of_router_[i]];
    auto& endpoint = slots_[slot_of_endpoint_[i]];
    router.model = nodes[i].router.get();
    router.partner = slot_of_endpoint_[i];
    router.is_router = true;
    endpoint.model = nodes[i].endpoint.get();
    endpoint.partner = slot_of_router_[i];
    clocked_ |= router.model != nullptr || endpoint.model != nullptr;
    if (nodes[i].weight >= kHeavyWeight) {
      heavy_[slot_of_endpoint_[i] / 64] |= 1ULL << (slot_of_endpoint_[i] % 64);
    }
  }
}

void Kernel::connect(int mesh_h) {
  links_.resize(slots_.size() * kLinks);
  link_flits_.assign(slots_.size() * kLinks, 0);
  const auto join = [&](std::uint32_t from, unsigned from_port, std::uint32_t to,
                        unsigned to_port) {
    if (slots_[from].model == nullptr || slots_[to].model == nullptr) return;
    for (unsigned net = 0; net < kNets; ++net) {
      Link& link = links_[from * kLinks + net * kPorts + from_port];
      const unsigned target = net * kPorts + to_port;
      link.slot = to;
      link.valid_mask = valid_pin(target);
      link.credit_shift = credit_pin(target);
      link.from = slots_[from].model->tx_flit[net] + from_port * kFlitWords;
      link.to = slots_[to].model->rx_flit[net] + to_port * kFlitWords;
    }
  };
  for (int y = 0; y < mesh_h; ++y) {
    for (int x = 0; x < mesh_w_; ++x) {
      const int index = y * mesh_w_ + x;
      const auto node = static_cast<std::size_t>(index);
      const auto router = slot_of_router_[node];
      join(router, kLocal, slot_of_endpoint_[node], kLocal);
      join(slot_of_endpoint_[node], kLocal, router, kLocal);
      if (y > 0)
        join(router, kNorth, slot_of_router_[node - static_cast<std::size_t>(mesh_w_)], kSouth);
      if (x + 1 < mesh_w_) join(router, kEast, slot_of_router_[node + 1], kWest);
      if (y + 1 < mesh_h) {
        join(router, kSouth, slot_of_router_[node + static_cast<std::size_t>(mesh_w_)], kNorth);
      }
      if (x > 0) join(router, kWest, slot_of_router_[node - 1], kEast);
    }
  }
}

void Kernel::add_probe(std::size_t node, NodeProbe& probe) {
  ProbeFan& fan = probes_[node];
  fan.add(probe);
  nodes_[node].endpoint->set_probe(&fan);
}

void Kernel::remove_probe(std::size_t node, NodeProbe& probe) {
  ProbeFan& fan = probes_[node];
  fan.remove(probe);
  if (fan.empty()) nodes_[node].endpoint->set_probe(nullptr);
}

void Kernel::kill_link(std::size_t node, unsigned port, std::uint64_t cycle) {
  const std::uint32_t slot = slot_of_router_[node];
  const Link& link = links_[slot * kLinks + port];
  if (link.slot >= kCut) return;  // nothing left to kill
  const auto facing = static_cast<unsigned>(tsr::facing(static_cast<Dir>(port)));
  deaths_.push_back({cycle, slot, port});
  deaths_.push_back({cycle, link.slot, facing});
  sort_deaths();
}

void Kernel::lose_output(std::size_t node, unsigned net, std::uint64_t cycle) {
  deaths_.push_back({cycle, slot_of_endpoint_[node], kLocal, 1U << net});
  sort_deaths();
}

void Kernel::sort_deaths() {
  std::sort(deaths_.begin(), deaths_.end(),
            [](const Death& a, const Death& b) { return a.cycle > b.cycle; });
}

void Kernel::cut_links() {
  while (!deaths_.empty() && deaths_.back().cycle <= cycle_) {
    const Death& death = deaths_.back();
    for (unsigned net = 0; net < kNets; ++net) {
      if ((death.nets >> net & 1U) == 0) continue;
      links_[death.slot * kLinks + net * kPorts + death.port].slot = kCut;
    }
    deaths_.pop_back();
  }
}

void Kernel::reset(unsigned cycles) {
  for (auto& slot : slots_) {
    if (slot.model != nullptr) slot.model->set_reset(true);
  }
  for (unsigned i = 0; i < cycles; ++i) {
    for (auto& slot : slots_) {
      if (slot.model != nullptr) slot.out = slot.model->step(0, 0);
      slot.in = 0;
    }
  }
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].model == nullptr) continue;
    slots_[i].model->set_reset(false);
    slots_[i].wake_at = NodeModel::kNever;
    wake(i);
  }
  if (link_check_) link_check_->reset();
  cycle_ = 0;
}

void Kernel::wake_endpoint(std::size_t node) { wake(slot_of_endpoint_[node]); }
void Kernel::wake_router(std::size_t node) { wake(slot_of_router_[node]); }

bool Kernel::none_awake() const {
  return std::all_of(active_.begin(), active_.end(), [](std::uint64_t word) { return word == 0; });
}

/// Whether a model that has nothing to do may be left out from the next cycle on. Notes when it
/// wakes by itself. Touches nothing outside the partition.
bool Kernel::may_sleep(Part& part, std::uint32_t index) {
  Slot& slot = slots_[index];
  const std::uint64_t at = slot.model->wake_at;
  if (at <= cycle_ + 1) return false;
  slot.wake_at = at;
  if (at == NodeModel::kNever) return true;
  if (!slot.timed) part.timed.push_back(index);
  slot.timed = true;
  part.next_wake = std::min(part.next_wake, at);
  return true;
}

/// Wake the models whose time has come. Those that something else has woken meanwhile are awake, or
/// have named another time when they fell asleep again.
void Kernel::wake_due() {
  for (auto& part : parts_) {
    if (part.next_wake > cycle_) continue;
    part.next_wake = NodeModel::kNever;
    for (const std::uint32_t index : part.timed) {
      Slot& slot = slots_[index];
      if (slot.wake_at <= cycle_) {
        slot.wake_at = NodeModel::kNever;
        wake(index);
      }
      part.next_wake = std::min(part.next_wake, slot.wake_at);
    }
  }
}

/// Cycle in which the first of the sleeping models wakes by itself.
std::uint64_t Kernel::next_wake() const {
  std::uint64_t next = NodeModel::kNever;
  for (const auto& part : parts_) {
    for (const std::uint32_t index : part.timed) {
      if (!awake(index)) next = std::min(next, slots_[index].wake_at);
    }
  }
  return next;
}

unsigned Kernel::heavy_awake() const {
  unsigned count = 0;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    count += static_cast<unsigned>(__builtin_popcountll(active_[i] & heavy_[i]));
  }
  return count;
}

/// After a cycle of a model that got `in` and drove `before` until then: look at what it drives
/// now. Returns whether it falls asleep. Touches nothing outside the partition.
bool Kernel::note_step(Part& part, std::uint32_t index, Pins in, Pins before) {
  const Pins out = slots_[index].out;
  note_halt(before, out);
  if (link_check_) check_link(part, index, in);
  const bool quiet = in == 0 && (out & (kPinMask | kIdlePin)) == kIdlePin;
  return quiet && sleep_ && may_sleep(part, index);
}

/// Phase one: clock the awake models of a partition. Touches nothing outside it.
void Kernel::clock_part(Part& part) {
  std::uint32_t count = 0;
  for (std::uint32_t word = part.first_word; word < part.end_word; ++word) {
    std::uint64_t bits = active_[word];
    std::uint64_t still = bits;
    while (bits != 0) {
      const auto bit = static_cast<unsigned>(__builtin_ctzll(bits));
      bits &= bits - 1;
      const std::uint32_t index = word * 64 + bit;
      Slot& slot = slots_[index];
      const Pins in = slot.in;
      const Pins before = slot.out;
      slot.in = 0;
      slot.out = slot.model->step(cycle_, in);
      part.stepped[count++] = index;
      if (note_step(part, index, in, before)) still &= ~(1ULL << bit);
    }
    active_[word] = still;
  }
  part.count = count;
}

template <bool Atomic>
void Kernel::deliver(std::uint32_t slot, Pins pins) {
  const std::uint64_t bit = 1ULL << (slot % 64);
  if constexpr (Atomic) {
    __atomic_fetch_or(&slots_[slot].in, pins, __ATOMIC_RELAXED);
    __atomic_fetch_or(&active_[slot / 64], bit, __ATOMIC_RELAXED);
  } else {
    slots_[slot].in |= pins;
    active_[slot / 64] |= bit;
  }
}

/// Phase two: carry what the stepped models of a partition put out to their neighbours. A flit
/// register has one writer, so only the pins and the activity map are shared.
template <bool Atomic>
void Kernel::carry_part(Part& part) {
  for (std::uint32_t i = 0; i < part.count; ++i) {
    const std::uint32_t index = part.stepped[i];
    Slot& slot = slots_[index];
    const Link* const links = &links_[index * kLinks];
    if (slot.is_router) {
      ++part.router_steps;
      if (slot.model->count_out != nullptr) {
        NodeModel& endpoint = *slots_[slot.partner].model;
        if (endpoint.count_in != nullptr) *endpoint.count_in = *slot.model->count_out;
      }
    } else {
      ++part.endpoint_steps;
      const auto* select = slot.model->count_select_out;
      if (select != nullptr) {
        std::uint8_t* input = slots_[slot.partner].model->count_select_in;
        if (input != nullptr && *input != *select) {
          *input = *select;
          deliver<Atomic>(slot.partner, 0);
        }
      }
    }
    Pins valid = slot.out & kValidMask;
    while (valid != 0) {
      const auto link_index = static_cast<unsigned>(__builtin_ctz(valid));
      valid &= valid - 1;
      const Link& link = links[link_index];
      if (link.slot >= kCut) {
        if (link.slot == kNowhere) lost(part, index, link_index);
        continue;
      }
      std::memcpy(link.to, link.from, kFlitWords * sizeof(std::uint32_t));
      deliver<Atomic>(link.slot, link.valid_mask);
      ++part.flits;
      ++link_flits_[index * kLinks + link_index];
    }
    Pins credits = (slot.out & kPinMask) >> kCreditShift;
    while (credits != 0) {
      const auto link_index = static_cast<unsigned>(__builtin_ctz(credits)) / 2;
      const Pins pulse = (credits >> (2 * link_index)) & 3U;
      credits &= ~(3U << (2 * link_index));
      const Link& link = links[link_index];
      if (link.slot >= kCut) {
        if (link.slot == kNowhere) lost(part, index, link_index);
        continue;
      }
      deliver<Atomic>(link.slot, pulse << link.credit_shift);
    }
  }
}

void Kernel::check_link(Part& part, std::uint32_t index, Pins in) {
  const Slot& slot = slots_[index];
  if (((in | slot.out) & kPinMask) == 0) return;
  const auto fault = link_check_->step(index, *slot.model, slot.is_router, in, slot.out);
  if (fault.rule != nullptr) violate(part, index, fault.link, fault.rule);
}

void Kernel::lost(Part& part, std::uint32_t slot, unsigned link) {
  violate(part, slot, link, "no node is there");
}

void Kernel::violate(Part& part, std::uint32_t slot, unsigned link, const char* what) {
  static const char* const kPortNames[] = {"local", "north", "east", "south", "west"};
  const auto& slots = slots_[slot].is_router ? slot_of_router_ : slot_of_endpoint_;
  const auto node =
      static_cast<std::size_t>(std::find(slots.begin(), slots.end(), slot) - slots.begin());
  request_stop();
  if (part.violation && part.violation->node <= node) return;
  const auto width = static_cast<std::size_t>(mesh_w_);
  part.violation = Violation{
      cycle_, node,
      fmt::format("cycle {}: {} of node ({}, {}), {} port, {} network: {}", cycle_,
                  slots_[slot].is_router ? "router" : "endpoint", node % width, node / width,
                  kPortNames[link % kPorts], link < kPorts ? "request" : "response", what)};
}

void Kernel::serial_cycle() {
  for (auto& part : parts_) clock_part(part);
  for (auto& part : parts_) carry_part<false>(part);
}

void Kernel::parallel_cycle() {
  if (!pool_->resumed()) pool_->resume();
  pool_->cycle();
  ++parallel_cycles_;
}

void Kernel::report_flits() const {
  for (std::size_t node = 0; node < slot_of_router_.size(); ++node) {
    const Slot& router = slots_[slot_of_router_[node]];
    for (Pins valid = router.out & kValidMask; valid != 0; valid &= valid - 1) {
      const auto link = static_cast<unsigned>(__builtin_ctz(valid));
      flit_observer_(cycle_, node, link,
                     router.model->tx_flit[link / kPorts] + link % kPorts * kFlitWords);
    }
  }
}

/// As a serial cycle, but with all models between the two clock edges at the same time.
void Kernel::traced_cycle() {
  for (auto& part : parts_) {
    part.count = 0;
    for (std::uint32_t index = part.first_word * 64; index < part.end_word * 64; ++index) {
      if (!awake(index)) continue;
      Slot& slot = slots_[index];
      const Pins in = slot.in;
      const Pins before = slot.out;
      slot.in = 0;
      slot.out = slot.model->rise(cycle_, in);
      part.stepped[part.count++] = index;
      if (note_step(part, index, in, before)) active_[index / 64] &= ~(1ULL << (index % 64));
    }
  }
  context_->dump(cycle_ * kPeriodPs);
  for (auto& part : parts_) {
    for (std::uint32_t i = 0; i < part.count; ++i) slots_[part.stepped[i]].model->fall();
  }
  context_->dump(cycle_ * kPeriodPs + kPeriodPs / 2);
  for (auto& part : parts_) carry_part<false>(part);
}

/// No model is awake: let the time pass, at most so many cycles, until something happens.
std::uint64_t Kernel::pass(std::uint64_t cycles) {
  const std::uint64_t end = std::min({cycle_ + cycles, next_tick_, next_wake()});
  const std::uint64_t start = cycle_;
  if (timed_ == nullptr) {
    cycle_ = end;
  } else if (!clocked_) {
    cycle_ = timed_->run_alone(end);
  } else {
    cycle_ = std::max(cycle_, std::min(end, timed_->next()));
    timed_->run_alone(cycle_);  // nothing lies before it; what comes from outside finds it there
  }
  if (traced() && cycle_ > start) trace_sleep(start, cycle_ - 1);
  return cycle_ - start;
}

/// Cycles in which every model slept, inclusive: waves without changes, but the window is whole.
void Kernel::trace_sleep(std::uint64_t first, std::uint64_t last) {
  first = std::max(first, trace_.from);
  last = std::min(last, trace_.to);
  if (first > last) return;
  context_->dump(first * kPeriodPs);
  context_->dump(last * kPeriodPs + kPeriodPs / 2);
}

void Kernel::call_tick() {
  tick_(cycle_);
  next_tick_ = (cycle_ / tick_interval_ + 1) * tick_interval_;
}

std::uint64_t Kernel::run(std::uint64_t cycles) {
  stop_.store(false, std::memory_order_relaxed);
  std::uint64_t done = 0;
  while (done < cycles && !stop_.load(std::memory_order_relaxed)) {
    if (timed_ != nullptr && clocked_) timed_->run_to(cycle_);
    if (cycle_ >= next_tick_) call_tick();
    wake_due();
    if (none_awake()) {
      // A stop ends the run behind this cycle, here too.
      done += pass(stop_.load(std::memory_order_relaxed) ? 1 : cycles - done);
      continue;
    }
    if (!deaths_.empty()) cut_links();
    if (traced() && cycle_ >= trace_.from && cycle_ <= trace_.to) {
      traced_cycle();
    } else if (pool_ != nullptr && heavy_awake() >= kParallelThreshold) {
      parallel_cycle();
    } else {
      serial_cycle();
    }
    if (flit_observer_) report_flits();
    ++cycle_;
    ++done;
    if (context_ != nullptr && context_->error_count() != errors_) {  // an assertion of the RTL
      errors_ = context_->error_count();
      break;
    }
  }
  if (pool_ != nullptr && pool_->resumed()) pool_->park();
  if (traced() && cycle_ > trace_.to) context_->close_trace();
  note_violation();
  return done;
}

void Kernel::note_violation() {
  if (violation_) return;
  for (const auto& part : parts_) {
    if (part.violation && (!violation_ || part.violation->node < violation_->node)) {
      violation_ = part.violation;
    }
  }
}

KernelStats Kernel::stats() const {
  KernelStats stats;
  stats.cycles = cycle_;
  stats.parallel_cycles = parallel_cycles_;
  for (const auto& part : parts_) {
    stats.router_steps += part.router_steps;
    stats.endpoint_steps += part.endpoint_steps;
    stats.flits += part.flits;
  }
  return stats;
}

}  // namespace tsr
