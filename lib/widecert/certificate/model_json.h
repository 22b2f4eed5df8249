// JSON of networks, datasets, tensors, points, properties and proofs, shared by case files, claims
// and certificates.
#pragma once

#include <widecert/certificate/claim.h>
#include <widecert/certificate/json.h>

namespace widecert {

Json to_json(const Architecture& network);
Architecture read_network(JsonReader in);

Json to_json(const DatasetSpec& data);
DatasetSpec read_dataset(JsonReader in);

Json to_json(const TensorSpec& tensor);
TensorSpec read_tensor(JsonReader in);

Json to_json(const PointSpec& point);
PointSpec read_point(JsonReader in);

Json to_json(const Family& family);
Family read_family(JsonReader in);

Json property_json(const Property& property);
Property read_property(JsonReader in);

Json proof_json(const Proof& proof);
Proof read_proof(JsonReader in);

Json to_json(const Range& range);
Range read_range(const JsonReader& in);

// [i, j].
std::array<std::size_t, 2> read_pair(const JsonReader& in);

}  // namespace widecert
