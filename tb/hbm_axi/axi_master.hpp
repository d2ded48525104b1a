// SPDX-License-Identifier: Apache-2.0
/// AXI4 master with stalls on all five channels, a checker of the slave's side of the protocol, and
/// a reference memory.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tsr::tb {

constexpr unsigned kBeatBytes = 64;

enum class AxiBurst : std::uint8_t { kFixed = 0, kIncr = 1, kWrap = 2 };
enum class AxiResp : std::uint8_t { kOkay = 0, kSlvErr = 2, kDecErr = 3 };

/// One burst.
struct AxiCommand {
  unsigned id = 0;
  std::uint32_t addr = 0;
  unsigned beats = 1;
  unsigned size = 6;  ///< bytes of a beat, log2
  AxiBurst burst = AxiBurst::kIncr;
  unsigned qos = 0;
  AxiResp resp = AxiResp::kOkay;  ///< expected

  std::uint32_t bytes() const { return 1U << size; }
  /// Address of beat `n`, written from the standard and not from the RTL.
  std::uint32_t beat_addr(unsigned n) const {
    const std::uint32_t aligned = addr / bytes() * bytes();
    switch (burst) {
      case AxiBurst::kFixed:
        return addr;
      case AxiBurst::kIncr:
        return n == 0 ? addr : aligned + n * bytes();
      default: {
        const std::uint32_t total = bytes() * beats;
        const std::uint32_t low = addr / total * total;
        return low + (addr - low + n * bytes()) % total;
      }
    }
  }
  /// Bytes of the bus that beat `n` may use.
  std::uint64_t lanes(unsigned n) const {
    const std::uint32_t first = beat_addr(n);
    const std::uint32_t last = first / bytes() * bytes() + bytes() - 1;
    const std::uint64_t up = ~0ULL << (first % kBeatBytes);
    return up & (~0ULL >> (63 - last % kBeatBytes));
  }
};

using BeatData = std::array<std::uint8_t, kBeatBytes>;

template <class Model>
class AxiMaster {
 public:
  AxiMaster(Model& model, std::uint64_t seed) : model_(model), rng_(seed) { drive(); }

  double ar_stall = 0, aw_stall = 0, w_stall = 0;  ///< a valid waits another cycle
  double r_stall = 0, b_stall = 0;                 ///< a ready is missing in a cycle
  bool ready_after_valid = false;                  ///< R and B ready only once valid is there
  std::size_t max_queued = 8;                      ///< bursts that wait for AR, and for AW
  std::uint64_t read_beats = 0, write_beats = 0;   ///< moved on R and on W
  std::uint64_t overtaken = 0;  ///< bursts answered before an older one of another ID

  // ---------------------------------------------------------------- clocking

  void before_edge() {
    if (model_.rst_ni == 0) return;
    check_stable(model_.r_valid_o, model_.r_ready_i, r_payload(), r_before_);
    check_stable(model_.b_valid_o, model_.b_ready_i,
                 std::vector<std::uint32_t>{model_.b_id_o, model_.b_resp_o}, b_before_);
    if (model_.ar_valid_i && model_.ar_ready_o) {
      reads_.push_back({ar_queue_.front(), 0, std::move(ar_expected_.front()), 0});
      ar_queue_.pop_front();
      ar_expected_.pop_front();
      ar_shown_ = false;
    }
    if (model_.aw_valid_i && model_.aw_ready_o) {
      writes_.push_back({aw_queue_.front(), 0, {}, numbered_++});
      aw_queue_.pop_front();
      aw_shown_ = false;
    }
    if (model_.w_valid_i && model_.w_ready_o) {
      ++write_beats;
      bursts_sent_ += w_queue_.front().last;
      w_queue_.pop_front();
      w_shown_ = false;
    }
    if (model_.r_valid_o && model_.r_ready_i) on_read();
    if (model_.b_valid_o && model_.b_ready_i) on_written();
  }

  void after_edge() { drive(); }

  // ---------------------------------------------------------------- requests

  bool can_read() const { return ar_queue_.size() < max_queued; }
  bool can_write() const { return aw_queue_.size() < max_queued; }
  bool quiet() const {
    return ar_queue_.empty() && aw_queue_.empty() && w_queue_.empty() && reads_.empty() &&
           writes_.empty();
  }

