// SPDX-License-Identifier: Apache-2.0
/// Bench of tsr_core: drives every port, follows every retired instruction with the instruction-set
/// model.
///
/// The retire port shows in cycle c what was executed in cycle c - 1, so the model steps with the
/// time and the interrupt lines of c - 1 and with the back-door writes accepted up to c - 2.
#pragma once

#include <deque>
#include <unordered_map>

#include "common/bench.hpp"
#include "core/rv_asm.hpp"
#include "iss/iss.hpp"

namespace tsr::tb {

/// One finished access on the data bus.
struct BusAccess {
  bool write = false;
  std::uint32_t addr = 0;
  std::uint32_t data = 0;  // written, or read
  std::uint8_t strb = 0;
  bool error = false;
};

/// The model's memory: own copies of the TCMs and the ROM; the data bus replays what the RTL saw.
class ShadowMemory : public IssMemory {
 public:
  ShadowMemory(std::uint32_t itcm_bytes, std::uint32_t dtcm_bytes)
      : itcm(itcm_bytes / 4), dtcm(dtcm_bytes / 4), rom(4096) {}

  bool fetch(std::uint32_t addr, std::uint32_t& insn) override {
    if (addr / 4 < itcm.size()) {
      insn = itcm[addr / 4];
    } else if (rom_enabled && (addr >> 16) == 8) {
      insn = rom[(addr & 0x3fff) / 4];
    } else {
      return false;
    }
    return true;
  }

  bool load(std::uint32_t addr, std::uint8_t strb, std::uint32_t& word) override {
    if (addr < 0x20000) {
      std::uint32_t* place = tcm(addr);
      if (place == nullptr) return false;
      word = *place;
      return true;
    }
    const BusAccess access = take(addr);
    EXPECT_FALSE(access.write);
    EXPECT_EQ(access.strb, strb);
    word = access.data;
    return !access.error;
  }

  bool store(std::uint32_t addr, std::uint8_t strb, std::uint32_t word) override {
    if (addr < 0x20000) {
      std::uint32_t* place = tcm(addr);
      if (place == nullptr) return false;
      merge(*place, word, strb);
      return true;
    }
    const BusAccess access = take(addr);
    EXPECT_TRUE(access.write);
    EXPECT_EQ(access.strb, strb);
    EXPECT_EQ(access.data, word);
    return !access.error;
  }

  /// Word of a TCM by its address (bit 16: DTCM), or nothing behind its end.
  std::uint32_t* tcm(std::uint32_t addr) {
    auto& memory = ((addr >> 16) & 1) != 0 ? dtcm : itcm;
    const std::uint32_t index = (addr & 0xffff) / 4;
    return index < memory.size() ? &memory[index] : nullptr;
  }

  static void merge(std::uint32_t& place, std::uint32_t word, std::uint8_t strb) {
    for (unsigned i = 0; i < 4; ++i) {
      const std::uint32_t mask = 0xffU << (8 * i);
      if ((strb >> i) & 1) place = (place & ~mask) | (word & mask);
    }
  }

  std::vector<std::uint32_t> itcm, dtcm, rom;
  bool rom_enabled = false;
  std::deque<BusAccess> bus;  // finished accesses that the model has not made yet

 private:
  BusAccess take(std::uint32_t addr) {
    if (bus.empty()) {
      ADD_FAILURE() << fmt::format("no bus access for {:08x}", addr);
      return {};
    }
    const BusAccess access = bus.front();
    bus.pop_front();
    EXPECT_EQ(access.addr, addr);
    return access;
  }
};

/// Slave on the data bus: memory that reads as a hash of the address until written.
struct BusDevice {
  double ready = 1.0;            // probability of ready in a cycle
  unsigned max_latency = 1;      // response 1..max_latency cycles after acceptance
  double error = 0.0;            // probability of an error response
  std::uint32_t error_addr = 0;  // this word always answers with an error, unless 0
  bool stuck = false;            // never accepts
  std::unordered_map<std::uint32_t, std::uint32_t> words;

