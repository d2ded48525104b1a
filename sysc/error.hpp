// SPDX-License-Identifier: Apache-2.0
/// The platform's one exception: what was wrong, where, what to do; and the exit code it leads to.
#pragma once

#include <stdexcept>
#include <string>

namespace tsr {

/// Exit codes of the command line; also the class of every Error.
enum class ExitCode : int {
  Ok = 0,
  JobFailed = 1,    ///< wrong result, or a kernel returned non-zero
  BadInput = 2,     ///< bad usage, configuration, ELF or data file
  ChipFault = 3,    ///< trap or engine error on the chip, or ctl firmware gave up
  Timeout = 4,      ///< watchdog, or the cycle limit
  CheckFailed = 5,  ///< a checker (DRAM timing, protocol) found a violation
};

/// Every failure that the platform reports. `what()` is a complete message for the user.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// Shorthand for ExitCode::BadInput.
class InputError : public Error {
 public:
  explicit InputError(const std::string& message) : Error(ExitCode::BadInput, message) {}
};

}  // namespace tsr
