// SPDX-License-Identifier: Apache-2.0
/// Surroundings of one memory node: links with credits and stalls, the DRAM device, a reference
/// memory, and a scoreboard that checks every response.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dram/dfi_port.hpp"
#include "dram/dram_profile.hpp"
#include "dram/ecc.hpp"
#include "noc/address_map.hpp"
#include "noc/amo.hpp"
#include "noc/flit.hpp"
#include "regs/hbm_regs.hpp"

namespace tsr::tb {

inline DramTiming load_timing(const std::string& name) {
  return load_dram_profile(std::string(TSR_DRAM_PROFILES) + "/" + name + ".toml").timing;
}

/// Register offset of the timing value `name` ("rcdrd": T_RCDRD), from the generated table.
inline std::uint32_t timing_register(const std::string& name) {
  std::string wanted = "t_" + name;
  for (const auto& reg : regs::hbm::kBlock) {
    std::string lower = reg.name;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    if (lower == wanted) return reg.offset;
  }
  throw std::runtime_error("no register for timing value " + name);
}

/// Faults of a pseudo channel's read path: no answers, a wrong bit, a cycle late, two for one.
enum class ReadFault { kNone, kDead, kWrong, kLate, kTwice };

template <class Model>
class MemNode {
 public:
  static constexpr std::uint32_t kRegBase = 0x20000;

  MemNode(Model& model, const DramTiming& timing, std::uint64_t seed)
      : model_(model), device_(std::make_unique<DramDevice>(timing)), port_(*device_), rng_(seed) {
    config.mesh_w = 4;
    config.mesh_h = 6;
    config.ctl = {0, 0};
    config.mem = {{0, 5}, {1, 5}, {2, 5}, {3, 5}};
    config.mem_mib = 1024;
    for (unsigned t = 0; t < 256; ++t) free_tags_.push_back(static_cast<std::uint8_t>(t));
    std::shuffle(free_tags_.begin(), free_tags_.end(), rng_);
    apply_straps();
    model_.req_rx_valid_i = 0;
    model_.rsp_rx_valid_i = 0;
    model_.rsp_tx_credit_i = 0;
    model_.req_tx_credit_i = 0;
    model_.dfi_rvalid_i = 0;
    model_.router_cnt_i = 0;
    model_.now_i = 0;
  }

  ChipConfig config;
  unsigned index = 1;         ///< which memory node the model is
  double send_stall = 0;      ///< probability that a request waits another cycle
  double response_stall = 0;  ///< probability that a response buffer is not emptied in a cycle
  std::array<ReadFault, kDramPcs> read_fault{};  ///< what is wrong with the DRAM's read data
  std::size_t max_queued = 64;  ///< requests handed to send() that may wait for the link

  void apply_straps() {
    const auto words = config.pack();
    for (unsigned i = 0; i < words.size(); ++i) model_.cfg_i[i] = words[i];
    model_.node_i = node().pack();
  }
  Node node() const { return config.mem[index]; }
  DramDevice& device() { return *device_; }
  const std::vector<DramViolation>& violations() const { return device_->violations(); }

  // ---------------------------------------------------------------- clocking

  void before_edge() {
    if (model_.rst_ni == 0) return;  // outputs mean nothing yet
    for (unsigned v = 0; v < 2; ++v) credits_[v] += (model_.req_rx_credit_o >> v) & 1U;
    EXPECT_LE(credits_[0], kVcDepth);
    EXPECT_LE(credits_[1], kVcDepth);
    EXPECT_EQ(model_.req_tx_valid_o, 0);
    if (model_.rsp_tx_valid_o) {
      std::array<std::uint32_t, kFlitWords> words;
      for (unsigned i = 0; i < kFlitWords; ++i) words[i] = model_.rsp_tx_flit_o[i];
      const Flit flit = Flit::from_words(words.data());
      inbox_[flit.vc].push_back(flit);
      EXPECT_LE(inbox_[flit.vc].size(), kVcDepth) << "response without credit";
      last_response = cycle;
    }
    port_.sample(model_);
  }

