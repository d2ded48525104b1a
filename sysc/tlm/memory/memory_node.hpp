// SPDX-License-Identifier: Apache-2.0
/// TLM model of a memory node: what rtl/hbm and the DRAM behind it do, in one call a request.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <cstdint>
#include <systemc>

#include "tlm/memory/memory_regs.hpp"
#include "tlm/message.hpp"
#include "tlm/timeline.hpp"

namespace tsr {

/// Requests take effect when they are handed over, and their answers say when they leave. Direct
/// memory access is granted for a granule of 256 bytes at a time, while nothing is wrong with what
/// the node stores.
class MemoryNode : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<MemoryNode> initiator;  ///< silent
  tlm_utils::simple_target_socket<MemoryNode> target;

  MemoryNode(sc_core::sc_module_name name, Timeline& timeline, const MemoryParts& parts);

  void reset() { regs_.reset(); }
  MemoryStore& store() { return store_; }
  /// Bytes of the column commands of a pseudo channel so far, of reads (0) and writes (1).
  std::uint64_t column_bytes(unsigned pc, unsigned way) const {
    return time_[pc].columns(way) * kDramAtomBytes;
  }

 private:
  struct Refusal {
    Err err = Err::kNone;
    bool hbm = false;
  };

  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay);
  bool direct(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& region);
  Refusal check(const tlm::tlm_generic_payload& payload, const Message& message,
                std::uint64_t cycle) const;
  Err check_space(const tlm::tlm_generic_payload& payload, const Message& message,
                  std::uint64_t cycle) const;
  Err check_register(const tlm::tlm_generic_payload& payload, const Message& message) const;
  std::uint64_t access(tlm::tlm_generic_payload& payload, Message& message, std::uint64_t cycle);
  std::uint64_t read(tlm::tlm_generic_payload& payload, Message& message, std::uint64_t cycle);
  std::uint64_t write(tlm::tlm_generic_payload& payload, Message& message, std::uint64_t cycle);
  std::uint64_t atomic(tlm::tlm_generic_payload& payload, Message& message, std::uint64_t cycle);
  bool access_register(tlm::tlm_generic_payload& payload, const Message& message,
                       std::uint64_t cycle);

  Timeline& timeline_;
  MemoryParts parts_;
  MemoryStore store_;
  std::array<DramTime, kDramPcs> time_;
  MemoryRegs regs_;
};

}  // namespace tsr
