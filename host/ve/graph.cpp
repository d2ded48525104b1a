// SPDX-License-Identifier: Apache-2.0
#include "ve/graph.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

namespace tsr::ve {

using engines::VeRed;

bool operator==(const Operand& x, const Operand& y) {
  return x.node == y.node && x.abs == y.abs && x.neg == y.neg && x.exch == y.exch && x.rot == y.rot;
}

bool needs_fma(VecOp op) { return (static_cast<unsigned>(op) & 0x38) == 0x20; }
bool needs_sfu(VecOp op) { return (static_cast<unsigned>(op) & 0x38) == 0x28; }

const char* op_name(VecOp op) {
  static const char* const kNames[] = {
      "pass", "addi", "subi", "addsat", "subsat", "mini",  "maxi", "minf", "maxf", "eqi",
      "lti",  "lei",  "eqf",  "ltf",    "lef",    "sel",   "and",  "or",   "xor",  "shl",
      "shr",  "sar",  "f2i",  "i2f",    "round",  "unord", "?",    "?",    "?",    "?",
      "?",    "?",    "fma",  "mul",    "add",    "sub",   "?",    "?",    "?",    "?",
      "exp2", "log2", "rcp",  "rsqrt",  "tanh",   "sin",   "cos",  "phi"};
  return kNames[static_cast<unsigned>(op)];
}

const char* reduction_name(VeRed reduction) {
  static const char* const kNames[] = {"none", "sum", "max", "min",    "argmax", "argmin",
                                       "sum",  "max", "min", "argmax", "argmin"};
  return kNames[static_cast<unsigned>(reduction)];
}

const char* type_name(Type type) {
  return type == Type::Real ? "a real" : type == Type::Int ? "an integer" : "a mask";
}

namespace {

/// What an expression evaluates to: a literal number that has no type yet, or an operand.
struct Value {
  std::optional<double> literal;
  Operand operand;
  Type type = Type::Real;
  bool inverted = false;   // mask: the opposite holds
  bool sign_only = false;  // mask: bit 31 counts, the others are anything
};

struct Function {
  VecOp op;
  unsigned arity;
  Type type;  // of the arguments
  Type result;
};

const std::map<std::string, Function>& plain_functions() {
  static const std::map<std::string, Function> kFunctions = {
      {"fma", {VecOp::Fma, 3, Type::Real, Type::Real}},
      {"exp2", {VecOp::Exp2, 1, Type::Real, Type::Real}},
      {"log2", {VecOp::Log2, 1, Type::Real, Type::Real}},
      {"rcp", {VecOp::Rcp, 1, Type::Real, Type::Real}},
      {"rsqrt", {VecOp::Rsqrt, 1, Type::Real, Type::Real}},
      {"tanh", {VecOp::Tanh, 1, Type::Real, Type::Real}},
      {"sin2pi", {VecOp::Sin, 1, Type::Real, Type::Real}},
      {"cos2pi", {VecOp::Cos, 1, Type::Real, Type::Real}},
      {"phi", {VecOp::Phi, 1, Type::Real, Type::Real}},
      {"unordered", {VecOp::Unord, 2, Type::Real, Type::Mask}},
      {"add_sat", {VecOp::AddSat, 2, Type::Int, Type::Int}},
      {"sub_sat", {VecOp::SubSat, 2, Type::Int, Type::Int}},
      {"shr", {VecOp::Shr, 2, Type::Int, Type::Int}}};
  return kFunctions;
}

const std::map<std::string, double>& named_constants() {
  static const std::map<std::string, double> kConstants = {
      {"pi", 3.14159265358979323846},
      {"tau", 6.28318530717958647693},
      {"e", 2.71828182845904523536},
      {"ln2", 0.69314718055994530942},
      {"log2e", 1.44269504088896340736},
      {"sqrt2", 1.41421356237309504880},
      {"inf", std::numeric_limits<double>::infinity()},
      {"nan", std::numeric_limits<double>::quiet_NaN()}};
  return kConstants;
}

std::uint32_t real_bits(double x) {
  if (std::isnan(x)) return numerics::kFp32Nan;
  return numerics::bits_of(static_cast<float>(x));
}

class Lowering {
 public:
  Lowering(const Definition& definition, const LowerOptions& options)
      : definition_(definition), options_(options) {
    graph_.file = definition.file;
    graph_.name = definition.name;
    graph_.where = definition.where;
    graph_.single_pass = definition.single_pass;
  }

  Graph run() {
    declare();
    for (const Statement& s : definition_.body) statement(s);
    if (graph_.outputs.empty()) fail(definition_.where, "'" + graph_.name + "' has no output");
    if (options_.contract) contract();
    return std::move(graph_);
  }

 private:
  [[noreturn]] void fail(Where where, const std::string& message) const {
    throw CompileError(definition_.file, where, message);
  }

