// SPDX-License-Identifier: Apache-2.0
#include "sim.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "meter.hpp"

namespace tsr::tools {
namespace {

/// Arguments of kernel_me_busy: how many 64 x 64 x 64 BF16 products from the scratchpad to run.
struct BusyArgs {
  std::uint32_t repeats;
};
constexpr std::uint64_t kProductCycles = 64 * 64 * 64 / 256;

/// A rectangle of `count` tiles, or nothing of that size.
Rect busy_rectangle(const Platform& chip, unsigned count) {
  const Rect all = chip.all_tiles();
  const unsigned width = all.hi.x - all.lo.x + 1;
  const unsigned height = all.hi.y - all.lo.y + 1;
  std::string sizes;
  for (unsigned n = 1; n <= width * height; ++n) {
    for (unsigned w = std::min(width, n); w >= 1; --w) {
      if (n % w != 0 || n / w > height) continue;
      if (n == count) return {all.lo, {all.lo.x + w - 1, all.lo.y + n / w - 1}};
      sizes += fmt::format(" {}", n);
      break;
    }
  }
  throw InputError(fmt::format("--busy {}: a launch covers a rectangle of tiles; possible are{}", count, sizes));
}

}  // namespace

int run_sim_bench(const SessionOptions& session_options, const SimOptions& options) {
  Session session(session_options);
  auto& chip = session.chip();
  const unsigned busy =
      options.busy != 0 ? options.busy : static_cast<unsigned>(chip.config().tiles.size());
  const Rect tiles = busy_rectangle(chip, busy);
  session.begin("boot");
  chip.load();
  const auto boot = chip.stats();
  session.end(fmt::format("{:.1f} kHz", boot.khz()));

  Meter meter(chip);
  meter.start();
  const BusyArgs args{static_cast<std::uint32_t>(std::max<std::uint64_t>(1, options.cycles / kProductCycles))};
  session.begin(fmt::format("{} of {} tiles busy", busy, chip.config().tiles.size()));
  const auto before = chip.stats();
  chip.run("kernel_me_busy", tiles, args);
  const auto after = chip.stats();
  session.end();
  const Totals totals = meter.read();

  const double seconds = std::max(after.wall_seconds - before.wall_seconds, 1e-9);
  const auto cycles = after.cycles - before.cycles;
  const double khz = static_cast<double>(cycles) / seconds / 1e3;
  const double macs_per_second = static_cast<double>(totals.macs) / seconds;
  const double mips = static_cast<double>(totals.instructions) / seconds / 1e6;
  session.line(fmt::format("\n{:.1f} kHz, {:.3g} multiply-adds a second, {:.3g} MIPS", khz, macs_per_second, mips));
  auto& json = session.result;
  json["busy"] = busy;
  json["cycles"] = cycles;
  json["khz"] = khz;
  json["macs_per_second"] = macs_per_second;
  json["mips"] = mips;
  json["macs"] = totals.macs;
  json["boot_khz"] = boot.khz();
  session.finish();
  return 0;
}

}  // namespace tsr::tools
