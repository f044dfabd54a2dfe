# Compiler and linker settings that every target shares, as one interface target.
add_library(slipstream_options INTERFACE)
target_include_directories(slipstream_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(slipstream_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor)
if(SLIPSTREAM_WERROR)
  target_compile_options(slipstream_options INTERFACE -Werror)
endif()
target_compile_definitions(slipstream_options INTERFACE FMT_SHARED)

if(SLIPSTREAM_FAULTS)
  add_compile_definitions(SLIPSTREAM_FAULTS)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12 offers std::expected only to a compiler that reports this level of concepts.
  target_compile_options(slipstream_options INTERFACE
    -Wno-builtin-macro-redefined -D__cpp_concepts=202002L
    -Wno-deprecated-declarations)  # libstdc++ uses what it deprecates
else()
  # Memory for time: it collects its garbage when there is a GiB of it.
  add_compile_options(--param=ggc-min-heapsize=1048576)
  # g++ 12 reports overflows inside its own inlined string copies (GCC bug 105651), and of what an
  # optional or an expected holds that it is not set where it is not looked at.
  target_compile_options(slipstream_options INTERFACE
    -Wno-restrict -Wno-stringop-overflow -Wno-maybe-uninitialized)
  if(SLIPSTREAM_UNITY)
    # A source within another one is a header to it, whose classes should hold nothing of one file only.
    target_compile_options(slipstream_options INTERFACE -Wno-subobject-linkage)
  endif()
endif()

if(SLIPSTREAM_SANITIZE)
  # Whatever is found ends the program, so that its test, or its fuzzer, fails.
  # Types of objects are not checked: the check reads memory through a pipe, and what has no descriptor left, as tests
  # bring about, would be told of types that are right.
  add_compile_options(-fsanitize=${SLIPSTREAM_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SLIPSTREAM_SANITIZE})
  # Its classes are of another size with them, and it decides by each file's optimisation.
  add_compile_definitions(SIMDJSON_DEVELOPMENT_CHECKS=1)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # g++ loses track of initialisation in instrumented code (GCC bug 105562: std::regex).
    target_compile_options(slipstream_options INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

find_program(SLIPSTREAM_CCACHE ccache)
if(SLIPSTREAM_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SLIPSTREAM_CCACHE})
endif()
find_program(SLIPSTREAM_MOLD mold)
if(SLIPSTREAM_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
