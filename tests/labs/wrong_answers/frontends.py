"""Wrong answers of lab 3: `(task, function, part of the hint)`."""

from labs.solutions.frontends import pareto_front


def with_bias(kernel_size, channels, filters, height, width):
    weights = (kernel_size**2 * channels + 1) * filters
    return weights, weights * height * width


def operations(kernel_size, channels, filters, height, width):
    weights = kernel_size**2 * channels * filters
    return weights, 2 * weights * height * width


def weights_twice(kernel_size, channels, filters, height, width):
    weights = kernel_size**2 * channels * filters
    return weights, weights


def depthwise_alone(kernel_size, channels, filters, height, width):
    weights = kernel_size**2 * channels
    return weights, weights * height * width


def pointwise_first(kernel_size, channels, filters, height, width):
    weights = kernel_size**2 * filters + channels * filters
    return weights, weights * height * width


def ordinary(kernel_size, channels, filters, height, width):
    weights = kernel_size**2 * channels * filters
    return weights, weights * height * width


def slow_is_good(latencies, scores):
    return pareto_front([-latency for latency in latencies], scores)


def beaten_by_itself(latencies, scores):
    pairs = list(zip(latencies, scores))
    return [not any(a <= latency and b >= score for a, b in pairs) for latency, score in pairs]


def beaten_in_both_only(latencies, scores):
    pairs = list(zip(latencies, scores))
    return [not any(a < latency and b > score for a, b in pairs) for latency, score in pairs]


def best_of_each(latencies, scores):
    return [latency == min(latencies) or score == max(scores) for latency, score in zip(latencies, scores)]


def positions(latencies, scores):
    return [number for number, kept in enumerate(pareto_front(latencies, scores)) if kept]


WRONG = [
    ("conv_cost", with_bias, "leave the bias out"),
    ("conv_cost", operations, "not as two"),
    ("conv_cost", weights_twice, "every output position"),
    ("separable_cost", depthwise_alone, "pointwise convolution is missing"),
    ("separable_cost", pointwise_first, "comes first"),
    ("separable_cost", ordinary, "ordinary convolution"),
    ("pareto_front", slow_is_good, "a low latency is good"),
    ("pareto_front", beaten_by_itself, "does not beat itself"),
    ("pareto_front", beaten_in_both_only, "equal in one"),
    ("pareto_front", best_of_each, "is right"),
    ("pareto_front", positions, "True or False"),
]
