// SPDX-License-Identifier: Apache-2.0
/// The Verilator context that all models of a platform share, and its trace file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

class VerilatedContext;
class VerilatedFstC;

namespace tsr {

/// Owner of VerilatedContext and of the FST writer.
class SimContext {
 public:
  /// Waves may be asked for at any time; that alone costs nothing.
  explicit SimContext(std::uint64_t seed);
  ~SimContext();

  VerilatedContext* context() { return context_.get(); }
  VerilatedFstC& fst() { return *fst_; }

  /// Start a new trace, which the models are then added to.
  void begin_trace();
  /// Open the trace file; every model must have been added. Throws InputError if it cannot be
  /// written.
  void open_trace(const std::string& file);
  /// Write the signals' values at a time in picoseconds.
  void dump(std::uint64_t picoseconds);
  void close_trace();
  /// In a forked copy of the process: the trace under way is the parent's.
  void forget_trace();
  /// Number of $error/$fatal messages of the models.
  int error_count() const;
  /// Make this context the calling thread's own.
  void bind_thread();

 private:
  std::unique_ptr<VerilatedContext> context_;
  std::unique_ptr<VerilatedFstC> fst_;
  bool open_ = false;
};

}  // namespace tsr
