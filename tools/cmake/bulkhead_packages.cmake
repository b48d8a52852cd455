# Debian packages, made by `cmake --workflow --preset package` in build/package/packages:
#   bulkhead          the command and the worker program
#   libbulkhead-dev   headers, the engine as a static library, and what CMake and pkg-config need to find them
#   bulkhead-plugins  math, digest, text, fractal, image
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "Bulkhead")
if(NOT CPACK_PACKAGE_CONTACT)  # whoever distributes them says who: -DCPACK_PACKAGE_CONTACT="Name <address>"
  set(CPACK_PACKAGE_CONTACT "The Bulkhead developers <bulkhead@localhost>")
endif()
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
# Where the worker program and plugins are is compiled in. CPack stops where that is another place.
set(CPACK_BULKHEAD_BUILT_FOR ${CMAKE_INSTALL_PREFIX})
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/bulkhead_package_options.cmake)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/bulkhead_package_modes.cmake)
set(same_version "(= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")

set(CPACK_DEBIAN_BULKHEAD_PACKAGE_NAME bulkhead)
set(CPACK_DEBIAN_BULKHEAD_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_BULKHEAD_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_BULKHEAD_PACKAGE_RECOMMENDS bulkhead-plugins)
set(CPACK_DEBIAN_BULKHEAD_PACKAGE_SUGGESTS "libbulkhead-dev, gdb")
set(CPACK_COMPONENT_BULKHEAD_DESCRIPTION
  "${PROJECT_DESCRIPTION}\n"
  "The command bulkhead calls and maps the tasks of plugins in worker processes,"
  " where a crash, a leak or a hang costs the one task that was running.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libbulkhead-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
# Host library and worker program must be of one build.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "bulkhead ${same_version}, libcereal-dev, rapidjson-dev, libspdlog-dev, libssl-dev")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS "g++ (>= 4:12), cmake (>= 3.25) | pkgconf")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
  "${PROJECT_DESCRIPTION} (development files)\n"
  "Headers to write plugins with, and headers and static library to embed the engine, for CMake"
  " (find_package) and pkg-config.")

set(CPACK_DEBIAN_PLUGINS_PACKAGE_NAME bulkhead-plugins)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_DEPENDS "bulkhead ${same_version}")
set(CPACK_COMPONENT_PLUGINS_DESCRIPTION
  "${PROJECT_DESCRIPTION} (plugins)\n"
  "Tasks for everyday use: digests of files, text, thumbnails, arithmetic, fractals.")

foreach(part IN ITEMS BULKHEAD DEVELOPMENT PLUGINS)
  string(REPLACE ";" "" CPACK_COMPONENT_${part}_DESCRIPTION "${CPACK_COMPONENT_${part}_DESCRIPTION}")
endforeach()
set(CPACK_COMPONENTS_ALL bulkhead development plugins)

# What every Debian package has in its folder of documents.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/doc)
find_program(BULKHEAD_GZIP gzip)
if(BULKHEAD_GZIP)
  execute_process(COMMAND ${BULKHEAD_GZIP} -9nc ${PROJECT_SOURCE_DIR}/CHANGELOG.md
    OUTPUT_FILE ${PROJECT_BINARY_DIR}/doc/changelog.gz COMMAND_ERROR_IS_FATAL ANY)
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/CHANGELOG.md)
endif()
foreach(part IN ITEMS BULKHEAD DEVELOPMENT PLUGINS)
  set(folder ${CMAKE_INSTALL_DATAROOTDIR}/doc/${CPACK_DEBIAN_${part}_PACKAGE_NAME})
  string(TOLOWER ${part} component)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE RENAME copyright DESTINATION ${folder} COMPONENT ${component})
  install(FILES ${PROJECT_BINARY_DIR}/doc/changelog.gz RENAME changelog.Debian.gz OPTIONAL
    DESTINATION ${folder} COMPONENT ${component})
endforeach()

include(CPack)
