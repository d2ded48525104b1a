// SPDX-License-Identifier: Apache-2.0
/// Random commands of every opcode against the functional model, with random stalls everywhere.
/// Sources lie in the lower half of the scratchpad, destinations in the upper one, index lists
/// behind.
#include "tdma/tdma_fixture.hpp"

namespace tsr::tb {
namespace {

using engines::AguConfig;
using engines::CmdError;
using engines::TdmaCommand;
using engines::TdmaConfig;
using engines::TdmaElement;
using engines::TdmaOp;

constexpr std::uint32_t kHalf = 28672;       // bytes of sources, and of destinations
constexpr std::uint32_t kLists = 2 * kHalf;  // index lists from here on

class TdmaRandom : public Tdma {
 protected:
  std::uint32_t pick(std::uint64_t low, std::uint64_t high) {
    return static_cast<std::uint32_t>(rand_in(low, high));
  }

  /// Three loops whose elements of `count` bytes stay within kHalf. Returns the first address.
  std::uint32_t walk(std::uint32_t count, const std::array<std::uint16_t, 3>& iter,
                     std::array<std::int32_t, 3>& stride, std::uint32_t unit, bool apart) {
    std::int64_t low = 0, high = count;
    for (unsigned j = 0; j < 3; ++j) {
      const std::int64_t steps = iter[j] - 1;
      const std::int64_t left = kHalf - 8 - (high - low);
      std::int64_t most = steps == 0 ? 1000 : left / steps / (j == 2 ? 1 : 2);
      std::int64_t step = static_cast<std::int64_t>(rand_in(0, static_cast<std::uint64_t>(most)));
      if (chance(0.3)) step = std::min<std::int64_t>(most, high - low);  // dense
      if (apart && step < high - low && chance(0.7))
        step = std::min<std::int64_t>(most, high - low);
      step -= step % unit;
      if (chance(0.3)) step = -step;
      stride[j] = static_cast<std::int32_t>(step);
      (step < 0 ? low : high) += steps * step;
    }
    const std::uint32_t room = kHalf - static_cast<std::uint32_t>(high - low);
    std::uint32_t base = pick(0, room);
    base -= base % unit;
    return base + static_cast<std::uint32_t>(-low);
  }

  std::array<std::uint16_t, 3> split(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    std::array<std::uint32_t, 3> n{a, b, c};
    std::shuffle(n.begin(), n.end(), rng());
    return {static_cast<std::uint16_t>(n[0]), static_cast<std::uint16_t>(n[1]),
            static_cast<std::uint16_t>(n[2])};
  }

  TdmaCommand random_move() {
    static constexpr TdmaOp kOps[] = {TdmaOp::Copy, TdmaOp::Copy, TdmaOp::Fill, TdmaOp::Gather,
                                      TdmaOp::Scatter};
    const TdmaOp op = kOps[rand_in(0, 4)];
    TdmaConfig config;
    config.mirror = op == TdmaOp::Copy && chance(0.4);
    config.unit = static_cast<engines::TdmaUnit>(rand_in(0, 3));
    const std::uint32_t unit = config.mirror ? (config.unit == engines::TdmaUnit::Bytes4   ? 4
                                                : config.unit == engines::TdmaUnit::Bytes2 ? 2
                                                                                           : 1)
                                             : 1;
    config.count = unit * (chance(0.5) ? pick(1, 20) : pick(1, 300 / unit));
    const std::uint32_t most = std::min<std::uint32_t>(40, 16000 / config.count);
    const std::uint32_t a = pick(1, chance(0.5) ? most : 4), b = pick(1, 3), c = pick(1, 2);
    TdmaCommand command;
    command.op = static_cast<std::uint8_t>(op);
    command.pattern = static_cast<std::uint32_t>(rng()());
    const auto total = [](const std::array<std::uint16_t, 3>& n) {
      return std::uint32_t{n[0]} * n[1] * n[2];
    };
    config.src_iter = split(a, b, c);
    config.dst_iter = split(a, b, c);
    if (op == TdmaOp::Fill || op == TdmaOp::Gather) config.src_iter = {0, 7, 0};  // not looked at
    if (op == TdmaOp::Scatter) config.dst_iter = {0, 1, 1};
    if (op == TdmaOp::Copy || op == TdmaOp::Scatter) {
      command.src = walk(config.count, config.src_iter, config.src_stride, unit, false);
    }
    if (op != TdmaOp::Scatter) {
      command.dst = kHalf + walk(config.count, config.dst_iter, config.dst_stride, 1, true);
    }
    if (op == TdmaOp::Gather || op == TdmaOp::Scatter) {
      const std::uint32_t rows = total(op == TdmaOp::Gather ? config.dst_iter : config.src_iter);
      config.idx_scale = chance(0.3) ? 1 : pick(1, 300);
      const std::uint32_t base = op == TdmaOp::Gather ? 0 : kHalf;
      (op == TdmaOp::Gather ? command.src : command.dst) = base + pick(0, 63);
      const std::uint32_t limit = (kHalf - 64 - config.count) / config.idx_scale + 1;
      config.idx_limit = chance(0.5) ? limit : 0;
      index_list(command, rows, limit);
    }
    command.tdma = config.to_row();
    return command;
  }

