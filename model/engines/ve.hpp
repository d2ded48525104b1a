// SPDX-License-Identifier: Apache-2.0
/// Functional vector engine: its configuration as it lies in a context, and one OpVec command on a
/// scratchpad image. Written from the contract on plain arrays, without the hardware's structure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engines/agu.hpp"
#include "engines/me.hpp"
#include "numerics/vector.hpp"

namespace tsr::engines {

inline constexpr unsigned kVeLanes = 16;
inline constexpr unsigned kVeStages = 8;
inline constexpr unsigned kVeConstants = 8;

using numerics::ElementFormat;
using numerics::Rounding;
using numerics::VecOp;

/// Operand sources (src_e); constant k is K0 + k.
enum class VeSrc : std::uint8_t {
  V0 = 0,
  V1 = 1,
  V2 = 2,
  V3 = 3,
  Lane = 4,
  Elem = 5,
  Acc = 6,
  Zero = 7,
  K0 = 8
};

/// Operand of a stage: abs, then neg, act on bit 31.
struct VeOperand {
  VeSrc src = VeSrc::Zero;
  bool abs = false;
  bool neg = false;
};

/// One stage (stage_cfg_t).
struct VeStage {
  VecOp op = VecOp::Pass;
  VeOperand a, b, c;
  unsigned exch = 0;  // lane l takes b from lane l ^ exch, or (rot) from lane (l + exch) mod 16
  bool rot = false;
  unsigned dst = 4;  // V0..V3, or 4: none
  Rounding rm = Rounding::NearestEven;
  bool acc_en = false;
  unsigned acc_loop = 0;
  unsigned acc_init = 0;  // constant that the accumulator starts from

  static VeStage from_word(std::uint64_t word);
  std::uint64_t to_word() const;
};

/// Input port (in_port_t).
struct VeInPort {
  ElementFormat format = ElementFormat::Bf16;
  bool en = false;
  bool to_f = false;    // integer formats become FP32
  bool scalar = false;  // one element for all lanes
  unsigned hold_loop = 0;
  bool hold_two = false;
  bool skip = false;  // groups behind the last valid byte of a beat are left out
  bool chain = false;

  static VeInPort from_word(std::uint32_t word);
  std::uint32_t to_word() const;
};

/// Output port (out_port_t).
struct VeOutPort {
  ElementFormat format = ElementFormat::Bf16;
  bool en = false;
  unsigned src = 0;  // V0..V3, 4 reduction value, 5 reduction index
  Rounding rm = Rounding::NearestEven;
  bool sat = false;
  bool from_i = false;
  bool scalar = false;
  bool on_last = false;
  unsigned loop = 0;
  bool mx = false;
  bool chain = false;
  bool skip = false;

  static VeOutPort from_word(std::uint32_t word);
  std::uint32_t to_word() const;
};

/// Reduction behind the last stage (red_e).
enum class VeRed : std::uint8_t {
  None = 0,
  SumF = 1,
  MaxF = 2,
  MinF = 3,
  ArgMaxF = 4,
  ArgMinF = 5,
  SumI = 6,
  MaxI = 7,
  MinI = 8,
  ArgMaxI = 9,
  ArgMinI = 10
};

/// reduce_cfg_t.
struct VeReduce {
  VeRed op = VeRed::None;
  unsigned src = 0;  // V0..V3
  unsigned loop = 0;
  unsigned elem_loop = 0;  // element numbers start again after last[elem_loop]

  static VeReduce from_word(std::uint32_t word);
  std::uint32_t to_word() const;
};

/// Rows RowVe and RowVeIo.
struct VeConfig {
  std::array<VeStage, kVeStages> stage{};
  std::array<std::uint32_t, kVeConstants> k{};
  std::array<VeInPort, 3> in{};
  std::array<VeOutPort, 2> out{};
  VeReduce reduce;
  std::uint32_t seed = 0;
  unsigned patch = 0;  // bit k: constant k comes from command word 10 + k

