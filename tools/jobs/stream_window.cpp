// SPDX-License-Identifier: Apache-2.0
#include "stream_window.hpp"

#include <algorithm>
#include <numeric>

#include "tessera/host.hpp"

namespace tsr::tools {
namespace {

constexpr double kFirst = 1.0 / 8, kLast = 15.0 / 16;

/// Value at `x` of the line through two points.
double between(double x, double x0, double x1, double y0, double y1) {
  return x1 > x0 ? y0 + (x - x0) / (x1 - x0) * (y1 - y0) : y1;
}

}  // namespace

StreamCurve::StreamCurve(const std::vector<tsr_stream_sample_t>& samples, std::uint32_t origin) {
  for (const auto& s : samples) {
    points_.push_back({static_cast<double>(s.cycle - origin),
                       static_cast<double>(s.read) + static_cast<double>(s.written)});
  }
}

double StreamCurve::cycle_of(double bytes) const {
  const auto above = std::find_if(points_.begin() + 1, points_.end() - 1,
                                  [bytes](const Point& p) { return p.bytes >= bytes; });
  const auto& low = above[-1];
  return between(bytes, low.bytes, above->bytes, low.cycle, above->cycle);
}

double StreamCurve::bytes_at(double cycle) const {
  const auto above = std::find_if(points_.begin() + 1, points_.end() - 1,
                                  [cycle](const Point& p) { return p.cycle >= cycle; });
  const auto& low = above[-1];
  return between(cycle, low.cycle, above->cycle, low.bytes, above->bytes);
}

double StreamWindow::sum() const { return std::accumulate(bytes.begin(), bytes.end(), 0.0); }

double StreamWindow::slowest_over_mean() const {
  const double mean = sum() / static_cast<double>(bytes.size());
  return *std::min_element(bytes.begin(), bytes.end()) / mean;
}

StreamWindow steady_window(const std::vector<StreamCurve>& tiles) {
  StreamWindow window;
  window.end = tiles.front().cycle_of(kLast * tiles.front().total());
  for (const auto& tile : tiles) {
    window.begin = std::max(window.begin, tile.cycle_of(kFirst * tile.total()));
    window.end = std::min(window.end, tile.cycle_of(kLast * tile.total()));
  }
  if (window.end <= window.begin) {
    throw Error(ExitCode::JobFailed,
                "the first tile had finished before the last one was under way: there is no time "
                "to measure. Take more --bytes");
  }
  for (const auto& tile : tiles) {
    window.bytes.push_back(tile.bytes_at(window.end) - tile.bytes_at(window.begin));
  }
  return window;
}

}  // namespace tsr::tools
