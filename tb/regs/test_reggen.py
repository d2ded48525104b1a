#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of scripts/reggen.py and scripts/bin2rom.py: what is refused, --check, generated constants."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"

HEAD = """
[block]
name = "demo"
title = "Demo"
rtl = "demo"
width = 32
size = 0x100
"""
REG = """
[[register]]
name = "A"
offset = 0x00
doc = "Register A."
fields = [{ name = "F", bits = "7:0", access = "rw", hw = "r", reset = 1, doc = "Field F." }]
"""
FIELD = '[{ name = "F", bits = "7:0", access = "rw", hw = "r", reset = 1, doc = "Field F." }]'


def run(tool, *arguments):
    return subprocess.run(
        [sys.executable, SCRIPTS / tool, *map(str, arguments)], capture_output=True, text=True, check=False
    )


class Refusals(unittest.TestCase):
    """Every bad description ends with exit code 2, naming the file and the key."""

    def refuse(self, text, key, reason=""):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "demo.toml"
            path.write_text(text, encoding="utf-8")
            result = run("reggen.py", "--root", folder, path)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(f"{path}: {key}: ", result.stderr)
            self.assertIn(reason, result.stderr)
            self.assertEqual([p.name for p in pathlib.Path(folder).iterdir()], ["demo.toml"])

    def refuse_field(self, old, new, key, reason=""):
        self.assertIn(old, REG)
        self.refuse(HEAD + REG.replace(old, new), key, reason)

    def test_overlapping_registers(self):
        self.refuse(HEAD + REG + REG.replace('"A"', '"B"'), "B.offset", "overlaps A")

    def test_overlapping_array_elements(self):
        array = REG.replace("offset = 0x00", "offset = 0x00\ncount = 4\nstride = 8")
        inside = REG.replace('"A"', '"B"').replace("offset = 0x00", "offset = 0x10")
        self.refuse(HEAD + array + inside, "B.offset", "address 0x10 overlaps A")

    def test_overlapping_fields(self):
        fields = FIELD[:-1] + ', { name = "G", bits = "8:7", access = "rw", doc = "Field G." }]'
        self.refuse(HEAD + REG.replace(FIELD, fields), "A.G.bits", "bit 7 overlaps F")

    def test_unknown_keys(self):
        self.refuse(HEAD + "colour = 1\n" + REG, "block.colour", "unknown key")
        self.refuse(HEAD + REG + "colour = 1\n", "A.colour", "unknown key")
        self.refuse_field("doc = \"Field", "colour = 1, doc = \"Field", "A.F.colour", "unknown key")
        self.refuse(HEAD + REG + "[colour]\n", "colour", "unknown key")

    def test_missing_keys(self):
        self.refuse(REG, "file.block", "missing")
        self.refuse(HEAD, "file.register", "missing")
        self.refuse(HEAD.replace('rtl = "demo"\n', "") + REG, "block.rtl", "missing")
        self.refuse(HEAD + REG.replace("offset = 0x00\n", ""), "A.offset", "missing")
        self.refuse(HEAD + REG.replace('doc = "Register A."\n', ""), "A.doc", "missing")
        self.refuse_field(', doc = "Field F."', "", "A.F.doc", "missing")

    def test_widths(self):
        self.refuse(HEAD.replace("width = 32", "width = 64") + REG, "block.width", "32")
        self.refuse_field("7:0", "32:0", "A.F.bits", "31:0")
        self.refuse_field("7:0", "0:7", "A.F.bits", "high bit first")
        self.refuse_field("7:0", "0-7", "A.F.bits", "neither")

    def test_reset_range(self):
        self.refuse_field("reset = 1", "reset = 256", "A.F.reset", "does not fit 8 bits")
        self.refuse_field("reset = 1", "reset = -1", "A.F.reset", "does not fit")
        self.refuse_field('access = "rw", hw = "r"', 'access = "wo", hw = "r"', "A.F.reset", "no value")
        self.refuse_field('access = "rw", hw = "r"', 'access = "ro", hw = "w"', "A.F.reset", "no value")

    def test_alignment_and_size(self):
        self.refuse_field("0x00", "0x02", "A.offset", "multiple of 4")
        self.refuse_field("0x00", "-4", "A.offset", "multiple of 4")
        self.refuse_field("0x00", "0x100", "A.offset", "beyond block.size")
        self.refuse_field("0x00", "0xf8\ncount = 4", "A.offset", "beyond block.size")
        self.refuse_field("0x00", "0x00\ncount = 4\nstride = 6", "A.stride", "multiple of 4")
        self.refuse_field("0x00", "0x00\ncount = 1", "A.count", "at least 2")
        self.refuse_field("0x00", "0x00\nstride = 8", "A.stride", "without count")
        self.refuse(HEAD.replace("0x100", "0x102") + REG, "block.size", "multiple of 4")
        self.refuse(HEAD.replace("0x100", "0x20000") + REG, "block.size", "0x10000")

    def test_duplicate_names(self):
        self.refuse(HEAD + REG + REG.replace("0x00", "0x04"), "A.name", "duplicate register")
        twice = FIELD[:-1] + ', { name = "F", bits = "8", access = "rw", doc = "Again." }]'
        self.refuse(HEAD + REG.replace(FIELD, twice), "A.F.name", "duplicate field")
        joined = REG.replace('"A"', '"A_F"').replace("0x00", "0x04")
        self.refuse(HEAD + REG + joined, "A.F.name", "A_F is also A_F")

    def test_bad_names(self):
        self.refuse(HEAD.replace('name = "demo"', 'name = "Demo"') + REG, "block.name", "match")
        self.refuse(HEAD.replace('name = "demo"', 'name = "other"') + REG, "block.name", "file's name")
        self.refuse(HEAD + REG.replace('"A"', '"a"'), "register[0].name", "match")
        self.refuse(HEAD + REG.replace('"A"', '"EVENT"'), "register[0].name", "reserved")
        self.refuse_field('name = "F"', 'name = "INT"', "A.fields[0].name", "reserved")

    def test_bad_access_values(self):
        self.refuse_field('"rw"', '"rx"', "A.F.access", "not one of rw, ro, rw1c, wo")
        self.refuse_field('hw = "r"', 'hw = "x"', "A.F.hw", "not one of")
        self.refuse_field('access = "rw", hw = "r"', 'access = "ro", hw = "r"', "A.F.hw", "does not go")
        self.refuse_field('access = "rw", hw = "r"', 'access = "rw1c", hw = "r"', "A.F.hw", "does not go")
        self.refuse_field('access = "rw", hw = "r"', 'access = "wo"', "A.F.hw", "does not go")
        self.refuse_field('hw = "r"', "swmod = true", "A.F.swmod", "hardware reads")
        wo = 'access = "wo", hw = "r", swacc = true'
        self.refuse_field('access = "rw", hw = "r", reset = 1', wo, "A.F.swacc", "readable")
        self.refuse_field("0x00", '0x00\npriv = "yes"', "A.priv", "must be bool")
        ro = REG.replace('access = "rw", hw = "r"', 'access = "ro"').replace("0x00", "0x00\npriv = true")
        self.refuse(HEAD + ro, "A.priv", "no field is writable")

    def test_external(self):
        mixed = FIELD[:-1] + ', { name = "G", bits = "8", access = "rw", external = true, doc = "G." }]'
        self.refuse(HEAD + REG.replace(FIELD, mixed), "A.G.external", "same for all")
        self.refuse_field("reset = 1", "reset = 1, external = true", "A.F.reset", "no value")
        rw1c = 'access = "rw1c", hw = "w", external = true'
        self.refuse_field('access = "rw", hw = "r", reset = 1', rw1c, "A.F.access", "storage")
        err = HEAD + REG.replace('"F"', '"ERR"').replace("reset = 1", "external = true")
        self.refuse(err, "A.ERR.name", "taken")

    def test_wrong_types_and_syntax(self):
        self.refuse(HEAD + "[register]\n", "file.register", "must be list")
        self.refuse_field("0x00", '"0"', "A.offset", "must be int")
        self.refuse_field("0x00", "true", "A.offset", "must be int")
        self.refuse(HEAD + REG.replace(FIELD, "[]"), "A.fields", "no field")
        self.refuse(HEAD + REG.replace(FIELD, "[1]"), "A.fields[0]", "must be a table")
        self.refuse("[block", "file", "not TOML")

    def test_unreadable_file(self):
        result = run("reggen.py", "/nonexistent/demo.toml")
        self.assertEqual(result.returncode, 2)
        self.assertIn("/nonexistent/demo.toml: file: cannot be read", result.stderr)


