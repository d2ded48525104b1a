// SPDX-License-Identifier: Apache-2.0
/// Flight recorder: waves of the last cycles before a failure, without tracing the run.
///
/// The process forks itself every so many cycles. A copy (snapshot) sleeps until it is asked for
/// waves; then it runs its chip up to the failure, with what reached the chip meanwhile, writes
/// waves of the last cycles, and ends. Nothing but the chip runs in a snapshot: its files, sockets
/// and terminal are closed at once, and it dies with its parent.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "../faults.hpp"
#include "../kernel/kernel.hpp"
#include "../tlm/timeline.hpp"
#include "flight.hpp"
#include "input_log.hpp"

namespace tsr {

class SimContext;

/// Parts of the chip that the recorder needs. They outlive it. All functions are
/// called in snapshots alone; those of the TLM half are empty without one.
struct RecordedChip {
  Kernel& kernel;
  SimContext& context;
  HostPort& host;
  Timeline* timeline = nullptr;  ///< of the TLM half; null: all is RTL
  bool waves = true;             ///< some part is RTL
  bool pins = true;  ///< the ctl node is: it takes requests in the cycle that note_request() sees
  std::function<void()> silence{};  ///< from now on nothing leaves the chip
  std::function<void(const LinkDeath& death)> kill_link{};
  std::function<void()> wake_host{};     ///< there are requests
  std::function<void()> watch{};         ///< watch the TLM cores from now on
  std::function<std::string()> nodes{};  ///< state of the TLM nodes
};

/// Not thread-safe: the thread that runs the kernel uses it, between cycles.
class FlightRecorder {
 public:
  /// Throws Error if there is no memory for the log of inputs.
  FlightRecorder(RecordedChip chip, RecorderOptions options);
  ~FlightRecorder();
  FlightRecorder(const FlightRecorder&) = delete;
  FlightRecorder& operator=(const FlightRecorder&) = delete;

  /// To be called between runs of cycles: takes a snapshot if one is due.
  void tick() {
    if (chip_.kernel.cycle() >= due_ || log_.count() >= due_inputs_) take();
  }
  /// The ctl node takes a request in the current cycle.
  void note_request(const HostRequest& request);
  /// The host has put requests into the port; `inside`: while cycles run.
  void note_pushed(bool inside);
  /// A link was told to die.
  void note_link_death(const LinkDeath& death);

  /// Write waves up to the failure. Takes as long as the cycles since the snapshot, run by one
  /// thread.
  FlightReport record(const FlightFailure& failure);
  /// Take snapshots every so many cycles from now on; 0: none, and forget those that there are.
  void set_every(std::uint64_t every);
  /// Snapshots taken, and wall time that forking took, seconds.
  std::uint64_t snapshots() const { return taken_; }
  double fork_seconds() const { return fork_seconds_; }

 private:
  /// Snapshots at a time. The host may learn of a failure late: first the firmware starts the tiles
  /// anew, which takes some 60,000 cycles.
  static constexpr unsigned kLive = 4;
  /// A sleeping copy of the process.
  struct Snapshot {
    pid_t pid = 0;  ///< 0: none
    int command = -1, reply = -1;
    std::uint64_t cycle = 0;
    std::uint64_t inputs = 0;  ///< in the log when it was taken
  };
  /// What a snapshot is told: nothing but numbers, so that a signal handler can do it.
  struct Command {
    std::uint64_t from, to;  ///< traced cycles, inclusive
    std::uint64_t failure;   ///< the cycle to mark
    std::uint64_t now;       ///< cycles that have run
    std::uint64_t inputs;    ///< in the log
    KernelStats stats;       ///< at `now`, to compare
    std::uint64_t events;    ///< of the TLM half at `now`
    bool compare;
    bool nodes;  ///< states of TLM nodes are wanted
    bool has_node;
    Node node;
  };

  void take();
  void change();
  void schedule();
  void discard(Snapshot& snapshot);
  Snapshot* choose(std::uint64_t from);
  Command command(const FlightFailure& failure, const Snapshot& snapshot) const;
  [[noreturn]] void serve(pid_t parent, Snapshot snapshot, int command, int reply);
  std::string replay(const Snapshot& snapshot, const Command& command);
  void cut_off();
  std::string trace(const Command& command);
  bool is_run(const Command& command) const;
  void run_to(std::uint64_t cycle);
  void put_in(bool inside);
  bool is_due(const ChipInput& input, bool inside) const;
  std::uint64_t events() const { return chip_.timeline != nullptr ? chip_.timeline->fired() : 0; }

  static void on_signal(int signal);
  void install_handlers();
  void restore_handlers();
  void answer_signal(int signal);

  RecordedChip chip_;
  RecorderOptions options_;
  std::string shown_;  ///< options_.file as it was given
  InputLog log_;
  Snapshot live_[kLive];  ///< the older one first
  std::uint64_t due_ = 0;
  std::uint64_t due_inputs_ = ~0ULL;
  std::size_t noted_ = 0;         ///< requests in the port that are in the log (TLM ctl node)
  std::uint64_t next_input_ = 0;  ///< in a snapshot that replays
  std::uint64_t inputs_ = 0;      ///< in the log, for a snapshot that replays
  std::uint64_t taken_ = 0;
  double fork_seconds_ = 0;
  bool warned_ = false;
  std::chrono::steady_clock::time_point not_before_{};
  /// Signal handlers may run on any thread. While snapshots change they wait; while somebody waits
  /// for waves, they do not want any.
  enum class State : std::uint8_t { Free, Changing, Answering };
  std::atomic<State> state_{State::Free};
};

}  // namespace tsr
