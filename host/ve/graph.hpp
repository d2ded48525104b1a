// SPDX-License-Identifier: Apache-2.0
/// Expressions as a graph of operations that one pipeline stage each can do.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engines/ve.hpp"
#include "ve/parse.hpp"

namespace tsr::ve {

using numerics::ElementFormat;
using numerics::Rounding;
using numerics::VecOp;

/// Type of a value. A mask's bit 31 says yes; comparisons give all ones or zero.
enum class Type { Real, Int, Mask };

/// How often a value changes.
enum class Rate {
  Const,     // constants and the lane number
  All,       // once in all
  Row,       // once a row
  LanesAll,  // 16 lanes, once in all
  LanesRow,  // 16 lanes, once a row
  Full       // every element
};
inline bool is_lanes(Rate rate) { return rate == Rate::LanesAll || rate == Rate::LanesRow; }
inline bool is_scalar(Rate rate) { return rate == Rate::All || rate == Rate::Row; }

/// The loop of a reduction, an accumulator or the element number.
enum class Loop { Row, All };

/// An operand: a node seen through lane exchange, then abs, then neg.
struct Operand {
  int node = -1;
  bool abs = false;
  bool neg = false;
  unsigned exch = 0;
  bool rot = false;

  bool plain() const { return !abs && !neg && exch == 0; }
};
bool operator==(const Operand& x, const Operand& y);

struct Node {
  enum class Kind {
    Input,
    Const,  // `bits`, or parameter `param`
    Lane,
    Elem,  // element number since the end of `loop`
    Acc,   // the accumulator, inside of the operation that feeds it
    Op,
    Reduce,  // of args[0]; index: the place instead of the value
    Last,    // args[0] in the last group of `loop`
    First    // lane 0 of args[0]
  };
  Kind kind = Kind::Op;
  Where where;
  std::string name;  // in the source, or what it is
  Type type = Type::Real;
  Rate rate = Rate::Const;
  VecOp op = VecOp::Pass;
  Rounding rm = Rounding::NearestEven;
  std::vector<Operand> args;
  std::uint32_t bits = 0;
  int param = -1;
  int input = -1;
  Loop loop = Loop::Row;
  engines::VeRed reduce = engines::VeRed::None;
  bool index = false;
  bool by_lane = false;  // differs from lane to lane although no stream is in it
  int acc_init = -1;     // Op with an accumulator: the constant node it starts from

  bool barrier() const { return kind == Kind::Reduce || kind == Kind::Last || kind == Kind::First; }
  bool in_registers() const { return kind == Kind::Op || kind == Kind::Input; }
  bool constant() const {
    return kind == Kind::Const || kind == Kind::Lane || kind == Kind::Elem || kind == Kind::Acc;
  }
};

struct Param {
  std::string name;
  bool integer = false;
  std::uint32_t bits = 0;  // default
};

struct Output {
  std::string name;
  Where where;
  int node = -1;
  Type type = Type::Real;  // how its bits are meant: bits() and from_bits() cost no operation
};

struct Graph {
  std::string file;
  std::string name;
  Where where;
  bool single_pass = false;
  std::vector<InputDecl> inputs;
  std::vector<Param> params;
  std::vector<Node> nodes;
  std::vector<Output> outputs;
};

/// How operations are called in messages.
const char* op_name(VecOp op);
const char* reduction_name(engines::VeRed reduction);
bool needs_fma(VecOp op);
bool needs_sfu(VecOp op);
const char* type_name(Type type);

struct LowerOptions {
  bool contract = false;                // a product that only an addition uses is fused into it
  std::map<std::string, double> fixed;  // parameters whose value is known now
};

/// Check types and rates, fold constants. Throws CompileError.
Graph lower(const Definition& definition, const LowerOptions& options = {});

}  // namespace tsr::ve
