// SPDX-License-Identifier: Apache-2.0
/// Benches of the stream reader and the stream writer on a scratchpad with random stalls.
#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>

#include "Vstream_rd.h"
#include "Vstream_rd_min.h"
#include "Vstream_wr.h"
#include "common/bench.hpp"
#include "stream_ref.hpp"

namespace tsr::tb {
namespace {

using engines::ContextRow;

constexpr std::uint32_t kSpmBytes = 1U << 14;

/// Probability of a cycle without: a ready scratchpad, a ready (or offered) beat, an offered start,
/// an offered index.
struct Stalls {
  double spm = 0, beat = 0, start = 0, index = 0;
};

struct Error {
  std::uint32_t address;
  bool epoch;
};

bool operator==(const Error& a, const Error& b) {
  return a.address == b.address && a.epoch == b.epoch;
}

std::ostream& operator<<(std::ostream& out, const Error& e) {
  return out << fmt::format("error at {:#x} epoch {}", e.address, e.epoch);
}

/// Bytes of an access lie outside of the scratchpad.
bool outside(const RefAccess& access, const AguBuilder& config) {
  for (unsigned i = 0; i < 64; ++i) {
    const std::uint32_t lane =
        (access.base + i / (8 * config.w) * config.pitch + i / 8 % config.w * 8) & 0x3fffff;
    if (((access.strb >> i) & 1) != 0 && lane >= kSpmBytes) return true;
  }
  return false;
}

std::uint32_t address_of(const RefAccess& access, const AguBuilder& config, unsigned byte) {
  return ((access.base + byte / (8 * config.w) * config.pitch + byte / 8 % config.w * 8) &
          0x3fffff) +
         byte % 8;
}

/// What reader and writer share: starts, indexes, scratchpad, errors.
template <class Model>
class StreamBench : public Bench<Model> {
 protected:
  void SetUp() override {
    Bench<Model>::SetUp();
    spm_.resize(kSpmBytes);
    for (auto& byte : spm_) byte = static_cast<std::uint8_t>(this->rng()());
    auto& d = this->dut();
    d.start_valid_i = 0;
    d.idx_valid_i = 0;
    d.spm_ready_i = 0;
    d.spm_rsp_valid_i = 0;
  }

  /// Reset, and let the scratchpad and the sources work.
  void connect() {
    this->reset();
    this->before_edge([this] { sample(); });
    this->after_edge([this] { drive(); });
  }

  struct Start {
    ContextRow row;
    bool epoch;
  };

  /// A run may be started now.
  virtual bool may_start() { return true; }

  void queue(const RefRun& run, bool epoch) {
    EXPECT_EQ(run.config.error(), nullptr);
    starts_.push_back({run.config.row(), epoch});
    for (const auto index : run.indexes) indexes_.push_back(index);
  }

  Stalls stalls_;
  std::deque<Start> starts_;
  std::size_t started_ = 0;
  std::deque<std::uint32_t> indexes_;
  std::vector<std::uint8_t> spm_;
  std::vector<Error> errors_;
  std::vector<std::uint64_t> accepts_;  // cycles of accepted requests

 private:
  void sample() {
    auto& d = this->dut();
    if (d.start_valid_i != 0 && d.start_ready_o != 0) {
      starts_.pop_front();
      ++started_;
      start_taken_ = true;
    }
    if (d.idx_valid_i != 0 && d.idx_ready_o != 0) {
      indexes_.pop_front();
      index_taken_ = true;
    }
    if (d.err_o != 0) errors_.push_back({d.err_addr_o, d.err_epoch_o != 0});
    std::array<std::uint32_t, 20> now;
    std::memcpy(now.data(), &d.spm_req_o[0], sizeof now);
    if (waiting_) {
      EXPECT_TRUE(d.spm_valid_o != 0 && now == *waiting_) << "a waiting request changed";
    }
    waiting_.reset();
    accepted_ = d.spm_valid_o != 0 && d.spm_ready_i != 0;
    if (d.spm_valid_o != 0) EXPECT_EQ(d.idle_o, 0);
    if (d.spm_valid_o != 0 && d.spm_ready_i == 0) waiting_ = now;
    if (accepted_) access();
  }

