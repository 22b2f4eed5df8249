// Files from a stranger: what they may make widecheck read, say and work for. The program itself is run.
#include <sys/stat.h>
#include <zlib.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../shell.h"

using nlohmann::json;
using namespace widecert::test;

namespace {

std::string digest_of(const std::string& path) { return run("sha256sum " + path).output.substr(0, 64); }

void spill_gzip(const std::string& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb9");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
}

struct Answer {
  int exit;
  std::string reason, text;  // of the file, or else of the first claim that is not proved
  json report;
  double seconds;
};

// A claim and a certificate in a folder of their own, `inside` another.
class Files {
 public:
  std::string folder = scratch("hostile"), inside = folder + "/inside";
  Files() { std::filesystem::create_directories(inside); }
  ~Files() { std::filesystem::remove_all(folder); }
  std::string claim_path() const { return inside + "/a.claim.json"; }

  Answer check(const std::string& claim, json certificate, const std::string& options = "") const {
    spill(claim_path(), claim);
    certificate["claim_sha256"] = digest_of(claim_path());
    spill(inside + "/a.cert.json", certificate.dump());
    return check(options);
  }
  Answer check(const std::string& options = "") const {
    const auto begin = std::chrono::steady_clock::now();
    const Ran ran = run("timeout 60 " + programs() + "/widecheck --json " + options + " " + claim_path());
    Answer answer{ran.exit, "", ran.output, json::parse(ran.output, nullptr, false), 0};
    answer.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (answer.report.is_discarded()) return answer;
    answer.reason = answer.report.value("reason", "");
    for (const json& line : answer.report["claims"])
      if (answer.reason.empty()) answer.reason = line.value("reason", "");
    return answer;
  }
};

json certificate(json proofs) {
  return {{"format", "widecert-certificate"}, {"version", 1}, {"proofs", std::move(proofs)}};
}
json claim_file(json nodes, json data, json claims, json shape = {1}) {
  json claim{{"format", "widecert-claim"}, {"version", 1}, {"claims", std::move(claims)}};
  claim["network"] = {{"input", {{"name", "x"}, {"shape", std::move(shape)}}}, {"nodes", std::move(nodes)}};
  if (!data.is_null()) claim["data"] = std::move(data);
  return claim;
}
json dense(const std::string& name, int filters, const std::string& bias = "neuron") {
  return {{"name", name}, {"op", "dense"}, {"filters", filters}, {"bias", bias}};
}
json activation(const std::string& name, const std::string& function) {
  return {{"name", name}, {"op", "activation"}, {"function", function}};
}
json fill(const json& v) { return {{"fill", v}}; }
json seeded(const std::string& name) {
  return {{"seeded", {{"name", name}, {"seed", 1}, {"low", -1000}, {"high", 1000}}}};
}
json inline_rows(json rows) {
  const std::size_t count = rows.size();
  return {{"format", "inline"}, {"count", count}, {"samples", std::move(rows)}};
}

// The layer is narrower than there are samples: a claim that needs next to nothing.
const json kNarrow = {{{"kind", "never-independent"}, {"node", "d"}}};
const json kByWidth = {{{"rule", "width"}}};

// Refused or ended, and long before a minute.
void refuses(const Answer& answer, const std::string& reason, int exit = 4) {
  INFO(answer.text.substr(0, 2000));
  CHECK(answer.reason == reason);
  CHECK(answer.exit == exit);
  CHECK(answer.seconds < 20);
}
void proves(const Answer& answer) {
  INFO(answer.text.substr(0, 2000));
  CHECK(answer.exit == 0);
}

json csv(const std::string& path, const std::string& digest, int count) {
  return {{"format", "csv"}, {"path", path}, {"sha256", digest}, {"count", count}};
}

// Three samples of one feature, as CSV text.
Answer with_csv(const Files& files, const std::string& text, const std::function<void(json&)>& edit = {}) {
  spill(files.inside + "/data.csv", text);
  json data = csv("data.csv", digest_of(files.inside + "/data.csv"), 3);
  if (edit) edit(data);
  return files.check(claim_file({dense("d", 1)}, data, kNarrow).dump(), certificate(kByWidth));
}

}  // namespace

