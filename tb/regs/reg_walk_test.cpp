// SPDX-License-Identifier: Apache-2.0
/// Walks the generated register table of every block over the block's register top and compares
/// each output in each cycle with a model made from the table alone.
#include <array>
#include <map>
#include <type_traits>
#include <utility>

#include "Vregs_fuse.h"
#include "Vregs_hbm.h"
#include "Vregs_mailbox.h"
#include "Vregs_sys.h"
#include "Vregs_tile.h"
#include "Vregs_timer.h"
#include "Vregs_uart.h"
#include "Vregs_wdog.h"
#include "common/bench.hpp"
#include "regs/fuse_regs.hpp"
#include "regs/hbm_regs.hpp"
#include "regs/mailbox_regs.hpp"
#include "regs/sys_regs.hpp"
#include "regs/tile_regs.hpp"
#include "regs/timer_regs.hpp"
#include "regs/uart_regs.hpp"
#include "regs/wdog_regs.hpp"

namespace {

using tsr::regs::Access;
using tsr::regs::Block;
using tsr::regs::Field;
using tsr::regs::Register;

// Bits of a port of any width: 8 to 64 bits are integers in Verilator, wider ones arrays of 32-bit
// words.
template <class Port>
std::uint64_t port_bits(const Port& port, int low, unsigned width) {
  if constexpr (std::is_integral_v<Port>) {
    const std::uint64_t mask = width == 64 ? ~0ULL : (1ULL << width) - 1;
    return (static_cast<std::uint64_t>(port) >> low) & mask;
  } else {
    return tsr::tb::get_bits(port, static_cast<unsigned>(low), width);
  }
}

template <class Port>
void drive_port(Port& port, const std::vector<bool>& bits) {
  if constexpr (std::is_integral_v<Port>) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bits.size(); ++i) value |= std::uint64_t{bits[i]} << i;
    port = static_cast<Port>(value);
  } else {
    for (std::size_t i = 0; i < bits.size(); ++i) {
      tsr::tb::set_bits(port, static_cast<unsigned>(i), 1, bits[i]);
    }
  }
}

// Register tops without stored or written fields lack one of these ports.
template <class Model, class = void>
struct HasReg2hw : std::false_type {};
template <class Model>
struct HasReg2hw<Model, std::void_t<decltype(std::declval<Model&>().reg2hw_o)>> : std::true_type {};
template <class Model, class = void>
struct HasHw2reg : std::false_type {};
template <class Model>
struct HasHw2reg<Model, std::void_t<decltype(std::declval<Model&>().hw2reg_i)>> : std::true_type {};

struct Request {
  bool valid = false;
  bool write = false;
  bool priv = false;
  std::uint32_t addr = 0;
  std::uint32_t wdata = 0;
  std::uint32_t strb = 0;
};

struct Response {
  std::uint32_t rdata = 0;
  bool err = false;
};

std::uint32_t strobe_mask(std::uint32_t strb) {
  std::uint32_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) {
    if ((strb >> i) & 1) mask |= 0xffU << (8 * i);
  }
  return mask;
}

/// A block and its verilated register top.
template <class VModel, const Block& kTable>
struct Unit {
  using Model = VModel;
  static constexpr const Block& table() { return kTable; }
};

template <class U>
class RegTop : public tsr::tb::Bench<typename U::Model> {
 protected:
  using Model = typename U::Model;
  // Register and element.
  using Element = std::pair<const Register*, unsigned>;

  void SetUp() override {
    tsr::tb::Bench<Model>::SetUp();
    hardware_.assign(static_cast<std::size_t>(table().hw2reg_width), false);
    for (const Register& reg : table()) {
      for (unsigned i = 0; i < reg.count; ++i) value_[{&reg, i}] = reset_value(reg);
    }
    this->dut().rst_ni = 0;
    step({});
    this->reset();
  }

  static const Block& table() { return U::table(); }

  static std::uint32_t reset_value(const Register& reg) {
    std::uint32_t value = 0;
    for (const Field& field : reg) value |= field.reset << field.lsb;
    return value;
  }

  bool hardware_bit(int position) const { return hardware_[static_cast<std::size_t>(position)]; }

