// SPDX-License-Identifier: Apache-2.0
/// What a memory node stores: bytes by node-local offset, and the side bits of those atoms whose
/// side bits are not what their data says (poison, errors).
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <vector>

#include "dram/address.hpp"
#include "dram/bit_errors.hpp"
#include "dram/ecc.hpp"

namespace tsr {

/// Deliberate errors in the next atom that is written, as ECC_INJECT.
struct Injection {
  bool arm = false;
  bool two = false;
  unsigned first = 0;
  unsigned second = 0;
};

/// What an access came across.
struct EccEvent {
  std::uint64_t atom = 0;  ///< node-local offset
  std::uint16_t syndrome = 0;
  bool lost = false;  ///< else fixed
};

class MemoryStore {
 public:
  /// Large, so that the operating system gives memory to what is touched alone.
  static constexpr std::uint64_t kPageBytes = 1U << 20;

  /// Reads as zero until it is written.
  MemoryStore();

  /// Bytes of one 64-byte block, with check and correction if `ecc`; true: an atom that was touched
  /// is poison or lost.
  bool read(std::uint64_t offset, unsigned bytes, std::uint8_t* data, bool ecc);
  /// Strobed write of an aligned block; true: it had to read the rest of an atom.
  bool write(std::uint64_t offset, const std::uint8_t* data, std::uint64_t strobe, bool poison,
             bool ecc);
  /// Correct what can be corrected in a block; true: something was written back.
  bool scrub(std::uint64_t offset);

  /// Whether all data is as it was written: then events never come.
  bool sound() const { return odd_.empty() && !errors_[0].any() && !errors_[1].any(); }
  /// Page that holds a byte; null: never written.
  std::uint8_t* page(std::uint64_t offset) { return pages_[offset / kPageBytes].get(); }
  /// The same, made if need be.
  std::uint8_t* make_page(std::uint64_t offset);

  /// Events since the last call.
  std::vector<EccEvent> take_events();
  Injection injection;
  /// As DramDevice::set_error_rate() and break_cell().
  void set_error_rate(double per_bit, std::uint64_t seed);
  void break_cell(std::uint64_t offset, unsigned bit);
  std::uint64_t bit_errors() const { return errors_[0].count() + errors_[1].count(); }

 private:
  struct Free {
    void operator()(std::uint8_t* page) const { std::free(page); }
  };
  using Page = std::unique_ptr<std::uint8_t, Free>;
  struct Atom {
    DramAtom data{};
    std::uint16_t side = 0;
  };
  struct Checked {
    DramAtom data{};
    bool bad = false;
    bool fixed = false;
  };

  Atom load(std::uint64_t offset);
  void store(std::uint64_t offset, const DramAtom& data, std::uint16_t side);
  Checked check(std::uint64_t offset, bool ecc);
  bool write_atom(std::uint64_t offset, const std::uint8_t* data, std::uint32_t strobe, bool poison,
                  bool ecc);

  std::vector<Page> pages_;
  std::unordered_map<std::uint64_t, std::uint16_t> odd_;  ///< side bits by offset of the atom
  std::array<BitErrors, kDramPcs> errors_;
  std::vector<EccEvent> events_;
};

}  // namespace tsr
