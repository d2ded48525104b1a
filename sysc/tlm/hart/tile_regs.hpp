// SPDX-License-Identifier: Apache-2.0
/// Registers of a hart node (regs/tile.toml), its error log and interrupts.
#pragma once

#include <cstdint>

#include "regs/tile_regs.hpp"
#include "tlm/hart/parts.hpp"
#include "tlm/hart/reg_block.hpp"

namespace tsr::hart {

class TileRegs final : public RegBlock {
 public:
  explicit TileRegs(Parts& parts);

  void reset() override;
  /// access(), unless it is a write to the debug registers and these are locked.
  RegAnswer checked(const RegAccess& access);

  /// Capture an error.
  void error(const ErrLog::Entry& entry);
  void format_event(Engine engine, std::uint16_t id, bool nan, bool overflow);
  /// A command whose interrupt flag is set has ended without error.
  void command_done();
  /// Something that levels depend on has changed: tell the core.
  void update_interrupts();
  /// The timer compare is armed: the node is not idle.
  bool timer_armed() const { return timer_compare() != ~0ULL; }
  /// What wakes the core beside the interrupts that it has enabled.
  doctor::WakeUp wake_up() const;

  // What other parts look at.
  struct Window {
    std::uint32_t base, limit;
    unsigned space;
    bool read, write;
  };
  Window window(unsigned index) const;
  std::uint64_t core_window(unsigned index) const;
  bool detour(unsigned number) const;       ///< ROUTE_VC1
  bool unreachable(unsigned number) const;  ///< ROUTE_NONE
  bool urgent(Initiator initiator) const;   ///< QOS
  bool remote_read() const { return (get(regs::tile::kRemoteCtrlOffset) & 1) != 0; }
  bool remote_write() const { return (get(regs::tile::kRemoteCtrlOffset) & 2) != 0; }
  bool remote_post() const { return (get(regs::tile::kRemoteCtrlOffset) & 4) != 0; }
  std::uint32_t remote_base() const { return get(regs::tile::kRemoteBaseOffset); }
  std::uint32_t remote_limit() const { return get(regs::tile::kRemoteLimitOffset); }
  bool run() const { return (get(regs::tile::kCoreCtrlOffset) & 1) != 0; }
  std::uint32_t boot_pc() const { return get(regs::tile::kBootPcOffset); }

 private:
  std::uint32_t on_read(std::uint32_t offset, std::uint32_t stored) override;
  bool on_write(std::uint32_t offset, std::uint32_t data) override;
  std::uint32_t read_engines(std::uint32_t offset, std::uint32_t stored);
  std::uint32_t read_errors(std::uint32_t offset, std::uint32_t stored);
  std::uint32_t read_core(std::uint32_t offset, std::uint32_t stored);
  bool write_debug(std::uint32_t offset, std::uint32_t data);
  bool write_semaphore(unsigned index, std::uint32_t data);
  void write_post(std::uint32_t data);
  void write_run();
  bool start_atomic(std::uint32_t operation);
  std::uint32_t queue_status() const;
  std::uint32_t levels() const;
  std::uint64_t count(unsigned selector) const;
  void clear_counts();
  std::uint64_t timer_compare() const;
  bool locked() const;

  Parts& parts_;
  Alarm timer_;
  bool running_ = false;
  bool debug_locked_ = false;
  std::uint32_t count_high_ = 0;
};

}  // namespace tsr::hart
