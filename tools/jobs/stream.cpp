// SPDX-License-Identifier: Apache-2.0
#include "stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "attribution.hpp"
#include "noc/address_map.hpp"
#include "operand.hpp"
#include "stream_plan.hpp"
#include "stream_window.hpp"

namespace tsr::tools {
namespace {

constexpr std::uint32_t kSpmBase = 0x0100'0000;  // node-local, rtl/tile/tsr_tile_pkg.sv
constexpr std::uint32_t kMaxSamples = 256;
constexpr std::uint32_t kMinInterval = 32;  // the core needs about so long for a sample
constexpr std::uint64_t kFlitBytes = 64;    // a cycle, of a memory node and of a tile
constexpr double kMegahertz = 800;
constexpr std::uint8_t kJunk = 0xa5;

/// A run: what every tile does, and where.
struct Stream {
  Stream(Session& s, const StreamOptions& o);

  std::uint64_t scratchpad(std::size_t tile, std::uint32_t offset) const {
    return node_address(tiles[tile], kSpmBase + offset);
  }

  /// Bytes a cycle of all memory nodes.
  std::uint64_t peak() const { return kFlitBytes * chip.config().memories.size(); }

  Session& session;
  Platform& chip;
  StreamOptions options;
  std::uint64_t seed;
  Rect rect;
  std::vector<Node> tiles;
  std::vector<StreamPlan> plans;
  std::uint64_t source = 0, target = 0;  // of all tiles
  std::uint64_t source_bytes = 0;
  std::uint32_t program = 0;  // scratchpad offset
  std::uint32_t interval = 0;
};

std::uint32_t whole_flits(std::size_t bytes) {
  return static_cast<std::uint32_t>(ceil_div(bytes, 64) * 64);
}

Stream::Stream(Session& s, const StreamOptions& o)
    : session(s), chip(s.chip()), options(o), seed(s.options().seed) {
  const auto& config = chip.config();
  rect = tile_rectangle(chip, o.tiles, "--tiles");
  for (const Node tile : config.tiles) {
    if (rect.contains(tile)) tiles.push_back(tile);
  }
  const auto share = stream_share(o);
  const std::uint64_t data = o.pattern == "copy" ? o.bytes : share.read + share.written;
  const std::size_t steps = share.read / o.burst + share.written / o.burst;
  const auto needed = whole_flits(sizeof(tsr_stream_program_t) + steps * sizeof(tsr_stream_step_t) +
                                  kMaxSamples * sizeof(tsr_stream_sample_t));
  const auto spm = static_cast<std::uint32_t>(config.spm_kib * 1024);
  if (needed + data > spm) {
    throw InputError(fmt::format(
        "--bytes {}: the scratchpad of {} KiB has room for {} besides the program of {} commands",
        o.bytes, config.spm_kib, needed < spm ? spm - needed : 0, steps));
  }
  program = spm - needed;
  const bool random = o.pattern == "random", spread = o.pattern == "mcast";
  const std::uint64_t readers = spread ? 1 : tiles.size();  // each with memory of its own
  // Enough samples for half of the peak, of the memory nodes or of a tile's link.
  const std::uint64_t own = std::uint64_t{share.read} + share.written;
  const auto cycles = std::max(own / kFlitBytes, own * readers / peak());
  interval = std::max(kMinInterval, static_cast<std::uint32_t>(2 * cycles / kMaxSamples));

  source_bytes = random ? std::uint64_t{o.region_mib} << 20 : readers * share.read;
  if (source_bytes != 0) source = chip.allocate(source_bytes);
  if (share.written != 0) target = chip.allocate(tiles.size() * std::uint64_t{share.written});
  for (std::size_t i = 0; i < readers; ++i) {
    plans.push_back(stream_plan(o, source + (random ? 0 : i * share.read),
                                target + i * share.written, seed * 1000 + i));
  }
  if (spread) plans = spread_plans(plans.front(), tiles.size());
}

/// Fill `data` with what belongs to memory from `address` on.
void fill(std::uint64_t address, std::uint64_t seed, std::uint8_t* data, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += 8) {
    const auto word = stream_word(address + i, seed);
    std::memcpy(data + i, &word, 8);
  }
}

/// A tile's scratchpad from 0 on: what its steps read from, or write to, memory.
std::vector<std::uint8_t> scratchpad_image(const Stream& s, const StreamPlan& plan,
                                           const std::vector<tsr_stream_step_t>& steps,
                                           std::vector<std::uint8_t> image) {
  for (const auto& step : steps) {
    plan.elements(step, [&](std::uint64_t memory, std::uint32_t at, std::uint32_t bytes) {
      if (image.size() < at + bytes) image.resize(at + bytes, kJunk);
      fill(memory, s.seed, image.data() + at, bytes);
    });
  }
  return image;
}

/// Give every tile its program and start them. Returns the launch's cycles.
std::uint64_t launch(Stream& s, const std::vector<StreamPlan>& plans, const std::string& what) {
  for (std::size_t i = 0; i < s.tiles.size(); ++i) {
    const auto image = plans[i].image(s.interval, kMaxSamples);
    s.chip.write(s.scratchpad(i, s.program), image.data(), image.size());
  }
  const tsr_stream_args_t args{s.program, 0};
  s.session.begin(what);
  const auto done = run_kernel(s.session, "kernel_stream", s.rect, &args, sizeof(args), what,
                               "Take less --bytes");
  s.session.end();
  return done.cycles;
}

/// Put the data where the steps expect them: sources in memory, what is written into the
/// scratchpads. Blocks at random places are written there by the tiles themselves.
void prepare(Stream& s) {
  s.session.begin("copy data");
  const auto share = stream_share(s.options);
  const bool random = s.options.pattern == "random";
  if (share.read != 0 && !random) {
    std::vector<std::uint8_t> data(s.source_bytes);
    fill(s.source, s.seed, data.data(), data.size());
    s.chip.write(s.source, data.data(), data.size());
  }
  std::vector<StreamPlan> scatter;
  for (std::size_t i = 0; i < s.tiles.size(); ++i) {
    scatter.push_back(reversed(s.plans[i]));
    const auto& plan = random ? scatter[i] : s.plans[i];
    if (plan.writes.empty()) continue;
    auto image = scratchpad_image(s, plan, plan.writes, {});
    if (s.options.pattern == "copy") std::fill(image.begin(), image.end(), kJunk);
    s.chip.write(s.scratchpad(i, 0), image.data(), image.size());
  }
  s.session.end();
  if (!random) return;
  launch(s, scatter, "write random blocks");
  const std::vector<std::uint8_t> junk(s.options.bytes, kJunk);
  s.session.begin("clear the scratchpads");
  for (std::size_t i = 0; i < s.tiles.size(); ++i) {
    s.chip.write(s.scratchpad(i, 0), junk.data(), junk.size());
  }
  s.session.end();
}

std::size_t differences(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] != b[i];
  return count;
}

