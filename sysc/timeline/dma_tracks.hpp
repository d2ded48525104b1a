// SPDX-License-Identifier: Apache-2.0
/// What the DMA engines of a node ask the network for: each request with its answer as a slice, and
/// how many bytes went where.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "noc/address_map.hpp"
#include "probe/node_probe.hpp"
#include "timeline/event_list.hpp"

namespace tsr {

/// How a node's DMA transactions are shown.
struct DmaTrackSetup {
  bool shown = true;                 ///< false: bytes are counted and no slices are made
  unsigned pid = 0;                  ///< process of the tracks
  unsigned place = 0;                ///< of the process among the others
  std::string name;                  ///< of the process
  const ChipConfig* chip = nullptr;  ///< null: nodes of addresses are not named
};

/// Lanes of RDMA have the tracks from kDmaTrack on, those of WDMA from kDmaTrack + kDmaLanes on.
inline constexpr unsigned kDmaTrack = 1, kDmaLanes = 100;

/// A transaction begins with its request and ends with its last response, a posted write a cycle
/// later. One that begins takes the first lane that has been free for a cycle, so the number of
/// lanes in use is about the number of transactions in flight. Responses may be told before the
/// cycle in which they come.
class DmaTracks {
 public:
  /// `events` outlives this.
  DmaTracks(EventList& events, DmaTrackSetup setup) : events_(events), setup_(std::move(setup)) {}

  void context_write(unsigned index, std::uint32_t data);
  void command_start(const CommandStart& command);
  void command_done(std::uint64_t cycle, const CommandDone& command);
  void request(std::uint64_t cycle, const DmaRequest& request);
  void response(std::uint64_t cycle, const DmaResponse& response);

  /// Everything before `cycle` is known: make events of it and count its bytes.
  void settle(std::uint64_t cycle);
  /// End what is under way at `cycle`, marked as unfinished.
  void finish(std::uint64_t cycle);

  /// Bytes that have come and gone, up to the last settle().
  std::uint64_t bytes_read() const { return read_; }
  std::uint64_t bytes_written() const { return written_; }

 private:
  static constexpr unsigned kUnits = 2, kTags = 64;
  static constexpr std::uint64_t kOpen = ~0ULL;

  struct Command {
    std::uint16_t id = 0;
    unsigned number = 0;     ///< counts commands: ids may repeat
    std::uint64_t left = 0;  ///< bytes that it has not asked for
  };
  struct Transaction {
    unsigned unit = 0, lane = 0;
    std::uint64_t begin = 0, end = kOpen;
    DmaRequest request;
    unsigned bytes = 0;
    unsigned blocks = 0;  ///< to come: bit n is the block at address bits 7:6 = n
    std::optional<Command> command;
    std::uint8_t error = 0;
    bool unanswered = false;
  };
  struct Unit {
    std::deque<Command> commands;
    unsigned next_number = 0;
    std::array<std::optional<Transaction>, kTags> open;
    std::vector<std::uint64_t> lanes;  ///< end of the transaction in each
    std::uint64_t lanes_named = 0;
  };
  struct Move {
    std::uint64_t cycle;
    unsigned read, written;
  };

  std::uint64_t size(const CommandStart& command) const;
  unsigned take_lane(Unit& unit, std::uint64_t cycle) const;
  void close(std::optional<Transaction>& slot, std::uint64_t cycle);
  std::string name(const Transaction& transaction) const;
  void write(const Transaction& transaction, std::uint64_t end, const char* more = "");
  void name_lane(const Transaction& transaction, std::uint64_t cycle);

  EventList& events_;
  DmaTrackSetup setup_;
  std::array<std::array<std::uint32_t, 16>, 64> contexts_{};
  std::array<Unit, kUnits> units_;
  std::vector<Transaction> closed_;  ///< not yet events
  std::vector<Move> moves_;          ///< not yet counted
  std::uint64_t read_ = 0, written_ = 0;
  bool named_ = false;
};

}  // namespace tsr
