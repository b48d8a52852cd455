# What an installation holds, so that outside projects can say find_package(bulkhead COMPONENTS sdk engine).
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bulkhead)

install(TARGETS bulkhead_sdk EXPORT bulkhead_sdk FILE_SET HEADERS)
install(EXPORT bulkhead_sdk FILE bulkhead-sdk.cmake NAMESPACE bulkhead:: DESTINATION ${package_dir})
install(FILES
  ${PROJECT_SOURCE_DIR}/plugin-sdk/cmake/bulkhead_add_plugin.cmake
  ${PROJECT_SOURCE_DIR}/plugin-sdk/cmake/bulkhead_plugin.map
  DESTINATION ${package_dir})

install(TARGETS bulkhead_engine EXPORT bulkhead_engine FILE_SET HEADERS)
install(EXPORT bulkhead_engine FILE bulkhead-engine.cmake NAMESPACE bulkhead:: DESTINATION ${package_dir})
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
  install(TARGETS math digest text LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/bulkhead/plugins)
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/bulkheadConfig.cmake.in
  ${PROJECT_BINARY_DIR}/bulkheadConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bulkheadConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bulkheadConfig.cmake ${PROJECT_BINARY_DIR}/bulkheadConfigVersion.cmake
  DESTINATION ${package_dir})
