// SPDX-License-Identifier: Apache-2.0
/// The layout engine on the real scratchpad: rates with and without bank conflicts.
#include <cstring>

#include "Vtdma_bench.h"
#include "common/bench.hpp"
#include "tdma/tdma_env.hpp"

namespace tsr::tb {
namespace {

using engines::CmdError;
using engines::TdmaCommand;
using engines::TdmaElement;

constexpr std::uint32_t kSpmBytes = 65536;
constexpr std::uint32_t kHyperbank = kSpmBytes / 8;

class TdmaRate : public Bench<Vtdma_bench> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    host_ = std::make_unique<TdmaHost<Vtdma_bench>>(dut());
    dut().port_valid_i = 0;
    dut().port_write_i = 0;
    before_edge([this] { host_->before_edge(); });
    after_edge([this] { host_->after_edge(); });
    reset();
    run(2);
    host_->done.clear();
    spm_.resize(kSpmBytes);
    for (auto& b : spm_) b = static_cast<std::uint8_t>(rng()());
    for (std::uint32_t at = 0; at < kSpmBytes; at += 64) {
      std::memcpy(&dut().port_wdata_i[0], &spm_[at], 64);
      transfer(at, true);
    }
  }

  /// Run and compare with the model; returns the cycles from the offer to the completion.
  std::uint64_t measure(const TdmaCommand& command, const std::string& what) {
    const std::size_t before = host_->done.size();
    const auto result = engines::tdma_run(command, spm_);
    EXPECT_EQ(result.error, CmdError::Ok) << what;
    host_->push(command, 0, 1);
    EXPECT_TRUE(run_until([&] { return host_->done.size() > before; }, 100000)) << what;
    const std::uint64_t cycles = host_->done.back().cycle - host_->offered;
    EXPECT_EQ(host_->done.back().error, CmdError::Ok) << what;
    unsigned wrong = 0;
    for (std::uint32_t at = 0; at < kSpmBytes; at += 64) {
      transfer(at, false);
      wrong += std::memcmp(&dut().port_rdata_o[0], &spm_[at], 64) != 0 ? 1 : 0;
    }
    EXPECT_EQ(wrong, 0U) << what;
    return cycles;
  }

  /// Blocks of 64 bytes, transposed one by one.
  double cycles_a_block(TdmaElement element, std::uint32_t src_pitch, std::uint32_t dst_pitch) {
    // Source in hyperbanks 0..3, destination in 4..7.
    const auto shape = [&](std::uint32_t blocks) {
      const std::uint32_t size = engines::tdma_bytes(element, 1);
      const std::uint32_t rows = element == TdmaElement::Bytes8 ? 8 : 8 / size;
      const std::uint32_t cols = element == TdmaElement::Bytes8 ? 1 : 8;
      return engines::tdma_turn(element, rows, cols, {0, src_pitch}, {kSpmBytes / 2, dst_pitch},
                                engines::TdmaTurn::Transpose,
                                {{static_cast<std::uint16_t>(blocks), 64, 64}});
    };
    const std::uint64_t few = measure(shape(4), "few");
    const std::uint64_t many = measure(shape(36), "many");
    return static_cast<double>(many - few) / 32;
  }

 private:
  void transfer(std::uint32_t at, bool write) {
    dut().port_valid_i = 1;
    dut().port_write_i = write ? 1 : 0;
    dut().port_addr_i = at;
    tick();
    dut().port_valid_i = 0;
    if (!write) {
      dut().clk_i = 0;
      dut().eval();
    }
  }

  std::unique_ptr<TdmaHost<Vtdma_bench>> host_;
  std::vector<std::uint8_t> spm_;
};

TEST_F(TdmaRate, CopiesAtFullRateBetweenHyperbanks) {
  // The whole of a hyperbank but 64 bytes, at every kind of alignment.
  const std::uint64_t aligned =
      measure(engines::tdma_copy(0, 4 * kHyperbank, kHyperbank), "aligned");
  EXPECT_LE(aligned, kHyperbank / 64 + 20U);
  EXPECT_LE(measure(engines::tdma_copy(3, 4 * kHyperbank + 6, kHyperbank - 64), "misaligned"),
            aligned);
  EXPECT_LE(measure(engines::tdma_copy(6, 4 * kHyperbank + 3, kHyperbank - 64), "misaligned"),
            aligned);
  EXPECT_LE(measure(engines::tdma_memset(kHyperbank + 1, kHyperbank - 64, 7), "set"), aligned);
  // Within one hyperbank, reads and writes take turns.
  const std::uint64_t same = measure(engines::tdma_copy(0, kHyperbank / 2, kHyperbank / 2), "same");
  EXPECT_GE(same, kHyperbank / 64);
  EXPECT_LE(same, kHyperbank / 64 + 24U);
}

