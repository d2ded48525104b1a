// SPDX-License-Identifier: Apache-2.0
#include "node_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tsr {
namespace {

constexpr std::size_t kMaxDepth = 64;                // of calls; deeper ones are drawn in the last
constexpr std::size_t kMaxPushes = 64;               // a queue holds fewer
constexpr std::uint32_t kStagingBase = 0x0003'0000;  // rtl/tile_pkg/tsr_tile_pkg.sv: CmdBase
constexpr std::uint32_t kStagingBytes = 64, kPushOffset = 60;
constexpr std::uint32_t kWfi = 0x1050'0073, kMret = 0x3020'0073;
constexpr std::array<const char*, kEngines> kEngineTracks = {"RDMA", "WDMA", "ME", "VE", "TDMA"};

/// Fields of an instruction.
constexpr unsigned opcode(std::uint32_t insn) { return insn & 0x7f; }
constexpr unsigned rd(std::uint32_t insn) { return insn >> 7 & 31; }
constexpr unsigned funct3(std::uint32_t insn) { return insn >> 12 & 7; }
constexpr unsigned rs1(std::uint32_t insn) { return insn >> 15 & 31; }
constexpr bool is_link(unsigned reg) { return reg == 1 || reg == 5; }  // ra, t0

bool is_call(std::uint32_t insn) {
  const unsigned op = opcode(insn);
  return (op == 0x6f || op == 0x67) && is_link(rd(insn));
}
bool is_return(std::uint32_t insn) {
  return insn == kMret || (opcode(insn) == 0x67 && rd(insn) == 0 && is_link(rs1(insn)));
}

}  // namespace

const char* operation_name(std::uint8_t code) {
  switch (code) {
    case 0x00:
      return "nop";
    case 0x01:
      return "read";
    case 0x02:
      return "fill scratchpad";
    case 0x03:
      return "spread";
    case 0x11:
      return "write";
    case 0x12:
      return "multicast";
    case 0x13:
      return "fill memory";
    case 0x21:
      return "gemm";
    case 0x31:
      return "vector";
    case 0x41:
      return "copy";
    case 0x42:
      return "transpose";
    case 0x43:
      return "gather";
    case 0x44:
      return "scatter";
    case 0x45:
      return "fill";
    default:
      return "command";
  }
}

void NodeTimeline::slice(unsigned track, std::uint64_t begin, std::uint64_t end,
                         const std::string& name, const std::string& more) {
  list_.slice({pid_, track}, now_, begin, end, name, more);
}

NodeTimeline::NodeTimeline(unsigned pid, TimelineWindow window, DmaTrackSetup dma)
    : pid_(pid), list_(window), dma_(list_, std::move(dma)) {
  static const ProgramMap kNone;
  program_ = &kNone;
}

void NodeTimeline::set_program(const ProgramMap* program) {
  while (!frames_.empty()) pop_frame(last_retire_ + 1);  // their names are of the program before
  program_ = program;
}

void NodeTimeline::retire(std::uint64_t cycle, const Retire& retire) {
  now_ = cycle;
  if (retire.mem_write) note_push(cycle, retire);
  if (!list_.window().holds(cycle)) return;
  if (!retire.trap && retire.insn == kWfi) note_sleep(cycle);
  follow(cycle, retire.pc);
  if (retire.trap || is_call(retire.insn)) {
    next_ = Next::Call;
  } else if (is_return(retire.insn)) {
    next_ = Next::Return;
  } else {
    note_marker(cycle, retire.insn);
  }
  last_retire_ = cycle;
  retired_ = true;
}

