#include "io/address_cache.hpp"

#include "support/recorded_log.hpp"
#include "support/temporary_folder.hpp"
#include "tinc/base/bytes.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <optional>
#include <string>

namespace tinc::io {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Endpoint endpoint(std::string_view address, std::uint16_t port) {
    return {Address::parse(address).value(), port};
}

class AddressCacheTest : public testing::Test {
  protected:
    std::vector<Endpoint> recall(const std::string& name) {
        std::optional<std::vector<Endpoint>> answer;
        cache_.recall(name, [&](std::vector<Endpoint> recent) { answer = std::move(recent); });
        while (!answer) loop_.run_one();
        return *std::move(answer);
    }
    /// What is asked of one thread is answered in order.
    void remember(const std::string& name, const Endpoint& latest) {
        cache_.remember(name, latest);
        static_cast<void>(recall("nobody"));
    }
    [[nodiscard]] ino_t file_number(std::string_view name) const {
        struct stat status{};
        return ::stat(folder_.path(name).c_str(), &status) == 0 ? status.st_ino : 0;
    }

    test::TemporaryFolder folder_;
    test::RecordedLog log_;
    ConfigPlace place_{folder_.path(), {}};
    asio::io_context loop_;
    asio::executor_work_guard<asio::io_context::executor_type> guard_ =
        asio::make_work_guard(loop_);
    AddressCache cache_{loop_, place_, log_};
};

TEST_F(AddressCacheTest, RecallsWhatItRemembers) {
    EXPECT_THAT(recall("beta"), IsEmpty());
    remember("beta", endpoint("192.0.2.1", 655));
    remember("beta", endpoint("2001:db8::1", 700));
    EXPECT_THAT(recall("beta"),
                ElementsAre(endpoint("2001:db8::1", 700), endpoint("192.0.2.1", 655)));
    EXPECT_THAT(recall("gamma"), IsEmpty());
    EXPECT_THAT(log_.lines, IsEmpty());
}

TEST_F(AddressCacheTest, MakesTheFolderAndNothingElseInIt) {
    remember("beta", endpoint("192.0.2.1", 655));
    struct stat status{};
    ASSERT_EQ(::stat(folder_.path("cache").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U & ~0755U, 0U);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path("cache")),
                            std::filesystem::directory_iterator()),
              1);
    EXPECT_EQ(folder_.read("cache/beta").size(), 264U);
}

TEST_F(AddressCacheTest, WritesOnlyWhatIsNews) {
    remember("beta", endpoint("192.0.2.1", 655));
    const auto before = file_number("cache/beta");
    remember("beta", endpoint("192.0.2.1", 655));
    EXPECT_EQ(file_number("cache/beta"), before);
}

TEST_F(AddressCacheTest, IgnoresAFileThatIsNone) {
    for (const auto* text : {"", "Name = beta\n"}) {
        folder_.write("cache/beta", text);
        EXPECT_THAT(recall("beta"), IsEmpty());
        EXPECT_TRUE(log_.contains("Address cache is ignored: " + folder_.path("cache/beta")));
        log_.lines.clear();
    }
    folder_.write("cache/beta", std::string(1'000'000, 'x'));
    EXPECT_THAT(recall("beta"), IsEmpty());
    remember("beta", endpoint("192.0.2.1", 655));
    EXPECT_THAT(recall("beta"), ElementsAre(endpoint("192.0.2.1", 655)));
}

TEST_F(AddressCacheTest, TellsOnceThatNothingCanBeKept) {
    folder_.write("cache", "not a folder");
    remember("beta", endpoint("192.0.2.1", 655));
    remember("gamma", endpoint("192.0.2.1", 655));
    ASSERT_EQ(log_.lines.size(), 1U);
    EXPECT_TRUE(log_.contains("cannot be kept"));
    EXPECT_THAT(recall("beta"), IsEmpty());
}

}  // namespace
}  // namespace tinc::io
