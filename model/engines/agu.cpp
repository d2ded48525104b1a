// SPDX-License-Identifier: Apache-2.0
#include "engines/agu.hpp"

namespace tsr::engines {

void AguConfig::set_strides(const std::array<std::int32_t, 6>& stride) {
  std::int32_t rewind = 0;
  for (unsigned j = 0; j < 6; ++j) {
    delta[j] = stride[j] - rewind;
    rewind += stride[j] * static_cast<std::int32_t>(count[j] - 1);
  }
}

AguConfig AguConfig::from_row(const ContextRow& row) {
  AguConfig config;
  config.pitch = row[1] & kSpmAddressMask;
  config.w_log2 = row[2] & 3;
  config.redge_en = ((row[2] >> 4) & 1) != 0;
  config.redge_loop = (row[2] >> 5) & 7;
  config.redge_sub = ((row[2] >> 8) & 1) != 0;
  config.redge_n = (row[2] >> 12) & 15;
  config.bedge_en = ((row[2] >> 16) & 1) != 0;
  config.bedge_loop = (row[2] >> 17) & 7;
  config.bedge_m = (row[2] >> 24) & 127;
  for (unsigned j = 0; j < 6; ++j) {
    config.count[j] = row[4 + j];
    config.delta[j] = static_cast<std::int32_t>(row[10 + j]);
  }
  return config;
}

ContextRow AguConfig::to_row() const {
  ContextRow row{};
  row[1] = pitch;
  row[2] = w_log2 | static_cast<unsigned>(redge_en) << 4 | redge_loop << 5 |
           static_cast<unsigned>(redge_sub) << 8 | redge_n << 12 |
           static_cast<unsigned>(bedge_en) << 16 | bedge_loop << 17 | bedge_m << 24;
  for (unsigned j = 0; j < 6; ++j) {
    row[4 + j] = count[j];
    row[10 + j] = static_cast<std::uint32_t>(delta[j]);
  }
  return row;
}

bool AguConfig::legal(const ContextRow& row) {
  const AguConfig config = from_row(row);
  if (config.pitch % 8 != 0 || row[3] != 0) return false;
  if (config.redge_en && config.redge_loop > 5) return false;
  if (config.bedge_en && config.bedge_loop > 5) return false;
  for (unsigned j = 0; j < 6; ++j) {
    if (config.count[j] < 1 || config.count[j] > 65535 || config.delta[j] % 8 != 0) return false;
  }
  return true;
}

Agu::Agu(const AguConfig& config, std::uint32_t base) : config_(config), address_(base) {}

Access Agu::current() const {
  Access access;
  access.base = address_;
  const unsigned width = 1U << config_.w_log2;
  const auto ends = [this](unsigned loop) { return index_[loop] + 1 == config_.count[loop]; };
  const bool rows_masked = config_.redge_en && ends(config_.redge_loop);
  const bool bytes_masked = config_.bedge_en && ends(config_.bedge_loop);
  for (unsigned l = 0; l < 8; ++l) {
    const unsigned group = l / width;
    access.lane[l] = (address_ + group * config_.pitch + (l % width) * 8) & kSpmAddressMask;
    const std::uint64_t row =
        group + (config_.redge_sub ? index_[0] * std::uint64_t{8 / width} : 0);
    if (rows_masked && row >= config_.redge_n) continue;
    for (unsigned b = 0; b < 8; ++b) {
      if (bytes_masked && (l % width) * 8 + b >= config_.bedge_m) continue;
      access.strb |= std::uint64_t{1} << (8 * l + b);
    }
  }
  for (unsigned j = 0; j < 6 && ends(j); ++j) access.last |= 1U << j;
  return access;
}

void Agu::next() {
  for (unsigned j = 0; j < 6; ++j) {
    if (index_[j] + 1 < config_.count[j]) {
      ++index_[j];
      address_ = (address_ + static_cast<std::uint32_t>(config_.delta[j])) & kSpmAddressMask;
      return;
    }
    index_[j] = 0;
  }
  done_ = true;
}

}  // namespace tsr::engines
