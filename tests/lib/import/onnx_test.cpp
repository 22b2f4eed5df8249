// ONNX models that are wrong, damaged or hostile: each ends with an InputError that says what and where. What imported
// networks compute is compared with their framework in tests/command_line/import_test.cpp.
#include <widecert/certificate/model_json.h>
#include <widecert/import/onnx_model.h>
#include <widecert/import/onnx_write.h>
#include <widecert/number/error.h>

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "../../catch.h"
#include "../../paths.h"
#include "../../shell.h"

using namespace widecert;
using namespace widecert::test;

namespace {

// A few fields of protobuf messages.
std::string varint(std::uint64_t v) {
  std::string out;
  for (; v >= 128; v >>= 7) out += static_cast<char>(v % 128 + 128);
  return out + static_cast<char>(v);
}
std::string number(int field, std::uint64_t v) { return varint(static_cast<std::uint64_t>(field) * 8) + varint(v); }
std::string bytes(int field, const std::string& v) {
  return varint(static_cast<std::uint64_t>(field) * 8 + 2) + varint(v.size()) + v;
}

std::string node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output,
                 const std::string& attributes = "") {
  std::string out;
  for (const auto& input : inputs) out += bytes(1, input);
  return bytes(1, out + bytes(2, output) + bytes(4, op) + attributes);
}
std::string integers(const std::string& name, const std::vector<std::int64_t>& values) {
  std::string list = bytes(1, name) + number(20, 7);
  for (std::int64_t v : values) list += number(8, static_cast<std::uint64_t>(v));
  return bytes(5, list);
}
std::string input(const std::string& name, const std::vector<std::uint64_t>& extents) {
  std::string dims;
  for (std::uint64_t d : extents) dims += bytes(1, number(1, d));
  return bytes(11, bytes(1, name) + bytes(2, bytes(1, number(1, 1) + bytes(2, dims))));
}
// Ones in float32, or what `data` says.
std::string constant(const std::string& name, const std::vector<std::uint64_t>& extents,
                     std::optional<std::string> data = {}) {
  std::string out = number(2, 1) + bytes(8, name);
  std::size_t count = 1;
  for (std::uint64_t d : extents) {
    out += number(1, d);
    count *= d;
  }
  if (!data) {
    data.emplace();
    for (std::size_t k = 0; k < count; ++k) *data += std::string("\0\0\x80\x3f", 4);
    data = bytes(9, *data);
  }
  return bytes(5, out + *data);
}
std::string model(const std::string& graph, const std::string& output = "y", int opset = 13) {
  return number(1, 7) + bytes(8, number(2, static_cast<std::uint64_t>(opset))) +
         bytes(7, graph + bytes(12, bytes(1, output)));
}

struct Folder {
  std::string path = scratch("onnx");
  ~Folder() { std::filesystem::remove_all(path); }
};

std::string imported(const std::string& name) {
  return fmt::format("{}/cases/imported/{}.onnx", WIDECERT_SOURCE, name);
}

ImportedModel import_bytes(const std::string& content) {
  const Folder folder;
  spill(folder.path + "/m.onnx", content);
  return import_onnx(onnx::read_onnx(folder.path + "/m.onnx"), {"m.npz", {}, ""});
}
void refuses(const std::string& content, const std::string& words) {
  INFO(words);
  try {
    import_bytes(content);
    FAIL("accepted");
  } catch (const InputError& error) {
    CHECK_THAT(std::string(error.what()), Contains("m.onnx") && Contains(words));
  }
}

}  // namespace

