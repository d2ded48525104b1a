// SPDX-License-Identifier: Apache-2.0
/// Loader of ELF32 RISC-V executables for the chip's cores: segments for ITCM and DTCM, and
/// symbols.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tsr {

/// Core memories that an image may fill (node-local addresses).
inline constexpr std::uint32_t kItcmBase = 0x0000'0000;
inline constexpr std::uint32_t kItcmBytes = 64 * 1024;
inline constexpr std::uint32_t kDtcmBase = 0x0001'0000;
inline constexpr std::uint32_t kDtcmBytes = 64 * 1024;

/// Bytes to place at a core's address. What the program wants zeroed beyond them (.bss) is cleared
/// by its start-up code, as on any bare-metal target.
struct ElfSegment {
  std::uint32_t address = 0;
  std::vector<std::uint8_t> bytes;  ///< as in the file: what follows up to the memory size is zero
  std::uint32_t memory_bytes = 0;   ///< size in memory, >= bytes.size()
};

/// A function of a program.
struct ElfFunction {
  std::uint32_t address = 0;
  std::uint32_t size = 0;  ///< bytes, at least 4
  std::string name;
};

/// A parsed executable. Every loadable segment lies inside ITCM or DTCM.
class ElfImage {
 public:
  /// Read and check a file. Throws InputError on a missing, truncated or foreign file, and on a
  /// segment outside the core memories or above `dtcm_limit` (end of the DTCM open to programs).
  static ElfImage load(const std::string& file, std::uint32_t dtcm_limit = kDtcmBytes);
  /// As load, from bytes; `name` is only used in messages.
  static ElfImage parse(const std::vector<std::uint8_t>& bytes, const std::string& name,
                        std::uint32_t dtcm_limit = kDtcmBytes);

  const std::string& name() const { return name_; }
  std::uint32_t entry() const { return entry_; }
  const std::vector<ElfSegment>& segments() const { return segments_; }
  /// Address of a symbol, if it exists.
  std::optional<std::uint32_t> symbol(const std::string& name) const;
  /// Names of all symbols that start with `prefix`, sorted.
  std::vector<std::string> symbols_with_prefix(const std::string& prefix) const;
  /// "function+0x12" for an address inside a known function, or an empty string.
  std::string describe(std::uint32_t address) const;
  /// All functions by address; of several at one address the first by name.
  std::vector<ElfFunction> functions() const;
  /// Names of firmware markers by number, as TSR_MARK_BEGIN (runtime/tessera_mark.h) leaves them in
  /// the section .tessera.marks.
  const std::map<std::uint32_t, std::string>& markers() const { return markers_; }

 private:
  struct Symbol {
    std::uint32_t address;
    std::uint32_t size;
    bool function;
  };
  std::string name_;
  std::uint32_t entry_ = 0;
  std::vector<ElfSegment> segments_;
  std::map<std::string, Symbol> symbols_;
  std::map<std::uint32_t, std::string> markers_;
};

}  // namespace tsr
