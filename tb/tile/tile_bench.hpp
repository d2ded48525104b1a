// SPDX-License-Identifier: Apache-2.0
/// A whole tile with a simulated network around it: HBM as a byte map, other nodes as byte maps,
/// the ctl node as the source of privileged accesses.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "Vtile.h"
#include "common/endpoint.hpp"
#include "regs/tile_regs.hpp"

namespace tsr::tb {

namespace reg = regs::tile;

constexpr std::uint32_t kDtcm = 0x0001'0000;
constexpr std::uint32_t kRegs = 0x0002'0000;
constexpr std::uint32_t kCommands = 0x0003'0000;
constexpr std::uint32_t kContexts = 0x0004'0000;
constexpr std::uint32_t kSpm = 0x0100'0000;
constexpr std::uint32_t kSpmBytes = 256 * 1024;
constexpr unsigned kRdma = 0;
constexpr unsigned kWdma = 1;
constexpr unsigned kMe = 2;
constexpr unsigned kVe = 3;
constexpr unsigned kTdma = 4;

using Words = std::array<std::uint32_t, 16>;
using Bytes = std::vector<std::uint8_t>;

/// Answer to a request of the bench.
struct Answer {
  Err err = Err::kNone;
  Bytes bytes;
};

class TileBench : public Bench<Vtile> {
 protected:
  static constexpr Node kSelf{1, 2};
  static constexpr Node kCtl{0, 0};
  static constexpr Node kOther{3, 3};

  void SetUp() override {
    Bench::SetUp();
    config_.mesh_w = 4;
    config_.mesh_h = 6;
    config_.ctl = kCtl;
    config_.mem = {{0, 5}, {1, 5}, {2, 5}, {3, 5}};
    config_.mem_mib = 1024;
    const auto words = config_.pack();
    for (unsigned i = 0; i < ChipConfig::kWords; ++i) dut().cfg_i[i] = words[i];
    dut().node_i = kSelf.pack();
    dut().router_cnt_i = 0;
    dut().req_rx_valid_i = 0;
    dut().rsp_rx_valid_i = 0;
    dut().req_tx_credit_i = 0;
    dut().rsp_tx_credit_i = 0;
    dut().now_i = 0;
    reset();
    // Half of the tests' seeds run with random gaps and late credits.
    if (chance(0.5)) links_.send_chance = 0.6;
    if (chance(0.5)) links_.credit_chance = 0.4;
    // Outputs mean nothing before reset: watch them from here on.
    before_edge([this] { links_.before_edge(dut()); });
    after_edge([this] {
      serve();
      links_.after_edge(dut(), cycle());
      dut().now_i = cycle() + 1 + skipped_;
    });
  }

  // ---------------------------------------------------------------- requests into the tile

  static Flit request(Node src, Kind kind, std::uint32_t offset) {
    Flit flit;
    flit.kind = kind;
    flit.src = src;
    flit.set_dst(kSelf);
    flit.addr = node_address(kSelf, offset);
    flit.vc = src == kCtl;
    return flit;
  }

  /// Read `count` bytes (1..256, within a granule) at a node-local offset.
  Answer read(std::uint32_t offset, unsigned count, Node src = kCtl) {
    Flit flit = request(src, Kind::kRead, offset);
    flit.strb = count;
    flit.tag = next_tag();
    flit.doff = 0x1000;
    flit.seal();
    links_.to_request.queue.push_back(flit);
    Answer answer;
    answer.bytes.assign(count, 0);
    std::vector<bool> seen(count, false);
    while (std::find(seen.begin(), seen.end(), false) != seen.end()) {
      const auto rsp = response(flit.tag);
      if (!rsp) return {Err::kTimeout, {}};
      EXPECT_EQ(rsp->dst.lo, src);
      EXPECT_EQ(rsp->vc, flit.vc);
      if (rsp->kind == Kind::kErrRsp) return {rsp->err, {}};
      EXPECT_EQ(rsp->kind, Kind::kReadRsp);
      for (unsigned i = 0; i < 64; ++i) {
        if (((rsp->strb >> i) & 1U) == 0) continue;
        const std::uint32_t at = (rsp->doff + i - 0x1000) & 0xffffff;
        EXPECT_LT(at, count) << "byte outside the request";
        if (at >= count) return {Err::kNone, {}};
        EXPECT_FALSE(seen[at]) << "byte delivered twice";
        seen[at] = true;
        answer.bytes[at] = static_cast<std::uint8_t>(rsp->data[i / 8] >> (8 * (i % 8)));
      }
    }
    return answer;
  }

