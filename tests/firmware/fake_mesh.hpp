// SPDX-License-Identifier: Apache-2.0
// The chip as the ctl core sees it through its network interface: routers with tables and link
// watchdogs, endpoints that are plain words, links that can die. Messages take no time.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "bus.hpp"
#include "noc/fault_map.hpp"
#include "noc/router_page.hpp"

namespace tsr {

class FakeMesh : public Bus {
 public:
  /// `plan`: C ctl, T tile, M memory node, . bare router; a string a row.
  explicit FakeMesh(std::vector<std::string> plan);

  uint32_t read(uint32_t address) override;
  void write(uint32_t address, uint32_t value) override;
  uint64_t cycles() override { return now_ += 50; }
  void sleep(uint32_t mask) override;

  void kill_link(Node a, Node b) { links.kill_link(a, b); }
  /// The watchdogs at both ends of a link give it up, as after traffic of others.
  void give_up(Node node, Dir port);
  /// A word at a node-local address.
  uint32_t& word(Node node, uint32_t local) { return words_[{links.index(node), local}]; }

  FaultMap links;                                  ///< as they are
  std::array<std::vector<RouterTable>, 2> tables;  ///< as loaded, by network and node
  std::vector<std::string> plan;
  unsigned page_writes = 0;
  unsigned lost = 0;        ///< messages
  unsigned multicasts = 0;  ///< to more than one node

 private:
  Node ctl() const;
  char kind(Node node) const { return plan[node.y][node.x]; }
  bool travel(unsigned net, Node from, Node to);
  bool ask(Node to) { return travel(0, ctl(), to) && travel(1, to, ctl()); }
  void deliver(Node to, uint32_t local, uint32_t value);
  uint32_t answer(Node from, uint32_t local);
  uint32_t status(Node node, unsigned select);
  void push(unsigned engine);
  bool read_command(const uint32_t* cmd);
  void mcast_command(const uint32_t* cmd);

  uint64_t now_ = 0;
  uint32_t irq_ = 0;
  std::array<std::vector<uint8_t>, 2> stuck_;
  std::map<std::pair<unsigned, uint32_t>, uint32_t> words_;
  std::map<uint32_t, uint32_t> own_;  ///< the core's own address space
};

}  // namespace tsr
