// SPDX-License-Identifier: Apache-2.0
/// The command line: help, exit codes, messages, JSON, waves.
#include <elf.h>
#include <fmt/format.h>
#include <zlib.h>

#include <cstring>

#include "apps/apps_abi.h"
#include "process.hpp"

namespace tsr::e2e {
namespace {

/// A refusal: exit code 2, a message that contains `text`, nothing on standard output.
void expect_refused(const std::vector<std::string>& arguments, const std::string& text) {
  const auto outcome = tessera(arguments, 20);
  std::string line;
  for (const auto& argument : arguments) line += " " + argument;
  SCOPED_TRACE("tessera" + line);
  EXPECT_EQ(outcome.code, 2) << outcome;
  EXPECT_TRUE(outcome.says(text)) << outcome << "\nexpected: " << text;
  EXPECT_EQ(outcome.out, "") << outcome;
}

/// A minimal executable for the tiles: `areas` loadable areas of 64 zero bytes, 128 bytes apart.
std::string small_elf(unsigned areas) {
  Elf32_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS32;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_EXEC;
  header.e_machine = EM_RISCV;
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Elf32_Phdr);
  header.e_phnum = static_cast<Elf32_Half>(areas);
  std::string file(sizeof(header) + areas * sizeof(Elf32_Phdr) + 64, '\0');
  std::memcpy(file.data(), &header, sizeof(header));
  for (unsigned i = 0; i < areas; ++i) {
    Elf32_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_offset = static_cast<Elf32_Off>(file.size() - 64);
    segment.p_vaddr = segment.p_paddr = 128 * i;
    segment.p_filesz = segment.p_memsz = 64;
    std::memcpy(file.data() + sizeof(header) + i * sizeof(segment), &segment, sizeof(segment));
  }
  return file;
}

/// `file` with its ELF header changed.
template <class Change>
std::string with_header(std::string file, Change change) {
  Elf32_Ehdr header;
  std::memcpy(&header, file.data(), sizeof(header));
  change(header);
  std::memcpy(file.data(), &header, sizeof(header));
  return file;
}

TEST(EndToEndCli, HelpOfEverySubcommandTeaches) {
  const struct {
    std::vector<std::string> command;
    std::vector<std::string> words;
  } cases[] = {
      {{}, {"run", "info", "bench", "Exit codes: 0", "tessera run mlp"}},
      {{"run"},
       {"WHAT", "--config", "--seed", "--threads", "--max-cycles", "--trace", "--trace-from",
        "--trace-to", "--vcd", "--json", "--dram-errors", "--dram-error-rate", "--kernel",
        "--tiles", "--arg", "--timeout", "--images", "--dataset", "--weights"}},
      {{"info"}, {"--config", "--json"}},
      {{"bench"}, {"gemm", "conv", "vector", "attention", "context", "layout", "sim"}},
      {{"bench", "gemm"},
       {"--config", "--format", "--format-b", "--m", "--n", "--k", "--scope", "--source", "--order",
        "--repeat", "--json"}},
      {{"bench", "conv"},
       {"--config", "--n", "--h", "--w", "--c", "--k", "--r", "--s", "--stride", "--dilation",
        "--pad", "--groups", "--format", "--repeat", "--json"}},
      {{"bench", "vector"},
       {"--config", "--op", "--list", "--format", "--out", "--len", "--rows", "--json"}},
      {{"bench", "attention"},
       {"--config", "--seq", "--head-dim", "--heads", "--format", "--causal", "--scope", "--json"}},
      {{"bench", "context"}, {"--config", "--json"}},
      {{"bench", "layout"}, {"--config", "--op", "--bytes", "--rows", "--cols", "--json"}},
      {{"bench", "sim"}, {"--config", "--busy", "--json"}},
  };
  for (const auto& help : cases) {
    auto command = help.command;
    command.push_back("--help");
    const auto outcome = tessera(command, 10);
    EXPECT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(outcome.err, "");
    for (const auto& word : help.words) {
      EXPECT_NE(outcome.out.find(word), std::string::npos) << word << "\n" << outcome;
    }
  }
  EXPECT_EQ(tessera({"--version"}).code, 0);
}

TEST(EndToEndCli, BadOptionsAreRefused) {
  const auto elf = app("hello");
  expect_refused({}, "subcommand");
  expect_refused({"fly"}, "fly");
  expect_refused({"run"}, "WHAT");
  expect_refused({"run", "mlq"}, "'mlq' is neither a built-in job (mlp) nor a file");
  expect_refused({"run", "mlp", "--frobnicate"}, "--frobnicate");
  expect_refused({"run", "mlp", "--images", "0"}, "--images");
  expect_refused({"run", "mlp", "--images", "many"}, "--images");
  expect_refused({"run", "mlp", "--images", "10001"}, "--images");
  expect_refused({"run", "mlp", "--threads", "0"}, "--threads");
  expect_refused({"run", "mlp", "--seed", "abc"}, "--seed");
  expect_refused({"run", "mlp", "--max-cycles", "-5"}, "--max-cycles");
  expect_refused({"run", "mlp", "--trace-from", "-1"}, "--trace-from");
  expect_refused({"run", "mlp", "--dram-error-rate", "2"}, "error rate '2'");
  expect_refused({"run", "mlp", "--dram-error-rate", "1e-9,x"}, "error rate '1e-9,x'");
  expect_refused({"run", "mlp", "--dram-errors", "/nonexistent/x"},
                 "/nonexistent/x: cannot be read");
  expect_refused({"run", "mlp", "--trace-from", "9", "--trace-to", "3"}, "--trace-from");
  expect_refused({"run", elf, "-c", "t4", "--tiles", "0", "1"}, "--tiles");
  expect_refused({"run", elf, "-c", "t4", "--arg", "pi"}, "--arg");
  expect_refused({"bench"}, "subcommand");
  expect_refused({"bench", "gemm", "--format", "fp99"}, "--format");
  expect_refused({"bench", "gemm", "--m", "0"}, "--m");
  expect_refused({"bench", "gemm", "--scope", "rack"}, "--scope");
  expect_refused({"bench", "sim", "-c", "t4", "--busy", "5"}, "--busy");
  expect_refused({"info", "--trace", "x"}, "--trace");
}

TEST(EndToEndCli, BadRectanglesOfTilesAreRefused) {
  const auto elf = app("hello");
  expect_refused({"run", elf, "-c", "t4", "--tiles", "0", "0", "1", "1"}, "(0, 0) is no tile");
  expect_refused({"run", elf, "-c", "t4", "--tiles", "0", "1", "0", "3"}, "(0, 3) is no tile");
  expect_refused({"run", elf, "-c", "t4", "--tiles", "1", "2", "0", "1"}, "--tiles");
  expect_refused({"run", elf, "-c", "t4", "--tiles", "0", "1", "9", "9"}, "--tiles");
}

TEST(EndToEndCli, UnwritableOutputFilesAreRefusedBeforeTheRun) {
  const auto elf = app("hello");
  expect_refused({"run", elf, "-c", "t4", "--trace", "/nonexistent/a.fst"}, "/nonexistent/a.fst");
  expect_refused({"run", elf, "-c", "t4", "--vcd", "/nonexistent/a.vcd"}, "/nonexistent/a.vcd");
  expect_refused({"run", elf, "-c", "t4", "--json", "/nonexistent/a.json"}, "/nonexistent/a.json");
  expect_refused({"info", "--json", "/nonexistent/a.json"}, "/nonexistent/a.json");
}

TEST(EndToEndCli, BadProgramsAreRefused) {
  const TempFolder folder;
  const auto hello = read_file(app("hello"));
  const auto refused = [&](const std::string& name, const std::string& content,
                           const std::string& message) {
    const auto file = folder.write(name, content);
    expect_refused({"run", file, "--config", "t4"}, file + ": " + message);
  };
  expect_refused({"run", "./missing.elf"}, "./missing.elf: no such file");
  expect_refused({"run", "/"}, "/: not a file");
  refused("empty.elf", "", "truncated");
  refused("text.elf", "this is not a program", "not an ELF file");
  for (const std::size_t size : {4UL, 20UL, 60UL, 100UL, 2000UL, hello.size() - 1}) {
    refused(fmt::format("cut_{}.elf", size), hello.substr(0, size), "truncated");
  }
  expect_refused({"run", TSR_TESSERA}, "a 64-bit ELF file");
  refused("arm.elf", with_header(hello, [](Elf32_Ehdr& h) { h.e_machine = EM_ARM; }),
          "built for another machine (e_machine 40)");
  refused("big.elf", with_header(hello, [](Elf32_Ehdr& h) { h.e_ident[EI_DATA] = ELFDATA2MSB; }),
          "a big-endian ELF file");
  refused("compressed.elf", with_header(hello, [](Elf32_Ehdr& h) { h.e_flags |= EF_RISCV_RVC; }),
          "uses compressed");
  refused("object.elf", with_header(hello, [](Elf32_Ehdr& h) { h.e_type = ET_REL; }),
          "not an executable");
  refused("entry.elf", with_header(hello, [](Elf32_Ehdr& h) { h.e_entry = 0x10000; }),
          "entry point 0x10000 is not in ITCM");
  std::string large = small_elf(1);
  const std::uint32_t bytes = 0x10040;  // one line more than the instruction memory
  std::memcpy(large.data() + sizeof(Elf32_Ehdr) + offsetof(Elf32_Phdr, p_filesz), &bytes, 4);
  std::memcpy(large.data() + sizeof(Elf32_Ehdr) + offsetof(Elf32_Phdr, p_memsz), &bytes, 4);
  refused("large.elf", large + std::string(bytes, '\0'),
          "segment 0 at 0x0..0x10040 is too large: ITCM is 0x0..0x10000");
}

TEST(EndToEndCli, ProgramsThatNoBootImageHoldsAreRefused) {
  const TempFolder folder;
  const auto file = folder.write("areas.elf", small_elf(20));
  const auto outcome = tessera({"run", file, "--config", "t4", "--json", "-"});
  EXPECT_EQ(outcome.code, 2) << outcome;
  EXPECT_TRUE(outcome.says(file)) << outcome;
  EXPECT_TRUE(outcome.says("separate memory areas; a boot image holds 14")) << outcome;
  EXPECT_EQ(outcome.out, "");
}

TEST(EndToEndCli, ProgramThatDoesNotStartIsAFault) {
  const TempFolder folder;
  const auto outcome =
      tessera({"run", folder.write("zeros.elf", small_elf(1)), "--config", "t4", "--json", "-"});
  EXPECT_EQ(outcome.code, 3) << outcome;
  EXPECT_TRUE(outcome.says("tiles did not start")) << outcome;
  EXPECT_EQ(outcome.json()["exit_code"], 3);
}

TEST(EndToEndCli, BadConfigurationsAreRefused) {
  const TempFolder folder;
  const auto good = read_file(config_folder() + "/t4.toml");
  const auto refused = [&](const std::string& from, const std::string& to,
                           const std::string& message) {
    auto text = good;
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    const auto file = folder.write("bad.toml", text.replace(at, from.size(), to));
    expect_refused({"info", "--config", file}, file + message);
    expect_refused({"run", app("hello"), "--config", file, "--json", "-"}, file + message);
  };
  expect_refused({"run", "mlp", "--config", "t5"}, "configuration 't5': no such file");
  expect_refused({"run", "mlp", "--config", "t5"}, "t16");
  expect_refused({"bench", "gemm", "--config", "./none.toml"}, "./none.toml");
  refused("name = \"t4\"", "name = ", ":");
  refused("\"C.\"", "\"..\"", ": nodes: 0 ctl nodes");
  refused("\"C.\"", "\"CC\"", ": nodes: 2 ctl nodes");
  refused("\"C.\"", "\"C\"", ": nodes: row 1 has 2 nodes");
  refused("\"MM\"", "\"..\"", ": nodes: 0 memory nodes");
  refused("\"MM\"", "\"MM\", \"M.\"", ": nodes: 3 memory nodes");
  refused("\"MM\"", "\"MQ\"", ": nodes: row 3 column 1 is 'Q'");
  refused("capacity_mib = 512", "capacity_mib = 511", ": memory.capacity_mib: 511 MiB cannot");
  refused("capacity_mib = 512", "capacity_mib = 1e9", ": memory.capacity_mib: must be an integer");
  refused("capacity_mib = 512", "capacity_mib = 999999",
          ": memory.capacity_mib: 999999 is outside");
  refused("spm_kib = 256", "spm_kib = 512", ": tile.spm_kib: 512 KiB, but the tile model");
  refused("me = [8, 8]", "me = [16, 16]", ": tile.me: [16, 16], but the tile model");
  refused("cycles_per_bit = 8", "cycles_per_bit = 0", ": uart.cycles_per_bit: 0 is outside");
  refused("[uart]", "[gpu]", ": gpu: unknown key");
  auto text = good;
  const auto file = folder.write(
      "dram.toml", text.replace(text.find("hbm3-6400"), std::strlen("hbm3-6400"), "ddr1"));
  expect_refused({"run", app("hello"), "--config", file},
                 file + ": memory.dram: no profile 'ddr1'");
}

TEST(EndToEndCli, BadDataFilesAreRefused) {
  const TempFolder folder;
  const auto refused = [&](const std::string& option, const std::string& value,
                           const std::string& message) {
    expect_refused({"run", "mlp", "-c", "t4", option, value}, message);
  };
  refused("--dataset", "/nonexistent", "/nonexistent/t10k-images-idx3-ubyte.gz: cannot be opened");
  refused("--weights", "/nonexistent.bin", "/nonexistent.bin: cannot be opened");
  const auto weights = read_file(TSR_DATA_DIR "/mlp.bin");
  ASSERT_GT(weights.size(), 1000U);
  const auto text = folder.write("text.bin", "These are no weights at all.");
  refused("--weights", text, text + ": not a network file");
  const auto cut = folder.write("cut.bin", weights.substr(0, weights.size() - 1));
  refused("--weights", cut, cut + ": truncated");
  const auto none = folder.write("none.bin", weights.substr(0, 8) + std::string(4, '\0'));
  refused("--weights", none, none + ": 0 layers");

  const auto images = folder / "t10k-images-idx3-ubyte.gz";
  folder.write("t10k-images-idx3-ubyte.gz", "not images");
  refused("--dataset", folder / "", "t10k-images-idx3-ubyte.gz: magic number is");
  const auto gz = gzopen(images.c_str(), "wb");
  ASSERT_NE(gz, nullptr);
  gzwrite(gz, "\0\0\x08\x03\0\0\x27\x10\0\0\0\x1c\0\0\0\x1c", 16);
  gzclose(gz);
  refused("--dataset", folder / "", "t10k-images-idx3-ubyte.gz: truncated or damaged");
}

TEST(EndToEndCli, FaultsOnTheChipHaveTheirExitCodes) {
  const auto exits = [](const std::string& name, std::vector<std::string> more, int code,
                        const std::string& message) {
    std::vector<std::string> arguments = {"run", app(name), "-c", "t4", "--json", "-"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto outcome = tessera(arguments);
    EXPECT_EQ(outcome.code, code) << name << ": " << outcome;
    EXPECT_TRUE(outcome.says(message)) << name << ": " << outcome;
    const auto json = outcome.json();
    EXPECT_EQ(json["exit_code"], code) << name;
    EXPECT_NE(json["error"].get<std::string>().find(message), std::string::npos) << name;
  };
  exits("hello", {"--arg", "65536", "0", "1"}, 1, "returned ");
  exits("fault_trap", {"--arg", "1"}, 3, "trap: load access fault (cause 5) at pc 0x");
  exits("bad_opcode", {}, 3, "illegal opcode");
  exits("hang", {"--timeout", "20000"}, 4, "did not finish in time");
  exits("hang", {"--max-cycles", "250000"}, 4, "cycle limit: 250000 cycles");
}

TEST(EndToEndCli, BadBuffersAreRefusedBeforeTheRun) {
  const TempFolder folder;
  const auto refused = [](const char* option, const std::string& value, const char* message) {
    const auto outcome = tessera({"run", app("hello"), "-c", "t4", option, value}, 20);
    EXPECT_EQ(outcome.code, 2) << value << ": " << outcome;
    EXPECT_TRUE(outcome.says(message)) << value << ": " << outcome;
    EXPECT_FALSE(outcome.says("uart|")) << value << ": " << outcome;
  };
  refused("--in", folder / "none.bin", "cannot be read");
  refused("--in", folder.write("empty.bin", ""), "0 bytes; a buffer has 1 byte to 1 GiB");
  for (const char* bad : {"16", "=a.bin", "0=a.bin", "16=", "many=a.bin"}) {
    refused("--out", bad, "expected BYTES=FILE");
  }
  refused("--out", "16=" + (folder / "none/a.bin"), "cannot be written");
}

TEST(EndToEndCli, UnknownKernelIsRefusedWithTheKnownOnes) {
  const auto outcome = tessera({"run", app("hello"), "-c", "t4", "--kernel", "kernel_gone"});
  EXPECT_EQ(outcome.code, 2) << outcome;
  EXPECT_TRUE(outcome.says("no kernel 'kernel_gone'. There is: kernel_main")) << outcome;
}

TEST(EndToEndCli, InfoShowsTheChip) {
  for (const std::string config : {"t4", "t16"}) {
    const auto text = tessera({"info", "--config", config}, 10);
    EXPECT_EQ(text.code, 0) << text;
    for (const char* word : {"C ctl, T tile, M memory", "HBM", "TFLOP/s", "scratchpad"}) {
      EXPECT_NE(text.out.find(word), std::string::npos) << word << "\n" << text;
    }
    const auto json = tessera({"info", "--config", config, "--json", "-"}, 10).json();
    const std::size_t tiles = config == "t4" ? 4 : 16;
    EXPECT_EQ(json["config"], config);
    EXPECT_EQ(json["tiles"].size(), tiles);
    EXPECT_EQ(json["bf16_macs_per_cycle"], 256 * tiles);
    EXPECT_EQ(json["hbm_bytes"], (config == "t4" ? 512ULL : 1024ULL) << 20);
  }
}

TEST(EndToEndCli, JsonIsAloneOnStandardOutputOrInItsFile) {
  const TempFolder folder;
  const auto file = folder / "result.json";
  const std::vector<std::string> arguments = {"run", app("hello"), "-c", "t4", "--arg", "65536"};
  auto to_file = arguments, to_stdout = arguments;
  to_file.insert(to_file.end(), {"--json", file});
  to_stdout.insert(to_stdout.end(), {"--json", "-"});
  const auto first = tessera(to_file);
  ASSERT_EQ(first.code, 0) << first;
  EXPECT_NE(first.out.find("uart| Tessera boot ROM"), std::string::npos) << first;
  EXPECT_EQ(first.err, "");
  const auto second = tessera(to_stdout);
  ASSERT_EQ(second.code, 0) << second;
  auto a = nlohmann::json::parse(read_file(file)), b = second.json();
  for (const char* wall : {"wall_seconds", "cpu_seconds", "total_khz"}) {
    EXPECT_TRUE(a.contains(wall));
    a.erase(wall);
    b.erase(wall);
  }
  for (auto* result : {&a, &b}) result->at("report").erase("command");  // names the file
  EXPECT_EQ(a, b);
}

TEST(EndToEndCli, WavesAreWrittenAndChangeNothing) {
  const TempFolder folder;
  const auto fst = folder / "waves.fst", vcd = folder / "waves.vcd";
  const std::vector<std::string> arguments = {"run",   app("hello"), "-c",     "t4",
                                              "--arg", "65536",      "--json", "-"};
  auto traced = arguments;
  traced.insert(traced.end(),
                {"--trace", fst, "--trace-from", "100000", "--trace-to", "100040", "--vcd", vcd});
  const auto plain = tessera(arguments);
  const auto waves = tessera(traced);
  ASSERT_EQ(plain.code, 0) << plain;
  ASSERT_EQ(waves.code, 0) << waves;
  EXPECT_EQ(plain.json()["total_cycles"], waves.json()["total_cycles"]);
  EXPECT_GT(read_file(fst).size(), 1000U);
  const auto text = read_file(vcd);
  EXPECT_NE(text.find("$enddefinitions"), std::string::npos);
  EXPECT_NE(text.find("#125000000\n"), std::string::npos) << "cycle 100,000 begins at 125 us";
  EXPECT_EQ(text.find("#124998750\n"), std::string::npos) << "cycle 99,999 is before the window";
  EXPECT_EQ(text.find("#125052500\n"), std::string::npos) << "cycle 100,042 is behind the window";
}

TEST(EndToEndCli, VcdAloneIsEnough) {
  const TempFolder folder;
  const auto vcd = folder / "waves.vcd";
  const auto outcome = tessera({"run", app("hang"), "-c", "t4", "--vcd", vcd, "--trace-from",
                                "1000", "--trace-to", "1020", "--max-cycles", "2000"});
  EXPECT_EQ(outcome.code, 4) << outcome;
  const auto text = read_file(vcd);
  EXPECT_NE(text.find("tile_0_1"), std::string::npos);
  EXPECT_NE(text.find("#1250000\n"), std::string::npos) << "also of a run that fails";
}

}  // namespace
}  // namespace tsr::e2e
