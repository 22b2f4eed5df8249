# Finds libzip and defines Libzip::Libzip. (Debian's own configuration of libzip asks for programs that its
# package does not contain.)
find_path(Libzip_INCLUDE_DIR NAMES zip.h)
find_library(Libzip_LIBRARY NAMES zip)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libzip REQUIRED_VARS Libzip_LIBRARY Libzip_INCLUDE_DIR)

if(Libzip_FOUND AND NOT TARGET Libzip::Libzip)
  add_library(Libzip::Libzip INTERFACE IMPORTED)
  target_include_directories(Libzip::Libzip SYSTEM INTERFACE ${Libzip_INCLUDE_DIR})
  target_link_libraries(Libzip::Libzip INTERFACE ${Libzip_LIBRARY})
endif()
mark_as_advanced(Libzip_INCLUDE_DIR Libzip_LIBRARY)
