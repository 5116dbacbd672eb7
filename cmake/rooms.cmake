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
    endif()
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
    # With a unit test it is the compilation that takes long, not the run.
    target_compile_options(${room}_test PRIVATE -O0 -g1)
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
                             LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
    else()
        gtest_discover_tests(${program} TEST_PREFIX ${name}. NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60
                             PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
    endif()
endfunction()
