"""The guests of the simulated instances: real `sh` processes in a directory, with simulated commands first in PATH."""