  /// A list of `rows` indices below `limit`, packed or in any pattern; now and then with a bad
  /// index, or of the wrong length.
  void index_list(TdmaCommand& command, std::uint32_t rows, std::uint32_t limit) {
    AguConfig agu;
    command.index = kLists + 8 * pick(0, 4);
    if (chance(0.05)) rows += chance(0.5) ? pick(1, 20) : rows > 1 ? ~0U : 0;
    if (chance(0.5)) {
      // Two words a lane, lanes in row groups.
      agu.w_log2 = pick(0, 3);
      const std::uint32_t width = 1U << agu.w_log2;
      agu.pitch = 8 * (width + pick(0, 1));
      const std::uint32_t groups = 8 / width;
      const std::uint32_t beats = (rows + 15) / 16;
      agu.count = {beats, 1, 1, 1, 1, 1};
      const std::uint32_t tail = rows - 16 * (beats - 1);  // words of the last beat
      if (tail % (2 * width) != 0 && tail > 2 * width) {
        agu.w_log2 = 3;
        agu.pitch = 64;
      }
      const std::uint32_t w = 1U << agu.w_log2;
      if (tail < 16) {
        if (tail <= 2 * w) {
          agu.bedge_en = true;
          agu.bedge_m = 4 * tail;
          agu.redge_en = 8 / w > 1;
          agu.redge_n = 1;
        } else {
          agu.redge_en = true;
          agu.redge_n = tail / (2 * w);
        }
      }
      agu.set_strides(
          {static_cast<std::int32_t>(agu.pitch * (w == width ? groups : 1)), 0, 0, 0, 0, 0});
    } else {
      agu.w_log2 = 3;
      agu.count = {(rows + 15) / 16, 1, 1, 1, 1, 1};
      agu.bedge_en = rows % 16 != 0;
      agu.bedge_m = rows % 16 * 4;
      agu.set_strides({64, 0, 0, 0, 0, 0});
    }
    command.rd = agu.to_row();
    for (std::uint32_t at = kLists; at + 4 <= spm().size(); at += 4) {
      std::uint32_t index = pick(0, limit - 1);
      if (chance(0.001)) index = chance(0.5) ? static_cast<std::uint32_t>(rng()()) : limit + 70;
      std::memcpy(&spm()[at], &index, 4);
    }
  }

  /// Any pattern on either side with the same number of accesses.
  TdmaCommand random_pattern() {
    TdmaCommand command;
    command.op = static_cast<std::uint8_t>(TdmaOp::Transpose);
    TdmaConfig config;
    config.nibble = chance(0.3);
    command.tdma = config.to_row();
    const std::array<std::uint32_t, 6> counts{
        chance(0.5) ? 2U : pick(1, 3) * (config.nibble ? 2 : 1),
        pick(1, 3),
        pick(1, 3),
        pick(1, 2),
        pick(1, 2),
        1};
    for (const bool write : {false, true}) {
      AguConfig agu;
      agu.count = counts;
      std::shuffle(agu.count.begin(), agu.count.end(), rng());
      agu.w_log2 = pick(0, 3);
      if (!write && agu.w_log2 < 3 && chance(0.7)) {
        agu.xpose = static_cast<engines::Transpose>(agu.w_log2 + 1);
      }
      agu.redge_en = chance(0.4);
      agu.redge_loop = pick(0, 5);
      agu.redge_sub = chance(0.5);
      agu.redge_n = pick(1, 15);
      agu.bedge_en = chance(0.4);
      agu.bedge_loop = pick(0, 5);
      agu.bedge_m = pick(0, 8U << agu.w_log2);
      if (!write && chance(0.3)) {
        agu.win_w = pick(1, 20);
        agu.win_h = pick(1, 10);
        agu.pad_x = pick(0, 3);
        agu.pad_y = pick(0, 3);
        agu.xstep = pick(0, 2);
        for (unsigned j = 0; j < 6; ++j) {
          agu.dx[j] = static_cast<std::int32_t>(pick(0, 6)) - 3;
          agu.dy[j] = static_cast<std::int32_t>(pick(0, 6)) - 3;
        }
      }
      std::int64_t low = 0, high = 64;
      const std::uint32_t step = 8 * pick(0, 60);
      agu.pitch = step;
      high += std::int64_t{7} * step;
      std::array<std::int32_t, 6> stride{};
      for (unsigned j = 0; j < 6; ++j) {
        const std::int64_t n = agu.count[j] - 1;
        const std::int64_t most = n == 0 ? 100 : (kHalf - (high - low)) / n / 16;
        stride[j] = static_cast<std::int32_t>(8 * rand_in(0, static_cast<std::uint64_t>(most)));
        if (chance(0.3)) stride[j] = -stride[j];
        (stride[j] < 0 ? low : high) += n * stride[j];
      }
      agu.set_strides(stride);
      const std::uint32_t base = 8 * pick(0, (kHalf - static_cast<std::uint64_t>(high - low)) / 8) +
                                 static_cast<std::uint32_t>(-low);
      (write ? command.dst : command.src) = base + (write ? kHalf : 0);
      (write ? command.wr : command.rd) = agu.to_row();
    }
    return command;
  }

