// SPDX-License-Identifier: Apache-2.0
/// The DRAM behind one memory node, and where its checker's findings go.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tsr {

class DramDevice;

/// One DRAM channel (two pseudo channels) with its timing checker.
class DramChannel {
 public:
  /// `profile_file`: timing profile (TOML). `name` prefixes reports. `stop` is called, within a
  /// cycle, at the first violation. Throws InputError if the profile is bad.
  DramChannel(const std::string& profile_file, std::string name, std::uint64_t capacity_bytes,
              std::function<void()> stop);
  ~DramChannel();

  DramDevice& device() { return *device_; }
  /// Looks for new violations; called by the memory node's model after every step of the device.
  void check() {
    if (seen_ == 0) look();
  }
  /// Report of the first violation, or "".
  const std::string& violation() const { return violation_; }

 private:
  void look();

  std::string name_;
  std::function<void()> stop_;
  std::unique_ptr<DramDevice> device_;
  std::uint64_t seen_ = 0;
  std::string violation_;
};

}  // namespace tsr
