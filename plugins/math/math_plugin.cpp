// Names the tasks of the math plugin. The tasks themselves are in math_tasks.cpp.
#include <array>
#include <bulkhead/plugin.hpp>

#include "math/math_tasks.hpp"

using bulkhead::task;

BULKHEAD_PLUGIN(
    "math", "1.0.0",
    task("add", &math::add).doc("a + b, an error when it does not fit").params("a", "b").example(2, 3, 5),
    task("sub", &math::sub).doc("a - b, an error when it does not fit").params("a", "b").example(2, 3, -1),
    task("mul", &math::mul).doc("a * b, an error when it does not fit").params("a", "b").example(-4, 5, -20),
    task("divide", &math::divide).doc("a / b towards zero, an error when b is 0").params("a", "b").example(-7, 2, -3),
    task("square", &math::square).doc("x * x, an error when it does not fit").params("x").example(12, 144),
    task("sqrt", &math::sqrt)
        .doc("the square root of a number that is not negative")
        .params("x")
        .example(2, 1.4142135623730951),
    task("hypot", &math::hypot).doc("the length of the vector (x, y)").params("x", "y").example(3, 4, 5),
    task("sum", &math::sum)
        .doc("the sum of a list, added from left to right")
        .params("values")
        .example(std::array{1.5, 2.5}, 4),
    task("primes_below", &math::primes_below)
        .doc("all primes below a limit")
        .params("limit")
        .example(20, std::array{2, 3, 5, 7, 11, 13, 17, 19}),
    task("fibonacci", &math::fibonacci).doc("the n-th Fibonacci number, n up to 93").params("n").example(10, 55))
