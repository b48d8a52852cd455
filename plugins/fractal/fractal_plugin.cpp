// Names the tasks of the fractal plugin. The tasks themselves are in fractal_tasks.cpp.
#include <bulkhead/plugin.hpp>

#include "fractal/fractal_types.hpp"

using bulkhead::task;

BULKHEAD_PLUGIN(
    "fractal", "1.0.0",
    task("mandelbrot", [](const fractal::Tile& tile,
                          bulkhead::TaskContext& call) { return fractal::mandelbrot(tile, [&call] { call.check(); }); })
        .doc("a rectangle of a picture of the Mandelbrot set: red, green and blue of each pixel")
        .params("tile")
        .example(bulkhead::json(R"({"view": {"center_x": 0, "center_y": 0, "width": 1, "columns": 2, "rows": 1,
                                             "iterations": 100}, "x": 0, "y": 0, "width": 1, "height": 1})"),
                 bulkhead::json(R"({"base64": "AAAA"})"))
        .idempotent(),
    task("sketch", &fractal::sketch)
        .doc("the Mandelbrot set in characters")
        .params("columns", "rows")
        .example(12, 5, "    ...:..\n ...,,@@@#.\n.@@@@@@@@;..\n ...,,@@@#.\n    ...:..")
        .idempotent())
