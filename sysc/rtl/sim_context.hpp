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
  /// `traced`: waves will be written; must be known before any model is made.
  SimContext(std::uint64_t seed, bool traced);
  ~SimContext();

  VerilatedContext* context() { return context_.get(); }
  bool traced() const { return fst_ != nullptr; }
  VerilatedFstC& fst() { return *fst_; }

  /// Open the trace file; every model must have been added. Throws InputError if it cannot be
  /// written.
  void open_trace(const std::string& file);
  /// Write the signals' values at a time in picoseconds.
  void dump(std::uint64_t picoseconds);
  void close_trace();
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
