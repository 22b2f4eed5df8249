// (The plain functions of OpenSSL, which it would like to see replaced, take a third of the time on short messages.)
#define OPENSSL_SUPPRESS_DEPRECATED
#include "kernel/digest.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdexcept>

namespace widecheck {
namespace {

void require_success(int result) {
  if (result != 1) throw std::runtime_error("SHA-256 of OpenSSL failed");
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
  require_success(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Sha256::update(const void* bytes, std::size_t size) {
  require_success(EVP_DigestUpdate(context_.get(), bytes, size));
}

std::string Sha256::finish() {
  std::string digest(32, '\0');
  require_success(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr));
  require_success(EVP_DigestInit_ex(context_.get(), nullptr, nullptr));
  return digest;
}

void sha256_of(const unsigned char* message, std::size_t size, unsigned char* digest) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, message, size);
  SHA256_Final(digest, &context);
}

std::string to_hex(const std::string& bytes) {
  static const char* const kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace widecheck
