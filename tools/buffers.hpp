// SPDX-License-Identifier: Apache-2.0
/// Files as a kernel's input and output: `tessera run FILE.elf --in A.bin --out 4096=B.bin`.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "tessera/host.hpp"

namespace tsr::tools {

/// HBM buffers of a launch. The kernel finds them as tsr_buffer_t in front of its other argument
/// words: inputs first, then outputs, each in the order of the command line.
class Buffers {
 public:
  /// Declare the options.
  void add_to(CLI::App& app);
  /// Read the input files and check the output options, before the chip is built. Throws
  /// InputError.
  void load();
  /// Allocate the buffers, write the inputs, clear the outputs; returns the argument words.
  std::vector<std::uint32_t> place(Platform& chip);
  /// Write the output files. Throws InputError.
  void save(Platform& chip) const;

 private:
  struct Buffer {
    std::string file;
    std::vector<std::uint8_t> data;  ///< inputs: contents; outputs: zeros
    std::uint64_t address = 0;
  };

  std::vector<std::string> in_files_, out_texts_;
  std::vector<Buffer> in_, out_;
};

}  // namespace tsr::tools
