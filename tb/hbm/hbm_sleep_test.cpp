// SPDX-License-Identifier: Apache-2.0
/// A memory node that sleeps does the same as one that is clocked in every cycle. Both get the same
/// inputs; the second one is clocked as the platform's kernel does it: not while idle_o is 1,
/// nothing arrives and wake_o is still to come. All outputs are compared in every cycle.
#include "hbm/ctrl_bench.hpp"

namespace tsr::tb {
namespace {

/// The node that sleeps.
class Sleeper {
 public:
  Sleeper(Vhbm_mem& awake, VerilatedContext& context)
      : awake_(awake), model_(&context, "sleeper") {}
  ~Sleeper() { model_.final(); }

  /// Before the rising edge of the other one; `early`: clock it although it might sleep.
  void before_edge(bool early) {
    const bool arrives = awake_.req_rx_valid_i != 0 || awake_.rsp_rx_valid_i != 0 ||
                         awake_.rsp_tx_credit_i != 0 || awake_.req_tx_credit_i != 0;
    const bool before = clocked_;
    clocked_ = awake_.rst_ni == 0 || !asleep_ || arrives || early || awake_.now_i >= model_.wake_o;
    in_step_ = before && clocked_;
    ++cycles;
    slept += !clocked_;
    if (!clocked_) {
      EXPECT_EQ(awake_.dfi_rvalid_i, 0) << "data for a sleeping node";
      return;
    }
    copy_inputs();
    model_.clk_i = 0;
    model_.eval();
    model_.clk_i = 1;
    model_.eval();
    asleep_ = !arrives && model_.idle_o != 0 && model_.rsp_tx_valid_o == 0 &&
              model_.req_rx_credit_o == 0 && model_.rsp_rx_credit_o == 0 &&
              model_.wake_o > awake_.now_i + 1;
  }

  /// After the edge. Returns the name of an output that differs, or null.
  const char* difference() const {
    if (awake_.rst_ni == 0) return nullptr;
    if (awake_.dfi_cmd_o != model_.dfi_cmd_o) return "dfi_cmd_o";
    for (unsigned p = 0; p < kDramPcs; ++p) {
      if ((command(awake_, p) & DfiCommand::kDataValid) == 0) continue;
      if (((awake_.dfi_wstrb_o ^ model_.dfi_wstrb_o) >> 32 * p & ~0U) != 0) return "wstrb";
      if (((awake_.dfi_wside_o ^ model_.dfi_wside_o) >> 16 * p & 0xffffU) != 0) return "wside";
      for (unsigned i = 0; i < 8; ++i) {
        if (awake_.dfi_wdata_o[8 * p + i] != model_.dfi_wdata_o[8 * p + i]) return "wdata";
      }
    }
    if (awake_.rsp_tx_valid_o != model_.rsp_tx_valid_o) return "rsp_tx_valid_o";
    if (awake_.rsp_tx_valid_o != 0 && response(awake_) != response(model_)) return "rsp_tx_flit_o";
    if (awake_.req_rx_credit_o != model_.req_rx_credit_o) return "req_rx_credit_o";
    if (awake_.rsp_rx_credit_o != model_.rsp_rx_credit_o) return "rsp_rx_credit_o";
    if (awake_.router_sel_o != model_.router_sel_o) return "router_sel_o";
    if (awake_.idle_o != model_.idle_o) return "idle_o";
    // A node that is awake may find out later that it need not wake so soon; the other one then,
    // too.
    if (awake_.idle_o != 0 && awake_.wake_o < model_.wake_o) return "wake_o is late";
    if (awake_.idle_o != 0 && in_step_ && awake_.wake_o != model_.wake_o) return "wake_o";
    return nullptr;
  }

  std::uint64_t cycles = 0;
  std::uint64_t slept = 0;  ///< of them

 private:
  static std::uint64_t command(const Vhbm_mem& model, unsigned pc) {
    return model.dfi_cmd_o[2 * pc] | std::uint64_t{model.dfi_cmd_o[2 * pc + 1]} << 32;
  }