TEST_CASE("ONNX: a small model goes in, its weights in their own order") {
  const ImportedModel m =
      import_bytes(model(input("x", {1, 2, 5, 5}) + constant("w", {3, 2, 3, 3}) +
                         node("Conv", {"x", "w"}, "c", integers("pads", {1, 0, 1, 0})) + node("Relu", {"c"}, "y")));
  CHECK(m.network.node(0).shape == Shape{5, 5, 2});
  CHECK(m.network.node(m.output).shape == Shape{5, 3, 3});
  CHECK(m.input_layout.axes == std::vector<std::size_t>{0, 2, 3, 1});
  CHECK(m.parameters.size() == 1);
  // Entry k of the model's output runs over channels first.
  CHECK(m.output_order[0] == 0);
  CHECK(m.output_order[1] == 3);
  CHECK(m.output_order[15] == 1);
}

TEST_CASE("ONNX: pads beside auto_pad say nothing, and auto_pad sees the zeros of a Pad before it") {
  const auto text = [](const std::string& name, const std::string& v) {
    return bytes(5, bytes(1, name) + number(20, 3) + bytes(4, v));
  };
  const std::string image = input("x", {1, 1, 5, 8}) + constant("w", {1, 1, 3, 2});
  const ImportedModel valid = import_bytes(
      model(image + node("Conv", {"x", "w"}, "y", text("auto_pad", "VALID") + integers("pads", {1, 1, 1, 1}))));
  CHECK(valid.network.node(valid.output).shape == Shape{3, 7, 1});
  // 6 x 8 with the zeros, in steps of 2: 3 x 4, for which one more row and none are needed.
  const ImportedModel same = import_bytes(
      model(image + node("Pad", {"x"}, "p", integers("pads", {0, 0, 1, 0, 0, 0, 0, 0})) +
                node("Conv", {"p", "w"}, "y", text("auto_pad", "SAME_UPPER") + integers("strides", {2, 2})),
            "y", 10));
  const auto& window = std::get<ConvSpec>(std::get<LinearSpec>(same.network.node(1).spec).form).window;
  CHECK(window.padding.amount == std::array<std::size_t, 4>{1, 0, 1, 0});
  CHECK(same.network.node(same.output).shape == Shape{3, 4, 1});
}

