// SPDX-License-Identifier: Apache-2.0
#include "wave_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "../error.hpp"
#include "../fst/fst_file.hpp"
#include "command_words.hpp"

namespace tsr::doctor {
namespace {

constexpr std::uint64_t kObserved = 5000;  // cycles
constexpr unsigned kQueueDepth = 8;
constexpr unsigned kReadTags = 32;

/// One model in the waves: "t4.tile_0_1" and what it is.
struct Instance {
  std::string path;  ///< of the instance
  std::string kind;
  Node node;
};

std::vector<Instance> instances(const FstFile& fst) {
  std::vector<Instance> found;
  std::set<std::string> seen;
  for (const auto& name : fst.names()) {
    const auto first = name.find('.');
    const auto second = name.find('.', first + 1);
    if (second == std::string::npos || !seen.insert(name.substr(0, second)).second) continue;
    const std::string local = name.substr(first + 1, second - first - 1);
    const auto y = local.rfind('_');
    const auto x = y == std::string::npos ? y : local.rfind('_', y - 1);
    if (x == std::string::npos) continue;
    Instance instance{name.substr(0, second), local.substr(0, x), {}};
    const char* const text = local.data();
    const auto number = [&](std::size_t from, std::size_t to, unsigned& value) {
      const auto [end, error] = std::from_chars(text + from, text + to, value);
      return error == std::errc() && end == text + to;
    };
    if (number(x + 1, y, instance.node.x) && number(y + 1, local.size(), instance.node.y)) {
      found.push_back(std::move(instance));
    }
  }
  return found;
}

/// Values of named signals at one time. First all are asked for, then they are read in one pass.
class Probe {
 public:
  explicit Probe(FstFile& fst) : fst_(fst) {}

  void need(const std::string& name) {
    const auto handle = fst_.find(name);
    if (handle == FstFile::kNone) {
      missing_.push_back(name);
    } else {
      handles_[name] = handle;
    }
  }
  void read(std::uint64_t time) {
    if (!missing_.empty()) {
      throw InputError(fmt::format(
          "{} of the signals that are needed are not in these waves, the first is {}: they are of "
          "another version of the chip, or only of a part of it",
          missing_.size(), missing_.front()));
    }
    std::vector<std::uint32_t> handles;
    for (const auto& [name, handle] : handles_) handles.push_back(handle);
    fst_.walk(handles, time, [&](std::uint64_t when, std::uint32_t handle, std::string_view bits) {
      auto& value = values_[handle];
      if (value.bits == bits) return;
      value.since = when;
      value.bits.assign(bits);
    });
  }
  /// The signal as a number.
  std::uint64_t operator()(const std::string& name) const {
    return wave_number(values_.at(handles_.at(name)).bits);
  }
  /// A bit field.
  std::uint64_t bits(const std::string& name, unsigned high, unsigned low) const {
    return wave_bits(values_.at(handles_.at(name)).bits, high, low);
  }
  /// Time of its latest change.
  std::uint64_t since(const std::string& name) const { return values_.at(handles_.at(name)).since; }

