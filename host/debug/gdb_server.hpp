// SPDX-License-Identifier: Apache-2.0
/// GDB's remote protocol for all cores of a chip.
///
/// Every core is a thread. The tiles are process 1, the ctl node is process 2: they run different
/// programs. A plain `target remote :PORT` attaches to the tiles; `target extended-remote :PORT`,
/// `add-inferior`, `inferior 2`, `attach 2` gives both. All-stop: when one core stops, all do, and
/// simulated time stands still but for the debugger's own accesses.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access.hpp"
#include "connection.hpp"
#include "hart.hpp"
#include "rsp.hpp"

namespace tsr::debug {

class GdbServer {
 public:
  /// Serves the cores of `tiles` and of `ctl` at a port of 127.0.0.1 (0: any free one).
  GdbServer(ChipAccess& chip, const std::vector<Node>& tiles, Node ctl, std::uint16_t port);

  std::uint16_t port() const { return connection_.port(); }
  /// Wait for a client and serve it until it lets the chip run. No client can connect before: GDB
  /// repeats what is not answered within seconds.
  void wait_for_client();
  /// Between cycles: look whether a core has stopped or the client wants something. While the cores
  /// are stopped this does not return. Returns false if the client asked to kill the run.
  bool serve();
  /// Tell the client that the program has ended.
  void finish(unsigned code);

 private:
  enum class State {
    kAlone,
    kStopped,
    kRunning
  };  ///< no client, client and cores stopped, cores running
  struct Process {
    const char* name;
    std::vector<std::size_t> harts;
    bool attached;
  };
  /// What a vCont packet wants of a thread.
  enum class Action { kStay, kContinue, kStep };

  void attach();
  void detach();
  void talk();
  void handle(const std::string& packet);
  std::string answer(const std::string& packet);
  void reply(std::string_view payload);

  std::string query(RspParser packet);
  std::string features(RspParser packet) const;
  std::string monitor(RspParser packet);
  std::string multiletter(const std::string& packet);
  std::string set_thread(RspParser packet);
  std::string read_registers();
  std::string write_registers(RspParser packet);
  std::string read_register(RspParser packet);
  std::string write_register(RspParser packet);
  std::string read_memory(RspParser packet);
  std::string write_memory(RspParser packet, bool binary);
  std::string stop_point(RspParser packet, bool insert);
  std::string attach_process(RspParser packet);
  std::string detach_process(RspParser packet);

  bool resume(const std::vector<Action>& actions);
  void halt_all();
  /// A core that stopped on its own, with the reply to send.
  std::optional<std::string> find_stop();
  std::string stop_reply(std::size_t hart, int signal, const std::string& reason);

  std::string thread_id(std::size_t hart) const;
  std::string thread_list() const;
  /// Threads that an id means: -1 in either place is all, 0 any.
  std::vector<std::size_t> threads(RspParser& packet) const;
  bool attached(std::size_t hart) const;
  const std::array<std::uint32_t, 33>& registers(std::size_t hart);

  ChipAccess& chip_;
  std::vector<Hart> harts_;
  std::array<Process, 2> processes_;
  Connection connection_;
  RspReader reader_;
  State state_ = State::kAlone;
  bool multiprocess_ = false;
  bool acknowledge_ = true;
  bool killed_ = false;
  std::size_t current_ = 0;  ///< hart that register and memory packets mean
  std::string last_stop_;
  std::vector<bool> running_;  ///< the debugger lets this core run; it may be in reset
  std::vector<std::optional<std::array<std::uint32_t, 33>>> cache_;  ///< registers of stopped cores
};

}  // namespace tsr::debug
