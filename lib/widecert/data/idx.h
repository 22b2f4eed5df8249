// IDX files (the format of MNIST), plain or gzip-compressed.
//
// The header says how many bytes follow; exactly that many are read, never more, whatever a
// compressed stream would expand to. Every error names the file, the offset and what was expected.
#pragma once

#include <widecert/data/npy.h>

namespace widecert {

// The first extent counts the samples; the digest is that of the decompressed file, header included.
// Throws InputError on a missing, truncated, oversized or malformed file.
NpyArray read_idx(const std::string& path);

}  // namespace widecert