class Generation(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "regs").mkdir()
        self.toml = self.root / "regs/demo.toml"
        array = REG.replace('"A"', '"B"').replace("0x00", "0x40\ncount = 4\nstride = 8")
        self.toml.write_text(HEAD + REG + array.replace("7:0", "11:4"), encoding="utf-8")

    def test_generates_all_files_and_check_agrees(self):
        self.assertEqual(run("reggen.py", "--root", self.root).returncode, 0)
        for name in (
            "rtl/demo/tsr_demo_reg_pkg.sv",
            "rtl/demo/tsr_demo_reg_top.sv",
            "firmware/include/regs/demo_regs.h",
            "model/regs/demo_regs.hpp",
            "docs/regs/demo.md",
        ):
            self.assertTrue((self.root / name).is_file(), name)
        self.assertEqual(run("reggen.py", "--root", self.root, "--check").returncode, 0)

    def test_check_names_stale_files_and_writes_nothing(self):
        run("reggen.py", "--root", self.root)
        stale = self.root / "docs/regs/demo.md"
        stale.write_text("old\n", encoding="utf-8")
        result = run("reggen.py", "--root", self.root, "--check")
        self.assertEqual(result.returncode, 1)
        self.assertIn("docs/regs/demo.md", result.stderr)
        self.assertNotIn("demo_regs.h", result.stderr)
        self.assertEqual(stale.read_text(encoding="utf-8"), "old\n")

    def test_c_names(self):
        run("reggen.py", "--root", self.root)
        header = (self.root / "firmware/include/regs/demo_regs.h").read_text(encoding="utf-8")
        for line in (
            "#define TSR_DEMO_A_OFFSET 0x0u",
            "#define TSR_DEMO_A_RESET 0x1u",
            "#define TSR_DEMO_B_OFFSET 0x40u",
            "#define TSR_DEMO_B_COUNT 4u",
            "#define TSR_DEMO_B(i) (0x40u + (i) * 8u)",
            "#define TSR_DEMO_B_F_LSB 4u",
            "#define TSR_DEMO_B_F_MASK 0x00000ff0u",
        ):
            self.assertIn(line + "\n", header)
        self.assertIn("#define TSR_DEMO_B_F_SHIFT 4u", header)

    def test_no_description_is_an_error(self):
        self.toml.unlink()
        self.assertEqual(run("reggen.py", "--root", self.root).returncode, 2)


