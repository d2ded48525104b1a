// SPDX-License-Identifier: Apache-2.0
/// Lock-step of the write DMA engine: every request that it makes carries what its command asks.
#pragma once

#include <deque>

#include "check_log.hpp"
#include "command.hpp"
#include "engines/dma.hpp"

namespace tsr::check {

class WriteCheck {
 public:
  /// `log` and `spm` outlive the checker.
  WriteCheck(CheckLog& log, const Scratchpad& spm) : log_(log), spm_(spm) {}

  void start(const Command& command);
  void request(std::uint64_t cycle, const DmaRequest& request);
  void response(std::uint64_t cycle, const DmaResponse& response);
  void done(std::uint64_t cycle, const CommandDone& done);

 private:
  struct Job {
    Command command;
    bool planned = false;
    engines::DmaOutcome expected;
    std::size_t sent = 0;        ///< of expected.writes
    std::vector<Ending> errors;  ///< that responses brought
  };

  void plan(Job& job) const;
  void compare_request(std::uint64_t cycle, const Job& job, const engines::DmaWrite& expected,
                       const DmaRequest& request);
  void fail(std::uint64_t cycle, const Job* job, const std::string& what);

  CheckLog& log_;
  const Scratchpad& spm_;
  std::deque<Job> jobs_;
};

}  // namespace tsr::check
