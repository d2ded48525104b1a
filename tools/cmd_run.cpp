// SPDX-License-Identifier: Apache-2.0
/// `tessera run`: an ELF file on the tiles, or a built-in job.
#include <fmt/format.h>

#include <filesystem>
#include <sstream>

#include "buffers.hpp"
#include "commands.hpp"
#include "jobs/mlp.hpp"
#include "session.hpp"

namespace tsr::tools {
namespace {

struct RunOptions {
  SessionOptions session;
  std::string what;
  std::string kernel;
  std::vector<unsigned> tiles;
  std::vector<std::uint32_t> args;
  Buffers buffers;
  std::uint32_t timeout = 0;
  unsigned retries = 0;
  MlpOptions mlp;
};

/// The kernel to start: the one asked for, or the program's only one.
std::string choose_kernel(const Platform& chip, const RunOptions& options) {
  if (!options.kernel.empty()) return options.kernel;
  const auto kernels = chip.kernels();
  if (kernels.size() == 1) return kernels.front();
  std::string names;
  for (const auto& name : kernels) names += " " + name;
  throw InputError(fmt::format("{}: {} kernels (functions kernel_*). Choose one with --kernel:{}",
                               options.what, kernels.size(), names));
}

Rect choose_tiles(const Platform& chip, const RunOptions& options) {
  if (options.tiles.empty()) return chip.all_tiles();
  const Rect rect{{options.tiles[0], options.tiles[1]}, {options.tiles[2], options.tiles[3]}};
  const auto& config = chip.config();
  if (rect.lo.x > rect.hi.x || rect.lo.y > rect.hi.y ||
      rect.hi.x >= static_cast<unsigned>(config.mesh_w) ||
      rect.hi.y >= static_cast<unsigned>(config.mesh_h)) {
    throw InputError("--tiles X0 Y0 X1 Y1: the rectangle is empty or leaves the mesh");
  }
  for (unsigned y = rect.lo.y; y <= rect.hi.y; ++y) {
    for (unsigned x = rect.lo.x; x <= rect.hi.x; ++x) {
      if (config.kind({x, y}) != NodeKind::Tile) {
        throw InputError(
            fmt::format("--tiles: node ({}, {}) is no tile (it is a {}). tessera info shows "
                        "the mesh",
                        x, y, to_string(config.kind({x, y}))));
      }
    }
  }
  return rect;
}

/// Launch and wait; again if links died under the launch and the chip is ready without them.
Completion run_kernel(Session& session, const std::string& kernel, const Rect& tiles,
                      const std::vector<std::uint32_t>& args, const RunOptions& options) {
  auto& chip = session.chip();
  for (unsigned left = options.retries;; --left) {
    const auto recoveries = chip.recoveries().size();
    try {
      return chip.wait(chip.launch(kernel, tiles, args.data(), args.size() * sizeof(std::uint32_t),
                                   options.timeout));
    } catch (const Error& error) {
      if (left == 0 || chip.recoveries().size() == recoveries) throw;
      session.line(error.what());
    }
  }
}

int run_elf(const RunOptions& options) {
  ElfImage::load(options.what);  // bad files are refused before the chip is built
  Buffers buffers = options.buffers;
  buffers.load();
  Session session(options.session);
  auto& chip = session.chip();
  const Rect tiles = choose_tiles(chip, options);
  session.begin("boot");
  chip.load(options.what);
  const auto kernel = choose_kernel(chip, options);
  session.end();
  auto args = buffers.place(chip);
  args.insert(args.end(), options.args.begin(), options.args.end());
  session.begin(kernel);
  session.measure();
  const auto done = run_kernel(session, kernel, tiles, args, options);
  session.measured();
  session.end(fmt::format("{} from launch to completion", done.cycles));
  buffers.save(chip);
  session.result["kernel"] = kernel;
  session.result["cycles"] = done.cycles;
  session.result["value"] = done.value;
  session.finish();
  return 0;
}

int run(const RunOptions& options) {
  if (options.what == "mlp") return run_mlp(options.session, options.mlp);
  const bool looks_like_file = options.what.find_first_of("./") != std::string::npos ||
                               std::filesystem::exists(options.what);
  if (!looks_like_file) {
    throw InputError(fmt::format("'{}' is neither a built-in job (mlp) nor a file", options.what));
  }
  return run_elf(options);
}

}  // namespace

void add_run(CLI::App& app, int& code) {
  auto options = std::make_shared<RunOptions>();
  auto* cmd = app.add_subcommand("run", "Run a tile program (ELF) or a built-in job on a chip");
  cmd->description(
      "Run a tile program (ELF) or a built-in job on a chip.\n\n"
      "Built-in job `mlp`: classify Fashion-MNIST test images with a trained two-layer network in\n"
      "BF16 on all tiles, and compare every logit bit for bit with the golden model.\n\n"
      "An ELF is a tile program linked with the tile runtime. The chip boots it on every tile and\n"
      "starts one of its kernels (functions `int kernel_NAME(const tsr_launch_t *)`).");
  cmd->add_option("WHAT", options->what, "ELF file, or `mlp`")->required();
  options->session.snapshot_every = kSnapshotEvery;
  options->session.add_to(*cmd);
  auto* elf = cmd->add_option_group("ELF programs");
  elf->add_option("--kernel", options->kernel, "Kernel to start (default: the only one)");
  elf->add_option("--tiles", options->tiles, "Rectangle of tiles X0 Y0 X1 Y1 (default: all)")
      ->expected(4);
  elf->add_option("--arg", options->args, "Argument words, 32 bits each")->expected(1, 48);
  options->buffers.add_to(*elf);
  elf->add_option("--timeout", options->timeout,
                  "Cycles until the firmware gives the kernel up (default: 20,000,000)")
      ->check(CLI::Range(1U, ~0U));
  elf->add_option("--retries", options->retries,
                  "Launch again, at most so often, if links died under the launch")
      ->capture_default_str();
  auto* mlp = cmd->add_option_group("Job mlp");
  options->mlp.add_to(*mlp);
  cmd->callback([options, &code] { code = run(*options); });
}

}  // namespace tsr::tools
