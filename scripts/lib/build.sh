# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts: configure and build into build/, quietly when nothing is stale.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Folder of what is built. TSR_BUILD names another one that is built already: then nothing is built here.
build=${TSR_BUILD:-$top/build}

# tsr_build TARGET...: build the targets. Progress on a terminal, one line; the whole log only on failure
# (or with TSR_VERBOSE=1).
tsr_build() {
  [[ -z ${TSR_BUILD:-} ]] || return 0
  local log="$top/build/build.log"
  mkdir -p "$top/build"
  (
    cd "$top"
    if [[ ! -f build/build.ninja ]]; then
      cmake --preset dev > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
    fi
    if [[ -n ${TSR_VERBOSE:-} ]]; then
      cmake --build build --target "$@" >&2
    elif [[ -t 2 ]]; then
      ninja -C build "$@" 2>&1 | tee "$log" | while IFS= read -r line; do
        [[ $line == '['* ]] && printf '\r\033[Kbuild %.110s' "$line" >&2
      done
      printf '\r\033[K' >&2
      [[ ${PIPESTATUS[0]} -eq 0 ]] || { tail -n 60 "$log" >&2; exit 1; }
    else
      cmake --build build --target "$@" > "$log" 2>&1 || { tail -n 60 "$log" >&2; exit 1; }
    fi
  ) || { echo "build failed; the whole log is build/build.log" >&2; return 1; }
}
