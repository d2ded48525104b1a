// SPDX-License-Identifier: Apache-2.0
#include "dma_env.hpp"

#include <algorithm>

namespace tsr::tb {

std::uint8_t GlobalMemory::read(std::uint64_t address) const {
  const auto it = written_.find(address);
  if (it != written_.end()) return it->second;
  std::uint64_t x = address * 0x9e3779b97f4a7c15ULL;
  x ^= x >> 29;
  return static_cast<std::uint8_t>(x * 0xbf58476d1ce4e5b9ULL >> 56);
}

void GlobalMemory::write(std::uint64_t address, std::uint8_t value) { written_[address] = value; }

DmaCommand make_command(DmaOp op, std::uint64_t src, std::uint64_t dst, std::uint16_t id) {
  DmaCommand c;
  c.op = static_cast<std::uint8_t>(op);
  c.id = id;
  c.context = static_cast<std::uint8_t>(id % 8);
  c.arg = {static_cast<std::uint32_t>(src), static_cast<std::uint32_t>(src >> 32),
           static_cast<std::uint32_t>(dst), static_cast<std::uint32_t>(dst >> 32)};
  c.pattern = 0x12345678U * (id | 1U);
  return c;
}

DmaConfig make_config(std::uint32_t count) {
  DmaConfig c;
  c.count = count;
  c.src_iter = {1, 1, 1};
  c.dst_iter = {1, 1, 1};
  c.timeout = 5000;
  return c;
}

void DmaBench::SetUp() {
  Bench::SetUp();
  auto& d = dut();
  d.abort_i = 0;
  d.forget_i = 0;
  d.cmd_valid_i = 0;
  d.ctx_req_ready_i = 0;
  d.ctx_rsp_valid_i = 0;
  d.req_ready_i = 0;
  d.rsp_valid_i = 0;
  d.spm_valid_i = 0;
  d.dist_valid_i = 0;
  spm_.assign(kSpmBytes, 0);
  before_edge([this] { sample(); });
  after_edge([this] { drive(); });
  reset();
  randomize_scratchpad();
}

void DmaBench::TearDown() {
  disturbance_ = 0.0;
  EXPECT_TRUE(run_until([this] { return dut().idle_o == 3 && !dist_busy_; }, 1000))
      << "engines never became idle";
  Bench::TearDown();
}

// ---------------------------------------------------------------- one cycle

void DmaBench::sample() {
  auto& d = dut();
  if (d.rst_ni == 0) return;
  spm_ready_ = d.spm_ready_o != 0;
  if (d.dist_valid_i != 0 && (d.conflict_o & 2U) == 0) dist_busy_ = false;
  for (unsigned e = 0; e < 2; ++e) {
    const unsigned state = d.state_o >> (3 * e) & 7U;
    ++states_[e][state];
    ops_[e] += d.ops_o >> (16 * e) & 0xffffU;
    if (offered_[e] && (d.cmd_valid_i & d.cmd_ready_o & 1U << e) != 0) {
      offered_[e].reset();
      accepted_[e] = cycle();
    }
    if ((d.ctx_req_valid_o >> e & 1U) != 0 && (d.ctx_req_ready_i >> e & 1U) != 0) {
      context_row_[e] = d.ctx_row_o >> (6 * e) & 63;
    }
    if ((d.done_valid_o >> e & 1U) != 0) {
      if (!overlapping_) EXPECT_FALSE(done_[e].valid) << "more completions than commands";
      done_[e].valid = true;
      done_[e].id = static_cast<std::uint16_t>(d.done_id_o >> (16 * e));
      done_[e].error = static_cast<CmdError>(d.done_err_o >> (4 * e) & 15U);
      done_[e].info = d.done_info_o >> (3 * e) & 7U;
      done_[e].address = get_bits(d.done_addr_o, 56 * e, 56);
      done_[e].cycle = cycle();
      completions_[e].push_back(done_[e]);
    }
    if ((d.idle_o >> e & 1U) != 0) {
      EXPECT_EQ(d.req_valid_o >> e & 1U, 0U) << "a request while idle";
      EXPECT_EQ(state, unsigned{kStIdle});
    }
    if (on_bus_[e] && (d.rsp_ready_o >> e & 1U) != 0) {
      if (on_bus_[e]->last) --in_flight_[e];
      last_response_ = cycle();
      on_bus_[e].reset();
    }
    sample_request(e);
  }
  heard_ += d.heard_o;
  if (d.post_valid_o != 0) {
    EXPECT_TRUE(d.heard_o);
    ++posts_[d.post_id_o];
  }
}

void DmaBench::sample_request(unsigned e) {
  auto& d = dut();
  if ((d.req_valid_o >> e & 1U) == 0) {
    EXPECT_FALSE(stalled_[e]) << "request withdrawn";
    stalled_[e].reset();
    return;
  }
  Request r;
  r.engine = e;
  r.kind = d.req_kind_o >> (4 * e) & 15U;
  r.multicast = (d.req_mcast_o >> e & 1U) != 0;
  r.rect = static_cast<std::uint32_t>(d.req_rect_o >> (24 * e)) & 0xffffffU;
  r.address = get_bits(d.req_addr_o, 56 * e, 56);
  r.strb = get_bits(d.req_strb_o, 64 * e, 64);
  r.doff = static_cast<std::uint32_t>(d.req_doff_o >> (24 * e)) & 0xffffffU;
  r.tag = d.req_tag_o >> (6 * e) & 63U;
  r.spread = e == kRdma && d.req_spread_o != 0;
  if (e == kRdma) r.to = d.req_to_o;
  if (e == kWdma) {
    for (unsigned l = 0; l < 8; ++l) {
      r.data[l] = d.req_data_o[2 * l] | std::uint64_t{d.req_data_o[2 * l + 1]} << 32;
    }
  }
  if (stalled_[e]) {
    EXPECT_EQ(stalled_[e]->address, r.address) << "payload changed while stalled";
    EXPECT_EQ(stalled_[e]->strb, r.strb);
    EXPECT_EQ(stalled_[e]->tag, r.tag);
    EXPECT_EQ(stalled_[e]->spread, r.spread);
    EXPECT_EQ(stalled_[e]->to, r.to);
    EXPECT_EQ(stalled_[e]->data, r.data);
  }
  stalled_[e].reset();
  if ((d.req_ready_i >> e & 1U) == 0) {
    stalled_[e] = r;
    return;
  }
  r.cycle = cycle();
  r.index = requests_[e].size();
  requests_[e].push_back(r);
  answer(r);
}

void DmaBench::answer(const Request& r) {
  const Reply reply = on_request_ ? on_request_(r) : Reply{};
  const unsigned e = r.engine;
  std::vector<Response> responses;
  Response base;
  base.tag = r.tag;
  base.address = r.address;
  if (reply.what == Reply::What::kError) {
    base.kind = kKindErrRsp;
    base.error = reply.error;
    base.strb = rng()();
    base.doff = static_cast<std::uint32_t>(rng()() & 0xffffffU);
    responses.push_back(base);
  } else if (e == kRdma) {
    EXPECT_EQ(r.kind, unsigned{kKindRead});
    EXPECT_GE(r.strb, 1U);
    EXPECT_LE((r.address & 255) + r.strb, 256U) << "crosses a granule";
    EXPECT_LT(r.tag, 32U);
    const std::uint64_t first = r.address & ~std::uint64_t{63};
    for (std::uint64_t block = first; block < r.address + r.strb; block += 64) {
      Response rsp = base;
      rsp.kind = kKindReadRsp;
      rsp.address = block;
      rsp.doff = static_cast<std::uint32_t>(r.doff + (block - r.address)) & 0xffffffU;
      rsp.poison = reply.what == Reply::What::kPoison && (block - first) / 64 == reply.block;
      for (unsigned i = 0; i < 64; ++i) {
        const std::uint64_t at = block + i;
        const bool wanted = at >= r.address && at < r.address + r.strb;
        // Bytes that nobody asked for hold rubbish.
        const std::uint8_t byte = wanted ? memory_.read(at) : static_cast<std::uint8_t>(rng()());
        if (wanted) rsp.strb |= std::uint64_t{1} << i;
        rsp.data[i / 8] |= std::uint64_t{byte} << (8 * (i % 8));
      }
      responses.push_back(rsp);
    }
  } else {
    EXPECT_EQ(r.address % 64, 0U);
    EXPECT_NE(r.strb, 0U);
    for (unsigned i = 0; i < 64; ++i) {
      if ((r.strb >> i & 1U) != 0) {
        memory_.write(r.address + i, static_cast<std::uint8_t>(r.data[i / 8] >> (8 * (i % 8))));
      }
    }
    if (r.kind == kKindWritePosted) return;
    EXPECT_EQ(r.kind, unsigned{kKindWrite});
    base.kind = kKindWriteRsp;
    base.poison = reply.what == Reply::What::kPoison;
    responses.push_back(base);
  }
  if (reply.what == Reply::What::kNever) return;
  ++in_flight_[e];
  most_in_flight_[e] = std::max(most_in_flight_[e], in_flight_[e]);
  if (reorder_) std::shuffle(responses.begin(), responses.end(), rng());
  responses.back().last = true;
  std::uint64_t due = cycle() + rand_in(latency_min_, latency_max_);
  for (auto& rsp : responses) {
    if (!reorder_) {
      due = std::max(due, horizon_[e]);
      horizon_[e] = due;
    }
    rsp.due = due;
    if (reply.what == Reply::What::kHold) {
      held_[e].push_back(rsp);
    } else {
      due_[e].push_back(rsp);
    }
  }
}

void DmaBench::drive() {
  auto& d = dut();
  if (d.rst_ni == 0) return;
  unsigned cmd_valid = 0, ctx_ready = 0, ctx_valid = 0, req_ready = 0, rsp_valid = 0;
  for (unsigned e = 0; e < 2; ++e) {
    if (offered_[e]) {
      const auto words = offered_[e]->to_words();
      for (unsigned i = 0; i < 16; ++i) d.cmd_i[16 * e + i] = words[i];
      cmd_valid |= 1U << e;
    }
    if (!chance(context_stall_)) ctx_ready |= 1U << e;
    for (unsigned i = 0; i < 16; ++i) {
      d.ctx_rsp_data_i[16 * e + i] = context_row_[e] >= 0
                                         ? contexts_[static_cast<unsigned>(context_row_[e])][i]
                                         : static_cast<std::uint32_t>(rng()());
    }
    if (context_row_[e] >= 0) ctx_valid |= 1U << e;
    context_row_[e] = -1;
    if (!chance(request_stall_[e])) req_ready |= 1U << e;
    if (!on_bus_[e] && !chance(response_stall_[e])) {
      auto& queue = due_[e];
      std::vector<std::size_t> ready;
      for (std::size_t i = 0; i < queue.size() && (reorder_ || i == 0); ++i) {
        if (queue[i].due <= cycle() + 1) ready.push_back(i);
      }
      if (!ready.empty()) {
        const std::size_t pick = ready[rand_in(0, ready.size() - 1)];
        on_bus_[e] = queue[pick];
        // The last one to come ends the request.
        if (on_bus_[e]->last && on_bus_[e]->kind == kKindReadRsp) {
          for (auto& other : queue) {
            if (&other != &queue[pick] && !other.heard && other.tag == on_bus_[e]->tag) {
              other.last = true;
              on_bus_[e]->last = false;
              break;
            }
          }
        }
        queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(pick));
        put_response(e, *on_bus_[e]);
      }
    }
    if (on_bus_[e]) rsp_valid |= 1U << e;
  }
  d.cmd_valid_i = static_cast<CData>(cmd_valid);
  d.ctx_req_ready_i = static_cast<CData>(ctx_ready);
  d.ctx_rsp_valid_i = static_cast<CData>(ctx_valid);
  d.req_ready_i = static_cast<CData>(req_ready);
  d.rsp_valid_i = static_cast<CData>(rsp_valid);
  if (!dist_busy_ && chance(disturbance_)) {
    dist_busy_ = true;
    d.dist_base_i = disturb_base_ + static_cast<std::uint32_t>(rand_in(0, 1000)) * 8;
  }
  d.dist_valid_i = dist_busy_ ? 1 : 0;
}

