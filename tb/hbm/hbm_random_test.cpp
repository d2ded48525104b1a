// SPDX-License-Identifier: Apache-2.0
/// A million random requests against the reference memory, over speed grades and modes. The RTL's
/// assertions are on, among them the bound of waiting.
#include "hbm/ctrl_bench.hpp"

namespace tsr::tb {
namespace {

struct Traffic {
  const char* name;
  const char* profile;
  bool all_bank;
  unsigned power_down;
  double stall;
};
void PrintTo(const Traffic& s, std::ostream* out) { *out << s.name; }

class HbmRandom : public HbmNodeTest, public testing::WithParamInterface<Traffic> {};

TEST_P(HbmRandom, EveryByteIsRight) {
  const Traffic& traffic = GetParam();
  start_and_initialize(quick(traffic.profile));
  write_register(hbm::kRefreshOffset, 1U | 1U << 4 | 4U << 8 | (traffic.all_bank ? 1U << 12 : 0U));
  write_register(hbm::kPowerOffset, traffic.power_down);
  node_->response_stall = traffic.stall;
  constexpr int kRequests = 126000;
  constexpr int kPhase = 6000;
  for (int done = 0; done < kRequests; done += kPhase) {
    // Every phase has its own mix and area: a few hot blocks, a stream, rows of few banks, all.
    const std::uint64_t blocks = std::uint64_t{1} << rand_in(3, 16);
    const std::uint64_t stride = std::uint64_t{64} << rand_in(0, 8);
    random_traffic(kPhase, blocks, 0.1 * static_cast<double>(rand_in(1, 9)),
                   [&](std::uint64_t n) { return n * stride % kDramNodeBytes; });
  }
  EXPECT_LE(node_->device().refresh_debt(0), 3);
  EXPECT_LE(node_->device().refresh_debt(1), 3);
  run(3000);
  node_->compare_memory();
}
INSTANTIATE_TEST_SUITE_P(Setups, HbmRandom,
                         testing::Values(Traffic{"hbm3", "hbm3-6400", false, 0, 0},
                                         Traffic{"hbm3_stalls", "hbm3-6400", false, 0, 0.4},
                                         Traffic{"hbm3_all_bank", "hbm3-6400", true, 0, 0},
                                         Traffic{"hbm3_power_down", "hbm3-6400", false, 10, 0.1},
                                         Traffic{"hbm2e", "hbm2e-3200", false, 0, 0},
                                         Traffic{"hbm2e_stalls", "hbm2e-3200", false, 0, 0.4},
                                         Traffic{"hbm2e_all_bank", "hbm2e-3200", true, 0, 0},
                                         Traffic{"hbm2e_power_down", "hbm2e-3200", true, 10, 0.1}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tsr::tb
