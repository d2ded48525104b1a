// SPDX-License-Identifier: Apache-2.0
/// Functional address generator: context rows, the accesses they stand for, the beats that a stream
/// makes of them, and a builder that writes context rows from plain loops.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tsr::engines {

inline constexpr std::uint32_t kSpmAddressMask = (1U << 22) - 1;

/// One context row: sixteen 32-bit words.
using ContextRow = std::array<std::uint32_t, 16>;

/// Bytes of a beat, lane by lane.
using BeatBytes = std::array<std::uint8_t, 64>;

/// In-beat transpose of a read stream: rows of eight elements become columns.
enum class Transpose : std::uint8_t {
  None = 0,
  Bytes1 = 1,  // 8 rows x 8 of 1 byte (w = 1)
  Bytes2 = 2,  // 4 rows x 8 of 2 bytes (w = 2)
  Bytes4 = 3   // 2 rows x 8 of 4 bytes (w = 4)
};

/// Address generator configuration: fields of a context row (agu_cfg_t), in the hardware's units.
struct AguConfig {
  std::uint32_t pitch = 0;  // bytes between row groups, multiple of 8; 0: all are the first one
  unsigned w_log2 = 0;      // lanes of a row group: 1, 2, 4, 8
  Transpose xpose = Transpose::None;
  bool redge_en = false;  // in the last iteration of loop redge_loop only rows < redge_n are valid
  unsigned redge_loop = 0;
  bool redge_sub = false;  // rows are counted on over loop 0
  unsigned redge_n = 0;    // 1..15; 0 stands for 16
  bool bedge_en =
      false;  // in the last iteration of bedge_loop only bedge_m bytes of each row group
  unsigned bedge_loop = 0;
  unsigned bedge_m = 0;
  bool gather = false;  // each run of loops 0..gather_loop-1 begins at base + next index
  unsigned gather_loop = 0;
  unsigned win_w = 0;  // plane check: columns of the picture; 0 = off
  unsigned win_h = 0;  // rows of the picture
  unsigned pad_x = 0;  // the walk starts at column -pad_x
  unsigned pad_y = 0;  // and row -pad_y
  unsigned xstep = 0;  // columns between row groups
  std::array<std::uint32_t, 6> count{1, 1, 1, 1, 1, 1};  // iterations, loop 0 innermost; 1..65535
  std::array<std::int32_t, 6> delta{};  // bytes added when loop j advances, multiple of 8, 22 bits
  std::array<std::int32_t, 6> dx{};     // columns added then, 16 bits
  std::array<std::int32_t, 6> dy{};     // rows added then, 10 bits

  /// Deltas from plain strides: iteration i of loop j is at i * stride[j].
  void set_strides(const std::array<std::int32_t, 6>& stride);

  /// Word 0 (the base) is not looked at: the command brings it.
  static AguConfig from_row(const ContextRow& row);
  ContextRow to_row() const;

  /// The hardware accepts a row: every field in its range.
  static bool legal(const ContextRow& row);

  /// Accesses of the run. The product may not exceed 64 bits.
  std::uint64_t accesses() const;
  /// Indexes that the run takes: 0 without gather.
  std::uint64_t indexes() const;
};

/// One access of eight lanes of 8 bytes.
struct Access {
  std::uint32_t base = 0;
  std::array<std::uint32_t, 8> lane{};  // byte offset of each lane
  std::uint64_t strb = 0;               // valid bytes, 8 a lane, as they lie in memory
  unsigned last = 0;                    // bit j: loops 0..j are at their last iteration
};

/// Walks the loops of a configuration.
class Agu {
 public:
  /// `indexes`: byte offsets for gather, config.indexes() of them. `row_base`: first row that the
  /// generator serves in a grid of 16 rows (0 or 8): matters for edges and the plane check only.
  Agu(const AguConfig& config, std::uint32_t base, std::vector<std::uint32_t> indexes = {},
      unsigned row_base = 0);

  bool done() const { return done_; }
  Access current() const;
  void next();

 private:
  std::uint32_t address() const;
  bool byte_valid(unsigned byte) const;
  bool ends(unsigned loop) const { return index_[loop] + 1 == config_.count[loop]; }

  AguConfig config_;
  std::uint32_t base_;
  std::vector<std::uint32_t> indexes_;
  unsigned row_base_;
  std::array<std::int64_t, 6> stride_{}, stride_x_{}, stride_y_{};
  std::array<std::uint32_t, 6> index_{};
  bool done_ = false;
};

// ------------------------------------------------------------------ beats

/// Where byte i of an access is in the beat.
unsigned transposed_byte(unsigned i, Transpose mode);

