// SPDX-License-Identifier: Apache-2.0
/// Turns what a hart node tells its observers into trace events: functions of the core, its sleep,
/// firmware markers, commands of the engines, DMA transactions.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "probe/node_probe.hpp"
#include "timeline/dma_tracks.hpp"
#include "timeline/event_list.hpp"
#include "timeline/program_map.hpp"

namespace tsr {

/// A command of an engine from its start to its end.
struct TimelineCommand {
  Engine engine = Engine::Rdma;
  std::uint16_t id = 0;
  const char* name = "";
  std::uint64_t begin = 0, end = 0;
};

/// Tracks (thread ids) of a node.
inline constexpr unsigned kCoreTrack = 1, kMarkerTrack = 2, kEngineTrack = 10;
/// Commands of an engine that are under way together, each in a track of its own:
/// kEngineTrack + engine * kEngineLanes + lane.
inline constexpr unsigned kEngineLanes = 8;

/// Lower-case name of an operation code ("gemm"), or "command".
const char* operation_name(std::uint8_t opcode);

/// One node's part of a timeline. Called by one thread at a time; touches nothing outside.
class NodeTimeline final : public NodeProbe {
 public:
  /// `dma`: shown in a process of its own.
  NodeTimeline(unsigned pid, TimelineWindow window, DmaTrackSetup dma = {});

  /// What the core runs from now on; without it only the boot ROM has a name.
  void set_program(const ProgramMap* program);

  void retire(std::uint64_t cycle, const Retire& retire) override;
  void command_start(std::uint64_t cycle, const CommandStart& command) override;
  void command_done(std::uint64_t cycle, const CommandDone& command) override;
  void context_write(std::uint64_t, unsigned index, std::uint32_t data) override {
    dma_.context_write(index, data);
  }
  void dma_request(std::uint64_t cycle, const DmaRequest& request) override {
    dma_.request(cycle, request);
  }
  void dma_response(std::uint64_t cycle, const DmaResponse& response) override {
    dma_.response(cycle, response);
  }

  /// All that happened before `cycle` has been told.
  void settle(std::uint64_t cycle) { dma_.settle(cycle); }
  /// End what is under way at `cycle`, marked as unfinished.
  void finish(std::uint64_t cycle);
  /// From now on there is nothing to tell.
  void stop() { list_.stop(); }
  /// Events since the list was emptied last, by the caller.
  std::vector<TimelineEvent>& events() { return list_.events(); }
  /// Bytes that the DMA engines have moved, up to the last settle().
  std::uint64_t bytes_read() const { return dma_.bytes_read(); }
  std::uint64_t bytes_written() const { return dma_.bytes_written(); }
  /// Keep the next `count` commands that start and end from `cycle` on, instead of those kept.
  void keep_commands(std::uint64_t cycle, std::size_t count);
  const std::vector<TimelineCommand>& commands() const { return kept_; }

 private:
  /// A function that is running.
  struct Frame {
    std::uint32_t function;
    std::uint64_t begin;
  };
  struct Mark {
    unsigned id;
    std::uint64_t begin;
  };
  /// A command in its engine's queue.
  struct Push {
    std::uint64_t cycle;
    std::uint16_t id;
  };
  struct Running {
    std::uint64_t begin, pushed;
    std::uint32_t word;  ///< the command's first
    unsigned lane;
  };
  struct Queue {
    std::uint32_t staged = 0;  ///< first word that the core wrote last
    std::deque<Push> pushes;
    std::deque<Running> running;
    unsigned lanes_used = 0;  ///< a bit a lane
    unsigned lanes_named = 0;
    std::uint64_t last_end = 0;  ///< of the command before
  };
  enum class Next { Same, Call, Return };

  void slice(unsigned track, std::uint64_t begin, std::uint64_t end, const std::string& name,
             const std::string& more = "");
  void follow(std::uint64_t cycle, std::uint32_t pc);
  void pop_frame(std::uint64_t cycle, const char* more = "");
  void note_sleep(std::uint64_t cycle);
  void note_marker(std::uint64_t cycle, std::uint32_t instruction);
  std::string marker_name(unsigned id) const;
  void note_push(std::uint64_t cycle, const Retire& retire);
  void name_lane(Engine engine, Queue& queue, unsigned lane, std::uint64_t cycle);

  unsigned pid_;
  EventList list_;
  DmaTracks dma_;
  const ProgramMap* program_;
  std::uint64_t now_ = 0;  ///< cycle of the event that is being handled
  std::vector<Frame> frames_;
  Next next_ = Next::Same;
  std::uint64_t last_retire_ = 0;
  bool retired_ = false;
  std::vector<Mark> marks_;
  std::array<Queue, kEngines> queues_{};
  std::vector<TimelineCommand> kept_;
  std::size_t to_keep_ = 0;
  std::uint64_t keep_from_ = 0;
};

}  // namespace tsr
