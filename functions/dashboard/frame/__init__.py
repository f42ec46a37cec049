"""What all pages of the dashboard rest on: who visits, headers, templates, navigation."""