  // ------------------------------------------------------------ names

  void define(Where where, const std::string& name, Value value) {
    if (named_constants().count(name) != 0) fail(where, "'" + name + "' is a built-in constant");
    if (name == "lane" || name == "elem") fail(where, "'" + name + "' is built in");
    if (!names_.emplace(name, value).second) fail(where, "'" + name + "' is already defined");
  }

  void declare() {
    for (const InputDecl& decl : definition_.inputs) {
      Node node;
      node.kind = Node::Kind::Input;
      node.where = decl.where;
      node.name = decl.name;
      node.type = decl.integer ? Type::Int : Type::Real;
      node.rate = decl.role == InputRole::Row   ? Rate::Row
                  : decl.role == InputRole::All ? Rate::All
                                                : Rate::Full;
      node.input = static_cast<int>(graph_.inputs.size());
      graph_.inputs.push_back(decl);
      define(decl.where, decl.name, value_of(add(node)));
    }
    for (const ParamDecl& decl : definition_.params) {
      double number = 0;
      if (decl.value) number = literal(*decl.value, "the default of a parameter");
      const auto fixed = options_.fixed.find(decl.name);
      if (fixed != options_.fixed.end()) {
        Value value;
        value.literal = fixed->second;
        value.type = decl.integer ? Type::Int : Type::Real;
        define(decl.where, decl.name, value);
        continue;
      }
      Node node;
      node.kind = Node::Kind::Const;
      node.where = decl.where;
      node.name = decl.name;
      node.type = decl.integer ? Type::Int : Type::Real;
      node.param = static_cast<int>(graph_.params.size());
      node.bits = decl.integer ? int_bits(number, decl.where) : real_bits(number);
      graph_.params.push_back({decl.name, decl.integer, node.bits});
      define(decl.where, decl.name, value_of(add(node)));
    }
  }

  void statement(const Statement& s) {
    switch (s.kind) {
      case Statement::Kind::Const: {
        Value value;
        value.literal = literal(*s.value, "a 'const'");
        define(s.where, s.name, value);
        return;
      }
      case Statement::Kind::Assign: {
        const Value value = evaluate(*s.value);
        name_node(value, s.name);
        define(s.where, s.name, value);
        return;
      }
      case Statement::Kind::Accumulate:
        accumulate(s);
        return;
      case Statement::Kind::Out:
        break;
    }
    Value value;
    if (s.value) {
      value = evaluate(*s.value);
      name_node(value, s.name);
      if (names_.count(s.name) == 0) define(s.where, s.name, value);
    } else {
      const auto found = names_.find(s.name);
      if (found == names_.end()) fail(s.where, "'" + s.name + "' is not defined");
      value = found->second;
    }
    for (const Output& other : graph_.outputs) {
      if (other.name == s.name) fail(s.where, "'" + s.name + "' is already an output");
    }
    const int node = settle(s.where, value);
    if (graph_.nodes[node].rate == Rate::Const) {
      fail(s.where, "'" + s.name + "' does not depend on an input: nothing to compute");
    }
    graph_.outputs.push_back({s.name, s.where, node, value.type});
  }

  void name_node(const Value& value, const std::string& name) {
    if (value.literal || !value.operand.plain()) return;
    Node& node = graph_.nodes[value.operand.node];
    if (!node.constant() && node.kind != Node::Kind::Input && node.name.empty()) node.name = name;
  }

  // ------------------------------------------------------------ nodes

  int add(const Node& node) {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& x = graph_.nodes[i];
      if (x.kind != node.kind || node.kind == Node::Kind::Input || node.kind == Node::Kind::Acc) {
        continue;
      }
      if (x.type == node.type && x.op == node.op && x.rm == node.rm && x.args == node.args &&
          x.bits == node.bits && x.param == node.param && x.loop == node.loop &&
          x.reduce == node.reduce && x.index == node.index && x.acc_init == -1 &&
          node.acc_init == -1) {
        return static_cast<int>(i);
      }
    }
    graph_.nodes.push_back(node);
    return static_cast<int>(graph_.nodes.size()) - 1;
  }

  Value value_of(int node) const {
    Value value;
    value.operand.node = node;
    value.type = graph_.nodes[node].type;
    return value;
  }

  std::uint32_t int_bits(double number, Where where) const {
    if (number != std::floor(number) || number < -2147483648.0 || number > 4294967295.0) {
      fail(where, "an integer is needed here");
    }
    return static_cast<std::uint32_t>(static_cast<std::int64_t>(number));
  }

