#include <widecert/import/onnx_file.h>
#include <widecert/number/error.h>
#include <widecert/number/half.h>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "onnx.pb.h"

namespace widecert::onnx {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostBytes = (std::size_t{1} << 31) - 1, kMostEntries = std::size_t{1} << 27;

std::string read_whole(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) throw InputError(path + ": there is no such file");
  const std::uintmax_t size = fs::file_size(path, error);
  if (error || size > kMostBytes) throw InputError(path + ": a model of more than 2 GiB");
  std::ifstream in(path, std::ios::binary);
  std::string bytes(size, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!in || in.gcount() != static_cast<std::streamsize>(size)) throw InputError(path + ": cannot be read");
  return bytes;
}

template <class Message>
Message parse(const std::string& path, const char* what) {
  const std::string bytes = read_whole(path);
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream in(&stream);
  in.SetRecursionLimit(100);
  Message message;
  if (!message.ParseFromCodedStream(&in) || !in.ConsumedEntireMessage())
    throw InputError(path + ": no " + what + ", or a damaged one (cut off?)");
  return message;
}

class ArrayReader {
 public:
  ArrayReader(const ::onnx::TensorProto& tensor, const std::string& file)
      : tensor_(tensor), file_(file), place_(file + ": constant \"" + tensor.name() + "\"") {}

  Array read() {
    Array array;
    std::size_t count = 1;
    for (std::int64_t d : tensor_.dims()) {
      if (d < 0) fail("extents that are not negative");
      if (d != 0 && count > kMostEntries / static_cast<std::size_t>(d)) fail("at most 2^27 entries");
      count *= static_cast<std::size_t>(d);
      array.shape.push_back(static_cast<std::size_t>(d));
    }
    count_ = count;
    if (tensor_.has_segment()) fail("a constant that is not in segments");
    if (tensor_.data_location() == ::onnx::TensorProto::EXTERNAL) {
      external_ = read_external();
      raw_ = &external_;
    } else if (tensor_.has_raw_data()) {
      raw_ = &tensor_.raw_data();
    }
    using T = ::onnx::TensorProto;
    switch (tensor_.data_type()) {
      case T::FLOAT:
        array.type = "float32";
        array.values = numbers<float>(tensor_.float_data(), [](float v) { return static_cast<double>(v); });
        break;
      case T::DOUBLE:
        array.type = "float64";
        array.values = numbers<double>(tensor_.double_data(), [](double v) { return v; });
        break;
      case T::FLOAT16:
        array.type = "float16";
        array.values = numbers<std::uint16_t>(tensor_.int32_data(), from_half);
        break;
      case T::BFLOAT16:
        array.type = "bfloat16";
        array.values = numbers<std::uint16_t>(tensor_.int32_data(), from_bfloat16);
        break;
      case T::INT64:
        array.type = "int64";
        array.values = integers<std::int64_t>(tensor_.int64_data());
        break;
      case T::INT32:
        array.type = "int32";
        array.values = integers<std::int32_t>(tensor_.int32_data());
        break;
      case T::INT16:
        array.type = "int16";
        array.values = integers<std::int16_t>(tensor_.int32_data());
        break;
      case T::INT8:
        array.type = "int8";
        array.values = integers<std::int8_t>(tensor_.int32_data());
        break;
      case T::UINT8:
        array.type = "uint8";
        array.values = integers<std::uint8_t>(tensor_.int32_data());
        break;
      case T::BOOL:
        array.type = "bool";
        array.values = integers<std::uint8_t>(tensor_.int32_data());
        break;
      default:
        fail("floats of 16, 32 or 64 bits, bfloat16 or integers");
    }
    return array;
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const { throw InputError(place_ + ": expected " + expected); }

  // Entry after entry, raw or from the list of its type.
  template <class Raw, class List, class Take>
  void each(const List& list, Take take) const {
    if (raw_ != nullptr) {
      if (raw_->size() != count_ * sizeof(Raw))
        fail(std::to_string(count_ * sizeof(Raw)) + " bytes of data, found " + std::to_string(raw_->size()));
      for (std::size_t k = 0; k < count_; ++k) {
        Raw v;
        std::memcpy(&v, raw_->data() + k * sizeof(Raw), sizeof(Raw));
        take(v);
      }
      return;
    }
    if (static_cast<std::size_t>(list.size()) != count_)
      fail(std::to_string(count_) + " entries, found " + std::to_string(list.size()));
    for (const auto& v : list) take(static_cast<Raw>(v));
  }
  template <class Raw, class List, class Convert>
  std::vector<double> numbers(const List& list, Convert convert) const {
    std::vector<double> out;
    out.reserve(count_);
    each<Raw>(list, [&](Raw v) { out.push_back(convert(v)); });
    return out;
  }
  template <class Raw, class List>
  std::vector<std::int64_t> integers(const List& list) const {
    std::vector<std::int64_t> out;
    out.reserve(count_);
    each<Raw>(list, [&](Raw v) { out.push_back(v); });
    return out;
  }

  // In the model's folder, wherever links lead.
  std::string read_external() const {
    std::string location;
    std::size_t offset = 0;
    std::optional<std::size_t> length;
    for (const auto& entry : tensor_.external_data()) {
      const auto number = [&]() -> std::size_t {
        const std::string& text = entry.value();
        if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
          fail("a number as \"" + entry.key() + "\" of its external data");
        return std::stoull(text);
      };
      if (entry.key() == "location") location = entry.value();
      if (entry.key() == "offset") offset = number();
      if (entry.key() == "length") length = number();
    }
    const fs::path folder = fs::weakly_canonical(fs::absolute(file_).parent_path());
    std::error_code error;
    const fs::path path = fs::weakly_canonical(folder / location, error);
    const std::string inside = error || location.empty() ? ".." : path.lexically_relative(folder).string();
    if (inside.starts_with("..") || fs::path(location).is_absolute())
      fail("external data in the folder of the model, not \"" + location.substr(0, 100) + "\"");
    if (!fs::is_regular_file(path, error)) throw InputError(place_ + ": its external data " + inside + " are absent");
    const std::size_t size = fs::file_size(path, error);
    if (error || offset > size || length.value_or(size - offset) > size - offset)
      fail("external data that lie inside " + inside);
    const std::size_t bytes = length.value_or(size - offset);
    if (bytes > 8 * count_) fail("no more external data than entries");
    std::ifstream in(path, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(offset));
    std::string data(bytes, '\0');
    in.read(data.data(), static_cast<std::streamsize>(bytes));
    if (!in) throw InputError(place_ + ": " + inside + " cannot be read");
    return data;
  }

  const ::onnx::TensorProto& tensor_;
  const std::string& file_;
  std::string place_, external_;
  const std::string* raw_ = nullptr;
  std::size_t count_ = 0;
};

Attribute read_attribute(const ::onnx::AttributeProto& proto, const std::string& file) {
  Attribute a;
  if (proto.has_f()) a.number = proto.f();
  if (proto.has_i()) {
    a.integer = proto.i();
    a.number = static_cast<double>(proto.i());
  }
  if (proto.has_s()) a.text = proto.s();
  a.numbers.assign(proto.floats().begin(), proto.floats().end());
  a.integers.assign(proto.ints().begin(), proto.ints().end());
  if (proto.has_t()) a.array = ArrayReader(proto.t(), file).read();
  return a;
}

}  // namespace

