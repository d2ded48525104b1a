// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <ostream>
#include <thread>

namespace tsr::e2e {

std::uint64_t seed() {
  const char* text = std::getenv("TSR_SEED");
  const std::uint64_t value = text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
  fmt::print("seed {} (set TSR_SEED to change it)\n", value);
  return value;
}

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "tsr_e2e_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + name);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempFolder::write(const std::string& name, const std::string& content) const {
  const auto path = path_ / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
  return path.string();
}

std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

nlohmann::json Outcome::json() const { return nlohmann::json::parse(out); }

std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
  return stream << "exit code " << outcome.code << "\nstandard output:\n"
                << outcome.out << "\nstandard error:\n"
                << outcome.err;
}

std::ostream& operator<<(std::ostream& stream, const Failure& failure) {
  return stream << "exit code " << static_cast<int>(failure.code) << ": " << failure.message;
}

pid_t spawn(const std::vector<std::string>& words, const std::string& out, const std::string& err) {
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const std::string folder = std::filesystem::path(out).parent_path().string();
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(folder.c_str()) != 0) _exit(127);
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(open(out.c_str(), flags, 0600), STDOUT_FILENO);
    dup2(open(err.c_str(), flags, 0600), STDERR_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  return child;
}

bool await(const std::function<bool()>& condition) {
  constexpr auto kPatience = std::chrono::seconds(240);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

int finish(pid_t child) {
  int status = -1;
  if (!await([&] { return waitpid(child, &status, WNOHANG) != 0; })) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    ADD_FAILURE() << "the process does not end";
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

unsigned served_port(const std::string& output, const std::string& mark) {
  const std::string text = read_file(output);
  const auto at = text.find(mark);
  if (at == std::string::npos || text.find('\n', at) == std::string::npos) return 0;
  return static_cast<unsigned>(std::stoul(text.substr(at + mark.size())));
}

Outcome tessera(const std::vector<std::string>& arguments, unsigned seconds) {
  const TempFolder folder;
  const std::string out = folder / "out";
  const std::string err = folder / "err";
  std::vector<std::string> words = {TSR_TESSERA};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const bool runs = !arguments.empty() && arguments.front() == "run";
  // Who does not name a file for the waves of a failure does not want them: they take seconds.
  if (runs && std::find(words.begin(), words.end(), "--flight") == words.end()) {
    words.insert(words.begin() + 2, {"--snapshot-every", "0"});
  }
  const pid_t child = spawn(words, out, err);
  Outcome outcome;
  int status = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      outcome.err = fmt::format("killed: did not end within {} seconds\n", seconds);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
  outcome.out = read_file(out);
  outcome.err += read_file(err);
  return outcome;
}

std::string app(const std::string& name) { return Platform::firmware("apps/" + name + ".elf"); }

}  // namespace tsr::e2e
