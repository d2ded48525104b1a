// SPDX-License-Identifier: Apache-2.0
#include "tlm/engine_complex.hpp"

#include <cstring>

#include "tlm/engines/chains.hpp"
#include "tlm/engines/command_queue.hpp"
#include "tlm/engines/compute_units.hpp"
#include "tlm/engines/dma_report.hpp"
#include "tlm/engines/dma_unit.hpp"
#include "tlm/engines/spm_report.hpp"

namespace tsr {
namespace {

constexpr unsigned kMe = static_cast<unsigned>(Engine::Me);
constexpr unsigned kVe = static_cast<unsigned>(Engine::Ve);

class Complex final : public EngineComplex, public QueueOwner {
 public:
  Complex(const EngineSetup& setup, EngineHost& host);

  bool push(Engine engine, const std::array<std::uint32_t, 16>& words) override;
  unsigned free_entries(Engine engine) const override { return queue(engine).free(); }
  bool busy(Engine engine) const override { return queue(engine).busy(); }
  bool stopped(Engine engine) const override { return queue(engine).stopped(); }
  doctor::EngineState look(Engine engine) const override { return queue(engine).look(); }
  void flush(std::uint32_t engines) override;

  std::uint32_t semaphore(unsigned index) const override { return semaphores_.value(index); }
  void post(unsigned index, unsigned amount) override;
  void take(unsigned index, unsigned amount) override;

  std::uint32_t context_word(std::uint32_t offset) const override {
    return stores_.contexts[offset / 64 % 64][offset / 4 % 16];
  }
  void set_context_word(std::uint32_t offset, std::uint32_t value) override {
    stores_.contexts[offset / 64 % 64][offset / 4 % 16] = value;
    if (NodeProbe* probe = host_.probe()) probe->context_write(now(), offset / 4 % 1024, value);
  }
  std::vector<std::uint8_t>& spm() override { return stores_.spm; }
  std::uint64_t network_access(std::uint32_t offset, std::uint64_t cycle) override {
    return stores_.access(offset, cycle);
  }

  std::uint64_t counter(unsigned selector) const override;
  void clear_counters() override;
  void response(Engine engine, tlm::tlm_generic_payload& payload) override;
  void heard(std::uint32_t offset, const std::uint8_t* data, std::uint64_t strobe,
             const Listen& listen) override;
  bool idle() const override;

 private:
  EngineHost& host() override { return host_; }
  Semaphores& semaphores() override { return semaphores_; }
  void granted(Engine engine) override { last_granted_ = static_cast<unsigned>(engine); }
  void stamp_offer(std::uint64_t cycle) override;
  void stamp_done() override { last_end_ = now(); }
  void settled() override;

  std::uint64_t now() const { return host_.timeline().now(); }
  CommandQueue& queue(Engine engine) { return *queues_.at(static_cast<unsigned>(engine)); }
  const CommandQueue& queue(Engine engine) const {
    return *queues_.at(static_cast<unsigned>(engine));
  }
  void connect(unsigned engine, std::unique_ptr<EngineUnit> unit);
  std::uint64_t engine_counter(unsigned engine, unsigned n) const;

