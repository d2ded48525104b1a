// SPDX-License-Identifier: Apache-2.0
#include "probe_port.hpp"

#include <svdpi.h>

namespace {

using tsr::ProbePort;

// Scratchpad ports, rtl/tile/tsr_tile_pkg.sv.
constexpr unsigned kPortMeO = 3, kPortRdma = 4, kPortNi = 6, kPortCore = 7, kPortVeO0 = 11,
                   kPortVeO1 = 12, kPortTdmaWrite = 14;
constexpr std::uint32_t kSpmMask = (1U << 22) - 1;

ProbePort& port_of(std::uint64_t handle) {
  return *reinterpret_cast<ProbePort*>(static_cast<std::uintptr_t>(handle));
}

std::array<std::uint64_t, 8> lanes(const svBitVecVal* words) {
  std::array<std::uint64_t, 8> data{};
  for (unsigned i = 0; i < 8; ++i) data[i] = words[2 * i] | std::uint64_t{words[2 * i + 1]} << 32;
  return data;
}

tsr::SpmWriter writer(unsigned port) {
  switch (port) {
    case kPortMeO:
      return tsr::SpmWriter::Me;
    case kPortRdma:
      return tsr::SpmWriter::Rdma;
    case kPortNi:
      return tsr::SpmWriter::Network;
    case kPortVeO0:
    case kPortVeO1:
      return tsr::SpmWriter::Ve;
    case kPortTdmaWrite:
      return tsr::SpmWriter::Tdma;
    default:
      return tsr::SpmWriter::Core;
  }
}

}  // namespace

void tsr::ProbePort::report_outside() {
  for (const auto& change : outside_) {
    if (change.debug) {
      probe->debug_write(cycle, change.address, change.data);
    } else {
      probe->tcm_write(cycle, change.address, change.strobe, change.data);
    }
  }
  outside_.clear();
}

extern "C" {

void tsr_probe_write(std::uint64_t handle, unsigned port, unsigned base, unsigned pitch,
                     unsigned w_log2, std::uint64_t strobe, const svBitVecVal* data) {
  ProbePort& to = port_of(handle);
  tsr::SpmWrite write;
  write.writer = writer(port);
  write.port = port == kPortVeO1 ? 1 : 0;
  write.strobe = strobe;
  write.data = lanes(data);
  for (unsigned lane = 0; lane < 8; ++lane) {
    const unsigned in_group = lane & ((1U << w_log2) - 1);
    write.offset[lane] = (base + (lane >> w_log2) * pitch + in_group * 8) & kSpmMask;
    if (write.offset[lane] + 8 > to.spm_bytes) write.strobe &= ~(0xffULL << (8 * lane));
  }
  if (write.strobe != 0) to.probe->spm_write(to.cycle, write);
}

void tsr_probe_context(std::uint64_t handle, unsigned index, unsigned data) {
  ProbePort& to = port_of(handle);
  to.probe->context_write(to.cycle, index, data);
}

void tsr_probe_response(std::uint64_t handle, unsigned engine, unsigned tag, unsigned kind,
                        unsigned error, unsigned char heard, unsigned doff, std::uint64_t address,
                        std::uint64_t strobe, const svBitVecVal* data) {
  ProbePort& to = port_of(handle);
  tsr::DmaResponse response;
  response.engine = static_cast<tsr::Engine>(engine);
  response.tag = static_cast<std::uint8_t>(tag);
  response.kind = static_cast<std::uint8_t>(kind);
  response.error = static_cast<std::uint8_t>(error);
  response.heard = heard != 0;
  response.doff = doff;
  response.address = address;
  response.strobe = strobe;
  response.data = lanes(data);
  to.probe->dma_response(to.cycle, response);
}

void tsr_probe_request(std::uint64_t handle, unsigned engine, unsigned tag, unsigned kind,
                       unsigned rect, unsigned doff, std::uint64_t address, std::uint64_t strobe,
                       const svBitVecVal* data) {
  ProbePort& to = port_of(handle);
  tsr::DmaRequest request;
  request.engine = static_cast<tsr::Engine>(engine);
  request.tag = static_cast<std::uint8_t>(tag);
  request.kind = static_cast<std::uint8_t>(kind);
  request.multicast = (rect >> 24) != 0;
  request.rect = rect & 0xffffffU;
  request.doff = doff;
  request.address = address;
  request.strobe = strobe;
  request.data = lanes(data);
  to.probe->dma_request(to.cycle, request);
}

void tsr_probe_done(std::uint64_t handle, unsigned engine, unsigned id, unsigned error,
                    unsigned info, unsigned char given_up, std::uint64_t address) {
  ProbePort& to = port_of(handle);
  to.probe->command_done(
      to.cycle,
      {static_cast<tsr::Engine>(engine), static_cast<std::uint16_t>(id),
       static_cast<std::uint8_t>(error), static_cast<std::uint8_t>(info), address, given_up != 0});
}

void tsr_probe_start(std::uint64_t handle, unsigned engine, const svBitVecVal* words) {
  ProbePort& to = port_of(handle);
  tsr::CommandStart command;
  command.engine = static_cast<tsr::Engine>(engine);
  for (unsigned i = 0; i < command.words.size(); ++i) command.words[i] = words[i];
  to.probe->command_start(to.cycle, command);
}

void tsr_probe_core_start(std::uint64_t handle, unsigned pc) {
  ProbePort& to = port_of(handle);
  to.probe->core_start(to.cycle, pc & ~3U);
}

void tsr_probe_interrupts(std::uint64_t handle, unsigned mip) {
  ProbePort& to = port_of(handle);
  to.probe->interrupts(to.cycle, mip);
}

void tsr_probe_tcm(std::uint64_t handle, unsigned address, unsigned strobe, unsigned data) {
  port_of(handle).tcm_write(address & ~3U, static_cast<std::uint8_t>(strobe), data);
}

void tsr_probe_debug(std::uint64_t handle, unsigned address, unsigned data) {
  port_of(handle).debug_write(address, data);
}

}  // extern "C"
