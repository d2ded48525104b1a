// SPDX-License-Identifier: Apache-2.0
#include "gdb_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace tsr::debug {
namespace {

constexpr int kSigint = 2, kSigtrap = 5;
constexpr std::size_t kPacketBytes = 0x4000;
constexpr std::size_t kMaxRead = kPacketBytes / 2 - 16;
constexpr unsigned kRegisters = 33;                                // x0..x31, pc
constexpr unsigned kGdbFirstCsr = 65;                              // GDB's number of CSR 0
constexpr std::uint64_t kHaltStep = 200, kHaltPatience = 200'000;  // cycles
constexpr const char* kOk = "OK";
constexpr const char* kError = "E01";

struct NamedCsr {
  const char* name;
  unsigned number;
};
constexpr NamedCsr kCsrs[] = {{"mstatus", 0x300}, {"misa", 0x301},      {"mie", 0x304},
                              {"mtvec", 0x305},   {"mscratch", 0x340},  {"mepc", 0x341},
                              {"mcause", 0x342},  {"mtval", 0x343},     {"mip", 0x344},
                              {"dcsr", 0x7b0},    {"mcycle", 0xb00},    {"minstret", 0xb02},
                              {"mcycleh", 0xb80}, {"minstreth", 0xb82}, {"mhartid", 0xf14}};
constexpr const char* kNames[kRegisters] = {"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp",
                                            "s1",   "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
                                            "s2",   "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10",
                                            "s11",  "t3", "t4", "t5", "t6", "pc"};

std::string target_description() {
  std::string xml =
      "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
      "<architecture>riscv:rv32</architecture><osabi>none</osabi><feature "
      "name=\"org.gnu.gdb.riscv.cpu\">";
  for (unsigned i = 0; i < kRegisters; ++i) {
    const char* type = i == 32 ? "code_ptr" : i == 2 || i == 3 || i == 8 ? "data_ptr" : "int";
    xml += fmt::format("<reg name=\"{}\" bitsize=\"32\" type=\"{}\" regnum=\"{}\"/>", kNames[i],
                       type, i);
  }
  xml += "</feature><feature name=\"org.gnu.gdb.riscv.csr\">";
  for (const auto& csr : kCsrs) {
    xml += fmt::format("<reg name=\"{}\" bitsize=\"32\" type=\"int\" regnum=\"{}\"/>", csr.name,
                       kGdbFirstCsr + csr.number);
  }
  return xml + "</feature></target>";
}

/// Number of a register in the core's debug port, from GDB's.
unsigned port_number(std::uint64_t gdb) {
  return static_cast<unsigned>(gdb < kRegisters ? gdb : gdb - kGdbFirstCsr + Hart::kFirstCsr);
}

}  // namespace

GdbServer::GdbServer(ChipAccess& chip, const std::vector<Node>& tiles, Node ctl, std::uint16_t port)
    : chip_(chip), processes_{{{"tiles", {}, false}, {"ctl", {}, false}}}, connection_(port) {
  for (const Node tile : tiles) {
    processes_[0].harts.push_back(harts_.size());
    harts_.emplace_back(chip_, tile, false);
  }
  processes_[1].harts.push_back(harts_.size());
  harts_.emplace_back(chip_, ctl, true);
  cache_.resize(harts_.size());
  running_.assign(harts_.size(), true);
}

// ---------------------------------------------------------------- life of a connection

void GdbServer::wait_for_client() {
  connection_.listen();
  if (state_ != State::kAlone || !connection_.accept(true)) return;
  attach();
  talk();
}

bool GdbServer::serve() {
  if (state_ == State::kAlone) {
    if (!connection_.accept(false)) {
      // One that comes out of reset with a request to halt that is older than the detach.
      for (Hart& hart : harts_) {
        if (hart.halted()) hart.resume();
      }
      return !killed_;
    }
    attach();
  }
  if (state_ == State::kRunning) {
    if (const auto stop = find_stop()) reply(last_stop_ = *stop);
  }
  talk();
  return !killed_;
}

void GdbServer::attach() {
  reader_ = {};
  multiprocess_ = false;
  acknowledge_ = true;
  processes_[0].attached = true;
  processes_[1].attached = false;
  current_ = processes_[0].harts.front();
  state_ = State::kStopped;
  halt_all();
  last_stop_.clear();
}

