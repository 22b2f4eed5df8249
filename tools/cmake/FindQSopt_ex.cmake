# Finds QSopt_ex, exact linear programs over the rationals, and defines QSopt_ex::QSopt_ex.
find_path(QSopt_ex_INCLUDE_DIR NAMES qsopt_ex/QSopt_ex.h)
find_library(QSopt_ex_LIBRARY NAMES qsopt_ex)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(QSopt_ex REQUIRED_VARS QSopt_ex_LIBRARY QSopt_ex_INCLUDE_DIR)

if(QSopt_ex_FOUND AND NOT TARGET QSopt_ex::QSopt_ex)
  add_library(QSopt_ex::QSopt_ex INTERFACE IMPORTED)
  target_include_directories(QSopt_ex::QSopt_ex SYSTEM INTERFACE ${QSopt_ex_INCLUDE_DIR})
  target_link_libraries(QSopt_ex::QSopt_ex INTERFACE ${QSopt_ex_LIBRARY})
endif()
mark_as_advanced(QSopt_ex_INCLUDE_DIR QSopt_ex_LIBRARY)
