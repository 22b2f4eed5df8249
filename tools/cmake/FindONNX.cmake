# Finds the description of ONNX files, protoc and protobuf, and defines widecert_onnx_sources(VARIABLE): generated code,
# to be linked with protobuf::libprotobuf-lite.
find_path(ONNX_PROTO_DIR NAMES onnx/onnx.proto)
find_package(Protobuf QUIET)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ONNX REQUIRED_VARS ONNX_PROTO_DIR Protobuf_PROTOC_EXECUTABLE Protobuf_LITE_LIBRARY
                                                     Protobuf_INCLUDE_DIR)

function(widecert_onnx_sources variable)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/onnx)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(
    OUTPUT ${folder}/onnx.pb.cc ${folder}/onnx.pb.h
    COMMAND ${Protobuf_PROTOC_EXECUTABLE} --proto_path=${ONNX_PROTO_DIR}/onnx --cpp_out=${folder} onnx.proto
    DEPENDS ${ONNX_PROTO_DIR}/onnx/onnx.proto)
  set_source_files_properties(${folder}/onnx.pb.cc PROPERTIES COMPILE_OPTIONS -w SKIP_PRECOMPILE_HEADERS ON)
  set(${variable} ${folder}/onnx.pb.cc ${folder}/onnx.pb.h PARENT_SCOPE)
endfunction()
mark_as_advanced(ONNX_PROTO_DIR)
