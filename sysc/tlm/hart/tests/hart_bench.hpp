// SPDX-License-Identifier: Apache-2.0
/// A TLM hart node with its real engines, alone on a simulated network: memory behind HBM
/// addresses, its own loopback, and whatever a test wants of the rest.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <deque>
#include <map>
#include <memory>
#include <random>

#include "core/rv_asm.hpp"
#include "regs/tile_regs.hpp"
#include "tlm/hart/deferred.hpp"
#include "tlm/hart/hart_node.hpp"
#include "tlm/hart/request.hpp"

namespace tsr::tb {

namespace reg = regs::tile;

constexpr std::uint32_t kRegs = 0x0002'0000;
constexpr std::uint32_t kCmd = 0x0003'0000;
constexpr std::uint32_t kCtx = 0x0004'0000;
constexpr std::uint32_t kSpm = 0x0100'0000;
constexpr Node kSelf{2, 2};
constexpr Node kOther{1, 3};
constexpr Node kCtl{0, 1};
constexpr Node kMem{3, 0};

/// Gives a test a SystemC context of its own: modules cannot be made once simulation has begun.
struct FreshContext {
  FreshContext() {
    sc_core::sc_curr_simcontext = new sc_core::sc_simcontext;
    sc_core::sc_default_global_context = sc_core::sc_curr_simcontext;
  }
};

/// What the network has seen of a request.
struct Seen {
  Message header;
  std::uint64_t address = 0;
  std::uint64_t cycle = 0;  ///< on the link
  std::vector<std::uint8_t> data;
};

class HartBench;

/// The network's side of the node's sockets.
class Wire : public sc_core::sc_module {
 public:
  Wire(sc_core::sc_module_name name, HartBench& bench)
      : sc_module(name), from_node("from_node"), to_node("to_node"), bench_(bench) {
    from_node.register_nb_transport_fw(this, &Wire::request);
    to_node.register_nb_transport_bw(this, &Wire::answer);
  }
  tlm_utils::simple_target_socket<Wire> from_node;
  tlm_utils::simple_initiator_socket<Wire> to_node;

 private:
  tlm::tlm_sync_enum request(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay);
  tlm::tlm_sync_enum answer(tlm::tlm_generic_payload&, tlm::tlm_phase&, sc_core::sc_time&);
  HartBench& bench_;
};

/// Answer to a request of the bench.
struct Reply {
  Err err = Err::kNone;
  std::vector<std::uint8_t> data;
  std::uint64_t cycles = 0;  ///< from link to link
  std::uint32_t word(unsigned index = 0) const {
    std::uint32_t value = 0;
    std::memcpy(&value, data.data() + 4 * index, 4);
    return value;
  }
};

class HartBench : public testing::Test, private FreshContext {
 public:
  // How the network treats the node's requests.
  std::uint64_t latency = 20;  ///< from the request on the link to the answer there
  bool late = true;            ///< answers come by nb_transport_bw
  bool lose = false;           ///< ... or never
  bool poison = false;
  Err refuse = Err::kNone;
  std::vector<Seen> seen;
  Node self = kSelf;

  tlm::tlm_sync_enum take(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const Message& header = hart::message(payload);
    seen.push_back({header,
                    payload.get_address(),
                    clock.now() + to_cycles(delay),
                    {payload.get_data_ptr(), payload.get_data_ptr() + payload.get_data_length()}});
    const auto home = config.route(payload.get_address());
    if (!header.mcast && home && *home == self) {
      tlm::tlm_phase phase = tlm::BEGIN_REQ;
      own_.push_back(&payload);
      const auto state = wire.to_node->nb_transport_fw(payload, phase, delay);
      if (state == tlm::TLM_COMPLETED) own_.pop_back();
      return state;
    }
    if (!hart::answered(header.kind)) return tlm::TLM_COMPLETED;
    if (lose) return tlm::TLM_ACCEPTED;
    serve(payload);
    delay += to_time(latency);
    if (!late) return tlm::TLM_COMPLETED;
    payload.acquire();
    later_.at(clock.now() + to_cycles(delay), [this, &payload] {
      tlm::tlm_phase phase = tlm::BEGIN_RESP;
      sc_core::sc_time none;
      wire.from_node->nb_transport_bw(payload, phase, none);
      payload.release();
    });
    return tlm::TLM_ACCEPTED;
  }

