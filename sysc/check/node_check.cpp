// SPDX-License-Identifier: Apache-2.0
#include "node_check.hpp"

#include <utility>

namespace tsr::check {

NodeCheck::NodeCheck(const NodeShape& shape, std::function<void()> stop)
    : shape_(shape),
      log_(std::move(stop)),
      core_(log_, shape.node.pack()),
      spm_(shape.spm_bytes),
      read_(log_, spm_),
      write_(log_, spm_),
      compute_(log_, spm_, shape.grid) {}

void NodeCheck::context_write(std::uint64_t, unsigned index, std::uint32_t data) {
  contexts_[index / 128 % 8][index / 16 % 8][index % 16] = data;
}

void NodeCheck::spm_write(std::uint64_t cycle, const SpmWrite& write) {
  if (log_.failed()) return;
  switch (write.writer) {
    case SpmWriter::Rdma:
      return read_.write(cycle, write);
    case SpmWriter::Me:
    case SpmWriter::Ve:
    case SpmWriter::Tdma:
      return compute_.write(cycle, write);
    default:
      return spm_.apply(write);
  }
}

void NodeCheck::command_start(std::uint64_t cycle, const CommandStart& start) {
  if (log_.failed()) return;
  Command command;
  command.engine = start.engine;
  command.words = start.words;
  command.rows = contexts_[start.words[0] >> 8 & 7U];
  command.start = cycle;
  if (start.engine == Engine::Rdma) return read_.start(command);
  if (start.engine == Engine::Wdma) return write_.start(command);
  compute_.start(command);
}

void NodeCheck::command_done(std::uint64_t cycle, const CommandDone& done) {
  if (log_.failed()) return;
  ++commands_;
  if (done.engine == Engine::Rdma) return read_.done(cycle, done);
  if (done.engine == Engine::Wdma) return write_.done(cycle, done);
  compute_.done(cycle, done);
}

void NodeCheck::dma_request(std::uint64_t cycle, const DmaRequest& request) {
  if (log_.failed()) return;
  if (request.engine == Engine::Rdma) return read_.request(cycle, request);
  write_.request(cycle, request);
}

void NodeCheck::dma_response(std::uint64_t cycle, const DmaResponse& response) {
  if (log_.failed()) return;
  if (response.engine == Engine::Rdma) return read_.response(cycle, response);
  write_.response(cycle, response);
}

}  // namespace tsr::check
