// SPDX-License-Identifier: Apache-2.0
/// An unmodified openocd at the chip's JTAG port, and a gdb-multiarch at openocd.
#include <fmt/format.h>

#include <csignal>

#include "process.hpp"

namespace tsr::e2e {
namespace {

/// `tessera run ... --jtag 0` in the background, and an openocd with the shipped configuration.
class OpenOcd : public ::testing::Test {
 protected:
  void start(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {TSR_TESSERA, "run", app("debug"), "-c", "t4",     "--tiles",
                                      "0",         "1",   "0",          "1",  "--jtag", "0"};
    words.insert(words.end(), more.begin(), more.end());
    chip_ = spawn(words, folder_ / "chip.out", folder_ / "chip.err");
    ASSERT_TRUE(await([this] { return port() != 0; })) << chip_text();
  }

  /// Start openocd; `script` is Tcl that follows the configuration.
  void openocd(const std::string& script) {
    // Tells what a command printed, or why it failed.
    const std::string tell =
        "proc tell {args} { catch {capture $args} text; echo \"$args: [string trim $text]\" }\n";
    const auto ports = std::string("tcl_port disabled; telnet_port disabled; gdb_port 0");
    openocd_ = spawn({"openocd", "-c", fmt::format("set JTAG_PORT {}", port()), "-c", ports, "-f",
                      TSR_OPENOCD_CONFIG, "-f", folder_.write("script.tcl", tell + script)},
                     folder_ / "openocd.out", folder_ / "openocd.err");
  }
  std::string openocd_text() {
    return read_file(folder_ / "openocd.out") + read_file(folder_ / "openocd.err");
  }
  /// Exit code of openocd, which ends by itself or by `signal`.
  int openocd_ended(int signal = 0) {
    if (signal != 0) kill(openocd_, signal);
    return finish(std::exchange(openocd_, -1));
  }
  /// Ports of GDB servers, in the order of the cores.
  std::vector<unsigned> gdb_ports() {
    std::vector<unsigned> ports;
    const std::string text = openocd_text(), mark = "Listening on port ";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
      ports.push_back(static_cast<unsigned>(std::stoul(text.substr(at + mark.size()))));
    }
    return ports;
  }
  int ended() { return finish(std::exchange(chip_, -1)); }
  std::string chip_text() {
    return read_file(folder_ / "chip.out") + read_file(folder_ / "chip.err");
  }

  void TearDown() override {
    for (const pid_t child : {openocd_, chip_}) {
      if (child <= 0) continue;
      kill(child, SIGKILL);
      finish(child);
    }
  }

  unsigned port() const { return served_port(folder_ / "chip.out", "jtag at 127.0.0.1:"); }

  TempFolder folder_;
  pid_t chip_ = -1, openocd_ = -1;
};

void expect_all(const std::string& text, const std::vector<std::string>& parts) {
  for (const auto& part : parts) {
    EXPECT_NE(text.find(part), std::string::npos) << "missing: " << part << "\n" << text;
  }
}

/// Sum of 1 to 10 in a0, then a store of it to the scratchpad.
constexpr std::uint32_t kProgram[] = {
    0x00000513,  // 00: li a0, 0
    0x00a00593,  // 04: li a1, 10
    0x00b50533,  // 08: add a0, a0, a1
    0xfff58593,  // 0c: addi a1, a1, -1
    0xfe059ce3,  // 10: bnez a1, 08
    0x01000637,  // 14: lui a2, 0x1000
    0x20a62023,  // 18: sw a0, 0x200(a2)
    0x00100073,  // 1c: ebreak
};

TEST_F(OpenOcd, ExaminesHaltsStepsAndRunsAProgramOfItsOwn) {
  ASSERT_NO_FATAL_FAILURE(start());
  const auto image = folder_.write(
      "image.bin", std::string(reinterpret_cast<const char*>(kProgram), sizeof(kProgram)));
  openocd(fmt::format(R"(targets tessera.tile2
tell reg mhartid
tell reg a0 0x12345678
tell reg a0
tell reg dscratch0
mww 0x01000100 0xcafe1234
mwb 0x01000101 0x55
mwh 0x01000106 0xabcd
tell mdw 0x01000100 2
tell mdb 0x01000103
tell mdw 0x00400000
load_image {} 0x8000 bin
tell mdw 0x8000 2
reg pc 0x8000
step
step
tell reg pc
bp 0x8010 4 hw
resume
wait_halt 30000
tell reg pc
tell reg a1
rbp 0x8010
wp 0x01000200 4 w
resume
wait_halt 30000
tell reg pc
rwp 0x01000200
resume
wait_halt 30000
tell reg pc
tell reg a0
tell reg dcsr
tell mdw 0x01000200
reset halt
tell reg pc
targets tessera.tile4
tell reg mhartid
resume
after 200
tell tessera.tile4 curstate
targets tessera.ctl
halt
tell reg mhartid
resume
echo [lsort [lmap core [target names] {{$core curstate}}]]
shutdown
)",
                      image));
  EXPECT_EQ(openocd_ended(), 0);
  const auto text = openocd_text();
  SCOPED_TRACE(text);
  EXPECT_EQ(text.find("Unable"), std::string::npos);
  expect_all(text, {"Examined RISC-V core; found 5 harts", "hart 4: XLEN=32, misa=0x40001100",
                    "Found 4 triggers", "reg mhartid: mhartid (/32): 0x00000041",
                    "reg a0: a0 (/32): 0x12345678", "0x01000100: cafe5534 abcd", "0x01000103: ca",
                    "0x00008000: 00000513 00a00593", "reg pc: pc (/32): 0x00008008",
                    "reg pc: pc (/32): 0x00008010", "reg a1: a1 (/32): 0x00000009",
                    "reg pc: pc (/32): 0x00008018", "reg pc: pc (/32): 0x0000801c",
                    "reg a0: a0 (/32): 0x00000037", "0x01000200: 00000037",
                    "reg pc: pc (/32): 0x00000000", "reg mhartid: mhartid (/32): 0x00000081",
                    "tessera.tile4 curstate: running", "reg mhartid: mhartid (/32): 0x00000000"});
  // 0x40000040: version 4, cause 1 (ebreak).
  expect_all(text, {"reg dcsr: dcsr (/32): 0x4000"});
}

