// SPDX-License-Identifier: Apache-2.0
#include "vector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <stdexcept>

#include "numerics/convert.hpp"
#include "operand.hpp"
#include "tessera_abi.h"
#include "ve/library.hpp"
#include "ve/run.hpp"

namespace tsr::tools {
namespace {

using numerics::ElementFormat;
using ve::PortRole;

/// Inputs of which one row serves all rows: weights and the like.
const std::set<std::string> kShared = {"gamma", "beta", "frequency", "column"};

std::uint32_t fp32_bits(double x) {
  const auto value = static_cast<float>(x);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/// Parameters that follow from the shape.
std::map<std::string, std::uint32_t> parameters(const ve::Program& program, std::uint32_t len) {
  std::map<std::string, std::uint32_t> out;
  for (const auto& param : program.params) {
    if (param.name == "inv_n") out[param.name] = fp32_bits(1.0 / len);
    if (param.name == "n" && program.name == "mul_row_reduce") out[param.name] = len;
  }
  return out;
}

const ve::Definition& find(const std::string& name) {
  try {
    return ve::library(name);
  } catch (const std::invalid_argument& error) {
    throw InputError(fmt::format("--op: {}. `--list` shows what there is", error.what()));
  }
}

/// Compile with the streams in the formats asked for.
ve::Program compile(const VectorOptions& options) {
  const auto& definition = find(options.op);
  const auto in = bench_format(options.format);
  bool blocks = false;  // block scales are an input
  for (const auto& input : definition.inputs) blocks = blocks || input.role == ve::InputRole::Block;
  if (in.mx && !blocks) {
    throw InputError(
        fmt::format("--format {}: '{}' takes no block scales. Name the elements, or "
                    "quantize with --out {}",
                    options.format, options.op, options.format));
  }
  try {
    ve::Formats formats;
    for (const auto& input : definition.inputs) {
      if (input.role == ve::InputRole::Stream) formats[input.name] = ve::StreamFormat(in.element);
      if (input.role == ve::InputRole::Block) {
        formats[input.name] = ve::StreamFormat(ElementFormat::E8m0);
      }
    }
    const ve::Program plain = ve::compile(definition, formats);
    const ve::StreamFormat out = !options.out.empty() ? ve::StreamFormat(options.out)
                                 : blocks             ? ve::StreamFormat(ElementFormat::Bf16)
                                                      : ve::StreamFormat(in.element);
    for (const auto& output : plain.outputs) {
      if (output.role == PortRole::Stream) formats[output.name] = out;
    }
    return ve::compile(definition, formats);
  } catch (const std::invalid_argument& error) {
    throw InputError(fmt::format("'{}' with --format {}{}: {}", options.op, options.format,
                                 options.out.empty() ? "" : " --out " + options.out, error.what()));
  } catch (const ve::CompileError& error) {
    throw InputError(error.what());
  }
}

/// Random element codes of an input.
std::vector<std::uint32_t> make_input(const ve::Port& port, std::size_t count,
                                      std::mt19937_64& rng) {
  std::vector<std::uint32_t> codes(count);
  for (auto& code : codes) {
    if (port.format.format == ElementFormat::E8m0) {
      code = static_cast<std::uint32_t>(123 + rng() % 9);
    } else {
      code = rng() % 16 == 0 ? 0 : random_element(port.format.format, rng);
    }
  }
  return codes;
}

/// How a port's rows lie in its buffer.
struct BufferShape {
  std::size_t rows, elements;
  std::uint32_t flags;
};

BufferShape buffer_shape(PortRole role, const ve::Shape& shape, bool input, bool shared) {
  const std::uint32_t one = input ? TSR_VEC_SHARED | TSR_VEC_PACKED : TSR_VEC_PACKED;
  switch (role) {
    case PortRole::Row:
      return {shape.rows, 1, TSR_VEC_PACKED};
    case PortRole::All:
      return {1, 1, one};
    case PortRole::LanesRow:
      return {shape.rows, engines::kVeLanes, 0};
    case PortRole::LanesAll:
      return {1, engines::kVeLanes, one};
    case PortRole::Block:
    case PortRole::MxScales:
      return {shape.rows, ve::elements(role, shape) / shape.rows, TSR_VEC_PACKED};
    default:
      return {shared ? 1 : shape.rows, shape.cols, shared ? TSR_VEC_SHARED : 0U};
  }
}

/// Whether results in all make sense only for one row.
bool one_row_only(const ve::Program& program) {
  for (const auto* ports : {&program.outputs, &program.temporaries}) {
    for (const auto& port : *ports) {
      if (port.role == PortRole::All || port.role == PortRole::LanesAll) return true;
    }
  }
  return false;
}

/// The program of the options. Throws InputError.
ve::Program program_of(const VectorOptions& options) {
  auto program = compile(options);
  if (options.rows > 1 && one_row_only(program)) {
    throw InputError(fmt::format("'{}' gives one result in all: use --rows 1", options.op));
  }
  return program;
}

/// A buffer in HBM and on the host.
struct Buffer {
  ve::Port port;
  BufferShape shape;
  std::size_t pitch = 0, row_bytes = 0;
  std::uint64_t address = 0;

  /// Pack codes into the buffer's image, or unpack them.
  std::vector<std::uint8_t> pack(const std::vector<std::uint32_t>& codes) const;
  std::vector<std::uint32_t> unpack(const std::vector<std::uint8_t>& bytes) const;
  unsigned bits() const {
    return static_cast<unsigned>(numerics::element_bits(port.format.format));
  }
};

std::vector<std::uint8_t> Buffer::pack(const std::vector<std::uint32_t>& codes) const {
  std::vector<std::uint8_t> out(shape.rows * pitch);
  Matrix row(1, shape.elements, bits());
  for (std::size_t r = 0; r < shape.rows; ++r) {
    for (std::size_t c = 0; c < shape.elements; ++c) row.set(0, c, codes[r * shape.elements + c]);
    std::memcpy(&out[r * pitch], row.bytes.data(), row_bytes);
  }
  return out;
}

std::vector<std::uint32_t> Buffer::unpack(const std::vector<std::uint8_t>& bytes) const {
  std::vector<std::uint32_t> out;
  Matrix row(1, shape.elements, bits());
  for (std::size_t r = 0; r < shape.rows; ++r) {
    std::memcpy(row.bytes.data(), &bytes[r * pitch], row_bytes);
    for (std::size_t c = 0; c < shape.elements; ++c) out.push_back(row.get(0, c));
  }
  return out;
}

/// Buffers of a program by name, and their numbers in the description.
class Buffers {
 public:
  Buffers(Platform& chip, const ve::Program& program, const ve::Shape& shape) {
    for (const auto& port : program.inputs) add(chip, port, shape, TSR_VEC_IN);
    for (const auto& port : program.outputs) add(chip, port, shape, TSR_VEC_OUT);
    for (const auto& port : program.temporaries) add(chip, port, shape, 0);
    if (list_.size() > TSR_VEC_BUFFERS || program.passes.size() > TSR_VEC_PASSES) {
      throw InputError(fmt::format("'{}': {} passes and {} buffers; the kernel has {} and {}",
                                   program.name, program.passes.size(), list_.size(),
                                   TSR_VEC_PASSES, TSR_VEC_BUFFERS));
    }
  }
  const std::vector<Buffer>& list() const { return list_; }
  std::uint8_t number(const std::string& name) const { return number_.at(name); }

 private:
  void add(Platform& chip, const ve::Port& port, const ve::Shape& shape, std::uint32_t flags) {
    Buffer b;
    b.port = port;
    b.shape = buffer_shape(port.role, shape, flags == TSR_VEC_IN, kShared.count(port.name) != 0);
    b.shape.flags |= flags;
    if (b.shape.elements * b.bits() % 8 != 0) {
      throw InputError(
          fmt::format("--len {}: rows of '{}' must fill whole bytes; use an even "
                      "length",
                      shape.cols, port.name));
    }
    b.row_bytes = b.shape.elements * b.bits() / 8;
    b.pitch = (b.shape.flags & TSR_VEC_PACKED) != 0 ? b.row_bytes : (b.row_bytes + 63) / 64 * 64;
    if (flags != 0) b.address = chip.allocate(b.shape.rows * b.pitch);
    number_[port.name] = static_cast<std::uint8_t>(list_.size());
    list_.push_back(b);
  }

  std::vector<Buffer> list_;
  std::map<std::string, std::uint8_t> number_;
};

tsr_vec_program_t describe(const ve::Program& program, const Buffers& buffers,
                           const std::map<std::string, std::uint32_t>& params) {
  tsr_vec_program_t out{};
  out.buffers = static_cast<std::uint32_t>(buffers.list().size());
  out.passes = static_cast<std::uint32_t>(program.passes.size());
  for (std::size_t i = 0; i < buffers.list().size(); ++i) {
    const auto& b = buffers.list()[i];
    out.buffer[i] = {b.address, static_cast<std::uint32_t>(b.pitch),
                     static_cast<std::uint32_t>(b.shape.elements), b.bits(), b.shape.flags};
  }
  std::set<std::string> written;
  for (std::size_t i = 0; i < program.passes.size(); ++i) {
    const auto& pass = program.passes[i];
    auto& to = out.pass[i];
    std::copy(pass.stages.begin(), pass.stages.end(), to.program);
    std::copy(pass.io.begin(), pass.io.end(), to.program + pass.stages.size());
    std::fill(std::begin(to.buffer), std::end(to.buffer), std::uint8_t{TSR_VEC_NONE});
    to.independent = i > 0;
    for (std::size_t p = 0; p < pass.inputs.size(); ++p) {
      to.buffer[p] = buffers.number(pass.inputs[p].name);
      if (written.count(pass.inputs[p].name) != 0) to.independent = 0;
    }
    for (std::size_t p = 0; p < pass.outputs.size(); ++p) {
      to.buffer[3 + p] = buffers.number(pass.outputs[p].name);
      written.insert(pass.outputs[p].name);
    }
    for (const auto& param : pass.params) {
      const auto found = params.find(param.name);
      to.scalar[param.slot] = found == params.end() ? param.bits : found->second;
    }
  }
  return out;
}

/// Elements that a pass walks over.
std::uint64_t pace_elements(ve::Pace pace, const ve::Shape& shape) {
  if (pace == ve::Pace::Row) return shape.rows;
  return shape.rows * (pace == ve::Pace::Lanes ? engines::kVeLanes : shape.cols);
}

}  // namespace

VectorRun run_vector(Session& session, const VectorOptions& options) {
  auto& chip = session.chip();
  const auto program = program_of(options);
  const ve::Shape shape{options.rows, options.len};
  std::mt19937_64 rng(session.options().seed);
  ve::RunInput input;
  input.shape = shape;
  input.params = parameters(program, options.len);
  ve::RunOutput golden;
  try {
    for (const auto& port : program.inputs) {
      const bool shared = kShared.count(port.name) != 0;
      if (shared) input.one_row.insert(port.name);
      input.data[port.name] =
          make_input(port, shared ? shape.cols : ve::elements(port.role, shape), rng);
    }
    golden = ve::run(program, input);
  } catch (const std::invalid_argument& error) {
    throw InputError(fmt::format("{}: --len {} --rows {}: {}", options.op, options.len,
                                 options.rows, error.what()));
  }

  session.begin("copy data to HBM");
  const Buffers buffers(chip, program, shape);
  for (const auto& b : buffers.list()) {
    if ((b.shape.flags & TSR_VEC_IN) == 0) continue;
    const auto bytes = b.pack(input.data.at(b.port.name));
    chip.write(b.address, bytes.data(), bytes.size());
  }
  const auto description = describe(program, buffers, input.params);
  tsr_vec_args_t args{};
  args.program = chip.allocate(sizeof(description));
  chip.write(args.program, &description, sizeof(description));
  args.rows = options.rows;
  args.repeat = options.repeat;
  session.end();

  VectorRun run;
  const auto what =
      fmt::format("{} {} {}x{}", options.op, options.format, options.rows, options.len);
  session.begin(what);
  run.launch_cycles = run_kernel(session, "kernel_vector", first_tile(chip), &args, sizeof(args),
                                 what, "Take fewer rows, or a smaller length")
                          .cycles;
  session.end();
  run.attribution = read_attribution(chip, {chip.config().tiles.front()});
  run.cycles = run.attribution.window;
  run.passes = program.passes.size();
  run.groups = golden.groups;
  for (const auto& pass : program.passes) run.elements += pace_elements(pass.pace, shape);

  for (const auto& b : buffers.list()) {
    if ((b.shape.flags & TSR_VEC_OUT) != 0) {
      std::vector<std::uint8_t> bytes(b.shape.rows * b.pitch);
      chip.read(b.address, bytes.data(), bytes.size());
      const auto got = b.unpack(bytes);
      const auto& want = golden.data.at(b.port.name);
      for (std::size_t i = 0; i < want.size(); ++i) run.mismatches += got[i] != want[i];
    }
    if (b.address != 0) chip.free(b.address);
  }
  chip.free(args.program);
  return run;
}

int run_vector_bench(const SessionOptions& session_options, const VectorOptions& options) {
  program_of(options);  // mistakes are refused before the chip is built
  Session session(session_options);
  session.begin("boot");
  session.chip().load();
  session.end();
  const auto run = run_vector(session, options);
  auto twice = options;
  twice.repeat *= 2;
  const auto longer = run_vector(session, twice);
  const auto cycles = static_cast<double>(run.cycles);
  const auto elements = static_cast<double>(run.elements * options.repeat);
  const double rate = elements / cycles;
  const double utilization = rate / engines::kVeLanes;
  // What each repetition more costs: without the start, in which the core writes the contexts.
  const double steady = (static_cast<double>(longer.cycles) - cycles) / options.repeat;
  const double steady_utilization =
      static_cast<double>(run.elements) / (engines::kVeLanes * steady);
  run.attribution.print(session);
  session.line(
      fmt::format("\ncycles       {} from the first command to the last, {} with the launch",
                  run.cycles, run.launch_cycles));
  session.line(fmt::format("passes       {}, {} times; {:.1f} cycles each", run.passes,
                           options.repeat,
                           cycles / static_cast<double>(run.passes * options.repeat)));
  session.line(fmt::format("rate         {:.2f} elements a cycle and pass, {:.1f} % of {}", rate,
                           100 * utilization, engines::kVeLanes));
  session.line(fmt::format("steady       {:.1f} cycles a pass, {:.1f} % of {}, once all runs",
                           steady / static_cast<double>(run.passes), 100 * steady_utilization,
                           engines::kVeLanes));
  auto& json = session.result;
  json["op"] = options.op;
  json["format"] = options.format;
  if (!options.out.empty()) json["out"] = options.out;
  json["len"] = options.len;
  json["rows"] = options.rows;
  json["repeat"] = options.repeat;
  json["passes"] = run.passes;
  json["cycles"] = run.cycles;
  json["elements"] = run.elements * options.repeat;
  json["elements_per_cycle"] = rate;
  json["utilization"] = utilization;
  json["steady_cycles"] = steady;
  json["steady_utilization"] = steady_utilization;
  json["launch_cycles"] = run.launch_cycles;
  json["attribution"] = run.attribution.json();
  return conclude(session, run.mismatches + longer.mismatches);
}

void list_expressions() {
  for (const auto& definition : ve::library()) {
    std::string inputs;
    for (const auto& input : definition.inputs) {
      static const char* const kRoles[] = {"", " a row", " in all", " a block"};
      inputs += fmt::format("{}{}{}{}", inputs.empty() ? "" : ", ", input.name,
                            kRoles[static_cast<int>(input.role)], input.integer ? " (int)" : "");
    }
    const auto line = definition.comment.substr(0, definition.comment.find('\n'));
    fmt::print("{:<18} {:<32} {}\n", definition.name, inputs, line);
  }
}

}  // namespace tsr::tools
