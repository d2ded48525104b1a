// SPDX-License-Identifier: Apache-2.0
#include "recorder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "../error.hpp"
#include "../rtl/sim_context.hpp"
#include "../waves/failure.hpp"
#include "sandbox.hpp"

namespace tsr {
namespace {

/// Forking may take this share of the time, at most: a snapshot is put off while it would be more.
constexpr double kForkShare = 0.02;

std::string view_of(const std::string& fst) {
  return std::filesystem::path(fst).replace_extension(".gtkw").string();
}

/// Read until the other end closes.
std::string read_all(int file) {
  std::string text;
  char part[1024];
  for (;;) {
    const ssize_t count = read(file, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(part, static_cast<std::size_t>(count));
  }
}

/// No signal handler runs while this lives: it must not see half a change.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

FlightRecorder::FlightRecorder(RecordedChip chip, RecorderOptions options)
    : chip_(std::move(chip)), options_(std::move(options)) {
  // Written where the program was started, even if it has gone elsewhere.
  shown_ = options_.file;
  options_.file = std::filesystem::absolute(options_.file).string();
  if (options_.signals) install_handlers();
}

FlightRecorder::~FlightRecorder() {
  if (options_.signals) restore_handlers();
  for (auto& snapshot : live_) discard(snapshot);
}

void FlightRecorder::note_request(const HostRequest& request) {
  if (!chip_.pins) {  // noted when the host had it
    if (noted_ != 0) --noted_;
    return;
  }
  ChipInput input;
  input.cycle = chip_.kernel.cycle();
  input.request = request;
  log_.add(input);
}

void FlightRecorder::note_pushed(bool inside) {
  if (chip_.pins) return;
  for (; noted_ < chip_.host.requests.size(); ++noted_) {
    ChipInput input;
    // Without RTL the kernel only looks at the time when its run ends.
    input.cycle = chip_.waves ? chip_.kernel.cycle() : chip_.timeline->now();
    input.inside = inside;
    input.event = events();
    input.request = chip_.host.requests[noted_];
    log_.add(input);
  }
}

void FlightRecorder::note_link_death(const LinkDeath& death) {
  ChipInput input;
  input.cycle = chip_.kernel.cycle();
  input.event = events();
  input.kind = ChipInput::Kind::LinkDeath;
  input.death = death;
  log_.add(input);
}

void FlightRecorder::discard(Snapshot& snapshot) {
  if (snapshot.pid == 0) return;
  close(snapshot.command);
  close(snapshot.reply);
  kill(snapshot.pid, SIGKILL);
  while (waitpid(snapshot.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  snapshot = {};
}

void FlightRecorder::set_every(std::uint64_t every) {
  options_.every = every;
  due_ = every == 0 ? ~0ULL : chip_.kernel.cycle();
  due_inputs_ = ~0ULL;
  if (every != 0) return;
  const NoSignals quiet;
  for (auto& snapshot : live_) discard(snapshot);
}

/// The log holds what all snapshots need: each covers its share at most.
void FlightRecorder::schedule() {
  due_ = chip_.kernel.cycle() + options_.every;
  due_inputs_ = log_.count() + InputLog::kCapacity / (kLive + 1);
}

void FlightRecorder::take() {
  const auto start = std::chrono::steady_clock::now();
  const bool log_is_full = log_.count() >= due_inputs_;
  if (start < not_before_ && !log_is_full) return;
  State free = State::Free;
  if (!state_.compare_exchange_strong(free, State::Changing)) return;
  change();
  state_ = State::Free;
}

/// A new snapshot, and the oldest one goes.
void FlightRecorder::change() {
  const auto start = std::chrono::steady_clock::now();
  const bool log_is_full = log_.count() >= due_inputs_;
  int command[2] = {-1, -1}, reply[2] = {-1, -1};
  const NoSignals quiet;
  Snapshot fresh;
  fresh.cycle = chip_.kernel.cycle();
  fresh.inputs = log_.count();
  const pid_t parent = getpid();
  if (pipe2(command, O_CLOEXEC) == 0 && pipe2(reply, O_CLOEXEC) == 0)
    fresh.pid = fork();
  else
    fresh.pid = -1;
  if (fresh.pid == 0) serve(parent, fresh, command[0], reply[1]);
  const int error = errno;
  for (const int end : {command[0], reply[1]}) {
    if (end >= 0) close(end);
  }
  if (fresh.pid < 0) {
    for (const int end : {command[1], reply[0]}) {
      if (end >= 0) close(end);
    }
    if (!warned_) {
      fmt::print(stderr, "flight recorder: no snapshot in cycle {}: {}. The run goes on\n",
                 fresh.cycle, std::strerror(error));
    }
    warned_ = true;
    if (log_is_full) {  // what the older ones need will be overwritten
      for (auto& snapshot : live_) discard(snapshot);
    }
    schedule();
    return;
  }
  fresh.command = command[1];
  fresh.reply = reply[0];
  discard(live_[0]);
  std::move(live_ + 1, live_ + kLive, live_);
  live_[kLive - 1] = fresh;
  ++taken_;
  const auto end = std::chrono::steady_clock::now();
  fork_seconds_ += std::chrono::duration<double>(end - start).count();
  not_before_ = end + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                          (end - start) / kForkShare);
  schedule();
}

/// The youngest that covers the window, or else the oldest.
FlightRecorder::Snapshot* FlightRecorder::choose(std::uint64_t from) {
  for (unsigned i = kLive; i-- > 0;) {
    if (live_[i].pid != 0 && live_[i].cycle <= from) return &live_[i];
  }
  for (auto& snapshot : live_) {
    if (snapshot.pid != 0) return &snapshot;
  }
  return nullptr;
}

FlightRecorder::Command FlightRecorder::command(const FlightFailure& failure,
                                                const Snapshot& snapshot) const {
  // Some cycles more show what the failure led to.
  constexpr std::uint64_t kAfter = 64;
  Command command{};
  command.now = chip_.kernel.cycle();
  command.to = std::min(failure.cycle + kAfter, command.now - (command.now != 0 ? 1 : 0));
  command.to = std::max(command.to, snapshot.cycle);
  const std::uint64_t first =
      command.to + 1 > options_.window ? command.to + 1 - options_.window : 0;
  command.from = std::max(first, snapshot.cycle);
  command.inputs = log_.count();
  command.failure = std::min(failure.cycle, command.to);
  command.has_node = failure.node.has_value();
  command.node = failure.node.value_or(Node{});
  return command;
}

FlightReport FlightRecorder::record(const FlightFailure& failure) {
  FlightReport report;
  const std::uint64_t first = failure.cycle > options_.window ? failure.cycle - options_.window : 0;
  Snapshot* const snapshot = choose(first);
  if (snapshot == nullptr || snapshot->cycle >= chip_.kernel.cycle()) {
    report.text = "flight recorder: there is no snapshot from before the failure\n";
    return report;
  }
  if (snapshot->cycle > failure.cycle) {
    report.text = fmt::format(
        "flight recorder: the failure in cycle {} is older than the oldest snapshot, of cycle {}.\n"
        "  Run again with --replay {}, or with snapshots less often (--snapshot-every)\n",
        failure.cycle, snapshot->cycle, failure.cycle);
    return report;
  }
  state_ = State::Answering;
  Command order = command(failure, *snapshot);
  order.stats = chip_.kernel.stats();
  order.events = events();
  order.nodes = chip_.nodes != nullptr;
  // After a fault the rest is the firmware's: long, and told nothing.
  order.compare = order.now - order.to <= 2 * options_.window;
  if (write(snapshot->command, &order, sizeof order) == sizeof order) {
    report.text = read_all(snapshot->reply);
  }
  discard(*snapshot);
  state_ = State::Free;
  if (report.text.empty()) {
    report.text = "flight recorder: the snapshot did not answer; there are no waves\n";
    return report;
  }
  report.written = report.text.front() == '+' && chip_.waves;
  const auto end = report.text.find('\0');
  if (end != std::string::npos) report.nodes = report.text.substr(end + 1);
  report.text = report.text.substr(1, end == std::string::npos ? end : end - 1);
  report.from = order.from;
  report.to = order.to;
  if (report.written) {
    report.fst = options_.file;
    report.view = view_of(options_.file);
  }
  return report;
}

void FlightRecorder::serve(pid_t parent, Snapshot snapshot, int command, int reply) {
  enter_sandbox(parent, command, reply);
  Command order;
  if (read(command, &order, sizeof order) != sizeof order) _exit(0);  // the parent has ended
  std::string text;
  try {
    text = replay(snapshot, order);
  } catch (const std::exception& error) {
    text = fmt::format("-flight recorder: {}\n", error.what());
  }
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = write(reply, text.data() + done, text.size() - done);
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  _exit(0);
}

/// Run the copy of the chip, with its inputs, until `cycle` cycles have run.
void FlightRecorder::run_to(std::uint64_t cycle) {
  Kernel& kernel = chip_.kernel;
  while (kernel.cycle() < cycle) {
    put_in(false);
    std::uint64_t stop = cycle;
    if (next_input_ < inputs_) {
      const ChipInput& next = log_.at(next_input_);
      stop = std::min(cycle, next.cycle + (next.inside ? 1 : 0));
    }
    kernel.run(stop - kernel.cycle());
  }
}

/// Whether it is the time of an input. One that came within a cycle and was missed there comes
/// behind it.
bool FlightRecorder::is_due(const ChipInput& input, bool inside) const {
  if (inside) return input.inside && input.event == events();
  const std::uint64_t now = chip_.kernel.cycle();
  return input.inside ? input.cycle < now : input.cycle <= now;
}

/// Give the chip the inputs whose time it is: between cycles, or (`inside`) when it has answered.
void FlightRecorder::put_in(bool inside) {
  bool any = false;
  for (; next_input_ < inputs_ && is_due(log_.at(next_input_), inside); ++next_input_) {
    const ChipInput& input = log_.at(next_input_);
    // Without RTL the host may have come in the middle of a cycle.
    if (!inside && !chip_.waves) chip_.timeline->fire(input.event);
    if (input.kind == ChipInput::Kind::LinkDeath) {
      chip_.kill_link(input.death);
    } else {
      chip_.host.requests.push_back(input.request);
      chip_.wake_host();
    }
    any = true;
  }
  // And may come again in this one.
  if (!inside || !any || chip_.waves) return;
  chip_.kernel.request_stop();
  chip_.timeline->stop();
}

/// Nothing but the chip, its log and the waves is used from now on.
void FlightRecorder::cut_off() {
  if (chip_.pins) chip_.host.requests.clear();  // those that the chip took are in the log
  chip_.host.on_request = nullptr;
  chip_.host.on_response = [this](const HostResponse&) {
    if (!chip_.pins) put_in(true);
  };
  chip_.host.on_interrupt = [](bool) {};
  chip_.host.on_watchdog = [] {};
  chip_.silence();
  chip_.kernel.leave_parent();
  chip_.kernel.observe_flits(nullptr);
}

/// Run through the window and write its waves; returns what to tell the user.
std::string FlightRecorder::trace(const Command& command) {
  const std::string unwritable = shown_ + ": the trace file cannot be written";
  // Another run may write the same file, or read it.
  const std::string part = fmt::format("{}.{}", options_.file, getpid());
  if (!std::ofstream(part)) throw InputError(unwritable);
  chip_.kernel.start_trace({part, command.from, command.to});
  run_to(command.to + 1);
  chip_.context.close_trace();
  std::error_code error;
  std::filesystem::rename(part, options_.file, error);
  if (error) throw InputError(unwritable);
  std::optional<Node> node;
  if (command.has_node) node = command.node;
  waves::write_failure_view(options_.file, view_of(options_.file), command.failure, node);
  return fmt::format(
      "flight recorder: cycles {} to {} are in {} (cycle {} is marked)\n"
      "  look at them: tessera waves {}\n"
      "  or:           gtkwave {} {}\n",
      command.from, command.to, shown_, command.failure, shown_, shown_, view_of(shown_));
}

/// Whether the copy has done what the run did.
bool FlightRecorder::is_run(const Command& command) const {
  const KernelStats stats = chip_.kernel.stats();
  return stats.flits == command.stats.flits && stats.router_steps == command.stats.router_steps &&
         stats.endpoint_steps == command.stats.endpoint_steps && events() == command.events;
}

std::string FlightRecorder::replay(const Snapshot& snapshot, const Command& command) {
  next_input_ = snapshot.inputs;
  inputs_ = command.inputs;
  cut_off();
  run_to(command.from);
  if (command.nodes) chip_.watch();
  std::string text = "+";
  if (chip_.waves) {
    text += trace(command);
  } else {
    run_to(command.to + 1);
  }
  const std::string nodes = command.nodes ? chip_.nodes() : "";
  if (command.compare && chip_.waves) {
    run_to(command.now);
    if (!is_run(command)) {
      text +=
          "  Caution: this is not what the run did; inputs that the recorder does not know made "
          "a difference\n";
    }
  }
  if (!nodes.empty()) text += '\0' + nodes;
  return text;
}

}  // namespace tsr
