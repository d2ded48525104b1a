// SPDX-License-Identifier: Apache-2.0
/// What users of the flight recorder say to it, and get from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "noc/address_map.hpp"

namespace tsr {

struct RecorderOptions {
  std::uint64_t every = 0;      ///< cycles between snapshots of the process; 0: off
  std::uint64_t window = 5000;  ///< traced cycles before a failure, at most; 1 or more
  /// FST file; the save file for GTKWave gets the same name with .gtkw.
  std::string file = "tessera-flight.fst";
  /// Write waves on SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGINT and SIGTERM before the process ends,
  /// and on SIGUSR1, after which it goes on. Handlers are the process's own: for programs only.
  bool signals = false;
};

/// What failed, for the recorder.
struct FlightFailure {
  std::uint64_t cycle = 0;   ///< of the failure
  std::optional<Node> node;  ///< where, if known
};

/// What the recorder left.
struct FlightReport {
  bool written = false;            ///< there are waves
  std::string fst, view;           ///< files; empty if not written
  std::uint64_t from = 0, to = 0;  ///< traced cycles
  std::string text;                ///< lines for the user
  std::string nodes;               ///< TLM nodes in cycle `to`: doctor/state_text.hpp; or empty
};

}  // namespace tsr
