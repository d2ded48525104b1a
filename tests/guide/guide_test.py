#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps a guide true: does what it says, in its order, and compares what it shows.

usage: guide_test.py GUIDE.md SCRIPTS_FOLDER [--keep FOLDER]

The guide's fenced blocks, in an empty folder and one shell:
  ```c FILE, ```gdb FILE, ```python FILE ...   the file is written
  ```console                                   lines "$ COMMAND" are run; the lines behind each are its output
TSR_BUILD names the build folder whose tools they use. In an output "..." stands for any text, on a line of its own for
any number of lines. A command must succeed, unless `echo $?` comes next. Port 3333 of the guide is replaced by a free one.
"""
import argparse
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

PORT = "3333"


class Command:
    def __init__(self, line, text):
        self.line, self.text, self.output = line, text, []


def parse(guide):
    """The steps of a guide: ("file", name, content) and ("run", Command)."""
    steps, block = [], None
    for number, line in enumerate(guide.read_text().splitlines(), 1):
        fence = re.match(r"\s*```(\w*) ?(\S*)", line)
        if fence and block is None:
            block = [fence[1], fence[2], []]
        elif fence:
            language, name, lines = block
            if name:
                steps.append(("file", name, "\n".join(lines) + "\n"))
            block = None
        elif block and block[0] == "console" and line.startswith("$ "):
            steps.append(("run", Command(number, line[2:])))
        elif block and block[0] == "console":
            if not steps or steps[-1][0] != "run":
                sys.exit(f"{guide}:{number}: output without a command")
            steps[-1][1].output.append(line)
        elif block:
            block[2].append(line)
    return steps


def pattern(lines):
    """Regular expression of a shown output."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r"[^\n]*?".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ \t]*\n")
    return re.compile("".join(parts))


class Shell:
    def __init__(self, folder, scripts):
        environment = dict(os.environ, PATH=f"{scripts}:{os.environ['PATH']}", TERM="dumb")
        self.process = subprocess.Popen(["bash", "--norc"], cwd=folder, env=environment, text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)

    def run(self, text):
        """Output and exit code."""
        mark = f"=={time.monotonic_ns()}=="
        self.process.stdin.write(f"{text}\n__code=$?; echo; echo {mark} $__code; (exit $__code)\n")
        output = []
        for line in self.process.stdout:
            if line.startswith(mark):
                text = "".join(output)[:-1]  # without the line end of the mark's own
                return text + "\n" if text and text[-1] != "\n" else text, int(line.split()[1])
            output.append(line)
        sys.exit(f"the shell ended in `{text}`; it said:\n{''.join(output)}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def check(guide, steps, shell, folder):
    port, failures = free_port(), 0
    commands = [step[1] for step in steps if step[0] == "run"]
    follower = dict(zip(map(id, commands), commands[1:]))
    for step in steps:
        if step[0] == "file":
            (folder / step[1]).write_text(step[2].replace(PORT, port))
            continue
        command = step[1]
        output, code = shell.run(command.text.replace(PORT, port))
        output = output.replace(port, PORT)
        after = follower.get(id(command))
        asked = after is not None and after.text == "echo $?"
        if pattern(command.output).fullmatch(output) and (code == 0 or asked):
            print(f"ok    $ {command.text}", flush=True)
            continue
        failures += 1
        print(f"{guide}:{command.line}: $ {command.text}\n  exit code {code}; the guide shows")
        print("".join(f"    {line}\n" for line in command.output) + "  but it printed")
        print("".join(f"    {line}\n" for line in output.splitlines()), flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("guide", type=pathlib.Path)
    parser.add_argument("scripts", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path, help="work in this folder, and leave it")
    args = parser.parse_args()
    steps = parse(args.guide)
    if not any(step[0] == "run" for step in steps):
        sys.exit(f"{args.guide}: no command")
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        shell = Shell(folder, args.scripts.resolve())
        try:
            failures = check(args.guide, steps, shell, folder)
        finally:
            os.killpg(shell.process.pid, 9)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
