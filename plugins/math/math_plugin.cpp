// Names the tasks of the math plugin. The tasks themselves are in math_tasks.cpp.
#include <bulkhead/plugin.hpp>

#include "math/math_tasks.hpp"

using bulkhead::task;

BULKHEAD_PLUGIN("math", "1.0.0", task("add", &math::add).doc("a + b, an error when it does not fit").params("a", "b"),
                task("sub", &math::sub).doc("a - b, an error when it does not fit").params("a", "b"),
                task("mul", &math::mul).doc("a * b, an error when it does not fit").params("a", "b"),
                task("divide", &math::divide).doc("a / b towards zero, an error when b is 0").params("a", "b"),
                task("square", &math::square).doc("x * x, an error when it does not fit").params("x"),
                task("sqrt", &math::sqrt).doc("the square root of a number that is not negative").params("x"),
                task("hypot", &math::hypot).doc("the length of the vector (x, y)").params("x", "y"),
                task("sum", &math::sum).doc("the sum of a list, added from left to right").params("values"),
                task("primes_below", &math::primes_below).doc("all primes below a limit").params("limit"),
                task("fibonacci", &math::fibonacci).doc("the n-th Fibonacci number, n up to 93").params("n"))
