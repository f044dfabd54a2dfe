#include "redis/reply.h"

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include "redis/command.h"
#include "redis/stats.h"

namespace slipstream {
namespace {

using Status = ReplyReader::Status;

TEST(CommandBuffer, WritesWhatHiredisFormats) {
  CommandBuffer buffer;
  buffer.command({"XADD", "stream", "*", "payload", std::string_view("a\0\r\nb", 5), "empty", ""});
  buffer.begin(4);
  buffer.arg("XACK");
  buffer.arg(-7);
  buffer.arg(std::uint64_t{18446744073709551615u});
  buffer.arg_id(1'700'000'000'000, 5);
  EXPECT_EQ(buffer.size(), 2u);

  std::string expected;
  const auto format = [&](const std::vector<std::string>& arguments) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& argument : arguments) {
      texts.push_back(argument.data());
      sizes.push_back(argument.size());
    }
    char* bytes = nullptr;
    const int size =
        redisFormatCommandArgv(&bytes, static_cast<int>(texts.size()), texts.data(), sizes.data());
    expected.append(bytes, static_cast<std::size_t>(size));
    redisFreeCommand(bytes);
  };
  format({"XADD", "stream", "*", "payload", std::string("a\0\r\nb", 5), "empty", ""});
  format({"XACK", "-7", "18446744073709551615", "1700000000000-5"});
  EXPECT_EQ(buffer.bytes(), expected);
}

TEST(CommandBuffer, KnowsTheNamesItIsCountedUnder) {
  CommandBuffer buffer;
  for (const auto name : {"XADD", "XADD", "NOSUCH", "XACK", "XADD"}) buffer.command({name, "key"});
  std::vector<std::string_view> names;
  for (const auto index : buffer.names()) names.push_back(RedisStats::kNames[index]);
  EXPECT_EQ(names, (std::vector<std::string_view>{"XADD", "XADD", "OTHER", "XACK", "XADD"}));
  CommandBuffer other;
  other.command({"XACK", "key"});
  other.append(buffer);
  EXPECT_EQ(other.size(), 6u);
  EXPECT_EQ(other.bytes(), "*2\r\n$4\r\nXACK\r\n$3\r\nkey\r\n" + buffer.bytes());
  std::string bytes = "old";
  const auto queued = buffer.bytes();
  buffer.take(bytes);
  EXPECT_EQ(bytes, queued);
  EXPECT_TRUE(buffer.empty());
  EXPECT_TRUE(buffer.bytes().empty());
}

/// "[1,"text",+status,-error,nil,[]]".
std::string spell(ReplyView reply) {
  switch (reply.type()) {
    case ReplyType::kNil:
      return "nil";
    case ReplyType::kInteger:
      return std::to_string(reply.integer());
    case ReplyType::kStatus:
      return "+" + std::string(reply.text());
    case ReplyType::kError:
      return "-" + std::string(reply.text());
    case ReplyType::kString:
      return '"' + std::string(reply.text()) + '"';
    case ReplyType::kArray:
      break;
  }
  std::string out = "[";
  for (std::size_t i = 0; i < reply.size(); ++i) out += (i == 0 ? "" : ",") + spell(reply[i]);
  return out + "]";
}

struct ReplyCase {
  std::string_view bytes;
  const char* meaning;
};
const ReplyCase kReplies[] = {
    {"+OK\r\n", "+OK"},
    {"-ERR no\r\n", "-ERR no"},
    {":-9223372036854775808\r\n", "-9223372036854775808"},
    {":42\r\n", "42"},
    {"$-1\r\n", "nil"},
    {"*-1\r\n", "nil"},
    {"$0\r\n\r\n", "\"\""},
    {"$6\r\na\r\nb\r\n\r\n", "\"a\r\nb\r\n\""},
    {"*0\r\n", "[]"},
    {"*3\r\n:1\r\n$1\r\na\r\n$-1\r\n", "[1,\"a\",nil]"},
    {"*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n-ERR in\r\n", "[[1,2],[-ERR in]]"},
    // XREADGROUP
    {"*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\n2-"
     "0\r\n"
     "*-1\r\n",
     R"([["s",[["1-0",["k","v"]],["2-0",nil]]]])"},
    // As deep as XINFO STREAM FULL is, within EXEC.
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:8\r\n", "[[[[[[[[8]]]]]]]]"},
};

TEST(ReplyReader, ReadsEveryKindWholeAndBehindEachOther) {
  ReplyReader reader;
  for (const auto& c : kReplies) reader.feed(c.bytes);
  for (const auto& c : kReplies) {
    ASSERT_EQ(reader.next(), Status::kReply) << reader.error();
    EXPECT_EQ(spell(reader.reply()), c.meaning);
  }
  EXPECT_EQ(reader.next(), Status::kMore);
}

