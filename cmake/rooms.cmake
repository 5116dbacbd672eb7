# tinc_room(NAME [ROOMS lower...] [USES library...]): the static library of src/NAME. A new source
# file needs no entry here: one .cpp for one .hpp, found by name. A room may be headers only.
function(tinc_room name)
    cmake_parse_arguments(PARSE_ARGV 1 room "" "" "ROOMS;USES")
    list(TRANSFORM room_ROOMS PREPEND tinc_)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
    if(sources)
        add_library(tinc_${name} STATIC ${sources})
        target_include_directories(tinc_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include)
        target_link_libraries(tinc_${name} PUBLIC ${room_ROOMS} ${room_USES} PRIVATE tinc_flags)
    else()
        add_library(tinc_${name} INTERFACE)
        target_include_directories(tinc_${name} INTERFACE ${PROJECT_SOURCE_DIR}/include)
        target_link_libraries(tinc_${name} INTERFACE ${room_ROOMS} ${room_USES})
    endif()
endfunction()

# tinc_unit_test(ROOM): one program for the tests of a room, each of its cases known to ctest.
function(tinc_unit_test room)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/${room}/*_test.cpp)
    if(NOT sources)
        return()
    endif()
    add_executable(${room}_test ${sources})
    target_link_libraries(${room}_test PRIVATE tinc_${room} tinc_flags tinc_test_support
                          GTest::gmock_main)
    gtest_discover_tests(${room}_test TEST_PREFIX ${room}. DISCOVERY_TIMEOUT 60
                         PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