  EngineHost& host_;
  EngineStores stores_;
  Semaphores semaphores_;
  Chains chains_;
  std::array<std::unique_ptr<CommandQueue>, kEngines> queues_;
  std::array<std::unique_ptr<EngineUnit>, kEngines> units_;
  unsigned last_granted_ = 0;
  std::uint64_t cleared_ = 0;  // cycle in which counting began
  std::uint64_t first_offer_ = 0;
  std::uint64_t last_end_ = 0;
  bool any_offer_ = false;
  std::uint64_t heard_ = 0;  // blocks
};

Complex::Complex(const EngineSetup& setup, EngineHost& host) : host_(host) {
  stores_.setup = setup;
  stores_.spm.resize(setup.spm_bytes);
  for (unsigned e = 0; e < kEngines; ++e) {
    queues_[e] = std::make_unique<CommandQueue>(static_cast<Engine>(e), *this);
  }
  for (const Engine engine : {Engine::Rdma, Engine::Wdma}) {
    const auto e = static_cast<unsigned>(engine);
    connect(e, std::make_unique<DmaUnit>(engine, stores_, host, *queues_[e], queues_[e]->meter()));
  }
  if (!setup.is_ctl) {
    auto me =
        std::make_unique<MatrixUnit>(stores_, host, *queues_[kMe], queues_[kMe]->meter(), chains_);
    auto ve =
        std::make_unique<VectorUnit>(stores_, host, *queues_[kVe], queues_[kVe]->meter(), chains_);
    chains_.connect(*me, *ve);
    connect(kMe, std::move(me));
    connect(kVe, std::move(ve));
    connect(4, std::make_unique<LayoutUnit>(stores_, host, *queues_[4], queues_[4]->meter()));
  }
  clear_counters();
}

void Complex::connect(unsigned engine, std::unique_ptr<EngineUnit> unit) {
  units_[engine] = std::move(unit);
  queues_[engine]->connect(units_[engine].get());
}

bool Complex::push(Engine engine, const std::array<std::uint32_t, 16>& words) {
  return queue(engine).push(words);
}

void Complex::flush(std::uint32_t engines) {
  for (unsigned e = 0; e < kEngines; ++e) {
    if ((engines >> e & 1U) == 0) continue;
    if ((e == kMe || e == kVe) && queues_[e]->busy()) chains_.flush(static_cast<Engine>(e));
    queues_[e]->flush();
  }
  settled();
}

void Complex::settled() {
  if (units_[kMe] != nullptr) chains_.settle({queues_[kMe]->busy(), queues_[kVe]->busy()});
}

void Complex::post(unsigned index, unsigned amount) {
  semaphores_.post(index, amount);
  // Those behind the one that was granted last come first.
  const unsigned first = last_granted_ + 1;
  for (unsigned i = 0; i < kEngines; ++i) queues_[(first + i) % kEngines]->retry();
  host_.changed();
}

void Complex::take(unsigned index, unsigned amount) {
  if (semaphores_.take(index, amount)) host_.changed();
}

// ------------------------------------------------------------------ counters

void Complex::stamp_offer(std::uint64_t cycle) {
  if (any_offer_) return;
  any_offer_ = true;
  first_offer_ = cycle;
}

void Complex::clear_counters() {
  for (auto& queue : queues_) queue->meter().clear(now());
  cleared_ = now();
  first_offer_ = now();
  last_end_ = now();
  heard_ = 0;
  any_offer_ = false;
  for (auto& queue : queues_) any_offer_ = any_offer_ || queue->offered();
}

std::uint64_t Complex::engine_counter(unsigned engine, unsigned n) const {
  const EngineMeter meter = queues_[engine]->counters(now());
  if (n == 0) return now() - cleared_ - std::min(now() - cleared_, meter.active());
  if (n < kEngineStates) return meter.cycles(static_cast<EngineState>(n));
  if (n == 8) return meter.done;
  if (n == 9) return meter.ops;
  return n == 10 ? meter.rows : 0;
}

std::uint64_t Complex::counter(unsigned selector) const {
  if (selector / 16 < kEngines) return engine_counter(selector / 16, selector % 16);
  switch (selector) {
    case 112:
      return now() - cleared_;
    case 118: {
      std::uint64_t conflicts = 0;
      for (const auto& queue : queues_) {
        conflicts += queue->counters(now()).cycles(EngineState::Conflict);
      }
      return conflicts;
    }
    case 120:
      return first_offer_;
    case 121:
      return last_end_;
    case 122:
      return heard_;
    default:
      return 0;
  }
}

// ------------------------------------------------------------------ network

void Complex::response(Engine engine, tlm::tlm_generic_payload& payload) {
  units_.at(static_cast<unsigned>(engine))->response(payload);
}

void Complex::heard(std::uint32_t offset, const std::uint8_t* data, std::uint64_t strobe,
                    const Listen& listen) {
  for (unsigned i = 0; i < 64; ++i) {
    // Byte 0 of the block may lie below the scratchpad; offsets have 24 bits.
    const std::uint32_t at = (offset + i) & 0xff'ffffU;
    if ((strobe >> i & 1U) == 0 || at >= stores_.spm.size()) continue;
    stores_.spm[at] = data[i];
  }
  ++heard_;
  if (NodeProbe* probe = host_.probe(); probe != nullptr && strobe != 0) {
    const auto low = static_cast<std::uint32_t>(__builtin_ctzll(strobe));
    const std::uint32_t high = 64 - static_cast<std::uint32_t>(__builtin_clzll(strobe));
    SpmReport(*probe, now(), SpmWriter::Rdma, stores_.spm.size())
        .bytes(stores_.spm, (offset + low) & 0xff'ffffU, high - low);
    DmaReport(*probe, Engine::Rdma).heard(now(), offset, data, strobe);
  }
  if (listen.post) post(listen.sem, 1);
}

bool Complex::idle() const {
  for (const auto& queue : queues_) {
    if (queue->busy()) return false;
  }
  return true;
}

}  // namespace

std::unique_ptr<EngineComplex> make_engine_complex(const EngineSetup& setup, EngineHost& host) {
  return std::make_unique<Complex>(setup, host);
}

}  // namespace tsr