  void completed(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    if (!own_.empty() && own_.front() == &payload) {
      own_.pop_front();
      tlm::tlm_phase phase = tlm::BEGIN_RESP;
      wire.from_node->nb_transport_bw(payload, phase, delay);
      return;
    }
    finished_ = clock.now() + to_cycles(delay);
  }

 protected:
  HartBench() : wire("wire", *this), later_(clock) {
    config.mesh_w = config.mesh_h = 4;
    config.ctl = kCtl;
    config.mem = {kMem};
    config.mem_mib = 64;
  }

  HartSetup setup() {
    HartSetup setup;
    setup.name = "node";
    setup.node = self;
    setup.config = &config;
    setup.timeline = &clock;
    setup.engines = make_engine_complex;
    setup.timeout_log2 = 10;
    setup.on_halt = [this](bool halted) { halts.push_back(halted); };
    return setup;
  }
  void connect(std::unique_ptr<TlmHartNode> made) {
    node = std::move(made);
    node->initiator.bind(wire.from_node);
    wire.to_node.bind(node->target);
    sc_core::sc_report_handler::set_actions(sc_core::SC_ID_NO_SC_START_ACTIVITY_,
                                            sc_core::SC_DO_NOTHING);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    node->reset();
  }

  // ---------------------------------------------------------------- time

  void run(std::uint64_t cycles) { clock.run(clock.now() + cycles); }
  template <class Condition>
  bool run_until(Condition condition, std::uint64_t limit = 20000) {
    for (const std::uint64_t end = clock.now() + limit; clock.now() < end;) {
      if (condition()) return true;
      clock.run(clock.now() + 1);
    }
    return condition();
  }

  // ---------------------------------------------------------------- requests to the node

  Reply ask(hart::Request& request, Node source) {
    Message& header = request.header();
    header.src = source;
    header.dst = {self, self};
    const std::uint64_t begin = clock.now();
    finished_ = 0;
    sc_core::sc_time delay;
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    if (wire.to_node->nb_transport_fw(request, phase, delay) == tlm::TLM_COMPLETED) {
      finished_ = begin + to_cycles(delay);
    }
    Reply reply{header.err,
                {request.bytes().begin(), request.bytes().begin() + request.get_data_length()},
                finished_ - begin};
    if (finished_ > clock.now()) clock.run(finished_);
    request.release();
    return reply;
  }
  Reply read(std::uint32_t local, unsigned bytes, Node source = kCtl) {
    hart::Request* request = pool_.take();
    request->begin(Kind::kRead, node_address(self, local), bytes);
    request->header().strb = bytes;
    return ask(*request, source);
  }
  /// Up to the end of a 64-byte block.
  Reply write(std::uint32_t local, const std::vector<std::uint8_t>& bytes, Node source = kCtl,
              Kind kind = Kind::kWrite) {
    hart::Request* request = pool_.take();
    request->begin(kind, node_address(self, local & ~63U), 64);
    request->set_strobe(((bytes.size() < 64 ? 1ULL << bytes.size() : 0) - 1) << local % 64);
    std::memcpy(request->bytes().data() + local % 64, bytes.data(), bytes.size());
    return ask(*request, source);
  }
  Reply write_word(std::uint32_t local, std::uint32_t value, Node source = kCtl) {
    std::vector<std::uint8_t> bytes(4);
    std::memcpy(bytes.data(), &value, 4);
    return write(local, bytes, source);
  }
  Reply atomic(Amo amo, std::uint32_t local, std::uint32_t operand, std::uint32_t expected,
               Node source) {
    hart::Request* request = pool_.take();
    request->begin(Kind::kAtomic, node_address(self, local), 8);
    request->header().amo = amo;
    request->set_word(0, operand);
    request->set_word(1, expected);
    return ask(*request, source);
  }
  Reply post(unsigned semaphore, unsigned amount, Node source) {
    hart::Request* request = pool_.take();
    request->begin(Kind::kSemPost, node_address(self, kRegs + reg::kSemOffset), 0);
    request->header().doff = semaphore | amount << 8;
    return ask(*request, source);
  }
  void hear(std::uint32_t offset, Node owner, std::uint64_t strobe = ~0ULL, bool bad = false) {
    hart::Request* request = pool_.take();
    request->begin(Kind::kReadRsp, hbm_address(0), 64);
    for (unsigned i = 0; i < 64; ++i) request->bytes()[i] = static_cast<std::uint8_t>(i + 1);
    Message& header = request->header();
    header.strb = strobe;
    header.doff = offset;
    header.owner = owner;
    header.listen = {true, 5};
    header.poison = bad;
    sc_core::sc_time delay = to_time(7);
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    wire.to_node->nb_transport_fw(*request, phase, delay);
    request->release();
    run(10);
  }

