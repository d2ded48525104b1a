// SPDX-License-Identifier: Apache-2.0
#include "tlm/memory/memory_store.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace tsr {
namespace {

constexpr std::uint16_t kCheckMask = (1U << kEccCheckBits) - 1;

/// tsr_hbm_ecc_pkg::verdict_t.
struct Verdict {
  bool fixed = false, lost = false, poison = false, flip = false;
  unsigned index = 0;
  std::uint16_t syndrome = 0;
};

Verdict verdict(const DramAtom& data, std::uint16_t side) {
  Verdict v;
  v.syndrome = static_cast<std::uint16_t>((ecc_side(data) ^ side) & kCheckMask);
  const int copies = __builtin_popcount(side >> kEccCheckBits);
  v.poison = copies >= 3;
  if (v.syndrome == 0 && (copies == 0 || copies == static_cast<int>(kEccPoisonCopies))) return v;
  const bool single = (v.syndrome & (v.syndrome - 1)) == 0;
  const bool odd = __builtin_parity(v.syndrome) != 0;
  v.flip = !single && ((odd && (v.syndrome & 0x200U) != 0) || v.syndrome == 0x1ff);
  v.index = (v.syndrome & 0x200U) != 0 ? v.syndrome & 0xffU : 0;
  v.lost = !single && !v.flip;
  v.fixed = !v.lost;
  return v;
}

/// Names an atom of a pseudo channel, as the DRAM device does.
std::uint64_t atom_number(const DramAddress& at) {
  return (std::uint64_t{at.bank} * kDramRows + at.row) * kDramCols + at.col;
}

}  // namespace

MemoryStore::MemoryStore() : pages_(kDramNodeBytes / kPageBytes) {}

std::uint8_t* MemoryStore::make_page(std::uint64_t offset) {
  Page& page = pages_[offset / kPageBytes];
  if (page == nullptr) page.reset(static_cast<std::uint8_t*>(std::calloc(kPageBytes, 1)));
  if (page == nullptr) throw std::bad_alloc();
  return page.get();
}

MemoryStore::Atom MemoryStore::load(std::uint64_t offset) {
  Atom atom;
  if (const std::uint8_t* bytes = page(offset)) {
    std::memcpy(atom.data.data(), bytes + offset % kPageBytes, kDramAtomBytes);
  }
  const auto found = odd_.find(offset);
  atom.side = found != odd_.end() ? found->second : ecc_side(atom.data);
  return atom;
}

void MemoryStore::store(std::uint64_t offset, const DramAtom& data, std::uint16_t side) {
  std::memcpy(make_page(offset) + offset % kPageBytes, data.data(), kDramAtomBytes);
  if (side == ecc_side(data)) {
    odd_.erase(offset);
  } else {
    odd_[offset] = side;
  }
}

/// What comes out of the DRAM and the check behind it.
MemoryStore::Checked MemoryStore::check(std::uint64_t offset, bool ecc) {
  const DramAddress at = dram_address(offset);
  BitErrors& errors = errors_[at.pc];
  Atom atom = load(offset);
  if (errors.any()) {
    if (errors.due()) {
      while (errors.due()) ecc_flip(atom.data, atom.side, errors.next());
      store(offset, atom.data, atom.side);
    }
    errors.pass();
    errors.apply(atom_number(at), atom.data, atom.side);
  }
  Checked result{atom.data, false, false};
  if (!ecc) return result;
  const Verdict v = verdict(atom.data, atom.side);
  if (v.flip) result.data[v.index / 64] ^= std::uint64_t{1} << v.index % 64;
  if (v.fixed || v.lost) events_.push_back({offset, v.syndrome, v.lost});
  result.bad = v.lost || v.poison;
  result.fixed = v.fixed;
  return result;
}

bool MemoryStore::read(std::uint64_t offset, unsigned bytes, std::uint8_t* data, bool ecc) {
  if (sound()) {
    if (const std::uint8_t* from = page(offset)) {
      std::memcpy(data, from + offset % kPageBytes, bytes);
    } else {
      std::memset(data, 0, bytes);
    }
    return false;
  }
  bool bad = false;
  for (const std::uint64_t end = offset + bytes; offset < end;) {
    const std::uint64_t atom = offset / kDramAtomBytes * kDramAtomBytes;
    const auto part =
        static_cast<unsigned>(std::min<std::uint64_t>(end, atom + kDramAtomBytes) - offset);
    const Checked checked = check(atom, ecc);
    std::memcpy(data, reinterpret_cast<const std::uint8_t*>(checked.data.data()) + (offset - atom),
                part);
    bad |= checked.bad;
    data += part;
    offset += part;
  }
  return bad;
}

bool MemoryStore::write_atom(std::uint64_t offset, const std::uint8_t* data, std::uint32_t strobe,
                             bool poison, bool ecc) {
  if (strobe == 0) return false;
  const bool whole = strobe == ~0U;
  Checked old;
  if (!whole) old = check(offset, ecc);
  auto* bytes = reinterpret_cast<std::uint8_t*>(old.data.data());
  for (unsigned i = 0; i < kDramAtomBytes; ++i) {
    if ((strobe >> i & 1U) != 0) bytes[i] = data[i];
  }
  std::uint16_t side = ecc ? ecc_side(old.data, poison || old.bad) : 0;
  if (ecc && injection.arm) {
    ecc_flip(old.data, side, injection.first);
    if (injection.two) ecc_flip(old.data, side, injection.second);
    injection.arm = false;
  }
  store(offset, old.data, side);
  return !whole && ecc;
}

bool MemoryStore::write(std::uint64_t offset, const std::uint8_t* data, std::uint64_t strobe,
                        bool poison, bool ecc) {
  const auto low = static_cast<std::uint32_t>(strobe);
  const auto high = static_cast<std::uint32_t>(strobe >> 32);
  if (sound() && ecc && !poison && !injection.arm) {
    std::uint8_t* to = make_page(offset) + offset % kPageBytes;
    if (strobe == ~0ULL) {
      std::memcpy(to, data, 64);
      return false;
    }
    for (std::uint64_t rest = strobe; rest != 0; rest &= rest - 1) {
      const auto i = static_cast<unsigned>(__builtin_ctzll(rest));
      to[i] = data[i];
    }
    return (low != 0 && low != ~0U) || (high != 0 && high != ~0U);
  }
  const bool first = write_atom(offset, data, low, poison, ecc);
  const bool second = write_atom(offset + kDramAtomBytes, data + kDramAtomBytes, high, poison, ecc);
  return first || second;
}

bool MemoryStore::scrub(std::uint64_t offset) {
  bool repaired = false;
  for (const std::uint64_t atom : {offset, offset + kDramAtomBytes}) {
    const Checked checked = check(atom, true);
    if (!checked.fixed) continue;
    store(atom, checked.data, ecc_side(checked.data, checked.bad));
    repaired = true;
  }
  return repaired;
}

void MemoryStore::set_error_rate(double per_bit, std::uint64_t seed) {
  for (unsigned pc = 0; pc < kDramPcs; ++pc) errors_[pc].set_rate(per_bit, seed * kDramPcs + pc);
}

void MemoryStore::break_cell(std::uint64_t offset, unsigned bit) {
  const DramAddress at = dram_address(offset);
  errors_[at.pc].break_cell(atom_number(at), bit);
}

std::vector<EccEvent> MemoryStore::take_events() {
  std::vector<EccEvent> events;
  events.swap(events_);
  return events;
}

}  // namespace tsr
