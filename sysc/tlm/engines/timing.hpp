// SPDX-License-Identifier: Apache-2.0
/// How long things take in the RTL of a hart node, in cycles: one constant or small function for
/// each. README.md lists them with their sources.
#pragma once

#include <array>
#include <cstdint>

#include "engines/me.hpp"
#include "engines/tdma.hpp"
#include "engines/ve.hpp"

namespace tsr::timing {

// ------------------------------------------------------------------ command queue (rtl/tile)

/// Push to the offer to an idle engine, without waits.
inline constexpr unsigned kPushToOffer = 2;
/// What waits that hold already add.
inline constexpr unsigned kWait = 1;
/// End of the command that posts to the offer of one that waited for it.
inline constexpr unsigned kPostToOffer = 2;
/// A command is taken; the next one is offered.
inline constexpr unsigned kTakenToOffer = 2;

// ------------------------------------------------------------------ DMA (rtl/dma)

/// Command taken to its first request or fill access.
inline constexpr unsigned kRdmaTakenToFirst = 8;
inline constexpr unsigned kWdmaTakenToFirst = 10;
inline constexpr unsigned kWdmaFillTakenToFirst = 9;
/// Last answer to the end of the command.
inline constexpr unsigned kRdmaTail = 4;
inline constexpr unsigned kWdmaTail = 2;
/// A command that does nothing, or fails its checks: taken to its end.
inline constexpr unsigned kDmaNop = 3;
inline constexpr unsigned kDmaRefused = 8;
/// Reads of up to 256 bytes, writes of up to 64 bytes in flight; buffered posted writes.
inline constexpr unsigned kRdmaTags = 32;
inline constexpr unsigned kWdmaTags = 64;
inline constexpr unsigned kWdmaBuffer = 4;
/// Cycles without progress before a DMA command gives up, unless its context says otherwise.
inline constexpr std::uint32_t kDmaTimeout = 65536;
/// Cycles of a flit at the scratchpad: two if its bytes touch nine words there.
constexpr unsigned dma_flit(std::uint64_t offset, std::uint64_t bytes) {
  return offset % 8 + bytes > 64 ? 2 : 1;
}

// ------------------------------------------------------------------ scratchpad (rtl/spm)

/// Cycles of one access that nobody competes with: lanes in the busiest bank.
unsigned access_cycles(const engines::AguConfig& config, bool write);

/// Accesses that each hyperbank has to serve for a command, spread evenly over what a stream
/// touches.
class BankLoad {
 public:
  explicit BankLoad(std::uint32_t spm_bytes) : hyperbank_(spm_bytes / 8) {}
  /// `accesses` of `cycles` each in bytes `low`..`high` (inclusive).
  void add(std::int64_t low, std::int64_t high, std::uint64_t accesses, unsigned cycles);
  /// A whole stream.
  void add(const engines::AguConfig& config, std::uint32_t base, bool write);
  /// Cycles that the busiest hyperbank needs.
  std::uint64_t busiest() const;

 private:
  std::uint32_t hyperbank_;
  std::array<double, 8> load_{};
};

/// When the parts of a compute command begin and end.
struct Occupancy {
  unsigned config = 0;      ///< offer to ready to start, if nothing is fetched before
  unsigned lead = 0;        ///< start to the first beat
  std::uint64_t work = 0;   ///< cycles from the first beat to behind the last one
  std::uint64_t busy = 0;   ///< of these, with a beat
  unsigned drain = 0;       ///< behind the last beat to the end
  unsigned rows = 0;        ///< context rows fetched
  std::uint64_t first = 0;  ///< first beat to the first results for a chain
};

Occupancy me_occupancy(const engines::MeJob& job, const engines::MePlan& plan,
                       std::uint32_t spm_bytes);
/// Multiply-adds of a beat.
std::uint64_t me_beat_ops(const engines::MeConfig& config, unsigned grid);

/// `chain_groups`: groups that a chained input brings.
Occupancy ve_occupancy(const engines::VeContext& context, const engines::VeCommand& command,
                       std::uint32_t spm_bytes);
/// Groups that stream I0 brings.
std::uint64_t ve_groups(const engines::VeContext& context);

Occupancy tdma_occupancy(const engines::TdmaCommand& command, std::uint32_t spm_bytes);

}  // namespace tsr::timing
