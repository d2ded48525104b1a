// SPDX-License-Identifier: Apache-2.0
#include "tlm/engines/compute_units.hpp"

#include <optional>

#include "tlm/engines/spm_report.hpp"

namespace tsr {

namespace {

constexpr unsigned kOpNop = 0x00;
constexpr unsigned kOpGemm = 0x21;
constexpr unsigned kOpVec = 0x31;

/// Cycles from the offer to the end of a command that the engine does not execute.
constexpr unsigned kNopConfig = 1;

ComputePlan without_run(engines::CmdError error, std::uint32_t address = 0) {
  ComputePlan plan;
  plan.outcome.error = static_cast<std::uint8_t>(error);
  plan.outcome.address = address;
  plan.time.config = kNopConfig;
  return plan;
}

/// A report to the observer of the node, if there is one.
std::optional<SpmReport> report(EngineHost& host, SpmWriter writer, std::size_t spm_bytes) {
  if (host.probe() == nullptr) return std::nullopt;
  return SpmReport(*host.probe(), host.timeline().now(), writer, spm_bytes);
}

engines::MeJob me_job(const EngineCommand& command, const Context& context, unsigned grid) {
  return engines::MeJob::from_words(context, command.words, grid);
}

engines::VeContext ve_context(const Context& rows) {
  return {rows[0], rows[1], {rows[2], rows[3], rows[4]}, {rows[5], rows[6]}};
}
engines::VeCommand ve_command(const EngineCommand& command) {
  engines::VeCommand out;
  for (unsigned i = 0; i < 5; ++i) {
    out.base[i] = command.words[5 + i];
    out.constant[i] = command.words[10 + i];
  }
  return out;
}

engines::TdmaCommand tdma_command(const EngineCommand& command, const Context& rows) {
  engines::TdmaCommand out;
  out.op = static_cast<std::uint8_t>(command.op());
  out.src = command.words[5];
  out.dst = command.words[6];
  out.index = command.words[7];
  out.pattern = command.words[9];
  out.tdma = rows[0];
  const bool transpose = out.op == static_cast<std::uint8_t>(engines::TdmaOp::Transpose);
  out.rd = transpose ? rows[1] : rows[3];
  out.wr = rows[2];
  return out;
}

}  // namespace

// ------------------------------------------------------------------ matrix engine

ComputePlan MatrixUnit::plan(const EngineCommand& command, const Context& context) {
  if (command.op() == kOpNop) return without_run(engines::CmdError::Ok);
  if (command.op() != kOpGemm) return without_run(engines::CmdError::Opcode);
  const engines::MeJob job = me_job(command, context, stores().setup.grid);
  const engines::MePlan checked = engines::me_plan(job);
  if (checked.error != engines::CmdError::Ok) return without_run(checked.error, checked.address);
  const engines::MeConfig me = engines::MeConfig::from_row(job.context.me);
  ComputePlan plan;
  plan.runs = true;
  plan.time = timing::me_occupancy(job, checked, stores().setup.spm_bytes);
  plan.chain_in = me.chain_a;
  plan.chain_out = me.chain_o;
  if (me.chain_a) plan.chained = checked.blocks * checked.beats * std::max(1U, job.grid / 8);
  return plan;
}

Outcome MatrixUnit::execute(const ComputeRun& run) {
  const engines::MeJob job = me_job(run.command, run.context, stores().setup.grid);
  engines::MeChain chain;
  if (run.plan.chain_in) chain.in = chains().take_for_me(run.plan.chained);
  auto observer = report(host(), SpmWriter::Me, stores().spm.size());
  const engines::MeResult result =
      engines::run_gemm(job, stores().spm, &chain, observer ? &*observer : nullptr);
  if (run.plan.chain_out) {
    // A command that fails still sends its results to the end; what they are does not matter.
    if (chain.out.empty() || (chain.out.back().last & 32U) == 0) chain.out.push_back({{}, 0, 33});
    chains().to_ve(chain.out);
  }
  meter().ops +=
      result.beats * timing::me_beat_ops(engines::MeConfig::from_row(job.context.me), job.grid);
  Outcome outcome;
  outcome.error = static_cast<std::uint8_t>(result.error);
  outcome.address = result.address;
  outcome.nan = result.nan;
  outcome.overflow = result.overflow;
  return outcome;
}

// ------------------------------------------------------------------ vector engine

ComputePlan VectorUnit::plan(const EngineCommand& command, const Context& context) {
  if (command.op() == kOpNop) return without_run(engines::CmdError::Ok);
  if (command.op() != kOpVec) return without_run(engines::CmdError::Opcode);
  const engines::VeContext rows = ve_context(context);
  const engines::VeCommand words = ve_command(command);
  const engines::VeCheck check = engines::ve_check(rows, words);
  if (check.error != engines::CmdError::Ok) return without_run(check.error, check.address);
  const engines::VeConfig config = engines::VeConfig::from_rows(rows.stages, rows.io);
  ComputePlan plan;
  plan.runs = true;
  plan.time = timing::ve_occupancy(rows, words, stores().setup.spm_bytes);
  plan.chain_in = config.in[0].chain;
  plan.chain_out = config.out[0].en && config.out[0].chain;
  return plan;
}

Outcome VectorUnit::execute(const ComputeRun& run) {
  std::vector<engines::VeBeat> beats;
  if (run.plan.chain_in) beats = chains().take_for_ve();
  auto observer = report(host(), SpmWriter::Ve, stores().spm.size());
  const engines::VeResult result =
      engines::ve_execute(ve_context(run.context), ve_command(run.command), stores().spm, beats, {},
                          observer ? &*observer : nullptr);
  if (run.plan.chain_out) chains().to_me(result.chain_out);
  meter().ops += result.groups * engines::kVeLanes;
  Outcome outcome;
  outcome.error = static_cast<std::uint8_t>(result.error);
  outcome.address = result.address;
  outcome.nan = result.error == engines::CmdError::Ok && result.nan;
  outcome.overflow = result.error == engines::CmdError::Ok && result.overflow;
  return outcome;
}

// ------------------------------------------------------------------ layout engine

ComputePlan LayoutUnit::plan(const EngineCommand& command, const Context& context) {
  if (command.op() == kOpNop) return without_run(engines::CmdError::Ok);
  const engines::TdmaCommand words = tdma_command(command, context);
  const engines::TdmaResult check = engines::tdma_check(words);
  if (check.error != engines::CmdError::Ok) {
    return without_run(check.error, static_cast<std::uint32_t>(check.address));
  }
  ComputePlan plan;
  plan.runs = true;
  plan.time = timing::tdma_occupancy(words, stores().setup.spm_bytes);
  return plan;
}

Outcome LayoutUnit::execute(const ComputeRun& run) {
  auto observer = report(host(), SpmWriter::Tdma, stores().spm.size());
  const engines::TdmaResult result = engines::tdma_run(
      tdma_command(run.command, run.context), stores().spm, observer ? &*observer : nullptr);
  meter().ops += result.bytes;
  Outcome outcome;
  outcome.error = static_cast<std::uint8_t>(result.error);
  outcome.address = result.address;
  return outcome;
}

}  // namespace tsr