void GdbServer::detach() {
  for (Hart& hart : harts_) {
    hart.remove_all();
    if (!hart.halted()) continue;
    hart.release();
    hart.resume();
  }
  connection_.close();
  state_ = State::kAlone;
}

void GdbServer::finish(unsigned code) {
  if (!connection_.connected()) return;
  reply(multiprocess_ ? fmt::format("W{:02x};process:1", code) : fmt::format("W{:02x}", code));
  connection_.close();
  state_ = State::kAlone;
}

/// Handle what the client sent. While the cores are stopped, wait for more.
void GdbServer::talk() {
  for (;;) {
    while (const auto event = reader_.next()) {
      if (event->kind == RspReader::Kind::kDamaged) {
        if (acknowledge_) connection_.send("-");
      } else if (event->kind == RspReader::Kind::kPacket) {
        if (acknowledge_) connection_.send("+");
        handle(event->payload);
      } else if (state_ == State::kRunning) {
        halt_all();
        state_ = State::kStopped;
        reply(last_stop_ = stop_reply(current_, kSigint, ""));
      }
      if (state_ == State::kAlone) return;
    }
    const std::string bytes = connection_.receive(state_ == State::kStopped);
    if (!connection_.connected()) {
      detach();
      return;
    }
    if (bytes.empty()) return;
    reader_.feed(bytes);
  }
}

void GdbServer::reply(std::string_view payload) { connection_.send(rsp_frame(payload)); }

void GdbServer::handle(const std::string& packet) {
  const bool resumes = packet.rfind("vCont;", 0) == 0 || packet[0] == 'c' || packet[0] == 's';
  const std::string text = answer(packet);
  if (state_ == State::kAlone) return;
  // A resume is answered when a core stops.
  if (resumes && text.empty() && state_ == State::kRunning) return;
  reply(text);
  if (packet[0] == 'D' && !processes_[0].attached && !processes_[1].attached) detach();
}

std::string GdbServer::answer(const std::string& packet) {
  if (packet.empty()) return "";
  RspParser rest(std::string_view(packet).substr(1));
  const std::vector<Action> all(harts_.size(), Action::kContinue);
  switch (packet[0]) {
    case '!':
      return kOk;
    case '?':
      if (last_stop_.empty()) last_stop_ = stop_reply(current_, kSigtrap, "");
      return last_stop_;
    case 'q':
    case 'Q':
      return query(RspParser(packet));
    case 'v':
      return multiletter(packet);
    case 'H':
      return set_thread(rest);
    case 'T':
      return threads(rest).empty() ? kError : kOk;
    case 'g':
      return read_registers();
    case 'G':
      return write_registers(rest);
    case 'p':
      return read_register(rest);
    case 'P':
      return write_register(rest);
    case 'm':
      return read_memory(rest);
    case 'M':
      return write_memory(rest, false);
    case 'X':
      return write_memory(rest, true);
    case 'Z':
      return stop_point(rest, true);
    case 'z':
      return stop_point(rest, false);
    case 'c':
      resume(all);
      return "";
    case 's': {
      std::vector<Action> one(harts_.size(), Action::kStay);
      one[current_] = Action::kStep;
      return resume(one) ? "" : kError;
    }
    case 'D':
      return detach_process(rest);
    case 'k':
      killed_ = true;
      detach();
      return "";
    default:
      return "";
  }
}

// ---------------------------------------------------------------- threads

bool GdbServer::attached(std::size_t hart) const {
  return processes_[harts_[hart].is_ctl() ? 1 : 0].attached;
}

std::string GdbServer::thread_id(std::size_t hart) const {
  return multiprocess_ ? fmt::format("p{:x}.{:x}", harts_[hart].is_ctl() ? 2 : 1, hart + 1)
                       : fmt::format("{:x}", hart + 1);
}

std::string GdbServer::thread_list() const {
  std::string list;
  for (std::size_t i = 0; i < harts_.size(); ++i) {
    if (attached(i)) list += (list.empty() ? "m" : ",") + thread_id(i);
  }
  return list;
}

