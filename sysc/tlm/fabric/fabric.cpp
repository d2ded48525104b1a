// SPDX-License-Identifier: Apache-2.0
#include "tlm/fabric/fabric.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

namespace tsr {
namespace {

constexpr std::uint64_t kLost = ~0ULL;
constexpr unsigned kBlockBytes = 64;

bool to_router(const Message& message, std::uint64_t address) {
  return message.kind == Kind::kWritePosted &&
         (static_cast<std::uint32_t>(address) & ~0xfffU) == kRouterPage &&
         (message.mcast || address >> 52 == static_cast<std::uint64_t>(Space::kNode));
}

/// Blocks of its granule that a read brings.
struct Blocks {
  explicit Blocks(const tlm::tlm_generic_payload& payload) {
    const auto low = static_cast<unsigned>(payload.get_address() % kGranuleBytes);
    first = low / kBlockBytes;
    last = std::min(3U, (low + std::max(1U, payload.get_data_length()) - 1) / kBlockBytes);
  }
  unsigned count() const { return last - first + 1; }
  unsigned first;
  unsigned last;
};

/// A flit reaches a node. Without initial values: many of them are made and few are used.
struct Arrival {
  unsigned node;
  std::uint64_t cycle;
};

bool posted_kind(Kind kind) { return kind == Kind::kWritePosted || kind == Kind::kSemPost; }

}  // namespace

/// Counters of a router, as its endpoint sees them.
class Fabric::Port final : public RouterPort {
 public:
  Port(const Fabric& fabric, unsigned node) : fabric_(fabric), node_(node) {}
  void select(unsigned counter) override { select_ = counter; }
  std::uint32_t count() override {
    return fabric_.routers_.counter(node_, select_, fabric_.timeline_.now());
  }

 private:
  const Fabric& fabric_;
  unsigned node_;
  unsigned select_ = 0;
};

/// Links that die while the chip runs.
struct Fabric::Deaths final : TimelineClient {
  struct Death {
    unsigned node;
    unsigned port;
  };
  explicit Deaths(Fabric& fabric) : fabric(fabric) {}
  void wake(std::uint32_t what) override {
    fabric.routers_.kill_link(list[what].node, list[what].port);
  }

  Fabric& fabric;
  std::vector<Death> list;
};

/// A posted message on its way: its sender has it back before its targets look at it.
class Fabric::Posted final : public tlm::tlm_generic_payload {
 public:
  explicit Posted(tlm::tlm_mm_interface* pool) : tlm_generic_payload(pool) {
    set_extension(&message);
    set_data_ptr(data.data());
  }
  ~Posted() override { clear_extension(&message); }

  void load(const tlm::tlm_generic_payload& from, const Message& header) {
    const unsigned length = std::min(kBlockBytes, from.get_data_length());
    message = header;
    set_command(from.get_command());
    set_address(from.get_address());
    set_data_length(length);
    set_streaming_width(length);
    set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    if (length != 0) std::memcpy(data.data(), from.get_data_ptr(), length);
  }

  Message message;
  std::array<std::uint8_t, kBlockBytes> data{};
};

class Fabric::PostedPool final : public tlm::tlm_mm_interface {
 public:
  /// With one reference.
  Posted& take() {
    if (free_.empty()) {
      all_.push_back(std::make_unique<Posted>(this));
      free_.push_back(all_.back().get());
    }
    Posted& posted = *free_.back();
    free_.pop_back();
    posted.acquire();
    return posted;
  }
  void free(tlm::tlm_generic_payload* payload) override {
    free_.push_back(static_cast<Posted*>(payload));
  }

