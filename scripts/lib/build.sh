# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts: configure and build into build/, quietly when nothing is stale.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# tsr_build TARGET...: build the targets; output only on a terminal, with TSR_VERBOSE, or on failure.
tsr_build() {
  local log="$top/build/build.log"
  mkdir -p "$top/build"
  (
    cd "$top"
    if [[ ! -f build/build.ninja ]]; then
      cmake --preset dev > build/configure.log 2>&1 || { cat build/configure.log >&2; exit 1; }
    fi
    if [[ -n ${TSR_VERBOSE:-} || -t 2 ]]; then
      # Nothing stale: nothing printed.
      ninja -C build -n "$@" 2>/dev/null | grep -q 'no work to do' && exit 0
      cmake --build build --target "$@" >&2
    else
      cmake --build build --target "$@" > "$log" 2>&1 || { tail -n 60 "$log" >&2; exit 1; }
    fi
  ) || { echo "build failed" >&2; return 1; }
}
