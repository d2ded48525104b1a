// SPDX-License-Identifier: Apache-2.0
#include "hbm/bench.hpp"

#include <Vhbm_bare.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>

#include "dram/dram_device.hpp"
#include "error.hpp"
#include "hbm/observer.hpp"

namespace tsr::tools {
namespace {

constexpr unsigned kRefreshPostpone = 1;  // reset values of REFRESH
constexpr unsigned kRefreshPullIn = 4;
constexpr unsigned kSelectLatency = 32;  // of the counter: see tsr_hbm_pc
constexpr unsigned kSelectModes = 48;
constexpr unsigned kBlock = 64;               // what the controller takes at once
constexpr std::uint64_t kPatience = 100'000;  // cycles without any progress
using BlockData = std::array<std::uint64_t, 8>;

/// Part of an access that lies in one block.
struct Piece {
  std::uint64_t block = 0;       // address / 64
  unsigned atoms = 0;            // bit 0, 1: lower, upper 32 bytes
  std::uint64_t first_atom = 0;  // position in the trace
  std::uint64_t last_atom = 0;
  std::uint64_t earliest = 0;  // DRAM clock
};

/// A block whose write has been taken: since when, and its atoms that are not issued yet.
struct Waiting {
  std::uint64_t since = 0;
  unsigned atoms = 0;
};

std::uint64_t mix(std::uint64_t x) {  // the finalizer of splitmix64
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// Node-local offset of a block of pseudo channel 0.
std::uint64_t node_offset(std::uint64_t block) {
  const std::uint64_t offset = block << 7;
  return offset | std::uint64_t{dram_pc_flip(offset)} << 6;
}

/// Reads, or writes, of the trace in order, and what is offered of them.
class Stream {
 public:
  std::vector<Piece> pieces;

  /// Two atoms of a block that follow each other are offered together: that is one a clock.
  void add(const Piece& piece) {
    if (!pieces.empty() && pieces.back().block == piece.block &&
        (pieces.back().atoms & piece.atoms) == 0) {
      Piece& last = pieces.back();
      last.atoms |= piece.atoms;
      last.last_atom = piece.last_atom;
      last.earliest = std::max(last.earliest, piece.earliest);
    } else {
      pieces.push_back(piece);
    }
  }

  bool done() const { return next_ == pieces.size(); }
  const Piece& front() const { return pieces[next_]; }
  std::uint64_t index() const { return next_; }
  /// First atom not yet taken.
  std::uint64_t position() const { return done() ? ~std::uint64_t{0} : front().first_atom; }
  /// Clock since when the front has been offered.
  std::optional<std::uint64_t> since;
  void take() {
    ++next_;
    since.reset();
  }

 private:
  std::uint64_t next_ = 0;
};

class HbmBench {
 public:
  HbmBench(const HbmTrace& trace, const DramTiming& timing, const HbmBenchOptions& options)
      : options_(options), device_(timing), observer_(options.commands) {
    context_.randSeed(1);
    model_ = std::make_unique<Vhbm_bare>(&context_, "dut");
    split(trace);
    drive_settings(timing);
  }
  ~HbmBench() { model_->final(); }

  HbmFigures run() {
    fill_memory();
    initialize();
    const std::uint64_t start = cycle_;
    observer_.begin(2 * start);
    start_cycle_ = start;
    while (!reads_.done() || !writes_.done() || pending_reads_ != 0 || !model_->empty_o) {
      offer();
      tick();
      if (!counting_ && device_.counts(0).reads + device_.counts(0).writes >= skipped_) count();
      if (cycle_ - progress_ > kPatience) {
        throw Error(ExitCode::Timeout, fmt::format("the controller stopped in cycle {}", cycle_));
      }
    }
    end_cycle_ = cycle_;
    for (int i = 0; i < 32; ++i) tick();  // the last write's data
    return figures();
  }

 private:
  // ---------------------------------------------------------------- preparation

  void split(const HbmTrace& trace) {
    std::uint64_t atom = 0;
    for (const auto& access : trace) {
      auto& stream = access.write ? writes_ : reads_;
      const std::uint64_t end = access.address + access.bytes;
      for (std::uint64_t at = access.address; at < end;) {
        const std::uint64_t stop = std::min(end, at / kBlock * kBlock + kBlock);
        Piece piece;
        piece.block = at / kBlock;
        piece.atoms = (at % kBlock == 0 ? 1U : 0U) | (stop % kBlock == 0 ? 2U : 0U);
        piece.first_atom = atom;
        atom += (stop - at) / kHbmAtom;
        piece.last_atom = atom - 1;
        piece.earliest = access.earliest;
        if (options_.rate > 0) {
          const auto due = static_cast<std::uint64_t>(2.0 * static_cast<double>(piece.first_atom) /
                                                      options_.rate);
          piece.earliest = std::max(piece.earliest, due);
        }
        stream.add(piece);
        at = stop;
      }
    }
    total_atoms_ = atom;
    skipped_ = (atom + 9) / 10;
    latencies_.reserve(reads_.pieces.size());
    expected_.resize(reads_.pieces.size());
    offered_.resize(reads_.pieces.size());
    taken_.resize(reads_.pieces.size());
  }

  /// Fields of timing_t, from its last one up: see tsr_hbm_pkg.
  void drive_settings(const DramTiming& t) {
    const std::array<std::pair<int, unsigned>, 27> fields{{{t.xs, 10},
                                                           {t.xp, 6},
                                                           {t.cke, 6},
                                                           {t.mod, 7},
                                                           {t.init, 20},
                                                           {t.rrefd, 6},
                                                           {t.rfcpb, 10},
                                                           {t.rfcab, 10},
                                                           {t.refi, 16},
                                                           {t.rtw, 6},
                                                           {t.cwl + t.bl + t.wtr_l, 7},
                                                           {t.cwl + t.bl + t.wtr_s, 7},
                                                           {t.rtp, 6},
                                                           {t.cwl + t.bl + t.wr, 7},
                                                           {t.ppd, 4},
                                                           {t.faw, 7},
                                                           {t.rrd_l, 5},
                                                           {t.rrd_s, 5},
                                                           {t.rc, 8},
                                                           {t.ras, 7},
                                                           {t.rp, 7},
                                                           {t.rcdwr, 7},
                                                           {t.rcdrd, 7},
                                                           {t.ccd_l, 4},
                                                           {t.ccd_s, 4},
                                                           {t.cwl, 6},
                                                           {t.cl, 6}}};
    unsigned low = 0;
    for (const auto& [value, width] : fields) {
      if (value < 0 || value >> width != 0) {
        throw InputError("a timing value does not fit the controller's register");
      }
      for (unsigned i = 0; i < width; ++i, ++low) {
        if ((value >> i & 1) != 0) model_->t_i[low / 32] |= 1U << (low % 32);
      }
    }
    model_->wr_low_i = static_cast<std::uint8_t>(options_.write_low);
    model_->wr_high_i = static_cast<std::uint8_t>(options_.write_high);
    model_->ref_postpone_i = kRefreshPostpone;
    model_->ref_pull_in_i = kRefreshPullIn;
    model_->age_limit_i = static_cast<std::uint16_t>(options_.age_limit);
    model_->qos_i = 1;
    model_->ref_all_i = options_.refresh_all;
    model_->pd_idle_i = static_cast<std::uint16_t>(options_.power_down);
  }

  void fill_memory() {
    for (const Piece& piece : reads_.pieces) {
      BlockData& block = memory_[piece.block];
      for (unsigned i = 0; i < block.size(); ++i) block[i] = mix(piece.block * 8 + i);
    }
    for (const auto& [number, block] : memory_) {
      device_.write(node_offset(number), block.data(), kBlock);
    }
  }

  void initialize() {
    model_->rst_ni = 0;
    for (int i = 0; i < 4; ++i) tick();
    model_->rst_ni = 1;
    tick();
    model_->start_i = 1;
    tick();
    model_->start_i = 0;
    for (int i = 0; !model_->init_done_o; ++i) {
      if (i > 1'000'000) throw Error(ExitCode::Timeout, "the DRAM does not initialize");
      tick();
    }
    progress_ = cycle_;
  }

  // ---------------------------------------------------------------- one cycle

  /// A stream's front may be offered: it is time, and the other one is not too far behind.
  bool may_offer(Stream& stream, const Stream& other) {
    if (stream.done()) return false;
    if (stream.since) return true;
    const Piece& piece = stream.front();
    if (2 * (cycle_ - start_cycle_) < piece.earliest) return false;
    if (!other.done() && piece.last_atom > other.position() + options_.window) return false;
    stream.since = 2 * cycle_;
    return true;
  }

  void offer() {
    model_->rd_valid_i = may_offer(reads_, writes_);
    if (model_->rd_valid_i) {
      const Piece& piece = reads_.front();
      model_->rd_addr_i = static_cast<std::uint32_t>(piece.block * kBlock);
      model_->rd_need_i = static_cast<std::uint8_t>(piece.atoms);
      model_->rd_id_i = static_cast<std::uint32_t>(reads_.index() & 0xffffffU);
    }
    model_->wr_valid_i = may_offer(writes_, reads_);
    if (model_->wr_valid_i) {
      const Piece& piece = writes_.front();
      model_->wr_addr_i = static_cast<std::uint32_t>(piece.block * kBlock);
      model_->wr_strb_i = ((piece.atoms & 1U) != 0 ? 0xffffffffULL : 0) |
                          ((piece.atoms & 2U) != 0 ? 0xffffffffULL << 32 : 0);
      for (unsigned i = 0; i < 8; ++i) {
        const std::uint64_t lane = write_lane(i);
        model_->wr_data_i[2 * i] = static_cast<std::uint32_t>(lane);
        model_->wr_data_i[2 * i + 1] = static_cast<std::uint32_t>(lane >> 32);
      }
    }
  }
  /// Data of the next write.
  std::uint64_t write_lane(unsigned lane) const { return mix(~(writes_.index() * 8 + lane)); }

  void tick() {
    model_->clk_i = 0;
    model_->eval();
    if (model_->rst_ni) sample();
    device_.step(in_.data(), out_.data());
    model_->clk_i = 1;
    model_->eval();
    model_->dfi_rvalid_i = out_[0].rvalid;
    if (out_[0].rvalid) {
      for (unsigned i = 0; i < 4; ++i) {
        model_->dfi_rdata_i[2 * i] = static_cast<std::uint32_t>(out_[0].rdata[i]);
        model_->dfi_rdata_i[2 * i + 1] = static_cast<std::uint32_t>(out_[0].rdata[i] >> 32);
      }
      model_->dfi_rside_i = out_[0].rside;
    }
    ++cycle_;
  }

  /// Everything that happens at the coming edge.
  void sample() {
    if (model_->out_valid_o) on_data();
    if (model_->rd_valid_i && model_->rd_ready_o) on_read();
    if (model_->wr_valid_i && model_->wr_ready_o) on_write();
    in_[0].command = model_->dfi_cmd_o;
    in_[1].command = DfiCommand::kResetN;
    observer_.sample(in_[0].command, cycle_);
    on_write_command();
    if ((in_[0].command & DfiCommand::kDataValid) != 0) {
      in_[0].wstrb = model_->dfi_wstrb_o;
      in_[0].wside = model_->dfi_wside_o;
      for (unsigned i = 0; i < 4; ++i) {
        in_[0].wdata[i] = model_->dfi_wdata_o[2 * i] |
                          static_cast<std::uint64_t>(model_->dfi_wdata_o[2 * i + 1]) << 32;
      }
    }
  }

  void on_read() {
    expected_[reads_.index()] = memory_[reads_.front().block];
    offered_[reads_.index()] = *reads_.since;
    taken_[reads_.index()] = 2 * cycle_;
    ++pending_reads_;
    reads_.take();
    progress_ = cycle_;
  }

  void on_write() {
    const Piece& piece = writes_.front();
    BlockData& block = memory_[piece.block];
    for (unsigned i = 0; i < 8; ++i) {
      if ((piece.atoms >> (i / 4) & 1U) != 0) block[i] = write_lane(i);
    }
    Waiting& waiting = waiting_.try_emplace(piece.block, Waiting{2 * cycle_, 0}).first->second;
    waiting.atoms |= piece.atoms;
    writes_.take();
    progress_ = cycle_;
  }

  /// A write command of this cycle ends the wait of its atom.
  void on_write_command() {
    const DfiCommand c = DfiCommand::unpack(in_[0].command);
    if (!c.col_valid || c.col_cmd != ColCmd::kWr) return;
    const DramAddress at{0, c.col_bank, observer_.open_row(c.col_bank), c.col};
    const auto found = waiting_.find(dram_offset(at) >> 7);
    if (found == waiting_.end()) return;
    figures_.write_wait = std::max(figures_.write_wait, 2 * cycle_ - found->second.since);
    found->second.atoms &= ~(1U << (c.col & 1U));
    if (found->second.atoms == 0) waiting_.erase(found);
  }

  void on_data() {
    // The id is cut to 24 bits: the read is the youngest one with it.
    const std::uint64_t id = model_->out_id_o;
    std::uint64_t index = (reads_.index() & ~std::uint64_t{0xffffff}) | id;
    if (index >= reads_.index() && index > 0xffffff) index -= 0x1000000;
    progress_ = cycle_;
    if (pending_reads_ == 0 || index >= reads_.index() || offered_[index] == kAnswered) {
      wrong(fmt::format("data that nobody asked for, id {}", id), kBlock);
      return;
    }
    --pending_reads_;
    const Piece& piece = reads_.pieces[index];
    for (unsigned i = 0; i < 8; ++i) {
      if ((piece.atoms >> (i / 4) & 1U) == 0) continue;
      const std::uint64_t lane = model_->out_data_o[2 * i] |
                                 static_cast<std::uint64_t>(model_->out_data_o[2 * i + 1]) << 32;
      compare(piece.block, i, lane, expected_[index][i], "read");
    }
    figures_.read_wait = std::max(figures_.read_wait, 2 * cycle_ - taken_[index]);
    ++figures_.latency_seen[hbm_latency_class(2 * cycle_ - taken_[index])];
    if (counting_) latencies_.push_back(2 * cycle_ - offered_[index]);
    offered_[index] = kAnswered;
  }

  void compare(std::uint64_t block, unsigned lane, std::uint64_t is, std::uint64_t should,
               const char* where) {
    unsigned bytes = 0;
    for (std::uint64_t diff = is ^ should; diff != 0; diff >>= 8) bytes += (diff & 0xff) != 0;
    if (bytes == 0) return;
    wrong(fmt::format("{} {:#x}: {:016x} instead of {:016x}", where, block * kBlock + lane * 8, is,
                      should),
          bytes);
  }
  void wrong(const std::string& what, unsigned bytes) {
    if (figures_.wrong_bytes == 0) figures_.first_wrong = what;
    figures_.wrong_bytes += bytes;
  }

  // ---------------------------------------------------------------- results

  void count() {
    counting_ = true;
    count_cycle_ = cycle_;
    before_ = observer_.counts;
  }

  HbmFigures figures() {
    HbmFigures& f = figures_;
    observer_.end(2 * cycle_);
    for (const auto& [number, block] : memory_) {
      BlockData stored{};
      device_.read(node_offset(number), stored.data(), kBlock);
      for (unsigned i = 0; i < 8; ++i) compare(number, i, stored[i], block[i], "memory");
    }
    for (const Piece& p : reads_.pieces) f.reads += p.atoms == 3 ? 2 : 1;
    f.writes = total_atoms_ - f.reads;
    f.clocks = 2 * (end_cycle_ - count_cycle_);
    latency_figures();
    read_histogram();
    f.refresh_gap_count = counter(kSelectModes);
    f.refresh_debt = counter(kSelectModes + 1);
    f.power_downs = counter(kSelectModes + 3);
    f.power_down_cycles = counter(kSelectModes + 4);
    const auto& now = observer_.counts;
    f.activates = now.activates - before_.activates;
    f.columns = now.columns - before_.columns;
    // A column command keeps the data bus busy for two clocks. Coalesced writes do not count.
    const double atoms = static_cast<double>(f.columns);
    f.efficiency = 200.0 * atoms / static_cast<double>(std::max<std::uint64_t>(f.clocks, 1));
    f.turnarounds = now.turnarounds - before_.turnarounds;
    f.activates_per_kilobyte =
        static_cast<double>(f.activates) * 1024 / (std::max(atoms, 1.0) * kHbmAtom);
    f.row_hits = 1.0 - static_cast<double>(now.first_columns - before_.first_columns) /
                           static_cast<double>(std::max<std::uint64_t>(f.columns, 1));
    f.refreshes = observer_.refreshes;
    f.refresh_gap = observer_.refresh_gap;
    f.refresh_between = observer_.refresh_between;
    f.violations = device_.violation_count();
    if (f.violations != 0) f.first_violation = device_.violations().front().message;
    return f;
  }

  void latency_figures() {
    if (latencies_.empty()) return;
    std::sort(latencies_.begin(), latencies_.end());
    double sum = 0;
    for (const auto latency : latencies_) sum += static_cast<double>(latency);
    figures_.latency_mean = sum / static_cast<double>(latencies_.size());
    figures_.latency_min = latencies_.front();
    figures_.latency_p99 = latencies_[(latencies_.size() - 1) * 99 / 100];
    figures_.latency_max = latencies_.back();
  }

  /// The controller's own histogram.
  void read_histogram() {
    for (unsigned c = 0; c < kHbmLatencyClasses; ++c) {
      figures_.latency_counts[c] = counter(kSelectLatency + c);
    }
  }
  std::uint64_t counter(unsigned select) {
    model_->cnt_sel_i = static_cast<std::uint8_t>(select);
    model_->eval();
    return model_->cnt_o;
  }

  static constexpr std::uint64_t kAnswered = ~std::uint64_t{0};

  HbmBenchOptions options_;
  DramDevice device_;
  HbmObserver observer_;
  VerilatedContext context_;
  std::unique_ptr<Vhbm_bare> model_;
  std::array<DfiIn, kDramPcs> in_{};
  std::array<DfiOut, kDramPcs> out_{};
  Stream reads_, writes_;
  std::uint64_t total_atoms_ = 0, skipped_ = 0;
  std::unordered_map<std::uint64_t, BlockData> memory_;  // as accepted so far
  std::vector<BlockData> expected_;                      // of every accepted read
  std::vector<std::uint64_t> offered_;                   // clock, or kAnswered
  std::vector<std::uint64_t> taken_;                     // clock
  std::vector<std::uint64_t> latencies_;
  std::unordered_map<std::uint64_t, Waiting> waiting_;  // writes taken and not issued, by block
  std::uint64_t pending_reads_ = 0;
  std::uint64_t cycle_ = 0, start_cycle_ = 0, end_cycle_ = 0, progress_ = 0;
  bool counting_ = false;
  std::uint64_t count_cycle_ = 0;
  HbmObserver::Counts before_;
  HbmFigures figures_;
};

}  // namespace

unsigned hbm_latency_class(std::uint64_t clocks) {
  unsigned c = 0;
  while (c < kHbmLatencyClasses - 1 && clocks >= hbm_latency_limit(c)) ++c;
  return c;
}

HbmFigures run_hbm_trace(const HbmTrace& trace, const DramTiming& timing,
                         const HbmBenchOptions& options) {
  return HbmBench(trace, timing, options).run();
}

}  // namespace tsr::tools