  std::uint32_t hardware_value(const Field& field, int base) const {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < field.width; ++i) {
      value |= std::uint32_t{hardware_bit(base + field.d + static_cast<int>(i))} << i;
    }
    return value << field.lsb;
  }

  /// What the table says about the access `request` with the current state and hardware inputs.
  Response expected(const Request& request) const {
    Response response;
    if (!request.valid) return response;
    unsigned index = 0;
    const Register* reg = table().find(request.addr, &index);
    if (reg == nullptr) return {0, true};
    const int base = static_cast<int>(index) * reg->hw2reg_stride;
    response.err = request.write && (!reg->writable() || (reg->priv && !request.priv));
    if (reg->err >= 0 && hardware_bit(base + reg->err)) response.err = true;
    if (request.write) return response;
    for (const Field& field : *reg) {
      if (!field.readable()) continue;
      const std::uint32_t source =
          field.live() ? hardware_value(field, base) : value_.at({reg, index});
      response.rdata |= source & field.mask();
    }
    return response;
  }

  /// Element that `request` writes, or null.
  Element written(const Request& request) const {
    if (!request.valid || !request.write || request.strb == 0) return {nullptr, 0};
    unsigned index = 0;
    const Register* reg = table().find(request.addr, &index);
    if (reg == nullptr || !reg->writable() || (reg->priv && !request.priv)) return {nullptr, 0};
    return {reg, index};
  }

  void check_outputs(const Request& request) {
    const auto& out = this->dut();
    const Response want = expected(request);
    const std::uint64_t got = out.reg_o;
    ASSERT_EQ(got & 1, want.err) << describe(request);
    ASSERT_EQ(static_cast<std::uint32_t>(got >> 1), want.rdata) << describe(request);
    if constexpr (HasReg2hw<Model>::value) {
      unsigned read_index = 0;
      const Register* read =
          request.valid && !request.write ? table().find(request.addr, &read_index) : nullptr;
      const Element write_now = written(request);
      for (const auto& [element, value] : value_) {
        const auto& [reg, index] = element;
        const int base = static_cast<int>(index) * reg->reg2hw_stride;
        for (const Field& field : *reg) {
          const auto where =
              fmt::format("{}[{}].{} {}", reg->name, index, field.name, describe(request));
          const bool write_pulse = (field.external ? write_now : written_before_) == element;
          const std::uint32_t bus = request.wdata & strobe_mask(request.strb);
          const std::uint32_t q = ((field.external ? bus : value) & field.mask()) >> field.lsb;
          if (field.qe >= 0) {
            ASSERT_EQ(port_bits(out.reg2hw_o, base + field.qe, 1), write_pulse) << where;
          }
          if (field.q >= 0 && (!field.external || write_pulse)) {
            ASSERT_EQ(port_bits(out.reg2hw_o, base + field.q, field.width), q) << where;
          }
          if (field.re >= 0) {
            ASSERT_EQ(port_bits(out.reg2hw_o, base + field.re, 1),
                      read == reg && read_index == index)
                << where;
          }
        }
      }
    }
  }

  /// State after the edge.
  void update(const Request& request) {
    written_before_ = written(request);
    const std::uint32_t mask = strobe_mask(request.strb);
    for (auto& [element, value] : value_) {
      const auto& [reg, index] = element;
      const int base = static_cast<int>(index) * reg->hw2reg_stride;
      const bool hit = written_before_ == element;
      for (const Field& field : *reg) {
        if (field.external || !field.writable()) continue;
        const std::uint32_t bits = field.mask();
        const bool hardware = field.de >= 0 && hardware_bit(base + field.de);
        const std::uint32_t d = hardware ? hardware_value(field, base) : 0;
        if (field.access == Access::kRw1c) {
          if (hit) value &= ~(request.wdata & mask & bits);
          value |= d;
          continue;
        }
        if (hardware) value = (value & ~bits) | d;
        if (hit && field.access == Access::kRw)
          value = (value & ~(bits & mask)) | (request.wdata & bits & mask);
        if (hit && field.access == Access::kWo)
          value = (value & ~bits) | (request.wdata & bits & mask);
      }
    }
  }

  /// One clock cycle with `request` on the bus; returns the answer.
  Response step(const Request& request) {
    auto& in = this->dut();
    in.reg_i = (std::uint64_t{request.valid} << 54) | (std::uint64_t{request.write} << 53) |
               (std::uint64_t{request.priv} << 52) | (std::uint64_t{request.addr} << 36) |
               (std::uint64_t{request.wdata} << 4) | request.strb;
    if constexpr (HasHw2reg<Model>::value) drive_port(in.hw2reg_i, hardware_);
    in.clk_i = 0;
    in.eval();
    const Response response{static_cast<std::uint32_t>(in.reg_o >> 1), (in.reg_o & 1) != 0};
    if (in.rst_ni) check_outputs(request);
    this->tick();
    if (in.rst_ni) update(request);
    return response;
  }

  Response read(std::uint32_t addr) { return step({true, false, false, addr, 0, 0}); }
  Response write(std::uint32_t addr, std::uint32_t data, bool priv = true,
                 std::uint32_t strb = 0xf) {
    return step({true, true, priv, addr, data, strb});
  }

  static std::string describe(const Request& r) {
    return fmt::format("valid {} write {} priv {} addr {:#x} wdata {:#x} strb {:#x}", r.valid,
                       r.write, r.priv, r.addr, r.wdata, r.strb);
  }

  /// Bits of a register that software may set and hardware does not touch.
  static std::uint32_t plain_mask(const Register& reg) {
    std::uint32_t mask = 0;
    for (const Field& field : reg) {
      if (!field.external && field.access == Access::kRw) mask |= field.mask();
    }
    return mask;
  }
  static std::uint32_t stored_mask(const Register& reg) {
    std::uint32_t mask = 0;
    for (const Field& field : reg) {
      if (field.readable() && !field.live()) mask |= field.mask();
    }
    return mask;
  }

  template <class Visit>
  void for_each_element(const Visit& visit) {
    for (const Register& reg : table()) {
      for (unsigned i = 0; i < reg.count; ++i) visit(reg, reg.offset + i * reg.stride);
    }
  }

  std::vector<bool> hardware_;  // hw2reg_i
  std::map<Element, std::uint32_t> value_;
  Element written_before_{nullptr, 0};
};

