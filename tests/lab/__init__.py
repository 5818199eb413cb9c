"""The lab: an embedded AWS with two simulated CLUSTERPRO nodes, in one process on one loopback port.

`python -m lab` starts it (with `tests` on PYTHONPATH); `lab.client.Lab` starts it from a test. README.md beside this
file says what is real, what is simulated and how the parts fit together.
"""
