// SPDX-License-Identifier: Apache-2.0
/// Network flits in C++: mirror of `flit_t` in rtl/common/tsr_pkg.sv.
#pragma once

#include <array>
#include <cstdint>

#include "noc/address_map.hpp"

namespace tsr {

enum class Kind : std::uint8_t {
  kNone = 0,
  kRead = 1,
  kWrite = 2,
  kWritePosted = 3,
  kAtomic = 4,
  kSemPost = 5,
  kReadRsp = 8,
  kWriteRsp = 9,
  kErrRsp = 10
};

enum class Amo : std::uint8_t {
  kAdd = 0,
  kAnd = 1,
  kOr = 2,
  kSwap = 3,
  kCas = 4,
  kMin = 5,
  kMax = 6
};

/// Why a request failed.
enum class Err : std::uint8_t {
  kNone = 0,
  kUnmapped = 1,
  kForbidden = 2,
  kUnsupported = 3,
  kTimeout = 4,
  kPoison = 5,
  kBusy = 6,
  kParity = 7
};

/// Router port order.
enum class Dir : std::uint8_t { kLocal = 0, kNorth = 1, kEast = 2, kSouth = 3, kWest = 4 };

constexpr unsigned kNumDirs = 5;
constexpr unsigned kNumVcs = 2;
/// Flits of buffer per VC at every receiver.
constexpr unsigned kVcDepth = 8;
/// Bits, 64-bit lanes and 32-bit words of a packed flit.
constexpr unsigned kFlitBits = 768;
constexpr unsigned kFlitLanes = 12;
constexpr unsigned kFlitWords = 24;
/// Bits of a flit's birth: ages count modulo 2^16.
constexpr unsigned kAgeBits = 16;

/// What the nodes that listen to a ReadRsp by multicast do when they have stored it (`listen_t`).
struct Listen {
  bool post = false;  ///< add 1 to semaphore `sem`
  unsigned sem = 0;

  std::uint8_t pack() const { return static_cast<std::uint8_t>((post ? 16U : 0U) | (sem & 15U)); }
};

/// data[0] of a Read with `spread` (`spread_t`): who gets the answer.
inline std::uint64_t pack_spread(const Rect& rect, Listen listen = {}) {
  return rect.lo.pack() | std::uint64_t{rect.hi.pack()} << 12 | std::uint64_t{listen.pack()} << 24;
}

/// One message: header beside 64 bytes of data. Field meanings: `hdr_t` and `kind_e` in tsr_pkg.sv.
struct Flit {
  std::uint8_t rsvd = 0;    ///< 7 bits; of a ReadRsp by multicast: Listen
  Node owner;               ///< of a ReadRsp by multicast: who asked
  bool spread = false;      ///< of a Read: answer by multicast, see pack_spread()
  bool par = false;         ///< see seal()
  std::uint8_t dpar = 0;    ///< see seal()
  std::uint16_t birth = 0;  ///< low kAgeBits of the time when it was first offered
  Kind kind = Kind::kNone;
  Err err = Err::kNone;
  bool poison = false;
  Amo amo = Amo::kAdd;
  bool cls = false;
  bool vc = false;
  bool mcast = false;
  Rect dst;
  Node src;
  std::uint8_t tag = 0;
  std::uint32_t doff = 0;  ///< 24 bits
  std::uint64_t strb = 0;
  std::uint64_t addr = 0;  ///< 56 bits
  std::uint8_t spare = 0;
  std::array<std::uint64_t, 8> data{};

  /// Packed as twelve 64-bit lanes, least significant first: data, then the header.
  std::array<std::uint64_t, kFlitLanes> to_lanes() const {
    std::array<std::uint64_t, kFlitLanes> lanes{};
    for (unsigned i = 0; i < 8; ++i) lanes[i] = data[i];
    const std::uint64_t hi = dst.hi.pack();
    lanes[8] = spare | addr << 8;
    lanes[9] = strb;
    lanes[10] = (doff & 0xffffffU) | std::uint64_t{tag} << 24 | std::uint64_t{src.pack()} << 32 |
                std::uint64_t{dst.lo.pack()} << 44 | hi << 56;
    lanes[11] = hi >> 8 | std::uint64_t{mcast} << 4 | std::uint64_t{vc} << 5 |
                std::uint64_t{cls} << 6 | std::uint64_t(amo) << 7 | std::uint64_t{poison} << 11 |
                std::uint64_t(err) << 12 | std::uint64_t(kind) << 15 | std::uint64_t{birth} << 19 |
                std::uint64_t{dpar} << 35 | std::uint64_t{par} << 43 | std::uint64_t{spread} << 44 |
                std::uint64_t{owner.pack()} << 45 | std::uint64_t{rsvd} << 57;
    return lanes;
  }

