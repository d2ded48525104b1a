// SPDX-License-Identifier: Apache-2.0
// Random programs, RTL in lock-step with the instruction-set model, everything around it random
// too.
#include "Vcore.h"
#include "core/core_bench.hpp"
#include "core/random_program.hpp"

namespace {

using namespace tsr;
using namespace tsr::rv;
using tb::RandomProgram;

class CoreRandom : public tb::CoreBench<Vcore> {
 protected:
  /// What happened, to prove that a run reached what it is for.
  struct Coverage {
    std::uint64_t instructions = 0, exceptions = 0, interrupts = 0, bus_faults = 0, cycles = 0,
                  halts = 0;
    std::uint64_t kinds[32] = {};
  };

  void load_random_program() {
    RandomProgram random(rng(), {});
    write_program(RandomProgram::table());
    write_program(random.setup(chance(0.5)));
    write_program(random.code(2000));
    bus().ready = chance(0.3) ? 1.0 : 0.05 * static_cast<double>(rand_in(2, 20));
    bus().max_latency = static_cast<unsigned>(rand_in(1, 12));
    bus().error = chance(0.5) ? 0.0 : 0.3;
  }

  /// Run until `instructions` retired; `extra` drives what else goes on, once a cycle.
  void run_random(std::uint64_t instructions, Coverage& coverage,
                  const std::function<void()>& extra) {
    start(RandomProgram::kSetup);
    const auto begin = cycle();
    const auto limit = begin + 60 * instructions;
    while (retired().size() < instructions && cycle() < limit && !HasFailure()) {
      if (chance(0.02)) {
        set_irq(chance(0.6) ? 0 : static_cast<Word>(rng()()) & static_cast<Word>(rng()()));
      }
      extra();
      tick();
    }
    ASSERT_FALSE(HasFailure());
    ASSERT_GE(retired().size(), instructions) << "no progress";
    coverage.cycles += cycle() - begin;
    for (const auto& r : retired()) {
      coverage.instructions += r.trap ? 0 : 1;
      coverage.exceptions += r.trap && !r.intr ? 1 : 0;
      coverage.interrupts += r.intr ? 1 : 0;
      coverage.bus_faults += r.trap && !r.intr && (r.cause == 5 || r.cause == 7) ? 1 : 0;
      if (r.trap && !r.intr) ++coverage.kinds[r.cause & 31];
    }
    set_irq(0);
    stop();
  }

  void random_door_access() {
    if (door_queue().size() > 4) return;
    // Writes stay clear of the code; reads go everywhere.
    Word addr = static_cast<Word>(rand_in(0, 0x7fff)) * 4;
    const bool write = chance(0.5) && !(addr >= RandomProgram::kTable && addr < 0x8000);
    if (chance(0.5)) addr = (addr & 0x3fc) + 0x10700;  // where the program is
    door_queue().push_back(
        {write, addr, static_cast<Word>(rng()()), static_cast<std::uint8_t>(rng()() & 15)});
    if (addr >= 0x10000 && !write) door_queue().back().strb = 0xf;
  }
};

TEST_F(CoreRandom, FollowsTheModelWithInterruptsAndBusErrors) {
  randomize_tcms();
  Coverage coverage;
  for (int i = 0; i < 100 && !HasFatalFailure(); ++i) {
    load_random_program();
    run_random(4000, coverage, [] {});
  }
  fmt::print("{} instructions, {} exceptions ({} bus faults), {} interrupts in {} cycles\n",
             coverage.instructions, coverage.exceptions, coverage.bus_faults, coverage.interrupts,
             coverage.cycles);
  EXPECT_GE(coverage.instructions, 300000U);
  EXPECT_GE(coverage.interrupts, 300U);
  for (const unsigned cause : {0, 1, 2, 3, 4, 5, 6, 7, 11})
    EXPECT_GE(coverage.kinds[cause], 10U) << cause;
}

TEST_F(CoreRandom, FollowsTheModelWithBackDoorTraffic) {
  randomize_tcms();
  Coverage coverage;
  for (int i = 0; i < 12 && !HasFatalFailure(); ++i) {
    load_random_program();
    set_door_rate(i % 3 == 0 ? 1.0 : 0.2);
    run_random(3000, coverage, [this] { random_door_access(); });
    set_door_rate(1.0);
    ASSERT_TRUE(run_until([this] { return door_idle(); }, 100));
  }
  EXPECT_GE(coverage.instructions, 30000U);
  EXPECT_LE(longest_door_wait(), 1U);
  EXPECT_GE(door_answers().size(), 5000U + 32768U);
}

TEST_F(CoreRandom, FollowsTheModelThroughHaltsAndSteps) {
  randomize_tcms();
  Coverage coverage;
  for (int i = 0; i < 12 && !HasFatalFailure(); ++i) {
    load_random_program();
    run_random(3000, coverage, [this, &coverage] {
      if (!chance(0.005)) return;
      pulse_halt();
      ASSERT_TRUE(wait_halted(2000));
      ++coverage.halts;
      const auto r = static_cast<Word>(rand_in(0, 31));
      EXPECT_EQ(debug_read(r).data, iss().reg(r));
      EXPECT_EQ(debug_read(32).data, iss().pc());
      stepping_ = true;
      for (auto steps = rand_in(0, 3); steps > 0; --steps) {
        const auto before = retired().size();
        pulse_step();
        ASSERT_TRUE(wait_halted(2000));
        EXPECT_EQ(retired().size(), before + 1);
      }
      stepping_ = false;
      pulse_resume();
    });
  }
  EXPECT_GE(coverage.halts, 100U);
}

/// Again with records, on the TCMs as they were: each retires in its cycle.
class CoreCycles : public CoreRandom {
 protected:
  void check_steps(Word boot_pc) {
    tb::ShadowMemory shadow(65536, 65536);
    shadow.itcm = itcm_;
    shadow.dtcm = dtcm_;
    Iss model(shadow);
    model.reset(boot_pc);
    std::uint64_t start = retire_cycles().front() - 1;
    for (std::size_t i = 0; i < retired().size(); ++i) {
      ASSERT_EQ(model.step(), retired()[i]);
      ASSERT_EQ(start + model.busy(), retire_cycles()[i]) << retired()[i].to_string();
      start += model.cycles();
    }
  }
  std::vector<Word> itcm_, dtcm_;  ///< before the program
};

TEST_F(CoreCycles, AreThoseOfTheModel) {
  // run() on copies of the memories; both times from the first instruction to the last.
  for (int i = 0; i < 20 && !HasFailure(); ++i) {
    RandomProgram random(rng(), {/*system=*/false, /*backward=*/false, /*bus=*/false});
    randomize_tcms();
    write_program(random.setup(false));
    write_program(random.code(500));
    std::vector<Word> itcm = itcm_ = memory().itcm;
    std::vector<Word> dtcm = dtcm_ = memory().dtcm;
    Iss model(memory());
    model.attach({reinterpret_cast<std::uint8_t*>(itcm.data()), 0x10000,
                  reinterpret_cast<std::uint8_t*>(dtcm.data()), 0x10000, nullptr, 0});
    model.reset(RandomProgram::kSetup);
    model.set_now(0);
    start(RandomProgram::kSetup);
    run_to_stop();
    stop();
    const auto cycles = retire_cycles().back() - retire_cycles().front();
    model.run(cycles);
    EXPECT_EQ(model.now(), cycles);
    EXPECT_EQ(model.pc(), retired().back().pc);
    EXPECT_EQ(model.retired(), retired().size() - 1);
    check_steps(RandomProgram::kSetup);
  }
}

}  // namespace
