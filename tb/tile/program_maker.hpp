// SPDX-License-Identifier: Apache-2.0
/// Random command programs with a defined result: whatever touches the same bytes is ordered.
#pragma once

#include <optional>
#include <random>

#include "numerics/format.hpp"
#include "tile/program.hpp"

namespace tsr::tb {

/// Where programs keep their data. Offsets in the scratchpad, global addresses in memory.
struct ProgramLayout {
  static constexpr std::uint32_t kPage = 1024;
  static constexpr std::uint32_t kListBytes = 512;  ///< index lists, written by the bench alone
  static constexpr std::uint32_t kListLimit = 16;   ///< an index is smaller

  struct Region {
    std::uint64_t base;
    std::uint32_t bytes;
  };
  Region arena{0, 20 * kPage};    ///< data in the scratchpad
  std::uint32_t lists = 0;        ///< index lists in the scratchpad
  std::vector<Region> memory;     ///< data outside
  Region unmapped{0, 0};          ///< memory that answers with an error
  std::uint64_t own_spm = 0;      ///< global address of the scratchpad
  unsigned own_x = 0, own_y = 0;  ///< multicasts leave this node out
  /// Remote posts of the commands go here: semaphore = engine, amount = command number + 1.
  std::uint32_t report_rect = 0;
};

/// Makes programs. Contexts live on from program to program; a part of them is new in each.
class ProgramMaker {
 public:
  ProgramMaker(std::mt19937_64& rng, ProgramLayout layout);

  /// New data for some pages of the arena; returns their numbers. `world.spm` gets the data.
  std::vector<std::uint32_t> refresh(World& world, double share);
  /// Index lists for `world.spm`.
  void write_lists(World& world);

  /// The next program. `failing`: one of its commands is illegal.
  Program make(const World& world, unsigned number, bool failing);

 private:
  using Format = numerics::ElementFormat;

  /// Bytes that a command touches at one of its addresses.
  struct Operand {
    unsigned word = 5;               // of the command
    std::int64_t low = 0, high = 0;  // from the address
    bool write = false;
    unsigned align = 8;
    bool memory = false;  // a global address: two words
    bool list = false;    // an index list
    Format format = Format::Uint8;
  };
  /// A command without its addresses.
  struct Shape {
    unsigned engine = 0, context = 0, opcode = 0;
    std::vector<Operand> operands;
    bool may_fill = false;  // the fill of the same engine takes the same context
    /// Word of an input whose place the output of word 8 may take: C of ME, I0 of VE; 0: none.
    unsigned in_place = 0;
    int mate = -1;  // index of the other end's shape, ME and VE
  };
  enum class Chain { None, MeToVe, VeToMe };
  enum class Lane { Rdma, Wdma, Me, Ve, Tdma };
  /// Semaphores of a command while the program grows.
  struct Links {
    int post[2] = {-1, -1}, wait[2] = {-1, -1};  // semaphore
    unsigned post_n[2] = {0, 0}, wait_n[2] = {0, 0};
    bool reports = false;  // post 0 is the remote one
  };
  enum class Owner { Free, Producer, Consumer };
  struct Semaphore {
    Owner owner = Owner::Free;
    unsigned command = 0;
  };

  std::uint64_t in(std::uint64_t low, std::uint64_t high);
  std::uint32_t pick(std::uint64_t low, std::uint64_t high);
  bool chance(double p);

  void roll_contexts(const World& world, bool all);
  void roll_engines(unsigned slot, const World& world);
  bool works(const std::vector<Shape>& shapes, const World& world);
  Shape me_shape(unsigned context, Chain chain, std::vector<engines::VeBeat>& chained,
                 engines::ContextRow& a_row, Format& a_format);
  Shape ve_shape(unsigned context, Chain chain, const std::vector<engines::VeBeat>& chained,
                 const engines::ContextRow& a_row, Format a_format);
  Shape tdma_shape(unsigned context);
  Shape dma_shape(unsigned engine, unsigned context);
  static Operand stream(unsigned word, const engines::ContextRow& row, bool write, Format format);
  std::array<std::uint16_t, 3> split(std::uint32_t a, std::uint32_t b, std::uint32_t c);
  Operand walk(std::uint32_t count, const std::array<std::uint16_t, 3>& iter,
               std::array<std::int32_t, 3>& stride, std::uint32_t unit, bool apart);

  std::optional<ProgramCommand> instance(const Shape& shape);
  bool place(const Operand& operand, ProgramCommand& command);

  bool link(Program& program, std::size_t index);
  bool add_edge(std::size_t from, std::size_t to, bool join);
  bool append(Program& program, std::vector<ProgramCommand> commands);
  void finish(Program& program);
  void spoil(Program& program, const World& world);
  static void bury(Program& program);

  std::mt19937_64& rng_;
  ProgramLayout layout_;
  std::vector<Format> page_format_;
  Contexts contexts_{};
  std::array<unsigned, 8> order_{};  // shuffled context numbers
  std::array<Shape, 3> me_, ve_;
  std::array<Shape, 2> tdma_;
  std::array<std::array<Shape, 5>, 2> dma_;
  std::vector<Links> links_;
  std::array<Semaphore, 16> semaphores_{};
};

}  // namespace tsr::tb
