#pragma once
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace slipstream::net_testing {

/// Writes a certificate for `name`, signed by its own key, and the key: PEM.
inline void make_certificate(const std::filesystem::path& certificate,
                             const std::filesystem::path& key, const std::string& name,
                             long seconds_left = 86'400 * 30 + 3'600) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen("P-256"),
                                                                 EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
  X509* x509 = made.get();
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3'600);
  X509_gmtime_adj(X509_getm_notAfter(x509), seconds_left);
  X509_set_pubkey(x509, pair.get());
  X509_NAME* subject = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x509, subject);
  const auto write = [](const std::filesystem::path& path, auto function) {
    const std::unique_ptr<FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "w"),
                                                             std::fclose);
    if (!file || function(file.get()) != 1) throw std::runtime_error("no certificate was made");
  };
  if (X509_sign(x509, pair.get(), EVP_sha256()) == 0) throw std::runtime_error("not signed");
  write(certificate, [&](FILE* file) { return PEM_write_X509(file, x509); });
  write(key, [&](FILE* file) {
    return PEM_write_PrivateKey(file, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

/// A TLS connection to a server on loopback. Takes any certificate and says whose it was.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int max_version = 0) {
    if (max_version != 0) {
      SSL_set_security_level(stream_.native_handle(), 0);
      SSL_set_min_proto_version(stream_.native_handle(), TLS1_VERSION);
      SSL_set_max_proto_version(stream_.native_handle(), max_version);
    }
    stream_.next_layer().connect({boost::asio::ip::address_v4::loopback(), port});
    stream_.handshake(boost::asio::ssl::stream_base::client, error_);
  }

  bool is_open() const { return !error_; }
  /// The certificate's common name.
  std::string peer_name() {
    const X509* x509 = SSL_get0_peer_certificate(stream_.native_handle());
    char name[256] = "";
    if (x509 != nullptr) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, name, sizeof name);
    }
    return name;
  }
  bool send(const std::string& text) {
    boost::asio::write(stream_, boost::asio::buffer(text), error_);
    return !error_;
  }
  std::string read_until(const std::string& mark) {
    boost::asio::read_until(stream_, boost::asio::dynamic_buffer(text_), mark, error_);
    return std::exchange(text_, {});
  }
  std::string read_to_end() {
    boost::asio::read(stream_, boost::asio::dynamic_buffer(text_), error_);
    return std::exchange(text_, {});
  }
  std::string ask(const std::string& text) {
    send(text);
    return read_to_end();
  }
  boost::asio::ssl::stream<boost::asio::ip::tcp::socket>& stream() { return stream_; }

 private:
  boost::asio::io_context io_;
  boost::asio::ssl::context context_{boost::asio::ssl::context::tls_client};
  boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream_{io_, context_};
  boost::system::error_code error_;
  std::string text_;
};

}  // namespace slipstream::net_testing
