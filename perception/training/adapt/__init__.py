"""A trained network adapted to another camera or city: from few labelled frames, or from unlabelled ones."""
