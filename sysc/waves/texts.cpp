// SPDX-License-Identifier: Apache-2.0
#include "texts.hpp"

#include <fmt/format.h>

#include <vector>

#include "formats.hpp"

namespace tsr::waves {
namespace {

/// A value without a name is a number and a question mark: never at the beginning, where GTKWave
/// takes it for a colour.
std::string pick(const std::vector<const char*>& names, std::uint64_t value) {
  return value < names.size() && names[value] != nullptr ? names[value] : fmt::format("{}?", value);
}

std::string error_name(std::uint64_t err) {
  return pick(
      {"None", "Unmapped", "Forbidden", "Unsupported", "Timeout", "Poison", "Busy", "Parity"}, err);
}

constexpr std::uint64_t kRead = 1, kAtomic = 4, kSemPost = 5, kErrRsp = 10;

std::string kind_name(std::uint64_t kind) {
  return pick({"Beat", "Read", "Write", "WritePosted", "Atomic", "SemPost", nullptr, nullptr,
               "ReadRsp", "WriteRsp", "ErrRsp"},
              kind);
}

std::string atomic_name(std::uint64_t amo) {
  return pick({"Add", "And", "Or", "Swap", "Cas", "Min", "Max"}, amo);
}

/// Bytes that a message is about: a read names a number, others a mask.
std::uint64_t bytes_of(std::uint64_t kind, std::uint64_t strb) {
  return kind == kRead ? strb & 0x1ff : static_cast<std::uint64_t>(__builtin_popcountll(strb));
}

std::string message_text(const FieldValues& v) {
  const auto kind = v.at("kind");
  if (kind == kSemPost) {
    return fmt::format("s{} +{}", v.at("doff") & 15, v.at("doff") >> 8 & 255);
  }
  const auto what = kind == kAtomic ? atomic_name(v.at("amo")) + " " : "";
  return fmt::format("{}{:x} {}B", what, v.at("addr"), bytes_of(kind, v.at("strb")));
}

/// "x,y", or "x,y..x,y" for more than one node.
std::string nodes_text(const FieldValues& v, const std::string& rect, bool many) {
  auto text = fmt::format("{},{}", v.at(rect + ".lo.x"), v.at(rect + ".lo.y"));
  if (many) text += fmt::format("..{},{}", v.at(rect + ".hi.x"), v.at(rect + ".hi.y"));
  return text;
}

std::string opcode(std::uint64_t op) {
  static const std::map<std::uint64_t, const char*> names = {
      {0x00, "Nop"},    {0x01, "DmaRead"}, {0x02, "SpmFill"},  {0x03, "Spread"}, {0x11, "DmaWrite"},
      {0x12, "Mcast"},  {0x13, "DmaFill"}, {0x21, "Gemm"},     {0x31, "Vec"},    {0x41, "TCopy"},
      {0x42, "TTrans"}, {0x43, "TGather"}, {0x44, "TScatter"}, {0x45, "TFill"}};
  const auto found = names.find(op);
  return found == names.end() ? fmt::format("?red?Op{:02x}", op) : found->second;
}

std::string rectangle(const FieldValues& v) {
  return fmt::format("{},{}..{},{}", v.at("mcast_rect.x0"), v.at("mcast_rect.y0"),
                     v.at("mcast_rect.x1"), v.at("mcast_rect.y1"));
}

/// Arguments of a command, as its engine reads them.
std::string arguments(const FieldValues& v) {
  const auto a0 = v.at("arg0"), a1 = v.at("arg1"), a2 = v.at("arg2"), a3 = v.at("arg3");
  const auto source = a1 << 32 | a0, target = a3 << 32 | a2, pattern = v.at("pattern");
  switch (v.at("op")) {
    case 0x00:
      return "";
    case 0x01:
      return fmt::format(" {:x} > {:x}", source, a2);
    case 0x02:
      return fmt::format(" ={:x} > {:x}", pattern, a2);
    case 0x03:
      return fmt::format(" {:x} > {:x} of {}", source, a2, rectangle(v));
    case 0x11:
      return fmt::format(" {:x} > {:x}", a0, target);
    case 0x12:
      return fmt::format(" {:x} > {:x} of {}", a0, a2, rectangle(v));
    case 0x13:
      return fmt::format(" ={:x} > {:x}", pattern, target);
    case 0x21:
      return fmt::format(" A {:x} B {:x} C {:x} O {:x}", a0, a1, a2, a3);
    case 0x31:
      return fmt::format(" I {:x} {:x} {:x} O {:x} {:x}", a0, a1, a2, a3, pattern);
    case 0x41:
    case 0x42:
      return fmt::format(" {:x} > {:x}", a0, a1);
    case 0x43:
    case 0x44:
      return fmt::format(" {:x} > {:x} index {:x}", a0, a1, a2);
    case 0x45:
      return fmt::format(" ={:x} > {:x}", pattern, a1);
    default:
      return fmt::format(" {:x} {:x} {:x} {:x}", a0, a1, a2, a3);
  }
}

std::string one_wait(const FieldValues& v, const std::string& at) {
  return fmt::format("s{} -{}", v.at(at + "id"), v.at(at + "n"));
}

}  // namespace

std::string flit_text(const FieldValues& v) {
  const auto kind = v.at("kind");
  auto text = kind_name(kind);
  if (v.at("err") != 0 || kind == kErrRsp) text = "?red?" + text + " " + error_name(v.at("err"));
  text += fmt::format(" {},{}>{} {}", v.at("src.x"), v.at("src.y"),
                      nodes_text(v, "dst", v.at("mcast") != 0), message_text(v));
  text += fmt::format(" t{:02x} vc{}", v.at("tag"), v.at("vc"));
  if (v.at("spread") != 0) text += " spread";
  return v.at("poison") != 0 ? text + " poison" : text;
}

std::string request_text(const FieldValues& v) {
  auto text = kind_name(v.at("kind")) + " " + message_text(v);
  const bool many = v.at("mcast") != 0 || v.at("spread") != 0;
  if (many) text += " of " + nodes_text(v, "rect", true);
  return text + fmt::format(" t{:02x}", v.at("tag"));
}

std::string response_text(const FieldValues& v) {
  auto text = kind_name(v.at("kind"));
  if (v.at("err") != 0 || v.at("kind") == kErrRsp) {
    text = "?red?" + text + " " + error_name(v.at("err"));
  }
  text += fmt::format(" {:x} {}B t{:02x}", v.at("addr"), __builtin_popcountll(v.at("strb")),
                      v.at("tag"));
  if (v.at("heard") != 0) text += " heard";
  return v.at("poison") != 0 ? text + " poison" : text;
}

std::string host_text(const FieldValues& v) {
  const bool write = v.at("write") != 0;
  return fmt::format("{} {:x} {}B t{:02x}", write ? "Write" : "Read", v.at("addr"),
                     bytes_of(write ? 0 : kRead, v.at("strb")), v.at("tag"));
}

std::string command_text(const FieldValues& v) {
  auto text = fmt::format("{} #{} c{}", opcode(v.at("op")), v.at("id"), v.at("ctx"));
  for (const std::string w : {"waits[0].", "waits[1]."}) {
    if (v.at(w + "en") != 0) text += " wait " + one_wait(v, w);
  }
  for (const std::string p : {"post[0].", "post[1]."}) {
    if (v.at(p + "en") == 0) continue;
    const bool remote = p == "post[0]." && v.at("post[0].remote") != 0;
    text += fmt::format(" {} s{} +{}", remote ? "rpost" : "post", v.at(p + "id"), v.at(p + "n"));
  }
  if (v.at("irq") != 0) text += " irq";
  if (v.at("overlap") != 0) text += " overlap";
  return text + arguments(v);
}

std::string done_text(const FieldValues& v) {
  if (v.at("err") == 0) return fmt::format("#{} ok", v.at("id"));
  const auto err = pick({"Ok", "Opcode", "Context", "Zero", "Shape", "Range", "Bus"}, v.at("err"));
  const auto info = v.at("err") == 6 ? " " + error_name(v.at("info")) : "";
  return fmt::format("?red?#{} {}{} {:x}", v.at("id"), err, info, v.at("addr"));
}

std::string wait_text(const FieldValues& v) {
  std::string text;
  for (const std::string w : {"[0].", "[1]."}) {
    if (v.at(w + "en") != 0) text += (text.empty() ? "" : ", ") + one_wait(v, w);
  }
  return text;
}

std::string state_text(const FieldValues& v) {
  return pick({"?gray20?Idle", "Busy", "?blue?WaitSem", "?orange?Starved", "?orange?Blocked",
               "?yellow?Conflict", "Config"},
              v.at(""));
}

std::string insn_text(const FieldValues& v) {
  const auto pc = static_cast<std::uint32_t>(v.at("pc"));
  if (v.at("intr") != 0) return fmt::format("?orange?{:x}: interrupt {}", pc, v.at("cause") & 31);
  const auto text = disassemble(static_cast<std::uint32_t>(v.at("insn")), pc);
  if (v.at("trap") != 0) return fmt::format("?red?{:x}: trap {} {}", pc, v.at("cause"), text);
  return fmt::format("{:x}: {}", pc, text);
}

/// Row groups of 8 << w_log2 bytes lie `pitch` apart.
std::string spm_text(const FieldValues& v) {
  const unsigned groups = 8U >> v.at("w_log2");
  auto text = fmt::format("{} {:x}", v.at("write") != 0 ? "Write" : "Read", v.at("base"));
  if (groups > 1) text += fmt::format(" {}x{}B +{:x}", groups, 64 / groups, v.at("pitch"));
  const auto bytes = __builtin_popcountll(v.at("strb"));
  return bytes == 64 ? text : text + fmt::format(" {}B", bytes);
}

std::string beat_text(const FieldValues& v) {
  auto text = fmt::format("run {}", v.at("epoch"));
  if (v.at("last") != 0) text += fmt::format(" ends {:06b}", v.at("last"));
  const auto bytes = __builtin_popcountll(v.at("strb"));
  if (bytes != 64) text += fmt::format(" {}B", bytes);
  return v.at("fin") != 0 ? text + " fin" : text;
}

std::string register_text(const FieldValues& v) {
  const auto who = v.at("priv") != 0 ? " ctl" : "";
  if (v.at("write") == 0) return fmt::format("Read {:x}{}", v.at("addr"), who);
  return fmt::format("Write {:x}={:x}{}", v.at("addr"), v.at("wdata"), who);
}

std::string row_text(const FieldValues& v) {
  const auto command = v.at("row_cmd");
  const auto name = pick({"Act", "Pre", "RefPb", "RefAb", "Mrs", "Pde", "Sre", "Pdx"}, command);
  if (command == 0) return fmt::format("Act b{} {:x}", v.at("row_bank"), v.at("row"));
  if (command == 4) return fmt::format("Mrs m{}={}", v.at("row_bank"), v.at("row") & 255);
  return command <= 2 ? fmt::format("{} b{}", name, v.at("row_bank")) : name;
}

std::string column_text(const FieldValues& v) {
  return fmt::format("{} b{} {:x}", pick({"Rd", "Wr", "Mrr"}, v.at("col_cmd")), v.at("col_bank"),
                     v.at("col"));
}

std::string links_text(const FieldValues& v) {
  std::string text;
  for (unsigned i = 0; i < 5; ++i) {
    if ((v.at("") >> i & 1U) != 0) text += "LNESW"[i];
  }
  return text;
}

/// The order of rtl/tile/tsr_tile_pkg.sv.
std::string ports_text(const FieldValues& v) {
  static const char* const names[] = {"A",  "B",  "C",  "O",  "RDMA", "WDMA", "NI", "core",
                                      "I0", "I1", "I2", "O0", "O1",   "TR",   "TW"};
  std::string text;
  unsigned i = 0;
  for (const char* name : names) {
    if ((v.at("") >> i++ & 1U) != 0) text += (text.empty() ? "" : " ") + std::string(name);
  }
  return text;
}

}  // namespace tsr::waves
