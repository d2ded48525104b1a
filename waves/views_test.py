#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the views: views_test.py TESSERA WORK_DIR APP BENCH

A short run on t4 fails in a tile whose engines have all worked (APP: firmware/apps/parade.c). Every view of
the flight recorder's waves is held against the trace and drawn; BENCH (tb/hbm_axi) adds the block that is
in no chip, and the time scale of benches.
"""
import os
import re
import shutil
import subprocess
import sys
import tomllib
import unittest
import zlib
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parent.parent
TESSERA, WORK, APP, BENCH = (Path(a).resolve() for a in sys.argv[1:5])
VIEWS = {p.stem: tomllib.loads(p.read_text()) for p in sorted((TOP / "waves" / "views").glob("*.toml"))}
NO_CHIP = {"hbm_axi"}  # views of blocks that only benches have
LIBRARY = {"common"}  # folders of cells that have no view of their own
ROW = 19  # lines of pixels


def run(*words, **more):
    return subprocess.run([*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)


def tessera(*words):
    return run(TESSERA, *words)


def hierarchy(fst):
    """Signal names in a trace: read from what fst2vcd prints before the first value."""
    names, scope = set(), []
    with subprocess.Popen(["fst2vcd", str(fst)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, errors="replace") as vcd:
        for line in vcd.stdout:
            word = line.split()
            if line.startswith("$scope"):
                scope.append(word[2])
            elif line.startswith("$upscope"):
                scope.pop()
            elif line.startswith("$var"):
                names.add(".".join(scope + ["".join(word[4:-1])]))
            elif line.startswith("$enddefinitions"):
                break
        vcd.kill()
    return names


def shown(save):
    """Signals that a save file names, and which of its lines are rows with a wave."""
    signals, rows = [], []
    for line in save.read_text().splitlines():
        if line.startswith(("+{", "#{")):
            signals += [re.sub(r"^\(\d+\)", "", s) for s in line.split("} ", 1)[1].split()]
            rows.append(True)
        elif line.startswith("-"):
            rows.append(False)
    return signals, rows


class Picture:
    """Lines of pixels of a PNG, as `tessera waves` writes it: RGB without filters."""

    def __init__(self, png):
        data = png.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[24:29] == b"\x08\x02\0\0\0", f"{png}: not RGB"
        self.width, height = (int.from_bytes(data[at:at + 4], "big") for at in (16, 20))
        size = int.from_bytes(data[33:37], "big")
        raw, line = zlib.decompress(data[41:41 + size]), 3 * self.width + 1
        assert all(raw[y * line] == 0 for y in range(height)), f"{png}: filtered"
        self.lines = [raw[y * line + 1:(y + 1) * line] for y in range(height)]
        time = [y for y, at in enumerate(self.lines) if at[60:90] == b"\xcc" * 30 and bytes(60) in at]
        assert time, f"{png}: no line of time"
        self.top = time[0]
        self.edge = 60  # where the names end and, some pixels later, the waves begin
        while self.lines[self.top][self.edge:self.edge + 3] == b"\xcc" * 3:
            self.edge += 3

    def bands(self):
        """The rows below the time: a white line begins each."""
        white = b"\xff" * 30
        starts = [y for y, line in enumerate(self.lines) if y > self.top and line[60:90] == white]
        return [self.lines[y + 1:y + ROW] for y in starts if y + ROW <= len(self.lines)]

    def has_text(self, band):
        """Letters have many shades; empty rows have a few."""
        return len({line[x:x + 3] for line in band for x in range(30, self.edge, 3)}) > 8

    def has_wave(self, band):
        """A wave is a line of colour from left to right at some height; markers and the grid are not."""
        pixels = [line[self.edge + 60:-120] for line in band]
        return any(len(line) - line.count(0) > len(line) // 20 for line in pixels)


class Views(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.read = {}
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir(parents=True)
        cls.fst = WORK / "flight.fst"
        cls.job = tessera("run", APP, "-c", "t4", "--tiles", 1, 1, 1, 1, "--arg", 65536, 0, "--window", 600,
                          "--flight", cls.fst)
        cls.drawn = tessera("waves", cls.fst, "--view", "all", "--png", WORK / "v.png", "--save",
                            WORK / "v.gtkw")
        env = {**os.environ, "TSR_TRACE": "1"}
        cls.bench = run(BENCH, "--gtest_filter=HbmAxi.ErrorsAreMapped", cwd=WORK, env=env)
        cls.bench_fst = WORK / "HbmAxi.ErrorsAreMapped.fst"
        cls.bench_drawn = tessera("waves", cls.bench_fst, "--view", "hbm_axi", "--png", WORK / "v-hbm_axi.png",
                                  "--save", WORK / "v-hbm_axi.gtkw")

    @classmethod
    def names(cls, fst):
        """Signals of a trace, read once."""
        if fst not in cls.read:
            cls.read[fst] = hierarchy(fst)
        return cls.read[fst]

    def test_every_view_fits_a_trace_and_every_signal_is_there(self):
        self.assertEqual(self.job.returncode, 3, self.job.stdout)
        self.assertEqual(self.drawn.returncode, 0, self.drawn.stdout)
        self.assertEqual(self.bench_drawn.returncode, 0, self.bench_drawn.stdout)
        self.assertGreater(len(self.names(self.fst)), 10000)
        for view in VIEWS:
            signals, _ = shown(WORK / f"v-{view}.gtkw")
            there = self.names(self.bench_fst if view in NO_CHIP else self.fst)
            self.assertGreater(len(signals), 3, view)
            self.assertEqual([s for s in signals if s not in there], [], view)

    def test_every_instance_of_a_chip_that_a_view_names_exists(self):
        scopes = {n.rsplit(".", 1)[0] for n in self.names(self.fst)}
        inner = {s.split(".", 2)[2] for s in scopes if s.count(".") > 1}
        for name, view in VIEWS.items():
            for scope in view["scope"]:
                path = scope if isinstance(scope, str) else scope[0]
                if path.startswith(("tsr_tile.", "tsr_ctl.", "tsr_mem.", "tsr_router_node.")):
                    self.assertTrue(any(s == path or s.startswith(path + ".") for s in inner), (name, path))

    def test_pictures_show_every_row_with_its_name_and_wave(self):
        for view in VIEWS:
            _, rows = shown(WORK / f"v-{view}.gtkw")
            picture = Picture(WORK / f"v-{view}.png")
            self.assertGreaterEqual(picture.width, 1600, view)
            bands = picture.bands()
            self.assertEqual(len(bands), len(rows), view)
            for number, (band, wave) in enumerate(zip(bands, rows)):
                self.assertTrue(picture.has_text(band), (view, number))
                # The ticks of time reach into the first row.
                self.assertEqual(picture.has_wave(band), wave or number == 0, (view, number))

    def test_every_block_has_a_view_and_the_table_says_which(self):
        blocks = {p.parent.name for p in (TOP / "rtl").glob("*/*.sv") if re.search(r"^module ", p.read_text(), re.M)}
        covered = {b: {v for v, text in VIEWS.items() if b in text["blocks"]} for b in blocks - LIBRARY}
        self.assertEqual([b for b, views in covered.items() if not views], [])
        self.assertEqual({b for text in VIEWS.values() for b in text["blocks"]} - blocks, set())
        table = re.findall(r"^\| `rtl/(\w+)` \| (.*) \|$", (TOP / "waves" / "README.md").read_text(), re.M)
        self.assertEqual({block: set(re.findall(r"`(\w+)`", views)) for block, views in table}, covered)

    def test_the_failure_view_marks_the_command_that_failed(self):
        cycle = int(re.search(r"cycle (\d+) is marked", self.job.stdout)[1])
        recorded = (WORK / "flight.gtkw").read_text()
        self.assertRegex(recorded, rf"^\[\*\] The flight recorder: view failure at node 1,1 in cycle {cycle}\n")
        self.assertRegex(recorded, rf"(?m)^\*-[\d.]+ {cycle * 1250} (\d+) (\d+) -1 ")
        self.assertIn("\n[markername] A#7 begins\n[markername] Bfails\n", recorded)
        self.assertIn("\n-DmaRead #7 c1 wait s9 -1 post s10 +1 ff00000000 > 0\n", recorded)
        self.assertIn("\n-#7 Bus Unmapped ff00000000\n", recorded)
        self.assertIn(".u_rdma.req_valid_o\n", recorded)  # the engine in detail
        self.assertNotIn(".u_wdma.", recorded)
        again = tessera("waves", self.fst, "--save", WORK / "again.gtkw")
        self.assertEqual(again.returncode, 0, again.stdout)
        body = recorded.split("\n[pos] -1 -1\n", 1)[1]
        self.assertTrue((WORK / "again.gtkw").read_text().endswith(body))
        other = tessera("waves", self.fst, "--view", "failure", "--node", "0,1", "--save", WORK / "other.gtkw")
        self.assertEqual(other.returncode, 0, other.stdout)
        self.assertNotIn("[markername]", (WORK / "other.gtkw").read_text())  # nothing failed there

    def test_views_fit_every_node_of_another_chip(self):
        fst = WORK / "t16.fst"
        job = tessera("run", "mlp", "--config", "t16", "--trace", fst, "--trace-from", 10, "--trace-to", 12,
                      "--max-cycles", 50, "--snapshot-every", 0)
        self.assertEqual(job.returncode, 4, job.stdout)  # the cycle limit ends it
        done = tessera("waves", fst, "--view", "all", "--node", "2,3", "--save", WORK / "t16.gtkw")
        self.assertEqual(done.returncode, 0, done.stdout)
        for view in ("tile", "me", "failure"):
            signals = shown(WORK / f"t16-{view}.gtkw")[0]
            self.assertEqual([s for s in signals if not s.startswith("t16.tile_2_3.")], [])
        chip = (WORK / "t16-chip.gtkw").read_text()
        for y in range(1, 5):
            for x in range(4):
                self.assertIn(f"-{x},{y} tile\n", chip)
        wrong = tessera("waves", self.fst, "--view", "me", "--node", "0,0", "--save", WORK / "x.gtkw")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("view me has nothing there; it has 0,1 1,1 0,2 1,2", wrong.stdout)
        listed = tessera("waves", self.fst, "--list").stdout
        self.assertRegex(listed, r"(?m)^me +Matrix.*\n +blocks: me\n +0,1 1,1 0,2 1,2$")

    def test_a_trace_without_the_signals_is_refused(self):
        vcd, fst, save = WORK / "other.vcd", WORK / "other.fst", WORK / "other.gtkw"
        vcd.write_text("$timescale 1ps $end\n$scope module t4.tile_0_1 $end\n$scope module tsr_tile $end\n"
                       "$var wire 1 a clk_i $end\n$upscope $end\n$upscope $end\n$enddefinitions $end\n"
                       "#0\n0a\n#5000\n1a\n")
        subprocess.run(["vcd2fst", vcd, fst], check=True, stdout=subprocess.DEVNULL)
        done = tessera("waves", fst, "--view", "tile", "--save", save)
        self.assertEqual(done.returncode, 2)
        self.assertIn("t4.tile_0_1.tsr_tile.u_node.core_wfi", done.stdout)
        done = tessera("waves", fst, "--view", "tile", "--save", save, "--allow-missing")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("tile: left out: t4.tile_0_1.tsr_tile.u_node.core_wfi", done.stdout)
        for words in (("--view", "none"), ("--view", "me"), ("--view", "all")):
            self.assertEqual(tessera("waves", fst, *words).returncode, 2, words)
        self.assertEqual(tessera("waves", WORK / "none.fst").returncode, 2)

    def test_time_is_in_picoseconds_in_runs_and_benches(self):
        vcd = WORK / "window.vcd"
        job = tessera("run", "mlp", "--config", "t4", "--vcd", vcd, "--trace-from", 10, "--trace-to", 20,
                      "--max-cycles", 50, "--snapshot-every", 0)
        self.assertEqual(job.returncode, 4, job.stdout)
        text = vcd.read_text()
        self.assertRegex(text, r"\$timescale\s+1ps")
        times = [int(t) for t in re.findall(r"^#(\d+)$", text, re.M)]
        self.assertEqual((times[0], times[-1]), (10 * 1250, 20 * 1250 + 625))
        self.assertFalse(Path(f"{vcd}.fst").exists())
        self.assertEqual(self.bench.returncode, 0, self.bench.stdout)
        bench = subprocess.run(["fst2vcd", self.bench_fst], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertRegex(bench, r"\$timescale\s+1ps")
        times = [int(t) for t in re.findall(r"^#(\d+)$", bench, re.M)]
        self.assertEqual({t % 1250 for t in times}, {0, 625})
        self.assertEqual(times[:3], [0, 625, 1250])
        save = WORK / "bench.gtkw"
        done = tessera("waves", self.bench_fst, "--view", "hbm_axi", "--at", 100, "--save", save)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(save.read_text(), r"\[timestart\] 37500\n\*-[\d.]+ 125000 ")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
