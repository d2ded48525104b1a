// SPDX-License-Identifier: Apache-2.0
/// What the end-to-end tests share: the `tessera` program as a child process, files that vanish,
/// outcomes of failing calls, the seed.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tessera/host.hpp"

namespace tsr::e2e {

/// Seed of this run: TSR_SEED, or 1. Printed.
std::uint64_t seed();

/// A folder that lives as long as the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  /// Path of a file in it.
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  /// Write a file; returns its path.
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::filesystem::path path_;
};

/// Content of a file, "" if there is none.
std::string read_file(const std::string& path);

/// How a child process ended.
struct Outcome {
  int code = -1;  ///< exit code; -1: killed by a signal, or did not end in time
  std::string out, err;

  bool says(const std::string& text) const { return err.find(text) != std::string::npos; }
  nlohmann::json json() const;  ///< standard output, which must be nothing but JSON
};
std::ostream& operator<<(std::ostream& stream, const Outcome& outcome);

/// Start a program (looked for in PATH) with its output in two files, in the folder of the first.
pid_t spawn(const std::vector<std::string>& words, const std::string& out, const std::string& err);

/// Wait until a condition holds, for minutes at most; returns whether it does.
bool await(const std::function<bool()>& condition);

/// Wait for the end of a child, which is killed if it does not come; its exit code, -1 after a
/// signal.
int finish(pid_t child);

/// Port that a `tessera` with its output in this file serves: the number behind `mark`, 0 if it
/// does not say one yet.
unsigned served_port(const std::string& output, const std::string& mark);

/// Run `tessera` with arguments in a folder that vanishes; kill it after `seconds`. The flight
/// recorder of `run` is off unless the arguments have --flight.
Outcome tessera(const std::vector<std::string>& arguments, unsigned seconds = 300);

/// Path of a shipped test program.
std::string app(const std::string& name);

/// What a call threw: exit code and message; ExitCode::Ok if nothing.
struct Failure {
  ExitCode code = ExitCode::Ok;
  std::string message;

  bool says(const std::string& text) const { return message.find(text) != std::string::npos; }
};
std::ostream& operator<<(std::ostream& stream, const Failure& failure);
template <class Call>
Failure failure_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

}  // namespace tsr::e2e
