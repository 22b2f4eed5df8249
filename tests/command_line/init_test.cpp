// widecert init, inspect, pack and what prove says aloud: nothing is chosen in silence.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../shell.h"

using namespace widecert::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::string program() { return programs() + "/widecert "; }

class Folder {
 public:
  Folder() : path_(scratch("init")) {}
  ~Folder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  // Runs in the folder.
  Ran run(const std::string& arguments) const {
    return widecert::test::run("cd '" + path_ + "' && " + program() + arguments);
  }
  Ran init(const std::string& arguments) const {
    fs::remove(path_ + "/case.json");
    return run("init " + arguments);
  }
  json written() const { return json::parse(slurp(path_ + "/case.json")); }

 private:
  std::string path_;
};

void says(const Ran& ran, int exit, const std::vector<std::string>& words) {
  INFO(ran.output);
  CHECK(ran.exit == exit);
  for (const std::string& word : words) CHECK_THAT(ran.output, Contains(word));
}

}  // namespace

TEST_CASE("init says noise and biases aloud, and leaves both away when told to") {
  const Folder folder;
  fs::copy(cases() + "/digits/data/images-idx3-ubyte.gz", folder / "no ending");
  const std::string data = "'no ending' --layers 'conv2d:3x3:50 gelu'";
  says(folder.init(data), 0,
       {"x = (256 v + u) / 256 for the value v and noise u from 0 to 255 of seed 1", "--noise none", "one per neuron",
        "--bias channel", "8 x 8 x 1 (height x width x channels)", "next: widecert prove case.json"});
  CHECK(folder.written()["data"].contains("noise"));
  CHECK(folder.written()["network"]["nodes"][0]["bias"] == "neuron");
  says(folder.init(data + " --noise none --bias channel"), 0, {"values as they are", "noise     none", "tied"});
  CHECK_FALSE(folder.written()["data"].contains("noise"));
  CHECK(folder.written()["network"]["nodes"][0]["bias"] == "channel");
  const json told = json::parse(folder.init("--json " + data).output);
  CHECK_THAT(told["noise"].get<std::string>(), Contains("added"));
  // Images in other formats are treated alike, rows of features left as they are.
  spill(folder / "images.csv", "1,2,3,4\n5,6,7,9\n");
  const std::string images = "images.csv --label-column none --layers 'dense:3 relu'";
  says(folder.init(images + " --shape 2x2x1"), 0, {"noise     added"});
  says(folder.init(images), 0, {"noise     none"});
  // What the first line of a table is may have to be asked; commas are no decimal points.
  spill(folder / "pandas.csv", "0,1,2\n0.5,1.5,2.5\n1.5,0.25,4.5\n");
  const std::string pandas = "pandas.csv --layers 'dense:3 relu'";
  says(folder.init(pandas), 4, {"--header yes"});
  says(folder.init(pandas + " --header yes"), 0, {"2 of 3"});
  says(folder.init(pandas + " --header no"), 0, {"3 of 3"});
  spill(folder / "commas.csv", "a;b\n0,5;1,5\n1,25;2,5\n");
  says(folder.init("commas.csv --layers 'dense:3 relu'"), 4, {"decimal"});
  spill(folder / "twice.csv", "a,a,b\n0.5,1.5,2.5\n1.5,0.25,4.5\n");
  says(folder.init("twice.csv --label-column a --layers 'dense:3 relu'"), 4, {"several columns have this name"});
  fs::copy(cases() + "/digits/data/labels-idx1-ubyte.gz", folder / "labels");
  says(folder.init("labels --layers 'dense:3 relu'"), 4, {"looks like labels"});
  says(folder.run("init --help"), 0, {"conv2d:HxW:FILTERS", "avgpool1d:W", "leaky-relu:SLOPE", "softplus", "Examples"});
}

