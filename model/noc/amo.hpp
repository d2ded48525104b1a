// SPDX-License-Identifier: Apache-2.0
/// What an atomic stores: mirror of tsr_pkg::amo_result, for models and benches.
#pragma once

#include <algorithm>
#include <cstdint>

#include "noc/flit.hpp"

namespace tsr {

inline std::uint32_t amo_result(Amo op, std::uint32_t old, std::uint32_t operand,
                                std::uint32_t expected) {
  const auto a = static_cast<std::int32_t>(old);
  const auto b = static_cast<std::int32_t>(operand);
  switch (op) {
    case Amo::kAdd:
      return old + operand;
    case Amo::kAnd:
      return old & operand;
    case Amo::kOr:
      return old | operand;
    case Amo::kSwap:
      return operand;
    case Amo::kCas:
      return old == expected ? operand : old;
    case Amo::kMin:
      return static_cast<std::uint32_t>(std::min(a, b));
    case Amo::kMax:
      return static_cast<std::uint32_t>(std::max(a, b));
  }
  return old;
}

}  // namespace tsr
