// Filters with few entries other than 0 at which U = M(W) has, as far as possible, full rank by
// peeling alone (widecert/linalg/sparse_rank.h). They find; sparse_rank() decides.
//
// Taps (the repairs R1, R2, R3 and their kin): each filter is 1 at one position, so that every
// column of U is a unit vector; rows are covered if n_{k-1} <= n_k, columns are distinct if not.
//
// Bands: where a convolution without padding has fewer filters than covering by taps takes (4 for
// each channel), but at least channels + 2, filter j has the corners of windows on the channels j,
// j - 1, j - 2. With z for "next channel" and x, y for the two ends of the window these are the
// coefficients of (x + z)(y + z): images killed by all filters vanish, peeling from the corners,
// once the extents are at least (channels + 2) (size - 1). README.md beside has the proof.
#pragma once

#include <widecert/network/architecture.h>

namespace widecert {

SparseTensor sparse_filters(const Architecture& network, std::size_t linear_node);

}  // namespace widecert
