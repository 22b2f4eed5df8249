// The pictures of a claim about the loss at a point: the loss around a local minimum and on the way to a better point;
// outputs by class, where F_L = Y exactly or near by.
#pragma once

#include <widecert/certificate/claim_file.h>

#include <string>

namespace widecert::tool {

// HTML; empty where the claim is of another kind or the pictures would take too long. Files are relative to `folder`.
// Drawn in floating point from the claim alone. Throws InputError where the claim does not make sense.
std::string loss_sections(const Architecture& network, const Dataset& data, const Claim& claim,
                          const std::string& place, const std::string& folder);

}  // namespace widecert::tool