  /// No burst under way touches its blocks in a way that leaves the result open.
  bool is_free(const AxiCommand& c, bool write) const {
    for (unsigned n = 0; n < c.beats; ++n) {
      const auto found = under_way_.find(c.beat_addr(n) / kBeatBytes);
      if (found == under_way_.end()) continue;
      const Use& use = found->second;
      if (use.writes != 0 && (!write || use.id != c.id)) return false;
      if (write && use.reads != 0) return false;
    }
    return true;
  }

  void read(const AxiCommand& c) {
    std::vector<BeatData> expected(c.beats);
    for (unsigned n = 0; n < c.beats; ++n) {
      expected[n] = memory_[c.beat_addr(n) / kBeatBytes];
      ++under_way_[c.beat_addr(n) / kBeatBytes].reads;
    }
    ar_queue_.push_back(c);
    ar_expected_.push_back(std::move(expected));
  }

  /// Random data under random strobes, or all of them.
  void write(const AxiCommand& c, bool all_strobes = false) {
    for (unsigned n = 0; n < c.beats; ++n) {
      WriteBeat beat;
      beat.strb = c.lanes(n) & (all_strobes ? ~0ULL : rng_() | rng_());
      for (auto& byte : beat.data) byte = static_cast<std::uint8_t>(rng_());
      beat.last = n + 1 == c.beats;
      const std::uint32_t block = c.beat_addr(n) / kBeatBytes;
      if (c.resp == AxiResp::kOkay) {
        for (unsigned i = 0; i < kBeatBytes; ++i) {
          if ((beat.strb >> i & 1U) != 0) memory_[block][i] = beat.data[i];
        }
      }
      Use& use = under_way_[block];
      ++use.writes;
      use.id = c.id;
      w_queue_.push_back(beat);
    }
    aw_queue_.push_back(c);
  }

