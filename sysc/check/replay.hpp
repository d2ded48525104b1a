// SPDX-License-Identifier: Apache-2.0
/// Commands of matrix, vector and layout engine on the functional models.
#pragma once

#include <optional>
#include <vector>

#include "command.hpp"
#include "engines/me.hpp"
#include "engines/ve.hpp"

namespace tsr::check {

/// OpGemm, OpVec of tsr_tile_pkg::opcode_e.
inline bool is_gemm(const Command& command) {
  return command.engine == Engine::Me && command.opcode() == 0x21;
}
inline bool is_vec(const Command& command) {
  return command.engine == Engine::Ve && command.opcode() == 0x31;
}

/// Run a command of the matrix engine on `spm`. Throws std::out_of_range if `chain` has too few
/// beats.
Ending run_me(const Command& command, unsigned grid, std::vector<std::uint8_t>& spm,
              engines::MeChain& chain);
/// Run a command of the vector engine, which leaves `spm` alone; `ending` gets how it ends.
engines::VeResult run_ve(const Command& command, const std::vector<std::uint8_t>& spm,
                         const std::vector<engines::VeBeat>& chain, Ending& ending);
/// Run a command of the layout engine on `spm`.
Ending run_tdma(const Command& command, std::vector<std::uint8_t>& spm);

/// A write with the lanes of an access and these bytes; lanes behind `spm_bytes` are left out.
SpmWrite masked(const engines::Access& access, const std::array<std::uint8_t, 64>& data,
                std::size_t spm_bytes);
/// The same with the bytes that lie there.
SpmWrite gather(const engines::Access& access, const std::vector<std::uint8_t>& spm);

/// Which of its 64 bytes a write puts at a scratchpad offset, if it does.
std::optional<unsigned> byte_of(const SpmWrite& write, std::uint32_t offset);

/// A write behind number `index` of a list writes the byte at `offset` again.
template <class List, class Of>
bool overwritten(std::uint32_t offset, std::size_t index, const List& list, const Of& of) {
  for (std::size_t i = index + 1; i < list.size(); ++i) {
    if (byte_of(of(list[i]), offset)) return true;
  }
  return false;
}

}  // namespace tsr::check
