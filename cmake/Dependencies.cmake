# Third-party code, all from the distribution's packages; Debian 12 is the floor.
find_package(Threads REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS json)
find_package(OpenSSL 3.0 REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(CLI11 2.1 REQUIRED)

# yaml-cpp names its target differently in 0.7 (Debian 12) and 0.8 (Debian 13).
if(NOT TARGET yaml-cpp::yaml-cpp)
    add_library(yaml-cpp::yaml-cpp INTERFACE IMPORTED)
    target_link_libraries(yaml-cpp::yaml-cpp INTERFACE yaml-cpp)
endif()

# libxcrypt: hashes of passwords. A part of every Debian, and without a CMake module.
find_library(MAILRAMP_CRYPT crypt REQUIRED)
find_path(MAILRAMP_CRYPT_INCLUDE crypt.h REQUIRED)
add_library(mailramp_crypt INTERFACE)
add_library(mailramp::crypt ALIAS mailramp_crypt)
target_link_libraries(mailramp_crypt INTERFACE ${MAILRAMP_CRYPT})
target_include_directories(mailramp_crypt SYSTEM INTERFACE ${MAILRAMP_CRYPT_INCLUDE})

# Asio compiled once, in src/io/asio_src.cpp: about 3 s saved in every other file that includes it.
add_library(mailramp_asio INTERFACE)
add_library(mailramp::asio ALIAS mailramp_asio)
target_link_libraries(mailramp_asio INTERFACE Boost::headers Threads::Threads OpenSSL::SSL OpenSSL::Crypto)
target_compile_definitions(mailramp_asio INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