// ---- what is opened ----

TEST_CASE("a pipe, a folder or a device named as data, claim or certificate is refused without waiting") {
  const Files files;
  REQUIRE(mkfifo((files.inside + "/pipe").c_str(), 0600) == 0);
  for (const char* name : {"pipe", "sub", "../inside"}) {
    std::filesystem::create_directories(files.inside + "/sub");
    for (const char* format : {"csv", "idx", "npy"}) {
      json data = csv(name, std::string(64, '0'), 3);
      data["format"] = format;
      refuses(files.check(claim_file({dense("d", 1)}, data, kNarrow).dump(), certificate(kByWidth)), "no-data");
      if (data["format"] != "npy") continue;
      data["member"] = "x";
      refuses(files.check(claim_file({dense("d", 1)}, data, kNarrow).dump(), certificate(kByWidth)), "no-data");
    }
  }
  std::filesystem::remove(files.inside + "/a.cert.json");
  REQUIRE(mkfifo((files.inside + "/a.cert.json").c_str(), 0600) == 0);
  refuses(files.check(), "no-file");
}

TEST_CASE("no message shows what a file holds, whatever it is taken for") {
  const Files files;
  const std::string secret = "root:Hunter2Secret:19000";
  const auto silent = [&](const Answer& answer) {
    INFO(answer.text);
    CHECK(answer.exit == 4);
    CHECK(answer.text.find("Hunter2") == std::string::npos);
  };
  spill(files.folder + "/shadow", secret + "\n" + secret + "\n" + secret + "\n");
  for (const char* format : {"csv", "idx", "npy"}) {
    json data = csv("../shadow", std::string(64, '0'), 3);
    data["format"] = format;
    silent(files.check(claim_file({dense("d", 1)}, data, kNarrow).dump(), certificate(kByWidth)));
  }
  // As a claim or a certificate, by a link.
  for (const std::string& text :
       std::vector<std::string>{secret, "{\"format\": \"Hunter2\"}", "{\"Hunter2\": 1, \"Hunter2\": 2}", "[Hunter2]"})
    for (const char* name : {"a.claim.json", "a.cert.json"}) {
      files.check(claim_file({dense("d", 1)}, inline_rows({{1}, {2}}), kNarrow).dump(), certificate(kByWidth));
      spill(files.folder + "/secret.json", text);
      const std::string link = files.inside + "/" + name;
      std::filesystem::remove(link);
      std::filesystem::create_symlink(files.folder + "/secret.json", link);
      silent(files.check());
      std::filesystem::remove(link);
    }
  // The digest of a number of few digits tells the number.
  spill(files.folder + "/pin", "1234\n");
  json pin = csv("../pin", std::string(64, '0'), 1);
  const Answer answer = files.check(claim_file({dense("d", 1)}, pin, kNarrow).dump(), certificate(kByWidth));
  refuses(answer, "data-digest", 5);
  CHECK(answer.text.find(digest_of(files.folder + "/pin")) == std::string::npos);
}

TEST_CASE("confine keeps data in the folder of the claim, whatever leads out") {
  const Files files;
  const auto check = [&](const std::string& path, const std::string& options) {
    const json data = csv(path, digest_of(files.folder + "/data.csv"), 3);
    return files.check(claim_file({dense("d", 1)}, data, kNarrow).dump(), certificate(kByWidth), options);
  };
  namespace fs = std::filesystem;
  spill(files.folder + "/data.csv", "1\n2\n3\n");
  fs::copy(files.folder + "/data.csv", files.inside + "/data.csv");
  fs::create_directories(files.inside + "/sub");
  fs::create_directories(files.folder + "/inside2");
  fs::copy(files.folder + "/data.csv", files.folder + "/inside2/data.csv");
  fs::create_symlink("../data.csv", files.inside + "/out");
  fs::create_directory_symlink("..", files.inside + "/up");
  fs::create_symlink("data.csv", files.inside + "/in");
  for (const char* leads_out : {"../data.csv", "out", "up/data.csv", "sub/../../data.csv", "../inside2/data.csv"}) {
    INFO(leads_out);
    proves(check(leads_out, ""));
    refuses(check(leads_out, "--confine"), "outside");
  }
  for (const char* stays : {"data.csv", "in", "sub/../data.csv", "../inside/data.csv"}) {
    INFO(stays);
    proves(check(stays, "--confine"));
  }
  refuses(check(files.inside + "/data.csv", "--confine"), "unexpected");
  // Arrays and archives too.
  json data = csv("../data.csv", std::string(64, '0'), 3);
  data["format"] = "npy";
  data["member"] = "x";
  refuses(files.check(claim_file({dense("d", 1)}, data, kNarrow).dump(), certificate(kByWidth), "--confine"),
          "outside");
}