  void access() {
    const auto& req = this->dut().spm_req_o;
    const bool write = get_bits(req, 622, 1) != 0;
    const auto width = 1U << get_bits(req, 620, 2);
    const auto base = static_cast<std::uint32_t>(get_bits(req, 598, 22));
    const auto pitch = static_cast<std::uint32_t>(get_bits(req, 576, 22));
    const std::uint64_t strb = get_bits(req, 512, 64);
    const auto* data = reinterpret_cast<const std::uint8_t*>(&req[0]);
    accepts_.push_back(this->cycle());
    response_error_ = false;
    for (unsigned l = 0; l < 8; ++l) {
      const unsigned bytes = (strb >> (8 * l)) & 0xff;
      const std::uint32_t at = (base + l / width * pitch + l % width * 8) & 0x3fffff;
      // Lanes that are not accessed: noise.
      for (unsigned b = 0; b < 8; ++b) {
        response_[8 * l + b] = static_cast<std::uint8_t>(this->rng()());
      }
      if (bytes == 0) continue;
      if (at >= kSpmBytes) {
        response_error_ = true;
        std::memset(&response_[8 * l], 0, 8);
        continue;
      }
      if (!write) std::memcpy(&response_[8 * l], &spm_[at], 8);
      for (unsigned b = 0; write && b < 8; ++b) {
        if (((bytes >> b) & 1) != 0) spm_[at + b] = data[8 * l + b];
      }
    }
  }

  void drive() {
    auto& d = this->dut();
    d.spm_rsp_valid_i = accepted_ ? 1 : 0;
    if (accepted_) {
      std::memcpy(&d.spm_rsp_i[0], response_.data(), 64);
      d.spm_rsp_i[16] = response_error_ ? 1 : 0;
    }
    d.spm_ready_i = this->chance(stalls_.spm) ? 0 : 1;
    if (start_taken_ || d.start_valid_i == 0) {
      const bool offer = !starts_.empty() && may_start() && !this->chance(stalls_.start);
      d.start_valid_i = offer ? 1 : 0;
      for (unsigned w = 0; w < 16; ++w) {
        d.cfg_i[w] = offer ? starts_.front().row[w] : static_cast<std::uint32_t>(this->rng()());
      }
      d.start_epoch_i = offer ? starts_.front().epoch : this->rng()() & 1;
    }
    if (index_taken_ || d.idx_valid_i == 0) {
      d.idx_valid_i = !indexes_.empty() && !this->chance(stalls_.index) ? 1 : 0;
      d.idx_i = d.idx_valid_i != 0 ? indexes_.front() : static_cast<std::uint32_t>(this->rng()());
    }
    start_taken_ = index_taken_ = false;
  }

  bool start_taken_ = false, index_taken_ = false;
  bool accepted_ = false, response_error_ = false;
  std::array<std::uint8_t, 64> response_{};
  std::optional<std::array<std::uint32_t, 20>> waiting_;
};

// ------------------------------------------------------------------ reader

struct Beat {
  BeatBytes data;
  std::uint64_t strb;
  unsigned last;
  bool epoch;
  bool fin;
};

bool operator==(const Beat& a, const Beat& b) {
  return a.data == b.data && a.strb == b.strb && a.last == b.last && a.epoch == b.epoch &&
         a.fin == b.fin;
}

std::ostream& operator<<(std::ostream& out, const Beat& b) {
  out << fmt::format("strb {:#018x} last {:#04x} epoch {} fin {} data", b.strb, b.last, b.epoch,
                     b.fin);
  for (const auto byte : b.data) out << fmt::format(" {:02x}", byte);
  return out;
}

template <class Model>
class ReaderBench : public StreamBench<Model> {
 protected:
  void SetUp() override {
    StreamBench<Model>::SetUp();
    this->dut().beat_ready_i = 0;
    this->connect();
    this->before_edge([this] {
      auto& d = this->dut();
      if (d.beat_valid_o != 0) {
        Beat now;
        std::memcpy(now.data.data(), &d.beat_o[0], 64);
        now.strb = get_bits(d.beat_o, 512, 64);
        now.last = static_cast<unsigned>(get_bits(d.beat_o, 576, 6));
        now.epoch = get_bits(d.beat_o, 582, 1) != 0;
        now.fin = get_bits(d.beat_o, 583, 1) != 0;
        if (waiting_) EXPECT_EQ(now, *waiting_) << "changed while waiting";
        waiting_.reset();
        if (d.beat_ready_i != 0) {
          beats_.push_back(now);
          cycles_.push_back(this->cycle());
        } else {
          waiting_ = now;
        }
        EXPECT_EQ(d.idle_o, 0);
      } else {
        EXPECT_FALSE(waiting_) << "valid fell without a handshake";
      }
    });
    this->after_edge(
        [this] { this->dut().beat_ready_i = this->chance(this->stalls_.beat) ? 0 : 1; });
  }

