#include <widecert/data/layout.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace widecert {
namespace {

Extents beyond_one(Extents extents) {
  std::erase(extents, std::size_t{1});
  return extents;
}

Extents channels_first(const Extents& image) {
  Extents moved{image.back()};
  moved.insert(moved.end(), image.begin(), image.end() - 1);
  return moved;
}

const char* names(const Extents& image) {
  return image.size() == 3 ? "height x width x channels" : "length x channels";
}

std::vector<std::size_t> from_channels_first(const Extents& image) {
  const std::size_t channels = image.back(), places = product(image) / channels;
  std::vector<std::size_t> order;
  order.reserve(places * channels);
  for (std::size_t place = 0; place < places; ++place)
    for (std::size_t c = 0; c < channels; ++c) order.push_back(c * places + place);
  return order;
}

// Without the axis of the channels, if there is one channel.
Extents without_one(Extents image) {
  if (!image.empty() && image.back() == 1) image.pop_back();
  return image;
}

}  // namespace

const char* flattening_name(Flattening flattening) {
  return flattening == Flattening::channels_last ? "channels-last" : "channels-first";
}

std::optional<Flattening> flattening_by_name(const std::string& name) {
  for (Flattening one : {Flattening::channels_last, Flattening::channels_first})
    if (name == flattening_name(one)) return one;
  return std::nullopt;
}

Layout settled_for_samples(const Layout& said, const Extents& file, const Extents& image) {
  if (!said.convention) return said;
  const bool torch = *said.convention == Convention::torch;
  Layout layout;
  if (file.size() <= 2) {
    if (has_two_orders(image)) layout.flatten = torch ? Flattening::channels_first : Flattening::channels_last;
    return layout;
  }
  layout.axes.resize(file.size());
  std::iota(layout.axes.begin(), layout.axes.end(), std::size_t{0});
  if (torch && file.size() == image.size() + 1)
    std::rotate(layout.axes.begin() + 1, layout.axes.begin() + 2, layout.axes.end());
  return layout;
}

Layout settled_for_weights(const Layout& said, const Extents& file) {
  if (!said.convention) return said;
  const bool torch = *said.convention == Convention::torch;
  Layout layout;
  if (file.size() == 2) layout.flatten = torch ? Flattening::channels_first : Flattening::channels_last;
  if (file.size() <= (torch ? 2U : 1U)) return layout;
  layout.axes.resize(file.size());
  std::iota(layout.axes.begin(), layout.axes.end(), std::size_t{0});
  if (torch) {
    std::rotate(layout.axes.begin() + 1, layout.axes.begin() + 2, layout.axes.end());
  } else {
    std::rotate(layout.axes.begin(), layout.axes.end() - 1, layout.axes.end());
  }
  return layout;
}

std::size_t product(const Extents& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::size_t{1}, std::multiplies<>());
}

std::string describe(const Extents& extents) {
  std::string text;
  for (std::size_t extent : extents) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

bool has_two_orders(const Extents& image) {
  return image.size() > 1 && image.back() > 1 && product(image) > image.back();
}

std::vector<std::size_t> row_order(const Extents& row, const Layout& said, const Extents& image,
                                   const std::string& what) {
  const bool two = has_two_orders(image), is_flat = beyond_one(row).size() <= 1;
  const std::string ours = image.size() > 1 ? describe(image) + " (" + names(image) + ")" : describe(image);
  if (product(row) != product(image)) {
    const std::string theirs = row.empty() ? "1 number" : describe(row) + " number(s)";
    throw ShapeError(what + ": rows of " + theirs + "; expected " + ours);
  }
  if (said.flatten && !is_flat) {
    throw ShapeError(what +
                     ": \"flatten\" says how images of several channels became rows of numbers; here they are no rows "
                     "(\"axes\" permutes)");
  }
  if (is_flat) {
    if (!two) return {};
    if (!said.flatten) {
      throw ShapeError(what + ": a row of " + describe(row) + " numbers is an image of " + ours +
                       ", and two orders are possible: write \"flatten\": \"channels-first\" if it was flattened "
                       "from channels x " +
                       (image.size() == 3 ? "height x width" : "length") +
                       " (PyTorch, torch.flatten), or \"flatten\": \"channels-last\" if from " + names(image) +
                       " (TensorFlow, Keras); of weights also \"order\": \"torch\" or \"keras\"; of init, --flatten");
    }
    return *said.flatten == Flattening::channels_first ? from_channels_first(image) : std::vector<std::size_t>{};
  }
  if (said.axes.empty() && (two || row.size() > 2)) {
    throw ShapeError(what + ": extents " + describe(row) + " where " + ours +
                     " are expected: \"axes\" says which axis of the file is which of ours, after that of the samples "
                     "or filters: PyTorch's (N, channels, height, width) takes \"axes\": [0, 2, 3, 1], TensorFlow's "
                     "(N, height, width, channels) [0, 1, 2, 3], Keras' (height, width, channels, filters) "
                     "[3, 0, 1, 2]; \"layout\" of data and \"order\" of weights say it in a word (cases/README.md)");
  }
  // Where axes are said, an axis for the one channel may be missing, but never stand elsewhere: the others would be
  // turned over.
  const bool fits =
      said.axes.empty() ? beyond_one(row) == beyond_one(image) : row == image || row == without_one(image);
  if (beyond_one(image).size() > 1 && !fits) {
    throw ShapeError(what + ": extents " + describe(row) + (said.axes.empty() ? "" : ", the axes permuted as said,") +
                     " where " + ours + " are expected (\"axes\" permutes)");
  }
  return {};
}

std::vector<std::size_t> only_axes(const Extents& file, const Extents& image) {
  if (!has_two_orders(image) || file.size() != image.size() + 1) return {};
  const Extents row(file.begin() + 1, file.end());
  const bool last = row == image, first = row == channels_first(image);
  if (last == first) return {};
  std::vector<std::size_t> axes(file.size());
  std::iota(axes.begin(), axes.end(), std::size_t{0});
  if (first) std::rotate(axes.begin() + 1, axes.begin() + 2, axes.end());
  return axes;
}

}  // namespace widecert
