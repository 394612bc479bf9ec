"""What holds for all tests: each process computes with one thread, because pytest runs as many as there are cores.

The networks of the tests are so small that more threads would only wait for each other.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, and for the commands that tests start