  /// Run everything and compare beats and errors. Returns the cycle of each beat, from the first
  /// start's cycle on.
  std::vector<std::uint64_t> check(const std::vector<RefRun>& runs, const Stalls& stalls,
                                   bool has_xpose = true) {
    this->stalls_ = stalls;
    bool epoch = this->chance(0.5);
    beats_.clear();
    cycles_.clear();
    this->errors_.clear();
    std::vector<Beat> expected;
    std::vector<Error> errors;
    for (const auto& run : runs) {
      this->queue(run, epoch);
      const Transpose mode = has_xpose ? run.config.xpose : Transpose::None;
      for (const auto& want : reference(run)) {
        BeatBytes data{};
        for (unsigned i = 0; i < 64; ++i) {
          const std::uint32_t at = address_of(want, run.config, i);
          if (((want.strb >> i) & 1) != 0 && at < kSpmBytes) data[i] = this->spm_[at];
        }
        if (outside(want, run.config)) errors.push_back({want.base, epoch});
        expected.push_back({transposed(data, mode), transposed_mask(want.strb, mode), want.last,
                            epoch, want.last == 0x3f});
      }
      epoch = !epoch;
    }
    this->run(1);  // the hooks offer the first start
    const std::uint64_t begin = this->cycle();
    this->run_until([&] { return beats_.size() >= expected.size(); },
                    400 * expected.size() + 400 * runs.size() + 1000);
    for (std::size_t i = 0; i < std::min(beats_.size(), expected.size()); ++i) {
      EXPECT_EQ(beats_[i], expected[i]) << "beat " << i;
      if (this->HasFailure()) break;
    }
    this->run(4);
    EXPECT_EQ(beats_.size(), expected.size());
    EXPECT_EQ(this->errors_, errors);
    EXPECT_EQ(this->dut().idle_o, 1);
    for (auto& cycle : cycles_) cycle -= begin;
    return cycles_;
  }

  std::vector<RefRun> random_runs(int count, std::uint64_t accesses, bool gather = true) {
    Features may;
    may.spm_bytes = kSpmBytes;
    may.accesses = accesses;
    may.gather = gather;
    std::vector<RefRun> runs;
    for (int i = 0; i < count; ++i) {
      runs.push_back(random_run(this->rng(), may));
      if (this->chance(0.1)) runs.back().config.base = kSpmBytes - 64;  // errors
    }
    return runs;
  }

