// SPDX-License-Identifier: Apache-2.0
#include "operand.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "numerics/matrix.hpp"
#include "tessera_abi.h"

namespace tsr::tools {

using numerics::ElementFormat;

namespace {

constexpr const char* kMx = "mx";
constexpr std::size_t kFlit = 64;  // bytes

/// Value that a kernel returned, from the message of a failed launch; 0 if it is another message.
std::uint32_t returned_value(const std::string& message) {
  const std::string word = "returned ";
  const auto at = message.rfind(word);
  if (at == std::string::npos) return 0;
  return static_cast<std::uint32_t>(std::strtoul(message.c_str() + at + word.size(), nullptr, 10));
}

}  // namespace

bool BenchFormat::integer_results() const { return numerics::has_int32_results(element, mx); }

unsigned BenchFormat::macs_per_cell() const {
  if (element == ElementFormat::Fp32) return 1;  // a beat takes two cycles
  return static_cast<unsigned>(numerics::beat_elements(element));
}

std::vector<std::string> matrix_format_names(bool with_mx) {
  std::vector<std::string> names, scaled;
  for (int i = 0; i < numerics::kElementFormats; ++i) {
    const auto format = static_cast<ElementFormat>(i);
    if (!numerics::is_matrix_format(format)) continue;
    const std::string name(numerics::element_name(format));
    names.push_back(name);
    if (with_mx && numerics::is_mx_format(format)) scaled.push_back(kMx + name);
  }
  names.insert(names.end(), scaled.begin(), scaled.end());
  return names;
}

BenchFormat bench_format(const std::string& name) {
  BenchFormat out;
  out.mx = name.rfind(kMx, 0) == 0;
  const std::string element = out.mx ? name.substr(2) : name;
  if (!numerics::element_from_name(element, out.element) ||
      (out.mx && !numerics::is_mx_format(out.element))) {
    throw InputError(fmt::format("'{}' is no element format", name));
  }
  return out;
}

Matrix::Matrix(std::size_t row_count, std::size_t columns, unsigned element_bits)
    : rows(row_count),
      cols(columns),
      bits(element_bits),
      row_bytes((columns * element_bits + 7) / 8),
      pitch((row_bytes + kFlit - 1) / kFlit * kFlit),
      bytes(row_count * pitch) {}

std::uint32_t Matrix::get(std::size_t row, std::size_t col) const {
  const std::uint8_t* at = bytes.data() + row * pitch + col * bits / 8;
  if (bits == 4) return (*at >> (4 * (col % 2))) & 15U;
  std::uint32_t code = 0;
  std::memcpy(&code, at, bits / 8);
  return code;
}

void Matrix::set(std::size_t row, std::size_t col, std::uint32_t code) {
  std::uint8_t* at = bytes.data() + row * pitch + col * bits / 8;
  if (bits == 4) {
    const unsigned shift = 4 * (col % 2);
    *at = static_cast<std::uint8_t>((*at & ~(15U << shift)) | (code & 15U) << shift);
  } else {
    std::memcpy(at, &code, bits / 8);
  }
}

Matrix Matrix::transposed() const {
  Matrix out(cols, rows, bits);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) out.set(c, r, get(r, c));
  }
  return out;
}

std::uint32_t random_element(ElementFormat format, std::mt19937_64& rng) {
  const unsigned bits = static_cast<unsigned>(numerics::element_bits(format));
  const std::uint32_t mask = bits == 32 ? ~0U : (1U << bits) - 1;
  if (!numerics::is_float(format)) return static_cast<std::uint32_t>(rng()) & mask;
  const auto layout = numerics::float_format(format);
  for (;;) {
    const auto random = rng();
    auto code = static_cast<std::uint32_t>(random >> 8) & mask;
    if (bits > 8) {
      const int shift = layout.fraction_bits + layout.padding;
      const auto exponent = static_cast<std::uint32_t>(layout.bias() - 4) + random % 8;
      code &= ~(static_cast<std::uint32_t>(layout.exponent_max()) << shift);
      code |= static_cast<std::uint32_t>(exponent) << shift;
    }
    const auto kind = numerics::decode(layout, code).kind;
    if (kind == numerics::FloatClass::Finite || kind == numerics::FloatClass::Zero) return code;
  }
}

Matrix random_matrix(std::size_t rows, std::size_t cols, ElementFormat format,
                     std::mt19937_64& rng) {
  Matrix out(rows, cols, static_cast<unsigned>(numerics::element_bits(format)));
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) out.set(r, c, random_element(format, rng));
  }
  return out;
}

Matrix random_scales(std::size_t rows, std::size_t k, std::mt19937_64& rng) {
  Matrix out(rows, ceil_div(k, numerics::kScaleBlock), 8);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < out.cols; ++c) {
      out.set(r, c, static_cast<std::uint32_t>(123 + rng() % 9));
    }
  }
  return out;
}

std::uint64_t upload(Platform& chip, const std::vector<std::uint8_t>& bytes) {
  const auto at = chip.allocate(bytes.size());
  chip.write(at, bytes.data(), bytes.size());
  return at;
}

Completion run_kernel(Session& session, const std::string& kernel, Rect tiles, const void* args,
                      std::size_t args_bytes, const std::string& what, const std::string& advice) {
  auto& chip = session.chip();
  session.measure();
  try {
    const auto done = chip.wait(chip.launch(kernel, tiles, args, args_bytes));
    session.measured();
    return done;
  } catch (const Error& error) {
    if (error.code() != ExitCode::JobFailed) throw;
    switch (returned_value(error.what())) {
      case TSR_KERNEL_BAD_SHAPE:
        throw InputError(fmt::format("{}: {} cannot do this shape", what, kernel));
      case TSR_KERNEL_BAD_FORMAT:
        throw InputError(fmt::format("{}: {} cannot do this format", what, kernel));
      case TSR_KERNEL_NO_MEMORY:
        throw InputError(fmt::format("{} does not fit the scratchpad of {} KiB. {}", what,
                                     chip.config().spm_kib, advice));
      default:
        throw;
    }
  }
}

Rect first_tile(const Platform& chip) {
  const Node tile = chip.config().tiles.front();
  return {tile, tile};
}

Rect tile_rectangle(const Platform& chip, unsigned count, const std::string& option) {
  const Rect all = chip.all_tiles();
  if (count == 0) return all;
  const unsigned width = all.hi.x - all.lo.x + 1;
  const unsigned height = all.hi.y - all.lo.y + 1;
  std::string sizes;
  for (unsigned n = 1; n <= width * height; ++n) {
    for (unsigned w = std::min(width, n); w >= 1; --w) {
      if (n % w != 0 || n / w > height) continue;
      if (n == count) return {all.lo, {all.lo.x + w - 1, all.lo.y + n / w - 1}};
      sizes += fmt::format(" {}", n);
      break;
    }
  }
  throw InputError(fmt::format("{} {}: a launch covers a rectangle of tiles; possible are{}",
                               option, count, sizes));
}

int conclude(Session& session, std::size_t mismatches) {
  session.result["mismatches"] = mismatches;
  session.finish(mismatches == 0 ? "result       right, bit for bit"
                                 : fmt::format("result       {} elements are wrong", mismatches));
  return mismatches == 0 ? 0 : static_cast<int>(ExitCode::JobFailed);
}

}  // namespace tsr::tools
