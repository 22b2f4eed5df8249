# Finds GMP (C and C++) and MPFR and defines GMP::GMP, GMP::GMPXX and MPFR::MPFR.
find_path(GMP_INCLUDE_DIR NAMES gmp.h)
find_path(GMPXX_INCLUDE_DIR NAMES gmpxx.h)
find_path(MPFR_INCLUDE_DIR NAMES mpfr.h)
find_library(GMP_LIBRARY NAMES gmp)
find_library(GMPXX_LIBRARY NAMES gmpxx)
find_library(MPFR_LIBRARY NAMES mpfr)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  MPFR REQUIRED_VARS MPFR_LIBRARY MPFR_INCLUDE_DIR GMP_LIBRARY GMP_INCLUDE_DIR GMPXX_LIBRARY
                     GMPXX_INCLUDE_DIR)

if(MPFR_FOUND AND NOT TARGET MPFR::MPFR)
  add_library(GMP::GMP INTERFACE IMPORTED)
  target_include_directories(GMP::GMP INTERFACE ${GMP_INCLUDE_DIR})
  target_link_libraries(GMP::GMP INTERFACE ${GMP_LIBRARY})
  add_library(GMP::GMPXX INTERFACE IMPORTED)
  target_include_directories(GMP::GMPXX INTERFACE ${GMPXX_INCLUDE_DIR})
  target_link_libraries(GMP::GMPXX INTERFACE ${GMPXX_LIBRARY} GMP::GMP)
  add_library(MPFR::MPFR INTERFACE IMPORTED)
  target_include_directories(MPFR::MPFR INTERFACE ${MPFR_INCLUDE_DIR})
  target_link_libraries(MPFR::MPFR INTERFACE ${MPFR_LIBRARY} GMP::GMP)
endif()
mark_as_advanced(GMP_INCLUDE_DIR GMPXX_INCLUDE_DIR MPFR_INCLUDE_DIR GMP_LIBRARY GMPXX_LIBRARY
                 MPFR_LIBRARY)
