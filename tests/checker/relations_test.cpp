// Upper bounds of a rank by relations, against the rank itself.
#include <evidence/relations.h>
#include <kernel/verdict.h>
#include <widecert/linalg/modular_matrix.h>

#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../random.h"

using nlohmann::json;
using namespace widecheck;

TEST_CASE("relations that are accepted never bound the rank from the wrong side") {
  widecert::test::Random random(111);
  int accepted = 0, refused = 0;
  for (int round = 0; round < widecert::test::rounds(4000); ++round) {
    const auto rows = static_cast<std::size_t>(random.integer(1, 4)),
               cols = static_cast<std::size_t>(random.integer(1, 4));
    std::vector<std::vector<mpz_class>> a(rows, std::vector<mpz_class>(cols));
    widecert::ModularMatrix exact(rows, cols, widecert::kRankPrime);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < cols; ++j) {
        a[i][j] = random.integer(0, 3) == 0 ? 1 : 0;
        exact.set(i, j, a[i][j].get_ui());
      }
    }
    // Whatever relations a forger may write down.
    const bool columns = random.integer(0, 1) == 1;
    const auto lines = static_cast<std::int64_t>(columns ? cols : rows);
    json proof{{"side", columns ? "columns" : "rows"}};
    for (std::int64_t h = 0; h < lines; ++h)
      if (random.integer(0, 3) == 0) proof["zero"].push_back(h);
    if (random.integer(0, 1) == 0) {
      json same = json::array();
      for (std::int64_t h = 0; h < lines; ++h)
        if (random.integer(0, 2) == 0) same.push_back(h);
      proof["equal"].push_back(same);
    }
    for (auto k = random.integer(0, 2); k > 0; --k) {
      json v = json::array();
      for (std::int64_t h = 0; h < lines; ++h) v.push_back(random.integer(-1, 1));
      proof["kernel"].push_back(v);
    }
    try {
      Budget budget;
      Relations relations(Value(proof, "proof", std::make_shared<const Source>()), rows, cols, Relations::Of::values,
                          budget);
      for (std::size_t i = 0; i < rows; ++i) relations.row(i, a[i]);
      const std::size_t bound = relations.bound();
      INFO("seed 111, round " << round << ": " << proof.dump());
      CHECK(bound >= exact.rank());
      ++accepted;
    } catch (const Rejected&) {
      ++refused;
    } catch (const Malformed&) {
      ++refused;
    }
  }
  INFO(accepted << " accepted, " << refused << " refused");
  CHECK(accepted > widecert::test::rounds(4000) / 20);
  CHECK(refused > widecert::test::rounds(4000) / 20);
}
