// SPDX-License-Identifier: Apache-2.0
/// ELF files: a good one, and every kind of bad one with its message.
#include "elf/elf.hpp"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>

#include "error.hpp"

namespace tsr {
namespace {

/// A small executable: one ITCM and one DTCM segment, symbols kernel_a and kernel_b.
struct Builder {
  Elf32_Ehdr header{};
  Elf32_Phdr segments[2] = {};
  std::uint8_t code[16] = {0x13};
  Elf32_Sym symbols[3] = {};
  char names[32] = "\0kernel_a\0kernel_b\0";
  Elf32_Shdr sections[3] = {};

  static constexpr std::uint32_t kCode = sizeof(Elf32_Ehdr) + 2 * sizeof(Elf32_Phdr);
  static constexpr std::uint32_t kSymbols = kCode + 16;
  static constexpr std::uint32_t kNames = kSymbols + 3 * sizeof(Elf32_Sym);
  static constexpr std::uint32_t kSections = kNames + 32;

  Builder() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS32;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_RISCV;
    header.e_entry = 0x0;
    header.e_phoff = sizeof(Elf32_Ehdr);
    header.e_phentsize = sizeof(Elf32_Phdr);
    header.e_phnum = 2;
    header.e_shoff = kSections;
    header.e_shnum = 3;
    segments[0] = {PT_LOAD, kCode, 0, 0, 16, 16, PF_R | PF_X, 4};
    segments[1] = {PT_LOAD, kCode, 0x10000, 0x10000, 8, 0x400, PF_R | PF_W, 4};
    symbols[1] = {1, 0x0, 8, ELF32_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1};
    symbols[2] = {10, 0x8, 8, ELF32_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1};
    sections[1].sh_type = SHT_SYMTAB;
    sections[1].sh_offset = kSymbols;
    sections[1].sh_size = sizeof(symbols);
    sections[1].sh_link = 2;
    sections[2].sh_type = SHT_STRTAB;
    sections[2].sh_offset = kNames;
    sections[2].sh_size = sizeof(names);
  }

  std::vector<std::uint8_t> bytes() const {
    std::vector<std::uint8_t> out;
    const auto put = [&](const void* data, std::size_t size) {
      const auto* first = static_cast<const std::uint8_t*>(data);
      out.insert(out.end(), first, first + size);
    };
    put(&header, sizeof(header));
    put(segments, sizeof(segments));
    put(code, sizeof(code));
    put(symbols, sizeof(symbols));
    put(names, sizeof(names));
    put(sections, sizeof(sections));
    return out;
  }
};

std::string refusal(const std::vector<std::uint8_t>& bytes) {
  try {
    ElfImage::parse(bytes, "k.elf", 0xfe00);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::BadInput);
    return error.what();
  }
  return "accepted";
}

TEST(PlatformElf, ReadsSegmentsAndSymbols) {
  const auto image = ElfImage::parse(Builder().bytes(), "k.elf");
  ASSERT_EQ(image.segments().size(), 2U);
  EXPECT_EQ(image.segments()[0].bytes[0], 0x13);
  EXPECT_EQ(image.segments()[1].address, 0x10000U);
  EXPECT_EQ(image.segments()[1].memory_bytes, 0x400U);
  EXPECT_EQ(image.symbol("kernel_b"), 8U);
  EXPECT_FALSE(image.symbol("kernel_c"));
  EXPECT_EQ(image.symbols_with_prefix("kernel_"),
            (std::vector<std::string>{"kernel_a", "kernel_b"}));
  EXPECT_EQ(image.describe(0xc), "kernel_b+0x4");
  EXPECT_EQ(image.describe(0x0), "kernel_a");
  EXPECT_EQ(image.describe(0x100), "");
}

TEST(PlatformElf, RefusesWithTheReason) {
  const struct {
    std::function<void(Builder&)> spoil;
    const char* message;
  } cases[] = {
      {[](Builder& b) { b.header.e_ident[1] = 'X'; }, "k.elf: not an ELF file"},
      {[](Builder& b) { b.header.e_ident[EI_CLASS] = ELFCLASS64; }, "k.elf: a 64-bit ELF file"},
      {[](Builder& b) { b.header.e_ident[EI_DATA] = ELFDATA2MSB; }, "k.elf: a big-endian ELF file"},
      {[](Builder& b) { b.header.e_machine = EM_X86_64; },
       "k.elf: built for another machine (e_machine 62)"},
      {[](Builder& b) { b.header.e_type = ET_REL; }, "k.elf: not an executable"},
      {[](Builder& b) { b.header.e_flags = EF_RISCV_RVC; }, "k.elf: uses compressed"},
      {[](Builder& b) { b.header.e_phnum = 0; }, "k.elf: has no program headers"},
      {[](Builder& b) { b.header.e_phoff = 1U << 20; }, "k.elf: truncated: a program header"},
      {[](Builder& b) { b.segments[0].p_offset = 1U << 20; }, "k.elf: truncated: a segment"},
      {[](Builder& b) { b.segments[0].p_offset = ~0U; }, "k.elf: truncated: a segment"},
      {[](Builder& b) { b.segments[1].p_vaddr = 0x80000000; },
       "k.elf: segment 1 at 0x80000000..0x80000400 is outside"},
      {[](Builder& b) { b.segments[1].p_memsz = 0xfe01; },
       "k.elf: segment 1 at 0x10000..0x1fe01 is too large"},
      {[](Builder& b) { b.segments[0].p_memsz = 0x10004; },
       "k.elf: segment 0 at 0x0..0x10004 is too large"},
      {[](Builder& b) { b.segments[0].p_filesz = 17; }, "k.elf: segment 0: more bytes in the file"},
      {[](Builder& b) { b.header.e_entry = 0x10000; }, "k.elf: entry point 0x10000 is not in ITCM"},
      {[](Builder& b) { b.header.e_entry = 2; }, "k.elf: entry point 0x2 is not in ITCM"},
      {[](Builder& b) { b.sections[1].sh_size = 1U << 20; }, "k.elf: truncated: the symbol table"},
      {[](Builder& b) { b.segments[0].p_type = b.segments[1].p_type = PT_NOTE; },
       "k.elf: has no loadable segment"},
  };
  for (const auto& bad : cases) {
    Builder builder;
    bad.spoil(builder);
    const auto message = refusal(builder.bytes());
    EXPECT_EQ(message.rfind(bad.message, 0), 0U) << message << "\n  expected: " << bad.message;
  }
}

TEST(PlatformElf, RefusesEveryTruncation) {
  const auto bytes = Builder().bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(refusal({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}),
              "accepted")
        << size;
  }
}

TEST(PlatformElf, RefusesMissingFilesAndFolders) {
  EXPECT_THROW(ElfImage::load("/nonexistent/k.elf"), InputError);
  EXPECT_THROW(ElfImage::load("/"), InputError);
}

}  // namespace
}  // namespace tsr
