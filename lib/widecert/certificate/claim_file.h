// The two files, claim and certificate. The claim file is what an auditor reads; the certificate beside it holds one
// proof for each claim, in the same order: a hint that convinces the checker, never trusted. tools/widecheck/FORMAT.md
// is normative.
#pragma once

#include <widecert/certificate/document.h>
#include <widecert/data/dataset.h>

namespace widecert {

struct ClaimFile {
  Architecture network;
  std::optional<DatasetSpec> data;  // paths relative to the claim file; claims about weights need none
  std::vector<Claim> claims;
};

// Canonical text of the two files: the same value gives the same bytes.
std::string claim_text(const ClaimFile& claim);
std::string certificate_text(const std::string& claim_text, const std::vector<Proof>& proofs);

// Read for showing, not for believing: claims and proofs as they stand. Throw InputError naming the place.
ClaimFile parse_claim(const std::string& text, const std::string& file);
std::vector<Proof> parse_certificate(const std::string& text, const std::string& file);

}  // namespace widecert
