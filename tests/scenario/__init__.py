"""`make scenario FILE=x.yaml`: faults and expectations, written down, run on the real functions and state machines."""
