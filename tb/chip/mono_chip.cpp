// SPDX-License-Identifier: Apache-2.0
#include "mono_chip.hpp"

#include <verilated.h>

#include <memory>
#include <vector>

#include "Vmono_t4.h"
#include "Vmono_t4___024root.h"
#include "common/bench.hpp"
#include "config.hpp"
#include "dram/dfi_port.hpp"
#include "dram/dram_device.hpp"
#include "dram/dram_profile.hpp"

namespace tsr::tb {
namespace {

constexpr unsigned kNodes = 8;
constexpr unsigned kMemories = 2;
constexpr unsigned kResetCycles = 8;  // as Kernel::reset()

/// The DFI ports of one memory node, named as tsr_mem names them.
struct DfiPins {
  std::uint32_t dfi_cmd_o[4] = {};
  std::uint64_t dfi_wstrb_o = 0;
  std::uint32_t dfi_wdata_o[16] = {};
  std::uint32_t dfi_wside_o = 0;
  std::uint32_t dfi_rvalid_i = 0;
  std::uint32_t dfi_rdata_i[16] = {};
  std::uint32_t dfi_rside_i = 0;
};

struct MonoDram {
  explicit MonoDram(const DramTiming& timing) : device(timing), port(device) {}

  DramDevice device;
  DfiPort port;
  DfiPins pins;
};

class MonoChip {
 public:
  MonoChip() {
    const auto profile = load_dram_profile(dram_profile_file(load_config("t4")));
    for (unsigned i = 0; i < kMemories; ++i) {
      drams_.push_back(std::make_unique<MonoDram>(profile.timing));
    }
    model_.uart_rx_i = 1;
    model_.rst_ni = 0;
    for (unsigned i = 0; i < kResetCycles; ++i) tick();
    model_.rst_ni = 1;
  }
  ~MonoChip() { model_.final(); }

  Vmono_t4& pins() { return model_; }

  /// One cycle with the inputs as they are.
  void tick() {
    model_.clk_i = 0;
    model_.eval();
    for (unsigned i = 0; i < kMemories; ++i) sample(i);
    model_.clk_i = 1;
    model_.eval();
    for (unsigned i = 0; i < kMemories; ++i) drive(i);
  }

  /// Append the flits that the routers' outputs hold.
  void collect(std::uint64_t cycle, std::vector<FlitEvent>& flits) const {
    const auto& root = *model_.rootp;
    for (unsigned node = 0; node < kNodes; ++node) {
      const auto add = [&](unsigned net, unsigned valid, const auto& words) {
        for (unsigned port = 0; port < kNumDirs; ++port) {
          if ((valid >> port & 1U) == 0) continue;
          FlitEvent& event = flits.emplace_back();
          event.cycle = cycle;
          event.node = node;
          event.link = net * kNumDirs + port;
          for (unsigned i = 0; i < kFlitWords; ++i) event.words[i] = words[port * kFlitWords + i];
        }
      };
      add(0, root.tsr_t4__DOT__u_chip__DOT__req_tx_valid[node],
          root.tsr_t4__DOT__u_chip__DOT__req_tx_flit[node]);
      add(1, root.tsr_t4__DOT__u_chip__DOT__rsp_tx_valid[node],
          root.tsr_t4__DOT__u_chip__DOT__rsp_tx_flit[node]);
    }
  }

  /// Message of the first DRAM timing violation, or "".
  std::string violation() const {
    for (const auto& dram : drams_) {
      if (!dram->device.violations().empty()) return dram->device.violations().front().message;
    }
    return "";
  }

 private:
  void sample(unsigned i) {
    auto& pins = drams_[i]->pins;
    for (unsigned w = 0; w < 4; ++w) pins.dfi_cmd_o[w] = model_.dfi_cmd_o[4 * i + w];
    pins.dfi_wstrb_o = get_bits(model_.dfi_wstrb_o, 64 * i, 64);
    for (unsigned w = 0; w < 16; ++w) pins.dfi_wdata_o[w] = model_.dfi_wdata_o[16 * i + w];
    pins.dfi_wside_o = static_cast<std::uint32_t>(model_.dfi_wside_o >> (32 * i));
    drams_[i]->port.sample(pins);
  }
  void drive(unsigned i) {
    auto& pins = drams_[i]->pins;
    drams_[i]->port.drive(pins);
    const unsigned both = 3U << (2 * i);
    model_.dfi_rvalid_i = (model_.dfi_rvalid_i & ~both) | pins.dfi_rvalid_i << (2 * i);
    for (unsigned w = 0; w < 16; ++w) model_.dfi_rdata_i[16 * i + w] = pins.dfi_rdata_i[w];
    model_.dfi_rside_i = (model_.dfi_rside_i & ~(0xffffffffULL << (32 * i))) |
                         std::uint64_t{pins.dfi_rside_i} << (32 * i);
  }

  VerilatedContext context_;
  Vmono_t4 model_{&context_, "mono"};
  std::vector<std::unique_ptr<MonoDram>> drams_;
};

// rtl/ctl/tsr_ctl_pkg.sv: host_req_t, host_rsp_t.
void send(Vmono_t4& pins, const HostRequest& request) {
  auto& port = pins.host_req_i;
  for (unsigned i = 0; i < request.data.size(); ++i) port[i] = request.data[i];
  set_bits(port, 512, 6, request.tag);
  set_bits(port, 518, 64, request.write ? request.strobe : request.bytes);
  set_bits(port, 582, 56, request.address);
  set_bits(port, 638, 1, request.write ? 1 : 0);
}

HostResponse response_of(const Vmono_t4& pins) {
  HostResponse response;
  const auto& port = pins.host_rsp_o;
  for (unsigned i = 0; i < response.data.size(); ++i) response.data[i] = port[i];
  response.error = static_cast<unsigned>(get_bits(port, 512, 3));
  response.tag = static_cast<std::uint8_t>(get_bits(port, 515, 6));
  return response;
}

}  // namespace

Record replay_monolithic(const Record& composed, std::string& error) {
  Record record;
  MonoChip chip;
  auto& pins = chip.pins();
  bool interrupt = false;
  std::size_t next_request = 0;
  std::size_t compared = 0;
  for (std::uint64_t cycle = 0; cycle < composed.cycles; ++cycle) {
    const bool sends =
        next_request < composed.requests.size() && composed.requests[next_request].cycle == cycle;
    pins.host_req_valid_i = sends;
    if (sends) {
      record.requests.push_back(composed.requests[next_request++]);
      send(pins, record.requests.back().request);
    }
    chip.tick();
    record.cycles = cycle + 1;
    chip.collect(cycle, record.flits);
    if (pins.host_rsp_valid_o) record.responses.push_back({cycle, response_of(pins)});
    if (interrupt != bool{pins.host_irq_o != 0}) {
      interrupt = !interrupt;
      record.interrupts.push_back({cycle, interrupt});
    }
    if (pins.fatal_o) error = "the watchdog declares the chip dead";
    // Do not simulate on when the two have come apart.
    for (; compared < record.flits.size(); ++compared) {
      if (compared >= composed.flits.size() ||
          !(record.flits[compared] == composed.flits[compared])) {
        return record;
      }
    }
  }
  if (error.empty()) error = chip.violation();
  return record;
}

}  // namespace tsr::tb