std::vector<std::size_t> GdbServer::threads(RspParser& packet) const {
  std::vector<std::size_t> found;
  const auto part = [&packet](bool& all) -> std::uint64_t {
    all = packet.accept("-1");
    return all ? 0 : packet.number().value_or(~0ULL);
  };
  bool any_process = true, any_thread = false;
  std::uint64_t process = 0, thread = 0;
  if (packet.accept("p")) {
    process = part(any_process);
    any_process |= process == 0;
    any_thread = !packet.accept(".");
  }
  if (!any_thread) {
    thread = part(any_thread);
    any_thread |= thread == 0;
  }
  for (std::size_t i = 0; i < harts_.size(); ++i) {
    if (!attached(i) || (!any_process && process != (harts_[i].is_ctl() ? 2U : 1U))) continue;
    if (any_thread || thread == i + 1) found.push_back(i);
  }
  return found;
}

std::string GdbServer::set_thread(RspParser packet) {
  const bool general = packet.accept("g");
  if (!general && !packet.accept("c")) return "";
  const auto found = threads(packet);
  if (found.empty()) return kError;
  const bool keep = std::find(found.begin(), found.end(), current_) != found.end();
  if (!keep) current_ = found.front();
  return kOk;
}

// ---------------------------------------------------------------- queries

std::string GdbServer::query(RspParser packet) {
  if (packet.accept("qSupported")) {
    multiprocess_ = packet.rest().find("multiprocess+") != std::string_view::npos;
    processes_[1].attached = !multiprocess_;  // without processes, all threads are in one list
    return fmt::format(
        "PacketSize={:x};multiprocess+;swbreak+;hwbreak+;vContSupported+;QStartNoAckMode+;"
        "qXfer:features:read+",
        kPacketBytes);
  }
  if (packet.accept("QStartNoAckMode")) {
    acknowledge_ = false;
    return kOk;
  }
  if (packet.accept("qXfer:features:read:target.xml:")) return features(packet);
  if (packet.accept("qRcmd,")) return monitor(packet);
  if (packet.accept("qfThreadInfo")) return thread_list();
  if (packet.accept("qsThreadInfo")) return "l";
  if (packet.accept("qAttached")) return "1";
  if (packet.accept("qSymbol")) return kOk;
  if (packet.accept("qThreadExtraInfo,")) {
    const auto found = threads(packet);
    if (found.size() != 1) return kError;
    Hart& hart = harts_[found.front()];
    return to_hex(fmt::format("{} ({}, {}), {}", hart.is_ctl() ? "ctl" : "tile", hart.node().x,
                              hart.node().y,
                              hart.halted()     ? "stopped"
                              : hart.in_reset() ? "held in reset"
                                                : "does not stop"));
  }
  if (packet.rest() == "qC") return "QC" + thread_id(current_);
  return "";
}

std::string GdbServer::features(RspParser packet) const {
  static const std::string xml = target_description();
  const auto offset = packet.number();
  if (!offset || !packet.accept(",")) return kError;
  const auto length = packet.number();
  if (!length) return kError;
  if (*offset >= xml.size()) return "l";
  const auto part = xml.substr(*offset, std::min<std::uint64_t>(*length, kMaxRead));
  return (*offset + part.size() < xml.size() ? "m" : "l") + part;
}

std::string GdbServer::monitor(RspParser packet) {
  const auto command = from_hex(packet.rest());
  if (!command) return kError;
  Hart& hart = harts_[current_];
  if (*command == "reset") {
    if (!hart.restart()) return to_hex("the ctl core cannot be reset alone: start the run again\n");
    cache_[current_].reset();
    halt_all();
    return to_hex(fmt::format("core of tile ({}, {}) stands in front of its first instruction\n",
                              hart.node().x, hart.node().y));
  }
  if (*command == "cycle") return to_hex(fmt::format("cycle {}\n", chip_.cycle()));
  return to_hex(
      "monitor commands:\n"
      "  reset  start the selected core again, stopped in front of its first instruction\n"
      "  cycle  the chip's cycle counter\n");
}