// ---- what the format says ----

TEST_CASE("plain integers end at 2^53, keys at 100 characters") {
  const Files files;
  const auto with_number = [&](const std::string& number) {
    const json claim = claim_file({dense("d", 1)}, inline_rows({{1}, {2}, {4711}}), kNarrow);
    std::string text = claim.dump();
    text.replace(text.find("4711"), 4, number);
    return files.check(text, certificate(kByWidth));
  };
  proves(with_number("9007199254740991"));
  proves(with_number("-9007199254740991"));
  proves(with_number("\"9007199254740992\""));
  refuses(with_number("9007199254740992"), "number");
  refuses(with_number("-9007199254740992"), "number");
  refuses(with_number("18446744073709551615"), "number");
  refuses(with_number("-9223372036854775808"), "number");
  refuses(with_number("1.5"), "number");
  json proofs = kByWidth;
  proofs[0]["k"] = 9007199254740992;
  const std::string claim = claim_file({dense("d", 1)}, inline_rows({{1}, {2}}), kNarrow).dump();
  refuses(files.check(claim, certificate(proofs)), "number");
  proofs = kByWidth;
  proofs[0][std::string(100, 'k')] = 1;
  refuses(files.check(claim, certificate(proofs)), "unknown-key");
  proofs = kByWidth;
  proofs[0][std::string(101, 'k')] = 1;
  refuses(files.check(claim, certificate(proofs)), "too-long");
}

TEST_CASE("lines of CSV: blank ones and comments are errors, a label column is there") {
  const Files files;
  proves(with_csv(files, "1\n2\n3\n"));
  proves(with_csv(files, "1\r\n2\r\n3"));
  // No data: a byte-order mark, quotes, blank lines at the end.
  for (const char* text : {"1\n2\n3\n\n", "1\n2\n3\n \t\n\n", "1\n2\n3\n\r\n",
                           "\xef\xbb\xbf"
                           "1\n2\n3\n",
                           "\"1\"\n \"2\" \n3"}) {
    INFO(text);
    proves(with_csv(files, text));
  }
  for (const char* text : {"1\n\n2\n3\n", "\n1\n2\n3\n", "1\n2\n3\n\n4\n", "\"1\n2\n3\n", "\"1\"1\n2\n3\n",
                           "# one\n1\n2\n3\n", "1\n2\n3\n# end\n", "1\n  # two\n2\n3\n"}) {
    INFO(text);
    refuses(with_csv(files, text), "data");
  }
  // Before the selected samples, too, where each would have counted as one.
  refuses(with_csv(files, "\n0\n1\n2\n3\n", [](json& data) { data["first"] = 1; }), "data");
  const auto header = [](json& data) { data["header"] = true; };
  proves(with_csv(files, "# a\n1\n2\n3\n", header));
  refuses(with_csv(files, "\n1\n2\n3\n", header), "data");
  for (const char* separator : {";", "\t"}) {
    const auto separated = [&](json& data) {
      data["separator"] = separator;
      data["label_column"] = 1;
    };
    const std::string s = separator;
    proves(with_csv(files, "1" + s + "7\n2" + s + "7\n3" + s + "7\n", separated));
    proves(with_csv(files, "1" + s + "\"a" + s + "b\"\n2" + s + "7\n3" + s + "7\n", separated));
    refuses(with_csv(files, "1,7\n2,7\n3,7\n", separated), "data");
  }
  refuses(with_csv(files, "1 7\n2 7\n3 7\n", [](json& data) { data["separator"] = " "; }), "unexpected");
  const auto label = [](int column) { return [=](json& data) { data["label_column"] = column; }; };
  proves(with_csv(files, "1,7\n2,7\n3,7\n", label(1)));
  proves(with_csv(files, "7,1\n7,2\n7,3\n", label(0)));
  refuses(with_csv(files, "1\n2\n3\n", label(1)), "data");
  refuses(with_csv(files, "1,7\n2\n3,7\n", label(1)), "data");
  refuses(with_csv(files, "1,7\n2,7\n3,7\n", label(2)), "data");
}

