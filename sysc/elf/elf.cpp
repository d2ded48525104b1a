// SPDX-License-Identifier: Apache-2.0
#include "elf.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "../error.hpp"

namespace tsr {
namespace {

constexpr std::size_t kMaxFileBytes = 64U << 20;  // debug information included

/// Bounds-checked reader of the file's structures.
class Bytes {
 public:
  Bytes(const std::vector<std::uint8_t>& data, const std::string& name)
      : data_(data), name_(name) {}

  [[noreturn]] void fail(const std::string& message) const {
    throw InputError(fmt::format("{}: {}", name_, message));
  }
  /// `count` bytes at `offset`, or "truncated".
  const std::uint8_t* at(std::uint64_t offset, std::uint64_t count, const char* part) const {
    if (offset > data_.size() || count > data_.size() - offset) {
      fail(fmt::format("truncated: {} needs bytes {}..{}, the file has {}", part, offset,
                       offset + count, data_.size()));
    }
    return data_.data() + offset;
  }
  template <class T>
  T read(std::uint64_t offset, const char* part) const {
    T value;
    std::memcpy(&value, at(offset, sizeof(T), part), sizeof(T));
    return value;
  }

 private:
  const std::vector<std::uint8_t>& data_;
  const std::string& name_;
};

constexpr const char* kMarkSection = ".tessera.marks";

/// Entries of a number (four bytes) and a text that ends with a zero byte.
std::map<std::uint32_t, std::string> read_markers(const std::uint8_t* data, std::size_t size) {
  std::map<std::uint32_t, std::string> markers;
  for (std::size_t at = 0; at + sizeof(std::uint32_t) < size;) {
    std::uint32_t id;
    std::memcpy(&id, data + at, sizeof(id));
    at += sizeof(id);
    const auto* text = reinterpret_cast<const char*>(data + at);
    const std::size_t length = strnlen(text, size - at);
    markers.emplace(id, std::string(text, length));
    at += length + 1;
  }
  return markers;
}

bool inside(std::uint64_t start, std::uint64_t end, std::uint32_t base, std::uint32_t size) {
  return start >= base && end <= std::uint64_t{base} + size;
}

Elf32_Ehdr check_header(const Bytes& file) {
  const auto* ident = file.at(0, EI_NIDENT, "the ELF identification");
  if (std::memcmp(ident, ELFMAG, SELFMAG) != 0) file.fail("not an ELF file (wrong magic number)");
  if (ident[EI_CLASS] != ELFCLASS32) {
    file.fail("a 64-bit ELF file; the cores are 32-bit: compile with -march=rv32im -mabi=ilp32");
  }
  if (ident[EI_DATA] != ELFDATA2LSB)
    file.fail("a big-endian ELF file; the cores are little-endian");
  const auto header = file.read<Elf32_Ehdr>(0, "the ELF header");
  if (header.e_machine != EM_RISCV) {
    file.fail(fmt::format("built for another machine (e_machine {}); RISC-V is {}",
                          header.e_machine, EM_RISCV));
  }
  if (header.e_type != ET_EXEC) {
    file.fail(fmt::format(
        "not an executable (e_type {}): link it with the platform's linker script", header.e_type));
  }
  if ((header.e_flags & (EF_RISCV_RVC | EF_RISCV_RVE | EF_RISCV_FLOAT_ABI)) != 0) {
    file.fail(
        "uses compressed, embedded or floating-point code, which the cores do not have: "
        "compile with -march=rv32im -mabi=ilp32");
  }
  if (header.e_phnum == 0) file.fail("has no program headers: nothing to load");
  if (header.e_phentsize != sizeof(Elf32_Phdr)) file.fail("program headers of an unknown size");
  return header;
}

/// Name of a section, "" if the file has none.
std::string section_name(const Bytes& file, const Elf32_Ehdr& header, const Elf32_Shdr& section) {
  if (header.e_shstrndx >= header.e_shnum) return "";
  const auto names = file.read<Elf32_Shdr>(
      header.e_shoff + std::uint64_t{header.e_shstrndx} * sizeof(Elf32_Shdr), "a section header");
  if (section.sh_name >= names.sh_size) return "";
  const auto* text = file.at(names.sh_offset, names.sh_size, "the section names");
  const auto* first = reinterpret_cast<const char*>(text) + section.sh_name;
  return {first, strnlen(first, names.sh_size - section.sh_name)};
}

}  // namespace

ElfImage ElfImage::load(const std::string& file, std::uint32_t dtcm_limit) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::exists(file, error)) throw InputError(fmt::format("{}: no such file", file));
  if (!fs::is_regular_file(file, error)) throw InputError(fmt::format("{}: not a file", file));
  const auto size = fs::file_size(file, error);
  if (error || size > kMaxFileBytes) {
    throw InputError(fmt::format("{}: {} bytes; a program for the chip has at most {}", file, size,
                                 kMaxFileBytes));
  }
  std::ifstream stream(file, std::ios::binary);
  std::vector<std::uint8_t> bytes(size);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!stream) throw InputError(fmt::format("{}: cannot be read", file));
  return parse(bytes, file, dtcm_limit);
}

