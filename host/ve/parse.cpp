// SPDX-License-Identifier: Apache-2.0
#include "ve/parse.hpp"

#include <cctype>
#include <cstdlib>
#include <utility>

namespace tsr::ve {

namespace {

struct Token {
  enum class Kind { End, Name, Number, Symbol };
  Kind kind = Kind::End;
  Where where;
  std::string text;
  double number = 0;
  std::size_t begin = 0;  // offset in the source
  std::size_t end = 0;
  std::string comment;  // comment block that ends on the line above
};

class Lexer {
 public:
  Lexer(const std::string& text, const std::string& file) : text_(text), file_(file) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    do {
      tokens.push_back(next());
    } while (tokens.back().kind != Token::Kind::End);
    return tokens;
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void advance() {
    if (text_[at_] == '\n') {
      ++where_.line;
      where_.column = 0;
    }
    ++where_.column;
    ++at_;
  }

  /// Blanks and comments. A comment block is kept until another line stands between.
  std::string skip() {
    std::string comment;
    int comment_line = -1;
    for (;;) {
      if (peek() == '#') {
        std::string line;
        const int number = where_.line;
        advance();
        if (peek() == ' ') advance();
        while (peek() != '\0' && peek() != '\n') {
          line += peek();
          advance();
        }
        if (comment_line != number - 1) comment.clear();
        if (!comment.empty()) comment += '\n';
        comment += line;
        comment_line = number;
      } else if (peek() != '\0' && std::isspace(static_cast<unsigned char>(peek())) != 0) {
        advance();
      } else {
        return comment_line == where_.line - 1 ? comment : std::string();
      }
    }
  }

  Token next() {
    Token token;
    token.comment = skip();
    token.where = where_;
    token.begin = at_;
    const auto c = static_cast<unsigned char>(peek());
    if (c == '\0') return token;
    if (std::isalpha(c) != 0 || c == '_') {
      token.kind = Token::Kind::Name;
      while (std::isalnum(static_cast<unsigned char>(peek())) != 0 || peek() == '_') {
        token.text += peek();
        advance();
      }
    } else if (std::isdigit(c) != 0 ||
               (c == '.' && std::isdigit(static_cast<unsigned char>(peek(1))) != 0)) {
      number(token);
    } else {
      token.kind = Token::Kind::Symbol;
      token.text = peek();
      advance();
      static const char* const kTwo[] = {"<=", ">=", "==", "!=", "<<", ">>"};
      for (const char* two : kTwo) {
        if (token.text[0] == two[0] && peek() == two[1]) {
          token.text = two;
          advance();
          break;
        }
      }
      const bool known = token.text.size() == 2 ||
                         std::string("+-*/()<>&|^~,;:=").find(token.text) != std::string::npos;
      if (!known) throw CompileError(file_, token.where, "unknown character '" + token.text + "'");
    }
    token.end = at_;
    return token;
  }

  void number(Token& token) {
    token.kind = Token::Kind::Number;
    const char* begin = text_.c_str() + at_;
    char* end = nullptr;
    token.number = std::strtod(begin, &end);
    token.text.assign(begin, static_cast<std::size_t>(end - begin));
    while (text_.c_str() + at_ < end) advance();
    const auto c = static_cast<unsigned char>(peek());
    if (std::isalnum(c) != 0 || c == '_') {
      throw CompileError(file_, token.where, "malformed number '" + token.text + peek() + "...'");
    }
  }

  const std::string& text_;
  const std::string& file_;
  std::size_t at_ = 0;
  Where where_{1, 1};
};

class Parser {
 public:
  Parser(const std::string& text, const std::string& file)
      : text_(text), file_(file), tokens_(Lexer(text, file).run()) {}

  std::vector<Definition> run() {
    std::vector<Definition> out;
    while (token().kind != Token::Kind::End) out.push_back(definition());
    if (out.empty()) fail(token(), "no expression: expected 'expr NAME:' or 'pass NAME:'");
    return out;
  }

 private:
  [[noreturn]] void fail(const Token& token, const std::string& message) const {
    throw CompileError(file_, token.where, message);
  }
  const Token& token() const { return tokens_[at_]; }
  Token take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool is(const char* text) const {
    return (token().kind == Token::Kind::Symbol || token().kind == Token::Kind::Name) &&
           token().text == text;
  }
  bool accept(const char* text) {
    if (!is(text)) return false;
    take();
    return true;
  }
  static std::string shown(const Token& token) {
    return token.kind == Token::Kind::End ? "the end of the text" : "'" + token.text + "'";
  }
  void expect(const char* text, const char* context) {
    if (!accept(text)) {
      fail(token(),
           std::string("expected '") + text + "' " + context + ", found " + shown(token()));
    }
  }
  Token name(const char* what) {
    if (token().kind != Token::Kind::Name) {
      fail(token(), std::string("expected ") + what + ", found " + shown(token()));
    }
    return take();
  }