// ---- what is said ----

TEST_CASE("the data line says all that the samples depend on, in both outputs") {
  const Files files;
  const auto line = [&](const std::function<void(json&)>& edit, const std::string& text = "7,1\n7,2\n7,3\n7,4\n") {
    const Answer answer = with_csv(files, text, [&](json& data) {
      data["label_column"] = 0;
      edit(data);
    });
    proves(answer);
    const std::string said = answer.report["data"];
    CHECK_THAT(run(programs() + "/widecheck " + files.claim_path()).output, Contains("data: " + said + "\n"));
    CHECK_THAT(said, Contains("data.csv, SHA-256 "));
    return said.substr(said.find("; ") + 2);
  };
  CHECK(line([](json&) {}) == "samples 1 to 3, column 1 (labels) left out; x = v");
  CHECK(line([](json& data) {
          data["first"] = 1;
          data["multiply"] = 3;
          data["divide"] = 16;
        }) == "samples 2 to 4 (numbered from 1 in what is proved), column 1 (labels) left out; x = 3 v / 16");
  const auto noise = [](json& data) {
    data["divide"] = 255;
    data["noise"] = {{"seed", 5}, {"low", -1}, {"high", 2}};
  };
  CHECK(line(noise) ==
        "samples 1 to 3, column 1 (labels) left out; x = (v + noise) / 255, integer noise of seed 5 "
        "from -1 to 2");
  CHECK(
      line(
          [&](json& data) {
            noise(data);
            data["multiply"] = 0;
            data["header"] = true;
          },
          "a,b\n7,1\n7,2\n7,3\n") ==
      "samples 1 to 3, below a header line, column 1 (labels) left out; x = noise / 255, integer noise of seed 5 from "
      "-1 to 2 (multiply is 0: the values v do not matter)");
}

TEST_CASE("seeded data are called synthetic, and are those of FORMAT.md") {
  const Files files;
  // Two samples of the test vectors, made and written down: the relation of rows tells that they agree.
  json data = {{"format", "seeded"}, {"count", 2}, {"seed", 1}, {"low", 0}, {"high", 255}};
  json all = {
      {"kind", "dependent-at"}, {"node", "d"}, {"parameters", {{"d", {{"weights", fill(1)}, {"bias", fill(0)}}}}}};
  const Answer made =
      files.check(claim_file({dense("d", 1)}, data, {all}, {34}).dump(), certificate({{{"rule", "width"}}}));
  proves(made);
  CHECK(made.report["data"] == "synthetic, no file: seeded integers v from 0 to 255 of seed 1; samples 1 to 2; x = v");
  // Unit 33 of sample 1 is 185, unit 0 is 216: 185 x_0 - 216 x_33 = 0 for it alone.
  json weights = {{"sparse", {{{0, 185}, {33, -216}}}}};
  const json relation = {
      {"kind", "rank-equals"}, {"node", "d"}, {"rank", 0}, {"parameters", {{"d", {{"weights", weights}}}}}};
  const json zero = {{"rule", "minor-and-relations"},
                     {"rows", json::array()},
                     {"columns", json::array()},
                     {"side", "columns"},
                     {"zero", {0}}};
  data["count"] = 1;
  proves(files.check(claim_file({dense("d", 1, "none")}, data, {relation}, {34}).dump(), certificate({zero})));
  data["first"] = 1;
  refuses(files.check(claim_file({dense("d", 1, "none")}, data, {relation}, {34}).dump(), certificate({zero})),
          "not-zero", 5);
  data["first"] = 0;
  data["seed"] = 2;
  refuses(files.check(claim_file({dense("d", 1, "none")}, data, {relation}, {34}).dump(), certificate({zero})),
          "not-zero", 5);
  data["noise"] = {{"seed", 1}, {"low", 0}, {"high", 1}};
  refuses(files.check(claim_file({dense("d", 1)}, data, {all}, {34}).dump(), certificate(kByWidth)), "unexpected");
  data.erase("noise");
  data["axes"] = {0, 1};
  refuses(files.check(claim_file({dense("d", 1)}, data, {all}, {34}).dump(), certificate(kByWidth)), "unknown-key");
  data.erase("axes");
  data["low"] = 256;
  refuses(files.check(claim_file({dense("d", 1)}, data, {all}, {34}).dump(), certificate(kByWidth)), "unexpected");
  data["low"] = 0;
  data["multiply"] = "1" + std::string(30, '0');  // beyond 64 bits: evaluated all the same
  data["seed"] = 1;
  proves(files.check(claim_file({dense("d", 1, "none")}, data, {relation}, {34}).dump(), certificate({zero})));
}

