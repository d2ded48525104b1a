// SPDX-License-Identifier: Apache-2.0
#include "ve/compiler.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "ve/fit.hpp"
#include "ve/split.hpp"

namespace tsr::ve {

namespace {

using engines::VeConfig;
using engines::VeInPort;
using engines::VeOperand;
using engines::VeOutPort;
using engines::VeRed;
using engines::VeSrc;
using engines::VeStage;

constexpr unsigned kAllLoop = 5;

struct ModeName {
  const char* name;
  Rounding mode;
};
constexpr ModeName kModes[] = {{"nearest", Rounding::NearestEven},
                               {"zero", Rounding::TowardZero},
                               {"up", Rounding::Up},
                               {"down", Rounding::Down},
                               {"stochastic", Rounding::Stochastic}};

PortRole role_of(Rate rate) {
  switch (rate) {
    case Rate::All:
      return PortRole::All;
    case Rate::Row:
      return PortRole::Row;
    case Rate::LanesAll:
      return PortRole::LanesAll;
    case Rate::LanesRow:
      return PortRole::LanesRow;
    default:
      return PortRole::Stream;
  }
}

PortRole role_of(InputRole role) {
  switch (role) {
    case InputRole::Row:
      return PortRole::Row;
    case InputRole::All:
      return PortRole::All;
    case InputRole::Block:
      return PortRole::Block;
    default:
      return PortRole::Stream;
  }
}

/// Turns plans into context rows.
class Emitter {
 public:
  Emitter(const Graph& graph, const Formats& formats, const CompileOptions& options)
      : graph_(graph), formats_(formats), options_(options) {}

  Port input_port(const InputDecl& decl) const {
    const StreamFormat format = format_of(decl.name, decl.integer);
    check(decl.name, !format.mx,
          "MX is for outputs; an input has elements, and scales as 'scalar(block)'");
    check(decl.name, !decl.integer || numerics::is_integer(format.format),
          "is an integer stream, so its format must be an integer one");
    check(decl.name, !format.chain || decl.role == InputRole::Stream,
          "only a stream can be chained");
    return {decl.name, false, role_of(decl.role), format};
  }

  Port output_port(const Output& output) const {
    const Node& node = graph_.nodes[output.node];
    const bool integer = output.type != Type::Real;
    const StreamFormat format = format_of(output.name, integer);
    check(output.name, !format.mx || (numerics::is_mx(format.format) && node.rate == Rate::Full),
          "an MX output is a stream of FP8, FP6, FP4 or INT8 elements");
    check(output.name, !format.mx || !integer, "MX quantizes reals, not integers");
    check(output.name, !format.chain || node.rate == Rate::Full, "only a stream can be chained");
    return {output.name, false, role_of(node.rate), format};
  }

  /// Later passes may read the output instead of a temporary.
  bool lossless(const Output& output) const {
    const Port port = output_port(output);
    const bool integer = output.type != Type::Real;
    return !port.format.mx && !port.format.chain &&
           integer == (graph_.nodes[output.node].type != Type::Real) &&
           port.format.format == (integer ? ElementFormat::Int32 : ElementFormat::Fp32);
  }

  /// Where passes find the value of a node.
  void name_stored(const Split& split) {
    unsigned number = 0;
    for (const PassPlan& plan : split.passes) {
      for (const Item& item : plan.items) {
        if (item.output >= 0) {
          const Output& output = graph_.outputs[item.output];
          if (lossless(output)) stored_.emplace(item.node, output_port(output));
          continue;
        }
        if (stored_.count(item.node) != 0) continue;
        const Node& node = graph_.nodes[item.node];
        std::string name = node.name.empty() ? "t" + std::to_string(number++) : node.name;
        while (taken(name)) name += "_";
        const ElementFormat format =
            node.type == Type::Real ? ElementFormat::Fp32 : ElementFormat::Int32;
        stored_.emplace(item.node, Port{name, true, role_of(node.rate), format});
      }
    }
  }

  std::vector<Port> temporaries() const {
    std::vector<Port> out;
    for (const auto& entry : stored_) {
      if (entry.second.temporary) out.push_back(entry.second);
    }
    return out;
  }

  Pass emit(const PassPlan& plan) const;

 private:
  static void check(const std::string& name, bool holds, const char* message) {
    if (!holds) throw std::invalid_argument("stream '" + name + "': " + message);
  }

