// SPDX-License-Identifier: Apache-2.0
/// The core's loads and stores beyond its TCMs: local bus, scratchpad, windows into the network
/// (rtl/tile's tsr_core_port).
#pragma once

#include <cstdint>
#include <functional>

#include "iss/iss.hpp"
#include "tlm/hart/parts.hpp"

namespace tsr::hart {

class CorePort {
 public:
  struct Outcome {
    bool ok = false;
    std::uint32_t word = 0;
    std::uint64_t cycle = 0;  ///< of the answer
  };
  using Done = std::function<void(const Outcome&)>;

  explicit CorePort(Parts& parts);

  void reset();
  /// Cycles from the instruction to the access.
  static unsigned lead(std::uint32_t addr);
  /// Make an aligned access now. `done` is called with its answer: at once if that is known, with
  /// the cycle in which it comes, or in this cycle. Not while busy().
  void start(const IssAccess& access, Done done);
  /// Nobody wants the answer any more.
  void drop() { done_ = nullptr; }
  /// An access has left for the network and was not answered.
  bool busy() const { return current_ != nullptr; }
  /// Of the access under way.
  std::uint64_t address() const { return busy() ? current_->get_address() : 0; }
  std::uint64_t since() const { return since_; }
  bool writes() const { return busy() && current_->is_write(); }
  /// Called when the port is free again; may be empty.
  std::function<void()> on_free;

  void answered(tlm::tlm_generic_payload& payload);

 private:
  Outcome word(const IssAccess& access);
  Outcome scratchpad(const IssAccess& access);
  void network(const IssAccess& access);
  void finish(const Outcome& outcome);
  Outcome outcome_of(const Request& request) const;
  void timeout();
  void tell_probe(std::uint32_t offset, const IssAccess& access);

  Parts& parts_;
  Alarm timeout_;
  Done done_;
  Request* current_ = nullptr;
  std::uint64_t since_ = 0;
  std::uint8_t tag_ = 0;
};

}  // namespace tsr::hart
