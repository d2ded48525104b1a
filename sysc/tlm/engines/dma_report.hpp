// SPDX-License-Identifier: Apache-2.0
/// Tells a node's observer what RDMA and WDMA send and get, in the pieces and with the fields of
/// the RTL. The models know answers before they come: the cycle may lie ahead.
#pragma once

#include <algorithm>
#include <cstring>

#include "probe/node_probe.hpp"
#include "tlm/message.hpp"

namespace tsr {

class DmaReport {
 public:
  DmaReport(NodeProbe& probe, Engine engine) : probe_(probe), engine_(engine) {}

  void request(std::uint64_t cycle, const tlm::tlm_generic_payload& payload) {
    const auto& message = *payload.get_extension<Message>();
    DmaRequest out;
    out.engine = engine_;
    out.tag = message.tag;
    out.kind = static_cast<std::uint8_t>(message.kind);
    out.multicast = message.mcast;
    out.address = payload.get_address();
    if (message.mcast) {
      out.rect = message.dst.lo.pack() | message.dst.hi.pack() << 12;
      out.address = node_address(message.dst.lo, static_cast<std::uint32_t>(out.address));
    }
    if (message.kind == Kind::kRead) {
      out.doff = message.doff;
      out.strobe = payload.get_data_length();
    } else {
      out.strobe = message.strb;
      std::memcpy(out.data.data(), payload.get_data_ptr(), sizeof(out.data));
    }
    probe_.dma_request(cycle, out);
  }

  /// The answer: an error, the acknowledgement of a write, or all blocks of a read whose first byte
  /// is meant for `doff`. `tag` as in the request: the node has put its own into the payload.
  void response(std::uint64_t cycle, const tlm::tlm_generic_payload& payload, unsigned tag,
                std::uint32_t doff) {
    const bool read = engine_ == Engine::Rdma;
    const auto& message = *payload.get_extension<Message>();
    DmaResponse out;
    out.engine = engine_;
    out.tag = static_cast<std::uint8_t>(tag);
    out.address = payload.get_address();
    if (payload.get_response_status() != tlm::TLM_OK_RESPONSE) {
      out.kind = static_cast<std::uint8_t>(Kind::kErrRsp);
      out.error = static_cast<std::uint8_t>(message.err);
      return probe_.dma_response(cycle, out);
    }
    out.error = static_cast<std::uint8_t>(message.poison ? Err::kPoison : Err::kNone);
    out.kind = static_cast<std::uint8_t>(read ? Kind::kReadRsp : Kind::kWriteRsp);
    if (!read) return probe_.dma_response(cycle, out);
    blocks(cycle, payload, out, doff);
  }

  /// A block of another node's spread read; its address is not known here.
  void heard(std::uint64_t cycle, std::uint32_t doff, const std::uint8_t* data,
             std::uint64_t strobe) {
    DmaResponse out;
    out.engine = engine_;
    out.kind = static_cast<std::uint8_t>(Kind::kReadRsp);
    out.heard = true;
    out.doff = doff;
    out.strobe = strobe;
    std::memcpy(out.data.data(), data, sizeof(out.data));
    probe_.dma_response(cycle, out);
  }

 private:
  void blocks(std::uint64_t cycle, const tlm::tlm_generic_payload& payload, DmaResponse& out,
              std::uint32_t doff) {
    const std::uint64_t address = payload.get_address();
    const std::uint64_t end = address + payload.get_data_length();
    for (std::uint64_t block = address & ~std::uint64_t{63}; block < end; block += 64) {
      const std::uint64_t low = std::max(block, address), high = std::min(block + 64, end);
      const std::uint64_t bytes = high - low;
      out.address = block;
      out.doff = static_cast<std::uint32_t>(doff + block - address) & 0xff'ffffU;
      out.strobe = (bytes == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bytes) - 1)
                   << (low - block);
      out.data = {};
      std::memcpy(reinterpret_cast<std::uint8_t*>(out.data.data()) + (low - block),
                  payload.get_data_ptr() + (low - address), bytes);
      probe_.dma_response(cycle, out);
    }
  }

  NodeProbe& probe_;
  Engine engine_;
};

}  // namespace tsr
