// SPDX-License-Identifier: Apache-2.0
/// Environment of the DMA benches: both engines on one scratchpad, a network and memory in C++ that
/// answers late, out of order, with errors or not at all, and a check against the functional model.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "Vdma_bench.h"
#include "common/bench.hpp"
#include "engines/dma.hpp"

namespace tsr::tb {

using engines::CmdError;
using engines::DmaCommand;
using engines::DmaConfig;
using engines::DmaOp;
using engines::DmaOutcome;

constexpr unsigned kRdma = 0;
constexpr unsigned kWdma = 1;
constexpr std::uint32_t kSpmBytes = 65536;
constexpr std::uint64_t kNodeSpace = std::uint64_t{1} << 52;

// tsr_pkg::kind_e, err_e; tsr_tile_pkg::eng_state_e.
enum Kind : unsigned {
  kKindRead = 1,
  kKindWrite = 2,
  kKindWritePosted = 3,
  kKindReadRsp = 8,
  kKindWriteRsp = 9,
  kKindErrRsp = 10
};
enum BusError : std::uint8_t {
  kErrUnmapped = 1,
  kErrForbidden = 2,
  kErrTimeout = 4,
  kErrPoison = 5
};
enum State : unsigned {
  kStIdle = 0,
  kStBusy = 1,
  kStWaitSem = 2,
  kStStarved = 3,
  kStBlocked = 4,
  kStConflict = 5,
  kStConfig = 6
};

/// Global memory: every byte has a value from the start.
class GlobalMemory {
 public:
  std::uint8_t read(std::uint64_t address) const;
  void write(std::uint64_t address, std::uint8_t value);
  /// Bytes that were written, by address.
  const std::map<std::uint64_t, std::uint8_t>& written() const { return written_; }
  void clear() { written_.clear(); }

 private:
  std::map<std::uint64_t, std::uint8_t> written_;
};

/// Request as it left an engine.
struct Request {
  unsigned engine = 0;
  unsigned kind = 0;
  bool multicast = false;
  std::uint32_t rect = 0;
  std::uint64_t address = 0;
  std::uint64_t strb = 0;  ///< reads: number of bytes
  std::uint32_t doff = 0;
  unsigned tag = 0;
  bool spread = false;   ///< RDMA
  std::uint64_t to = 0;  ///< who gets the answer: tsr_pkg::spread_t
  std::array<std::uint64_t, 8> data{};
  std::uint64_t cycle = 0;
  std::size_t index = 0;  ///< of its engine since forget()
};

/// What the network does with a request.
struct Reply {
  enum class What { kData, kError, kPoison, kNever, kHold } what = What::kData;
  std::uint8_t error = 0;  ///< kError
  unsigned block = 0;      ///< kPoison: which of the request's 64-byte blocks
};

struct Done {
  bool valid = false;
  std::uint16_t id = 0;
  CmdError error = CmdError::Ok;
  std::uint8_t info = 0;
  std::uint64_t address = 0;
  std::uint64_t cycle = 0;
};

class DmaBench : public Bench<Vdma_bench> {
 protected:
  void SetUp() override;
  void TearDown() override;

  // ---- network behaviour, all settable at any time
  std::array<double, 2> request_stall_{};   ///< chance that req_ready is low
  std::array<double, 2> response_stall_{};  ///< chance that a due response waits a cycle
  double context_stall_ = 0.0;
  double disturbance_ = 0.0;        ///< chance that the disturbing reader accesses the scratchpad
  std::uint32_t disturb_base_ = 0;  ///< first byte of the 8 KiB that it reads
  unsigned latency_min_ = 20;       ///< cycles from a request to its response
  unsigned latency_max_ = 20;
  bool reorder_ = false;  ///< responses that are due come in random order
  std::function<Reply(const Request&)> on_request_;  ///< default: data

  /// Let responses that were held (Reply::kHold) come, with `delay` cycles from now on.
  void release_held(unsigned delay = 1);
  /// A response out of nowhere.
  void stray_response(unsigned engine, unsigned tag, unsigned kind, std::uint64_t address,
                      std::uint32_t doff = 0);

