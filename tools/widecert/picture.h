// Small pictures for the HTML report: a grey-scale PNG as a data URI.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace widecert::tool {

// pixels: size x size values, row by row, 0 (black) to 255 (white).
std::string png_data_uri(std::size_t size, const std::vector<std::uint8_t>& pixels);

}  // namespace widecert::tool