  void after_edge() {
    ++cycle;
    model_.now_i = cycle;
    model_.router_cnt_i = 0x1000 * (model_.router_sel_o + 1U);
    port_.drive(model_);
    for (unsigned p = 0; p < kDramPcs; ++p) damage_answer(p);
    unsigned credit = 0;
    for (unsigned v = 0; v < 2; ++v) {
      if (inbox_[v].empty() || chance(response_stall)) continue;
      const Flit flit = inbox_[v].front();
      inbox_[v].pop_front();
      credit |= 1U << v;
      on_response(flit);
    }
    model_.rsp_tx_credit_i = static_cast<std::uint8_t>(credit);
    model_.req_rx_valid_i = 0;
    // The channels take turns; one without credit does not hold up the other.
    for (unsigned i = 0; i < 2; ++i) {
      const unsigned v = static_cast<unsigned>(next_vc_ ^ (i != 0));
      if (outbox_[v].empty() || credits_[v] == 0) continue;
      if (!chance(send_stall)) drive_request(outbox_[v]);
      next_vc_ = v == 0;
      break;
    }
  }

  /// A model that was asleep sees time pass.
  void skip(std::uint64_t cycles) {
    cycle += cycles;
    model_.now_i = cycle;
  }

  // ---------------------------------------------------------------- requests

  bool can_send() const { return outbox_[vc].size() < max_queued && !free_tags_.empty(); }
  bool quiet() const {
    return outbox_[0].empty() && outbox_[1].empty() && pending_.empty() && inbox_[0].empty() &&
           inbox_[1].empty();
  }
  std::size_t pending() const { return pending_.size(); }

  Flit request(Kind kind, std::uint64_t addr, std::uint64_t strb) {
    Flit f;
    f.kind = kind;
    f.addr = addr;
    f.strb = strb;
    f.src = source;
    f.set_dst(node());
    return f;
  }
  /// Global address of byte `local` of this node.
  std::uint64_t global(std::uint64_t local) const { return config.hbm_offset(index, local); }

  /// Send a flit as it is (sealed here unless `damaged`).
  void send_raw(Flit flit, bool damaged = false) {
    if (!damaged) flit.seal();
    if (flit.kind != Kind::kWritePosted) sent_[flit.tag] = cycle;
    outbox_[flit.vc].push_back(flit);
  }

  /// Read `bytes` at node-local offset `local`; the response is compared with the reference memory.
  void read(std::uint64_t local, unsigned bytes) {
    Flit f = request(Kind::kRead, global(local), bytes);
    f.doff = static_cast<std::uint32_t>(rng_() & 0xffffff);
    f.vc = vc;
    f.cls = cls;
    f.tag = take_tag();
    if (chance(spread_chance)) {
      const auto around = [this](unsigned at, unsigned end) {
        return std::pair<unsigned, unsigned>{rng_() % (at + 1), at + rng_() % (end - at)};
      };
      const auto [x0, x1] = around(source.x, config.mesh_w);
      const auto [y0, y1] = around(source.y, config.mesh_h);
      f.spread = true;
      f.data[0] = pack_spread({{x0, y0}, {x1, y1}}, {chance(0.5), unsigned(rng_() % 16)});
    }
    Pending p;
    p.request = f;
    p.data.resize(bytes);
    for (unsigned i = 0; i < bytes; ++i) p.data[i] = byte(local + i);
    for (std::uint64_t b = f.addr / 64; b <= (f.addr + bytes - 1) / 64; ++b)
      p.blocks.push_back(b * 64);
    expect_poison(p, local);
    pending_[f.tag] = std::move(p);
    send_raw(f);
  }