 private:
  std::vector<Beat> beats_;
  std::vector<std::uint64_t> cycles_;
  std::optional<Beat> waiting_;
};

class Reader : public ReaderBench<Vstream_rd> {};
class SmallReader : public ReaderBench<Vstream_rd_min> {};

/// Every beat in its cycle: the first 4 cycles behind its start, then one a cycle.
void expect_no_gap(const std::vector<std::uint64_t>& cycles) {
  for (std::size_t i = 0; i < cycles.size(); ++i) ASSERT_EQ(cycles[i], 4 + i) << "beat " << i;
}

RefRun simple_run(unsigned count, std::uint32_t base = 0) {
  RefRun run;
  run.config.base = base;
  run.config.w = 8;
  run.config.loops = {{count, 64}};
  return run;
}

TEST_F(Reader, TakeOverHasNoGap) {
  for (int i = 0; i < scaled(60); ++i)
    expect_no_gap(check(random_runs(20, 1U << rand_in(0, 7)), {}));
}

TEST_F(SmallReader, ThreeBeatsOfBufferKeepUpTheFullRate) {
  for (int i = 0; i < scaled(30); ++i) {
    auto runs = random_runs(20, 64, false);
    expect_no_gap(check(runs, {}, false));
  }
}

TEST_F(SmallReader, WithoutTransposeAndGatherTheirFieldsAreIgnored) {
  RefRun run;
  run.config.loops = {{4, 8}, {4, 256}};
  run.config.pitch = 72;
  const RefRun plain = run;
  run.config.xpose = Transpose::Bytes1;
  check({run, plain}, {0.2, 0.2, 0.2, 0}, false);
}

TEST_F(Reader, EachTransposeOfAWholeBeat) {
  for (unsigned mode = 1; mode <= 3; ++mode) {
    RefRun run;
    run.config.xpose = static_cast<Transpose>(mode);
    run.config.w = 1U << (mode - 1);
    run.config.pitch = 8 * run.config.w + 8;
    run.config.loops = {{4, 8}, {4, 1024}};
    expect_no_gap(check({run}, {}));
  }
}

TEST_F(Reader, EachTransposeTurnsEachMask) {
  for (unsigned mode = 1; mode <= 3; ++mode) {
    std::vector<RefRun> runs;
    for (unsigned n = 0; n <= 8U << (mode - 1); ++n) {
      RefRun run;
      run.config.xpose = static_cast<Transpose>(mode);
      run.config.w = 1U << (mode - 1);
      run.config.pitch = 8 * run.config.w;
      run.config.loops = {{2, 8}};
      run.config.bytes = {true, 0, n, false};
      if (n > 0 && n < 8) run.config.rows = {true, 0, n, false};
      runs.push_back(run);
      run.config.window = {5, 1, 2, 0, 1};
      runs.push_back(run);
    }
    check(runs, {});
  }
}

TEST_F(Reader, MaskedLanesMayLieOutside) {
  RefRun run;
  run.config.base = kSpmBytes - 64 * 3;
  run.config.pitch = 64;
  run.config.rows = {true, 0, 3, false};
  check({run}, {});
  EXPECT_TRUE(errors_.empty());
  run.config.rows.n = 4;
  check({run}, {});
  EXPECT_EQ(errors_.size(), 1U);
}

TEST_F(Reader, ErrorsNameTheirRun) {
  const RefRun good = simple_run(3);
  const RefRun bad = simple_run(3, kSpmBytes - 64);  // the second and third access are outside
  check({good, bad, good, bad, bad, good}, {});
  ASSERT_EQ(errors_.size(), 6U);
  EXPECT_EQ(errors_[0].address, kSpmBytes);
  EXPECT_EQ(errors_[0].epoch, errors_[1].epoch);
  EXPECT_NE(errors_[3].epoch, errors_[4].epoch);
}

TEST_F(Reader, RandomRunsWithStalls) {
  for (int i = 0; i < scaled(500) && !HasFailure(); ++i) {
    static constexpr double kStall[] = {0.0, 0.2, 0.5, 0.9};
    const auto pick = [this] { return kStall[rand_in(0, 3)]; };
    check(random_runs(8, 150), {pick(), pick(), pick(), pick()});
  }
}

// ------------------------------------------------------------------ writer

class Writer : public StreamBench<Vstream_wr> {
 protected:
  void SetUp() override {
    StreamBench::SetUp();
    dut().beat_valid_i = 0;
    dut().drop_i = 0;
    connect();
    before_edge([this] {
      if (dut().beat_valid_i != 0 && dut().beat_ready_o != 0) {
        beats_.pop_front();
        beat_taken_ = true;
      }
      if (dut().fin_o != 0) {
        fins_.push_back(dut().fin_epoch_o != 0);
        fin_cycles_.push_back(cycle());
        EXPECT_EQ(dut().idle_o, 0);
      }
    });
    after_edge([this] {
      if (beat_taken_ || dut().beat_valid_i == 0) {
        dut().beat_valid_i = !beats_.empty() && !chance(stalls_.beat) ? 1 : 0;
        for (unsigned w = 0; w < 16; ++w) {
          std::uint32_t word = static_cast<std::uint32_t>(rng()());
          if (dut().beat_valid_i != 0) std::memcpy(&word, &beats_.front()[4 * w], 4);
          dut().beat_data_i[w] = word;
        }
      }
      beat_taken_ = false;
    });
  }

