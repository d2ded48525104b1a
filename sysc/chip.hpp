// SPDX-License-Identifier: Apache-2.0
/// A whole chip as a SystemC module: mesh, DRAM, UART terminal and the host's TLM-2.0 target
/// socket.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <systemc>
#include <vector>

#include "config.hpp"
#include "doctor/chip_state.hpp"
#include "dram/dram_errors.hpp"
#include "faults.hpp"
#include "host_target/host_port.hpp"
#include "host_target/host_target.hpp"
#include "kernel/kernel.hpp"
#include "models.hpp"
#include "probe/probe_fan.hpp"
#include "recorder/recorder.hpp"
#include "rtl/jtag_pins.hpp"
#include "uart/uart_terminal.hpp"

namespace tsr {

class DramChannel;
class SimContext;
class TlmSide;
struct ChipFuses;
namespace check {
class NodeCheck;
}
namespace doctor {
class PcWatch;
}

/// How a chip is simulated.
struct ChipOptions {
  unsigned threads = 1;
  std::uint64_t seed = 1;
  TraceWindow trace;
  Models models;  ///< checked
  RecorderOptions recorder;
  ChipFaults faults;  ///< checked
  bool check = true;  ///< lock-step of every RTL hart node (sysc/check)
  bool sleep = true;  ///< false: RTL models are evaluated in every cycle
  /// Name of the code at `pc` of a node's core, for messages; may be empty.
  std::function<std::string(Node node, std::uint32_t pc)> describe_pc;
  bool debug_open = false;           ///< fuse: debug access stays open after boot
  std::uint64_t max_cycles = 0;      ///< 0: no limit
  DramErrors dram_errors;            ///< bit errors on purpose
  UartTerminal::Sink uart;           ///< gets every line of the chip's UART
  std::function<void()> on_advance;  ///< called every few thousand cycles (progress)
};

/// What the lock-step checkers have compared.
struct CheckCounts {
  std::uint64_t instructions = 0;
  std::uint64_t commands = 0;
};

/// Cycles are run ahead of SystemC time by at most one quantum: the chip is one SC_METHOD that runs
/// many cycles at each activation.
class Chip : public sc_core::sc_module {
 public:
  static constexpr double kClockHz = 800e6;

  Chip(sc_core::sc_module_name name, const Config& config, ChipOptions options);
  ~Chip() override;

  const Config& config() const { return config_; }
  tlm_utils::simple_target_socket<HostTarget>& host_socket() { return host_target_->socket; }
  const HostTarget& host_target() const { return *host_target_; }

  /// Reset pulse; then the chip boots as cycles are run.
  void reset();
  /// Run until request_stop() or `cycles` have passed; returns how many were run. Callable from
  /// sc_main level and from SystemC thread processes. Throws Error: ExitCode::Timeout at the
  /// cycle limit, CheckFailed on a violation, ChipFault when the watchdog declares the chip dead.
  std::uint64_t advance(std::uint64_t cycles);
  /// Whether nothing would ever happen without the outside.
  bool asleep() const;
  /// Ends the running advance() after the current cycle. For agents called within a cycle.
  void request_stop();