template <class U>
struct ReadsResetValues : RegTop<U> {
  void TestBody() override {
    this->for_each_element([&](const Register& reg, std::uint32_t addr) {
      const Response got = this->read(addr);
      EXPECT_FALSE(got.err) << reg.name;
      EXPECT_EQ(got.rdata & this->stored_mask(reg), this->reset_value(reg) & this->stored_mask(reg))
          << reg.name;
    });
  }
};

template <class U>
struct WritesOnlyTheWritableBitsOfStrobedBytes : RegTop<U> {
  void TestBody() override {
    for (std::uint32_t strb = 0; strb < 16; ++strb) {
      for (const std::uint32_t data : {0xffffffffU, 0U, 0xa5c3967eU}) {
        this->for_each_element([&](const Register& reg, std::uint32_t addr) {
          const std::uint32_t mask = this->plain_mask(reg);
          const std::uint32_t bytes = strobe_mask(strb);
          const std::uint32_t before = this->read(addr).rdata;
          EXPECT_EQ(this->write(addr, data, true, strb).err, !reg.writable()) << reg.name;
          EXPECT_EQ(this->read(addr).rdata & mask, ((before & ~bytes) | (data & bytes)) & mask)
              << reg.name;
        });
      }
    }
  }
};

template <class U>
struct RefusesUnprivilegedWritesOfPrivilegedRegisters : RegTop<U> {
  void TestBody() override {
    this->for_each_element([&](const Register& reg, std::uint32_t addr) {
      if (!reg.priv) return;
      const std::uint32_t before = this->read(addr).rdata;
      EXPECT_TRUE(this->write(addr, ~before, false).err) << reg.name;
      EXPECT_EQ(this->read(addr).rdata & this->stored_mask(reg), before & this->stored_mask(reg))
          << reg.name;
    });
  }
};

template <class U>
struct KeepsReadOnlyRegistersWhenWritten : RegTop<U> {
  void TestBody() override {
    this->for_each_element([&](const Register& reg, std::uint32_t addr) {
      if (reg.writable()) return;
      const std::uint32_t before = this->read(addr).rdata;
      EXPECT_TRUE(this->write(addr, ~before).err) << reg.name;
      EXPECT_EQ(this->read(addr).rdata, before) << reg.name;
    });
  }
};

template <class U>
struct ClearsRw1cByWritingOnesAndLetsTheSetWin : RegTop<U> {
  void TestBody() override {
    this->for_each_element([&](const Register& reg, std::uint32_t addr) {
      std::uint32_t mask = 0;
      for (const Field& field : reg) {
        if (field.access == Access::kRw1c) mask |= field.mask();
      }
      if (mask == 0) return;
      this->hardware_.assign(this->hardware_.size(), true);
      this->step({});
      this->write(addr, 0xffffffffU);  // set and clear in one cycle
      this->hardware_.assign(this->hardware_.size(), false);
      EXPECT_EQ(this->read(addr).rdata & mask, mask) << reg.name;
      this->write(addr, 0);
      EXPECT_EQ(this->read(addr).rdata & mask, mask) << reg.name;
      const std::uint32_t lowest = mask & (~mask + 1);
      this->write(addr, lowest);
      EXPECT_EQ(this->read(addr).rdata & mask, mask & ~lowest) << reg.name;
      this->write(addr, mask);
      EXPECT_EQ(this->read(addr).rdata & mask, 0U) << reg.name;
    });
  }
};

