// SPDX-License-Identifier: Apache-2.0
// A tile as the firmware sees it, written from the register and command descriptions alone:
// registers, semaphores, command queues, contexts, scratchpad, and engines that execute whole
// commands.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "bus.hpp"
#include "tessera_abi.h"

namespace tsr {

/// Byte-addressed HBM that counts how often each byte was written.
struct FakeHbm {
  explicit FakeHbm(size_t bytes) : data(bytes), written(bytes) {}
  std::vector<uint8_t> data;
  std::vector<uint8_t> written;
};

class FakeChip;

/// One tile of a FakeChip.
class FakeTile {
 public:
  static constexpr uint32_t SpmBytes = 262144;
  enum Engine { Rdma, Wdma, Me, Ve, Tdma };
  static constexpr uint32_t Engines = 5;

  /// A command as the engine gets it.
  struct Command {
    std::array<uint32_t, 16> w{};
    uint32_t op() const { return w[0] & 0xff; }
    uint32_t ctx() const { return (w[0] >> 8) & 7; }
  };

  /// How long commands take, and when their writes happen.
  struct Timing {
    bool random = true;             ///< random durations; results are written early or late
    double hbm_bytes_a_cycle = 16;  ///< else: this tile's share of the memory bandwidth
    uint32_t dma_latency = 100;     ///< of a DMA command
    uint32_t me_latency = 40;       ///< of an ME command that follows an idle ME
    uint32_t access_cycles = 5;     ///< core cycles of a register access
    uint32_t code_cycles = 0;       ///< extra core cycles of a register access: the code around it
  };

  FakeTile(FakeChip& chip, uint32_t x, uint32_t y, uint64_t seed, Timing timing);

  const std::array<uint32_t, 16>& semaphores() const { return sem_; }
  bool idle() const;
  /// Time at which the last command was done.
  uint64_t busy_cycles(Engine e) const { return busy_[e]; }
  uint64_t last_done() const { return last_done_; }
  uint64_t commands(Engine e) const { return commands_[e]; }
  /// Accesses of the ME that the scratchpad could not serve in one cycle.
  uint64_t bank_conflicts() const { return conflicts_; }
  /// Beats in which A and B came from the same hyperbank.
  uint64_t shared_hyperbank() const { return shared_; }

 private:
  friend class FakeChip;

  struct Running {
    Command cmd;
    uint64_t finish;
    bool early;
  };

  [[noreturn]] void fail(const std::string& what) const;
  void push(Engine e);
  void start_all();
  void for_rect(uint32_t rect, const std::function<void(FakeTile&)>& f);
  bool take(const Command& cmd);
  void finish(Engine e);
  uint32_t core_read(uint32_t address);
  void core_write(uint32_t address, uint32_t value);
  void post(uint32_t sem, uint32_t n);
  uint32_t pending() const;
  uint64_t duration(Engine e, const Command& cmd);
  void execute(Engine e, const Command& cmd);
  uint32_t context(uint32_t ctx, uint32_t row, uint32_t word) const;
  std::array<uint32_t, 16> context_row(uint32_t ctx, uint32_t row) const;
  void dma(const Command& cmd, bool is_read);
  void mcast(const Command& cmd);
  void spm_fill(const Command& cmd);
  void vec(const Command& cmd);
  void layout(const Command& cmd);
  uint8_t* hbm_at(uint64_t address, uint32_t bytes);
  uint8_t* spm_at(uint64_t offset, uint32_t bytes);

  FakeChip& chip_;
  uint32_t x_, y_;
  std::mt19937_64 rng_;
  Timing timing_;
  std::vector<uint8_t> spm_ = std::vector<uint8_t>(SpmBytes);
  std::array<uint32_t, 8 * 128> ctx_{};
  std::array<uint32_t, 16> sem_{};
  std::array<std::array<uint32_t, 16>, Engines> stage_{};
  std::array<std::deque<Command>, Engines> queue_;
  std::array<std::optional<Running>, Engines> running_;
  std::array<uint64_t, Engines> busy_{};
  std::array<uint64_t, Engines> commands_{}, cleared_{};
  std::array<uint64_t, 2> dma_bytes_{};  // since the counters were cleared
  uint64_t last_done_ = 0, conflicts_ = 0, shared_ = 0;
  uint32_t irq_ = 0, sem_irq_ = 0, space_irq_ = 0, count_sel_ = 0;
};

/// Tiles in a rectangle at (x0, y0), each with a core that runs a function of the host. Cores and
/// engines take turns in the order of simulated time.
class FakeChip : public Bus {
 public:
  FakeChip(FakeHbm& hbm, uint32_t x0, uint32_t y0, uint32_t w, uint32_t h, uint64_t seed,
           FakeTile::Timing timing);
  ~FakeChip() override;

  /// Run `core(x, y)` (position in the rectangle) on every tile until all have returned. Throws
  /// what a core or the hardware throws, or std::runtime_error if all sleep for ever.
  void run(const std::function<void(uint32_t, uint32_t)>& core);

  FakeTile& tile(uint32_t x, uint32_t y) { return *tiles_[y * w_ + x]; }
  /// Index of the tile whose core runs now.
  static size_t current_index();

  uint32_t read(uint32_t address) override;
  void write(uint32_t address, uint32_t value) override;
  uint64_t cycles() override { return now_; }
  void sleep(uint32_t mask) override;

 private:
  friend class FakeTile;
  struct Core;

  void yield();
  void wake(FakeTile& tile);
  static void enter();

  FakeHbm& hbm_;
  uint32_t x0_, y0_, w_, h_;
  std::vector<std::unique_ptr<FakeTile>> tiles_;
  std::vector<std::unique_ptr<Core>> cores_;
  std::unique_ptr<Core> scheduler_;
  std::function<void(uint32_t, uint32_t)> function_;
  uint64_t now_ = 0;
};

/// Fill in the launched tiles of a descriptor: all of its rectangle.
inline void name_tiles(tsr_launch_t& launch) {
  launch.grid_w = static_cast<std::uint8_t>(launch.x1 - launch.x0 + 1);
  launch.grid_h = static_cast<std::uint8_t>(launch.y1 - launch.y0 + 1);
  for (unsigned y = launch.y0; y <= launch.y1; ++y) {
    for (unsigned x = launch.x0; x <= launch.x1; ++x) {
      launch.tiles[y / 4] |= 1U << (y % 4 * 8 + x);
    }
  }
}

}  // namespace tsr
