// WIDECHECK_CLONES before a function with a plain loop: it is compiled for newer x86-64 processors
// too, and the best version is chosen at start. Nothing changes but speed.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define WIDECHECK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDECHECK_CLONES
#endif
