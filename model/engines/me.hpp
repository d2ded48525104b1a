// SPDX-License-Identifier: Apache-2.0
/// Functional matrix engine: one OpGemm command on a scratchpad image, and the golden GEMM for
/// hosts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engines/agu.hpp"

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

enum class MeFormat : std::uint8_t { Bf16 = 0, Int8 = 1 };

/// Context row 0 of the matrix engine.
struct MeConfig {
  MeFormat format = MeFormat::Bf16;
  bool preload = false;   // accumulators start from stream C instead of zero
  bool relu = false;      // negative results drain as +0
  bool out_bf16 = false;  // BF16 results; needs MeFormat::Bf16

  static MeConfig from_row(const ContextRow& row);
  ContextRow to_row() const;
  static bool legal(const ContextRow& row);
};

/// Rows of a context, in the store's order.
struct MeContext {
  ContextRow me{}, a{}, b{}, c{}, o{};
};

struct MeResult {
  CmdError error = CmdError::Ok;
  std::uint32_t address = 0;  // CmdError::Range of an access: its base
  std::uint64_t beats = 0;    // of A and B; 256 (BF16) or 512 (INT8) multiply-adds each
};

/// Run one OpGemm. `base` are the command's arguments 0..3: scratchpad offsets of A, B, C, O.
/// An illegal command changes nothing. After CmdError::Range on an access, blocks before the
/// failing one are written.
MeResult run_gemm(const MeContext& context, const std::array<std::uint32_t, 4>& base,
                  std::vector<std::uint8_t>& spm);

/// C[m][n] = act(A[m][k] * B[n][k]^T + bias[n]) on host memory.
struct GemmShape {
  std::size_t m = 0, n = 0, k = 0;        // elements, any positive size
  std::size_t lda = 0, ldb = 0, ldc = 0;  // bytes between rows
  MeFormat format = MeFormat::Bf16;       // elements of A and B: BF16 bit patterns or int8_t
  bool relu = false;
  bool out_bf16 = false;  // C holds BF16 instead of FP32 (BF16 only); INT8 gives INT32
};

/// Golden GEMM: bit for bit what the hardware gives when one command covers all of K, in groups of
/// 4 (BF16) or 8 (INT8) elements in order, the tail filled with zeros. `bias`: n FP32 or INT32 bit
/// patterns, or nullptr.
void gemm(const GemmShape& shape, const void* a, const void* b, const std::uint32_t* bias, void* c);

}  // namespace tsr::engines
