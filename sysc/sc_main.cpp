// SPDX-License-Identifier: Apache-2.0
/// SystemC's library wants this entry point; programs here have an ordinary main().
int sc_main(int, char**);
int sc_main(int, char**) { return 0; }