void DmaBench::put_response(unsigned e, const Response& r) {
  auto& d = dut();
  const auto field = [e](auto& port, unsigned width, std::uint64_t value) {
    const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
    using T = std::remove_reference_t<decltype(port)>;
    port = static_cast<T>((port & ~(mask << (width * e))) | (value & mask) << (width * e));
  };
  field(d.rsp_kind_i, 4, r.kind);
  field(d.rsp_err_i, 3, r.error);
  field(d.rsp_poison_i, 1, r.poison ? 1 : 0);
  field(d.rsp_doff_i, 24, r.doff);
  field(d.rsp_tag_i, 6, r.tag);
  if (e == kRdma) {
    d.rsp_heard_i = r.heard ? 1 : 0;
    d.rsp_listen_i = static_cast<CData>(r.listen);
  }
  set_bits(d.rsp_addr_i, 56 * e, 56, r.address);
  set_bits(d.rsp_strb_i, 64 * e, 64, r.strb);
  if (e == kRdma) {
    for (unsigned l = 0; l < 8; ++l) {
      d.rsp_data_i[2 * l] = static_cast<std::uint32_t>(r.data[l]);
      d.rsp_data_i[2 * l + 1] = static_cast<std::uint32_t>(r.data[l] >> 32);
    }
  }
}