  std::uint32_t& word(std::uint32_t addr) {
    return words.try_emplace(addr, addr * 0x9e3779b1U ^ 0x5bd1e995U).first->second;
  }
};

/// A back-door access, and its answer.
struct DoorAccess {
  bool write = false;
  std::uint32_t addr = 0;  // bit 16: DTCM
  std::uint32_t data = 0;
  std::uint8_t strb = 0xf;
};

/// Answer to a debug access.
struct DebugAnswer {
  bool error = false;
  std::uint32_t data = 0;
};

/// Fixture; `Model` is the verilated tsr_core.
template <class Model, std::uint32_t ItcmBytes = 65536, std::uint32_t DtcmBytes = 65536>
class CoreBench : public Bench<Model> {
 public:
  using Base = Bench<Model>;
  static constexpr std::uint32_t kHartId = 0x00050003;

  CoreBench() : memory_(ItcmBytes, DtcmBytes), iss_(memory_, kHartId) {}

 protected:
  void SetUp() override {
    Base::SetUp();
    Base::before_edge([this] { sample(); });
    Base::after_edge([this] { drive(); });
    auto& dut = this->dut();
    dut.hart_id_i = kHartId;
    dut.boot_pc_i = 0;
    dut.run_i = 0;
    dut.now_i = now_;
    dut.irq_soft_i = dut.irq_timer_i = dut.irq_ext_i = 0;
    dut.irq_fast_i = 0;
    dut.tcm_valid_i = 0;
    dut.rom_en_i = 0;
    dut.rom_rdata_i = 0;
    dut.bus_ready_i = 0;
    dut.bus_rvalid_i = 0;
    dut.dbg_halt_i = dut.dbg_resume_i = dut.dbg_step_i = 0;
    dut.dbg_valid_i = 0;
    this->reset();
  }

  // ---------------------------------------------------------------- program control

  /// Write words through the back door (from SetUp on, at full rate while the core is held).
  void write_tcm(std::uint32_t addr, const std::vector<std::uint32_t>& words) {
    for (const auto word : words) {
      door_queue_.push_back({true, addr, word, 0xf});
      addr += 4;
    }
    ASSERT_TRUE(this->run_until([this] { return door_idle(); }, 4 * words.size() + 16));
    this->tick();
  }
  void write_program(const rv::Program& program) { write_tcm(program.base(), program.words()); }

  /// Fill both TCMs with random words.
  void randomize_tcms() {
    for (const auto& [base, size] : {std::pair{0U, ItcmBytes}, std::pair{0x10000U, DtcmBytes}}) {
      std::vector<std::uint32_t> words(size / 4);
      for (auto& word : words) word = static_cast<std::uint32_t>(this->rng()());
      write_tcm(base, words);
    }
  }

  void start(std::uint32_t boot_pc = 0) {
    this->dut().boot_pc_i = boot_pc;
    this->dut().run_i = 1;
    iss_.reset(boot_pc);
    memory_.bus.clear();
    retired_.clear();
    retire_cycles_.clear();
    late_interrupts_ = 0;
  }
  /// Hold the core in reset and let an access under way end.
  void stop() {
    this->dut().run_i = 0;
    ASSERT_TRUE(this->run_until([this] { return idle_; }, 200));
    memory_.bus.clear();
  }

  /// Run until the instruction kStop retires.
  void run_to_stop(std::uint64_t limit = 20000) {
    const auto stopped = [this] {
      return !retired_.empty() && retired_.back().insn == rv::kStop && !retired_.back().trap;
    };
    ASSERT_TRUE(this->run_until(stopped, limit))
        << "program did not end, pc " << std::hex << iss_.pc();
  }
  /// Load, start at its base, run to its end, hold.
  void execute(const rv::Program& program) {
    write_program(program);
    start(program.base());
    run_to_stop();
  }

