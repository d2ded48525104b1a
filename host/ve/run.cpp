// SPDX-License-Identifier: Apache-2.0
#include "ve/run.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace tsr::ve {

namespace {

constexpr std::size_t kBeat = 64;
constexpr std::size_t kBlock = 32;

std::size_t bits_of(const Port& port) {
  return static_cast<std::size_t>(numerics::element_bits(port.format.format));
}

/// How a port's elements lie: `rows` runs of `count` elements.
struct Layout {
  std::size_t rows;
  std::size_t count;
};

Layout layout(const Port& port, const Shape& shape) {
  switch (port.role) {
    case PortRole::Stream:
      return {shape.rows, shape.cols};
    case PortRole::Row:
      return {1, shape.rows};
    case PortRole::All:
      return {1, 1};
    case PortRole::LanesRow:
      return {shape.rows, engines::kVeLanes};
    case PortRole::LanesAll:
      return {1, engines::kVeLanes};
    default:
      break;
  }
  if (shape.cols % kBlock != 0) {
    throw std::invalid_argument("'" + port.name + "': rows must be whole blocks of 32 elements");
  }
  return {shape.rows, shape.cols / kBlock};
}

std::size_t row_bytes(const Port& port, const Layout& lay) {
  const std::size_t bits = lay.count * bits_of(port);
  if (bits % 8 != 0) throw std::invalid_argument("'" + port.name + "': a row ends within a byte");
  return bits / 8;
}

}  // namespace

std::size_t elements(PortRole role, const Shape& shape) {
  const Layout lay = layout({"", false, role, {}}, shape);
  return lay.rows * lay.count;
}

std::uint32_t packed_pitch(const Port& port, const Shape& shape) {
  const std::size_t bytes = row_bytes(port, layout(port, shape));
  return static_cast<std::uint32_t>((bytes + 7) / 8 * 8);
}

engines::AguBuilder stream_agu(const Port& port, const Shape& shape, std::uint32_t pitch) {
  const Layout lay = layout(port, shape);
  const std::size_t bytes = row_bytes(port, lay);
  engines::AguBuilder agu;
  agu.w = 8;
  agu.loops = {{static_cast<std::uint32_t>((bytes + kBeat - 1) / kBeat), kBeat}};
  if (lay.rows > 1) {
    agu.loops.push_back({static_cast<std::uint32_t>(lay.rows), static_cast<std::int32_t>(pitch)});
  }
  agu.edge_bytes(0, bytes, kBeat);
  if (const char* error = agu.error()) {
    throw std::invalid_argument("'" + port.name + "': " + error);
  }
  return agu;
}

engines::VeContext context(const Pass& pass, const Shape& shape,
                           const std::set<std::string>& one_row) {
  engines::VeContext out;
  out.stages = pass.stages;
  out.io = pass.io;
  for (std::size_t i = 0; i < pass.inputs.size(); ++i) {
    const Port& port = pass.inputs[i];
    const bool shared = !port.temporary && one_row.count(port.name) != 0;
    out.in[i] = stream_agu(port, shape, shared ? 0 : packed_pitch(port, shape)).row();
  }
  for (std::size_t i = 0; i < pass.outputs.size(); ++i) {
    const Port& port = pass.outputs[i];
    out.out[i] = stream_agu(port, shape, packed_pitch(port, shape)).row();
  }
  return out;
}

namespace {

/// Buffers of a run.
class Memory {
 public:
  Memory(const Shape& shape) : shape_(shape) {}

  std::uint32_t place(const Port& port) {
    const auto found = base_.find(port.name);
    if (found != base_.end()) return found->second;
    const Layout lay = layout(port, shape_);
    const std::size_t bytes = lay.rows * packed_pitch(port, shape_);
    const auto base = static_cast<std::uint32_t>(spm_.size());
    spm_.resize(spm_.size() + (bytes + kBeat - 1) / kBeat * kBeat);
    if (spm_.size() > engines::kSpmAddressMask) {
      throw std::invalid_argument("the tensors do not fit 4 MiB");
    }
    base_[port.name] = base;
    return base;
  }

