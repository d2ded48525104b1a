// SPDX-License-Identifier: Apache-2.0
/// Common part of the wrappers around verilated blocks. Only the .cpp files of this folder include
/// this header: it needs Verilator's.
#pragma once

#include <verilated.h>
#include <verilated_fst_c.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "node_model.hpp"
#include "sim_context.hpp"

namespace tsr {

/// True for a model whose only event is the rising edge of clk_i (no gated clocks, no falling
/// edges): then the evaluation of the falling edge can be left out, and Verilator is told that the
/// clock was low. `Root` is the model's root class, Verilator 5.
template <class Root, class = void>
struct OnlyRisingEdges : std::false_type {};
template <class Root>
struct OnlyRisingEdges<Root, std::void_t<decltype(Root::__Vtrigrprev__TOP__clk_i)>>
    : std::is_same<decltype(Root::__VactTriggered), VlTriggerVec<1>> {};

/// True for a model that may have to be clocked at a time of its own although nothing arrives: it
/// has a port wake_o.
template <class Model, class = void>
struct WakesByItself : std::false_type {};
template <class Model>
struct WakesByItself<Model, std::void_t<decltype(std::declval<Model&>().wake_o)>> : std::true_type {
};

/// Moves pins between packed Pins and the ports of a verilated model whose link ports are named as
/// every node's are. `Derived` may hide before_edge() and after_edge() to serve further ports,
/// held_awake() to keep the model from sleeping, latest_wake() to wake it before wake_o says so,
/// and halted() to tell that a debugger holds it.
template <class Model, class Derived>
class VerilatedNode : public NodeModel {
 public:
  Pins step(std::uint64_t now, Pins in) final {
    const Pins out = VerilatedNode::rise(now, in);
    if constexpr (!kOnlyRising) VerilatedNode::fall();
    return out;
  }

  Pins rise(std::uint64_t now, Pins in) final {
    set_inputs(in);
    derived().before_edge(now);
    if constexpr (kOnlyRising) model_.rootp->__Vtrigrprev__TOP__clk_i = 0;
    model_.clk_i = 1;
    model_.eval();
    derived().after_edge(now);
    const Pins out = outputs();
    if constexpr (WakesByItself<Model>::value) {
      if ((out & kIdlePin) != 0) {
        wake_at = std::min<std::uint64_t>(model_.wake_o, derived().latest_wake(now));
      }
    }
    return out;
  }

  void fall() final {
    model_.clk_i = 0;
    model_.eval();
  }

  void set_reset(bool active) final { model_.rst_ni = !active; }

  void trace(SimContext& context) final { model_.trace(&context.fst(), 99); }

  ~VerilatedNode() override { model_.final(); }

 protected:
  explicit VerilatedNode(const NodeStraps& straps)
      : model_(straps.context->context(), straps.name.c_str()) {
    tx_flit[0] = words(model_.req_tx_flit_o);
    tx_flit[1] = words(model_.rsp_tx_flit_o);
    rx_flit[0] = words(model_.req_rx_flit_i);
    rx_flit[1] = words(model_.rsp_rx_flit_i);
    model_.clk_i = 0;
    model_.rst_ni = 0;
  }

  void before_edge(std::uint64_t) {}
  void after_edge(std::uint64_t) {}
  bool held_awake() const { return false; }
  bool halted() const { return false; }
  std::uint64_t latest_wake(std::uint64_t) const { return kNever; }

  template <class Wide>
  static std::uint32_t* words(Wide& wide) {
    return &wide[0];
  }

  Model model_;

 private:
  static constexpr bool kOnlyRising =
      OnlyRisingEdges<std::remove_reference_t<decltype(*std::declval<Model>().rootp)>>::value;

  Derived& derived() { return static_cast<Derived&>(*this); }

  void set_inputs(Pins in) {
    model_.req_rx_valid_i = in & 31U;
    model_.rsp_rx_valid_i = (in >> kPorts) & 31U;
    model_.req_tx_credit_i = (in >> kCreditShift) & 1023U;
    model_.rsp_tx_credit_i = (in >> (kCreditShift + 2 * kPorts)) & 1023U;
  }

  Pins outputs() const {
    Pins out = model_.req_tx_valid_o;
    out |= static_cast<Pins>(model_.rsp_tx_valid_o) << kPorts;
    out |= static_cast<Pins>(model_.req_rx_credit_o) << kCreditShift;
    out |= static_cast<Pins>(model_.rsp_rx_credit_o) << (kCreditShift + 2 * kPorts);
    out |= static_cast<const Derived&>(*this).halted() ? kHaltedPin : 0U;
    out |= model_.idle_o != 0 && !static_cast<const Derived&>(*this).held_awake() ? kIdlePin : 0U;
    return out;
  }
};

/// Whether a retire_o port (tsr_core_pkg::retire_t) shows a trap.
template <class Wide>
bool shows_trap(const Wide& retire) {
  // Bits 238 (valid) and 237 (trap): looked at in every cycle, so nothing is unpacked.
  constexpr std::uint32_t kValidTrap = 3U << (237 % 32);
  return (retire[237 / 32] & kValidTrap) == kValidTrap;
}

/// Writes the straps' words to a cfg_i port.
template <class Wide>
void set_config(Wide& port, const ChipConfig& config) {
  const auto words = config.pack();
  for (unsigned i = 0; i < ChipConfig::kWords; ++i) port[i] = words[i];
}

}  // namespace tsr
