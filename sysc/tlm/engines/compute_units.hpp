// SPDX-License-Identifier: Apache-2.0
/// The three engines that work on the scratchpad: what their commands need and do.
#pragma once

#include "tlm/engines/chains.hpp"
#include "tlm/engines/compute_unit.hpp"

namespace tsr {

class MatrixUnit final : public ComputeUnit {
 public:
  MatrixUnit(EngineStores& stores, EngineHost& host, UnitQueue& queue, EngineMeter& meter,
             Chains& chains)
      : ComputeUnit(Engine::Me, 2, stores, host, queue, meter, &chains) {}

 protected:
  ComputePlan plan(const EngineCommand& command, const Context& context) override;
  Outcome execute(const ComputeRun& run) override;
};

class VectorUnit final : public ComputeUnit {
 public:
  VectorUnit(EngineStores& stores, EngineHost& host, UnitQueue& queue, EngineMeter& meter,
             Chains& chains)
      : ComputeUnit(Engine::Ve, 2, stores, host, queue, meter, &chains) {}

 protected:
  ComputePlan plan(const EngineCommand& command, const Context& context) override;
  Outcome execute(const ComputeRun& run) override;
};

class LayoutUnit final : public ComputeUnit {
 public:
  LayoutUnit(EngineStores& stores, EngineHost& host, UnitQueue& queue, EngineMeter& meter)
      : ComputeUnit(Engine::Tdma, 1, stores, host, queue, meter, nullptr) {}

 protected:
  ComputePlan plan(const EngineCommand& command, const Context& context) override;
  Outcome execute(const ComputeRun& run) override;
};

}  // namespace tsr
