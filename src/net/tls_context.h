#pragma once
#include <filesystem>
#include <memory>

#include "base/error.h"

struct ssl_ctx_st;

namespace slipstream {

/// A certificate with its chain and its private key, ready to serve by: TLS 1.2 and 1.3, forward
/// secrecy and authenticated encryption only. Immutable; connections made from it keep it.
class TlsContext {
 public:
  /// Two PEM files. Errors say which file, and what is wrong: not there, no certificate, another
  /// certificate's key ...
  static Result<std::shared_ptr<const TlsContext>> load(const std::filesystem::path& certificate,
                                                        const std::filesystem::path& key);
  /// How long the certificate is still good; below zero once it is over.
  int days_left() const;
  ssl_ctx_st* native() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}

  std::unique_ptr<ssl_ctx_st, Free> context_;
};

}  // namespace slipstream
