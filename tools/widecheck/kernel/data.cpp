#include "kernel/data.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string_view>

#include "kernel/digest.h"
#include "kernel/integers.h"
#include "kernel/seeded.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

std::uint64_t big_endian(const unsigned char* bytes, std::size_t n) {
  std::uint64_t v = 0;
  for (std::size_t b = 0; b < n; ++b) v = v << 8 | bytes[b];
  return v;
}

std::int64_t decode_integer(int type, const unsigned char* bytes) {
  switch (type) {
    case 0x08:
      return bytes[0];
    case 0x09:
      return static_cast<std::int8_t>(bytes[0]);
    case 0x0B:
      return static_cast<std::int16_t>(big_endian(bytes, 2));
    default:
      return static_cast<std::int32_t>(big_endian(bytes, 4));
  }
}

std::int64_t read_bounded(const Value& json, const char* key) {
  const mpz_class v = json.at(key).integer();
  if (abs(v) > (mpz_class(1) << 53)) json.at(key).bad("an integer of at most 2^53");
  return static_cast<std::int64_t>(v.get_si());
}

}  // namespace

Data::Data(const Value& json, const Extents& sample, Budget& budget) : budget_(&budget), sample_(sample), width_(1) {
  for (std::size_t extent : sample) width_ *= extent;
  const std::string format = json.at("format").text();
  description_ = format;
  if (format == "inline") {
    format_ = Format::inline_rows;
    for (const Value& values : json.at("samples").list()) {
      auto& row = rows_.emplace_back();
      for (const Value& v : values.list()) row.push_back(v.rational());
      if (row.size() != width_) values.bad(std::to_string(width_) + " features");
    }
  } else if (format == "npy") {
    format_ = Format::npy;
    file_ = read_npy_place(json);
    description_ = in_words(file_);
  } else if (format == "idx" || format == "csv") {
    format_ = format == "idx" ? Format::idx : Format::csv;
    file_ = read_file_place(json);
    description_ = in_words(file_);
    if (format == "idx" && json.has("labels")) json.at("labels").text();  // no rule reads labels
    if (format == "csv") csv_ = read_csv(json);
  } else if (format == "seeded") {
    format_ = Format::seeded;
    seed_ = json.at("seed").number(INT64_MAX);
    low_ = read_bounded(json, "low");
    high_ = read_bounded(json, "high");
    if (low_ > high_) json.bad("low <= high");
    description_ = "synthetic, no file: seeded integers v from " + std::to_string(low_) + " to " +
                   std::to_string(high_) + " of seed " + std::to_string(seed_);
  } else {
    json.at("format").bad("inline, idx, npy, csv or seeded");
  }
  if (format_ != Format::inline_rows && format_ != Format::seeded) layout_ = read_layout(json);
  if (format_ == Format::csv && !layout_.axes.empty()) json.at("axes").bad("no axes of a CSV file");
  if (json.has("first")) first_ = json.at("first").number(1u << 30);
  count_ = json.at("count").number(1u << 30);
  if (count_ == 0) json.at("count").bad("at least one sample");
  if (json.has("multiply")) multiply_ = json.at("multiply").integer();
  if (json.has("divide")) divide_ = json.at("divide").integer();
  if (divide_ <= 0) json.at("divide").bad("a positive integer");
  if (json.has("noise")) {
    const Value noise = json.at("noise");
    if (made()) noise.bad("none on data that are seeded themselves");
    noisy_ = true;
    noise_seed_ = noise.at("seed").number(INT64_MAX);
    noise_low_ = read_bounded(noise, "low");
    noise_high_ = read_bounded(noise, "high");
    if (noise_low_ > noise_high_) noise.bad("low <= high");
  }
  describe();
}

// All that the values depend on, counted from 1.
void Data::describe() {
  const auto add = [&](const std::string& more) { description_ += more; };
  add(count_ == 1 ? "; sample " : "; samples ");
  add(std::to_string(first_ + 1) + (count_ == 1 ? "" : " to " + std::to_string(first_ + count_)));
  if (first_ != 0) add(" (numbered from 1 in what is proved)");
  add(in_words(csv_) + in_words(layout_));
  std::string x = multiply_ == 1 ? "v" : multiply_ == 0 ? "" : multiply_.get_str() + " v";
  if (noisy_) x += x.empty() ? "noise" : " + noise";
  if (x.empty()) x = "0";
  if (divide_ != 1) x = (x.ends_with(" + noise") ? "(" + x + ")" : x) + " / " + divide_.get_str();
  add("; x = " + x);
  if (noisy_) {
    add(", integer noise of seed " + std::to_string(noise_seed_) + " from " + std::to_string(noise_low_) + " to " +
        std::to_string(noise_high_));
  }
  if (multiply_ == 0) add(" (multiply is 0: the values v do not matter)");
}

