"""What page Deployments is made of."""
