// SPDX-License-Identifier: Apache-2.0
/// Parts of the host library that need no chip: the TLM target in front of the host port, the boot
/// image, the allocator, names.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <zlib.h>

#include <cstring>
#include <map>
#include <random>
#include <systemc>

#include "elf/elf.hpp"
#include "error.hpp"
#include "heap.hpp"
#include "host_target/host_target.hpp"
#include "image.hpp"
#include "names.hpp"
#include "tessera_abi.h"

namespace tsr {
namespace {

/// Stands for the chip: memory behind the host port, answers in random order.
class FakeChip : public sc_core::sc_module {
 public:
  explicit FakeChip(sc_core::sc_module_name name)
      : sc_module(name),
        target_("target", port_,
                {[this] { advance(); }, [this] { ++stops_; }, [this] { ++wakes_; }}) {
    socket_.bind(target_.socket);
  }

  tlm::tlm_response_status transfer(bool write, std::uint64_t address,
                                    std::vector<std::uint8_t>& data) {
    tlm::tlm_generic_payload payload;
    payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    payload.set_data_ptr(data.data());
    payload.set_data_length(static_cast<unsigned>(data.size()));
    payload.set_streaming_width(static_cast<unsigned>(data.size()));
    return send(payload);
  }
  tlm::tlm_response_status send(tlm::tlm_generic_payload& payload) {
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket_->b_transport(payload, delay);
    return payload.get_response_status();
  }

  std::map<std::uint64_t, std::uint8_t> memory;
  std::uint64_t bad_block = ~0ULL;  ///< answers ErrForbidden
  std::uint64_t end = ~0ULL;        ///< from here on: ErrUnmapped
  std::size_t most_outstanding = 0;
  unsigned stops_ = 0, wakes_ = 0;
  const HostTarget& target() const { return target_; }

 private:
  void advance() {
    while (!port_.requests.empty()) {
      taken_.push_back(port_.requests.front());
      port_.requests.pop_front();
    }
    most_outstanding = std::max(most_outstanding, taken_.size());
    ASSERT_FALSE(taken_.empty());
    const auto index = rng_() % taken_.size();
    const HostRequest request = taken_[index];
    taken_.erase(taken_.begin() + static_cast<std::ptrdiff_t>(index));
    const std::uint64_t block = request.address & ~63ULL;
    HostResponse answer;
    answer.tag = request.tag;
    auto* bytes = reinterpret_cast<std::uint8_t*>(answer.data.data());
    if (block >= end) {
      answer.error = 1;
    } else if (block == bad_block) {
      answer.error = 2;
    } else if (request.write) {
      EXPECT_EQ(request.address, block);
      const auto* data = reinterpret_cast<const std::uint8_t*>(request.data.data());
      for (unsigned i = 0; i < 64; ++i) {
        if ((request.strobe >> i & 1) != 0) memory[block + i] = data[i];
      }
    } else {
      EXPECT_LE(request.address % 64 + request.bytes, 64U);
      for (unsigned i = 0; i < 64; ++i) bytes[i] = 0xee;
      for (unsigned i = 0; i < request.bytes; ++i) {
        bytes[request.address % 64 + i] = memory[request.address + i];
      }
    }
    port_.on_response(answer);
  }

