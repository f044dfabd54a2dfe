// Who may do what, decided before anything is spent: tokens, origins, addresses, rates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_guard.h"
#include "net/tls_context.h"
#include "net/tls_testing.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TokenTable::Entry entry(const std::string& name, bool read, bool write, bool admin) {
  return {
      .name = name, .digest = digest_of_token(name), .read = read, .write = write, .admin = admin};
}

TEST(TokenTable, WithoutTokensEverybodyMayDoEverything) {
  const TokenTable table;
  for (const auto scope : {Scope::kOpen, Scope::kRead, Scope::kWrite, Scope::kAdmin}) {
    EXPECT_TRUE(table.access_of("").allows(scope));
    EXPECT_TRUE(table.access_of("whatever").allows(scope));
  }
}

TEST(TokenTable, GrantsWhatTheTokenGrants) {
  TokenTable table;
  table.add(entry("reader", true, false, false));
  table.add(entry("sender", false, true, false));
  table.add(entry("chief", false, false, true));
  struct Case {
    const char* token;
    bool read, write, admin;
  };
  for (const auto& [token, read, write, admin] :
       {Case{"", false, false, false}, Case{"nobody", false, false, false},
        Case{"reader", true, false, false}, Case{"sender", false, true, false},
        Case{"chief", true, true, true}}) {
    SCOPED_TRACE(token);
    const auto access = table.access_of(token);
    EXPECT_TRUE(access.allows(Scope::kOpen));
    EXPECT_EQ(access.allows(Scope::kRead), read);
    EXPECT_EQ(access.allows(Scope::kWrite), write);
    EXPECT_EQ(access.allows(Scope::kAdmin), admin);
  }
  EXPECT_EQ(table.access_of("reader").token, "reader");
  EXPECT_EQ(table.access_of("nobody").token, "");
}

TEST(TokenTable, TokensForSendersAloneLeaveReadingOpen) {
  TokenTable table;
  table.add(entry("sender", false, true, false));
  EXPECT_TRUE(table.everybody().allows(Scope::kRead));
  EXPECT_FALSE(table.everybody().allows(Scope::kWrite));
  EXPECT_FALSE(table.everybody().allows(Scope::kAdmin));
  EXPECT_TRUE(table.access_of("sender").allows(Scope::kRead));
}

