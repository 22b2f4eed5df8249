# Finds M4RI and defines M4RI::M4RI.
find_path(M4RI_INCLUDE_DIR NAMES m4ri/m4ri.h)
find_library(M4RI_LIBRARY NAMES m4ri)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(M4RI REQUIRED_VARS M4RI_LIBRARY M4RI_INCLUDE_DIR)

if(M4RI_FOUND AND NOT TARGET M4RI::M4RI)
  add_library(M4RI::M4RI INTERFACE IMPORTED)
  target_include_directories(M4RI::M4RI SYSTEM INTERFACE ${M4RI_INCLUDE_DIR})
  target_link_libraries(M4RI::M4RI INTERFACE ${M4RI_LIBRARY})
endif()
mark_as_advanced(M4RI_INCLUDE_DIR M4RI_LIBRARY)
