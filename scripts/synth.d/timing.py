# SPDX-License-Identifier: Apache-2.0
"""Longest paths with OpenSTA, and the Liberty model of the RAM cells."""
import re
import subprocess

# Assumed for the RAM cells, ns: about what a compiled synchronous memory of this process has.
RAM_SETUP = 0.5
RAM_ACCESS = 2.0

PERIOD = 1000.0  # ns, so that every slack is positive
KINDS = {  # name in the results: clocks of its ends; inputs and outputs belong to a clock of their own
    "reg_to_reg": ("clk", "clk"), "in_to_reg": ("io", "clk"), "reg_to_out": ("clk", "io"), "in_to_out": ("io", "io"),
}


class TimingError(Exception):
    """OpenSTA failed; the text is its message."""


def _library(name, cells):
    """Liberty text of a library with cells, each a name and its pins: (name, bits, attributes)."""
    out = [f"library({name}) {{", "  delay_model : table_lookup;", '  time_unit : "1ns";',
           '  voltage_unit : "1V";', '  current_unit : "1uA";', '  pulling_resistance_unit : "1kohm";',
           '  leakage_power_unit : "1nW";', "  capacitive_load_unit(1, pf);",
           *(f"  {way}_threshold_pct_{edge} : {value};" for edge in ("rise", "fall")
             for way, value in (("input", 50), ("output", 50), ("slew_lower", 20), ("slew_upper", 80)))]
    for bits in sorted({bits for _, pins in cells for _, bits, _ in pins if bits > 1}):
        out.append(f"  type(bus{bits}) {{ base_type : array; data_type : bit; bit_width : {bits}; "
                   f"bit_from : {bits - 1}; bit_to : 0; downto : true; }}")
    for cell, pins in cells:
        out.append(f"  cell({cell}) {{ area : 0;")
        for pin, bits, attributes in pins:
            kind = f"bus({pin}) {{ bus_type : bus{bits};" if bits > 1 else f"pin({pin}) {{"
            out.append(f"    {kind} {attributes} }}")
        out.append("  }")
    return "\n".join(out + ["}"]) + "\n"


def ram_liberty(rams):
    """Liberty text of the RAM cells: area 0, they are counted as bits."""
    def scalar(names, value):
        return " ".join(f'{name}(scalar) {{ values("{value}"); }}' for name in names)

    arcs = {
        False: 'timing() { related_pin : "CLK"; timing_type : setup_rising; '
               + scalar(("rise_constraint", "fall_constraint"), RAM_SETUP) + " }",
        True: 'timing() { related_pin : "CLK"; timing_type : rising_edge; '
              + scalar(("cell_rise", "cell_fall"), RAM_ACCESS) + " "
              + scalar(("rise_transition", "fall_transition"), 0.1) + " }",
    }
    def pin(name, is_out):
        clock = "clock : true;" if name == "CLK" else arcs[is_out]
        return f"{'direction : output;' if is_out else 'direction : input; capacitance : 0.02;'} {clock}"

    return _library("tsr_ram", [(ram.cell, [(name, bits, pin(name, is_out)) for name, bits, is_out in ram.ports()])
                                for ram in rams])


def one_of_each(netlist):
    """A netlist in which all but the first instance of each module are cells without contents, which load what drives
    them, and the Liberty text of these cells. A grid of equal modules is too large for OpenSTA otherwise."""
    ports, now = {}, None
    lines = netlist.splitlines()
    for line in lines:
        if line.startswith("module "):
            now = ports.setdefault(line[7:].split("(", 1)[0].strip(), [])
        elif port := re.match(r"  (input|output) (?:\[(\d+):0\] )?(\w+);", line):
            way = "direction : output;" if port[1] == "output" else "direction : input; capacitance : 0.02;"
            now.append((port[3], int(port[2] or 0) + 1, way))
    seen, rest = set(), set()
    for i, line in enumerate(lines):
        name = line[2:].split(" ", 1)[0]
        if line.startswith("  ") and name in ports:
            if name in seen:
                rest.add(name)
                lines[i] = f"  {name}_rest{line[2 + len(name):]}"
            seen.add(name)
    return "\n".join(lines) + "\n", _library("tsr_rest", [(f"{name}_rest", ports[name]) for name in sorted(rest)])