void DmaBench::release_held(unsigned delay) {
  for (unsigned e = 0; e < 2; ++e) {
    for (auto& response : held_[e]) {
      response.due = cycle() + delay;
      due_[e].push_back(response);
    }
    held_[e].clear();
  }
}

void DmaBench::stray_response(unsigned engine, unsigned tag, unsigned kind, std::uint64_t address,
                              std::uint32_t doff) {
  Response r;
  r.kind = kind;
  r.tag = tag;
  r.address = address;
  r.doff = doff;
  r.strb = ~std::uint64_t{0};
  r.error = kErrForbidden;
  r.due = cycle();
  due_[engine].push_back(r);
}

void DmaBench::hear(std::uint64_t address, unsigned count, std::uint32_t offset, int semaphore) {
  Response r;
  r.kind = kKindReadRsp;
  r.heard = true;
  r.tag = static_cast<unsigned>(rng()() & 63U);  // the other node's
  r.address = address & ~std::uint64_t{63};
  r.doff = (offset - static_cast<std::uint32_t>(address & 63)) & 0xffffffU;
  r.listen = semaphore < 0 ? 0 : 16U | static_cast<unsigned>(semaphore);
  r.due = cycle();
  for (unsigned i = 0; i < 64; ++i) {
    const std::uint64_t at = r.address + i;
    const bool wanted = at >= address && at < address + count;
    const std::uint8_t byte = wanted ? memory_.read(at) : static_cast<std::uint8_t>(rng()());
    if (wanted) {
      r.strb |= std::uint64_t{1} << i;
      spm_[offset + (at - address)] = byte;
    }
    r.data[i / 8] |= std::uint64_t{byte} << (8 * (i % 8));
  }
  due_[kRdma].push_back(r);
}

