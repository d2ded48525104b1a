// SPDX-License-Identifier: Apache-2.0
/// The network as a loosely timed SystemC module: both physical networks of the mesh, from link to
/// link of the endpoints. Protocol: tlm/message.hpp.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <systemc>
#include <vector>

#include "noc/address_map.hpp"
#include "tlm/fabric/calendar.hpp"
#include "tlm/fabric/routers.hpp"
#include "tlm/message.hpp"
#include "tlm/router_port.hpp"
#include "tlm/timeline.hpp"

namespace tsr {

/// A message takes 2 cycles a router, and every link on its way for one cycle, the first free one:
/// links are reserved when the message is handed over. Arbitration class 1 does not wait for class
/// 0. Buffers have no end, but posted messages wait at their source for targets that are slow.
class Fabric : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kHopCycles = 2;
  /// A link that is never free loses one cycle in so many to flits that wait behind others;
  /// measured, of messages to one node.
  static constexpr std::uint32_t kLossPeriod = 20;
  /// Messages that buffers on the way to a target hold.
  static constexpr std::uint64_t kRoom = 16;
  /// Messages that a buffer of a router or of a node's link holds.
  static constexpr std::uint64_t kBufferDepth = 8;
  /// Blocks of reads that a memory node has queued at most.
  static constexpr std::uint64_t kReadQueue = 128;

  Fabric(sc_core::sc_module_name name, Timeline& timeline, const ChipConfig& chip);
  ~Fabric() override;

  /// What a node's initiator socket binds to, and what its target socket is bound to; node number
  /// y * mesh_w + x. Every one has to be bound.
  tlm_utils::simple_target_socket_tagged<Fabric>& from_node(unsigned node) {
    return *from_node_[node];
  }
  tlm_utils::simple_initiator_socket_tagged<Fabric>& to_node(unsigned node) {
    return *to_node_[node];
  }
  RouterPort& router_port(unsigned node);

  /// See Routers::kill_link(); takes effect in `cycle`.
  void kill_link(unsigned node, unsigned port, std::uint64_t cycle);
  Routers& routers() { return routers_; }
  /// Flits that entered the network so far.
  std::uint64_t flits() const { return flits_; }

 private:
  class Port;
  class Posted;
  class PostedPool;
  struct Deaths;

  /// How fast a node takes posted messages.
  struct Sink {
    std::uint64_t until = 0;    ///< cycle in which it will have served what is under way
    std::uint64_t served = 0;   ///< cycle in which it has served what has arrived
    std::uint64_t service = 1;  ///< cycles for one
    std::uint64_t waiting = 0;  ///< messages that have not arrived yet
  };

  /// When a node that answers at once has served each of its last requests.
  class Served {
   public:
    void add(std::uint64_t cycle) { cycles_[count_++ % kKept] = cycle; }
    /// First cycle from `cycle` on in which there is place for `more`, if `room` may wait.
    std::uint64_t room(std::uint64_t room, unsigned more, std::uint64_t cycle) const {
      room = std::min(room, kKept);
      if (count_ + more <= room) return cycle;
      return std::max(cycle, cycles_[(count_ + more - 1 - room) % kKept]);
    }

   private:
    static constexpr std::uint64_t kKept = 1024;
    std::array<std::uint64_t, kKept> cycles_{};
    std::uint64_t count_ = 0;
  };

  /// A link, or the way from an endpoint into its router: cycles in which it carries a flit.
  using Link = Calendar<128>;

  tlm::tlm_sync_enum forward(int node, tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay);
  tlm::tlm_sync_enum backward(int node, tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time& delay);
  tlm::tlm_sync_enum post(unsigned source, tlm::tlm_generic_payload& payload, Message& message,
                          sc_core::sc_time& delay);
  std::uint64_t room_from(const Way& way, std::uint64_t cycle) const;
  static void note_served(Served& reader, const tlm::tlm_generic_payload& payload,
                          const Message& message, std::uint64_t ago);
  std::uint64_t read_room(const Way& way, unsigned blocks, std::uint64_t cycle) const;
  std::uint64_t write_room(const Way& way, std::uint64_t cycle) const;
  void served(unsigned node, std::uint64_t cycle);
  void hand_over(unsigned node, tlm::tlm_generic_payload& payload, Message& message,
                 std::uint64_t cycle);
  /// The answer of `target` leaves it in `cycle`; returns when all of it has arrived, or kLost.
  std::uint64_t answer(unsigned target, tlm::tlm_generic_payload& payload, Message& message,
                       std::uint64_t cycle);
  std::uint64_t answer_blocks(unsigned target, Message& message, unsigned first, unsigned last);
  std::uint64_t spread_block(unsigned target, tlm::tlm_generic_payload& payload,
                             const Message& message, unsigned block, std::uint64_t cycle);
  void hear(unsigned node, unsigned target, tlm::tlm_generic_payload& payload,
            const Message& message, unsigned block, std::uint64_t cycle);

  std::uint64_t enter(unsigned net, unsigned node, bool cls, std::uint64_t cycle);
  std::uint64_t cross(std::uint32_t link, bool cls, bool lossy, std::uint64_t cycle);
  std::uint64_t pass(const Way& way, bool cls, std::uint64_t cycle);
  std::uint64_t carry(const Way& way, bool cls, std::uint64_t cycle);
  /// Move one flit along a way; `arrive(node, cycle)` for every node that it reaches.
  template <class Arrive>
  void travel(const Way& way, bool cls, std::uint64_t cycle, Arrive&& arrive);

  Timeline& timeline_;
  Routers routers_;
  std::vector<Link> links_;           ///< by Routers::link()
  std::vector<Link> entries_;         ///< by net and node
  std::vector<Sink> sinks_;           ///< by node
  std::vector<Served> readers_;       ///< by node: blocks read
  std::vector<Served> writers_;       ///< by node: writes
  std::vector<std::uint64_t> held_;   ///< by node and VC: cycle until which its messages wait
  std::vector<std::uint64_t> times_;  ///< of the hops of a way, while it is travelled
  std::vector<std::unique_ptr<tlm_utils::simple_target_socket_tagged<Fabric>>> from_node_;
  std::vector<std::unique_ptr<tlm_utils::simple_initiator_socket_tagged<Fabric>>> to_node_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::unique_ptr<Deaths> deaths_;
  std::unique_ptr<PostedPool> posted_;
  tlm::tlm_generic_payload heard_;  ///< a block on its way to a listener
  Message heard_message_;
  std::uint64_t flits_ = 0;
};

}  // namespace tsr
