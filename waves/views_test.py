#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the views and of scripts/waves: views_test.py TESSERA WORK_DIR

Traces a short run on t4 and holds the save files against it, renders them, and looks at the pictures.
"""
import importlib.machinery
import importlib.util
import re
import shutil
import struct
import subprocess
import sys
import unittest
import zlib
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parent.parent
loader = importlib.machinery.SourceFileLoader("waves_script", str(TOP / "scripts" / "waves"))
script = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(script)
TESSERA, WORK = (Path(a).resolve() for a in sys.argv[1:3])
VIEWS = sorted((TOP / "waves").glob("*.gtkw"))


def waves(*args):
    return subprocess.run([TOP / "scripts" / "waves", *map(str, args)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)


def tessera(*args):
    return subprocess.run([TESSERA, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)


def hierarchy(fst):
    """Signal names in a trace: read from what fst2vcd prints before the first value."""
    names, scope = set(), []
    with subprocess.Popen(["fst2vcd", str(fst)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, errors="replace") as vcd:
        for line in vcd.stdout:
            if match := re.match(r"\$scope \w+ (\S+)", line):
                scope.append(match[1])
            elif line.startswith("$upscope"):
                scope.pop()
            elif match := re.match(r"\$var \w+ \d+ \S+ (.*) \$end", line):
                names.add(".".join(scope + [match[1].replace(" ", "")]))
            elif line.startswith("$enddefinitions"):
                break
        vcd.kill()
    return names


def pixels(png, rows=400):
    """Width and height of an 8-bit RGB or RGBA PNG, and how often each colour occurs in its upper part."""
    data = png.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", f"{png} is no PNG"
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", data[16:29])
    assert depth == 8 and colour in (2, 6) and interlace == 0, f"{png}: unexpected format"
    packed, at = b"", 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    raw, step = zlib.decompress(packed), 3 if colour == 2 else 4
    stride, above, counts = width * step, bytearray(width * step), {}
    for y in range(min(height, rows)):
        row = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        method = raw[y * (stride + 1)]
        for i in range(stride):
            left = row[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            if method == 1:
                row[i] = (row[i] + left) & 255
            elif method == 2:
                row[i] = (row[i] + above[i]) & 255
            elif method == 3:
                row[i] = (row[i] + (left + above[i]) // 2) & 255
            elif method == 4:
                guess = left + above[i] - corner
                row[i] = (row[i] + min((left, above[i], corner), key=lambda v: abs(guess - v))) & 255
        for i in range(0, stride, 4 * step):  # every fourth pixel is enough
            rgb = bytes(row[i:i + 3])
            counts[rgb] = counts.get(rgb, 0) + 1
        above = row
    return width, height, counts


class Views(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(WORK / "out", ignore_errors=True)
        cls.rendered = waves("render", "--tessera", TESSERA, "--images", 8, "--out", WORK / "out")
        cls.fst = WORK / "out" / "mlp-t4.fst"

    def test_save_files_name_signals_of_the_trace(self):
        names = hierarchy(self.fst)
        self.assertGreater(len(names), 10000)
        self.assertEqual([v.stem for v in VIEWS], ["chip", "memory", "tile"])
        for view in VIEWS:
            lines = [l.split("} ", 1)[1] for l in view.read_text().splitlines() if l[:2] in ("+{", "#{")]
            shown = [re.sub(r"^\(\d+\)", "", s) for l in lines for s in l.split()]
            self.assertGreater(len(shown), 30, view.name)
            self.assertEqual([s for s in shown if s not in names], [], view.name)

    def test_save_files_use_relative_paths_and_existing_filters(self):
        for view in VIEWS:
            text = view.read_text()
            self.assertNotRegex(text, r'[ "]/', view.name)
            for path in re.findall(r"^\^\d+ (\S+)", text, re.M):
                self.assertTrue((TOP / path).is_file(), path)

    def test_filters_cover_every_value_once(self):
        for name, count in (("links", 32), ("node", 64)):
            lines = (TOP / "waves" / "filters" / f"{name}.txt").read_text().splitlines()
            values = [l.split()[0] for l in lines if not l.startswith("#")]
            self.assertEqual(len(values), count)
            self.assertEqual(len(set(values)), count)

    def test_pictures_show_waves(self):
        self.assertEqual(self.rendered.returncode, 0, self.rendered.stderr)
        for view in VIEWS:
            width, height, counts = pixels(WORK / "out" / f"{view.stem}.png")
            self.assertGreaterEqual(width, 1600)
            self.assertGreaterEqual(height, 800)
            self.assertGreater(len(counts), 60, view.name)
            total = sum(counts.values())
            waves_drawn = sum(n for (r, g, b), n in counts.items() if max(r, g, b) - min(r, g, b) > 120)
            black = counts.get(b"\0\0\0", 0)
            self.assertGreater(waves_drawn / total, 0.03, view.name)
            self.assertGreater(black / total, 0.2, view.name)

    def test_views_adapt_to_t16(self):
        fst = WORK / "t16.fst"
        job = tessera("run", "mlp", "--config", "t16", "--trace", fst, "--trace-from", 10, "--trace-to", 20,
                      "--max-cycles", 100)
        self.assertEqual(job.returncode, 4, job.stdout)  # the cycle limit ends it
        names = hierarchy(fst)
        chip = script.View("chip", names)
        self.assertEqual(chip.missing(names), [])
        for y in range(1, 5):
            for x in range(4):
                self.assertIn(f"t16.tile_{x}_{y}.tsr_tile.u_node.core_wfi", chip.signals())
                self.assertIn(f"-tile {x},{y}", chip.lines)
        memory = script.View("memory", names, (3, 5))
        self.assertEqual(memory.missing(names), [])
        self.assertTrue(all(s.startswith("t16.mem_3_5.") for s in memory.signals()))
        tile = script.View("tile", names)
        self.assertEqual(tile.missing(names), [])
        with self.assertRaisesRegex(script.Failure, "no tile there; this chip has 0,1 .* 3,4"):
            script.View("tile", names, (0, 0))

    def test_a_trace_without_the_signals_is_refused(self):
        vcd, fst = WORK / "other.vcd", WORK / "other.fst"
        vcd.write_text("$timescale 1ps $end\n"
                       + "".join(f"$scope module t4.{n} $end\n$var wire 1 {c} clk_i $end\n$upscope $end\n"
                                 for n, c in (("ctl_0_0", "a"), ("tile_0_1", "b"), ("mem_0_3", "c")))
                       + "$enddefinitions $end\n#0\n0a\n0b\n0c\n#10\n1a\n1b\n1c\n")
        subprocess.run(["vcd2fst", vcd, fst], check=True, stdout=subprocess.DEVNULL)
        done = waves("check", fst)
        self.assertEqual(done.returncode, 1)
        self.assertIn("tile: t4.tile_0_1.now_i[63:0]", done.stderr)
        self.assertEqual(waves("check", WORK / "none.fst").returncode, 2)

    def test_descriptions_fit_a_trace_of_the_chip(self):
        fst = WORK / "views.fst"
        job = tessera("run", "mlp", "--config", "t4", "--trace", fst, "--trace-from", 10, "--trace-to", 40,
                      "--max-cycles", 100)
        self.assertEqual(job.returncode, 4, job.stdout)
        done = tessera("waves", fst, "--view", "all", "--signals")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertGreater(len(done.stdout.splitlines()), 500)
        listed = tessera("waves", fst, "--list").stdout
        self.assertNotIn("not in this trace", listed)
        png = WORK / "core.png"
        done = tessera("waves", fst, "--view", "core", "--png", png)
        self.assertEqual(done.returncode, 0, done.stdout)
        width, height, counts = pixels(png)
        self.assertGreaterEqual(width, 1600)
        self.assertGreaterEqual(height, 500)
        self.assertGreater(len(counts), 20)
        self.assertEqual(tessera("waves", fst, "--view", "me", "--node", "0,0").returncode, 2)

    def test_trace_windows_are_in_picoseconds(self):
        vcd = WORK / "window.vcd"
        job = tessera("run", "mlp", "--config", "t4", "--vcd", vcd, "--trace-from", 10, "--trace-to", 20,
                      "--max-cycles", 100)
        self.assertEqual(job.returncode, 4, job.stdout)
        text = vcd.read_text()
        self.assertRegex(text, r"\$timescale\s+1ps")
        times = [int(t) for t in re.findall(r"^#(\d+)$", text, re.M)]
        self.assertEqual((times[0], times[-1]), (10 * 1250, 20 * 1250 + 625))
        self.assertFalse(Path(f"{vcd}.fst").exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
