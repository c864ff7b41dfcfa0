"""`perception adapt`: a bundle for another camera or city, or none if the old ones would suffer."""
