// The HTML report: one self-contained page about a claim file, for people who look before they
// read. Its pictures are drawn in double precision and prove nothing; the verdicts are the
// checker's.
#pragma once

#include <widecert/certificate/json.h>

#include <string>

namespace widecert::tool {

// `check` is widecheck's --json output for this claim.
std::string html_report(const std::string& claim_path, const std::string& certificate_path,
                        const Json& check);

}  // namespace widecert::tool