  /// Atomic on the word at `local`; its answer is compared with the reference memory.
  void atomic(std::uint64_t local, Amo op, std::uint32_t operand, std::uint32_t expected = 0) {
    Flit f = request(Kind::kAtomic, global(local), 0);
    f.amo = op;
    f.data[0] = std::uint64_t{expected} << 32 | operand;
    f.doff = static_cast<std::uint32_t>(rng_() & 0xffffff);
    f.vc = vc;
    f.tag = take_tag();
    Pending p;
    p.request = f;
    std::uint32_t old = 0;
    for (unsigned i = 0; i < 4; ++i) {
      p.data.push_back(byte(local + i));
      old |= std::uint32_t{p.data.back()} << (8 * i);
    }
    p.blocks.push_back(f.addr / 64 * 64);
    expect_poison(p, local);
    if (!poisoned(local)) {
      const std::uint32_t next = amo_result(op, old, operand, expected);
      for (unsigned i = 0; i < 4; ++i) {
        memory_[local / 64][local % 64 + i] = static_cast<std::uint8_t>(next >> (8 * i));
      }
    }
    pending_[f.tag] = std::move(p);
    send_raw(f);
  }

  /// Write random bytes to the 64-byte block at `local` under `strb`; `posted`: without an answer.
  void write(std::uint64_t local, std::uint64_t strb, bool posted = false, bool poison = false) {
    Flit f = request(posted ? Kind::kWritePosted : Kind::kWrite, global(local), strb);
    for (auto& lane : f.data) lane = rng_();
    f.poison = poison;
    for (unsigned atom = 0; atom < 2; ++atom) {
      const auto part = static_cast<std::uint32_t>(strb >> (32 * atom));
      if (poison && part != 0) mark_poisoned(local + 32 * atom);
      if (!poison && part == ~0U) poisoned_.erase(local / 32 + atom);
    }
    f.vc = vc;
    if (!posted) {
      f.tag = take_tag();
      Pending p;
      p.request = f;
      pending_[f.tag] = std::move(p);
    }
    auto& block = memory_[local / 64];
    for (unsigned i = 0; i < 64; ++i) {
      if ((strb >> i) & 1U) block[i] = static_cast<std::uint8_t>(f.data[i / 8] >> (8 * (i % 8)));
    }
    send_raw(f);
  }

  /// Send a request that must be answered by ErrRsp with `err`.
  void expect_error(Flit f, Err err, bool damaged_data = false) {
    f.tag = take_tag();
    Pending p;
    p.request = f;
    p.err = err;
    pending_[f.tag] = std::move(p);
    f.seal();
    if (damaged_data) {
      f.dpar ^= 1U;
      f.par = f.header_parity();
    }
    send_raw(f, true);
  }

  /// Register accesses, answered through `register_value`.
  void register_read(std::uint32_t offset) {
    Flit f = request(Kind::kRead, node_address(node(), kRegBase + offset), 4);
    f.doff = 0x123450;
    f.tag = take_tag();
    Pending p;
    p.request = f;
    p.is_register = true;
    p.blocks.push_back(f.addr / 64 * 64);
    pending_[f.tag] = std::move(p);
    send_raw(f);
  }
  void register_write(std::uint32_t offset, std::uint32_t value, bool posted = false) {
    Flit f = request(posted ? Kind::kWritePosted : Kind::kWrite,
                     node_address(node(), (kRegBase + offset) / 64 * 64), 0xfULL << (offset % 64));
    f.data[offset % 64 / 8] = std::uint64_t{value} << (8 * (offset % 8));
    if (!posted) {
      f.tag = take_tag();
      Pending p;
      p.request = f;
      pending_[f.tag] = std::move(p);
    }
    send_raw(f);
  }
  std::uint32_t register_value = 0;