std::size_t Data::stream_idx(const RationalRow& row, const IntegerRow& integers) const {
  Stream in(file_.path, file_.member);
  unsigned char magic[4];
  in.need(magic, 4);
  const int type = magic[2];
  const std::size_t bytes = type == 0x08 || type == 0x09   ? 1
                            : type == 0x0B                 ? 2
                            : type == 0x0C || type == 0x0D ? 4
                            : type == 0x0E                 ? 8
                                                           : 0;
  if (magic[0] != 0 || magic[1] != 0 || bytes == 0 || magic[3] < 1 || magic[3] > 4)
    throw Malformed("data", file_.path + ": not an IDX file");
  Extents shape;
  std::size_t total = bytes;
  for (int d = 0; d < magic[3]; ++d) {
    unsigned char extent[4];
    in.need(extent, 4);
    const std::size_t e = big_endian(extent, 4);
    if (e == 0 || e > (std::size_t{1} << 33) / total)
      throw Malformed("data", file_.path + ": an extent of 0, or a header that promises more than 8 GiB");
    total *= e;
    shape.push_back(e);
  }
  return stream_array(
      in, shape, false, bytes, type >= 0x0D,
      [&](const unsigned char* element) { return decode_integer(type, element); },
      [&](const unsigned char* element) { return exact_float(big_endian(element, bytes), bytes, file_.path); }, row,
      integers);
}

std::size_t Data::stream_npy(const RationalRow& row, const IntegerRow& integers) const {
  Stream in(file_.path, file_.member);
  const NpyHeader header = read_npy_header(in);
  return stream_array(
      in, header.shape, header.fortran, header.bytes, header.kind == 'f',
      [&](const unsigned char* element) { return npy_integer(header, element); },
      [&](const unsigned char* element) { return npy_float(header, element, in.name()); }, row, integers);
}

template <class Integer, class Real>
std::size_t Data::stream_array(Stream& in, const Extents& shape, bool fortran, std::size_t size, bool floats,
                               Integer integer, Real real, const RationalRow& row, const IntegerRow& integers) const {
  budget_->spend(10 * Products(width_) * shape.size());
  const SamplePlaces places = sample_places(shape, fortran, layout_, sample_, in.name());
  if (first_ > places.samples || count_ > places.samples - first_)
    throw Malformed("data", in.name() + ": the samples do not fit the claim");
  // Samples that are not one after the other are all kept.
  const bool keep = places.step != width_ && places.samples > 1;
  std::vector<unsigned char> buffer;
  if (keep) {
    buffer = in.all(places.samples * width_ * size);
  } else {
    buffer.resize(width_ * size);
    in.skip(first_ * buffer.size());
  }
  for (std::size_t i = first_; i < first_ + count_; ++i) {
    if (!keep) in.need(buffer.data(), buffer.size());
    const unsigned char* sample = buffer.data() + (keep ? i * places.step * size : 0);
    if (floats) {
      std::vector<mpq_class> values;
      for (std::size_t at : places.first) values.push_back(real(sample + at * size));
      row(i, std::move(values));
    } else {
      std::vector<std::int64_t> values(width_);
      for (std::size_t j = 0; j < width_; ++j) values[j] = integer(sample + places.first[j] * size);
      integers(i, values);
    }
  }
  if (!keep) in.skip((places.samples - first_ - count_) * buffer.size());
  in.finish(file_.sha256);
  return in.total() + in.stored();
}

std::size_t Data::stream_csv(const RationalRow& row) const {
  Stream in(file_.path, file_.member);
  std::size_t samples = 0;
  const Extents order = row_order({width_}, layout_, sample_, file_.path);
  for_each_line(in, csv_, *budget_,
                [&](std::size_t index, const std::vector<std::string>& fields, const std::string& place) {
                  samples = index + 1;
                  if (index < first_ || index >= first_ + count_) return;
                  if (fields.size() != width_) throw Malformed("data", place + ": the wrong number of fields");
                  std::vector<mpq_class> values;
                  for (std::size_t j = 0; j < width_; ++j)
                    values.push_back(parse_decimal(fields[order.empty() ? j : order[j]], place, *budget_));
                  row(index, std::move(values));
                });
  if (samples < first_ + count_) throw Malformed("data", file_.path + ": fewer samples than the claim says");
  in.finish(file_.sha256);
  return in.total() + in.stored();
}

std::size_t Data::stream_seeded(const IntegerRow& integers) const {
  SeededRow made(seed_, low_, high_);
  std::vector<std::int64_t> values(width_);
  for (std::size_t i = first_; i < first_ + count_; ++i) {
    made.read(i, width_, values.data());
    integers(i, values);
  }
  return 0;
}

Data::Maker::Maker(const Data& data)
    : first_(data.first_),
      multiply_(data.multiply_.fits_slong_p() ? data.multiply_.get_si() : 0),  // else all samples are 0
      row_(data.seed_, data.low_, data.high_) {}

