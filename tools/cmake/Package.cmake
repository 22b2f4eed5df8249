# The Debian package: `tools/package/build` from nothing, or `cpack -G DEB` in a finished release build.
# One .deb holds programs, cases, documentation, man pages, completions, and the library with its CMake package.
#
# What the programs need at run time is computed (dpkg-shlibdeps). What somebody needs who builds against the
# library - a compiler and a dozen -dev packages, 500 MB - is only suggested: most users run the programs.
set(documents ${CMAKE_INSTALL_DATAROOTDIR}/doc/widecert)
install(
  DIRECTORY cases
  DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/widecert
  PATTERN "mnist/data" EXCLUDE)
file(GLOB_RECURSE pages RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS proofs/*.md tools/widecheck/*.md)
list(APPEND pages README.md)
foreach(page IN LISTS pages)
  cmake_path(GET page PARENT_PATH folder)
  install(FILES ${page} DESTINATION ${documents}/${folder})
endforeach()
install(FILES tools/package/copyright DESTINATION ${documents})

# A package of Debian 12 does not fit Debian 13: its version says which it is for.
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
if(EXISTS /etc/os-release)
  file(STRINGS /etc/os-release os_release REGEX "^VERSION_ID=")
endif()
if(os_release MATCHES "([0-9]+)")
  string(APPEND CPACK_DEBIAN_PACKAGE_RELEASE "~deb${CMAKE_MATCH_1}")
endif()
set(suggested
    cmake g++ libboost-dev libeigen3-dev libmpfr-dev libgmp-dev libflint-dev libm4ri-dev libopenblas-dev libzip-dev libqsopt-ex-dev
    libonnx-dev protobuf-compiler libprotobuf-dev zlib1g-dev libssl-dev libfmt-dev nlohmann-json3-dev)
if(NOT FLINT_ARB3_INCLUDE_DIR)
  list(APPEND suggested libflint-arb-dev)
endif()
list(JOIN suggested ", " CPACK_DEBIAN_PACKAGE_SUGGESTS)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME widecert)
set(CPACK_PACKAGE_CONTACT "widecert developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "theorems on wide neural networks as certificates")
set(CPACK_PACKAGE_DESCRIPTION
    "widecert applies theorems on wide neural networks to a given network and given
data, in exact and arbitrary-precision arithmetic: ranks of feature matrices,
full rank of structured weight matrices, bounds of singular values. Each result
comes with a certificate, which the independent program widecheck verifies;
widecheck shares no code with the prover.
.
The package also holds the cases of the project, and the library as a CMake
package (find_package(widecert)). To build against the library, install the
suggested packages.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION math)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                                                WORLD_READ WORLD_EXECUTE)
# Man pages and completions are made from what the programs print, when everything else is in place.
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_BINARY_DIR}/PackageExtras.cmake)
file(
  CONFIGURE
  OUTPUT ${CPACK_PRE_BUILD_SCRIPTS}
  CONTENT "execute_process(COMMAND \"${PROJECT_SOURCE_DIR}/tools/package/extras\"
  \"${PROJECT_BINARY_DIR}/bin\" \"\${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share\" COMMAND_ERROR_IS_FATAL ANY)\n"
  @ONLY)
include(CPack)