  /// Byte of the reference memory.
  std::uint8_t byte(std::uint64_t local) const {
    const auto found = memory_.find(local / 64);
    return found == memory_.end() ? 0 : found->second[local % 64];
  }
  /// The atom that holds byte `local` is known to be bad: reads of it are answered with poison.
  void mark_poisoned(std::uint64_t local) { poisoned_.insert(local / 32); }
  bool poisoned(std::uint64_t local) const { return poisoned_.count(local / 32) != 0; }
  /// Compare everything ever written with the DRAM's content, and with `sides` the side bits that
  /// belong to it.
  void compare_memory(bool sides = true) const {
    for (const auto& [number, block] : memory_) {
      std::array<std::uint8_t, 64> stored{};
      device_->read(number * 64, stored.data(), stored.size());
      ASSERT_EQ(stored, block) << fmt::format("block {:#x}", number * 64);
      for (unsigned atom = 0; sides && atom < 2; ++atom) {
        const std::uint64_t at = number * 64 + 32 * atom;
        DramAtom data;
        device_->read(at, data.data(), sizeof data);
        ASSERT_EQ(device_->side(at), ecc_side(data, poisoned(at))) << fmt::format("atom {:#x}", at);
      }
    }
  }

  bool chance(double p) { return p > 0 && std::uniform_real_distribution<double>(0, 1)(rng_) < p; }
  std::mt19937_64& rng() { return rng_; }

  Node source{2, 2};  ///< initiator of the next requests
  bool vc = false;
  bool cls = false;          ///< class of the next reads
  double spread_chance = 0;  ///< probability that a read asks for a multicast
  /// Called when the last response of a request has come, with the clocks since it was
  /// asked for.
  std::function<void(const Flit&, std::uint64_t)> on_answer;
  std::uint64_t cycle = 0;
  std::uint64_t last_request = 0;   ///< cycle in which a request was last on the link
  std::uint64_t last_response = 0;  ///< cycle in which a response was last on the link
  std::uint64_t responses = 0;

 private:
  struct Pending {
    Flit request;
    std::vector<std::uint8_t> data;
    std::vector<std::uint64_t> blocks;  // addresses still to come
    std::set<std::uint64_t> poison;     // those of them that come poisoned
    Err err = Err::kNone;
    bool is_register = false;
  };

  void damage_answer(unsigned pc) {
    const auto bit = static_cast<std::uint8_t>(1U << pc);
    const bool now = (model_.dfi_rvalid_i & bit) != 0;
    const bool before = std::exchange(answered_[pc], now);
    bool shown = now;
    switch (read_fault[pc]) {
      case ReadFault::kNone:
        return;
      case ReadFault::kDead:
        shown = false;
        break;
      case ReadFault::kWrong:
        model_.dfi_rdata_i[8 * pc] ^= 0x100U;
        break;
      case ReadFault::kLate:
        shown = before;
        break;
      case ReadFault::kTwice:
        shown = now || before;
        break;
    }
    model_.dfi_rvalid_i =
        static_cast<std::uint8_t>((model_.dfi_rvalid_i & ~bit) | (shown ? bit : 0));
  }

  void drive_request(std::deque<Flit>& from) {
    const Flit& flit = from.front();
    const auto lanes = flit.to_lanes();
    for (unsigned i = 0; i < kFlitLanes; ++i) {
      model_.req_rx_flit_i[2 * i] = static_cast<std::uint32_t>(lanes[i]);
      model_.req_rx_flit_i[2 * i + 1] = static_cast<std::uint32_t>(lanes[i] >> 32);
    }
    model_.req_rx_valid_i = 1;
    --credits_[flit.vc];
    from.pop_front();
    last_request = cycle;
  }

  /// Note which blocks of the request at `local` hold a bad atom that it touches.
  void expect_poison(Pending& p, std::uint64_t local) const {
    for (std::uint64_t at = local / 32 * 32; at < local + p.data.size(); at += 32) {
      if (poisoned(at)) p.poison.insert(global(at) / 64 * 64);
    }
  }

  std::uint8_t take_tag() {
    const std::uint8_t tag = free_tags_.front();
    free_tags_.pop_front();
    return tag;
  }