  static VeConfig from_rows(const ContextRow& stages, const ContextRow& io);
  ContextRow stage_row() const;
  ContextRow io_row() const;
};

/// Rows of a context, in the store's order.
struct VeContext {
  ContextRow stages{}, io{};
  std::array<ContextRow, 3> in{};
  std::array<ContextRow, 2> out{};
};

/// What an OpVec command brings.
struct VeCommand {
  std::array<std::uint32_t, 5> base{};      // words 5..9: I0, I1, I2, O0, O1
  std::array<std::uint32_t, 5> constant{};  // words 10..14
};

/// A beat between the matrix engine and the vector engine. Masked bytes are zero.
struct VeBeat {
  std::array<std::uint8_t, 64> data{};
  std::uint64_t strb = 0;
  unsigned last = 0;
  bool fin = false;
};

/// One access of an output port. Byte i of `data` belongs to lane i / 8 and is written if
/// access.strb has bit i set.
struct VeWrite {
  Access access;
  std::array<std::uint8_t, 64> data{};
};

/// Which stages have a multiplier, and which special functions: bit s stands for stage s.
struct VeStageMasks {
  unsigned fma = 0x4b;
  unsigned sfu = 0x24;
};

struct VeResult {
  CmdError error = CmdError::Ok;
  std::uint32_t address = 0;                   // CmdError::Range: the base or access address
  std::uint64_t groups = 0;                    // that entered the pipeline
  bool nan = false;                            // a result was NaN
  bool overflow = false;                       // one was infinite or too large for its format
  std::array<std::vector<VeWrite>, 2> writes;  // of O0 and O1, in order
  std::vector<VeBeat> chain_out;               // beats to the matrix engine
  std::size_t chain_used = 0;                  // beats of `chain_in` taken
};

/// The hardware accepts rows RowVe and RowVeIo: opcodes that the stage has; sources, loops, formats
/// and modes in range; I0 enabled and not scalar; chain only on I0 and O0; MX only for an element
/// format of FP32 values, every group, with O1 enabled for the scales. Ports that are off are not
/// looked at, nor is O1 under MX. The rows of the streams in use must be legal too, without gather
/// and, for outputs, without transpose.
bool ve_legal(const VeConfig& config, const VeStageMasks& masks = {});

/// Why a command cannot start, or Ok.
struct VeCheck {
  CmdError error = CmdError::Ok;
  std::uint32_t address = 0;  // CmdError::Range: the first illegal base
};
VeCheck ve_check(const VeContext& context, const VeCommand& command,
                 const VeStageMasks& masks = {});

/// Run one OpVec. Reads see `spm` as it was at the start: a command must not read what it writes
/// later. Where the contract leaves a choice:
/// - A beat with `skip` and no valid byte still is one group (it may bring tags); a scalar beat
///   without a valid byte is one element.
/// - Without `last[loop]` the reduction gives R = RI = 0; RI is 0 for reductions without index.
///   Max/min order -0 before +0 also for the index. A reduction of no valid lane: sums 0, FP
///   max/min the canonical NaN, integer max/min the smallest/largest integer, index 0.
/// - I1 or I2 that ends before I0, or of which a whole beat is left at the end: CmdError::Shape
///   (missing elements count as zero).
/// - A flushed beat is zero behind its last element. An MX block that ends early has fewer
/// elements;
///   only valid lanes count for its scale.
/// - Chain-out beats: masked lanes are zero and not in `strb`.
/// - CmdError::Range wins over CmdError::Shape; out-of-range reads count as zeros, out-of-range
/// writes
///   are left out.
VeResult ve_run(const VeContext& context, const VeCommand& command,
                const std::vector<std::uint8_t>& spm, const std::vector<VeBeat>& chain_in = {},
                const VeStageMasks& masks = {});

/// Write a result's accesses into `spm`.
void ve_apply(const VeResult& result, std::vector<std::uint8_t>& spm);

/// As ve_run() and ve_apply(), much faster. `writes` of the result stays empty; `observer`, which
/// may be null, gets them.
VeResult ve_execute(const VeContext& context, const VeCommand& command,
                    std::vector<std::uint8_t>& spm, const std::vector<VeBeat>& chain_in = {},
                    const VeStageMasks& masks = {}, WriteObserver* observer = nullptr);

}  // namespace tsr::engines