TEST_CASE("a path cannot be taken for what follows it in the data line") {
  const Files files;
  const std::string forged = "train.gz, SHA-256 ba89; samples 1 to 60000; x = v \"255\" see also.csv";
  spill(files.inside + "/" + forged, "1\n2\n3\n");
  spill(files.inside + "/plain", "1\n2\n3\n");
  const json data = csv(forged, digest_of(files.inside + "/plain"), 3);
  const Answer answer = files.check(claim_file({dense("d", 1)}, data, kNarrow).dump(), certificate(kByWidth));
  proves(answer);
  CHECK_THAT(answer.report["data"].get<std::string>(),
             Contains("\"train.gz, SHA-256 ba89; samples 1 to 60000; x = v ?255? see also.csv\", SHA-256 "));
}

TEST_CASE("what is said has a limit, too") {
  // A thousand frozen layers with long names, named by each of many claims.
  const Files files;
  json nodes = json::array(), claims = json::array(), proofs = json::array();
  for (int k = 0; k < 1000; ++k) {
    json layer = dense(std::to_string(k) + std::string(90, 'x'), 1);
    layer["bias"] = "none";
    layer["frozen-weights"] = fill(1);
    nodes.push_back(layer);
  }
  for (int k = 0; k < 1000; ++k) {
    claims.push_back({{"kind", "never-independent"}, {"node", nodes.back()["name"]}});
    proofs.push_back({{"rule", "width"}});
  }
  refuses(files.check(claim_file(nodes, inline_rows({{1}, {2}}), claims).dump(), certificate(proofs)), "too-large");
}