// GDB does not let openocd step but sets breakpoints behind the next instruction; a trap needs
// openocd's own step. debug_trap is no instruction, so a software breakpoint would not know its
// size.
TEST_F(OpenOcd, ServesAGdbThatLeadsTheJobToItsResult) {
  ASSERT_NO_FATAL_FAILURE(start());
  openocd("");
  ASSERT_TRUE(await([this] { return gdb_ports().size() == 5; })) << openocd_text();
  const auto script = folder_.write("script.gdb", fmt::format(R"(set pagination off
set confirm off
set remotetimeout 100
target extended-remote localhost:{}
set var bias = 7
hbreak kernel_main
continue
delete
stepi
stepi
printf "stepped %d\n", $pc - (unsigned)&kernel_main
watch total
continue
delete
break add
continue
delete
hbreak debug_trap
continue
delete
printf "total %d at the trap: %d\n", total, $pc == (unsigned)&debug_trap
backtrace
monitor step
maintenance flush register-cache
printf "cause %d in %d\n", $mcause, $mepc == (unsigned)&debug_trap
set $pc = $mepc + 4
stepi
monitor resume
)",
                                                              gdb_ports().at(1)));
  const auto child = spawn({"gdb-multiarch", "-nx", "-batch", "-x", script, app("debug")},
                           folder_ / "gdb.out", folder_ / "gdb.err");
  const int code = finish(child);
  const auto text = read_file(folder_ / "gdb.out") + read_file(folder_ / "gdb.err");
  SCOPED_TRACE(text + openocd_text());
  ASSERT_EQ(code, 0);
  expect_all(text,
             {"Breakpoint 1, kernel_main (launch=0x1fe00)", "stepped 8",
              "Hardware watchpoint 2: total", "New value = 7", "Breakpoint 3, add (n=n@entry=1)",
              "total 355 at the trap: 1", "in main ()", "cause 2 in 1"});
  ASSERT_TRUE(await([this] { return chip_text().find("from launch") != std::string::npos; }));
  openocd_ended(SIGTERM);
  EXPECT_EQ(ended(), 0) << chip_text();
}

TEST_F(OpenOcd, FindsALockedChipLocked) {
  ASSERT_NO_FATAL_FAILURE(start({"--jtag-locked"}));
  openocd("tell mdw 0\nshutdown\n");
  openocd_ended();
  const auto text = openocd_text();
  SCOPED_TRACE(text);
  expect_all(text, {"tap/device found: 0x17e55001", "Debugger is not authenticated"});
  EXPECT_EQ(text.find("0x00000000:"), std::string::npos) << "it reads no memory";
  EXPECT_EQ(ended(), 3) << "nobody led the kernel past its trap";
}

TEST_F(OpenOcd, IsRefusedWithWrongOptions) {
  const auto alone = tessera({"run", app("debug"), "-c", "t4", "--jtag-locked"});
  EXPECT_EQ(alone.code, 2) << alone;
  EXPECT_TRUE(alone.says("needs --jtag")) << alone;
}

}  // namespace
}  // namespace tsr::e2e
