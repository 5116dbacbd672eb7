#include "io/graph_dump.hpp"

#include "support/recorded_log.hpp"
#include "support/temporary_folder.hpp"
#include "tinc/graph/drawing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>

namespace tinc::io {
namespace {

using std::chrono::milliseconds;

class GraphDumpTest : public testing::Test {
  protected:
    /// Runs the loop until that is so; false if it takes too long.
    bool run_until(const std::function<bool()>& is_so) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!is_so() && std::chrono::steady_clock::now() < end)
            loop_.run_one_for(milliseconds(20));
        return is_so();
    }
    bool has_drawing(std::string_view name) {
        return run_until([&] { return folder_.read(name) == graph::drawing(graph_); });
    }
    bool says(std::string_view text) {
        return run_until([&] { return log_.contains(text); });
    }
    void connect(std::string_view name) {
        const auto node = graph_.add_node(name).value();
        graph_.set_edge({.from = graph::Graph::self, .to = node, .address = {}}).value();
    }

    asio::io_context loop_;
    test::RecordedLog log_;
    test::TemporaryFolder folder_;
    graph::Graph graph_{"me"};
    GraphDump dump_{loop_, log_, {milliseconds(5), milliseconds(200)}};
};

TEST_F(GraphDumpTest, FollowsTheMesh) {
    dump_.set_target(folder_.path("out"));
    dump_.start(graph_);
    EXPECT_TRUE(has_drawing("out"));
    connect("beta");
    EXPECT_TRUE(has_drawing("out"));
    EXPECT_FALSE(std::filesystem::exists(folder_.path("out.new")));
    EXPECT_TRUE(log_.contains("Dumping graph"));
}

TEST_F(GraphDumpTest, WritesNothingWhileNothingChanges) {
    dump_.set_target("|cat >>" + folder_.path("out"));
    dump_.start(graph_);
    ASSERT_TRUE(has_drawing("out"));
    for (int i = 0; i < 5; ++i) loop_.run_one();
    EXPECT_EQ(std::ranges::count(log_.lines, "Dumping graph"), 1);
}

TEST_F(GraphDumpTest, ReplacesTheFileAsAWhole) {
    folder_.write("out", "old");
    std::filesystem::create_hard_link(folder_.path("out"), folder_.path("old"));
    dump_.set_target(folder_.path("out"));
    dump_.start(graph_);
    EXPECT_TRUE(has_drawing("out"));
    EXPECT_EQ(folder_.read("old"), "old") << "who reads the old file reads all of it";
}

TEST_F(GraphDumpTest, IsNotLedAstrayByALinkInItsPlace) {
    folder_.write("precious", "text");
    std::filesystem::create_symlink(folder_.path("precious"), folder_.path("out.new"));
    dump_.set_target(folder_.path("out"));
    dump_.start(graph_);
    EXPECT_TRUE(has_drawing("out"));
    EXPECT_EQ(folder_.read("precious"), "text");
}

TEST_F(GraphDumpTest, GoesIntoACommand) {
    dump_.set_target("|tr a-z A-Z >" + folder_.path("out") + "; echo noise; exit 3");
    dump_.start(graph_);
    EXPECT_TRUE(says("The command of GraphDumpFile exited with non-zero status 3"));
    EXPECT_EQ(folder_.read("out"), "DIGRAPH {\n\t\"ME\" [LABEL = \"ME\"];\n}\n");
}

TEST_F(GraphDumpTest, KillsACommandThatDoesNotEnd) {
    for (int i = 0; i < 3'000; ++i) connect("a_node_with_a_long_name_" + std::to_string(i));
    dump_.set_target("|exec tail -f /dev/null");  // which reads nothing: the pipe fills up
    dump_.start(graph_);
    EXPECT_TRUE(says("The command of GraphDumpFile has not ended after 0.2 seconds and is killed"));
}

TEST_F(GraphDumpTest, SaysWhatItCannotOpen) {
    dump_.set_target("/nonexistent/out");
    dump_.start(graph_);
    EXPECT_TRUE(says("Unable to open graph dump file /nonexistent/out: No such file or directory"));
}

TEST_F(GraphDumpTest, GoesElsewhereAfterAReload) {
    dump_.set_target(folder_.path("one"));
    dump_.start(graph_);
    ASSERT_TRUE(has_drawing("one"));
    dump_.set_target(folder_.path("two"));
    EXPECT_TRUE(has_drawing("two")) << "even if nothing changed meanwhile";
}

}  // namespace
}  // namespace tinc::io