std::string GdbServer::multiletter(const std::string& packet) {
  if (packet == "vCont?") return "vCont;c;C;s;S";
  RspParser rest(packet);
  if (rest.accept("vAttach;")) return attach_process(rest);
  if (rest.accept("vKill;")) {
    killed_ = true;
    std::string done = detach_process(RspParser(fmt::format(";{}", rest.rest())));
    if (processes_[0].attached || processes_[1].attached) return done;
    reply(done);
    detach();
    return "";
  }
  if (!rest.accept("vCont")) return "";
  std::vector<Action> actions(harts_.size(), Action::kStay);
  std::vector<bool> decided(harts_.size(), false);
  while (rest.accept(";")) {
    const auto verb = rest.until(":;");
    if (verb.empty()) return kError;
    const bool steps = verb[0] == 's' || verb[0] == 'S';
    if (!steps && verb[0] != 'c' && verb[0] != 'C') return kError;
    RspParser everyone("-1");
    const auto whom = rest.accept(":") ? threads(rest) : threads(everyone);
    for (const std::size_t hart : whom) {
      if (decided[hart]) continue;  // the leftmost action counts
      decided[hart] = true;
      actions[hart] = steps ? Action::kStep : Action::kContinue;
    }
  }
  return resume(actions) ? "" : kError;
}

std::string GdbServer::attach_process(RspParser packet) {
  const auto process = packet.number();
  if (!process || *process < 1 || *process > processes_.size()) return kError;
  processes_[*process - 1].attached = true;
  current_ = processes_[*process - 1].harts.front();
  return last_stop_ = stop_reply(current_, kSigtrap, "");
}

std::string GdbServer::detach_process(RspParser packet) {
  if (!packet.accept(";")) {
    for (auto& process : processes_) process.attached = false;
    return kOk;
  }
  const auto number = packet.number();
  if (!number || *number < 1 || *number > processes_.size()) return kError;
  processes_[*number - 1].attached = false;
  return kOk;
}

// ---------------------------------------------------------------- registers and memory

const std::array<std::uint32_t, 33>& GdbServer::registers(std::size_t hart) {
  auto& cached = cache_[hart];
  if (!cached) {
    cached.emplace();
    // A core in reset shows zeros.
    for (unsigned i = 1; i < kRegisters && harts_[hart].halted(); ++i) {
      (*cached)[i] = harts_[hart].reg(i).value_or(0);
    }
  }
  return *cached;
}

std::string GdbServer::read_registers() {
  std::string text;
  for (const std::uint32_t value : registers(current_)) text += word_to_hex(value);
  return text;
}

std::string GdbServer::write_registers(RspParser packet) {
  for (unsigned i = 0; i < kRegisters; ++i) {
    const auto value =
        word_from_hex(packet.rest().substr(std::min<std::size_t>(8 * i, packet.rest().size()), 8));
    if (!value || !harts_[current_].set_reg(i, *value)) return kError;
  }
  cache_[current_].reset();
  return kOk;
}

std::string GdbServer::read_register(RspParser packet) {
  const auto number = packet.number();
  if (!number || (*number >= kRegisters && *number < kGdbFirstCsr) ||
      *number >= kGdbFirstCsr + 4096)
    return kError;
  if (*number < kRegisters) return word_to_hex(registers(current_)[*number]);
  const auto value = harts_[current_].reg(port_number(*number));
  return value ? word_to_hex(*value) : "xxxxxxxx";
}

std::string GdbServer::write_register(RspParser packet) {
  const auto number = packet.number();
  if (!number || !packet.accept("=") || (*number >= kRegisters && *number < kGdbFirstCsr))
    return kError;
  const auto value = word_from_hex(packet.rest());
  if (!value || !harts_[current_].set_reg(port_number(*number), *value)) return kError;
  cache_[current_].reset();
  return kOk;
}

std::string GdbServer::read_memory(RspParser packet) {
  const auto address = packet.number();
  if (!address || !packet.accept(",")) return kError;
  const auto bytes = packet.number();
  if (!bytes || *bytes > kMaxRead) return kError;
  std::vector<std::uint8_t> data(*bytes);
  if (!harts_[current_].read(static_cast<std::uint32_t>(*address), data.data(), data.size())) {
    return kError;
  }
  return to_hex(data.data(), data.size());
}

std::string GdbServer::write_memory(RspParser packet, bool binary) {
  const auto address = packet.number();
  if (!address || !packet.accept(",")) return kError;
  const auto bytes = packet.number();
  if (!bytes || !packet.accept(":")) return kError;
  const auto data = binary ? std::optional<std::string>(packet.rest()) : from_hex(packet.rest());
  if (!data || data->size() != *bytes) return kError;
  const bool fine =
      harts_[current_].write(static_cast<std::uint32_t>(*address),
                             reinterpret_cast<const std::uint8_t*>(data->data()), data->size());
  return fine ? kOk : kError;
}