TEST_CASE("ONNX: what is wrong is named with its place") {
  const std::string x = input("x", {1, 4});
  refuses("", "no ONNX model");
  refuses("no model at all", "ONNX model");
  refuses(model(x + node("Relu", {"x"}, "y"), "y", 3), "opset 3");
  refuses(model(x + node("Relu", {"x"}, "y"), "y", 22), "opset 22");
  refuses(model(node("Relu", {"x"}, "y")), "0 inputs");
  refuses(model(input("x", {1, 4}) + input("z", {1, 4}) + node("Add", {"x", "z"}, "y")), "2 inputs (x, z)");
  refuses(model(input("x", {1, 0, 4}) + node("Relu", {"x"}, "y")), "leaves its extent 1 open");
  refuses(model(input("x", {1, 2, 2, 2, 2}) + node("Relu", {"x"}, "y")), "4 dimensions");
  refuses(model(x + node("Relu", {"z"}, "y") + node("Relu", {"y"}, "z")), "nothing before it makes");
  refuses(model(x + node("Sin", {"x"}, "a") + node("Cos", {"x"}, "b") + node("Relu", {"x"}, "y")),
          "2 of 3 operators are not supported");
  refuses(model(x + node("Relu", {"x"}, "y"), "z"), "nothing makes its output");
  // Sizes: beyond any memory, negative, or not those of the data.
  refuses(
      model(x + constant("w", {std::uint64_t{1} << 31, std::uint64_t{1} << 31}, "") + node("MatMul", {"x", "w"}, "y")),
      "2^27");
  refuses(model(x + constant("w", {std::uint64_t(-1), 4}, "") + node("MatMul", {"x", "w"}, "y")), "not negative");
  refuses(model(x + constant("w", {4, 3}, bytes(9, "abc")) + node("MatMul", {"x", "w"}, "y")),
          "48 bytes of data, found 3");
  refuses(model(x + constant("w", {5, 3}) + node("MatMul", {"x", "w"}, "y")), "does not fit");
  const std::string image = input("x", {1, 2, 5, 5}) + constant("w", {3, 2, 3, 3});
  refuses(model(image + node("Conv", {"x", "w"}, "y", integers("pads", {-1, 0, 0, 0}))), "negative");
  refuses(model(image + node("Conv", {"x", "w"}, "y", integers("strides", {0, 1}))), "not positive");
  refuses(model(image + node("Conv", {"x", "w"}, "y", integers("strides", {std::int64_t{1} << 40, 1}))),
          "not positive");
  refuses(model(image + node("Conv", {"x", "w"}, "y", integers("pads", {1, 1}))), "number of dimensions");
  refuses(model(image + node("Conv", {"x", "w"}, "y", integers("pads", {100000, 100000, 100000, 100000}))),
          "2^27 neurons");
  refuses(model(input("x", {1, 3, 5, 5}) + constant("w", {3, 2, 3, 3}) + node("Conv", {"x", "w"}, "y")), "do not fit");
  // What would be another network in silence: norms and casts that change numbers, bounds in the wrong order.
  std::string norm;
  for (const char* name : {"s", "b", "m", "v"}) norm += constant(name, {2});
  std::string training;
  for (const char* name : {"x", "s", "b", "m", "v"}) training += bytes(1, name);
  for (const char* name : {"y", "m2", "v2", "sm", "sv"}) training += bytes(2, name);
  refuses(model(input("x", {1, 2, 5, 5}) + norm + bytes(1, training + bytes(4, "BatchNormalization"))),
          "training mode");
  const std::string thirds = bytes(9, std::string("\xab\xaa\xaa\x3e", 4)),
                    cast = bytes(5, bytes(1, "to") + number(20, 2) + number(3, 3));
  refuses(model(x + constant("w", {1}, thirds) + node("Cast", {"w"}, "q", cast) + node("Mul", {"x", "q"}, "y")),
          "changes its numbers");
  refuses(model(x + constant("lo", {1}) + constant("hi", {1}, bytes(9, std::string("\0\0\x80\xbf", 4))) +
                node("Clip", {"x", "lo", "hi"}, "y")),
          "above the greatest");
  // A dense layer on an image that was flattened with height and width exchanged.
  refuses(model(input("x", {1, 1, 2, 3}) + constant("w", {6, 4}) +
                node("Transpose", {"x"}, "t", integers("perm", {0, 1, 3, 2})) + node("Flatten", {"t"}, "f") +
                node("MatMul", {"f", "w"}, "y")),
          "height and width exchanged");
}

