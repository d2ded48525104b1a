# SPDX-License-Identifier: Apache-2.0
"""What scripts/synth does on Yosys' text format RTLIL: merge equal modules, choose those that stay modules,
and replace large memories by RAM cells."""
import dataclasses
import hashlib
import re

# A module stays a module when it has KEEP_CELLS word-level cells and its copies below one parent, but for the first,
# have KEEP_SAVED together: so much work is saved.
KEEP_CELLS = 100
KEEP_SAVED = 300
# A signal that goes to more module instances gets a buffer for each so many.
BUFFER_LOADS = 8
# Smaller memories, and those with another shape than one synchronous read and one write port, become flops;
# more than FLOP_BITS of those are an error.
RAM_BITS = 8192
FLOP_BITS = 65536


class ShapeError(Exception):
    """A large memory that is not a RAM; the text names it."""


@dataclasses.dataclass
class Module:
    """One RTLIL module: its name with the backslash, and its lines between `module` and `end`."""
    name: str
    lines: list
    keep: bool = False  # not flattened
    box: bool = False   # no contents

    def cells(self):
        """Types of its cells, one for each cell."""
        return [line.split(" ", 4)[3] for line in self.lines if line.startswith("  cell ")]


def parse(text):
    """The modules of a design, by name."""
    modules, now, marks = {}, None, []
    for line in text.splitlines():
        if line.startswith("attribute "):
            marks.append(line)
        elif line.startswith("module "):
            now = Module(line.split(" ", 1)[1], [], keep="attribute \\keep_hierarchy 1" in marks,
                         box="attribute \\blackbox 1" in marks)
            marks = []
        elif line == "end":
            modules[now.name] = now
            now = None
        elif now is not None:
            now.lines.append(line)
    return modules


def write(modules, top):
    """RTLIL text of modules; `top` is the name of the top."""
    out = []
    for module in modules.values():
        if module.name == top:
            out.append("attribute \\top 1")
        elif module.keep:
            out.append("attribute \\keep_hierarchy 1")
        elif module.box:
            out.append("attribute \\blackbox 1")
        out += [f"module {module.name}", *module.lines, "end"]
    text = "\n".join(out) + "\n"
    # Yosys numbers its own names on from here.
    first = 1 + max((int(n) for n in re.findall(r"\$(\d+)", text)), default=0)
    return f"autoidx {first}\n{text}"


def plain_boxes(modules):
    """Take the parameters off instances of modules without contents: what stands for such a module has none."""
    for module in modules.values():
        kind, lines = None, []
        for line in module.lines:
            if line.startswith("  cell "):
                kind = line.split(" ", 4)[3]
            if not (line.startswith("    parameter ") and kind in modules and modules[kind].box):
                lines.append(line)
        module.lines = lines


def children_first(modules, top):
    """Names of `top` and everything below it, a module behind the modules that it instantiates."""
    order, seen = [], set()

    def visit(name):
        if name in seen:
            return
        seen.add(name)
        for cell in modules[name].cells():
            if cell in modules:
                visit(cell)
        order.append(name)

    visit(top)
    return order


def merge_equal(modules, top):
    """The front end writes a module for each instance: equal ones become one, with a short name."""
    merged, known, short, used = {}, {}, {}, set()
    for name in children_first(modules, top):
        lines, numbers = [], {}
        for line in modules[name].lines:
            if line.startswith("  cell "):
                _, _, _, kind, cell = line.split(" ", 4)
                line = f"  cell {short.get(kind, kind)} {cell}"
            lines.append(line)

        def renumber(match):
            return "$" + str(numbers.setdefault(match[1], len(numbers)))

        plain = [re.sub(r"\$(\d+)", renumber, line) for line in lines
                 if not line.lstrip().startswith("attribute ")]
        base = name.split("$", 1)[0]
        key = base + hashlib.sha256("\n".join(plain).encode()).hexdigest()
        if key not in known:
            count = 1
            known[key] = base
            while known[key] in used:
                count += 1
                known[key] = f"{base}_{count}"
            used.add(known[key])
            merged[known[key]] = Module(known[key], lines, box=modules[name].box)
        short[name] = known[key]
    return merged


def choose_kept(modules, top):
    """Mark the modules that stay modules, because one synthesis serves several instances."""
    size = {}
    for name in children_first(modules, top):
        size[name] = sum(size.get(cell, 1) for cell in modules[name].cells())

    def plan(root):
        copies = {}

        def count(name):
            for cell in modules[name].cells():
                if cell in modules and not modules[cell].keep:
                    copies[cell] = copies.get(cell, 0) + 1
                    count(cell)

        while True:
            copies.clear()
            count(root)
            chosen = [n for n, c in copies.items() if size[n] >= KEEP_CELLS and (c - 1) * size[n] >= KEEP_SAVED]
            if not chosen:
                return
            largest = max(chosen, key=lambda n: size[n])
            modules[largest].keep = True
            plan(largest)

    plan(top)


@dataclasses.dataclass(frozen=True)
class Ram:
    """Shape of a memory with one read port (data behind the next clock edge) and one write port."""
    words: int
    width: int
    abits: int

    @property
    def cell(self):
        return f"tsr_ram_{self.words}x{self.width}"

    def ports(self):
        """(name, bits, is an output) of each port; CLK first."""
        return [("CLK", 1, False), ("RD_EN", 1, False), ("RD_ADDR", self.abits, False),
                ("RD_DATA", self.width, True), ("WR_EN", self.width, False),
                ("WR_ADDR", self.abits, False), ("WR_DATA", self.width, False)]


