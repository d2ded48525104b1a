// SPDX-License-Identifier: Apache-2.0
#include "waves/fst_index.hpp"

#include <fmt/format.h>
#include <gtkwave/fstapi.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "error.hpp"
#include "fst/fst_blocks.hpp"

namespace tsr::waves {
namespace {

struct Close {
  void operator()(void* reader) const { fstReaderClose(reader); }
};
using Reader = std::unique_ptr<void, Close>;

Reader open(const std::string& file) {
  if (!std::filesystem::is_regular_file(file)) {
    throw InputError(fmt::format("{}: no such file", file));
  }
  check_fst(file);
  Reader reader(fstReaderOpen(file.c_str()));
  if (!reader) throw InputError(fmt::format("{}: not an FST trace, or it is cut off", file));
  return reader;
}

/// "name [7:0]" of the FST as GTKWave shows it, without the blank.
std::string without_blanks(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ') out += c;
  }
  return out;
}

/// The name without the range at its end. A scalar of an array ends with an index, which has no
/// colon.
std::string without_range(const std::string& name) {
  const auto open = name.rfind('[');
  if (open == std::string::npos || name.find(':', open) == std::string::npos) return name;
  return name.substr(0, open);
}

struct Search {
  std::uint64_t value;
  std::optional<std::uint64_t> time;
};

void look(void* data, std::uint64_t time, fstHandle, const unsigned char* bits) {
  auto& search = *static_cast<Search*>(data);
  if (search.time) return;
  std::uint64_t value = 0;
  for (; *bits != 0; ++bits) value = value << 1U | (*bits == '1' ? 1U : 0U);
  if (value >= search.value) search.time = time;
}

}  // namespace

FstIndex::FstIndex(const std::string& file) : file_(file) {
  const Reader reader = open(file);
  first_ = fstReaderGetStartTime(reader.get());
  last_ = fstReaderGetEndTime(reader.get());
  std::string scope;
  std::vector<std::size_t> above;  // lengths of the scopes around: a name may have dots
  while (const auto* item = fstReaderIterateHier(reader.get())) {
    if (item->htyp == FST_HT_SCOPE) {
      above.push_back(scope.size());
      scope += (scope.empty() ? "" : ".") + std::string(item->u.scope.name);
      scopes_.insert(scope);
    } else if (item->htyp == FST_HT_UPSCOPE) {
      scope.resize(above.empty() ? 0 : above.back());
      if (!above.empty()) above.pop_back();
    } else if (item->htyp == FST_HT_VAR) {
      const auto name = scope + "." + without_blanks(item->u.var.name);
      signals_.emplace(without_range(name), Signal{name, item->u.var.length, item->u.var.handle});
    }
  }
  if (signals_.empty()) throw InputError(fmt::format("{}: the trace is empty", file));
}

const Signal* FstIndex::find(const std::string& name) const {
  const auto found = signals_.find(name);
  return found == signals_.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> FstIndex::reaches(const Signal& signal, std::uint64_t value) const {
  const Reader reader = open(file_);
  fstReaderClrFacProcessMaskAll(reader.get());
  fstReaderSetFacProcessMask(reader.get(), signal.handle);
  Search search{value, {}};
  fstReaderIterBlocks(reader.get(), look, &search, nullptr);
  return search.time;
}

}  // namespace tsr::waves