  StreamFormat format_of(const std::string& name, bool integer) const {
    const auto found = formats_.find(name);
    if (found != formats_.end()) return found->second;
    return integer ? ElementFormat::Int32 : ElementFormat::Fp32;
  }

  bool taken(const std::string& name) const {
    for (const InputDecl& decl : graph_.inputs) {
      if (decl.name == name) return true;
    }
    for (const Output& output : graph_.outputs) {
      if (output.name == name) return true;
    }
    for (const auto& entry : stored_) {
      if (entry.second.name == name) return true;
    }
    return false;
  }

  unsigned loop_number(Loop loop, const PassPlan& plan) const {
    if (loop == Loop::All) return kAllLoop;
    return is_lanes(plan.pace) ? 0 : options_.row_loop;
  }

  void constants(const PassPlan& plan, Pass& pass, std::map<int, VeSrc>& slot) const;
  void inputs(const PassPlan& plan, Pass& pass) const;
  void stages(const PassPlan& plan, const std::map<int, VeSrc>& constant, Pass& pass,
              std::map<int, unsigned>& place) const;
  void outputs(const PassPlan& plan, const std::map<int, unsigned>& place, Pass& pass) const;

  const Graph& graph_;
  const Formats& formats_;
  const CompileOptions& options_;
  std::map<int, Port> stored_;
};

Pass Emitter::emit(const PassPlan& plan) const {
  Pass pass;
  pass.pace = plan.pace == Rate::Full ? Pace::Full : is_lanes(plan.pace) ? Pace::Lanes : Pace::Row;
  pass.config.seed = options_.seed;
  std::map<int, VeSrc> constant;
  constants(plan, pass, constant);
  inputs(plan, pass);
  std::map<int, unsigned> place;
  stages(plan, constant, pass, place);
  outputs(plan, place, pass);
  pass.stages = pass.config.stage_row();
  pass.io = pass.config.io_row();
  return pass;
}

void Emitter::constants(const PassPlan& plan, Pass& pass, std::map<int, VeSrc>& slot) const {
  std::vector<int> params;
  std::vector<int> values;
  const auto use = [&](int id, bool start) {
    const Node& node = graph_.nodes[id];
    if (node.kind != Node::Kind::Const) return;
    auto& list = node.param >= 0 ? params : values;
    if (node.param < 0 && node.bits == 0 && !start) return;
    if (std::find(list.begin(), list.end(), id) == list.end()) list.push_back(id);
  };
  for (const int id : plan.stage) {
    if (id < 0) continue;
    for (const Operand& x : graph_.nodes[id].args) use(x.node, false);
    if (graph_.nodes[id].acc_init >= 0) use(graph_.nodes[id].acc_init, true);
  }
  unsigned next = 0;
  const auto source = [](unsigned k) {
    return static_cast<VeSrc>(static_cast<unsigned>(VeSrc::K0) + k);
  };
  for (const int id : params) {
    const Node& node = graph_.nodes[id];
    pass.params.push_back({node.name, node.type == Type::Int, node.bits, next});
    pass.config.k[next] = node.bits;
    pass.config.patch |= 1U << next;
    slot[id] = source(next++);
  }
  std::map<std::uint32_t, VeSrc> by_bits;
  for (const int id : values) {
    const std::uint32_t bits = graph_.nodes[id].bits;
    if (by_bits.count(bits) == 0) {
      pass.config.k[next] = bits;
      by_bits[bits] = source(next++);
    }
    slot[id] = by_bits[bits];
  }
}

void Emitter::inputs(const PassPlan& plan, Pass& pass) const {
  for (std::size_t i = 0; i < plan.leaves.size(); ++i) {
    const int id = plan.leaves[i];
    const Node& node = graph_.nodes[id];
    const Port port =
        node.kind == Node::Kind::Input ? input_port(graph_.inputs[node.input]) : stored_.at(id);
    VeInPort& in = pass.config.in[i];
    in.en = true;
    in.format = port.format.format;
    in.skip = true;
    in.to_f = node.type == Type::Real && numerics::is_integer(in.format);
    in.chain = port.format.chain;
    if (port.role == PortRole::Block) {
      in.scalar = in.hold_two = true;
    } else if (node.rate != plan.pace) {
      in.scalar = true;
      in.hold_loop = loop_number(node.rate == Rate::Row ? Loop::Row : Loop::All, plan);
    }
    pass.inputs.push_back(port);
  }
}

void Emitter::stages(const PassPlan& plan, const std::map<int, VeSrc>& constant, Pass& pass,
                     std::map<int, unsigned>& place) const {
  // Last stage that needs a value; 8 for what leaves the pipeline.
  std::map<int, unsigned> needed;
  for (unsigned s = 0; s < 8; ++s) {
    if (plan.stage[s] < 0) continue;
    for (const Operand& x : graph_.nodes[plan.stage[s]].args) needed[x.node] = s;
  }
  for (const Item& item : plan.items) {
    const Node& node = graph_.nodes[item.node];
    needed[node.barrier() ? node.args[0].node : item.node] = 8;
  }
  for (std::size_t i = 0; i < plan.leaves.size(); ++i) {
    place[plan.leaves[i]] = static_cast<unsigned>(i);
  }
  unsigned element_loop = loop_number(Loop::Row, plan);
  const auto source = [&](int id) {
    const Node& node = graph_.nodes[id];
    switch (node.kind) {
      case Node::Kind::Const:
        return constant.count(id) == 0 ? VeSrc::Zero : constant.at(id);
      case Node::Kind::Lane:
        return VeSrc::Lane;
      case Node::Kind::Elem:
        element_loop = loop_number(node.loop, plan);
        return VeSrc::Elem;
      case Node::Kind::Acc:
        return VeSrc::Acc;
      default:
        return static_cast<VeSrc>(place.at(id));
    }
  };
  for (unsigned s = 0; s < 8; ++s) {
    const int id = plan.stage[s];
    if (id < 0) continue;
    const Node& node = graph_.nodes[id];
    VeStage& stage = pass.config.stage[s];
    stage.op = node.op;
    stage.rm = node.rm;
    VeOperand* const slots[] = {&stage.a, &stage.b, &stage.c};
    std::ostringstream line;
    line << "stage " << s << "  " << op_name(node.op);
    for (std::size_t i = 0; i < node.args.size(); ++i) {
      const Operand& x = node.args[i];
      *slots[i] = {source(x.node), x.abs, x.neg};
      if (x.exch != 0) {
        stage.exch = x.exch;
        stage.rot = x.rot;
      }
      const auto src = static_cast<unsigned>(slots[i]->src);
      static const char* const kNames[] = {"V0", "V1", "V2", "V3", "lane", "elem", "acc", "0"};
      line << (i == 0 ? " " : ", ") << (x.neg ? "-" : "") << (x.abs ? "|" : "");
      if (src < 8) {
        line << kNames[src];
      } else {
        line << "K" << src - 8;
      }
      line << (x.abs ? "|" : "");
      if (x.exch != 0) line << (x.rot ? " of lane +" : " of lane ^") << x.exch;
    }
    if (node.acc_init >= 0) {
      stage.acc_en = true;
      stage.acc_loop = loop_number(node.loop, plan);
      stage.acc_init =
          static_cast<unsigned>(constant.at(node.acc_init)) - static_cast<unsigned>(VeSrc::K0);
    }
    // A register whose value nobody needs any more.
    std::array<bool, 4> busy{};
    for (const auto& entry : place) {
      const auto use = needed.find(entry.first);
      if (use != needed.end() && use->second > s) busy[entry.second] = true;
    }
    unsigned dst = 0;
    while (busy.at(dst)) ++dst;
    for (auto it = place.begin(); it != place.end();) {
      it = it->second == dst ? place.erase(it) : std::next(it);
    }
    place[id] = dst;
    stage.dst = dst;
    line << " -> V" << dst;
    if (!node.name.empty()) line << "  " << node.name;
    pass.listing.push_back(line.str());
    ++pass.operations;
  }
  pass.config.reduce.elem_loop = element_loop;
}

void Emitter::outputs(const PassPlan& plan, const std::map<int, unsigned>& place,
                      Pass& pass) const {
  std::vector<Item> items = plan.items;
  const auto first_only = [&](const Item& item) {
    if (item.output < 0) return false;
    const Port port = output_port(graph_.outputs[item.output]);
    return port.format.mx || port.format.chain;
  };
  if (items.size() == 2 && first_only(items[1])) std::swap(items[0], items[1]);
  if (plan.reduce >= 0) {
    const Node& node = graph_.nodes[plan.reduce];
    pass.config.reduce.op = node.reduce;
    pass.config.reduce.src = place.at(node.args[0].node);
    pass.config.reduce.loop = loop_number(node.loop, plan);
    if (node.index) pass.config.reduce.elem_loop = pass.config.reduce.loop;
    pass.listing.push_back("reduce   " + std::string(reduction_name(node.reduce)) + " V" +
                           std::to_string(pass.config.reduce.src) + " over " +
                           (node.loop == Loop::Row ? "row" : "all"));
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    const Node& node = graph_.nodes[item.node];
    const Port port =
        item.output >= 0 ? output_port(graph_.outputs[item.output]) : stored_.at(item.node);
    VeOutPort& out = pass.config.out[i];
    out.en = true;
    out.format = port.format.format;
    out.rm = port.format.rounding;
    out.sat = port.format.saturate;
    out.mx = port.format.mx;
    out.chain = port.format.chain;
    const Type type = item.output >= 0 ? graph_.outputs[item.output].type : node.type;
    out.from_i = type != Type::Real;
    out.skip = true;
    if (node.kind == Node::Kind::Reduce) {
      out.src = node.index ? 5 : 4;
      out.scalar = out.on_last = true;
      out.loop = loop_number(node.loop, plan);
    } else if (node.kind == Node::Kind::Last) {
      out.src = place.at(node.args[0].node);
      out.on_last = true;
      out.loop = loop_number(node.loop, plan);
    } else if (node.kind == Node::Kind::First) {
      out.src = place.at(node.args[0].node);
      out.scalar = true;
    } else {
      out.src = place.at(item.node);
      if (node.rate != plan.pace) {
        out.scalar = out.on_last = true;
        out.loop = loop_number(node.rate == Rate::Row ? Loop::Row : Loop::All, plan);
      }
    }
    pass.outputs.push_back(port);
    if (port.format.mx) {
      pass.config.out[1].en = pass.config.out[1].skip = true;
      pass.outputs.push_back(
          {port.name + "_scales", false, PortRole::MxScales, StreamFormat(ElementFormat::E8m0)});
    }
  }
}

void check_names(const Graph& graph, const Formats& formats, const CompileOptions& options,
                 const Definition& definition) {
  for (const auto& entry : formats) {
    bool known = false;
    for (const InputDecl& decl : graph.inputs) known = known || decl.name == entry.first;
    for (const Output& output : graph.outputs) known = known || output.name == entry.first;
    if (!known) {
      throw std::invalid_argument("'" + graph.name + "' has no stream '" + entry.first + "'");
    }
  }
  for (const auto& entry : options.fixed) {
    bool known = false;
    for (const ParamDecl& decl : definition.params) known = known || decl.name == entry.first;
    if (!known) {
      throw std::invalid_argument("'" + graph.name + "' has no parameter '" + entry.first + "'");
    }
  }
  if (options.row_loop > 4) throw std::invalid_argument("the row loop is 0..4");
}

}  // namespace

StreamFormat::StreamFormat(const std::string& text) {
  std::istringstream in(text);
  std::string word;
  std::getline(in, word, ':');
  std::string_view name = word;
  if (name.substr(0, 2) == "mx") {
    mx = true;
    name.remove_prefix(2);
  }
  if (!numerics::element_from_name(name, format)) {
    throw std::invalid_argument("unknown format '" + word + "'");
  }
  while (std::getline(in, word, ':')) {
    bool known = false;
    for (const ModeName& mode : kModes) {
      if (word != mode.name) continue;
      rounding = mode.mode;
      known = true;
    }
    if (word == "sat") saturate = known = true;
    if (word == "chain") chain = known = true;
    if (known) continue;
    std::string message = "unknown option '";
    message.append(word).append("' of format ").append(text);
    throw std::invalid_argument(message);
  }
}

std::string StreamFormat::text() const {
  std::string out = (mx ? "mx" : "") + std::string(numerics::element_name(format));
  for (const ModeName& mode : kModes) {
    if (mode.mode == rounding && rounding != Rounding::NearestEven) {
      out += std::string(":") + mode.name;
    }
  }
  return out + (saturate ? ":sat" : "") + (chain ? ":chain" : "");
}

const char* role_name(PortRole role) {
  static const char* const kNames[] = {"stream",         "scalar a row",   "scalar",
                                       "scalar a block", "16 lanes a row", "16 lanes",
                                       "scale a block"};
  return kNames[static_cast<unsigned>(role)];
}

Program compile(const Definition& definition, const Formats& formats,
                const CompileOptions& options) {
  const Graph graph = lower(definition, {options.contract, options.fixed});
  check_names(graph, formats, options, definition);
  Emitter emitter(graph, formats, options);
  Program program;
  program.name = graph.name;
  program.params = graph.params;
  Machine machine;
  machine.masks = options.masks;
  for (const InputDecl& decl : graph.inputs) {
    program.inputs.push_back(emitter.input_port(decl));
    machine.input_first.push_back(program.inputs.back().format.chain);
  }
  std::vector<bool> lossless;
  for (const Output& output : graph.outputs) {
    const Port port = emitter.output_port(output);
    program.outputs.push_back(port);
    if (port.format.mx) {
      program.outputs.push_back(
          {port.name + "_scales", false, PortRole::MxScales, StreamFormat(ElementFormat::E8m0)});
    }
    machine.output_pair.push_back(port.format.mx);
    machine.output_first.push_back(port.format.mx || port.format.chain);
    lossless.push_back(emitter.lossless(output));
  }
  const Fitter fitter(graph, machine);
  SplitOptions split_options;
  split_options.max_passes = options.max_passes;
  const Split cut = split(fitter, lossless, split_options);
  program.fewest_proven = cut.proven;
  emitter.name_stored(cut);
  for (const PassPlan& plan : cut.passes) program.passes.push_back(emitter.emit(plan));
  program.temporaries = emitter.temporaries();

  for (const Port& port : program.inputs) {
    unsigned readers = 0;
    for (const Pass& pass : program.passes) {
      for (const Port& in : pass.inputs) readers += in.name == port.name && !in.temporary ? 1 : 0;
    }
    if (port.format.chain && readers > 1) {
      throw std::invalid_argument("stream '" + port.name + "' comes from the matrix engine, but " +
                                  std::to_string(readers) + " passes read it");
    }
  }
  return program;
}

Program compile(const std::string& text, const Formats& formats, const CompileOptions& options) {
  const std::vector<Definition> definitions = parse(text, "expression");
  if (definitions.size() != 1) {
    throw CompileError("expression", definitions[1].where, "one expression at a time");
  }
  return compile(definitions[0], formats, options);
}

std::string describe(const Program& program) {
  std::ostringstream out;
  const auto ports = [&out](const char* title, const std::vector<Port>& list) {
    for (const Port& port : list) {
      out << "  " << title << " " << port.name << ": " << port.format.text() << ", "
          << role_name(port.role) << "\n";
    }
  };
  out << program.name << ": " << program.passes.size() << " pass"
      << (program.passes.size() == 1 ? "" : "es")
      << (program.fewest_proven ? "" : " (fewer not ruled out)") << "\n";
  ports("in ", program.inputs);
  ports("out", program.outputs);
  ports("tmp", program.temporaries);
  for (std::size_t i = 0; i < program.passes.size(); ++i) {
    const Pass& pass = program.passes[i];
    static const char* const kPaces[] = {"every element", "16 lanes a row", "the rows' scalars"};
    out << "\npass " << i << " over " << kPaces[static_cast<unsigned>(pass.pace)] << ", "
        << pass.operations << " of 8 stages\n";
    for (std::size_t p = 0; p < pass.inputs.size(); ++p) {
      out << "  I" << p << " -> V" << p << "  " << pass.inputs[p].name << "\n";
    }
    for (const ParamSlot& param : pass.params) {
      out << "  K" << param.slot << " = " << param.name << ", command word " << 10 + param.slot
          << "\n";
    }
    for (unsigned k = static_cast<unsigned>(pass.params.size()); k < engines::kVeConstants; ++k) {
      const std::uint32_t bits = pass.config.k[k];
      if (bits == 0) continue;
      out << "  K" << k << " = " << numerics::float_of(bits) << " (0x" << std::hex << bits
          << std::dec << ")\n";
    }
    for (const std::string& line : pass.listing) out << "  " << line << "\n";
    for (std::size_t p = 0; p < pass.outputs.size(); ++p) {
      out << "  O" << p;
      if (pass.outputs[p].role != PortRole::MxScales) {
        const unsigned src = pass.config.out[p].src;
        out << " <- " << (src == 4 ? "R" : src == 5 ? "RI" : "V" + std::to_string(src));
      }
      out << "  " << pass.outputs[p].name << "\n";
    }
  }
  return out.str();
}

}  // namespace tsr::ve
