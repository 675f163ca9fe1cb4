"""Keeps BLAS on one thread while a law is fitted."""

from threadpoolctl import threadpool_limits

one_thread = threadpool_limits.wrap(limits=1, user_api="blas")
"""Decorates a function whose products are of a few numbers: threads would wait for each other, on a busy machine ten
times as long as they compute."""
