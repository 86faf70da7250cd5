"""`/metrics`: the figures of the installation for a monitoring system, in the text format of Prometheus."""
