"""`perception mtl prune`: a bundle whose shared encoder has fewer channels."""