TEST_CASE("init recognises formats by content") {
  const Folder folder;
  fs::copy(cases() + "/layouts/torch.npz", folder / "a.dat");
  says(folder.init("a.dat --layers 'dense:9 relu'"), 4, {"an archive: --member"});
  says(folder.init("a.dat --member images --layers 'dense:9 relu'"), 4,
       {"samples of 2 x 5 x 5 numbers", "--shape 2x5x5 if the file keeps the channels last, 5x5x2 if first"});
  says(folder.init("a.dat --member images --shape 5x5x2 --layers 'dense:9 relu'"), 0,
       {"a.dat[images], axes [0, 2, 3, 1], samples 1 to 6", "6 of 5 x 5 x 2"});
  CHECK(folder.written()["data"]["axes"] == json({0, 2, 3, 1}));
  says(folder.init("a.dat --member images --shape 3x3x3 --layers 'dense:9 relu'"), 4, {"expected 3 x 3 x 3"});
  says(folder.init("a.dat --member flat --shape 5x5x2 --layers 'dense:9 relu'"), 4, {"two orders are possible"});
  says(folder.init("a.dat --member flat --shape 5x5x2 --flatten channels-first --layers 'dense:9 relu'"), 0,
       {"rows flattened channels-first"});
  says(folder.run("prove case.json"), 0, {"PROVED", "data: a.dat[flat], rows flattened channels-first"});
  spill(folder / "a.png", "\x89PNG\r\n\x1a\n");
  says(folder.init("a.png --layers 'dense:9 relu'"), 4, {"a.png: not a format that is read", "IDX", "NPY", "CSV"});
  spill(folder / "a.json", "[[1, 2], [3, 4]]");
  says(folder.init("a.json --layers 'dense:9 relu'"), 4, {"not a format that is read"});
  spill(folder / "empty", "");
  says(folder.init("empty --layers 'dense:9 relu'"), 4, {"empty: an empty file"});
  says(folder.init("/dev/null --layers 'dense:9 relu'"), 4, {"regular file"});
}

TEST_CASE("init reads the CSV files that people have, and asks about labels") {
  const Folder folder;
  const auto csv = [&](const std::string& text, const std::string& options, int exit,
                       const std::vector<std::string>& words) {
    spill(folder / "t.csv", text);
    says(folder.init("t.csv --layers 'dense:9 relu' " + options), exit, words);
  };
  csv("1,2\n3,4.5\n0.1,1/3\n", "", 0, {"3 of 2 numbers"});
  CHECK_FALSE(folder.written()["data"].contains("header"));
  csv("a,b\n1,2\n3,4.5\n", "", 0, {"without the header line", "2 of 2 numbers"});
  CHECK(folder.written()["data"]["header"] == true);
  csv("\xef\xbb\xbf\"a\";\"b\"\r\n\"1\";\"2.5\"\r\n3; \"4\" \r\n\r\n\n", "", 0, {"separated by semicolons", "2 of 2"});
  CHECK(folder.written()["data"]["separator"] == ";");
  says(folder.run("prove case.json"), 0, {"PROVED"});
  csv("1\t2\n3\t4.5\n", "", 0, {"separated by tabs"});
  says(folder.run("prove case.json"), 0, {"PROVED"});
  // As sklearn keeps its data: a first line of another length, the labels last.
  const std::string labelled = "3,2,yes,no\n1.5,2.25,0\n3.5,4.5,1\n5.5,1.5,1\n";
  csv(labelled, "", 4, {"column 3 of 3 looks like a label", "--label-column 3 leaves it out", "none keeps"});
  csv(labelled, "--label-column 3", 0, {"without column 3 (labels)", "3 of 2 numbers"});
  CHECK(folder.written()["data"]["label_column"] == 2);
  says(folder.run("prove case.json"), 0, {"PROVED", "without column 3 (labels)"});
  csv(labelled, "--label-column last", 0, {"3 of 2 numbers"});
  csv(labelled, "--label-column none", 0, {"3 of 3 numbers"});
  csv(labelled, "--label-column 4", 4, {"a column from 1 to 3"});
  csv("x,y,kind\n1.5,2.25,setosa\n3.5,4.5,\"iris, blue\"\n", "", 4, {"column 3 (\"kind\") of 3 looks like a label"});
  csv("x,y,kind\n1.5,2.25,setosa\n3.5,4.5,\"iris, blue\"\n", "--label-column kind", 0, {"2 of 2 numbers"});
  csv("x,kind,sort\n1.5,a,b\n2.5,c,d\n", "--label-column 3", 4, {"t.csv:2: field 2"});
  csv("1,0\n0,1\n", "", 0, {"2 of 2 numbers"});  // all columns are alike
  csv("1,2\n\n3,4\n", "", 4, {"t.csv:2: a blank line"});
  csv("1,2\n3\n", "", 4, {"t.csv:2"});
  csv("1,2\n\"3,4\n", "", 4, {"quote"});
  csv("a,b\n", "", 4, {"samples"});
}

