"""Behind the page Lab: settings of an experiment, the knobs that turn them, and the processes that compute them."""
