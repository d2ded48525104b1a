// SPDX-License-Identifier: Apache-2.0
/// An unmodified gdb-multiarch at the chip.
#include <fmt/format.h>

#include <csignal>

#include "process.hpp"

namespace tsr::e2e {
namespace {

/// `tessera run ... --gdb 0` in the background, and a GDB that talks to it.
class Gdb : public ::testing::Test {
 protected:
  void start(const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {TSR_TESSERA, "run"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    words.insert(words.end(), {"--gdb", "0"});
    chip_ = spawn(words, folder_ / "chip.out", folder_ / "chip.err");
    ASSERT_TRUE(await([this] { return port() != 0; })) << read_file(folder_ / "chip.err");
  }

  /// Run a GDB script; returns what it printed.
  std::string gdb(const std::string& script, const std::string& elf) {
    const auto file = folder_.write("script", "set pagination off\nset confirm off\n" + script);
    const auto child = spawn({"gdb-multiarch", "-nx", "-batch", "-x", file, elf},
                             folder_ / "gdb.out", folder_ / "gdb.err");
    EXPECT_EQ(finish(child), 0);
    return read_file(folder_ / "gdb.out") + read_file(folder_ / "gdb.err");
  }
  std::string target() const { return fmt::format("localhost:{}", port()); }
  /// Exit code of the run.
  int ended() { return finish(std::exchange(chip_, -1)); }
  std::string chip_text() {
    return read_file(folder_ / "chip.out") + read_file(folder_ / "chip.err");
  }

  void TearDown() override {
    if (chip_ > 0) {
      kill(chip_, SIGKILL);
      finish(chip_);
    }
  }

 private:
  unsigned port() const { return served_port(folder_ / "chip.out", "gdb at 127.0.0.1:"); }

  TempFolder folder_;
  pid_t chip_ = -1;
};

void expect_all(const std::string& text, const std::vector<std::string>& parts) {
  for (const auto& part : parts) {
    EXPECT_NE(text.find(part), std::string::npos) << "missing: " << part << "\n" << text;
  }
}

TEST_F(Gdb, BreaksInAKernelStepsOverATrapAndContinuesToTheResult) {
  start({app("debug"), "-c", "t16", "--tiles", "2", "3", "2", "3"});
  const auto text = gdb(fmt::format(R"(target remote {}
info threads
break kernel_main
continue
thread
printf "launch at %x\n", launch
set var bias = 7
tbreak debug_trap
continue
printf "total %d at the trap: %d\n", total, $pc == (unsigned)&debug_trap
stepi
printf "cause %d in %d\n", $mcause, $mepc == (unsigned)&debug_trap
set $pc = $mepc + 4
delete
continue
)",
                                    target()),
                        app("debug"));
  expect_all(text, {"tile (2, 3)"});
  SCOPED_TRACE(text);
  expect_all(text, {"Thread 11 hit Breakpoint 1, kernel_main (launch=", "launch at 1fe00",
                    "total 355 at the trap: 1", "cause 2 in 1", "exited normally"});
  EXPECT_EQ(ended(), 0) << chip_text();
}

TEST_F(Gdb, WatchesMemoryAndInterrupts) {
  start({app("debug"), "-c", "t4", "--tiles", "0", "1", "0", "1"});
  const auto text = gdb(fmt::format(R"(target remote {}
set var bias = 7
hbreak kernel_main
continue
watch total
continue
continue
delete
print/x $sp
backtrace
x/2i $pc
tbreak debug_trap
continue
set $pc = $pc + 4
continue
)",
                                    target()),
                        app("debug"));
  expect_all(text, {"Hardware watchpoint", "Old value", "New value", "in add", "exited normally"});
  EXPECT_EQ(ended(), 0) << chip_text();
}

TEST_F(Gdb, ReachesCtlAndItsSymbols) {
  start({app("debug"), "-c", "t4"});
  const auto text = gdb(fmt::format(R"(target extended-remote {}
add-inferior -exec {}
inferior 2
attach 2
info threads
backtrace
monitor cycle
print/x $mhartid
kill inferiors 1 2
)",
                                    target(), Platform::firmware("ctl.elf")),
                        app("debug"));
  expect_all(text, {"ctl (0, 0)", "main", "cycle "});
  EXPECT_NE(ended(), 0);
  expect_all(chip_text(), {"GDB killed the run"});
}

TEST_F(Gdb, StartsFromReset) {
  start({app("debug"), "-c", "t4", "--gdb-reset"});
  const auto text = gdb(fmt::format(R"(target extended-remote {}
info threads
detach
)",
                                    target()),
                        app("debug"));
  expect_all(text, {"held in reset"});
  EXPECT_EQ(ended(), 3) << "nobody led the kernel past its trap";
  expect_all(chip_text(), {"illegal instruction"});
}

TEST_F(Gdb, RefusesAPortInUse) {
  start({app("debug"), "-c", "t4"});
  const auto port = target().substr(target().find(':') + 1);
  const auto other = tessera({"run", app("debug"), "-c", "t4", "--gdb", port});
  EXPECT_EQ(other.code, 2) << other;
  EXPECT_TRUE(other.says("cannot be served")) << other;
  const auto wrong = tessera({"run", app("debug"), "-c", "t4", "--gdb-reset"});
  EXPECT_EQ(wrong.code, 2) << wrong;
}

}  // namespace
}  // namespace tsr::e2e