TEST_CASE("inspect answers for every layer, chain or not, with data or without") {
  const auto theorems = [](const std::string& name) {
    const json told = json::parse(run(program() + "--json inspect " + cases() + "/" + name).output);
    CHECK_FALSE(told["decided_by_proving"].empty());
    std::map<std::string, json> found;
    for (const json& line : told["theorems"]) {
      const std::string key = line["theorem"].get<std::string>() + " " + line["node"].get<std::string>();
      found[key] = line;
    }
    return found;
  };
  auto skip = theorems("counterexamples/skip-connection");
  CHECK(skip.at("theorem-3.4 sigmoid3")["reason"] == "not-a-chain");
  CHECK(skip.at("theorem-3.4 sigmoid1")["applies"] == true);
  CHECK(skip.at("theorem-3.5 sigmoid1")["applies"] == true);
  CHECK(skip.at("full-rank-weights dense1")["applies"] == true);
  auto resnet = theorems("architectures/resnet-18");
  CHECK(resnet.at("full-rank-weights conv3_1.shortcut")["reason"] == "uncovered-inputs");
  CHECK(resnet.at("full-rank-weights conv1")["applies"] == true);
  says(run(program() + "inspect " + cases() + "/digits/two-conv-relu"), 0,
       {"data: ", "noise u from 0 to 255", "layer relu1 has 144 neurons for 1797 samples", "decided by proving"});
}

TEST_CASE("a case names data by an absolute path, or one with blanks and umlauts") {
  const Folder folder;
  const std::string data = folder / "Öl und Wasser.csv";
  spill(data, "1,2\n3,5\n");
  says(folder.init("'Öl und Wasser.csv' --layers 'dense:9 relu' -o 'mein Fall.case.json'"), 0,
       {"Öl und Wasser.csv, samples 1 to 2", "next: widecert prove 'mein Fall.case.json'"});
  says(folder.run("prove 'mein Fall' -o 'mein Ort'"), 0, {"data: Öl und Wasser.csv", "mein Ort/mein Fall.claim.json"});
  json changed = json::parse(slurp(folder / "mein Fall.case.json"));
  changed["data"]["path"] = data;
  spill(folder / "absolute.case.json", changed.dump());
  says(folder.run("prove absolute -o 'mein Ort'"), 0, {"PROVED"});
  CHECK(json::parse(slurp(folder / "mein Ort/absolute.claim.json"))["data"]["path"] == "../Öl und Wasser.csv");
  says(folder.run("check 'mein Ort/absolute.claim.json'"), 0, {"PROVED", "data: \"../Öl und Wasser.csv\", SHA-256"});
  // Nothing that a claim says can turn the lines of a report.
  json turned = json::parse(slurp(folder / "mein Ort/absolute.claim.json"));
  turned["data"]["path"] = "\u202eeroc\u200b\u0007 Öl \xf0\x9f\x98\x80";
  spill(folder / "mein Ort/turned.claim.json", turned.dump());
  json bound = json::parse(slurp(folder / "mein Ort/absolute.cert.json"));
  bound["claim_sha256"] = run("sha256sum < '" + (folder / "mein Ort/turned.claim.json") + "'").output.substr(0, 64);
  spill(folder / "mein Ort/turned.cert.json", bound.dump());
  const Ran shown = folder.run("check 'mein Ort/turned.claim.json'");
  CHECK_THAT(shown.output, Contains("???eroc???? Öl ????"));
  says(folder.run("inspect absolute"), 0, {"data: Öl und Wasser.csv"});
  // Errors are about paths as seen from here.
  fs::remove(data);
  const Ran absent = folder.run("prove 'mein Fall' -o 'mein Ort'");
  says(absent, 4, {"the data file Öl und Wasser.csv is absent"});
}

