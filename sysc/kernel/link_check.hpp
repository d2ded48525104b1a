// SPDX-License-Identifier: Apache-2.0
/// Protocol checker of the network's links while a chip runs: what rtl/common/tsr_flit_check.sv
/// asserts on a bench, for all links that the composition kernel carries.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "noc/flit.hpp"
#include "rtl/node_model.hpp"

namespace tsr {

/// The rule that a flit on a link of network `net` breaks, as a text; null: none. `mesh`: the link
/// joins two routers, where a multicast may put empty beats onto it.
const char* flit_fault(const Flit& flit, unsigned net, bool mesh);

/// Credits and flits of all models of a kernel. Different models may be checked at the same time.
class LinkCheck {
 public:
  /// A broken rule, and the link (net * kPorts + port); null: none.
  struct Fault {
    const char* rule = nullptr;
    unsigned link = 0;
  };

  explicit LinkCheck(std::size_t models) : unpaid_(models) {}

  /// All credits are back.
  void reset();
  /// A cycle of model `index`: `in` is what it got at the rising edge, `out` what it drives since.
  Fault step(std::size_t index, const NodeModel& model, bool is_router, Pins in, Pins out);

 private:
  /// Flits of each link and VC that were sent and not paid back.
  using Unpaid = std::array<std::array<std::uint8_t, kNumVcs>, kLinks>;

  static Fault take_credits(Unpaid& unpaid, Pins in);
  static Fault send(Unpaid& unpaid, const Flit& flit, unsigned link, bool mesh);

  std::vector<Unpaid> unpaid_;
};

}  // namespace tsr
