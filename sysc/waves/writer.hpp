// SPDX-License-Identifier: Apache-2.0
/// Rows of a save file.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "description.hpp"
#include "formats.hpp"
#include "view.hpp"

namespace tsr::waves {

/// Appends rows to a view, and counts signals that the trace does not have.
class Writer {
 public:
  Writer(const FstFile& trace, View& view) : trace_(trace), view_(view) {}

  /// A row outside of groups, if its signal exists.
  void head(const std::string& label, const std::string& format, const std::string& signal);
  /// A line of text.
  void comment(const std::string& text);
  /// A group at an instance; its label begins with `prefix`. `only`: one item of `each`.
  void group(const Group& group, const Instance& at, const std::string& prefix,
             std::optional<std::size_t> only = {});

 private:
  void row(const RowText& row, const Instance& at);
  void emit(const RowText& row, const Format& format, const std::string& signals);
  std::string need(const std::string& name);
  std::string bits(const std::string& name, unsigned width);
  std::string valid(const std::string& path);
  std::string fields(const Instance& at, const Format& format, const RowText& row);

  const FstFile& trace_;
  View& view_;
  std::map<std::string, std::size_t> filters_;
};

}  // namespace tsr::waves
