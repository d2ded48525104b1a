// SPDX-License-Identifier: Apache-2.0
/// Every error that an engine can raise, in a whole tile: what is captured, the interrupt, the
/// stopped queue, other engines that go on, flush, and a command that works afterwards. Format
/// flags. Chained contexts without bubbles.
#include <verilated.h>

#include <functional>

#include "engines/tdma.hpp"
#include "me/gemm_plan.hpp"
#include "tile/program.hpp"
#include "tile/spm_view.hpp"
#include "tile/tile_bench.hpp"
#include "ve/ve_plan.hpp"

namespace tsr::tb {
namespace {

using engines::AguConfig;
using engines::CmdError;
using engines::ContextRow;
using engines::MeFormat;

constexpr std::uint64_t kSource = 0x12'3440;  // in HBM
constexpr std::uint64_t kTarget = 0x24'6800;
constexpr std::uint64_t kHole = 0x60'0000;  // answered with Unmapped
constexpr std::uint32_t kListAt = 0x7800;   // index lists in the scratchpad
constexpr unsigned kSpareSemaphore = 7;

/// A command with the rows of the context that it names.
struct Job {
  unsigned engine = 0;
  Words words{};
  std::array<ContextRow, 8> rows{};
};

/// What goes wrong outside of the tile.
enum class Outside { Fine, Closed, Silent, Poisoned };

struct Fault {
  std::string what;
  Job job;
  CmdError error = CmdError::Ok;
  unsigned info = 0;                         // CmdError::Bus: the network's error
  std::optional<std::uint64_t> bus_address;  // CmdError::Bus
  bool moves = false;                        // a part of the command has run
  Outside outside = Outside::Fine;
};

class TileRecovers : public TileBench {
 protected:
  void SetUp() override {
    TileBench::SetUp();
    open_windows();
    world_.own_spm = node_address(kSelf, kSpm);
    world_.spm.assign(kSpmBytes, 0);
    VeRandom random(rng());
    random.fill(world_.spm, 0, 0x8000, VeFormat::Bf16);
    for (std::uint32_t i = 0; i < 64; ++i) put_word(kListAt + 4 * i, i % 13);
    std::vector<BlockWrite> writes;
    for (std::uint32_t at = 0; at < kSpmBytes; at += 64) {
      BlockWrite write{kSpm + at, ~std::uint64_t{0}, {}};
      std::memcpy(write.data.data(), &world_.spm[at], 64);
      writes.push_back(write);
    }
    ASSERT_TRUE(write_batch(writes));
    for (std::uint64_t i = 0; i < 4096; ++i) {
      world_.memory[hbm_address(kSource + i)] = static_cast<std::uint8_t>(rng()());
    }
    memory_ = world_.memory;
    for (std::uint64_t i = 0; i < 4096; i += 64) bad_blocks_.insert(hbm_address(kHole + i));
    world_.bad_blocks = bad_blocks_;
  }

  void put_word(std::uint32_t at, std::uint32_t value) { std::memcpy(&world_.spm[at], &value, 4); }

  // ---------------------------------------------------------------- commands that work

  static Job dma_read() {
    Job job;
    job.engine = kRdma;
    job.words = command(0x01, 0, 0);
    job.words[5] = kSource;
    job.words[7] = 0x8004;
    job.rows[5] = dma_rows(64, 3, 128, 72);
    return job;
  }
  static Job dma_write() {
    Job job;
    job.engine = kWdma;
    job.words = command(0x11, 0, 0);
    job.words[5] = 0x0123;
    job.words[7] = kTarget;
    job.rows[6] = dma_rows(64, 3, 72, 128);
    return job;
  }
  static GemmPlan gemm_plan(MeFormat format = MeFormat::Bf16) {
    GemmPlan plan;
    plan.m = 9;
    plan.n = 10;
    plan.k = 24;
    plan.me.set_format(format);
    plan.place(0x1000);
    return plan;
  }
  static Job gemm(const GemmPlan& plan) {
    Job job;
    job.engine = kMe;
    job.words = command(0x21, 0, 0);
    const auto bases = plan.bases();
    std::copy(bases.begin(), bases.end(), job.words.begin() + 5);
    job.words[10] = plan.sa;
    job.words[11] = plan.sb;
    const auto rows = plan.context();
    job.rows = {rows.me, rows.a, rows.b, rows.c, rows.o, {}, {}, rows.scale};
    return job;
  }
  static VePlan vector_plan() {
    VePlan plan;
    plan.config.in[0].en = plan.config.out[0].en = true;
    plan.config.in[0].format = plan.config.out[0].format = VeFormat::Bf16;
    plan.config.stage[0].op = VeOp::Mul;
    plan.config.stage[0].a.src = plan.config.stage[0].b.src = VeSrc::V0;
    plan.config.stage[0].dst = 0;
    plan.in[0] = linear(5, 24);
    plan.args.base = {0x3000, 0x3400, 0x3800, 0xa000, 0xb000};
    plan.fit();
    return plan;
  }
  static Job vector(const VePlan& plan) {
    Job job;
    job.engine = kVe;
    job.words = command(0x31, 0, 0);
    std::copy(plan.args.base.begin(), plan.args.base.end(), job.words.begin() + 5);
    std::copy(plan.args.constant.begin(), plan.args.constant.end(), job.words.begin() + 10);
    const auto rows = plan.context();
    job.rows = {rows.stages, rows.io, rows.in[0], rows.in[1], rows.in[2], rows.out[0], rows.out[1]};
    return job;
  }
  static Job layout(const engines::TdmaCommand& tdma) {
    Job job;
    job.engine = kTdma;
    job.words = tdma.to_words(0, 0);
    const auto rows = tdma.context_rows();
    std::copy(rows.begin(), rows.end(), job.rows.begin());
    return job;
  }
  static Job copy_job() { return layout(engines::tdma_copy(0x4001, 0xc003, 77, {{3, 100, 90}})); }
  static Job turn_job() {
    return layout(
        engines::tdma_turn(engines::TdmaElement::Bytes2, 12, 20, {0x4000, 48}, {0xd000, 40}));
  }
  static Job gather_job() {
    return layout(engines::tdma_gather({0x4000, 48, 13}, kListAt, {0xe000, 50}, 20, 47));
  }

