// SPDX-License-Identifier: Apache-2.0
/// An engine that works on the scratchpad alone: matrix, vector and layout engine. A command is
/// executed as a whole in the cycle in which it ends; when that is follows from its occupancy.
#pragma once

#include <deque>
#include <optional>

#include "tlm/engines/timing.hpp"
#include "tlm/engines/unit.hpp"

namespace tsr {

class Chains;

/// What is known of a command before it is executed.
struct ComputePlan {
  Outcome outcome;  ///< an error that the checks before the start have found
  bool runs = false;
  timing::Occupancy time;
  bool chain_in = false;      ///< input comes from the other engine
  bool chain_out = false;     ///< results go to it
  std::uint64_t chained = 0;  ///< ME: beats of A that it takes from the chain
};

/// A command in the engine.
struct ComputeRun {
  EngineCommand command;
  Context context;
  ComputePlan plan;
  std::uint64_t started = 0;
  std::uint64_t first = 0;    ///< cycle of the first beat
  std::uint64_t last = 0;     ///< behind the last one
  std::uint64_t own_end = 0;  ///< if no chain holds it up
  std::uint64_t end = Timeline::kNever;
  bool given_up = false;
};

class ComputeUnit : public EngineUnit {
 public:
  /// `depth`: commands that may be under way at once. `chains` may be null.
  ComputeUnit(Engine engine, unsigned depth, EngineStores& stores, EngineHost& host,
              UnitQueue& queue, EngineMeter& meter, Chains* chains);

  void offer(const EngineCommand& command, std::uint64_t at) override;
  void withdraw() override { front_.reset(); }
  void wake(std::uint32_t what) override;
  void count(EngineMeter& meter, std::uint64_t now) const override;

  /// For the chains. Commands under way, oldest first.
  const std::deque<ComputeRun>& runs() const { return runs_; }
  /// See whether the oldest command can end now that the other engine has moved on.
  void resolve();
  /// The chain is broken: chained commands end without effects.
  void give_up();

 protected:
  virtual ComputePlan plan(const EngineCommand& command, const Context& context) = 0;
  /// Execute on the scratchpad. Adds to meter().ops.
  virtual Outcome execute(const ComputeRun& run) = 0;
  EngineStores& stores() { return stores_; }
  EngineHost& host() { return host_; }
  EngineMeter& meter() { return meter_; }
  Chains& chains() { return *chains_; }
  Engine engine() const { return engine_; }

 private:
  struct Front {
    ComputeRun run;
    std::uint64_t offered;
    std::uint64_t ready;
  };
  std::uint64_t now() const { return host_.timeline().now(); }
  void start();
  void finish();

  Engine engine_;
  unsigned depth_;
  EngineStores& stores_;
  EngineHost& host_;
  UnitQueue& queue_;
  EngineMeter& meter_;
  Chains* chains_;
  std::optional<Front> front_;
  std::deque<ComputeRun> runs_;
};

}  // namespace tsr
