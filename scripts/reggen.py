#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Generate RTL, C, C++ and Markdown from register descriptions (regs/*.toml).

docs/registers.md describes the format and what is generated. Only the standard library is used.
Exit code: 0 done, 1 --check found stale files, 2 bad description or usage.
"""

import argparse
import dataclasses
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPDX = "SPDX-License-Identifier: Apache-2.0"
ACCESS = ("rw", "ro", "rw1c", "wo")
HARDWARE = ("none", "r", "w", "rw")
# Which hardware roles make sense for a software access.
COMBINATIONS = {
    "rw": ("none", "r", "w", "rw"),
    "ro": ("none", "w"),
    "rw1c": ("w", "rw"),
    "wo": ("r",),
}
WORD = 4
ADDRESS_BITS = 16
# Names that would not survive as SystemVerilog, C or C++ identifiers in lower case.
KEYWORDS = frozenset(
    """alias always and assert assign assume automatic before begin bind bit break buf byte case cell
    char checker class clocking config const constraint context continue cover cross deassign default
    define defparam delete design disable dist do double edge else end endcase enum event expect export
    extends extern final first_match float for force foreach forever fork forkjoin function generate
    genvar global goto if iff ifnone import initial inout input inside instance int integer interface
    intersect join large let liblist library local localparam logic long macromodule matches medium
    modport module namespace nand negedge nettype new nmos nor not notif0 null operator or output
    package packed parameter pmos posedge primitive priority private program property protected public
    pull0 pullup pulldown pure rand randc randcase randsequence rcmos real realtime ref reg register
    release repeat restrict return rnmos rpmos scalared sequence shortint shortreal signed sizeof small
    soft solve specify specparam static string strong struct super supply0 supply1 switch table tagged
    task template this throughout time timeprecision timeunit tran tri type typedef union unique
    unsigned until use var vectored virtual void volatile wait wand weak while wildcard wire with within
    wor xnor xor main map""".split()
)


class DescriptionError(Exception):
    """A description that is refused: file, key and reason."""

    def __init__(self, path, key, reason):
        super().__init__(f"{path}: {key}: {reason}")


@dataclasses.dataclass
class Field:
    name: str
    msb: int
    lsb: int
    access: str
    hw: str
    reset: int
    doc: str
    swmod: bool
    swacc: bool
    external: bool
    # Bit positions in reg2hw_t / hw2reg_t of element 0, -1 = absent; set by layout().
    pos: dict = dataclasses.field(default_factory=dict)

    @property
    def width(self):
        return self.msb - self.lsb + 1

    @property
    def low(self):
        return self.name.lower()

    @property
    def mask(self):
        return ((1 << self.width) - 1) << self.lsb

    @property
    def readable(self):
        return self.access != "wo"

    @property
    def writable(self):
        return self.access != "ro"

    @property
    def stored(self):
        """Has a flop in the register top."""
        return not self.external and self.access != "ro"

    @property
    def reg2hw_members(self):
        """Members of this field in reg2hw_t, most significant first: (name, width)."""
        members = []
        if self.external:
            if self.writable:
                members += [("q", self.width), ("qe", 1)]
            if self.readable:
                members.append(("re", 1))
            return members
        if "r" in self.hw:
            members.append(("q", self.width))
            if self.swmod or self.access == "wo":
                members.append(("qe", 1))
        if self.swacc:
            members.append(("re", 1))
        return members

    @property
    def hw2reg_members(self):
        """Members of this field in hw2reg_t, most significant first: (name, width)."""
        if self.external:
            return [("d", self.width)] if self.readable else []
        if "w" not in self.hw:
            return []
        if self.access == "ro":
            return [("d", self.width)]
        return [("d", self.width), ("de", 1)]


@dataclasses.dataclass
class Register:
    name: str
    offset: int
    count: int
    stride: int
    priv: bool
    doc: str
    fields: list
    array: bool
    reg2hw_width: int = 0  # of one element
    hw2reg_width: int = 0
    err_pos: int = -1

    @property
    def low(self):
        return self.name.lower()

    @property
    def camel(self):
        return "".join(part.capitalize() for part in self.name.split("_"))

    @property
    def external(self):
        return self.fields[0].external

    @property
    def writable(self):
        return any(f.writable for f in self.fields)

    @property
    def readable(self):
        return any(f.readable for f in self.fields)

    @property
    def reset(self):
        return sum(f.reset << f.lsb for f in self.fields)

    def address(self, index):
        return self.offset + index * self.stride


@dataclasses.dataclass
class Block:
    source: str
    name: str
    title: str
    size: int
    rtl: str
    registers: list
    reg2hw_width: int = 0
    hw2reg_width: int = 0

    @property
    def up(self):
        return self.name.upper()


# ------------------------------------------------------------------------------- reading and checking


class Reader:
    """Turns one TOML file into a Block; every complaint names the file and the key."""

    def __init__(self, path):
        self.path = path

    def fail(self, key, reason):
        raise DescriptionError(self.path, key, reason)

    def get(self, table, where, key, kind, default=None):
        name = f"{where}.{key}"
        if key not in table:
            if default is None:
                self.fail(name, "missing")
            return default
        value = table[key]
        if kind is int and isinstance(value, bool) or not isinstance(value, kind):
            self.fail(name, f"must be {kind.__name__}, is {type(value).__name__}")
        if kind is str and not value.strip():
            self.fail(name, "is empty")
        return value

    def only(self, table, where, keys):
        for key in table:
            if key not in keys:
                self.fail(f"{where}.{key}" if where else key, "unknown key")

    def choice(self, table, where, key, values, default=None):
        value = self.get(table, where, key, str, default)
        if value not in values:
            self.fail(f"{where}.{key}", f"'{value}' is not one of {', '.join(values)}")
        return value

    def identifier(self, table, where, key, pattern):
        value = self.get(table, where, key, str)
        if not re.fullmatch(pattern, value):
            self.fail(f"{where}.{key}", f"'{value}' does not match {pattern}")
        if value.lower() in KEYWORDS:
            self.fail(f"{where}.{key}", f"'{value}' is a reserved word")
        return value

    def read(self):
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.fail("file", f"cannot be read: {error}")
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self.fail("file", f"is not TOML: {error}")
        self.only(data, "", ("block", "register"))
        head = self.get(data, "file", "block", dict)
        self.only(head, "block", ("name", "title", "width", "size", "rtl"))
        if self.get(head, "block", "width", int) != 8 * WORD:
            self.fail("block.width", "must be 32")
        block = Block(
            source=self.path.name,
            name=self.identifier(head, "block", "name", r"[a-z][a-z0-9_]*"),
            title=self.get(head, "block", "title", str),
            size=self.get(head, "block", "size", int),
            rtl=self.identifier(head, "block", "rtl", r"[a-z][a-z0-9_]*"),
            registers=[],
        )
        if block.name != self.path.stem:
            self.fail("block.name", f"'{block.name}' differs from the file's name")
        if not WORD <= block.size <= 1 << ADDRESS_BITS or block.size % WORD:
            self.fail("block.size", f"must be a multiple of 4 from 4 to {1 << ADDRESS_BITS:#x}")
        tables = self.get(data, "file", "register", list)
        if not tables:
            self.fail("register", "no register")
        for index, table in enumerate(tables):
            if not isinstance(table, dict):
                self.fail(f"register[{index}]", "must be a table")
            block.registers.append(self.register(table, index, block))
        self.check_names(block)
        self.check_overlap(block)
        layout(block)
        return block

    def register(self, table, index, block):
        name = self.identifier(table, f"register[{index}]", "name", r"[A-Z][A-Z0-9_]*")
        self.only(table, name, ("name", "offset", "doc", "count", "stride", "priv", "fields"))
        reg = Register(
            name=name,
            offset=self.get(table, name, "offset", int),
            count=self.get(table, name, "count", int, 1),
            stride=self.get(table, name, "stride", int, WORD),
            priv=self.get(table, name, "priv", bool, False),
            doc=self.get(table, name, "doc", str),
            fields=[],
            array="count" in table,
        )
        if reg.offset < 0 or reg.offset % WORD:
            self.fail(f"{name}.offset", f"{reg.offset:#x} is not a multiple of 4")
        if reg.count < 1 or (reg.array and reg.count < 2):
            self.fail(f"{name}.count", f"{reg.count} must be at least 2")
        if "stride" in table and not reg.array:
            self.fail(f"{name}.stride", "without count")
        if reg.stride < WORD or reg.stride % WORD:
            self.fail(f"{name}.stride", f"{reg.stride} is not a positive multiple of 4")
        if reg.address(reg.count - 1) + WORD > block.size:
            self.fail(f"{name}.offset", f"register ends beyond block.size {block.size:#x}")
        fields = self.get(table, name, "fields", list)
        if not fields:
            self.fail(f"{name}.fields", "no field")
        for index, field in enumerate(fields):
            if not isinstance(field, dict):
                self.fail(f"{name}.fields[{index}]", "must be a table")
            reg.fields.append(self.field(field, f"{name}.fields[{index}]", name))
        used = {}
        names = set()
        for field in reg.fields:
            key = f"{name}.{field.name}"
            if field.name in names:
                self.fail(f"{key}.name", "duplicate field")
            names.add(field.name)
            for bit in range(field.lsb, field.msb + 1):
                if bit in used:
                    self.fail(f"{key}.bits", f"bit {bit} overlaps {used[bit]}")
                used[bit] = field.name
            if field.external != reg.external:
                self.fail(f"{key}.external", "must be the same for all fields of a register")
            if field.external and field.name == "ERR":
                self.fail(f"{key}.name", "ERR is taken in external registers")
        if reg.priv and not reg.writable:
            self.fail(f"{name}.priv", "guards writes, but no field is writable")
        return reg

    def field(self, table, where, register):
        name = self.identifier(table, where, "name", r"[A-Z][A-Z0-9_]*")
        key = f"{register}.{name}"
        self.only(
            table, key, ("name", "bits", "access", "hw", "reset", "doc", "swmod", "swacc", "external")
        )
        bits = self.get(table, key, "bits", str)
        match = re.fullmatch(r"(\d+)(?::(\d+))?", bits)
        if not match:
            self.fail(f"{key}.bits", f"'{bits}' is neither \"bit\" nor \"high:low\"")
        msb = int(match[1])
        lsb = int(match[2]) if match[2] is not None else msb
        if msb < lsb or msb >= 8 * WORD:
            self.fail(f"{key}.bits", f"'{bits}' is not within 31:0, high bit first")
        field = Field(
            name=name,
            msb=msb,
            lsb=lsb,
            access=self.choice(table, key, "access", ACCESS),
            hw=self.choice(table, key, "hw", HARDWARE, "none"),
            reset=self.get(table, key, "reset", int, 0),
            doc=self.get(table, key, "doc", str),
            swmod=self.get(table, key, "swmod", bool, False),
            swacc=self.get(table, key, "swacc", bool, False),
            external=self.get(table, key, "external", bool, False),
        )
        if not 0 <= field.reset < 1 << field.width:
            self.fail(f"{key}.reset", f"{field.reset:#x} does not fit {field.width} bits")
        if not field.external and field.hw not in COMBINATIONS[field.access]:
            self.fail(f"{key}.hw", f"'{field.hw}' does not go with access '{field.access}'")
        if field.external and field.access == "rw1c":
            self.fail(f"{key}.access", "rw1c needs storage, but the field is external")
        hardware_value = field.access == "ro" and field.hw == "w"
        if "reset" in table and (field.external or field.access == "wo" or hardware_value):
            self.fail(f"{key}.reset", "the field holds no value of its own")
        if field.swmod and (not field.writable or "r" not in field.hw):
            self.fail(f"{key}.swmod", "needs a writable field that hardware reads")
        if field.swacc and not field.readable:
            self.fail(f"{key}.swacc", "needs a readable field")
        return field

    def check_names(self, block):
        """Registers, and the identifiers made of register and field, are unique."""
        seen = {}
        for reg in block.registers:
            if reg.name in seen:
                self.fail(f"{reg.name}.name", "duplicate register")
            seen[reg.name] = reg.name
        for reg in block.registers:
            for field in reg.fields:
                joined = f"{reg.name}_{field.name}"
                if joined in seen:
                    self.fail(f"{reg.name}.{field.name}.name", f"{joined} is also {seen[joined]}")
                seen[joined] = f"{reg.name}.{field.name}"

    def check_overlap(self, block):
        owner = {}
        for reg in block.registers:
            for index in range(reg.count):
                address = reg.address(index)
                if address in owner:
                    self.fail(f"{reg.name}.offset", f"address {address:#x} overlaps {owner[address]}")
                owner[address] = reg.name


def layout(block):
    """Bit positions of all struct members: the first member of a packed struct is the highest."""
    for side in ("reg2hw", "hw2reg"):
        base = 0
        for reg in reversed(block.registers):
            width = 0
            if side == "hw2reg" and reg.external:
                reg.err_pos = base
                width = 1
            for field in reversed(reg.fields):
                for member, bits in reversed(getattr(field, f"{side}_members")):
                    field.pos[member] = base + width
                    width += bits
            setattr(reg, f"{side}_width", width)
            base += width * reg.count
        setattr(block, f"{side}_width", base)


# ------------------------------------------------------------------------------- SystemVerilog


def banner(block, comment="//"):
    return [
        f"{comment} {SPDX}",
        f"{comment} Generated by scripts/reggen.py from regs/{block.source}. Do not edit.",
    ]


def sv_range(width):
    return "" if width == 1 else f"[{width - 1}:0] "


def sv_slice(field):
    return f"[{field.msb}:{field.lsb}]" if field.width > 1 else f"[{field.lsb}]"


def sv_literal(width, value):
    return f"{width}'h{value:x}"


def sv_structs(block, side):
    lines = []
    total = []
    for reg in block.registers:
        if not getattr(reg, f"{side}_width"):
            continue
        lines.append("  typedef struct packed {")
        for field in reg.fields:
            members = getattr(field, f"{side}_members")
            if members:
                lines.append("    struct packed {")
                lines += [f"      logic {sv_range(width)}{name};" for name, width in members]
                lines.append(f"    }} {field.low};")
        if side == "hw2reg" and reg.external:
            lines.append("    logic err;")
        lines += [f"  }} {side}_{reg.low}_t;", ""]
        index = f" [{reg.count - 1}:0]" if reg.array else ""
        total.append(f"    {side}_{reg.low}_t{index} {reg.low};")
    if not total:
        return []
    return lines + ["  typedef struct packed {"] + total + [f"  }} {side}_t;", ""]


def sv_package(block):
    lines = banner(block) + [f"/// Registers of block {block.name}: offsets and the structs towards hardware."]
    lines += [f"package tsr_{block.name}_reg_pkg;", ""]
    for reg in block.registers:
        lines.append(f"  localparam logic [15:0] {reg.camel}Offset = 16'h{reg.offset:04x};")
    lines.append("")
    for side, text in (
        ("reg2hw", "What hardware sees: values q, write pulses qe, read pulses re."),
        ("hw2reg", "What hardware drives: values d, enables de, refusals err."),
    ):
        structs = sv_structs(block, side)
        if structs:
            lines += [f"  // {text}"] + structs
    if block.reg2hw_width:
        reset = 0
        for reg in block.registers:
            for field in reg.fields:
                if field.stored and "q" in field.pos:
                    for index in range(reg.count):
                        reset |= field.reset << (field.pos["q"] + index * reg.reg2hw_width)
        lines.append("  // reg2hw_t in reset.")
        lines.append(f"  localparam reg2hw_t Reg2hwReset = {sv_literal(block.reg2hw_width, reset)};")
        lines.append("")
    return lines + ["endpackage"]


def loop(reg, body, indent):
    """`body` for every element: a for loop over i if the register is an array."""
    pad = " " * indent
    if not reg.array:
        return [pad + line for line in body]
    head = f"{pad}for (int unsigned i = 0; i < {reg.count}; i++) begin"
    return [head] + [f"{pad}  {line}" for line in body] + [f"{pad}end"]


def sv_top(block):
    regs = block.registers
    name = f"tsr_{block.name}_reg_top"
    idx = {reg.name: "[i]" if reg.array else "" for reg in regs}

    def hit(reg):
        return f"hit_{reg.low}{idx[reg.name]}"

    def reg2hw(reg, field, member):
        return f"{reg.low}{idx[reg.name]}.{field.low}.{member}"

    def storage(reg, field):
        """Name of the flop of a stored field."""
        if "q" in field.pos:
            return "regs_q." + reg2hw(reg, field, "q")
        return f"{reg.low}_{field.low}_q{idx[reg.name]}"

    def own_flops():
        return [(r, f) for r in regs for f in r.fields if f.stored and "q" not in f.pos]

    def write_enable(reg):
        return "we_priv" if reg.priv else "we"

    has_flops = any(f.stored for r in regs for f in r.fields)
    has_regs_q = any(f.stored and "q" in f.pos for r in regs for f in r.fields)
    has_writes = any(r.writable for r in regs)
    has_plain_writes = any(r.writable and not r.priv for r in regs)
    has_priv = any(r.priv for r in regs)
    has_comb = any(m in ("q", "qe", "re") and (f.external or m == "re") for r in regs for f in r.fields for m in f.pos)

    out = banner(block)
    out += [
        f"/// Register file of block {block.name}: decode, storage, read multiplexer.",
        "///",
        "/// *Latency:* reads and errors combinational; a write is visible after the next rising edge.",
        "/// *Backpressure:* none. *Throughput:* one access a cycle.",
        "/// *Reset:* every stored field takes its reset value.",
        "/// Hardware's write loses against software's in the same cycle; for rw1c, hardware's set wins.",
        f"module {name}",
        f"  import tsr_{block.name}_reg_pkg::*;",
        "(",
        "  input  logic              clk_i,",
        "  input  logic              rst_ni,",
        "",
        "  // Register bus.",
        "  input  tsr_pkg::reg_req_t reg_i,",
    ]
    hardware = []
    if block.reg2hw_width:
        hardware.append("  output reg2hw_t           reg2hw_o")
    if block.hw2reg_width:
        hardware.append("  input  hw2reg_t           hw2reg_i")
    out.append("  output tsr_pkg::reg_rsp_t reg_o" + ("," if hardware else ""))
    if hardware:
        out += ["", "  // Hardware side."] + ",\n".join(hardware).split("\n")
    out += [");", ""]

    # Decode.
    out.append("  // Decode: one bit for every register; none is set while the bus is idle.")
    out += [f"  logic {sv_range(reg.count) if reg.array else ''}hit_{reg.low};" for reg in regs]
    out += ["  logic hole;", "", "  always_comb begin"]
    out += [f"    hit_{reg.low} = '0;" for reg in regs]
    out += ["    hole = 1'b0;", "    if (reg_i.valid) begin", "      unique case (reg_i.addr)"]
    for reg in regs:
        for index in range(reg.count):
            select = f"[{index}]" if reg.array else ""
            out.append(f"        16'h{reg.address(index):04x}: hit_{reg.low}{select} = 1'b1;")
    out += ["        default: hole = 1'b1;", "      endcase", "    end", "  end", ""]

    # Writes.
    if has_writes:
        out += [
            "  // Bytes without their strobe keep their value (rw) or count as zero (rw1c, wo, external).",
            "  logic [31:0] wmask;",
            "  logic [31:0] wdata;",
            "  assign wmask = {{8{reg_i.strb[3]}}, {8{reg_i.strb[2]}}, {8{reg_i.strb[1]}}, {8{reg_i.strb[0]}}};",
            "  assign wdata = reg_i.wdata & wmask;",
            "",
        ]
        enable = "reg_i.valid && reg_i.write && (reg_i.strb != '0)"
        if has_plain_writes:
            out += ["  logic we;", f"  assign we = {enable};"]
        if has_priv:
            out += ["  logic we_priv;", f"  assign we_priv = {enable} && reg_i.priv;"]
        out.append("")

    if has_flops:
        out.append("  // Storage.")
        if has_regs_q:
            out.append("  reg2hw_t regs_q;")
        for reg, field in own_flops():
            count = sv_range(reg.count).strip() if reg.array else ""
            if reg.array and reg.count > 1:
                out.append(f"  logic {count}{sv_range(field.width) or ' '}{reg.low}_{field.low}_q;")
            else:
                out.append(f"  logic {sv_range(field.width)}{reg.low}_{field.low}_q;")
        out += ["", "  always_ff @(posedge clk_i) begin", "    if (!rst_ni) begin"]
        if has_regs_q:
            out.append("      regs_q <= Reg2hwReset;")
        for reg, field in own_flops():
            value = sv_literal(field.width, field.reset)
            if reg.array:
                value = f"{{{reg.count}{{{value}}}}}"
            out.append(f"      {reg.low}_{field.low}_q <= {value};")
        out.append("    end else begin")
        for reg in regs:
            body = []
            for field in reg.fields:
                if field.stored and field.access == "rw" and "w" in field.hw:
                    d = f"hw2reg_i.{reg2hw(reg, field, 'd')}"
                    de = f"hw2reg_i.{reg2hw(reg, field, 'de')}"
                    body.append(f"if ({de}) {storage(reg, field)} <= {d};")
                if field.stored and "qe" in field.pos:
                    body.append(
                        f"regs_q.{reg2hw(reg, field, 'qe')} <= {write_enable(reg)} && {hit(reg)};"
                    )
            out += loop(reg, body, 6) if body else []
        for reg in regs:
            body = []
            for field in reg.fields:
                bits = sv_slice(field)
                if field.stored and field.access == "rw":
                    q = storage(reg, field)
                    old = q
                    if "w" in field.hw:
                        d = f"hw2reg_i.{reg2hw(reg, field, 'd')}"
                        de = f"hw2reg_i.{reg2hw(reg, field, 'de')}"
                        old = f"({de} ? {d} : {q})"
                    body.append(f"  {q} <= ({old} & ~wmask{bits}) | wdata{bits};")
                elif field.stored and field.access == "wo":
                    body.append(f"  {storage(reg, field)} <= wdata{bits};")
            if body:
                body = [f"if ({write_enable(reg)} && {hit(reg)}) begin"] + body + ["end"]
                if reg.array:
                    out.append(f"      if ({write_enable(reg)} && (hit_{reg.low} != '0)) begin")
                    out += loop(reg, [f"if ({hit(reg)}) begin"] + body[1:], 8) + ["      end"]
                else:
                    out += loop(reg, body, 6)
        for reg in regs:
            body = []
            for field in reg.fields:
                if field.stored and field.access == "rw1c":
                    q = storage(reg, field)
                    bits = sv_slice(field)
                    clear = f"{write_enable(reg)} && {hit(reg)}"
                    d = f"hw2reg_i.{reg2hw(reg, field, 'd')}"
                    de = f"hw2reg_i.{reg2hw(reg, field, 'de')}"
                    if field.width == 1:
                        body.append(f"if ({clear} && wdata{bits}) {q} <= 1'b0;")
                        body.append(f"if ({de} && {d}) {q} <= 1'b1;")
                    else:
                        w = field.width
                        body.append(f"if (({clear}) || {de}) begin")
                        body.append(f"  {q} <= ({q} & ~({{{w}{{{clear}}}}} & wdata{bits})) |")
                        body.append(f"      ({{{w}{{{de}}}}} & {d});")
                        body.append("end")
            out += loop(reg, body, 6) if body else []
        out += ["    end", "  end", ""]

    # reg2hw.
    if block.reg2hw_width:
        base = "regs_q" if has_regs_q else "'0"
        if not has_comb:
            out += [f"  assign reg2hw_o = {base};", ""]
        else:
            out += ["  always_comb begin", f"    reg2hw_o = {base};", "    if (reg_i.valid) begin"]
            for reg in regs:
                body = []
                for field in reg.fields:
                    if field.external and "q" in field.pos:
                        body.append(f"reg2hw_o.{reg2hw(reg, field, 'q')} = wdata{sv_slice(field)};")
                        body.append(
                            f"reg2hw_o.{reg2hw(reg, field, 'qe')} = {write_enable(reg)} && {hit(reg)};"
                        )
                    if "re" in field.pos:
                        body.append(f"reg2hw_o.{reg2hw(reg, field, 're')} = !reg_i.write && {hit(reg)};")
                out += loop(reg, body, 6) if body else []
            out += ["    end", "  end", ""]

    # Response.
    out += ["  // Response.", "  always_comb begin", "    reg_o = '0;", "    if (reg_i.valid) begin"]
    out.append("      reg_o.err = hole;")
    read_only = [r for r in regs if not r.writable]
    privileged = [r for r in regs if r.priv]

    def any_hit(group):
        terms = [f"(hit_{r.low} != '0)" if r.array else f"hit_{r.low}" for r in group]
        rows = [" || ".join(terms[i : i + 3]) for i in range(0, len(terms), 3)]
        return "\n          " + " ||\n          ".join(rows)

    if read_only:
        out += [f"      if (reg_i.write && ({any_hit(read_only)})) reg_o.err = 1'b1;"]
    if privileged:
        out += [f"      if (reg_i.write && !reg_i.priv && ({any_hit(privileged)})) reg_o.err = 1'b1;"]
    for reg in regs:
        body = []
        for field in reg.fields:
            if not field.readable:
                continue
            if "d" in field.pos and not field.stored:
                value = f"hw2reg_i.{reg2hw(reg, field, 'd')}"
            elif field.stored:
                value = storage(reg, field)
            else:
                value = sv_literal(field.width, field.reset)
            body.append(f"  reg_o.rdata{sv_slice(field)} = {value};")
        if reg.external:
            body.append(f"  if (hw2reg_i.{reg.low}{idx[reg.name]}.err) reg_o.err = 1'b1;")
        if body:
            if reg.array:
                out.append(f"      if (hit_{reg.low} != '0) begin")
                out += loop(reg, [f"if ({hit(reg)}) begin"] + body + ["end"], 8) + ["      end"]
            else:
                out += loop(reg, [f"if ({hit(reg)}) begin"] + body + ["end"], 6)
    out += ["      if (reg_i.write) reg_o.rdata = '0;", "    end", "  end", ""]
    if not has_flops:
        out += [
            "  // Nothing is stored here.",
            "  logic unused_clock;",
            "  assign unused_clock = ^{clk_i, rst_ni};",
            "",
        ]
    return out + ["endmodule"]


# ------------------------------------------------------------------------------- C, C++, Markdown


def c_header(block):
    guard = f"TSR_{block.up}_REGS_H"
    lines = [
        f"/* {SPDX} */",
        f"/* Generated by scripts/reggen.py from regs/{block.source}. Do not edit. */",
        f"/* {block.title}",
        " * <REG>_OFFSET: byte offset in the block (of element 0 of an array; <REG>(i): of element i).",
        " * <REG>_<FIELD>_SHIFT, _LSB: position of the lowest bit; _MASK: the field's bits in place. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        f"#define TSR_{block.up}_SIZE {block.size:#x}u",
    ]
    for reg in block.registers:
        stem = f"TSR_{block.up}_{reg.name}"
        lines += ["", f"/* {reg.doc} */", f"#define {stem}_OFFSET {reg.offset:#x}u"]
        if reg.array:
            lines.append(f"#define {stem}_COUNT {reg.count}u")
            lines.append(f"#define {stem}_STRIDE {reg.stride}u")
            lines.append(f"#define {stem}(i) ({reg.offset:#x}u + (i) * {reg.stride}u)")
        lines.append(f"#define {stem}_RESET {reg.reset:#x}u")
        for field in reg.fields:
            lines.append(f"#define {stem}_{field.name}_SHIFT {field.lsb}u /* {field.access}: {field.doc} */")
            lines.append(f"#define {stem}_{field.name}_LSB {field.lsb}u")
            lines.append(f"#define {stem}_{field.name}_MASK {field.mask:#010x}u")
    return lines + ["", "#endif"]


def cpp_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def cpp_header(block):
    lines = banner(block) + [
        f"/// {block.title}: the register table.",
        "#pragma once",
        "",
        '#include "regs/reg_table.hpp"',
        "",
        f"namespace tsr::regs::{block.name} {{",
        "",
    ]
    for reg in block.registers:
        lines.append(f"inline constexpr std::uint32_t k{reg.camel}Offset = {reg.offset:#x};")
    lines.append("")
    access = {"rw": "kRw", "ro": "kRo", "rw1c": "kRw1c", "wo": "kWo"}
    flag = {True: "true", False: "false"}
    lines.append("// clang-format off")
    for reg in block.registers:
        lines.append(f"inline constexpr Field k{reg.camel}Fields[] = {{")
        for f in reg.fields:
            pos = ", ".join(str(f.pos.get(member, -1)) for member in ("q", "qe", "re", "d", "de"))
            lines.append(
                f'    {{"{f.name}", {f.lsb}, {f.width}, Access::{access[f.access]}, {f.reset:#x},'
                f" {flag[f.external]}, {pos}}},"
            )
        lines.append("};")
    lines += ["", "inline constexpr Register kRegisters[] = {"]
    for reg in block.registers:
        lines.append(
            f'    {{"{reg.name}", {reg.offset:#x}, {reg.count}, {reg.stride}, {flag[reg.priv]}, {flag[reg.external]},'
            f" k{reg.camel}Fields, {len(reg.fields)}, {reg.reg2hw_width}, {reg.hw2reg_width}, {reg.err_pos}}},"
        )
    lines += ["};", ""]
    lines.append(
        f'inline constexpr Block kBlock = {{"{block.name}", {block.size:#x}, kRegisters, {len(block.registers)},'
        f" {block.reg2hw_width}, {block.hw2reg_width}}};"
    )
    return lines + ["// clang-format on", "", f"}}  // namespace tsr::regs::{block.name}"]


def markdown(block):
    lines = [
        f"<!-- {SPDX} -->",
        f"<!-- Generated by scripts/reggen.py from regs/{block.source}. Do not edit. -->",
        f"# Registers: {block.name}",
        "",
        f"{block.title}. {block.size:#x} bytes, 32-bit words. Access kinds and hardware roles:",
        "[registers.md](../registers.md).",
        "",
        "| offset | register | |",
        "|---|---|---|",
    ]
    for reg in block.registers:
        where = f"{reg.offset:#05x}"
        name = f"[{reg.name}](#{reg.low})"
        if reg.array:
            where += f" + {reg.stride} i"
            name += f" i = 0..{reg.count - 1}"
        lines.append(f"| {where} | {name} | {reg.doc.split('. ')[0].rstrip('.')}. |")
    for reg in block.registers:
        lines += ["", f"## {reg.name}", "", reg.doc]
        if reg.priv:
            lines.append("Writes need the ctl node's privilege.")
        lines += ["", "| bits | field | access | reset | |", "|---|---|---|---|---|"]
        for field in sorted(reg.fields, key=lambda f: -f.msb):
            bits = f"{field.msb}:{field.lsb}" if field.width > 1 else f"{field.lsb}"
            own = field.stored and field.access != "wo" or field.access == "ro" and field.hw == "none"
            reset = f"{field.reset:#x}" if own else "-"
            lines.append(f"| {bits} | {field.name} | {field.access} | {reset} | {field.doc} |")
    return lines


def generate(block):
    """All files of a block: path relative to the root -> text."""
    files = {
        f"rtl/{block.rtl}/tsr_{block.name}_reg_pkg.sv": sv_package(block),
        f"rtl/{block.rtl}/tsr_{block.name}_reg_top.sv": sv_top(block),
        f"firmware/include/regs/{block.name}_regs.h": c_header(block),
        f"model/regs/{block.name}_regs.hpp": cpp_header(block),
        f"docs/regs/{block.name}.md": markdown(block),
    }
    return {path: "\n".join(lines) + "\n" for path, lines in files.items()}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", metavar="FILE", nargs="*", help="descriptions (default: regs/*.toml)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the stale files")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, help="folder to write into (default: the checkout)")
    options = parser.parse_args(arguments)
    paths = [pathlib.Path(f) for f in options.files] or sorted((options.root / "regs").glob("*.toml"))
    if not paths:
        print(f"reggen: no description in {options.root / 'regs'}", file=sys.stderr)
        return 2
    try:
        files = {}
        for path in paths:
            files.update(generate(Reader(path).read()))
    except DescriptionError as error:
        print(f"reggen: {error}", file=sys.stderr)
        return 2
    stale = []
    for name, text in files.items():
        path = options.root / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if options.check and stale:
        print("reggen: out of date, run scripts/reggen.py:", *stale, sep="\n  ", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
