// SPDX-License-Identifier: Apache-2.0
/// Where the nodes of a mesh send to: the classical patterns of network papers, or a file.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace tsr::tools {

/// Random numbers of one source, the same on every platform.
class TrafficRandom {
 public:
  TrafficRandom(std::uint64_t seed, std::uint64_t stream)
      : engine_(seed * 0x9e3779b97f4a7c15ULL + stream) {}
  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

 private:
  std::mt19937_64 engine_;
};

/// Probabilities of destinations for each source. Nodes are numbered y * width + x.
class TrafficPattern {
 public:
  /// Names that named() takes.
  static std::vector<std::string> names();
  /// Throws InputError for an unknown name, or one that this mesh cannot have.
  static TrafficPattern named(const std::string& name, unsigned width, unsigned height);
  /// Lines of `source destination`, or a row of probabilities for each node; # begins a comment.
  /// Nodes without a line do not send; a row that sums to less than 1 sends less. Throws InputError
  /// with the line.
  static TrafficPattern file(const std::string& path, unsigned width, unsigned height);

  /// Whether a source sends at all.
  bool sends(unsigned source) const { return !rows_[source].empty(); }
  /// Destination of one message, or -1 for none; takes at most one number of `random`.
  int destination(unsigned source, TrafficRandom& random) const;

 private:
  struct Choice {
    double up_to;  ///< sum of the probabilities up to this one
    unsigned destination;
  };
  explicit TrafficPattern(unsigned nodes) : rows_(nodes) {}
  void only(unsigned source, unsigned destination) { rows_[source] = {{1.0, destination}}; }
  void any_of(unsigned source, const std::vector<unsigned>& destinations);

  std::vector<std::vector<Choice>> rows_;
};

}  // namespace tsr::tools