/// Move the stack of functions to the one at `pc`.
void NodeTimeline::follow(std::uint64_t cycle, std::uint32_t pc) {
  const Next how = std::exchange(next_, Next::Same);
  if (how == Next::Same && !frames_.empty() && program_->holds(frames_.back().function, pc)) {
    return;
  }
  const std::uint32_t function = program_->find(pc);
  if (!frames_.empty() && frames_.back().function == ProgramMap::kRom) {
    if (function == ProgramMap::kRom) return;  // one slice, for there are no symbols
    pop_frame(cycle);                          // it starts a program and never comes back
  }
  if (how == Next::Return) {
    const bool known = std::any_of(frames_.begin(), frames_.end(),
                                   [&](const Frame& f) { return f.function == function; });
    if (frames_.size() > 1) pop_frame(cycle);
    while (known && frames_.back().function != function) pop_frame(cycle);
  }
  if (how != Next::Call && !frames_.empty()) {
    if (frames_.back().function == function) return;
    pop_frame(cycle);  // a jump: tail calls, the end of the start-up code
  }
  if (frames_.size() < kMaxDepth) frames_.push_back({function, cycle});
}

void NodeTimeline::pop_frame(std::uint64_t cycle, const char* more) {
  const Frame frame = frames_.back();
  frames_.pop_back();
  slice(kCoreTrack, frame.begin, cycle, program_->name(frame.function), more);
}

/// WFI retires when the core wakes.
void NodeTimeline::note_sleep(std::uint64_t cycle) {
  const std::uint64_t begin = retired_ ? last_retire_ + 1 : list_.window().from;
  if (cycle > begin && !frames_.empty()) slice(kCoreTrack, begin, cycle, "sleep (wfi)");
}

std::string NodeTimeline::marker_name(unsigned id) const { return program_->marker(id); }

/// slti x0, x0, id begins a marker, sltiu x0, x0, id ends it: hints without any effect.
void NodeTimeline::note_marker(std::uint64_t cycle, std::uint32_t instruction) {
  if (opcode(instruction) != 0x13 || rd(instruction) != 0 || rs1(instruction) != 0) return;
  const unsigned id = instruction >> 20;
  if (funct3(instruction) == 2) {
    if (marks_.size() < kMaxDepth) marks_.push_back({id, cycle});
  } else if (funct3(instruction) == 3) {
    const auto found = std::find_if(marks_.rbegin(), marks_.rend(),
                                    [&](const Mark& mark) { return mark.id == id; });
    if (found == marks_.rend()) return;
    const auto keep = static_cast<std::size_t>(marks_.rend() - found) - 1;
    // Markers nest: those inside that were never ended end here too.
    while (marks_.size() > keep) {
      const Mark mark = marks_.back();
      marks_.pop_back();
      slice(kMarkerTrack, mark.begin, cycle, marker_name(mark.id),
            fmt::format(",\"id\":{}", mark.id));
    }
  }
}

/// Commands enter a queue by a store of the core to the last of its staging words.
void NodeTimeline::note_push(std::uint64_t cycle, const Retire& retire) {
  const std::uint32_t at = retire.mem_addr - kStagingBase;
  if (at >= kEngines * kStagingBytes) return;
  auto& queue = queues_[at / kStagingBytes];
  if (at % kStagingBytes == 0) queue.staged = retire.mem_data;
  if (at % kStagingBytes != kPushOffset) return;
  if (queue.pushes.size() == kMaxPushes) queue.pushes.pop_front();
  queue.pushes.push_back({cycle, static_cast<std::uint16_t>(queue.staged >> 16)});
}

void NodeTimeline::name_lane(Engine engine, Queue& queue, unsigned lane, std::uint64_t cycle) {
  if ((queue.lanes_named >> lane & 1U) != 0) return;
  queue.lanes_named |= 1U << lane;
  const auto index = static_cast<unsigned>(engine);
  const unsigned track = kEngineTrack + index * kEngineLanes + lane;
  const std::string name =
      lane == 0 ? kEngineTracks[index] : fmt::format("{} ({})", kEngineTracks[index], lane + 1);
  list_.name_track({pid_, track}, cycle, name);
}

