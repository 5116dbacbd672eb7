# Flags for our own code. tinc_warnings: every warning is an error. tinc_flags: besides, the
# hardening of a network daemon. tinc_searched: what sanitized builds add for the pure floors.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

add_library(tinc_warnings INTERFACE)
target_compile_options(tinc_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor
    -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough -Wswitch-enum
    -Werror -Werror=unused-result)
target_compile_definitions(tinc_warnings INTERFACE _GLIBCXX_ASSERTIONS)

add_library(tinc_flags INTERFACE)
target_link_libraries(tinc_flags INTERFACE tinc_warnings)
target_compile_options(tinc_flags INTERFACE
    -fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
target_link_options(tinc_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

# FORTIFY needs an optimising build and quarrels with the sanitizers. Some compilers come with a
# level of their own, and a second definition would be a warning: hence -U first.
if(NOT TINC_SANITIZE AND CMAKE_BUILD_TYPE MATCHES "Rel")
    target_compile_options(tinc_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()

# With the sanitizers, g++ 12 sees uninitialised variables in fmt that are none.
if(NOT TINC_SANITIZE)
    target_compile_options(tinc_flags INTERFACE -ftrivial-auto-var-init=zero)
endif()

# A sanitized build keeps what its reports need (frames, line numbers). Its tests bear a prefix, so
# that several builds can stand in one summary.
set(TINC_TEST_PREFIX "")
if(TINC_SANITIZE)
    add_compile_options(-fsanitize=${TINC_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer -g1)
    add_link_options(-fsanitize=${TINC_SANITIZE})
    if(TINC_SANITIZE MATCHES "thread")
        set(TINC_TEST_PREFIX "tsan.")
    else()
        set(TINC_TEST_PREFIX "asan.")
    endif()
endif()

# For what simulations and fuzzing run through: optimised just enough that they get somewhere. With
# the rest of a sanitized build it is the compilation that takes long, not the run.
add_library(tinc_searched INTERFACE)
if(TINC_SANITIZE)
    target_compile_options(tinc_searched INTERFACE -O1)
endif()

# Counters of taken branches for libFuzzer; main() comes with the fuzz targets only.
if(TINC_FUZZ)
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "TINC_FUZZ needs clang: cmake --preset fuzz")
    endif()
    target_compile_options(tinc_searched INTERFACE -fsanitize=fuzzer-no-link)
endif()
