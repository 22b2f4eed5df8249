// The command line as a user meets it: exit codes, streams, files, help.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../shell.h"

using nlohmann::json;
using namespace widecert::test;
namespace fs = std::filesystem;

namespace {

std::string program() { return programs() + "/widecert "; }
std::string case_path(const std::string& name) { return cases() + "/" + name; }

}  // namespace

TEST_CASE("a misspelt command is usage, and says which was meant") {
  const Ran ran = run(programs() + "/widecert proof cases/small/relu-dense");
  CHECK(ran.exit == 2);
  CHECK_THAT(ran.output, Contains("Did you mean \"widecert prove\"?"));
}

TEST_CASE("seeded parameters and filters are not called given") {
  const std::string folder = scratch("seeded");
  const auto says = [&](const std::string& path) { return run(program() + "prove " + path + " -o " + folder).output; };
  spill(folder + "/s.case.json", R"({"format": "widecert-case", "version": 1,
      "network": {"input": {"shape": [2]}, "nodes": [{"name": "d", "op": "dense", "filters": 4, "bias": "neuron"},
                                                     {"name": "f", "op": "activation", "function": "sigmoid"}]},
      "data": {"format": "inline", "samples": [[0, 1], [1, 0], [2, 5]]},
      "prove": [{"theorem": "singular-values", "node": "f"}]})");
  CHECK_THAT(says(folder + "/s.case.json"), Contains("singular values of F(f) at seeded random parameters (seed 1)"));
  CHECK_THAT(says(case_path("weights/given-filters")), Contains("full rank 36 at seeded random filters (seed 3)") &&
                                                           Contains("less than 32 at the claim's filters"));
  fs::remove_all(folder);
}

TEST_CASE("exit codes: proved 0, refuted 1, usage 2, not applicable 3, malformed 4") {
  const std::string out = " -o " + scratch("codes");
  CHECK(run(program() + "prove " + case_path("small/relu-dense") + out).exit == 0);
  CHECK(run(program() + "prove " + case_path("counterexamples/narrow-layer") + out).exit == 1);
  CHECK(run(program()).exit == 2);
  CHECK(run(program() + "prove").exit == 2);
  CHECK(run(program() + "prove a b c").exit == 2);
  CHECK(run(program() + "dance").exit == 2);
  CHECK(run(program() + "--seed -1 explain").exit == 2);
  CHECK(run(program() + "prove " + case_path("counterexamples/identity-activation") + out).exit == 3);
  CHECK(run(program() + "prove " + case_path("counterexamples/identical-patches") + out).exit == 3);
  CHECK(run(program() + "prove /nonexistent").exit == 4);
  CHECK(run(program() + "explain no-such-theorem").exit == 4);
  CHECK(run(programs() + "/widecheck").exit == 2);
  CHECK(run(programs() + "/widecheck --frob x.claim.json").exit == 2);
  CHECK(run(programs() + "/widecheck /nonexistent.claim.json").exit == 4);
  CHECK(run(program() + "check /nonexistent.claim.json").exit == 4);
}

TEST_CASE("a time limit ends with 124 and writes nothing") {
  const std::string folder = scratch("timeout");
  const Ran ran = run(program() + "--timeout 0.01 prove " + case_path("digits/two-conv-sigmoid") + " -o " + folder);
  CHECK(ran.exit == 124);
  CHECK(fs::is_empty(folder));
}

TEST_CASE("an interruption ends with 130 and writes nothing") {
  const std::string folder = scratch("interrupt");
  const Ran ran = run("timeout --signal=INT --preserve-status 0.3 " + program() + "prove " +
                      case_path("digits/two-conv-sigmoid") + " -o " + folder);
  CHECK(ran.exit == 130);
  CHECK(fs::is_empty(folder));
}

TEST_CASE("stops reach the checker too: a time limit while it runs, an interruption of both") {
  const std::string folder = scratch("stops");
  CHECK(run(program() + "--quiet prove " + case_path("digits/two-conv-gelu") + " -o " + folder).exit == 0);
  const std::string claim = folder + "/two-conv-gelu.claim.json";
  CHECK(run(program() + "--timeout 0.2 check " + claim).exit == 124);
  CHECK(run(program() + "--timeout 0.2 report " + claim).exit == 124);
  CHECK_FALSE(fs::exists(folder + "/two-conv-gelu.html"));
  CHECK(run("timeout --signal=INT --preserve-status 0.2 " + program() + "check " + claim).exit == 130);
}

