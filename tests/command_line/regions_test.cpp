// widecert regions: counts that the checker accepts, a picture, exact corners. Where there is a Chromium the pictures
// are rendered in it: no errors, no words that overlap, letters large enough.
#include <nlohmann/json.hpp>

#include "../browser.h"
#include "../catch.h"
#include "../paths.h"
#include "../shell.h"

using namespace widecert::test;
using json = nlohmann::json;
namespace fs = std::filesystem;

TEST_CASE("regions are counted, certified and drawn") {
  const std::string folder = scratch("regions-command");
  const auto regions = [&](const std::string& name, const std::string& more) {
    return run(programs() + "/widecert --json regions " + cases() + "/regions/" + name + " -o " + folder + "/" + name +
               ".case.json" + more);
  };
  const std::string browser = find_browser();

  struct Known {
    const char *name, *more;
    std::vector<std::size_t> components;
  };
  const Known known[] = {{"diamond", "", {2, 1}},       {"5.3.3", "", {2, 1}},
                         {"one-input", "", {2, 3}},     {"toy-50", "", {2, 1}},
                         {"5.3.2-printed", "", {2, 0}}, {"grid-splits-a-piece", " --within -3 -3 3 3", {2, 1, 2}}};
  for (const Known& one : known) {
    INFO(one.name);
    const std::string corners = folder + "/corners.json";
    const Ran ran = regions(one.name, one.more + (" --vertices " + corners));
    INFO(ran.output);
    REQUIRE(ran.exit == 0);
    const json said = json::parse(ran.output);
    REQUIRE(said["classes"].size() == one.components.size());
    for (std::size_t j = 0; j < one.components.size(); ++j) {
      CHECK(said["classes"][j]["components"] == one.components[j]);
      CHECK(said["classes"][j]["proved"] == true);
    }
    CHECK(said["cells_by_layer"].back() == said["cells"]);
    const std::string base = folder + "/" + one.name;
    CHECK(run(programs() + "/widecheck " + base + ".claim.json").exit == 0);
    const json exact = json::parse(slurp(corners));
    CHECK(exact["cells"].size() == said["cells"]);
    std::size_t pieces = 0;
    for (const json& row : said["classes"]) pieces += row["pieces"].get<std::size_t>();
    CHECK(exact["pieces"].size() == pieces);
    if (!browser.empty()) CHECK(rendered(browser, base + ".svg", folder) == "fine");
  }
  // The moats and points of the case are on the picture.
  CHECK_THAT(slurp(folder + "/diamond.svg"), Contains("a moat between two components"));
  CHECK_THAT(slurp(folder + "/diamond.svg"), Contains("stroke-dasharray"));

  // A plane through three images; one class certified, all counted.
  const std::string points = cases() + "/regions/data/points.npy";
  const Ran plane = regions("mnist-plane", " --class 8 --within 0 0 1 1 --plane 1 2 3");
  INFO(plane.output);
  REQUIRE(plane.exit == 0);
  const json said = json::parse(plane.output);
  CHECK_THAT(said["where"].get<std::string>(), Contains("on the plane through sample 1, sample 2 and sample 3"));
  std::size_t proved = 0;
  for (const json& row : said["classes"]) proved += row["proved"] == true ? 1 : 0;
  CHECK(proved == 1);
  if (!browser.empty()) CHECK(rendered(browser, folder + "/mnist-plane.svg", folder) == "fine");

  // What cannot be drawn is said.
  const auto refused = [&](const std::string& name, const std::string& more, const std::string& words) {
    const Ran ran = regions(name, more);
    CHECK(ran.exit == 4);
    CHECK_THAT(ran.output, Contains(words));
    CHECK(!fs::exists(folder + "/" + name + ".svg"));
  };
  fs::remove(folder + "/mnist-plane.case.json");
  fs::remove(folder + "/mnist-plane.svg");
  refused("mnist-plane", " --plane 1 2 4", "there are 3 samples");
  refused("octahedron", "", "--plane");
  refused("octahedron", " --plane 1 2 3", "no data");
  refused("octahedron", " --plane " + points + " " + points + " " + points, "1200 numbers");
  refused("open-question-tanh", "", "not piecewise linear");
  refused("rank-two", " --class 5", "the classes are 0 to 1");
  refused("slices", " --within 1 1 0 0", "--plane");
  fs::remove(folder + "/diamond.case.json");
  fs::remove(folder + "/diamond.svg");
  refused("diamond", " --within 1 1 0 0", "--within");
  fs::remove_all(folder);
}
