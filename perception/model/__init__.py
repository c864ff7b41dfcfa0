"""The network: one encoder, one neck, a head a task. Needs torch; the runtime never imports it."""
