// SPDX-License-Identifier: Apache-2.0
/// Signal handlers of the flight recorder. They only make system calls: the process may be in any
/// state. All that takes more is done by the snapshot.
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "recorder.hpp"

namespace tsr {
namespace {

constexpr std::array<int, 7> kSignals = {SIGSEGV, SIGABRT, SIGFPE, SIGBUS,
                                         SIGINT,  SIGTERM, SIGUSR1};
FlightRecorder* recorder = nullptr;
std::array<struct sigaction, kSignals.size()> before;

void say(const char* text) {
  if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

void say(std::uint64_t number) {
  char digits[24];
  char* at = digits + sizeof digits;
  *--at = 0;
  do {
    *--at = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  say(at);
}

const char* name_of(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGABRT:
      return "SIGABRT";
    case SIGFPE:
      return "SIGFPE";
    case SIGBUS:
      return "SIGBUS";
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    default:
      return "SIGUSR1";
  }
}

/// Hand on what a snapshot says, without the mark in front.
void relay(int from) {
  char part[1024];
  bool first = true;
  for (;;) {
    const ssize_t count = read(from, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    const char* const text = part + (first ? 1 : 0);
    const auto length = static_cast<std::size_t>(count) - (first ? 1 : 0);
    first = false;
    if (write(STDERR_FILENO, text, length) < 0) return;
  }
  if (first) say("flight recorder: the snapshot did not answer; there are no waves\n");
}

}  // namespace

void FlightRecorder::on_signal(int signal) {
  const int error = errno;
  if (recorder != nullptr) recorder->answer_signal(signal);
  errno = error;
  if (signal == SIGUSR1) return;
  // What would have happened without the recorder.
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void FlightRecorder::answer_signal(int signal) {
  State seen = State::Free;
  while (!state_.compare_exchange_strong(seen, State::Answering)) {
    if (seen == State::Answering) return;  // a second one does not wait for the waves
    seen = State::Free;                    // another thread forks: a moment
    sched_yield();
  }
  say("\ntessera: ");
  say(name_of(signal));
  say(" in cycle ");
  say(chip_.kernel.cycle());
  say("\n");
  const std::uint64_t now = chip_.kernel.cycle();
  Snapshot* const snapshot = choose(now > options_.window ? now - options_.window : 0);
  if (snapshot == nullptr || snapshot->cycle >= now) {
    say("flight recorder: there is no snapshot from before it\n");
  } else {
    const Command order = command({now, {}}, *snapshot);
    if (write(snapshot->command, &order, sizeof order) == sizeof order) relay(snapshot->reply);
    discard(*snapshot);
  }
  state_ = State::Free;
}

void FlightRecorder::install_handlers() {
  recorder = this;
  struct sigaction action {};
  action.sa_handler = &FlightRecorder::on_signal;
  // A second SIGINT ends a process that waits for its waves; a full stack does not.
  action.sa_flags = SA_RESTART | SA_NODEFER | SA_ONSTACK;
  static std::array<char, 64 * 1024> stack;
  stack_t other{};
  other.ss_sp = stack.data();
  other.ss_size = stack.size();
  sigaltstack(&other, nullptr);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], nullptr, &before[i]);
    // What the caller wants to be ignored (nohup, background jobs) stays so.
    if (before[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
}

void FlightRecorder::restore_handlers() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before[i], nullptr);
  recorder = nullptr;
}

}  // namespace tsr
