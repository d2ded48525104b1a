// SPDX-License-Identifier: Apache-2.0
// Instructions a second of 16 TLM tiles on one event queue, all awake.
#include <benchmark/benchmark.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstring>
#include <memory>
#include <vector>

#include "core/rv_asm.hpp"
#include "regs/tile_regs.hpp"
#include "tlm/hart/hart_node.hpp"
#include "tlm/hart/request.hpp"

namespace {

using namespace tsr;
using namespace tsr::rv;

constexpr unsigned kTiles = 16;

/// Takes what the tiles send; loads their programs.
class Loader : public sc_core::sc_module {
 public:
  explicit Loader(sc_core::sc_module_name name) : sc_module(name), in("in"), out("out") {
    in.register_nb_transport_fw(this, &Loader::ignore);
    out.register_nb_transport_bw(this, &Loader::ignore);
  }
  tlm_utils::simple_target_socket<Loader> in;
  tlm_utils::simple_initiator_socket<Loader> out;

  void write(Node node, std::uint32_t local, std::uint32_t word) {
    hart::Request* request = pool_.take();
    request->begin(Kind::kWrite, node_address(node, local & ~63U), 64);
    request->set_strobe(0xfULL << local % 64);
    std::memcpy(request->bytes().data() + local % 64, &word, sizeof word);
    request->header().src = {0, 0};
    sc_core::sc_time delay;
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    out->nb_transport_fw(*request, phase, delay);
    request->release();
  }

 private:
  tlm::tlm_sync_enum ignore(tlm::tlm_generic_payload&, tlm::tlm_phase&, sc_core::sc_time&) {
    return tlm::TLM_ACCEPTED;
  }
  hart::RequestPool pool_;
};

/// Ten instructions a turn; `poll`: one of them reads a register.
Program loop(bool poll) {
  Program program;
  program.li(5, 0x10000).li(14, 0x20000);
  const Word top = program.here();
  program << lw(6, 5, 0) << lw(7, 5, 4) << add(8, 6, 7) << sw(8, 5, 8) << xori(9, 8, 0x55)
          << slli(10, 9, 3) << mul(11, 10, 8) << (poll ? lw(12, 14, 0) : addi(12, 12, 1))
          << andi(13, 12, 0xff);
  program << bne(5, 0, static_cast<int>(top) - static_cast<int>(program.here()));
  return program;
}

struct Chip {
  ChipConfig config;
  Timeline clock;
  std::vector<std::unique_ptr<Loader>> loaders;
  std::vector<std::unique_ptr<TlmHartNode>> tiles;

  Chip() {
    config.mesh_w = config.mesh_h = 5;
    config.mem = {{4, 0}};
    for (unsigned i = 0; i < kTiles; ++i) {
      HartSetup setup;
      setup.name = "tile_" + std::to_string(i);
      setup.node = node(i);
      setup.config = &config;
      setup.timeline = &clock;
      setup.engines = make_engine_complex;
      tiles.push_back(make_tlm_tile(setup));
      loaders.push_back(std::make_unique<Loader>(("loader_" + std::to_string(i)).c_str()));
      tiles.back()->initiator.bind(loaders.back()->in);
      loaders.back()->out.bind(tiles.back()->target);
    }
    sc_core::sc_report_handler::set_actions(sc_core::SC_ID_NO_SC_START_ACTIVITY_,
                                            sc_core::SC_DO_NOTHING);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    for (auto& tile : tiles) tile->reset();
  }
  static Node node(unsigned i) { return {i % 4, 1 + i / 4}; }

  void start(const Program& program) {
    constexpr std::uint32_t kRegs = 0x20000;
    for (unsigned i = 0; i < kTiles; ++i) {
      loaders[i]->write(node(i), kRegs + regs::tile::kCoreCtrlOffset, 0);
      std::uint32_t at = 0;
      for (const Word word : program.words()) {
        loaders[i]->write(node(i), at, word);
        at += 4;
      }
      loaders[i]->write(node(i), kRegs + regs::tile::kCoreCtrlOffset, 1);
    }
  }
  std::uint64_t instructions() const {
    std::uint64_t sum = 0;
    for (const auto& tile : tiles) sum += tile->instructions();
    return sum;
  }
};

Chip& chip_of_all() {
  static Chip chip;
  return chip;
}

void measure(benchmark::State& state, const Program& program, bool observed) {
  Chip& chip = chip_of_all();
  NodeProbe observer;
  for (auto& tile : chip.tiles) tile->set_probe(observed ? &observer : nullptr);
  chip.start(program);
  const auto before = chip.instructions();
  for (auto _ : state) chip.clock.run(chip.clock.now() + 10000);
  state.SetItemsProcessed(static_cast<std::int64_t>(chip.instructions() - before));
}

BENCHMARK_CAPTURE(measure, memory_only, loop(false), false);
BENCHMARK_CAPTURE(measure, a_register_in_ten, loop(true), false);
BENCHMARK_CAPTURE(measure, observed, loop(false), true);

}  // namespace

BENCHMARK_MAIN();
