#include "certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace slipstream::harness {

namespace {

template <auto Free>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;
using File = std::unique_ptr<std::FILE, FreedBy<std::fclose>>;

constexpr long kDaySeconds = 24L * 3600;

void check(bool is_done) {
  if (!is_done) throw std::runtime_error("OpenSSL cannot make a certificate");
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  check(key != nullptr);
  return key;
}

/// Signed by `issuer` with its key; by itself where there is none.
Certificate make_certificate(const char* name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  static long serial = 1;
  Certificate certificate(X509_new());
  auto* x509 = certificate.get();
  check(x509 != nullptr && X509_set_version(x509, X509_VERSION_3) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x509), -kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(x509), kDaySeconds);
  auto* subject = X509_get_subject_name(x509);
  check(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name), -1, -1, 0) == 1);
  X509* const by = issuer == nullptr ? x509 : issuer;
  check(X509_set_issuer_name(x509, X509_get_subject_name(by)) == 1 &&
        X509_set_pubkey(x509, key) == 1);
  const auto add = [&](int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, by, x509, nullptr, nullptr, 0);
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
    check(extension != nullptr && X509_add_ext(x509, extension.get(), -1) == 1);
  };
  if (issuer == nullptr) {
    add(NID_basic_constraints, "critical,CA:TRUE");
    add(NID_key_usage, "critical,keyCertSign");
  } else {
    add(NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  }
  check(X509_sign(x509, issuer == nullptr ? key : issuer_key, EVP_sha256()) > 0);
  return certificate;
}

File create(const std::filesystem::path& path) {
  File file(std::fopen(path.c_str(), "w"));
  check(file != nullptr);
  return file;
}

std::filesystem::path write(const std::filesystem::path& path, X509* certificate) {
  check(PEM_write_X509(create(path).get(), certificate) == 1);
  return path;
}

}  // namespace

Certificates make_certificates(const std::filesystem::path& directory) {
  const auto ca_key = make_key();
  const auto ca = make_certificate("Test authority", ca_key.get(), nullptr, nullptr);
  const auto other_key = make_key();
  const auto other_ca = make_certificate("Other authority", other_key.get(), nullptr, nullptr);
  const auto key = make_key();
  const auto certificate = make_certificate("localhost", key.get(), ca.get(), ca_key.get());
  const auto key_path = directory / "server.key";
  check(PEM_write_PrivateKey(create(key_path).get(), key.get(), nullptr, nullptr, 0, nullptr,
                             nullptr) == 1);
  return {.ca = write(directory / "ca.crt", ca.get()),
          .certificate = write(directory / "server.crt", certificate.get()),
          .key = key_path,
          .other_ca = write(directory / "other-ca.crt", other_ca.get())};
}

}  // namespace slipstream::harness
