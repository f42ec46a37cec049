"""The list of customers: filters, saved views, export, the form for a new one."""