  void on_response(const Flit& f) {
    ++responses;
    ASSERT_TRUE(pending_.count(f.tag)) << "response to nothing, tag " << unsigned{f.tag};
    Pending& p = pending_[f.tag];
    const Flit& q = p.request;
    EXPECT_EQ(f.par, f.header_parity());
    EXPECT_EQ(f.dpar, f.data_parity());
    EXPECT_EQ(f.src, node());
    EXPECT_EQ(f.vc, q.vc);
    EXPECT_EQ(f.cls, q.cls);
    EXPECT_EQ(f.err, p.err);
    // Only data is spread: an error goes to the requester alone.
    const bool spread = q.spread && p.err == Err::kNone;
    EXPECT_EQ(f.mcast, spread);
    EXPECT_EQ(f.owner, spread ? q.src : Node{});
    EXPECT_EQ(f.rsvd, spread ? q.data[0] >> 24 & 31 : 0);
    EXPECT_FALSE(f.spread);
    if (spread) {
      EXPECT_EQ(f.dst.hi.pack() << 12 | f.dst.lo.pack(), q.data[0] & 0xffffff);
    } else {
      EXPECT_EQ(f.dst, (Rect{q.src, q.src}));
    }
    bool finished = true;
    if (p.err != Err::kNone) {
      EXPECT_EQ(f.kind, Kind::kErrRsp);
      EXPECT_EQ(f.addr, q.addr);
    } else if (q.kind == Kind::kWrite) {
      EXPECT_EQ(f.kind, Kind::kWriteRsp);
    } else {
      ASSERT_EQ(f.kind, Kind::kReadRsp);
      const auto found = std::find(p.blocks.begin(), p.blocks.end(), f.addr);
      ASSERT_NE(found, p.blocks.end()) << fmt::format("unexpected block {:#x}", f.addr);
      p.blocks.erase(found);
      EXPECT_EQ(f.poison, p.poison.count(f.addr) != 0)
          << fmt::format("address {:#x}, cycle {}", f.addr, cycle);
      finished = p.blocks.empty();
      check_block(f, p);
    }
    if (finished) {
      if (on_answer) on_answer(q, 2 * (cycle - sent_[f.tag]));
      pending_.erase(f.tag);
      free_tags_.push_back(f.tag);
    }
  }

  void check_block(const Flit& f, const Pending& p) {
    const Flit& q = p.request;
    EXPECT_EQ(f.doff, (q.doff + static_cast<std::uint32_t>(f.addr - q.addr)) & 0xffffffU);
    const std::uint64_t end = q.addr + (p.is_register ? q.strb & 0x1ff : p.data.size());
    std::uint64_t strb = 0;
    for (unsigned i = 0; i < 64; ++i) {
      const std::uint64_t at = f.addr + i;
      if (at < q.addr || at >= end) continue;
      strb |= 1ULL << i;
      const auto value = static_cast<std::uint8_t>(f.data[i / 8] >> (8 * (i % 8)));
      if (p.is_register) {
        register_value = (register_value & ~(0xffU << (8 * (at - q.addr)))) |
                         std::uint32_t{value} << (8 * (at - q.addr));
      } else if (!f.poison) {
        ASSERT_EQ(value, p.data[at - q.addr])
            << fmt::format("address {:#x}, cycle {}, tag {}", at, cycle, unsigned{f.tag});
      }
    }
    EXPECT_EQ(f.strb, strb);
  }

  Model& model_;
  std::unique_ptr<DramDevice> device_;
  DfiPort port_;
  std::mt19937_64 rng_;
  std::unordered_map<std::uint64_t, std::array<std::uint8_t, 64>> memory_;
  std::set<std::uint64_t> poisoned_;  // atoms
  std::deque<std::uint8_t> free_tags_;
  std::map<std::uint8_t, Pending> pending_;
  std::array<std::deque<Flit>, 2> outbox_;
  bool next_vc_ = false;
  std::array<bool, kDramPcs> answered_{};  // in the last cycle
  std::array<std::uint64_t, 256> sent_{};  // cycle by tag
  std::array<std::deque<Flit>, 2> inbox_;
  std::array<unsigned, 2> credits_{kVcDepth, kVcDepth};
};

}  // namespace tsr::tb
