// SPDX-License-Identifier: Apache-2.0
#include "bus.hpp"

#include <stdexcept>

namespace tsr {
namespace {

Bus* current = nullptr;

Bus& bus() {
  if (current == nullptr) throw std::logic_error("no bus");
  return *current;
}

}  // namespace

Bus::Bus() { current = this; }
Bus::~Bus() { current = nullptr; }

uint32_t RegisterBus::read(uint32_t address) {
  const auto it = answers.find(address);
  if (it == answers.end()) return memory[address];
  const uint32_t value = it->second.front();
  if (it->second.size() > 1) it->second.erase(it->second.begin());
  return value;
}

void RegisterBus::write(uint32_t address, uint32_t value) {
  memory[address] = value;
  writes.emplace_back(address, value);
}

}  // namespace tsr

extern "C" {
uint32_t tsr_mock_read32(uint32_t address) { return tsr::bus().read(address); }
void tsr_mock_write32(uint32_t address, uint32_t value) { tsr::bus().write(address, value); }
uint64_t tsr_cycles(void) { return tsr::bus().cycles(); }
void tsr_irq_enable(uint32_t) {}
void tsr_irq_sleep(uint32_t mask) { tsr::bus().sleep(mask); }
}