TEST(ReplyReader, ReadsEveryKindByteByByte) {
  ReplyReader reader;
  for (const auto& c : kReplies) {
    for (std::size_t i = 0; i < c.bytes.size(); ++i) {
      EXPECT_EQ(reader.next(), Status::kMore);
      reader.feed(c.bytes.substr(i, 1));
    }
    ASSERT_EQ(reader.next(), Status::kReply) << reader.error();
    EXPECT_EQ(spell(reader.reply()), c.meaning);
  }
}

TEST(ReplyReader, ReadsEveryKindCutInTwoAnywhere) {
  for (const auto& c : kReplies) {
    for (std::size_t cut = 0; cut <= c.bytes.size(); ++cut) {
      ReplyReader reader;
      reader.feed(c.bytes.substr(0, cut));
      if (cut < c.bytes.size()) {
        EXPECT_EQ(reader.next(), Status::kMore);
      }
      reader.feed(c.bytes.substr(cut));
      ASSERT_EQ(reader.next(), Status::kReply) << reader.error();
      EXPECT_EQ(spell(reader.reply()), c.meaning);
    }
  }
}

TEST(ReplyReader, RefusesWhatIsNoReply) {
  for (const std::string_view bytes :
       {"HTTP/1.1 400 Bad Request\r\n", "$x\r\n", ":one\r\n", "*2147483647\r\n", "$-2\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:9\r\n"}) {
    ReplyReader reader;
    reader.feed(bytes);
    EXPECT_EQ(reader.next(), Status::kBroken) << bytes;
    EXPECT_FALSE(reader.error().empty());
    reader.feed("+OK\r\n");
    EXPECT_EQ(reader.next(), Status::kBroken);
  }
}

TEST(ReplyView, OfWhatIsNotThereIsNil) {
  ReplyReader reader;
  reader.feed("*2\r\n:1\r\n$2\r\n17\r\n");
  ASSERT_EQ(reader.next(), Status::kReply);
  const auto reply = reader.reply();
  EXPECT_TRUE(reply[2].is_nil());
  EXPECT_TRUE(reply[0][0][5].is_nil());
  EXPECT_EQ(reply[0].text(), "");
  EXPECT_EQ(reply[0].size(), 0u);
  EXPECT_EQ(reply.integer(), 0);
  EXPECT_EQ(reply[1].integer(), 17);
  EXPECT_TRUE(ReplyView().is_nil());
  EXPECT_TRUE(RedisReply().view().is_nil());
}

TEST(ReplyView, FindsMembersByName) {
  ReplyReader reader;
  reader.feed("*5\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n*1\r\n:2\r\n$1\r\nc\r\n");
  ASSERT_EQ(reader.next(), Status::kReply);
  EXPECT_EQ(reader.reply().member("a").integer(), 1);
  EXPECT_EQ(reader.reply().member("b")[0].integer(), 2);
  EXPECT_TRUE(reader.reply().member("c").is_nil());
}

TEST(ReplyView, CopyStandsAloneEvenOfAPart) {
  for (const auto& c : kReplies) {
    ReplyReader reader;
    reader.feed("*3\r\n$5\r\nbegin\r\n");
    reader.feed(c.bytes);
    reader.feed("$3\r\nend\r\n+NEXT\r\n");
    if (reader.next() != Status::kReply) continue;  // one level too deep
    const RedisReply whole = reader.reply().copy();
    const RedisReply part = reader.reply()[1].copy();
    ASSERT_EQ(reader.next(), Status::kReply);
    EXPECT_EQ(spell(whole.view()), std::string(R"(["begin",)") + c.meaning + R"(,"end"])");
    EXPECT_EQ(spell(part.view()), c.meaning);
  }
}

TEST(ReplyError, IsKnownByItsFirstWord) {
  const auto error_of = [](const std::string& line) {
    ReplyReader reader;
    reader.feed(line + "\r\n");
    EXPECT_EQ(reader.next(), Status::kReply);
    return classify(reader.reply());
  };
  EXPECT_EQ(error_of("+MOVED 1 a:1"), ReplyError::kNone);
  EXPECT_EQ(error_of("-MOVED 1 a:1"), ReplyError::kMoved);
  EXPECT_EQ(error_of("-ASK 1 a:1"), ReplyError::kAsk);
  EXPECT_EQ(error_of("-TRYAGAIN Multiple keys"), ReplyError::kTryAgain);
  EXPECT_EQ(error_of("-CLUSTERDOWN Hash slot not served"), ReplyError::kTryAgain);
  EXPECT_EQ(error_of("-LOADING Redis is loading"), ReplyError::kTryAgain);
  EXPECT_EQ(error_of("-BUSYGROUP Consumer Group name already exists"), ReplyError::kOther);
  EXPECT_EQ(error_of("-READONLY You can't write"), ReplyError::kReadOnly);
  EXPECT_EQ(error_of("-NOAUTH Authentication required."), ReplyError::kAccess);
  EXPECT_EQ(error_of("-ERR"), ReplyError::kOther);
}

}  // namespace
}  // namespace slipstream
