// Pictures in a Chromium, where there is one: no errors, no words that overlap, letters large enough.
#pragma once

#include <string>

#include "catch.h"
#include "shell.h"

namespace widecert::test {

// The name of the program; empty, and said aloud, if there is none.
inline std::string find_browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"})
    if (run(std::string("command -v ") + name).exit == 0) return name;
  WARN("SKIPPED: no Chromium (apt-get install chromium): pictures are not rendered");
  return "";
}

// What a browser says about a picture: "fine", or what is wrong.
inline std::string rendered(const std::string& browser, const std::string& svg, const std::string& folder) {
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

}  // namespace widecert::test
