// SPDX-License-Identifier: Apache-2.0
#include "fake_chip.hpp"

#include <ucontext.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <stdexcept>

#include "engines/tdma.hpp"
#include "engines/ve.hpp"
#include "me_exec.hpp"
#include "regs/tile_regs.h"

extern "C" {
#include "drivers/tile.h"
}

namespace tsr {
namespace {

constexpr uint32_t Regs = 0x20000, Cmd = 0x30000, Ctx = 0x40000, Spm = 0x1000000;
constexpr uint32_t QueueDepth = 8;
/// Context rows that each engine reads.
constexpr uint32_t RowsOf[] = {0x20, 0x40, 0x9f, 0x7f, 0x0f};

constexpr uint32_t CountCommands = TSR_TILE_COUNTER_COMMANDS;

}  // namespace

FakeTile::FakeTile(FakeChip& chip, uint32_t x, uint32_t y, uint64_t seed, Timing timing)
    : chip_(chip), x_(x), y_(y), rng_(seed), timing_(timing) {
  for (auto& b : spm_) b = static_cast<uint8_t>(rng_());  // content after reset is undefined
}

void FakeTile::fail(const std::string& what) const {
  throw std::runtime_error("tile (" + std::to_string(x_) + ", " + std::to_string(y_) + ") at " +
                           std::to_string(chip_.now_) + ": " + what);
}

bool FakeTile::idle() const {
  for (uint32_t e = 0; e < Engines; e++) {
    if (running_[e] || !queue_[e].empty()) return false;
  }
  return true;
}

// ---------------------------------------------------------------- registers

uint32_t FakeTile::core_read(uint32_t address) {
  if (address >= Spm && address < Spm + SpmBytes) {
    uint32_t v;
    std::memcpy(&v, spm_at(address - Spm, 4), 4);
    return v;
  }
  const uint32_t offset = address - Regs;
  if (offset >= TSR_TILE_SEM(0) && offset <= TSR_TILE_SEM(15))
    return sem_[(offset - TSR_TILE_SEM(0)) / 4];
  switch (offset) {
    case TSR_TILE_ID_OFFSET:
      return x_ | y_ << 8 | (SpmBytes / 1024) << 20;
    case TSR_TILE_IRQ_STATE_OFFSET:
      return pending();
    case TSR_TILE_QUEUE_STATUS_OFFSET: {
      uint32_t v = 0;
      for (uint32_t e = 0; e < Engines; e++) {
        v |= (QueueDepth - static_cast<uint32_t>(queue_[e].size())) << 4 * e;
        if (running_[e] || !queue_[e].empty()) v |= 1u << (TSR_TILE_QUEUE_STATUS_BUSY_SHIFT + e);
      }
      return v;
    }
    case TSR_TILE_COUNT_LO_OFFSET:
      if (count_sel_ == TSR_TILE_COUNTER_HEARD) return 0;
      if (count_sel_ % 16 == TSR_TILE_COUNTER_OPS && count_sel_ / 16 <= Wdma) {
        return static_cast<uint32_t>(dma_bytes_[count_sel_ / 16]);
      }
      if (count_sel_ % 16 != CountCommands || count_sel_ / 16 >= Engines) fail("counter");
      return static_cast<uint32_t>(commands_[count_sel_ / 16] - cleared_[count_sel_ / 16]);
    case TSR_TILE_COUNT_HI_OFFSET:
      return 0;
    default:
      fail("read of address " + std::to_string(address));
  }
}

void FakeTile::core_write(uint32_t address, uint32_t value) {
  if (address >= Spm && address < Spm + SpmBytes) {
    std::memcpy(spm_at(address - Spm, 4), &value, 4);
  } else if (address >= Ctx && address < Ctx + 4096) {
    const uint32_t ctx = (address - Ctx) / 512, row = (address - Ctx) / 64 % 8;
    for (uint32_t e = 0; e < Engines; e++) {
      if ((RowsOf[e] >> row & 1) == 0) continue;
      const auto uses = [&](const Command& c) { return c.op() != 0 && c.ctx() == ctx; };
      if ((running_[e] && uses(running_[e]->cmd)) ||
          std::any_of(queue_[e].begin(), queue_[e].end(), uses)) {
        fail("context " + std::to_string(ctx) + " changes while it is in use");
      }
    }
    ctx_[(address - Ctx) / 4] = value;
  } else if (address >= Cmd && address < Cmd + Engines * 64) {
    const auto e = static_cast<Engine>((address - Cmd) / 64);
    stage_[e][(address - Cmd) / 4 % 16] = value;
    if ((address - Cmd) / 4 % 16 == 15) push(e);
  } else if (address - Regs >= TSR_TILE_SEM(0) && address - Regs <= TSR_TILE_SEM(15)) {
    uint32_t& sem = sem_[(address - Regs - TSR_TILE_SEM(0)) / 4];
    const uint32_t n = value & 0xff;
    if ((value & TSR_TILE_SEM_TAKE_MASK) == 0) {
      sem += n;
    } else if (sem < n) {
      fail("take of more than a semaphore holds");
    } else {
      sem -= n;
    }
  } else if (address - Regs == TSR_TILE_IRQ_STATE_OFFSET) {
    irq_ &= ~value;
  } else if (address - Regs == TSR_TILE_SEM_IRQ_OFFSET) {
    sem_irq_ = value;
  } else if (address - Regs == TSR_TILE_SPACE_IRQ_OFFSET) {
    space_irq_ = value;
  } else if (address - Regs == TSR_TILE_MTIMECMP_LO_OFFSET ||
             address - Regs == TSR_TILE_MTIMECMP_HI_OFFSET) {
    // Nobody here sleeps until a time: commands always end.
  } else if (address - Regs == TSR_TILE_COUNT_SEL_OFFSET) {
    count_sel_ = value;
  } else if (address - Regs == TSR_TILE_COUNT_CTRL_OFFSET) {
    if (!idle()) fail("counters are cleared while engines run");
    cleared_ = commands_;
    dma_bytes_ = {};
  } else {
    fail("write of address " + std::to_string(address));
  }
}

uint32_t FakeTile::pending() const {
  uint32_t p = irq_;
  if ((sem_irq_ & 16) && sem_[sem_irq_ & 15] >= sem_irq_ >> 16) p |= 8;
  if ((space_irq_ & 16) && queue_[space_irq_ & 7].size() < QueueDepth) p |= 16;
  return p;
}

// ---------------------------------------------------------------- queues and time

void FakeTile::push(Engine e) {
  if (queue_[e].size() == QueueDepth) fail("push into a full queue");
  queue_[e].push_back({stage_[e]});
}

/// Grant both waits of a command, or none.
bool FakeTile::take(const Command& cmd) {
  std::array<uint32_t, 16> need{};
  for (uint32_t i = 0; i < 2; i++) {
    const uint32_t wait = cmd.w[1] >> 16 * i;
    if (wait >> 4 & 1) need[wait & 15] += wait >> 8 & 0xff;
  }
  for (uint32_t s = 0; s < 16; s++) {
    if (sem_[s] < need[s]) return false;
  }
  for (uint32_t s = 0; s < 16; s++) sem_[s] -= need[s];
  return true;
}

void FakeTile::start_all() {
  for (uint32_t i = 0; i < Engines; i++) {
    const auto e = static_cast<Engine>(i);
    if (running_[e] || queue_[e].empty() || !take(queue_[e].front())) continue;
    Running r{queue_[e].front(), 0, timing_.random && rng_() % 2 == 0};
    queue_[e].pop_front();
    const uint64_t time = duration(e, r.cmd);
    r.finish = chip_.now_ + time;
    busy_[e] += time;
    if (r.early) execute(e, r.cmd);
    running_[e] = r;
  }
}

/// Every tile of a rectangle in a command word.
void FakeTile::for_rect(uint32_t rect, const std::function<void(FakeTile&)>& f) {
  for (uint32_t y = rect >> 8 & 63; y <= (rect >> 24 & 63); y++) {
    for (uint32_t x = rect & 63; x <= (rect >> 16 & 63); x++) {
      if (x < chip_.x0_ || x >= chip_.x0_ + chip_.w_ || y < chip_.y0_ ||
          y >= chip_.y0_ + chip_.h_) {
        fail("message to node (" + std::to_string(x) + ", " + std::to_string(y) + ")");
      }
      f(chip_.tile(x - chip_.x0_, y - chip_.y0_));
    }
  }
}

void FakeTile::finish(Engine e) {
  const Running r = *running_[e];
  if (!r.early) execute(e, r.cmd);
  running_[e].reset();
  commands_[e]++;
  last_done_ = chip_.now_;
  for (uint32_t i = 0; i < 2; i++) {
    const uint32_t word = r.cmd.w[2] >> 16 * i;
    if ((word >> 4 & 1) == 0) continue;
    if (word >> 5 & 1) {
      for_rect(r.cmd.w[3], [&](FakeTile& t) {
        t.post(word & 15, word >> 8 & 0xff);
        chip_.wake(t);
      });
    } else {
      sem_[word & 15] += word >> 8 & 0xff;
    }
  }
  if (r.cmd.w[0] >> 11 & 1) irq_ |= 1;
}

void FakeTile::post(uint32_t sem, uint32_t n) {
  sem_[sem] += n;
  start_all();
}

uint32_t FakeTile::context(uint32_t ctx, uint32_t row, uint32_t word) const {
  return ctx_[ctx * 128 + row * 16 + word];
}

std::array<uint32_t, 16> FakeTile::context_row(uint32_t ctx, uint32_t row) const {
  std::array<uint32_t, 16> words;
  std::copy_n(&ctx_[ctx * 128 + row * 16], 16, words.begin());
  return words;
}

uint64_t FakeTile::duration(Engine e, const Command& cmd) {
  if (cmd.op() == 0) return 2;
  if (timing_.random) return 1 + rng_() % 3000;
  if (e == Me) {
    uint64_t beats = 1;
    for (uint32_t j = 0; j < 6; j++) beats *= context(cmd.ctx(), 1, 4 + j) & 0xffff;
    // The next context is fetched while the previous command runs.
    return beats + (last_done_ == chip_.now_ ? 4 : timing_.me_latency);
  }
  if (e == Ve || e == Tdma) return 100;
  const uint32_t row = e == Rdma ? 5 : 6;
  uint64_t bytes = context(cmd.ctx(), row, 0);
  const uint32_t iterations = context(cmd.ctx(), row, 7);
  bytes *= (iterations & 0xffff) * (iterations >> 16) * (context(cmd.ctx(), row, 8) & 0xffff);
  return timing_.dma_latency +
         static_cast<uint64_t>(static_cast<double>(bytes) / timing_.hbm_bytes_a_cycle);
}

// ---------------------------------------------------------------- engines

uint8_t* FakeTile::hbm_at(uint64_t address, uint32_t bytes) {
  if (address + bytes > chip_.hbm_.data.size()) fail("HBM address " + std::to_string(address));
  return &chip_.hbm_.data[address];
}

uint8_t* FakeTile::spm_at(uint64_t offset, uint32_t bytes) {
  if (offset + bytes > SpmBytes) fail("scratchpad offset " + std::to_string(offset));
  return &spm_[offset];
}

void FakeTile::execute(Engine e, const Command& cmd) {
  if (cmd.op() == 0) return;
  if (e == Rdma && cmd.op() == 0x01) {
    dma(cmd, true);
  } else if (e == Wdma && cmd.op() == 0x11) {
    dma(cmd, false);
  } else if (e == Wdma && cmd.op() == 0x12) {
    mcast(cmd);
  } else if (e == Rdma && cmd.op() == 0x02) {
    spm_fill(cmd);
  } else if (e == Me && cmd.op() == 0x21) {
    MeStats stats;
    me_execute([&](uint32_t row, uint32_t word) { return context(cmd.ctx(), row, word); }, cmd.w,
               spm_, &stats);
    conflicts_ += stats.conflicts;
    shared_ += stats.shared;
  } else if (e == Ve && cmd.op() == 0x31) {
    vec(cmd);
  } else if (e == Tdma && cmd.op() >= 0x41 && cmd.op() <= 0x45) {
    layout(cmd);
  } else {
    fail("opcode " + std::to_string(cmd.op()));
  }
}

void FakeTile::dma(const Command& cmd, bool is_read) {
  const uint32_t row = is_read ? 5 : 6;
  const auto c = [&](uint32_t word) { return context(cmd.ctx(), row, word); };
  const std::array<uint32_t, 3> si = {c(7) & 0xffff, c(7) >> 16, c(8) & 0xffff};
  const std::array<uint32_t, 3> di = {c(8) >> 16, c(9) & 0xffff, c(9) >> 16};
  const uint32_t elements = si[0] * si[1] * si[2];
  if (elements == 0 || elements != di[0] * di[1] * di[2] || c(0) == 0) fail("DMA shape");
  const auto at = [&](uint32_t first, const std::array<uint32_t, 3>& n, uint32_t element) {
    int64_t offset = 0;
    for (uint32_t j = 0; j < 3; j++) {
      offset += int64_t{static_cast<int32_t>(c(first + j))} * (element % n[j]);
      element /= n[j];
    }
    return static_cast<uint64_t>(offset);
  };
  const uint64_t src = cmd.w[5] | (is_read ? uint64_t{cmd.w[6]} << 32 : 0);
  const uint64_t dst = cmd.w[7] | (is_read ? 0 : uint64_t{cmd.w[8]} << 32);
  for (uint32_t n = 0; n < elements; n++) {
    const uint64_t from = src + at(1, si, n), to = dst + at(4, di, n);
    dma_bytes_[is_read ? Rdma : Wdma] += c(0);
    if (is_read) {
      std::memcpy(spm_at(to, c(0)), hbm_at(from, c(0)), c(0));
    } else {
      std::memcpy(hbm_at(to, c(0)), spm_at(from, c(0)), c(0));
      for (uint32_t b = 0; b < c(0); b++) chip_.hbm_.written[to + b]++;
    }
  }
}

/// One element, as the firmware uses it: the same scratchpad offset in every tile of the rectangle.
void FakeTile::mcast(const Command& cmd) {
  const uint32_t bytes = context(cmd.ctx(), 6, 0);
  if (context(cmd.ctx(), 6, 7) != (1 | 1 << 16) || cmd.w[7] < Spm) fail("multicast");
  const std::vector<uint8_t> data(spm_at(cmd.w[5], bytes), spm_at(cmd.w[5], bytes) + bytes);
  for_rect(cmd.w[4],
           [&](FakeTile& t) { std::memcpy(t.spm_at(cmd.w[7] - Spm, bytes), data.data(), bytes); });
}

/// A run of the pattern: linear, from a multiple of 4.
void FakeTile::spm_fill(const Command& cmd) {
  const uint32_t bytes = context(cmd.ctx(), 5, 0);
  uint8_t* to = spm_at(cmd.w[7], bytes);
  for (uint32_t i = 0; i < bytes; i++) to[i] = static_cast<uint8_t>(cmd.w[9] >> 8 * (i % 4));
}

/// With the functional models of the engines, which have tests of their own.
void FakeTile::vec(const Command& cmd) {
  engines::VeContext c;
  c.stages = context_row(cmd.ctx(), 0);
  c.io = context_row(cmd.ctx(), 1);
  for (uint32_t i = 0; i < 3; i++) c.in[i] = context_row(cmd.ctx(), 2 + i);
  for (uint32_t i = 0; i < 2; i++) c.out[i] = context_row(cmd.ctx(), 5 + i);
  engines::VeCommand v;
  std::copy_n(&cmd.w[5], 5, v.base.begin());
  std::copy_n(&cmd.w[10], 5, v.constant.begin());
  const auto result = engines::ve_run(c, v, spm_);
  if (result.error != engines::CmdError::Ok) {
    fail("vector engine error " + std::to_string(static_cast<int>(result.error)));
  }
  engines::ve_apply(result, spm_);
}

void FakeTile::layout(const Command& cmd) {
  engines::TdmaCommand t;
  t.op = static_cast<uint8_t>(cmd.op());
  t.src = cmd.w[5];
  t.dst = cmd.w[6];
  t.index = cmd.w[7];
  t.pattern = cmd.w[9];
  t.tdma = context_row(cmd.ctx(), 0);
  t.rd = context_row(cmd.ctx(), cmd.op() == 0x42 ? 1 : 3);
  t.wr = context_row(cmd.ctx(), 2);
  const auto result = engines::tdma_run(t, spm_);
  if (result.error != engines::CmdError::Ok) {
    fail("layout engine error " + std::to_string(static_cast<int>(result.error)));
  }
}

// ---------------------------------------------------------------- chip

namespace {
FakeChip* running_chip = nullptr;
size_t running_core = 0;
}  // namespace

/// A coroutine: the scheduler's own, or a core's.
struct FakeChip::Core {
  static constexpr size_t StackBytes = 256 * 1024;
  ucontext_t context{};
  std::vector<char> stack;
  uint64_t time = 0;  ///< when it continues, unless it sleeps
  uint32_t mask = 0;  ///< interrupts it sleeps for, 0: awake
  bool finished = false;
  std::exception_ptr error;
};

FakeChip::FakeChip(FakeHbm& hbm, uint32_t x0, uint32_t y0, uint32_t w, uint32_t h, uint64_t seed,
                   FakeTile::Timing timing)
    : hbm_(hbm), x0_(x0), y0_(y0), w_(w), h_(h), scheduler_(std::make_unique<Core>()) {
  for (uint32_t i = 0; i < w * h; i++) {
    tiles_.push_back(std::make_unique<FakeTile>(*this, x0 + i % w, y0 + i / w, seed + i, timing));
  }
}

FakeChip::~FakeChip() { running_chip = nullptr; }

size_t FakeChip::current_index() { return running_core; }

void FakeChip::enter() {
  FakeChip& chip = *running_chip;
  Core& core = *chip.cores_[running_core];
  try {
    chip.function_(static_cast<uint32_t>(running_core) % chip.w_,
                   static_cast<uint32_t>(running_core) / chip.w_);
  } catch (...) {
    core.error = std::current_exception();
  }
  core.finished = true;
  swapcontext(&core.context, &chip.scheduler_->context);
}

void FakeChip::yield() {
  Core& core = *cores_[running_core];
  swapcontext(&core.context, &scheduler_->context);
}

void FakeChip::wake(FakeTile& tile) {
  Core& core = *cores_[(tile.y_ - y0_) * w_ + (tile.x_ - x0_)];
  if (core.mask != 0 && (tile.pending() << 16 & core.mask) != 0) {
    core.mask = 0;
    core.time = now_ + 10;
  }
}

void FakeChip::run(const std::function<void(uint32_t, uint32_t)>& core) {
  running_chip = this;
  function_ = core;
  cores_.clear();
  for (size_t i = 0; i < tiles_.size(); i++) {
    cores_.push_back(std::make_unique<Core>());
    Core& c = *cores_.back();
    c.stack.resize(Core::StackBytes);
    c.time = now_;
    getcontext(&c.context);
    c.context.uc_stack.ss_sp = c.stack.data();
    c.context.uc_stack.ss_size = c.stack.size();
    makecontext(&c.context, &FakeChip::enter, 0);
  }
  for (;;) {
    // The earliest of all commands' ends and cores' next steps.
    uint64_t next = UINT64_MAX;
    size_t who = 0;
    int engine = -1;
    bool all_finished = true;
    for (size_t i = 0; i < tiles_.size(); i++) {
      for (int e = 0; e < static_cast<int>(FakeTile::Engines); e++) {
        const auto& r = tiles_[i]->running_[e];
        if (r && r->finish < next) next = r->finish, who = i, engine = e;
      }
      const Core& c = *cores_[i];
      all_finished = all_finished && c.finished;
      if (!c.finished && c.mask == 0 && c.time < next) next = c.time, who = i, engine = -1;
    }
    if (next == UINT64_MAX && all_finished) return;
    if (next == UINT64_MAX) throw std::runtime_error("cores sleep and no engine runs");
    now_ = std::max(now_, next);
    if (engine >= 0) {
      tiles_[who]->finish(static_cast<FakeTile::Engine>(engine));
      tiles_[who]->start_all();
      wake(*tiles_[who]);
      continue;
    }
    running_core = who;
    swapcontext(&scheduler_->context, &cores_[who]->context);
    if (cores_[who]->error) std::rethrow_exception(cores_[who]->error);
  }
}

uint32_t FakeChip::read(uint32_t address) {
  FakeTile& tile = *tiles_[running_core];
  cores_[running_core]->time = now_ + tile.timing_.access_cycles + tile.timing_.code_cycles;
  yield();
  return tile.core_read(address);
}

void FakeChip::write(uint32_t address, uint32_t value) {
  FakeTile& tile = *tiles_[running_core];
  cores_[running_core]->time = now_ + tile.timing_.access_cycles + tile.timing_.code_cycles;
  yield();
  tile.core_write(address, value);
  tile.start_all();
}

void FakeChip::sleep(uint32_t mask) {
  FakeTile& tile = *tiles_[running_core];
  cores_[running_core]->mask = mask;
  wake(tile);
  yield();
}

}  // namespace tsr
