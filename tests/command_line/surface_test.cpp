// widecert surface: enclosures of a loss on a plane, and the picture.
#include <cmath>
#include <nlohmann/json.hpp>

#include "../browser.h"
#include "../paths.h"

using namespace widecert::test;
using json = nlohmann::json;
namespace fs = std::filesystem;

TEST_CASE("a loss on a plane: enclosed at the points of the grid, drawn for two networks side by side") {
  const std::string folder = scratch("surface"), labels = cases() + "/digits/data/labels-idx1-ubyte.gz";
  const auto surface = [&](const std::string& what, const std::string& name) {
    return run(programs() + "/widecert --json surface " + what + " --labels " + labels + " -o " + folder + "/" + name);
  };
  const std::string with = cases() + "/skips/surface-with", without = cases() + "/skips/surface-without";
  for (const char* loss : {"cross-entropy", "square", "hinge"}) {
    INFO(loss);
    const std::string name = std::string(loss) + ".svg";
    const Ran ran = surface(with + " " + without + " --grid 2 --loss " + loss, name);
    INFO(ran.output);
    REQUIRE(ran.exit == 0);
    const json said = json::parse(ran.output);
    CHECK(said["points"] == 25);
    REQUIRE(said["surfaces"].size() == 2);
    for (const json& one : said["surfaces"]) {
      CHECK(one["unknown"] == 0);
      CHECK(one["widest_enclosure"].get<double>() < 1e-6 * one["least"].get<double>());
      CHECK(one["centre"].get<double>() >= one["least"].get<double>());
    }
    std::stringstream table(slurp(folder + "/" + std::string(loss) + ".csv"));
    std::size_t lines = 0;
    for (std::string line; std::getline(table, line);) ++lines;
    CHECK(lines == 51);
    if (const std::string browser = find_browser(); !browser.empty())
      CHECK(rendered(browser, folder + "/" + name, folder) == "fine");
  }
  // The middle of the grid is the point itself, whatever the directions and how far they go.
  const auto centre = [&](const std::string& more) {
    const Ran ran = run(programs() + "/widecert " + more + " --json surface " + with + " --labels " + labels +
                        " --grid 1 --loss square -o " + folder + "/c.svg");
    INFO(ran.output);
    REQUIRE(ran.exit == 0);
    const json said = json::parse(ran.output);
    return std::pair(said["surfaces"][0]["centre"].get<double>(), said["surfaces"][0]["most"].get<double>());
  };
  const auto [value, most] = centre("--seed 1");
  const auto [again, other] = centre("--seed 2");
  CHECK(std::abs(value - again) < 1e-6 * value);
  CHECK(most != other);

  const auto refused = [&](const std::string& what, const std::string& words) {
    const Ran ran = surface(what, "no.svg");
    CHECK(ran.exit == 4);
    CHECK_THAT(ran.output, Contains(words));
    CHECK(!fs::exists(folder + "/no.svg"));
  };
  refused(with + " --loss square --extent 0", "expected a positive number");
  refused(cases() + "/skips/digits-raw --loss square", "no entry of \"prove\" has \"parameters\"");
  fs::remove_all(folder);
}