ElfImage ElfImage::parse(const std::vector<std::uint8_t>& bytes, const std::string& name,
                         std::uint32_t dtcm_limit) {
  ElfImage image;
  image.name_ = name;
  const Bytes file(bytes, name);
  const auto header = check_header(file);
  image.entry_ = header.e_entry;

  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const auto program =
        file.read<Elf32_Phdr>(header.e_phoff + i * sizeof(Elf32_Phdr), "a program header");
    if (program.p_type != PT_LOAD || program.p_memsz == 0) continue;
    if (program.p_filesz > program.p_memsz) {
      file.fail(fmt::format("segment {}: more bytes in the file than in memory", i));
    }
    // Bytes go to the physical (load) address; where that differs, the start-up code copies them.
    std::uint64_t start = program.p_paddr;
    std::uint64_t end = start + program.p_filesz;
    const bool load_fits =
        inside(start, end, kItcmBase, kItcmBytes) || inside(start, end, kDtcmBase, dtcm_limit);
    if (load_fits) {
      start = program.p_vaddr;
      end = start + program.p_memsz;
    }
    if (!load_fits || (!inside(start, end, kItcmBase, kItcmBytes) &&
                       !inside(start, end, kDtcmBase, dtcm_limit))) {
      const bool itcm = start < kItcmBytes;
      const bool dtcm = start >= kDtcmBase && start < kDtcmBase + kDtcmBytes;
      file.fail(
          fmt::format("segment {} at {:#x}..{:#x} {}: ITCM is {:#x}..{:#x}, DTCM {:#x}..{:#x}", i,
                      start, end, itcm || dtcm ? "is too large" : "is outside the core memories",
                      kItcmBase, kItcmBase + kItcmBytes, kDtcmBase, kDtcmBase + dtcm_limit));
    }
    ElfSegment segment;
    segment.address = program.p_paddr;
    segment.memory_bytes = program.p_memsz;
    const auto* data = file.at(program.p_offset, program.p_filesz, "a segment");
    segment.bytes.assign(data, data + program.p_filesz);
    image.segments_.push_back(std::move(segment));
  }
  if (image.segments_.empty()) file.fail("has no loadable segment");
  if (image.entry_ % 4 != 0 || image.entry_ >= kItcmBytes) {
    file.fail(fmt::format("entry point {:#x} is not in ITCM", image.entry_));
  }

  for (unsigned i = 0; i < header.e_shnum; ++i) {
    const auto section = file.read<Elf32_Shdr>(
        header.e_shoff + std::uint64_t{i} * sizeof(Elf32_Shdr), "a section header");
    if (section.sh_type == SHT_PROGBITS && section_name(file, header, section) == kMarkSection) {
      image.markers_ =
          read_markers(file.at(section.sh_offset, section.sh_size, "the markers"), section.sh_size);
    }
    if (section.sh_type != SHT_SYMTAB) continue;
    if (section.sh_link >= header.e_shnum) file.fail("symbol table without names");
    const auto names = file.read<Elf32_Shdr>(
        header.e_shoff + std::uint64_t{section.sh_link} * sizeof(Elf32_Shdr), "a section header");
    const auto* text = file.at(names.sh_offset, names.sh_size, "the symbol names");
    for (std::uint32_t at = 0; at + sizeof(Elf32_Sym) <= section.sh_size; at += sizeof(Elf32_Sym)) {
      const auto symbol =
          file.read<Elf32_Sym>(std::uint64_t{section.sh_offset} + at, "the symbol table");
      if (symbol.st_name >= names.sh_size || symbol.st_shndx == SHN_UNDEF) continue;
      const auto* first = reinterpret_cast<const char*>(text) + symbol.st_name;
      const std::string symbol_name(first, strnlen(first, names.sh_size - symbol.st_name));
      if (symbol_name.empty()) continue;
      image.symbols_[symbol_name] = {symbol.st_value, symbol.st_size,
                                     ELF32_ST_TYPE(symbol.st_info) == STT_FUNC};
    }
  }
  return image;
}

std::optional<std::uint32_t> ElfImage::symbol(const std::string& name) const {
  const auto found = symbols_.find(name);
  if (found == symbols_.end()) return std::nullopt;
  return found->second.address;
}

std::vector<std::string> ElfImage::symbols_with_prefix(const std::string& prefix) const {
  std::vector<std::string> names;
  for (auto it = symbols_.lower_bound(prefix);
       it != symbols_.end() && it->first.compare(0, prefix.size(), prefix) == 0; ++it) {
    names.push_back(it->first);
  }
  return names;
}

std::string ElfImage::describe(std::uint32_t address) const {
  for (const auto& [name, symbol] : symbols_) {
    if (symbol.function && address >= symbol.address &&
        address < symbol.address + std::max<std::uint32_t>(symbol.size, 4)) {
      return address == symbol.address ? name
                                       : fmt::format("{}+{:#x}", name, address - symbol.address);
    }
  }
  return "";
}

std::vector<ElfFunction> ElfImage::functions() const {
  std::vector<ElfFunction> out;
  for (const auto& [name, symbol] : symbols_) {
    if (symbol.function) {
      out.push_back({symbol.address, std::max<std::uint32_t>(symbol.size, 4), name});
    }
  }
  std::sort(out.begin(), out.end(), [](const ElfFunction& a, const ElfFunction& b) {
    return a.address != b.address ? a.address < b.address : a.name < b.name;
  });
  out.erase(std::unique(
                out.begin(), out.end(),
                [](const ElfFunction& a, const ElfFunction& b) { return a.address == b.address; }),
            out.end());
  // Functions in assembly may come without a size: they reach up to the next one.
  for (std::size_t i = 0; i + 1 < out.size(); ++i) {
    if (out[i].size == 4) out[i].size = std::max(4U, out[i + 1].address - out[i].address);
  }
  return out;
}

}  // namespace tsr