TEST_CASE("two cases of one name do not overwrite each other's files") {
  const Folder folder;
  for (const char* name : {"a", "b"}) {
    fs::create_directories(folder / name);
    fs::copy(cases() + "/small/relu-dense.case.json", folder / (std::string(name) + "/same.case.json"));
  }
  says(folder.run("prove a/same"), 0, {"PROVED"});
  says(folder.run("prove a/same"), 0, {"PROVED"});
  says(folder.run("prove b/same"), 4, {"out/same.claim.json is that of another case, a/same.case.json", "--output"});
  says(folder.run("prove b/same -o out/b"), 0, {"PROVED"});
  fs::remove(folder / "a/same.case.json");
  says(folder.run("prove b/same"), 0, {"PROVED"});
}

TEST_CASE("arrays without entries are no samples") {
  const Folder folder;
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5), }\n";
  spill(folder / "a.npy",
        std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + std::string(1, '\0') + header);
  says(folder.init("a.npy --layers 'dense:9 relu'"), 4, {"a.npy: no samples"});
  spill(folder / "a.idx", std::string("\0\0\x08\x02\0\0\0\0\0\0\0\x05", 12));
  says(folder.init("a.idx --layers 'dense:9 relu'"), 4, {"a.idx: no samples"});
  spill(folder / "a.csv", "\n");
  says(folder.init("a.csv --layers 'dense:9 relu'"), 4, {"a.csv: no samples"});
}

TEST_CASE("filters of images with channels go to a file, and a report finds it from anywhere") {
  const Folder folder;
  spill(folder / "c.case.json", R"({"format": "widecert-case", "version": 1, "title": "c",
    "network": {"input": {"shape": [4, 4, 3]}, "nodes": [
      {"name": "d", "op": "dense", "filters": 500, "bias": "neuron"},
      {"name": "r", "op": "activation", "function": "relu"}]},
    "data": {"format": "seeded", "count": 500, "seed": 1, "low": 0, "high": 255},
    "prove": [{"theorem": "theorem-3.4", "node": "r", "filters": "shared-direction"}]})");
  says(folder.run("prove c.case.json -o out"), 0, {"PROVED", "d.filters.npy"});
  says(run("cd / && " + program() + "report " + (folder / "out/c.claim.json")), 0, {"c.html"});
}

TEST_CASE("a pack holds what the certificate names, too") {
  const Folder folder;  // order and biases of so many neurons stand in files
  says(run(program() + "prove " + cases() + "/imagenet-size/vgg-16-relu-1000 -o " + (folder / "out")), 0, {"PROVED"});
  says(folder.run("pack out/vgg-16-relu-1000.claim.json -o all.zip"), 0, {"claim, certificate and 1 file(s)"});
  fs::remove_all(folder / "out");
  says(run(programs() + "/widecheck " + (folder / "all.zip")), 0, {"PROVED  rank F(relu1_1) = 1000", "synthetic"});
}

TEST_CASE("a pack holds all that a claim names, and the checker reads nothing else") {
  const Folder folder;
  for (const char* name : {"layouts/torch", "digits/trained", "small/relu-dense"}) {
    const std::string base = fs::path(name).filename().string();
    says(run(program() + "prove " + cases() + "/" + name + " -o " + (folder / "out")), 0, {"PROVED"});
    says(folder.run("pack out/" + base + ".claim.json -o '" + base + " .zip'"), 0,
         {"next: widecheck", "claim, certificate and"});
    const std::string there = scratch("pack");  // alone, elsewhere
    fs::rename(folder / (base + " .zip"), there + "/p.zip");
    const Ran checked = run("cd " + there + " && " + programs() + "/widecheck --json p.zip");
    const json report = json::parse(checked.output);
    CHECK(checked.exit == 0);
    const json beside =
        json::parse(run(programs() + "/widecheck --json " + (folder / ("out/" + base + ".claim.json"))).output);
    CHECK(report["claims"] == beside["claims"]);
    CHECK(report["claim_sha256"] == beside["claim_sha256"]);
    // Weights from files are named, and how they were read.
    CHECK(report["tensors"] == beside["tensors"]);
    CHECK((name == std::string("small/relu-dense")) == report["tensors"].empty());
    if (base == "torch") CHECK_THAT(report["tensors"].dump(), Contains("torch.npz[conv.weight], SHA-256"));
    says(run(program() + "check " + there + "/p.zip"), 0, {"PROVED"});
    // A pack of the same bytes is the same.
    const std::string bytes = slurp(there + "/p.zip");
    says(folder.run("pack out/" + base + ".claim.json"), 0, {"out/" + base + ".zip written"});
    CHECK((slurp(folder / ("out/" + base + ".zip")) == bytes));
    says(folder.run("pack out/" + base + ".claim.json"), 4, {"exists already"});
    // Every damaged byte is noticed or does not matter; nothing crashes.
    for (std::size_t at = 0; at < bytes.size(); at += bytes.size() / 60 + 1) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x24);
      spill(there + "/d.zip", damaged);
      const Ran ran = run(programs() + "/widecheck " + there + "/d.zip");
      INFO("byte " << at << ": " << ran.output);
      CHECK((ran.exit == 0 || ran.exit == 4 || ran.exit == 5));
    }
    fs::remove_all(there);
  }
  says(folder.run("pack out/torch.cert.json"), 4, {"expected NAME.claim.json"});
  says(folder.run("pack out/torch.claim.json -o x.tar"), 4, {"NAME.zip"});
  fs::create_directories(folder / "a/b/c/d");
  fs::copy(folder / "out/torch.claim.json", folder / "a/b/c/d/lost.claim.json");
  fs::copy(folder / "out/torch.cert.json", folder / "a/b/c/d/lost.cert.json");
  says(folder.run("pack a/b/c/d/lost.claim.json"), 4, {"torch.npz"});
}