TEST(TokenTable, ReadsDigestsAndHeaders) {
  const auto digest =
      parse_token_digest("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
  ASSERT_TRUE(digest);
  EXPECT_EQ(*digest, digest_of_token("test"));
  EXPECT_FALSE(parse_token_digest("9f86"));
  EXPECT_FALSE(parse_token_digest(std::string(64, 'g')));
  EXPECT_EQ(token_of_authorization("Bearer abc"), "abc");
  EXPECT_EQ(token_of_authorization("bearer  abc"), "abc");
  EXPECT_EQ(token_of_authorization("Token abc"), "abc");
  EXPECT_EQ(token_of_authorization("Basic dXNlcjphYmM="), "abc");
  EXPECT_EQ(token_of_authorization("basic OmE6Yg=="), "a:b") << "no user, and a colon in it";
  for (const auto none : {"", "Bearer", "Bearer ", "Basic abc", "abc", "Basic dXNlcg==", "Basic =",
                          "Basic ====", "Basic dXNlcjphYmM", "Digest abc"}) {
    EXPECT_EQ(token_of_authorization(none), "") << none;
  }
}

TEST(HttpGuard, ATokenInTheAddressCountsWhereItsPathAllowsIt) {
  TokenTable tokens;
  tokens.add(entry("sender", false, true, false));
  const HttpGuard guard({.tokens = std::move(tokens)});
  const auto name_of = [&](HttpRequest request, std::string_view parameter) {
    guard.identify(request, parse_address("127.0.0.1").value(), parameter);
    return request.access.token;
  };
  HttpRequest asked;
  asked.query = {{"u", "any"}, {"p", "sender"}};
  EXPECT_EQ(name_of(asked, "p"), "sender");
  EXPECT_EQ(name_of(asked, ""), "");
  EXPECT_EQ(name_of(asked, "token"), "");
  asked.headers = {{"Authorization", "Token x"}};
  EXPECT_EQ(name_of(asked, "p"), "") << "the header is what counts";
}

TEST(OriginList, OwnPagesAreWelcomeAndOthersWhereListed) {
  const auto list = OriginList::parse({"https://pits.example", "http://10.0.0.1:3000"});
  ASSERT_TRUE(list) << list.error().message;
  struct Case {
    const char* origin;
    const char* host;
    bool allowed;
  };
  for (const auto& [origin, host, allowed] :
       {Case{"", "x", true}, Case{"http://x:8081", "x:8081", true}, Case{"http://X", "x:80", true},
        Case{"https://x", "x:443", true}, Case{"http://x:8081", "x:8082", false},
        Case{"http://x.evil", "x", false}, Case{"http://evil/x", "x", false},
        Case{"null", "x", false}, Case{"http://", "", false},
        Case{"https://pits.example", "x", true}, Case{"HTTPS://PITS.example", "x", true},
        Case{"http://pits.example", "x", false}, Case{"http://10.0.0.1:3000", "x", true},
        Case{"http://10.0.0.1", "x", false}}) {
    EXPECT_EQ(list->allows(origin, host), allowed) << origin << " at " << host;
  }
  EXPECT_TRUE(OriginList::parse({"*"})->allows("http://whatever", "x"));
  for (const auto bad : {"pits.example", "https://", "https://a/b", "://a", "https://*.a", ""}) {
    EXPECT_FALSE(OriginList::parse({bad})) << bad;
  }
}

HttpRequest request_from(const std::string& forwarded) {
  HttpRequest request;
  if (!forwarded.empty()) request.headers.emplace_back("X-Forwarded-For", forwarded);
  return request;
}

TEST(HttpGuard, BelievesWhatTrustedProxiesSayOfAddresses) {
  const HttpGuard guard({.trusted_proxies = AddressList::parse({"10.0.0.0/8"}).value()});
  struct Case {
    const char* peer;
    const char* forwarded;
    const char* address;
  };
  for (const auto& [peer, forwarded, address] :
       {Case{"10.0.0.1", "", "10.0.0.1"}, Case{"10.0.0.1", "1.2.3.4", "1.2.3.4"},
        Case{"10.0.0.1", "9.9.9.9, 1.2.3.4", "1.2.3.4"},
        Case{"10.0.0.1", "1.2.3.4, 10.0.0.2", "1.2.3.4"},
        Case{"10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"},
        Case{"10.0.0.1", "2001:db8::1", "2001:db8::1"}, Case{"8.8.8.8", "1.2.3.4", "8.8.8.8"}}) {
    auto request = request_from(forwarded);
    guard.identify(request, parse_address(peer).value(), "");
    EXPECT_EQ(request.address, address) << peer << ": " << forwarded;
  }
}

TEST(SenderTable, HoldsEachSenderToItsConnections) {
  SenderTable table({.connections = 2});
  const Address a = parse_address("10.0.0.1").value();
  const Address b = parse_address("10.0.0.2").value();
  const SenderTable::Time now{};
  EXPECT_TRUE(table.open(a, now));
  EXPECT_TRUE(table.open(a, now));
  EXPECT_FALSE(table.open(a, now));
  EXPECT_TRUE(table.open(b, now));
  table.close(a, now);
  EXPECT_TRUE(table.open(a, now));
}

TEST(SenderTable, HoldsEachSenderToItsRate) {
  SenderTable table({.requests_per_second = 10});
  const Address a = parse_address("10.0.0.1").value();
  SenderTable::Time now{};
  int served = 0;
  for (int i = 0; i < 100; ++i) served += table.may_request(a, now) ? 1 : 0;
  EXPECT_EQ(served, 10);
  EXPECT_TRUE(table.may_request(parse_address("10.0.0.2").value(), now));
  for (int i = 0; i < 20; ++i) served += table.may_request(a, now += 100ms) ? 1 : 0;
  EXPECT_EQ(served, 30);
  EXPECT_FALSE(table.may_request(a, now));
}

TEST(SenderTable, StaysBoundedWhateverAddressesCome) {
  SenderTable table({.connections = 1, .requests_per_second = 1});
  SenderTable::Time now{};
  for (std::uint64_t i = 1; i < 20'000; ++i) {
    const Address address{i, i};
    table.open(address, now);
    table.may_request(address, now);
    table.close(address, now);
  }
  EXPECT_LE(table.size(), SenderTable::kMaxIdle + 1);
  table.may_request(Address{1, 1}, now + 2s);
  table.may_request(Address{1, 1}, now + 4s);
  EXPECT_LE(table.size(), 2u) << "whose allowance is whole again is forgotten";
}

TEST(Address, SenderIsTheHouseholdOfAnIpv6Address) {
  const auto sender = [](const char* text) { return parse_address(text)->sender(); };
  EXPECT_EQ(sender("2001:db8:1:2::1"), sender("2001:db8:1:2:ffff::9"));
  EXPECT_FALSE(sender("2001:db8:1:2::1") == sender("2001:db8:1:3::1"));
  EXPECT_FALSE(sender("10.0.0.1") == sender("10.0.0.2"));
  EXPECT_EQ(sender("::ffff:10.0.0.1"), sender("10.0.0.1"));
}

TEST(TlsContext, SaysWhatIsWrongWithItsFiles) {
  std::string name = (std::filesystem::temp_directory_path() / "slipstream-tls-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  const std::filesystem::path directory = name;
  const auto certificate = directory / "c.pem";
  const auto key = directory / "k.pem";
  net_testing::make_certificate(certificate, key, "localhost");
  net_testing::make_certificate(directory / "c2.pem", directory / "k2.pem", "other", -60);
  const auto good = TlsContext::load(certificate, key);
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ((*good)->days_left(), 30);
  EXPECT_LT(TlsContext::load(directory / "c2.pem", directory / "k2.pem").value()->days_left(), 0);
  EXPECT_THAT(TlsContext::load(directory / "none", key).error().message,
              HasSubstr("none' cannot be read"));
  EXPECT_THAT(TlsContext::load(certificate, directory).error().message,
              HasSubstr("cannot be read"));
  EXPECT_THAT(TlsContext::load(key, key).error().message, HasSubstr("k.pem' holds no certificate"));
  EXPECT_THAT(TlsContext::load(certificate, certificate).error().message,
              HasSubstr("c.pem' is no private key"));
  EXPECT_THAT(TlsContext::load(certificate, directory / "k2.pem").error().message,
              HasSubstr("k2.pem' is "));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace slipstream