  /// What a response says: bytes that are not valid are those of flops without reset.
  static std::array<std::uint64_t, kFlitLanes> response(const Vhbm_mem& model) {
    std::array<std::uint32_t, kFlitWords> words;
    for (unsigned i = 0; i < kFlitWords; ++i) words[i] = model.rsp_tx_flit_o[i];
    Flit flit = Flit::from_words(words.data());
    for (unsigned i = 0; flit.kind == Kind::kReadRsp && i < 64; ++i) {
      if ((flit.strb >> i & 1U) == 0) flit.data[i / 8] &= ~(0xffULL << i % 8 * 8);
    }
    flit.seal();
    return flit.to_lanes();
  }

  void copy_inputs() {
    model_.rst_ni = awake_.rst_ni;
    model_.now_i = awake_.now_i;
    model_.node_i = awake_.node_i;
    model_.cfg_i = awake_.cfg_i;
    model_.req_rx_valid_i = awake_.req_rx_valid_i;
    model_.req_rx_flit_i = awake_.req_rx_flit_i;
    model_.rsp_rx_valid_i = awake_.rsp_rx_valid_i;
    model_.rsp_rx_flit_i = awake_.rsp_rx_flit_i;
    model_.req_tx_credit_i = awake_.req_tx_credit_i;
    model_.rsp_tx_credit_i = awake_.rsp_tx_credit_i;
    model_.dfi_rvalid_i = awake_.dfi_rvalid_i;
    model_.dfi_rdata_i = awake_.dfi_rdata_i;
    model_.dfi_rside_i = awake_.dfi_rside_i;
    model_.router_cnt_i = awake_.router_cnt_i;
  }

  Vhbm_mem& awake_;
  Vhbm_mem model_;
  bool clocked_ = true;
  bool in_step_ = false;  // clocked in this cycle and the one before
  bool asleep_ = false;
};

class HbmSleep : public HbmNodeTest {
 protected:
  /// `early`: probability that a sleeping node is clocked nevertheless.
  void begin(const DramTiming& timing, double early = 0) {
    sleeper_ = std::make_unique<Sleeper>(dut(), context());
    before_edge([this, early] { sleeper_->before_edge(early > 0 && chance(early)); });
    start(timing);
    after_edge([this] {
      const char* what = sleeper_->difference();
      if (what != nullptr && differences_++ < 5) ADD_FAILURE() << what << ", cycle " << cycle();
    });
  }

  /// Share of the next cycles that the node sleeps.
  double share_asleep(std::uint64_t cycles) {
    const auto before = sleeper_->slept;
    run(cycles);
    return static_cast<double>(sleeper_->slept - before) / static_cast<double>(cycles);
  }

  /// Every counter, as firmware reads them.
  void read_all_counters() {
    for (unsigned select = 0; select < 128; ++select) counter(select);
    for (const auto offset : {hbm::kStatusOffset, hbm::kScrubAddrOffset, hbm::kScrubCountOffset,
                              hbm::kRmwCountOffset, hbm::kAtomicCountOffset}) {
      read_register(offset);
    }
  }

  /// One setting becomes another one.
  void change_something() {
    switch (rand_in(0, 6)) {
      case 0:
        write_register(hbm::kRefreshOffset,
                       static_cast<std::uint32_t>((chance(0.9) ? 1U : 0U) | rand_in(0, 3) << 4 |
                                                  rand_in(0, 7) << 8 | rand_in(0, 1) << 12));
        break;
      case 1:
        write_register(hbm::kPowerOffset,
                       static_cast<std::uint32_t>(chance(0.3) ? 0 : rand_in(1, 400)));
        break;
      case 2:
        write_register(hbm::kScrubCtrlOffset,
                       static_cast<std::uint32_t>(rand_in(0, 1) | rand_in(1, 3000) << 8));
        break;
      case 3:
        write_register(hbm::kSchedOffset, static_cast<std::uint32_t>(
                                              rand_in(4, 20) | rand_in(30, 50) << 8 |
                                              rand_in(64, 1023) * 4 << 16 | rand_in(0, 1) << 28));
        break;
      case 4:
        write_register(hbm::kCtrlOffset, 2);
        run(rand_in(0, 3000));
        write_register(hbm::kCtrlOffset, 0);
        break;
      case 5:
        write_register(hbm::kCountCtrlOffset, 1);
        break;
      default:
        read_all_counters();
        break;
    }
    // Without refresh only for a moment: the DRAM waits for no more than eight.
    if (chance(0.5)) write_register(hbm::kRefreshOffset, 1U | 1U << 4 | 4U << 8);
  }

