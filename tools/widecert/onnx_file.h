// A network at a point, written as an ONNX model.
#pragma once

#include <widecert/network/point.h>

#include <string>

namespace widecert::tool {

// Up to `node`, or the last layer that the point speaks of if that stands later. Returns what has been rounded, in
// words.
std::string write_onnx_file(const std::string& path, const Architecture& network, const PointSpec& point,
                            std::size_t node);

}  // namespace widecert::tool
