// SPDX-License-Identifier: Apache-2.0
/// The text form of expressions: lexer, syntax tree, parser. docs/vector.md is the language's page.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace tsr::ve {

/// Place in a source file, from 1.
struct Where {
  int line = 0;
  int column = 0;
};

/// What is wrong with a source text, as "file:line:column: message".
class CompileError : public std::runtime_error {
 public:
  CompileError(const std::string& file, Where where, const std::string& message);
  Where where() const { return where_; }

 private:
  Where where_;
};

/// Expression in the syntax tree.
struct Expr {
  enum class Kind { Number, Name, Call, Unary, Binary };
  Kind kind = Kind::Number;
  Where where;
  std::string text;   // name, function, or operator
  double number = 0;  // Kind::Number
  std::vector<std::unique_ptr<Expr>> args;
  std::string over;  // loop of a reduction call, or empty
};
using ExprPtr = std::unique_ptr<Expr>;

/// What an input is, and at which rate it comes.
enum class InputRole { Stream, Row, All, Block };

struct InputDecl {
  Where where;
  std::string name;
  InputRole role = InputRole::Stream;
  bool integer = false;
};

struct ParamDecl {
  Where where;
  std::string name;
  bool integer = false;
  ExprPtr value;  // default, or null: 0
};

struct Statement {
  enum class Kind { Assign, Accumulate, Out, Const };
  Kind kind = Kind::Assign;
  Where where;
  std::string name;
  ExprPtr value;         // Out: null when `name` is an earlier value
  ExprPtr from;          // Accumulate
  bool integer = false;  // Accumulate: of integers
  std::string over;      // Accumulate
};

/// One named expression.
struct Definition {
  std::string file;
  Where where;
  std::string name;
  bool single_pass = false;  // `pass` instead of `expr`
  std::string comment;       // comment lines right above, without the '#'
  std::string text;          // the source, from `expr` or `pass` to its last statement
  std::vector<InputDecl> inputs;
  std::vector<ParamDecl> params;
  std::vector<Statement> body;
};

/// All definitions of a source text. `file` names it in errors. Throws CompileError.
std::vector<Definition> parse(const std::string& text, const std::string& file);

}  // namespace tsr::ve