  /// mip as driven now.
  std::uint32_t irq_lines() {
    auto& dut = this->dut();
    return static_cast<std::uint32_t>(dut.irq_fast_i) << 16 | dut.irq_ext_i << 11 |
           dut.irq_timer_i << 7 | dut.irq_soft_i << 3;
  }
  void set_irq(std::uint32_t mip) {
    auto& dut = this->dut();
    dut.irq_soft_i = (mip >> 3) & 1;
    dut.irq_timer_i = (mip >> 7) & 1;
    dut.irq_ext_i = (mip >> 11) & 1;
    dut.irq_fast_i = static_cast<std::uint16_t>(mip >> 16);
  }

  /// Retired instructions at `pc`, oldest first.
  std::vector<Retire> retired_at(std::uint32_t pc) const {
    std::vector<Retire> found;
    for (const auto& r : retired_) {
      if (r.pc == pc) found.push_back(r);
    }
    return found;
  }
  const std::vector<Retire>& retired() const { return retired_; }
  const std::vector<std::uint64_t>& retire_cycles() const { return retire_cycles_; }
  Iss& iss() { return iss_; }
  ShadowMemory& memory() { return memory_; }
  BusDevice& bus() { return bus_; }
  /// Outputs as sampled in front of the last edge.
  bool idle() const { return idle_; }
  bool wfi() const { return wfi_; }
  bool halted() const { return halted_; }
  std::uint64_t now() const { return now_; }
  std::uint64_t bus_accesses() const { return bus_accesses_; }

  // ---------------------------------------------------------------- back door

  bool door_idle() const { return door_queue_.empty() && !door_pending_; }
  std::deque<DoorAccess>& door_queue() { return door_queue_; }
  const std::vector<DoorAccess>& door_answers() const { return door_answers_; }
  /// Probability that a queued access is offered in a cycle.
  void set_door_rate(double rate) { door_rate_ = rate; }
  unsigned longest_door_wait() const { return longest_door_wait_; }

  // ---------------------------------------------------------------- debug port

  void pulse_halt() {
    this->dut().dbg_halt_i = 1;
    this->tick();
    this->dut().dbg_halt_i = 0;
  }
  void pulse_resume() {
    this->dut().dbg_resume_i = 1;
    this->tick();
    this->dut().dbg_resume_i = 0;
  }
  void pulse_step() {
    this->dut().dbg_step_i = 1;
    this->tick();
    this->dut().dbg_step_i = 0;
  }
  bool wait_halted(std::uint64_t limit = 500) {
    this->tick();
    return this->run_until([this] { return halted_; }, limit);
  }

  DebugAnswer debug(bool mem, bool write, std::uint32_t addr, std::uint32_t data = 0) {
    auto& dut = this->dut();
    dut.dbg_valid_i = 1;
    dut.dbg_mem_i = mem;
    dut.dbg_write_i = write;
    dut.dbg_addr_i = addr;
    dut.dbg_wdata_i = data;
    dbg_accepted_ = dbg_answered_ = false;
    EXPECT_TRUE(this->run_until([this] { return dbg_accepted_; }, 100));
    dut.dbg_valid_i = 0;
    EXPECT_TRUE(this->run_until([this] { return dbg_answered_; }, 500));
    if (mem && addr >= 0x20000 && !memory_.bus.empty()) memory_.bus.pop_back();
    return dbg_answer_;
  }
  DebugAnswer debug_read(std::uint32_t reg) { return debug(false, false, reg); }
  DebugAnswer debug_write(std::uint32_t reg, std::uint32_t data) {
    const DebugAnswer answer = debug(false, true, reg, data);
    if (!answer.error) {
      if (reg < 32) iss_.set_reg(reg, data);
      if (reg == 32) iss_.set_pc(data);
      if (reg >= 0x1000) iss_.set_csr(reg - 0x1000, data);
    }
    return answer;
  }
  DebugAnswer debug_load(std::uint32_t addr) { return debug(true, false, addr); }
  DebugAnswer debug_store(std::uint32_t addr, std::uint32_t data) {
    const DebugAnswer answer = debug(true, true, addr, data);
    if (!answer.error && addr < 0x20000) *memory_.tcm(addr) = data;
    return answer;
  }

