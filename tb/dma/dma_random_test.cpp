// SPDX-License-Identifier: Apache-2.0
// Both DMA engines at once on random commands, with random timing everywhere, against the model.
#include <algorithm>

#include "dma_env.hpp"

namespace tsr::tb {
namespace {

constexpr std::uint32_t kHalf = kSpmBytes / 2;  // RDMA writes below, WDMA reads above
constexpr std::uint32_t kHeard = 4096;          // end of the lower half: what other nodes read

class DmaRandom : public DmaBench {
 protected:
  /// Three factors whose product is `total`.
  std::array<std::uint16_t, 3> factors(unsigned total) {
    std::array<std::uint16_t, 3> f{1, 1, 1};
    while (total > 1) {
      unsigned p = 2;
      while (total % p != 0) ++p;
      auto& slot = f[rand_in(0, 2)];
      slot = static_cast<std::uint16_t>(slot * p);
      total /= p;
    }
    return f;
  }

  std::uint32_t random_count() {
    switch (rand_in(0, 3)) {
      case 0:
        return static_cast<std::uint32_t>(rand_in(1, 16));
      case 1:
        return static_cast<std::uint32_t>(rand_in(1, 8)) * 64;
      default:
        return static_cast<std::uint32_t>(rand_in(1, 700));
    }
  }

  /// Strides that keep the elements apart, some of them negative; returns the base that puts the
  /// whole box at `low`, and its size in `span`.
  std::int64_t dense_walk(std::uint32_t count, const std::array<std::uint16_t, 3>& iter,
                          std::array<std::int32_t, 3>& stride, std::int64_t low,
                          std::int64_t& span) {
    std::int64_t base = low;
    std::int64_t size = count;
    for (unsigned i = 0; i < 3; ++i) {
      const std::int64_t step = size + static_cast<std::int64_t>(chance(0.5) ? 0 : rand_in(0, 20));
      const bool down = chance(0.3);
      stride[i] = static_cast<std::int32_t>(down ? -step : step);
      if (down) base += step * (iter[i] - 1);
      size = step * iter[i];
    }
    span = size;
    return base;
  }

  struct Job {
    DmaCommand command;
    DmaConfig config;
  };

  /// A command of `engine`; its scratchpad side within [low, low + kHalf) or out of range
  /// altogether.
  Job random_job(unsigned engine) {
    Job job;
    const std::int64_t low = engine == kRdma ? 0 : kHalf;
    for (;;) {
      const unsigned total = static_cast<unsigned>(rand_in(1, 24));
      DmaConfig& c = job.config;
      c = make_config(random_count());
      c.timeout = 0;
      c.src_iter = factors(total);
      c.dst_iter = factors(total);
      auto& near_stride = engine == kRdma ? c.dst_stride : c.src_stride;
      auto& near_iter = engine == kRdma ? c.dst_iter : c.src_iter;
      auto& far_stride = engine == kRdma ? c.src_stride : c.dst_stride;
      std::int64_t span = 0;
      std::int64_t near = dense_walk(c.count, near_iter, near_stride, low, span);
      const std::int64_t room = engine == kRdma ? kHalf - kHeard : kHalf;
      if (span > room) continue;
      near += static_cast<std::int64_t>(rand_in(0, static_cast<std::uint64_t>(room - span)));
      for (auto& s : far_stride) s = static_cast<std::int32_t>(rand_in(0, 4000)) - 2000;
      const std::uint64_t far = (engine == kRdma ? 0x100000000 : 0x200000000) + rand_in(0, 4095);
      if (engine == kRdma) {
        const auto pick = rand_in(0, 9);
        const DmaOp op = pick < 2 ? DmaOp::SpmFill : pick < 4 ? DmaOp::Spread : DmaOp::Read;
        job.command = make_command(op, far, static_cast<std::uint32_t>(near));
        if (op == DmaOp::Spread) job.command.x1 = static_cast<std::uint8_t>(rand_in(0, 63));
      } else {
        const auto pick = rand_in(0, 9);
        const DmaOp op = pick < 2 ? DmaOp::Multicast : pick < 4 ? DmaOp::Fill : DmaOp::Write;
        job.command = make_command(op, static_cast<std::uint32_t>(near), far);
        job.command.x0 = static_cast<std::uint8_t>(rand_in(0, 3));
        job.command.x1 = static_cast<std::uint8_t>(rand_in(job.command.x0, 63));
        job.command.y1 = static_cast<std::uint8_t>(rand_in(0, 63));
      }
      job.command.id = static_cast<std::uint16_t>(rng()());
      job.command.context = static_cast<std::uint8_t>(rand_in(0, 7));
      if (chance(0.05)) spoil(engine, job);
      return job;
    }
  }

  /// Make the command illegal in one way or another.
  void spoil(unsigned engine, Job& job) {
    auto& near_stride = engine == kRdma ? job.config.dst_stride : job.config.src_stride;
    switch (rand_in(0, 4)) {
      case 0:
        job.command.op = static_cast<std::uint8_t>(rand_in(0x14, 255));
        break;
      case 1:
        job.config.count = 0;
        break;
      case 2:
        job.config.dst_iter[rand_in(0, 2)] = 0;
        break;
      case 3:  // a fill would walk on, into what is heard
        if (job.command.op == static_cast<std::uint8_t>(DmaOp::SpmFill)) {
          job.command.op = static_cast<std::uint8_t>(DmaOp::Read);
        }
        job.config.dst_iter[rand_in(0, 2)] += 30;
        break;
      default:  // out of range in the first element that moves away from the base
        near_stride = {1 << 24, 1 << 24, 1 << 24};
        break;
    }
  }

