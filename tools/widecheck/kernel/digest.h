// SHA-256 (OpenSSL).
#pragma once

#include <memory>
#include <string>

struct evp_md_ctx_st;

namespace widecheck {

class Sha256 {
 public:
  Sha256();
  void update(const void* bytes, std::size_t size);
  void update(const std::string& bytes) { update(bytes.data(), bytes.size()); }
  // The digest of everything since the start or the last finish(), as 32 bytes.
  std::string finish();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

// Of a short message, into 32 bytes; for millions of them.
void sha256_of(const unsigned char* message, std::size_t size, unsigned char* digest);

// Lower-case hexadecimal digits.
std::string to_hex(const std::string& bytes);

}  // namespace widecheck
