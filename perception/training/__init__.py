"""Training on partial labels. Needs torch; the runtime never imports it."""
