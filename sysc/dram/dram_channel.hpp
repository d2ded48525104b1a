// SPDX-License-Identifier: Apache-2.0
/// The DRAM behind one memory node, and where its checker's findings go.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tsr {

class DramDevice;
struct DramTiming;

/// Timing of a profile file. Throws InputError if the profile is bad.
DramTiming dram_timing(const std::string& profile_file);

/// One DRAM channel (two pseudo channels) with its timing checker. The data behind the node's DFI
/// port.
class DramChannel {
 public:
  /// `profile_file`: speed grade (TOML). `name` prefixes reports. `stop` is called, within a cycle,
  /// at the first violation. Throws InputError if the profile is bad.
  DramChannel(const std::string& profile_file, std::string name, std::function<void()> stop);
  ~DramChannel();

  DramDevice& device() { return *device_; }
  /// Report of the first violation, or "".
  const std::string& violation() const { return violation_; }

 private:
  std::string name_;
  std::unique_ptr<DramDevice> device_;
  std::string violation_;
};

}  // namespace tsr