TEST_CASE("ONNX: zeros around an image, shapes and orders are followed by every operator, or refused") {
  const std::string image = input("x", {0, 1, 4, 4}), row = input("x", {0, 6});
  const auto whole = [](const std::string& name, const std::vector<std::uint64_t>& extents,
                        const std::vector<std::int64_t>& values) {
    std::string out = number(2, 7) + bytes(8, name);
    for (std::uint64_t d : extents) out += number(1, d);
    for (std::int64_t v : values) out += number(7, static_cast<std::uint64_t>(v));
    return bytes(5, out);
  };
  const auto attribute = [](const std::string& name, std::int64_t v) {
    return bytes(5, bytes(1, name) + number(20, 2) + number(3, static_cast<std::uint64_t>(v)));
  };
  // Zeros belong to the convolution that reads them: nothing else may lose them.
  const std::string padded = image + whole("p", {8}, {0, 0, 1, 0, 0, 0, 0, 1}) + node("Pad", {"x", "p"}, "a") +
                             node("Pad", {"x", "p"}, "b") + whole("s", {3}, {-1, 5, 5});
  refuses(model(padded + node("Add", {"a", "b"}, "y")), "after Pad");
  refuses(model(padded + node("Sub", {"a", "b"}, "y")), "after Pad");
  refuses(model(padded + node("Max", {"a", "b"}, "y")), "zeros are added before it");
  for (const char* op : {"Neg", "Relu", "Flatten", "Transpose", "Shape"})
    refuses(model(padded + node(op, {"a"}, "y")), "zeros are added before it");
  refuses(model(padded + node("Reshape", {"a", "s"}, "y")), "zeros are added before it");
  refuses(model(padded + node("Concat", {"a", "b"}, "y", attribute("axis", 1))), "zeros are added before it");
  refuses(model(image + whole("p", {4}, {1, 0, 0, 1}) + whole("axes", {2}, {3, 2}) +
                    node("Pad", {"x", "p", "", "axes"}, "y"),
                "y", 18),
          "which axes");
  // A part of a shape; integers of several dimensions; a constant that adds a dimension.
  const ImportedModel part =
      import_bytes(model(input("x", {0, 2, 3, 4}) + whole("minus", {1}, {-1}) + whole("two", {1}, {2}) +
                             node("Shape", {"x"}, "sh", attribute("start", 3)) +
                             node("Concat", {"minus", "two", "sh"}, "to", attribute("axis", 0)) +
                             whole("w3", {1}, {3}) + node("Concat", {"to", "w3"}, "all", attribute("axis", 0)) +
                             node("Reshape", {"x", "all"}, "r") + node("Relu", {"r"}, "y"),
                         "y", 15));
  CHECK(part.output_extents == Extents{2, 4, 3});
  const std::string table = row + whole("t", {2, 2}, {1, 2, 3, 6}) + whole("i", {1}, {1});
  refuses(model(table + node("Gather", {"t", "i"}, "g") + node("Reshape", {"x", "g"}, "y")), "several dimensions");
  refuses(model(table + node("Concat", {"t", "t"}, "g", attribute("axis", 1)) + node("Reshape", {"x", "g"}, "y")),
          "several dimensions");
  for (const char* op : {"Add", "Mul", "Max", "PRelu"})
    refuses(model(row + constant("c", {1, 1, 1}) + node(op, {"x", "c"}, "y")), "of more dimensions than the values");
  const std::string infinite = bytes(9, std::string("\0\0\x80\x7f", 4));
  refuses(model(row + constant("c", {}, infinite) + node("Clip", {"x", "c"}, "y")), "infinite on the other side");
  refuses(model(input("x", {1, 1, 4}) + node("Squeeze", {"x"}, "y")), "dimension of the samples");
  // Not gelu: the factor is x with height and width exchanged.
  const std::string half = bytes(9, std::string("\0\0\0\x3f", 4)), root = bytes(9, std::string("\xf3\x04\xb5\x3f", 4));
  const std::string gelu = image + constant("h", {}, half) + constant("q", {}, root) + constant("one", {}) +
                           node("Div", {"x", "q"}, "d") + node("Erf", {"d"}, "e") + node("Add", {"e", "one"}, "f") +
                           node("Transpose", {"x"}, "t", integers("perm", {0, 1, 3, 2}));
  refuses(model(gelu + node("Mul", {"t", "f"}, "g") + node("Mul", {"g", "h"}, "y")), "Erf in another formula");
  CHECK_NOTHROW(import_bytes(model(gelu + node("Mul", {"x", "f"}, "g") + node("Mul", {"g", "h"}, "y"))));
}