 private:
  // ---------------------------------------------------------------- in front of the edge

  void sample() {
    auto& dut = this->dut();
    if (!dut.rst_ni) return;
    apply_door_writes();
    if (unpacked_valid()) check_retire();
    sample_door();
    sample_bus();
    if (dut.dbg_valid_i && dut.dbg_ready_o) dbg_accepted_ = true;
    if (dut.dbg_rvalid_o) {
      dbg_answered_ = true;
      dbg_answer_ = {dut.dbg_err_o != 0, dut.dbg_rdata_o};
    }
    idle_ = dut.idle_o;
    wfi_ = dut.wfi_o;
    halted_ = dut.dbg_halted_o;
    rom_request_ = dut.rom_req_o;
    rom_addr_ = dut.rom_addr_o;
    if (rom_request_) {
      EXPECT_EQ(rom_addr_ >> 16, 8U);
    }
    previous_irq_ = irq_lines();
    previous_now_ = now_;
  }

  bool unpacked_valid() { return ((this->dut().retire_o[7] >> 14) & 1) != 0; }

  void check_retire() {
    auto& dut = this->dut();
    std::array<std::uint32_t, kRetireWords> words{};
    for (unsigned i = 0; i < kRetireWords; ++i) words[i] = dut.retire_o[i];
    const Retire rtl = unpack_retire(words);
    EXPECT_EQ(dut.instret_o != 0, !rtl.trap);
    iss_.set_now(previous_now_);
    iss_.set_irq(previous_irq_);
    const auto pending = iss_.pending_interrupt();
    Retire model;
    if (rtl.intr) {
      // The RTL decides when; that it may, and which one, is checked.
      EXPECT_TRUE(pending.has_value()) << "interrupt without reason: " << rtl.to_string();
      model = iss_.take_interrupt(pending.value_or(0));
      late_interrupts_ = 0;
    } else {
      // An instruction of several cycles may have begun before the interrupt came, others not.
      const bool single_cycle =
          !retire_cycles_.empty() && this->cycle() - retire_cycles_.back() == 1;
      late_interrupts_ = pending && !stepping_ ? late_interrupts_ + 1 : 0;
      EXPECT_LE(late_interrupts_, single_cycle ? 0U : 3U)
          << "interrupt not taken: " << rtl.to_string();
      model = iss_.step();
    }
    if (rtl != model && mismatches_++ < 5) {
      ADD_FAILURE() << "cycle " << this->cycle() << "\n  RTL   " << rtl.to_string() << "\n  model "
                    << model.to_string();
    }
    retired_.push_back(rtl);
    retire_cycles_.push_back(this->cycle());
  }

  void apply_door_writes() {
    while (!door_writes_.empty() && door_writes_.front().first + 2 <= this->cycle()) {
      const DoorAccess& access = door_writes_.front().second;
      if (auto* place = memory_.tcm(access.addr)) {
        ShadowMemory::merge(*place, access.data, access.strb);
      }
      door_writes_.pop_front();
    }
  }

  void sample_door() {
    auto& dut = this->dut();
    EXPECT_EQ(dut.tcm_rvalid_o != 0, door_pending_) << "one answer, one cycle after acceptance";
    if (dut.tcm_rvalid_o && door_pending_) {
      DoorAccess answer = door_access_;
      if (!answer.write) {
        answer.data = dut.tcm_rdata_o;
        if (const auto* place = memory_.tcm(answer.addr)) {
          EXPECT_EQ(answer.data, *place) << fmt::format("back door {:05x}", answer.addr);
        }
      }
      door_answers_.push_back(answer);
    }
    door_pending_ = dut.tcm_valid_i && dut.tcm_ready_o;
    if (door_pending_) {
      door_access_ = door_queue_.front();
      door_queue_.pop_front();
      if (door_access_.write) door_writes_.emplace_back(this->cycle(), door_access_);
      door_wait_ = 0;
    } else if (dut.tcm_valid_i) {
      longest_door_wait_ = std::max(longest_door_wait_, ++door_wait_);
    }
  }

