# SPDX-License-Identifier: Apache-2.0
"""Put the page of `tessera report` together and into a C++ source: embed.py TEMPLATE STYLE SCRIPT OUT.

The page is one HTML text with a mark where the run's JSON goes: OUT defines the text before and behind it.
"""
import sys
from pathlib import Path

PIECE = 8192  # characters of a string literal


def literal(name: str, text: str) -> str:
    """A string as a std::string_view of raw literals."""
    pieces = [text[i:i + PIECE] for i in range(0, len(text), PIECE)]
    body = "\n".join(f'R"TSRPAGE({piece})TSRPAGE"' for piece in pieces)
    return f"const std::string_view {name}(\n{body},\n{len(text.encode())});\n"


def main() -> None:
    template, style, script, out = (Path(arg) for arg in sys.argv[1:])
    code = script.read_text().replace("</script", "<\\/script")
    page = template.read_text().replace("/*STYLE*/", style.read_text()).replace("/*SCRIPT*/", code)
    before, behind = page.split("/*RUN*/")
    out.write_text('#include "report_page.hpp"\n\nnamespace tsr::tools {\n\n'
                   + literal("kReportBefore", before) + literal("kReportBehind", behind)
                   + "\n}  // namespace tsr::tools\n")


main()