/// Data, or byte mask, of a beat from those of its access.
BeatBytes transpose(const BeatBytes& data, Transpose mode);
std::uint64_t transpose_mask(std::uint64_t strb, Transpose mode);

/// A lane with a valid byte lies beyond `spm_bytes`.
bool out_of_range(const Access& access, std::size_t spm_bytes);

struct StreamBeat {
  BeatBytes data{};  // masked bytes are zero
  std::uint64_t strb = 0;
  unsigned last = 0;
};

/// Beat of a read stream. Lanes outside the scratchpad read as zero.
StreamBeat read_beat(const Access& access, Transpose mode, const std::vector<std::uint8_t>& spm);

/// Write the valid bytes of an access; lanes outside the scratchpad are left out.
void write_beat(const Access& access, const BeatBytes& data, std::vector<std::uint8_t>& spm);

/// Told of every write of a functional engine, in order. Lanes outside the scratchpad are not
/// written although they may be named.
class WriteObserver {
 public:
  virtual void write(const Access& access, const BeatBytes& data) = 0;

 protected:
  ~WriteObserver() = default;
};

// ------------------------------------------------------------------ builder

/// A loop as one thinks of it: iteration i is `i * stride` bytes, `i * dx` columns and `i * dy`
/// rows from iteration 0.
struct AguLoop {
  std::uint32_t count = 1;
  std::int32_t stride = 0;
  std::int32_t dx = 0;
  std::int32_t dy = 0;
};

/// Writes a context row from plain loops. Set what is needed, then take row() or config(); error()
/// tells what does not fit.
///
///     AguBuilder a;                       // A of a 64 x 64 BF16 GEMM: 8 rows of 8 bytes a beat
///     a.pitch = 136;
///     a.loops = {{16, 8}, {8, 0}, {8, 8 * 136}};
struct AguBuilder {
  std::uint32_t base = 0;      // bytes, multiple of 8; may be negative modulo 2^22
  std::uint32_t pitch = 0;     // bytes between row groups
  unsigned w = 1;              // lanes of a row group: 1, 2, 4, 8
  std::vector<AguLoop> loops;  // innermost first, at most 6
  Transpose xpose = Transpose::None;

  /// In the last iteration of `loop` only the first `n` rows (1..16) or bytes of a row group.
  struct Edge {
    bool on = false;
    unsigned loop = 0;
    unsigned n = 0;
    bool over_loop0 = false;  // rows only: they are counted on over loop 0
  };
  Edge rows;
  Edge bytes;

  /// Picture of the plane check; w = 0: none.
  struct Window {
    unsigned w = 0, h = 0;
    unsigned pad_x = 0, pad_y = 0;
    unsigned xstep = 0;
  };
  Window window;

  bool gather = false;
  unsigned gather_loop = 0;

  /// Mask the tail of `total` rows (or bytes) that loop `loop` walks in steps of `step`, if there
  /// is one.
  void edge_rows(unsigned loop, std::uint64_t total, unsigned step);
  void edge_bytes(unsigned loop, std::uint64_t total, unsigned step);

  AguConfig config() const;
  /// The context row with the base in word 0.
  ContextRow row() const;
  /// What the hardware cannot do, or nullptr.
  const char* error() const;
};

// ------------------------------------------------------------------ convolution

/// Two-dimensional convolution over a picture in the scratchpad, channels innermost: pixel (x, y)
/// is at input + y * row_pitch + x * pixel_pitch.
struct ConvShape {
  unsigned h = 1, w = 1;                       // picture
  unsigned channel_bytes = 8;                  // bytes of a pixel that one group reads
  unsigned kernel_h = 1, kernel_w = 1;         // 1..7 in practice
  unsigned stride = 1, dilation = 1, pad = 0;  // pad 0..15
  unsigned blocks_n = 1;                       // blocks of 8 output channels of a group
  unsigned groups = 1;                         // groups follow each other in a pixel
  std::uint32_t input = 0, pixel_pitch = 8, row_pitch = 8;  // bytes, multiples of 8

  unsigned out_h() const { return (h + 2 * pad - dilation * (kernel_h - 1) - 1) / stride + 1; }
  unsigned out_w() const { return (w + 2 * pad - dilation * (kernel_w - 1) - 1) / stride + 1; }
};

/// Stream A of the matrix engine for a convolution: row r of a beat is output pixel 8 * block + r
/// of an output row. Loops: channels, kernel columns, kernel rows (a block of results ends with
/// loop 2), then blocks of output channels, groups, blocks of 8 output pixels, output rows; those
/// with one iteration are left out, and at most six may remain. What lies outside of the picture is
/// masked; results behind the end of an output row (out_w() not a multiple of 8) are for the output
/// stream to mask.
AguBuilder conv_stream(const ConvShape& shape);

}  // namespace tsr::engines