/// Compare every byte that was read with its source, and every byte that was written. Copies keep
/// the pattern of their source.
std::size_t wrong_bytes(Stream& s) {
  s.session.begin("check data");
  const auto share = stream_share(s.options);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < s.tiles.size(); ++i) {
    const auto expected = scratchpad_image(s, s.plans[i], s.plans[i].heard,
                                           scratchpad_image(s, s.plans[i], s.plans[i].reads, {}));
    std::vector<std::uint8_t> found(expected.size());
    if (!found.empty()) s.chip.read(s.scratchpad(i, 0), found.data(), found.size());
    wrong += differences(found, expected);
  }
  std::vector<std::uint8_t> found(s.tiles.size() * std::size_t{share.written});
  if (!found.empty()) {
    auto expected = found;
    fill(s.options.pattern == "copy" ? s.source : s.target, s.seed, expected.data(),
         expected.size());
    s.chip.read(s.target, found.data(), found.size());
    wrong += differences(found, expected);
  }
  s.session.end();
  return wrong;
}

/// What the tiles sampled.
std::vector<StreamCurve> read_curves(const Stream& s) {
  std::vector<std::vector<tsr_stream_sample_t>> all;
  for (std::size_t i = 0; i < s.tiles.size(); ++i) {
    tsr_stream_program_t header{};
    s.chip.read(s.scratchpad(i, s.program), &header, sizeof(header));
    auto& samples = all.emplace_back(header.samples);
    const std::size_t steps = header.reads + header.writes;
    const auto log =
        static_cast<std::uint32_t>(s.program + sizeof(header) + steps * sizeof(tsr_stream_step_t));
    s.chip.read(s.scratchpad(i, log), samples.data(), samples.size() * sizeof(samples[0]));
  }
  std::uint32_t origin = all.front().front().cycle;
  for (const auto& samples : all) {
    if (static_cast<std::int32_t>(samples.front().cycle - origin) < 0) {
      origin = samples.front().cycle;
    }
  }
  std::vector<StreamCurve> curves;
  curves.reserve(all.size());
  for (const auto& samples : all) curves.emplace_back(samples, origin);
  return curves;
}