  /// The value as an operand of type `type`; literals get that type.
  Operand operand(Where where, const Value& value, Type type) {
    if (value.literal) {
      Node node;
      node.kind = Node::Kind::Const;
      node.where = where;
      node.type = type;
      Operand out;
      if (type == Type::Real) {
        node.bits = real_bits(*value.literal);
        out.neg = (node.bits & numerics::kFp32Sign) != 0;
        node.bits &= ~numerics::kFp32Sign;
      } else {
        node.bits = int_bits(*value.literal, where);
      }
      out.node = add(node);
      return out;
    }
    if (value.type != type) {
      fail(where, std::string("this is ") + type_name(value.type) + ", but " + type_name(type) +
                      " is needed");
    }
    if (value.inverted) {
      Value ones;
      ones.literal = 4294967295.0;
      Operand all = operand(where, ones, Type::Int);
      return operand_of(make(where, VecOp::Xor, Type::Mask, {value.operand, all}));
    }
    return value.operand;
  }

  static Operand operand_of(const Value& value) { return value.operand; }

  /// Bits of the value in a register: a node of its own where it was seen through modifiers.
  int settle(Where where, Value value) {
    if (value.literal) fail(where, "a constant: nothing to compute");
    if (value.type == Type::Mask) {
      Operand x = operand(where, value, Type::Mask);
      if (!value.sign_only) return plain(where, x, Type::Mask);
      Value shift;
      shift.literal = 31;
      return make(where, VecOp::Sar, Type::Mask, {x, operand(where, shift, Type::Int)})
          .operand.node;
    }
    return plain(where, value.operand, value.type);
  }

  int plain(Where where, const Operand& x, Type type) {
    Operand own = x;
    own.node = exchanged(where, x);
    own.exch = 0;
    own.rot = false;
    return own.plain() ? own.node : make(where, VecOp::Pass, type, {own}).operand.node;
  }

  /// The operand's node with the lane exchange done, which only operand b can do.
  int exchanged(Where where, const Operand& x) {
    if (x.exch == 0) return x.node;
    Operand b = x;
    b.abs = b.neg = false;
    return make(where, VecOp::Or, graph_.nodes[x.node].type, {zero(where), b}).operand.node;
  }

  Operand zero(Where where) {
    Value value;
    value.literal = 0;
    return operand(where, value, Type::Int);
  }

  /// An operation of one stage; operands are brought to where the hardware can exchange lanes.
  Value make(Where where, VecOp op, Type type, std::vector<Operand> args,
             Rounding rm = Rounding::NearestEven) {
    place_exchange(where, op, args);
    Node node;
    node.kind = Node::Kind::Op;
    node.where = where;
    node.type = type;
    node.op = op;
    node.rm = rm;
    node.args = args;
    node.rate = rate_of(where, args, node.by_lane);
    return value_of(add(node));
  }

  void place_exchange(Where where, VecOp op, std::vector<Operand>& args) {
    const auto moved = [&](std::size_t i) { return i < args.size() && args[i].exch != 0; };
    const auto settle_arg = [&](std::size_t i) {
      args[i].node = exchanged(where, args[i]);
      args[i].exch = 0;
      args[i].rot = false;
    };
    if (moved(2)) settle_arg(2);
    if (!moved(0)) return;
    const bool commutes = op == VecOp::AddI || op == VecOp::AddSat || op == VecOp::MinI ||
                          op == VecOp::MaxI || op == VecOp::MinF || op == VecOp::MaxF ||
                          op == VecOp::EqI || op == VecOp::EqF || op == VecOp::And ||
                          op == VecOp::Or || op == VecOp::Xor || op == VecOp::Unord ||
                          op == VecOp::Fma || op == VecOp::Mul || op == VecOp::Add;
    if (!moved(1) && commutes) {
      std::swap(args[0], args[1]);
    } else {
      settle_arg(0);
    }
  }

  Rate rate_of(Where where, const std::vector<Operand>& args, bool& by_lane) const {
    Rate rate = Rate::Const;
    by_lane = false;
    for (const Operand& x : args) {
      const Node& node = graph_.nodes[x.node];
      by_lane = by_lane || node.by_lane;
      rate = std::max(rate, node.rate);
    }
    for (const Operand& x : args) {
      const Rate other = graph_.nodes[x.node].rate;
      if (is_lanes(other) && other != rate) {
        fail(where, "a value of 16 lanes a row cannot be combined with one of another rate");
      }
      if (rate == Rate::LanesAll && other == Rate::Row) {
        fail(where, "a value of the whole run cannot be combined with one of a row here");
      }
    }
    if (by_lane && is_scalar(rate)) rate = Rate::Full;
    return rate;
  }

  // ------------------------------------------------------------ expressions

  double literal(const Expr& expr, const char* what) {
    const Value value = evaluate(expr);
    if (!value.literal) fail(expr.where, std::string(what) + " must be a number known now");
    return *value.literal;
  }

  Loop loop(Where where, const std::string& name) const {
    if (name == "row") return Loop::Row;
    if (name == "all") return Loop::All;
    fail(where, "unknown loop '" + name + "': 'row' or 'all'");
  }

