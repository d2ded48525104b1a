// SPDX-License-Identifier: Apache-2.0
/// Convolutions as plain loops over pixels: which pixel and channels every lane must bring.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "engines/agu.hpp"

namespace tsr::tb {

/// One beat of stream A: per lane the byte offset, or -1 for a lane of zeros, and how many of its
/// bytes are channels. Lanes behind the end of an output row are free.
struct ConvBeat {
  std::array<std::int64_t, 8> lane{};
  unsigned lanes = 8;  // output pixels in this beat
  unsigned bytes = 8;  // channel bytes in a lane
  bool block_end = false;
};

inline std::vector<ConvBeat> conv_reference(const engines::ConvShape& s) {
  std::vector<ConvBeat> out;
  const unsigned steps = (s.channel_bytes + 7) / 8;
  for (unsigned oy = 0; oy < s.out_h(); ++oy)
    for (unsigned ox = 0; ox < s.out_w(); ox += 8)
      for (unsigned group = 0; group < s.groups; ++group)
        for (unsigned n = 0; n < s.blocks_n; ++n)
          for (unsigned ky = 0; ky < s.kernel_h; ++ky)
            for (unsigned kx = 0; kx < s.kernel_w; ++kx)
              for (unsigned c = 0; c < steps; ++c) {
                ConvBeat beat;
                beat.lanes = std::min(8U, s.out_w() - ox);
                beat.bytes = std::min(8U, s.channel_bytes - 8 * c);
                beat.block_end = ky == s.kernel_h - 1 && kx == s.kernel_w - 1 && c == steps - 1;
                for (unsigned r = 0; r < 8; ++r) {
                  const int y =
                      static_cast<int>(oy * s.stride + ky * s.dilation) - static_cast<int>(s.pad);
                  const int x = static_cast<int>((ox + r) * s.stride + kx * s.dilation) -
                                static_cast<int>(s.pad);
                  const bool inside =
                      x >= 0 && x < static_cast<int>(s.w) && y >= 0 && y < static_cast<int>(s.h);
                  beat.lane[r] = inside ? std::int64_t{s.input} + std::int64_t{y} * s.row_pitch +
                                              std::int64_t{x} * s.pixel_pitch +
                                              std::int64_t{group} * s.channel_bytes + 8 * c
                                        : -1;
                }
                out.push_back(beat);
              }
  return out;
}

/// Empty if the access brings what the beat needs, and reads nothing outside of the picture.
inline std::string conv_mismatch(const engines::ConvShape& s, const ConvBeat& want,
                                 const engines::Access& got) {
  const std::uint64_t end =
      s.input + std::uint64_t{s.h - 1} * s.row_pitch + std::uint64_t{s.w} * s.pixel_pitch;
  for (unsigned r = 0; r < 8; ++r) {
    const unsigned strb = (got.strb >> (8 * r)) & 0xff;
    const unsigned mask = (1U << want.bytes) - 1;
    if (r >= want.lanes) {
      if (strb != 0 && (got.lane[r] < s.input || got.lane[r] >= end)) {
        return fmt::format("free lane {} reads {:#x}, outside of the picture", r, got.lane[r]);
      }
    } else if (want.lane[r] < 0) {
      if (strb != 0) return fmt::format("lane {} is not masked", r);
    } else if (strb != mask || got.lane[r] != want.lane[r]) {
      return fmt::format("lane {}: {:#x} mask {:#x}, expected {:#x} mask {:#x}", r, got.lane[r],
                         strb, want.lane[r], mask);
    }
  }
  if (((got.last >> 2) & 1) != (want.block_end ? 1U : 0U)) return "wrong end of block";
  return "";
}

inline std::string name_of(const engines::ConvShape& s) {
  return fmt::format(
      "{}x{} picture of {} bytes a pixel, kernel {}x{}, stride {}, dilation {}, pad {}, {} blocks, "
      "{} "
      "groups",
      s.h, s.w, s.channel_bytes, s.kernel_h, s.kernel_w, s.stride, s.dilation, s.pad, s.blocks_n,
      s.groups);
}

/// The shapes of usual networks: kernels of 1x1 to 7x7, strides, dilation, padding, groups.
inline std::vector<engines::ConvShape> conv_shapes() {
  std::vector<engines::ConvShape> out;
  const auto add = [&out](unsigned size, unsigned channels, unsigned kernel, unsigned stride,
                          unsigned dilation, unsigned pad, unsigned blocks, unsigned groups) {
    engines::ConvShape s;
    s.h = size;
    s.w = size + 3;
    s.channel_bytes = channels;
    s.kernel_h = s.kernel_w = kernel;
    s.stride = stride;
    s.dilation = dilation;
    s.pad = pad;
    s.blocks_n = blocks;
    s.groups = groups;
    s.pixel_pitch = (channels * groups + 7) / 8 * 8 + 8;
    s.row_pitch = s.pixel_pitch * s.w + 16;
    s.input = 1024;
    out.push_back(s);
  };
  for (unsigned kernel = 1; kernel <= 7; ++kernel) {
    for (unsigned stride = 1; stride <= 3; ++stride) {
      add(13, 16, kernel, stride, 1, kernel / 2, 2, 1);
    }
  }
  add(21, 8, 3, 1, 2, 2, 1, 1);   // dilated, same size
  add(21, 8, 5, 2, 3, 6, 1, 1);   // dilated with stride
  add(13, 24, 3, 1, 1, 1, 1, 4);  // grouped
  add(9, 8, 3, 1, 1, 1, 1, 5);    // a group is one lane wide
  add(9, 13, 3, 1, 1, 1, 2, 1);   // channels are not a multiple of a lane
  add(16, 8, 1, 1, 1, 0, 3, 1);   // pointwise
  add(6, 8, 7, 1, 1, 3, 1, 1);    // kernel wider than the picture
  add(30, 8, 3, 1, 1, 15, 1, 1);  // padding of 15
  return out;
}

template <class Rng>
engines::ConvShape random_conv(Rng& rng) {
  const auto in = [&rng](unsigned low, unsigned high) {
    return std::uniform_int_distribution<unsigned>(low, high)(rng);
  };
  engines::ConvShape s;
  do {
    s.h = in(1, 20);
    s.w = in(1, 30);
    s.kernel_h = in(1, 7);
    s.kernel_w = in(1, 7);
    s.stride = in(1, 4);
    s.dilation = in(1, 3);
    s.pad = in(0, 9);
  } while (s.h + 2 * s.pad < s.dilation * (s.kernel_h - 1) + 1 ||
           s.w + 2 * s.pad < s.dilation * (s.kernel_w - 1) + 1);
  s.groups = in(0, 2) == 0 ? in(2, 3) : 1;
  s.channel_bytes = s.groups > 1 ? 8 * in(1, 2) : in(1, 20);
  s.blocks_n = in(1, 2);
  s.pixel_pitch = (s.channel_bytes * s.groups + 7) / 8 * 8 + 8 * in(0, 2);
  s.row_pitch = s.pixel_pitch * s.w + 8 * in(0, 3);
  s.input = 8 * in(0, 1000);
  return s;
}

}  // namespace tsr::tb
