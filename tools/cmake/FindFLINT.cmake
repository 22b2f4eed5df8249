# Finds FLINT with ball arithmetic and defines FLINT::FLINT.
#
# Two layouts exist: FLINT 2.x with the separate library Arb (Debian 12: <arb.h>, -lflint-arb, or
# -larb elsewhere), and FLINT 3, which contains Arb (<flint/arb.h>, one library). Which one was
# found is said aloud; sources need no macro of ours, lib/number/arb.h asks __has_include.
find_path(FLINT_INCLUDE_DIR NAMES flint/flint.h)
find_library(FLINT_LIBRARY NAMES flint)
find_path(FLINT_ARB3_INCLUDE_DIR NAMES flint/arb.h HINTS ${FLINT_INCLUDE_DIR})

set(_flint_required FLINT_LIBRARY FLINT_INCLUDE_DIR)
set(FLINT_LAYOUT "FLINT 3 (Arb included)")
if(NOT FLINT_ARB3_INCLUDE_DIR)
  find_path(ARB_INCLUDE_DIR NAMES arb.h)
  find_library(ARB_LIBRARY NAMES flint-arb arb)
  list(APPEND _flint_required ARB_LIBRARY ARB_INCLUDE_DIR)
  set(FLINT_LAYOUT "FLINT 2 with separate Arb")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(FLINT REQUIRED_VARS ${_flint_required})

if(FLINT_FOUND AND NOT TARGET FLINT::FLINT)
  message(STATUS "Ball arithmetic: ${FLINT_LAYOUT}")
  add_library(FLINT::FLINT INTERFACE IMPORTED)
  target_include_directories(FLINT::FLINT INTERFACE ${FLINT_INCLUDE_DIR})
  target_link_libraries(FLINT::FLINT INTERFACE ${FLINT_LIBRARY})
  if(NOT FLINT_ARB3_INCLUDE_DIR)
    target_include_directories(FLINT::FLINT INTERFACE ${ARB_INCLUDE_DIR})
    target_link_libraries(FLINT::FLINT INTERFACE ${ARB_LIBRARY})
  endif()
endif()
mark_as_advanced(FLINT_INCLUDE_DIR FLINT_LIBRARY FLINT_ARB3_INCLUDE_DIR ARB_INCLUDE_DIR ARB_LIBRARY)
