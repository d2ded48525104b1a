// SPDX-License-Identifier: Apache-2.0
#include "sim_context.hpp"

#include <fmt/format.h>
#include <verilated.h>
#include <verilated_fst_c.h>

#include <fstream>

#include "../error.hpp"

namespace tsr {

SimContext::SimContext(std::uint64_t seed) : context_(std::make_unique<VerilatedContext>()) {
  context_->randReset(2);
  context_->randSeed(static_cast<int>(seed & 0x7fffffff) | 1);
  context_->fatalOnError(false);
  context_->fatalOnVpiError(false);
  context_->traceEverOn(true);
}

SimContext::~SimContext() { close_trace(); }

void SimContext::begin_trace() {
  close_trace();
  fst_ = std::make_unique<VerilatedFstC>();
  fst_->set_time_resolution("1ps");  // its own default is the calling thread's context's: seconds
}

void SimContext::forget_trace() {
  static_cast<void>(fst_.release());  // taking it apart would write
  open_ = false;
}

void SimContext::open_trace(const std::string& file) {
  if (!std::ofstream(file)) {
    throw InputError(fmt::format("{}: the trace file cannot be written", file));
  }
  fst_->open(file.c_str());
  open_ = fst_->isOpen();
  if (!open_) throw InputError(fmt::format("{}: the trace file cannot be written", file));
}

void SimContext::dump(std::uint64_t picoseconds) { fst_->dump(picoseconds); }

void SimContext::close_trace() {
  if (open_) fst_->close();
  open_ = false;
}

int SimContext::error_count() const { return context_->errorCount(); }

void SimContext::bind_thread() { Verilated::threadContextp(context_.get()); }

}  // namespace tsr