TEST_CASE("sentences name frozen tensors, the output, and full column rank") {
  const Files files;
  const auto said = [&](const json& claim, const json& proof) {
    const Answer answer = files.check(claim.dump(), certificate({proof}));
    proves(answer);
    return answer.report.is_discarded() ? "" : answer.report["claims"][0]["text"].get<std::string>();
  };
  json frozen = dense("d", 1), relu = activation("r", "relu");
  frozen["frozen-weights"] = fill(2);
  const json rows = inline_rows({{1}, {2}, {3}});
  CHECK_THAT(
      said(claim_file({frozen, relu}, rows, {{{"kind", "never-independent"}, {"node", "r"}}}), {{"rule", "width"}}),
      Contains("for every parameter with the weights of d frozen: "));
  frozen["frozen-bias"] = fill(3);
  const json point = {{"kind", "independent-at"}, {"node", "r"}, {"rank", 1}, {"parameters", json::object()}};
  const json exact = {{"rule", "exact-rank"}, {"evidence", {{"method", "elimination"}, {"prime", 101}}}};
  CHECK(said(claim_file({frozen, relu}, rows, {point}), exact) ==
        "rank F(r) = 1 (full column rank) at the claim's parameters with the weights of d, the bias of d frozen");
  json rank = point;
  rank["kind"] = "rank-equals";
  const json minor = {{"rule", "minor-and-relations"},
                      {"side", "columns"},
                      {"rows", {0}},
                      {"columns", {0}},
                      {"evidence", exact["evidence"]}};
  CHECK_THAT(said(claim_file({frozen, relu}, rows, {rank}), minor),
             Contains("rank F(r) = 1 (full column rank) at the claim's parameters with the weights of d"));
  // A gradient up to a layer that is not the last.
  const json free = {{"weights", fill(1)}, {"bias", fill(1)}};
  json gradient = {{"kind", "gradient-enclosure"},
                   {"node", "r"},
                   {"output", "out"},
                   {"residual", {0, 100}},
                   {"gradient", {0, 1000}},
                   {"targets", fill(0)},
                   {"parameters", {{"up", free}, {"out", free}}}};
  const json back = {{"rule", "backpropagation"}, {"bits", 64}};
  json nodes = {frozen, relu, dense("up", 1), activation("s", "sigmoid"), dense("out", 1)};
  const std::string last = said(claim_file(nodes, rows, {gradient}), back);
  CHECK_THAT(last, Contains("||F(out) - Y|| in ") && Contains("the gradient of Phi = ||F(out) - Y||^2 / 2 for U of") &&
                       Contains("at the claim's parameters with the weights of d, the bias of d frozen"));
  CHECK(last.find("not the network's last") == std::string::npos);
  nodes.push_back(activation("after", "tanh"));
  CHECK_THAT(said(claim_file(nodes, rows, {gradient}), back), Contains("; layer out is not the network's last"));
}

TEST_CASE("a sentence says seeded of what was read as seeded, and no key stands unread beside it") {
  const Files files;
  const json rows = inline_rows({{1, 2}, {3, 4}, {5, 7}}), numbers = {{"seed", 1}, {"low", -1000}, {"high", 1000}};
  const json zero = {{"rule", "minor-and-relations"},
                     {"rows", json::array()},
                     {"columns", json::array()},
                     {"side", "columns"},
                     {"zero", {0, 1, 2, 3}}};
  const auto checked = [&](json layer, const json& tensors) {
    const json claim = {{"kind", "rank-equals"}, {"node", "r"}, {"rank", 0}, {"parameters", {{"d", tensors}}}};
    return files.check(claim_file({std::move(layer), activation("r", "relu")}, rows, {claim}, {2}).dump(),
                       certificate({zero}));
  };
  const json plain = dense("d", 4, "none"), biased = dense("d", 4);
  const Answer genuine = checked(plain, {{"weights", fill(0)}});
  proves(genuine);
  CHECK_THAT(genuine.text, Contains("at the claim's parameters: no rank is less"));
  json two = fill(0), frozen = biased;
  two["seeded"] = numbers;
  refuses(checked(plain, {{"weights", two}}), "unexpected");
  json divided = fill(0);
  divided["divisor"] = 2;
  refuses(checked(plain, {{"weights", divided}}), "unknown-key");
  refuses(checked(plain, {{"weights", fill(0)}, {"bias", {{"seeded", numbers}}}}), "unknown-key");
  refuses(checked(plain, {{"weights", fill(0)}, {"wieghts", json::object()}}), "unknown-key");
  frozen["frozen-bias"] = fill(0);
  refuses(checked(frozen, {{"weights", fill(0)}, {"bias", seeded("b")}}), "unknown-key");
  frozen["frozen-weights"] = fill(0);
  refuses(checked(frozen, {{"weights", seeded("d")}}), "other-layers", 5);
  // The same numbers twice are not random.
  const auto sum = [&](const std::string& second) {
    json e = dense("e", 4, "none");
    e["input"] = "x";
    const json norm = {{"name", "m"}, {"op", "batchnorm"}, {"scale", fill(-1)}, {"shift", fill(0)}};
    const json join = {{"name", "s"}, {"op", "sum"}, {"inputs", {"d", "m"}}};
    const json claim = {{"kind", "rank-equals"},
                        {"node", "s"},
                        {"rank", 0},
                        {"parameters", {{"d", {{"weights", seeded("d")}}}, {"e", {{"weights", seeded(second)}}}}}};
    return files.check(claim_file({plain, e, norm, join}, rows, {claim}, {2}).dump(), certificate({zero}));
  };
  proves(sum("d"));
  CHECK_THAT(sum("d").text, Contains("at the claim's parameters"));
  refuses(sum("e"), "not-zero", 5);
}

