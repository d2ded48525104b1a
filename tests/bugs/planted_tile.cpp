// SPDX-License-Identifier: Apache-2.0
/// make_tile() of the model with planted bugs. A program that links this object does not take the
/// platform's own.
#include <fmt/format.h>

#include <algorithm>

#include "Vpl_tile_bugs.h"
#include "Vpl_tile_bugs___024root.h"
#include "Vpl_tile_bugs_tsr_plant_pkg.h"
#include "error.hpp"
#include "planted_bug.hpp"
#include "rtl/rtl_tile.hpp"

namespace tsr {
namespace {

unsigned g_bug = 0;  ///< tsr_plant_pkg.sv

class PlantedTile final : public RtlTile<Vpl_tile_bugs> {
 public:
  explicit PlantedTile(const NodeStraps& straps) : RtlTile(straps) {
    model_.rootp->__PVT__tsr_plant_pkg->bug = g_bug;
  }
};

}  // namespace

const std::vector<std::string>& test::planted_bugs() {
  static const std::vector<std::string> names{"me", "ve", "tdma", "rdma", "wdma", "core"};
  return names;
}

void test::plant_bug(const std::string& name) {
  const auto& names = planted_bugs();
  const auto it = std::find(names.begin(), names.end(), name);
  if (it == names.end() && !name.empty()) {
    throw InputError(fmt::format("{}: no such bug; there are {}", name, fmt::join(names, ", ")));
  }
  g_bug = name.empty() ? 0 : static_cast<unsigned>(it - names.begin()) + 1;
}

std::unique_ptr<NodeModel> make_tile(const NodeStraps& straps) {
  return std::make_unique<PlantedTile>(straps);
}

}  // namespace tsr