  static Flit from_lanes(const std::array<std::uint64_t, kFlitLanes>& lanes) {
    Flit f;
    for (unsigned i = 0; i < 8; ++i) f.data[i] = lanes[i];
    const auto bits = [&lanes](unsigned lane, unsigned low, unsigned width) {
      return static_cast<std::uint32_t>((lanes[lane] >> low) & ((1ULL << width) - 1));
    };
    f.spare = static_cast<std::uint8_t>(bits(8, 0, 8));
    f.addr = lanes[8] >> 8;
    f.strb = lanes[9];
    f.doff = bits(10, 0, 24);
    f.tag = static_cast<std::uint8_t>(bits(10, 24, 8));
    f.src = Node::unpack(bits(10, 32, 12));
    f.dst.lo = Node::unpack(bits(10, 44, 12));
    f.dst.hi = Node::unpack(bits(10, 56, 8) | bits(11, 0, 4) << 8);
    f.mcast = bits(11, 4, 1) != 0;
    f.vc = bits(11, 5, 1) != 0;
    f.cls = bits(11, 6, 1) != 0;
    f.amo = static_cast<Amo>(bits(11, 7, 4));
    f.poison = bits(11, 11, 1) != 0;
    f.err = static_cast<Err>(bits(11, 12, 3));
    f.kind = static_cast<Kind>(bits(11, 15, 4));
    f.birth = static_cast<std::uint16_t>(bits(11, 19, kAgeBits));
    f.dpar = static_cast<std::uint8_t>(bits(11, 35, 8));
    f.par = bits(11, 43, 1) != 0;
    f.spread = bits(11, 44, 1) != 0;
    f.owner = Node::unpack(bits(11, 45, 12));
    f.rsvd = static_cast<std::uint8_t>(bits(11, 57, 7));
    return f;
  }

  /// Write the flit into 24 consecutive 32-bit words (a slice of a Verilator vector).
  void to_words(std::uint32_t* words) const {
    const auto lanes = to_lanes();
    for (unsigned i = 0; i < kFlitLanes; ++i) {
      words[2 * i] = static_cast<std::uint32_t>(lanes[i]);
      words[2 * i + 1] = static_cast<std::uint32_t>(lanes[i] >> 32);
    }
  }

  static Flit from_words(const std::uint32_t* words) {
    std::array<std::uint64_t, kFlitLanes> lanes{};
    for (unsigned i = 0; i < kFlitLanes; ++i) {
      lanes[i] = words[2 * i] | std::uint64_t{words[2 * i + 1]} << 32;
    }
    return from_lanes(lanes);
  }

  /// XOR of every header bit but `par`, as `hdr_parity`.
  bool header_parity() const {
    const auto lanes = to_lanes();
    return (__builtin_parityll(lanes[8] ^ lanes[9] ^ lanes[10] ^ lanes[11]) != 0) != par;
  }

  /// Parity of each 64-bit lane, as `data_parity`.
  std::uint8_t data_parity() const {
    unsigned parity = 0;
    for (unsigned i = 0; i < 8; ++i) {
      parity |= static_cast<unsigned>(__builtin_parityll(data[i])) << i;
    }
    return static_cast<std::uint8_t>(parity);
  }

  /// Compute `dpar` and `par`, as a sender does last.
  void seal() {
    dpar = data_parity();
    par = header_parity();
  }

  /// Direct the flit at one node.
  void set_dst(Node node) { dst = {node, node}; }

  friend bool operator==(const Flit& a, const Flit& b) { return a.to_lanes() == b.to_lanes(); }
  friend bool operator!=(const Flit& a, const Flit& b) { return !(a == b); }
};

}  // namespace tsr