  Value evaluate(const Expr& expr) {
    switch (expr.kind) {
      case Expr::Kind::Number: {
        Value value;
        value.literal = expr.number;
        return value;
      }
      case Expr::Kind::Name:
        return by_name(expr);
      case Expr::Kind::Unary:
        return unary(expr);
      case Expr::Kind::Binary:
        return binary(expr);
      case Expr::Kind::Call:
        break;
    }
    return call(expr);
  }

  Value by_name(const Expr& expr) {
    const auto constant = named_constants().find(expr.text);
    if (constant != named_constants().end()) {
      Value value;
      value.literal = constant->second;
      return value;
    }
    if (expr.text == "lane" || expr.text == "elem") return counter(expr, Loop::Row);
    const auto found = names_.find(expr.text);
    if (found == names_.end()) fail(expr.where, "'" + expr.text + "' is not defined");
    return found->second;
  }

  Value counter(const Expr& expr, Loop over) {
    Node node;
    node.kind = expr.text == "lane" ? Node::Kind::Lane : Node::Kind::Elem;
    node.where = expr.where;
    node.type = Type::Int;
    node.by_lane = true;
    node.loop = over;
    node.rate = expr.text == "lane" ? Rate::Const : Rate::Full;
    return value_of(add(node));
  }

  Value unary(const Expr& expr) {
    Value x = evaluate(*expr.args[0]);
    if (expr.text == "~") {
      if (x.literal || x.type == Type::Int) {
        Value ones;
        ones.literal = 4294967295.0;
        return make(expr.where, VecOp::Xor, Type::Int,
                    {operand(expr.where, x, Type::Int), operand(expr.where, ones, Type::Int)});
      }
      if (x.type == Type::Real) fail(expr.where, "'~' needs an integer or a mask");
      x.inverted = !x.inverted;
      return x;
    }
    if (x.literal) {
      x.literal = -*x.literal;
      return x;
    }
    if (x.type == Type::Int) {
      return make(expr.where, VecOp::SubI, Type::Int, {zero(expr.where), x.operand});
    }
    if (x.type == Type::Mask) fail(expr.where, "'-' needs a number, not a mask");
    x.operand.neg = !x.operand.neg;
    return x;
  }

  /// Type that two values share; literals take the other's.
  Type common(const Expr& expr, const Value& a, const Value& b) const {
    if (a.literal && b.literal) return Type::Real;
    if (a.literal) return b.type;
    if (b.literal) return a.type;
    if (a.type != b.type) {
      fail(expr.where, "'" + expr.text + "' of " + type_name(a.type) + " and " + type_name(b.type) +
                           ": convert one with to_real() or to_int()");
    }
    return a.type;
  }

  Value fold(const Expr& expr, double a, double b) const {
    Value value;
    const std::string& op = expr.text;
    const auto integers = [&] {
      return std::pair<std::int64_t, std::int64_t>{static_cast<std::int64_t>(a),
                                                   static_cast<std::int64_t>(b)};
    };
    if (op == "+") value.literal = a + b;
    if (op == "-") value.literal = a - b;
    if (op == "*") value.literal = a * b;
    if (op == "/") value.literal = a / b;
    if (op == "<<") value.literal = static_cast<double>(integers().first << integers().second);
    if (op == ">>") value.literal = static_cast<double>(integers().first >> integers().second);
    if (!value.literal) fail(expr.where, "'" + op + "' of two constants");
    return value;
  }

  Value binary(const Expr& expr) {
    Value a = evaluate(*expr.args[0]);
    Value b = evaluate(*expr.args[1]);
    if (a.literal && b.literal) return fold(expr, *a.literal, *b.literal);
    const std::string& op = expr.text;
    const Type type = common(expr, a, b);
    if (op == "+" || op == "-" || op == "*" || op == "/") return arithmetic(expr, a, b, type);
    if (op == "&" || op == "|" || op == "^" || op == "<<" || op == ">>") {
      return logic(expr, a, b, type);
    }
    return comparison(expr, a, b, type);
  }

