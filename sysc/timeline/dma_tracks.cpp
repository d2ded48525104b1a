// SPDX-License-Identifier: Apache-2.0
#include "dma_tracks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engines/dma.hpp"
#include "noc/flit.hpp"

namespace tsr {
namespace {

constexpr std::array<const char*, 2> kUnitNames = {"RDMA", "WDMA"};

unsigned count(std::uint64_t strobe) { return static_cast<unsigned>(__builtin_popcountll(strobe)); }

bool is_read(const DmaRequest& request) { return static_cast<Kind>(request.kind) == Kind::kRead; }

std::string text(Node node) { return fmt::format("({}, {})", node.x, node.y); }

/// Blocks of 64 bytes that a read wants.
unsigned blocks_of(const DmaRequest& request) {
  const auto first = static_cast<unsigned>(request.address >> 6 & 3U);
  const auto last = static_cast<unsigned>((request.address + request.strobe - 1) >> 6 & 3U);
  unsigned blocks = 0;
  for (unsigned block = first; block <= last; ++block) blocks |= 1U << block;
  return blocks;
}

}  // namespace

void DmaTracks::context_write(unsigned index, std::uint32_t data) {
  contexts_[index / 16 % contexts_.size()][index % 16] = data;
}

/// Bytes that a command asks the network for.
std::uint64_t DmaTracks::size(const CommandStart& start) const {
  using engines::DmaOp;
  const auto command = engines::DmaCommand::from_words(start.words);
  const auto op = static_cast<DmaOp>(command.op);
  const bool write = op == DmaOp::Write || op == DmaOp::Multicast || op == DmaOp::Fill;
  if (!write && op != DmaOp::Read && op != DmaOp::Spread) return 0;
  const unsigned row = start.engine == Engine::Wdma ? 6 : 5;
  const auto config =
      engines::DmaConfig::from_words(contexts_[8 * std::size_t{command.context & 7U} + row]);
  const auto& n = config.dst_iter;
  return config.count * std::uint64_t{n[0]} * n[1] * n[2];
}

void DmaTracks::command_start(const CommandStart& start) {
  const auto index = static_cast<unsigned>(start.engine);
  if (index >= kUnits) return;
  Unit& unit = units_[index];
  const auto id = static_cast<std::uint16_t>(start.words[0] >> 16);
  unit.commands.push_back({id, unit.next_number++, size(start)});
}

/// What its command does not wait for any longer has no answer.
void DmaTracks::command_done(std::uint64_t cycle, const CommandDone& done) {
  const auto index = static_cast<unsigned>(done.engine);
  if (index >= kUnits || units_[index].commands.empty()) return;
  Unit& unit = units_[index];
  const Command command = unit.commands.front();
  unit.commands.pop_front();
  for (auto& slot : unit.open) {
    if (!slot || !slot->command || slot->command->number != command.number) continue;
    slot->unanswered = true;
    close(slot, cycle);
  }
}

unsigned DmaTracks::take_lane(Unit& unit, std::uint64_t cycle) const {
  const auto free = std::find_if(unit.lanes.begin(), unit.lanes.end(),
                                 [cycle](std::uint64_t end) { return end < cycle; });
  const auto lane = static_cast<unsigned>(free - unit.lanes.begin());
  if (free == unit.lanes.end()) unit.lanes.push_back(kOpen);
  unit.lanes[lane] = kOpen;
  return lane;
}

void DmaTracks::request(std::uint64_t cycle, const DmaRequest& request) {
  const auto index = static_cast<unsigned>(request.engine);
  if (index >= kUnits || events_.stopped()) return;
  const bool read = is_read(request);
  Transaction transaction;
  transaction.bytes = read ? static_cast<unsigned>(request.strobe) : count(request.strobe);
  if (!read) moves_.push_back({cycle, 0, transaction.bytes});
  if (!setup_.shown) return;
  Unit& unit = units_[index];
  // An engine takes a command while the one before is still asking.
  const auto owner = std::find_if(unit.commands.begin(), unit.commands.end(),
                                  [](const Command& c) { return c.left != 0; });
  if (owner != unit.commands.end()) {
    owner->left -= std::min<std::uint64_t>(owner->left, transaction.bytes);
    transaction.command = *owner;
  }
  transaction.unit = index;
  transaction.begin = cycle;
  transaction.request = request;
  transaction.blocks = read ? blocks_of(request) : 1;
  auto& slot = unit.open[request.tag % kTags];
  if (slot) close(slot, cycle);
  transaction.lane = take_lane(unit, cycle);
  slot = transaction;
  if (static_cast<Kind>(request.kind) == Kind::kWritePosted) close(slot, cycle + 1);
}

void DmaTracks::response(std::uint64_t cycle, const DmaResponse& response) {
  const auto index = static_cast<unsigned>(response.engine);
  if (index >= kUnits || events_.stopped()) return;
  const bool data = static_cast<Kind>(response.kind) == Kind::kReadRsp;
  if (data) moves_.push_back({cycle, count(response.strobe), 0});
  auto& slot = units_[index].open[response.tag % kTags];
  if (response.heard || !slot) return;
  if (slot->error == 0) slot->error = response.error;
  slot->blocks &= data ? ~(1U << (response.address >> 6 & 3U)) : 0;
  if (slot->blocks == 0) close(slot, cycle);
}

void DmaTracks::close(std::optional<Transaction>& slot, std::uint64_t cycle) {
  slot->end = cycle;
  units_[slot->unit].lanes[slot->lane] = cycle;
  closed_.push_back(*slot);
  slot.reset();
}

/// Direction and the node at the other end.
std::string DmaTracks::name(const Transaction& transaction) const {
  const DmaRequest& request = transaction.request;
  if (request.multicast) {
    return fmt::format("multicast {} to {}", text(Node::unpack(request.rect & 0xfffU)),
                       text(Node::unpack(request.rect >> 12)));
  }
  const auto node = setup_.chip != nullptr ? setup_.chip->route(request.address) : std::nullopt;
  return fmt::format("{} {}", is_read(request) ? "read" : "write", node ? text(*node) : "nowhere");
}

void DmaTracks::name_lane(const Transaction& transaction, std::uint64_t cycle) {
  if (!named_) events_.name_process(setup_.pid, cycle, setup_.name, setup_.place);
  named_ = true;
  std::uint64_t& named = units_[transaction.unit].lanes_named;
  if ((named >> transaction.lane & 1U) != 0) return;
  named |= std::uint64_t{1} << transaction.lane;
  events_.name_track({setup_.pid, kDmaTrack + transaction.unit * kDmaLanes + transaction.lane},
                     cycle,
                     fmt::format("{} {}", kUnitNames[transaction.unit], transaction.lane + 1));
}

void DmaTracks::write(const Transaction& transaction, std::uint64_t end, const char* more) {
  const auto& window = events_.window();
  if (end < window.from || transaction.begin > window.to) return;
  std::string args;
  if (transaction.command) args += fmt::format(",\"command\":{}", transaction.command->id);
  args += fmt::format(",\"address\":\"{:#x}\",\"bytes\":{}", transaction.request.address,
                      transaction.bytes);
  if (transaction.error != 0) args += fmt::format(",\"error\":{}", transaction.error);
  if (transaction.unanswered) args += ",\"unanswered\":true";
  name_lane(transaction, end);
  events_.lone_slice({setup_.pid, kDmaTrack + transaction.unit * kDmaLanes + transaction.lane}, end,
                     transaction.begin, end, name(transaction), args + more);
}

void DmaTracks::settle(std::uint64_t cycle) {
  for (const Move& move : moves_) {
    if (move.cycle >= cycle) continue;
    read_ += move.read;
    written_ += move.written;
  }
  for (const Transaction& closed : closed_) {
    if (closed.end < cycle) write(closed, closed.end);
  }
  const auto counted = [=](const Move& move) { return move.cycle < cycle; };
  const auto written = [=](const Transaction& closed) { return closed.end < cycle; };
  moves_.erase(std::remove_if(moves_.begin(), moves_.end(), counted), moves_.end());
  closed_.erase(std::remove_if(closed_.begin(), closed_.end(), written), closed_.end());
}

void DmaTracks::finish(std::uint64_t cycle) {
  for (auto& unit : units_) {
    for (auto& slot : unit.open) {
      if (slot) close(slot, kOpen);
    }
  }
  settle(cycle);
  for (const auto& closed : closed_) {
    if (closed.begin > cycle) continue;
    write(closed, std::min(closed.end, cycle), closed.end > cycle ? ",\"unfinished\":true" : "");
  }
  closed_.clear();
}

}  // namespace tsr