  /// The epoch's earlier run has to be over before its drop bit may change.
  bool may_start() override {
    if (fins_.size() + 2 <= started_) return false;
    if (!drops_.empty()) {
      const bool epoch = starts_.front().epoch;
      const unsigned bit = epoch ? 2 : 1;
      dut().drop_i = (dut().drop_i & ~bit) | (drops_[started_] ? bit : 0);
    }
    return true;
  }

  /// Write runs with random beats; those of `drops` are swallowed. Compares memory, ends and
  /// errors.
  void check(const std::vector<RefRun>& runs, const Stalls& stalls,
             const std::vector<bool>& drops = {}) {
    stalls_ = stalls;
    drops_ = drops;
    started_ = 0;
    fins_.clear();
    fin_cycles_.clear();
    errors_.clear();
    accepts_.clear();
    auto expected = spm_;
    std::vector<Error> errors;
    std::vector<bool> fins;
    bool epoch = chance(0.5);
    for (std::size_t r = 0; r < runs.size(); ++r) {
      const auto& run = runs[r];
      queue(run, epoch);
      const bool dropped = !drops.empty() && drops[r];
      for (const auto& want : reference(run)) {
        BeatBytes beat;
        for (auto& byte : beat) byte = static_cast<std::uint8_t>(rng()());
        beats_.push_back(beat);
        if (dropped) continue;
        if (outside(want, run.config)) errors.push_back({want.base, epoch});
        for (unsigned i = 0; i < 64; ++i) {
          const std::uint32_t at = address_of(want, run.config, i);
          if (((want.strb >> i) & 1) != 0 && at < kSpmBytes) expected[at] = beat[i];
        }
      }
      fins.push_back(epoch);
      epoch = !epoch;
    }
    const std::size_t total = beats_.size();
    this->run(1);
    begin_ = cycle();
    run_until([&] { return fins_.size() >= runs.size(); }, 400 * (total + runs.size()) + 1000);
    this->run(4);
    EXPECT_EQ(fins_, fins);
    EXPECT_EQ(errors_, errors);
    EXPECT_EQ(spm_, expected);
    EXPECT_TRUE(beats_.empty());
    EXPECT_TRUE(indexes_.empty());
    EXPECT_EQ(dut().idle_o, 1);
  }

  std::vector<RefRun> random_runs(int count, std::uint64_t accesses) {
    Features may;
    may.spm_bytes = kSpmBytes;
    may.accesses = accesses;
    may.xpose = false;
    std::vector<RefRun> runs;
    for (int i = 0; i < count; ++i) {
      runs.push_back(random_run(rng(), may));
      if (chance(0.1)) runs.back().config.base = kSpmBytes - 64;  // errors
    }
    return runs;
  }

  std::deque<BeatBytes> beats_;
  std::vector<bool> fins_;
  std::vector<std::uint64_t> fin_cycles_;
  std::vector<bool> drops_;
  std::uint64_t begin_ = 0;

