#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Generate the tables of the special functions.

Writes model/numerics/special_tables.hpp and the table section of rtl/ve/tsr_sfu_pkg.sv.
Exit code: 0 done, 1 --check found a stale file, 2 bad usage or a missing file.

An entry covers an interval of the reduced argument; x runs from 0 to 1 over it in 20 bits. It is
    v = c0 + (c1 + c2 * x) * x
with c0 in units of 2^-26 (27 bits, unsigned), c1 of 2^-25 (22 bits), c2 of 2^-23 (15 bits); a word is
{c0, c1, c2}. c2 and c1 are Chebyshev projections; c0 then centres the error of the datapath's own integer
arithmetic. Entries whose left end has to be exact (exp2(0) = 1, rcp(1) = 1 ...) are fitted through it.
"""

import argparse
import pathlib
import sys
from decimal import Decimal, getcontext

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = ROOT / "model/numerics/special_tables.hpp"
PACKAGE = ROOT / "rtl/ve/tsr_sfu_pkg.sv"
BEGIN = "  // ---------------------------------------------------------------- generated tables\n"
END = "  // ---------------------------------------------------------------- end of generated tables\n"

getcontext().prec = 40
X_BITS = 20
NODES = 8  # Chebyshev nodes of an interval
SHIFT_BLOCKS = 49  # blocks of 1/8 of |x| in phi

D = Decimal
HALF = D("0.5")


def arctan_inverse(n):
    """arctan(1/n)."""
    total, term, k = D(0), D(1) / n, 0
    while abs(term) > D(10) ** -45:
        total += (-1) ** k * term / (2 * k + 1)
        term /= n * n
        k += 1
    return total


PI = 16 * arctan_inverse(5) - 4 * arctan_inverse(239)
LN2 = D(2).ln()


def sine(x):
    """sin(x) by its series."""
    total, term, k = D(0), x, 1
    while abs(term) > D(10) ** -38:
        total += term
        term = -term * x * x / ((k + 1) * (k + 2))
        k += 2
    return total


def cosine(x):
    return sine(PI / 2 - x)


def exp2(x):
    return (x * LN2).exp()


def log2(x):
    return x.ln() / LN2


def tanh(x):
    e = (2 * x).exp()
    return (e - 1) / (e + 1)


def phi_tail(x):
    """1 - phi(x) of the standard normal distribution, x >= 0."""
    total, term, k = D(0), x, 1
    while abs(term) > D(10) ** -38:
        total += term
        k += 2
        term = term * x * x / k
    density = (-x * x / 2).exp() / (2 * PI).sqrt()
    return HALF - density * total


def phi_shifts():
    """Scale 2^s of each block of phi, so that the tail times it is at most 1/2."""
    shifts = []
    for block in range(SHIFT_BLOCKS):
        tail, s = phi_tail(D(block) / 8), 0
        while tail * 2 ** (s + 1) <= HALF:
            s += 1
        shifts.append(s)
    return shifts


class Segment:
    """Entries from address `base` on that divide [low, high) evenly; `function` gives v.

    `exact`: the first entry's left end is exact.
    """

    def __init__(self, name, base, count, low, high, function, exact=False):
        self.name, self.base, self.count = name, base, count
        self.low, self.high, self.function, self.exact = D(low), D(high), function, exact


def segments():
    """The whole table. Addresses are those of sfu_prepare() in the package and in special.hpp."""
    shifts = phi_shifts()

    def scaled_tail(block_of):
        return lambda x: phi_tail(x) * 2 ** shifts[block_of]

    out = [
        Segment("exp2: 2^x", 0, 32, 0, 1, exp2, exact=True),
        Segment("sin: 2 pi m / 16, small arguments", 32, 8, 1, 2, lambda m: m * PI / 8),
        Segment("tanh: m / 4, small arguments", 40, 8, 1, 2, lambda m: m / 4, exact=True),
        Segment("log2: log2(m)", 64, 64, 1, 2, log2, exact=True),
        Segment("rcp: 1 / m", 128, 64, 1, 2, lambda m: 1 / m, exact=True),
        Segment("rsqrt: 1 / sqrt(m)", 192, 32, 1, 2, lambda m: 1 / m.sqrt(), exact=True),
        Segment("rsqrt: 1 / sqrt(2 m)", 224, 32, 1, 2, lambda m: 1 / (2 * m).sqrt()),
        Segment("sin: sin(pi / 2 x)", 256, 64, 0, 1, lambda x: sine(PI / 2 * x), exact=True),
    ]
    for e in (-2, -3):
        out.append(
            Segment(f"tanh, exponent {e}", 320 + 16 * (e & 1), 16, 1, 2, lambda m, e=e: tanh(m * D(2) ** e) / D(2) ** (e + 1))
        )
    for e in (0, 1, 2, -1):
        out.append(Segment(f"tanh, exponent {e}", 384 + 32 * (e & 3), 32, 1, 2, lambda m, e=e: tanh(m * D(2) ** e)))
    # phi: intervals of 1/16, 1/32, 1/64 and 1/128; an entry lies within one block of 1/8.
    for low, high, per_unit, base in ((0, 1, 16, 512), (1, 2.5, 32, 528), (2.5, 5.5, 64, 576), (5.5, 6.125, 128, 768)):
        per_block = per_unit // 8
        for block in range(int(low * 8), int(high * 8)):
            out.append(
                Segment(
                    f"phi: tail from {low} on, by 1/{per_unit}" if block == low * 8 else "",
                    base + (block - int(low * 8)) * per_block,
                    per_block,
                    D(block) / 8,
                    D(block + 1) / 8,
                    scaled_tail(block),
                    exact=block == 0,
                )
            )
    for e in range(-4, -12, -1):
        out.append(
            Segment(f"tanh, exponent {e}", 896 + 8 * (e & 7), 8, 1, 2, lambda m, e=e: tanh(m * D(2) ** e) / D(2) ** (e + 1))
        )
    return out


def datapath(c1, c2, x):
    """v - c0 in units of 2^-28: what the hardware computes, bit for bit."""
    slope = (c1 << 2) + ((c2 * (x >> 5)) >> 11)
    return (slope * x) >> 19


ANGLES = [cosine(PI * (2 * k + 1) / (2 * NODES)) for k in range(NODES)]
POINTS = [(1 + u) / 2 for u in ANGLES]
T2 = [2 * u * u - 1 for u in ANGLES]


def nearest(x):
    return int(x.to_integral_value(rounding="ROUND_HALF_EVEN"))


def quadratic(function, low, width):
    """Coefficients c1, c2 of the best quadratic of an interval."""
    values = [function(low + width * p) for p in POINTS]
    c2 = nearest(8 * 2 * sum(v * t for v, t in zip(values, T2)) / NODES * 2**23)
    rest = [v - D(c2) / 2**23 * p * p for v, p in zip(values, POINTS)]
    c1 = nearest(2 * 2 * sum(v * u for v, u in zip(rest, ANGLES)) / NODES * 2**25)
    return c1, c2


def errors(function, low, width, c1, c2):
    """Exact v minus the datapath's without c0, in units of 2^-28, over the interval with its ends."""
    out = []
    for point in [D(0), *POINTS, D(1)]:
        x = min(nearest(point * 2**X_BITS), 2**X_BITS - 1)
        out.append(function(low + width * x / 2**X_BITS) * 2**28 - datapath(c1, c2, x))
    return out


