// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/reg_block.hpp"

namespace tsr::hart {

RegBlock::RegBlock(const regs::Block& block) : places_(block.size / 4) {
  for (const regs::Register& reg : block) {
    for (unsigned i = 0; i < reg.count; ++i) {
      places_[(reg.offset + i * reg.stride) / 4] = place(reg);
    }
  }
}

RegBlock::Place RegBlock::place(const regs::Register& reg) {
  Place place;
  place.reg = &reg;
  for (const regs::Field& field : reg) {
    if (field.access == regs::Access::kWo || field.live()) continue;
    place.initial |= field.reset << field.lsb;
    if (field.access == regs::Access::kRw) place.rw |= field.mask();
    if (field.access == regs::Access::kRw1c) place.rw1c |= field.mask();
  }
  place.value = place.initial;
  return place;
}

void RegBlock::reset() {
  for (Place& place : places_) place.value = place.initial;
}

RegAnswer RegBlock::access(const RegAccess& access) {
  if (access.offset % 4 != 0 || access.offset / 4 >= places_.size()) return {true, 0};
  Place& place = places_[access.offset / 4];
  if (place.reg == nullptr) return {true, 0};
  if (!access.write) return {false, on_read(access.offset, place.value)};
  if (!place.reg->writable() || (place.reg->priv && !access.priv)) return {true, 0};
  if (access.strb == 0) return {};
  std::uint32_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) {
    if ((access.strb >> i & 1U) != 0) mask |= 0xffU << (8 * i);
  }
  const std::uint32_t data = access.data & mask;
  place.value = (place.value & ~(place.rw & mask)) | (data & place.rw);
  place.value &= ~(data & place.rw1c);
  return {!on_write(access.offset, data), 0};
}

}  // namespace tsr::hart
