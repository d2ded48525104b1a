// SPDX-License-Identifier: Apache-2.0
/// Bench of tsr_rom: both ports against the words read from the package's text.
#include <fstream>
#include <regex>
#include <sstream>

#include "Vctl_rom.h"
#include "common/bench.hpp"

namespace {

// The model has no reset, so this is not a Bench.
class Rom : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(TSR_BOOT_ROM_PKG);
    std::stringstream text;
    text << file.rdbuf();
    const std::string package = text.str();
    const std::regex word("32'h([0-9a-f]{8})");
    for (auto it = std::sregex_iterator(package.begin(), package.end(), word);
         it != std::sregex_iterator(); ++it) {
      words_.push_back(static_cast<std::uint32_t>(std::stoul((*it)[1], nullptr, 16)));
    }
    ASSERT_FALSE(words_.empty());
    rng_.seed(tsr::tb::seed_from_env());
    fmt::print("seed {} (set TSR_SEED to change it)\n", tsr::tb::seed_from_env());
  }

  void cycle(bool fetch, std::uint32_t fetch_addr, bool data, std::uint32_t data_addr) {
    rom_.fetch_req_i = fetch;
    rom_.fetch_addr_i = fetch_addr;
    rom_.data_req_i = data;
    rom_.data_addr_i = data_addr;
    rom_.clk_i = 0;
    rom_.eval();
    rom_.clk_i = 1;
    rom_.eval();
  }

  std::uint32_t word(std::uint32_t addr) const {
    const std::size_t index = (addr & 0xffff) / 4;
    return index < words_.size() ? words_[index] : 0;
  }

  VerilatedContext context_;
  Vctl_rom rom_{&context_, "rom"};
  std::vector<std::uint32_t> words_;
  std::mt19937_64 rng_;
};

TEST_F(Rom, HoldsThePackageAndZerosBeyondIt) {
  for (std::uint32_t addr = 0x80000; addr < 0x90000; addr += 4) {
    cycle(true, addr, true, addr);
    ASSERT_EQ(rom_.fetch_rdata_o, word(addr)) << addr;
    ASSERT_EQ(rom_.data_rdata_o, word(addr)) << addr;
  }
}

TEST_F(Rom, PortsAreIndependentAndHoldTheirWord) {
  cycle(true, 0x80000, true, 0x80000);
  std::uint32_t fetched = word(0), loaded = word(0);
  for (int i = 0; i < 20000; ++i) {
    const bool fetch = (rng_() & 1) != 0, data = (rng_() & 1) != 0;
    const auto limit = static_cast<std::uint32_t>(4 * words_.size() + 16);
    const auto fetch_addr = 0x80000 + static_cast<std::uint32_t>(rng_() % limit);
    const auto data_addr = 0x80000 + static_cast<std::uint32_t>(rng_() % limit);
    if (fetch) fetched = word(fetch_addr);
    if (data) loaded = word(data_addr);
    cycle(fetch, fetch_addr, data, data_addr);
    ASSERT_EQ(rom_.fetch_rdata_o, fetched);
    ASSERT_EQ(rom_.data_rdata_o, loaded);
  }
}

}  // namespace