  Value arithmetic(const Expr& expr, Value a, Value b, Type type) {
    const std::string& op = expr.text;
    const Where where = expr.where;
    if (type == Type::Mask) fail(where, "'" + op + "' needs numbers, not masks: use select()");
    if (type == Type::Int) {
      if (op == "*" || op == "/") {
        fail(where, "no integer '" + op +
                        "': no stage has an integer multiplier; convert with "
                        "to_real(), or shift");
      }
      return make(where, op == "+" ? VecOp::AddI : VecOp::SubI, type,
                  {operand(where, a, type), operand(where, b, type)});
    }
    if (op == "/") {
      if (b.literal) {
        b.literal = 1.0 / *b.literal;
      } else {
        b = make(where, VecOp::Rcp, type, {b.operand});
        if (a.literal && *a.literal == 1.0) return b;
      }
      return make(where, VecOp::Mul, type, {operand(where, a, type), operand(where, b, type)});
    }
    const VecOp code = op == "+" ? VecOp::Add : op == "-" ? VecOp::Sub : VecOp::Mul;
    Operand x = operand(where, a, type);
    Operand y = operand(where, b, type);
    if (code == VecOp::Sub && x.exch != 0 && y.exch == 0) {
      // a - b = (-b) + a: the exchanged value has to be the second operand.
      y.neg = !y.neg;
      return make(where, VecOp::Add, type, {y, x});
    }
    return make(where, code, type, {x, y});
  }

  Value logic(const Expr& expr, Value a, Value b, Type type) {
    const std::string& op = expr.text;
    const Where where = expr.where;
    if (type == Type::Real) {
      fail(where, "'" + op + "' needs integers or masks; bits() gives the bits of a real");
    }
    if (op == "<<" || op == ">>") {
      if (type != Type::Int) fail(where, "'" + op + "' needs integers");
      return make(where, op == "<<" ? VecOp::Shl : VecOp::Sar, type,
                  {operand(where, a, type), operand(where, b, type)});
    }
    const VecOp code = op == "&" ? VecOp::And : op == "|" ? VecOp::Or : VecOp::Xor;
    if (type == Type::Mask && (a.literal || b.literal)) fail(where, "a mask and a number");
    if (code == VecOp::Xor && type == Type::Mask) {
      const bool inverted = a.inverted != b.inverted;
      a.inverted = b.inverted = false;
      Value out = make(where, code, type, {operand(where, a, type), operand(where, b, type)});
      out.inverted = inverted;
      out.sign_only = a.sign_only || b.sign_only;
      return out;
    }
    if (type == Type::Mask && a.inverted && b.inverted) {
      // ~a & ~b = ~(a | b)
      a.inverted = b.inverted = false;
      Value out = make(where, code == VecOp::And ? VecOp::Or : VecOp::And, type,
                       {operand(where, a, type), operand(where, b, type)});
      out.inverted = true;
      out.sign_only = a.sign_only || b.sign_only;
      return out;
    }
    Value out = make(where, code, type, {operand(where, a, type), operand(where, b, type)});
    out.sign_only = type == Type::Mask && (a.sign_only || b.sign_only);
    return out;
  }

  Value comparison(const Expr& expr, const Value& a, const Value& b, Type type) {
    const std::string& op = expr.text;
    const Where where = expr.where;
    if (type == Type::Mask) fail(where, "'" + op + "' needs numbers, not masks");
    const bool real = type == Type::Real;
    Operand x = operand(where, a, type);
    Operand y = operand(where, b, type);
    if (op == "==" || op == "!=") {
      Value out = make(where, real ? VecOp::EqF : VecOp::EqI, Type::Mask, {x, y});
      out.inverted = op == "!=";
      return out;
    }
    if (op[0] == '>') std::swap(x, y);
    const bool equal = op.size() == 2;
    if (real && x.exch != 0 && y.exch == 0) {
      // a < b is -b < -a.
      std::swap(x, y);
      x.neg = !x.neg;
      y.neg = !y.neg;
    }
    const VecOp code = equal ? (real ? VecOp::LeF : VecOp::LeI) : (real ? VecOp::LtF : VecOp::LtI);
    return make(where, code, Type::Mask, {x, y});
  }

  void arity(const Expr& expr, std::size_t least, std::size_t most) const {
    if (expr.args.size() >= least && expr.args.size() <= most) return;
    const std::string wanted = least == most
                                   ? std::to_string(least)
                                   : std::to_string(least) + " or " + std::to_string(most);
    fail(expr.where, expr.text + "() takes " + wanted + " argument" + (most == 1 ? "" : "s") +
                         ", not " + std::to_string(expr.args.size()));
  }