template <class U>
struct AnswersHolesAndUnalignedAddressesWithError : RegTop<U> {
  void TestBody() override {
    for (std::uint32_t addr = 0; addr < this->table().size + 64; ++addr) {
      if (this->table().find(addr) != nullptr) continue;
      ASSERT_TRUE(this->read(addr).err) << addr;
      if (addr % 4 == 0) ASSERT_TRUE(this->write(addr, 0xffffffffU).err) << addr;
    }
    EXPECT_TRUE(this->read(0xfffc).err);
  }
};

template <class U>
struct FollowsTheTableUnderRandomTraffic : RegTop<U> {
  void TestBody() override {
    for (int i = 0; i < 4000 && !this->HasFatalFailure(); ++i) {
      const bool busy = this->chance(0.5);
      for (std::size_t bit = 0; bit < this->hardware_.size(); ++bit) {
        this->hardware_[bit] = busy && this->chance(0.3);
      }
      Request request;
      request.valid = this->chance(0.8);
      request.write = this->chance(0.6);
      request.priv = this->chance(0.6);
      request.wdata = static_cast<std::uint32_t>(this->rng()());
      request.strb = this->chance(0.5) ? 0xf : static_cast<std::uint32_t>(this->rand_in(0, 15));
      const Block& table = this->table();
      const Register& reg = table.registers[this->rand_in(0, table.register_count - 1)];
      request.addr =
          reg.offset + static_cast<std::uint32_t>(this->rand_in(0, reg.count - 1)) * reg.stride;
      if (this->chance(0.05)) request.addr = static_cast<std::uint32_t>(this->rand_in(0, 0xffff));
      this->step(request);
    }
  }
};

/// Registers test `T` of block U as <suite>.<name>.
template <class U, template <class> class T>
void add(const std::string& suite, const char* name) {
  testing::RegisterTest(suite.c_str(), name, nullptr, nullptr, __FILE__, __LINE__,
                        []() -> RegTop<U>* { return new T<U>; });
}

template <class U>
bool add_block(const std::string& suite) {
  add<U, ReadsResetValues>(suite, "ReadsResetValues");
  add<U, WritesOnlyTheWritableBitsOfStrobedBytes>(suite, "WritesOnlyTheWritableBitsOfStrobedBytes");
  add<U, RefusesUnprivilegedWritesOfPrivilegedRegisters>(
      suite, "RefusesUnprivilegedWritesOfPrivilegedRegisters");
  add<U, KeepsReadOnlyRegistersWhenWritten>(suite, "KeepsReadOnlyRegistersWhenWritten");
  add<U, ClearsRw1cByWritingOnesAndLetsTheSetWin>(suite, "ClearsRw1cByWritingOnesAndLetsTheSetWin");
  add<U, AnswersHolesAndUnalignedAddressesWithError>(suite,
                                                     "AnswersHolesAndUnalignedAddressesWithError");
  add<U, FollowsTheTableUnderRandomTraffic>(suite, "FollowsTheTableUnderRandomTraffic");
  return true;
}

const bool kRegistered =
    add_block<Unit<Vregs_tile, tsr::regs::tile::kBlock>>("RegsTile") &&
    add_block<Unit<Vregs_hbm, tsr::regs::hbm::kBlock>>("RegsHbm") &&
    add_block<Unit<Vregs_uart, tsr::regs::uart::kBlock>>("RegsUart") &&
    add_block<Unit<Vregs_timer, tsr::regs::timer::kBlock>>("RegsTimer") &&
    add_block<Unit<Vregs_mailbox, tsr::regs::mailbox::kBlock>>("RegsMailbox") &&
    add_block<Unit<Vregs_fuse, tsr::regs::fuse::kBlock>>("RegsFuse") &&
    add_block<Unit<Vregs_wdog, tsr::regs::wdog::kBlock>>("RegsWdog") &&
    add_block<Unit<Vregs_sys, tsr::regs::sys::kBlock>>("RegsSys");

}  // namespace
