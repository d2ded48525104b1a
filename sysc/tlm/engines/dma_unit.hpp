// SPDX-License-Identifier: Apache-2.0
/// RDMA and WDMA, as rtl/dma: a command is cut into reads of up to 256 bytes or blocks of 64 bytes,
/// one request a cycle, with a limited number in flight. Reads are stored, and writes fetched, when
/// they are issued: a command's data belong to it from its start to its end.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "engines/dma.hpp"
#include "tlm/engines/timing.hpp"
#include "tlm/engines/unit.hpp"

namespace tsr {

/// Element addresses of one side.
class DmaWalk {
 public:
  DmaWalk() = default;
  DmaWalk(std::uint64_t base, const std::array<std::int32_t, 3>& stride,
          const std::array<std::uint16_t, 3>& iter)
      : base_(base), stride_(stride), iter_(iter) {}
  std::uint64_t address() const {
    std::uint64_t at = base_;
    for (unsigned j = 0; j < 3; ++j) at += static_cast<std::uint64_t>(stride_[j]) * index_[j];
    return at;
  }
  void next() {
    for (unsigned j = 0; j < 3; ++j) {
      if (++index_[j] < iter_[j]) return;
      index_[j] = 0;
    }
  }

 private:
  std::uint64_t base_ = 0;
  std::array<std::int32_t, 3> stride_{};
  std::array<std::uint16_t, 3> iter_{1, 1, 1};
  std::array<std::uint64_t, 3> index_{};
};

class DmaUnit final : public EngineUnit {
 public:
  DmaUnit(Engine engine, EngineStores& stores, EngineHost& host, UnitQueue& queue,
          EngineMeter& meter);
  ~DmaUnit() override;

  void offer(const EngineCommand& command, std::uint64_t at) override;
  void withdraw() override { offered_.reset(); }
  void forget() override;
  void response(tlm::tlm_generic_payload& payload) override;
  void wake(std::uint32_t what) override;
  std::vector<doctor::Transaction> in_flight(std::uint64_t now) const override;
  void count(EngineMeter& meter, std::uint64_t now) const override;

 private:
  struct Offer {
    EngineCommand command;
    std::uint64_t at;
  };
  /// A command under way.
  struct Job {
    EngineCommand command;
    engines::DmaConfig config;
    bool fill = false;
    bool posted = false;  // multicast
    bool spread = false;
    DmaWalk src, dst;
    std::uint64_t src_elem = 0;  // addresses of the element that is being cut
    std::uint64_t dst_elem = 0;
    std::uint64_t elements = 0;  // left, with this one
    std::uint32_t offset = 0;    // position in it
    std::uint64_t taken = 0;     // cycle
    std::uint64_t first = 0;     // cycle of the first piece
    std::uint64_t issue_at = 0;  // of the next one
    bool issued = false;         // there is no further piece
    unsigned pending = 0;        // requests whose answer is not known yet
    std::uint64_t last = 0;      // cycle of the last answer known
    unsigned tail = 0;           // cycles from there to the end
    std::uint64_t busy = 0;      // cycles in which something moved
    std::uint64_t bytes = 0;
    std::uint64_t fault_at = Timeline::kNever;
    Outcome fault;
    std::uint64_t limit = 0;  // cycles without progress that it suffers
  };
  /// A request in flight.
  struct Packet;
  struct Slot {
    std::unique_ptr<Packet> packet;
    std::uint64_t free_at = 0;  // kNever: its answer is not known
    bool live = false;          // and a command waits for it
    Job* job = nullptr;
    std::uint64_t address = 0;
    std::uint32_t local = 0;  // RDMA: scratchpad offset
    std::uint32_t bytes = 0;
  };
  /// A piece of an element.
  struct Piece {
    std::uint64_t source = 0;
    std::uint64_t destination = 0;
    std::uint32_t bytes = 0;
  };

  std::uint64_t now() const { return host_.timeline().now(); }
  bool writes() const { return engine_ == Engine::Wdma; }
  void run();
  bool take();
  void begin(Job& job);
  void check(Job& job);
  void issue(Job& job);
  bool issue_piece(Job& job);
  Piece piece(const Job& job) const;
  bool outside(Job& job);
  void advance(Job& job, std::uint32_t bytes);
  void move_fill(Job& job, const Piece& piece);
  int find_slot(std::uint64_t& at);
  bool send(Job& job, const Piece& piece);
  void fill_packet(const Job& job, const Piece& piece, Slot& slot, std::uint64_t at, unsigned tag);
  void answered(Slot& slot, std::uint64_t at);
  std::uint64_t port(std::uint64_t arrival, const Slot& slot);
  void fail(Job& job, std::uint64_t at, engines::CmdError error, std::uint8_t info,
            std::uint64_t address);
  void time_out();
  bool finish();
  void call(std::uint64_t cycle) { host_.timeline().at(cycle, *this); }
  void call_issue(std::uint64_t cycle);
  void call_end();
  void call_time_out();

  Engine engine_;
  EngineStores& stores_;
  EngineHost& host_;
  UnitQueue& queue_;
  EngineMeter& meter_;
  std::optional<Offer> offered_;
  std::deque<Job> jobs_;  // oldest first; the last one issues
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<Packet>> orphans_;  // forgotten while their answers are owed
  unsigned next_slot_ = 0;                        // WDMA: tags go round
  std::uint64_t port_ = 0;                        // RDMA: until when the scratchpad port has work
  std::uint64_t progress_ = 0;                    // cycle in which something last moved
  unsigned owed_ = 0;                             // requests whose answers are not known
  std::uint64_t issue_call_ = 0;                  // event that goes on issuing
  std::uint64_t end_call_ = Timeline::kNever;     // event of the oldest command's end
  std::uint64_t timer_ = 0;                       // event that looks for a timeout
};

}  // namespace tsr