  void write(const Port& port, const std::vector<std::uint32_t>& codes, bool one_row) {
    Layout lay = layout(port, shape_);
    if (one_row) lay.rows = 1;
    if (codes.size() != lay.rows * lay.count) {
      throw std::invalid_argument("'" + port.name + "' needs " +
                                  std::to_string(lay.rows * lay.count) + " elements, not " +
                                  std::to_string(codes.size()));
    }
    const std::uint32_t base = place(port);
    for (std::size_t i = 0; i < codes.size(); ++i) element(port, base, lay, i, &codes[i]);
  }

  std::vector<std::uint32_t> read(const Port& port) {
    const Layout lay = layout(port, shape_);
    std::vector<std::uint32_t> codes(lay.rows * lay.count);
    const std::uint32_t base = place(port);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = element(port, base, lay, i, nullptr);
    return codes;
  }

  std::vector<std::uint8_t>& spm() { return spm_; }

 private:
  /// Write or read element `i`.
  std::uint32_t element(const Port& port, std::uint32_t base, const Layout& lay, std::size_t i,
                        const std::uint32_t* code) {
    const std::size_t bits = bits_of(port);
    const std::size_t bit = i % lay.count * bits;
    const std::size_t at = base + i / lay.count * packed_pitch(port, shape_) + bit / 8;
    if (bits == 4) {
      const unsigned shift = bit % 8;
      if (code != nullptr) {
        spm_[at] = static_cast<std::uint8_t>((spm_[at] & ~(15U << shift)) | (*code & 15) << shift);
      }
      return (spm_[at] >> shift) & 15;
    }
    std::uint32_t value = 0;
    for (std::size_t b = 0; b < bits / 8; ++b) {
      if (code != nullptr) spm_[at + b] = static_cast<std::uint8_t>(*code >> (8 * b));
      value |= static_cast<std::uint32_t>(spm_[at + b]) << (8 * b);
    }
    return value;
  }

  Shape shape_;
  std::vector<std::uint8_t> spm_;
  std::map<std::string, std::uint32_t> base_;
};

}  // namespace

RunOutput run(const Program& program, const RunInput& input) {
  Memory memory(input.shape);
  for (const Port& port : program.inputs) {
    const auto found = input.data.find(port.name);
    if (found == input.data.end()) {
      throw std::invalid_argument("no data for input '" + port.name + "'");
    }
    memory.write(port, found->second, input.one_row.count(port.name) != 0);
  }
  RunOutput out;
  for (const Pass& pass : program.passes) {
    engines::VeCommand command;
    for (std::size_t i = 0; i < pass.inputs.size(); ++i) {
      command.base[i] = memory.place(pass.inputs[i]);
    }
    for (std::size_t i = 0; i < pass.outputs.size(); ++i) {
      command.base[3 + i] = memory.place(pass.outputs[i]);
    }
    for (const ParamSlot& param : pass.params) {
      const auto found = input.params.find(param.name);
      command.constant.at(param.slot) = found == input.params.end() ? param.bits : found->second;
    }
    const engines::VeResult result =
        ve_run(context(pass, input.shape, input.one_row), command, memory.spm(), {}, input.masks);
    if (result.error != engines::CmdError::Ok) {
      throw std::runtime_error("'" + program.name + "': a pass failed with command error " +
                               std::to_string(static_cast<int>(result.error)));
    }
    ve_apply(result, memory.spm());
    out.groups += result.groups;
  }
  for (const Port& port : program.outputs) out.data[port.name] = memory.read(port);
  return out;
}

std::vector<std::uint32_t> encode(ElementFormat format, const std::vector<double>& values) {
  std::vector<std::uint32_t> out;
  out.reserve(values.size());
  for (const double x : values) {
    if (numerics::is_integer(format)) {
      out.push_back(numerics::store_element(
          format, static_cast<std::uint32_t>(static_cast<std::int64_t>(std::nearbyint(x))),
          {true}));
    } else {
      out.push_back(numerics::store_element(format, numerics::bits_of(static_cast<float>(x))));
    }
  }
  return out;
}

std::vector<double> decode(ElementFormat format, const std::vector<std::uint32_t>& codes) {
  std::vector<double> out;
  out.reserve(codes.size());
  for (const std::uint32_t code : codes) {
    const std::uint32_t word = numerics::load_element(format, code);
    out.push_back(numerics::is_integer(format)
                      ? static_cast<double>(static_cast<std::int32_t>(word))
                      : static_cast<double>(numerics::float_of(word)));
  }
  return out;
}

}  // namespace tsr::ve
