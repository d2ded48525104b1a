// SPDX-License-Identifier: Apache-2.0
/// Lock-step of the read DMA engine: it asks what its commands ask, every response is what was
/// asked for, and every byte of a response lands where it belongs.
#pragma once

#include <deque>

#include "check_log.hpp"
#include "command.hpp"
#include "engines/dma.hpp"

namespace tsr::check {

class ReadCheck {
 public:
  /// `log` and `spm` outlive the checker; what the engine writes is put into `spm`.
  ReadCheck(CheckLog& log, Scratchpad& spm) : log_(log), spm_(spm) {}

  void start(const Command& command);
  void request(std::uint64_t cycle, const DmaRequest& request);
  void response(std::uint64_t cycle, const DmaResponse& response);
  void write(std::uint64_t cycle, const SpmWrite& write);
  void done(std::uint64_t cycle, const CommandDone& done);

 private:
  /// Bytes of one request.
  struct Piece {
    std::uint64_t source;
    std::uint32_t destination;
    std::uint32_t bytes;
  };
  struct Job {
    Command command;
    unsigned number = 0;
    engines::DmaOutcome expected;
    std::vector<Piece> pieces;
    std::size_t asked = 0;        ///< of the pieces
    std::uint64_t waiting = 0;    ///< 64-byte blocks asked for and not answered
    std::size_t filled = 0;       ///< of a fill: elements done,
    std::size_t fill_offset = 0;  ///< and bytes of the next one
    bool fill = false;
    std::vector<Ending> errors;  ///< that responses brought
  };
  /// A request in flight.
  struct Tag {
    bool live = false;
    unsigned job = 0;  ///< its number
    Piece piece{};
    unsigned blocks = 0;  ///< to come: bit n is the block at address bits 7:6 = n
  };
  /// A write that a response makes necessary.
  struct Store {
    bool heard = false;
    unsigned job = 0;
    std::uint64_t source = 0;
    SpmWrite write;
  };

  Job* job(unsigned number);
  void plan(Job& job) const;
  void store(const DmaResponse& response, unsigned job);
  void write_fill(std::uint64_t cycle, const SpmWrite& write);
  void fail(std::uint64_t cycle, const Job* job, const std::string& what);
  std::string error_difference(const Job& job, const CommandDone& done);

  CheckLog& log_;
  Scratchpad& spm_;
  std::deque<Job> jobs_;
  unsigned next_number_ = 0;
  std::array<Tag, 64> tags_{};
  std::deque<Store> stores_;
  bool late_ = false;  ///< a command timed out: its responses may still come, and are dropped
};

}  // namespace tsr::check
