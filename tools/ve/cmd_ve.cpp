// SPDX-License-Identifier: Apache-2.0
/// `tessera ve`: the expression library, and expressions of the user.
#include "ve/cmd_ve.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "ve/compiler.hpp"
#include "ve/library.hpp"

namespace tsr::tools {
namespace {

struct VeOptions {
  std::string file;
  bool list = false;
  std::string show;
  std::vector<std::string> formats;
  std::vector<std::string> fixed;
  ve::CompileOptions compile;
};

/// "NAME=TEXT" in two parts.
std::pair<std::string, std::string> split(const std::string& text) {
  const std::size_t at = text.find('=');
  if (at == std::string::npos || at == 0) {
    throw std::invalid_argument("expected NAME=VALUE, found '" + text + "'");
  }
  return {text.substr(0, at), text.substr(at + 1)};
}

/// Stages of each pass, as "3 + 5".
std::string stages(const ve::Program& program) {
  std::string out;
  for (const ve::Pass& pass : program.passes) {
    out += (out.empty() ? "" : " + ") + std::to_string(pass.operations);
  }
  return out;
}

void list() {
  fmt::print("{:<20} {:>6}  {:<16} {}\n", "expression", "passes", "stages", "what it does");
  for (const ve::Definition& definition : ve::library()) {
    const ve::Program program = ve::compile(definition);
    const std::string& comment = definition.comment;
    fmt::print("{:<20} {:>6}  {:<16} {}\n", definition.name, program.passes.size(), stages(program),
               comment.substr(0, comment.find('\n')));
  }
}

void show(const ve::Definition& definition, VeOptions& options, const ve::Formats& formats) {
  const ve::Program program = ve::compile(definition, formats, options.compile);
  fmt::print("{}\n\n{}", definition.text, ve::describe(program));
}

int run(VeOptions& options) {
  ve::Formats formats;
  for (const std::string& text : options.formats) {
    const auto [name, format] = split(text);
    formats[name] = ve::StreamFormat(format);
  }
  for (const std::string& text : options.fixed) {
    const auto [name, value] = split(text);
    std::size_t used = 0;
    options.compile.fixed[name] = std::stod(value, &used);
    if (used != value.size()) throw std::invalid_argument("not a number: '" + value + "'");
  }
  if (options.list) {
    list();
  } else if (!options.show.empty()) {
    show(ve::library(options.show), options, formats);
  } else if (!options.file.empty()) {
    for (const ve::Definition& definition : ve::read_file(options.file)) {
      show(definition, options, formats);
    }
  } else {
    throw std::invalid_argument("a FILE, --list or --show NAME is needed");
  }
  return 0;
}

}  // namespace

void add_ve(CLI::App& app, int& code) {
  auto options = std::make_shared<VeOptions>();
  auto* cmd = app.add_subcommand(
      "ve", "Compile vector engine expressions: passes, stages, streams of each");
  auto* file = cmd->add_option("FILE", options->file, "Expressions (docs/vector.md)");
  auto* lists = cmd->add_flag("--list", options->list, "The library, with passes and stages");
  auto* shows = cmd->add_option("--show", options->show, "One expression of the library");
  cmd->add_option("-f,--format", options->formats,
                  "Format of a stream, as y=bf16 or y=mxfp8e4m3; repeatable");
  cmd->add_option("--fix", options->fixed, "Make a parameter a constant, as eps=1e-5; repeatable");
  cmd->add_flag("--contract", options->compile.contract, "Fuse products into additions");
  cmd->add_option("--row-loop", options->compile.row_loop,
                  "Loop of the first input that ends with a row")
      ->capture_default_str()
      ->check(CLI::Range(0, 4));
  file->excludes(lists)->excludes(shows);
  lists->excludes(shows);
  cmd->callback([options, &code] {
    try {
      code = run(*options);
    } catch (const std::exception& error) {
      std::fflush(stdout);
      fmt::print(stderr, "tessera ve: {}\n", error.what());
      code = 2;
    }
  });
}

}  // namespace tsr::tools
