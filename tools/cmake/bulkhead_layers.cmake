# The engine's layers, lowest first. A layer sees itself and those before it: what it may not know it cannot link
# in its own tests, so an arrow that points the wrong way fails the build of that layer's unit tests.
set(BULKHEAD_LAYERS support ipc protocol plugin worker process pool)

# bulkhead_layer(<name> <sources>...): one layer of the engine, as objects that end up in bulkhead_engine.
function(bulkhead_layer name)
  add_library(bulkhead_${name} OBJECT ${ARGN})
  target_include_directories(bulkhead_${name} PUBLIC
    ${PROJECT_SOURCE_DIR}/engine/src ${PROJECT_SOURCE_DIR}/engine/include)
  target_link_libraries(bulkhead_${name} PUBLIC bulkhead::sdk PRIVATE bulkhead_dev_flags)
  set_target_properties(bulkhead_${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# Puts into `out` the targets a test of `layer` may link: that layer and those below it.
function(bulkhead_layers_up_to layer out)
  set(targets "")
  foreach(name IN LISTS BULKHEAD_LAYERS)
    list(APPEND targets bulkhead_${name})
    if(name STREQUAL layer)
      break()
    endif()
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()