 private:
  bool beat_taken_ = false;
};

TEST_F(Writer, TakeOverHasNoGap) {
  for (int i = 0; i < scaled(60); ++i) {
    auto runs = random_runs(10, 1U << rand_in(2, 7));
    for (auto& run : runs) {
      // At least four accesses: shorter runs wait for the end of the run before the last.
      if (run.config.config().accesses() < 4) run = simple_run(4);
    }
    check(runs, {});
    for (std::size_t n = 0; n < accepts_.size(); ++n) ASSERT_EQ(accepts_[n], begin_ + 2 + n);
    EXPECT_EQ(fin_cycles_.back(), accepts_.back() + 1);
  }
}

TEST_F(Writer, RandomRunsWithStalls) {
  for (int i = 0; i < scaled(500) && !HasFailure(); ++i) {
    static constexpr double kStall[] = {0.0, 0.2, 0.5, 0.9};
    const auto pick = [this] { return kStall[rand_in(0, 3)]; };
    check(random_runs(8, 150), {pick(), pick(), pick(), pick()});
  }
}

TEST_F(Writer, DroppedRunsWriteNothingAndEnd) {
  for (int i = 0; i < scaled(200) && !HasFailure(); ++i) {
    static constexpr double kStall[] = {0.0, 0.3, 0.8};
    const auto pick = [this] { return kStall[rand_in(0, 2)]; };
    std::vector<bool> drops;
    for (int r = 0; r < 10; ++r) drops.push_back(chance(0.5));
    check(random_runs(10, 100), {pick(), pick(), pick(), pick()}, drops);
  }
}

TEST_F(Writer, AWaitingRequestIsWrittenWhenDropRises) {
  stalls_.spm = 1;
  const auto before = spm_;
  queue(simple_run(3), false);
  for (int i = 0; i < 3; ++i) beats_.push_back(BeatBytes{});
  run_until([this] { return dut().spm_valid_o != 0; }, 50);
  run(2);
  dut().drop_i = 1;
  run(3);
  EXPECT_EQ(dut().spm_valid_o, 1);
  stalls_.spm = 0;
  EXPECT_TRUE(run_until([this] { return !fins_.empty(); }, 50));
  run(2);
  EXPECT_EQ(dut().idle_o, 1);
  auto expected = before;
  std::fill_n(expected.begin(), 64, std::uint8_t{0});
  EXPECT_EQ(spm_, expected);
}

TEST_F(Writer, DropOfOneEpochLeavesTheOther) {
  check({simple_run(20), simple_run(20, 4096), simple_run(20, 8192)}, {}, {false, true, false});
  check({simple_run(20), simple_run(20, 4096), simple_run(20, 8192)}, {}, {true, false, true});
}

TEST_F(Writer, ErrorsNameTheirRunNotLaterThanItsEnd) {
  const RefRun bad = simple_run(3, kSpmBytes - 128);  // the third access is outside
  check({simple_run(4), bad, bad, simple_run(4)}, {});
  ASSERT_EQ(errors_.size(), 2U);
  EXPECT_EQ(errors_[0].address, kSpmBytes);
  EXPECT_NE(errors_[0].epoch, errors_[1].epoch);
}

TEST_F(Writer, ScatterWaitsForIndexes) {
  RefRun run;
  run.config.w = 8;
  run.config.loops = {{2, 64}, {10, 0}};
  run.config.gather = true;
  run.config.gather_loop = 1;
  for (unsigned i = 0; i < 10; ++i) run.indexes.push_back((i * 7 % 10) * 256);
  check({run}, {0, 0, 0, 0.9});
  check({run, run}, {});
}

TEST_F(Writer, BeatsMayComeBeforeTheStart) {
  for (int i = 0; i < 4; ++i) beats_.push_back(BeatBytes{});
  run(10);
  EXPECT_TRUE(beats_.empty());
  EXPECT_EQ(dut().beat_ready_o, 0);
  EXPECT_EQ(dut().idle_o, 0);
  queue(simple_run(4), true);
  EXPECT_TRUE(run_until([this] { return !fins_.empty(); }, 30));
  EXPECT_EQ(std::count(spm_.begin(), spm_.begin() + 256, 0), 256);
}

}  // namespace
}  // namespace tsr::tb