  static Job working(unsigned engine) {
    switch (engine) {
      case kRdma:
        return dma_read();
      case kWdma:
        return dma_write();
      case kMe:
        return gemm(gemm_plan());
      case kVe:
        return vector(vector_plan());
      default:
        return copy_job();
    }
  }

  // ---------------------------------------------------------------- running

  void submit(Job job, unsigned context, std::uint16_t id) {
    for (unsigned row = 0; row < 8; ++row) write_context(context, row, job.rows[row]);
    job.words[0] |= context << 8 | std::uint32_t{id} << 16;
    ASSERT_EQ(push(job.engine, job.words), Err::kNone);
  }

  /// Run a job on the functional model.
  static Outcome model(const Job& job, World& world) {
    Program program;
    program.contexts[0] = job.rows;
    ProgramCommand command;
    command.engine = job.engine;
    command.words = job.words;
    program.commands = {command};
    return execute(program, world)[0];
  }

  bool wait_for(const std::function<bool(std::uint32_t)>& status, std::uint64_t limit = 20'000) {
    const std::uint64_t end = cycle() + limit;
    while (cycle() < end) {
      if (status(get(reg::kQueueStatusOffset))) return true;
    }
    return false;
  }

  void compare(const std::string& what) {
    const Bytes spm = scratchpad(dut());
    for (std::size_t i = 0; i < spm.size() && spm != world_.spm; ++i) {
      if (spm[i] == world_.spm[i]) continue;
      ADD_FAILURE() << what << ": scratchpad " << std::hex << i << " is " << unsigned{spm[i]}
                    << ", expected " << unsigned{world_.spm[i]};
      return;
    }
    EXPECT_TRUE(memory_ == world_.memory) << what << ": memory";
  }

  /// The engine works.
  void works(unsigned engine, const std::string& what) {
    const Job job = working(engine);
    EXPECT_EQ(model(job, world_).error, CmdError::Ok);
    submit(job, 2, 0x77);
    EXPECT_TRUE(wait_for([](std::uint32_t s) { return (s >> 20 & 31) == 0; })) << what;
    EXPECT_EQ(get(reg::kErrStatusOffset), 0U) << what;
    compare(what + ", a working command");
  }

  void set_outside(Outside outside) {
    silent_ = outside == Outside::Silent;
    poisoned_ = outside == Outside::Poisoned;
    for (unsigned w = 0; w < 2; ++w) {
      set(reg::kAccessCtrlOffset + 16 * w, outside == Outside::Closed ? 0 : w | 0x30);
    }
  }