 private:
  std::vector<std::unique_ptr<Posted>> all_;
  std::vector<Posted*> free_;
};

Fabric::Fabric(sc_core::sc_module_name name, Timeline& timeline, const ChipConfig& chip)
    : sc_module(name),
      timeline_(timeline),
      routers_(chip.mesh_w, chip.mesh_h),
      links_(routers_.links()),
      entries_(std::size_t{2} * routers_.nodes()),
      sinks_(routers_.nodes()),
      readers_(routers_.nodes()),
      writers_(routers_.nodes()),
      held_(std::size_t{2} * routers_.nodes(), 0),
      deaths_(std::make_unique<Deaths>(*this)),
      posted_(std::make_unique<PostedPool>()) {
  for (unsigned i = 0; i < routers_.nodes(); ++i) {
    const Node at = routers_.node(i);
    const std::string place = "_" + std::to_string(at.x) + "_" + std::to_string(at.y);
    from_node_.push_back(
        std::make_unique<tlm_utils::simple_target_socket_tagged<Fabric>>(("from" + place).c_str()));
    to_node_.push_back(std::make_unique<tlm_utils::simple_initiator_socket_tagged<Fabric>>(
        ("to" + place).c_str()));
    from_node_.back()->register_nb_transport_fw(this, &Fabric::forward, static_cast<int>(i));
    to_node_.back()->register_nb_transport_bw(this, &Fabric::backward, static_cast<int>(i));
    ports_.push_back(std::make_unique<Port>(*this, i));
  }
  heard_.set_extension(&heard_message_);
}

Fabric::~Fabric() { heard_.clear_extension(&heard_message_); }

RouterPort& Fabric::router_port(unsigned node) { return *ports_[node]; }

void Fabric::kill_link(unsigned node, unsigned port, std::uint64_t cycle) {
  deaths_->list.push_back({node, port});
  const auto what = static_cast<std::uint32_t>(deaths_->list.size() - 1);
  if (cycle <= timeline_.now()) {
    deaths_->wake(what);
  } else {
    timeline_.at(cycle, *deaths_, what);
  }
}

// ---------------------------------------------------------------- links

/// Cycle in which a flit that is offered in `cycle` is on its endpoint's link out.
std::uint64_t Fabric::enter(unsigned net, unsigned node, bool cls, std::uint64_t cycle) {
  ++flits_;
  const std::uint64_t found = entries_[net * routers_.nodes() + node].claim(cycle);
  return cls ? cycle : found;
}

/// Cycle in which a flit that can be on a link in `cycle` is there. One of class 1 takes the next
/// free cycle away from class 0, but goes at once.
std::uint64_t Fabric::cross(std::uint32_t link, bool cls, bool lossy, std::uint64_t cycle) {
  const std::uint32_t flits = routers_.count(link);
  if (lossy && flits % kLossPeriod == 0) links_[link].claim(cycle);
  const std::uint64_t found = links_[link].claim(cycle);
  return cls ? cycle : found;
}

/// Move a flit along a live way to one node; returns when it arrives.
std::uint64_t Fabric::pass(const Way& way, bool cls, std::uint64_t cycle) {
  for (const Hop& hop : way.hops) cycle = cross(hop.link, cls, true, cycle + kHopCycles);
  return cycle;
}

/// The same, or kLost.
std::uint64_t Fabric::carry(const Way& way, bool cls, std::uint64_t cycle) {
  if (way.live) return pass(way, cls, cycle);
  std::uint64_t end = kLost;
  travel(way, cls, cycle, [&](unsigned, std::uint64_t at) { end = at; });
  return end;
}

template <class Arrive>
void Fabric::travel(const Way& way, bool cls, std::uint64_t cycle, Arrive&& arrive) {
  if (times_.size() < way.hops.size()) times_.resize(way.hops.size());
  for (std::size_t i = 0; i < way.hops.size(); ++i) {
    const Hop& hop = way.hops[i];
    const std::uint64_t from =
        hop.before < 0 ? cycle : times_[static_cast<std::size_t>(hop.before)];
    if (hop.dead) {
      routers_.lose(hop.link, from + kHopCycles);
      continue;
    }
    times_[i] = cross(hop.link, cls, !way.tree, from + kHopCycles);
    if (hop.leaf >= 0) arrive(static_cast<unsigned>(hop.leaf), times_[i]);
  }
  if (!way.live) {
    for (const std::uint32_t router : way.drops) routers_.drop(router);
  }
}

// ---------------------------------------------------------------- requests

tlm::tlm_sync_enum Fabric::forward(int node, tlm::tlm_generic_payload& payload,
                                   tlm::tlm_phase& phase, sc_core::sc_time& delay) {
  if (phase != tlm::BEGIN_REQ) return tlm::TLM_COMPLETED;
  Message& message = *payload.get_extension<Message>();
  const auto source = static_cast<unsigned>(node);
  if (posted_kind(message.kind)) {
    return post(source, payload, message, delay);
  }
  // Nothing overtakes what waits at the source.
  std::uint64_t& held = held_[2 * source + (message.vc ? 1 : 0)];
  std::uint64_t offered = std::max(timeline_.now() + to_cycles(delay), held);
  const Way& way = routers_.way(0, message.vc, source, message.dst, false);
  const bool read = message.kind == Kind::kRead;
  if (way.live) {
    const std::uint64_t room =
        read ? read_room(way, Blocks(payload).count(), offered) : write_room(way, offered);
    if (room > offered) offered = held = room;
  }
  const std::uint64_t start = enter(0, source, message.cls, offered);
  const std::uint64_t arrival = carry(way, message.cls, start);
  if (arrival == kLost) return tlm::TLM_ACCEPTED;
  const auto target = static_cast<unsigned>(way.hops.back().leaf);
  message.ready = {};
  sc_core::sc_time answered = to_time(arrival - timeline_.now());
  tlm::tlm_phase begin = tlm::BEGIN_REQ;
  if ((*to_node_[target])->nb_transport_fw(payload, begin, answered) != tlm::TLM_COMPLETED) {
    return tlm::TLM_ACCEPTED;
  }
  const std::uint64_t leaves = timeline_.now() + to_cycles(answered);
  if (message.kind == Kind::kWrite) writers_[target].add(leaves);
  const std::uint64_t end = answer(target, payload, message, leaves);
  if (end == kLost) return tlm::TLM_ACCEPTED;
  if (read) note_served(readers_[target], payload, message, kHopCycles * way.hops.size());
  delay = to_time(end - timeline_.now());
  return tlm::TLM_COMPLETED;
}

tlm::tlm_sync_enum Fabric::post(unsigned source, tlm::tlm_generic_payload& payload,
                                Message& message, sc_core::sc_time& delay) {
  const Way& way = routers_.way(0, message.vc, source, message.dst, message.mcast);
  std::uint64_t& held = held_[2 * source + (message.vc ? 1 : 0)];
  const std::uint64_t offered = std::max(timeline_.now() + to_cycles(delay), held);
  const std::uint64_t room = room_from(way, offered);
  if (room > offered) held = room;
  const std::uint64_t start = enter(0, source, message.cls, room);
  delay = to_time(start - timeline_.now());
  const bool page = to_router(message, payload.get_address());
  // Targets may send themselves: keep what arrives apart from what is travelled.
  static constexpr unsigned kMany = 64;
  std::array<Arrival, kMany> arrivals;
  std::vector<Arrival> more;
  unsigned count = 0;
  travel(way, message.cls, start, [&](unsigned at, std::uint64_t cycle) {
    if (count < kMany) {
      arrivals[count++] = {at, cycle};
    } else {
      more.push_back({at, cycle});
    }
  });
  Posted& copy = posted_->take();
  copy.load(payload, message);
  const auto deliver = [&](const Arrival& arrival) {
    if (page) {
      routers_.write_page(arrival.node, static_cast<std::uint32_t>(payload.get_address()),
                          payload.get_data_ptr(), message.strb);
    } else {
      hand_over(arrival.node, copy, copy.message, arrival.cycle);
    }
  };
  for (unsigned i = 0; i < count; ++i) deliver(arrivals[i]);
  for (const Arrival& arrival : more) deliver(arrival);
  copy.release();
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  message.err = Err::kNone;
  return tlm::TLM_COMPLETED;
}

/// First cycle from `cycle` on in which all targets of a posted message have room for it.
std::uint64_t Fabric::room_from(const Way& way, std::uint64_t cycle) const {
  std::uint64_t from = cycle;
  for (const Hop& hop : way.hops) {
    if (hop.leaf < 0) continue;
    const Sink& sink = sinks_[static_cast<std::size_t>(hop.leaf)];
    if (sink.until > cycle + kRoom * sink.service) {
      from = std::max(from, sink.until - kRoom * sink.service);
    }
  }
  return from;
}

/// Blocks that have reached their reader have left the target's queue `ago` cycles before.
void Fabric::note_served(Served& reader, const tlm::tlm_generic_payload& payload,
                         const Message& message, std::uint64_t ago) {
  const auto [first, last] = Blocks(payload);
  for (unsigned block = first; block <= last; ++block) {
    if (message.ready[block] < ago) continue;
    reader.add(message.ready[block] - ago);
  }
}

/// First cycle from `cycle` on in which a read finds room in the buffers on its way: while they and
/// the target's queue are full it waits in front of the first one, and holds up its source.
std::uint64_t Fabric::read_room(const Way& way, unsigned blocks, std::uint64_t cycle) const {
  const Served& reader = readers_[static_cast<std::size_t>(way.hops.back().leaf)];
  return reader.room(kReadQueue + kBufferDepth * blocks * way.hops.size(), blocks, cycle);
}

/// The same for a write: it is out of the way when the target has taken it.
std::uint64_t Fabric::write_room(const Way& way, std::uint64_t cycle) const {
  const Served& writer = writers_[static_cast<std::size_t>(way.hops.back().leaf)];
  return writer.room(kBufferDepth * way.hops.size(), 1, cycle);
}

/// A node says that it will have served a posted message in `cycle`.
void Fabric::served(unsigned node, std::uint64_t cycle) {
  constexpr std::uint64_t kLongest = 100;
  Sink& sink = sinks_[node];
  const std::uint64_t begin = std::max(sink.served, timeline_.now());
  if (cycle > begin) sink.service = std::min(kLongest, cycle - begin);
  sink.served = cycle;
  if (--sink.waiting == 0) sink.until = cycle;
}

/// A posted message arrives at a node.
void Fabric::hand_over(unsigned node, tlm::tlm_generic_payload& payload, Message& /*message*/,
                       std::uint64_t cycle) {
  sc_core::sc_time delay = to_time(cycle - timeline_.now());
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  if ((*to_node_[node])->nb_transport_fw(payload, phase, delay) != tlm::TLM_COMPLETED) {
    Sink& sink = sinks_[node];
    ++sink.waiting;
    sink.until = std::max(sink.until, cycle) + sink.service;
  }
}

// ---------------------------------------------------------------- answers

tlm::tlm_sync_enum Fabric::backward(int node, tlm::tlm_generic_payload& payload,
                                    tlm::tlm_phase& phase, sc_core::sc_time& delay) {
  if (phase != tlm::BEGIN_RESP) return tlm::TLM_COMPLETED;
  Message& message = *payload.get_extension<Message>();
  if (posted_kind(message.kind)) return tlm::TLM_COMPLETED;
  const std::uint64_t end =
      answer(static_cast<unsigned>(node), payload, message, timeline_.now() + to_cycles(delay));
  if (end == kLost) return tlm::TLM_COMPLETED;
  sc_core::sc_time arrival = to_time(end - timeline_.now());
  tlm::tlm_phase begin = tlm::BEGIN_RESP;
  (*from_node_[routers_.index(message.src)])->nb_transport_bw(payload, begin, arrival);
  return tlm::TLM_COMPLETED;
}

std::uint64_t Fabric::answer(unsigned target, tlm::tlm_generic_payload& payload, Message& message,
                             std::uint64_t cycle) {
  if (message.kind != Kind::kRead || message.err != Err::kNone) {
    const std::uint64_t start = enter(1, target, message.cls, cycle);
    return carry(routers_.way(1, message.vc, target, {message.src, message.src}, false),
                 message.cls, start);
  }
  const auto [first, last] = Blocks(payload);
  for (unsigned block = first; block <= last; ++block) {
    if (message.ready[block] == 0) message.ready[block] = cycle;
  }
  if (!message.spread) return answer_blocks(target, message, first, last);
  std::uint64_t end = 0;
  for (unsigned block = first; block <= last; ++block) {
    const std::uint64_t at = spread_block(target, payload, message, block, message.ready[block]);
    message.ready[block] = at;
    if (at == kLost) return kLost;
    end = std::max(end, at);
  }
  return end;
}

/// The blocks of a read go the same way: link by link for all of them.
std::uint64_t Fabric::answer_blocks(unsigned target, Message& message, unsigned first,
                                    unsigned last) {
  const Way& way = routers_.way(1, message.vc, target, {message.src, message.src}, false);
  std::uint64_t end = 0;
  for (unsigned block = first; block <= last; ++block) {
    message.ready[block] = enter(1, target, message.cls, message.ready[block]);
  }
  if (way.live) {
    for (const Hop& hop : way.hops) {
      for (unsigned block = first; block <= last; ++block) {
        std::uint64_t& at = message.ready[block];
        at = cross(hop.link, message.cls, true, at + kHopCycles);
      }
    }
  }
  for (unsigned block = first; block <= last; ++block) {
    std::uint64_t& at = message.ready[block];
    if (!way.live) at = carry(way, message.cls, at);
    if (at == kLost) return kLost;
    end = std::max(end, at);
  }
  return end;
}

std::uint64_t Fabric::spread_block(unsigned target, tlm::tlm_generic_payload& payload,
                                   const Message& message, unsigned block, std::uint64_t cycle) {
  const std::uint64_t start = enter(1, target, message.cls, cycle);
  std::uint64_t end = kLost;
  const unsigned owner = routers_.index(message.src);
  std::array<Arrival, 64> arrivals;
  unsigned count = 0;
  travel(routers_.way(1, message.vc, target, message.spread_dst, true), message.cls, start,
         [&](unsigned node, std::uint64_t at) {
           if (node == owner) {
             end = at;
           } else if (count < arrivals.size()) {
             arrivals[count++] = {node, at};
           }
         });
  for (unsigned i = 0; i < count; ++i) {
    hear(arrivals[i].node, target, payload, message, block, arrivals[i].cycle);
  }
  return end;
}

/// A block of a spread read arrives at a node that listens.
void Fabric::hear(unsigned node, unsigned target, tlm::tlm_generic_payload& payload,
                  const Message& message, unsigned block, std::uint64_t cycle) {
  const std::uint64_t address = payload.get_address();
  const auto low = static_cast<std::int64_t>(address % kGranuleBytes);
  const std::int64_t begin = std::int64_t{block} * kBlockBytes - low;  // in the payload
  const std::int64_t end = begin + kBlockBytes;
  const std::int64_t length = payload.get_data_length();
  std::array<std::uint8_t, kBlockBytes> data{};
  std::uint64_t strobe = 0;
  for (std::int64_t i = std::max<std::int64_t>(begin, 0); i < std::min(end, length); ++i) {
    data[static_cast<std::size_t>(i - begin)] = payload.get_data_ptr()[i];
    strobe |= std::uint64_t{1} << (i - begin);
  }
  heard_message_.kind = Kind::kReadRsp;
  heard_message_.poison = message.poison;
  heard_message_.cls = message.cls;
  heard_message_.vc = message.vc;
  heard_message_.mcast = true;
  heard_message_.dst = message.spread_dst;
  heard_message_.src = routers_.node(target);
  heard_message_.owner = message.src;
  heard_message_.listen = message.listen;
  heard_message_.tag = message.tag;
  heard_message_.strb = strobe;
  heard_message_.doff = static_cast<std::uint32_t>(message.doff + begin) & 0xffffffU;
  heard_.set_command(tlm::TLM_WRITE_COMMAND);
  heard_.set_address(address / kGranuleBytes * kGranuleBytes + block * kBlockBytes);
  heard_.set_data_ptr(data.data());
  heard_.set_data_length(kBlockBytes);
  heard_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  hand_over(node, heard_, heard_message_, cycle);
}

}  // namespace tsr