def run_sta(script, folder, name):
    """What OpenSTA prints for a Tcl script."""
    (folder / f"{name}.tcl").write_text(script)
    done = subprocess.run(["sta", "-no_splash", "-exit", f"{name}.tcl"], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    (folder / f"{name}.log").write_text(done.stdout)
    errors = [line for line in done.stdout.splitlines() if line.startswith("Error")]
    if done.returncode or errors:
        raise TimingError("\n".join(errors) or f"sta: exit code {done.returncode}")
    return done.stdout


def _pin_name(name):
    """A flop or port as in the source: without Verilog's escapes and without the cell's type and port."""
    name = name.replace("\\", "")
    return re.sub(r"DFF\w+$|/[A-Z_]+(\[\d+\])?$", "", name)


def _parse(report):
    """One report_checks report: the path's length with the setup time of its end, and its ends."""
    ends = [re.search(rf"^{what}: (\S+)", report, re.M) for what in ("Startpoint", "Endpoint")]
    slack = re.search(r"^\s*(-?[\d.]+)\s+slack", report, re.M)
    if not slack or None in ends:
        return None
    stages = len(re.findall(r"^\s+[\d.]+\s+[\d.]+ [\^v] \S+/\S+ \(", report, re.M)) - 1
    return {"ns": round(PERIOD - float(slack[1]), 3), "cells": max(stages, 0),
            "from": _pin_name(ends[0][1]), "to": _pin_name(ends[1][1])}


def longest_paths(folder, top, liberty, rams):
    """Longest path of each kind in `folder`/netlist.v: {kind: {ns, cells, from, to} or None}."""
    netlist, rest = one_of_each((folder / "netlist.v").read_text())
    (folder / "timing.v").write_text(netlist)
    (folder / "rest.lib").write_text(rest)
    libraries = [f"read_liberty {liberty}", "read_liberty rest.lib"]
    if rams:
        (folder / "ram.lib").write_text(ram_liberty(rams))
        libraries.append("read_liberty ram.lib")
    reports = []
    for kind, (start, end) in KINDS.items():
        reports += [f'puts "== {kind}"',
                    f"report_checks -path_delay max -digits 3 -from [get_clocks {start}] -to [get_clocks {end}]"]
    out = run_sta("\n".join(libraries + [
        "read_verilog timing.v", f"link_design {top}",
        f"create_clock -name clk -period {PERIOD} [get_ports clk_i]",
        f"create_clock -name io -period {PERIOD}",
        "set inputs {}",
        'foreach port [all_inputs] { if {[get_property $port full_name] ne "clk_i"} { lappend inputs $port } }',
        "set_input_delay 0 -clock io $inputs",
        "set_output_delay 0 -clock io [all_outputs]",
        "set_driving_cell -lib_cell BUFX4 $inputs",
        "set_load 0.05 [all_outputs]",
        *reports]) + "\n", folder, "sta")
    parts = re.split(r"^== (\w+)$", out, flags=re.M)
    return {kind: _parse(text) for kind, text in zip(parts[1::2], parts[2::2])}


def fo4(folder, liberty):
    """Delay in ns of an inverter that drives four of its kind."""
    stages = 12
    lines = ["module chain (input a, output y);", f"  wire [{stages}:0] n;", "  assign n[0] = a;"]
    for i in range(stages):
        lines.append(f"  INVX1 u{i} (.A(n[{i}]), .Y(n[{i + 1}]));")
        lines += [f"  INVX1 load{i}_{k} (.A(n[{i + 1}]));" for k in range(3)]
    lines += [f"  INVX1 last (.A(n[{stages}]), .Y(y));", "endmodule"]
    (folder / "chain.v").write_text("\n".join(lines) + "\n")
    out = run_sta("\n".join([
        f"read_liberty {liberty}", "read_verilog chain.v", "link_design chain",
        "create_clock -name clk -period 100", "set_input_delay 0 -clock clk [get_ports a]",
        "set_output_delay 0 -clock clk [get_ports y]", "report_checks -digits 4"]) + "\n", folder, "fo4")
    at = {pin: float(time) for time, pin in re.findall(r"([\d.]+) [\^v] (u\d+)/Y", out)}
    return round((at["u10"] - at["u2"]) / 8, 4)