std::vector<double> Array::doubles() const {
  if (const auto* floats = std::get_if<std::vector<double>>(&values)) return *floats;
  const auto& integers = std::get<std::vector<std::int64_t>>(values);
  return {integers.begin(), integers.end()};
}

Array read_onnx_array(const std::string& path) {
  return ArrayReader(parse<::onnx::TensorProto>(path, "ONNX tensor"), path).read();
}

Graph read_onnx(const std::string& path) {
  const auto model = parse<::onnx::ModelProto>(path, "ONNX model");
  Graph graph;
  graph.file = path;
  graph.producer = model.producer_name() + (model.producer_version().empty() ? "" : " " + model.producer_version());
  for (const auto& set : model.opset_import())
    if (set.domain().empty() || set.domain() == "ai.onnx") graph.opset = set.version();
  if (!model.has_graph() || graph.opset == 0)
    throw InputError(path + ": no ONNX model: a graph or its opset is absent");
  if (graph.opset < 6 || graph.opset > 21) {
    throw InputError(path + ": opset " + std::to_string(graph.opset) +
                     "; expected 6 to 21 (torch.onnx.export(..., opset_version=17))");
  }
  if (model.graph().sparse_initializer_size() > 0) throw InputError(path + ": sparse constants are not read");
  for (const auto& tensor : model.graph().initializer()) {
    if (!graph.constants.emplace(tensor.name(), ArrayReader(tensor, path).read()).second)
      throw InputError(path + ": two constants \"" + tensor.name() + "\"");
  }
  for (const auto& value : model.graph().input()) {
    if (graph.constants.contains(value.name())) continue;
    Input input{value.name(), {}};
    for (const auto& d : value.type().tensor_type().shape().dim()) {
      const bool known = d.has_dim_value() && d.dim_value() > 0 && d.dim_value() < (std::int64_t{1} << 31);
      input.extents.push_back(known ? std::optional(static_cast<std::size_t>(d.dim_value())) : std::nullopt);
    }
    graph.inputs.push_back(std::move(input));
  }
  for (const auto& value : model.graph().output()) graph.outputs.push_back(value.name());
  for (const auto& proto : model.graph().node()) {
    Node node{proto.name(), proto.op_type(), proto.domain(), {}, {}, {}};
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    for (const auto& attribute : proto.attribute())
      node.attributes.emplace(attribute.name(), read_attribute(attribute, path));
    graph.nodes.push_back(std::move(node));
  }
  return graph;
}

}  // namespace widecert::onnx