void Data::Maker::make(std::size_t sample, std::size_t count, std::int64_t* x) {
  row_.read(first_ + sample, count, x);
  if (multiply_ != 1)
    for (std::size_t j = 0; j < count; ++j) x[j] *= multiply_;
}

std::size_t Data::stream(const RationalRow& row, const IntegerRow& integers) const {
  if (format_ == Format::idx) return stream_idx(row, integers);
  if (format_ == Format::npy) return stream_npy(row, integers);
  if (format_ == Format::csv) return stream_csv(row);
  if (format_ == Format::seeded) return stream_seeded(integers);
  if (first_ > rows_.size() || count_ > rows_.size() - first_)
    throw Malformed("data", "fewer inline samples than the claim says");
  for (std::size_t i = first_; i < first_ + count_; ++i) row(i, rows_[i]);
  return 0;
}

void Data::verify() {
  if (count_ == 0) return;  // no data
  mpz_class most = 0;
  std::uint64_t most_small = 0;
  const auto note = [&](const mpq_class& v) {
    const Products denominator = Products::words(v.get_den());
    budget_->spend(100 + 4 * denominator * (Products::words(common_) + Products::words(v.get_num())));
    if (!mpz_divisible_p(common_.get_mpz_t(), v.get_den_mpz_t())) common_ = lcm(common_, v.get_den());
    if (mpz_sizeinbase(common_.get_mpz_t(), 2) > 65'536)
      throw Malformed("too-large", "the data have a common divisor of more than 65,536 bits");
    // The numerator over the common divisor is at most this much.
    mpz_class size = abs(v.get_num()) / v.get_den() + 1;
    most = std::max(most, size);
  };
  if (made()) {
    // Their range is known, and no file has to be there.
    largest_ = abs(multiply_) * static_cast<long>(std::max(std::abs(low_), std::abs(high_)));
    return;
  }
  budget_->spend(4 * Products(count_) * width_);  // (fractions pay by themselves)
  bytes_ = stream(
      [&](std::size_t, const std::vector<mpq_class>& values) {
        rational_ = true;
        for (const mpq_class& v : values) note(v);
      },
      [&](std::size_t, const std::vector<std::int64_t>& values) {
        for (const std::int64_t v : values) {
          const auto size = static_cast<std::uint64_t>(v);
          most_small = std::max(most_small, v < 0 ? -size : size);
        }
      });
  most = std::max(most, mpz_class(static_cast<unsigned long>(most_small)));
  const long noise = std::max(std::abs(noise_low_), std::abs(noise_high_));
  largest_ = common_ * (abs(multiply_) * most + noise);
}

std::size_t Data::words() const {
  const std::size_t bits = std::max(mpz_sizeinbase(largest_.get_mpz_t(), 2), mpz_sizeinbase(divisor().get_mpz_t(), 2));
  return bits / 64 + 1;
}

template <class T, class Narrow>
void Data::transform(const std::function<void(std::size_t, const std::vector<T>&)>& visit, Narrow narrow) const {
  const Products each = (sizeof(T) == 8 ? Products(4) : 60 + 2 * Products(words())) +
                        (noisy_   ? Products(kSeededCost)
                         : made() ? Products(Maker(*this).cost())
                                  : 0) +
                        (rational_ ? 300 + 4 * Products(words()) * words() : 0);
  budget_->spend(8 * Products(bytes_) + each * count_ * width_);
  Seeded noise("noise", noise_seed_, "x", noise_low_, noise_high_);
  const T factor = narrow(multiply_);
  std::vector<T> x(width_);
  const auto rationals = [&](std::size_t source, const std::vector<mpq_class>& raw) {
    for (std::size_t j = 0; j < raw.size(); ++j) {
      mpz_class v = raw[j].get_num() * (common_ / raw[j].get_den()) * multiply_;
      if (noisy_) v += mpz_class(static_cast<long>(noise.at(source, j))) * common_;
      x[j] = narrow(v);
    }
    visit(source - first_, x);
  };
  stream(rationals, [&](std::size_t source, const std::vector<std::int64_t>& raw) {
    for (std::size_t j = 0; j < raw.size(); ++j) {
      x[j] = factor * static_cast<long>(raw[j]);
      if (noisy_) x[j] += static_cast<long>(noise.at(source, j));
    }
    visit(source - first_, x);
  });
}

void Data::for_each(const std::function<void(std::size_t, const std::vector<mpz_class>&)>& visit) const {
  transform<mpz_class>(visit, [](const mpz_class& v) { return v; });
}

void Data::for_each_small(const std::function<void(std::size_t, const std::vector<std::int64_t>&)>& visit) const {
  // Every numerator, and every part of the sums above, is at most largest_ in absolute value; a factor
  // that does not fit multiplies zeros only.
  if (!small()) throw std::logic_error("64-bit data without a bound");
  transform<std::int64_t>(visit, [](const mpz_class& v) { return v.fits_slong_p() ? v.get_si() : 0; });
}

}  // namespace widecheck
