"""The local stack: the deployed template, its front port and its doubles on one machine."""
