#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Verilate one model and build its static library. Called by tsr_add_rtl_model() only.
# usage: verilate.sh DIR PREFIX CXX CXXFLAGS VERILATOR ARGS...
set -euo pipefail
dir=$1 prefix=$2 cxx=$3 cxxflags=$4
shift 4
mkdir -p "$dir"
"$@" --Mdir "$dir" --prefix "$prefix"
# One rule "library: sources", so that Ninja sees every RTL file the model was made from.
sed "s|^[^:]*:|$dir/${prefix}__ALL.a:|" "$dir/${prefix}__ver.d" > "$dir/$prefix.d"
# Waves are written seldom: the code that writes them is only translated, not optimized.
cat > "$dir/tsr.mk" <<EOF
include $prefix.mk
OPT_FAST = $cxxflags
OPT_SLOW = -O0
\$(filter ${prefix}__Trace__%,\$(VK_FAST_OBJS)): OPT_FAST = -O0
EOF
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$PWD
MAKEFLAGS='' make -s -j2 -C "$dir" -f tsr.mk "${prefix}__ALL.a" CXX="$cxx" \
  OBJCACHE="$(command -v ccache || true)" USER_CPPFLAGS=-w > "$dir/make.log" 2>&1 ||
  { cat "$dir/make.log"; exit 1; }
