#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace tinc::test {

/// A folder of its own for a test; gone with all that is in it afterwards.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "tinc-test-XXXXXX").string();
        if (!::mkdtemp(name.data())) std::abort();
        path_ = name;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ec;
        std::filesystem::remove_all(path_, ec);
    }

    [[nodiscard]] std::string path() const { return path_; }
    [[nodiscard]] std::string path(std::string_view name) const {
        return path_ + "/" + std::string(name);
    }

    /// Writes a file; folders above it are made. Returns its path.
    std::string write(std::string_view name, std::string_view text,
                      std::filesystem::perms mode = std::filesystem::perms(0644)) const {
        const auto file = path(name);
        std::filesystem::create_directories(std::filesystem::path(file).parent_path());
        std::ofstream(file) << text;
        std::filesystem::permissions(file, mode);
        return file;
    }
    /// Writes a file that can be executed.
    std::string write_script(std::string_view name, std::string_view text) const {
        return write(name, text, std::filesystem::perms(0755));
    }

    [[nodiscard]] std::string read(std::string_view name) const {
        std::ifstream file(path(name));
        return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }

  private:
    std::string path_;
};

}  // namespace tinc::test
