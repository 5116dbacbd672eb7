# Flags for our own code: every warning is an error, and the hardening of a network daemon.
add_library(tinc_flags INTERFACE)

target_compile_options(tinc_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor
    -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough -Wswitch-enum
    -Werror -Werror=unused-result
    -fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
target_compile_definitions(tinc_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(tinc_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

# FORTIFY needs an optimising build and quarrels with the sanitizers.
if(NOT TINC_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_definitions(tinc_flags INTERFACE _FORTIFY_SOURCE=2)
endif()

if(TINC_SANITIZE)
    add_compile_options(-fsanitize=${TINC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${TINC_SANITIZE})
endif()
