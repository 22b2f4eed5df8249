// A case proved for real, to be forged: every forgery has to be rejected for the reason it deserves,
// since a fixture that fails for another reason tests nothing.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "paths.h"
#include "shell.h"

namespace widecert::test {

using nlohmann::json;
namespace fs = std::filesystem;

struct Verdict {
  int exit;
  std::string reason;  // of the first claim that is not proved, or of the file
};

// A case proved once in a folder of its own, with its data beside it.
class Genuine {
 public:
  explicit Genuine(const std::string& name, const std::string& options = "")
      : folder_(scratch("forgery")), name_(fs::path(name).filename()) {
    fs::copy(cases(), folder_ + "/cases", fs::copy_options::recursive | fs::copy_options::skip_symlinks);
    const Ran ran =
        run(programs() + "/widecert " + options + " prove " + folder_ + "/cases/" + name + " -o " + folder_ + "/out");
    INFO(ran.output);
    CHECK((ran.exit == 0 || ran.exit == 1 || ran.exit == 3));
    claim_ = json::parse(slurp(claim_path()));
    certificate_ = json::parse(slurp(certificate_path()));
    REQUIRE(check().exit == 0);
  }
  ~Genuine() { fs::remove_all(folder_); }

  std::string claim_path() const { return folder_ + "/out/" + name_ + ".claim.json"; }
  std::string certificate_path() const { return folder_ + "/out/" + name_ + ".cert.json"; }
  std::string folder() const { return folder_; }
  const json& claim() const { return claim_; }
  const json& certificate() const { return certificate_; }

  Verdict check() const {
    const Ran ran = run(programs() + "/widecheck --json " + claim_path());
    const json report = json::parse(ran.output, nullptr, false);
    if (report.is_discarded()) return {ran.exit, "no report: " + ran.output};
    if (report.contains("reason")) return {ran.exit, report["reason"]};
    for (const json& line : report["claims"])
      if (line["verdict"] != "PROVED") return {ran.exit, line.value("reason", "")};
    return {ran.exit, ""};
  }

  // Edits the two files; the certificate is bound to the edited claim, as a forger would.
  Verdict forge(const std::function<void(json& claim, json& certificate)>& edit) const {
    json claim = claim_, certificate = certificate_;
    edit(claim, certificate);
    return write(claim.dump(), certificate, true);
  }
  Verdict write(const std::string& claim, json certificate, bool bind) const {
    spill(claim_path(), claim);
    if (bind) certificate["claim_sha256"] = run("sha256sum " + claim_path()).output.substr(0, 64);
    spill(certificate_path(), certificate.dump());
    return check();
  }
  Verdict raw(const std::string& claim, const std::string& certificate) const {
    spill(claim_path(), claim);
    spill(certificate_path(), certificate);
    return check();
  }

 private:
  std::string folder_, name_;
  json claim_, certificate_;
};

inline void rejects(const Verdict& verdict, const std::string& reason, int exit = 5) {
  CHECK(verdict.reason == reason);
  CHECK(verdict.exit == exit);
}

}  // namespace widecert::test
