// WIDECERT_CLONES before a function: it is compiled for several generations of x86-64 and the best
// one for the machine is chosen at start. Nothing changes but speed.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define WIDECERT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDECERT_CLONES
#endif
