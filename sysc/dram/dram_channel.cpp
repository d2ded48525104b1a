// SPDX-License-Identifier: Apache-2.0
#include "dram_channel.hpp"

#include <stdexcept>

#include "../error.hpp"
#include "dram/dram_device.hpp"
#include "dram/dram_profile.hpp"

namespace tsr {

DramTiming dram_timing(const std::string& profile_file) {
  try {
    return load_dram_profile(profile_file).timing;
  } catch (const std::runtime_error& error) {
    throw InputError(error.what());
  }
}

DramChannel::DramChannel(const std::string& profile_file, std::string name,
                         std::function<void()> stop)
    : name_(std::move(name)) {
  device_ = std::make_unique<DramDevice>(dram_timing(profile_file));
  device_->on_violation([this, stop = std::move(stop)](const DramViolation& violation) {
    if (violation_.empty()) violation_ = name_ + ": " + violation.message;
    stop();
  });
}

DramChannel::~DramChannel() = default;

}  // namespace tsr