  void sample_bus() {
    auto& dut = this->dut();
    if (dut.bus_rvalid_i) {
      memory_.bus.push_back(bus_access_);
      bus_pending_ = false;
    }
    if (bus_accept_ = dut.bus_valid_o && dut.bus_ready_i; bus_accept_) {
      EXPECT_FALSE(bus_pending_) << "one access outstanding";
      EXPECT_GE(dut.bus_addr_o, 0x20000U) << "own TCMs are not on the bus";
      bus_pending_ = true;
      ++bus_accesses_;
      bus_access_ = {dut.bus_write_o != 0, dut.bus_addr_o, dut.bus_wdata_o, dut.bus_strb_o, false};
      bus_access_.error =
          this->chance(bus_.error) || (bus_.error_addr != 0 && dut.bus_addr_o == bus_.error_addr);
      bus_countdown_ = static_cast<unsigned>(this->rand_in(1, bus_.max_latency));
    }
  }

  // ---------------------------------------------------------------- behind the edge

  void drive() {
    auto& dut = this->dut();
    dut.now_i = ++now_;
    if (rom_request_) dut.rom_rdata_i = memory_.rom[(rom_addr_ & 0x3fff) / 4];
    if (!dut.tcm_valid_i || door_pending_) {
      const bool offer = !door_queue_.empty() && this->chance(door_rate_);
      dut.tcm_valid_i = offer;
      if (offer) {
        const DoorAccess& access = door_queue_.front();
        dut.tcm_write_i = access.write;
        dut.tcm_addr_i = access.addr;
        dut.tcm_wdata_i = access.data;
        dut.tcm_strb_i = access.strb;
      }
    }
    dut.bus_ready_i = !bus_.stuck && this->chance(bus_.ready);
    dut.bus_rvalid_i = 0;
    dut.bus_rdata_i = static_cast<std::uint32_t>(this->rng()());
    dut.bus_err_i = static_cast<std::uint8_t>(this->rng()() & 1);
    if (bus_pending_ && --bus_countdown_ == 0) {
      dut.bus_rvalid_i = 1;
      dut.bus_err_i = bus_access_.error;
      if (!bus_access_.error && bus_access_.write) {
        ShadowMemory::merge(bus_.word(bus_access_.addr), bus_access_.data, bus_access_.strb);
      } else if (!bus_access_.write) {
        bus_access_.data = bus_.word(bus_access_.addr);
        dut.bus_rdata_i = bus_access_.data;
      }
    }
  }

 protected:
  bool stepping_ = false;  // interrupts may be late: the debug port steps

 private:
  ShadowMemory memory_;
  Iss iss_;
  BusDevice bus_;
  std::vector<Retire> retired_;
  std::vector<std::uint64_t> retire_cycles_;
  unsigned mismatches_ = 0;
  unsigned late_interrupts_ = 0;
  std::uint64_t now_ = 0x00000001fffff000;  // mcycle's low word wraps early in every test
  std::uint64_t previous_now_ = 0;
  std::uint32_t previous_irq_ = 0;
  bool idle_ = false;
  bool wfi_ = false;
  bool halted_ = false;
  bool rom_request_ = false;
  std::uint32_t rom_addr_ = 0;

  std::deque<DoorAccess> door_queue_;
  std::deque<std::pair<std::uint64_t, DoorAccess>> door_writes_;
  std::vector<DoorAccess> door_answers_;
  DoorAccess door_access_;
  bool door_pending_ = false;
  double door_rate_ = 1.0;
  unsigned door_wait_ = 0;
  unsigned longest_door_wait_ = 0;

  bool bus_accept_ = false;
  bool bus_pending_ = false;
  unsigned bus_countdown_ = 0;
  BusAccess bus_access_;
  std::uint64_t bus_accesses_ = 0;

  bool dbg_accepted_ = false;
  bool dbg_answered_ = false;
  DebugAnswer dbg_answer_;
};

}  // namespace tsr::tb