MemoryCounters all_memories(Platform& chip) {
  MemoryCounters sum;
  for (const Node memory : chip.config().memories) {
    const auto m = chip.memory_counters(memory);
    sum.bytes_read += m.bytes_read;
    sum.bytes_written += m.bytes_written;
    sum.row_hits += m.row_hits;
    sum.row_misses += m.row_misses;
    sum.turnarounds += m.turnarounds;
    sum.refreshes += m.refreshes;
  }
  return sum;
}

void report(Stream& s, const Attribution& attribution, const StreamWindow& window,
            std::uint64_t launch_cycles) {
  const auto peak = static_cast<double>(s.peak());
  std::uint64_t bytes = 0;
  for (const auto& plan : s.plans) bytes += plan.bytes(plan.reads) + plan.bytes(plan.writes);
  const double delivered = 100 * window.sum() / (peak * window.cycles());
  const bool spread = s.options.pattern == "mcast";
  const double efficiency = spread ? delivered / static_cast<double>(s.tiles.size()) : delivered;
  const double whole =
      100 * static_cast<double>(bytes) / (peak * static_cast<double>(attribution.window));
  const auto memory = all_memories(s.chip);

  auto& session = s.session;
  attribution.print(session);
  session.line(fmt::format("\nbytes a cycle of every tile, steady:"));
  auto tiles = nlohmann::ordered_json::array();
  std::string row;
  for (std::size_t i = 0; i < s.tiles.size(); ++i) {
    const double rate = window.bytes[i] / window.cycles();
    tiles.push_back({{"x", s.tiles[i].x}, {"y", s.tiles[i].y}, {"bytes_per_cycle", rate}});
    row += fmt::format("{:8.2f}", rate);
    if (i + 1 == s.tiles.size() || s.tiles[i + 1].y != s.tiles[i].y) {
      session.line(row);
      row.clear();
    }
  }
  session.line(
      fmt::format("\nefficiency   {:.1f} % of HBM's {} bytes a cycle, steady", efficiency, peak));
  session.line(fmt::format("             {:.1f} % from the first command to the last", whole));
  if (spread) session.line(fmt::format("delivered    {:.1f} % of them", delivered));
  session.line(
      fmt::format("fairness     slowest tile {:.3f} of the mean", window.slowest_over_mean()));
  session.line(fmt::format("window       {:.0f} cycles, {:.2f} us at {} MHz, of {} cycles",
                           window.cycles(), window.cycles() / kMegahertz, kMegahertz,
                           attribution.window));
  session.line(
      fmt::format("memory       {} read, {} written, {} row hits, {} misses, {} "
                  "turnarounds, {} refreshes",
                  human_bytes(memory.bytes_read), human_bytes(memory.bytes_written),
                  memory.row_hits, memory.row_misses, memory.turnarounds, memory.refreshes));
  auto& json = session.result;
  json["pattern"] = s.options.pattern;
  json["tiles"] = s.tiles.size();
  json["bytes_per_tile"] = s.options.bytes;
  json["burst"] = s.options.burst;
  json["element"] = s.options.element;
  json["bytes"] = bytes;
  json["efficiency"] = efficiency;
  json["efficiency_whole"] = whole;
  json["delivered"] = delivered;
  json["slowest_over_mean"] = window.slowest_over_mean();
  json["window_cycles"] = window.cycles();
  json["window_microseconds"] = window.cycles() / kMegahertz;
  json["cycles"] = attribution.window;
  json["launch_cycles"] = launch_cycles;
  json["peak_bytes_per_cycle"] = peak;
  json["tile_rates"] = tiles;
  json["hbm_bytes_read"] = memory.bytes_read;
  json["hbm_bytes_written"] = memory.bytes_written;
  json["row_hits"] = memory.row_hits;
  json["row_misses"] = memory.row_misses;
  json["turnarounds"] = memory.turnarounds;
  json["refreshes"] = memory.refreshes;
  json["attribution"] = attribution.json();
}

}  // namespace

int run_stream_bench(const SessionOptions& session_options, const StreamOptions& options) {
  const auto complete = checked(options);
  Session session(session_options);
  session.begin("boot");
  session.chip().load();
  session.end();
  Stream stream(session, complete);
  prepare(stream);
  const auto cycles = launch(stream, stream.plans, complete.pattern);
  const auto attribution = read_attribution(session.chip(), stream.tiles);
  const auto window = steady_window(read_curves(stream));
  report(stream, attribution, window, cycles);
  return conclude(session, wrong_bytes(stream));
}

}  // namespace tsr::tools
