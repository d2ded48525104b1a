// SPDX-License-Identifier: Apache-2.0
/// A timeline of a chip as a file of trace events: hart nodes, memory channels, network links.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config.hpp"
#include "timeline/node_timeline.hpp"
#include "timeline/trace_writer.hpp"

namespace tsr {

/// How a timeline is recorded.
struct TimelineOptions {
  std::string file;  ///< empty: none
  TimelineWindow window;
  std::uint64_t interval = 1024;         ///< cycles that a counter sums up, 1 or more
  std::uint64_t max_events = 1'000'000;  ///< then the recording ends
  bool dma = true;                       ///< with a slice for each DMA transaction
};

/// A command with the node that ran it.
struct NodeCommand {
  Node node;
  TimelineCommand command;
};

/// Observers of the hart nodes, and counters that are looked at once an interval. All calls but
/// those of the observers are made between cycles, by the thread that runs the chip. The file is
/// the same for any number of threads.
class RunTimeline {
 public:
  /// Counts of what the observers do not see, all since the start.
  struct Sources {
    /// Flits that a node's router put out on link net * kPorts + port.
    std::function<std::uint64_t(std::size_t node, unsigned link)> flits;
    /// Bytes that a channel of memory node `index` has read (0) or written (1).
    std::function<std::uint64_t(std::size_t index, unsigned channel, unsigned way)> bytes;
  };

  /// Throws InputError if the file cannot be written.
  RunTimeline(const Config& config, TimelineOptions options, Sources sources);
  ~RunTimeline();

  /// The observer of a node, or null for one without a hart.
  NodeTimeline* node(std::size_t index) { return nodes_[index].get(); }
  /// What the cores run from now on.
  void set_programs(const ElfImage& tile, const ElfImage& ctl);
  /// Write what happened before `cycle`. To be called once an interval or less often.
  void tick(std::uint64_t cycle);
  /// End what is under way and close the file. Throws InputError if it could not be written.
  void finish(std::uint64_t cycle);
  bool finished() const { return finished_; }

  /// Keep the first commands from `cycle` on, instead of those kept before.
  void keep_commands(std::uint64_t cycle);
  /// Those that were kept, by start; none whose file was ended before.
  std::vector<NodeCommand> commands() const;
  const TimelineOptions& options() const { return options_; }
  std::uint64_t events() const { return writer_.events(); }
  /// Cycle in which the limit of events ended the recording, or ~0.
  std::uint64_t cut_at() const { return cut_at_; }

 private:
  /// A counter of the chip and its track.
  struct Counter {
    unsigned pid;
    std::string name;
    std::vector<std::string> series;
    std::vector<std::function<std::uint64_t()>> read;
    std::vector<std::uint64_t> last;   ///< at the last look
    std::vector<std::uint64_t> shown;  ///< as written last
  };

  void name_process(unsigned pid, const std::string& name);
  void add_counter(unsigned pid, const std::string& name, std::vector<std::string> series,
                   std::vector<std::function<std::uint64_t()>> read);
  void add_nodes();
  void add_memories();
  void add_links();
  void write(std::uint64_t cycle, const std::string& event);
  void write_counter(Counter& counter, std::uint64_t cycle,
                     const std::vector<std::uint64_t>& values);
  void settle(std::uint64_t cycle);
  void merge();
  void count(std::uint64_t cycle);

  Config config_;
  ChipConfig straps_;
  TimelineOptions options_;
  Sources sources_;
  TraceWriter writer_;
  ProgramMap tile_program_, ctl_program_;
  std::vector<std::unique_ptr<NodeTimeline>> nodes_;
  std::vector<Counter> counters_;
  std::uint64_t counted_ = 0;  ///< start of the interval that is under way
  std::uint64_t cut_at_ = ~0ULL;
  bool finished_ = false;
};

}  // namespace tsr
