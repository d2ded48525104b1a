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
# Code that writes waves: what runs once a trace is only translated (OPT_SLOW); what looks for changes in every
# traced cycle is several times as fast with -O1, which costs the tile some 15 s more of processor time to build.
cat > "$dir/tsr.mk.new" <<EOF
include $prefix.mk
OPT_FAST = $cxxflags
OPT_SLOW = -O0
\$(filter ${prefix}__Trace__%,\$(VK_FAST_OBJS)): OPT_FAST = -O1
\$(VK_FAST_OBJS) \$(VK_SLOW_OBJS): tsr.mk
EOF
# Other flags, other objects; the same ones leave the objects alone.
cmp -s "$dir/tsr.mk.new" "$dir/tsr.mk" || mv "$dir/tsr.mk.new" "$dir/tsr.mk"
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$PWD
MAKEFLAGS='' make -s -j2 -C "$dir" -f tsr.mk "${prefix}__ALL.a" CXX="$cxx" \
  OBJCACHE="$(command -v ccache || true)" USER_CPPFLAGS=-w > "$dir/make.log" 2>&1 ||
  { cat "$dir/make.log"; exit 1; }
