// SPDX-License-Identifier: Apache-2.0
/// DRAM behind one memory node: two pseudo channels that store data, return it on time, and check
/// every timing rule on every command.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "dram/bit_errors.hpp"
#include "dram/dfi.hpp"
#include "dram/dram_checker.hpp"
#include "dram/timing.hpp"

namespace tsr {

/// Cycle model: step() once per chip cycle with what the controller drives in that cycle; what
/// comes back is for the controller's inputs in the next cycle.
///
/// A RD in cycle c (clock 2c + phase) is answered in the cycle that follows its last data clock:
/// ceil((clock + CL + BL) / 2). The data of a WR is expected in cycle floor((clock + CWL) / 2).
/// Memory that was never written reads as zero. A reset of the device keeps the data. The 16 side
/// bits of an atom are stored beside it and mean nothing to the device.
class DramDevice {
 public:
  /// Violations kept in violations(); further ones are only counted.
  static constexpr std::size_t kMaxViolations = 1000;

  /// Commands seen by a pseudo channel.
  struct Counts {
    std::uint64_t activates = 0;
    std::uint64_t precharges = 0;
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t refreshes = 0;
    std::uint64_t all_refreshes = 0;  ///< of them: of all banks at once
    std::uint64_t power_downs = 0;
    std::uint64_t self_refreshes = 0;
  };

  explicit DramDevice(const DramTiming& timing);
  DramDevice(const DramDevice&) = delete;
  DramDevice& operator=(const DramDevice&) = delete;

  /// One chip cycle. `in` and `out` have an element per pseudo channel.
  void step(const DfiIn* in, DfiOut* out) {
    for (unsigned p = 0; p < kDramPcs; ++p) channels_[p].step(in[p], out[p], cycle_);
    ++cycle_;
  }

  /// `cycles` chip cycles without a command and without data under way, as step() would: for a
  /// controller that was not clocked meanwhile. Data under way is a violation: nobody takes it.
  void pass(std::uint64_t cycles);
  /// Cycle in which step() or pass() will report something if the controller does nothing, or
  /// ~0.
  std::uint64_t next_deadline() const;

  /// Back door, without time: any length and alignment inside the node's 1 GiB. Throws
  /// std::out_of_range. A write stores the right side bits, and no poison; a read gives the data as
  /// it is stored, uncorrected.
  void write(std::uint64_t offset, const void* data, std::size_t bytes);
  void read(std::uint64_t offset, void* data, std::size_t bytes) const;
  /// Flip bit `bit` of the stored atom that holds byte `offset`: data, then side bits
  /// (kEccCodeBits). It stays until the atom is written again.
  void flip(std::uint64_t offset, unsigned bit);
  /// Random errors in what is read: see BitErrors. Each pseudo channel has its own.
  void set_error_rate(double per_bit, std::uint64_t seed);
  /// Bit `bit` of the atom that holds byte `offset` reads inverted from now on, whatever is
  /// written.
  void break_cell(std::uint64_t offset, unsigned bit);
  /// Bits that went wrong by set_error_rate() and break_cell().
  std::uint64_t bit_errors() const;
  /// Side bits of the stored atom that holds byte `offset`.
  std::uint16_t side(std::uint64_t offset) const;

  /// Called on every violation, before it is recorded.
  void on_violation(DramChecker::Sink sink) { sink_ = std::move(sink); }
  const std::vector<DramViolation>& violations() const { return violations_; }
  std::uint64_t violation_count() const { return violation_count_; }
  void clear_violations();

  const Counts& counts(unsigned pc) const { return channels_[pc].counts; }
  /// Refresh intervals that the worst bank is behind; negative: ahead.
  std::int64_t refresh_debt(unsigned pc) const {
    return channels_[pc].checker.refresh_debt(static_cast<std::int64_t>(cycle_) * 2);
  }
  bool powered_down(unsigned pc) const { return channels_[pc].checker.powered_down(); }
  bool self_refreshing(unsigned pc) const { return channels_[pc].checker.self_refreshing(); }
  bool initialized(unsigned pc) const { return channels_[pc].checker.enabled(); }
  const DramTiming& timing() const { return timing_; }
  std::uint64_t cycle() const { return cycle_; }

