// SPDX-License-Identifier: Apache-2.0
/// Cuts a forked copy of a process off from everything that belongs to the process.
#pragma once

#include <sys/types.h>

namespace tsr {

/// To be called right after fork(), in the child. Closes every file but two, points standard input
/// and output to nowhere, ignores the signals of a terminal, gives back all handlers, and lets the
/// child die with its parent. The two files get new numbers.
void enter_sandbox(pid_t parent, int& first, int& second);

}  // namespace tsr