  /// As write(), of one beat with this data.
  void write_word(const AxiCommand& c, std::uint32_t value) {
    WriteBeat beat;
    beat.strb = c.lanes(0);
    for (unsigned i = 0; i < 4; ++i) {
      beat.data[c.addr % kBeatBytes + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    beat.last = true;
    ++under_way_[c.addr / kBeatBytes].writes;
    w_queue_.push_back(beat);
    aw_queue_.push_back(c);
  }

  /// Called with every beat that comes back; true: it is not compared with memory.
  std::function<bool(const AxiCommand&, unsigned, const BeatData&)> on_beat;
  const std::unordered_map<std::uint32_t, BeatData>& memory() const { return memory_; }

 private:
  struct Open {
    AxiCommand command;
    unsigned done = 0;  // beats
    std::vector<BeatData> expected;
    std::uint64_t number = 0;  // of a write, in the order of AW
  };
  struct WriteBeat {
    BeatData data{};
    std::uint64_t strb = 0;
    bool last = false;
  };
  struct Use {
    unsigned reads = 0, writes = 0, id = 0;
  };

  bool chance(double p) { return p > 0 && std::uniform_real_distribution<double>(0, 1)(rng_) < p; }

  std::vector<std::uint32_t> r_payload() const {
    std::vector<std::uint32_t> words{model_.r_id_o, model_.r_resp_o, model_.r_last_o};
    for (unsigned i = 0; i < kBeatBytes / 4; ++i) words.push_back(model_.r_data_o[i]);
    return words;
  }
  /// What was valid and not taken stays as it is.
  static void check_stable(bool valid, bool ready, std::vector<std::uint32_t> now,
                           std::vector<std::uint32_t>& before) {
    if (!before.empty()) {
      EXPECT_TRUE(valid) << "valid fell without ready";
      EXPECT_EQ(now, before) << "payload changed without ready";
    }
    before = valid && !ready ? std::move(now) : std::vector<std::uint32_t>{};
  }

  void drive() {
    if (!ar_queue_.empty() && !ar_shown_) ar_shown_ = !chance(ar_stall);
    model_.ar_valid_i = ar_shown_;
    if (ar_shown_) {
      const AxiCommand& c = ar_queue_.front();
      model_.ar_id_i = static_cast<std::uint8_t>(c.id);
      model_.ar_addr_i = c.addr;
      model_.ar_len_i = static_cast<std::uint8_t>(c.beats - 1);
      model_.ar_size_i = static_cast<std::uint8_t>(c.size);
      model_.ar_burst_i = static_cast<std::uint8_t>(c.burst);
      model_.ar_qos_i = static_cast<std::uint8_t>(c.qos);
    }
    if (!aw_queue_.empty() && !aw_shown_) aw_shown_ = !chance(aw_stall);
    model_.aw_valid_i = aw_shown_;
    if (aw_shown_) {
      const AxiCommand& c = aw_queue_.front();
      model_.aw_id_i = static_cast<std::uint8_t>(c.id);
      model_.aw_addr_i = c.addr;
      model_.aw_len_i = static_cast<std::uint8_t>(c.beats - 1);
      model_.aw_size_i = static_cast<std::uint8_t>(c.size);
      model_.aw_burst_i = static_cast<std::uint8_t>(c.burst);
    }
    if (!w_queue_.empty() && !w_shown_) w_shown_ = !chance(w_stall);
    model_.w_valid_i = w_shown_;
    if (w_shown_) {
      const WriteBeat& beat = w_queue_.front();
      for (unsigned i = 0; i < kBeatBytes / 4; ++i) {
        std::uint32_t word = 0;
        for (unsigned b = 0; b < 4; ++b) word |= std::uint32_t{beat.data[4 * i + b]} << (8 * b);
        model_.w_data_i[i] = word;
      }
      model_.w_strb_i = beat.strb;
      model_.w_last_i = beat.last;
    }
    model_.r_ready_i = !chance(r_stall) && (!ready_after_valid || model_.r_valid_o);
    model_.b_ready_i = !chance(b_stall) && (!ready_after_valid || model_.b_valid_o);
  }

  typename std::deque<Open>::iterator oldest(std::deque<Open>& open, unsigned id) {
    return std::find_if(open.begin(), open.end(),
                        [id](const Open& o) { return o.command.id == id; });
  }

  void on_read() {
    ++read_beats;
    const auto found = oldest(reads_, model_.r_id_o);
    ASSERT_NE(found, reads_.end())
        << "data of an ID that asked for none: " << unsigned{model_.r_id_o};
    const AxiCommand& c = found->command;
    EXPECT_TRUE(!r_begun_ || *r_begun_ == c.id) << "beats of bursts are mixed";
    const bool last = found->done + 1 == c.beats;
    EXPECT_EQ(model_.r_last_o != 0, last);
    EXPECT_EQ(model_.r_resp_o, static_cast<unsigned>(c.resp));
    BeatData data;
    for (unsigned i = 0; i < kBeatBytes; ++i) {
      data[i] = static_cast<std::uint8_t>(model_.r_data_o[i / 4] >> (8 * (i % 4)));
    }
    const bool known = on_beat && on_beat(c, found->done, data);
    const std::uint64_t lanes = c.lanes(found->done);
    for (unsigned i = 0; i < kBeatBytes && !known && c.resp == AxiResp::kOkay; ++i) {
      if ((lanes >> i & 1U) == 0) continue;
      ASSERT_EQ(data[i], found->expected[found->done][i])
          << fmt::format("address {:#x}, beat {} lane {}", c.addr, found->done, i);
    }
    --under_way_[c.beat_addr(found->done) / kBeatBytes].reads;
    ++found->done;
    r_begun_ = last ? std::nullopt : std::optional<unsigned>(c.id);
    if (last) {
      overtaken += found != reads_.begin();
      reads_.erase(found);
    }
  }

  void on_written() {
    const auto found = oldest(writes_, model_.b_id_o);
    ASSERT_NE(found, writes_.end()) << "answer for an ID that wrote nothing";
    const AxiCommand& c = found->command;
    EXPECT_EQ(model_.b_resp_o, static_cast<unsigned>(c.resp));
    // W follows AW in order: this burst's last beat must have been taken.
    EXPECT_GT(bursts_sent_, found->number) << "answer before the data";
    for (unsigned n = 0; n < c.beats; ++n) --under_way_[c.beat_addr(n) / kBeatBytes].writes;
    overtaken += found != writes_.begin();
    writes_.erase(found);
  }
  Model& model_;
  std::mt19937_64 rng_;
  std::unordered_map<std::uint32_t, BeatData> memory_;  // by block
  std::unordered_map<std::uint32_t, Use> under_way_;    // by block
  std::deque<AxiCommand> ar_queue_, aw_queue_;
  std::deque<std::vector<BeatData>> ar_expected_;
  std::deque<WriteBeat> w_queue_;
  bool ar_shown_ = false, aw_shown_ = false, w_shown_ = false;
  std::deque<Open> reads_, writes_;  // in the order of AR, AW
  std::optional<unsigned> r_begun_;  // ID of the burst that has begun on R
  std::uint64_t bursts_sent_ = 0;    // whose last W beat was taken
  std::uint64_t numbered_ = 0;
  std::vector<std::uint32_t> r_before_, b_before_;
};

}  // namespace tsr::tb
