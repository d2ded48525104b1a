#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cycle counts of the TLM models against those of the RTL.

  scripts/tlm_cycles.py check               every case of the table as TLM: within the tolerance of it
  scripts/tlm_cycles.py check --models rtl  cases marked `cheap` as RTL: the table's figures hold, and TLM is many
                                            times as fast
  scripts/tlm_cycles.py measure             run everything as RTL and as TLM, print the figures; --json: as JSON, too

The table, tests/platform/tlm_cycles.toml, is written by hand from what `measure` prints."""
import argparse
import json
import os
import pathlib
import shlex
import statistics
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
    """Runs each command once for each choice of models; TLM `repeat` times if its speed is wanted, as it is short."""

    def __init__(self, tessera, unchecked=False, repeat=3):
        self.tessera = tessera
        self.rtl = ["--no-check"] if unchecked else []
        self.repeat = repeat
        self.known = {}
        self.times = {}

    def result(self, case, models):
        key = (case["run"], *models)
        if key not in self.known:
            self.known[key] = run(self.tessera, case["run"], models or self.rtl)
        return self.known[key]

    def seconds(self, case, models):
        """Processor time from reset to the end: of TLM the median."""
        if not models:
            return self.result(case, models)["cpu_seconds"]
        if case["run"] not in self.times:
            runs = [run(self.tessera, case["run"], models)["cpu_seconds"] for _ in range(self.repeat)]
            self.times[case["run"]] = statistics.median(runs)
        return self.times[case["run"]]

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


def check_speed(table, runs):
    """Processor time of the cheap cases together, RTL against TLM."""
    cases = [case for case in table["case"] if case.get("cheap")]
    slow, fast = (sum(runs.seconds(case, models) for case in cases) for models in ([], ["--tlm"]))
    print(f"TLM: {slow / fast:.0f} times as fast, {slow:.2f} s and {fast:.4f} s of processor time")
    if slow < table["speedup_at_least"] * fast:
        sys.exit(f"TLM is less than {table['speedup_at_least']} times as fast as RTL")


def measure(table, runs, only):
    """Cycles and processor time of each case as RTL and as TLM."""
    figures = []
    for case in table["case"]:
        if only and only not in case["name"]:
            continue
        rtl, tlm = runs.cycles(case, []), runs.cycles(case, ["--tlm"])
        slow, fast = runs.seconds(case, []), runs.seconds(case, ["--tlm"])
        off = 100 * (tlm / rtl - 1)
        figures.append({"name": case["name"], "rtl_cycles": rtl, "tlm_cycles": tlm, "off_percent": round(off, 2),
                        "rtl_cpu_seconds": slow, "tlm_cpu_seconds": fast, "speedup": round(slow / fast, 1)})
        print(f"{case['name']}: rtl {rtl} tlm {tlm} ({off:+.2f} %), "
              f"{slow:.2f} s and {fast:.4f} s, {slow / fast:.0f} times as fast", flush=True)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["check", "measure"])
    parser.add_argument("--models", choices=["tlm", "rtl"], default="tlm",
                        help="check: TLM against the table, or the table itself on RTL where that is cheap")
    parser.add_argument("--tessera", default=str(ROOT / "build/tools/tessera"), help="the command line's program")
    parser.add_argument("--unchecked", action="store_true", help="measure: RTL without its lock-step checkers")
    parser.add_argument("--json", help="measure: write the figures to this file")
    parser.add_argument("--only", default="", help="measure: cases with this in their name")
    options = parser.parse_args()
    table = tomllib.loads(TABLE.read_text())
    runs = Runs(options.tessera, options.unchecked)
    if options.what == "check":
        check(table, runs, options.models == "rtl")
        if options.models == "rtl":
            check_speed(table, runs)
        return
    figures = measure(table, runs, options.only)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"checked": not options.unchecked, "kernels": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
