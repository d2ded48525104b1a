// SPDX-License-Identifier: Apache-2.0
#include "replay.hpp"

#include "engines/tdma.hpp"

namespace tsr::check {
namespace {

Ending ending(engines::CmdError error, std::uint64_t address, bool nan = false,
              bool overflow = false) {
  Ending end;
  end.error = static_cast<std::uint8_t>(error);
  end.address = address;
  if (error == engines::CmdError::Ok) {
    end.info = static_cast<std::uint8_t>((nan ? 1U : 0U) | (overflow ? 2U : 0U));
  }
  return end;
}

}  // namespace

Ending run_me(const Command& command, unsigned grid, std::vector<std::uint8_t>& spm,
              engines::MeChain& chain) {
  if (!is_gemm(command)) return ending(engines::CmdError::Opcode, 0);
  const auto job = engines::MeJob::from_words(command.rows, command.words, grid);
  const auto result = engines::run_gemm(job, spm, &chain);
  return ending(result.error, result.address, result.nan, result.overflow);
}

engines::VeResult run_ve(const Command& command, const std::vector<std::uint8_t>& spm,
                         const std::vector<engines::VeBeat>& chain, Ending& end) {
  if (!is_vec(command)) {
    end = ending(engines::CmdError::Opcode, 0);
    return {};
  }
  const auto& rows = command.rows;
  const engines::VeContext context{
      rows[0], rows[1], {rows[2], rows[3], rows[4]}, {rows[5], rows[6]}};
  engines::VeCommand args;
  for (unsigned i = 0; i < 5; ++i) {
    args.base[i] = command.words[5 + i];
    args.constant[i] = command.words[10 + i];
  }
  auto result = engines::ve_run(context, args, spm, chain);
  end = ending(result.error, result.address, result.nan, result.overflow);
  return result;
}

Ending run_tdma(const Command& command, std::vector<std::uint8_t>& spm) {
  engines::TdmaCommand tdma;
  tdma.op = command.opcode();
  tdma.src = command.words[5];
  tdma.dst = command.words[6];
  tdma.index = command.words[7];
  tdma.pattern = command.words[9];
  tdma.tdma = command.rows[0];
  const bool transpose = tdma.op == static_cast<std::uint8_t>(engines::TdmaOp::Transpose);
  tdma.rd = command.rows[transpose ? 1 : 3];
  tdma.wr = command.rows[2];
  const auto result = engines::tdma_run(tdma, spm);
  return ending(result.error, result.address);
}

SpmWrite masked(const engines::Access& access, const std::array<std::uint8_t, 64>& data,
                std::size_t spm_bytes) {
  SpmWrite write;
  write.strobe = access.strb;
  for (unsigned lane = 0; lane < 8; ++lane) {
    write.offset[lane] = access.lane[lane] & engines::kSpmAddressMask;
    if (write.offset[lane] + 8 > spm_bytes) write.strobe &= ~(0xffULL << (8 * lane));
  }
  std::memcpy(write.data.data(), data.data(), 64);
  return write;
}

SpmWrite gather(const engines::Access& access, const std::vector<std::uint8_t>& spm) {
  SpmWrite write = masked(access, {}, spm.size());
  for (unsigned lane = 0; lane < 8; ++lane) {
    if (write.offset[lane] + 8 <= spm.size()) {
      std::memcpy(&write.data[lane], &spm[write.offset[lane]], 8);
    }
  }
  return write;
}

std::optional<unsigned> byte_of(const SpmWrite& write, std::uint32_t offset) {
  for (unsigned lane = 8; lane-- > 0;) {  // the last lane of an access wins
    if (offset < write.offset[lane] || offset >= write.offset[lane] + 8) continue;
    const unsigned byte = 8 * lane + offset - write.offset[lane];
    if ((write.strobe >> byte & 1U) != 0) return byte;
  }
  return std::nullopt;
}

}  // namespace tsr::check