TEST_CASE("absurd sizes are refused with a reason, not tried") {
  const std::string folder = scratch("absurd");
  std::string text = slurp(case_path("small/relu-dense.case.json"));
  text.replace(text.find("\"filters\": 8"), 12, "\"filters\": 1000000000");
  spill(folder + "/big.case.json", text);
  const Ran ran = run(program() + "prove " + folder + "/big -o " + folder + "/out");
  CHECK(ran.exit == 4);
  CHECK_THAT(ran.output, Contains("\"dense1\"") && Contains("2^27"));
  CHECK(run(program() + "prove " + case_path("small/relu-dense") + " -o " + folder + "/big.case.json").exit == 4);
  CHECK(run(program() + "explain > /dev/full").exit == 70);
  CHECK(run(program() + "prove " + case_path("small/relu-dense") + " --alpha 3 -o " + folder + "/out").exit == 2);
  const json failure = json::parse(run(program() + "--json prove /nonexistent 2>/dev/null").output);
  CHECK(failure["exit"] == 4);
}

TEST_CASE("results on stdout, diagnostics on stderr, quiet is quiet") {
  const std::string out = " -o " + scratch("streams");
  const Ran quiet = run(program() + "--quiet prove " + case_path("small/relu-dense") + out);
  CHECK(quiet.output.empty());
  CHECK(quiet.exit == 0);
  const Ran error = run(program() + "prove /nonexistent 2>/dev/null");
  CHECK(error.output.empty());
  const Ran said = run(program() + "prove /nonexistent");
  CHECK_THAT(said.output, Contains("/nonexistent") && Contains("widecert init"));
  const Ran plain = run(program() + "prove " + case_path("small/relu-dense") + out);
  CHECK(plain.output.find('\033') == std::string::npos);  // no colours into a pipe
}

TEST_CASE("machine-readable output says everything, and widecheck's verdict is in it") {
  const Ran ran = run(program() + "--json prove " + case_path("small/relu-dense") + " -o " + scratch("json"));
  const json result = json::parse(ran.output);
  CHECK(result["exit"] == 0);
  CHECK(result["samples"] == 8);
  CHECK(result["results"][0]["outcome"] == "proved");
  CHECK(result["results"][0]["accepted_by_widecheck"] == true);
  CHECK(result["widecheck"]["proved"] == true);
  CHECK(json::parse(run(program() + "--json explain").output).size() >= 5);
  const json inspected = json::parse(run(program() + "--json inspect " + case_path("digits-raw")).output);
  CHECK(inspected["samples"] == 1797);
  CHECK(inspected["theorems"][1]["theorem"] == "theorem-3.4");
  CHECK(inspected["theorems"][1]["reason"] == "patches-collide");
  CHECK(inspected["layers"][1]["neurons"] == 1800);
}

TEST_CASE("the same command line writes the same bytes") {
  const std::string a = scratch("bytes"), b = scratch("bytes");
  for (const std::string& folder : {a, b}) {
    CHECK(run(program() + "--seed 5 prove " + case_path("small/sigmoid-deep") + " -o " + folder).exit == 0);
  }
  for (const char* name : {"/sigmoid-deep.claim.json", "/sigmoid-deep.cert.json"}) {
    CHECK(slurp(a + name) == slurp(b + name));
    CHECK_FALSE(slurp(a + name).empty());
  }
}

TEST_CASE("nothing is believed that widecheck rejects") {
  // A checker that says no stands in for widecheck: prove must not print PROVED.
  const std::string folder = scratch("checker");
  fs::copy(programs() + "/widecert", folder + "/widecert");
  spill(folder + "/widecheck",
        "#!/bin/sh\necho "
        "'{\"claims\":[],\"exit\":5,\"proved\":false,\"trusted_base\":\"none\",\"message\":\"no\"}'"
        "\nexit 5\n");
  fs::permissions(folder + "/widecheck", fs::perms::owner_all);
  const Ran ran = run(folder + "/widecert prove " + case_path("small/relu-dense") + " -o " + folder + "/out");
  CHECK(ran.exit == 5);
  CHECK_THAT(ran.output, Contains("REJECTED BY WIDECHECK"));
  CHECK(ran.output.find("PROVED") == std::string::npos);
  fs::remove(folder + "/widecheck");
  const Ran without =
      run("PATH=/nowhere " + folder + "/widecert prove " + case_path("small/relu-dense") + " -o " + folder + "/out");
  CHECK(without.exit == 4);
  CHECK_THAT(without.output, Contains("widecheck was not found"));
}

