// SPDX-License-Identifier: Apache-2.0
#include "state_text.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "../error.hpp"

namespace tsr {

void to_json(nlohmann::json& json, const Node& node) { json = {node.x, node.y}; }
void from_json(const nlohmann::json& json, Node& node) { node = {json.at(0), json.at(1)}; }

namespace doctor {
namespace {

using nlohmann::json;

template <class Value>
json maybe(const std::optional<Value>& value) {
  return value ? json(*value) : json();
}

template <class Value>
std::optional<Value> maybe(const json& text) {
  if (text.is_null()) return std::nullopt;
  return text.get<Value>();
}

}  // namespace

void to_json(json& text, const Tokens& t) {
  text = {t.semaphore, t.amount};
  if (t.remote) text.insert(text.end(), {json(t.remote->lo), json(t.remote->hi)});
}
void from_json(const json& text, Tokens& t) {
  t = {text.at(0), text.at(1), {}};
  if (text.size() > 2) t.remote = Rect{text.at(2).get<Node>(), text.at(3).get<Node>()};
}

void to_json(json& text, const Command& c) { text = {c.id, c.waits, c.posts}; }
void from_json(const json& text, Command& c) {
  c.id = text.at(0);
  text.at(1).get_to(c.waits);
  text.at(2).get_to(c.posts);
}

void to_json(json& text, const Transaction& t) {
  text = {maybe(t.address), t.write, t.age, t.older};
}
void from_json(const json& text, Transaction& t) {
  t = {maybe<std::uint64_t>(text.at(0)), text.at(1), text.at(2), text.at(3)};
}

void to_json(json& text, const EngineState& e) {
  text = {e.name,        static_cast<unsigned>(e.activity),
          e.stopped,     e.head_waits,
          e.full,        e.posts_waiting,
          e.running,     e.queued,
          e.transactions};
}
void from_json(const json& text, EngineState& e) {
  e.name = text.at(0);
  e.activity = static_cast<Activity>(text.at(1).get<unsigned>());
  e.stopped = text.at(2);
  e.head_waits = text.at(3);
  e.full = text.at(4);
  e.posts_waiting = text.at(5);
  text.at(6).get_to(e.running);
  text.at(7).get_to(e.queued);
  text.at(8).get_to(e.transactions);
}

void to_json(json& text, const WakeUp& w) {
  text = {w.enabled, w.pending, w.timer, maybe(w.semaphore), maybe(w.space_of)};
}
void from_json(const json& text, WakeUp& w) {
  w = {text.at(0), text.at(1), text.at(2), maybe<Tokens>(text.at(3)), maybe<unsigned>(text.at(4))};
}

void to_json(json& text, const CoreState& c) {
  text = {c.running, c.halted, c.asleep,  c.wake,     c.pc,           c.pc_low,
          c.pc_high, c.pcs,    c.retired, c.observed, maybe(c.access)};
}
void from_json(const json& text, CoreState& c) {
  c.running = text.at(0);
  c.halted = text.at(1);
  c.asleep = text.at(2);
  c.wake = text.at(3);
  c.pc = text.at(4);
  c.pc_low = text.at(5);
  c.pc_high = text.at(6);
  c.pcs = text.at(7);
  c.retired = text.at(8);
  c.observed = text.at(9);
  c.access = maybe<Transaction>(text.at(10));
}

void to_json(json& text, const NodeState& n) {
  text = {json(n.node), static_cast<unsigned>(n.kind),
          json(n.core), n.engines,
          n.semaphores, n.reads,
          n.writes,     n.answers_held};
}
void from_json(const json& text, NodeState& n) {
  n.node = text.at(0).get<Node>();
  n.kind = static_cast<Kind>(text.at(1).get<unsigned>());
  n.core = text.at(2).get<CoreState>();
  text.at(3).get_to(n.engines);
  text.at(4).get_to(n.semaphores);
  n.reads = text.at(5);
  n.writes = text.at(6);
  n.answers_held = text.at(7);
}

std::string to_text(const std::vector<NodeState>& nodes) { return json(nodes).dump(); }

std::vector<NodeState> nodes_of(const std::string& text) {
  try {
    return json::parse(text).get<std::vector<NodeState>>();
  } catch (const json::exception& error) {
    throw InputError(std::string("no states of nodes: ") + error.what());
  }
}

}  // namespace doctor
}  // namespace tsr
