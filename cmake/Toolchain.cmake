# The language, the warnings and the hardening that every target shares.
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
# Dev: fast to build and still honest about speed; assertions of the standard library stay on.
# (project() has already made an empty cache entry of this name, which is why it is not set as one.)
if(NOT CMAKE_CXX_FLAGS_DEV)
    set(CMAKE_CXX_FLAGS_DEV "-O1 -g1 -D_GLIBCXX_ASSERTIONS")
endif()

find_program(MAILRAMP_CCACHE ccache)
if(MAILRAMP_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${MAILRAMP_CCACHE})
endif()

# Links are what a rebuild of one file waits for; what is installed keeps the distribution's linker.
find_program(MAILRAMP_MOLD mold)
if(MAILRAMP_MOLD AND CMAKE_BUILD_TYPE STREQUAL "Dev")
    add_link_options(-fuse-ld=mold)
endif()

add_library(mailramp_flags INTERFACE)
target_compile_options(mailramp_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
    -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -Wswitch -fno-strict-overflow -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 says this of every optimised coroutine of Asio's, whose frames have an operator new and delete of
    # their own that it inlines in one place and not in the other.
    target_compile_options(mailramp_flags INTERFACE -Wno-mismatched-new-delete)
endif()
if(MAILRAMP_WERROR)
    target_compile_options(mailramp_flags INTERFACE -Werror)
endif()
if(MAILRAMP_FUZZ)
    target_compile_options(mailramp_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(MAILRAMP_SANITIZE)
    target_compile_options(mailramp_flags INTERFACE -fsanitize=${MAILRAMP_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(mailramp_flags INTERFACE -fsanitize=${MAILRAMP_SANITIZE})
    if(MAILRAMP_SANITIZE MATCHES thread)
        # Asio fences with atomic_thread_fence, which g++ tells us ThreadSanitizer cannot follow.
        target_compile_options(mailramp_flags INTERFACE -Wno-error=tsan -Wno-tsan)
    endif()
    if(MAILRAMP_SANITIZE MATCHES undefined)
        target_compile_options(mailramp_flags INTERFACE -fno-sanitize-recover=all)
    endif()
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(mailramp_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
target_link_options(mailramp_flags INTERFACE -Wl,-z,relro,-z,now)