def pinned(function, low, width, c0):
    """Coefficients c1, c2 of the best quadratic that starts exactly at c0.

    It meets the function where a cubic Chebyshev polynomial whose first zero is at x = 0 has the others.
    """
    root = D(3).sqrt() / 2
    p, q = root / (1 + root), 2 * root / (1 + root)
    fp, fq = (function(low + width * x) - D(c0) / 2**26 for x in (p, q))
    c2 = nearest((fq / q - fp / p) / (q - p) * 2**23)
    guess = nearest((fq - D(c2) / 2**23 * q * q) / q * 2**25)
    worst = {
        c1: max(abs(e - c0 * 4) for e in errors(function, low, width, c1, c2)) for c1 in range(guess - 8, guess + 9)
    }
    return min(worst, key=worst.get), c2


def entry(function, low, width, exact):
    """Coefficients (c0, c1, c2) of one interval."""
    if exact:
        c0 = nearest(function(low) * 2**26)
        c1, c2 = pinned(function, low, width, c0)
    else:
        c1, c2 = quadratic(function, low, width)
        error = errors(function, low, width, c1, c2)
        c0 = nearest((max(error) + min(error)) / 2 / 4)
    assert 0 <= c0 < 2**27 and -(2**21) <= c1 < 2**21 and -(2**14) <= c2 < 2**14, (low, c0, c1, c2)
    return c0, c1, c2