/// GDB thinks of one memory for all threads of a process, so every core of it gets the breakpoint.
std::string GdbServer::stop_point(RspParser packet, bool insert) {
  const auto kind = packet.number();
  if (!kind || *kind > 4 || !packet.accept(",")) return "";
  const auto address = packet.number();
  if (!address || !packet.accept(",")) return kError;
  const auto bytes = packet.number();
  if (!bytes) return kError;
  bool fine = true;
  for (const std::size_t i : processes_[harts_[current_].is_ctl() ? 1 : 0].harts) {
    const auto what = static_cast<StopPoint>(*kind);
    const auto at = static_cast<std::uint32_t>(*address);
    const auto size = static_cast<std::uint32_t>(*bytes);
    fine &= insert ? harts_[i].insert(what, at, size) : harts_[i].remove(what, at, size);
  }
  if (fine || !insert) return fine ? kOk : kError;
  stop_point(RspParser(fmt::format("{:x},{:x},{:x}", *kind, *address, *bytes)), false);
  return kError;
}

// ---------------------------------------------------------------- run control

bool GdbServer::resume(const std::vector<Action>& actions) {
  if (std::all_of(actions.begin(), actions.end(), [](Action a) { return a == Action::kStay; }))
    return false;
  state_ = State::kRunning;
  last_stop_.clear();
  for (std::size_t i = 0; i < harts_.size(); ++i) {
    Action action = actions[i];
    // Nobody asked for a process that is not attached: it runs whenever something does.
    if (!attached(i)) action = Action::kContinue;
    running_[i] = action != Action::kStay;
    if (!running_[i] || !harts_[i].halted()) continue;
    cache_[i].reset();
    if (action == Action::kStep)
      harts_[i].step();
    else
      harts_[i].resume();
  }
  return true;
}

void GdbServer::halt_all() {
  for (Hart& hart : harts_) {
    if (!hart.halted()) hart.request_halt();
  }
  for (std::uint64_t waited = 0; waited < kHaltPatience; waited += kHaltStep) {
    const bool done = std::all_of(harts_.begin(), harts_.end(),
                                  [](Hart& hart) { return hart.halted() || hart.in_reset(); });
    if (done) break;
    chip_.advance(kHaltStep);
  }
  for (Hart& hart : harts_) {
    if (hart.halted()) hart.prepare();
  }
}

std::optional<std::string> GdbServer::find_stop() {
  for (std::size_t i = 0; i < harts_.size(); ++i) {
    Hart& hart = harts_[i];
    if (!running_[i] || !hart.halted()) continue;
    const HaltCause cause = hart.cause();
    std::string reason;
    if (cause == HaltCause::kRequest) {
      // It came out of reset, where the request of halt_all() was waiting for it.
      hart.prepare();
      hart.resume();
      continue;
    }
    if (cause == HaltCause::kEbreak && hart.has_breakpoint(hart.reg(Hart::kPc).value_or(~0U))) {
      reason = "swbreak:;";
    } else if (cause == HaltCause::kTrigger) {
      const auto hit = hart.hit();
      if (!hit) continue;
      switch (hit->kind) {
        case StopPoint::kWrite:
          reason = fmt::format("watch:{:x};", hit->address);
          break;
        case StopPoint::kRead:
          reason = fmt::format("rwatch:{:x};", hit->address);
          break;
        case StopPoint::kAccess:
          reason = fmt::format("awatch:{:x};", hit->address);
          break;
        default:
          reason = "hwbreak:;";
      }
    }
    state_ = State::kStopped;
    halt_all();
    current_ = i;
    return stop_reply(i, kSigtrap, reason);
  }
  return std::nullopt;
}

std::string GdbServer::stop_reply(std::size_t hart, int signal, const std::string& reason) {
  const auto& values = registers(hart);
  return fmt::format("T{:02x}{}thread:{};20:{};02:{};", signal, reason, thread_id(hart),
                     word_to_hex(values[32]), word_to_hex(values[2]));
}

}  // namespace tsr::debug
