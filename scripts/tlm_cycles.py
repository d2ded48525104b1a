#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cycle counts of the TLM models against those of the RTL.

  scripts/tlm_cycles.py check               every case of the table as TLM: within the tolerance of it
  scripts/tlm_cycles.py check --models rtl  cases marked `cheap` as RTL: the table's figures hold
  scripts/tlm_cycles.py measure             run everything as RTL and as TLM, print the figures

The table, tests/platform/tlm_cycles.toml, is written by hand from what `measure` prints."""
import argparse
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests/platform/tlm_cycles.toml"


def run(tessera, command, models):
    """Result of one run of the command line as JSON."""
    firmware = os.environ.get("TESSERA_FIRMWARE", pathlib.Path(tessera).resolve().parent.parent / "firmware")
    words = shlex.split(command.replace("@FIRMWARE@", str(firmware)))
    line = [tessera, *words, *models, "--json", "-"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join(done.stderr.splitlines()[-5:])
        sys.exit(f"{shlex.join(line)}: exit code {done.returncode}\n{tail}")
    return json.loads(done.stdout[done.stdout.index("{"):])


class Runs:
    """Runs each command once for each choice of models."""

    def __init__(self, tessera):
        self.tessera = tessera
        self.known = {}

    def result(self, case, models):
        key = (case["run"], *models)
        if key not in self.known:
            self.known[key] = run(self.tessera, case["run"], models)
        return self.known[key]

    def cycles(self, case, models):
        return self.result(case, models)[case.get("key", "cycles")]


def check(table, runs, rtl):
    cases = [case for case in table["case"] if case.get("cheap") or not rtl]
    bad = 0
    for case in cases:
        cycles = runs.cycles(case, [] if rtl else ["--tlm"])
        off = 100 * (cycles / case["cycles"] - 1)
        good = cycles == case["cycles"] if rtl else abs(off) <= table["tolerance_percent"]
        bad += not good
        print(f"{'' if good else 'WRONG '}{case['name']}: {cycles} cycles, table {case['cycles']} ({off:+.2f} %)")
    if bad:
        sys.exit(f"{bad} of {len(cases)} cases are wrong")


def measure(table, runs, only):
    for case in table["case"]:
        if only and only not in case["name"]:
            continue
        rtl, tlm = runs.cycles(case, []), runs.cycles(case, ["--tlm"])
        slow, fast = (runs.result(case, models)["cpu_seconds"] for models in ([], ["--tlm"]))
        print(f"{case['name']}: rtl {rtl} tlm {tlm} ({100 * (tlm / rtl - 1):+.2f} %), "
              f"{slow:.2f} s and {fast:.4f} s, {slow / fast:.0f} times as fast", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["check", "measure"])
    parser.add_argument("--models", choices=["tlm", "rtl"], default="tlm",
                        help="check: TLM against the table, or the table itself on RTL where that is cheap")
    parser.add_argument("--tessera", default=str(ROOT / "build/tools/tessera"), help="the command line's program")
    parser.add_argument("--only", default="", help="measure: cases with this in their name")
    options = parser.parse_args()
    table = tomllib.loads(TABLE.read_text())
    runs = Runs(options.tessera)
    if options.what == "check":
        check(table, runs, options.models == "rtl")
    else:
        measure(table, runs, options.only)


if __name__ == "__main__":
    main()
