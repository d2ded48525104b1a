// SPDX-License-Identifier: Apache-2.0
/// Chains between matrix and vector engine, as tsr_tile.sv: results of the one are input of the
/// other, and a flush breaks a chain whose partner will never come.
#pragma once

#include <array>
#include <deque>
#include <vector>

#include "engines/me.hpp"
#include "engines/ve.hpp"
#include "tlm/engines/compute_unit.hpp"

namespace tsr {

/// A producer ends when its partner has come; its beats lie here until the partner, which ends when
/// it has enough of them, is executed.
class Chains {
 public:
  void connect(ComputeUnit& me, ComputeUnit& ve) { unit_ = {&me, &ve}; }

  /// Beats for the vector engine, up to one that ends a command; beats for the matrix engine.
  void to_ve(const std::vector<engines::StreamBeat>& beats);
  void to_me(const std::vector<engines::VeBeat>& beats);
  std::vector<engines::VeBeat> take_for_ve();
  std::vector<engines::StreamBeat> take_for_me(std::size_t count);

  /// The beats that the oldest command of `engine` waits for are here.
  bool fed(Engine engine, const ComputeRun& run) const;
  /// Cycles from the last of them to its end.
  std::uint64_t tail(Engine engine, const ComputeRun& run) const;
  /// Command of the other engine that takes what `engine` makes, and is not fed yet; or null.
  const ComputeRun* consumer(Engine engine) const;
  /// The other engine may be able to go on.
  void resolve_other(Engine engine);

  /// `engine` was flushed while it was busy.
  void flush(Engine engine) { flushing_[index(engine)] = true; }
  /// Break or mend the chains; `busy`: commands are queued or under way in each engine.
  void settle(const std::array<bool, 2>& busy);

 private:
  static unsigned index(Engine engine) { return engine == Engine::Me ? 0 : 1; }

  std::array<ComputeUnit*, 2> unit_{};
  std::array<bool, 2> flushing_{};
  std::deque<engines::VeBeat> to_ve_;
  std::deque<engines::StreamBeat> to_me_;
  std::size_t ends_ = 0;  // commands that end in to_ve_
};

}  // namespace tsr