  /// What another node read comes for this one too: `count` bytes (1..64) of one block to a
  /// scratchpad offset. `semaphore` < 0: none is posted.
  void hear(std::uint64_t address, unsigned count, std::uint32_t offset, int semaphore);

  // ---- commands
  /// Put a configuration into the context store and offer the command. Nothing is checked.
  void issue(unsigned engine, const DmaCommand& command, const DmaConfig& config);
  /// The engine has taken the command that was offered last.
  bool taken(unsigned engine) const { return !offered_[engine]; }
  /// Issue and wait for the completion.
  Done execute(unsigned engine, const DmaCommand& command, const DmaConfig& config,
               std::uint64_t limit = 200000);
  Done wait_done(unsigned engine, std::uint64_t limit = 200000);
  /// The model's answer; applies its writes to the expected scratchpad and memory.
  DmaOutcome predict(unsigned engine, const DmaCommand& command, const DmaConfig& config);
  /// execute() and compare error, error address and number of bytes with the model.
  void check(unsigned engine, const DmaCommand& command, const DmaConfig& config);
  void compare(const Done& done, const DmaOutcome& outcome, const DmaCommand& command,
               unsigned engine);

  // ---- scratchpad and memory
  /// Random contents, known to the model.
  void randomize_scratchpad();
  std::vector<std::uint8_t> read_scratchpad();
  /// Scratchpad and memory hold exactly what the model wrote.
  void check_memories();
  void forget() {
    requests_[0].clear();
    requests_[1].clear();
  }

  std::vector<std::uint8_t> spm_;  ///< expected contents
  GlobalMemory memory_;            ///< written by the engines
  GlobalMemory expected_;          ///< written by the model
  std::array<std::vector<Request>, 2> requests_;
  std::array<Done, 2> done_;  ///< last completion since issue()
  std::array<std::vector<Done>, 2> completions_;
  bool overlapping_ = false;            ///< several commands may be unfinished: completions_ counts
  std::array<std::uint64_t, 2> ops_{};  ///< sum of ops_o
  std::array<std::array<std::uint64_t, 8>, 2> states_{};  ///< cycles by state_o
  std::array<std::uint64_t, 2> accepted_{};               ///< cycle of the last accepted command
  std::array<unsigned, 2> in_flight_{};                   ///< requests not yet answered
  std::array<unsigned, 2> most_in_flight_{};
  std::uint64_t last_response_ = 0;
  std::uint64_t heard_ = 0;                ///< blocks heard that lie in the scratchpad
  std::array<std::uint64_t, 16> posts_{};  ///< by semaphore

 private:
  struct Response {
    unsigned kind = 0;
    std::uint8_t error = 0;
    bool poison = false;
    std::uint64_t address = 0;
    std::uint64_t strb = 0;
    std::uint32_t doff = 0;
    unsigned tag = 0;
    std::array<std::uint64_t, 8> data{};
    std::uint64_t due = 0;
    bool last = false;  // of its request
    bool heard = false;
    unsigned listen = 0;
  };

  void sample();
  void drive();
  void sample_request(unsigned engine);
  void answer(const Request& request);
  void put_response(unsigned engine, const Response& response);

  std::array<std::optional<DmaCommand>, 2> offered_;
  std::array<std::deque<Response>, 2> due_;
  std::array<std::vector<Response>, 2> held_;
  std::array<std::optional<Response>, 2> on_bus_;
  std::array<std::uint64_t, 2> horizon_{};
  std::array<std::array<std::uint32_t, 16>, 64> contexts_{};
  std::array<int, 2> context_row_{-1, -1};
  std::array<std::optional<Request>, 2> stalled_;
  bool spm_ready_ = false;
  bool dist_busy_ = false;
};

/// Command of one element: source and destination addresses, `op` selects the engine's side.
DmaCommand make_command(DmaOp op, std::uint64_t src, std::uint64_t dst, std::uint16_t id = 1);
/// One element of `count` bytes.
DmaConfig make_config(std::uint32_t count);

}  // namespace tsr::tb