class _Cell:
    """A cell block of a module: lines first..last."""

    def __init__(self, lines, first):
        self.first, self.last = first, first
        self.kind, self.name = lines[first].split(" ", 4)[3:]
        self.values = {}
        while lines[self.last] != "  end":
            word, *rest = lines[self.last].strip().split(" ", 2)
            if word in ("parameter", "connect"):
                self.values[rest[0].lstrip("\\")] = rest[1]
            self.last += 1

    def number(self, key):
        value = self.values[key]
        return int(value.split("'")[1], 2) if "'" in value else int(value)


def _output_flop(cells, memory, text):
    """The flop that alone takes the data of a memory's asynchronous read port, or None."""
    data = memory.values["RD_DATA"]
    if data.startswith("{") or len(re.findall(r"(?<!\S)" + re.escape(data) + r"(?!\S)", text)) != 3:
        return None  # three: the wire, the memory, the flop
    for cell in cells:
        if cell.kind in ("$dff", "$dffe") and cell.values["D"] == data:
            positive = cell.number("CLK_POLARITY") == 1 and cell.values.get("EN_POLARITY", "1'1")[-1] == "1"
            return cell if positive else None
    return None


def extract_rams(modules):
    """Replace the large memories of all modules by RAM cells and add these cells as black boxes.
    Returns {module name: [Ram of each replaced memory]}."""
    found, shapes = {}, set()
    for module in modules.values():
        lines = module.lines
        cells = [_Cell(lines, i) for i, line in enumerate(lines) if line.startswith("  cell ")]
        text = "\n".join(lines)
        for memory in cells:
            if memory.kind != "$mem_v2":
                continue
            ram = Ram(memory.number("SIZE"), memory.number("WIDTH"), memory.number("ABITS"))
            bits = ram.words * ram.width
            one_each = memory.number("RD_PORTS") == 1 and memory.number("WR_PORTS") == 1
            flop = _output_flop(cells, memory, text) if one_each and bits >= RAM_BITS else None
            if flop is None:
                if bits >= FLOP_BITS:
                    raise ShapeError(f"memory {memory.name[1:]} of {bits} bits is neither a RAM with one write port "
                                     "and one read port into a register, nor small enough for flops")
                continue
            pins = {key: memory.values[key] for key in ("RD_ADDR", "WR_EN", "WR_ADDR", "WR_DATA")}
            pins["CLK"] = memory.values["WR_CLK"]
            pins["RD_EN"] = flop.values.get("EN", "1'1")
            pins["RD_DATA"] = flop.values["Q"]
            for cell in (memory, flop):
                for i in range(cell.first, cell.last + 1):
                    lines[i] = None
            lines[memory.first] = "\n".join(
                [f"  cell \\{ram.cell} {memory.name}"]
                + [f"    connect \\{name} {pins[name]}" for name, _, _ in ram.ports()] + ["  end"])
            found.setdefault(module.name, []).append(ram)
            shapes.add(ram)
        module.lines = [line for line in lines if line is not None]
    for ram in shapes:
        wires = [f"  wire width {bits} {'output' if out else 'input'} {i + 1} \\{name}"
                 for i, (name, bits, out) in enumerate(ram.ports())]
        modules["\\" + ram.cell] = Module("\\" + ram.cell, wires, box=True)
    return found


def _bit(signal, bit, width):
    """Bit of a signal in RTLIL: a wire, or a part of one."""
    if part := re.fullmatch(r"(\S+) \[(?:\d+:)?(\d+)\]", signal):
        return f"{part[1]} [{int(part[2]) + bit}]"
    return signal if width == 1 else f"{signal} [{bit}]"


def buffer_kept(modules, buffer):
    """Put buffers, cells with the pins A and Y, in front of the instances of modules that stay where one signal goes to
    many of them: the mapping sees a module's pin as one small load, and a net with any number of them as one."""
    inputs = {}  # (module, port): bits
    for module in modules.values():
        for line in module.lines:
            if port := re.match(r"  wire (?:width (\d+) )?(?:signed )?input \d+ (\S+)$", line):
                inputs[module.name, port[2]] = int(port[1] or 1)
    for module in modules.values():
        uses, kind = {}, None  # uses: {(signal, bits): lines}
        for i, line in enumerate(module.lines):
            if line.startswith("  cell "):
                kind = line.split(" ", 4)[3]
            elif line.startswith("    connect ") and kind in modules and not modules[kind].box:
                port, signal = line[12:].split(" ", 1)
                bits = inputs.get((kind, port))
                if bits and signal != "\\clk_i" and re.fullmatch(r"[\\$]\S+( \[\d+(:\d+)?\])?", signal):
                    uses.setdefault((signal, bits), []).append(i)
        extra = []
        for (signal, bits), lines in uses.items():
            if len(lines) <= BUFFER_LOADS:
                continue
            for first in range(0, len(lines), BUFFER_LOADS):
                wire = f"\\tsr_buffer${len(extra)}"
                extra.append(f"  wire width {bits} {wire}")
                for bit in range(bits):
                    extra += [f"  cell \\{buffer} {wire}.{bit}", f"    connect \\A {_bit(signal, bit, bits)}",
                              f"    connect \\Y {_bit(wire, bit, bits)}", "  end"]
                for i in lines[first:first + BUFFER_LOADS]:
                    module.lines[i] = module.lines[i][:-len(signal)] + wire
        module.lines += extra
