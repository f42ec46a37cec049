"""Forms about the plans of a customer: attach, change, cancel, with what is charged."""
