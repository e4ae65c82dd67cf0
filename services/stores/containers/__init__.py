"""The tools that run containers: Docker's compose, and kubectl."""
