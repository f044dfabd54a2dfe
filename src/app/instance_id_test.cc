#include "app/instance_id.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace slipstream {
namespace {

TEST(InstanceId, IsMadeOnceAndAnewWhereItCannotBeRead) {
  std::string name = (std::filesystem::temp_directory_path() / "slipstream-test-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  const std::filesystem::path folder = name;
  auto& files = posix_file_system();
  EXPECT_EQ(known_instance_id(files, folder), "");
  const auto id = instance_id(files, folder).value();
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(instance_id(files, folder).value(), id);
  EXPECT_EQ(known_instance_id(files, folder), id);
  std::ofstream(folder / "instance-id", std::ios::trunc) << id.substr(1);
  std::ofstream(folder / "instance-id.new") << "of a start that got no farther";
  EXPECT_EQ(known_instance_id(files, folder), "");
  EXPECT_NE(instance_id(files, folder).value(), id);
  EXPECT_FALSE(std::filesystem::exists(folder / "instance-id.new"));
  std::filesystem::remove_all(folder);
}

TEST(InstanceId, IsAnErrorWhereItCannotBeWritten) {
  EXPECT_FALSE(instance_id(posix_file_system(), "/nowhere"));
}

}  // namespace
}  // namespace slipstream
