// SPDX-License-Identifier: Apache-2.0
/// A node around an EngineComplex for tests: byte memory, random latencies, answers at once or
/// later, failing blocks, and a record of everything that the complex tells.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "tlm/engine_complex.hpp"

namespace tsr {

/// Calls functions at cycles.
class Agenda final : public TimelineClient {
 public:
  explicit Agenda(Timeline& timeline) : timeline_(timeline) {}
  void at(std::uint64_t cycle, std::function<void()> what) {
    timeline_.at(cycle, *this, static_cast<std::uint32_t>(what_.size()));
    what_.push_back(std::move(what));
  }
  void wake(std::uint32_t what) override {
    const auto call = std::move(what_[what]);
    call();
  }

 private:
  Timeline& timeline_;
  std::vector<std::function<void()>> what_;
};

class FakeHost final : public EngineHost {
 public:
  struct Done {
    std::uint64_t cycle;
    CommandDone done;
    bool interrupt;
  };
  struct Post {
    Engine engine;
    Rect nodes;
    unsigned semaphore, amount;
  };
  struct Request {
    std::uint64_t cycle;
    Engine engine;
    Kind kind;
    std::uint64_t address;
    std::uint64_t bytes_or_strobe;
    unsigned tag;
  };

  explicit FakeHost(unsigned seed = 1) : rng(seed) {}

  Timeline clock;
  std::mt19937 rng;
  EngineComplex* complex = nullptr;
  NodeProbe* observer = nullptr;
  // The world.
  std::map<std::uint64_t, std::uint8_t> memory;     // global bytes
  std::map<std::uint64_t, std::uint8_t> multicast;  // node-local bytes
  std::set<std::uint64_t> bad_blocks;               // answer Unmapped
  std::set<std::uint64_t> lost;                     // addresses that nobody answers
  std::set<std::uint64_t> poisoned;
  std::uint64_t own_spm = std::uint64_t{1} << 60;  // nowhere
  unsigned least = 20, most = 20;                  // latency
  double late = 0;                                 // share of answers through response()
  bool serial = false;                             // answers to reads come a block a cycle
  // What was seen.
  std::vector<Done> done;
  std::vector<Post> posts;
  std::vector<Request> requests;
  unsigned flags = 0;  // NaN, overflow: bits 0, 1 of ME, 2, 3 of VE
  unsigned changes = 0;
  std::vector<std::pair<std::uint64_t, int>> load;  // cycle, requests that begin or end

  Timeline& timeline() override { return clock; }
  NodeProbe* probe() override { return observer; }
  void changed() override { ++changes; }
  void remote_post(Engine engine, const Rect& nodes, unsigned semaphore, unsigned amount,
                   std::uint64_t /*cycle*/) override {
    posts.push_back({engine, nodes, semaphore, amount});
  }
  void command_done(const CommandDone& what, bool interrupt) override {
    done.push_back({clock.now(), what, interrupt});
  }
  void format_event(Engine engine, std::uint16_t /*id*/, bool nan, bool overflow) override {
    const unsigned bits = (nan ? 1U : 0U) | (overflow ? 2U : 0U);
    flags |= engine == Engine::Ve ? bits << 2 : bits;
  }

  bool request(Engine engine, tlm::tlm_generic_payload& payload, std::uint64_t& cycle) override {
    const auto* message = payload.get_extension<Message>();
    requests.push_back({cycle, engine, message->kind, payload.get_address(),
                        message->kind == Kind::kRead ? payload.get_data_length() : message->strb,
                        message->tag});
    const unsigned latency = least + rng() % (most - least + 1);
    if (lost.count(payload.get_address()) != 0) return false;
    std::uint64_t arrival = cycle + latency;
    // A block a cycle on the way back.
    if (serial && message->kind == Kind::kRead) {
      const std::uint64_t blocks =
          (payload.get_address() % 64 + payload.get_data_length() + 63) / 64;
      link_ = std::max(link_ + blocks, arrival + blocks - 1);
      arrival = link_;
    }
    if (message->kind != Kind::kWritePosted) {
      load.emplace_back(cycle, 1);
      load.emplace_back(arrival, -1);
    }
    if (std::uniform_real_distribution<double>(0, 1)(rng) >= late) {
      serve(payload);
      cycle = arrival;
      return true;
    }
    payload.acquire();
    agenda_.at(arrival, [this, engine, &payload] {
      serve(payload);
      complex->response(engine, payload);
      payload.release();
    });
    return false;
  }

  /// Most requests under way at once so far; those that end in a cycle make room in it.
  int most_under_way() {
    std::sort(load.begin(), load.end());
    int count = 0, highest = 0;
    for (const auto& [cycle, change] : load) highest = std::max(highest, count += change);
    load.clear();
    return highest;
  }
  void run(std::uint64_t cycles) { clock.run(clock.now() + cycles); }
  /// Until nothing is under way any more, or `limit` cycles have passed.
  void settle(std::uint64_t limit) {
    const std::uint64_t end = clock.now() + limit;
    while (clock.next() != Timeline::kNever && clock.next() < end) clock.run(clock.next() + 1);
  }

  /// Byte of the own scratchpad behind a global address, or null.
  std::uint8_t* own(std::uint64_t address) {
    const std::uint64_t offset = address - own_spm;
    return offset < complex->spm().size() ? &complex->spm()[offset] : nullptr;
  }

 private:
  void serve(tlm::tlm_generic_payload& payload) {
    auto* message = payload.get_extension<Message>();
    const std::uint64_t at = payload.get_address();
    const bool read = message->kind == Kind::kRead;
    const std::uint64_t length = read ? payload.get_data_length() : 64;
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    message->err = Err::kNone;
    message->poison = poisoned.count(at) != 0;
    for (std::uint64_t block = at & ~std::uint64_t{63}; block < at + length; block += 64) {
      if (message->mcast || bad_blocks.count(block) == 0) continue;
      payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
      message->err = Err::kUnmapped;
      return;
    }
    for (std::uint64_t i = 0; i < length; ++i) {
      std::uint8_t& byte = payload.get_data_ptr()[i];
      std::uint8_t* mine = message->mcast ? nullptr : own(at + i);
      if (read) {
        const auto it = memory.find(at + i);
        byte = mine != nullptr ? *mine : it != memory.end() ? it->second : std::uint8_t{0};
      } else if ((message->strb >> i & 1) != 0) {
        if (mine != nullptr) {
          *mine = byte;
        } else if (message->kind == Kind::kWritePosted) {
          multicast[message->mcast ? at + i : (at + i) & 0xffff'ffffU] = byte;
        } else {
          memory[at + i] = byte;
        }
      }
    }
  }

  Agenda agenda_{clock};
  std::uint64_t link_ = 0;  // until when answers to reads occupy it
};

}  // namespace tsr
