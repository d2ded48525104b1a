// SPDX-License-Identifier: Apache-2.0
#include "waves/formats.hpp"

#include <fmt/format.h>

#include <map>

namespace tsr::waves {
namespace {

using Values = std::map<std::string, std::uint64_t>;

const std::vector<Format>& formats() {
  static const std::vector<Format> all = {
      {"bit", "28", {}},
      {"bin", "28", {}},
      {"dec", "24", {}},
      {"hex", "22", {}},
      {"enum", "100000028", {}},
      {"curve", "8024", {}},
      {"flit",
       "22",
       {{"kind", 4},
        {"err", 3},
        {"poison", 1},
        {"vc", 1},
        {"mcast", 1},
        {"dst.hi.x", 6},
        {"dst.hi.y", 6},
        {"dst.lo.x", 6},
        {"dst.lo.y", 6},
        {"src.x", 6},
        {"src.y", 6},
        {"tag", 8},
        {"doff", 24},
        {"strb", 64},
        {"addr", 56}}},
      {"cmd",
       "22",
       {{"op", 8},
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
        {"arg0", 32},
        {"arg1", 32},
        {"arg2", 32},
        {"arg3", 32}}},
      {"done", "22", {{"id", 16}, {"err", 4}, {"info", 3}, {"addr", 56}}},
      {"insn", "22", {{"trap", 1}, {"intr", 1}, {"cause", 32}, {"pc", 32}, {"insn", 32}}},
      {"row", "22", {{"row_cmd", 3}, {"row_bank", 4}, {"row", 15}}},
      {"col", "22", {{"col_cmd", 2}, {"col_bank", 4}, {"col", 5}}},
      {"state", "22", {{"", 3}}},
  };
  return all;
}

std::string pick(const std::vector<const char*>& names, std::uint64_t value) {
  return value < names.size() ? names[value] : fmt::format("?{}", value);
}

std::string error_name(std::uint64_t err) {
  return pick(
      {"None", "Unmapped", "Forbidden", "Unsupported", "Timeout", "Poison", "Busy", "Parity"}, err);
}

std::string flit_text(const Values& v) {
  const auto kind = v.at("kind");
  const auto bytes = kind == 1 ? v.at("strb") & 0x1ff
                               : static_cast<std::uint64_t>(__builtin_popcountll(v.at("strb")));
  auto text = pick({"Beat", "Read", "Write", "WritePosted", "Atomic", "SemPost", "?6", "?7",
                    "ReadRsp", "WriteRsp", "ErrRsp"},
                   kind);
  if (v.at("err") != 0 || kind == 10) text = "?red?" + text + " " + error_name(v.at("err"));
  text +=
      fmt::format(" {},{}>{},{}", v.at("src.x"), v.at("src.y"), v.at("dst.lo.x"), v.at("dst.lo.y"));
  if (v.at("mcast") != 0) text += fmt::format("..{},{}", v.at("dst.hi.x"), v.at("dst.hi.y"));
  if (kind == 5) {
    text += fmt::format(" s{} +{}", v.at("doff") & 15, v.at("doff") >> 8 & 255);
  } else {
    text += fmt::format(" {:x} {}B", v.at("addr"), bytes);
  }
  text += fmt::format(" t{:02x} vc{}", v.at("tag"), v.at("vc"));
  return v.at("poison") != 0 ? text + " poison" : text;
}

std::string opcode(std::uint64_t op) {
  static const std::map<std::uint64_t, const char*> names = {
      {0x00, "Nop"},    {0x01, "DmaRead"}, {0x02, "SpmFill"},  {0x03, "Spread"}, {0x11, "DmaWrite"},
      {0x12, "Mcast"},  {0x13, "DmaFill"}, {0x21, "Gemm"},     {0x31, "Vec"},    {0x41, "TCopy"},
      {0x42, "TTrans"}, {0x43, "TGather"}, {0x44, "TScatter"}, {0x45, "TFill"}};
  const auto found = names.find(op);
  return found == names.end() ? fmt::format("?red?Op{:02x}", op) : found->second;
}

std::string command_text(const Values& v) {
  auto text = fmt::format("{} #{} c{}", opcode(v.at("op")), v.at("id"), v.at("ctx"));
  for (const std::string w : {"waits[0].", "waits[1]."}) {
    if (v.at(w + "en") != 0) text += fmt::format(" wait s{} -{}", v.at(w + "id"), v.at(w + "n"));
  }
  for (const std::string p : {"post[0].", "post[1]."}) {
    if (v.at(p + "en") == 0) continue;
    const bool remote = p == "post[0]." && v.at("post[0].remote") != 0;
    text += fmt::format(" {} s{} +{}", remote ? "rpost" : "post", v.at(p + "id"), v.at(p + "n"));
  }
  if (v.at("irq") != 0) text += " irq";
  if (v.at("overlap") != 0) text += " overlap";
  return text + fmt::format(" {:x} {:x} {:x} {:x}", v.at("arg0"), v.at("arg1"), v.at("arg2"),
                            v.at("arg3"));
}

std::string done_text(const Values& v) {
  if (v.at("err") == 0) return fmt::format("#{} ok", v.at("id"));
  const auto err = pick({"Ok", "Opcode", "Context", "Zero", "Shape", "Range", "Bus"}, v.at("err"));
  const auto info = v.at("err") == 6 ? " " + error_name(v.at("info")) : "";
  return fmt::format("?red?#{} {}{} {:x}", v.at("id"), err, info, v.at("addr"));
}

std::string insn_text(const Values& v) {
  const auto pc = static_cast<std::uint32_t>(v.at("pc"));
  if (v.at("intr") != 0) return fmt::format("?orange?{:x}: interrupt {}", pc, v.at("cause") & 31);
  const auto text = disassemble(static_cast<std::uint32_t>(v.at("insn")), pc);
  if (v.at("trap") != 0) return fmt::format("?red?{:x}: trap {} {}", pc, v.at("cause"), text);
  return fmt::format("{:x}: {}", pc, text);
}

std::string row_text(const Values& v) {
  const auto command = v.at("row_cmd");
  const auto name = pick({"Act", "Pre", "RefPb", "RefAb", "Mrs", "Pde", "Sre", "Pdx"}, command);
  if (command == 0) return fmt::format("Act b{} {:x}", v.at("row_bank"), v.at("row"));
  if (command == 4) return fmt::format("Mrs m{}={}", v.at("row_bank"), v.at("row") & 255);
  return command <= 2 ? fmt::format("{} b{}", name, v.at("row_bank")) : name;
}

std::string col_text(const Values& v) {
  return fmt::format("{} b{} {:x}", pick({"Rd", "Wr", "Mrr"}, v.at("col_cmd")), v.at("col_bank"),
                     v.at("col"));
}

std::string state_text(const Values& v) {
  return pick({"", "Busy", "?blue?WaitSem", "?orange?Starved", "?orange?Blocked",
               "?yellow?Conflict", "Config"},
              v.at(""));
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

std::string filter_text(std::string_view name, const std::string& hex) {
  static const std::map<std::string_view, std::string (*)(const Values&)> texts = {
      {"flit", flit_text}, {"cmd", command_text}, {"done", done_text},  {"insn", insn_text},
      {"row", row_text},   {"col", col_text},     {"state", state_text}};
  const auto text = texts.find(name);
  if (text == texts.end() || hex.empty()) return hex;
  if (hex.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return hex;
  Bits bits(hex);
  Values values;
  const auto& fields = find_format(name)->fields;
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    values[field->path] = bits.take(field->width);
  }
  // GTKWave shows the number again if a filter answers nothing: a blank it is.
  const auto out = bits.take(1) != 0 ? text->second(values) : "";
  return out.empty() ? " " : out;
}

}  // namespace tsr::waves
