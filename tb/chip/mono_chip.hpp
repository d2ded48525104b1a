// SPDX-License-Identifier: Apache-2.0
/// The monolithic t4 with its DRAM.
#pragma once

#include <string>

#include "record.hpp"

namespace tsr::tb {

/// What the monolithic chip does with the host traffic of `composed`, request by request in the
/// same cycles, for as many cycles. Stops a little after the first cycle whose flits differ.
/// `error` gets a report of a DRAM timing violation or a failed watchdog, or "".
Record replay_monolithic(const Record& composed, std::string& error);

}  // namespace tsr::tb
