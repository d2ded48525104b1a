// SPDX-License-Identifier: Apache-2.0
#include "view.hpp"

#include <fmt/format.h>

#include <fstream>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../fst/fst_file.hpp"

namespace tsr {
namespace {

constexpr const char* kEngineNames[] = {"RDMA", "WDMA", "ME", "VE", "TDMA"};
constexpr const char* kDecimal = "@24";
constexpr const char* kHex = "@22";
constexpr const char* kBinary = "@28";
constexpr const char* kByName = "@100000028";  // enums, whose names the trace has

/// A save file that grows. Rows whose signal does not exist are left out.
class View {
 public:
  explicit View(const FstFile& fst) : fst_(fst) {}

  void row(const char* format, const std::string& name, const std::string& signal) {
    const std::string full = fst_.full_name(signal);
    if (full.empty()) return;
    body_ << format << "\n+{" << name << "} " << full << "\n";
  }
  void open(const std::string& group) { body_ << "@800200\n-" << group << "\n"; }
  void close(const std::string& group) { body_ << "@1000200\n-" << group << "\n"; }
  std::string text() const { return body_.str(); }

 private:
  const FstFile& fst_;
  std::ostringstream body_;
};

/// Instances that have a core, "t4.tile_0_1" and the like, in the order of the trace.
std::vector<std::string> hart_nodes(const FstFile& fst) {
  std::vector<std::string> nodes;
  std::set<std::string> seen;
  for (const auto& name : fst.names()) {
    const auto first = name.find('.');
    const auto second = name.find('.', first + 1);
    if (second == std::string::npos) continue;
    const std::string node = name.substr(0, second);
    const std::string kind = name.substr(first + 1, 4);
    if ((kind == "tile" || kind == "ctl_") && seen.insert(node).second) nodes.push_back(node);
  }
  return nodes;
}

/// Scope of the hart node in an instance.
std::string inner(const std::string& node) {
  return node + (node.find(".ctl_") != std::string::npos ? ".tsr_ctl" : ".tsr_tile") + ".u_node";
}

void core(View& view, const std::string& node) {
  view.open("core");
  view.row(kBinary, "asleep (WFI)", inner(node) + ".core_wfi");
  view.row(kBinary, "retires", node + ".retire_o.valid");
  view.row(kHex, "pc", node + ".retire_o.pc");
  view.row(kHex, "instruction", node + ".retire_o.insn");
  view.row(kBinary, "trap", node + ".retire_o.trap");
  view.row(kHex, "cause", node + ".retire_o.cause");
  view.row(kHex, "trap value", node + ".retire_o.tval");
  view.row(kHex, "memory address", node + ".retire_o.mem_addr");
  view.row(kHex, "interrupts", inner(node) + ".irq_fast");
  view.close("core");
}

void engines(View& view, const std::string& node, bool all) {
  view.open("engines");
  for (unsigned e = 0; e < 5; ++e) {
    const std::string name = kEngineNames[e];
    view.row(kByName, name, fmt::format("{}.state[{}]", inner(node), e));
    view.row(kBinary, name + " done", fmt::format("{}.done[{}].valid", inner(node), e));
    view.row(kByName, name + " error", fmt::format("{}.done[{}].err", inner(node), e));
    if (!all) continue;
    const std::string queue = fmt::format("{}.gen_queue[{}].u_cmdq", inner(node), e);
    view.row(kDecimal, name + " queued", queue + ".count_q");
    view.row(kBinary, name + " stopped", queue + ".stopped_o");
    view.row(kBinary, name + " waits for semaphore", queue + ".wait_valid_o");
    view.row(kDecimal, name + " semaphore", queue + ".wait_o[0].id");
    view.row(kBinary, name + " offers", queue + ".cmd_valid_o");
    view.row(kByName, name + " command", queue + ".cmd_o.op");
    view.row(kDecimal, name + " command id", queue + ".cmd_o.id");
  }
  view.close("engines");
}

void semaphores(View& view, const std::string& node) {
  view.open("semaphores");
  for (unsigned s = 0; s < 16; ++s) {
    view.row(kDecimal, std::to_string(s), fmt::format("{}.sem_value[{}]", inner(node), s));
  }
  view.close("semaphores");
}

void link(View& view, const std::string& node, const char* name, const std::string& port) {
  const std::string at = node + "." + port;
  const auto dir = port.substr(port.size() - 2);
  const auto stem = at.substr(0, at.size() - 2);
  view.row(kBinary, name, stem + "_valid" + dir);
  view.row(kByName, std::string(name) + " kind", stem + "_flit" + dir + ".hdr.kind");
  view.row(kHex, std::string(name) + " address", stem + "_flit" + dir + ".hdr.addr");
}

void network(View& view, const std::string& node) {
  view.open("network interface");
  link(view, node, "request out", "req_tx_o");
  link(view, node, "response in", "rsp_rx_i");
  link(view, node, "request in", "req_rx_i");
  link(view, node, "response out", "rsp_tx_o");
  view.close("network interface");
  const auto dot = node.find('.');
  const std::string router = node.substr(0, dot) + ".router" + node.substr(node.find('_', dot));
  view.open("router");
  view.row(kBinary, "request in (WSENL)", router + ".req_rx_valid_i");
  view.row(kBinary, "request out (WSENL)", router + ".req_tx_valid_o");
  view.row(kBinary, "response in (WSENL)", router + ".rsp_rx_valid_i");
  view.row(kBinary, "response out (WSENL)", router + ".rsp_tx_valid_o");
  view.close("router");
}

}  // namespace

void write_view(const std::string& fst, const std::string& view_file, std::uint64_t cycle,
                std::optional<Node> node) {
  const FstFile file(fst);
  View view(file);
  const auto nodes = hart_nodes(file);
  if (!nodes.empty()) view.row(kDecimal, "cycle", nodes.front() + ".now_i");
  for (const auto& name : nodes) {
    const std::string place = name.substr(name.find('_') + 1);
    if (node && place != fmt::format("{}_{}", node->x, node->y)) continue;
    view.open(name);
    core(view, name);
    engines(view, name, node.has_value());
    if (node) {
      semaphores(view, name);
      network(view, name);
    }
    view.close(name);
  }
  std::ofstream out(view_file);
  const std::uint64_t mark = cycle * kWavePeriodPs;
  constexpr std::uint64_t kShown = 200 * kWavePeriodPs;
  out << "[*] Made by the flight recorder. The marker is the failure.\n[dumpfile] \"" << fst
      << "\"\n[timestart] " << (mark > kShown ? mark - kShown : 0)
      << "\n[size] 1800 1000\n[pos] -1 -1\n*-14.0 " << mark;
  for (int i = 0; i < 26; ++i) out << " -1";
  out << "\n[sst_width] 0\n[signals_width] 400\n[sst_expanded] 0\n" << view.text();
  if (!out.flush()) throw InputError(view_file + ": the save file cannot be written");
}

}  // namespace tsr
