#include "kernel/layout.h"

#include "kernel/verdict.h"

namespace widecheck {
namespace {

std::size_t product(const Extents& extents) {
  std::size_t n = 1;
  for (std::size_t extent : extents) n *= extent;
  return n;
}

Extents beyond_one(Extents extents) {
  std::erase(extents, std::size_t{1});
  return extents;
}

}  // namespace

Layout read_layout(const Value& json) {
  Layout layout;
  if (json.has("axes"))
    for (const Value& axis : json.at("axes").list()) layout.axes.push_back(axis.number(31));
  if (json.has("flatten")) {
    const std::string text = json.at("flatten").text();
    if (text != "channels-last" && text != "channels-first")
      json.at("flatten").bad("\"channels-last\" or \"channels-first\"");
    layout.flattened = true;
    layout.channels_first = text == "channels-first";
  }
  return layout;
}

std::string in_words(const Layout& layout) {
  std::string text;
  for (std::size_t axis : layout.axes) text += (text.empty() ? ", axes " : " ") + std::to_string(axis);
  if (layout.flattened) text += layout.channels_first ? ", flattened channels first" : ", flattened channels last";
  return text;
}

Axes permuted_axes(const Extents& shape, bool fortran, const Layout& layout, const std::string& name) {
  const std::size_t rank = shape.size();
  Extents stride_of(rank), order = layout.axes;
  std::size_t stride = 1;
  for (std::size_t k = 0; k < rank; ++k) {
    const std::size_t axis = fortran ? k : rank - 1 - k;
    stride_of[axis] = stride;
    stride *= shape[axis];
  }
  if (order.empty())
    for (std::size_t k = 0; k < rank; ++k) order.push_back(k);
  std::vector<bool> used(rank, false);
  Axes axes;
  for (std::size_t axis : order) {
    if (axis >= rank || used[axis] || order.size() != rank)
      throw Malformed("shape", name + ": axes must permute those of the array");
    used[axis] = true;
    axes.extents.push_back(shape[axis]);
    axes.strides.push_back(stride_of[axis]);
  }
  return axes;
}

Extents row_order(const Extents& row, const Layout& layout, const Extents& image, const std::string& name) {
  const Extents many = beyond_one(row), wanted = beyond_one(image);
  const std::size_t size = product(image), channels = image.empty() ? 1 : image.back();
  const bool two_orders = image.size() > 1 && channels > 1 && size > channels;
  if (product(row) != size) throw Malformed("shape", name + ": rows of another length than " + std::to_string(size));
  if (many.size() > 1) {
    if (layout.flattened) throw Malformed("shape", name + ": flatten, where images are not flattened");
    if (layout.axes.empty() && (two_orders || row.size() > 2))
      throw Malformed("shape", name + ": an array of images without axes");
    // Where axes are said, that of the one channel may be missing, but not stand elsewhere.
    Extents of_one = image;
    if (channels == 1 && !of_one.empty()) of_one.pop_back();
    if (wanted.size() > 1 && (layout.axes.empty() ? many != wanted : row != image && row != of_one))
      throw Malformed("shape", name + ": the extents are not those of the images, in this order");
    return {};
  }
  if (two_orders && !layout.flattened)
    throw Malformed("shape", name + ": flattened images of several channels without flatten");
  Extents order;
  const std::size_t places = size / channels;
  for (std::size_t j = 0; layout.channels_first && j < size; ++j) order.push_back(j % channels * places + j / channels);
  return order;
}

SamplePlaces sample_places(const Extents& shape, bool fortran, const Layout& layout, const Extents& image,
                           const std::string& name) {
  if (shape.empty()) throw Malformed("data", name + ": one number, not samples");
  const Axes axes = permuted_axes(shape, fortran, layout, name);
  const Extents row(axes.extents.begin() + 1, axes.extents.end());
  const Extents order = row_order(row, layout, image, name);
  SamplePlaces places{axes.extents[0], axes.strides[0], Extents(product(row), 0)};
  for (std::size_t j = 0; j < places.first.size(); ++j) {
    std::size_t rest = order.empty() ? j : order[j];
    for (std::size_t d = axes.extents.size(); d-- > 1; rest /= axes.extents[d])
      places.first[j] += rest % axes.extents[d] * axes.strides[d];
  }
  return places;
}

}  // namespace widecheck
