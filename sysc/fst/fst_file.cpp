// SPDX-License-Identifier: Apache-2.0
#include "fst_file.hpp"

#include <fmt/format.h>
#include <gtkwave/fstapi.h>

#include <algorithm>

#include "../error.hpp"
#include "fst_blocks.hpp"

namespace tsr {
namespace {

/// Name without the range of a vector.
std::string stem(const std::string& name) {
  const auto open = name.rfind('[');
  if (open == std::string::npos || name.find(':', open) == std::string::npos) return name;
  return name.substr(0, open);
}

struct Walk {
  std::uint64_t to;
  const FstFile::OnChange& change;
};

void on_value(void* data, std::uint64_t time, fstHandle handle, const unsigned char* value,
              std::uint32_t length) {
  const auto& walk = *static_cast<const Walk*>(data);
  if (time <= walk.to) {
    walk.change(time, handle, {reinterpret_cast<const char*>(value), length});
  }
}

void on_fixed_value(void* data, std::uint64_t time, fstHandle handle, const unsigned char* value) {
  const std::string_view text(reinterpret_cast<const char*>(value));
  on_value(data, time, handle, value, static_cast<std::uint32_t>(text.size()));
}

}  // namespace

FstFile::FstFile(const std::string& file)
    : file_(file), reader_((check_fst(file), fstReaderOpen(file.c_str()))) {
  if (reader_ == nullptr) {
    throw InputError(fmt::format("{}: not a trace in FST format, or not complete", file));
  }
  begin_ = fstReaderGetStartTime(reader_);
  end_ = fstReaderGetEndTime(reader_);
  read_names();
}

FstFile::~FstFile() { fstReaderClose(reader_); }

void FstFile::read_names() {
  std::vector<std::size_t> ends;  // of the scopes around
  std::string scope;
  while (const fstHier* entry = fstReaderIterateHier(reader_)) {
    if (entry->htyp == FST_HT_SCOPE) {
      ends.push_back(scope.size());
      scope.append(entry->u.scope.name, entry->u.scope.name_length);
      scopes_.insert(scope);
      scope += '.';
    } else if (entry->htyp == FST_HT_UPSCOPE) {
      scope.resize(ends.empty() ? 0 : ends.back());
      if (!ends.empty()) ends.pop_back();
    } else if (entry->htyp == FST_HT_VAR) {
      std::string name = scope + std::string(entry->u.var.name, entry->u.var.name_length);
      name.erase(std::remove(name.begin(), name.end(), ' '), name.end());
      signals_.emplace(stem(name), Signal{entry->u.var.handle, names_.size(), entry->u.var.length});
      names_.push_back(std::move(name));
    }
  }
}

std::uint32_t FstFile::find(const std::string& name) const {
  auto found = signals_.find(name);
  if (found == signals_.end()) found = signals_.find(stem(name));
  return found == signals_.end() ? kNone : found->second.handle;
}

std::string FstFile::full_name(const std::string& name) const {
  const auto found = signals_.find(name);
  return found == signals_.end() ? "" : names_[found->second.index];
}

unsigned FstFile::width(const std::string& name) const {
  const auto found = signals_.find(name);
  return found == signals_.end() ? 0 : found->second.width;
}

void FstFile::walk(const std::vector<std::uint32_t>& handles, std::uint64_t to,
                   const OnChange& change) {
  fstReaderClrFacProcessMaskAll(reader_);
  for (const auto handle : handles) {
    if (handle != kNone) fstReaderSetFacProcessMask(reader_, handle);
  }
  Walk walk{to, change};
  fstReaderIterBlocks2(reader_, on_fixed_value, on_value, &walk, nullptr);
}

std::unordered_map<std::uint32_t, std::string> FstFile::values(
    const std::vector<std::uint32_t>& handles, std::uint64_t at) {
  std::unordered_map<std::uint32_t, std::string> values;
  walk(handles, at, [&](std::uint64_t, std::uint32_t handle, std::string_view bits) {
    values[handle].assign(bits);
  });
  return values;
}

std::optional<std::uint64_t> FstFile::reaches(const std::string& name, std::uint64_t value) {
  std::optional<std::uint64_t> first;
  walk({find(name)}, end_, [&](std::uint64_t time, std::uint32_t, std::string_view bits) {
    if (!first && wave_number(bits) >= value) first = time;
  });
  return first;
}

std::uint64_t wave_bits(std::string_view bits, unsigned high, unsigned low) {
  std::uint64_t number = 0;
  for (unsigned bit = high + 1; bit-- > low;) {
    number <<= 1;
    if (bit < bits.size() && bits[bits.size() - 1 - bit] == '1') number |= 1;
  }
  return number;
}

std::uint64_t wave_number(std::string_view bits) {
  return bits.empty() ? 0 : wave_bits(bits, static_cast<unsigned>(bits.size()) - 1, 0);
}

}  // namespace tsr
