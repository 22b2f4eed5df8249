// The page about a search: the map of ranks as pictures, the violations as a table.
#pragma once

#include <widecert/certificate/json.h>

#include <nlohmann/json.hpp>

#include <string>

namespace widecert::tool {

// `state` is what widecert hunt keeps in hunt.json.
std::string hunt_page(const Json& state);

}  // namespace widecert::tool