  TdmaCommand random_turn() {
    const auto element = static_cast<TdmaElement>(rand_in(0, 4));
    const std::uint32_t rows = pick(1, 40), cols = pick(1, 40);
    const auto pitch = [&](std::uint32_t n) {
      return (engines::tdma_bytes(element, n) + 7) / 8 * 8 + 8 * pick(0, 9);
    };
    const engines::TdmaPlane src{8 * pick(0, 100), pitch(cols)};
    const engines::TdmaPlane dst{kHalf + 8 * pick(0, 100), pitch(rows)};
    std::vector<engines::TdmaLoop> batch;
    if (chance(0.3) && src.pitch * rows < 12000 && dst.pitch * cols < 12000) {
      batch.push_back({2, 13200, 13200});
    }
    return engines::tdma_turn(element, rows, cols, src, dst,
                              static_cast<engines::TdmaTurn>(rand_in(0, 3)), batch);
  }

  TdmaCommand random_command() {
    const double kind = std::uniform_real_distribution<double>(0, 1)(rng());
    if (kind < 0.5) return random_move();
    if (kind < 0.75) return random_pattern();
    return random_turn();
  }
};

TEST_F(TdmaRandom, CommandsEqualTheModel) {
  const unsigned commands = 20000 * scale_from_env();
  std::array<unsigned, 7> errors{};
  std::array<unsigned, 6> ops{};
  for (unsigned i = 0; i < commands && !HasFailure(); ++i) {
    if (i % 16 == 0) {
      static constexpr double kStall[] = {0.0, 0.1, 0.4, 0.7};
      memory().stall = {kStall[rand_in(0, 3)], kStall[rand_in(0, 3)]};
      host().context_stall = kStall[rand_in(0, 3)];
      host().command_gap = kStall[rand_in(0, 3)];
    }
    const TdmaCommand command = random_command();
    auto copy = spm();
    const auto result = engines::tdma_run(command, copy);
    ++errors[static_cast<unsigned>(result.error)];
    ++ops[command.op & 7];
    check(command, fmt::format("command {} op {:#x}", i, command.op));
  }
  // The mix is what it is meant to be.
  for (unsigned op = 1; op < 6; ++op) EXPECT_GT(ops[op], commands / 20) << op;
  EXPECT_GT(errors[0], commands * 8 / 10);
  EXPECT_GT(errors[static_cast<unsigned>(CmdError::Range)], 0U);
  EXPECT_GT(errors[static_cast<unsigned>(CmdError::Shape)], 0U);
}

TEST_F(TdmaRandom, QueuedCommandsSeeTheResultsOfEarlierOnes) {
  // Copies to and fro without a gap: every command depends on the one before.
  for (unsigned round = 0; round < 200 * scale_from_env() && !HasFailure(); ++round) {
    stall_everything(round % 2 == 0 ? 0.0 : 0.3);
    auto expected = spm();
    const std::size_t before = host().done.size();
    constexpr unsigned kQueued = 12;
    for (unsigned i = 0; i < kQueued; ++i) {
      const std::uint32_t low = pick(0, 1000), high = kHalf + pick(0, 1000);
      const std::uint32_t bytes = pick(1, 700);
      TdmaCommand command;
      if (i % 3 == 2) {
        command = engines::tdma_turn(TdmaElement::Bytes1, 20, 20, {8, 32}, {kHalf, 24});
      } else {
        command = i % 2 == 0 ? engines::tdma_copy(low, high, bytes)
                             : engines::tdma_copy(high, low, bytes);
      }
      EXPECT_EQ(engines::tdma_run(command, expected).error, CmdError::Ok);
      host().push(command, i % 8, static_cast<std::uint16_t>(i));
    }
    ASSERT_TRUE(run_until([&] { return host().done.size() == before + kQueued; }, 20000));
    for (unsigned i = 0; i < kQueued; ++i) EXPECT_EQ(host().done[before + i].id, i);
    compare(expected, "queue");
  }
}

}  // namespace
}  // namespace tsr::tb