  Value call(const Expr& expr) {
    const std::string& f = expr.text;
    const Where where = expr.where;
    if (!expr.over.empty()) return reduction(expr);
    const auto function = plain_functions().find(f);
    if (function != plain_functions().end()) {
      arity(expr, function->second.arity, function->second.arity);
      std::vector<Operand> args;
      for (const auto& arg : expr.args) {
        args.push_back(operand(arg->where, evaluate(*arg), function->second.type));
      }
      return make(where, function->second.op, function->second.result, args);
    }
    if (f == "min" || f == "max") return min_max(expr);
    if (f == "elem") {
      arity(expr, 1, 1);
      return counter(expr, loop(expr.args[0]->where, expr.args[0]->text));
    }
    if (f == "floor" || f == "ceil" || f == "trunc" || f == "round") {
      arity(expr, 1, 1);
      const Rounding rm = f == "floor"   ? Rounding::Down
                          : f == "ceil"  ? Rounding::Up
                          : f == "trunc" ? Rounding::TowardZero
                                         : Rounding::NearestEven;
      return make(where, VecOp::Round, Type::Real, {real(expr, 0)}, rm);
    }
    if (f == "to_int" || f == "to_real") {
      arity(expr, 1, 2);
      const Rounding rm = expr.args.size() == 2 ? mode(*expr.args[1]) : Rounding::NearestEven;
      const bool to_int = f == "to_int";
      const Operand x = operand(where, evaluate(*expr.args[0]), to_int ? Type::Real : Type::Int);
      return make(where, to_int ? VecOp::F2I : VecOp::I2F, to_int ? Type::Int : Type::Real, {x},
                  rm);
    }
    if (f == "abs") return absolute(expr);
    if (f == "sqrt") {
      // Limits come out right: rsqrt(0) is infinite and its reciprocal 0 again, with the sign.
      arity(expr, 1, 1);
      return make(where, VecOp::Rcp, Type::Real,
                  {make(where, VecOp::Rsqrt, Type::Real, {real(expr, 0)}).operand});
    }
    if (f == "exp" || f == "log" || f == "sin" || f == "cos") return scaled_function(expr);
    if (f == "select") return selection(expr);
    if (f == "isneg" || f == "isnan") {
      arity(expr, 1, 1);
      if (f == "isnan") {
        const Operand x = real(expr, 0);
        return make(where, VecOp::Unord, Type::Mask, {x, x});
      }
      Value x = evaluate(*expr.args[0]);
      if (x.literal) fail(where, "isneg() of a constant");
      x.operand = {plain(where, x.operand, x.type), false, false, 0, false};
      if (x.type != Type::Mask) x.sign_only = true;
      x.type = Type::Mask;
      return x;
    }
    if (f == "bits" || f == "from_bits") {
      arity(expr, 1, 1);
      const bool bits = f == "bits";
      Value x = evaluate(*expr.args[0]);
      if (x.literal) {
        x.operand = operand(where, x, bits ? Type::Real : Type::Int);
        x.literal.reset();
        x.type = bits ? Type::Real : Type::Int;
      }
      if (x.type != (bits ? Type::Real : Type::Int)) {
        fail(where, f + "() needs " + type_name(bits ? Type::Real : Type::Int));
      }
      x.operand.node = plain(where, x.operand, x.type);
      x.operand = {x.operand.node, false, false, 0, false};
      x.type = bits ? Type::Int : Type::Real;
      return x;
    }
    if (f == "lane_xor" || f == "lane_rot") return exchange(expr);
    if (f == "first") return first(expr);
    static const char* const kReductions[] = {"sum", "argmax", "argmin", "last"};
    for (const char* name : kReductions) {
      if (f == name) fail(where, f + "() needs a loop: 'over row' or 'over all'");
    }
    fail(where, "unknown function '" + f + "'");
  }

  Operand real(const Expr& expr, std::size_t i) {
    return operand(expr.args[i]->where, evaluate(*expr.args[i]), Type::Real);
  }

  Rounding mode(const Expr& expr) const {
    static const std::map<std::string, Rounding> kModes = {{"nearest", Rounding::NearestEven},
                                                           {"zero", Rounding::TowardZero},
                                                           {"up", Rounding::Up},
                                                           {"down", Rounding::Down}};
    const auto found = kModes.find(expr.text);
    if (expr.kind != Expr::Kind::Name || found == kModes.end()) {
      fail(expr.where, "a rounding mode is nearest, zero, up or down");
    }
    return found->second;
  }

  Value min_max(const Expr& expr) {
    if (expr.args.size() == 1) {
      fail(expr.where, expr.text + "() of one value needs a loop: 'over row' or 'over all'");
    }
    arity(expr, 2, 2);
    const Value a = evaluate(*expr.args[0]);
    const Value b = evaluate(*expr.args[1]);
    const Type type = common(expr, a, b);
    const bool least = expr.text == "min";
    if (a.literal && b.literal) {
      Value out;
      out.literal = least ? std::min(*a.literal, *b.literal) : std::max(*a.literal, *b.literal);
      return out;
    }
    if (type == Type::Mask) fail(expr.where, expr.text + "() needs numbers, not masks");
    const VecOp op = type == Type::Real ? (least ? VecOp::MinF : VecOp::MaxF)
                                        : (least ? VecOp::MinI : VecOp::MaxI);
    return make(expr.where, op, type, {operand(expr.where, a, type), operand(expr.where, b, type)});
  }

