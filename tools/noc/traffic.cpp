// SPDX-License-Identifier: Apache-2.0
#include "noc/traffic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>

#include "error.hpp"

namespace tsr::tools {
namespace {

constexpr std::uint64_t kProgressStep = 1024;

/// A flit that waits at its source.
struct Waiting {
  std::uint64_t created;
  unsigned destination;
};

struct Source {
  TrafficRandom random;
  /// Flits that may use any VC wait in the first one, others in that of their VC.
  std::array<std::deque<Waiting>, kNumVcs> queue;
  std::uint64_t sent = 0;
  std::uint64_t arrived = 0;  ///< within the window
  unsigned next_vc = 0;
};

/// The payload of a flit: its source, destination and number, spread over all lanes.
std::uint64_t lane_word(std::uint64_t identity, unsigned lane) {
  std::uint64_t z = identity + (lane + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  return z ^ (z >> 27);
}

class Run {
 public:
  Run(const TrafficOptions& options, const TrafficPattern& pattern)
      : options_(options), pattern_(pattern), mesh_(options.mesh) {
    for (unsigned i = 0; i < mesh_.nodes(); ++i) {
      sources_.push_back({TrafficRandom(options.mesh.seed, i), {}, 0, 0, i % options.vcs});
    }
    last_number_.resize(std::size_t{mesh_.nodes()} * mesh_.nodes() * kNumVcs);
  }

  TrafficResult run(const std::function<void(double)>& progress) {
    const std::uint64_t end = options_.warmup + options_.measure;
    while (mesh_.cycle() < end) {
      cycle(true);
      if (mesh_.cycle() % kProgressStep == 0) {
        progress(static_cast<double>(mesh_.cycle()) / static_cast<double>(end));
        if (hopeless()) return result_;
      }
    }
    if (hopeless()) return result_;
    // The load stays while measured flits are on their way; where it is too much for the mesh, they
    // would be for ever.
    while (outstanding_ > 0 && mesh_.cycle() < end + options_.measure) cycle(true);
    drain();
    finish();
    return result_;
  }

  double run_all_pairs() {
    std::uint64_t pairs = 0;
    for (unsigned i = 0; i < mesh_.nodes(); ++i) {
      for (unsigned d = 0; d < mesh_.nodes(); ++d) {
        if (!connected(i, d)) continue;
        enqueue(i, d);
        ++pairs;
      }
    }
    constexpr std::uint64_t kPatience = 1000;  // cycles without arrivals
    for (std::uint64_t last = 0; mesh_.cycle() - last < kPatience && result_.flits < pairs;) {
      step();
      if (!mesh_.arrivals().empty()) last = mesh_.cycle();
    }
    return 100.0 * static_cast<double>(result_.flits) / static_cast<double>(pairs);
  }

 private:
  bool connected(unsigned source, unsigned destination) const {
    return !options_.pairs || layer(source, destination) != Layer::kNone;
  }
  Layer layer(unsigned source, unsigned destination) const {
    return options_.pairs->nets[options_.mesh.net].layer(mesh_.node(source),
                                                         mesh_.node(destination));
  }
  /// Whether a node is alive and the pattern lets it send.
  bool sends(unsigned i) const { return pattern_.sends(i) && connected(i, i); }

  bool in_window(std::uint64_t cycle) const {
    return cycle >= options_.warmup && cycle < options_.warmup + options_.measure;
  }

  void cycle(bool create) {
    const std::uint64_t now = mesh_.cycle();
    for (unsigned i = 0; i < mesh_.nodes(); ++i) {
      if (create) create_flit(i, now);
    }
    step();
    watch();
  }

  void step() {
    for (unsigned i = 0; i < mesh_.nodes(); ++i) inject(i);
    mesh_.tick();
    for (const auto& arrival : mesh_.arrivals()) check(arrival);
  }

  void create_flit(unsigned i, std::uint64_t now) {
    Source& source = sources_[i];
    if (!sends(i) || source.random.unit() >= options_.rate) return;
    const int destination = pattern_.destination(i, source.random);
    if (destination < 0 || !connected(i, static_cast<unsigned>(destination))) return;
    enqueue(i, static_cast<unsigned>(destination));
    if (in_window(now)) {
      ++created_;
      ++outstanding_;
      created_sum_ += now - options_.warmup;
    }
  }

  void enqueue(unsigned i, unsigned destination) {
    const bool table = options_.mesh.routes && layer(i, destination) == Layer::kTables;
    sources_[i].queue[table ? 1 : 0].push_back({mesh_.cycle(), destination});
  }

  /// Send the oldest flit of a source if a virtual channel has room; they take turns. With tables,
  /// each one has flits of its own.
  void inject(unsigned i) {
    Source& source = sources_[i];
    const auto& queue = source.queue;
    const auto ready = [&](unsigned vc) {
      return !queue[options_.mesh.routes ? vc : 0].empty() && mesh_.can_send(i, vc);
    };
    unsigned vc = source.next_vc;
    if (options_.mesh.routes && ready(0) && ready(1)) {
      vc = queue[1].front().created < queue[0].front().created ? 1 : 0;
    } else if (!ready(vc)) {
      vc = (vc + 1) % options_.vcs;
    }
    if (!ready(vc)) return;
    source.next_vc = (vc + 1) % options_.vcs;
    auto& from = source.queue[options_.mesh.routes ? vc : 0];
    const Waiting flit = from.front();
    from.pop_front();
    Flit out;
    out.kind = options_.mesh.net == 0 ? Kind::kWritePosted : Kind::kReadRsp;
    out.src = mesh_.node(i);
    out.set_dst(mesh_.node(flit.destination));
    out.vc = vc != 0;
    out.addr = flit.created;
    out.birth = static_cast<std::uint16_t>(flit.created);
    out.strb = ++source.sent;
    for (unsigned lane = 0; lane < out.data.size(); ++lane) {
      out.data[lane] = lane_word(out.strb << 16 | i << 8 | flit.destination, lane);
    }
    mesh_.send(i, out);
    ++in_flight_;
  }

  [[noreturn]] void fail(const Flit& flit, unsigned at, const std::string& what) const {
    throw Error(
        ExitCode::CheckFailed,
        fmt::format("cycle {}: flit {} from ({}, {}) to ({}, {}) on VC {}, at ({}, {}): {}",
                    mesh_.cycle(), flit.strb, flit.src.x, flit.src.y, flit.dst.lo.x, flit.dst.lo.y,
                    flit.vc ? 1 : 0, mesh_.node(at).x, mesh_.node(at).y, what));
  }

  void check(const RawMesh::Arrival& arrival) {
    const Flit flit = Flit::from_words(arrival.words);
    const unsigned width = options_.mesh.width;
    const unsigned source = flit.src.y * width + flit.src.x;
    if (source >= mesh_.nodes() || flit.header_parity() != flit.par) {
      fail(flit, arrival.node, "its header is damaged");
    }
    if (flit.dst.lo != mesh_.node(arrival.node)) fail(flit, arrival.node, "not its destination");
    for (unsigned lane = 0; lane < flit.data.size(); ++lane) {
      if (flit.data[lane] != lane_word(flit.strb << 16 | source << 8 | arrival.node, lane)) {
        fail(flit, arrival.node, fmt::format("lane {} of its data is damaged", lane));
      }
    }
    auto& last =
        last_number_[(std::size_t{source} * mesh_.nodes() + arrival.node) * kNumVcs + flit.vc];
    if (flit.strb <= last) fail(flit, arrival.node, fmt::format("number {} was here before", last));
    last = flit.strb;
    --in_flight_;
    ++result_.flits;
    record(source, flit.addr);
  }

  void record(unsigned source, std::uint64_t created) {
    const std::uint64_t now = mesh_.cycle();
    if (in_window(now)) ++sources_[source].arrived;
    if (!in_window(created)) return;
    const std::uint64_t latency = now - created;
    ++histogram_[latency];
    latency_sum_ += latency;
    --outstanding_;
    arrived_created_sum_ += created - options_.warmup;
  }

  /// A flit that stays in the mesh for longer than any queueing explains is lost.
  void watch() {
    if (!mesh_.arrivals().empty() || in_flight_ == 0) {
      quiet_since_ = mesh_.cycle();
    } else if (mesh_.cycle() - quiet_since_ > 1000) {
      throw Error(ExitCode::CheckFailed,
                  fmt::format("cycle {}: {} flits in the mesh, and none arrived for 1000 cycles",
                              mesh_.cycle(), in_flight_));
    }
  }

  /// Whether the mean latency of the window's flits is sure to exceed the limit: those that are
  /// still on their way count with their age.
  bool hopeless() {
    if (options_.hopeless == 0 || created_ == 0) return false;
    const std::uint64_t now = mesh_.cycle() - options_.warmup;
    const double age = static_cast<double>(outstanding_ * now) -
                       static_cast<double>(created_sum_ - arrived_created_sum_);
    const double total =
        static_cast<double>(options_.measure) * options_.rate * static_cast<double>(mesh_.nodes());
    const double mean =
        (static_cast<double>(latency_sum_) + age) / std::max(total, static_cast<double>(created_));
    if (mean <= options_.hopeless) return false;
    result_.latency_mean = mean;
    result_.hopeless = true;
    return true;
  }

  unsigned live_nodes() const {
    unsigned live = 0;
    for (unsigned i = 0; i < mesh_.nodes(); ++i) live += connected(i, i);
    return live;
  }

  void drain() {
    while (outstanding_ > 0) cycle(false);
    for (Source& source : sources_) source.queue = {};
    const std::uint64_t start = mesh_.cycle();
    while (in_flight_ > 0) cycle(false);
    mesh_.give_back();
    // Credits are on their way back, and routers watch a link to the end of a period.
    constexpr unsigned kSettle = 8192;
    for (unsigned n = 0; n < kSettle && !mesh_.drained(); ++n) mesh_.tick();
    if (!mesh_.drained()) {
      throw Error(ExitCode::CheckFailed,
                  "the mesh is empty, but a router does not come to rest or "
                  "a credit is missing");
    }
    result_.drain_cycles = mesh_.cycle() - start;
  }

  void finish() {
    const double window = static_cast<double>(options_.measure);
    std::uint64_t arrived = 0, fewest = ~0ULL;
    for (unsigned i = 0; i < mesh_.nodes(); ++i) {
      arrived += sources_[i].arrived;
      if (sends(i)) fewest = std::min(fewest, sources_[i].arrived);
    }
    result_.accepted = static_cast<double>(arrived) / window / live_nodes();
    result_.accepted_min = static_cast<double>(fewest) / window;
    if (created_ == 0) return;
    result_.latency_mean = static_cast<double>(latency_sum_) / static_cast<double>(created_);
    result_.latency_max = histogram_.rbegin()->first;
    std::uint64_t below = 0;
    for (const auto& [latency, count] : histogram_) {
      below += count;
      result_.latency_p99 = latency;
      if (below * 100 >= created_ * 99) break;
    }
  }

  const TrafficOptions& options_;
  const TrafficPattern& pattern_;
  RawMesh mesh_;
  std::vector<Source> sources_;
  std::vector<std::uint64_t> last_number_;  ///< by source, destination, VC
  std::map<std::uint64_t, std::uint64_t> histogram_;
  TrafficResult result_;
  std::uint64_t in_flight_ = 0;
  std::uint64_t quiet_since_ = 0;
  /// Of flits created in the window.
  std::uint64_t created_ = 0, outstanding_ = 0, latency_sum_ = 0;
  std::uint64_t created_sum_ = 0, arrived_created_sum_ = 0;
};

}  // namespace

double run_all_pairs(const TrafficOptions& options) {
  const auto pattern = TrafficPattern::named("uniform", options.mesh.width, options.mesh.height);
  return Run(options, pattern).run_all_pairs();
}

TrafficResult run_traffic(const TrafficOptions& options, const TrafficPattern& pattern,
                          const std::function<void(double)>& progress) {
  return Run(options, pattern).run(progress);
}

}  // namespace tsr::tools
