// SPDX-License-Identifier: Apache-2.0
#include "formats.hpp"

#include <algorithm>

#include "texts.hpp"

namespace tsr::waves {
namespace {

const std::vector<Format>& formats() {
  using S = std::vector<Field>;
  static const S flit = {{"spread", 1},   {"kind", 4},     {"err", 3},      {"poison", 1},
                         {"amo", 4},      {"vc", 1},       {"mcast", 1},    {"dst.hi.x", 6},
                         {"dst.hi.y", 6}, {"dst.lo.x", 6}, {"dst.lo.y", 6}, {"src.x", 6},
                         {"src.y", 6},    {"tag", 8},      {"doff", 24},    {"strb", 64},
                         {"addr", 56}};
  static const S request = {{"kind", 4},      {"amo", 4},       {"mcast", 1},     {"spread", 1},
                            {"rect.hi.x", 6}, {"rect.hi.y", 6}, {"rect.lo.x", 6}, {"rect.lo.y", 6},
                            {"addr", 56},     {"strb", 64},     {"doff", 24},     {"tag", 6}};
  static const S response = {{"kind", 4},  {"err", 3}, {"poison", 1}, {"addr", 56},
                             {"strb", 64}, {"tag", 6}, {"heard", 1}};
  static const S host = {{"write", 1}, {"addr", 56}, {"strb", 64}, {"tag", 6}};
  static const S command = {{"op", 8},
                            {"ctx", 3},
                            {"irq", 1},
                            {"overlap", 1},
                            {"id", 16},
                            {"waits[0].en", 1},
                            {"waits[0].id", 4},
                            {"waits[0].n", 8},
                            {"waits[1].en", 1},
                            {"waits[1].id", 4},
                            {"waits[1].n", 8},
                            {"post[0].en", 1},
                            {"post[0].remote", 1},
                            {"post[0].id", 4},
                            {"post[0].n", 8},
                            {"post[1].en", 1},
                            {"post[1].id", 4},
                            {"post[1].n", 8},
                            {"mcast_rect.x0", 6},
                            {"mcast_rect.y0", 6},
                            {"mcast_rect.x1", 6},
                            {"mcast_rect.y1", 6},
                            {"arg0", 32},
                            {"arg1", 32},
                            {"arg2", 32},
                            {"arg3", 32},
                            {"pattern", 32}};
  static const S wait = {{"[0].en", 1}, {"[0].id", 4}, {"[0].n", 8},
                         {"[1].en", 1}, {"[1].id", 4}, {"[1].n", 8}};
  static const S done = {{"id", 16}, {"err", 4}, {"info", 3}, {"addr", 56}};
  static const S insn = {{"trap", 1}, {"intr", 1}, {"cause", 32}, {"pc", 32}, {"insn", 32}};
  static const S spm = {{"write", 1}, {"w_log2", 2}, {"base", 22}, {"pitch", 22}, {"strb", 64}};
  static const S beat = {{"fin", 1}, {"epoch", 1}, {"last", 6}, {"strb", 64}};
  static const S reg = {{"write", 1}, {"priv", 1}, {"addr", 16}, {"wdata", 32}};
  static const S row = {{"row_cmd", 3}, {"row_bank", 4}, {"row", 15}};
  static const S column = {{"col_cmd", 2}, {"col_bank", 4}, {"col", 5}};
  static const std::vector<Format> all = {
      {"bit", "28", {}, nullptr},
      {"bin", "28", {}, nullptr},
      {"dec", "24", {}, nullptr},
      {"hex", "22", {}, nullptr},
      {"enum", "100000028", {}, nullptr},
      {"curve", "8024", {}, nullptr},
      {"flit", "22", flit, flit_text},
      {"req", "22", request, request_text},
      {"rsp", "22", response, response_text},
      {"host", "22", host, host_text},
      {"cmd", "22", command, command_text},
      {"wait", "22", wait, wait_text},
      {"done", "22", done, done_text},
      {"insn", "22", insn, insn_text},
      {"spm", "22", spm, spm_text},
      {"beat", "22", beat, beat_text},
      {"reg", "22", reg, register_text},
      {"row", "22", row, row_text},
      {"col", "22", column, column_text},
      {"state", "22", {{"", 3}}, state_text},
      {"links", "22", {{"", 5}}, links_text},
      {"ports", "22", {{"", 15}}, ports_text},
  };
  return all;
}

/// Takes the lowest `width` bits off a hexadecimal number.
class Bits {
 public:
  explicit Bits(const std::string& hex) {
    for (auto c = hex.rbegin(); c != hex.rend(); ++c) {
      const auto digit = static_cast<unsigned>(std::stoul(std::string(1, *c), nullptr, 16));
      for (unsigned i = 0; i < 4; ++i) bits_.push_back((digit >> i & 1U) != 0);
    }
  }
  std::uint64_t take(unsigned width) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < width; ++i, ++at_) {
      if (at_ < bits_.size() && bits_[at_]) value |= std::uint64_t{1} << i;
    }
    return value;
  }

 private:
  std::vector<bool> bits_;
  std::size_t at_ = 0;
};

}  // namespace

const Format* find_format(std::string_view name) {
  for (const auto& format : formats()) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

std::vector<std::string> filter_names() {
  std::vector<std::string> names;
  for (const auto& format : formats()) {
    if (format.text != nullptr) names.emplace_back(format.name);
  }
  return names;
}

std::string filter_text(std::string_view name, const std::string& hex) {
  const auto* format = find_format(name);
  if (format == nullptr || format->text == nullptr || hex.empty()) return hex;
  if (hex.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return hex;
  Bits bits(hex);
  FieldValues values;
  for (auto field = format->fields.rbegin(); field != format->fields.rend(); ++field) {
    values[field->path] = bits.take(field->width);
  }
  // GTKWave shows the number again if a filter answers nothing: a blank it is.
  const auto out = bits.take(1) != 0 ? format->text(values) : "";
  return out.empty() ? " " : out;
}

}  // namespace tsr::waves
