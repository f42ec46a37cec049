"""The page of one customer: its tabs, and the forms about what it holds."""