 private:
  /// Rows that are allocated together.
  static constexpr unsigned kRowsPerBlock = 8;
  struct Block {
    static constexpr std::size_t kAtoms = std::size_t{kRowsPerBlock} * kDramCols;
    std::array<DramAtom, kAtoms> atoms{};
    std::array<std::uint16_t, kAtoms> sides{};
  };
  /// A stored atom with its side bits.
  struct Cell {
    DramAtom* data;
    std::uint16_t* side;
  };
  struct ConstCell {
    const DramAtom* data;
    const std::uint16_t* side;
  };

  /// Fixed ring of things that happen in order at known cycles.
  template <class T>
  struct Ring {
    std::array<T, 64> items;
    unsigned first = 0;
    unsigned count = 0;
    bool empty() const { return count == 0; }
    const T& front() const { return items[first]; }
    void pop() {
      first = (first + 1) % 64;
      --count;
    }
    /// False when there is no room.
    bool push(const T& item) {
      if (count == 64) return false;
      items[(first + count++) % 64] = item;
      return true;
    }
  };

  struct Access {
    std::uint64_t cycle = 0;
    unsigned bank = 0;
    unsigned row = 0;
    unsigned col = 0;
  };
  struct Answer {
    std::uint64_t cycle = 0;
    DramAtom data{};
    std::uint16_t side = 0;
  };

  struct Channel {
    Channel(const DramTiming& timing, unsigned pc, DramChecker::Sink sink)
        : checker(timing, pc, std::move(sink)), t(timing) {}

    void step(const DfiIn& in, DfiOut& out, std::uint64_t cycle) {
      out.rvalid = false;
      constexpr std::uint64_t kWork =
          DfiCommand::kRowValid | DfiCommand::kColValid | DfiCommand::kDataValid;
      if ((in.command & (kWork | DfiCommand::kResetN)) != DfiCommand::kResetN) work(in, cycle);
      if (!writes.empty() && writes.front().cycle <= cycle) commit(in, cycle);
      checker.advance(static_cast<std::int64_t>(cycle) * 2);
      if (!answers.empty() && answers.front().cycle == cycle + 1) {
        out.rvalid = true;
        out.rdata = answers.front().data;
        out.rside = answers.front().side;
        answers.pop();
      }
    }
    void pass(std::uint64_t from, std::uint64_t end);
    void work(const DfiIn& in, std::uint64_t cycle);
    void commit(const DfiIn& in, std::uint64_t cycle);
    void row_command(const DfiCommand& c, std::uint64_t cycle);
    void column_command(const DfiCommand& c, std::uint64_t cycle);
    /// Atom for writing; allocates.
    Cell cell(unsigned bank, unsigned row, unsigned col);
    /// Atom for reading, or null when never written.
    ConstCell find(unsigned bank, unsigned row, unsigned col) const;
    /// What a RD returns.
    void fetch(unsigned bank, unsigned row, unsigned col, Answer& answer);
    /// Let the errors of this read happen to what is stored.
    void disturb(unsigned bank, unsigned row, unsigned col);

    DramChecker checker;
    DramTiming t;
    Counts counts;
    BitErrors errors;
    Ring<Access> writes;   // waiting for their data
    Ring<Answer> answers;  // read data under way
    std::vector<std::unique_ptr<Block>> blocks;
  };

  void record(const DramViolation& violation);

  DramTiming timing_;
  DramChecker::Sink sink_;
  std::vector<DramViolation> violations_;
  std::uint64_t violation_count_ = 0;
  std::uint64_t cycle_ = 0;
  std::vector<Channel> channels_;
};

}  // namespace tsr