  HostPort port_;
  HostTarget target_;
  tlm_utils::simple_initiator_socket<FakeChip> socket_{"socket"};
  std::vector<HostRequest> taken_;
  std::mt19937_64 rng_{1};
};

/// SystemC allows one design a process: all tests share it.
FakeChip& chip() {
  static FakeChip fake("fake");
  fake.memory.clear();
  fake.bad_block = fake.end = ~0ULL;
  return fake;
}

TEST(HostTarget, MovesAnyLengthAtAnyAlignment) {
  auto& fake = chip();
  std::mt19937_64 rng(3);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t address = 0x10'0000'0000 + rng() % 300;
    std::vector<std::uint8_t> data(1 + rng() % 5000);
    for (auto& byte : data) byte = static_cast<std::uint8_t>(rng());
    const auto before = fake.memory;
    ASSERT_EQ(fake.transfer(true, address, data), tlm::TLM_OK_RESPONSE);
    std::vector<std::uint8_t> back(data.size());
    ASSERT_EQ(fake.transfer(false, address, back), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(back, data);
    for (const auto& [at, byte] : before) {
      if (at < address || at >= address + data.size()) {
        ASSERT_EQ(fake.memory[at], byte) << "a byte outside changed";
      }
    }
  }
  EXPECT_EQ(fake.most_outstanding, HostTarget::kMaxOutstanding);
}

TEST(HostTarget, ReportsTheFirstRefusal) {
  auto& fake = chip();
  std::vector<std::uint8_t> data(1000);
  fake.bad_block = 0x1080;
  EXPECT_EQ(fake.transfer(true, 0x1004, data), tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(fake.target().last_error().error, 2U);
  EXPECT_EQ(fake.target().last_error().address, 0x1080U);
  fake.bad_block = ~0ULL;
  fake.end = 0x1000;
  EXPECT_EQ(fake.transfer(false, 0x1004, data), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  fake.end = ~0ULL;
  EXPECT_EQ(fake.transfer(false, 0x1004, data), tlm::TLM_OK_RESPONSE)
      << "works again after an error";
}

TEST(HostTarget, RefusesWhatItDoesNotServe) {
  auto& fake = chip();
  unsigned char data[8] = {}, enable[8] = {};
  tlm::tlm_generic_payload payload;
  payload.set_command(tlm::TLM_READ_COMMAND);
  payload.set_data_ptr(data);
  payload.set_data_length(8);
  payload.set_streaming_width(4);
  EXPECT_EQ(fake.send(payload), tlm::TLM_BURST_ERROR_RESPONSE);
  payload.set_streaming_width(8);
  payload.set_byte_enable_ptr(enable);
  payload.set_byte_enable_length(8);
  EXPECT_EQ(fake.send(payload), tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  payload.set_byte_enable_ptr(nullptr);
  payload.set_command(tlm::TLM_IGNORE_COMMAND);
  EXPECT_EQ(fake.send(payload), tlm::TLM_COMMAND_ERROR_RESPONSE);
}

TEST(HostHeap, GivesAlignedDisjointPiecesAndTakesThemBack) {
  Heap heap(1 << 20);
  std::mt19937_64 rng(5);
  std::map<std::uint64_t, std::uint64_t> held;
  for (int i = 0; i < 5000; ++i) {
    if (held.empty() || rng() % 3 != 0) {
      const std::uint64_t bytes = 1 + rng() % 20'000;
      const std::uint64_t alignment = 1ULL << rng() % 13;
      const auto at = heap.allocate(bytes, alignment);
      if (!at) continue;
      EXPECT_EQ(*at % alignment, 0U);
      EXPECT_LE(*at + bytes, 1U << 20);
      const auto next = held.lower_bound(*at);
      if (next != held.end()) EXPECT_LE(*at + bytes, next->first);
      if (next != held.begin()) EXPECT_LE(std::prev(next)->first + std::prev(next)->second, *at);
      held[*at] = bytes;
    } else {
      auto it = held.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(rng() % held.size()));
      EXPECT_TRUE(heap.free(it->first));
      EXPECT_FALSE(heap.free(it->first));
      held.erase(it);
    }
  }
  for (const auto& piece : held) EXPECT_TRUE(heap.free(piece.first));
  EXPECT_EQ(heap.largest(), 1U << 20);
  EXPECT_FALSE(heap.allocate((1 << 20) + 1, 1));
}

TEST(HostNames, CoverTheCodesAndSaySoOtherwise) {
  EXPECT_EQ(trap_name(5), "load access fault");
  EXPECT_EQ(trap_name(9), "unknown trap cause 9");
  EXPECT_EQ(command_error_name(3), "zero elements or iterations");
  EXPECT_EQ(network_error_name(2), "access forbidden");
  EXPECT_EQ(engine_name(2), "matrix engine");
  EXPECT_EQ(engine_name(7), "unknown engine 7");
}

}  // namespace
}  // namespace tsr