TEST_CASE("ONNX: external data lie in the folder of the model, whatever links say") {
  const Folder folder;
  std::filesystem::create_directories(folder.path + "/inner");
  spill(folder.path + "/secret.bin", std::string(48, '\0'));
  const auto external = [&](const std::string& location, const std::string& more = "") {
    const std::string content =
        model(input("x", {1, 4}) +
              constant("w", {4, 3}, number(14, 1) + bytes(13, bytes(1, "location") + bytes(2, location)) + more) +
              node("MatMul", {"x", "w"}, "y"));
    spill(folder.path + "/inner/m.onnx", content);
    return onnx::read_onnx(folder.path + "/inner/m.onnx");
  };
  spill(folder.path + "/inner/w.bin", std::string(48, '\0'));
  CHECK(external("w.bin").constants.at("w").size() == 12);
  std::filesystem::create_symlink("../secret.bin", folder.path + "/inner/link.bin");
  for (const char* outside : {"../secret.bin", "/etc/passwd", "link.bin", ""}) {
    INFO(outside);
    CHECK_THROWS_WITH(external(outside), Contains("in the folder of the model"));
  }
  CHECK_THROWS_WITH(external("absent.bin"), Contains("absent"));
  CHECK_THROWS_WITH(external("w.bin", bytes(13, bytes(1, "offset") + bytes(2, "1000"))), Contains("lie inside"));
  CHECK_THROWS_WITH(external("w.bin", bytes(13, bytes(1, "offset") + bytes(2, "8"))), Contains("bytes of data"));
  CHECK_THROWS_WITH(external("w.bin", bytes(13, bytes(1, "length") + bytes(2, "-3"))), Contains("a number as"));
}

TEST_CASE("ONNX: what goes in comes out, and goes in again with the same bytes") {
  for (const char* name : {"lenet", "residual", "separable", "sequence", "rows", "decoder"}) {
    INFO(name);
    const ImportedModel once = import_onnx(onnx::read_onnx(imported(name)), {"m.npz", {}, ""});
    Parameters<Rational> theta;
    for (const auto& [layer, tensors] : once.parameters) {
      const std::size_t i = once.network.index_of(layer);
      theta[i] = convert_parameters<Rational>(
          expand(*tensors.weights, once.network.weights_shape(i), layer),
          tensors.bias ? expand(*tensors.bias, once.network.bias_shape(i), layer) : Tensor{});
    }
    const WrittenModel written = write_onnx(once.network, theta, once.output);
    const Folder folder;
    spill(folder.path + "/m.onnx", written.bytes);
    const ImportedModel again = import_onnx(onnx::read_onnx(folder.path + "/m.onnx"), {"m.npz", {}, ""});
    // (A division by 3 is rounded on its way out, which is said.)
    const bool exact = std::string(name) != "rows";
    CHECK(std::none_of(written.notes.begin(), written.notes.end(), [](const std::string& note) {
            return note.find("numbers are rounded") != std::string::npos;
          }) == exact);
    if (exact) CHECK(to_text(to_json(again.network)) == to_text(to_json(once.network)));
    CHECK(again.arrays == once.arrays);
    CHECK(to_json(again.parameters) == to_json(once.parameters));
    if (std::string(name) == "lenet") CHECK(written.type == "float32");
  }
}

TEST_CASE("ONNX: ten thousand damaged models end with an error or another model") {
  const Folder folder;
  std::mt19937_64 random(1);
  std::size_t refused = 0, accepted = 0;
  for (const char* name : {"rows", "sequence", "separable", "residual", "decoder"}) {
    const std::string whole = slurp(imported(name));
    for (int k = 0; k < 2000; ++k) {
      std::string damaged = whole;
      if (k % 4 == 0) damaged.resize(random() % whole.size());
      // Mostly in the head, where the graph is described.
      for (std::uint64_t edits = 1 + random() % 4; edits > 0 && !damaged.empty(); --edits) {
        const std::size_t at = random() % std::min<std::size_t>(damaged.size(), k % 2 == 0 ? 4000 : damaged.size());
        damaged[at] = static_cast<char>(random());
      }
      spill(folder.path + "/m.onnx", damaged);
      try {
        import_onnx(onnx::read_onnx(folder.path + "/m.onnx"), {"m.npz", {}, ""});
        ++accepted;
      } catch (const InputError&) {
        ++refused;
      }
    }
  }
  CHECK(refused + accepted == 10000);
  CHECK(refused > 1000);
}