def build():
    """Words of the table, address -> word; names, address -> comment."""
    words, names = {}, {}
    for segment in segments():
        width = (segment.high - segment.low) / segment.count
        for i in range(segment.count):
            c0, c1, c2 = entry(segment.function, segment.low + i * width, width, segment.exact and i == 0)
            assert segment.base + i not in words
            words[segment.base + i] = c0 << 37 | (c1 & (2**22 - 1)) << 15 | (c2 & (2**15 - 1))
        if segment.name:
            names[segment.base] = segment.name
    size = (max(words) + 64) // 64 * 64
    return [words.get(a, 0) for a in range(size)], names


def rows(words, prefix, indent):
    """Table text, four words a line."""
    lines = []
    for a in range(0, len(words), 4):
        lines.append(indent + ", ".join(f"{prefix}{w:016x}" for w in words[a : a + 4]))
    return ",\n".join(lines)


def header(words, names, shifts):
    comment = "\n".join(f"///   {a:4}  {names[a]}" for a in sorted(names))
    values = ",\n".join(
        "    " + ", ".join(f"0x{w:016x}" for w in words[a : a + 4]) for a in range(0, len(words), 4)
    )
    lines = [", ".join(str(s) for s in shifts[i : i + 24]) for i in range(0, len(shifts), 24)]
    return f"""// SPDX-License-Identifier: Apache-2.0
// Generated by scripts/sfugen.py. Do not edit.
/// Tables of the special functions; numerics/special.hpp says how they are used.
#pragma once

#include <cstdint>

namespace tsr::numerics {{

/// Words {{c0[26:0], c1[21:0], c2[14:0]}} in units of 2^-26, 2^-25 and 2^-23. From address:
{comment}
// clang-format off
inline constexpr std::uint64_t kSfuTable[{len(words)}] = {{
{values}}};

/// phi: the table holds the tail times 2^s, s by blocks of 1/8 of |x|.
inline constexpr std::uint8_t kSfuPhiShift[{len(shifts)}] = {{
    {(","+chr(10)+"    ").join(lines)}}};
// clang-format on

}}  // namespace tsr::numerics
"""


def package_section(words, shifts):
    table = rows(words, "64'h", "    ")
    shift_lines = [", ".join(f"5'd{s}" for s in shifts[i : i + 16]) for i in range(0, len(shifts), 16)]
    return (
        BEGIN
        + "  // Written by scripts/sfugen.py. Do not edit.\n\n"
        + "  /// Words {c0[26:0], c1[21:0], c2[14:0]} in units of 2^-26, 2^-25 and 2^-23.\n"
        + f"  localparam int unsigned SfuWords = {len(words)};\n"
        + f"  localparam logic [63:0] SfuTable [SfuWords] = '{{\n{table}\n  }};\n\n"
        + "  /// phi: the table holds the tail times 2^s, s by blocks of 1/8 of |x|.\n"
        + f"  localparam int unsigned SfuShifts = {len(shifts)};\n"
        + "  localparam logic [4:0] SfuPhiShift [SfuShifts] = '{\n    "
        + ",\n    ".join(shift_lines)
        + "\n  };\n\n"
        + END
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    options = parser.parse_args(arguments)
    words, names = build()
    shifts = phi_shifts()
    try:
        package = PACKAGE.read_text(encoding="utf-8")
        if BEGIN not in package or END not in package:
            print(f"sfugen: {PACKAGE} has no marks of the generated section", file=sys.stderr)
            return 2
        before, rest = package.split(BEGIN)
        wanted = {
            HEADER: header(words, names, shifts),
            PACKAGE: before + package_section(words, shifts) + rest.split(END)[1],
        }
        stale = [f for f, text in wanted.items() if not f.is_file() or f.read_text(encoding="utf-8") != text]
        if options.check:
            for file in stale:
                print(f"sfugen: {file} is stale; run scripts/sfugen.py", file=sys.stderr)
            return 1 if stale else 0
        for file in stale:
            file.write_text(wanted[file], encoding="utf-8")
    except OSError as error:
        print(f"sfugen: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