  /// Write one flit at the aligned block of `offset`.
  Err write_block(std::uint32_t offset, std::uint64_t strb,
                  const std::array<std::uint64_t, 8>& data, Node src = kCtl) {
    Flit flit = request(src, Kind::kWrite, offset & ~63U);
    flit.strb = strb;
    flit.data = data;
    flit.tag = next_tag();
    flit.seal();
    links_.to_request.queue.push_back(flit);
    const auto rsp = response(flit.tag);
    if (!rsp) return Err::kTimeout;
    if (rsp->kind == Kind::kErrRsp) return rsp->err;
    EXPECT_EQ(rsp->kind, Kind::kWriteRsp);
    return Err::kNone;
  }

  Err write_word(std::uint32_t offset, std::uint32_t value, Node src = kCtl) {
    std::array<std::uint64_t, 8> data{};
    data[(offset & 63U) / 8] = std::uint64_t{value} << (8 * (offset & 4U));
    return write_block(offset, 0xfULL << (offset & 63U), data, src);
  }

  std::uint32_t read_word(std::uint32_t offset) {
    const Answer answer = read(offset, 4);
    EXPECT_EQ(answer.err, Err::kNone) << "offset " << std::hex << offset;
    if (answer.bytes.size() != 4) return 0;
    return answer.bytes[0] | answer.bytes[1] << 8 | answer.bytes[2] << 16 |
           static_cast<std::uint32_t>(answer.bytes[3]) << 24;
  }

  void write_bytes(std::uint32_t offset, const Bytes& bytes, Node src = kCtl) {
    for (std::size_t i = 0; i < bytes.size();) {
      const auto at = static_cast<std::uint32_t>(offset + i);
      std::array<std::uint64_t, 8> data{};
      std::uint64_t strb = 0;
      for (unsigned lane = at & 63U; lane < 64 && i < bytes.size(); ++lane, ++i) {
        data[lane / 8] |= std::uint64_t{bytes[i]} << (8 * (lane % 8));
        strb |= 1ULL << lane;
      }
      ASSERT_EQ(write_block(at, strb, data, src), Err::kNone);
    }
  }

  /// One write of up to 64 bytes.
  struct BlockWrite {
    std::uint32_t offset;  // multiple of 64
    std::uint64_t strb;
    std::array<std::uint64_t, 8> data;
  };

  /// Writes that follow each other without waiting for the answers. True: all of them went well.
  bool write_batch(const std::vector<BlockWrite>& writes, Node src = kCtl) {
    for (const BlockWrite& write : writes) {
      Flit flit = request(src, Kind::kWrite, write.offset);
      flit.strb = write.strb;
      flit.data = write.data;
      flit.tag = kBatchTag;
      flit.seal();
      links_.to_request.queue.push_back(flit);
    }
    bool good = true;
    for (std::size_t i = 0; i < writes.size() && good; ++i) {
      const auto rsp = response(kBatchTag);
      good = rsp && rsp->kind == Kind::kWriteRsp;
    }
    return good;
  }

  /// The words of `words` that `mask` names, as a write of the block at `offset`.
  static BlockWrite word_write(std::uint32_t offset, const Words& words, unsigned mask) {
    BlockWrite write{offset, 0, {}};
    for (unsigned i = 0; i < 16; ++i) {
      if (((mask >> i) & 1) == 0) continue;
      write.strb |= 0xfULL << (4 * i);
      write.data[i / 2] |= std::uint64_t{words[i]} << (32 * (i % 2));
    }
    return write;
  }