// ---------------------------------------------------------------- commands

void DmaBench::issue(unsigned engine, const DmaCommand& command, const DmaConfig& config) {
  const auto words = config.to_words();
  auto& row = contexts_[command.context * 8U + (engine == kRdma ? 5 : 6)];
  std::copy(words.begin(), words.end(), row.begin());
  offered_[engine] = command;
  done_[engine] = {};
}

Done DmaBench::wait_done(unsigned engine, std::uint64_t limit) {
  EXPECT_TRUE(run_until([&] { return done_[engine].valid; }, limit)) << "no completion";
  return done_[engine];
}

Done DmaBench::execute(unsigned engine, const DmaCommand& command, const DmaConfig& config,
                       std::uint64_t limit) {
  issue(engine, command, config);
  return wait_done(engine, limit);
}

DmaOutcome DmaBench::predict(unsigned engine, const DmaCommand& command, const DmaConfig& config) {
  if (engine == kRdma) {
    const auto read = [this](std::uint64_t address, std::uint8_t* data, std::size_t bytes) {
      for (std::size_t i = 0; i < bytes; ++i) data[i] = memory_.read(address + i);
      return std::uint8_t{0};
    };
    auto outcome = engines::run_rdma(command, config, kSpmBytes, read);
    for (const auto& write : outcome.writes) {
      std::copy(write.data.begin(), write.data.end(),
                spm_.begin() + static_cast<std::ptrdiff_t>(write.address));
    }
    return outcome;
  }
  auto outcome = engines::run_wdma(command, config, spm_.data(), kSpmBytes);
  // A multicast is written under the address of the rectangle's first node.
  const bool multicast = command.op == static_cast<std::uint8_t>(DmaOp::Multicast);
  const std::uint64_t node =
      multicast ? kNodeSpace | std::uint64_t{command.y0} << 38 | std::uint64_t{command.x0} << 32
                : 0;
  for (const auto& write : outcome.writes) {
    for (std::size_t i = 0; i < write.data.size(); ++i) {
      expected_.write(node | (write.address + i), write.data[i]);
    }
  }
  return outcome;
}