TEST_CASE("a witness holds every tensor at a rational alpha >= alpha_0 only") {
  const std::string folder = scratch("witness");
  const std::string prove =
      program() + "prove " + case_path("small/relu-dense") + " -o " + folder + " --witness " + folder + "/w.json";
  CHECK(run(prove).exit == 0);
  const json witness = json::parse(slurp(folder + "/w.json"));
  CHECK(witness["alpha"] == "2/165");
  CHECK(witness["parameters"]["dense1"]["weights"].size() == 8);
  CHECK(witness["parameters"]["dense1"]["bias"][0].size() == 8);
  CHECK(run(prove + " --alpha 5").exit == 0);
  CHECK(json::parse(slurp(folder + "/w.json"))["alpha"] == 5);
  const Ran below = run(prove + " --alpha 1/100");
  CHECK(below.exit == 4);
  CHECK_THAT(below.output, Contains("below alpha_0"));
}

TEST_CASE("init writes a case that proves, and says what it does not understand") {
  const std::string folder = scratch("init");
  fs::copy(case_path("digits/data/images-idx3-ubyte.gz"), folder + "/images.gz");
  const std::string init = program() + "init " + folder + "/images.gz -o " + folder + "/my.case.json --layers ";
  const Ran bad = run(init + "'conv2d:3x3:50 whatever'");
  CHECK(bad.exit == 4);
  CHECK_THAT(bad.output, Contains("\"whatever\" is not understood"));
  CHECK(run(init + "'conv2d:9x9:50 sigmoid'").exit == 4);
  CHECK(run(init + "'conv2d:3x3:50 sigmoid'").exit == 0);
  CHECK(run(init + "'conv2d:3x3:50 sigmoid'").exit == 4);  // never overwrites
  CHECK(run(program() + "prove " + folder + "/my.case.json -o " + folder + "/out").exit == 0);
  spill(folder + "/d.csv", "1,2\n3,4.5\n0.1,1/3\n");
  CHECK(run(program() + "init " + folder + "/d.csv -o " + folder + "/csv.case.json --layers 'dense:3 relu'").exit == 0);
  CHECK(run(program() + "prove " + folder + "/csv -o " + folder + "/out").exit == 0);
}

TEST_CASE("a report draws the loss around a minimum and outputs by class from the claim") {
  const std::string folder = scratch("report-losses");
  const auto page = [&](const std::string& name) {
    run(program() + "--quiet prove " + cases() + "/" + name + " -o " + folder);
    const std::string base = folder + name.substr(name.find('/'));
    CHECK(run(program() + "report " + base + ".claim.json").exit == 0);
    return slurp(base + ".html");
  };
  const std::string minimum = page("minima/conjecture-sigmoid");
  CHECK_THAT(minimum, Contains("The loss around the local minimum") && Contains("plateau") &&
                          Contains("on the way to the better point") && Contains("<polyline") &&
                          Contains("Phi = 0.66666667"));
  CHECK_THAT(page("interpolation/labels"), Contains("Outputs by class") && Contains("class 1, output 1:"));
  CHECK_THAT(page("interpolation/nearby"), Contains("before: at the given parameters") && Contains("and 0 after"));
  fs::remove_all(folder);
}

TEST_CASE("the report is one self-contained page with its pictures") {
  const std::string folder = scratch("report");
  CHECK(run(program() + "--quiet prove " + case_path("small/softplus-deep") + " -o " + folder).exit == 0);
  CHECK(run(program() + "report " + folder + "/softplus-deep.claim.json").exit == 0);
  const std::string html = slurp(folder + "/softplus-deep.html");
  CHECK_THAT(html, Contains("<!DOCTYPE html>") && Contains("PROVED") && Contains("alpha_0") && Contains("N = 5"));
  CHECK_THAT(html, Contains("data:image/png;base64,iVBORw0KGgo") && Contains("widecheck softplus-deep.claim.json"));
  CHECK(html.find("http") == std::string::npos);  // nothing is fetched
  const std::string page = slurp(folder + "/softplus-deep.html");
  CHECK_THAT(page, Contains("<h2>Model card</h2>") && Contains("Which theorems apply") && Contains("&ge; N"));
  CHECK(run(program() + "report " + folder + "/nothing.json").exit == 4);
  // Of a pack the same pictures, wherever it lies.
  CHECK(run(program() + "pack " + folder + "/softplus-deep.claim.json -o " + folder + "/elsewhere/p.zip").exit == 0);
  CHECK(run(program() + "report " + folder + "/elsewhere/p.zip").exit == 0);
  const std::string packed = slurp(folder + "/elsewhere/p.html");
  CHECK_THAT(packed, Contains("widecheck p.zip") && Contains("data:image/png;base64,iVBORw0KGgo"));
  CHECK(packed.substr(packed.find("<svg")).size() > 1000);
}

