#include "io/scripts.hpp"

#include "support/recorded_log.hpp"
#include "support/temporary_folder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace tinc::io {
namespace {

using std::chrono::milliseconds;

class ScriptQueueTest : public testing::Test {
  protected:
    ScriptQueueTest() { use(milliseconds(30'000)); }

    void use(milliseconds limit) {
        scripts_ = std::make_unique<ScriptQueue>(loop_, log_, limit);
        scripts_->set_base(folder_.path());
    }
    void add(const std::string& name, Environment environment = {}) {
        scripts_->add({name, std::move(environment)});
    }
    /// Until all scripts have ended and nobody holds their output.
    void run() {
        loop_.restart();
        loop_.run();
    }

    asio::io_context loop_;
    test::RecordedLog log_;
    test::TemporaryFolder folder_;
    std::unique_ptr<ScriptQueue> scripts_;
};

TEST_F(ScriptQueueTest, RunsOneAfterTheOtherInOrder) {
    for (const std::string name : {"one", "two", "three"}) {
        folder_.write_script(name, "#!/bin/sh\necho begin " + name + " >>" + folder_.path("out") +
                                       "\necho end " + name + " >>" + folder_.path("out") + "\n");
    }
    for (const auto* name : {"one", "two", "three", "one"}) add(name);
    EXPECT_FALSE(scripts_->is_idle());
    run();
    EXPECT_TRUE(scripts_->is_idle());
    EXPECT_EQ(folder_.read("out"),
              "begin one\nend one\nbegin two\nend two\nbegin three\nend three\nbegin one\nend "
              "one\n");
    EXPECT_TRUE(log_.contains("Executing script two"));
}

TEST_F(ScriptQueueTest, SkipsWhatDoesNotExistWithoutAWord) {
    add("host-up");
    EXPECT_TRUE(scripts_->is_idle());
    EXPECT_TRUE(log_.lines.empty());
}

TEST_F(ScriptQueueTest, KillsWhatRunsTooLongAndGoesOn) {
    use(milliseconds(500));
    folder_.write_script("hangs", "#!/bin/sh\nsleep 3600 & sleep 3600\n");
    folder_.write_script("next", "#!/bin/sh\ntouch " + folder_.path("ran") + "\n");
    add("hangs");
    add("next");
    run();  // ends only if the child in the background is gone, too: it holds the pipe
    EXPECT_TRUE(log_.contains("Script hangs has not ended after 0.5 seconds and is killed"));
    EXPECT_TRUE(log_.contains("Script hangs was killed by signal 9 (Killed)"));
    EXPECT_TRUE(std::filesystem::exists(folder_.path("ran")));
}

TEST_F(ScriptQueueTest, GivesTheFixedAndTheEventsVariables) {
    folder_.write_script("show", "#!/bin/sh\necho \"[$NETNAME|$NAME|$NODE|$SUBNET|$PATH]\" >" +
                                     folder_.path("out") + "\n");
    ::setenv("NODE", "inherited", 1);
    scripts_->set_common({{"NETNAME", ""}, {"NAME", "alpha"}});
    add("show", {{"NODE", "beta"}, {"SUBNET", "10.0.0.0/8"}});
    run();
    ::unsetenv("NODE");
    const std::string path = std::getenv("PATH");
    EXPECT_EQ(folder_.read("out"), "[|alpha|beta|10.0.0.0/8|" + path + "]\n");
}

TEST_F(ScriptQueueTest, GivesAScriptWithoutInterpreterLineToTheShell) {
    folder_.write_script("plain", "echo hello from $0\n");
    add("plain");
    run();
    EXPECT_TRUE(log_.contains("plain: hello from " + folder_.path("plain")));
}

TEST_F(ScriptQueueTest, SaysHowToMendAScriptThatIsNotExecutable) {
    folder_.write("tinc-up", "#!/bin/sh\n");
    add("tinc-up");
    run();
    EXPECT_TRUE(
        log_.contains("Script tinc-up is not executable: chmod +x " + folder_.path("tinc-up")));
    EXPECT_TRUE(scripts_->is_idle());
}

TEST_F(ScriptQueueTest, RunsAFileThatIsNotExecutableByItsInterpreter) {
    folder_.write("tinc-up", "echo by $1 $0\n");
    scripts_->set_interpreter("/bin/sh -e");
    add("tinc-up");
    run();
    EXPECT_TRUE(log_.contains("tinc-up: by " + folder_.path("tinc-up")));
}

TEST_F(ScriptQueueTest, FindsAScriptByItsNameWithTheExtension) {
    folder_.write_script("tinc-up.sh", "#!/bin/sh\necho from $0\n");
    folder_.write_script("tinc-up", "#!/bin/sh\necho from $0\n");
    scripts_->set_extension(".sh");
    add("tinc-up");
    run();
    EXPECT_TRUE(log_.contains("Executing script tinc-up"));
    EXPECT_TRUE(log_.contains("tinc-up: from " + folder_.path("tinc-up.sh")));
}

TEST_F(ScriptQueueTest, NamesAMissingInterpreter) {
    folder_.write_script("odd", "#!/no/such/shell\n");
    add("odd");
    run();
    EXPECT_TRUE(log_.contains("Script odd could not be started: No such file or directory"));
    EXPECT_TRUE(log_.contains("is its interpreter installed?"));
}

TEST_F(ScriptQueueTest, TellsTheExitStatus) {
    folder_.write_script("fails", "#!/bin/sh\nexit 3\n");
    folder_.write_script("dies", "#!/bin/sh\nkill -TERM $$\n");
    add("fails");
    add("dies");
    run();
    EXPECT_TRUE(log_.contains("Script fails exited with non-zero status 3"));
    EXPECT_TRUE(log_.contains("Script dies was killed by signal 15 (Terminated)"));
}

TEST_F(ScriptQueueTest, LeavesNoDescriptorOpenToScripts) {
    folder_.write_script("look", "#!/bin/sh\nls /proc/$$/fd\n");
    const int ours = ::fcntl(STDERR_FILENO, F_DUPFD, 100);  // without close-on-exec
    add("look");
    run();
    ::close(ours);
    EXPECT_TRUE(log_.contains("look: 2"));
    EXPECT_FALSE(log_.contains("look: " + std::to_string(ours)));
}

TEST_F(ScriptQueueTest, QuotesOutputUpToALimit) {
    folder_.write_script("talks", "#!/bin/sh\nseq 3000\n");
    add("talks");
    run();
    EXPECT_TRUE(log_.contains("talks: 1000"));
    EXPECT_FALSE(log_.contains("talks: 1001"));
    EXPECT_TRUE(log_.contains("talks: says too much, the rest is left out"));
}

TEST_F(ScriptQueueTest, RefusesMoreThanItsLimit) {
    folder_.write_script("again", "#!/bin/sh\n");
    for (std::size_t i = 0; i < limits::queued_scripts + 2; ++i) add("again");
    EXPECT_TRUE(log_.contains("Too many scripts are waiting, again will not be executed"));
    scripts_->abandon();
    run();
    EXPECT_TRUE(scripts_->is_idle());
}

TEST_F(ScriptQueueTest, IsIdleAtOnceWhenAbandoned) {
    folder_.write_script("hangs", "#!/bin/sh\nsleep 3600\n");
    folder_.write_script("next", "#!/bin/sh\necho here\n");
    add("hangs");
    add("next");
    scripts_->abandon();
    EXPECT_TRUE(scripts_->is_idle()) << "a script that hangs in the kernel would not end";
    add("next");
    run();
    EXPECT_TRUE(log_.contains("next: here"));
}

TEST_F(ScriptQueueTest, IsNotHeldUpByWhatAScriptLeavesBehind) {
    folder_.write_script(
        "leaves", "#!/bin/sh\n(read line <" + folder_.path("pipe") + "; echo late $line) &\n");
    folder_.write_script("next", "#!/bin/sh\necho go >" + folder_.path("pipe") + "\n");
    ASSERT_EQ(std::system(("mkfifo " + folder_.path("pipe")).c_str()), 0);
    add("leaves");
    add("next");
    run();
    EXPECT_TRUE(log_.contains("leaves: late go"));
}

TEST(ProcessOutputTest, IsNothingWhereItCannotBeWaitedFor) {
    asio::io_context loop;
    test::RecordedLog log;
    const auto open_outputs = std::make_shared<std::size_t>(0);
    constexpr int no_descriptor = 1'000'000;
    EXPECT_FALSE(ProcessOutput::follow(loop, log, "x", Descriptor(no_descriptor), open_outputs));
    EXPECT_EQ(*open_outputs, 0U);
}

}  // namespace
}  // namespace tinc::io
