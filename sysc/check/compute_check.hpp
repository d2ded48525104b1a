// SPDX-License-Identifier: Apache-2.0
/// Lock-step of matrix, vector and layout engine: when a command ends, the functional model runs on
/// the mirror of the scratchpad, and every byte that the engine wrote is compared with the model's.
///
/// What an engine writes enters the mirror when its command ends, so that a command may write over
/// its own input. Commands that a chain joins hand their beats over inside the models.
#pragma once

#include <deque>

#include "check_log.hpp"
#include "command.hpp"
#include "engines/me.hpp"
#include "engines/ve.hpp"

namespace tsr::check {

class ComputeCheck {
 public:
  /// `log` and `spm` outlive the checker. `grid`: rows and columns of the matrix engine; 0: the
  /// node has none of these engines.
  ComputeCheck(CheckLog& log, Scratchpad& spm, unsigned grid) : log_(log), spm_(spm), grid_(grid) {}

  void start(const Command& command);
  void write(std::uint64_t cycle, const SpmWrite& write);
  void done(std::uint64_t cycle, const CommandDone& done);

  /// Commands that could not be compared: given up, or partners of such in a chain.
  std::uint64_t skipped() const { return skipped_; }

 private:
  static constexpr unsigned kFirst = static_cast<unsigned>(Engine::Me);
  static constexpr unsigned kCount = 3;
  static constexpr unsigned kPorts = 2;  ///< output ports of an engine

  struct Write {
    std::uint64_t cycle;
    SpmWrite write;
  };
  /// What the model says an access has to be: `index` counts all accesses of the port.
  struct Expected {
    std::uint64_t index;
    SpmWrite write;
  };
  struct Job {
    Command command;
    bool replayed = false;
    bool unknown = false;  ///< a chain broke: there is nothing to compare with
    Ending ending;
    std::array<std::vector<Expected>, kPorts> writes;  ///< of matrix and vector engine
    std::vector<std::uint8_t> image;  ///< of the layout engine: scratchpad after it
  };
  using Log = std::array<std::deque<Write>, kPorts>;

  static unsigned index_of(Engine engine) { return static_cast<unsigned>(engine) - kFirst; }
  static bool gives_chain(const Command& command);
  static bool takes_chain(const Command& command);

  void replay(Job& job);
  void replay_me(Job& job);
  void replay_ve(Job& job);
  void replay_tdma(Job& job);
  bool replay_producer(Engine engine);
  void break_chains();
  void compare_writes(std::uint64_t cycle, const Job& job, Log& log, bool last);
  void compare_image(std::uint64_t cycle, const Job& job, Log& log);
  void accept(Log& log, unsigned port, std::size_t count);
  std::string place(const Job& job, unsigned port, std::uint64_t index, unsigned byte) const;
  void fail(std::uint64_t cycle, Engine engine, const Job* job, const std::string& what);

  CheckLog& log_;
  Scratchpad& spm_;
  unsigned grid_;
  std::array<std::deque<Job>, kCount> jobs_;
  std::array<Log, kCount> logs_;
  std::vector<std::uint8_t> work_;
  std::uint64_t skipped_ = 0;
  std::deque<engines::VeBeat> to_ve_;      ///< beats from replayed commands of the matrix engine
  std::deque<engines::StreamBeat> to_me_;  ///< and the other way
};

}  // namespace tsr::check