  Value absolute(const Expr& expr) {
    arity(expr, 1, 1);
    Value x = evaluate(*expr.args[0]);
    if (x.literal) {
      x.literal = std::fabs(*x.literal);
      return x;
    }
    if (x.type == Type::Mask) fail(expr.where, "abs() needs a number");
    if (x.type == Type::Int) {
      const Value negative =
          make(expr.where, VecOp::SubI, Type::Int, {zero(expr.where), x.operand});
      return make(expr.where, VecOp::MaxI, Type::Int, {x.operand, negative.operand});
    }
    x.operand.abs = true;
    x.operand.neg = false;
    return x;
  }

  /// exp, log, sin, cos through the functions of the hardware.
  Value scaled_function(const Expr& expr) {
    arity(expr, 1, 1);
    const Where where = expr.where;
    Value scale;
    if (expr.text == "log") {
      scale.literal = 0.69314718055994530942;
      const Value log = make(where, VecOp::Log2, Type::Real, {real(expr, 0)});
      return make(where, VecOp::Mul, Type::Real, {log.operand, operand(where, scale, Type::Real)});
    }
    scale.literal = expr.text == "exp" ? 1.44269504088896340736 : 0.15915494309189533577;
    const VecOp op = expr.text == "exp"   ? VecOp::Exp2
                     : expr.text == "sin" ? VecOp::Sin
                                          : VecOp::Cos;
    const Value x =
        make(where, VecOp::Mul, Type::Real, {real(expr, 0), operand(where, scale, Type::Real)});
    return make(where, op, Type::Real, {x.operand});
  }

  Value selection(const Expr& expr) {
    arity(expr, 3, 3);
    Value condition = evaluate(*expr.args[0]);
    Value yes = evaluate(*expr.args[1]);
    Value no = evaluate(*expr.args[2]);
    if (condition.literal || condition.type != Type::Mask) {
      fail(expr.args[0]->where, "the condition of select() must be a comparison or a mask");
    }
    if (condition.inverted) std::swap(yes, no);
    const Type type = common(expr, yes, no);
    if (type == Type::Mask) fail(expr.where, "select() of masks: use & and |");
    return make(expr.where, VecOp::Sel, type,
                {condition.operand, operand(expr.where, yes, type), operand(expr.where, no, type)});
  }

  Value exchange(const Expr& expr) {
    arity(expr, 2, 2);
    Value x = evaluate(*expr.args[0]);
    const double n = literal(*expr.args[1], "the distance of a lane exchange");
    if (x.literal) fail(expr.where, "lane exchange of a constant");
    if (n != std::floor(n) || n < 0 || n > 15) {
      fail(expr.args[1]->where, "a lane distance is 0..15");
    }
    const auto distance = static_cast<unsigned>(n);
    const bool rot = expr.text == "lane_rot";
    if (x.inverted) x.operand = operand(expr.where, x, Type::Mask);
    x.inverted = false;
    if (x.operand.exch != 0 && x.operand.rot != rot) {
      x.operand = {plain(expr.where, x.operand, x.type), false, false, 0, false};
    }
    x.operand.exch = rot ? (x.operand.exch + distance) % 16 : x.operand.exch ^ distance;
    x.operand.rot = rot && x.operand.exch != 0;
    return x;
  }

  Value reduction(const Expr& expr) {
    arity(expr, 1, 1);
    const std::string& f = expr.text;
    const Loop over = loop(expr.where, expr.over);
    const Value x = evaluate(*expr.args[0]);
    if (x.literal) fail(expr.where, f + "() of a constant");
    if (x.type == Type::Mask) fail(expr.where, f + "() needs numbers; select() makes them");
    Node node;
    node.where = expr.where;
    node.loop = over;
    node.type = x.type;
    Operand settled;
    settled.node = settle(expr.where, x);
    node.args = {settled};
    const Rate rate = graph_.nodes[settled.node].rate;
    if (f == "last") {
      if (rate != Rate::Full) fail(expr.where, "last() needs a value of every element");
      node.kind = Node::Kind::Last;
      node.rate = over == Loop::Row ? Rate::LanesRow : Rate::LanesAll;
      return value_of(add(node));
    }
    const bool real = x.type == Type::Real;
    static const std::map<std::string, std::pair<VeRed, VeRed>> kReductions = {
        {"sum", {VeRed::SumF, VeRed::SumI}},
        {"max", {VeRed::MaxF, VeRed::MaxI}},
        {"min", {VeRed::MinF, VeRed::MinI}},
        {"argmax", {VeRed::ArgMaxF, VeRed::ArgMaxI}},
        {"argmin", {VeRed::ArgMinF, VeRed::ArgMinI}}};
    const auto found = kReductions.find(f);
    if (found == kReductions.end()) fail(expr.where, "'" + f + "' is not a reduction");
    node.kind = Node::Kind::Reduce;
    node.reduce = real ? found->second.first : found->second.second;
    node.index = f == "argmax" || f == "argmin";
    if (node.index) node.type = Type::Int;
    node.rate = over == Loop::Row ? Rate::Row : Rate::All;
    const bool fits = rate == Rate::Full || (rate == Rate::LanesRow && over == Loop::Row) ||
                      (rate == Rate::LanesAll && over == Loop::All) ||
                      (rate == Rate::Row && over == Loop::All);
    if (!fits) fail(expr.where, f + "() over '" + expr.over + "': the value changes no more often");
    return value_of(add(node));
  }

