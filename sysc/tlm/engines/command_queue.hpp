// SPDX-License-Identifier: Apache-2.0
/// Command queue in front of one engine, as tsr_cmdq.sv: eight commands, semaphore waits before and
/// posts after each, stop on an error, flush.
#pragma once

#include <deque>
#include <optional>

#include "tlm/engines/semaphores.hpp"
#include "tlm/engines/unit.hpp"

namespace tsr {

/// What a queue needs of the complex that it belongs to.
class QueueOwner {
 public:
  virtual EngineHost& host() = 0;
  virtual Semaphores& semaphores() = 0;
  /// Add to a semaphore and let those that wait look again.
  virtual void post(unsigned id, unsigned amount) = 0;
  /// `engine` got its semaphores: the one behind it comes first next time.
  virtual void granted(Engine engine) = 0;
  /// A command is offered to its engine / has ended in this cycle.
  virtual void stamp_offer(std::uint64_t cycle) = 0;
  virtual void stamp_done() = 0;
  /// Something ended: a broken chain may be whole again, or the other way round.
  virtual void settled() = 0;

 protected:
  ~QueueOwner() = default;
};

class CommandQueue final : public UnitQueue {
 public:
  CommandQueue(Engine engine, QueueOwner& owner) : engine_(engine), owner_(owner) {}

  /// The engine behind the queue; without one commands wait for ever.
  void connect(EngineUnit* unit) { unit_ = unit; }

  /// False: full.
  bool push(const std::array<std::uint32_t, 16>& words);
  unsigned free() const { return kDepth - static_cast<unsigned>(fifo_.size()); }
  bool busy() const { return head_.has_value() || !fifo_.empty() || !flight_.empty(); }
  bool stopped() const { return stopped_; }
  /// For EngineComplex::look().
  doctor::EngineState look() const;
  /// A command stands before its engine.
  bool offered() const { return offered_; }
  void flush();
  /// Look at the semaphores again.
  void retry();

  EngineMeter& meter() { return meter_; }
  /// Counters as of now, with what is under way.
  EngineMeter counters(std::uint64_t now) const;

  void taken() override;
  void done(const Outcome& outcome) override;
  bool empty() const override { return fifo_.empty() && !head_.has_value(); }

 private:
  static constexpr unsigned kDepth = 8;
  static constexpr unsigned kMaxInFlight = 4;
  struct Waiting {
    EngineCommand command;
    std::uint64_t at;  // first cycle at the head
  };

  std::uint64_t now() const { return owner_.host().timeline().now(); }
  Phase waiting(std::uint64_t until) const;
  void advance();
  void take_head();
  void effects(const EngineCommand& command);

  Engine engine_;
  QueueOwner& owner_;
  EngineUnit* unit_ = nullptr;
  std::deque<Waiting> fifo_;
  std::optional<Waiting> head_;
  bool waited_ = false;   // the head has its semaphores
  bool offered_ = false;  // and stands before the engine
  bool stopped_ = false;
  std::uint64_t last_taken_ = 0;
  std::deque<EngineCommand> flight_;
  EngineMeter meter_;
};

}  // namespace tsr