void DmaBench::compare(const Done& done, const DmaOutcome& outcome, const DmaCommand& command,
                       unsigned engine) {
  EXPECT_EQ(done.id, command.id);
  EXPECT_EQ(static_cast<unsigned>(done.error), static_cast<unsigned>(outcome.error));
  EXPECT_EQ(done.info, outcome.info);
  EXPECT_EQ(done.address, outcome.address);
  EXPECT_EQ(ops_[engine], outcome.bytes);
}

void DmaBench::check(unsigned engine, const DmaCommand& command, const DmaConfig& config) {
  const DmaOutcome outcome = predict(engine, command, config);
  ops_[engine] = 0;
  const Done done = execute(engine, command, config);
  compare(done, outcome, command, engine);
}

// ---------------------------------------------------------------- memories

void DmaBench::randomize_scratchpad() {
  for (auto& byte : spm_) byte = static_cast<std::uint8_t>(rng()());
  auto& d = dut();
  for (std::uint32_t at = 0; at < kSpmBytes; at += 64) {
    d.spm_valid_i = 1;
    d.spm_write_i = 1;
    d.spm_base_i = at;
    std::memcpy(&d.spm_wdata_i[0], &spm_[at], 64);
    do tick();
    while (!spm_ready_);
  }
  d.spm_valid_i = 0;
}

std::vector<std::uint8_t> DmaBench::read_scratchpad() {
  auto& d = dut();
  std::vector<std::uint8_t> contents(kSpmBytes);
  for (std::uint32_t at = 0; at < kSpmBytes; at += 64) {
    d.spm_valid_i = 1;
    d.spm_write_i = 0;
    d.spm_base_i = at;
    do tick();
    while (!spm_ready_);
    d.spm_valid_i = 0;
    d.eval();
    std::memcpy(&contents[at], &d.spm_rdata_o[0], 64);
  }
  return contents;
}

void DmaBench::check_memories() {
  const auto contents = read_scratchpad();
  for (std::uint32_t at = 0; at < kSpmBytes; ++at) {
    ASSERT_EQ(contents[at], spm_[at]) << fmt::format("scratchpad byte {:#x}", at);
  }
  ASSERT_EQ(memory_.written().size(), expected_.written().size());
  auto it = expected_.written().begin();
  for (const auto& [address, value] : memory_.written()) {
    ASSERT_EQ(address, it->first);
    ASSERT_EQ(value, it->second) << fmt::format("global byte {:#x}", address);
    ++it;
  }
}

}  // namespace tsr::tb
