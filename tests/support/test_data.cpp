#include "support/test_data.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace tinc::test {

std::string test_data(std::string_view name) {
    const std::string path = std::string(TINC_TEST_DATA) + "/" + std::string(name);
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::fprintf(stderr, "test data %s is missing\n", path.c_str());
        std::exit(1);
    }
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace tinc::test
