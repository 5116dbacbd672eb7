#include "tinc/base/error.hpp"

#include <cstdio>

namespace tinc {

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: broken expectation: %s\n", file, line, expression);
    std::abort();
}

}  // namespace tinc
