// widecert regions: counts that the checker accepts, a picture, exact corners. Where there is a Chromium the pictures
// are rendered in it: no errors, no words that overlap, letters large enough.
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../shell.h"

using namespace widecert::test;
using json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

// What a browser says about a picture: "fine", or what is wrong.
std::string rendered(const std::string& browser, const std::string& svg, const std::string& folder) {
  spill(folder + "/page.html", "<!doctype html><meta charset=utf-8><body style=\"margin:0\">" + slurp(svg) + R"(<script>
let wrong = [];
onerror = (message) => { wrong.push(message); };
const boxes = [...document.querySelectorAll("svg text")].map((t) => [t.textContent, t.getBoundingClientRect(),
  parseFloat(getComputedStyle(t).fontSize)]);
if (boxes.length < 8) wrong.push("few words");
const page = document.querySelector("svg").getBoundingClientRect();
if (page.width > 1200.5) wrong.push("wider than 1200");
for (const [a, box, size] of boxes) {
  if (size < 11) wrong.push("small: " + a);
  if (box.width == 0 || box.left < 0 || box.right > page.right || box.bottom > page.bottom) wrong.push("outside: " + a);
  for (const [b, other] of boxes)
    if (box !== other && box.left < other.right - 1 && other.left < box.right - 1 && box.top < other.bottom - 3 &&
        other.top < box.bottom - 3) wrong.push("overlap: " + a + ", " + b);
}
const shapes = document.querySelectorAll("svg path").length;
if (shapes < 2) wrong.push("no regions");
document.body.innerHTML = "<pre>RESULT " + (wrong.length ? wrong.join("; ") : "fine") + "</pre>";
</script>)");
  const std::string dom = run(browser + " --headless --no-sandbox --disable-gpu --user-data-dir=" + folder +
                              "/profile --dump-dom file://" + folder + "/page.html 2>/dev/null")
                              .output;
  const auto from = dom.find("RESULT ");
  return from == std::string::npos ? "nothing came: " + dom.substr(0, 300)
                                   : dom.substr(from + 7, dom.find("</pre>") - from - 7);
}

}  // namespace

TEST_CASE("regions are counted, certified and drawn") {
  const std::string folder = scratch("regions-command");
  const auto regions = [&](const std::string& name, const std::string& more) {
    return run(programs() + "/widecert --json regions " + cases() + "/regions/" + name + " -o " + folder + "/" + name +
               ".case.json" + more);
  };
  std::string browser;
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"})
    if (browser.empty() && run(std::string("command -v ") + name).exit == 0) browser = name;
  if (browser.empty()) WARN("SKIPPED: no Chromium (apt-get install chromium): pictures are not rendered");

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