  Bytes read_bytes(std::uint32_t offset, unsigned count, Node src = kCtl) {
    Bytes bytes;
    while (bytes.size() < count) {
      const auto at = static_cast<std::uint32_t>(offset + bytes.size());
      const unsigned chunk =
          std::min<unsigned>(count - static_cast<unsigned>(bytes.size()), 256 - (at & 255U));
      const Answer answer = read(at, chunk, src);
      EXPECT_EQ(answer.err, Err::kNone);
      if (answer.err != Err::kNone) break;
      bytes.insert(bytes.end(), answer.bytes.begin(), answer.bytes.end());
    }
    return bytes;
  }

  /// A block of 64 bytes or less that `owner` read for this tile too: `bytes` at scratchpad offset
  /// `offset`, from byte `lane` of the block at `addr` on.
  Flit heard(Node owner, std::uint64_t addr, unsigned lane, std::uint32_t offset,
             const Bytes& bytes, Listen listen = {}) {
    Flit flit;
    flit.kind = Kind::kReadRsp;
    flit.src = {1, 5};
    flit.mcast = true;
    flit.dst = {{0, 1}, {3, 4}};
    flit.owner = owner;
    flit.rsvd = listen.pack();
    flit.tag = static_cast<std::uint8_t>(rng()());  // the owner's
    flit.addr = addr;
    flit.doff = (offset - lane) & 0xffffff;
    for (auto& word : flit.data) word = rng()();
    for (unsigned i = 0; i < bytes.size(); ++i) {
      const unsigned at = lane + i;
      flit.strb |= 1ULL << at;
      flit.data[at / 8] &= ~(0xffULL << (8 * (at % 8)));
      flit.data[at / 8] |= std::uint64_t{bytes[i]} << (8 * (at % 8));
    }
    flit.seal();
    return flit;
  }
  void hear(const Flit& flit) { links_.to_response.queue.push_back(flit); }

  void post_semaphore(unsigned id, unsigned n, Node src = kCtl) {
    Flit flit = request(src, Kind::kSemPost, kRegs + reg::kSemOffset + 4 * id);
    flit.doff = id | n << 8;
    flit.seal();
    links_.to_request.queue.push_back(flit);
  }

  /// Wait for the response with `tag`.
  std::optional<Flit> response(std::uint8_t tag) {
    std::optional<Flit> found;
    run_until(
        [&] {
          auto& list = links_.responses.received;
          const auto it =
              std::find_if(list.begin(), list.end(), [&](const Flit& f) { return f.tag == tag; });
          if (it == list.end()) return false;
          found = *it;
          list.erase(it);
          return true;
        },
        5000);
    EXPECT_TRUE(found.has_value()) << "no response";
    return found;
  }

  // ---------------------------------------------------------------- registers and commands

  std::uint32_t get(std::uint32_t offset) { return read_word(kRegs + offset); }
  void set(std::uint32_t offset, std::uint32_t value) {
    ASSERT_EQ(write_word(kRegs + offset, value), Err::kNone) << "register " << std::hex << offset;
  }

  /// Let this tile read and write all of HBM and all nodes.
  void open_windows() {
    for (unsigned w = 0; w < 2; ++w) {
      set(reg::kAccessBaseOffset + 16 * w, 0);
      set(reg::kAccessLimitOffset + 16 * w, 0xffffffff);
      set(reg::kAccessCtrlOffset + 16 * w, w | 0x30);
    }
  }

  /// Write a 64-byte row of a context.
  void write_context(unsigned context, unsigned row, const Words& words) {
    std::array<std::uint64_t, 8> data{};
    for (unsigned i = 0; i < 16; ++i) data[i / 2] |= std::uint64_t{words[i]} << (32 * (i % 2));
    ASSERT_EQ(write_block(kContexts + context * 512 + row * 64, ~0ULL, data), Err::kNone);
  }