// ---- what is worked for ----

TEST_CASE("processor time has a limit, and an answer when it is over") {
  const Files files;
  // Within 10^12 products, and some seconds.
  const json claim = claim_file({dense("d", 2500, "none")}, nullptr,
                                {{{"kind", "weights-full-rank-at"}, {"node", "d"}, {"weights", seeded("d")}}}, {2500});
  const json proof = {{"rule", "modular-elimination"}, {"prime", 2147483647}};
  const Answer answer = files.check(claim.dump(), certificate({proof}), "--seconds 1");
  refuses(answer, "time");
  CHECK(answer.seconds < 10);
  CHECK(answer.report["proved"] == false);
  CHECK_THAT(answer.report["message"].get<std::string>(), Contains("1 seconds of processor time"));
  const Ran text = run(programs() + "/widecheck --seconds 1 " + files.claim_path());
  CHECK(text.exit == 4);
  CHECK_THAT(text.output, Contains("MALFORMED  checking takes more than 1 seconds") && Contains("[reason: time]"));
  CHECK(run(programs() + "/widecheck --seconds 0 " + files.claim_path()).exit == 2);
  CHECK(run(programs() + "/widecheck --seconds").exit == 2);
}

TEST_CASE("memory has a limit, and an answer when it is over, also in GMP") {
  const Files files;
  json layer = dense("d", 20'000);
  layer["bias"] = "none";
  layer["frozen-weights"] = fill(1);
  layer["frozen-weights"]["fill"] = std::string(19'000, '7');
  const json claim = claim_file({layer}, inline_rows({{1}}), kNarrow);
  const Answer answer = files.check(claim.dump(), certificate(kByWidth), "--memory 0.1");
  CHECK(answer.exit == 70);
  CHECK(answer.reason == "memory");
  CHECK(answer.report["proved"] == false);
  const Ran text = run(programs() + "/widecheck --memory 0.1 " + files.claim_path());
  CHECK(text.exit == 70);
  CHECK_THAT(text.output, Contains("FAILED  out of memory") && Contains("grade: none"));
}

TEST_CASE("work that no budget pays for is refused before it is begun") {
  const Files files;
  const auto refused = [&](const json& claim, const json& proofs) {
    const Answer answer = files.check(claim.dump(), certificate(proofs));
    refuses(answer, "too-large");
    CHECK(answer.seconds < 10);
  };
  SECTION("boxes with huge rationals") {
    // Two convolutions: in the second both factors have 14,000 digits, in half a million products.
    const auto conv = [](const char* name) {
      return json{{"name", name}, {"op", "conv1d"}, {"size", 50}, {"filters", 1}, {"bias", "none"}};
    };
    const json claim = {{"kind", "dependent-on-open-set"},
                        {"node", "r"},
                        {"radius", "1/3" + std::string(14'000, '7')},
                        {"centre", {{"c", {{"weights", fill(1)}}}, {"d", {{"weights", fill(1)}}}}}};
    refused(claim_file({conv("c"), conv("d"), activation("r", "relu")},
                       inline_rows({json(std::vector<int>(10'000, 1))}), {claim}, {10'000, 1}),
            {{{"rule", "units-without-kinks"}}});
  }
  SECTION("decimals with huge exponents") {
    std::string text, doubles = "1e-9999\n";
    for (int i = 0; i < 40'000; ++i) text += "3e-9999\n";
    spill_gzip(files.inside + "/bomb.csv.gz", text);
    CHECK(std::filesystem::file_size(files.inside + "/bomb.csv.gz") < 1000);
    const std::string digest = run("zcat " + files.inside + "/bomb.csv.gz | sha256sum").output.substr(0, 64);
    const json data = csv("bomb.csv.gz", digest, 40'000);
    const Answer once = files.check(claim_file({dense("d", 1)}, data, kNarrow).dump(), certificate(kByWidth));
    CHECK(once.exit == 0);
    CHECK(once.seconds < 10);
    // Read again for each claim.
    json claims, proofs;
    for (int k = 0; k < 1000; ++k) {
      claims.push_back({{"kind", "never-independent"}, {"node", "d"}});
      proofs.push_back({{"rule", "equal-samples"}, {"samples", {0, 1}}});
    }
    const Answer often = files.check(claim_file({dense("d", 1)}, data, claims).dump(), certificate(proofs));
    CHECK(often.exit == 4);
    CHECK(often.reason == "too-large");
  }
  SECTION("a table for each activation at lattice points") {
    json nodes, point;
    for (int k = 0; k < 3000; ++k) {
      const std::string d = "d" + std::to_string(k), s = "s" + std::to_string(k);
      nodes.push_back(dense(d, 1));
      nodes.back()["input"] = "x";
      nodes.push_back(activation(s, "sigmoid"));
      point[d] = {{"weights", fill(1)}, {"bias", fill(1)}};
    }
    json all = {{"name", "all"}, {"op", "concat"}, {"inputs", json::array()}};
    for (int k = 0; k < 3000; ++k) all["inputs"].push_back("s" + std::to_string(k));
    nodes.push_back(all);
    const json claim = {{"kind", "independent-almost-everywhere"}, {"node", "all"}, {"rank", 1}};
    // 2 has order 8191 modulo 16383 = 3 * 43 * 127; 4194287 divides 2^q - 1 for q = 2097143.
    const json proof = {{"rule", "lattice-point"},
                        {"tower", {4194287}},
                        {"point", point},
                        {"evidence", {{"method", "elimination"}, {"prime", 4194287}}}};
    const Answer answer = files.check(claim_file(nodes, inline_rows({{1}}), {claim}).dump(), certificate({proof}));
    INFO(answer.text.substr(0, 1000));
    CHECK(answer.seconds < 20);  // one table, not 3000
  }
  SECTION("bounds with many digits, for every sample") {
    constexpr int kSamples = 200'000;
    std::string text;
    for (int i = 0; i < kSamples; ++i) text += "1\n";
    spill_gzip(files.inside + "/many.csv.gz", text);
    const std::string digest = run("zcat " + files.inside + "/many.csv.gz | sha256sum").output.substr(0, 64);
    json head = dense("e", 1, "none");
    const json claim = {
        {"kind", "gradient-dominance"},
        {"node", "s"},
        {"output", "e"},
        {"mu", "1/1" + std::string(9'000, '0')},
        {"bias", false},
        {"parameters", {{"d", {{"weights", fill(1)}, {"bias", fill(0)}}}, {"e", {{"weights", fill(1)}}}}}};
    const json proof = {
        {"rule", "backpropagation"}, {"bits", 40}, {"smallest", "1/7"}, {"jacobians", "1/1" + std::string(4'000, '0')}};
    const Answer answer = files.check(
        claim_file({dense("d", 1), activation("s", "sigmoid"), head}, csv("many.csv.gz", digest, kSamples), {claim})
            .dump(),
        certificate({proof}));
    CHECK(answer.reason == "width");
    CHECK(answer.seconds < 10);
  }
  SECTION("primes without end") {
    std::vector<int> tower(3'000'000, 2147483647);
    const json claim = {{"kind", "independent-almost-everywhere"}, {"node", "s"}, {"rank", 1}};
    const json proof = {{"rule", "lattice-point"}, {"tower", tower}};
    refuses(files.check(claim_file({dense("d", 1), activation("s", "sigmoid")}, inline_rows({{1}}), {claim}).dump(),
                        certificate(json::array({proof}))),
            "tower", 5);
  }
}