  std::uint64_t cycle() const { return kernel_->cycle(); }
  std::uint64_t cycle_limit() const { return options_.max_cycles; }
  /// Flits so far that a router sent, `link` = net * kPorts + port.
  std::uint64_t link_flits(std::size_t node, unsigned link) const;
  /// Bytes that a pseudo channel of memory node `index` has read and written so far.
  struct DramBytes {
    std::uint64_t read = 0, written = 0;
  };
  DramBytes dram_bytes(std::size_t index, unsigned channel) const;
  /// Bits of the DRAM that went wrong by ChipOptions::dram_errors.
  std::uint64_t dram_bit_errors() const;
  /// Whether there is anything in lock-step.
  bool checked() const { return !checks_.empty(); }
  /// End the lock-step; it cannot be taken up again. Between cycles only.
  void stop_checks();
  /// Zeros if nothing is checked.
  CheckCounts check_counts() const;
  /// Level of the chip's interrupt to the host, and the cycle in which it last rose.
  bool host_interrupt() const { return interrupt_; }
  std::uint64_t interrupt_cycle() const { return interrupt_cycle_; }
  /// Whether the ctl node's watchdog has declared the chip dead.
  bool watchdog_expired() const { return watchdog_; }
  /// Whether a debugger holds the core of a node. advance() ends when one is halted.
  bool halted(Node node) const;
  /// Drive the JTAG port's input pins from the next cycle on. An RTL ctl node has one.
  void set_jtag(const JtagPins& pins);
  /// Level of TDO after the last cycle.
  bool jtag_tdo() const { return jtag_.tdo; }
  /// Tell `probe` what the hart of a node, RTL or TLM, does from now on; see Kernel::add_probe().
  void add_probe(std::size_t node, NodeProbe& probe);
  const UartTerminal& uart() const { return *uart_; }
  /// Signal-level side of the host port, for observers.
  HostPort& host_port() { return host_port_; }
  Kernel& kernel() { return *kernel_; }
  const Kernel& kernel() const { return *kernel_; }
  /// What all nodes do, for the doctor: the chip runs on for 1,500 cycles, and waves of its RTL go
  /// to the file `fst`. The host gets no answers any more: only for a run that has failed.
  /// `has_waves`: whether there are any.
  doctor::ChipState run_on(const std::string& fst, bool& has_waves);
  /// Null without RecorderOptions::every.
  FlightRecorder* recorder() { return recorder_.get(); }
  /// Where and when the checker that ended the run found something; none: no checker has.
  const std::optional<FlightFailure>& violation() const { return violation_; }
  /// Let a link die in a cycle to come.
  void kill_link(const LinkDeath& death);
  /// Wall time spent in advance(), seconds.
  double wall_seconds() const { return wall_seconds_; }
  /// Processor time of the process meanwhile, seconds.
  double cpu_seconds() const { return cpu_seconds_; }
  /// Finish output: last UART line, trace file.
  void finish();

 private:
  void build();
  MeshNode build_node(std::size_t index, const ChipFuses& fuses);
  std::unique_ptr<NodeModel> rtl_endpoint(std::size_t index, NodeKind kind, const ChipFuses& fuses);
  std::unique_ptr<NodeModel> tlm_endpoint(std::size_t index, NodeKind kind, const ChipFuses& fuses);
  void connect_host();
  void build_recorder(std::size_t ctl);
  void wake_host(std::size_t ctl);
  void watch_cores();
  std::vector<doctor::NodeState> tlm_nodes();
  ChipFuses fuses() const;
  Node place(std::size_t index) const;
  void cut_link(const MeshLink& link, std::uint64_t cycle);
  void break_links();
  void add_dram_errors();
  void add_checks();
  void check_dram();
  void check_lock_step();
  void run_cycles();
  void check();

  Config config_;
  ChipOptions options_;
  ChipConfig straps_;
  std::unique_ptr<SimContext> context_;
  std::vector<std::unique_ptr<DramChannel>> drams_;  ///< by node; null: none, or TLM
  HostPort host_port_;
  JtagPins jtag_;
  std::unique_ptr<UartTerminal> uart_;
  std::unique_ptr<TlmSide> tlm_;                ///< null: all is RTL
  std::map<std::size_t, ProbeFan> tlm_probes_;  ///< by node
  std::vector<std::unique_ptr<check::NodeCheck>> checks_;
  std::map<std::size_t, std::unique_ptr<doctor::PcWatch>> watches_;  ///< of TLM cores, by node
  std::unique_ptr<Kernel> kernel_;
  std::unique_ptr<HostTarget> host_target_;
  std::unique_ptr<FlightRecorder> recorder_;  ///< the last to come, the first to go
  bool interrupt_ = false;
  std::uint64_t interrupt_cycle_ = 0;
  bool watchdog_ = false;
  std::atomic<bool> stop_requested_{false};
  std::optional<FlightFailure> violation_;
  std::exception_ptr failure_;  ///< thrown while cycles ran: SystemC would wrap it
  bool running_ = false;        ///< cycles run
  bool from_process_ = false;   ///< advance() was called by a SystemC process
  std::uint64_t budget_ = 0;    ///< cycles left of the running advance()
  std::uint64_t last_run_ = 0;  ///< cycles of the last activation: SystemC time is behind by them
  sc_core::sc_event resume_;
  sc_core::sc_event paused_;
  double wall_seconds_ = 0;
  double cpu_seconds_ = 0;
};

}  // namespace tsr
