// SPDX-License-Identifier: Apache-2.0
#include "../host_target/host_port.hpp"
#include "../uart/uart_terminal.hpp"
#include "Vpl_ctl.h"
#include "Vpl_ctl___024root.h"
#include "jtag_pins.hpp"
#include "probe_port.hpp"
#include "verilated_node.hpp"

namespace tsr {
namespace {

// rtl/ctl/tsr_ctl_pkg.sv
constexpr std::uint32_t kSpmBytes = 65536;
constexpr unsigned kHostDepth = 8;
constexpr unsigned kDataWords = 16;
constexpr unsigned kReqTag = 512, kReqStrobe = 518, kReqAddress = 582, kReqWrite = 638;
constexpr unsigned kRspError = 512, kRspTag = 515;
constexpr unsigned kFuseTiles = 0, kFuseDeadTiles = 64, kFuseDeadEast = 128, kFuseDeadSouth = 192,
                   kFuseBits = 257;

template <class Wide>
void put(Wide& words, unsigned low, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i) {
    const unsigned bit = low + i;
    const std::uint32_t mask = 1U << (bit % 32);
    words[bit / 32] = (value >> i & 1U) != 0 ? words[bit / 32] | mask : words[bit / 32] & ~mask;
  }
}

template <class Wide>
unsigned get(const Wide& words, unsigned low, unsigned width) {
  unsigned value = 0;
  for (unsigned i = 0; i < width; ++i) {
    const unsigned bit = low + i;
    value |= ((words[bit / 32] >> (bit % 32)) & 1U) << i;
  }
  return value;
}

class Ctl final : public VerilatedNode<Vpl_ctl, Ctl> {
 public:
  Ctl(const NodeStraps& straps, const ChipFuses& fuses, HostPort& host, UartTerminal& uart,
      JtagPins& jtag)
      : VerilatedNode(straps), host_(host), uart_(uart), jtag_(jtag) {
    model_.node_i = static_cast<SData>(straps.node.pack());
    set_config(model_.cfg_i, *straps.config);
    put(model_.fuse_i, 0, kFuseBits - 64, 0);
    put(model_.fuse_i, kFuseTiles, 64, fuses.tiles);
    put(model_.fuse_i, kFuseDeadTiles, 64, fuses.dead_tiles);
    put(model_.fuse_i, kFuseDeadEast, 64, fuses.dead_east);
    put(model_.fuse_i, kFuseDeadSouth, 64, fuses.dead_south);
    put(model_.fuse_i, kFuseBits - 1, 1, fuses.debug_open ? 1 : 0);
    model_.uart_rx_i = 1;
    model_.host_req_valid_i = 0;
    count_select_out = &model_.router_sel_o;
    count_in = &model_.router_cnt_i;
  }

  void before_edge(std::uint64_t now) {
    model_.now_i = now;
    port_.cycle = now;
    model_.jtag_tck_i = jtag_.tck ? 1 : 0;
    model_.jtag_tms_i = jtag_.tms ? 1 : 0;
    model_.jtag_tdi_i = jtag_.tdi ? 1 : 0;
    model_.jtag_trst_ni = jtag_.trst_n ? 1 : 0;
    model_.host_req_valid_i = 0;
    if (!host_.requests.empty() && credits_ != 0 && model_.rst_ni != 0) {
      if (host_.on_request) host_.on_request(host_.requests.front());
      send(host_.requests.front());
      host_.requests.pop_front();
      --credits_;
    }
  }

  void after_edge(std::uint64_t now) {
    if (model_.rst_ni == 0) return;
    if (port_.probe != nullptr) port_.sample(model_.retire_o);
    if (shows_trap(model_.retire_o)) last_trap = now;
    credits_ += model_.host_credit_o;
    jtag_.tdo = model_.jtag_tdo_o != 0;
    if (model_.host_rsp_valid_o != 0) receive();
    if (interrupt_ != (model_.host_irq_o != 0)) {
      interrupt_ = model_.host_irq_o != 0;
      host_.on_interrupt(interrupt_);
    }
    if (model_.fatal_o != 0 && !fatal_) {
      fatal_ = true;
      host_.on_watchdog();
    }
    uart_.sample(now, model_.uart_tx_o != 0);
  }

  bool held_awake() const { return !host_.requests.empty(); }
  bool halted() const { return model_.halted_o != 0; }

  void set_probe(NodeProbe* probe) override {
    port_.probe = probe;
    port_.spm_bytes = kSpmBytes;
    model_.rootp->tsr_ctl__DOT__u_node__DOT__u_probe__DOT__handle =
        probe != nullptr ? port_.handle() : 0;
  }

 private:
  void send(const HostRequest& request) {
    auto& port = model_.host_req_i;
    for (unsigned i = 0; i < kDataWords; ++i) port[i] = request.data[i];
    put(port, kReqTag, 6, request.tag);
    put(port, kReqStrobe, 64, request.write ? request.strobe : request.bytes);
    put(port, kReqAddress, 56, request.address);
    put(port, kReqWrite, 1, request.write ? 1 : 0);
    model_.host_req_valid_i = 1;
  }

  void receive() {
    const auto& port = model_.host_rsp_o;
    HostResponse response;
    for (unsigned i = 0; i < kDataWords; ++i) response.data[i] = port[i];
    response.error = get(port, kRspError, 3);
    response.tag = static_cast<std::uint8_t>(get(port, kRspTag, 6));
    host_.on_response(response);
  }

  HostPort& host_;
  UartTerminal& uart_;
  ProbePort port_;
  JtagPins& jtag_;
  unsigned credits_ = kHostDepth;
  bool interrupt_ = false;
  bool fatal_ = false;
};

}  // namespace

std::unique_ptr<NodeModel> make_ctl(const NodeStraps& straps, const ChipFuses& fuses,
                                    HostPort& host, UartTerminal& uart, JtagPins& jtag) {
  return std::make_unique<Ctl>(straps, fuses, host, uart, jtag);
}

}  // namespace tsr