  void check(const Fault& fault) {
    SCOPED_TRACE(fault.what);
    const unsigned engine = fault.job.engine;
    const bool enabled = chance(0.5);
    const auto id = static_cast<std::uint16_t>(rng()());
    set(reg::kErrEnableOffset, enabled ? 1U << engine : 31U & ~(1U << engine));
    set_outside(fault.outside);
    World after = world_;
    const Outcome expected = model(fault.job, after);
    if (fault.error != CmdError::Bus) EXPECT_EQ(expected.error, fault.error);

    // Another engine works meanwhile, and the next command of this one must not run.
    const unsigned other = engine == kTdma ? kVe : kTdma;
    const Job bystander = working(other);
    EXPECT_EQ(model(bystander, world_).error, CmdError::Ok);
    submit(fault.job, 3, id);
    Words next = command(0x00, 0, 1);
    next[2] = 0x0110 | kSpareSemaphore;
    ASSERT_EQ(push(engine, next), Err::kNone);
    submit(bystander, 4, 5);
    ASSERT_TRUE(wait_for([&](std::uint32_t s) { return (s >> 25 & 31) != 0; })) << "no error";
    ASSERT_TRUE(wait_for([&](std::uint32_t s) { return (s >> 20 & 31) == 1U << engine; }))
        << "the other engine";

    // What is captured.
    const bool refused = fault.outside == Outside::Closed;  // the refusals themselves are recorded
    EXPECT_EQ(get(reg::kErrStatusOffset), refused ? 3U : 1U);
    const std::uint32_t last = get(reg::kErrLastOffset);
    EXPECT_EQ(last & 7, engine);
    EXPECT_EQ(last >> 4 & 15, static_cast<unsigned>(fault.error));
    EXPECT_EQ(last >> 8 & 7, fault.info);
    EXPECT_EQ(last >> 16, id);
    const std::uint64_t address =
        fault.error == CmdError::Bus ? fault.bus_address.value_or(0) : expected.address;
    EXPECT_EQ(get(reg::kErrLastAddrLoOffset), static_cast<std::uint32_t>(address));
    EXPECT_EQ(get(reg::kErrLastAddrHiOffset), address >> 32);
    if (!refused) {
      EXPECT_EQ(get(reg::kErrFirstOffset), last);
      EXPECT_EQ(get(reg::kErrFirstAddrLoOffset), static_cast<std::uint32_t>(address));
      EXPECT_EQ(get(reg::kErrFirstAddrHiOffset), address >> 32);
    }
    EXPECT_EQ(get(reg::kIrqStateOffset) & 3, enabled ? 2U : 0U);
    if (fault.moves) {
      world_.spm = scratchpad(dut());
      world_.memory = memory_;
    }
    compare("after the error");

    // The queue stands still until it is flushed.
    set_outside(Outside::Fine);
    run(100);
    const std::uint32_t status = get(reg::kQueueStatusOffset);
    EXPECT_EQ(status >> 25 & 31, 1U << engine) << "stopped";
    EXPECT_EQ(status >> 20 & 31, 1U << engine) << "busy";
    set(reg::kEngineCtrlOffset, 1U << engine);
    set(reg::kErrStatusOffset, 3);
    set(reg::kIrqStateOffset, 3);
    EXPECT_EQ(get(reg::kQueueStatusOffset), 0x0008'8888U) << "flushed";
    EXPECT_EQ(get(reg::kSemOffset + 4 * kSpareSemaphore), 0U) << "the next command ran";
    works(engine, "after the flush");
  }

  void check_all(const std::vector<Fault>& faults) {
    for (unsigned e = 0; e < kEngines; ++e) works(e, "before");
    for (const Fault& fault : faults) {
      if (HasFailure()) break;
      check(fault);
    }
  }

  /// A fault made of a working job.
  template <class Change>
  static Fault spoiled(const char* what, CmdError error, Job job, Change change) {
    change(job);
    Fault fault;
    fault.what = what;
    fault.job = job;
    fault.error = error;
    return fault;
  }
  static Fault partly(Fault fault) {
    fault.moves = true;
    return fault;
  }
  static Fault bus(Fault fault, Err info, std::uint64_t address, Outside outside = Outside::Fine) {
    fault.info = static_cast<unsigned>(info);
    fault.bus_address = address;
    fault.outside = outside;
    return fault;
  }

  /// Faults of the two DMA engines that are the same but for the row and the word.
  static std::vector<Fault> dma_faults(const Job& good) {
    const unsigned row = 5 + good.engine;
    const bool reads = good.engine == kRdma;
    const unsigned low = reads ? 5 : 7;    // word of the global address
    const unsigned local = reads ? 7 : 5;  // of the scratchpad offset
    const std::uint64_t place = good.words[low];
    const auto one = [&](Job job) {
      job.rows[row] = dma_rows(64, 1, 0, 0);
      job.rows[row][10] = 200;  // timeout
      return job;
    };
    std::vector<Fault> faults;
    faults.push_back(spoiled("opcode of another engine", CmdError::Opcode, good,
                             [](Job& j) { j.words[0] = 0x41; }));
    faults.push_back(
        spoiled("element of no bytes", CmdError::Zero, good, [&](Job& j) { j.rows[row][0] = 0; }));
    faults.push_back(
        spoiled("no iterations", CmdError::Zero, good, [&](Job& j) { j.rows[row][9] &= 0xffff; }));
    faults.push_back(spoiled("element too large", CmdError::Context, good,
                             [&](Job& j) { j.rows[row][0] = (1U << 20) + 1; }));
    faults.push_back(
        spoiled("totals differ", CmdError::Shape, good, [&](Job& j) { j.rows[row][7] += 1; }));
    faults.push_back(spoiled("outside the scratchpad", CmdError::Range, good,
                             [&](Job& j) { j.words[local] = kSpmBytes - 63; }));
    faults.push_back(partly(spoiled("third element outside", CmdError::Range, good,
                                    [&](Job& j) { j.words[local] = kSpmBytes - 150; })));
    faults.push_back(bus(spoiled("address beyond 56 bits", CmdError::Bus, good,
                                 [&](Job& j) { j.words[low + 1] |= 1U << 24; }),
                         Err::kUnmapped, place));
    faults.push_back(bus(spoiled("unmapped memory", CmdError::Bus, one(good),
                                 [&](Job& j) { j.words[low] = kHole + 64; }),
                         Err::kUnmapped, kHole + 64));
    faults.push_back(bus(spoiled("no access window", CmdError::Bus, one(good), [](Job&) {}),
                         Err::kForbidden, place, Outside::Closed));
    faults.push_back(partly(bus(spoiled("no answer", CmdError::Bus, one(good), [](Job&) {}),
                                Err::kTimeout, place, Outside::Silent)));
    return faults;
  }

  World world_;
};

// ---------------------------------------------------------------- errors

TEST_F(TileRecovers, FromEveryErrorOfRdma) {
  auto faults = dma_faults(dma_read());
  faults.push_back(bus(spoiled("poison", CmdError::Bus, dma_read(),
                               [](Job& j) { j.rows[5] = dma_rows(64, 1, 0, 0); }),
                       Err::kPoison, kSource, Outside::Poisoned));
  check_all(faults);
}

TEST_F(TileRecovers, FromEveryErrorOfWdma) {
  auto faults = dma_faults(dma_write());
  faults.push_back(
      spoiled("rectangle the wrong way round", CmdError::Context, dma_write(), [](Job& j) {
        j.words[0] = 0x12;
        j.words[4] = 3;
      }));
  check_all(faults);
}

TEST_F(TileRecovers, FromEveryErrorOfTheMatrixEngine) {
  const Job good = gemm(gemm_plan());
  GemmPlan with_c = gemm_plan();
  with_c.me.preload = true;
  with_c.place(0x1000);
  const Job preload = gemm(with_c);
  GemmPlan with_scales = gemm_plan(MeFormat::E4m3);
  with_scales.me.mx = true;
  with_scales.place(0x1000);
  const Job scaled = gemm(with_scales);
  const auto context = [](const char* what, const Job& job,
                          const std::function<void(Job&)>& change) {
    return spoiled(what, CmdError::Context, job, change);
  };
  std::vector<Fault> faults = {
      spoiled("opcode of another engine", CmdError::Opcode, good,
              [](Job& j) { j.words[0] = 0x31; }),
      context("formats that do not go together", good, [](Job& j) { j.rows[0][0] |= 1U << 8; }),
      context("block scales of BF16", good, [](Job& j) { j.rows[0][0] |= 1U << 12; }),
      context("block loop 6", good, [](Job& j) { j.rows[0][0] |= 6U << 13; }),
      context("unknown output format", good, [](Job& j) { j.rows[0][0] |= 3U << 6; }),
      context("pitch of A", good, [](Job& j) { j.rows[1][1] += 4; }),
      context("count of B", good, [](Job& j) { j.rows[2][5] &= 0xffff'0000; }),
      context("gather of A", good, [](Job& j) { j.rows[1][2] |= 1U << 31; }),
      context("transpose of C", preload, [](Job& j) { j.rows[3][2] |= 1U << 2; }),
      context("transpose of O", good, [](Job& j) { j.rows[4][2] |= 1U << 2; }),
      context("pitch of the scales", scaled, [](Job& j) { j.rows[7][1] += 1; }),
      spoiled("base of A not aligned", CmdError::Range, good, [](Job& j) { j.words[5] += 4; }),
      spoiled("base of O beyond 4 MiB", CmdError::Range, good,
              [](Job& j) { j.words[8] = 0x40'0000; }),
      spoiled("base of the scales of B", CmdError::Range, scaled, [](Job& j) { j.words[11] += 1; }),
      spoiled("K of A and B differ", CmdError::Shape, good, [](Job& j) { j.rows[2][4] += 1; }),
      spoiled("O has another total", CmdError::Shape, good, [](Job& j) { j.rows[4][4] += 1; }),
      spoiled("C has another total", CmdError::Shape, preload, [](Job& j) { j.rows[3][6] += 1; }),
  };
  static constexpr const char* kStreams[] = {"A outside", "B outside", "C outside", "O outside"};
  for (unsigned i = 0; i < 4; ++i) {
    faults.push_back(partly(spoiled(kStreams[i], CmdError::Range, i == 2 ? preload : good,
                                    [i](Job& j) { j.words[5 + i] = kSpmBytes - 200; })));
  }
  faults.push_back(partly(spoiled("scales outside", CmdError::Range, scaled,
                                  [](Job& j) { j.words[10] = kSpmBytes - 16; })));
  check_all(faults);
}

TEST_F(TileRecovers, FromEveryErrorOfTheVectorEngine) {
  using Change = std::function<void(VePlan&)>;
  const auto context = [](const char* what, const Change& change) {
    VePlan plan = vector_plan();
    change(plan);
    return spoiled(what, CmdError::Context, vector(plan), [](Job&) {});
  };
  const auto other = [](const char* what, CmdError error, const Change& change) {
    VePlan plan = vector_plan();
    plan.config.in[1] = plan.config.in[0];
    plan.config.out[1] = plan.config.out[0];
    plan.fit();
    change(plan);
    return partly(spoiled(what, error, vector(plan), [](Job&) {}));
  };
  std::vector<Fault> faults = {
      spoiled("opcode of another engine", CmdError::Opcode, vector(vector_plan()),
              [](Job& j) { j.words[0] = 0x21; }),
      context("unknown operation", [](VePlan& p) { p.config.stage[3].op = static_cast<VeOp>(63); }),
      context("stage without a multiplier", [](VePlan& p) { p.config.stage[4].op = VeOp::Fma; }),
      context("stage without special functions",
              [](VePlan& p) { p.config.stage[0].op = VeOp::Exp2; }),
      context("unknown source",
              [](VePlan& p) { p.config.stage[1].a.src = static_cast<VeSrc>(20); }),
      context("destination 5", [](VePlan& p) { p.config.stage[1].dst = 5; }),
      context("I0 off", [](VePlan& p) { p.config.in[0].en = false; }),
      context("I0 scalar", [](VePlan& p) { p.config.in[0].scalar = true; }),
      context("chain into I1", [](VePlan& p) { p.config.in[1].en = p.config.in[1].chain = true; }),
      context("unknown input format",
              [](VePlan& p) { p.config.in[0].format = static_cast<VeFormat>(15); }),
      context("hold loop 6",
              [](VePlan& p) {
                p.config.in[2].en = p.config.in[2].scalar = true;
                p.config.in[2].hold_loop = 6;
              }),
      context("unknown output format",
              [](VePlan& p) { p.config.out[0].format = static_cast<VeFormat>(15); }),
      context("rounding mode 5", [](VePlan& p) { p.config.out[0].rm = static_cast<VeRound>(5); }),
      context("block scales without O1",
              [](VePlan& p) {
                p.config.out[0].mx = true;
                p.config.out[0].format = VeFormat::E4m3;
              }),
      context("unknown reduction", [](VePlan& p) { p.config.reduce.op = static_cast<VeRed>(11); }),
      context("gather of I0", [](VePlan& p) { p.in[0].gather = true; }),
      context("transpose of O0",
              [](VePlan& p) {
                p.out[0].w_log2 = 0;
                p.out[0].xpose = engines::Transpose::Bytes1;
              }),
      context("count of O0", [](VePlan& p) { p.out[0].count[2] = 0; }),
      spoiled("base of I0 not aligned", CmdError::Range, vector(vector_plan()),
              [](Job& j) { j.words[5] += 4; }),
      spoiled("base of O0 beyond 4 MiB", CmdError::Range, vector(vector_plan()),
              [](Job& j) { j.words[8] = 0x40'0000; }),
      other("I0 outside", CmdError::Range, [](VePlan& p) { p.args.base[0] = kSpmBytes - 64; }),
      other("I1 outside", CmdError::Range, [](VePlan& p) { p.args.base[1] = kSpmBytes - 64; }),
      other("O0 outside", CmdError::Range, [](VePlan& p) { p.args.base[3] = kSpmBytes - 64; }),
      other("O1 outside", CmdError::Range, [](VePlan& p) { p.args.base[4] = kSpmBytes - 64; }),
      other("O0 ends too early", CmdError::Shape, [](VePlan& p) { p.out[0] = linear(3); }),
      other("O1 is not filled", CmdError::Shape, [](VePlan& p) { p.out[1] = linear(9); }),
      other("I1 ends too early", CmdError::Shape, [](VePlan& p) { p.in[1] = linear(2); }),
      other("I1 is too long", CmdError::Shape, [](VePlan& p) { p.in[1] = linear(8); }),
  };
  check_all(faults);
}

TEST_F(TileRecovers, FromEveryErrorOfTheLayoutEngine) {
  const auto context = [](const char* what, const Job& job,
                          const std::function<void(Job&)>& change) {
    return spoiled(what, CmdError::Context, job, change);
  };
  check_all({
      spoiled("opcode of another engine", CmdError::Opcode, copy_job(),
              [](Job& j) { j.words[0] = 0x46; }),
      spoiled("element of no bytes", CmdError::Zero, copy_job(), [](Job& j) { j.rows[0][0] = 0; }),
      spoiled("no iterations", CmdError::Zero, copy_job(), [](Job& j) { j.rows[0][7] = 0; }),
      context("element too large", copy_job(), [](Job& j) { j.rows[0][0] = (1U << 20) + 1; }),
      context("bits that must be zero", copy_job(), [](Job& j) { j.rows[0][13] = 1; }),
      context("mirror of units that do not fit", copy_job(), [](Job& j) { j.rows[0][12] = 4 | 3; }),
      context("pattern pitch", turn_job(), [](Job& j) { j.rows[1][1] += 2; }),
      context("pattern with gather", turn_job(), [](Job& j) { j.rows[2][2] |= 1U << 31; }),
      context("transpose at the destination", turn_job(), [](Job& j) { j.rows[2][2] |= 1U << 2; }),
      context("index unit of nothing", gather_job(), [](Job& j) { j.rows[0][10] = 0; }),
      spoiled("pattern base not aligned", CmdError::Range, turn_job(),
              [](Job& j) { j.words[5] += 1; }),
      spoiled("list base not aligned", CmdError::Range, gather_job(),
              [](Job& j) { j.words[7] += 4; }),
      spoiled("totals differ", CmdError::Shape, copy_job(), [](Job& j) { j.rows[0][7] += 1; }),
      spoiled("accesses differ", CmdError::Shape, turn_job(), [](Job& j) { j.rows[1][4] += 1; }),
      partly(spoiled("list outside", CmdError::Range, gather_job(),
                     [](Job& j) { j.words[7] = kSpmBytes - 64; })),
      partly(spoiled("source outside", CmdError::Range, copy_job(),
                     [](Job& j) { j.words[5] = kSpmBytes - 150; })),
      partly(spoiled("destination outside", CmdError::Range, copy_job(),
                     [](Job& j) { j.words[6] = kSpmBytes - 150; })),
      partly(spoiled("pattern outside", CmdError::Range, turn_job(),
                     [](Job& j) { j.words[6] = kSpmBytes - 128; })),
      partly(spoiled("index above the limit", CmdError::Range, gather_job(),
                     [](Job& j) { j.rows[0][11] = 12; })),
      partly(spoiled("list too short", CmdError::Shape, gather_job(),
                     [](Job& j) { j.rows[0][8] += 1U << 16; })),
      partly(spoiled("list too long", CmdError::Shape, gather_job(),
                     [](Job& j) { j.rows[0][8] -= 1U << 16; })),
  });
}

TEST_F(TileRecovers, FromAChainWhoseEndsDisagree) {
  // One block of eight beats from the vector engine, two of four for the matrix engine.
  GemmPlan gemm_side = gemm_plan();
  gemm_side.m = 8;
  gemm_side.n = 16;
  gemm_side.k = 16;
  gemm_side.me.chain_a = true;
  gemm_side.place(0x1000);
  VePlan vector_side = vector_plan();
  vector_side.in[0] = linear(8);
  vector_side.config.out[0].chain = true;
  submit(vector(vector_side), 5, 0x41);
  submit(gemm(gemm_side), 3, 0x42);
  ASSERT_TRUE(wait_for([](std::uint32_t s) { return (s >> 20 & 31) == 0; }));
  EXPECT_EQ(get(reg::kQueueStatusOffset) >> 25 & 31, 1U << kMe);
  EXPECT_EQ(get(reg::kErrStatusOffset), 1U);
  EXPECT_EQ(get(reg::kErrFirstOffset), kMe | 4U << 4 | 0x42U << 16);
  set(reg::kEngineCtrlOffset, 1U << kMe);
  set(reg::kErrStatusOffset, 3);
  set(reg::kIrqStateOffset, 3);
  world_.spm = scratchpad(dut());
  works(kMe, "after the chain");
  works(kVe, "after the chain");
}

class TileBrokenChains : public TileRecovers {
 protected:
  static constexpr std::uint32_t kIdle = 0x0008'8888;
  static constexpr std::uint32_t kBoth = 1U << kMe | 1U << kVe;

  /// One block of eight beats from the vector engine to the matrix engine, and what each of them
  /// does with its end of the other chain.
  static Job end(unsigned engine, bool gives) {
    if (engine == kVe) {
      VePlan plan = vector_plan();
      plan.in[0] = linear(8);
      (gives ? plan.config.out[0].chain : plan.config.in[0].chain) = true;
      plan.fit();
      return vector(plan);
    }
    GemmPlan plan = gemm_plan();
    plan.m = plan.n = 8;
    plan.k = 32;
    (gives ? plan.me.chain_o : plan.me.chain_a) = true;
    plan.place(0x1000);
    return gemm(plan);
  }
  static void post(Job& job) { job.words[2] = 0x0116; }

  /// The flushed engines become idle, without an effect of what they were given up with, and both
  /// work, alone and chained.
  void expect_free(const std::string& what) {
    EXPECT_TRUE(wait_for([](std::uint32_t s) { return s == kIdle; }, 3000)) << what;
    EXPECT_EQ(get(reg::kErrStatusOffset), 0U) << what;
    EXPECT_EQ(get(reg::kFmtStatusOffset), 0U) << what;
    EXPECT_EQ(get(reg::kSemOffset + 4 * 6), 0U) << what << ": posted";
    world_.spm = scratchpad(dut());
    works(kMe, what);
    works(kVe, what);
    expect_chain(what);
    set(reg::kFmtStatusOffset, 15);  // what the good ones left
  }

  void expect_chain(const std::string& what) {
    Job giver = end(kVe, true), taker = end(kMe, false);
    taker.words[0] |= 1U << 8;
    Program program;
    program.contexts[0] = giver.rows;
    program.contexts[1] = taker.rows;
    for (const Job* job : {&giver, &taker}) {
      ProgramCommand command;
      command.engine = job->engine;
      command.words = job->words;
      command.partner = job == &giver ? 1 : 0;
      program.commands.push_back(command);
    }
    const auto expected = execute(program, 0, world_);
    EXPECT_EQ(expected.first.error, CmdError::Ok);
    EXPECT_EQ(expected.second.error, CmdError::Ok);
    submit(end(kVe, true), 5, 0x51);
    submit(end(kMe, false), 6, 0x52);
    EXPECT_TRUE(wait_for([](std::uint32_t s) { return s == kIdle; })) << what << ": chain";
    compare(what + ", a chain");
  }
};

TEST_F(TileBrokenChains, FlushFreesAnEngineWhosePartnerNeverComes) {
  for (const unsigned engine : {kMe, kVe}) {
    for (const bool gives : {true, false}) {
      const std::string what = fmt::format("{} {}", engine_name(engine), gives ? "gives" : "takes");
      Job job = end(engine, gives);
      post(job);
      submit(job, 5, 0x41);
      run(1000);
      EXPECT_EQ(get(reg::kQueueStatusOffset) >> 20 & 31, 1U << engine) << what << ": waits";
      set(reg::kEngineCtrlOffset, 1U << engine);
      expect_free(what);
    }
  }
}

TEST_F(TileBrokenChains, FlushOfBothFreesThemFromADroppedCommand) {
  for (const unsigned engine : {kMe, kVe}) {
    for (const bool gives : {true, false}) {
      const unsigned other = engine == kMe ? kVe : kMe;
      const std::string what = fmt::format("{} {}", engine_name(engine), gives ? "gives" : "takes");
      Job job = end(engine, gives), partner = end(other, !gives);
      post(job);
      post(partner);
      partner.words[1] = 0x0110 | kSpareSemaphore;  // never
      submit(partner, 4, 0x42);
      submit(job, 5, 0x41);
      run(1000);
      set(reg::kEngineCtrlOffset, 1U << engine);
      run(1000);
      EXPECT_EQ(get(reg::kQueueStatusOffset) >> 20 & 31, kBoth) << what << ": it may still come";
      set(reg::kEngineCtrlOffset, kBoth);
      expect_free(what);
    }
  }
}

TEST_F(TileBrokenChains, FlushOfOneLeavesAWorkingChainAlone) {
  Job giver = end(kVe, true), taker = end(kMe, false);
  post(giver);
  post(taker);
  taker.words[1] = 0x0110 | kSpareSemaphore;
  submit(taker, 4, 0x42);
  submit(giver, 5, 0x41);
  run(500);
  set(reg::kEngineCtrlOffset, 1U << kVe);
  run(100);
  post_semaphore(kSpareSemaphore, 1);
  EXPECT_TRUE(wait_for([](std::uint32_t s) { return s == kIdle; }));
  EXPECT_EQ(get(reg::kSemOffset + 4 * 6), 2U) << "both are complete";
}

TEST_F(TileRecovers, WhileAnOverlappedCommandCompletes) {
  GemmPlan long_plan = gemm_plan();
  long_plan.m = 24;
  long_plan.place(0x1000);
  Job bad_gemm = gemm(long_plan);
  bad_gemm.words[8] = kSpmBytes - 20 * long_plan.ldo;  // the last block is outside
  VePlan vector_side = vector_plan();
  vector_side.in[0] = linear(20);
  vector_side.fit();
  Job bad_vector = vector(vector_side);
  bad_vector.words[5] = kSpmBytes - 15 * 64;
  for (const Job& bad : {bad_gemm, bad_vector}) {
    const unsigned engine = bad.engine;
    Job first = bad;
    first.words[1] = 0x0110 | kSpareSemaphore;  // until both are queued
    Job second = working(engine);
    second.words[0] |= 1U << 12;
    second.words[2] = 0x0116;
    Job third = second;
    third.words[0] &= ~(1U << 12);
    submit(first, 1, 0x31);
    submit(second, 2, 0x32);
    submit(third, 3, 0x33);
    post_semaphore(kSpareSemaphore, 1);
    ASSERT_TRUE(wait_for([&](std::uint32_t s) { return (s >> (25 + engine) & 1) != 0; }));
    run(200);
    EXPECT_EQ(get(reg::kErrStatusOffset), 1U);
    EXPECT_EQ(get(reg::kErrFirstOffset), engine | 5U << 4 | 0x31U << 16);
    EXPECT_EQ(get(reg::kSemOffset + 4 * 6), 1U)
        << "the second one posts, the third one does not run";
    set(reg::kSemOffset + 4 * 6, 0x8000'0001);
    // What the second one writes is there.
    world_.spm = scratchpad(dut());
    EXPECT_EQ(model(second, world_).error, CmdError::Ok);
    compare("the overlapped command");
    set(reg::kEngineCtrlOffset, 1U << engine);
    set(reg::kErrStatusOffset, 3);
    set(reg::kIrqStateOffset, 3);
    works(engine, "afterwards");
  }
}

TEST_F(TileRecovers, KeepsTheFirstAndTheLastOfSeveralErrors) {
  static constexpr unsigned kOrder[] = {kTdma, kRdma, kVe, kMe, kWdma};
  for (const unsigned engine : kOrder) {
    Job job = working(engine);
    job.words[0] = 0x7e;
    submit(job, engine, static_cast<std::uint16_t>(0x100 + engine));
    ASSERT_TRUE(wait_for([&](std::uint32_t s) { return (s >> (25 + engine) & 1) != 0; }));
    EXPECT_EQ(get(reg::kErrFirstOffset), kTdma | 1U << 4 | 0x104U << 16);
    EXPECT_EQ(get(reg::kErrLastOffset), engine | 1U << 4 | (0x100U + engine) << 16);
    EXPECT_EQ(get(reg::kErrStatusOffset), engine == kTdma ? 1U : 3U);
  }
  EXPECT_EQ(get(reg::kQueueStatusOffset) >> 25 & 31, 31U);
  set(reg::kEngineCtrlOffset, 31);
  set(reg::kErrStatusOffset, 3);
  set(reg::kIrqStateOffset, 3);
  for (unsigned e = 0; e < kEngines; ++e) works(e, "after all");
  // Cleared, the capture is armed again.
  Job job = working(kVe);
  job.words[0] = 0x7e;
  submit(job, 1, 9);
  ASSERT_TRUE(wait_for([](std::uint32_t s) { return (s >> 28 & 1) != 0; }));
  EXPECT_EQ(get(reg::kErrFirstOffset), kVe | 1U << 4 | 9U << 16);
}

// ---------------------------------------------------------------- format flags

class TileFormatFlags : public TileRecovers {
 protected:
  struct Flags {
    std::uint32_t status, first, last, irq;
  };
  Flags flags() {
    return {get(reg::kFmtStatusOffset), get(reg::kFmtFirstOffset), get(reg::kFmtLastOffset),
            get(reg::kIrqStateOffset) & 2};
  }
  static std::uint32_t entry(unsigned engine, bool nan, bool overflow, unsigned id) {
    return engine | (nan ? 16U : 0U) | (overflow ? 32U : 0U) | id << 16;
  }
  void clear() {
    set(reg::kFmtStatusOffset, 15);
    set(reg::kIrqStateOffset, 3);
    EXPECT_EQ(get(reg::kFmtStatusOffset), 0U);
  }
  void put(std::uint32_t at, std::uint16_t bf16) {
    ASSERT_EQ(write_word(kSpm + at, bf16), Err::kNone);
  }
  void run_job(const Job& job, std::uint16_t id) {
    submit(job, 1, id);
    ASSERT_TRUE(wait_for([](std::uint32_t s) { return (s >> 20 & 31) == 0; }));
    EXPECT_EQ(get(reg::kErrStatusOffset), 0U) << "not an error";
  }
  /// One product of BF16 operands.
  static GemmPlan product() {
    GemmPlan plan;
    plan.m = plan.n = plan.k = 1;
    plan.place(0x2000);
    return plan;
  }
};

TEST_F(TileFormatFlags, NameTheMatrixCommandsWithNanAndOverflow) {
  const GemmPlan plan = product();
  const Job job = gemm(plan);
  put(plan.a, 0x3f80);
  put(plan.b, 0x4000);
  run_job(job, 0x10);
  EXPECT_EQ(flags().status, 0U) << "an ordinary result";
  put(plan.a, 0x7f7f);
  put(plan.b, 0x7f7f);
  run_job(job, 0x11);
  EXPECT_EQ(flags().status, 2U);
  EXPECT_EQ(flags().first, entry(kMe, false, true, 0x11));
  EXPECT_EQ(flags().irq, 0U) << "not enabled";
  put(plan.a, 0x7f80);
  run_job(job, 0x12);
  EXPECT_EQ(flags().last, entry(kMe, false, true, 0x11)) << "infinity alone is not an overflow";
  put(plan.b, 0);
  set(reg::kErrEnableOffset, 0x40);
  run_job(job, 0x13);
  EXPECT_EQ(flags().status, 3U);
  EXPECT_EQ(flags().first, entry(kMe, false, true, 0x11));
  EXPECT_EQ(flags().last, entry(kMe, true, false, 0x13));
  EXPECT_EQ(flags().irq, 2U);
  clear();
  run_job(job, 0x14);
  EXPECT_EQ(flags().status, 1U);
  EXPECT_EQ(flags().first, entry(kMe, true, false, 0x14));
  EXPECT_EQ(flags().last, entry(kMe, true, false, 0x14));
}

TEST_F(TileFormatFlags, NameTheVectorCommandsWithNanAndOverflow) {
  VePlan plan = vector_plan();  // squares
  plan.in[0] = linear(1, 2);
  plan.fit();
  const Job job = vector(plan);
  put(0x3000, 0x3f80);
  run_job(job, 0x20);
  EXPECT_EQ(flags().status, 0U) << "an ordinary result";
  put(0x3000, 0x7fc0);
  run_job(job, 0x21);
  EXPECT_EQ(flags().status, 4U);
  EXPECT_EQ(flags().first, entry(kVe, true, false, 0x21));
  EXPECT_EQ(flags().irq, 0U) << "not enabled";
  set(reg::kErrEnableOffset, 0x40);
  put(0x3000, 0x7f7f);
  run_job(job, 0x22);
  EXPECT_EQ(flags().status, 12U);
  EXPECT_EQ(flags().first, entry(kVe, true, false, 0x21));
  EXPECT_EQ(flags().last, entry(kVe, false, true, 0x22));
  EXPECT_EQ(flags().irq, 2U);
  clear();
  put(0x3000, 0x3f80);
  run_job(job, 0x23);
  EXPECT_EQ(flags().status, 0U);
}

// ---------------------------------------------------------------- chained contexts

class TileChainedContexts : public TileRecovers {
 protected:
  struct Counts {
    std::array<std::uint32_t, 7> state;
    std::uint32_t done, rows;
    /// Cycles of the engine without work, but with a command.
    std::uint32_t lost() const { return state[3] + state[4] + state[5] + state[6]; }
  };
  Counts counts(unsigned engine) {
    const auto count = [&](unsigned n) {
      set(reg::kCountSelOffset, 16 * engine + n);
      return get(reg::kCountLoOffset);
    };
    Counts out{};
    for (unsigned s = 1; s < 7; ++s) out.state[s] = count(s);
    out.done = count(8);
    out.rows = count(10);
    return out;
  }
  /// Queue all jobs behind a closed gate, context i for job i, then open it.
  Counts run_queued(std::vector<Job> jobs) {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      Job& job = jobs[i];
      if (i == 0) {
        job.words[1] = 0x0110 | kSpareSemaphore;
      } else {
        job.words[0] |= 1U << 12;
      }
      EXPECT_EQ(model(job, world_).error, CmdError::Ok);
      submit(job, static_cast<unsigned>(i), static_cast<std::uint16_t>(i));
    }
    run(60);
    set(reg::kCountCtrlOffset, 1);
    post_semaphore(kSpareSemaphore, 1);
    EXPECT_TRUE(wait_for([](std::uint32_t s) { return (s >> 20 & 31) == 0; }));
    EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
    compare("queued commands");
    return counts(jobs[0].engine);
  }
};

TEST_F(TileChainedContexts, OfTheMatrixEngineLeaveNoBubble) {
  struct Kind {
    MeFormat a, b;
    bool mx, preload, bf16;
    unsigned k;
  };
  static constexpr Kind kKinds[] = {
      {MeFormat::Bf16, MeFormat::Bf16, false, true, false, 64},
      {MeFormat::E4m3, MeFormat::E5m2, true, false, false, 128},
      {MeFormat::Int8, MeFormat::Int8, false, true, false, 128},
      {MeFormat::E2m1, MeFormat::E2m1, true, false, true, 256},
      {MeFormat::Fp32, MeFormat::Fp32, false, false, false, 24},
      {MeFormat::Fp16, MeFormat::Fp16, false, true, true, 64},
      {MeFormat::E2m3, MeFormat::E3m2, false, false, false, 128},
      {MeFormat::Bf16, MeFormat::Bf16, false, true, false, 64},
  };
  // Every stream in a hyperbank of its own: what is lost is not lost to the scratchpad.
  constexpr std::uint32_t kHyperbank = kSpmBytes / 8;
  std::array<std::uint32_t, 6> at{};
  for (std::uint32_t i = 0; i < 6; ++i) at[i] = i * kHyperbank;
  std::vector<Job> jobs;
  std::uint64_t beats = 0, rows = 0;
  for (const Kind& kind : kKinds) {
    GemmPlan plan;
    plan.m = plan.n = 16;
    plan.k = kind.k;
    plan.me.set_formats(kind.a, kind.b);
    plan.me.mx = kind.mx;
    plan.me.preload = kind.preload;
    plan.me.out_bf16 = kind.bf16;
    plan.pad = 8;  // odd multiples of 8 for A and B
    plan.place();
    plan.ldc = 96;  // odd multiples of 32 and 16 for C and O
    plan.ldo = kind.bf16 ? 48 : 96;
    const auto take = [&at](unsigned stream, std::uint32_t bytes) {
      const std::uint32_t here = at[stream];
      at[stream] += bytes;
      return here;
    };
    plan.a = take(0, 16 * plan.lda);
    plan.b = take(1, 16 * plan.ldb);
    plan.c = take(2, 16 * plan.ldc);
    plan.o = take(3, 16 * plan.ldo);
    plan.sa = take(4, 16 * plan.lds);
    plan.sb = take(5, 16 * plan.lds);
    jobs.push_back(gemm(plan));
    beats += plan.beats() * (kind.a == MeFormat::Fp32 ? 2 : 1);
    rows += 4U + (kind.preload ? 1 : 0) + (kind.mx ? 1 : 0);
    EXPECT_LE(at[0], kHyperbank);
  }
  const Counts alone = run_queued({jobs[0]});
  EXPECT_EQ(alone.done, 1U);
  EXPECT_LE(alone.rows, 16U) << "cycles of a bank's load";
  EXPECT_LE(alone.state[6], 16U) << "cycles of configuration before the first command";
  const Counts chained = run_queued(jobs);
  EXPECT_EQ(chained.done, 8U);
  EXPECT_EQ(chained.state[1], beats) << "busy";
  EXPECT_EQ(chained.rows, rows);
  EXPECT_LE(chained.rows, 8U * 16U);
  // First and last command are alike: one command alone loses what all of them lose, at its
  // beginning and behind its end.
  EXPECT_EQ(chained.lost(), alone.lost()) << "bubbles";
  fmt::print("ME: 8 commands, {} beats, {} cycles lost at the ends, {} bubbles, {} rows loaded\n",
             beats, alone.lost(), chained.lost() - alone.lost(), chained.rows);
}

TEST_F(TileChainedContexts, OfTheVectorEngineLeaveNoBubble) {
  static constexpr VeFormat kFormats[] = {VeFormat::Fp32, VeFormat::Bf16, VeFormat::Int8,
                                          VeFormat::Fp16, VeFormat::E4m3, VeFormat::Int32,
                                          VeFormat::E5m2, VeFormat::Fp32};
  constexpr std::uint32_t kHyperbank = kSpmBytes / 8;
  std::vector<Job> jobs;
  std::uint64_t groups = 0;
  for (unsigned i = 0; i < 8; ++i) {
    VePlan plan;
    auto& in = plan.config.in[0];
    auto& out = plan.config.out[0];
    in.en = out.en = true;
    in.format = out.format = kFormats[i];
    in.to_f = true;
    for (unsigned s = 0; s < engines::kVeStages; ++s) {
      auto& stage = plan.config.stage[s];
      stage.op = i % 2 == 0 ? VeOp::MaxF : VeOp::MinF;
      stage.a.src = VeSrc::V0;
      stage.b.src = static_cast<VeSrc>(8 + s);
      stage.dst = 0;
    }
    for (auto& k : plan.config.k) k = VeRandom(rng()).number();
    plan.in[0] = linear(96 / (32 / bits_of(in.format)));
    plan.fit();
    plan.args.base = {i * 0x1800, 0, 0, 4 * kHyperbank + i * 0x1800, 0};
    groups += 96;
    jobs.push_back(vector(plan));
  }
  const Counts alone = run_queued({jobs[0]});
  EXPECT_LE(alone.rows, 16U) << "cycles of a bank's load";
  EXPECT_LE(alone.state[6], 16U) << "cycles of configuration before the first command";
  const Counts chained = run_queued(jobs);
  EXPECT_EQ(chained.done, 8U);
  EXPECT_EQ(chained.state[1], groups) << "busy";
  EXPECT_LE(chained.rows, 8U * 16U);
  EXPECT_EQ(chained.lost(), alone.lost()) << "bubbles";
  fmt::print("VE: 8 commands, {} groups, {} cycles lost at the ends, {} bubbles, {} rows loaded\n",
             groups, alone.lost(), static_cast<int>(chained.lost() - alone.lost()), chained.rows);
}

}  // namespace
}  // namespace tsr::tb