  Definition definition() {
    Definition out;
    const Token first = token();
    out.file = file_;
    out.comment = first.comment;
    out.single_pass = is("pass");
    if (!is("pass") && !is("expr")) {
      fail(first, "expected 'expr NAME:' or 'pass NAME:', found " + shown(first));
    }
    take();
    const Token named = name("a name");
    out.name = named.text;
    out.where = named.where;
    expect(":", "behind the name");
    while (token().kind != Token::Kind::End && !is("expr") && !is("pass")) statement(out);
    const std::size_t end = at_ == 0 ? first.end : tokens_[at_ - 1].end;
    out.text = text_.substr(first.begin, end - first.begin);
    return out;
  }

  void statement(Definition& out) {
    if (accept("in")) {
      do {
        out.inputs.push_back(input());
      } while (accept(","));
    } else if (accept("param")) {
      do {
        out.params.push_back(param());
      } while (accept(","));
    } else if (accept("out")) {
      do {
        Statement s;
        s.kind = Statement::Kind::Out;
        const Token t = name("the name of an output");
        s.where = t.where;
        s.name = t.text;
        if (accept("=")) s.value = expression();
        out.body.push_back(std::move(s));
      } while (accept(","));
    } else {
      Statement s;
      if (accept("acc")) {
        s.kind = Statement::Kind::Accumulate;
      } else if (accept("const")) {
        s.kind = Statement::Kind::Const;
      }
      const Token t = name("a statement");
      s.where = t.where;
      s.name = t.text;
      if (s.kind == Statement::Kind::Accumulate && accept(":")) {
        expect("int", "behind ':'");
        s.integer = true;
      }
      expect("=", "behind the name");
      s.value = expression();
      if (s.kind == Statement::Kind::Accumulate) {
        expect("from", "with the value that the accumulator starts from");
        s.from = expression();
        expect("over", "with the loop that the accumulator runs over");
        s.over = name("'row' or 'all'").text;
      }
      out.body.push_back(std::move(s));
    }
    expect(";", "at the end of the statement");
  }

  InputDecl input() {
    InputDecl decl;
    const Token t = name("the name of an input");
    decl.where = t.where;
    decl.name = t.text;
    expect(":", "and the kind of the input");
    decl.integer = accept("int");
    if (accept("stream")) return decl;
    expect("scalar", "or 'stream'");
    expect("(", "behind 'scalar'");
    const Token loop = name("'row', 'all' or 'block'");
    if (loop.text == "row") {
      decl.role = InputRole::Row;
    } else if (loop.text == "all") {
      decl.role = InputRole::All;
    } else if (loop.text == "block") {
      decl.role = InputRole::Block;
    } else {
      fail(loop,
           "a scalar is held for a 'row', for 'all' or for a 'block', not for '" + loop.text + "'");
    }
    expect(")", "behind the loop");
    return decl;
  }

  ParamDecl param() {
    ParamDecl decl;
    const Token t = name("the name of a parameter");
    decl.where = t.where;
    decl.name = t.text;
    if (accept(":")) {
      expect("int", "behind ':'");
      decl.integer = true;
    }
    if (accept("=")) decl.value = expression();
    return decl;
  }

  static ExprPtr make(Expr::Kind kind, const Token& token) {
    auto out = std::make_unique<Expr>();
    out->kind = kind;
    out->where = token.where;
    out->text = token.text;
    out->number = token.number;
    return out;
  }

  /// Levels of binary operators, loosest first.
  ExprPtr expression(unsigned level = 0) {
    static const std::vector<std::vector<const char*>> kLevels = {
        {"|"},        {"^"},      {"&"},     {"==", "!="}, {"<", "<=", ">", ">="},
        {"<<", ">>"}, {"+", "-"}, {"*", "/"}};
    if (level == kLevels.size()) return unary();
    ExprPtr left = expression(level + 1);
    for (;;) {
      bool found = false;
      for (const char* op : kLevels[level]) found = found || is(op);
      if (!found || token().kind != Token::Kind::Symbol) return left;
      ExprPtr out = make(Expr::Kind::Binary, take());
      out->args.push_back(std::move(left));
      out->args.push_back(expression(level + 1));
      left = std::move(out);
    }
  }

  ExprPtr unary() {
    if (is("-") || is("~")) {
      ExprPtr out = make(Expr::Kind::Unary, take());
      out->args.push_back(unary());
      return out;
    }
    return primary();
  }

  ExprPtr primary() {
    if (accept("(")) {
      ExprPtr out = expression();
      expect(")", "to close the bracket");
      return out;
    }
    if (token().kind == Token::Kind::Number) return make(Expr::Kind::Number, take());
    const Token t = name("a value");
    if (!accept("(")) return make(Expr::Kind::Name, t);
    ExprPtr out = make(Expr::Kind::Call, t);
    if (!is(")")) {
      do {
        out->args.push_back(expression());
      } while (accept(","));
    }
    expect(")", "behind the arguments");
    if (accept("over")) out->over = name("'row' or 'all'").text;
    return out;
  }

  const std::string& text_;
  const std::string& file_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace

CompileError::CompileError(const std::string& file, Where where, const std::string& message)
    : std::runtime_error(file + ":" + std::to_string(where.line) + ":" +
                         std::to_string(where.column) + ": " + message),
      where_(where) {}

std::vector<Definition> parse(const std::string& text, const std::string& file) {
  return Parser(text, file).run();
}

}  // namespace tsr::ve
