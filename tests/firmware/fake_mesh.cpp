// SPDX-License-Identifier: Apache-2.0
#include "fake_mesh.hpp"

#include <stdexcept>

#include "regs/hbm_regs.h"
#include "regs/sys_regs.h"
#include "regs/tile_regs.h"

extern "C" {
#include "drivers/tile.h"
}

namespace tsr {
namespace {

constexpr unsigned kRdma = 0, kWdma = 1;

Node node_of(uint64_t address) { return Node::unpack(static_cast<uint32_t>(address >> 32)); }

}  // namespace

FakeMesh::FakeMesh(std::vector<std::string> rows)
    : links(static_cast<unsigned>(rows[0].size()), static_cast<unsigned>(rows.size())),
      plan(std::move(rows)) {
  uint32_t memories = 0;
  own_[TSR_SYS_BASE + TSR_SYS_ID_OFFSET] = TSR_SYS_ID_RESET;
  own_[TSR_SYS_BASE + TSR_SYS_MESH_OFFSET] = links.width() | links.height() << 8;
  for (unsigned i = 0; i < links.nodes(); ++i) {
    const Node node = links.node(i);
    const unsigned bit = node.y * 8 + node.x;
    if (kind(node) == 'T') own_[TSR_SYS_BASE + TSR_SYS_TILE_MAP(bit / 32)] |= 1U << bit % 32;
    if (kind(node) != 'M') continue;
    own_[TSR_SYS_BASE + TSR_SYS_MEM_NODE(memories++)] = node.x | node.y << 8 | 1U << 31;
  }
  own_[TSR_SYS_BASE + TSR_SYS_MEM_OFFSET] = memories | 512U << 16;
  own_[TSR_SYS_BASE + TSR_SYS_CTL_OFFSET] = ctl().x | ctl().y << 8;
  own_[TSR_REGS_BASE + TSR_TILE_ID_OFFSET] = ctl().x | ctl().y << 8;
  for (unsigned net = 0; net < 2; ++net) {
    tables[net].resize(links.nodes());
    stuck_[net].resize(links.nodes());
  }
}

Node FakeMesh::ctl() const {
  for (unsigned i = 0; i < links.nodes(); ++i) {
    if (kind(links.node(i)) == 'C') return links.node(i);
  }
  throw std::logic_error("no ctl node");
}

/// Send a flit on VC 1. A link that is dead and not yet known swallows it and is given up.
bool FakeMesh::travel(unsigned net, Node from, Node to) {
  Node at = from;
  for (unsigned in = 0, hops = 0; hops < 64; ++hops) {
    const unsigned index = links.index(at);
    const RouterTable& table = tables[net][index];
    const bool along_x = at.x != to.x && (net == 0 || at.y == to.y);
    const Dir dimension = at == to  ? Dir::kLocal
                          : along_x ? (to.x > at.x ? Dir::kEast : Dir::kWest)
                                    : (to.y > at.y ? Dir::kSouth : Dir::kNorth);
    const unsigned out = table.enable ? table.way(in, to) : static_cast<unsigned>(dimension);
    if (out == 0 && at == to) return true;
    const bool closed = out == 0 || out >= kNumDirs || out == in ||
                        ((stuck_[net][index] | table.dead) >> out & 1) != 0;
    if (closed) break;
    const auto next = links.neighbour(at, static_cast<Dir>(out));
    if (!next) {
      stuck_[net][index] |= static_cast<uint8_t>(1U << out);
      break;
    }
    at = *next;
    in = static_cast<unsigned>(facing(static_cast<Dir>(out)));
  }
  ++lost;
  return false;
}

void FakeMesh::give_up(Node node, Dir port) {
  const Node other = *links.mesh_neighbour(node, port);
  for (auto& stuck : stuck_) {
    stuck[links.index(node)] |= static_cast<uint8_t>(1U << static_cast<unsigned>(port));
    stuck[links.index(other)] |= static_cast<uint8_t>(1U << static_cast<unsigned>(facing(port)));
  }
}

uint32_t FakeMesh::status(Node node, unsigned select) {
  const unsigned net = select / 8, index = links.index(node);
  if (select % 8 != 7) return 1234567;  // a counter
  return stuck_[net][index] | tables[net][index].control() << 16;
}

/// A word that a node gives to a read.
uint32_t FakeMesh::answer(Node from, uint32_t local) {
  const uint32_t offset = local - TSR_REGS_BASE;
  if (kind(from) == '.') return offset < 64 ? status(from, offset / 4) : 0;
  if (kind(from) == 'M' && offset == TSR_HBM_ROUTER_COUNT_OFFSET) {
    return status(from, word(from, TSR_REGS_BASE + TSR_HBM_ROUTER_SEL_OFFSET));
  }
  if (kind(from) != 'M' && offset == TSR_TILE_ROUTER_COUNT_OFFSET) {
    return status(from, word(from, TSR_REGS_BASE + TSR_TILE_ROUTER_SEL_OFFSET));
  }
  return word(from, local);
}

/// A word that arrives at a node; a core that is started reports at once.
void FakeMesh::deliver(Node to, uint32_t local, uint32_t value) {
  const uint32_t page = local - kRouterPage;
  if (local < kRouterPage) {
    word(to, local) = value;
    const bool run = local == TSR_REGS_BASE + TSR_TILE_CORE_CTRL_OFFSET &&
                     (value & TSR_TILE_CORE_CTRL_RUN_MASK) != 0;
    if (run) {
      word(to, TSR_REGS_BASE + TSR_TILE_SCRATCH(0)) = 1;  // TSR_TILE_IDLE
      own_[TSR_REGS_BASE + TSR_TILE_SEM(15)] += 1;
    }
    return;
  }
  RouterTable& table = tables[page / kRouterNetStride][links.index(to)];
  const uint32_t in_net = page % kRouterNetStride;
  ++page_writes;
  if (in_net == kRouterControl) {
    table.enable = (value & 1) != 0;
    table.down = value & 0x1e;
    table.dead = value >> 8 & 0x1e;
    stuck_[page / kRouterNetStride][links.index(to)] = 0;
  } else if (in_net < kRouterControl) {
    const uint32_t row = in_net / 4;
    for (unsigned x = 0; x < 8; ++x) {
      table.port[row / 8][row % 8 * 8 + x] = value >> 3 * x & 7;
    }
  }
}

uint32_t FakeMesh::read(uint32_t address) {
  if (address < 0x80000000U) {
    if (address == TSR_REGS_BASE + TSR_TILE_IRQ_STATE_OFFSET) return irq_;
    if (address == TSR_REGS_BASE + TSR_TILE_QUEUE_STATUS_OFFSET) return 0x88888;  // empty
    return own_[address];
  }
  const uint32_t window = (address >> 28) - 8;
  const uint64_t base = uint64_t{own_[TSR_REGS_BASE + TSR_TILE_CORE_WIN(window)]} << 28;
  const Node node = node_of(base);
  if (!ask(node)) throw std::runtime_error("the core waits for an answer that is lost");
  const uint32_t local = address & 0x0fffffff;
  if (local == TSR_REGS_BASE + TSR_TILE_QUEUE_STATUS_OFFSET) return 0x88888;
  return answer(node, local);
}

void FakeMesh::write(uint32_t address, uint32_t value) {
  if (address >= 0x80000000U) throw std::runtime_error("the core writes through a window");
  const uint32_t reg = address - TSR_REGS_BASE;
  if (reg == TSR_TILE_IRQ_STATE_OFFSET) {
    irq_ &= ~value;
  } else if (reg >= TSR_TILE_SEM(0) && reg <= TSR_TILE_SEM(15)) {
    const bool take = (value & TSR_TILE_SEM_TAKE_MASK) != 0;
    own_[address] = take ? own_[address] - (value & 0xff) : own_[address] + (value & 0xff);
  } else {
    own_[address] = value;
  }
  const uint32_t staged = address - TSR_CMD_BASE;
  if (address >= TSR_CMD_BASE && staged < 5 * 64 && staged % 64 == 60) push(staged / 64);
}

void FakeMesh::sleep(uint32_t mask) {
  now_ += 25'000;
  if ((mask & (1U << 19)) != 0 && now_ > 1'000'000'000) throw std::runtime_error("sleeps for ever");
}

void FakeMesh::push(unsigned engine) {
  uint32_t cmd[16];
  for (unsigned i = 0; i < 16; ++i) cmd[i] = own_[TSR_CMD_BASE + 64 * engine + 4 * i];
  if (engine == kRdma) {
    if (!read_command(cmd)) {
      irq_ |= TSR_TILE_IRQ_ERROR;
      return;
    }
  } else if (engine == kWdma) {
    mcast_command(cmd);
  }
  for (const uint32_t post : {cmd[2] & 0xffff, cmd[2] >> 16}) {
    if ((post & 0x10) != 0) own_[TSR_REGS_BASE + TSR_TILE_SEM(post & 15)] += post >> 8;
  }
}

bool FakeMesh::read_command(const uint32_t* cmd) {
  const uint64_t source = cmd[5] | uint64_t{cmd[6]} << 32;
  const uint32_t ctx = cmd[0] >> 8 & 7;
  const uint32_t bytes = own_[TSR_CTX_BASE + 512 * ctx + 64 * 5];
  if ((source >> 52) == 0) return true;  // HBM: not looked at here
  if (!ask(node_of(source))) return false;
  for (uint32_t i = 0; i < bytes; i += 4) {
    own_[TSR_SPM_BASE + cmd[7] + i] = answer(node_of(source), static_cast<uint32_t>(source) + i);
  }
  return true;
}

void FakeMesh::mcast_command(const uint32_t* cmd) {
  const uint32_t row = TSR_CTX_BASE + 512 * (cmd[0] >> 8 & 7) + 64 * 6;
  const uint32_t bytes = own_[row], rows = own_[row + 28] & 0xffff;
  const uint32_t rect = cmd[4];
  const Node lo{rect & 0xff, rect >> 8 & 0xff}, hi{rect >> 16 & 0xff, rect >> 24};
  if (lo != hi) ++multicasts;
  for (unsigned y = lo.y; y <= hi.y; ++y) {
    for (unsigned x = lo.x; x <= hi.x; ++x) {
      // Words one by one: a control word that arrives changes the way of what comes later.
      for (uint32_t i = 0; i < rows * bytes; i += 4) {
        const uint32_t from = i / bytes * own_[row + 4] + i % bytes;
        const uint32_t to = i / bytes * own_[row + 16] + i % bytes;
        if (!travel(0, ctl(), {x, y})) break;
        deliver({x, y}, cmd[7] + to, own_[TSR_SPM_BASE + cmd[5] + from]);
      }
    }
  }
}

}  // namespace tsr
