# What an installation holds, so that outside projects can say find_package(bulkhead COMPONENTS sdk engine), or
# pkg-config bulkhead-sdk, pkg-config bulkhead. The components are the Debian packages of bulkhead_packages.cmake; what
# names none belongs to the command.
include(CMakePackageConfigHelpers)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME bulkhead)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bulkhead)

install(TARGETS bulkhead_sdk EXPORT bulkhead_sdk FILE_SET HEADERS COMPONENT development)
install(EXPORT bulkhead_sdk FILE bulkhead-sdk.cmake NAMESPACE bulkhead:: DESTINATION ${package_dir}
  COMPONENT development)
install(FILES
  ${PROJECT_SOURCE_DIR}/plugin-sdk/cmake/bulkhead_add_plugin.cmake
  ${PROJECT_SOURCE_DIR}/plugin-sdk/cmake/bulkhead_plugin.map
  DESTINATION ${package_dir} COMPONENT development)

install(TARGETS bulkhead_engine EXPORT bulkhead_engine
  ARCHIVE COMPONENT development
  FILE_SET HEADERS COMPONENT development)
install(EXPORT bulkhead_engine FILE bulkhead-engine.cmake NAMESPACE bulkhead:: DESTINATION ${package_dir}
  COMPONENT development)
install(TARGETS bulkhead-worker)
if(TARGET bulkhead)
  install(TARGETS bulkhead)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/bulkhead/completion/bulkhead.bash
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME bulkhead)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/bulkhead/completion/_bulkhead
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${PROJECT_BINARY_DIR}/bulkhead.1 ${PROJECT_SOURCE_DIR}/tools/bulkhead/man/bulkhead-worker.1
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
endif()
if(BULKHEAD_BUILD_PLUGINS)
  install(TARGETS math digest text fractal image LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/bulkhead/plugins COMPONENT plugins)
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/bulkheadConfig.cmake.in
  ${PROJECT_BINARY_DIR}/bulkheadConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bulkheadConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bulkheadConfig.cmake ${PROJECT_BINARY_DIR}/bulkheadConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT development)

# They find the rest from where they lie: an installation may be moved.
file(RELATIVE_PATH BULKHEAD_PREFIX_FROM_PKGCONFIG /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" BULKHEAD_PREFIX_FROM_PKGCONFIG "${BULKHEAD_PREFIX_FROM_PKGCONFIG}")
set(BULKHEAD_CMAKE_DIR ${package_dir})
foreach(name IN ITEMS bulkhead-sdk bulkhead)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endforeach()

if(PROJECT_IS_TOP_LEVEL)
  include(bulkhead_packages)
endif()