TEST_CASE("data that do not fit into memory stay in their file, in either order, and are those of the digest") {
  const Folder folder;
  // 460 images of 224 x 224 x 3 bytes, more than are kept (2^26): one after the other, and pixel after pixel.
  constexpr std::size_t kSamples = 460, kWidth = 224 * 224 * 3;
  std::string images(kSamples * kWidth, '\0'), pixels(images.size(), '\0');
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < kSamples; ++i) {
    for (std::size_t j = 0; j < kWidth; ++j) {
      state = state * 1664525 + 1013904223;
      images[i * kWidth + j] = static_cast<char>(state >> 24);
      pixels[j * kSamples + i] = images[i * kWidth + j];
    }
  }
  const auto npy = [](const std::string& order, const std::string& shape, const std::string& bytes) {
    std::string header = "{'descr': '|u1', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
    header.resize(117, ' ');
    return std::string("\x93NUMPY\x01\0\x76\0", 10) + header + "\n" + bytes;
  };
  spill(folder / "images.npy", npy("False", "(460, 224, 224, 3)", images));
  spill(folder / "pixels.npy", npy("False", "(224, 224, 3, 460)", pixels));
  const std::string rest =
      R"("network": {"input": {"shape": [224, 224, 3]}, "nodes": [
      {"name": "conv1", "op": "conv2d", "size": [3, 3], "filters": 64, "padding": "same", "bias": "neuron"},
      {"name": "relu1", "op": "activation", "function": "relu"}]},
      "prove": [{"theorem": "theorem-3.4", "node": "relu1"}], )";
  const auto write = [&](const std::string& name, const std::string& axes) {
    spill(folder / (name + ".case.json"), R"({"format": "widecert-case", "version": 1, "title": "t", )" + rest +
                                              R"("data": {"format": "npy", "path": ")" + name +
                                              ".npy\", \"axes\": " + axes + ", \"count\": 450}}");
  };
  write("images", "[0, 1, 2, 3]");
  write("pixels", "[3, 0, 1, 2]");
  for (const std::string name : {"images", "pixels"}) {
    INFO(name);
    says(folder.run("prove " + name + ".case.json"), 0, {"PROVED", "rank F(relu1) = 450", "samples 1 to 450"});
  }
  // The same ray, whatever the file's order.
  const auto claims = [&](const std::string& name) {
    return json::parse(slurp(folder / ("out/" + name + ".claim.json")))["claims"];
  };
  CHECK(claims("images")[0]["alpha_0"] == claims("pixels")[0]["alpha_0"]);
  // A byte changed; a byte short.
  images[5 * kWidth + 7] = static_cast<char>(images[5 * kWidth + 7] ^ 1);
  spill(folder / "images.npy", npy("False", "(460, 224, 224, 3)", images));
  says(folder.run("check out/images.claim.json"), 5, {"data-digest"});
  images.pop_back();
  spill(folder / "images.npy", npy("False", "(460, 224, 224, 3)", images));
  says(folder.run("prove images.case.json"), 4, {"its header promises"});
}
