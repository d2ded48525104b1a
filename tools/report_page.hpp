// SPDX-License-Identifier: Apache-2.0
/// The page of `tessera report` without a run; tools/report builds it. The run's JSON goes between.
#pragma once

#include <string_view>

namespace tsr::tools {

extern const std::string_view kReportBefore, kReportBehind;

}  // namespace tsr::tools