  /// Now and then something that another node has read comes, into one slot of 128 bytes after the
  /// other.
  void hear_at_random(double rate) {
    constexpr std::uint32_t kSlots = kHeard / 128;
    if (!chance(rate) || (sent_ % kSlots == 0 && heard_ != sent_)) return;
    const auto first = static_cast<unsigned>(rand_in(0, 63));
    const auto count = static_cast<unsigned>(rand_in(1, 64 - first));
    const auto slot = kHalf - kHeard + static_cast<std::uint32_t>(sent_ % kSlots * 128);
    const int semaphore = static_cast<int>(rand_in(0, 16)) - 1;
    hear(0x300000000 + rand_in(0, 1000) * 64 + first, count,
         slot + static_cast<std::uint32_t>(rand_in(0, 64)), semaphore);
    if (semaphore >= 0) ++expected_posts_[static_cast<unsigned>(semaphore)];
    ++sent_;
  }
  std::uint64_t sent_ = 0;
  std::array<std::uint64_t, 16> expected_posts_{};

  void random_timing() {
    for (unsigned e = 0; e < 2; ++e) {
      request_stall_[e] = chance(0.5) ? 0.0 : 0.1 * static_cast<double>(rand_in(1, 9));
      response_stall_[e] = chance(0.5) ? 0.0 : 0.1 * static_cast<double>(rand_in(1, 9));
    }
    context_stall_ = chance(0.5) ? 0.0 : 0.7;
    disturbance_ = chance(0.5) ? 0.0 : 0.1 * static_cast<double>(rand_in(1, 10));
    disturb_base_ = static_cast<std::uint32_t>(rand_in(0, 7)) * 8192;
    latency_min_ = static_cast<unsigned>(rand_in(1, 40));
    latency_max_ = latency_min_ + static_cast<unsigned>(rand_in(0, 100));
    reorder_ = chance(0.7);
  }
};

TEST_F(DmaRandom, BothEnginesMatchTheModel) {
  constexpr unsigned kCommands = 600;
  std::array<unsigned, 2> left{kCommands, kCommands};
  std::array<std::optional<DmaOutcome>, 2> outcome;
  std::array<Job, 2> job;
  std::uint64_t bytes = 0;
  while (left[0] + left[1] > 0 && !HasFailure()) {
    if (chance(0.002)) random_timing();
    hear_at_random(0.02);
    for (unsigned e = 0; e < 2; ++e) {
      if (outcome[e] && done_[e].valid) {
        compare(done_[e], *outcome[e], job[e].command, e);
        bytes += outcome[e]->bytes;
        outcome[e].reset();
        --left[e];
        if (left[e] % 50 == 0) random_timing();
      }
      if (!outcome[e] && left[e] > 0 && chance(0.2)) {
        job[e] = random_job(e);
        ops_[e] = 0;
        outcome[e] = predict(e, job[e].command, job[e].config);
        issue(e, job[e].command, job[e].config);
      }
    }
    tick();
    ASSERT_LT(cycle(), 4000000U) << "stuck";
  }
  EXPECT_TRUE(run_until([&] { return heard_ == sent_; }, 2000));
  EXPECT_EQ(posts_, expected_posts_);
  fmt::print("{} commands, {} bytes, {} blocks heard, {} cycles\n", 2 * kCommands, bytes, heard_,
             cycle());
  check_memories();
}

TEST_F(DmaRandom, SurvivesRandomErrors) {
  // Any reply may be an error, late or missing. Every command ends, a good one is exact again.
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    random_timing();
    const double bad = 0.02 * static_cast<double>(rand_in(0, 5));
    bool faulty = false;
    on_request_ = [&](const Request& r) {
      if (r.kind == kKindWritePosted || !chance(bad)) return Reply{};
      faulty = true;
      switch (rand_in(0, 3)) {
        case 0:
          return Reply{Reply::What::kError, kErrUnmapped, 0};
        case 1:
          return Reply{Reply::What::kPoison, 0, 0};
        case 2:
          return Reply{Reply::What::kHold, 0, 0};
        default:
          return Reply{Reply::What::kNever, 0, 0};
      }
    };
    for (unsigned e = 0; e < 2; ++e) {
      Job job = random_job(e);
      job.config.timeout = 600;
      const auto before = spm_;
      const auto outcome = predict(e, job.command, job.config);
      faulty = false;
      const Done done = execute(e, job.command, job.config);
      EXPECT_EQ(done.id, job.command.id);
      if (!faulty) {
        EXPECT_EQ(static_cast<unsigned>(done.error), static_cast<unsigned>(outcome.error));
      } else {
        EXPECT_NE(done.error, CmdError::Ok);
        // Each byte is the old or the new one.
        const auto contents = read_scratchpad();
        for (std::uint32_t i = 0; i < kSpmBytes; ++i) {
          ASSERT_TRUE(contents[i] == before[i] || contents[i] == spm_[i]) << "byte " << i;
        }
        spm_ = contents;
        release_held(static_cast<unsigned>(rand_in(1, 50)));
      }
    }
    on_request_ = nullptr;
    for (unsigned e = 0; e < 2; ++e) {
      memory_.clear();
      expected_.clear();
      Job job = random_job(e);
      const auto outcome = predict(e, job.command, job.config);
      ops_[e] = 0;
      compare(execute(e, job.command, job.config), outcome, job.command, e);
      check_memories();
    }
  }
}

}  // namespace
}  // namespace tsr::tb
