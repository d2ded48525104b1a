// SPDX-License-Identifier: Apache-2.0
/// Bench of a peripheral: drives its register bus (reg_i/reg_o) and, where there is one, its clock
/// now_i.
#pragma once

#include <type_traits>
#include <utility>

#include "common/bench.hpp"

namespace tsr::tb {

/// Answer of the register bus.
struct RegAnswer {
  std::uint32_t data;
  bool err;
};

/// reg_req_t as Verilator packs it; privileged, all bytes strobed.
inline std::uint64_t pack_reg_request(bool write, std::uint32_t addr, std::uint32_t data) {
  return (1ULL << 54) | (std::uint64_t{write} << 53) | (1ULL << 52) | (std::uint64_t{addr} << 36) |
         (std::uint64_t{data} << 4) | 0xf;
}

template <class Model>
class PeriphBench : public Bench<Model> {
 protected:
  void SetUp() override {
    Bench<Model>::SetUp();
    this->dut().reg_i = 0;
    drive_now();
    this->after_edge([this] {
      ++now_;
      drive_now();
    });
  }

  /// One access in one cycle.
  RegAnswer access(bool write, std::uint32_t addr, std::uint32_t data) {
    auto& model = this->dut();
    model.reg_i = pack_reg_request(write, addr, data);
    model.clk_i = 0;
    model.eval();
    const RegAnswer answer{static_cast<std::uint32_t>(model.reg_o >> 1), (model.reg_o & 1) != 0};
    this->tick();
    model.reg_i = 0;
    return answer;
  }

  /// Reads a register that must answer.
  std::uint32_t read(std::uint32_t addr) {
    const RegAnswer answer = access(false, addr, 0);
    EXPECT_FALSE(answer.err) << "read of " << addr;
    return answer.data;
  }

  /// Writes a register that must take it.
  void write(std::uint32_t addr, std::uint32_t data) {
    EXPECT_FALSE(access(true, addr, data).err) << "write of " << addr;
  }

  /// Settles combinational outputs with the inputs as they are now.
  void settle() {
    this->dut().clk_i = 0;
    this->dut().eval();
  }

  /// Cycle count that the model sees in the coming cycle.
  std::uint64_t now() const { return now_; }
  void set_now(std::uint64_t now) {
    now_ = now;
    drive_now();
  }

 private:
  template <class M, class = void>
  struct HasNow : std::false_type {};
  template <class M>
  struct HasNow<M, std::void_t<decltype(std::declval<M&>().now_i)>> : std::true_type {};

  void drive_now() {
    if constexpr (HasNow<Model>::value) this->dut().now_i = now_;
  }

  std::uint64_t now_ = 1000;
};

}  // namespace tsr::tb