  Err push(unsigned engine, const Words& words) {
    std::array<std::uint64_t, 8> data{};
    for (unsigned i = 0; i < 16; ++i) data[i / 2] |= std::uint64_t{words[i]} << (32 * (i % 2));
    return write_block(kCommands + engine * 64, ~0ULL, data);
  }

  bool engines_done(std::uint64_t limit = 20000) {
    const std::uint64_t end = cycle() + limit;
    while (cycle() < end) {
      const std::uint32_t status = get(reg::kQueueStatusOffset);
      if (((status >> 20) & 31U) == 0 || ((status >> 25) & 31U) != 0) return true;
    }
    return false;
  }

  /// 1-D DMA context: runs of `count` bytes, `rows` of them with the two pitches.
  static Words dma_rows(std::uint32_t count, unsigned rows, std::uint32_t src_pitch,
                        std::uint32_t dst_pitch) {
    Words w{};
    w[0] = count;
    w[1] = src_pitch;
    w[4] = dst_pitch;
    w[7] = rows | 1U << 16;
    w[8] = 1 | rows << 16;
    w[9] = 1 | 1U << 16;
    return w;
  }

  static Words command(unsigned opcode, unsigned context, unsigned id) {
    Words w{};
    w[0] = opcode | context << 8 | id << 16;
    return w;
  }

  // ---------------------------------------------------------------- the world outside

  std::map<std::uint64_t, std::uint8_t> memory_;  ///< global address -> byte, HBM and other nodes
  std::vector<Flit> posts_;                       ///< SemPost messages sent by the tile
  std::vector<Flit> posted_;                      ///< posted writes sent by the tile
  std::vector<Flit> atomics_;                     ///< atomics sent by the tile to other nodes
  std::vector<Flit> spread_;                      ///< reads to be answered by multicast
  std::set<std::uint64_t> bad_blocks_;            ///< 64-byte blocks answered with kUnmapped
  double answer_chance_ = 0.5;
  bool silent_ = false;        ///< keep all answers back
  bool poisoned_ = false;      ///< answer reads with poison
  bool damaged_ = false;       ///< answer reads with data that do not fit their parity
  bool lost_ = false;          ///< answers have damaged headers: they are dropped on arrival
  std::uint64_t skipped_ = 0;  ///< cycles that time ran without the clock

  void serve() {
    auto& in = links_.requests.received;
    auto& out = links_.responses.received;
    // What the tile sends to itself comes back to it, as through its router.
    for (auto it = out.begin(); it != out.end();) {
      const bool own = it->dst.lo == kSelf;
      if (own) links_.to_response.queue.push_back(*it);
      it = own ? out.erase(it) : it + 1;
    }
    while (!in.empty()) {
      const Flit flit = in.front();
      in.pop_front();
      if (flit.dst.lo == kSelf && flit.dst.hi == kSelf) {
        links_.to_request.queue.push_back(flit);
      } else if (flit.kind == Kind::kSemPost) {
        posts_.push_back(flit);
      } else if (flit.kind == Kind::kWritePosted) {
        posted_.push_back(flit);
        store(flit);
      } else {
        if (flit.spread) spread_.push_back(flit);
        answers_.push_back(flit);
      }
    }
    if (answers_.empty() || silent_ || !chance(answer_chance_)) return;
    // Any order: reads of different requests may overtake each other.
    const std::size_t pick = rand_in(0, std::min<std::size_t>(answers_.size(), 8) - 1);
    const Flit flit = answers_[pick];
    answers_.erase(answers_.begin() + static_cast<std::ptrdiff_t>(pick));
    answer(flit);
  }

  void store(const Flit& flit) {
    for (unsigned i = 0; i < 64; ++i) {
      if ((flit.strb >> i) & 1U)
        memory_[flit.addr + i] = static_cast<std::uint8_t>(flit.data[i / 8] >> (8 * (i % 8)));
    }
  }

