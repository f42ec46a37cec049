"""Those who use the dashboard: users, caps on what support may grant, approvals."""
