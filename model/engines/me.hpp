// SPDX-License-Identifier: Apache-2.0
/// Functional matrix engine: one OpGemm command on a scratchpad image, and the golden GEMM for
/// hosts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engines/agu.hpp"
#include "numerics/format.hpp"

namespace tsr::engines {

/// Why a command failed (cmd_err_e).
enum class CmdError : std::uint8_t {
  Ok = 0,
  Opcode = 1,
  Context = 2,
  Zero = 3,
  Shape = 4,
  Range = 5,
  Bus = 6
};

/// Formats of operands (fmt_e); numerics::is_matrix_format tells which are legal.
using MeFormat = numerics::ElementFormat;

/// Context row 0 of the matrix engine.
struct MeConfig {
  MeFormat format = MeFormat::Bf16;    // of A
  bool preload = false;                // accumulators start from stream C instead of zero
  bool relu = false;                   // negative results drain as +0
  bool out_bf16 = false;               // BF16 results; needs floating-point ones
  MeFormat format_b = MeFormat::Bf16;  // of B: equal, both FP8, or both FP6
  bool mx = false;                     // block scales from streams SA and SB
  unsigned kloop = 0;    // a block ends when loops 0..kloop of A and B end together; 0..5
  bool chain_a = false;  // A comes from the vector engine
  bool chain_o = false;  // results go to the vector engine

  /// Both operands in one format, or in two that go together.
  void set_formats(MeFormat a, MeFormat b) {
    format = a;
    format_b = b;
  }
  void set_format(MeFormat both) { set_formats(both, both); }
  bool int32_results() const;

  static MeConfig from_row(const ContextRow& row);
  ContextRow to_row() const;
  static bool legal(const ContextRow& row);
};

/// Rows of a context that the matrix engine reads.
struct MeContext {
  ContextRow me{}, a{}, b{}, c{}, o{}, scale{};
};

/// Scales of one operand (scale_agu_t).
struct ScaleConfig {
  std::uint32_t pitch = 0;              // bytes between rows, multiple of 8
  std::array<std::int32_t, 6> delta{};  // loop 0 counts accesses, 1..5 are the operand's loops

  /// From plain strides: iteration i of loop j is at i * stride[j]. `count0`: accesses of loop 0,
  /// scale_accesses() of the operand; `operand` gives the other counts.
  void set_strides(const std::array<std::int32_t, 6>& stride, const AguConfig& operand,
                   unsigned count0);
};

/// Scale accesses of one run of an operand's loop 0 of `beats` iterations.
unsigned scale_accesses(MeFormat format, std::uint32_t beats);

/// Context row of both operands' scales (scale_cfg_t).
ContextRow scale_row(const ScaleConfig& a, const ScaleConfig& b);

/// Everything that decides what a command does. `base`: arguments 0..3, scratchpad offsets of A, B,
/// C, O; `scale_base`: words 10 and 11.
struct MeJob {
  MeContext context;
  std::array<std::uint32_t, 4> base{};
  std::array<std::uint32_t, 2> scale_base{};
  unsigned grid = 8;  // rows and columns of cells: 4, 8 or 16

  /// From the eight rows of a context and the sixteen words of a command.
  static MeJob from_words(const std::array<ContextRow, 8>& rows,
                          const std::array<std::uint32_t, 16>& command, unsigned grid = 8);
};

/// What goes between matrix and vector engine.
struct MeChain {
  std::vector<StreamBeat> in;   // beats of A; `last` bit kloop ends a block
  std::size_t taken = 0;        // of `in`
  std::vector<StreamBeat> out;  // 16 results each; `last` bit 0: of a block, bit 5: of the command
};

struct MeResult {
  CmdError error = CmdError::Ok;
  std::uint32_t address = 0;  // CmdError::Range: the illegal base, or that of the access
  std::uint64_t beats = 0;    // of A and B
  bool nan = false;           // a result was NaN
  bool overflow = false;      // a finite sum was rounded to infinity
};

/// What a command is going to do, or why it cannot start.
struct MePlan {
  CmdError error = CmdError::Ok;
  std::uint32_t address = 0;  // CmdError::Range: the illegal base
  std::uint64_t blocks = 0;   // of results
  std::uint64_t beats = 0;    // of A and B for each block
  unsigned pre_beats = 0;     // of C for each block, if there is a preload
  unsigned out_beats = 0;     // of results for each block
};
MePlan me_plan(const MeJob& job);

/// Run one OpGemm. An illegal command changes nothing. After CmdError::Range on an access, blocks
/// before the failing one are written. `chain` may be null if the command does not use it,
/// `observer` if nobody wants to know what is written.
MeResult run_gemm(const MeJob& job, std::vector<std::uint8_t>& spm, MeChain* chain = nullptr,
                  WriteObserver* observer = nullptr);

/// As above on the 8 x 8 grid, without block scales.
MeResult run_gemm(const MeContext& context, const std::array<std::uint32_t, 4>& base,
                  std::vector<std::uint8_t>& spm);

/// C[m][n] = act(A[m][k] * B[n][k]^T + bias[n]) on host memory.
struct GemmShape {
  std::size_t m = 0, n = 0, k = 0;        // elements, any positive size
  std::size_t lda = 0, ldb = 0, ldc = 0;  // bytes between rows
  MeFormat format = MeFormat::Bf16;       // elements of A, and of B unless both FP8 or both FP6
  bool relu = false;
  bool out_bf16 = false;               // C holds BF16 instead of FP32; INT8 and INT4 give INT32
  MeFormat format_b = MeFormat::Bf16;  // of B, if `mixed`
  bool mixed = false;
  bool mx = false;  // block scales: one byte for each row and 32 elements of K
  const std::uint8_t* scale_a = nullptr;
  const std::uint8_t* scale_b = nullptr;
  std::size_t ld_scale_a = 0, ld_scale_b = 0;  // bytes between rows of scales
};

/// Golden GEMM: bit for bit what the hardware gives when one command covers all of K in order, in
/// groups of as many elements as a cell takes at once, the tail filled with zeros. `bias`: n FP32
/// or INT32 bit patterns, or nullptr. Rows of 4-bit elements are packed, element 0 in bits 3:0.
void gemm(const GemmShape& shape, const void* a, const void* b, const std::uint32_t* bias, void* c);

}  // namespace tsr::engines
