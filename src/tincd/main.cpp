#include "tincd/program.hpp"

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    try {
        return tinc::tincd::run_program(std::vector<std::string>(argv, argv + argc));
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "tincd: %s\n", problem.what());
        return 1;
    }
}