  std::unique_ptr<Sleeper> sleeper_;
  int differences_ = 0;
};

TEST_F(HbmSleep, BeforeInitializationItSleepsForever) {
  begin(quick("hbm3-6400"));
  run(100);
  EXPECT_EQ(dut().wake_o, ~0ULL);
  EXPECT_EQ(share_asleep(3000), 1.0);
  read_all_counters();
  initialize();
  random_traffic(200, 4096, 0.4, [](std::uint64_t n) { return n * 1088 / 64 * 64; });
}

struct Mode {
  const char* name;
  const char* profile;
  std::uint32_t refresh;
  std::uint32_t power;
  std::uint32_t scrub;
  double least;  ///< share of the cycles without traffic that it must sleep
};
void PrintTo(const Mode& s, std::ostream* out) { *out << s.name; }

class HbmSleepSetup : public HbmSleep, public testing::WithParamInterface<Mode> {};

TEST_P(HbmSleepSetup, ChangesNothingAndSaysWhenItWakes) {
  const Mode& setup = GetParam();
  begin(quick(setup.profile));
  initialize();
  write_register(hbm::kRefreshOffset, setup.refresh);
  write_register(hbm::kPowerOffset, setup.power);
  write_register(hbm::kScrubCtrlOffset, setup.scrub);
  write_register(hbm::kCountCtrlOffset, 1);
  for (int i = 0; i < 120; ++i) {
    random_traffic(static_cast<int>(rand_in(1, 30)), 1ULL << rand_in(2, 14), 0.4,
                   [](std::uint64_t n) { return n * 1088 / 64 * 64; });
    run(rand_in(0, chance(0.3) ? 4000 : 300));
  }
  read_all_counters();
  const double share = share_asleep(30000);
  fmt::print("asleep in {:.1f} % of the cycles without traffic\n", 100 * share);
  EXPECT_GE(share, setup.least);
  read_all_counters();
  node_->compare_memory();
}
constexpr std::uint32_t kOneBank = 1U | 1U << 4 | 4U << 8;
constexpr std::uint32_t kAllBank = kOneBank | 1U << 12;
INSTANTIATE_TEST_SUITE_P(
    Setups, HbmSleepSetup,
    testing::Values(Mode{"hbm3", "hbm3-6400", kOneBank, 0, 0, 0.95},
                    Mode{"hbm3_all_bank", "hbm3-6400", kAllBank, 0, 0, 0.88},
                    Mode{"hbm3_power_down", "hbm3-6400", kOneBank, 16, 0, 0.85},
                    Mode{"hbm3_all_bank_power_down", "hbm3-6400", kAllBank, 16, 0, 0.88},
                    Mode{"hbm3_scrub", "hbm3-6400", kOneBank, 0, 1U | 4096U << 8, 0.92},
                    Mode{"hbm3_no_refresh_ahead", "hbm3-6400", 1U | 1U << 4, 0, 0, 0.95},
                    Mode{"hbm2e", "hbm2e-3200", kOneBank, 0, 0, 0.95}),
    [](const auto& info) { return std::string(info.param.name); });

class HbmSleepChanges : public HbmSleep, public testing::WithParamInterface<double> {};

TEST_P(HbmSleepChanges, OfSettingsAtAnyTime) {
  begin(quick("hbm3-6400"), GetParam());
  initialize();
  for (int i = 0; i < 150; ++i) {
    change_something();
    node_->response_stall = chance(0.3) ? 0.3 : 0;
    if (chance(0.7)) {
      random_traffic(static_cast<int>(rand_in(1, 100)), 1ULL << rand_in(2, 14), 0.4,
                     [](std::uint64_t n) { return n * 1088 / 64 * 64; });
    }
    run(rand_in(0, 2000));
  }
  write_register(hbm::kRefreshOffset, kOneBank);
  read_all_counters();
  node_->compare_memory();
  EXPECT_GT(sleeper_->slept, sleeper_->cycles / 10);
}
// With and without clock edges in the middle of the sleep: these are harmless.
INSTANTIATE_TEST_SUITE_P(Early, HbmSleepChanges, testing::Values(0.0, 0.01));

}  // namespace
}  // namespace tsr::tb
