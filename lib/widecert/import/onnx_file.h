// ONNX models as they stand in the file: nodes, constants, inputs and outputs, every number exactly. What operators
// mean is onnx_model.h.
#pragma once

#include <widecert/data/layout.h>
#include <widecert/data/npy.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace widecert::onnx {

// A constant in C order.
struct Array {
  Extents shape;     // empty: one number
  std::string type;  // of the file: "float32", "bfloat16", "int64"
  NpyValues values;  // floats as doubles, integers as they are: exact

  std::size_t size() const { return product(shape); }
  std::vector<double> doubles() const;
};

struct Attribute {
  std::optional<double> number;  // a float or an integer
  std::optional<std::int64_t> integer;
  std::optional<std::string> text;
  std::vector<double> numbers;
  std::vector<std::int64_t> integers;
  std::optional<Array> array;
};

struct Node {
  std::string name, op, domain;
  std::vector<std::string> inputs, outputs;  // an absent optional one is empty
  std::map<std::string, Attribute> attributes;
};

// The extents of an input; nothing where the file leaves one open.
struct Input {
  std::string name;
  std::vector<std::optional<std::size_t>> extents;
};

struct Graph {
  std::string file, producer;
  std::int64_t opset = 0;
  std::vector<Input> inputs;  // those without a constant of their name
  std::vector<std::string> outputs;
  std::map<std::string, Array> constants;
  std::vector<Node> nodes;
};

// Opset 6 to 21. Constants lie in the file or, as external data, in its folder. Throws InputError naming the file, the
// place and what was expected. Memory: a few times the file, of at most 2 GiB.
Graph read_onnx(const std::string& path);
// A TensorProto in a file of its own, as test data have it.
Array read_onnx_array(const std::string& path);

}  // namespace widecert::onnx