TEST_CASE("regress compares outcome and reason, skips absent data aloud, writes JUnit XML") {
  const std::string folder = scratch("regress");
  fs::copy(case_path("counterexamples/narrow-layer.case.json"), folder + "/good.case.json");
  CHECK(run(program() + "regress " + folder + " --junit " + folder + "/report.xml").exit == 0);
  CHECK_THAT(slurp(folder + "/report.xml"), Contains("tests=\"1\" failures=\"0\""));
  std::string wrong = slurp(folder + "/good.case.json");
  wrong.replace(wrong.find("\"width\""), 7, "\"equal-samples\"");
  spill(folder + "/wrong.case.json", wrong);
  const Ran ran = run(program() + "regress " + folder);
  CHECK(ran.exit == 1);
  CHECK_THAT(ran.output, Contains("expected refuted [equal-samples], found refuted [width]"));
  fs::remove(folder + "/wrong.case.json");
  fs::copy(case_path("digits/relu.case.json"), folder + "/far.case.json");
  const Ran skipped = run(program() + "regress " + folder);
  CHECK(skipped.exit == 0);
  CHECK_THAT(skipped.output, Contains("SKIPPED") && Contains("absent"));
  fs::remove(folder + "/good.case.json");
  CHECK(run(program() + "regress " + folder).exit == 3);  // nothing was proved
  CHECK(run(program() + "regress " + folder + "/empty-nowhere").exit == 4);
}

TEST_CASE("malformed cases: the file, the place, what was expected") {
  const std::string folder = scratch("malformed");
  const auto broken = [&](const std::string& from, const std::string& to) {
    std::string text = slurp(case_path("small/relu-dense.case.json"));
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    spill(folder + "/b.case.json", text);
    const Ran ran = run(program() + "prove " + folder + "/b.case.json -o " + folder + "/out");
    CHECK(ran.exit == 4);
    CHECK_FALSE(fs::exists(folder + "/out"));
    return ran.output;
  };
  CHECK_THAT(broken("\"filters\": 8", "\"filters\": 0"), Contains("network") && Contains("\"dense1\""));
  CHECK_THAT(broken("\"filters\": 8", "\"filtres\": 8"), Contains("network.nodes[0]") && Contains("filters"));
  CHECK_THAT(broken("\"relu\"", "\"swoosh\""), Contains("network.nodes[1].function") && Contains("gaussian"));
  CHECK_THAT(broken("[0, 0, 1]", "[0, 0]"), Contains("sample 2 has 3 features; expected 2"));
  CHECK_THAT(broken("\"1/2\"", "0.5"), Contains("strings"));
  CHECK_THAT(broken("\"1/2\"", "\"1/0\""), Contains("data.samples[3][2]"));
  CHECK_THAT(broken("\"shape\": [3]", "\"shape\": [4]"), Contains("samples of 3 features; the network reads 4"));
  CHECK_THAT(broken("\"theorem-3.4\"", "\"theorem-3.45\""),
             Contains("prove[0].theorem") && Contains("widecert explain"));
  CHECK_THAT(broken("\"proved\"", "\"prooved\""), Contains("expect.outcome"));
  CHECK_THAT(broken("{\n", "{\"format\": \"widecert-case\",\n"), Contains("occurs twice"));
}

TEST_CASE("the digits certificates are small and checking them needs little memory") {
  const std::string folder = scratch("size");
  CHECK(run(program() + "--quiet prove " + case_path("digits/softplus") + " -o " + folder).exit == 0);
  // 1,797 samples; an N x n matrix would be megabytes.
  CHECK(fs::file_size(folder + "/softplus.cert.json") < 20'000);
  CHECK(fs::file_size(folder + "/softplus.claim.json") < 60'000);
  const json report = json::parse(run(programs() + "/widecheck --json " + folder + "/softplus.claim.json").output);
  CHECK(report["proved"] == true);
#ifndef __SANITIZE_ADDRESS__  // which takes memory of its own
  CHECK(report["peak_memory_mb"].get<long>() < 200);
#endif
}
