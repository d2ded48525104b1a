// SPDX-License-Identifier: Apache-2.0
#include "Vpl_tile.h"
#include "Vpl_tile___024root.h"
#include "rtl_tile.hpp"

namespace tsr {

std::unique_ptr<NodeModel> make_tile(const NodeStraps& straps) {
  return std::make_unique<RtlTile<Vpl_tile>>(straps);
}

}  // namespace tsr