 private:
  struct Value {
    std::string bits;
    std::uint64_t since = 0;
  };
  FstFile& fst_;
  std::map<std::string, std::uint32_t> handles_;
  std::vector<std::string> missing_;
  std::map<std::uint32_t, Value> values_;
};

std::string inner(const Instance& i) {
  return i.path + (i.kind == "ctl" ? ".tsr_ctl.u_node." : ".tsr_tile.u_node.");
}
std::string queue(const Instance& i, unsigned engine) {
  return fmt::format("{}gen_queue[{}].u_cmdq.", inner(i), engine);
}
unsigned engines(const Instance& i) { return i.kind == "ctl" ? 2 : 5; }
std::string router(const Instance& i, bool response) {
  return i.path + ".tsr_router_node." + (response ? "u_rsp." : "u_req.");
}

/// Names of a command's fields below `path`.
void need_command(Probe& probe, const std::string& path, bool waits) {
  for (unsigned i = 0; i < 2; ++i) {
    const auto post = fmt::format("{}post[{}].", path, i);
    for (const char* field : {"en", "id", "n", "remote"}) probe.need(post + field);
    const auto wait = fmt::format("{}waits[{}].", path, i);
    for (const char* field : {"en", "id", "n"}) {
      if (waits) probe.need(wait + field);
    }
  }
}

void need_hart(Probe& probe, const Instance& i) {
  const std::string n = inner(i);
  for (const char* name : {"core_wfi",
                           "halted_q",
                           "timer_armed",
                           "u_core.run_i",
                           "u_core.u_csr.irq_en_q",
                           "u_core.mip",
                           "u_core_port.where_q",
                           "u_core_port.sent_q",
                           "u_core_port.write_q",
                           "u_core_port.wait_q",
                           "u_core_port.ni_req_o.addr",
                           "reg2hw.sem_irq.id.q",
                           "reg2hw.sem_irq.en.q",
                           "reg2hw.sem_irq.count.q",
                           "reg2hw.space_irq.engine.q",
                           "reg2hw.space_irq.en.q",
                           "u_rdma.live_q",
                           "u_rdma.dead_q",
                           "u_rdma.timer_q",
                           "u_wdma.live_q",
                           "u_wdma.dead_q",
                           "u_wdma.timer_q"}) {
    probe.need(n + name);
  }
  probe.need(i.path + ".retire_o.pc");
  for (unsigned t = 0; t < kReadTags; ++t) probe.need(fmt::format("{}u_rdma.tag_addr_q[{}]", n, t));
  for (unsigned s = 0; s < kSemaphores; ++s) probe.need(fmt::format("{}sem_value[{}]", n, s));
  for (unsigned e = 0; e < engines(i); ++e) {
    const std::string q = queue(i, e);
    probe.need(fmt::format("{}state[{}]", n, e));
    for (const char* name : {"count_q", "rd_q", "head_valid_q", "stopped_q", "flight_q", "fl_rd_q",
                             "rpost_count_q", "wait_valid_o", "head_q.id"}) {
      probe.need(q + name);
    }
    need_command(probe, q + "head_q.", true);
    for (const char* corner : {"x0", "y0", "x1", "y1"}) {
      probe.need(q + "head_q.post_rect." + corner);
      for (unsigned f = 0; f < 4; ++f)
        probe.need(fmt::format("{}flight_mem_q[{}].rect.{}", q, f, corner));
    }
    for (unsigned f = 0; f < 4; ++f)
      need_command(probe, fmt::format("{}flight_mem_q[{}].", q, f), false);
    for (unsigned d = 0; d < kQueueDepth; ++d) {
      for (unsigned w = 0; w < 4; ++w) probe.need(fmt::format("{}queue_q[{}][{}]", q, d, w));
    }
  }
}

void need_router(Probe& probe, const Instance& i) {
  for (const bool response : {false, true}) {
    const std::string r = router(i, response);
    probe.need(r + "control_q.dead");
    for (unsigned p = 0; p < kNumDirs; ++p) {
      for (unsigned v = 0; v < kNumVcs; ++v) {
        probe.need(fmt::format("{}gen_in[{}].fill_q[{}]", r, p, v));
        probe.need(fmt::format("{}gen_in[{}].need_q[{}]", r, p, v));
        probe.need(fmt::format("{}gen_out[{}].credit_q[{}]", r, p, v));
      }
      if (p != 0) probe.need(fmt::format("{}gen_out[{}].gen_watchdog.stuck_q", r, p));
    }
  }
}

void need_memory(Probe& probe, const Instance& i) {
  probe.need(i.path + ".tsr_mem.out_valid_q");
  for (unsigned pc = 0; pc < 2; ++pc) {
    probe.need(fmt::format("{}.tsr_mem.gen_pc[{}].u_pc.u_rd_queue.count_q", i.path, pc));
    probe.need(fmt::format("{}.tsr_mem.gen_pc[{}].u_pc.u_wr_queue.count_q", i.path, pc));
  }
}

void need_config(Probe& probe, const Instance& i) {
  const std::string c = i.path + ".cfg_i.";
  for (const char* name : {"mesh_w", "mesh_h", "ctl.x", "ctl.y", "mem_mib", "mem_log2"}) {
    probe.need(c + name);
  }
  for (unsigned m = 0; m < 8; ++m) {
    probe.need(fmt::format("{}mem[{}].x", c, m));
    probe.need(fmt::format("{}mem[{}].y", c, m));
  }
}

ChipConfig config(const Probe& probe, const Instance& i) {
  const std::string c = i.path + ".cfg_i.";
  const auto number = [&](const std::string& name) {
    return static_cast<unsigned>(probe(c + name));
  };
  ChipConfig config;
  config.mesh_w = number("mesh_w");
  config.mesh_h = number("mesh_h");
  config.ctl = {number("ctl.x"), number("ctl.y")};
  config.mem_mib = number("mem_mib");
  for (unsigned m = 0; m < 1U << number("mem_log2"); ++m) {
    config.mem.push_back(
        {number(fmt::format("mem[{}].x", m)), number(fmt::format("mem[{}].y", m))});
  }
  return config;
}

/// A command whose fields have names.
Command command(const Probe& probe, const std::string& path, const std::string& rect, bool waits) {
  const auto number = [&](const std::string& name) { return static_cast<unsigned>(probe(name)); };
  Command c;
  for (unsigned i = 0; i < 2; ++i) {
    const auto post = fmt::format("{}post[{}].", path, i);
    if (probe(post + "en") != 0) {
      Tokens tokens{number(post + "id"), number(post + "n"), {}};
      if (i == 0 && probe(post + "remote") != 0) {
        tokens.remote = Rect{{number(rect + "x0"), number(rect + "y0")},
                             {number(rect + "x1"), number(rect + "y1")}};
      }
      c.posts.push_back(tokens);
    }
    const auto wait = fmt::format("{}waits[{}].", path, i);
    if (waits && probe(wait + "en") != 0)
      c.waits.push_back({number(wait + "id"), number(wait + "n"), {}});
  }
  return c;
}

EngineState engine(const Probe& probe, const Instance& i, unsigned e) {
  constexpr const char* kNames[] = {"RDMA", "WDMA", "ME", "VE", "TDMA"};
  const std::string q = queue(i, e);
  EngineState state;
  state.name = kNames[e];
  state.activity = static_cast<Activity>(std::min<std::uint64_t>(
      probe(fmt::format("{}state[{}]", inner(i), e)), static_cast<unsigned>(Activity::Config)));
  state.stopped = probe(q + "stopped_q") != 0;
  state.head_waits = probe(q + "wait_valid_o") != 0;
  state.full = probe(q + "count_q") == kQueueDepth;
  state.posts_waiting = static_cast<unsigned>(probe(q + "rpost_count_q"));
  if (probe(q + "head_valid_q") != 0) {
    state.queued.push_back(command(probe, q + "head_q.", q + "head_q.post_rect.", true));
    state.queued.back().id = static_cast<unsigned>(probe(q + "head_q.id"));
  }
  const auto first = probe(q + "rd_q");
  for (std::uint64_t c = 0; c < probe(q + "count_q"); ++c) {
    std::array<std::uint32_t, 4> word{};
    for (unsigned w = 0; w < 4; ++w) {
      word[w] = static_cast<std::uint32_t>(
          probe(fmt::format("{}queue_q[{}][{}]", q, (first + c) % kQueueDepth, w)));
    }
    state.queued.push_back(command_of(word.data()));
  }
  const auto oldest = probe(q + "fl_rd_q");
  for (std::uint64_t f = 0; f < std::min<std::uint64_t>(probe(q + "flight_q"), 4); ++f) {
    const auto path = fmt::format("{}flight_mem_q[{}].", q, (oldest + f) % 4);
    state.running.push_back(command(probe, path, path + "rect.", false));
  }
  return state;
}

/// Reads in flight with their addresses; of writes only how many. Those that the engine has given
/// up (dead) are in flight, too.
void transactions(const Probe& probe, const Instance& i, std::uint64_t now, std::uint64_t begin,
                  NodeState& node) {
  const std::string n = inner(i);
  const auto flies = [&](const char* engine, unsigned tag) {
    return probe.bits(n + engine + ".live_q", tag, tag) != 0 ||
           probe.bits(n + engine + ".dead_q", tag, tag) != 0;
  };
  const auto cycles = [](std::uint64_t time) { return time / kWavePeriodPs; };
  for (unsigned t = 0; t < kReadTags; ++t) {
    if (!flies("u_rdma", t)) continue;
    const auto name = fmt::format("{}u_rdma.tag_addr_q[{}]", n, t);
    const bool older = probe.since(name) <= begin;
    // An address that has stood there since before the waves: the engine counts silence itself.
    const std::uint64_t silence = probe(n + "u_rdma.timer_q");
    const std::uint64_t age = cycles(now - probe.since(name));
    node.engines[0].transactions.push_back(
        {probe(name), false, older ? std::max(silence, age) : age, older});
  }
  const std::uint64_t silence = probe(n + "u_wdma.timer_q");
  for (unsigned t = 0; t < 64; ++t) {
    if (flies("u_wdma", t)) {
      node.engines[1].transactions.push_back({std::nullopt, true, silence, true});
    }
  }
}

CoreState core(const Probe& probe, const Instance& i) {
  const std::string n = inner(i);
  CoreState c;
  c.running = probe(n + "u_core.run_i") != 0;
  c.halted = probe(n + "halted_q") != 0;
  c.asleep = probe(n + "core_wfi") != 0;
  c.pc = static_cast<std::uint32_t>(probe(i.path + ".retire_o.pc"));
  c.wake.enabled = static_cast<std::uint32_t>(probe(n + "u_core.u_csr.irq_en_q"));
  c.wake.pending = static_cast<std::uint32_t>(probe(n + "u_core.mip"));
  c.wake.timer = probe(n + "timer_armed") != 0;
  if (probe(n + "reg2hw.sem_irq.en.q") != 0) {
    c.wake.semaphore = Tokens{static_cast<unsigned>(probe(n + "reg2hw.sem_irq.id.q")),
                              static_cast<unsigned>(probe(n + "reg2hw.sem_irq.count.q")),
                              {}};
  }
  if (probe(n + "reg2hw.space_irq.en.q") != 0) {
    c.wake.space_of = static_cast<unsigned>(probe(n + "reg2hw.space_irq.engine.q"));
  }
  constexpr std::uint64_t kOnNetwork = 3;  // tsr_core_port::StNet
  if (probe(n + "u_core_port.where_q") == kOnNetwork) {
    c.access =
        Transaction{probe(n + "u_core_port.ni_req_o.addr"), probe(n + "u_core_port.write_q") != 0,
                    probe(n + "u_core_port.wait_q"), false};
  }
  return c;
}

NodeState hart(const Probe& probe, const Instance& i, std::uint64_t now, std::uint64_t begin) {
  NodeState node;
  node.node = i.node;
  node.kind = i.kind == "ctl" ? Kind::Ctl : Kind::Tile;
  node.core = core(probe, i);
  for (unsigned s = 0; s < kSemaphores; ++s) {
    node.semaphores[s] = static_cast<unsigned>(probe(fmt::format("{}sem_value[{}]", inner(i), s)));
  }
  for (unsigned e = 0; e < engines(i); ++e) node.engines.push_back(engine(probe, i, e));
  transactions(probe, i, now, begin, node);
  return node;
}

NodeState memory(const Probe& probe, const Instance& i) {
  NodeState node;
  node.node = i.node;
  node.kind = Kind::Memory;
  for (unsigned pc = 0; pc < 2; ++pc) {
    const auto path = fmt::format("{}.tsr_mem.gen_pc[{}].u_pc.", i.path, pc);
    node.reads += static_cast<unsigned>(probe(path + "u_rd_queue.count_q"));
    node.writes += static_cast<unsigned>(probe(path + "u_wr_queue.count_q"));
  }
  node.answers_held = probe(i.path + ".tsr_mem.out_valid_q") != 0;
  return node;
}

void routers(const Probe& probe, const Instance& i, ChipState& state) {
  for (const bool response : {false, true}) {
    const std::string r = router(i, response);
    for (unsigned p = 0; p < kNumDirs; ++p) {
      OutputState out{i.node, response, static_cast<Dir>(p), {}, false, false};
      for (unsigned v = 0; v < kNumVcs; ++v) {
        out.credits[v] =
            static_cast<unsigned>(probe(fmt::format("{}gen_out[{}].credit_q[{}]", r, p, v)));
        BufferState buffer{
            i.node,
            response,
            static_cast<Dir>(p),
            v,
            static_cast<unsigned>(probe(fmt::format("{}gen_in[{}].fill_q[{}]", r, p, v))),
            {}};
        const auto wants = probe(fmt::format("{}gen_in[{}].need_q[{}]", r, p, v));
        for (unsigned o = 0; o < kNumDirs; ++o) {
          if ((wants >> o & 1U) != 0) buffer.wants.push_back(static_cast<Dir>(o));
        }
        if (buffer.flits != 0) state.buffers.push_back(std::move(buffer));
      }
      if (p != 0) out.stuck = probe(fmt::format("{}gen_out[{}].gen_watchdog.stuck_q", r, p)) != 0;
      out.dead = (probe(r + "control_q.dead") >> p & 1U) != 0;
      state.outputs.push_back(out);
    }
  }
}

/// What the cores retire: which pcs, from `from` on.
void observe(FstFile& fst, const std::vector<Instance>& harts, std::uint64_t from, std::uint64_t to,
             ChipState& state) {
  struct Seen {
    std::uint32_t pc = 0;
    bool valid = false;
    std::uint64_t retired = 0;
    std::set<std::uint32_t> pcs;
  };
  std::map<std::uint32_t, std::pair<std::size_t, bool>> signals;  // handle: hart, is the pc
  std::vector<std::uint32_t> handles;
  std::vector<Seen> seen(harts.size());
  for (std::size_t h = 0; h < harts.size(); ++h) {
    for (const bool pc : {false, true}) {
      const auto handle = fst.find(harts[h].path + (pc ? ".retire_o.pc" : ".retire_o.valid"));
      signals[handle] = {h, pc};
      handles.push_back(handle);
    }
  }
  std::uint64_t time = 0;
  const auto note = [&](std::uint64_t until) {  // all values of a time are known
    const std::uint64_t begin = std::max(time, from);
    if (until <= begin) return;
    for (auto& s : seen) {
      if (!s.valid) continue;
      s.pcs.insert(s.pc);
      s.retired += (until - begin + kWavePeriodPs / 2) / kWavePeriodPs;
    }
  };
  fst.walk(handles, to, [&](std::uint64_t when, std::uint32_t handle, std::string_view bits) {
    if (when != time) note(when);
    time = when;
    const auto [hart, is_pc] = signals.at(handle);
    if (is_pc) {
      seen[hart].pc = static_cast<std::uint32_t>(wave_number(bits));
    } else {
      seen[hart].valid = bits == "1";
    }
  });
  note(to + kWavePeriodPs / 2);
  for (std::size_t h = 0; h < harts.size(); ++h) {
    for (auto& node : state.nodes) {
      if (node.node != harts[h].node) continue;
      const auto& pcs = seen[h].pcs;
      node.core.observed = (to - from) / kWavePeriodPs;
      node.core.pcs = static_cast<unsigned>(pcs.size());
      node.core.retired = seen[h].retired;
      if (!pcs.empty()) {
        node.core.pc_low = *pcs.begin();
        node.core.pc_high = *pcs.rbegin();
      }
    }
  }
}

}  // namespace

ChipState read_state(const std::string& file, std::uint64_t cycle, const ChipState& models) {
  FstFile fst(file);
  const auto all = instances(fst);
  std::vector<Instance> harts, memories, routers_there;
  for (const auto& i : all) {
    if (i.kind == "tile" || i.kind == "ctl") harts.push_back(i);
    if (i.kind == "mem") memories.push_back(i);
    if (i.kind == "router") routers_there.push_back(i);
  }
  const bool whole = models.config.mem.empty();  // nothing is known but the waves
  if (whole && (harts.empty() || routers_there.empty())) {
    throw InputError(fmt::format("{}: no waves of a chip: no tile, ctl node or router", file));
  }
  const std::uint64_t end = std::min(fst.end(), cycle > fst.end() / kWavePeriodPs
                                                    ? fst.end()
                                                    : cycle * kWavePeriodPs + kWavePeriodPs / 2);
  if (end < fst.begin()) {
    throw InputError(fmt::format("{}: cycle {} is not in these waves, which begin with cycle {}",
                                 file, cycle, fst.begin() / kWavePeriodPs));
  }
  Probe probe(fst);
  if (whole) need_config(probe, harts.front());
  for (const auto& i : harts) need_hart(probe, i);
  for (const auto& i : memories) need_memory(probe, i);
  for (const auto& i : routers_there) need_router(probe, i);
  probe.read(end);
  ChipState state;
  state.cycle = end / kWavePeriodPs;
  state.config = whole ? config(probe, harts.front()) : models.config;
  state.nodes = models.nodes;
  for (const auto& i : harts) state.nodes.push_back(hart(probe, i, end, fst.begin()));
  for (const auto& i : memories) state.nodes.push_back(memory(probe, i));
  for (const auto& i : routers_there) routers(probe, i, state);
  const std::uint64_t most = kObserved * kWavePeriodPs;
  observe(fst, harts, std::max(fst.begin(), end > most ? end - most : 0), end, state);
  return state;
}

}  // namespace tsr::doctor
