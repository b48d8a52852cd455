# Read by cpack. A package that looks for its worker elsewhere than it installs it would only work for programs beside it.
# (Tests make packages of a build for another place, to look at them: -D CPACK_BULKHEAD_ANY_PREFIX=ON.)
if(NOT CPACK_BULKHEAD_BUILT_FOR STREQUAL CPACK_PACKAGING_INSTALL_PREFIX AND NOT CPACK_BULKHEAD_ANY_PREFIX)
  message(FATAL_ERROR "this build is for ${CPACK_BULKHEAD_BUILT_FOR}, a Debian package installs to "
    "${CPACK_PACKAGING_INSTALL_PREFIX} (configure with --preset package, or -DCMAKE_INSTALL_PREFIX=/usr)")
endif()
# Each package has a summary of its own.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
