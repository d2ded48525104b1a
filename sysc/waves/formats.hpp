// SPDX-License-Identifier: Apache-2.0
/// How a row of a view is shown: GTKWave's format flags, and for structures the fields that a
/// filter reads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tsr::waves {

/// One field of a filter's input. `path` is relative to the row's signal; empty: the signal itself.
struct Field {
  const char* path;
  unsigned width;  ///< bits, 1..64; the trace must have as many
};

/// A row format. With `fields` the row is the concatenation of a valid bit and the fields, first
/// field highest, and the filter program of the same name turns it into text.
struct Format {
  const char* name;
  const char* flags;  ///< GTKWave's @ line without filter flags
  std::vector<Field> fields;
  /// Text of the fields' values by path; nullptr without fields.
  std::string (*text)(const std::map<std::string, std::uint64_t>& values);
};

/// The format, or nullptr if there is none of that name.
const Format* find_format(std::string_view name);

/// Names of the formats that have a filter.
std::vector<std::string> filter_names();

/// Text of one value of format `name`. `hex` is the value as GTKWave writes it; what is not a
/// hexadecimal number (x, z), or has an unknown format, comes back unchanged. Empty: nothing to
/// show (valid is 0). A leading `?color?` colours the box.
std::string filter_text(std::string_view name, const std::string& hex);

/// RISC-V instruction (RV32IM, Zicsr, Zifencei, machine mode) at `pc`, in the words of objdump.
std::string disassemble(std::uint32_t insn, std::uint32_t pc);

}  // namespace tsr::waves