  Value first(const Expr& expr) {
    arity(expr, 1, 1);
    const Value x = evaluate(*expr.args[0]);
    Node node;
    node.kind = Node::Kind::First;
    node.where = expr.where;
    node.type = x.type;
    if (x.literal) fail(expr.where, "first() of a constant");
    Operand settled;
    settled.node = settle(expr.where, x);
    node.args = {settled};
    const Rate rate = graph_.nodes[settled.node].rate;
    if (!is_lanes(rate)) fail(expr.where, "first() needs a value of 16 lanes: see last()");
    node.rate = rate == Rate::LanesRow ? Rate::Row : Rate::All;
    return value_of(add(node));
  }

  void accumulate(const Statement& s) {
    Node acc;
    acc.kind = Node::Kind::Acc;
    acc.where = s.where;
    acc.name = s.name;
    acc.rate = Rate::Full;
    acc.by_lane = true;
    const Value start = evaluate(*s.from);
    acc.type = s.integer ? Type::Int : Type::Real;
    const int acc_node = add(acc);
    const auto [place, fresh] = names_.emplace(s.name, value_of(acc_node));
    if (!fresh) fail(s.where, "'" + s.name + "' is already defined");
    const Value result = evaluate(*s.value);
    const auto wrong = [&] {
      fail(s.where, "the accumulator '" + s.name +
                        "' must be an operand of the last operation and of no other, without "
                        "lane exchange");
    };
    if (result.literal || !result.operand.plain() || result.inverted) wrong();
    Node& top = graph_.nodes[result.operand.node];
    unsigned uses = 0;
    unsigned top_uses = 0;
    for (const Node& node : graph_.nodes) {
      for (const Operand& x : node.args) {
        if (x.node != acc_node) continue;
        if (x.exch != 0) wrong();
        ++uses;
        if (&node == &top) ++top_uses;
      }
    }
    if (top.kind != Node::Kind::Op || top_uses == 0 || uses != top_uses) wrong();
    if (top.type != acc.type) wrong();
    top.name = s.name;
    top.loop = loop(s.where, s.over);
    Operand from = operand(s.from->where, start, acc.type);
    if (from.neg) {  // the accumulator takes a constant as it is
      Node node = graph_.nodes[from.node];
      node.bits |= numerics::kFp32Sign;
      from = {add(node), false, false, 0, false};
    }
    if (graph_.nodes[from.node].kind != Node::Kind::Const || !from.plain()) {
      fail(s.from->where, "an accumulator starts from a constant or a parameter");
    }
    graph_.nodes[result.operand.node].acc_init = from.node;
    graph_.nodes[result.operand.node].by_lane = true;
    place->second = value_of(result.operand.node);
  }

  // ------------------------------------------------------------ fusing

  /// a * b + c becomes fma where nothing else uses the product.
  void contract() {
    std::vector<unsigned> uses(graph_.nodes.size());
    for (const Node& node : graph_.nodes) {
      for (const Operand& x : node.args) ++uses[x.node];
    }
    for (const Output& output : graph_.outputs) ++uses[output.node];
    for (Node& node : graph_.nodes) {
      if (node.kind != Node::Kind::Op || (node.op != VecOp::Add && node.op != VecOp::Sub)) continue;
      for (std::size_t side = 0; side < 2; ++side) {
        const Operand product = node.args[side];
        Operand addend = node.args[1 - side];
        const Node& mul = graph_.nodes[product.node];
        if (mul.kind != Node::Kind::Op || mul.op != VecOp::Mul || uses[product.node] != 1) continue;
        if (product.abs || product.exch != 0 || addend.exch != 0 || mul.acc_init != -1) continue;
        Operand a = mul.args[0];
        const bool minus = node.op == VecOp::Sub;
        if (product.neg != (minus && side == 1)) a.neg = !a.neg;
        if (minus && side == 0) addend.neg = !addend.neg;
        uses[product.node] = 0;
        node.args = {a, mul.args[1], addend};
        node.op = VecOp::Fma;
        break;
      }
    }
  }

  const Definition& definition_;
  const LowerOptions& options_;
  Graph graph_;
  std::map<std::string, Value> names_;
};

}  // namespace

Graph lower(const Definition& definition, const LowerOptions& options) {
  return Lowering(definition, options).run();
}

}  // namespace tsr::ve