class BootRom(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.image = pathlib.Path(folder.name) / "rom.bin"
        self.package = pathlib.Path(folder.name) / "rom.sv"

    def test_pads_and_packs_little_endian(self):
        self.image.write_bytes(bytes([0x6F, 0, 0, 0, 1, 2, 3]))
        self.assertEqual(run("bin2rom.py", self.image, self.package).returncode, 0)
        text = self.package.read_text(encoding="utf-8")
        self.assertIn("BootRomWords = 2;", text)
        self.assertIn("32'h0000006f, 32'h00030201", text)
        self.assertEqual(run("bin2rom.py", "--check", self.image, self.package).returncode, 0)
        self.image.write_bytes(bytes(4))
        self.assertEqual(run("bin2rom.py", "--check", self.image, self.package).returncode, 1)

    def test_refuses_empty_large_and_missing_images(self):
        self.image.write_bytes(b"")
        self.assertEqual(run("bin2rom.py", self.image, self.package).returncode, 2)
        self.image.write_bytes(bytes(16385))
        self.assertEqual(run("bin2rom.py", self.image, self.package).returncode, 2)
        self.image.unlink()
        self.assertEqual(run("bin2rom.py", self.image, self.package).returncode, 2)
        self.assertFalse(self.package.exists())


if __name__ == "__main__":
    unittest.main()
