"""Compile what the stages need for this machine: `python -m perception.stages`."""

from perception.stages.warm import warm_up

if __name__ == "__main__":
    warm_up()