  void reply(Flit rsp) {
    rsp.seal();
    if (damaged_) rsp.data[0] ^= ~0ULL >> 1;
    if (lost_) rsp.par = !rsp.par;
    links_.to_response.queue.push_back(rsp);
  }

  void answer(const Flit& flit) {
    Flit rsp;
    rsp.src = flit.dst.lo;
    rsp.set_dst(flit.src);
    rsp.tag = flit.tag;
    rsp.addr = flit.addr;
    rsp.doff = flit.doff;
    rsp.cls = flit.cls;
    if (bad_blocks_.count(flit.addr & ~63ULL) != 0) {
      rsp.kind = Kind::kErrRsp;
      rsp.err = Err::kUnmapped;
      reply(rsp);
      return;
    }
    if (flit.kind == Kind::kWrite) {
      store(flit);
      rsp.kind = Kind::kWriteRsp;
      reply(rsp);
      return;
    }
    if (flit.kind == Kind::kAtomic) {
      answer_atomic(flit, rsp);
      return;
    }
    EXPECT_EQ(flit.kind, Kind::kRead);
    if (flit.spread) {
      rsp.mcast = true;
      rsp.dst = {Node::unpack(flit.data[0] & 0xfff), Node::unpack(flit.data[0] >> 12 & 0xfff)};
      rsp.owner = flit.src;
      rsp.rsvd = flit.data[0] >> 24 & 31;
    }
    const std::uint64_t end = flit.addr + flit.strb;
    for (std::uint64_t block = flit.addr & ~63ULL; block < end; block += 64) {
      rsp.kind = Kind::kReadRsp;
      rsp.poison = poisoned_;
      rsp.addr = block;
      rsp.doff = static_cast<std::uint32_t>(flit.doff + block - flit.addr) & 0xffffff;
      rsp.strb = 0;
      rsp.data = {};
      for (unsigned i = 0; i < 64; ++i) {
        if (block + i < flit.addr || block + i >= end) continue;
        rsp.strb |= 1ULL << i;
        const auto it = memory_.find(block + i);
        rsp.data[i / 8] |= std::uint64_t{it == memory_.end() ? std::uint8_t{0} : it->second}
                           << (8 * (i % 8));
      }
      reply(rsp);
    }
  }

  /// The old word, in its place in the block. What the word becomes is for tests to say.
  void answer_atomic(const Flit& flit, Flit rsp) {
    atomics_.push_back(flit);
    const unsigned lane = flit.addr & 63U;
    rsp.kind = Kind::kReadRsp;
    rsp.poison = poisoned_;
    rsp.addr = flit.addr & ~63ULL;
    rsp.doff = (flit.doff - lane) & 0xffffffU;
    rsp.strb = 0xfULL << lane;
    for (auto& word : rsp.data) word = rng()();
    rsp.data[lane / 8] &= ~(0xffffffffULL << (lane % 8 * 8));
    for (unsigned i = 0; i < 4; ++i) {
      rsp.data[lane / 8] |= std::uint64_t{memory_[flit.addr + i]} << (8 * (lane % 8 + i));
    }
    reply(rsp);
  }

  Bytes random_bytes(std::size_t count) {
    Bytes bytes(count);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng()());
    return bytes;
  }

  EndpointLinks<Vtile>& links() { return links_; }
  /// Reads and writes of the tile that are not answered yet.
  const std::vector<Flit>& unanswered() const { return answers_; }

  /// Tags 0..127 belong to read() and write_block(), the ones behind to other users.
  static constexpr std::uint8_t kBatchTag = 255;

 private:
  std::uint8_t next_tag() {
    next_tag_ = (next_tag_ + 1) & 127;
    return next_tag_;
  }

  ChipConfig config_;
  EndpointLinks<Vtile> links_{rng()};
  std::vector<Flit> answers_;
  std::uint8_t next_tag_ = 0;
};

}  // namespace tsr::tb