  std::uint32_t get(std::uint32_t offset) { return read(kRegs + offset, 4).word(); }
  void set(std::uint32_t offset, std::uint32_t value) {
    ASSERT_EQ(write_word(kRegs + offset, value).err, Err::kNone) << fmt::format("{:03x}", offset);
  }
  void put(std::uint32_t local, const std::vector<std::uint32_t>& words) {
    for (const auto word : words) {
      ASSERT_EQ(write_word(local, word).err, Err::kNone);
      local += 4;
    }
  }
  void start(const rv::Program& program) {
    put(program.base(), program.words());
    set(reg::kBootPcOffset, program.base());
    set(reg::kCoreCtrlOffset, 1);
  }
  /// Access window `index`: pages from `first` to `last`.
  void open_window(unsigned index, std::uint64_t first, std::uint64_t last, unsigned rights) {
    const std::uint32_t at = 16 * index;
    set(reg::kAccessBaseOffset + at, static_cast<std::uint32_t>(first >> 12));
    set(reg::kAccessLimitOffset + at, static_cast<std::uint32_t>(last >> 12));
    set(reg::kAccessCtrlOffset + at, static_cast<std::uint32_t>(first >> 52 & 15) | rights << 4);
  }
  std::uint32_t dtcm(std::uint32_t offset) { return read(0x10000 + offset, 4).word(); }

  ChipConfig config;
  Timeline clock;
  Wire wire;
  std::unique_ptr<TlmHartNode> node;
  std::map<std::uint64_t, std::uint8_t> hbm;
  std::vector<bool> halts;

 private:
  void serve(tlm::tlm_generic_payload& payload) {
    Message& header = hart::message(payload);
    std::uint8_t* data = payload.get_data_ptr();
    header.poison = poison;
    if (refuse != Err::kNone) return hart::refuse(payload, refuse);
    hart::accept(payload);
    const std::uint64_t address = payload.get_address();
    if (header.kind == Kind::kAtomic) {
      const std::uint32_t old = 0x11223344;
      std::memcpy(data, &old, 4);
      return;
    }
    for (unsigned i = 0; i < payload.get_data_length(); ++i) {
      if (header.kind == Kind::kRead) {
        data[i] = hbm[address + i];
      } else if ((header.strb >> i & 1U) != 0) {
        hbm[address + i] = data[i];
      }
    }
  }

  hart::RequestPool pool_;
  hart::Deferred later_;
  std::deque<tlm::tlm_generic_payload*> own_;  ///< of the node to itself, under way
  std::uint64_t finished_ = 0;
};

inline tlm::tlm_sync_enum Wire::request(tlm::tlm_generic_payload& payload, tlm::tlm_phase&,
                                        sc_core::sc_time& delay) {
  return bench_.take(payload, delay);
}
inline tlm::tlm_sync_enum Wire::answer(tlm::tlm_generic_payload& payload, tlm::tlm_phase&,
                                       sc_core::sc_time& delay) {
  bench_.completed(payload, delay);
  return tlm::TLM_COMPLETED;
}

/// The bench of a tile.
class HartTile : public HartBench {
 protected:
  void SetUp() override { connect(make_tlm_tile(setup())); }
};

}  // namespace tsr::tb
