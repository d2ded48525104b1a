// SPDX-License-Identifier: Apache-2.0
/// The steady part of a stream: when all tiles were under way and none had finished.
#pragma once

#include <cstdint>
#include <vector>

#include "tessera_abi.h"

namespace tsr::tools {

/// What one tile had moved when; cycles count from the first sample of all tiles.
class StreamCurve {
 public:
  StreamCurve(const std::vector<tsr_stream_sample_t>& samples, std::uint32_t origin);

  double total() const { return points_.back().bytes; }
  /// Cycle in which it had moved `bytes`; between two samples it moves evenly.
  double cycle_of(double bytes) const;
  double bytes_at(double cycle) const;

 private:
  struct Point {
    double cycle, bytes;
  };
  std::vector<Point> points_;
};

struct StreamWindow {
  double begin = 0, end = 0;  ///< cycles
  std::vector<double> bytes;  ///< of each tile in it

  double cycles() const { return end - begin; }
  double sum() const;
  double slowest_over_mean() const;
};

/// From the time at which the last tile has moved an eighth of its bytes until the first one has
/// moved all but a sixteenth. Throws Error{JobFailed} if that is no time at all.
StreamWindow steady_window(const std::vector<StreamCurve>& tiles);

}  // namespace tsr::tools
