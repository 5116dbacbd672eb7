# Headers of others that most sources include. Each source still includes what it uses itself: the
# preset tsan builds without precompiled headers, by CMAKE_DISABLE_PRECOMPILE_HEADERS.
set(tinc_standard_headers
    <algorithm> <array> <chrono> <compare> <cstddef> <cstdint> <cstring> <deque> <expected>
    <functional> <map> <memory> <optional> <set> <span> <string> <string_view> <utility> <variant>
    <vector> <fmt/format.h>)

# tinc_precompile(TARGET FLAGS header...): compiles the headers before the sources of the target,
# once for all targets with the same FLAGS, which is a name for a set of compiler flags. Those that
# come later wait for the first, hence that should be no program: see tinc_program_headers().
function(tinc_precompile target flags)
    get_property(first GLOBAL PROPERTY tinc_precompiled_${flags})
    if(first)
        target_precompile_headers(${target} REUSE_FROM ${first})
    else()
        target_precompile_headers(${target} PRIVATE ${ARGN})
        if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")  # or what a cache gives back is taken for old
            target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
        endif()
        set_property(GLOBAL PROPERTY tinc_precompiled_${flags} ${target})
    endif()
endfunction()

# tinc_room(NAME [ROOMS lower...] [USES library...]): the static library of src/NAME. A new source
# file needs no entry here: one .cpp for one .hpp, found by name. A room may be headers only.
function(tinc_room name)
    cmake_parse_arguments(PARSE_ARGV 1 room "" "" "ROOMS;USES")
    list(TRANSFORM room_ROOMS PREPEND tinc_)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
    file(GLOB own_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.hpp)
    set(kind INTERFACE)
    set(scope INTERFACE)
    if(sources)
        set(kind STATIC)
        set(scope PUBLIC)
    endif()
    add_library(tinc_${name} ${kind} ${sources})
    target_include_directories(tinc_${name} ${scope} ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(tinc_${name} ${scope} ${room_ROOMS} ${room_USES})
    if(own_headers)  # "io/asio.hpp": floors 5 and 6 keep their headers beside their sources
        target_include_directories(tinc_${name} ${scope} ${PROJECT_SOURCE_DIR}/src)
    endif()
    if(sources)
        target_link_libraries(tinc_${name} PRIVATE tinc_flags)
        if("Boost::headers" IN_LIST room_USES)
            tinc_precompile(tinc_${name} asio ${tinc_standard_headers} <io/asio.hpp>)
        else()
            target_link_libraries(tinc_${name} PRIVATE tinc_searched)
            tinc_precompile(tinc_${name} pure ${tinc_standard_headers})
        endif()
    endif()
endfunction()

# tinc_program_headers(FLAGS LINKS library... [OPTIONS option...] HEADERS header...): a target that
# has nothing but precompiled headers, for programs with these libraries and options.
function(tinc_program_headers flags)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINKS;OPTIONS;HEADERS")
    set(empty ${PROJECT_BINARY_DIR}/precompiled_${flags}.cpp)
    file(CONFIGURE OUTPUT ${empty} CONTENT "")
    add_library(precompiled_${flags} OBJECT ${empty})
    set_target_properties(precompiled_${flags} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_link_libraries(precompiled_${flags} PRIVATE ${arg_LINKS})
    target_compile_options(precompiled_${flags} PRIVATE ${CMAKE_CXX_COMPILE_OPTIONS_PIE}
                                                        ${arg_OPTIONS})
    tinc_precompile(precompiled_${flags} ${flags} ${arg_HEADERS})
endfunction()

# tinc_unit_test(ROOM [LINKS library...]): one program for the tests of a room, linked with the room
# or with LINKS. Each case is known to ctest; a sanitized build runs the program as one test.
function(tinc_unit_test room)
    cmake_parse_arguments(PARSE_ARGV 1 test "" "" "LINKS")
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/${room}/*_test.cpp)
    if(NOT sources)
        return()
    endif()
    if(NOT test_LINKS)
        set(test_LINKS tinc_${room})
    endif()
    add_executable(${room}_test ${sources})
    target_link_libraries(${room}_test PRIVATE ${test_LINKS} tinc_warnings tinc_test_support
                          GTest::gmock_main)
    target_compile_options(${room}_test PRIVATE ${tinc_unit_test_options})
    tinc_precompile(${room}_test unit_test)
    tinc_discover(${room}_test ${room} LABEL unit)
endfunction()

# tinc_discover(PROGRAM NAME LABEL label [TIMEOUT seconds]): tells ctest of a GoogleTest program.
function(tinc_discover program name)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "LABEL;TIMEOUT" "")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    if(TINC_SANITIZE)
        add_test(NAME ${TINC_TEST_PREFIX}${name} COMMAND ${program})
        set_tests_properties(${TINC_TEST_PREFIX}${name} PROPERTIES
                             LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT}
                             PROCESSORS ${TINC_COMPUTES} COST ${arg_TIMEOUT})
    else()
        gtest_discover_tests(${program} TEST_PREFIX ${name}. NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60
                             PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT}
                                        PROCESSORS ${TINC_COMPUTES})
    endif()
endfunction()