TEST_F(TdmaRate, PitchesWithoutBankConflictsGiveABlockACycle) {
  // Source 8 / w rows of w lanes; destination 8 rows of a lane.
  struct Case {
    TdmaElement element;
    std::uint32_t src_pitch, dst_pitch;
    double cycles;
  };
  constexpr Case kCases[] = {
      {TdmaElement::Bytes1, 136, 264, 1}, {TdmaElement::Bytes1, 8, 8, 1},
      {TdmaElement::Bytes1, 144, 264, 2}, {TdmaElement::Bytes1, 136, 272, 2},
      {TdmaElement::Bytes1, 160, 264, 4}, {TdmaElement::Bytes1, 136, 288, 4},
      {TdmaElement::Bytes1, 128, 264, 8}, {TdmaElement::Bytes1, 136, 256, 8},
      {TdmaElement::Bytes2, 144, 264, 1}, {TdmaElement::Bytes2, 48, 24, 1},
      {TdmaElement::Bytes2, 136, 264, 2}, {TdmaElement::Bytes2, 160, 264, 2},
      {TdmaElement::Bytes2, 128, 264, 4}, {TdmaElement::Bytes2, 144, 256, 8},
      {TdmaElement::Bytes4, 160, 264, 1}, {TdmaElement::Bytes4, 136, 264, 2},
      {TdmaElement::Bytes4, 144, 264, 2}, {TdmaElement::Bytes4, 192, 264, 2},
      {TdmaElement::Bytes4, 160, 272, 2}, {TdmaElement::Bytes8, 136, 64, 1},
      {TdmaElement::Bytes8, 128, 64, 8},
  };
  for (const Case& c : kCases) {
    const double cycles = cycles_a_block(c.element, c.src_pitch, c.dst_pitch);
    fmt::print("element {} pitches {} and {}: {:.2f} cycles a block\n", static_cast<int>(c.element),
               c.src_pitch, c.dst_pitch, cycles);
    EXPECT_EQ(cycles, c.cycles) << static_cast<int>(c.element) << " " << c.src_pitch << " "
                                << c.dst_pitch;
  }
}

TEST_F(TdmaRate, TransposesWholeMatricesAtFullRate) {
  // Padded pitches: 64 x 64 elements, 4-bit 128 x 128.
  struct Case {
    TdmaElement element;
    std::uint32_t n, src_pitch, dst_pitch;
  };
  constexpr Case kCases[] = {{TdmaElement::Bits4, 128, 72, 72},
                             {TdmaElement::Bytes1, 64, 72, 72},
                             {TdmaElement::Bytes2, 64, 144, 136},
                             {TdmaElement::Bytes4, 64, 288, 264},
                             {TdmaElement::Bytes8, 56, 456, 448}};
  for (const Case& c : kCases) {
    const std::uint64_t cycles = measure(
        engines::tdma_turn(c.element, c.n, c.n, {0, c.src_pitch}, {4 * kHyperbank, c.dst_pitch}),
        "transpose");
    const std::uint64_t beats = engines::tdma_bytes(c.element, c.n) * c.n / 64;
    fmt::print("element {}: {} cycles for {} blocks\n", static_cast<int>(c.element), cycles, beats);
    EXPECT_LE(cycles, beats + 26);
  }
}

TEST_F(TdmaRate, GathersWideRowsAtFullRate) {
  constexpr std::uint32_t kRows = 96;
  // Indices in hyperbank 7, table in 0, rows in 4 and 5.
  const std::uint32_t list = 7 * kHyperbank;
  for (const std::uint32_t bytes : {64U, 128U}) {
    const std::uint64_t steps = kRows * bytes / 64;
    const TdmaCommand fill = engines::tdma_memset(list, 4 * kRows, 0x00000005);
    measure(fill, "indices");
    const std::uint64_t cycles = measure(
        engines::tdma_gather({0, 64, 0}, list, {4 * kHyperbank, bytes}, kRows, bytes), "gather");
    fmt::print("{} rows of {}: {} cycles\n", kRows, bytes, cycles);
    EXPECT_LE(cycles, steps + kRows / 16 + 28);
  }
}

}  // namespace
}  // namespace tsr::tb