void NodeTimeline::command_start(std::uint64_t cycle, const CommandStart& command) {
  now_ = cycle;
  dma_.command_start(command);
  auto& queue = queues_[static_cast<std::size_t>(command.engine)];
  const auto id = static_cast<std::uint16_t>(command.words[0] >> 16);
  std::uint64_t pushed = cycle;
  // Pushes that a flush threw away stand in front of that of this command.
  const auto found = std::find_if(queue.pushes.begin(), queue.pushes.end(),
                                  [&](const Push& push) { return push.id == id; });
  if (found != queue.pushes.end()) {
    pushed = found->cycle;
    queue.pushes.erase(queue.pushes.begin(), found + 1);
  }
  unsigned lane = 0;
  while (lane + 1 < kEngineLanes && (queue.lanes_used >> lane & 1U) != 0) ++lane;
  queue.lanes_used |= 1U << lane;
  const unsigned track = kEngineTrack + static_cast<unsigned>(command.engine) * kEngineLanes + lane;
  if (list_.window().holds(cycle)) name_lane(command.engine, queue, lane, cycle);
  const std::uint64_t waits = std::max(pushed, queue.last_end);
  if (queue.running.empty() && waits < cycle) {
    slice(track, waits, cycle, "wait", fmt::format(",\"id\":{}", id));
  }
  queue.running.push_back({cycle, pushed, command.words[0], lane});
}

void NodeTimeline::command_done(std::uint64_t cycle, const CommandDone& command) {
  now_ = cycle;
  dma_.command_done(cycle, command);
  auto& queue = queues_[static_cast<std::size_t>(command.engine)];
  queue.last_end = cycle;
  if (queue.running.empty()) return;  // started before the simulation was observed
  const Running run = queue.running.front();
  queue.running.pop_front();
  queue.lanes_used &= ~(1U << run.lane);
  const char* name = operation_name(static_cast<std::uint8_t>(run.word));
  std::string more = fmt::format(",\"id\":{},\"context\":{},\"queued\":{}", command.id,
                                 run.word >> 8 & 7, run.begin - run.pushed);
  if (command.error != 0) {
    more += fmt::format(",\"error\":{},\"info\":{},\"address\":\"{:#x}\"", command.error,
                        command.info, command.address);
  }
  if (command.given_up) more += ",\"given_up\":true";
  const unsigned track =
      kEngineTrack + static_cast<unsigned>(command.engine) * kEngineLanes + run.lane;
  if (cycle >= list_.window().from && run.begin <= list_.window().to) {
    name_lane(command.engine, queue, run.lane, cycle);
    slice(track, run.begin, cycle, name, more);
  }
  if (kept_.size() < to_keep_ && run.begin >= keep_from_ && list_.window().holds(run.begin)) {
    kept_.push_back({command.engine, command.id, name, run.begin, cycle});
  }
}

void NodeTimeline::finish(std::uint64_t cycle) {
  now_ = cycle;
  constexpr const char* kUnfinished = ",\"unfinished\":true";
  while (!frames_.empty()) pop_frame(cycle, kUnfinished);
  for (; !marks_.empty(); marks_.pop_back()) {
    slice(kMarkerTrack, marks_.back().begin, cycle, marker_name(marks_.back().id), kUnfinished);
  }
  for (std::size_t e = 0; e < kEngines; ++e) {
    for (const auto& run : queues_[e].running) {
      if (run.begin > list_.window().to) continue;
      name_lane(static_cast<Engine>(e), queues_[e], run.lane, cycle);
      slice(kEngineTrack + static_cast<unsigned>(e) * kEngineLanes + run.lane, run.begin, cycle,
            operation_name(static_cast<std::uint8_t>(run.word)),
            fmt::format(",\"id\":{}{}", run.word >> 16, kUnfinished));
    }
    queues_[e].running.clear();
  }
  dma_.finish(cycle);
}

void NodeTimeline::keep_commands(std::uint64_t cycle, std::size_t count) {
  kept_.clear();
  keep_from_ = cycle;
  to_keep_ = count;
}

}  // namespace tsr
