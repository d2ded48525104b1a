// SPDX-License-Identifier: Apache-2.0
/// What TLM endpoints and the TLM network say to each other: TLM-2.0 generic payloads with the
/// network's header as an extension.
///
/// Protocol, over nb_transport: an initiator calls nb_transport_fw with BEGIN_REQ and a delay. It
/// gets TLM_COMPLETED, then the payload holds the answer and the delay says when it arrives; or
/// TLM_ACCEPTED, then the answer comes later through nb_transport_bw with BEGIN_RESP (which is
/// answered TLM_COMPLETED). Posted messages are completed when the network has taken them; the
/// delay then says when. Delays count from Timeline::now() of the chip, one cycle is kCycle.
///
/// A payload's data pointer is the initiator's buffer (acquire() the payload until the answer has
/// come). Reads: 1..256 bytes inside a 256-byte granule. Writes: an aligned 64-byte block, byte
/// enables are the strobe. Addresses are global (noc/address_map.hpp), for messages to a rectangle
/// node-local. response_status: TLM_OK_RESPONSE, or TLM_GENERIC_ERROR_RESPONSE with `err` set.
/// Atomics: TLM_WRITE_COMMAND, 8 bytes, operand and expected value; the old value comes back in the
/// first word. SemPost: no data, `doff` as in the flit.
///
/// A posted message may also be answered TLM_ACCEPTED, then BEGIN_RESP comes when the network has
/// taken it. A request that a dead link swallows is TLM_ACCEPTED and never answered.
///
/// A block of a spread read comes to the nodes that listen as a message of kind kReadRsp that is
/// always completed: TLM_WRITE_COMMAND, an aligned block of 64 bytes, `strb`, `doff` (scratchpad
/// offset of the block's byte 0), `listen`, `owner`, `poison`; the delay says when it arrives. A
/// target copies what it needs after the call.
#pragma once

#include <array>
#include <systemc>
#include <tlm>

#include "noc/flit.hpp"

namespace tsr {

/// Header of a message: the fields of hdr_t that mean something above the link. See tsr_pkg.sv.
struct Message : tlm::tlm_extension<Message> {
  Kind kind = Kind::kNone;
  Amo amo = Amo::kAdd;
  Err err = Err::kNone;  ///< of the answer
  bool poison = false;   ///< of the answer, or of written data
  bool cls = false;      ///< arbitration class
  bool vc = false;       ///< virtual channel
  bool mcast = false;    ///< to every node of `dst`; else dst.lo == dst.hi
  bool spread = false;   ///< Read: answer to every node of `spread_dst`
  Rect dst;
  Node src;
  std::uint8_t tag = 0;
  std::uint32_t doff = 0;   ///< Read: destination offset at the initiator, 24 bits
  Rect spread_dst;          ///< Read with spread
  Listen listen;            ///< Read with spread
  std::uint64_t strb = 0;   ///< Write, WritePosted: byte enables of the block; Atomic: of the word
  std::uint64_t birth = 0;  ///< cycle from which its age counts
  Node owner;               ///< ReadRsp of a spread read: who asked
  /// Answer of a Read: cycle in which each 64-byte block of the granule leaves the target, and in
  /// what the initiator gets, arrives. Zero: with the delay.
  std::array<std::uint64_t, 4> ready{};

  tlm::tlm_extension_base* clone() const override { return new Message(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const Message&>(other);
  }
};

/// One cycle of the chip's clock, 800 MHz.
inline const sc_core::sc_time kCycle{1250, sc_core::SC_PS};
/// The same in SystemC's resolution, which is a picosecond: the chip checks it.
inline constexpr std::uint64_t kCycleValue = 1250;

/// Delays of up to so many cycles are looked up: SystemC makes them in a function of its library.
inline constexpr std::uint64_t kShortDelay = 1024;
inline std::array<sc_core::sc_time, kShortDelay> short_delays() {
  std::array<sc_core::sc_time, kShortDelay> times;
  for (std::uint64_t i = 0; i < kShortDelay; ++i) {
    times[i] = sc_core::sc_time::from_value(i * kCycleValue);
  }
  return times;
}
inline const std::array<sc_core::sc_time, kShortDelay> kShortDelays = short_delays();

inline sc_core::sc_time to_time(std::uint64_t cycles) {
  if (cycles < kShortDelay) return kShortDelays[cycles];
  return sc_core::sc_time::from_value(cycles * kCycleValue);
}
inline std::uint64_t to_cycles(const sc_core::sc_time& time) { return time.value() / kCycleValue; }

}  // namespace tsr
